/* SPDX-License-Identifier: MIT
 *
 * Schoolbook arithmetic on limbs of 32 bits and of nine decimal digits.
 */
#include "pickle/decimal.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pickle/canonical.h"

#define NINE_DIGITS UINT64_C(1000000000)
#define LIMBS_MAX (SJ_DECIMAL_BYTES_MAX / 4 + 1)
#define GROUPS_MAX (SJ_DIGITS_MAX / 9 + 2)
/** Hex digits are worth 1.2 decimal ones: with more bytes than this there are more than SJ_DIGITS_MAX digits. */
#define BYTES_ALLOWED SJ_DECIMAL_BYTES_MAX

size_t sj_decimal_to_bytes(const uint8_t *text, size_t size, uint8_t *out)
{
    uint32_t limbs[LIMBS_MAX] = {0};
    size_t limb_count = 0;
    const bool is_negative = size > 0 && text[0] == '-';
    for (size_t i = is_negative; i < size; i++) {
        uint64_t carry = (uint64_t)(text[i] - '0');
        for (size_t k = 0; k < limb_count; k++) {
            carry += (uint64_t)limbs[k] * 10;
            limbs[k] = (uint32_t)carry;
            carry >>= 32;
        }
        if (carry != 0 && limb_count < LIMBS_MAX)
            limbs[limb_count++] = (uint32_t)carry;
    }
    /* Two's complement: invert and add one. */
    uint64_t carry = 1;
    for (size_t k = 0; is_negative && k < limb_count; k++) {
        carry += (uint32_t)~limbs[k];
        limbs[k] = (uint32_t)carry;
        carry >>= 32;
    }
    size_t used = 0;
    for (size_t k = 0; k < limb_count * 4; k++)
        out[used++] = (uint8_t)(limbs[k / 4] >> 8 * (k % 4));
    const uint8_t sign = is_negative ? 0xff : 0;
    if (used > 0 && (out[used - 1] ^ sign) >> 7 != 0)
        out[used++] = sign;
    while (used > 1 && out[used - 1] == sign && (out[used - 2] ^ sign) >> 7 == 0)
        used--;
    return used == 1 && out[0] == 0 ? 0 : used;
}

bool sj_decimal_small(const uint8_t *bytes, size_t size, int64_t *value)
{
    const uint8_t sign = size > 0 && bytes[size - 1] >> 7 != 0 ? 0xff : 0;
    uint64_t bits = 0;
    for (size_t i = 8; i < size; i++) {
        if (bytes[i] != sign)
            return false;
    }
    for (size_t i = 0; i < 8; i++)
        bits |= (uint64_t)(i < size ? bytes[i] : sign) << 8 * i;
    *value = (int64_t)bits;
    return size <= 8 || (bytes[7] ^ sign) >> 7 == 0;
}

bool sj_decimal_from_bytes(const uint8_t *bytes, size_t size, char out[SJ_DECIMAL_TEXT_SIZE], size_t *out_size)
{
    uint32_t groups[GROUPS_MAX] = {0};
    size_t group_count = 1;
    const bool is_negative = size > 0 && bytes[size - 1] >> 7 != 0;
    const uint8_t sign = is_negative ? 0xff : 0;
    while (size > 0 && bytes[size - 1] == sign)
        size--;
    *out_size = 0;
    if (size > BYTES_ALLOWED)
        return false;
    /* The magnitude of a negative number is its inverse plus one. */
    for (size_t i = size; i > 0; i--) {
        uint64_t carry = (uint8_t)(bytes[i - 1] ^ sign);
        for (size_t k = 0; k < group_count; k++) {
            carry += (uint64_t)groups[k] * 256;
            groups[k] = (uint32_t)(carry % NINE_DIGITS);
            carry /= NINE_DIGITS;
        }
        if (carry != 0 && group_count == GROUPS_MAX)
            return false;
        if (carry != 0)
            groups[group_count++] = (uint32_t)carry;
    }
    for (size_t k = 0; is_negative; k++) {
        if (k == GROUPS_MAX)
            return false;
        if (k >= group_count)
            group_count = k + 1;
        if (++groups[k] < NINE_DIGITS)
            break;
        groups[k] = 0;
    }
    int written = snprintf(out, SJ_DECIMAL_TEXT_SIZE, "%s%u", is_negative ? "-" : "", groups[group_count - 1]);
    size_t used = (size_t)written;
    for (size_t k = group_count - 1; k > 0; k--)
        used += (size_t)snprintf(out + used, SJ_DECIMAL_TEXT_SIZE - used, "%09u", groups[k - 1]);
    *out_size = used;
    return used - is_negative <= SJ_DIGITS_MAX;
}

uint64_t sj_double_parse(const uint8_t *text, size_t size)
{
    char copy[64];
    const bool is_negative = size > 0 && text[0] == '-';
    uint64_t bits;
    /* float_repr_style: CPython reads "nan" as this one and "-nan" as its negative. */
    if (size - is_negative == 3 && memcmp(text + is_negative, "nan", 3) == 0)
        return UINT64_C(0x7ff8000000000000) | (uint64_t)is_negative << 63;
    if (size >= sizeof copy)
        size = sizeof copy - 1;
    memcpy(copy, text, size);
    copy[size] = '\0';
    /* With LC_ALL_MASK this is the C library's own locale: nothing is allocated. */
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    double value = plain != (locale_t)0 ? strtod_l(copy, NULL, plain) : strtod(copy, NULL);
    if (plain != (locale_t)0)
        freelocale(plain);
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

size_t sj_double_format(uint64_t bits, char out[32])
{
    double value;
    memcpy(&value, &bits, sizeof value);
    const bool is_negative = bits >> 63 != 0;
    if (isnan(value) || isinf(value)) {
        const int count = snprintf(out, 32, "%s%s", is_negative ? "-" : "", isnan(value) ? "nan" : "inf");
        return (size_t)count;
    }
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    locale_t before = plain != (locale_t)0 ? uselocale(plain) : (locale_t)0;
    int count = 0;
    for (int digits = 15; digits <= 17; digits++) {
        count = snprintf(out, 32, "%.*g", digits, value);
        double again = strtod(out, NULL);
        if (memcmp(&again, &value, sizeof value) == 0)
            break;
    }
    if (before != (locale_t)0)
        (void)uselocale(before);
    if (plain != (locale_t)0)
        freelocale(plain);
    if (strpbrk(out, ".e") == NULL && count + 2 < 32) {
        memcpy(out + count, ".0", 3);
        count += 2;
    }
    return (size_t)count;
}
