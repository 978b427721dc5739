/* SPDX-License-Identifier: MIT
 *
 * The analysis in the gate: what is whole is whole whatever its pickle does, what a policy does not allow is handed out
 * to nobody, and a check gives verdicts as results. The globals here do not exist.
 */
#include "one_context.h"

#include "craft.h"
#include "hooked.h"
#include "pickle/scan.h"
#include "util/context.h"

static const struct {
    const char *what;
    const uint8_t *bytes;
    size_t size;
    uint64_t global_count;
    uint64_t finding_count;
    uint64_t denial_count;
    /** Of the analysis, or else of the first denial by a policy that allows to call nowhere:thing. */
    snapjar_status status;
    snapjar_diagnostic diagnostic;
    uint64_t offset;
    bool is_analysed;
} records[] = {
    {"literal", BYTES("\x80\x04K\x01."), 0, 0, 0, SNAPJAR_OK, SNAPJAR_DIAG_NONE, 0, true},
    {"allowed", BYTES("\x80\x04\x8c\x07nowhere\x8c\x05thing\x93)R."), 1, 0, 0, SNAPJAR_OK, SNAPJAR_DIAG_NONE, 0, true},
    {"denied use", BYTES("\x80\x04\x8c\x07nowhere\x8c\x05thing\x93)\x81."), 1, 0, 1, SNAPJAR_REFUSED,
     SNAPJAR_DIAG_GLOBAL_DENIED, 20, true},
    {"denied global", BYTES("\x80\x04\x8c\x07nowhere\x8c\x05other\x93."), 1, 0, 1, SNAPJAR_REFUSED,
     SNAPJAR_DIAG_GLOBAL_DENIED, 18, true},
    {"not canonical", BYTES("\x80\x04K\x01K\x02."), 0, 1, 1, SNAPJAR_REFUSED, SNAPJAR_DIAG_NON_CANONICAL_STACK, 6,
     true},
    {"malformed",
     BYTES("\x80\x04"
           "0K\x01."),
     0, 0, 0, SNAPJAR_DAMAGED, SNAPJAR_DIAG_PICKLE_STACK_UNDERFLOW, 2, false},
};

#define RECORD_COUNT (sizeof(records) / sizeof(records[0]))

typedef struct opened {
    blob file;
    snapjar_source *source;
    snapjar_reader *reader;
} opened;

static void open_record(opened *o, const void *pickle, size_t size, const snapjar_pack_options *options)
{
    snapjar_pack_options usual = test_options();
    const snapjar_record *record = NULL;

    o->file = pack_all(context, pickle, size, 1, options ? options : &usual);
    assert_ok(snapjar_source_from_memory(&o->source, context, o->file.bytes, o->file.size, err));
    assert_ok(snapjar_reader_new(&o->reader, context, o->source, NULL, err));
    assert_ok(snapjar_reader_next(o->reader, &record, err));
}

static void close_record(opened *o)
{
    snapjar_reader_free(o->reader);
    snapjar_source_free(o->source);
    free(o->file.bytes);
}

static snapjar_policy *calling_policy(void)
{
    snapjar_policy *policy = NULL;

    assert_ok(snapjar_policy_new(&policy, context, err));
    assert_ok(snapjar_policy_allow(policy, "nowhere:thing", SNAPJAR_USES(SNAPJAR_USE_CALL), NULL, err));
    return policy;
}

/* ---- checking ---- */

static void expect_reason(const snapjar_error *reason, size_t i, bool is_told)
{
    if (!is_told) {
        assert_int_equal(reason->status, SNAPJAR_OK);
        return;
    }
    assert_fault(reason->status, reason, records[i].status, records[i].diagnostic, SNAPJAR_SPACE_CONTENT,
                 records[i].offset);
    assert_int_equal(reason->record_index, 0);
}

static void test_check(void **state)
{
    snapjar_policy *policy = calling_policy();
    snapjar_scan *scan = NULL;

    (void)state;
    assert_ok(snapjar_scan_new(&scan, context, NULL, err));
    for (size_t i = 0; i < RECORD_COUNT * 4; i++) {
        size_t n = i / 4;
        snapjar_check_options options = SNAPJAR_CHECK_OPTIONS_INIT;
        snapjar_verification seen;
        opened o;
        memset(&seen, 0xff, sizeof(seen));
        options.policy = i & 1 ? policy : NULL;
        options.scan = i & 2 ? scan : NULL;
        open_record(&o, records[n].bytes, records[n].size, NULL);
        assert_ok(snapjar_record_verify(o.reader, &options, &seen, err));
        assert_int_equal(seen.is_analysed, records[n].is_analysed);
        assert_int_equal(seen.is_allowed, options.policy && records[n].status == SNAPJAR_OK);
        assert_int_equal(seen.global_count, records[n].global_count);
        assert_int_equal(seen.finding_count, records[n].finding_count);
        assert_int_equal(seen.denial_count, options.policy ? records[n].denial_count : 0);
        expect_reason(&seen.reason, n, records[n].status != SNAPJAR_OK && (options.policy || !records[n].is_analysed));
        if (options.scan) {
            assert_true((snapjar_scan_failure(scan) == NULL) == records[n].is_analysed);
            assert_int_equal(snapjar_scan_global_count(scan), records[n].global_count);
        }
        assert_int_equal(snapjar_record_verify(o.reader, NULL, NULL, NULL), SNAPJAR_OK);
        close_record(&o);
    }
    snapjar_scan_free(scan);
    snapjar_policy_free(policy);
}

/* A verdict that nobody can see, or that could not be reached, is a mistake of the caller. */
static void test_check_arguments(void **state)
{
    snapjar_policy *policy = calling_policy();
    snapjar_check_options options = SNAPJAR_CHECK_OPTIONS_INIT;
    snapjar_verification seen = {.is_allowed = true, .is_analysed = true};
    snapjar_error fault;
    opened o;

    (void)state;
    options.policy = policy;
    open_record(&o, records[0].bytes, records[0].size, NULL);
    assert_fault(snapjar_record_verify(o.reader, &options, NULL, &fault), &fault, SNAPJAR_INVALID_ARGUMENT,
                 SNAPJAR_DIAG_INVALID_ARGUMENT, SNAPJAR_SPACE_NONE, SNAPJAR_OFFSET_NONE);
    options.stored_only = true;
    assert_int_equal(snapjar_record_verify(o.reader, &options, &seen, NULL), SNAPJAR_INVALID_ARGUMENT);
    assert_false(seen.is_allowed);
    options.policy = NULL;
    seen = (snapjar_verification){.is_allowed = true, .is_analysed = true};
    assert_int_equal(snapjar_record_verify(o.reader, &options, &seen, NULL), SNAPJAR_OK);
    assert_false(seen.is_allowed || seen.is_analysed);
    close_record(&o);
    snapjar_policy_free(policy);
}

/* ---- handing out ---- */

static snapjar_status unpack(const opened *o, const snapjar_check_options *options, bool is_transactional,
                             hooked_sink *got, snapjar_error *err)
{
    *got = (hooked_sink){.size = 0};
    snapjar_sink *sink = hooked_sink_open(context, got, is_transactional);
    snapjar_status status = snapjar_record_unpack(o->reader, sink, options, err);

    snapjar_sink_free(sink);
    return status;
}

static void test_hand_out(void **state)
{
    snapjar_policy *policy = calling_policy();
    snapjar_scan *scan = NULL;

    (void)state;
    assert_ok(snapjar_scan_new(&scan, context, NULL, err));
    for (size_t i = 0; i < RECORD_COUNT * 4; i++) {
        size_t n = i / 4;
        snapjar_check_options options = SNAPJAR_CHECK_OPTIONS_INIT;
        snapjar_content *content = NULL;
        snapjar_error fault;
        hooked_sink got;
        opened o;
        options.policy = i & 1 ? policy : NULL;
        options.scan = i & 2 ? scan : NULL;
        /* Without a policy bytes are sacred; with one, only what it allows is handed out. */
        snapjar_status wanted = options.policy ? records[n].status : SNAPJAR_OK;
        open_record(&o, records[n].bytes, records[n].size, NULL);
        snapjar_status status = snapjar_record_load(o.reader, &content, &options, &fault);
        assert_int_equal(status, wanted);
        assert_true((content != NULL) == (wanted == SNAPJAR_OK));
        if (content)
            assert_memory_equal(snapjar_content_data(content, NULL, NULL), records[n].bytes, records[n].size);
        else
            expect_reason(&fault, n, true);
        snapjar_content_free(content);
        if (options.scan)
            assert_true((snapjar_scan_failure(scan) == NULL) == records[n].is_analysed);
        for (int is_transactional = 0; is_transactional < 2; is_transactional++) {
            assert_int_equal(unpack(&o, &options, is_transactional, &got, &fault), wanted);
            if (wanted == SNAPJAR_OK)
                assert_memory_equal(got.bytes, records[n].bytes, records[n].size);
            else
                expect_reason(&fault, n, true);
            if (wanted != SNAPJAR_OK && !is_transactional)
                assert_int_equal(got.writes, 0);
            free(got.bytes);
        }
        assert_int_equal(snapjar_record_load(o.reader, &content, &options, NULL), wanted);
        snapjar_content_free(content);
        close_record(&o);
    }
    snapjar_scan_free(scan);
    snapjar_policy_free(policy);
}

/* Over a limit nobody knows what it does: not handed out under a policy, handed out without. */
static void test_over_limit(void **state)
{
    static const uint8_t pickle[] = "\x80\x04K\x01K\x02\x86.";
    snapjar_policy *policy = calling_policy();
    snapjar_check_options options = SNAPJAR_CHECK_OPTIONS_INIT;
    snapjar_scan_options limited = SNAPJAR_SCAN_OPTIONS_INIT;

    (void)state;
    for (uint64_t depth = 1; depth <= 2; depth++) {
        snapjar_scan *scan = NULL;
        snapjar_content *content = NULL;
        snapjar_verification seen;
        snapjar_error fault;
        opened o;
        limited.stack_depth_max = depth;
        assert_ok(snapjar_scan_new(&scan, context, &limited, err));
        options.scan = scan;
        options.policy = policy;
        open_record(&o, pickle, sizeof(pickle) - 1, NULL);
        assert_ok(snapjar_record_verify(o.reader, &options, &seen, err));
        assert_int_equal(seen.is_analysed, depth == 2);
        assert_int_equal(seen.is_allowed, depth == 2);
        assert_int_equal(seen.reason.status, depth == 2 ? SNAPJAR_OK : SNAPJAR_LIMIT);
        snapjar_status status = snapjar_record_load(o.reader, &content, &options, &fault);
        assert_int_equal(status, depth == 2 ? SNAPJAR_OK : SNAPJAR_LIMIT);
        if (depth == 1)
            assert_fault(status, &fault, SNAPJAR_LIMIT, SNAPJAR_DIAG_PICKLE_STACK_LIMIT, SNAPJAR_SPACE_CONTENT, 4);
        snapjar_content_free(content);
        options.policy = NULL;
        assert_ok(snapjar_record_load(o.reader, &content, &options, err));
        snapjar_content_free(content);
        snapjar_scan_free(scan);
        close_record(&o);
    }
    snapjar_policy_free(policy);
}

/* Buffers that the record has need no permission; a scan of the pickle alone knows of none. */
static void test_buffers(void **state)
{
    static const uint8_t pickle[] = "\x80\x05\x97\x97\x86.";
    static const snapjar_buffer buffers[] = {{"one", 3}, {"two", 3}};
    snapjar_pack_options packing = test_options();
    snapjar_policy *policy = calling_policy();
    snapjar_check_options options = SNAPJAR_CHECK_OPTIONS_INIT;
    snapjar_judgement *judgement = NULL;
    snapjar_verification seen;
    snapjar_scan *scan = NULL;
    opened o;

    (void)state;
    packing.buffers = buffers;
    packing.buffer_count = 2;
    assert_ok(snapjar_scan_new(&scan, context, NULL, err));
    options.policy = policy;
    options.scan = scan;
    open_record(&o, pickle, sizeof(pickle) - 1, &packing);
    assert_ok(snapjar_record_verify(o.reader, &options, &seen, err));
    assert_true(seen.is_allowed);
    assert_ok(snapjar_scan_pickle(scan, pickle, sizeof(pickle) - 1, err));
    assert_ok(snapjar_policy_judge(policy, scan, &judgement, err));
    assert_int_equal(snapjar_judgement_verdict(judgement), SNAPJAR_VERDICT_DENIED);
    snapjar_judgement_free(judgement);
    snapjar_scan_free(scan);
    close_record(&o);
    snapjar_policy_free(policy);
}

/* The scan that is kept for records does not keep what a huge one needed. */
static void test_kept_scan(void **state)
{
    const size_t depth = (size_t)1 << 20;
    blob pickle = {must_alloc(depth + 4), depth + 4};
    snapjar_verification seen;
    opened o;

    (void)state;
    open_record(&o, records[0].bytes, records[0].size, NULL);
    assert_ok(snapjar_record_verify(o.reader, NULL, &seen, err));
    close_record(&o);
    assert_non_null(context->slots[SJ_SLOT_ANALYSIS].kept);
    memcpy(pickle.bytes, "\x80\x04(", 3);
    memset(pickle.bytes + 3, 'N', depth - 1);
    memcpy(pickle.bytes + pickle.size - 2, "t.", 2);
    open_record(&o, pickle.bytes, pickle.size, NULL);
    assert_ok(snapjar_record_verify(o.reader, NULL, &seen, err));
    assert_true(seen.is_analysed);
    assert_null(context->slots[SJ_SLOT_ANALYSIS].kept);
    close_record(&o);
    free(pickle.bytes);
}

/* A damaged record's scan may be judged, and is not allowed. */
static void test_damaged(void **state)
{
    snapjar_check_options options = SNAPJAR_CHECK_OPTIONS_INIT;
    snapjar_policy *policy = calling_policy();
    snapjar_judgement *judgement = NULL;
    snapjar_verification seen = {.is_allowed = true};
    snapjar_scan *scan = NULL;
    opened o;

    (void)state;
    assert_ok(snapjar_scan_new(&scan, context, NULL, err));
    options.scan = scan;
    options.policy = policy;
    open_record(&o, records[0].bytes, records[0].size, NULL);
    o.file.bytes[o.file.size - SJ_TRAILER_SIZE - 1] ^= 1;
    assert_int_equal(snapjar_record_verify(o.reader, &options, &seen, NULL), SNAPJAR_DAMAGED);
    assert_false(seen.is_allowed);
    assert_int_equal(snapjar_scan_failure(scan)->diagnostic, SNAPJAR_DIAG_PAYLOAD_CHECKSUM_MISMATCH);
    assert_ok(snapjar_policy_judge(policy, scan, &judgement, err));
    assert_int_equal(snapjar_judgement_verdict(judgement), SNAPJAR_VERDICT_NOT_ANALYSED);
    snapjar_judgement_free(judgement);
    snapjar_scan_free(scan);
    snapjar_policy_free(policy);
    close_record(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_check),      cmocka_unit_test(test_check_arguments), cmocka_unit_test(test_hand_out),
        cmocka_unit_test(test_over_limit), cmocka_unit_test(test_buffers),         cmocka_unit_test(test_kept_scan),
        cmocka_unit_test(test_damaged),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
