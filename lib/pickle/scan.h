/* SPDX-License-Identifier: MIT
 *
 * What the rest of the library needs of a scan beyond the public calls (snapjar/scan.h).
 */
#ifndef SJ_PICKLE_SCAN_H
#define SJ_PICKLE_SCAN_H

#include "pickle/machine.h"

struct snapjar_scan {
    sj_machine machine;
    /** Why it failed; status SNAPJAR_OK while it did not. */
    snapjar_error failure;
    /** Whether the texts and numbers that are shown are those of now. */
    bool is_fresh;
    /** The out-of-band buffers are there, one for each that the pickle asks for. */
    bool has_buffers;
};

/** Copies `options` (may be NULL) with all defaults filled in; fails with `invalid-argument`. */
snapjar_status sj_scan_options_read(snapjar_scan_options *own, const snapjar_scan_options *options, snapjar_error *err)
    __attribute__((warn_unused_result));

/** Resets the scan for a pickle of this encoding, with lines no longer than this or its own limit. */
void sj_scan_begin(snapjar_scan *scan, uint64_t base_offset, snapjar_string_encoding string_encoding,
                   uint64_t line_size_max);

/** The scan may not be believed: `failure` is the answer from now on, whatever it was before. */
void sj_scan_fail(snapjar_scan *scan, const snapjar_error *failure);

/** About how many bytes the scan holds. */
size_t sj_scan_memory(const snapjar_scan *scan);

#endif
