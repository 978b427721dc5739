/* SPDX-License-Identifier: MIT
 *
 * The sink that replaces a file: a temporary neighbour, sync, rename. A file that was ever visible under its name is
 * never written again, so whoever reads it sees the old bytes or the new ones. Devices and pipes are written in place.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/bytes.h"
#include "util/fd.h"
#include "util/metadata.h"
#include "util/options.h"
#include "util/sink_internal.h"
#include "util/target.h"

/** Small writes are gathered: a small snapshot is one system call. */
#define BUFFER_SIZE ((size_t)4096)
/** How much is moved at once when a gap got the wrong size. */
#define MOVE_SIZE ((size_t)1 << 20)
#define NEW_FILE_MODE 0666u

typedef struct path_sink {
    snapjar_sink base;
    snapjar_path_sink_options options;
    sj_target target;
    /** The temporary file, or the target that is written in place. */
    int fd;
    bool is_in_place;
    /** The temporary file is made with the first byte. */
    bool is_late;
    /** Where the gap is that sj_sink_skip left, and its size. */
    uint64_t gap_at;
    uint64_t gap_size;
    /** Held while a thread writes into the gap: the system lets one at a time write to a file, and others spin. */
    pthread_mutex_t placing;
    size_t used;
    uint8_t buffer[BUFFER_SIZE];
} path_sink;

/* ---- opening ---- */

static snapjar_status open_temporary(path_sink *path, snapjar_error *err)
{
    /* A file that takes another's place is nobody else's business until it has its mode. */
    unsigned mode = path->options.mode == 0 ? NEW_FILE_MODE : path->options.mode;
    if (path->target.old_fd >= 0)
        mode = 0600;
    return sj_target_open_temporary(&path->target, SJ_TEMPORARY_SUFFIX, mode, &path->fd, err);
}

static snapjar_status open_in_place(path_sink *path, snapjar_error *err)
{
    path->is_in_place = true;
    path->base.is_transactional = false;
    SJ_TRY(sj_fd_open(&path->fd, path->target.place, O_WRONLY, 0, err));
    struct stat info;
    if (fstat(path->fd, &info) != 0 || S_ISREG(info.st_mode))
        return sj_target_raise_unsafe(&path->target, err, "the file became something else meanwhile");
    return SNAPJAR_OK;
}

static snapjar_status open_target(path_sink *path, snapjar_error *err)
{
    struct stat info;
    bool exists = stat(path->target.place, &info) == 0;
    if (!exists && errno != ENOENT)
        return sj_raise_errno(err, SNAPJAR_DIAG_OPEN_FAILED, errno, path->target.place, "cannot open the file");
    if (exists && S_ISDIR(info.st_mode))
        return sj_raise_errno(err, SNAPJAR_DIAG_IS_DIRECTORY, EISDIR, path->target.place, "cannot write");
    if (exists && S_ISSOCK(info.st_mode))
        return sj_target_raise_unsafe(&path->target, err, "a socket cannot be written to");
    /* Writing to a terminal, a pipe or /dev/null destroys nothing, so that must_not_exist has nothing to protect. */
    if (exists && (S_ISCHR(info.st_mode) || S_ISFIFO(info.st_mode)))
        return open_in_place(path, err);
    struct stat link;
    if (path->options.must_not_exist && lstat(path->target.place, &link) == 0)
        return sj_target_raise_exists(&path->target, err);
    if (exists && !S_ISREG(info.st_mode))
        return open_in_place(path, err);
    char resolved[PATH_MAX];
    SJ_TRY(sj_target_follow(&path->target, resolved, err));
    SJ_TRY(sj_target_take_name(&path->target, resolved, err));
    SJ_TRY(sj_target_open_folder(&path->target, resolved, err));
    SJ_TRY(sj_target_lock(&path->target, path->options.must_not_exist, err));
    return path->is_late ? SNAPJAR_OK : open_temporary(path, err);
}

/* ---- writing ---- */

static snapjar_status flush(path_sink *path, snapjar_error *err)
{
    size_t size = path->used;
    path->used = 0;
    return sj_fd_write(path->fd, path->target.place, path->buffer, size, err);
}

static snapjar_status path_write(snapjar_sink *sink, const void *bytes, size_t size, snapjar_error *err)
{
    path_sink *path = (path_sink *)sink;
    if (path->is_in_place)
        return sj_fd_write(path->fd, path->target.place, bytes, size, err);
    if (path->fd < 0)
        SJ_TRY(open_temporary(path, err));
    if (size > BUFFER_SIZE - path->used)
        SJ_TRY(flush(path, err));
    if (size > BUFFER_SIZE)
        return sj_fd_write(path->fd, path->target.place, bytes, size, err);
    memcpy(path->buffer + path->used, bytes, size);
    path->used += size;
    return SNAPJAR_OK;
}

/* ---- a gap that is filled in later ---- */

static snapjar_status seek(const path_sink *path, uint64_t offset, snapjar_error *err)
{
    if (lseek(path->fd, (off_t)offset, SEEK_SET) >= 0)
        return SNAPJAR_OK;
    return sj_raise_errno(err, SNAPJAR_DIAG_WRITE_FAILED, errno, path->target.place, "cannot move within the file");
}

/** Writes what is gathered and tells where the file ends. */
static snapjar_status flush_to_end(path_sink *path, uint64_t *end, snapjar_error *err)
{
    SJ_TRY(flush(path, err));
    off_t here = lseek(path->fd, 0, SEEK_CUR);
    if (here < 0)
        return sj_raise_errno(err, SNAPJAR_DIAG_WRITE_FAILED, errno, path->target.place, "cannot move within the file");
    *end = (uint64_t)here;
    return SNAPJAR_OK;
}

static snapjar_status cut(const path_sink *path, uint64_t size, snapjar_error *err)
{
    if (ftruncate(path->fd, (off_t)size) != 0)
        return sj_raise_errno(err, SNAPJAR_DIAG_WRITE_FAILED, errno, path->target.place, "cannot shorten the file");
    return seek(path, size, err);
}

static snapjar_status path_skip(snapjar_sink *sink, uint64_t size, snapjar_error *err)
{
    path_sink *path = (path_sink *)sink;
    SJ_TRY(flush_to_end(path, &path->gap_at, err));
    path->gap_size = size;
    return seek(path, path->gap_at + size, err);
}

static snapjar_status path_place(snapjar_sink *sink, const void *bytes, size_t size, uint64_t offset,
                                 snapjar_error *err)
{
    path_sink *path = (path_sink *)sink;
    (void)pthread_mutex_lock(&path->placing);
    snapjar_status status = sj_fd_write_at(path->fd, path->target.place, bytes, size, path->gap_at + offset, err);
    (void)pthread_mutex_unlock(&path->placing);
    return status;
}

static snapjar_status path_unskip(snapjar_sink *sink, snapjar_error *err)
{
    path_sink *path = (path_sink *)sink;
    path->used = 0;
    return cut(path, path->gap_at, err);
}

/** Moves `size` bytes from one offset to another, from the side on which nothing is overwritten that is still needed.
 */
static snapjar_status move(const path_sink *path, uint64_t from, uint64_t to, uint64_t size, uint8_t *buffer,
                           snapjar_error *err)
{
    for (uint64_t done = 0; done < size;) {
        size_t step = (size_t)sj_min(MOVE_SIZE, size - done);
        uint64_t at = to < from ? done : size - done - step;
        size_t got = 0;
        SJ_TRY(sj_fd_read_at(path->fd, path->target.place, buffer, step, from + at, &got, err));
        if (got != step)
            return sj_raise_errno(err, SNAPJAR_DIAG_READ_FAILED, EIO, path->target.place,
                                  "the temporary file is shorter");
        SJ_TRY(seek(path, to + at, err));
        SJ_TRY(sj_fd_write(path->fd, path->target.place, buffer, step, err));
        done += step;
    }
    return SNAPJAR_OK;
}

/** Gives the gap another size. */
static snapjar_status resize_gap(const path_sink *path, uint64_t size, uint64_t *end, snapjar_error *err)
{
    uint64_t from = path->gap_at + path->gap_size;
    uint64_t to = path->gap_at + size;
    uint8_t *buffer = sj_alloc(path->base.context, MOVE_SIZE);
    if (buffer == NULL)
        return sj_raise_no_memory(err, MOVE_SIZE);
    snapjar_status status = move(path, from, to, *end - from, buffer, err);
    sj_free(path->base.context, buffer);
    *end = to + (*end - from);
    return status == SNAPJAR_OK && to < from ? cut(path, *end, err) : status;
}

static snapjar_status path_fill(snapjar_sink *sink, const void *bytes, size_t size, snapjar_error *err)
{
    path_sink *path = (path_sink *)sink;
    uint64_t end = 0;
    SJ_TRY(flush_to_end(path, &end, err));
    if (size != path->gap_size)
        SJ_TRY(resize_gap(path, size, &end, err));
    SJ_TRY(seek(path, path->gap_at, err));
    SJ_TRY(sj_fd_write(path->fd, path->target.place, bytes, size, err));
    return seek(path, end, err);
}

/* ---- finishing ---- */

static snapjar_status finish_in_place(path_sink *path, snapjar_error *err)
{
    struct stat info;
    if (path->options.durability == SNAPJAR_DURABILITY_SYNC && fstat(path->fd, &info) == 0 && S_ISBLK(info.st_mode))
        SJ_TRY(sj_fd_sync(path->fd, path->target.place, err));
    /* Whoever reads the pipe sees its end now, not when the sink is freed. */
    (void)close(path->fd);
    path->fd = -1;
    return SNAPJAR_OK;
}

static snapjar_status copy_metadata(const path_sink *path, snapjar_error *err)
{
    const sj_target *target = &path->target;
    struct stat made;
    if (fstat(path->fd, &made) != 0)
        return sj_raise_errno(err, SNAPJAR_DIAG_WRITE_FAILED, errno, target->place, "cannot look at the file");
    return sj_metadata_copy(path->base.context, (sj_metadata_file){target->old_fd, &target->old},
                            (sj_metadata_file){path->fd, &made}, true, target->place, err);
}

static snapjar_status path_finish(snapjar_sink *sink, snapjar_error *err)
{
    path_sink *path = (path_sink *)sink;
    if (path->is_in_place)
        return finish_in_place(path, err);
    SJ_TRY(flush(path, err));
    SJ_TRY(sj_target_lock(&path->target, path->options.must_not_exist, err));
    if (path->target.old_fd >= 0)
        SJ_TRY(copy_metadata(path, err));
    bool is_synced = path->options.durability == SNAPJAR_DURABILITY_SYNC;
    if (is_synced) {
        SJ_TRY(sj_fd_sync(path->fd, path->target.place, err));
    } else {
        /* Without a sync, closing is the last chance to hear of a full disk (NFS). */
        int result = close(path->fd);
        path->fd = -1;
        if (result != 0 && errno != EINTR)
            return sj_raise_errno(err, SNAPJAR_DIAG_WRITE_FAILED, errno, path->target.place, "cannot write");
    }
    SJ_TRY(sj_target_rename(&path->target, path->options.must_not_exist, err));
    sink->state = SJ_SINK_FINISHED;
    if (!is_synced)
        return SNAPJAR_OK;
    if (path->target.is_folder_readable)
        return sj_fd_sync(path->target.folder_fd, path->target.place, err);
    if (syncfs(path->fd) != 0)
        return sj_raise_errno(err, SNAPJAR_DIAG_SYNC_FAILED, errno, path->target.place, "cannot sync");
    return SNAPJAR_OK;
}

static void path_close(snapjar_sink *sink)
{
    path_sink *path = (path_sink *)sink;
    if (path->fd >= 0)
        (void)close(path->fd);
    (void)pthread_mutex_destroy(&path->placing);
    sj_target_clear(&path->target);
}

static uint64_t path_replaced_links(const snapjar_sink *sink)
{
    return ((const path_sink *)sink)->target.replaced_links;
}

static const sj_sink_kind path_kind = {
    .write = path_write,
    .finish = path_finish,
    .close = path_close,
    .skip = path_skip,
    .place = path_place,
    .fill = path_fill,
    .unskip = path_unskip,
    .replaced_links = path_replaced_links,
};

static snapjar_status open_path(snapjar_sink **sink, snapjar_context *context, const char *path,
                                const snapjar_path_sink_options *options, bool is_late, snapjar_error *err)
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
    own->fd = -1;
    own->is_late = is_late;
    (void)pthread_mutex_init(&own->placing, NULL);
    snapjar_status status = sj_target_init(&own->target, context, path, err);
    if (status == SNAPJAR_OK)
        status = open_target(own, err);
    if (status != SNAPJAR_OK) {
        snapjar_sink_free(made);
        return status;
    }
    *sink = made;
    return SNAPJAR_OK;
}

snapjar_status snapjar_sink_open_path(snapjar_sink **sink, snapjar_context *context, const char *path,
                                      const snapjar_path_sink_options *options, snapjar_error *err)
{
    return open_path(sink, context, path, options, false, err);
}

snapjar_status sj_sink_open_path_late(snapjar_sink **sink, snapjar_context *context, const char *path,
                                      const snapjar_path_sink_options *options, snapjar_error *err)
{
    return open_path(sink, context, path, options, true, err);
}
