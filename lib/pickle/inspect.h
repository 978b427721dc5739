/* SPDX-License-Identifier: MIT
 *
 * One walk over a pickle that finds its end and, by a scan, what it does. A scan gives up where a loader would, or at a
 * limit; the pickle's end is still found, by the lexer alone. So what is whole does not depend on what is sound.
 *
 * Use: sj_inspect_begin, sj_inspect_feed for each chunk until sj_inspect_is_done, sj_inspect_finish.
 */
#ifndef SJ_PICKLE_INSPECT_H
#define SJ_PICKLE_INSPECT_H

#include <snapjar/scan.h>

#include "pickle/measure.h"

typedef struct sj_inspection {
    /** NULL: none, or it has given up and says so itself (snapjar_scan_failure). */
    snapjar_scan *scan;
    /** The walk without a scan, or from where that gave up. */
    sj_measure measure;
    /** Final once the walk is done. */
    snapjar_pickle_extent extent;
    bool is_done;
} sj_inspection;

/** How to read a pickle. */
typedef struct sj_inspect_options {
    /** Of the first byte. */
    uint64_t base_offset;
    snapjar_string_encoding string_encoding;
    /** Only pickle_line_size_max applies, also to the scan if its own is larger. NULL: defaults. */
    const snapjar_limits *limits;
} sj_inspect_options;

/** Prepares for a pickle. `scan` is borrowed and reset, and may be NULL: then the pickle is only lexed. */
void sj_inspect_begin(sj_inspection *inspection, snapjar_scan *scan, const sj_inspect_options *options);

/** As sj_measure_feed: fails as that does, and for want of memory. That the scan fails is no failure. */
snapjar_status sj_inspect_feed(sj_inspection *inspection, const void *bytes, size_t size, size_t *consumed,
                               snapjar_error *err) __attribute__((warn_unused_result));

/** Whether STOP came. */
static inline bool sj_inspect_is_done(const sj_inspection *inspection)
{
    return inspection->is_done;
}

/** SNAPJAR_OK if STOP came, or else `pickle-empty` or `pickle-cut-short` at the end of what was fed. */
snapjar_status sj_inspect_finish(sj_inspection *inspection, snapjar_error *err) __attribute__((warn_unused_result));

#endif
