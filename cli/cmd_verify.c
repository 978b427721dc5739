/* SPDX-License-Identifier: MIT
 *
 * snapjar verify: checks everything about every record.
 */
#include <inttypes.h>
#include <string.h>

#include "batch.h"
#include "denials.h"
#include "json_out.h"
#include "judging.h"
#include "sealing.h"

struct values {
    struct batch_values batch;
    struct judging_values judging;
    struct trusting_values trusting;
    uint64_t max_size;
    uint64_t max_line;
    bool quiet;
    bool verbose;
    bool stored_only;
    bool json;
};

static const struct option_row rows[] = {
    BATCH_OPTION_ROWS(struct values),
    JUDGING_OPTION_ROWS(struct values),
    TRUSTING_OPTION_ROWS(struct values, trusting),
    {0, "max-size", "SIZE", OPTION_SIZE, offsetof(struct values, max_size),
     "refuse content larger than SIZE (default 64G)", NULL, 0, 0},
    {0, "max-line", "SIZE", OPTION_SIZE, offsetof(struct values, max_line),
     "refuse a pickle with a longer line of text than SIZE (default 64M)", NULL, 0, 0},
    {0, "stored-only", NULL, OPTION_FLAG, offsetof(struct values, stored_only),
     "check headers, stored bytes and trailers; decompress nothing", NULL, 0, 0},
    {'q', "quiet", NULL, OPTION_FLAG, offsetof(struct values, quiet), "print nothing: the exit code tells", NULL, 0, 0},
    {'v', "verbose", NULL, OPTION_FLAG, offsetof(struct values, verbose), "print a line for good files, too", NULL, 0,
     0},
    {0, "json", NULL, OPTION_FLAG, offsetof(struct values, json), "print JSON, one object a file and one for the sum",
     NULL, 0, 0},
    {0},
};

struct verify {
    const struct values *values;
    /** NULL: nothing is judged. */
    const snapjar_policy *policy;
    struct trusting trusting;
    snapjar_check_options check;
    struct progress progress;
    /** Files that are whole, with a pickle that no Python could load; they count as damaged, too. */
    size_t malformed_count;
};

/* What a status makes of a file, for people. */
static const char *verdict_word(snapjar_status status)
{
    switch (status) {
    case SNAPJAR_OK:
        return "good";
    case SNAPJAR_CUT_SHORT:
        return "cut short";
    case SNAPJAR_WRONG_FORMAT:
        return "no snapshot";
    case SNAPJAR_UNSUPPORTED:
        return "unsupported";
    case SNAPJAR_DAMAGED:
        return "damaged";
    case SNAPJAR_BAD_SEAL:
        return "badly sealed";
    case SNAPJAR_REFUSED:
        return "denied";
    case SNAPJAR_NOT_FOUND:
        return "not found";
    case SNAPJAR_INVALID_ARGUMENT:
    case SNAPJAR_NO_MEMORY:
    case SNAPJAR_LIMIT:
    case SNAPJAR_IO:
    case SNAPJAR_CANCELLED:
    case SNAPJAR_BUG:
        return "not analysed";
    }
    return "not analysed";
}

static void add_heading(const struct batch *batch, struct outcome *outcome, const char *path, const char *word)
{
    text_escape_string(&outcome->out, path);
    text_printf(&outcome->out, batch->cli->report.stdout_has_colour ? ": \033[31m%s\033[0m" : ": %s", word);
}

/* Tells a failure; `word` says for people what it makes of the file. */
static void tell(const struct batch *batch, struct outcome *outcome, const char *path, const snapjar_error *err,
                 const char *word)
{
    const struct report *report = &batch->cli->report;
    bool is_verdict = report_exit_code(err->status) == EXIT_NO;

    outcome_note(outcome, err);
    if (!is_verdict)
        report_format_line(report, &outcome->log, path, err, REPORT_CONTENT_PICKLE);
    if (batch->is_json) {
        /* The members of a list; what stands before it is known only at the end. */
        if (outcome->out.size)
            text_putc(&outcome->out, ',');
        json_error_object(&outcome->out, err);
        return;
    }
    if (!is_verdict || report->is_quiet)
        return;
    add_heading(batch, outcome, path, word);
    text_puts(&outcome->out, ": ");
    report_format(&outcome->out, err, REPORT_CONTENT_PICKLE);
    text_putc(&outcome->out, '\n');
}

static void fail(const struct batch *batch, struct outcome *outcome, const char *path, const snapjar_error *err)
{
    tell(batch, outcome, path, err, verdict_word(err->status));
    outcome->is_malformed = false;
}

/* What the policy denies: all of it for people, and the first for programs, which ask scan for more. */
static void tell_denials(const struct batch *batch, struct outcome *outcome, const char *path, uint64_t record_index,
                         const snapjar_verification *seen)
{
    const struct verify *verify = batch->state;
    snapjar_judgement *judgement = NULL;
    snapjar_error err;

    if (batch->is_json) {
        tell(batch, outcome, path, &seen->reason, NULL);
        return;
    }
    outcome_note(outcome, &seen->reason);
    if (batch->cli->report.is_quiet)
        return;
    if (snapjar_policy_judge(verify->policy, outcome->scan, &judgement, &err) != SNAPJAR_OK) {
        batch_fail(batch, outcome, path, &err);
        return;
    }
    add_heading(batch, outcome, path, verdict_word(SNAPJAR_REFUSED));
    text_printf(&outcome->out, " (record %" PRIu64 ")\n", record_index);
    denials_add_text(&outcome->out, judgement, outcome->scan, REPORT_CONTENT_PICKLE);
    snapjar_judgement_free(judgement);
}

/* The record is whole; this is about what its pickle does. */
static void tell_analysis(const struct batch *batch, struct outcome *outcome, const char *path, uint64_t record_index,
                          const snapjar_verification *seen)
{
    const struct verify *verify = batch->state;

    outcome->finding_count += seen->finding_count;
    if (!seen->is_analysed) {
        outcome->is_malformed = outcome->worst == SNAPJAR_OK || outcome->is_malformed;
        tell(batch, outcome, path, &seen->reason, "malformed");
    } else if (verify->policy && !seen->is_allowed) {
        tell_denials(batch, outcome, path, record_index, seen);
    } else if (seen->finding_count && !batch->is_json && !batch->cli->report.is_quiet) {
        text_escape_string(&outcome->out, path);
        text_printf(&outcome->out, ": good, but no pickler writes such a pickle (record %" PRIu64 ")\n", record_index);
        findings_add_text(&outcome->out, outcome->scan, REPORT_CONTENT_PICKLE);
    }
}

static void look(struct batch *batch, const char *path, snapjar_reader *reader, struct outcome *outcome)
{
    struct verify *verify = batch->state;
    snapjar_check_options check = verify->check;
    snapjar_error err;
    snapjar_error last = {.status = SNAPJAR_OK};

    check.threads = batch->inner_threads;
    check.policy = verify->policy;
    check.scan = outcome->scan;
    if (batch->is_alone) {
        check.progress = progress_update;
        check.progress_state = &verify->progress;
    }
    for (;;) {
        const snapjar_record *record;
        snapjar_verification seen;
        if (snapjar_reader_next(reader, &record, &err) != SNAPJAR_OK) {
            /* Moving on meets again what the check of the record has met. */
            if (last.status == SNAPJAR_OK || err.diagnostic != last.diagnostic || err.offset != last.offset)
                fail(batch, outcome, path, &err);
            return;
        }
        if (!record)
            return;
        outcome->record_count++;
        last.status = SNAPJAR_OK;
        if (snapjar_record_verify(reader, &check, &seen, &err) == SNAPJAR_OK) {
            if (!verify->values->stored_only)
                tell_analysis(batch, outcome, path, snapjar_record_index(record), &seen);
            continue;
        }
        if (err.record_index == SNAPJAR_OFFSET_NONE)
            err.record_index = snapjar_record_index(record);
        fail(batch, outcome, path, &err);
        last = err;
    }
}

static void take(struct batch *batch, const char *path, struct outcome *outcome)
{
    struct verify *verify = batch->state;
    struct text line = {0};

    verify->malformed_count += outcome->is_malformed && outcome->worst == SNAPJAR_DAMAGED;
    if (batch->is_json) {
        json_begin(&line, "file");
        json_file(&line, "file", path);
        json_string(&line, "status", snapjar_status_name(outcome->worst));
        json_number(&line, "records", outcome->record_count);
        if (!verify->values->stored_only)
            json_number(&line, "findings", outcome->finding_count);
        if (outcome->exit_code) {
            json_key(&line, "errors");
            text_putc(&line, '[');
            text_add(&line, outcome->out.data, outcome->out.size);
            text_putc(&line, ']');
        }
        json_end(&line);
    } else if (outcome->exit_code || outcome->out.size) {
        text_add(&line, outcome->out.data, outcome->out.size);
    } else if (verify->values->verbose) {
        text_escape_string(&line, path);
        text_printf(&line, ": good, %" PRIu64 " record%s%s\n", outcome->record_count,
                    outcome->record_count == 1 ? "" : "s", verify->trusting.trust ? ", sealed" : "");
    }
    report_print(&line);
    text_free(&line);
}

static void add_failed(struct text *out, const struct batch *batch)
{
    const struct verify *verify = batch->state;
    size_t not_analysed = 0;
    const char *comma = " ";

    for (size_t i = 1; i <= SNAPJAR_BUG; i++) {
        size_t number = batch->failed_counts[i];
        if (i == SNAPJAR_DAMAGED)
            number -= verify->malformed_count;
        if (report_exit_code((snapjar_status)i) == EXIT_TROUBLE) {
            not_analysed += number;
        } else if (number) {
            text_printf(out, "%s%zu %s", comma, number, verdict_word((snapjar_status)i));
            comma = ", ";
        }
    }
    if (verify->malformed_count) {
        text_printf(out, "%s%zu malformed", comma, verify->malformed_count);
        comma = ", ";
    }
    if (not_analysed)
        text_printf(out, "%s%zu not analysed", comma, not_analysed);
}

static void add_summary(struct text *out, const struct batch *batch, const struct values *values)
{
    if (batch->is_json) {
        json_begin(out, "summary");
        batch_add_json_summary(batch, out);
        json_bool(out, "stored_only", values->stored_only);
        json_bool(out, "judged", judging_is_wanted(&values->judging));
        json_bool(out, "seal_demanded", values->trusting.files.count > 0);
        json_end(out);
        return;
    }
    text_printf(out, "%zu file%s, %" PRIu64 " record%s:", batch->file_count, batch->file_count == 1 ? "" : "s",
                batch->record_count, batch->record_count == 1 ? "" : "s");
    if (!batch->file_count)
        text_puts(out, " nothing was verified");
    else if (batch->cli->report.exit_code)
        add_failed(out, batch);
    else
        text_puts(out, values->stored_only                   ? " stored bytes all good, content not looked at"
                       : judging_is_wanted(&values->judging) ? " all good and allowed"
                       : values->trusting.files.count        ? " all good and sealed"
                                                             : " all good");
    if (batch->other_count)
        text_printf(out, "; %zu other file%s not looked at", batch->other_count, batch->other_count == 1 ? "" : "s");
    if (batch->leftover_count)
        text_printf(out, "; %zu left behind by an interrupted write or a repair", batch->leftover_count);
    text_putc(out, '\n');
}

static int verify_paths(struct cli *cli, const struct values *values, const snapjar_policy *policy,
                        const struct trusting *trusting, const struct string_list *paths)
{
    struct verify verify = {.values = values, .check = SNAPJAR_CHECK_OPTIONS_INIT, .trusting = *trusting};
    struct batch batch;
    struct text summary = {0};

    cli->report.is_quiet = values->quiet;
    batch_init(&batch, cli, &values->batch, &verify, values->json);
    batch.limits.content_size_max = values->max_size;
    batch.limits.pickle_line_size_max = values->max_line;
    batch.fail = fail;
    batch.look = look;
    batch.take = take;
    batch.verb = "verifying";
    batch.needs_scan = !values->stored_only;
    batch.seal = trusting_demand(&verify.trusting);
    verify.policy = policy;
    verify.check.stored_only = values->stored_only;
    progress_begin(&verify.progress, "verifying", true, !values->quiet);
    batch_run(&batch, paths);
    progress_clear(&verify.progress);
    if (!batch.file_count) {
        snapjar_error err;
        report_make(&err, SNAPJAR_IO, SNAPJAR_DIAG_NONE, "there is no snapshot file here");
        report_failure(cli, paths->items[0], &err, NULL);
    }
    add_summary(&summary, &batch, values);
    if (!values->quiet || values->json)
        report_print(&summary);
    text_free(&summary);
    return cli->report.exit_code;
}

/* Makes the policy, if one is wanted, and verifies. */
static int verify_all(struct cli *cli, const struct values *values, const struct string_list *paths)
{
    snapjar_context *context = NULL;
    snapjar_policy *policy = NULL;
    struct trusting trusting = {.trust = NULL};
    snapjar_error err;
    int code = -1;

    if (snapjar_context_new(&context, NULL, &err) != SNAPJAR_OK)
        return report_failure(cli, NULL, &err, NULL);
    if (judging_is_wanted(&values->judging))
        code = judging_make(cli, &values->judging, false, context, &policy);
    if (code < 0)
        code = trusting_make(&trusting, cli, &values->trusting);
    if (code < 0)
        code = verify_paths(cli, values, policy, &trusting, paths);
    trusting_clear(&trusting);
    snapjar_policy_free(policy);
    snapjar_context_free(context);
    return code;
}

static int run(struct cli *cli, int argc, char **argv)
{
    struct values values = {0};
    struct string_list paths = {0};
    int code = options_parse(cli, &values, &paths, argc, argv);

    if (code < 0 && values.quiet && (values.verbose || values.json))
        code = report_usage(cli, "--quiet goes with neither --verbose nor --json");
    if (code < 0 && !paths.count)
        code = report_usage(cli, "no file given: name files or directories, or - for standard input");
    if (code < 0 && values.stored_only && judging_is_wanted(&values.judging))
        code = report_usage(cli, "--stored-only looks at no pickle, so there is nothing to judge by a policy");
    if (code < 0)
        code = verify_all(cli, &values, &paths);
    judging_free(&values.judging);
    trusting_free_values(&values.trusting);
    string_list_free(&paths);
    return code;
}

static const struct example examples[] = {
    {"Is everything below this directory whole", "snapjar verify -j 0 /var/lib/jobs"},
    {"In a script", "snapjar verify -q job.snapjar || echo broken"},
    {"Is it whole, and does it do nothing but what the policy allows",
     "snapjar verify --policy jobs.policy.json job.snapjar"},
    {"Is it as somebody made it who may make it", "snapjar verify --trust trust.json job.snapjar"},
    {NULL, NULL},
};

const struct command command_verify = {
    "verify",
    "check that files are whole",
    "[OPTION]... PATH...",
    "Checks every record of every file: header, stored bytes, decompression to exactly the declared size, content, "
    "the opcodes of the pickle to its end, trailer; and follows what the pickle would do, without running it. Memory "
    "stays small however large the content is.\n\n"
    "Prints a line for each file that is not whole or whose pickle no Python could load (malformed), and a summary. "
    "What could not be analysed (a file that cannot be read, a limit) is never called good: exit code 2. A file that "
    "passes holds the bytes that were written; whether they are safe to load is judged only if a policy is given "
    "(--policy, --allow, --preset), which allows nothing else than it says. `snapjar scan` judges always, and more "
    "kinds of files.\n\n"
    "With --trust every record must carry a seal by a trusted key. It is checked before the header is parsed, and "
    "nothing is decompressed before the payload is the one that was sealed. Records that were taken out of the middle, "
    "repeated, exchanged or brought from another file are refused.\n\n"
    "Directories are walked as ls does.",
    rows,
    OPERAND_FILE,
    examples,
    run,
};
