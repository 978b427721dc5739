/* SPDX-License-Identifier: MIT
 *
 * From content to stored frames.
 */
#include "codec/frame.h"
#include "container/payload.h"
#include "container/pool.h"
#include "util/bytes.h"
#include "util/pipeline.h"

/*
 * Content up to this size is stored raw: the header outweighs what compression could save, and decompressing costs more
 * than reading (tests/bench: a job state of 272 bytes shrinks to 243, and takes 8 us more).
 */
#define RAW_SIZE_MAX 512
#define LEVEL_DEFAULT 3
/*
 * Of content up to that size, compressed because somebody asks for it: the tables of the usual levels take longer to
 * make and read than all the rest of packing, and save 30 bytes of a record of 900.
 */
#define LEVEL_SMALL (-1)
/*
 * Of content up to that size the tables of level 3 are half of the time: level 1 takes 0.57 of it for jobs of 1 to 4
 * kB. The size is that of level 3 for those, and at most 2 % more for others (dicts, instances, source code, integers).
 */
#define SHORT_SIZE_MAX 4096
#define LEVEL_SHORT 1
/*
 * A frame that shrinks by less than this share is stored raw, so that reading it is a copy: 1/128, and 1/16 where
 * buffers are stored, which nothing is done with but reading. Noise in floating-point numbers shrinks by some 4 %, and
 * takes three times as long to read then.
 */
#define GAIN_SHIFT 7
#define GAIN_SHIFT_BUFFERS 4

typedef struct writing_slot {
    const uint8_t *content;
    size_t content_size;
    uint8_t *stored;
    size_t stored_size;
} writing_slot;

typedef struct running_sums {
    sj_checksum_state content;
    sj_checksum_state stored;
    sj_blake_state stored_digest;
} running_sums;

typedef struct writing {
    const sj_payload_writing *plan;
    sj_payload_written *written;
    sj_output *output;
    /** The first frame is in slot 0 before the pipeline starts. */
    bool has_first;
    bool is_ended;
    /** There are several frames, of which none has gone out. */
    bool is_first_of_several;
    /** Of SJ_SLOTS_MAX, each filled before it is used. */
    writing_slot *slots;
    running_sums *sums;
} writing;

static snapjar_status fill_slot(writing *w, unsigned slot, bool *has_item, snapjar_error *err)
{
    const sj_payload_writing *plan = w->plan;
    const uint8_t *content = NULL;
    size_t size = 0;

    *has_item = false;
    if (w->is_ended)
        return SNAPJAR_OK;
    uint8_t *buffer = sj_pool_get(plan->context, SJ_POOL_CONTENT + slot, plan->frame_size);
    if (!buffer)
        return sj_raise_no_memory(err, plan->frame_size);
    SJ_TRY(plan->produce(plan->state, buffer, &content, &size, err));
    w->is_ended = size < plan->frame_size;
    *has_item = size > 0;
    if (!size)
        return SNAPJAR_OK;
    w->slots[slot].content = content;
    w->slots[slot].content_size = size;
    w->slots[slot].stored = sj_pool_get(plan->context, SJ_POOL_STORED + slot, sj_frame_bound(size));
    if (!w->slots[slot].stored)
        return sj_raise_no_memory(err, sj_frame_bound(size));
    w->written->size += size;
    return SNAPJAR_OK;
}

static snapjar_status fill(void *state, unsigned slot, bool *has_item, snapjar_error *err)
{
    writing *w = state;

    *has_item = w->has_first;
    if (!w->has_first)
        SJ_TRY(fill_slot(w, slot, has_item, err));
    w->has_first = false;
    if (*has_item)
        sj_checksum_add(&w->sums->content, w->slots[slot].content, w->slots[slot].content_size);
    return SNAPJAR_OK;
}

static bool is_raw(const sj_payload_writing *plan, size_t content_size)
{
    return plan->compression == SNAPJAR_COMPRESSION_RAW ||
           (plan->compression == SNAPJAR_COMPRESSION_AUTO && content_size <= RAW_SIZE_MAX);
}

static int level_of(const sj_payload_writing *plan, size_t content_size)
{
    if (plan->level)
        return plan->level;
    if (content_size <= RAW_SIZE_MAX)
        return LEVEL_SMALL;
    return content_size <= SHORT_SIZE_MAX ? LEVEL_SHORT : LEVEL_DEFAULT;
}

static snapjar_status work(void *state, unsigned slot, unsigned worker, snapjar_error *err)
{
    writing *w = state;
    const sj_payload_writing *plan = w->plan;
    const uint8_t *content = w->slots[slot].content;
    size_t size = w->slots[slot].content_size;
    uint8_t *stored = w->slots[slot].stored;
    const int gain_shift = plan->has_buffers ? GAIN_SHIFT_BUFFERS : GAIN_SHIFT;

    if (is_raw(plan, size)) {
        w->slots[slot].stored_size = sj_frame_store(stored, content, size);
        return SNAPJAR_OK;
    }
    SJ_TRY(sj_frame_compress(sj_codec_get(plan->context, worker), stored, sj_frame_bound(size),
                             &w->slots[slot].stored_size, content, size, level_of(plan, size), err));
    if (plan->compression == SNAPJAR_COMPRESSION_AUTO && w->slots[slot].stored_size > size - (size >> gain_shift))
        w->slots[slot].stored_size = sj_frame_store(stored, content, size);
    return SNAPJAR_OK;
}

/* The first frame tells how well this content can be compressed, and so nearly all that a header's size depends on. */
static snapjar_status choose_way(writing *w, unsigned slot, snapjar_error *err)
{
    const sj_payload_writing *plan = w->plan;
    size_t header_size = 0;

    w->is_first_of_several = false;
    if (plan->expect_header && sj_sink_can_skip(w->output->sink))
        header_size = plan->expect_header(plan->state, w->slots[slot].content_size, w->slots[slot].stored_size);
    return header_size ? sj_output_go_direct(w->output, header_size, err) : SNAPJAR_OK;
}

static snapjar_status drain(void *state, unsigned slot, snapjar_error *err)
{
    writing *w = state;

    if (w->is_first_of_several)
        SJ_TRY(choose_way(w, slot, err));
    sj_checksum_add(&w->sums->stored, w->slots[slot].stored, w->slots[slot].stored_size);
    if (w->plan->wants_digest)
        sj_blake_add(&w->sums->stored_digest, w->slots[slot].stored, w->slots[slot].stored_size);
    w->written->stored_size += w->slots[slot].stored_size;
    return sj_output_write(w->output, w->slots[slot].stored, w->slots[slot].stored_size, err);
}

static snapjar_status sum_frames(writing *w, snapjar_error *err)
{
    const sj_payload_writing *plan = w->plan;
    const sj_pipeline job = {
        .fill = fill, .work = work, .drain = drain, .state = w, .threads = w->is_ended ? 0 : plan->threads};

    sj_checksum_begin(&w->sums->content);
    sj_checksum_begin(&w->sums->stored);
    if (plan->wants_digest)
        sj_blake_begin(&w->sums->stored_digest);
    w->is_first_of_several = !w->is_ended;
    for (unsigned i = 1; i < job.threads; i++) {
        if (!sj_codec_get(plan->context, i))
            return sj_raise_no_memory(err, 0);
    }
    SJ_TRY(sj_pipeline_run(plan->context, &job, err));
    sj_checksum_end(&w->sums->content, w->written->content_checksum);
    sj_checksum_end(&w->sums->stored, w->written->checksum);
    if (plan->wants_digest)
        sj_blake_end(&w->sums->stored_digest, w->written->digest);
    return SNAPJAR_OK;
}

/* The rest of the frames, or all of several. */
static snapjar_status write_frames(writing *w, snapjar_error *err)
{
    running_sums sums;

    w->sums = &sums;
    snapjar_status status = sum_frames(w, err);
    w->sums = NULL;
    return status;
}

/* The only frame: there is nothing to share out, and nothing to sum up. */
static snapjar_status write_single(writing *w, snapjar_error *err)
{
    const writing_slot *slot = &w->slots[0];

    SJ_TRY(work(w, 0, 0, err));
    w->written->stored_size = slot->stored_size;
    sj_checksum(w->written->content_checksum, slot->content, slot->content_size);
    sj_checksum(w->written->checksum, slot->stored, slot->stored_size);
    return sj_output_write(w->output, slot->stored, slot->stored_size, err);
}

snapjar_status sj_payload_write(const sj_payload_writing *plan, sj_output *output, sj_payload_written *written,
                                snapjar_error *err)
{
    writing_slot slots[SJ_SLOTS_MAX];
    writing w = {.plan = plan, .written = written, .output = output, .slots = slots};

    *written = (sj_payload_written){.size = 0};
    if (!sj_codec_get(plan->context, 0))
        return sj_raise_no_memory(err, 0);
    /* Most pickles are a single frame. */
    SJ_TRY(fill_slot(&w, 0, &w.has_first, err));
    return w.is_ended && w.has_first && !plan->wants_digest ? write_single(&w, err) : write_frames(&w, err);
}
