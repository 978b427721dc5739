/* SPDX-License-Identifier: MIT
 *
 * Files of any kind that hold pickles: what scan, show, dis, diff and transcode share. A batch whose `look_pickle` is
 * set goes over them; who wants one file opens it here.
 */
#ifndef CLI_PICKLE_FILES_H
#define CLI_PICKLE_FILES_H

#include "batch.h"

/** One file, opened. */
struct pickle_file {
    snapjar_source *source;
    snapjar_pickles *pickles;
};

/** Opens `path` ("-": standard input). Close in any case. */
snapjar_status pickle_file_open(struct pickle_file *file, snapjar_context *context, const char *path,
                                const snapjar_pickles_options *options, snapjar_error *err);
void pickle_file_close(struct pickle_file *file);

/** What offsets into this pickle are offsets of, for report_format; NULL: of the file itself. */
const char *pickle_content(const snapjar_pickles *pickles, const snapjar_pickles_item *item);

/** Adds the type of the root of a scanned pickle, as pack names it. */
void pickle_add_type(struct text *out, snapjar_scan *scan);

/**
 * True if the outcome's scan failed with `err` before the file's first pickle has named a global or asked for anything:
 * it is no pickle that could do something, but text of which the first letters are opcodes. What breaks off later
 * could, since loaders run a pickle as they read it.
 */
bool pickle_is_harmless_text(const struct outcome *outcome, const snapjar_error *err);

/** Makes the batch look at every pickle of every file by `look`, and tell failures: see `look_pickle`. */
void pickle_files_look_at(struct batch *batch,
                          snapjar_status (*look)(struct batch *batch, const char *path, snapjar_pickles *pickles,
                                                 const snapjar_pickles_item *item, struct outcome *outcome,
                                                 snapjar_error *err));

#endif
