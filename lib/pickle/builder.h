/* SPDX-License-Identifier: MIT
 *
 * What graph_new.c, graph_build.c, graph_values.c, graph_objects.c and graph_stack.c share: the stack, marks and memo of a loader, with node numbers
 * in place of objects. Marks are not on the stack, and no opcode reaches below the last mark, as in CPython's
 * Modules/_pickle.c. Private to these files.
 */
#ifndef SJ_PICKLE_BUILDER_H
#define SJ_PICKLE_BUILDER_H

#include "pickle/graph.h"
#include "pickle/lexer.h"

typedef struct sj_builder {
    snapjar_graph *graph;
    sj_lexer lexer;
    sj_ref *stack;
    size_t depth;
    size_t stack_capacity;
    size_t *marks;
    size_t mark_count;
    size_t mark_capacity;
    /** By index; 0 is no entry. */
    sj_ref *memo;
    size_t memo_capacity;
    /** Highest index + 1, and how many entries there are. */
    size_t memo_high;
    size_t memo_count;
    /** In force. */
    int protocol;
    /** Objects that Python has once only: None, True, False, (), and small integers from `small` on. */
    sj_ref singles[4];
    sj_ref small[256];
    /** Values that POP and POP_MARK took just now; they are still above the top of the stack. */
    size_t dropped;
    bool is_done;
} sj_builder;

#define SJ_BUILD __attribute__((warn_unused_result)) snapjar_status

/** The name of an opcode. */
const char *sj_opcode_name(uint8_t code);

/** A new node made by this token. */
SJ_BUILD sj_build_node(sj_builder *builder, sj_node_kind kind, const sj_token *token, sj_ref *ref, snapjar_error *err);

/** Makes an array larger by half at least; `*capacity` counts elements. */
SJ_BUILD sj_build_grow(sj_builder *builder, void **array, size_t *capacity, size_t needed, size_t element_size,
                       snapjar_error *err);

/** Room for `count` words more; `*first` is where they are. */
SJ_BUILD sj_build_words(sj_builder *builder, size_t count, uint32_t *first, snapjar_error *err);

SJ_BUILD sj_build_push(sj_builder *builder, const sj_token *token, sj_ref ref, snapjar_error *err);

/** How many values are below the last mark. */
static inline size_t sj_build_fence(const sj_builder *builder)
{
    return builder->mark_count > 0 ? builder->marks[builder->mark_count - 1] : 0;
}

/** Fails with `pickle-stack-underflow` unless `count` values are above the last mark. */
SJ_BUILD sj_build_need(const sj_builder *builder, const sj_token *token, size_t count, snapjar_error *err);

/** Takes the last mark away: `*count` values are above where it was. */
SJ_BUILD sj_build_unmark(sj_builder *builder, const sj_token *token, size_t *count, snapjar_error *err);

/** `pickle-operand-invalid` at the token. */
SJ_BUILD sj_build_raise_operand(const sj_token *token, const char *what, snapjar_error *err);

/** Adds a change to a node. `items` must not be in the graph's words. */
SJ_BUILD sj_build_change(sj_builder *builder, sj_ref target, const sj_token *token, uint8_t op, const sj_ref *items,
                         size_t count, snapjar_error *err);

/** Replaces the top `taken` values by a new node whose children they are. */
SJ_BUILD sj_build_collect(sj_builder *builder, sj_node_kind kind, const sj_token *token, size_t taken,
                          snapjar_error *err);

/** One of the opcodes. */
typedef snapjar_status sj_build_op(sj_builder *builder, const sj_token *token, snapjar_error *err);

/* graph_values.c: values without children. */
sj_build_op sj_build_single, sj_build_small, sj_build_leaf, sj_build_decimal, sj_build_text, sj_build_float_text;
/* graph_objects.c: containers, names, calls, changes. */
sj_build_op sj_build_tuple, sj_build_empty, sj_build_filled, sj_build_frozenset, sj_build_append, sj_build_append_many,
    sj_build_global, sj_build_stack_global, sj_build_extension, sj_build_call, sj_build_instance, sj_build_object,
    sj_build_state, sj_build_persistent, sj_build_readonly;

/* graph_stack.c */
sj_build_op sj_build_mark, sj_build_pop, sj_build_dup, sj_build_get, sj_build_put, sj_build_protocol, sj_build_frame,
    sj_build_stop;

#endif
