/* SPDX-License-Identifier: MIT
 *
 * The arena of texts and the table of those that are interned. The hash is seeded, so that a pickle cannot be made to
 * collide.
 */
#include "pickle/text.h"

#include <string.h>

#include <snapjar/scan.h>

#include "util/bytes.h"

#define ARENA_SIZE_FIRST ((size_t)4096)
#define TABLE_CAPACITY_FIRST ((size_t)128)
#define HASH_MASK UINT64_C(0xffffffff00000000)

__extension__ typedef unsigned __int128 wide;

static uint64_t multiply(uint64_t a, uint64_t b)
{
    wide product = (wide)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t sj_texts_mix(const sj_texts *texts, uint64_t a, uint64_t b)
{
    return multiply(multiply(a ^ texts->seed, b ^ UINT64_C(0xe7037ed1a0b428db)), texts->seed | 1);
}

void sj_texts_init(sj_texts *texts, snapjar_context *context, size_t size_max)
{
    memset(texts, 0, sizeof *texts);
    texts->context = context;
    texts->size_max = size_max;
    /* Where the system put this is as unpredictable as a file's maker can be kept from knowing without system calls. */
    texts->seed = multiply((uintptr_t)texts ^ UINT64_C(0xa0761d6478bd642f), (uintptr_t)context | 1);
    texts->size = SJ_TEXT_UNIT;
}

void sj_texts_clear(sj_texts *texts)
{
    sj_free(texts->context, texts->arena);
    sj_free(texts->context, texts->table);
}

void sj_texts_reset(sj_texts *texts)
{
    texts->size = SJ_TEXT_UNIT;
    texts->kept_size = 0;
    texts->table_count = 0;
    /* A table that one large pickle needed would cost each small one after it. */
    if (texts->table_capacity > 4 * TABLE_CAPACITY_FIRST) {
        sj_free(texts->context, texts->table);
        texts->table = NULL;
        texts->table_capacity = 0;
    } else if (texts->table_capacity > 0) {
        memset(texts->table, 0, texts->table_capacity * sizeof *texts->table);
    }
}

static uint64_t hash_text(const sj_texts *texts, const uint8_t *data, size_t size)
{
    uint64_t hash = texts->seed ^ size;
    while (size >= 8) {
        hash = multiply(hash ^ sj_read_le64(data), UINT64_C(0xe7037ed1a0b428db));
        data += 8;
        size -= 8;
    }
    uint64_t tail = 0;
    for (size_t i = 0; i < size; i++)
        tail |= (uint64_t)data[i] << (8 * i);
    return sj_texts_mix(texts, hash, tail);
}

/** Appends a text; `*place` is 0 if it does not fit. */
static snapjar_status append(sj_texts *texts, const void *data, size_t size, uint32_t *place, snapjar_error *err)
{
    const size_t entry_size = (size_t)sj_round_up(2 + size, SJ_TEXT_UNIT);
    *place = 0;
    if (entry_size > texts->size_max || texts->size > texts->size_max - entry_size)
        return SNAPJAR_OK;
    if (texts->capacity < texts->size + entry_size) {
        size_t capacity = texts->capacity == 0 ? ARENA_SIZE_FIRST : 2 * texts->capacity;
        uint8_t *arena = sj_realloc(texts->context, texts->arena, capacity);
        if (arena == NULL)
            return sj_raise_no_memory(err, capacity);
        texts->arena = arena;
        texts->capacity = capacity;
    }
    uint8_t *entry = texts->arena + texts->size;
    sj_write_le16(entry, (uint16_t)size);
    if (size > 0)
        memcpy(entry + 2, data, size);
    *place = (uint32_t)(texts->size / SJ_TEXT_UNIT);
    texts->size += entry_size;
    return SNAPJAR_OK;
}

snapjar_status sj_texts_keep(sj_texts *texts, const void *data, size_t size, uint32_t *place, snapjar_error *err)
{
    *place = 0;
    if (texts->kept_size > texts->size_max / 2)
        return SNAPJAR_OK;
    SJ_TRY(append(texts, data, size, place, err));
    texts->kept_size += 2 + size;
    return SNAPJAR_OK;
}

snapjar_text sj_texts_get(const sj_texts *texts, uint32_t place)
{
    const uint8_t *entry = texts->arena + (size_t)place * SJ_TEXT_UNIT;
    return (snapjar_text){(const char *)entry + 2, sj_read_le16(entry)};
}

/** The slot that holds this text, or the free one where it belongs. */
static uint64_t *find_slot(const sj_texts *texts, uint64_t hash, const void *data, size_t size)
{
    const size_t mask = texts->table_capacity - 1;
    for (size_t i = (size_t)hash & mask;; i = (i + 1) & mask) {
        uint64_t *slot = &texts->table[i];
        if (*slot == 0)
            return slot;
        if ((*slot & HASH_MASK) != (hash & HASH_MASK))
            continue;
        snapjar_text text = sj_texts_get(texts, (uint32_t)*slot);
        if (text.size == size && memcmp(text.data, data, size) == 0)
            return slot;
    }
}

static snapjar_status grow_table(sj_texts *texts, snapjar_error *err)
{
    const size_t capacity = texts->table_capacity == 0 ? TABLE_CAPACITY_FIRST : 2 * texts->table_capacity;
    uint64_t *table = sj_alloc_zero(texts->context, capacity * sizeof *table);
    if (table == NULL)
        return sj_raise_no_memory(err, capacity * sizeof *table);
    for (size_t i = 0; i < texts->table_capacity; i++) {
        if (texts->table[i] == 0)
            continue;
        snapjar_text text = sj_texts_get(texts, (uint32_t)texts->table[i]);
        size_t at = (size_t)hash_text(texts, (const uint8_t *)text.data, text.size) & (capacity - 1);
        while (table[at] != 0)
            at = (at + 1) & (capacity - 1);
        table[at] = texts->table[i];
    }
    sj_free(texts->context, texts->table);
    texts->table = table;
    texts->table_capacity = capacity;
    return SNAPJAR_OK;
}

snapjar_status sj_texts_intern(sj_texts *texts, const void *data, size_t size, uint64_t offset, uint32_t *place,
                               snapjar_error *err)
{
    if (2 * (texts->table_count + 1) > texts->table_capacity)
        SJ_TRY(grow_table(texts, err));
    const uint64_t hash = hash_text(texts, data, size);
    uint64_t *slot = find_slot(texts, hash, data, size);
    *place = (uint32_t)*slot;
    if (*place != 0)
        return SNAPJAR_OK;
    SJ_TRY(append(texts, data, size, place, err));
    if (*place == 0)
        return sj_raise(err, SNAPJAR_LIMIT, SNAPJAR_DIAG_PICKLE_TEXT_LIMIT, SJ_AT_CONTENT(offset),
                        "names need more than the limit of %zu bytes", texts->size_max);
    *slot = (hash & HASH_MASK) | *place;
    texts->table_count++;
    return SNAPJAR_OK;
}
