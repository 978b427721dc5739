/* SPDX-License-Identifier: MIT
 *
 * Whether a value of a graph equals a literal: pairs that must all be equal, taken one after another. Keys and elements
 * of sets are looked for, which goes one level deep: a set in a set finds only what has no parts.
 */
#include <string.h>

#include "migrate/fields.h"
#include "migrate/literal.h"
#include "migrate/literal_parts.h"
#include "migrate/number.h"

/** Each part of a literal waits once at most. */
#define PENDING_MAX (SJ_LITERAL_PARTS_MAX + 1)

typedef struct pair {
    const sj_json *json;
    sj_ref ref;
} pair;

typedef struct comparison {
    const snapjar_graph *graph;
    /** Numbers are equal if their values are, whatever their types. */
    bool is_key;
    pair pending[PENDING_MAX];
    size_t count;
} comparison;

static bool equal_bits(uint64_t a, uint64_t b)
{
    double left, right;
    memcpy(&left, &a, sizeof left);
    memcpy(&right, &b, sizeof right);
    return left == right;
}

static bool equal_int(const snapjar_graph *graph, const sj_json *json, sj_ref ref)
{
    uint8_t wanted[SJ_DECIMAL_BYTES_MAX], buffer[SJ_DECIMAL_BYTES_MAX];
    size_t size;
    if (!sj_literal_int(json, wanted, &size))
        return false;
    const sj_number number = sj_picture_int(graph, ref, buffer);
    return number.size == size && (size == 0 || memcmp(number.data, wanted, size) == 0);
}

static bool equal_bytes(const snapjar_graph *graph, const sj_json *json, sj_ref text)
{
    const snapjar_text coded = sj_json_string(sj_literal_tagged(json));
    size_t at = 0, size;
    uint32_t point;
    bool is_byte;
    (void)sj_literal_base64(coded, NULL, SIZE_MAX, &size);
    if (text == 0)
        return size == 0;
    const sj_literal literal = sj_picture_literal(graph, sj_graph_node(graph, text));
    for (size_t group = 0; group < coded.size; group += 4) {
        uint8_t bytes[3];
        size_t count;
        const bool is_last = group + 4 == coded.size;
        (void)sj_literal_base64((snapjar_text){coded.data + group, 4}, bytes, sizeof bytes, &count);
        if (!is_last && count != 3)
            return false;
        for (size_t i = 0; i < count; i++) {
            if (!sj_literal_point(&literal, &at, &point, &is_byte) || point != bytes[i])
                return false;
        }
    }
    return !sj_literal_point(&literal, &at, &point, &is_byte);
}

static bool equal_complex(const snapjar_graph *graph, const sj_json *json, sj_ref ref)
{
    sj_instance instance;
    uint64_t bits[2];
    static const sj_class_name name = {{"builtins", 8}, {"complex", 7}};
    if (!sj_literal_complex(json, bits) || !sj_instance_see(graph, ref, &instance) ||
        !sj_class_is(graph, instance.class_ref, &name) || instance.argument_count != 2)
        return false;
    for (uint32_t i = 0; i < 2; i++) {
        const sj_ref part = sj_instance_argument(graph, &instance, i);
        if (sj_picture_form(graph, part) != SJ_SEEN_FLOAT || !equal_bits(sj_picture_bits(graph, part), bits[i]))
            return false;
    }
    return true;
}

static void set_small(sj_bound *bound, uint8_t *byte, bool is_one)
{
    *byte = is_one;
    *bound = (sj_bound){.data = byte, .size = is_one};
}

/** The number that a literal is; false if it is none. */
static bool literal_number(const sj_json *json, sj_literal_tag tag, sj_bound *bound, uint8_t buffer[SJ_BOUND_SIZE_MAX])
{
    uint64_t bits;
    if (tag == SJ_LITERAL_BOOL) {
        set_small(bound, buffer, sj_json_is_true(json));
        return true;
    }
    if (tag == SJ_LITERAL_FLOAT && sj_literal_float(json, &bits)) {
        *bound = (sj_bound){.is_float = true};
        memcpy(&bound->real, &bits, sizeof bits);
        return true;
    }
    *bound = (sj_bound){.data = buffer};
    return tag == SJ_LITERAL_INT && sj_literal_int(json, buffer, &bound->size);
}

/** Whether both are numbers, and of the same value. */
static bool equal_numbers(const snapjar_graph *graph, const sj_json *json, sj_literal_tag tag, sj_ref ref)
{
    uint8_t buffer[SJ_BOUND_SIZE_MAX], byte;
    sj_bound wanted, truth;
    const sj_form form = sj_picture_form(graph, ref);
    if (!literal_number(json, tag, &wanted, buffer))
        return false;
    if (form == SJ_SEEN_INT || form == SJ_SEEN_FLOAT)
        return sj_bound_compare(graph, ref, &wanted) == 0;
    set_small(&truth, &byte, sj_graph_node(graph, ref)->kind == SJ_NODE_TRUE);
    return form == SJ_SEEN_BOOL && sj_bound_order(&truth, &wanted) == 0;
}

static bool equal_leaf(const snapjar_graph *graph, const sj_json *json, sj_literal_tag tag, sj_ref ref, bool is_key)
{
    const sj_seen seen = sj_picture_see(graph, ref);
    sj_class_name name;
    uint64_t bits;
    if (is_key && tag >= SJ_LITERAL_BOOL && tag <= SJ_LITERAL_FLOAT)
        return equal_numbers(graph, json, tag, ref);
    switch (tag) {
    case SJ_LITERAL_NONE:
        return seen.form == SJ_SEEN_NONE;
    case SJ_LITERAL_BOOL:
        return seen.form == SJ_SEEN_BOOL && (sj_graph_node(graph, ref)->kind == SJ_NODE_TRUE) == sj_json_is_true(json);
    case SJ_LITERAL_INT:
        return seen.form == SJ_SEEN_INT && equal_int(graph, json, ref);
    case SJ_LITERAL_FLOAT:
        return seen.form == SJ_SEEN_FLOAT && sj_literal_float(json, &bits) &&
               equal_bits(bits, sj_picture_bits(graph, ref));
    case SJ_LITERAL_COMPLEX:
        return equal_complex(graph, json, ref);
    case SJ_LITERAL_STR:
        return seen.form == SJ_SEEN_STR && sj_key_is(graph, ref, sj_json_string(json));
    case SJ_LITERAL_BYTES:
        return seen.form == SJ_SEEN_BYTES && equal_bytes(graph, json, seen.text);
    case SJ_LITERAL_BYTEARRAY:
        return seen.form == SJ_SEEN_BYTEARRAY && equal_bytes(graph, json, seen.text);
    case SJ_LITERAL_GLOBAL:
        return sj_picture_is_name(graph, ref) && sj_class_name_read(sj_json_string(sj_literal_tagged(json)), &name) &&
               sj_class_is(graph, ref, &name);
    default:
        return false;
    }
}

static bool add_pair(comparison *c, const sj_json *json, sj_ref ref)
{
    if (c->count == PENDING_MAX)
        return false;
    c->pending[c->count++] = (pair){json, ref};
    return true;
}

static bool equal_all(comparison *c, int level);

/** Whether a key or element equals a literal. */
static bool is_equal(const snapjar_graph *graph, const sj_json *json, sj_ref ref, int level, bool is_key)
{
    const sj_literal_tag tag = sj_literal_tag_of(json);
    if (!sj_literal_has_parts(tag))
        return equal_leaf(graph, json, tag, ref, is_key);
    if (level > 0)
        return false;
    comparison inner;
    inner.graph = graph;
    inner.is_key = is_key;
    inner.count = 0;
    return add_pair(&inner, json, ref) && equal_all(&inner, level + 1);
}

/** The items of a list, tuple or set in their order. */
static sj_ref next_item(const snapjar_graph *graph, const sj_node *node, sj_cursor *cursor)
{
    uint8_t op;
    return sj_graph_walk(graph, node, cursor, &op);
}

static bool equal_sequence(comparison *c, sj_literal_parts *parts, const sj_node *node)
{
    sj_cursor cursor = {0, 0, false};
    const sj_json *json;
    snapjar_text key;
    sj_ref item;
    for (;;) {
        json = sj_literal_parts_next(parts, &key);
        item = next_item(c->graph, node, &cursor);
        if (json == NULL || item == 0)
            return json == NULL && item == 0;
        if (!add_pair(c, json, item))
            return false;
    }
}

/** Each element is in the other; a literal that says one twice has it once. */
static bool equal_set(comparison *c, sj_literal_parts *parts, const sj_node *node, int level)
{
    sj_literal_parts again;
    snapjar_text key;
    const sj_json *json;
    sj_cursor cursor = {0, 0, false};
    sj_ref item;
    while ((item = next_item(c->graph, node, &cursor)) != 0) {
        again = *parts;
        while ((json = sj_literal_parts_next(&again, &key)) != NULL &&
               !is_equal(c->graph, json, item, level, c->is_key))
            continue;
        if (json == NULL)
            return false;
    }
    while ((json = sj_literal_parts_next(parts, &key)) != NULL) {
        cursor = (sj_cursor){0, 0, false};
        while ((item = next_item(c->graph, node, &cursor)) != 0 && !is_equal(c->graph, json, item, level, c->is_key))
            continue;
        if (item == 0)
            return false;
    }
    return true;
}

/** The value that the literal has for a key; NULL: none. The last one holds. */
static const sj_json *find_value(const comparison *c, const sj_literal_parts *parts, sj_ref ref, int level)
{
    sj_literal_parts walk = *parts;
    snapjar_text key;
    const sj_json *json, *found = NULL;
    while ((json = sj_literal_parts_next(&walk, &key)) != NULL) {
        bool is_same;
        if (walk.tag == SJ_LITERAL_OBJECT) {
            is_same = sj_key_is(c->graph, ref, key);
        } else {
            is_same = is_equal(c->graph, json, ref, level, c->is_key);
            json = sj_literal_parts_next(&walk, &key);
        }
        found = is_same ? json : found;
    }
    return found;
}

/** The pair that a dict has for a key of the literal; the last one holds. */
static bool find_field(const comparison *c, sj_ref dict, const sj_json *json, const snapjar_text *key, int level,
                       sj_field *found)
{
    sj_fields fields;
    sj_field field;
    bool is_found = false;
    sj_fields_begin(&fields, c->graph, dict);
    while (sj_fields_next(&fields, &field)) {
        if (key != NULL ? !sj_key_is(c->graph, field.key, *key)
                        : !is_equal(c->graph, json, field.key, level, c->is_key))
            continue;
        *found = field;
        is_found = true;
    }
    return is_found;
}

static bool equal_dict(comparison *c, sj_literal_parts *parts, sj_ref ref, int level)
{
    sj_fields fields;
    sj_field field;
    sj_literal_parts walk = *parts;
    const bool is_object = parts->tag == SJ_LITERAL_OBJECT;
    snapjar_text key;
    const sj_json *json;
    if (!sj_dict_is_pairs(c->graph, ref))
        return false;
    sj_fields_begin(&fields, c->graph, ref);
    while (sj_fields_next(&fields, &field)) {
        if (find_value(c, parts, field.key, level) == NULL)
            return false;
    }
    while ((json = sj_literal_parts_next(&walk, &key)) != NULL) {
        if (!find_field(c, ref, json, is_object ? &key : NULL, level, &field))
            return false;
        /* Of a key that the literal has twice the last value holds. */
        if (!is_object)
            (void)sj_literal_parts_next(&walk, &key);
        if (!add_pair(c, find_value(c, parts, field.key, level), field.value))
            return false;
    }
    return true;
}

static bool equal_call(comparison *c, sj_literal_parts *parts, sj_ref ref)
{
    sj_instance instance;
    sj_class_name name;
    snapjar_text key;
    const bool is_new = parts->tag == SJ_LITERAL_NEW;
    const sj_json *state = is_new ? sj_json_at(parts->array, 2) : NULL;
    (void)sj_class_name_read(sj_json_string(sj_json_at(parts->array, 0)), &name);
    if (!sj_instance_see(c->graph, ref, &instance) || !sj_class_is(c->graph, instance.class_ref, &name) ||
        instance.argument_count != sj_json_count(sj_json_at(parts->array, 1)) || instance.build_count > 1)
        return false;
    const sj_node *node = sj_graph_node(c->graph, ref);
    const bool has_items = sj_graph_first_change(c->graph, node) != node->changes ||
                           (node->changes != 0 && sj_graph_change(c->graph, node->changes).op != SJ_OP_BUILD);
    if (has_items || (state != NULL) != (instance.state != 0))
        return false;
    for (uint32_t i = 0; i < instance.argument_count; i++) {
        if (!add_pair(c, sj_literal_parts_next(parts, &key), sj_instance_argument(c->graph, &instance, i)))
            return false;
    }
    return state == NULL || add_pair(c, state, instance.state);
}

static bool equal_parts(comparison *c, const sj_json *json, sj_literal_tag tag, sj_ref ref, int level)
{
    static const uint8_t forms[] = {[SJ_LITERAL_LIST] = SJ_SEEN_LIST,   [SJ_LITERAL_TUPLE] = SJ_SEEN_TUPLE,
                                    [SJ_LITERAL_SET] = SJ_SEEN_SET,     [SJ_LITERAL_FROZENSET] = SJ_SEEN_FROZENSET,
                                    [SJ_LITERAL_OBJECT] = SJ_SEEN_DICT, [SJ_LITERAL_DICT] = SJ_SEEN_DICT,
                                    [SJ_LITERAL_CALL] = SJ_SEEN_OBJECT, [SJ_LITERAL_NEW] = SJ_SEEN_OBJECT};
    const sj_seen seen = sj_picture_see(c->graph, ref);
    const sj_node *node = sj_graph_node(c->graph, seen.items != 0 ? seen.items : ref);
    sj_literal_parts parts;
    if (seen.form != forms[tag])
        return false;
    sj_literal_parts_begin(&parts, json, tag);
    if (seen.form == SJ_SEEN_OBJECT)
        return equal_call(c, &parts, ref);
    if (seen.form == SJ_SEEN_DICT)
        return equal_dict(c, &parts, ref, level);
    if (seen.form == SJ_SEEN_LIST || seen.form == SJ_SEEN_TUPLE)
        return equal_sequence(c, &parts, node);
    return equal_set(c, &parts, node, level);
}

static bool equal_all(comparison *c, int level)
{
    while (c->count > 0) {
        const pair next = c->pending[--c->count];
        const sj_literal_tag tag = sj_literal_tag_of(next.json);
        const bool is_same = sj_literal_has_parts(tag) ? equal_parts(c, next.json, tag, next.ref, level)
                                                       : equal_leaf(c->graph, next.json, tag, next.ref, c->is_key);
        if (!is_same)
            return false;
    }
    return true;
}

bool sj_literal_equal(const sj_json *json, const snapjar_graph *graph, sj_ref ref)
{
    return is_equal(graph, json, ref, -1, false);
}

bool sj_literal_is_key(const sj_json *json, const snapjar_graph *graph, sj_ref ref)
{
    return is_equal(graph, json, ref, -1, true);
}
