/* SPDX-License-Identifier: MIT
 *
 * What a trust set is inside the library.
 */
#ifndef SJ_SEAL_TRUST_H
#define SJ_SEAL_TRUST_H

#include "seal/key.h"

typedef struct sj_trusted {
    /** NULL: a MAC key that is named by its id, and whose secret nobody has given yet. */
    snapjar_key *key;
    snapjar_seal_algorithm algorithm;
    uint8_t id[SJ_ID_SIZE];
    char id_text[SNAPJAR_KEY_ID_SIZE + 1];
    /** Exact names; none: any type. */
    char **types;
    size_t type_count;
    /** Seconds since 1970, both inclusive. */
    int64_t not_before;
    int64_t not_after;
    /** NULL: none. */
    char *context;
} sj_trusted;

struct snapjar_trust {
    snapjar_context *context;
    sj_trusted *keys;
    size_t count;
    size_t capacity;
};

/**
 * Adds a key by what is known of it: `key` (copied), or for a MAC `id` alone. `options` is resolved. A key that is
 * there already is SNAPJAR_INVALID_ARGUMENT.
 */
snapjar_status sj_trust_add(snapjar_trust *trust, const snapjar_key *key, const uint8_t id[SJ_ID_SIZE],
                            const snapjar_trust_options *options, snapjar_error *err)
    __attribute__((warn_unused_result));

/** The key with this id, or NULL. */
const sj_trusted *sj_trust_find(const snapjar_trust *trust, const uint8_t id[SJ_ID_SIZE]);

/** RFC 3339 in UTC without a fraction, as seconds since 1970; false if it is none. */
bool sj_time_read(int64_t *seconds, const char *text);

#endif
