/* SPDX-License-Identifier: MIT
 *
 * Finding, locking and renaming a file that is to be replaced. A file that was ever visible under its name is never
 * written again, so whoever reads it sees the old bytes or the new ones.
 */
#include "util/target.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "util/fd.h"

#define LINKS_MAX 40
/** How often another process may replace the file while we wait for its lock. */
#define LOCK_TRIES 1000
/** What stands before a file's name in its temporary neighbour's. */
#define TEMPORARY_PREFIX "."

snapjar_status sj_target_init(sj_target *target, snapjar_context *context, const char *path, snapjar_error *err)
{
    target->context = context;
    target->folder_fd = target->old_fd = -1;
    target->place = sj_dup_text(context, path, strlen(path));
    return target->place == NULL ? sj_raise_no_memory(err, strlen(path) + 1) : SNAPJAR_OK;
}

void sj_target_clear(sj_target *target)
{
    if (target->temporary_name[0] != '\0')
        (void)unlinkat(target->folder_fd, target->temporary_name, 0);
    target->temporary_name[0] = '\0';
    if (target->folder_fd >= 0 && !target->is_folder_borrowed)
        (void)close(target->folder_fd);
    if (target->old_fd >= 0)
        (void)close(target->old_fd);
    target->folder_fd = target->old_fd = -1;
    sj_free(target->context, target->name);
    sj_free(target->context, target->place);
    target->name = target->place = NULL;
}

snapjar_status sj_target_raise_exists(const sj_target *target, snapjar_error *err)
{
    return sj_raise_errno(err, SNAPJAR_DIAG_TARGET_EXISTS, EEXIST, target->place, "nothing was written");
}

snapjar_status sj_target_raise_unsafe(const sj_target *target, snapjar_error *err, const char *what)
{
    return sj_raise_errno(err, SNAPJAR_DIAG_TARGET_UNSAFE, EINVAL, target->place, what);
}

/* ---- finding the file ---- */

size_t sj_target_folder_size(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? 0 : (size_t)(slash - path) + 1;
}

/** True if the link is one that /proc makes up for an open file: replacing its target is not what is wanted. */
static bool is_magic_link(const char *link)
{
    char folder[PATH_MAX];
    size_t size = sj_target_folder_size(link);
    memcpy(folder, link, size);
    memcpy(folder + size, ".", 2);
    struct statfs info;
    return statfs(folder, &info) == 0 && info.f_type == PROC_SUPER_MAGIC;
}

snapjar_status sj_target_follow(sj_target *target, char resolved[PATH_MAX], snapjar_error *err)
{
    size_t size = strlen(target->place);
    if (size == 0 || size + 2 > PATH_MAX)
        return sj_raise_errno(err, SNAPJAR_DIAG_OPEN_FAILED, size == 0 ? ENOENT : ENAMETOOLONG, target->place,
                              "cannot open the file");
    memcpy(resolved, target->place, size + 1);
    for (int i = 0; i < LINKS_MAX; i++) {
        char link[PATH_MAX];
        target->is_seen = lstat(resolved, &target->seen) == 0;
        if (target->is_seen && !S_ISLNK(target->seen.st_mode))
            return SNAPJAR_OK;
        target->is_seen = false;
        ssize_t link_size = readlink(resolved, link, sizeof link);
        if (link_size < 0)
            /* Not there: opening it will tell what else may be wrong. */
            return SNAPJAR_OK;
        if (is_magic_link(resolved))
            return sj_target_raise_unsafe(target, err,
                                          "the path leads to an open file of a process: name the file itself");
        size_t kept = link[0] == '/' ? 0 : sj_target_folder_size(resolved);
        if (kept + (size_t)link_size + 2 > PATH_MAX)
            return sj_raise_errno(err, SNAPJAR_DIAG_OPEN_FAILED, ENAMETOOLONG, target->place, "cannot follow the link");
        memcpy(resolved + kept, link, (size_t)link_size);
        resolved[kept + (size_t)link_size] = '\0';
    }
    return sj_raise_errno(err, SNAPJAR_DIAG_OPEN_FAILED, ELOOP, target->place, "cannot follow the link");
}

snapjar_status sj_target_take_name(sj_target *target, const char *resolved, snapjar_error *err)
{
    const char *name = resolved + sj_target_folder_size(resolved);
    if (name[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return sj_raise_errno(err, SNAPJAR_DIAG_IS_DIRECTORY, EISDIR, target->place, "cannot write");
    target->name = sj_dup_text(target->context, name, strlen(name));
    return target->name == NULL ? sj_raise_no_memory(err, strlen(name) + 1) : SNAPJAR_OK;
}

snapjar_status sj_target_open_folder(sj_target *target, char *resolved, snapjar_error *err)
{
    memcpy(resolved + sj_target_folder_size(resolved), ".", 2);
    snapjar_error tried;
    target->is_folder_readable = true;
    if (sj_fd_open_at(&target->folder_fd, AT_FDCWD, resolved, O_RDONLY | O_DIRECTORY, 0, target->place, &tried) ==
        SNAPJAR_OK)
        return SNAPJAR_OK;
    /* A folder that may be written but not listed. */
    target->is_folder_readable = false;
    int flags = (tried.system_errno == EACCES ? O_PATH : O_RDONLY) | O_DIRECTORY;
    return sj_fd_open_at(&target->folder_fd, AT_FDCWD, resolved, flags, 0, target->place, err);
}

/* ---- the lock ---- */

/** Locks the file just opened, waiting unless `is_busy` is there to be told. */
static snapjar_status lock_opened(const sj_target *target, int fd, bool is_exclusive, bool *is_busy, snapjar_error *err)
{
    bool is_supported;
    if (is_busy != NULL)
        return sj_fd_lock_now(fd, target->place, is_exclusive, is_busy, err);
    /* Where there are no such locks, no appender can hold one. */
    return sj_fd_lock_any(fd, target->place, is_exclusive, &is_supported, err);
}

/** Opens the file that is there and locks it; `*old_fd` stays -1 if it vanished, became a link or is busy. */
static snapjar_status open_locked(const sj_target *target, int *old_fd, bool *is_busy, snapjar_error *err)
{
    const int flags = O_NOFOLLOW | O_NONBLOCK;
    snapjar_error tried;
    bool is_exclusive = true;
    snapjar_status status =
        sj_fd_open_at(old_fd, target->folder_fd, target->name, O_RDWR | flags, 0, target->place, &tried);
    /* A file that may be replaced but not written: a lock for reading keeps appenders away, too. */
    if (status != SNAPJAR_OK &&
        (tried.system_errno == EACCES || tried.system_errno == EPERM || tried.system_errno == ETXTBSY)) {
        is_exclusive = false;
        status = sj_fd_open_at(old_fd, target->folder_fd, target->name, O_RDONLY | flags, 0, target->place, &tried);
    }
    if (status != SNAPJAR_OK && (tried.system_errno == ENOENT || tried.system_errno == ELOOP))
        return SNAPJAR_OK;
    if (status != SNAPJAR_OK) {
        if (err != NULL)
            *err = tried;
        return status;
    }
    status = lock_opened(target, *old_fd, is_exclusive, is_busy, err);
    if (status != SNAPJAR_OK || (is_busy != NULL && *is_busy)) {
        (void)close(*old_fd);
        *old_fd = -1;
    }
    return status;
}

/** What the name leads to; what was seen a moment ago will do, since it is looked at again once the lock is held. */
static int look_at_name(sj_target *target, struct stat *now)
{
    if (!target->is_seen)
        return fstatat(target->folder_fd, target->name, now, AT_SYMLINK_NOFOLLOW);
    target->is_seen = false;
    *now = target->seen;
    return 0;
}

static snapjar_status lock_target(sj_target *target, bool must_not_exist, bool *is_busy, snapjar_error *err)
{
    for (int i = 0; i < LOCK_TRIES; i++) {
        struct stat now;
        target->replaced_links = 0;
        if (look_at_name(target, &now) != 0) {
            if (errno == ENOENT)
                return SNAPJAR_OK;
            return sj_raise_errno(err, SNAPJAR_DIAG_OPEN_FAILED, errno, target->place, "cannot look at the file");
        }
        if (must_not_exist)
            return sj_target_raise_exists(target, err);
        if (!S_ISREG(now.st_mode))
            return sj_target_raise_unsafe(target, err, "the file became something else meanwhile");
        if (target->old_fd >= 0 && fstat(target->old_fd, &target->old) == 0 && sj_stat_is_same(&now, &target->old)) {
            target->replaced_links = now.st_nlink > 0 ? (uint64_t)now.st_nlink - 1 : 0;
            return SNAPJAR_OK;
        }
        int old_fd = -1;
        SJ_TRY(open_locked(target, &old_fd, is_busy, err));
        if (is_busy != NULL && *is_busy)
            return SNAPJAR_OK;
        if (old_fd < 0)
            continue;
        if (target->old_fd >= 0)
            (void)close(target->old_fd);
        target->old_fd = old_fd;
    }
    return sj_raise_errno(err, SNAPJAR_DIAG_LOCK_FAILED, EBUSY, target->place, "others replace the file all the time");
}

snapjar_status sj_target_lock(sj_target *target, bool must_not_exist, snapjar_error *err)
{
    return lock_target(target, must_not_exist, NULL, err);
}

snapjar_status sj_target_lock_now(sj_target *target, bool *is_busy, snapjar_error *err)
{
    *is_busy = false;
    return lock_target(target, false, is_busy, err);
}

/* ---- the temporary neighbour ---- */

/** Writes the neighbour's name with X where random characters go; a long name is cut so that it fits. */
static void name_temporary(sj_target *target, const char *suffix)
{
    size_t extra = sizeof TEMPORARY_PREFIX - 1 + strlen(suffix);
    size_t kept = strlen(target->name);
    if (kept + extra > NAME_MAX) {
        kept = NAME_MAX - extra;
        /* Not within a UTF-8 character, which some file systems refuse. */
        while (kept > 0 && ((uint8_t)target->name[kept] & 0xC0) == 0x80)
            kept--;
    }
    (void)snprintf(target->temporary_name, sizeof target->temporary_name, "%s%.*s%s", TEMPORARY_PREFIX, (int)kept,
                   target->name, suffix);
}

snapjar_status sj_target_open_temporary(sj_target *target, const char *suffix, unsigned mode, int *fd,
                                        snapjar_error *err)
{
    name_temporary(target, suffix);
    snapjar_status status = sj_fd_open_new(fd, target->folder_fd, target->temporary_name, mode, target->place, err);
    if (status != SNAPJAR_OK)
        target->temporary_name[0] = '\0';
    return status;
}

/** Renames unless the target exists, also on file systems that cannot do that in one step. */
static int rename_new(const sj_target *target)
{
    int folder = target->folder_fd;
    if (renameat2(folder, target->temporary_name, folder, target->name, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
    if (linkat(folder, target->temporary_name, folder, target->name, 0) != 0)
        return -1;
    (void)unlinkat(folder, target->temporary_name, 0);
    return 0;
}

snapjar_status sj_target_rename(sj_target *target, bool must_not_exist, snapjar_error *err)
{
    int folder = target->folder_fd;
    int result = must_not_exist ? rename_new(target) : renameat(folder, target->temporary_name, folder, target->name);
    if (result == 0) {
        target->temporary_name[0] = '\0';
        return SNAPJAR_OK;
    }
    if (errno == EEXIST && must_not_exist)
        return sj_target_raise_exists(target, err);
    return sj_raise_errno(err, SNAPJAR_DIAG_RENAME_FAILED, errno, target->place, "cannot rename the temporary file");
}
