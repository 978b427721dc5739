/* SPDX-License-Identifier: MIT
 *
 * How each kind of object is made at each protocol: what comes before its parts, which parts there are, the opcode.
 */
#include <string.h>

#include "pickle/emit.h"

/** Whether a set or frozenset has to be written as a call. */
static bool is_set_call(const sj_emit *emit, const sj_node *node)
{
    return emit->protocol < 4 && (node->kind == SJ_NODE_SET || node->kind == SJ_NODE_FROZENSET);
}

/** Whether the parts of a node stand above a mark, which its opcode takes away. */
static bool has_mark(const sj_emit *emit, const sj_node *node)
{
    switch ((sj_node_kind)node->kind) {
    case SJ_NODE_TUPLE:
        return node->count > 0 && (emit->protocol < 2 || node->count > 3);
    case SJ_NODE_FROZENSET:
    case SJ_NODE_INSTANCE:
        return true;
    case SJ_NODE_SET:
        return emit->protocol < 4;
    case SJ_NODE_NEW:
        return emit->protocol < 2;
    case SJ_NODE_NEW_EX:
        return emit->protocol < 2;
    default:
        return false;
    }
}

/** The arguments of NEWOBJ below protocol 2, which go into one tuple with the class. */
static const sj_node *new_arguments(const sj_emit *emit, const sj_node *node)
{
    return sj_graph_node(emit->graph, emit->graph->words[node->first + 1]);
}

snapjar_status sj_emit_begin(sj_emit *emit, const sj_node *node, snapjar_error *err)
{
    if (node->kind == SJ_NODE_READONLY && emit->protocol < 5)
        return sj_emit_refuse(emit, node, "out-of-band buffers begin with protocol 5", err);
    if (node->kind == SJ_NODE_NEW && emit->protocol < 2) {
        if (new_arguments(emit, node)->kind != SJ_NODE_TUPLE)
            return sj_emit_refuse(emit, node, "its arguments are computed", err);
        SJ_TRY(sj_emit_helper(emit, SJ_HELPER_NEWOBJ, err));
    } else if (node->kind == SJ_NODE_NEW_EX && emit->protocol < 4) {
        SJ_TRY(sj_emit_helper(emit, SJ_HELPER_NEWOBJ_EX, err));
    } else if (is_set_call(emit, node)) {
        SJ_TRY(sj_emit_helper(emit, node->kind == SJ_NODE_SET ? SJ_HELPER_SET : SJ_HELPER_FROZENSET, err));
        SJ_TRY(sj_emit_open_tuple(emit, 1, err));
    }
    return has_mark(emit, node) ? sj_emit_byte(emit, SJ_OP_MARK, err) : SNAPJAR_OK;
}

/** The next item of a set that is written as a call, or 0. */
static sj_ref next_set_item(const sj_emit *emit, const sj_node *node, sj_emit_frame *frame)
{
    if (frame->change == 0)
        frame->change = sj_graph_first_change(emit->graph, node);
    while (frame->change != 0) {
        const sj_change change = sj_graph_change(emit->graph, frame->change);
        if (frame->index < change.count)
            return change.items[frame->index++];
        frame->index = 0;
        if (frame->change == node->changes)
            break;
        frame->change = sj_graph_next_change(emit->graph, node, frame->change);
    }
    /* Past the last one; it must not begin again. */
    frame->index = UINT32_MAX;
    return 0;
}

sj_ref sj_emit_next_part(const sj_emit *emit, const sj_node *node, sj_emit_frame *frame)
{
    uint32_t count;
    const uint32_t *children = sj_graph_children(emit->graph, node, &count);
    if (node->kind == SJ_NODE_SET && emit->protocol < 4)
        return next_set_item(emit, node, frame);
    if (node->kind == SJ_NODE_NEW && emit->protocol < 2 && frame->index > 0) {
        const sj_node *arguments = new_arguments(emit, node);
        const uint32_t at = frame->index++ - 1;
        return at < arguments->count ? emit->graph->words[arguments->first + at] : 0;
    }
    /* The class stands in INST itself, a persistent id in PERSID. */
    if (node->kind == SJ_NODE_INSTANCE && emit->protocol == 0 && frame->index == 0)
        frame->index = 1;
    if (node->kind == SJ_NODE_PERSISTENT && emit->protocol == 0)
        return 0;
    return frame->index < count ? children[frame->index++] : 0;
}

snapjar_status sj_emit_discard(sj_emit *emit, sj_ref ref, const sj_node *node, snapjar_error *err)
{
    size_t count = 0;
    if (is_set_call(emit, node)) {
        /* One tuple and its callable are easier to throw away than what is in them. */
        SJ_TRY(sj_emit_byte(emit, SJ_OP_LIST, err));
        SJ_TRY(sj_emit_close_tuple(emit, 1, err));
        count = 2;
    } else if (has_mark(emit, node) && emit->protocol >= 1) {
        SJ_TRY(sj_emit_byte(emit, SJ_OP_POP_MARK, err));
    } else if (has_mark(emit, node)) {
        count = node->count + (node->kind != SJ_NODE_INSTANCE);
        if (node->kind == SJ_NODE_NEW)
            count = 2 + new_arguments(emit, node)->count;
    } else {
        count = node->count;
    }
    if (!is_set_call(emit, node) && ((node->kind == SJ_NODE_NEW && emit->protocol < 2) ||
                                     (node->kind == SJ_NODE_NEW_EX && emit->protocol < 4)))
        count++;
    while (count-- > 0)
        SJ_TRY(sj_emit_byte(emit, SJ_OP_POP, err));
    return sj_emit_get(emit, emit->memo[ref], err);
}

snapjar_status sj_emit_keep_order(sj_emit *emit, const sj_node *node, uint64_t offset, snapjar_error *err)
{
    if (emit->last_offset != SNAPJAR_OFFSET_NONE && offset < emit->last_offset)
        return sj_emit_refuse(emit, node, "it would change places with what was done later", err);
    emit->last_offset = offset;
    return SNAPJAR_OK;
}

static SJ_EMIT make_persistent(sj_emit *emit, const sj_node *node, snapjar_error *err)
{
    const sj_node *id = sj_graph_node(emit->graph, emit->graph->words[node->first]);
    size_t size;
    if (emit->protocol > 0)
        return sj_emit_byte(emit, SJ_OP_BINPERSID, err);
    if (id->form == SJ_OP_UNICODE || id->kind != SJ_NODE_STR)
        return sj_emit_refuse(emit, node, "PERSID takes ASCII text only", err);
    const uint8_t *data = sj_graph_span(emit->graph, id, &size);
    for (size_t i = 0; i < size; i++) {
        if (data[i] >= 0x80 || data[i] == '\n')
            return sj_emit_refuse(emit, node, "PERSID takes ASCII text of one line only", err);
    }
    SJ_TRY(sj_emit_byte(emit, SJ_OP_PERSID, err));
    SJ_TRY(sj_emit_bytes(emit, data, size, err));
    return sj_emit_byte(emit, '\n', err);
}

/** NEWOBJ and NEWOBJ_EX, or the calls that stand for them. */
static SJ_EMIT make_new(sj_emit *emit, const sj_node *node, snapjar_error *err)
{
    if (node->kind == SJ_NODE_NEW && emit->protocol >= 2)
        return sj_emit_byte(emit, SJ_OP_NEWOBJ, err);
    if (node->kind == SJ_NODE_NEW_EX && emit->protocol >= 4)
        return sj_emit_byte(emit, SJ_OP_NEWOBJ_EX, err);
    SJ_TRY(sj_emit_close_tuple(emit, 3, err));
    return sj_emit_byte(emit, SJ_OP_REDUCE, err);
}

snapjar_status sj_emit_make(sj_emit *emit, const sj_node *node, snapjar_error *err)
{
    const bool is_text = emit->protocol == 0;
    if ((node->kind >= SJ_NODE_CALL && node->kind <= SJ_NODE_PERSISTENT) || node->kind == SJ_NODE_BUFFER)
        SJ_TRY(sj_emit_keep_order(emit, node, node->offset, err));
    if (is_set_call(emit, node)) {
        SJ_TRY(sj_emit_byte(emit, SJ_OP_LIST, err));
        SJ_TRY(sj_emit_close_tuple(emit, 1, err));
        return sj_emit_byte(emit, SJ_OP_REDUCE, err);
    }
    switch ((sj_node_kind)node->kind) {
    case SJ_NODE_TUPLE:
        return has_mark(emit, node) ? sj_emit_byte(emit, SJ_OP_TUPLE, err)
                                    : sj_emit_close_tuple(emit, node->count, err);
    case SJ_NODE_FROZENSET:
        return sj_emit_byte(emit, SJ_OP_FROZENSET, err);
    case SJ_NODE_LIST:
        return is_text ? sj_emit_bytes(emit, "(l", 2, err) : sj_emit_byte(emit, SJ_OP_EMPTY_LIST, err);
    case SJ_NODE_DICT:
        return is_text ? sj_emit_bytes(emit, "(d", 2, err) : sj_emit_byte(emit, SJ_OP_EMPTY_DICT, err);
    case SJ_NODE_SET:
        return sj_emit_byte(emit, SJ_OP_EMPTY_SET, err);
    case SJ_NODE_CALL:
        return sj_emit_byte(emit, SJ_OP_REDUCE, err);
    case SJ_NODE_NEW:
    case SJ_NODE_NEW_EX:
        return make_new(emit, node, err);
    case SJ_NODE_INSTANCE:
        if (is_text)
            return sj_emit_inst(emit, sj_graph_node(emit->graph, emit->graph->words[node->first]), err);
        return sj_emit_byte(emit, SJ_OP_OBJ, err);
    case SJ_NODE_PERSISTENT:
        return make_persistent(emit, node, err);
    case SJ_NODE_READONLY:
        return sj_emit_byte(emit, SJ_OP_READONLY_BUFFER, err);
    default:
        return sj_emit_value(emit, node, err);
    }
}
