/* SPDX-License-Identifier: MIT
 *
 * Digests by name, for the checksums in headers that programs made for themselves.
 */
#ifndef SJ_DIGEST_H
#define SJ_DIGEST_H

#include "checksum/checksum.h"
#include "checksum/md5.h"
#include "seal/crypto.h"

#define SJ_DIGEST_SIZE_MAX 32

typedef enum sj_digest_kind {
    SJ_DIGEST_CRC32,
    SJ_DIGEST_ADLER32,
    SJ_DIGEST_XXH64,
    SJ_DIGEST_XXH3_64,
    SJ_DIGEST_XXH3_128,
    SJ_DIGEST_MD5,
    SJ_DIGEST_SHA256,
    SJ_DIGEST_COUNT
} sj_digest_kind;

/** A running digest. */
typedef struct sj_digest {
    sj_digest_kind kind;
    union {
        sj_checksum_state xxh;
        sj_md5_state md5;
        sj_sha256_state sha256;
        uint32_t sum;
    } state;
} sj_digest;

/** SJ_DIGEST_COUNT if there is none of that name ("crc32", "sha256"). */
sj_digest_kind sj_digest_find(const char *name);
/** All names, divided by ", ": for messages. */
const char *sj_digest_names(void);

void sj_digest_begin(sj_digest *digest, sj_digest_kind kind);
void sj_digest_add(sj_digest *digest, const void *bytes, size_t size);
/** Writes the digest, numbers with their highest byte first, and returns its size. */
size_t sj_digest_end(sj_digest *digest, uint8_t out[SJ_DIGEST_SIZE_MAX]);

#endif
