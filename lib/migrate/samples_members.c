/* SPDX-License-Identifier: MIT
 *
 * Members of enumerations, as far as a pickle tells them from results of any call.
 */
#include "migrate/samples.h"

#include <string.h>

#include "pickle/picture.h"

bool sj_member_see(const snapjar_graph *graph, sj_ref ref, sj_member_view *member)
{
    const sj_node *node = sj_graph_node(graph, ref);
    sj_instance instance;
    if (sj_picture_form(graph, ref) == SJ_SEEN_GLOBAL) {
        *member = (sj_member_view){.is_by_name = true};
        member->class_ref = sj_picture_owner(graph, ref, &member->argument);
        return member->class_ref != 0;
    }
    if (node->kind != SJ_NODE_CALL || !sj_instance_see(graph, ref, &instance))
        return false;
    *member = (sj_member_view){.class_ref = instance.class_ref};
    if (instance.form != SJ_STATE_NONE || instance.class_ref != graph->words[node->first] || instance.is_computed ||
        instance.argument_count != 1 || instance.keywords != 0)
        return false;
    member->argument = sj_instance_argument(graph, &instance, 0);
    return true;
}

snapjar_status sj_samples_member(snapjar_samples *samples, const snapjar_graph *graph, uint32_t class_name,
                                 const sj_member_view *member, snapjar_error *err)
{
    char *literal = NULL;
    if (samples->member_count == SJ_SEEN_MEMBERS_MAX)
        return SNAPJAR_OK;
    SJ_TRY(sj_sample_literal(samples->context, graph, member->argument, &literal, err));
    bool is_new = literal != NULL;
    for (size_t i = 0; i < samples->member_count && is_new; i++) {
        const sj_seen_member *seen = &samples->members[i];
        is_new = seen->class_name != class_name || seen->is_by_name != member->is_by_name ||
                 strcmp(seen->literal, literal) != 0;
    }
    snapjar_status status = SNAPJAR_OK;
    if (is_new)
        status = SJ_RESERVE(samples->context, samples->members, samples->member_capacity, samples->member_count, err);
    if (!is_new || status != SNAPJAR_OK) {
        sj_free(samples->context, literal);
        return status;
    }
    samples->members[samples->member_count++] = (sj_seen_member){class_name, member->is_by_name, literal};
    return SNAPJAR_OK;
}
