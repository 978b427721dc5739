/* SPDX-License-Identifier: MIT
 *
 * The questions that one asks before pickles go into production.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "contracts.h"
#include "doctor.h"

/*
 * What CPython 3.11 takes for an object of mixed data, beside the bytes of its texts, is about 32 bytes for each
 * opcode: measured from 6 (small integers, which are shared) to 44 (a large dict).
 */
#define BYTES_PER_OPCODE 32
/* From here on size deserves a word. */
#define LARGE_SIZE (UINT64_C(256) << 20)
#define ENCODING_ADVICE "Say how the program that loads it reads such text: `--encoding latin1` or `bytes`."
#define COMPRESSIBLE_SIZE (UINT64_C(64) << 10)

const char *grade_name(enum grade grade)
{
    static const char *const names[GRADE_COUNT] = {"ok", "attention", "problem", "unknown"};
    return (size_t)grade < GRADE_COUNT ? names[grade] : "unknown";
}

void answer_grade(struct answer *answer, enum grade grade)
{
    if (grade > answer->grade)
        answer->grade = grade;
}

static void add(struct text *out, const char *format, va_list arguments)
{
    char *made = NULL;

    if (vasprintf(&made, format, arguments) < 0)
        return;
    if (out->size)
        text_putc(out, ' ');
    text_puts(out, made);
    free(made);
}

void answer_say(struct answer *answer, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    add(&answer->said, format, arguments);
    va_end(arguments);
}

void answer_advise(struct answer *answer, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    add(&answer->advice, format, arguments);
    va_end(arguments);
}

/* ---- whole ---- */

static void ask_whole(const struct patient *patient, struct answer *answer)
{
    if (patient->failure.status != SNAPJAR_OK) {
        struct text reason = {0};
        report_format(&reason, &patient->failure, NULL);
        bool is_trouble = report_exit_code(patient->failure.status) == EXIT_TROUBLE;
        answer_grade(answer, is_trouble ? GRADE_UNKNOWN : GRADE_PROBLEM);
        answer_say(answer, "%s: %s.", is_trouble ? "It could not be analysed" : "No", text_string(&reason));
        answer_advise(answer, "%s", snapjar_diagnostic_hint(patient->failure.diagnostic));
        text_free(&reason);
    } else if (patient->header) {
        answer_say(answer, "Header, stored bytes and content have their checksums, and the pickle ends where it must.");
    } else {
        answer_grade(answer, GRADE_ATTENTION);
        answer_say(answer, "It has an end, but no checksum says that its bytes are those that were written.");
        answer_advise(answer, "`snapjar pack` puts it in a jar.");
    }
}

/* ---- source ---- */

/* Names the keys of signatures that were not checked. */
static void tell_signatures(const struct patient *patient, struct answer *answer)
{
    const size_t count = snapjar_header_signature_count(patient->header);
    struct text names = {0};

    for (size_t i = 0; i < count && i < NAMES_SHOWN; i++) {
        snapjar_signature signature;
        if (snapjar_header_signature(patient->header, i, &signature, NULL) == SNAPJAR_OK)
            text_printf(&names, "%s%s", names.size ? ", " : "", signature.key_id);
    }
    answer_say(answer, "It carries %zu signature%s that %s not checked: %s%s.", count, count == 1 ? "" : "s",
               count == 1 ? "was" : "were", text_string(&names), count > NAMES_SHOWN ? " and others" : "");
    answer_advise(answer, "Ask with --trust and the public key, or a trust file.");
    text_free(&names);
}

static void ask_demanded(const struct patient *patient, struct answer *answer)
{
    if (patient->sealed_by) {
        answer_say(answer, "The key %s sealed it, and may seal this type.", patient->sealed_by);
        return;
    }
    answer_grade(answer, GRADE_PROBLEM);
    if (patient->seal_failure.status != SNAPJAR_OK)
        answer_say(answer, "No: %s [%s].", patient->seal_failure.message,
                   snapjar_diagnostic_name(patient->seal_failure.diagnostic));
    else
        answer_say(answer, "No: only records of a snapshot that is not compressed can carry a seal that is checked.");
    answer_advise(answer, "Do not load it before you know who made it.");
}

static void ask_source(const struct patient *patient, struct answer *answer)
{
    if (patient->is_seal_demanded) {
        ask_demanded(patient, answer);
        return;
    }
    answer_grade(answer, GRADE_ATTENTION);
    if (patient->header && snapjar_header_signature_count(patient->header)) {
        tell_signatures(patient, answer);
        return;
    }
    answer_say(answer, "Nobody vouches for it: whoever can write the file can put another pickle there.");
    answer_advise(answer, "`snapjar seal` says who wrote it; till then, judge it by a policy before loading.");
}

/* ---- allowed ---- */

static bool is_plain(const struct patient *patient)
{
    const snapjar_scan_summary *summary = snapjar_scan_summarize(patient->scan);
    return !snapjar_scan_global_count(patient->scan) && !summary->persistent_ids.count && !summary->buffers.count;
}

/*
 * Without a policy of the user's a class that nobody knows is no more than that; a call of what nobody knows, or
 * anything else that is denied, may be anything.
 */
static enum grade grade_of(const struct patient *patient, const snapjar_denial *denial)
{
    const bool is_class_only = denial->uses && !(denial->uses & ~SNAPJAR_USES_CLASS);
    return !patient->has_policy && is_class_only ? GRADE_ATTENTION : GRADE_PROBLEM;
}

static bool is_migratable(const struct patient *patient)
{
    return patient->assessment && snapjar_assessment_state(patient->assessment) == SNAPJAR_CONTRACT_MIGRATABLE;
}

static void ask_allowed(const struct patient *patient, struct answer *answer)
{
    const size_t count = snapjar_judgement_denial_count(patient->judgement);
    size_t shown = SIZE_MAX;
    snapjar_denial denial;

    if (snapjar_judgement_verdict(patient->judgement) == SNAPJAR_VERDICT_ALLOWED) {
        answer_say(answer, is_plain(patient) ? "It is plain data and can do nothing but be data."
                           : is_migratable(patient)
                               ? "Everything that it imports, calls and makes is allowed, or is what the contract's "
                                 "migrations change; what they make of it is judged again."
                               : "Everything that it imports, calls and makes is allowed.");
        return;
    }
    /* The first of the worst is told. */
    for (size_t i = 0; i < count; i++) {
        snapjar_judgement_describe(patient->judgement, i, &denial);
        if (shown == SIZE_MAX || grade_of(patient, &denial) > answer->grade)
            shown = i;
        answer_grade(answer, grade_of(patient, &denial));
    }
    snapjar_judgement_describe(patient->judgement, shown == SIZE_MAX ? 0 : shown, &denial);
    answer_say(answer, "%s%s%s (at byte %" PRIu64 ").", denial.global, denial.global[0] ? ": " : "", denial.reason,
               denial.offset);
    if (count > 1)
        answer_say(answer, "%zu more thing%s: `snapjar scan` says which.", count - 1,
                   count == 2 ? " is denied" : "s are denied");
    if (denial.diagnostic == SNAPJAR_DIAG_STRING_ENCODING)
        answer_advise(answer, ENCODING_ADVICE);
    else if (denial.line[0] && !strchr(denial.reason, ';')) /* behind it stands what a known gadget does */
        answer_advise(answer, "If you know what it does, allow it in a policy: %s", denial.line);
    else
        answer_advise(answer, "Do not load it before you know who made it, and how.");
}

/* ---- ordinary ---- */

static void ask_ordinary(const struct patient *patient, struct answer *answer)
{
    const snapjar_scan_summary *summary = snapjar_scan_summarize(patient->scan);
    const snapjar_scan_finding *finding = snapjar_scan_finding_at(patient->scan, 0);

    if (!summary->finding_count) {
        answer_say(answer, "A pickler may have written every opcode of it.");
        return;
    }
    answer_grade(answer, GRADE_PROBLEM);
    if (finding->diagnostic == SNAPJAR_DIAG_STRING_ENCODING) {
        answer_say(answer, "Loading would fail: %s (at byte %" PRIu64 ").", finding->message, finding->offset);
        answer_advise(answer, ENCODING_ADVICE);
        return;
    }
    answer_say(answer, "No pickler writes such: %s (at byte %" PRIu64 ").", finding->message, finding->offset);
    if (summary->finding_count > 1)
        answer_say(answer, "There are %" PRIu64 " such things.", summary->finding_count);
    answer_advise(answer, "Python's own loaders may disagree about it. Find out who made it.");
}

/* ---- version ---- */

static void ask_contract(const struct patient *patient, struct answer *answer)
{
    const snapjar_contract_state state = snapjar_assessment_state(patient->assessment);
    const int64_t version = snapjar_assessment_version(patient->assessment);
    struct text text = {0};

    switch (state) {
    case SNAPJAR_CONTRACT_CURRENT:
        answer_say(answer, "It is of schema version %" PRId64 ", the contract's own, and as that is described.",
                   version);
        break;
    case SNAPJAR_CONTRACT_ACCEPTED:
        answer_say(answer, "It is of schema version %" PRId64 ", which the contract accepts as it is.", version);
        break;
    case SNAPJAR_CONTRACT_MIGRATABLE:
        contracts_add_chain(&text, patient->contract, version);
        answer_say(answer, "Migrations lead on from its schema version: %s.", text_string(&text));
        answer_advise(answer, "Load it with the contract, which migrates it, or `snapjar migrate` it for good.");
        break;
    case SNAPJAR_CONTRACT_DRIFTED:
    case SNAPJAR_CONTRACT_UNKNOWN:
        contract_set_add_finding(&text, patient->assessment);
        answer_grade(answer, GRADE_PROBLEM);
        answer_say(answer, "%s: %s.",
                   state == SNAPJAR_CONTRACT_DRIFTED ? "It is not as the contract says"
                                                     : "The contract does not know it",
                   text_string(&text));
        answer_advise(answer, "`snapjar contract check` says all of it.");
        break;
    }
    if (!patient->header)
        answer_say(answer, "It says no version itself: this is the one that fits.");
    text_free(&text);
}

static void ask_version(const struct patient *patient, struct answer *answer)
{
    if (patient->assessment) {
        ask_contract(patient, answer);
        return;
    }
    answer_grade(answer, GRADE_ATTENTION);
    if (!patient->header) {
        answer_say(answer, "It has neither type nor version: code that changes cannot tell old data from new.");
        answer_advise(answer, "`snapjar pack --type MODULE:NAME --schema-version N` gives it both.");
        return;
    }
    answer_say(answer, "Its schema version is %" PRId64 ", and no contract says what comes before and after that.",
               snapjar_header_schema_version(patient->header));
    if (patient->is_migrated)
        answer_say(answer, "It was migrated before.");
    answer_advise(answer, "`snapjar contract infer` begins one; then ask again with --contract.");
}

/* ---- classes ---- */

static bool is_described(const struct patient *patient)
{
    return patient->assessment && snapjar_assessment_state(patient->assessment) <= SNAPJAR_CONTRACT_MIGRATABLE;
}

static void ask_classes(const struct patient *patient, struct answer *answer)
{
    const snapjar_scan_summary *summary = snapjar_scan_summarize(patient->scan);
    struct text names = {0};
    const size_t count = names_add(&names, patient->scan, global_is_own);

    if (!count) {
        answer_say(answer, "No class of yours is in it.");
    } else {
        answer_grade(answer, is_described(patient) ? GRADE_OK : GRADE_ATTENTION);
        answer_say(answer,
                   "%s %s found by name when it is loaded: renamed or moved, loading fails; with other fields, "
                   "it may not even fail.",
                   text_string(&names), count == 1 ? "is" : "are");
        if (is_described(patient))
            answer_say(answer, "The contract has their fields, and what changes shows when it is held against that.");
        else if (patient->has_layout)
            answer_say(answer, "The header has their fields, so a change can be seen.");
        else if (!summary->layout_is_whole)
            answer_say(answer, "Their fields cannot all be told from the pickle: a class has a state of its own form.");
        else if (!patient->header)
            answer_advise(answer, "`snapjar pack` stores their fields in the header, where a change can be seen.");
        if (!is_described(patient))
            answer_advise(answer, "Compare with a known good file before a release: `snapjar diff`.");
    }
    text_free(&names);
}

/* ---- size ---- */

static void ask_size(const struct patient *patient, struct answer *answer)
{
    const snapjar_scan_summary *summary = snapjar_scan_summarize(patient->scan);
    const uint64_t size = patient->header ? snapjar_header_size(patient->header) : summary->size;
    const uint64_t memory = size + summary->opcode_count * BYTES_PER_OPCODE;
    struct text text = {0};

    text_size(&text, size);
    text_puts(&text, " of content, roughly ");
    text_size(&text, memory);
    text_puts(&text, " of objects once it is loaded");
    if (patient->header) {
        text_puts(&text, ", ");
        text_size(&text, snapjar_header_stored_size(patient->header));
        text_puts(&text, " as stored");
    }
    answer_say(answer, "%s.", text_string(&text));
    text_free(&text);
    if (memory > LARGE_SIZE) {
        answer_grade(answer, GRADE_ATTENTION);
        answer_advise(answer, "Limit the memory of whatever loads it, and think of several smaller records.");
    }
    if (patient->input == SNAPJAR_INPUT_PICKLE && size >= COMPRESSIBLE_SIZE) {
        answer_grade(answer, GRADE_ATTENTION);
        answer_say(answer, "It is not compressed.");
        answer_advise(answer, "`snapjar pack` compresses it where that gains anything.");
    }
}

const struct question doctor_questions[] = {
    {"whole", true, ask_whole},        {"source", true, ask_source},    {"allowed", false, ask_allowed},
    {"ordinary", false, ask_ordinary}, {"version", true, ask_version},  {"classes", false, ask_classes},
    {"imports", false, ask_imports},   {"pythons", false, ask_pythons}, {"languages", false, ask_languages},
    {"live", false, ask_live},         {"size", false, ask_size},       {NULL, false, NULL},
};
