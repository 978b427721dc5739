/* SPDX-License-Identifier: MIT
 *
 * Frames of raw blocks have one form for each size (codec/frame.h), so all that is between the blocks is known before
 * it is read. It is read all the same, and compared.
 */
#include "container/payload_direct.h"

#include <string.h>

#include "codec/frame.h"
#include "util/bytes.h"
#include "util/pipeline.h"

/* Less is not worth a way of its own. */
#define DIRECT_SIZE_MIN (UINT64_C(1) << 20)

typedef struct direct {
    const sj_payload_reading *plan;
    const snapjar_header *header;
    uint8_t *content;
    /** The next frame to fill. */
    uint64_t next;
    uint64_t drained;
    struct {
        uint8_t *content;
        size_t content_size;
        uint64_t file_offset;
        uint8_t checksum[SJ_FRAME_CHECKSUM_SIZE];
        bool is_as_expected;
    } slots[SJ_SLOTS_MAX];
    /** Whether all frames so far were what they must be. */
    bool is_whole;
    sj_checksum_state content_sum;
    sj_checksum_state stored_sum;
} direct;

static uint64_t direct_size(const snapjar_header *header)
{
    uint64_t whole = header->size / header->frame_size;
    size_t rest = (size_t)(header->size % header->frame_size);

    return whole * sj_frame_store_size(header->frame_size) + (rest ? sj_frame_store_size(rest) : 0);
}

bool sj_payload_may_be_direct(const sj_payload_reading *plan)
{
    const snapjar_header *header = plan->record->header;

    return header->stored_size >= DIRECT_SIZE_MIN && header->stored_size == direct_size(header) && !plan->digest &&
           !plan->digest_out;
}

static snapjar_status fill(void *state, unsigned slot, bool *has_item, snapjar_error *err)
{
    direct *d = state;
    const snapjar_header *header = d->header;
    uint64_t at = d->next * header->frame_size;

    (void)err;
    *has_item = at < header->size && d->is_whole;
    if (!*has_item)
        return SNAPJAR_OK;
    d->slots[slot].content = d->content + at;
    d->slots[slot].content_size = (size_t)sj_min(header->frame_size, header->size - at);
    d->slots[slot].file_offset =
        d->plan->record->payload_offset + d->next * (uint64_t)sj_frame_store_size(header->frame_size);
    d->next++;
    return SNAPJAR_OK;
}

static bool read_some(const direct *d, uint64_t *offset, void *buffer, size_t size)
{
    size_t got = 0;

    if (snapjar_source_read_at(d->plan->source, buffer, size, *offset, &got, NULL) != SNAPJAR_OK || got != size)
        return false;
    *offset += size;
    return true;
}

/*
 * Each block is read together with the head of the one behind it, over which that one is then read; so there is one
 * call for each, and it is hashed while it is in the processor's cache.
 */
static bool read_frame(direct *d, unsigned slot)
{
    uint8_t *content = d->slots[slot].content;
    size_t left = d->slots[slot].content_size;
    uint64_t offset = d->slots[slot].file_offset;
    uint8_t wanted[SJ_FRAME_HEAD_MAX + SJ_BLOCK_HEAD_SIZE];
    uint8_t found[sizeof(wanted)];
    sj_checksum_state sum;

    size_t head = sj_frame_store_head(wanted, left);
    sj_block_store_head(wanted + head, left);
    if (!read_some(d, &offset, found, head + SJ_BLOCK_HEAD_SIZE) ||
        memcmp(found, wanted, head + SJ_BLOCK_HEAD_SIZE) != 0)
        return false;
    sj_checksum64_begin(&sum);
    while (left > 0) {
        size_t block = (size_t)sj_min(left, SJ_RAW_BLOCK_SIZE);
        left -= block;
        if (!read_some(d, &offset, content, block + (left ? SJ_BLOCK_HEAD_SIZE : 0)))
            return false;
        sj_checksum64_add(&sum, content, block);
        content += block;
        sj_block_store_head(wanted, left);
        if (left && memcmp(content, wanted, SJ_BLOCK_HEAD_SIZE) != 0)
            return false;
    }
    uint8_t *checksum = d->slots[slot].checksum;
    return read_some(d, &offset, checksum, SJ_FRAME_CHECKSUM_SIZE) &&
           sj_read_le32(checksum) == (uint32_t)sj_checksum64_end(&sum);
}

static snapjar_status work(void *state, unsigned slot, unsigned worker, snapjar_error *err)
{
    direct *d = state;

    (void)worker;
    (void)err;
    d->slots[slot].is_as_expected = read_frame(d, slot);
    return SNAPJAR_OK;
}

/* The frame as it is stored: what was found between the blocks is what was wanted. */
static void add_stored(direct *d, unsigned slot)
{
    const uint8_t *content = d->slots[slot].content;
    size_t left = d->slots[slot].content_size;
    uint8_t head[SJ_FRAME_HEAD_MAX];

    sj_checksum_add(&d->stored_sum, head, sj_frame_store_head(head, left));
    while (left > 0) {
        size_t block = (size_t)sj_min(left, SJ_RAW_BLOCK_SIZE);
        sj_block_store_head(head, left);
        sj_checksum_add(&d->stored_sum, head, SJ_BLOCK_HEAD_SIZE);
        sj_checksum_add(&d->stored_sum, content, block);
        sj_checksum_add(&d->content_sum, content, block);
        content += block;
        left -= block;
    }
    sj_checksum_add(&d->stored_sum, d->slots[slot].checksum, SJ_FRAME_CHECKSUM_SIZE);
}

static snapjar_status drain(void *state, unsigned slot, snapjar_error *err)
{
    direct *d = state;
    const sj_payload_reading *plan = d->plan;

    d->is_whole = d->is_whole && d->slots[slot].is_as_expected;
    if (!d->is_whole)
        return SNAPJAR_OK;
    add_stored(d, slot);
    d->drained += d->slots[slot].content_size;
    if (!plan->progress || plan->progress(plan->progress_state, d->drained, d->header->size))
        return SNAPJAR_OK;
    return sj_raise(err, SNAPJAR_CANCELLED, SNAPJAR_DIAG_CANCELLED, SJ_NOWHERE, "cancelled by the caller");
}

static bool is_equal(const sj_checksum_state *sum, const uint8_t wanted[SJ_CHECKSUM_SIZE])
{
    uint8_t actual[SJ_CHECKSUM_SIZE];

    sj_checksum_end(sum, actual);
    return memcmp(actual, wanted, SJ_CHECKSUM_SIZE) == 0;
}

snapjar_status sj_payload_read_direct(const sj_payload_reading *plan, uint8_t *content, bool *is_whole,
                                      snapjar_error *err)
{
    direct d = {.plan = plan, .header = plan->record->header, .content = content, .is_whole = true};
    const sj_pipeline job = {
        .fill = fill,
        .work = work,
        .drain = drain,
        .state = &d,
        /* A single worker would pass on through memory what the calling thread has in its cache. */
        .threads = plan->threads > 1 && sj_source_is_for_any_thread(plan->source) ? plan->threads : 0,
    };

    *is_whole = false;
    sj_checksum_begin(&d.content_sum);
    sj_checksum_begin(&d.stored_sum);
    SJ_TRY(sj_pipeline_run(plan->context, &job, err));
    *is_whole = d.is_whole && is_equal(&d.stored_sum, d.header->checksum) &&
                is_equal(&d.content_sum, d.header->content_checksum);
    return SNAPJAR_OK;
}
