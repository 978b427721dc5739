/* SPDX-License-Identifier: MIT
 *
 * A hash of each value: of a leaf, of all of it; of others, of their parts down to a few levels. Going down no further
 * makes it the same whichever way a cycle is entered, and leaves a list's element alike when something deep in it
 * changes. Not keyed: whoever makes hashes collide gets a poorer alignment, never a wrong answer.
 */
#include "pickle/diff.h"

#include <string.h>

#include "pickle/decimal.h"

/** Levels of parts that a hash looks at. */
#define LEVELS 3

static uint32_t mix(uint32_t a, uint32_t b)
{
    uint64_t value = (uint64_t)(a ^ UINT32_C(0x9e3779b9)) * UINT64_C(0xd6e8feb86659fd93) + b;
    value ^= value >> 32;
    value *= UINT64_C(0xd6e8feb86659fd93);
    return (uint32_t)(value >> 32);
}

static uint32_t hash_bytes(const uint8_t *data, size_t size, uint32_t seed)
{
    uint64_t hash = seed ^ UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ data[i]) * UINT64_C(0x100000001b3);
    return (uint32_t)(hash ^ hash >> 32);
}

/** Of the characters, whatever the form. */
static uint32_t hash_text(const snapjar_graph *graph, sj_seen seen)
{
    uint64_t hash = (uint64_t)seen.form;
    size_t at = 0;
    uint32_t point;
    bool is_byte;
    if (seen.text == 0)
        return (uint32_t)hash;
    const sj_literal literal = sj_picture_literal(graph, sj_graph_node(graph, seen.text));
    while (sj_literal_point(&literal, &at, &point, &is_byte))
        hash = (hash ^ point) * UINT64_C(0x9e3779b97f4a7c15) + (hash >> 29);
    return (uint32_t)(hash ^ hash >> 32);
}

static uint32_t hash_name(const snapjar_graph *graph, sj_ref ref)
{
    char text[512];
    sj_out out;
    sj_out_to_text(&out, text, sizeof text, false);
    sj_picture_global(&out, graph, ref);
    return hash_bytes((const uint8_t *)text, sj_out_end(&out), 7);
}

uint32_t sj_diff_hash_leaf(const snapjar_graph *graph, sj_ref ref)
{
    const sj_node *node = sj_graph_node(graph, ref);
    const sj_seen seen = sj_picture_see(graph, ref);
    uint8_t bytes[SJ_DECIMAL_BYTES_MAX];
    sj_number number;
    switch (seen.form) {
    case SJ_SEEN_BOOL:
        return mix(1, node->kind == SJ_NODE_TRUE);
    case SJ_SEEN_INT:
        number = sj_picture_int(graph, ref, bytes);
        return hash_bytes(number.data, number.size, 2);
    case SJ_SEEN_FLOAT:
        return mix(3, (uint32_t)(sj_picture_bits(graph, ref) * UINT64_C(0x9e3779b97f4a7c15) >> 32));
    case SJ_SEEN_STR:
    case SJ_SEEN_BYTES:
    case SJ_SEEN_BYTEARRAY:
        return hash_text(graph, seen);
    case SJ_SEEN_GLOBAL:
        return hash_name(graph, ref);
    case SJ_SEEN_EXTENSION: {
        const sj_literal literal = sj_picture_literal(graph, node);
        return mix(4, (uint32_t)sj_literal_unsigned(&literal));
    }
    default:
        return mix(5, seen.form);
    }
}

/** Of the class. In a pickle it stands before the object, so that its hash is there; in a graph that steps have changed
 * it may come later. */
static uint32_t hash_class(const snapjar_graph *graph, sj_ref ref, const uint32_t *hashes)
{
    uint32_t skipped;
    const sj_node *node = sj_graph_node(graph, ref);
    const sj_ref class = sj_picture_class(graph, node, &skipped);
    if (class == 0)
        return mix(6, node->kind == SJ_NODE_INSTANCE);
    if (class < ref)
        return hashes[class];
    const sj_form form = sj_picture_form(graph, class);
    return sj_form_is_leaf(form) ? sj_diff_hash_leaf(graph, class) : mix((uint32_t)form, 0);
}

/** Whether the place of a part among its kind does not matter. */
static bool is_unordered(sj_step_kind kind)
{
    return kind == SJ_STEP_FIELD || kind == SJ_STEP_KEY || kind == SJ_STEP_KEYWORD || kind == SJ_STEP_ELEMENT;
}

static uint32_t hash_parts(const snapjar_graph *graph, sj_ref ref, const uint32_t *parts, uint32_t hash)
{
    sj_view view;
    sj_step step;
    uint32_t sum = 0;
    sj_view_begin(&view, graph, ref);
    while (sj_view_next(&view, &step)) {
        uint32_t part = mix((uint32_t)step.kind, parts[step.value]);
        if (step.key != 0)
            part = mix(part, parts[step.key]);
        if (step.kind == SJ_STEP_KEY_OBJECT)
            continue;
        if (is_unordered(step.kind))
            sum += part;
        else
            hash = mix(hash, part);
    }
    return mix(hash, sum);
}

snapjar_status sj_diff_hash(sj_diff *diff, int side)
{
    const snapjar_graph *graph = diff->graphs[side];
    const size_t size = graph->node_count * sizeof(uint32_t);
    uint32_t *last = sj_alloc(diff->context, size);
    uint32_t *own = sj_alloc(diff->context, size);
    uint32_t *next = sj_alloc(diff->context, size);
    if (last == NULL || own == NULL || next == NULL) {
        sj_free(diff->context, last);
        sj_free(diff->context, own);
        sj_free(diff->context, next);
        return sj_raise_no_memory(diff->err, size);
    }
    own[0] = 0;
    for (sj_ref ref = 1; ref < graph->node_count; ref++) {
        const sj_form form = sj_picture_form(graph, ref);
        if (sj_form_is_leaf(form))
            own[ref] = sj_diff_hash_leaf(graph, ref);
        else
            own[ref] = mix((uint32_t)form, form == SJ_SEEN_OBJECT ? hash_class(graph, ref, own) : 0);
    }
    memcpy(last, own, size);
    for (int level = 0; level < LEVELS; level++) {
        memcpy(next, own, size);
        for (sj_ref ref = 1; ref < graph->node_count; ref++) {
            if (!sj_form_is_leaf(sj_picture_form(graph, ref)))
                next[ref] = hash_parts(graph, ref, last, own[ref]);
        }
        uint32_t *swap = last;
        last = next;
        next = swap;
    }
    sj_free(diff->context, own);
    sj_free(diff->context, next);
    diff->hashes[side] = last;
    return SNAPJAR_OK;
}
