/* SPDX-License-Identifier: MIT
 *
 * Which field names the states of each class have. A dict that may become a state (it is pushed right above an
 * instance) has a shape: the list of its keys so far, as a node in a tree of keys, so that all instances of a class
 * share one path and adding a key is one comparison. When BUILD takes the dict, its shape's keys become the class's.
 */
#ifndef SJ_PICKLE_LAYOUT_H
#define SJ_PICKLE_LAYOUT_H

#include "pickle/text.h"

/** The shape of an empty dict. 0 is no shape: the keys are not known. */
#define SJ_SHAPE_EMPTY 1
/** A state with more keys than this has no shape. */
#define SJ_SHAPE_KEYS_MAX 4096

typedef struct sj_shape {
    /** The tag of the last key: always of SJ_KIND_STR_NAME. 0 for the empty shape. */
    uint32_t key;
    /** The child that was asked for last, or 0. */
    uint32_t hint;
    uint32_t parent;
    uint32_t key_count;
} sj_shape;

typedef struct sj_field {
    uint32_t class_index;
    uint32_t place;
    snapjar_text text;
} sj_field;

/** A set of numbers other than 0. */
typedef struct sj_set {
    uint64_t *slots;
    size_t capacity;
    size_t count;
} sj_set;

typedef struct sj_layout {
    sj_texts *texts;
    sj_shape *shapes;
    size_t shape_count;
    size_t shape_capacity;
    /** Shapes by parent and key: open addressing, 0 is free. */
    uint32_t *children;
    size_t children_capacity;
    /** Class and shape, class and field: what is known already. */
    sj_set known;
    sj_field *fields;
    size_t field_count;
    size_t field_capacity;
    size_t field_count_max;
    /** Of all classes, sorted; made on demand. */
    snapjar_text *sorted;
    size_t sorted_count;
} sj_layout;

void sj_layout_init(sj_layout *layout, sj_texts *texts, size_t field_count_max);
void sj_layout_clear(sj_layout *layout);
void sj_layout_reset(sj_layout *layout);

/** The shape with one key more: `key` is a tag of SJ_KIND_STR_NAME. `*shape` is 0 if a limit is reached. */
snapjar_status sj_layout_step(sj_layout *layout, uint32_t *shape, uint32_t key, snapjar_error *err)
    __attribute__((warn_unused_result));

/** The shape with the keys of both. `*shape` is 0 if either is, or a limit is reached. */
snapjar_status sj_layout_join(sj_layout *layout, uint32_t first, uint32_t second, uint32_t *shape, snapjar_error *err)
    __attribute__((warn_unused_result));

/** Makes the shape's keys fields of the class. `*is_whole` becomes false, if a limit is reached. */
snapjar_status sj_layout_record(sj_layout *layout, uint32_t class_index, uint32_t shape, bool *is_whole,
                                snapjar_error *err) __attribute__((warn_unused_result));

/** The sorted fields of a class; NULL if there are none. `*count` is SIZE_MAX without memory. */
const snapjar_text *sj_layout_fields(sj_layout *layout, uint32_t class_index, size_t *count);

#endif
