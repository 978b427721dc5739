/* SPDX-License-Identifier: MIT
 *
 * The folders of files that are replaced together, opened once each. For util/replace.c.
 */
#ifndef SJ_UTIL_REPLACE_FOLDER_H
#define SJ_UTIL_REPLACE_FOLDER_H

#include "util/target.h"

#define SJ_REPLACE_FOLDERS_MAX 64

typedef struct sj_replace_folders {
    snapjar_context *context;
    struct {
        char *path;
        int fd;
        bool is_readable;
        /** New files in it may get an access list from it. */
        bool is_inherited;
    } items[SJ_REPLACE_FOLDERS_MAX];
    size_t count;
} sj_replace_folders;

/** Gives `target` the folder of `resolved`, opened before or now. There must be room. */
snapjar_status sj_replace_folder_open(sj_replace_folders *folders, sj_target *target, char *resolved,
                                      bool *is_inherited, snapjar_error *err);

bool sj_replace_folders_are_full(const sj_replace_folders *folders);

/** Closes and forgets all but the one with the descriptor `kept_fd` (-1: none is kept). */
void sj_replace_folders_clear(sj_replace_folders *folders, int kept_fd);

/** Whether `fd` is one of these. */
bool sj_replace_is_sync_fd(const int *fds, size_t count, int fd);

#endif
