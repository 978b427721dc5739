/* SPDX-License-Identifier: MIT
 *
 * Literals: checking them, and building them in a graph. A stack of its own in place of recursion, of fixed depth.
 */
#include "migrate/literal.h"

#include <string.h>

#include "migrate/fields.h"
#include "migrate/literal_parts.h"
#include "util/bytes.h"

#define FRAME_COUNT (SJ_LITERAL_DEPTH_MAX + 1)

static snapjar_status raise(snapjar_error *err, const char *what)
{
    return sj_raise(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_LITERAL_INVALID, SJ_NOWHERE, "%s", what);
}

/* ---- checking ---- */

static snapjar_status check_leaf(const sj_json *json, sj_literal_tag tag, snapjar_error *err)
{
    uint8_t bytes[SJ_DECIMAL_BYTES_MAX];
    uint64_t bits[2];
    size_t size;
    const sj_json *value = sj_literal_tagged(json);
    switch (tag) {
    case SJ_LITERAL_INT:
        return sj_literal_int(json, bytes, &size) ? SNAPJAR_OK
                                                  : raise(err, "\"$int\" takes a string of decimal digits");
    case SJ_LITERAL_FLOAT:
        return sj_literal_float(json, bits) ? SNAPJAR_OK
                                            : raise(err, "\"$float\" takes \"nan\", \"inf\", \"-inf\", or a number in "
                                                         "decimal or as \"0x1p-3\" in a string");
    case SJ_LITERAL_COMPLEX:
        return sj_literal_complex(json, bits) ? SNAPJAR_OK : raise(err, "\"$complex\" takes an array of two numbers");
    case SJ_LITERAL_BYTES:
    case SJ_LITERAL_BYTEARRAY:
        if (sj_json_type_of(value) != SJ_JSON_STRING ||
            !sj_literal_base64(sj_json_string(value), NULL, SIZE_MAX, &size))
            return raise(err, "\"$bytes\" and \"$bytearray\" take a string in base64");
        return SNAPJAR_OK;
    case SJ_LITERAL_GLOBAL:
        if (sj_json_type_of(value) != SJ_JSON_STRING || !sj_literal_is_name(value))
            return raise(err, "\"$global\" takes a name as \"module:Name\"");
        return SNAPJAR_OK;
    default:
        return SNAPJAR_OK;
    }
}

/** One that has parts: their number and form. */
static snapjar_status check_shape(const sj_json *json, sj_literal_tag tag, snapjar_error *err)
{
    const sj_json *value = sj_literal_tagged(json);
    if (tag == SJ_LITERAL_OBJECT || tag == SJ_LITERAL_LIST)
        return SNAPJAR_OK;
    if (sj_json_type_of(value) != SJ_JSON_ARRAY)
        return raise(err, "a literal that holds others takes an array of them");
    const size_t count = sj_json_count(value);
    if (tag == SJ_LITERAL_DICT) {
        for (size_t i = 0; i < count; i++) {
            const sj_json *pair = sj_json_at(value, i);
            if (sj_json_type_of(pair) != SJ_JSON_ARRAY || sj_json_count(pair) != 2)
                return raise(err, "\"$dict\" takes an array of pairs [key, value]");
            const sj_literal_tag key = sj_literal_tag_of(sj_json_at(pair, 0));
            if (key == SJ_LITERAL_LIST || key == SJ_LITERAL_OBJECT || key == SJ_LITERAL_DICT || key == SJ_LITERAL_SET ||
                key == SJ_LITERAL_BYTEARRAY)
                return raise(err, "a key of \"$dict\" cannot be a list, dict, set or bytearray");
        }
        return SNAPJAR_OK;
    }
    if (tag == SJ_LITERAL_CALL || tag == SJ_LITERAL_NEW) {
        if (count < 2 || count > (tag == SJ_LITERAL_NEW ? 3 : 2) ||
            sj_json_type_of(sj_json_at(value, 0)) != SJ_JSON_STRING || !sj_literal_is_name(sj_json_at(value, 0)) ||
            sj_json_type_of(sj_json_at(value, 1)) != SJ_JSON_ARRAY)
            return raise(err, tag == SJ_LITERAL_CALL ? "\"$call\" takes [\"module:Name\", [arguments]]"
                                                     : "\"$new\" takes [\"module:Name\", [arguments], state]");
        return SNAPJAR_OK;
    }
    for (size_t i = 0; i < count && tag != SJ_LITERAL_TUPLE; i++) {
        const sj_literal_tag part = sj_literal_tag_of(sj_json_at(value, i));
        if (part == SJ_LITERAL_LIST || part == SJ_LITERAL_OBJECT || part == SJ_LITERAL_DICT || part == SJ_LITERAL_SET ||
            part == SJ_LITERAL_BYTEARRAY)
            return raise(err, "an element of a set cannot be a list, dict, set or bytearray");
    }
    return SNAPJAR_OK;
}

snapjar_status sj_literal_check(const sj_json *json, snapjar_error *err)
{
    sj_literal_parts frames[FRAME_COUNT];
    size_t depth = 0, count = 0;
    const sj_json *at = json;
    for (;;) {
        const sj_literal_tag tag = sj_literal_tag_of(at);
        if (count++ == SJ_LITERAL_PARTS_MAX)
            return sj_raise(err, SNAPJAR_LIMIT, SNAPJAR_DIAG_LITERAL_INVALID, SJ_NOWHERE,
                            "a literal has more than the limit of %d values", SJ_LITERAL_PARTS_MAX);
        if (tag == SJ_LITERAL_INVALID)
            return raise(err, "an object with a member that begins with \"$\" must have that one member, and be one of "
                              "$tuple, $set, $frozenset, $bytes, $bytearray, $int, $float, $complex, $dict, $global, "
                              "$call, $new");
        if (!sj_literal_has_parts(tag)) {
            SJ_TRY(check_leaf(at, tag, err));
        } else {
            SJ_TRY(check_shape(at, tag, err));
            if (depth == SJ_LITERAL_DEPTH_MAX)
                return sj_raise(err, SNAPJAR_LIMIT, SNAPJAR_DIAG_LITERAL_INVALID, SJ_NOWHERE,
                                "a literal is nested deeper than the limit of %d", SJ_LITERAL_DEPTH_MAX);
            sj_literal_parts_begin(&frames[depth++], at, tag);
        }
        snapjar_text key;
        while (depth > 0 && (at = sj_literal_parts_next(&frames[depth - 1], &key)) == NULL)
            depth--;
        if (depth == 0)
            return SNAPJAR_OK;
    }
}

bool sj_literal_is_immutable(const sj_json *json)
{
    sj_literal_parts frames[FRAME_COUNT];
    size_t depth = 0;
    const sj_json *at = json;
    for (;;) {
        const sj_literal_tag tag = sj_literal_tag_of(at);
        if (tag == SJ_LITERAL_LIST || tag == SJ_LITERAL_OBJECT || tag == SJ_LITERAL_DICT || tag == SJ_LITERAL_SET ||
            tag == SJ_LITERAL_BYTEARRAY || tag == SJ_LITERAL_CALL || tag == SJ_LITERAL_NEW)
            return false;
        if (sj_literal_has_parts(tag))
            sj_literal_parts_begin(&frames[depth++], at, tag);
        snapjar_text key;
        while (depth > 0 && (at = sj_literal_parts_next(&frames[depth - 1], &key)) == NULL)
            depth--;
        if (depth == 0)
            return true;
    }
}

/* ---- building ---- */

typedef struct builder {
    snapjar_graph *graph;
    sj_ref *refs;
    size_t count;
    size_t capacity;
} builder;

static snapjar_status push(builder *b, sj_ref ref, snapjar_error *err)
{
    if (b->count == b->capacity) {
        const size_t capacity = b->capacity == 0 ? 16 : 2 * b->capacity;
        sj_ref *refs = sj_realloc(b->graph->context, b->refs, capacity * sizeof *refs);
        if (refs == NULL)
            return sj_raise_no_memory(err, capacity * sizeof *refs);
        b->refs = refs;
        b->capacity = capacity;
    }
    b->refs[b->count++] = ref;
    return SNAPJAR_OK;
}

static snapjar_status add_global(snapjar_graph *graph, snapjar_text text, sj_ref *ref, snapjar_error *err)
{
    sj_class_name name;
    sj_ref texts[2];
    (void)sj_class_name_read(text, &name);
    SJ_TRY(sj_graph_add_text(graph, name.module, &texts[0], err));
    SJ_TRY(sj_graph_add_text(graph, name.name, &texts[1], err));
    SJ_TRY(sj_graph_add_made(graph, SJ_NODE_GLOBAL, 0, ref, err));
    return sj_graph_set_global(graph, *ref, texts, err);
}

static snapjar_status add_int(snapjar_graph *graph, const sj_json *json, sj_ref *ref, snapjar_error *err)
{
    uint8_t literal[5 + SJ_DECIMAL_BYTES_MAX] = {SJ_OP_LONG4};
    size_t size;
    (void)sj_literal_int(json, literal + 5, &size);
    if (size > 4) {
        sj_write_le32(literal + 1, (uint32_t)size);
        return sj_graph_add_literal(graph, SJ_NODE_INT, literal, 5 + size, ref, err);
    }
    const uint8_t fill = size > 0 && (literal[4 + size] & 0x80) != 0 ? 0xff : 0;
    memset(literal + 5 + size, fill, 4 - size);
    literal[4] = SJ_OP_BININT;
    return sj_graph_add_literal(graph, SJ_NODE_INT, literal + 4, 5, ref, err);
}

static snapjar_status add_float(snapjar_graph *graph, uint64_t bits, sj_ref *ref, snapjar_error *err)
{
    uint8_t literal[9] = {SJ_OP_BINFLOAT};
    for (size_t i = 0; i < 8; i++)
        literal[1 + i] = (uint8_t)(bits >> (56 - 8 * i));
    return sj_graph_add_literal(graph, SJ_NODE_FLOAT, literal, sizeof literal, ref, err);
}

static snapjar_status add_complex(snapjar_graph *graph, const sj_json *json, sj_ref *ref, snapjar_error *err)
{
    static const char name[] = "builtins:complex";
    uint64_t bits[2];
    sj_ref parts[2], call[2];
    (void)sj_literal_complex(json, bits);
    for (int i = 0; i < 2; i++)
        SJ_TRY(add_float(graph, bits[i], &parts[i], err));
    SJ_TRY(add_global(graph, (snapjar_text){name, sizeof name - 1}, &call[0], err));
    SJ_TRY(sj_graph_add_made(graph, SJ_NODE_TUPLE, 0, &call[1], err));
    SJ_TRY(sj_graph_set_children(graph, call[1], parts, 2, 0, err));
    SJ_TRY(sj_graph_add_made(graph, SJ_NODE_CALL, 0, ref, err));
    return sj_graph_set_children(graph, *ref, call, 2, 0, err);
}

static snapjar_status add_bytes(snapjar_graph *graph, const sj_json *json, bool is_array, sj_ref *ref,
                                snapjar_error *err)
{
    const snapjar_text text = sj_json_string(sj_literal_tagged(json));
    uint8_t *literal = sj_alloc(graph->context, 9 + text.size);
    size_t size;
    if (literal == NULL)
        return sj_raise_no_memory(err, 9 + text.size);
    (void)sj_literal_base64(text, literal + 9, text.size, &size);
    literal[0] = is_array ? SJ_OP_BYTEARRAY8 : SJ_OP_BINBYTES8;
    sj_write_le64(literal + 1, size);
    const snapjar_status status =
        sj_graph_add_literal(graph, is_array ? SJ_NODE_BYTEARRAY : SJ_NODE_BYTES, literal, 9 + size, ref, err);
    sj_free(graph->context, literal);
    return status;
}

static snapjar_status add_leaf(snapjar_graph *graph, const sj_json *json, sj_literal_tag tag, sj_ref *ref,
                               snapjar_error *err)
{
    uint64_t bits;
    switch (tag) {
    case SJ_LITERAL_NONE:
        return sj_graph_add_made(graph, SJ_NODE_NONE, 0, ref, err);
    case SJ_LITERAL_BOOL:
        return sj_graph_add_made(graph, sj_json_is_true(json) ? SJ_NODE_TRUE : SJ_NODE_FALSE, 0, ref, err);
    case SJ_LITERAL_INT:
        return add_int(graph, json, ref, err);
    case SJ_LITERAL_FLOAT:
        (void)sj_literal_float(json, &bits);
        return add_float(graph, bits, ref, err);
    case SJ_LITERAL_COMPLEX:
        return add_complex(graph, json, ref, err);
    case SJ_LITERAL_BYTES:
    case SJ_LITERAL_BYTEARRAY:
        return add_bytes(graph, json, tag == SJ_LITERAL_BYTEARRAY, ref, err);
    case SJ_LITERAL_GLOBAL:
        return add_global(graph, sj_json_string(sj_literal_tagged(json)), ref, err);
    default:
        return sj_graph_add_text(graph, sj_json_string(json), ref, err);
    }
}

/** A call, or an instance with its state, of the parts from `first` on. */
static snapjar_status make_call(builder *b, const sj_literal_parts *parts, size_t first, sj_ref *ref,
                                snapjar_error *err)
{
    const bool is_new = parts->tag == SJ_LITERAL_NEW;
    const bool has_state = is_new && sj_json_count(parts->array) == 3;
    const size_t count = b->count - first - has_state;
    sj_ref pair[2];
    SJ_TRY(add_global(b->graph, sj_json_string(sj_json_at(parts->array, 0)), &pair[0], err));
    SJ_TRY(sj_graph_add_made(b->graph, SJ_NODE_TUPLE, 0, &pair[1], err));
    SJ_TRY(sj_graph_set_children(b->graph, pair[1], b->refs + first, count, 0, err));
    SJ_TRY(sj_graph_add_made(b->graph, is_new ? SJ_NODE_NEW : SJ_NODE_CALL, 0, ref, err));
    SJ_TRY(sj_graph_set_children(b->graph, *ref, pair, 2, 0, err));
    if (!has_state)
        return SNAPJAR_OK;
    return sj_graph_add_change(b->graph, *ref, SJ_OP_BUILD, b->refs + b->count - 1, 1, SNAPJAR_OFFSET_NONE, err);
}

/** Pushes the value that the parts from `first` on make. */
static snapjar_status make(builder *b, const sj_literal_parts *parts, size_t first, snapjar_error *err)
{
    const size_t count = b->count - first;
    sj_node_kind kind = SJ_NODE_DICT;
    uint8_t op = SJ_OP_SETITEMS;
    sj_ref ref;
    switch (parts->tag) {
    case SJ_LITERAL_CALL:
    case SJ_LITERAL_NEW:
        SJ_TRY(make_call(b, parts, first, &ref, err));
        b->count = first;
        return push(b, ref, err);
    case SJ_LITERAL_TUPLE:
    case SJ_LITERAL_FROZENSET:
        kind = parts->tag == SJ_LITERAL_TUPLE ? SJ_NODE_TUPLE : SJ_NODE_FROZENSET;
        op = 0;
        break;
    case SJ_LITERAL_LIST:
        kind = SJ_NODE_LIST;
        op = SJ_OP_APPENDS;
        break;
    case SJ_LITERAL_SET:
        kind = SJ_NODE_SET;
        op = SJ_OP_ADDITEMS;
        break;
    default:
        break;
    }
    SJ_TRY(sj_graph_add_made(b->graph, kind, 0, &ref, err));
    if (op == 0)
        SJ_TRY(sj_graph_set_children(b->graph, ref, b->refs + first, count, 0, err));
    else if (count > 0)
        SJ_TRY(sj_graph_add_change(b->graph, ref, op, b->refs + first, count, SNAPJAR_OFFSET_NONE, err));
    b->count = first;
    return push(b, ref, err);
}

static snapjar_status build(builder *b, const sj_json *json, snapjar_error *err)
{
    sj_literal_parts frames[FRAME_COUNT];
    size_t firsts[FRAME_COUNT];
    size_t depth = 0;
    const sj_json *at = json;
    for (;;) {
        const sj_literal_tag tag = sj_literal_tag_of(at);
        if (sj_literal_has_parts(tag)) {
            firsts[depth] = b->count;
            sj_literal_parts_begin(&frames[depth++], at, tag);
        } else {
            sj_ref ref;
            SJ_TRY(add_leaf(b->graph, at, tag, &ref, err));
            SJ_TRY(push(b, ref, err));
        }
        snapjar_text key = {NULL, 0};
        while (depth > 0 && (at = sj_literal_parts_next(&frames[depth - 1], &key)) == NULL) {
            depth--;
            SJ_TRY(make(b, &frames[depth], firsts[depth], err));
        }
        if (depth == 0)
            return SNAPJAR_OK;
        if (key.data != NULL) {
            sj_ref ref;
            SJ_TRY(sj_graph_add_text(b->graph, key, &ref, err));
            SJ_TRY(push(b, ref, err));
        }
    }
}

snapjar_status sj_literal_add(snapjar_graph *graph, const sj_json *json, sj_ref *ref, snapjar_error *err)
{
    builder b = {.graph = graph};
    *ref = 0;
    const snapjar_status status = build(&b, json, err);
    if (status == SNAPJAR_OK)
        *ref = b.refs[0];
    sj_free(graph->context, b.refs);
    return status;
}
