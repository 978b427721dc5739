/* SPDX-License-Identifier: MIT
 *
 * Recovery: every whole record, byte for byte; where the next one begins is believed only on good grounds; what was
 * found by searching is kept apart.
 */
#include "support.h"

#include "craft.h"

typedef struct seen {
    snapjar_recover_event event;
    uint64_t offset;
    uint64_t size;
    snapjar_diagnostic reason;
} seen;

typedef struct outcome {
    seen events[64];
    size_t count;
    blob kept;
    blob unconfirmed;
    snapjar_recovered totals;
} outcome;

static snapjar_context *context;
/** Four records, each of `size` / 4 bytes. */
static blob file;
static size_t record_size;

static int set_up(void **state)
{
    uint8_t pickles[4 * sizeof(pickle_small)];
    snapjar_pack_options options = test_options();

    (void)state;
    if (snapjar_context_new(&context, NULL, NULL) != SNAPJAR_OK)
        return -1;
    for (size_t i = 0; i < 4; i++)
        memcpy(pickles + i * sizeof(pickle_small), pickle_small, sizeof(pickle_small));
    file = pack_all(context, pickles, sizeof(pickles), 4, &options);
    record_size = file.size / 4;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(file.bytes);
    snapjar_context_free(context);
    return 0;
}

static void note(void *state, snapjar_recover_event event, uint64_t offset, uint64_t size, const snapjar_error *reason)
{
    outcome *o = state;

    assert_true(o->count < 64);
    assert_int_equal(event == SNAPJAR_RECOVER_LOST, reason != NULL);
    o->events[o->count++] = (seen){event, offset, size, reason ? reason->diagnostic : SNAPJAR_DIAG_NONE};
}

static outcome recover(const void *bytes, size_t size)
{
    snapjar_source *source = NULL;
    snapjar_sink *kept = NULL;
    snapjar_sink *unconfirmed = NULL;
    outcome o;
    size_t out = 0;

    memset(&o, 0, sizeof(o));
    assert_ok(snapjar_source_from_memory(&source, context, bytes, size, err));
    assert_ok(snapjar_sink_to_memory(&kept, context, err));
    assert_ok(snapjar_sink_to_memory(&unconfirmed, context, err));
    assert_ok(snapjar_recover(context, source, kept, unconfirmed, NULL, note, &o, &o.totals, err));
    const void *data = snapjar_sink_memory(kept, &out);
    o.kept = blob_copy(data, out);
    data = snapjar_sink_memory(unconfirmed, &out);
    o.unconfirmed = blob_copy(data, out);
    snapjar_sink_free(kept);
    snapjar_sink_free(unconfirmed);
    snapjar_source_free(source);
    return o;
}

static void drop(outcome *o)
{
    free(o->kept.bytes);
    free(o->unconfirmed.bytes);
}

static void expect_event(const outcome *o, size_t index, snapjar_recover_event event, uint64_t offset, uint64_t size,
                         snapjar_diagnostic reason)
{
    assert_true(index < o->count);
    assert_int_equal(o->events[index].event, event);
    assert_int_equal(o->events[index].offset, offset);
    assert_int_equal(o->events[index].size, size);
    assert_int_equal(o->events[index].reason, reason);
}

static void test_whole_file(void **state)
{
    (void)state;
    outcome o = recover(file.bytes, file.size);
    assert_int_equal(o.totals.kept_count, 4);
    assert_int_equal(o.totals.lost_size, 0);
    assert_int_equal(o.kept.size, file.size);
    assert_memory_equal(o.kept.bytes, file.bytes, file.size);
    drop(&o);
}

/* Whatever single byte of the second record is damaged, the other three are kept, byte for byte, and only it is lost.
 */
static void test_every_byte_of_a_record(void **state)
{
    (void)state;
    for (size_t at = record_size; at < 2 * record_size; at++) {
        file.bytes[at] ^= 0x20;
        outcome o = recover(file.bytes, file.size);
        file.bytes[at] ^= 0x20;
        size_t in_record = at - record_size;
        /* The frame's magic or size: the way to the next record is lost, so those behind are found by searching. */
        bool is_lost = in_record < 8;
        assert_int_equal(o.totals.kept_count, is_lost ? 1 : 3);
        assert_int_equal(o.totals.unconfirmed_count, is_lost ? 2 : 0);
        assert_int_equal(o.totals.lost_size, record_size);
        assert_memory_equal(o.kept.bytes, file.bytes, record_size);
        const blob *rest = is_lost ? &o.unconfirmed : &o.kept;
        assert_memory_equal(rest->bytes + rest->size - 2 * record_size, file.bytes + 2 * record_size, 2 * record_size);
        assert_int_equal(o.events[1].event, SNAPJAR_RECOVER_LOST);
        assert_int_equal(o.events[1].offset, record_size);
        assert_int_equal(o.events[1].size, record_size);
        drop(&o);
    }
}

static void test_every_cut(void **state)
{
    (void)state;
    for (size_t size = 1; size < file.size; size++) {
        outcome o = recover(file.bytes, size);
        assert_int_equal(o.totals.kept_count, size / record_size);
        assert_int_equal(o.totals.unconfirmed_count, 0);
        assert_int_equal(o.totals.lost_size, size % record_size);
        drop(&o);
    }
}

static void test_garbage_between_records(void **state)
{
    static const char garbage[] = "some words that do not belong here";
    const size_t extra = sizeof(garbage);
    blob mixed = {malloc(file.size + extra), file.size + extra};

    (void)state;
    memcpy(mixed.bytes, file.bytes, record_size);
    memcpy(mixed.bytes + record_size, garbage, extra);
    memcpy(mixed.bytes + record_size + extra, file.bytes + record_size, file.size - record_size);
    outcome o = recover(mixed.bytes, mixed.size);
    assert_int_equal(o.count, 5);
    expect_event(&o, 0, SNAPJAR_RECOVER_KEPT, 0, record_size, SNAPJAR_DIAG_NONE);
    /* The next header's magic is near enough to be seen. */
    expect_event(&o, 1, SNAPJAR_RECOVER_LOST, record_size, extra, SNAPJAR_DIAG_MAGIC_SHIFTED);
    expect_event(&o, 2, SNAPJAR_RECOVER_UNCONFIRMED, record_size + extra, record_size, SNAPJAR_DIAG_NONE);
    assert_int_equal(o.totals.unconfirmed_count, 3);
    drop(&o);
    free(mixed.bytes);
}

/* A record whose payload holds a whole snapshot as data: damaged outside, the inner one must never be taken for a
 * record of the file. */
static void test_record_inside_a_payload(void **state)
{
    uint8_t pickle[4096];
    size_t at = 0;
    snapjar_pack_options options = test_options();

    (void)state;
    options.compression = SNAPJAR_COMPRESSION_RAW;
    pickle[at++] = 0x80;
    pickle[at++] = 4;
    pickle[at++] = 'B';
    pickle[at++] = (uint8_t)record_size;
    pickle[at++] = (uint8_t)(record_size >> 8);
    pickle[at++] = 0;
    pickle[at++] = 0;
    memcpy(pickle + at, file.bytes, record_size);
    at += record_size;
    pickle[at++] = '.';
    blob outer = pack_all(context, pickle, at, 1, &options);
    blob both = {malloc(outer.size + record_size), outer.size + record_size};
    memcpy(both.bytes, outer.bytes, outer.size);
    memcpy(both.bytes + outer.size, file.bytes, record_size);

    /* Payload damaged, header whole: its sizes lead to the next record. */
    both.bytes[outer.size - 30] ^= 1;
    outcome o = recover(both.bytes, both.size);
    assert_int_equal(o.totals.kept_count, 1);
    assert_int_equal(o.totals.unconfirmed_count, 0);
    expect_event(&o, 0, SNAPJAR_RECOVER_LOST, 0, outer.size, SNAPJAR_DIAG_PAYLOAD_CHECKSUM_MISMATCH);
    expect_event(&o, 1, SNAPJAR_RECOVER_KEPT, outer.size, record_size, SNAPJAR_DIAG_NONE);
    drop(&o);
    both.bytes[outer.size - 30] ^= 1;

    /* Header damaged: the structure of the frames leads to the trailer. */
    both.bytes[50] ^= 1;
    o = recover(both.bytes, both.size);
    assert_int_equal(o.totals.kept_count, 1);
    assert_int_equal(o.totals.unconfirmed_count, 0);
    expect_event(&o, 0, SNAPJAR_RECOVER_LOST, 0, outer.size, SNAPJAR_DIAG_HEADER_CHECKSUM_MISMATCH);
    drop(&o);

    /* Frame size damaged too: now only searching is left, and the inner record is found, unconfirmed. */
    both.bytes[5] ^= 1;
    o = recover(both.bytes, both.size);
    assert_int_equal(o.totals.kept_count, 0);
    assert_int_equal(o.totals.unconfirmed_count, 2);
    drop(&o);
    free(both.bytes);
    free(outer.bytes);
}

/* The search reads the file in pieces of 256 KiB: a magic that lies across the edge of one is found, too. */
static void test_search_across_pieces(void **state)
{
    const size_t piece = (size_t)256 << 10;
    blob copy = {calloc(1, piece + 32 + record_size), 0};

    (void)state;
    assert_non_null(copy.bytes);
    for (size_t gap = piece - 32; gap <= piece + 32; gap++) {
        memset(copy.bytes, 0, piece + 32 + record_size);
        memcpy(copy.bytes + gap, file.bytes, record_size);
        outcome o = recover(copy.bytes, gap + record_size);
        assert_int_equal(o.totals.unconfirmed_count, 1);
        assert_int_equal(o.totals.lost_size, gap);
        assert_int_equal(o.unconfirmed.size, record_size);
        assert_memory_equal(o.unconfirmed.bytes, file.bytes, record_size);
        expect_event(&o, 1, SNAPJAR_RECOVER_UNCONFIRMED, gap, record_size, SNAPJAR_DIAG_NONE);
        drop(&o);
    }
    free(copy.bytes);
}

static void test_nothing_there(void **state)
{
    snapjar_error err;
    snapjar_source *source = NULL;
    snapjar_sink *sink = NULL;

    (void)state;
    outcome o = recover("hello", 5);
    assert_int_equal(o.count, 1);
    expect_event(&o, 0, SNAPJAR_RECOVER_LOST, 0, 5, SNAPJAR_DIAG_NOT_SNAPJAR);
    drop(&o);
    assert_ok(snapjar_source_from_memory(&source, context, "", 0, err));
    assert_ok(snapjar_sink_to_memory(&sink, context, err));
    assert_fault(snapjar_recover(context, source, sink, NULL, NULL, NULL, NULL, NULL, &err), &err, SNAPJAR_CUT_SHORT,
                 SNAPJAR_DIAG_EMPTY_FILE, SNAPJAR_SPACE_FILE, 0);
    snapjar_sink_free(sink);
    snapjar_source_free(source);
}

/* A file of false headers: each is looked at, and there is an end to it. */
static void test_false_headers(void **state)
{
    const size_t size = (size_t)4 << 20;
    uint8_t *bytes = calloc(size, 1);

    (void)state;
    for (size_t at = 1; at + 44 < size; at += 44) {
        memcpy(bytes + at, file.bytes, 16);
        /* A JSON size that reaches to the end of the file, and a frame size that agrees. */
        uint32_t json = (uint32_t)(size - at - 44);
        uint32_t frame = json + 36;
        for (int i = 0; i < 4; i++) {
            bytes[at + 4 + (size_t)i] = (uint8_t)(frame >> 8 * i);
            bytes[at + 20 + (size_t)i] = (uint8_t)(json >> 8 * i);
        }
    }
    snapjar_source *source = NULL;
    snapjar_sink *sink = NULL;
    snapjar_error err;
    assert_ok(snapjar_source_from_memory(&source, context, bytes, size, err));
    assert_ok(snapjar_sink_to_memory(&sink, context, err));
    assert_int_equal(snapjar_recover(context, source, sink, NULL, NULL, NULL, NULL, NULL, &err), SNAPJAR_LIMIT);
    assert_int_equal(err.diagnostic, SNAPJAR_DIAG_SEARCH_LIMIT);
    snapjar_sink_free(sink);
    snapjar_source_free(source);
    free(bytes);
}

/*
 * Headers that hold, one behind another, each with a trailer of its own at the file's end: each would have all that is
 * between read, for nothing. Without a limit that takes the square of the file's size.
 */
static void test_overlapping_records(void **state)
{
    enum { COUNT = 4000, FRAME_SIZE = 600 };
    blob made = {must_alloc(COUNT * (FRAME_SIZE + SJ_TRAILER_SIZE)), COUNT * (FRAME_SIZE + SJ_TRAILER_SIZE)};
    snapjar_source *source = NULL;
    snapjar_error fault;

    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        size_t trailer_at = COUNT * FRAME_SIZE + i * SJ_TRAILER_SIZE;
        sj_header_plan plan = craft_plan("x", 1, "y", 1);
        char labels[FRAME_SIZE];
        const uint8_t *frame = NULL;
        size_t frame_size = 0;
        plan.stored_size = trailer_at - (i + 1) * FRAME_SIZE;
        assert_ok(sj_header_build(&frame, &frame_size, context, &plan, err));
        size_t room = FRAME_SIZE - frame_size - strlen(",\"labels\":{\"a\":\"\"}");
        (void)snprintf(labels, sizeof(labels), "{\"a\":\"%*s\"}", (int)room, "");
        plan.labels_json = labels;
        assert_ok(sj_header_build(&frame, &frame_size, context, &plan, err));
        assert_int_equal(frame_size, FRAME_SIZE);
        memcpy(made.bytes + i * FRAME_SIZE, frame, FRAME_SIZE);
        sj_trailer_write(made.bytes + trailer_at, trailer_at + SJ_TRAILER_SIZE - i * FRAME_SIZE, frame + 28);
    }
    assert_ok(snapjar_source_from_memory(&source, context, made.bytes, made.size, err));
    snapjar_status status = snapjar_recover(context, source, NULL, NULL, NULL, NULL, NULL, NULL, &fault);
    assert_int_equal(status, SNAPJAR_LIMIT);
    assert_int_equal(fault.diagnostic, SNAPJAR_DIAG_SEARCH_LIMIT);
    assert_int_equal(fault.space, SNAPJAR_SPACE_FILE);
    snapjar_source_free(source);
    free(made.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_whole_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_every_byte_of_a_record, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_every_cut, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_garbage_between_records, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_record_inside_a_payload, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_search_across_pieces, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nothing_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_false_headers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_overlapping_records, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
