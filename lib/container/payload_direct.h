/* SPDX-License-Identifier: MIT
 *
 * The short way through a payload whose frames hold their content as it is: read once, straight to where the content
 * stays. It only ever says yes: whatever is not as it must be is left to the usual way (payload.h), which tells what is
 * wrong in the order of the gate.
 */
#ifndef SJ_CONTAINER_PAYLOAD_DIRECT_H
#define SJ_CONTAINER_PAYLOAD_DIRECT_H

#include "container/payload.h"

/** Whether the sizes in the header are those of such a payload, and large enough for it to matter. */
bool sj_payload_may_be_direct(const sj_payload_reading *plan);

/**
 * Reads the payload into `content`, which has room for all of it. The same bytes, in memory of our own, are compared
 * with all checksums and are the content, so nothing is read again. Nothing is consumed. `*is_whole` tells whether all
 * held; if not, the content means nothing. Fails only where it was cancelled or there is no memory.
 */
snapjar_status sj_payload_read_direct(const sj_payload_reading *plan, uint8_t *content, bool *is_whole,
                                      snapjar_error *err);

#endif
