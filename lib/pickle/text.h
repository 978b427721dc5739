/* SPDX-License-Identifier: MIT
 *
 * Texts that a scan remembers beyond their chunk: names of globals and fields (interned, so that equal texts have equal
 * places), and texts that may become one. UTF-8 as Python has it, lone surrogates included. Never shrinks but by reset.
 */
#ifndef SJ_PICKLE_TEXT_H
#define SJ_PICKLE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <snapjar/header.h>

#include "util/context.h"
#include "util/error.h"

/** A place is a 4-byte unit of the arena; 0 is none. */
#define SJ_TEXT_UNIT 4

typedef struct sj_texts {
    snapjar_context *context;
    uint8_t *arena;
    size_t size;
    size_t capacity;
    size_t size_max;
    /** Bytes of texts that are not interned. */
    size_t kept_size;
    /** Open addressing: upper half of the hash, then the place; 0 is free. */
    uint64_t *table;
    size_t table_capacity;
    size_t table_count;
    uint64_t seed;
} sj_texts;

void sj_texts_init(sj_texts *texts, snapjar_context *context, size_t size_max);
void sj_texts_clear(sj_texts *texts);
void sj_texts_reset(sj_texts *texts);

/** Remembers a text of at most SNAPJAR_SCAN_NAME_SIZE_MAX bytes; `*place` is 0 if half of the room is used already. */
snapjar_status sj_texts_keep(sj_texts *texts, const void *data, size_t size, uint32_t *place, snapjar_error *err)
    __attribute__((warn_unused_result));

/** The one place of this text. Fails with `pickle-text-limit` at `offset` when the room is used up. */
snapjar_status sj_texts_intern(sj_texts *texts, const void *data, size_t size, uint64_t offset, uint32_t *place,
                               snapjar_error *err) __attribute__((warn_unused_result));

/** Valid until the next text is added. */
snapjar_text sj_texts_get(const sj_texts *texts, uint32_t place);

/** Mixes two numbers into a hash that nobody can predict who does not know the seed. */
uint64_t sj_texts_mix(const sj_texts *texts, uint64_t a, uint64_t b);

#endif
