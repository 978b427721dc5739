/* SPDX-License-Identifier: MIT
 *
 * The walk over the pickles of any source, and the walk that finds a pickle's end and scans it at once.
 */
#include "one_context.h"

#include <zlib.h>

#include "craft.h"
#include "hooked.h"
#include "pickle/inspect.h"

/* ---- inspecting: the end is that of the lexer, whatever the scan says ---- */

static const struct {
    const char *what;
    const uint8_t *bytes;
    size_t size;
    /** What the scan fails with. */
    snapjar_diagnostic scan;
    uint64_t offset;
} inspected[] = {
    {"sound",
     BYTES("\x80\x04}\x8c\x01"
           "a\x94K\x01s."),
     SNAPJAR_DIAG_NONE, 0},
    {"protocol 0", BYTES("(lp0\nI1\naS'abc'\np1\na."), SNAPJAR_DIAG_NONE, 0},
    {"protocol 2 by its opcodes", BYTES("]\x94."), SNAPJAR_DIAG_NONE, 0},
    {"stack underflow", BYTES("\x80\x02N00K\x01."), SNAPJAR_DIAG_PICKLE_STACK_UNDERFLOW, 4},
    {"stack underflow with buffers behind",
     BYTES("\x80\x05"
           "0\x97\x97\x86."),
     SNAPJAR_DIAG_PICKLE_STACK_UNDERFLOW, 2},
    {"no mark",
     BYTES("\x80\x04]ea\x8c\x03"
           "abc."),
     SNAPJAR_DIAG_PICKLE_MARK_MISSING, 3},
    {"no memo entry",
     BYTES("\x80\x04h\x05\x8c\x40"
           "0123456789012345678901234567890123456789012345678901234567890123."),
     SNAPJAR_DIAG_PICKLE_MEMO_MISSING, 2},
    {"operand", BYTES("\x80\x04NN\x93\x95\x01\0\0\0\0\0\0\0N."), SNAPJAR_DIAG_PICKLE_OPERAND_INVALID, 4},
    {"nothing at STOP", BYTES("."), SNAPJAR_DIAG_PICKLE_STACK_UNDERFLOW, 0},
    {"no opcode", BYTES("\x80\x04N\xff."), SNAPJAR_DIAG_PICKLE_OPCODE_UNKNOWN, 3},
    {"no opcode after an underflow",
     BYTES("\x80\x04"
           "0N\xff."),
     SNAPJAR_DIAG_PICKLE_STACK_UNDERFLOW, 2},
    {"cut short",
     BYTES("\x80\x04]\x8c\x05"
           "ab"),
     SNAPJAR_DIAG_PICKLE_CUT_SHORT, 7},
    {"cut short after an underflow",
     BYTES("\x80\x04"
           "0\x8c\x05"
           "ab"),
     SNAPJAR_DIAG_PICKLE_STACK_UNDERFLOW, 2},
    {"negative length", BYTES("\x80\x04T\xff\xff\xff\xff."), SNAPJAR_DIAG_PICKLE_ARGUMENT_INVALID, 3},
    {"empty", BYTES(""), SNAPJAR_DIAG_PICKLE_EMPTY, 0},
};

/* Walks over the bytes in chunks of `step`, the first one of `first`. */
static snapjar_status inspect(snapjar_scan *scan, const uint8_t *bytes, size_t size, size_t first, size_t step,
                              snapjar_pickle_extent *extent, snapjar_error *err)
{
    sj_inspection inspection;
    size_t at = 0;

    sj_inspect_begin(&inspection, scan, &(sj_inspect_options){0, SNAPJAR_STRING_ASCII, NULL});
    for (size_t room = first; at < size && !sj_inspect_is_done(&inspection); room = step) {
        /* A copy that ends where the chunk does, and goes away: nothing may be read beyond or later. */
        size_t piece = room < size - at ? room : size - at;
        blob copy = blob_copy(bytes + at, piece);
        size_t consumed = 0;
        snapjar_status status = sj_inspect_feed(&inspection, copy.bytes, piece, &consumed, err);
        free(copy.bytes);
        if (status != SNAPJAR_OK)
            return status;
        at += consumed;
    }
    snapjar_status status = sj_inspect_finish(&inspection, err);
    *extent = inspection.extent;
    return status;
}

static void test_inspect(void **state)
{
    snapjar_scan *scan = NULL;

    (void)state;
    assert_ok(snapjar_scan_new(&scan, context, NULL, err));
    for (size_t i = 0; i < sizeof(inspected) / sizeof(inspected[0]); i++) {
        size_t size = inspected[i].size;
        snapjar_pickle_extent wanted = {0};
        snapjar_error fault = {.status = SNAPJAR_OK};
        snapjar_status status = snapjar_pickle_measure(&wanted, inspected[i].bytes, size, NULL, &fault);
        for (size_t first = 1; first <= size + 1; first++) {
            for (size_t step = 1; step <= size + 1; step += size > 16 ? size : 1) {
                snapjar_pickle_extent got = {0};
                snapjar_error err = {.status = SNAPJAR_OK};
                assert_int_equal(inspect(scan, inspected[i].bytes, size, first, step, &got, &err), status);
                if (status != SNAPJAR_OK)
                    assert_fault(status, &err, fault.status, fault.diagnostic, fault.space, fault.offset);
                else
                    assert_memory_equal(&got, &wanted, sizeof(got));
                const snapjar_error *failure = snapjar_scan_failure(scan);
                if ((failure ? failure->diagnostic : SNAPJAR_DIAG_NONE) != inspected[i].scan ||
                    (failure && failure->offset != inspected[i].offset))
                    fail_msg("%s, cut at %zu: the scan says %s at %llu", inspected[i].what, first,
                             failure ? snapjar_diagnostic_name(failure->diagnostic) : "nothing",
                             failure ? (unsigned long long)failure->offset : 0);
            }
        }
    }
    snapjar_scan_free(scan);
}

/* The lines of a scan are limited by both limits, those of the walk by its own only. */
static void test_inspect_lines(void **state)
{
    static const char pickle[] = "S'0123456789'\n.";
    snapjar_scan_options options = SNAPJAR_SCAN_OPTIONS_INIT;
    snapjar_limits limits = SNAPJAR_LIMITS_INIT;
    snapjar_scan *scan = NULL;
    sj_inspection inspection;
    size_t consumed = 0;
    snapjar_error fault;

    (void)state;
    options.line_size_max = 11;
    assert_ok(snapjar_scan_new(&scan, context, &options, err));
    sj_inspect_begin(&inspection, scan, &(sj_inspect_options){100, SNAPJAR_STRING_ASCII, &limits});
    assert_ok(sj_inspect_feed(&inspection, pickle, sizeof(pickle) - 1, &consumed, err));
    assert_ok(sj_inspect_finish(&inspection, err));
    assert_int_equal(inspection.extent.size, sizeof(pickle) - 1);
    assert_int_equal(snapjar_scan_failure(scan)->diagnostic, SNAPJAR_DIAG_PICKLE_LINE_TOO_LONG);
    limits.pickle_line_size_max = 12;
    sj_inspect_begin(&inspection, scan, &(sj_inspect_options){100, SNAPJAR_STRING_ASCII, &limits});
    assert_ok(sj_inspect_feed(&inspection, pickle, sizeof(pickle) - 1, &consumed, err));
    limits.pickle_line_size_max = 10;
    sj_inspect_begin(&inspection, scan, &(sj_inspect_options){100, SNAPJAR_STRING_ASCII, &limits});
    snapjar_status status = sj_inspect_feed(&inspection, pickle, sizeof(pickle) - 1, &consumed, &fault);
    assert_int_equal(status, SNAPJAR_LIMIT);
    assert_int_equal(fault.diagnostic, SNAPJAR_DIAG_PICKLE_LINE_TOO_LONG);
    snapjar_scan_free(scan);
}

/* ---- walking ---- */

/* Three pickles one after another: a dict, a call of something, a text of Python 2. */
static const char three[] = "\x80\x04}."
                            "\x80\x04\x8c\x01m\x8c\x01n\x93)R."
                            "\x80\x02U\x01\xe9.";
static const uint64_t three_at[] = {0, 4, 16, 22};

typedef struct walked {
    snapjar_source *source;
    snapjar_pickles *pickles;
    snapjar_scan *scan;
} walked;

static snapjar_status walk_open(walked *w, snapjar_source *source, const snapjar_pickles_options *options,
                                snapjar_error *err)
{
    *w = (walked){.source = source};
    assert_ok(snapjar_scan_new(&w->scan, context, NULL, err));
    snapjar_status status = snapjar_pickles_open(&w->pickles, context, source, options, err);
    assert_true((status == SNAPJAR_OK) == (w->pickles != NULL));
    return status;
}

static snapjar_status walk_memory(walked *w, const void *bytes, size_t size, const snapjar_pickles_options *options,
                                  snapjar_error *err)
{
    snapjar_source *source = NULL;

    assert_ok(snapjar_source_from_memory(&source, context, bytes, size, err));
    return walk_open(w, source, options, err);
}

static void walk_close(walked *w)
{
    snapjar_pickles_free(w->pickles);
    snapjar_scan_free(w->scan);
    snapjar_source_free(w->source);
}

static const snapjar_pickles_item *walk_next(walked *w)
{
    const snapjar_pickles_item *item = NULL;

    assert_ok(snapjar_pickles_next(w->pickles, &item, err));
    return item;
}

/* The pickles of `w` are the three, each scanned and loaded or left alone. */
static void expect_three(walked *w, snapjar_input_kind kind, bool are_records, unsigned what)
{
    assert_int_equal(snapjar_pickles_kind(w->pickles), kind);
    for (size_t i = 0; i < 3; i++) {
        const snapjar_pickles_item *item = walk_next(w);
        assert_non_null(item);
        assert_int_equal(item->index, i);
        assert_true((item->header != NULL) == are_records);
        assert_int_equal(item->base_offset, are_records ? 0 : three_at[i]);
        if (!are_records)
            assert_int_equal(item->offset, three_at[i]);
        assert_int_equal(item->string_encoding, SNAPJAR_STRING_LATIN1);
        if (what & 1) {
            assert_ok(snapjar_pickles_scan(w->pickles, w->scan, err));
            assert_null(snapjar_scan_failure(w->scan));
            assert_int_equal(snapjar_scan_summarize(w->scan)->finding_count, 0);
            assert_int_equal(snapjar_scan_global_count(w->scan), i == 1);
            if (i == 1)
                assert_int_equal(snapjar_scan_global_at(w->scan, 0)->uses[SNAPJAR_USE_CALL].offset,
                                 item->base_offset + 10);
        }
        if (what & 2) {
            snapjar_content *content = NULL;
            uint64_t size = 0;
            uint64_t pickle_size = 0;
            assert_ok(snapjar_pickles_load(w->pickles, &content, err));
            const void *bytes = snapjar_content_data(content, &size, &pickle_size);
            assert_int_equal(size, three_at[i + 1] - three_at[i]);
            assert_int_equal(pickle_size, size);
            assert_memory_equal(bytes, three + three_at[i], size);
            snapjar_content_free(content);
        }
    }
    assert_null(walk_next(w));
    assert_null(walk_next(w));
}

static blob snapshot_of_three(void)
{
    snapjar_pack_options options = test_options();

    options.string_encoding = SNAPJAR_STRING_LATIN1;
    return pack_all(context, three, sizeof(three) - 1, 3, &options);
}

static blob deflate_all(const void *bytes, size_t size)
{
    uLongf packed_size = compressBound((uLong)size);
    blob packed = {must_alloc(packed_size), packed_size};

    assert_int_equal(compress(packed.bytes, &packed_size, bytes, (uLong)size), Z_OK);
    packed.size = packed_size;
    return packed;
}

static void test_kinds(void **state)
{
    snapjar_pickles_options latin1 = SNAPJAR_PICKLES_OPTIONS_INIT;
    blob snapshot = snapshot_of_three();
    blob packed = deflate_all(three, sizeof(three) - 1);
    blob packed_snapshot = deflate_all(snapshot.bytes, snapshot.size);
    walked w;

    (void)state;
    latin1.string_encoding = SNAPJAR_STRING_LATIN1;
    for (unsigned what = 0; what < 4; what++) {
        assert_ok(walk_memory(&w, three, sizeof(three) - 1, &latin1, err));
        expect_three(&w, SNAPJAR_INPUT_PICKLE, false, what);
        walk_close(&w);
        assert_ok(walk_memory(&w, packed.bytes, packed.size, &latin1, err));
        expect_three(&w, SNAPJAR_INPUT_ZLIB, false, what);
        walk_close(&w);
        /* A record says itself how its text is read. */
        assert_ok(walk_memory(&w, snapshot.bytes, snapshot.size, NULL, err));
        expect_three(&w, SNAPJAR_INPUT_SNAPSHOT, true, what);
        walk_close(&w);
        assert_ok(walk_memory(&w, packed_snapshot.bytes, packed_snapshot.size, NULL, err));
        expect_three(&w, SNAPJAR_INPUT_ZLIB, true, what);
        walk_close(&w);
    }
    free(snapshot.bytes);
    free(packed.bytes);
    free(packed_snapshot.bytes);
}

/* Many small pickles in a file that is read are read once, not once for each; a large one in parts. */
static void test_reading(void **state)
{
    const size_t count = 20000;
    const size_t size = 3 * count;
    blob many = {must_alloc(size), size};
    hooked_source hooked = {.bytes = many.bytes, .size = size};
    size_t seen = 0;
    walked w;

    (void)state;
    for (size_t i = 0; i < count; i++)
        memcpy(many.bytes + 3 * i, "K\x07.", 3);
    assert_ok(walk_open(&w, hooked_source_open(context, &hooked), NULL, err));
    while (walk_next(&w)) {
        assert_ok(snapjar_pickles_scan(w.pickles, w.scan, err));
        seen++;
    }
    assert_int_equal(seen, count);
    assert_true(hooked.reads <= 4);
    walk_close(&w);

    const size_t large = (size_t)3 << 20;
    free(many.bytes);
    many = (blob){must_alloc(large), large};
    memcpy(many.bytes,
           "\x80\x03"
           "B",
           3);
    sj_write_le32(many.bytes + 3, (uint32_t)(large - 8));
    many.bytes[large - 1] = '.';
    hooked = (hooked_source){.bytes = many.bytes, .size = large};
    assert_ok(walk_open(&w, hooked_source_open(context, &hooked), NULL, err));
    assert_non_null(walk_next(&w));
    assert_ok(snapjar_pickles_scan(w.pickles, w.scan, err));
    assert_int_equal(snapjar_scan_summarize(w.scan)->size, large);
    assert_null(walk_next(&w));
    assert_true(hooked.reads <= 14);
    walk_close(&w);
    free(many.bytes);
}

/* ---- what is wrong ---- */

static void expect_no_walk(const void *bytes, size_t size, snapjar_status status, snapjar_diagnostic diagnostic)
{
    snapjar_error fault;
    walked w;

    assert_fault(walk_memory(&w, bytes, size, NULL, &fault), &fault, status, diagnostic, SNAPJAR_SPACE_FILE, 0);
    walk_close(&w);
}

static void test_no_pickle(void **state)
{
    blob once = deflate_all(three, sizeof(three) - 1);
    blob twice = deflate_all(once.bytes, once.size);
    blob nothing = deflate_all("", 0);
    blob text = deflate_all("~text", 5);

    (void)state;
    expect_no_walk("", 0, SNAPJAR_CUT_SHORT, SNAPJAR_DIAG_PICKLE_EMPTY);
    expect_no_walk("~text", 5, SNAPJAR_WRONG_FORMAT, SNAPJAR_DIAG_INPUT_NOT_PICKLE);
    expect_no_walk("PK\3\4....", 8, SNAPJAR_WRONG_FORMAT, SNAPJAR_DIAG_INPUT_NOT_PICKLE);
    expect_no_walk(twice.bytes, twice.size, SNAPJAR_WRONG_FORMAT, SNAPJAR_DIAG_INPUT_NOT_PICKLE);
    expect_no_walk(nothing.bytes, nothing.size, SNAPJAR_CUT_SHORT, SNAPJAR_DIAG_PICKLE_EMPTY);
    expect_no_walk(text.bytes, text.size, SNAPJAR_WRONG_FORMAT, SNAPJAR_DIAG_INPUT_NOT_PICKLE);
    free(once.bytes);
    free(twice.bytes);
    free(nothing.bytes);
    free(text.bytes);
}

/* The current pickle fails to be scanned and loaded like this; the walk goes on or fails the same way. */
static void expect_bad(walked *w, snapjar_status status, snapjar_diagnostic diagnostic, snapjar_space space,
                       uint64_t offset, bool goes_on)
{
    const snapjar_pickles_item *item = NULL;
    snapjar_content *content = NULL;
    snapjar_error fault;

    assert_fault(snapjar_pickles_scan(w->pickles, w->scan, &fault), &fault, status, diagnostic, space, offset);
    const snapjar_error *failure = snapjar_scan_failure(w->scan);
    assert_non_null(failure);
    assert_false(snapjar_scan_summarize(w->scan)->is_complete);
    assert_fault(failure->status, failure, status, diagnostic, space, offset);
    if (goes_on)
        return;
    assert_fault(snapjar_pickles_load(w->pickles, &content, &fault), &fault, status, diagnostic, space, offset);
    assert_null(content);
    assert_fault(snapjar_pickles_next(w->pickles, &item, &fault), &fault, status, diagnostic, space, offset);
    assert_null(item);
    assert_int_equal(snapjar_pickles_scan(w->pickles, w->scan, NULL), status);
}

/* A pickle that no loader can load has an end all the same, and what is behind it is looked at. */
static void test_bad_pickles(void **state)
{
    static const char bytes[] = "\x80\x04"
                                "0."
                                "N.\x80\x04N\xff";
    walked w;

    (void)state;
    assert_ok(walk_memory(&w, bytes, sizeof(bytes) - 1, NULL, err));
    assert_non_null(walk_next(&w));
    expect_bad(&w, SNAPJAR_DAMAGED, SNAPJAR_DIAG_PICKLE_STACK_UNDERFLOW, SNAPJAR_SPACE_CONTENT, 2, true);
    snapjar_content *content = NULL;
    assert_ok(snapjar_pickles_load(w.pickles, &content, err));
    snapjar_content_free(content);
    assert_non_null(walk_next(&w));
    assert_ok(snapjar_pickles_scan(w.pickles, w.scan, err));
    const snapjar_pickles_item *item = walk_next(&w);
    assert_int_equal(item->offset, 6);
    expect_bad(&w, SNAPJAR_DAMAGED, SNAPJAR_DIAG_PICKLE_OPCODE_UNKNOWN, SNAPJAR_SPACE_CONTENT, 9, false);
    uint64_t size = 0;
    assert_ok(snapjar_pickles_load_rest(w.pickles, &content, err));
    assert_memory_equal(snapjar_content_data(content, &size, NULL), bytes + 6, 4);
    assert_int_equal(size, 4);
    snapjar_content_free(content);
    walk_close(&w);

    assert_ok(walk_memory(&w, "\x80\x04]", 3, NULL, err));
    assert_non_null(walk_next(&w));
    expect_bad(&w, SNAPJAR_CUT_SHORT, SNAPJAR_DIAG_PICKLE_CUT_SHORT, SNAPJAR_SPACE_CONTENT, 3, false);
    walk_close(&w);
}

static void test_joblib(void **state)
{
    static const char bytes[] = "N.\x80\x02"
                                "cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}b\xff\xff\xff.";
    walked w;

    (void)state;
    assert_ok(walk_memory(&w, bytes, sizeof(bytes) - 1, NULL, err));
    assert_non_null(walk_next(&w));
    assert_non_null(walk_next(&w));
    expect_bad(&w, SNAPJAR_WRONG_FORMAT, SNAPJAR_DIAG_INPUT_JOBLIB_ARRAY, SNAPJAR_SPACE_CONTENT, 2, false);
    walk_close(&w);
}

/* A complete scan of a record that fails a later check must not be taken for an answer. */
static void test_damaged_record(void **state)
{
    blob file = snapshot_of_three();
    uint64_t second = 0;
    walked w;

    (void)state;
    assert_ok(walk_memory(&w, file.bytes, file.size, NULL, err));
    assert_non_null(walk_next(&w));
    second = walk_next(&w)->offset;
    walk_close(&w);
    uint8_t *trailer = file.bytes + second - SJ_TRAILER_SIZE;
    trailer[-1] ^= 1;
    assert_ok(walk_memory(&w, file.bytes, file.size, NULL, err));
    assert_non_null(walk_next(&w));
    snapjar_error fault;
    snapjar_content *content = NULL;
    assert_int_equal(snapjar_pickles_scan(w.pickles, w.scan, &fault), SNAPJAR_DAMAGED);
    assert_int_equal(fault.diagnostic, SNAPJAR_DIAG_PAYLOAD_CHECKSUM_MISMATCH);
    assert_int_equal(fault.record_index, 0);
    assert_int_equal(snapjar_scan_failure(w.scan)->diagnostic, SNAPJAR_DIAG_PAYLOAD_CHECKSUM_MISMATCH);
    assert_int_equal(snapjar_pickles_load(w.pickles, &content, NULL), SNAPJAR_DAMAGED);
    assert_int_equal(snapjar_pickles_load_rest(w.pickles, &content, &fault), SNAPJAR_INVALID_ARGUMENT);
    assert_null(content);
    assert_non_null(walk_next(&w));
    assert_ok(snapjar_pickles_scan(w.pickles, w.scan, err));
    walk_close(&w);
    trailer[-1] ^= 1;
    trailer[8] ^= 1;
    assert_ok(walk_memory(&w, file.bytes, file.size, NULL, err));
    assert_non_null(walk_next(&w));
    expect_bad(&w, SNAPJAR_DAMAGED, SNAPJAR_DIAG_TRAILER_DAMAGED, SNAPJAR_SPACE_FILE, second - SJ_TRAILER_SIZE, false);
    walk_close(&w);
    free(file.bytes);
}

/* A record whose pickle no loader can load is whole, and its scan says what is wrong. */
static void test_malformed_record(void **state)
{
    snapjar_pack_options options = test_options();
    blob file = pack_all(context,
                         "\x80\x04"
                         "0.",
                         4, 1, &options);
    snapjar_content *content = NULL;
    walked w;

    (void)state;
    assert_ok(walk_memory(&w, file.bytes, file.size, NULL, err));
    assert_non_null(walk_next(&w));
    expect_bad(&w, SNAPJAR_DAMAGED, SNAPJAR_DIAG_PICKLE_STACK_UNDERFLOW, SNAPJAR_SPACE_CONTENT, 2, true);
    assert_int_equal(snapjar_scan_failure(w.scan)->record_index, 0);
    assert_ok(snapjar_pickles_load(w.pickles, &content, err));
    snapjar_content_free(content);
    assert_null(walk_next(&w));
    walk_close(&w);
    free(file.bytes);
}

static void test_limits(void **state)
{
    snapjar_pickles_options options = SNAPJAR_PICKLES_OPTIONS_INIT;
    snapjar_limits limits = SNAPJAR_LIMITS_INIT;
    blob packed = deflate_all(three, sizeof(three) - 1);
    snapjar_error fault;
    walked w;

    (void)state;
    options.limits = &limits;
    limits.content_size_max = 12;
    assert_ok(walk_memory(&w, three + 4, 12, &options, err));
    assert_non_null(walk_next(&w));
    assert_ok(snapjar_pickles_scan(w.pickles, w.scan, err));
    assert_null(walk_next(&w));
    walk_close(&w);
    limits.content_size_max = 11;
    assert_ok(walk_memory(&w, three + 4, 12, &options, err));
    assert_non_null(walk_next(&w));
    expect_bad(&w, SNAPJAR_LIMIT, SNAPJAR_DIAG_INPUT_TOO_LARGE, SNAPJAR_SPACE_CONTENT, 11, false);
    snapjar_content *content = NULL;
    assert_fault(snapjar_pickles_load_rest(w.pickles, &content, &fault), &fault, SNAPJAR_LIMIT,
                 SNAPJAR_DIAG_INPUT_TOO_LARGE, SNAPJAR_SPACE_CONTENT, 0);
    walk_close(&w);
    limits.content_size_max = sizeof(three) - 1;
    assert_ok(walk_memory(&w, packed.bytes, packed.size, &options, err));
    walk_close(&w);
    limits.content_size_max = sizeof(three) - 2;
    assert_int_equal(walk_memory(&w, packed.bytes, packed.size, &options, &fault), SNAPJAR_LIMIT);
    assert_int_equal(fault.diagnostic, SNAPJAR_DIAG_INPUT_TOO_LARGE);
    walk_close(&w);
    free(packed.bytes);
}

/* What is loaded is what was measured, or nothing. */
static void test_changing_source(void **state)
{
    static const uint8_t before[] = "\x80\x04\x8c\x02..\x94.";
    static const uint8_t after[] = "\x80\x04\x8c\x01..\x94.";
    hooked_source hooked = {.bytes = before, .size = sizeof(before) - 1, .others = after, .swap_turn = 3};
    snapjar_content *content = NULL;
    snapjar_error fault;
    walked w;

    (void)state;
    assert_ok(walk_open(&w, hooked_source_open(context, &hooked), NULL, err));
    assert_non_null(walk_next(&w));
    assert_fault(snapjar_pickles_load(w.pickles, &content, &fault), &fault, SNAPJAR_DAMAGED,
                 SNAPJAR_DIAG_SOURCE_CHANGED, SNAPJAR_SPACE_FILE, 0);
    assert_null(content);
    walk_close(&w);
    for (size_t failing = 1; failing <= 3; failing++) {
        hooked = (hooked_source){.bytes = before, .size = sizeof(before) - 1, .failing_read = failing};
        snapjar_status status = walk_open(&w, hooked_source_open(context, &hooked), NULL, &fault);
        if (status == SNAPJAR_OK)
            assert_non_null(walk_next(&w));
        if (status == SNAPJAR_OK)
            status = snapjar_pickles_load(w.pickles, &content, &fault);
        assert_int_equal(status, SNAPJAR_IO);
        assert_int_equal(fault.diagnostic, SNAPJAR_DIAG_READ_FAILED);
        assert_null(content);
        walk_close(&w);
    }
}

static bool stop_at_once(void *state, uint64_t done, uint64_t total)
{
    *(uint64_t *)state = total;
    return done == 1;
}

static void test_cancel(void **state)
{
    snapjar_pickles_options options = SNAPJAR_PICKLES_OPTIONS_INIT;
    uint64_t total = 0;
    walked w;

    (void)state;
    options.progress = stop_at_once;
    options.progress_state = &total;
    assert_ok(walk_memory(&w, three, sizeof(three) - 1, &options, err));
    assert_non_null(walk_next(&w));
    expect_bad(&w, SNAPJAR_CANCELLED, SNAPJAR_DIAG_CANCELLED, SNAPJAR_SPACE_NONE, SNAPJAR_OFFSET_NONE, false);
    assert_int_equal(total, sizeof(three) - 1);
    walk_close(&w);
}

static void test_arguments(void **state)
{
    struct {
        snapjar_pickles_options options;
        uint8_t tail[16];
    } newer = {SNAPJAR_PICKLES_OPTIONS_INIT, {0}};
    snapjar_source *source = NULL;
    snapjar_pickles *pickles = (snapjar_pickles *)&newer;
    snapjar_content *content = (snapjar_content *)&newer;
    const snapjar_pickles_item *item = NULL;
    snapjar_error fault;

    (void)state;
    assert_ok(snapjar_source_from_memory(&source, context, "N.", 2, err));
    assert_int_equal(snapjar_pickles_open(NULL, context, source, NULL, NULL), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(snapjar_pickles_open(&pickles, NULL, source, NULL, NULL), SNAPJAR_INVALID_ARGUMENT);
    assert_null(pickles);
    assert_int_equal(snapjar_pickles_open(&pickles, context, NULL, NULL, NULL), SNAPJAR_INVALID_ARGUMENT);
    newer.options.struct_size = sizeof(newer);
    assert_int_equal(snapjar_pickles_open(&pickles, context, source, &newer.options, NULL), SNAPJAR_OK);
    assert_int_equal(snapjar_pickles_load(pickles, &content, &fault), SNAPJAR_INVALID_ARGUMENT);
    assert_null(content);
    assert_int_equal(snapjar_pickles_load_rest(pickles, &content, NULL), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(snapjar_pickles_scan(pickles, NULL, NULL), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(snapjar_pickles_next(pickles, &item, NULL), SNAPJAR_OK);
    assert_int_equal(snapjar_pickles_scan(pickles, NULL, NULL), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(snapjar_pickles_load(pickles, &content, NULL), SNAPJAR_OK);
    snapjar_content_free(content);
    assert_int_equal(snapjar_pickles_load_rest(pickles, &content, NULL), SNAPJAR_OK);
    snapjar_content_free(content);
    snapjar_pickles_free(pickles);
    newer.tail[15] = 1;
    assert_int_equal(snapjar_pickles_open(&pickles, context, source, &newer.options, &fault), SNAPJAR_INVALID_ARGUMENT);
    newer.tail[15] = 0;
    newer.options.threads = 65;
    assert_int_equal(snapjar_pickles_open(&pickles, context, source, &newer.options, &fault), SNAPJAR_INVALID_ARGUMENT);
    newer.options.threads = 64;
    newer.options.string_encoding = (snapjar_string_encoding)3;
    assert_int_equal(snapjar_pickles_open(&pickles, context, source, &newer.options, &fault), SNAPJAR_INVALID_ARGUMENT);
    assert_null(pickles);
    snapjar_pickles_free(NULL);
    snapjar_source_free(source);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inspect),
        cmocka_unit_test(test_inspect_lines),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_reading),
        cmocka_unit_test(test_no_pickle),
        cmocka_unit_test(test_bad_pickles),
        cmocka_unit_test(test_joblib),
        cmocka_unit_test(test_damaged_record),
        cmocka_unit_test(test_malformed_record),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_changing_source),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_arguments),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
