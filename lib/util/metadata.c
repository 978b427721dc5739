/* SPDX-License-Identifier: MIT
 *
 * Copies a file's owner, extended attributes and mode to another. Never touches its bytes.
 */
#include "util/metadata.h"

#include <errno.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

/** Linux's own limits (XATTR_LIST_MAX and XATTR_SIZE_MAX): larger ones cannot exist. */
#define XATTR_LIST_SIZE ((size_t)65536)
#define XATTR_VALUE_SIZE ((size_t)65536)

static const char access_list_name[] = "system.posix_acl_access";
static const char default_list_name[] = "system.posix_acl_default";

/** Attributes that speak of the bytes or of the program in them, which are others now; the kernel keeps them itself. */
static bool is_about_content(const char *name)
{
    return strcmp(name, "security.capability") == 0 || strcmp(name, "security.ima") == 0 ||
           strcmp(name, "security.evm") == 0;
}

/** Copies what `list` names; false if an access list could not be copied. */
static bool copy_listed(int from_fd, int to_fd, bool may_inherit, const char *list, size_t list_size, void *value)
{
    bool has_access_list = false;
    bool is_kept = true;
    for (size_t i = 0; i < list_size; i += strlen(list + i) + 1) {
        const char *name = list + i;
        if (is_about_content(name))
            continue;
        bool is_access_list = strcmp(name, access_list_name) == 0;
        ssize_t size = fgetxattr(from_fd, name, value, XATTR_VALUE_SIZE);
        bool is_copied = size >= 0 && fsetxattr(to_fd, name, value, (size_t)size, 0) == 0;
        has_access_list = has_access_list || is_access_list;
        if (is_access_list && !is_copied)
            is_kept = false;
    }
    /* The new file may have got an access list from its folder that the old one did not have. */
    if (!has_access_list && may_inherit)
        (void)fremovexattr(to_fd, access_list_name);
    return is_kept;
}

static snapjar_status copy_attributes(snapjar_context *context, int from_fd, int to_fd, bool may_inherit, bool *is_kept,
                                      snapjar_error *err)
{
    *is_kept = true;
    if (flistxattr(from_fd, NULL, 0) <= 0) {
        if (may_inherit)
            (void)fremovexattr(to_fd, access_list_name);
        return SNAPJAR_OK;
    }
    char *list = sj_alloc(context, XATTR_LIST_SIZE + XATTR_VALUE_SIZE);
    if (list == NULL)
        return sj_raise_no_memory(err, XATTR_LIST_SIZE + XATTR_VALUE_SIZE);
    ssize_t list_size = flistxattr(from_fd, list, XATTR_LIST_SIZE);
    *is_kept =
        copy_listed(from_fd, to_fd, may_inherit, list, list_size < 0 ? 0 : (size_t)list_size, list + XATTR_LIST_SIZE);
    sj_free(context, list);
    return SNAPJAR_OK;
}

bool sj_metadata_is_inherited(int folder_fd)
{
    return fgetxattr(folder_fd, default_list_name, NULL, 0) >= 0 || (errno != ENODATA && errno != EOPNOTSUPP);
}

snapjar_status sj_metadata_copy(snapjar_context *context, sj_metadata_file from_file, sj_metadata_file to_file,
                                bool may_inherit, const char *place, snapjar_error *err)
{
    const struct stat from = *from_file.info;
    const struct stat to = *to_file.info;
    const int to_fd = to_file.fd;
    /* Owner first: changing it clears the set-id bits. Who may not give files away may still keep the group. */
    bool is_owner_kept = to.st_uid == from.st_uid;
    bool is_group_kept = to.st_gid == from.st_gid;
    if (!is_owner_kept || !is_group_kept) {
        bool is_all_kept = fchown(to_fd, from.st_uid, from.st_gid) == 0;
        is_owner_kept = is_owner_kept || is_all_kept;
        is_group_kept = is_group_kept || is_all_kept || fchown(to_fd, (uid_t)-1, from.st_gid) == 0;
    }
    bool is_access_kept;
    SJ_TRY(copy_attributes(context, from_file.fd, to_fd, may_inherit, &is_access_kept, err));
    mode_t mode = from.st_mode & 07777;
    if (!is_owner_kept)
        mode &= (mode_t) ~(mode_t)S_ISUID;
    /* Another group, or one that the access list no longer restrains, gets what everybody has. */
    if (!is_group_kept || !is_access_kept)
        mode = (mode & (mode_t) ~(mode_t)(S_ISGID | S_IRWXG)) | (mode & S_IRWXG & (mode & S_IRWXO) << 3);
    if (fchmod(to_fd, mode) != 0 && errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS)
        return sj_raise_errno(err, SNAPJAR_DIAG_WRITE_FAILED, errno, place, "cannot set the mode of the new file");
    return SNAPJAR_OK;
}
