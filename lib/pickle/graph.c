/* SPDX-License-Identifier: MIT
 *
 * Reading a graph: walks over children, spans of bytes, names. Makes no nodes but frees them all.
 */
#include "pickle/graph.h"

#include <string.h>

#include "util/options.h"

sj_ref sj_graph_walk(const snapjar_graph *graph, const sj_node *node, sj_cursor *cursor, uint8_t *op)
{
    if (!cursor->is_past_children) {
        uint32_t count;
        const uint32_t *children = sj_graph_children(graph, node, &count);
        *op = 0;
        if (cursor->index < count)
            return children[cursor->index++];
        cursor->is_past_children = true;
        cursor->index = 0;
        cursor->change = sj_graph_first_change(graph, node);
    }
    while (cursor->change != 0) {
        const sj_change change = sj_graph_change(graph, cursor->change);
        *op = change.op;
        if (cursor->index < change.count)
            return change.items[cursor->index++];
        cursor->index = 0;
        cursor->change = sj_graph_next_change(graph, node, cursor->change);
    }
    return 0;
}

/** Bytes of the length prefix of an argument. */
static size_t prefix_size(uint8_t opcode)
{
    const uint8_t shape = sj_opcode_shapes[opcode];
    return shape > SJ_SHAPE_FIXED_MAX && shape < SJ_SHAPE_LINE ? shape & 0xf : 0;
}

const uint8_t *sj_graph_span(const snapjar_graph *graph, const sj_node *node, size_t *size)
{
    *size = (size_t)node->size;
    return graph->bytes + node->offset + 1 + prefix_size(node->form);
}

/** A line of GLOBAL or INST: the lexer has seen both newlines. */
static snapjar_text read_line(const uint8_t *start)
{
    const uint8_t *end = start;
    while (*end != '\n')
        end++;
    return (snapjar_text){(const char *)start, (size_t)(end - start)};
}

/** A text that is a name: without escapes, as the builder has checked. */
static snapjar_text name_of(const snapjar_graph *graph, sj_ref ref)
{
    size_t size;
    const sj_node *node = sj_graph_node(graph, ref);
    const char *data = (const char *)sj_graph_span(graph, node, &size);
    return node->form == SJ_OP_STRING ? (snapjar_text){data + 1, size - 2} : (snapjar_text){data, size};
}

void sj_graph_global(const snapjar_graph *graph, const sj_node *node, snapjar_text *module, snapjar_text *name)
{
    if (node->form == SJ_OP_STACK_GLOBAL) {
        *module = name_of(graph, graph->words[node->first]);
        *name = name_of(graph, graph->words[node->first + 1]);
        return;
    }
    *module = read_line(graph->bytes + node->offset + 1);
    *name = read_line((const uint8_t *)module->data + module->size + 1);
}

uint64_t sj_graph_memory(const snapjar_graph *graph)
{
    return graph->node_capacity * sizeof *graph->nodes + graph->word_capacity * sizeof *graph->words + sizeof *graph;
}

void snapjar_graph_free(snapjar_graph *graph)
{
    if (graph == NULL)
        return;
    snapjar_context *context = graph->context;
    sj_free(context, graph->nodes);
    sj_free(context, graph->words);
    sj_free(context, graph);
}

snapjar_status snapjar_graph_describe(const snapjar_graph *graph, snapjar_graph_info *info, snapjar_error *err)
{
    if (graph == NULL || info == NULL)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE, "%s is NULL",
                        graph == NULL ? "graph" : "info");
    const snapjar_graph_info known = {.struct_size = info->struct_size,
                                      .protocol = graph->protocol,
                                      .opcode_count = graph->opcode_count,
                                      .node_count = graph->node_count - 1,
                                      .call_count = graph->call_count,
                                      .memory_size = sj_graph_memory(graph)};
    if (info->struct_size < sizeof info->struct_size || info->struct_size > sizeof known)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE,
                        "struct_size %zu is not the size of a snapjar_graph_info (%zu here)", info->struct_size,
                        sizeof known);
    memcpy(info, &known, info->struct_size);
    return SNAPJAR_OK;
}
