/* SPDX-License-Identifier: MIT
 *
 * What a step is about: the instances of a class, or what a path leads to; and whether their fields may be edited. A
 * dict of state that belongs to several selected instances is edited once; one that anything else refers to is not
 * edited, because whether the two are one object after loading only the class knows.
 */
#include <stdio.h>
#include <string.h>

#include "migrate/edit.h"

#define CACHE_SIZE 64

/* Of `uses`: the dict is a state, or a value of its own; the rest counts. */
#define USE_STATE (UINT32_C(1) << 31)
#define USE_VALUE (UINT32_C(1) << 30)
#define USE_COUNT (USE_VALUE - 1)

uint64_t sj_apply_offset(const sj_apply *run, sj_ref ref)
{
    const uint64_t offset = sj_graph_offset(run->graph, ref);
    return offset != SNAPJAR_OFFSET_NONE ? offset : run->graph->options.base_offset;
}

/* ---- selecting ---- */

static snapjar_status select_class(sj_apply *run, snapjar_error *err)
{
    const snapjar_graph *graph = run->graph;
    struct {
        sj_ref class_ref;
        bool is_wanted;
    } cache[CACHE_SIZE];
    memset(cache, 0, sizeof cache);
    for (size_t i = 1; i < graph->node_count; i++) {
        const sj_node *node = &graph->nodes[i];
        uint32_t skipped;
        sj_instance instance;
        if (node->kind < SJ_NODE_CALL || node->kind > SJ_NODE_INSTANCE || (node->flags & SJ_NODE_IS_REFERENCED) == 0)
            continue;
        const sj_ref class_ref = sj_picture_class(graph, node, &skipped);
        if (class_ref == 0)
            continue;
        if (cache[class_ref % CACHE_SIZE].class_ref != class_ref) {
            cache[class_ref % CACHE_SIZE].class_ref = class_ref;
            cache[class_ref % CACHE_SIZE].is_wanted = sj_class_is(graph, class_ref, &run->edit->class_name);
        }
        if (cache[class_ref % CACHE_SIZE].is_wanted && sj_instance_see(graph, (sj_ref)i, &instance))
            SJ_TRY(sj_refs_add(graph->context, &run->selected, (sj_ref)i, err));
    }
    return SNAPJAR_OK;
}

snapjar_status sj_apply_select(sj_apply *run, snapjar_error *err)
{
    if (run->edit->path != NULL)
        return sj_path_select(run->edit->path, run->graph, &run->selected, err);
    return select_class(run, err);
}

/* ---- shared states ---- */

/** The dicts of a state: one, or the halves of a pair. */
static uint32_t dicts_of(const snapjar_graph *graph, sj_ref state, sj_ref dicts[2])
{
    const sj_node *node = sj_graph_node(graph, state);
    uint32_t count = 0;
    if (node->kind == SJ_NODE_DICT)
        dicts[count++] = state;
    for (uint32_t i = 0; node->kind == SJ_NODE_TUPLE && node->count == 2 && i < 2; i++) {
        const sj_ref half = graph->words[node->first + i];
        if (sj_graph_node(graph, half)->kind == SJ_NODE_DICT)
            dicts[count++] = half;
    }
    return count;
}

static snapjar_status need_uses(sj_apply *run, snapjar_error *err)
{
    if (run->uses != NULL)
        return SNAPJAR_OK;
    run->use_count = run->graph->node_count;
    run->uses = sj_alloc_zero(run->graph->context, run->use_count * sizeof *run->uses);
    return run->uses != NULL ? SNAPJAR_OK : sj_raise_no_memory(err, run->use_count * sizeof *run->uses);
}

/** Whether the dict was filled when it was given as state at `offset`. */
static bool is_filled_before(const snapjar_graph *graph, sj_ref dict, uint64_t offset)
{
    const sj_node *node = sj_graph_node(graph, dict);
    for (uint32_t at = sj_graph_first_change(graph, node); at != 0; at = sj_graph_next_change(graph, node, at)) {
        const sj_change change = sj_graph_change(graph, at);
        if (change.offset != SNAPJAR_OFFSET_NONE && change.offset > offset)
            return false;
    }
    return true;
}

/** A dict that more than one value refers to, as a state of `ref`: whether it was met before. */
static snapjar_status use_state(sj_apply *run, sj_ref ref, sj_ref dict, uint64_t offset, bool *is_known,
                                snapjar_error *err)
{
    SJ_TRY(need_uses(run, err));
    *is_known = run->uses[dict] != 0;
    if (!is_filled_before(run->graph, dict, offset))
        return sj_apply_raise(run, SNAPJAR_DIAG_STEP_UNFAITHFUL, ref, err,
                              "the dict of its state is filled after it was given, and shared");
    if ((run->uses[dict] & USE_VALUE) != 0 || (run->uses[dict] & USE_COUNT) == USE_COUNT)
        return sj_apply_raise(run, SNAPJAR_DIAG_STEP_UNFAITHFUL, ref, err,
                              "the dict of its state is selected by the path as well");
    run->uses[dict] = (run->uses[dict] | USE_STATE) + 1;
    return SNAPJAR_OK;
}

/** All dicts of all states of an instance. */
static snapjar_status open_states(sj_apply *run, sj_ref ref, bool *is_edited, snapjar_error *err)
{
    const snapjar_graph *graph = run->graph;
    const sj_node *node = sj_graph_node(graph, ref);
    uint32_t known_count = 0, all_count = 0;
    for (uint32_t at = sj_graph_first_change(graph, node); at != 0; at = sj_graph_next_change(graph, node, at)) {
        const sj_change change = sj_graph_change(graph, at);
        sj_ref dicts[2];
        if (change.op != SJ_OP_BUILD)
            continue;
        const sj_ref state = graph->words[change.first];
        const uint32_t count = dicts_of(graph, state, dicts);
        const sj_node *state_node = sj_graph_node(graph, state);
        if (state_node->kind == SJ_NODE_TUPLE && (state_node->flags & SJ_NODE_IS_SHARED) != 0)
            return sj_apply_raise(run, SNAPJAR_DIAG_STEP_UNFAITHFUL, ref, err,
                                  "the pair of its states is a value elsewhere, too");
        for (uint32_t i = 0; i < count; i++, all_count++) {
            bool is_known = false;
            if ((sj_graph_node(graph, dicts[i])->flags & SJ_NODE_IS_SHARED) != 0)
                SJ_TRY(use_state(run, ref, dicts[i], change.offset, &is_known, err));
            known_count += is_known;
        }
    }
    *is_edited = known_count == 0;
    if (known_count > 0 && known_count < all_count)
        return sj_apply_raise(run, SNAPJAR_DIAG_STEP_UNFAITHFUL, ref, err,
                              "it shares a part of its state with another object");
    return SNAPJAR_OK;
}

/** A dict that a path leads to. */
static snapjar_status open_dict(sj_apply *run, sj_ref ref, bool *is_edited, snapjar_error *err)
{
    *is_edited = true;
    if (!sj_dict_is_pairs(run->graph, ref))
        return sj_apply_raise(run, SNAPJAR_DIAG_STEP_UNFAITHFUL, ref, err,
                              "the dict was filled with something other than pairs");
    if ((sj_graph_node(run->graph, ref)->flags & SJ_NODE_IS_SHARED) == 0)
        return SNAPJAR_OK;
    SJ_TRY(need_uses(run, err));
    if (run->uses[ref] != 0)
        return sj_apply_raise(run, SNAPJAR_DIAG_STEP_UNFAITHFUL, ref, err,
                              "the dict is the state of an object that is selected as well");
    run->uses[ref] = USE_VALUE;
    return SNAPJAR_OK;
}

/** Whether a field that the step names is a key that is no text. */
static bool names_key(const sj_edit *edit)
{
    static const sj_edit_member members[] = {SJ_IN_FIELD, SJ_IN_AFTER, SJ_IN_FROM, SJ_IN_TO};
    const size_t count = edit->op == SJ_EDIT_RENAME_FIELD ? 4 : 2;
    for (size_t i = 0; i < count; i++) {
        const sj_json *json = edit->members[members[i]];
        if (json != NULL && sj_json_type_of(json) != SJ_JSON_STRING)
            return true;
    }
    return false;
}

snapjar_status sj_apply_open(sj_apply *run, sj_ref ref, sj_instance *instance, bool *is_edited, snapjar_error *err)
{
    const snapjar_graph *graph = run->graph;
    run->is_passed = false;
    if (sj_graph_node(graph, ref)->kind == SJ_NODE_DICT) {
        memset(instance, 0, sizeof *instance);
        return open_dict(run, ref, is_edited, err);
    }
    *is_edited = false;
    const bool is_instance = sj_instance_see(graph, ref, instance);
    const bool has_fields = is_instance && !names_key(run->edit);
    run->is_passed = !has_fields && run->edit->path != NULL && sj_edit_is(run->edit, SJ_IN_IF_MISSING, "ignore");
    if (run->is_passed)
        return SNAPJAR_OK;
    if (is_instance && !has_fields)
        return sj_apply_raise(run, SNAPJAR_DIAG_STEP_UNFAITHFUL, ref, err, "only dicts have keys that are no text");
    if (!is_instance)
        return sj_apply_raise(run, SNAPJAR_DIAG_STEP_UNFAITHFUL, ref, err, "a value of type %s has no fields",
                              sj_picture_form_name(sj_picture_form(graph, ref)));
    if (instance->form >= SJ_STATE_LIST)
        return sj_apply_raise(run, SNAPJAR_DIAG_STEP_UNFAITHFUL, ref, err,
                              "its state is %s, in which fields have no names",
                              instance->form == SJ_STATE_LIST    ? "a list"
                              : instance->form == SJ_STATE_TUPLE ? "a tuple"
                                                                 : "of a form of its own");
    return open_states(run, ref, is_edited, err);
}

/** One reference, by a state or otherwise. */
static snapjar_status count_reference(sj_apply *run, sj_ref ref, bool is_state, snapjar_error *err)
{
    uint32_t *use = ref < run->use_count ? &run->uses[ref] : NULL;
    if (use == NULL || *use == 0)
        return SNAPJAR_OK;
    if ((*use & USE_VALUE) != 0)
        return !is_state ? SNAPJAR_OK
                         : sj_apply_raise(run, SNAPJAR_DIAG_STEP_UNFAITHFUL, ref, err,
                                          "the dict is the state of an object, too");
    if ((*use & USE_COUNT) == 0)
        return sj_apply_raise(run, SNAPJAR_DIAG_STEP_UNFAITHFUL, ref, err,
                              "the dict of a state is a value elsewhere, too, or the state of an object that the step "
                              "is not about");
    --*use;
    return SNAPJAR_OK;
}

static snapjar_status count_references(sj_apply *run, const sj_node *node, snapjar_error *err)
{
    sj_cursor cursor = {0, 0, false};
    sj_ref child, dicts[2];
    uint8_t op;
    while ((child = sj_graph_walk(run->graph, node, &cursor, &op)) != 0) {
        SJ_TRY(count_reference(run, child, op == SJ_OP_BUILD, err));
        if (op != SJ_OP_BUILD || sj_graph_node(run->graph, child)->kind != SJ_NODE_TUPLE)
            continue;
        for (uint32_t i = dicts_of(run->graph, child, dicts); i > 0; i--) {
            const sj_ref half = dicts[i - 1];
            if (half < run->use_count && (run->uses[half] & USE_VALUE) != 0)
                SJ_TRY(count_reference(run, half, true, err));
        }
    }
    return SNAPJAR_OK;
}

snapjar_status sj_apply_close(sj_apply *run, snapjar_error *err)
{
    if (run->uses == NULL)
        return SNAPJAR_OK;
    SJ_TRY(count_reference(run, run->graph->root, false, err));
    for (size_t i = 1; i < run->graph->node_count; i++) {
        const sj_node *node = &run->graph->nodes[i];
        if ((node->flags & SJ_NODE_IS_REFERENCED) != 0)
            SJ_TRY(count_references(run, node, err));
    }
    return SNAPJAR_OK;
}

/* ---- pairs ---- */

/** Pairs up to this many words are moved to make room for one more; more are left where they are. */
#define MOVED_MAX 256

snapjar_status sj_apply_append(sj_apply *run, sj_ref dict, const sj_ref pair[2], snapjar_error *err)
{
    const uint64_t offset = sj_apply_offset(run, dict);
    const sj_node *node = sj_graph_node(run->graph, dict);
    if (node->changes == 0 && node->count > 0 && node->count <= MOVED_MAX)
        return sj_graph_insert(run->graph, dict, node->first + node->count, pair, 2, offset, err);
    if (node->changes != 0) {
        const sj_change last = sj_graph_change(run->graph, node->changes);
        if ((last.op == SJ_OP_SETITEM || last.op == SJ_OP_SETITEMS) && last.count <= MOVED_MAX)
            return sj_graph_insert(run->graph, dict, last.first + last.count, pair, 2, offset, err);
    }
    return sj_graph_add_change(run->graph, dict, SJ_OP_SETITEMS, pair, 2, SNAPJAR_OFFSET_NONE, err);
}

/* ---- names of fields ---- */

bool sj_apply_is_key(const sj_apply *run, sj_ref key, sj_edit_member member)
{
    const sj_json *json = run->edit->members[member];
    return sj_json_type_of(json) == SJ_JSON_STRING ? sj_key_is(run->graph, key, sj_json_string(json))
                                                   : sj_literal_is_key(json, run->graph, key);
}

bool sj_apply_find(const sj_apply *run, sj_ref ref, sj_edit_member member, sj_field *field)
{
    sj_fields fields;
    sj_field one;
    bool is_found = false;
    sj_fields_begin(&fields, run->graph, ref);
    while (sj_fields_next(&fields, &one)) {
        if (!sj_apply_is_key(run, one.key, member))
            continue;
        *field = one;
        is_found = true;
    }
    return is_found;
}

const char *sj_edit_told(const sj_edit *edit, sj_edit_member member, char text[SJ_EDIT_TOLD_SIZE])
{
    const sj_json *json = edit->members[member];
    size_t size;
    if (sj_json_type_of(json) == SJ_JSON_STRING) {
        (void)snprintf(text, SJ_EDIT_TOLD_SIZE, "\"%s\"", sj_json_string(json).data);
        return text;
    }
    char *dumped = sj_json_dump(json, &size);
    (void)snprintf(text, SJ_EDIT_TOLD_SIZE, "%s", dumped != NULL ? dumped : "the key");
    sj_json_free_text(dumped);
    return text;
}

/* ---- values ---- */

snapjar_status sj_apply_text(sj_apply *run, sj_edit_member member, sj_ref *ref, snapjar_error *err)
{
    const sj_json *json = run->edit->members[member];
    if (run->texts[member] == 0 && sj_json_type_of(json) == SJ_JSON_STRING)
        SJ_TRY(sj_graph_add_text(run->graph, sj_json_string(json), &run->texts[member], err));
    else if (run->texts[member] == 0)
        SJ_TRY(sj_literal_add(run->graph, json, &run->texts[member], err));
    *ref = run->texts[member];
    return SNAPJAR_OK;
}

snapjar_status sj_apply_literal(sj_apply *run, sj_ref *ref, snapjar_error *err)
{
    const sj_json *json = run->edit->members[SJ_IN_VALUE];
    *ref = run->literal;
    if (run->literal != 0)
        return SNAPJAR_OK;
    SJ_TRY(sj_literal_add(run->graph, json, ref, err));
    if (sj_literal_is_immutable(json))
        run->literal = *ref;
    return SNAPJAR_OK;
}

snapjar_status sj_apply_release(sj_apply *run, sj_ref ref, snapjar_error *err)
{
    if (sj_graph_node(run->graph, ref)->kind < SJ_NODE_EXTENSION)
        return SNAPJAR_OK;
    run->is_stale = true;
    return sj_graph_move(run->graph, ref, err);
}
