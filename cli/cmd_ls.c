/* SPDX-License-Identifier: MIT
 *
 * snapjar ls: a line for each record, from the headers alone.
 */
#include "batch.h"
#include "json_out.h"
#include "table.h"

struct values {
    struct batch_values batch;
    bool json;
};

static const struct option_row rows[] = {
    BATCH_OPTION_ROWS(struct values),
    {0, "json", NULL, OPTION_FLAG, offsetof(struct values, json), "print JSON, one object a line", NULL, 0, 0},
    {0},
};

static const struct table_column columns[] = {
    {.title = "FILE", .may_break = true},
    {.title = "RECORD", .is_right = true},
    {.title = "TYPE", .may_cut = true},
    {.title = "SCHEMA", .is_right = true},
    {.title = "PROTOCOL", .is_right = true, .rank = 2},
    {.title = "CREATED"},
    {.title = "SIZE", .is_right = true},
    {.title = "STORED", .is_right = true, .rank = 1},
    {.title = "RATIO", .is_right = true, .rank = 3},
};

#define COLUMN_COUNT (sizeof(columns) / sizeof(columns[0]))

static void add_json(struct text *out, const char *path, const snapjar_record *record)
{
    const snapjar_header *header = snapjar_record_header(record);

    json_begin(out, "record");
    json_file(out, "file", path);
    json_number(out, "record", snapjar_record_index(record));
    json_number(out, "offset", snapjar_record_offset(record));
    json_number(out, "record_size", snapjar_record_size(record));
    json_text(out, "type", snapjar_header_type(header));
    json_number(out, "schema_version", (uint64_t)snapjar_header_schema_version(header));
    json_number(out, "protocol", (uint64_t)snapjar_header_protocol(header));
    json_text(out, "created", snapjar_header_created(header));
    json_number(out, "size", snapjar_header_size(header));
    json_number(out, "stored_size", snapjar_header_stored_size(header));
    json_end(out);
}

/* The ratio with two digits, in whole numbers: printf of a double is slow when there are 20,000 files. */
static void add_ratio(struct text *out, uint64_t size, uint64_t stored_size)
{
    double ratio = (double)size / (double)stored_size;

    if (ratio >= 1e6) {
        text_printf(out, "%.3g", ratio);
        return;
    }
    uint64_t hundredths = (uint64_t)(ratio * 100 + 0.5);
    text_number(out, hundredths / 100);
    text_putc(out, '.');
    text_putc(out, (char)('0' + hundredths / 10 % 10));
    text_putc(out, (char)('0' + hundredths % 10));
}

/* Cells, each ended by NUL: `take` puts them into the table, which is not for threads. */
static void add_cells(struct text *out, const char *path, const snapjar_record *record)
{
    const snapjar_header *header = snapjar_record_header(record);
    snapjar_text type = snapjar_header_type(header);
    snapjar_text created = snapjar_header_created(header);

    text_escape_string(out, path);
    text_putc(out, '\0');
    text_number(out, snapjar_record_index(record));
    text_putc(out, '\0');
    text_escape(out, type.data, type.size);
    text_putc(out, '\0');
    text_number(out, (uint64_t)snapjar_header_schema_version(header));
    text_putc(out, '\0');
    text_number(out, (uint64_t)snapjar_header_protocol(header));
    text_putc(out, '\0');
    text_escape(out, created.data, created.size);
    text_putc(out, '\0');
    text_size(out, snapjar_header_size(header));
    text_putc(out, '\0');
    text_size(out, snapjar_header_stored_size(header));
    text_putc(out, '\0');
    add_ratio(out, snapjar_header_size(header), snapjar_header_stored_size(header));
    text_putc(out, '\0');
}

static void look(struct batch *batch, const char *path, snapjar_reader *reader, struct outcome *outcome)
{
    snapjar_error err;

    for (;;) {
        const snapjar_record *record;
        if (snapjar_reader_next(reader, &record, &err) != SNAPJAR_OK) {
            outcome_fail(batch, outcome, path, &err);
            return;
        }
        if (!record)
            return;
        outcome->record_count++;
        if (batch->is_json)
            add_json(&outcome->out, path, record);
        else
            add_cells(&outcome->out, path, record);
        batch_hand_on(batch, path, outcome);
    }
}

static void take(struct batch *batch, const char *path, struct outcome *outcome)
{
    (void)path;
    table_add_cells(batch->state, &outcome->out);
}

static int run(struct cli *cli, int argc, char **argv)
{
    struct values values = {0};
    struct string_list paths = {0};
    struct table *table = NULL;
    struct text summary = {0};
    struct batch batch;
    int code = options_parse(cli, &values, &paths, argc, argv);

    if (code >= 0)
        goto out;
    if (!paths.count)
        string_list_add(&paths, ".");
    batch_init(&batch, cli, &values.batch, NULL, values.json);
    batch.is_header_only = true;
    batch.verb = "listing";
    batch.look = look;
    if (!values.json) {
        table = table_new(columns, COLUMN_COUNT);
        batch.state = table;
        batch.take = take;
    }
    batch_run(&batch, &paths);
    if (values.json) {
        json_begin(&summary, "summary");
        batch_add_json_summary(&batch, &summary);
        json_end(&summary);
        report_print(&summary);
    } else {
        table_print(table);
        batch_tell_left_out(&batch);
    }
    code = cli->report.exit_code;
out:
    text_free(&summary);
    table_free(table);
    string_list_free(&paths);
    return code;
}

static const struct example examples[] = {
    {"What snapshots there are below a directory", "snapjar ls /var/lib/jobs"},
    {"The same for a program", "snapjar ls --json /var/lib/jobs | jq -r .type"},
    {NULL, NULL},
};

const struct command command_ls = {
    "ls",
    "list the records of files and directories",
    "[OPTION]... [PATH]...",
    "Prints a line for each record: file, number, type, schema version, pickle protocol, time of creation, size of "
    "the content, size as stored, and the ratio of the two. Only headers are read and checked: what the payloads hold "
    "is told by verify. Without a PATH the current directory is listed. Where a "
    "terminal is too narrow, ratio, protocol and size as stored are left out, in this order. Of more than some ten "
    "thousand records they are printed in parts, so that none but the last is kept in memory: columns may get wider "
    "from one to the next.\n\n"
    "Directories are walked in sorted order; links to directories are not followed. In them, files called *.snapjar "
    "must be snapshots, files with another name are listed if they begin as one, and the rest is counted.",
    rows,
    OPERAND_FILE,
    examples,
    run,
};
