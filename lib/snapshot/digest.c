/* SPDX-License-Identifier: MIT
 *
 * Digests by name.
 */
#include "snapshot/digest.h"

#include <string.h>

#include "codec/sum.h"

static const char *const names[SJ_DIGEST_COUNT] = {"crc32", "adler32", "xxh64", "xxh3-64", "xxh3-128", "md5", "sha256"};

sj_digest_kind sj_digest_find(const char *name)
{
    size_t kind = 0;

    while (kind < SJ_DIGEST_COUNT && strcmp(names[kind], name) != 0)
        kind++;
    return (sj_digest_kind)kind;
}

const char *sj_digest_names(void)
{
    return "crc32, adler32, xxh64, xxh3-64, xxh3-128, md5, sha256";
}

void sj_digest_begin(sj_digest *digest, sj_digest_kind kind)
{
    digest->kind = kind;
    switch (kind) {
    case SJ_DIGEST_CRC32:
    case SJ_DIGEST_ADLER32:
        digest->state.sum = kind == SJ_DIGEST_CRC32 ? 0 : 1;
        break;
    case SJ_DIGEST_XXH64:
        sj_checksum64_begin(&digest->state.xxh);
        break;
    case SJ_DIGEST_XXH3_64:
    case SJ_DIGEST_XXH3_128:
        sj_checksum_begin(&digest->state.xxh);
        break;
    case SJ_DIGEST_MD5:
        sj_md5_begin(&digest->state.md5);
        break;
    case SJ_DIGEST_SHA256:
        sj_sha256_begin(&digest->state.sha256);
        break;
    case SJ_DIGEST_COUNT:
        break;
    }
}

void sj_digest_add(sj_digest *digest, const void *bytes, size_t size)
{
    switch (digest->kind) {
    case SJ_DIGEST_CRC32:
        digest->state.sum = sj_crc32(digest->state.sum, bytes, size);
        break;
    case SJ_DIGEST_ADLER32:
        digest->state.sum = sj_adler32(digest->state.sum, bytes, size);
        break;
    case SJ_DIGEST_XXH64:
        sj_checksum64_add(&digest->state.xxh, bytes, size);
        break;
    case SJ_DIGEST_XXH3_64:
    case SJ_DIGEST_XXH3_128:
        sj_checksum_add(&digest->state.xxh, bytes, size);
        break;
    case SJ_DIGEST_MD5:
        sj_md5_add(&digest->state.md5, bytes, size);
        break;
    case SJ_DIGEST_SHA256:
        sj_sha256_add(&digest->state.sha256, bytes, size);
        break;
    case SJ_DIGEST_COUNT:
        break;
    }
}

static size_t put_number(uint8_t *out, uint64_t number, size_t size)
{
    for (size_t i = 0; i < size; i++)
        out[i] = (uint8_t)(number >> 8 * (size - 1 - i));
    return size;
}

size_t sj_digest_end(sj_digest *digest, uint8_t out[SJ_DIGEST_SIZE_MAX])
{
    switch (digest->kind) {
    case SJ_DIGEST_CRC32:
    case SJ_DIGEST_ADLER32:
        return put_number(out, digest->state.sum, 4);
    case SJ_DIGEST_XXH64:
        return put_number(out, sj_checksum64_end(&digest->state.xxh), 8);
    case SJ_DIGEST_XXH3_64:
        return put_number(out, sj_checksum_end64(&digest->state.xxh), 8);
    case SJ_DIGEST_XXH3_128:
        sj_checksum_end(&digest->state.xxh, out);
        return SJ_CHECKSUM_SIZE;
    case SJ_DIGEST_MD5:
        sj_md5_end(&digest->state.md5, out);
        return SJ_MD5_SIZE;
    case SJ_DIGEST_SHA256:
        sj_sha256_end(&digest->state.sha256, out);
        return SJ_SHA256_SIZE;
    case SJ_DIGEST_COUNT:
        break;
    }
    return 0;
}
