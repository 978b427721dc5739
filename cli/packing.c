/* SPDX-License-Identifier: MIT
 *
 * From inputs to records.
 */
#include "packing.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "contracts.h"
#include "denials.h"
#include "json_out.h"
#include "parallel.h"

static const char *const build_keys[] = {"app", "version", "commit", "python", "platform"};
#define BUILD_KEY_COUNT (sizeof(build_keys) / sizeof(build_keys[0]))
#define PACKAGES "packages."

/* ---- options ---- */

/* The part of KEY=VALUE before the sign; NULL without one. */
static const char *split(const char *item, size_t *key_size)
{
    const char *equals = strchr(item, '=');
    *key_size = equals ? (size_t)(equals - item) : 0;
    return equals ? equals + 1 : NULL;
}

static int is_given_twice(const struct string_list *list, size_t index, size_t key_size)
{
    for (size_t i = 0; i < index; i++) {
        size_t other = strcspn(list->items[i], "=");
        other -= other && list->items[i][other - 1] == ':';
        if (other == key_size && !memcmp(list->items[i], list->items[index], key_size))
            return 1;
    }
    return 0;
}

static int add_label(struct packing *packing, size_t index)
{
    const struct string_list *labels = &packing->values->labels;
    const char *item = labels->items[index];
    struct text *out = &packing->labels_json;
    size_t key_size;
    const char *value = split(item, &key_size);
    int is_json = key_size && item[key_size - 1] == ':';

    key_size -= (size_t)is_json;
    if (!value || !key_size)
        return report_usage(packing->cli, "--label needs KEY=VALUE or KEY:=JSON, not \"%s\"", item);
    if (!text_is_utf8(item, strlen(item)))
        return report_usage(packing->cli, "--label is not UTF-8: %s", item);
    if (is_given_twice(labels, index, key_size))
        return report_usage(packing->cli, "--label %.*s is given twice", (int)key_size, item);
    if (is_json && !json_is_scalar(value))
        return report_usage(packing->cli, "--label %.*s:= needs a JSON number, string, true, false or null, not \"%s\"",
                            (int)key_size, item, value);
    text_putc(out, index ? ',' : '{');
    json_quoted(out, item, key_size);
    text_putc(out, ':');
    if (is_json)
        text_puts(out, value);
    else
        json_quoted(out, value, strlen(value));
    return -1;
}

static int is_build_key(const char *item, size_t key_size)
{
    for (size_t i = 0; i < BUILD_KEY_COUNT; i++) {
        if (strlen(build_keys[i]) == key_size && !memcmp(item, build_keys[i], key_size))
            return 1;
    }
    return key_size > strlen(PACKAGES) && !memcmp(item, PACKAGES, strlen(PACKAGES));
}

static int check_build(struct packing *packing, size_t index)
{
    const struct string_list *build = &packing->values->build;
    const char *item = build->items[index];
    size_t key_size;
    const char *value = split(item, &key_size);

    if (!value || !key_size)
        return report_usage(packing->cli, "--build needs KEY=VALUE, not \"%s\"", item);
    if (!text_is_utf8(item, strlen(item)))
        return report_usage(packing->cli, "--build is not UTF-8: %s", item);
    if (!is_build_key(item, key_size))
        return report_usage(packing->cli,
                            "--build knows app, version, commit, python, platform and packages.NAME, not \"%.*s\"",
                            (int)key_size, item);
    if (is_given_twice(build, index, key_size))
        return report_usage(packing->cli, "--build %.*s is given twice", (int)key_size, item);
    return -1;
}

/* Members whose key begins with `prefix` (or does not, if it is NULL), which is left out. */
static void add_build(struct text *out, const struct string_list *build, const char *prefix)
{
    size_t prefix_size = prefix ? strlen(prefix) : 0;
    const char *comma = "";

    for (size_t i = 0; i < build->count; i++) {
        size_t key_size;
        const char *item = build->items[i];
        const char *value = split(item, &key_size);
        if ((strncmp(item, PACKAGES, strlen(PACKAGES)) == 0) != (prefix != NULL))
            continue;
        assert(value); /* check_build saw to it. */
        text_puts(out, comma);
        json_quoted(out, item + prefix_size, key_size - prefix_size);
        text_putc(out, ':');
        json_quoted(out, value, strlen(value));
        comma = ",";
    }
}

static int make_build(struct packing *packing)
{
    const struct string_list *build = &packing->values->build;
    struct text *out = &packing->build_json;
    struct text packages = {0};

    for (size_t i = 0; i < build->count; i++) {
        int code = check_build(packing, i);
        if (code >= 0)
            return code;
    }
    if (!build->count)
        return -1;
    text_putc(out, '{');
    add_build(out, build, NULL);
    add_build(&packages, build, PACKAGES);
    if (packages.size) {
        text_puts(out, out->size > 1 ? ",\"packages\":{" : "\"packages\":{");
        text_add(out, packages.data, packages.size);
        text_putc(out, '}');
    }
    text_putc(out, '}');
    text_free(&packages);
    return -1;
}

static int make_labels(struct packing *packing)
{
    for (size_t i = 0; i < packing->values->labels.count; i++) {
        int code = add_label(packing, i);
        if (code >= 0)
            return code;
    }
    if (packing->labels_json.size)
        text_putc(&packing->labels_json, '}');
    return -1;
}

static int check_values(struct cli *cli, const struct packing_values *values)
{
    uint64_t frame_size = values->frame_size;
    const char *type = values->type;

    if (values->raw && values->compress)
        return report_usage(cli, "--raw and --compress contradict each other");
    if (frame_size &&
        (frame_size < SNAPJAR_FRAME_SIZE_MIN || frame_size > SNAPJAR_FRAME_SIZE_MAX || (frame_size & (frame_size - 1))))
        return report_usage(cli, "--frame-size must be a power of two from 64K to 8M");
    if (type && (!*type || strlen(type) > 1024))
        return report_usage(cli, "--type must have 1 to 1024 bytes, not %zu", strlen(type));
    if (type && !text_is_utf8(type, strlen(type)))
        return report_usage(cli, "--type is not UTF-8: %s", type);
    return -1;
}

/* A time of creation that is silently another than the environment demands would spoil a reproducible build. */
static int check_environment(struct cli *cli, const struct packing_values *values)
{
    const char *epoch = getenv("SOURCE_DATE_EPOCH");

    if (values->created || !epoch || !*epoch)
        return -1;
    if (strspn(epoch, "0123456789") != strlen(epoch) || strlen(epoch) > 12)
        return report_usage(cli, "SOURCE_DATE_EPOCH must be a number of seconds since 1970, not \"%s\"", epoch);
    return -1;
}

int packing_init(struct packing *packing, struct cli *cli, const struct packing_values *values)
{
    snapjar_pack_options *options = &packing->options;

    *packing = (struct packing){
        .cli = cli, .values = values, .limits = SNAPJAR_LIMITS_INIT, .options = SNAPJAR_PACK_OPTIONS_INIT};
    int code = check_values(cli, values);
    if (code < 0)
        code = check_environment(cli, values);
    if (code < 0)
        code = make_labels(packing);
    if (code < 0)
        code = make_build(packing);
    if (code >= 0)
        return code;
    cli->report.has_no_hints = values->json;
    packing->limits.content_size_max = values->max_size;
    packing->limits.pickle_line_size_max = values->max_line;
    options->type = values->type;
    options->schema_version = values->schema_version.value;
    options->created = values->created;
    options->build_json = packing->build_json.data;
    options->labels_json = packing->labels_json.data;
    /* The words of the option stand in the order of the enum, and count from 1. */
    options->string_encoding = (snapjar_string_encoding)(values->string_encoding ? values->string_encoding - 1 : 0);
    options->compression = values->raw        ? SNAPJAR_COMPRESSION_RAW
                           : values->compress ? SNAPJAR_COMPRESSION_ZSTD
                                              : SNAPJAR_COMPRESSION_AUTO;
    options->level = (int)values->level.value;
    options->threads = 1;
    if (values->threads.is_given)
        options->threads = values->threads.value ? (unsigned)values->threads.value : parallel_processors();
    options->frame_size = (uint32_t)values->frame_size;
    options->limits = &packing->limits;
    options->progress = progress_update;
    options->progress_state = &packing->progress;
    snapjar_error err;
    if (snapjar_context_new(&packing->context, NULL, &err) != SNAPJAR_OK ||
        snapjar_scan_new(&packing->scan, packing->context, NULL, &err) != SNAPJAR_OK)
        return report_failure(cli, NULL, &err, NULL);
    options->scan = packing->scan;
    code = sealing_load(&packing->sealing, cli, &values->sealing);
    if (code >= 0)
        return code;
    if (sealing_make(&packing->sealing, packing->context, &options->sealer, &err) != SNAPJAR_OK)
        return report_failure(cli, NULL, &err, NULL);
    if (!values->contract)
        return -1;
    options->schema_version_is_set = values->schema_version.is_given;
    code = contracts_read(cli, packing->context, values->contract, &packing->contract, NULL);
    options->contract = packing->contract;
    return code;
}

void packing_clear(struct packing *packing)
{
    text_free(&packing->labels_json);
    text_free(&packing->build_json);
    snapjar_sealer_free(packing->options.sealer);
    snapjar_scan_free(packing->scan);
    snapjar_contract_free(packing->contract);
    snapjar_context_free(packing->context);
    sealing_clear(&packing->sealing);
    packing->context = NULL;
}

snapjar_status packing_copy(struct packing *copy, const struct packing *packing, snapjar_error *err)
{
    *copy = *packing;
    copy->options.limits = &copy->limits;
    copy->options.progress_state = &copy->progress;
    copy->scan = NULL;
    copy->options.sealer = NULL;
    snapjar_status status = snapjar_context_new(&copy->context, NULL, err);
    if (status == SNAPJAR_OK)
        status = snapjar_scan_new(&copy->scan, copy->context, NULL, err);
    copy->options.scan = copy->scan;
    if (status == SNAPJAR_OK)
        status = sealing_make(&packing->sealing, copy->context, &copy->options.sealer, err);
    return status;
}

void packing_clear_copy(struct packing *copy)
{
    snapjar_sealer_free(copy->options.sealer);
    copy->options.sealer = NULL;
    snapjar_scan_free(copy->scan);
    copy->scan = NULL;
    snapjar_context_free(copy->context);
    copy->context = NULL;
}

/* ---- inputs ---- */

static snapjar_status refuse_kind(const struct packing_input *input, snapjar_input_kind kind, snapjar_error *err)
{
    if (kind == SNAPJAR_INPUT_SNAPSHOT)
        report_make(err, SNAPJAR_WRONG_FORMAT, SNAPJAR_DIAG_INPUT_IS_SNAPSHOT, "the input is a snapshot already");
    else
        report_make(err, SNAPJAR_WRONG_FORMAT, SNAPJAR_DIAG_INPUT_NOT_PICKLE,
                    "the input is compressed twice (%s inside %s): unpack the outer one first",
                    snapjar_input_kind_name(kind), snapjar_input_kind_name(input->kind));
    return err->status;
}

static snapjar_status decompress(struct packing *packing, struct packing_input *input, snapjar_error *err)
{
    snapjar_input_kind inner;
    snapjar_status status =
        snapjar_input_decompress(&input->plain, packing->context, input->source, input->kind, &packing->limits, err);

    if (status == SNAPJAR_OK)
        status = snapjar_input_detect(input->plain, &inner, err);
    if (status == SNAPJAR_OK && inner != SNAPJAR_INPUT_PICKLE)
        status = refuse_kind(input, inner, err);
    return status;
}

snapjar_status packing_open(struct packing *packing, struct packing_input *input, const char *name, snapjar_error *err)
{
    bool is_stdin = !strcmp(name, "-");
    uint64_t size_max = packing->values->max_size;
    snapjar_status status = SNAPJAR_OK;

    *input = (struct packing_input){.name = name};
    if (is_stdin && isatty(STDIN_FILENO)) {
        report_make(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_NONE,
                    "standard input is a terminal: name a file, or pipe a pickle in");
        return err->status;
    }
    if (is_stdin)
        status = snapjar_source_from_fd(&input->source, packing->context, STDIN_FILENO, name, size_max, err);
    else
        status = snapjar_source_open_path(&input->source, packing->context, name, size_max, err);
    if (status == SNAPJAR_OK)
        status = snapjar_input_detect(input->source, &input->kind, err);
    if (status == SNAPJAR_OK && input->kind == SNAPJAR_INPUT_SNAPSHOT)
        status = refuse_kind(input, input->kind, err);
    if (status == SNAPJAR_OK && input->kind != SNAPJAR_INPUT_PICKLE)
        status = decompress(packing, input, err);
    if (status == SNAPJAR_OK)
        status = snapjar_source_size(input->plain ? input->plain : input->source, &input->size, err);
    return status;
}

static void add_json(const struct packing *packing, struct packing_input *input, const char *output,
                     const snapjar_packed *packed)
{
    struct text *out = &input->json;

    json_begin(out, "packed");
    json_file(out, "file", input->name);
    json_file(out, "output", output);
    json_number(out, "record", input->record_count);
    json_string(out, "input", snapjar_input_kind_name(input->kind));
    json_number(out, "protocol", (uint64_t)packed->protocol);
    json_number(out, "pickle_size", packed->pickle_size);
    json_number(out, "size", packed->size);
    json_number(out, "stored_size", packed->stored_size);
    json_number(out, "record_size", packed->record_size);
    json_string(out, "analysis", analysis_word(packing->scan));
    json_number(out, "findings", snapjar_scan_summarize(packing->scan)->finding_count);
    json_end(out);
}

/* What is odd about the pickle that was stored, just as it is. */
static void tell_analysis(struct packing *packing, const struct packing_input *input)
{
    if (!snapjar_scan_failure(packing->scan) && !snapjar_scan_summarize(packing->scan)->finding_count)
        return;
    progress_clear(&packing->progress);
    analysis_remark(packing->cli, input->name, packing->scan, packing_content(input));
}

snapjar_status packing_write(struct packing *packing, struct packing_input *input, snapjar_sink *sink,
                             const char *output, snapjar_error *err)
{
    snapjar_source *source = input->plain ? input->plain : input->source;
    snapjar_status status = SNAPJAR_OK;

    progress_begin(&packing->progress, "packing", true, !report_is_captured());
    for (uint64_t offset = 0; status == SNAPJAR_OK && offset < input->size;) {
        snapjar_packed packed;
        status = snapjar_pack(packing->context, source, offset, sink, &packing->options, &packed, err);
        if (status != SNAPJAR_OK) {
            if (input->record_count && err->record_index == SNAPJAR_OFFSET_NONE)
                err->record_index = input->record_count;
            break;
        }
        offset += packed.pickle_size;
        tell_analysis(packing, input);
        if (packing->values->json)
            add_json(packing, input, output, &packed);
        input->record_count++;
    }
    progress_clear(&packing->progress);
    return status;
}

void packing_close(struct packing_input *input)
{
    snapjar_source_free(input->plain);
    snapjar_source_free(input->source);
    text_free(&input->json);
    input->plain = NULL;
    input->source = NULL;
}

const char *packing_content(const struct packing_input *input)
{
    return input && input->plain ? "the decompressed input" : NULL;
}

void packing_fail(struct packing *packing, const struct packing_input *input, const char *name,
                  const snapjar_error *err)
{
    report_failure(packing->cli, name, err, packing_content(input));
    if (packing->values->json) {
        struct text out = {0};
        json_begin(&out, "error");
        json_file(&out, "file", name);
        json_error(&out, "error", err);
        json_end(&out);
        report_print(&out);
        text_free(&out);
    }
}
