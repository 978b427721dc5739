/* SPDX-License-Identifier: MIT
 *
 * Integers in bytes, read and written one byte at a time in the stated order, and arithmetic that cannot wrap.
 */
#ifndef SJ_UTIL_BYTES_H
#define SJ_UTIL_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline uint16_t sj_read_le16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t sj_read_le24(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16;
}

static inline uint32_t sj_read_le32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline uint64_t sj_read_le64(const uint8_t *p)
{
    return (uint64_t)sj_read_le32(p) | (uint64_t)sj_read_le32(p + 4) << 32;
}

static inline void sj_write_le16(uint8_t *p, uint16_t value)
{
    p[0] = (uint8_t)value;
    p[1] = (uint8_t)(value >> 8);
}

static inline void sj_write_le24(uint8_t *p, uint32_t value)
{
    p[0] = (uint8_t)value;
    p[1] = (uint8_t)(value >> 8);
    p[2] = (uint8_t)(value >> 16);
}

static inline void sj_write_le32(uint8_t *p, uint32_t value)
{
    sj_write_le16(p, (uint16_t)value);
    sj_write_le16(p + 2, (uint16_t)(value >> 16));
}

static inline void sj_write_le64(uint8_t *p, uint64_t value)
{
    sj_write_le32(p, (uint32_t)value);
    sj_write_le32(p + 4, (uint32_t)(value >> 32));
}

/** a + b into *sum; false if it does not fit. */
static inline bool sj_add(uint64_t a, uint64_t b, uint64_t *sum)
{
    return !__builtin_add_overflow(a, b, sum);
}

/** `value` rounded up to a multiple of `unit`, a power of two; `value` must be at most UINT64_MAX - unit + 1. */
static inline uint64_t sj_round_up(uint64_t value, uint64_t unit)
{
    return (value + unit - 1) & ~(unit - 1);
}

static inline uint64_t sj_min(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/** A field of 16 bytes as 32 lower-case hex digits and a NUL. */
void sj_hex16(char out[33], const uint8_t bytes[16]);

#endif
