/* SPDX-License-Identifier: MIT
 *
 * JSON as headers and options use it: strict (no duplicate keys, no NUL, 64-bit integers, UTF-8, limited depth), with
 * the byte offset of whatever is wrong. A thin layer over jansson, which this folder alone includes. jansson takes its
 * memory from malloc: its allocator is global to the process, and a library must not set it.
 */
#ifndef SJ_JSON_H
#define SJ_JSON_H

#include <stdbool.h>

#include <snapjar/header.h>

#include "util/error.h"

/** A JSON value. Counted by reference: sj_json_free drops one. */
typedef struct sj_json sj_json;

typedef enum sj_json_type {
    SJ_JSON_OBJECT,
    SJ_JSON_ARRAY,
    SJ_JSON_STRING,
    SJ_JSON_INTEGER,
    SJ_JSON_REAL,
    SJ_JSON_BOOLEAN,
    SJ_JSON_NULL
} sj_json_type;

/**
 * Parses a whole text that must be one object. Errors have the offset `base` + the byte's place in the text, in
 * `space`: json-syntax, json-encoding, json-duplicate-key, json-number-range, json-too-deep, json-not-object (all
 * SNAPJAR_DAMAGED, the depth SNAPJAR_LIMIT).
 */
snapjar_status sj_json_parse(sj_json **root, const char *text, size_t size, size_t depth_max, snapjar_space space,
                             uint64_t base, snapjar_error *err);

void sj_json_free(sj_json *value);
sj_json *sj_json_ref(sj_json *value);

sj_json_type sj_json_type_of(const sj_json *value);
/** As "an object", "a string": for messages. Static. */
const char *sj_json_type_name(sj_json_type type);

/** A member (borrowed) or NULL. */
const sj_json *sj_json_get(const sj_json *object, const char *key);
size_t sj_json_count(const sj_json *object_or_array);
const sj_json *sj_json_at(const sj_json *array, size_t index);
/** Members in the order of the text: pass NULL first; NULL is the end. */
void *sj_json_first(const sj_json *object);
void *sj_json_next(const sj_json *object, void *iterator);
const char *sj_json_key(void *iterator);
const sj_json *sj_json_member(void *iterator);

/** The text of a string (borrowed). */
snapjar_text sj_json_string(const sj_json *string);
int64_t sj_json_integer(const sj_json *integer);
double sj_json_real(const sj_json *real);
bool sj_json_is_true(const sj_json *value);
/** The same type and value; objects in any order. */
bool sj_json_is_equal(const sj_json *a, const sj_json *b);

/** The value as compact JSON, for free() by sj_json_free_text; NULL without memory. */
char *sj_json_dump(const sj_json *value, size_t *size);
/** The same in lines, two columns for each level, members in the order of the text. */
char *sj_json_dump_lines(const sj_json *value, size_t *size);
void sj_json_free_text(char *text);

/** One step from a value to one inside it: a member by its key, or an array's element if `key` is NULL. */
typedef struct sj_json_step {
    const char *key;
    size_t index;
} sj_json_step;

#define SJ_JSON_PATH_DEPTH_MAX 6

typedef struct sj_json_path {
    sj_json_step steps[SJ_JSON_PATH_DEPTH_MAX];
    size_t depth;
} sj_json_path;

/** The offset in a valid text of the value at `path`, or of the innermost value around it that can be found. */
size_t sj_json_locate(const char *text, size_t size, const sj_json_path *path);
/** The same for a path of any depth. */
size_t sj_json_locate_steps(const char *text, size_t size, const sj_json_step *steps, size_t count);

#endif
