/* SPDX-License-Identifier: MIT
 *
 * A text that grows, for JSON that is put together. A failure for want of memory is remembered, and asked for once.
 */
#ifndef SJ_UTIL_STRING_H
#define SJ_UTIL_STRING_H

#include "util/context.h"
#include "util/error.h"

typedef struct sj_string {
    snapjar_context *context;
    char *data;
    size_t size;
    size_t capacity;
    bool has_failed;
} sj_string;

void sj_string_put(sj_string *string, const char *bytes, size_t size);
void sj_string_puts(sj_string *string, const char *words);
/** A JSON string: quoted, and with those escapes that JSON demands (RFC 8259, section 7). */
void sj_string_put_quoted(sj_string *string, const char *bytes, size_t size);

/** Gives the text, ended by NUL, for sj_free; the string is empty afterwards. SNAPJAR_NO_MEMORY if anything failed. */
snapjar_status sj_string_take(sj_string *string, char **text, snapjar_error *err) __attribute__((warn_unused_result));

void sj_string_clear(sj_string *string);

#endif
