/* SPDX-License-Identifier: MIT
 *
 * What the sources, sinks and the spool need of descriptors beyond util/io.h. fd.c is the one file that deals with
 * interrupted calls, short reads, partial writes and descriptors that are not ready.
 */
#ifndef SJ_UTIL_FD_H
#define SJ_UTIL_FD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "util/error.h"

/** Whether both are of one file. */
bool sj_stat_is_same(const struct stat *a, const struct stat *b);
/** The same, and nobody wrote to it in between, as far as size and time tell. */
bool sj_stat_is_unchanged(const struct stat *now, const struct stat *before);

/** As openat with O_CLOEXEC and O_NOCTTY. `name` is relative to `folder_fd`, `place` what messages call the file. */
snapjar_status sj_fd_open_at(int *fd, int folder_fd, const char *name, int flags, unsigned mode, const char *place,
                             snapjar_error *err);

/** Number of characters at the end of a name that sj_fd_open_new replaces. */
#define SJ_FD_RANDOM_SIZE 6

/**
 * Makes a new file for reading and writing that nobody else has: replaces the last six characters of `name` by random
 * ones until no such file exists in `folder_fd`.
 */
snapjar_status sj_fd_open_new(int *fd, int folder_fd, char *name, unsigned mode, const char *place, snapjar_error *err);

/** Makes a file without a name (in TMPDIR or /var/tmp) that is gone when it is closed. */
snapjar_status sj_fd_open_unnamed(int *fd, snapjar_error *err);

/** fsync. */
snapjar_status sj_fd_sync(int fd, const char *name, snapjar_error *err);

/**
 * Waits for an open file description lock on the whole file; `is_exclusive` needs a descriptor that can write, else
 * one that can read. Where the file system knows no such locks, `*is_supported` is false and the result SNAPJAR_OK.
 */
snapjar_status sj_fd_lock_any(int fd, const char *name, bool is_exclusive, bool *is_supported, snapjar_error *err);

/** The same without waiting: `*is_busy` is true, and nothing locked, if somebody else holds a lock. */
snapjar_status sj_fd_lock_now(int fd, const char *name, bool is_exclusive, bool *is_busy, snapjar_error *err);

/**
 * Opens `path` with O_RDWR or O_RDONLY and waits for a lock on what it names at the moment the lock is held: that of
 * one who writes, which is an error where the file system has none, or one that keeps those away. What is no regular
 * file is not locked. `*info` is what the file is then.
 */
snapjar_status sj_fd_open_locked(int *fd, struct stat *info, const char *path, int flags, snapjar_error *err);

#endif
