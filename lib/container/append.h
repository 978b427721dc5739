/* SPDX-License-Identifier: MIT
 *
 * What is known of the file behind a sink that appends.
 */
#ifndef SJ_CONTAINER_APPEND_H
#define SJ_CONTAINER_APPEND_H

#include <snapjar/snapshot.h>

#include "container/record.h"

/** The last whole record of the file, as it was when the sink was opened. */
typedef struct sj_append_tail {
    /** False: the file is new, or has no whole record. */
    bool has_record;
    uint64_t offset;
    bool is_sealed;
    bool has_stream;
    char stream_id[SJ_STREAM_ID_SIZE + 1];
    uint64_t stream_index;
    uint8_t header_digest[SJ_BLAKE_SIZE];
} sj_append_tail;

/**
 * NULL if the sink is of another kind. Borrowed from the sink. What is written from now on fits behind this tail only:
 * if somebody else makes the file meanwhile, finishing fails with `target-exists`.
 */
const sj_append_tail *sj_append_follow(snapjar_sink *sink);

#endif
