/* SPDX-License-Identifier: MIT
 *
 * Lines of a word and a value.
 */
#include "seal/lines.h"

#include <stdio.h>
#include <string.h>

#include "seal/key.h"

#define DIGITS_MAX 18

snapjar_status sj_lines_refuse(const sj_lines *lines, size_t at, const char *what)
{
    return sj_raise(lines->err, SNAPJAR_DAMAGED, lines->diagnostic, SJ_AT_FILE(at), "%s", what);
}

bool sj_lines_next(sj_lines *lines, const char *word, sj_line_value *value)
{
    const char *start = lines->text + lines->at;
    size_t left = lines->size - lines->at;
    size_t word_size = strlen(word);
    const char *end = memchr(start, '\n', left);

    if (!end || (size_t)(end - start) < word_size + 1 || memcmp(start, word, word_size) != 0 || start[word_size] != ' ')
        return false;
    *value = (sj_line_value){start + word_size + 1, (size_t)(end - start) - word_size - 1, lines->at + word_size + 1};
    lines->at += (size_t)(end - start) + 1;
    return true;
}

snapjar_status sj_lines_want(sj_lines *lines, const char *word, sj_line_value *value)
{
    char what[80];

    if (sj_lines_next(lines, word, value))
        return SNAPJAR_OK;
    (void)snprintf(what, sizeof(what), "a line \"%s ...\" must stand here", word);
    return sj_lines_refuse(lines, lines->at, what);
}

snapjar_status sj_lines_want_hex(sj_lines *lines, const char *word, uint8_t *out, size_t size)
{
    sj_line_value value = {NULL, 0, 0};
    char what[80];

    SJ_TRY(sj_lines_want(lines, word, &value));
    if (sj_hex_read(out, size, value.text, value.size))
        return SNAPJAR_OK;
    (void)snprintf(what, sizeof(what), "the value of \"%s\" must be %zu lower-case hex digits", word, 2 * size);
    return sj_lines_refuse(lines, value.at, what);
}

bool sj_line_is(const sj_line_value *value, const char *text)
{
    return value->size == strlen(text) && !memcmp(value->text, text, value->size);
}

sj_line_value sj_line_part(sj_line_value *value)
{
    const char *space = value->size ? memchr(value->text, ' ', value->size) : NULL;
    size_t size = space ? (size_t)(space - value->text) : value->size;
    size_t taken = space ? size + 1 : size;
    sj_line_value part = {value->text, size, value->at};

    *value = (sj_line_value){value->text + taken, value->size - taken, value->at + taken};
    return part;
}

bool sj_line_number(const sj_line_value *value, uint64_t *number)
{
    *number = 0;
    if (!value->size || value->size > DIGITS_MAX || value->text[0] == '0')
        return false;
    for (size_t i = 0; i < value->size; i++) {
        if (value->text[i] < '0' || value->text[i] > '9')
            return false;
        *number = *number * 10 + (uint64_t)(value->text[i] - '0');
    }
    return true;
}
