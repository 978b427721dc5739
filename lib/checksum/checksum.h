/* SPDX-License-Identifier: MIT
 *
 * Checksums that find accidents: XXH3-128 for headers, payloads and contents, XXH64 for zstd frames. They answer
 * nothing about intent. The only folder that includes xxhash.h.
 */
#ifndef SJ_CHECKSUM_H
#define SJ_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

#define SJ_CHECKSUM_SIZE 16

/** XXH3-128 (seed 0, default secret) in canonical form, which is big-endian (xxHash spec, "canonical representation").
 */
void sj_checksum(uint8_t out[SJ_CHECKSUM_SIZE], const void *bytes, size_t size);

/** A running XXH3-128; the state is kept inline and aligned as xxhash wants it. */
typedef struct sj_checksum_state {
    _Alignas(64) uint8_t opaque[640];
} sj_checksum_state;

void sj_checksum_begin(sj_checksum_state *state);
void sj_checksum_add(sj_checksum_state *state, const void *bytes, size_t size);
void sj_checksum_end(const sj_checksum_state *state, uint8_t out[SJ_CHECKSUM_SIZE]);

/** The 64-bit variant of the running XXH3. */
uint64_t sj_checksum_end64(const sj_checksum_state *state);

/** A running XXH64 (seed 0). */
void sj_checksum64_begin(sj_checksum_state *state);
void sj_checksum64_add(sj_checksum_state *state, const void *bytes, size_t size);
uint64_t sj_checksum64_end(const sj_checksum_state *state);

/** Low 32 bits of XXH64 (seed 0): the Content_Checksum of a zstd frame (RFC 8878, section 3.1.1). */
uint32_t sj_checksum_zstd(const void *bytes, size_t size);

#endif
