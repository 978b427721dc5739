/* SPDX-License-Identifier: MIT
 *
 * Writes numbers and texts as CPython's Pickler writes them at each protocol (save_long, save_float, save_unicode of
 * Modules/_pickle.c). What is written already as this protocol has it is copied.
 */
#include <stdio.h>
#include <string.h>

#include "pickle/canonical.h"
#include "pickle/decimal.h"
#include "pickle/emit.h"

snapjar_status sj_emit_refuse(const sj_emit *emit, const sj_node *node, const char *why, snapjar_error *err)
{
    return sj_raise(err, SNAPJAR_UNSUPPORTED, SNAPJAR_DIAG_TRANSCODE_UNFAITHFUL, SJ_AT_CONTENT(node->offset),
                    "%s cannot be written at protocol %d: %s", snapjar_opcode_find(node->form)->name, emit->protocol,
                    why);
}

snapjar_status sj_emit_open_tuple(sj_emit *emit, size_t count, snapjar_error *err)
{
    return count > 0 && emit->protocol < 2 ? sj_emit_byte(emit, SJ_OP_MARK, err) : SNAPJAR_OK;
}

snapjar_status sj_emit_close_tuple(sj_emit *emit, size_t count, snapjar_error *err)
{
    static const uint8_t sized[] = {SJ_OP_EMPTY_TUPLE, SJ_OP_TUPLE1, SJ_OP_TUPLE2, SJ_OP_TUPLE3};
    if (emit->protocol >= 2 || (count == 0 && emit->protocol == 1))
        return sj_emit_byte(emit, sized[count], err);
    return count > 0 ? sj_emit_byte(emit, SJ_OP_TUPLE, err) : sj_emit_bytes(emit, "(t", 2, err);
}

/** BININT and its kin; `value` fits int32_t. */
static SJ_EMIT emit_int4(sj_emit *emit, int64_t value, snapjar_error *err)
{
    if (value >= 0 && value <= 0xff)
        return sj_emit_op(emit, SJ_OP_BININT1, (uint64_t)value, 1, err);
    if (value >= 0 && value <= 0xffff)
        return sj_emit_op(emit, SJ_OP_BININT2, (uint64_t)value, 2, err);
    return sj_emit_op(emit, SJ_OP_BININT, (uint64_t)value, 4, err);
}

/** LONG1 and LONG4 from bytes. */
static SJ_EMIT emit_long_bytes(sj_emit *emit, const sj_node *node, const uint8_t *bytes, size_t size,
                               snapjar_error *err)
{
    if (size <= 0xff)
        return sj_emit_counted(emit, SJ_OP_LONG1, 1, bytes, size, err);
    if (size > INT32_MAX)
        return sj_emit_refuse(emit, node, "it has more than 2 GiB", err);
    return sj_emit_counted(emit, SJ_OP_LONG4, 4, bytes, size, err);
}

/** LONG in decimal. */
static SJ_EMIT emit_long_text(sj_emit *emit, const char *text, size_t size, snapjar_error *err)
{
    SJ_TRY(sj_emit_byte(emit, SJ_OP_LONG, err));
    SJ_TRY(sj_emit_bytes(emit, text, size, err));
    return sj_emit_bytes(emit, "L\n", 2, err);
}

static SJ_EMIT emit_small(sj_emit *emit, const sj_node *node, int64_t value, bool is_long, snapjar_error *err)
{
    const bool is_int4 = value >= INT32_MIN && value <= INT32_MAX;
    char text[32];
    uint8_t bytes[SJ_DECIMAL_BYTES_MAX];
    /* Python 2 has two types of integers, and below protocol 3 it may be the reader. */
    is_long = is_long && emit->protocol <= 2 && emit->graph->protocol <= 2;
    if (emit->protocol >= 1 && is_int4 && !is_long)
        return emit_int4(emit, value, err);
    const int size = snprintf(text, sizeof text, "%lld", (long long)value);
    if (emit->protocol >= 2)
        return emit_long_bytes(emit, node, bytes, sj_decimal_to_bytes((const uint8_t *)text, (size_t)size, bytes),
                               err);
    if (!is_int4 || is_long)
        return emit_long_text(emit, text, (size_t)size, err);
    SJ_TRY(sj_emit_byte(emit, SJ_OP_INT, err));
    SJ_TRY(sj_emit_bytes(emit, text, (size_t)size, err));
    return sj_emit_byte(emit, '\n', err);
}

static SJ_EMIT emit_int(sj_emit *emit, const sj_node *node, snapjar_error *err)
{
    uint8_t converted[SJ_DECIMAL_BYTES_MAX];
    char text[SJ_DECIMAL_TEXT_SIZE];
    size_t size, text_size;
    int64_t value;
    const uint8_t *bytes = sj_graph_span(emit->graph, node, &size);
    const bool is_text = node->form == SJ_OP_INT || node->form == SJ_OP_LONG;
    switch (node->form) {
    case SJ_OP_BININT1:
        return emit_small(emit, node, bytes[0], false, err);
    case SJ_OP_BININT2:
        return emit_small(emit, node, sj_read_le16(bytes), false, err);
    case SJ_OP_BININT:
        return emit_small(emit, node, (int32_t)sj_read_le32(bytes), false, err);
    }
    const uint8_t *digits = bytes;
    const size_t digits_size = size - (node->form == SJ_OP_LONG);
    if (is_text) {
        size = sj_decimal_to_bytes(bytes, digits_size, converted);
        bytes = converted;
    }
    if (sj_decimal_small(bytes, size, &value))
        return emit_small(emit, node, value, node->form != SJ_OP_INT, err);
    if (emit->protocol >= 2)
        return emit_long_bytes(emit, node, bytes, size, err);
    if (is_text)
        return emit_long_text(emit, (const char *)digits, digits_size, err);
    /* Loaders refuse more digits than this, against attacks by quadratic time. */
    if (!sj_decimal_from_bytes(bytes, size, text, &text_size))
        return sj_emit_refuse(emit, node, "it has more decimal digits than loaders read", err);
    return emit_long_text(emit, text, text_size, err);
}

static SJ_EMIT emit_float(sj_emit *emit, const sj_node *node, snapjar_error *err)
{
    size_t size;
    char text[32];
    const uint8_t *data = sj_graph_span(emit->graph, node, &size);
    uint64_t bits = 0;
    if (emit->protocol == 0 && node->form == SJ_OP_FLOAT) {
        SJ_TRY(sj_emit_byte(emit, SJ_OP_FLOAT, err));
        SJ_TRY(sj_emit_bytes(emit, data, size, err));
        return sj_emit_byte(emit, '\n', err);
    }
    if (node->form == SJ_OP_FLOAT) {
        bits = sj_double_parse(data, size);
    } else {
        for (size_t i = 0; i < 8; i++)
            bits = bits << 8 | data[i];
    }
    if (emit->protocol >= 1)
        return sj_emit_op(emit, SJ_OP_BINFLOAT, __builtin_bswap64(bits), 8, err);
    const size_t text_size = sj_double_format(bits, text);
    if (sj_double_parse((const uint8_t *)text, text_size) != bits)
        return sj_emit_refuse(emit, node, "it is a NaN with a payload, which text does not have", err);
    SJ_TRY(sj_emit_byte(emit, SJ_OP_FLOAT, err));
    SJ_TRY(sj_emit_bytes(emit, text, text_size, err));
    return sj_emit_byte(emit, '\n', err);
}

/** UNICODE: raw_unicode_escape of Modules/_pickle.c. `data` is valid UTF-8 with surrogates. */
static SJ_EMIT emit_escaped(sj_emit *emit, const uint8_t *data, size_t size, snapjar_error *err)
{
    SJ_TRY(sj_emit_byte(emit, SJ_OP_UNICODE, err));
    for (size_t i = 0; i < size;) {
        uint32_t value = data[i];
        const size_t more = value < 0x80 ? 0 : value < 0xe0 ? 1 : value < 0xf0 ? 2 : 3;
        if (more > 0)
            value &= 0x3fu >> more;
        for (size_t k = 1; k <= more; k++)
            value = value << 6 | (data[i + k] & 0x3f);
        i += 1 + more;
        char text[16];
        size_t text_size = 1;
        text[0] = (char)value;
        if (value >= 0x10000)
            text_size = (size_t)snprintf(text, sizeof text, "\\U%08x", value);
        else if (value >= 0x100 || value == '\\' || value == 0 || value == '\n' || value == '\r' || value == 0x1a)
            text_size = (size_t)snprintf(text, sizeof text, "\\u%04x", value);
        SJ_TRY(sj_emit_bytes(emit, text, text_size, err));
    }
    return sj_emit_byte(emit, '\n', err);
}

snapjar_status sj_emit_text(sj_emit *emit, const sj_node *node, const uint8_t *data, size_t size, snapjar_error *err)
{
    if (emit->protocol == 0)
        return emit_escaped(emit, data, size, err);
    if (emit->protocol >= 4 && size <= 0xff)
        return sj_emit_counted(emit, SJ_OP_SHORT_BINUNICODE, 1, data, size, err);
    if (size <= UINT32_MAX)
        return sj_emit_counted(emit, SJ_OP_BINUNICODE, 4, data, size, err);
    if (emit->protocol < 4)
        return sj_emit_refuse(emit, node, "it has more than 4 GiB", err);
    return sj_emit_counted(emit, SJ_OP_BINUNICODE8, 8, data, size, err);
}

static SJ_EMIT emit_str(sj_emit *emit, const sj_node *node, snapjar_error *err)
{
    size_t size, decoded_size = 0;
    const uint8_t *data = sj_graph_span(emit->graph, node, &size);
    if (node->form != SJ_OP_UNICODE)
        return sj_emit_text(emit, node, data, size, err);
    if (emit->protocol == 0) {
        SJ_TRY(sj_emit_byte(emit, SJ_OP_UNICODE, err));
        SJ_TRY(sj_emit_bytes(emit, data, size, err));
        return sj_emit_byte(emit, '\n', err);
    }
    if (sj_is_ascii(data, size) && (size == 0 || memchr(data, '\\', size) == NULL))
        return sj_emit_text(emit, node, data, size, err);
    /* A byte of Latin-1 has two in UTF-8; no escape has more than it takes. */
    uint8_t *decoded = sj_alloc(emit->context, 2 * size);
    if (decoded == NULL)
        return sj_raise_no_memory(err, 2 * size);
    (void)sj_text_decode(SJ_FORM_ESCAPED, data, size, decoded, 2 * size, &decoded_size);
    snapjar_status status = sj_emit_text(emit, node, decoded, decoded_size, err);
    sj_free(emit->context, decoded);
    return status;
}

/** An extension code means the same at every protocol that has them, in the same process. */
static SJ_EMIT emit_extension(sj_emit *emit, const sj_node *node, snapjar_error *err)
{
    size_t size;
    const uint8_t *data = sj_graph_span(emit->graph, node, &size);
    if (emit->protocol < 2)
        return sj_emit_refuse(emit, node, "extension codes begin with protocol 2", err);
    SJ_TRY(sj_emit_byte(emit, node->form, err));
    return sj_emit_bytes(emit, data, size, err);
}

snapjar_status sj_emit_value(sj_emit *emit, const sj_node *node, snapjar_error *err)
{
    switch ((sj_node_kind)node->kind) {
    case SJ_NODE_NONE:
        return sj_emit_byte(emit, SJ_OP_NONE, err);
    case SJ_NODE_TRUE:
        return emit->protocol >= 2 ? sj_emit_byte(emit, SJ_OP_NEWTRUE, err) : sj_emit_bytes(emit, "I01\n", 4, err);
    case SJ_NODE_FALSE:
        return emit->protocol >= 2 ? sj_emit_byte(emit, SJ_OP_NEWFALSE, err) : sj_emit_bytes(emit, "I00\n", 4, err);
    case SJ_NODE_INT:
        return emit_int(emit, node, err);
    case SJ_NODE_FLOAT:
        return emit_float(emit, node, err);
    case SJ_NODE_STR:
        return emit_str(emit, node, err);
    case SJ_NODE_STR2:
    case SJ_NODE_BYTES:
    case SJ_NODE_BYTEARRAY:
        return sj_emit_blob(emit, node, err);
    case SJ_NODE_EXTENSION:
        return emit_extension(emit, node, err);
    case SJ_NODE_BUFFER:
        if (emit->protocol < 5)
            return sj_emit_refuse(emit, node, "out-of-band buffers begin with protocol 5", err);
        return sj_emit_byte(emit, SJ_OP_NEXT_BUFFER, err);
    case SJ_NODE_GLOBAL:
        return sj_emit_global(emit, node, err);
    default:
        return sj_raise(err, SNAPJAR_BUG, SNAPJAR_DIAG_INTERNAL, SJ_AT_CONTENT(node->offset), "kind %d has children",
                        node->kind);
    }
}
