/* SPDX-License-Identifier: MIT
 *
 * Steps of a migration: read from JSON, then applied to the graphs of any number of pickles. Nothing of a pickle is
 * run. What a step cannot do faithfully it refuses; the graph is then good only to be freed.
 */
#ifndef SJ_MIGRATE_STEPS_H
#define SJ_MIGRATE_STEPS_H

#include "migrate/path.h"
#include "pickle/graph.h"
#include "json/document.h"

/** Steps in one array. */
#define SJ_STEPS_COUNT_MAX 1000
/** Pairs of old and new values in a step, and names of fields. */
#define SJ_STEP_PAIRS_MAX 1000
#define SJ_STEP_FIELDS_MAX 1000

typedef struct sj_steps sj_steps;

/**
 * Reads an array of steps of a document, all that can be known without a pickle. `document` tells where in the text
 * something wrong is, and may be NULL; the JSON is kept as long as the steps are. Fails with `steps-invalid` or
 * `literal-invalid` (SNAPJAR_DAMAGED; over a limit SNAPJAR_LIMIT).
 */
snapjar_status sj_steps_read(sj_steps **steps, snapjar_context *context, const sj_json_document *document,
                             const sj_json *array, snapjar_error *err) __attribute__((warn_unused_result));

/** NULL is allowed. */
void sj_steps_free(sj_steps *steps);

size_t sj_steps_count(const sj_steps *steps);

/** The protocol that the last `protocol` step asks for; -1 if there is none. */
int sj_steps_protocol(const sj_steps *steps);

/** Whether a name of a pickle is one that the steps take away, or the class of objects that they change: it may be in
 * what they are applied to. */
bool sj_steps_admits(const sj_steps *steps, snapjar_text module, snapjar_text name);

/** The type of a root, as headers have it, and room for longer names on the way. */
typedef struct sj_type_name {
    char text[4096];
    size_t size;
} sj_type_name;

/** What plain dicts are called as a type. */
#define SJ_TYPE_DICT "builtins:dict"

/** Gives a type the name that the steps give the class of a root of it; false if that does not fit. */
bool sj_steps_rename_type(const sj_steps *steps, sj_type_name *type);

/** Paths that are kept for each step. */
#define SJ_STEP_PATHS_MAX 3

/** What one step did. */
typedef struct sj_step_result {
    /** Static. */
    const char *op;
    /** Borrowed from the steps; NULL if it has none. */
    const char *description;
    /** Objects, or places, that it was about, and those among them that it changed. */
    uint64_t matched_count;
    uint64_t changed_count;
    /** Where the first of the changed were before the step. */
    size_t path_count;
    char paths[SJ_STEP_PATHS_MAX][SJ_PATH_TOLD_SIZE];
} sj_step_result;

/** What the steps did; the caller frees `results` with sj_steps_report_clear, also after a failure. */
typedef struct sj_steps_report {
    snapjar_context *context;
    /** Of each step that was done. */
    sj_step_result *results;
    size_t count;
} sj_steps_report;

/** Applies the steps one after another. `report` may be NULL: then no time is spent on paths. */
snapjar_status sj_steps_apply(const sj_steps *steps, snapjar_graph *graph, sj_steps_report *report, snapjar_error *err)
    __attribute__((warn_unused_result));

void sj_steps_report_clear(sj_steps_report *report);

#endif
