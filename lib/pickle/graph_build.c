/* SPDX-License-Identifier: MIT
 *
 * From opcodes to a graph: the stack, marks and memo of a loader, with nodes in place of values. The model is
 * Modules/_pickle.c of CPython, as in execute.c; a scan ran before, so what that checks is taken for granted here, and
 * where it does not hold the two contradict each other.
 */
#include <string.h>

#include "pickle/canonical.h"
#include "pickle/graph.h"
#include "pickle/machine.h"
#include "pickle/picture.h"

typedef struct builder {
    snapjar_graph *graph;
    snapjar_context *context;
    sj_lexer lexer;
    sj_ref *stack;
    size_t depth;
    size_t stack_capacity;
    /** Depths. */
    uint32_t *marks;
    size_t mark_count;
    size_t mark_capacity;
    /** By index; 0: no entry. */
    sj_ref *memo;
    size_t memo_capacity;
    size_t memo_count;
    /** In force. */
    int protocol;
    /** None, True, False: one node each. */
    sj_ref singletons[3];
    /** Something that may be needed elsewhere left the stack, or was left on it. */
    bool has_loose;
} builder;

#define BUILD snapjar_status __attribute__((warn_unused_result))

/** Kinds of the opcodes that push a literal. */
static const uint8_t literal_kinds[256] = {
    [SJ_OP_BININT] = SJ_NODE_INT,
    [SJ_OP_BININT1] = SJ_NODE_INT,
    [SJ_OP_BININT2] = SJ_NODE_INT,
    [SJ_OP_LONG1] = SJ_NODE_INT,
    [SJ_OP_LONG4] = SJ_NODE_INT,
    [SJ_OP_LONG] = SJ_NODE_INT,
    [SJ_OP_INT] = SJ_NODE_INT,
    [SJ_OP_FLOAT] = SJ_NODE_FLOAT,
    [SJ_OP_BINFLOAT] = SJ_NODE_FLOAT,
    [SJ_OP_UNICODE] = SJ_NODE_STR,
    [SJ_OP_BINUNICODE] = SJ_NODE_STR,
    [SJ_OP_BINUNICODE8] = SJ_NODE_STR,
    [SJ_OP_SHORT_BINUNICODE] = SJ_NODE_STR,
    [SJ_OP_STRING] = SJ_NODE_STR2,
    [SJ_OP_BINSTRING] = SJ_NODE_STR2,
    [SJ_OP_SHORT_BINSTRING] = SJ_NODE_STR2,
    [SJ_OP_BINBYTES] = SJ_NODE_BYTES,
    [SJ_OP_SHORT_BINBYTES] = SJ_NODE_BYTES,
    [SJ_OP_BINBYTES8] = SJ_NODE_BYTES,
    [SJ_OP_BYTEARRAY8] = SJ_NODE_BYTEARRAY,
    [SJ_OP_EXT1] = SJ_NODE_EXTENSION,
    [SJ_OP_EXT2] = SJ_NODE_EXTENSION,
    [SJ_OP_EXT4] = SJ_NODE_EXTENSION,
    [SJ_OP_NEXT_BUFFER] = SJ_NODE_BUFFER,
    [SJ_OP_EMPTY_TUPLE] = SJ_NODE_TUPLE,
    [SJ_OP_EMPTY_LIST] = SJ_NODE_LIST,
    [SJ_OP_EMPTY_DICT] = SJ_NODE_DICT,
    [SJ_OP_EMPTY_SET] = SJ_NODE_SET,
};

static snapjar_status raise_bug(const sj_token *token, snapjar_error *err)
{
    return sj_raise(err, SNAPJAR_BUG, SNAPJAR_DIAG_INTERNAL, SJ_AT_CONTENT(token->offset),
                    "the scan let pass what %s cannot do", snapjar_opcode_find(token->opcode)->name);
}

/* ---- stack, marks, memo ---- */

/** Room in an array for index `count`. */
static BUILD reserve(snapjar_context *context, uint32_t **array, size_t *capacity, size_t count, bool is_zeroed,
                     snapjar_error *err)
{
    size_t grown = *capacity == 0 ? 64 : *capacity + *capacity / 2;
    if (grown <= count)
        grown = count + 1;
    uint32_t *moved = sj_realloc(context, *array, grown * sizeof *moved);
    if (moved == NULL)
        return sj_raise_no_memory(err, grown * sizeof *moved);
    if (is_zeroed)
        memset(moved + *capacity, 0, (grown - *capacity) * sizeof *moved);
    *array = moved;
    *capacity = grown;
    return SNAPJAR_OK;
}

static inline BUILD push(builder *b, sj_ref ref, snapjar_error *err)
{
    if (b->depth == b->stack_capacity)
        SJ_TRY(reserve(b->context, &b->stack, &b->stack_capacity, b->depth, false, err));
    b->stack[b->depth++] = ref;
    return SNAPJAR_OK;
}

static inline size_t fence(const builder *b)
{
    return b->mark_count > 0 ? b->marks[b->mark_count - 1] : 0;
}

static inline bool has(const builder *b, size_t count)
{
    return b->depth - fence(b) >= count;
}

static BUILD push_singleton(builder *b, const sj_token *token, sj_node_kind kind, snapjar_error *err)
{
    sj_ref *ref = &b->singletons[kind - SJ_NODE_NONE];
    if (*ref == 0)
        SJ_TRY(sj_graph_add(b->graph, kind, token->opcode, token->offset, ref, err));
    return push(b, *ref, err);
}

/** Pushes a node of the values from `first`, which it takes. */
static BUILD make(builder *b, const sj_token *token, sj_node_kind kind, size_t first, snapjar_error *err)
{
    sj_ref ref;
    SJ_TRY(sj_graph_add(b->graph, kind, token->opcode, token->offset, &ref, err));
    SJ_TRY(sj_graph_set_children(b->graph, ref, b->stack + first, b->depth - first, token->offset, err));
    b->depth = first;
    return push(b, ref, err);
}

/** None, True and False are one node each, but for one that something happens to: where it is on the stack it gets a
 * node of its own, so that nothing happens where the others are. */
static BUILD single_out(builder *b, size_t place, snapjar_error *err)
{
    const sj_ref ref = b->stack[place];
    const sj_node node = b->graph->nodes[ref];
    if (node.kind > SJ_NODE_FALSE || ref != b->singletons[node.kind - SJ_NODE_NONE])
        return SNAPJAR_OK;
    return sj_graph_add(b->graph, (sj_node_kind)node.kind, node.form, node.offset, &b->stack[place], err);
}

/** Changes the value below the values from `first`, which it takes. */
static BUILD change(builder *b, const sj_token *token, size_t first, snapjar_error *err)
{
    if (first <= fence(b) || first > b->depth)
        return raise_bug(token, err);
    SJ_TRY(single_out(b, first - 1, err));
    SJ_TRY(sj_graph_add_change(b->graph, b->stack[first - 1], token->opcode, b->stack + first, b->depth - first,
                               token->offset, err));
    b->depth = first;
    return SNAPJAR_OK;
}

static BUILD read_index(const sj_token *token, uint64_t *index, snapjar_error *err)
{
    if (token->opcode == SJ_OP_BINPUT)
        *index = token->data[0];
    else if (token->opcode == SJ_OP_LONG_BINGET || token->opcode == SJ_OP_LONG_BINPUT)
        *index = sj_read_le32(token->data);
    else if (!sj_read_index(token->data, (size_t)token->size, index))
        return raise_bug(token, err);
    return SNAPJAR_OK;
}

static inline BUILD get(builder *b, const sj_token *token, snapjar_error *err)
{
    uint64_t index = token->data[0];
    if (token->opcode != SJ_OP_BINGET)
        SJ_TRY(read_index(token, &index, err));
    if (index >= b->memo_capacity || b->memo[index] == 0)
        return raise_bug(token, err);
    b->graph->nodes[b->memo[index]].flags |= SJ_NODE_IS_FETCHED;
    return push(b, b->memo[index], err);
}

static inline BUILD put(builder *b, const sj_token *token, snapjar_error *err)
{
    uint64_t index = b->memo_count;
    if (token->opcode != SJ_OP_MEMOIZE)
        SJ_TRY(read_index(token, &index, err));
    if (!has(b, 1))
        return raise_bug(token, err);
    if (index >= b->memo_capacity)
        SJ_TRY(reserve(b->context, &b->memo, &b->memo_capacity, (size_t)index, true, err));
    b->memo_count += b->memo[index] == 0;
    b->memo[index] = b->stack[b->depth - 1];
    b->graph->nodes[b->memo[index]].flags |= SJ_NODE_IS_MEMOIZED;
    return SNAPJAR_OK;
}

/* ---- what is dropped ---- */

/** Whether nobody would notice if a value, to which nothing else refers, had never been made. */
static bool is_negligible(const sj_node *node)
{
    return node->changes == 0 && node->count == 0 && !sj_node_is_effect(node);
}

/** What a dropped value becomes a change of: the one below it, or the prelude. */
static BUILD find_holder(builder *b, const sj_token *token, size_t below, sj_ref *holder, snapjar_error *err)
{
    snapjar_graph *graph = b->graph;
    if (below > 0)
        SJ_TRY(single_out(b, below - 1, err));
    *holder = below > 0 ? b->stack[below - 1] : graph->prelude;
    if (*holder != 0)
        return SNAPJAR_OK;
    SJ_TRY(sj_graph_add(graph, SJ_NODE_LIST, SJ_OP_EMPTY_LIST, token->offset, &graph->prelude, err));
    *holder = graph->prelude;
    return SNAPJAR_OK;
}

/** Whether it is the call that was made last, with nothing done to its result: a call for its effect. An object that is
 * made by copyreg.__newobj__ is one, as where NEWOBJ makes it. */
static bool is_last_call(const snapjar_graph *graph, sj_ref ref)
{
    const sj_node *node = &graph->nodes[ref];
    return node->kind == SJ_NODE_CALL && node->changes == 0 && ref == graph->node_count - 1 &&
           (size_t)node->first + node->count == graph->word_count &&
           !sj_picture_is_global(graph, graph->words[node->first], "copyreg", "__newobj__");
}

/** Turns the last call into a change of what was below it. */
static BUILD drop_call(builder *b, const sj_token *token, size_t below, snapjar_error *err)
{
    snapjar_graph *graph = b->graph;
    const sj_node call = graph->nodes[--graph->node_count];
    const sj_ref operands[2] = {graph->words[call.first], graph->words[call.first + 1]};
    sj_ref holder;
    graph->word_count = call.first;
    SJ_TRY(find_holder(b, token, below, &holder, err));
    const uint8_t flags[2] = {graph->nodes[operands[0]].flags, graph->nodes[operands[1]].flags};
    SJ_TRY(sj_graph_add_change(graph, holder, SJ_OP_REDUCE, operands, 2, call.offset, err));
    /* They were referred to before, and not more often now. */
    graph->nodes[operands[0]].flags = flags[0];
    graph->nodes[operands[1]].flags = flags[1];
    return SNAPJAR_OK;
}

/** A value leaves the stack, where `below` values stay. */
static BUILD drop(builder *b, const sj_token *token, sj_ref ref, size_t below, snapjar_error *err)
{
    const sj_node *node = &b->graph->nodes[ref];
    sj_ref holder;
    if ((node->flags & (SJ_NODE_IS_REFERENCED | SJ_NODE_IS_MEMOIZED | SJ_NODE_IS_FETCHED)) != 0) {
        b->has_loose = true;
        return SNAPJAR_OK;
    }
    if (is_negligible(node))
        return SNAPJAR_OK;
    if (is_last_call(b->graph, ref))
        return drop_call(b, token, below, err);
    SJ_TRY(find_holder(b, token, below, &holder, err));
    return sj_graph_add_change(b->graph, holder, SJ_OP_POP, &ref, 1, token->offset, err);
}

static BUILD pop(builder *b, const sj_token *token, snapjar_error *err)
{
    if (b->mark_count > 0 && b->depth == fence(b)) {
        b->mark_count--;
        return SNAPJAR_OK;
    }
    if (!has(b, 1))
        return raise_bug(token, err);
    b->depth--;
    return drop(b, token, b->stack[b->depth], b->depth, err);
}

static BUILD pop_mark(builder *b, const sj_token *token, size_t first, snapjar_error *err)
{
    const size_t depth = b->depth;
    b->depth = first;
    for (size_t i = first; i < depth; i++)
        SJ_TRY(drop(b, token, b->stack[i], first, err));
    return SNAPJAR_OK;
}

/* ---- globals ---- */

static uint8_t resolution_bits(const builder *b)
{
    const sj_resolution resolution = b->protocol < 3    ? SJ_RESOLUTION_MAPPED
                                     : b->protocol == 3 ? SJ_RESOLUTION_PLAIN
                                                        : SJ_RESOLUTION_DOTTED;
    return (uint8_t)(resolution << SJ_NODE_RESOLUTION_SHIFT);
}

static BUILD add_global(builder *b, const sj_token *token, sj_ref *ref, snapjar_error *err)
{
    SJ_TRY(sj_graph_add(b->graph, SJ_NODE_GLOBAL, token->opcode, token->offset, ref, err));
    b->graph->nodes[*ref].flags |= resolution_bits(b);
    return SNAPJAR_OK;
}

/** Puts in the place of a name that is written with escapes or not in UTF-8 a literal of its own that is. */
static BUILD settle_name(builder *b, sj_ref *name, snapjar_error *err)
{
    uint8_t literal[5 + SNAPJAR_SCAN_NAME_SIZE_MAX];
    size_t size, decoded_size;
    const sj_node *node = &b->graph->nodes[*name];
    if (node->kind != SJ_NODE_STR && node->kind != SJ_NODE_STR2)
        return SNAPJAR_OK;
    const sj_text_form form = sj_machine_form(node->form);
    const uint8_t *span = sj_graph_span(b->graph, node, &size);
    if (form == SJ_FORM_UTF8 || (form == SJ_FORM_BYTES && sj_is_ascii(span, size)))
        return SNAPJAR_OK;
    if (!sj_text_decode(form, span, size, literal + 5, SNAPJAR_SCAN_NAME_SIZE_MAX, &decoded_size))
        return SNAPJAR_OK;
    literal[0] = SJ_OP_BINUNICODE;
    sj_write_le32(literal + 1, (uint32_t)decoded_size);
    return sj_graph_add_literal(b->graph, SJ_NODE_STR, literal, 5 + decoded_size, name, err);
}

static BUILD stack_global(builder *b, const sj_token *token, snapjar_error *err)
{
    sj_ref ref;
    if (!has(b, 2))
        return raise_bug(token, err);
    sj_ref *names = b->stack + b->depth - 2;
    SJ_TRY(settle_name(b, &names[0], err));
    SJ_TRY(settle_name(b, &names[1], err));
    SJ_TRY(add_global(b, token, &ref, err));
    SJ_TRY(sj_graph_set_children(b->graph, ref, names, 2, token->offset, err));
    b->depth -= 2;
    return push(b, ref, err);
}

/** INST: the class comes first among the children, as with OBJ. */
static BUILD inst(builder *b, const sj_token *token, size_t first, snapjar_error *err)
{
    sj_ref class_ref;
    SJ_TRY(add_global(b, token, &class_ref, err));
    SJ_TRY(push(b, class_ref, err));
    memmove(b->stack + first + 1, b->stack + first, (b->depth - 1 - first) * sizeof *b->stack);
    b->stack[first] = class_ref;
    return make(b, token, SJ_NODE_INSTANCE, first, err);
}

/* ---- opcodes ---- */

/** Pushes a node of the last `count` values. */
static BUILD make_of(builder *b, const sj_token *token, sj_node_kind kind, size_t count, snapjar_error *err)
{
    return has(b, count) ? make(b, token, kind, b->depth - count, err) : raise_bug(token, err);
}

static BUILD reduce(builder *b, const sj_token *token, snapjar_error *err)
{
    SJ_TRY(make_of(b, token, SJ_NODE_CALL, 2, err));
    b->stack[b->depth - 1] = sj_graph_see_new_ex(b->graph, b->stack[b->depth - 1]);
    return SNAPJAR_OK;
}

/** The opcodes that take what is above the last mark. */
static BUILD marked(builder *b, const sj_token *token, snapjar_error *err)
{
    if (b->mark_count == 0)
        return raise_bug(token, err);
    const size_t first = b->marks[--b->mark_count];
    switch (token->opcode) {
    case SJ_OP_TUPLE:
        return make(b, token, SJ_NODE_TUPLE, first, err);
    case SJ_OP_LIST:
        return make(b, token, SJ_NODE_LIST, first, err);
    case SJ_OP_DICT:
        return make(b, token, SJ_NODE_DICT, first, err);
    case SJ_OP_FROZENSET:
        return make(b, token, SJ_NODE_FROZENSET, first, err);
    case SJ_OP_OBJ:
        return make(b, token, SJ_NODE_INSTANCE, first, err);
    case SJ_OP_INST:
        return inst(b, token, first, err);
    case SJ_OP_POP_MARK:
        return pop_mark(b, token, first, err);
    }
    return change(b, token, first, err);
}

static BUILD mark(builder *b, snapjar_error *err)
{
    if (b->mark_count == b->mark_capacity)
        SJ_TRY(reserve(b->context, &b->marks, &b->mark_capacity, b->mark_count, false, err));
    b->marks[b->mark_count++] = (uint32_t)b->depth;
    return SNAPJAR_OK;
}

static BUILD persid(builder *b, const sj_token *token, snapjar_error *err)
{
    sj_ref id;
    SJ_TRY(sj_graph_add(b->graph, SJ_NODE_STR, token->opcode, token->offset, &id, err));
    SJ_TRY(push(b, id, err));
    return make_of(b, token, SJ_NODE_PERSISTENT, 1, err);
}

/** What step leaves. */
static __attribute__((noinline)) BUILD execute(builder *b, const sj_token *token, snapjar_error *err)
{
    sj_ref ref;
    switch ((sj_opcode)token->opcode) {
    case SJ_OP_NONE:
        return push_singleton(b, token, SJ_NODE_NONE, err);
    case SJ_OP_NEWTRUE:
        return push_singleton(b, token, SJ_NODE_TRUE, err);
    case SJ_OP_NEWFALSE:
        return push_singleton(b, token, SJ_NODE_FALSE, err);
    case SJ_OP_MARK:
        return mark(b, err);
    case SJ_OP_TUPLE1:
        return make_of(b, token, SJ_NODE_TUPLE, 1, err);
    case SJ_OP_TUPLE2:
        return make_of(b, token, SJ_NODE_TUPLE, 2, err);
    case SJ_OP_TUPLE3:
        return make_of(b, token, SJ_NODE_TUPLE, 3, err);
    case SJ_OP_REDUCE:
        return reduce(b, token, err);
    case SJ_OP_NEWOBJ:
        return make_of(b, token, SJ_NODE_NEW, 2, err);
    case SJ_OP_NEWOBJ_EX:
        return make_of(b, token, SJ_NODE_NEW_EX, 3, err);
    case SJ_OP_BINPERSID:
        return make_of(b, token, SJ_NODE_PERSISTENT, 1, err);
    case SJ_OP_READONLY_BUFFER:
        return make_of(b, token, SJ_NODE_READONLY, 1, err);
    case SJ_OP_PERSID:
        return persid(b, token, err);
    case SJ_OP_APPEND:
    case SJ_OP_BUILD:
        return has(b, 2) ? change(b, token, b->depth - 1, err) : raise_bug(token, err);
    case SJ_OP_SETITEM:
        return has(b, 3) ? change(b, token, b->depth - 2, err) : raise_bug(token, err);
    case SJ_OP_GLOBAL:
        SJ_TRY(add_global(b, token, &ref, err));
        return push(b, ref, err);
    case SJ_OP_STACK_GLOBAL:
        return stack_global(b, token, err);
    case SJ_OP_GET:
    case SJ_OP_LONG_BINGET:
        return get(b, token, err);
    case SJ_OP_PUT:
    case SJ_OP_BINPUT:
    case SJ_OP_LONG_BINPUT:
        return put(b, token, err);
    case SJ_OP_POP:
        return pop(b, token, err);
    case SJ_OP_DUP:
        if (!has(b, 1))
            return raise_bug(token, err);
        b->graph->nodes[b->stack[b->depth - 1]].flags |= SJ_NODE_IS_FETCHED;
        return push(b, b->stack[b->depth - 1], err);
    case SJ_OP_PROTO:
        b->protocol = token->data[0];
        return SNAPJAR_OK;
    case SJ_OP_FRAME:
    case SJ_OP_STOP:
        return SNAPJAR_OK;
    default:
        return marked(b, token, err);
    }
}

/** Literals and the memo, which most opcodes are about, and all else. */
static inline BUILD step(builder *b, const sj_token *token, snapjar_error *err)
{
    const sj_node_kind kind = (sj_node_kind)literal_kinds[token->opcode];
    sj_ref ref;
    if (token->opcode == SJ_OP_BINGET)
        return get(b, token, err);
    if (token->opcode == SJ_OP_MEMOIZE)
        return put(b, token, err);
    if (kind == SJ_NODE_ABSENT)
        return execute(b, token, err);
    if (token->opcode == SJ_OP_INT && token->size == 2 && token->data[0] == '0' &&
        (token->data[1] == '0' || token->data[1] == '1'))
        return push_singleton(b, token, token->data[1] == '1' ? SJ_NODE_TRUE : SJ_NODE_FALSE, err);
    SJ_TRY(sj_graph_add(b->graph, kind, token->opcode, token->offset, &ref, err));
    return push(b, ref, err);
}

/** Runs over the whole pickle. */
static BUILD run(builder *b, snapjar_error *err)
{
    sj_lexer *lexer = &b->lexer;
    sj_token token;
    do {
        const uint8_t *next;
        while ((next = sj_lexer_step(lexer, lexer->position, lexer->end, &token)) != NULL) {
            lexer->position = next;
            SJ_TRY(step(b, &token, err));
        }
        SJ_TRY(sj_lexer_next(lexer, &token, err));
        if (!token.is_whole)
            return sj_lexer_raise_end(lexer, err);
        SJ_TRY(step(b, &token, err));
    } while (token.opcode != SJ_OP_STOP);
    if (!has(b, 1))
        return raise_bug(&token, err);
    b->graph->root = b->stack[b->depth - 1];
    sj_graph_refer(b->graph, b->graph->root);
    b->has_loose |= b->depth > 1;
    return SNAPJAR_OK;
}

snapjar_status sj_graph_build(snapjar_graph *graph, size_t stack_depth, snapjar_error *err)
{
    builder b = {.graph = graph, .context = graph->context};
    sj_ref none;
    /* Node 0 is none, and so is word 0. */
    snapjar_status status = sj_graph_add(graph, SJ_NODE_ABSENT, 0, 0, &none, err);
    if (status == SNAPJAR_OK)
        status = sj_graph_reserve(graph, 1, 0, err);
    if (status == SNAPJAR_OK) {
        graph->words[graph->word_count++] = 0;
        status = reserve(b.context, &b.stack, &b.stack_capacity, stack_depth, false, err);
    }
    if (status == SNAPJAR_OK) {
        sj_lexer_init(&b.lexer, UINT64_MAX, graph->options.base_offset);
        sj_lexer_feed(&b.lexer, graph->bytes, graph->size);
        status = run(&b, err);
    }
    sj_free(b.context, b.stack);
    sj_free(b.context, b.marks);
    sj_free(b.context, b.memo);
    return status == SNAPJAR_OK && b.has_loose ? sj_graph_reach(graph, err) : status;
}
