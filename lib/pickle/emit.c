/* SPDX-License-Identifier: MIT
 *
 * Writes a graph as a pickle. Nodes are written in the order in which a loader met them: parts, the object, its memo
 * entry, then what is done to it, so that everything sees of everything else what it saw in the original.
 *
 * An object that is part of itself although its parts come first (a tuple in a list in itself, a call with such a list
 * as an argument) is written as CPython's Pickler does it (save_tuple, save_reduce of Modules/_pickle.c): begun again
 * where it is met inside; there the list has its memo entry, and it can be made. Outside, what was gathered for it is
 * thrown away and it is taken from the memo.
 */
#include "pickle/emit.h"

/** BATCHSIZE of CPython's Modules/_pickle.c. */
#define BATCH_SIZE 1000u

static SJ_EMIT push_frame(sj_emit *emit, sj_ref ref, snapjar_error *err)
{
    if (emit->frame_count == emit->frame_capacity) {
        const size_t capacity = emit->frame_capacity == 0 ? 256 : 2 * emit->frame_capacity;
        sj_emit_frame *frames = sj_realloc(emit->context, emit->frames, capacity * sizeof *frames);
        if (frames == NULL)
            return sj_raise_no_memory(err, capacity * sizeof *frames);
        emit->frames = frames;
        emit->frame_capacity = capacity;
    }
    sj_emit_frame *frame = &emit->frames[emit->frame_count++];
    *frame = (sj_emit_frame){.ref = ref};
    uint8_t *notes = &emit->notes[ref];
    if ((*notes & SJ_NOTE_OPEN) != 0) {
        frame->is_again = true;
        emit->again_count++;
        *notes |= SJ_NOTE_OPEN_AGAIN;
    }
    *notes |= SJ_NOTE_OPEN;
    return SNAPJAR_OK;
}

static void pop_frame(sj_emit *emit)
{
    const sj_emit_frame *frame = &emit->frames[--emit->frame_count];
    emit->notes[frame->ref] &= (uint8_t)~(frame->is_again ? SJ_NOTE_OPEN_AGAIN : SJ_NOTE_OPEN);
    emit->again_count -= frame->is_again;
}

/** How many items the batch that begins at the frame's place has. Short when it must be as it was. */
static uint32_t batch_size(const sj_emit *emit, const sj_emit_frame *frame, const sj_node *node, uint32_t step)
{
    const sj_change change = sj_graph_change(emit->graph, frame->change);
    const bool is_single = change.op == SJ_OP_APPEND || change.op == SJ_OP_SETITEM || change.op == SJ_OP_BUILD ||
                           change.op == SJ_OP_REDUCE;
    const bool is_plain = node->kind == SJ_NODE_LIST || node->kind == SJ_NODE_DICT;
    if (is_single && (!is_plain || (emit->notes[frame->ref] & SJ_NOTE_RECURSIVE) != 0))
        return step;
    if (change.op == SJ_OP_BUILD || change.op == SJ_OP_REDUCE || (emit->protocol == 0 && change.op != SJ_OP_ADDITEMS))
        return step;
    /* What only the object itself could see, nobody sees: it may be filled in other batches. */
    if (!is_plain || (emit->notes[frame->ref] & SJ_NOTE_RECURSIVE) != 0)
        return change.count - frame->index;
    uint32_t count = change.count - frame->index;
    const uint32_t most = BATCH_SIZE * step;
    uint32_t next = frame->change;
    while (count < most && (next = sj_graph_next_change(emit->graph, node, next)) != 0) {
        const sj_change more = sj_graph_change(emit->graph, next);
        const bool takes_pairs = more.op == SJ_OP_SETITEM || more.op == SJ_OP_SETITEMS;
        if (more.op == SJ_OP_BUILD || more.op == SJ_OP_REDUCE || takes_pairs != (step == 2))
            break;
        count += more.count;
    }
    return count < most ? count : most;
}

/** The opcode that ends a batch. */
static uint8_t batch_opcode(const sj_change *change, bool has_mark)
{
    switch (change->op) {
    case SJ_OP_APPEND:
    case SJ_OP_APPENDS:
        return has_mark ? SJ_OP_APPENDS : SJ_OP_APPEND;
    case SJ_OP_SETITEM:
    case SJ_OP_SETITEMS:
        return has_mark ? SJ_OP_SETITEMS : SJ_OP_SETITEM;
    case SJ_OP_REDUCE:
        return SJ_OP_POP;
    default:
        return change->op;
    }
}

static SJ_EMIT begin_batch(sj_emit *emit, const sj_node *node, snapjar_error *err)
{
    sj_emit_frame *frame = &emit->frames[emit->frame_count - 1];
    const sj_change change = sj_graph_change(emit->graph, frame->change);
    const uint32_t step = change.op == SJ_OP_SETITEM || change.op == SJ_OP_SETITEMS ? 2 : 1;
    const bool is_plain = node->kind == SJ_NODE_LIST || node->kind == SJ_NODE_DICT;
    if (node->kind == SJ_NODE_GLOBAL)
        return sj_emit_refuse(emit, node, "it is changed, which concerns more than this pickle", err);
    frame->batch_left = batch_size(emit, frame, node, step);
    frame->is_in_batch = true;
    frame->has_mark = change.op == SJ_OP_ADDITEMS || frame->batch_left > step ||
                      (emit->protocol > 0 && !is_plain && (change.op == SJ_OP_APPENDS || change.op == SJ_OP_SETITEMS));
    if (change.op == SJ_OP_ADDITEMS && emit->protocol < 4)
        return sj_emit_refuse(emit, node, "ADDITEMS begins with protocol 4", err);
    return frame->has_mark ? sj_emit_byte(emit, SJ_OP_MARK, err) : SNAPJAR_OK;
}

static SJ_EMIT end_batch(sj_emit *emit, const sj_node *node, snapjar_error *err)
{
    sj_emit_frame *frame = &emit->frames[emit->frame_count - 1];
    const sj_change change = sj_graph_change(emit->graph, frame->change);
    if (frame->index == change.count)
        SJ_TRY(sj_emit_keep_order(emit, node, change.offset, err));
    frame->is_in_batch = false;
    SJ_TRY(sj_emit_byte(emit, batch_opcode(&change, frame->has_mark), err));
    if (frame->index == change.count) {
        frame->change = sj_graph_next_change(emit->graph, node, frame->change);
        frame->index = 0;
    }
    return SNAPJAR_OK;
}

/** Puts a node on the stack of the loader, or begins to. */
static SJ_EMIT enter(sj_emit *emit, sj_ref ref, snapjar_error *err)
{
    const sj_node *node = sj_graph_node(emit->graph, ref);
    if (emit->memo[ref] != 0)
        return sj_emit_get(emit, emit->memo[ref], err);
    if (sj_node_is_single(node))
        return node->kind == SJ_NODE_TUPLE ? sj_emit_close_tuple(emit, 0, err) : sj_emit_value(emit, node, err);
    if (!sj_node_has_children(node) && node->changes == 0 && node->kind != SJ_NODE_BUFFER) {
        SJ_TRY(sj_emit_value(emit, node, err));
        if ((emit->notes[ref] & SJ_NOTE_MEMO) != 0 || emit->again_count > 0)
            return sj_emit_put(emit, &emit->memo[ref], err);
        return SNAPJAR_OK;
    }
    if ((emit->notes[ref] & SJ_NOTE_OPEN_AGAIN) != 0)
        return sj_emit_refuse(emit, node, "it is part of itself in a way that no pickler writes", err);
    SJ_TRY(push_frame(emit, ref, err));
    return sj_emit_begin(emit, node, err);
}

/** The parts of a node are on the stack. */
static SJ_EMIT finish_parts(sj_emit *emit, const sj_node *node, snapjar_error *err)
{
    sj_emit_frame *frame = &emit->frames[emit->frame_count - 1];
    const sj_ref ref = frame->ref;
    if (emit->memo[ref] != 0) {
        SJ_TRY(sj_emit_discard(emit, ref, node, err));
        pop_frame(emit);
        return SNAPJAR_OK;
    }
    SJ_TRY(sj_emit_make(emit, node, err));
    if ((emit->notes[ref] & SJ_NOTE_MEMO) != 0 || emit->again_count > 0)
        SJ_TRY(sj_emit_put(emit, &emit->memo[ref], err));
    frame->is_made = true;
    frame->index = 0;
    frame->batch_left = 0;
    frame->change = node->kind == SJ_NODE_SET && emit->protocol < 4 ? 0 : sj_graph_first_change(emit->graph, node);
    return SNAPJAR_OK;
}

/** The next thing to do for the innermost node. */
static SJ_EMIT step(sj_emit *emit, snapjar_error *err)
{
    sj_emit_frame *frame = &emit->frames[emit->frame_count - 1];
    const sj_node *node = sj_graph_node(emit->graph, frame->ref);
    if (!frame->is_made) {
        const sj_ref part = sj_emit_next_part(emit, node, frame);
        return part != 0 ? enter(emit, part, err) : finish_parts(emit, node, err);
    }
    if (frame->change == 0) {
        pop_frame(emit);
        return SNAPJAR_OK;
    }
    if (frame->is_in_batch && frame->batch_left == 0)
        return end_batch(emit, node, err);
    if (!frame->is_in_batch)
        SJ_TRY(begin_batch(emit, node, err));
    if (frame->index == sj_graph_change(emit->graph, frame->change).count) {
        frame->change = sj_graph_next_change(emit->graph, node, frame->change);
        frame->index = 0;
    }
    frame->batch_left--;
    return enter(emit, sj_graph_change(emit->graph, frame->change).items[frame->index++], err);
}

static SJ_EMIT run(sj_emit *emit, snapjar_error *err)
{
    if (emit->protocol >= 2) {
        const uint8_t head[] = {SJ_OP_PROTO, (uint8_t)emit->protocol};
        SJ_TRY(snapjar_sink_write(emit->sink, head, sizeof head, err));
    }
    SJ_TRY(sj_emit_find_refs(emit, err));
    SJ_TRY(enter(emit, emit->graph->root, err));
    while (emit->frame_count > 0) {
        SJ_TRY(step(emit, err));
        SJ_TRY(sj_emit_flush(emit, false, err));
    }
    SJ_TRY(sj_emit_byte(emit, SJ_OP_STOP, err));
    return sj_emit_flush(emit, true, err);
}

snapjar_status snapjar_graph_emit(snapjar_graph *graph, int protocol, snapjar_sink *sink, snapjar_error *err)
{
    if (graph == NULL || sink == NULL || protocol < 0 || protocol > SJ_PROTOCOL_MAX)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE,
                        "graph or sink is NULL, or protocol %d is not 0 to %d", protocol, SJ_PROTOCOL_MAX);
    sj_emit emit = {.graph = graph, .context = graph->context, .sink = sink, .protocol = protocol,
                    .last_offset = SNAPJAR_OFFSET_NONE};
    emit.notes = sj_alloc_zero(graph->context, graph->node_count);
    emit.memo = sj_alloc_zero(graph->context, graph->node_count * sizeof *emit.memo);
    snapjar_status status = emit.notes != NULL && emit.memo != NULL
                                ? run(&emit, err)
                                : sj_raise_no_memory(err, graph->node_count * (1 + sizeof *emit.memo));
    sj_free(graph->context, emit.notes);
    sj_free(graph->context, emit.memo);
    sj_free(graph->context, emit.frames);
    sj_free(graph->context, emit.buffer);
    return status;
}
