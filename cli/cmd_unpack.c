/* SPDX-License-Identifier: MIT
 *
 * snapjar unpack: the pickles of a snapshot file, written only once everything was verified.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "contracts.h"
#include "denials.h"
#include "json_out.h"
#include "judging.h"
#include "limits.h"
#include "many.h"
#include "output.h"
#include "parallel.h"
#include "progress.h"
#include "sealing.h"

struct values {
    struct judging_values judging;
    const char *contract;
    struct trusting_values trusting;
    const char *output;
    struct option_number record;
    bool all;
    bool force;
    bool no_sync;
    struct option_number jobs;
    struct option_number threads;
    uint64_t max_size;
    uint64_t max_line;
    struct header_limit_values header;
    bool json;
};

static const struct option_row rows[] = {
    {'o', "output", "OUTPUT", OPTION_FILE, offsetof(struct values, output),
     "write to OUTPUT: a file, a directory, or - for standard output", NULL, 0, 0},
    {'f', "force", NULL, OPTION_FLAG, offsetof(struct values, force), "replace an output file that exists", NULL, 0, 0},
    {'r', "record", "N", OPTION_NUMBER, offsetof(struct values, record), "only record N, from 0; -1 is the last one",
     NULL, INT64_MIN, INT64_MAX},
    {'a', "all", NULL, OPTION_FLAG, offsetof(struct values, all),
     "the pickles of all records, one after another (the default)", NULL, 0, 0},
    {0, "contract", "FILE", OPTION_FILE, offsetof(struct values, contract),
     "write what the contract FILE makes of older versions, and nothing that its policy does not allow", NULL, 0, 0},
    JUDGING_OPTION_ROWS(struct values),
    TRUSTING_OPTION_ROWS(struct values, trusting),
    MANY_OPTION_ROW(struct values, jobs),
    {'T', "threads", "N", OPTION_NUMBER, offsetof(struct values, threads),
     "decompress with N threads beside the one that reads and writes; 0: one for each processor (default: 1)", NULL, 0,
     64},
    {0, "max-size", "SIZE", OPTION_SIZE, offsetof(struct values, max_size),
     "refuse content larger than SIZE (default 64G)", NULL, 0, 0},
    {0, "max-line", "SIZE", OPTION_SIZE, offsetof(struct values, max_line),
     "refuse a pickle with a longer line of text than SIZE (default 64M)", NULL, 0, 0},
    HEADER_LIMIT_ROWS(struct values, header),
    {0, "no-sync", NULL, OPTION_FLAG, offsetof(struct values, no_sync), "do not wait until the disk has it", NULL, 0,
     0},
    {0, "json", NULL, OPTION_FLAG, offsetof(struct values, json), "print JSON, one object for each record", NULL, 0, 0},
    {0},
};

static const char *const snapshot_suffixes[] = {".snapjar", NULL};

struct unpack {
    struct cli *cli;
    const struct values *values;
    snapjar_context *context;
    /** NULL: nothing is judged. */
    snapjar_policy *policy;
    /** NULL: records are unpacked as they are. */
    snapjar_contract *contract;
    /** NULL: no seal is demanded. */
    const snapjar_seal_demand *seal;
    snapjar_scan *scan;
    snapjar_limits limits;
    struct progress progress;
};

/* One file. */
struct job {
    struct unpack *unpack;
    const char *input;
    char *output_name;
    snapjar_source *source;
    snapjar_reader *reader;
    /** The first record to unpack, and how many; found by a walk over the headers. */
    uint64_t first;
    uint64_t first_offset;
    uint64_t count;
    uint64_t content_size;
    struct text json;
};

static snapjar_status open_input(struct job *job, snapjar_error *err)
{
    snapjar_context *context = job->unpack->context;
    snapjar_status status;

    if (!strcmp(job->input, "-") && isatty(STDIN_FILENO)) {
        report_make(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_NONE,
                    "standard input is a terminal: name a file, or pipe a snapshot in");
        return err->status;
    }
    if (!strcmp(job->input, "-"))
        status = snapjar_source_from_fd(&job->source, context, STDIN_FILENO, job->input, 0, err);
    else
        status = snapjar_source_open_path(&job->source, context, job->input, 0, err);
    if (status == SNAPJAR_OK)
        status = snapjar_reader_new(&job->reader, context, job->source, &job->unpack->limits, err);
    if (status == SNAPJAR_OK && job->unpack->seal)
        status = snapjar_reader_demand_seal(job->reader, job->unpack->seal, err);
    return status;
}

struct place {
    uint64_t offset;
    uint64_t size;
};

static snapjar_status choose(struct job *job, const struct place *places, uint64_t count, snapjar_error *err)
{
    const struct option_number *wanted = &job->unpack->values->record;

    job->count = count;
    if (wanted->is_given) {
        int64_t index = wanted->value < 0 ? wanted->value + (int64_t)count : wanted->value;
        if (index < 0 || (uint64_t)index >= count) {
            report_make(err, SNAPJAR_NOT_FOUND, SNAPJAR_DIAG_RECORD_NOT_FOUND,
                        "there is no record %" PRId64 ": the file has %" PRIu64, wanted->value, count);
            return err->status;
        }
        job->first = (uint64_t)index;
        job->count = 1;
    }
    assert(count > 0); /* A snapshot has a record, or reading it failed. */
    job->first_offset = places[job->first].offset;
    for (uint64_t i = 0; i < job->count; i++)
        job->content_size += places[job->first + i].size;
    return SNAPJAR_OK;
}

/*
 * Walks the headers, so that a file that does not even end as it should gives nothing. A single record can be had from
 * a damaged file, too, if it stands before the damage.
 */
static snapjar_status find_records(struct job *job, snapjar_error *err)
{
    const struct option_number *wanted = &job->unpack->values->record;
    struct place *places = NULL;
    uint64_t count = 0;
    snapjar_status status;

    for (;;) {
        const snapjar_record *record;
        status = snapjar_reader_next(job->reader, &record, err);
        if (status != SNAPJAR_OK || !record)
            break;
        if (!(count & (count - 1)))
            places = memory_resize(places, (count ? count * 2 : 1) * sizeof(*places));
        places[count++] =
            (struct place){snapjar_record_offset(record), snapjar_header_size(snapjar_record_header(record))};
        if (wanted->is_given && wanted->value >= 0 && count > (uint64_t)wanted->value)
            break;
    }
    if (status == SNAPJAR_OK)
        status = choose(job, places, count, err);
    free(places);
    return status;
}

static void add_json(struct job *job, const snapjar_record *record)
{
    const snapjar_header *header = snapjar_record_header(record);

    json_begin(&job->json, "unpacked");
    json_file(&job->json, "file", job->input);
    json_file(&job->json, "output", job->output_name);
    json_number(&job->json, "record", snapjar_record_index(record));
    json_text(&job->json, "type", snapjar_header_type(header));
    json_number(&job->json, "protocol", (uint64_t)snapjar_header_protocol(header));
    json_number(&job->json, "size", snapjar_header_size(header));
    json_end(&job->json);
}

static snapjar_status write_records(struct job *job, snapjar_sink *sink, snapjar_error *err)
{
    struct unpack *unpack = job->unpack;
    const struct option_number *threads = &unpack->values->threads;
    snapjar_check_options check = SNAPJAR_CHECK_OPTIONS_INIT;
    snapjar_status status = SNAPJAR_OK;

    check.threads = 1;
    if (threads->is_given)
        check.threads = threads->value ? (unsigned)threads->value : parallel_processors();
    check.progress = progress_update;
    check.progress_state = &unpack->progress;
    check.policy = unpack->policy;
    check.scan = unpack->scan;
    check.contract = unpack->contract;
    snapjar_reader_seek(job->reader, job->first_offset, job->first);
    for (uint64_t i = 0; i < job->count && status == SNAPJAR_OK; i++) {
        const snapjar_record *record;
        status = snapjar_reader_next(job->reader, &record, err);
        if (status == SNAPJAR_OK && !record) {
            report_make(err, SNAPJAR_IO, SNAPJAR_DIAG_SOURCE_CHANGED, "the file became shorter while it was read");
            status = err->status;
        }
        if (status == SNAPJAR_OK)
            status = snapjar_record_unpack(job->reader, sink, &check, err);
        if (status != SNAPJAR_OK)
            break;
        progress_clear(&unpack->progress);
        analysis_remark(unpack->cli, job->input, unpack->scan, REPORT_CONTENT_PICKLE);
        if (unpack->values->json)
            add_json(job, record);
    }
    return status;
}

static snapjar_status unpack_job(struct job *job, const char **guilty, snapjar_error *err)
{
    struct unpack *unpack = job->unpack;
    struct output output;
    uint64_t links = 0;
    snapjar_status status = open_input(job, err);

    if (status == SNAPJAR_OK)
        status = find_records(job, err);
    if (status != SNAPJAR_OK)
        return status;
    struct output_options output_options = {
        .force = unpack->values->force,
        .no_sync = unpack->values->no_sync,
        /* Of a single record the library hands out nothing before all is verified. */
        .needs_stage = job->count > 1,
        .size_hint = job->content_size,
        .input = job->input,
    };
    *guilty = job->output_name;
    status = output_open(&output, unpack->context, job->output_name, &output_options, err);
    if (status != SNAPJAR_OK)
        return status;
    progress_begin(&unpack->progress, "unpacking", true, !report_is_captured());
    status = write_records(job, output.sink, err);
    progress_clear(&unpack->progress);
    if (status != SNAPJAR_IO || err->diagnostic == SNAPJAR_DIAG_READ_FAILED ||
        err->diagnostic == SNAPJAR_DIAG_SOURCE_CHANGED)
        *guilty = job->input;
    if (status == SNAPJAR_OK) {
        *guilty = job->output_name;
        status = output_commit(&output, &links, err);
    }
    if (status == SNAPJAR_OK && links)
        report_remark(unpack->cli, job->output_name, "other hard links to the replaced file keep the old bytes");
    output_close(&output);
    return status;
}

static char *output_name(const struct values *values, const char *input)
{
    bool is_folder = values->output && path_is_directory(values->output);

    if (values->output && !is_folder)
        return memory_string(values->output);
    if (!strcmp(input, "-"))
        return is_folder ? path_derive("stdin", NULL, NULL, ".pkl", values->output) : memory_string("-");
    return path_derive(input, snapshot_suffixes, NULL, ".pkl", values->output);
}

static void unpack_file(struct unpack *unpack, const char *input)
{
    struct job job = {.unpack = unpack, .input = input, .output_name = output_name(unpack->values, input)};
    const char *guilty = input;
    snapjar_error err;

    if (unpack->values->json && !strcmp(job.output_name, "-")) {
        report_usage(unpack->cli, "--json and the pickle cannot both go to standard output: use -o FILE");
    } else if (unpack_job(&job, &guilty, &err) != SNAPJAR_OK) {
        report_failure(unpack->cli, guilty, &err, REPORT_CONTENT_PICKLE);
        if (unpack->values->json) {
            text_clear(&job.json);
            json_begin(&job.json, "error");
            json_file(&job.json, "file", guilty);
            json_error(&job.json, "error", &err);
            json_end(&job.json);
            report_print(&job.json);
        }
    } else {
        report_print(&job.json);
    }
    snapjar_reader_free(job.reader);
    snapjar_source_free(job.source);
    text_free(&job.json);
    free(job.output_name);
}

/* Of the files in a directory those are unpacked that are called *.snapjar. */
static bool is_snapshot_name(const char *path)
{
    char *other = path_derive(path, snapshot_suffixes, NULL, "", NULL);
    bool is_snapshot = strcmp(other, path) != 0;

    free(other);
    return is_snapshot;
}

/* What one worker needs. Free it with clear_unpack in any case. */
static int make_unpack(struct unpack *unpack, struct cli *cli, const struct values *values,
                       const snapjar_seal_demand *seal)
{
    snapjar_error err;

    *unpack = (struct unpack){.cli = cli, .values = values, .seal = seal, .limits = SNAPJAR_LIMITS_INIT};
    unpack->limits.content_size_max = values->max_size;
    unpack->limits.pickle_line_size_max = values->max_line;
    header_limits_set(&unpack->limits, &values->header);
    if (snapjar_context_new(&unpack->context, NULL, &err) != SNAPJAR_OK ||
        snapjar_scan_new(&unpack->scan, unpack->context, NULL, &err) != SNAPJAR_OK)
        return report_failure(cli, NULL, &err, NULL);
    if (values->contract) {
        int code = contracts_read(cli, unpack->context, values->contract, &unpack->contract, NULL);
        if (code >= 0)
            return code;
    }
    return judging_is_wanted(&values->judging)
               ? judging_make(cli, &values->judging, false, unpack->context, &unpack->policy)
               : -1;
}

static void clear_unpack(struct unpack *unpack)
{
    snapjar_policy_free(unpack->policy);
    snapjar_contract_free(unpack->contract);
    snapjar_scan_free(unpack->scan);
    snapjar_context_free(unpack->context);
}

struct jobs {
    /** One for each worker. */
    struct unpack *unpacks;
    const struct string_list *inputs;
};

static void work(void *state, unsigned worker, size_t index)
{
    const struct jobs *jobs = state;

    unpack_file(&jobs->unpacks[worker], jobs->inputs->items[index]);
}

static int unpack_files(struct cli *cli, const struct values *values, const struct string_list *inputs,
                        const snapjar_seal_demand *seal)
{
    struct many many = {.cli = cli, .verb = "unpacking", .count = inputs->count, .work = work};
    int code = -1;

    cli->report.has_no_hints = values->json;
    many.jobs = many_jobs(&values->jobs, inputs->count);
    struct jobs jobs = {memory_get(many.jobs * sizeof(*jobs.unpacks)), inputs};
    many.state = &jobs;
    for (unsigned i = 0; i < many.jobs && code < 0; i++)
        code = make_unpack(&jobs.unpacks[i], cli, values, seal);
    if (code < 0) {
        many_run(&many);
        code = cli->report.exit_code;
    }
    for (unsigned i = 0; i < many.jobs; i++)
        clear_unpack(&jobs.unpacks[i]);
    free(jobs.unpacks);
    return code;
}

static int unpack_all(struct cli *cli, const struct values *values, const struct string_list *inputs)
{
    struct trusting trusting;
    int code = trusting_make(&trusting, cli, &values->trusting);

    if (code < 0)
        code = unpack_files(cli, values, inputs, trusting_demand(&trusting));
    trusting_clear(&trusting);
    return code;
}

static int check_names(struct cli *cli, const struct values *values, const struct string_list *files)
{
    char **names = memory_get(files->count * sizeof(*names));

    for (size_t i = 0; i < files->count; i++)
        names[i] = output_name(values, files->items[i]);
    int code = output_check_names(cli, names, files->count);
    for (size_t i = 0; i < files->count; i++)
        free(names[i]);
    free(names);
    return code;
}

static int run(struct cli *cli, int argc, char **argv)
{
    struct values values = {0};
    struct string_list inputs = {0};
    struct string_list files = {0};
    struct walk walk = {0};
    int code = options_parse(cli, &values, &inputs, argc, argv);

    if (code < 0 && values.record.is_given && values.all)
        code = report_usage(cli, "--record and --all contradict each other");
    if (code < 0 && !inputs.count)
        string_list_add(&inputs, "-");
    if (code < 0)
        many_expand(cli, &walk, &files, &inputs, is_snapshot_name, "file called *.snapjar");
    if (code < 0 && values.output && files.count > 1 && !path_is_directory(values.output))
        code = report_usage(cli, "-o must be a directory that exists when there are several files: %s", values.output);
    if (code < 0)
        code = check_names(cli, &values, &files);
    if (code < 0)
        code = unpack_all(cli, &values, &files);
    walk_free(&walk);
    string_list_free(&files);
    judging_free(&values.judging);
    trusting_free_values(&values.trusting);
    string_list_free(&inputs);
    return code;
}

static const struct example examples[] = {
    {"Get the pickle back as job.pkl", "snapjar unpack job.snapjar"},
    {"Get the pickle of the last record", "snapjar unpack --record -1 -o last.pkl log.snapjar"},
    {NULL, NULL},
};

const struct command command_unpack = {
    "unpack",
    "get the pickles back",
    "[OPTION]... [FILE]...",
    "Writes the pickles of each FILE (or of standard input) to FILE without .snapjar, with .pkl. The bytes are those "
    "that were packed; of several records they stand one after another, as a program that loads until the end of the "
    "file expects. Buffers that were stored beside a pickle are put back into it.\n\n"
    "Nothing is written before everything asked for was verified, so there is never a part of a file. That bytes are "
    "whole does not mean that loading them is safe: a pickle can run any program. With --policy, --allow or --preset "
    "nothing is written unless the pickle does only what is allowed. Without, it is written whatever it does, with a "
    "remark if no Python could load it or no pickler would write it. With --contract, records of older versions are "
    "migrated on their way out, and only what the contract's policy allows is written.\n\n"
    "Directories are walked: of the files in them those called *.snapjar are unpacked.",
    rows,
    OPERAND_FILE,
    examples,
    run,
};
