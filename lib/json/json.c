/* SPDX-License-Identifier: MIT
 *
 * jansson, made strict, with offsets.
 */
#include "json/json.h"

#include <inttypes.h>
#include <string.h>

#include <jansson.h>

#include "json/scan.h"

static json_t *inner(const sj_json *value)
{
    return (json_t *)(uintptr_t)value;
}

static sj_json *outer(const json_t *value)
{
    return (sj_json *)(uintptr_t)value;
}

static snapjar_status raise_parse(const json_error_t *fault, const char *text, size_t size, sj_where where,
                                  snapjar_error *err)
{
    uint64_t base = where.offset;
    size_t position = fault->position < 0 ? 0 : (size_t)fault->position < size ? (size_t)fault->position : size;

    switch (json_error_code(fault)) {
    case json_error_out_of_memory:
        return sj_raise_no_memory(err, size);
    case json_error_duplicate_key:
        where.offset = base + sj_json_string_start(text, position);
        return sj_raise(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_JSON_DUPLICATE_KEY, where,
                        "a key stands twice in one object");
    case json_error_numeric_overflow:
        where.offset = base + sj_json_number_start(text, position);
        return sj_raise(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_JSON_NUMBER_RANGE, where,
                        "a number does not fit 64 bits signed, or a double");
    case json_error_invalid_utf8:
        where.offset = base + sj_json_bad_utf8(text, size);
        return sj_raise(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_JSON_ENCODING, where, "the text is not UTF-8");
    default:
        break;
    }
    where.offset = base + sj_json_bad_syntax(text, size);
    if (where.offset == base + size && position < size)
        where.offset = base + position;
    return sj_raise(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_JSON_SYNTAX, where, "the text is not JSON at this byte");
}

snapjar_status sj_json_parse(sj_json **root, const char *text, size_t size, size_t depth_max, snapjar_space space,
                             uint64_t base, snapjar_error *err)
{
    json_error_t fault;
    size_t beyond_at = 0;
    sj_where where = {space, base};

    *root = NULL;
    /* jansson 2.14 passes over a NUL behind a number or a word. */
    const char *nul = memchr(text, '\0', size);
    if (nul) {
        where.offset = base + (size_t)(nul - text);
        return sj_raise(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_JSON_SYNTAX, where, "a NUL stands in the text");
    }
    size_t depth = sj_json_depth(text, size, depth_max, &beyond_at);
    if (depth > depth_max) {
        where.offset = base + beyond_at;
        return sj_raise(err, SNAPJAR_LIMIT, SNAPJAR_DIAG_JSON_TOO_DEEP, where,
                        "JSON nested %zu levels deep exceeds the limit of %zu", depth, depth_max);
    }
    json_t *value = json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &fault);
    if (!value)
        return raise_parse(&fault, text, size, where, err);
    if (!json_is_object(value)) {
        json_decref(value);
        where.offset = base + strspn(text, " \t\r\n");
        return sj_raise(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_JSON_NOT_OBJECT, where, "the JSON is not an object");
    }
    *root = outer(value);
    return SNAPJAR_OK;
}

void sj_json_free(sj_json *value)
{
    json_decref(inner(value));
}

sj_json *sj_json_ref(sj_json *value)
{
    return outer(json_incref(inner(value)));
}

sj_json_type sj_json_type_of(const sj_json *value)
{
    switch (json_typeof(inner(value))) {
    case JSON_OBJECT:
        return SJ_JSON_OBJECT;
    case JSON_ARRAY:
        return SJ_JSON_ARRAY;
    case JSON_STRING:
        return SJ_JSON_STRING;
    case JSON_INTEGER:
        return SJ_JSON_INTEGER;
    case JSON_REAL:
        return SJ_JSON_REAL;
    case JSON_TRUE:
    case JSON_FALSE:
        return SJ_JSON_BOOLEAN;
    case JSON_NULL:
        break;
    }
    return SJ_JSON_NULL;
}

const char *sj_json_type_name(sj_json_type type)
{
    static const char *const names[] = {"an object",     "an array",  "a string", "an integer",
                                        "a real number", "a boolean", "null"};
    return names[type];
}

const sj_json *sj_json_get(const sj_json *object, const char *key)
{
    return outer(json_object_get(inner(object), key));
}

size_t sj_json_count(const sj_json *object_or_array)
{
    const json_t *value = inner(object_or_array);
    return json_is_array(value) ? json_array_size(value) : json_object_size(value);
}

const sj_json *sj_json_at(const sj_json *array, size_t index)
{
    return outer(json_array_get(inner(array), index));
}

void *sj_json_first(const sj_json *object)
{
    return json_object_iter(inner(object));
}

void *sj_json_next(const sj_json *object, void *iterator)
{
    return json_object_iter_next(inner(object), iterator);
}

const char *sj_json_key(void *iterator)
{
    return json_object_iter_key(iterator);
}

const sj_json *sj_json_member(void *iterator)
{
    return outer(json_object_iter_value(iterator));
}

snapjar_text sj_json_string(const sj_json *string)
{
    return (snapjar_text){json_string_value(inner(string)), json_string_length(inner(string))};
}

int64_t sj_json_integer(const sj_json *integer)
{
    return (int64_t)json_integer_value(inner(integer));
}

double sj_json_real(const sj_json *real)
{
    return json_real_value(inner(real));
}

bool sj_json_is_equal(const sj_json *a, const sj_json *b)
{
    return json_equal((json_t *)(uintptr_t)a, (json_t *)(uintptr_t)b) == 1;
}

bool sj_json_is_true(const sj_json *value)
{
    return json_is_true(inner(value));
}

static char *dump(const sj_json *value, size_t flags, size_t *size)
{
    char *text = json_dumps(inner(value), flags | JSON_ENCODE_ANY);

    *size = text ? strlen(text) : 0;
    return text;
}

char *sj_json_dump(const sj_json *value, size_t *size)
{
    return dump(value, JSON_COMPACT, size);
}

char *sj_json_dump_lines(const sj_json *value, size_t *size)
{
    return dump(value, JSON_INDENT(2), size);
}

void sj_json_free_text(char *text)
{
    json_malloc_t allocate = NULL;
    json_free_t release = NULL;

    /* jansson's own pair, in case the program has set another. */
    json_get_alloc_funcs(&allocate, &release);
    release(text);
}
