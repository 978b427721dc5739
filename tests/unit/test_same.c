/* SPDX-License-Identifier: MIT
 *
 * Graphs side by side: what is seen to be the same at once, and what must not be. That nothing is taken for the same
 * which differs is asked in tests/unit/test_diff.c, too, of every pair there.
 */
#include "support.h"

#include "pickle/same.h"

static snapjar_graph *new_graph(snapjar_context *context, const char *bytes, size_t size)
{
    snapjar_graph *graph = NULL;
    assert_ok(snapjar_graph_new(&graph, context, bytes, size, NULL, err));
    return graph;
}

static bool is_same(snapjar_context *context, const char *a, size_t a_size, const char *b, size_t b_size)
{
    snapjar_graph *graphs[2] = {new_graph(context, a, a_size), new_graph(context, b, b_size)};
    bool found[2];
    assert_ok(sj_graph_compare(graphs[0], graphs[1], &found[0], err));
    assert_ok(sj_graph_compare(graphs[1], graphs[0], &found[1], err));
    assert_int_equal(found[0], found[1]);
    snapjar_graph_free(graphs[0]);
    snapjar_graph_free(graphs[1]);
    return found[0];
}

static snapjar_context *context;

#define SAME(a, b) assert_true(is_same(context, a, sizeof(a) - 1, b, sizeof(b) - 1))
#define OTHER(a, b) assert_false(is_same(context, a, sizeof(a) - 1, b, sizeof(b) - 1))

static int set_up(void **state)
{
    (void)state;
    assert_ok(snapjar_context_new(&context, NULL, err));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    snapjar_context_free(context);
    return 0;
}

static void test_leaves(void **state)
{
    (void)state;
    SAME("I1\n.", "K\1.");
    SAME("L-1L\n.", "J\xff\xff\xff\xff.");
    SAME("F0.5\n.", "G\x3f\xe0\0\0\0\0\0\0.");
    SAME("X\1\0\0\0a.", "\x80\4\x8c\1a.");
    SAME("\x80\2\x82\1.", "\x80\2\x82\1.");
    SAME("N.", "\x80\4N.");
    SAME("c__builtin__\nunicode\n.", "\x80\4\x8c\x08"
                                     "builtins\x8c\3str\x93.");
    SAME("U\1a.", "U\1a.");
    OTHER("K\1.", "K\2.");
    OTHER("K\1.", "\x80\2\x88.");
    OTHER("G\0\0\0\0\0\0\0\0.", "G\x80\0\0\0\0\0\0\0.");
    OTHER("X\1\0\0\0a.", "X\1\0\0\0b.");
    OTHER("X\1\0\0\0a.", "X\2\0\0\0ab.");
    OTHER("X\1\0\0\0a.", "\x80\3C\1a.");
    OTHER("\x80\2\x82\1.", "\x80\2\x82\2.");
    OTHER("capp\na\n.", "capp\nb\n.");
    OTHER("capp\na\n.", "cother\na\n.");
    /* One attribute with a dot in its name, and a path of two. */
    OTHER("\x80\3capp\na.b\n.", "\x80\4\x8c\3app\x8c\3a.b\x93.");
    /* Which buffer it is cannot be seen. */
    OTHER("\x80\5\x97.", "\x80\5\x97.");
}

static void test_parts(void **state)
{
    (void)state;
    /* One by one, or all at once. */
    SAME("(lp0\nI1\naI2\na.", "\x80\4]\x94(K\1K\2e.");
    SAME("}K\1K\2sK\3K\4s.", "}(K\1K\2K\3K\4u.");
    SAME("\x80\4\x8f(K\1K\2\x90.", "\x80\4\x8f(K\1K\2\x90.");
    SAME("\x80\2capp\nJob\n)\x81}X\1\0\0\0bK\1sb.", "\x80\4\x8c\3app\x8c\3Job\x93)\x81}\x8c\1bK\1sb.");
    OTHER("](K\1K\2e.", "](K\1K\2K\3e.");
    OTHER("](K\1K\2e.", "](K\2K\1e.");
    OTHER("].", ").");
    OTHER("}K\1K\2s.", "}(K\1K\2K\3K\4u.");
    OTHER("\x80\2capp\nJob\n)\x81}X\1\0\0\0bK\1sb.", "\x80\2capp\nJob\n)\x81}X\1\0\0\0bK\2sb.");
    OTHER("\x80\2capp\nJob\n)\x81}b.", "\x80\2capp\nJob\n)\x81.");
    /* A list filled, and one that had its items from the beginning. */
    OTHER("(K\1l.", "]K\1a.");
}

static void test_identity(void **state)
{
    (void)state;
    /* [a, a], and two lists. */
    SAME("(]q\0h\0t.", "\x80\4(]\x94h\0t.");
    OTHER("(]q\0h\0t.", "(]]t.");
    OTHER("(]]t.", "(]q\0h\0t.");
    /* [a, b, a] and [a, b, b]. */
    OTHER("(]q\0]q\1h\0t.", "(]q\0]q\1h\1t.");
    /* Which of several equal leaves it is does not matter. */
    SAME("(X\1\0\0\0aq\0h\0t.", "(X\1\0\0\0aX\1\0\0\0at.");
    SAME("(K\1q\0h\0K\1t.", "(K\1K\1K\1t.");
    OTHER("(K\1q\0h\0h\0t.", "(K\1K\1K\2t.");
    /* A list in itself. */
    SAME("]q\0h\0a.", "\x80\4]\x94h\0a.");
    OTHER("]q\0h\0a.", "]]a.");
}

static void test_dropped(void **state)
{
    (void)state;
    /* A call for its effect, above a leaf and before all else. */
    SAME("K\1capp\nf\n(tR0.", "K\1capp\nf\n(tR0.");
    OTHER("K\1capp\nf\n(tR0.", "K\1capp\ng\n(tR0.");
    OTHER("K\1capp\nf\n(tR0.", "K\1.");
    SAME("capp\nf\n(tR0K\1.", "capp\nf\n(tR0K\1.");
    OTHER("capp\nf\n(tR0K\1.", "capp\ng\n(tR0K\1.");
    OTHER("capp\nf\n(tR0K\1.", "K\1.");
}

static void test_encodings(void **state)
{
    (void)state;
    snapjar_graph_options options = SNAPJAR_GRAPH_OPTIONS_INIT;
    snapjar_graph *graphs[2] = {NULL, new_graph(context, "U\1a.", 4)};
    bool found = true;
    options.string_encoding = SNAPJAR_STRING_BYTES;
    assert_ok(snapjar_graph_new(&graphs[0], context, "U\1a.", 4, &options, err));
    assert_ok(sj_graph_compare(graphs[0], graphs[1], &found, err));
    assert_false(found);
    snapjar_graph_free(graphs[0]);
    snapjar_graph_free(graphs[1]);
}

/* Made of bytes that a scan went over; of one that failed, the graph tells why. */
static void test_scanned(void **state)
{
    (void)state;
    static const char good[] = "\x80\4](K\1K\2e.";
    snapjar_graph *graphs[2] = {NULL, new_graph(context, good, sizeof good - 1)};
    snapjar_scan *scan = NULL;
    snapjar_error fault;
    bool found = false;
    assert_ok(snapjar_scan_new(&scan, context, NULL, err));
    assert_ok(snapjar_scan_pickle(scan, good, sizeof good - 1, err));
    assert_ok(sj_graph_new_scanned(&graphs[0], context, good, sizeof good - 1, NULL, scan, err));
    assert_ok(sj_graph_compare(graphs[0], graphs[1], &found, err));
    assert_true(found);
    assert_int_equal(graphs[0]->protocol, 4);
    snapjar_graph_free(graphs[0]);
    snapjar_graph_free(graphs[1]);
    assert_int_equal(snapjar_scan_pickle(scan, "0.", 2, NULL), SNAPJAR_DAMAGED);
    assert_int_equal(sj_graph_new_scanned(&graphs[0], context, "0.", 2, NULL, scan, &fault), SNAPJAR_DAMAGED);
    assert_int_equal(fault.offset, 0);
    assert_null(graphs[0]);
    snapjar_scan_free(scan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_leaves),  cmocka_unit_test(test_parts),     cmocka_unit_test(test_identity),
        cmocka_unit_test(test_dropped), cmocka_unit_test(test_encodings), cmocka_unit_test(test_scanned),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
