/* SPDX-License-Identifier: MIT
 *
 * Making seal areas.
 */
#ifndef SJ_SEAL_SIGN_H
#define SJ_SEAL_SIGN_H

#include "seal/area.h"
#include "seal/key.h"

/** What is to be signed, and by whom. */
typedef struct sj_signing {
    const snapjar_key *const *keys;
    size_t key_count;
    /** NULL: none. */
    const char *context;
    sj_signed_header header;
    uint64_t stored_size;
    const uint8_t *payload_digest;
} sj_signing;

/**
 * Makes the seal area of a header: the entries of `kept` (may be NULL) but for those of the signing keys, then one for
 * each key. `*bytes` is for sj_free. Fails with `seal-limit` if they become too many.
 */
snapjar_status sj_seal_make(uint8_t **bytes, size_t *size, snapjar_context *context, const sj_signing *signing,
                            const sj_seal_area *kept, snapjar_error *err) __attribute__((warn_unused_result));

#endif
