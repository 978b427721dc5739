/* SPDX-License-Identifier: MIT
 *
 * The four forms of text: checked piece by piece, decoded when whole. load_string, load_counted_binstring, load_unicode
 * and load_counted_binunicode of CPython's Modules/_pickle.c; PyBytes_DecodeEscape and
 * PyUnicode_DecodeRawUnicodeEscape.
 */
#include "pickle/canonical.h"

#include <string.h>

/** States. The first is where a text may end, but for a quoted one. */
enum {
    PLAIN,
    /** UTF-8: continuation bytes are due; the next must be from `low` to `high`. */
    CONTINUED,
    /** Quoted: the opening quote is due. */
    OPENING,
    /** Quoted: the byte before was the quote; if there is no further byte it closed the text. */
    CLOSED,
    AFTER_BACKSLASH,
    /** Hex digits are due. */
    DIGITS
};

void sj_text_check_begin(sj_text_check *check, sj_text_form form)
{
    memset(check, 0, sizeof *check);
    check->form = form;
    check->state = form == SJ_FORM_QUOTED ? OPENING : PLAIN;
}

/** -1 if it is no hex digit. */
static int hex_value(uint8_t byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    if (byte >= 'a' && byte <= 'f')
        return byte - 'a' + 10;
    return byte >= 'A' && byte <= 'F' ? byte - 'A' + 10 : -1;
}

/** RFC 3629, table of well-formed sequences, with lone surrogates (ED A0..BF) as Python's "surrogatepass" has them. */
static void add_utf8(sj_text_check *check, uint8_t byte)
{
    if (check->state == CONTINUED) {
        check->is_invalid |= byte < check->low || byte > check->high;
        check->low = 0x80;
        check->high = 0xbf;
        check->state = --check->digits_left == 0 ? PLAIN : CONTINUED;
        return;
    }
    if (byte < 0x80)
        return;
    check->is_invalid |= byte < 0xc2 || byte > 0xf4;
    check->digits_left = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    check->low = byte == 0xe0 ? 0xa0 : byte == 0xf0 ? 0x90 : 0x80;
    check->high = byte == 0xf4 ? 0x8f : 0xbf;
    check->state = CONTINUED;
}

static void add_quoted(sj_text_check *check, uint8_t byte)
{
    switch (check->state) {
    case OPENING:
        check->is_invalid |= byte != '\'' && byte != '"';
        check->quote = byte;
        check->state = PLAIN;
        return;
    case AFTER_BACKSLASH:
        /* Readers know more escapes than repr of Python 2 writes. */
        check->is_odd |= strchr("\\'\"nrtx", byte) == NULL || byte == 0;
        check->state = byte == 'x' ? DIGITS : PLAIN;
        check->digits_left = 2;
        check->value = 0;
        return;
    case DIGITS:
        check->is_invalid |= hex_value(byte) < 0;
        check->value = check->value * 16 + (uint32_t)(hex_value(byte) & 0xf);
        if (--check->digits_left > 0)
            return;
        check->has_high_bytes |= check->value >= 0x80;
        check->state = PLAIN;
        return;
    case CLOSED:
        /* The quote was inside after all, and not escaped. */
        check->is_odd = true;
        break;
    }
    check->is_odd |= byte < ' ' || byte >= 0x7f;
    check->has_high_bytes |= byte >= 0x80;
    check->state = byte == '\\' ? AFTER_BACKSLASH : byte == check->quote ? CLOSED : PLAIN;
}

/** What the raw-unicode-escape encoder escapes below U+0100: load_unicode's opposite in each version of CPython. */
static bool is_escaped_by_picklers(uint32_t value)
{
    return value >= 0x100 || value == '\\' || value == '\n' || value == '\r' || value == 0 || value == 0x1a;
}

static void add_escaped(sj_text_check *check, uint8_t byte)
{
    switch (check->state) {
    case AFTER_BACKSLASH:
        check->state = PLAIN;
        check->is_odd |= byte != 'u' && byte != 'U';
        if (byte != 'u' && byte != 'U')
            return;
        check->state = DIGITS;
        check->digits_left = byte == 'u' ? 4 : 8;
        check->value = 0;
        return;
    case DIGITS:
        check->is_invalid |= hex_value(byte) < 0;
        check->value = check->value * 16 + (uint32_t)(hex_value(byte) & 0xf);
        if (--check->digits_left > 0)
            return;
        check->is_invalid |= check->value > 0x10ffff;
        check->is_odd |= !is_escaped_by_picklers(check->value);
        check->state = PLAIN;
        return;
    }
    check->state = byte == '\\' ? AFTER_BACKSLASH : PLAIN;
}

void sj_text_check_add(sj_text_check *check, const uint8_t *data, size_t size)
{
    /* Most text is ASCII, and most of the rest begins so. */
    if (check->state == PLAIN && (check->form == SJ_FORM_UTF8 || check->form == SJ_FORM_BYTES)) {
        while (size >= 64 && sj_is_ascii(data, 64)) {
            data += 64;
            size -= 64;
        }
        if (size < 64 && sj_is_ascii(data, size))
            return;
    }
    switch (check->form) {
    case SJ_FORM_UTF8:
        for (size_t i = 0; i < size; i++)
            add_utf8(check, data[i]);
        return;
    case SJ_FORM_BYTES:
        check->has_high_bytes |= !sj_is_ascii(data, size);
        return;
    case SJ_FORM_QUOTED:
        for (size_t i = 0; i < size; i++)
            add_quoted(check, data[i]);
        return;
    case SJ_FORM_ESCAPED:
        for (size_t i = 0; i < size; i++)
            add_escaped(check, data[i]);
        return;
    }
}

void sj_text_check_end(sj_text_check *check)
{
    switch (check->form) {
    case SJ_FORM_UTF8:
    case SJ_FORM_BYTES:
        check->is_invalid |= check->state != PLAIN;
        return;
    case SJ_FORM_QUOTED:
        check->is_invalid |= check->state != CLOSED;
        return;
    case SJ_FORM_ESCAPED:
        check->is_invalid |= check->state == DIGITS;
        /* A last backslash stands for itself, and picklers escape it. */
        check->is_odd |= check->state == AFTER_BACKSLASH;
        return;
    }
}

/** Appends a code point; false if it does not fit. */
static bool put_utf8(uint8_t *out, size_t out_size, size_t *used, uint32_t value)
{
    uint8_t bytes[4];
    size_t count = 1;
    if (value < 0x80) {
        bytes[0] = (uint8_t)value;
    } else if (value < 0x800) {
        bytes[0] = (uint8_t)(0xc0 | value >> 6);
        bytes[1] = (uint8_t)(0x80 | (value & 0x3f));
        count = 2;
    } else if (value < 0x10000) {
        bytes[0] = (uint8_t)(0xe0 | value >> 12);
        bytes[1] = (uint8_t)(0x80 | (value >> 6 & 0x3f));
        bytes[2] = (uint8_t)(0x80 | (value & 0x3f));
        count = 3;
    } else {
        bytes[0] = (uint8_t)(0xf0 | value >> 18);
        bytes[1] = (uint8_t)(0x80 | (value >> 12 & 0x3f));
        bytes[2] = (uint8_t)(0x80 | (value >> 6 & 0x3f));
        bytes[3] = (uint8_t)(0x80 | (value & 0x3f));
        count = 4;
    }
    if (count > out_size - *used)
        return false;
    memcpy(out + *used, bytes, count);
    *used += count;
    return true;
}

static uint32_t read_hex(const uint8_t *data, size_t count)
{
    uint32_t value = 0;
    for (size_t i = 0; i < count; i++)
        value = value * 16 + (uint32_t)(hex_value(data[i]) & 0xf);
    return value;
}

/** One escape of a quoted text, after its backslash: the value, and how many bytes it takes; 0 for one to keep. */
static uint32_t read_quoted_escape(const uint8_t *data, size_t size, size_t *taken)
{
    static const char letters[] = "\\'\"nrtabfv";
    static const char values[] = "\\'\"\n\r\t\a\b\f\v";
    *taken = 1;
    if (data[0] == 'x') {
        *taken = 3;
        return read_hex(data + 1, size > 2 ? 2 : 0);
    }
    const char *letter = data[0] != 0 ? strchr(letters, data[0]) : NULL;
    if (letter != NULL)
        return (uint8_t)values[letter - letters];
    uint32_t value = 0;
    size_t count = 0;
    for (; count < 3 && count < size && data[count] >= '0' && data[count] <= '7'; count++)
        value = value * 8 + (uint32_t)(data[count] - '0');
    *taken = count;
    return value & 0xff;
}

static bool decode_quoted(const uint8_t *data, size_t size, uint8_t *out, size_t out_size, size_t *used)
{
    const size_t end = size - 1;
    for (size_t i = 1; i < end;) {
        uint32_t value = data[i++];
        if (value == '\\' && i < end) {
            size_t taken;
            const uint32_t escaped = read_quoted_escape(data + i, end - i, &taken);
            value = taken > 0 ? escaped : value;
            i += taken;
        }
        if (!put_utf8(out, out_size, used, value))
            return false;
    }
    return true;
}

static bool decode_escaped(const uint8_t *data, size_t size, uint8_t *out, size_t out_size, size_t *used)
{
    for (size_t i = 0; i < size;) {
        uint32_t value = data[i++];
        if (value == '\\' && i < size) {
            const size_t count = data[i] == 'u' ? 4 : data[i] == 'U' ? 8 : 0;
            if (count > 0) {
                value = read_hex(data + i + 1, count);
                i += 1 + count;
            } else {
                if (!put_utf8(out, out_size, used, value))
                    return false;
                value = data[i++];
            }
        }
        if (!put_utf8(out, out_size, used, value))
            return false;
    }
    return true;
}

bool sj_text_decode(sj_text_form form, const uint8_t *data, size_t size, uint8_t *out, size_t out_size,
                    size_t *decoded_size)
{
    *decoded_size = 0;
    switch (form) {
    case SJ_FORM_UTF8:
        if (size > out_size)
            return false;
        if (size > 0)
            memcpy(out, data, size);
        *decoded_size = size;
        return true;
    case SJ_FORM_BYTES:
        for (size_t i = 0; i < size; i++) {
            if (!put_utf8(out, out_size, decoded_size, data[i]))
                return false;
        }
        return true;
    case SJ_FORM_QUOTED:
        return decode_quoted(data, size, out, out_size, decoded_size);
    case SJ_FORM_ESCAPED:
        return decode_escaped(data, size, out, out_size, decoded_size);
    }
    return false;
}
