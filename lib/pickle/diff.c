/* SPDX-License-Identifier: MIT
 *
 * The walk over pairs of values, from the roots down, each pair once. Depth is on a stack of its own.
 */
#include "pickle/diff.h"

#include <string.h>

#include "util/options.h"

#define CHANGE_COUNT_DEFAULT 1000
#define EFFORT_DEFAULT 64

snapjar_status sj_diff_grow(sj_diff *diff, void *items, size_t item_size, size_t count, size_t *capacity)
{
    void *old;
    if (count < *capacity)
        return SNAPJAR_OK;
    const size_t grown = *capacity < 32 ? 64 : *capacity + *capacity / 2;
    memcpy(&old, items, sizeof old);
    void *larger = sj_realloc(diff->context, old, grown * item_size);
    if (larger == NULL)
        return sj_raise_no_memory(diff->err, grown * item_size);
    memcpy(items, &larger, sizeof larger);
    *capacity = grown;
    return SNAPJAR_OK;
}

/* ---- pairs that were met ---- */

static uint64_t mix_pair(uint64_t value)
{
    value = (value ^ value >> 31) * UINT64_C(0x7fb5d329728ea185);
    return value ^ value >> 29;
}

static snapjar_status grow_others(sj_diff *diff)
{
    const size_t capacity = diff->other_capacity == 0 ? 256 : 2 * diff->other_capacity;
    uint64_t *others = sj_alloc_zero(diff->context, capacity * sizeof *others);
    if (others == NULL)
        return sj_raise_no_memory(diff->err, capacity * sizeof *others);
    for (size_t i = 0; i < diff->other_capacity; i++) {
        size_t slot = (size_t)mix_pair(diff->others[i]) & (capacity - 1);
        if (diff->others[i] == 0)
            continue;
        while (others[slot] != 0)
            slot = (slot + 1) & (capacity - 1);
        others[slot] = diff->others[i];
    }
    sj_free(diff->context, diff->others);
    diff->others = others;
    diff->other_capacity = capacity;
    return SNAPJAR_OK;
}

/** Notes a pair of which one was met with another; `*is_new` if the two were not met with each other. */
static snapjar_status note_other(sj_diff *diff, sj_ref before, sj_ref after, bool *is_new)
{
    const uint64_t pair = (uint64_t)before << 32 | after;
    if (2 * (diff->other_count + 1) > diff->other_capacity)
        SJ_TRY(grow_others(diff));
    size_t slot = (size_t)mix_pair(pair) & (diff->other_capacity - 1);
    while (diff->others[slot] != 0 && diff->others[slot] != pair)
        slot = (slot + 1) & (diff->other_capacity - 1);
    *is_new = diff->others[slot] == 0;
    diff->other_count += *is_new;
    diff->others[slot] = pair;
    return SNAPJAR_OK;
}

/* ---- the walk ---- */

/** Whether it matters which of several equal objects it is. */
static bool has_identity(sj_form form)
{
    return form == SJ_SEEN_LIST || form == SJ_SEEN_DICT || form == SJ_SEEN_SET || form == SJ_SEEN_OBJECT ||
           form == SJ_SEEN_PERSISTENT;
}

static snapjar_status push(sj_diff *diff, sj_pair pair, bool is_copy)
{
    SJ_TRY(sj_diff_grow(diff, &diff->frames, sizeof *diff->frames, diff->depth, &diff->frame_capacity));
    const size_t first = diff->pair_count;
    diff->frames[diff->depth++] = (sj_diff_frame){pair, first, first, is_copy};
    diff->summary.pair_count++;
    SJ_TRY(sj_diff_match(diff, pair.refs[0], pair.refs[1]));
    if (diff->effort_left == 0)
        return sj_raise(diff->err, SNAPJAR_LIMIT, SNAPJAR_DIAG_PICKLE_DIFF_LIMIT, SJ_NOWHERE,
                        "the comparison takes more than the limit of %llu steps for each value",
                        (unsigned long long)diff->options.effort_max);
    return SNAPJAR_OK;
}

static void find_classes(const sj_diff *diff, const sj_pair *pair, sj_ref classes[2])
{
    uint32_t skipped;
    for (int side = 0; side < 2; side++)
        classes[side] =
            sj_picture_class(diff->graphs[side], sj_graph_node(diff->graphs[side], pair->refs[side]), &skipped);
}

static snapjar_status count_object(sj_diff *diff, const sj_pair *pair)
{
    sj_ref classes[2];
    find_classes(diff, pair, classes);
    SJ_TRY(sj_diff_count_object(diff, diff->hashes[SJ_BEFORE][classes[SJ_BEFORE]]));
    if (classes[SJ_BEFORE] == 0 || sj_diff_same_class(diff, classes[SJ_BEFORE], classes[SJ_AFTER]))
        return SNAPJAR_OK;
    SJ_TRY(sj_diff_count_object(diff, diff->hashes[SJ_AFTER][classes[SJ_AFTER]]));
    return sj_diff_count_rename(diff, classes, pair);
}

/** Two values of one form with parts: goes into them, unless that was done before. */
static snapjar_status enter(sj_diff *diff, const sj_pair *pair, sj_form form)
{
    const sj_ref before = pair->refs[SJ_BEFORE];
    const sj_ref after = pair->refs[SJ_AFTER];
    sj_ref *partners[2] = {&diff->partners[SJ_BEFORE][before], &diff->partners[SJ_AFTER][after]};
    bool is_copy = diff->depth > 0 && diff->frames[diff->depth - 1].is_copy;
    bool is_new = true;
    if (*partners[SJ_BEFORE] == after && *partners[SJ_AFTER] == before)
        return SNAPJAR_OK;
    if (*partners[SJ_BEFORE] == 0 && *partners[SJ_AFTER] == 0) {
        *partners[SJ_BEFORE] = after;
        *partners[SJ_AFTER] = before;
    } else {
        SJ_TRY(note_other(diff, before, after, &is_new));
        if (!is_new)
            return SNAPJAR_OK;
        if (has_identity(form) && !is_copy) {
            SJ_TRY(sj_diff_tell(diff, *partners[SJ_BEFORE] != 0 ? SNAPJAR_CHANGE_COPIED : SNAPJAR_CHANGE_SHARED, pair));
            is_copy = true;
        }
    }
    if (form == SJ_SEEN_OBJECT)
        SJ_TRY(count_object(diff, pair));
    return push(diff, *pair, is_copy);
}

static snapjar_status compare(sj_diff *diff, const sj_pair *pair)
{
    const sj_ref before = pair->refs[SJ_BEFORE];
    const sj_ref after = pair->refs[SJ_AFTER];
    if (before == 0 || after == 0) {
        if (pair->kind == SJ_STEP_FIELD)
            return sj_diff_count_field(diff, pair);
        return sj_diff_tell(diff, before == 0 ? SNAPJAR_CHANGE_ADDED : SNAPJAR_CHANGE_REMOVED, pair);
    }
    const sj_form form = sj_picture_form(diff->graphs[SJ_BEFORE], before);
    if (form != sj_picture_form(diff->graphs[SJ_AFTER], after))
        return sj_diff_tell(diff, SNAPJAR_CHANGE_TYPE, pair);
    if (sj_form_is_leaf(form))
        return sj_diff_same_leaf(diff, form, before, after) ? SNAPJAR_OK
                                                            : sj_diff_tell(diff, SNAPJAR_CHANGE_VALUE, pair);
    if (form == SJ_SEEN_OBJECT) {
        sj_ref classes[2];
        bool is_renamed = false;
        find_classes(diff, pair, classes);
        const bool has_both = classes[SJ_BEFORE] != 0 && classes[SJ_AFTER] != 0;
        const bool is_same = has_both ? sj_diff_same_class(diff, classes[SJ_BEFORE], classes[SJ_AFTER])
                                      : classes[SJ_BEFORE] == classes[SJ_AFTER];
        if (has_both && !is_same)
            SJ_TRY(sj_diff_see_rename(diff, classes, &is_renamed));
        if (!is_same && !is_renamed)
            return sj_diff_tell(diff, SNAPJAR_CHANGE_TYPE, pair);
    }
    return enter(diff, pair, form);
}

static snapjar_status walk(sj_diff *diff)
{
    while (diff->depth > 0) {
        sj_diff_frame *last = &diff->frames[diff->depth - 1];
        if (last->next == diff->pair_count) {
            diff->pair_count = last->first;
            diff->depth--;
            continue;
        }
        const sj_pair pair = diff->pairs[last->next++];
        SJ_TRY(compare(diff, &pair));
    }
    return SNAPJAR_OK;
}

/** What was done and dropped before the values were made. */
static snapjar_status compare_preludes(sj_diff *diff)
{
    const sj_ref before = diff->graphs[SJ_BEFORE]->prelude;
    const sj_ref after = diff->graphs[SJ_AFTER]->prelude;
    if (before == 0 && after == 0)
        return SNAPJAR_OK;
    sj_pair pair = {.kind = SJ_STEP_DROPPED, .refs = {before, after}};
    if (before == 0 || after == 0) {
        /* Its first part is told: what was called first, for nothing. */
        const int side = before == 0 ? SJ_AFTER : SJ_BEFORE;
        sj_cursor cursor = {0, 0, false};
        uint8_t op;
        pair.key_is_after = side == SJ_AFTER;
        pair.refs[side] =
            sj_graph_walk(diff->graphs[side], sj_graph_node(diff->graphs[side], pair.refs[side]), &cursor, &op);
        return sj_diff_tell(diff, side == SJ_AFTER ? SNAPJAR_CHANGE_ADDED : SNAPJAR_CHANGE_REMOVED, &pair);
    }
    SJ_TRY(push(diff, pair, false));
    return walk(diff);
}

static snapjar_status run(sj_diff *diff)
{
    for (int side = 0; side < 2; side++) {
        const size_t size = diff->graphs[side]->node_count * sizeof(sj_ref);
        SJ_TRY(sj_diff_hash(diff, side));
        diff->partners[side] = sj_alloc_zero(diff->context, size);
        if (diff->partners[side] == NULL)
            return sj_raise_no_memory(diff->err, size);
        const uint64_t references = diff->graphs[side]->node_count + diff->graphs[side]->word_count;
        const uint64_t most = UINT64_MAX / 4 / references;
        diff->effort_left += references * sj_min(diff->options.effort_max, most);
    }
    /* The whole is a part of nothing: its label is empty. */
    const sj_pair roots = {.kind = UINT8_MAX, .refs = {diff->graphs[SJ_BEFORE]->root, diff->graphs[SJ_AFTER]->root}};
    SJ_TRY(compare(diff, &roots));
    SJ_TRY(walk(diff));
    SJ_TRY(compare_preludes(diff));
    return sj_diff_tell_layouts(diff);
}

static void clear(sj_diff *diff)
{
    for (int side = 0; side < 2; side++) {
        sj_free(diff->context, diff->hashes[side]);
        sj_free(diff->context, diff->partners[side]);
        sj_free(diff->context, diff->steps[side].items);
        sj_free(diff->context, diff->names[side].items);
    }
    for (size_t i = 0; i < sizeof diff->numbers / sizeof *diff->numbers; i++)
        sj_free(diff->context, diff->numbers[i].items);
    for (size_t i = 0; i < diff->layout_count; i++) {
        sj_free(diff->context, diff->layouts[i].path);
        sj_free(diff->context, diff->layouts[i].value);
    }
    sj_free(diff->context, diff->layouts);
    for (size_t i = 0; i < diff->rename_count; i++)
        sj_free(diff->context, diff->renames[i].path);
    sj_free(diff->context, diff->renames);
    sj_free(diff->context, diff->classes);
    sj_free(diff->context, diff->others);
    sj_free(diff->context, diff->frames);
    sj_free(diff->context, diff->pairs);
}

snapjar_status snapjar_graph_diff(const snapjar_graph *before, const snapjar_graph *after,
                                  const snapjar_diff_options *options, snapjar_diff_summary *summary,
                                  snapjar_error *err)
{
    sj_diff diff;
    if (summary != NULL)
        memset(summary, 0, sizeof *summary);
    if (before == NULL || after == NULL)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE, "%s is NULL",
                        before == NULL ? "before" : "after");
    memset(&diff, 0, sizeof diff);
    SJ_TRY(sj_options_read(&diff.options, sizeof diff.options, options, "snapjar_diff_options", err));
    if (diff.options.change_count_max == 0)
        diff.options.change_count_max = CHANGE_COUNT_DEFAULT;
    if (diff.options.effort_max == 0)
        diff.options.effort_max = EFFORT_DEFAULT;
    diff.context = before->context;
    diff.graphs[SJ_BEFORE] = before;
    diff.graphs[SJ_AFTER] = after;
    diff.err = err;
    const snapjar_status status = run(&diff);
    if (status == SNAPJAR_OK && summary != NULL)
        *summary = diff.summary;
    clear(&diff);
    return status;
}
