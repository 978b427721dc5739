/* SPDX-License-Identifier: MIT
 *
 * States in another form: restate. First the values by name are read from the form that is there, then written in the
 * one that is wanted. Forms without names take them from "fields", in that order.
 */
#include <string.h>

#include "migrate/edit.h"

/** Names and values of one instance, in order. */
typedef struct named_values {
    sj_ref *names;
    sj_ref *values;
    size_t count;
    size_t capacity;
} named_values;

static snapjar_status grow(sj_apply *run, named_values *v, snapjar_error *err)
{
    const size_t capacity = v->capacity == 0 ? 16 : 2 * v->capacity;
    snapjar_context *context = run->graph->context;
    sj_ref *names = sj_realloc(context, v->names, capacity * sizeof *names);
    v->names = names != NULL ? names : v->names;
    sj_ref *values = names != NULL ? sj_realloc(context, v->values, capacity * sizeof *values) : NULL;
    v->values = values != NULL ? values : v->values;
    if (values == NULL)
        return sj_raise_no_memory(err, capacity * sizeof *values);
    v->capacity = capacity;
    return SNAPJAR_OK;
}

static snapjar_status add_value(sj_apply *run, named_values *v, sj_ref name, sj_ref value, snapjar_error *err)
{
    if (v->count == v->capacity)
        SJ_TRY(grow(run, v, err));
    v->names[v->count] = name;
    v->values[v->count++] = value;
    return SNAPJAR_OK;
}

static size_t field_count(const sj_apply *run)
{
    const sj_json *fields = run->edit->members[SJ_IN_FIELDS];
    return fields != NULL ? sj_json_count(fields) : 0;
}

static snapjar_text field_name(const sj_apply *run, size_t index)
{
    return sj_json_string(sj_json_at(run->edit->members[SJ_IN_FIELDS], index));
}

/** The text of a name in "fields", made once. They are kept in `owners`, which this step has no other use for. */
static snapjar_status field_text(sj_apply *run, size_t index, sj_ref *ref, snapjar_error *err)
{
    while (run->owners.count < field_count(run)) {
        SJ_TRY(sj_graph_add_text(run->graph, field_name(run, run->owners.count), ref, err));
        SJ_TRY(sj_refs_add(run->graph->context, &run->owners, *ref, err));
    }
    *ref = run->owners.items[index];
    return SNAPJAR_OK;
}

/* ---- reading ---- */

/** The dict of keyword arguments, if it is one and has any; else 0. */
static sj_ref keywords_of(const sj_apply *run, const sj_instance *instance)
{
    const sj_node *node = sj_graph_node(run->graph, instance->keywords);
    return instance->keywords != 0 && (node->count > 0 || node->changes != 0) ? instance->keywords : 0;
}

/** Values by position get the names of "fields". */
static snapjar_status read_values(sj_apply *run, const sj_instance *instance, const sj_refs *items, named_values *v,
                                  snapjar_error *err)
{
    const bool has_others = keywords_of(run, instance) != 0;
    if (has_others ? items->count > field_count(run) : items->count != field_count(run))
        return sj_apply_raise(run, SNAPJAR_DIAG_STEP_UNFAITHFUL, instance->ref, err,
                              "it has %zu values by position, and the step names %zu", items->count, field_count(run));
    for (size_t i = 0; i < items->count; i++) {
        sj_ref name;
        SJ_TRY(field_text(run, i, &name, err));
        SJ_TRY(add_value(run, v, name, items->items[i], err));
    }
    return SNAPJAR_OK;
}

static snapjar_status read_keywords(sj_apply *run, const sj_instance *instance, named_values *v, snapjar_error *err)
{
    const sj_ref dict = keywords_of(run, instance);
    sj_fields fields;
    sj_field field;
    if (dict == 0)
        return SNAPJAR_OK;
    if (!sj_dict_is_pairs(run->graph, dict))
        return sj_apply_raise(run, SNAPJAR_DIAG_STEP_UNFAITHFUL, instance->ref, err, "its arguments are computed");
    sj_fields_begin(&fields, run->graph, dict);
    while (sj_fields_next(&fields, &field))
        SJ_TRY(add_value(run, v, field.key, field.value, err));
    return SNAPJAR_OK;
}

static snapjar_status read_positions(sj_apply *run, const sj_instance *instance, bool is_arguments, named_values *v,
                                     snapjar_error *err)
{
    sj_refs items = {NULL, 0, 0};
    snapjar_status status = SNAPJAR_OK;
    if (is_arguments) {
        for (uint32_t i = 0; i < instance->argument_count && status == SNAPJAR_OK; i++)
            status = sj_refs_add(run->graph->context, &items, sj_instance_argument(run->graph, instance, i), err);
    } else {
        sj_cursor cursor = {0, 0, false};
        uint8_t op;
        sj_ref item;
        const sj_node *state = sj_graph_node(run->graph, instance->state);
        while (status == SNAPJAR_OK && (item = sj_graph_walk(run->graph, state, &cursor, &op)) != 0)
            status = sj_refs_add(run->graph->context, &items, item, err);
    }
    if (status == SNAPJAR_OK)
        status = read_values(run, instance, &items, v, err);
    sj_free(run->graph->context, items.items);
    return status;
}

/** The fields of dicts; a name that comes twice keeps its first place and its last value. */
static snapjar_status read_names(sj_apply *run, const sj_instance *instance, named_values *v, snapjar_error *err)
{
    sj_fields fields;
    sj_field field, last;
    sj_fields_begin(&fields, run->graph, instance->ref);
    while (sj_fields_next(&fields, &field)) {
        if (!sj_key_is_text(run->graph, field.key))
            return sj_apply_raise(run, SNAPJAR_DIAG_STEP_UNFAITHFUL, instance->ref, err,
                                  "a key of its state is no text");
        last = field;
        size_t size;
        const sj_node *key = sj_graph_node(run->graph, field.key);
        if (key->kind == SJ_NODE_STR && key->form != SJ_OP_UNICODE) {
            const char *text = (const char *)sj_graph_span(run->graph, key, &size);
            (void)sj_fields_find(run->graph, instance->ref, (snapjar_text){text, size}, &last);
        }
        if (last.place != field.place)
            return sj_apply_raise(run, SNAPJAR_DIAG_STEP_UNFAITHFUL, instance->ref, err,
                                  "a field of its state is given twice");
        SJ_TRY(add_value(run, v, field.key, field.value, err));
    }
    return SNAPJAR_OK;
}

/** What belongs to more than one value cannot be written anew for one of them. */
static snapjar_status check_state(sj_apply *run, const sj_instance *instance, snapjar_error *err)
{
    const sj_node *state = sj_graph_node(run->graph, instance->state);
    bool is_shared = instance->state != 0 && (state->flags & SJ_NODE_IS_SHARED) != 0 && state->kind != SJ_NODE_NONE;
    for (uint32_t i = 0; instance->form == SJ_STATE_SLOTS && state->kind == SJ_NODE_TUPLE && i < 2; i++) {
        const sj_node *half = sj_graph_node(run->graph, run->graph->words[state->first + i]);
        is_shared |= half->kind == SJ_NODE_DICT && (half->flags & SJ_NODE_IS_SHARED) != 0;
    }
    if (is_shared)
        return sj_apply_raise(run, SNAPJAR_DIAG_STEP_UNFAITHFUL, instance->ref, err,
                              "its state, or a part of it, is a value elsewhere, too");
    if (instance->build_count > 1)
        return sj_apply_raise(run, SNAPJAR_DIAG_STEP_UNFAITHFUL, instance->ref, err,
                              "it was given state more than once");
    if (instance->form == SJ_STATE_OTHER)
        return sj_apply_raise(run, SNAPJAR_DIAG_STEP_UNFAITHFUL, instance->ref, err,
                              "its state is of a form of its own");
    return SNAPJAR_OK;
}

/* ---- writing ---- */

/** A dict of the values. */
static snapjar_status make_dict(sj_apply *run, uint64_t offset, const named_values *v, sj_ref *dict, snapjar_error *err)
{
    sj_refs words = {NULL, 0, 0};
    snapjar_status status = sj_graph_add_made(run->graph, SJ_NODE_DICT, offset, dict, err);
    for (size_t i = 0; i < v->count && status == SNAPJAR_OK; i++) {
        status = sj_refs_add(run->graph->context, &words, v->names[i], err);
        if (status == SNAPJAR_OK)
            status = sj_refs_add(run->graph->context, &words, v->values[i], err);
    }
    if (status == SNAPJAR_OK && words.count > 0)
        status =
            sj_graph_add_change(run->graph, *dict, SJ_OP_SETITEMS, words.items, words.count, SNAPJAR_OFFSET_NONE, err);
    sj_free(run->graph->context, words.items);
    return status;
}

static snapjar_status make_slots(sj_apply *run, uint64_t offset, const named_values *v, sj_ref *state,
                                 snapjar_error *err)
{
    sj_ref halves[2];
    SJ_TRY(sj_graph_add_made(run->graph, SJ_NODE_NONE, offset, &halves[0], err));
    SJ_TRY(make_dict(run, offset, v, &halves[1], err));
    SJ_TRY(sj_graph_add_made(run->graph, SJ_NODE_TUPLE, offset, state, err));
    return sj_graph_set_children(run->graph, *state, halves, 2, offset, err);
}

/** The values in the order of "fields", which must be exactly these. */
static snapjar_status sort_values(sj_apply *run, sj_ref ref, const named_values *v, sj_refs *sorted, snapjar_error *err)
{
    if (v->count != field_count(run))
        return sj_apply_raise(run, SNAPJAR_DIAG_STEP_UNFAITHFUL, ref, err, "it has %zu fields, and the step names %zu",
                              v->count, field_count(run));
    for (size_t i = 0; i < v->count; i++) {
        size_t at = 0;
        while (at < v->count && !sj_key_is(run->graph, v->names[at], field_name(run, i)))
            at++;
        if (at == v->count)
            return sj_apply_raise(run, SNAPJAR_DIAG_STEP_FIELD_MISSING, ref, err, "it has no \"%s\"",
                                  field_name(run, i).data);
        SJ_TRY(sj_refs_add(run->graph->context, sorted, v->values[at], err));
        SJ_TRY(sj_apply_release(run, v->values[at], err));
    }
    return SNAPJAR_OK;
}

static snapjar_status set_state(sj_apply *run, const sj_instance *instance, sj_ref state, snapjar_error *err)
{
    run->is_stale = true;
    if (instance->state != 0) {
        sj_graph_put(run->graph, instance->state_place, state);
        return SNAPJAR_OK;
    }
    return sj_graph_add_change(run->graph, instance->ref, SJ_OP_BUILD, &state, 1, SNAPJAR_OFFSET_NONE, err);
}

/** Takes the state away. The instance is made after what it held, and so later than it was. */
static void drop_state(sj_apply *run, const sj_instance *instance)
{
    sj_node *node = &run->graph->nodes[instance->ref];
    node->flags |= SJ_NODE_IS_MOVED;
    node->changes = 0;
    run->is_stale = true;
}

static snapjar_status write_positions(sj_apply *run, const sj_instance *instance, const char *to, const named_values *v,
                                      sj_refs *sorted, snapjar_error *err)
{
    const uint64_t offset = sj_apply_offset(run, instance->ref);
    sj_ref state;
    SJ_TRY(sort_values(run, instance->ref, v, sorted, err));
    if (strcmp(to, "arguments") == 0) {
        const sj_node *node = sj_graph_node(run->graph, instance->ref);
        if (node->changes != 0 && (sj_graph_first_change(run->graph, node) != node->changes ||
                                   sj_graph_change(run->graph, node->changes).op != SJ_OP_BUILD))
            return sj_apply_raise(run, SNAPJAR_DIAG_STEP_UNFAITHFUL, instance->ref, err,
                                  "it was filled like a list or dict");
        drop_state(run, instance);
        return sj_apply_make(run, instance, sj_edit_is(run->edit, SJ_IN_BY, "call"), sorted->items, sorted->count, err);
    }
    const bool is_list = strcmp(to, "list") == 0;
    SJ_TRY(sj_graph_add_made(run->graph, is_list ? SJ_NODE_LIST : SJ_NODE_TUPLE, offset, &state, err));
    if (!is_list)
        SJ_TRY(sj_graph_set_children(run->graph, state, sorted->items, sorted->count, offset, err));
    else if (sorted->count > 0)
        SJ_TRY(sj_graph_add_change(run->graph, state, SJ_OP_APPENDS, sorted->items, sorted->count, SNAPJAR_OFFSET_NONE,
                                   err));
    return set_state(run, instance, state, err);
}

static snapjar_status write_state(sj_apply *run, const sj_instance *instance, const char *to, const named_values *v,
                                  snapjar_error *err)
{
    const uint64_t offset = sj_apply_offset(run, instance->ref);
    sj_ref state;
    if (strcmp(to, "dict") != 0 && strcmp(to, "slots") != 0) {
        sj_refs sorted = {NULL, 0, 0};
        const snapjar_status status = write_positions(run, instance, to, v, &sorted, err);
        sj_free(run->graph->context, sorted.items);
        return status;
    }
    SJ_TRY(strcmp(to, "dict") == 0 ? make_dict(run, offset, v, &state, err) : make_slots(run, offset, v, &state, err));
    return set_state(run, instance, state, err);
}

/* ---- restate ---- */

/** Whether the values are the arguments, and not a state. */
static bool reads_arguments(const sj_apply *run, const sj_instance *instance)
{
    if (run->edit->members[SJ_IN_FROM] != NULL)
        return sj_edit_is(run->edit, SJ_IN_FROM, "arguments");
    return instance->form == SJ_STATE_NONE && (instance->argument_count > 0 || keywords_of(run, instance) != 0);
}

/** What were the arguments is made after the instance, not before it. */
static snapjar_status move_values(sj_apply *run, const named_values *v, snapjar_error *err)
{
    for (size_t i = 0; i < v->count; i++)
        SJ_TRY(sj_apply_release(run, v->values[i], err));
    return SNAPJAR_OK;
}

static snapjar_status restate_values(sj_apply *run, sj_instance *instance, named_values *v, snapjar_error *err)
{
    const char *to = sj_edit_text(run->edit, SJ_IN_TO).data;
    const bool is_arguments = reads_arguments(run, instance);
    const bool is_named = instance->form == SJ_STATE_DICT || instance->form == SJ_STATE_SLOTS;
    if (is_arguments && instance->form != SJ_STATE_NONE)
        return sj_apply_raise(run, SNAPJAR_DIAG_STEP_UNFAITHFUL, instance->ref, err,
                              "it has a state besides its arguments");
    if (!is_arguments && (instance->argument_count > 0 || keywords_of(run, instance) != 0) &&
        strcmp(to, "arguments") == 0)
        return sj_apply_raise(run, SNAPJAR_DIAG_STEP_UNFAITHFUL, instance->ref, err, "it has arguments already");
    if (instance->is_computed)
        return sj_apply_raise(run, SNAPJAR_DIAG_STEP_UNFAITHFUL, instance->ref, err, "its arguments are computed");
    if (is_arguments || instance->form == SJ_STATE_LIST || instance->form == SJ_STATE_TUPLE)
        SJ_TRY(read_positions(run, instance, is_arguments, v, err));
    else if (is_named)
        SJ_TRY(read_names(run, instance, v, err));
    if (is_arguments)
        SJ_TRY(read_keywords(run, instance, v, err));
    if (is_arguments && strcmp(to, "arguments") != 0) {
        /* As pickle makes what has a state: a call without arguments is one that the class may not know. */
        SJ_TRY(move_values(run, v, err));
        SJ_TRY(sj_apply_make(run, instance, false, NULL, 0, err));
        (void)sj_instance_see(run->graph, instance->ref, instance);
    }
    return write_state(run, instance, to, v, err);
}

/** Whether an instance is in the wanted form already. */
static bool is_done(const sj_apply *run, const sj_instance *instance)
{
    const char *to = sj_edit_text(run->edit, SJ_IN_TO).data;
    if (strcmp(to, "arguments") == 0)
        return instance->form == SJ_STATE_NONE && instance->argument_count == field_count(run) &&
               keywords_of(run, instance) == 0 && !instance->is_computed &&
               sj_instance_is_called(run->graph, instance) == sj_edit_is(run->edit, SJ_IN_BY, "call");
    /* Asked for by name, they are not passed over because there is a state as well. */
    if (reads_arguments(run, instance) && (instance->argument_count > 0 || keywords_of(run, instance) != 0))
        return false;
    /* Nothing to write: most classes have no state then, in each form. */
    if (instance->form == SJ_STATE_NONE && !reads_arguments(run, instance))
        return true;
    return strcmp(to, sj_state_form_name(instance->form)) == 0;
}

static snapjar_status restate_one(sj_apply *run, sj_ref ref, snapjar_error *err)
{
    sj_instance instance;
    named_values v = {NULL, NULL, 0, 0};
    (void)sj_instance_see(run->graph, ref, &instance);
    if (is_done(run, &instance))
        return sj_apply_note(run, ref, false, err);
    if (run->edit->members[SJ_IN_FROM] != NULL && !reads_arguments(run, &instance) &&
        !sj_edit_is(run->edit, SJ_IN_FROM, sj_state_form_name(instance.form)))
        return sj_apply_raise(run, SNAPJAR_DIAG_STEP_UNFAITHFUL, ref, err,
                              "its state is not of the form that the step expects");
    SJ_TRY(check_state(run, &instance, err));
    SJ_TRY(sj_apply_note(run, ref, true, err));
    const snapjar_status status = restate_values(run, &instance, &v, err);
    sj_free(run->graph->context, v.names);
    sj_free(run->graph->context, v.values);
    return status;
}

snapjar_status sj_apply_restate(sj_apply *run, snapjar_error *err)
{
    SJ_TRY(sj_apply_check_dropped(run, err));
    SJ_TRY(sj_apply_select(run, err));
    for (size_t i = 0; i < run->selected.count; i++)
        SJ_TRY(restate_one(run, run->selected.items[i], err));
    return SNAPJAR_OK;
}
