/* SPDX-License-Identifier: MIT
 *
 * Numbers as picklers write them in text and in bytes: integers of any size, and floats in the fewest digits that read
 * back to the same bits, as Python's repr. Independent of the locale; never allocates.
 */
#ifndef SJ_PICKLE_DECIMAL_H
#define SJ_PICKLE_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Integers of more bytes than this are not converted: it takes the square of the size. 4,312 digits at most. */
#define SJ_DECIMAL_BYTES_MAX 1790
/** Sign, digits and NUL. */
#define SJ_DECIMAL_TEXT_SIZE 4352

/**
 * The decimal digits of a two's complement little-endian integer (LONG1, LONG4; no bytes: 0), with a NUL behind them.
 * False if it has more than SJ_DECIMAL_BYTES_MAX bytes.
 */
bool sj_decimal_from_bytes(const uint8_t *data, size_t size, char text[SJ_DECIMAL_TEXT_SIZE], size_t *text_size);

/**
 * The reverse, of "-12" (digits only behind the sign): as few bytes as LONG1 takes, none for 0. False if the text is
 * not of that form or needs more than SJ_DECIMAL_BYTES_MAX bytes.
 */
bool sj_decimal_to_bytes(const char *text, size_t text_size, uint8_t data[SJ_DECIMAL_BYTES_MAX], size_t *size);

#define SJ_DOUBLE_TEXT_SIZE 32

/** As Python's repr of a float: "0.1", "1e+100", "-0.0", "inf", "nan". With a NUL; returns the size without it. */
size_t sj_double_format(uint64_t bits, char text[SJ_DOUBLE_TEXT_SIZE]);

/** The bits of the double nearest to a number in a form that sj_is_canonical_float accepts; false of any other. */
bool sj_double_parse(const char *text, size_t size, uint64_t *bits);

#endif
