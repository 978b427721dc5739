/* SPDX-License-Identifier: MIT
 *
 * snapjar report: the serialization map of directories.
 */
#include <string.h>

#include "census.h"
#include "output.h"
#include "sealing.h"

struct values {
    struct batch_values batch;
    struct judging_values judging;
    struct string_list contracts;
    struct trusting_values trusting;
    const char *stale_after;
    const char *as_of;
    bool verify;
    int encoding;
    uint64_t max_size;
    struct option_number rows;
    struct option_number list;
    const char *html;
    bool force;
    bool json;
};

static const struct option_row rows[] = {
    BATCH_OPTION_ROWS(struct values),
    {0, "stale-after", "DURATION", OPTION_TEXT, offsetof(struct values, stale_after),
     "call records older than DURATION stale: a number and s, m, h, d, w or y, as 90d", NULL, 0, 0},
    {0, "as-of", "TIME", OPTION_TEXT, offsetof(struct values, as_of),
     "reckon ages from TIME, as 2026-01-31T00:00:00Z (default: SOURCE_DATE_EPOCH or now)", NULL, 0, 0},
    {0, "verify", NULL, OPTION_FLAG, offsetof(struct values, verify),
     "read and check everything, as verify does, and look into compressed files", NULL, 0, 0},
    CONTRACT_SET_OPTION_ROW(struct values, contracts),
    JUDGING_OPTION_ROWS(struct values),
    TRUSTING_OPTION_ROWS(struct values, trusting),
    {0, "encoding", "NAME", OPTION_CHOICE, offsetof(struct values, encoding),
     "how the program reads strings of Python 2 in bare pickles (default ascii)", "ascii|latin1|bytes", 0, 0},
    {0, "max-size", "SIZE", OPTION_SIZE, offsetof(struct values, max_size),
     "do not read content larger than SIZE (default 64G)", NULL, 0, 0},
    {0, "max-rows", "N", OPTION_NUMBER, offsetof(struct values, rows),
     "sum up types and writers beyond N each in one row (default 10000)", NULL, 1, 1 << 20},
    {0, "list", "N", OPTION_NUMBER, offsetof(struct values, list),
     "name N files for each kind of trouble (default 10) and count the others", NULL, 0, 1 << 20},
    {0, "html", "FILE", OPTION_FILE, offsetof(struct values, html),
     "write a page with tables and plots to FILE (-: standard output) instead of the tables", NULL, 0, 0},
    {'f', "force", NULL, OPTION_FLAG, offsetof(struct values, force), "replace FILE if it exists", NULL, 0, 0},
    {0, "json", NULL, OPTION_FLAG, offsetof(struct values, json), "print JSON, one object a line", NULL, 0, 0},
    {0},
};

#define ROWS_DEFAULT 10000
#define LIST_DEFAULT 10

static bool is_page_to_stdout(const struct values *values)
{
    return values->html && !strcmp(values->html, "-");
}

/* Writes the page to its file; with NULL it only tries whether that is possible. Returns -1, or an exit code. */
static int write_page(struct cli *cli, const struct values *values, snapjar_context *context, const struct text *page)
{
    const struct output_options options = {.force = values->force, .size_hint = page ? page->size : 0};
    struct output output;
    snapjar_error err;
    snapjar_status status = output_open(&output, context, values->html, &options, &err);

    if (status == SNAPJAR_OK) {
        if (page)
            status = snapjar_sink_write(output.sink, page->data, page->size, &err);
        if (page && status == SNAPJAR_OK)
            status = output_commit(&output, NULL, &err);
        output_close(&output);
    }
    return status == SNAPJAR_OK ? -1 : report_failure(cli, values->html, &err, NULL);
}

static void show(struct cli *cli, const struct values *values, snapjar_context *context, struct census *census,
                 const struct string_list *paths)
{
    struct text page = {0};

    if (values->html)
        census_add_html(&page, census, paths);
    if (is_page_to_stdout(values))
        report_print(&page);
    else if (values->html)
        (void)write_page(cli, values, context, &page);
    text_free(&page);
    if (values->json)
        census_print_json(census);
    else if (!values->html)
        census_print_text(cli, census);
    else if (!is_page_to_stdout(values))
        census_print_summary(census);
}

static void report_paths(struct cli *cli, const struct values *values, snapjar_context *context,
                         const snapjar_seal_demand *seal, const struct census_options *options,
                         const struct string_list *paths)
{
    struct census census;
    struct batch batch;

    batch_init(&batch, cli, &values->batch, &census, values->json);
    census_init(&census, options);
    batch.limits.content_size_max = values->max_size;
    batch.seal = seal;
    batch.is_header_only = !options->is_deep;
    batch.needs_scan = true;
    batch.look_source = census_look;
    batch.fail = census_fail;
    batch.take = census_take;
    batch.leave_out = census_leave_out;
    batch.verb = options->is_deep ? "checking" : "reading headers";
    batch.string_encoding = (snapjar_string_encoding)(values->encoding ? values->encoding - 1 : 0);
    /* The report says what to do about each kind of trouble. */
    cli->report.has_no_hints = true;
    batch_run(&batch, paths);
    census_finish(&census, &batch);
    show(cli, values, context, &census, paths);
    census_free(&census);
}

/* Reads what is written as text in options. Returns -1 to go on. */
static int read_options(struct cli *cli, const struct values *values, struct census_options *options)
{
    *options = (struct census_options){
        .now = moment_now(),
        .stale_after = -1,
        .is_deep = values->verify || judging_is_wanted(&values->judging),
        .row_max = values->rows.is_given ? (size_t)values->rows.value : ROWS_DEFAULT,
        .list_max = values->list.is_given ? (size_t)values->list.value : LIST_DEFAULT,
    };
    if (values->as_of && !moment_read(&options->now, values->as_of, strlen(values->as_of)))
        return report_usage(cli, "--as-of needs a time in UTC as 2026-01-31T00:00:00Z, not \"%s\"", values->as_of);
    if (values->stale_after && !duration_read(&options->stale_after, values->stale_after))
        return report_usage(cli,
                            "--stale-after needs a number and s, m, h, d, w or y, as 90d, and up to 10000y, not \"%s\"",
                            values->stale_after);
    return -1;
}

static int run(struct cli *cli, int argc, char **argv)
{
    struct values values = {0};
    struct string_list paths = {0};
    struct census_options options;
    snapjar_context *context = NULL;
    snapjar_policy *policy = NULL;
    struct contract_set contracts = {0};
    struct trusting trusting = {.trust = NULL};
    snapjar_error err;
    int code = options_parse(cli, &values, &paths, argc, argv);

    if (code < 0 && !paths.count)
        code = report_usage(cli, "no directory given: name files or directories");
    if (code < 0 && values.json && is_page_to_stdout(&values))
        code = report_usage(cli, "--json and the page cannot both go to standard output: name a file for the page");
    if (code < 0)
        code = read_options(cli, &values, &options);
    if (code < 0 && snapjar_context_new(&context, NULL, &err) != SNAPJAR_OK)
        code = report_failure(cli, NULL, &err, NULL);
    if (code < 0 && judging_is_wanted(&values.judging))
        code = judging_make(cli, &values.judging, false, context, &policy);
    if (code < 0)
        code = contract_set_read(cli, context, &values.contracts, &contracts);
    if (code < 0)
        code = trusting_make(&trusting, cli, &values.trusting);
    if (code < 0 && values.html && !is_page_to_stdout(&values))
        code = write_page(cli, &values, context, NULL);
    if (code < 0) {
        options.policy = policy;
        options.contracts = contracts.count ? &contracts : NULL;
        report_paths(cli, &values, context, trusting_demand(&trusting), &options, &paths);
        code = cli->report.exit_code;
    }
    trusting_clear(&trusting);
    trusting_free_values(&values.trusting);
    contract_set_free(&contracts);
    snapjar_policy_free(policy);
    snapjar_context_free(context);
    string_list_free(&values.contracts);
    judging_free(&values.judging);
    string_list_free(&paths);
    return code;
}

static const struct example examples[] = {
    {"What is serialized below a directory", "snapjar report /var/lib/jobs"},
    {"What is older than a quarter of a year, for a program",
     "snapjar report --json --stale-after 90d /var/lib/jobs | jq 'select(.concern == \"stale\")'"},
    {"A page for people, written anew", "snapjar report --html report.html --force /var/lib/jobs"},
    {"Check everything, and judge it by a policy", "snapjar report --policy jobs.policy.json /var/lib/jobs"},
    {NULL, NULL},
};

const struct command command_report = {
    "report",
    "map what is serialized below directories",
    "[OPTION]... PATH...",
    "Counts the records of all snapshots below directories by type and schema version, with their ages and sizes; by "
    "who wrote them (tool, application, Python); and the pickles that are in no jar yet, bare or compressed. Says what "
    "needs attention: what is damaged, cut short or no snapshot, what is stale (--stale-after), what drifted (classes "
    "that have other fields in other records of the same type and schema version), what is not sealed, and, with a "
    "policy, what is denied. --html writes it as one page that needs nothing from elsewhere.\n\n"
    "Only headers are read unless --verify or a policy is given (--policy, --allow, --preset, which imply --verify and "
    "allow nothing else than they say). Pickles of protocol 0 and 1 are read, because only that tells them from "
    "text. A median is exact up to 1024 records of a row, and of evenly chosen ones beyond that. Memory is bounded: a "
    "row of its own for 10000 types and writers (--max-rows), the first 10 files with each kind of trouble by name "
    "(--list), and everything else in numbers.\n\n"
    "--contract holds records of its type against a contract: which are behind its schema version, or of one that it "
    "does not know; with --verify also whether fields and values are as it says, and, without a policy, whether they "
    "do "
    "only what it allows. --trust demands a seal by a trusted key of every record; without --verify the payload is not "
    "compared with what was sealed.\n\n"
    "Exit code 0: nothing of this is wrong. 1: something is damaged, cut short, stale, behind or not as its contract "
    "says, drifted, denied or not sealed as demanded. 2: something "
    "could not be read or analysed, or the command line is wrong. Directories are walked as ls does.",
    rows,
    OPERAND_FILE,
    examples,
    run,
};
