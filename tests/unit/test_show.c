/* SPDX-License-Identifier: MIT
 *
 * The tree and its JSON: every kind of value, shared ones, cycles, limits, paths, marks; bombs and great depth.
 */
#include "support.h"

#include <snapjar/show.h>

#include "fail_alloc.h"

/** The output as a string; free it. */
static char *show(snapjar_context *context, const char *bytes, size_t size, const snapjar_show_options *options,
                  snapjar_show_summary *summary)
{
    snapjar_graph *graph;
    snapjar_sink *sink;
    size_t out_size;
    assert_ok(snapjar_graph_new(&graph, context, bytes, size, NULL, err));
    assert_ok(snapjar_sink_to_memory(&sink, context, err));
    assert_ok(snapjar_graph_show(graph, sink, options, summary, err));
    const void *out = snapjar_sink_memory(sink, &out_size);
    char *text = calloc(1, out_size + 1);
    assert_non_null(text);
    if (out_size > 0)
        memcpy(text, out, out_size);
    snapjar_sink_free(sink);
    snapjar_graph_free(graph);
    return text;
}

static void expect(void **state, const char *bytes, size_t size, const snapjar_show_options *options,
                   const char *expected)
{
    char *text = show(*state, bytes, size, options, NULL);
    assert_string_equal(text, expected);
    free(text);
}

typedef struct row {
    const char *bytes;
    size_t size;
    const char *text;
    /** What stands in JSON in place of a value. */
    const char *json;
} row;

static const row leaves[] = {
    {BYTES("N."), "None", "null"},
    {BYTES("\x80\2\x88."), "True", "true"},
    {BYTES("I00\n."), "False", "false"},
    {BYTES("I-12\n."), "-12", "-12"},
    {BYTES("J\xff\xff\xff\xff."), "-1", "-1"},
    {BYTES("L123456789012345L\n."), "123456789012345", "123456789012345"},
    {BYTES("L1234567890123456L\n."), "1234567890123456", "{\"int\":\"1234567890123456\"}"},
    {BYTES("\x80\2\x8a\x09\0\0\0\0\0\0\0\0\x80."), "-2361183241434822606848", "{\"int\":\"-2361183241434822606848\"}"},
    {BYTES("G\x3f\xb9\x99\x99\x99\x99\x99\x9a."), "0.1", "{\"float\":\"0.1\"}"},
    {BYTES("F1e3\n."), "1000.0", "{\"float\":\"1000.0\"}"},
    {BYTES("G\xff\xf0\0\0\0\0\0\0."), "-inf", "{\"float\":\"-inf\"}"},
    {BYTES("G\x7f\xf8\0\0\0\0\0\0."), "nan", "{\"float\":\"nan\"}"},
    {BYTES("G\x7f\xf8\0\0\0\0\0\1."), "nan (bits 0x7ff8000000000001)",
     "{\"float\":\"nan\",\"bits\":\"7ff8000000000001\"}"},
    {BYTES("X\x06\0\0\0a\"\n\xc3\xa9'."), "'a\"\\n\xc3\xa9\\''", "\"a\\\"\\u000a\xc3\xa9'\""},
    {BYTES("X\x04\0\0\0\x1b[m\\."), "'\\x1b[m\\\\'", "\"\\u001b[m\\\\\""},
    {BYTES("X\3\0\0\0\xe2\x80\xae."), "'\\u202e'", "\"\\u202e\""},
    {BYTES("X\4\0\0\0\xf3\xa0\x80\x81."), "'\\U000e0001'", "\"\\udb40\\udc01\""},
    {BYTES("X\3\0\0\0\xed\xa0\x80."), "'\\ud800'", "{\"str\":\"\\ud800\"}"},
    {BYTES("V\\u20ac\n."), "'\xe2\x82\xac'", "\"\xe2\x82\xac\""},
    {BYTES("S'a\\x00'\n."), "'a\\x00'", "\"a\\u0000\""},
    {BYTES("\x80\3C\3\xff\0'."), "b'\\xff\\x00\\''", "{\"bytes\":\"ff0027\"}"},
    {BYTES("\x80\5\x96\1\0\0\0\0\0\0\0a."), "bytearray(b'a')", "{\"bytearray\":\"61\"}"},
    {BYTES("\x80\2\x82\7."), "extension code 7", "{\"extension\":7}"},
    {BYTES("\x80\5\x97."), "out-of-band buffer", "{\"buffer\":true}"},
    {BYTES("capp\nmake\n."), "app:make", "{\"global\":\"app:make\"}"},
    /* In the names of Python 3. */
    {BYTES("c__builtin__\nunicode\n."), "builtins:str", "{\"global\":\"builtins:str\"}"},
    /* Bytes as protocol 2 has them. */
    {BYTES("\x80\2c_codecs\nencode\n(X\2\0\0\0\xc3\xbfX\6\0\0\0latin1tR."), "b'\\xff'", "{\"bytes\":\"ff\"}"},
    {BYTES("\x80\2c__builtin__\nbytes\n)R."), "b''", "{\"bytes\":\"\"}"},
    {BYTES("\x80\2c__builtin__\nbytearray\nX\1\0\0\0aX\7\0\0\0latin-1\x86R."), "bytearray(b'a')",
     "{\"bytearray\":\"61\"}"},
    {BYTES("\x80\3cbuiltins\nbytearray\nC\1a\x85R."), "bytearray(b'a')", "{\"bytearray\":\"61\"}"},
};

static void test_leaves(void **state)
{
    snapjar_show_options options = SNAPJAR_SHOW_OPTIONS_INIT;
    options.is_unicode = true;
    for (size_t i = 0; i < sizeof leaves / sizeof *leaves; i++) {
        char expected[256];
        (void)snprintf(expected, sizeof expected, "%s\n", leaves[i].text);
        options.form = SNAPJAR_SHOW_TEXT;
        expect(state, leaves[i].bytes, leaves[i].size, &options, expected);
        options.form = SNAPJAR_SHOW_JSON;
        char *text = show(*state, leaves[i].bytes, leaves[i].size, &options, NULL);
        (void)snprintf(expected, sizeof expected, ",\"value\":%s}\n", leaves[i].json);
        assert_non_null(strstr(text, expected));
        free(text);
    }
}

static void test_escapes_without_unicode(void **state)
{
    expect(state, BYTES("X\2\0\0\0\xc3\xa9."), NULL, "'\\xe9'\n");
    expect(state, BYTES("c\xc3\xa9\nx\n."), NULL, "\\xe9:x\n");
}

static void test_containers(void **state)
{
    expect(state, BYTES("(lp0\nI1\naI2\na."), NULL, "[1, 2]\n");
    expect(state, BYTES("]."), NULL, "[]\n");
    expect(state, BYTES("}."), NULL, "{}\n");
    expect(state, BYTES(")."), NULL, "()\n");
    expect(state, BYTES("K\1\x85."), NULL, "(1,)\n");
    expect(state, BYTES("\x80\4\x8f."), NULL, "set()\n");
    expect(state, BYTES("\x80\4(\x91."), NULL, "frozenset()\n");
    expect(state, BYTES("\x80\4\x8f(K\1K\2\x90."), NULL, "{1, 2}\n");
    expect(state, BYTES("\x80\4(K\1\x91."), NULL, "frozenset({1})\n");
    expect(state, BYTES("\x80\2c__builtin__\nset\n](K\1K\2e\x85R."), NULL, "{1, 2}\n");
    expect(state, BYTES("\x80\2c__builtin__\nfrozenset\n]\x85R."), NULL, "frozenset()\n");
    expect(state, BYTES("}(K\1NK\1K\2u."), NULL, "{1: None, 1: 2}\n");
    expect(state, BYTES("}(K\1]K\2K\3\x86](NNeu."), NULL,
           "dict of 2\n"
           "  [1] = []\n"
           "  [(2, 3)] = [None, None]\n");
}

static const char job[] =
    "\x80\2capp\nJob\nq\0)\x81q\1}q\2(X\4\0\0\0selfh\1X\1\0\0\0a](h\0N\x85q\3h\3eX\1\0\0\0bK\1ub.";

static void test_objects(void **state)
{
    expect(state, job, sizeof job - 1, NULL,
           "#1 app:Job\n"
           "  .self => #1\n"
           "  .a = list of 3\n"
           "    [0] = app:Job\n"
           "    [1] = #2 (None,)\n"
           "    [2] => #2\n"
           "  .b = 1\n");
}

/** As protocol 0 writes the same. */
static void test_old_objects(void **state)
{
    expect(state, BYTES("ccopy_reg\n_reconstructor\n(capp\nJob\nc__builtin__\nobject\nNtR(dVb\nI1\nsb."), NULL,
           "app:Job\n  .b = 1\n");
    expect(state, BYTES("ccopy_reg\n_reconstructor\n(capp\nJob\nc__builtin__\nlist\n(lI1\natR."), NULL,
           "app:Job\n  (1) = builtins:list\n  (2) = [1]\n");
    expect(state, BYTES("(I1\niapp\nJob\n."), NULL, "app:Job(1)\n");
    expect(state, BYTES("(capp\nJob\nI1\no."), NULL, "app:Job(1)\n");
    expect(state, BYTES("capp\nmake\n(I1\nVa\ntR."), NULL, "app:make(1, 'a')\n");
    expect(state, BYTES("\x80\2capp\nJob\n)\x81."), NULL, "app:Job()\n");
}

static void test_unusual_parts(void **state)
{
    /* Slots; a state that is no dict; items of a list and dict of its own; keywords. */
    expect(state,
           BYTES("\x80\2capp\nJob\n)\x81}X\1\0\0\0aK\1s}X\1\0\0\0bK\2s\x86"
                 "b."),
           NULL, "app:Job\n  .a = 1\n  .b = 2\n");
    expect(state, BYTES("\x80\2capp\nJob\n)\x81K\7b."), NULL, "app:Job\n  (state) = 7\n");
    expect(state, BYTES("\x80\2capp\nJob\n)\x81(K\1K\2e(K\3K\4u."), NULL, "app:Job\n  [0] = 1\n  [1] = 2\n  [3] = 4\n");
    expect(state, BYTES("\x80\4\x8c\3app\x8c\3Job\x93)}X\1\0\0\0aK\1s\x92."), NULL, "app:Job\n  (a=) = 1\n");
    /* A state that others refer to is told as a value of its own. */
    expect(state, BYTES("\x80\2capp\nJob\n)\x81}q\0X\1\0\0\0aK\1sbh\0\x86."), NULL,
           "tuple of 2\n  [0] = app:Job\n    (state) = #1 {'a': 1}\n  [1] => #1\n");
    /* What is called is computed; keys that are objects; a persistent id. */
    expect(state, BYTES("capp\nmake\n)R(NtR."), NULL, "(computed)\n  (callable) = app:make()\n  (0) = None\n");
    expect(state, BYTES("}capp\nKey\nK\1\x85RK\2s."), NULL, "dict of 1\n  (key 0) = app:Key(1)\n  [key 0] = 2\n");
    expect(state, BYTES("\x80\2K\5\x85Q."), NULL, "persistent id\n  (id) = (5,)\n");
    expect(state, BYTES("\x80\5\x97\x98."), NULL, "read-only view\n  (of) = out-of-band buffer\n");
    /* A setter of state, called for its effect. */
    expect(state, BYTES("\x80\2capp\nJob\n)\x81q\0capp\nset\nh\0K\1\x86R0."), NULL,
           "#1 app:Job\n  (then 0) app:set = tuple of 2\n    [0] => #1\n    [1] = 1\n");
    expect(state, BYTES("capp\nrun\n)R0N."), NULL,
           "None\nand before that, for its effect or for nothing:\n  (then 0) app:run = ()\n");
}

static void test_limits(void **state)
{
    snapjar_show_options options = SNAPJAR_SHOW_OPTIONS_INIT;
    snapjar_show_summary summary;
    options.depth_max = 1;
    options.length_max = 2;
    options.text_max = 3;
    char *text = show(*state, BYTES("](](]NeX\4\0\0\0abcdNNe."), &options, &summary);
    assert_string_equal(text, "list of 4\n  [0] = list of 2 ...\n  [1] = 'abc'... (4 characters)\n  ... 2 more\n");
    assert_int_equal(summary.line_count, 4);
    assert_int_equal(summary.hidden_count, 3);
    assert_int_equal(summary.denied_count, 0);
    free(text);
    options.depth_max = 2;
    options.length_max = 4;
    options.text_max = 4;
    expect(state, BYTES("](](]NeX\4\0\0\0abcdNNe."), &options,
           "list of 4\n  [0] = list of 2\n    [0] = []\n    [1] = None\n  [1] = 'abcd'\n  [2] = None\n  [3] = None\n");
    options.form = SNAPJAR_SHOW_JSON;
    options.length_max = 1;
    options.depth_max = 1;
    options.json_prefix = "\"x\":0";
    expect(state, BYTES("](](]NeX\4\0\0\0abcdNNe."), &options,
           "{\"x\":0,\"id\":1,\"offset\":0,\"type\":\"list\",\"items\":[{\"ref\":2}],\"more\":3}\n"
           "{\"x\":0,\"id\":2,\"offset\":2,\"type\":\"list\",\"items\":[{\"ref\":3}],\"more\":1}\n");
}

static void test_json(void **state)
{
    snapjar_show_options options = SNAPJAR_SHOW_OPTIONS_INIT;
    options.form = SNAPJAR_SHOW_JSON;
    expect(
        state, job, sizeof job - 1, &options,
        "{\"id\":1,\"offset\":14,\"type\":\"object\",\"class\":\"app:Job\",\"made_by\":\"new\",\"parts\":[[\"field\","
        "\"self\",{\"ref\":1}],[\"field\",\"a\",{\"ref\":2}],[\"field\",\"b\",1]]}\n"
        "{\"id\":2,\"offset\":38,\"type\":\"list\",\"items\":[{\"global\":\"app:Job\"},{\"ref\":3},{\"ref\":3}]}\n"
        "{\"id\":3,\"offset\":43,\"type\":\"tuple\",\"items\":[null]}\n");
    expect(state, BYTES("}capp\nKey\nK\1\x85RK\2s."), &options,
           "{\"id\":1,\"offset\":0,\"type\":\"dict\",\"entries\":[[{\"ref\":2},2]]}\n"
           "{\"id\":2,\"offset\":13,\"type\":\"object\",\"class\":\"app:Key\",\"made_by\":\"call\",\"parts\":[["
           "\"argument\",1]]}\n");
    expect(state, BYTES("capp\nrun\n)R0N."), &options,
           "{\"id\":1,\"offset\":12,\"type\":\"None\",\"value\":null}\n"
           "{\"id\":2,\"type\":\"dropped\",\"parts\":[[\"effect\",{\"global\":\"app:run\"},{\"ref\":3}]]}\n"
           "{\"id\":3,\"offset\":9,\"type\":\"tuple\",\"items\":[]}\n");
}

static void test_long_integers_are_exact_in_json(void **state)
{
    snapjar_show_options options = SNAPJAR_SHOW_OPTIONS_INIT;
    char pickle[2100] = "\x80\2\x8b\xd0\7\0\0";
    options.form = SNAPJAR_SHOW_JSON;
    /* -2^15992 and one more: the first is all zeros but for its last byte. */
    pickle[7 + 1999] = (char)0xff;
    pickle[2007] = '.';
    for (int i = 0; i < 2; i++) {
        pickle[7] = (char)i;
        char *text = show(*state, pickle, 2008, &options, NULL);
        const char *number = strstr(text, "\"int\":\"-0x");
        assert_non_null(number);
        const size_t digits = strspn(number + 10, "0123456789abcdef");
        /* 16^3998 is 2^15992: a 1 and 3998 zeros; one less are 3998 f. */
        assert_int_equal(digits, i == 0 ? 3999 : 3998);
        assert_int_equal(number[10], i == 0 ? '1' : 'f');
        assert_int_equal(number[10 + digits - 1], i == 0 ? '0' : 'f');
        free(text);
    }
    expect(state, pickle, 2008, NULL, "(integer of 2000 bytes)\n");
}

/* ---- paths ---- */

static void test_paths(void **state)
{
    static const char pickle[] = "\x80\2capp\nJob\n)\x81}(X\1\0\0\0a](K\1K\2eX\4\0\0\0a[0]K\3X\1\0\0\0b}(X\1\0\0\0"
                                 "'K\4K\1K\2\x86K\5uub.";
    static const struct {
        const char *path;
        const char *expected;
    } rows[] = {
        {".a", "[1, 2]\n"}, {"a", "[1, 2]\n"},    {".a[1]", "2\n"},
        {"a[0]", "3\n"},    {".b['\\'']", "4\n"}, {"b[(1, 2)]", "5\n"},
    };
    snapjar_show_options options = SNAPJAR_SHOW_OPTIONS_INIT;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        options.path = rows[i].path;
        expect(state, pickle, sizeof pickle - 1, &options, rows[i].expected);
    }
}

static void test_paths_that_lead_nowhere(void **state)
{
    static const struct {
        const char *path;
        const char *message;
    } rows[] = {
        {"x", "the value has no \"x\""},
        {".", "the value has no \".\""},
        {"[7]\x1b", "the value has no \"[7]\\x1b\""},
        {"[0][9]", "nothing is at \"[9]\" behind the first 3 bytes of the path"},
        {"[0].x", "nothing is at \".x\" behind the first 3 bytes of the path"},
    };
    snapjar_graph *graph;
    snapjar_sink *sink;
    assert_ok(snapjar_graph_new(&graph, *state, "](]Ne.", 6, NULL, err));
    assert_ok(snapjar_sink_to_memory(&sink, *state, err));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snapjar_show_options options = SNAPJAR_SHOW_OPTIONS_INIT;
        snapjar_error err;
        options.path = rows[i].path;
        const snapjar_status status = snapjar_graph_show(graph, sink, &options, NULL, &err);
        assert_fault(status, &err, SNAPJAR_NOT_FOUND, SNAPJAR_DIAG_PICKLE_PATH_MISSING, SNAPJAR_SPACE_NONE,
                     SNAPJAR_OFFSET_NONE);
        assert_string_equal(err.message, rows[i].message);
        assert_int_equal(snapjar_graph_show(graph, sink, &options, NULL, NULL), SNAPJAR_NOT_FOUND);
    }
    snapjar_sink_free(sink);
    snapjar_graph_free(graph);
}

/* ---- what is denied ---- */

static void test_denied(void **state)
{
    snapjar_policy *policy;
    snapjar_show_options options = SNAPJAR_SHOW_OPTIONS_INIT;
    snapjar_show_summary summary;
    assert_ok(snapjar_policy_new(&policy, *state, err));
    assert_ok(snapjar_policy_allow(policy, "app:Job", SNAPJAR_USES(SNAPJAR_USE_NEW), "a test", err));
    options.policy = policy;
    char *text = show(*state, BYTES("\x80\5(capp\nJob\nq\0)\x81}bh\0cos\nsystem\nK\1\x85R\x82\7\x97\x98Pid\nh\0)R)Rt."),
                      &options, &summary);
    assert_string_equal(text, "tuple of 7\n"
                              "  [0] = app:Job()  [denied: build]\n"
                              "  [1] = app:Job  [denied: argument]\n"
                              "  [2] = os:system(1)  [denied]\n"
                              "  [3] = extension code 7  [denied: extension code]\n"
                              "  [4] = read-only view\n"
                              "    (of) = out-of-band buffer  [denied: buffer]\n"
                              "  [5] = persistent id  [denied: persistent id]\n"
                              "    (id) = 'id'\n"
                              "  [6] = (computed)  [denied: computed call]\n"
                              "    (callable) = app:Job()  [denied: call]\n");
    assert_int_equal(summary.denied_count, 8);
    free(text);
    snapjar_policy_allow_persistent_ids(policy, true);
    snapjar_policy_allow_buffers(policy, true);
    assert_ok(snapjar_policy_map_extension(policy, 7, "app:Job", err));
    assert_ok(snapjar_policy_allow(policy, "app:Job", SNAPJAR_USES_ALL, "a test", err));
    text = show(*state, BYTES("\x80\5(capp\nJob\nq\0)\x81}bh\0\x82\7\x97Pid\nh\0)Rt."), &options, &summary);
    assert_int_equal(summary.denied_count, 0);
    free(text);
    /* Attributes by name, as protocols below 4 have them: with rules of their own. */
    assert_ok(snapjar_policy_allow(policy, "app:Outer", SNAPJAR_USES(SNAPJAR_USE_IMPORT), "a test", err));
    assert_ok(snapjar_policy_allow(policy, "app:Outer.Inner", SNAPJAR_USES(SNAPJAR_USE_IMPORT), "a test", err));
    text = show(*state, BYTES("(c__builtin__\ngetattr\np0\n(capp\nOuter\nVInner\ntRg0\n(capp\nOuter\nVOther\ntRt."),
                &options, &summary);
    assert_string_equal(text, "tuple of 2\n  [0] = app:Outer.Inner  [denied: import, argument]\n"
                              "  [1] = app:Outer.Other  [denied]\n");
    free(text);
    /* A member of an enumeration in early 3.11, in any protocol. */
    assert_ok(snapjar_policy_allow(policy, "app:State.RUNNING", SNAPJAR_USES(SNAPJAR_USE_ARGUMENT), "a test", err));
    const char member[] = "\x80\4](\x8c\10builtins\x8c\7getattr\x93\x8c\3app\x8c\5State\x93\x8c\7RUNNING\x86Re.";
    text = show(*state, member, sizeof member - 1, &options, &summary);
    assert_string_equal(text, "list of 1\n  [0] = app:State.RUNNING  [denied: import]\n");
    free(text);
    assert_ok(snapjar_policy_allow(policy, "app:State", SNAPJAR_USES(SNAPJAR_USE_IMPORT), "a test", err));
    text = show(*state, member, sizeof member - 1, &options, &summary);
    assert_string_equal(text, "list of 1\n  [0] = app:State.RUNNING  [denied: import]\n");
    free(text);
    assert_ok(snapjar_policy_allow(policy, "builtins:getattr", SNAPJAR_USES(SNAPJAR_USE_IMPORT), "a test", err));
    text = show(*state, member, sizeof member - 1, &options, &summary);
    assert_string_equal(text, "[app:State.RUNNING]\n");
    free(text);
    /* A bare global that is changed. */
    options.form = SNAPJAR_SHOW_JSON;
    text = show(*state, BYTES("capp\nJob\n}b."), &options, &summary);
    assert_string_equal(text,
                        "{\"id\":1,\"offset\":0,\"type\":\"global\",\"value\":{\"global\":\"app:Job\",\"denied\":["
                        "\"changed\"]}}\n");
    free(text);
    options.form = SNAPJAR_SHOW_TEXT;
    options.has_colour = true;
    expect(state, BYTES("cos\nsystem\n)R."), &options, "os:system()  \033[1;31m[denied]\033[0m\n");
    snapjar_policy_free(policy);
}

/* ---- size ---- */

/** Each tuple holds the one before twice: 2^60 values if it were written out. */
static void test_memo_bomb(void **state)
{
    char pickle[1024] = "N\x85q\0";
    size_t size = 4;
    snapjar_show_options options = SNAPJAR_SHOW_OPTIONS_INIT;
    snapjar_show_summary summary;
    for (int i = 0; i < 60; i++)
        size += (size_t)snprintf(pickle + size, sizeof pickle - size, "2\x86q%c", i + 1);
    pickle[size++] = '.';
    options.depth_max = options.length_max = SNAPJAR_SHOW_ALL;
    char *text = show(*state, pickle, size, &options, &summary);
    assert_int_equal(summary.line_count, 1 + 2 * 60);
    free(text);
    options.form = SNAPJAR_SHOW_JSON;
    text = show(*state, pickle, size, &options, &summary);
    assert_int_equal(summary.line_count, 61);
    free(text);
}

/** A million lists, each in the next; and as many calls of one long text. */
static void test_deep_and_wide(void **state)
{
    enum { DEPTH = 1000000 };
    snapjar_show_options options = SNAPJAR_SHOW_OPTIONS_INIT;
    snapjar_show_summary summary;
    char *pickle = malloc(2 * DEPTH + 2);
    assert_non_null(pickle);
    memset(pickle, ']', DEPTH);
    memset(pickle + DEPTH, 'a', DEPTH - 1);
    pickle[2 * DEPTH - 1] = '.';
    options.depth_max = SNAPJAR_SHOW_ALL;
    char *text = show(*state, pickle, 2 * DEPTH, &options, &summary);
    assert_int_equal(summary.line_count, DEPTH);
    assert_true(strlen(text) < (size_t)DEPTH * 100);
    free(text);
    options.form = SNAPJAR_SHOW_JSON;
    text = show(*state, pickle, 2 * DEPTH, &options, &summary);
    assert_int_equal(summary.line_count, DEPTH);
    free(text);
    free(pickle);
}

/** A text of 10,000 bytes that 1,000 lists hold, and that as many calls make bytes of. */
static void test_long_text_is_written_once(void **state)
{
    enum { COUNT = 1000, SIZE = 10000 };
    snapjar_show_options options = SNAPJAR_SHOW_OPTIONS_INIT;
    char *pickle = calloc(1, SIZE + 60 * COUNT + 100);
    char *at = pickle;
    assert_non_null(pickle);
    options.text_max = SNAPJAR_SHOW_ALL;
    options.length_max = SNAPJAR_SHOW_ALL;
    at += snprintf(at, 100, "(c_codecs\nencode\np0\nVlatin1\np1\nV");
    memset(at, 'x', SIZE);
    at += SIZE;
    at += snprintf(at, 100, "\np2\n");
    for (int i = 0; i < COUNT; i++)
        at += snprintf(at, 100, "(lg2\nag0\n(g2\ng1\ntR");
    at += snprintf(at, 100, "t.");
    for (int form = 0; form < 2; form++) {
        options.form = (snapjar_show_form)form;
        char *text = show(*state, pickle, (size_t)(at - pickle), &options, NULL);
        assert_true(strlen(text) < SIZE + 400 * COUNT);
        free(text);
    }
    free(pickle);
}

/* ---- arguments and memory ---- */

static void test_arguments(void **state)
{
    snapjar_graph *graph;
    snapjar_sink *sink;
    snapjar_show_options options = SNAPJAR_SHOW_OPTIONS_INIT;
    assert_ok(snapjar_graph_new(&graph, *state, "N.", 2, NULL, err));
    assert_ok(snapjar_sink_to_memory(&sink, *state, err));
    assert_int_equal(snapjar_graph_show(NULL, sink, NULL, NULL, NULL), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(snapjar_graph_show(graph, NULL, NULL, NULL, NULL), SNAPJAR_INVALID_ARGUMENT);
    options.form = (snapjar_show_form)2;
    assert_int_equal(snapjar_graph_show(graph, sink, &options, NULL, NULL), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(snapjar_graph_show(graph, sink, NULL, NULL, NULL), SNAPJAR_OK);
    snapjar_sink_free(sink);
    snapjar_graph_free(graph);
}

static snapjar_status show_all(snapjar_context *context, void *state, snapjar_error *err)
{
    snapjar_graph *graph = NULL;
    snapjar_sink *sink = NULL;
    snapjar_show_options options = SNAPJAR_SHOW_OPTIONS_INIT;
    snapjar_status status = snapjar_graph_new(&graph, context, job, sizeof job - 1, NULL, err);
    options.form = *(const snapjar_show_form *)state;
    if (status == SNAPJAR_OK)
        status = snapjar_sink_to_memory(&sink, context, err);
    if (status == SNAPJAR_OK)
        status = snapjar_graph_show(graph, sink, &options, NULL, err);
    snapjar_sink_free(sink);
    snapjar_graph_free(graph);
    return status;
}

static void test_refused_memory(void **state)
{
    snapjar_show_form forms[] = {SNAPJAR_SHOW_TEXT, SNAPJAR_SHOW_JSON};
    (void)state;
    for (size_t i = 0; i < 2; i++)
        assert_true(fail_alloc_run(show_all, &forms[i]) > 5);
}

static snapjar_status refuse_write(void *state, const void *bytes, size_t size, snapjar_error *err)
{
    (void)state;
    (void)bytes;
    (void)size;
    memset(err, 0, sizeof *err);
    return err->status = SNAPJAR_IO;
}

static void test_sink_that_fails(void **state)
{
    const snapjar_sink_functions functions = {sizeof functions, refuse_write, NULL, NULL, false};
    snapjar_graph *graph;
    snapjar_sink *sink;
    snapjar_error err;
    assert_ok(snapjar_graph_new(&graph, *state, job, sizeof job - 1, NULL, err));
    assert_ok(snapjar_sink_from_functions(&sink, *state, &functions, NULL, err));
    assert_int_equal(snapjar_graph_show(graph, sink, NULL, NULL, &err), SNAPJAR_IO);
    snapjar_sink_free(sink);
    snapjar_graph_free(graph);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_context, free_context)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_leaves),
        TEST(test_escapes_without_unicode),
        TEST(test_containers),
        TEST(test_objects),
        TEST(test_old_objects),
        TEST(test_unusual_parts),
        TEST(test_limits),
        TEST(test_json),
        TEST(test_long_integers_are_exact_in_json),
        TEST(test_paths),
        TEST(test_paths_that_lead_nowhere),
        TEST(test_denied),
        TEST(test_memo_bomb),
        TEST(test_deep_and_wide),
        TEST(test_long_text_is_written_once),
        TEST(test_arguments),
        cmocka_unit_test(test_refused_memory),
        TEST(test_sink_that_fails),
    };
    return cmocka_run_group_tests_name("show", tests, NULL, NULL);
}
