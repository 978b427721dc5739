/* SPDX-License-Identifier: MIT
 *
 * Header frames: the prefix, every rule of fields.def at its exact offset, the kept constant part against a fresh
 * context, the walk over all values, and building. A `^` in a case marks the byte at which the error must be; it is
 * taken out before parsing.
 */
#include "support.h"

#include <time.h>

#include "craft.h"
#include "header/fields.h"

/** Where the headers stand in the file, so that an offset that forgets it is seen. */
#define BASE UINT64_C(1000)

#define TOOL "\"tool\":{\"name\":\"snapjar\",\"version\":\"0.1.0\"}"
#define ZEROS "00000000000000000000000000000000"
#define CONSTANT                                                                                                       \
    "\"format_version\":1,\"type\":\"app:T\",\"schema_version\":3,\"build\":{" TOOL                                    \
    ",\"app\":\"etl\",\"version\":\"1\",\"commit\":\"c\",\"python\":\"3.11\",\"platform\":\"linux\","                  \
    "\"packages\":{\"numpy\":\"1.26\"}},\"layout\":{\"app:T\":[\"a\",\"b\"]},"                                         \
    "\"labels\":{\"job\":\"x\",\"n\":1,\"r\":1.5,\"b\":true,\"z\":null},"                                              \
    "\"history\":[{\"from\":1,\"to\":2,\"when\":\"2026-01-01T00:00:00Z\",\"by\":\"me\"}],\"requires\":[]"
#define STREAM ",\"stream\":{\"id\":\"0123456789abcdef0123456789abcdef\",\"index\":0,\"previous\":null}"
#define VARYING                                                                                                        \
    ",\"created\":\"2026-01-31T12:00:00Z\",\"payload\":{\"content_type\":\"pickle\",\"protocol\":4,"                   \
    "\"string_encoding\":\"latin1\",\"compression\":\"zstd\",\"frame_size\":65536,\"size\":320,\"pickle_size\":100,"   \
    "\"stored_size\":340,\"checksum\":\"xxh3-128:0123456789abcdef0123456789abcdef\","                                  \
    "\"content_checksum\":\"xxh3-128:fedcba9876543210fedcba9876543210\","                                              \
    "\"buffers\":[{\"offset\":128,\"size\":65},{\"offset\":256,\"size\":64}]}"

/** Without a stream, so that its constant part is kept; and with one. */
static const char plain[] = "{" CONSTANT VARYING "}";
static const char streamed[] = "{" CONSTANT STREAM VARYING "}";

#define BUFFERS ",\"buffers\":[{\"offset\":128,\"size\":65},{\"offset\":256,\"size\":64}]"

/* As `plain` without buffers, as most headers are: there is a short way to read those. */
static char *simple_header(void)
{
    char *bare = edit(plain, BUFFERS, "");
    char *simple = edit(bare, "\"pickle_size\":100", "\"pickle_size\":320");

    free(bare);
    return simple;
}

static snapjar_context *fresh_context(void)
{
    snapjar_context *context = NULL;

    assert_ok(snapjar_context_new(&context, NULL, err));
    return context;
}

static snapjar_limits resolved_limits(void)
{
    snapjar_limits limits;

    assert_ok(sj_limits_resolve(&limits, NULL, err));
    return limits;
}

/* Parses `size` bytes of JSON in a header frame at BASE, in a block of its own size. */
static snapjar_status parse_sized(snapjar_header **header, snapjar_context *context, const void *json, size_t size,
                                  const snapjar_limits *limits, snapjar_error *fault)
{
    snapjar_limits defaults = resolved_limits();
    blob frame = craft_header(json, size, 0);
    sj_prefix prefix;

    snapjar_status status = sj_prefix_read(&prefix, frame.bytes, frame.size, BASE, false, fault);
    if (status == SNAPJAR_OK)
        status = sj_prefix_check(&prefix, frame.bytes, BASE, fault);
    if (status == SNAPJAR_OK)
        status = sj_header_parse(header, context, &prefix, frame.bytes, BASE, limits ? limits : &defaults, fault);
    free(frame.bytes);
    return status;
}

static snapjar_status parse(snapjar_header **header, snapjar_context *context, const char *json, snapjar_error *fault)
{
    return parse_sized(header, context, json, strlen(json), NULL, fault);
}

/* White space of all four kinds around every token outside strings: no two readers may differ on it. */
static char *spread(const char *json)
{
    static const char *const spaces[] = {" ", "\n", "\t\r", "  \n"};
    char *out = malloc(4 * strlen(json) + 16);
    char *p = out;
    bool in_string = false;
    size_t turn = 0;

    assert_non_null(out);
    for (; *json; json++) {
        if (!in_string && strchr("{}[]:,", *json)) {
            if (p == out || p[-1] != '^')
                p = stpcpy(p, spaces[turn++ % 4]);
            *p++ = *json;
            p = stpcpy(p, spaces[turn++ % 4]);
            continue;
        }
        if (in_string && *json == '\\')
            *p++ = *json++;
        else if (*json == '"')
            in_string = !in_string;
        *p++ = *json;
    }
    *p = '\0';
    return out;
}

static void assert_text(snapjar_text a, snapjar_text b)
{
    assert_int_equal(a.size, b.size);
    if (a.size)
        assert_memory_equal(a.data, b.data, a.size);
}

static void assert_same_header(const snapjar_header *a, const snapjar_header *b)
{
    size_t count_a = 0;
    size_t count_b = 0;

    assert_int_equal(snapjar_header_format_version(a), snapjar_header_format_version(b));
    assert_text(snapjar_header_type(a), snapjar_header_type(b));
    assert_int_equal(snapjar_header_schema_version(a), snapjar_header_schema_version(b));
    assert_text(snapjar_header_created(a), snapjar_header_created(b));
    assert_int_equal(snapjar_header_protocol(a), snapjar_header_protocol(b));
    assert_int_equal(snapjar_header_string_encoding(a), snapjar_header_string_encoding(b));
    assert_int_equal(snapjar_header_frame_size(a), snapjar_header_frame_size(b));
    assert_int_equal(snapjar_header_size(a), snapjar_header_size(b));
    assert_int_equal(snapjar_header_pickle_size(a), snapjar_header_pickle_size(b));
    assert_int_equal(snapjar_header_stored_size(a), snapjar_header_stored_size(b));
    assert_memory_equal(snapjar_header_checksum(a), snapjar_header_checksum(b), SJ_CHECKSUM_SIZE);
    assert_memory_equal(snapjar_header_content_checksum(a), snapjar_header_content_checksum(b), SJ_CHECKSUM_SIZE);
    const snapjar_buffer_span *spans_a = snapjar_header_buffers(a, &count_a);
    const snapjar_buffer_span *spans_b = snapjar_header_buffers(b, &count_b);
    assert_int_equal(count_a, count_b);
    if (count_a)
        assert_memory_equal(spans_a, spans_b, count_a * sizeof(*spans_a));
    assert_text(snapjar_header_json(a), snapjar_header_json(b));
    assert_int_equal(snapjar_header_seal_size(a), snapjar_header_seal_size(b));
    assert_int_equal(a->has_stream, b->has_stream);
    assert_int_equal(a->stream_index, b->stream_index);
    assert_text(a->stream_id, b->stream_id);
    assert_int_equal(a->has_stream_previous, b->has_stream_previous);
    if (a->has_stream_previous)
        assert_memory_equal(a->stream_previous, b->stream_previous, SJ_CHECKSUM_SIZE);
}

/* ---- the prefix ---- */

static void test_prefix_reads(void **state)
{
    blob frame = craft_header("{}", 2, 5);
    sj_prefix prefix;

    (void)state;
    frame.bytes[19] = 0x7f; /* flags that may be ignored */
    craft_checksum(frame.bytes, frame.size);
    assert_ok(sj_prefix_read(&prefix, frame.bytes, frame.size, BASE, true, err));
    assert_ok(sj_prefix_check(&prefix, frame.bytes, BASE, err));
    assert_int_equal(prefix.format_version, 1);
    assert_int_equal(prefix.flags, 0x7f00);
    assert_int_equal(prefix.json_size, 2);
    assert_int_equal(prefix.seal_size, 5);
    assert_int_equal(sj_prefix_frame_size(&prefix), 51);
    assert_memory_equal(prefix.checksum, frame.bytes + 28, SJ_CHECKSUM_SIZE);
    assert_int_equal(sj_prefix_read(&prefix, frame.bytes, frame.size, 0, true, NULL), SNAPJAR_OK);
    assert_int_equal(sj_prefix_check(&prefix, frame.bytes, 0, NULL), SNAPJAR_OK);
    free(frame.bytes);
}

static void test_prefix_writes_what_it_reads(void **state)
{
    uint8_t frame[SJ_PREFIX_SIZE + 7] = {0};
    blob wanted = craft_header("{\"a\":1}", 7, 0);

    (void)state;
    memcpy(frame + SJ_PREFIX_SIZE, "{\"a\":1}", 7);
    sj_prefix_write(frame, 7, 0);
    assert_memory_equal(frame, wanted.bytes, sizeof(frame));
    free(wanted.bytes);
}

static void test_prefix_cut_short(void **state)
{
    blob frame = craft_header("{}", 2, 0);
    sj_prefix prefix;
    snapjar_error fault;

    (void)state;
    for (size_t size = 0; size < SJ_PREFIX_SIZE; size++) {
        blob part = blob_copy(frame.bytes, size);
        for (int first = 0; first < 2; first++)
            assert_fault(sj_prefix_read(&prefix, part.bytes, size, BASE, first, &fault), &fault, SNAPJAR_CUT_SHORT,
                         SNAPJAR_DIAG_HEADER_CUT_SHORT, SNAPJAR_SPACE_FILE, BASE + size);
        free(part.bytes);
    }
    assert_ok(sj_prefix_read(&prefix, frame.bytes, SJ_PREFIX_SIZE, BASE, true, err));
    free(frame.bytes);
}

/* `bytes` where a record must begin. */
static void expect_magic(const void *bytes, size_t size, bool is_first, snapjar_status status,
                         snapjar_diagnostic diagnostic, uint64_t offset)
{
    blob copy = blob_copy(bytes, size);
    sj_prefix prefix;
    snapjar_error fault;

    assert_fault(sj_prefix_read(&prefix, copy.bytes, size, BASE, is_first, &fault), &fault, status, diagnostic,
                 SNAPJAR_SPACE_FILE, BASE + offset);
    free(copy.bytes);
}

static void test_prefix_foreign(void **state)
{
    static const char text[] = "this is no snapshot at all, and never was one before";

    (void)state;
    for (size_t size = 1; size < sizeof(text); size++) {
        expect_magic(text, size, true, SNAPJAR_WRONG_FORMAT, SNAPJAR_DIAG_NOT_SNAPJAR, 0);
        expect_magic(text, size, false, SNAPJAR_DAMAGED, SNAPJAR_DIAG_TRAILING_GARBAGE, 0);
    }
}

static void test_prefix_damaged_magic(void **state)
{
    static const struct {
        const char *magic;
        size_t size;
        snapjar_diagnostic diagnostic;
    } forms[] = {
        {"\x89SJR\n\x1a\n", 7, SNAPJAR_DIAG_TEXT_MODE_DAMAGE},
        {"\x89SJR\r\r\n\x1a\r\n", 10, SNAPJAR_DIAG_TEXT_MODE_DAMAGE},
        {"\x89SJR\r\n\x1a\r\n", 9, SNAPJAR_DIAG_TEXT_MODE_DAMAGE},
        {"\x89SJR\r\r\x1a\r", 8, SNAPJAR_DIAG_TEXT_MODE_DAMAGE},
        {"\x09SJR\r\n\x1a\n", 8, SNAPJAR_DIAG_SEVEN_BIT_DAMAGE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        uint8_t bytes[64] = {0x53, 0x2a, 0x4d, 0x18, 0x40};
        memcpy(bytes + 8, forms[i].magic, forms[i].size);
        expect_magic(bytes, sizeof(bytes), true, SNAPJAR_DAMAGED, forms[i].diagnostic, 0);
        expect_magic(bytes, 8 + forms[i].size, true, SNAPJAR_DAMAGED, forms[i].diagnostic, 0);
    }
}

static void test_prefix_shifted(void **state)
{
    blob frame = craft_header("{}", 2, 0);

    (void)state;
    for (size_t shift = 1; shift <= 60; shift++) {
        uint8_t bytes[160];
        memset(bytes, '-', sizeof(bytes));
        memcpy(bytes + shift, frame.bytes, frame.size);
        /* The magic must lie whole in the first 64 bytes. */
        if (shift + 16 <= 64)
            expect_magic(bytes, sizeof(bytes), true, SNAPJAR_DAMAGED, SNAPJAR_DIAG_MAGIC_SHIFTED, shift + 8);
        else
            expect_magic(bytes, sizeof(bytes), true, SNAPJAR_WRONG_FORMAT, SNAPJAR_DIAG_NOT_SNAPJAR, 0);
    }
    for (size_t lost = 1; lost <= 8; lost++)
        expect_magic(frame.bytes + lost, frame.size - lost, true, SNAPJAR_DAMAGED, SNAPJAR_DIAG_MAGIC_SHIFTED,
                     8 - lost);
    free(frame.bytes);
}

static void test_prefix_sizes(void **state)
{
    static const size_t fields[] = {4, 20, 24};
    sj_prefix prefix;
    snapjar_error fault;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        for (unsigned bit = 0; bit < 32; bit++) {
            blob frame = craft_header("{}", 2, 0);
            frame.bytes[fields[i] + bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_fault(sj_prefix_read(&prefix, frame.bytes, frame.size, BASE, true, &fault), &fault, SNAPJAR_DAMAGED,
                         SNAPJAR_DIAG_FRAME_SIZE_DAMAGED, SNAPJAR_SPACE_FILE, BASE + 4);
            free(frame.bytes);
        }
    }
}

static void test_prefix_largest_frame(void **state)
{
    blob frame = craft_header("{}", 2, 0);
    uint32_t largest = (16u << 20) - 44;
    sj_prefix prefix;
    snapjar_error fault;

    (void)state;
    for (uint32_t over = 0; over < 3; over++) {
        sj_write_le32(frame.bytes + 4, 36 + largest - 1 + over);
        sj_write_le32(frame.bytes + 20, 1);
        sj_write_le32(frame.bytes + 24, largest - 2 + over);
        snapjar_status status = sj_prefix_read(&prefix, frame.bytes, frame.size, BASE, true, &fault);
        if (over < 2)
            assert_int_equal(status, SNAPJAR_OK);
        else
            assert_fault(status, &fault, SNAPJAR_DAMAGED, SNAPJAR_DIAG_FRAME_SIZE_DAMAGED, SNAPJAR_SPACE_FILE,
                         BASE + 4);
    }
    /* Sizes whose sum wraps 32 bits. */
    sj_write_le32(frame.bytes + 4, 36 + 2);
    sj_write_le32(frame.bytes + 20, UINT32_MAX);
    sj_write_le32(frame.bytes + 24, 3);
    assert_fault(sj_prefix_read(&prefix, frame.bytes, frame.size, BASE, true, &fault), &fault, SNAPJAR_DAMAGED,
                 SNAPJAR_DIAG_FRAME_SIZE_DAMAGED, SNAPJAR_SPACE_FILE, BASE + 4);
    free(frame.bytes);
}

static void test_prefix_checksum(void **state)
{
    sj_prefix prefix;
    snapjar_error fault;

    (void)state;
    for (size_t at = 16; at < 60; at++) {
        blob frame = craft_header("{\"abcdef\":1}", 12, 4);
        /* Sizes are believed only as far as they agree, so they are left alone. */
        if (at < 20 || at >= 28) {
            frame.bytes[at] ^= 0x20;
            assert_ok(sj_prefix_read(&prefix, frame.bytes, frame.size, BASE, true, err));
            assert_fault(sj_prefix_check(&prefix, frame.bytes, BASE, &fault), &fault, SNAPJAR_DAMAGED,
                         SNAPJAR_DIAG_HEADER_CHECKSUM_MISMATCH, SNAPJAR_SPACE_FILE, BASE + 28);
        }
        free(frame.bytes);
    }
}

/* A frame whose u16 at `at` is `value` and whose checksum holds. */
static snapjar_status check_u16(size_t at, uint16_t value, snapjar_error *fault)
{
    blob frame = craft_header("{}", 2, 0);
    sj_prefix prefix;

    sj_write_le16(frame.bytes + at, value);
    craft_checksum(frame.bytes, frame.size);
    assert_ok(sj_prefix_read(&prefix, frame.bytes, frame.size, BASE, true, err));
    snapjar_status status = sj_prefix_check(&prefix, frame.bytes, BASE, fault);
    free(frame.bytes);
    return status;
}

static void test_prefix_version_and_flags(void **state)
{
    static const uint16_t versions[] = {0, 2, 256, 257, 65535};
    snapjar_error fault;

    (void)state;
    for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++)
        assert_fault(check_u16(16, versions[i], &fault), &fault, SNAPJAR_UNSUPPORTED, SNAPJAR_DIAG_UNSUPPORTED_VERSION,
                     SNAPJAR_SPACE_FILE, BASE + 16);
    for (unsigned bit = 0; bit < 16; bit++) {
        snapjar_status status = check_u16(18, (uint16_t)(1u << bit), &fault);
        if (bit >= 8)
            assert_int_equal(status, SNAPJAR_OK);
        else
            assert_fault(status, &fault, SNAPJAR_UNSUPPORTED, SNAPJAR_DIAG_UNKNOWN_FLAGS, SNAPJAR_SPACE_FILE,
                         BASE + 18);
    }
}

static void test_trailer(void **state)
{
    static const uint8_t sum[SJ_CHECKSUM_SIZE] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    static const uint8_t wanted[SJ_TRAILER_SIZE] = {0x54, 0x2a, 0x4d, 0x18, 16, 0, 0, 0, 0xef, 0xcd, 0xab, 0x89,
                                                    0x67, 0x45, 0x23, 0x01, 1,  2, 3, 4, 5,    6,    7,    8};
    uint8_t bytes[SJ_TRAILER_SIZE];

    (void)state;
    sj_trailer_write(bytes, UINT64_C(0x0123456789abcdef), sum);
    assert_memory_equal(bytes, wanted, sizeof(wanted));
    assert_int_equal(sj_trailer_record_size(bytes), UINT64_C(0x0123456789abcdef));
    for (size_t i = 0; i < 8; i++) {
        bytes[i] ^= 1;
        assert_int_equal(sj_trailer_record_size(bytes), 0);
        bytes[i] ^= 1;
    }
}

/* ---- fields ---- */

typedef struct field_case {
    /** What is replaced in the template and by what; then once more. One of the four holds a `^`, or none if it is
     * right. */
    const char *find;
    const char *with;
    const char *find2;
    const char *with2;
    snapjar_diagnostic diagnostic;
    /** fault.place, or NULL: not looked at. */
    const char *place;
} field_case;

#define MISSING SNAPJAR_DIAG_FIELD_MISSING
#define TYPE SNAPJAR_DIAG_FIELD_TYPE
#define VALUE SNAPJAR_DIAG_FIELD_VALUE
#define MISMATCH SNAPJAR_DIAG_FIELD_MISMATCH

static const field_case plain_cases[] = {
    {"\"format_version\":1,", "", "{", "^{", MISSING, ""},
    {"\"format_version\":1", "\"format_version\":^\"1\"", NULL, NULL, TYPE, "format_version"},
    {"\"format_version\":1", "\"format_version\":^1.0", NULL, NULL, TYPE, "format_version"},
    {"\"format_version\":1", "\"format_version\":^2", NULL, NULL, MISMATCH, "format_version"},
    {"\"format_version\":1", "\"format_version\":^0", NULL, NULL, MISMATCH, "format_version"},
    {"\"format_version\":1", "\"format_version\":^65537", NULL, NULL, MISMATCH, "format_version"},
    {"\"type\":\"app:T\",", "", "{", "^{", MISSING, ""},
    {"\"app:T\"", "^7", NULL, NULL, TYPE, "type"},
    {"\"app:T\"", "^null", NULL, NULL, TYPE, "type"},
    {"\"app:T\"", "^\"\"", NULL, NULL, VALUE, "type"},
    {"\"schema_version\":3,", "", "{", "^{", MISSING, ""},
    {"\"schema_version\":3", "\"schema_version\":^true", NULL, NULL, TYPE, "schema_version"},
    {"\"schema_version\":3", "\"schema_version\":^3.0", NULL, NULL, TYPE, "schema_version"},
    {"\"schema_version\":3", "\"schema_version\":^-1", NULL, NULL, VALUE, "schema_version"},
    {"\"schema_version\":3", "\"schema_version\":^9223372036854775808", NULL, NULL, SNAPJAR_DIAG_JSON_NUMBER_RANGE,
     NULL},
    {"\"build\":{", "\"builder\":{", "{", "^{", MISSING, ""},
    {"{" TOOL, "^[{" TOOL, "\"1.26\"}}", "\"1.26\"}}]", TYPE, "build"},
    {"{" TOOL ",", "^{", NULL, NULL, MISSING, "build"},
    {TOOL, "\"tool\":^\"snapjar\"", NULL, NULL, TYPE, "build.tool"},
    {"{\"name\":\"snapjar\",", "^{", NULL, NULL, MISSING, "build.tool"},
    {"\"name\":\"snapjar\"", "\"name\":^1", NULL, NULL, TYPE, "build.tool.name"},
    {"{\"name\":\"snapjar\",\"version\":\"0.1.0\"}", "^{\"name\":\"snapjar\"}", NULL, NULL, MISSING, "build.tool"},
    {"\"version\":\"0.1.0\"", "\"version\":^null", NULL, NULL, TYPE, "build.tool.version"},
    {"\"app\":\"etl\"", "\"app\":^1", NULL, NULL, TYPE, "build.app"},
    {"\"version\":\"1\"", "\"version\":^1", NULL, NULL, TYPE, "build.version"},
    {"\"commit\":\"c\"", "\"commit\":^[]", NULL, NULL, TYPE, "build.commit"},
    {"\"python\":\"3.11\"", "\"python\":^3.11", NULL, NULL, TYPE, "build.python"},
    {"\"platform\":\"linux\"", "\"platform\":^{}", NULL, NULL, TYPE, "build.platform"},
    {"{\"numpy\":\"1.26\"}", "^[]", NULL, NULL, TYPE, "build.packages"},
    {"\"numpy\":\"1.26\"", "\"numpy\":^1.26", NULL, NULL, TYPE, "build.packages.numpy"},
    {"{\"app:T\":[\"a\",\"b\"]}", "^[]", NULL, NULL, TYPE, "layout"},
    {"[\"a\",\"b\"]", "^\"a\"", NULL, NULL, TYPE, "layout.app:T"},
    {"[\"a\",\"b\"]", "[\"a\",^1]", NULL, NULL, TYPE, "layout.app:T[1]"},
    {"[\"a\",\"b\"]", "[\"b\",^\"a\"]", NULL, NULL, VALUE, "layout.app:T[1]"},
    {"[\"a\",\"b\"]", "[\"a\",^\"a\"]", NULL, NULL, VALUE, "layout.app:T[1]"},
    {"[\"a\",\"b\"]", "[\"ab\",^\"a\"]", NULL, NULL, VALUE, "layout.app:T[1]"},
    {"[\"a\",\"b\"]", "[\"\xc3\xa9\",^\"z\"]", NULL, NULL, VALUE, "layout.app:T[1]"},
    {"{\"job\":\"x\",\"n\":1,\"r\":1.5,\"b\":true,\"z\":null}", "^[]", NULL, NULL, TYPE, "labels"},
    {"\"job\":\"x\"", "\"job\":^[]", NULL, NULL, TYPE, "labels.job"},
    {"\"z\":null", "\"z\":^{}", NULL, NULL, TYPE, "labels.z"},
    {"\"r\":1.5", "\"r\":^1e999", NULL, NULL, SNAPJAR_DIAG_JSON_NUMBER_RANGE, NULL},
    {"\"history\":[{", "\"history\":^{\"a\":[{", "\"me\"}]", "\"me\"}]}", TYPE, "history"},
    {"\"history\":[", "\"history\":[^1,", NULL, NULL, TYPE, "history[0]"},
    {"{\"from\":1,", "^{", NULL, NULL, MISSING, "history[0]"},
    {"\"from\":1", "\"from\":^\"1\"", NULL, NULL, TYPE, "history[0].from"},
    {"\"from\":1", "\"from\":^-1", NULL, NULL, VALUE, "history[0].from"},
    {"{\"from\":1,\"to\":2,", "^{\"from\":1,", NULL, NULL, MISSING, "history[0]"},
    {"\"to\":2", "\"to\":^2.0", NULL, NULL, TYPE, "history[0].to"},
    {"\"to\":2", "\"to\":^-9223372036854775808", NULL, NULL, VALUE, "history[0].to"},
    {"\"when\":\"2026-01-01T00:00:00Z\",", "", "[{\"from\"", "[^{\"from\"", MISSING, "history[0]"},
    {"\"when\":\"2026-01-01T00:00:00Z\"", "\"when\":^0", NULL, NULL, TYPE, "history[0].when"},
    {"\"when\":\"2026-01-01T00:00:00Z\"", "\"when\":^\"2026-01-01\"", NULL, NULL, VALUE, "history[0].when"},
    {",\"by\":\"me\"", "", "[{\"from\"", "[^{\"from\"", MISSING, "history[0]"},
    {"\"by\":\"me\"", "\"by\":^null", NULL, NULL, TYPE, "history[0].by"},
    {"\"me\"}]", "\"me\"},{\"from\":2,\"to\":^null}]", NULL, NULL, TYPE, "history[1].to"},
    {"\"requires\":[]", "\"requires\":^\"x\"", NULL, NULL, TYPE, "requires"},
    {"\"requires\":[]", "\"requires\":[^1]", NULL, NULL, TYPE, "requires[0]"},
    {"\"requires\":[]", "\"requires\":[^\"x\"]", NULL, NULL, SNAPJAR_DIAG_UNKNOWN_REQUIREMENT, "requires[0]"},
    /* A newer record is called newer, whatever else it looks like. */
    {"\"requires\":[]", "\"requires\":[^\"x\",1]", "\"type\":\"app:T\"", "\"type\":[]",
     SNAPJAR_DIAG_UNKNOWN_REQUIREMENT, NULL},
    {",\"created\":\"2026-01-31T12:00:00Z\"", "", "{", "^{", MISSING, ""},
    {"\"2026-01-31T12:00:00Z\"", "^0", NULL, NULL, TYPE, "created"},
    {"2026-01-31T12:00:00Z\"", "2026-01-31T12:00:00\"", "\"created\":", "\"created\":^", VALUE, "created"},
    {"\"payload\":{", "\"payloads\":{", "{", "^{", MISSING, ""},
    {"\"payload\":{", "\"payload\":^[{", "\"size\":64}]}", "\"size\":64}]}]", TYPE, "payload"},
    {"{\"content_type\":\"pickle\",", "^{", NULL, NULL, MISSING, "payload"},
    {"\"content_type\":\"pickle\"", "\"content_type\":^5", NULL, NULL, TYPE, "payload.content_type"},
    {"\"content_type\":\"pickle\"", "\"content_type\":^\"json\"", NULL, NULL, VALUE, "payload.content_type"},
    {"\"content_type\":\"pickle\"", "\"content_type\":^\"pickle2\"", NULL, NULL, VALUE, "payload.content_type"},
    {"\"protocol\":4,", "", "\"payload\":", "\"payload\":^", MISSING, "payload"},
    {"\"protocol\":4", "\"protocol\":^\"4\"", NULL, NULL, TYPE, "payload.protocol"},
    {"\"protocol\":4", "\"protocol\":^-1", NULL, NULL, VALUE, "payload.protocol"},
    {"\"protocol\":4", "\"protocol\":^6", NULL, NULL, VALUE, "payload.protocol"},
    {"\"protocol\":4", "\"protocol\":^4294967300", NULL, NULL, VALUE, "payload.protocol"},
    {"\"latin1\"", "^1", NULL, NULL, TYPE, "payload.string_encoding"},
    {"\"latin1\"", "^\"Latin1\"", NULL, NULL, VALUE, "payload.string_encoding"},
    {"\"latin1\"", "^\"utf8\"", NULL, NULL, VALUE, "payload.string_encoding"},
    {"\"compression\":\"zstd\",", "", "\"payload\":", "\"payload\":^", MISSING, "payload"},
    {"\"compression\":\"zstd\"", "\"compression\":^[]", NULL, NULL, TYPE, "payload.compression"},
    {"\"compression\":\"zstd\"", "\"compression\":^\"zst\"", NULL, NULL, VALUE, "payload.compression"},
    {"\"frame_size\":65536,", "", "\"payload\":", "\"payload\":^", MISSING, "payload"},
    {"\"frame_size\":65536", "\"frame_size\":^65536.0", NULL, NULL, TYPE, "payload.frame_size"},
    {"\"frame_size\":65536", "\"frame_size\":^32768", NULL, NULL, VALUE, "payload.frame_size"},
    {"\"frame_size\":65536", "\"frame_size\":^65535", NULL, NULL, VALUE, "payload.frame_size"},
    {"\"frame_size\":65536", "\"frame_size\":^65537", NULL, NULL, VALUE, "payload.frame_size"},
    {"\"frame_size\":65536", "\"frame_size\":^8388607", NULL, NULL, VALUE, "payload.frame_size"},
    {"\"frame_size\":65536", "\"frame_size\":^16777216", NULL, NULL, VALUE, "payload.frame_size"},
    {"\"frame_size\":65536", "\"frame_size\":^0", NULL, NULL, VALUE, "payload.frame_size"},
    {"\"frame_size\":65536", "\"frame_size\":^-65536", NULL, NULL, VALUE, "payload.frame_size"},
    {"\"frame_size\":65536", "\"frame_size\":^4295032832", NULL, NULL, VALUE, "payload.frame_size"},
    {"\"size\":320,", "", "\"payload\":", "\"payload\":^", MISSING, "payload"},
    {"\"size\":320", "\"size\":^320.0", NULL, NULL, TYPE, "payload.size"},
    {"\"size\":320", "\"size\":^0", NULL, NULL, SNAPJAR_DIAG_CONTENT_EMPTY, "payload.size"},
    {"\"size\":320", "\"size\":^-1", NULL, NULL, VALUE, "payload.size"},
    {"\"pickle_size\":100,", "", "\"payload\":", "\"payload\":^", MISSING, "payload"},
    {"\"pickle_size\":100", "\"pickle_size\":^\"\"", NULL, NULL, TYPE, "payload.pickle_size"},
    {"\"pickle_size\":100", "\"pickle_size\":^0", NULL, NULL, SNAPJAR_DIAG_CONTENT_EMPTY, "payload.pickle_size"},
    {"\"pickle_size\":100", "\"pickle_size\":^-5", NULL, NULL, VALUE, "payload.pickle_size"},
    {"\"stored_size\":340,", "", "\"payload\":", "\"payload\":^", MISSING, "payload"},
    {"\"stored_size\":340", "\"stored_size\":^null", NULL, NULL, TYPE, "payload.stored_size"},
    {"\"stored_size\":340", "\"stored_size\":^0", NULL, NULL, VALUE, "payload.stored_size"},
    {"\"stored_size\":340", "\"stored_size\":^-340", NULL, NULL, VALUE, "payload.stored_size"},
    {"\"checksum\":\"xxh3-128:0123456789abcdef0123456789abcdef\",", "", "\"payload\":", "\"payload\":^", MISSING,
     "payload"},
    {"\"checksum\":\"xxh3-128:0123456789abcdef0123456789abcdef\"", "\"checksum\":^128", NULL, NULL, TYPE,
     "payload.checksum"},
    {"\"xxh3-128:0123", "^\"xxh3-128:012", NULL, NULL, VALUE, "payload.checksum"},
    {"\"xxh3-128:0123", "^\"xxh3-128:01230", NULL, NULL, VALUE, "payload.checksum"},
    {"\"xxh3-128:0123", "^\"xxh3-128:012G", NULL, NULL, VALUE, "payload.checksum"},
    {"\"xxh3-128:0123456789abcdef", "^\"xxh3-128:0123456789ABCDEF", NULL, NULL, VALUE, "payload.checksum"},
    {"\"xxh3-128:0123", "^\"XXH3-128:0123", NULL, NULL, VALUE, "payload.checksum"},
    {"\"content_checksum\":", "\"content_checksums\":", "\"payload\":", "\"payload\":^", MISSING, "payload"},
    {"\"content_checksum\":\"xxh3-128:fedc", "\"content_checksum\":^\"xxh3-128:fed/", NULL, NULL, VALUE,
     "payload.content_checksum"},
    {"\"content_checksum\":\"xxh3-128:fedcba9876543210fedcba9876543210\"", "\"content_checksum\":^[]", NULL, NULL, TYPE,
     "payload.content_checksum"},
    {"\"buffers\":[{", "\"buffers\":^{\"a\":[{", "64}]}", "64}]}}", TYPE, "payload.buffers"},
    {"\"buffers\":[", "\"buffers\":[^1,", NULL, NULL, TYPE, "payload.buffers[0]"},
    {"{\"offset\":128,", "^{", NULL, NULL, MISSING, "payload.buffers[0]"},
    {"\"offset\":128", "\"offset\":^\"128\"", NULL, NULL, TYPE, "payload.buffers[0].offset"},
    {"\"offset\":128", "\"offset\":^-128", NULL, NULL, VALUE, "payload.buffers[0].offset"},
    {"\"offset\":128", "\"offset\":^64", NULL, NULL, VALUE, "payload.buffers[0].offset"},
    {"\"offset\":128", "\"offset\":^127", NULL, NULL, VALUE, "payload.buffers[0].offset"},
    {"\"offset\":128", "\"offset\":^192", NULL, NULL, VALUE, "payload.buffers[0].offset"},
    {"{\"offset\":128,\"size\":65}", "^{\"offset\":128}", NULL, NULL, MISSING, "payload.buffers[0]"},
    {"\"size\":65}", "\"size\":^true}", NULL, NULL, TYPE, "payload.buffers[0].size"},
    {"\"size\":65}", "\"size\":^-1}", NULL, NULL, VALUE, "payload.buffers[0].size"},
    {"\"size\":65}", "\"size\":^9223372036854775807}", NULL, NULL, MISMATCH, "payload.buffers[0].size"},
    {"\"size\":65}", "\"size\":64}", "\"offset\":256", "\"offset\":^256", VALUE, "payload.buffers[1].offset"},
    {"\"size\":65}", "\"size\":129}", "\"offset\":256", "\"offset\":^256", VALUE, "payload.buffers[1].offset"},
    {"\"offset\":256", "\"offset\":^128", NULL, NULL, VALUE, "payload.buffers[1].offset"},
    {"\"size\":64}", "\"size\":^65}", NULL, NULL, MISMATCH, "payload.buffers[1].size"},
    {"\"size\":64}", "\"size\":63}", "\"size\":320", "\"size\":^320", MISMATCH, "payload.size"},
    {BUFFERS, "", "\"size\":320", "\"size\":^320", MISMATCH, "payload.size"},
    {BUFFERS, ",\"buffers\":[]", "\"size\":320", "\"size\":^320", MISMATCH, "payload.size"},
    {"\"pickle_size\":100", "\"pickle_size\":128", NULL, NULL, SNAPJAR_DIAG_NONE, NULL},
    {"\"pickle_size\":100", "\"pickle_size\":65", NULL, NULL, SNAPJAR_DIAG_NONE, NULL},
    {"\"pickle_size\":100", "\"pickle_size\":64", "\"offset\":128", "\"offset\":^128", VALUE,
     "payload.buffers[0].offset"},
    {"\"pickle_size\":100", "\"pickle_size\":129", "\"offset\":128", "\"offset\":^128", VALUE,
     "payload.buffers[0].offset"},
    {"\"pickle_size\":100", "\"pickle_size\":9223372036854775807", "\"offset\":128", "\"offset\":^128", VALUE,
     "payload.buffers[0].offset"},
    /* All that must be read. */
    {"\"app:T\"", "\"x\"", NULL, NULL, SNAPJAR_DIAG_NONE, NULL},
    {"\"schema_version\":3", "\"schema_version\":9223372036854775807", NULL, NULL, SNAPJAR_DIAG_NONE, NULL},
    {"\"schema_version\":3", "\"schema_version\":0", NULL, NULL, SNAPJAR_DIAG_NONE, NULL},
    {"\"schema_version\":3", "\"schema_version\":-0", NULL, NULL, SNAPJAR_DIAG_NONE, NULL},
    {"[\"a\",\"b\"]", "[]", NULL, NULL, SNAPJAR_DIAG_NONE, NULL},
    {"[\"a\",\"b\"]", "[\"\",\"A\",\"a\",\"ab\",\"z\",\"\xc3\xa9\"]", NULL, NULL, SNAPJAR_DIAG_NONE, NULL},
    {"\"protocol\":4", "\"protocol\":0", NULL, NULL, SNAPJAR_DIAG_NONE, NULL},
    {"\"protocol\":4", "\"protocol\":5", NULL, NULL, SNAPJAR_DIAG_NONE, NULL},
    {"\"latin1\"", "\"ascii\"", NULL, NULL, SNAPJAR_DIAG_NONE, NULL},
    {"\"latin1\"", "\"bytes\"", NULL, NULL, SNAPJAR_DIAG_NONE, NULL},
    {"\"string_encoding\":\"latin1\",", "", NULL, NULL, SNAPJAR_DIAG_NONE, NULL},
    {"\"frame_size\":65536", "\"frame_size\":8388608", NULL, NULL, SNAPJAR_DIAG_NONE, NULL},
    {"\"stored_size\":340", "\"stored_size\":1", NULL, NULL, SNAPJAR_DIAG_NONE, NULL},
    {"\"size\":65}", "\"size\":128}", NULL, NULL, SNAPJAR_DIAG_NONE, NULL},
    {"\"size\":64}", "\"size\":64,\"more\":1}", NULL, NULL, SNAPJAR_DIAG_NONE, NULL},
    {"\"format_version\":1", "\"new\":{\"created\":[{}],\"payload\":1},\"format_version\":1", NULL, NULL,
     SNAPJAR_DIAG_NONE, NULL},
    {",\"created\"", ",\"new\":[1,2.5,null],\"created\"", NULL, NULL, SNAPJAR_DIAG_NONE, NULL},
    {",\"payload\"", ",\"new\":-1e-400,\"payload\"", NULL, NULL, SNAPJAR_DIAG_NONE, NULL},
    {"\"payload\":{", "\"payload\":{\"new\":{},", NULL, NULL, SNAPJAR_DIAG_NONE, NULL},
    {TOOL, TOOL ",\"created\":\"now\"", NULL, NULL, SNAPJAR_DIAG_NONE, NULL},
    {"\"job\":\"x\"", "\"job\":\",\\\"created\\\":\"", NULL, NULL, SNAPJAR_DIAG_NONE, NULL},
    {"\"type\":\"app:T\"", "\"t\\u0079pe\":\"app:T\"", NULL, NULL, SNAPJAR_DIAG_NONE, NULL},
    {",\"created\":", ",\"cre\\u0061ted\":", NULL, NULL, SNAPJAR_DIAG_NONE, NULL},
    {",\"layout\":{\"app:T\":[\"a\",\"b\"]}", "", NULL, NULL, SNAPJAR_DIAG_NONE, NULL},
    {",\"requires\":[]", "", NULL, NULL, SNAPJAR_DIAG_NONE, NULL},
    /* The same key twice, also where the text is read in two parts. */
    {"\"type\":\"app:T\",", "\"type\":\"app:T\",^\"type\":\"app:T\",", NULL, NULL, SNAPJAR_DIAG_JSON_DUPLICATE_KEY,
     NULL},
    {",\"created\":", ",\"payload\":{},\"created\":", "\"payload\":{\"content", "^\"payload\":{\"content",
     SNAPJAR_DIAG_JSON_DUPLICATE_KEY, NULL},
    {",\"created\":", ",\"created\":1,^\"created\":", NULL, NULL, SNAPJAR_DIAG_JSON_DUPLICATE_KEY, NULL},
    {"64}]}}", "64}]},^\"type\":\"app:T\"}", NULL, NULL, SNAPJAR_DIAG_JSON_DUPLICATE_KEY, NULL},
    {"64}]}}", "64}]},^\"created\":1}", NULL, NULL, SNAPJAR_DIAG_JSON_DUPLICATE_KEY, NULL},
    {"64}]}}", "64}]},^\"p\\u0061yload\":1}", NULL, NULL, SNAPJAR_DIAG_JSON_DUPLICATE_KEY, NULL},
    {"\"protocol\":4", "\"protocol\":4,^\"protocol\":4", NULL, NULL, SNAPJAR_DIAG_JSON_DUPLICATE_KEY, NULL},
    /* Faults at the seam of the two parts. */
    {",\"created\":", ",^,\"created\":", NULL, NULL, SNAPJAR_DIAG_JSON_SYNTAX, NULL},
    {",\"created\":", "}^,\"created\":", NULL, NULL, SNAPJAR_DIAG_JSON_SYNTAX, NULL},
    {",\"created\":", "^],\"created\":", NULL, NULL, SNAPJAR_DIAG_JSON_SYNTAX, NULL},
    {",\"created\":", ",\"created\":^:", NULL, NULL, SNAPJAR_DIAG_JSON_SYNTAX, NULL},
    {"64}]}}", "64}]}}^}", NULL, NULL, SNAPJAR_DIAG_JSON_SYNTAX, NULL},
    {"64}]}}", "64}]}^]", NULL, NULL, SNAPJAR_DIAG_JSON_SYNTAX, NULL},
};

static const field_case simple_cases[] = {
    {"\"pickle_size\":320", "\"pickle_size\":319", "\"size\":320", "\"size\":^320", MISMATCH, "payload.size"},
    {"\"pickle_size\":320", "\"pickle_size\":321", "\"size\":320", "\"size\":^320", MISMATCH, "payload.size"},
    {"\"pickle_size\":320", "\"pickle_size\":^0", NULL, NULL, SNAPJAR_DIAG_CONTENT_EMPTY, "payload.pickle_size"},
    {"\"size\":320,\"pickle_size\":320", "\"size\":999999999999999999,\"pickle_size\":999999999999999999", NULL, NULL,
     SNAPJAR_DIAG_NONE, NULL},
    {"\"size\":320,\"pickle_size\":320", "\"size\":1000000000000000000,\"pickle_size\":1000000000000000000", NULL, NULL,
     SNAPJAR_DIAG_NONE, NULL},
    {"\"size\":320,\"pickle_size\":320", "\"size\":9223372036854775807,\"pickle_size\":9223372036854775807", NULL, NULL,
     SNAPJAR_DIAG_NONE, NULL},
    {"\"size\":320,\"pickle_size\":320", "\"size\":^9223372036854775808,\"pickle_size\":9223372036854775808", NULL,
     NULL, SNAPJAR_DIAG_JSON_NUMBER_RANGE, NULL},
    {"\"stored_size\":340", "\"stored_size\":^18446744073709551617", NULL, NULL, SNAPJAR_DIAG_JSON_NUMBER_RANGE, NULL},
    {"\"stored_size\":340", "\"stored_size\":^3e2", NULL, NULL, TYPE, "payload.stored_size"},
    {"\"stored_size\":340", "\"stored_size\":0^340", NULL, NULL, SNAPJAR_DIAG_JSON_SYNTAX, NULL},
    {"fedcba9876543210\"}", "fedcba9876543210\",\"buffers\":[]}", NULL, NULL, SNAPJAR_DIAG_NONE, NULL},
    {"fedcba9876543210\"}", "fedcba9876543210\",\"buffers\":[{\"offset\":320,\"size\":0}]}", NULL, NULL,
     SNAPJAR_DIAG_NONE, NULL},
    {"fedcba9876543210\"}}", "fedcba9876543210\"}} ", NULL, NULL, SNAPJAR_DIAG_NONE, NULL},
    {"fedcba9876543210\"}}", "fedcba9876543210\"}}^x", NULL, NULL, SNAPJAR_DIAG_JSON_SYNTAX, NULL},
    {"fedcba9876543210\"}}", "fedcba9876543210\"}^", NULL, NULL, SNAPJAR_DIAG_JSON_SYNTAX, NULL},
    {"fedcba9876543210\"}}", "fedcba9876543210\"},\"x\":1}", NULL, NULL, SNAPJAR_DIAG_NONE, NULL},
};

static const field_case stream_cases[] = {
    {"\"index\":0", "\"index\":0", NULL, NULL, SNAPJAR_DIAG_NONE, NULL},
    {"\"index\":0,\"previous\":null", "\"index\":1,\"previous\":\"xxh3-128:00112233445566778899aabbccddeeff\"", NULL,
     NULL, SNAPJAR_DIAG_NONE, NULL},
    {"{\"id\":\"0123456789abcdef0123456789abcdef\",\"index\":0,\"previous\":null}", "^null", NULL, NULL, TYPE,
     "stream"},
    {"{\"id\":\"0123456789abcdef0123456789abcdef\",", "^{", NULL, NULL, MISSING, "stream"},
    {"\"id\":\"0123456789abcdef0123456789abcdef\"", "\"id\":^12", NULL, NULL, TYPE, "stream.id"},
    {"\"id\":\"0123", "\"id\":^\"012", NULL, NULL, VALUE, "stream.id"},
    {"\"id\":\"0123", "\"id\":^\"01234", NULL, NULL, VALUE, "stream.id"},
    {"\"id\":\"0123456789abcdef", "\"id\":^\"0123456789abcdeF", NULL, NULL, VALUE, "stream.id"},
    {"\"index\":0,", "", "\"stream\":", "\"stream\":^", MISSING, "stream"},
    {"\"index\":0", "\"index\":^0.0", NULL, NULL, TYPE, "stream.index"},
    {"\"index\":0", "\"index\":^-1", NULL, NULL, VALUE, "stream.index"},
    {",\"previous\":null", "", "\"stream\":", "\"stream\":^", MISSING, "stream"},
    {"\"previous\":null", "\"previous\":^false", NULL, NULL, TYPE, "stream.previous"},
    {"\"previous\":null", "\"previous\":^\"\"", NULL, NULL, VALUE, "stream.previous"},
    {"\"index\":0,\"previous\":null", "\"index\":1,\"previous\":^null", NULL, NULL, MISMATCH, "stream.previous"},
    {"\"previous\":null", "\"previous\":^\"xxh3-128:00112233445566778899aabbccddeeff\"", NULL, NULL, MISMATCH,
     "stream.previous"},
};

static snapjar_status status_of(snapjar_diagnostic diagnostic)
{
    switch (diagnostic) {
    case SNAPJAR_DIAG_NONE:
        return SNAPJAR_OK;
    case SNAPJAR_DIAG_UNKNOWN_REQUIREMENT:
        return SNAPJAR_UNSUPPORTED;
    default:
        return SNAPJAR_DAMAGED;
    }
}

/* One text in a context: the expected fault, or the same header as a fresh context reads. */
static void check_text(snapjar_context *context, const char *marked, const field_case *c)
{
    snapjar_header *header = NULL;
    snapjar_header *reference = NULL;
    snapjar_context *other = fresh_context();
    snapjar_error fault;
    char *json = strdup(marked);

    size_t at = take_mark(json);
    snapjar_status status = parse(&header, context, json, &fault);
    if (c->diagnostic == SNAPJAR_DIAG_NONE) {
        if (status != SNAPJAR_OK)
            fail_msg("%s: %s\n%s", c->with, fault.message, json);
        assert_ok(parse(&reference, other, json, err));
        assert_same_header(header, reference);
    } else {
        if (status != status_of(c->diagnostic) || fault.status != status || fault.diagnostic != c->diagnostic ||
            fault.space != SNAPJAR_SPACE_FILE || fault.offset != BASE + SJ_PREFIX_SIZE + at)
            fail_msg("%s: got %s [%s] at %lld (%s), expected %s at %lld in\n%s", c->with, snapjar_status_name(status),
                     snapjar_diagnostic_name(fault.diagnostic), (long long)(fault.offset - BASE - SJ_PREFIX_SIZE),
                     fault.message, snapjar_diagnostic_name(c->diagnostic), (long long)at, json);
        assert_null(header);
        if (c->place)
            assert_string_equal(fault.place, c->place);
        assert_int_equal(parse(&header, context, json, NULL), status);
        assert_null(header);
    }
    sj_header_free(header);
    sj_header_free(reference);
    snapjar_context_free(other);
    free(json);
}

static void check_case(const char *template, const field_case *c)
{
    char *simple = simple_header();
    char *first = edit(template, c->find, c->with);
    char *text = c->find2 ? edit(first, c->find2, c->with2) : strdup(first);
    char *spaced = spread(text);
    snapjar_context *fresh = fresh_context();
    snapjar_context *warm = fresh_context();
    const char *const warmers[] = {plain, simple};

    check_text(fresh, text, c);
    check_text(fresh, text, c);
    check_text(fresh, spaced, c);
    for (size_t i = 0; i < 2; i++) {
        snapjar_header *header = NULL;
        assert_ok(parse(&header, warm, warmers[i], err));
        sj_header_free(header);
        check_text(warm, text, c);
        assert_ok(parse(&header, warm, warmers[i], err));
        sj_header_free(header);
        check_text(warm, spaced, c);
    }
    snapjar_context_free(fresh);
    snapjar_context_free(warm);
    free(spaced);
    free(text);
    free(first);
    free(simple);
}

static void test_fields(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(plain_cases) / sizeof(plain_cases[0]); i++)
        check_case(plain, &plain_cases[i]);
}

/* The rules hold for headers without buffers too. */
static void test_simple_fields(void **state)
{
    char *simple = simple_header();

    (void)state;
    for (size_t i = 0; i < sizeof(simple_cases) / sizeof(simple_cases[0]); i++)
        check_case(simple, &simple_cases[i]);
    for (size_t i = 0; i < sizeof(plain_cases) / sizeof(plain_cases[0]); i++) {
        const field_case *c = &plain_cases[i];
        if (strstr(simple, c->find) && (!c->find2 || strstr(simple, c->find2)))
            check_case(simple, c);
    }
    free(simple);
}

static void test_stream_fields(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(stream_cases) / sizeof(stream_cases[0]); i++)
        check_case(streamed, &stream_cases[i]);
}

static void test_type_sizes(void **state)
{
    static const size_t sizes[] = {1, 1023, 1024, 1025, 2000};
    snapjar_context *context = fresh_context();

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        char name[2048];
        snapjar_header *header = NULL;
        snapjar_error fault;
        memset(name, 'x', sizeof(name));
        name[0] = '"';
        strcpy(name + 1 + sizes[i], "\"");
        char *json = edit(plain, "\"app:T\"", name);
        snapjar_status status = parse(&header, context, json, &fault);
        if (sizes[i] <= 1024) {
            assert_int_equal(status, SNAPJAR_OK);
            assert_int_equal(snapjar_header_type(header).size, sizes[i]);
        } else {
            assert_fault(status, &fault, SNAPJAR_DAMAGED, VALUE, SNAPJAR_SPACE_FILE,
                         BASE + SJ_PREFIX_SIZE + (uint64_t)(strstr(json, "xx") - json) - 1);
        }
        sj_header_free(header);
        free(json);
    }
    snapjar_context_free(context);
}

static void test_times(void **state)
{
    static const char *const good[] = {
        "2026-01-31T12:00:00Z", "0000-01-01T00:00:00Z",   "9999-12-31T23:59:59Z",           "2024-02-29T00:00:00Z",
        "2000-02-29T00:00:00Z", "2026-01-31T12:00:00.0Z", "2026-01-31T12:00:00.123456789Z", "2026-04-30T12:00:00Z",
    };
    static const char *const bad[] = {
        "",
        "Z",
        "2026-01-31T12:00:00",
        "2026-01-31T12:00:00z",
        "2026-01-31t12:00:00Z",
        "2026-01-31 12:00:00Z",
        "2026-01-31T12:00:00+00:00",
        "2026-01-31T12:00:00.Z",
        "2026-01-31T12:00:00.1234567890Z",
        "2026-01-31T12:00:00.12a4Z",
        "2026-01-31T12:00:00,5Z",
        "2026-01-31T12:00:00.-1Z",
        "2026-01-31T12:00:60Z",
        "2026-01-31T12:60:00Z",
        "2026-01-31T24:00:00Z",
        "2026-00-31T12:00:00Z",
        "2026-13-31T12:00:00Z",
        "2026-01-00T12:00:00Z",
        "2026-01-32T12:00:00Z",
        "2026-04-31T12:00:00Z",
        "2026-02-29T12:00:00Z",
        "1900-02-29T12:00:00Z",
        "2024-02-30T12:00:00Z",
        "26-01-31T12:00:00Z",
        "+026-01-31T12:00:00Z",
        "2026-1-31T12:00:00ZZ",
        "2026-01-31T12:00:00ZZ",
        " 2026-01-31T12:00:00Z",
        "2026-01-31T12:00Z",
    };
    snapjar_context *context = fresh_context();

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        snapjar_header *header = NULL;
        char *json = edit(plain, "2026-01-31T12:00:00Z", good[i]);
        assert_ok(parse(&header, context, json, err));
        assert_text(snapjar_header_created(header), (snapjar_text){good[i], strlen(good[i])});
        sj_header_free(header);
        free(json);
        assert_true(sj_is_time((snapjar_text){good[i], strlen(good[i])}));
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snapjar_header *header = NULL;
        snapjar_error fault;
        char *json = edit(plain, "2026-01-31T12:00:00Z", bad[i]);
        assert_fault(parse(&header, context, json, &fault), &fault, SNAPJAR_DAMAGED, VALUE, SNAPJAR_SPACE_FILE,
                     BASE + SJ_PREFIX_SIZE + (uint64_t)(strstr(json, "\"created\":") - json) + 10);
        assert_string_equal(fault.place, "created");
        free(json);
    }
    snapjar_context_free(context);
}

/* `text` put before the last brace of the plain header, in a context of its own. */
static snapjar_status parse_with(const char *text, const snapjar_limits *limits, snapjar_error *fault, size_t *at)
{
    snapjar_context *context = fresh_context();
    snapjar_header *header = NULL;
    char *json = edit(plain, "64}]}}", "64}]},");

    *at = strlen(json);
    json = realloc(json, strlen(json) + strlen(text) + 2);
    assert_non_null(json);
    strcat(json, text);
    strcat(json, "}");
    snapjar_status status = parse_sized(&header, context, json, strlen(json), limits, fault);
    assert_true((status == SNAPJAR_OK) == (header != NULL));
    sj_header_free(header);
    snapjar_context_free(context);
    free(json);
    return status;
}

static void test_depth(void **state)
{
    static const size_t maxima[] = {32, 4, 1000};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        snapjar_limits limits = resolved_limits();
        limits.json_depth_max = maxima[i];
        /* The header's object is level 1, so that the text may have one level less. */
        for (size_t depth = maxima[i] - 2; depth <= maxima[i]; depth++) {
            char text[2100] = "\"x\":";
            snapjar_error fault;
            size_t at = 0;
            memset(text + 4, '[', depth);
            memset(text + 4 + depth, ']', depth);
            text[4 + 2 * depth] = '\0';
            snapjar_status status = parse_with(text, &limits, &fault, &at);
            if (depth < maxima[i])
                assert_int_equal(status, SNAPJAR_OK);
            else
                assert_fault(status, &fault, SNAPJAR_LIMIT, SNAPJAR_DIAG_JSON_TOO_DEEP, SNAPJAR_SPACE_FILE,
                             BASE + SJ_PREFIX_SIZE + at + 4 + depth - 1);
        }
    }
}

/* A context that read a header under a generous limit does not wave it through under a strict one. */
static void test_depth_of_kept_part(void **state)
{
    snapjar_context *context = fresh_context();
    snapjar_limits limits = resolved_limits();
    snapjar_header *header = NULL;
    snapjar_error fault;
    char *json = edit(plain, "\"format_version\"", "\"x\":[[[[[[]]]]]],\"format_version\"");

    (void)state;
    assert_ok(parse_sized(&header, context, json, strlen(json), &limits, err));
    sj_header_free(header);
    limits.json_depth_max = 6;
    assert_fault(parse_sized(&header, context, json, strlen(json), &limits, &fault), &fault, SNAPJAR_LIMIT,
                 SNAPJAR_DIAG_JSON_TOO_DEEP, SNAPJAR_SPACE_FILE, BASE + SJ_PREFIX_SIZE + 5 + 5);
    limits.json_depth_max = 7;
    assert_ok(parse_sized(&header, context, json, strlen(json), &limits, err));
    sj_header_free(header);
    snapjar_context_free(context);
    free(json);
}

static void test_size_limits(void **state)
{
    snapjar_context *context = fresh_context();
    const size_t size = strlen(plain);

    (void)state;
    for (size_t slack = 0; slack < 3; slack++) {
        for (size_t seal_slack = 0; seal_slack < 3; seal_slack++) {
            snapjar_limits limits = resolved_limits();
            snapjar_header *header = NULL;
            snapjar_error fault;
            sj_prefix prefix;
            blob frame = craft_header(plain, size, 100);
            limits.header_json_size_max = size - 1 + slack;
            limits.seal_size_max = 99 + seal_slack;
            assert_ok(sj_prefix_read(&prefix, frame.bytes, frame.size, BASE, true, err));
            snapjar_status status = sj_header_parse(&header, context, &prefix, frame.bytes, BASE, &limits, &fault);
            if (slack == 0)
                assert_fault(status, &fault, SNAPJAR_LIMIT, SNAPJAR_DIAG_HEADER_TOO_LARGE, SNAPJAR_SPACE_FILE,
                             BASE + 20);
            else if (seal_slack == 0)
                assert_fault(status, &fault, SNAPJAR_LIMIT, SNAPJAR_DIAG_HEADER_TOO_LARGE, SNAPJAR_SPACE_FILE,
                             BASE + 24);
            else
                assert_int_equal(status, SNAPJAR_OK);
            if (header)
                assert_int_equal(snapjar_header_seal_size(header), 100);
            sj_header_free(header);
            free(frame.bytes);
        }
    }
    snapjar_context_free(context);
}

static void test_limits_resolve(void **state)
{
    snapjar_limits limits = SNAPJAR_LIMITS_INIT;
    snapjar_limits resolved;
    snapjar_error fault;

    (void)state;
    assert_ok(sj_limits_resolve(&resolved, NULL, err));
    assert_int_equal(resolved.header_json_size_max, 1 << 20);
    assert_int_equal(resolved.seal_size_max, 64 << 10);
    assert_int_equal(resolved.json_depth_max, 32);
    assert_int_equal(resolved.content_size_max, UINT64_C(64) << 30);
    assert_int_equal(resolved.pickle_line_size_max, 64 << 20);
    limits.json_depth_max = 1000;
    assert_ok(sj_limits_resolve(&resolved, &limits, err));
    assert_int_equal(resolved.json_depth_max, 1000);
    limits.json_depth_max = 1001;
    assert_fault(sj_limits_resolve(&resolved, &limits, &fault), &fault, SNAPJAR_INVALID_ARGUMENT,
                 SNAPJAR_DIAG_INVALID_ARGUMENT, SNAPJAR_SPACE_NONE, SNAPJAR_OFFSET_NONE);
    limits.json_depth_max = 3;
    limits.struct_size = 0;
    assert_fault(sj_limits_resolve(&resolved, &limits, &fault), &fault, SNAPJAR_INVALID_ARGUMENT,
                 SNAPJAR_DIAG_INVALID_ARGUMENT, SNAPJAR_SPACE_NONE, SNAPJAR_OFFSET_NONE);
}

static void test_white_space_and_order(void **state)
{
    static const char other_order[] =
        " \n{\"payload\":{\"buffers\":[],\"content_checksum\":\"xxh3-128:" ZEROS "\",\"checksum\":\"xxh3-128:" ZEROS
        "\",\"stored_size\":9,\"pickle_size\":2,\"size\":2,\"frame_size\":131072,\"compression\":\"zstd\",\"protocol\":"
        "3,"
        "\"content_type\":\"pickle\"},\"created\":\"2026-01-31T12:00:00Z\",\"build\":{" TOOL
        "},\"schema_version\":0,\"type\":\"T\",\"format_version\":1}\t\r\n ";
    snapjar_context *context = fresh_context();
    snapjar_header *header = NULL;

    (void)state;
    assert_ok(parse(&header, context, other_order, err));
    assert_int_equal(snapjar_header_frame_size(header), 131072);
    assert_int_equal(snapjar_header_protocol(header), 3);
    assert_int_equal(snapjar_header_string_encoding(header), SNAPJAR_STRING_ASCII);
    assert_text(snapjar_header_json(header), (snapjar_text){other_order, strlen(other_order)});
    sj_header_free(header);
    snapjar_context_free(context);
}

static void test_accessors(void **state)
{
    static const uint8_t sum[16] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
                                    0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef};
    static const uint8_t content_sum[16] = {0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10,
                                            0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10};
    snapjar_context *context = fresh_context();
    snapjar_header *header = NULL;
    size_t count = 0;

    (void)state;
    assert_ok(parse(&header, context, plain, err));
    assert_int_equal(snapjar_header_format_version(header), 1);
    assert_text(snapjar_header_type(header), (snapjar_text){"app:T", 5});
    assert_int_equal(snapjar_header_schema_version(header), 3);
    assert_text(snapjar_header_created(header), (snapjar_text){"2026-01-31T12:00:00Z", 20});
    assert_int_equal(snapjar_header_protocol(header), 4);
    assert_int_equal(snapjar_header_string_encoding(header), SNAPJAR_STRING_LATIN1);
    assert_int_equal(snapjar_header_frame_size(header), 65536);
    assert_int_equal(snapjar_header_size(header), 320);
    assert_int_equal(snapjar_header_pickle_size(header), 100);
    assert_int_equal(snapjar_header_stored_size(header), 340);
    assert_memory_equal(snapjar_header_checksum(header), sum, 16);
    assert_memory_equal(snapjar_header_content_checksum(header), content_sum, 16);
    const snapjar_buffer_span *spans = snapjar_header_buffers(header, &count);
    assert_int_equal(count, 2);
    assert_int_equal(spans[0].offset, 128);
    assert_int_equal(spans[0].size, 65);
    assert_int_equal(spans[1].offset, 256);
    assert_int_equal(spans[1].size, 64);
    assert_text(snapjar_header_json(header), (snapjar_text){plain, strlen(plain)});
    assert_int_equal(snapjar_header_seal_size(header), 0);
    assert_int_equal(sj_header_field_offset(header, "payload", "size"),
                     BASE + SJ_PREFIX_SIZE + (uint64_t)(strstr(plain, "\"size\":320") - plain) + 7);
    assert_int_equal(sj_header_field_offset(header, NULL, "type"),
                     BASE + SJ_PREFIX_SIZE + (uint64_t)(strstr(plain, "\"app:T\"") - plain));
    sj_header_free(header);
    snapjar_context_free(context);
    assert_string_equal(snapjar_string_encoding_name(SNAPJAR_STRING_ASCII), "ascii");
    assert_string_equal(snapjar_string_encoding_name(SNAPJAR_STRING_LATIN1), "latin1");
    assert_string_equal(snapjar_string_encoding_name(SNAPJAR_STRING_BYTES), "bytes");
    assert_string_equal(snapjar_string_encoding_name((snapjar_string_encoding)9), "unknown");
}

/* ---- the kept constant part ---- */

/* Every order of different headers, good and bad, in one context gives what fresh contexts give. */
static void test_kept_part_never_shows(void **state)
{
    char *simple = simple_header();
    char *texts[] = {
        strdup(plain),
        edit(plain, "\"2026-01-31T12:00:00Z\"", "\"2027-01-31T12:00:00.5Z\""),
        edit(plain, "\"app:T\"", "\"app:U\""),
        edit(plain, "\"schema_version\":3", "\"schema_version\":4"),
        edit(plain, "\"string_encoding\":\"latin1\",", ""),
        edit(plain, BUFFERS, ""), /* mismatch */
        edit(plain, "\"size\":320", "\"size\":0"),
        edit(plain, "\"type\":\"app:T\",", ""),
        edit(plain, "64}]}}", "64}]}"),
        edit(plain, "64}]}}", "64}]},\"type\":1}"),
        edit(streamed, "\"app:T\"", "\"app:S\""),
        edit(streamed, "\"index\":0,\"previous\":null", "\"index\":3,\"previous\":\"xxh3-128:" ZEROS "\""),
        edit(plain, "\"job\":\"x\"", "\"job\":\",\\\"created\\\":\""),
        edit(plain, TOOL, TOOL ",\"created\":\"x\""),
        edit(plain, "\"build\"", " \"build\""),
        edit(plain, "\"requires\":[]", "\"requires\":[\"x\"]"),
        simple_header(),
        edit(simple, "\"string_encoding\":\"latin1\",", ""),
        edit(simple, "\"latin1\"", "\"bytes\""),
        edit(simple, "\"protocol\":4", "\"protocol\":0"),
        edit(simple, "\"stored_size\":340", "\"stored_size\":341"),
        edit(simple, "\"app:T\"", "\"app:U\""),
        edit(simple, "12:00:00Z", "12:00:00.25Z"),
    };
    const size_t count = sizeof(texts) / sizeof(texts[0]);
    snapjar_context *shared = fresh_context();
    unsigned random = 1;

    (void)state;
    for (size_t turn = 0; turn < 4000; turn++) {
        random = random * 1103515245u + 12345u;
        const char *json =
            texts[turn < count * count ? (turn % 2 ? turn / count : turn % count) : (random >> 16) % count];
        snapjar_context *fresh = fresh_context();
        snapjar_header *a = NULL;
        snapjar_header *b = NULL;
        snapjar_error err_a = {.status = SNAPJAR_OK};
        snapjar_error err_b = {.status = SNAPJAR_OK};
        assert_int_equal(parse(&a, shared, json, &err_a), parse(&b, fresh, json, &err_b));
        assert_int_equal(err_a.diagnostic, err_b.diagnostic);
        assert_int_equal(err_a.offset, err_b.offset);
        assert_string_equal(err_a.message, err_b.message);
        assert_string_equal(err_a.place, err_b.place);
        assert_true((a != NULL) == (b != NULL));
        if (a)
            assert_same_header(a, b);
        sj_header_free(a);
        sj_header_free(b);
        snapjar_context_free(fresh);
    }
    for (size_t i = 0; i < count; i++)
        free(texts[i]);
    free(simple);
    snapjar_context_free(shared);
}

/* A header stays what it is while others are read in its context. */
static void test_headers_live_side_by_side(void **state)
{
    snapjar_context *context = fresh_context();
    snapjar_header *first = NULL;
    snapjar_header *second = NULL;
    snapjar_header *third = NULL;
    char *other = edit(plain, "\"app:T\"", "\"other\"");

    (void)state;
    assert_ok(parse(&first, context, plain, err));
    assert_ok(parse(&second, context, plain, err));
    assert_ok(parse(&third, context, other, err));
    sj_header_free(first);
    assert_text(snapjar_header_type(second), (snapjar_text){"app:T", 5});
    assert_text(snapjar_header_type(third), (snapjar_text){"other", 5});
    sj_header_free(third);
    assert_text(snapjar_header_created(second), (snapjar_text){"2026-01-31T12:00:00Z", 20});
    sj_header_free(second);
    sj_header_free(NULL);
    snapjar_context_free(context);
    free(other);
}

/* Every byte cut off, replaced and doubled: the context's memory makes no difference. */
static void test_mutations(void **state)
{
    static const char bytes[] = "\",:{}[]0189-e\\ ^\x80";
    snapjar_context *shared = fresh_context();
    char *simple = simple_header();
    const size_t size = strlen(simple);

    (void)state;
    for (size_t at = 0; at < size; at++) {
        for (size_t i = 0; i < sizeof(bytes); i++) {
            snapjar_context *fresh = fresh_context();
            snapjar_header *a = NULL;
            snapjar_header *b = NULL;
            snapjar_error err_a = {.offset = 0};
            snapjar_error err_b = {.offset = 0};
            char *json = strdup(simple);
            assert_ok(parse(&a, shared, json, err));
            sj_header_free(a);
            a = NULL;
            json[at] = bytes[i];
            snapjar_status status = parse_sized(&a, shared, json, size, NULL, &err_a);
            assert_int_equal(status, parse_sized(&b, fresh, json, size, NULL, &err_b));
            assert_int_equal(err_a.diagnostic, err_b.diagnostic);
            assert_int_equal(err_a.offset, err_b.offset);
            if (status == SNAPJAR_OK)
                assert_same_header(a, b);
            else if (err_a.offset < BASE + SJ_PREFIX_SIZE || err_a.offset > BASE + SJ_PREFIX_SIZE + size)
                fail_msg("%s outside of the text, at %lld", err_a.message, (long long)err_a.offset);
            sj_header_free(a);
            sj_header_free(b);
            snapjar_context_free(fresh);
            free(json);
        }
    }
    free(simple);
    snapjar_context_free(shared);
}

/* Every cut, with a context that knows the start and one that does not. */
static void test_cuts(void **state)
{
    char *simple = simple_header();
    const char *const texts[] = {simple, plain, streamed};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        for (size_t size = 0; size < strlen(texts[i]); size++) {
            snapjar_context *fresh = fresh_context();
            snapjar_context *warm = fresh_context();
            snapjar_header *header = NULL;
            snapjar_error fault;
            assert_ok(parse(&header, warm, texts[i], err));
            sj_header_free(header);
            header = NULL;
            snapjar_status status = parse_sized(&header, warm, texts[i], size, NULL, &fault);
            uint64_t offset = fault.offset;
            assert_fault(status, &fault, SNAPJAR_DAMAGED, SNAPJAR_DIAG_JSON_SYNTAX, SNAPJAR_SPACE_FILE, offset);
            /* At the cut, or at the start of a word or escape that was cut. */
            assert_in_range(BASE + SJ_PREFIX_SIZE + size - offset, 0, 6);
            assert_fault(parse_sized(&header, fresh, texts[i], size, NULL, &fault), &fault, SNAPJAR_DAMAGED,
                         SNAPJAR_DIAG_JSON_SYNTAX, SNAPJAR_SPACE_FILE, offset);
            assert_null(header);
            snapjar_context_free(fresh);
            snapjar_context_free(warm);
        }
    }
    free(simple);
}

/* ---- streams ---- */

static snapjar_header *stream_header(snapjar_context *context, const char *id, unsigned index, const uint8_t *previous)
{
    char text[200];
    char sum[48] = "null";
    snapjar_header *header = NULL;

    if (previous) {
        strcpy(sum, "\"xxh3-128:");
        sj_hex16(sum + 10, previous);
        strcat(sum, "\"");
    }
    (void)snprintf(text, sizeof(text), "{\"id\":\"%s\",\"index\":%u,\"previous\":%s}", id, index, sum);
    char *json = edit(streamed, "{\"id\":\"0123456789abcdef0123456789abcdef\",\"index\":0,\"previous\":null}", text);
    assert_ok(parse(&header, context, json, err));
    free(json);
    return header;
}

static void test_streams(void **state)
{
    static const char id[] = "0123456789abcdef0123456789abcdef";
    snapjar_context *context = fresh_context();
    snapjar_header *first = stream_header(context, id, 0, NULL);
    snapjar_header *second = stream_header(context, id, 1, first->prefix.checksum);
    snapjar_header *skipped = stream_header(context, id, 2, first->prefix.checksum);
    snapjar_header *foreign = stream_header(context, ZEROS, 7, second->prefix.checksum);
    snapjar_header *wrong = stream_header(context, id, 1, second->prefix.checksum);
    snapjar_header *none = NULL;
    snapjar_error fault;

    (void)state;
    assert_ok(parse(&none, context, plain, err));
    assert_ok(sj_header_check_stream(second, first, err));
    assert_ok(sj_header_check_stream(foreign, first, err));
    assert_ok(sj_header_check_stream(none, first, err));
    assert_ok(sj_header_check_stream(second, none, err));
    assert_fault(sj_header_check_stream(skipped, first, &fault), &fault, SNAPJAR_DAMAGED, SNAPJAR_DIAG_STREAM_BROKEN,
                 SNAPJAR_SPACE_FILE, sj_header_field_offset(skipped, "stream", "index"));
    assert_fault(sj_header_check_stream(first, first, &fault), &fault, SNAPJAR_DAMAGED, SNAPJAR_DIAG_STREAM_BROKEN,
                 SNAPJAR_SPACE_FILE, sj_header_field_offset(first, "stream", "index"));
    assert_fault(sj_header_check_stream(wrong, first, &fault), &fault, SNAPJAR_DAMAGED, SNAPJAR_DIAG_STREAM_BROKEN,
                 SNAPJAR_SPACE_FILE, sj_header_field_offset(wrong, "stream", "previous"));
    assert_int_equal(sj_header_check_stream(wrong, first, NULL), SNAPJAR_DAMAGED);
    sj_header_free(first);
    sj_header_free(second);
    sj_header_free(skipped);
    sj_header_free(foreign);
    sj_header_free(wrong);
    sj_header_free(none);
    snapjar_context_free(context);
}

/* ---- the walk over all values ---- */

typedef struct visits {
    char text[4096];
    size_t count;
    size_t stop_at;
} visits;

static snapjar_status visit(void *state, const char *path, snapjar_text value, int is_string)
{
    visits *v = state;
    size_t used = strlen(v->text);

    (void)snprintf(v->text + used, sizeof(v->text) - used, is_string ? "%s='%.*s'\n" : "%s=%.*s\n", path,
                   (int)value.size, value.data);
    return ++v->count == v->stop_at ? SNAPJAR_CANCELLED : SNAPJAR_OK;
}

static void test_each(void **state)
{
    static const char wanted[] =
        "format_version=1\ntype='app:T'\nschema_version=3\nbuild.tool.name='snapjar'\n"
        "build.tool.version='0.1.0'\nbuild.app='e\"t\xc3\xa9l'\nbuild.version='1'\nbuild.commit='c'\n"
        "build.python='3.11'\nbuild.platform='linux'\nbuild.packages.numpy='1.26'\n"
        "layout.app:T[0]='a'\nlayout.app:T[1]='b'\nlabels.job='x'\nlabels.n=1\nlabels.r=1.5\n"
        "labels.b=true\nlabels.z=null\nhistory[0].from=1\nhistory[0].to=2\n"
        "history[0].when='2026-01-01T00:00:00Z'\nhistory[0].by='me'\nnew[0][0]=false\n"
        "new[0][1].a=-7\ncreated='2026-01-31T12:00:00Z'\n";
    snapjar_context *context = fresh_context();
    snapjar_header *header = NULL;
    snapjar_error fault;
    visits all = {.count = 0};
    char *escaped = edit(plain, "\"etl\"", "\"e\\\"t\\u00e9l\"");
    char *json = edit(escaped, ",\"created\"", ",\"new\":[[false,{\"a\":-7,\"e\":{}},[]]],\"created\"");

    (void)state;
    assert_ok(parse(&header, context, json, err));
    assert_ok(snapjar_header_each(header, visit, &all, err));
    assert_memory_equal(all.text, wanted, sizeof(wanted) - 1);
    assert_non_null(strstr(all.text, "payload.size=320\n"));
    assert_non_null(strstr(all.text, "payload.buffers[1].size=64\n"));
    for (size_t stop = 1; stop <= all.count; stop++) {
        visits some = {.stop_at = stop};
        assert_int_equal(snapjar_header_each(header, visit, &some, &fault), SNAPJAR_CANCELLED);
        assert_int_equal(some.count, stop);
        assert_memory_equal(some.text, all.text, strlen(some.text));
        some = (visits){.stop_at = stop};
        assert_int_equal(snapjar_header_each(header, visit, &some, NULL), SNAPJAR_CANCELLED);
    }
    sj_header_free(header);
    snapjar_context_free(context);
    free(json);
    free(escaped);
}

static snapjar_status count_visit(void *state, const char *path, snapjar_text value, int is_string)
{
    (void)value;
    (void)is_string;
    assert_non_null(memchr(path, 0, 4096));
    ++*(size_t *)state;
    return SNAPJAR_OK;
}

/* Paths longer than there is room for, and nesting as deep as it may be. */
static void test_each_extremes(void **state)
{
    snapjar_context *context = fresh_context();
    snapjar_limits limits = resolved_limits();
    snapjar_header *header = NULL;
    size_t count = 0;
    char *json = malloc(40000);
    char *p = json + sprintf(json, "{" CONSTANT ",\"deep\":");

    (void)state;
    for (size_t i = 0; i < 998; i++)
        p += sprintf(p, "{\"a long key %zu\":", i);
    p = stpcpy(p, "[1,2]");
    memset(p, '}', 998);
    strcpy(p + 998, VARYING "}");
    limits.json_depth_max = 1000;
    assert_ok(parse_sized(&header, context, json, strlen(json), &limits, err));
    assert_ok(snapjar_header_each(header, count_visit, &count, err));
    assert_int_equal(count, 22 + 2 + 1 + 14);
    sj_header_free(header);
    snapjar_context_free(context);
    free(json);
}

/* ---- building ---- */

static sj_header_plan test_plan(void)
{
    return craft_plan(pickle_small, sizeof(pickle_small), "stored", 6);
}

static const char *build_json(snapjar_context *context, const sj_header_plan *plan)
{
    static char json[8192];
    const uint8_t *frame = NULL;
    size_t size = 0;
    snapjar_header *header = NULL;
    snapjar_limits limits = resolved_limits();
    sj_prefix prefix;

    assert_ok(sj_header_build(&frame, &size, context, plan, err));
    assert_ok(sj_prefix_read(&prefix, frame, size, 0, true, err));
    assert_ok(sj_prefix_check(&prefix, frame, 0, err));
    assert_int_equal(sj_prefix_frame_size(&prefix), size);
    assert_int_equal(prefix.flags, 0);
    assert_int_equal(prefix.seal_size, 0);
    assert_ok(sj_header_parse(&header, context, &prefix, frame, 0, &limits, err));
    assert_int_equal(snapjar_header_size(header), plan->size);
    sj_header_free(header);
    assert_true(size - SJ_PREFIX_SIZE < sizeof(json));
    memcpy(json, frame + SJ_PREFIX_SIZE, size - SJ_PREFIX_SIZE);
    json[size - SJ_PREFIX_SIZE] = '\0';
    return json;
}

static void expect_start(snapjar_context *context, const sj_header_plan *plan, const char *wanted)
{
    const char *json = build_json(context, plan);

    if (strncmp(json, wanted, strlen(wanted)) != 0)
        fail_msg("got      %s\nexpected %s", json, wanted);
}

#define START "{\"format_version\":1,\"type\":\"app:T\",\"schema_version\":0,\"build\":{" TOOL
#define BUILT ",\"created\":\"2026-01-31T12:00:00Z\",\"payload\":{\"content_type\":\"pickle\",\"protocol\":4,"

static void test_build(void **state)
{
    static const struct {
        const char *build;
        const char *labels;
        const char *wanted;
    } cases[] = {
        {NULL, NULL, START "}" BUILT},
        {"{}", NULL, START "}" BUILT},
        {" {\n\t} ", NULL, START "}" BUILT},
        {"{\"app\":\"etl\"}", NULL, START ",\"app\":\"etl\"}" BUILT},
        {" { \"app\" :\n\"e t l\" ,\"x\": [ 1 , 2.50 , 1E+2 , true ] } ", NULL,
         START ",\"app\":\"e t l\",\"x\":[1,2.50,1E+2,true]}" BUILT},
        {NULL, "{}", START "},\"labels\":{}" BUILT},
        {NULL, " { } ", START "},\"labels\":{}" BUILT},
        {"{}", "{\"a\" : 1.10 , \"b\":\"\\u0041 \\\" \\\\\" ,\"c\":null}",
         START "},\"labels\":{\"a\":1.10,\"b\":\"\\u0041 \\\" \\\\\",\"c\":null}" BUILT},
        {"{\"app\":\"a\\\\\"}", "{\"\":\",\\\"created\\\":\"}",
         START ",\"app\":\"a\\\\\"},\"labels\":{\"\":\",\\\"created\\\":\"}" BUILT},
    };
    snapjar_context *shared = fresh_context();

    (void)state;
    for (size_t round = 0; round < 2; round++) {
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            snapjar_context *fresh = fresh_context();
            sj_header_plan plan = test_plan();
            plan.build_json = cases[i].build;
            plan.labels_json = cases[i].labels;
            expect_start(fresh, &plan, cases[i].wanted);
            expect_start(shared, &plan, cases[i].wanted);
            expect_start(shared, &plan, cases[i].wanted);
            snapjar_context_free(fresh);
        }
    }
    snapjar_context_free(shared);
}

/* The texts may be changed in place between two records. */
static void test_build_sees_changed_text(void **state)
{
    snapjar_context *context = fresh_context();
    sj_header_plan plan = test_plan();
    char labels[] = "{\"a\":1}";

    (void)state;
    plan.labels_json = labels;
    expect_start(context, &plan, START "},\"labels\":{\"a\":1}" BUILT);
    labels[5] = '2';
    expect_start(context, &plan, START "},\"labels\":{\"a\":2}" BUILT);
    plan.schema_version = INT64_MAX;
    plan.labels_json = NULL;
    plan.type = "\x01\"\\/\xc3\xa9\x7f";
    expect_start(
        context, &plan,
        "{\"format_version\":1,\"type\":\"\\u0001\\\"\\\\/\xc3\xa9\x7f\",\"schema_version\":9223372036854775807,");
    snapjar_context_free(context);
}

static void test_build_payload(void **state)
{
    static const snapjar_buffer_span spans[] = {{64, 1}, {128, 0}, {128, INT64_MAX - 128}};
    snapjar_context *context = fresh_context();
    sj_header_plan plan = test_plan();

    (void)state;
    plan.protocol = 5;
    plan.string_encoding = SNAPJAR_STRING_BYTES;
    plan.frame_size = 8388608;
    plan.size = INT64_MAX;
    plan.stored_size = INT64_MAX;
    plan.buffers = spans;
    plan.buffer_count = 3;
    memset(plan.checksum, 0xab, 16);
    memset(plan.content_checksum, 0x0c, 16);
    expect_start(
        context, &plan,
        START
        "},\"created\":\"2026-01-31T12:00:00Z\",\"payload\":{\"content_type\":\"pickle\",\"protocol\":5,"
        "\"string_encoding\":\"bytes\",\"compression\":\"zstd\",\"frame_size\":8388608,"
        "\"size\":9223372036854775807,\"pickle_size\":21,\"stored_size\":9223372036854775807,"
        "\"checksum\":\"xxh3-128:abababababababababababababababab\","
        "\"content_checksum\":\"xxh3-128:0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c\",\"buffers\":[{\"offset\":64,\"size\":1},"
        "{\"offset\":128,\"size\":0},{\"offset\":128,\"size\":9223372036854775679}]}}");
    snapjar_context_free(context);
}

static void expect_refused(const sj_header_plan *plan, snapjar_status status, snapjar_diagnostic diagnostic)
{
    snapjar_context *context = fresh_context();
    const uint8_t *frame = (const uint8_t *)"";
    size_t size = 1;
    snapjar_error fault;

    assert_fault(sj_header_build(&frame, &size, context, plan, &fault), &fault, status, diagnostic, SNAPJAR_SPACE_NONE,
                 SNAPJAR_OFFSET_NONE);
    assert_null(frame);
    assert_int_equal(size, 0);
    if (status == SNAPJAR_INVALID_ARGUMENT) {
        sj_header_plan good = test_plan();
        assert_fault(sj_header_prepare(context, plan, &fault), &fault, status, diagnostic, SNAPJAR_SPACE_NONE,
                     SNAPJAR_OFFSET_NONE);
        assert_ok(sj_header_prepare(context, &good, err));
        assert_int_equal(sj_header_prepare(context, plan, NULL), status);
    }
    snapjar_context_free(context);
}

/* What was checked for the record before is not checked again, and what is new is: any order gives what a fresh context
 * gives. */
static void test_build_checks_what_is_new(void **state)
{
    static const char *const labels[] = {NULL, "{\"job\":1}", "{\"job\":2}", "{\"job\":[]}", "{\"job\":1,}"};
    static const char *const layouts[] = {NULL, "{\"app:T\":[\"a\"]}", "{\"app:T\":[\"a\",\"b\"]}", "{\"app:T\":1}",
                                          "{"};
    static const char *const extras[] = {NULL, "{\"x\":1}", "{\"layout\":{}}"};
    snapjar_context *shared = fresh_context();
    unsigned random = 1;

    (void)state;
    for (int turn = 0; turn < 4000; turn++) {
        snapjar_context *fresh = fresh_context();
        sj_header_plan plan = test_plan();
        const uint8_t *frames[2];
        size_t sizes[2];
        random = random * 1103515245u + 12345u;
        plan.labels_json = labels[(random >> 16) % 5];
        plan.layout_json = layouts[(random >> 19) % 5];
        plan.extra_json = extras[(random >> 22) % 7 % 3];
        if (random >> 30)
            (void)!sj_header_prepare(shared, &plan, NULL);
        snapjar_status status = sj_header_build(&frames[0], &sizes[0], shared, &plan, NULL);
        assert_int_equal(status, sj_header_build(&frames[1], &sizes[1], fresh, &plan, NULL));
        assert_int_equal(sizes[0], sizes[1]);
        if (status == SNAPJAR_OK)
            assert_memory_equal(frames[0], frames[1], sizes[0]);
        snapjar_context_free(fresh);
    }
    snapjar_context_free(shared);
}

static void test_build_refuses_texts(void **state)
{
    static const struct {
        const char *build;
        const char *labels;
        snapjar_diagnostic diagnostic;
    } cases[] = {
        {"", NULL, SNAPJAR_DIAG_JSON_SYNTAX},
        {"{", NULL, SNAPJAR_DIAG_JSON_SYNTAX},
        {"[]", NULL, SNAPJAR_DIAG_JSON_NOT_OBJECT},
        {"{}}", NULL, SNAPJAR_DIAG_JSON_SYNTAX},
        {"{},\"x\":{}", NULL, SNAPJAR_DIAG_JSON_SYNTAX},
        {"{\"a\":1,}", NULL, SNAPJAR_DIAG_JSON_SYNTAX},
        {"{\"a\":1,\"a\":1}", NULL, SNAPJAR_DIAG_JSON_DUPLICATE_KEY},
        {"{\"tool\":{}}", NULL, SNAPJAR_DIAG_JSON_DUPLICATE_KEY},
        {"{\"a\":\"\xff\"}", NULL, SNAPJAR_DIAG_JSON_ENCODING},
        {"{\"a\":9223372036854775808}", NULL, SNAPJAR_DIAG_JSON_NUMBER_RANGE},
        {"{\"a\":\"\\u0000\"}", NULL, SNAPJAR_DIAG_JSON_SYNTAX},
        {"{\"app\":1}", NULL, TYPE},
        {"{\"packages\":{\"n\":1}}", NULL, TYPE},
        {NULL, "null", SNAPJAR_DIAG_JSON_NOT_OBJECT},
        {NULL, "{\"a\":[]}", TYPE},
        {NULL, "{\"a\":{}}", TYPE},
        {NULL, "{\"a\":1e999}", SNAPJAR_DIAG_JSON_NUMBER_RANGE},
        {NULL, "{\"a\":tru}", SNAPJAR_DIAG_JSON_SYNTAX},
    };
    sj_header_plan plan = test_plan();

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        plan.build_json = cases[i].build;
        plan.labels_json = cases[i].labels;
        expect_refused(&plan, SNAPJAR_INVALID_ARGUMENT, cases[i].diagnostic);
    }
}

static void test_build_refuses_values(void **state)
{
    sj_header_plan plan = test_plan();
    char name[1026];

    (void)state;
    memset(name, 'x', sizeof(name));
    plan.type = "";
    expect_refused(&plan, SNAPJAR_INVALID_ARGUMENT, VALUE);
    plan.type = "\xc3";
    expect_refused(&plan, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_JSON_ENCODING);
    name[1025] = '\0';
    plan.type = name;
    expect_refused(&plan, SNAPJAR_INVALID_ARGUMENT, VALUE);
    name[1024] = '\0';
    snapjar_context *context = fresh_context();
    assert_ok(sj_header_prepare(context, &plan, err));
    snapjar_context_free(context);
    plan = test_plan();
    plan.schema_version = -1;
    expect_refused(&plan, SNAPJAR_INVALID_ARGUMENT, VALUE);
    plan = test_plan();
    plan.created = "now";
    expect_refused(&plan, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT);
    plan.created = "2026-02-30T00:00:00Z";
    expect_refused(&plan, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT);
}

/* A label of `size` bytes of JSON. */
static char *large_labels(size_t size)
{
    char *labels = malloc(size + 1);

    assert_non_null(labels);
    memset(labels, 'x', size);
    memcpy(labels, "{\"a\":\"", 6);
    memcpy(labels + size - 2, "\"}", 3);
    return labels;
}

static void test_build_sizes(void **state)
{
    snapjar_context *context = fresh_context();
    sj_header_plan plan = test_plan();
    const uint8_t *frame = NULL;
    size_t size = 0;
    snapjar_error fault;

    (void)state;
    /* What prepare may let pass: 1 MiB less room for the rest. */
    const size_t constant = strlen(START "},\"labels\":");
    const size_t most = (1u << 20) - 768 - constant;
    char *labels = large_labels(most);
    plan.labels_json = labels;
    assert_ok(sj_header_build(&frame, &size, context, &plan, err));
    assert_true(size <= (1u << 20) + SJ_PREFIX_SIZE);
    free(labels);
    labels = large_labels(most + 1);
    plan.labels_json = labels;
    assert_fault(sj_header_build(&frame, &size, context, &plan, &fault), &fault, SNAPJAR_INVALID_ARGUMENT,
                 SNAPJAR_DIAG_HEADER_TOO_LARGE, SNAPJAR_SPACE_NONE, SNAPJAR_OFFSET_NONE);
    free(labels);
    snapjar_context_free(context);
}

static void test_build_many_buffers(void **state)
{
    snapjar_context *context = fresh_context();
    sj_header_plan plan = test_plan();
    const uint8_t *frame = NULL;
    size_t size = 0;
    snapjar_error fault;
    const size_t most = (1u << 20) / 64;
    snapjar_buffer_span *spans = calloc(most + 1, sizeof(*spans));

    (void)state;
    assert_non_null(spans);
    for (size_t i = 0; i <= most; i++)
        spans[i].offset = 64;
    plan.size = 64;
    plan.buffers = spans;
    plan.buffer_count = most;
    assert_ok(sj_header_build(&frame, &size, context, &plan, err));
    plan.buffer_count = most + 1;
    assert_fault(sj_header_build(&frame, &size, context, &plan, &fault), &fault, SNAPJAR_LIMIT,
                 SNAPJAR_DIAG_HEADER_TOO_LARGE, SNAPJAR_SPACE_NONE, SNAPJAR_OFFSET_NONE);
    assert_null(frame);
    /* Few enough buffers, and yet no room beside the labels. */
    char *labels = large_labels(1000000);
    plan.labels_json = labels;
    plan.buffer_count = 4000;
    assert_fault(sj_header_build(&frame, &size, context, &plan, &fault), &fault, SNAPJAR_LIMIT,
                 SNAPJAR_DIAG_HEADER_TOO_LARGE, SNAPJAR_SPACE_NONE, SNAPJAR_OFFSET_NONE);
    assert_null(frame);
    free(labels);
    free(spans);
    snapjar_context_free(context);
}

static void test_created(void **state)
{
    static const struct {
        const char *epoch;
        const char *wanted;
    } cases[] = {
        {"0", "1970-01-01T00:00:00Z"},
        {"1706745599", "2024-01-31T23:59:59Z"},
        {"253402300799", "9999-12-31T23:59:59Z"},
        {"", NULL},
        {NULL, NULL},
    };
    static const char *const refused[] = {"253402300800", "-1", "12x", " 1", "99999999999999999999"};
    snapjar_context *context = fresh_context();
    sj_header_plan plan = test_plan();

    (void)state;
    plan.created = NULL;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char before[32];
        char after[32];
        time_t now = time(NULL);
        strftime(before, sizeof(before), "%Y-%m-%dT%H:%M:%SZ", gmtime(&now));
        if (cases[i].epoch)
            assert_int_equal(setenv("SOURCE_DATE_EPOCH", cases[i].epoch, 1), 0);
        else
            assert_int_equal(unsetenv("SOURCE_DATE_EPOCH"), 0);
        char created[32] = "";
        const char *at = strstr(build_json(context, &plan), "\"created\":\"");
        assert_non_null(at);
        (void)snprintf(created, 21, "%s", at + 11);
        now = time(NULL);
        strftime(after, sizeof(after), "%Y-%m-%dT%H:%M:%SZ", gmtime(&now));
        if (cases[i].wanted)
            assert_string_equal(created, cases[i].wanted);
        else if (strcmp(created, before) < 0 || strcmp(created, after) > 0)
            fail_msg("SOURCE_DATE_EPOCH=%s gives %s, now is %s", cases[i].epoch, created, after);
    }
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        snapjar_error err;
        assert_int_equal(setenv("SOURCE_DATE_EPOCH", refused[i], 1), 0);
        assert_fault(sj_header_prepare(context, &plan, &err), &err, SNAPJAR_INVALID_ARGUMENT,
                     SNAPJAR_DIAG_INVALID_ARGUMENT, SNAPJAR_SPACE_NONE, SNAPJAR_OFFSET_NONE);
    }
    (void)unsetenv("SOURCE_DATE_EPOCH");
    snapjar_context_free(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prefix_reads),
        cmocka_unit_test(test_prefix_writes_what_it_reads),
        cmocka_unit_test(test_prefix_cut_short),
        cmocka_unit_test(test_prefix_foreign),
        cmocka_unit_test(test_prefix_damaged_magic),
        cmocka_unit_test(test_prefix_shifted),
        cmocka_unit_test(test_prefix_sizes),
        cmocka_unit_test(test_prefix_largest_frame),
        cmocka_unit_test(test_prefix_checksum),
        cmocka_unit_test(test_prefix_version_and_flags),
        cmocka_unit_test(test_trailer),
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_simple_fields),
        cmocka_unit_test(test_stream_fields),
        cmocka_unit_test(test_type_sizes),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_depth_of_kept_part),
        cmocka_unit_test(test_size_limits),
        cmocka_unit_test(test_limits_resolve),
        cmocka_unit_test(test_white_space_and_order),
        cmocka_unit_test(test_accessors),
        cmocka_unit_test(test_kept_part_never_shows),
        cmocka_unit_test(test_headers_live_side_by_side),
        cmocka_unit_test(test_mutations),
        cmocka_unit_test(test_cuts),
        cmocka_unit_test(test_streams),
        cmocka_unit_test(test_each),
        cmocka_unit_test(test_each_extremes),
        cmocka_unit_test(test_build),
        cmocka_unit_test(test_build_sees_changed_text),
        cmocka_unit_test(test_build_payload),
        cmocka_unit_test(test_build_checks_what_is_new),
        cmocka_unit_test(test_build_refuses_texts),
        cmocka_unit_test(test_build_refuses_values),
        cmocka_unit_test(test_build_sizes),
        cmocka_unit_test(test_build_many_buffers),
        cmocka_unit_test(test_created),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
