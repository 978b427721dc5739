/* SPDX-License-Identifier: MIT
 *
 * Writing JSON for machines: one object a line, UTF-8 only, and no character that could confuse a terminal. Every
 * object begins with "json_version", which grows when a key changes its meaning or goes; new keys may appear at any
 * time.
 */
#ifndef CLI_JSON_OUT_H
#define CLI_JSON_OUT_H

#include <snapjar/snapjar.h>

#include "text.h"

#define JSON_VERSION 1

/** Begins a line's object: {"json_version":1,"kind":KIND */
void json_begin(struct text *out, const char *kind);
/** Ends a line's object. */
void json_end(struct text *out);

/** Adds ,"key": (without the comma after an opening bracket). */
void json_key(struct text *out, const char *key);
void json_string(struct text *out, const char *key, const char *value);
void json_text(struct text *out, const char *key, snapjar_text value);
void json_number(struct text *out, const char *key, uint64_t value);
void json_bool(struct text *out, const char *key, bool value);
/** A file's name. One that is not UTF-8 is shown with U+FFFD, and exactly as hex digits in "KEY_hex". */
void json_file(struct text *out, const char *key, const char *name);
/** An error as an object, without a key and with one. */
void json_error_object(struct text *out, const snapjar_error *err);
void json_error(struct text *out, const char *key, const snapjar_error *err);

/** A quoted string; bytes that are not UTF-8 become U+FFFD. */
void json_quoted(struct text *out, const char *bytes, size_t size);

/** Adds JSON that is known to be valid: on one line, and special characters as \uNNNN. The value is the same. */
void json_embed(struct text *out, const char *json, size_t size);

/** True if `json` is one string, number, true, false or null and nothing else. */
bool json_is_scalar(const char *json);

#endif
