/* SPDX-License-Identifier: MIT
 *
 * A few open folders, the latest looked at first, and the removal of what an interrupted run left in one.
 */
#include "util/replace_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <snapjar/replace.h>

#include "util/metadata.h"

snapjar_status sj_replace_folder_open(sj_replace_folders *folders, sj_target *target, char *resolved,
                                      bool *is_inherited, snapjar_error *err)
{
    size_t size = sj_target_folder_size(resolved);
    for (size_t i = folders->count; i-- > 0;) {
        if (strncmp(folders->items[i].path, resolved, size) != 0 || folders->items[i].path[size] != '\0')
            continue;
        target->folder_fd = folders->items[i].fd;
        target->is_folder_readable = folders->items[i].is_readable;
        target->is_folder_borrowed = true;
        *is_inherited = folders->items[i].is_inherited;
        return SNAPJAR_OK;
    }
    char *path = sj_dup_text(folders->context, resolved, size);
    if (path == NULL)
        return sj_raise_no_memory(err, size + 1);
    snapjar_status status = sj_target_open_folder(target, resolved, err);
    if (status != SNAPJAR_OK) {
        sj_free(folders->context, path);
        return status;
    }
    target->is_folder_borrowed = true;
    folders->items[folders->count].path = path;
    folders->items[folders->count].fd = target->folder_fd;
    *is_inherited = folders->items[folders->count].is_inherited = sj_metadata_is_inherited(target->folder_fd);
    folders->items[folders->count++].is_readable = target->is_folder_readable;
    return SNAPJAR_OK;
}

bool sj_replace_folders_are_full(const sj_replace_folders *folders)
{
    return folders->count == SJ_REPLACE_FOLDERS_MAX;
}

void sj_replace_folders_clear(sj_replace_folders *folders, int kept_fd)
{
    size_t kept = 0;
    for (size_t i = 0; i < folders->count; i++) {
        if (kept_fd >= 0 && folders->items[i].fd == kept_fd) {
            folders->items[kept++] = folders->items[i];
            continue;
        }
        (void)close(folders->items[i].fd);
        sj_free(folders->context, folders->items[i].path);
    }
    folders->count = kept;
}

bool sj_replace_is_sync_fd(const int *fds, size_t count, int fd)
{
    for (size_t i = 0; i < count; i++) {
        if (fds[i] == fd)
            return true;
    }
    return false;
}

/* ---- what an interrupted run left ---- */

/** The path of the file that the leftover was meant for, or nothing if it is no leftover of this kind. */
static bool find_owner(const char *path, char owner[PATH_MAX])
{
    size_t folder_size = sj_target_folder_size(path);
    const char *name = path + folder_size;
    size_t size = strlen(name);
    size_t suffix_size = sizeof SJ_TOGETHER_SUFFIX - 1;
    size_t fixed_size = suffix_size - 6;
    if (name[0] != '.' || size <= suffix_size + 1 || size >= NAME_MAX || folder_size + size >= PATH_MAX)
        return false;
    if (memcmp(name + size - suffix_size, SJ_TOGETHER_SUFFIX, fixed_size) != 0 || strpbrk(name + size - 6, "./"))
        return false;
    memcpy(owner, path, folder_size);
    memcpy(owner + folder_size, name + 1, size - suffix_size - 1);
    owner[folder_size + size - suffix_size - 1] = '\0';
    return true;
}

/** While the file is locked, nobody else can be replacing it: what is there was left behind. */
static snapjar_status remove_locked(sj_target *target, const char *path, int *is_removed, snapjar_error *err)
{
    char resolved[PATH_MAX];
    bool is_busy = false;
    memcpy(resolved, target->place, strlen(target->place) + 1);
    SJ_TRY(sj_target_take_name(target, resolved, err));
    SJ_TRY(sj_target_open_folder(target, resolved, err));
    SJ_TRY(sj_target_lock_now(target, &is_busy, err));
    if (is_busy || target->old_fd < 0)
        return SNAPJAR_OK;
    if (unlinkat(target->folder_fd, path + sj_target_folder_size(path), 0) != 0 && errno != ENOENT)
        return sj_raise_errno(err, SNAPJAR_DIAG_WRITE_FAILED, errno, path, "cannot remove what was left behind");
    *is_removed = 1;
    return SNAPJAR_OK;
}

snapjar_status snapjar_replacing_clean(snapjar_context *context, const char *path, int *is_removed, snapjar_error *err)
{
    char owner[PATH_MAX];
    sj_target target;
    if (is_removed != NULL)
        *is_removed = 0;
    if (context == NULL || path == NULL || is_removed == NULL)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE,
                        "context, path or is_removed is NULL");
    if (!find_owner(path, owner))
        return SNAPJAR_OK;
    memset(&target, 0, sizeof target);
    snapjar_status status = sj_target_init(&target, context, owner, err);
    if (status == SNAPJAR_OK)
        status = remove_locked(&target, path, is_removed, err);
    sj_target_clear(&target);
    return status;
}
