/* SPDX-License-Identifier: MIT
 *
 * The short way through the part of a header that every record has anew, both ways. Used by header/ only.
 */
#ifndef SJ_HEADER_VARYING_H
#define SJ_HEADER_VARYING_H

#include "header/header.h"

/**
 * Reads the text from `,"created":` on if it is, byte for byte, of the form that writers of this format use: the keys
 * in their order, no white space, no escapes, no unknown keys, no buffers. Then all its rules are checked and the
 * header's fields are set. False, with nothing decided, for anything else: the caller parses it as JSON.
 */
bool sj_varying_read(snapjar_header *header, size_t split);

/** Longer than any text of sj_varying_write without buffers, and than what each of them adds. */
#define SJ_VARYING_SIZE_MAX ((size_t)768)
#define SJ_VARYING_SPAN_SIZE_MAX ((size_t)64)

/**
 * Writes that text, from `,"created":` to the last brace, without a NUL, and returns its size. `created` is a time that
 * sj_is_time knows. `start` has room for SJ_VARYING_SIZE_MAX and SJ_VARYING_SPAN_SIZE_MAX for each buffer.
 */
size_t sj_varying_write(char *start, const char *created, const sj_header_plan *plan);

#endif
