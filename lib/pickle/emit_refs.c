/* SPDX-License-Identifier: MIT
 *
 * What must be known of a graph before it is written: which nodes are needed again once they are made, because several
 * others refer to them or because they are part of themselves; and whether everything that a loader would do is part of
 * the value, since what is not would be left out.
 *
 * A walk over the graph with a stack of its own. Of a node that is being walked through, `memo` holds its depth + 1.
 */
#include <string.h>

#include "pickle/emit.h"

typedef struct walker {
    sj_ref ref;
    /** The least depth that anything below refers to: Tarjan's low link, of nodes that are being made only. */
    uint32_t low;
    sj_cursor cursor;
} walker;

typedef struct walk {
    sj_emit *emit;
    walker *stack;
    size_t depth;
    size_t capacity;
} walk;

#define NEVER UINT32_MAX

static SJ_EMIT push(walk *w, sj_ref ref, snapjar_error *err)
{
    if (w->depth == w->capacity) {
        const size_t capacity = w->capacity == 0 ? 256 : 2 * w->capacity;
        walker *stack = sj_realloc(w->emit->context, w->stack, capacity * sizeof *stack);
        if (stack == NULL)
            return sj_raise_no_memory(err, capacity * sizeof *stack);
        w->stack = stack;
        w->capacity = capacity;
    }
    w->stack[w->depth] = (walker){.ref = ref, .low = NEVER};
    w->emit->notes[ref] |= SJ_NOTE_REACHED;
    w->emit->memo[ref] = (uint32_t)++w->depth;
    return SNAPJAR_OK;
}

/** Whether a node that is being walked through is not made yet: then it has no memo entry that its part could use. */
static bool is_unmade(const sj_emit *emit, const walker *open)
{
    const sj_node *node = sj_graph_node(emit->graph, open->ref);
    return !open->cursor.is_past_children || (node->kind == SJ_NODE_SET && emit->protocol < 4);
}

/** A reference to a node that was met before. */
static void note_again(const walk *w, sj_ref ref, walker *from)
{
    sj_emit *emit = w->emit;
    if (sj_node_is_single(sj_graph_node(emit->graph, ref)))
        return;
    emit->notes[ref] |= SJ_NOTE_MEMO;
    const uint32_t depth = emit->memo[ref];
    if (depth == 0)
        return;
    emit->notes[ref] |= SJ_NOTE_RECURSIVE;
    if (is_unmade(emit, &w->stack[depth - 1]) && depth < from->low)
        from->low = depth;
}

static SJ_EMIT walk_from(walk *w, sj_ref root, snapjar_error *err)
{
    sj_emit *emit = w->emit;
    if ((emit->notes[root] & SJ_NOTE_REACHED) != 0)
        return SNAPJAR_OK;
    SJ_TRY(push(w, root, err));
    while (w->depth > 0) {
        walker *top = &w->stack[w->depth - 1];
        uint8_t op;
        const sj_ref child = sj_graph_walk(emit->graph, sj_graph_node(emit->graph, top->ref), &top->cursor, &op);
        if (child != 0) {
            if ((emit->notes[child] & SJ_NOTE_REACHED) == 0)
                SJ_TRY(push(w, child, err));
            else
                note_again(w, child, top);
            continue;
        }
        /* Between an object and its own part that is made first, all is made twice but for the memo. */
        if (top->low <= w->depth)
            emit->notes[top->ref] |= SJ_NOTE_MEMO;
        emit->memo[top->ref] = 0;
        w->depth--;
        if (w->depth > 0 && top->low < w->stack[w->depth - 1].low)
            w->stack[w->depth - 1].low = top->low;
    }
    return SNAPJAR_OK;
}

static bool has_effect(const sj_node *node)
{
    return (node->kind >= SJ_NODE_CALL && node->kind <= SJ_NODE_PERSISTENT) || node->kind == SJ_NODE_BUFFER;
}

static SJ_EMIT check_reached(const walk *w, snapjar_error *err)
{
    const sj_emit *emit = w->emit;
    for (size_t i = 1; i < emit->graph->node_count; i++) {
        const sj_node *node = &emit->graph->nodes[i];
        if ((emit->notes[i] & SJ_NOTE_REACHED) == 0 && has_effect(node))
            return sj_emit_refuse(emit, node, "nothing refers to what it makes, so only its effect could be meant", err);
    }
    return SNAPJAR_OK;
}

snapjar_status sj_emit_find_refs(sj_emit *emit, snapjar_error *err)
{
    const snapjar_graph *graph = emit->graph;
    walk w = {.emit = emit};
    snapjar_status status = walk_from(&w, graph->root, err);
    /* What picklers repeated and threw away is no part of the value, and need not be. */
    for (size_t i = 1; status == SNAPJAR_OK && i < graph->node_count; i++) {
        if (graph->nodes[i].is_repeated)
            status = walk_from(&w, (sj_ref)i, err);
    }
    if (status == SNAPJAR_OK)
        status = check_reached(&w, err);
    sj_free(emit->context, w.stack);
    return status;
}
