/* SPDX-License-Identifier: MIT
 *
 * Several contracts.
 */
#include "contract_set.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "contracts.h"
#include "tally.h"

static const snapjar_contract *find_own(const struct contract_set *set, const char *type, size_t size)
{
    for (size_t i = 0; i < set->count; i++) {
        const char *own = snapjar_contract_type(set->items[i]);
        if (strlen(own) == size && !memcmp(own, type, size))
            return set->items[i];
    }
    return NULL;
}

int contract_set_read(struct cli *cli, snapjar_context *context, const struct string_list *paths,
                      struct contract_set *set)
{
    *set = (struct contract_set){0};
    for (size_t i = 0; i < paths->count; i++) {
        snapjar_contract *contract;
        int code = contracts_read(cli, context, paths->items[i], &contract, NULL);
        if (code >= 0)
            return code;
        const char *type = snapjar_contract_type(contract);
        const bool is_second = find_own(set, type, strlen(type)) != NULL;
        set->items = array_grown(set->items, set->count, sizeof(*set->items));
        set->items[set->count++] = contract;
        if (is_second)
            return report_usage(cli, "--contract %s: there is one for %s already", paths->items[i], type);
    }
    return -1;
}

void contract_set_free(struct contract_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        snapjar_contract_free(set->items[i]);
    free(set->items);
    *set = (struct contract_set){0};
}

const snapjar_contract *contract_set_find(const struct contract_set *set, const char *type, size_t size,
                                          int64_t version)
{
    const snapjar_contract *found = find_own(set, type, size);

    for (size_t i = 0; !found && i < set->count; i++) {
        if (snapjar_contract_takes_type(set->items[i], type, size, version))
            found = set->items[i];
    }
    return found;
}

snapjar_status contract_set_assess(const snapjar_contract *contract, snapjar_context *context, const void *bytes,
                                   size_t size, snapjar_string_encoding encoding, int64_t version,
                                   snapjar_assessment **assessment, snapjar_error *err)
{
    snapjar_graph_options options = SNAPJAR_GRAPH_OPTIONS_INIT;
    snapjar_graph *graph = NULL;

    *assessment = NULL;
    options.string_encoding = encoding;
    snapjar_status status = snapjar_graph_new(&graph, context, bytes, size, &options, err);
    if (status == SNAPJAR_OK)
        status = snapjar_contract_check(contract, graph, snapjar_contract_type(contract), version, assessment, err);
    snapjar_graph_free(graph);
    return status;
}

void contract_set_add_finding(struct text *out, const snapjar_assessment *assessment)
{
    const snapjar_contract_finding *finding = snapjar_assessment_finding(assessment, 0);
    const uint64_t total = snapjar_assessment_total(assessment);

    if (!finding)
        return;
    text_printf(out, "%s%s%s", finding->path, *finding->path ? ": " : "", finding->message);
    if (total > 1)
        text_printf(out, ", and %" PRIu64 " more", total - 1);
}
