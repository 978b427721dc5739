/* SPDX-License-Identifier: MIT
 *
 * Names of statuses and diagnostics, finding them, escaping text, and filling in errors.
 */
#include "support.h"

#include <ctype.h>
#include <errno.h>

#include <snapjar/version.h>

#include "util/bytes.h"
#include "util/error.h"

static void test_status_names(void **state)
{
    static const char *const names[] = {"ok",        "invalid-argument", "no-memory",   "limit",   "io",
                                        "cut-short", "wrong-format",     "unsupported", "damaged", "bad-seal",
                                        "refused",   "not-found",        "cancelled",   "bug"};

    (void)state;
    for (int i = 0; i < 14; i++)
        assert_string_equal(snapjar_status_name((snapjar_status)i), names[i]);
    assert_int_equal(SNAPJAR_BUG, 13);
    assert_string_equal(snapjar_status_name((snapjar_status)14), "unknown");
    assert_string_equal(snapjar_status_name((snapjar_status)-1), "unknown");
}

/* Numbers and names are for ever: they ascend, are unique, and are of the form that scripts match. */
static void test_table(void **state)
{
    (void)state;
    assert_true(snapjar_diagnostic_count() >= 71);
    for (size_t i = 0; i < snapjar_diagnostic_count(); i++) {
        const snapjar_diagnostic_info *info = snapjar_diagnostic_at(i);
        assert_non_null(info);
        assert_true((int)info->diagnostic > 0);
        assert_true(i == 0 || info->diagnostic > snapjar_diagnostic_at(i - 1)->diagnostic);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(info->name, snapjar_diagnostic_at(j)->name);
        assert_true(strlen(info->name) >= 4 && strlen(info->name) < 40);
        for (const char *p = info->name; *p; p++)
            assert_true(islower((unsigned char)*p) || isdigit((unsigned char)*p) || *p == '-');
        assert_true(islower((unsigned char)info->name[0]));
        assert_true(strlen(info->summary) > 10 && info->summary[strlen(info->summary) - 1] != '.');
        assert_true(strlen(info->explanation) > 5 && info->explanation[strlen(info->explanation) - 1] == '.');
    }
    assert_null(snapjar_diagnostic_at(snapjar_diagnostic_count()));
    assert_null(snapjar_diagnostic_at(SIZE_MAX));
}

static void test_names_by_number(void **state)
{
    (void)state;
    assert_string_equal(snapjar_diagnostic_name(SNAPJAR_DIAG_NONE), "none");
    assert_string_equal(snapjar_diagnostic_name(SNAPJAR_DIAG_JSON_SYNTAX), "json-syntax");
    assert_int_equal(SNAPJAR_DIAG_JSON_SYNTAX, 12);
    assert_string_equal(snapjar_diagnostic_name((snapjar_diagnostic)65000), "unknown");
    assert_string_equal(snapjar_diagnostic_name((snapjar_diagnostic)-1), "unknown");
    assert_string_equal(snapjar_diagnostic_hint(SNAPJAR_DIAG_NONE), "");
    assert_string_equal(snapjar_diagnostic_hint((snapjar_diagnostic)65000), "");
    for (size_t i = 0; i < snapjar_diagnostic_count(); i++) {
        const snapjar_diagnostic_info *info = snapjar_diagnostic_at(i);
        assert_ptr_equal(snapjar_diagnostic_name(info->diagnostic), info->name);
        assert_ptr_equal(snapjar_diagnostic_hint(info->diagnostic), info->explanation);
    }
}

static void test_find(void **state)
{
    static const char *const nothing[] = {"",
                                          "none",
                                          "unknown",
                                          "json",
                                          "json-syntax ",
                                          "JSON-SYNTAX",
                                          "0",
                                          "SJ",
                                          "sj0",
                                          "SJ999",
                                          "S12",
                                          "-12",
                                          "+12",
                                          " 12",
                                          "12x",
                                          "0x0c",
                                          "1.2",
                                          "SJSJ12",
                                          "1234567",
                                          "99999999999999999999"};

    (void)state;
    for (size_t i = 0; i < snapjar_diagnostic_count(); i++) {
        const snapjar_diagnostic_info *info = snapjar_diagnostic_at(i);
        char text[32];
        assert_ptr_equal(snapjar_diagnostic_find(info->name), info);
        (void)snprintf(text, sizeof(text), "%d", (int)info->diagnostic);
        assert_ptr_equal(snapjar_diagnostic_find(text), info);
        (void)snprintf(text, sizeof(text), "SJ%d", (int)info->diagnostic);
        assert_ptr_equal(snapjar_diagnostic_find(text), info);
        (void)snprintf(text, sizeof(text), "sj%03d", (int)info->diagnostic);
        assert_ptr_equal(snapjar_diagnostic_find(text), info);
    }
    for (size_t i = 0; i < sizeof(nothing) / sizeof(nothing[0]); i++) {
        if (snapjar_diagnostic_find(nothing[i]))
            fail_msg("\"%s\" finds %s", nothing[i], snapjar_diagnostic_find(nothing[i])->name);
    }
    assert_null(snapjar_diagnostic_find(NULL));
}

static void test_version(void **state)
{
    (void)state;
    assert_string_equal(snapjar_version(), SNAPJAR_VERSION);
}

/* ---- escaping ---- */

static void expect_escaped(const void *bytes, size_t size, const char *wanted)
{
    char out[256];

    assert_int_equal(snapjar_text_escape(out, sizeof(out), bytes, size), strlen(wanted));
    assert_string_equal(out, wanted);
}

static void test_escape(void **state)
{
    (void)state;
    expect_escaped("", 0, "");
    expect_escaped(NULL, 0, "");
    expect_escaped("plain ~text!", 12, "plain ~text!");
    expect_escaped("a\nb\rc\td\"e\\f", 11, "a\\nb\\rc\\td\\\"e\\\\f");
    expect_escaped("\0\x01\x1f\x7f\x80\xff", 6, "\\x00\\x01\\x1f\\x7f\\x80\\xff");
    expect_escaped("'%s", 3, "'%s");
}

/* Any byte, into any room: printable, ended, cut between pieces with "..." exactly when it does not fit. */
static void test_escape_cut(void **state)
{
    uint8_t bytes[40];
    char whole[200];

    (void)state;
    for (unsigned seed = 0; seed < 300; seed++) {
        size_t size = seed % sizeof(bytes);
        for (size_t i = 0; i < size; i++)
            bytes[i] = seed % 3 ? (uint8_t)(seed * 31 + i * 97) : (uint8_t)('a' + i % 26);
        size_t length = snapjar_text_escape(whole, sizeof(whole), bytes, size);
        assert_int_equal(length, strlen(whole));
        for (size_t room = 0; room < length + 6; room++) {
            char out[220];
            memset(out, '#', sizeof(out));
            size_t got = snapjar_text_escape(out, room, bytes, size);
            assert_int_equal(out[room], '#');
            if (room < 4) {
                assert_int_equal(got, 0);
                assert_true(room == 0 || out[0] == '\0');
                continue;
            }
            assert_int_equal(got, strlen(out));
            assert_true(got < room);
            if (room > length) {
                assert_string_equal(out, whole);
                continue;
            }
            assert_true(got >= 3);
            assert_string_equal(out + got - 3, "...");
            assert_memory_equal(out, whole, got - 3);
            /* What is kept ends between two escapes, and one more would not have fitted. */
            char again[220];
            size_t kept = 0;
            while (snapjar_text_escape(again, sizeof(again), bytes, kept) < got - 3)
                kept++;
            assert_int_equal(strlen(again), got - 3);
            assert_true(kept < size);
            assert_true(snapjar_text_escape(again, sizeof(again), bytes, kept + 1) + 3 >= room);
        }
    }
}

static void test_hex16(void **state)
{
    static const uint8_t bytes[16] = {0x00, 0x01, 0x0a, 0x9f, 0xa0, 0xff, 0x10, 0x7f,
                                      0x80, 0xfe, 0xef, 0x12, 0x34, 0x56, 0x78, 0x90};
    char out[33];

    (void)state;
    sj_hex16(out, bytes);
    assert_string_equal(out, "00010a9fa0ff107f80feef1234567890");
}

/* ---- raising ---- */

static void test_raise(void **state)
{
    snapjar_error err;

    (void)state;
    memset(&err, 0xee, sizeof(err));
    assert_int_equal(
        sj_raise(&err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_FIELD_VALUE, SJ_AT_CONTENT(7), "size %d exceeds %s", 91, "64"),
        SNAPJAR_DAMAGED);
    assert_int_equal(err.status, SNAPJAR_DAMAGED);
    assert_int_equal(err.diagnostic, SNAPJAR_DIAG_FIELD_VALUE);
    assert_int_equal(err.space, SNAPJAR_SPACE_CONTENT);
    assert_int_equal(err.offset, 7);
    assert_int_equal(err.record_index, SNAPJAR_OFFSET_NONE);
    assert_int_equal(err.system_errno, 0);
    assert_string_equal(err.place, "");
    assert_string_equal(err.message, "size 91 exceeds 64");
    assert_int_equal(sj_raise(&err, SNAPJAR_LIMIT, SNAPJAR_DIAG_CANCELLED, SJ_NOWHERE, "a\nb\x7f%c", '\t'),
                     SNAPJAR_LIMIT);
    assert_int_equal(err.space, SNAPJAR_SPACE_NONE);
    assert_int_equal(err.offset, SNAPJAR_OFFSET_NONE);
    assert_string_equal(err.message, "a?b??");
    assert_int_equal(sj_raise(NULL, SNAPJAR_LIMIT, SNAPJAR_DIAG_CANCELLED, SJ_NOWHERE, "%s", "x"), SNAPJAR_LIMIT);
}

static void test_raise_cuts(void **state)
{
    char text[2000];
    snapjar_error err;

    (void)state;
    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    (void)sj_raise(&err, SNAPJAR_IO, SNAPJAR_DIAG_READ_FAILED, SJ_AT_FILE(1), "%s", text);
    assert_int_equal(strlen(err.message), SNAPJAR_ERROR_MESSAGE_SIZE - 1);
    assert_int_equal(sj_raise_place(&err, SNAPJAR_IO, text), SNAPJAR_IO);
    assert_true(strlen(err.place) < SNAPJAR_ERROR_PLACE_SIZE);
    assert_string_equal(err.place + strlen(err.place) - 3, "...");
}

static void test_raise_place(void **state)
{
    snapjar_error err;

    (void)state;
    (void)sj_raise(&err, SNAPJAR_IO, SNAPJAR_DIAG_READ_FAILED, SJ_NOWHERE, "x");
    assert_int_equal(sj_raise_place(&err, SNAPJAR_IO, NULL), SNAPJAR_IO);
    assert_string_equal(err.place, "");
    (void)sj_raise_place(&err, SNAPJAR_IO, "a\nfile");
    assert_string_equal(err.place, "a\\nfile");
    (void)sj_raise_place(&err, SNAPJAR_IO, "another"); /* the first one named stays */
    assert_string_equal(err.place, "a\\nfile");
    assert_int_equal(sj_raise_place(NULL, SNAPJAR_DAMAGED, "x"), SNAPJAR_DAMAGED);
}

static void test_raise_errno(void **state)
{
    snapjar_error err;

    (void)state;
    memset(&err, 0xee, sizeof(err));
    assert_int_equal(sj_raise_errno(&err, SNAPJAR_DIAG_OPEN_FAILED, ENOENT, "dir/\x01", "cannot open"), SNAPJAR_IO);
    assert_int_equal(err.status, SNAPJAR_IO);
    assert_int_equal(err.diagnostic, SNAPJAR_DIAG_OPEN_FAILED);
    assert_int_equal(err.system_errno, ENOENT);
    assert_int_equal(err.space, SNAPJAR_SPACE_NONE);
    assert_int_equal(err.offset, SNAPJAR_OFFSET_NONE);
    assert_string_equal(err.place, "dir/\\x01");
    assert_string_equal(err.message, "cannot open: No such file or directory");
    (void)sj_raise_errno(&err, SNAPJAR_DIAG_READ_FAILED, 99999, NULL, "cannot read");
    assert_int_equal(err.system_errno, 99999);
    assert_string_equal(err.place, "");
    assert_non_null(strstr(err.message, "cannot read: "));
    assert_int_equal(sj_raise_errno(NULL, SNAPJAR_DIAG_READ_FAILED, EIO, "x", "y"), SNAPJAR_IO);
}

static void test_raise_no_memory(void **state)
{
    snapjar_error err;

    (void)state;
    assert_fault(sj_raise_no_memory(&err, UINT64_MAX), &err, SNAPJAR_NO_MEMORY, SNAPJAR_DIAG_OUT_OF_MEMORY,
                 SNAPJAR_SPACE_NONE, SNAPJAR_OFFSET_NONE);
    assert_string_equal(err.message, "cannot allocate 18446744073709551615 bytes");
    assert_int_equal(sj_raise_no_memory(NULL, 1), SNAPJAR_NO_MEMORY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status_names),    cmocka_unit_test(test_table),
        cmocka_unit_test(test_names_by_number), cmocka_unit_test(test_find),
        cmocka_unit_test(test_version),         cmocka_unit_test(test_escape),
        cmocka_unit_test(test_escape_cut),      cmocka_unit_test(test_hex16),
        cmocka_unit_test(test_raise),           cmocka_unit_test(test_raise_cuts),
        cmocka_unit_test(test_raise_place),     cmocka_unit_test(test_raise_errno),
        cmocka_unit_test(test_raise_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
