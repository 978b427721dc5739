/* SPDX-License-Identifier: MIT
 *
 * Going over the pickles of many files one after another, for commands that print as they go: show and dis. Paths
 * become files as ls does it; every file is looked at, and what is no pickle of any kind is told.
 */
#ifndef CLI_PICKLE_WALK_H
#define CLI_PICKLE_WALK_H

#include "command.h"
#include "pickle_files.h"

/** Options that all these commands have; the first member of their structs of options. */
struct pickle_walk_values {
    struct option_number record;
    int encoding;
    uint64_t max_size;
};

/* clang-format off */
#define PICKLE_WALK_OPTION_ROWS(values_type)                                                                           \
    {'r', "record", "N", OPTION_NUMBER, offsetof(values_type, walk.record),                                            \
     "only record (or pickle) N of each file, from 0", NULL, 0, INT64_MAX},                                            \
    {0, "encoding", "NAME", OPTION_CHOICE, offsetof(values_type, walk.encoding),                                       \
     "how to read strings of Python 2 in bare pickles (default ascii)", "ascii|latin1|bytes", 0, 0},      \
    {0, "max-size", "SIZE", OPTION_SIZE, offsetof(values_type, walk.max_size),                                         \
     "refuse a pickle larger than SIZE (default 64G)", NULL, 0, 0}
/* clang-format on */

struct pickle_walk {
    struct cli *cli;
    /** The command's own. */
    void *state;
    snapjar_context *context;
    const struct pickle_walk_values *values;
    /** The seal that every record must have; NULL: none is demanded. */
    const snapjar_seal_demand *seal;
    bool is_json;
    /** There may be more than one pickle, so each is told apart. */
    bool has_titles;
    /** Looks at a pickle and prints. A failure that it returns is told. */
    snapjar_status (*look)(struct pickle_walk *walk, const char *path, snapjar_pickles *pickles,
                           const snapjar_pickles_item *item, snapjar_error *err);
};

/** Options for opening a file of pickles, as `values` say. `limits` is filled in and must live as long. */
snapjar_pickles_options pickle_walk_options(const struct pickle_walk_values *values, snapjar_limits *limits);

/** Goes over everything behind `paths`. */
void pickle_walk_run(struct pickle_walk *walk, const struct string_list *paths);

/** Adds "FILE", or "FILE: record 3" where there may be several. */
void pickle_walk_title(struct text *out, const char *path, const snapjar_pickles_item *item);

/** Begins an object that is about a pickle: kind, file, record. */
void pickle_walk_json(struct text *out, const char *kind, const char *path, const snapjar_pickles_item *item);

/** Tells a failure, with --json on standard output too. */
void pickle_walk_fail(struct pickle_walk *walk, const char *path, const snapjar_error *err, const char *content);

#endif
