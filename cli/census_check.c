/* SPDX-License-Identifier: MIT
 *
 * Checking what is in records and pickles for snapjar report --verify: whether they are whole, as their contract says,
 * and do only what the policy allows.
 */
#include <string.h>

#include "sightings.h"

/* `policy` NULL: only what no pickler writes is told. */
static void judge(const struct batch *batch, struct outcome *outcome, const char *path, uint64_t index,
                  const snapjar_policy *policy)
{
    snapjar_judgement *judgement = NULL;
    snapjar_error err;

    if (!policy) {
        if (snapjar_scan_summarize(outcome->scan)->finding_count) {
            const snapjar_scan_finding *finding = snapjar_scan_finding_at(outcome->scan, 0);
            sighting_concern(outcome, CONCERN_ODD, index, finding->diagnostic, finding->message);
        }
        return;
    }
    if (snapjar_policy_judge(policy, outcome->scan, &judgement, &err) != SNAPJAR_OK) {
        census_fail(batch, outcome, path, &err);
        return;
    }
    if (snapjar_judgement_verdict(judgement) != SNAPJAR_VERDICT_ALLOWED) {
        snapjar_denial denial;
        struct text message = {0};
        snapjar_judgement_describe(judgement, 0, &denial);
        text_printf(&message, "%s%s%s", denial.global, denial.global[0] ? ": " : "", denial.reason);
        if (snapjar_judgement_denial_count(judgement) > 1)
            text_printf(&message, ", and %zu more", snapjar_judgement_denial_count(judgement) - 1);
        sighting_concern(outcome, CONCERN_DENIED, index, denial.diagnostic, text_string(&message));
        text_free(&message);
    }
    snapjar_judgement_free(judgement);
}

/* An object's bytes, and what must be known of them. */
struct object {
    const snapjar_contract *contract;
    snapjar_content *content;
    snapjar_string_encoding encoding;
    int64_t version;
    uint64_t index;
};

/* Holds an object against its contract. `*policy` becomes the contract's, if the object is loaded as it is. */
static void assess(const struct batch *batch, struct outcome *outcome, const char *path, snapjar_context *context,
                   const struct object *object, const snapjar_policy **policy)
{
    snapjar_assessment *assessment = NULL;
    struct text message = {0};
    uint64_t size;
    uint64_t pickle_size;
    const void *bytes = snapjar_content_data(object->content, &size, &pickle_size);
    snapjar_error err;

    if (contract_set_assess(object->contract, context, bytes, (size_t)pickle_size, object->encoding, object->version,
                            &assessment, &err) != SNAPJAR_OK) {
        err.record_index = object->index;
        census_fail(batch, outcome, path, &err);
        return;
    }
    const snapjar_contract_state state = snapjar_assessment_state(assessment);
    if (!*policy && snapjar_contract_accepts(object->contract, snapjar_assessment_version(assessment)))
        *policy = snapjar_contract_policy(object->contract);
    contract_set_add_finding(&message, assessment);
    if (state == SNAPJAR_CONTRACT_DRIFTED)
        sighting_concern(outcome, CONCERN_OFF_CONTRACT, object->index, SNAPJAR_DIAG_CONTRACT_DRIFTED,
                         text_string(&message));
    text_free(&message);
    snapjar_assessment_free(assessment);
}

bool is_malformed(const snapjar_scan *scan, const snapjar_error *err)
{
    const snapjar_error *failure = snapjar_scan_failure(scan);

    return err->status == SNAPJAR_DAMAGED && err->space == SNAPJAR_SPACE_CONTENT && failure &&
           failure->diagnostic == err->diagnostic && !strncmp(snapjar_diagnostic_name(err->diagnostic), "pickle-", 7);
}

static const snapjar_contract *find_contract(const struct batch *batch, const char *type, size_t size, int64_t version)
{
    const struct contract_set *contracts = census_options_of(batch)->contracts;
    return contracts ? contract_set_find(contracts, type, size, version) : NULL;
}

/* Of a record that is whole. */
static void check_object(const struct batch *batch, struct outcome *outcome, const char *path, snapjar_context *context,
                         snapjar_reader *reader, const snapjar_record *record)
{
    const snapjar_header *header = snapjar_record_header(record);
    const snapjar_text type = snapjar_header_type(header);
    const snapjar_policy *policy = census_options_of(batch)->policy;
    const int64_t version = snapjar_header_schema_version(header);
    struct object object = {.contract = find_contract(batch, type.data, type.size, version),
                            .encoding = snapjar_header_string_encoding(header),
                            .version = version,
                            .index = snapjar_record_index(record)};
    snapjar_check_options check = SNAPJAR_CHECK_OPTIONS_INIT;
    snapjar_error err;

    check.threads = batch->inner_threads;
    check.scan = outcome->scan;
    if (object.contract && snapjar_record_load(reader, &object.content, &check, &err) != SNAPJAR_OK)
        census_fail(batch, outcome, path, &err);
    else if (object.contract)
        assess(batch, outcome, path, context, &object, &policy);
    snapjar_content_free(object.content);
    judge(batch, outcome, path, object.index, policy);
}

void check_record(const struct batch *batch, struct outcome *outcome, const char *path, snapjar_context *context,
                  snapjar_reader *reader, const snapjar_record *record, snapjar_error *last)
{
    const uint64_t index = snapjar_record_index(record);
    snapjar_check_options check = SNAPJAR_CHECK_OPTIONS_INIT;
    snapjar_verification seen;
    snapjar_error err;

    check.threads = batch->inner_threads;
    check.scan = outcome->scan;
    if (snapjar_record_verify(reader, &check, &seen, &err) != SNAPJAR_OK) {
        if (err.record_index == SNAPJAR_OFFSET_NONE)
            err.record_index = index;
        census_fail(batch, outcome, path, &err);
        *last = err;
    } else if (!seen.is_analysed) {
        if (seen.reason.record_index == SNAPJAR_OFFSET_NONE)
            seen.reason.record_index = index;
        sighting_failure(batch, outcome, path, &seen.reason,
                         seen.reason.status == SNAPJAR_LIMIT ? CONCERN_NOT_ANALYSED : CONCERN_MALFORMED);
    } else {
        check_object(batch, outcome, path, context, reader, record);
    }
}

void check_pickle(const struct batch *batch, struct outcome *outcome, const char *path, snapjar_context *context,
                  snapjar_pickles *pickles, const struct text *type)
{
    const snapjar_pickles_item *item = outcome->item;
    const snapjar_policy *policy = census_options_of(batch)->policy;
    const int64_t version = item->header ? snapjar_header_schema_version(item->header) : SNAPJAR_VERSION_UNKNOWN;
    struct object object = {.contract = find_contract(batch, text_string(type), type->size, version),
                            .encoding = item->string_encoding,
                            .version = version,
                            .index = item->index};
    snapjar_error err;

    if (object.contract && snapjar_pickles_load(pickles, &object.content, &err) != SNAPJAR_OK)
        census_fail(batch, outcome, path, &err);
    else if (object.contract)
        assess(batch, outcome, path, context, &object, &policy);
    snapjar_content_free(object.content);
    judge(batch, outcome, path, object.index, policy);
}
