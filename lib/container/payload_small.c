/* SPDX-License-Identifier: MIT
 *
 * The same checks as in payload_read.c, in the same order, over bytes that are all there: no running sums, no pipeline.
 */
#include "container/payload_small.h"

#include <string.h>

#include "codec/frame.h"
#include "container/pool.h"

/* More is worth the pipeline, and hardly gains. */
#define SMALL_SIZE_MAX (UINT64_C(64) << 10)

bool sj_payload_may_be_small(const sj_payload_reading *plan)
{
    const snapjar_header *header = plan->record->header;

    return header->stored_size <= SMALL_SIZE_MAX && header->size <= header->frame_size &&
           header->size <= SMALL_SIZE_MAX && !plan->digest && !plan->digest_out && !plan->progress && !plan->place;
}

static bool has_checksum(const uint8_t *bytes, size_t size, const uint8_t wanted[SJ_CHECKSUM_SIZE])
{
    uint8_t actual[SJ_CHECKSUM_SIZE];

    sj_checksum(actual, bytes, size);
    return memcmp(actual, wanted, SJ_CHECKSUM_SIZE) == 0;
}

static bool is_one_frame(const sj_payload_reading *plan, const uint8_t *stored)
{
    const snapjar_header *header = plan->record->header;
    sj_frame_walk walk;

    sj_frame_walk_init(&walk, header->frame_size, header->size, header->stored_size, plan->record->payload_offset);
    return sj_frame_walk_feed(&walk, stored, (size_t)header->stored_size, NULL) == SNAPJAR_OK &&
           sj_frame_walk_finish(&walk, NULL) == SNAPJAR_OK;
}

snapjar_status sj_payload_read_small(const sj_payload_reading *plan, uint8_t **content, bool *is_whole,
                                     snapjar_error *err)
{
    const snapjar_header *header = plan->record->header;
    size_t stored_size = (size_t)header->stored_size;
    size_t size = (size_t)header->size;

    *is_whole = false;
    const uint8_t *stored = sj_source_borrow(plan->source, plan->record->payload_offset, stored_size);
    if (!stored || !has_checksum(stored, stored_size, header->checksum) || !is_one_frame(plan, stored))
        return SNAPJAR_OK;
    if (plan->prepare)
        SJ_TRY(plan->prepare(plan->state, content, err));
    uint8_t *room = plan->prepare ? *content : sj_pool_get(plan->context, SJ_POOL_CONTENT, size);
    sj_codec *codec = sj_codec_get(plan->context, 0);
    if (!room || !codec)
        return sj_raise_no_memory(err, size);
    if (sj_frame_decompress(codec, room, size, stored, stored_size, true, 0, NULL) != SNAPJAR_OK ||
        !has_checksum(room, size, header->content_checksum))
        return SNAPJAR_OK;
    *is_whole = true;
    return plan->consume ? plan->consume(plan->state, room, size, err) : SNAPJAR_OK;
}
