/* SPDX-License-Identifier: MIT
 *
 * All values of a pickle and how they were made: one node each, shared references and cycles kept, in arrays that
 * borrow literals from the pickle's bytes. What show, diff, emit and migrations stand on. Nothing in it was executed.
 *
 * A node's children are what it was made with; they were made before it. What happened to it later (APPENDS, SETITEMS,
 * ADDITEMS, BUILD, a call for its effect) is a list of changes, in order: only through them can a node reach itself.
 */
#ifndef SJ_PICKLE_GRAPH_H
#define SJ_PICKLE_GRAPH_H

#include <snapjar/graph.h>
#include <snapjar/scan.h>

#include "pickle/lexer.h"
#include "pickle/names.h"
#include "util/context.h"

/** Index of a node; 0 is none. */
typedef uint32_t sj_ref;

typedef enum sj_node_kind {
    SJ_NODE_ABSENT = 0,
    SJ_NODE_NONE,
    SJ_NODE_TRUE,
    SJ_NODE_FALSE,
    SJ_NODE_INT,
    SJ_NODE_FLOAT,
    SJ_NODE_STR,
    /** STRING, BINSTRING, SHORT_BINSTRING: str or bytes, by the declared encoding. */
    SJ_NODE_STR2,
    SJ_NODE_BYTES,
    SJ_NODE_BYTEARRAY,
    /** EXT1, EXT2, EXT4. */
    SJ_NODE_EXTENSION,
    /** NEXT_BUFFER. */
    SJ_NODE_BUFFER,
    /** GLOBAL (and the class of INST): its span holds two lines; STACK_GLOBAL: two children, the texts. */
    SJ_NODE_GLOBAL,
    SJ_NODE_TUPLE,
    SJ_NODE_FROZENSET,
    /** LIST, DICT may have been made with elements: children. A dict's alternate: key, value. */
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
    /** PERSID, BINPERSID: its id (of PERSID a node of its own, with the line as span). */
    SJ_NODE_PERSISTENT,
    /** READONLY_BUFFER: the value that it is a view of. */
    SJ_NODE_READONLY
} sj_node_kind;

typedef struct sj_node {
    /** Of the opcode that made it; of a literal that was added, its place in `own`; of another value that was added,
     * SNAPJAR_OFFSET_NONE. */
    uint64_t offset;
    /** Place of the first child in `words`. */
    uint32_t first;
    uint32_t count;
    /** Place of the last change in `words`, which leads to the first one; 0 if there is none. */
    uint32_t changes;
    /** sj_node_kind. */
    uint8_t kind;
    /** The opcode that made it: how its span is to be read. */
    uint8_t form;
    /** SJ_NODE_... */
    uint8_t flags;
} sj_node;

/** More than one reference to it: children, changes and the root counted. */
#define SJ_NODE_IS_SHARED 1u
/** The literal is in `own`, not in the pickle. */
#define SJ_NODE_IS_OWN 2u
/** There is a reference to it. */
#define SJ_NODE_IS_REFERENCED 4u
/** It got a memo entry; a GET fetched it from there. */
#define SJ_NODE_IS_MEMOIZED 8u
#define SJ_NODE_IS_FETCHED 16u
/** A step moved it, so that it may be made at another time than it was, before or after what is not moved. */
#define SJ_NODE_IS_MOVED 32u
/** Of SJ_NODE_GLOBAL: how its name is resolved, an sj_resolution (names.h). */
#define SJ_NODE_RESOLUTION_SHIFT 6

static inline sj_resolution sj_node_resolution(const sj_node *node)
{
    return (sj_resolution)(node->flags >> SJ_NODE_RESOLUTION_SHIFT);
}

struct snapjar_graph {
    snapjar_context *context;
    /** With all defaults filled in. */
    snapjar_graph_options options;
    /** Borrowed. */
    const uint8_t *bytes;
    size_t size;
    int protocol;
    sj_ref root;
    /** Not a value: its changes are the calls and other effects whose results were dropped while there was nothing
     * below them on the stack. 0 if there are none. They come before all else. */
    sj_ref prelude;
    sj_node *nodes;
    size_t node_count;
    size_t node_capacity;
    /** Children, and changes: SJ_CHANGE_HEAD words, children. */
    uint32_t *words;
    size_t word_count;
    size_t word_capacity;
    /** Literals that were added, each in the form of its opcode. */
    uint8_t *own;
    size_t own_size;
    size_t own_capacity;
    /** The first effect that belongs to no value that can be reached, or SNAPJAR_OFFSET_NONE: it cannot be emitted. */
    uint64_t dropped_offset;
};

/** Words of a change before its children: the place of the next one (of the last: of the first), opcode, count, and
 * the offset, low half first. */
#define SJ_CHANGE_HEAD 5

/** One thing that happened to a node after it was made. */
typedef struct sj_change {
    /** APPEND, APPENDS, SETITEM, SETITEMS, ADDITEMS, BUILD. REDUCE: a call whose result was dropped while this was the
     * value below it (copyreg's state setters): callable, arguments. POP: any other value that was dropped so, and
     * that nothing else refers to. APPEND and SETITEM in a row on a list or dict are one change. */
    uint8_t op;
    uint32_t count;
    /** Place of the first child in `words`. */
    uint32_t first;
    uint64_t offset;
} sj_change;

static inline const sj_node *sj_graph_node(const snapjar_graph *graph, sj_ref ref)
{
    return &graph->nodes[ref];
}

/** Fills a graph that has its options, bytes and protocol, after a scan of those that succeeded: `stack_depth` is the
 * most values that were on its stack. */
snapjar_status sj_graph_build(snapjar_graph *graph, size_t stack_depth, snapjar_error *err)
    __attribute__((warn_unused_result));

/**
 * As snapjar_graph_new, of bytes that `scanned` has gone over to their end with default limits (but for the lines'), so
 * that it need not be done again. If that failed, or is NULL, it is done.
 */
snapjar_status sj_graph_new_scanned(snapjar_graph **graph, snapjar_context *context, const void *bytes, size_t size,
                                    const snapjar_graph_options *options, snapjar_scan *scanned, snapjar_error *err)
    __attribute__((warn_unused_result));

/** Where the opcode of a literal stands, followed by its argument. Valid as the graph is. */
static inline const uint8_t *sj_graph_opcode(const snapjar_graph *graph, const sj_node *node)
{
    return (node->flags & SJ_NODE_IS_OWN) != 0 ? graph->own + node->offset
                                               : graph->bytes + (size_t)(node->offset - graph->options.base_offset);
}

/** sj_graph_span for what is less usual. */
const uint8_t *sj_graph_span_of(const snapjar_graph *graph, const sj_node *node, size_t *size);

/** The literal as its opcode has it, without length prefix and last newline (sj_token.data). Valid as the graph is. */
static inline const uint8_t *sj_graph_span(const snapjar_graph *graph, const sj_node *node, size_t *size)
{
    const uint8_t shape = sj_opcode_shapes[node->form];
    const uint8_t *opcode;
    if (shape != SJ_SHAPE_COUNTED1)
        return sj_graph_span_of(graph, node, size);
    opcode = sj_graph_opcode(graph, node);
    *size = opcode[1];
    return opcode + 2;
}

/** Places of changes, for sj_graph_change; 0 after the last. */
uint32_t sj_graph_first_change(const snapjar_graph *graph, const sj_node *node);
uint32_t sj_graph_next_change(const snapjar_graph *graph, const sj_node *node, uint32_t place);
sj_change sj_graph_change(const snapjar_graph *graph, uint32_t place);

/** Where a walk over children and changes is; begins with all zero. */
typedef struct sj_cursor {
    uint32_t index;
    /** Of the change that is being walked; 0 while the walk is in the children, or at its end. */
    uint32_t change;
    bool is_past_children;
} sj_cursor;

/** sj_graph_walk at the end of the children, or of a change. */
sj_ref sj_graph_walk_on(const snapjar_graph *graph, const sj_node *node, sj_cursor *cursor, uint8_t *op);

/** The next child, those of changes after the others; `*op` is 0, or the change's opcode. 0 after the last. */
static inline sj_ref sj_graph_walk(const snapjar_graph *graph, const sj_node *node, sj_cursor *cursor, uint8_t *op)
{
    const uint32_t *head = graph->words + cursor->change;
    if (cursor->change == 0 || cursor->index >= head[2])
        return sj_graph_walk_on(graph, node, cursor, op);
    *op = (uint8_t)head[1];
    return head[SJ_CHANGE_HEAD + cursor->index++];
}

/** As written: UTF-8 that may hold anything; of STACK_GLOBAL the texts of its children, empty if they are computed.
 * Valid as the graph is. */
void sj_graph_global(const snapjar_graph *graph, const sj_node *node, snapjar_text *module, snapjar_text *name);

/** Room in `own` and the nodes for a literal: `opcode` with its argument as in a pickle. For what a pickle lacks. */
snapjar_status sj_graph_add_literal(snapjar_graph *graph, sj_node_kind kind, const void *literal, size_t size,
                                    sj_ref *ref, snapjar_error *err) __attribute__((warn_unused_result));

/** Bytes that so many nodes and words take, and the literals that were added. */
static inline uint64_t sj_graph_memory(const snapjar_graph *graph, size_t node_count, size_t word_count)
{
    return (uint64_t)node_count * sizeof(sj_node) + (uint64_t)word_count * sizeof(uint32_t) + graph->own_size;
}

/** Room for one more node, within the limits. */
snapjar_status sj_graph_reserve_node(snapjar_graph *graph, uint64_t offset, snapjar_error *err)
    __attribute__((warn_unused_result));

/** A node without children. `offset` is where a limit is reported. */
static inline __attribute__((warn_unused_result)) snapjar_status
sj_graph_add(snapjar_graph *graph, sj_node_kind kind, uint8_t form, uint64_t offset, sj_ref *ref, snapjar_error *err)
{
    *ref = 0;
    if (graph->node_count == graph->node_capacity ||
        sj_graph_memory(graph, graph->node_count + 1, graph->word_count) > graph->options.memory_max)
        SJ_TRY(sj_graph_reserve_node(graph, offset, err));
    *ref = (sj_ref)graph->node_count++;
    graph->nodes[*ref] = (sj_node){.offset = offset, .kind = (uint8_t)kind, .form = form};
    return SNAPJAR_OK;
}

/** Gives a node without children these, which are then referred to. */
snapjar_status sj_graph_set_children(snapjar_graph *graph, sj_ref ref, const sj_ref *children, size_t count,
                                     uint64_t offset, snapjar_error *err) __attribute__((warn_unused_result));

/** Appends a change. */
snapjar_status sj_graph_add_change(snapjar_graph *graph, sj_ref ref, uint8_t op, const sj_ref *children, size_t count,
                                   uint64_t offset, snapjar_error *err) __attribute__((warn_unused_result));

/** Notes a reference to a node. */
static inline void sj_graph_refer(snapjar_graph *graph, sj_ref ref)
{
    sj_node *node = &graph->nodes[ref];
    node->flags |= (node->flags & SJ_NODE_IS_REFERENCED) != 0 ? SJ_NODE_IS_SHARED : SJ_NODE_IS_REFERENCED;
}

/** Room for so many more words; they move. */
snapjar_status sj_graph_reserve(snapjar_graph *graph, size_t count, uint64_t offset, snapjar_error *err)
    __attribute__((warn_unused_result));

/* ---- graph_edit.c: for migrations ---- */

/** A node of a kind that is no literal, for what a pickle lacks: where it comes in the order of effects does not
 * matter. `offset` is where a limit is reported. */
snapjar_status sj_graph_add_made(snapjar_graph *graph, sj_node_kind kind, uint64_t offset, sj_ref *ref,
                                 snapjar_error *err) __attribute__((warn_unused_result));

/** A text of UTF-8. */
snapjar_status sj_graph_add_text(snapjar_graph *graph, snapjar_text text, sj_ref *ref, snapjar_error *err)
    __attribute__((warn_unused_result));

/** Makes a node the global of that name, as a name of Python 3 with a path of attributes. `texts` are its two names.
 * It stays where it is in the order of effects. */
snapjar_status sj_graph_set_global(snapjar_graph *graph, sj_ref ref, const sj_ref texts[2], snapjar_error *err)
    __attribute__((warn_unused_result));

/**
 * Puts `count` values before the child at `place` of a node (or of one of its changes; behind the last: its place + 1),
 * which is moved to other places with its neighbours.
 */
snapjar_status sj_graph_insert(snapjar_graph *graph, sj_ref ref, uint32_t place, const sj_ref *children, size_t count,
                               uint64_t offset, snapjar_error *err) __attribute__((warn_unused_result));

/** Takes `count` children away from `place` on, all of one change or of what the node was made with. */
void sj_graph_remove(snapjar_graph *graph, sj_ref ref, uint32_t place, uint32_t count);

/** Takes away the children that were set to 0, of all that a node was made with or that was put into it. */
void sj_graph_compact(snapjar_graph *graph, sj_ref ref);

/** A value, and all that it leads to, may be made at another time from now on. */
snapjar_status sj_graph_move(snapjar_graph *graph, sj_ref ref, snapjar_error *err) __attribute__((warn_unused_result));

/** Finds anew what the root leads to and what is shared: of anything else SJ_NODE_IS_REFERENCED is taken away. */
snapjar_status sj_graph_settle(snapjar_graph *graph, snapjar_error *err) __attribute__((warn_unused_result));

/** The offset of the opcode that made a value; SNAPJAR_OFFSET_NONE of one that was added. */
static inline uint64_t sj_graph_offset(const snapjar_graph *graph, sj_ref ref)
{
    const sj_node *node = &graph->nodes[ref];
    return (node->flags & SJ_NODE_IS_OWN) != 0 ? SNAPJAR_OFFSET_NONE : node->offset;
}

/** Puts another value into a place of a child. */
static inline void sj_graph_put(snapjar_graph *graph, uint32_t place, sj_ref ref)
{
    graph->words[place] = ref;
    sj_graph_refer(graph, ref);
}

/** `call` is the last node. If it calls copyreg.__newobj_ex__ with a tuple that is in no memo, it becomes what
 * NEWOBJ_EX makes; returns the last node. */
sj_ref sj_graph_see_new_ex(snapjar_graph *graph, sj_ref call);

/** Finds what cannot be reached from the root, if anything was dropped: sets SJ_NODE_IS_SHARED anew, and
 * `dropped_offset`. */
snapjar_status sj_graph_reach(snapjar_graph *graph, snapjar_error *err) __attribute__((warn_unused_result));

/** Whether a loader does something for it that others may notice: looks up, calls, makes, asks. */
static inline bool sj_node_is_effect(const sj_node *node)
{
    return node->kind == SJ_NODE_GLOBAL || node->kind == SJ_NODE_EXTENSION || node->kind == SJ_NODE_BUFFER ||
           node->kind >= SJ_NODE_CALL;
}

static inline bool sj_node_has_children(const sj_node *node)
{
    return node->kind >= SJ_NODE_TUPLE;
}

#endif
