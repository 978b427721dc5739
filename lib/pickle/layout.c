/* SPDX-License-Identifier: MIT
 *
 * The tree of shapes and the set of fields. Both have limits, beyond which nothing fails but the layout is not whole.
 * Recording costs time once for each pair of class and shape, and the number of pairs has a limit too.
 */
#include "pickle/layout.h"

#include <stdlib.h>
#include <string.h>

#include "pickle/value.h"

/** Entries of a table that is kept for the next pickle; a larger one would cost each small pickle after it. */
#define KEPT_CAPACITY ((size_t)512)
#define FIRST_CAPACITY ((size_t)64)
#define IS_FIELD (UINT64_C(1) << 63)
/** So many take an insertion sort no longer than qsort. */
#define FEW_FIELDS ((size_t)16)

void sj_layout_init(sj_layout *layout, sj_texts *texts, size_t field_count_max)
{
    memset(layout, 0, sizeof *layout);
    layout->texts = texts;
    layout->field_count_max = field_count_max;
}

void sj_layout_clear(sj_layout *layout)
{
    snapjar_context *context = layout->texts->context;
    sj_free(context, layout->shapes);
    sj_free(context, layout->children);
    sj_free(context, layout->known.slots);
    sj_free(context, layout->fields);
    sj_free(context, layout->sorted);
}

void sj_layout_reset(sj_layout *layout)
{
    snapjar_context *context = layout->texts->context;
    if (layout->children_capacity > KEPT_CAPACITY) {
        sj_free(context, layout->children);
        layout->children = NULL;
        layout->children_capacity = 0;
    } else if (layout->shape_count > 2) {
        memset(layout->children, 0, layout->children_capacity * sizeof *layout->children);
    }
    if (layout->known.capacity > KEPT_CAPACITY) {
        sj_free(context, layout->known.slots);
        layout->known = (sj_set){NULL, 0, 0};
    } else if (layout->known.count > 0) {
        memset(layout->known.slots, 0, layout->known.capacity * sizeof *layout->known.slots);
        layout->known.count = 0;
    }
    layout->shape_count = 0;
    layout->field_count = 0;
    sj_free(context, layout->sorted);
    layout->sorted = NULL;
}

/** Room for one more shape, and the two that are always there. */
static snapjar_status reserve_shape(sj_layout *layout, snapjar_error *err)
{
    if (layout->shape_count == layout->shape_capacity) {
        size_t capacity = layout->shape_capacity == 0 ? FIRST_CAPACITY : 2 * layout->shape_capacity;
        sj_shape *shapes = sj_realloc(layout->texts->context, layout->shapes, capacity * sizeof *shapes);
        if (shapes == NULL)
            return sj_raise_no_memory(err, capacity * sizeof *shapes);
        layout->shapes = shapes;
        layout->shape_capacity = capacity;
    }
    if (layout->shape_count == 0) {
        memset(layout->shapes, 0, 2 * sizeof *layout->shapes);
        layout->shape_count = 2;
    }
    return SNAPJAR_OK;
}

static size_t child_slot(const sj_layout *layout, uint32_t parent, uint32_t key)
{
    const size_t mask = layout->children_capacity - 1;
    size_t at = (size_t)sj_texts_mix(layout->texts, parent, key) & mask;
    while (layout->children[at] != 0) {
        const sj_shape *child = &layout->shapes[layout->children[at]];
        if (child->parent == parent && child->key == key)
            break;
        at = (at + 1) & mask;
    }
    return at;
}

static snapjar_status grow_children(sj_layout *layout, snapjar_error *err)
{
    if (2 * (layout->shape_count + 1) <= layout->children_capacity)
        return SNAPJAR_OK;
    const size_t capacity = layout->children_capacity == 0 ? FIRST_CAPACITY : 2 * layout->children_capacity;
    uint32_t *children = sj_alloc_zero(layout->texts->context, capacity * sizeof *children);
    if (children == NULL)
        return sj_raise_no_memory(err, capacity * sizeof *children);
    sj_free(layout->texts->context, layout->children);
    layout->children = children;
    layout->children_capacity = capacity;
    for (uint32_t i = 2; i < layout->shape_count; i++)
        children[child_slot(layout, layout->shapes[i].parent, layout->shapes[i].key)] = i;
    return SNAPJAR_OK;
}

snapjar_status sj_layout_step(sj_layout *layout, uint32_t *shape, uint32_t key, snapjar_error *err)
{
    const uint32_t parent = *shape;
    *shape = 0;
    SJ_TRY(reserve_shape(layout, err));
    SJ_TRY(grow_children(layout, err));
    const size_t slot = child_slot(layout, parent, key);
    uint32_t child = layout->children[slot];
    if (child == 0) {
        const uint32_t key_count = layout->shapes[parent].key_count + 1;
        if (key_count > SJ_SHAPE_KEYS_MAX || layout->shape_count > layout->field_count_max ||
            layout->shape_count >= SJ_PAYLOAD_MAX)
            return SNAPJAR_OK;
        child = (uint32_t)layout->shape_count++;
        layout->shapes[child] = (sj_shape){.key = key, .parent = parent, .key_count = key_count};
        layout->children[slot] = child;
    }
    layout->shapes[parent].hint = child;
    *shape = child;
    return SNAPJAR_OK;
}

snapjar_status sj_layout_join(sj_layout *layout, uint32_t first, uint32_t second, uint32_t *shape, snapjar_error *err)
{
    uint32_t keys[64];
    *shape = first;
    if (second == SJ_SHAPE_EMPTY || first == 0 || second == 0) {
        *shape = second == 0 ? 0 : first;
        return SNAPJAR_OK;
    }
    SJ_TRY(reserve_shape(layout, err));
    const uint32_t count = layout->shapes[second].key_count;
    /* A pair is joined each time it is seen, so its cost must have a bound that does not grow. */
    if (count > sizeof keys / sizeof *keys) {
        *shape = 0;
        return SNAPJAR_OK;
    }
    for (uint32_t i = count, node = second; i > 0; node = layout->shapes[node].parent)
        keys[--i] = layout->shapes[node].key;
    for (uint32_t i = 0; i < count && *shape != 0; i++)
        SJ_TRY(sj_layout_step(layout, shape, keys[i], err));
    return SNAPJAR_OK;
}

/** Adds a number that is not 0; `*is_new` says whether it was not there. */
static snapjar_status add_known(sj_layout *layout, uint64_t number, bool *is_new, snapjar_error *err)
{
    sj_set *set = &layout->known;
    if (2 * (set->count + 1) > set->capacity) {
        sj_set grown = {NULL, set->capacity == 0 ? FIRST_CAPACITY : 2 * set->capacity, set->count};
        grown.slots = sj_alloc_zero(layout->texts->context, grown.capacity * sizeof *grown.slots);
        if (grown.slots == NULL)
            return sj_raise_no_memory(err, grown.capacity * sizeof *grown.slots);
        for (size_t i = 0; i < set->capacity; i++) {
            size_t at = (size_t)sj_texts_mix(layout->texts, set->slots[i], 1) & (grown.capacity - 1);
            while (set->slots[i] != 0 && grown.slots[at] != 0)
                at = (at + 1) & (grown.capacity - 1);
            if (set->slots[i] != 0)
                grown.slots[at] = set->slots[i];
        }
        sj_free(layout->texts->context, set->slots);
        *set = grown;
    }
    size_t at = (size_t)sj_texts_mix(layout->texts, number, 1) & (set->capacity - 1);
    while (set->slots[at] != 0 && set->slots[at] != number)
        at = (at + 1) & (set->capacity - 1);
    *is_new = set->slots[at] == 0;
    set->slots[at] = number;
    set->count += *is_new;
    return SNAPJAR_OK;
}

static snapjar_status add_field(sj_layout *layout, uint32_t class_index, uint32_t place, snapjar_error *err)
{
    if (layout->field_count == layout->field_capacity) {
        size_t capacity = layout->field_capacity == 0 ? FIRST_CAPACITY : 2 * layout->field_capacity;
        sj_field *fields = sj_realloc(layout->texts->context, layout->fields, capacity * sizeof *fields);
        if (fields == NULL)
            return sj_raise_no_memory(err, capacity * sizeof *fields);
        layout->fields = fields;
        layout->field_capacity = capacity;
    }
    layout->fields[layout->field_count++] = (sj_field){.class_index = class_index, .place = place};
    return SNAPJAR_OK;
}

snapjar_status sj_layout_record(sj_layout *layout, uint32_t class_index, uint32_t shape, bool *is_whole,
                                snapjar_error *err)
{
    const uint64_t class_bits = (uint64_t)(class_index + 1) << 32;
    for (uint32_t node = shape; node > SJ_SHAPE_EMPTY; node = layout->shapes[node].parent) {
        const uint32_t place = sj_tag_payload(layout->shapes[node].key);
        bool is_new;
        if (layout->known.count >= 4 * layout->field_count_max || layout->field_count >= layout->field_count_max) {
            *is_whole = false;
            break;
        }
        /* What is above a node that is known for this class was recorded with it. */
        SJ_TRY(add_known(layout, class_bits | node, &is_new, err));
        if (!is_new)
            break;
        SJ_TRY(add_known(layout, IS_FIELD | class_bits | place, &is_new, err));
        if (is_new)
            SJ_TRY(add_field(layout, class_index, place, err));
    }
    return SNAPJAR_OK;
}

static int compare_fields(const void *left, const void *right)
{
    const sj_field *a = left;
    const sj_field *b = right;
    if (a->class_index != b->class_index)
        return a->class_index < b->class_index ? -1 : 1;
    const size_t size = a->text.size < b->text.size ? a->text.size : b->text.size;
    const int order = memcmp(a->text.data, b->text.data, size);
    return order != 0 ? order : (a->text.size > b->text.size) - (a->text.size < b->text.size);
}

/** Few fields, as most pickles have, are sorted without the cost of a general sort. */
static void sort_few(sj_field *fields, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        const sj_field moved = fields[i];
        size_t at = i;
        for (; at > 0 && compare_fields(&fields[at - 1], &moved) > 0; at--)
            fields[at] = fields[at - 1];
        fields[at] = moved;
    }
}

/** Sorts all fields, and makes an array of their texts. */
static bool sort_fields(sj_layout *layout)
{
    if (layout->sorted != NULL && layout->sorted_count == layout->field_count)
        return true;
    sj_free(layout->texts->context, layout->sorted);
    layout->sorted = sj_alloc(layout->texts->context, layout->field_count * sizeof *layout->sorted);
    if (layout->sorted == NULL)
        return false;
    layout->sorted_count = layout->field_count;
    for (size_t i = 0; i < layout->field_count; i++)
        layout->fields[i].text = sj_texts_get(layout->texts, layout->fields[i].place);
    if (layout->field_count <= FEW_FIELDS)
        sort_few(layout->fields, layout->field_count);
    else
        qsort(layout->fields, layout->field_count, sizeof *layout->fields, compare_fields);
    for (size_t i = 0; i < layout->field_count; i++)
        layout->sorted[i] = layout->fields[i].text;
    return true;
}

/** The first field of this class or a later one. */
static size_t first_of(const sj_layout *layout, uint32_t class_index)
{
    size_t low = 0, high = layout->field_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (layout->fields[middle].class_index < class_index)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const snapjar_text *sj_layout_fields(sj_layout *layout, uint32_t class_index, size_t *count)
{
    *count = 0;
    if (layout->field_count == 0)
        return NULL;
    if (!sort_fields(layout)) {
        *count = SIZE_MAX;
        return NULL;
    }
    const size_t first = first_of(layout, class_index);
    *count = first_of(layout, class_index + 1) - first;
    return *count > 0 ? layout->sorted + first : NULL;
}
