/* SPDX-License-Identifier: MIT
 *
 * Elements of lists: insert, append, remove. A list is edited where it is, so that all that refers to it sees that.
 */
#include "migrate/edit.h"

/** Elements up to this many are moved to make room for one more; more are left where they are. */
#define MOVED_MAX 256

/** The lists that "at" leads to; any other value is refused. */
static snapjar_status select_lists(sj_apply *run, snapjar_error *err)
{
    SJ_TRY(sj_apply_select(run, err));
    for (size_t i = 0; i < run->selected.count; i++) {
        const sj_ref ref = run->selected.items[i];
        const sj_node *node = sj_graph_node(run->graph, ref);
        if (node->kind != SJ_NODE_LIST)
            return sj_apply_raise(run, SNAPJAR_DIAG_STEP_UNFAITHFUL, ref, err, "a value of type %s is no list",
                                  sj_picture_form_name(sj_picture_form(run->graph, ref)));
        for (uint32_t at = sj_graph_first_change(run->graph, node); at != 0;
             at = sj_graph_next_change(run->graph, node, at)) {
            const uint8_t op = sj_graph_change(run->graph, at).op;
            if (op != SJ_OP_APPEND && op != SJ_OP_APPENDS && op != SJ_OP_REDUCE && op != SJ_OP_POP)
                return sj_apply_raise(run, SNAPJAR_DIAG_STEP_UNFAITHFUL, ref, err,
                                      "something else was done to it than putting elements into it");
        }
    }
    return SNAPJAR_OK;
}

/** A run of elements: what a list was made with, or what was put into it at once. */
typedef struct element_run {
    uint32_t first;
    uint32_t count;
} element_run;

/** The next run; `*change` begins with UINT32_MAX. False after the last. */
static bool next_run(const snapjar_graph *graph, sj_ref ref, uint32_t *change, element_run *r)
{
    const sj_node *node = sj_graph_node(graph, ref);
    const bool is_first = *change == UINT32_MAX;
    if (is_first) {
        *change = 0;
        *r = (element_run){node->first, node->count};
        return true;
    }
    for (;;) {
        *change = *change == 0 ? sj_graph_first_change(graph, node) : sj_graph_next_change(graph, node, *change);
        if (*change == 0)
            return false;
        const sj_change one = sj_graph_change(graph, *change);
        *r = (element_run){one.first, one.count};
        if (one.op == SJ_OP_APPEND || one.op == SJ_OP_APPENDS)
            return true;
    }
}

static uint64_t count_elements(const snapjar_graph *graph, sj_ref ref)
{
    uint32_t change = UINT32_MAX;
    element_run r;
    uint64_t count = 0;
    while (next_run(graph, ref, &change, &r))
        count += r.count;
    return count;
}

/** The place of element `index`, which is there. */
static uint32_t place_of(const snapjar_graph *graph, sj_ref ref, uint64_t index)
{
    uint32_t change = UINT32_MAX;
    element_run r = {0, 0};
    while (next_run(graph, ref, &change, &r) && index >= r.count)
        index -= r.count;
    return r.first + (uint32_t)index;
}

/** "index" as Python has it; false if it is beyond `count`. */
static bool read_index(const sj_apply *run, uint64_t count, uint64_t *index)
{
    const int64_t wanted = sj_json_integer(run->edit->members[SJ_IN_INDEX]);
    *index = wanted >= 0 ? (uint64_t)wanted : count - (uint64_t)-wanted;
    return wanted >= 0 ? (uint64_t)wanted <= count : (uint64_t)-wanted <= count;
}

static snapjar_status append_one(sj_apply *run, sj_ref ref, sj_ref value, snapjar_error *err)
{
    const uint64_t offset = sj_apply_offset(run, ref);
    const sj_node *node = sj_graph_node(run->graph, ref);
    if (node->changes != 0) {
        const sj_change last = sj_graph_change(run->graph, node->changes);
        if ((last.op == SJ_OP_APPEND || last.op == SJ_OP_APPENDS) && last.count <= MOVED_MAX)
            return sj_graph_insert(run->graph, ref, last.first + last.count, &value, 1, offset, err);
    }
    return sj_graph_add_change(run->graph, ref, SJ_OP_APPENDS, &value, 1, SNAPJAR_OFFSET_NONE, err);
}

snapjar_status sj_apply_append_element(sj_apply *run, snapjar_error *err)
{
    SJ_TRY(select_lists(run, err));
    for (size_t i = 0; i < run->selected.count; i++) {
        sj_ref value;
        SJ_TRY(sj_apply_note(run, run->selected.items[i], true, err));
        SJ_TRY(sj_apply_literal(run, &value, err));
        SJ_TRY(append_one(run, run->selected.items[i], value, err));
    }
    return SNAPJAR_OK;
}

snapjar_status sj_apply_insert(sj_apply *run, snapjar_error *err)
{
    SJ_TRY(select_lists(run, err));
    for (size_t i = 0; i < run->selected.count; i++) {
        const sj_ref ref = run->selected.items[i];
        const uint64_t count = count_elements(run->graph, ref);
        uint64_t index;
        sj_ref value;
        if (!read_index(run, count, &index))
            return sj_apply_raise(run, SNAPJAR_DIAG_STEP_FIELD_MISSING, ref, err, "it has %llu elements",
                                  (unsigned long long)count);
        SJ_TRY(sj_apply_note(run, ref, true, err));
        SJ_TRY(sj_apply_literal(run, &value, err));
        if (index == count)
            SJ_TRY(append_one(run, ref, value, err));
        else
            SJ_TRY(sj_graph_insert(run->graph, ref, place_of(run->graph, ref, index), &value, 1,
                                   sj_apply_offset(run, ref), err));
    }
    return SNAPJAR_OK;
}

/* ---- remove ---- */

/** An element goes away, once all that do are known. */
static snapjar_status remove_place(sj_apply *run, uint32_t place, snapjar_error *err)
{
    SJ_TRY(sj_apply_release(run, run->graph->words[place], err));
    return sj_refs_add(run->graph->context, &run->places, place, err);
}

/** All elements that equal "value" go away. */
static snapjar_status remove_equal(sj_apply *run, sj_ref ref, snapjar_error *err)
{
    uint32_t change = UINT32_MAX;
    element_run r;
    while (next_run(run->graph, ref, &change, &r)) {
        for (uint32_t i = 0; i < r.count; i++) {
            if (sj_literal_equal(run->edit->members[SJ_IN_VALUE], run->graph, run->graph->words[r.first + i]))
                SJ_TRY(remove_place(run, r.first + i, err));
        }
    }
    return SNAPJAR_OK;
}

/** What `remove` takes out of one list. */
static snapjar_status remove_some(sj_apply *run, sj_ref ref, snapjar_error *err)
{
    uint64_t index;
    run->places.count = 0;
    if (run->edit->members[SJ_IN_VALUE] != NULL) {
        SJ_TRY(remove_equal(run, ref, err));
    } else {
        const uint64_t count = count_elements(run->graph, ref);
        if (read_index(run, count, &index) && index < count)
            SJ_TRY(remove_place(run, place_of(run->graph, ref, index), err));
    }
    for (size_t i = 0; i < run->places.count; i++)
        run->graph->words[run->places.items[i]] = 0;
    sj_graph_compact(run->graph, ref);
    return SNAPJAR_OK;
}

snapjar_status sj_apply_remove(sj_apply *run, snapjar_error *err)
{
    const bool ignores = sj_edit_is(run->edit, SJ_IN_IF_MISSING, "ignore");
    SJ_TRY(select_lists(run, err));
    for (size_t i = 0; i < run->selected.count; i++) {
        const sj_ref ref = run->selected.items[i];
        SJ_TRY(remove_some(run, ref, err));
        if (run->places.count == 0 && !ignores)
            return sj_apply_raise(run, SNAPJAR_DIAG_STEP_FIELD_MISSING, ref, err, "it has no such element");
        SJ_TRY(sj_apply_note(run, ref, run->places.count > 0, err));
    }
    return SNAPJAR_OK;
}
