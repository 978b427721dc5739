/* SPDX-License-Identifier: MIT
 *
 * What the rest of the library needs of a scan beyond the public calls (snapjar/scan.h).
 */
#ifndef SJ_PICKLE_SCAN_H
#define SJ_PICKLE_SCAN_H

#include "pickle/twin.h"

struct snapjar_scan {
    sj_machine machine;
    /** Why it failed; status SNAPJAR_OK while it did not. */
    snapjar_error failure;
    /** Whether the texts and numbers that are shown are those of now. */
    bool is_fresh;
    /** The out-of-band buffers are there, one for each that the pickle asks for. */
    bool has_buffers;
    /** Nothing was fed since it was reset. */
    bool is_unfed;
    /**
     * It was reset, and nothing was fed: nothing is known of the pickle to come. The machine still holds what it found
     * of the one before, in case they are twins.
     */
    bool is_waiting;
    /** What it was reset for. */
    uint64_t base_offset;
    uint64_t line_size_max;
    /** Counts the pickles that were no twins of the one before. */
    uint64_t generation;
    /** So many in a row. */
    unsigned stranger_count;
    /** What describe.c made of the layout, and whether it is of this generation. */
    char *layout_json;
    bool has_layout_json;
    sj_twin twin;
};

/** Copies `options` (may be NULL) with all defaults filled in; fails with `invalid-argument`. */
snapjar_status sj_scan_options_read(snapjar_scan_options *own, const snapjar_scan_options *options, snapjar_error *err)
    __attribute__((warn_unused_result));

/** Resets the scan for a pickle of this encoding, with lines no longer than this or its own limit. */
void sj_scan_begin(snapjar_scan *scan, uint64_t base_offset, snapjar_string_encoding string_encoding,
                   uint64_t line_size_max);

/** The scan may not be believed: `failure` is the answer from now on, whatever it was before. */
void sj_scan_fail(snapjar_scan *scan, const snapjar_error *failure);

/** Whether it waits for its first bytes with what it found before still in it: see `is_waiting`. */
static inline bool sj_scan_is_waiting(const snapjar_scan *scan)
{
    return scan->is_waiting;
}

/** About how many bytes the scan holds. */
size_t sj_scan_memory(const snapjar_scan *scan);

#endif
