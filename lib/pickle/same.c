/* SPDX-License-Identifier: MIT
 *
 * Two graphs side by side, each pair of values once. Values that are still to be walked over stand in a queue, which
 * has room for all of them; so there is no recursion, and no order of pairs to keep.
 */
#include "pickle/same.h"

#include <string.h>

#include "pickle/picture.h"

typedef struct comparison {
    const snapjar_graph *graphs[2];
    /** By node: the one of the other graph that it goes with; 0 if it was not met. */
    sj_ref *partners[2];
    /** Nodes of the first graph that have parts. */
    sj_ref *queue;
    size_t queue_count;
} comparison;

/** Whether the bytes behind the opcode are the text itself, so that two such forms are compared by them. */
static bool is_binary_text(uint8_t form)
{
    return form == SJ_OP_SHORT_BINUNICODE || form == SJ_OP_BINUNICODE || form == SJ_OP_BINUNICODE8;
}

static bool same_span(const comparison *c, const sj_node *a, const sj_node *b)
{
    size_t sizes[2];
    const uint8_t *spans[2] = {sj_graph_span(c->graphs[0], a, &sizes[0]), sj_graph_span(c->graphs[1], b, &sizes[1])};
    return sizes[0] == sizes[1] && (sizes[0] == 0 || memcmp(spans[0], spans[1], sizes[0]) == 0);
}

static bool same_int(const comparison *c, sj_ref a, sj_ref b)
{
    uint8_t buffers[2][SJ_DECIMAL_BYTES_MAX];
    const sj_number numbers[2] = {sj_picture_int(c->graphs[0], a, buffers[0]),
                                  sj_picture_int(c->graphs[1], b, buffers[1])};
    return numbers[0].size == numbers[1].size &&
           (numbers[0].size == 0 || memcmp(numbers[0].data, numbers[1].data, numbers[0].size) == 0);
}

static bool same_text(snapjar_text a, snapjar_text b)
{
    return a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
}

static bool same_name(const comparison *c, const sj_node *a, const sj_node *b)
{
    snapjar_text modules[2];
    snapjar_text names[2];
    sj_picture_names(c->graphs[0], a, &modules[0], &names[0]);
    sj_picture_names(c->graphs[1], b, &modules[1], &names[1]);
    if (sj_node_resolution(a) != sj_node_resolution(b) && memchr(names[0].data, '.', names[0].size) != NULL)
        return false;
    /* A computed name is empty: what it is computed from would have to be compared. */
    return names[0].size > 0 && same_text(modules[0], modules[1]) && same_text(names[0], names[1]);
}

/** Whether two values are the same but for their parts. */
static bool same_node(const comparison *c, sj_ref ref_a, sj_ref ref_b)
{
    const sj_node *a = sj_graph_node(c->graphs[0], ref_a);
    const sj_node *b = sj_graph_node(c->graphs[1], ref_b);
    if (a->kind != b->kind)
        return false;
    switch ((sj_node_kind)a->kind) {
    case SJ_NODE_ABSENT:
    case SJ_NODE_BUFFER:
        /* Which buffer it is depends on all that come before it. */
        return false;
    case SJ_NODE_GLOBAL:
        return same_name(c, a, b);
    case SJ_NODE_STR2:
        return a->form == b->form && same_span(c, a, b) &&
               c->graphs[0]->options.string_encoding == c->graphs[1]->options.string_encoding;
    case SJ_NODE_INT:
        return (a->form == b->form && same_span(c, a, b)) || same_int(c, ref_a, ref_b);
    case SJ_NODE_FLOAT:
        return (a->form == b->form && same_span(c, a, b)) ||
               sj_picture_bits(c->graphs[0], ref_a) == sj_picture_bits(c->graphs[1], ref_b);
    case SJ_NODE_STR:
    case SJ_NODE_BYTES:
    case SJ_NODE_BYTEARRAY:
    case SJ_NODE_EXTENSION:
        return (a->form == b->form || (is_binary_text(a->form) && is_binary_text(b->form))) && same_span(c, a, b);
    case SJ_NODE_NONE:
    case SJ_NODE_TRUE:
    case SJ_NODE_FALSE:
    case SJ_NODE_TUPLE:
    case SJ_NODE_FROZENSET:
    case SJ_NODE_LIST:
    case SJ_NODE_DICT:
    case SJ_NODE_SET:
    case SJ_NODE_CALL:
    case SJ_NODE_NEW:
    case SJ_NODE_NEW_EX:
    case SJ_NODE_INSTANCE:
    case SJ_NODE_PERSISTENT:
    case SJ_NODE_READONLY:
        return true;
    }
    return false;
}

/** Anything may have been dropped while a value was below it on the stack, so a leaf may have that as a part. */
static bool has_parts(const sj_node *node)
{
    return sj_node_has_children(node) || node->changes != 0;
}

/** Two values that stand at the same place for the first time. Which of several equal leaves it is does not matter. */
static __attribute__((noinline)) bool meet_new(comparison *c, sj_ref a, sj_ref b)
{
    const bool is_leaf = !has_parts(sj_graph_node(c->graphs[0], a)) && !has_parts(sj_graph_node(c->graphs[1], b));
    if (!is_leaf && (c->partners[0][a] != 0 || c->partners[1][b] != 0))
        return false;
    if (!same_node(c, a, b))
        return false;
    c->partners[0][a] = b;
    c->partners[1][b] = a;
    if (!is_leaf)
        c->queue[c->queue_count++] = a;
    return true;
}

static inline bool meet(comparison *c, sj_ref a, sj_ref b)
{
    return (c->partners[0][a] == b && c->partners[1][b] == a) || meet_new(c, a, b);
}

/** In how many steps a container was filled does not matter. */
static uint8_t plural(uint8_t op)
{
    return op == SJ_OP_APPEND ? SJ_OP_APPENDS : op == SJ_OP_SETITEM ? SJ_OP_SETITEMS : op;
}

static bool same_parts(comparison *c, sj_ref a, sj_ref b)
{
    sj_cursor cursors[2] = {{0, 0, false}, {0, 0, false}};
    uint8_t ops[2];
    for (;;) {
        const sj_ref part_a = sj_graph_walk(c->graphs[0], sj_graph_node(c->graphs[0], a), &cursors[0], &ops[0]);
        const sj_ref part_b = sj_graph_walk(c->graphs[1], sj_graph_node(c->graphs[1], b), &cursors[1], &ops[1]);
        if (part_a == 0 || part_b == 0)
            return part_a == part_b;
        if ((ops[0] != ops[1] && plural(ops[0]) != plural(ops[1])) || !meet(c, part_a, part_b))
            return false;
    }
}

static bool run(comparison *c)
{
    const sj_ref preludes[2] = {c->graphs[0]->prelude, c->graphs[1]->prelude};
    if (!meet(c, c->graphs[0]->root, c->graphs[1]->root) || (preludes[0] == 0) != (preludes[1] == 0))
        return false;
    if (preludes[0] != 0 && !same_parts(c, preludes[0], preludes[1]))
        return false;
    for (size_t i = 0; i < c->queue_count; i++) {
        if (!same_parts(c, c->queue[i], c->partners[0][c->queue[i]]))
            return false;
    }
    return true;
}

snapjar_status sj_graph_compare(const snapjar_graph *a, const snapjar_graph *b, bool *is_same, snapjar_error *err)
{
    comparison c = {.graphs = {a, b}};
    const size_t count = 2 * a->node_count + b->node_count;
    *is_same = false;
    c.partners[0] = sj_alloc_zero(a->context, count * sizeof(sj_ref));
    if (c.partners[0] == NULL)
        return sj_raise_no_memory(err, count * sizeof(sj_ref));
    c.partners[1] = c.partners[0] + a->node_count;
    c.queue = c.partners[1] + b->node_count;
    *is_same = run(&c);
    sj_free(a->context, c.partners[0]);
    return SNAPJAR_OK;
}
