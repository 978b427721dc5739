/* SPDX-License-Identifier: MIT
 *
 * The sink that replaces a file: a temporary neighbour, sync, rename. A file that was ever visible under its name is
 * never written again, so whoever reads it sees the old bytes or the new ones. Devices and pipes are written in place.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "util/fd.h"
#include "util/metadata.h"
#include "util/options.h"
#include "util/sink_internal.h"

/** Small writes are gathered: a small snapshot is one system call. */
#define BUFFER_SIZE ((size_t)4096)
#define LINKS_MAX 40
/** How often another process may replace the file while we wait for its lock. */
#define LOCK_TRIES 1000
#define NEW_FILE_MODE 0666u
/** What stands before and behind a file's name in its temporary neighbour's. */
#define TEMPORARY_PREFIX "."
#define TEMPORARY_SUFFIX ".snapjar-XXXXXX"
#define TEMPORARY_EXTRA (sizeof TEMPORARY_PREFIX + sizeof TEMPORARY_SUFFIX - 2)

typedef struct path_sink {
    snapjar_sink base;
    snapjar_path_sink_options options;
    /** The path as the caller gave it, for messages. */
    char *place;
    /** The folder of the file that is replaced (links followed), held open so that renaming it changes nothing. */
    int folder_fd;
    bool is_folder_readable;
    /** Its name in that folder, and the temporary neighbour's ("" while there is none). */
    char *name;
    char temporary_name[NAME_MAX + 1];
    /** The temporary file, or the target that is written in place. */
    int fd;
    bool is_in_place;
    /** The file that is replaced, locked; -1 if there is none. */
    int old_fd;
    uint64_t replaced_links;
    size_t used;
    uint8_t buffer[BUFFER_SIZE];
} path_sink;

static snapjar_status raise_exists(const path_sink *path, snapjar_error *err)
{
    return sj_raise_errno(err, SNAPJAR_DIAG_TARGET_EXISTS, EEXIST, path->place, "nothing was written");
}

static snapjar_status raise_unsafe(const path_sink *path, snapjar_error *err, const char *what)
{
    return sj_raise_errno(err, SNAPJAR_DIAG_TARGET_UNSAFE, EINVAL, path->place, what);
}

/* ---- finding the file ---- */

/** Bytes of `path` up to and with its last slash: 0 if there is none. */
static size_t folder_size(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? 0 : (size_t)(slash - path) + 1;
}

/** True if the link is one that /proc makes up for an open file: replacing its target is not what is wanted. */
static bool is_magic_link(const char *link)
{
    char folder[PATH_MAX];
    size_t size = folder_size(link);
    memcpy(folder, link, size);
    memcpy(folder + size, ".", 2);
    struct statfs info;
    return statfs(folder, &info) == 0 && info.f_type == PROC_SUPER_MAGIC;
}

/** Follows symbolic links from `path` until `target` is none; it need not exist. */
static snapjar_status follow_links(const path_sink *path, char target[PATH_MAX], snapjar_error *err)
{
    size_t size = strlen(path->place);
    if (size == 0 || size + 2 > PATH_MAX)
        return sj_raise_errno(err, SNAPJAR_DIAG_OPEN_FAILED, size == 0 ? ENOENT : ENAMETOOLONG, path->place,
                              "cannot open the file");
    memcpy(target, path->place, size + 1);
    for (int i = 0; i < LINKS_MAX; i++) {
        char link[PATH_MAX];
        ssize_t link_size = readlink(target, link, sizeof link);
        if (link_size < 0)
            /* Not a link, or not there: opening it will tell what else may be wrong. */
            return SNAPJAR_OK;
        if (is_magic_link(target))
            return raise_unsafe(path, err, "the path leads to an open file of a process: name the file itself");
        size_t kept = link[0] == '/' ? 0 : folder_size(target);
        if (kept + (size_t)link_size + 2 > PATH_MAX)
            return sj_raise_errno(err, SNAPJAR_DIAG_OPEN_FAILED, ENAMETOOLONG, path->place, "cannot follow the link");
        memcpy(target + kept, link, (size_t)link_size);
        target[kept + (size_t)link_size] = '\0';
    }
    return sj_raise_errno(err, SNAPJAR_DIAG_OPEN_FAILED, ELOOP, path->place, "cannot follow the link");
}

/** Opens the folder of `target` and keeps the name in it. */
static snapjar_status open_folder(path_sink *path, char *target, snapjar_error *err)
{
    size_t size = folder_size(target);
    const char *name = target + size;
    if (name[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return sj_raise_errno(err, SNAPJAR_DIAG_IS_DIRECTORY, EISDIR, path->place, "cannot write");
    path->name = sj_dup_text(path->base.context, name, strlen(name));
    if (path->name == NULL)
        return sj_raise_no_memory(err, strlen(name) + 1);
    memcpy(target + size, ".", 2);
    snapjar_error tried;
    path->is_folder_readable = true;
    if (sj_fd_open_at(&path->folder_fd, AT_FDCWD, target, O_RDONLY | O_DIRECTORY, 0, path->place, &tried) == SNAPJAR_OK)
        return SNAPJAR_OK;
    /* A folder that may be written but not listed. */
    path->is_folder_readable = false;
    int flags = (tried.system_errno == EACCES ? O_PATH : O_RDONLY) | O_DIRECTORY;
    return sj_fd_open_at(&path->folder_fd, AT_FDCWD, target, flags, 0, path->place, err);
}

/* ---- the lock ---- */

static bool is_same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/** Opens the file that is there and waits for its lock; `*old_fd` stays -1 if it vanished or became a link. */
static snapjar_status open_locked(const path_sink *path, int *old_fd, snapjar_error *err)
{
    const int flags = O_NOFOLLOW | O_NONBLOCK;
    snapjar_error tried;
    bool is_exclusive = true;
    snapjar_status status = sj_fd_open_at(old_fd, path->folder_fd, path->name, O_RDWR | flags, 0, path->place, &tried);
    /* A file that may be replaced but not written: a lock for reading keeps appenders away, too. */
    if (status != SNAPJAR_OK &&
        (tried.system_errno == EACCES || tried.system_errno == EPERM || tried.system_errno == ETXTBSY)) {
        is_exclusive = false;
        status = sj_fd_open_at(old_fd, path->folder_fd, path->name, O_RDONLY | flags, 0, path->place, &tried);
    }
    if (status != SNAPJAR_OK && (tried.system_errno == ENOENT || tried.system_errno == ELOOP))
        return SNAPJAR_OK;
    if (status != SNAPJAR_OK) {
        if (err != NULL)
            *err = tried;
        return status;
    }
    /* Where there are no such locks, no appender can hold one. */
    bool is_supported;
    status = sj_fd_lock_any(*old_fd, path->place, is_exclusive, &is_supported, err);
    if (status != SNAPJAR_OK) {
        (void)close(*old_fd);
        *old_fd = -1;
    }
    return status;
}

/**
 * Makes sure that the file which the name now leads to, if any, is the one whose lock we hold. Called when the sink is
 * opened and again before the rename. A file that vanished meanwhile stays the one whose mode is handed on.
 */
static snapjar_status lock_target(path_sink *path, snapjar_error *err)
{
    for (int i = 0; i < LOCK_TRIES; i++) {
        struct stat now;
        struct stat held;
        path->replaced_links = 0;
        if (fstatat(path->folder_fd, path->name, &now, AT_SYMLINK_NOFOLLOW) != 0) {
            if (errno == ENOENT)
                return SNAPJAR_OK;
            return sj_raise_errno(err, SNAPJAR_DIAG_OPEN_FAILED, errno, path->place, "cannot look at the file");
        }
        if (path->options.must_not_exist)
            return raise_exists(path, err);
        if (!S_ISREG(now.st_mode))
            return raise_unsafe(path, err, "the file became something else meanwhile");
        if (path->old_fd >= 0 && fstat(path->old_fd, &held) == 0 && is_same_file(&now, &held)) {
            path->replaced_links = now.st_nlink > 0 ? (uint64_t)now.st_nlink - 1 : 0;
            return SNAPJAR_OK;
        }
        int old_fd = -1;
        SJ_TRY(open_locked(path, &old_fd, err));
        if (old_fd < 0)
            continue;
        if (path->old_fd >= 0)
            (void)close(path->old_fd);
        path->old_fd = old_fd;
    }
    return sj_raise_errno(err, SNAPJAR_DIAG_LOCK_FAILED, EBUSY, path->place, "others replace the file all the time");
}

/* ---- opening ---- */

/** Writes the neighbour's name with X where random characters go; a long name is cut so that it fits. */
static void name_temporary(path_sink *path)
{
    size_t kept = strlen(path->name);
    if (kept + TEMPORARY_EXTRA > NAME_MAX) {
        kept = NAME_MAX - TEMPORARY_EXTRA;
        /* Not within a UTF-8 character, which some file systems refuse. */
        while (kept > 0 && ((uint8_t)path->name[kept] & 0xC0) == 0x80)
            kept--;
    }
    (void)snprintf(path->temporary_name, sizeof path->temporary_name, "%s%.*s%s", TEMPORARY_PREFIX, (int)kept,
                   path->name, TEMPORARY_SUFFIX);
}

static snapjar_status open_temporary(path_sink *path, snapjar_error *err)
{
    /* A file that takes another's place is nobody else's business until it has its mode. */
    unsigned mode = path->options.mode == 0 ? NEW_FILE_MODE : path->options.mode;
    if (path->old_fd >= 0)
        mode = 0600;
    name_temporary(path);
    snapjar_status status = sj_fd_open_new(&path->fd, path->folder_fd, path->temporary_name, mode, path->place, err);
    if (status != SNAPJAR_OK)
        path->temporary_name[0] = '\0';
    return status;
}

static snapjar_status open_in_place(path_sink *path, snapjar_error *err)
{
    path->is_in_place = true;
    path->base.is_transactional = false;
    SJ_TRY(sj_fd_open(&path->fd, path->place, O_WRONLY, 0, err));
    struct stat info;
    if (fstat(path->fd, &info) != 0 || S_ISREG(info.st_mode))
        return raise_unsafe(path, err, "the file became something else meanwhile");
    return SNAPJAR_OK;
}

static snapjar_status open_target(path_sink *path, snapjar_error *err)
{
    struct stat info;
    bool exists = stat(path->place, &info) == 0;
    if (!exists && errno != ENOENT)
        return sj_raise_errno(err, SNAPJAR_DIAG_OPEN_FAILED, errno, path->place, "cannot open the file");
    if (exists && S_ISDIR(info.st_mode))
        return sj_raise_errno(err, SNAPJAR_DIAG_IS_DIRECTORY, EISDIR, path->place, "cannot write");
    if (exists && S_ISSOCK(info.st_mode))
        return raise_unsafe(path, err, "a socket cannot be written to");
    /* Writing to a terminal, a pipe or /dev/null destroys nothing, so that must_not_exist has nothing to protect. */
    if (exists && (S_ISCHR(info.st_mode) || S_ISFIFO(info.st_mode)))
        return open_in_place(path, err);
    struct stat link;
    if (path->options.must_not_exist && lstat(path->place, &link) == 0)
        return raise_exists(path, err);
    if (exists && !S_ISREG(info.st_mode))
        return open_in_place(path, err);
    char target[PATH_MAX];
    SJ_TRY(follow_links(path, target, err));
    SJ_TRY(open_folder(path, target, err));
    SJ_TRY(lock_target(path, err));
    return open_temporary(path, err);
}

/* ---- writing and finishing ---- */

static snapjar_status flush(path_sink *path, snapjar_error *err)
{
    size_t size = path->used;
    path->used = 0;
    return sj_fd_write(path->fd, path->place, path->buffer, size, err);
}

static snapjar_status path_write(snapjar_sink *sink, const void *bytes, size_t size, snapjar_error *err)
{
    path_sink *path = (path_sink *)sink;
    if (path->is_in_place)
        return sj_fd_write(path->fd, path->place, bytes, size, err);
    if (size > BUFFER_SIZE - path->used)
        SJ_TRY(flush(path, err));
    if (size > BUFFER_SIZE)
        return sj_fd_write(path->fd, path->place, bytes, size, err);
    memcpy(path->buffer + path->used, bytes, size);
    path->used += size;
    return SNAPJAR_OK;
}

static snapjar_status finish_in_place(path_sink *path, snapjar_error *err)
{
    struct stat info;
    if (path->options.durability == SNAPJAR_DURABILITY_SYNC && fstat(path->fd, &info) == 0 && S_ISBLK(info.st_mode))
        SJ_TRY(sj_fd_sync(path->fd, path->place, err));
    /* Whoever reads the pipe sees its end now, not when the sink is freed. */
    (void)close(path->fd);
    path->fd = -1;
    return SNAPJAR_OK;
}

/** Renames unless the target exists, also on file systems that cannot do that in one step. */
static int rename_new(const path_sink *path)
{
    int folder = path->folder_fd;
    if (renameat2(folder, path->temporary_name, folder, path->name, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
    if (linkat(folder, path->temporary_name, folder, path->name, 0) != 0)
        return -1;
    (void)unlinkat(folder, path->temporary_name, 0);
    return 0;
}

static snapjar_status rename_temporary(path_sink *path, snapjar_error *err)
{
    int folder = path->folder_fd;
    int result =
        path->options.must_not_exist ? rename_new(path) : renameat(folder, path->temporary_name, folder, path->name);
    if (result == 0) {
        path->temporary_name[0] = '\0';
        return SNAPJAR_OK;
    }
    if (errno == EEXIST && path->options.must_not_exist)
        return raise_exists(path, err);
    return sj_raise_errno(err, SNAPJAR_DIAG_RENAME_FAILED, errno, path->place, "cannot rename the temporary file");
}

static snapjar_status path_finish(snapjar_sink *sink, snapjar_error *err)
{
    path_sink *path = (path_sink *)sink;
    if (path->is_in_place)
        return finish_in_place(path, err);
    SJ_TRY(flush(path, err));
    SJ_TRY(lock_target(path, err));
    if (path->old_fd >= 0)
        SJ_TRY(sj_metadata_copy(sink->context, path->old_fd, path->fd, path->place, err));
    bool is_synced = path->options.durability == SNAPJAR_DURABILITY_SYNC;
    if (is_synced) {
        SJ_TRY(sj_fd_sync(path->fd, path->place, err));
    } else {
        /* Without a sync, closing is the last chance to hear of a full disk (NFS). */
        int result = close(path->fd);
        path->fd = -1;
        if (result != 0 && errno != EINTR)
            return sj_raise_errno(err, SNAPJAR_DIAG_WRITE_FAILED, errno, path->place, "cannot write");
    }
    SJ_TRY(rename_temporary(path, err));
    sink->state = SJ_SINK_FINISHED;
    if (!is_synced)
        return SNAPJAR_OK;
    if (path->is_folder_readable)
        return sj_fd_sync(path->folder_fd, path->place, err);
    if (syncfs(path->fd) != 0)
        return sj_raise_errno(err, SNAPJAR_DIAG_SYNC_FAILED, errno, path->place, "cannot sync");
    return SNAPJAR_OK;
}

static void path_close(snapjar_sink *sink)
{
    path_sink *path = (path_sink *)sink;
    if (path->temporary_name[0] != '\0')
        (void)unlinkat(path->folder_fd, path->temporary_name, 0);
    const int fds[] = {path->fd, path->folder_fd, path->old_fd};
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++) {
        if (fds[i] >= 0)
            (void)close(fds[i]);
    }
    sj_free(sink->context, path->name);
    sj_free(sink->context, path->place);
}

static uint64_t path_replaced_links(const snapjar_sink *sink)
{
    return ((const path_sink *)sink)->replaced_links;
}

static const sj_sink_kind path_kind = {
    .write = path_write,
    .finish = path_finish,
    .close = path_close,
    .replaced_links = path_replaced_links,
};

snapjar_status snapjar_sink_open_path(snapjar_sink **sink, snapjar_context *context, const char *path,
                                      const snapjar_path_sink_options *options, snapjar_error *err)
{
    if (sink == NULL)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE, "sink is NULL");
    *sink = NULL;
    if (context == NULL || path == NULL)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE,
                        "context or path is NULL");
    snapjar_path_sink_options read;
    SJ_TRY(sj_options_read(&read, sizeof read, options, "snapjar_path_sink_options", err));
    if ((unsigned)read.durability > SNAPJAR_DURABILITY_NONE || read.mode > 07777)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE,
                        "durability %u or mode %o is none", (unsigned)read.durability, read.mode);
    snapjar_sink *made;
    SJ_TRY(sj_sink_new(&made, context, sizeof(path_sink), &path_kind, true, err));
    path_sink *own = (path_sink *)made;
    own->options = read;
    own->fd = own->folder_fd = own->old_fd = -1;
    own->place = sj_dup_text(context, path, strlen(path));
    snapjar_status status = own->place == NULL ? sj_raise_no_memory(err, strlen(path) + 1) : open_target(own, err);
    if (status != SNAPJAR_OK) {
        snapjar_sink_free(made);
        return status;
    }
    *sink = made;
    return SNAPJAR_OK;
}
