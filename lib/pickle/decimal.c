/* SPDX-License-Identifier: MIT
 *
 * Base conversion by schoolbook arithmetic on 32-bit words, and doubles by the C library, asked for more digits until
 * they read back.
 */
#include "pickle/decimal.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pickle/canonical.h"

#define WORD_COUNT ((SJ_DECIMAL_BYTES_MAX + 3) / 4 + 1)
#define DIGITS_PER_WORD 9
#define WORD_BASE UINT32_C(1000000000)

/* ---- integers ---- */

bool sj_decimal_from_bytes(const uint8_t *data, size_t size, char text[SJ_DECIMAL_TEXT_SIZE], size_t *text_size)
{
    uint32_t words[WORD_COUNT] = {0};
    uint32_t digits[SJ_DECIMAL_TEXT_SIZE / DIGITS_PER_WORD];
    size_t digit_count = 0;
    const bool is_negative = size > 0 && (data[size - 1] & 0x80) != 0;
    unsigned carry = is_negative;
    *text_size = 0;
    if (size > SJ_DECIMAL_BYTES_MAX)
        return false;
    for (size_t i = 0; i < size; i++) {
        const unsigned byte = (is_negative ? (unsigned)(uint8_t)~data[i] : data[i]) + carry;
        carry = byte >> 8;
        words[i / 4] |= (uint32_t)(byte & 0xff) << (8 * (i % 4));
    }
    /* -2^(8 * size) has no place for its last carry in `size` bytes, but no number needs it: ~x + 1 fits. */
    size_t count = (size + 3) / 4;
    while (count > 0 && words[count - 1] == 0)
        count--;
    while (count > 0) {
        uint64_t rest = 0;
        for (size_t i = count; i > 0; i--) {
            const uint64_t value = rest << 32 | words[i - 1];
            words[i - 1] = (uint32_t)(value / WORD_BASE);
            rest = value % WORD_BASE;
        }
        digits[digit_count++] = (uint32_t)rest;
        while (count > 0 && words[count - 1] == 0)
            count--;
    }
    if (digit_count == 0)
        digits[digit_count++] = 0;
    size_t at = 0;
    if (is_negative)
        text[at++] = '-';
    at += (size_t)snprintf(text + at, SJ_DECIMAL_TEXT_SIZE - at, "%u", (unsigned)digits[--digit_count]);
    while (digit_count > 0)
        at += (size_t)snprintf(text + at, SJ_DECIMAL_TEXT_SIZE - at, "%09u", (unsigned)digits[--digit_count]);
    *text_size = at;
    return true;
}

/** Takes the digits into `words`; false if there are too many or others than digits. */
static bool read_digits(const char *text, size_t size, uint32_t words[WORD_COUNT], size_t *count)
{
    *count = 0;
    for (size_t i = 0; i < size; i++) {
        uint64_t carry = (uint64_t)(text[i] - '0');
        if (text[i] < '0' || text[i] > '9')
            return false;
        for (size_t j = 0; j < *count; j++) {
            carry += (uint64_t)words[j] * 10;
            words[j] = (uint32_t)carry;
            carry >>= 32;
        }
        if (carry == 0)
            continue;
        if (*count == WORD_COUNT)
            return false;
        words[(*count)++] = (uint32_t)carry;
    }
    return size > 0;
}

bool sj_decimal_to_bytes(const char *text, size_t text_size, uint8_t data[SJ_DECIMAL_BYTES_MAX], size_t *size)
{
    uint32_t words[WORD_COUNT] = {0};
    size_t count;
    const bool is_negative = text_size > 0 && text[0] == '-';
    *size = 0;
    if (text_size > SJ_DECIMAL_TEXT_SIZE || !read_digits(text + is_negative, text_size - is_negative, words, &count))
        return false;
    size_t used = 4 * count;
    while (used > 0 && (words[(used - 1) / 4] >> (8 * ((used - 1) % 4)) & 0xff) == 0)
        used--;
    if (used == 0)
        return true;
    if (used > SJ_DECIMAL_BYTES_MAX)
        return false;
    unsigned carry = is_negative;
    for (size_t i = 0; i < used; i++) {
        const unsigned byte = words[i / 4] >> (8 * (i % 4)) & 0xff;
        const unsigned sum = (is_negative ? ~byte & 0xff : byte) + carry;
        carry = sum >> 8;
        data[i] = (uint8_t)sum;
    }
    /* The sign needs a bit of its own. */
    if (((data[used - 1] & 0x80) != 0) != is_negative) {
        if (used == SJ_DECIMAL_BYTES_MAX)
            return false;
        data[used++] = is_negative ? 0xff : 0;
    }
    *size = used;
    return true;
}

/* ---- floats ---- */

/** Numbers are read and written with a point, whatever the program's locale says. */
static locale_t enter_c_locale(locale_t *made)
{
    *made = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    return *made != (locale_t)0 ? uselocale(*made) : (locale_t)0;
}

static void leave_c_locale(locale_t made, locale_t before)
{
    if (made == (locale_t)0)
        return;
    (void)uselocale(before);
    freelocale(made);
}

/** Significant digits of "d.ddde+XX" and the exponent. */
typedef struct decimal {
    char digits[20];
    size_t count;
    int exponent;
} decimal;

static void split(const char *text, decimal *out)
{
    out->count = 0;
    for (; *text != 'e'; text++) {
        if (*text != '.')
            out->digits[out->count++] = *text;
    }
    out->exponent = (int)strtol(text + 1, NULL, 10);
    while (out->count > 1 && out->digits[out->count - 1] == '0')
        out->count--;
}

static bool reads_back(const decimal *number, double value)
{
    char text[40];
    (void)snprintf(text, sizeof text, "%c.%.*se%d", number->digits[0], (int)number->count - 1, number->digits + 1,
                   number->exponent);
    return strtod(text, NULL) == value;
}

/** The next decimal of so many digits; its digits are not all nines. */
static void increment(decimal *number, size_t count)
{
    while (number->count < count)
        number->digits[number->count++] = '0';
    size_t at = count;
    while (at > 1 && number->digits[at - 1] == '9')
        number->digits[--at] = '0';
    number->digits[at - 1]++;
    while (number->count > 1 && number->digits[number->count - 1] == '0')
        number->count--;
}

/**
 * The fewest digits that read back. Up to 15 digits survive the way through any normal double, so what fits into 15 is
 * found by rounding to 15 and dropping zeros. At a power of two the numbers below are nearer than those above, so that
 * the nearest of 16 digits may read as another where the one above it does not.
 */
static void shorten(double value, bool is_power, bool is_subnormal, decimal *out)
{
    char text[40];
    for (int count = is_subnormal ? 1 : 15; count <= 17; count++) {
        (void)snprintf(text, sizeof text, "%.*e", count - 1, value);
        split(text, out);
        if (reads_back(out, value))
            return;
        if (!is_power || count != 16)
            continue;
        decimal next = *out;
        increment(&next, 16);
        if (reads_back(&next, value)) {
            *out = next;
            return;
        }
    }
}

/** float_repr_style "short" of CPython: an exponent below -4 or from 16 on is written. */
static size_t lay_out(const decimal *number, bool is_negative, char text[SJ_DOUBLE_TEXT_SIZE])
{
    size_t at = 0;
    const int exponent = number->exponent;
    const int count = (int)number->count;
    if (is_negative)
        text[at++] = '-';
    if (exponent < -4 || exponent >= 16) {
        text[at++] = number->digits[0];
        if (count > 1) {
            text[at++] = '.';
            memcpy(text + at, number->digits + 1, number->count - 1);
            at += number->count - 1;
        }
        at += (size_t)snprintf(text + at, SJ_DOUBLE_TEXT_SIZE - at, "e%c%02d", exponent < 0 ? '-' : '+', abs(exponent));
        return at;
    }
    for (int place = exponent < 0 ? 0 : exponent; place >= 0; place--) {
        const int digit = exponent - place;
        text[at++] = digit >= 0 && digit < count ? number->digits[digit] : '0';
    }
    text[at++] = '.';
    for (int digit = exponent + 1; digit < count || digit == exponent + 1; digit++)
        text[at++] = digit >= 0 && digit < count ? number->digits[digit] : '0';
    text[at] = '\0';
    return at;
}

size_t sj_double_format(uint64_t bits, char text[SJ_DOUBLE_TEXT_SIZE])
{
    const bool is_negative = bits >> 63 != 0;
    const uint64_t exponent = bits >> 52 & 0x7ff;
    const uint64_t mantissa = bits & ((UINT64_C(1) << 52) - 1);
    const uint64_t magnitude = bits & ~(UINT64_C(1) << 63);
    decimal number = {.digits = "0", .count = 1, .exponent = 0};
    double value;
    if (exponent == 0x7ff)
        return (size_t)snprintf(text, SJ_DOUBLE_TEXT_SIZE, "%s", mantissa != 0 ? "nan" : is_negative ? "-inf" : "inf");
    if (magnitude != 0) {
        locale_t made;
        memcpy(&value, &magnitude, sizeof value);
        const locale_t before = enter_c_locale(&made);
        shorten(value, mantissa == 0, exponent == 0, &number);
        leave_c_locale(made, before);
    }
    return lay_out(&number, is_negative, text);
}

bool sj_double_parse(const char *text, size_t size, uint64_t *bits)
{
    char copy[48];
    double value;
    locale_t made;
    *bits = 0;
    if (size >= sizeof copy || !sj_is_canonical_float((const uint8_t *)text, size))
        return false;
    memcpy(copy, text, size);
    copy[size] = '\0';
    const locale_t before = enter_c_locale(&made);
    value = strtod(copy, NULL);
    leave_c_locale(made, before);
    memcpy(bits, &value, sizeof value);
    return true;
}
