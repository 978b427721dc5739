/* SPDX-License-Identifier: MIT
 *
 * SHA-256 and MD5, plainly.
 */
#include "checksum/sha256.h"

#include <string.h>

typedef void compress_function(uint32_t words[8], const uint8_t block[64]);

static uint32_t rotate_right(uint32_t x, unsigned n)
{
    return x >> n | x << (32 - n);
}

static uint32_t rotate_left(uint32_t x, unsigned n)
{
    return x << n | x >> (32 - n);
}

/* ---- what both share: blocks of 64 bytes, and the padding ---- */

static void add(sj_hash_state *state, compress_function *compress, const void *data, size_t size)
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
static void pad(sj_hash_state *state, compress_function *compress, int is_big_endian)
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
        state->block[56 + i] = (uint8_t)(bits >> 8 * (is_big_endian ? 7 - i : i));
    compress(state->words, state->block);
}

/* ---- SHA-256 ---- */

static const uint32_t sha256_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static void sha256_compress(uint32_t words[8], const uint8_t block[64])
{
    uint32_t schedule[64];
    uint32_t v[8];

    for (size_t i = 0; i < 16; i++)
        schedule[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
                      (uint32_t)block[4 * i + 2] << 8 | (uint32_t)block[4 * i + 3];
    for (size_t i = 16; i < 64; i++) {
        uint32_t a = schedule[i - 15];
        uint32_t b = schedule[i - 2];
        schedule[i] = schedule[i - 16] + (rotate_right(a, 7) ^ rotate_right(a, 18) ^ a >> 3) + schedule[i - 7] +
                      (rotate_right(b, 17) ^ rotate_right(b, 19) ^ b >> 10);
    }
    memcpy(v, words, sizeof v);
    for (size_t i = 0; i < 64; i++) {
        uint32_t e = v[4];
        uint32_t a = v[0];
        uint32_t one = v[7] + (rotate_right(e, 6) ^ rotate_right(e, 11) ^ rotate_right(e, 25)) +
                       ((e & v[5]) ^ (~e & v[6])) + sha256_constants[i] + schedule[i];
        uint32_t two = (rotate_right(a, 2) ^ rotate_right(a, 13) ^ rotate_right(a, 22)) +
                       ((a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2]));
        memmove(v + 1, v, 7 * sizeof *v);
        v[4] += one;
        v[0] = one + two;
    }
    for (size_t i = 0; i < 8; i++)
        words[i] += v[i];
}

void sj_sha256_begin(sj_hash_state *state)
{
    static const uint32_t start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    memcpy(state->words, start, sizeof start);
    state->size = 0;
}

void sj_sha256_add(sj_hash_state *state, const void *bytes, size_t size)
{
    add(state, sha256_compress, bytes, size);
}

void sj_sha256_end(sj_hash_state *state, uint8_t out[SJ_SHA256_SIZE])
{
    pad(state, sha256_compress, 1);
    for (size_t i = 0; i < SJ_SHA256_SIZE; i++)
        out[i] = (uint8_t)(state->words[i / 4] >> (24 - 8 * (i % 4)));
}

/* ---- MD5 ---- */

static const uint32_t md5_constants[64] = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391,
};

static void md5_compress(uint32_t words[8], const uint8_t block[64])
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
        uint32_t sum = a + mixed + md5_constants[i] + in[(steps[round] * i + starts[round]) % 16];
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

void sj_md5_begin(sj_hash_state *state)
{
    static const uint32_t start[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
    memcpy(state->words, start, sizeof start);
    state->size = 0;
}

void sj_md5_add(sj_hash_state *state, const void *bytes, size_t size)
{
    add(state, md5_compress, bytes, size);
}

void sj_md5_end(sj_hash_state *state, uint8_t out[SJ_MD5_SIZE])
{
    pad(state, md5_compress, 0);
    for (size_t i = 0; i < SJ_MD5_SIZE; i++)
        out[i] = (uint8_t)(state->words[i / 4] >> 8 * (i % 4));
}
