/* SPDX-License-Identifier: MIT
 *
 * Reading an options struct whose size the caller states: an older program's is shorter (the rest is zero), a newer
 * one's is longer (its tail must be zero, or it asks for something that this library does not have).
 */
#ifndef SJ_UTIL_OPTIONS_H
#define SJ_UTIL_OPTIONS_H

#include "util/error.h"

/** Copies `from` (may be NULL: all defaults) into the `size` bytes at `to` and sets its size field. */
snapjar_status sj_options_read(void *to, size_t size, const void *from, const char *name, snapjar_error *err);

#endif
