/* SPDX-License-Identifier: MIT
 *
 * Files of any kind that hold pickles: what scan, show, dis, diff and transcode share. Who looks at many in a batch has
 * each gone over here; who wants one file opens it here.
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

/** Looks at one pickle. A failure that it returns is told by batch_fail. */
typedef snapjar_status pickle_look(struct batch *batch, const char *path, snapjar_pickles *pickles,
                                   const snapjar_pickles_item *item, struct outcome *outcome, snapjar_error *err);

/**
 * For a batch's `look_source`: looks at every pickle of the file by `look`, and tells failures. What is no pickle of
 * any kind is one as well.
 */
void pickle_files_look(struct batch *batch, snapjar_context *context, snapjar_source *source, const char *path,
                       pickle_look *look, struct outcome *outcome);

#endif
