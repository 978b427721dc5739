/* SPDX-License-Identifier: MIT
 *
 * What a check found: kept up to a limit, counted beyond. Paths are looked for here, when there is something to tell.
 */
#include <string.h>

#include "migrate/check.h"
#include "pickle/view.h"

/** Values on the way to a finding that are told; a path with more ends in dots. */
#define LINKS_MAX 128
/** Characters of a key in a path. */
#define KEY_MAX 60

snapjar_status sj_assessment_new(snapjar_assessment **assessment, snapjar_context *context, size_t finding_max,
                                 snapjar_error *err)
{
    *assessment = sj_alloc_zero(context, sizeof **assessment);
    if (*assessment == NULL)
        return sj_raise_no_memory(err, sizeof **assessment);
    (*assessment)->context = context;
    (*assessment)->finding_max = finding_max;
    return SNAPJAR_OK;
}

void snapjar_assessment_free(snapjar_assessment *assessment)
{
    if (assessment == NULL)
        return;
    snapjar_context *context = assessment->context;
    for (size_t i = 0; i < assessment->count; i++) {
        sj_free(context, (void *)(uintptr_t)assessment->findings[i].found);
        sj_free(context, (void *)(uintptr_t)assessment->findings[i].expected);
    }
    sj_free(context, assessment->findings);
    sj_free(context, assessment);
}

snapjar_status sj_assessment_add(snapjar_assessment *assessment, snapjar_finding_kind kind,
                                 snapjar_contract_finding **finding, snapjar_error *err)
{
    *finding = NULL;
    assessment->total++;
    if (assessment->count == assessment->finding_max)
        return SNAPJAR_OK;
    if (assessment->count == assessment->capacity) {
        const size_t capacity = assessment->capacity == 0 ? 4 : 2 * assessment->capacity;
        snapjar_contract_finding *grown =
            sj_realloc(assessment->context, assessment->findings, capacity * sizeof *grown);
        if (grown == NULL)
            return sj_raise_no_memory(err, capacity * sizeof *grown);
        assessment->findings = grown;
        assessment->capacity = capacity;
    }
    *finding = &assessment->findings[assessment->count++];
    memset(*finding, 0, sizeof **finding);
    (*finding)->kind = kind;
    (*finding)->count = 1;
    (*finding)->offset = SNAPJAR_OFFSET_NONE;
    return SNAPJAR_OK;
}

/* ---- paths ---- */

/** The step from one value to another; false if it is not seen from there, as a state that is looked through. */
static bool find_step(sj_checker *checker, sj_ref from, sj_ref to, sj_step *step)
{
    sj_view view;
    sj_view_begin(&view, checker->graph, from);
    while (checker->path_steps_left > 0 && sj_view_next(&view, step)) {
        checker->path_steps_left--;
        if (step->value == to)
            return true;
    }
    return false;
}

/** The path from the root: what is not seen from the value before is looked through. */
static void put_path(sj_checker *checker, sj_ref ref, sj_ref parent, char text[SNAPJAR_FINDING_TEXT_SIZE])
{
    sj_ref links[LINKS_MAX] = {0};
    size_t depth = 1, place = 0;
    sj_out out;
    sj_out_to_text(&out, text, SNAPJAR_FINDING_TEXT_SIZE, false);
    for (sj_ref at = parent; at != 0 && at != checker->graph->root; at = checker->parents[at])
        depth++;
    for (sj_ref at = ref; at != 0 && place < depth; at = place == 1 ? parent : checker->parents[at]) {
        place++;
        if (depth - place < LINKS_MAX)
            links[depth - place] = at;
    }
    sj_ref from = checker->graph->root;
    for (size_t i = 0; i < depth && i < LINKS_MAX && !out.is_cut && parent != 0; i++) {
        sj_step step;
        if (!find_step(checker, from, links[i], &step))
            continue;
        sj_view_label(&out, checker->graph, &step, KEY_MAX);
        from = links[i];
    }
    if (depth > LINKS_MAX || checker->path_steps_left == 0)
        sj_out_text(&out, "...");
    (void)sj_out_end(&out);
}

uint64_t sj_check_offset(const snapjar_graph *graph, sj_ref ref)
{
    const sj_node *node = sj_graph_node(graph, ref);
    return (node->flags & SJ_NODE_IS_OWN) != 0 ? SNAPJAR_OFFSET_NONE : node->offset;
}

snapjar_status sj_check_find(sj_checker *checker, snapjar_finding_kind kind, sj_ref ref, sj_ref parent,
                             snapjar_contract_finding **finding)
{
    SJ_TRY(sj_assessment_add(checker->assessment, kind, finding, checker->err));
    if (*finding == NULL)
        return SNAPJAR_OK;
    (*finding)->offset = sj_check_offset(checker->graph, ref);
    put_path(checker, ref, parent, (*finding)->path);
    return SNAPJAR_OK;
}

snapjar_status sj_finding_set_names(snapjar_assessment *assessment, const snapjar_text **to, size_t *to_count,
                                    const snapjar_text *names, size_t count, snapjar_error *err)
{
    size_t size = (count + 1) * sizeof **to;
    for (size_t i = 0; i < count; i++)
        size += names[i].size + 1;
    snapjar_text *copies = sj_alloc_zero(assessment->context, size);
    if (copies == NULL)
        return sj_raise_no_memory(err, size);
    char *text = (char *)(copies + count + 1);
    for (size_t i = 0; i < count; i++) {
        copies[i] = (snapjar_text){text, names[i].size};
        if (names[i].size > 0)
            memcpy(text, names[i].data, names[i].size);
        text += names[i].size + 1;
    }
    *to = copies;
    *to_count = count;
    return SNAPJAR_OK;
}

/* ---- the public face ---- */

const char *snapjar_contract_state_name(snapjar_contract_state state)
{
    static const char *const names[] = {"current", "accepted", "migratable", "drifted", "unknown"};
    return (unsigned)state <= SNAPJAR_CONTRACT_UNKNOWN ? names[state] : "unknown";
}

const char *snapjar_finding_kind_name(snapjar_finding_kind kind)
{
    static const char *const names[] = {"type", "version", "fields", "value", "state"};
    return (unsigned)kind <= SNAPJAR_FINDING_STATE ? names[kind] : "unknown";
}

snapjar_contract_state snapjar_assessment_state(const snapjar_assessment *assessment)
{
    return assessment->state;
}

int64_t snapjar_assessment_version(const snapjar_assessment *assessment)
{
    return assessment->version;
}

uint64_t snapjar_assessment_total(const snapjar_assessment *assessment)
{
    return assessment->total;
}

size_t snapjar_assessment_finding_count(const snapjar_assessment *assessment)
{
    return assessment->count;
}

const snapjar_contract_finding *snapjar_assessment_finding(const snapjar_assessment *assessment, size_t index)
{
    return index < assessment->count ? &assessment->findings[index] : NULL;
}
