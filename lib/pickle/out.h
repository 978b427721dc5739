/* SPDX-License-Identifier: MIT
 *
 * Text that show, diff and dis write: printable whatever is in the pickle, to a sink through a buffer or into a text of
 * fixed size. It remembers its first failure, so that callers need not look after every word.
 */
#ifndef SJ_PICKLE_OUT_H
#define SJ_PICKLE_OUT_H

#include <stdbool.h>
#include <stdint.h>

#include <snapjar/header.h>
#include <snapjar/io.h>

#include "util/error.h"

typedef struct sj_out {
    /** NULL: `data` is all there is. */
    snapjar_sink *sink;
    char *data;
    size_t used;
    size_t capacity;
    /** Printable characters beyond ASCII are written as UTF-8, not as escapes. */
    bool is_unicode;
    /** Text that did not fit was left out. */
    bool is_cut;
    snapjar_status status;
    snapjar_error *err;
} sj_out;

/** Writes through `buffer`, which is borrowed, to `sink`; failures go to `err`. */
void sj_out_to_sink(sj_out *out, snapjar_sink *sink, char *buffer, size_t size, bool is_unicode, snapjar_error *err);
/** Writes into `text` of at least 8 bytes, which ends with NUL after sj_out_end. */
void sj_out_to_text(sj_out *out, char *text, size_t size, bool is_unicode);

void sj_out_bytes(sj_out *out, const char *bytes, size_t size);
void sj_out_text(sj_out *out, const char *text);
void sj_out_repeat(sj_out *out, char character, uint64_t count);
void sj_out_number(sj_out *out, uint64_t number);
/** At most 255 bytes. */
void sj_out_format(sj_out *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** A code point as between quotes `quote` of a Python literal; one of bytes if `is_byte`. */
void sj_out_point(sj_out *out, uint32_t point, char quote, bool is_byte);
/** UTF-8 that may hold anything, as above without quotes; at most `max` code points, then "...". */
void sj_out_escaped(sj_out *out, const char *text, size_t size, size_t max);

/** Ends a text: one that was cut has "..." at its end. Returns its size. */
size_t sj_out_end(sj_out *out);
/** Hands on what is gathered to the sink. Returns the first failure. */
snapjar_status sj_out_finish(sj_out *out) __attribute__((warn_unused_result));

/** Takes one code point of UTF-8 (lone surrogates allowed) at `*at`; a byte that begins none comes as itself, and
 * `*is_byte` is true. */
uint32_t sj_read_point(const char *text, size_t size, size_t *at, bool *is_byte);

#endif
