/* SPDX-License-Identifier: MIT
 *
 * Packing, verifying, loading and unpacking through the public interface: what comes back is what went in, whatever its
 * size, source, threads and compression; and bad options are refused. What a reader does with bad records is in
 * test_gate.c.
 */
#include "one_context.h"

#include <unistd.h>

#include "craft.h"
#include "hooked.h"
#include "pickle/inband.h"

#define FRAME SNAPJAR_FRAME_SIZE_MIN

typedef enum filling {
    ZEROS,
    NOISE,
    /** Noise and zeros in turns of 32 KiB. */
    MIXED
} filling;

static void fill_bytes(uint8_t *bytes, size_t size, filling how)
{
    uint64_t random = 88172645463325252u + size;

    for (size_t i = 0; i < size; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        bytes[i] = how == NOISE || (how == MIXED && i >> 15 & 1) ? (uint8_t)random : 0;
    }
}

/* A pickle of exactly `size` bytes (8 or more): one bytes object. */
static blob make_pickle(size_t size, filling how)
{
    blob pickle = {must_alloc(size), size};

    pickle.bytes[0] = 0x80;
    pickle.bytes[1] = 4;
    pickle.bytes[2] = 'B';
    sj_write_le32(pickle.bytes + 3, (uint32_t)(size - 8));
    fill_bytes(pickle.bytes + 7, size - 8, how);
    pickle.bytes[size - 1] = '.';
    return pickle;
}

/* A protocol 5 pickle of `size` bytes that asks for `count` buffers, every other one read-only. */
static blob make_buffers_pickle(size_t size, size_t count)
{
    size_t opcodes = count + count / 2;
    blob pickle = make_pickle(size < 16 + opcodes ? 16 + opcodes : size, NOISE);
    uint8_t *p = pickle.bytes;

    p[1] = 5;
    sj_write_le32(p + 3, (uint32_t)(pickle.size - 8 - opcodes - 2));
    p = p + pickle.size - 1 - opcodes - 2;
    *p++ = '0';
    *p++ = '(';
    for (size_t i = 0; i < count; i++) {
        *p++ = 0x97;
        if (i % 2)
            *p++ = 0x98;
    }
    *p = '.';
    return pickle;
}

typedef enum source_kind { MEMORY, FILE_PATH, FUNCTIONS, SOURCE_KINDS } source_kind;

typedef struct opened {
    snapjar_source *source;
    hooked_source hooked;
    char path[64];
} opened;

static void open_source(opened *o, source_kind kind, const void *bytes, size_t size)
{
    *o = (opened){.hooked = {.bytes = bytes, .size = size}};
    if (kind == MEMORY) {
        assert_ok(snapjar_source_from_memory(&o->source, context, bytes, size, err));
    } else if (kind == FUNCTIONS) {
        o->source = hooked_source_open(context, &o->hooked);
    } else {
        strcpy(o->path, "/tmp/test_snapshot.XXXXXX");
        int fd = mkstemp(o->path);
        assert_true(fd >= 0);
        for (size_t done = 0; done < size;) {
            ssize_t step = write(fd, (const uint8_t *)bytes + done, size - done);
            assert_true(step > 0);
            done += (size_t)step;
        }
        (void)close(fd);
        assert_ok(snapjar_source_open_path(&o->source, context, o->path, 0, err));
        (void)unlink(o->path);
    }
}

static blob pack_one(opened *from, const snapjar_pack_options *options, snapjar_packed *packed)
{
    hooked_sink got = {.size = 0};
    snapjar_sink *sink = hooked_sink_open(context, &got, true);

    assert_ok(snapjar_pack(context, from->source, 0, sink, options, packed, err));
    assert_ok(snapjar_sink_finish(sink, err));
    snapjar_sink_free(sink);
    return (blob){got.bytes, got.size};
}

/* Unpacks the current record into a sink of one of both kinds and compares. */
static void expect_unpacked(snapjar_reader *reader, const snapjar_check_options *options, bool is_transactional,
                            const blob *wanted)
{
    hooked_sink got = {.size = 0};
    snapjar_sink *sink = hooked_sink_open(context, &got, is_transactional);

    assert_ok(snapjar_record_unpack(reader, sink, options, err));
    assert_int_equal(got.size, wanted->size);
    assert_memory_equal(got.bytes, wanted->bytes, wanted->size);
    snapjar_sink_free(sink);
    free(got.bytes);
}

/* The content: the pickle, then each buffer where the header says, zeros between. */
static void expect_content(snapjar_reader *reader, const snapjar_header *header, const snapjar_check_options *options,
                           const blob *pickle, const snapjar_buffer *buffers, size_t count)
{
    snapjar_content *content = NULL;
    uint64_t size = 0;
    uint64_t pickle_size = 0;
    size_t span_count = 0;

    assert_ok(snapjar_record_load(reader, &content, options, err));
    const uint8_t *bytes = snapjar_content_data(content, &size, &pickle_size);
    const snapjar_buffer_span *spans = snapjar_header_buffers(header, &span_count);
    assert_int_equal((uintptr_t)bytes % 64, 0);
    assert_int_equal(size, snapjar_header_size(header));
    assert_int_equal(pickle_size, pickle->size);
    assert_int_equal(span_count, count);
    assert_memory_equal(bytes, pickle->bytes, pickle->size);
    uint64_t end = pickle_size;
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(spans[i].offset, (end + 63) / 64 * 64);
        assert_int_equal(spans[i].size, buffers[i].size);
        for (; end < spans[i].offset; end++)
            assert_int_equal(bytes[end], 0);
        if (buffers[i].size)
            assert_memory_equal(bytes + end, buffers[i].data, buffers[i].size);
        end += buffers[i].size;
    }
    assert_int_equal(end, size);
    snapjar_content_free(content);
}

static void expect_packed(const snapjar_record *record, const snapjar_packed *packed,
                          const snapjar_pack_options *options)
{
    const snapjar_header *header = snapjar_record_header(record);

    assert_int_equal(packed->record_size, snapjar_record_size(record));
    assert_int_equal(packed->size, snapjar_header_size(header));
    assert_int_equal(packed->pickle_size, snapjar_header_pickle_size(header));
    assert_int_equal(packed->stored_size, snapjar_header_stored_size(header));
    assert_int_equal(packed->protocol, snapjar_header_protocol(header));
    assert_int_equal(snapjar_header_frame_size(header), options->frame_size ? options->frame_size : 2u << 20);
    assert_int_equal(snapjar_header_string_encoding(header), options->string_encoding);
    assert_int_equal(snapjar_header_schema_version(header), options->schema_version);
    assert_int_equal(snapjar_record_payload_offset(record) + packed->stored_size + SJ_TRAILER_SIZE,
                     packed->record_size);
}

/* Packs, reads back in every way, and compares. `inband` is what unpack must give. */
static void round_trip(const blob *pickle, const blob *inband, const snapjar_pack_options *options, source_kind kind)
{
    snapjar_check_options check = SNAPJAR_CHECK_OPTIONS_INIT;
    snapjar_packed packed;
    snapjar_reader *reader = NULL;
    const snapjar_record *record = NULL;
    snapjar_verification seen;
    opened from;
    opened file;

    open_source(&from, kind, pickle->bytes, pickle->size);
    blob bytes = pack_one(&from, options, &packed);
    snapjar_source_free(from.source);
    open_source(&file, kind, bytes.bytes, bytes.size);
    assert_ok(snapjar_reader_new(&reader, context, file.source, NULL, err));
    assert_ok(snapjar_reader_next(reader, &record, err));
    assert_int_equal(packed.record_size, bytes.size);
    expect_packed(record, &packed, options);
    check.threads = options->threads;
    assert_ok(snapjar_record_verify(reader, &check, &seen, err));
    uint64_t frame_size = snapjar_header_frame_size(snapjar_record_header(record));
    assert_int_equal(seen.frame_count, (packed.size + frame_size - 1) / frame_size);
    assert_true(seen.opcode_count >= 3);
    assert_ok(snapjar_record_verify(reader, NULL, NULL, err));
    expect_content(reader, snapjar_record_header(record), &check, pickle, options->buffers, options->buffer_count);
    expect_unpacked(reader, &check, true, inband);
    expect_unpacked(reader, &check, false, inband);
    check.stored_only = true;
    assert_ok(snapjar_record_verify(reader, &check, &seen, err));
    assert_int_equal(seen.opcode_count, 0);
    assert_int_equal(seen.frame_count, (packed.size + frame_size - 1) / frame_size);
    expect_unpacked(reader, &check, false, inband);
    assert_ok(snapjar_reader_next(reader, &record, err));
    assert_null(record);
    snapjar_reader_free(reader);
    snapjar_source_free(file.source);
    free(bytes.bytes);
}

static void test_round_trips(void **state)
{
    static const size_t sizes[] = {8,         9,         512,           513,           FRAME - 1,    FRAME,
                                   FRAME + 1, 2 * FRAME, 2 * FRAME + 1, 3 * FRAME - 1, 7 * FRAME + 9};
    static const unsigned threads[] = {0, 1, 2, 3};
    static const snapjar_compression compressions[] = {SNAPJAR_COMPRESSION_AUTO, SNAPJAR_COMPRESSION_RAW,
                                                       SNAPJAR_COMPRESSION_ZSTD};

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        for (filling how = ZEROS; how <= MIXED; how++) {
            blob pickle = make_pickle(sizes[i], how);
            for (size_t j = 0; j < 4 * 3 * SOURCE_KINDS; j++) {
                snapjar_pack_options options = test_options();
                options.frame_size = FRAME;
                options.threads = threads[j % 4];
                options.compression = compressions[j / 4 % 3];
                round_trip(&pickle, &pickle, &options, (source_kind)(j / 12));
            }
            free(pickle.bytes);
        }
    }
}

/* Frames of every size, levels at both ends, encodings; and stored payloads on both sides of what is read once. */
static void test_round_trips_of_large_frames(void **state)
{
    static const int levels[] = {-7, 0, 1, 9};
    static const size_t sizes[] = {(1u << 20) - 60, (1u << 20) + 60, (8u << 20) + 1};

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        blob pickle = make_pickle(sizes[i], MIXED);
        for (size_t j = 0; j < 4; j++) {
            snapjar_pack_options options = test_options();
            options.frame_size = j ? 1u << (19 + j + j / 3) : 0;
            options.level = levels[j];
            options.threads = (unsigned)j;
            options.string_encoding = (snapjar_string_encoding)(j % 3);
            options.schema_version = INT64_MAX;
            round_trip(&pickle, &pickle, &options, (source_kind)(j % SOURCE_KINDS));
        }
        free(pickle.bytes);
    }
}

static snapjar_status gather(void *state, const void *bytes, size_t size, snapjar_error *err)
{
    return hooked_write(state, bytes, size, err);
}

static blob put_inband(const blob *pickle, const snapjar_buffer *buffers, size_t count)
{
    hooked_sink got = {.size = 0};
    sj_inband_buffer own[128];

    for (size_t i = 0; i < count; i++)
        own[i] = (sj_inband_buffer){buffers[i].data, buffers[i].size};
    assert_ok(sj_inband_write(pickle->bytes, pickle->size, own, count, gather, &got, err));
    return (blob){got.bytes, got.size};
}

static void test_buffers(void **state)
{
    static const struct {
        size_t pickle_size;
        size_t sizes[8];
        size_t count;
    } cases[] = {
        {20, {0}, 1},
        {20, {1}, 1},
        {64, {0, 0, 0}, 3},
        {63, {64}, 1},
        {65, {63, 65, 0, 0, 1}, 5},
        {100, {200000, 0, 70001}, 3},
        {FRAME, {FRAME}, 1},
        {FRAME, {0}, 1},
        {FRAME - 1, {1}, 1},
        {FRAME - 64, {64}, 1},
        {FRAME - 64, {64, 0, 0}, 3},
        {FRAME - 65, {64, 0}, 2},
        {2 * FRAME - 3, {0, FRAME - 1, 1, 2 * FRAME + 3}, 4},
        {30, {1, 2, 3, 4, 5, 6, 7, 8}, 8},
    };
    static uint8_t data[4 * FRAME];

    (void)state;
    fill_bytes(data, sizeof(data), MIXED);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snapjar_buffer buffers[8];
        blob pickle = make_buffers_pickle(cases[i].pickle_size, cases[i].count);
        for (size_t j = 0; j < cases[i].count; j++)
            buffers[j] = (snapjar_buffer){cases[i].sizes[j] ? data + 13 * j + 1 : NULL, cases[i].sizes[j]};
        blob inband = put_inband(&pickle, buffers, cases[i].count);
        for (size_t j = 0; j < 3 * 3 * SOURCE_KINDS; j++) {
            snapjar_pack_options options = test_options();
            options.frame_size = FRAME;
            options.buffers = buffers;
            options.buffer_count = cases[i].count;
            options.threads = (unsigned)(j % 3 + 1);
            options.compression = (snapjar_compression)(j / 3 % 3);
            round_trip(&pickle, &inband, &options, (source_kind)(j / 9));
        }
        free(inband.bytes);
        free(pickle.bytes);
    }
}

static void test_buffers_must_match(void **state)
{
    static const snapjar_buffer buffers[3] = {{"a", 1}, {"b", 1}, {"c", 1}};

    (void)state;
    for (size_t given = 0; given <= 3; given++) {
        blob pickle = make_buffers_pickle(40, 2);
        blob both = {must_alloc(sizeof(pickle_small) + pickle.size), sizeof(pickle_small) + pickle.size};
        snapjar_pack_options options = test_options();
        hooked_sink got = {.size = 0};
        snapjar_sink *sink = hooked_sink_open(context, &got, true);
        snapjar_error fault;
        opened from;
        memcpy(both.bytes, pickle_small, sizeof(pickle_small));
        memcpy(both.bytes + sizeof(pickle_small), pickle.bytes, pickle.size);
        open_source(&from, MEMORY, both.bytes, both.size);
        options.buffers = given ? buffers : NULL;
        options.buffer_count = given;
        snapjar_status status = snapjar_pack(context, from.source, sizeof(pickle_small), sink, &options, NULL, &fault);
        if (given == 2)
            assert_int_equal(status, SNAPJAR_OK);
        else
            assert_fault(status, &fault, SNAPJAR_WRONG_FORMAT, SNAPJAR_DIAG_PICKLE_BUFFERS_MISMATCH,
                         SNAPJAR_SPACE_CONTENT, sizeof(pickle_small));
        assert_int_equal(got.writes, given == 2);
        snapjar_sink_free(sink);
        snapjar_source_free(from.source);
        free(got.bytes);
        free(both.bytes);
        free(pickle.bytes);
    }
}

/* ---- refusals of pack ---- */

/* Packs `bytes` from `offset` on, which must fail with the sink untouched and `packed` zero. */
static void expect_refused(const void *bytes, size_t size, uint64_t offset, const snapjar_pack_options *options,
                           snapjar_status wanted, snapjar_diagnostic diagnostic, snapjar_space space, uint64_t at)
{
    for (source_kind kind = MEMORY; kind < SOURCE_KINDS; kind++) {
        snapjar_packed packed;
        snapjar_packed none = {0};
        hooked_sink got = {.size = 0};
        snapjar_sink *sink = hooked_sink_open(context, &got, true);
        snapjar_error fault;
        opened from;
        open_source(&from, kind, bytes, size);
        memset(&packed, 0xff, sizeof(packed));
        memset(&fault, 0xff, sizeof(fault));
        assert_fault(snapjar_pack(context, from.source, offset, sink, options, &packed, &fault), &fault, wanted,
                     diagnostic, space, at);
        assert_int_equal(packed.pickle_size | packed.size | packed.stored_size | packed.record_size, 0);
        assert_int_equal(packed.protocol, none.protocol);
        assert_int_equal(snapjar_pack(context, from.source, offset, sink, options, NULL, NULL), wanted);
        assert_int_equal(got.writes, 0);
        snapjar_sink_free(sink);
        snapjar_source_free(from.source);
    }
}

static void expect_option_refused(const snapjar_pack_options *options, snapjar_diagnostic diagnostic)
{
    expect_refused(pickle_small, sizeof(pickle_small), 0, options, SNAPJAR_INVALID_ARGUMENT, diagnostic,
                   SNAPJAR_SPACE_NONE, SNAPJAR_OFFSET_NONE);
}

static void expect_accepted(const snapjar_pack_options *options)
{
    blob file = pack_all(context, pickle_small, sizeof(pickle_small), 1, options);
    size_t count = 0;

    assert_ok(verify_all(context, file.bytes, file.size, NULL, NULL, &count, err));
    assert_int_equal(count, 1);
    free(file.bytes);
}

#define expect_option(member, value, is_right)                                                                         \
    do {                                                                                                               \
        snapjar_pack_options changed = test_options();                                                                 \
        changed.member = (value);                                                                                      \
        if (is_right)                                                                                                  \
            expect_accepted(&changed);                                                                                 \
        else                                                                                                           \
            expect_option_refused(&changed, SNAPJAR_DIAG_INVALID_ARGUMENT);                                            \
    } while (0)

static void test_pack_options(void **state)
{
    snapjar_pack_options options = test_options();
    snapjar_limits limits = SNAPJAR_LIMITS_INIT;

    (void)state;
    expect_accepted(NULL);
    expect_option(type, NULL, true);
    expect_option(schema_version, -1, false);
    expect_option(schema_version, 0, true);
    expect_option(created, "yesterday", false);
    expect_option(created, "", false);
    expect_option(created, NULL, true);
    expect_option(string_encoding, (snapjar_string_encoding)3, false);
    expect_option(string_encoding, (snapjar_string_encoding)-1, false);
    expect_option(compression, (snapjar_compression)3, false);
    expect_option(compression, (snapjar_compression)-1, false);
    expect_option(level, -8, false);
    expect_option(level, -7, true);
    expect_option(level, 22, true);
    expect_option(level, 23, false);
    expect_option(threads, 64, true);
    expect_option(threads, 65, false);
    expect_option(frame_size, 1u << 15, false);
    expect_option(frame_size, (1u << 16) - 1, false);
    expect_option(frame_size, 1u << 16, true);
    expect_option(frame_size, (1u << 16) + 1, false);
    expect_option(frame_size, 3u << 16, false);
    expect_option(frame_size, 1u << 23, true);
    expect_option(frame_size, 1u << 24, false);
    expect_option(frame_size, 1, false);
    expect_option(buffer_count, 1, false);
    limits.json_depth_max = 1001;
    expect_option(limits, &limits, false);
    limits.struct_size = 1;
    expect_option(limits, &limits, false);
    options.type = "";
    expect_option_refused(&options, SNAPJAR_DIAG_FIELD_VALUE);
    options = test_options();
    options.build_json = "{\"tool\":1}";
    expect_option_refused(&options, SNAPJAR_DIAG_JSON_DUPLICATE_KEY);
    options = test_options();
    options.labels_json = "{\"a\":{}}";
    expect_option_refused(&options, SNAPJAR_DIAG_FIELD_TYPE);
}

static void test_pack_struct_size(void **state)
{
    struct {
        snapjar_pack_options options;
        uint8_t tail[8192];
    } newer = {.options = test_options()};
    static const size_t absurd[] = {0, 1, sizeof(size_t) - 1, 4097, SIZE_MAX};

    (void)state;
    for (size_t i = 0; i < sizeof(absurd) / sizeof(absurd[0]); i++)
        expect_option(struct_size, absurd[i], false);
    /* A newer program's, which asks for nothing that is not known here; and one that does. */
    newer.options.struct_size = sizeof(snapjar_pack_options) + 16;
    expect_accepted(&newer.options);
    newer.tail[15] = 1;
    expect_option_refused(&newer.options, SNAPJAR_DIAG_INVALID_ARGUMENT);
    newer.tail[15] = 0;
    newer.tail[16] = 1;
    expect_accepted(&newer.options);
    newer.options.struct_size = 4096;
    newer.tail[16] = 0;
    expect_accepted(&newer.options);
    /* An older program's: what is beyond its end is not looked at. */
    newer.options.struct_size = offsetof(snapjar_pack_options, level);
    newer.options.level = 1000;
    newer.options.threads = 1000;
    expect_accepted(&newer.options);
    newer.options.struct_size = sizeof(size_t);
    expect_accepted(&newer.options);
}

static void test_pack_offset(void **state)
{
    snapjar_pack_options options = test_options();

    (void)state;
    expect_refused(pickle_small, sizeof(pickle_small), sizeof(pickle_small) + 1, &options, SNAPJAR_INVALID_ARGUMENT,
                   SNAPJAR_DIAG_INVALID_ARGUMENT, SNAPJAR_SPACE_NONE, SNAPJAR_OFFSET_NONE);
    expect_refused(pickle_small, sizeof(pickle_small), UINT64_MAX, &options, SNAPJAR_INVALID_ARGUMENT,
                   SNAPJAR_DIAG_INVALID_ARGUMENT, SNAPJAR_SPACE_NONE, SNAPJAR_OFFSET_NONE);
    expect_refused(pickle_small, sizeof(pickle_small), sizeof(pickle_small), &options, SNAPJAR_CUT_SHORT,
                   SNAPJAR_DIAG_PICKLE_EMPTY, SNAPJAR_SPACE_CONTENT, sizeof(pickle_small));
}

static void test_pack_bad_pickles(void **state)
{
    uint8_t bytes[2 * sizeof(pickle_small)];
    snapjar_pack_options options = test_options();

    (void)state;
    memcpy(bytes, pickle_small, sizeof(pickle_small));
    memcpy(bytes + sizeof(pickle_small), pickle_small, sizeof(pickle_small));
    expect_refused("", 0, 0, &options, SNAPJAR_CUT_SHORT, SNAPJAR_DIAG_PICKLE_EMPTY, SNAPJAR_SPACE_CONTENT, 0);
    for (size_t size = sizeof(pickle_small) + 1; size < sizeof(bytes); size++)
        expect_refused(bytes, size, sizeof(pickle_small), &options, SNAPJAR_CUT_SHORT, SNAPJAR_DIAG_PICKLE_CUT_SHORT,
                       SNAPJAR_SPACE_CONTENT, size);
    bytes[sizeof(pickle_small) + 12] = 0xff;
    expect_refused(bytes, sizeof(bytes), sizeof(pickle_small), &options, SNAPJAR_DAMAGED,
                   SNAPJAR_DIAG_PICKLE_OPCODE_UNKNOWN, SNAPJAR_SPACE_CONTENT, sizeof(pickle_small) + 12);
    /* A fault in the second frame, when the first is compressed already. */
    blob large = make_pickle(3 * FRAME, NOISE);
    options.frame_size = FRAME;
    for (unsigned threads = 1; threads <= 3; threads++) {
        options.threads = threads;
        sj_write_le32(large.bytes + 3, 2 * FRAME);
        large.bytes[7 + 2 * FRAME] = 0xfe;
        expect_refused(large.bytes, large.size, 0, &options, SNAPJAR_DAMAGED, SNAPJAR_DIAG_PICKLE_OPCODE_UNKNOWN,
                       SNAPJAR_SPACE_CONTENT, 7 + 2 * FRAME);
        sj_write_le32(large.bytes + 3, 3 * FRAME);
        expect_refused(large.bytes, large.size, 0, &options, SNAPJAR_CUT_SHORT, SNAPJAR_DIAG_PICKLE_CUT_SHORT,
                       SNAPJAR_SPACE_CONTENT, large.size);
    }
    free(large.bytes);
}

static void test_pack_limits(void **state)
{
    static const size_t sizes[] = {8, 1000, FRAME - 1, FRAME, FRAME + 1, 2 * FRAME};
    snapjar_limits limits = SNAPJAR_LIMITS_INIT;
    snapjar_pack_options options = test_options();
    static const char text[] = "V0123456789\n.";

    (void)state;
    options.limits = &limits;
    options.frame_size = FRAME;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        blob pickle = make_pickle(sizes[i], MIXED);
        limits.content_size_max = sizes[i];
        for (source_kind kind = MEMORY; kind < SOURCE_KINDS; kind++)
            round_trip(&pickle, &pickle, &options, kind);
        limits.content_size_max = sizes[i] - 1;
        expect_refused(pickle.bytes, pickle.size, 0, &options, SNAPJAR_LIMIT, SNAPJAR_DIAG_INPUT_TOO_LARGE,
                       SNAPJAR_SPACE_CONTENT, sizes[i] - 1);
        free(pickle.bytes);
    }
    limits.content_size_max = 0;
    limits.pickle_line_size_max = 10;
    blob file = pack_all(context, text, sizeof(text) - 1, 1, &options);
    free(file.bytes);
    limits.pickle_line_size_max = 9;
    expect_refused(text, sizeof(text) - 1, 0, &options, SNAPJAR_LIMIT, SNAPJAR_DIAG_PICKLE_LINE_TOO_LONG,
                   SNAPJAR_SPACE_CONTENT, 1);
}

static void test_pack_limit_counts_buffers(void **state)
{
    snapjar_limits limits = SNAPJAR_LIMITS_INIT;
    snapjar_pack_options options = test_options();
    const snapjar_buffer buffers[] = {{"0123456789", 10}, {"", 0}};
    blob pickle = make_buffers_pickle(65, 2);
    blob inband = put_inband(&pickle, buffers, 2);

    (void)state;
    options.limits = &limits;
    options.buffers = buffers;
    options.buffer_count = 2;
    limits.content_size_max = 192; /* 65, padding to 128, 10, padding to 192 */
    round_trip(&pickle, &inband, &options, MEMORY);
    limits.content_size_max = 191;
    expect_refused(pickle.bytes, pickle.size, 0, &options, SNAPJAR_LIMIT, SNAPJAR_DIAG_INPUT_TOO_LARGE,
                   SNAPJAR_SPACE_CONTENT, 0);
    limits.content_size_max = 64;
    expect_refused(pickle.bytes, pickle.size, 0, &options, SNAPJAR_LIMIT, SNAPJAR_DIAG_INPUT_TOO_LARGE,
                   SNAPJAR_SPACE_CONTENT, 64);
    free(inband.bytes);
    free(pickle.bytes);
}

typedef struct ticker {
    size_t calls;
    size_t cancelled_call;
    uint64_t done;
    bool is_wrong;
} ticker;

static bool tick(void *state, uint64_t done, uint64_t total)
{
    ticker *t = state;

    t->is_wrong |= (total && done > total) || done < t->done;
    t->done = done;
    return ++t->calls != t->cancelled_call;
}

static void test_pack_cancelled(void **state)
{
    blob pickle = make_pickle(5 * FRAME + 3, MIXED);

    (void)state;
    for (unsigned threads = 1; threads <= 3; threads++) {
        snapjar_pack_options options = test_options();
        ticker all = {.calls = 0};
        options.frame_size = FRAME;
        options.threads = threads;
        options.progress = tick;
        options.progress_state = &all;
        blob file = pack_all(context, pickle.bytes, pickle.size, 1, &options);
        free(file.bytes);
        assert_true(all.calls >= 6);
        assert_false(all.is_wrong);
        for (size_t call = 1; call <= all.calls; call++) {
            for (source_kind kind = MEMORY; kind < SOURCE_KINDS; kind++) {
                ticker t = {.cancelled_call = call};
                hooked_sink got = {.size = 0};
                snapjar_sink *sink = hooked_sink_open(context, &got, false);
                snapjar_error fault;
                opened from;
                open_source(&from, kind, pickle.bytes, pickle.size);
                options.progress_state = &t;
                assert_fault(snapjar_pack(context, from.source, 0, sink, &options, NULL, &fault), &fault,
                             SNAPJAR_CANCELLED, SNAPJAR_DIAG_CANCELLED, SNAPJAR_SPACE_NONE, SNAPJAR_OFFSET_NONE);
                assert_int_equal(t.calls, call);
                assert_int_equal(got.writes, 0);
                snapjar_sink_free(sink);
                snapjar_source_free(from.source);
            }
        }
    }
    free(pickle.bytes);
}

/* What the sink or the source fails with comes back, and no count of what was not done. */
static void test_pack_io_failures(void **state)
{
    blob pickle = make_pickle(3 * FRAME, NOISE);
    snapjar_pack_options options = test_options();

    (void)state;
    options.frame_size = FRAME;
    for (size_t write = 1;; write++) {
        hooked_sink got = {.failing_write = write};
        snapjar_sink *sink = hooked_sink_open(context, &got, true);
        snapjar_packed packed;
        snapjar_error fault;
        opened from;
        open_source(&from, MEMORY, pickle.bytes, pickle.size);
        memset(&packed, 0xff, sizeof(packed));
        snapjar_status status = snapjar_pack(context, from.source, 0, sink, &options, &packed, &fault);
        snapjar_sink_free(sink);
        snapjar_source_free(from.source);
        free(got.bytes);
        if (status == SNAPJAR_OK) {
            assert_true(write > 3);
            break;
        }
        assert_fault(status, &fault, SNAPJAR_IO, SNAPJAR_DIAG_WRITE_FAILED, SNAPJAR_SPACE_NONE, SNAPJAR_OFFSET_NONE);
        assert_int_equal(packed.pickle_size | packed.size | packed.stored_size | packed.record_size, 0);
    }
    for (unsigned threads = 1; threads <= 3; threads++) {
        for (size_t read = 1; read <= 3; read++) {
            hooked_source broken = {.bytes = pickle.bytes, .size = pickle.size, .failing_read = read};
            hooked_sink got = {.size = 0};
            snapjar_source *source = hooked_source_open(context, &broken);
            snapjar_sink *sink = hooked_sink_open(context, &got, false);
            snapjar_error fault;
            options.threads = threads;
            assert_fault(snapjar_pack(context, source, 0, sink, &options, NULL, &fault), &fault, SNAPJAR_IO,
                         SNAPJAR_DIAG_READ_FAILED, SNAPJAR_SPACE_FILE, (read - 1) * FRAME);
            assert_int_equal(got.writes, 0);
            snapjar_sink_free(sink);
            snapjar_source_free(source);
        }
    }
    free(pickle.bytes);
}

/* A source that gets shorter between being asked for its size and being read: the pickle is cut short, not the program
 * lost. */
static void test_pack_shrinking_source(void **state)
{
    blob pickle = make_pickle(1000, NOISE);
    uint8_t *others = must_alloc(1000);
    hooked_source shrinking = {.bytes = pickle.bytes, .size = 1000};
    snapjar_source *source = hooked_source_open(context, &shrinking);
    snapjar_pack_options options = test_options();
    snapjar_sink *sink = NULL;
    snapjar_error fault;
    ticker t = {.calls = 0};

    (void)state;
    options.progress = tick;
    options.progress_state = &t;
    assert_ok(snapjar_sink_to_memory(&sink, context, err));
    shrinking.size = 999;
    assert_fault(snapjar_pack(context, source, 0, sink, &options, NULL, &fault), &fault, SNAPJAR_CUT_SHORT,
                 SNAPJAR_DIAG_PICKLE_CUT_SHORT, SNAPJAR_SPACE_CONTENT, 999);
    snapjar_sink_free(sink);
    snapjar_source_free(source);
    free(others);
    free(pickle.bytes);
}

/* Small records reach the sink in one write, so that an appender's reader never sees half of one. */
static void test_small_record_is_one_write(void **state)
{
    static const size_t sizes[] = {21, 600, 60000};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        blob pickle = make_pickle(sizes[i], NOISE);
        snapjar_pack_options options = test_options();
        hooked_sink got = {.size = 0};
        snapjar_sink *sink = hooked_sink_open(context, &got, true);
        opened from;
        open_source(&from, MEMORY, pickle.bytes, pickle.size);
        assert_ok(snapjar_pack(context, from.source, 0, sink, &options, NULL, err));
        assert_int_equal(got.writes, 1);
        snapjar_sink_free(sink);
        snapjar_source_free(from.source);
        free(got.bytes);
        free(pickle.bytes);
    }
}

/* The same input and options give the same bytes in a fresh and in a used context, with any number of threads. */
static void test_output_is_stable(void **state)
{
    blob pickle = make_pickle(6 * FRAME + 77, MIXED);
    snapjar_pack_options options = test_options();
    blob first = {NULL, 0};

    (void)state;
    options.frame_size = FRAME;
    for (unsigned threads = 0; threads <= 8; threads++) {
        options.threads = threads;
        snapjar_context *fresh = NULL;
        assert_ok(snapjar_context_new(&fresh, NULL, err));
        blob a = pack_all(fresh, pickle.bytes, pickle.size, 1, &options);
        blob b = pack_all(context, pickle.bytes, pickle.size, 1, &options);
        if (!first.bytes)
            first = blob_copy(a.bytes, a.size);
        assert_int_equal(a.size, first.size);
        assert_memory_equal(a.bytes, first.bytes, a.size);
        assert_int_equal(b.size, first.size);
        assert_memory_equal(b.bytes, first.bytes, b.size);
        free(a.bytes);
        free(b.bytes);
        snapjar_context_free(fresh);
        /* Another level in between must leave no trace. */
        options.level = 1;
        free(pack_all(context, pickle.bytes, pickle.size, 1, &options).bytes);
        options.level = 0;
    }
    free(first.bytes);
    free(pickle.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_round_trips_of_large_frames),
        cmocka_unit_test(test_buffers),
        cmocka_unit_test(test_buffers_must_match),
        cmocka_unit_test(test_pack_options),
        cmocka_unit_test(test_pack_struct_size),
        cmocka_unit_test(test_pack_offset),
        cmocka_unit_test(test_pack_bad_pickles),
        cmocka_unit_test(test_pack_limits),
        cmocka_unit_test(test_pack_limit_counts_buffers),
        cmocka_unit_test(test_pack_cancelled),
        cmocka_unit_test(test_pack_io_failures),
        cmocka_unit_test(test_pack_shrinking_source),
        cmocka_unit_test(test_small_record_is_one_write),
        cmocka_unit_test(test_output_is_stable),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
