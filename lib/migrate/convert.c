/* SPDX-License-Identifier: MIT
 *
 * Values of one type made into those of another, as Python's own types would do it, where nothing is lost.
 */
#include <stdio.h>
#include <string.h>

#include "migrate/convert_time.h"
#include "migrate/edit.h"
#include "pickle/canonical.h"
#include "util/bytes.h"

static const struct {
    const char *name;
    sj_form form;
} types[] = {
    {"bool", SJ_SEEN_BOOL},   {"int", SJ_SEEN_INT},
    {"float", SJ_SEEN_FLOAT}, {"str", SJ_SEEN_STR},
    {"bytes", SJ_SEEN_BYTES}, {"bytearray", SJ_SEEN_BYTEARRAY},
    {"list", SJ_SEEN_LIST},   {"tuple", SJ_SEEN_TUPLE},
    {"set", SJ_SEEN_SET},     {"frozenset", SJ_SEEN_FROZENSET},
};

static sj_form form_of(const char *type)
{
    size_t i = 0;
    while (strcmp(types[i].name, type) != 0)
        i++;
    return types[i].form;
}

typedef struct conversion {
    sj_apply *run;
    sj_ref value;
    sj_form from;
    sj_ref *ref;
    const char **reason;
} conversion;

#define CONVERT static snapjar_status __attribute__((warn_unused_result))

CONVERT refuse(const conversion *c, const char *reason)
{
    *c->reason = reason;
    return SNAPJAR_OK;
}

/* ---- numbers ---- */

/** Digits of an integer; false if it has too many. */
static bool int_digits(const conversion *c, char text[SJ_DECIMAL_TEXT_SIZE], size_t *size)
{
    uint8_t buffer[SJ_DECIMAL_BYTES_MAX];
    const sj_number number = sj_picture_int(c->run->graph, c->value, buffer);
    return sj_decimal_from_bytes(number.data, number.size, text, size) && *size <= SJ_DIGITS_MAX;
}

CONVERT add_int(const conversion *c, const char *text, size_t size, snapjar_error *err)
{
    uint8_t literal[5 + SJ_DECIMAL_BYTES_MAX] = {SJ_OP_LONG4};
    size_t byte_count;
    if (!sj_decimal_to_bytes(text, size, literal + 5, &byte_count))
        return refuse(c, "the number has too many digits");
    if (byte_count > 4) {
        sj_write_le32(literal + 1, (uint32_t)byte_count);
        return sj_graph_add_literal(c->run->graph, SJ_NODE_INT, literal, 5 + byte_count, c->ref, err);
    }
    /* BININT, so that it is no `long` where Python 2 reads it. */
    memset(literal + 5 + byte_count, byte_count > 0 && (literal[4 + byte_count] & 0x80) != 0 ? 0xff : 0,
           4 - byte_count);
    literal[4] = SJ_OP_BININT;
    return sj_graph_add_literal(c->run->graph, SJ_NODE_INT, literal + 4, 5, c->ref, err);
}

CONVERT add_float(const conversion *c, uint64_t bits, snapjar_error *err)
{
    uint8_t literal[9] = {SJ_OP_BINFLOAT};
    for (size_t i = 0; i < 8; i++)
        literal[1 + i] = (uint8_t)(bits >> (56 - 8 * i));
    return sj_graph_add_literal(c->run->graph, SJ_NODE_FLOAT, literal, sizeof literal, c->ref, err);
}

static double value_of(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/** The ASCII text of a str; false if it is another or too long. */
static bool ascii_text(const conversion *c, char *text, size_t text_max, size_t *size)
{
    const sj_seen seen = sj_picture_see(c->run->graph, c->value);
    const sj_literal literal = sj_picture_literal(c->run->graph, sj_graph_node(c->run->graph, seen.text));
    size_t at = 0;
    uint32_t point;
    bool is_byte;
    *size = 0;
    while (sj_literal_point(&literal, &at, &point, &is_byte)) {
        if (point >= 0x80 || *size == text_max)
            return false;
        text[(*size)++] = (char)point;
    }
    return true;
}

CONVERT float_to_int(const conversion *c, snapjar_error *err)
{
    const double value = value_of(sj_picture_bits(c->run->graph, c->value));
    char text[32];
    if (!(value > -9007199254740993.0 && value < 9007199254740993.0))
        return refuse(c, "a float beyond 2**53 may have lost digits before");
    const int64_t whole = (int64_t)value;
    if ((double)whole != value)
        return refuse(c, "the number is not whole");
    if (whole == 0 && sj_picture_bits(c->run->graph, c->value) != 0)
        return refuse(c, "minus zero would lose its sign");
    const int size = snprintf(text, sizeof text, "%lld", (long long)whole);
    return add_int(c, text, (size_t)size, err);
}

CONVERT to_int(const conversion *c, snapjar_error *err)
{
    char text[SJ_DIGITS_MAX + 2];
    size_t size;
    bool is_bool;
    if (c->from == SJ_SEEN_BOOL)
        return add_int(c, sj_graph_node(c->run->graph, c->value)->kind == SJ_NODE_TRUE ? "1" : "0", 1, err);
    if (c->from == SJ_SEEN_FLOAT)
        return float_to_int(c, err);
    if (c->from != SJ_SEEN_STR)
        return refuse(c, "there is no such conversion");
    if (!ascii_text(c, text, sizeof text, &size) || !sj_is_canonical_int((const uint8_t *)text, size, &is_bool) ||
        is_bool)
        return refuse(c, "the text is not a whole number as Python writes it");
    return add_int(c, text, size, err);
}

/** Whether Python writes the number so, or a whole one so as an int. */
static bool is_written_so(const char *text, size_t size, uint64_t bits)
{
    char again[SJ_DOUBLE_TEXT_SIZE];
    const size_t again_size = sj_double_format(bits, again);
    const bool is_minus_zero = size == 2 && memcmp(text, "-0", 2) == 0;
    const bool is_whole = again_size == size + 2 && memcmp(again + size, ".0", 2) == 0 && !is_minus_zero;
    return (is_whole || again_size == size) && memcmp(again, text, size) == 0;
}

CONVERT to_float(const conversion *c, snapjar_error *err)
{
    char text[SJ_DECIMAL_TEXT_SIZE];
    size_t size;
    uint64_t bits;
    if (c->from == SJ_SEEN_INT) {
        if (!int_digits(c, text, &size) || size > 17)
            return refuse(c, "a float would not hold all of its digits");
        long long whole = 0;
        for (size_t i = text[0] == '-'; i < size; i++)
            whole = whole * 10 + (text[i] - '0');
        const double value = (double)(text[0] == '-' ? -whole : whole);
        if ((long long)value != (text[0] == '-' ? -whole : whole))
            return refuse(c, "a float would not hold all of its digits");
        memcpy(&bits, &value, sizeof bits);
        return add_float(c, bits, err);
    }
    if (c->from != SJ_SEEN_STR)
        return refuse(c, "there is no such conversion");
    if (!ascii_text(c, text, SJ_DOUBLE_TEXT_SIZE, &size) || !sj_is_canonical_float((const uint8_t *)text, size) ||
        !sj_double_parse(text, size, &bits) || !is_written_so(text, size, bits))
        return refuse(c, "the text is not a number as Python writes it");
    return add_float(c, bits, err);
}

CONVERT to_bool(const conversion *c, snapjar_error *err)
{
    uint8_t buffer[SJ_DECIMAL_BYTES_MAX];
    if (c->from != SJ_SEEN_INT)
        return refuse(c, "there is no such conversion");
    const sj_number number = sj_picture_int(c->run->graph, c->value, buffer);
    const bool is_one = number.size == 1 && number.data[0] == 1;
    if (!is_one && number.size != 0)
        return refuse(c, "the number is neither 0 nor 1");
    return sj_graph_add_made(c->run->graph, is_one ? SJ_NODE_TRUE : SJ_NODE_FALSE, 0, c->ref, err);
}

/* ---- texts and bytes ---- */

/** The largest code point of the encoding, in which each of bytes is one of text; 0: UTF-8. */
static uint32_t highest_point(const conversion *c)
{
    return sj_edit_is(c->run->edit, SJ_IN_ENCODING, "latin-1") ? 0xff
           : sj_edit_is(c->run->edit, SJ_IN_ENCODING, "ascii") ? 0x7f
                                                               : 0;
}

static size_t put_utf8(uint8_t *out, uint32_t point)
{
    if (point < 0x80) {
        out[0] = (uint8_t)point;
        return 1;
    }
    const size_t count = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    for (size_t i = count - 1; i > 0; i--, point >>= 6)
        out[i] = (uint8_t)(0x80 | (point & 0x3f));
    out[0] = (uint8_t)((0xf00u >> count) | point);
    return count;
}

/** A literal of 9 bytes of head and `size` of data at `data`. */
CONVERT add_sized(const conversion *c, sj_node_kind kind, uint8_t opcode, uint8_t *data, size_t size,
                  snapjar_error *err)
{
    data[0] = opcode;
    sj_write_le64(data + 1, size);
    return sj_graph_add_literal(c->run->graph, kind, data, 9 + size, c->ref, err);
}

/** Whether UTF-8 without surrogates. */
static bool is_strict_utf8(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i + 1 < size; i++) {
        if (data[i] == 0xed && data[i + 1] >= 0xa0)
            return false;
    }
    return sj_is_utf8(data, size);
}

/** Text is written in UTF-8, bytes as they are, text to bytes and back by the encoding. `data` has room. */
CONVERT recode(const conversion *c, bool to_text, sj_node_kind kind, uint8_t opcode, uint8_t *data, snapjar_error *err)
{
    const sj_seen seen = sj_picture_see(c->run->graph, c->value);
    const bool from_text = c->from == SJ_SEEN_STR;
    const uint32_t highest = from_text != to_text ? highest_point(c) : 0;
    /* A point of one is a point of the other, or bytes of UTF-8 stay what they are. */
    const bool is_wide = from_text ? highest == 0 : to_text && highest != 0;
    sj_literal literal = {SJ_OP_SHORT_BINBYTES, NULL, 0, 0, true};
    size_t at = 0, size = 0;
    uint32_t point;
    bool is_byte;
    if (seen.text != 0)
        literal = sj_picture_literal(c->run->graph, sj_graph_node(c->run->graph, seen.text));
    while (sj_literal_point(&literal, &at, &point, &is_byte)) {
        if (from_text && point >= 0xd800 && point < 0xe000)
            return refuse(c, "the text has a lone surrogate");
        if (highest != 0 && point > highest)
            return refuse(c, "a character or byte is not in the encoding");
        if (is_wide)
            size += put_utf8(data + 9 + size, point);
        else
            data[9 + size++] = (uint8_t)point;
    }
    if (to_text && !from_text && highest == 0 && !is_strict_utf8(data + 9, size))
        return refuse(c, "the bytes are not UTF-8");
    return add_sized(c, kind, opcode, data, size, err);
}

CONVERT to_sized(const conversion *c, sj_form to, snapjar_error *err)
{
    const sj_seen seen = sj_picture_see(c->run->graph, c->value);
    size_t size = 0;
    if (seen.text != 0)
        (void)sj_graph_span(c->run->graph, sj_graph_node(c->run->graph, seen.text), &size);
    /* No byte of a literal gives more than four. */
    uint8_t *data = sj_alloc(c->run->graph->context, 9 + 4 * size);
    if (data == NULL)
        return sj_raise_no_memory(err, 9 + 4 * size);
    const snapjar_status status = recode(c, to == SJ_SEEN_STR,
                                         to == SJ_SEEN_STR     ? SJ_NODE_STR
                                         : to == SJ_SEEN_BYTES ? SJ_NODE_BYTES
                                                               : SJ_NODE_BYTEARRAY,
                                         to == SJ_SEEN_STR     ? SJ_OP_BINUNICODE8
                                         : to == SJ_SEEN_BYTES ? SJ_OP_BINBYTES8
                                                               : SJ_OP_BYTEARRAY8,
                                         data, err);
    sj_free(c->run->graph->context, data);
    return status;
}

CONVERT number_to_str(const conversion *c, snapjar_error *err)
{
    char text[SJ_DECIMAL_TEXT_SIZE];
    size_t size = 0;
    if (c->from == SJ_SEEN_INT && !int_digits(c, text, &size))
        return refuse(c, "the number has too many digits");
    if (c->from == SJ_SEEN_FLOAT)
        size = sj_double_format(sj_picture_bits(c->run->graph, c->value), text);
    return sj_graph_add_text(c->run->graph, (snapjar_text){text, size}, c->ref, err);
}

CONVERT to_text(const conversion *c, sj_form to, snapjar_error *err)
{
    if (to == SJ_SEEN_STR && (c->from == SJ_SEEN_INT || c->from == SJ_SEEN_FLOAT))
        return number_to_str(c, err);
    if (c->from != SJ_SEEN_STR && c->from != SJ_SEEN_BYTES && c->from != SJ_SEEN_BYTEARRAY)
        return refuse(c, "there is no such conversion");
    return to_sized(c, to, err);
}

/* ---- containers ---- */

/** Whether any loader can hash it; of objects only their class knows. */
static bool can_hash(const snapjar_graph *graph, sj_ref ref)
{
    switch (sj_picture_form(graph, ref)) {
    case SJ_SEEN_LIST:
    case SJ_SEEN_DICT:
    case SJ_SEEN_SET:
    case SJ_SEEN_BYTEARRAY:
        return false;
    case SJ_SEEN_TUPLE:
        return sj_picture_is_small(graph, ref);
    default:
        return true;
    }
}

/** Whether nothing but elements was put into it. */
static bool is_filled_only(const snapjar_graph *graph, const sj_node *node)
{
    for (uint32_t at = sj_graph_first_change(graph, node); at != 0; at = sj_graph_next_change(graph, node, at)) {
        const uint8_t op = sj_graph_change(graph, at).op;
        if (op != SJ_OP_APPEND && op != SJ_OP_APPENDS && op != SJ_OP_ADDITEMS)
            return false;
    }
    return true;
}

CONVERT make_container(const conversion *c, sj_node_kind kind, const sj_refs *items, snapjar_error *err)
{
    snapjar_graph *graph = c->run->graph;
    const uint64_t offset = sj_apply_offset(c->run, c->value);
    SJ_TRY(sj_graph_add_made(graph, kind, offset, c->ref, err));
    if (kind == SJ_NODE_TUPLE || kind == SJ_NODE_FROZENSET)
        return sj_graph_set_children(graph, *c->ref, items->items, items->count, offset, err);
    if (items->count == 0)
        return SNAPJAR_OK;
    return sj_graph_add_change(graph, *c->ref, kind == SJ_NODE_LIST ? SJ_OP_APPENDS : SJ_OP_ADDITEMS, items->items,
                               items->count, SNAPJAR_OFFSET_NONE, err);
}

CONVERT gather_items(const conversion *c, bool is_hashed, sj_refs *items, snapjar_error *err)
{
    const snapjar_graph *graph = c->run->graph;
    const sj_seen seen = sj_picture_see(graph, c->value);
    const sj_node *node = sj_graph_node(graph, seen.items != 0 ? seen.items : c->value);
    sj_cursor cursor = {0, 0, false};
    sj_ref item;
    uint8_t op;
    if (!is_filled_only(graph, node))
        return refuse(c, "something else was done to it than putting elements into it");
    while ((item = sj_graph_walk(graph, node, &cursor, &op)) != 0) {
        if (is_hashed && !can_hash(graph, item))
            return refuse(c, "an element cannot be in a set");
        SJ_TRY(sj_refs_add(graph->context, items, item, err));
    }
    return SNAPJAR_OK;
}

CONVERT to_container(const conversion *c, sj_form to, snapjar_error *err)
{
    sj_refs items = {NULL, 0, 0};
    const sj_node_kind kind = to == SJ_SEEN_LIST    ? SJ_NODE_LIST
                              : to == SJ_SEEN_TUPLE ? SJ_NODE_TUPLE
                              : to == SJ_SEEN_SET   ? SJ_NODE_SET
                                                    : SJ_NODE_FROZENSET;
    if (c->from != SJ_SEEN_LIST && c->from != SJ_SEEN_TUPLE && c->from != SJ_SEEN_SET && c->from != SJ_SEEN_FROZENSET)
        return refuse(c, "there is no such conversion");
    snapjar_status status = gather_items(c, kind == SJ_NODE_SET || kind == SJ_NODE_FROZENSET, &items, err);
    if (status == SNAPJAR_OK && *c->reason == NULL)
        status = make_container(c, kind, &items, err);
    sj_free(c->run->graph->context, items.items);
    return status;
}

snapjar_status sj_convert(sj_apply *run, sj_ref value, const char *type, sj_ref *ref, const char **reason,
                          snapjar_error *err)
{
    const sj_time_kind from_time = sj_time_kind_of(run->graph, value), to_time = sj_time_kind_named(type);
    *ref = value;
    *reason = NULL;
    if (from_time != SJ_TIME_NONE && from_time == to_time)
        return SNAPJAR_OK;
    *ref = 0;
    if (to_time != SJ_TIME_NONE)
        return sj_convert_text_to_time(run->graph, value, to_time, ref, reason, err);
    const sj_form to = form_of(type);
    const conversion c = {run, value, sj_picture_form(run->graph, value), ref, reason};
    if (c.from == to) {
        *ref = value;
        return SNAPJAR_OK;
    }
    if (from_time != SJ_TIME_NONE && to == SJ_SEEN_STR)
        return sj_convert_time_to_text(run->graph, value, ref, reason, err);
    switch (to) {
    case SJ_SEEN_BOOL:
        return to_bool(&c, err);
    case SJ_SEEN_INT:
        return to_int(&c, err);
    case SJ_SEEN_FLOAT:
        return to_float(&c, err);
    case SJ_SEEN_STR:
    case SJ_SEEN_BYTES:
    case SJ_SEEN_BYTEARRAY:
        return to_text(&c, to, err);
    default:
        return to_container(&c, to, err);
    }
}
