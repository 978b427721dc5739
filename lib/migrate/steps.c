/* SPDX-License-Identifier: MIT
 *
 * Applying steps to a graph, one after another; what they did, and what they admit.
 */
#include "migrate/steps.h"

#include <stdio.h>
#include <string.h>

#include "migrate/edit.h"

size_t sj_steps_count(const sj_steps *steps)
{
    return steps->count;
}

int sj_steps_protocol(const sj_steps *steps)
{
    for (size_t i = steps->count; i > 0; i--) {
        if (steps->edits[i - 1].op == SJ_EDIT_PROTOCOL)
            return (int)sj_json_integer(steps->edits[i - 1].members[SJ_IN_TO]);
    }
    return -1;
}

/* ---- what one step tells ---- */

snapjar_status sj_apply_raise(const sj_apply *run, snapjar_diagnostic diagnostic, sj_ref ref, snapjar_error *err,
                              const char *format, ...)
{
    char text[160], what[96], path[1][SJ_PATH_TOLD_SIZE];
    sj_out out;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (err == NULL)
        return SNAPJAR_UNSUPPORTED;
    sj_out_to_text(&out, what, sizeof what, true);
    sj_picture_short(&out, run->graph, ref, 24);
    (void)sj_out_end(&out);
    if (sj_path_find(run->graph, &ref, 1, path, NULL) != SNAPJAR_OK || path[0][0] == '\0')
        memcpy(path[0], "?", 2);
    return sj_raise(err, SNAPJAR_UNSUPPORTED, diagnostic, SJ_AT_CONTENT(sj_graph_offset(run->graph, ref)),
                    "step %zu (%s): %s at %.100s: %s", run->index, sj_edit_name(run->edit->op), what, path[0], text);
}

snapjar_status sj_apply_note(sj_apply *run, sj_ref ref, bool is_changed, snapjar_error *err)
{
    (void)err;
    run->result.matched_count++;
    if (!is_changed)
        return SNAPJAR_OK;
    if (run->result.changed_count < SJ_STEP_PATHS_MAX)
        run->first_changed[run->result.changed_count] = ref;
    run->result.changed_count++;
    return SNAPJAR_OK;
}

static snapjar_status find_paths(sj_apply *run, snapjar_error *err)
{
    sj_step_result *result = &run->result;
    char paths[SJ_STEP_PATHS_MAX][SJ_PATH_TOLD_SIZE];
    const size_t count = result->changed_count < SJ_STEP_PATHS_MAX ? (size_t)result->changed_count : SJ_STEP_PATHS_MAX;
    if (!run->wants_paths || count == 0)
        return SNAPJAR_OK;
    SJ_TRY(sj_path_find(run->graph, run->first_changed, count, paths, err));
    for (size_t i = 0; i < count; i++) {
        if (paths[i][0] != '\0')
            memcpy(result->paths[result->path_count++], paths[i], SJ_PATH_TOLD_SIZE);
    }
    return SNAPJAR_OK;
}

/* ---- applying ---- */

snapjar_status sj_apply_protocol(sj_apply *run, snapjar_error *err)
{
    return sj_apply_note(run, run->graph->root, true, err);
}

typedef snapjar_status (*apply_function)(sj_apply *run, snapjar_error *err);

static const apply_function apply_functions[] = {
#define SJ_STEP(op, name, apply, summary) apply,
#define SJ_TAKES(op, member, type, is_required)
#include "migrate/steps.def"
#undef SJ_STEP
#undef SJ_TAKES
};

/** Whether a step did not what it is there for. */
static bool did_nothing(const sj_apply *run)
{
    const sj_step_result *result = &run->result;
    const bool may_keep = run->edit->op == SJ_EDIT_SET_DEFAULT || run->edit->op == SJ_EDIT_RETYPE ||
                          sj_edit_is(run->edit, SJ_IN_OTHERWISE, "keep") ||
                          sj_edit_is(run->edit, SJ_IN_IF_PRESENT, "keep");
    return (may_keep ? result->matched_count : result->changed_count) == 0;
}

/** " of app:Job", " at ['rows'][*]", with the field, as far as a step says it. */
static void put_subject(const sj_edit *edit, char text[160])
{
    char field[SJ_EDIT_TOLD_SIZE], subject[80];
    const bool has_class = edit->members[SJ_IN_CLASS] != NULL;
    const sj_edit_member member = has_class ? SJ_IN_CLASS : edit->members[SJ_IN_AT] != NULL ? SJ_IN_AT : SJ_IN_FROM;
    const sj_edit_member named = edit->members[SJ_IN_FIELD] != NULL ? SJ_IN_FIELD
                                 : edit->op == SJ_EDIT_RENAME_FIELD ? SJ_IN_FROM
                                                                    : SJ_IN_COUNT;
    const snapjar_text said = sj_edit_text(edit, member);
    text[0] = '\0';
    if (said.size == 0)
        return;
    (void)snapjar_text_escape(subject, sizeof subject, said.data, said.size);
    (void)snprintf(text, 160, " %s %s%s%s", member == SJ_IN_AT ? "at" : "of", subject,
                   named != SJ_IN_COUNT ? ", field " : "",
                   named != SJ_IN_COUNT ? sj_edit_told(edit, named, field) : "");
}

static snapjar_status apply_one(sj_apply *run, snapjar_error *err)
{
    SJ_TRY(apply_functions[run->edit->op](run, err));
    SJ_TRY(sj_apply_close(run, err));
    if (did_nothing(run) && !run->edit->ignores_none) {
        char subject[160];
        put_subject(run->edit, subject);
        return sj_raise(err, SNAPJAR_UNSUPPORTED, SNAPJAR_DIAG_STEP_TOUCHES_NOTHING, SJ_NOWHERE,
                        "step %zu (%s): there is nothing%s for it to change", run->index, sj_edit_name(run->edit->op),
                        subject);
    }
    if (run->is_stale)
        SJ_TRY(sj_graph_settle(run->graph, err));
    return find_paths(run, err);
}

snapjar_status sj_steps_apply(const sj_steps *steps, snapjar_graph *graph, sj_steps_report *report, snapjar_error *err)
{
    if (report != NULL) {
        *report = (sj_steps_report){.context = graph->context};
        report->results = sj_alloc_zero(graph->context, (steps->count + 1) * sizeof *report->results);
        if (report->results == NULL)
            return sj_raise_no_memory(err, (steps->count + 1) * sizeof *report->results);
    }
    for (size_t i = 0; i < steps->count; i++) {
        sj_apply run = {.graph = graph, .edit = &steps->edits[i], .index = i, .wants_paths = report != NULL};
        run.result.op = sj_edit_name(run.edit->op);
        run.result.description = run.edit->description;
        const snapjar_status status = apply_one(&run, err);
        sj_free(graph->context, run.selected.items);
        sj_free(graph->context, run.uses);
        sj_free(graph->context, run.places.items);
        sj_free(graph->context, run.owners.items);
        sj_free(graph->context, run.rehashed.items);
        if (status != SNAPJAR_OK)
            return status;
        if (report != NULL)
            report->results[report->count++] = run.result;
    }
    return SNAPJAR_OK;
}

void sj_steps_report_clear(sj_steps_report *report)
{
    if (report->results != NULL)
        sj_free(report->context, report->results);
    memset(report, 0, sizeof *report);
}
