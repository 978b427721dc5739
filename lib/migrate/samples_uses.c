/* SPDX-License-Identifier: MIT
 *
 * What the pickles of samples use, which a contract has to allow. What no rule can allow is refused.
 */
#include "migrate/samples.h"

#include <string.h>

#include "pickle/policy.h"

static snapjar_status refuse(snapjar_error *err, const char *what)
{
    return sj_raise(err, SNAPJAR_REFUSED, SNAPJAR_DIAG_CONTRACT_SAMPLES, SJ_NOWHERE, "the sample %s", what);
}

static SJ_SAMPLES note_global(snapjar_samples *samples, const snapjar_scan_global *global, snapjar_error *err)
{
    char text[2 * SNAPJAR_SCAN_NAME_SIZE_MAX + 1];
    const snapjar_text module = global->mapped_module, name = global->mapped_name;
    uint32_t index;
    size_t i = 0;
    if (global->extension_code != 0)
        return refuse(err, "has extension codes: what they stand for is not in it");
    if (!sj_policy_is_name(module) || !sj_policy_is_name(name))
        return refuse(err, "names a global with a character that names do not have, so that no rule can allow it");
    memcpy(text, module.data, module.size);
    text[module.size] = ':';
    memcpy(text + module.size + 1, name.data, name.size);
    SJ_TRY(sj_samples_intern(samples, (snapjar_text){text, module.size + 1 + name.size}, &index, err));
    while (i < samples->global_count && samples->globals[i].name != index)
        i++;
    if (i == samples->global_count) {
        SJ_TRY(SJ_RESERVE(samples->context, samples->globals, samples->global_capacity, samples->global_count, err));
        samples->globals[samples->global_count++] = (sj_seen_global){.name = index};
    }
    for (unsigned use = 0; use < SNAPJAR_USE_COUNT; use++)
        samples->globals[i].uses |= global->uses[use].count > 0 ? SNAPJAR_USES(use) : 0;
    samples->globals[i].count++;
    return SNAPJAR_OK;
}

static SJ_SAMPLES note_uses(snapjar_samples *samples, snapjar_scan *scan, snapjar_error *err)
{
    const snapjar_scan_summary *summary = snapjar_scan_summarize(scan);
    if (summary->finding_count > 0)
        return sj_raise(err, SNAPJAR_REFUSED, snapjar_scan_finding_at(scan, 0)->diagnostic,
                        SJ_AT_CONTENT(snapjar_scan_finding_at(scan, 0)->offset), "the sample is no good one: %s",
                        snapjar_scan_finding_at(scan, 0)->message);
    if (summary->computed_calls.count > 0)
        return refuse(err, "calls what is itself the result of a call, which nothing can allow");
    samples->needs_persistent_ids = samples->needs_persistent_ids || summary->persistent_ids.count > 0;
    samples->needs_buffers = samples->needs_buffers || summary->buffers.count > 0;
    for (size_t i = 0; i < snapjar_scan_global_count(scan); i++)
        SJ_TRY(note_global(samples, snapjar_scan_global_at(scan, i), err));
    return SNAPJAR_OK;
}

snapjar_status sj_samples_uses(snapjar_samples *samples, const snapjar_graph *graph, snapjar_error *err)
{
    snapjar_scan_options options = SNAPJAR_SCAN_OPTIONS_INIT;
    snapjar_scan *scan;
    options.string_encoding = graph->options.string_encoding;
    options.base_offset = graph->options.base_offset;
    SJ_TRY(snapjar_scan_new(&scan, samples->context, &options, err));
    snapjar_status status = snapjar_scan_pickle(scan, graph->bytes, graph->size, err);
    if (status == SNAPJAR_OK)
        status = note_uses(samples, scan, err);
    snapjar_scan_free(scan);
    return status;
}
