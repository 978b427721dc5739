/* SPDX-License-Identifier: MIT
 *
 * Looking at many files: what ls, info, verify and the commands on pickles share. Paths become files, files are opened
 * and read on one or more threads with one context each, results come out in order, and every file ends up in some
 * number.
 */
#ifndef CLI_BATCH_H
#define CLI_BATCH_H

#include <snapjar/snapjar.h>

#include "command.h"
#include "limits.h"
#include "progress.h"

/** What doctor makes of a pickle. */
enum grade {
    GRADE_OK,
    GRADE_ATTENTION,
    GRADE_PROBLEM,
    /** What would tell could not be analysed. */
    GRADE_UNKNOWN
};

#define GRADE_COUNT (GRADE_UNKNOWN + 1)

/** What one file gave. Belongs to a worker until it is taken. */
struct outcome {
    /** For standard output, or whatever `take` makes of it. */
    struct text out;
    /** For standard error. */
    struct text log;
    /** Diagnostics that were met, a bit each. */
    uint64_t seen[REPORT_DIAGNOSTIC_MAX / 64];
    int exit_code;
    /** The status of the first failure of those with the highest exit code. */
    snapjar_status worst;
    /** What offsets into content are offsets of, for report_format. */
    const char *content;
    /** The worker's, for a batch that `needs_scan`. */
    snapjar_scan *scan;
    /** Found in a directory and no snapshot: not looked at further. */
    bool is_other;
    uint64_t record_count;
    /** Things that no pickler writes. */
    uint64_t finding_count;
    /** For verify: all that is wrong is what a pickle does. */
    bool is_malformed;
    /** Found in a directory, not named, and not called *.snapjar. */
    bool is_found;
    /* For scan: the pickle that is looked at, the kind of file, pickles denied and not analysed, and no pickle at all.
     */
    const snapjar_pickles_item *item;
    const char *input;
    uint64_t denied_count;
    uint64_t failed_count;
    bool is_foreign;
    /** For doctor: pickles of each grade. */
    uint64_t grade_counts[GRADE_COUNT];
    /** For contract check: objects by snapjar_contract_state. */
    uint64_t states[SNAPJAR_CONTRACT_UNKNOWN + 1];
};

/** Options that all these commands have; the first member of their structs of options. */
struct batch_values {
    struct option_number jobs;
    struct header_limit_values header;
};

/* clang-format off */
#define BATCH_OPTION_ROWS(values_type)                                                                                 \
    {'j', "jobs", "N", OPTION_NUMBER, offsetof(values_type, batch.jobs),                                               \
     "work on N files at a time (default: one for each processor)", NULL, 0, 64},                                    \
    HEADER_LIMIT_ROWS(values_type, batch.header)
/* clang-format on */

struct batch {
    struct cli *cli;
    /** The command's own. */
    void *state;
    snapjar_limits limits;
    unsigned jobs;
    bool is_json;
    /** No byte of a payload is read. */
    bool is_header_only;
    /** Every worker has a scan for its outcomes, with these limits. */
    bool needs_scan;
    snapjar_scan_options scan_options;
    /** The seal that every record must have; NULL: none is demanded. */
    const snapjar_seal_demand *seal;
    /** For the progress line; NULL: none. */
    const char *verb;
    /** Looks at an open file; on a worker's thread. */
    void (*look)(struct batch *batch, const char *path, snapjar_reader *reader, struct outcome *outcome);
    /** In place of it: looks at any file, which is open as `source`; on a worker's thread. */
    void (*look_source)(struct batch *batch, snapjar_context *context, snapjar_source *source, const char *path,
                        struct outcome *outcome);
    /** What an interrupted write or a repair left behind is looked at as well. */
    bool looks_at_leftovers;
    /** For `look_source`: how text of Python 2 is read where no header says it. */
    snapjar_string_encoding string_encoding;
    /** Takes a result, in order; NULL: `out` is printed as it is. */
    void (*take)(struct batch *batch, const char *path, struct outcome *outcome);
    /** Is told of what an interrupted write or a repair left behind, in order; NULL: a remark. */
    void (*leave_out)(struct batch *batch, const char *path);
    /** Tells a failure; NULL: outcome_fail. */
    void (*fail)(const struct batch *batch, struct outcome *outcome, const char *path, const snapjar_error *err);
    /* Made by batch_run. */
    struct progress progress;
    const struct walk *walk;
    struct batch_worker *workers;
    /** There is one file only, so progress inside it may be shown. */
    bool is_alone;
    /** Threads for each file, when there are fewer files than jobs. */
    unsigned inner_threads;
    size_t file_count;
    uint64_t record_count;
    size_t other_count;
    size_t leftover_count;
    size_t failed_counts[SNAPJAR_BUG + 1];
};

/** Sets what `values` say. */
void batch_init(struct batch *batch, struct cli *cli, const struct batch_values *values, void *state, bool is_json);

/** Looks at everything behind `paths`. Afterwards the numbers are complete and the exit code is in the report. */
void batch_run(struct batch *batch, const struct string_list *paths);

/** While `look` is at work on the only file there is: hands on what has gathered, once it is much. */
void batch_hand_on(struct batch *batch, const char *path, struct outcome *outcome);

/** Tells a failure by the batch's `fail`. */
void batch_fail(const struct batch *batch, struct outcome *outcome, const char *path, const snapjar_error *err);

/** Notes a failure in an outcome, without telling it. */
void outcome_note(struct outcome *outcome, const snapjar_error *err);

/** Notes a failure, tells it on standard error and, with --json, as an object of kind "error". */
void outcome_fail(const struct batch *batch, struct outcome *outcome, const char *path, const snapjar_error *err);

/** Adds the numbers of files, records, failures and what was left out to an object. */
void batch_add_json_summary(const struct batch *batch, struct text *out);

/** Tells on standard error what was left out, if anything was. */
void batch_tell_left_out(struct batch *batch);

#endif
