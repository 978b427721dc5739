/* SPDX-License-Identifier: MIT
 *
 * Growing text, escaping, wrapping.
 */
#include "text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Set once at the start, before any thread is made. */
static bool locale_is_utf8;

void text_use_utf8(bool use)
{
    locale_is_utf8 = use;
}

bool text_speaks_utf8(void)
{
    return locale_is_utf8;
}

static void *or_die(void *pointer)
{
    if (!pointer) {
        fputs("snapjar: memory could not be allocated [out-of-memory]\n", stderr);
        exit(2);
    }
    return pointer;
}

void *memory_get(size_t size)
{
    return or_die(calloc(1, size ? size : 1));
}

void *memory_resize(void *pointer, size_t size)
{
    return or_die(realloc(pointer, size ? size : 1));
}

char *memory_string(const char *string)
{
    size_t size = strlen(string) + 1;
    return memcpy(memory_get(size), string, size);
}

void text_free(struct text *text)
{
    free(text->data);
    *text = (struct text){0};
}

void text_clear(struct text *text)
{
    text->size = 0;
    if (text->data)
        text->data[0] = '\0';
}

char *text_reserve(struct text *text, size_t size)
{
    if (text->capacity - text->size <= size) {
        size_t capacity = text->capacity ? text->capacity : 256;
        while (capacity - text->size <= size)
            capacity *= 2;
        text->data = memory_resize(text->data, capacity);
        text->capacity = capacity;
    }
    return text->data + text->size;
}

void text_grown(struct text *text, size_t size)
{
    text->size += size;
    text->data[text->size] = '\0';
}

void text_add(struct text *text, const char *bytes, size_t size)
{
    if (size)
        memcpy(text_reserve(text, size), bytes, size);
    else
        (void)text_reserve(text, 0);
    text_grown(text, size);
}

void text_puts(struct text *text, const char *string)
{
    text_add(text, string, strlen(string));
}

void text_putc(struct text *text, char c)
{
    *text_reserve(text, 1) = c;
    text_grown(text, 1);
}

void text_repeat(struct text *text, char c, size_t count)
{
    memset(text_reserve(text, count), c, count);
    text_grown(text, count);
}

void text_printf(struct text *text, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    int size = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (size < 0)
        return;
    char *to = text_reserve(text, (size_t)size);
    va_start(arguments, format);
    vsnprintf(to, (size_t)size + 1, format, arguments);
    va_end(arguments);
    text_grown(text, (size_t)size);
}

void text_number(struct text *text, uint64_t number)
{
    char digits[20];
    size_t used = sizeof(digits);

    do {
        digits[--used] = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    text_add(text, digits + used, sizeof(digits) - used);
}

const char *text_string(const struct text *text)
{
    return text->data ? text->data : "";
}

size_t text_decode(uint32_t *character, const char *bytes, size_t size)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (!size)
        return 0;
    uint32_t first = (unsigned char)bytes[0];
    size_t length = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (length == 1) {
        *character = first;
        return 1;
    }
    if (first < 0xc2 || first > 0xf4 || size < length)
        return 0;
    uint32_t value = first & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        uint32_t next = (unsigned char)bytes[i];
        if ((next & 0xc0) != 0x80)
            return 0;
        value = value << 6 | (next & 0x3f);
    }
    if (value < least[length] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
        return 0;
    *character = value;
    return length;
}

bool text_is_plain(uint32_t character)
{
    static const struct {
        uint32_t first;
        uint32_t last;
    } bad[] = {
        {0, 0x1f},        {0x7f, 0x9f},     {0xad, 0xad},     {0x61c, 0x61c},      {0x180e, 0x180e},
        {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f}, {0xd800, 0xf8ff},    {0xfe00, 0xfe0f},
        {0xfeff, 0xfeff}, {0xfff0, 0xfffb}, {0xfffe, 0xffff}, {0xe0000, 0x10ffff},
    };
    if (character >= 0x20 && character < 0x7f)
        return true;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (character >= bad[i].first && character <= bad[i].last)
            return false;
    }
    return true;
}

bool text_is_utf8(const char *bytes, size_t size)
{
    uint32_t character;

    for (size_t done = 0; done < size;) {
        size_t length = text_decode(&character, bytes + done, size - done);
        if (!length)
            return false;
        done += length;
    }
    return true;
}

static void escape_one(struct text *text, const char *bytes, size_t length, uint32_t character)
{
    switch (length ? character : 0x80) {
    case '\n':
        text_puts(text, "\\n");
        return;
    case '\r':
        text_puts(text, "\\r");
        return;
    case '\t':
        text_puts(text, "\\t");
        return;
    case '\\':
        text_puts(text, "\\\\");
        return;
    default:
        break;
    }
    if (length <= 1)
        text_printf(text, "\\x%02x", (unsigned)(unsigned char)bytes[0]);
    else if (character > 0xffff)
        text_printf(text, "\\U%08" PRIx32, character);
    else
        text_printf(text, "\\u%04" PRIx32, character);
}

void text_escape(struct text *text, const char *bytes, size_t size)
{
    size_t plain = 0; /* bytes from here on are plain and not yet added */

    for (size_t done = 0; done < size;) {
        uint32_t character = 0;
        size_t length = text_decode(&character, bytes + done, size - done);
        if (length && character != '\\' && text_is_plain(character) && (length == 1 || locale_is_utf8)) {
            done += length;
            continue;
        }
        text_add(text, bytes + plain, done - plain);
        escape_one(text, bytes + done, length, character);
        done += length ? length : 1;
        plain = done;
    }
    text_add(text, bytes + plain, size - plain);
}

void text_escape_string(struct text *text, const char *string)
{
    text_escape(text, string, strlen(string));
}

void text_size(struct text *text, uint64_t size)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    size_t unit = 0;

    if (size < 1024) {
        text_number(text, size);
        text_puts(text, " B");
        return;
    }
    /* 1023.95 and more would be shown as 1024.0 of the unit. */
    double value = (double)size / 1024;
    while (value >= 1023.95 && unit + 1 < sizeof(units) / sizeof(units[0])) {
        value /= 1024;
        unit++;
    }
    text_printf(text, "%.1f %s", value, units[unit]);
}

void text_size_exact(struct text *text, uint64_t size)
{
    if (size >= 1024) {
        text_size(text, size);
        text_printf(text, " (%" PRIu64 " bytes)", size);
    } else {
        text_printf(text, "%" PRIu64 " byte%s", size, size == 1 ? "" : "s");
    }
}

void text_wrap(struct text *text, const char *paragraph, size_t column, size_t indent, size_t width)
{
    bool begun = false;

    for (const char *word = paragraph; *word;) {
        size_t length = strcspn(word, " \n");
        if (begun && column + 1 + length > width) {
            text_putc(text, '\n');
            text_repeat(text, ' ', indent);
            column = indent;
        } else if (begun) {
            text_putc(text, ' ');
            column++;
        }
        text_add(text, word, length);
        column += length;
        begun = begun || length;
        word += length;
        word += strspn(word, " \n");
    }
}
