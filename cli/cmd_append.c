/* SPDX-License-Identifier: MIT
 *
 * snapjar append: more records at the end of a snapshot file, all of them or none.
 */
#include <inttypes.h>
#include <string.h>

#include "json_out.h"
#include "limits.h"
#include "packing.h"

struct values {
    struct packing_values packing;
    bool repair;
    bool create;
    struct header_limit_values header;
};

static const struct option_row rows[] = {
    {'c', "create", NULL, OPTION_FLAG, offsetof(struct values, create), "make FILE if it is not there", NULL, 0, 0},
    {0, "repair", NULL, OPTION_FLAG, offsetof(struct values, repair),
     "if FILE ends in a torn record, move the torn bytes to FILE.torn-OFFSET first", NULL, 0, 0},
    PACKING_OPTION_ROWS(struct values),
    HEADER_LIMIT_ROWS(struct values, header),
    {0},
};

struct append {
    struct packing *packing;
    const struct values *values;
    const char *file;
    /** Objects for --json, printed once everything stands. */
    struct text json;
    snapjar_error failure;
};

static bool add_input(struct append *append, snapjar_sink *sink, struct packing_input *input)
{
    snapjar_error err;
    snapjar_status status = packing_write(append->packing, input, sink, append->file, &err);
    bool is_output_error = status == SNAPJAR_IO && err.diagnostic != SNAPJAR_DIAG_READ_FAILED;

    if (status != SNAPJAR_OK)
        packing_fail(append->packing, input, is_output_error ? append->file : input->name, &err);
    text_add(&append->json, input->json.data, input->json.size);
    return status == SNAPJAR_OK;
}

/* The first input is open already: standard input must not be waited for under the lock. */
static bool add_inputs(struct append *append, snapjar_sink *sink, struct packing_input *first,
                       const struct string_list *names)
{
    if (!add_input(append, sink, first))
        return false;
    for (size_t i = 1; i < names->count; i++) {
        struct packing_input input;
        snapjar_error err;
        bool done = false;
        if (packing_open(append->packing, &input, names->items[i], &err) != SNAPJAR_OK)
            packing_fail(append->packing, &input, names->items[i], &err);
        else
            done = add_input(append, sink, &input);
        packing_close(&input);
        if (!done)
            return false;
    }
    return true;
}

static void tell_repair(struct append *append, const char *torn_path, uint64_t size)
{
    report_remark(append->packing->cli, append->file, "%" PRIu64 " torn byte%s moved to %s", size, size == 1 ? "" : "s",
                  torn_path);
    if (append->values->packing.json) {
        struct text out = {0};
        json_begin(&out, "repaired");
        json_file(&out, "file", append->file);
        json_file(&out, "torn_file", torn_path);
        json_number(&out, "torn_size", size);
        json_end(&out);
        report_print(&out);
        text_free(&out);
    }
}

/* Sealed records go on with the stream of those that are there. */
static bool follow(struct append *append, snapjar_sink *sink)
{
    snapjar_sealer *sealer = append->packing->options.sealer;

    return !sealer || snapjar_sealer_follow(sealer, sink, &append->failure) == SNAPJAR_OK;
}

/* Whether the file ends with a sealed record: what follows it unsealed, readers that demand seals refuse. */
static bool ends_sealed(const struct append *append)
{
    snapjar_context *context = append->packing->context;
    snapjar_source *source = NULL;
    snapjar_reader *reader = NULL;
    const snapjar_record *record = NULL;

    snapjar_status status = snapjar_source_open_path(&source, context, append->file, 0, NULL);
    if (status == SNAPJAR_OK)
        status = snapjar_reader_new(&reader, context, source, NULL, NULL);
    if (status == SNAPJAR_OK)
        status = snapjar_reader_seek_last(reader, NULL);
    if (status == SNAPJAR_OK)
        status = snapjar_reader_next(reader, &record, NULL);
    const bool is_sealed = status == SNAPJAR_OK && record && snapjar_header_seal_size(snapjar_record_header(record));
    snapjar_reader_free(reader);
    snapjar_source_free(source);
    return is_sealed;
}

static void append_all(struct append *append, const struct string_list *names)
{
    struct packing *packing = append->packing;
    struct packing_input first;
    snapjar_append_options options = SNAPJAR_APPEND_OPTIONS_INIT;
    snapjar_limits limits = SNAPJAR_LIMITS_INIT;
    snapjar_sink *sink = NULL;
    snapjar_error err;
    uint64_t repaired_size = 0;

    header_limits_set(&limits, &append->values->header);
    options.limits = &limits;
    options.repair = append->values->repair;
    options.create = append->values->create;
    options.durability = append->values->packing.no_sync ? SNAPJAR_DURABILITY_NONE : SNAPJAR_DURABILITY_SYNC;
    if (packing_open(packing, &first, names->items[0], &err) != SNAPJAR_OK) {
        packing_fail(packing, &first, names->items[0], &err);
        packing_close(&first);
        return;
    }
    if (snapjar_sink_open_append(&sink, packing->context, append->file, &options, &repaired_size, &err) != SNAPJAR_OK) {
        packing_fail(packing, NULL, append->file, &err);
        packing_close(&first);
        return;
    }
    interrupt_hold();
    if (repaired_size)
        tell_repair(append, snapjar_sink_torn_path(sink), repaired_size);
    const bool breaks_seals = !packing->options.sealer && ends_sealed(append);
    if (!follow(append, sink)) {
        packing_fail(packing, NULL, append->file, &append->failure);
    } else if (add_inputs(append, sink, &first, names)) {
        if (snapjar_sink_finish(sink, &err) != SNAPJAR_OK)
            packing_fail(packing, NULL, append->file, &err);
        else
            report_print(&append->json);
        sealing_remark_detached(packing->cli, append->file);
        if (breaks_seals)
            report_remark(packing->cli, append->file,
                          "the record before is sealed, and what was added is not: readers that demand seals refuse it "
                          "(append --key)");
    }
    snapjar_sink_free(sink);
    packing_close(&first);
    interrupt_release();
}

/* Standard input once, and first. */
static int order_inputs(struct cli *cli, struct string_list *names)
{
    size_t count = 0;

    for (size_t i = 0; i < names->count; i++)
        count += !strcmp(names->items[i], "-");
    if (!names->count)
        string_list_add(names, "-");
    else if (count > 1)
        return report_usage(cli, "standard input can be read once only");
    else if (count && strcmp(names->items[0], "-") != 0)
        return report_usage(cli, "- must be the first input: it is read before the file is locked");
    return -1;
}

static int run(struct cli *cli, int argc, char **argv)
{
    struct values values = {0};
    struct string_list operands = {0};
    struct string_list names = {0};
    struct packing packing = {0};
    int code = options_parse(cli, &values, &operands, argc, argv);

    if (code < 0 && !operands.count)
        code = report_usage(cli, "no FILE given to append to");
    if (code < 0 && !strcmp(operands.items[0], "-"))
        code = report_usage(cli, "cannot append to standard output: use pack");
    for (size_t i = 1; i < operands.count; i++)
        string_list_add(&names, operands.items[i]);
    if (code < 0)
        code = order_inputs(cli, &names);
    if (code < 0)
        code = packing_init(&packing, cli, &values.packing);
    if (code < 0) {
        struct append append = {.packing = &packing, .values = &values, .file = operands.items[0]};
        append_all(&append, &names);
        text_free(&append.json);
        code = cli->report.exit_code;
    }
    packing_clear(&packing);
    string_list_free(&values.packing.labels);
    string_list_free(&values.packing.build);
    sealing_free_values(&values.packing.sealing);
    string_list_free(&names);
    string_list_free(&operands);
    return code;
}

static const struct example examples[] = {
    {"Add a record, and make the file the first time", "snapjar append --create -t event log.snapjar event.pkl"},
    {"Go on after a crash", "snapjar append --repair log.snapjar event.pkl"},
    {NULL, NULL},
};

const struct command command_append = {
    "append",
    "add records to a snapshot file",
    "[OPTION]... FILE [INPUT]...",
    "Adds the pickles of each INPUT (or of standard input) to the end of FILE, under a lock that keeps other "
    "appenders out. Inputs are what pack takes. Either all records become part of the file, or the file is as it "
    "was.\n\n"
    "A file whose last record is cut short is refused: another process may be writing it without the lock, or an "
    "append was interrupted. With --repair the torn bytes are moved to a file of their own, and nothing is lost.\n\n"
    "With --key the records are sealed and go on with the stream of the sealed ones before them. Without it, records "
    "that "
    "come behind a sealed one are added with a remark: readers that demand seals read up to there and refuse the rest.",
    rows,
    OPERAND_FILE,
    examples,
    run,
};
