/* SPDX-License-Identifier: MIT
 *
 * What a file has besides its bytes, handed on to the file that takes its place: owner, mode, extended attributes.
 * For sinks that replace a file.
 */
#ifndef SJ_UTIL_METADATA_H
#define SJ_UTIL_METADATA_H

#include <stdbool.h>
#include <sys/stat.h>

#include "util/context.h"
#include "util/error.h"

/** A file whose metadata is copied, and what it is: `info` is its own, as fstat gives it. */
typedef struct sj_metadata_file {
    int fd;
    const struct stat *info;
} sj_metadata_file;

/**
 * Gives the file `to` the owner, group, extended attributes and mode of `from`. What the system does not permit is left
 * out, but then never so that more people may read the new file than the old one. `may_inherit`: `to` may have got an
 * access list from its folder. `place` is for messages.
 */
snapjar_status sj_metadata_copy(snapjar_context *context, sj_metadata_file from, sj_metadata_file to, bool may_inherit,
                                const char *place, snapjar_error *err);

/** Whether new files in a folder may get an access list from it: false only if it is known to have none for them. */
bool sj_metadata_is_inherited(int folder_fd);

#endif
