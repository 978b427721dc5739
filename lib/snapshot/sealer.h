/* SPDX-License-Identifier: MIT
 *
 * Seals headers as they are written, and keeps count of the records of a file.
 */
#ifndef SJ_SNAPSHOT_SEALER_H
#define SJ_SNAPSHOT_SEALER_H

#include <snapjar/seal.h>

#include "header/header.h"
#include "seal/area.h"
#include "seal/key.h"

#define SJ_STREAM_PREVIOUS_SIZE (2 * SJ_BLAKE_SIZE + 1)

struct snapjar_sealer {
    snapjar_context *context;
    const snapjar_key **keys;
    size_t key_count;
    char *seal_context;
    /** The stream that is written: "" until its first record is. */
    char stream_id[SJ_STREAM_ID_SIZE + 1];
    uint64_t stream_index;
    char stream_previous[SJ_STREAM_PREVIOUS_SIZE];
    /** The last header frame that was sealed. */
    uint8_t *frame;
    size_t frame_capacity;
};

/** Puts the next record's stream into a plan, whose texts are then the sealer's. */
void sj_sealer_plan(snapjar_sealer *sealer, sj_header_plan *plan);

/**
 * Takes a header frame, of whatever seal area, and gives one with the sealer's signatures beside those of `kept` (may
 * be NULL). It belongs to the sealer until the next call. The next record that is planned follows this one.
 */
snapjar_status sj_sealer_reseal(snapjar_sealer *sealer, const uint8_t **frame, size_t *frame_size, uint64_t stored_size,
                                const uint8_t payload_digest[SJ_BLAKE_SIZE], const sj_seal_area *kept,
                                snapjar_error *err) __attribute__((warn_unused_result));

/** The same for a frame without a seal area. */
snapjar_status sj_sealer_seal(snapjar_sealer *sealer, const uint8_t **frame, size_t *frame_size, uint64_t stored_size,
                              const uint8_t payload_digest[SJ_BLAKE_SIZE], snapjar_error *err)
    __attribute__((warn_unused_result));

#endif
