/* SPDX-License-Identifier: MIT
 *
 * Payloads of one small frame in memory, as most records of queues and caches have them: the quick way for those that
 * are whole. Whatever is wrong with others is found, and told, by payload_read.c, which alone may call this.
 */
#ifndef SJ_CONTAINER_PAYLOAD_SMALL_H
#define SJ_CONTAINER_PAYLOAD_SMALL_H

#include "container/payload.h"

/** Whether the payload is of one small frame, and nobody wants a digest of it or to be told of progress. */
bool sj_payload_may_be_small(const sj_payload_reading *plan);

/**
 * Reads it if all checks hold: then `*is_whole`, and it was consumed. Else nothing was, but `*content` may have been
 * prepared. Fails only as `prepare` and `consume` do, or for want of memory.
 */
snapjar_status sj_payload_read_small(const sj_payload_reading *plan, uint8_t **content, bool *is_whole,
                                     snapjar_error *err) __attribute__((warn_unused_result));

#endif
