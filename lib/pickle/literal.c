/* SPDX-License-Identifier: MIT
 *
 * From the bytes of an argument to a Python literal.
 */
#include "pickle/literal.h"

#include <string.h>

#include "pickle/decimal.h"
#include "util/bytes.h"

bool sj_literal_is_text(uint8_t opcode)
{
    switch (opcode) {
    case SJ_OP_STRING:
    case SJ_OP_BINSTRING:
    case SJ_OP_SHORT_BINSTRING:
    case SJ_OP_UNICODE:
    case SJ_OP_BINUNICODE:
    case SJ_OP_SHORT_BINUNICODE:
    case SJ_OP_BINUNICODE8:
    case SJ_OP_BINBYTES:
    case SJ_OP_SHORT_BINBYTES:
    case SJ_OP_BINBYTES8:
    case SJ_OP_BYTEARRAY8:
        return true;
    }
    return false;
}

bool sj_literal_is_bytes(const sj_literal *literal)
{
    switch (literal->opcode) {
    case SJ_OP_BINBYTES:
    case SJ_OP_SHORT_BINBYTES:
    case SJ_OP_BINBYTES8:
    case SJ_OP_BYTEARRAY8:
        return true;
    case SJ_OP_STRING:
    case SJ_OP_BINSTRING:
    case SJ_OP_SHORT_BINSTRING:
        return literal->reads_bytes;
    }
    return false;
}

/** `count` hex digits at `at`; false if they are not there. */
static bool read_hex(const sj_literal *literal, size_t at, size_t count, uint32_t *value)
{
    *value = 0;
    if (at > literal->size || count > literal->size - at)
        return false;
    for (size_t i = 0; i < count; i++) {
        const uint8_t byte = literal->data[at + i];
        const uint8_t lower = byte | 0x20;
        if (byte >= '0' && byte <= '9')
            *value = *value << 4 | (uint32_t)(byte - '0');
        else if (lower >= 'a' && lower <= 'f')
            *value = *value << 4 | (uint32_t)(lower - 'a' + 10);
        else
            return false;
    }
    return true;
}

/** What stands behind a backslash of STRING at `*at`; the backslash itself if that is no escape. */
static uint32_t read_quoted_escape(const sj_literal *literal, size_t *at)
{
    static const char letters[] = "\\'\"nrtabfv";
    static const char values[] = "\\'\"\n\r\t\a\b\f\v";
    uint32_t value;
    const uint8_t byte = literal->data[*at];
    const char *letter = byte != 0 ? strchr(letters, byte) : NULL;
    if (letter != NULL) {
        (*at)++;
        return (uint8_t)values[letter - letters];
    }
    if (byte == 'x' && read_hex(literal, *at + 1, 2, &value)) {
        *at += 3;
        return value;
    }
    value = 0;
    size_t count = 0;
    while (count < 3 && *at < literal->size && literal->data[*at] >= '0' && literal->data[*at] <= '7') {
        value = value << 3 | (uint32_t)(literal->data[(*at)++] - '0');
        count++;
    }
    return count > 0 ? value & 0xff : '\\';
}

/** STRING: between its quotes. */
static bool next_quoted(const sj_literal *literal, size_t *at, uint32_t *point)
{
    if (*at == 0)
        *at = 1;
    /* The closing quote is there only if all of the argument is. */
    const size_t end = literal->size - (literal->size == literal->whole_size ? 1 : 0);
    if (*at >= end)
        return false;
    *point = literal->data[(*at)++];
    if (*point == '\\' && *at < end)
        *point = read_quoted_escape(literal, at);
    return true;
}

bool sj_literal_point(const sj_literal *literal, size_t *at, uint32_t *point, bool *is_byte)
{
    uint32_t value;
    *is_byte = sj_literal_is_bytes(literal);
    if (*at >= literal->size)
        return false;
    switch (literal->opcode) {
    case SJ_OP_STRING:
        return next_quoted(literal, at, point);
    case SJ_OP_UNICODE:
        *point = literal->data[(*at)++];
        if (*point == '\\' && *at < literal->size) {
            const uint8_t letter = literal->data[*at];
            const size_t count = letter == 'u' ? 4 : letter == 'U' ? 8 : 0;
            if (count > 0 && read_hex(literal, *at + 1, count, &value)) {
                *point = value;
                *at += 1 + count;
            }
        }
        return true;
    case SJ_OP_BINUNICODE:
    case SJ_OP_SHORT_BINUNICODE:
    case SJ_OP_BINUNICODE8:
        *point = sj_read_point((const char *)literal->data, literal->size, at, is_byte);
        return true;
    default:
        *point = literal->data[(*at)++];
        return true;
    }
}

static void write_text(sj_out *out, const sj_literal *literal, uint64_t text_max)
{
    size_t at = 0;
    uint32_t point;
    bool is_byte;
    uint64_t count = 0;
    const bool is_array = literal->opcode == SJ_OP_BYTEARRAY8;
    bool is_cut = literal->size < literal->whole_size;
    sj_out_text(out, is_array ? "bytearray(b'" : sj_literal_is_bytes(literal) ? "b'" : "'");
    while (!out->is_cut && sj_literal_point(literal, &at, &point, &is_byte)) {
        if (count++ == text_max) {
            is_cut = true;
            break;
        }
        sj_out_point(out, point, '\'', is_byte);
    }
    sj_out_text(out, "'");
    if (is_cut)
        sj_out_format(out, "... (%llu bytes)", (unsigned long long)literal->whole_size);
    sj_out_text(out, is_array ? ")" : "");
}

uint64_t sj_literal_unsigned(const sj_literal *literal)
{
    uint64_t value = 0;
    for (size_t i = literal->size < 8 ? literal->size : 8; i > 0; i--)
        value = value << 8 | literal->data[i - 1];
    return value;
}

/** LONG1, LONG4: decimal, or hexadecimal from where that would take long. */
static void write_long(sj_out *out, const sj_literal *literal, uint64_t text_max)
{
    char text[SJ_DECIMAL_TEXT_SIZE];
    size_t size;
    if (literal->size == literal->whole_size && sj_decimal_from_bytes(literal->data, literal->size, text, &size)) {
        sj_out_bytes(out, text, (size_t)sj_min(size, text_max));
        if (size > text_max)
            sj_out_format(out, "... (%zu characters)", size);
        return;
    }
    sj_out_format(out, "(integer of %llu bytes)", (unsigned long long)literal->whole_size);
}

static void write_double(sj_out *out, const sj_literal *literal)
{
    char text[SJ_DOUBLE_TEXT_SIZE];
    uint64_t bits = 0;
    for (size_t i = 0; i < 8 && i < literal->size; i++)
        bits = bits << 8 | literal->data[i];
    sj_out_bytes(out, text, sj_double_format(bits, text));
    /* Which of the many not-a-numbers. */
    if (strcmp(text, "nan") == 0 && bits != UINT64_C(0x7ff8000000000000))
        sj_out_format(out, " (bits 0x%016llx)", (unsigned long long)bits);
}

/** A line as it stands; of a pair "module:name". */
static void write_line(sj_out *out, const sj_literal *literal, uint64_t text_max)
{
    const char *data = (const char *)literal->data;
    const char *newline = literal->size > 0 ? memchr(data, '\n', literal->size) : NULL;
    const size_t max = (size_t)sj_min(text_max, SIZE_MAX);
    if (newline == NULL) {
        sj_out_escaped(out, data, literal->size, max);
        return;
    }
    sj_out_escaped(out, data, (size_t)(newline - data), max);
    sj_out_text(out, ":");
    sj_out_escaped(out, newline + 1, literal->size - (size_t)(newline - data) - 1, max);
}

void sj_literal_write(sj_out *out, const sj_literal *literal, uint64_t text_max)
{
    const snapjar_opcode_info *info = snapjar_opcode_find(literal->opcode);
    if (sj_literal_is_text(literal->opcode)) {
        write_text(out, literal, text_max);
        return;
    }
    switch (info->argument) {
    case SNAPJAR_ARGUMENT_UINT1:
    case SNAPJAR_ARGUMENT_UINT2:
    case SNAPJAR_ARGUMENT_UINT4:
    case SNAPJAR_ARGUMENT_UINT8:
        sj_out_number(out, sj_literal_unsigned(literal));
        return;
    case SNAPJAR_ARGUMENT_INT4:
        sj_out_format(out, "%ld", (long)(int32_t)(uint32_t)sj_literal_unsigned(literal));
        return;
    case SNAPJAR_ARGUMENT_LONG1:
    case SNAPJAR_ARGUMENT_LONG4:
        write_long(out, literal, text_max);
        return;
    case SNAPJAR_ARGUMENT_FLOAT8:
        write_double(out, literal);
        return;
    default:
        write_line(out, literal, text_max);
        return;
    }
}
