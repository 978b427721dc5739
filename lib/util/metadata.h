/* SPDX-License-Identifier: MIT
 *
 * What a file has besides its bytes, handed on to the file that takes its place: owner, mode, extended attributes.
 * For sinks that replace a file.
 */
#ifndef SJ_UTIL_METADATA_H
#define SJ_UTIL_METADATA_H

#include "util/context.h"
#include "util/error.h"

/**
 * Gives the file `to_fd` the owner, group, extended attributes and mode of `from_fd`. What the system does not permit
 * is left out, but then never so that more people may read the new file than the old one. `place` is for messages.
 */
snapjar_status sj_metadata_copy(snapjar_context *context, int from_fd, int to_fd, const char *place,
                                snapjar_error *err);

#endif
