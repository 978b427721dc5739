/* SPDX-License-Identifier: MIT
 *
 * FILE.seal beside FILE.
 */
#include "detaching.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "text.h"

char *detaching_path(const char *path)
{
    size_t size = strlen(path);
    char *seal_path = memory_get(size + sizeof(SNAPJAR_DETACHED_SUFFIX));

    memcpy(seal_path, path, size);
    memcpy(seal_path + size, SNAPJAR_DETACHED_SUFFIX, sizeof(SNAPJAR_DETACHED_SUFFIX));
    return seal_path;
}

bool detaching_is_there(const char *path)
{
    char *seal_path = detaching_path(path);
    bool is_there = faccessat(AT_FDCWD, seal_path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;

    free(seal_path);
    return is_there;
}

void detaching_remark(struct cli *cli, const char *path)
{
    if (detaching_is_there(path))
        report_remark(
            cli, path,
            "its detached seal is of the file as it was: seal it again (seal --detached --replace), or remove "
            "it (unseal --detached)");
}

/* `*detached` is NULL if there is no file. */
static snapjar_status open_seal(snapjar_detached **detached, snapjar_context *context, const char *seal_path,
                                snapjar_error *err)
{
    snapjar_status status = snapjar_detached_open_path(detached, context, seal_path, err);

    return status == SNAPJAR_IO && err->system_errno == ENOENT ? SNAPJAR_OK : status;
}

/* Where something else than a file is, none is written: a pipe would keep us waiting. */
static snapjar_status check_place(const char *seal_path, snapjar_error *err)
{
    struct stat info;

    if (stat(seal_path, &info) != 0 || S_ISREG(info.st_mode))
        return SNAPJAR_OK;
    report_make(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_SEAL_FILE_INVALID, "the detached seal is no regular file");
    return err->status;
}

snapjar_status detaching_seal(snapjar_context *context, snapjar_sealer *sealer, const char *path, const char *seal_path,
                              snapjar_durability durability, const snapjar_seal_options *options, uint64_t *count,
                              const char **blamed, snapjar_error *err)
{
    snapjar_path_sink_options sink_options = SNAPJAR_PATH_SINK_OPTIONS_INIT;
    snapjar_detached *kept = NULL;
    snapjar_source *source = NULL;
    snapjar_sink *sink = NULL;

    sink_options.durability = durability;
    *blamed = seal_path;
    snapjar_status status = check_place(seal_path, err);
    if (status == SNAPJAR_OK) {
        *blamed = path;
        status = snapjar_source_open_path(&source, context, path, 0, err);
    }
    if (status == SNAPJAR_OK) {
        *blamed = seal_path;
        /* First the lock, so that nobody adds a signature between reading and writing. */
        status = snapjar_sink_open_path(&sink, context, seal_path, &sink_options, err);
    }
    if (status == SNAPJAR_OK && !options->replace)
        status = open_seal(&kept, context, seal_path, err);
    if (status == SNAPJAR_OK) {
        status = snapjar_seal_detached(sealer, source, sink, kept, options, count, err);
        bool is_of_seal = status != SNAPJAR_OK && err->diagnostic == SNAPJAR_DIAG_WRITE_FAILED;
        *blamed = is_of_seal ? seal_path : path;
    }
    if (status == SNAPJAR_OK) {
        *blamed = seal_path;
        status = snapjar_sink_finish(sink, err);
    }
    snapjar_sink_free(sink);
    snapjar_source_free(source);
    snapjar_detached_free(kept);
    return status;
}

/* Writes it without the key's signatures, if others are left. Reads it again under the lock of who writes it. */
static snapjar_status rewrite(snapjar_context *context, const char *seal_path, const char *key_id,
                              snapjar_durability durability, size_t *before, size_t *left, snapjar_error *err)
{
    snapjar_path_sink_options options = SNAPJAR_PATH_SINK_OPTIONS_INIT;
    snapjar_detached *detached = NULL;
    snapjar_sink *sink = NULL;

    options.durability = durability;
    snapjar_status status = snapjar_sink_open_path(&sink, context, seal_path, &options, err);
    if (status == SNAPJAR_OK)
        status = snapjar_detached_open_path(&detached, context, seal_path, err);
    if (status == SNAPJAR_OK) {
        *before = snapjar_detached_signature_count(detached);
        status = snapjar_unseal_detached(detached, sink, key_id, left, err);
    }
    if (status == SNAPJAR_OK && *left && *left < *before)
        status = snapjar_sink_finish(sink, err);
    snapjar_sink_free(sink);
    snapjar_detached_free(detached);
    return status;
}

snapjar_status detaching_unseal(snapjar_context *context, const char *seal_path, const char *key_id,
                                snapjar_durability durability, uint64_t *count, snapjar_error *err)
{
    snapjar_detached *detached = NULL;
    size_t left = 0;

    *count = 0;
    /* What is no detached seal is somebody's file: it is not taken away. */
    snapjar_status status = check_place(seal_path, err);
    if (status == SNAPJAR_OK)
        status = open_seal(&detached, context, seal_path, err);
    if (status != SNAPJAR_OK || !detached)
        return status;
    size_t before = snapjar_detached_signature_count(detached);
    snapjar_detached_free(detached);
    if (key_id)
        status = rewrite(context, seal_path, key_id, durability, &before, &left, err);
    if (status == SNAPJAR_OK && !left && unlink(seal_path) != 0) {
        report_make_errno(err, SNAPJAR_DIAG_WRITE_FAILED, "cannot remove the file");
        return err->status;
    }
    if (status == SNAPJAR_OK)
        *count = before - left;
    return status;
}
