/* SPDX-License-Identifier: MIT
 *
 * Fields of instances and keys of dicts: add, set_default, rename_field, drop. Fields of a state and pairs of a dict
 * are edited where they stand, so that their order stays.
 */
#include <string.h>

#include "migrate/edit.h"

/* ---- add, set_default ---- */

/** Whether new fields are slots: the step says so, or an instance among the selected has the state of slots. */
static bool has_slots(sj_apply *run)
{
    if (run->edit->path != NULL || run->edit->members[SJ_IN_STATE] != NULL)
        return sj_edit_is(run->edit, SJ_IN_STATE, "slots");
    for (size_t i = 0; i < run->selected.count && !run->is_counted; i++) {
        sj_instance instance;
        run->has_slots |=
            sj_instance_see(run->graph, run->selected.items[i], &instance) && instance.form == SJ_STATE_SLOTS;
    }
    run->is_counted = true;
    return run->has_slots;
}

/** A pair of states. */
static snapjar_status make_pair(sj_apply *run, sj_ref first, sj_ref second, uint64_t offset, sj_ref *pair,
                                snapjar_error *err)
{
    sj_ref halves[2] = {first, second};
    if (first == 0)
        SJ_TRY(sj_graph_add_made(run->graph, SJ_NODE_NONE, offset, &halves[0], err));
    SJ_TRY(sj_graph_add_made(run->graph, SJ_NODE_TUPLE, offset, pair, err));
    return sj_graph_set_children(run->graph, *pair, halves, 2, offset, err);
}

/** Puts a field into a dict of its own: that of the slots, or the first state of an instance that has none. */
static snapjar_status give_dict(sj_apply *run, const sj_instance *instance, bool is_slot, const sj_ref pair[2],
                                snapjar_error *err)
{
    snapjar_graph *graph = run->graph;
    const uint64_t offset = sj_apply_offset(run, instance->ref);
    const sj_node_kind kind = (sj_node_kind)sj_graph_node(graph, instance->state)->kind;
    sj_ref state;
    SJ_TRY(sj_graph_add_made(graph, SJ_NODE_DICT, offset, &state, err));
    SJ_TRY(sj_graph_add_change(graph, state, SJ_OP_SETITEMS, pair, 2, SNAPJAR_OFFSET_NONE, err));
    if (kind == SJ_NODE_TUPLE) {
        /* A pair without a dict for the slots. */
        sj_graph_put(graph, sj_graph_node(graph, instance->state)->first + 1, state);
        return SNAPJAR_OK;
    }
    /* A dict of state that goes into a pair is not the state any more, so that nothing is shared by that. */
    run->is_stale |= kind == SJ_NODE_DICT;
    if (is_slot)
        SJ_TRY(make_pair(run, kind == SJ_NODE_DICT ? instance->state : 0, state, offset, &state, err));
    if (instance->state != 0) {
        sj_graph_put(graph, instance->state_place, state);
        return SNAPJAR_OK;
    }
    return sj_graph_add_change(graph, instance->ref, SJ_OP_BUILD, &state, 1, SNAPJAR_OFFSET_NONE, err);
}

/** The dict that a new field goes into; 0: it is not there. */
static sj_ref target_of(const snapjar_graph *graph, sj_ref ref, const sj_instance *instance, bool is_slot)
{
    if (instance->ref == 0)
        return ref;
    const sj_node *state = sj_graph_node(graph, instance->state);
    if (state->kind == SJ_NODE_TUPLE) {
        const sj_ref half = graph->words[state->first + 1];
        return sj_graph_node(graph, half)->kind == SJ_NODE_DICT ? half : 0;
    }
    return is_slot || instance->form == SJ_STATE_NONE ? 0 : instance->state;
}

/** The first pair of the field that the new one stands behind: it says which place the field has. */
static bool find_after(const sj_apply *run, sj_ref ref, sj_field *field)
{
    sj_fields fields;
    sj_fields_begin(&fields, run->graph, ref);
    while (sj_fields_next(&fields, field)) {
        if (sj_apply_is_key(run, field->key, SJ_IN_AFTER))
            return true;
    }
    return false;
}

static snapjar_status insert_field(sj_apply *run, sj_ref ref, const sj_instance *instance, snapjar_error *err)
{
    sj_ref pair[2];
    sj_field after;
    SJ_TRY(sj_apply_text(run, SJ_IN_FIELD, &pair[0], err));
    SJ_TRY(sj_apply_literal(run, &pair[1], err));
    const uint64_t offset = sj_apply_offset(run, ref);
    if (run->edit->members[SJ_IN_AFTER] != NULL) {
        char told[SJ_EDIT_TOLD_SIZE];
        if (!find_after(run, ref, &after))
            return sj_apply_raise(run, SNAPJAR_DIAG_STEP_FIELD_MISSING, ref, err,
                                  "it has no %s for the new one to stand behind",
                                  sj_edit_told(run->edit, SJ_IN_AFTER, told));
        return sj_graph_insert(run->graph, after.dict, after.place + 2, pair, 2, offset, err);
    }
    const bool is_slot = instance->ref != 0 && has_slots(run);
    const sj_ref dict = target_of(run->graph, ref, instance, is_slot);
    return dict == 0 ? give_dict(run, instance, is_slot, pair, err) : sj_apply_append(run, dict, pair, err);
}

static snapjar_status replace_value(sj_apply *run, const sj_field *field, snapjar_error *err)
{
    sj_ref value;
    SJ_TRY(sj_apply_literal(run, &value, err));
    SJ_TRY(sj_apply_release(run, field->value, err));
    sj_graph_put(run->graph, field->place + 1, value);
    return SNAPJAR_OK;
}

snapjar_status sj_apply_add(sj_apply *run, snapjar_error *err)
{
    const sj_edit *edit = run->edit;
    const bool keeps = edit->op == SJ_EDIT_SET_DEFAULT || sj_edit_is(edit, SJ_IN_IF_PRESENT, "keep");
    const bool replaces = sj_edit_is(edit, SJ_IN_IF_PRESENT, "replace");
    SJ_TRY(sj_apply_select(run, err));
    for (size_t i = 0; i < run->selected.count; i++) {
        const sj_ref ref = run->selected.items[i];
        sj_instance instance;
        sj_field field;
        char told[SJ_EDIT_TOLD_SIZE];
        bool is_edited;
        SJ_TRY(sj_apply_open(run, ref, &instance, &is_edited, err));
        const bool is_present = sj_apply_find(run, ref, SJ_IN_FIELD, &field);
        SJ_TRY(sj_apply_note(run, ref, !is_edited || !is_present || !keeps, err));
        if (!is_edited)
            continue;
        if (!is_present)
            SJ_TRY(insert_field(run, ref, &instance, err));
        else if (replaces)
            SJ_TRY(replace_value(run, &field, err));
        else if (!keeps)
            return sj_apply_raise(run, SNAPJAR_DIAG_STEP_FIELD_PRESENT, ref, err, "it has %s already",
                                  sj_edit_told(edit, SJ_IN_FIELD, told));
    }
    return SNAPJAR_OK;
}

/* ---- rename_field, drop ---- */

snapjar_status sj_apply_miss(sj_apply *run, sj_ref ref, sj_edit_member field, snapjar_error *err)
{
    char told[SJ_EDIT_TOLD_SIZE];
    if (sj_edit_is(run->edit, SJ_IN_IF_MISSING, "ignore"))
        return sj_apply_note(run, ref, false, err);
    return sj_apply_raise(run, SNAPJAR_DIAG_STEP_FIELD_MISSING, ref, err, "it has no %s",
                          sj_edit_told(run->edit, field, told));
}

/** Puts the new name into the place of an old one. What was called and dropped above that is called above the new one.
 */
static snapjar_status replace_key(sj_apply *run, const sj_field *field, sj_ref key, snapjar_error *err)
{
    snapjar_graph *graph = run->graph;
    const sj_node *old = sj_graph_node(graph, field->key);
    if (old->changes != 0 && (old->flags & SJ_NODE_IS_SHARED) == 0) {
        const uint32_t changes = old->changes;
        run->texts[SJ_IN_TO] = 0;
        SJ_TRY(sj_apply_text(run, SJ_IN_TO, &key, err));
        run->texts[SJ_IN_TO] = 0;
        graph->nodes[key].changes = changes;
    }
    sj_graph_put(graph, field->place, key);
    return SNAPJAR_OK;
}

/** Each time that the field was given. */
static snapjar_status rename_one(sj_apply *run, sj_ref ref, sj_ref key, snapjar_error *err)
{
    sj_fields fields;
    sj_field field;
    char told[SJ_EDIT_TOLD_SIZE];
    if (sj_apply_find(run, ref, SJ_IN_TO, &field))
        return sj_apply_raise(run, SNAPJAR_DIAG_STEP_FIELD_PRESENT, ref, err, "it has %s already",
                              sj_edit_told(run->edit, SJ_IN_TO, told));
    sj_fields_begin(&fields, run->graph, ref);
    while (sj_fields_next(&fields, &field)) {
        if (sj_apply_is_key(run, field.key, SJ_IN_FROM))
            SJ_TRY(replace_key(run, &field, key, err));
    }
    return SNAPJAR_OK;
}

snapjar_status sj_apply_rename_field(sj_apply *run, snapjar_error *err)
{
    sj_ref key;
    SJ_TRY(sj_apply_select(run, err));
    SJ_TRY(sj_apply_text(run, SJ_IN_TO, &key, err));
    for (size_t i = 0; i < run->selected.count; i++) {
        const sj_ref ref = run->selected.items[i];
        sj_instance instance;
        sj_field field;
        bool is_edited;
        SJ_TRY(sj_apply_open(run, ref, &instance, &is_edited, err));
        if (run->is_passed || (is_edited && !sj_apply_find(run, ref, SJ_IN_FROM, &field))) {
            SJ_TRY(sj_apply_miss(run, ref, SJ_IN_FROM, err));
            continue;
        }
        SJ_TRY(sj_apply_note(run, ref, true, err));
        if (is_edited)
            SJ_TRY(rename_one(run, ref, key, err));
    }
    return SNAPJAR_OK;
}

snapjar_status sj_apply_drop(sj_apply *run, snapjar_error *err)
{
    SJ_TRY(sj_apply_select(run, err));
    for (size_t i = 0; i < run->selected.count; i++) {
        const sj_ref ref = run->selected.items[i];
        sj_instance instance;
        sj_field field;
        bool is_edited;
        SJ_TRY(sj_apply_open(run, ref, &instance, &is_edited, err));
        if (run->is_passed || (is_edited && !sj_apply_find(run, ref, SJ_IN_FIELD, &field))) {
            SJ_TRY(sj_apply_miss(run, ref, SJ_IN_FIELD, err));
            continue;
        }
        SJ_TRY(sj_apply_note(run, ref, true, err));
        while (is_edited && sj_apply_find(run, ref, SJ_IN_FIELD, &field)) {
            SJ_TRY(sj_apply_release(run, field.value, err));
            sj_graph_remove(run->graph, field.dict, field.place, 2);
        }
    }
    return SNAPJAR_OK;
}
