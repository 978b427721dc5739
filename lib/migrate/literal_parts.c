/* SPDX-License-Identifier: MIT
 *
 * The JSON of a literal taken apart.
 */
#include "migrate/literal_parts.h"

#include <string.h>

#include "migrate/fields.h"
#include "pickle/canonical.h"

static const struct {
    const char *name;
    sj_literal_tag tag;
} tag_names[] = {
    {"$int", SJ_LITERAL_INT},
    {"$float", SJ_LITERAL_FLOAT},
    {"$complex", SJ_LITERAL_COMPLEX},
    {"$bytes", SJ_LITERAL_BYTES},
    {"$bytearray", SJ_LITERAL_BYTEARRAY},
    {"$global", SJ_LITERAL_GLOBAL},
    {"$tuple", SJ_LITERAL_TUPLE},
    {"$set", SJ_LITERAL_SET},
    {"$frozenset", SJ_LITERAL_FROZENSET},
    {"$dict", SJ_LITERAL_DICT},
    {"$call", SJ_LITERAL_CALL},
    {"$new", SJ_LITERAL_NEW},
};

static sj_literal_tag tag_of_object(const sj_json *json)
{
    const size_t count = sj_json_count(json);
    size_t dollar_count = 0;
    void *first = sj_json_first(json);
    for (void *i = first; i != NULL; i = sj_json_next(json, i))
        dollar_count += sj_json_key(i)[0] == '$';
    if (dollar_count == 0)
        return SJ_LITERAL_OBJECT;
    if (count != 1)
        return SJ_LITERAL_INVALID;
    for (size_t i = 0; i < sizeof tag_names / sizeof *tag_names; i++) {
        if (strcmp(tag_names[i].name, sj_json_key(first)) == 0)
            return tag_names[i].tag;
    }
    return SJ_LITERAL_INVALID;
}

sj_literal_tag sj_literal_tag_of(const sj_json *json)
{
    switch (sj_json_type_of(json)) {
    case SJ_JSON_NULL:
        return SJ_LITERAL_NONE;
    case SJ_JSON_BOOLEAN:
        return SJ_LITERAL_BOOL;
    case SJ_JSON_INTEGER:
        return SJ_LITERAL_INT;
    case SJ_JSON_REAL:
        return SJ_LITERAL_FLOAT;
    case SJ_JSON_STRING:
        return SJ_LITERAL_STR;
    case SJ_JSON_ARRAY:
        return SJ_LITERAL_LIST;
    case SJ_JSON_OBJECT:
        break;
    }
    return tag_of_object(json);
}

const sj_json *sj_literal_tagged(const sj_json *json)
{
    if (sj_json_type_of(json) != SJ_JSON_OBJECT || sj_literal_tag_of(json) == SJ_LITERAL_OBJECT)
        return json;
    return sj_json_member(sj_json_first(json));
}

/* ---- numbers ---- */

bool sj_literal_int(const sj_json *json, uint8_t bytes[SJ_DECIMAL_BYTES_MAX], size_t *size)
{
    const sj_json *value = sj_literal_tagged(json);
    if (sj_json_type_of(json) != SJ_JSON_INTEGER) {
        if (sj_json_type_of(value) != SJ_JSON_STRING)
            return false;
        const snapjar_text text = sj_json_string(value);
        bool is_bool;
        return sj_is_canonical_int((const uint8_t *)text.data, text.size, &is_bool) && !is_bool &&
               sj_decimal_to_bytes(text.data, text.size, bytes, size);
    }
    const int64_t number = sj_json_integer(value);
    const uint64_t rest = (uint64_t)number;
    *size = 8;
    for (size_t i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(rest >> (8 * i));
    while (*size > 1 && ((bytes[*size - 1] == 0 && bytes[*size - 2] < 0x80) ||
                         (bytes[*size - 1] == 0xff && bytes[*size - 2] >= 0x80)))
        --*size;
    if (*size == 1 && bytes[0] == 0)
        *size = 0;
    return true;
}

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c != '\0' ? strchr(digits, c | 0x20) : NULL;
    return at != NULL ? (int)(at - digits) : -1;
}

/** As float.hex() of Python writes it: "-0x1.8p-3". Exact, or false. */
static bool parse_hex(snapjar_text text, uint64_t *bits)
{
    const char *at = text.data, *end = text.data + text.size;
    uint64_t mantissa = 0;
    int exponent = 0, written = 0;
    bool has_digits = false, is_fraction = false;
    const bool is_negative = at < end && *at == '-';
    at += is_negative;
    if (end - at < 3 || at[0] != '0' || (at[1] | 0x20) != 'x')
        return false;
    for (at += 2; at < end && (*at == '.' || hex_digit(*at) >= 0); at++) {
        if (*at == '.') {
            if (is_fraction)
                return false;
            is_fraction = true;
            continue;
        }
        if (mantissa >> 57 != 0)
            return false;
        mantissa = mantissa << 4 | (uint64_t)hex_digit(*at);
        exponent -= is_fraction ? 4 : 0;
        has_digits = true;
    }
    if (!has_digits || at == end || (*at | 0x20) != 'p')
        return false;
    at++;
    const bool is_small = at < end && *at == '-';
    at += at < end && (*at == '-' || *at == '+');
    if (at == end || end - at > 5)
        return false;
    for (; at < end; at++) {
        if (*at < '0' || *at > '9')
            return false;
        written = written * 10 + (*at - '0');
    }
    exponent += is_small ? -written : written;
    double value = (double)mantissa;
    if ((uint64_t)value != mantissa)
        return false;
    for (; exponent > 0 && value != 0 && value <= 1e308; exponent--)
        value *= 2;
    while (exponent < 0 && value != 0) {
        const double half = value / 2;
        if (half * 2 != value)
            return false;
        value = half;
        exponent++;
    }
    if (exponent > 0 && value != 0)
        return false;
    value = is_negative ? -value : value;
    memcpy(bits, &value, sizeof *bits);
    return true;
}

bool sj_literal_float(const sj_json *json, uint64_t *bits)
{
    const sj_json *value = sj_literal_tagged(json);
    if (sj_json_type_of(value) == SJ_JSON_REAL && value == json) {
        const double number = sj_json_real(value);
        memcpy(bits, &number, sizeof *bits);
        return true;
    }
    if (sj_json_type_of(value) != SJ_JSON_STRING)
        return false;
    const snapjar_text text = sj_json_string(value);
    if (parse_hex(text, bits))
        return true;
    return sj_is_canonical_float((const uint8_t *)text.data, text.size) && sj_double_parse(text.data, text.size, bits);
}

bool sj_literal_complex(const sj_json *json, uint64_t bits[2])
{
    const sj_json *value = sj_literal_tagged(json);
    if (sj_json_type_of(value) != SJ_JSON_ARRAY || sj_json_count(value) != 2)
        return false;
    for (size_t i = 0; i < 2; i++) {
        const sj_json *part = sj_json_at(value, i);
        const sj_literal_tag tag = sj_literal_tag_of(part);
        if (tag == SJ_LITERAL_INT && sj_json_type_of(part) == SJ_JSON_INTEGER) {
            const double number = (double)sj_json_integer(part);
            memcpy(&bits[i], &number, sizeof number);
        } else if (tag != SJ_LITERAL_FLOAT || !sj_literal_float(part, &bits[i])) {
            return false;
        }
    }
    return true;
}

/* ---- texts ---- */

static int base64_value(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c != '\0' ? strchr(digits, c) : NULL;
    return at != NULL ? (int)(at - digits) : -1;
}

bool sj_literal_base64(snapjar_text text, uint8_t *out, size_t out_size, size_t *size)
{
    *size = 0;
    if (text.size % 4 != 0)
        return false;
    for (size_t i = 0; i < text.size; i += 4) {
        uint32_t group = 0;
        size_t pad = 0;
        for (size_t j = 0; j < 4; j++) {
            const int value = base64_value(text.data[i + j]);
            const bool is_pad = text.data[i + j] == '=' && i + 4 == text.size && j >= 2;
            if ((value < 0 && !is_pad) || (value >= 0 && pad > 0))
                return false;
            pad += is_pad;
            group = group << 6 | (value >= 0 ? (uint32_t)value : 0);
        }
        /* What the padding cuts off must be zero: one text for each value. */
        if ((pad == 1 && (group & 0xff) != 0) || (pad == 2 && (group & 0xffff) != 0))
            return false;
        for (size_t j = 0; j < 3 - pad; j++, ++*size) {
            if (out != NULL && *size < out_size)
                out[*size] = (uint8_t)(group >> (16 - 8 * j));
        }
    }
    return true;
}

bool sj_literal_is_name(const sj_json *string)
{
    sj_class_name name;
    return sj_class_name_read(sj_json_string(string), &name) && sj_is_canonical_name(name.module) &&
           sj_is_canonical_name(name.name);
}

/* ---- parts ---- */

void sj_literal_parts_begin(sj_literal_parts *parts, const sj_json *json, sj_literal_tag tag)
{
    *parts = (sj_literal_parts){.tag = tag, .array = sj_literal_tagged(json)};
}

static const sj_json *next_member(sj_literal_parts *parts, snapjar_text *key)
{
    parts->iterator = parts->is_begun ? sj_json_next(parts->array, parts->iterator) : sj_json_first(parts->array);
    parts->is_begun = true;
    if (parts->iterator == NULL)
        return NULL;
    const char *text = sj_json_key(parts->iterator);
    *key = (snapjar_text){text, strlen(text)};
    return sj_json_member(parts->iterator);
}

const sj_json *sj_literal_parts_next(sj_literal_parts *parts, snapjar_text *key)
{
    const size_t index = parts->index++;
    switch (parts->tag) {
    case SJ_LITERAL_OBJECT:
        return next_member(parts, key);
    case SJ_LITERAL_DICT: {
        const sj_json *pair = index / 2 < sj_json_count(parts->array) ? sj_json_at(parts->array, index / 2) : NULL;
        return pair != NULL ? sj_json_at(pair, index % 2) : NULL;
    }
    case SJ_LITERAL_CALL:
    case SJ_LITERAL_NEW: {
        const sj_json *arguments = sj_json_at(parts->array, 1);
        const size_t count = sj_json_count(arguments);
        return index < count ? sj_json_at(arguments, index) : sj_json_at(parts->array, 2 + index - count);
    }
    default:
        return sj_json_at(parts->array, index);
    }
}

/* ---- names ---- */

void sj_literal_names_begin(sj_literal_names *walk, const sj_json *json)
{
    walk->depth = 0;
    walk->at = json;
}

bool sj_literal_names_next(sj_literal_names *walk, snapjar_text *name)
{
    while (walk->at != NULL) {
        const sj_json *at = walk->at;
        const sj_literal_tag tag = sj_literal_tag_of(at);
        snapjar_text key;
        if (sj_literal_has_parts(tag))
            sj_literal_parts_begin(&walk->frames[walk->depth++], at, tag);
        walk->at = NULL;
        while (walk->depth > 0 && (walk->at = sj_literal_parts_next(&walk->frames[walk->depth - 1], &key)) == NULL)
            walk->depth--;
        if (tag == SJ_LITERAL_GLOBAL) {
            *name = sj_json_string(sj_literal_tagged(at));
            return true;
        }
        if (tag == SJ_LITERAL_CALL || tag == SJ_LITERAL_NEW) {
            *name = sj_json_string(sj_json_at(sj_literal_tagged(at), 0));
            return true;
        }
    }
    return false;
}
