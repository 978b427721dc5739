/* SPDX-License-Identifier: MIT
 *
 * Prints what snapjar_pickle_measure says, one JSON object a line, for tests written in Python.
 *   measure FILE...         each file is one input
 *   measure --blobs FILE    the file holds inputs one after another, each after its size (u32, little-endian)
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <snapjar/pickle.h>

#include "read_file.h"

/** Measures a copy of its own size, so that a sanitizer sees a read past the end. */
static int report(const unsigned char *bytes, size_t size)
{
    snapjar_pickle_extent extent;
    snapjar_error err;
    unsigned char *copy = malloc(size > 0 ? size : 1);
    if (copy == NULL)
        return 2;
    if (size > 0)
        memcpy(copy, bytes, size);
    snapjar_status status = snapjar_pickle_measure(&extent, copy, size, NULL, &err);
    free(copy);
    if (status == SNAPJAR_OK)
        printf("{\"size\":%" PRIu64 ",\"opcode_count\":%" PRIu64 ",\"buffer_count\":%" PRIu64 ",\"protocol\":%d}\n",
               extent.size, extent.opcode_count, extent.buffer_count, extent.protocol);
    else
        printf("{\"status\":\"%s\",\"diagnostic\":\"%s\",\"offset\":%" PRIu64 "}\n", snapjar_status_name(status),
               snapjar_diagnostic_name(err.diagnostic), err.offset);
    return 0;
}

static int report_blobs(const unsigned char *bytes, size_t size)
{
    size_t at = 0;
    while (size - at >= 4) {
        size_t blob_size =
            (size_t)bytes[at] | (size_t)bytes[at + 1] << 8 | (size_t)bytes[at + 2] << 16 | (size_t)bytes[at + 3] << 24;
        at += 4;
        if (blob_size > size - at || report(bytes + at, blob_size) != 0)
            return 2;
        at += blob_size;
    }
    return at == size ? 0 : 2;
}

int main(int argument_count, char **arguments)
{
    int is_blobs = argument_count == 3 && strcmp(arguments[1], "--blobs") == 0;
    int result = argument_count < 2 ? 2 : 0;
    for (int i = is_blobs ? 2 : 1; i < argument_count && result == 0; i++) {
        size_t size = 0;
        unsigned char *bytes = read_file(arguments[i], &size);
        if (bytes == NULL) {
            perror(arguments[i]);
            return 2;
        }
        result = is_blobs ? report_blobs(bytes, size) : report(bytes, size);
        free(bytes);
    }
    return result;
}
