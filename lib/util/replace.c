/* SPDX-License-Identifier: MIT
 *
 * Replacing many files together. Each has a new neighbour; one sync of the file system makes all of them stand, then
 * they are renamed, and one more sync makes the names stand. The lock of every file is held until then.
 */
#include <snapjar/replace.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/fd.h"
#include "util/metadata.h"
#include "util/options.h"
#include "util/replace_folder.h"
#include "util/sink_internal.h"
#include "util/target.h"

#define FILE_COUNT_DEFAULT ((size_t)256)
#define FILE_COUNT_MAX ((size_t)65536)
#define BUFFER_SIZE ((size_t)64 << 10)
/** A file up to this size is read with one call. */
#define HEAD_SIZE ((size_t)64 << 10)
/** File systems that are written to before what is staged is committed. */
#define DEVICES_MAX 8

/** A file that is opened or staged. */
typedef struct replacement {
    sj_target target;
    /** The new file may get an access list from its folder. */
    bool may_inherit;
    void *item;
    /** What went wrong when it was to take its place. */
    snapjar_error failure;
} replacement;

/** Gathers the bytes of the opened file. */
typedef struct replace_sink {
    snapjar_sink base;
    snapjar_replacing *owner;
} replace_sink;

struct snapjar_replacing {
    snapjar_context *context;
    snapjar_replacing_options options;
    char *backup_suffix;
    sj_replace_folders folders;
    /** A descriptor on each file system, opened before anything was written to it, so that its errors are seen. */
    int sync_fds[DEVICES_MAX];
    dev_t devices[DEVICES_MAX];
    size_t device_count;
    replacement *staged;
    size_t staged_count;
    size_t staged_capacity;
    /** The opened file. */
    replacement current;
    bool is_open;
    int fd;
    snapjar_sink *sink;
    snapjar_source *source;
    snapjar_source *written;
    uint8_t *head;
    uint8_t *buffer;
    size_t used;
    /** The new file when all was written to it. */
    struct stat made;
};

static snapjar_status raise_argument(snapjar_error *err, const char *what)
{
    return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE, "%s", what);
}

/* ---- writing ---- */

static snapjar_status flush(snapjar_replacing *replacing, snapjar_error *err)
{
    size_t size = replacing->used;
    replacing->used = 0;
    return sj_fd_write(replacing->fd, replacing->current.target.place, replacing->buffer, size, err);
}

static snapjar_status sink_write(snapjar_sink *sink, const void *bytes, size_t size, snapjar_error *err)
{
    snapjar_replacing *replacing = ((replace_sink *)sink)->owner;
    if (size > BUFFER_SIZE - replacing->used)
        SJ_TRY(flush(replacing, err));
    if (size > BUFFER_SIZE)
        return sj_fd_write(replacing->fd, replacing->current.target.place, bytes, size, err);
    memcpy(replacing->buffer + replacing->used, bytes, size);
    replacing->used += size;
    return SNAPJAR_OK;
}

static const sj_sink_kind replace_kind = {.write = sink_write};

snapjar_status snapjar_replacing_new(snapjar_replacing **out, snapjar_context *context,
                                     const snapjar_replacing_options *options, snapjar_error *err)
{
    snapjar_replacing_options read;
    if (out != NULL)
        *out = NULL;
    if (out == NULL || context == NULL)
        return raise_argument(err, "replacing or context is NULL");
    SJ_TRY(sj_options_read(&read, sizeof read, options, "snapjar_replacing_options", err));
    if ((unsigned)read.durability > SNAPJAR_DURABILITY_NONE || read.file_count_max > FILE_COUNT_MAX)
        return raise_argument(err, "durability is none, or file_count_max exceeds 65536");
    if (read.backup_suffix != NULL && (read.backup_suffix[0] == '\0' || strchr(read.backup_suffix, '/') != NULL))
        return raise_argument(err, "backup_suffix is empty or has a slash");
    if (read.file_count_max == 0)
        read.file_count_max = FILE_COUNT_DEFAULT;
    snapjar_replacing *made = sj_alloc_zero(context, sizeof *made);
    if (made == NULL)
        return sj_raise_no_memory(err, sizeof *made);
    made->context = context;
    made->options = read;
    made->fd = -1;
    made->folders.context = context;
    made->head = sj_alloc(context, HEAD_SIZE);
    made->buffer = sj_alloc(context, BUFFER_SIZE);
    if (read.backup_suffix != NULL)
        made->backup_suffix = sj_dup_text(context, read.backup_suffix, strlen(read.backup_suffix));
    bool is_whole = made->head != NULL && made->buffer != NULL && (!read.backup_suffix || made->backup_suffix != NULL);
    snapjar_status status = is_whole ? SNAPJAR_OK : sj_raise_no_memory(err, HEAD_SIZE);
    if (status == SNAPJAR_OK)
        status = sj_sink_new(&made->sink, context, sizeof(replace_sink), &replace_kind, true, err);
    if (status != SNAPJAR_OK) {
        snapjar_replacing_free(made);
        return status;
    }
    ((replace_sink *)made->sink)->owner = made;
    *out = made;
    return SNAPJAR_OK;
}

/** Closes what belongs to the opened file but for its target. */
static void close_current(snapjar_replacing *replacing)
{
    snapjar_source_free(replacing->source);
    snapjar_source_free(replacing->written);
    replacing->source = replacing->written = NULL;
    if (replacing->fd >= 0 && !sj_replace_is_sync_fd(replacing->sync_fds, replacing->device_count, replacing->fd))
        (void)close(replacing->fd);
    replacing->fd = -1;
    replacing->used = 0;
    replacing->is_open = false;
}

void snapjar_replacing_skip(snapjar_replacing *replacing)
{
    if (!replacing->is_open)
        return;
    close_current(replacing);
    sj_target_clear(&replacing->current.target);
}

/* ---- opening ---- */

/** Writes "NAME" and the suffix; false if that is too long for a name. */
static bool name_backup(const snapjar_replacing *replacing, const sj_target *target, char out[NAME_MAX + 1])
{
    int size = snprintf(out, NAME_MAX + 1, "%s%s", target->name, replacing->backup_suffix);
    return size > 0 && size <= NAME_MAX;
}

/** The backup's name must be free, or be this very file's from a run that was interrupted. */
static snapjar_status check_backup(const snapjar_replacing *replacing, const replacement *file, bool *is_there,
                                   snapjar_error *err)
{
    char name[NAME_MAX + 1];
    struct stat info;
    *is_there = false;
    if (!name_backup(replacing, &file->target, name))
        return sj_raise_errno(err, SNAPJAR_DIAG_OPEN_FAILED, ENAMETOOLONG, file->target.place, "cannot keep a backup");
    if (fstatat(file->target.folder_fd, name, &info, AT_SYMLINK_NOFOLLOW) != 0)
        return SNAPJAR_OK;
    *is_there = sj_stat_is_same(&info, &file->target.old);
    if (*is_there)
        return SNAPJAR_OK;
    return sj_raise_errno(err, SNAPJAR_DIAG_TARGET_EXISTS, EEXIST, file->target.place,
                          "the backup's name is taken, choose another suffix: nothing was written");
}

/** Bytes of a file of `size` bytes: a small one is read at once. A size of 0 may mean that it is not told. */
static snapjar_status read_source(snapjar_replacing *replacing, int fd, off_t size, uint8_t *room,
                                  snapjar_source **source, snapjar_error *err)
{
    const char *place = replacing->current.target.place;
    const size_t wanted = size > 0 && size < (off_t)HEAD_SIZE ? (size_t)size : HEAD_SIZE;
    size_t got = 0;
    SJ_TRY(sj_fd_read_at(fd, place, room, wanted, 0, &got, err));
    if (got < HEAD_SIZE)
        return snapjar_source_from_memory(source, replacing->context, room, got, err);
    return snapjar_source_from_fd(source, replacing->context, fd, place, 0, err);
}

static snapjar_status lock_current(snapjar_replacing *replacing, snapjar_error *err)
{
    sj_target *target = &replacing->current.target;
    if (replacing->staged_count > 0) {
        bool is_busy = false;
        SJ_TRY(sj_target_lock_now(target, &is_busy, err));
        if (!is_busy)
            return SNAPJAR_OK;
        /* Whoever has it may be waiting for one of ours. How those end is told by `replaced`. */
        (void)!snapjar_replacing_commit(replacing, NULL);
    }
    return sj_target_lock(target, false, err);
}

static snapjar_status open_current(snapjar_replacing *replacing, const char *path, snapjar_error *err)
{
    replacement *file = &replacing->current;
    char resolved[PATH_MAX];
    SJ_TRY(sj_target_init(&file->target, replacing->context, path, err));
    SJ_TRY(sj_target_follow(&file->target, resolved, err));
    SJ_TRY(sj_target_take_name(&file->target, resolved, err));
    SJ_TRY(sj_replace_folder_open(&replacing->folders, &file->target, resolved, &file->may_inherit, err));
    SJ_TRY(lock_current(replacing, err));
    if (file->target.old_fd < 0)
        return sj_raise_errno(err, SNAPJAR_DIAG_OPEN_FAILED, ENOENT, path, "cannot open the file");
    return read_source(replacing, file->target.old_fd, file->target.old.st_size, replacing->head, &replacing->source,
                       err);
}

snapjar_status snapjar_replacing_open(snapjar_replacing *replacing, const char *path, snapjar_source **source,
                                      snapjar_error *err)
{
    if (source != NULL)
        *source = NULL;
    if (replacing == NULL || path == NULL || source == NULL || replacing->is_open)
        return raise_argument(err, "a file is open already, or replacing, path or source is NULL");
    if (sj_replace_folders_are_full(&replacing->folders))
        (void)!snapjar_replacing_commit(replacing, NULL);
    snapjar_error own;
    for (int i = 0;; i++) {
        memset(&replacing->current, 0, sizeof replacing->current);
        snapjar_status status = open_current(replacing, path, &own);
        if (status == SNAPJAR_OK)
            break;
        sj_target_clear(&replacing->current.target);
        if (i == 0 && status == SNAPJAR_IO && own.system_errno == EMFILE && replacing->staged_count > 0) {
            (void)!snapjar_replacing_commit(replacing, NULL);
            continue;
        }
        if (err != NULL)
            *err = own;
        return status;
    }
    replacing->is_open = true;
    *source = replacing->source;
    return SNAPJAR_OK;
}

/* ---- the new file ---- */

/** The first new file on a file system is kept open, to sync by it. */
static void keep_for_sync(snapjar_replacing *replacing)
{
    /* That of the new file too: a file that is a mount point cannot be replaced. */
    const dev_t device = replacing->current.target.old.st_dev;
    if (replacing->options.durability != SNAPJAR_DURABILITY_SYNC)
        return;
    for (size_t i = 0; i < replacing->device_count; i++) {
        if (replacing->devices[i] == device)
            return;
    }
    if (replacing->device_count == DEVICES_MAX)
        return;
    replacing->devices[replacing->device_count] = device;
    replacing->sync_fds[replacing->device_count++] = replacing->fd;
}

/** Too many file systems at once are no reason to sync less. */
static bool is_synced_later(const snapjar_replacing *replacing)
{
    struct stat info;
    if (replacing->options.durability != SNAPJAR_DURABILITY_SYNC || replacing->device_count < DEVICES_MAX)
        return true;
    for (size_t i = 0; fstat(replacing->fd, &info) == 0 && i < replacing->device_count; i++) {
        if (replacing->devices[i] == info.st_dev)
            return true;
    }
    return false;
}

/** Staged files hold descriptors: where there are no more, those are committed first. */
static snapjar_status open_temporary(snapjar_replacing *replacing, snapjar_error *err)
{
    snapjar_error tried;
    sj_target *target = &replacing->current.target;
    snapjar_status status = sj_target_open_temporary(target, SJ_TOGETHER_SUFFIX, 0600, &replacing->fd, &tried);
    if (status == SNAPJAR_IO && tried.system_errno == EMFILE && replacing->staged_count > 0) {
        (void)!snapjar_replacing_commit(replacing, NULL);
        return sj_target_open_temporary(target, SJ_TOGETHER_SUFFIX, 0600, &replacing->fd, err);
    }
    if (status != SNAPJAR_OK && err != NULL)
        *err = tried;
    return status;
}

snapjar_status snapjar_replacing_sink(snapjar_replacing *replacing, snapjar_sink **sink, snapjar_error *err)
{
    *sink = NULL;
    if (!replacing->is_open || replacing->written != NULL)
        return raise_argument(err, "no file is open, or what was written is being read");
    if (replacing->fd < 0) {
        bool is_there;
        /* Not when it is opened: a file that is current may have its backup from the last time. */
        if (replacing->backup_suffix != NULL)
            SJ_TRY(check_backup(replacing, &replacing->current, &is_there, err));
        SJ_TRY(open_temporary(replacing, err));
        keep_for_sync(replacing);
        replacing->sink->state = SJ_SINK_OPEN;
    }
    *sink = replacing->sink;
    return SNAPJAR_OK;
}

/** Writes what was gathered, and looks at what was made. */
static snapjar_status finish_writing(snapjar_replacing *replacing, snapjar_error *err)
{
    const char *place = replacing->current.target.place;
    if (replacing->used > 0)
        SJ_TRY(flush(replacing, err));
    if (fstat(replacing->fd, &replacing->made) != 0)
        return sj_raise_errno(err, SNAPJAR_DIAG_WRITE_FAILED, errno, place, "cannot look at the file");
    return SNAPJAR_OK;
}

snapjar_status snapjar_replacing_written(snapjar_replacing *replacing, snapjar_source **source, snapjar_error *err)
{
    *source = NULL;
    if (replacing->fd < 0)
        return raise_argument(err, "nothing was written");
    if (replacing->written == NULL) {
        SJ_TRY(finish_writing(replacing, err));
        /* The buffer has nothing any more that is not in the file, too. */
        SJ_TRY(read_source(replacing, replacing->fd, replacing->made.st_size, replacing->buffer, &replacing->written,
                           err));
        replacing->sink->state = SJ_SINK_FINISHED;
    }
    *source = replacing->written;
    return SNAPJAR_OK;
}

static snapjar_status complete(snapjar_replacing *replacing, snapjar_error *err)
{
    const sj_target *target = &replacing->current.target;
    if (replacing->written == NULL)
        SJ_TRY(finish_writing(replacing, err));
    SJ_TRY(sj_metadata_copy(replacing->context, (sj_metadata_file){target->old_fd, &target->old},
                            (sj_metadata_file){replacing->fd, &replacing->made}, replacing->current.may_inherit,
                            target->place, err));
    if (!is_synced_later(replacing))
        SJ_TRY(sj_fd_sync(replacing->fd, target->place, err));
    if (sj_replace_is_sync_fd(replacing->sync_fds, replacing->device_count, replacing->fd))
        return SNAPJAR_OK;
    /* Closing is the last chance to hear of a full disk (NFS). */
    int result = close(replacing->fd);
    replacing->fd = -1;
    if (result != 0 && errno != EINTR)
        return sj_raise_errno(err, SNAPJAR_DIAG_WRITE_FAILED, errno, target->place, "cannot write");
    return SNAPJAR_OK;
}

static snapjar_status make_room(snapjar_replacing *replacing, snapjar_error *err)
{
    if (replacing->staged_count < replacing->staged_capacity)
        return SNAPJAR_OK;
    size_t capacity = replacing->staged_capacity == 0 ? 16 : replacing->staged_capacity * 2;
    replacement *staged = sj_realloc(replacing->context, replacing->staged, capacity * sizeof *staged);
    if (staged == NULL)
        return sj_raise_no_memory(err, capacity * sizeof *staged);
    replacing->staged = staged;
    replacing->staged_capacity = capacity;
    return SNAPJAR_OK;
}

snapjar_status snapjar_replacing_stage(snapjar_replacing *replacing, void *item, snapjar_error *err)
{
    if (!replacing->is_open || replacing->fd < 0)
        return raise_argument(err, "nothing was written");
    if (replacing->sink->state == SJ_SINK_FAILED)
        return raise_argument(err, "the sink failed before");
    snapjar_status status = make_room(replacing, err);
    if (status == SNAPJAR_OK)
        status = complete(replacing, err);
    if (status != SNAPJAR_OK) {
        snapjar_replacing_skip(replacing);
        return status;
    }
    close_current(replacing);
    replacing->current.item = item;
    replacing->staged[replacing->staged_count++] = replacing->current;
    /* How they end is told by `replaced`. */
    if (replacing->staged_count >= replacing->options.file_count_max)
        (void)!snapjar_replacing_commit(replacing, NULL);
    return SNAPJAR_OK;
}

/* ---- taking their places ---- */

static snapjar_status sync_all(const snapjar_replacing *replacing, snapjar_error *err)
{
    for (size_t i = 0; i < replacing->device_count; i++) {
        if (syncfs(replacing->sync_fds[i]) != 0)
            return sj_raise_errno(err, SNAPJAR_DIAG_SYNC_FAILED, errno, NULL, "cannot sync the file system");
    }
    return SNAPJAR_OK;
}

/** The file must be the one that was read, with the bytes that were read. */
static snapjar_status check_unchanged(replacement *file, snapjar_error *err)
{
    struct stat now;
    bool is_same = fstatat(file->target.folder_fd, file->target.name, &now, AT_SYMLINK_NOFOLLOW) == 0 &&
                   sj_stat_is_unchanged(&now, &file->target.old);
    if (!is_same)
        return sj_raise_place(err,
                              sj_raise(err, SNAPJAR_IO, SNAPJAR_DIAG_SOURCE_CHANGED, SJ_NOWHERE,
                                       "somebody else replaced the file or wrote to it meanwhile: it was left alone"),
                              file->target.place);
    file->target.replaced_links = now.st_nlink > 0 ? (uint64_t)now.st_nlink - 1 : 0;
    return SNAPJAR_OK;
}

static snapjar_status keep_backup(const snapjar_replacing *replacing, replacement *file, snapjar_error *err)
{
    char name[NAME_MAX + 1];
    bool is_there;
    SJ_TRY(check_backup(replacing, file, &is_there, err));
    if (is_there && file->target.replaced_links > 0)
        file->target.replaced_links--;
    (void)name_backup(replacing, &file->target, name);
    int folder = file->target.folder_fd;
    if (!is_there && linkat(folder, file->target.name, folder, name, 0) != 0)
        return sj_raise_errno(err, SNAPJAR_DIAG_RENAME_FAILED, errno, file->target.place, "cannot keep a backup");
    return SNAPJAR_OK;
}

static snapjar_status take_place(const snapjar_replacing *replacing, replacement *file, snapjar_error *err)
{
    SJ_TRY(check_unchanged(file, err));
    if (replacing->backup_suffix != NULL)
        SJ_TRY(keep_backup(replacing, file, err));
    return sj_target_rename(&file->target, false, err);
}

static void tell(const snapjar_replacing *replacing, const replacement *file, const snapjar_error *failure)
{
    if (replacing->options.replaced != NULL)
        replacing->options.replaced(replacing->options.state, file->item, failure ? 0 : file->target.replaced_links,
                                    failure);
}

/** Tells and forgets all staged files. Returns the first failure. */
static snapjar_status end_batch(snapjar_replacing *replacing, const snapjar_error *common, snapjar_error *err)
{
    snapjar_status result = SNAPJAR_OK;
    for (size_t i = 0; i < replacing->staged_count; i++) {
        replacement *file = &replacing->staged[i];
        const snapjar_error *failure = file->failure.status != SNAPJAR_OK ? &file->failure : common;
        tell(replacing, file, failure);
        sj_target_clear(&file->target);
        if (failure != NULL && result == SNAPJAR_OK) {
            result = failure->status;
            if (err != NULL)
                *err = *failure;
        }
    }
    replacing->staged_count = 0;
    for (size_t i = 0; i < replacing->device_count; i++) {
        /* The opened file may be the one by which its file system is synced. */
        if (replacing->sync_fds[i] != replacing->fd)
            (void)close(replacing->sync_fds[i]);
    }
    replacing->device_count = 0;
    if (replacing->fd >= 0)
        keep_for_sync(replacing);
    sj_replace_folders_clear(&replacing->folders, replacing->current.target.folder_fd);
    return result;
}

snapjar_status snapjar_replacing_commit(snapjar_replacing *replacing, snapjar_error *err)
{
    snapjar_error failure = {.status = SNAPJAR_OK};
    bool is_synced = replacing->options.durability == SNAPJAR_DURABILITY_SYNC;
    if (replacing->staged_count > 0 && is_synced && sync_all(replacing, &failure) != SNAPJAR_OK)
        return end_batch(replacing, &failure, err);
    for (size_t i = 0; i < replacing->staged_count; i++) {
        replacement *file = &replacing->staged[i];
        (void)!take_place(replacing, file, &file->failure);
    }
    if (replacing->staged_count > 0 && is_synced && sync_all(replacing, &failure) != SNAPJAR_OK)
        return end_batch(replacing, &failure, err);
    return end_batch(replacing, NULL, err);
}

void snapjar_replacing_free(snapjar_replacing *replacing)
{
    if (replacing == NULL)
        return;
    snapjar_replacing_skip(replacing);
    for (size_t i = 0; i < replacing->staged_count; i++)
        sj_target_clear(&replacing->staged[i].target);
    for (size_t i = 0; i < replacing->device_count; i++)
        (void)close(replacing->sync_fds[i]);
    sj_replace_folders_clear(&replacing->folders, -1);
    sj_free(replacing->context, replacing->staged);
    sj_free(replacing->context, replacing->backup_suffix);
    sj_free(replacing->context, replacing->head);
    sj_free(replacing->context, replacing->buffer);
    snapjar_sink_free(replacing->sink);
    sj_free(replacing->context, replacing);
}
