/* SPDX-License-Identifier: MIT
 *
 * FILE.seal beside FILE.
 */
#include "detaching.h"

#include <string.h>

#include "text.h"

char *detaching_path(const char *path)
{
    size_t size = strlen(path);
    char *seal_path = memory_get(size + sizeof(SNAPJAR_DETACHED_SUFFIX));

    memcpy(seal_path, path, size);
    memcpy(seal_path + size, SNAPJAR_DETACHED_SUFFIX, sizeof(SNAPJAR_DETACHED_SUFFIX));
    return seal_path;
}

void detaching_remark(struct cli *cli, const char *path)
{
    if (snapjar_detached_is_beside(path))
        report_remark(
            cli, path,
            "its detached seal is of the file as it was: seal it again (seal --detached --replace), or remove "
            "it (unseal --detached)");
}
