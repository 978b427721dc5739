/* SPDX-License-Identifier: MIT
 *
 * Differences, as text: each kind of change, alignment, layouts, identity, limits; and what is no difference. Objects
 * that CPython changed are compared in tests/python/test_diff_cpython.py.
 */
#include "support.h"

#include <snapjar/diff.h>

#include "fail_alloc.h"
#include "pickle/same.h"

typedef struct listing {
    char text[32768];
    size_t size;
    size_t count;
} listing;

static void add(listing *list, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(listing *list, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    list->size += (size_t)vsnprintf(list->text + list->size, sizeof list->text - list->size, format, arguments);
    va_end(arguments);
    assert_true(list->size < sizeof list->text);
}

static snapjar_status take_change(void *state, const snapjar_change *change, snapjar_error *err)
{
    listing *list = state;
    (void)err;
    list->count++;
    add(list, "%s %s: %s -> %s\n", snapjar_change_name(change->kind), change->path, change->before, change->after);
    return SNAPJAR_OK;
}

static snapjar_status take_layout(void *state, const snapjar_layout_change *change, snapjar_error *err)
{
    (void)err;
    if (change->field == NULL) {
        add(state, "class %s: %s %llu/%llu at %s\n", change->class_name, change->value,
            (unsigned long long)change->count, (unsigned long long)change->object_count, change->path);
        return SNAPJAR_OK;
    }
    add(state, "%s %s.%s %llu/%llu at %s: %s\n", change->is_added ? "new" : "gone", change->class_name, change->field,
        (unsigned long long)change->count, (unsigned long long)change->object_count, change->path, change->value);
    return SNAPJAR_OK;
}

static snapjar_diff_options listing_options(listing *list)
{
    snapjar_diff_options options = SNAPJAR_DIFF_OPTIONS_INIT;
    options.take_change = take_change;
    options.take_layout = take_layout;
    options.state = list;
    return options;
}

static snapjar_graph *new_graph(snapjar_context *context, const char *bytes, size_t size)
{
    snapjar_graph *graph = NULL;
    assert_ok(snapjar_graph_new(&graph, context, bytes, size, NULL, err));
    return graph;
}

/** What the difference is told as. The reverse is taken, too: it must be as long. */
static void expect(void **state, const char *before, size_t before_size, const char *after, size_t after_size,
                   const char *expected)
{
    listing list = {.size = 0};
    snapjar_diff_options options = listing_options(&list);
    snapjar_diff_summary summary, reverse;
    snapjar_graph *graphs[2] = {new_graph(*state, before, before_size), new_graph(*state, after, after_size)};
    assert_ok(snapjar_graph_diff(graphs[0], graphs[1], &options, &summary, err));
    assert_string_equal(list.text, expected);
    assert_ok(snapjar_graph_diff(graphs[1], graphs[0], NULL, &reverse, err));
    assert_int_equal(summary.change_count, reverse.change_count);
    assert_int_equal(summary.layout_count, reverse.layout_count);
    assert_int_equal(summary.change_count, list.count);
    /* What is seen to be the same at once has no differences. */
    bool is_same = true;
    assert_ok(sj_graph_compare(graphs[0], graphs[1], &is_same, err));
    assert_true(!is_same || expected[0] == '\0');
    for (int i = 0; i < 2; i++) {
        assert_ok(snapjar_graph_diff(graphs[i], graphs[i], NULL, &summary, err));
        assert_int_equal(summary.change_count + summary.layout_count, 0);
        snapjar_graph_free(graphs[i]);
    }
}

#define EXPECT(before, after, expected) expect(state, BYTES(before), BYTES(after), expected)

/* ---- values ---- */

static void test_no_difference(void **state)
{
    EXPECT("I1\n.", "K\1.", "");
    EXPECT("L-1L\n.", "J\xff\xff\xff\xff.", "");
    EXPECT("\x80\2\x8a\3\xff\0\0.", "M\xff\0.", "");
    EXPECT("F0.1\n.", "G\x3f\xb9\x99\x99\x99\x99\x99\x9a.", "");
    EXPECT("Fnan\n.", "G\x7f\xf8\0\0\0\0\0\0.", "");
    EXPECT("I01\n.", "\x80\2\x88.", "");
    EXPECT("V\\u20ac\n.", "X\3\0\0\0\xe2\x82\xac.", "");
    EXPECT("S'a'\n.", "X\1\0\0\0a.", "");
    EXPECT("(lp0\nI1\na.", "\x80\4]\x94K\1a.", "");
    EXPECT("c__builtin__\nunicode\n.",
           "\x80\4\x8c\x08"
           "builtins\x8c\3str\x93.",
           "");
    EXPECT("ccopy_reg\n_reconstructor\n(capp\nJob\nc__builtin__\nobject\nNtR(dVb\nI1\nsb.",
           "\x80\2capp\nJob\n)\x81}X\1\0\0\0bK\1sb.", "");
    EXPECT("\x80\2c__builtin__\nset\n](K\1K\2e\x85R.", "\x80\4\x8f(K\2K\1\x90.", "");
    EXPECT("\x80\2c_codecs\nencode\n(X\2\0\0\0\xc3\xbfX\6\0\0\0latin1tR.", "\x80\3C\1\xff.", "");
    EXPECT("\x80\2c__builtin__\ngetattr\ncapp\nOuter\nX\5\0\0\0Inner\x86R.", "\x80\4\x8c\3app\x8c\x0bOuter.Inner\x93.",
           "");
    /* The order of a dict and of fields. */
    EXPECT("}(K\1K\2K\3K\4u.", "}(K\3K\4K\1K\2u.", "");
    /* Which of several equal texts it is. */
    EXPECT("(Va\np0\ng0\nt.", "(Va\nVa\nt.", "");
}

static void test_leaves(void **state)
{
    EXPECT("K\1.", "K\2.", "value : 1 -> 2\n");
    EXPECT("K\1.", "\x80\2\x88.", "type : 1 -> True\n");
    EXPECT("G\0\0\0\0\0\0\0\0.", "G\x80\0\0\0\0\0\0\0.", "value : 0.0 -> -0.0\n");
    EXPECT("G\x7f\xf8\0\0\0\0\0\0.", "G\x7f\xf8\0\0\0\0\0\1.", "value : nan -> nan (bits 0x7ff8000000000001)\n");
    EXPECT("N.", "X\1\0\0\0a.", "type : None -> 'a'\n");
    EXPECT("X\1\0\0\0a.", "X\1\0\0\0b.", "value : 'a' -> 'b'\n");
    EXPECT("X\1\0\0\0a.", "\x80\3C\1a.", "type : 'a' -> b'a'\n");
    EXPECT("capp\na\n.", "capp\nb\n.", "value : app:a -> app:b\n");
    EXPECT("\x80\2\x82\1.", "\x80\2\x82\2.", "value : extension code 1 -> extension code 2\n");
    EXPECT("N.", "].", "type : None -> []\n");
    EXPECT("].", ").", "type : [] -> ()\n");
}

static void test_long_texts_are_shown_where_they_differ(void **state)
{
    char pickles[2][220] = {"X\xc8\0\0\0", "X\xc8\0\0\0"};
    for (int i = 0; i < 2; i++) {
        memset(pickles[i] + 5, 'a', 200);
        pickles[i][205] = '.';
    }
    pickles[1][5 + 190] = 'b';
    expect(state, pickles[0], 206, pickles[1], 206, "value : ...'aaaaaaaaaaaaaaaaaaaa' -> ...'aaaaaaaaaabaaaaaaaaa'\n");
}

/* ---- containers ---- */

static void test_lists(void **state)
{
    EXPECT("](K\1K\2K\3e.", "](K\1K\3e.", "removed [1]: 2 -> \n");
    EXPECT("](K\1K\3e.", "](K\1K\2K\3e.", "added [1]:  -> 2\n");
    EXPECT("](K\1K\2K\3e.", "](K\1K\7K\3e.", "value [1]: 2 -> 7\n");
    EXPECT("](K\1K\1e.", "](K\1K\1K\1e.", "added [2]:  -> 1\n");
    EXPECT("].", "](Ne.", "added [0]:  -> None\n");
    EXPECT("(K\1t.", "(K\1K\2t.", "added [1]:  -> 2\n");
    /* Two edits far apart, among many equal elements. */
    EXPECT("](K\1K\2K\1K\2K\1K\2K\1K\2e.", "](K\1K\1K\2K\1K\2K\1K\2K\1e.", "removed [1]: 2 -> \nadded [7]:  -> 1\n");
    /* An object that changed inside is the same element. */
    EXPECT("](](K\1K\2e](K\3e](K\5ee.", "](](K\3e](K\5K\6ee.", "removed [0]: list of 2 -> \nadded [2][1]:  -> 6\n");
}

static void test_many_edits(void **state)
{
    /* 2,000 elements, each second one replaced: beyond the fewest edits, unique elements hold the rest in place. */
    enum { COUNT = 2000 };
    static char pickles[2][3 * COUNT + 8];
    size_t sizes[2];
    snapjar_diff_summary summary;
    for (int side = 0; side < 2; side++) {
        char *at = pickles[side];
        *at++ = ']';
        *at++ = '(';
        for (unsigned i = 0; i < COUNT; i++) {
            const unsigned value = i + (side == 1 && i % 2 == 1 ? 10000 : 0);
            /* The second has one more at its beginning. */
            if (i == 0 && side == 1)
                *at++ = 'N';
            *at++ = 'M';
            *at++ = (char)(value & 255);
            *at++ = (char)(value >> 8);
        }
        *at++ = 'e';
        *at++ = '.';
        sizes[side] = (size_t)(at - pickles[side]);
    }
    snapjar_graph *graphs[2] = {new_graph(*state, pickles[0], sizes[0]), new_graph(*state, pickles[1], sizes[1])};
    assert_ok(snapjar_graph_diff(graphs[0], graphs[1], NULL, &summary, err));
    assert_int_equal(summary.change_count, COUNT / 2 + 1);
    snapjar_graph_free(graphs[0]);
    snapjar_graph_free(graphs[1]);
}

static void test_dicts_and_sets(void **state)
{
    EXPECT("}(K\1NK\2Nu.", "}(K\2NK\3Nu.", "removed [1]: None -> \nadded [3]:  -> None\n");
    EXPECT("}(X\1\0\0\0aK\1u.", "}(X\1\0\0\0aK\2u.", "value ['a']: 1 -> 2\n");
    EXPECT("}(K\1Nu.", "}(\x88Nu.", "removed [1]: None -> \nadded [True]:  -> None\n");
    EXPECT("}(K\1K\2\x86K\1u.", "}(K\1K\2\x86K\2u.", "value [(1, 2)]: 1 -> 2\n");
    EXPECT("}capp\nKey\nK\1\x85RK\2s.", "}capp\nKey\nK\1\x85RK\3s.", "value [key 0]: 2 -> 3\n");
    EXPECT("\x80\4\x8f(K\1K\2\x90.", "\x80\4\x8f(K\3K\2\x90.", "removed {0}: 1 -> \nadded {0}:  -> 3\n");
    EXPECT("\x80\4(K\1\x91.", "\x80\4(\x91.", "removed {0}: 1 -> \n");
}

static void test_objects(void **state)
{
    EXPECT("capp\nState\nK\1\x85R.", "capp\nState\nK\2\x85R.", "value (0): 1 -> 2\n");
    EXPECT("capp\nA\n)R.", "capp\nB\n)R.", "class app:A: app:B 1/1 at \n");
    /* Under its new name the class is looked into; where both names are in one value, they are two classes. */
    EXPECT("](capp\nA\nq\1)R}X\1\0\0\0aK\1sbh\1)R}X\1\0\0\0aK\2sbe.",
           "](cnew\nB\nq\1)R}X\1\0\0\0aK\1sbh\1)R}X\1\0\0\0aK\3sX\1\0\0\0bNsbe.",
           "value [1].a: 2 -> 3\nclass app:A: new:B 2/2 at [0]\nnew new:B.b 1/2 at [1]: None\n");
    EXPECT("capp\nA\n)Rcapp\nB\n)R\x86.", "capp\nA\n)Rcapp\nC\n)R\x86.", "class app:B: app:C 1/1 at [1]\n");
    EXPECT("capp\nA\n)Rcapp\nA\n)R\x86.", "capp\nA\n)Rcapp\nC\n)R\x86.", "type [1]: app:A -> app:C\n");
    EXPECT("capp\nA\n)Rcapp\nB\n)R\x86.", "capp\nB\n)Rcapp\nA\n)R\x86.",
           "removed [0]: app:A -> \nadded [1]:  -> app:A\n");
    EXPECT("capp\nA\n)R}X\1\0\0\0aK\1sb.", "capp\nA\n)R}X\1\0\0\0aK\2sb.", "value .a: 1 -> 2\n");
    EXPECT("capp\nA\n)RK\1b.", "capp\nA\n)RK\2b.", "value (state): 1 -> 2\n");
    EXPECT("capp\nA\n)RK\1b.", "capp\nA\n)R.", "removed (state): 1 -> \n");
    EXPECT("\x80\2K\1Q.", "\x80\2K\2Q.", "value (id): 1 -> 2\n");
    EXPECT("capp\nmake\n)R)R.", "capp\nmade\n)R)R.", "class app:make: app:made 1/1 at (callable)\n");
    EXPECT("N.", "capp\nrun\n)R0N.", "added (dropped 0):  -> app:run\n");
}

static void test_layouts(void **state)
{
    static const char head[] = "\x80\2(capp\nA\nq\0)\x81}(X\1\0\0\0aK\1X\1\0\0\0bK\2ubh\0)\x81}(X\1\0\0\0aK\1ubt.";
    static const char tail[] =
        "\x80\2(capp\nA\nq\0)\x81}(X\1\0\0\0aK\1X\1\0\0\0cK\3ubh\0)\x81}(X\1\0\0\0aK\5X\1\0\0\0cK\4ubt.";
    expect(state, head, sizeof head - 1, tail, sizeof tail - 1,
           "value [1].a: 1 -> 5\ngone app:A.b 1/2 at [0]: 2\nnew app:A.c 2/2 at [0]: 3\n");
}

/* ---- identity ---- */

static void test_many_classes_with_another_name(void **state)
{
    /* A dict with one object of each class, all of which have another name. Beyond 512 they are of another type. */
    for (unsigned count = 512; count <= 513; count++) {
        static char pickles[2][513 * 24];
        snapjar_graph *graphs[2];
        snapjar_diff_summary summary;
        for (int side = 0; side < 2; side++) {
            char *at = pickles[side];
            at += sprintf(at, "}(");
            for (unsigned i = 0; i < count; i++)
                at += sprintf(at, "I%u\ncapp\n%c%u\n)R", i, side == 0 ? 'A' : 'B', i);
            at += sprintf(at, "u.");
            graphs[side] = new_graph(*state, pickles[side], (size_t)(at - pickles[side]));
        }
        assert_ok(snapjar_graph_diff(graphs[0], graphs[1], NULL, &summary, err));
        assert_int_equal(summary.layout_count, 512);
        assert_int_equal(summary.change_count, count - 512);
        snapjar_graph_free(graphs[0]);
        snapjar_graph_free(graphs[1]);
    }
}

static void test_identity(void **state)
{
    EXPECT("(]q\0h\0t.", "(]]t.", "copied [1]: [] -> []\n");
    EXPECT("(]]t.", "(]q\0h\0t.", "shared [1]: [] -> []\n");
    EXPECT("(](K\1eq\0h\0h\0t.", "(](K\1e](K\2e](K\1et.",
           "copied [1]: list of 1 -> list of 1\nvalue [1][0]: 1 -> 2\ncopied [2]: list of 1 -> list of 1\n");
    /* What is inside of a copy is copied as well, and not told again. */
    EXPECT("(](](K\1eeq\0h\0t.", "(](](K\1ee](](K\1eet.", "copied [1]: list of 1 -> list of 1\n");
    /* Tuples are equal or not, whichever they are. */
    EXPECT("(K\1\x85q\0h\0t.", "(K\1\x85K\1\x85t.", "");
}

static void test_cycles(void **state)
{
    EXPECT("]q\0h\0a.", "]q\0h\0a.", "");
    EXPECT("]q\0(h\0K\1e.", "]q\0(h\0K\2e.", "value [1]: 1 -> 2\n");
    EXPECT("]q\0h\0a.", "]q\0]h\0aa.", "copied [0]: list of 1 -> list of 1\n");
    EXPECT("]q\0](h\0K\1ea.", "]q\0](h\0K\2ea.", "value [0][1]: 1 -> 2\n");
}

/* ---- limits ---- */

static void test_changes_are_counted_beyond_the_limit(void **state)
{
    listing list = {.size = 0};
    snapjar_diff_options options = listing_options(&list);
    snapjar_diff_summary summary;
    snapjar_graph *graphs[2] = {new_graph(*state, BYTES("(K\1K\1K\1t.")), new_graph(*state, BYTES("(K\2K\2K\2t."))};
    options.change_count_max = 2;
    assert_ok(snapjar_graph_diff(graphs[0], graphs[1], &options, &summary, err));
    assert_string_equal(list.text, "value [0]: 1 -> 2\nvalue [1]: 1 -> 2\n");
    assert_int_equal(summary.change_count, 3);
    assert_int_equal(summary.pair_count, 1);
    snapjar_graph_free(graphs[0]);
    snapjar_graph_free(graphs[1]);
}

/** Each tuple holds the one before twice. */
static size_t make_bomb(char *pickle, int depth, char leaf, bool is_list)
{
    size_t size = 0;
    pickle[size++] = 'K';
    pickle[size++] = leaf;
    for (int i = 0; i < depth; i++)
        size += (size_t)snprintf(pickle + size, 32, is_list ? "q%c0](h%ch%ce" : "q%c0h%ch%c\x86", i + 1, i + 1, i + 1);
    pickle[size++] = '.';
    return size;
}

static void test_memo_bombs(void **state)
{
    char pickles[2][2048];
    snapjar_diff_summary summary;
    for (int is_list = 0; is_list < 2; is_list++) {
        const size_t size = make_bomb(pickles[0], 100, 1, is_list != 0);
        assert_int_equal(make_bomb(pickles[1], 100, 2, is_list != 0), size);
        snapjar_graph *graphs[2] = {new_graph(*state, pickles[0], size), new_graph(*state, pickles[1], size)};
        assert_ok(snapjar_graph_diff(graphs[0], graphs[1], NULL, &summary, err));
        /* Two references to the leaf, in one value. */
        assert_int_equal(summary.change_count, 2);
        assert_int_equal(summary.pair_count, 100);
        snapjar_graph_free(graphs[0]);
        snapjar_graph_free(graphs[1]);
    }
}

static void test_depth(void **state)
{
    enum { DEPTH = 1000000 };
    listing list = {.size = 0};
    snapjar_diff_options options = listing_options(&list);
    snapjar_diff_summary summary;
    char *pickle = malloc(2 * DEPTH + 4);
    snapjar_graph *graphs[2];
    assert_non_null(pickle);
    memset(pickle, ']', DEPTH);
    memset(pickle + DEPTH, 'a', DEPTH);
    pickle[DEPTH] = 'K';
    pickle[DEPTH + 1] = 1;
    memset(pickle + DEPTH + 2, 'a', DEPTH);
    pickle[2 * DEPTH + 2] = '.';
    graphs[0] = new_graph(*state, pickle, 2 * DEPTH + 3);
    char *other = malloc(2 * DEPTH + 4);
    assert_non_null(other);
    memcpy(other, pickle, 2 * DEPTH + 4);
    other[DEPTH + 1] = 2;
    graphs[1] = new_graph(*state, other, 2 * DEPTH + 3);
    assert_ok(snapjar_graph_diff(graphs[0], graphs[1], &options, &summary, err));
    assert_int_equal(summary.change_count, 1);
    assert_int_equal(summary.pair_count, DEPTH);
    assert_non_null(strstr(list.text, "[0][0][0]...[0][0]"));
    assert_non_null(strstr(list.text, ": 1 -> 2\n"));
    snapjar_graph_free(graphs[0]);
    snapjar_graph_free(graphs[1]);
    free(pickle);
    free(other);
}

/** A list of 300 that 300 parts share, and 300 copies of it: more comparing than there are values. */
static void test_effort(void **state)
{
    enum { COUNT = 300 };
    static char shared[8 * COUNT], copied[COUNT * (COUNT + 8)];
    char *at = shared;
    snapjar_diff_options options = SNAPJAR_DIFF_OPTIONS_INIT;
    snapjar_error err;
    at += snprintf(at, 16, "(](");
    memset(at, 'N', COUNT);
    at += COUNT;
    *at++ = 'e';
    *at++ = 'q';
    *at++ = 1;
    for (int i = 1; i < COUNT; i++) {
        *at++ = 'h';
        *at++ = 1;
    }
    *at++ = 't';
    *at++ = '.';
    char *to = copied;
    *to++ = '(';
    for (int i = 0; i < COUNT; i++) {
        *to++ = ']';
        *to++ = '(';
        memset(to, 'N', COUNT);
        to += COUNT;
        *to++ = 'e';
    }
    *to++ = 't';
    *to++ = '.';
    snapjar_graph *graphs[2] = {new_graph(*state, shared, (size_t)(at - shared)),
                                new_graph(*state, copied, (size_t)(to - copied))};
    assert_int_equal(snapjar_graph_diff(graphs[0], graphs[1], NULL, NULL, &err), SNAPJAR_OK);
    options.effort_max = 1;
    const snapjar_status status = snapjar_graph_diff(graphs[0], graphs[1], &options, NULL, &err);
    if (status != SNAPJAR_OK)
        assert_fault(status, &err, SNAPJAR_LIMIT, SNAPJAR_DIAG_PICKLE_DIFF_LIMIT, SNAPJAR_SPACE_NONE,
                     SNAPJAR_OFFSET_NONE);
    snapjar_graph_free(graphs[0]);
    snapjar_graph_free(graphs[1]);
}

/* ---- arguments and memory ---- */

static void test_arguments(void **state)
{
    snapjar_graph *graph = new_graph(*state, BYTES("N."));
    snapjar_diff_options options = SNAPJAR_DIFF_OPTIONS_INIT;
    assert_int_equal(snapjar_graph_diff(NULL, graph, NULL, NULL, NULL), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(snapjar_graph_diff(graph, NULL, NULL, NULL, NULL), SNAPJAR_INVALID_ARGUMENT);
    options.struct_size = 0;
    assert_int_equal(snapjar_graph_diff(graph, graph, &options, NULL, NULL), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(snapjar_graph_diff(graph, graph, NULL, NULL, NULL), SNAPJAR_OK);
    assert_string_equal(snapjar_change_name(SNAPJAR_CHANGE_SHARED), "shared");
    assert_string_equal(snapjar_change_name((snapjar_change_kind)6), "unknown");
    snapjar_graph_free(graph);
}

static snapjar_status refuse_change(void *state, const snapjar_change *change, snapjar_error *err)
{
    (void)state;
    (void)change;
    memset(err, 0, sizeof *err);
    return err->status = SNAPJAR_CANCELLED;
}

static void test_taker_ends_it(void **state)
{
    snapjar_graph *graphs[2] = {new_graph(*state, BYTES("N.")), new_graph(*state, BYTES("K\1."))};
    snapjar_diff_options options = SNAPJAR_DIFF_OPTIONS_INIT;
    snapjar_error err;
    options.take_change = refuse_change;
    assert_int_equal(snapjar_graph_diff(graphs[0], graphs[1], &options, NULL, &err), SNAPJAR_CANCELLED);
    snapjar_graph_free(graphs[0]);
    snapjar_graph_free(graphs[1]);
}

static snapjar_status compare(snapjar_context *context, void *state, snapjar_error *err)
{
    static const char before[] = "\x80\2(capp\nA\nq\0)\x81}(X\1\0\0\0aK\1X\1\0\0\0bK\2ub](K\1K\2K\3eq\1h\1t.";
    static const char after[] = "\x80\2(capp\nA\nq\0)\x81}(X\1\0\0\0cK\1ub](K\3K\1K\5e](K\4et.";
    snapjar_graph *graphs[2] = {NULL, NULL};
    listing *list = state;
    snapjar_diff_options options = listing_options(list);
    list->size = 0;
    snapjar_status status = snapjar_graph_new(&graphs[0], context, before, sizeof before - 1, NULL, err);
    if (status == SNAPJAR_OK)
        status = snapjar_graph_new(&graphs[1], context, after, sizeof after - 1, NULL, err);
    if (status == SNAPJAR_OK)
        status = snapjar_graph_diff(graphs[0], graphs[1], &options, NULL, err);
    snapjar_graph_free(graphs[0]);
    snapjar_graph_free(graphs[1]);
    return status;
}

static void test_refused_memory(void **state)
{
    static listing list;
    (void)state;
    assert_true(fail_alloc_run(compare, &list) > 20);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_context, free_context)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_no_difference), TEST(test_leaves),        TEST(test_long_texts_are_shown_where_they_differ),
        TEST(test_lists),         TEST(test_many_edits),    TEST(test_dicts_and_sets),
        TEST(test_objects),       TEST(test_layouts),       TEST(test_many_classes_with_another_name),
        TEST(test_identity),      TEST(test_cycles),        TEST(test_changes_are_counted_beyond_the_limit),
        TEST(test_memo_bombs),    TEST(test_depth),         TEST(test_effort),
        TEST(test_arguments),     TEST(test_taker_ends_it), cmocka_unit_test(test_refused_memory),
    };
    return cmocka_run_group_tests_name("diff", tests, NULL, NULL);
}
