/* SPDX-License-Identifier: MIT
 *
 * Patterns of paths, in the labels that show and diff print (`.jobs[3]['name']`), with `.*` for any field, `[*]` for
 * any element or key in brackets, `{*}` for any element of a set, and `.**` for any number of steps, also none.
 */
#ifndef SJ_MIGRATE_PATH_H
#define SJ_MIGRATE_PATH_H

#include "pickle/view.h"

/** Steps in a pattern. */
#define SJ_PATH_STEPS_MAX 30
/** Bytes of a pattern. */
#define SJ_PATH_SIZE_MAX 4096

/** One step of a pattern: a label as it is printed, or one that fits many. */
typedef struct sj_path_step {
    enum { SJ_PATH_LABEL, SJ_PATH_ANY_FIELD, SJ_PATH_ANY_INDEX, SJ_PATH_ANY_ELEMENT, SJ_PATH_ANY_DEPTH } kind;
    uint16_t at;
    uint16_t size;
} sj_path_step;

typedef struct sj_path {
    /** With a first "." if it was left out. */
    char text[SJ_PATH_SIZE_MAX + 2];
    sj_path_step steps[SJ_PATH_STEPS_MAX];
    uint32_t count;
} sj_path;

/** Takes a pattern apart. NULL, or what is wrong with it (static) and `*at`, the byte. An empty one is the root. */
const char *sj_path_read(sj_path *path, snapjar_text text, size_t *at);

/** An array of values that grows. */
typedef struct sj_refs {
    sj_ref *items;
    size_t count;
    size_t capacity;
} sj_refs;

snapjar_status sj_refs_add(snapjar_context *context, sj_refs *refs, sj_ref ref, snapjar_error *err)
    __attribute__((warn_unused_result));

/** Appends all values that a pattern fits, each once, in the order of the pickle. */
snapjar_status sj_path_select(const sj_path *path, const snapjar_graph *graph, sj_refs *found, snapjar_error *err)
    __attribute__((warn_unused_result));

/** Whether the last step of a pattern fits a step to a part. Not of `.**`. */
bool sj_path_fits(const sj_path *path, uint32_t index, const snapjar_graph *graph, const sj_step *step);

/** Bytes of a path that is told, with its NUL. */
#define SJ_PATH_TOLD_SIZE 200

/** The first path to each of `count` values, as show prints it ("." is the root); "" if there is none, or only one that
 * is too deep. */
snapjar_status sj_path_find(const snapjar_graph *graph, const sj_ref *refs, size_t count,
                            char (*paths)[SJ_PATH_TOLD_SIZE], snapjar_error *err) __attribute__((warn_unused_result));

#endif
