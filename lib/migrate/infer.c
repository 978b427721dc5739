/* SPDX-License-Identifier: MIT
 *
 * A contract of what all samples have in common.
 */
#include "migrate/samples.h"

static void put_classes(sj_text *out, const snapjar_samples *samples, const sj_rule_texts *rules)
{
    for (size_t i = 0; i < samples->class_count; i++) {
        sj_text_put(out, i > 0 ? "," : "");
        sj_text_put_quoted(out, sj_samples_name(samples, samples->classes[i].name));
        sj_text_put(out, ":");
        sj_class_write(out, samples, rules, &samples->classes[i]);
    }
}

static SJ_SAMPLES write_contract(sj_text *out, const snapjar_samples *samples, const sj_rule_texts *rules,
                                 snapjar_error *err)
{
    sj_text root = {.context = samples->context};
    sj_text_put(out, "{\"snapjar_contract\":1,\"type\":");
    sj_text_put_quoted(out, samples->type);
    sj_text_put(out, ",\"schema_version\":");
    sj_text_put_number(out, samples->version);
    SJ_TRY(sj_policy_write(out, samples, err));
    if (sj_root_write(&root, samples, rules)) {
        sj_text_put(out, ",\"root\":");
        sj_text_put_bytes(out, root.data != NULL ? root.data : "", root.size);
    }
    const snapjar_status status = sj_text_check(&root, err);
    sj_free(samples->context, root.data);
    SJ_TRY(status);
    sj_text_put(out, ",\"classes\":{");
    put_classes(out, samples, rules);
    sj_text_put(out, "}}");
    return SNAPJAR_OK;
}

snapjar_status snapjar_contract_infer(const snapjar_samples *samples, snapjar_sink *sink, snapjar_error *err)
{
    sj_rule_texts rules;
    if (samples == NULL || sink == NULL || samples->count == 0)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE,
                        samples == NULL ? "samples is NULL"
                        : sink == NULL  ? "sink is NULL"
                                        : "there is no sample");
    sj_text out = {.context = samples->context};
    snapjar_status status = sj_rule_texts_make(&rules, samples, err);
    if (status == SNAPJAR_OK)
        status = write_contract(&out, samples, &rules, err);
    if (status == SNAPJAR_OK)
        status = sj_text_write_json(&out, sink, err);
    sj_rule_texts_free(&rules);
    sj_free(samples->context, out.data);
    return status;
}
