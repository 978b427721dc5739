/* SPDX-License-Identifier: MIT
 *
 * A graph of a pickle, from its options to its end: the scan that comes first, and the building.
 */
#include "pickle/graph.h"
#include "util/options.h"

/** The scan that must come first: everything that a loader would fail on fails here. */
static snapjar_status scan(snapjar_graph *graph, size_t *stack_depth, snapjar_error *err)
{
    snapjar_scan_options options = SNAPJAR_SCAN_OPTIONS_INIT;
    snapjar_scan *made;
    options.string_encoding = graph->options.string_encoding;
    options.base_offset = graph->options.base_offset;
    options.stack_depth_max = graph->options.stack_depth_max;
    options.memo_count_max = graph->options.memo_count_max;
    options.line_size_max = graph->options.line_size_max;
    options.finding_count_max = 1;
    SJ_TRY(snapjar_scan_new(&made, graph->context, &options, err));
    const snapjar_status status = snapjar_scan_pickle(made, graph->bytes, graph->size, err);
    const snapjar_scan_summary *summary = snapjar_scan_summarize(made);
    graph->protocol = summary->protocol;
    *stack_depth = (size_t)summary->stack_depth;
    snapjar_scan_free(made);
    return status;
}

static void settle_options(snapjar_graph_options *options)
{
    if (options->node_count_max == 0)
        options->node_count_max = SNAPJAR_GRAPH_NODE_COUNT_DEFAULT;
    options->node_count_max = sj_min(options->node_count_max, UINT32_MAX - 1);
    if (options->memory_max == 0)
        options->memory_max = SNAPJAR_GRAPH_MEMORY_DEFAULT;
}

static snapjar_status make_graph(snapjar_graph **graph, snapjar_context *context, const void *bytes, size_t size,
                                 const snapjar_graph_options *options, const snapjar_scan_summary *scanned,
                                 snapjar_error *err)
{
    snapjar_graph_options own;
    size_t stack_depth;
    SJ_TRY(sj_options_read(&own, sizeof own, options, "snapjar_graph_options", err));
    settle_options(&own);
    snapjar_graph *made = sj_alloc_zero(context, sizeof *made);
    if (made == NULL)
        return sj_raise_no_memory(err, sizeof *made);
    made->context = context;
    made->options = own;
    made->bytes = bytes;
    made->size = size;
    made->dropped_offset = SNAPJAR_OFFSET_NONE;
    snapjar_status status = SNAPJAR_OK;
    if (scanned != NULL) {
        made->protocol = scanned->protocol;
        stack_depth = (size_t)scanned->stack_depth;
    } else {
        status = scan(made, &stack_depth, err);
    }
    if (status == SNAPJAR_OK)
        status = sj_graph_build(made, stack_depth, err);
    if (status != SNAPJAR_OK) {
        snapjar_graph_free(made);
        return status;
    }
    *graph = made;
    return SNAPJAR_OK;
}

snapjar_status snapjar_graph_new(snapjar_graph **graph, snapjar_context *context, const void *bytes, size_t size,
                                 const snapjar_graph_options *options, snapjar_error *err)
{
    if (graph != NULL)
        *graph = NULL;
    if (graph == NULL || context == NULL || (bytes == NULL && size > 0))
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE, "%s is NULL",
                        graph == NULL     ? "graph"
                        : context == NULL ? "context"
                                          : "bytes");
    return make_graph(graph, context, bytes, size, options, NULL, err);
}

snapjar_status sj_graph_new_scanned(snapjar_graph **graph, snapjar_context *context, const void *bytes, size_t size,
                                    const snapjar_graph_options *options, snapjar_scan *scanned, snapjar_error *err)
{
    *graph = NULL;
    const bool is_whole = scanned != NULL && snapjar_scan_failure(scanned) == NULL;
    return make_graph(graph, context, bytes, size, options, is_whole ? snapjar_scan_summarize(scanned) : NULL, err);
}
