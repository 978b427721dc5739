/* SPDX-License-Identifier: MIT
 *
 * Distinct keys, numbered in the order in which they came: for counting by type, writer or layout without knowing
 * before how many there are. At most so many keys and bytes are kept; what is beyond has no number.
 */
#ifndef CLI_TALLY_H
#define CLI_TALLY_H

#include <stddef.h>
#include <stdint.h>

/** No number. */
#define TALLY_NONE SIZE_MAX

struct tally_key {
    char *data;
    size_t size;
};

struct tally {
    /** Largest number of keys, and of bytes in them. */
    size_t key_max;
    size_t size_max;
    size_t count;
    size_t size;
    struct tally_key *keys;
    /** Number + 1 of a key, or 0. As many as `slot_count`, a power of two. */
    uint32_t *slots;
    size_t slot_count;
};

/** `key_max` below 2^32 - 1. Free it with tally_free. */
struct tally tally_new(size_t key_max, size_t size_max);

/** The number of a key, which is added if it is new; TALLY_NONE if there is no room for it. */
size_t tally_add(struct tally *tally, const char *bytes, size_t size);

void tally_free(struct tally *tally);

/** Makes room for item `count` of an array that grows by doubling, and that has `count` now. */
void *array_grown(void *array, size_t count, size_t item_size);

#endif
