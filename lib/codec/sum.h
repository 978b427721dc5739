/* SPDX-License-Identifier: MIT
 *
 * The two sums that zlib has, of any number of bytes at a time. They find accidents in files of other programs.
 */
#ifndef SJ_SUM_H
#define SJ_SUM_H

#include <stddef.h>
#include <stdint.h>

/** Goes on from a sum; that of nothing is 0. */
uint32_t sj_crc32(uint32_t sum, const void *bytes, size_t size);
/** Goes on from a sum; that of nothing is 1. */
uint32_t sj_adler32(uint32_t sum, const void *bytes, size_t size);

#endif
