/* SPDX-License-Identifier: MIT
 *
 * System calls on descriptors, each in a loop that deals with interruption, short reads, partial writes and descriptors
 * that are not ready (a program may hand us a non-blocking one). No other file of the library does that.
 */
#include "util/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "util/io.h"

/** No call transfers more at a time; Linux itself stops just below 2 GiB. */
#define TRANSFER_SIZE_MAX ((size_t)1 << 30)
/**
 * And no write more than this. For a larger one the page cache takes memory in pieces of 2 MiB, which are just those
 * that a virtual machine reports to its host as free: to touch one again can cost several times what the copying costs.
 * Where memory is there, larger writes gain nothing.
 */
#define WRITE_SIZE_MAX ((size_t)256 << 10)
#define NEW_NAME_TRIES 100
/** How often a file may be replaced by others between opening and locking before we give up. */
#define REOPEN_MAX 100

bool sj_stat_is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

bool sj_stat_is_unchanged(const struct stat *now, const struct stat *before)
{
    return sj_stat_is_same(now, before) && now->st_size == before->st_size &&
           now->st_mtim.tv_sec == before->st_mtim.tv_sec && now->st_mtim.tv_nsec == before->st_mtim.tv_nsec;
}

/** True if a call that failed with `error` is to be made again; waits until `fd` is ready if that was the reason. */
static bool is_to_repeat(int fd, int error, short events)
{
    if (error == EINTR)
        return true;
    if (error != EAGAIN && error != EWOULDBLOCK)
        return false;
    struct pollfd waiting = {fd, events, 0};
    return poll(&waiting, 1, -1) >= 0 || errno == EINTR;
}

snapjar_status sj_fd_read_at(int fd, const char *name, void *buffer, size_t size, uint64_t offset, size_t *got,
                             snapjar_error *err)
{
    size_t done = 0;
    *got = 0;
    if (offset > (uint64_t)INT64_MAX || size > (uint64_t)INT64_MAX - offset)
        return sj_raise_errno(err, SNAPJAR_DIAG_READ_FAILED, EOVERFLOW, name, "cannot read so far into a file");
    while (done < size) {
        size_t part = size - done < TRANSFER_SIZE_MAX ? size - done : TRANSFER_SIZE_MAX;
        ssize_t count = pread(fd, (uint8_t *)buffer + done, part, (off_t)(offset + done));
        if (count == 0)
            break;
        if (count > 0)
            done += (size_t)count;
        else if (!is_to_repeat(fd, errno, POLLIN))
            return sj_raise_errno(err, SNAPJAR_DIAG_READ_FAILED, errno, name, "cannot read");
    }
    *got = done;
    return SNAPJAR_OK;
}

snapjar_status sj_fd_read(int fd, const char *name, void *buffer, size_t size, size_t *got, snapjar_error *err)
{
    size_t done = 0;
    *got = 0;
    while (done < size) {
        size_t part = size - done < TRANSFER_SIZE_MAX ? size - done : TRANSFER_SIZE_MAX;
        ssize_t count = read(fd, (uint8_t *)buffer + done, part);
        if (count == 0)
            break;
        if (count > 0)
            done += (size_t)count;
        else if (!is_to_repeat(fd, errno, POLLIN))
            return sj_raise_errno(err, SNAPJAR_DIAG_READ_FAILED, errno, name, "cannot read");
    }
    *got = done;
    return SNAPJAR_OK;
}

/** `at` NULL: where the descriptor stands. */
static snapjar_status write_all(int fd, const char *name, const void *bytes, size_t size, const uint64_t *at,
                                snapjar_error *err)
{
    size_t done = 0;
    while (done < size) {
        size_t part = size - done < WRITE_SIZE_MAX ? size - done : WRITE_SIZE_MAX;
        const uint8_t *from = (const uint8_t *)bytes + done;
        ssize_t count = at == NULL ? write(fd, from, part) : pwrite(fd, from, part, (off_t)(*at + done));
        if (count > 0)
            done += (size_t)count;
        else if (count == 0)
            /* No progress and no reason: a loop that went on might never end. */
            return sj_raise_errno(err, SNAPJAR_DIAG_WRITE_FAILED, EIO, name, "cannot write");
        else if (!is_to_repeat(fd, errno, POLLOUT))
            return sj_raise_errno(err, SNAPJAR_DIAG_WRITE_FAILED, errno, name, "cannot write");
    }
    return SNAPJAR_OK;
}

snapjar_status sj_fd_write(int fd, const char *name, const void *bytes, size_t size, snapjar_error *err)
{
    return write_all(fd, name, bytes, size, NULL, err);
}

snapjar_status sj_fd_write_at(int fd, const char *name, const void *bytes, size_t size, uint64_t offset,
                              snapjar_error *err)
{
    if (offset > (uint64_t)INT64_MAX || size > (uint64_t)INT64_MAX - offset)
        return sj_raise_errno(err, SNAPJAR_DIAG_WRITE_FAILED, EFBIG, name, "cannot write so far into a file");
    return write_all(fd, name, bytes, size, &offset, err);
}

snapjar_status sj_fd_open_at(int *fd, int folder_fd, const char *name, int flags, unsigned mode, const char *place,
                             snapjar_error *err)
{
    int opened;
    do
        opened = openat(folder_fd, name, flags | O_CLOEXEC | O_NOCTTY, (mode_t)mode);
    while (opened < 0 && errno == EINTR);
    *fd = opened;
    if (opened < 0)
        return sj_raise_errno(err, SNAPJAR_DIAG_OPEN_FAILED, errno, place, "cannot open the file");
    return SNAPJAR_OK;
}

snapjar_status sj_fd_open(int *fd, const char *path, int flags, unsigned mode, snapjar_error *err)
{
    return sj_fd_open_at(fd, AT_FDCWD, path, flags, mode, path, err);
}

/** Bits that differ from call to call. They need not be secret: a name that exists is never opened. */
static uint64_t random_bits(void)
{
    uint64_t bits;
    if (getrandom(&bits, sizeof bits, GRND_NONBLOCK) == (ssize_t)sizeof bits)
        return bits;
    struct timespec now = {0, 0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    bits = (uint64_t)now.tv_nsec * UINT64_C(0x9E3779B97F4A7C15) ^ (uint64_t)getpid() << 32;
    return bits ^ (uint64_t)now.tv_sec;
}

snapjar_status sj_fd_open_new(int *fd, int folder_fd, char *name, unsigned mode, const char *place, snapjar_error *err)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    char *suffix = name + strlen(name) - SJ_FD_RANDOM_SIZE;
    *fd = -1;
    for (int i = 0; i < NEW_NAME_TRIES; i++) {
        uint64_t bits = random_bits();
        for (size_t j = 0; j < SJ_FD_RANDOM_SIZE; j++, bits /= sizeof letters - 1)
            suffix[j] = letters[bits % (sizeof letters - 1)];
        int opened = openat(folder_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, (mode_t)mode);
        if (opened >= 0) {
            *fd = opened;
            return SNAPJAR_OK;
        }
        if (errno != EEXIST && errno != EINTR)
            break;
    }
    return sj_raise_errno(err, SNAPJAR_DIAG_OPEN_FAILED, errno, place, "cannot make a temporary file beside it");
}

snapjar_status sj_fd_open_unnamed(int *fd, snapjar_error *err)
{
    const char *folder = secure_getenv("TMPDIR");
    if (folder == NULL || folder[0] == '\0')
        folder = "/var/tmp";
    *fd = -1;
    int folder_fd;
    SJ_TRY(sj_fd_open(&folder_fd, folder, O_PATH | O_DIRECTORY, 0, err));
    /* Not every file system has files without names; then a name is made and removed at once. */
    snapjar_status status = sj_fd_open_at(fd, folder_fd, ".", O_TMPFILE | O_RDWR | O_EXCL, 0600, folder, NULL);
    if (status != SNAPJAR_OK) {
        char name[] = ".snapjar-spool-XXXXXX";
        status = sj_fd_open_new(fd, folder_fd, name, 0600, folder, err);
        if (status == SNAPJAR_OK)
            (void)unlinkat(folder_fd, name, 0);
    }
    (void)close(folder_fd);
    return status;
}

snapjar_status sj_fd_sync(int fd, const char *name, snapjar_error *err)
{
    int result;
    do
        result = fsync(fd);
    while (result != 0 && errno == EINTR);
    if (result != 0)
        return sj_raise_errno(err, SNAPJAR_DIAG_SYNC_FAILED, errno, name, "cannot sync");
    return SNAPJAR_OK;
}

/** 0 or the reason: ENOSYS and its like are told by `*is_supported`. */
static int lock_whole(int fd, int command, bool is_exclusive, bool *is_supported)
{
    struct flock lock;
    memset(&lock, 0, sizeof lock);
    lock.l_type = is_exclusive ? F_WRLCK : F_RDLCK;
    lock.l_whence = SEEK_SET;
    int result;
    do
        result = fcntl(fd, command, &lock);
    while (result != 0 && errno == EINTR);
    *is_supported = result == 0 || (errno != ENOSYS && errno != EOPNOTSUPP && errno != EINVAL);
    return result != 0 && *is_supported ? errno : 0;
}

snapjar_status sj_fd_lock_any(int fd, const char *name, bool is_exclusive, bool *is_supported, snapjar_error *err)
{
    int reason = lock_whole(fd, F_OFD_SETLKW, is_exclusive, is_supported);
    return reason == 0 ? SNAPJAR_OK
                       : sj_raise_errno(err, SNAPJAR_DIAG_LOCK_FAILED, reason, name, "cannot lock the file");
}

snapjar_status sj_fd_lock_now(int fd, const char *name, bool is_exclusive, bool *is_busy, snapjar_error *err)
{
    bool is_supported;
    int reason = lock_whole(fd, F_OFD_SETLK, is_exclusive, &is_supported);
    *is_busy = reason == EAGAIN || reason == EACCES;
    return reason == 0 || *is_busy
               ? SNAPJAR_OK
               : sj_raise_errno(err, SNAPJAR_DIAG_LOCK_FAILED, reason, name, "cannot lock the file");
}

snapjar_status sj_fd_lock(int fd, const char *path, snapjar_error *err)
{
    bool is_supported;
    SJ_TRY(sj_fd_lock_any(fd, path, true, &is_supported, err));
    if (!is_supported)
        return sj_raise_errno(err, SNAPJAR_DIAG_LOCK_FAILED, EOPNOTSUPP, path, "cannot lock the file");
    return SNAPJAR_OK;
}

static snapjar_status lock_opened(int fd, const char *path, int flags, snapjar_error *err)
{
    bool is_supported;
    /* Where there are no such locks, nobody who writes can hold one. */
    return flags == O_RDWR ? sj_fd_lock(fd, path, err) : sj_fd_lock_any(fd, path, false, &is_supported, err);
}

snapjar_status sj_fd_open_locked(int *fd, struct stat *info, const char *path, int flags, snapjar_error *err)
{
    for (int i = 0; i < REOPEN_MAX; i++) {
        struct stat opened;
        snapjar_status status = SNAPJAR_OK;
        SJ_TRY(sj_fd_open(fd, path, flags, 0, err));
        if (fstat(*fd, &opened) != 0)
            status = sj_raise_errno(err, SNAPJAR_DIAG_OPEN_FAILED, errno, path, "cannot look at the file");
        else if (S_ISREG(opened.st_mode))
            status = lock_opened(*fd, path, flags, err);
        *info = opened;
        if (status == SNAPJAR_OK && !S_ISREG(opened.st_mode))
            return SNAPJAR_OK;
        /* Looked at again: while we waited somebody wrote to it. */
        if (status == SNAPJAR_OK && stat(path, info) == 0 && sj_stat_is_same(info, &opened))
            return SNAPJAR_OK;
        (void)close(*fd);
        *fd = -1;
        SJ_TRY(status);
    }
    return sj_raise_place(err,
                          sj_raise(err, SNAPJAR_IO, SNAPJAR_DIAG_LOCK_FAILED, SJ_NOWHERE,
                                   "the file was replaced %d times while it was being locked", REOPEN_MAX),
                          path);
}

snapjar_status sj_folder_sync(const char *path, snapjar_error *err)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t size = slash == NULL ? 0 : slash == path ? 1 : (size_t)(slash - path);
    if (size >= sizeof folder)
        return sj_raise_errno(err, SNAPJAR_DIAG_SYNC_FAILED, ENAMETOOLONG, path, "cannot sync its folder");
    memcpy(folder, path, size);
    folder[size] = '\0';
    int fd;
    SJ_TRY(sj_fd_open(&fd, size == 0 ? "." : folder, O_RDONLY | O_DIRECTORY, 0, err));
    snapjar_status status = sj_fd_sync(fd, size == 0 ? "." : folder, err);
    (void)close(fd);
    return status;
}
