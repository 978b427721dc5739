/* SPDX-License-Identifier: MIT
 *
 * Where results of pack, unpack and recover go: a path (atomically), standard output, or a device or pipe. The last
 * three cannot be taken back, so what goes there is staged first when more than one step can still fail.
 */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <snapjar/snapjar.h>

#include "command.h"
#include "text.h"

struct output {
    /** Write here. */
    snapjar_sink *sink;
    snapjar_context *context;
    /** Where staged bytes go in the end; NULL: `sink` is the target itself. */
    snapjar_sink *target;
    /** Descriptor of a device or pipe, or -1. */
    int target_fd;
    /** Descriptor of an unlinked temporary file that `sink` writes to, or -1. */
    int stage_fd;
    /** Signals are held until everything is cleaned up. */
    bool is_holding;
};

struct output_options {
    /** Replace a file that exists. */
    bool force;
    bool no_sync;
    /** More than one step writes to the output. */
    bool needs_stage;
    /** About how many bytes will come; few are staged in memory. */
    uint64_t size_hint;
    /** The input: must not be the output. "-" is standard input. */
    const char *input;
};

/** Opens `path` ("-": standard output). On failure there is nothing to close. */
snapjar_status output_open(struct output *output, snapjar_context *context, const char *path,
                           const struct output_options *options, snapjar_error *err);

/** Makes what was written stand. `*replaced_links` (may be NULL) is the number of hard links that keep the old bytes.
 */
snapjar_status output_commit(struct output *output, uint64_t *replaced_links, snapjar_error *err);

/** Undoes what was not committed, and frees. */
void output_close(struct output *output);

/** True for a directory. */
bool path_is_directory(const char *path);

/** A new name: `path` without any of `suffixes` (NULL-ended; one from each list), with `suffix`, and in `folder` unless
 * NULL. */
char *path_derive(const char *path, const char *const *outer, const char *const *inner, const char *suffix,
                  const char *folder);

/** Two inputs must not end in one output. Returns -1 to go on, or an exit code after a complaint. */
int output_check_names(struct cli *cli, char *const *names, size_t count);

#endif
