/* SPDX-License-Identifier: MIT
 *
 * The seal area of a header frame, and the message that its signatures sign (spec/seals.md): bytes to a description and
 * back. Knows nothing of keys, trust or files.
 */
#ifndef SJ_SEAL_AREA_H
#define SJ_SEAL_AREA_H

#include <snapjar/seal.h>

#include "seal/crypto.h"
#include "util/context.h"

#define SJ_SEAL_VERSION 1
/** Bytes of an area before its first signature, and of a signature without its own bytes. */
#define SJ_SEAL_FIXED_SIZE 76
#define SJ_SEAL_ENTRY_SIZE 36
/** Bytes of a header frame from our magic to before the seal size: what is signed of the prefix. */
#define SJ_SEAL_PREFIX_SIZE 16

/** One signature, in place. */
typedef struct sj_seal_entry {
    unsigned algorithm;
    const uint8_t *key_id;
    const uint8_t *context_id;
    const uint8_t *signature;
    size_t signature_size;
    /** Where the entry stands in the area. */
    size_t at;
} sj_seal_entry;

/** An area, taken apart; the pointers go into it. */
typedef struct sj_seal_area {
    uint64_t stored_size;
    const uint8_t *payload_digest;
    const uint8_t *header_digest;
    sj_seal_entry entries[SNAPJAR_SEAL_SIGNATURES_MAX];
    size_t count;
} sj_seal_area;

/**
 * Takes apart the `size` bytes at `bytes`, which stand at `file_offset`: `seal-malformed`, `seal-unsupported` for
 * another version, `seal-limit` for too many signatures. An area of no bytes is not asked for.
 */
snapjar_status sj_seal_area_read(sj_seal_area *area, const uint8_t *bytes, size_t size, uint64_t file_offset,
                                 snapjar_error *err) __attribute__((warn_unused_result));

/** The size of an area with these entries, and its bytes. */
size_t sj_seal_area_size(const sj_seal_area *area);
void sj_seal_area_write(uint8_t *out, const sj_seal_area *area);

/** What the public interface tells of an entry. */
void sj_seal_entry_describe(snapjar_signature *signature, const sj_seal_entry *entry);

/** What a context looks like in an entry: zeros for none. */
void sj_seal_context_id(uint8_t out[SJ_ID_SIZE], const char *context);

/** A header as it is signed: its prefix (SJ_SEAL_PREFIX_SIZE bytes from our magic on) and its JSON. */
typedef struct sj_signed_header {
    const uint8_t *prefix;
    const uint8_t *json;
    size_t json_size;
} sj_signed_header;

/** BLAKE2b-256 of a header as it is signed: it stays the same when signatures come and go. */
void sj_seal_header_digest(uint8_t out[SJ_BLAKE_SIZE], const sj_signed_header *header);

/** The message for a context (NULL: none), in memory for sj_free. NULL without memory. */
uint8_t *sj_seal_message(size_t *size, snapjar_context *context, const sj_signed_header *header, uint64_t stored_size,
                         const uint8_t payload_digest[SJ_BLAKE_SIZE], const char *seal_context);

#endif
