/* SPDX-License-Identifier: MIT
 *
 * The value graph: one node per object that a loader would make, in two growing arrays, so that a node is a number. What
 * text, bytes and numbers say stays in the pickle, which is borrowed. Emit, show and diff read it here; nothing but
 * graph_build.c and its kin makes nodes. Nothing here recurses, whatever the depth.
 */
#ifndef SJ_PICKLE_GRAPH_H
#define SJ_PICKLE_GRAPH_H

#include <snapjar/graph.h>

#include "pickle/opcodes.h"
#include "util/bytes.h"
#include "util/context.h"
#include "util/error.h"

/** A node's number; 0 is none. */
typedef uint32_t sj_ref;

typedef enum sj_node_kind {
    SJ_NODE_NONE = 1,
    SJ_NODE_TRUE,
    SJ_NODE_FALSE,
    SJ_NODE_INT,
    SJ_NODE_FLOAT,
    SJ_NODE_STR,
    /** `str` of Python 2: STRING, BINSTRING, SHORT_BINSTRING. */
    SJ_NODE_STR2,
    SJ_NODE_BYTES,
    SJ_NODE_BYTEARRAY,
    SJ_NODE_EXTENSION,
    SJ_NODE_BUFFER,
    /** Has a module and a name (sj_graph_global), and no children. */
    SJ_NODE_GLOBAL,
    /* From here on: children. */
    SJ_NODE_TUPLE,
    SJ_NODE_FROZENSET,
    SJ_NODE_LIST,
    SJ_NODE_DICT,
    SJ_NODE_SET,
    /** REDUCE: callable, arguments. */
    SJ_NODE_CALL,
    /** NEWOBJ: class, arguments. */
    SJ_NODE_NEW,
    /** NEWOBJ_EX: class, arguments, keyword arguments. */
    SJ_NODE_NEW_EX,
    /** INST, OBJ: class, then each argument. */
    SJ_NODE_INSTANCE,
    /** PERSID (its text is a child too), BINPERSID: the id. */
    SJ_NODE_PERSISTENT,
    /** READONLY_BUFFER: what it is a view of. */
    SJ_NODE_READONLY
} sj_node_kind;

/** 24 bytes. */
typedef struct sj_node {
    uint8_t kind;
    /** The opcode that made it; it says how the argument is written. */
    uint8_t form;
    /** In force when it was made: decides what a name means. */
    uint8_t protocol;
    /** A call that a pickler repeated and threw away: it need not be made again. */
    uint8_t is_repeated;
    /** The last of its changes, in a ring; 0 if it has none. */
    uint32_t changes;
    /** Of the opcode that made it. */
    uint64_t offset;
    union {
        /** Of values without children: bytes of the argument. */
        uint64_t size;
        /** Children: their place among the words, and how many. STACK_GLOBAL: module and name. */
        struct {
            uint32_t first;
            uint32_t count;
        };
    };
} sj_node;

_Static_assert(sizeof(sj_node) == 24, "a hundred megabytes of pickle make tens of millions of nodes");

/**
 * Something that was done to a node after it was made, in order: APPEND, APPENDS, SETITEM, SETITEMS (keys and values
 * in turn), ADDITEMS, BUILD (the state), or REDUCE: a call whose result was thrown away at once, with this node below
 * it on the stack. Picklers write that for a reduction's state_setter. It lies among the words.
 */
typedef struct sj_change {
    /** The opcode; of several APPEND or SETITEM in a row one change is made. */
    uint8_t op;
    uint32_t count;
    const uint32_t *items;
    /** Of the last opcode. */
    uint64_t offset;
} sj_change;

/** Words of a change before its items: next, op, count, capacity, offset low and high. */
#define SJ_CHANGE_HEAD 6

struct snapjar_graph {
    snapjar_context *context;
    const uint8_t *bytes;
    size_t size;
    snapjar_graph_options options;
    /** Index 0 is not used. */
    sj_node *nodes;
    size_t node_count;
    size_t node_capacity;
    uint32_t *words;
    size_t word_count;
    size_t word_capacity;
    sj_ref root;
    uint64_t call_count;
    uint64_t opcode_count;
    int protocol;
};

static inline const sj_node *sj_graph_node(const snapjar_graph *graph, sj_ref ref)
{
    return &graph->nodes[ref];
}

static inline bool sj_node_has_children(const sj_node *node)
{
    return node->kind >= SJ_NODE_TUPLE;
}

/** Whether a loader may find any kind of object there. */
static inline bool sj_node_is_opaque(const sj_node *node)
{
    return node->kind >= SJ_NODE_CALL || node->kind == SJ_NODE_EXTENSION || node->kind == SJ_NODE_BUFFER;
}

/** One of the objects that Python has once only, so that nobody can tell whether it is shared. */
static inline bool sj_node_is_single(const sj_node *node)
{
    return node->kind <= SJ_NODE_FALSE || (node->kind == SJ_NODE_INT && node->form == SJ_OP_BININT1) ||
           (node->kind == SJ_NODE_TUPLE && node->count == 0);
}

/** The children that it was made with. */
static inline const uint32_t *sj_graph_children(const snapjar_graph *graph, const sj_node *node, uint32_t *count)
{
    *count = sj_node_has_children(node) ? node->count : 0;
    return graph->words + (*count > 0 ? node->first : 0);
}

/** The first change of a node, or 0. */
static inline uint32_t sj_graph_first_change(const snapjar_graph *graph, const sj_node *node)
{
    return node->changes != 0 ? graph->words[node->changes] : 0;
}

/** The change after `change`, or 0. */
static inline uint32_t sj_graph_next_change(const snapjar_graph *graph, const sj_node *node, uint32_t change)
{
    return change != node->changes ? graph->words[change] : 0;
}

static inline sj_change sj_graph_change(const snapjar_graph *graph, uint32_t change)
{
    const uint32_t *words = graph->words + change;
    return (sj_change){(uint8_t)words[1], words[2], words + SJ_CHANGE_HEAD, words[4] | (uint64_t)words[5] << 32};
}

/** A walk over all that a node refers to, in the order in which a loader met it. Zeros begin it. */
typedef struct sj_cursor {
    uint32_t change;
    uint32_t index;
    bool is_past_children;
} sj_cursor;

/** The next child, or 0 after the last. `*op` is 0 for those it was made with, or else the change's opcode. */
sj_ref sj_graph_walk(const snapjar_graph *graph, const sj_node *node, sj_cursor *cursor, uint8_t *op);

/** The bytes of a value without children, as they stand in the pickle, quotes and escapes included. */
const uint8_t *sj_graph_span(const snapjar_graph *graph, const sj_node *node, size_t *size);

/** Module and name of a global as they are written (UTF-8). */
void sj_graph_global(const snapjar_graph *graph, const sj_node *node, snapjar_text *module, snapjar_text *name);

/** Bytes of memory in use. */
uint64_t sj_graph_memory(const snapjar_graph *graph);

#endif
