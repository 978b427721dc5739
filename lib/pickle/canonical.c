/* SPDX-License-Identifier: MIT
 *
 * The forms of numbers and names as bytes. save_long, save_float and memo_put of CPython's Modules/_pickle.c (and of
 * Python 2.7's cPickle.c) say what is written; what readers make of other forms differs between versions of Python.
 */
#include "pickle/canonical.h"

#include <string.h>

#include "util/bytes.h"

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

static size_t count_digits(const uint8_t *data, size_t size)
{
    size_t count = 0;
    while (count < size && is_digit(data[count]))
        count++;
    return count;
}

/** "0", "12", "-12": what repr of an int gives. */
static bool is_decimal(const uint8_t *data, size_t size)
{
    if (size > 0 && data[0] == '-') {
        data++;
        size--;
        if (size > 0 && data[0] == '0')
            return false;
    }
    return size > 0 && size <= SJ_DIGITS_MAX && count_digits(data, size) == size && (size == 1 || data[0] != '0');
}

bool sj_is_canonical_int(const uint8_t *data, size_t size, bool *is_bool)
{
    *is_bool = size == 2 && data[0] == '0' && (data[1] == '0' || data[1] == '1');
    return *is_bool || is_decimal(data, size);
}

bool sj_is_canonical_long(const uint8_t *data, size_t size)
{
    return size > 0 && data[size - 1] == 'L' && is_decimal(data, size - 1);
}

bool sj_read_index(const uint8_t *data, size_t size, uint64_t *index)
{
    *index = 0;
    if (size > 10 || !is_decimal(data, size) || data[0] == '-')
        return false;
    for (size_t i = 0; i < size; i++)
        *index = *index * 10 + (uint64_t)(data[i] - '0');
    return *index <= UINT32_MAX;
}

/** Whether a number of this many digits before its point, with this exponent, is surely finite as a double. */
static bool fits_double(const uint8_t *digits, size_t size, int exponent)
{
    static const char largest[] = "17976931348623157";
    size_t before_point = count_digits(digits, size);
    size_t at = 0;
    int magnitude = (int)before_point + exponent;
    while (at < size && (digits[at] == '0' || digits[at] == '.')) {
        if (digits[at] == '0')
            magnitude--;
        at++;
    }
    if (at == size || magnitude < 309)
        return true;
    if (magnitude > 309)
        return false;
    for (size_t i = 0; largest[i] != '\0'; at++) {
        const uint8_t digit = at < size ? digits[at] : '0';
        if (digit == '.')
            continue;
        if (digit != (uint8_t)largest[i])
            return digit < (uint8_t)largest[i];
        i++;
    }
    return count_digits(digits + sj_min(at, size), size - (size_t)sj_min(at, size)) == 0;
}

bool sj_is_canonical_float(const uint8_t *data, size_t size)
{
    if (size > 0 && data[0] == '-') {
        data++;
        size--;
    }
    if (size == 3 && (memcmp(data, "inf", 3) == 0 || memcmp(data, "nan", 3) == 0))
        return true;
    /* repr needs 17 digits at most, and 4 zeros before or after them. */
    size_t mantissa_size = count_digits(data, size);
    if (mantissa_size == 0 || size > 40)
        return false;
    if (mantissa_size < size && data[mantissa_size] == '.') {
        size_t fraction_size = count_digits(data + mantissa_size + 1, size - mantissa_size - 1);
        if (fraction_size == 0)
            return false;
        mantissa_size += 1 + fraction_size;
    }
    if (mantissa_size == size)
        return true;
    size_t at = mantissa_size + 1;
    if (data[mantissa_size] != 'e' || at == size)
        return false;
    const bool is_negative = data[at] == '-';
    if (is_negative || data[at] == '+')
        at++;
    const size_t exponent_size = size - at;
    if (exponent_size == 0 || exponent_size > 3 || count_digits(data + at, exponent_size) != exponent_size)
        return false;
    int exponent = 0;
    for (; at < size; at++)
        exponent = exponent * 10 + (data[at] - '0');
    return is_negative || fits_double(data, mantissa_size, exponent);
}

bool sj_is_ascii(const uint8_t *data, size_t size)
{
    uint64_t bits = 0;
    if (size >= 8) {
        /* The last eight bytes overlap what was looked at, which costs less than looking at each of the rest. */
        const uint8_t *last = data + size - 8;
        for (; last - data >= 32; data += 32)
            bits |= sj_read_le64(data) | sj_read_le64(data + 8) | sj_read_le64(data + 16) | sj_read_le64(data + 24);
        for (; data < last; data += 8)
            bits |= sj_read_le64(data);
        bits |= sj_read_le64(last);
    } else if (size >= 4) {
        bits = sj_read_le32(data) | sj_read_le32(data + size - 4);
    } else {
        for (size_t i = 0; i < size; i++)
            bits |= data[i];
    }
    return (bits & UINT64_C(0x8080808080808080)) == 0;
}

bool sj_is_utf8(const uint8_t *data, size_t size)
{
    sj_text_check check;
    sj_text_check_begin(&check, SJ_FORM_UTF8);
    sj_text_check_add(&check, data, size);
    sj_text_check_end(&check);
    return !check.is_invalid;
}

bool sj_is_canonical_name(snapjar_text name)
{
    bool is_part_empty = true;
    for (size_t i = 0; i < name.size; i++) {
        const uint8_t byte = (uint8_t)name.data[i];
        if (byte == '.' && is_part_empty)
            return false;
        is_part_empty = byte == '.';
        if (byte <= ' ' || byte == 0x7f || byte == '\\' || byte == ':' || byte == '\'' || byte == '"')
            return false;
        /* U+D800 to U+DFFF, which UTF-8 proper does not have. */
        if (byte == 0xed && i + 1 < name.size && (uint8_t)name.data[i + 1] >= 0xa0)
            return false;
    }
    return !is_part_empty;
}
