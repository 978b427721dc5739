/* SPDX-License-Identifier: MIT
 *
 * From a graph to the bytes of a pickle. emit.c walks over the graph, emit_value.c says how each kind of value is made,
 * emit_global.c writes names, emit_literal.c numbers and texts, emit_write.c opcodes, frames and memo entries.
 * Depth first: a value, then what happened to it, then the next one; which is how picklers write. The graph was built
 * in the order of the pickle, so effects come out in that order again, or the difference is noticed and refused.
 */
#ifndef SJ_PICKLE_EMIT_H
#define SJ_PICKLE_EMIT_H

#include <string.h>

#include "pickle/graph.h"
#include "util/io.h"

/** About so much goes into a frame, and never more than twice as much. */
#define SJ_EMIT_FRAME_SIZE ((size_t)64 << 10)
#define SJ_EMIT_BUFFER_SIZE (2 * SJ_EMIT_FRAME_SIZE)

#define SJ_EMIT snapjar_status __attribute__((warn_unused_result))

/** Functions and texts that the new pickle needs and the old one need not have: a memo entry each. */
typedef enum sj_helper {
    SJ_HELPER_ENCODE,
    SJ_HELPER_LATIN1,
    SJ_HELPER_BYTES,
    SJ_HELPER_BYTEARRAY,
    SJ_HELPER_SET,
    SJ_HELPER_FROZENSET,
    SJ_HELPER_GETATTR,
    SJ_HELPER_NEWOBJ,
    SJ_HELPER_NEWOBJ_EX,
    SJ_HELPER_IOR,
    SJ_HELPER_COUNT
} sj_helper;

/** What is known of a node that has no memo entry: not emitted; begun; a class that an INST looked up. */
enum { SJ_MEMO_NONE = 0, SJ_MEMO_BEGUN = 1, SJ_MEMO_KNOWN = 2, SJ_MEMO_FIRST = 3 };
/** Of a node that has one: what happened to it is being emitted. */
#define SJ_MEMO_OPEN (UINT32_C(1) << 31)
#define SJ_MEMO_COUNT_MAX (SJ_MEMO_OPEN - SJ_MEMO_FIRST)

/** A value that is being emitted. */
typedef struct sj_emit_task {
    sj_ref ref;
    /** Of the next child, within the node's or the change's. */
    uint32_t index;
    /** The change that is being emitted; 0 while it is the children. */
    uint32_t change;
    /** It is a class that was looked up before. */
    bool is_known;
    /** It will be dropped: a memo entry would look as if it were needed later. */
    bool is_dropped;
    /** The value is on the stack, and this is about what happens to it. */
    bool is_made;
    /** Whether something other than a plain value was hashed. */
    bool has_hashed;
    /** Whether it is a set that is called with all its elements. */
    bool is_gathered;
    /** SJ_NODE_IS_MOVED, and the last effect before it. */
    bool is_moved;
    uint64_t effect_before;
} sj_emit_task;

typedef struct sj_emitter {
    const snapjar_graph *graph;
    snapjar_context *context;
    int protocol;

    /** By node: SJ_MEMO_..., or the entry's index + SJ_MEMO_FIRST, and maybe SJ_MEMO_OPEN. */
    uint32_t *memo;
    uint32_t memo_count;
    /** Index + 1, or 0. */
    uint32_t helpers[SJ_HELPER_COUNT];
    sj_emit_task *tasks;
    size_t task_count;
    size_t task_capacity;

    /** Every value that can have a memo entry gets one; sets are made empty and filled by calls. */
    bool puts_all;
    bool fills_sets;
    /** One of these was switched on: all begins anew. */
    bool must_restart;
    /** Values that may still be emitted more than once. */
    uint64_t repeats_left;
    /** Of the last effect, within what was moved if it is that. */
    uint64_t effect_offset;
    /** Tasks that may still be looked through for what comes too early. */
    uint64_t looks_left;

    sj_spool *spool;
    /** What was not handed to the spool yet: the content of the open frame. */
    uint8_t *buffer;
    size_t buffer_size;
    uint8_t *scratch;
    size_t scratch_capacity;
} sj_emitter;

/* ---- emit_write.c ---- */

/** What sj_emit_write does where the buffer is full. */
SJ_EMIT sj_emit_write_more(sj_emitter *e, const void *bytes, size_t size, snapjar_error *err);
/** Hands the open frame over. */
SJ_EMIT sj_emit_end_frame(sj_emitter *e, snapjar_error *err);

static inline SJ_EMIT sj_emit_write(sj_emitter *e, const void *bytes, size_t size, snapjar_error *err)
{
    if (size > SJ_EMIT_BUFFER_SIZE - e->buffer_size)
        return sj_emit_write_more(e, bytes, size, err);
    if (size > 0)
        memcpy(e->buffer + e->buffer_size, bytes, size);
    e->buffer_size += size;
    return SNAPJAR_OK;
}

static inline SJ_EMIT sj_emit_opcode(sj_emitter *e, uint8_t opcode, snapjar_error *err)
{
    return sj_emit_write(e, &opcode, 1, err);
}

SJ_EMIT sj_emit_opcodes(sj_emitter *e, uint8_t opcode, size_t count, snapjar_error *err);
/** Opcode, length and bytes. From the size of a frame on they stand outside of frames. */
SJ_EMIT sj_emit_counted(sj_emitter *e, const uint8_t *head, size_t head_size, const uint8_t *data, size_t size,
                        snapjar_error *err);
/** Closes the frame if it is full. To be called between opcodes only. */
static inline SJ_EMIT sj_emit_boundary(sj_emitter *e, snapjar_error *err)
{
    return e->buffer_size >= SJ_EMIT_FRAME_SIZE ? sj_emit_end_frame(e, err) : SNAPJAR_OK;
}
SJ_EMIT sj_emit_begin(sj_emitter *e, snapjar_error *err);
SJ_EMIT sj_emit_end(sj_emitter *e, snapjar_error *err);
SJ_EMIT sj_emit_get(sj_emitter *e, uint32_t index, snapjar_error *err);
SJ_EMIT sj_emit_put(sj_emitter *e, uint32_t *index, snapjar_error *err);
/** Around the elements of a tuple. */
SJ_EMIT sj_emit_open_tuple(sj_emitter *e, size_t count, snapjar_error *err);
SJ_EMIT sj_emit_close_tuple(sj_emitter *e, size_t count, snapjar_error *err);
/** Takes away what sj_emit_open_tuple and `count` values left on the stack. */
SJ_EMIT sj_emit_discard(sj_emitter *e, bool is_marked, size_t count, snapjar_error *err);
/** Whether a tuple of so many needs a mark. */
bool sj_emit_is_marked(const sj_emitter *e, size_t count);
/** Room for `size` bytes in `scratch`. */
SJ_EMIT sj_emit_reserve_scratch(sj_emitter *e, size_t size, snapjar_error *err);
/** Raises `transcode-unfaithful`. */
snapjar_status sj_emit_refuse(const sj_emitter *e, uint64_t offset, snapjar_error *err, const char *format, ...)
    __attribute__((format(printf, 4, 5), cold));
/** Something happens that was at this offset: it must not have come later than what was emitted after it. */
SJ_EMIT sj_emit_effect(sj_emitter *e, uint64_t offset, snapjar_error *err);

/* ---- emit_order.c ---- */

/** Around a value: the order of effects is kept inside of what was moved, and outside of it. */
void sj_emit_enter(sj_emitter *e, sj_emit_task *task);
void sj_emit_leave(sj_emitter *e, const sj_emit_task *task);
/** Refuses a value that comes up inside of itself where something looks at it that did so later, when it was whole. */
SJ_EMIT sj_emit_check_open(sj_emitter *e, sj_ref ref, snapjar_error *err);

/* ---- emit_literal.c ---- */

/** NONE to BYTEARRAY. */
SJ_EMIT sj_emit_plain(sj_emitter *e, const sj_node *node, snapjar_error *err);
/** Text in UTF-8. */
SJ_EMIT sj_emit_text(sj_emitter *e, const uint8_t *data, size_t size, uint64_t offset, snapjar_error *err);
/** The text of a node in UTF-8: borrowed from the graph or in `scratch`. */
SJ_EMIT sj_emit_read_text(sj_emitter *e, const sj_node *node, const uint8_t **data, size_t *size, snapjar_error *err);

/* ---- emit_global.c ---- */

/** A name as Python 3 knows it. */
typedef struct sj_name {
    snapjar_text module;
    snapjar_text name;
    /** It is written as nodes, which may be shared with others: two children, the texts. */
    bool has_nodes;
    /** One of the texts is computed. */
    bool is_computed;
} sj_name;

void sj_emit_resolve(const sj_emitter *e, const sj_node *node, sj_name *name);
/** GLOBAL, STACK_GLOBAL, or calls of getattr. If it is known, looking it up says nothing new. */
SJ_EMIT sj_emit_name(sj_emitter *e, const sj_node *node, const sj_name *name, bool is_known, snapjar_error *err);
/** INST with the names of a class; `offset` is where it was looked up. */
SJ_EMIT sj_emit_inst(sj_emitter *e, const sj_node *class_node, uint64_t offset, snapjar_error *err);
SJ_EMIT sj_emit_helper(sj_emitter *e, sj_helper helper, snapjar_error *err);

/* ---- emit_value.c ---- */

/** The value itself if it has no children that must come first; else `*is_open`. */
SJ_EMIT sj_emit_start(sj_emitter *e, sj_emit_task *task, bool *is_open, snapjar_error *err);
/** How many children come before the value can be made, and which. */
uint32_t sj_emit_child_count(const sj_emitter *e, const sj_node *node);
sj_ref sj_emit_child(const sj_emitter *e, const sj_node *node, uint32_t index);
/** Makes the value of its children. */
SJ_EMIT sj_emit_make(sj_emitter *e, const sj_node *node, snapjar_error *err);
/** Whether a set below protocol 4 is a call with all its elements. */
bool sj_emit_can_gather(const sj_emitter *e, const sj_node *node);
/** It was made meanwhile, inside one of its children: takes them away again. */
SJ_EMIT sj_emit_unmake(sj_emitter *e, const sj_node *node, snapjar_error *err);

#endif
