/* SPDX-License-Identifier: MIT
 *
 * What of a graph its root leads to. Needed only where something left the stack without becoming part of a value;
 * otherwise everything can be reached. Iterative, linear.
 */
#include "pickle/graph.h"

typedef struct reach {
    snapjar_graph *graph;
    /** One bit a node. */
    uint64_t *seen;
    /** Nodes that were seen and not walked over. */
    sj_ref *pending;
    size_t pending_count;
    size_t pending_capacity;
} reach;

static snapjar_status see(reach *r, sj_ref ref, snapjar_error *err)
{
    uint64_t *word = &r->seen[ref / 64];
    const uint64_t bit = UINT64_C(1) << (ref % 64);
    sj_graph_refer(r->graph, ref);
    if ((*word & bit) != 0)
        return SNAPJAR_OK;
    *word |= bit;
    const sj_node *node = &r->graph->nodes[ref];
    if (node->count == 0 && node->changes == 0)
        return SNAPJAR_OK;
    if (r->pending_count == r->pending_capacity) {
        const size_t capacity = r->pending_capacity == 0 ? 64 : 2 * r->pending_capacity;
        sj_ref *pending = sj_realloc(r->graph->context, r->pending, capacity * sizeof *pending);
        if (pending == NULL)
            return sj_raise_no_memory(err, capacity * sizeof *pending);
        r->pending = pending;
        r->pending_capacity = capacity;
    }
    r->pending[r->pending_count++] = ref;
    return SNAPJAR_OK;
}

static snapjar_status walk(reach *r, snapjar_error *err)
{
    SJ_TRY(see(r, r->graph->root, err));
    if (r->graph->prelude != 0)
        SJ_TRY(see(r, r->graph->prelude, err));
    while (r->pending_count > 0) {
        const sj_node *node = &r->graph->nodes[r->pending[--r->pending_count]];
        sj_cursor cursor = {0, 0, false};
        sj_ref child;
        uint8_t op;
        while ((child = sj_graph_walk(r->graph, node, &cursor, &op)) != 0)
            SJ_TRY(see(r, child, err));
    }
    return SNAPJAR_OK;
}

/** Sets the flags of all nodes by what the root leads to; `*seen` is for sj_free. */
static snapjar_status find_reached(snapjar_graph *graph, uint64_t **seen, snapjar_error *err)
{
    const size_t size = (graph->node_count / 64 + 1) * sizeof(uint64_t);
    reach r = {.graph = graph, .seen = sj_alloc_zero(graph->context, size)};
    *seen = r.seen;
    if (r.seen == NULL)
        return sj_raise_no_memory(err, size);
    for (size_t i = 0; i < graph->node_count; i++)
        graph->nodes[i].flags &= (uint8_t) ~(SJ_NODE_IS_SHARED | SJ_NODE_IS_REFERENCED);
    const snapjar_status status = walk(&r, err);
    sj_free(graph->context, r.pending);
    return status;
}

snapjar_status sj_graph_reach(snapjar_graph *graph, snapjar_error *err)
{
    uint64_t *seen;
    const snapjar_status status = find_reached(graph, &seen, err);
    graph->dropped_offset = SNAPJAR_OFFSET_NONE;
    for (size_t i = 1; i < graph->node_count && status == SNAPJAR_OK; i++) {
        const sj_node *node = &graph->nodes[i];
        if ((seen[i / 64] >> (i % 64) & 1) == 0 && sj_node_is_effect(node) && node->offset < graph->dropped_offset)
            graph->dropped_offset = node->offset;
    }
    sj_free(graph->context, seen);
    return status;
}

snapjar_status sj_graph_settle(snapjar_graph *graph, snapjar_error *err)
{
    uint64_t *seen;
    const snapjar_status status = find_reached(graph, &seen, err);
    sj_free(graph->context, seen);
    return status;
}
