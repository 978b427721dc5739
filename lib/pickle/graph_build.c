/* SPDX-License-Identifier: MIT
 *
 * Makes nodes, their children and changes, and room for them. What grows is arrays: reallocating large blocks moves
 * pages, not bytes, on the systems this is made for.
 */
#include <string.h>

#include "pickle/builder.h"

#define FIRST_CAPACITY ((size_t)64)
/** A change in a row with others grows up to this many items before the next one begins. */
#define ROW_CAPACITY_MAX UINT32_C(4096)

const char *sj_opcode_name(uint8_t code)
{
    const snapjar_opcode_info *info = snapjar_opcode_find(code);
    return info != NULL ? info->name : "?";
}

static SJ_BUILD raise_memory_limit(const sj_builder *builder, uint64_t offset, snapjar_error *err)
{
    return sj_raise(err, SNAPJAR_LIMIT, SNAPJAR_DIAG_PICKLE_GRAPH_LIMIT, SJ_AT_CONTENT(offset),
                    "the graph needs more than the limit of %llu bytes of memory",
                    (unsigned long long)builder->graph->options.memory_size_max);
}

snapjar_status sj_build_grow(sj_builder *builder, void **array, size_t *capacity, size_t needed, size_t element_size,
                             snapjar_error *err)
{
    size_t wanted = *capacity < FIRST_CAPACITY ? FIRST_CAPACITY : *capacity + *capacity / 2;
    if (wanted < needed)
        wanted = needed;
    if (wanted > builder->graph->options.memory_size_max / element_size)
        return raise_memory_limit(builder, sj_lexer_offset(&builder->lexer, builder->lexer.position), err);
    void *grown = sj_realloc(builder->graph->context, *array, wanted * element_size);
    if (grown == NULL)
        return sj_raise_no_memory(err, wanted * element_size);
    *array = grown;
    *capacity = wanted;
    return SNAPJAR_OK;
}

snapjar_status sj_build_node(sj_builder *builder, sj_node_kind kind, const sj_token *token, sj_ref *ref,
                             snapjar_error *err)
{
    snapjar_graph *graph = builder->graph;
    if (graph->node_count > graph->options.node_count_max)
        return sj_raise(err, SNAPJAR_LIMIT, SNAPJAR_DIAG_PICKLE_GRAPH_LIMIT, SJ_AT_CONTENT(token->offset),
                        "the pickle has more than the limit of %llu values",
                        (unsigned long long)graph->options.node_count_max);
    if (graph->node_count == graph->node_capacity) {
        void *nodes = graph->nodes;
        SJ_TRY(sj_build_grow(builder, &nodes, &graph->node_capacity, 0, sizeof *graph->nodes, err));
        graph->nodes = nodes;
    }
    *ref = (sj_ref)graph->node_count++;
    sj_node *node = &graph->nodes[*ref];
    memset(node, 0, sizeof *node);
    node->kind = (uint8_t)kind;
    node->form = token->opcode;
    node->protocol = (uint8_t)builder->protocol;
    node->offset = token->offset;
    return SNAPJAR_OK;
}

snapjar_status sj_build_words(sj_builder *builder, size_t count, uint32_t *first, snapjar_error *err)
{
    snapjar_graph *graph = builder->graph;
    const size_t needed = graph->word_count + count;
    if (needed > UINT32_MAX)
        return raise_memory_limit(builder, sj_lexer_offset(&builder->lexer, builder->lexer.position), err);
    if (needed > graph->word_capacity) {
        void *words = graph->words;
        SJ_TRY(sj_build_grow(builder, &words, &graph->word_capacity, needed, sizeof *graph->words, err));
        graph->words = words;
    }
    *first = (uint32_t)graph->word_count;
    graph->word_count = needed;
    return SNAPJAR_OK;
}

snapjar_status sj_build_push(sj_builder *builder, const sj_token *token, sj_ref ref, snapjar_error *err)
{
    if (builder->depth == builder->stack_capacity) {
        void *stack = builder->stack;
        if (builder->depth >= builder->graph->options.stack_depth_max)
            return sj_raise(err, SNAPJAR_LIMIT, SNAPJAR_DIAG_PICKLE_STACK_LIMIT, SJ_AT_CONTENT(token->offset),
                            "the stack is deeper than the limit of %llu values",
                            (unsigned long long)builder->graph->options.stack_depth_max);
        SJ_TRY(sj_build_grow(builder, &stack, &builder->stack_capacity, 0, sizeof *builder->stack, err));
        builder->stack = stack;
    }
    builder->stack[builder->depth++] = ref;
    return SNAPJAR_OK;
}

snapjar_status sj_build_need(const sj_builder *builder, const sj_token *token, size_t count, snapjar_error *err)
{
    const size_t fence = sj_build_fence(builder);
    if (builder->depth - fence >= count)
        return SNAPJAR_OK;
    return sj_raise(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_PICKLE_STACK_UNDERFLOW, SJ_AT_CONTENT(token->offset),
                    "%s needs %zu values and the stack has %zu%s", sj_opcode_name(token->opcode), count,
                    builder->depth - fence, builder->mark_count > 0 ? " above its mark" : "");
}

snapjar_status sj_build_unmark(sj_builder *builder, const sj_token *token, size_t *count, snapjar_error *err)
{
    if (builder->mark_count == 0)
        return sj_raise(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_PICKLE_MARK_MISSING, SJ_AT_CONTENT(token->offset),
                        "%s needs a mark and there is none", sj_opcode_name(token->opcode));
    *count = builder->depth - builder->marks[--builder->mark_count];
    return SNAPJAR_OK;
}

snapjar_status sj_build_raise_operand(const sj_token *token, const char *what, snapjar_error *err)
{
    return sj_raise(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_PICKLE_OPERAND_INVALID, SJ_AT_CONTENT(token->offset),
                    "%s finds %s", sj_opcode_name(token->opcode), what);
}

static void set_change_offset(snapjar_graph *graph, uint32_t change, uint64_t offset)
{
    graph->words[change + 4] = (uint32_t)offset;
    graph->words[change + 5] = (uint32_t)(offset >> 32);
}

snapjar_status sj_build_change(sj_builder *builder, sj_ref target, const sj_token *token, uint8_t op,
                               const sj_ref *items, size_t count, snapjar_error *err)
{
    snapjar_graph *graph = builder->graph;
    const bool is_in_row = op == SJ_OP_APPEND || op == SJ_OP_SETITEM;
    uint32_t last = graph->nodes[target].changes;
    uint32_t capacity = (uint32_t)count;
    if (last != 0 && is_in_row && graph->words[last + 1] == op) {
        uint32_t *words = graph->words + last;
        if (words[2] + count <= words[3]) {
            memcpy(words + SJ_CHANGE_HEAD + words[2], items, count * sizeof *items);
            words[2] += (uint32_t)count;
            set_change_offset(graph, last, token->offset);
            return SNAPJAR_OK;
        }
        capacity = words[3] < ROW_CAPACITY_MAX / 2 ? 2 * words[3] : ROW_CAPACITY_MAX;
    }
    uint32_t change;
    SJ_TRY(sj_build_words(builder, SJ_CHANGE_HEAD + capacity, &change, err));
    uint32_t *words = graph->words + change;
    words[0] = last != 0 ? graph->words[last] : change;
    words[1] = op;
    words[2] = (uint32_t)count;
    words[3] = capacity;
    set_change_offset(graph, change, token->offset);
    memcpy(words + SJ_CHANGE_HEAD, items, count * sizeof *items);
    if (last != 0)
        graph->words[last] = change;
    graph->nodes[target].changes = change;
    return SNAPJAR_OK;
}
