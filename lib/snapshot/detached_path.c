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

/* `*detached` is NULL if there is no file. `err` is not. */
static snapjar_status open_if_there(snapjar_detached **detached, snapjar_context *context, const char *seal_path,
                                    snapjar_error *err)
{
    snapjar_status status = sj_detached_open_file(detached, context, seal_path, err);

    return status == SNAPJAR_IO && err->system_errno == ENOENT ? SNAPJAR_OK : status;
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
    if (!snapshot || !sj_stat_is_same(&info, snapshot))
        return SNAPJAR_OK;
    return sj_raise_place(err,
                          sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_TARGET_UNSAFE, SJ_NOWHERE,
                                   "the detached seal would take the place of what it is of"),
                          seal_path);
}

/* ---- sealing ---- */

typedef struct sealing {
    snapjar_sealer *sealer;
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
    SJ_TRY(sj_fd_open_locked(&s->fd, &s->seen, s->path, O_RDONLY, err));
    return snapjar_source_from_fd(&s->source, s->sealer->context, s->fd, s->path, 0, err);
}

static snapjar_status open_seal(sealing *s, snapjar_error *err)
{
    snapjar_path_sink_options options = SNAPJAR_PATH_SINK_OPTIONS_INIT;

    s->blamed = s->seal_path;
    options.durability = s->durability;
    SJ_TRY(check_place(s->seal_path, &s->seen, err));
    /* First the lock, so that nobody adds a signature between reading and writing. */
    SJ_TRY(snapjar_sink_open_path(&s->sink, s->sealer->context, s->seal_path, &options, err));
    return s->options.replace ? SNAPJAR_OK : open_if_there(&s->kept, s->sealer->context, s->seal_path, err);
}

/* Not everybody asks for the lock. */
static snapjar_status check_unchanged(const sealing *s, snapjar_error *err)
{
    struct stat now;

    if (!S_ISREG(s->seen.st_mode) || (stat(s->path, &now) == 0 && sj_stat_is_unchanged(&now, &s->seen)))
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

snapjar_status snapjar_seal_detached_path(snapjar_sealer *sealer, const char *path, const char *seal_path,
                                          snapjar_durability durability, const snapjar_seal_options *options,
                                          uint64_t *count, const char **blamed, snapjar_error *err)
{
    sealing s = {.sealer = sealer, .path = path, .seal_path = seal_path, .durability = durability, .fd = -1};
    snapjar_error own;

    if (count)
        *count = 0;
    if (blamed)
        *blamed = path;
    if (!sealer || !path || !seal_path)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE,
                        "sealer, path or seal_path is NULL");
    SJ_TRY(sj_options_read(&s.options, sizeof(s.options), options, "snapjar_seal_options", err));
    err = err ? err : &own;
    snapjar_status status = open_snapshot(&s, err);
    if (status == SNAPJAR_OK)
        status = open_seal(&s, err);
    if (status == SNAPJAR_OK)
        status = write_seal(&s, count, err);
    snapjar_sink_free(s.sink);
    snapjar_detached_free(s.kept);
    snapjar_source_free(s.source);
    if (s.fd >= 0)
        (void)close(s.fd);
    if (count && status != SNAPJAR_OK)
        *count = 0;
    if (blamed)
        *blamed = status == SNAPJAR_OK ? NULL : s.blamed;
    return status;
}

/* ---- unsealing ---- */

/* A folder that may be written but not listed cannot be synced, which is no failure. `err` is not NULL. */
static snapjar_status remove_file(const char *seal_path, snapjar_durability durability, snapjar_error *err)
{
    if (unlink(seal_path) != 0)
        return sj_raise_errno(err, SNAPJAR_DIAG_WRITE_FAILED, errno, seal_path, "cannot remove the file");
    snapjar_status status = durability == SNAPJAR_DURABILITY_SYNC ? sj_folder_sync(seal_path, err) : SNAPJAR_OK;
    return status == SNAPJAR_IO && err->system_errno == EACCES ? SNAPJAR_OK : status;
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
    snapjar_error own;
    uint8_t id[SJ_ID_SIZE];
    uint64_t none = 0;

    removed = removed ? removed : &none;
    *removed = 0;
    if (!context || !seal_path || (key_id && !sj_hex_read(id, sizeof(id), key_id, strlen(key_id))))
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE,
                        "context or seal_path is NULL, or key_id is not 32 lower-case hex digits");
    options.durability = durability;
    SJ_TRY(check_place(seal_path, NULL, err));
    err = err ? err : &own;
    snapjar_status status = sj_sink_open_path_late(&sink, context, seal_path, &options, err);
    if (status == SNAPJAR_OK)
        status = unseal(context, seal_path, sink, key_id, durability, removed, err);
    else if (status == SNAPJAR_IO && err->system_errno == ENOENT)
        status = SNAPJAR_OK;
    snapjar_sink_free(sink);
    return status;
}
