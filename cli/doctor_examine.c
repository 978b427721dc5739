/* SPDX-License-Identifier: MIT
 *
 * Finding out all that snapjar doctor wants to know of the pickles of a file, on a worker's thread.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "doctor.h"
#include "pickle_files.h"
#include "seal_check.h"

/* What must be freed of what was found out. */
struct found {
    snapjar_judgement *judgement;
    snapjar_assessment *assessment;
};

static snapjar_status visit(void *state, const char *path, snapjar_text value, int is_string)
{
    struct patient *patient = state;

    (void)is_string;
    patient->has_layout |= !strncmp(path, "layout.", 7);
    patient->is_migrated |= !strncmp(path, "history[", 8);
    if (!strcmp(path, "build.packages.numpy") && !patient->numpy) {
        struct text escaped = {0};
        text_escape(&escaped, value.data, value.size);
        patient->numpy = memory_string(text_string(&escaped));
        text_free(&escaped);
    }
    return SNAPJAR_OK;
}

static snapjar_status count_old_text(void *state, const snapjar_dis_line *line, snapjar_error *err)
{
    (void)err;
    *(uint64_t *)state += line->opcode && strstr(line->opcode->name, "STRING") != NULL;
    return SNAPJAR_OK;
}

/* Text of Python 2 comes in opcodes of its own, in protocols up to 2. */
static snapjar_status list_opcodes(struct patient *patient, snapjar_context *context, snapjar_pickles *pickles,
                                   uint64_t size_max, snapjar_error *err)
{
    const snapjar_scan_summary *summary = snapjar_scan_summarize(patient->scan);
    snapjar_dis_options options = SNAPJAR_DIS_OPTIONS_INIT;
    snapjar_content *content = NULL;
    snapjar_dis *dis = NULL;

    if (summary->protocol > 2 || summary->size > size_max)
        return SNAPJAR_OK;
    options.text_max = 1;
    options.stack_max = 1;
    snapjar_status status = snapjar_pickles_load(pickles, &content, err);
    if (status == SNAPJAR_OK)
        status = snapjar_dis_new(&dis, context, &options, count_old_text, &patient->old_text_count, err);
    if (status == SNAPJAR_OK) {
        uint64_t size;
        uint64_t pickle_size;
        const void *bytes = snapjar_content_data(content, &size, &pickle_size);
        status = snapjar_dis_feed(dis, bytes, (size_t)pickle_size, NULL, err);
    }
    snapjar_dis_free(dis);
    snapjar_content_free(content);
    return status;
}

static int64_t version_of(const struct patient *patient)
{
    return patient->header ? snapjar_header_schema_version(patient->header) : SNAPJAR_VERSION_UNKNOWN;
}

/* The contract for the type of the pickle. */
static const snapjar_contract *find_contract(const struct patient *patient, const struct doctor *doctor)
{
    struct text type = {0};

    if (patient->header) {
        const snapjar_text said = snapjar_header_type(patient->header);
        text_add(&type, said.data, said.size);
    } else {
        pickle_add_type(&type, patient->scan);
    }
    const snapjar_contract *contract =
        contract_set_find(&doctor->contracts, text_string(&type), type.size, version_of(patient));
    text_free(&type);
    return contract;
}

static snapjar_status assess(struct patient *patient, snapjar_context *context, snapjar_pickles *pickles,
                             snapjar_assessment **assessment, snapjar_error *err)
{
    snapjar_content *content = NULL;
    snapjar_status status = snapjar_pickles_load(pickles, &content, err);

    if (status == SNAPJAR_OK) {
        uint64_t size;
        uint64_t pickle_size;
        const void *bytes = snapjar_content_data(content, &size, &pickle_size);
        status = contract_set_assess(patient->contract, context, bytes, (size_t)pickle_size,
                                     patient->item->string_encoding, version_of(patient), assessment, err);
    }
    snapjar_content_free(content);
    patient->assessment = *assessment;
    return status;
}

/* By the user's policy, or that of the contract that knows the object. */
static snapjar_status judge(struct patient *patient, const struct doctor *doctor, snapjar_judgement **judgement,
                            snapjar_error *err)
{
    if (patient->has_policy || !patient->assessment ||
        snapjar_assessment_state(patient->assessment) == SNAPJAR_CONTRACT_UNKNOWN)
        return snapjar_policy_judge(doctor->policy, patient->scan, judgement, err);
    patient->has_policy = true;
    return snapjar_contract_judge(patient->contract, patient->scan, snapjar_assessment_version(patient->assessment),
                                  judgement, err);
}

/* What its header says, and what an analysis finds. A failure that is the pickle's own goes to `patient->failure`. */
static snapjar_status find_out(struct patient *patient, const struct doctor *doctor, snapjar_context *context,
                               snapjar_pickles *pickles, struct found *found, snapjar_error *err)
{
    snapjar_status status = SNAPJAR_OK;

    if (patient->header)
        status = snapjar_header_each(patient->header, visit, patient, err);
    if (status != SNAPJAR_OK || snapjar_pickles_scan(pickles, patient->scan, &patient->failure) != SNAPJAR_OK)
        return status;
    status = list_opcodes(patient, context, pickles, doctor->listed_max, err);
    patient->contract = find_contract(patient, doctor);
    if (status == SNAPJAR_OK && patient->contract)
        status = assess(patient, context, pickles, &found->assessment, err);
    if (status == SNAPJAR_OK)
        status = judge(patient, doctor, &found->judgement, err);
    patient->judgement = found->judgement;
    return status;
}

/* A walk over the pickles of a file, and over their seals beside it. */
struct examination {
    snapjar_context *context;
    snapjar_pickles *pickles;
    struct seal_check seals;
    /** The file is a snapshot, so that there can be seals. */
    bool has_seals;
};

static void check_seal(struct patient *patient, struct examination *examination)
{
    if (examination->seals.reader && examination->has_seals)
        (void)!seal_check_next(&examination->seals, true, &patient->sealed_by, &patient->seal_failure);
}

/* Examines the current pickle. False if nothing can be said of it, nor of what is behind it. */
static bool examine(const struct batch *batch, const char *path, struct examination *examination,
                    struct outcome *outcome, snapjar_error *last, snapjar_error *err)
{
    const struct doctor *doctor = batch->state;
    struct found found = {NULL, NULL};
    struct patient patient = {.item = outcome->item,
                              .header = outcome->item->header,
                              .input = snapjar_pickles_kind(examination->pickles),
                              .is_seal_demanded = batch->seal != NULL,
                              .seal_failure = {.status = SNAPJAR_OK},
                              .scan = outcome->scan,
                              .has_policy = doctor->has_policy,
                              .failure = {.status = SNAPJAR_OK}};
    snapjar_status status = find_out(&patient, doctor, examination->context, examination->pickles, &found, err);

    check_seal(&patient, examination);
    if (status == SNAPJAR_OK) {
        if (patient.failure.status != SNAPJAR_OK)
            outcome_note(outcome, &patient.failure);
        doctor_ask_all(batch, path, &patient, outcome);
        *last = patient.failure;
    }
    snapjar_judgement_free(found.judgement);
    snapjar_assessment_free(found.assessment);
    free(patient.numpy);
    return status == SNAPJAR_OK;
}

static bool is_same(const snapjar_error *a, const snapjar_error *b)
{
    return a->status == b->status && a->diagnostic == b->diagnostic && a->offset == b->offset;
}

static snapjar_status look_at_all(const struct batch *batch, const char *path, struct examination *examination,
                                  struct outcome *outcome, snapjar_error *err)
{
    const struct option_number *wanted = &((const struct doctor *)batch->state)->record;
    snapjar_error last = {.status = SNAPJAR_OK};

    for (uint64_t count = 0;; count++) {
        outcome->content = NULL;
        if (snapjar_pickles_next(examination->pickles, &outcome->item, err) != SNAPJAR_OK)
            /* Moving on meets again what was answered. */
            return is_same(err, &last) ? SNAPJAR_OK : err->status;
        if (!outcome->item && wanted->is_given) {
            report_make(err, SNAPJAR_NOT_FOUND, SNAPJAR_DIAG_RECORD_NOT_FOUND,
                        "there is no record %" PRId64 ": the file has %" PRIu64, wanted->value, count);
            return err->status;
        }
        if (!outcome->item)
            return SNAPJAR_OK;
        if (wanted->is_given && outcome->item->index != (uint64_t)wanted->value) {
            struct patient passed = {.item = outcome->item};
            check_seal(&passed, examination);
            continue;
        }
        outcome->record_count++;
        outcome->content = pickle_content(examination->pickles, outcome->item);
        if (!examine(batch, path, examination, outcome, &last, err))
            return err->status;
        if (wanted->is_given)
            return SNAPJAR_OK;
    }
}

void doctor_fail(const struct batch *batch, struct outcome *outcome, const char *path, const snapjar_error *err)
{
    outcome_fail(batch, outcome, path, err);
    outcome->failed_count++;
}

void doctor_look(struct batch *batch, snapjar_context *context, snapjar_source *source, const char *path,
                 struct outcome *outcome)
{
    snapjar_pickles_options options = SNAPJAR_PICKLES_OPTIONS_INIT;
    struct examination examination = {.context = context};
    snapjar_error err;

    options.string_encoding = batch->string_encoding;
    options.limits = &batch->limits;
    options.threads = batch->inner_threads;
    outcome->content = NULL;
    snapjar_status status = snapjar_pickles_open(&examination.pickles, context, source, &options, &err);
    if (status == SNAPJAR_OK) {
        examination.has_seals = snapjar_pickles_kind(examination.pickles) == SNAPJAR_INPUT_SNAPSHOT;
        status = seal_check_begin(&examination.seals, context, source, &batch->limits, batch->seal, &err);
    }
    if (status == SNAPJAR_OK)
        status = look_at_all(batch, path, &examination, outcome, &err);
    if (status != SNAPJAR_OK)
        batch_fail(batch, outcome, path, &err);
    seal_check_free(&examination.seals);
    snapjar_pickles_free(examination.pickles);
}
