/* SPDX-License-Identifier: MIT
 *
 * Numbers in text and bytes. Floats are compared with Python's repr in tests/python/test_decimal.py.
 */
#include "support.h"

#include "pickle/decimal.h"

typedef struct integer {
    const char *bytes;
    size_t size;
    const char *text;
} integer;

static const integer integers[] = {
    {"", 0, "0"},
    {"\x01", 1, "1"},
    {"\xff", 1, "-1"},
    {"\x7f", 1, "127"},
    {"\x80\x00", 2, "128"},
    {"\x80", 1, "-128"},
    {"\x7f\xff", 2, "-129"},
    {"\xff\xff\xff\xff\x00", 5, "4294967295"},
    {"\x00\x00\x00\x00\x01", 5, "4294967296"},
    {"\x00\x00\x00\x80", 4, "-2147483648"},
    {"\x00\x00\x00\x00\x00\x00\x00\x80", 8, "-9223372036854775808"},
    {"\x00\xca\x9a\x3b", 4, "1000000000"},
    {"\xff\xc9\x9a\x3b", 4, "999999999"},
    {"\x00\x00\x00\x40\xea\xed\x74\x46\xd0\x9c\x2c\x9f\x0c", 13, "1000000000000000000000000000000"},
};

static void test_integers_both_ways(void **state)
{
    char text[SJ_DECIMAL_TEXT_SIZE];
    uint8_t data[SJ_DECIMAL_BYTES_MAX];
    size_t size;
    (void)state;
    for (size_t i = 0; i < sizeof integers / sizeof *integers; i++) {
        const integer *row = &integers[i];
        assert_true(sj_decimal_from_bytes((const uint8_t *)row->bytes, row->size, text, &size));
        assert_string_equal(text, row->text);
        assert_int_equal(size, strlen(row->text));
        assert_true(sj_decimal_to_bytes(row->text, strlen(row->text), data, &size));
        assert_int_equal(size, row->size);
        assert_memory_equal(data, row->bytes, size);
    }
}

static void test_padding_is_no_part_of_the_number(void **state)
{
    char text[SJ_DECIMAL_TEXT_SIZE];
    size_t size;
    (void)state;
    assert_true(sj_decimal_from_bytes((const uint8_t *)"\x05\0\0\0\0\0\0\0\0", 9, text, &size));
    assert_string_equal(text, "5");
    assert_true(sj_decimal_from_bytes((const uint8_t *)"\xfb\xff\xff\xff\xff\xff", 6, text, &size));
    assert_string_equal(text, "-5");
}

static void test_size_limits(void **state)
{
    static uint8_t data[SJ_DECIMAL_BYTES_MAX + 1];
    static uint8_t back[SJ_DECIMAL_BYTES_MAX];
    static char text[SJ_DECIMAL_TEXT_SIZE + 2];
    size_t size, back_size;
    (void)state;
    memset(data, 0xff, sizeof data);
    data[SJ_DECIMAL_BYTES_MAX - 1] = 0x7f;
    assert_true(sj_decimal_from_bytes(data, SJ_DECIMAL_BYTES_MAX, text, &size));
    assert_true(sj_decimal_to_bytes(text, size, back, &back_size));
    assert_int_equal(back_size, SJ_DECIMAL_BYTES_MAX);
    assert_memory_equal(back, data, back_size);
    /* One more does not fit its bytes: 2^(8n - 1) needs one byte more for its sign. */
    assert_int_equal(text[size - 1], '7');
    text[size - 1] = '8';
    assert_false(sj_decimal_to_bytes(text, size, back, &back_size));
    assert_false(sj_decimal_from_bytes(data, SJ_DECIMAL_BYTES_MAX + 1, text, &size));
    assert_int_equal(size, 0);
    memset(text, '9', sizeof text);
    assert_false(sj_decimal_to_bytes(text, SJ_DECIMAL_TEXT_SIZE, back, &back_size));
    assert_false(sj_decimal_to_bytes(text, SJ_DECIMAL_TEXT_SIZE + 1, back, &back_size));
}

static void test_text_that_is_no_number(void **state)
{
    static const char *const texts[] = {"", "-", "+1", "1 ", " 1", "0x1", "1_0", "--1", "1.0"};
    uint8_t data[SJ_DECIMAL_BYTES_MAX];
    size_t size;
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_false(sj_decimal_to_bytes(texts[i], strlen(texts[i]), data, &size));
    assert_true(sj_decimal_to_bytes("-0", 2, data, &size));
    assert_int_equal(size, 0);
}

typedef struct real {
    uint64_t bits;
    const char *text;
} real;

static const real reals[] = {
    {0, "0.0"},
    {UINT64_C(0x8000000000000000), "-0.0"},
    {UINT64_C(0x3ff0000000000000), "1.0"},
    {UINT64_C(0xbff8000000000000), "-1.5"},
    {UINT64_C(0x3fb999999999999a), "0.1"},
    {UINT64_C(0x4341c37937e08000), "1e+16"},
    {UINT64_C(0x430c6bf526340000), "1000000000000000.0"},
    {UINT64_C(0x3f1a36e2eb1c432d), "0.0001"},
    {UINT64_C(0x3ee4f8b588e368f1), "1e-05"},
    {UINT64_C(0x7fefffffffffffff), "1.7976931348623157e+308"},
    {UINT64_C(0x0000000000000001), "5e-324"},
    {UINT64_C(0x0010000000000000), "2.2250738585072014e-308"},
    {UINT64_C(0x7ff0000000000000), "inf"},
    {UINT64_C(0xfff0000000000000), "-inf"},
    {UINT64_C(0x7ff8000000000000), "nan"},
    /* Powers of two, where the numbers below are nearer than those above. */
    {UINT64_C(0x44b52d02c7e14af6), "1e+23"},
    {UINT64_C(0x44b52d02c7e14af7), "1.0000000000000001e+23"},
    {UINT64_C(0x3d40000000000000), "1.1368683772161603e-13"},
    {UINT64_C(0x4340000000000001), "9007199254740994.0"},
};

static void test_floats_both_ways(void **state)
{
    char text[SJ_DOUBLE_TEXT_SIZE];
    uint64_t bits;
    (void)state;
    for (size_t i = 0; i < sizeof reals / sizeof *reals; i++) {
        assert_int_equal(sj_double_format(reals[i].bits, text), strlen(reals[i].text));
        assert_string_equal(text, reals[i].text);
        assert_true(sj_double_parse(text, strlen(text), &bits));
        assert_true(bits == reals[i].bits);
    }
    assert_false(sj_double_parse("1,5", 3, &bits));
    assert_false(sj_double_parse("", 0, &bits));
    assert_false(sj_double_parse("0x1", 3, &bits));
    assert_false(sj_double_parse("1e999", 5, &bits));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers_both_ways), cmocka_unit_test(test_padding_is_no_part_of_the_number),
        cmocka_unit_test(test_size_limits),        cmocka_unit_test(test_text_that_is_no_number),
        cmocka_unit_test(test_floats_both_ways),
    };
    return cmocka_run_group_tests_name("decimal", tests, NULL, NULL);
}
