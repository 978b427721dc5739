/* SPDX-License-Identifier: MIT
 *
 * Compares numbers without rounding either of them.
 */
#include "migrate/number.h"

#include <math.h>
#include <string.h>

/** A double has this many bytes in front of the point, and one for the sign. */
#define DOUBLE_BYTES 130

static bool is_negative(const uint8_t *data, size_t size)
{
    return size > 0 && data[size - 1] >= 0x80;
}

static uint8_t byte_at(const uint8_t *data, size_t size, size_t at)
{
    return at < size ? data[at] : is_negative(data, size) ? 0xff : 0;
}

static int compare_ints(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size)
{
    if (is_negative(a, a_size) != is_negative(b, b_size))
        return is_negative(a, a_size) ? -1 : 1;
    for (size_t i = a_size > b_size ? a_size : b_size; i > 0; i--) {
        const uint8_t left = byte_at(a, a_size, i - 1), right = byte_at(b, b_size, i - 1);
        if (left != right)
            return left < right ? -1 : 1;
    }
    return 0;
}

static int compare_doubles(double a, double b)
{
    if (isnan(a) || isnan(b))
        return 2;
    return a < b ? -1 : a > b;
}

/** The bytes of a finite double without what is behind its point; whether there is something. */
static bool put_whole(double real, uint8_t out[DOUBLE_BYTES])
{
    uint64_t bits;
    memcpy(&bits, &real, sizeof bits);
    const unsigned exponent = bits >> 52 & 0x7ff;
    uint64_t mantissa = (bits & ((UINT64_C(1) << 52) - 1)) | (exponent != 0 ? UINT64_C(1) << 52 : 0);
    /* The number is mantissa * 2 ** (exponent - 1075). */
    const unsigned down = exponent < 1075 ? 1075 - exponent : 0, up = exponent > 1075 ? exponent - 1075 : 0;
    const uint64_t lost = down >= 64 ? mantissa : mantissa & ((UINT64_C(1) << down) - 1);
    mantissa = down >= 64 ? 0 : mantissa >> down;
    memset(out, 0, DOUBLE_BYTES);
    for (unsigned bit = 0; bit < 53; bit++) {
        if ((mantissa >> bit & 1) != 0)
            out[(bit + up) / 8] |= (uint8_t)(1u << (bit + up) % 8);
    }
    unsigned carry = 1;
    for (size_t i = 0; i < DOUBLE_BYTES && real < 0; i++) {
        carry += (uint8_t)~out[i];
        out[i] = (uint8_t)carry;
        carry >>= 8;
    }
    return lost != 0;
}

static int compare_int_to_double(const uint8_t *data, size_t size, double real)
{
    uint8_t whole[DOUBLE_BYTES];
    if (isnan(real))
        return 2;
    if (isinf(real))
        return real < 0 ? 1 : -1;
    const bool has_fraction = put_whole(real, whole);
    const int order = compare_ints(data, size, whole, sizeof whole);
    return order == 0 && has_fraction ? (real < 0 ? 1 : -1) : order;
}

bool sj_bound_read(sj_bound *bound, const sj_json *json, uint8_t buffer[SJ_BOUND_SIZE_MAX])
{
    memset(bound, 0, sizeof *bound);
    bound->data = buffer;
    const sj_json_type type = sj_json_type_of(json);
    if (type == SJ_JSON_REAL) {
        bound->is_float = true;
        bound->real = sj_json_real(json);
        return true;
    }
    if (type == SJ_JSON_INTEGER) {
        const uint64_t value = (uint64_t)sj_json_integer(json);
        for (size_t i = 0; i < 8; i++)
            buffer[i] = (uint8_t)(value >> 8 * i);
        bound->size = 8;
        return true;
    }
    const sj_json *digits = type == SJ_JSON_OBJECT && sj_json_count(json) == 1 ? sj_json_get(json, "$int") : NULL;
    if (digits == NULL || sj_json_type_of(digits) != SJ_JSON_STRING)
        return false;
    const snapjar_text text = sj_json_string(digits);
    return sj_decimal_to_bytes(text.data, text.size, buffer, &bound->size);
}

static int negate(int order)
{
    return order == 2 ? 2 : -order;
}

int sj_bound_order(const sj_bound *a, const sj_bound *b)
{
    if (a->is_float && b->is_float)
        return compare_doubles(a->real, b->real);
    if (a->is_float)
        return negate(compare_int_to_double(b->data, b->size, a->real));
    return b->is_float ? compare_int_to_double(a->data, a->size, b->real)
                       : compare_ints(a->data, a->size, b->data, b->size);
}

int sj_bound_compare(const snapjar_graph *graph, sj_ref ref, const sj_bound *bound)
{
    uint8_t buffer[SJ_DECIMAL_BYTES_MAX];
    if (sj_graph_node(graph, ref)->kind == SJ_NODE_FLOAT) {
        const uint64_t bits = sj_picture_bits(graph, ref);
        double real;
        memcpy(&real, &bits, sizeof real);
        return bound->is_float ? compare_doubles(real, bound->real)
                               : negate(compare_int_to_double(bound->data, bound->size, real));
    }
    const sj_number number = sj_picture_int(graph, ref, buffer);
    const sj_literal literal = sj_picture_literal(graph, sj_graph_node(graph, ref));
    const bool is_text = literal.opcode == SJ_OP_INT || literal.opcode == SJ_OP_LONG;
    /* Digits that were not converted: farther from 0 than any bound. */
    if (is_text && number.data != buffer)
        return number.size > 0 && number.data[0] == '-' ? -1 : 1;
    return bound->is_float ? compare_int_to_double(number.data, number.size, bound->real)
                           : compare_ints(number.data, number.size, bound->data, bound->size);
}
