/* SPDX-License-Identifier: MIT
 *
 * Bad records of every kind: verify, load and unpack give the same answer at the same place, in the order of checks of
 * the format, and nothing of a bad record reaches a sink that cannot be undone. Limits, cancelling, sources that
 * change, and the reader's moves.
 */
#include "one_context.h"

#include "craft.h"
#include "hooked.h"

#define FRAME SNAPJAR_FRAME_SIZE_MIN
/** Stored size of a raw frame with FRAME bytes: magic, descriptor, a content size of two bytes, one block, checksum. */
#define STORED (FRAME + 4 + 1 + 2 + 3 + 4)

/* A pickle of exactly `size` bytes with noise in it. */
static blob make_pickle(size_t size)
{
    blob pickle = {must_alloc(size), size};
    uint32_t random = 12345;

    pickle.bytes[0] = 0x80;
    pickle.bytes[1] = 4;
    pickle.bytes[2] = 'B';
    sj_write_le32(pickle.bytes + 3, (uint32_t)(size - 8));
    for (size_t i = 7; i < size; i++) {
        random = random * 1664525u + 1013904223u;
        pickle.bytes[i] = (uint8_t)(random >> 24);
    }
    pickle.bytes[size - 1] = '.';
    return pickle;
}

/* ---- one answer, however it is asked ---- */

typedef struct answer {
    snapjar_status status;
    snapjar_diagnostic diagnostic;
    snapjar_space space;
    uint64_t offset;
} answer;

static void assert_this(snapjar_status status, const snapjar_error *err, const answer *wanted)
{
    assert_fault(status, err, wanted->status, wanted->diagnostic, wanted->space, wanted->offset);
    assert_int_equal(err->record_index, 0);
}

static void expect_from_reader(snapjar_reader *reader, const answer *wanted, unsigned threads)
{
    snapjar_check_options options = SNAPJAR_CHECK_OPTIONS_INIT;
    snapjar_content *content = (snapjar_content *)(uintptr_t)1;
    snapjar_verification seen = {.opcode_count = 1, .is_allowed = true};
    snapjar_error err;

    options.threads = threads;
    assert_this(snapjar_record_verify(reader, &options, &seen, &err), &err, wanted);
    assert_int_equal(seen.opcode_count | seen.frame_count, 0);
    assert_this(snapjar_record_load(reader, &content, &options, &err), &err, wanted);
    assert_null(content);
    for (int is_transactional = 0; is_transactional < 2; is_transactional++) {
        hooked_sink got = {.size = 0};
        snapjar_sink *sink = hooked_sink_open(context, &got, is_transactional);
        assert_this(snapjar_record_unpack(reader, sink, &options, &err), &err, wanted);
        if (!is_transactional)
            assert_int_equal(got.writes, 0);
        snapjar_sink_free(sink);
        free(got.bytes);
    }
    assert_int_equal(snapjar_record_verify(reader, &options, NULL, NULL), wanted->status);
}

/* The record `file` consists of has a good header, and this fault behind it. */
static void expect_fault(const blob *file, const answer *wanted)
{
    for (unsigned turn = 0; turn < 8; turn++) {
        hooked_source hooked = {.bytes = file->bytes, .size = file->size};
        snapjar_source *source = NULL;
        snapjar_reader *reader = NULL;
        const snapjar_record *record = NULL;
        if (turn % 2)
            assert_ok(snapjar_source_from_memory(&source, context, file->bytes, file->size, err));
        else
            source = hooked_source_open(context, &hooked);
        assert_ok(snapjar_reader_new(&reader, context, source, NULL, err));
        assert_ok(snapjar_reader_next(reader, &record, err));
        expect_from_reader(reader, wanted, turn / 2);
        snapjar_reader_free(reader);
        snapjar_source_free(source);
    }
}

/* A record of `content` with `plan` changed by the caller after craft_plan. */
static void expect_planned(const sj_header_plan *plan, const blob *payload, snapjar_diagnostic diagnostic,
                           snapjar_space space, uint64_t offset)
{
    blob record = craft_planned(context, plan, payload->bytes, payload->size);
    answer wanted = {SNAPJAR_DAMAGED, diagnostic, space, offset};

    if (space == SNAPJAR_SPACE_FILE)
        wanted.offset += payload_of(&record);
    expect_fault(&record, &wanted);
    free(record.bytes);
}

static void test_checksums(void **state)
{
    static const size_t sizes[] = {21, FRAME, 3 * FRAME + 5, 20 * FRAME};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        blob content = make_pickle(sizes[i]);
        blob payload = craft_payload(content.bytes, content.size, FRAME);
        sj_header_plan good = craft_plan(content.bytes, content.size, payload.bytes, payload.size);
        for (size_t byte = 0; byte < 16; byte += 15) {
            sj_header_plan plan = good;
            plan.checksum[byte] ^= 1;
            expect_planned(&plan, &payload, SNAPJAR_DIAG_PAYLOAD_CHECKSUM_MISMATCH, SNAPJAR_SPACE_FILE, 0);
            plan = good;
            plan.content_checksum[byte] ^= 0x80;
            expect_planned(&plan, &payload, SNAPJAR_DIAG_CONTENT_CHECKSUM_MISMATCH, SNAPJAR_SPACE_FILE, 0);
            /* The first of two faults in the order of checks. */
            plan.checksum[byte] ^= 1;
            expect_planned(&plan, &payload, SNAPJAR_DIAG_PAYLOAD_CHECKSUM_MISMATCH, SNAPJAR_SPACE_FILE, 0);
        }
        free(payload.bytes);
        free(content.bytes);
    }
}

static void test_undecodable_frames(void **state)
{
    static const size_t frames[] = {0, 1, 3, 10, 16, 17};
    blob content = make_pickle(17 * FRAME + 99);

    (void)state;
    for (size_t first = 0; first < 6; first++) {
        for (size_t second = first; second < 6; second++) {
            blob payload = craft_payload(content.bytes, content.size, FRAME);
            payload.bytes[frames[first] * STORED + 50] ^= 1;
            if (second != first)
                payload.bytes[frames[second] * STORED + 50] ^= 1;
            sj_header_plan plan = craft_plan(content.bytes, content.size, payload.bytes, payload.size);
            expect_planned(&plan, &payload, SNAPJAR_DIAG_DECODE_FAILED, SNAPJAR_SPACE_FILE, frames[first] * STORED);
            free(payload.bytes);
        }
    }
    free(content.bytes);
}

static void test_walk_faults_come_before_decoding(void **state)
{
    blob content = make_pickle(2 * FRAME);
    blob payload = craft_payload(content.bytes, content.size, FRAME);

    (void)state;
    payload.bytes[50] ^= 1;     /* does not decode */
    payload.bytes[STORED] ^= 1; /* no frame */
    sj_header_plan plan = craft_plan(content.bytes, content.size, payload.bytes, payload.size);
    expect_planned(&plan, &payload, SNAPJAR_DIAG_FRAME_INVALID, SNAPJAR_SPACE_FILE, STORED);
    free(payload.bytes);
    free(content.bytes);
}

/* Frames of several blocks, each of which has a head. */
static void test_raw_blocks(void **state)
{
    const size_t frame = 8 * FRAME;
    const size_t block = 2 * FRAME;
    /* Heads of nine bytes and of three, the checksum. */
    const size_t stored = 9 + 4 * (3 + block) + 4;
    const struct {
        size_t at;
        snapjar_diagnostic diagnostic;
        size_t fault;
    } faults[] = {
        {4, SNAPJAR_DIAG_FRAME_FLAGS, 0},
        {9 + 3 + 77, SNAPJAR_DIAG_DECODE_FAILED, 0},
        {9 + 3 + block, SNAPJAR_DIAG_DECODE_FAILED, 0},
        {9 + 3 + block + 3 + 77, SNAPJAR_DIAG_DECODE_FAILED, 0},
        {stored - 5, SNAPJAR_DIAG_DECODE_FAILED, 0},
        {stored - 1, SNAPJAR_DIAG_DECODE_FAILED, 0},
    };
    blob content = make_pickle(4 * frame + block + 300);

    (void)state;
    for (size_t number = 0; number < 4; number += 3) {
        for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
            blob payload = craft_payload(content.bytes, content.size, frame);
            payload.bytes[number * stored + faults[i].at] ^= 4;
            sj_header_plan plan = craft_plan(content.bytes, content.size, payload.bytes, payload.size);
            plan.frame_size = (uint32_t)frame;
            expect_planned(&plan, &payload, faults[i].diagnostic, SNAPJAR_SPACE_FILE,
                           number * stored + faults[i].fault);
            free(payload.bytes);
        }
    }
    free(content.bytes);
}

/* Sizes in the header that the payload does not have. */
static void test_sizes(void **state)
{
    blob content = make_pickle(2 * FRAME + 100);
    blob payload = craft_payload(content.bytes, content.size, FRAME);
    sj_header_plan good = craft_plan(content.bytes, content.size, payload.bytes, payload.size);
    size_t last = payload.size - (100 + 6 + 3 + 4);

    (void)state;
    for (int change = -1; change <= 1; change += 2) {
        sj_header_plan plan = good;
        plan.size += (uint64_t)(int64_t)change;
        plan.pickle_size = plan.size;
        expect_planned(&plan, &payload, SNAPJAR_DIAG_FRAME_CONTENT_SIZE, SNAPJAR_SPACE_FILE, last);
    }
    sj_header_plan plan = good;
    plan.frame_size = 2 * FRAME;
    expect_planned(&plan, &payload, SNAPJAR_DIAG_FRAME_CONTENT_SIZE, SNAPJAR_SPACE_FILE, 0);
    plan = good;
    plan.size = plan.pickle_size = 3 * FRAME + 1;
    expect_planned(&plan, &payload, SNAPJAR_DIAG_FRAME_CONTENT_SIZE, SNAPJAR_SPACE_FILE, last);
    plan = good;
    plan.size = plan.pickle_size = 2 * FRAME;
    expect_planned(&plan, &payload, SNAPJAR_DIAG_STORED_SIZE_MISMATCH, SNAPJAR_SPACE_FILE, last);
    /* The payload ends within its last frame, though the trailer says the same. */
    blob cut = {payload.bytes, payload.size - 1};
    plan = craft_plan(content.bytes, content.size, cut.bytes, cut.size);
    expect_planned(&plan, &cut, SNAPJAR_DIAG_STORED_SIZE_MISMATCH, SNAPJAR_SPACE_FILE, cut.size);
    free(payload.bytes);
    free(content.bytes);
}

/* `content` in raw frames, its header right but for what the pickle in it is. */
static void expect_content(const void *content, size_t size, size_t pickle_size, int protocol,
                           const snapjar_buffer_span *spans, size_t count, snapjar_diagnostic diagnostic,
                           uint64_t offset)
{
    blob payload = craft_payload(content, size, FRAME);
    sj_header_plan plan = craft_plan(content, size, payload.bytes, payload.size);

    plan.pickle_size = pickle_size;
    plan.protocol = protocol;
    plan.buffers = spans;
    plan.buffer_count = count;
    expect_planned(&plan, &payload, diagnostic, SNAPJAR_SPACE_CONTENT, offset);
    /* The content's checksum comes before what the content is. */
    plan.content_checksum[0] ^= 1;
    expect_planned(&plan, &payload, SNAPJAR_DIAG_CONTENT_CHECKSUM_MISMATCH, SNAPJAR_SPACE_FILE, 0);
    free(payload.bytes);
}

static void test_pickles(void **state)
{
    uint8_t small[sizeof(pickle_small) + 1];
    static const snapjar_buffer_span one[] = {{64, 3}};
    uint8_t with_buffer[67] = {0};
    blob large = make_pickle(3 * FRAME);

    (void)state;
    memcpy(small, pickle_small, sizeof(pickle_small));
    small[sizeof(pickle_small)] = '.';
    expect_content(small, sizeof(small), sizeof(small), 4, NULL, 0, SNAPJAR_DIAG_PICKLE_SIZE_MISMATCH,
                   sizeof(pickle_small));
    for (size_t size = 1; size < sizeof(pickle_small); size++)
        expect_content(small, size, size, 4, NULL, 0, SNAPJAR_DIAG_PICKLE_SIZE_MISMATCH, size);
    for (int protocol = 0; protocol <= 5; protocol++) {
        if (protocol != 4)
            expect_content(pickle_small, sizeof(pickle_small), sizeof(pickle_small), protocol, NULL, 0,
                           SNAPJAR_DIAG_PICKLE_PROTOCOL_MISMATCH, 0);
    }
    small[11] = 0xff;
    expect_content(small, sizeof(pickle_small), sizeof(pickle_small), 4, NULL, 0, SNAPJAR_DIAG_PICKLE_OPCODE_UNKNOWN,
                   11);
    memcpy(with_buffer, pickle_small, sizeof(pickle_small));
    expect_content(with_buffer, 67, sizeof(pickle_small), 4, one, 1, SNAPJAR_DIAG_PICKLE_BUFFERS_MISMATCH, 0);
    expect_content(with_buffer, 67, 22, 4, one, 1, SNAPJAR_DIAG_PICKLE_SIZE_MISMATCH, sizeof(pickle_small));
    expect_content(with_buffer, 67, 20, 4, one, 1, SNAPJAR_DIAG_PICKLE_SIZE_MISMATCH, 20);
    expect_content("\x80\x05\x97.", 4, 4, 5, NULL, 0, SNAPJAR_DIAG_PICKLE_BUFFERS_MISMATCH, 0);
    /* In the second frame, and at its first byte. */
    sj_write_le32(large.bytes + 3, FRAME - 7);
    large.bytes[FRAME] = 0xff;
    expect_content(large.bytes, large.size, large.size, 4, NULL, 0, SNAPJAR_DIAG_PICKLE_OPCODE_UNKNOWN, FRAME);
    large.bytes[FRAME] = '.';
    expect_content(large.bytes, large.size, large.size, 4, NULL, 0, SNAPJAR_DIAG_PICKLE_SIZE_MISMATCH, FRAME + 1);
    sj_write_le32(large.bytes + 3, 3 * FRAME);
    expect_content(large.bytes, large.size, large.size, 4, NULL, 0, SNAPJAR_DIAG_PICKLE_SIZE_MISMATCH, 3 * FRAME);
    free(large.bytes);
}

static void test_padding(void **state)
{
    static const uint8_t pickle[] = {0x80, 5, 0x97, 0x97, '0', '.'};
    static const snapjar_buffer_span spans[] = {{64, 3}, {128, 2}};
    uint8_t content[130] = {0};

    (void)state;
    memcpy(content, pickle, sizeof(pickle));
    content[64] = content[66] = content[128] = content[129] = 7; /* the buffers' own bytes are free */
    for (size_t at = sizeof(pickle); at < 128; at++) {
        if (at >= 64 && at < 67)
            continue;
        content[at] = 1;
        expect_content(content, sizeof(content), sizeof(pickle), 5, spans, 2, SNAPJAR_DIAG_PADDING_NOT_ZERO, at);
        /* What stands first in the content is told first; what the pickle claims as a whole comes last. */
        content[2] = 0xff;
        expect_content(content, sizeof(content), sizeof(pickle), 5, spans, 2, SNAPJAR_DIAG_PICKLE_OPCODE_UNKNOWN, 2);
        content[2] = 0x97;
        expect_content(content, sizeof(content), sizeof(pickle), 4, spans, 2, SNAPJAR_DIAG_PADDING_NOT_ZERO, at);
        content[at] = 0;
    }
    /* Up to the last byte of a frame. */
    uint8_t *large = must_alloc(FRAME + 1);
    snapjar_buffer_span far = {FRAME, 1};
    memcpy(large, "\x80\x05\x97", 3);
    large[3] = 'B';
    sj_write_le32(large + 4, FRAME - 64);
    large[FRAME - 64 + 8] = '.';
    large[FRAME - 1] = 1;
    expect_content(large, FRAME + 1, FRAME - 64 + 9, 5, &far, 1, SNAPJAR_DIAG_PADDING_NOT_ZERO, FRAME - 1);
    free(large);
}

/* A frame that does not decode comes before a pickle that is none, also where that stands first. */
static void test_decoding_comes_before_the_pickle(void **state)
{
    blob content = make_pickle(4 * FRAME);

    (void)state;
    content.bytes[2] = 0xff;
    blob payload = craft_payload(content.bytes, content.size, FRAME);
    payload.bytes[3 * STORED + 50] ^= 1;
    sj_header_plan plan = craft_plan(content.bytes, content.size, payload.bytes, payload.size);
    expect_planned(&plan, &payload, SNAPJAR_DIAG_DECODE_FAILED, SNAPJAR_SPACE_FILE, 3 * STORED);
    free(payload.bytes);
    free(content.bytes);
}

static void test_trailers(void **state)
{
    blob content = make_pickle(1000);
    blob payload = craft_payload(content.bytes, content.size, FRAME);
    sj_header_plan plan = craft_plan(content.bytes, content.size, payload.bytes, payload.size);
    blob record = craft_planned(context, &plan, payload.bytes, payload.size);

    (void)state;
    for (size_t i = 1; i <= SJ_TRAILER_SIZE; i++) {
        answer damaged = {SNAPJAR_DAMAGED, SNAPJAR_DIAG_TRAILER_DAMAGED, SNAPJAR_SPACE_FILE,
                          record.size - SJ_TRAILER_SIZE};
        answer cut = {SNAPJAR_CUT_SHORT, SNAPJAR_DIAG_RECORD_CUT_SHORT, SNAPJAR_SPACE_FILE, record.size - i};
        blob shorter = {record.bytes, record.size - i};
        record.bytes[record.size - i] ^= 0x40;
        expect_fault(&record, &damaged);
        record.bytes[record.size - i] ^= 0x40;
        expect_fault(&shorter, &cut);
    }
    /* Cut within the payload, and a payload that is damaged as well: that it is cut comes first. */
    record.bytes[payload_of(&record)] ^= 1;
    answer cut = {SNAPJAR_CUT_SHORT, SNAPJAR_DIAG_RECORD_CUT_SHORT, SNAPJAR_SPACE_FILE, record.size - 500};
    blob shorter = {record.bytes, record.size - 500};
    expect_fault(&shorter, &cut);
    record.bytes[record.size - 1] ^= 1;
    answer damaged = {SNAPJAR_DAMAGED, SNAPJAR_DIAG_TRAILER_DAMAGED, SNAPJAR_SPACE_FILE, record.size - SJ_TRAILER_SIZE};
    expect_fault(&record, &damaged);
    free(record.bytes);
    free(payload.bytes);
    free(content.bytes);
}

/* stored_only looks at the stored bytes and no further. */
static void test_stored_only(void **state)
{
    blob content = make_pickle(2 * FRAME);
    blob payload = craft_payload(content.bytes, content.size, FRAME);
    sj_header_plan plan = craft_plan(content.bytes, content.size, payload.bytes, payload.size);
    snapjar_check_options options = SNAPJAR_CHECK_OPTIONS_INIT;

    (void)state;
    plan.content_checksum[3] ^= 1;
    plan.protocol = 0;
    options.stored_only = true;
    for (int damaged = 0; damaged < 2; damaged++) {
        snapjar_verification seen = {.opcode_count = 9, .frame_count = 9};
        snapjar_source *source = NULL;
        snapjar_reader *reader = NULL;
        const snapjar_record *next = NULL;
        snapjar_content *content_of = NULL;
        snapjar_error fault;
        plan.checksum[0] ^= (uint8_t)damaged;
        blob record = craft_planned(context, &plan, payload.bytes, payload.size);
        assert_ok(snapjar_source_from_memory(&source, context, record.bytes, record.size, err));
        assert_ok(snapjar_reader_new(&reader, context, source, NULL, err));
        assert_ok(snapjar_reader_next(reader, &next, err));
        snapjar_status status = snapjar_record_verify(reader, &options, &seen, &fault);
        if (damaged) {
            assert_fault(status, &fault, SNAPJAR_DAMAGED, SNAPJAR_DIAG_PAYLOAD_CHECKSUM_MISMATCH, SNAPJAR_SPACE_FILE,
                         payload_of(&record));
        } else {
            assert_int_equal(status, SNAPJAR_OK);
            assert_int_equal(seen.frame_count, 2);
            assert_int_equal(seen.opcode_count, 0);
            assert_fault(snapjar_record_load(reader, &content_of, &options, &fault), &fault, SNAPJAR_DAMAGED,
                         SNAPJAR_DIAG_CONTENT_CHECKSUM_MISMATCH, SNAPJAR_SPACE_FILE, payload_of(&record));
        }
        snapjar_reader_free(reader);
        snapjar_source_free(source);
        free(record.bytes);
    }
    free(payload.bytes);
    free(content.bytes);
}

/* ---- limits and options ---- */

/* A reader over `file` with limits; reads the first header. */
typedef struct opened {
    snapjar_source *source;
    snapjar_reader *reader;
    const snapjar_record *record;
    snapjar_status status;
    snapjar_error fault;
} opened;

static opened open_file(const blob *file, const snapjar_limits *limits)
{
    opened o = {.source = NULL};

    assert_ok(snapjar_source_from_memory(&o.source, context, file->bytes, file->size, err));
    assert_ok(snapjar_reader_new(&o.reader, context, o.source, limits, err));
    o.status = snapjar_reader_next(o.reader, &o.record, &o.fault);
    return o;
}

static void close_file(opened *o)
{
    snapjar_reader_free(o->reader);
    snapjar_source_free(o->source);
}

static uint64_t value_offset(const blob *record, const char *key)
{
    const char *json = (const char *)record->bytes + SJ_PREFIX_SIZE;
    const char *at = memmem(json, sj_read_le32(record->bytes + 20), key, strlen(key));

    assert_non_null(at);
    return SJ_PREFIX_SIZE + (uint64_t)(at - json) + strlen(key);
}

static void test_content_limit(void **state)
{
    static const size_t sizes[] = {21, FRAME + 1};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        blob content = make_pickle(sizes[i]);
        snapjar_pack_options packing = test_options();
        blob file = pack_all(context, content.bytes, content.size, 1, &packing);
        for (size_t slack = 0; slack < 3; slack++) {
            snapjar_limits limits = SNAPJAR_LIMITS_INIT;
            limits.content_size_max = sizes[i] - 1 + slack;
            opened o = open_file(&file, &limits);
            answer wanted = {SNAPJAR_LIMIT, SNAPJAR_DIAG_CONTENT_TOO_LARGE, SNAPJAR_SPACE_FILE,
                             value_offset(&file, "\"size\":")};
            assert_int_equal(o.status, SNAPJAR_OK);
            if (slack == 0)
                expect_from_reader(o.reader, &wanted, 1);
            else
                assert_ok(snapjar_record_verify(o.reader, NULL, NULL, err));
            close_file(&o);
        }
        free(file.bytes);
        free(content.bytes);
    }
}

static void test_header_limits(void **state)
{
    snapjar_pack_options packing = test_options();
    blob plain = pack_all(context, pickle_small, sizeof(pickle_small), 1, &packing);
    uint32_t json_size = sj_read_le32(plain.bytes + 20);
    blob frame = craft_header(plain.bytes + SJ_PREFIX_SIZE, json_size, 10);
    size_t payload_at = SJ_PREFIX_SIZE + json_size;
    blob file =
        craft_record(frame.bytes, frame.size, plain.bytes + payload_at, plain.size - payload_at - SJ_TRAILER_SIZE);

    (void)state;
    for (size_t slack = 0; slack < 3; slack++) {
        snapjar_limits limits = SNAPJAR_LIMITS_INIT;
        limits.header_json_size_max = json_size - 1 + slack;
        opened o = open_file(&file, &limits);
        if (slack == 0)
            assert_fault(o.status, &o.fault, SNAPJAR_LIMIT, SNAPJAR_DIAG_HEADER_TOO_LARGE, SNAPJAR_SPACE_FILE, 20);
        else
            assert_ok(snapjar_record_verify(o.reader, NULL, NULL, err));
        close_file(&o);
        limits.header_json_size_max = 0;
        limits.seal_size_max = 9 + slack;
        o = open_file(&file, &limits);
        if (slack == 0)
            assert_fault(o.status, &o.fault, SNAPJAR_LIMIT, SNAPJAR_DIAG_HEADER_TOO_LARGE, SNAPJAR_SPACE_FILE, 24);
        else
            assert_ok(snapjar_record_verify(o.reader, NULL, NULL, err));
        close_file(&o);
        limits.seal_size_max = 0;
        limits.json_depth_max = 2 + slack; /* build.tool is at level 3 */
        o = open_file(&file, &limits);
        if (slack == 0)
            assert_fault(o.status, &o.fault, SNAPJAR_LIMIT, SNAPJAR_DIAG_JSON_TOO_DEEP, SNAPJAR_SPACE_FILE,
                         value_offset(&file, "\"tool\":"));
        else
            assert_ok(snapjar_record_verify(o.reader, NULL, NULL, err));
        close_file(&o);
    }
    free(file.bytes);
    free(frame.bytes);
    free(plain.bytes);
}

static void test_line_limit(void **state)
{
    static const char text[] = "V0123456789\n.";
    snapjar_pack_options packing = test_options();
    blob file = pack_all(context, text, sizeof(text) - 1, 1, &packing);

    (void)state;
    for (size_t max = 9; max <= 11; max++) {
        snapjar_limits limits = SNAPJAR_LIMITS_INIT;
        answer wanted = {SNAPJAR_LIMIT, SNAPJAR_DIAG_PICKLE_LINE_TOO_LONG, SNAPJAR_SPACE_CONTENT, 1};
        limits.pickle_line_size_max = max;
        opened o = open_file(&file, &limits);
        if (max == 9)
            expect_from_reader(o.reader, &wanted, 1);
        else
            assert_ok(snapjar_record_verify(o.reader, NULL, NULL, err));
        close_file(&o);
    }
    free(file.bytes);
}

static void expect_argument(snapjar_reader *reader, const snapjar_check_options *options)
{
    snapjar_content *content = (snapjar_content *)(uintptr_t)1;
    snapjar_verification seen = {.opcode_count = 1, .is_allowed = true};
    hooked_sink got = {.size = 0};
    snapjar_sink *sink = hooked_sink_open(context, &got, true);
    snapjar_error err;

    assert_fault(snapjar_record_verify(reader, options, &seen, &err), &err, SNAPJAR_INVALID_ARGUMENT,
                 SNAPJAR_DIAG_INVALID_ARGUMENT, SNAPJAR_SPACE_NONE, SNAPJAR_OFFSET_NONE);
    assert_int_equal(seen.opcode_count | seen.frame_count, 0);
    assert_fault(snapjar_record_load(reader, &content, options, &err), &err, SNAPJAR_INVALID_ARGUMENT,
                 SNAPJAR_DIAG_INVALID_ARGUMENT, SNAPJAR_SPACE_NONE, SNAPJAR_OFFSET_NONE);
    assert_null(content);
    assert_fault(snapjar_record_unpack(reader, sink, options, &err), &err, SNAPJAR_INVALID_ARGUMENT,
                 SNAPJAR_DIAG_INVALID_ARGUMENT, SNAPJAR_SPACE_NONE, SNAPJAR_OFFSET_NONE);
    assert_int_equal(got.writes, 0);
    snapjar_sink_free(sink);
}

static void test_check_options(void **state)
{
    snapjar_pack_options packing = test_options();
    blob file = pack_all(context, pickle_small, sizeof(pickle_small), 1, &packing);
    struct {
        snapjar_check_options options;
        uint8_t tail[32];
    } newer = {.options = SNAPJAR_CHECK_OPTIONS_INIT};
    opened o = open_file(&file, NULL);

    (void)state;
    newer.options.threads = 64;
    assert_ok(snapjar_record_verify(o.reader, &newer.options, NULL, err));
    newer.options.threads = 65;
    expect_argument(o.reader, &newer.options);
    newer.options.threads = 0;
    newer.options.struct_size = sizeof(newer.options) + 8;
    assert_ok(snapjar_record_verify(o.reader, &newer.options, NULL, err));
    newer.tail[7] = 1;
    expect_argument(o.reader, &newer.options);
    newer.options.struct_size = 3;
    expect_argument(o.reader, &newer.options);
    /* An older program's struct ends before `threads`. */
    newer.options.struct_size = sizeof(size_t);
    newer.options.threads = 1000;
    assert_ok(snapjar_record_verify(o.reader, &newer.options, NULL, err));
    assert_ok(snapjar_reader_next(o.reader, &o.record, err));
    assert_null(o.record);
    expect_argument(o.reader, NULL); /* behind the last record */
    snapjar_reader_seek(o.reader, 0, 0);
    expect_argument(o.reader, NULL); /* before the first */
    close_file(&o);
    free(file.bytes);
}

static void test_reader_arguments(void **state)
{
    snapjar_limits limits = SNAPJAR_LIMITS_INIT;
    snapjar_reader *reader = (snapjar_reader *)(uintptr_t)1;
    snapjar_source *source = NULL;
    snapjar_error fault;

    (void)state;
    assert_ok(snapjar_source_from_memory(&source, context, "x", 1, err));
    assert_fault(snapjar_reader_new(&reader, NULL, source, NULL, &fault), &fault, SNAPJAR_INVALID_ARGUMENT,
                 SNAPJAR_DIAG_INVALID_ARGUMENT, SNAPJAR_SPACE_NONE, SNAPJAR_OFFSET_NONE);
    assert_null(reader);
    assert_fault(snapjar_reader_new(&reader, context, NULL, NULL, &fault), &fault, SNAPJAR_INVALID_ARGUMENT,
                 SNAPJAR_DIAG_INVALID_ARGUMENT, SNAPJAR_SPACE_NONE, SNAPJAR_OFFSET_NONE);
    limits.json_depth_max = 1001;
    assert_fault(snapjar_reader_new(&reader, context, source, &limits, &fault), &fault, SNAPJAR_INVALID_ARGUMENT,
                 SNAPJAR_DIAG_INVALID_ARGUMENT, SNAPJAR_SPACE_NONE, SNAPJAR_OFFSET_NONE);
    assert_null(reader);
    limits.json_depth_max = 1000;
    assert_ok(snapjar_reader_new(&reader, context, source, &limits, err));
    snapjar_reader_free(reader);
    snapjar_reader_free(NULL);
    snapjar_content_free(NULL);
    snapjar_source_free(source);
}

/* ---- cancelling ---- */

typedef struct ticker {
    size_t calls;
    size_t cancelled_call;
    uint64_t done;
    bool is_wrong;
} ticker;

static bool tick(void *state, uint64_t done, uint64_t total)
{
    ticker *t = state;

    t->is_wrong |= done > total || done < t->done;
    t->done = done;
    return ++t->calls != t->cancelled_call;
}

static void test_cancelled(void **state)
{
    blob content = make_pickle(4 * FRAME + 1);
    snapjar_pack_options packing = test_options();

    (void)state;
    packing.frame_size = FRAME;
    blob file = pack_all(context, content.bytes, content.size, 1, &packing);
    answer wanted = {SNAPJAR_CANCELLED, SNAPJAR_DIAG_CANCELLED, SNAPJAR_SPACE_NONE, SNAPJAR_OFFSET_NONE};
    for (unsigned threads = 1; threads <= 3; threads++) {
        snapjar_check_options options = SNAPJAR_CHECK_OPTIONS_INIT;
        opened o = open_file(&file, NULL);
        ticker all = {.calls = 0};
        options.threads = threads;
        options.progress = tick;
        options.progress_state = &all;
        assert_ok(snapjar_record_verify(o.reader, &options, NULL, err));
        assert_true(all.calls >= 5);
        assert_false(all.is_wrong);
        assert_int_equal(all.done, content.size);
        for (size_t call = 1; call <= all.calls; call++) {
            for (int way = 0; way < 4; way++) {
                ticker t = {.cancelled_call = call};
                snapjar_content *loaded = NULL;
                hooked_sink got = {.size = 0};
                snapjar_sink *sink = hooked_sink_open(context, &got, way == 3);
                snapjar_error fault;
                options.progress_state = &t;
                snapjar_status status = way == 0   ? snapjar_record_verify(o.reader, &options, NULL, &fault)
                                        : way == 1 ? snapjar_record_load(o.reader, &loaded, &options, &fault)
                                                   : snapjar_record_unpack(o.reader, sink, &options, &fault);
                assert_this(status, &fault, &wanted);
                assert_int_equal(t.calls, call);
                assert_null(loaded);
                assert_true(way == 3 || got.writes == 0);
                snapjar_sink_free(sink);
                free(got.bytes);
            }
        }
        close_file(&o);
    }
    free(file.bytes);
    free(content.bytes);
}

/* A large payload can be cancelled while its stored bytes are being checked, before anything is decompressed. */
static void test_cancelled_in_first_pass(void **state)
{
    blob content = make_pickle((size_t)9 << 20);
    snapjar_pack_options packing = test_options();
    snapjar_check_options options = SNAPJAR_CHECK_OPTIONS_INIT;
    ticker t = {.cancelled_call = 1};
    snapjar_reader *reader = NULL;
    const snapjar_record *record = NULL;
    snapjar_error fault;

    (void)state;
    packing.compression = SNAPJAR_COMPRESSION_RAW;
    blob file = pack_all(context, content.bytes, content.size, 1, &packing);
    hooked_source hooked = {.bytes = file.bytes, .size = file.size};
    snapjar_source *source = hooked_source_open(context, &hooked);
    options.stored_only = true;
    options.progress = tick;
    options.progress_state = &t;
    assert_ok(snapjar_reader_new(&reader, context, source, NULL, err));
    assert_ok(snapjar_reader_next(reader, &record, err));
    assert_fault(snapjar_record_verify(reader, &options, NULL, &fault), &fault, SNAPJAR_CANCELLED,
                 SNAPJAR_DIAG_CANCELLED, SNAPJAR_SPACE_NONE, SNAPJAR_OFFSET_NONE);
    assert_int_equal(t.done, 0);
    t.cancelled_call = 100;
    t.calls = 0;
    assert_ok(snapjar_record_verify(reader, &options, NULL, err));
    assert_int_equal(t.calls, 10);
    snapjar_reader_free(reader);
    snapjar_source_free(source);
    free(file.bytes);
    free(content.bytes);
}

/* ---- sources that fail or change ---- */

static void test_failing_sink(void **state)
{
    blob content = make_pickle(3 * FRAME);
    snapjar_pack_options packing = test_options();

    (void)state;
    packing.frame_size = FRAME;
    blob file = pack_all(context, content.bytes, content.size, 1, &packing);
    opened o = open_file(&file, NULL);
    for (int is_transactional = 0; is_transactional < 2; is_transactional++) {
        hooked_sink got = {.failing_write = 1};
        snapjar_sink *sink = hooked_sink_open(context, &got, is_transactional);
        snapjar_error fault;
        snapjar_status status = snapjar_record_unpack(o.reader, sink, NULL, &fault);
        assert_fault(status, &fault, SNAPJAR_IO, SNAPJAR_DIAG_WRITE_FAILED, SNAPJAR_SPACE_NONE, SNAPJAR_OFFSET_NONE);
        snapjar_sink_free(sink);
    }
    assert_ok(snapjar_record_verify(o.reader, NULL, NULL, err));
    close_file(&o);
    free(file.bytes);
    free(content.bytes);
}

static void test_failing_reads(void **state)
{
    blob content = make_pickle(40 * FRAME);
    snapjar_pack_options packing = test_options();

    (void)state;
    packing.frame_size = FRAME;
    packing.compression = SNAPJAR_COMPRESSION_RAW;
    blob file = pack_all(context, content.bytes, content.size, 1, &packing);
    for (unsigned threads = 1; threads <= 3; threads++) {
        for (size_t turn = 1;; turn++) {
            hooked_source broken = {.bytes = file.bytes, .size = file.size};
            snapjar_source *source = hooked_source_open(context, &broken);
            snapjar_reader *reader = NULL;
            const snapjar_record *record = NULL;
            snapjar_check_options options = SNAPJAR_CHECK_OPTIONS_INIT;
            snapjar_error fault;
            options.threads = threads;
            assert_ok(snapjar_reader_new(&reader, context, source, NULL, err));
            assert_ok(snapjar_reader_next(reader, &record, err));
            broken.reads = 0;
            broken.failing_read = turn;
            snapjar_status status = snapjar_record_verify(reader, &options, NULL, &fault);
            snapjar_reader_free(reader);
            snapjar_source_free(source);
            if (status == SNAPJAR_OK)
                break;
            assert_int_equal(status, SNAPJAR_IO);
            assert_int_equal(fault.diagnostic, SNAPJAR_DIAG_READ_FAILED);
            assert_true(turn < 200);
        }
    }
    free(file.bytes);
    free(content.bytes);
}

/* A frame that does not decode, read a third time to be sure: that this fails is no change of the source. */
static void test_failing_reads_of_damage(void **state)
{
    blob content = make_pickle(60 * FRAME);
    snapjar_pack_options packing = test_options();

    (void)state;
    /* Raw frames alone would be read another way first. */
    memset(content.bytes + 50 * FRAME, 0, FRAME);
    packing.frame_size = FRAME;
    blob packed = pack_all(context, content.bytes, content.size, 1, &packing);
    size_t start = payload_of(&packed);
    blob payload = blob_copy(packed.bytes + start, packed.size - SJ_TRAILER_SIZE - start);
    payload.bytes[3 * STORED + 50] ^= 1;
    sj_header_plan plan = craft_plan(content.bytes, content.size, payload.bytes, payload.size);
    blob file = craft_planned(context, &plan, payload.bytes, payload.size);
    for (size_t turn = 1;; turn++) {
        hooked_source broken = {.bytes = file.bytes, .size = file.size};
        snapjar_source *source = hooked_source_open(context, &broken);
        snapjar_reader *reader = NULL;
        const snapjar_record *record = NULL;
        snapjar_content *loaded = NULL;
        snapjar_error fault;
        assert_ok(snapjar_reader_new(&reader, context, source, NULL, err));
        assert_ok(snapjar_reader_next(reader, &record, err));
        broken.reads = 0;
        broken.failing_read = turn;
        snapjar_status status = snapjar_record_load(reader, &loaded, NULL, &fault);
        assert_null(loaded);
        snapjar_reader_free(reader);
        snapjar_source_free(source);
        if (status == SNAPJAR_DAMAGED) {
            assert_true(broken.reads < turn && turn > 10);
            assert_fault(status, &fault, SNAPJAR_DAMAGED, SNAPJAR_DIAG_DECODE_FAILED, SNAPJAR_SPACE_FILE,
                         payload_of(&file) + 3 * STORED);
            break;
        }
        assert_int_equal(status, SNAPJAR_IO);
        assert_int_equal(fault.diagnostic, SNAPJAR_DIAG_READ_FAILED);
    }
    free(file.bytes);
    free(payload.bytes);
    free(packed.bytes);
    free(content.bytes);
}

static void test_failing_source(void **state)
{
    snapjar_pack_options packing = test_options();
    blob file = pack_all(context, pickle_small, sizeof(pickle_small), 1, &packing);
    hooked_source broken = {.bytes = file.bytes, .size = file.size, .has_no_size = true};
    snapjar_source *source = hooked_source_open(context, &broken);
    snapjar_reader *reader = NULL;
    const snapjar_record *record = NULL;
    snapjar_error fault;

    (void)state;
    assert_ok(snapjar_reader_new(&reader, context, source, NULL, err));
    assert_fault(snapjar_reader_next(reader, &record, &fault), &fault, SNAPJAR_IO, SNAPJAR_DIAG_READ_FAILED,
                 SNAPJAR_SPACE_NONE, SNAPJAR_OFFSET_NONE);
    assert_int_equal(snapjar_reader_seek_last(reader, &fault), SNAPJAR_IO);
    broken.has_no_size = false;
    /* The header's first bytes, then its rest. */
    for (size_t read = 1; read <= 2; read++) {
        broken.reads = 0;
        broken.failing_read = read;
        assert_int_equal(snapjar_reader_next(reader, &record, &fault), SNAPJAR_IO);
        assert_int_equal(fault.diagnostic, SNAPJAR_DIAG_READ_FAILED);
        assert_true(read == 1 ? fault.offset == 0 : fault.offset >= SJ_PREFIX_SIZE);
        assert_null(record);
    }
    broken.failing_read = 0;
    assert_ok(snapjar_reader_next(reader, &record, err));
    broken.has_no_size = true;
    assert_int_equal(snapjar_record_verify(reader, NULL, NULL, &fault), SNAPJAR_IO);
    broken.has_no_size = false;
    assert_ok(snapjar_record_verify(reader, NULL, NULL, err));
    snapjar_reader_free(reader);
    snapjar_source_free(source);
    free(file.bytes);
}

/* Ways through the gate: to verify, to load, and to unpack into a sink of either kind. */
enum { VERIFYING, LOADING, UNPACKING, UNPACKING_WHOLE, WAYS };

/* The bytes turn into `others` when the place `at` is read for the `turn`-th time. */
static void expect_changed(const blob *file, const uint8_t *others, size_t at, size_t turn, int first_way, int ways,
                           const answer *wanted)
{
    for (unsigned threads = 1; threads <= 3; threads++) {
        for (int way = first_way; way < first_way + ways; way++) {
            hooked_source changing = {
                .bytes = file->bytes, .size = file->size, .others = others, .swap_at = at, .swap_turn = turn};
            snapjar_check_options options = SNAPJAR_CHECK_OPTIONS_INIT;
            hooked_sink got = {.size = 0};
            snapjar_content *content = NULL;
            snapjar_reader *reader = NULL;
            const snapjar_record *record = NULL;
            snapjar_error fault;
            options.threads = threads;
            snapjar_source *source = hooked_source_open(context, &changing);
            snapjar_sink *sink = hooked_sink_open(context, &got, way == UNPACKING_WHOLE);
            assert_ok(snapjar_reader_new(&reader, context, source, NULL, err));
            assert_ok(snapjar_reader_next(reader, &record, err));
            snapjar_status status = way == VERIFYING ? snapjar_record_verify(reader, &options, NULL, &fault)
                                    : way == LOADING ? snapjar_record_load(reader, &content, &options, &fault)
                                                     : snapjar_record_unpack(reader, sink, &options, &fault);
            assert_this(status, &fault, wanted);
            assert_null(content);
            assert_true(way == UNPACKING_WHOLE || got.writes == 0);
            assert_true(changing.turns >= turn);
            snapjar_sink_free(sink);
            snapjar_reader_free(reader);
            snapjar_source_free(source);
            free(got.bytes);
        }
    }
}

/* What is loaded from raw frames is what was checked: bytes that change behind the reading do not matter. */
static void expect_loaded_once(const blob *file, const uint8_t *others, size_t at, const blob *content)
{
    for (unsigned threads = 0; threads <= 3; threads++) {
        hooked_source changing = {
            .bytes = file->bytes, .size = file->size, .others = others, .swap_at = at, .swap_turn = 2};
        snapjar_check_options options = SNAPJAR_CHECK_OPTIONS_INIT;
        snapjar_content *loaded = NULL;
        snapjar_reader *reader = NULL;
        const snapjar_record *record = NULL;
        uint64_t size = 0;
        options.threads = threads;
        snapjar_source *source = hooked_source_open(context, &changing);
        assert_ok(snapjar_reader_new(&reader, context, source, NULL, err));
        assert_ok(snapjar_reader_next(reader, &record, err));
        assert_ok(snapjar_record_load(reader, &loaded, &options, err));
        assert_int_equal(changing.turns, 1);
        const void *bytes = snapjar_content_data(loaded, &size, NULL);
        assert_int_equal(size, content->size);
        assert_memory_equal(bytes, content->bytes, content->size);
        snapjar_content_free(loaded);
        snapjar_reader_free(reader);
        snapjar_source_free(source);
    }
}

/* To load compressed frames, each byte is read twice: once to check it, once to use it. What changes between is never
 * the record's fault. */
static void test_changing_source(void **state)
{
    blob content = make_pickle(20 * FRAME);
    snapjar_pack_options packing = test_options();

    (void)state;
    /* One frame that is compressed is enough for all to be read twice. */
    memset(content.bytes + 12 * FRAME, 0, FRAME);
    packing.frame_size = FRAME;
    blob file = pack_all(context, content.bytes, content.size, 1, &packing);
    size_t payload = payload_of(&file);
    const answer changed = {SNAPJAR_IO, SNAPJAR_DIAG_SOURCE_CHANGED, SNAPJAR_SPACE_FILE, payload};
    assert_true(file.size - payload > 1u << 20);
    const struct {
        size_t frame;
        size_t at;
    } places[] = {{0, 0}, {0, 3}, {0, 8}, {0, 100}, {7, 50}, {11, STORED - 1}};
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        size_t frame = payload + places[i].frame * STORED;
        blob others = blob_copy(file.bytes, file.size);
        others.bytes[frame + places[i].at] ^= 1;
        /* To check it, the payload is read in pieces, of which only the first begins where a frame does. */
        expect_changed(&file, others.bytes, frame, places[i].frame ? 1 : 2, LOADING, 1, &changed);
        free(others.bytes);
    }
    /* Into another payload of the same size that decodes: with a pickle that is whole, and with one that is none. */
    static const size_t changes[] = {100, 2};
    for (size_t i = 0; i < 2; i++) {
        blob others = blob_copy(file.bytes, file.size);
        content.bytes[changes[i]] ^= 0xbd;
        blob stored = craft_payload(content.bytes, FRAME, FRAME);
        memcpy(others.bytes + payload, stored.bytes, stored.size);
        expect_changed(&file, others.bytes, payload, 2, LOADING, 1, &changed);
        free(others.bytes);
        free(stored.bytes);
    }
    free(file.bytes);
    free(content.bytes);
}

/* Raw frames are read once to load them, too, of whatever size they are. */
static void test_raw_frames_are_loaded_once(void **state)
{
    blob content = make_pickle(20 * FRAME);
    snapjar_pack_options packing = test_options();

    (void)state;
    packing.compression = SNAPJAR_COMPRESSION_RAW;
    for (packing.frame_size = SNAPJAR_FRAME_SIZE_MAX; packing.frame_size >= FRAME; packing.frame_size /= 2) {
        blob file = pack_all(context, content.bytes, content.size, 1, &packing);
        blob others = blob_copy(file.bytes, file.size);
        size_t payload = payload_of(&file);
        memset(others.bytes + payload, 0, others.size - payload);
        expect_loaded_once(&file, others.bytes, payload, &content);
        free(others.bytes);
        free(file.bytes);
    }
    free(content.bytes);
}

/* To verify and unpack, the bytes that were checked are those that are used: none is read a second time. */
static void test_source_is_read_once(void **state)
{
    blob content = make_pickle(20 * FRAME);
    snapjar_pack_options packing = test_options();

    (void)state;
    packing.frame_size = FRAME;
    packing.compression = SNAPJAR_COMPRESSION_RAW;
    blob file = pack_all(context, content.bytes, content.size, 1, &packing);
    for (unsigned threads = 1; threads <= 3; threads++) {
        hooked_source counting = {
            .bytes = file.bytes, .size = file.size, .others = file.bytes, .swap_at = payload_of(&file)};
        snapjar_check_options options = SNAPJAR_CHECK_OPTIONS_INIT;
        hooked_sink got = {.size = 0};
        snapjar_reader *reader = NULL;
        const snapjar_record *record = NULL;
        options.threads = threads;
        snapjar_source *source = hooked_source_open(context, &counting);
        snapjar_sink *sink = hooked_sink_open(context, &got, true);
        assert_ok(snapjar_reader_new(&reader, context, source, NULL, err));
        assert_ok(snapjar_reader_next(reader, &record, err));
        assert_ok(snapjar_record_verify(reader, &options, NULL, err));
        assert_int_equal(counting.turns, 1);
        assert_ok(snapjar_record_unpack(reader, sink, &options, err));
        assert_int_equal(counting.turns, 2);
        assert_int_equal(got.size, content.size);
        assert_memory_equal(got.bytes, content.bytes, content.size);
        snapjar_sink_free(sink);
        snapjar_reader_free(reader);
        snapjar_source_free(source);
        free(got.bytes);
    }
    free(file.bytes);
    free(content.bytes);
}

/* Bytes that no reading ever gave as they should be are damaged, whenever they became so. */
static void test_damaged_before_it_is_read(void **state)
{
    blob content = make_pickle(20 * FRAME);
    snapjar_pack_options packing = test_options();

    (void)state;
    packing.frame_size = FRAME;
    packing.compression = SNAPJAR_COMPRESSION_RAW;
    blob file = pack_all(context, content.bytes, content.size, 1, &packing);
    size_t payload = payload_of(&file);
    const answer damaged = {SNAPJAR_DAMAGED, SNAPJAR_DIAG_PAYLOAD_CHECKSUM_MISMATCH, SNAPJAR_SPACE_FILE, payload};
    const size_t places[] = {payload, payload + 8, payload + 7 * STORED, payload + 7 * STORED + 50,
                             payload + 20 * STORED - 1};
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        blob others = blob_copy(file.bytes, file.size);
        others.bytes[places[i]] ^= 1;
        expect_changed(&file, others.bytes, payload, 1, VERIFYING, WAYS, &damaged);
        free(others.bytes);
    }
    free(file.bytes);
    free(content.bytes);
}

/* ---- the reader's moves ---- */

static blob three_records(size_t ends[3])
{
    uint8_t pickles[3 * sizeof(pickle_small)];
    snapjar_pack_options packing = test_options();

    for (size_t i = 0; i < 3; i++)
        memcpy(pickles + i * sizeof(pickle_small), pickle_small, sizeof(pickle_small));
    blob file = pack_all(context, pickles, sizeof(pickles), 3, &packing);
    for (size_t i = 0; i < 3; i++)
        ends[i] = file.size / 3 * (i + 1);
    return file;
}

static void expect_record(const snapjar_record *record, uint64_t offset, uint64_t index)
{
    assert_non_null(record);
    assert_int_equal(snapjar_record_offset(record), offset);
    assert_int_equal(snapjar_record_index(record), index);
}

static void test_next_and_seek(void **state)
{
    size_t ends[3];
    blob file = three_records(ends);
    opened o = open_file(&file, NULL);

    (void)state;
    expect_record(o.record, 0, 0);
    assert_int_equal(snapjar_record_size(o.record), ends[0]);
    assert_ok(snapjar_reader_next(o.reader, &o.record, err));
    expect_record(o.record, ends[0], 1);
    assert_ok(snapjar_reader_next(o.reader, &o.record, err));
    expect_record(o.record, ends[1], 2);
    assert_ok(snapjar_record_verify(o.reader, NULL, NULL, err));
    for (int i = 0; i < 3; i++) {
        assert_ok(snapjar_reader_next(o.reader, &o.record, err));
        assert_null(o.record);
    }
    snapjar_reader_seek(o.reader, ends[0], 1);
    assert_ok(snapjar_reader_next(o.reader, &o.record, err));
    expect_record(o.record, ends[0], 1);
    assert_ok(snapjar_reader_seek_last(o.reader, err));
    assert_ok(snapjar_reader_next(o.reader, &o.record, err));
    expect_record(o.record, ends[1], 0);
    assert_ok(snapjar_record_verify(o.reader, NULL, NULL, err));
    assert_ok(snapjar_reader_next(o.reader, &o.record, err));
    assert_null(o.record);
    snapjar_reader_seek(o.reader, ends[2], 3);
    assert_ok(snapjar_reader_next(o.reader, &o.record, err));
    assert_null(o.record);
    for (int i = 0; i < 2; i++) {
        snapjar_error fault;
        snapjar_reader_seek(o.reader, 200, 7);
        assert_fault(snapjar_reader_next(o.reader, &o.record, &fault), &fault, SNAPJAR_DAMAGED,
                     SNAPJAR_DIAG_TRAILING_GARBAGE, SNAPJAR_SPACE_FILE, 200);
        assert_null(o.record);
        assert_int_equal(fault.record_index, 7);
    }
    close_file(&o);
    free(file.bytes);
}

static void test_next_after_failure(void **state)
{
    size_t ends[3];
    blob file = three_records(ends);
    opened o = open_file(&file, NULL);
    snapjar_error fault;

    (void)state;
    /* The current record's trailer: the reader stays at that record. */
    file.bytes[ends[0] - 1] ^= 1;
    for (int i = 0; i < 3; i++) {
        assert_fault(snapjar_reader_next(o.reader, &o.record, &fault), &fault, SNAPJAR_DAMAGED,
                     SNAPJAR_DIAG_TRAILER_DAMAGED, SNAPJAR_SPACE_FILE, ends[0] - SJ_TRAILER_SIZE);
        assert_null(o.record);
        assert_int_equal(fault.record_index, 0);
    }
    assert_int_equal(snapjar_record_verify(o.reader, NULL, NULL, &fault), SNAPJAR_DAMAGED);
    file.bytes[ends[0] - 1] ^= 1;
    assert_ok(snapjar_record_verify(o.reader, NULL, NULL, err));
    /* The next record's header: the reader stays before it, as often as it is asked. */
    file.bytes[ends[0] + 50] ^= 1;
    for (int i = 0; i < 3; i++) {
        assert_fault(snapjar_reader_next(o.reader, &o.record, &fault), &fault, SNAPJAR_DAMAGED,
                     SNAPJAR_DIAG_HEADER_CHECKSUM_MISMATCH, SNAPJAR_SPACE_FILE, ends[0] + 28);
        assert_null(o.record);
        assert_int_equal(fault.record_index, 1);
    }
    assert_int_equal(snapjar_reader_next(o.reader, &o.record, NULL), SNAPJAR_DAMAGED);
    file.bytes[ends[0] + 50] ^= 1;
    assert_ok(snapjar_reader_next(o.reader, &o.record, err));
    expect_record(o.record, ends[0], 1);
    close_file(&o);
    free(file.bytes);
}

/* A record of a stream, made from one without. */
static blob streamed(const blob *file, unsigned index, const uint8_t *previous)
{
    char stream[200] = "";
    char sum[64] = "null";
    uint32_t json_size = sj_read_le32(file->bytes + 20);
    size_t payload = payload_of(file);

    if (previous) {
        strcpy(sum, "\"xxh3-128:");
        sj_hex16(sum + 10, previous);
        strcat(sum, "\"");
    }
    (void)snprintf(stream, sizeof(stream),
                   ",\"stream\":{\"id\":\"%032d\",\"index\":%u,\"previous\":%s},\"created\":", 7, index, sum);
    char *json = must_alloc(json_size + 1);
    memcpy(json, file->bytes + SJ_PREFIX_SIZE, json_size);
    char *with_stream = edit(json, ",\"created\":", stream);
    blob frame = craft_header(with_stream, strlen(with_stream), 0);
    blob record = craft_record(frame.bytes, frame.size, file->bytes + payload, file->size - payload - SJ_TRAILER_SIZE);
    free(frame.bytes);
    free(with_stream);
    free(json);
    return record;
}

static void test_streams(void **state)
{
    snapjar_pack_options packing = test_options();
    blob bare = pack_all(context, pickle_small, sizeof(pickle_small), 1, &packing);
    blob first = streamed(&bare, 0, NULL);
    blob second = streamed(&bare, 1, first.bytes + 28);
    blob both = {must_alloc(2 * second.size + first.size), first.size + second.size};
    snapjar_error fault;

    (void)state;
    memcpy(both.bytes, first.bytes, first.size);
    memcpy(both.bytes + first.size, second.bytes, second.size);
    size_t count = 0;
    assert_ok(verify_all(context, both.bytes, both.size, NULL, NULL, &count, err));
    assert_int_equal(count, 2);
    /* The second one twice: told as often as one asks, until one goes there on purpose. */
    memcpy(both.bytes + both.size, second.bytes, second.size);
    both.size += second.size;
    blob third = {both.bytes + first.size + second.size, second.size};
    opened o = open_file(&both, NULL);
    assert_ok(snapjar_reader_next(o.reader, &o.record, err));
    for (int i = 0; i < 3; i++) {
        assert_fault(snapjar_reader_next(o.reader, &o.record, &fault), &fault, SNAPJAR_DAMAGED,
                     SNAPJAR_DIAG_STREAM_BROKEN, SNAPJAR_SPACE_FILE,
                     first.size + second.size + value_offset(&third, "\"index\":"));
        assert_null(o.record);
        assert_int_equal(fault.record_index, 2);
    }
    assert_int_equal(snapjar_reader_next(o.reader, &o.record, NULL), SNAPJAR_DAMAGED);
    snapjar_reader_seek(o.reader, first.size + second.size, 2);
    assert_ok(snapjar_reader_next(o.reader, &o.record, err));
    expect_record(o.record, first.size + second.size, 2);
    close_file(&o);
    free(both.bytes);
    free(second.bytes);
    free(first.bytes);
    free(bare.bytes);
}

static void test_seek_last_torn(void **state)
{
    size_t ends[3];
    blob file = three_records(ends);

    (void)state;
    for (size_t size = 0; size < file.size; size++) {
        blob cut = {file.bytes, size};
        opened o = {.source = NULL};
        assert_ok(snapjar_source_from_memory(&o.source, context, cut.bytes, cut.size, err));
        assert_ok(snapjar_reader_new(&o.reader, context, o.source, NULL, err));
        snapjar_status status = snapjar_reader_seek_last(o.reader, &o.fault);
        if (size && size % ends[0] == 0)
            assert_int_equal(status, SNAPJAR_OK);
        else
            assert_fault(status, &o.fault, SNAPJAR_CUT_SHORT, SNAPJAR_DIAG_TAIL_TORN, SNAPJAR_SPACE_FILE, size);
        close_file(&o);
    }
    /* A failure leaves the reader where it was. */
    opened o = open_file(&file, NULL);
    file.bytes[file.size - SJ_TRAILER_SIZE] ^= 1;
    assert_int_equal(snapjar_reader_seek_last(o.reader, &o.fault), SNAPJAR_CUT_SHORT);
    assert_int_equal(snapjar_reader_seek_last(o.reader, NULL), SNAPJAR_CUT_SHORT);
    assert_ok(snapjar_record_verify(o.reader, NULL, NULL, err));
    assert_ok(snapjar_reader_next(o.reader, &o.record, err));
    expect_record(o.record, ends[0], 1);
    close_file(&o);
    free(file.bytes);
}

static void test_empty_file(void **state)
{
    blob none = {NULL, 0};
    opened o = open_file(&none, NULL);

    (void)state;
    assert_fault(o.status, &o.fault, SNAPJAR_CUT_SHORT, SNAPJAR_DIAG_EMPTY_FILE, SNAPJAR_SPACE_FILE, 0);
    assert_null(o.record);
    close_file(&o);
}

/* Somebody appends while we read: byte by byte the last record is cut short until it is whole. */
static void test_growing_file(void **state)
{
    size_t ends[3];
    blob file = three_records(ends);
    hooked_source growing = {.bytes = file.bytes, .size = ends[0]};
    snapjar_source *source = hooked_source_open(context, &growing);
    snapjar_reader *reader = NULL;
    const snapjar_record *record = NULL;
    snapjar_error fault;

    (void)state;
    assert_ok(snapjar_reader_new(&reader, context, source, NULL, err));
    assert_ok(snapjar_reader_next(reader, &record, err));
    expect_record(record, 0, 0);
    assert_ok(snapjar_reader_next(reader, &record, err));
    assert_null(record);
    assert_ok(snapjar_reader_next(reader, &record, err));
    assert_null(record);
    size_t header_end = ends[0] + SJ_PREFIX_SIZE + sj_read_le32(file.bytes + ends[0] + 20);
    for (growing.size = ends[0] + 1; growing.size < header_end; growing.size++)
        assert_fault(snapjar_reader_next(reader, &record, &fault), &fault, SNAPJAR_CUT_SHORT,
                     SNAPJAR_DIAG_HEADER_CUT_SHORT, SNAPJAR_SPACE_FILE, growing.size);
    assert_ok(snapjar_reader_next(reader, &record, err));
    expect_record(record, ends[0], 1);
    for (; growing.size < ends[1]; growing.size++) {
        assert_fault(snapjar_record_verify(reader, NULL, NULL, &fault), &fault, SNAPJAR_CUT_SHORT,
                     SNAPJAR_DIAG_RECORD_CUT_SHORT, SNAPJAR_SPACE_FILE, growing.size);
        const snapjar_record *next = NULL;
        assert_fault(snapjar_reader_next(reader, &next, &fault), &fault, SNAPJAR_CUT_SHORT,
                     SNAPJAR_DIAG_RECORD_CUT_SHORT, SNAPJAR_SPACE_FILE, growing.size);
        assert_null(next);
    }
    assert_ok(snapjar_record_verify(reader, NULL, NULL, err));
    /* It grew by a record since the size was asked for: the end is told only when it is the end. */
    growing.size = ends[2];
    assert_ok(snapjar_reader_next(reader, &record, err));
    expect_record(record, ends[1], 2);
    assert_ok(snapjar_reader_next(reader, &record, err));
    assert_null(record);
    snapjar_reader_free(reader);
    snapjar_source_free(source);
    free(file.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checksums),
        cmocka_unit_test(test_undecodable_frames),
        cmocka_unit_test(test_walk_faults_come_before_decoding),
        cmocka_unit_test(test_raw_blocks),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_pickles),
        cmocka_unit_test(test_padding),
        cmocka_unit_test(test_decoding_comes_before_the_pickle),
        cmocka_unit_test(test_trailers),
        cmocka_unit_test(test_stored_only),
        cmocka_unit_test(test_content_limit),
        cmocka_unit_test(test_header_limits),
        cmocka_unit_test(test_line_limit),
        cmocka_unit_test(test_check_options),
        cmocka_unit_test(test_reader_arguments),
        cmocka_unit_test(test_cancelled),
        cmocka_unit_test(test_cancelled_in_first_pass),
        cmocka_unit_test(test_failing_sink),
        cmocka_unit_test(test_failing_reads),
        cmocka_unit_test(test_failing_reads_of_damage),
        cmocka_unit_test(test_failing_source),
        cmocka_unit_test(test_changing_source),
        cmocka_unit_test(test_raw_frames_are_loaded_once),
        cmocka_unit_test(test_source_is_read_once),
        cmocka_unit_test(test_damaged_before_it_is_read),
        cmocka_unit_test(test_next_and_seek),
        cmocka_unit_test(test_next_after_failure),
        cmocka_unit_test(test_streams),
        cmocka_unit_test(test_seek_last_torn),
        cmocka_unit_test(test_empty_file),
        cmocka_unit_test(test_growing_file),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
