/* SPDX-License-Identifier: MIT
 *
 * What a migration moved to another place of the graph is made at another time than it was. That is no different for
 * whoever only keeps it; but a value that goes back into one that is being made may be hashed or handed to a call
 * before that one is whole, where it was whole before. That is noticed here.
 */
#include "pickle/emit.h"

/** Whether what is emitted inside of this task now is looked at when it is there, not only kept. */
static bool is_looking(const sj_emitter *e, const sj_emit_task *task)
{
    const sj_node *node = sj_graph_node(e->graph, task->ref);
    if (task->is_gathered)
        return true;
    if (!task->is_made)
        return node->kind != SJ_NODE_TUPLE;
    if (task->change == 0)
        return node->kind == SJ_NODE_DICT && task->index % 2 != 0;
    switch (sj_graph_change(e->graph, task->change).op) {
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

SJ_EMIT sj_emit_check_moved(sj_emitter *e, sj_ref ref, snapjar_error *err)
{
    const uint64_t offset = sj_graph_offset(e->graph, ref);
    size_t at = e->task_count;
    bool is_looked_at = false, is_earlier = false;
    while (at > 0 && e->tasks[at - 1].ref != ref) {
        const sj_emit_task *task = &e->tasks[--at];
        const uint64_t task_offset = sj_graph_offset(e->graph, task->ref);
        is_looked_at |= is_looking(e, task);
        is_earlier |= task->is_moved && task_offset < offset && offset != SNAPJAR_OFFSET_NONE;
    }
    if (at == 0 || !is_earlier || !(is_looked_at || is_looking(e, &e->tasks[at - 1])))
        return SNAPJAR_OK;
    return sj_emit_refuse(e, offset, err, "what was moved would be looked at before it is whole");
}

void sj_emit_enter(sj_emitter *e, sj_emit_task *task)
{
    task->is_moved = (sj_graph_node(e->graph, task->ref)->flags & SJ_NODE_IS_MOVED) != 0;
    if (!task->is_moved)
        return;
    task->effect_before = e->effect_offset;
    e->effect_offset = 0;
    e->moved_depth++;
}

void sj_emit_leave(sj_emitter *e, const sj_emit_task *task)
{
    if (!task->is_moved)
        return;
    e->effect_offset = task->effect_before;
    e->moved_depth--;
}
