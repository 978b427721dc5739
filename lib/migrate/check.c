/* SPDX-License-Identifier: MIT
 *
 * Checks an object against a contract: which version it is measured by, the walk over all values, and the answer.
 */
#include "migrate/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/** Steps spent on the paths of all findings together. */
#define PATH_STEPS_MAX (UINT64_C(1) << 24)

/* ---- the walk ---- */

void sj_check_reach(sj_checker *checker, sj_ref ref, sj_ref parent)
{
    if (checker->parents[ref] == 0 && ref != checker->graph->root)
        checker->parents[ref] = parent;
}

static SJ_CHECK push(sj_checker *checker, sj_ref ref, const sj_rule *rule)
{
    if (checker->task_count == checker->task_capacity) {
        const size_t capacity = checker->task_capacity == 0 ? 64 : 2 * checker->task_capacity;
        sj_check_task *grown = sj_realloc(checker->context, checker->tasks, capacity * sizeof *grown);
        if (grown == NULL)
            return sj_raise_no_memory(checker->err, capacity * sizeof *grown);
        checker->tasks = grown;
        checker->task_capacity = capacity;
    }
    checker->tasks[checker->task_count++] = (sj_check_task){ref, rule};
    return SNAPJAR_OK;
}

static size_t slot_of(const uint64_t *pairs, size_t capacity, uint64_t pair)
{
    size_t at = (size_t)(pair * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (capacity - 1);
    while (pairs[at] != 0 && pairs[at] != pair)
        at = (at + 1) & (capacity - 1);
    return at;
}

static SJ_CHECK grow_pairs(sj_checker *checker)
{
    const size_t capacity = checker->pair_capacity == 0 ? 256 : 2 * checker->pair_capacity;
    uint64_t *grown = sj_alloc_zero(checker->context, capacity * sizeof *grown);
    if (grown == NULL)
        return sj_raise_no_memory(checker->err, capacity * sizeof *grown);
    for (size_t i = 0; i < checker->pair_capacity; i++) {
        if (checker->pairs[i] != 0)
            grown[slot_of(grown, capacity, checker->pairs[i])] = checker->pairs[i];
    }
    sj_free(checker->context, checker->pairs);
    checker->pairs = grown;
    checker->pair_capacity = capacity;
    return SNAPJAR_OK;
}

/** Whether a value is compared with a rule for the first time. */
static SJ_CHECK note_pair(sj_checker *checker, sj_ref ref, const sj_rule *rule, bool *is_new)
{
    const uint64_t pair = (uint64_t)ref << 32 | rule->number;
    if (2 * (checker->pair_count + 1) > checker->pair_capacity)
        SJ_TRY(grow_pairs(checker));
    const size_t at = slot_of(checker->pairs, checker->pair_capacity, pair);
    *is_new = checker->pairs[at] == 0;
    checker->pairs[at] = pair;
    checker->pair_count += *is_new;
    return SNAPJAR_OK;
}

snapjar_status sj_check_begin(sj_checker *checker, sj_ref ref, sj_ref parent, const sj_rule *rule)
{
    bool is_new;
    const bool has_inner = sj_rule_has_inner(rule) && !sj_form_is_leaf(sj_picture_form(checker->graph, ref));
    sj_check_reach(checker, ref, parent);
    if (!has_inner)
        return sj_check_value(checker, ref, parent, rule);
    SJ_TRY(note_pair(checker, ref, rule, &is_new));
    if (!is_new)
        return SNAPJAR_OK;
    SJ_TRY(sj_check_value(checker, ref, parent, rule));
    return push(checker, ref, rule);
}

/** Everything that a value was made with and filled with; leaves have nothing to look into. */
static SJ_CHECK visit(sj_checker *checker, sj_ref ref)
{
    const snapjar_graph *graph = checker->graph;
    const sj_node *node = sj_graph_node(graph, ref);
    sj_cursor cursor = {0};
    uint8_t op;
    if (checker->visited[ref] != 0)
        return SNAPJAR_OK;
    checker->visited[ref] = 1;
    SJ_TRY(sj_check_class(checker, ref));
    for (sj_ref child; (child = sj_graph_walk(graph, node, &cursor, &op)) != 0;) {
        const sj_node *inner = sj_graph_node(graph, child);
        sj_check_reach(checker, child, ref);
        if (checker->visited[child] == 0 && (inner->count > 0 || inner->changes != 0))
            SJ_TRY(push(checker, child, NULL));
    }
    return SNAPJAR_OK;
}

/** So that what was pushed first is done first: findings come in the order of the pickle. */
static void reverse(sj_check_task *tasks, size_t count)
{
    for (size_t i = 0; i < count / 2; i++) {
        const sj_check_task task = tasks[i];
        tasks[i] = tasks[count - 1 - i];
        tasks[count - 1 - i] = task;
    }
}

static SJ_CHECK walk(sj_checker *checker)
{
    const snapjar_graph *graph = checker->graph;
    if (graph->prelude != 0)
        SJ_TRY(push(checker, graph->prelude, NULL));
    SJ_TRY(push(checker, graph->root, NULL));
    if (checker->version->root != NULL)
        SJ_TRY(sj_check_begin(checker, graph->root, 0, checker->version->root));
    while (checker->task_count > 0) {
        const sj_check_task task = checker->tasks[--checker->task_count];
        const size_t begin = checker->task_count;
        SJ_TRY(task.rule != NULL ? sj_check_inside(checker, task.ref, task.rule) : visit(checker, task.ref));
        reverse(checker->tasks + begin, checker->task_count - begin);
    }
    return SNAPJAR_OK;
}

/** Compares the graph with one version; findings go into `assessment`. */
static snapjar_status compare(const snapjar_contract *contract, const sj_contract_version *version,
                              const snapjar_graph *graph, snapjar_assessment *assessment, snapjar_error *err)
{
    snapjar_context *context = graph->context;
    sj_checker checker = {.contract = contract,
                          .version = version,
                          .graph = graph,
                          .context = context,
                          .assessment = assessment,
                          .path_steps_left = PATH_STEPS_MAX,
                          .err = err};
    snapjar_status status = SNAPJAR_OK;
    checker.parents = sj_alloc_zero(context, graph->node_count * sizeof *checker.parents);
    checker.visited = sj_alloc_zero(context, graph->node_count);
    checker.field_findings = sj_alloc_zero(context, (version->class_count + 1) * sizeof *checker.field_findings);
    if (checker.parents == NULL || checker.visited == NULL || checker.field_findings == NULL)
        status = sj_raise_no_memory(err, graph->node_count * sizeof *checker.parents);
    if (status == SNAPJAR_OK)
        status = walk(&checker);
    sj_free(context, checker.parents);
    sj_free(context, checker.visited);
    sj_free(context, checker.field_findings);
    sj_free(context, checker.tasks);
    sj_free(context, checker.pairs);
    sj_free(context, checker.values);
    sj_free(context, checker.names);
    return status;
}

/* ---- the answer ---- */

static snapjar_status find_unknown(snapjar_assessment *assessment, snapjar_finding_kind kind, const char *format,
                                   const char *a, const char *b, snapjar_error *err)
{
    char left[200], right[200];
    snapjar_contract_finding *finding;
    assessment->state = SNAPJAR_CONTRACT_UNKNOWN;
    SJ_TRY(sj_assessment_add(assessment, kind, &finding, err));
    if (finding == NULL)
        return SNAPJAR_OK;
    (void)snapjar_text_escape(left, sizeof left, a, strlen(a));
    (void)snapjar_text_escape(right, sizeof right, b, strlen(b));
    (void)snprintf(finding->message, sizeof finding->message, format, left, right);
    return SNAPJAR_OK;
}

static snapjar_status find_version(const snapjar_contract *contract, int64_t version, snapjar_assessment *assessment,
                                   snapjar_error *err)
{
    char numbers[2][24];
    const bool is_newer = version > contract->current.version;
    (void)snprintf(numbers[0], sizeof numbers[0], "%" PRId64, version);
    (void)snprintf(numbers[1], sizeof numbers[1], "%" PRId64, contract->current.version);
    return find_unknown(assessment, SNAPJAR_FINDING_VERSION,
                        is_newer ? "schema version %s is newer than the contract's %s"
                                 : "no migration leads from schema version %s to the contract's %s",
                        numbers[0], numbers[1], err);
}

static snapjar_contract_state state_of(const snapjar_contract *contract, int64_t version)
{
    if (version == contract->current.version)
        return SNAPJAR_CONTRACT_CURRENT;
    return snapjar_contract_accepts(contract, version) ? SNAPJAR_CONTRACT_ACCEPTED : SNAPJAR_CONTRACT_MIGRATABLE;
}

static snapjar_status check_version(const snapjar_contract *contract, const snapjar_graph *graph, int64_t version,
                                    snapjar_assessment *assessment, snapjar_error *err)
{
    const sj_contract_version *described = sj_contract_find_version(contract, version);
    assessment->version = version;
    if (!snapjar_contract_accepts(contract, version) && !snapjar_contract_chain(contract, version, NULL))
        return find_version(contract, version, assessment, err);
    assessment->state = state_of(contract, version);
    if (described == NULL || !described->is_described)
        return SNAPJAR_OK;
    SJ_TRY(compare(contract, described, graph, assessment, err));
    if (assessment->total > 0)
        assessment->state = SNAPJAR_CONTRACT_DRIFTED;
    return SNAPJAR_OK;
}

/** The first version that fits, or what the current one says if none does. */
static snapjar_status find_fitting(const snapjar_contract *contract, const snapjar_graph *graph,
                                   snapjar_assessment **assessment, snapjar_error *err)
{
    SJ_TRY(check_version(contract, graph, contract->current.version, *assessment, err));
    for (size_t i = 0; (*assessment)->total > 0 && i < contract->version_count; i++) {
        const sj_contract_version *version = &contract->versions[i];
        snapjar_assessment *other;
        if (!version->is_described)
            continue;
        SJ_TRY(sj_assessment_new(&other, graph->context, 0, err));
        const snapjar_status status = check_version(contract, graph, version->version, other, err);
        snapjar_assessment *worse = other;
        if (status == SNAPJAR_OK && other->total == 0) {
            worse = *assessment;
            *assessment = other;
        }
        snapjar_assessment_free(worse);
        SJ_TRY(status);
    }
    return SNAPJAR_OK;
}

static snapjar_status assess(const snapjar_contract *contract, const snapjar_graph *graph, const char *type,
                             int64_t version, snapjar_assessment **assessment, snapjar_error *err)
{
    (*assessment)->version = version;
    if (type != NULL && !snapjar_contract_takes_type(contract, type, strlen(type), version))
        return find_unknown(*assessment, SNAPJAR_FINDING_TYPE, "the type is \"%s\", the contract is about \"%s\"", type,
                            contract->type, err);
    if (version == SNAPJAR_VERSION_UNKNOWN)
        return find_fitting(contract, graph, assessment, err);
    return check_version(contract, graph, version, *assessment, err);
}

snapjar_status snapjar_contract_check(const snapjar_contract *contract, const snapjar_graph *graph, const char *type,
                                      int64_t version, snapjar_assessment **assessment, snapjar_error *err)
{
    snapjar_assessment *made;
    if (assessment != NULL)
        *assessment = NULL;
    if (contract == NULL || graph == NULL || assessment == NULL || version < SNAPJAR_VERSION_UNKNOWN)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE,
                        contract == NULL     ? "contract is NULL"
                        : graph == NULL      ? "graph is NULL"
                        : assessment == NULL ? "assessment is NULL"
                                             : "version is negative");
    SJ_TRY(sj_assessment_new(&made, graph->context, (size_t)contract->options.finding_count_max, err));
    const snapjar_status status = assess(contract, graph, type, version, &made, err);
    if (status != SNAPJAR_OK)
        snapjar_assessment_free(made);
    else
        *assessment = made;
    return status;
}
