/* SPDX-License-Identifier: MIT
 *
 * Making many files on many threads: what pack and unpack share. What each job tells is kept and comes out in order.
 * Looking at files without making any is what batch.h is for.
 */
#ifndef CLI_MANY_H
#define CLI_MANY_H

#include <stdbool.h>

#include "command.h"
#include "walk.h"

/* clang-format off */
#define MANY_OPTION_ROW(values_type, member)                                                                           \
    {'j', "jobs", "N", OPTION_NUMBER, offsetof(values_type, member),                                                   \
     "work on N files at a time (default: one for each processor)", NULL, 0, 64}
/* clang-format on */

struct many {
    struct cli *cli;
    /** For the progress line, as "packing". */
    const char *verb;
    size_t count;
    /** Files in all, if a job is more than one; 0: `count`. */
    size_t file_count;
    /** Threads, from many_jobs. */
    unsigned jobs;
    void *state;
    /** Does job `index` and tells what is to be told as ever. `worker` is 0 to jobs - 1. */
    void (*work)(void *state, unsigned worker, size_t index);
};

/** How many threads there are to be for `count` files, by an option of MANY_OPTION_ROW. */
unsigned many_jobs(const struct option_number *option, size_t count);

/** Runs all jobs, the calling thread alone if there is one only. After an interrupt no further ones are begun. */
void many_run(const struct many *many);

/**
 * Adds to `files` what is behind `paths`: files that are named, and of those in directories the ones that `is_wanted`
 * by their names; the others are counted in a remark. `walk` owns the names: free it when `files` is not needed any
 * more. A directory that cannot be read is a failure, and so is finding nothing, which is told as "no `what` here".
 */
void many_expand(struct cli *cli, struct walk *walk, struct string_list *files, const struct string_list *paths,
                 bool (*is_wanted)(const char *path), const char *what);

#endif
