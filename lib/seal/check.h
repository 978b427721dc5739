/* SPDX-License-Identifier: MIT
 *
 * Steps 4 and 6 of the gate: do signatures over the raw bytes of a header, or over a list of headers, hold, and may one
 * of their keys seal this type. The payload's digest is compared by whoever reads the payload.
 */
#ifndef SJ_SEAL_CHECK_H
#define SJ_SEAL_CHECK_H

#include "seal/area.h"
#include "seal/detached.h"
#include "seal/trust.h"

/** Keys whose signatures hold, in the order in which these stand. */
typedef struct sj_accepted {
    const sj_trusted *keys[SNAPJAR_SEAL_SIGNATURES_MAX];
    size_t count;
} sj_accepted;

/** What a reader wants of every record. */
typedef struct sj_demand {
    const snapjar_trust *trust;
    /** NULL: what the trust set says for each key. */
    const char *context;
    int64_t now;
    /** A detached seal that must list the records, and whose signatures on it hold; NULL: each record has its own. */
    const snapjar_detached *detached;
    const sj_accepted *accepted;
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
    /** Where it stands, and its number of stored bytes; the record itself, of one that is detached. */
    uint64_t offset;
    uint64_t size_offset;
    /** What was signed of the payload. */
    uint64_t stored_size;
    uint8_t payload_digest[SJ_BLAKE_SIZE];
    sj_accepted accepted;
    /** The signature that failed belongs to other header bytes than these: altered, or taken from elsewhere. */
    bool is_of_other_header;
} sj_seal;

/** Step 4. On failure `seal` has only what is said above for it. */
snapjar_status sj_seal_check_header(sj_seal *seal, snapjar_context *context, const sj_demand *demand,
                                    const sj_sealed_header *sealed, snapjar_error *err)
    __attribute__((warn_unused_result));

/** Whether the signatures on a detached seal hold; offsets are in its text. Done once, before any record is read. */
snapjar_status sj_seal_check_detached(sj_accepted *accepted, snapjar_context *context, const sj_demand *demand,
                                      const snapjar_detached *detached, snapjar_error *err)
    __attribute__((warn_unused_result));

/** Step 6: `*by` is the first of the accepted keys that may seal `type`, whose value stands at `type_offset`. */
snapjar_status sj_seal_check_type(const sj_seal *seal, snapjar_text type, uint64_t type_offset, const sj_trusted **by,
                                  snapjar_error *err) __attribute__((warn_unused_result));

#endif
