/* SPDX-License-Identifier: MIT
 *
 * From stored frames to content.
 */
#include <inttypes.h>
#include <string.h>

#include "codec/frame.h"
#include "container/payload.h"
#include "container/payload_direct.h"
#include "container/payload_small.h"
#include "container/pool.h"
#include "util/bytes.h"
#include "util/pipeline.h"

/* A stored payload up to this size is read once and kept for both passes. */
#define KEEP_SIZE_MAX (UINT64_C(1) << 20)
/* How much the first pass reads at once before a frame: that is hashed while it is in the processor's own cache. */
#define PIECE_SIZE ((size_t)128 << 10)
/* The same where nothing is decompressed beside it, and workers read. */
#define REST_SIZE ((size_t)1 << 20)
/* Room behind a frame that is read in pieces: a piece, and what the walk needs to see before it finds one too large. */
#define ROOM_BEHIND (PIECE_SIZE + 64)
/* Starting a thread does not pay for a payload of less content. */
#define THREADS_SIZE_MIN (UINT64_C(1) << 20)

static const char read_again[] = "stored payload, read again,";

typedef struct reading {
    const sj_payload_reading *plan;
    const snapjar_header *header;
    /** The stored bytes if they are all in memory, else NULL. */
    const uint8_t *stored;
    /** Memory for the whole content, or NULL. */
    uint8_t *content;
    /**
     * The first pass: the walk over the frames and the checksum of all bytes that it has seen. The checksum comes
     * before the walk in the gate, so what the walk finds is held back until the checksum is known to hold.
     */
    sj_frame_walk walk;
    snapjar_status walk_status;
    snapjar_error walk_error;
    uint64_t passed;
    sj_checksum_state passed_sum;
    /** Its digest, where a seal wants one, until it was compared. */
    sj_blake_state passed_digest;
    bool has_digest;
    /** Where the next piece begins that pass_rest reads. */
    uint64_t rest;
    /** Stored size of each frame, found by the walk. */
    uint32_t *frame_sizes;
    uint64_t frame_capacity;
    uint64_t frame_count;
    /**
     * Each frame is read once, hashed, walked over and decompressed where it lies: nothing has to be known of all the
     * stored bytes before the first frame is decompressed.
     */
    bool is_once;
    /** What was read behind the frame that was filled last, in that one's buffer. */
    const uint8_t *ahead;
    size_t ahead_size;
    /** Worker threads, and whether they may read from the source. */
    unsigned threads;
    bool may_workers_read;
    /** A single worker has enough to do with decompressing: all else is done beside it. */
    bool is_worker_alone;
    /** The next frame to fill, and the stored bytes before it. */
    uint64_t next;
    uint64_t next_stored;
    /** What each slot holds: a frame, or in pass_rest a piece of the stored bytes. */
    struct {
        const uint8_t *stored;
        uint8_t *buffer;
        uint8_t *content;
        uint64_t stored_offset;
        uint64_t content_offset;
        size_t stored_size;
        size_t content_size;
    } slots[SJ_SLOTS_MAX];
    uint64_t drained;
    sj_checksum_state content_sum;
    sj_checksum_state stored_sum;
    sj_blake_state stored_digest;
} reading;

static snapjar_status report(const reading *r, snapjar_error *err)
{
    const sj_payload_reading *plan = r->plan;

    if (!plan->progress || plan->progress(plan->progress_state, r->drained, r->header->size))
        return SNAPJAR_OK;
    return sj_raise(err, SNAPJAR_CANCELLED, SNAPJAR_DIAG_CANCELLED, SJ_NOWHERE, "cancelled by the caller");
}

static snapjar_status compare(const reading *r, const sj_checksum_state *sum, snapjar_diagnostic diagnostic,
                              const uint8_t wanted[SJ_CHECKSUM_SIZE], const char *what, snapjar_error *err)
{
    uint8_t actual[SJ_CHECKSUM_SIZE];
    char wanted_hex[33];
    char actual_hex[33];

    sj_checksum_end(sum, actual);
    if (!memcmp(actual, wanted, SJ_CHECKSUM_SIZE))
        return SNAPJAR_OK;
    sj_hex16(wanted_hex, wanted);
    sj_hex16(actual_hex, actual);
    snapjar_status status = diagnostic == SNAPJAR_DIAG_SOURCE_CHANGED ? SNAPJAR_IO : SNAPJAR_DAMAGED;
    return sj_raise(err, status, diagnostic, SJ_AT_FILE(r->plan->record->payload_offset),
                    "the %s's checksum is %s, its bytes give %s", what, wanted_hex, actual_hex);
}

/* ---- first pass: hash and walk ---- */

static snapjar_status remember_frame(void *state, uint64_t stored_size, snapjar_error *err)
{
    reading *r = state;

    if (r->frame_count == r->frame_capacity) {
        uint64_t capacity = 2 * r->frame_capacity + 16;
        uint32_t *sizes = sj_realloc(r->plan->context, r->frame_sizes, capacity * sizeof(*sizes));
        if (!sizes)
            return sj_raise_no_memory(err, capacity * sizeof(*sizes));
        r->frame_sizes = sizes;
        r->frame_capacity = capacity;
    }
    /* At most sj_frame_stored_max of 8 MiB. */
    r->frame_sizes[r->frame_count++] = (uint32_t)stored_size;
    return SNAPJAR_OK;
}

static void begin_first_pass(reading *r)
{
    const snapjar_header *header = r->header;

    sj_frame_walk_init(&r->walk, header->frame_size, header->size, header->stored_size,
                       r->plan->record->payload_offset);
    r->walk.on_frame = remember_frame;
    r->walk.on_frame_state = r;
    sj_checksum_begin(&r->passed_sum);
    r->has_digest = r->plan->digest || r->plan->digest_out;
    if (r->has_digest)
        sj_blake_begin(&r->passed_digest);
    if (!r->stored)
        sj_source_expect_sequential(r->plan->source);
}

static void pass_bytes(reading *r, const uint8_t *bytes, size_t size)
{
    sj_checksum_add(&r->passed_sum, bytes, size);
    if (r->has_digest)
        sj_blake_add(&r->passed_digest, bytes, size);
    if (r->walk_status == SNAPJAR_OK)
        r->walk_status = sj_frame_walk_feed(&r->walk, bytes, size, &r->walk_error);
    r->passed += size;
}

/* Lends the piece of the stored bytes at `offset`, until the next call. */
static snapjar_status get_piece(const reading *r, uint64_t offset, const uint8_t **bytes, size_t *size,
                                snapjar_error *err)
{
    *size = (size_t)sj_min(r->header->stored_size - offset, PIECE_SIZE);
    if (r->stored) {
        *bytes = r->stored + offset;
        return SNAPJAR_OK;
    }
    uint8_t *buffer = sj_pool_get(r->plan->context, SJ_POOL_PIECE, PIECE_SIZE);
    if (!buffer)
        return sj_raise_no_memory(err, PIECE_SIZE);
    *bytes = buffer;
    return sj_source_read_exact(r->plan->source, buffer, *size, r->plan->record->payload_offset + offset,
                                SNAPJAR_DIAG_RECORD_CUT_SHORT, err);
}

/* Takes the first pass as far as the end of frame `number`; `*is_there` is false if there is none. */
static snapjar_status pass_frame(reading *r, uint64_t number, bool *is_there, snapjar_error *err)
{
    while (r->frame_count <= number && r->walk_status == SNAPJAR_OK && r->passed < r->header->stored_size) {
        const uint8_t *bytes = NULL;
        size_t size = 0;
        SJ_TRY(get_piece(r, r->passed, &bytes, &size, err));
        pass_bytes(r, bytes, size);
    }
    *is_there = r->frame_count > number && r->walk_status == SNAPJAR_OK;
    return SNAPJAR_OK;
}

/* Fills the slot's buffer from the source, in whichever thread is told to. */
static snapjar_status read_slot(reading *r, unsigned slot, snapjar_error *err)
{
    return sj_source_read_exact(r->plan->source, r->slots[slot].buffer, r->slots[slot].stored_size,
                                r->plan->record->payload_offset + r->slots[slot].stored_offset,
                                SNAPJAR_DIAG_RECORD_CUT_SHORT, err);
}

static snapjar_status rest_fill(void *state, unsigned slot, bool *has_item, snapjar_error *err)
{
    reading *r = state;
    uint64_t left = r->header->stored_size - r->rest;

    *has_item = left > 0;
    if (!left)
        return SNAPJAR_OK;
    /* The buffers of the second pass: what has been touched once is cheap to touch again. */
    size_t room = r->header->frame_size > REST_SIZE ? r->header->frame_size : REST_SIZE;
    r->slots[slot].buffer = sj_pool_get(r->plan->context, SJ_POOL_CONTENT + slot, room);
    if (!r->slots[slot].buffer)
        return sj_raise_no_memory(err, room);
    r->slots[slot].stored_offset = r->rest;
    r->slots[slot].stored_size = (size_t)sj_min(left, REST_SIZE);
    r->rest += r->slots[slot].stored_size;
    return r->may_workers_read ? SNAPJAR_OK : read_slot(r, slot, err);
}

static snapjar_status rest_work(void *state, unsigned slot, unsigned worker, snapjar_error *err)
{
    reading *r = state;

    (void)worker;
    return r->may_workers_read ? read_slot(r, slot, err) : SNAPJAR_OK;
}

static snapjar_status rest_drain(void *state, unsigned slot, snapjar_error *err)
{
    reading *r = state;

    pass_bytes(r, r->slots[slot].buffer, r->slots[slot].stored_size);
    return report(r, err);
}

/* Takes the first pass to its end. */
static snapjar_status pass_rest(reading *r, snapjar_error *err)
{
    const sj_pipeline job = {
        .fill = rest_fill, .work = rest_work, .drain = rest_drain, .state = r, .threads = r->threads};

    if (r->stored) {
        pass_bytes(r, r->stored + r->passed, (size_t)(r->header->stored_size - r->passed));
        return SNAPJAR_OK;
    }
    r->rest = r->passed;
    return sj_pipeline_run(r->plan->context, &job, err);
}

/* Whether the stored bytes still are what the first pass saw: a fault found in bytes that changed since is not the
 * record's. */
static snapjar_status check_unchanged(const reading *r, snapjar_error *err)
{
    uint8_t seen[SJ_CHECKSUM_SIZE];
    sj_checksum_state sum;
    size_t size = 0;

    sj_checksum_begin(&sum);
    for (uint64_t at = 0; at < r->header->stored_size; at += size) {
        const uint8_t *bytes = NULL;
        SJ_TRY(get_piece(r, at, &bytes, &size, err));
        sj_checksum_add(&sum, bytes, size);
    }
    sj_checksum_end(&r->passed_sum, seen);
    return compare(r, &sum, SNAPJAR_DIAG_SOURCE_CHANGED, seen, read_again, err);
}

/* The checksum answers for accidents, the digest for intent: in this order, so that damage is never called forgery. */
static snapjar_status compare_digest(const reading *r, sj_blake_state *state, bool is_again, snapjar_error *err)
{
    uint8_t actual[SJ_BLAKE_SIZE];

    sj_blake_end(state, actual);
    if (r->plan->digest_out && !is_again)
        memcpy(r->plan->digest_out, actual, SJ_BLAKE_SIZE);
    if (!r->plan->digest || sj_is_equal(actual, r->plan->digest, SJ_BLAKE_SIZE))
        return SNAPJAR_OK;
    if (is_again)
        return sj_raise(err, SNAPJAR_IO, SNAPJAR_DIAG_SOURCE_CHANGED, SJ_AT_FILE(r->plan->record->payload_offset),
                        "the stored payload, read again, has another digest");
    return sj_raise(err, SNAPJAR_BAD_SEAL, SNAPJAR_DIAG_SEAL_PAYLOAD_ALTERED,
                    SJ_AT_FILE(r->plan->record->payload_offset), "the stored payload is not the one that was sealed");
}

/* What the first pass has found comes before all that decompressing may find. */
static snapjar_status finish_first_pass(reading *r, snapjar_error *err)
{
    if (r->passed < r->header->stored_size)
        SJ_TRY(pass_rest(r, err));
    snapjar_status status =
        compare(r, &r->passed_sum, SNAPJAR_DIAG_PAYLOAD_CHECKSUM_MISMATCH, r->header->checksum, "stored payload", err);
    /* While frames were decompressed beside it, the pass may have seen some bytes from before a change, some from
     * after it. */
    if (status != SNAPJAR_OK && r->next > 0 && !r->stored)
        SJ_TRY(check_unchanged(r, err));
    if (status != SNAPJAR_OK)
        return status;
    if (r->has_digest) {
        r->has_digest = false;
        SJ_TRY(compare_digest(r, &r->passed_digest, false, err));
    }
    if (r->walk_status == SNAPJAR_OK)
        r->walk_status = sj_frame_walk_finish(&r->walk, &r->walk_error);
    if (r->walk_status != SNAPJAR_OK && err)
        *err = r->walk_error;
    return r->walk_status;
}

/* ---- second pass: decompress ---- */

/* Gives the slot room for whatever stored frame may come, and a piece behind it: what none needs is never touched. */
static snapjar_status make_room(reading *r, unsigned slot, snapjar_error *err)
{
    uint64_t room = sj_frame_stored_max(sj_min(r->header->frame_size, r->header->size)) + ROOM_BEHIND;

    r->slots[slot].buffer = sj_pool_get(r->plan->context, SJ_POOL_STORED + slot, room);
    r->slots[slot].stored = r->slots[slot].buffer;
    return r->slots[slot].buffer ? SNAPJAR_OK : sj_raise_no_memory(err, room);
}

/*
 * Reads the next frame into the slot's buffer, piece by piece, and takes the first pass over it. As long as the frame
 * has not ended, the walk answers for its size, so that the buffer has room for another piece.
 */
static snapjar_status read_once(reading *r, unsigned slot, bool *has_item, snapjar_error *err)
{
    SJ_TRY(make_room(r, slot, err));
    uint8_t *buffer = r->slots[slot].buffer;
    size_t have = r->ahead_size;
    if (have)
        memmove(buffer, r->ahead, have);
    while (r->frame_count <= r->next && r->walk_status == SNAPJAR_OK && r->passed < r->header->stored_size) {
        size_t step = (size_t)sj_min(r->header->stored_size - r->passed, PIECE_SIZE);
        SJ_TRY(sj_source_read_exact(r->plan->source, buffer + have, step, r->plan->record->payload_offset + r->passed,
                                    SNAPJAR_DIAG_RECORD_CUT_SHORT, err));
        pass_bytes(r, buffer + have, step);
        have += step;
    }
    *has_item = r->frame_count > r->next && r->walk_status == SNAPJAR_OK;
    if (!*has_item)
        return SNAPJAR_OK;
    r->ahead = buffer + r->frame_sizes[r->next];
    r->ahead_size = have - r->frame_sizes[r->next];
    return SNAPJAR_OK;
}

/* Where the slot's stored frame is, or will be once a worker has read it. */
static snapjar_status find_stored(reading *r, unsigned slot, snapjar_error *err)
{
    if (r->is_once)
        return SNAPJAR_OK;
    if (r->stored) {
        r->slots[slot].stored = r->stored + r->slots[slot].stored_offset;
        return SNAPJAR_OK;
    }
    SJ_TRY(make_room(r, slot, err));
    return r->may_workers_read ? SNAPJAR_OK : read_slot(r, slot, err);
}

static snapjar_status fill(void *state, unsigned slot, bool *has_item, snapjar_error *err)
{
    reading *r = state;
    const sj_payload_reading *plan = r->plan;
    const snapjar_header *header = r->header;

    SJ_TRY(r->is_once ? read_once(r, slot, has_item, err) : pass_frame(r, r->next, has_item, err));
    if (!*has_item)
        return SNAPJAR_OK;
    size_t stored_size = r->frame_sizes[r->next];
    uint64_t content_at = r->next * header->frame_size;
    size_t content_size = (size_t)sj_min(header->frame_size, header->size - content_at);
    r->slots[slot].stored_offset = r->next_stored;
    r->slots[slot].stored_size = stored_size;
    r->slots[slot].content_offset = content_at;
    r->slots[slot].content_size = content_size;
    r->slots[slot].content =
        r->content ? r->content + content_at : sj_pool_get(plan->context, SJ_POOL_CONTENT + slot, content_size);
    if (!r->slots[slot].content)
        return sj_raise_no_memory(err, content_size);
    r->next++;
    r->next_stored += stored_size;
    return find_stored(r, slot, err);
}

static snapjar_status work(void *state, unsigned slot, unsigned worker, snapjar_error *err)
{
    reading *r = state;
    const sj_payload_reading *plan = r->plan;
    uint8_t *content = r->slots[slot].content;
    size_t size = r->slots[slot].content_size;

    if (!r->stored && !r->is_once && r->may_workers_read)
        SJ_TRY(read_slot(r, slot, err));
    SJ_TRY(sj_frame_decompress(sj_codec_get(plan->context, worker), content, size, r->slots[slot].stored,
                               r->slots[slot].stored_size, !r->is_worker_alone,
                               plan->record->payload_offset + r->slots[slot].stored_offset, err));
    return plan->place ? plan->place(plan->state, content, size, r->slots[slot].content_offset, err) : SNAPJAR_OK;
}

static bool is_read_twice(const reading *r)
{
    return !r->stored && !r->is_once;
}

static snapjar_status drain(void *state, unsigned slot, snapjar_error *err)
{
    reading *r = state;
    const uint8_t *content = r->slots[slot].content;
    size_t size = r->slots[slot].content_size;

    if (is_read_twice(r))
        sj_checksum_add(&r->stored_sum, r->slots[slot].stored, r->slots[slot].stored_size);
    if (is_read_twice(r) && r->plan->digest)
        sj_blake_add(&r->stored_digest, r->slots[slot].stored, r->slots[slot].stored_size);
    if (r->is_worker_alone)
        SJ_TRY(sj_frame_check(r->slots[slot].stored, r->slots[slot].stored_size, sj_checksum_zstd(content, size),
                              r->plan->record->payload_offset + r->slots[slot].stored_offset, err));
    sj_checksum_add(&r->content_sum, content, size);
    if (r->plan->consume)
        SJ_TRY(r->plan->consume(r->plan->state, r->slots[slot].content, size, err));
    r->drained += size;
    return report(r, err);
}

/*
 * Each frame is decompressed as soon as the first pass is through with it, so that the first pass costs no time of its
 * own where a worker decompresses meanwhile.
 */
static snapjar_status run_second_pass(reading *r, snapjar_error *err)
{
    const sj_payload_reading *plan = r->plan;
    uint64_t frames = (r->header->size - 1) / r->header->frame_size + 1;
    const sj_pipeline job = {
        .fill = fill,
        .work = work,
        .drain = drain,
        .state = r,
        .threads = frames > 1 ? (unsigned)sj_min(r->threads, frames) : 0,
    };

    r->may_workers_read = r->may_workers_read && job.threads > 1;
    r->is_worker_alone = job.threads == 1;
    for (unsigned i = 0; i == 0 || i < job.threads; i++) {
        if (!sj_codec_get(plan->context, i))
            return sj_raise_no_memory(err, 0);
    }
    sj_checksum_begin(&r->content_sum);
    sj_checksum_begin(&r->stored_sum);
    sj_blake_begin(&r->stored_digest);
    snapjar_error fault;
    snapjar_status status = sj_pipeline_run(plan->context, &job, &fault);
    if (status == SNAPJAR_OK || status == SNAPJAR_DAMAGED)
        SJ_TRY(finish_first_pass(r, err));
    if (status == SNAPJAR_DAMAGED && is_read_twice(r))
        SJ_TRY(check_unchanged(r, err));
    if (status != SNAPJAR_OK) {
        if (err)
            *err = fault;
        return status;
    }
    if (is_read_twice(r))
        SJ_TRY(compare(r, &r->stored_sum, SNAPJAR_DIAG_SOURCE_CHANGED, r->header->checksum, read_again, err));
    if (is_read_twice(r) && plan->digest)
        SJ_TRY(compare_digest(r, &r->stored_digest, true, err));
    return compare(r, &r->content_sum, SNAPJAR_DIAG_CONTENT_CHECKSUM_MISMATCH, r->header->content_checksum, "content",
                   err);
}

/* A small payload is read whole, once; one in the caller's memory is used where it is. */
static snapjar_status keep_stored(reading *r, snapjar_error *err)
{
    const sj_payload_reading *plan = r->plan;
    uint64_t size = r->header->stored_size;

    r->stored = sj_source_borrow(plan->source, plan->record->payload_offset, size);
    if (r->stored || size > KEEP_SIZE_MAX)
        return SNAPJAR_OK;
    uint8_t *buffer = sj_pool_get(plan->context, SJ_POOL_STORED, size);
    if (!buffer)
        return sj_raise_no_memory(err, size);
    r->stored = buffer;
    return sj_source_read_exact(plan->source, buffer, size, plan->record->payload_offset, SNAPJAR_DIAG_RECORD_CUT_SHORT,
                                err);
}

/* `content`: memory for it, where it was prepared already; or NULL. */
static snapjar_status run(const sj_payload_reading *plan, bool stored_only, uint8_t *content, uint64_t *frame_count,
                          snapjar_error *err)
{
    reading r = {
        .plan = plan,
        .header = plan->record->header,
        .content = content,
        .threads = plan->record->header->size < THREADS_SIZE_MIN ? 0 : plan->threads,
        .may_workers_read = sj_source_is_for_any_thread(plan->source),
    };

    snapjar_status status = keep_stored(&r, err);
    r.is_once = !r.stored && !plan->prepare && !plan->digest;
    begin_first_pass(&r);
    /* Nothing is decompressed before a seal's digest holds. */
    if (status == SNAPJAR_OK && (stored_only || plan->prepare || plan->digest))
        status = finish_first_pass(&r, err);
    if (status == SNAPJAR_OK && !stored_only && plan->prepare && !r.content)
        status = plan->prepare(plan->state, &r.content, err);
    if (status == SNAPJAR_OK && !stored_only)
        status = run_second_pass(&r, err);
    if (frame_count)
        *frame_count = r.frame_count;
    sj_free(plan->context, r.frame_sizes);
    return status;
}

snapjar_status sj_payload_check_stored(const sj_payload_reading *plan, uint64_t *frame_count, snapjar_error *err)
{
    return run(plan, true, NULL, frame_count, err);
}

/* What was read by the short way goes to its reader. */
static snapjar_status consume_all(const sj_payload_reading *plan, const uint8_t *content, uint64_t *frame_count,
                                  snapjar_error *err)
{
    const snapjar_header *header = plan->record->header;

    for (uint64_t at = 0; plan->consume && at < header->size; at += header->frame_size)
        SJ_TRY(plan->consume(plan->state, content + at, (size_t)sj_min(header->frame_size, header->size - at), err));
    if (frame_count)
        *frame_count = (header->size - 1) / header->frame_size + 1;
    return SNAPJAR_OK;
}

snapjar_status sj_payload_read(const sj_payload_reading *plan, uint64_t *frame_count, snapjar_error *err)
{
    uint8_t *content = NULL;
    bool is_whole = false;

    if (sj_payload_may_be_small(plan)) {
        SJ_TRY(sj_payload_read_small(plan, &content, &is_whole, err));
        if (is_whole && frame_count)
            *frame_count = 1;
        return is_whole ? SNAPJAR_OK : run(plan, false, content, frame_count, err);
    }
    /* Memory for content that is no larger than the stored bytes, which are there, can be had before they are read. */
    if (plan->prepare && sj_payload_may_be_direct(plan)) {
        SJ_TRY(plan->prepare(plan->state, &content, err));
        SJ_TRY(sj_payload_read_direct(plan, content, &is_whole, err));
    }
    if (is_whole)
        return consume_all(plan, content, frame_count, err);
    return run(plan, false, content, frame_count, err);
}
