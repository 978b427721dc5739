/* SPDX-License-Identifier: MIT
 *
 * A walk over a graph that compares it with what a contract says of one version. check.c walks, check_class.c looks at
 * instances, check_value.c at values, assessment.c keeps what was found. For these files only.
 */
#ifndef SJ_MIGRATE_CHECK_H
#define SJ_MIGRATE_CHECK_H

#include "migrate/contract.h"
#include "migrate/fields.h"

#define SJ_CHECK snapjar_status __attribute__((warn_unused_result))

struct snapjar_assessment {
    snapjar_context *context;
    snapjar_contract_state state;
    int64_t version;
    uint64_t total;
    size_t finding_max;
    snapjar_contract_finding *findings;
    size_t count;
    size_t capacity;
};

/** A value that is to be compared with a rule, and to be looked into. */
typedef struct sj_check_task {
    sj_ref ref;
    const sj_rule *rule;
} sj_check_task;

typedef struct sj_checker {
    const snapjar_contract *contract;
    const sj_contract_version *version;
    const snapjar_graph *graph;
    snapjar_context *context;
    snapjar_assessment *assessment;
    /** By node: the one that it was come to from; 0: not come to, or the root. */
    sj_ref *parents;
    /** By node: what is inside was looked at. */
    uint8_t *visited;
    sj_check_task *tasks;
    size_t task_count;
    size_t task_capacity;
    /** Tasks that were begun, node and number of the rule: open addressing, 0 is free. */
    uint64_t *pairs;
    size_t pair_count;
    size_t pair_capacity;
    /** By class of the version: index + 1 of its finding about fields. */
    uint32_t *field_findings;
    /** By field of the class that is looked at: its value, or 0. */
    sj_ref *values;
    size_t value_capacity;
    /** Names that had to be decoded. */
    char *names;
    size_t name_capacity;
    /** Steps that may still be spent on finding paths. */
    uint64_t path_steps_left;
    snapjar_error *err;
} sj_checker;

/* ---- check.c ---- */

/** Notes how `ref` was come to. */
void sj_check_reach(sj_checker *checker, sj_ref ref, sj_ref parent);
/** Compares a value of `parent` with a rule (NULL: there is none), now or later. */
SJ_CHECK sj_check_begin(sj_checker *checker, sj_ref ref, sj_ref parent, const sj_rule *rule);

/* ---- check_class.c ---- */

/** If the value is an instance of a class of the version: its state and fields, whose values are begun. */
SJ_CHECK sj_check_class(sj_checker *checker, sj_ref ref);

/* ---- check_value.c ---- */

/** Compares a value with a rule, but for what is inside. */
SJ_CHECK sj_check_value(sj_checker *checker, sj_ref ref, sj_ref parent, const sj_rule *rule);
/** Begins what is inside by the rule's inner rules. */
SJ_CHECK sj_check_inside(sj_checker *checker, sj_ref ref, const sj_rule *rule);
bool sj_rule_has_inner(const sj_rule *rule);

/* ---- assessment.c ---- */

SJ_CHECK sj_assessment_new(snapjar_assessment **assessment, snapjar_context *context, size_t finding_max,
                           snapjar_error *err);
/** Adds a finding, or counts it; `*finding` is NULL if there is no room for it. */
SJ_CHECK sj_assessment_add(snapjar_assessment *assessment, snapjar_finding_kind kind,
                           snapjar_contract_finding **finding, snapjar_error *err);
/** A finding about a value of `parent` (0: the root). */
SJ_CHECK sj_check_find(sj_checker *checker, snapjar_finding_kind kind, sj_ref ref, sj_ref parent,
                       snapjar_contract_finding **finding);
/** Copies names into a finding. */
SJ_CHECK sj_finding_set_names(snapjar_assessment *assessment, const snapjar_text **to, size_t *to_count,
                              const snapjar_text *names, size_t count, snapjar_error *err);
/** Where a node's literal or opcode is in the content; SNAPJAR_OFFSET_NONE if it is in none. */
uint64_t sj_check_offset(const snapjar_graph *graph, sj_ref ref);

#endif
