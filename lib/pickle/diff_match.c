/* SPDX-License-Identifier: MIT
 *
 * Which parts of two values go together: keys and fields by name, elements of sets by value, items of lists by
 * alignment, all others by place.
 */
#include "pickle/diff.h"

#include <string.h>

/* ---- equality of what has no parts ---- */

/** Compares the characters of two texts: whether all are the same, and how many at the beginning. */
static bool compare_texts(const sj_diff *diff, const sj_seen seen[2], uint64_t *common)
{
    sj_literal literals[2];
    size_t at[2] = {0, 0};
    uint32_t points[2] = {0, 0};
    bool is_byte;
    for (int side = 0; side < 2; side++) {
        literals[side] = (sj_literal){SJ_OP_SHORT_BINBYTES, NULL, 0, 0, true};
        if (seen[side].text != 0)
            literals[side] = sj_picture_literal(diff->graphs[side], sj_graph_node(diff->graphs[side], seen[side].text));
    }
    for (*common = 0;; ++*common) {
        const bool is_left = sj_literal_point(&literals[0], &at[0], &points[0], &is_byte);
        const bool is_right = sj_literal_point(&literals[1], &at[1], &points[1], &is_byte);
        if (is_left != is_right || (is_left && points[0] != points[1]))
            return false;
        if (!is_left)
            return true;
    }
}

uint64_t sj_diff_common(const sj_diff *diff, sj_ref before, sj_ref after)
{
    const sj_seen seen[2] = {sj_picture_see(diff->graphs[SJ_BEFORE], before),
                             sj_picture_see(diff->graphs[SJ_AFTER], after)};
    uint64_t common = 0;
    if (seen[0].form == SJ_SEEN_STR || seen[0].form == SJ_SEEN_BYTES || seen[0].form == SJ_SEEN_BYTEARRAY)
        (void)compare_texts(diff, seen, &common);
    return common;
}

static bool same_text(const sj_diff *diff, sj_ref before, sj_ref after)
{
    const sj_seen seen[2] = {sj_picture_see(diff->graphs[SJ_BEFORE], before),
                             sj_picture_see(diff->graphs[SJ_AFTER], after)};
    uint64_t common;
    return compare_texts(diff, seen, &common);
}

bool sj_diff_same_name(const sj_diff *diff, sj_ref before, sj_ref after)
{
    char texts[2][2 * SJ_PICTURE_NAME_SIZE];
    const sj_ref refs[2] = {before, after};
    for (int side = 0; side < 2; side++) {
        sj_out out;
        sj_out_to_text(&out, texts[side], sizeof texts[side], false);
        sj_picture_global(&out, diff->graphs[side], refs[side]);
        (void)sj_out_end(&out);
    }
    return strcmp(texts[0], texts[1]) == 0;
}

bool sj_diff_same_class(sj_diff *diff, sj_ref before, sj_ref after)
{
    if (before == diff->last_names[SJ_BEFORE] && after == diff->last_names[SJ_AFTER])
        return true;
    if (!sj_diff_same_name(diff, before, after))
        return false;
    diff->last_names[SJ_BEFORE] = before;
    diff->last_names[SJ_AFTER] = after;
    return true;
}

bool sj_diff_same_leaf(const sj_diff *diff, sj_form form, sj_ref before, sj_ref after)
{
    const sj_node *left = sj_graph_node(diff->graphs[SJ_BEFORE], before);
    const sj_node *right = sj_graph_node(diff->graphs[SJ_AFTER], after);
    uint8_t buffers[2][SJ_DECIMAL_BYTES_MAX];
    sj_number numbers[2];
    sj_literal literals[2];
    switch (form) {
    case SJ_SEEN_BOOL:
        return left->kind == right->kind;
    case SJ_SEEN_INT:
        numbers[0] = sj_picture_int(diff->graphs[SJ_BEFORE], before, buffers[0]);
        numbers[1] = sj_picture_int(diff->graphs[SJ_AFTER], after, buffers[1]);
        return numbers[0].size == numbers[1].size &&
               (numbers[0].size == 0 || memcmp(numbers[0].data, numbers[1].data, numbers[0].size) == 0);
    case SJ_SEEN_FLOAT:
        return sj_picture_bits(diff->graphs[SJ_BEFORE], before) == sj_picture_bits(diff->graphs[SJ_AFTER], after);
    case SJ_SEEN_STR:
    case SJ_SEEN_BYTES:
    case SJ_SEEN_BYTEARRAY:
        return same_text(diff, before, after);
    case SJ_SEEN_GLOBAL:
        return sj_diff_same_name(diff, before, after);
    case SJ_SEEN_EXTENSION:
        literals[0] = sj_picture_literal(diff->graphs[SJ_BEFORE], left);
        literals[1] = sj_picture_literal(diff->graphs[SJ_AFTER], right);
        return sj_literal_unsigned(&literals[0]) == sj_literal_unsigned(&literals[1]);
    default:
        return true;
    }
}

/** Whether two parts may be taken for the same: leaves for certain, others by their hashes. */
static bool may_be_same(const sj_diff *diff, sj_ref before, sj_ref after)
{
    const sj_form form = sj_picture_form(diff->graphs[SJ_BEFORE], before);
    if (diff->hashes[SJ_BEFORE][before] != diff->hashes[SJ_AFTER][after] ||
        form != sj_picture_form(diff->graphs[SJ_AFTER], after))
        return false;
    return !sj_form_is_leaf(form) || sj_diff_same_leaf(diff, form, before, after);
}

/* ---- pairs ---- */

snapjar_status sj_diff_add_pair(sj_diff *diff, const sj_step *before, const sj_step *after)
{
    const sj_step *step = before != NULL ? before : after;
    if (before != NULL && after != NULL) {
        const sj_form form = sj_picture_form(diff->graphs[SJ_BEFORE], before->value);
        if (form == sj_picture_form(diff->graphs[SJ_AFTER], after->value) && sj_form_is_leaf(form) &&
            sj_diff_same_leaf(diff, form, before->value, after->value))
            return SNAPJAR_OK;
    }
    SJ_TRY(sj_diff_grow(diff, &diff->pairs, sizeof *diff->pairs, diff->pair_count, &diff->pair_capacity));
    diff->pairs[diff->pair_count++] = (sj_pair){
        .kind = (uint8_t)step->kind,
        .key_is_after = before == NULL,
        .key = step->key,
        .refs = {before != NULL ? before->value : 0, after != NULL ? after->value : 0},
        .index = step->index,
    };
    return SNAPJAR_OK;
}

/** What parts are matched by. */
typedef enum matching { BY_NAME, BY_VALUE, IN_SEQUENCE, BY_PLACE, NOT_AT_ALL } matching;

static matching matching_of(uint32_t kind)
{
    switch ((sj_step_kind)kind) {
    case SJ_STEP_FIELD:
    case SJ_STEP_KEY:
    case SJ_STEP_KEYWORD:
        return BY_NAME;
    case SJ_STEP_ELEMENT:
        return BY_VALUE;
    case SJ_STEP_INDEX:
        return IN_SEQUENCE;
    case SJ_STEP_KEY_OBJECT:
        /* Goes with its value. */
        return NOT_AT_ALL;
    default:
        return BY_PLACE;
    }
}

/** What of a step is looked up: the key, or the element itself. */
static sj_ref wanted_of(const sj_step *step)
{
    return step->kind == SJ_STEP_ELEMENT ? step->value : step->key;
}

/** A part by its name, or an element, and for a key with parts the key too. */
static snapjar_status add_matched(sj_diff *diff, const sj_step *before, const sj_step *after)
{
    if (before != NULL && after != NULL && before->kind == SJ_STEP_KEY &&
        !sj_form_is_leaf(sj_picture_form(diff->graphs[SJ_BEFORE], before->key))) {
        const sj_step keys[2] = {{SJ_STEP_KEY_OBJECT, before->index, 0, before->key},
                                 {SJ_STEP_KEY_OBJECT, after->index, 0, after->key}};
        SJ_TRY(sj_diff_add_pair(diff, &keys[0], &keys[1]));
    }
    return sj_diff_add_pair(diff, before, after);
}

/** An array of numbers with room for `count`; all 0. */
static snapjar_status clear_numbers(sj_diff *diff, sj_numbers *numbers, size_t count)
{
    if (count > numbers->capacity) {
        uint32_t *items = sj_realloc(diff->context, numbers->items, count * sizeof *items);
        if (items == NULL)
            return sj_raise_no_memory(diff->err, count * sizeof *items);
        numbers->items = items;
        numbers->capacity = count;
    }
    if (count > 0)
        memset(numbers->items, 0, count * sizeof *numbers->items);
    numbers->count = count;
    return SNAPJAR_OK;
}

/**
 * Finds for each step before the one after that has the same kind and name or value, and notes its number + 1 in
 * `numbers[0]`, and the reverse in `numbers[1]`. Usually both have the same order, and nothing is looked up.
 */
static snapjar_status find_matches(sj_diff *diff, matching how)
{
    const sj_step_array *before = &diff->steps[SJ_BEFORE];
    const sj_step_array *after = &diff->steps[SJ_AFTER];
    size_t capacity = 16;
    size_t cursor = 0;
    SJ_TRY(clear_numbers(diff, &diff->numbers[0], before->count));
    SJ_TRY(clear_numbers(diff, &diff->numbers[1], after->count));
    while (capacity < 2 * after->count)
        capacity *= 2;
    bool has_table = false;
    sj_numbers *table = &diff->numbers[2];
    for (size_t i = 0; i < before->count; i++) {
        const sj_step *step = &before->items[i];
        if (matching_of(step->kind) != how)
            continue;
        while (cursor < after->count && matching_of(after->items[cursor].kind) != how)
            cursor++;
        if (cursor < after->count && diff->numbers[1].items[cursor] == 0 && after->items[cursor].kind == step->kind &&
            may_be_same(diff, wanted_of(step), wanted_of(&after->items[cursor]))) {
            diff->numbers[0].items[i] = (uint32_t)cursor + 1;
            diff->numbers[1].items[cursor++] = (uint32_t)i + 1;
            continue;
        }
        if (!has_table) {
            SJ_TRY(clear_numbers(diff, table, capacity));
            for (size_t j = 0; j < after->count; j++) {
                if (matching_of(after->items[j].kind) != how)
                    continue;
                size_t slot = diff->hashes[SJ_AFTER][wanted_of(&after->items[j])] & (capacity - 1);
                while (table->items[slot] != 0)
                    slot = (slot + 1) & (capacity - 1);
                table->items[slot] = (uint32_t)j + 1;
            }
            has_table = true;
        }
        size_t slot = diff->hashes[SJ_BEFORE][wanted_of(step)] & (capacity - 1);
        for (; table->items[slot] != 0; slot = (slot + 1) & (capacity - 1)) {
            const size_t j = table->items[slot] - 1;
            if (diff->effort_left == 0)
                break;
            diff->effort_left--;
            if (diff->numbers[1].items[j] == 0 && after->items[j].kind == step->kind &&
                may_be_same(diff, wanted_of(step), wanted_of(&after->items[j]))) {
                diff->numbers[0].items[i] = (uint32_t)j + 1;
                diff->numbers[1].items[j] = (uint32_t)i + 1;
                cursor = j + 1;
                break;
            }
        }
    }
    return SNAPJAR_OK;
}

static snapjar_status match_named(sj_diff *diff, matching how)
{
    const sj_step_array *before = &diff->steps[SJ_BEFORE];
    const sj_step_array *after = &diff->steps[SJ_AFTER];
    SJ_TRY(find_matches(diff, how));
    for (size_t i = 0; i < before->count; i++) {
        if (matching_of(before->items[i].kind) != how)
            continue;
        const uint32_t other = diff->numbers[0].items[i];
        SJ_TRY(add_matched(diff, &before->items[i], other != 0 ? &after->items[other - 1] : NULL));
    }
    for (size_t j = 0; j < after->count; j++) {
        if (matching_of(after->items[j].kind) == how && diff->numbers[1].items[j] == 0)
            SJ_TRY(add_matched(diff, NULL, &after->items[j]));
    }
    return SNAPJAR_OK;
}

static const sj_step *next_placed(const sj_step_array *steps, size_t *at)
{
    while (*at < steps->count && matching_of(steps->items[*at].kind) != BY_PLACE)
        ++*at;
    return *at < steps->count ? &steps->items[(*at)++] : NULL;
}

/** Arguments, states and effects: by their order, and only if they are of one kind. */
static snapjar_status match_placed(sj_diff *diff)
{
    size_t at[2] = {0, 0};
    for (;;) {
        const sj_step *before = next_placed(&diff->steps[SJ_BEFORE], &at[0]);
        const sj_step *after = next_placed(&diff->steps[SJ_AFTER], &at[1]);
        if (before == NULL && after == NULL)
            return SNAPJAR_OK;
        if (before != NULL && after != NULL && before->kind == after->kind) {
            if (before->kind == SJ_STEP_EFFECT) {
                const sj_step callables[2] = {{SJ_STEP_CALLABLE, 0, 0, before->key},
                                              {SJ_STEP_CALLABLE, 0, 0, after->key}};
                SJ_TRY(sj_diff_add_pair(diff, &callables[0], &callables[1]));
            }
            SJ_TRY(sj_diff_add_pair(diff, before, after));
            continue;
        }
        if (before != NULL)
            SJ_TRY(sj_diff_add_pair(diff, before, NULL));
        if (after != NULL)
            SJ_TRY(sj_diff_add_pair(diff, NULL, after));
    }
}

static snapjar_status collect(sj_diff *diff, int side, sj_ref ref, unsigned *found)
{
    sj_step_array *steps = &diff->steps[side];
    sj_view view;
    sj_step step;
    steps->count = 0;
    sj_view_begin(&view, diff->graphs[side], ref);
    while (sj_view_next(&view, &step)) {
        SJ_TRY(sj_diff_grow(diff, &steps->items, sizeof step, steps->count, &steps->capacity));
        steps->items[steps->count++] = step;
        *found |= 1u << matching_of(step.kind);
        diff->effort_left -= diff->effort_left > 0;
    }
    return SNAPJAR_OK;
}

snapjar_status sj_diff_match(sj_diff *diff, sj_ref before, sj_ref after)
{
    unsigned found = 0;
    SJ_TRY(collect(diff, SJ_BEFORE, before, &found));
    SJ_TRY(collect(diff, SJ_AFTER, after, &found));
    if ((found & 1u << BY_PLACE) != 0)
        SJ_TRY(match_placed(diff));
    if ((found & 1u << BY_NAME) != 0)
        SJ_TRY(match_named(diff, BY_NAME));
    if ((found & 1u << BY_VALUE) != 0)
        SJ_TRY(match_named(diff, BY_VALUE));
    if ((found & 1u << IN_SEQUENCE) != 0)
        SJ_TRY(sj_diff_align(diff, &diff->steps[SJ_BEFORE], &diff->steps[SJ_AFTER]));
    return SNAPJAR_OK;
}
