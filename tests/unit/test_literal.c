/* SPDX-License-Identifier: MIT
 *
 * Values of Python in JSON: what is one, what it becomes in a pickle, and which values equal it; and the instances and
 * paths that steps find.
 */
#include "support.h"

#include "migrate/fields.h"
#include "migrate/literal.h"
#include "steps.h"

static sj_json *parse(const char *text)
{
    char json[8192];
    sj_json *root = NULL;
    assert_true(snprintf(json, sizeof json, "{\"v\":%s}", text) < (int)sizeof json);
    for (char *at = json; *at != '\0'; at++)
        *at = *at == '`' ? '"' : *at;
    assert_ok(sj_json_parse(&root, json, strlen(json), 64, SNAPJAR_SPACE_FILE, 0, err));
    return root;
}

typedef struct row {
    const char *json;
    const char *pickle;
    size_t size;
    bool is_immutable;
} row;

/* clang-format off */
static const row rows[] = {
    {"null", BYTES("\x80\3N."), true},
    {"true", BYTES("\x80\3\x88."), true},
    {"false", BYTES("\x80\3\x89."), true},
    {"0", BYTES("\x80\3K\0."), true},
    {"-1", BYTES("\x80\3J\xff\xff\xff\xff."), true},
    {"300", BYTES("\x80\3M\x2c\1."), true},
    {"2147483648", BYTES("\x80\3\x8a\5\0\0\0\x80\0."), true},
    {"-9223372036854775808", BYTES("\x80\3\x8a\x08\0\0\0\0\0\0\0\x80."), true},
    {"{`$int`:`18446744073709551616`}", BYTES("\x80\3\x8a\x09\0\0\0\0\0\0\0\0\1."), true},
    {"{`$int`:`-7`}", BYTES("\x80\3J\xf9\xff\xff\xff."), true},
    {"1.0", BYTES("\x80\3G?\xf0\0\0\0\0\0\0."), true},
    {"1e0", BYTES("\x80\3G?\xf0\0\0\0\0\0\0."), true},
    {"{`$float`:`inf`}", BYTES("\x80\3G\x7f\xf0\0\0\0\0\0\0."), true},
    {"{`$float`:`-inf`}", BYTES("\x80\3G\xff\xf0\0\0\0\0\0\0."), true},
    {"{`$float`:`0x1p-3`}", BYTES("\x80\3G?\xc0\0\0\0\0\0\0."), true},
    {"{`$float`:`-0x1.8p+1`}", BYTES("\x80\3G\xc0\x08\0\0\0\0\0\0."), true},
    {"{`$float`:`0x0.0000000000001p-1022`}", BYTES("\x80\3G\0\0\0\0\0\0\0\1."), true},
    {"{`$float`:`0x1.fffffffffffffp+1023`}", BYTES("\x80\3G\x7f\xef\xff\xff\xff\xff\xff\xff."), true},
    {"{`$float`:`1.5`}", BYTES("\x80\3G?\xf8\0\0\0\0\0\0."), true},
    {"``", BYTES("\x80\3X\0\0\0\0."), true},
    {"`a\xc3\xa9`", BYTES("\x80\3X\3\0\0\0a\xc3\xa9."), true},
    {"{`$bytes`:``}", BYTES("\x80\3" "C\0."), true},
    {"{`$bytes`:`YWI=`}", BYTES("\x80\3" "C\2ab."), true},
    {"{`$bytes`:`YQ==`}", BYTES("\x80\3" "C\1a."), true},
    {"{`$bytes`:`AP8A`}", BYTES("\x80\3" "C\3\0\xff\0."), true},
    {"{`$bytearray`:`YWI=`}", BYTES("\x80\3" "cbuiltins\nbytearray\nq\0C\2ab\x85R."), false},
    {"[]", BYTES("\x80\3]."), false},
    {"[1,[`a`]]", BYTES("\x80\3](K\1]X\1\0\0\0aae."), false},
    {"{}", BYTES("\x80\3}."), false},
    {"{`a`:1,`b`:{}}", BYTES("\x80\3}(X\1\0\0\0aK\1X\1\0\0\0b}u."), false},
    {"{`$dict`:[[1,2],[null,[]]]}", BYTES("\x80\3}(K\1K\2N]u."), false},
    {"{`$tuple`:[]}", BYTES("\x80\3)."), true},
    {"{`$tuple`:[1,{`$tuple`:[2]}]}", BYTES("\x80\3K\1K\2\x85\x86."), true},
    {"{`$tuple`:[[]]}", BYTES("\x80\3]\x85."), false},
    {"{`$set`:[1]}", BYTES("\x80\3" "cbuiltins\nset\nq\0]K\1" "a\x85R."), false},
    {"{`$frozenset`:[1]}", BYTES("\x80\3" "cbuiltins\nfrozenset\nq\0(K\1l\x85R."), true},
    {"{`$complex`:[1,0.5]}", BYTES("\x80\3" "cbuiltins\ncomplex\nG?\xf0\0\0\0\0\0\0G?\xe0\0\0\0\0\0\0\x86R."), true},
    {"{`$global`:`m:C`}", BYTES("\x80\3" "cm\nC\n."), true},
    {"{`$call`:[`m:C`,[`run`]]}", BYTES("\x80\3" "cm\nC\nX\3\0\0\0run\x85R."), false},
    {"{`$new`:[`m:C`,[]]}", BYTES("\x80\3" "cm\nC\n)\x81."), false},
    {"{`$new`:[`m:C`,[1],{`a`:2}]}", BYTES("\x80\3" "cm\nC\nK\1\x85\x81}X\1\0\0\0aK\2sb."), false},
};

static const char *const wrong[] = {
    "{`$x`:1}", "{`$int`:`1`,`a`:2}", "{`$int`:`1`,`$float`:`1`}", "{`$int`:1}", "{`$int`:`1.5`}", "{`$int`:``}",
    "{`$int`:`01`}", "{`$float`:1.5}", "{`$float`:`x`}", "{`$float`:`0x1`}", "{`$float`:`0xp1`}", "{`$float`:`0x1p`}",
    "{`$float`:`0x1p+2000`}", "{`$float`:`0x1p-2000`}", "{`$float`:`0x1.00000000000001p0`}", "{`$float`:`0x1..p0`}",
    "{`$complex`:[1]}", "{`$complex`:[`1`,2]}", "{`$bytes`:`YQ`}", "{`$bytes`:`YQ=a`}", "{`$bytes`:`YR==`}",
    "{`$bytes`:`Y===`}", "{`$bytes`:`Y Q=`}", "{`$bytes`:1}", "{`$tuple`:1}", "{`$set`:[[]]}", "{`$set`:[{}]}",
    "{`$frozenset`:[{`$bytearray`:``}]}", "{`$dict`:[1]}", "{`$dict`:[[1]]}", "{`$dict`:[[[],1]]}", "{`$dict`:{}}",
    "{`$global`:`m`}", "{`$global`:`m:`}", "{`$global`:`m:a b`}", "{`$call`:[`m:C`]}", "{`$call`:[`m:C`,1]}",
    "{`$call`:[`m:C`,[],1]}", "{`$new`:[1,[]]}", "{`$new`:[`m:C`,[],1,2]}", "[{`$x`:1}]", "{`a`:[{`$int`:2}]}",
};

/** Pairs of a literal and a pickle that is equal to it, or is not. */
typedef struct pair {
    const char *json;
    const char *pickle;
    size_t size;
    bool is_equal;
} pair;

static const pair pairs[] = {
    {"1", BYTES("I1\n."), true}, {"1", BYTES("L1L\n."), true}, {"1", BYTES("\x80\2\x8a\1\1."), true},
    {"1", BYTES("J\1\0\0\0."), true}, {"1", BYTES("I01\n."), false}, {"true", BYTES("I01\n."), true},
    {"true", BYTES("I1\n."), false}, {"false", BYTES("I01\n."), false}, {"1", BYTES("F1.0\n."), false},
    {"1.0", BYTES("I1\n."), false}, {"1.0", BYTES("F1\n."), true}, {"0.0", BYTES("G\x80\0\0\0\0\0\0\0."), true},
    {"{`$float`:`nan`}", BYTES("Fnan\n."), false}, {"null", BYTES("N."), true}, {"null", BYTES("I0\n."), false},
    {"{`$int`:`18446744073709551616`}", BYTES("L18446744073709551616L\n."), true},
    {"`a\xc3\xa9`", BYTES("Va\xe9\n."), true}, {"`a`", BYTES("S'\\x61'\n."), true}, {"`a`", BYTES("Vab\n."), false},
    {"`ab`", BYTES("Va\n."), false}, {"`a`", BYTES("\x80\3" "C\1a."), false},
    {"{`$bytes`:`YQ==`}", BYTES("\x80\3" "C\1a."), true}, {"{`$bytes`:`YQ==`}", BYTES("\x80\3" "C\2ab."), false},
    {"{`$bytes`:`YWJj`}", BYTES("\x80\3" "C\2ab."), false}, {"{`$bytes`:``}", BYTES("c__builtin__\nbytes\n)R."), true},
    {"{`$bytes`:`/w==`}", BYTES("c_codecs\nencode\n(V\xff\nVlatin1\ntR."), true},
    {"{`$bytearray`:`YQ==`}", BYTES("\x80\5\x96\1\0\0\0\0\0\0\0a."), true},
    {"[1,2]", BYTES("](K\1K\2e."), true}, {"[1,2]", BYTES("](K\2K\1e."), false}, {"[1,2]", BYTES("]K\1" "a."), false},
    {"[1]", BYTES("](K\1K\2e."), false}, {"[1]", BYTES("(K\1t."), false}, {"{`$tuple`:[1]}", BYTES("(K\1t."), true},
    {"{`a`:1,`b`:2}", BYTES("}(X\1\0\0\0bK\2X\1\0\0\0aK\1u."), true},
    {"{`a`:1}", BYTES("}(X\1\0\0\0aK\2X\1\0\0\0aK\1u."), true}, {"{`a`:1}", BYTES("}X\1\0\0\0bK\1s."), false},
    {"{`a`:1}", BYTES("}(X\1\0\0\0aK\1X\1\0\0\0bK\1u."), false}, {"{`a`:1,`b`:2}", BYTES("}X\1\0\0\0aK\1s."), false},
    {"{`$dict`:[[1,2],[1,3]]}", BYTES("}K\1K\3s."), true}, {"{`$dict`:[[1,2],[1,3]]}", BYTES("}K\1K\2s."), false},
    {"{`$dict`:[[{`$tuple`:[1]},2]]}", BYTES("}(K\1tK\2s."), true},
    {"{`$set`:[1,2]}", BYTES("\x80\4\x8f(K\2K\1\x90."), true}, {"{`$set`:[1]}", BYTES("\x80\4\x8f(K\2K\1\x90."), false},
    {"{`$set`:[1,2]}", BYTES("\x80\4\x8f(K\1\x90."), false}, {"{`$frozenset`:[1]}", BYTES("\x80\4(K\1\x91."), true},
    {"{`$set`:[1]}", BYTES("c__builtin__\nset\n((lI1\natR."), true},
    {"{`$complex`:[1,2]}", BYTES("c__builtin__\ncomplex\n(F1\nF2\ntR."), true},
    {"{`$complex`:[1,2]}", BYTES("c__builtin__\ncomplex\n(F1\nF3\ntR."), false},
    {"{`$global`:`builtins:set`}", BYTES("c__builtin__\nset\n."), true},
    {"{`$global`:`m:C.D`}", BYTES("cbuiltins\ngetattr\n(cm\nC\nVD\ntR."), true},
    {"{`$global`:`m:C`}", BYTES("cm\nD\n."), false}, {"{`$call`:[`m:C`,[1]]}", BYTES("cm\nC\n(I1\ntR."), true},
    {"{`$call`:[`m:C`,[1]]}", BYTES("cm\nC\n(I2\ntR."), false}, {"{`$call`:[`m:C`,[1]]}", BYTES("cm\nD\n(I1\ntR."), false},
    {"{`$call`:[`m:C`,[1]]}", BYTES("cm\nC\n(I1\ntR}b."), false},
    {"{`$new`:[`m:C`,[],{`a`:1}]}", BYTES("\x80\2" "cm\nC\n)\x81}X\1\0\0\0aK\1sb."), true},
    {"{`$new`:[`m:C`,[],{`a`:2}]}", BYTES("\x80\2" "cm\nC\n)\x81}X\1\0\0\0aK\1sb."), false},
    {"{`$new`:[`m:C`,[]]}", BYTES("\x80\2" "cm\nC\n)\x81K\1" "a."), false},
};
/* clang-format on */

static snapjar_graph *graph_of(snapjar_context *context, const char *pickle, size_t size)
{
    snapjar_graph *graph = NULL;
    assert_ok(snapjar_graph_new(&graph, context, pickle, size, NULL, err));
    return graph;
}

static void test_rows(void **state)
{
    snapjar_context *context = *state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        sj_json *root = parse(rows[i].json);
        const sj_json *json = sj_json_get(root, "v");
        snapjar_graph *graph = graph_of(context, "N.", 2);
        snapjar_sink *sink;
        size_t size;
        assert_ok(sj_literal_check(json, err));
        assert_ok(sj_literal_add(graph, json, &graph->root, err));
        assert_int_equal(sj_literal_is_immutable(json), rows[i].is_immutable);
        assert_true(sj_literal_equal(json, graph, graph->root));
        assert_ok(snapjar_sink_to_memory(&sink, context, err));
        assert_ok(snapjar_graph_emit(graph, 3, sink, NULL, NULL, err));
        const uint8_t *bytes = snapjar_sink_memory(sink, &size);
        if (size != rows[i].size || memcmp(bytes, rows[i].pickle, size) != 0) {
            print_bytes("got", bytes, size);
            fail_msg("%s", rows[i].json);
        }
        snapjar_sink_free(sink);
        snapjar_graph_free(graph);
        sj_json_free(root);
    }
}

static void test_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        snapjar_error error;
        sj_json *root = parse(wrong[i]);
        const snapjar_status status = sj_literal_check(sj_json_get(root, "v"), &error);
        if (status != SNAPJAR_DAMAGED)
            fail_msg("%s is taken", wrong[i]);
        assert_fault(status, &error, SNAPJAR_DAMAGED, SNAPJAR_DIAG_LITERAL_INVALID, SNAPJAR_SPACE_NONE,
                     SNAPJAR_OFFSET_NONE);
        assert_int_equal(sj_literal_check(sj_json_get(root, "v"), NULL), SNAPJAR_DAMAGED);
        sj_json_free(root);
    }
}

static void test_pairs(void **state)
{
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        sj_json *root = parse(pairs[i].json);
        snapjar_graph *graph = graph_of(*state, pairs[i].pickle, pairs[i].size);
        assert_ok(sj_literal_check(sj_json_get(root, "v"), err));
        if (sj_literal_equal(sj_json_get(root, "v"), graph, graph->root) != pairs[i].is_equal)
            fail_msg("%s, row %zu", pairs[i].json, i);
        snapjar_graph_free(graph);
        sj_json_free(root);
    }
}

static void test_limits(void **state)
{
    char text[8192];
    (void)state;
    for (int over = 0; over <= 1; over++) {
        const int depth = SJ_LITERAL_DEPTH_MAX + over;
        size_t used = 0;
        for (int i = 0; i < depth; i++)
            text[used++] = '[';
        for (int i = 0; i < depth; i++)
            text[used++] = ']';
        text[used] = '\0';
        snapjar_error error;
        sj_json *root = parse(text);
        const snapjar_status status = sj_literal_check(sj_json_get(root, "v"), &error);
        assert_int_equal(status, over == 0 ? SNAPJAR_OK : SNAPJAR_LIMIT);
        sj_json_free(root);
        used = (size_t)snprintf(text, sizeof text, "[0");
        for (int i = 2; i < SJ_LITERAL_PARTS_MAX + over; i++)
            used += (size_t)snprintf(text + used, sizeof text - used, ",0");
        (void)snprintf(text + used, sizeof text - used, "]");
        root = parse(text);
        assert_int_equal(sj_literal_check(sj_json_get(root, "v"), NULL), over == 0 ? SNAPJAR_OK : SNAPJAR_LIMIT);
        sj_json_free(root);
    }
}

/* ---- instances ---- */

typedef struct seen {
    const char *pickle;
    size_t size;
    const char *module;
    const char *name;
    sj_state_form form;
    uint32_t argument_count;
    /** Names of fields, those of slots with a plus. */
    const char *fields;
} seen;

/* clang-format off */
static const seen instances[] = {
    {BYTES("\x80\2" "cm\nC\n)\x81}(X\1\0\0\0aK\1X\1\0\0\0bK\2ub."), "m", "C", SJ_STATE_DICT, 0, "a b"},
    {BYTES("\x80\2" "cm\nC\n)\x81."), "m", "C", SJ_STATE_NONE, 0, ""},
    {BYTES("\x80\2" "cm\nC\nK\1K\2\x86\x81Nb."), "m", "C", SJ_STATE_NONE, 2, ""},
    {BYTES("\x80\2" "cm\nC\n)\x81N}X\1\0\0\0aK\1s\x86" "b."), "m", "C", SJ_STATE_SLOTS, 0, "+a"},
    {BYTES("\x80\2" "cm\nC\n)\x81}X\1\0\0\0aK\1s}X\1\0\0\0bK\1s\x86" "b."), "m", "C", SJ_STATE_SLOTS, 0, "a +b"},
    {BYTES("\x80\2" "cm\nC\n)\x81}X\1\0\0\0aK\1sb}X\1\0\0\0aK\2sb."), "m", "C", SJ_STATE_DICT, 0, "a a"},
    {BYTES("\x80\2" "cm\nC\n)\x81](K\1K\2eb."), "m", "C", SJ_STATE_LIST, 0, ""},
    {BYTES("\x80\2" "cm\nC\n)\x81K\1\x85" "b."), "m", "C", SJ_STATE_TUPLE, 0, ""},
    {BYTES("\x80\2" "cm\nC\n)\x81K\1b."), "m", "C", SJ_STATE_OTHER, 0, ""},
    {BYTES("(I1\nim\nC\n(dVa\nI1\nsb."), "m", "C", SJ_STATE_DICT, 1, "a"},
    {BYTES("(cm\nC\nI1\nI2\no."), "m", "C", SJ_STATE_NONE, 2, ""},
    {BYTES("cm\nf\n(I1\ntR."), "m", "f", SJ_STATE_NONE, 1, ""},
    {BYTES("ccopy_reg\n_reconstructor\n(cm\nC\nc__builtin__\nobject\nNtR(dVa\nI1\nsb."), "m", "C", SJ_STATE_DICT, 0, "a"},
    {BYTES("ccopy_reg\n_reconstructor\n(cm\nP\nc__builtin__\ntuple\n(I1\nI2\nttR."), "m", "P", SJ_STATE_NONE, 2, ""},
    {BYTES("ccopy_reg\n_reconstructor\n(cm\nP\nc__builtin__\nint\nI1\ntR."), "m", "P", SJ_STATE_NONE, 1, ""},
    {BYTES("ccopy_reg\n__newobj__\n(cm\nC\nI1\ntR."), "m", "C", SJ_STATE_NONE, 1, ""},
    {BYTES("cbuiltins\ngetattr\n(cm\nC\nVD\ntR(tR."), "m", "C.D", SJ_STATE_NONE, 0, ""},
    {BYTES("\x80\4\x8c\1m\x8c\1" "C\x93K\1\x85}\x8c\1aK\1s\x92."), "m", "C", SJ_STATE_NONE, 1, ""},
};
/* clang-format on */

static void test_instances(void **state)
{
    for (size_t i = 0; i < sizeof instances / sizeof *instances; i++) {
        const seen *row = &instances[i];
        snapjar_graph *graph = graph_of(*state, row->pickle, row->size);
        sj_instance instance;
        sj_fields fields;
        sj_field field;
        char names[64] = "";
        const sj_class_name name = {{row->module, strlen(row->module)}, {row->name, strlen(row->name)}};
        assert_true(sj_instance_see(graph, graph->root, &instance));
        assert_true(sj_class_is(graph, instance.class_ref, &name));
        assert_int_equal(instance.form, row->form);
        assert_int_equal(instance.argument_count, row->argument_count);
        sj_fields_begin(&fields, graph, graph->root);
        while (sj_fields_next(&fields, &field)) {
            const char key[2] = {sj_key_is(graph, field.key, (snapjar_text){"a", 1}) ? 'a' : 'b', '\0'};
            strcat(names, names[0] != '\0' ? " " : "");
            strcat(names, field.is_slot ? "+" : "");
            strcat(names, key);
            assert_int_equal(graph->words[field.place], field.key);
            assert_int_equal(graph->words[field.place + 1], field.value);
        }
        assert_false(sj_fields_next(&fields, &field));
        assert_string_equal(names, row->fields);
        snapjar_graph_free(graph);
    }
}

static void test_no_instances(void **state)
{
    static const struct {
        const char *pickle;
        size_t size;
    } none[] = {{BYTES("N.")},
                {BYTES("].")},
                {BYTES("cm\nC\n.")},
                {BYTES("cbuiltins\ngetattr\n(cm\nC\nVD\ntR.")},
                {BYTES("c__builtin__\nset\n((ltR.")},
                {BYTES("\x80\2\x82\5)\x81.")}};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        snapjar_graph *graph = graph_of(*state, none[i].pickle, none[i].size);
        sj_instance instance;
        assert_false(sj_instance_see(graph, graph->root, &instance));
        snapjar_graph_free(graph);
    }
}

/* ---- paths ---- */

/* {'jobs': [<m:C name='x'>, {'name': 'y'}], 'l': <the list>, (1, 2): {3}} */
#define TREE                                                                                                           \
    "\x80\4}(\x8c\4jobs](\x8c\1m\x8c\1"                                                                                \
    "C\x93)\x81}\x8c\4name\x8c\1xsb}\x8c\4name\x8c\1yse\x8c\1lNK\1K\2\x86\x8f(K\3\x90u."

static void test_paths(void **state)
{
    static const struct {
        const char *path;
        int count;
        const char *first;
    } paths[] = {
        {"", 1, "."},
        {".", 1, "."},
        {"['jobs']", 1, "['jobs']"},
        {"['jobs'][*]", 2, "['jobs'][0]"},
        {"['jobs'][*].name", 1, "['jobs'][0].name"},
        {"['jobs'][*]['name']", 1, "['jobs'][1]['name']"},
        {"['jobs'][0].*", 1, "['jobs'][0].name"},
        {".**", 9, "."},
        {"**", 9, "."},
        {".**['name']", 1, "['jobs'][1]['name']"},
        {"**.**[1]", 1, "['jobs'][1]"},
        {"['jobs'].**", 5, "['jobs']"},
        {"[(1, 2)]", 1, "[(1, 2)]"},
        {"[(1, 2)]{*}", 1, "[(1, 2)]{0}"},
        {"[*]", 3, "['jobs']"},
        {"['x']", 0, NULL},
        {".jobs", 0, NULL},
        {"['jobs'][2]", 0, NULL},
    };
    snapjar_context *context = *state;
    snapjar_graph *graph = graph_of(context, TREE, sizeof TREE - 1);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        sj_path path;
        sj_refs found = {NULL, 0, 0};
        char told[1][SJ_PATH_TOLD_SIZE];
        size_t at;
        assert_null(sj_path_read(&path, (snapjar_text){paths[i].path, strlen(paths[i].path)}, &at));
        assert_ok(sj_path_select(&path, graph, &found, err));
        if (found.count != (size_t)paths[i].count)
            fail_msg("%s: %zu", paths[i].path, found.count);
        bool is_told = found.count == 0;
        for (size_t j = 0; j < found.count; j++) {
            assert_ok(sj_path_find(graph, &found.items[j], 1, told, err));
            is_told |= strcmp(told[0], paths[i].first) == 0;
        }
        if (!is_told)
            fail_msg("%s leads to %s", paths[i].path, told[0]);
        free(found.items);
    }
    snapjar_graph_free(graph);
}

static void test_wrong_paths(void **state)
{
    static const struct {
        const char *path;
        size_t at;
    } wrong_paths[] = {
        {".a..b", 2}, {".a[", 2}, {".a.", 2}, {"['a", 0}, {"a[0]]", 4}, {"[1]x", 3}, {"((((((((((((((((((", 0}};
    char text[SJ_PATH_SIZE_MAX + 8];
    sj_path path;
    size_t at;
    (void)state;
    for (size_t i = 0; i < sizeof wrong_paths / sizeof *wrong_paths; i++) {
        const char *text_of = wrong_paths[i].path;
        assert_non_null(sj_path_read(&path, (snapjar_text){text_of, strlen(text_of)}, &at));
        if (at != wrong_paths[i].at)
            fail_msg("%s: %zu", text_of, at);
    }
    for (int over = 0; over <= 1; over++) {
        size_t used = 0;
        for (int i = 0; i < SJ_PATH_STEPS_MAX + over; i++)
            used += (size_t)snprintf(text + used, sizeof text - used, "[1]");
        assert_int_equal(sj_path_read(&path, (snapjar_text){text, used}, &at) == NULL, over == 0);
        memset(text, 'a', sizeof text);
        assert_int_equal(sj_path_read(&path, (snapjar_text){text, SJ_PATH_SIZE_MAX + (size_t)over}, &at) == NULL,
                         over == 0);
    }
}

/** Cycles, and more paths than anybody could walk: each list holds the next one twice. */
static void test_many_paths(void **state)
{
    char pickle[1024];
    size_t used = 0;
    sj_path path;
    sj_refs found = {NULL, 0, 0};
    size_t at;
    for (int i = 0; i < 60; i++)
        used += (size_t)snprintf(pickle + used, sizeof pickle - used, "(lp%d\n", i);
    for (int i = 59; i > 0; i--)
        used += (size_t)snprintf(pickle + used, sizeof pickle - used, "ag%d\ng%d\na0", i - 1, i);
    used += (size_t)snprintf(pickle + used, sizeof pickle - used, ".");
    snapjar_graph *graph = NULL;
    if (snapjar_graph_new(&graph, *state, pickle, used, NULL, NULL) != SNAPJAR_OK)
        fail_msg("%s", pickle);
    static const char text[] = "**[*]**[*]**";
    assert_non_null(sj_path_read(&path, (snapjar_text){text, sizeof text - 1}, &at));
    static const char dotted[] = "**[*].**[*].**";
    assert_null(sj_path_read(&path, (snapjar_text){dotted, sizeof dotted - 1}, &at));
    assert_ok(sj_path_select(&path, graph, &found, err));
    assert_true(found.count > 0 && found.count < 61);
    free(found.items);
    snapjar_graph_free(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_rows, make_context, free_context),
        cmocka_unit_test(test_wrong),
        cmocka_unit_test_setup_teardown(test_pairs, make_context, free_context),
        cmocka_unit_test(test_limits),
        cmocka_unit_test_setup_teardown(test_instances, make_context, free_context),
        cmocka_unit_test_setup_teardown(test_no_instances, make_context, free_context),
        cmocka_unit_test_setup_teardown(test_paths, make_context, free_context),
        cmocka_unit_test(test_wrong_paths),
        cmocka_unit_test_setup_teardown(test_many_paths, make_context, free_context),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
