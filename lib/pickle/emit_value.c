/* SPDX-License-Identifier: MIT
 *
 * How each kind of value is made at each protocol: the save_ functions of CPython's Modules/_pickle.c. What has no
 * opcode in an older protocol becomes the call that CPython's pickler writes.
 */
#include "pickle/canonical.h"
#include "pickle/emit.h"
#include "util/bytes.h"

static const sj_node *child_node(const sj_emitter *e, const sj_node *node, uint32_t index)
{
    return sj_graph_node(e->graph, e->graph->words[node->first + index]);
}

/** INST in place of OBJ. */
static bool is_inst(const sj_emitter *e, const sj_node *node)
{
    return node->form == SJ_OP_INST || e->protocol == 0;
}

/* ---- what needs no child first ---- */

static SJ_EMIT start_container(sj_emitter *e, const sj_node *node, snapjar_error *err)
{
    const bool is_list = node->kind == SJ_NODE_LIST;
    if (e->protocol == 0) {
        SJ_TRY(sj_emit_opcode(e, SJ_OP_MARK, err));
        return sj_emit_opcode(e, is_list ? SJ_OP_LIST : SJ_OP_DICT, err);
    }
    return sj_emit_opcode(e, is_list ? SJ_OP_EMPTY_LIST : SJ_OP_EMPTY_DICT, err);
}

/** Whether calling it with all its elements does what filling it did: nothing happens between its changes. */
bool sj_emit_can_gather(const sj_emitter *e, const sj_node *node)
{
    if (e->fills_sets)
        return false;
    const uint32_t first = sj_graph_first_change(e->graph, node);
    for (uint32_t place = first; place != 0; place = sj_graph_next_change(e->graph, node, place)) {
        const sj_change change = sj_graph_change(e->graph, place);
        if (change.op != SJ_OP_ADDITEMS)
            return false;
        for (uint32_t i = 0; i < change.count && place != node->changes; i++) {
            if (sj_graph_node(e->graph, e->graph->words[change.first + i])->kind >= SJ_NODE_EXTENSION)
                return false;
        }
    }
    return true;
}

/** A set: an opcode, a call with all elements (the task goes on with those), or an empty call that is filled. */
static SJ_EMIT start_set(sj_emitter *e, sj_emit_task *task, const sj_node *node, bool *is_open, snapjar_error *err)
{
    if (e->protocol >= 4)
        return sj_emit_opcode(e, SJ_OP_EMPTY_SET, err);
    SJ_TRY(sj_emit_helper(e, SJ_HELPER_SET, err));
    if (sj_emit_can_gather(e, node)) {
        task->is_gathered = true;
        task->change = sj_graph_first_change(e->graph, node);
        *is_open = true;
        SJ_TRY(sj_emit_open_tuple(e, 1, err));
        return e->protocol > 0 ? sj_emit_opcode(e, SJ_OP_EMPTY_LIST, err) : sj_emit_write(e, "(l", 2, err);
    }
    SJ_TRY(sj_emit_open_tuple(e, 0, err));
    SJ_TRY(sj_emit_close_tuple(e, 0, err));
    return sj_emit_opcode(e, SJ_OP_REDUCE, err);
}

static SJ_EMIT write_extension(sj_emitter *e, const sj_node *node, snapjar_error *err)
{
    size_t size;
    const uint8_t *span = sj_graph_span(e->graph, node, &size);
    if (e->protocol < 2)
        return sj_emit_refuse(e, node->offset, err, "it has no extension codes, and the name is not in the pickle");
    SJ_TRY(sj_emit_effect(e, node->offset, err));
    SJ_TRY(sj_emit_opcode(e, node->form, err));
    return sj_emit_write(e, span, size, err);
}

static SJ_EMIT write_buffer(sj_emitter *e, const sj_node *node, snapjar_error *err)
{
    if (e->protocol < 5)
        return sj_emit_refuse(e, node->offset, err, "it has no out-of-band buffers; put them into the pickle first");
    SJ_TRY(sj_emit_effect(e, node->offset, err));
    return sj_emit_opcode(e, SJ_OP_NEXT_BUFFER, err);
}

/** PERSID, whose id is a line of text. */
static SJ_EMIT write_persid(sj_emitter *e, const sj_node *node, snapjar_error *err)
{
    const sj_node *id = child_node(e, node, 0);
    const uint8_t *data;
    size_t size;
    if (id->kind != SJ_NODE_STR && id->kind != SJ_NODE_STR2)
        return sj_emit_refuse(e, node->offset, err, "a persistent id must be a text");
    SJ_TRY(sj_emit_read_text(e, id, &data, &size, err));
    bool is_line = size > 0 && sj_is_ascii(data, size);
    for (size_t i = 0; i < size && is_line; i++)
        is_line = data[i] != '\n';
    if (!is_line)
        return sj_emit_refuse(e, node->offset, err, "a persistent id must be a line of ASCII");
    SJ_TRY(sj_emit_effect(e, node->offset, err));
    SJ_TRY(sj_emit_opcode(e, SJ_OP_PERSID, err));
    SJ_TRY(sj_emit_write(e, data, size, err));
    return sj_emit_opcode(e, '\n', err);
}

static SJ_EMIT start_global(sj_emitter *e, const sj_emit_task *task, const sj_node *node, bool *is_open,
                            snapjar_error *err)
{
    sj_name name;
    sj_emit_resolve(e, node, &name);
    /* What it names is looked up as the protocol of the pickle says, which is known of a text only. */
    if (name.is_computed && (e->protocol < 4 || sj_node_resolution(node) != SJ_RESOLUTION_DOTTED))
        return sj_emit_refuse(e, node->offset, err, "the name of a global is computed");
    if (e->protocol >= 4 && name.has_nodes && sj_node_resolution(node) == SJ_RESOLUTION_DOTTED) {
        *is_open = true;
        return SNAPJAR_OK;
    }
    return sj_emit_name(e, node, &name, task->is_known, err);
}

static SJ_EMIT start_frozenset(sj_emitter *e, snapjar_error *err)
{
    if (e->protocol >= 4)
        return sj_emit_opcode(e, SJ_OP_MARK, err);
    SJ_TRY(sj_emit_helper(e, SJ_HELPER_FROZENSET, err));
    SJ_TRY(sj_emit_open_tuple(e, 1, err));
    /* The list of elements is made where they are on the stack. */
    return sj_emit_opcode(e, SJ_OP_MARK, err);
}

/** NEWOBJ and NEWOBJ_EX, or the functions that do the same. */
static SJ_EMIT start_new(sj_emitter *e, const sj_node *node, snapjar_error *err)
{
    const bool is_ex = node->kind == SJ_NODE_NEW_EX;
    if (e->protocol >= (is_ex ? 4 : 2))
        return SNAPJAR_OK;
    if (!is_ex && child_node(e, node, 1)->kind != SJ_NODE_TUPLE)
        return sj_emit_refuse(e, node->offset, err, "the arguments of a class are computed");
    SJ_TRY(sj_emit_helper(e, is_ex ? SJ_HELPER_NEWOBJ_EX : SJ_HELPER_NEWOBJ, err));
    return sj_emit_open_tuple(e, sj_emit_child_count(e, node), err);
}

SJ_EMIT sj_emit_start(sj_emitter *e, sj_emit_task *task, bool *is_open, snapjar_error *err)
{
    const sj_node *node = sj_graph_node(e->graph, task->ref);
    *is_open = false;
    switch ((sj_node_kind)node->kind) {
    case SJ_NODE_ABSENT:
        break;
    case SJ_NODE_NONE:
    case SJ_NODE_TRUE:
    case SJ_NODE_FALSE:
    case SJ_NODE_INT:
    case SJ_NODE_FLOAT:
    case SJ_NODE_STR:
    case SJ_NODE_STR2:
    case SJ_NODE_BYTES:
    case SJ_NODE_BYTEARRAY:
        return sj_emit_plain(e, node, err);
    case SJ_NODE_EXTENSION:
        return write_extension(e, node, err);
    case SJ_NODE_BUFFER:
        return write_buffer(e, node, err);
    case SJ_NODE_GLOBAL:
        return start_global(e, task, node, is_open, err);
    case SJ_NODE_LIST:
    case SJ_NODE_DICT:
        return start_container(e, node, err);
    case SJ_NODE_SET:
        return start_set(e, task, node, is_open, err);
    case SJ_NODE_PERSISTENT:
        *is_open = e->protocol > 0;
        return *is_open ? SNAPJAR_OK : write_persid(e, node, err);
    case SJ_NODE_TUPLE:
        *is_open = true;
        return sj_emit_open_tuple(e, node->count, err);
    case SJ_NODE_FROZENSET:
        *is_open = true;
        return start_frozenset(e, err);
    case SJ_NODE_NEW:
    case SJ_NODE_NEW_EX:
        *is_open = true;
        return start_new(e, node, err);
    case SJ_NODE_INSTANCE:
        *is_open = true;
        return sj_emit_opcode(e, SJ_OP_MARK, err);
    case SJ_NODE_READONLY:
        if (e->protocol < 5)
            return sj_emit_refuse(e, node->offset, err, "it has no read-only views of buffers");
        *is_open = true;
        return SNAPJAR_OK;
    case SJ_NODE_CALL:
        *is_open = true;
        return SNAPJAR_OK;
    }
    return sj_raise(err, SNAPJAR_BUG, SNAPJAR_DIAG_INTERNAL, SJ_AT_CONTENT(node->offset), "a value of kind %d",
                    node->kind);
}

/* ---- what is made of its children ---- */

/** copyreg.__newobj__ takes the arguments one by one. */
static bool is_spread(const sj_emitter *e, const sj_node *node)
{
    return node->kind == SJ_NODE_NEW && e->protocol < 2;
}

uint32_t sj_emit_child_count(const sj_emitter *e, const sj_node *node)
{
    if (is_spread(e, node))
        return 1 + child_node(e, node, 1)->count;
    return node->count - (node->kind == SJ_NODE_INSTANCE && is_inst(e, node));
}

sj_ref sj_emit_child(const sj_emitter *e, const sj_node *node, uint32_t index)
{
    if (is_spread(e, node) && index > 0)
        return e->graph->words[child_node(e, node, 1)->first + index - 1];
    return e->graph->words[node->first + index + (node->kind == SJ_NODE_INSTANCE && is_inst(e, node))];
}

static SJ_EMIT make_frozenset(sj_emitter *e, const sj_node *node, snapjar_error *err)
{
    bool has_hashed = false;
    for (uint32_t i = 0; i < node->count && !has_hashed; i++)
        has_hashed = child_node(e, node, i)->kind >= SJ_NODE_EXTENSION;
    if (has_hashed)
        SJ_TRY(sj_emit_effect(e, node->offset, err));
    if (e->protocol >= 4)
        return sj_emit_opcode(e, SJ_OP_FROZENSET, err);
    SJ_TRY(sj_emit_opcode(e, SJ_OP_LIST, err));
    SJ_TRY(sj_emit_close_tuple(e, 1, err));
    return sj_emit_opcode(e, SJ_OP_REDUCE, err);
}

static SJ_EMIT make_new(sj_emitter *e, const sj_node *node, snapjar_error *err)
{
    const bool is_ex = node->kind == SJ_NODE_NEW_EX;
    SJ_TRY(sj_emit_effect(e, node->offset, err));
    if (e->protocol >= (is_ex ? 4 : 2))
        return sj_emit_opcode(e, is_ex ? SJ_OP_NEWOBJ_EX : SJ_OP_NEWOBJ, err);
    SJ_TRY(sj_emit_close_tuple(e, sj_emit_child_count(e, node), err));
    return sj_emit_opcode(e, SJ_OP_REDUCE, err);
}

static SJ_EMIT make_instance(sj_emitter *e, const sj_node *node, snapjar_error *err)
{
    if (is_inst(e, node)) {
        const sj_node *class_node = child_node(e, node, 0);
        uint32_t *memo = &e->memo[e->graph->words[node->first]];
        /* If it was looked up before, doing so again says nothing new. */
        SJ_TRY(sj_emit_inst(e, class_node, *memo != SJ_MEMO_NONE ? node->offset : class_node->offset, err));
        if (*memo == SJ_MEMO_NONE)
            *memo = SJ_MEMO_KNOWN;
        return sj_emit_effect(e, node->offset, err);
    }
    SJ_TRY(sj_emit_effect(e, node->offset, err));
    return sj_emit_opcode(e, SJ_OP_OBJ, err);
}

static SJ_EMIT make_by(sj_emitter *e, const sj_node *node, uint8_t opcode, snapjar_error *err)
{
    SJ_TRY(sj_emit_effect(e, node->offset, err));
    return sj_emit_opcode(e, opcode, err);
}

SJ_EMIT sj_emit_make(sj_emitter *e, const sj_node *node, snapjar_error *err)
{
    switch ((sj_node_kind)node->kind) {
    case SJ_NODE_TUPLE:
        return sj_emit_close_tuple(e, node->count, err);
    case SJ_NODE_FROZENSET:
        return make_frozenset(e, node, err);
    case SJ_NODE_NEW:
    case SJ_NODE_NEW_EX:
        return make_new(e, node, err);
    case SJ_NODE_INSTANCE:
        return make_instance(e, node, err);
    case SJ_NODE_GLOBAL:
        return make_by(e, node, SJ_OP_STACK_GLOBAL, err);
    case SJ_NODE_PERSISTENT:
        return make_by(e, node, SJ_OP_BINPERSID, err);
    case SJ_NODE_READONLY:
        return make_by(e, node, SJ_OP_READONLY_BUFFER, err);
    default:
        return make_by(e, node, SJ_OP_REDUCE, err);
    }
}

SJ_EMIT sj_emit_unmake(sj_emitter *e, const sj_node *node, snapjar_error *err)
{
    const uint32_t count = sj_emit_child_count(e, node);
    bool is_called = false;
    switch ((sj_node_kind)node->kind) {
    case SJ_NODE_TUPLE:
        return sj_emit_discard(e, sj_emit_is_marked(e, count), count, err);
    case SJ_NODE_FROZENSET:
        SJ_TRY(sj_emit_discard(e, true, count, err));
        if (e->protocol >= 4)
            return SNAPJAR_OK;
        /* The mark of the arguments, which are none yet, and the function. */
        SJ_TRY(sj_emit_discard(e, sj_emit_is_marked(e, 1), 0, err));
        return sj_emit_discard(e, false, 1, err);
    case SJ_NODE_INSTANCE:
        return sj_emit_discard(e, true, count, err);
    case SJ_NODE_NEW:
    case SJ_NODE_NEW_EX:
        is_called = e->protocol < (node->kind == SJ_NODE_NEW_EX ? 4 : 2);
        SJ_TRY(sj_emit_discard(e, is_called && sj_emit_is_marked(e, count), count, err));
        return sj_emit_discard(e, false, is_called, err);
    default:
        return sj_emit_discard(e, false, count, err);
    }
}
