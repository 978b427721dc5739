/* SPDX-License-Identifier: MIT
 *
 * The parts of a comparison: hashes that say which parts may be the same (diff_hash.c), which part goes with which
 * (diff_match.c, diff_align.c), the walk over pairs (diff.c), and telling (diff_tell.c). A hash decides only what is
 * compared with what; whether it is equal is always looked at.
 */
#ifndef SJ_PICKLE_DIFF_H
#define SJ_PICKLE_DIFF_H

#include <snapjar/diff.h>

#include "pickle/view.h"

/** Which of the two. */
enum { SJ_BEFORE = 0, SJ_AFTER = 1 };

/** Two parts that go together, or one that has no other. */
typedef struct sj_pair {
    /** sj_step_kind. */
    uint8_t kind;
    /** Its key is a value of the graph after. */
    bool key_is_after;
    sj_ref key;
    /** 0: there is none. */
    sj_ref refs[2];
    uint64_t index;
} sj_pair;

/** An array that grows. */
typedef struct sj_step_array {
    sj_step *items;
    size_t count;
    size_t capacity;
} sj_step_array;

typedef struct sj_numbers {
    uint32_t *items;
    size_t count;
    size_t capacity;
} sj_numbers;

typedef struct sj_layout_row {
    sj_ref class_ref;
    sj_ref field;
    /** Of the graph that has the field. */
    uint8_t side;
    uint32_t class_hash;
    uint32_t field_hash;
    uint64_t count;
    char *path;
    char *value;
} sj_layout_row;

/** Two classes of which objects stood at one place. */
typedef struct sj_rename_row {
    sj_ref refs[2];
    uint32_t hashes[2];
    /** The one is another name of the other. */
    bool is_renamed;
    /** Objects. */
    uint64_t count;
    /** Of the first. */
    char *path;
} sj_rename_row;

typedef struct sj_class_row {
    uint32_t hash;
    uint64_t object_count;
} sj_class_row;

typedef struct sj_diff_frame {
    sj_pair pair;
    /** Its parts among the pairs: the next, and where they begin. */
    size_t next;
    size_t first;
    /** Inside of something that was told to be copied or shared. */
    bool is_copy;
} sj_diff_frame;

typedef struct sj_diff {
    snapjar_context *context;
    const snapjar_graph *graphs[2];
    snapjar_diff_options options;
    snapjar_diff_summary summary;
    snapjar_error *err;
    /** By node. */
    uint32_t *hashes[2];
    /** By node: what it is paired with, or 0. */
    sj_ref *partners[2];
    /** Other pairs that were compared: open addressing, 0 is free. */
    uint64_t *others;
    size_t other_count;
    size_t other_capacity;
    uint64_t effort_left;
    /** The names that were found equal last. */
    sj_ref last_names[2];

    sj_diff_frame *frames;
    size_t depth;
    size_t frame_capacity;
    /** Of all frames, one behind the other. */
    sj_pair *pairs;
    size_t pair_count;
    size_t pair_capacity;
    /** For one value at a time. */
    sj_step_array steps[2];
    sj_numbers numbers[6];

    sj_layout_row *layouts;
    size_t layout_count;
    size_t layout_capacity;
    sj_rename_row *renames;
    size_t rename_count;
    size_t rename_capacity;
    /** Hashes of all names in the graphs, in order, once a class has another one. */
    sj_numbers names[2];
    sj_class_row *classes;
    size_t class_count;
    size_t class_capacity;
} sj_diff;

/** Makes room for one more item in an array of a diff. */
snapjar_status sj_diff_grow(sj_diff *diff, void *items, size_t item_size, size_t count, size_t *capacity)
    __attribute__((warn_unused_result));

/** Fills `hashes`. */
snapjar_status sj_diff_hash(sj_diff *diff, int side) __attribute__((warn_unused_result));
/** Of a leaf: equal values have equal hashes. */
uint32_t sj_diff_hash_leaf(const snapjar_graph *graph, sj_ref ref);

/** Whether two leaves of the same form are equal. */
bool sj_diff_same_leaf(const sj_diff *diff, sj_form form, sj_ref before, sj_ref after);
/** How many characters two texts have in common at their beginning; 0 of other values. */
uint64_t sj_diff_common(const sj_diff *diff, sj_ref before, sj_ref after);
/** Whether two names of classes or globals are equal. */
bool sj_diff_same_name(const sj_diff *diff, sj_ref before, sj_ref after);
/** Of the classes of two objects, remembered: most objects in a row are of one class. */
bool sj_diff_same_class(sj_diff *diff, sj_ref before, sj_ref after);

/** Appends the pairs of parts of two values of one form and class that are not known to be equal. */
snapjar_status sj_diff_match(sj_diff *diff, sj_ref before, sj_ref after) __attribute__((warn_unused_result));
/** The same for parts in a sequence: those of these steps whose kind is SJ_STEP_INDEX. */
snapjar_status sj_diff_align(sj_diff *diff, const sj_step_array *before, const sj_step_array *after)
    __attribute__((warn_unused_result));
/** Appends a pair, unless both are leaves and equal. `before` or `after` may be NULL. */
snapjar_status sj_diff_add_pair(sj_diff *diff, const sj_step *before, const sj_step *after)
    __attribute__((warn_unused_result));

/** Tells a change of the pair that the walk is at (`pair` NULL: of the last frame's). */
snapjar_status sj_diff_tell(sj_diff *diff, snapjar_change_kind kind, const sj_pair *pair)
    __attribute__((warn_unused_result));
/** Counts a field that only one of two objects has. */
snapjar_status sj_diff_count_field(sj_diff *diff, const sj_pair *pair) __attribute__((warn_unused_result));
/** Counts an object of a class. */
snapjar_status sj_diff_count_object(sj_diff *diff, uint32_t class_hash) __attribute__((warn_unused_result));
/** Whether a class has another name now, and these two are its names. */
snapjar_status sj_diff_see_rename(sj_diff *diff, const sj_ref classes[2], bool *is_renamed)
    __attribute__((warn_unused_result));
/** Counts an object of a class that has another name now. */
snapjar_status sj_diff_count_rename(sj_diff *diff, const sj_ref classes[2], const sj_pair *pair)
    __attribute__((warn_unused_result));
snapjar_status sj_diff_tell_layouts(sj_diff *diff) __attribute__((warn_unused_result));

#endif
