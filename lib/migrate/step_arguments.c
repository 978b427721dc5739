/* SPDX-License-Identifier: MIT
 *
 * Arguments by position that instances are made with: insert_argument, drop_argument, move_argument. A new tuple of
 * arguments takes the place of the old one, which may be a value elsewhere.
 */
#include <string.h>

#include "migrate/edit.h"
#include "pickle/opcodes.h"

/** Makes an instance be made of its class and a new tuple, by NEWOBJ or by a call. */
static snapjar_status remake(sj_apply *run, const sj_instance *instance, bool is_call, const sj_ref *arguments,
                             size_t count, snapjar_error *err)
{
    snapjar_graph *graph = run->graph;
    const uint64_t offset = sj_apply_offset(run, instance->ref);
    const sj_ref first = graph->words[sj_graph_node(graph, instance->ref)->first];
    sj_ref parts[2] = {instance->class_ref, 0};
    run->is_stale = true;
    if (first != instance->class_ref)
        SJ_TRY(sj_apply_release(run, first, err));
    SJ_TRY(sj_graph_add_made(graph, SJ_NODE_TUPLE, offset, &parts[1], err));
    SJ_TRY(sj_graph_set_children(graph, parts[1], arguments, count, offset, err));
    sj_node *made = &graph->nodes[instance->ref];
    made->kind = is_call ? SJ_NODE_CALL : SJ_NODE_NEW;
    made->form = is_call ? SJ_OP_REDUCE : SJ_OP_NEWOBJ;
    return sj_graph_set_children(graph, instance->ref, parts, 2, offset, err);
}

/** copyreg._reconstructor(class, object, None), which takes no other arguments, becomes the class's own __new__. */
static snapjar_status unmake_reconstructor(sj_apply *run, const sj_instance *instance, const sj_ref *arguments,
                                           size_t count, snapjar_error *err)
{
    const snapjar_graph *graph = run->graph;
    const sj_node *tuple = sj_graph_node(graph, instance->arguments);
    if (tuple->count != 3 || !sj_picture_is_global(graph, graph->words[tuple->first + 1], "builtins", "object"))
        return sj_apply_raise(run, SNAPJAR_DIAG_STEP_UNFAITHFUL, instance->ref, err,
                              "it is made of a value of another class (copyreg._reconstructor)");
    return remake(run, instance, false, arguments, count, err);
}

static bool is_reconstructed(const snapjar_graph *graph, const sj_instance *instance)
{
    const sj_node *node = sj_graph_node(graph, instance->ref);
    return node->kind == SJ_NODE_CALL && instance->arguments_place == node->first + 1 &&
           sj_picture_is_global(graph, graph->words[node->first], "copyreg", "_reconstructor");
}

/** copyreg._reconstructor(class, tuple, values): the arguments are in its third one. */
static bool is_made_of_tuple(const snapjar_graph *graph, const sj_instance *instance)
{
    const sj_node *node = sj_graph_node(graph, instance->ref);
    return node->kind == SJ_NODE_CALL && instance->arguments_place != node->first + 1;
}

bool sj_instance_is_called(const snapjar_graph *graph, const sj_instance *instance)
{
    const sj_node *node = sj_graph_node(graph, instance->ref);
    if (node->kind == SJ_NODE_INSTANCE)
        return instance->argument_count > 0;
    return node->kind == SJ_NODE_CALL && graph->words[node->first] == instance->class_ref;
}

snapjar_status sj_apply_make(sj_apply *run, const sj_instance *instance, bool is_call, const sj_ref *arguments,
                             size_t count, snapjar_error *err)
{
    const sj_node *node = sj_graph_node(run->graph, instance->ref);
    /* INST and OBJ call the class if there are arguments, and also if it has a __getinitargs__. */
    const bool is_classic = node->kind == SJ_NODE_INSTANCE && is_call && count > 0;
    const bool is_kept = node->kind != SJ_NODE_INSTANCE && node->kind != SJ_NODE_NEW_EX &&
                         sj_instance_is_called(run->graph, instance) == is_call &&
                         !is_made_of_tuple(run->graph, instance);
    if (is_classic || is_kept)
        return sj_apply_set_arguments(run, instance, arguments, count, err);
    return remake(run, instance, is_call, arguments, count, err);
}

snapjar_status sj_apply_set_arguments(sj_apply *run, const sj_instance *instance, const sj_ref *arguments, size_t count,
                                      snapjar_error *err)
{
    snapjar_graph *graph = run->graph;
    if (count != instance->argument_count && is_reconstructed(graph, instance))
        return unmake_reconstructor(run, instance, arguments, count, err);
    const uint64_t offset = sj_apply_offset(run, instance->ref);
    const sj_node *node = sj_graph_node(graph, instance->arguments != 0 ? instance->arguments : instance->ref);
    /* The class, or what copyreg's functions take for themselves. */
    const uint32_t kept = instance->argument_first - node->first;
    sj_ref *all = sj_alloc(graph->context, (kept + count + 1) * sizeof *all);
    sj_ref tuple;
    if (all == NULL)
        return sj_raise_no_memory(err, (kept + count + 1) * sizeof *all);
    memcpy(all, graph->words + node->first, kept * sizeof *all);
    if (count > 0)
        memcpy(all + kept, arguments, count * sizeof *all);
    run->is_stale = true;
    snapjar_status status;
    if (instance->arguments == 0) {
        status = sj_graph_set_children(graph, instance->ref, all, kept + count, offset, err);
    } else {
        status = sj_graph_add_made(graph, SJ_NODE_TUPLE, offset, &tuple, err);
        if (status == SNAPJAR_OK)
            status = sj_graph_set_children(graph, tuple, all, kept + count, offset, err);
        if (status == SNAPJAR_OK)
            sj_graph_put(graph, instance->arguments_place, tuple);
    }
    sj_free(graph->context, all);
    return status;
}

/** A number in the step as an index among `count`; false if it is beyond them. */
static bool read_index(const sj_apply *run, sj_edit_member member, uint32_t count, uint32_t *index)
{
    const int64_t wanted = sj_json_integer(run->edit->members[member]);
    const int64_t at = wanted >= 0 ? wanted : wanted + count;
    *index = at >= 0 ? (uint32_t)at : 0;
    return at >= 0 && at <= count;
}

/** What happens to the arguments of one instance; `arguments` has room for one more. */
typedef snapjar_status (*edit_function)(sj_apply *run, const sj_instance *instance, sj_ref *arguments, uint32_t *count,
                                        snapjar_error *err);

static snapjar_status raise_index(const sj_apply *run, const sj_instance *instance, snapjar_error *err)
{
    return sj_apply_raise(run, SNAPJAR_DIAG_STEP_FIELD_MISSING, instance->ref, err, "it is made with %u arguments",
                          (unsigned)instance->argument_count);
}

static snapjar_status edit_one(sj_apply *run, sj_ref ref, edit_function edit, snapjar_error *err)
{
    sj_instance instance;
    (void)sj_instance_see(run->graph, ref, &instance);
    if (instance.is_computed)
        return sj_apply_raise(run, SNAPJAR_DIAG_STEP_UNFAITHFUL, ref, err, "its arguments are computed");
    uint32_t count = instance.argument_count;
    sj_ref *arguments = sj_alloc(run->graph->context, (count + UINT64_C(1)) * sizeof *arguments);
    if (arguments == NULL)
        return sj_raise_no_memory(err, (count + UINT64_C(1)) * sizeof *arguments);
    if (count > 0)
        memcpy(arguments, run->graph->words + instance.argument_first, count * sizeof *arguments);
    snapjar_status status = edit(run, &instance, arguments, &count, err);
    if (status == SNAPJAR_OK)
        status = sj_apply_set_arguments(run, &instance, arguments, count, err);
    sj_free(run->graph->context, arguments);
    return status;
}

snapjar_status sj_apply_check_dropped(sj_apply *run, snapjar_error *err)
{
    const snapjar_graph *graph = run->graph;
    for (size_t i = 1; i < graph->node_count; i++) {
        const sj_node *node = &graph->nodes[i];
        for (uint32_t at = sj_graph_first_change(graph, node); at != 0; at = sj_graph_next_change(graph, node, at)) {
            const sj_change change = sj_graph_change(graph, at);
            if (change.op == SJ_OP_REDUCE && sj_picture_is_name(graph, graph->words[change.first]) &&
                sj_class_is(graph, graph->words[change.first], &run->edit->class_name))
                return sj_apply_raise(run, SNAPJAR_DIAG_STEP_UNFAITHFUL, (sj_ref)i, err,
                                      "the class is called above it, and what comes of that is dropped");
        }
    }
    return SNAPJAR_OK;
}

static snapjar_status edit_all(sj_apply *run, edit_function edit, snapjar_error *err)
{
    SJ_TRY(sj_apply_check_dropped(run, err));
    SJ_TRY(sj_apply_select(run, err));
    for (size_t i = 0; i < run->selected.count; i++) {
        SJ_TRY(edit_one(run, run->selected.items[i], edit, err));
        SJ_TRY(sj_apply_note(run, run->selected.items[i], true, err));
    }
    return SNAPJAR_OK;
}

static snapjar_status insert_argument(sj_apply *run, const sj_instance *instance, sj_ref *arguments, uint32_t *count,
                                      snapjar_error *err)
{
    uint32_t index;
    sj_ref value;
    if (!read_index(run, SJ_IN_INDEX, *count, &index))
        return raise_index(run, instance, err);
    SJ_TRY(sj_apply_literal(run, &value, err));
    memmove(arguments + index + 1, arguments + index, (*count - index) * sizeof *arguments);
    arguments[index] = value;
    ++*count;
    return SNAPJAR_OK;
}

static snapjar_status drop_argument(sj_apply *run, const sj_instance *instance, sj_ref *arguments, uint32_t *count,
                                    snapjar_error *err)
{
    uint32_t index;
    if (!read_index(run, SJ_IN_INDEX, *count, &index) || index == *count)
        return raise_index(run, instance, err);
    SJ_TRY(sj_apply_release(run, arguments[index], err));
    --*count;
    memmove(arguments + index, arguments + index + 1, (*count - index) * sizeof *arguments);
    return SNAPJAR_OK;
}

static snapjar_status move_argument(sj_apply *run, const sj_instance *instance, sj_ref *arguments, uint32_t *count,
                                    snapjar_error *err)
{
    uint32_t from, to;
    if (!read_index(run, SJ_IN_INDEX, *count, &from) || !read_index(run, SJ_IN_TO, *count, &to) || from == *count ||
        to == *count)
        return raise_index(run, instance, err);
    /* They are made in another order now. */
    for (uint32_t i = 0; i < *count; i++)
        SJ_TRY(sj_apply_release(run, arguments[i], err));
    const sj_ref moved = arguments[from];
    memmove(arguments + from, arguments + from + 1, (*count - 1 - from) * sizeof *arguments);
    memmove(arguments + to + 1, arguments + to, (*count - 1 - to) * sizeof *arguments);
    arguments[to] = moved;
    return SNAPJAR_OK;
}

snapjar_status sj_apply_insert_argument(sj_apply *run, snapjar_error *err)
{
    return edit_all(run, insert_argument, err);
}

snapjar_status sj_apply_drop_argument(sj_apply *run, snapjar_error *err)
{
    return edit_all(run, drop_argument, err);
}

snapjar_status sj_apply_move_argument(sj_apply *run, snapjar_error *err)
{
    return edit_all(run, move_argument, err);
}
