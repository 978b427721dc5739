/* SPDX-License-Identifier: MIT
 *
 * snapjar recover: every whole record of a damaged file into a new one, and a list of what was lost.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "json_out.h"
#include "limits.h"
#include "output.h"

struct values {
    const char *output;
    const char *unconfirmed;
    bool force;
    bool no_sync;
    struct header_limit_values header;
    bool json;
};

static const struct option_row rows[] = {
    {'o', "output", "OUTPUT", OPTION_FILE, offsetof(struct values, output),
     "write whole records to OUTPUT (default: FILE.recovered.snapjar)", NULL, 0, 0},
    {'u', "unconfirmed", "OUTPUT", OPTION_FILE, offsetof(struct values, unconfirmed),
     "write unconfirmed finds to OUTPUT (default: beside the other, .unconfirmed.snapjar)", NULL, 0, 0},
    {'f', "force", NULL, OPTION_FLAG, offsetof(struct values, force), "replace output files that exist", NULL, 0, 0},
    HEADER_LIMIT_ROWS(struct values, header),
    {0, "no-sync", NULL, OPTION_FLAG, offsetof(struct values, no_sync), "do not wait until the disk has it", NULL, 0,
     0},
    {0, "json", NULL, OPTION_FLAG, offsetof(struct values, json),
     "print JSON, one object for each range and one for the sum", NULL, 0, 0},
    {0},
};

static const char *const snapshot_suffixes[] = {".snapjar", NULL};

/* An output that comes into being with its first byte. */
struct late_output {
    struct recovery *recovery;
    char *name;
    struct output output;
    bool is_open;
};

struct recovery {
    struct cli *cli;
    const struct values *values;
    const char *input;
    snapjar_context *context;
    snapjar_source *source;
    struct late_output kept;
    struct late_output unconfirmed;
    /** What the ranges come to, printed once the outputs stand. */
    struct text out;
    /** The output that a failure is about, or the input. */
    const char *guilty;
};

static snapjar_status late_write(void *state, const void *bytes, size_t size, snapjar_error *err)
{
    struct late_output *late = state;
    struct recovery *recovery = late->recovery;
    snapjar_status status = SNAPJAR_OK;

    if (!late->is_open) {
        struct output_options options = {
            .force = recovery->values->force,
            .no_sync = recovery->values->no_sync,
            .needs_stage = true,
            .size_hint = UINT64_MAX,
            .input = recovery->input,
        };
        status = output_open(&late->output, recovery->context, late->name, &options, err);
        late->is_open = status == SNAPJAR_OK;
    }
    if (status == SNAPJAR_OK)
        status = snapjar_sink_write(late->output.sink, bytes, size, err);
    if (status != SNAPJAR_OK)
        recovery->guilty = late->name;
    return status;
}

static snapjar_status late_commit(struct late_output *late, snapjar_error *err)
{
    if (!late->is_open)
        return SNAPJAR_OK;
    snapjar_status status = output_commit(&late->output, NULL, err);
    if (status != SNAPJAR_OK)
        late->recovery->guilty = late->name;
    return status;
}

static void late_close(struct late_output *late)
{
    if (late->is_open)
        output_close(&late->output);
    late->is_open = false;
}

static void report_range(void *state, snapjar_recover_event event, uint64_t file_offset, uint64_t size,
                         const snapjar_error *reason)
{
    static const char *const words[] = {"kept", "lost", "unconfirmed"};
    struct recovery *recovery = state;
    struct text *out = &recovery->out;
    const char *word = (size_t)event < sizeof(words) / sizeof(words[0]) ? words[event] : "unknown";

    if (recovery->values->json) {
        json_begin(out, "range");
        json_file(out, "file", recovery->input);
        json_string(out, "event", word);
        json_number(out, "offset", file_offset);
        json_number(out, "size", size);
        if (reason)
            json_error(out, "error", reason);
        json_end(out);
    } else {
        text_printf(out, "%s: bytes %" PRIu64 " to %" PRIu64 " (%" PRIu64 ")", word, file_offset,
                    size ? file_offset + size - 1 : file_offset, size);
        if (reason) {
            text_puts(out, ": ");
            report_format(out, reason, REPORT_CONTENT_PICKLE);
        }
        text_putc(out, '\n');
    }
}

static void add_summary(struct recovery *recovery, const snapjar_recovered *recovered)
{
    struct text *out = &recovery->out;
    const char *kept_name = recovered->kept_count ? recovery->kept.name : NULL;
    const char *unconfirmed_name = recovered->unconfirmed_count ? recovery->unconfirmed.name : NULL;

    if (recovery->values->json) {
        json_begin(out, "summary");
        json_number(out, "kept_records", recovered->kept_count);
        json_number(out, "unconfirmed_records", recovered->unconfirmed_count);
        json_number(out, "lost_size", recovered->lost_size);
        if (kept_name)
            json_file(out, "output", kept_name);
        if (unconfirmed_name)
            json_file(out, "unconfirmed_output", unconfirmed_name);
        json_end(out);
        return;
    }
    text_printf(out, "%" PRIu64 " record%s kept", recovered->kept_count, recovered->kept_count == 1 ? "" : "s");
    if (kept_name) {
        text_puts(out, strcmp(kept_name, "-") ? " in " : " on standard output");
        text_escape_string(out, strcmp(kept_name, "-") ? kept_name : "");
    }
    if (unconfirmed_name) {
        text_printf(out, ", %" PRIu64 " unconfirmed in ", recovered->unconfirmed_count);
        text_escape_string(out, unconfirmed_name);
    }
    text_printf(out, ", %" PRIu64 " byte%s lost\n", recovered->lost_size, recovered->lost_size == 1 ? "" : "s");
}

static snapjar_status make_sink(struct recovery *recovery, struct late_output *late, snapjar_sink **sink,
                                snapjar_error *err)
{
    static const snapjar_sink_functions functions = {sizeof(snapjar_sink_functions), late_write, NULL, NULL, true};
    return snapjar_sink_from_functions(sink, recovery->context, &functions, late, err);
}

static snapjar_status open_input(struct recovery *recovery, snapjar_error *err)
{
    if (!strcmp(recovery->input, "-"))
        return snapjar_source_from_fd(&recovery->source, recovery->context, STDIN_FILENO, "-", 0, err);
    return snapjar_source_open_path(&recovery->source, recovery->context, recovery->input, 0, err);
}

static snapjar_status recover_source(struct recovery *recovery, snapjar_recovered *recovered, snapjar_error *err)
{
    snapjar_limits limits = SNAPJAR_LIMITS_INIT;
    snapjar_sink *kept = NULL;
    snapjar_sink *unconfirmed = NULL;

    header_limits_set(&limits, &recovery->values->header);
    snapjar_status status = make_sink(recovery, &recovery->kept, &kept, err);
    if (status == SNAPJAR_OK)
        status = make_sink(recovery, &recovery->unconfirmed, &unconfirmed, err);
    if (status == SNAPJAR_OK)
        status = snapjar_recover(recovery->context, recovery->source, kept, unconfirmed, &limits, report_range,
                                 recovery, recovered, err);
    snapjar_sink_free(kept);
    snapjar_sink_free(unconfirmed);
    return status;
}

static snapjar_status recover_all(struct recovery *recovery, snapjar_recovered *recovered, snapjar_error *err)
{
    snapjar_status status = snapjar_context_new(&recovery->context, NULL, err);

    if (status == SNAPJAR_OK)
        status = open_input(recovery, err);
    if (status == SNAPJAR_OK)
        status = recover_source(recovery, recovered, err);
    if (status == SNAPJAR_OK)
        status = late_commit(&recovery->kept, err);
    if (status == SNAPJAR_OK)
        status = late_commit(&recovery->unconfirmed, err);
    return status;
}

static void print_out(struct recovery *recovery)
{
    /* Standard output may be taken by the records. */
    if (!strcmp(recovery->kept.name, "-")) {
        fwrite(text_string(&recovery->out), 1, recovery->out.size, stderr);
        return;
    }
    report_print(&recovery->out);
}

static int recover_file(struct recovery *recovery)
{
    snapjar_recovered recovered = {0};
    snapjar_error err;
    struct cli *cli = recovery->cli;

    recovery->guilty = recovery->input;
    cli->report.has_no_hints = recovery->values->json;
    if (recover_all(recovery, &recovered, &err) != SNAPJAR_OK) {
        report_failure(cli, recovery->guilty, &err, NULL);
    } else {
        add_summary(recovery, &recovered);
        print_out(recovery);
        if (recovered.lost_size || recovered.unconfirmed_count || !recovered.kept_count)
            report_raise(&cli->report, EXIT_NO);
        if (!recovered.kept_count && !recovered.unconfirmed_count) {
            report_make(&err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_NO_RECORDS, "no whole record was found");
            report_failure(cli, recovery->input, &err, NULL);
        }
    }
    late_close(&recovery->kept);
    late_close(&recovery->unconfirmed);
    snapjar_source_free(recovery->source);
    snapjar_context_free(recovery->context);
    return cli->report.exit_code;
}

static int check_usage(struct cli *cli, const struct values *values, const struct string_list *inputs)
{
    if (inputs->count != 1)
        return report_usage(cli, inputs->count ? "one FILE at a time: not %s as well" : "no FILE given",
                            inputs->count ? inputs->items[1] : NULL);
    if (!strcmp(inputs->items[0], "-") && !values->output)
        return report_usage(cli, "name the output with -o when the input is standard input");
    if (values->output && !strcmp(values->output, "-") && !values->unconfirmed)
        return report_usage(cli, "name the unconfirmed output, too, when the output is standard output");
    if (values->unconfirmed && !strcmp(values->unconfirmed, "-"))
        return report_usage(cli, "unconfirmed records cannot go to standard output");
    if (values->output && values->unconfirmed && !strcmp(values->output, values->unconfirmed))
        return report_usage(cli, "the two outputs are the same: %s", values->output);
    return -1;
}

static int run(struct cli *cli, int argc, char **argv)
{
    struct values values = {0};
    struct string_list inputs = {0};
    int code = options_parse(cli, &values, &inputs, argc, argv);

    if (code < 0)
        code = check_usage(cli, &values, &inputs);
    if (code < 0) {
        struct recovery recovery = {.cli = cli, .values = &values, .input = inputs.items[0]};
        recovery.kept.recovery = &recovery;
        recovery.unconfirmed.recovery = &recovery;
        recovery.kept.name = values.output
                                 ? memory_string(values.output)
                                 : path_derive(recovery.input, snapshot_suffixes, NULL, ".recovered.snapjar", NULL);
        recovery.unconfirmed.name =
            values.unconfirmed ? memory_string(values.unconfirmed)
                               : path_derive(recovery.kept.name, snapshot_suffixes, NULL, ".unconfirmed.snapjar", NULL);
        code = recover_file(&recovery);
        text_free(&recovery.out);
        free(recovery.kept.name);
        free(recovery.unconfirmed.name);
    }
    string_list_free(&inputs);
    return code;
}

static const struct example examples[] = {
    {"Save what can be saved; writes log.recovered.snapjar", "snapjar recover log.snapjar"},
    {NULL, NULL},
};

const struct command command_recover = {
    "recover",
    "save the whole records of a damaged file",
    "[OPTION]... FILE",
    "Copies every whole record of FILE, byte for byte, to a new file, and prints which bytes were kept and which were "
    "lost and why. FILE is never changed. The exit code is 0 if nothing was lost, and 1 if something was.\n\n"
    "Whole means: header, stored bytes and trailer hold. A record that was found only by searching through damaged "
    "bytes may be data inside another record's payload; such unconfirmed finds go to a file of their own. With - as "
    "OUTPUT the list goes to standard error.",
    rows,
    OPERAND_FILE,
    examples,
    run,
};
