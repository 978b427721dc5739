/* SPDX-License-Identifier: MIT
 *
 * How a migration is told: for each file what became of it, and at the end the sum of all, by kinds.
 */
#ifndef CLI_MIGRATE_TOLD_H
#define CLI_MIGRATE_TOLD_H

#include <pthread.h>
#include <stdbool.h>

#include <snapjar/snapjar.h>

#include "text.h"

struct migrate;

enum migrate_fate {
    /** Found in a directory, and nothing that is migrated. */
    FATE_OTHER,
    FATE_CURRENT,
    FATE_CHANGED,
    FATE_FAILED
};

/** One file. Belongs to the worker of its group. */
struct migrate_file {
    struct migrate *migrate;
    const char *path;
    enum migrate_fate fate;
    /** Found in a directory, and not called *.snapjar. */
    bool is_found;
    /** Named on the command line. */
    bool is_named;
    snapjar_migration migration;
    snapjar_migrated_seals seals;
    snapjar_error err;
    /** Other hard links that keep the old bytes. */
    uint64_t links;
    /** What is told of its records: lines or objects; and their kinds, each ended by NUL. */
    struct text out;
    struct text kinds;
};

/** Numbers of records that are alike in what becomes of them. */
struct migrate_kind {
    char *name;
    uint64_t count;
};

struct migrate_total {
    pthread_mutex_t lock;
    uint64_t changed_files;
    uint64_t current_files;
    uint64_t other_files;
    uint64_t failed_files;
    uint64_t records;
    uint64_t changed_records;
    snapjar_migrated_seals seals;
    uint64_t removed_leftovers;
    struct migrate_kind *kinds;
    size_t kind_count;
    /** Records of kinds for which there was no room. */
    uint64_t more_records;
};

/** Has the form of snapjar_take_migrated; `state` is a struct migrate_file. */
snapjar_status migrate_take(void *state, const snapjar_migrated *record, snapjar_error *err);

/** Tells what became of a file, adds it to the total, and frees what is in it. */
void migrate_tell_file(struct migrate_file *file);

/** Tells the sum. */
void migrate_tell_total(struct migrate *migrate);

#endif
