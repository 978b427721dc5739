/* SPDX-License-Identifier: MIT
 *
 * Containers, names, calls, and what is done to objects after they are made. Refuses what CPython's Modules/_pickle.c
 * fails on whatever classes there are; what a class makes of its arguments is not known here.
 */
#include <string.h>

#include "pickle/builder.h"
#include "pickle/canonical.h"

static const sj_node *node_at(const sj_builder *builder, size_t below_top)
{
    return sj_graph_node(builder->graph, builder->stack[builder->depth - 1 - below_top]);
}

/** TypeError: unhashable type. */
static bool is_unhashable(const sj_node *node)
{
    return node->kind == SJ_NODE_LIST || node->kind == SJ_NODE_DICT || node->kind == SJ_NODE_SET ||
           node->kind == SJ_NODE_BYTEARRAY;
}

static bool may_be_called(const sj_node *node)
{
    return sj_node_is_opaque(node) || node->kind == SJ_NODE_GLOBAL;
}

static bool may_be_tuple(const sj_node *node)
{
    return may_be_called(node) || node->kind == SJ_NODE_TUPLE;
}

static bool may_be_dict(const sj_node *node)
{
    return may_be_called(node) || node->kind == SJ_NODE_DICT;
}

snapjar_status sj_build_collect(sj_builder *builder, sj_node_kind kind, const sj_token *token, size_t taken,
                                snapjar_error *err)
{
    uint32_t first;
    sj_ref ref;
    SJ_TRY(sj_build_words(builder, taken, &first, err));
    if (taken > 0)
        memcpy(builder->graph->words + first, builder->stack + builder->depth - taken, taken * sizeof(sj_ref));
    SJ_TRY(sj_build_node(builder, kind, token, &ref, err));
    builder->depth -= taken;
    builder->graph->nodes[ref].first = first;
    builder->graph->nodes[ref].count = (uint32_t)taken;
    return sj_build_push(builder, token, ref, err);
}

snapjar_status sj_build_tuple(sj_builder *builder, const sj_token *token, snapjar_error *err)
{
    size_t count = token->opcode == SJ_OP_TUPLE1 ? 1 : token->opcode == SJ_OP_TUPLE2 ? 2 : 3;
    if (token->opcode == SJ_OP_TUPLE)
        SJ_TRY(sj_build_unmark(builder, token, &count, err));
    else
        SJ_TRY(sj_build_need(builder, token, count, err));
    if (count > 0)
        return sj_build_collect(builder, SJ_NODE_TUPLE, token, count, err);
    if (builder->singles[3] == 0)
        SJ_TRY(sj_build_node(builder, SJ_NODE_TUPLE, token, &builder->singles[3], err));
    return sj_build_push(builder, token, builder->singles[3], err);
}

snapjar_status sj_build_empty(sj_builder *builder, const sj_token *token, snapjar_error *err)
{
    const sj_node_kind kind = token->opcode == SJ_OP_EMPTY_LIST   ? SJ_NODE_LIST
                              : token->opcode == SJ_OP_EMPTY_DICT ? SJ_NODE_DICT
                                                                  : SJ_NODE_SET;
    return sj_build_collect(builder, kind, token, 0, err);
}

static snapjar_status check_hashable(const sj_builder *builder, const sj_token *token, const sj_ref *items,
                                     size_t count, size_t step, snapjar_error *err)
{
    for (size_t i = 0; i < count; i += step) {
        if (is_unhashable(sj_graph_node(builder->graph, items[i])))
            return sj_build_raise_operand(token, "a key or element that cannot be hashed", err);
    }
    return SNAPJAR_OK;
}

/** LIST and DICT: an empty one that is filled at once. */
snapjar_status sj_build_filled(sj_builder *builder, const sj_token *token, snapjar_error *err)
{
    const bool is_dict = token->opcode == SJ_OP_DICT;
    size_t count;
    sj_ref ref;
    SJ_TRY(sj_build_unmark(builder, token, &count, err));
    const sj_ref *items = builder->stack + builder->depth - count;
    if (is_dict && count % 2 != 0)
        return sj_build_raise_operand(token, "an odd number of keys and values", err);
    if (is_dict)
        SJ_TRY(check_hashable(builder, token, items, count, 2, err));
    SJ_TRY(sj_build_node(builder, is_dict ? SJ_NODE_DICT : SJ_NODE_LIST, token, &ref, err));
    builder->graph->nodes[ref].first = 0;
    builder->graph->nodes[ref].count = 0;
    if (count > 0)
        SJ_TRY(sj_build_change(builder, ref, token, is_dict ? SJ_OP_SETITEMS : SJ_OP_APPENDS, items, count, err));
    builder->depth -= count;
    return sj_build_push(builder, token, ref, err);
}

snapjar_status sj_build_frozenset(sj_builder *builder, const sj_token *token, snapjar_error *err)
{
    size_t count;
    SJ_TRY(sj_build_unmark(builder, token, &count, err));
    SJ_TRY(check_hashable(builder, token, builder->stack + builder->depth - count, count, 1, err));
    return sj_build_collect(builder, SJ_NODE_FROZENSET, token, count, err);
}

/** Whether any object of this kind takes the opcode; what an opaque one takes is not known. */
static bool may_take(const sj_node *target, uint8_t op)
{
    if (sj_node_is_opaque(target) || target->kind == SJ_NODE_GLOBAL)
        return true;
    switch (op) {
    case SJ_OP_APPEND:
    case SJ_OP_APPENDS:
        return target->kind == SJ_NODE_LIST || target->kind == SJ_NODE_BYTEARRAY;
    case SJ_OP_SETITEM:
    case SJ_OP_SETITEMS:
        return target->kind == SJ_NODE_DICT || target->kind == SJ_NODE_LIST || target->kind == SJ_NODE_BYTEARRAY;
    case SJ_OP_ADDITEMS:
        return target->kind == SJ_NODE_SET;
    default:
        return false;
    }
}

static snapjar_status apply(sj_builder *builder, const sj_token *token, size_t count, snapjar_error *err)
{
    const sj_ref *items = builder->stack + builder->depth - count;
    const sj_ref target = items[-1];
    const sj_node *node = sj_graph_node(builder->graph, target);
    const uint8_t op = token->opcode;
    const bool takes_pairs = op == SJ_OP_SETITEM || op == SJ_OP_SETITEMS;
    if (takes_pairs && count % 2 != 0)
        return sj_build_raise_operand(token, "an odd number of keys and values", err);
    if (!may_take(node, op))
        return sj_build_raise_operand(token, "a target that it cannot change", err);
    if ((takes_pairs && node->kind == SJ_NODE_DICT) || op == SJ_OP_ADDITEMS)
        SJ_TRY(check_hashable(builder, token, items, count, takes_pairs ? 2 : 1, err));
    SJ_TRY(sj_build_change(builder, target, token, op, items, count, err));
    builder->depth -= count;
    return SNAPJAR_OK;
}

snapjar_status sj_build_append(sj_builder *builder, const sj_token *token, snapjar_error *err)
{
    const size_t count = token->opcode == SJ_OP_SETITEM ? 2 : 1;
    SJ_TRY(sj_build_need(builder, token, count + 1, err));
    return apply(builder, token, count, err);
}

snapjar_status sj_build_append_many(sj_builder *builder, const sj_token *token, snapjar_error *err)
{
    size_t count;
    SJ_TRY(sj_build_unmark(builder, token, &count, err));
    if (builder->depth - count <= sj_build_fence(builder))
        return sj_raise(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_PICKLE_STACK_UNDERFLOW, SJ_AT_CONTENT(token->offset),
                        "%s has nothing to change below its mark", sj_opcode_name(token->opcode));
    /* Without items C looks at nothing, pickle.py at the target. */
    return count > 0 ? apply(builder, token, count, err) : SNAPJAR_OK;
}

snapjar_status sj_build_global(sj_builder *builder, const sj_token *token, snapjar_error *err)
{
    const uint8_t *data = token->data;
    const size_t size = (size_t)token->size;
    const uint8_t *newline = memchr(data, '\n', size);
    sj_ref ref;
    /* load_global reads UTF-8, load_inst ASCII; both want at least a byte in each line. */
    if (newline == NULL || newline == data || newline + 1 == data + size || !sj_is_utf8(data, size) ||
        (token->opcode == SJ_OP_INST && !sj_is_ascii(data, size)))
        return sj_raise(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_PICKLE_ARGUMENT_INVALID, SJ_AT_CONTENT(token->offset + 1),
                        "the argument of %s is not a module and a name", sj_opcode_name(token->opcode));
    SJ_TRY(sj_build_node(builder, SJ_NODE_GLOBAL, token, &ref, err));
    return sj_build_push(builder, token, ref, err);
}

/** Whether its bytes are the text: no escapes. Picklers write names so. */
static bool is_plain_text(const sj_builder *builder, const sj_node *node)
{
    size_t size;
    const uint8_t *data = sj_graph_span(builder->graph, node, &size);
    if (node->kind == SJ_NODE_STR && node->form != SJ_OP_UNICODE)
        return true;
    if (node->kind == SJ_NODE_STR2 && builder->graph->options.string_encoding == SNAPJAR_STRING_BYTES)
        return false;
    return (node->kind == SJ_NODE_STR || node->kind == SJ_NODE_STR2) && sj_is_ascii(data, size) &&
           (size == 0 || memchr(data, '\\', size) == NULL);
}

snapjar_status sj_build_stack_global(sj_builder *builder, const sj_token *token, snapjar_error *err)
{
    SJ_TRY(sj_build_need(builder, token, 2, err));
    if (!is_plain_text(builder, node_at(builder, 0)) || !is_plain_text(builder, node_at(builder, 1)))
        return sj_build_raise_operand(token, "a module or name that is not a text written out", err);
    return sj_build_collect(builder, SJ_NODE_GLOBAL, token, 2, err);
}

snapjar_status sj_build_extension(sj_builder *builder, const sj_token *token, snapjar_error *err)
{
    sj_ref ref;
    uint32_t code = 0;
    for (size_t i = (size_t)token->size; i > 0; i--)
        code = code << 8 | token->data[i - 1];
    if (code == 0 || code > INT32_MAX)
        return sj_raise(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_PICKLE_ARGUMENT_INVALID, SJ_AT_CONTENT(token->offset + 1),
                        "extension code %d of %s is not above 0", (int)code, sj_opcode_name(token->opcode));
    SJ_TRY(sj_build_node(builder, SJ_NODE_EXTENSION, token, &ref, err));
    builder->graph->nodes[ref].size = token->size;
    return sj_build_push(builder, token, ref, err);
}

/** REDUCE, NEWOBJ, NEWOBJ_EX. */
snapjar_status sj_build_call(sj_builder *builder, const sj_token *token, snapjar_error *err)
{
    const bool has_keywords = token->opcode == SJ_OP_NEWOBJ_EX;
    const size_t count = has_keywords ? 3 : 2;
    SJ_TRY(sj_build_need(builder, token, count, err));
    if (!may_be_called(node_at(builder, count - 1)))
        return sj_build_raise_operand(token, "a callable that cannot be called", err);
    if (!may_be_tuple(node_at(builder, count - 2)))
        return sj_build_raise_operand(token, "arguments that are not a tuple", err);
    if (has_keywords && !may_be_dict(node_at(builder, 0)))
        return sj_build_raise_operand(token, "keyword arguments that are not a dict", err);
    builder->graph->call_count++;
    return sj_build_collect(builder,
                            has_keywords                     ? SJ_NODE_NEW_EX
                            : token->opcode == SJ_OP_NEWOBJ ? SJ_NODE_NEW
                                                             : SJ_NODE_CALL,
                            token, count, err);
}

/** INST: its class comes before its arguments, which are on the stack already. */
snapjar_status sj_build_instance(sj_builder *builder, const sj_token *token, snapjar_error *err)
{
    size_t count;
    SJ_TRY(sj_build_unmark(builder, token, &count, err));
    SJ_TRY(sj_build_global(builder, token, err));
    sj_ref *items = builder->stack + builder->depth - 1 - count;
    const sj_ref class = items[count];
    memmove(items + 1, items, count * sizeof *items);
    items[0] = class;
    builder->graph->call_count++;
    return sj_build_collect(builder, SJ_NODE_INSTANCE, token, count + 1, err);
}

snapjar_status sj_build_object(sj_builder *builder, const sj_token *token, snapjar_error *err)
{
    size_t count;
    SJ_TRY(sj_build_unmark(builder, token, &count, err));
    if (count < 1)
        return sj_raise(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_PICKLE_STACK_UNDERFLOW, SJ_AT_CONTENT(token->offset),
                        "OBJ has no class above its mark");
    if (!may_be_called(node_at(builder, count - 1)))
        return sj_build_raise_operand(token, "a class that is none", err);
    builder->graph->call_count++;
    return sj_build_collect(builder, SJ_NODE_INSTANCE, token, count, err);
}

snapjar_status sj_build_state(sj_builder *builder, const sj_token *token, snapjar_error *err)
{
    SJ_TRY(sj_build_need(builder, token, 2, err));
    return apply(builder, token, 1, err);
}

snapjar_status sj_build_persistent(sj_builder *builder, const sj_token *token, snapjar_error *err)
{
    sj_ref ref;
    if (token->opcode == SJ_OP_BINPERSID) {
        SJ_TRY(sj_build_need(builder, token, 1, err));
        return sj_build_collect(builder, SJ_NODE_PERSISTENT, token, 1, err);
    }
    if (!sj_is_ascii(token->data, (size_t)token->size))
        return sj_raise(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_PICKLE_ARGUMENT_INVALID, SJ_AT_CONTENT(token->offset + 1),
                        "the argument of PERSID is not ASCII");
    SJ_TRY(sj_build_node(builder, SJ_NODE_STR, token, &ref, err));
    builder->graph->nodes[ref].size = token->size;
    SJ_TRY(sj_build_push(builder, token, ref, err));
    return sj_build_collect(builder, SJ_NODE_PERSISTENT, token, 1, err);
}

snapjar_status sj_build_readonly(sj_builder *builder, const sj_token *token, snapjar_error *err)
{
    SJ_TRY(sj_build_need(builder, token, 1, err));
    const sj_node *node = node_at(builder, 0);
    if (!sj_node_is_opaque(node) && node->kind != SJ_NODE_GLOBAL && node->kind != SJ_NODE_BYTES &&
        node->kind != SJ_NODE_BYTEARRAY)
        return sj_build_raise_operand(token, "a value that has no buffer", err);
    /* A view of what is read-only already is that itself. */
    return node->kind == SJ_NODE_BYTES ? SNAPJAR_OK : sj_build_collect(builder, SJ_NODE_READONLY, token, 1, err);
}
