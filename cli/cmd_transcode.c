/* SPDX-License-Identifier: MIT
 *
 * snapjar transcode: pickles written again at another protocol, without loading them.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "json_out.h"
#include "output.h"
#include "pickle_files.h"
#include "sealing.h"

struct values {
    struct option_number protocol;
    const char *output;
    bool force;
    int encoding;
    uint64_t max_size;
    bool no_sync;
    bool json;
    bool drop_seal;
    struct trusting_values trusting;
};

static const struct option_row rows[] = {
    {'p', "protocol", "N", OPTION_NUMBER, offsetof(struct values, protocol), "the protocol to write, 0 to 5 (required)",
     NULL, 0, 5},
    {'o', "output", "OUTPUT", OPTION_FILE, offsetof(struct values, output),
     "write to OUTPUT: a file, a directory, or - for standard output (the default)", NULL, 0, 0},
    {'f', "force", NULL, OPTION_FLAG, offsetof(struct values, force), "replace an output file that exists", NULL, 0, 0},
    {0, "encoding", "NAME", OPTION_CHOICE, offsetof(struct values, encoding),
     "how to read strings of Python 2 in bare pickles (default ascii)", "ascii|latin1|bytes", 0, 0},
    {0, "max-size", "SIZE", OPTION_SIZE, offsetof(struct values, max_size),
     "refuse a pickle larger than SIZE (default 64G)", NULL, 0, 0},
    {0, "drop-seal", NULL, OPTION_FLAG, offsetof(struct values, drop_seal),
     "write sealed records again without their seals (without this they are refused)", NULL, 0, 0},
    TRUSTING_OPTION_ROWS(struct values, trusting),
    {0, "no-sync", NULL, OPTION_FLAG, offsetof(struct values, no_sync), "do not wait until the disk has it", NULL, 0,
     0},
    {0, "json", NULL, OPTION_FLAG, offsetof(struct values, json), "print JSON, one object for each pickle", NULL, 0, 0},
    {0},
};

struct transcode {
    struct cli *cli;
    const struct values *values;
    const snapjar_seal_demand *seal;
    snapjar_context *context;
};

/* One file. */
struct job {
    struct transcode *transcode;
    const char *input;
    char *output_name;
    struct pickle_file file;
    struct text json;
    /* What offsets in errors are offsets of. */
    const char *content;
};

/* ---- what a record keeps ---- */

struct kept {
    struct text labels;
    struct text build;
    struct text packages;
    /* Something of the header cannot be handed on. */
    const char *left_out;
};

static void keep_member(struct text *out, const char *key, snapjar_text value, int is_string)
{
    text_putc(out, out->size ? ',' : '{');
    json_quoted(out, key, strlen(key));
    text_putc(out, ':');
    if (is_string)
        json_quoted(out, value.data, value.size);
    else
        json_embed(out, value.data, value.size);
}

static bool skip_prefix(const char **path, const char *prefix)
{
    size_t size = strlen(prefix);

    if (strncmp(*path, prefix, size) != 0)
        return false;
    *path += size;
    return true;
}

/* Members that describe the payload, or say what pack says anew. */
static bool is_made_anew(const char *path)
{
    static const char *const names[] = {"format_version", "type",   "schema_version", "created",
                                        "payload.",       "layout", "build.tool.",    NULL};

    for (size_t i = 0; names[i]; i++) {
        if (skip_prefix(&path, names[i]))
            return true;
    }
    return false;
}

static snapjar_status keep(void *state, const char *path, snapjar_text value, int is_string)
{
    struct kept *kept = state;

    if (is_made_anew(path))
        return SNAPJAR_OK;
    if (skip_prefix(&path, "labels."))
        keep_member(&kept->labels, path, value, is_string);
    else if (skip_prefix(&path, "build.packages."))
        keep_member(&kept->packages, path, value, is_string);
    else if (skip_prefix(&path, "build.") && !strpbrk(path, ".["))
        keep_member(&kept->build, path, value, is_string);
    else
        kept->left_out = "the header has members (a history, a stream, or unknown ones) that the new record lacks";
    return SNAPJAR_OK;
}

static snapjar_status read_kept(struct kept *kept, const snapjar_header *header, snapjar_error *err)
{
    snapjar_status status = snapjar_header_each(header, keep, kept, err);

    if (kept->labels.size)
        text_putc(&kept->labels, '}');
    if (kept->packages.size) {
        text_putc(&kept->build, kept->build.size ? ',' : '{');
        text_puts(&kept->build, "\"packages\":");
        text_puts(&kept->build, kept->packages.data);
        text_putc(&kept->build, '}');
    }
    if (kept->build.size)
        text_putc(&kept->build, '}');
    return status;
}

/* ---- one pickle ---- */

struct content {
    snapjar_content *content;
    const uint8_t *bytes;
    uint64_t size;
    uint64_t pickle_size;
};

static char *text_of(snapjar_text text)
{
    char *copy = memory_resize(NULL, text.size + 1);

    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    return copy;
}

/* Packs the pickle in `made` as the record was. */
static snapjar_status pack(struct job *job, const snapjar_header *header, const struct content *content,
                           snapjar_sink *made, snapjar_sink *sink, snapjar_error *err)
{
    snapjar_pack_options options = SNAPJAR_PACK_OPTIONS_INIT;
    struct kept kept = {.left_out = NULL};
    size_t size, buffer_count;
    const void *bytes = snapjar_sink_memory(made, &size);
    const snapjar_buffer_span *spans = snapjar_header_buffers(header, &buffer_count);
    snapjar_buffer *buffers = memory_resize(NULL, (buffer_count + 1) * sizeof(*buffers));
    char *type = text_of(snapjar_header_type(header));
    char *created = text_of(snapjar_header_created(header));
    snapjar_source *source = NULL;
    snapjar_status status = read_kept(&kept, header, err);

    for (size_t i = 0; i < buffer_count; i++)
        buffers[i] = (snapjar_buffer){content->bytes + spans[i].offset, (size_t)spans[i].size};
    options.type = type;
    options.schema_version = snapjar_header_schema_version(header);
    options.created = created;
    options.labels_json = kept.labels.size ? kept.labels.data : NULL;
    options.build_json = kept.build.size ? kept.build.data : NULL;
    /* From protocol 3 on there are no strings of Python 2 left. */
    options.string_encoding =
        job->transcode->values->protocol.value < 3 ? snapjar_header_string_encoding(header) : SNAPJAR_STRING_ASCII;
    options.frame_size = snapjar_header_frame_size(header);
    options.buffers = buffers;
    options.buffer_count = buffer_count;
    if (status == SNAPJAR_OK)
        status = snapjar_source_from_memory(&source, job->transcode->context, bytes, size, err);
    if (status == SNAPJAR_OK)
        status = snapjar_pack(job->transcode->context, source, 0, sink, &options, NULL, err);
    if (status == SNAPJAR_OK && kept.left_out)
        report_remark(job->transcode->cli, job->input, "%s", kept.left_out);
    snapjar_source_free(source);
    text_free(&kept.labels);
    text_free(&kept.build);
    text_free(&kept.packages);
    free(buffers);
    free(type);
    free(created);
    return status;
}

static void add_json(struct job *job, const snapjar_pickles_item *item, int from, uint64_t from_size, uint64_t size)
{
    json_begin(&job->json, "transcoded");
    json_file(&job->json, "file", job->input);
    json_file(&job->json, "output", job->output_name);
    json_number(&job->json, "record", item->index);
    json_number(&job->json, "from_protocol", (uint64_t)from);
    json_number(&job->json, "protocol", (uint64_t)job->transcode->values->protocol.value);
    json_number(&job->json, "from_size", from_size);
    json_number(&job->json, "size", size);
    json_end(&job->json);
}

static snapjar_status emit(struct job *job, const snapjar_pickles_item *item, const struct content *content,
                           snapjar_sink *sink, uint64_t *size, snapjar_error *err)
{
    snapjar_graph_options options = SNAPJAR_GRAPH_OPTIONS_INIT;
    snapjar_graph *graph;
    snapjar_status status;

    options.string_encoding = item->string_encoding;
    options.base_offset = item->base_offset;
    status =
        snapjar_graph_new(&graph, job->transcode->context, content->bytes, (size_t)content->pickle_size, &options, err);
    if (status == SNAPJAR_OK)
        status = snapjar_graph_emit(graph, (int)job->transcode->values->protocol.value, sink, NULL, size, err);
    snapjar_graph_free(graph);
    return status;
}

/* A seal does not hold for another pickle. It goes only where that is said. */
static snapjar_status check_seal(const struct job *job, const snapjar_pickles_item *item, snapjar_error *err)
{
    if (!item->header || !snapjar_header_seal_size(item->header) || job->transcode->values->drop_seal)
        return SNAPJAR_OK;
    report_make(err, SNAPJAR_REFUSED, SNAPJAR_DIAG_RECORD_SEALED, "the record is sealed, and the new one would not be");
    return SNAPJAR_REFUSED;
}

static snapjar_status transcode_item(struct job *job, const snapjar_pickles_item *item, snapjar_sink *sink,
                                     snapjar_error *err)
{
    struct content content = {.content = NULL};
    snapjar_pickle_extent extent;
    snapjar_sink *made = NULL;
    uint64_t size = 0;
    snapjar_status status = check_seal(job, item, err);

    if (status == SNAPJAR_OK)
        status = snapjar_pickles_load(job->file.pickles, &content.content, err);
    job->content = pickle_content(job->file.pickles, item);
    if (status != SNAPJAR_OK) {
        if (item->header && err->record_index == SNAPJAR_OFFSET_NONE)
            err->record_index = item->index;
        return status;
    }
    content.bytes = snapjar_content_data(content.content, &content.size, &content.pickle_size);
    status = snapjar_pickle_measure(&extent, content.bytes, (size_t)content.pickle_size, NULL, err);
    if (status == SNAPJAR_OK && item->header)
        status = snapjar_sink_to_memory(&made, job->transcode->context, err);
    if (status == SNAPJAR_OK)
        status = emit(job, item, &content, made ? made : sink, &size, err);
    if (status == SNAPJAR_OK && made)
        status = pack(job, item->header, &content, made, sink, err);
    if (status == SNAPJAR_OK && job->transcode->values->json)
        add_json(job, item, extent.protocol, content.pickle_size, size);
    if (status != SNAPJAR_OK && item->header && err->record_index == SNAPJAR_OFFSET_NONE)
        err->record_index = item->index;
    snapjar_sink_free(made);
    snapjar_content_free(content.content);
    return status;
}

/* ---- one file ---- */

static snapjar_status transcode_items(struct job *job, snapjar_sink *sink, snapjar_error *err)
{
    snapjar_status status = SNAPJAR_OK;

    while (status == SNAPJAR_OK) {
        const snapjar_pickles_item *item;
        status = snapjar_pickles_next(job->file.pickles, &item, err);
        if (status != SNAPJAR_OK || !item)
            break;
        status = transcode_item(job, item, sink, err);
    }
    return status;
}

static snapjar_status transcode_job(struct job *job, const char **guilty, snapjar_error *err)
{
    const struct values *values = job->transcode->values;
    snapjar_pickles_options options = SNAPJAR_PICKLES_OPTIONS_INIT;
    snapjar_limits limits = SNAPJAR_LIMITS_INIT;
    /* One pickle may be written when the next one is refused. */
    struct output_options output_options = {
        .force = values->force, .no_sync = values->no_sync, .needs_stage = true, .input = job->input};
    struct output output;
    uint64_t links = 0;
    snapjar_status status;

    limits.content_size_max = values->max_size;
    options.limits = &limits;
    options.seal = job->transcode->seal;
    options.string_encoding = (snapjar_string_encoding)(values->encoding ? values->encoding - 1 : 0);
    status = pickle_file_open(&job->file, job->transcode->context, job->input, &options, err);
    if (status != SNAPJAR_OK)
        return status;
    *guilty = job->output_name;
    status = output_open(&output, job->transcode->context, job->output_name, &output_options, err);
    if (status != SNAPJAR_OK)
        return status;
    status = transcode_items(job, output.sink, err);
    *guilty = status == SNAPJAR_IO && err->diagnostic != SNAPJAR_DIAG_READ_FAILED ? job->output_name : job->input;
    if (status == SNAPJAR_OK) {
        *guilty = job->output_name;
        status = output_commit(&output, &links, err);
    }
    if (status == SNAPJAR_OK && links)
        report_remark(job->transcode->cli, job->output_name,
                      "other hard links to the replaced file keep the old bytes");
    output_close(&output);
    return status;
}

static char *output_name(const struct values *values, const char *input)
{
    if (!values->output)
        return memory_string("-");
    if (!path_is_directory(values->output))
        return memory_string(values->output);
    return path_derive(strcmp(input, "-") != 0 ? input : "stdin", NULL, NULL, "", values->output);
}

static void transcode_file(struct transcode *transcode, const char *input)
{
    struct job job = {.transcode = transcode, .input = input, .output_name = output_name(transcode->values, input)};
    const char *guilty = input;
    snapjar_error err;

    if (transcode->values->json && !strcmp(job.output_name, "-")) {
        report_usage(transcode->cli, "--json and the pickle cannot both go to standard output: use -o FILE");
    } else if (transcode_job(&job, &guilty, &err) != SNAPJAR_OK) {
        if (transcode->values->json) {
            text_clear(&job.json);
            json_begin(&job.json, "error");
            json_file(&job.json, "file", guilty);
            json_error(&job.json, "error", &err);
            json_end(&job.json);
            report_print(&job.json);
        }
        report_failure(transcode->cli, guilty, &err, job.content);
    } else {
        report_print(&job.json);
    }
    pickle_file_close(&job.file);
    text_free(&job.json);
    free(job.output_name);
}

static int transcode_all(struct cli *cli, const struct values *values, const snapjar_seal_demand *seal,
                         const struct string_list *inputs)
{
    struct transcode transcode = {.cli = cli, .values = values, .seal = seal};
    snapjar_error err;

    cli->report.has_no_hints = values->json;
    if (snapjar_context_new(&transcode.context, NULL, &err) != SNAPJAR_OK)
        return report_failure(cli, NULL, &err, NULL);
    for (size_t i = 0; i < inputs->count; i++)
        transcode_file(&transcode, inputs->items[i]);
    snapjar_context_free(transcode.context);
    return cli->report.exit_code;
}

static int run(struct cli *cli, int argc, char **argv)
{
    struct values values = {0};
    struct string_list inputs = {0};
    struct trusting trusting = {.trust = NULL};
    int code = options_parse(cli, &values, &inputs, argc, argv);

    if (code < 0 && !values.protocol.is_given)
        code = report_usage(cli, "--protocol N is needed: the protocol to write, 0 to 5");
    if (code < 0 && inputs.count > 1 && (!values.output || !path_is_directory(values.output)))
        code = report_usage(cli, "-o must be a directory that exists when there are several files");
    if (code < 0 && !inputs.count)
        string_list_add(&inputs, "-");
    if (code < 0)
        code = trusting_make(&trusting, cli, &values.trusting);
    if (code < 0)
        code = transcode_all(cli, &values, trusting_demand(&trusting), &inputs);
    trusting_clear(&trusting);
    trusting_free_values(&values.trusting);
    string_list_free(&inputs);
    return code;
}

static const struct example examples[] = {
    {"Write job.pkl so that Python 2 can read it", "snapjar transcode --protocol 2 -o job2.pkl job.pkl"},
    {"Write every record of a snapshot at protocol 5", "snapjar transcode -p 5 -o new.snapjar old.snapjar"},
    {NULL, NULL},
};

const struct command command_transcode = {
    "transcode",
    "write pickles at another protocol",
    "--protocol N [OPTION]... [FILE]...",
    "Writes the pickles of each FILE (or of standard input) again at the protocol that was asked for, without loading "
    "them: what CPython loads from the new pickle is equal to what it loads from the old one, in values, types and "
    "floats to the bit, in which values are one object, and in the order of dicts and of all that is called. A "
    "pickle that cannot be written so is refused, with the offset and the reason, and nothing is written.\n\n"
    "FILE may be a snapshot, a pickle or several one after another, compressed or not. Of a snapshot comes a snapshot: "
    "each record keeps its type, schema version, labels, build info and time of creation; of anything else come bare "
    "pickles. Strings of Python 2 become str or bytes from protocol 3 on, as their encoding says; below, they stay. No "
    "seal holds for another pickle: a sealed record is "
    "refused, unless its seal may go (--drop-seal); seal the new snapshot afterwards. A "
    "new pickle may call functions of Python that the old one did not need, as _codecs.encode for bytes below "
    "protocol 3, which an allow-list must know.",
    rows,
    OPERAND_FILE,
    examples,
    run,
};
