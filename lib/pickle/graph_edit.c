/* SPDX-License-Identifier: MIT
 *
 * Changing a graph in place: what migrations need. Values keep their places in the array of nodes, so that all that
 * refers to them still does; what is taken away stays in the arrays, without a reference.
 */
#include "pickle/graph.h"
#include "pickle/picture.h"

#include <string.h>

#include "util/bytes.h"

snapjar_status sj_graph_add_made(snapjar_graph *graph, sj_node_kind kind, uint64_t offset, sj_ref *ref,
                                 snapjar_error *err)
{
    static const uint8_t forms[] = {
        [SJ_NODE_NONE] = SJ_OP_NONE,           [SJ_NODE_TRUE] = SJ_OP_NEWTRUE,    [SJ_NODE_FALSE] = SJ_OP_NEWFALSE,
        [SJ_NODE_GLOBAL] = SJ_OP_STACK_GLOBAL, [SJ_NODE_TUPLE] = SJ_OP_TUPLE,     [SJ_NODE_FROZENSET] = SJ_OP_FROZENSET,
        [SJ_NODE_LIST] = SJ_OP_EMPTY_LIST,     [SJ_NODE_DICT] = SJ_OP_EMPTY_DICT, [SJ_NODE_SET] = SJ_OP_EMPTY_SET,
        [SJ_NODE_CALL] = SJ_OP_REDUCE,         [SJ_NODE_NEW] = SJ_OP_NEWOBJ,      [SJ_NODE_INSTANCE] = SJ_OP_OBJ,
    };
    SJ_TRY(sj_graph_add(graph, kind, forms[kind], offset, ref, err));
    graph->nodes[*ref].offset = SNAPJAR_OFFSET_NONE;
    return SNAPJAR_OK;
}

snapjar_status sj_graph_add_text(snapjar_graph *graph, snapjar_text text, sj_ref *ref, snapjar_error *err)
{
    uint8_t head[9] = {SJ_OP_BINUNICODE8};
    uint8_t *literal = sj_alloc(graph->context, sizeof head + text.size);
    *ref = 0;
    if (literal == NULL)
        return sj_raise_no_memory(err, sizeof head + text.size);
    sj_write_le64(head + 1, text.size);
    memcpy(literal, head, sizeof head);
    if (text.size > 0)
        memcpy(literal + sizeof head, text.data, text.size);
    const snapjar_status status = sj_graph_add_literal(graph, SJ_NODE_STR, literal, sizeof head + text.size, ref, err);
    sj_free(graph->context, literal);
    return status;
}

snapjar_status sj_graph_set_global(snapjar_graph *graph, sj_ref ref, const sj_ref texts[2], snapjar_error *err)
{
    sj_node *node = &graph->nodes[ref];
    node->kind = SJ_NODE_GLOBAL;
    node->form = SJ_OP_STACK_GLOBAL;
    node->flags &= (1u << SJ_NODE_RESOLUTION_SHIFT) - 1;
    node->flags |= SJ_RESOLUTION_DOTTED << SJ_NODE_RESOLUTION_SHIFT;
    return sj_graph_set_children(graph, ref, texts, 2, node->offset, err);
}

/** The change that a place belongs to, and the one before it (the last one before the first); 0: the children. */
static uint32_t find_change(const snapjar_graph *graph, const sj_node *node, uint32_t place, uint32_t *before)
{
    *before = node->changes;
    if (place >= node->first && place <= node->first + node->count && node->count > 0)
        return 0;
    for (uint32_t at = sj_graph_first_change(graph, node); at != 0; at = sj_graph_next_change(graph, node, at)) {
        const sj_change change = sj_graph_change(graph, at);
        if (place >= change.first && place <= change.first + change.count)
            return at;
        *before = at;
    }
    return 0;
}

snapjar_status sj_graph_insert(snapjar_graph *graph, sj_ref ref, uint32_t place, const sj_ref *children, size_t count,
                               uint64_t offset, snapjar_error *err)
{
    uint32_t before;
    const sj_node *node = &graph->nodes[ref];
    const uint32_t at = find_change(graph, node, place, &before);
    const sj_change change = at != 0 ? sj_graph_change(graph, at) : (sj_change){0, node->count, node->first, 0};
    const uint32_t head = at != 0 ? change.first - at : 0;
    const uint32_t from = change.first - head;
    const uint32_t moved = head + change.count;
    const uint32_t index = place - from;
    /* Its words are copied, as they count as referred to. */
    SJ_TRY(sj_graph_reserve(graph, moved + count, offset, err));
    uint32_t *words = graph->words;
    const uint32_t to = (uint32_t)graph->word_count;
    memcpy(words + to, words + from, index * sizeof *words);
    memcpy(words + to + index, children, count * sizeof *words);
    memcpy(words + to + index + count, words + from + index, (moved - index) * sizeof *words);
    graph->word_count += moved + count;
    for (size_t i = 0; i < count; i++)
        sj_graph_refer(graph, children[i]);
    if (at == 0) {
        graph->nodes[ref].first = to;
        graph->nodes[ref].count += (uint32_t)count;
        return SNAPJAR_OK;
    }
    words[to + 2] += (uint32_t)count;
    if (graph->nodes[ref].changes == at)
        graph->nodes[ref].changes = to;
    if (before == at)
        words[to] = to;
    else
        words[before] = to;
    return SNAPJAR_OK;
}

void sj_graph_remove(snapjar_graph *graph, sj_ref ref, uint32_t place, uint32_t count)
{
    uint32_t before;
    sj_node *node = &graph->nodes[ref];
    const uint32_t at = find_change(graph, node, place, &before);
    const sj_change change = at != 0 ? sj_graph_change(graph, at) : (sj_change){0, node->count, node->first, 0};
    const uint32_t end = change.first + change.count;
    memmove(graph->words + place, graph->words + place + count, (end - place - count) * sizeof *graph->words);
    if (at == 0)
        node->count -= count;
    else
        graph->words[at + 2] -= count;
}

static uint32_t squeeze(uint32_t *words, uint32_t count)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (words[i] != 0)
            words[kept++] = words[i];
    }
    return kept;
}

void sj_graph_compact(snapjar_graph *graph, sj_ref ref)
{
    sj_node *node = &graph->nodes[ref];
    node->count = squeeze(graph->words + node->first, node->count);
    for (uint32_t at = sj_graph_first_change(graph, node); at != 0; at = sj_graph_next_change(graph, node, at)) {
        const sj_change change = sj_graph_change(graph, at);
        graph->words[at + 2] = squeeze(graph->words + change.first, change.count);
    }
}

/* ---- NEWOBJ_EX of older protocols ---- */

sj_ref sj_graph_see_new_ex(snapjar_graph *graph, sj_ref call)
{
    sj_node *node = &graph->nodes[call], *tuple = node - 1;
    const uint32_t *parts = graph->words + tuple->first;
    if (graph->words[node->first + 1] != call - 1 || tuple->kind != SJ_NODE_TUPLE || tuple->count != 3 ||
        tuple->changes != 0 || (tuple->flags & (SJ_NODE_IS_MEMOIZED | SJ_NODE_IS_FETCHED)) != 0 ||
        !sj_picture_is_global(graph, graph->words[node->first], "copyreg", "__newobj_ex__") ||
        !sj_picture_is_name(graph, parts[0]) || sj_graph_node(graph, parts[1])->kind != SJ_NODE_TUPLE ||
        sj_graph_node(graph, parts[2])->kind != SJ_NODE_DICT)
        return call;
    /* The tuple has no other reference: its children become those of the object, which takes its place. */
    graph->word_count = tuple->first + 3;
    node->kind = SJ_NODE_NEW_EX;
    node->first = tuple->first;
    node->count = 3;
    *tuple = *node;
    graph->node_count--;
    return call - 1;
}

/* ---- moving ---- */

typedef struct moving {
    snapjar_graph *graph;
    sj_ref *pending;
    size_t count;
    size_t capacity;
} moving;

static snapjar_status move_one(moving *m, sj_ref ref, snapjar_error *err)
{
    sj_node *node = &m->graph->nodes[ref];
    if ((node->flags & SJ_NODE_IS_MOVED) != 0)
        return SNAPJAR_OK;
    node->flags |= SJ_NODE_IS_MOVED;
    if (node->count == 0 && node->changes == 0)
        return SNAPJAR_OK;
    if (m->count == m->capacity) {
        const size_t capacity = m->capacity == 0 ? 64 : 2 * m->capacity;
        sj_ref *pending = sj_realloc(m->graph->context, m->pending, capacity * sizeof *pending);
        if (pending == NULL)
            return sj_raise_no_memory(err, capacity * sizeof *pending);
        m->pending = pending;
        m->capacity = capacity;
    }
    m->pending[m->count++] = ref;
    return SNAPJAR_OK;
}

snapjar_status sj_graph_move(snapjar_graph *graph, sj_ref ref, snapjar_error *err)
{
    moving m = {.graph = graph};
    snapjar_status status = move_one(&m, ref, err);
    while (status == SNAPJAR_OK && m.count > 0) {
        const sj_node *node = &graph->nodes[m.pending[--m.count]];
        sj_cursor cursor = {0, 0, false};
        sj_ref child;
        uint8_t op;
        while (status == SNAPJAR_OK && (child = sj_graph_walk(graph, node, &cursor, &op)) != 0)
            status = move_one(&m, child, err);
    }
    sj_free(graph->context, m.pending);
    return status;
}
