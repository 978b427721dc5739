/* SPDX-License-Identifier: MIT
 *
 * Numbers, texts and bytes at each protocol: save_long, save_float, save_unicode, save_bytes and save_bytearray of
 * CPython's Modules/_pickle.c. What readers disagree on is not written in another form, for which form would it be?
 */
#include <stdio.h>
#include <string.h>

#include "pickle/canonical.h"
#include "pickle/decimal.h"
#include "pickle/emit.h"
#include "pickle/machine.h"
#include "util/bytes.h"

#define NAN_BITS UINT64_C(0x7ff8000000000000)
#define SIGN_BIT UINT64_C(0x8000000000000000)

/* ---- integers ---- */

/** The integer in two's complement, as few bytes as it needs. */
static SJ_EMIT read_int(const sj_emitter *e, const sj_node *node, uint8_t buffer[SJ_DECIMAL_BYTES_MAX],
                        const uint8_t **data, size_t *size, snapjar_error *err)
{
    const uint8_t *span = sj_graph_span(e->graph, node, size);
    bool is_bool = false;
    *data = span;
    switch (node->form) {
    case SJ_OP_BININT1:
    case SJ_OP_BININT2:
        /* Unsigned. */
        memcpy(buffer, span, *size);
        buffer[(*size)++] = 0;
        *data = buffer;
        break;
    case SJ_OP_INT:
    case SJ_OP_LONG:
        if (node->form == SJ_OP_INT ? !sj_is_canonical_int(span, *size, &is_bool) || is_bool
                                    : !sj_is_canonical_long(span, *size))
            return sj_emit_refuse(e, node->offset, err, "readers disagree on the number");
        if (!sj_decimal_to_bytes((const char *)span, *size - (node->form == SJ_OP_LONG), buffer, size))
            return sj_emit_refuse(e, node->offset, err, "the number has too many digits");
        *data = buffer;
        break;
    }
    while (*size > 0) {
        const uint8_t last = (*data)[*size - 1];
        const bool is_negative = *size > 1 && ((*data)[*size - 2] & 0x80) != 0;
        if (*size == 1 ? last != 0 : last != (is_negative ? 0xff : 0))
            break;
        (*size)--;
    }
    return SNAPJAR_OK;
}

static SJ_EMIT write_int_line(sj_emitter *e, const sj_node *node, const uint8_t *data, size_t size, bool is_short,
                              snapjar_error *err)
{
    char text[SJ_DECIMAL_TEXT_SIZE + 3];
    size_t text_size;
    if (!sj_decimal_from_bytes(data, size, text + 1, &text_size) || text_size - (text[1] == '-') > SJ_DIGITS_MAX)
        return sj_emit_refuse(e, node->offset, err,
                              "a number of %zu bytes has more than the %d digits that Python reads", size,
                              SJ_DIGITS_MAX);
    text[0] = is_short ? SJ_OP_INT : SJ_OP_LONG;
    text_size++;
    if (!is_short)
        text[text_size++] = 'L';
    text[text_size++] = '\n';
    return sj_emit_write(e, text, text_size, err);
}

static SJ_EMIT write_small(sj_emitter *e, int32_t value, snapjar_error *err)
{
    uint8_t bytes[5];
    const uint32_t bits = (uint32_t)value;
    if (bits <= UINT8_MAX) {
        bytes[0] = SJ_OP_BININT1;
        bytes[1] = (uint8_t)bits;
        return sj_emit_write(e, bytes, 2, err);
    }
    if (bits <= UINT16_MAX) {
        bytes[0] = SJ_OP_BININT2;
        sj_write_le16(bytes + 1, (uint16_t)bits);
        return sj_emit_write(e, bytes, 3, err);
    }
    bytes[0] = SJ_OP_BININT;
    sj_write_le32(bytes + 1, bits);
    return sj_emit_write(e, bytes, 5, err);
}

static SJ_EMIT write_int(sj_emitter *e, const sj_node *node, snapjar_error *err)
{
    uint8_t buffer[SJ_DECIMAL_BYTES_MAX];
    uint8_t head[5] = {SJ_OP_LONG4};
    const uint8_t *data;
    size_t size;
    SJ_TRY(read_int(e, node, buffer, &data, &size, err));
    /* What was a `long` of Python 2 stays one where Python 2 could read it. */
    const bool is_long = e->protocol < 3 && e->graph->protocol < 3 &&
                         (node->form == SJ_OP_LONG || node->form == SJ_OP_LONG1 || node->form == SJ_OP_LONG4);
    const bool is_short = size <= 4 && !is_long;
    if (e->protocol == 0 || (e->protocol == 1 && !is_short))
        return write_int_line(e, node, data, size, is_short, err);
    if (is_short) {
        uint32_t bits = size > 0 && (data[size - 1] & 0x80) != 0 ? UINT32_MAX : 0;
        for (size_t i = size; i > 0; i--)
            bits = bits << 8 | data[i - 1];
        return write_small(e, (int32_t)bits, err);
    }
    if (size <= UINT8_MAX) {
        head[0] = SJ_OP_LONG1;
        head[1] = (uint8_t)size;
        return sj_emit_counted(e, head, 2, data, size, err);
    }
    sj_write_le32(head + 1, (uint32_t)size);
    return sj_emit_counted(e, head, 5, data, size, err);
}

/* ---- floats ---- */

static SJ_EMIT write_float(sj_emitter *e, const sj_node *node, snapjar_error *err)
{
    size_t size;
    const uint8_t *span = sj_graph_span(e->graph, node, &size);
    uint64_t bits = 0;
    if (node->form == SJ_OP_BINFLOAT) {
        for (size_t i = 0; i < 8; i++)
            bits = bits << 8 | span[i];
    } else if (!sj_is_canonical_float(span, size) || !sj_double_parse((const char *)span, size, &bits)) {
        return sj_emit_refuse(e, node->offset, err, "readers disagree on the number");
    }
    if (e->protocol > 0) {
        uint8_t bytes[9] = {SJ_OP_BINFLOAT};
        for (size_t i = 0; i < 8; i++)
            bytes[1 + i] = (uint8_t)(bits >> (56 - 8 * i));
        return sj_emit_write(e, bytes, sizeof bytes, err);
    }
    char text[2 + SJ_DOUBLE_TEXT_SIZE] = {SJ_OP_FLOAT};
    size_t text_size;
    if ((bits & ~SIGN_BIT) > UINT64_C(0x7ff0000000000000)) {
        if ((bits & ~SIGN_BIT) != NAN_BITS)
            return sj_emit_refuse(e, node->offset, err, "text has no place for the bits 0x%016llx of a NaN",
                                  (unsigned long long)bits);
        /* float("-nan") sets the sign bit. */
        text_size = (size_t)snprintf(text + 1, SJ_DOUBLE_TEXT_SIZE, (bits & SIGN_BIT) != 0 ? "-nan" : "nan");
    } else {
        text_size = sj_double_format(bits, text + 1);
    }
    text[1 + text_size] = '\n';
    return sj_emit_write(e, text, text_size + 2, err);
}

/* ---- texts ---- */

SJ_EMIT sj_emit_read_text(sj_emitter *e, const sj_node *node, const uint8_t **data, size_t *size, snapjar_error *err)
{
    const sj_text_form form = sj_machine_form(node->form);
    const uint8_t *span = sj_graph_span(e->graph, node, size);
    size_t decoded_size;
    *data = span;
    if (form == SJ_FORM_UTF8 || (form == SJ_FORM_BYTES && sj_is_ascii(span, *size)))
        return SNAPJAR_OK;
    /* No byte gives more than two. */
    SJ_TRY(sj_emit_reserve_scratch(e, 2 * *size + 1, err));
    if (!sj_text_decode(form, span, *size, e->scratch, e->scratch_capacity, &decoded_size))
        return sj_raise(err, SNAPJAR_BUG, SNAPJAR_DIAG_INTERNAL, SJ_AT_CONTENT(node->offset),
                        "a text that was checked cannot be decoded");
    *data = e->scratch;
    *size = decoded_size;
    return SNAPJAR_OK;
}

/** One code point of UTF-8 that is known to be well-formed, surrogates included. */
static uint32_t read_point(const uint8_t *data, size_t *taken)
{
    if (data[0] < 0x80) {
        *taken = 1;
        return data[0];
    }
    *taken = data[0] < 0xe0 ? 2 : data[0] < 0xf0 ? 3 : 4;
    uint32_t value = data[0] & (0x7fu >> *taken);
    for (size_t i = 1; i < *taken; i++)
        value = value << 6 | (data[i] & 0x3f);
    return value;
}

/** UNICODE: Latin-1 with \u and \U for all else, and for what would end the line or begin an escape. */
static SJ_EMIT write_escaped(sj_emitter *e, const uint8_t *data, size_t size, snapjar_error *err)
{
    char escape[16];
    SJ_TRY(sj_emit_opcode(e, SJ_OP_UNICODE, err));
    for (size_t i = 0, taken; i < size; i += taken) {
        const uint32_t value = read_point(data + i, &taken);
        int used = 1;
        escape[0] = (char)value;
        if (value >= 0x10000)
            used = snprintf(escape, sizeof escape, "\\U%08x", (unsigned)value);
        else if (value >= 0x100 || value == '\\' || value == '\n' || value == '\r' || value == 0 || value == 0x1a)
            used = snprintf(escape, sizeof escape, "\\u%04x", (unsigned)value);
        SJ_TRY(sj_emit_write(e, escape, (size_t)used, err));
    }
    return sj_emit_opcode(e, '\n', err);
}

/** The opcode for this size among those of 1, 4 and 8 bytes of length; 0: the protocol has none so long. */
static size_t make_head(uint8_t head[9], uint8_t one_byte, uint8_t four_bytes, uint8_t eight_bytes, size_t size)
{
    if (one_byte != 0 && size <= UINT8_MAX) {
        head[0] = one_byte;
        head[1] = (uint8_t)size;
        return 2;
    }
    if (four_bytes != 0 && size <= UINT32_MAX) {
        head[0] = four_bytes;
        sj_write_le32(head + 1, (uint32_t)size);
        return 5;
    }
    head[0] = eight_bytes;
    sj_write_le64(head + 1, size);
    return eight_bytes != 0 ? 9 : 0;
}

static SJ_EMIT write_sized(sj_emitter *e, const uint8_t *head, size_t head_size, const uint8_t *data, size_t size,
                           uint64_t offset, snapjar_error *err)
{
    if (head_size == 0)
        return sj_emit_refuse(e, offset, err, "%zu bytes are more than its lengths hold", size);
    return sj_emit_counted(e, head, head_size, data, size, err);
}

SJ_EMIT sj_emit_text(sj_emitter *e, const uint8_t *data, size_t size, uint64_t offset, snapjar_error *err)
{
    uint8_t head[9];
    const bool is_late = e->protocol >= 4;
    if (e->protocol == 0)
        return write_escaped(e, data, size, err);
    const size_t head_size =
        make_head(head, is_late ? SJ_OP_SHORT_BINUNICODE : 0, SJ_OP_BINUNICODE, is_late ? SJ_OP_BINUNICODE8 : 0, size);
    return write_sized(e, head, head_size, data, size, offset, err);
}

/* ---- bytes ---- */

/** `_codecs.encode(text, "latin1")`. */
static SJ_EMIT write_encoded(sj_emitter *e, const uint8_t *data, size_t size, uint64_t offset, snapjar_error *err)
{
    size_t decoded_size;
    SJ_TRY(sj_emit_helper(e, SJ_HELPER_ENCODE, err));
    SJ_TRY(sj_emit_open_tuple(e, 2, err));
    if (!sj_is_ascii(data, size)) {
        /* Where `data` is the scratch itself it was decoded from a text, and is narrower than it was: no overlap. */
        uint8_t *wide = sj_alloc(e->context, 2 * size);
        if (wide == NULL)
            return sj_raise_no_memory(err, 2 * size);
        (void)sj_text_decode(SJ_FORM_BYTES, data, size, wide, 2 * size, &decoded_size);
        const snapjar_status status = sj_emit_text(e, wide, decoded_size, offset, err);
        sj_free(e->context, wide);
        SJ_TRY(status);
    } else {
        SJ_TRY(sj_emit_text(e, data, size, offset, err));
    }
    SJ_TRY(sj_emit_helper(e, SJ_HELPER_LATIN1, err));
    SJ_TRY(sj_emit_close_tuple(e, 2, err));
    return sj_emit_opcode(e, SJ_OP_REDUCE, err);
}

/** A call of a type without arguments. */
static SJ_EMIT write_empty(sj_emitter *e, sj_helper helper, snapjar_error *err)
{
    SJ_TRY(sj_emit_helper(e, helper, err));
    SJ_TRY(sj_emit_open_tuple(e, 0, err));
    SJ_TRY(sj_emit_close_tuple(e, 0, err));
    return sj_emit_opcode(e, SJ_OP_REDUCE, err);
}

static SJ_EMIT write_bytes(sj_emitter *e, const uint8_t *data, size_t size, uint64_t offset, snapjar_error *err)
{
    uint8_t head[9];
    if (e->protocol < 3)
        return size == 0 ? write_empty(e, SJ_HELPER_BYTES, err) : write_encoded(e, data, size, offset, err);
    const size_t head_size =
        make_head(head, SJ_OP_SHORT_BINBYTES, SJ_OP_BINBYTES, e->protocol >= 4 ? SJ_OP_BINBYTES8 : 0, size);
    return write_sized(e, head, head_size, data, size, offset, err);
}

static SJ_EMIT write_bytearray(sj_emitter *e, const uint8_t *data, size_t size, uint64_t offset, snapjar_error *err)
{
    uint8_t head[9];
    if (e->protocol >= 5)
        return write_sized(e, head, make_head(head, 0, 0, SJ_OP_BYTEARRAY8, size), data, size, offset, err);
    if (size == 0)
        return write_empty(e, SJ_HELPER_BYTEARRAY, err);
    SJ_TRY(sj_emit_helper(e, SJ_HELPER_BYTEARRAY, err));
    SJ_TRY(sj_emit_open_tuple(e, 1, err));
    SJ_TRY(write_bytes(e, data, size, offset, err));
    SJ_TRY(sj_emit_close_tuple(e, 1, err));
    return sj_emit_opcode(e, SJ_OP_REDUCE, err);
}

/* ---- text of Python 2 ---- */

/** The bytes of a text of Python 2. */
static SJ_EMIT read_bytes(sj_emitter *e, const sj_node *node, const uint8_t **data, size_t *size, snapjar_error *err)
{
    if (node->form != SJ_OP_STRING) {
        *data = sj_graph_span(e->graph, node, size);
        return SNAPJAR_OK;
    }
    SJ_TRY(sj_emit_read_text(e, node, data, size, err));
    size_t used = 0;
    for (size_t i = 0, taken; i < *size; i += taken)
        e->scratch[used++] = (uint8_t)read_point(*data + i, &taken);
    *size = used;
    return SNAPJAR_OK;
}

/** STRING, quoted as repr of Python 2 does. */
static SJ_EMIT write_quoted(sj_emitter *e, const uint8_t *data, size_t size, snapjar_error *err)
{
    static const char specials[] = "\\'\n\r\t";
    static const char letters[] = "\\'nrt";
    char escape[8];
    SJ_TRY(sj_emit_write(e, "S'", 2, err));
    for (size_t i = 0; i < size; i++) {
        const char *special = data[i] != 0 ? strchr(specials, data[i]) : NULL;
        int used = 1;
        escape[0] = (char)data[i];
        if (special != NULL)
            used = snprintf(escape, sizeof escape, "\\%c", letters[special - specials]);
        else if (data[i] < ' ' || data[i] >= 0x7f)
            used = snprintf(escape, sizeof escape, "\\x%02x", data[i]);
        SJ_TRY(sj_emit_write(e, escape, (size_t)used, err));
    }
    return sj_emit_write(e, "'\n", 2, err);
}

static SJ_EMIT write_python2(sj_emitter *e, const sj_node *node, snapjar_error *err)
{
    uint8_t head[9];
    const uint8_t *data;
    size_t size;
    if (e->protocol >= 3 && e->graph->options.string_encoding != SNAPJAR_STRING_BYTES) {
        SJ_TRY(sj_emit_read_text(e, node, &data, &size, err));
        if (e->graph->options.string_encoding == SNAPJAR_STRING_ASCII && !sj_is_ascii(data, size))
            return sj_emit_refuse(e, node->offset, err,
                                  "a string of Python 2 is not ASCII, and no other encoding is declared");
        return sj_emit_text(e, data, size, node->offset, err);
    }
    SJ_TRY(read_bytes(e, node, &data, &size, err));
    if (e->protocol >= 3)
        return write_bytes(e, data, size, node->offset, err);
    if (e->protocol == 0)
        return write_quoted(e, data, size, err);
    const size_t head_size = make_head(head, SJ_OP_SHORT_BINSTRING, size <= INT32_MAX ? SJ_OP_BINSTRING : 0, 0, size);
    return write_sized(e, head, head_size, data, size, node->offset, err);
}

/** One more than the protocol from which on a literal with this opcode is written as it stands; 0: never. */
static const uint8_t verbatim_from[256] = {
    [SJ_OP_BININT1] = 1 + 1,
    [SJ_OP_BINFLOAT] = 1 + 1,
    [SJ_OP_SHORT_BINBYTES] = 3 + 1,
    [SJ_OP_SHORT_BINUNICODE] = 4 + 1,
};

static SJ_EMIT write_literal(sj_emitter *e, const sj_node *node, snapjar_error *err)
{
    const uint8_t *data;
    size_t size;
    switch ((sj_node_kind)node->kind) {
    case SJ_NODE_INT:
        return write_int(e, node, err);
    case SJ_NODE_FLOAT:
        return write_float(e, node, err);
    case SJ_NODE_STR:
        SJ_TRY(sj_emit_read_text(e, node, &data, &size, err));
        return sj_emit_text(e, data, size, node->offset, err);
    case SJ_NODE_STR2:
        return write_python2(e, node, err);
    case SJ_NODE_BYTES:
        data = sj_graph_span(e->graph, node, &size);
        return write_bytes(e, data, size, node->offset, err);
    default:
        /* SJ_NODE_BYTEARRAY: there are no others. */
        data = sj_graph_span(e->graph, node, &size);
        return write_bytearray(e, data, size, node->offset, err);
    }
}

SJ_EMIT sj_emit_plain(sj_emitter *e, const sj_node *node, snapjar_error *err)
{
    size_t size;
    if (node->kind == SJ_NODE_NONE)
        return sj_emit_opcode(e, SJ_OP_NONE, err);
    if (node->kind == SJ_NODE_TRUE)
        return e->protocol >= 2 ? sj_emit_opcode(e, SJ_OP_NEWTRUE, err) : sj_emit_write(e, "I01\n", 4, err);
    if (node->kind == SJ_NODE_FALSE)
        return e->protocol >= 2 ? sj_emit_opcode(e, SJ_OP_NEWFALSE, err) : sj_emit_write(e, "I00\n", 4, err);
    if (verbatim_from[node->form] == 0 || e->protocol + 1 < verbatim_from[node->form])
        return write_literal(e, node, err);
    const uint8_t *opcode = sj_graph_opcode(e->graph, node);
    const uint8_t *data = sj_graph_span(e->graph, node, &size);
    return sj_emit_write(e, opcode, (size_t)(data - opcode) + size, err);
}
