/* SPDX-License-Identifier: MIT
 *
 * Keeps a scan for many small pickles, and turns what it found into a result.
 */
#include "snapshot/analysis.h"

#include <stdio.h>
#include <string.h>

#include "pickle/scan.h"

/* A scan that holds more than this is not kept. */
#define KEPT_SIZE_MAX ((size_t)4 << 20)

static void release(snapjar_context *context, void *kept)
{
    (void)context;
    snapjar_scan_free(kept);
}

snapjar_scan *sj_analysis_scan(snapjar_context *context, snapjar_error *err)
{
    snapjar_scan *scan = context->slots[SJ_SLOT_ANALYSIS].kept;

    if (!scan && snapjar_scan_new(&scan, context, NULL, err) == SNAPJAR_OK) {
        context->slots[SJ_SLOT_ANALYSIS].kept = scan;
        context->slots[SJ_SLOT_ANALYSIS].release = release;
    }
    return scan;
}

void sj_analysis_done(snapjar_context *context)
{
    snapjar_scan *scan = context->slots[SJ_SLOT_ANALYSIS].kept;

    if (!scan || sj_scan_memory(scan) <= KEPT_SIZE_MAX)
        return;
    snapjar_scan_free(scan);
    context->slots[SJ_SLOT_ANALYSIS].kept = NULL;
}

snapjar_status sj_analysis_scan_bytes(snapjar_scan **scan, snapjar_context *context, const void *bytes, size_t size,
                                      const sj_inspect_options *options, snapjar_error *err)
{
    sj_inspection inspection;
    size_t consumed = 0;

    *scan = sj_analysis_scan(context, err);
    if (!*scan)
        return SNAPJAR_NO_MEMORY;
    sj_inspect_begin(&inspection, *scan, options);
    return sj_inspect_feed(&inspection, bytes, size, &consumed, err);
}

/* The first denial as an error. */
static void refuse(const snapjar_judgement *judgement, snapjar_error *reason)
{
    snapjar_denial denial;

    snapjar_judgement_describe(judgement, 0, &denial);
    (void)sj_raise(reason, SNAPJAR_REFUSED, denial.diagnostic, SJ_AT_CONTENT(denial.offset), "%s%s%s", denial.global,
                   denial.global[0] ? ": " : "", denial.reason);
}

snapjar_status sj_analysis_judge_admitting(snapjar_scan *scan, const snapjar_policy *policy, sj_policy_admit *admit,
                                           void *state, snapjar_verification *result, snapjar_error *err)
{
    const snapjar_error *failure = snapjar_scan_failure(scan);
    const snapjar_scan_summary *summary = snapjar_scan_summarize(scan);
    snapjar_judgement *judgement = NULL;

    if (failure) {
        result->reason = *failure;
        return SNAPJAR_OK;
    }
    result->is_analysed = true;
    result->global_count = snapjar_scan_global_count(scan);
    result->finding_count = summary->finding_count;
    if (!policy)
        return SNAPJAR_OK;
    SJ_TRY(sj_policy_judge(policy, scan, admit, state, &judgement, err));
    result->is_allowed = snapjar_judgement_verdict(judgement) == SNAPJAR_VERDICT_ALLOWED;
    result->denial_count = snapjar_judgement_denial_count(judgement);
    if (!result->is_allowed)
        refuse(judgement, &result->reason);
    snapjar_judgement_free(judgement);
    return SNAPJAR_OK;
}

snapjar_status sj_analysis_judge(snapjar_scan *scan, const snapjar_policy *policy, snapjar_verification *result,
                                 snapjar_error *err)
{
    return sj_analysis_judge_admitting(scan, policy, NULL, NULL, result, err);
}
