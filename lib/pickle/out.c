/* SPDX-License-Identifier: MIT
 *
 * Buffered text and the one place that decides what may be printed as it is.
 */
#include "pickle/out.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define FORMAT_SIZE 256

void sj_out_to_sink(sj_out *out, snapjar_sink *sink, char *buffer, size_t size, bool is_unicode, snapjar_error *err)
{
    *out = (sj_out){sink, buffer, 0, size, is_unicode, false, SNAPJAR_OK, err};
}

void sj_out_to_text(sj_out *out, char *text, size_t size, bool is_unicode)
{
    /* The last byte is for NUL. */
    *out = (sj_out){NULL, text, 0, size - 1, is_unicode, false, SNAPJAR_OK, NULL};
}

static void flush(sj_out *out)
{
    if (out->status == SNAPJAR_OK && out->used > 0)
        out->status = snapjar_sink_write(out->sink, out->data, out->used, out->err);
    out->used = 0;
}

void sj_out_bytes(sj_out *out, const char *bytes, size_t size)
{
    if (size > out->capacity - out->used && out->sink != NULL)
        flush(out);
    if (size > out->capacity - out->used && out->sink != NULL) {
        if (out->status == SNAPJAR_OK)
            out->status = snapjar_sink_write(out->sink, bytes, size, out->err);
        return;
    }
    if (size > out->capacity - out->used) {
        out->is_cut = true;
        size = out->capacity - out->used;
    }
    if (size > 0)
        memcpy(out->data + out->used, bytes, size);
    out->used += size;
}

void sj_out_text(sj_out *out, const char *text)
{
    sj_out_bytes(out, text, strlen(text));
}

void sj_out_repeat(sj_out *out, char character, uint64_t count)
{
    char piece[32];
    memset(piece, character, sizeof piece);
    for (; count > sizeof piece; count -= sizeof piece)
        sj_out_bytes(out, piece, sizeof piece);
    sj_out_bytes(out, piece, (size_t)count);
}

void sj_out_number(sj_out *out, uint64_t number)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    sj_out_bytes(out, digits + at, sizeof digits - at);
}

void sj_out_format(sj_out *out, const char *format, ...)
{
    char text[FORMAT_SIZE];
    va_list arguments;
    va_start(arguments, format);
    const int size = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (size > 0)
        sj_out_bytes(out, text, (size_t)size < sizeof text ? (size_t)size : sizeof text - 1);
}

size_t sj_out_end(sj_out *out)
{
    if (out->is_cut) {
        size_t end = out->capacity - 3;
        while (end > 0 && ((uint8_t)out->data[end] & 0xc0) == 0x80)
            end--;
        memcpy(out->data + end, "...", 3);
        out->used = end + 3;
    }
    out->data[out->used] = '\0';
    return out->used;
}

snapjar_status sj_out_finish(sj_out *out)
{
    flush(out);
    return out->status;
}

/* ---- characters ---- */

/** False for controls, marks that change the direction or hide text, surrogates and private characters. */
static bool is_plain(uint32_t point)
{
    static const uint32_t bad[][2] = {
        {0, 0x1f},        {0x7f, 0x9f},     {0xad, 0xad},     {0x61c, 0x61c},      {0x180e, 0x180e},
        {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f}, {0xd800, 0xf8ff},    {0xfe00, 0xfe0f},
        {0xfeff, 0xfeff}, {0xfff0, 0xfffb}, {0xfffe, 0xffff}, {0xe0000, 0x10ffff},
    };
    if (point >= ' ' && point < 0x7f)
        return true;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (point >= bad[i][0] && point <= bad[i][1])
            return false;
    }
    return point < 0x110000;
}

static void put_utf8(sj_out *out, uint32_t point)
{
    char text[4];
    size_t size = 0;
    if (point < 0x800) {
        text[size++] = (char)(0xc0 | point >> 6);
    } else if (point < 0x10000) {
        text[size++] = (char)(0xe0 | point >> 12);
        text[size++] = (char)(0x80 | (point >> 6 & 0x3f));
    } else {
        text[size++] = (char)(0xf0 | point >> 18);
        text[size++] = (char)(0x80 | (point >> 12 & 0x3f));
        text[size++] = (char)(0x80 | (point >> 6 & 0x3f));
    }
    text[size++] = (char)(0x80 | (point & 0x3f));
    sj_out_bytes(out, text, size);
}

void sj_out_point(sj_out *out, uint32_t point, char quote, bool is_byte)
{
    static const char escaped[] = "\n\r\t\\";
    static const char letters[] = "nrt\\";
    const char *place = point != 0 && point < 0x80 ? strchr(escaped, (int)point) : NULL;
    if (place != NULL || (quote != '\0' && point == (uint8_t)quote)) {
        const char text[2] = {'\\', place != NULL ? letters[place - escaped] : quote};
        sj_out_bytes(out, text, 2);
    } else if (point >= ' ' && point < 0x7f) {
        const char text = (char)point;
        sj_out_bytes(out, &text, 1);
    } else if (out->is_unicode && !is_byte && point >= 0x80 && is_plain(point)) {
        put_utf8(out, point);
    } else {
        sj_out_format(out, point < 0x100 ? "\\x%02x" : point < 0x10000 ? "\\u%04x" : "\\U%08x", point);
    }
}

uint32_t sj_read_point(const char *text, size_t size, size_t *at, bool *is_byte)
{
    const uint8_t *data = (const uint8_t *)text + *at;
    const uint8_t first = data[0];
    const size_t count = first < 0x80   ? 1
                         : first < 0xc2 ? 0
                         : first < 0xe0 ? 2
                         : first < 0xf0 ? 3
                         : first < 0xf5 ? 4
                                        : 0;
    uint32_t point = count > 1 ? first & (0x7fu >> count) : first;
    *is_byte = count == 0 || count > size - *at;
    for (size_t i = 1; i < count && !*is_byte; i++) {
        *is_byte = (data[i] & 0xc0) != 0x80;
        point = point << 6 | (data[i] & 0x3fu);
    }
    if ((count == 3 && point < 0x800) || (count == 4 && (point < 0x10000 || point > 0x10ffff)))
        *is_byte = true;
    *at += *is_byte ? 1 : count;
    return *is_byte ? first : point;
}

void sj_out_escaped(sj_out *out, const char *text, size_t size, size_t max)
{
    size_t at = 0;
    bool is_byte;
    for (size_t count = 0; at < size; count++) {
        if (count == max) {
            sj_out_text(out, "...");
            return;
        }
        const uint32_t point = sj_read_point(text, size, &at, &is_byte);
        sj_out_point(out, point, '\0', is_byte);
    }
}
