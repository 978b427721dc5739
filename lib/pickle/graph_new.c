/* SPDX-License-Identifier: MIT
 *
 * Makes a graph: runs over the opcodes once, with node numbers on the stack where a loader has objects.
 */
#include <string.h>

#include "pickle/builder.h"
#include "util/options.h"

/** What each opcode does. */
static sj_build_op *const ops[256] = {
    [SJ_OP_MARK] = sj_build_mark,
    [SJ_OP_EMPTY_TUPLE] = sj_build_single,
    [SJ_OP_STOP] = sj_build_stop,
    [SJ_OP_POP] = sj_build_pop,
    [SJ_OP_POP_MARK] = sj_build_pop,
    [SJ_OP_DUP] = sj_build_dup,
    [SJ_OP_BINBYTES] = sj_build_leaf,
    [SJ_OP_SHORT_BINBYTES] = sj_build_leaf,
    [SJ_OP_FLOAT] = sj_build_float_text,
    [SJ_OP_BINFLOAT] = sj_build_leaf,
    [SJ_OP_INT] = sj_build_decimal,
    [SJ_OP_BININT] = sj_build_leaf,
    [SJ_OP_BININT1] = sj_build_small,
    [SJ_OP_LONG] = sj_build_decimal,
    [SJ_OP_BININT2] = sj_build_leaf,
    [SJ_OP_NONE] = sj_build_single,
    [SJ_OP_PERSID] = sj_build_persistent,
    [SJ_OP_BINPERSID] = sj_build_persistent,
    [SJ_OP_REDUCE] = sj_build_call,
    [SJ_OP_STRING] = sj_build_text,
    [SJ_OP_BINSTRING] = sj_build_text,
    [SJ_OP_SHORT_BINSTRING] = sj_build_text,
    [SJ_OP_UNICODE] = sj_build_text,
    [SJ_OP_BINUNICODE] = sj_build_text,
    [SJ_OP_EMPTY_LIST] = sj_build_empty,
    [SJ_OP_APPEND] = sj_build_append,
    [SJ_OP_BUILD] = sj_build_state,
    [SJ_OP_GLOBAL] = sj_build_global,
    [SJ_OP_DICT] = sj_build_filled,
    [SJ_OP_APPENDS] = sj_build_append_many,
    [SJ_OP_GET] = sj_build_get,
    [SJ_OP_BINGET] = sj_build_get,
    [SJ_OP_INST] = sj_build_instance,
    [SJ_OP_LONG_BINGET] = sj_build_get,
    [SJ_OP_LIST] = sj_build_filled,
    [SJ_OP_OBJ] = sj_build_object,
    [SJ_OP_PUT] = sj_build_put,
    [SJ_OP_BINPUT] = sj_build_put,
    [SJ_OP_LONG_BINPUT] = sj_build_put,
    [SJ_OP_SETITEM] = sj_build_append,
    [SJ_OP_TUPLE] = sj_build_tuple,
    [SJ_OP_SETITEMS] = sj_build_append_many,
    [SJ_OP_EMPTY_DICT] = sj_build_empty,
    [SJ_OP_PROTO] = sj_build_protocol,
    [SJ_OP_NEWOBJ] = sj_build_call,
    [SJ_OP_EXT1] = sj_build_extension,
    [SJ_OP_EXT2] = sj_build_extension,
    [SJ_OP_EXT4] = sj_build_extension,
    [SJ_OP_TUPLE1] = sj_build_tuple,
    [SJ_OP_TUPLE2] = sj_build_tuple,
    [SJ_OP_TUPLE3] = sj_build_tuple,
    [SJ_OP_NEWTRUE] = sj_build_single,
    [SJ_OP_NEWFALSE] = sj_build_single,
    [SJ_OP_LONG1] = sj_build_leaf,
    [SJ_OP_LONG4] = sj_build_leaf,
    [SJ_OP_SHORT_BINUNICODE] = sj_build_text,
    [SJ_OP_BINUNICODE8] = sj_build_text,
    [SJ_OP_BINBYTES8] = sj_build_leaf,
    [SJ_OP_EMPTY_SET] = sj_build_empty,
    [SJ_OP_ADDITEMS] = sj_build_append_many,
    [SJ_OP_FROZENSET] = sj_build_frozenset,
    [SJ_OP_NEWOBJ_EX] = sj_build_call,
    [SJ_OP_STACK_GLOBAL] = sj_build_stack_global,
    [SJ_OP_MEMOIZE] = sj_build_put,
    [SJ_OP_FRAME] = sj_build_frame,
    [SJ_OP_BYTEARRAY8] = sj_build_leaf,
    [SJ_OP_NEXT_BUFFER] = sj_build_leaf,
    [SJ_OP_READONLY_BUFFER] = sj_build_readonly,
};

static SJ_BUILD run(sj_builder *builder, snapjar_error *err)
{
    snapjar_graph *graph = builder->graph;
    sj_lexer *lexer = &builder->lexer;
    unsigned protocol_bits = 0;
    bool has_protocol = false;
    while (!builder->is_done) {
        sj_token token;
        const uint8_t *next = sj_lexer_step(lexer, lexer->position, lexer->end, &token);
        if (next != NULL) {
            lexer->position = next;
        } else {
            SJ_TRY(sj_lexer_next(lexer, &token, err));
            if (!token.is_whole)
                return sj_lexer_raise_end(lexer, err);
        }
        if (graph->opcode_count++ == 0 && token.opcode == SJ_OP_PROTO) {
            has_protocol = true;
            graph->protocol = token.data[0];
        }
        protocol_bits |= sj_opcode_protocol_bits[token.opcode];
        SJ_TRY(ops[token.opcode](builder, &token, err));
    }
    while (!has_protocol && protocol_bits >> (graph->protocol + 1) != 0)
        graph->protocol++;
    const size_t end = (size_t)(lexer->position - lexer->chunk);
    if (end != graph->size)
        return sj_raise(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_PICKLE_SIZE_MISMATCH, SJ_AT_CONTENT(end),
                        "the pickle's STOP ends it after %zu bytes, not %zu", end, graph->size);
    return SNAPJAR_OK;
}

static SJ_BUILD read_options(snapjar_graph_options *known, const snapjar_graph_options *options, snapjar_error *err)
{
    SJ_TRY(sj_options_read(known, sizeof *known, options, "snapjar_graph_options", err));
    if (known->node_count_max == 0 || known->node_count_max > SNAPJAR_GRAPH_NODE_COUNT_DEFAULT)
        known->node_count_max = SNAPJAR_GRAPH_NODE_COUNT_DEFAULT;
    if (known->stack_depth_max == 0)
        known->stack_depth_max = SNAPJAR_GRAPH_STACK_DEPTH_DEFAULT;
    if (known->memory_size_max == 0)
        known->memory_size_max = SNAPJAR_GRAPH_MEMORY_SIZE_DEFAULT;
    if (known->line_size_max == 0)
        known->line_size_max = SNAPJAR_PICKLE_LINE_SIZE_DEFAULT;
    if (known->string_encoding > SNAPJAR_STRING_BYTES)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE,
                        "string_encoding is %d", (int)known->string_encoding);
    return SNAPJAR_OK;
}

static SJ_BUILD build(snapjar_graph *graph, snapjar_error *err)
{
    sj_builder builder;
    uint32_t none;
    const sj_token nowhere = {.opcode = SJ_OP_NONE};
    memset(&builder, 0, sizeof builder);
    builder.graph = graph;
    sj_lexer_init(&builder.lexer, graph->options.line_size_max, 0);
    sj_lexer_feed(&builder.lexer, graph->bytes, graph->size);
    /* Number 0 means that there is none, of nodes and of changes. */
    snapjar_status status = sj_build_words(&builder, 1, &none, err);
    if (status == SNAPJAR_OK)
        status = sj_build_node(&builder, SJ_NODE_NONE, &nowhere, &none, err);
    if (status == SNAPJAR_OK)
        status = run(&builder, err);
    sj_free(graph->context, builder.stack);
    sj_free(graph->context, builder.marks);
    sj_free(graph->context, builder.memo);
    return status;
}

snapjar_status snapjar_graph_new(snapjar_graph **graph, snapjar_context *context, const void *bytes, size_t size,
                                 const snapjar_graph_options *options, snapjar_error *err)
{
    snapjar_graph_options known;
    if (graph == NULL)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE, "graph is NULL");
    *graph = NULL;
    if (context == NULL || (bytes == NULL && size > 0))
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE, "%s is NULL",
                        context == NULL ? "context" : "bytes");
    SJ_TRY(read_options(&known, options, err));
    snapjar_graph *made = sj_alloc_zero(context, sizeof *made);
    if (made == NULL)
        return sj_raise_no_memory(err, sizeof *made);
    made->context = context;
    made->bytes = bytes;
    made->size = size;
    made->options = known;
    snapjar_status status = build(made, err);
    if (status != SNAPJAR_OK) {
        snapjar_graph_free(made);
        return status;
    }
    *graph = made;
    return SNAPJAR_OK;
}
