/* SPDX-License-Identifier: MIT
 *
 * Graphs and their emission: what a scan takes gives a graph; whatever protocol takes it gives a pickle that a scan
 * takes too, without a call more or less; and writing that once more changes nothing.
 * The first byte of the input chooses the string encoding, the rest is the pickle.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pickle/graph.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds, const char *what, int protocol)
{
    if (holds)
        return;
    fprintf(stderr, "%s, at protocol %d\n", what, protocol);
    abort();
}

/** The pickle in a memory sink, or NULL if it was refused as it may be. */
static snapjar_sink *emit(snapjar_context *context, const snapjar_graph *graph, int protocol)
{
    snapjar_sink *sink;
    snapjar_error err;
    require(snapjar_sink_to_memory(&sink, context, &err) == SNAPJAR_OK, "no sink", protocol);
    const snapjar_status status = snapjar_graph_emit(graph, protocol, sink, NULL, NULL, &err);
    if (status == SNAPJAR_OK)
        return sink;
    require(status == SNAPJAR_UNSUPPORTED && err.diagnostic == SNAPJAR_DIAG_TRANSCODE_UNFAITHFUL, err.message,
            protocol);
    require(err.offset >= graph->options.base_offset && err.offset < graph->options.base_offset + graph->size,
            "an offset outside of the pickle", protocol);
    snapjar_sink_free(sink);
    return NULL;
}

static snapjar_graph *parse(snapjar_context *context, const snapjar_sink *sink, snapjar_string_encoding encoding,
                            int protocol)
{
    snapjar_graph_options options = SNAPJAR_GRAPH_OPTIONS_INIT;
    snapjar_graph *graph;
    snapjar_error err;
    size_t size;
    const void *bytes = snapjar_sink_memory(sink, &size);
    options.string_encoding = encoding;
    const snapjar_status status = snapjar_graph_new(&graph, context, bytes, size, &options, &err);
    require(status == SNAPJAR_OK, err.message, protocol);
    return graph;
}

/** The next node from `ref` on whose making others may notice; 0 after the last. */
static sj_ref next_effect(const snapjar_graph *graph, sj_ref ref)
{
    while (ref < graph->node_count && !sj_node_is_effect(&graph->nodes[ref]))
        ref++;
    return ref < graph->node_count ? ref : 0;
}

/** Protocol 5 has an opcode for everything: the same things are made in the same order. */
static void compare_effects(const snapjar_graph *before, const snapjar_graph *after)
{
    sj_ref one = next_effect(before, 1), other = next_effect(after, 1);
    while (one != 0 && other != 0) {
        const sj_node *left = &before->nodes[one], *right = &after->nodes[other];
        require(left->kind == right->kind && left->count == right->count, "another effect", 5);
        one = next_effect(before, one + 1);
        other = next_effect(after, other + 1);
    }
    require(one == other, "another number of effects", 5);
}

static void check_protocol(snapjar_context *context, const snapjar_graph *graph, int protocol)
{
    const snapjar_string_encoding encoding = graph->options.string_encoding;
    snapjar_sink *first = emit(context, graph, protocol);
    if (first == NULL)
        return;
    snapjar_graph *again = parse(context, first, encoding, protocol);
    bool has_lines = false, has_sets = false;
    for (sj_ref ref = 1; ref < graph->node_count; ref++) {
        has_lines |= graph->nodes[ref].kind == SJ_NODE_GLOBAL && graph->nodes[ref].count == 0;
        has_sets |= graph->nodes[ref].kind == SJ_NODE_SET || graph->nodes[ref].kind == SJ_NODE_FROZENSET;
    }
    if (protocol == 5 && !has_lines)
        compare_effects(graph, again);
    /* What was begun anew may have had memo entries for all; the second time they are where they are needed. */
    snapjar_sink *second = emit(context, again, protocol);
    if (second == NULL) {
        /* Only a set that nobody keeps, filled by calls: it has a memo entry all the same. And a frozenset inside of
         * itself, which is now called with a list that is whole. */
        require(protocol < 4 && has_sets, "what was emitted is refused", protocol);
        snapjar_graph_free(again);
        snapjar_sink_free(first);
        return;
    }
    snapjar_graph *once_more = parse(context, second, encoding, protocol);
    snapjar_sink *third = emit(context, once_more, protocol);
    require(third != NULL, "what was emitted twice is refused", protocol);
    size_t second_size, third_size;
    const void *second_bytes = snapjar_sink_memory(second, &second_size);
    const void *third_bytes = snapjar_sink_memory(third, &third_size);
    require(second_size == third_size && memcmp(second_bytes, third_bytes, second_size) == 0,
            "emission does not settle", protocol);
    snapjar_graph_free(again);
    snapjar_graph_free(once_more);
    snapjar_sink_free(first);
    snapjar_sink_free(second);
    snapjar_sink_free(third);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    snapjar_graph_options options = SNAPJAR_GRAPH_OPTIONS_INIT;
    snapjar_context *context;
    snapjar_graph *graph;
    if (size == 0 || size > 4096 || snapjar_context_new(&context, NULL, NULL) != SNAPJAR_OK)
        return 0;
    options.string_encoding = (snapjar_string_encoding)(data[0] % 3);
    /* A copy of its own size, so that a read past its end is seen. */
    uint8_t *pickle = malloc(size);
    if (pickle == NULL)
        abort();
    memcpy(pickle, data + 1, size - 1);
    options.base_offset = 1000;
    const snapjar_status status = snapjar_graph_new(&graph, context, pickle, size - 1, &options, NULL);
    require(status != SNAPJAR_BUG, "a bug", -1);
    if (status == SNAPJAR_OK) {
        for (int protocol = 0; protocol <= 5; protocol++)
            check_protocol(context, graph, protocol);
    }
    snapjar_graph_free(graph);
    free(pickle);
    snapjar_context_free(context);
    return 0;
}
