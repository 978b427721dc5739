/* SPDX-License-Identifier: MIT
 *
 * A text that grows.
 */
#include "util/string.h"

#include <stdio.h>
#include <string.h>

#define CAPACITY_MIN ((size_t)256)

void sj_string_put(sj_string *string, const char *bytes, size_t size)
{
    if (string->has_failed || size == 0)
        return;
    if (size > string->capacity - string->size) {
        size_t capacity = 2 * string->capacity + size + CAPACITY_MIN;
        char *data = sj_realloc(string->context, string->data, capacity);
        if (data == NULL) {
            string->has_failed = true;
            return;
        }
        string->data = data;
        string->capacity = capacity;
    }
    memcpy(string->data + string->size, bytes, size);
    string->size += size;
}

void sj_string_puts(sj_string *string, const char *words)
{
    sj_string_put(string, words, strlen(words));
}

void sj_string_put_quoted(sj_string *string, const char *bytes, size_t size)
{
    sj_string_puts(string, "\"");
    for (size_t i = 0; i < size; i++) {
        char escape[8];
        uint8_t c = (uint8_t)bytes[i];
        if (c == '"' || c == '\\')
            sj_string_puts(string, "\\");
        if (c >= 0x20)
            sj_string_put(string, bytes + i, 1);
        else
            sj_string_put(string, escape, (size_t)snprintf(escape, sizeof escape, "\\u%04x", c));
    }
    sj_string_puts(string, "\"");
}

snapjar_status sj_string_take(sj_string *string, char **text, snapjar_error *err)
{
    *text = NULL;
    sj_string_put(string, "", 1);
    if (string->has_failed) {
        sj_string_clear(string);
        return sj_raise_no_memory(err, CAPACITY_MIN);
    }
    *text = string->data;
    string->data = NULL;
    string->size = string->capacity = 0;
    return SNAPJAR_OK;
}

void sj_string_clear(sj_string *string)
{
    sj_free(string->context, string->data);
    string->data = NULL;
    string->size = string->capacity = 0;
    string->has_failed = false;
}
