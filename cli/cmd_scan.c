/* SPDX-License-Identifier: MIT
 *
 * snapjar scan: judges every pickle of every file by an allow-list, without running any.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "denials.h"
#include "json_out.h"
#include "pickle_files.h"
#include "scan.h"

static const struct option_row rows[] = {
    BATCH_OPTION_ROWS(struct scan_values),
    JUDGING_OPTION_ROWS(struct scan_values),
    TRUSTING_OPTION_ROWS(struct scan_values, trusting),
    {0, "no-default-presets", NULL, OPTION_FLAG, offsetof(struct scan_values, no_default_presets),
     "allow only what the other options allow", NULL, 0, 0},
    {0, "list-presets", NULL, OPTION_FLAG, offsetof(struct scan_values, list_presets),
     "print all presets, with a reason for each entry, and scan nothing", NULL, 0, 0},
    {0, "encoding", "NAME", OPTION_CHOICE, offsetof(struct scan_values, encoding),
     "how the program reads strings of Python 2 in bare pickles (default ascii)", "ascii|latin1|bytes", 0, 0},
    {0, "max-size", "SIZE", OPTION_SIZE, offsetof(struct scan_values, max_size),
     "do not analyse a pickle larger than SIZE (default 64G)", NULL, 0, 0},
    {0, "max-line", "SIZE", OPTION_SIZE, offsetof(struct scan_values, max_line),
     "do not analyse a pickle with a longer line of protocol 0 (default 64M)", NULL, 0, 0},
    {0, "max-stack", "N", OPTION_NUMBER, offsetof(struct scan_values, max_stack),
     "do not analyse a pickle that needs more than N values on the stack (default 10000000)", NULL, 1, 1 << 30},
    {0, "max-memo", "N", OPTION_NUMBER, offsetof(struct scan_values, max_memo),
     "do not analyse a pickle with more than N memo entries (default 268435456)", NULL, 1, 1 << 30},
    {0, "max-globals", "N", OPTION_NUMBER, offsetof(struct scan_values, max_globals),
     "do not analyse a pickle that names more than N globals (default 65536)", NULL, 1, 1 << 20},
    {'g', "globals", NULL, OPTION_FLAG, offsetof(struct scan_values, globals),
     "list all globals that are found, with their uses", NULL, 0, 0},
    {0, "skip-other", NULL, OPTION_FLAG, offsetof(struct scan_values, skip_other),
     "in directories, only count files that are no pickles of any kind, text that breaks off before it names a "
     "global, devices, pipes, and links to directories",
     NULL, 0, 0},
    {0, "json", NULL, OPTION_FLAG, offsetof(struct scan_values, json),
     "print JSON, one object a pickle, one a file, and one for the sum", NULL, 0, 0},
    {0, "sarif", NULL, OPTION_FLAG, offsetof(struct scan_values, sarif), "print one SARIF 2.1.0 document", NULL, 0, 0},
    {0, "learn", NULL, OPTION_FLAG, offsetof(struct scan_values, learn),
     "print a policy for review that allows what these known-good files do", NULL, 0, 0},
    {'q', "quiet", NULL, OPTION_FLAG, offsetof(struct scan_values, quiet), "print nothing: the exit code tells", NULL,
     0, 0},
    {0},
};

struct scan {
    const struct scan_values *values;
    const snapjar_policy *policy;
    struct learned learned;
    uint64_t denied_count;
    uint64_t failed_count;
    size_t denied_files;
    size_t failed_files;
    size_t foreign_files;
    /** SARIF: something was printed. */
    bool has_results;
};

/* ---- looking, on any thread ---- */

static void begin_pickle(struct text *out, const char *path, const snapjar_pickles *pickles,
                         const snapjar_pickles_item *item, snapjar_scan *scan, snapjar_verdict verdict)
{
    const snapjar_scan_summary *summary = snapjar_scan_summarize(scan);

    json_begin(out, "pickle");
    json_file(out, "file", path);
    json_string(out, "input", snapjar_input_kind_name(snapjar_pickles_kind(pickles)));
    json_number(out, item->header ? "record" : "pickle", item->index);
    json_number(out, "offset", item->offset);
    json_string(out, "verdict", snapjar_verdict_name(verdict));
    if (verdict == SNAPJAR_VERDICT_NOT_ANALYSED)
        return;
    json_number(out, "protocol", (uint64_t)summary->protocol);
    json_number(out, "size", summary->size);
    json_number(out, "findings", summary->finding_count);
}

/* The title of a pickle's lines, where there may be more than one. */
static void add_title(struct text *out, const snapjar_pickles_item *item)
{
    if (item->header || item->index)
        text_printf(out, "  %s %" PRIu64 ":\n", item->header ? "record" : "pickle", item->index);
}

/* Of very many findings some are only counted. */
static void add_sarif_left_out(struct text *out, struct scan_fault fault, snapjar_scan *scan)
{
    const uint64_t count = findings_left_out(scan);
    char message[80];

    if (!count)
        return;
    (void)snprintf(message, sizeof(message), "and %" PRIu64 " more thing%s that no pickler writes", count,
                   count == 1 ? "" : "s");
    fault.message = message;
    fault.global = fault.line = "";
    fault.uses = 0;
    sarif_add_result(out, &fault);
}

static void add_sarif_denials(struct text *out, const char *path, const snapjar_pickles_item *item,
                              const snapjar_judgement *judgement, snapjar_scan *scan, bool is_file_offset)
{
    for (size_t i = 0; i < snapjar_judgement_denial_count(judgement); i++) {
        snapjar_denial denial;
        snapjar_judgement_describe(judgement, i, &denial);
        const struct scan_fault fault = {
            path,          item,          is_file_offset, denial.offset, snapjar_diagnostic_name(denial.diagnostic),
            denial.reason, denial.global, denial.uses,    denial.line};
        sarif_add_result(out, &fault);
        if (i + 1 == snapjar_judgement_denial_count(judgement))
            add_sarif_left_out(out, fault, scan);
    }
}

/* Why a pickle cannot be learned from, though it is analysed. */
static bool is_learnable(struct batch *batch, struct outcome *outcome, const char *path, snapjar_error *err)
{
    const snapjar_scan_summary *summary = snapjar_scan_summarize(outcome->scan);

    if (!summary->finding_count && !summary->computed_calls.count)
        return true;
    if (summary->finding_count) {
        const snapjar_scan_finding *finding = snapjar_scan_finding_at(outcome->scan, 0);
        report_make(err, SNAPJAR_REFUSED, finding->diagnostic, "not learned from: %s", finding->message);
    } else {
        report_make(err, SNAPJAR_REFUSED, SNAPJAR_DIAG_COMPUTED_CALL_DENIED,
                    "not learned from: it calls what is itself the result of a call");
    }
    outcome_note(outcome, err);
    report_format_line(&batch->cli->report, &outcome->log, path, err, outcome->content);
    return false;
}

/* What no line of "allow" can allow is left to the person who reviews. */
static void tell_unlearned(struct outcome *outcome, const char *path, snapjar_scan *scan)
{
    const snapjar_scan_summary *summary = snapjar_scan_summarize(scan);

    if (!summary->persistent_ids.count && !summary->buffers.count)
        return;
    text_puts(&outcome->log, "snapjar: ");
    text_escape_string(&outcome->log, path);
    text_printf(&outcome->log, ": it needs %s: see \"%s\" in the policy\n",
                summary->persistent_ids.count ? "persistent ids" : "out-of-band buffers",
                summary->persistent_ids.count ? "persistent_ids" : "buffers");
}

static void add_pickle(struct batch *batch, const char *path, const snapjar_pickles *pickles,
                       const snapjar_pickles_item *item, struct outcome *outcome, const snapjar_judgement *judgement)
{
    const struct scan_values *values = ((const struct scan *)batch->state)->values;
    struct text *out = &outcome->out;
    bool is_denied = snapjar_judgement_verdict(judgement) != SNAPJAR_VERDICT_ALLOWED;

    if (values->sarif) {
        if (is_denied)
            add_sarif_denials(out, path, item, judgement, outcome->scan, !outcome->content);
    } else if (values->json) {
        begin_pickle(out, path, pickles, item, outcome->scan, snapjar_judgement_verdict(judgement));
        if (values->globals)
            globals_add_json(out, outcome->scan);
        if (is_denied)
            denials_add_json(out, "denials", judgement);
        json_end(out);
    } else if (!values->quiet && (is_denied || values->globals)) {
        add_title(out, item);
        if (values->globals)
            globals_add_text(out, outcome->scan, outcome->content);
        if (is_denied)
            denials_add_text(out, judgement, outcome->scan, outcome->content);
    }
}

static snapjar_status judge(struct batch *batch, const char *path, const snapjar_pickles *pickles,
                            const snapjar_pickles_item *item, struct outcome *outcome, snapjar_error *err)
{
    const struct scan *scan = batch->state;
    snapjar_judgement *judgement = NULL;
    snapjar_status status = snapjar_policy_judge(scan->policy, outcome->scan, &judgement, err);

    if (status != SNAPJAR_OK)
        return status;
    if (snapjar_judgement_verdict(judgement) != SNAPJAR_VERDICT_ALLOWED) {
        snapjar_denial denial;
        snapjar_error refusal;
        snapjar_judgement_describe(judgement, 0, &denial);
        report_make(&refusal, SNAPJAR_REFUSED, denial.diagnostic, "denied");
        outcome_note(outcome, &refusal);
        outcome->denied_count++;
    }
    add_pickle(batch, path, pickles, item, outcome, judgement);
    snapjar_judgement_free(judgement);
    return SNAPJAR_OK;
}

static snapjar_status look(struct batch *batch, const char *path, snapjar_pickles *pickles,
                           const snapjar_pickles_item *item, struct outcome *outcome, snapjar_error *err)
{
    const struct scan_values *values = ((const struct scan *)batch->state)->values;
    snapjar_status status = snapjar_pickles_scan(pickles, outcome->scan, err);

    outcome->item = item;
    outcome->input = snapjar_input_kind_name(snapjar_pickles_kind(pickles));
    if (status != SNAPJAR_OK)
        return status;
    if (!values->learn)
        return judge(batch, path, pickles, item, outcome, err);
    if (is_learnable(batch, outcome, path, err)) {
        learned_pack(&outcome->out, outcome->scan);
        tell_unlearned(outcome, path, outcome->scan);
    }
    return SNAPJAR_OK;
}

static void look_at_file(struct batch *batch, snapjar_context *context, snapjar_source *source, const char *path,
                         struct outcome *outcome)
{
    pickle_files_look(batch, context, source, path, look, outcome);
}

/* ---- what was not analysed ---- */

static void add_failed_json(struct text *out, const char *path, const struct outcome *outcome, const snapjar_error *err)
{
    json_begin(out, "pickle");
    json_file(out, "file", path);
    if (outcome->item) {
        json_string(out, "input", outcome->input);
        json_number(out, outcome->item->header ? "record" : "pickle", outcome->item->index);
        json_number(out, "offset", outcome->item->offset);
    }
    json_string(out, "verdict", snapjar_verdict_name(SNAPJAR_VERDICT_NOT_ANALYSED));
    json_error(out, "error", err);
    json_end(out);
}

static void fail(const struct batch *batch, struct outcome *outcome, const char *path, const snapjar_error *err)
{
    const struct scan_values *values = ((const struct scan *)batch->state)->values;
    bool is_foreign = err->diagnostic == SNAPJAR_DIAG_INPUT_NOT_PICKLE && !outcome->record_count;

    outcome->is_foreign = is_foreign;
    if (values->skip_other && outcome->is_found && (is_foreign || pickle_is_harmless_text(outcome, err))) {
        outcome->is_other = true;
        return;
    }
    outcome_note(outcome, err);
    outcome->failed_count++;
    if (values->learn || (report_exit_code(err->status) == EXIT_TROUBLE && !values->quiet))
        report_format_line(&batch->cli->report, &outcome->log, path, err, outcome->content);
    if (values->sarif) {
        const struct scan_fault fault = {path,
                                         outcome->item,
                                         err->space == SNAPJAR_SPACE_FILE || !outcome->content,
                                         err->space == SNAPJAR_SPACE_NONE ? SNAPJAR_OFFSET_NONE : err->offset,
                                         snapjar_diagnostic_name(err->diagnostic),
                                         err->message,
                                         "",
                                         0,
                                         ""};
        sarif_add_result(&outcome->out, &fault);
    } else if (values->json) {
        add_failed_json(&outcome->out, path, outcome, err);
    } else if (!values->quiet && !values->learn) {
        text_puts(&outcome->out, "  not analysed: ");
        report_format(&outcome->out, err, outcome->content);
        text_putc(&outcome->out, '\n');
    }
}

/* ---- taking, in order ---- */

static const char *verdict_word(const struct outcome *outcome)
{
    if (outcome->failed_count && outcome->denied_count)
        return "denied, and not analysed in part";
    return outcome->failed_count ? "not analysed" : outcome->denied_count ? "denied" : "allowed";
}

static void print_verdict(const struct batch *batch, const char *path, const struct outcome *outcome)
{
    const char *colour = outcome->exit_code ? "31" : "32";
    struct text line = {0};

    text_escape_string(&line, path);
    if (batch->cli->report.stdout_has_colour)
        text_printf(&line, ": \033[%sm%s\033[0m", colour, verdict_word(outcome));
    else
        text_printf(&line, ": %s", verdict_word(outcome));
    if (outcome->record_count > 1)
        text_printf(&line, ", %" PRIu64 " pickles", outcome->record_count);
    text_putc(&line, '\n');
    report_print(&line);
    report_print(&outcome->out);
    text_free(&line);
}

static void print_file_json(const char *path, const struct outcome *outcome)
{
    struct text line = {0};

    json_begin(&line, "file");
    json_file(&line, "file", path);
    json_string(&line, "verdict",
                snapjar_verdict_name(outcome->failed_count   ? SNAPJAR_VERDICT_NOT_ANALYSED
                                     : outcome->denied_count ? SNAPJAR_VERDICT_DENIED
                                                             : SNAPJAR_VERDICT_ALLOWED));
    json_number(&line, "exit_code", (uint64_t)outcome->exit_code);
    json_number(&line, "pickles", outcome->record_count);
    json_number(&line, "denied", outcome->denied_count);
    json_number(&line, "not_analysed", outcome->failed_count);
    json_end(&line);
    report_print(&outcome->out);
    report_print(&line);
    text_free(&line);
}

static void take(struct batch *batch, const char *path, struct outcome *outcome)
{
    struct scan *scan = batch->state;
    const struct scan_values *values = scan->values;

    scan->denied_count += outcome->denied_count;
    scan->failed_count += outcome->failed_count;
    scan->denied_files += outcome->denied_count > 0;
    scan->failed_files += outcome->failed_count > 0 && !outcome->is_foreign;
    scan->foreign_files += outcome->is_foreign;
    if (values->learn) {
        if (!outcome->exit_code)
            learned_take(&scan->learned, &outcome->out);
    } else if (values->sarif) {
        /* Each result begins with a comma, and the first one must not. */
        const bool is_first = !scan->has_results && outcome->out.size;
        struct text rest = {outcome->out.data + is_first, outcome->out.size - is_first, 0};
        report_print(&rest);
        scan->has_results |= outcome->out.size > 0;
    } else if (values->json) {
        print_file_json(path, outcome);
    } else if (!values->quiet) {
        print_verdict(batch, path, outcome);
    }
}

static void add_count(struct text *out, const char **comma, uint64_t count, const char *what)
{
    if (!count)
        return;
    text_printf(out, "%s%" PRIu64 " %s", *comma, count, what);
    *comma = ", ";
}

static void print_summary(const struct scan *scan, const struct batch *batch)
{
    const size_t whole = batch->file_count - scan->foreign_files;
    const char *comma = " ";
    struct text out = {0};

    if (scan->values->json) {
        json_begin(&out, "summary");
        json_number(&out, "files", batch->file_count);
        json_number(&out, "pickles", batch->record_count);
        json_number(&out, "denied_files", scan->denied_files);
        json_number(&out, "not_analysed_files", scan->failed_files);
        json_number(&out, "no_pickle_files", scan->foreign_files);
        json_number(&out, "skipped_files", batch->other_count);
        json_number(&out, "denied", scan->denied_count);
        json_number(&out, "not_analysed", scan->failed_count);
        json_number(&out, "exit_code", (uint64_t)batch->cli->report.exit_code);
        json_end(&out);
    } else {
        text_printf(&out, "%zu file%s, %" PRIu64 " pickle%s:", batch->file_count, batch->file_count == 1 ? "" : "s",
                    batch->record_count, batch->record_count == 1 ? "" : "s");
        add_count(&out, &comma, scan->denied_files, "denied");
        add_count(&out, &comma, scan->failed_files, "not analysed");
        add_count(&out, &comma, scan->foreign_files, "no pickle of any kind");
        if (!batch->file_count)
            text_puts(&out, " nothing was scanned");
        else if (!batch->cli->report.exit_code && whole)
            text_puts(&out, " all allowed");
        else if (*comma == ' ')
            text_puts(&out, " what was looked at is allowed");
        if (batch->other_count)
            text_printf(&out, "; %zu other file%s not looked at", batch->other_count,
                        batch->other_count == 1 ? "" : "s");
        text_putc(&out, '\n');
    }
    report_print(&out);
    text_free(&out);
}

/* ---- wiring ---- */

static void print_begin(const struct scan_values *values)
{
    struct text out = {0};

    if (values->sarif)
        sarif_begin(&out);
    report_print(&out);
    text_free(&out);
}

static void print_end(struct scan *scan, const struct batch *batch)
{
    const struct scan_values *values = scan->values;
    struct text out = {0};

    if (values->sarif)
        sarif_end(&out, batch->cli->report.exit_code);
    else if (values->learn)
        learned_write(&out, &scan->learned, values);
    else if (!values->quiet)
        print_summary(scan, batch);
    report_print(&out);
    text_free(&out);
}

static int scan_paths(struct cli *cli, const struct scan_values *values, const snapjar_policy *policy,
                      const snapjar_seal_demand *seal, const struct string_list *paths)
{
    struct scan scan = {.values = values, .policy = policy};
    struct batch batch;

    cli->report.is_quiet = values->quiet;
    batch_init(&batch, cli, &values->batch, &scan, values->json);
    cli->report.has_no_hints = values->json || values->sarif;
    batch.limits.content_size_max = values->max_size;
    batch.limits.pickle_line_size_max = values->max_line;
    batch.needs_scan = true;
    batch.seal = seal;
    batch.scan_options.line_size_max = values->max_line;
    batch.scan_options.stack_depth_max = (uint64_t)values->max_stack.value;
    batch.scan_options.memo_count_max = (uint64_t)values->max_memo.value;
    batch.scan_options.global_count_max = (uint64_t)values->max_globals.value;
    batch.look_source = look_at_file;
    batch.looks_at_leftovers = true;
    batch.fail = fail;
    batch.take = take;
    batch.verb = "scanning";
    batch.string_encoding = (snapjar_string_encoding)(values->encoding ? values->encoding - 1 : 0);
    print_begin(values);
    batch_run(&batch, paths);
    if (!batch.file_count && !batch.other_count) {
        snapjar_error err;
        report_make(&err, SNAPJAR_IO, SNAPJAR_DIAG_NONE, "there is no file here");
        report_failure(cli, paths->items[0], &err, NULL);
    }
    /* A link to a directory may lead to pickles, and a pipe give some: what was not looked at is not clean. */
    if (batch.other_count && !values->skip_other)
        report_raise(&cli->report, EXIT_TROUBLE);
    print_end(&scan, &batch);
    learned_free(&scan.learned);
    return cli->report.exit_code;
}

static int scan_all(struct cli *cli, const struct scan_values *values, const struct string_list *paths)
{
    snapjar_context *context = NULL;
    snapjar_policy *policy = NULL;
    struct trusting trusting = {.trust = NULL};
    snapjar_error err;

    if (snapjar_context_new(&context, NULL, &err) != SNAPJAR_OK)
        return report_failure(cli, NULL, &err, NULL);
    int code = judging_make(cli, &values->judging, !values->no_default_presets, context, &policy);
    if (code < 0)
        code = trusting_make(&trusting, cli, &values->trusting);
    if (code < 0)
        code = scan_paths(cli, values, policy, trusting_demand(&trusting), paths);
    trusting_clear(&trusting);
    snapjar_policy_free(policy);
    snapjar_context_free(context);
    return code;
}

static int check_usage(struct cli *cli, const struct scan_values *values, const struct string_list *paths)
{
    if (values->json + values->sarif + values->learn + values->quiet > 1)
        return report_usage(cli, "--json, --sarif, --learn and --quiet: only one of them at a time");
    if (values->globals && (values->sarif || values->learn || values->quiet))
        return report_usage(cli, "--globals goes with neither --sarif nor --learn nor --quiet");
    if (values->list_presets && (paths->count || values->sarif || values->learn || values->quiet))
        return report_usage(cli, "--list-presets scans nothing: it takes no files, and no option but --json");
    if (!values->list_presets && !paths->count)
        return report_usage(cli, "no file given: name files or directories, or - for standard input");
    return -1;
}

static int run(struct cli *cli, int argc, char **argv)
{
    struct scan_values values = {0};
    struct string_list paths = {0};
    int code = options_parse(cli, &values, &paths, argc, argv);

    if (code < 0)
        code = check_usage(cli, &values, &paths);
    if (code < 0 && values.list_presets) {
        presets_print(values.json);
        code = EXIT_YES;
    }
    if (code < 0)
        code = scan_all(cli, &values, &paths);
    judging_free(&values.judging);
    trusting_free_values(&values.trusting);
    string_list_free(&paths);
    return code;
}

static const struct example examples[] = {
    {"Does anything below this directory do more than hold plain data", "snapjar scan models/"},
    {"Allow a class of yours", "snapjar scan --allow app.jobs:Job job.pkl"},
    {"Write a policy to review and keep", "snapjar scan --learn good/*.pkl > policy.json"},
    {"Judge by it", "snapjar scan --policy policy.json incoming/"},
    {"For a code scanning service", "snapjar scan --sarif models/ > scan.sarif"},
    {NULL, NULL},
};

const struct command command_scan = {
    "scan",
    "say whether pickles do only what is allowed",
    "[OPTION]... PATH...",
    "Follows what every pickle would import, call and fill, without running any, and judges it by an allow-list: the "
    "presets for harmless types that are on by default (--list-presets), and what the options allow. Everything else "
    "is denied, with the byte, the use, and the line that would allow it.\n\n"
    "Files may be snapshots, bare pickles, several pickles one after another, all of it also compressed with gzip, "
    "bzip2, xz, lzma, zlib or zstd; content decides, not the name. A file that is none of these is told, and is not "
    "clean: it may be an archive with pickles inside. Directories are walked; every file in them is looked at.\n\n"
    "The answers are allowed, denied, and not analysed: no Python could load it, it is damaged, or over a limit. Exit "
    "code 0: all allowed. 1: something is denied, or is no whole pickle. 2: something could not be read or is over a "
    "limit, or the command line or a policy is wrong. A pickle that no pickler would write is denied, whatever it "
    "does.\n\n"
    "A class of yours needs a rule: --allow MODULE:NAME lets it be made without calling it, and filled. A function or "
    "an enumeration needs MODULE:NAME=call, which allows any arguments. A policy file is a JSON object: "
    "\"snapjar_policy\": 1, \"presets\", \"allow\" with a list of uses for each MODULE:NAME (or an object with "
    "\"uses\" "
    "and \"reason\"), \"extensions\", \"persistent_ids\" and \"buffers\". --learn writes one from files that are known "
    "to "
    "be good; review it, and replace the reasons.",
    rows,
    OPERAND_FILE,
    examples,
    run,
};
