/* SPDX-License-Identifier: MIT
 *
 * Migration steps: whatever they are and whatever they are applied to, they are refused as they may be, or give a graph
 * that is refused as it may be or written as a pickle that a scan and the graph take.
 * The input is {"steps": [...]}, a NUL, and the pickle.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "migrate/steps.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "%s\n", what);
    abort();
}

static sj_steps *read(snapjar_context *context, const char *text, size_t size)
{
    sj_steps *steps = NULL;
    sj_json *root;
    snapjar_error err;
    if (sj_json_parse(&root, text, size, 40, SNAPJAR_SPACE_FILE, 0, &err) != SNAPJAR_OK)
        return NULL;
    const sj_json_document document = {text, size, root};
    const sj_json *array = sj_json_get(root, "steps");
    if (array != NULL) {
        const snapjar_status status = sj_steps_read(&steps, context, &document, array, &err);
        require(status == SNAPJAR_OK || status == SNAPJAR_DAMAGED || status == SNAPJAR_LIMIT, err.message);
        require(status == SNAPJAR_OK || (err.space == SNAPJAR_SPACE_FILE && err.offset < size),
                "no place in the steps");
    }
    sj_json_free(root);
    return steps;
}

static void emit(snapjar_context *context, const snapjar_graph *graph, int protocol)
{
    snapjar_graph_options options = SNAPJAR_GRAPH_OPTIONS_INIT;
    snapjar_graph *again;
    snapjar_sink *sink;
    snapjar_error err;
    size_t size;
    require(snapjar_sink_to_memory(&sink, context, &err) == SNAPJAR_OK, "no sink");
    const snapjar_status status = snapjar_graph_emit(graph, protocol, sink, NULL, NULL, &err);
    require(status == SNAPJAR_OK ||
                (status == SNAPJAR_UNSUPPORTED && err.diagnostic == SNAPJAR_DIAG_TRANSCODE_UNFAITHFUL),
            err.message);
    if (status == SNAPJAR_OK) {
        const void *bytes = snapjar_sink_memory(sink, &size);
        require(snapjar_graph_new(&again, context, bytes, size, &options, &err) == SNAPJAR_OK, err.message);
        snapjar_graph_free(again);
    }
    snapjar_sink_free(sink);
}

static void migrate(snapjar_context *context, const sj_steps *steps, const uint8_t *pickle, size_t size)
{
    snapjar_graph_options options = SNAPJAR_GRAPH_OPTIONS_INIT;
    snapjar_graph *graph;
    sj_steps_report report;
    snapjar_error err;
    options.memory_max = UINT64_C(1) << 26;
    if (snapjar_graph_new(&graph, context, pickle, size, &options, &err) != SNAPJAR_OK)
        return;
    const snapjar_status status = sj_steps_apply(steps, graph, &report, &err);
    require(status == SNAPJAR_OK || status == SNAPJAR_UNSUPPORTED || status == SNAPJAR_LIMIT, err.message);
    if (status == SNAPJAR_UNSUPPORTED)
        require(err.offset == SNAPJAR_OFFSET_NONE || err.offset < size, "an offset outside of the pickle");
    if (status == SNAPJAR_OK) {
        emit(context, graph, 0);
        emit(context, graph, 2);
        emit(context, graph, 5);
    }
    sj_steps_report_clear(&report);
    snapjar_graph_free(graph);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    snapjar_context *context;
    const uint8_t *nul = size > 0 ? memchr(data, 0, size) : NULL;
    if (nul == NULL || size > 4096 || snapjar_context_new(&context, NULL, NULL) != SNAPJAR_OK)
        return 0;
    const size_t text_size = (size_t)(nul - data), pickle_size = size - text_size - 1;
    /* Copies of their own size, so that a read past their end is seen. */
    char *text = malloc(text_size + 1);
    uint8_t *pickle = malloc(pickle_size + 1);
    if (text == NULL || pickle == NULL)
        abort();
    memcpy(text, data, text_size);
    memcpy(pickle, nul + 1, pickle_size);
    sj_steps *steps = read(context, text, text_size);
    if (steps != NULL)
        migrate(context, steps, pickle, pickle_size);
    sj_steps_free(steps);
    free(text);
    free(pickle);
    snapjar_context_free(context);
    return 0;
}
