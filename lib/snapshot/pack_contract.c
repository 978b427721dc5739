/* SPDX-License-Identifier: MIT
 *
 * Checks a pickle against a contract before it becomes a record.
 */
#include "snapshot/pack_contract.h"

#include <stdio.h>
#include <string.h>

#include "util/error.h"

void sj_pack_contract_resolve(snapjar_pack_options *options)
{
    if (options->contract == NULL)
        return;
    if (options->type == NULL)
        options->type = snapjar_contract_type(options->contract);
    if (!options->schema_version_is_set)
        options->schema_version = snapjar_contract_schema_version(options->contract);
}

/** "a, b"; false if that does not fit. */
static bool put_names(char *out, size_t out_size, const snapjar_text *names, size_t count)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        const size_t room = out_size - used;
        if (names[i].size + 3 > room)
            return false;
        used += (size_t)snprintf(out + used, room, i > 0 ? ", " : "");
        used += snapjar_text_escape(out + used, out_size - used, names[i].data, names[i].size);
    }
    return true;
}

static snapjar_status raise_drifted(const snapjar_contract_finding *finding, uint64_t total, snapjar_error *err)
{
    char has[100], says[100], more[48] = "", at[64] = "";
    const sj_where where = finding->offset != SNAPJAR_OFFSET_NONE ? SJ_AT_CONTENT(finding->offset) : SJ_NOWHERE;
    if (finding->path[0] != '\0')
        (void)snprintf(at, sizeof at, "%.60s: ", finding->path);
    if (total > finding->count)
        (void)snprintf(more, sizeof more, "; and %llu more", (unsigned long long)(total - finding->count));
    if (finding->kind != SNAPJAR_FINDING_FIELDS)
        return sj_raise(err, SNAPJAR_REFUSED, SNAPJAR_DIAG_CONTRACT_DRIFTED, where, "%s%.200s%s", at, finding->message,
                        more);
    if (!put_names(has, sizeof has, finding->found, finding->found_count) ||
        !put_names(says, sizeof says, finding->expected, finding->expected_count))
        /* Lists that are cut may be the same: what differs comes first. */
        return sj_raise(err, SNAPJAR_REFUSED, SNAPJAR_DIAG_CONTRACT_DRIFTED, where,
                        "%s%.160s; it has %zu fields, the contract %zu%s", at, finding->message, finding->found_count,
                        finding->expected_count, more);
    return sj_raise(err, SNAPJAR_REFUSED, SNAPJAR_DIAG_CONTRACT_DRIFTED, where,
                    "%s%.60s has %s; the contract says %s%s", at, finding->class_name,
                    has[0] != '\0' ? has : "no fields", says, more);
}

static snapjar_status judge(const snapjar_assessment *assessment, snapjar_error *err)
{
    const snapjar_contract_finding *finding = snapjar_assessment_finding(assessment, 0);
    const snapjar_contract_state state = snapjar_assessment_state(assessment);
    if (state < SNAPJAR_CONTRACT_DRIFTED)
        return SNAPJAR_OK;
    if (state == SNAPJAR_CONTRACT_DRIFTED)
        return raise_drifted(finding, snapjar_assessment_total(assessment), err);
    return sj_raise(err, SNAPJAR_REFUSED,
                    finding->kind == SNAPJAR_FINDING_TYPE ? SNAPJAR_DIAG_CONTRACT_TYPE : SNAPJAR_DIAG_CONTRACT_VERSION,
                    SJ_NOWHERE, "%.300s", finding->message);
}

snapjar_status sj_pack_contract_check(snapjar_context *context, const snapjar_pack_options *options, const char *type,
                                      const void *bytes, size_t size, uint64_t base_offset, snapjar_error *err)
{
    snapjar_graph_options graph_options = SNAPJAR_GRAPH_OPTIONS_INIT;
    snapjar_graph *graph;
    snapjar_assessment *assessment = NULL;
    graph_options.string_encoding = options->string_encoding;
    graph_options.base_offset = base_offset;
    SJ_TRY(snapjar_graph_new(&graph, context, bytes, size, &graph_options, err));
    snapjar_status status =
        snapjar_contract_check(options->contract, graph, type, options->schema_version, &assessment, err);
    if (status == SNAPJAR_OK)
        status = judge(assessment, err);
    snapjar_assessment_free(assessment);
    snapjar_graph_free(graph);
    return status;
}
