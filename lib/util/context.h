/* SPDX-License-Identifier: MIT
 *
 * What a context is inside the library: the allocator, and a few slots where upper layers keep things between calls
 * (compression contexts, buffers, the last header). This module knows nothing of what is in the slots.
 */
#ifndef SJ_UTIL_CONTEXT_H
#define SJ_UTIL_CONTEXT_H

#include <stdbool.h>

#include <snapjar/context.h>

typedef enum sj_slot { SJ_SLOT_CODEC, SJ_SLOT_HEADER, SJ_SLOT_CONTAINER, SJ_SLOT_ANALYSIS, SJ_SLOT_COUNT } sj_slot;

struct snapjar_context {
    snapjar_allocator allocator;
    struct {
        void *kept;
        void (*release)(snapjar_context *context, void *kept);
    } slots[SJ_SLOT_COUNT];
};

/** Memory from the context's allocator, or NULL. `size` 0 gives a block of one byte. Aligned for any type. */
void *sj_alloc(snapjar_context *context, size_t size) __attribute__((malloc, warn_unused_result));

/** The same, filled with zeros. */
void *sj_alloc_zero(snapjar_context *context, size_t size) __attribute__((malloc, warn_unused_result));

/** As realloc: on NULL the old block stays. */
void *sj_realloc(snapjar_context *context, void *pointer, size_t size) __attribute__((warn_unused_result));

void sj_free(snapjar_context *context, void *pointer);

/** A copy of `size` bytes with a NUL behind it, or NULL. */
char *sj_dup_text(snapjar_context *context, const char *text, size_t size) __attribute__((malloc, warn_unused_result));

/**
 * A large buffer: aligned to 2 MiB and advised to use huge pages from 2 MiB on (the first touch of 4 KiB pages can cost
 * more than decompressing into them), else to 64 bytes. `*block` is what sj_free takes. NULL without memory.
 */
void *sj_alloc_large(snapjar_context *context, size_t size, void **block) __attribute__((warn_unused_result));

#endif
