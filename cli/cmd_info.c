/* SPDX-License-Identifier: MIT
 *
 * snapjar info: everything that headers say.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batch.h"
#include "json_out.h"
#include "sealing.h"
#include "table.h"

struct values {
    struct batch_values batch;
    struct trusting_values trusting;
    struct option_number record;
    bool raw;
    bool json;
};

static const struct option_row rows[] = {
    {'r', "record", "N", OPTION_NUMBER, offsetof(struct values, record), "only record N, from 0; -1 is the last one",
     NULL, INT64_MIN, INT64_MAX},
    {0, "raw", NULL, OPTION_FLAG, offsetof(struct values, raw), "print the JSON of each header as it is stored", NULL,
     0, 0},
    {0, "json", NULL, OPTION_FLAG, offsetof(struct values, json), "print JSON, one object for each record", NULL, 0, 0},
    TRUSTING_OPTION_ROWS(struct values, trusting),
    BATCH_OPTION_ROWS(struct values),
    {0},
};

static const struct table_column columns[] = {{.title = ""}, {.title = "", .may_wrap = true}};

struct visit {
    struct text *out;
};

/* Fields that are sizes in bytes are shown in both ways. */
static bool is_size(const char *path)
{
    static const char *const names[] = {"payload.size", "payload.pickle_size", "payload.stored_size",
                                        "payload.frame_size"};
    size_t length = strlen(path);

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (!strcmp(path, names[i]))
            return true;
    }
    return !strncmp(path, "payload.buffers[", 16) && length > 6 && !strcmp(path + length - 6, "].size");
}

/* Of "layout.app.jobs:Job[2]" the size before the bracket; 0 of any other path. */
static size_t layout_path_size(const char *path)
{
    const char *bracket = strrchr(path, '[');

    return !strncmp(path, "layout.", 7) && bracket ? (size_t)(bracket - path) : 0;
}

/* Adds two cells, each ended by NUL: see cmd_ls.c. The fields of a class are one row. */
static snapjar_status visit(void *state, const char *path, snapjar_text value, int is_string)
{
    struct text *out = ((struct visit *)state)->out;
    size_t path_size = layout_path_size(path);

    if (path_size && strcmp(path + path_size, "[0]") != 0) {
        out->size--; /* goes on with the cell before */
        text_puts(out, ", ");
    } else {
        text_puts(out, "  ");
        text_escape(out, path, path_size ? path_size : strlen(path));
        text_putc(out, '\0');
    }
    if (!is_string && is_size(path) && value.size < 20) {
        char digits[20] = {0};
        memcpy(digits, value.data, value.size);
        text_size_exact(out, strtoull(digits, NULL, 10));
    } else {
        text_escape(out, value.data, value.size);
    }
    text_putc(out, '\0');
    return SNAPJAR_OK;
}

/* Calls `add` for each signature. */
static void each_signature(struct text *out, const snapjar_record *record,
                           void (*add)(struct text *out, const snapjar_signature *signature, const char *sealed_by))
{
    const snapjar_header *header = snapjar_record_header(record);
    size_t count = snapjar_header_signature_count(header);

    for (size_t i = 0; i < count; i++) {
        snapjar_signature signature;
        if (snapjar_header_signature(header, i, &signature, NULL) == SNAPJAR_OK)
            add(out, &signature, snapjar_record_sealed_by(record));
    }
}

static void add_signature_json(struct text *out, const snapjar_signature *signature, const char *sealed_by)
{
    (void)sealed_by;
    text_puts(out, out->data[out->size - 1] == '[' ? "{" : ",{");
    text_printf(out, "\"algorithm\":\"%s\",\"key_id\":\"%s\",\"has_context\":%s}",
                snapjar_seal_algorithm_name((snapjar_seal_algorithm)signature->algorithm), signature->key_id,
                signature->has_context ? "true" : "false");
}

static void add_signature_row(struct text *out, const snapjar_signature *signature, const char *sealed_by)
{
    bool is_accepted = sealed_by && !strcmp(sealed_by, signature->key_id);

    text_puts(out, "  seal");
    text_putc(out, '\0');
    text_printf(out, "%s, key %s%s, %s", snapjar_seal_algorithm_name((snapjar_seal_algorithm)signature->algorithm),
                signature->key_id, signature->has_context ? ", for a context" : "",
                is_accepted ? "accepted" : "not checked");
    text_putc(out, '\0');
}

static void add_json(struct text *out, const char *path, const snapjar_record *record)
{
    const snapjar_header *header = snapjar_record_header(record);
    snapjar_text json = snapjar_header_json(header);

    json_begin(out, "record");
    json_file(out, "file", path);
    json_number(out, "record", snapjar_record_index(record));
    json_number(out, "offset", snapjar_record_offset(record));
    json_number(out, "record_size", snapjar_record_size(record));
    json_number(out, "payload_offset", snapjar_record_payload_offset(record));
    json_number(out, "seal_size", snapjar_header_seal_size(header));
    json_key(out, "seals");
    text_putc(out, '[');
    each_signature(out, record, add_signature_json);
    text_putc(out, ']');
    if (snapjar_record_sealed_by(record))
        json_string(out, "sealed_by", snapjar_record_sealed_by(record));
    json_key(out, "header");
    json_embed(out, json.data, json.size);
    json_end(out);
}

static void add_raw(struct text *out, const snapjar_header *header)
{
    snapjar_text json = snapjar_header_json(header);

    /* A terminal gets no character that could lead it astray. */
    if (isatty(STDOUT_FILENO))
        json_embed(out, json.data, json.size);
    else
        text_add(out, json.data, json.size);
    text_putc(out, '\n');
}

/* A line of text, ended by NUL, then cells, an empty one at the end. */
static snapjar_status add_article(struct text *out, const char *path, const snapjar_record *record, snapjar_error *err)
{
    struct visit state = {out};

    text_escape_string(out, path);
    text_printf(out, ": record %" PRIu64 " at byte %" PRIu64 ", ", snapjar_record_index(record),
                snapjar_record_offset(record));
    text_size_exact(out, snapjar_record_size(record));
    text_putc(out, '\0');
    snapjar_status status = snapjar_header_each(snapjar_record_header(record), visit, &state, err);
    each_signature(out, record, add_signature_row);
    text_putc(out, '\0');
    return status;
}

static snapjar_status add_record(const struct values *values, struct text *out, const char *path,
                                 const snapjar_record *record, snapjar_error *err)
{
    if (values->json)
        add_json(out, path, record);
    else if (values->raw)
        add_raw(out, snapjar_record_header(record));
    else
        return add_article(out, path, record, err);
    return SNAPJAR_OK;
}

/* A number from the end becomes one from the start. */
static snapjar_status find_wanted(snapjar_reader *reader, int64_t *wanted, snapjar_error *err)
{
    const snapjar_record *record;
    int64_t count = 0;

    if (*wanted >= 0)
        return SNAPJAR_OK;
    for (;;) {
        snapjar_status status = snapjar_reader_next(reader, &record, err);
        if (status != SNAPJAR_OK)
            return status;
        if (!record)
            break;
        count++;
    }
    snapjar_reader_seek(reader, 0, 0);
    if (*wanted + count < 0) {
        report_make(err, SNAPJAR_NOT_FOUND, SNAPJAR_DIAG_RECORD_NOT_FOUND,
                    "there is no record %" PRId64 ": the file has %" PRId64, *wanted, count);
        return err->status;
    }
    *wanted += count;
    return SNAPJAR_OK;
}

static void look(struct batch *batch, const char *path, snapjar_reader *reader, struct outcome *outcome)
{
    const struct values *values = batch->state;
    int64_t wanted = values->record.value;
    bool wants_one = values->record.is_given;
    snapjar_error err;
    snapjar_status status = find_wanted(reader, &wanted, &err);

    while (status == SNAPJAR_OK) {
        const snapjar_record *record;
        status = snapjar_reader_next(reader, &record, &err);
        if (status != SNAPJAR_OK)
            break;
        if (!record && wants_one) {
            report_make(&err, SNAPJAR_NOT_FOUND, SNAPJAR_DIAG_RECORD_NOT_FOUND,
                        "there is no record %" PRId64 ": the file has %" PRIu64, wanted, outcome->record_count);
            break;
        }
        if (!record)
            return;
        outcome->record_count++;
        bool is_wanted = !wants_one || snapjar_record_index(record) == (uint64_t)wanted;
        if (is_wanted)
            status = add_record(values, &outcome->out, path, record, &err);
        if (wants_one && is_wanted && status == SNAPJAR_OK)
            return;
    }
    outcome_fail(batch, outcome, path, &err);
}

/* Makes tables of what add_article wrote. */
static void take(struct batch *batch, const char *path, struct outcome *outcome)
{
    const char *p = outcome->out.data;
    const char *end = p + outcome->out.size;

    (void)batch;
    (void)path;
    while (p && p < end) {
        struct text title = {0};
        struct table *table = table_new(columns, 2);
        text_printf(&title, "%s\n", p);
        report_print(&title);
        text_free(&title);
        p += strlen(p) + 1;
        for (; p < end && *p; p += strlen(p) + 1)
            text_puts(table_cell(table), p);
        p++;
        table_print(table);
        table_free(table);
    }
}

static int run(struct cli *cli, int argc, char **argv)
{
    struct values values = {0};
    struct string_list paths = {0};
    struct batch batch;
    struct trusting trusting = {.trust = NULL};
    int code = options_parse(cli, &values, &paths, argc, argv);

    if (code < 0 && values.raw && values.json)
        code = report_usage(cli, "--raw and --json contradict each other");
    if (code < 0 && !paths.count)
        code = report_usage(cli, "no file given: name files or directories, or - for standard input");
    if (code < 0)
        code = trusting_make(&trusting, cli, &values.trusting);
    if (code < 0) {
        batch_init(&batch, cli, &values.batch, &values, values.json);
        batch.is_header_only = true;
        batch.seal = trusting_demand(&trusting);
        batch.verb = "reading headers";
        batch.look = look;
        if (!values.raw && !values.json)
            batch.take = take;
        batch_run(&batch, &paths);
        batch_tell_left_out(&batch);
        code = cli->report.exit_code;
    }
    trusting_clear(&trusting);
    trusting_free_values(&values.trusting);
    string_list_free(&paths);
    return code;
}

static const struct example examples[] = {
    {"What is in a snapshot", "snapjar info job.snapjar"},
    {"Who wrote the last record", "snapjar info --raw --record -1 log.snapjar | jq .build"},
    {NULL, NULL},
};

const struct command command_info = {
    "info",
    "show what the headers say",
    "[OPTION]... PATH...",
    "Prints every field of the header of each record, sizes for people and exact. The payload is not read. A header "
    "is shown only when its checksum holds and every field is valid; what it says about the pickle is the word of "
    "whoever wrote it.\n\n"
    "Seals are shown as they stand there. With --trust the signatures over the header are checked; the payload is not "
    "read, so that it is the one that was sealed is for verify to tell.\n\n"
    "Directories are walked as ls does.",
    rows,
    OPERAND_FILE,
    examples,
    run,
};
