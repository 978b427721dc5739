/* SPDX-License-Identifier: MIT
 *
 * Checking seals beside whatever else is done with the records of a snapshot: a reader of its own that demands them and
 * goes along record by record, so that a record without one can still be looked at. For report and doctor.
 */
#ifndef CLI_SEAL_CHECK_H
#define CLI_SEAL_CHECK_H

#include <snapjar/snapjar.h>

struct seal_check {
    /** NULL: nothing is demanded, or one failed: then all behind it do. */
    snapjar_reader *reader;
    snapjar_error failure;
};

/** `demand` NULL: nothing is. Free in any case. `source` and `demand` are borrowed. */
snapjar_status seal_check_begin(struct seal_check *check, snapjar_context *context, snapjar_source *source,
                                const snapjar_limits *limits, const snapjar_seal_demand *demand, snapjar_error *err);

/**
 * Goes to the next record, which must be the one that the caller has come to. `*key_id` is the key that sealed it,
 * until the next call. With `reads_payload` the payload's digest is compared as well. After a failure every further
 * call fails in the same way: records of a file depend on those before.
 */
snapjar_status seal_check_next(struct seal_check *check, bool reads_payload, const char **key_id, snapjar_error *err);

void seal_check_free(struct seal_check *check);

#endif
