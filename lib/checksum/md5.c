/* SPDX-License-Identifier: MIT
 *
 * MD5, plainly.
 */
#include "checksum/md5.h"

#include <string.h>

static uint32_t rotate_left(uint32_t x, unsigned n)
{
    return x << n | x >> (32 - n);
}

/* ---- one block ---- */

static const uint32_t constants[64] = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391,
};

static void compress(uint32_t words[4], const uint8_t block[64])
{
    static const uint8_t turns[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
    uint32_t in[16];
    uint32_t a = words[0], b = words[1], c = words[2], d = words[3];

    for (size_t i = 0; i < 16; i++)
        in[i] = (uint32_t)block[4 * i] | (uint32_t)block[4 * i + 1] << 8 | (uint32_t)block[4 * i + 2] << 16 |
                (uint32_t)block[4 * i + 3] << 24;
    for (size_t i = 0; i < 64; i++) {
        size_t round = i / 16;
        uint32_t mixed = round == 0   ? (b & c) | (~b & d)
                         : round == 1 ? (d & b) | (~d & c)
                         : round == 2 ? b ^ c ^ d
                                      : c ^ (b | ~d);
        static const uint8_t steps[4] = {1, 5, 3, 7};
        static const uint8_t starts[4] = {0, 1, 5, 0};
        uint32_t sum = a + mixed + constants[i] + in[(steps[round] * i + starts[round]) % 16];
        a = d;
        d = c;
        c = b;
        b += rotate_left(sum, turns[round][i % 4]);
    }
    words[0] += a;
    words[1] += b;
    words[2] += c;
    words[3] += d;
}

/* ---- blocks of 64 bytes, and the padding ---- */

void sj_md5_add(sj_md5_state *state, const void *data, size_t size)
{
    const uint8_t *bytes = data;
    size_t used = (size_t)(state->size % 64);

    state->size += size;
    if (used && size >= 64 - used) {
        memcpy(state->block + used, bytes, 64 - used);
        compress(state->words, state->block);
        bytes += 64 - used;
        size -= 64 - used;
        used = 0;
    }
    for (; size >= 64; bytes += 64, size -= 64)
        compress(state->words, bytes);
    if (size)
        memcpy(state->block + used, bytes, size);
}

/* A one bit, zeros, and the number of bits in the last eight bytes. */
static void pad(sj_md5_state *state)
{
    uint64_t bits = state->size * 8;
    size_t used = (size_t)(state->size % 64);

    state->block[used++] = 0x80;
    if (used > 56) {
        memset(state->block + used, 0, 64 - used);
        compress(state->words, state->block);
        used = 0;
    }
    memset(state->block + used, 0, 56 - used);
    for (unsigned i = 0; i < 8; i++)
        state->block[56 + i] = (uint8_t)(bits >> 8 * i);
    compress(state->words, state->block);
}

void sj_md5_begin(sj_md5_state *state)
{
    static const uint32_t start[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
    memcpy(state->words, start, sizeof start);
    state->size = 0;
}

void sj_md5_end(sj_md5_state *state, uint8_t out[SJ_MD5_SIZE])
{
    pad(state);
    for (size_t i = 0; i < SJ_MD5_SIZE; i++)
        out[i] = (uint8_t)(state->words[i / 4] >> 8 * (i % 4));
}
