/* SPDX-License-Identifier: MIT
 *
 * From stored frames to content.
 */
#include <inttypes.h>
#include <string.h>

#include "codec/frame.h"
#include "container/payload.h"
#include "container/pool.h"
#include "util/bytes.h"
#include "util/pipeline.h"

/* A stored payload up to this size is read once and kept for both passes. */
#define KEEP_SIZE_MAX (UINT64_C(1) << 20)
/* How much of it the first pass reads at once. */
#define READ_SIZE ((size_t)1 << 20)
/* Starting a thread does not pay for a payload of less content. */
#define THREADS_SIZE_MIN (UINT64_C(1) << 20)

typedef struct reading {
    const sj_payload_reading *plan;
    const snapjar_header *header;
    /** The stored bytes if they are all in memory, else NULL. */
    const uint8_t *stored;
    /** Memory for the whole content, or NULL. */
    uint8_t *content;
    /** Stored size of each frame, found by the walk. */
    uint32_t *frame_sizes;
    uint64_t frame_capacity;
    uint64_t frame_count;
    /** The largest of them: buffers are made once. */
    uint64_t stored_size_max;
    /** Worker threads, and whether they may read from the source. */
    unsigned threads;
    bool may_workers_read;
    /** The next frame to fill, and the stored bytes before it. */
    uint64_t next;
    uint64_t next_stored;
    /** What each slot holds: a frame, or in the first pass a piece of the stored bytes. */
    struct {
        const uint8_t *stored;
        uint8_t *buffer;
        uint8_t *content;
        uint64_t stored_offset;
        size_t stored_size;
        size_t content_size;
    } slots[SJ_SLOTS_MAX];
    uint64_t drained;
    sj_checksum_state content_sum;
    sj_checksum_state stored_sum;
} reading;

static snapjar_status report(const reading *r, uint64_t done, snapjar_error *err)
{
    const sj_payload_reading *plan = r->plan;

    if (!plan->progress || plan->progress(plan->progress_state, done, r->header->size))
        return SNAPJAR_OK;
    return sj_raise(err, SNAPJAR_CANCELLED, SNAPJAR_DIAG_CANCELLED, SJ_NOWHERE, "cancelled by the caller");
}

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
    if (stored_size > r->stored_size_max)
        r->stored_size_max = stored_size;
    return SNAPJAR_OK;
}

/* ---- first pass: hash and walk ---- */

/*
 * The checksum comes before the walk in the gate, but both look at the same bytes as they go by: what the walk finds is
 * held back until the checksum is known to hold.
 */
typedef struct first_pass {
    reading *r;
    sj_frame_walk walk;
    sj_checksum_state sum;
    snapjar_status walk_status;
    snapjar_error walk_error;
} first_pass;

static void pass_bytes(first_pass *pass, const uint8_t *bytes, size_t size)
{
    sj_checksum_add(&pass->sum, bytes, size);
    if (pass->walk_status == SNAPJAR_OK)
        pass->walk_status = sj_frame_walk_feed(&pass->walk, bytes, size, &pass->walk_error);
}

/* Fills the slot's buffer from the source, in whichever thread is told to. */
static snapjar_status read_slot(reading *r, unsigned slot, snapjar_error *err)
{
    return sj_source_read_exact(r->plan->source, r->slots[slot].buffer, r->slots[slot].stored_size,
                                r->plan->record->payload_offset + r->slots[slot].stored_offset,
                                SNAPJAR_DIAG_RECORD_CUT_SHORT, err);
}

static snapjar_status pass_fill(void *state, unsigned slot, bool *has_item, snapjar_error *err)
{
    reading *r = ((first_pass *)state)->r;
    uint64_t left = r->header->stored_size - r->next_stored;

    *has_item = left > 0;
    if (!left)
        return SNAPJAR_OK;
    /* The buffers of the second pass: what has been touched once is cheap to touch again. */
    size_t room = r->header->frame_size > READ_SIZE ? r->header->frame_size : READ_SIZE;
    r->slots[slot].buffer = sj_pool_get(r->plan->context, SJ_POOL_CONTENT + slot, room);
    if (!r->slots[slot].buffer)
        return sj_raise_no_memory(err, room);
    r->slots[slot].stored_offset = r->next_stored;
    r->slots[slot].stored_size = (size_t)sj_min(left, READ_SIZE);
    r->next_stored += r->slots[slot].stored_size;
    return r->may_workers_read ? SNAPJAR_OK : read_slot(r, slot, err);
}

static snapjar_status pass_work(void *state, unsigned slot, unsigned worker, snapjar_error *err)
{
    reading *r = ((first_pass *)state)->r;

    (void)worker;
    return r->may_workers_read ? read_slot(r, slot, err) : SNAPJAR_OK;
}

static snapjar_status pass_drain(void *state, unsigned slot, snapjar_error *err)
{
    first_pass *pass = state;

    pass_bytes(pass, pass->r->slots[slot].buffer, pass->r->slots[slot].stored_size);
    return report(pass->r, 0, err);
}

static snapjar_status pass_source(first_pass *pass, snapjar_error *err)
{
    reading *r = pass->r;
    const sj_pipeline job = {
        .fill = pass_fill, .work = pass_work, .drain = pass_drain, .state = pass, .threads = r->threads};

    r->next_stored = 0;
    sj_source_expect_sequential(r->plan->source);
    return sj_pipeline_run(r->plan->context, &job, err);
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

static snapjar_status run_first_pass(reading *r, snapjar_error *err)
{
    first_pass pass = {.r = r, .walk_status = SNAPJAR_OK};
    const snapjar_header *header = r->header;

    sj_frame_walk_init(&pass.walk, header->frame_size, header->size, header->stored_size,
                       r->plan->record->payload_offset);
    pass.walk.on_frame = remember_frame;
    pass.walk.on_frame_state = r;
    sj_checksum_begin(&pass.sum);
    if (r->stored)
        pass_bytes(&pass, r->stored, (size_t)header->stored_size);
    else
        SJ_TRY(pass_source(&pass, err));
    SJ_TRY(compare(r, &pass.sum, SNAPJAR_DIAG_PAYLOAD_CHECKSUM_MISMATCH, header->checksum, "stored payload", err));
    if (pass.walk_status == SNAPJAR_OK)
        pass.walk_status = sj_frame_walk_finish(&pass.walk, &pass.walk_error);
    if (pass.walk_status != SNAPJAR_OK && err)
        *err = pass.walk_error;
    return pass.walk_status;
}

/* ---- second pass: decompress ---- */

static snapjar_status fill(void *state, unsigned slot, bool *has_item, snapjar_error *err)
{
    reading *r = state;
    const sj_payload_reading *plan = r->plan;
    const snapjar_header *header = r->header;

    *has_item = r->next < r->frame_count;
    if (!*has_item)
        return SNAPJAR_OK;
    size_t stored_size = r->frame_sizes[r->next];
    uint64_t content_at = r->next * header->frame_size;
    size_t content_size = (size_t)sj_min(header->frame_size, header->size - content_at);
    r->slots[slot].stored_offset = r->next_stored;
    r->slots[slot].stored_size = stored_size;
    r->slots[slot].content_size = content_size;
    r->slots[slot].content =
        r->content ? r->content + content_at : sj_pool_get(plan->context, SJ_POOL_CONTENT + slot, content_size);
    if (!r->slots[slot].content)
        return sj_raise_no_memory(err, content_size);
    r->next++;
    r->next_stored += stored_size;
    if (r->stored) {
        r->slots[slot].stored = r->stored + r->slots[slot].stored_offset;
        return SNAPJAR_OK;
    }
    r->slots[slot].buffer = sj_pool_get(plan->context, SJ_POOL_STORED + slot, r->stored_size_max);
    if (!r->slots[slot].buffer)
        return sj_raise_no_memory(err, r->stored_size_max);
    r->slots[slot].stored = r->slots[slot].buffer;
    return r->may_workers_read ? SNAPJAR_OK : read_slot(r, slot, err);
}

static snapjar_status work(void *state, unsigned slot, unsigned worker, snapjar_error *err)
{
    reading *r = state;

    if (!r->stored && r->may_workers_read)
        SJ_TRY(read_slot(r, slot, err));
    return sj_frame_decompress(sj_codec_get(r->plan->context, worker), r->slots[slot].content,
                               r->slots[slot].content_size, r->slots[slot].stored, r->slots[slot].stored_size,
                               r->plan->record->payload_offset + r->slots[slot].stored_offset, err);
}

static snapjar_status drain(void *state, unsigned slot, snapjar_error *err)
{
    reading *r = state;
    size_t size = r->slots[slot].content_size;

    if (!r->stored)
        sj_checksum_add(&r->stored_sum, r->slots[slot].stored, r->slots[slot].stored_size);
    sj_checksum_add(&r->content_sum, r->slots[slot].content, size);
    if (r->plan->consume)
        SJ_TRY(r->plan->consume(r->plan->state, r->slots[slot].content, size, err));
    r->drained += size;
    return report(r, r->drained, err);
}

/* Whether the stored bytes still are what the first pass saw: a fault found in bytes that changed since is not the
 * record's. */
static snapjar_status check_unchanged(reading *r, snapjar_error *err)
{
    first_pass pass = {.r = r, .walk_status = SNAPJAR_BUG};

    sj_checksum_begin(&pass.sum);
    SJ_TRY(pass_source(&pass, err));
    return compare(r, &pass.sum, SNAPJAR_DIAG_SOURCE_CHANGED, r->header->checksum, "stored payload, read again,", err);
}

static snapjar_status run_second_pass(reading *r, snapjar_error *err)
{
    const sj_payload_reading *plan = r->plan;
    const sj_pipeline job = {
        .fill = fill,
        .work = work,
        .drain = drain,
        .state = r,
        .threads = r->frame_count > 1 ? (unsigned)sj_min(r->threads, r->frame_count) : 0,
    };

    /* A single worker has enough to do with decompressing. */
    r->may_workers_read = r->may_workers_read && job.threads > 1;

    for (unsigned i = 0; i == 0 || i < job.threads; i++) {
        if (!sj_codec_get(plan->context, i))
            return sj_raise_no_memory(err, 0);
    }
    r->next_stored = 0;
    sj_checksum_begin(&r->content_sum);
    sj_checksum_begin(&r->stored_sum);
    snapjar_status status = sj_pipeline_run(plan->context, &job, err);
    if (status == SNAPJAR_DAMAGED && !r->stored)
        SJ_TRY(check_unchanged(r, err));
    if (status != SNAPJAR_OK)
        return status;
    if (!r->stored)
        SJ_TRY(compare(r, &r->stored_sum, SNAPJAR_DIAG_SOURCE_CHANGED, r->header->checksum,
                       "stored payload, read again,", err));
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

static snapjar_status run(const sj_payload_reading *plan, bool stored_only, uint64_t *frame_count, snapjar_error *err)
{
    reading r = {
        .plan = plan,
        .header = plan->record->header,
        .threads = plan->record->header->size < THREADS_SIZE_MIN ? 0 : plan->threads,
        .may_workers_read = sj_source_is_for_any_thread(plan->source),
    };

    snapjar_status status = keep_stored(&r, err);
    if (status == SNAPJAR_OK)
        status = run_first_pass(&r, err);
    if (status == SNAPJAR_OK && !stored_only && plan->prepare)
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
    return run(plan, true, frame_count, err);
}

snapjar_status sj_payload_read(const sj_payload_reading *plan, uint64_t *frame_count, snapjar_error *err)
{
    return run(plan, false, frame_count, err);
}
