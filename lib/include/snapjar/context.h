/* SPDX-License-Identifier: MIT
 *
 * A context carries what many calls share: the allocator, kept compression contexts and buffers, and the
 * last header (most headers of a program differ in a few numbers only). One context may be used by one
 * thread at a time; different contexts are independent. The library has no other state.
 */
#ifndef SNAPJAR_CONTEXT_H
#define SNAPJAR_CONTEXT_H

#include <stddef.h>
#include <stdint.h>

#include <snapjar/error.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct snapjar_context snapjar_context;

/**
 * Where memory comes from. All three functions are needed. They may be called from the library's worker
 * threads when a call is given `threads` above 0, so they must then be safe for threads.
 */
typedef struct snapjar_allocator {
    void *state;
    /** `size` > 0 bytes aligned for any type, or NULL. */
    void *(*allocate)(void *state, size_t size);
    /** As realloc; `pointer` may be NULL, `size` > 0. On NULL the old block stays. */
    void *(*reallocate)(void *state, void *pointer, size_t size);
    /** `pointer` may be NULL. */
    void (*release)(void *state, void *pointer);
} snapjar_allocator;

typedef struct snapjar_context_options {
    /** sizeof(snapjar_context_options) of the program. */
    size_t struct_size;
    /** NULL: malloc, realloc and free. Copied. */
    const snapjar_allocator *allocator;
} snapjar_context_options;

#define SNAPJAR_CONTEXT_OPTIONS_INIT                                                                                   \
    {                                                                                                                  \
        sizeof(snapjar_context_options), NULL                                                                          \
    }

/** Makes a context. `options` may be NULL. On failure `*context` is NULL. Free it with snapjar_context_free. */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_context_new(snapjar_context **context,
                                                                  const snapjar_context_options *options,
                                                                  snapjar_error *err);

/** Frees a context and all that it keeps. Everything made with it must be freed before. NULL is allowed. */
SNAPJAR_API void snapjar_context_free(snapjar_context *context);

/**
 * The limits on what input may demand. Zero means the default. A limit is the largest value still allowed.
 * Going over one gives SNAPJAR_LIMIT.
 */
typedef struct snapjar_limits {
    /** sizeof(snapjar_limits) of the program. */
    size_t struct_size;
    /** Bytes of JSON in a header. Default 1 MiB; never more than 16 MiB - 36. */
    uint64_t header_json_size_max;
    /** Bytes of the seal area. Default 64 KiB; never more than 16 MiB - 36. */
    uint64_t seal_size_max;
    /** Nesting of a header's JSON. Default 32, at most 1,000. */
    uint64_t json_depth_max;
    /** Bytes of content (the decompressed payload) of a record, and of an input to pack. Default 64 GiB. */
    uint64_t content_size_max;
    /** Bytes of one line of a protocol 0 opcode, without its newline. Default 64 MiB. */
    uint64_t pickle_line_size_max;
} snapjar_limits;

#define SNAPJAR_LIMITS_INIT                                                                                            \
    {                                                                                                                  \
        sizeof(snapjar_limits), 0, 0, 0, 0, 0                                                                          \
    }

#define SNAPJAR_HEADER_JSON_SIZE_DEFAULT (UINT64_C(1) << 20)
#define SNAPJAR_SEAL_SIZE_DEFAULT (UINT64_C(64) << 10)
#define SNAPJAR_JSON_DEPTH_DEFAULT UINT64_C(32)
#define SNAPJAR_CONTENT_SIZE_DEFAULT (UINT64_C(64) << 30)
#define SNAPJAR_PICKLE_LINE_SIZE_DEFAULT (UINT64_C(64) << 20)

#ifdef __cplusplus
}
#endif
#endif
