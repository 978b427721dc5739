/* SPDX-License-Identifier: MIT
 *
 * XXH3 and XXH64, inlined: the compiler's vector code is as fast as the dispatched one for what memory can deliver, and
 * has no penalty for switching between vector widths (this file wants -O3).
 */
#include "checksum/checksum.h"

#include <assert.h>

#include "checksum/update_avx2.h"

#define XXH_INLINE_ALL
#define XXH_NO_STDLIB
#include <xxhash.h>

/* Below this the wider loop has nothing to gain. */
#define WIDE_SIZE_MIN ((size_t)4096)

_Static_assert(sizeof(XXH3_state_t) <= sizeof(((sj_checksum_state *)0)->opaque), "room for the state");

static XXH3_state_t *inner(sj_checksum_state *state)
{
    return (XXH3_state_t *)(void *)state->opaque;
}

static void put(uint8_t out[SJ_CHECKSUM_SIZE], XXH128_hash_t hash)
{
    XXH128_canonical_t canonical;

    XXH128_canonicalFromHash(&canonical, hash);
    memcpy(out, canonical.digest, SJ_CHECKSUM_SIZE);
}

void sj_checksum(uint8_t out[SJ_CHECKSUM_SIZE], const void *bytes, size_t size)
{
    assert(bytes != NULL || size == 0);
    put(out, XXH3_128bits(bytes, size));
}

void sj_checksum_begin(sj_checksum_state *state)
{
    XXH3_INITSTATE(inner(state));
    (void)XXH3_128bits_reset(inner(state));
}

void sj_checksum_add(sj_checksum_state *state, const void *bytes, size_t size)
{
#ifdef SJ_HAVE_AVX2
    if (size >= WIDE_SIZE_MIN && __builtin_cpu_supports("avx2")) {
        sj_checksum_update_avx2(state, bytes, size);
        return;
    }
#endif
    (void)XXH3_128bits_update(inner(state), bytes, size);
}

void sj_checksum_end(const sj_checksum_state *state, uint8_t out[SJ_CHECKSUM_SIZE])
{
    put(out, XXH3_128bits_digest((const XXH3_state_t *)(const void *)state->opaque));
}

uint64_t sj_checksum_end64(const sj_checksum_state *state)
{
    return XXH3_64bits_digest((const XXH3_state_t *)(const void *)state->opaque);
}

void sj_checksum64_begin(sj_checksum_state *state)
{
    (void)XXH64_reset((XXH64_state_t *)(void *)state->opaque, 0);
}

void sj_checksum64_add(sj_checksum_state *state, const void *bytes, size_t size)
{
    (void)XXH64_update((XXH64_state_t *)(void *)state->opaque, bytes, size);
}

uint64_t sj_checksum64_end(const sj_checksum_state *state)
{
    return XXH64_digest((const XXH64_state_t *)(const void *)state->opaque);
}

uint32_t sj_checksum_zstd(const void *bytes, size_t size)
{
    assert(bytes != NULL || size == 0);
    return (uint32_t)XXH64(bytes, size, 0);
}
