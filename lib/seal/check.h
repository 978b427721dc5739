/* SPDX-License-Identifier: MIT
 *
 * Steps 4 and 6 of the gate: do signatures over the raw bytes of a header hold, and may one of their keys seal this
 * type. The payload's digest is compared by whoever reads the payload.
 */
#ifndef SJ_SEAL_CHECK_H
#define SJ_SEAL_CHECK_H

#include "seal/area.h"
#include "seal/trust.h"

/** What a reader wants of every record. */
typedef struct sj_demand {
    const snapjar_trust *trust;
    /** NULL: what the trust set says for each key. */
    const char *context;
    int64_t now;
} sj_demand;

/** A record, as far as its seal is concerned. */
typedef struct sj_sealed_header {
    sj_signed_header header;
    const uint8_t *area;
    size_t area_size;
    /** Where the seal area stands, and the prefix's field with its size. */
    uint64_t area_offset;
    uint64_t size_offset;
} sj_sealed_header;

/** What a seal came to. */
typedef struct sj_seal {
    /** What was signed of the payload. */
    uint64_t stored_size;
    uint8_t payload_digest[SJ_BLAKE_SIZE];
    /** Keys whose signatures hold, in the order of the area. */
    const sj_trusted *accepted[SNAPJAR_SEAL_SIGNATURES_MAX];
    size_t accepted_count;
    /** The signature that failed belongs to other header bytes than these: altered, or taken from elsewhere. */
    bool is_of_other_header;
} sj_seal;

/** Step 4. On failure `seal` has only what is said above for it. */
snapjar_status sj_seal_check_header(sj_seal *seal, snapjar_context *context, const sj_demand *demand,
                                    const sj_sealed_header *sealed, snapjar_error *err)
    __attribute__((warn_unused_result));

/** Step 6: `*by` is the first of the accepted keys that may seal `type`, whose value stands at `type_offset`. */
snapjar_status sj_seal_check_type(const sj_seal *seal, snapjar_text type, uint64_t type_offset, const sj_trusted **by,
                                  snapjar_error *err) __attribute__((warn_unused_result));

#endif
