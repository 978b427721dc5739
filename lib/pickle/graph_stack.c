/* SPDX-License-Identifier: MIT
 *
 * The opcodes of the stack, the marks and the memo, and what becomes of values that are thrown away.
 */
#include <string.h>

#include "pickle/builder.h"
#include "pickle/canonical.h"

snapjar_status sj_build_mark(sj_builder *builder, const sj_token *token, snapjar_error *err)
{
    if (builder->mark_count == builder->mark_capacity) {
        void *marks = builder->marks;
        if (builder->mark_count >= builder->graph->options.stack_depth_max)
            return sj_raise(err, SNAPJAR_LIMIT, SNAPJAR_DIAG_PICKLE_STACK_LIMIT, SJ_AT_CONTENT(token->offset),
                            "there are more marks than the limit of %llu",
                            (unsigned long long)builder->graph->options.stack_depth_max);
        SJ_TRY(sj_build_grow(builder, &marks, &builder->mark_capacity, 0, sizeof *builder->marks, err));
        builder->marks = marks;
    }
    builder->marks[builder->mark_count++] = builder->depth;
    return SNAPJAR_OK;
}

static SJ_BUILD read_index(const sj_token *token, uint64_t *index, snapjar_error *err)
{
    switch (token->opcode) {
    case SJ_OP_BINGET:
    case SJ_OP_BINPUT:
        *index = token->data[0];
        return SNAPJAR_OK;
    case SJ_OP_LONG_BINGET:
    case SJ_OP_LONG_BINPUT:
        *index = sj_read_le32(token->data);
        return SNAPJAR_OK;
    }
    if (!sj_read_index(token->data, (size_t)token->size, index))
        return sj_raise(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_PICKLE_ARGUMENT_INVALID, SJ_AT_CONTENT(token->offset + 1),
                        "the argument of %s is not a memo index as picklers write it", sj_opcode_name(token->opcode));
    return SNAPJAR_OK;
}

snapjar_status sj_build_put(sj_builder *builder, const sj_token *token, snapjar_error *err)
{
    uint64_t index = builder->memo_count;
    SJ_TRY(sj_build_need(builder, token, 1, err));
    if (token->opcode != SJ_OP_MEMOIZE)
        SJ_TRY(read_index(token, &index, err));
    if (index > builder->graph->opcode_count)
        return sj_raise(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_PICKLE_MEMO_INDEX, SJ_AT_CONTENT(token->offset),
                        "memo index %llu of %s is above the %llu opcodes so far", (unsigned long long)index,
                        sj_opcode_name(token->opcode), (unsigned long long)builder->graph->opcode_count);
    if (index >= builder->memo_capacity) {
        void *memo = builder->memo;
        SJ_TRY(sj_build_grow(builder, &memo, &builder->memo_capacity, (size_t)index + 1, sizeof *builder->memo, err));
        builder->memo = memo;
    }
    if (index >= builder->memo_high) {
        memset(builder->memo + builder->memo_high, 0, ((size_t)index + 1 - builder->memo_high) * sizeof(sj_ref));
        builder->memo_high = (size_t)index + 1;
    }
    builder->memo_count += builder->memo[index] == 0;
    builder->memo[index] = builder->stack[builder->depth - 1];
    return SNAPJAR_OK;
}

static bool has_effect(const sj_node *node)
{
    return (node->kind >= SJ_NODE_CALL && node->kind <= SJ_NODE_PERSISTENT) || node->kind == SJ_NODE_BUFFER;
}

/**
 * Picklers throw values away in two cases. One is save_reduce and save_tuple when an object turns out to have been made
 * on the way to its own parts: what was gathered is dropped and the object taken from the memo (`taken`). The other is a
 * state_setter, whose call is for its effect on the object below. `dropped` are above the top of the stack.
 */
static SJ_BUILD settle_dropped(sj_builder *builder, const sj_token *token, size_t dropped, sj_ref taken,
                               snapjar_error *err)
{
    snapjar_graph *graph = builder->graph;
    const sj_ref *refs = builder->stack + builder->depth;
    const sj_node *whole = taken != 0 ? sj_graph_node(graph, taken) : NULL;
    for (size_t i = 0; i < dropped; i++) {
        sj_node *node = &graph->nodes[refs[i]];
        if (refs[i] == taken || !has_effect(node))
            continue;
        const sj_node *twin = whole;
        if (whole != NULL && whole->kind == SJ_NODE_TUPLE)
            twin = whole->count == dropped ? sj_graph_node(graph, graph->words[whole->first + i]) : NULL;
        if (twin == node || (twin != NULL && twin->kind == node->kind && twin->count == node->count)) {
            node->is_repeated = twin != node;
            continue;
        }
        if (node->kind == SJ_NODE_CALL && dropped == 1 && builder->depth > sj_build_fence(builder)) {
            const sj_ref target = builder->stack[builder->depth - 1];
            SJ_TRY(sj_build_change(builder, target, token, SJ_OP_REDUCE, &refs[i], 1, err));
        }
    }
    return SNAPJAR_OK;
}

/** The next opcode but FRAME, or 0. */
static uint8_t next_opcode(const sj_builder *builder)
{
    const uint8_t *position = builder->lexer.position;
    const uint8_t *end = builder->lexer.end;
    while (end - position >= SJ_SHAPE_FIXED_MAX && *position == SJ_OP_FRAME)
        position += SJ_SHAPE_FIXED_MAX;
    return position < end ? *position : 0;
}

/** Whether what POP just took is the result of a state_setter: its first argument is the object below. */
static bool is_setter(const sj_builder *builder)
{
    const snapjar_graph *graph = builder->graph;
    if (builder->dropped != 1 || builder->depth <= sj_build_fence(builder))
        return false;
    const sj_node *call = sj_graph_node(graph, builder->stack[builder->depth]);
    if (call->kind != SJ_NODE_CALL)
        return false;
    const sj_node *arguments = sj_graph_node(graph, graph->words[call->first + 1]);
    return arguments->kind == SJ_NODE_TUPLE && arguments->count > 0 &&
           graph->words[arguments->first] == builder->stack[builder->depth - 1];
}

/** POP takes the last mark away if nothing is above it. */
snapjar_status sj_build_pop(sj_builder *builder, const sj_token *token, snapjar_error *err)
{
    size_t count = 1;
    if (token->opcode == SJ_OP_POP_MARK) {
        SJ_TRY(sj_build_unmark(builder, token, &count, err));
    } else if (builder->mark_count > 0 && builder->marks[builder->mark_count - 1] == builder->depth) {
        builder->mark_count--;
        count = 0;
    } else {
        SJ_TRY(sj_build_need(builder, token, 1, err));
    }
    builder->depth -= count;
    builder->dropped += count;
    const uint8_t next = next_opcode(builder);
    if ((next == SJ_OP_POP || next == SJ_OP_POP_MARK || next == SJ_OP_GET || next == SJ_OP_BINGET ||
         next == SJ_OP_LONG_BINGET) &&
        !is_setter(builder))
        return SNAPJAR_OK;
    const size_t dropped = builder->dropped;
    builder->dropped = 0;
    return settle_dropped(builder, token, dropped, 0, err);
}

snapjar_status sj_build_get(sj_builder *builder, const sj_token *token, snapjar_error *err)
{
    uint64_t index;
    SJ_TRY(read_index(token, &index, err));
    if (index >= builder->memo_high || builder->memo[index] == 0)
        return sj_raise(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_PICKLE_MEMO_MISSING, SJ_AT_CONTENT(token->offset),
                        "%s asks for memo entry %llu, which was never made", sj_opcode_name(token->opcode),
                        (unsigned long long)index);
    if (builder->dropped > 0) {
        const size_t dropped = builder->dropped;
        builder->dropped = 0;
        SJ_TRY(settle_dropped(builder, token, dropped, builder->memo[index], err));
    }
    return sj_build_push(builder, token, builder->memo[index], err);
}

snapjar_status sj_build_dup(sj_builder *builder, const sj_token *token, snapjar_error *err)
{
    SJ_TRY(sj_build_need(builder, token, 1, err));
    return sj_build_push(builder, token, builder->stack[builder->depth - 1], err);
}

snapjar_status sj_build_protocol(sj_builder *builder, const sj_token *token, snapjar_error *err)
{
    (void)err;
    builder->protocol = token->data[0];
    return SNAPJAR_OK;
}

snapjar_status sj_build_frame(sj_builder *builder, const sj_token *token, snapjar_error *err)
{
    /* load_frame wants the whole frame to be there. */
    if (sj_read_le64(token->data) > (uint64_t)(builder->lexer.end - builder->lexer.position))
        return sj_raise(err, SNAPJAR_CUT_SHORT, SNAPJAR_DIAG_PICKLE_CUT_SHORT, SJ_AT_CONTENT(builder->graph->size),
                        "FRAME at %llu has %llu bytes, beyond the end of the pickle",
                        (unsigned long long)token->offset, (unsigned long long)sj_read_le64(token->data));
    return SNAPJAR_OK;
}

snapjar_status sj_build_stop(sj_builder *builder, const sj_token *token, snapjar_error *err)
{
    SJ_TRY(sj_build_need(builder, token, 1, err));
    builder->graph->root = builder->stack[builder->depth - 1];
    builder->is_done = true;
    return SNAPJAR_OK;
}
