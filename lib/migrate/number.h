/* SPDX-License-Identifier: MIT
 *
 * Limits for numbers, compared exactly: integers of any size and floats with one another, as Python does.
 */
#ifndef SJ_MIGRATE_NUMBER_H
#define SJ_MIGRATE_NUMBER_H

#include "pickle/picture.h"
#include "json/json.h"

typedef struct sj_bound {
    bool is_float;
    double real;
    /** Of an integer, as LONG1 has it: little-endian, two's complement. */
    const uint8_t *data;
    size_t size;
} sj_bound;

/** Bytes that an integer of a bound takes at most: 64 bits in JSON, the digits of "$int" else. */
#define SJ_BOUND_SIZE_MAX SJ_DECIMAL_BYTES_MAX

/**
 * Reads an integer, a real number or {"$int": "12"}; `buffer` gets the bytes, to which `bound` then points. False if it
 * is none of these.
 */
bool sj_bound_read(sj_bound *bound, const sj_json *json, uint8_t buffer[SJ_BOUND_SIZE_MAX]);

/** How a value that is an int or a float is to a bound: below, equal or above gives -1, 0, 1; a nan 2. An integer that
 * is too long to be read from its digits is told by its sign. */
int sj_bound_compare(const snapjar_graph *graph, sj_ref ref, const sj_bound *bound);

/** The same of one bound to another. */
int sj_bound_order(const sj_bound *a, const sj_bound *b);

#endif
