/* SPDX-License-Identifier: MIT
 *
 * Makes and frees contexts, and is the only place that allocates memory. Nothing else in the library calls malloc and
 * its kin. It knows nothing of what upper layers keep in a context's slots.
 */
#include "util/context.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "util/options.h"

/** The size of a huge page on the machines this library is used on; elsewhere the advice has no effect. */
#define HUGE_PAGE_SIZE ((size_t)2 << 20)
#define SMALL_ALIGNMENT ((size_t)64)

static void *system_allocate(void *state, size_t size)
{
    (void)state;
    return malloc(size);
}

static void *system_reallocate(void *state, void *pointer, size_t size)
{
    (void)state;
    return realloc(pointer, size);
}

static void system_release(void *state, void *pointer)
{
    (void)state;
    free(pointer);
}

snapjar_status snapjar_context_new(snapjar_context **context, const snapjar_context_options *options,
                                   snapjar_error *err)
{
    if (context == NULL)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE, "context is NULL");
    *context = NULL;
    snapjar_context_options read;
    SJ_TRY(sj_options_read(&read, sizeof read, options, "snapjar_context_options", err));
    snapjar_allocator allocator = {NULL, system_allocate, system_reallocate, system_release};
    if (read.allocator != NULL)
        allocator = *read.allocator;
    if (allocator.allocate == NULL || allocator.reallocate == NULL || allocator.release == NULL)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE,
                        "an allocator needs all of allocate, reallocate and release");
    snapjar_context *made = allocator.allocate(allocator.state, sizeof *made);
    if (made == NULL)
        return sj_raise_no_memory(err, sizeof *made);
    memset(made, 0, sizeof *made);
    made->allocator = allocator;
    *context = made;
    return SNAPJAR_OK;
}

void snapjar_context_free(snapjar_context *context)
{
    if (context == NULL)
        return;
    for (size_t i = 0; i < SJ_SLOT_COUNT; i++) {
        if (context->slots[i].kept != NULL && context->slots[i].release != NULL)
            context->slots[i].release(context, context->slots[i].kept);
    }
    snapjar_allocator allocator = context->allocator;
    allocator.release(allocator.state, context);
}

void *sj_alloc(snapjar_context *context, size_t size)
{
    return context->allocator.allocate(context->allocator.state, size == 0 ? 1 : size);
}

void *sj_alloc_zero(snapjar_context *context, size_t size)
{
    void *pointer = sj_alloc(context, size);
    if (pointer != NULL)
        memset(pointer, 0, size);
    return pointer;
}

void *sj_realloc(snapjar_context *context, void *pointer, size_t size)
{
    return context->allocator.reallocate(context->allocator.state, pointer, size == 0 ? 1 : size);
}

void sj_free(snapjar_context *context, void *pointer)
{
    context->allocator.release(context->allocator.state, pointer);
}

char *sj_dup_text(snapjar_context *context, const char *text, size_t size)
{
    if (size == SIZE_MAX)
        return NULL;
    char *copy = sj_alloc(context, size + 1);
    if (copy == NULL)
        return NULL;
    if (size > 0)
        memcpy(copy, text, size);
    copy[size] = '\0';
    return copy;
}

void *sj_alloc_large(snapjar_context *context, size_t size, void **block)
{
    size_t alignment = size >= HUGE_PAGE_SIZE ? HUGE_PAGE_SIZE : SMALL_ALIGNMENT;
    size_t block_size;
    *block = NULL;
    if (__builtin_add_overflow(size, alignment, &block_size))
        return NULL;
    uint8_t *start = sj_alloc(context, block_size);
    if (start == NULL)
        return NULL;
    *block = start;
    uint8_t *aligned = start + (alignment - (uintptr_t)start % alignment) % alignment;
    /* Whole huge pages only: the advice must not reach into memory of others behind this block. It is advice: that a
     * kernel without huge pages refuses it changes nothing. */
    if (alignment == HUGE_PAGE_SIZE)
        (void)madvise(aligned, size - size % HUGE_PAGE_SIZE, MADV_HUGEPAGE);
    return aligned;
}
