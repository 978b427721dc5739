/* SPDX-License-Identifier: MIT
 *
 * What a value holds as a person sees it: an object's fields instead of its state dict, arguments instead of a tuple of
 * them. One walk for show and diff, so that both speak of the same paths. What is shared is never looked into, so a
 * whole graph is walked in as many steps as it has references.
 */
#ifndef SJ_PICKLE_VIEW_H
#define SJ_PICKLE_VIEW_H

#include "pickle/picture.h"

typedef enum sj_step_kind {
    /** `.name`: of a state that is a dict of names, or a pair of such; `key` is the name. */
    SJ_STEP_FIELD,
    /** `[3]`: of a list or tuple, or appended to an object. */
    SJ_STEP_INDEX,
    /** `['key']`: of a dict, or set in an object; `[key 3]` after the step for a key that is no leaf. */
    SJ_STEP_KEY,
    /** `(key 3)`: a key that is no leaf; `index` counts the keys. */
    SJ_STEP_KEY_OBJECT,
    /** `{3}`: of a set, in the order of the pickle. */
    SJ_STEP_ELEMENT,
    /** `(3)`: argument of the call that made the object. */
    SJ_STEP_ARGUMENT,
    /** `(name=)`. */
    SJ_STEP_KEYWORD,
    /** `(*)`: all arguments, where they are computed or shared. */
    SJ_STEP_ARGUMENTS,
    /** `(**)`: all keyword arguments, likewise. */
    SJ_STEP_KEYWORDS,
    /** `(callable)`: what is called, if it is not simply a global. */
    SJ_STEP_CALLABLE,
    /** `(state)`: a state that is no dict of names, or is shared. */
    SJ_STEP_STATE,
    /** `(then 0)`: a call for its effect on the object; `key` is the callable, `value` the arguments. */
    SJ_STEP_EFFECT,
    /** `(dropped 0)`: made and thrown away while the object was being made. */
    SJ_STEP_DROPPED,
    /** `(id)` of a persistent id, `(of)` of a read-only view. */
    SJ_STEP_ID,
    SJ_STEP_OF
} sj_step_kind;

typedef struct sj_step {
    sj_step_kind kind;
    uint64_t index;
    /** Of FIELD, KEY, KEYWORD, EFFECT. */
    sj_ref key;
    sj_ref value;
} sj_step;

/** The fields are private. */
typedef struct sj_view {
    const snapjar_graph *graph;
    const sj_node *node;
    /** Its children, and then its changes. */
    sj_cursor cursor;
    /** The list that a set is written with. */
    const sj_node *items;
    sj_cursor items_cursor;
    /** Dicts of names that are being looked into, the last one first. */
    sj_ref names[2];
    sj_cursor names_cursor;
    uint64_t item_count;
    uint64_t key_count;
    uint64_t effect_count;
    /** The key, and behind it the value, that comes next; 0: none. */
    sj_ref next_key;
    sj_ref next_value;
    /** Of a call: the part that comes next, its next argument, and the tuple of them. */
    uint32_t call_part;
    uint32_t argument;
    sj_ref arguments;
    uint8_t name_count;
    /** What is in `names` are keyword arguments. */
    bool is_keywords;
} sj_view;

/** Begins at any value. Of the graph's prelude, the steps are what was done and dropped before all else. */
void sj_view_begin(sj_view *view, const snapjar_graph *graph, sj_ref ref);

/** False after the last. */
bool sj_view_next(sj_view *view, sj_step *step);

/** ".name", "[3]", "['key']"; keys up to `text_max` characters. */
void sj_view_label(sj_out *out, const snapjar_graph *graph, const sj_step *step, uint64_t text_max);

/**
 * Follows a path of such labels from `ref`; a first "." may be left out. `*found` is 0 if there is no such value:
 * `*valid_size` bytes of the path lead somewhere.
 */
void sj_view_follow(const snapjar_graph *graph, sj_ref ref, const char *path, sj_ref *found, size_t *valid_size);

#endif
