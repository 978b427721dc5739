/* SPDX-License-Identifier: MIT
 *
 * Patterns: compared with the C library's regular expressions where both speak the same language, and by tables.
 */
#include "one_context.h"

#include <regex.h>

#include "fail_alloc.h"
#include "migrate/pattern.h"

static bool match(const sj_pattern *pattern, const char *text)
{
    bool matches = false;
    const sj_literal literal = {SJ_OP_BINUNICODE, (const uint8_t *)text, strlen(text), strlen(text), false};
    assert_ok(sj_pattern_match(pattern, context, &literal, &matches, err));
    return matches;
}

static sj_pattern *compile(const char *text)
{
    sj_pattern *pattern = NULL;
    assert_ok(sj_pattern_new(&pattern, context, text, strlen(text), err));
    return pattern;
}

static void test_table(void **state)
{
    static const struct {
        const char *pattern;
        const char *yes;
        const char *no;
    } rows[] = {
        {"", "", "a"},
        {"abc", "abc", "abcd"},
        {"^abc$", "abc", "ab"},
        {"a.c",
         "a\xc3\xa9"
         "c",
         "ac"},
        {"a*", "aaaa", "aab"},
        {"(ab)+", "abab", "aba"},
        {"(a|b|)c", "c", "abc"},
        {"(|a)b", "ab", "aab"},
        {"a|bc|d", "bc", "abcd"},
        {"(a|(b|c)d)e", "cde", "ce"},
        {"(a*)*b", "aaab", "aaa"},
        {"()*a", "a", ""},
        {"a{3}", "aaa", "aaaa"},
        {"a{2,}", "aaaaa", "a"},
        {"a{1,3}", "aaa", "aaaa"},
        {"a{0}b", "b", "ab"},
        {"(ab){2,3}c", "ababc", "abc"},
        {"[a-c]", "b", "d"},
        {"[^a-c]", "\xe2\x82\xac", "b"},
        {"[]a]", "]", "["},
        {"[^]a]", "b", "]"},
        {"[a-]", "-", "b"},
        {"[[:alpha:]_][[:alnum:]_]*", "_x9", "9x"},
        {"[[:digit:]]{4}-[[:digit:]]{2}", "2026-11", "2026-1"},
        {"[[:xdigit:][:blank:]]+", "aF 0", "g"},
        {"[[:punct:]]", "~", "a"},
        {"[[:space:]]", "\t", "x"},
        {"[[:upper:]][[:lower:]]", "Ab", "ab"},
        {"\\.\\*\\\\\\/", ".*\\/", "a"},
        {"\xc3\xa9+", "\xc3\xa9\xc3\xa9", "e"},
        {"[\xc3\xa0-\xc3\xa9]", "\xc3\xa5", "a"},
        {"((((((((a))))))))", "a", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        sj_pattern *pattern = compile(rows[i].pattern);
        if (!match(pattern, rows[i].yes) || match(pattern, rows[i].no))
            fail_msg("%s: %d %d", rows[i].pattern, match(pattern, rows[i].yes), match(pattern, rows[i].no));
        sj_pattern_free(pattern, context);
    }
}

static void test_refused(void **state)
{
    static const struct {
        const char *pattern;
        const char *message;
    } rows[] = {
        {"*", "pattern, character 1: there is nothing to repeat"},
        {"a**", "pattern, character 3: there is nothing to repeat"},
        {"a|+", "pattern, character 3: there is nothing"},
        {"(?:a)", "pattern, character 2: there is nothing"},
        {"(a", "pattern, character 3: a ( has no end"},
        {"a)", "pattern, character 2: the ) has no beginning"},
        {"[a", "pattern, character 1: the [ has no end"},
        {"[b-a]", "pattern, character 2: the range ends"},
        {"[[:nope:]]", "pattern, character 2: no class"},
        {"[[.a.]]", "pattern, character 2: [. .]"},
        {"[[=a=]]", "pattern, character 2: [. .]"},
        {"a{", "pattern, character 2: after { come"},
        {"a{2", "pattern, character 2: after { come"},
        {"a{3,2}", "pattern, character 2: after { come"},
        {"a{1001}", "pattern, character 2: after { come"},
        {"a{99999999999999999999}", "pattern, character 2: after { come"},
        {"a{,2}", "pattern, character 2: after { come"},
        {"a^b", "pattern, character 2: ^ and $"},
        {"a$b", "pattern, character 2: ^ and $"},
        {"\\d", "pattern, character 1: \\ stands before"},
        {"(a)\\1", "pattern, character 4: \\ stands before"},
        {"a\\", "pattern, character 2: \\ stands before"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        sj_pattern *pattern = NULL;
        snapjar_error err;
        assert_fault(sj_pattern_new(&pattern, context, rows[i].pattern, strlen(rows[i].pattern), &err), &err,
                     SNAPJAR_DAMAGED, SNAPJAR_DIAG_CONTRACT_PATTERN, SNAPJAR_SPACE_NONE, SNAPJAR_OFFSET_NONE);
        if (strncmp(err.message, rows[i].message, strlen(rows[i].message)) != 0)
            fail_msg("%s: %s", rows[i].pattern, err.message);
        assert_null(pattern);
    }
}

/** A text of a character so many times. */
static char *repeated(char character, size_t count)
{
    char *text = malloc(count + 1);
    assert_non_null(text);
    memset(text, character, count);
    text[count] = '\0';
    return text;
}

static void expect_size(char character, size_t count, bool is_good)
{
    char *text = repeated(character, count);
    sj_pattern *pattern = NULL;
    snapjar_error err;
    const snapjar_status status = sj_pattern_new(&pattern, context, text, count, &err);
    if (is_good)
        assert_int_equal(status, SNAPJAR_OK);
    else
        assert_fault(status, &err, SNAPJAR_LIMIT, SNAPJAR_DIAG_CONTRACT_PATTERN, SNAPJAR_SPACE_NONE,
                     SNAPJAR_OFFSET_NONE);
    sj_pattern_free(pattern, context);
    free(text);
}

static void expect_groups(size_t depth, bool is_good)
{
    char text[2 * SJ_PATTERN_GROUPS_MAX + 8];
    sj_pattern *pattern = NULL;
    snapjar_error err;
    memset(text, '(', depth);
    memset(text + depth, ')', depth);
    const snapjar_status status = sj_pattern_new(&pattern, context, text, 2 * depth, &err);
    assert_int_equal(status, is_good ? SNAPJAR_OK : SNAPJAR_LIMIT);
    sj_pattern_free(pattern, context);
}

static void test_limits(void **state)
{
    sj_pattern *pattern = NULL;
    snapjar_error err;
    bool matches;
    (void)state;
    /* The end is a step too. */
    expect_size('a', SJ_PATTERN_STEPS_MAX - 1, true);
    expect_size('a', SJ_PATTERN_STEPS_MAX, false);
    expect_groups(SJ_PATTERN_GROUPS_MAX, true);
    expect_groups(SJ_PATTERN_GROUPS_MAX + 1, false);
    /* Repetitions of repetitions are counted before they are made. */
    assert_int_equal(sj_pattern_new(&pattern, context, "((a{1000}){1000}){1000}", 23, &err), SNAPJAR_LIMIT);
    char *text = repeated('a', SJ_PATTERN_TEXT_MAX + 1);
    pattern = compile("a*");
    sj_literal literal = {SJ_OP_BINUNICODE, (const uint8_t *)text, SJ_PATTERN_TEXT_MAX, SJ_PATTERN_TEXT_MAX, false};
    assert_ok(sj_pattern_match(pattern, context, &literal, &matches, err));
    assert_true(matches);
    literal.size++;
    assert_ok(sj_pattern_match(pattern, context, &literal, &matches, err));
    assert_false(matches);
    sj_pattern_free(pattern, context);
    free(text);
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/** Random patterns over a and b say the same as regexec does of random texts. */
static void test_against_the_c_library(void **state)
{
    static const char *const pieces[] = {"a", "b", ".", "(a|b)", "(ab)", "[ab]", "[^a]", "(a*b)", "(a|ba|)"};
    static const char *const signs[] = {"", "", "*", "+", "?", "{2}", "{1,2}", "{0,3}", "{2,}"};
    uint32_t seed = 77;
    size_t yes = 0, no = 0;
    (void)state;
    for (size_t turn = 0; turn < 4000; turn++) {
        char text[160] = "", whole[200], subject[12];
        for (uint32_t count = 1 + next_random(&seed) % 5; count > 0; count--) {
            strcat(text, pieces[next_random(&seed) % 9]);
            strcat(text, signs[next_random(&seed) % 9]);
            if (count > 1 && next_random(&seed) % 6 == 0)
                strcat(text, "|");
        }
        sj_pattern *pattern = compile(text);
        regex_t regex;
        (void)snprintf(whole, sizeof whole, "^(%s)$", text);
        assert_int_equal(regcomp(&regex, whole, REG_EXTENDED | REG_NOSUB), 0);
        for (size_t i = 0; i < 20; i++) {
            const size_t size = next_random(&seed) % 8;
            for (size_t k = 0; k < size; k++)
                subject[k] = (char)('a' + next_random(&seed) % 2);
            subject[size] = '\0';
            const bool expected = regexec(&regex, subject, 0, NULL, 0) == 0;
            if (match(pattern, subject) != expected)
                fail_msg("%s on %s: not %d", text, subject, expected);
            yes += expected;
            no += !expected;
        }
        regfree(&regex);
        sj_pattern_free(pattern, context);
    }
    assert_true(yes > 5000 && no > 5000);
}

static snapjar_status compile_and_match(snapjar_context *failing, void *state, snapjar_error *err)
{
    sj_pattern *pattern = NULL;
    bool matches = false;
    const sj_literal literal = {SJ_OP_BINUNICODE, (const uint8_t *)"ab", 2, 2, false};
    (void)state;
    snapjar_status status = sj_pattern_new(&pattern, failing, "(a|b)*", 6, err);
    if (status == SNAPJAR_OK)
        status = sj_pattern_match(pattern, failing, &literal, &matches, err);
    sj_pattern_free(pattern, failing);
    assert_int_equal(matches, status == SNAPJAR_OK);
    return status;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    assert_true(fail_alloc_run(compile_and_match, NULL) > 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),         cmocka_unit_test(test_refused),
        cmocka_unit_test(test_limits),        cmocka_unit_test(test_against_the_c_library),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
