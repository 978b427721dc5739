/* SPDX-License-Identifier: MIT
 *
 * A part of a source as a source of its own.
 */
#ifndef SJ_SNAPSHOT_RANGE_H
#define SJ_SNAPSHOT_RANGE_H

#include "util/io.h"

/**
 * `size` bytes of `source` from `offset` on, all of which must be there. `source` is borrowed and must outlive it.
 */
snapjar_status sj_source_from_range(snapjar_source **range, snapjar_source *source, uint64_t offset, uint64_t size,
                                    snapjar_error *err) __attribute__((warn_unused_result));

#endif
