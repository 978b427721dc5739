/* SPDX-License-Identifier: MIT
 *
 * Writes bytes, bytearrays and text of Python 2: with opcodes where the protocol has them, else with the calls that
 * CPython's Pickler writes (save_bytes, save_bytearray of Modules/_pickle.c).
 */
#include <stdio.h>
#include <string.h>

#include "pickle/canonical.h"
#include "pickle/emit.h"

/** Latin-1 as UTF-8, into new memory of twice the size. */
static SJ_EMIT widen(const sj_emit *emit, const uint8_t *data, size_t size, uint8_t **wide, size_t *wide_size,
                     snapjar_error *err)
{
    *wide = sj_alloc(emit->context, 2 * size);
    if (*wide == NULL)
        return sj_raise_no_memory(err, 2 * size);
    (void)sj_text_decode(SJ_FORM_BYTES, data, size, *wide, 2 * size, wide_size);
    return SNAPJAR_OK;
}

/** `_codecs.encode(text, "latin1")`; `bytes()` if it is empty. */
static SJ_EMIT emit_bytes_call(sj_emit *emit, const sj_node *node, const uint8_t *data, size_t size,
                               snapjar_error *err)
{
    uint8_t *wide;
    size_t wide_size;
    SJ_TRY(sj_emit_helper(emit, size > 0 ? SJ_HELPER_ENCODE : SJ_HELPER_BYTES, err));
    if (size > 0) {
        SJ_TRY(sj_emit_open_tuple(emit, 2, err));
        SJ_TRY(widen(emit, data, size, &wide, &wide_size, err));
        snapjar_status status = sj_emit_text(emit, node, wide, wide_size, err);
        sj_free(emit->context, wide);
        SJ_TRY(status);
        SJ_TRY(sj_emit_helper(emit, SJ_HELPER_LATIN1, err));
    }
    SJ_TRY(sj_emit_close_tuple(emit, size > 0 ? 2 : 0, err));
    return sj_emit_byte(emit, SJ_OP_REDUCE, err);
}

static SJ_EMIT emit_bytes(sj_emit *emit, const sj_node *node, const uint8_t *data, size_t size, snapjar_error *err)
{
    if (emit->protocol < 3)
        return emit_bytes_call(emit, node, data, size, err);
    if (size <= 0xff)
        return sj_emit_counted(emit, SJ_OP_SHORT_BINBYTES, 1, data, size, err);
    if (size <= UINT32_MAX)
        return sj_emit_counted(emit, SJ_OP_BINBYTES, 4, data, size, err);
    if (emit->protocol < 4)
        return sj_emit_refuse(emit, node, "it has more than 4 GiB", err);
    return sj_emit_counted(emit, SJ_OP_BINBYTES8, 8, data, size, err);
}

static SJ_EMIT emit_bytearray(sj_emit *emit, const sj_node *node, const uint8_t *data, size_t size,
                              snapjar_error *err)
{
    if (emit->protocol >= 5)
        return sj_emit_counted(emit, SJ_OP_BYTEARRAY8, 8, data, size, err);
    const size_t count = size > 0;
    SJ_TRY(sj_emit_helper(emit, SJ_HELPER_BYTEARRAY, err));
    SJ_TRY(sj_emit_open_tuple(emit, count, err));
    if (count > 0)
        SJ_TRY(emit_bytes(emit, node, data, size, err));
    SJ_TRY(sj_emit_close_tuple(emit, count, err));
    return sj_emit_byte(emit, SJ_OP_REDUCE, err);
}

/** STRING as repr of Python 2 writes it. */
static SJ_EMIT emit_quoted(sj_emit *emit, const uint8_t *data, size_t size, snapjar_error *err)
{
    SJ_TRY(sj_emit_bytes(emit, "S'", 2, err));
    for (size_t i = 0; i < size; i++) {
        static const char escaped[] = "\\'\n\r\t";
        static const char letters[] = "\\'nrt";
        const char *place = data[i] != 0 ? strchr(escaped, data[i]) : NULL;
        char text[8];
        int text_size;
        if (place != NULL)
            text_size = snprintf(text, sizeof text, "\\%c", letters[place - escaped]);
        else
            text_size = snprintf(text, sizeof text, data[i] < ' ' || data[i] >= 0x7f ? "\\x%02x" : "%c", data[i]);
        SJ_TRY(sj_emit_bytes(emit, text, (size_t)text_size, err));
    }
    return sj_emit_bytes(emit, "'\n", 2, err);
}

/** The bytes of text of Python 2, as the declared encoding makes them a value of Python 3, or as they are. */
static SJ_EMIT emit_str2_bytes(sj_emit *emit, const sj_node *node, const uint8_t *data, size_t size,
                               snapjar_error *err)
{
    uint8_t *wide;
    size_t wide_size;
    if (emit->protocol == 0)
        return emit_quoted(emit, data, size, err);
    if (emit->protocol <= 2) {
        if (size > INT32_MAX)
            return sj_emit_refuse(emit, node, "it has more than 2 GiB", err);
        return size <= 0xff ? sj_emit_counted(emit, SJ_OP_SHORT_BINSTRING, 1, data, size, err)
                            : sj_emit_counted(emit, SJ_OP_BINSTRING, 4, data, size, err);
    }
    switch (emit->graph->options.string_encoding) {
    case SNAPJAR_STRING_BYTES:
        return emit_bytes(emit, node, data, size, err);
    case SNAPJAR_STRING_ASCII:
        if (!sj_is_ascii(data, size))
            return sj_emit_refuse(emit, node, "it is not ASCII, and no encoding is declared that says what it is",
                                  err);
        return sj_emit_text(emit, node, data, size, err);
    case SNAPJAR_STRING_LATIN1:
        break;
    }
    SJ_TRY(widen(emit, data, size, &wide, &wide_size, err));
    snapjar_status status = sj_emit_text(emit, node, wide, wide_size, err);
    sj_free(emit->context, wide);
    return status;
}

/** STRING to the bytes that it stands for. */
static SJ_EMIT emit_unquoted(sj_emit *emit, const sj_node *node, const uint8_t *data, size_t size,
                             snapjar_error *err)
{
    size_t wide_size, used = 0;
    uint8_t *wide = sj_alloc(emit->context, 2 * size);
    if (wide == NULL)
        return sj_raise_no_memory(err, 2 * size);
    (void)sj_text_decode(SJ_FORM_QUOTED, data, size, wide, 2 * size, &wide_size);
    /* Back from UTF-8, which has nothing above U+00FF here, to one byte each. */
    for (size_t i = 0; i < wide_size; i++) {
        uint8_t byte = wide[i];
        if (byte >= 0x80)
            byte = (uint8_t)(byte << 6 | (wide[++i] & 0x3f));
        wide[used++] = byte;
    }
    snapjar_status status = emit_str2_bytes(emit, node, wide, used, err);
    sj_free(emit->context, wide);
    return status;
}

snapjar_status sj_emit_blob(sj_emit *emit, const sj_node *node, snapjar_error *err)
{
    size_t size;
    const uint8_t *data = sj_graph_span(emit->graph, node, &size);
    if (node->kind == SJ_NODE_BYTES)
        return emit_bytes(emit, node, data, size, err);
    if (node->kind == SJ_NODE_BYTEARRAY)
        return emit_bytearray(emit, node, data, size, err);
    if (node->form != SJ_OP_STRING)
        return emit_str2_bytes(emit, node, data, size, err);
    if (emit->protocol > 0)
        return emit_unquoted(emit, node, data, size, err);
    SJ_TRY(sj_emit_byte(emit, SJ_OP_STRING, err));
    SJ_TRY(sj_emit_bytes(emit, data, size, err));
    return sj_emit_byte(emit, '\n', err);
}
