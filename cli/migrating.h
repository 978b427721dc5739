/* SPDX-License-Identifier: MIT
 *
 * Migrating many files in place: what cmd_migrate.c asks for. Files are worked on in groups, one after another in a
 * group and several groups at a time; a group takes its place with two syncs.
 */
#ifndef CLI_MIGRATING_H
#define CLI_MIGRATING_H

#include <pthread.h>

#include <snapjar/snapjar.h>

#include "command.h"
#include "migrate_told.h"
#include "sealing.h"
#include "walk.h"

struct migrate {
    struct cli *cli;
    /** What is to be done to each file; the members that are about telling are set for each. */
    snapjar_migrate_options options;
    snapjar_old_options old;
    snapjar_limits limits;
    /** Who seals what is written, if anybody. */
    const struct sealing *sealing;
    /** Nothing is written. */
    bool is_dry;
    bool no_sync;
    bool is_json;
    /** No line for each file. */
    bool is_quiet;
    /** What would change is counted by kind, not told. */
    bool is_summary;
    /** Changes told for each record. */
    uint64_t change_count_max;
    /** NULL: old files are not kept. */
    const char *backup_suffix;
    unsigned jobs;
    struct migrate_total total;
};

/** Migrates everything behind `paths`. The exit code is in the report. */
void migrate_run(struct migrate *migrate, const struct string_list *paths);

#endif
