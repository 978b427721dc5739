/* SPDX-License-Identifier: MIT
 *
 * The disassembler: lines as text, whole and in pieces; where it stops; what it says there. Literals and output too.
 */
#include "support.h"

#include <snapjar/dis.h>

#include "fail_alloc.h"
#include "pickle/literal.h"

/** Lines as "OFFSET NAME ARGUMENT | STACK" with findings and failures behind them. */
typedef struct listing {
    char text[16384];
    size_t size;
    size_t count;
    /** Lines after which it ends; 0: never. */
    size_t count_max;
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

static snapjar_status take(void *state, const snapjar_dis_line *line, snapjar_error *err)
{
    listing *list = state;
    if (list->count_max != 0 && list->count == list->count_max) {
        memset(err, 0, sizeof *err);
        return err->status = SNAPJAR_CANCELLED;
    }
    assert_int_equal(list->count++, line->index);
    add(list, "%llu %s %s", (unsigned long long)line->offset, line->opcode->name, line->argument);
    if (line->memo_index != UINT64_MAX)
        add(list, "as %llu", (unsigned long long)line->memo_index);
    if (line->failure == NULL) {
        add(list, " |");
        if (line->stack_hidden > 0)
            add(list, " ..%llu", (unsigned long long)line->stack_hidden);
    }
    for (size_t i = 0; i < line->stack_count; i++)
        add(list, " %s", line->stack[i]);
    for (size_t i = 0; i < line->finding_count; i++)
        add(list, " [%s at %llu]", snapjar_diagnostic_name(line->findings[i].diagnostic),
            (unsigned long long)line->findings[i].offset);
    if (line->failure != NULL)
        add(list, " ! %s", snapjar_diagnostic_name(line->failure->diagnostic));
    add(list, "\n");
    return SNAPJAR_OK;
}

/** Feeds pieces of `step` bytes, each in memory of its own. */
static snapjar_status run(void **state, const char *bytes, size_t size, size_t step, const snapjar_dis_options *options,
                          listing *list, snapjar_error *err)
{
    snapjar_dis *dis;
    snapjar_status status = SNAPJAR_OK;
    assert_ok(snapjar_dis_new(&dis, *state, options, take, list, err));
    for (size_t at = 0; at < size && status == SNAPJAR_OK && !snapjar_dis_is_done(dis); at += step) {
        size_t consumed;
        blob piece = blob_copy(bytes + at, size - at < step ? size - at : step);
        status = snapjar_dis_feed(dis, piece.bytes, piece.size, &consumed, err);
        assert_true(consumed <= piece.size);
        free(piece.bytes);
    }
    if (status == SNAPJAR_OK)
        status = snapjar_dis_finish(dis, err);
    snapjar_dis_free(dis);
    return status;
}

static void expect(void **state, const char *bytes, size_t size, const snapjar_dis_options *options,
                   const char *expected)
{
    static const size_t steps[] = {SIZE_MAX / 2, 1, 3};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        listing list = {.size = 0};
        snapjar_error err;
        assert_int_equal(run(state, bytes, size, steps[i], options, &list, &err), SNAPJAR_OK);
        assert_string_equal(list.text, expected);
    }
}

/* ---- what lines say ---- */

static void test_usual_pickle(void **state)
{
    expect(state, BYTES("\x80\4\x95\x20\0\0\0\0\0\0\0\x8c\3app\x8c\3Job\x93)\x81}\x94\x8c\1xK\1sb\x94."), NULL,
           "0 PROTO 4 |\n"
           "2 FRAME 32 |\n"
           "11 SHORT_BINUNICODE 'app' | 'app'\n"
           "16 SHORT_BINUNICODE 'Job' | 'app' 'Job'\n"
           "21 STACK_GLOBAL  | app:Job\n"
           "22 EMPTY_TUPLE  | app:Job tuple\n"
           "23 NEWOBJ  | <app:Job>\n"
           "24 EMPTY_DICT  | <app:Job> dict\n"
           "25 MEMOIZE as 0 | <app:Job> dict\n"
           "26 SHORT_BINUNICODE 'x' | <app:Job> dict 'x'\n"
           "29 BININT1 1 | <app:Job> dict 'x' int\n"
           "31 SETITEM  | <app:Job> dict\n"
           "32 BUILD  | <app:Job>\n"
           "33 MEMOIZE as 1 | <app:Job>\n"
           "34 STOP  | <app:Job> [non-canonical-frame at 34]\n");
}

static void test_old_pickle(void **state)
{
    expect(state, BYTES("(lp0\nI01\naL-12L\naF1.5\naV\\u20ac'\naS'a\\n\\x00'\ng0\na."), NULL,
           "0 MARK  | (\n"
           "1 LIST  | list\n"
           "2 PUT 0 | list\n"
           "5 INT 01 | list bool\n"
           "9 APPEND  | list\n"
           "10 LONG -12L | list int\n"
           "16 APPEND  | list\n"
           "17 FLOAT 1.5 | list float\n"
           "22 APPEND  | list\n"
           "23 UNICODE '\\u20ac\\'' | list '\\u20ac\\''\n"
           "32 APPEND  | list\n"
           "33 STRING 'a\\n\\x00' | list 'a\\n\\x00'\n"
           "44 GET 0 | list 'a\\n\\x00' list\n"
           "47 APPEND  | list 'a\\n\\x00' [non-canonical-target at 47]\n"
           "48 STOP  | list 'a\\n\\x00' [non-canonical-stack at 48]\n");
}

static void test_numbers_and_calls(void **state)
{
    expect(state,
           BYTES("\x80\5(J\xff\xff\xff\xffM\1\2\x8a\2\0\x80G\x3f\xb9\x99\x99\x99\x99\x99\x9a"
                 "C\2\xff'\x96\1\0\0\0\0\0\0\0!\x97\x98Pid 7\n\x82\7cos\nsystem\nK\1\x85Rt."),
           NULL,
           "0 PROTO 5 |\n"
           "2 MARK  | (\n"
           "3 BININT -1 | ( int\n"
           "8 BININT2 513 | ( int int\n"
           "11 LONG1 -32768 | ( int int int\n"
           "15 BINFLOAT 0.1 | ( int int int float\n"
           "24 SHORT_BINBYTES b'\\xff\\'' | ( int int int float bytes\n"
           "28 BYTEARRAY8 bytearray(b'!') | ..1 int int int float bytes bytearray\n"
           "38 NEXT_BUFFER  | ..2 int int float bytes bytearray buffer\n"
           "39 READONLY_BUFFER  | ..2 int int float bytes bytearray buffer\n"
           "40 PERSID id 7 | ..3 int float bytes bytearray buffer persistent\n"
           "46 EXT1 7 | ..4 float bytes bytearray buffer persistent ext(7)\n"
           "48 GLOBAL os:system | ..5 bytes bytearray buffer persistent ext(7) os:system\n"
           "59 BININT1 1 | ..6 bytearray buffer persistent ext(7) os:system int\n"
           "61 TUPLE1  | ..6 bytearray buffer persistent ext(7) os:system tuple\n"
           "62 REDUCE  | ..5 bytes bytearray buffer persistent ext(7) <os:system>\n"
           "63 TUPLE  | tuple\n"
           "64 STOP  | tuple\n");
}

static void test_long_arguments_are_cut(void **state)
{
    snapjar_dis_options options = SNAPJAR_DIS_OPTIONS_INIT;
    char pickle[10100] = "X\x10\x27\0\0";
    memset(pickle + 5, 'a', 10000);
    pickle[10005] = '.';
    options.text_max = 3;
    options.stack_max = 1;
    expect(state, pickle, 10006, &options, "0 BINUNICODE 'aaa'... (10000 bytes) | str\n10005 STOP  | str\n");
    memset(pickle, 0, sizeof pickle);
    memcpy(pickle, "\x80\2\x8b\x10\x27\0\0", 7);
    pickle[10007] = '.';
    expect(state, pickle, 10008, &options, "0 PROTO 2 |\n2 LONG4 (integer of 10000 bytes) | int\n10007 STOP  | int\n");
}

static void test_unicode(void **state)
{
    snapjar_dis_options options = SNAPJAR_DIS_OPTIONS_INIT;
    options.is_unicode = true;
    /* e acute, the override of direction, a lone surrogate, escape. */
    expect(state, BYTES("X\x09\0\0\0\xc3\xa9\xe2\x80\xae\xed\xa0\x80\x1b."), &options,
           "0 BINUNICODE '\xc3\xa9\\u202e\\ud800\\x1b' | '\xc3\xa9\\u202e\\ud800\\x1b'\n14 STOP  | "
           "'\xc3\xa9\\u202e\\ud800\\x1b'\n");
}

static void test_range(void **state)
{
    snapjar_dis_options options = SNAPJAR_DIS_OPTIONS_INIT;
    options.from = 1;
    options.to = 3;
    listing list = {.size = 0};
    snapjar_error err;
    snapjar_dis *dis;
    size_t consumed;
    /* What follows the range is not looked at: it may be anything. */
    assert_ok(snapjar_dis_new(&dis, *state, &options, take, &list, err));
    list.count = 1;
    assert_int_equal(snapjar_dis_feed(dis, "](NNN\xff", 6, &consumed, &err), SNAPJAR_OK);
    assert_true(snapjar_dis_is_done(dis));
    assert_int_equal(snapjar_dis_finish(dis, NULL), SNAPJAR_OK);
    assert_string_equal(list.text, "1 MARK  | list (\n2 NONE  | list ( None\n");
    snapjar_dis_free(dis);
}

static void test_next_pickle_begins_anew(void **state)
{
    listing list = {.size = 0};
    snapjar_dis *dis;
    size_t consumed;
    assert_ok(snapjar_dis_new(&dis, *state, NULL, take, &list, err));
    assert_int_equal(snapjar_dis_feed(dis, "Nq\1.I1\n.", 8, &consumed, NULL), SNAPJAR_OK);
    assert_int_equal(consumed, 4);
    snapjar_dis_reset(dis, 4);
    list.count = 0;
    assert_int_equal(snapjar_dis_feed(dis, "I1\n.", 4, NULL, NULL), SNAPJAR_OK);
    assert_int_equal(snapjar_dis_finish(dis, NULL), SNAPJAR_OK);
    assert_string_equal(list.text, "0 NONE  | None\n1 BINPUT 1 | None\n3 STOP  | None\n4 INT 1 | int\n7 STOP  | int\n");
    snapjar_dis_free(dis);
}

/* ---- where it ends ---- */

static void refuse(void **state, const char *bytes, size_t size, snapjar_status status, snapjar_diagnostic diagnostic,
                   uint64_t offset, const char *expected)
{
    static const size_t steps[] = {SIZE_MAX / 2, 1};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        listing list = {.size = 0};
        snapjar_error err;
        const snapjar_status actual = run(state, bytes, size, steps[i], NULL, &list, &err);
        assert_fault(actual, &err, status, diagnostic, SNAPJAR_SPACE_CONTENT, offset);
        assert_string_equal(list.text, expected);
    }
}

static void test_failures_are_told_at_their_opcode(void **state)
{
    refuse(state, BYTES("]t."), SNAPJAR_DAMAGED, SNAPJAR_DIAG_PICKLE_MARK_MISSING, 1,
           "0 EMPTY_LIST  | list\n1 TUPLE  ! pickle-mark-missing\n");
    refuse(state, BYTES("Nh\7."), SNAPJAR_DAMAGED, SNAPJAR_DIAG_PICKLE_MEMO_MISSING, 1,
           "0 NONE  | None\n1 BINGET 7 ! pickle-memo-missing\n");
    refuse(state, BYTES("NX\1\0\0\0\xff."), SNAPJAR_DAMAGED, SNAPJAR_DIAG_PICKLE_ARGUMENT_INVALID, 1,
           "0 NONE  | None\n1 BINUNICODE '\\xff' ! pickle-argument-invalid\n");
    /* No opcode could be read there, so there is no line. */
    refuse(state, BYTES("N\xff"), SNAPJAR_DAMAGED, SNAPJAR_DIAG_PICKLE_OPCODE_UNKNOWN, 1, "0 NONE  | None\n");
    refuse(state, BYTES("NX\5\0\0\0ab"), SNAPJAR_CUT_SHORT, SNAPJAR_DIAG_PICKLE_CUT_SHORT, 8, "0 NONE  | None\n");
    refuse(state, BYTES(""), SNAPJAR_CUT_SHORT, SNAPJAR_DIAG_PICKLE_EMPTY, 0, "");
}

static void test_failure_stays(void **state)
{
    listing list = {.size = 0};
    snapjar_error err;
    snapjar_dis *dis;
    assert_ok(snapjar_dis_new(&dis, *state, NULL, take, &list, err));
    assert_int_equal(snapjar_dis_feed(dis, "t", 1, NULL, NULL), SNAPJAR_DAMAGED);
    assert_fault(snapjar_dis_feed(dis, "N.", 2, NULL, &err), &err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_PICKLE_MARK_MISSING,
                 SNAPJAR_SPACE_CONTENT, 0);
    assert_fault(snapjar_dis_finish(dis, &err), &err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_PICKLE_MARK_MISSING,
                 SNAPJAR_SPACE_CONTENT, 0);
    assert_string_equal(list.text, "0 TUPLE  ! pickle-mark-missing\n");
    snapjar_dis_free(dis);
}

static void test_taker_ends_it(void **state)
{
    listing list = {.count_max = 2};
    snapjar_error err;
    assert_int_equal(run(state, BYTES("NNNN"), 4, NULL, &list, &err), SNAPJAR_CANCELLED);
    assert_string_equal(list.text, "0 NONE  | None\n1 NONE  | None None\n");
}

static void test_limits(void **state)
{
    snapjar_scan_options scan = SNAPJAR_SCAN_OPTIONS_INIT;
    snapjar_dis_options options = SNAPJAR_DIS_OPTIONS_INIT;
    listing list = {.size = 0};
    snapjar_error err;
    scan.stack_depth_max = 2;
    scan.base_offset = 100;
    options.scan = &scan;
    assert_int_equal(run(state, BYTES("NN0."), 4, &options, &list, &err), SNAPJAR_OK);
    list = (listing){.size = 0};
    assert_fault(run(state, BYTES("NNN."), 4, &options, &list, &err), &err, SNAPJAR_LIMIT,
                 SNAPJAR_DIAG_PICKLE_STACK_LIMIT, SNAPJAR_SPACE_CONTENT, 102);
    assert_string_equal(list.text, "100 NONE  | None\n101 NONE  | None None\n102 NONE  ! pickle-stack-limit\n");
}

static void test_arguments(void **state)
{
    snapjar_dis_options options = SNAPJAR_DIS_OPTIONS_INIT;
    snapjar_scan_options scan = SNAPJAR_SCAN_OPTIONS_INIT;
    snapjar_dis *dis;
    assert_int_equal(snapjar_dis_new(NULL, *state, NULL, take, NULL, NULL), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(snapjar_dis_new(&dis, NULL, NULL, take, NULL, NULL), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(snapjar_dis_new(&dis, *state, NULL, NULL, NULL, NULL), SNAPJAR_INVALID_ARGUMENT);
    options.text_max = 1025;
    assert_int_equal(snapjar_dis_new(&dis, *state, &options, take, NULL, NULL), SNAPJAR_INVALID_ARGUMENT);
    options.text_max = 1024;
    options.stack_max = SNAPJAR_DIS_STACK_MAX + 1;
    assert_int_equal(snapjar_dis_new(&dis, *state, &options, take, NULL, NULL), SNAPJAR_INVALID_ARGUMENT);
    options.stack_max = SNAPJAR_DIS_STACK_MAX;
    scan.string_encoding = (snapjar_string_encoding)3;
    options.scan = &scan;
    assert_int_equal(snapjar_dis_new(&dis, *state, &options, take, NULL, NULL), SNAPJAR_INVALID_ARGUMENT);
    assert_null(dis);
    scan.string_encoding = SNAPJAR_STRING_BYTES;
    listing list = {.size = 0};
    expect(state, BYTES("U\1\xff."), &options, "0 SHORT_BINSTRING b'\\xff' | bytes\n3 STOP  | bytes\n");
    assert_ok(snapjar_dis_new(&dis, *state, &options, take, &list, err));
    assert_int_equal(snapjar_dis_feed(NULL, "", 0, NULL, NULL), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(snapjar_dis_feed(dis, NULL, 1, NULL, NULL), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(snapjar_dis_finish(NULL, NULL), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(snapjar_dis_finish(dis, NULL), SNAPJAR_CUT_SHORT);
    snapjar_dis_free(dis);
    snapjar_dis_free(NULL);
}

static snapjar_status disassemble(snapjar_context *context, void *state, snapjar_error *err)
{
    static const char pickle[] = "(cos\nsystem\n(X\1\0\0\0at}X\1\0\0\0bNsp300\nNp300\nt.";
    snapjar_dis *dis;
    listing list = {.size = 0};
    (void)state;
    snapjar_status status = snapjar_dis_new(&dis, context, NULL, take, &list, err);
    for (size_t at = 0; at < sizeof pickle - 1 && status == SNAPJAR_OK; at++)
        status = snapjar_dis_feed(dis, pickle + at, 1, NULL, err);
    if (status == SNAPJAR_OK)
        status = snapjar_dis_finish(dis, err);
    snapjar_dis_free(dis);
    /* PUT 300 is above the opcodes so far: the pickle itself is refused once there is memory. */
    return status == SNAPJAR_DAMAGED ? SNAPJAR_OK : status;
}

static void test_refused_memory(void **state)
{
    (void)state;
    assert_true(fail_alloc_run(disassemble, NULL) >= 5);
}

/* ---- output ---- */

static void test_text_is_cut_to_fit(void **state)
{
    char text[12];
    sj_out out;
    (void)state;
    sj_out_to_text(&out, text, sizeof text, true);
    sj_out_text(&out, "12345678901");
    (void)sj_out_end(&out);
    assert_string_equal(text, "12345678901");
    sj_out_to_text(&out, text, sizeof text, true);
    sj_out_text(&out, "123456789012");
    (void)sj_out_end(&out);
    assert_string_equal(text, "12345678...");
    /* Not through the middle of a character. */
    sj_out_to_text(&out, text, sizeof text, true);
    sj_out_escaped(&out, "1234567\xe2\x82\xac\xe2\x82\xac", 13, 100);
    (void)sj_out_end(&out);
    assert_string_equal(text, "1234567...");
    sj_out_to_text(&out, text, sizeof text, true);
    sj_out_escaped(&out, "abcdef", 6, 2);
    (void)sj_out_end(&out);
    assert_string_equal(text, "ab...");
}

static void test_sink_gets_all(void **state)
{
    snapjar_sink *sink;
    sj_out out;
    char buffer[16];
    size_t size;
    assert_ok(snapjar_sink_to_memory(&sink, *state, err));
    sj_out_to_sink(&out, sink, buffer, sizeof buffer, false, NULL);
    sj_out_repeat(&out, '-', 70);
    sj_out_number(&out, UINT64_MAX);
    sj_out_number(&out, 0);
    sj_out_bytes(&out, "a text that is longer than the buffer", 37);
    sj_out_format(&out, "%s", "!");
    assert_int_equal(sj_out_finish(&out), SNAPJAR_OK);
    const char *memory = snapjar_sink_memory(sink, &size);
    assert_int_equal(size, 70 + 20 + 1 + 37 + 1);
    assert_memory_equal(memory + 68, "--184467440737095516150a text that is longer than the buffer!", 61);
    snapjar_sink_free(sink);
}

static void test_bytes_that_are_no_utf8(void **state)
{
    static const struct {
        const char *text;
        size_t size;
        const char *expected;
    } rows[] = {
        {BYTES("\x80"), "\\x80"},
        {BYTES("\xc3"), "\\xc3"},
        {BYTES("\xc0\x80"), "\\xc0\\x80"},
        {BYTES("\xe0\x80\x80"), "\\xe0\\x80\\x80"},
        {BYTES("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80"},
        {BYTES("\xf0\x9f\x90\x8d"), "\\U0001f40d"},
        {BYTES("\xe2\x82"), "\\xe2\\x82"},
        {BYTES("\xff\n\\"), "\\xff\\n\\\\"},
    };
    char text[64];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        sj_out out;
        sj_out_to_text(&out, text, sizeof text, false);
        sj_out_escaped(&out, rows[i].text, rows[i].size, 100);
        (void)sj_out_end(&out);
        assert_string_equal(text, rows[i].expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_usual_pickle, make_context, free_context),
        cmocka_unit_test_setup_teardown(test_old_pickle, make_context, free_context),
        cmocka_unit_test_setup_teardown(test_numbers_and_calls, make_context, free_context),
        cmocka_unit_test_setup_teardown(test_long_arguments_are_cut, make_context, free_context),
        cmocka_unit_test_setup_teardown(test_unicode, make_context, free_context),
        cmocka_unit_test_setup_teardown(test_range, make_context, free_context),
        cmocka_unit_test_setup_teardown(test_next_pickle_begins_anew, make_context, free_context),
        cmocka_unit_test_setup_teardown(test_failures_are_told_at_their_opcode, make_context, free_context),
        cmocka_unit_test_setup_teardown(test_failure_stays, make_context, free_context),
        cmocka_unit_test_setup_teardown(test_taker_ends_it, make_context, free_context),
        cmocka_unit_test_setup_teardown(test_limits, make_context, free_context),
        cmocka_unit_test_setup_teardown(test_arguments, make_context, free_context),
        cmocka_unit_test(test_refused_memory),
        cmocka_unit_test(test_text_is_cut_to_fit),
        cmocka_unit_test_setup_teardown(test_sink_gets_all, make_context, free_context),
        cmocka_unit_test(test_bytes_that_are_no_utf8),
    };
    return cmocka_run_group_tests_name("dis", tests, NULL, NULL);
}
