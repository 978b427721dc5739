/* SPDX-License-Identifier: MIT
 *
 * zlib's sums. It takes an unsigned int for the size.
 */
#include "codec/sum.h"

#include <zlib.h>

#define STEP_MAX ((size_t)1 << 30)

typedef uLong sum_function(uLong sum, const Bytef *bytes, uInt size);

static uint32_t add(sum_function *function, uint32_t sum, const uint8_t *bytes, size_t size)
{
    while (size > 0) {
        const size_t step = size < STEP_MAX ? size : STEP_MAX;
        sum = (uint32_t)function(sum, bytes, (uInt)step);
        bytes += step;
        size -= step;
    }
    return sum;
}

uint32_t sj_crc32(uint32_t sum, const void *bytes, size_t size)
{
    return add(crc32, sum, bytes, size);
}

uint32_t sj_adler32(uint32_t sum, const void *bytes, size_t size)
{
    return add(adler32, sum, bytes, size);
}
