/* SPDX-License-Identifier: MIT
 *
 * Steps 11 and 12 of the gate: the scan that a pickle goes through, and what a policy makes of it.
 */
#ifndef SJ_SNAPSHOT_ANALYSIS_H
#define SJ_SNAPSHOT_ANALYSIS_H

#include <snapjar/policy.h>
#include <snapjar/snapshot.h>

#include "pickle/inspect.h"
#include "pickle/policy.h"
#include "util/context.h"

/** The scan that is kept in the context, made if it is not there. NULL without memory. One user at a time. */
snapjar_scan *sj_analysis_scan(snapjar_context *context, snapjar_error *err);

/** Gives back the kept scan: what it holds stays readable until the next use unless it is too much to be kept. */
void sj_analysis_done(snapjar_context *context);

/** The kept scan, after it went over a whole pickle; that it failed is no failure. Give it back by sj_analysis_done. */
snapjar_status sj_analysis_scan_bytes(snapjar_scan **scan, snapjar_context *context, const void *bytes, size_t size,
                                      const sj_inspect_options *options, snapjar_error *err)
    __attribute__((warn_unused_result));

/**
 * Says in `*result` what a scan, which has come to its end or has failed, and a policy (may be NULL) come to. Fails
 * only for want of memory.
 */
snapjar_status sj_analysis_judge(snapjar_scan *scan, const snapjar_policy *policy, snapjar_verification *result,
                                 snapjar_error *err) __attribute__((warn_unused_result));

/** The same, with names that are allowed beside the policy's rules. */
snapjar_status sj_analysis_judge_admitting(snapjar_scan *scan, const snapjar_policy *policy, sj_policy_admit *admit,
                                           void *state, snapjar_verification *result, snapjar_error *err)
    __attribute__((warn_unused_result));

#endif
