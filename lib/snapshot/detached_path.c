/* SPDX-License-Identifier: MIT
 *
 * Detached seals as files: made, renewed and taken away under the locks of those who write. What stands in them is
 * detached.c's.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "seal/detached.h"
#include "snapshot/sealer.h"
#include "util/fd.h"
#include "util/io.h"
#include "util/options.h"

bool snapjar_detached_is_beside(const char *path)
{
    char name[PATH_MAX];
    int size = path ? snprintf(name, sizeof(name), "%s" SNAPJAR_DETACHED_SUFFIX, path) : 0;

    return size > 0 && (size_t)size < sizeof(name) && faccessat(AT_FDCWD, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* `*detached` is NULL if there is no file. */
static snapjar_status open_if_there(snapjar_detached **detached, snapjar_context *context, const char *seal_path,
                                    snapjar_error *err)
{
    snapjar_error fault;
    snapjar_status status = sj_detached_open_file(detached, context, seal_path, &fault);

    if (status == SNAPJAR_IO && fault.system_errno == ENOENT)
        return SNAPJAR_OK;
    if (status != SNAPJAR_OK && err)
        *err = fault;
    return status;
}

/* Nothing is written where something else than a file is: a pipe would keep us waiting. */
static snapjar_status check_place(const char *seal_path, const struct stat *snapshot, snapjar_error *err)
{
    struct stat info;

    if (stat(seal_path, &info) != 0)
        return SNAPJAR_OK;
    if (!S_ISREG(info.st_mode))
        return sj_raise_place(err,
                              sj_raise(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_SEAL_FILE_INVALID, SJ_NOWHERE,
                                       "the detached seal is no regular file"),
                              seal_path);
    if (!snapshot || info.st_dev != snapshot->st_dev || info.st_ino != snapshot->st_ino)
        return SNAPJAR_OK;
    return sj_raise_place(err,
                          sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_TARGET_UNSAFE, SJ_NOWHERE,
                                   "the detached seal would take the place of what it is of"),
                          seal_path);
}

/* ---- sealing ---- */

typedef struct sealing {
    snapjar_sealer *sealer;
    snapjar_context *context;
    const char *path;
    const char *seal_path;
    const char *blamed;
    snapjar_seal_options options;
    snapjar_durability durability;
    /* The snapshot: locked, and what it was then. */
    int fd;
    struct stat seen;
    snapjar_source *source;
    snapjar_sink *sink;
    snapjar_detached *kept;
} sealing;

static snapjar_status open_snapshot(sealing *s, snapjar_error *err)
{
    s->blamed = s->path;
    SJ_TRY(sj_fd_open_locked(&s->fd, s->path, O_RDONLY, err));
    if (fstat(s->fd, &s->seen) != 0)
        return sj_raise_errno(err, SNAPJAR_DIAG_OPEN_FAILED, errno, s->path, "cannot look at the file");
    return snapjar_source_from_fd(&s->source, s->context, s->fd, s->path, 0, err);
}

static snapjar_status open_seal(sealing *s, snapjar_error *err)
{
    snapjar_path_sink_options options = SNAPJAR_PATH_SINK_OPTIONS_INIT;

    s->blamed = s->seal_path;
    options.durability = s->durability;
    SJ_TRY(check_place(s->seal_path, &s->seen, err));
    /* First the lock, so that nobody adds a signature between reading and writing. */
    SJ_TRY(snapjar_sink_open_path(&s->sink, s->context, s->seal_path, &options, err));
    return s->options.replace ? SNAPJAR_OK : open_if_there(&s->kept, s->context, s->seal_path, err);
}

/* Not everybody asks for the lock. */
static snapjar_status check_unchanged(const sealing *s, snapjar_error *err)
{
    const struct stat *seen = &s->seen;
    struct stat now;

    if (!S_ISREG(seen->st_mode))
        return SNAPJAR_OK;
    if (stat(s->path, &now) == 0 && now.st_dev == seen->st_dev && now.st_ino == seen->st_ino &&
        now.st_size == seen->st_size && now.st_mtim.tv_sec == seen->st_mtim.tv_sec &&
        now.st_mtim.tv_nsec == seen->st_mtim.tv_nsec)
        return SNAPJAR_OK;
    return sj_raise_place(err,
                          sj_raise(err, SNAPJAR_IO, SNAPJAR_DIAG_SOURCE_CHANGED, SJ_NOWHERE,
                                   "somebody else replaced the file or wrote to it meanwhile: it was not sealed"),
                          s->path);
}

static snapjar_status write_seal(sealing *s, uint64_t *count, snapjar_error *err)
{
    s->blamed = s->path;
    snapjar_status status = snapjar_seal_detached(s->sealer, s->source, s->sink, s->kept, &s->options, count, err);
    if (status != SNAPJAR_OK && err->diagnostic == SNAPJAR_DIAG_WRITE_FAILED)
        s->blamed = s->seal_path;
    SJ_TRY(status);
    SJ_TRY(check_unchanged(s, err));
    s->blamed = s->seal_path;
    return snapjar_sink_finish(s->sink, err);
}

static snapjar_status seal(sealing *s, uint64_t *count, snapjar_error *err)
{
    SJ_TRY(open_snapshot(s, err));
    SJ_TRY(open_seal(s, err));
    return write_seal(s, count, err);
}

snapjar_status snapjar_seal_detached_path(snapjar_sealer *sealer, const char *path, const char *seal_path,
                                          snapjar_durability durability, const snapjar_seal_options *options,
                                          uint64_t *count, const char **blamed, snapjar_error *err)
{
    sealing s = {.sealer = sealer, .path = path, .seal_path = seal_path, .durability = durability, .fd = -1};
    snapjar_error own;
    uint64_t sealed = 0;

    if (count)
        *count = 0;
    if (blamed)
        *blamed = path;
    if (!sealer || !path || !seal_path)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE,
                        "sealer, path or seal_path is NULL");
    SJ_TRY(sj_options_read(&s.options, sizeof(s.options), options, "snapjar_seal_options", err));
    s.context = sealer->context;
    snapjar_status status = seal(&s, &sealed, err ? err : &own);
    snapjar_sink_free(s.sink);
    snapjar_detached_free(s.kept);
    snapjar_source_free(s.source);
    if (s.fd >= 0)
        (void)close(s.fd);
    if (count && status == SNAPJAR_OK)
        *count = sealed;
    if (blamed)
        *blamed = status == SNAPJAR_OK ? NULL : s.blamed;
    return status;
}

/* ---- unsealing ---- */

static snapjar_status remove_file(const char *seal_path, snapjar_durability durability, snapjar_error *err)
{
    snapjar_error fault;

    if (unlink(seal_path) != 0)
        return sj_raise_errno(err, SNAPJAR_DIAG_WRITE_FAILED, errno, seal_path, "cannot remove the file");
    if (durability == SNAPJAR_DURABILITY_NONE || sj_folder_sync(seal_path, &fault) == SNAPJAR_OK)
        return SNAPJAR_OK;
    /* A folder that may be written but not listed cannot be synced, either. */
    if (fault.system_errno == EACCES)
        return SNAPJAR_OK;
    return sj_raise_errno(err, SNAPJAR_DIAG_SYNC_FAILED, fault.system_errno, seal_path, "cannot sync its folder");
}

/* With the lock held. */
static snapjar_status unseal(snapjar_context *context, const char *seal_path, snapjar_sink *sink, const char *key_id,
                             snapjar_durability durability, uint64_t *removed, snapjar_error *err)
{
    snapjar_detached *detached = NULL;
    size_t left = 0;

    SJ_TRY(open_if_there(&detached, context, seal_path, err));
    if (!detached)
        return SNAPJAR_OK;
    const size_t before = snapjar_detached_signature_count(detached);
    snapjar_status status = SNAPJAR_OK;
    if (key_id)
        status = snapjar_unseal_detached(detached, sink, key_id, &left, err);
    if (status == SNAPJAR_OK && !left)
        status = remove_file(seal_path, durability, err);
    else if (status == SNAPJAR_OK && left < before)
        status = snapjar_sink_finish(sink, err);
    if (status == SNAPJAR_OK)
        *removed = before - left;
    snapjar_detached_free(detached);
    return status;
}

snapjar_status snapjar_unseal_detached_path(snapjar_context *context, const char *seal_path, const char *key_id,
                                            snapjar_durability durability, uint64_t *removed, snapjar_error *err)
{
    snapjar_path_sink_options options = SNAPJAR_PATH_SINK_OPTIONS_INIT;
    snapjar_sink *sink = NULL;
    snapjar_error fault;
    uint8_t id[SJ_ID_SIZE];
    uint64_t taken = 0;

    if (removed)
        *removed = 0;
    if (!context || !seal_path || (key_id && !sj_hex_read(id, sizeof(id), key_id, strlen(key_id))))
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE,
                        "context or seal_path is NULL, or key_id is not 32 lower-case hex digits");
    options.durability = durability;
    SJ_TRY(check_place(seal_path, NULL, err));
    snapjar_status status = sj_sink_open_path_late(&sink, context, seal_path, &options, &fault);
    if (status == SNAPJAR_OK)
        status = unseal(context, seal_path, sink, key_id, durability, &taken, &fault);
    else if (status == SNAPJAR_IO && fault.system_errno == ENOENT)
        status = SNAPJAR_OK;
    snapjar_sink_free(sink);
    if (status != SNAPJAR_OK && err)
        *err = fault;
    if (removed)
        *removed = taken;
    return status;
}
