/* SPDX-License-Identifier: MIT
 *
 * An allocator that refuses the n-th request and counts what is still held, and the loop that runs a piece of code with
 * the 1st, 2nd, ... request refused until it succeeds.
 */
#ifndef SNAPJAR_TESTS_FAIL_ALLOC_H
#define SNAPJAR_TESTS_FAIL_ALLOC_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <snapjar/context.h>

typedef struct fail_alloc {
    /** Requests so far, and which of them (from 1) is refused; 0: none. */
    size_t count;
    size_t refused;
    /** Blocks that were not released. */
    size_t live;
} fail_alloc;

static inline bool fail_alloc_refuses(fail_alloc *state)
{
    return ++state->count == state->refused;
}

static inline void *fail_alloc_allocate(void *state, size_t size)
{
    fail_alloc *own = state;
    assert_true(size > 0);
    if (fail_alloc_refuses(own))
        return NULL;
    own->live++;
    return malloc(size);
}

static inline void *fail_alloc_reallocate(void *state, void *pointer, size_t size)
{
    fail_alloc *own = state;
    assert_true(size > 0);
    if (fail_alloc_refuses(own))
        return NULL;
    if (pointer == NULL)
        own->live++;
    return realloc(pointer, size);
}

static inline void fail_alloc_release(void *state, void *pointer)
{
    if (pointer != NULL)
        ((fail_alloc *)state)->live--;
    free(pointer);
}

/** A context on such an allocator; NULL if making it was what was refused. */
static inline snapjar_context *fail_alloc_context(fail_alloc *state)
{
    const snapjar_allocator allocator = {state, fail_alloc_allocate, fail_alloc_reallocate, fail_alloc_release};
    snapjar_context_options options = SNAPJAR_CONTEXT_OPTIONS_INIT;
    snapjar_context *context;
    snapjar_error err;
    options.allocator = &allocator;
    snapjar_status status = snapjar_context_new(&context, &options, &err);
    if (status == SNAPJAR_OK)
        return context;
    assert_int_equal(status, SNAPJAR_NO_MEMORY);
    assert_int_equal(err.diagnostic, SNAPJAR_DIAG_OUT_OF_MEMORY);
    assert_null(context);
    return NULL;
}

/**
 * Runs `body` with one request more granted each time until it succeeds. Every failure must be out-of-memory, and
 * nothing may be held when the context is gone. Returns the number of requests that a success takes.
 */
static inline size_t fail_alloc_run(snapjar_status (*body)(snapjar_context *context, void *state, snapjar_error *err),
                                    void *state)
{
    for (size_t refused = 1; refused < 10000; refused++) {
        fail_alloc alloc = {0, refused, 0};
        snapjar_error err;
        snapjar_status status = SNAPJAR_NO_MEMORY;
        snapjar_context *context = fail_alloc_context(&alloc);
        if (context != NULL) {
            status = body(context, state, &err);
            if (status != SNAPJAR_OK) {
                assert_int_equal(status, SNAPJAR_NO_MEMORY);
                assert_int_equal(err.status, SNAPJAR_NO_MEMORY);
                assert_int_equal(err.diagnostic, SNAPJAR_DIAG_OUT_OF_MEMORY);
            }
        }
        snapjar_context_free(context);
        assert_int_equal(alloc.live, 0);
        if (status == SNAPJAR_OK && alloc.count < refused)
            return alloc.count;
    }
    fail_msg("no success within 10000 requests");
    return 0;
}

#endif
