/* SPDX-License-Identifier: MIT
 *
 * The text that key files and detached seals are: lines of a word, a space and a value, in one order, with nothing else
 * between them. Whatever is not exactly so is refused at its byte.
 */
#ifndef SJ_SEAL_LINES_H
#define SJ_SEAL_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

/** Where the reading of a text is. */
typedef struct sj_lines {
    const char *text;
    size_t size;
    size_t at;
    /** What a text that is refused is called. */
    snapjar_diagnostic diagnostic;
    snapjar_error *err;
} sj_lines;

/** A value, or a part of one; not ended by NUL. */
typedef struct sj_line_value {
    const char *text;
    size_t size;
    /** Where it stands. */
    size_t at;
} sj_line_value;

/** Raises the text's diagnostic, as damage at `at`. */
snapjar_status sj_lines_refuse(const sj_lines *lines, size_t at, const char *what);

/** Reads a line "WORD VALUE"; false, without moving, if the next line is no such one. */
bool sj_lines_next(sj_lines *lines, const char *word, sj_line_value *value);

/** The same where the line must be there. */
snapjar_status sj_lines_want(sj_lines *lines, const char *word, sj_line_value *value);

/** Reads a line whose value is `size` bytes as lower-case hex digits. */
snapjar_status sj_lines_want_hex(sj_lines *lines, const char *word, uint8_t *out, size_t size);

/** Whether the value is this text. */
bool sj_line_is(const sj_line_value *value, const char *text);

/**
 * Takes what stands before the next space, or all that is left, off the front of a value, which then begins behind the
 * space. Nothing is left: an empty part.
 */
sj_line_value sj_line_part(sj_line_value *value);

/** The value as a decimal number above 0 without leading zeros, of at most 18 digits; false if it is none. */
bool sj_line_number(const sj_line_value *value, uint64_t *number);

#endif
