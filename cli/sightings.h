/* SPDX-License-Identifier: MIT
 *
 * How workers of snapjar report tell what they see: sightings, packed one after another into the outcome's text. For
 * census_look.c, which looks at files, and census_check.c, which checks what is in them.
 */
#ifndef CLI_SIGHTINGS_H
#define CLI_SIGHTINGS_H

#include "census.h"

/* What is gathered of a header; texts end up behind the sighting. */
struct gathering {
    struct sighting sighting;
    struct text texts[SEEN_COUNT];
    struct text layout;
    /** Where the sizes of the class and its fields, which are being read, stand in `layout`. */
    size_t class_at;
    size_t class_size;
    bool has_class;
};

/** Packs a sighting and what was gathered with it. */
void gathering_pack(struct text *out, struct gathering *seen);
void gathering_free(struct gathering *seen);

/** Tells a trouble, and what exit code it means. */
void sighting_concern(struct outcome *outcome, enum concern_kind kind, uint64_t record, snapjar_diagnostic diagnostic,
                      const char *message);
/** Tells a failure as a trouble of this kind; what the system or a limit did goes to standard error as well. */
void sighting_failure(const struct batch *batch, struct outcome *outcome, const char *path, const snapjar_error *err,
                      enum concern_kind kind);
/** The kind of trouble that a failure is. */
enum concern_kind concern_of(const snapjar_error *err);

/** The options of the census that the batch is for. */
const struct census_options *census_options_of(const struct batch *batch);

/* ---- census_check.c ---- */

/** True if a record is whole and what is wrong is that no Python could load its pickle. */
bool is_malformed(const snapjar_scan *scan, const snapjar_error *err);

/** Checks the reader's current record and what is in it; `*last` is what the check failed with, if it did. */
void check_record(const struct batch *batch, struct outcome *outcome, const char *path, snapjar_context *context,
                  snapjar_reader *reader, const snapjar_record *record, snapjar_error *last);

/** Checks what is in the current pickle of a walk, which was scanned whole; `type` is that of its root. */
void check_pickle(const struct batch *batch, struct outcome *outcome, const char *path, snapjar_context *context,
                  snapjar_pickles *pickles, const struct text *type);

#endif
