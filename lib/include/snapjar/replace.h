/* SPDX-License-Identifier: MIT
 *
 * Replacing many files durably at the price of a few syncs: all new files are written beside the old ones, one sync
 * makes them stand, then each takes its place, and one more sync makes that stand. At every moment each path leads to
 * the old file or to the new one, whole.
 *
 * Use: for each file snapjar_replacing_open, look at its bytes, then either snapjar_replacing_skip, or write to
 * snapjar_replacing_sink and snapjar_replacing_stage. At the end snapjar_replacing_commit.
 */
#ifndef SNAPJAR_REPLACE_H
#define SNAPJAR_REPLACE_H

#include <stddef.h>
#include <stdint.h>

#include <snapjar/io.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Files that are being replaced together. One thread at a time; others may replace other files. */
typedef struct snapjar_replacing snapjar_replacing;

/**
 * Called once for each file that was staged, in order, when it has been replaced or could not be: then `failure` says
 * why, and the file is the old one, unless the failure is `sync-failed` from the second sync (the new file is there,
 * but may be lost with the power). `item` is what was given to snapjar_replacing_stage. `links` is how many other hard
 * links keep the old bytes, the backup not counted.
 */
typedef void snapjar_replaced(void *state, void *item, uint64_t links, const snapjar_error *failure);

typedef struct snapjar_replacing_options {
    /** sizeof(snapjar_replacing_options) of the program. */
    size_t struct_size;
    snapjar_durability durability;
    /** Keeps the old file under its name with this behind it, which must not be there yet. NULL: it is not kept. */
    const char *backup_suffix;
    /** Files staged before they are committed by themselves; each holds a descriptor. 0: 256. At most 65,536. */
    size_t file_count_max;
    snapjar_replaced *replaced;
    void *state;
} snapjar_replacing_options;

#define SNAPJAR_REPLACING_OPTIONS_INIT                                                                                 \
    {                                                                                                                  \
        sizeof(snapjar_replacing_options), SNAPJAR_DURABILITY_SYNC, NULL, 0, NULL, NULL                                \
    }

/** `options` may be NULL; its texts are copied. Free it with snapjar_replacing_free before the context. */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_replacing_new(snapjar_replacing **replacing,
                                                                    snapjar_context *context,
                                                                    const snapjar_replacing_options *options,
                                                                    snapjar_error *err);

/**
 * Opens the regular file behind `path` (links are followed) and takes the lock that appenders take. `*source` are its
 * bytes, borrowed until the file is staged or skipped. Waits for the lock; where files are staged and it would have to
 * wait, those are committed first, so that two programs cannot wait for each other.
 */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_replacing_open(snapjar_replacing *replacing, const char *path,
                                                                     snapjar_source **source, snapjar_error *err);

/**
 * Where the new bytes of the opened file go; made at the first call, which fails with `target-exists` if the backup's
 * name is taken by another file. Borrowed: do not finish or free it.
 */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_replacing_sink(snapjar_replacing *replacing, snapjar_sink **sink,
                                                                     snapjar_error *err);

/**
 * The bytes that were written, read back from the new file; borrowed until the file is staged or skipped. Nothing may
 * be written afterwards.
 */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_replacing_written(snapjar_replacing *replacing,
                                                                        snapjar_source **source, snapjar_error *err);

/** Leaves the opened file as it is, forgets what was written for it, and lets go of its lock. */
SNAPJAR_API void snapjar_replacing_skip(snapjar_replacing *replacing);

/**
 * Gives the new file the mode, owner and extended attributes of the old one, as snapjar_sink_open_path does, and puts
 * it with those to be committed. Its lock stays held. On failure it is as if it had been skipped.
 */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_replacing_stage(snapjar_replacing *replacing, void *item,
                                                                      snapjar_error *err);

/**
 * Lets all staged files take their places. A file that somebody else replaced or wrote to since it was opened stays as
 * it is, with `source-changed`. Each file is told to `replaced`; the result is the first failure of all.
 */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_replacing_commit(snapjar_replacing *replacing,
                                                                       snapjar_error *err);

/**
 * Removes a file that an interrupted replacing left behind, if `path` is one and nobody is replacing the file it was
 * meant for: `*is_removed` tells.
 */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_replacing_clean(snapjar_context *context, const char *path,
                                                                      int *is_removed, snapjar_error *err);

/** Forgets what was not committed and frees. NULL is allowed. */
SNAPJAR_API void snapjar_replacing_free(snapjar_replacing *replacing);

#ifdef __cplusplus
}
#endif
#endif
