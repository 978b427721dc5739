/* SPDX-License-Identifier: MIT
 *
 * A walk over JSON text that knows the offset of everything. It decides nothing that jansson decides: it says where the
 * byte is that jansson refused, and where in a valid text a value stands. Used by json/; seal/ uses its check of UTF-8.
 */
#ifndef SJ_JSON_SCAN_H
#define SJ_JSON_SCAN_H

#include <snapjar/diagnostics.h>

#include <stdbool.h>
#include <stddef.h>

#define SJ_JSON_SCAN_DEPTH_MAX 1000

/** The deepest nesting of arrays and objects; `*beyond_at` is the offset of the bracket that first goes beyond `limit`.
 */
size_t sj_json_depth(const char *text, size_t size, size_t limit, size_t *beyond_at);

/** The offset of the first byte that is not UTF-8, or `size`. */
size_t sj_json_bad_utf8(const char *text, size_t size);

/** The offset of the first byte at which the text stops being JSON, or `size` if it is JSON; a cut text gives `size`
 * too. */
size_t sj_json_bad_syntax(const char *text, size_t size);

/** The start of the string, or of the number, that jansson had read when it stopped at `end`. */
size_t sj_json_string_start(const char *text, size_t end);
size_t sj_json_number_start(const char *text, size_t end);

#endif
