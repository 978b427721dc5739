/* SPDX-License-Identifier: MIT
 *
 * What a source is inside the library, so that a kind of source can be added in a file of its own: a struct that begins
 * with a snapjar_source and a table of functions. For the files that define kinds; all others use io.h.
 */
#ifndef SJ_UTIL_SOURCE_INTERNAL_H
#define SJ_UTIL_SOURCE_INTERNAL_H

#include "util/io.h"

typedef struct sj_source_kind {
    /** As snapjar_source_read_at; arguments are checked already. */
    snapjar_status (*read_at)(snapjar_source *source, void *buffer, size_t size, uint64_t offset, size_t *got,
                              snapjar_error *err);
    snapjar_status (*get_size)(snapjar_source *source, uint64_t *size, snapjar_error *err);
    /** As sj_source_borrow. May be NULL. */
    const uint8_t *(*borrow)(const snapjar_source *source, uint64_t offset, uint64_t size);
    /** As sj_source_expect_sequential. May be NULL. */
    void (*expect_sequential)(snapjar_source *source);
    /** Gives up what the source holds, but not the struct, which snapjar_source_free frees. May be NULL. */
    void (*close)(snapjar_source *source);
    /** As sj_source_is_for_any_thread. */
    bool is_for_any_thread;
} sj_source_kind;

struct snapjar_source {
    const sj_source_kind *kind;
    snapjar_context *context;
    /** For messages; "" if there is none. Lives as long as the source. */
    const char *name;
    /** The path of the file that the bytes are of; NULL: of none. It is the name, or `own_path`. */
    const char *path;
    char *own_path;
};

/** Memory for a kind's struct of `size` bytes with a copy of `name` (may be NULL) behind it; the rest is zero. */
snapjar_status sj_source_new(snapjar_source **source, snapjar_context *context, size_t size, const sj_source_kind *kind,
                             const char *name, snapjar_error *err);

#endif
