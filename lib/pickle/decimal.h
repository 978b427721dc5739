/* SPDX-License-Identifier: MIT
 *
 * Numbers of any size between decimal text and pickle's bytes (two's complement, little-endian), and doubles between
 * text and bits, whatever the program's locale is. Quadratic in the number of digits, which SJ_DIGITS_MAX bounds.
 */
#ifndef SJ_PICKLE_DECIMAL_H
#define SJ_PICKLE_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Most bytes that a number of SJ_DIGITS_MAX digits has; bytes beyond make more digits. */
#define SJ_DECIMAL_BYTES_MAX 1787
/** Room for its text: a sign, digits, a NUL. */
#define SJ_DECIMAL_TEXT_SIZE 4320

/** "-12" (canonical, at most SJ_DIGITS_MAX digits) to the fewest bytes. `out` has room for SJ_DECIMAL_BYTES_MAX. */
size_t sj_decimal_to_bytes(const uint8_t *text, size_t size, uint8_t *out);

/** Bytes (any number of them) to "-12" and a NUL; false if it has more than SJ_DIGITS_MAX digits. */
bool sj_decimal_from_bytes(const uint8_t *bytes, size_t size, char out[SJ_DECIMAL_TEXT_SIZE], size_t *out_size);

/** Bytes as int64_t; false if the number does not fit. */
bool sj_decimal_small(const uint8_t *bytes, size_t size, int64_t *value);

/** A canonical FLOAT argument to the bits of the double that CPython reads. */
uint64_t sj_double_parse(const uint8_t *text, size_t size);

/** The shortest text of up to 17 digits that reads as this double: "1.0", "1e+300", "inf", "-nan". At most 31 bytes. */
size_t sj_double_format(uint64_t bits, char out[32]);

#endif
