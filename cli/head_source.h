/* SPDX-License-Identifier: MIT
 *
 * A source for reading headers only, of many small files: it reads at once as much as the header of the file before
 * had, which is mostly right, and nothing of a payload but what such a guess may reach into.
 */
#ifndef CLI_HEAD_SOURCE_H
#define CLI_HEAD_SOURCE_H

#include <snapjar/snapjar.h>

struct head_source {
    int fd;
    uint64_t file_size;
    /** The first bytes of the file, as far as they were read. */
    char *bytes;
    size_t filled;
    /** Bytes that were asked for without a gap, from the start on: the header. */
    size_t asked;
    /** How much to read at once. */
    size_t guess;
};

/** Memory of its own, to be freed with head_source_clear. Starts as zeros. */
void head_source_clear(struct head_source *head);

/** Makes a source of the open file, if it is a regular one; else `*source` is NULL and the result SNAPJAR_OK. */
snapjar_status head_source_open(struct head_source *head, snapjar_source **source, snapjar_context *context, int fd,
                                snapjar_error *err);

#endif
