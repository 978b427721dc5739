/* SPDX-License-Identifier: MIT
 *
 * Asking the questions of snapjar doctor about one pickle, and showing the answers.
 */
#include <inttypes.h>
#include <string.h>

#include "doctor.h"
#include "json_out.h"
#include "terminal.h"

/* Where the sentences begin, and how far they go where no terminal says. */
#define TEXT_COLUMN 23
#define TEXT_WIDTH 100

static void add_heading(struct text *out, const char *path, const struct patient *patient, const char *verdict)
{
    text_escape_string(out, path);
    text_printf(out, ": %s %" PRIu64, patient->header ? "record" : "pickle", patient->item->index);
    if (patient->header) {
        snapjar_text type = snapjar_header_type(patient->header);
        text_puts(out, ", ");
        text_escape(out, type.data, type.size);
        text_printf(out, ", schema version %" PRId64, snapjar_header_schema_version(patient->header));
    } else if (patient->input != SNAPJAR_INPUT_PICKLE) {
        text_printf(out, ", %s", snapjar_input_kind_name(patient->input));
    } else {
        text_puts(out, ", in no jar");
    }
    text_printf(out, ": %s\n", verdict);
}

static void add_text(struct text *out, const struct batch *batch, const char *name, const struct answer *answer)
{
    static const enum terminal_style styles[GRADE_COUNT] = {STYLE_GOOD, STYLE_CHANGED, STYLE_BAD, STYLE_BAD};
    const bool has_colour = batch->cli->report.stdout_has_colour;
    const char *grade = grade_name(answer->grade);
    size_t width = terminal_width();

    width = width > TEXT_COLUMN + 30 && width < TEXT_WIDTH ? width : TEXT_WIDTH;
    text_puts(out, "  ");
    terminal_begin(out, has_colour, styles[answer->grade]);
    text_puts(out, grade);
    terminal_end(out, has_colour, styles[answer->grade]);
    text_printf(out, "%*s%-*s", (int)(11 - strlen(grade)), "", TEXT_COLUMN - 13, name);
    text_wrap(out, text_string(&answer->said), TEXT_COLUMN, TEXT_COLUMN, width);
    text_putc(out, '\n');
    if (!answer->advice.size)
        return;
    text_repeat(out, ' ', TEXT_COLUMN);
    text_puts(out, "> ");
    text_wrap(out, text_string(&answer->advice), TEXT_COLUMN + 2, TEXT_COLUMN + 2, width);
    text_putc(out, '\n');
}

/* What nobody can know, in one line. */
static void add_unknown(struct text *out, const struct batch *batch, const struct text *names)
{
    struct answer answer = {.grade = GRADE_UNKNOWN};

    answer_say(&answer, "It was not read to its end, so nothing is known of: %s.", text_string(names));
    add_text(out, batch, "", &answer);
    text_free(&answer.said);
}

static void begin_json(struct text *out, const char *path, const struct patient *patient, enum grade worst)
{
    json_begin(out, "checkup");
    json_file(out, "file", path);
    json_string(out, "input", snapjar_input_kind_name(patient->input));
    json_number(out, patient->header ? "record" : "pickle", patient->item->index);
    if (patient->header) {
        json_text(out, "type", snapjar_header_type(patient->header));
        json_number(out, "schema_version", (uint64_t)snapjar_header_schema_version(patient->header));
    }
    json_string(out, "verdict", grade_name(worst));
    json_key(out, "answers");
    text_putc(out, '[');
}

static void add_json(struct text *out, const struct question *question, const struct answer *answer)
{
    text_puts(out, out->size ? ",{" : "{");
    json_string(out, "question", question->name);
    json_string(out, "grade", grade_name(answer->grade));
    json_string(out, "answer", text_string(&answer->said));
    if (answer->advice.size)
        json_string(out, "advice", text_string(&answer->advice));
    text_putc(out, '}');
}

void doctor_ask_all(const struct batch *batch, const char *path, const struct patient *patient, struct outcome *outcome)
{
    enum grade worst = GRADE_OK;
    struct text body = {0};
    struct text unknown = {0};

    for (const struct question *question = doctor_questions; question->name; question++) {
        struct answer answer = {.grade = GRADE_OK};
        const bool is_answered = patient->failure.status == SNAPJAR_OK || question->needs_no_scan;
        if (is_answered) {
            question->ask(patient, &answer);
        } else {
            answer.grade = GRADE_UNKNOWN;
            answer_say(&answer, "It was not read to its end.");
            text_printf(&unknown, "%s%s", unknown.size ? ", " : "", question->name);
        }
        worst = answer.grade > worst ? answer.grade : worst;
        if (batch->is_json)
            add_json(&body, question, &answer);
        else if (is_answered)
            add_text(&body, batch, question->name, &answer);
        text_free(&answer.said);
        text_free(&answer.advice);
    }
    if (unknown.size && !batch->is_json)
        add_unknown(&body, batch, &unknown);
    text_free(&unknown);
    /* What is not whole is a problem that is known. */
    if (worst == GRADE_UNKNOWN && report_exit_code(patient->failure.status) == EXIT_NO)
        worst = GRADE_PROBLEM;
    if (worst == GRADE_PROBLEM && outcome->exit_code < EXIT_NO)
        outcome->exit_code = EXIT_NO;
    outcome->grade_counts[worst]++;
    if (batch->is_json) {
        begin_json(&outcome->out, path, patient, worst);
        text_add(&outcome->out, text_string(&body), body.size);
        text_puts(&outcome->out, "]");
        json_end(&outcome->out);
    } else if (!batch->cli->report.is_quiet) {
        add_heading(&outcome->out, path, patient, grade_name(worst));
        text_add(&outcome->out, text_string(&body), body.size);
    }
    text_free(&body);
}
