/* SPDX-License-Identifier: MIT
 *
 * snapjar doctor: the questions that one asks before pickles go into production, answered from the file.
 */
#include <inttypes.h>

#include "doctor.h"
#include "json_out.h"
#include "sealing.h"

struct values {
    struct batch_values batch;
    struct judging_values judging;
    struct string_list contracts;
    struct trusting_values trusting;
    struct option_number record;
    int encoding;
    uint64_t max_size;
    uint64_t max_listed;
    bool json;
    bool quiet;
};

static const struct option_row rows[] = {
    BATCH_OPTION_ROWS(struct values),
    JUDGING_OPTION_ROWS(struct values),
    CONTRACT_SET_OPTION_ROW(struct values, contracts),
    TRUSTING_OPTION_ROWS(struct values, trusting),
    {'r', "record", "N", OPTION_NUMBER, offsetof(struct values, record),
     "only record (or pickle) N of each file, from 0", NULL, 0, INT64_MAX},
    {0, "encoding", "NAME", OPTION_CHOICE, offsetof(struct values, encoding),
     "how the program reads strings of Python 2 in bare pickles (default ascii)", "ascii|latin1|bytes", 0, 0},
    {0, "max-size", "SIZE", OPTION_SIZE, offsetof(struct values, max_size),
     "do not analyse a pickle larger than SIZE (default 64G)", NULL, 0, 0},
    {0, "max-listed", "SIZE", OPTION_SIZE, offsetof(struct values, max_listed),
     "look for text of Python 2 in pickles of up to SIZE (default 64M)", NULL, 0, 0},
    {'q', "quiet", NULL, OPTION_FLAG, offsetof(struct values, quiet), "print nothing: the exit code tells", NULL, 0, 0},
    {0, "json", NULL, OPTION_FLAG, offsetof(struct values, json), "print JSON, one object a pickle and one for the sum",
     NULL, 0, 0},
    {0},
};

#define LISTED_DEFAULT (UINT64_C(64) << 20)

/* ---- taking, in order ---- */

static void take(struct batch *batch, const char *path, struct outcome *outcome)
{
    struct doctor *doctor = batch->state;

    (void)path;
    for (size_t i = 0; i < GRADE_COUNT; i++)
        doctor->counts[i] += outcome->grade_counts[i];
    doctor->failed_count += outcome->failed_count;
    report_print(&outcome->out);
}

static void print_summary(const struct batch *batch)
{
    static const char *const words[GRADE_COUNT] = {"well", "to attend to", "with problems", "not analysed"};
    const struct doctor *doctor = batch->state;
    const char *comma = ": ";
    struct text out = {0};

    if (batch->is_json) {
        json_begin(&out, "summary");
        json_number(&out, "files", batch->file_count);
        json_number(&out, "pickles", batch->record_count);
        for (size_t i = 0; i < GRADE_COUNT; i++)
            json_number(&out, grade_name((enum grade)i), doctor->counts[i]);
        json_number(&out, "failed_files", doctor->failed_count);
        json_number(&out, "exit_code", (uint64_t)batch->cli->report.exit_code);
        json_end(&out);
    } else {
        text_printf(&out, "%zu file%s, %" PRIu64 " pickle%s", batch->file_count, batch->file_count == 1 ? "" : "s",
                    batch->record_count, batch->record_count == 1 ? "" : "s");
        for (size_t i = 0; i < GRADE_COUNT; i++) {
            if (!doctor->counts[i])
                continue;
            text_printf(&out, "%s%" PRIu64 " %s", comma, doctor->counts[i], words[i]);
            comma = ", ";
        }
        if (doctor->failed_count)
            text_printf(&out, "%s%" PRIu64 " file%s not read to the end", comma, doctor->failed_count,
                        doctor->failed_count == 1 ? "" : "s");
        text_putc(&out, '\n');
    }
    report_print(&out);
    text_free(&out);
}

/* ---- wiring ---- */

static int examine_paths(struct cli *cli, const struct values *values, const snapjar_policy *policy,
                         const struct contract_set *contracts, const snapjar_seal_demand *seal,
                         const struct string_list *paths)
{
    struct doctor doctor = {.policy = policy,
                            .has_policy = judging_is_wanted(&values->judging),
                            .contracts = *contracts,
                            .record = values->record,
                            .listed_max = values->max_listed ? values->max_listed : LISTED_DEFAULT};
    struct batch batch;

    cli->report.is_quiet = values->quiet;
    batch_init(&batch, cli, &values->batch, &doctor, values->json);
    batch.limits.content_size_max = values->max_size;
    batch.needs_scan = true;
    batch.seal = seal;
    batch.look_source = doctor_look;
    batch.fail = doctor_fail;
    batch.take = take;
    batch.verb = "examining";
    batch.string_encoding = (snapjar_string_encoding)(values->encoding ? values->encoding - 1 : 0);
    batch_run(&batch, paths);
    if (!batch.file_count) {
        snapjar_error err;
        report_make(&err, SNAPJAR_IO, SNAPJAR_DIAG_NONE, "there is no file here");
        report_failure(cli, paths->items[0], &err, NULL);
    }
    if (!values->quiet)
        print_summary(&batch);
    /* Each answer says itself what to do. */
    cli->report.has_no_hints |= !doctor.failed_count;
    return cli->report.exit_code;
}

static int run(struct cli *cli, int argc, char **argv)
{
    struct values values = {0};
    struct string_list paths = {0};
    snapjar_context *context = NULL;
    snapjar_policy *policy = NULL;
    struct contract_set contracts = {0};
    struct trusting trusting = {.trust = NULL};
    snapjar_error err;
    int code = options_parse(cli, &values, &paths, argc, argv);

    if (code < 0 && values.quiet && values.json)
        code = report_usage(cli, "--quiet and --json contradict each other");
    if (code < 0 && !paths.count)
        code = report_usage(cli, "no file given: name files or directories, or - for standard input");
    if (code < 0 && snapjar_context_new(&context, NULL, &err) != SNAPJAR_OK)
        code = report_failure(cli, NULL, &err, NULL);
    if (code < 0)
        code = judging_make(cli, &values.judging, true, context, &policy);
    if (code < 0)
        code = contract_set_read(cli, context, &values.contracts, &contracts);
    if (code < 0)
        code = trusting_make(&trusting, cli, &values.trusting);
    if (code < 0)
        code = examine_paths(cli, &values, policy, &contracts, trusting_demand(&trusting), &paths);
    trusting_clear(&trusting);
    trusting_free_values(&values.trusting);
    contract_set_free(&contracts);
    string_list_free(&values.contracts);
    snapjar_policy_free(policy);
    snapjar_context_free(context);
    judging_free(&values.judging);
    string_list_free(&paths);
    return code;
}

static const struct example examples[] = {
    {"May this go into production", "snapjar doctor job.pkl"},
    {"With what the application's policy allows", "snapjar doctor --policy jobs.policy.json job.snapjar"},
    {"Held against the contract of its type", "snapjar doctor --contract job.contract.json job.snapjar"},
    {"What is not well below a directory",
     "snapjar doctor --json /var/lib/jobs | jq 'select(.verdict == \"problem\")'"},
    {NULL, NULL},
};

const struct command command_doctor = {
    "doctor",
    "ask what one asks before production",
    "[OPTION]... PATH...",
    "Answers, for every pickle of every file, in a jar or not: is it whole; does anybody vouch for it (source); does "
    "it do only what is allowed; would a pickler write it (ordinary); has it a version and a way on from there; what "
    "if "
    "a class changes (classes); what must be importable (imports); which Pythons can read it, and which other programs "
    "(languages); is anything in it tied to the process that wrote it (live); how large is it, stored and loaded. "
    "Nothing is unpickled.\n\n"
    "Each answer is ok, attention, problem, or unknown where the pickle could not be analysed, with one sentence and "
    "what to do. What the default presets do not allow is a problem where it is called and wants attention where "
    "it is only a class; with --policy, --allow or --preset, which add to these, whatever is not allowed is a "
    "problem. With the --contract for its type a pickle is held against that: version, fields, values, and what it may "
    "do. With --trust what no trusted key has sealed is a problem.\n\n"
    "Exit code 0: no problem. 1: a problem. 2: something could not be read or analysed.",
    rows,
    OPERAND_FILE,
    examples,
    run,
};
