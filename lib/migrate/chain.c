/* SPDX-License-Identifier: MIT
 *
 * Applying the chain of migrations of a contract to a graph.
 */
#include "migrate/chain.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <snapjar/migrate.h>

#include "migrate/contract.h"
#include "migrate/fields.h"
#include "migrate/steps.h"
#include "pickle/opcodes.h"
#include "pickle/policy.h"

/* ---- asking ---- */

/** The class of this name in a version; NULL if the contract does not describe it. */
static const sj_contract_class *find_class(const snapjar_contract *contract, int64_t version, snapjar_text module,
                                           snapjar_text name)
{
    char text[2 * SJ_CLASS_NAME_SIZE + 1];
    const sj_contract_version *described = sj_contract_find_version(contract, version);
    const size_t size = module.size + 1 + name.size;
    if (described == NULL || size > sizeof text)
        return NULL;
    memcpy(text, module.data, module.size);
    text[module.size] = ':';
    memcpy(text + module.size + 1, name.data, name.size);
    return sj_contract_find_class(described, (snapjar_text){text, size});
}

bool sj_chain_admits(const snapjar_contract *contract, int64_t from, snapjar_text module, snapjar_text name)
{
    if (find_class(contract, from, module, name) != NULL)
        return true;
    const sj_migration *migration = sj_contract_migration(contract, from);
    for (; migration != NULL; migration = sj_contract_migration(contract, migration->to)) {
        if (sj_steps_admits(migration->steps, module, name))
            return true;
    }
    return false;
}

typedef struct admitting {
    const snapjar_contract *contract;
    int64_t from;
} admitting;

static bool admit(void *state, snapjar_text module, snapjar_text name)
{
    const admitting *way = state;
    return sj_chain_admits(way->contract, way->from, module, name);
}

snapjar_status snapjar_contract_judge(const snapjar_contract *contract, snapjar_scan *scan, int64_t version,
                                      snapjar_judgement **judgement, snapjar_error *err)
{
    admitting way = {contract, version};
    if (judgement != NULL)
        *judgement = NULL;
    if (contract == NULL || scan == NULL || judgement == NULL)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE, "%s is NULL",
                        contract == NULL ? "contract"
                        : scan == NULL   ? "scan"
                                         : "judgement");
    const bool is_migrated =
        !snapjar_contract_accepts(contract, version) && snapjar_contract_chain(contract, version, NULL);
    return sj_policy_judge(contract->policy, scan, is_migrated ? admit : NULL, &way, judgement, err);
}

int sj_chain_protocol(const snapjar_contract *contract, int64_t from)
{
    int protocol = -1;
    const sj_migration *migration = sj_contract_migration(contract, from);
    for (; migration != NULL; migration = sj_contract_migration(contract, migration->to)) {
        if (sj_steps_protocol(migration->steps) >= 0)
            protocol = sj_steps_protocol(migration->steps);
    }
    return protocol;
}

static bool same(snapjar_text text, const char *other)
{
    return text.size == strlen(other) && memcmp(text.data, other, text.size) == 0;
}

/** Whether an object of this type may be what the chain begins with. */
static bool takes_type(const snapjar_contract *contract, int64_t from, snapjar_text type)
{
    sj_type_name name;
    if (same(type, contract->type))
        return true;
    if (type.size > sizeof name.text)
        return false;
    memcpy(name.text, type.data, type.size);
    name.size = type.size;
    const sj_migration *migration = sj_contract_migration(contract, from);
    for (; migration != NULL; migration = sj_contract_migration(contract, migration->to)) {
        if (!sj_steps_rename_type(migration->steps, &name))
            return false;
    }
    const snapjar_text renamed = {name.text, name.size};
    /* A type that is no name of a class may be what dicts are that were instances. */
    return same(renamed, contract->type) ||
           (!same(type, SJ_TYPE_DICT) && same(renamed, SJ_TYPE_DICT) && strchr(contract->type, ':') == NULL);
}

bool snapjar_contract_takes_type(const snapjar_contract *contract, const char *type, size_t type_size, int64_t version)
{
    const snapjar_text text = {type, type_size};
    if (snapjar_contract_accepts(contract, version) || snapjar_contract_chain(contract, version, NULL))
        return takes_type(contract, version, text);
    if (takes_type(contract, contract->current.version, text))
        return true;
    for (size_t i = 0; i < contract->migration_count; i++) {
        if (takes_type(contract, contract->migrations[i].from, text))
            return true;
    }
    return false;
}

snapjar_status sj_chain_check_version(const snapjar_contract *contract, int64_t from, snapjar_error *err)
{
    if (snapjar_contract_accepts(contract, from) || snapjar_contract_chain(contract, from, NULL))
        return SNAPJAR_OK;
    return sj_raise(err, SNAPJAR_REFUSED, SNAPJAR_DIAG_MIGRATION_VERSION, SJ_NOWHERE,
                    from > contract->current.version
                        ? "schema version %" PRId64 " is newer than the contract's %" PRId64
                        : "no migration leads from schema version %" PRId64 " to the contract's %" PRId64,
                    from, contract->current.version);
}

/* ---- layouts ---- */

/** The first finding as a refusal. */
static snapjar_status refuse(const snapjar_assessment *assessment, int64_t version, snapjar_diagnostic diagnostic,
                             snapjar_error *err)
{
    const snapjar_contract_finding *finding = snapjar_assessment_finding(assessment, 0);
    const uint64_t more = snapjar_assessment_total(assessment) - 1;
    if (finding == NULL)
        return sj_raise(err, SNAPJAR_REFUSED, diagnostic, SJ_NOWHERE,
                        "the object is not as the contract describes version %" PRId64, version);
    const sj_where where = finding->offset == SNAPJAR_OFFSET_NONE ? SJ_NOWHERE : SJ_AT_CONTENT(finding->offset);
    char others[48] = "";
    if (more > 0)
        (void)snprintf(others, sizeof others, ", and %" PRIu64 " more", more);
    return sj_raise(
        err, SNAPJAR_REFUSED, diagnostic, where, "not as the contract describes version %" PRId64 ": %s%s%s%s", version,
        finding->path[0] != '\0' ? finding->path : "", finding->path[0] != '\0' ? ": " : "", finding->message, others);
}

/** Compares the graph with a version; `wanted` is what must come out. */
static snapjar_status check(const snapjar_contract *contract, const snapjar_graph *graph, int64_t version,
                            snapjar_contract_state wanted, snapjar_diagnostic diagnostic, snapjar_error *err)
{
    snapjar_assessment *assessment = NULL;
    SJ_TRY(snapjar_contract_check(contract, graph, NULL, version, &assessment, err));
    snapjar_status status = SNAPJAR_OK;
    if (snapjar_assessment_state(assessment) != wanted)
        status = refuse(assessment, version, diagnostic, err);
    snapjar_assessment_free(assessment);
    return status;
}

snapjar_status sj_chain_check_layout(const snapjar_contract *contract, const snapjar_graph *graph, int64_t version,
                                     snapjar_error *err)
{
    const bool is_current = version == contract->current.version;
    return check(contract, graph, version, is_current ? SNAPJAR_CONTRACT_CURRENT : SNAPJAR_CONTRACT_ACCEPTED,
                 SNAPJAR_DIAG_MIGRATION_LAYOUT, err);
}

/* ---- migrating ---- */

static snapjar_status tell_steps(const sj_migration *migration, const sj_steps_report *report, snapjar_take_step *take,
                                 void *state, snapjar_error *err)
{
    for (size_t i = 0; i < report->count; i++) {
        const sj_step_result *result = &report->results[i];
        snapjar_step_done done = {
            .from = migration->from,
            .to = migration->to,
            .step = i,
            .op = result->op,
            .description = result->description != NULL ? result->description : "",
            .matched_count = result->matched_count,
            .changed_count = result->changed_count,
            .path_count = result->path_count,
        };
        for (size_t p = 0; p < result->path_count && p < SNAPJAR_STEP_PATHS_MAX; p++)
            done.paths[p] = result->paths[p];
        SJ_TRY(take(state, &done, err));
    }
    return SNAPJAR_OK;
}

/** Steps are counted in each migration: which one it was. */
static void tell_migration(const sj_migration *migration, snapjar_error *err)
{
    char message[sizeof err->message];
    if (err == NULL || strncmp(err->message, "step ", strlen("step ")) != 0)
        return;
    memcpy(message, err->message, sizeof message);
    (void)snprintf(err->message, sizeof err->message, "migration %" PRId64 " -> %" PRId64 ", %.*s", migration->from,
                   migration->to, (int)sizeof message - 64, message);
}

static snapjar_status apply(const sj_migration *migration, snapjar_graph *graph, snapjar_take_step *take, void *state,
                            snapjar_error *err)
{
    sj_steps_report report = {.context = NULL};
    snapjar_status status = sj_steps_apply(migration->steps, graph, take != NULL ? &report : NULL, err);
    if (status == SNAPJAR_OK && take != NULL)
        status = tell_steps(migration, &report, take, state, err);
    else if (status == SNAPJAR_UNSUPPORTED)
        tell_migration(migration, err);
    if (take != NULL)
        sj_steps_report_clear(&report);
    return status;
}

/** Whether an instance is one of Python 2, made without arguments, of a class that the contract describes with a state.
 */
static bool is_classic(const snapjar_contract *contract, const snapjar_graph *graph, const sj_node *node)
{
    char buffer[SJ_CLASS_NAME_SIZE];
    sj_class_name name;
    if (node->kind != SJ_NODE_INSTANCE || node->count != 1 || (node->flags & SJ_NODE_IS_REFERENCED) == 0 ||
        !sj_class_name_of(graph, graph->words[node->first], buffer, &name))
        return false;
    const sj_contract_class *class = find_class(contract, contract->current.version, name.module, name.name);
    return class != NULL && (class->form == SJ_CLASS_DICT || class->form == SJ_CLASS_SLOTS);
}

snapjar_status sj_chain_renew_instances(const snapjar_contract *contract, snapjar_graph *graph, int protocol,
                                        snapjar_error *err)
{
    const size_t count = graph->node_count;
    bool has_any = false;
    for (size_t i = 1; i < count && protocol >= 3; i++) {
        if (!is_classic(contract, graph, &graph->nodes[i]))
            continue;
        const uint64_t offset = sj_graph_offset(graph, (sj_ref)i);
        sj_ref parts[2] = {graph->words[graph->nodes[i].first], 0};
        SJ_TRY(sj_graph_add_made(graph, SJ_NODE_TUPLE, offset, &parts[1], err));
        graph->nodes[i].kind = SJ_NODE_NEW;
        graph->nodes[i].form = SJ_OP_NEWOBJ;
        SJ_TRY(sj_graph_set_children(graph, (sj_ref)i, parts, 2, offset, err));
        has_any = true;
    }
    return has_any ? sj_graph_settle(graph, err) : SNAPJAR_OK;
}

snapjar_status snapjar_graph_migrate(snapjar_graph *graph, const snapjar_contract *contract, int64_t from,
                                     snapjar_take_step *take, void *state, snapjar_error *err)
{
    if (graph == NULL || contract == NULL)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE,
                        "graph or contract is NULL");
    SJ_TRY(sj_chain_check_version(contract, from, err));
    if (from == contract->current.version || !snapjar_contract_chain(contract, from, NULL))
        return sj_chain_check_layout(contract, graph, from, err);
    if (sj_contract_find_version(contract, from) != NULL)
        SJ_TRY(check(contract, graph, from,
                     snapjar_contract_accepts(contract, from) ? SNAPJAR_CONTRACT_ACCEPTED : SNAPJAR_CONTRACT_MIGRATABLE,
                     SNAPJAR_DIAG_MIGRATION_LAYOUT, err));
    const sj_migration *migration = sj_contract_migration(contract, from);
    for (; migration != NULL; migration = sj_contract_migration(contract, migration->to))
        SJ_TRY(apply(migration, graph, take, state, err));
    return check(contract, graph, contract->current.version, SNAPJAR_CONTRACT_CURRENT, SNAPJAR_DIAG_MIGRATION_LAYOUT,
                 err);
}
