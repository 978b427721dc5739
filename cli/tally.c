/* SPDX-License-Identifier: MIT
 *
 * A hash table with open addressing.
 */
#include "tally.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

#define FIRST_SLOTS 64

struct tally tally_new(size_t key_max, size_t size_max)
{
    return (struct tally){.key_max = key_max, .size_max = size_max};
}

/* FNV-1a: keys that collide on purpose only make this slower, and there are few. */
static uint64_t hash(const char *bytes, size_t size)
{
    uint64_t value = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < size; i++)
        value = (value ^ (unsigned char)bytes[i]) * UINT64_C(0x100000001b3);
    return value ^ value >> 32;
}

/* The slot where a key is or would go. */
static uint32_t *find_slot(const struct tally *tally, const char *bytes, size_t size)
{
    size_t place = hash(bytes, size) & (tally->slot_count - 1);

    for (;; place = (place + 1) & (tally->slot_count - 1)) {
        uint32_t number = tally->slots[place];
        if (!number)
            return &tally->slots[place];
        const struct tally_key *key = &tally->keys[number - 1];
        if (key->size == size && !memcmp(key->data, bytes, size))
            return &tally->slots[place];
    }
}

static void widen(struct tally *tally)
{
    free(tally->slots);
    tally->slot_count = tally->slot_count ? tally->slot_count * 2 : FIRST_SLOTS;
    tally->slots = memory_get(tally->slot_count * sizeof(*tally->slots));
    for (size_t i = 0; i < tally->count; i++)
        *find_slot(tally, tally->keys[i].data, tally->keys[i].size) = (uint32_t)(i + 1);
}

size_t tally_add(struct tally *tally, const char *bytes, size_t size)
{
    if (tally->count * 2 >= tally->slot_count)
        widen(tally);
    uint32_t *slot = find_slot(tally, bytes, size);
    if (*slot)
        return *slot - 1;
    if (tally->count == tally->key_max || size > tally->size_max - tally->size)
        return TALLY_NONE;
    char *kept = memory_get(size);
    if (size)
        memcpy(kept, bytes, size);
    tally->keys = array_grown(tally->keys, tally->count, sizeof(*tally->keys));
    tally->keys[tally->count++] = (struct tally_key){kept, size};
    tally->size += size;
    *slot = (uint32_t)tally->count;
    return tally->count - 1;
}

void tally_free(struct tally *tally)
{
    for (size_t i = 0; i < tally->count; i++)
        free(tally->keys[i].data);
    free(tally->keys);
    free(tally->slots);
    *tally = (struct tally){0};
}

void *array_grown(void *array, size_t count, size_t item_size)
{
    /* Powers of two only, so that the count tells the capacity. */
    if (count & (count - 1))
        return array;
    return memory_resize(array, (count ? count * 2 : 1) * item_size);
}
