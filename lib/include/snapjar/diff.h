/* SPDX-License-Identifier: MIT
 *
 * What changed between the values of two pickles, by path; changes of classes' fields apart from changes of values.
 * How a value was pickled does not count: protocols, picklers, the names of Python 2, the order of dicts and sets. What
 * is shared and what is a copy does. Nothing is executed; no class need be installed.
 */
#ifndef SNAPJAR_DIFF_H
#define SNAPJAR_DIFF_H

#include <snapjar/graph.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum snapjar_change_kind {
    /** Another value of the same type. */
    SNAPJAR_CHANGE_VALUE = 0,
    /** A value of another type or class; what is inside is not compared. A class that has another name now is no such
     * change: see snapjar_layout_change. */
    SNAPJAR_CHANGE_TYPE = 1,
    /** A part that was not there. */
    SNAPJAR_CHANGE_ADDED = 2,
    /** A part that is not there any more. */
    SNAPJAR_CHANGE_REMOVED = 3,
    /** Was the same object as another part, and is an object of its own now. Its parts are compared as well. */
    SNAPJAR_CHANGE_COPIED = 4,
    /** Was an object of its own, and is the same as another part now. */
    SNAPJAR_CHANGE_SHARED = 5
} snapjar_change_kind;

/** "value", "type", "added", ... Static; "unknown" for a number that is none. */
SNAPJAR_API const char *snapjar_change_name(snapjar_change_kind kind);

/** One change. Texts are printable and borrowed for the call that gets it. */
typedef struct snapjar_change {
    snapjar_change_kind kind;
    /**
     * Labels as `snapjar show` has them, "" for the whole; of the first value, but for what was added. The middle of
     * one that is very long is left out ("...").
     */
    const char *path;
    /** The values in a few words; "" where there is none. */
    const char *before;
    const char *after;
    /** Of the opcodes that make them, or SNAPJAR_OFFSET_NONE. */
    uint64_t before_offset;
    uint64_t after_offset;
} snapjar_change;

/**
 * A field that objects of a class have in one value and not in the other; or a class that has another name: objects of
 * it are of one now that was named nowhere before, and it is named nowhere any more.
 */
typedef struct snapjar_layout_change {
    /** "module:name"; of a class that has another name, the old one. */
    const char *class_name;
    /** NULL of a class that has another name: `value` is that. */
    const char *field;
    /** Added, or else removed. */
    bool is_added;
    /** Objects where it is so, and objects of this class that were compared. */
    uint64_t count;
    uint64_t object_count;
    /** The first of them, and its value there. */
    const char *path;
    const char *value;
} snapjar_layout_change;

/** Take what is told. Anything but SNAPJAR_OK ends the comparison with that. */
typedef snapjar_status snapjar_take_change(void *state, const snapjar_change *change, snapjar_error *err);
typedef snapjar_status snapjar_take_layout_change(void *state, const snapjar_layout_change *change, snapjar_error *err);

typedef struct snapjar_diff_options {
    /** sizeof(snapjar_diff_options) of the program. */
    size_t struct_size;
    /** Printable characters beyond ASCII come as UTF-8, not as escapes. */
    bool is_unicode;
    /** Changes told; those beyond are only counted. 0: 1,000. */
    uint64_t change_count_max;
    /** Steps of comparison for each value of the graphs; only objects that are copied again and again need more than a
     * few. 0: 64. */
    uint64_t effort_max;
    /** May be NULL: only counted. Layout changes come last: classes with another name, then by class and field, as they
     * were met. */
    snapjar_take_change *take_change;
    snapjar_take_layout_change *take_layout;
    void *state;
} snapjar_diff_options;

#define SNAPJAR_DIFF_OPTIONS_INIT                                                                                      \
    {                                                                                                                  \
        sizeof(snapjar_diff_options), false, 0, 0, NULL, NULL, NULL                                                    \
    }

typedef struct snapjar_diff_summary {
    /** All changes of values, told or not. */
    uint64_t change_count;
    /** Fields and names of classes. Both 0: there is no difference. */
    uint64_t layout_count;
    /** Pairs of values with parts that were compared. */
    uint64_t pair_count;
} snapjar_diff_summary;

/**
 * Compares two graphs, which may be the same one. `options` may be NULL. That they differ is a result, not a failure.
 * Lists are aligned so that what was put in or taken out is told as that, as far as this takes time in proportion to
 * their length. Fails with `pickle-diff-limit` over `effort_max`. Takes about 24 bytes a value.
 */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_graph_diff(const snapjar_graph *before,
                                                                 const snapjar_graph *after,
                                                                 const snapjar_diff_options *options,
                                                                 snapjar_diff_summary *summary, snapjar_error *err);

#ifdef __cplusplus
}
#endif
#endif
