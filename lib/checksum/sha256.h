/* SPDX-License-Identifier: MIT
 *
 * SHA-256 and MD5, for the checksums that programs put into headers of their own before they used this format. Nothing
 * of ours is protected by them, and MD5 protects nothing at all.
 */
#ifndef SJ_SHA256_H
#define SJ_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SJ_SHA256_SIZE 32
#define SJ_MD5_SIZE 16

/** A running digest of either kind. */
typedef struct sj_hash_state {
    uint32_t words[8];
    uint64_t size;
    uint8_t block[64];
} sj_hash_state;

/** SHA-256 (FIPS 180-4, section 6.2). */
void sj_sha256_begin(sj_hash_state *state);
void sj_sha256_add(sj_hash_state *state, const void *bytes, size_t size);
void sj_sha256_end(sj_hash_state *state, uint8_t out[SJ_SHA256_SIZE]);

/** MD5 (RFC 1321). */
void sj_md5_begin(sj_hash_state *state);
void sj_md5_add(sj_hash_state *state, const void *bytes, size_t size);
void sj_md5_end(sj_hash_state *state, uint8_t out[SJ_MD5_SIZE]);

#endif
