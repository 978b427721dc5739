/* SPDX-License-Identifier: MIT
 *
 * The arrays of a graph: adding to them within the limits, and reading what is in them. Knows nothing of stacks.
 */
#include "pickle/graph.h"

#include <assert.h>
#include <string.h>

#include "pickle/canonical.h"
#include "util/bytes.h"

#define FIRST_CAPACITY ((size_t)64)
/** What most small pickles do with. */
#define FIRST_CAPACITY_MAX ((size_t)1024)
/** A value takes some four bytes and more. */
#define BYTES_PER_NODE 4

/* ---- adding ---- */

/** The first time as much as a pickle of its size may need, then half as much again; no more than `highest`, which is
 * at least `needed`. */
static size_t capacity_for(const snapjar_graph *graph, size_t capacity, size_t needed, size_t highest)
{
    const size_t first = sj_min(graph->size / BYTES_PER_NODE, FIRST_CAPACITY_MAX);
    size_t grown = capacity == 0 ? first : capacity + capacity / 2;
    if (grown < FIRST_CAPACITY)
        grown = FIRST_CAPACITY;
    if (grown < needed)
        grown = needed;
    return grown < highest ? grown : highest;
}

static snapjar_status raise_limit(uint64_t offset, const char *what, uint64_t limit, snapjar_error *err)
{
    return sj_raise(err, SNAPJAR_LIMIT, SNAPJAR_DIAG_PICKLE_GRAPH_LIMIT, SJ_AT_CONTENT(offset),
                    "the graph needs more than the limit of %llu %s", (unsigned long long)limit, what);
}

snapjar_status sj_graph_reserve(snapjar_graph *graph, size_t count, uint64_t offset, snapjar_error *err)
{
    const size_t needed = graph->word_count + count;
    if (sj_graph_memory(graph, graph->node_count, needed) > graph->options.memory_max)
        return raise_limit(offset, "bytes", graph->options.memory_max, err);
    if (needed <= graph->word_capacity)
        return SNAPJAR_OK;
    if (needed > UINT32_MAX)
        return raise_limit(offset, "references", UINT32_MAX, err);
    const size_t capacity = capacity_for(graph, graph->word_capacity, needed, UINT32_MAX);
    uint32_t *words = sj_realloc(graph->context, graph->words, capacity * sizeof *words);
    if (words == NULL)
        return sj_raise_no_memory(err, capacity * sizeof *words);
    graph->words = words;
    graph->word_capacity = capacity;
    return SNAPJAR_OK;
}

snapjar_status sj_graph_reserve_node(snapjar_graph *graph, uint64_t offset, snapjar_error *err)
{
    /* Node 0 is none. */
    const size_t highest = (size_t)graph->options.node_count_max + 1;
    if (graph->node_count == highest)
        return raise_limit(offset, "values", graph->options.node_count_max, err);
    if (sj_graph_memory(graph, graph->node_count + 1, graph->word_count) > graph->options.memory_max)
        return raise_limit(offset, "bytes", graph->options.memory_max, err);
    if (graph->node_count < graph->node_capacity)
        return SNAPJAR_OK;
    const size_t capacity = capacity_for(graph, graph->node_capacity, graph->node_count + 1, highest);
    sj_node *nodes = sj_realloc(graph->context, graph->nodes, capacity * sizeof *nodes);
    if (nodes == NULL)
        return sj_raise_no_memory(err, capacity * sizeof *nodes);
    graph->nodes = nodes;
    graph->node_capacity = capacity;
    return SNAPJAR_OK;
}

/** Appends references. There is room for them. */
static void put_children(snapjar_graph *graph, const sj_ref *children, size_t count)
{
    uint32_t *to = graph->words + graph->word_count;
    for (size_t i = 0; i < count; i++) {
        to[i] = children[i];
        sj_graph_refer(graph, children[i]);
    }
    graph->word_count += count;
}

snapjar_status sj_graph_set_children(snapjar_graph *graph, sj_ref ref, const sj_ref *children, size_t count,
                                     uint64_t offset, snapjar_error *err)
{
    SJ_TRY(sj_graph_reserve(graph, count, offset, err));
    graph->nodes[ref].first = (uint32_t)graph->word_count;
    graph->nodes[ref].count = (uint32_t)count;
    put_children(graph, children, count);
    return SNAPJAR_OK;
}

/** Whether a loader that meets it looks at nothing but its bytes. */
static bool is_plain(const sj_node *node)
{
    return node->kind < SJ_NODE_EXTENSION;
}

/**
 * Whether these go on where the last change ended: one by one, protocol 0 fills lists and dicts. Only plain values,
 * so that nothing that happened in between can matter.
 */
static bool continues(const snapjar_graph *graph, const sj_node *node, uint8_t op, const sj_ref *children, size_t count)
{
    const bool is_single =
        op == SJ_OP_APPEND ? node->kind == SJ_NODE_LIST : op == SJ_OP_SETITEM && node->kind == SJ_NODE_DICT;
    if (node->changes == 0 || !is_single)
        return false;
    const uint32_t *last = graph->words + node->changes;
    if (last[1] != op || node->changes + SJ_CHANGE_HEAD + last[2] != graph->word_count)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!is_plain(&graph->nodes[children[i]]))
            return false;
    }
    return true;
}

snapjar_status sj_graph_add_change(snapjar_graph *graph, sj_ref ref, uint8_t op, const sj_ref *children, size_t count,
                                   uint64_t offset, snapjar_error *err)
{
    SJ_TRY(sj_graph_reserve(graph, SJ_CHANGE_HEAD + count, offset, err));
    sj_node *node = &graph->nodes[ref];
    if (continues(graph, node, op, children, count)) {
        graph->words[node->changes + 2] += (uint32_t)count;
        put_children(graph, children, count);
        return SNAPJAR_OK;
    }
    const uint32_t place = (uint32_t)graph->word_count;
    uint32_t *head = graph->words + place;
    /* The last change leads to the first. */
    head[0] = node->changes != 0 ? graph->words[node->changes] : place;
    if (node->changes != 0)
        graph->words[node->changes] = place;
    head[1] = op;
    head[2] = (uint32_t)count;
    head[3] = (uint32_t)offset;
    head[4] = (uint32_t)(offset >> 32);
    node->changes = place;
    graph->word_count += SJ_CHANGE_HEAD;
    put_children(graph, children, count);
    return SNAPJAR_OK;
}

snapjar_status sj_graph_add_literal(snapjar_graph *graph, sj_node_kind kind, const void *literal, size_t size,
                                    sj_ref *ref, snapjar_error *err)
{
    *ref = 0;
    if (size > graph->own_capacity - graph->own_size) {
        const size_t capacity = capacity_for(graph, graph->own_capacity, graph->own_size + size, SIZE_MAX);
        uint8_t *own = sj_realloc(graph->context, graph->own, capacity);
        if (own == NULL)
            return sj_raise_no_memory(err, capacity);
        graph->own = own;
        graph->own_capacity = capacity;
    }
    memcpy(graph->own + graph->own_size, literal, size);
    SJ_TRY(sj_graph_add(graph, kind, *(const uint8_t *)literal, graph->own_size, ref, err));
    graph->nodes[*ref].flags = SJ_NODE_IS_OWN;
    graph->own_size += size;
    return SNAPJAR_OK;
}

/* ---- reading ---- */

const uint8_t *sj_graph_span_of(const snapjar_graph *graph, const sj_node *node, size_t *size)
{
    const uint8_t *opcode = sj_graph_opcode(graph, node);
    const uint8_t shape = sj_opcode_shapes[node->form];
    const uint8_t *end, *bytes_end;
    *size = 0;
    switch (shape) {
    case SJ_SHAPE_NONE:
        return NULL;
    case SJ_SHAPE_COUNTED1:
        *size = opcode[1];
        return opcode + 2;
    case SJ_SHAPE_COUNTED4:
    case SJ_SHAPE_COUNTED4_SIGNED:
        *size = sj_read_le32(opcode + 1);
        return opcode + 5;
    case SJ_SHAPE_COUNTED8:
        *size = (size_t)sj_read_le64(opcode + 1);
        return opcode + 9;
    case SJ_SHAPE_LINE:
    case SJ_SHAPE_LINE_PAIR:
        bytes_end = (node->flags & SJ_NODE_IS_OWN) != 0 ? graph->own + graph->own_size : graph->bytes + graph->size;
        /* The lexer found the newlines before. */
        end = opcode;
        for (int lines = shape == SJ_SHAPE_LINE ? 1 : 2; lines > 0; lines--)
            end = memchr(end + 1, '\n', (size_t)(bytes_end - end - 1));
        *size = (size_t)(end - opcode - 1);
        return opcode + 1;
    }
    *size = shape - 1u;
    return opcode + 1;
}

uint32_t sj_graph_first_change(const snapjar_graph *graph, const sj_node *node)
{
    return node->changes != 0 ? graph->words[node->changes] : 0;
}

uint32_t sj_graph_next_change(const snapjar_graph *graph, const sj_node *node, uint32_t place)
{
    return place != node->changes ? graph->words[place] : 0;
}

sj_change sj_graph_change(const snapjar_graph *graph, uint32_t place)
{
    const uint32_t *head = graph->words + place;
    return (sj_change){.op = (uint8_t)head[1],
                       .count = head[2],
                       .first = place + SJ_CHANGE_HEAD,
                       .offset = head[3] | (uint64_t)head[4] << 32};
}

sj_ref sj_graph_walk_on(const snapjar_graph *graph, const sj_node *node, sj_cursor *cursor, uint8_t *op)
{
    *op = 0;
    if (!cursor->is_past_children) {
        if (cursor->index < node->count)
            return graph->words[node->first + cursor->index++];
        *cursor = (sj_cursor){0, sj_graph_first_change(graph, node), true};
    }
    while (cursor->change != 0) {
        const uint32_t *head = graph->words + cursor->change;
        if (cursor->index < head[2]) {
            *op = (uint8_t)head[1];
            return head[SJ_CHANGE_HEAD + cursor->index++];
        }
        cursor->change = sj_graph_next_change(graph, node, cursor->change);
        cursor->index = 0;
    }
    return 0;
}

void sj_graph_global(const snapjar_graph *graph, const sj_node *node, snapjar_text *module, snapjar_text *name)
{
    snapjar_text texts[2] = {{"", 0}, {"", 0}};
    if (node->count == 0) {
        size_t size;
        const char *span = (const char *)sj_graph_span(graph, node, &size);
        const char *newline = span == NULL ? NULL : memchr(span, '\n', size);
        /* GLOBAL and INST have two lines. */
        assert(newline != NULL);
        texts[0] = (snapjar_text){span, (size_t)(newline - span)};
        texts[1] = (snapjar_text){newline + 1, size - texts[0].size - 1};
    }
    for (size_t i = 0; i < node->count && i < 2; i++) {
        const sj_node *child = &graph->nodes[graph->words[node->first + i]];
        if (child->kind == SJ_NODE_STR || child->kind == SJ_NODE_STR2)
            texts[i].data = (const char *)sj_graph_span(graph, child, &texts[i].size);
    }
    *module = texts[0];
    *name = texts[1];
}

void snapjar_graph_measure(const snapjar_graph *graph, uint64_t *node_count, uint64_t *memory_size)
{
    if (node_count != NULL)
        *node_count = graph->node_count - 1;
    if (memory_size != NULL)
        *memory_size =
            sj_graph_memory(graph, graph->node_capacity, graph->word_capacity) + graph->own_capacity - graph->own_size;
}

void snapjar_graph_free(snapjar_graph *graph)
{
    if (graph == NULL)
        return;
    snapjar_context *context = graph->context;
    sj_free(context, graph->nodes);
    sj_free(context, graph->words);
    sj_free(context, graph->own);
    sj_free(context, graph);
}
