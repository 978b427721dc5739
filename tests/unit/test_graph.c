/* SPDX-License-Identifier: MIT
 *
 * The graph of a pickle: what each opcode makes of the stack, marks and memo, told as one line of text per pickle, and
 * the limits. Transcoding has tests of its own.
 */
#include "support.h"

#include <snapjar/graph.h>

#include "fail_alloc.h"
#include "pickle/graph.h"

/* ---- a graph as text ---- */

typedef struct text {
    char bytes[2048];
    size_t size;
    const snapjar_graph *graph;
    bool seen[512];
} text;

static void put(text *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(text *out, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    out->size += (size_t)vsnprintf(out->bytes + out->size, sizeof out->bytes - out->size, format, arguments);
    va_end(arguments);
    assert_true(out->size < sizeof out->bytes);
}

static const char *const kind_names[] = {
    [SJ_NODE_ABSENT] = "absent",
    [SJ_NODE_NONE] = "None",
    [SJ_NODE_TRUE] = "True",
    [SJ_NODE_FALSE] = "False",
    [SJ_NODE_INT] = "int",
    [SJ_NODE_FLOAT] = "float",
    [SJ_NODE_STR] = "str",
    [SJ_NODE_STR2] = "str2",
    [SJ_NODE_BYTES] = "bytes",
    [SJ_NODE_BYTEARRAY] = "bytearray",
    [SJ_NODE_EXTENSION] = "extension",
    [SJ_NODE_BUFFER] = "buffer",
    [SJ_NODE_GLOBAL] = "global",
    [SJ_NODE_TUPLE] = "tuple",
    [SJ_NODE_FROZENSET] = "frozenset",
    [SJ_NODE_LIST] = "list",
    [SJ_NODE_DICT] = "dict",
    [SJ_NODE_SET] = "set",
    [SJ_NODE_CALL] = "call",
    [SJ_NODE_NEW] = "new",
    [SJ_NODE_NEW_EX] = "new_ex",
    [SJ_NODE_INSTANCE] = "instance",
    [SJ_NODE_PERSISTENT] = "persistent",
    [SJ_NODE_READONLY] = "readonly",
};

/** kind@offset, "span" of literals, (children), +OPCODE@offset(children) for each change; *: seen before. */
static void tell(text *out, sj_ref ref)
{
    const snapjar_graph *graph = out->graph;
    const sj_node *node = sj_graph_node(graph, ref);
    put(out, "%s%s@%llu", (node->flags & SJ_NODE_IS_SHARED) != 0 ? "&" : "", kind_names[node->kind],
        (unsigned long long)node->offset);
    if (out->seen[ref]) {
        put(out, "*");
        return;
    }
    out->seen[ref] = true;
    if (node->kind == SJ_NODE_GLOBAL) {
        snapjar_text module, name;
        sj_graph_global(graph, node, &module, &name);
        put(out, ":%.*s:%.*s:%d", (int)module.size, module.data, (int)name.size, name.data,
            (int)sj_node_resolution(node));
    } else if (!sj_node_has_children(node) && node->kind >= SJ_NODE_INT) {
        size_t size;
        char escaped[64];
        const uint8_t *span = sj_graph_span(graph, node, &size);
        (void)snapjar_text_escape(escaped, sizeof escaped, span, size);
        put(out, "\"%s\"", escaped);
    }
    for (uint32_t i = 0; i < node->count; i++) {
        put(out, i == 0 ? "(" : ", ");
        tell(out, graph->words[node->first + i]);
    }
    put(out, node->count > 0 ? ")" : "");
    for (uint32_t place = sj_graph_first_change(graph, node); place != 0;
         place = sj_graph_next_change(graph, node, place)) {
        const sj_change change = sj_graph_change(graph, place);
        put(out, "+%s@%llu(", snapjar_opcode_find(change.op)->name, (unsigned long long)change.offset);
        for (uint32_t i = 0; i < change.count; i++) {
            put(out, i == 0 ? "" : ", ");
            tell(out, graph->words[change.first + i]);
        }
        put(out, ")");
    }
}

/** The same children as the arrays say, through the cursor. */
static void check_walk(const snapjar_graph *graph)
{
    for (sj_ref ref = 1; ref < graph->node_count; ref++) {
        const sj_node *node = sj_graph_node(graph, ref);
        sj_cursor cursor = {0, 0, false};
        uint8_t op;
        for (uint32_t i = 0; i < node->count; i++) {
            assert_int_equal(sj_graph_walk(graph, node, &cursor, &op), graph->words[node->first + i]);
            assert_int_equal(op, 0);
        }
        for (uint32_t place = sj_graph_first_change(graph, node); place != 0;
             place = sj_graph_next_change(graph, node, place)) {
            const sj_change change = sj_graph_change(graph, place);
            for (uint32_t i = 0; i < change.count; i++) {
                assert_int_equal(sj_graph_walk(graph, node, &cursor, &op), graph->words[change.first + i]);
                assert_int_equal(op, change.op);
            }
        }
        assert_int_equal(sj_graph_walk(graph, node, &cursor, &op), 0);
        assert_int_equal(sj_graph_walk(graph, node, &cursor, &op), 0);
    }
}

typedef struct told {
    const char *pickle;
    size_t size;
    const char *text;
    /** What the prelude holds, or NULL. */
    const char *prelude;
    uint64_t dropped_offset;
} told;

#define NOT_DROPPED NULL, SNAPJAR_OFFSET_NONE

static const told rows[] = {
    /* Literals. */
    {BYTES("N."), "None@0", NOT_DROPPED},
    {BYTES("I01\n."), "True@0", NOT_DROPPED},
    {BYTES("\x80\x02\x88\x89\x88\x87."), "tuple@5(&True@2, False@3, &True@2*)", NOT_DROPPED},
    {BYTES("I-12\n."), "int@0\"-12\"", NOT_DROPPED},
    {BYTES("K\x07."), "int@0\"\\x07\"", NOT_DROPPED},
    {BYTES("L5L\n."), "int@0\"5L\"", NOT_DROPPED},
    {BYTES("F1.5\n."), "float@0\"1.5\"", NOT_DROPPED},
    {BYTES("S'a\\n'\n."), "str2@0\"'a\\\\n'\"", NOT_DROPPED},
    {BYTES("U\x02"
           "ab."),
     "str2@0\"ab\"", NOT_DROPPED},
    {BYTES("V\\u0041\n."), "str@0\"\\\\u0041\"", NOT_DROPPED},
    {BYTES("X\x02\0\0\0"
           "ab."),
     "str@0\"ab\"", NOT_DROPPED},
    {BYTES("\x80\x04\x8d\x02\0\0\0\0\0\0\0"
           "ab."),
     "str@2\"ab\"", NOT_DROPPED},
    {BYTES("\x80\x03"
           "C\x01\xff."),
     "bytes@2\"\\xff\"", NOT_DROPPED},
    {BYTES("\x80\x05\x96\x01\0\0\0\0\0\0\0x."), "bytearray@2\"x\"", NOT_DROPPED},
    {BYTES("\x80\x02\x83\x01\x02."), "extension@2\"\\x01\\x02\"", NOT_DROPPED},
    {BYTES("\x80\x05\x97\x98."), "readonly@3(buffer@2\"\")", NOT_DROPPED},
    /* Containers. */
    {BYTES("(K\x01K\x02t."), "tuple@5(int@1\"\\x01\", int@3\"\\x02\")", NOT_DROPPED},
    {BYTES("(K\x01l."), "list@3(int@1\"\\x01\")", NOT_DROPPED},
    {BYTES("(K\x01K\x02"
           "d."),
     "dict@5(int@1\"\\x01\", int@3\"\\x02\")", NOT_DROPPED},
    {BYTES("](K\x01K\x02"
           "e(K\x03"
           "e."),
     "list@0+APPENDS@6(int@2\"\\x01\", int@4\"\\x02\")+APPENDS@10(int@8\"\\x03\")", NOT_DROPPED},
    {BYTES("}K\x01K\x02s."), "dict@0+SETITEM@5(int@1\"\\x01\", int@3\"\\x02\")", NOT_DROPPED},
    {BYTES("\x80\x04\x8f(K\x01\x90."), "set@2+ADDITEMS@6(int@4\"\\x01\")", NOT_DROPPED},
    {BYTES("\x80\x04(K\x01\x91."), "frozenset@5(int@3\"\\x01\")", NOT_DROPPED},
    /* One by one is one change, unless something happens in between. */
    {BYTES("(lI1\naI2\na."), "list@1+APPEND@5(int@2\"1\", int@6\"2\")", NOT_DROPPED},
    {BYTES("(dI1\nI2\nsI3\nNs."), "dict@1+SETITEM@8(int@2\"1\", int@5\"2\", int@9\"3\", None@12)", NOT_DROPPED},
    {BYTES("]K\x01"
           "a]aK\x02"
           "a."),
     "list@0+APPEND@3(int@1\"\\x01\")+APPEND@5(list@4, int@6\"\\x02\")", NOT_DROPPED},
    {BYTES("cm\nf\n)RK\x01"
           "aK\x02"
           "a."),
     "call@6(global@0:m:f:0, tuple@5)+APPEND@9(int@7\"\\x01\")+APPEND@12(int@10\"\\x02\")", NOT_DROPPED},
    /* Globals, by what the protocol makes of the name. */
    {BYTES("cm\nn\n."), "global@0:m:n:0", NOT_DROPPED},
    {BYTES("\x80\x03"
           "cm\nn\n."),
     "global@2:m:n:1", NOT_DROPPED},
    {BYTES("\x80\x04\x8c\x01m\x8c\x01n\x93."), "global@8:m:n:2(str@2\"m\", str@5\"n\")", NOT_DROPPED},
    {BYTES("\x80\x04V\\u006d\nU\x01n\x93."), "global@13:m:n:2(str@0\"m\", str2@10\"n\")", NOT_DROPPED},
    /* Calls and instances. */
    {BYTES("cm\nf\n(K\x01tR."), "call@9(global@0:m:f:0, tuple@8(int@6\"\\x01\"))", NOT_DROPPED},
    {BYTES("\x80\x02"
           "cm\nC\n)\x81}b."),
     "new@8(global@2:m:C:0, tuple@7)+BUILD@10(dict@9)", NOT_DROPPED},
    {BYTES("\x80\x04\x8c\x01m\x8c\x01"
           "C\x93)}\x92."),
     "new_ex@11(global@8:m:C:2(str@2\"m\", str@5\"C\"), tuple@9, dict@10)", NOT_DROPPED},
    {BYTES("(K\x01im\nC\n."), "instance@3(global@3:m:C:0, int@1\"\\x01\")", NOT_DROPPED},
    {BYTES("(cm\nC\nK\x01o."), "instance@8(global@1:m:C:0, int@6\"\\x01\")", NOT_DROPPED},
    {BYTES("Pid\n."), "persistent@0(str@0\"id\")", NOT_DROPPED},
    {BYTES("K\x01Q."), "persistent@2(int@0\"\\x01\")", NOT_DROPPED},
    /* Shared values and cycles. */
    {BYTES("]q\0h\0a."), "&list@0+APPEND@5(&list@0*)", NOT_DROPPED},
    {BYTES("]2\x86."), "tuple@2(&list@0, &list@0*)", NOT_DROPPED},
    {BYTES("\x80\x04K\x01\x94K\x02\x94h\0\x86\x94h\2\x86."),
     "tuple@14(&tuple@10(int@5\"\\x02\", int@2\"\\x01\"), &tuple@10*)", NOT_DROPPED},
    {BYTES("K\x01q\x01K\x02q\x01h\x01\x86\x86."), "tuple@11(int@0\"\\x01\", tuple@10(&int@4\"\\x02\", &int@4*))",
     NOT_DROPPED},
    {BYTES("]q\0(h\0tq\1a0h\1."), "&tuple@6(list@0+APPEND@9(&tuple@6*))", NOT_DROPPED},
    /* Marks that are popped are no values. */
    {BYTES("K\x01(0."), "int@0\"\\x01\"", NOT_DROPPED},
    {BYTES("K\x01(K\x02K\x03"
           "1."),
     "int@0\"\\x01\"", NOT_DROPPED},
    {BYTES("K\x01K\x02"
           "0."),
     "int@0\"\\x01\"", NOT_DROPPED},
    /* A call that is dropped happens to the value below it. */
    {BYTES("]cm\nf\n)R0."), "list@0+REDUCE@7(global@1:m:f:0, tuple@6)", NOT_DROPPED},
    {BYTES("](cm\nf\n)R1."), "list@0+REDUCE@8(global@2:m:f:0, tuple@7)", NOT_DROPPED},
    {BYTES("]q\0cm\nf\nh\0N\x86R0K\1"
           "a."),
     "&list@0+REDUCE@12(global@3:m:f:0, tuple@11(&list@0*, None@10))+APPEND@16(int@14\"\\x01\")", NOT_DROPPED},
    {BYTES("]cm\nf\n)R}b0."), "list@0+POP@10(call@7(global@1:m:f:0, tuple@6)+BUILD@9(dict@8))", NOT_DROPPED},
    {BYTES("]cm\nf\n0."), "list@0+POP@6(global@1:m:f:0)", NOT_DROPPED},
    {BYTES("](K\1QK\2Q1."), "list@0+POP@8(persistent@4(int@2\"\\x01\"))+POP@8(persistent@7(int@5\"\\x02\"))",
     NOT_DROPPED},
    {BYTES("cm\nf\n)R0cm\ng\n)R0N."), "None@16",
     "list@7+REDUCE@6(global@0:m:f:0, tuple@5)+REDUCE@14(global@8:m:g:0, tuple@13)", SNAPJAR_OFFSET_NONE},
    /* What may be fetched later, and is not, or is left over, cannot be emitted. */
    {BYTES("]cm\nf\n)Rq\0"
           "0."),
     "list@0", NULL, 1},
    {BYTES("]cm\nf\n)Rq\0"
           "0h\0a."),
     "list@0+APPEND@13(call@7(global@1:m:f:0, tuple@6))", NOT_DROPPED},
    {BYTES("]q\0cm\nf\n)Rh\0b0."), "&list@0+POP@13(call@9(global@3:m:f:0, tuple@8)+BUILD@12(&list@0*))", NOT_DROPPED},
    {BYTES("cm\nf\n)RN."), "None@7", NULL, 0},
    {BYTES("]cm\nf\n2"
           "00."),
     "list@0", NULL, 1},
};

static void test_nodes(void **state)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snapjar_graph *graph;
        text out = {.size = 0}, prelude = {.size = 0};
        blob pickle = blob_copy(rows[i].pickle, rows[i].size);
        assert_ok(snapjar_graph_new(&graph, *state, pickle.bytes, pickle.size, NULL, err));
        out.graph = prelude.graph = graph;
        tell(&out, graph->root);
        if (strcmp(out.bytes, rows[i].text) != 0)
            fail_msg("row %zu gives %s, not %s", i, out.bytes, rows[i].text);
        assert_int_equal(graph->prelude != 0, rows[i].prelude != NULL);
        if (graph->prelude != 0) {
            tell(&prelude, graph->prelude);
            assert_string_equal(prelude.bytes, rows[i].prelude);
        }
        if (graph->dropped_offset != rows[i].dropped_offset)
            fail_msg("row %zu drops at %lld", i, (long long)graph->dropped_offset);
        check_walk(graph);
        snapjar_graph_free(graph);
        free(pickle.bytes);
    }
}

/* ---- failures and limits ---- */

static void expect_fault(void **state, const void *pickle, size_t size, const snapjar_graph_options *options,
                         snapjar_status status, snapjar_diagnostic diagnostic, uint64_t offset)
{
    snapjar_graph *graph = (snapjar_graph *)state;
    snapjar_error err;
    const snapjar_status actual = snapjar_graph_new(&graph, *state, pickle, size, options, &err);
    assert_fault(actual, &err, status, diagnostic, SNAPJAR_SPACE_CONTENT, offset);
    assert_null(graph);
    assert_int_equal(snapjar_graph_new(&graph, *state, pickle, size, options, NULL), status);
}

static void test_what_a_loader_fails_on(void **state)
{
    expect_fault(state, "", 0, NULL, SNAPJAR_CUT_SHORT, SNAPJAR_DIAG_PICKLE_EMPTY, 0);
    expect_fault(state, BYTES("]K"), NULL, SNAPJAR_CUT_SHORT, SNAPJAR_DIAG_PICKLE_CUT_SHORT, 2);
    expect_fault(state, BYTES("N.N."), NULL, SNAPJAR_DAMAGED, SNAPJAR_DIAG_PICKLE_SIZE_MISMATCH, 2);
    expect_fault(state, BYTES("N(\x85."), NULL, SNAPJAR_DAMAGED, SNAPJAR_DIAG_PICKLE_STACK_UNDERFLOW, 2);
    expect_fault(state, BYTES("h\0."), NULL, SNAPJAR_DAMAGED, SNAPJAR_DIAG_PICKLE_MEMO_MISSING, 0);
    expect_fault(state, BYTES("Ne."), NULL, SNAPJAR_DAMAGED, SNAPJAR_DIAG_PICKLE_MARK_MISSING, 1);
}

static void test_limits(void **state)
{
    snapjar_graph_options options = SNAPJAR_GRAPH_OPTIONS_INIT;
    snapjar_graph *graph;
    uint64_t node_count, memory_size;
    options.base_offset = 100;
    /* A list and two ints. */
    options.node_count_max = 3;
    assert_ok(snapjar_graph_new(&graph, *state,
                                BYTES("]K\1"
                                      "aK\2"
                                      "a."),
                                &options, err));
    snapjar_graph_measure(graph, &node_count, &memory_size);
    assert_int_equal(node_count, 3);
    assert_in_range(memory_size, 4 * 24 + 8 * 4, 4096);
    snapjar_graph_measure(graph, NULL, NULL);
    snapjar_graph_free(graph);
    options.node_count_max = 2;
    expect_fault(state,
                 BYTES("]K\1"
                       "aK\2"
                       "a."),
                 &options, SNAPJAR_LIMIT, SNAPJAR_DIAG_PICKLE_GRAPH_LIMIT, 104);
    /* Three nodes and the one that is none; a word that is none, a change and its two children. */
    options.node_count_max = 0;
    options.memory_max = 4 * 24 + (1 + 5 + 2) * 4;
    /* Room for a new change is asked for before it is known that the last one goes on. */
    options.memory_max += 5 * 4;
    assert_ok(snapjar_graph_new(&graph, *state,
                                BYTES("]K\1"
                                      "aK\2"
                                      "a."),
                                &options, err));
    snapjar_graph_free(graph);
    options.memory_max--;
    expect_fault(state,
                 BYTES("]K\1"
                       "aK\2"
                       "a."),
                 &options, SNAPJAR_LIMIT, SNAPJAR_DIAG_PICKLE_GRAPH_LIMIT, 106);
    options.memory_max = 3 * 24 + 4;
    expect_fault(state,
                 BYTES("]K\1"
                       "aK\2"
                       "a."),
                 &options, SNAPJAR_LIMIT, SNAPJAR_DIAG_PICKLE_GRAPH_LIMIT, 103);
    options.memory_max = 2 * 24 + 4;
    expect_fault(state,
                 BYTES("]K\1"
                       "aK\2"
                       "a."),
                 &options, SNAPJAR_LIMIT, SNAPJAR_DIAG_PICKLE_GRAPH_LIMIT, 101);
    options.memory_max = 0;
    options.stack_depth_max = 1;
    expect_fault(state,
                 BYTES("]K\1"
                       "a."),
                 &options, SNAPJAR_LIMIT, SNAPJAR_DIAG_PICKLE_STACK_LIMIT, 101);
    options.stack_depth_max = 0;
    options.memo_count_max = 1;
    expect_fault(state, BYTES("]q\0]q\1\x86."), &options, SNAPJAR_LIMIT, SNAPJAR_DIAG_PICKLE_MEMO_LIMIT, 104);
    options.memo_count_max = 0;
    options.line_size_max = 3;
    expect_fault(state, BYTES("I1234\n."), &options, SNAPJAR_LIMIT, SNAPJAR_DIAG_PICKLE_LINE_TOO_LONG, 101);
}

static void test_arguments(void **state)
{
    struct {
        snapjar_graph_options options;
        uint64_t tail;
    } newer = {SNAPJAR_GRAPH_OPTIONS_INIT, 0};
    snapjar_graph *graph;
    snapjar_error err;
    newer.options.struct_size = sizeof newer;
    assert_ok(snapjar_graph_new(&graph, *state, BYTES("N."), &newer.options, err));
    snapjar_graph_free(graph);
    newer.tail = 1;
    assert_fault(snapjar_graph_new(&graph, *state, BYTES("N."), &newer.options, &err), &err, SNAPJAR_INVALID_ARGUMENT,
                 SNAPJAR_DIAG_INVALID_ARGUMENT, SNAPJAR_SPACE_NONE, SNAPJAR_OFFSET_NONE);
    assert_null(graph);
    newer.options.struct_size = sizeof newer.options;
    newer.options.string_encoding = (snapjar_string_encoding)9;
    assert_fault(snapjar_graph_new(&graph, *state, BYTES("N."), &newer.options, &err), &err, SNAPJAR_INVALID_ARGUMENT,
                 SNAPJAR_DIAG_INVALID_ARGUMENT, SNAPJAR_SPACE_NONE, SNAPJAR_OFFSET_NONE);
    assert_int_equal(snapjar_graph_new(NULL, *state, BYTES("N."), NULL, NULL), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(snapjar_graph_new(&graph, NULL, BYTES("N."), NULL, NULL), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(snapjar_graph_new(&graph, *state, NULL, 1, NULL, NULL), SNAPJAR_INVALID_ARGUMENT);
    snapjar_graph_free(NULL);
}

static snapjar_status build(snapjar_context *context, void *state, snapjar_error *err)
{
    const told *row = state;
    snapjar_graph *graph;
    const snapjar_status status = snapjar_graph_new(&graph, context, row->pickle, row->size, NULL, err);
    snapjar_graph_free(graph);
    return status;
}

static void test_without_memory(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        told row = rows[i];
        assert_true(fail_alloc_run(build, &row) > 4);
    }
}

/* ---- size ---- */

/** `count` times `part` between two others. */
static blob repeat(const char *before, size_t before_size, const char *part, size_t part_size, size_t count,
                   const char *after, size_t after_size)
{
    blob made = {malloc(before_size + part_size * count + after_size), 0};
    assert_non_null(made.bytes);
    memcpy(made.bytes, before, before_size);
    made.size = before_size;
    for (size_t i = 0; i < count; i++, made.size += part_size)
        memcpy(made.bytes + made.size, part, part_size);
    memcpy(made.bytes + made.size, after, after_size);
    made.size += after_size;
    return made;
}

static void expect_count(void **state, blob pickle, uint64_t expected)
{
    snapjar_graph *graph;
    uint64_t node_count;
    assert_ok(snapjar_graph_new(&graph, *state, pickle.bytes, pickle.size, NULL, err));
    snapjar_graph_measure(graph, &node_count, NULL);
    assert_int_equal(node_count, expected);
    snapjar_graph_free(graph);
    free(pickle.bytes);
}

static void test_depth(void **state)
{
    /* A million lists, each in the next; a million marks; a million values, popped. */
    expect_count(state, repeat(BYTES("]"), BYTES("\x85"), 1000000, BYTES(".")), 1000001);
    expect_count(state, repeat(BYTES("N"), BYTES("("), 1000000, BYTES("N.")), 1);
    expect_count(state, repeat(BYTES("N"), BYTES("K\1"), 1000000, BYTES("N.")), 1000001);
}

static void test_bomb(void **state)
{
    /* Each step doubles what the value would be if it were written out. */
    expect_count(state, repeat(BYTES(")"), BYTES("2\x86"), 1000000, BYTES(".")), 1000001);
    expect_count(state, repeat(BYTES(")"), BYTES("q\0h\0\x86q\0"), 1, BYTES(".")), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nodes),     cmocka_unit_test(test_what_a_loader_fails_on), cmocka_unit_test(test_limits),
        cmocka_unit_test(test_arguments), cmocka_unit_test(test_without_memory),         cmocka_unit_test(test_depth),
        cmocka_unit_test(test_bomb),
    };
    return cmocka_run_group_tests(tests, make_context, free_context);
}
