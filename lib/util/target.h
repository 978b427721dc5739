/* SPDX-License-Identifier: MIT
 *
 * A file that is to be replaced: found behind links, locked, given a temporary neighbour that is renamed over it. What
 * the sink for a path and the replacing of many files share. Writes no bytes itself.
 */
#ifndef SJ_UTIL_TARGET_H
#define SJ_UTIL_TARGET_H

#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "util/context.h"
#include "util/error.h"

typedef struct sj_target {
    snapjar_context *context;
    /** The path as the caller gave it, for messages. */
    char *place;
    /** The folder of the file (links followed), held open so that renaming it changes nothing. */
    int folder_fd;
    bool is_folder_readable;
    /** The folder belongs to somebody else, who closes it. */
    bool is_folder_borrowed;
    /** Its name in that folder, and the temporary neighbour's ("" while there is none). */
    char *name;
    char temporary_name[NAME_MAX + 1];
    /** The file that is replaced, locked; -1 if there is none. What it was when the lock was taken or asked for last.
     */
    int old_fd;
    struct stat old;
    /** What sj_target_follow saw at the end of the links, until the lock is asked for. */
    struct stat seen;
    bool is_seen;
    /** Other hard links to it, as of the last sj_target_lock. */
    uint64_t replaced_links;
} sj_target;

/** What stands in a temporary neighbour's name behind the file's; the X are replaced by random characters. */
#define SJ_TEMPORARY_SUFFIX ".snapjar-XXXXXX"
/** The same for a file that is replaced together with others: whoever holds the file's lock may remove it. */
#define SJ_TOGETHER_SUFFIX ".together.snapjar-XXXXXX"

/** Begins with nothing but the path. sj_target_clear in any case. */
snapjar_status sj_target_init(sj_target *target, snapjar_context *context, const char *path, snapjar_error *err);

/** Removes the temporary neighbour if it is still there, lets go of the lock, and frees. */
void sj_target_clear(sj_target *target);

/** Follows symbolic links to `resolved`, the path of the file itself, which need not exist. */
snapjar_status sj_target_follow(sj_target *target, char resolved[PATH_MAX], snapjar_error *err);

/** Bytes of `path` up to and with its last slash: 0 if there is none. */
size_t sj_target_folder_size(const char *path);

/** Takes the name from a path that sj_target_follow gave. */
snapjar_status sj_target_take_name(sj_target *target, const char *resolved, snapjar_error *err);

/** Opens the folder of such a path; cuts the path down to it. */
snapjar_status sj_target_open_folder(sj_target *target, char *resolved, snapjar_error *err);

/**
 * Makes sure that the file which the name now leads to, if any, is the one whose lock we hold, waiting for it. A file
 * that vanished meanwhile stays the one whose mode is handed on. `must_not_exist`: `target-exists` if there is one.
 */
snapjar_status sj_target_lock(sj_target *target, bool must_not_exist, snapjar_error *err);

/** The same without waiting: `*is_busy` is true, and no lock held, if somebody else holds one. */
snapjar_status sj_target_lock_now(sj_target *target, bool *is_busy, snapjar_error *err);

/** `target-exists` for this path. */
snapjar_status sj_target_raise_exists(const sj_target *target, snapjar_error *err);
/** `target-unsafe`: `what` is why. */
snapjar_status sj_target_raise_unsafe(const sj_target *target, snapjar_error *err, const char *what);

/** Makes the temporary neighbour, whose name gets `suffix`. */
snapjar_status sj_target_open_temporary(sj_target *target, const char *suffix, unsigned mode, int *fd,
                                        snapjar_error *err);

/** Renames the temporary neighbour over the file, or to a name that must not be there. */
snapjar_status sj_target_rename(sj_target *target, bool must_not_exist, snapjar_error *err);

#endif
