/* SPDX-License-Identifier: MIT
 *
 * Where the values stand that a step changes one by one: fields of objects, pairs of dicts, elements of lists and
 * tuples. Found for the whole step before anything is changed, because an edit may move the arrays of the graph.
 */
#include "migrate/edit.h"

static snapjar_status add_place(sj_apply *run, sj_ref owner, uint32_t place, snapjar_error *err)
{
    SJ_TRY(sj_refs_add(run->graph->context, &run->places, place, err));
    return sj_refs_add(run->graph->context, &run->owners, owner, err);
}

/** "class" or "at", and "field". */
static snapjar_status find_fields(sj_apply *run, snapjar_error *err)
{
    SJ_TRY(sj_apply_select(run, err));
    for (size_t i = 0; i < run->selected.count; i++) {
        const sj_ref ref = run->selected.items[i];
        sj_instance instance;
        sj_field field;
        bool is_edited;
        SJ_TRY(sj_apply_open(run, ref, &instance, &is_edited, err));
        const bool is_found = !run->is_passed && sj_apply_find(run, ref, SJ_IN_FIELD, &field);
        if (!is_found)
            SJ_TRY(sj_apply_miss(run, ref, SJ_IN_FIELD, err));
        else if (!is_edited)
            SJ_TRY(sj_apply_note(run, ref, true, err));
        else
            SJ_TRY(add_place(run, ref, field.place + 1, err));
    }
    return SNAPJAR_OK;
}

/** The elements of a list or tuple that the last step of the path fits. */
static snapjar_status find_elements(sj_apply *run, sj_ref ref, snapjar_error *err)
{
    const snapjar_graph *graph = run->graph;
    const sj_node *node = sj_graph_node(graph, ref);
    sj_step step = {.kind = SJ_STEP_INDEX};
    uint32_t change = 0, first = node->first, count = node->count;
    const bool is_shared_tuple = node->kind == SJ_NODE_TUPLE && (node->flags & SJ_NODE_IS_SHARED) != 0;
    for (bool is_first = true; is_first || change != 0; is_first = false) {
        if (!is_first) {
            const sj_change one = sj_graph_change(graph, change);
            first = one.first;
            count = one.op == SJ_OP_APPEND || one.op == SJ_OP_APPENDS ? one.count : 0;
        }
        for (uint32_t i = 0; i < count; i++, step.index++) {
            step.value = graph->words[first + i];
            if (!sj_path_fits(run->edit->path, run->edit->path->count - 1, graph, &step))
                continue;
            if (is_shared_tuple)
                return sj_apply_raise(run, SNAPJAR_DIAG_STEP_UNFAITHFUL, ref, err,
                                      "the tuple is a value elsewhere, too");
            SJ_TRY(add_place(run, ref, first + i, err));
        }
        change = is_first ? sj_graph_first_change(graph, node) : sj_graph_next_change(graph, node, change);
    }
    return SNAPJAR_OK;
}

/** The pairs of a dict, or the fields of an object, that the last step fits. */
static snapjar_status find_pairs(sj_apply *run, sj_ref ref, snapjar_error *err)
{
    const snapjar_graph *graph = run->graph;
    const bool is_dict = sj_graph_node(graph, ref)->kind == SJ_NODE_DICT;
    sj_instance instance;
    sj_fields fields;
    sj_field field;
    bool is_edited, is_opened = false;
    uint64_t index = 0;
    sj_fields_begin(&fields, graph, ref);
    while (sj_fields_next(&fields, &field)) {
        const sj_step step = {is_dict || !sj_key_is_text(graph, field.key) ? SJ_STEP_KEY : SJ_STEP_FIELD, index++,
                              field.key, field.value};
        if (!sj_path_fits(run->edit->path, run->edit->path->count - 1, graph, &step))
            continue;
        if (!is_opened)
            SJ_TRY(sj_apply_open(run, ref, &instance, &is_edited, err));
        is_opened = true;
        if (is_edited)
            SJ_TRY(add_place(run, ref, field.place + 1, err));
    }
    return SNAPJAR_OK;
}

/** What was put into an object as into a list or dict, where the last step fits. */
static snapjar_status find_filled(sj_apply *run, sj_ref ref, snapjar_error *err)
{
    const snapjar_graph *graph = run->graph;
    const sj_node *node = sj_graph_node(graph, ref);
    uint64_t item_count = 0;
    for (uint32_t at = sj_graph_first_change(graph, node); at != 0; at = sj_graph_next_change(graph, node, at)) {
        const sj_change change = sj_graph_change(graph, at);
        const bool is_pair = change.op == SJ_OP_SETITEM || change.op == SJ_OP_SETITEMS;
        if (!is_pair && change.op != SJ_OP_APPEND && change.op != SJ_OP_APPENDS)
            continue;
        for (uint32_t i = is_pair ? 1 : 0; i < change.count; i += is_pair ? 2 : 1) {
            const uint32_t place = change.first + i;
            const sj_step step = {is_pair ? SJ_STEP_KEY : SJ_STEP_INDEX, is_pair ? 0 : item_count++,
                                  is_pair ? graph->words[place - 1] : 0, graph->words[place]};
            if (sj_path_fits(run->edit->path, run->edit->path->count - 1, graph, &step))
                SJ_TRY(add_place(run, ref, place, err));
        }
    }
    return SNAPJAR_OK;
}

/** The arguments that an object is made with, where the last step fits. No element of a set: it is found by what it is.
 */
static snapjar_status find_arguments(sj_apply *run, sj_ref ref, snapjar_error *err)
{
    const snapjar_graph *graph = run->graph;
    const sj_node *node = sj_graph_node(graph, ref);
    sj_view view;
    sj_step step;
    sj_view_begin(&view, graph, ref);
    while (sj_view_next(&view, &step)) {
        if ((step.kind != SJ_STEP_ARGUMENT && step.kind != SJ_STEP_ELEMENT) ||
            !sj_path_fits(run->edit->path, run->edit->path->count - 1, graph, &step))
            continue;
        if (step.kind == SJ_STEP_ELEMENT)
            return sj_apply_raise(run, SNAPJAR_DIAG_STEP_UNFAITHFUL, ref, err,
                                  "elements of a set cannot be changed one by one");
        const uint32_t first = node->kind == SJ_NODE_INSTANCE
                                   ? node->first + 1
                                   : sj_graph_node(graph, sj_picture_arguments(graph, node))->first;
        SJ_TRY(add_place(run, ref, first + (uint32_t)step.index, err));
    }
    return SNAPJAR_OK;
}

/** "at" alone: its last step says which parts of what the others lead to. */
static snapjar_status find_parts(sj_apply *run, snapjar_error *err)
{
    sj_path *outer = sj_alloc(run->graph->context, sizeof *outer);
    if (outer == NULL)
        return sj_raise_no_memory(err, sizeof *outer);
    *outer = *run->edit->path;
    outer->count--;
    const snapjar_status status = sj_path_select(outer, run->graph, &run->selected, err);
    sj_free(run->graph->context, outer);
    SJ_TRY(status);
    for (size_t i = 0; i < run->selected.count; i++) {
        const sj_ref ref = run->selected.items[i];
        const sj_node_kind kind = (sj_node_kind)sj_graph_node(run->graph, ref)->kind;
        if (kind == SJ_NODE_LIST || kind == SJ_NODE_TUPLE) {
            SJ_TRY(find_elements(run, ref, err));
            continue;
        }
        SJ_TRY(find_pairs(run, ref, err));
        if (kind != SJ_NODE_DICT) {
            SJ_TRY(find_arguments(run, ref, err));
            SJ_TRY(find_filled(run, ref, err));
        }
    }
    return SNAPJAR_OK;
}

snapjar_status sj_apply_find_places(sj_apply *run, snapjar_error *err)
{
    return run->edit->members[SJ_IN_FIELD] != NULL ? find_fields(run, err) : find_parts(run, err);
}
