/* SPDX-License-Identifier: MIT
 *
 * snapjar contract check: every object of every file against a contract.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "contract.h"
#include "contracts.h"
#include "json_out.h"
#include "pickle_files.h"

struct check {
    const struct contract_values *values;
    const snapjar_contract *contract;
    /** By snapjar_contract_state; denied ones are counted there too. */
    uint64_t counts[SNAPJAR_CONTRACT_UNKNOWN + 1];
    uint64_t denied_count;
};

/* ---- one object ---- */

static snapjar_status assess(const struct check *check, snapjar_pickles *pickles, const snapjar_pickles_item *item,
                             snapjar_context *context, snapjar_assessment **assessment, snapjar_error *err)
{
    snapjar_graph_options options = SNAPJAR_GRAPH_OPTIONS_INIT;
    snapjar_content *content = NULL;
    snapjar_graph *graph = NULL;
    uint64_t size, pickle_size = 0;
    const void *bytes = NULL;
    char *type = NULL;
    int64_t version = check->values->as_version.is_given ? check->values->as_version.value : SNAPJAR_VERSION_UNKNOWN;
    snapjar_status status = snapjar_pickles_load(pickles, &content, err);

    *assessment = NULL;
    if (status == SNAPJAR_OK)
        bytes = snapjar_content_data(content, &size, &pickle_size);
    options.string_encoding = item->string_encoding;
    options.base_offset = item->base_offset;
    if (item->header) {
        const snapjar_text text = snapjar_header_type(item->header);
        type = memory_get(text.size + 1);
        memcpy(type, text.data, text.size);
        type[text.size] = '\0';
        version = snapjar_header_schema_version(item->header);
    }
    if (status == SNAPJAR_OK)
        status = snapjar_graph_new(&graph, context, bytes, (size_t)pickle_size, &options, err);
    if (status == SNAPJAR_OK)
        status = snapjar_contract_check(check->contract, graph, type, version, assessment, err);
    snapjar_graph_free(graph);
    snapjar_content_free(content);
    free(type);
    return status;
}

/* Whether the contract denies what an object of this version does. */
static snapjar_status judge(const struct check *check, snapjar_pickles *pickles, struct outcome *outcome,
                            int64_t version, snapjar_denial *denial, bool *is_denied, snapjar_error *err)
{
    snapjar_judgement *judgement = NULL;
    snapjar_status status = snapjar_pickles_scan(pickles, outcome->scan, err);

    *is_denied = false;
    if (status == SNAPJAR_OK)
        status = snapjar_contract_judge(check->contract, outcome->scan, version, &judgement, err);
    if (status == SNAPJAR_OK && snapjar_judgement_verdict(judgement) != SNAPJAR_VERDICT_ALLOWED) {
        *is_denied = true;
        snapjar_judgement_describe(judgement, 0, denial);
    }
    snapjar_judgement_free(judgement);
    return status;
}

static void note(const struct check *check, struct outcome *outcome, const snapjar_assessment *assessment,
                 const snapjar_denial *denial)
{
    const snapjar_contract_state state = snapjar_assessment_state(assessment);
    const snapjar_contract_finding *finding = snapjar_assessment_finding(assessment, 0);
    static const snapjar_diagnostic diagnostics[] = {
        [SNAPJAR_CONTRACT_DRIFTED] = SNAPJAR_DIAG_CONTRACT_DRIFTED,
        [SNAPJAR_CONTRACT_UNKNOWN] = SNAPJAR_DIAG_CONTRACT_VERSION,
    };
    snapjar_error err;

    if (state == SNAPJAR_CONTRACT_UNKNOWN && finding && finding->kind == SNAPJAR_FINDING_TYPE)
        report_make(&err, SNAPJAR_REFUSED, SNAPJAR_DIAG_CONTRACT_TYPE, "no");
    else if (state >= SNAPJAR_CONTRACT_DRIFTED)
        report_make(&err, SNAPJAR_REFUSED, diagnostics[state], "no");
    else if (denial)
        report_make(&err, SNAPJAR_REFUSED, denial->diagnostic, "denied");
    else if (check->values->current && state == SNAPJAR_CONTRACT_MIGRATABLE)
        report_make(&err, SNAPJAR_REFUSED, SNAPJAR_DIAG_NONE, "stale");
    else
        return;
    outcome_note(outcome, &err);
}

/* "current, version 2", "migratable, version 0 -> 1 -> 2". */
static void add_state(struct text *out, const struct check *check, const snapjar_assessment *assessment)
{
    const snapjar_contract_state state = snapjar_assessment_state(assessment);
    const int64_t version = snapjar_assessment_version(assessment);

    text_puts(out, snapjar_contract_state_name(state));
    if (version < 0)
        return;
    text_puts(out, ", version ");
    if (state == SNAPJAR_CONTRACT_MIGRATABLE)
        contracts_add_chain(out, check->contract, version);
    else
        text_printf(out, "%" PRId64, version);
}

static void add_text(struct text *out, const struct check *check, const char *path, const snapjar_pickles_item *item,
                     const snapjar_assessment *assessment, const snapjar_denial *denial, const char *content)
{
    text_escape_string(out, path);
    if (item->index)
        text_printf(out, ": %s %" PRIu64, item->header ? "record" : "pickle", item->index);
    text_puts(out, ": ");
    add_state(out, check, assessment);
    text_puts(out, denial ? ", denied\n" : "\n");
    contracts_add_findings(out, assessment, content);
    if (denial)
        text_printf(out, "  denied: %s%s%s\n", denial->global, *denial->global ? ": " : "", denial->reason);
}

static void add_json(struct text *out, const struct check *check, const char *path, const snapjar_pickles_item *item,
                     const snapjar_assessment *assessment, const snapjar_denial *denial)
{
    json_begin(out, "contract");
    json_file(out, "file", path);
    json_number(out, item->header ? "record" : "pickle", item->index);
    contracts_add_json(out, check->contract, assessment);
    json_bool(out, "denied", denial != NULL);
    if (denial)
        json_string(out, "denial", denial->reason);
    if (denial && *denial->global)
        json_string(out, "global", denial->global);
    json_end(out);
}

static snapjar_status look_with(const struct check *check, const char *path, snapjar_pickles *pickles,
                                const snapjar_pickles_item *item, struct outcome *outcome, snapjar_context *context,
                                snapjar_error *err)
{
    snapjar_assessment *assessment = NULL;
    snapjar_denial denial;
    bool is_denied = false;
    snapjar_status status = assess(check, pickles, item, context, &assessment, err);

    outcome->content = pickle_content(pickles, item);
    if (status == SNAPJAR_OK && snapjar_assessment_state(assessment) <= SNAPJAR_CONTRACT_MIGRATABLE)
        status = judge(check, pickles, outcome, snapjar_assessment_version(assessment), &denial, &is_denied, err);
    if (status == SNAPJAR_OK) {
        const snapjar_contract_state state = snapjar_assessment_state(assessment);
        note(check, outcome, assessment, is_denied ? &denial : NULL);
        outcome->denied_count += is_denied;
        outcome->states[state]++;
        if (check->values->json)
            add_json(&outcome->out, check, path, item, assessment, is_denied ? &denial : NULL);
        else if (!check->values->quiet)
            add_text(&outcome->out, check, path, item, assessment, is_denied ? &denial : NULL, outcome->content);
    }
    snapjar_assessment_free(assessment);
    return status;
}

static snapjar_status look(struct batch *batch, const char *path, snapjar_pickles *pickles,
                           const snapjar_pickles_item *item, struct outcome *outcome, snapjar_error *err)
{
    snapjar_context *context = NULL;
    snapjar_status status = snapjar_context_new(&context, NULL, err);

    outcome->item = item;
    if (status == SNAPJAR_OK)
        status = look_with(batch->state, path, pickles, item, outcome, context, err);
    snapjar_context_free(context);
    return status;
}

static void look_at_file(struct batch *batch, snapjar_context *context, snapjar_source *source, const char *path,
                         struct outcome *outcome)
{
    pickle_files_look(batch, context, source, path, look, outcome);
}

/* ---- all of them ---- */

static void take(struct batch *batch, const char *path, struct outcome *outcome)
{
    struct check *check = batch->state;

    (void)path;
    for (size_t i = 0; i <= SNAPJAR_CONTRACT_UNKNOWN; i++)
        check->counts[i] += outcome->states[i];
    check->denied_count += outcome->denied_count;
    report_print(&outcome->out);
}

static void print_summary(const struct check *check, const struct batch *batch)
{
    struct text out = {0};
    const char *comma = ": ";

    if (check->values->json) {
        json_begin(&out, "summary");
        for (size_t i = 0; i <= SNAPJAR_CONTRACT_UNKNOWN; i++)
            json_number(&out, snapjar_contract_state_name((snapjar_contract_state)i), check->counts[i]);
        json_number(&out, "denied", check->denied_count);
        batch_add_json_summary(batch, &out);
        json_end(&out);
    } else {
        text_printf(&out, "%zu file%s, %" PRIu64 " object%s", batch->file_count, batch->file_count == 1 ? "" : "s",
                    batch->record_count, batch->record_count == 1 ? "" : "s");
        for (size_t i = 0; i <= SNAPJAR_CONTRACT_UNKNOWN; i++) {
            if (!check->counts[i])
                continue;
            text_printf(&out, "%s%" PRIu64 " %s", comma, check->counts[i],
                        snapjar_contract_state_name((snapjar_contract_state)i));
            comma = ", ";
        }
        if (check->denied_count)
            text_printf(&out, "%s%" PRIu64 " of them denied", comma, check->denied_count);
        text_putc(&out, '\n');
    }
    report_print(&out);
    text_free(&out);
}

int contract_check(struct cli *cli, const struct contract_values *values, const struct string_list *operands)
{
    struct check check = {.values = values};
    const struct string_list paths = {operands->items + 1, operands->count ? operands->count - 1 : 0};
    snapjar_context *context = NULL;
    snapjar_contract *contract = NULL;
    struct batch batch;
    snapjar_error err;

    if (operands->count < 2)
        return report_usage(cli, "check takes a contract, and files or directories to check");
    if (snapjar_context_new(&context, NULL, &err) != SNAPJAR_OK)
        return report_failure(cli, NULL, &err, NULL);
    int code = contracts_read(cli, context, operands->items[0], &contract, NULL);
    if (code < 0) {
        check.contract = contract;
        batch_init(&batch, cli, &values->batch, &check, values->json);
        cli->report.is_quiet = values->quiet;
        batch.limits.content_size_max = values->max_size;
        batch.needs_scan = true;
        batch.look_source = look_at_file;
        batch.looks_at_leftovers = true;
        batch.take = take;
        batch.verb = "checking";
        batch.string_encoding = (snapjar_string_encoding)(values->encoding ? values->encoding - 1 : 0);
        batch_run(&batch, &paths);
        batch_tell_left_out(&batch);
        if (!values->quiet)
            print_summary(&check, &batch);
        code = cli->report.exit_code;
    }
    snapjar_contract_free(contract);
    snapjar_context_free(context);
    return code;
}
