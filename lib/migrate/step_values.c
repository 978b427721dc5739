/* SPDX-License-Identifier: MIT
 *
 * Values that become others where they stand: retype, map, and the members of enumerations.
 */
#include <string.h>

#include "migrate/convert_time.h"
#include "migrate/edit.h"

/** Whether a value is one that its owner is hashed by: an element of a tuple, or an argument. */
static bool is_hashed_by(const snapjar_graph *graph, sj_ref owner, uint32_t place)
{
    sj_instance instance;
    if (sj_graph_node(graph, owner)->kind == SJ_NODE_TUPLE)
        return true;
    return sj_instance_see(graph, owner, &instance) && place >= instance.argument_first &&
           place - instance.argument_first < instance.argument_count;
}

/** Puts a new value into a place of an object. */
static snapjar_status change_place(sj_apply *run, size_t index, sj_ref value, snapjar_error *err)
{
    const uint32_t place = run->places.items[index];
    const sj_ref old = run->graph->words[place], owner = run->owners.items[index];
    SJ_TRY(sj_apply_note(run, owner, value != old, err));
    if (value == old)
        return SNAPJAR_OK;
    if (is_hashed_by(run->graph, owner, place))
        SJ_TRY(sj_refs_add(run->graph->context, &run->rehashed, owner, err));
    sj_graph_put(run->graph, place, value);
    return sj_apply_release(run, old, err);
}

/** What is looked for by its hash stays what it was: two of them might be one afterwards, or none could be hashed. */
static snapjar_status check_rehashed(sj_apply *run, snapjar_error *err)
{
    return sj_apply_check_hashed(run, &run->rehashed, "it would be another one", err);
}

/** The name that "from" has for the type of a value. */
static const char *type_name(const snapjar_graph *graph, sj_ref value)
{
    const sj_time_kind kind = sj_time_kind_of(graph, value);
    return kind != SJ_TIME_NONE ? sj_time_kind_name(kind) : sj_picture_form_name(sj_picture_form(graph, value));
}

snapjar_status sj_apply_retype(sj_apply *run, snapjar_error *err)
{
    const char *to = sj_edit_text(run->edit, SJ_IN_TO).data;
    const bool keeps_none = sj_edit_is(run->edit, SJ_IN_NONE, "keep");
    SJ_TRY(sj_apply_find_places(run, err));
    for (size_t i = 0; i < run->places.count; i++) {
        const sj_ref value = run->graph->words[run->places.items[i]];
        const sj_form form = sj_picture_form(run->graph, value);
        const char *reason = NULL;
        sj_ref ref = value;
        if (form == SJ_SEEN_NONE && keeps_none) {
            SJ_TRY(change_place(run, i, value, err));
            continue;
        }
        if (run->edit->members[SJ_IN_FROM] != NULL && !sj_edit_is(run->edit, SJ_IN_FROM, type_name(run->graph, value)))
            reason = "it is not of the type that the step expects";
        if (reason == NULL)
            SJ_TRY(sj_convert(run, value, to, &ref, &reason, err));
        if (reason != NULL)
            return sj_apply_raise(run, SNAPJAR_DIAG_STEP_VALUE, value, err, "it cannot become a %s: %s", to, reason);
        SJ_TRY(change_place(run, i, ref, err));
    }
    return check_rehashed(run, err);
}

/* ---- map ---- */

/** The pair of old and new that a value fits; NULL: none. */
static const sj_json *find_pair(const sj_apply *run, sj_ref value)
{
    const sj_json *pairs = run->edit->members[SJ_IN_VALUES];
    for (size_t i = 0; i < sj_json_count(pairs); i++) {
        const sj_json *pair = sj_json_at(pairs, i);
        if (sj_literal_equal(sj_json_at(pair, 0), run->graph, value))
            return pair;
    }
    return NULL;
}

snapjar_status sj_apply_map(sj_apply *run, snapjar_error *err)
{
    const bool keeps = sj_edit_is(run->edit, SJ_IN_OTHERWISE, "keep");
    SJ_TRY(sj_apply_find_places(run, err));
    for (size_t i = 0; i < run->places.count; i++) {
        const sj_ref value = run->graph->words[run->places.items[i]];
        const sj_json *pair = find_pair(run, value);
        sj_ref ref = value;
        if (pair == NULL && !keeps)
            return sj_apply_raise(run, SNAPJAR_DIAG_STEP_VALUE, value, err, "the step has no new value for it");
        if (pair != NULL)
            SJ_TRY(sj_literal_add(run->graph, sj_json_at(pair, 1), &ref, err));
        SJ_TRY(change_place(run, i, ref, err));
    }
    return check_rehashed(run, err);
}

/* ---- rename_member ---- */

/** Gives a call other arguments. */
static snapjar_status set_arguments(sj_apply *run, sj_ref call, const sj_ref *arguments, size_t count,
                                    snapjar_error *err)
{
    const uint64_t offset = sj_apply_offset(run, call);
    sj_ref tuple;
    SJ_TRY(sj_graph_add_made(run->graph, SJ_NODE_TUPLE, offset, &tuple, err));
    SJ_TRY(sj_graph_set_children(run->graph, tuple, arguments, count, offset, err));
    sj_graph_put(run->graph, sj_graph_node(run->graph, call)->first + 1, tuple);
    run->is_stale = true;
    return SNAPJAR_OK;
}

/** getattr(class, "OLD"). */
static snapjar_status rename_by_name(sj_apply *run, sj_ref ref, sj_ref owner, sj_ref name, snapjar_error *err)
{
    const sj_json *names = run->edit->members[SJ_IN_NAMES];
    for (void *i = names != NULL ? sj_json_first(names) : NULL; i != NULL; i = sj_json_next(names, i)) {
        const snapjar_text old = {sj_json_key(i), strlen(sj_json_key(i))};
        sj_ref pair[2] = {owner, 0};
        if (!sj_key_is(run->graph, name, old))
            continue;
        SJ_TRY(sj_apply_note(run, ref, true, err));
        SJ_TRY(sj_graph_add_text(run->graph, sj_json_string(sj_json_member(i)), &pair[1], err));
        return set_arguments(run, ref, pair, 2, err);
    }
    return SNAPJAR_OK;
}

/** class(old value). */
static snapjar_status rename_by_value(sj_apply *run, sj_ref ref, snapjar_error *err)
{
    sj_instance instance;
    if (run->edit->members[SJ_IN_VALUES] == NULL || !sj_instance_see(run->graph, ref, &instance) ||
        instance.argument_count != 1 || instance.arguments == 0)
        return SNAPJAR_OK;
    sj_ref value = sj_instance_argument(run->graph, &instance, 0);
    const sj_json *pair = find_pair(run, value);
    if (pair == NULL)
        return SNAPJAR_OK;
    SJ_TRY(sj_apply_note(run, ref, true, err));
    SJ_TRY(sj_apply_release(run, value, err));
    SJ_TRY(sj_literal_add(run->graph, sj_json_at(pair, 1), &value, err));
    return set_arguments(run, ref, &value, 1, err);
}

snapjar_status sj_apply_rename_member(sj_apply *run, snapjar_error *err)
{
    const size_t count = run->graph->node_count;
    for (size_t i = 1; i < count; i++) {
        const sj_node *node = &run->graph->nodes[i];
        sj_ref name;
        if (node->kind != SJ_NODE_CALL || (node->flags & SJ_NODE_IS_REFERENCED) == 0)
            continue;
        const sj_ref owner = sj_picture_owner(run->graph, (sj_ref)i, &name);
        if (owner != 0 && sj_picture_is_name(run->graph, owner)) {
            if (sj_class_is(run->graph, owner, &run->edit->class_name))
                SJ_TRY(rename_by_name(run, (sj_ref)i, owner, name, err));
            continue;
        }
        const sj_ref callable = run->graph->words[node->first];
        if (sj_picture_is_name(run->graph, callable) && sj_class_is(run->graph, callable, &run->edit->class_name))
            SJ_TRY(rename_by_value(run, (sj_ref)i, err));
    }
    return SNAPJAR_OK;
}
