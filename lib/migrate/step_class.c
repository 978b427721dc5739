/* SPDX-License-Identifier: MIT
 *
 * Instances into plain dicts and back: to_dict, to_instance. The value keeps its place in the graph, so that all that
 * refers to it refers to what it becomes.
 */
#include <string.h>

#include "migrate/edit.h"

/* ---- to_dict ---- */

/** Whether there is nothing to an instance but its fields. */
static snapjar_status check_plain(const sj_apply *run, const sj_instance *instance, snapjar_error *err)
{
    const snapjar_graph *graph = run->graph;
    const sj_node *node = sj_graph_node(graph, instance->ref);
    if (instance->argument_count > 0 || instance->is_computed || instance->keywords != 0)
        return sj_apply_raise(run, SNAPJAR_DIAG_STEP_UNFAITHFUL, instance->ref, err,
                              "it is made with arguments; restate them first");
    for (uint32_t at = sj_graph_first_change(graph, node); at != 0; at = sj_graph_next_change(graph, node, at)) {
        const uint8_t op = sj_graph_change(graph, at).op;
        if (op != SJ_OP_BUILD)
            return sj_apply_raise(run, SNAPJAR_DIAG_STEP_UNFAITHFUL, instance->ref, err,
                                  "something else was done to it than giving it state");
    }
    return SNAPJAR_OK;
}

/** Whether an instance was filled as a dict is, and is nothing else: one of a class that is derived from dict. */
static bool is_filled(const snapjar_graph *graph, const sj_instance *instance)
{
    const sj_node *node = sj_graph_node(graph, instance->ref);
    if (instance->argument_count > 0 || instance->is_computed || instance->keywords != 0)
        return false;
    for (uint32_t at = sj_graph_first_change(graph, node); at != 0; at = sj_graph_next_change(graph, node, at)) {
        const sj_change change = sj_graph_change(graph, at);
        if ((change.op != SJ_OP_SETITEM && change.op != SJ_OP_SETITEMS) || change.count % 2 != 0)
            return false;
    }
    return node->changes != 0;
}

/** The dict that an instance of a class that is derived from dict is made of by copyreg._reconstructor(class, dict,
 * {}), as protocols 0 and 1 have it, if it is nothing else; or 0. */
static sj_ref reconstructed_dict(const snapjar_graph *graph, const sj_instance *instance)
{
    const sj_node *node = sj_graph_node(graph, instance->ref);
    const sj_node *tuple = sj_graph_node(graph, instance->arguments);
    if (node->kind != SJ_NODE_CALL || node->changes != 0 || instance->argument_count != 1 || tuple->count != 3 ||
        !sj_picture_is_global(graph, graph->words[node->first], "copyreg", "_reconstructor") ||
        !sj_picture_is_global(graph, graph->words[tuple->first + 1], "builtins", "dict"))
        return 0;
    const sj_ref dict = graph->words[tuple->first + 2];
    return sj_dict_is_pairs(graph, dict) ? dict : 0;
}

static snapjar_status gather_pairs(sj_apply *run, sj_ref ref, sj_refs *pairs, snapjar_error *err)
{
    sj_fields fields;
    sj_field field;
    pairs->count = 0;
    sj_fields_begin(&fields, run->graph, ref);
    while (sj_fields_next(&fields, &field)) {
        if ((sj_graph_node(run->graph, field.dict)->flags & SJ_NODE_IS_SHARED) != 0)
            return sj_apply_raise(run, SNAPJAR_DIAG_STEP_UNFAITHFUL, ref, err,
                                  "the dict of its state is a value elsewhere, too");
        SJ_TRY(sj_refs_add(run->graph->context, pairs, field.key, err));
        SJ_TRY(sj_refs_add(run->graph->context, pairs, field.value, err));
    }
    return SNAPJAR_OK;
}

/** The pairs that a dict has in place of an instance. */
static snapjar_status find_pairs(sj_apply *run, const sj_instance *instance, snapjar_error *err)
{
    const sj_ref dict = reconstructed_dict(run->graph, instance);
    if (dict != 0)
        return gather_pairs(run, dict, &run->places, err);
    SJ_TRY(check_plain(run, instance, err));
    if (instance->form >= SJ_STATE_LIST)
        return sj_apply_raise(run, SNAPJAR_DIAG_STEP_UNFAITHFUL, instance->ref, err,
                              "its state has no names; restate it first");
    return gather_pairs(run, instance->ref, &run->places, err);
}

static snapjar_status make_dict(sj_apply *run, sj_ref ref, snapjar_error *err)
{
    snapjar_graph *graph = run->graph;
    sj_instance instance;
    (void)sj_instance_see(graph, ref, &instance);
    const bool keeps_pairs = is_filled(graph, &instance);
    run->places.count = 0;
    if (!keeps_pairs)
        SJ_TRY(find_pairs(run, &instance, err));
    const sj_node *node = sj_graph_node(graph, ref);
    for (uint32_t i = 0; i < node->count; i++)
        SJ_TRY(sj_apply_release(run, graph->words[sj_graph_node(graph, ref)->first + i], err));
    sj_node *made = &graph->nodes[ref];
    made->kind = SJ_NODE_DICT;
    made->form = SJ_OP_EMPTY_DICT;
    made->count = 0;
    run->is_stale = true;
    if (keeps_pairs)
        return SNAPJAR_OK;
    made->changes = 0;
    if (run->places.count == 0)
        return SNAPJAR_OK;
    return sj_graph_add_change(graph, ref, SJ_OP_SETITEMS, run->places.items, run->places.count, SNAPJAR_OFFSET_NONE,
                               err);
}

/* A dict cannot be a key or in a set, nor be called. */

/** Marks tuples and frozensets that hold what is marked; whether there were any that were not. */
static bool spread_marks(const snapjar_graph *graph, uint8_t *marks)
{
    bool is_spread = false;
    for (size_t i = 1; i < graph->node_count; i++) {
        const sj_node *node = &graph->nodes[i];
        if (node->kind != SJ_NODE_TUPLE || marks[i] != 0)
            continue;
        for (uint32_t j = 0; j < node->count && marks[i] == 0; j++)
            marks[i] = marks[graph->words[node->first + j]];
        is_spread |= marks[i] != 0;
    }
    return is_spread;
}

/** What a value hashes that is marked; 0: nothing. */
static sj_ref find_hashed(const snapjar_graph *graph, sj_ref ref, const uint8_t *marks)
{
    const sj_node *node = sj_graph_node(graph, ref);
    const sj_seen seen = node->kind == SJ_NODE_CALL ? sj_picture_see(graph, ref) : (sj_seen){SJ_SEEN_NONE, 0, 0};
    sj_cursor cursor = {0, 0, false};
    sj_ref child;
    uint8_t op;
    uint64_t index = 0;
    while (seen.items != 0 && (child = sj_graph_walk(graph, sj_graph_node(graph, seen.items), &cursor, &op)) != 0) {
        if (marks[child] != 0)
            return child;
    }
    cursor = (sj_cursor){0, 0, false};
    /* Pairs are whole in each change, so that every second one is a key. */
    while ((child = sj_graph_walk(graph, node, &cursor, &op)) != 0) {
        const bool is_pair = op == 0 ? node->kind == SJ_NODE_DICT : op == SJ_OP_SETITEM || op == SJ_OP_SETITEMS;
        const bool is_element = op == 0 ? node->kind == SJ_NODE_FROZENSET : op == SJ_OP_ADDITEMS;
        if (marks[child] != 0 && (is_element || (is_pair && index % 2 == 0)))
            return child;
        index = is_pair ? index + 1 : 0;
    }
    return 0;
}

/** What a value needs to be something that a dict is not, and that is marked: a class or function, arguments, a name.
 * 0: nothing. */
static sj_ref find_called(const snapjar_graph *graph, sj_ref ref, const uint8_t *marks)
{
    const sj_node *node = sj_graph_node(graph, ref);
    const bool takes_any = node->kind < SJ_NODE_CALL ? node->kind != SJ_NODE_GLOBAL : node->kind == SJ_NODE_PERSISTENT;
    sj_cursor cursor = {0, 0, false};
    sj_ref child;
    uint8_t op;
    uint64_t index = 0;
    while ((child = sj_graph_walk(graph, node, &cursor, &op)) != 0) {
        const bool is_argument = op == 0 && node->kind == SJ_NODE_INSTANCE && index > 0;
        if (marks[child] != 0 && (op == 0 ? !takes_any && !is_argument : op == SJ_OP_REDUCE))
            return child;
        index++;
    }
    return 0;
}

snapjar_status sj_apply_check_hashed(sj_apply *run, const sj_refs *changed, const char *reason, snapjar_error *err)
{
    const snapjar_graph *graph = run->graph;
    uint8_t *marks = changed->count > 0 ? sj_alloc_zero(graph->context, graph->node_count) : NULL;
    snapjar_status status = SNAPJAR_OK;
    if (changed->count == 0)
        return SNAPJAR_OK;
    if (marks == NULL)
        return sj_raise_no_memory(err, graph->node_count);
    for (size_t i = 0; i < changed->count; i++)
        marks[changed->items[i]] = 1;
    /* Tuples of tuples of ...: deeper ones come later in the array, so that one pass is enough but for cycles. */
    for (int pass = 0; pass < 8 && spread_marks(graph, marks); pass++)
        continue;
    for (size_t i = 1; i < graph->node_count && status == SNAPJAR_OK; i++) {
        const bool is_there = (graph->nodes[i].flags & SJ_NODE_IS_REFERENCED) != 0;
        const sj_ref hashed = is_there ? find_hashed(graph, (sj_ref)i, marks) : 0;
        if (hashed != 0)
            status = sj_apply_raise(run, SNAPJAR_DIAG_STEP_UNFAITHFUL, hashed, err,
                                    "it is a key or in a set, or in a tuple that is; %s", reason);
    }
    sj_free(graph->context, marks);
    return status;
}

static snapjar_status check_uses(sj_apply *run, snapjar_error *err)
{
    const snapjar_graph *graph = run->graph;
    uint8_t *marks = sj_alloc_zero(graph->context, graph->node_count);
    if (marks == NULL)
        return sj_raise_no_memory(err, graph->node_count);
    for (size_t i = 0; i < run->selected.count; i++)
        marks[run->selected.items[i]] = 1;
    snapjar_status status = SNAPJAR_OK;
    for (size_t i = 1; i < graph->node_count && status == SNAPJAR_OK; i++) {
        const bool is_there = (graph->nodes[i].flags & SJ_NODE_IS_REFERENCED) != 0;
        const sj_ref called = is_there ? find_called(graph, (sj_ref)i, marks) : 0;
        if (called != 0)
            status = sj_apply_raise(run, SNAPJAR_DIAG_STEP_UNFAITHFUL, called, err,
                                    "it is called, or names what is called; a dict cannot be that");
    }
    sj_free(graph->context, marks);
    SJ_TRY(status);
    return sj_apply_check_hashed(run, &run->selected, "a dict cannot be that", err);
}

snapjar_status sj_apply_to_dict(sj_apply *run, snapjar_error *err)
{
    SJ_TRY(sj_apply_select(run, err));
    if (run->selected.count > 0)
        SJ_TRY(check_uses(run, err));
    for (size_t i = 0; i < run->selected.count; i++) {
        SJ_TRY(make_dict(run, run->selected.items[i], err));
        SJ_TRY(sj_apply_note(run, run->selected.items[i], true, err));
    }
    return SNAPJAR_OK;
}

/* ---- to_instance ---- */

/** A class and an empty tuple of arguments, for all instances of the step. */
static snapjar_status need_class(sj_apply *run, sj_ref parts[2], snapjar_error *err)
{
    snapjar_graph *graph = run->graph;
    const sj_class_name *name = &run->edit->class_name;
    sj_ref texts[2];
    if (run->literal == 0) {
        SJ_TRY(sj_graph_add_text(graph, name->module, &texts[0], err));
        SJ_TRY(sj_graph_add_text(graph, name->name, &texts[1], err));
        SJ_TRY(sj_graph_add_made(graph, SJ_NODE_GLOBAL, 0, &run->literal, err));
        SJ_TRY(sj_graph_set_global(graph, run->literal, texts, err));
        SJ_TRY(sj_graph_add_made(graph, SJ_NODE_TUPLE, 0, &run->texts[SJ_IN_CLASS], err));
    }
    parts[0] = run->literal;
    parts[1] = run->texts[SJ_IN_CLASS];
    return SNAPJAR_OK;
}

static snapjar_status check_names(const sj_apply *run, sj_ref ref, snapjar_error *err)
{
    sj_fields fields;
    sj_field field;
    sj_fields_begin(&fields, run->graph, ref);
    while (sj_fields_next(&fields, &field)) {
        if (!sj_key_is_text(run->graph, field.key))
            return sj_apply_raise(run, SNAPJAR_DIAG_STEP_UNFAITHFUL, ref, err,
                                  "a key of it is no text, and so no name of a field");
    }
    return SNAPJAR_OK;
}

static snapjar_status make_instance(sj_apply *run, sj_ref ref, snapjar_error *err)
{
    snapjar_graph *graph = run->graph;
    const uint64_t offset = sj_apply_offset(run, ref);
    sj_ref parts[2], state, halves[2];
    SJ_TRY(need_class(run, parts, err));
    SJ_TRY(sj_graph_add_made(graph, SJ_NODE_DICT, offset, &state, err));
    /* The pairs go to the dict of the state, with all that was done to the old one. */
    sj_node *node = &graph->nodes[ref], *inner = &graph->nodes[state];
    inner->first = node->first;
    inner->count = node->count;
    inner->changes = node->changes;
    inner->form = node->form;
    const bool has_state = node->count > 0 || node->changes != 0;
    node->changes = 0;
    node->kind = SJ_NODE_NEW;
    node->form = SJ_OP_NEWOBJ;
    /* That it is made is new, and has no place in the order of the others. */
    node->flags |= SJ_NODE_IS_MOVED;
    SJ_TRY(sj_graph_set_children(graph, ref, parts, 2, offset, err));
    if (!has_state)
        return SNAPJAR_OK;
    if (sj_edit_is(run->edit, SJ_IN_STATE, "slots")) {
        halves[1] = state;
        SJ_TRY(sj_graph_add_made(graph, SJ_NODE_NONE, offset, &halves[0], err));
        SJ_TRY(sj_graph_add_made(graph, SJ_NODE_TUPLE, offset, &state, err));
        SJ_TRY(sj_graph_set_children(graph, state, halves, 2, offset, err));
    }
    return sj_graph_add_change(graph, ref, SJ_OP_BUILD, &state, 1, SNAPJAR_OFFSET_NONE, err);
}

snapjar_status sj_apply_to_instance(sj_apply *run, snapjar_error *err)
{
    SJ_TRY(sj_apply_select(run, err));
    for (size_t i = 0; i < run->selected.count; i++) {
        const sj_ref ref = run->selected.items[i];
        sj_instance instance;
        bool is_edited;
        if (sj_graph_node(run->graph, ref)->kind != SJ_NODE_DICT)
            return sj_apply_raise(run, SNAPJAR_DIAG_STEP_UNFAITHFUL, ref, err, "a value of type %s is no plain dict",
                                  sj_picture_form_name(sj_picture_form(run->graph, ref)));
        SJ_TRY(sj_apply_open(run, ref, &instance, &is_edited, err));
        SJ_TRY(check_names(run, ref, err));
        SJ_TRY(make_instance(run, ref, err));
        SJ_TRY(sj_apply_note(run, ref, true, err));
    }
    return SNAPJAR_OK;
}
