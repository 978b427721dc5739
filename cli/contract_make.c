/* SPDX-License-Identifier: MIT
 *
 * snapjar contract infer and bump: contracts made from snapshots.
 */
#include <stdlib.h>
#include <string.h>

#include "contract.h"
#include "contracts.h"
#include "pickle_walk.h"

/* What is gathered from the files. */
struct gathering {
    const struct contract_values *values;
    snapjar_context *context;
    snapjar_samples *samples;
    uint64_t count;
};

static snapjar_status add(struct gathering *gathering, snapjar_context *context, const snapjar_pickles_item *item,
                          const void *bytes, size_t size, snapjar_error *err)
{
    snapjar_graph_options options = SNAPJAR_GRAPH_OPTIONS_INIT;
    const struct option_number *as_version = &gathering->values->as_version;
    int64_t version = as_version->is_given ? as_version->value : 0;
    snapjar_graph *graph = NULL;
    char *type = NULL;

    options.string_encoding = item->string_encoding;
    options.base_offset = item->base_offset;
    if (item->header) {
        const snapjar_text text = snapjar_header_type(item->header);
        type = memory_get(text.size + 1);
        memcpy(type, text.data, text.size);
        type[text.size] = '\0';
        version = snapjar_header_schema_version(item->header);
    }
    snapjar_status status = snapjar_graph_new(&graph, context, bytes, size, &options, err);
    if (status == SNAPJAR_OK)
        status = snapjar_samples_add(gathering->samples, graph, type, version, err);
    snapjar_graph_free(graph);
    free(type);
    return status;
}

static snapjar_status look(struct pickle_walk *walk, const char *path, snapjar_pickles *pickles,
                           const snapjar_pickles_item *item, snapjar_error *err)
{
    struct gathering *gathering = walk->state;
    snapjar_content *content = NULL;
    uint64_t size, pickle_size = 0;
    snapjar_status status = snapjar_pickles_load(pickles, &content, err);

    (void)path;
    if (status == SNAPJAR_OK) {
        const void *bytes = snapjar_content_data(content, &size, &pickle_size);
        status = add(gathering, walk->context, item, bytes, (size_t)pickle_size, err);
    }
    gathering->count += status == SNAPJAR_OK;
    snapjar_content_free(content);
    return status;
}

/* Adds all objects behind `paths`; false if one could not be, which was told. */
static bool gather(struct cli *cli, struct gathering *gathering, const struct string_list *paths)
{
    const struct contract_values *values = gathering->values;
    const struct pickle_walk_values walk_values = {.encoding = values->encoding, .max_size = values->max_size};
    struct pickle_walk walk = {.cli = cli, .state = gathering, .values = &walk_values, .look = look};
    snapjar_error err;

    pickle_walk_run(&walk, paths);
    if (!cli->report.exit_code && !gathering->count) {
        report_make(&err, SNAPJAR_NOT_FOUND, SNAPJAR_DIAG_NO_FILE, "there is no pickle and no snapshot to learn from");
        (void)report_failure(cli, paths->items[0], &err, NULL);
    }
    return !cli->report.exit_code;
}

/* Prints what was written to memory. */
static void print_sink(const snapjar_sink *sink)
{
    size_t size;
    const void *bytes = snapjar_sink_memory(sink, &size);
    struct text out = {0};

    text_add(&out, bytes, size);
    report_print(&out);
    text_free(&out);
}

int contract_infer(struct cli *cli, const struct contract_values *values, const struct string_list *operands)
{
    struct gathering gathering = {.values = values};
    snapjar_sink *sink = NULL;
    snapjar_error err;

    if (!operands->count)
        return report_usage(cli, "infer takes files or directories to learn from");
    snapjar_status status = snapjar_context_new(&gathering.context, NULL, &err);
    if (status == SNAPJAR_OK)
        status = snapjar_samples_new(&gathering.samples, gathering.context, &err);
    if (status == SNAPJAR_OK && gather(cli, &gathering, operands)) {
        status = snapjar_sink_to_memory(&sink, gathering.context, &err);
        if (status == SNAPJAR_OK)
            status = snapjar_contract_infer(gathering.samples, sink, &err);
        if (status == SNAPJAR_OK)
            print_sink(sink);
    }
    if (status != SNAPJAR_OK)
        (void)report_failure(cli, NULL, &err, NULL);
    snapjar_sink_free(sink);
    snapjar_samples_free(gathering.samples);
    snapjar_context_free(gathering.context);
    return cli->report.exit_code;
}

static snapjar_status bump(struct cli *cli, struct gathering gatherings[2], const char *text,
                           const struct string_list *operands, snapjar_error *err)
{
    snapjar_context *context = gatherings[0].context;
    snapjar_sink *sink = NULL;
    snapjar_status status = SNAPJAR_OK;

    for (size_t i = 0; i < 2 && status == SNAPJAR_OK && !cli->report.exit_code; i++) {
        const struct string_list path = {operands->items + 1 + i, 1};
        status = snapjar_samples_new(&gatherings[i].samples, context, err);
        if (status == SNAPJAR_OK)
            (void)gather(cli, &gatherings[i], &path);
    }
    if (status != SNAPJAR_OK || cli->report.exit_code)
        return status;
    status = snapjar_sink_to_memory(&sink, context, err);
    if (status == SNAPJAR_OK)
        status = snapjar_contract_bump(text, strlen(text), gatherings[0].samples, gatherings[1].samples, sink, err);
    if (status == SNAPJAR_OK)
        print_sink(sink);
    snapjar_sink_free(sink);
    return status;
}

int contract_bump(struct cli *cli, const struct contract_values *values, const struct string_list *operands)
{
    struct gathering gatherings[2] = {{.values = values}, {.values = values}};
    snapjar_context *context = NULL;
    snapjar_contract *contract = NULL;
    char *text = NULL;
    snapjar_error err;

    if (operands->count != 3)
        return report_usage(cli, "bump takes a contract, an object before the change, and one after it");
    if (snapjar_context_new(&context, NULL, &err) != SNAPJAR_OK)
        return report_failure(cli, NULL, &err, NULL);
    gatherings[0].context = gatherings[1].context = context;
    int code = contracts_read(cli, context, operands->items[0], &contract, &text);
    if (code < 0) {
        if (bump(cli, gatherings, text, operands, &err) != SNAPJAR_OK)
            (void)report_failure(cli, NULL, &err, NULL);
        code = cli->report.exit_code;
    }
    for (size_t i = 0; i < 2; i++)
        snapjar_samples_free(gatherings[i].samples);
    snapjar_contract_free(contract);
    snapjar_context_free(context);
    free(text);
    return code;
}
