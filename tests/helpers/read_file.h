/* SPDX-License-Identifier: MIT
 *
 * A whole file in memory.
 */
#ifndef TEST_READ_FILE_H
#define TEST_READ_FILE_H

#include <stdio.h>
#include <stdlib.h>

/** Its bytes, to be freed, and their number; NULL if it cannot be read. */
static inline unsigned char *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return NULL;
    unsigned char *bytes = NULL;
    if (fseek(file, 0, SEEK_END) == 0) {
        long end = ftell(file);
        rewind(file);
        bytes = end >= 0 ? malloc((size_t)end + 1) : NULL;
        *size = bytes != NULL ? fread(bytes, 1, (size_t)end, file) : 0;
    }
    fclose(file);
    return bytes;
}

#endif
