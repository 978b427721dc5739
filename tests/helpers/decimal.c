/* SPDX-License-Identifier: MIT
 *
 * Writes numbers for tests in Python. A line "f BITS" (16 hex digits) gives the float's text and the bits that it
 * reads back to; "i BYTES" (hex digits of a little-endian integer) its digits, and the bytes that they read back to.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "pickle/decimal.h"

static void convert_float(const char *line)
{
    char text[SJ_DOUBLE_TEXT_SIZE];
    uint64_t bits = 0;
    uint64_t back = 0;
    (void)sscanf(line, "%16" SCNx64, &bits);
    const size_t size = sj_double_format(bits, text);
    (void)sj_double_parse(text, size, &back);
    printf("%s %016" PRIx64 "\n", text, back);
}

static void convert_integer(const char *line)
{
    static char text[SJ_DECIMAL_TEXT_SIZE];
    static uint8_t data[SJ_DECIMAL_BYTES_MAX];
    size_t size = 0;
    size_t text_size;
    for (unsigned byte; size < sizeof data && sscanf(line + 2 * size, "%2x", &byte) == 1;)
        data[size++] = (uint8_t)byte;
    if (!sj_decimal_from_bytes(data, size, text, &text_size))
        return;
    printf("%s ", text);
    (void)sj_decimal_to_bytes(text, text_size, data, &size);
    for (size_t i = 0; i < size; i++)
        printf("%02x", data[i]);
    putchar('\n');
}

int main(void)
{
    static char line[2 * SJ_DECIMAL_BYTES_MAX + 16];
    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == 'f')
            convert_float(line + 2);
        else
            convert_integer(line + 2);
    }
    return 0;
}
