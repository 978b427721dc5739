/* SPDX-License-Identifier: MIT
 *
 * What the files of emit share: the writer, what is known of each node, and the memo of the pickle being written.
 * emit.c walks, emit_refs.c finds out beforehand what is shared, emit_values.c and emit_names.c write single values,
 * emit_out.c gathers bytes into frames. Private to these files.
 */
#ifndef SJ_PICKLE_EMIT_H
#define SJ_PICKLE_EMIT_H

#include "pickle/graph.h"

/** What is known of a node: bits. */
enum {
    /** Reached from the root. */
    SJ_NOTE_REACHED = 1,
    /** Needed again after it is made: gets a memo entry. */
    SJ_NOTE_MEMO = 2,
    /** It is part of itself: what is inside can see how far it is filled. */
    SJ_NOTE_RECURSIVE = 4,
    /** Twice SJ_NOTE_OPEN: it is being made, and again for its own parts. */
    SJ_NOTE_OPEN = 8,
    SJ_NOTE_OPEN_AGAIN = 16
};

/** Globals that are not in the graph: the calls that stand for what a protocol has no opcode for. */
typedef enum sj_helper {
    SJ_HELPER_SET,
    SJ_HELPER_FROZENSET,
    SJ_HELPER_BYTES,
    SJ_HELPER_BYTEARRAY,
    SJ_HELPER_GETATTR,
    SJ_HELPER_NEWOBJ,
    SJ_HELPER_NEWOBJ_EX,
    SJ_HELPER_ENCODE,
    /** The text "latin1". */
    SJ_HELPER_LATIN1,
    SJ_HELPER_COUNT
} sj_helper;

/** Names of modules written before, so that each is written once. */
#define SJ_MODULES_KEPT 16

typedef struct sj_emit_frame {
    sj_ref ref;
    /** The change being written, or of a set below protocol 4 being gathered; 0 at first and after the last. */
    uint32_t change;
    /** Next child, or next item of the change. */
    uint32_t index;
    /** Items of the current batch still to come. */
    uint32_t batch_left;
    /** The batch has a mark and ends with APPENDS and its kin. */
    bool has_mark;
    bool is_in_batch;
    bool is_made;
    /** Made a second time, for its own parts. */
    bool is_again;
} sj_emit_frame;

typedef struct sj_emit {
    const snapjar_graph *graph;
    snapjar_context *context;
    snapjar_sink *sink;
    int protocol;

    uint8_t *buffer;
    size_t used;
    size_t capacity;

    /** By node: notes, and index in the memo + 1. */
    uint8_t *notes;
    uint32_t *memo;
    uint32_t memo_count;
    uint32_t helpers[SJ_HELPER_COUNT];
    struct {
        snapjar_text text;
        uint32_t memo;
    } modules[SJ_MODULES_KEPT];
    size_t module_count;

    sj_emit_frame *frames;
    size_t frame_count;
    size_t frame_capacity;
    /** Open nodes that are being made again: whatever is made now gets a memo entry. */
    size_t again_count;
    /** Of the last call or change that was written: they must keep their order. */
    uint64_t last_offset;
} sj_emit;

#define SJ_EMIT __attribute__((warn_unused_result)) snapjar_status

/* ---- emit_out.c ---- */

SJ_EMIT sj_emit_bytes(sj_emit *emit, const void *bytes, size_t size, snapjar_error *err);
SJ_EMIT sj_emit_byte(sj_emit *emit, uint8_t byte, snapjar_error *err);
/** An opcode, then its argument of fixed size in `argument`'s lowest `size` bytes, little-endian. */
SJ_EMIT sj_emit_op(sj_emit *emit, uint8_t opcode, uint64_t argument, size_t size, snapjar_error *err);
/** An opcode, a length of `length_size` bytes, and as many bytes: outside frames if they are many. */
SJ_EMIT sj_emit_counted(sj_emit *emit, uint8_t opcode, size_t length_size, const void *bytes, size_t size,
                        snapjar_error *err);
/** Between opcodes: hands on what has been gathered if it is enough, or in any case. */
SJ_EMIT sj_emit_flush(sj_emit *emit, bool is_last, snapjar_error *err);

/** Makes a memo entry of the top of the stack. */
SJ_EMIT sj_emit_put(sj_emit *emit, uint32_t *memo, snapjar_error *err);
SJ_EMIT sj_emit_get(sj_emit *emit, uint32_t memo, snapjar_error *err);

/* ---- emit_values.c ---- */

/** `transcode-unfaithful` at the node. */
SJ_EMIT sj_emit_refuse(const sj_emit *emit, const sj_node *node, const char *why, snapjar_error *err);

/** A text in UTF-8. */
SJ_EMIT sj_emit_text(sj_emit *emit, const sj_node *node, const uint8_t *data, size_t size, snapjar_error *err);

/** A value without children. */
SJ_EMIT sj_emit_value(sj_emit *emit, const sj_node *node, snapjar_error *err);

/** A tuple of `count` values (up to 3) on the stack, if `sj_emit_open_tuple` came before them. */
SJ_EMIT sj_emit_open_tuple(sj_emit *emit, size_t count, snapjar_error *err);
SJ_EMIT sj_emit_close_tuple(sj_emit *emit, size_t count, snapjar_error *err);

/* ---- emit_bytes.c ---- */

/** bytes, bytearray, and text of Python 2. */
SJ_EMIT sj_emit_blob(sj_emit *emit, const sj_node *node, snapjar_error *err);

/* ---- emit_names.c ---- */

SJ_EMIT sj_emit_global(sj_emit *emit, const sj_node *node, snapjar_error *err);
SJ_EMIT sj_emit_helper(sj_emit *emit, sj_helper helper, snapjar_error *err);
/** INST with the class `node` at protocol 0. */
SJ_EMIT sj_emit_inst(sj_emit *emit, const sj_node *node, snapjar_error *err);

/* ---- emit_make.c ---- */

/** What comes before the parts of a node. */
SJ_EMIT sj_emit_begin(sj_emit *emit, const sj_node *node, snapjar_error *err);
/** The next part that a node is made of, or 0. */
sj_ref sj_emit_next_part(const sj_emit *emit, const sj_node *node, sj_emit_frame *frame);
/** The opcodes that make a node once its parts are on the stack. */
SJ_EMIT sj_emit_make(sj_emit *emit, const sj_node *node, snapjar_error *err);
/** The node turned out to be made already, inside: throws away what was gathered for it. */
SJ_EMIT sj_emit_discard(sj_emit *emit, sj_ref ref, const sj_node *node, snapjar_error *err);
/** Calls and changes keep their order, or something would see another state of something else than it did. */
SJ_EMIT sj_emit_keep_order(sj_emit *emit, const sj_node *node, uint64_t offset, snapjar_error *err);

/* ---- emit_refs.c ---- */

/** Fills in notes. Fails with `transcode-unfaithful` if something with an effect is not part of the value. */
SJ_EMIT sj_emit_find_refs(sj_emit *emit, snapjar_error *err);

#endif
