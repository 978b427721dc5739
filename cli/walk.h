/* SPDX-License-Identifier: MIT
 *
 * From the paths of a command line to the files behind them: directories are walked in sorted order, symbolic links to
 * directories inside them are not followed. Nothing is opened but directories; nothing disappears without a number.
 */
#ifndef CLI_WALK_H
#define CLI_WALK_H

#include <stddef.h>

#include "options.h"

enum walk_kind {
    /** Named on the command line: must be a snapshot. */
    WALK_NAMED,
    /** In a directory, and called *.snapjar: must be a snapshot. */
    WALK_FOUND,
    /** In a directory, under another name: its content decides. */
    WALK_OTHER,
    /** What an interrupted write or a repair left behind. */
    WALK_LEFTOVER,
    /** A directory that cannot be read: see `reason`. */
    WALK_FAILED
};

struct walk_item {
    char *path;
    enum walk_kind kind;
    /** errno of WALK_FAILED. */
    int reason;
};

struct walk {
    struct walk_item *items;
    size_t count;
    /** Devices, pipes, sockets and dangling links in directories. */
    size_t special_count;
    /** Where the paths are. */
    struct walk_block *paths;
};

/** Collects the files behind `paths`. Free the walk in any case. */
void walk_paths(struct walk *walk, const struct string_list *paths);
void walk_free(struct walk *walk);

#endif
