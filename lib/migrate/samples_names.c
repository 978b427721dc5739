/* SPDX-License-Identifier: MIT
 *
 * The names of samples, each kept once, and arrays that grow.
 */
#include "migrate/samples.h"

#include <string.h>

#include "json/scan.h"

snapjar_status sj_samples_reserve(snapjar_context *context, void *array, size_t *capacity, size_t count, size_t size,
                                  snapjar_error *err)
{
    void *block;
    if (count < *capacity)
        return SNAPJAR_OK;
    const size_t grown = *capacity == 0 ? 16 : 2 * *capacity;
    memcpy(&block, array, sizeof block);
    block = sj_realloc(context, block, grown * size);
    if (block == NULL)
        return sj_raise_no_memory(err, grown * size);
    memcpy(array, &block, sizeof block);
    *capacity = grown;
    return SNAPJAR_OK;
}

static size_t hash_of(snapjar_text text)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < text.size; i++)
        hash = (hash ^ (uint8_t)text.data[i]) * UINT64_C(0x100000001b3);
    return (size_t)(hash ^ hash >> 29);
}

static size_t slot_of(const snapjar_samples *samples, snapjar_text text)
{
    size_t at = hash_of(text) & (samples->name_table_capacity - 1);
    while (samples->name_table[at] != 0) {
        const char *name = samples->names[samples->name_table[at] - 1];
        if (strlen(name) == text.size && memcmp(name, text.data, text.size) == 0)
            break;
        at = (at + 1) & (samples->name_table_capacity - 1);
    }
    return at;
}

static SJ_SAMPLES grow_table(snapjar_samples *samples, snapjar_error *err)
{
    const size_t capacity = samples->name_table_capacity == 0 ? 128 : 2 * samples->name_table_capacity;
    uint32_t *table = sj_alloc_zero(samples->context, capacity * sizeof *table);
    if (table == NULL)
        return sj_raise_no_memory(err, capacity * sizeof *table);
    sj_free(samples->context, samples->name_table);
    samples->name_table = table;
    samples->name_table_capacity = capacity;
    for (size_t i = 0; i < samples->name_count; i++)
        table[slot_of(samples, (snapjar_text){samples->names[i], strlen(samples->names[i])})] = (uint32_t)i + 1;
    return SNAPJAR_OK;
}

snapjar_status sj_samples_intern(snapjar_samples *samples, snapjar_text text, uint32_t *index, snapjar_error *err)
{
    *index = 0;
    if (memchr(text.data, '\0', text.size) != NULL || sj_json_bad_utf8(text.data, text.size) != text.size)
        return sj_raise(err, SNAPJAR_REFUSED, SNAPJAR_DIAG_CONTRACT_SAMPLES, SJ_NOWHERE,
                        "the sample has a name that JSON cannot have: a NUL, or half of a surrogate pair, is in it");
    if (2 * (samples->name_count + 1) > samples->name_table_capacity)
        SJ_TRY(grow_table(samples, err));
    const size_t at = slot_of(samples, text);
    if (samples->name_table[at] == 0) {
        SJ_TRY(SJ_RESERVE(samples->context, samples->names, samples->name_capacity, samples->name_count, err));
        char *copy = sj_dup_text(samples->context, text.data, text.size);
        if (copy == NULL)
            return sj_raise_no_memory(err, text.size);
        samples->names[samples->name_count++] = copy;
        samples->name_table[at] = (uint32_t)samples->name_count;
    }
    *index = samples->name_table[at] - 1;
    return SNAPJAR_OK;
}

const char *sj_samples_name(const snapjar_samples *samples, uint32_t index)
{
    return samples->names[index];
}
