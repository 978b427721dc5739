/* SPDX-License-Identifier: MIT
 *
 * Buffers and a spool that are kept in the context between records, by number: touching fresh memory costs more than
 * decompressing into it.
 */
#ifndef SJ_CONTAINER_POOL_H
#define SJ_CONTAINER_POOL_H

#include "util/io.h"
#include "util/pipeline.h"

enum {
    SJ_POOL_HEADER,
    /** A record's small pieces put together for one write. */
    SJ_POOL_RECORD,
    /** What the first pass over a payload looks at. */
    SJ_POOL_PIECE,
    /** Two for each slot of a pipeline. */
    SJ_POOL_CONTENT,
    SJ_POOL_STORED = SJ_POOL_CONTENT + SJ_SLOTS_MAX,
    SJ_POOL_COUNT = SJ_POOL_STORED + SJ_SLOTS_MAX
};

/** Buffer `number` with room for `size` bytes; its former bytes are lost when it grows. NULL without memory. */
uint8_t *sj_pool_get(snapjar_context *context, unsigned number, uint64_t size);

/** The kept spool, emptied. NULL without memory. Only one user at a time. */
sj_spool *sj_pool_spool(snapjar_context *context, snapjar_error *err);

#endif
