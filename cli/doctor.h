/* SPDX-License-Identifier: MIT
 *
 * What snapjar doctor asks of every pickle: a table of questions, each a function from what was found to one sentence
 * and what to do about it. doctor_examine.c finds out, doctor_questions.c and
 * doctor_names.c answer, doctor_tell.c shows.
 */
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

#include "batch.h"
#include "contract_set.h"
#include "judging.h"

/** What the command line asks for; the state of the batch. */
struct doctor {
    const snapjar_policy *policy;
    /** The user has said what is allowed, not only the default presets. */
    bool has_policy;
    struct contract_set contracts;
    struct option_number record;
    /** Bytes of a pickle that is looked at opcode by opcode. */
    uint64_t listed_max;
    uint64_t counts[GRADE_COUNT];
    /** Files that could not be read, or not to their end. */
    uint64_t failed_count;
};

/** A pickle, and all that was found out about it. Everything is borrowed. */
struct patient {
    const snapjar_pickles_item *item;
    /** NULL: a pickle in no jar. */
    const snapjar_header *header;
    snapjar_input_kind input;
    snapjar_scan *scan;
    /** SNAPJAR_OK if the pickle was read whole; else nothing of the scan may be believed. */
    snapjar_error failure;
    const snapjar_judgement *judgement;
    /** The user has said what is allowed, not only the default presets. */
    bool has_policy;
    /** The contract for its type, and what that says of it; NULL if none was given. */
    const snapjar_contract *contract;
    const snapjar_assessment *assessment;
    /** A seal was demanded; the key that made it, or why there is none that is trusted. */
    bool is_seal_demanded;
    const char *sealed_by;
    snapjar_error seal_failure;
    /** From the header. */
    bool has_layout;
    bool is_migrated;
    char *numpy;
    /** Texts that Python 2 wrote, and which need an encoding; 0 also where nobody looked. */
    uint64_t old_text_count;
};

struct answer {
    enum grade grade;
    /** One sentence. Bytes of the file are escaped in it. */
    struct text said;
    /** What to do; empty if nothing. */
    struct text advice;
};

struct question {
    /** For programs, and the first column for people. */
    const char *name;
    /** Whether it can be answered when the pickle was not read whole. */
    bool needs_no_scan;
    void (*ask)(const struct patient *patient, struct answer *answer);
};

/** Ends with a row without name. */
extern const struct question doctor_questions[];

/** "ok", "attention", "problem", "unknown". */
const char *grade_name(enum grade grade);

/** Sets the grade, unless it is worse already. */
void answer_grade(struct answer *answer, enum grade grade);

/** Adds a sentence, with a space before it if there is one already. */
void answer_say(struct answer *answer, const char *format, ...) __attribute__((format(printf, 2, 3)));
void answer_advise(struct answer *answer, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Names that a sentence has at most; the others are counted. */
#define NAMES_SHOWN 5

/** Adds "a:B, c:D and 3 more": the globals of the scan that `is_wanted`. Returns how many there are. */
size_t names_add(struct text *out, snapjar_scan *scan, bool (*is_wanted)(const snapjar_scan_global *global));

/** Whether no preset knows the global: it is the user's, or unusual. */
bool global_is_own(const snapjar_scan_global *global);
bool text_is(snapjar_text text, const char *string);

/** Looks at a file; has the form of batch.look_source, for a batch whose state is a struct doctor (doctor_examine.c).
 */
void doctor_look(struct batch *batch, snapjar_context *context, snapjar_source *source, const char *path,
                 struct outcome *outcome);
/** Tells a failure; has the form of batch.fail. */
void doctor_fail(const struct batch *batch, struct outcome *outcome, const char *path, const snapjar_error *err);

/** Asks everything, and adds what comes of it to the outcome (doctor_tell.c). */
void doctor_ask_all(const struct batch *batch, const char *path, const struct patient *patient,
                    struct outcome *outcome);

/* The questions of doctor_names.c. */
void ask_imports(const struct patient *patient, struct answer *answer);
void ask_pythons(const struct patient *patient, struct answer *answer);
void ask_languages(const struct patient *patient, struct answer *answer);
void ask_live(const struct patient *patient, struct answer *answer);

#endif
