/* SPDX-License-Identifier: MIT
 *
 * The order in which things happen. What a migration moved to another place of the graph is made at another time than
 * it was, and so is what a pickle dropped while a value was below it that had been there before. That is no different
 * for whoever only keeps it; but a value that comes up inside of itself may be hashed or handed to a call before it is
 * whole, where it was whole before. That is noticed here.
 */
#include "pickle/emit.h"

/** Whether what is emitted inside of this task now is looked at when it is there, not only kept; and where that
 * happened in the pickle that the graph is of. */
static bool is_looking(const sj_emitter *e, const sj_emit_task *task, uint64_t *offset)
{
    const sj_node *node = sj_graph_node(e->graph, task->ref);
    *offset = sj_graph_offset(e->graph, task->ref);
    if (task->is_gathered)
        return true;
    if (!task->is_made)
        return node->kind != SJ_NODE_TUPLE;
    if (task->change == 0)
        return node->kind == SJ_NODE_DICT && task->index % 2 != 0;
    const sj_change change = sj_graph_change(e->graph, task->change);
    *offset = change.offset;
    switch (change.op) {
    case SJ_OP_APPEND:
    case SJ_OP_APPENDS:
        return node->kind != SJ_NODE_LIST;
    case SJ_OP_SETITEM:
    case SJ_OP_SETITEMS:
        return node->kind != SJ_NODE_DICT || task->index % 2 != 0;
    case SJ_OP_BUILD:
    case SJ_OP_POP:
        return false;
    default:
        return true;
    }
}

/** Where what is being done to a value was done. */
static uint64_t offset_of_doing(const sj_emitter *e, const sj_emit_task *task)
{
    return task->change == 0 ? sj_graph_offset(e->graph, task->ref) : sj_graph_change(e->graph, task->change).offset;
}

SJ_EMIT sj_emit_check_open(sj_emitter *e, sj_ref ref, snapjar_error *err)
{
    const uint64_t offset = sj_graph_offset(e->graph, ref);
    const sj_emit_task *task;
    uint64_t last = 0;
    bool is_looked_at = false, is_earlier = false;
    for (size_t at = e->task_count;; at--) {
        uint64_t looked;
        task = &e->tasks[at - 1];
        if (is_looking(e, task, &looked)) {
            is_looked_at = true;
            /* What steps made happened nowhere. */
            last = looked != SNAPJAR_OFFSET_NONE && looked > last ? looked : last;
        }
        if (task->ref == ref && task->is_made)
            break;
        is_earlier |= task->is_moved && sj_graph_offset(e->graph, task->ref) < offset && offset != SNAPJAR_OFFSET_NONE;
        if (e->looks_left-- == 0)
            return sj_emit_refuse(e, offset, err, "values come up inside of themselves too deep and too often");
    }
    /* Either something looked later, or what was moved was begun before this and is whole now before this is. */
    if (last > offset_of_doing(e, task) || (is_looked_at && is_earlier))
        return sj_emit_refuse(e, offset, err, "it would be looked at before it is whole");
    return SNAPJAR_OK;
}

void sj_emit_enter(sj_emitter *e, sj_emit_task *task)
{
    task->is_moved = (sj_graph_node(e->graph, task->ref)->flags & SJ_NODE_IS_MOVED) != 0;
    if (!task->is_moved)
        return;
    task->effect_before = e->effect_offset;
    e->effect_offset = 0;
}

void sj_emit_leave(sj_emitter *e, const sj_emit_task *task)
{
    if (task->is_moved)
        e->effect_offset = task->effect_before;
}
