/* SPDX-License-Identifier: MIT
 *
 * Content in memory of its own. Whoever makes it fills it, and hands it out only if all of it was verified.
 */
#ifndef SJ_SNAPSHOT_CONTENT_H
#define SJ_SNAPSHOT_CONTENT_H

#include <snapjar/snapshot.h>

#include "util/context.h"
#include "util/error.h"

struct snapjar_content {
    snapjar_context *context;
    void *block;
    uint8_t *bytes;
    uint64_t size;
    uint64_t pickle_size;
    snapjar_buffer_span *buffers;
    size_t buffer_count;
    int64_t schema_version;
};

/** Makes content without bytes. */
snapjar_status sj_content_new(snapjar_content **content, snapjar_context *context, uint64_t size, uint64_t pickle_size,
                              snapjar_error *err) __attribute__((warn_unused_result));

/** Gives it its bytes, to be filled: `*bytes`. */
snapjar_status sj_content_allocate(snapjar_content *content, uint8_t **bytes, snapjar_error *err)
    __attribute__((warn_unused_result));

/** Copies where its buffers stand. */
snapjar_status sj_content_set_buffers(snapjar_content *content, const snapjar_buffer_span *buffers, size_t count,
                                      snapjar_error *err) __attribute__((warn_unused_result));

#endif
