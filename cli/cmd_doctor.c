/* SPDX-License-Identifier: MIT
 *
 * snapjar doctor: the questions that one asks before pickles go into production, answered from the file.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "doctor.h"
#include "json_out.h"
#include "pickle_files.h"
#include "terminal.h"

struct values {
    struct batch_values batch;
    struct judging_values judging;
    struct string_list contracts;
    struct option_number record;
    int encoding;
    uint64_t max_size;
    uint64_t max_listed;
    bool json;
    bool quiet;
};

static const struct option_row rows[] = {
    BATCH_OPTION_ROWS(struct values),
    JUDGING_OPTION_ROWS(struct values),
    CONTRACT_SET_OPTION_ROW(struct values, contracts),
    {'r', "record", "N", OPTION_NUMBER, offsetof(struct values, record),
     "only record (or pickle) N of each file, from 0", NULL, 0, INT64_MAX},
    {0, "encoding", "NAME", OPTION_CHOICE, offsetof(struct values, encoding),
     "how the program reads strings of Python 2 in bare pickles (default ascii)", "ascii|latin1|bytes", 0, 0},
    {0, "max-size", "SIZE", OPTION_SIZE, offsetof(struct values, max_size),
     "do not analyse a pickle larger than SIZE (default 64G)", NULL, 0, 0},
    {0, "max-listed", "SIZE", OPTION_SIZE, offsetof(struct values, max_listed),
     "look for text of Python 2 in pickles of up to SIZE (default 64M)", NULL, 0, 0},
    {'q', "quiet", NULL, OPTION_FLAG, offsetof(struct values, quiet), "print nothing: the exit code tells", NULL, 0, 0},
    {0, "json", NULL, OPTION_FLAG, offsetof(struct values, json), "print JSON, one object a pickle and one for the sum",
     NULL, 0, 0},
    {0},
};

#define LISTED_DEFAULT (UINT64_C(64) << 20)
/* Where the sentences begin, and how far they go where no terminal says. */
#define TEXT_COLUMN 23
#define TEXT_WIDTH 100

struct doctor {
    const struct values *values;
    const snapjar_policy *policy;
    struct contract_set contracts;
    uint64_t counts[GRADE_COUNT];
    /** Files that could not be read, or not to their end. */
    uint64_t failed_count;
};

/* ---- examining, on any thread ---- */

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

/* Asks everything, and adds what comes of it to the outcome. */
static void ask_all(const struct batch *batch, const char *path, const struct patient *patient, struct outcome *outcome)
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
    const snapjar_contract *contract = contract_set_find(&doctor->contracts, text_string(&type), type.size);
    text_free(&type);
    return contract;
}

static snapjar_status assess(struct patient *patient, snapjar_context *context, snapjar_pickles *pickles,
                             snapjar_assessment **assessment, snapjar_error *err)
{
    const int64_t version = patient->header ? snapjar_header_schema_version(patient->header) : SNAPJAR_VERSION_UNKNOWN;
    snapjar_content *content = NULL;
    snapjar_status status = snapjar_pickles_load(pickles, &content, err);

    if (status == SNAPJAR_OK) {
        uint64_t size;
        uint64_t pickle_size;
        const void *bytes = snapjar_content_data(content, &size, &pickle_size);
        status = contract_set_assess(patient->contract, context, bytes, (size_t)pickle_size,
                                     patient->item->string_encoding, version, assessment, err);
    }
    snapjar_content_free(content);
    patient->assessment = *assessment;
    return status;
}

/* By the user's policy, or the contract's, which is about objects that are loaded as they are. */
static const snapjar_policy *choose_policy(struct patient *patient, const struct doctor *doctor)
{
    if (patient->has_policy || !patient->assessment ||
        !snapjar_contract_accepts(patient->contract, snapjar_assessment_version(patient->assessment)))
        return doctor->policy;
    patient->has_policy = true;
    return snapjar_contract_policy(patient->contract);
}

/* What its header says, and what an analysis finds. A failure that is the pickle's own goes to `patient->failure`. */
static snapjar_status find_out(struct patient *patient, const struct doctor *doctor, snapjar_context *context,
                               snapjar_pickles *pickles, struct found *found, snapjar_error *err)
{
    const uint64_t listed_max = doctor->values->max_listed ? doctor->values->max_listed : LISTED_DEFAULT;
    snapjar_status status = SNAPJAR_OK;

    if (patient->header)
        status = snapjar_header_each(patient->header, visit, patient, err);
    if (status != SNAPJAR_OK || snapjar_pickles_scan(pickles, patient->scan, &patient->failure) != SNAPJAR_OK)
        return status;
    status = list_opcodes(patient, context, pickles, listed_max, err);
    patient->contract = find_contract(patient, doctor);
    if (status == SNAPJAR_OK && patient->contract)
        status = assess(patient, context, pickles, &found->assessment, err);
    if (status == SNAPJAR_OK)
        status = snapjar_policy_judge(choose_policy(patient, doctor), patient->scan, &found->judgement, err);
    patient->judgement = found->judgement;
    return status;
}

/* Examines the current pickle. False if nothing can be said of it, nor of what is behind it. */
static bool examine(const struct batch *batch, const char *path, snapjar_context *context, snapjar_pickles *pickles,
                    struct outcome *outcome, snapjar_error *last, snapjar_error *err)
{
    const struct doctor *doctor = batch->state;
    struct found found = {NULL, NULL};
    struct patient patient = {.item = outcome->item,
                              .header = outcome->item->header,
                              .input = snapjar_pickles_kind(pickles),
                              .scan = outcome->scan,
                              .has_policy = judging_is_wanted(&doctor->values->judging),
                              .failure = {.status = SNAPJAR_OK}};
    snapjar_status status = find_out(&patient, doctor, context, pickles, &found, err);

    if (status == SNAPJAR_OK) {
        if (patient.failure.status != SNAPJAR_OK)
            outcome_note(outcome, &patient.failure);
        ask_all(batch, path, &patient, outcome);
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

static snapjar_status look_at_all(const struct batch *batch, const char *path, snapjar_context *context,
                                  snapjar_pickles *pickles, struct outcome *outcome, snapjar_error *err)
{
    const struct option_number *wanted = &((const struct doctor *)batch->state)->values->record;
    snapjar_error last = {.status = SNAPJAR_OK};

    for (uint64_t count = 0;; count++) {
        outcome->content = NULL;
        if (snapjar_pickles_next(pickles, &outcome->item, err) != SNAPJAR_OK)
            /* Moving on meets again what was answered. */
            return is_same(err, &last) ? SNAPJAR_OK : err->status;
        if (!outcome->item && wanted->is_given) {
            report_make(err, SNAPJAR_NOT_FOUND, SNAPJAR_DIAG_RECORD_NOT_FOUND,
                        "there is no record %" PRId64 ": the file has %" PRIu64, wanted->value, count);
            return err->status;
        }
        if (!outcome->item)
            return SNAPJAR_OK;
        if (wanted->is_given && outcome->item->index != (uint64_t)wanted->value)
            continue;
        outcome->record_count++;
        outcome->content = pickle_content(pickles, outcome->item);
        if (!examine(batch, path, context, pickles, outcome, &last, err))
            return err->status;
        if (wanted->is_given)
            return SNAPJAR_OK;
    }
}

static void fail(const struct batch *batch, struct outcome *outcome, const char *path, const snapjar_error *err)
{
    outcome_fail(batch, outcome, path, err);
    outcome->failed_count++;
}

static void look(struct batch *batch, snapjar_context *context, snapjar_source *source, const char *path,
                 struct outcome *outcome)
{
    snapjar_pickles_options options = SNAPJAR_PICKLES_OPTIONS_INIT;
    snapjar_pickles *pickles = NULL;
    snapjar_error err;

    options.string_encoding = batch->string_encoding;
    options.limits = &batch->limits;
    options.threads = batch->inner_threads;
    outcome->content = NULL;
    snapjar_status status = snapjar_pickles_open(&pickles, context, source, &options, &err);
    if (status == SNAPJAR_OK)
        status = look_at_all(batch, path, context, pickles, outcome, &err);
    if (status != SNAPJAR_OK)
        batch_fail(batch, outcome, path, &err);
    snapjar_pickles_free(pickles);
}

/* ---- taking, in order ---- */

static void take(struct batch *batch, const char *path, struct outcome *outcome)
{
    struct doctor *doctor = batch->state;

    (void)path;
    for (size_t i = 0; i < GRADE_COUNT; i++)
        doctor->counts[i] += outcome->grade_counts[i];
    doctor->failed_count += outcome->failed_count;
    report_print(&outcome->out);
}

static void print_summary(const struct batch *batch)
{
    static const char *const words[GRADE_COUNT] = {"well", "to attend to", "with problems", "not analysed"};
    const struct doctor *doctor = batch->state;
    const char *comma = ": ";
    struct text out = {0};

    if (batch->is_json) {
        json_begin(&out, "summary");
        json_number(&out, "files", batch->file_count);
        json_number(&out, "pickles", batch->record_count);
        for (size_t i = 0; i < GRADE_COUNT; i++)
            json_number(&out, grade_name((enum grade)i), doctor->counts[i]);
        json_number(&out, "failed_files", doctor->failed_count);
        json_number(&out, "exit_code", (uint64_t)batch->cli->report.exit_code);
        json_end(&out);
    } else {
        text_printf(&out, "%zu file%s, %" PRIu64 " pickle%s", batch->file_count, batch->file_count == 1 ? "" : "s",
                    batch->record_count, batch->record_count == 1 ? "" : "s");
        for (size_t i = 0; i < GRADE_COUNT; i++) {
            if (!doctor->counts[i])
                continue;
            text_printf(&out, "%s%" PRIu64 " %s", comma, doctor->counts[i], words[i]);
            comma = ", ";
        }
        if (doctor->failed_count)
            text_printf(&out, "%s%" PRIu64 " file%s not read to the end", comma, doctor->failed_count,
                        doctor->failed_count == 1 ? "" : "s");
        text_putc(&out, '\n');
    }
    report_print(&out);
    text_free(&out);
}

/* ---- wiring ---- */

static int examine_paths(struct cli *cli, const struct values *values, const snapjar_policy *policy,
                         const struct contract_set *contracts, const struct string_list *paths)
{
    struct doctor doctor = {.values = values, .policy = policy, .contracts = *contracts};
    struct batch batch;

    cli->report.is_quiet = values->quiet;
    batch_init(&batch, cli, &values->batch, &doctor, values->json);
    batch.limits.content_size_max = values->max_size;
    batch.needs_scan = true;
    batch.look_source = look;
    batch.fail = fail;
    batch.take = take;
    batch.verb = "examining";
    batch.string_encoding = (snapjar_string_encoding)(values->encoding ? values->encoding - 1 : 0);
    batch_run(&batch, paths);
    if (!batch.file_count) {
        snapjar_error err;
        report_make(&err, SNAPJAR_IO, SNAPJAR_DIAG_NONE, "there is no file here");
        report_failure(cli, paths->items[0], &err, NULL);
    }
    if (!values->quiet)
        print_summary(&batch);
    /* Each answer says itself what to do. */
    cli->report.has_no_hints |= !doctor.failed_count;
    return cli->report.exit_code;
}

static int run(struct cli *cli, int argc, char **argv)
{
    struct values values = {0};
    struct string_list paths = {0};
    snapjar_context *context = NULL;
    snapjar_policy *policy = NULL;
    struct contract_set contracts = {0};
    snapjar_error err;
    int code = options_parse(cli, &values, &paths, argc, argv);

    if (code < 0 && values.quiet && values.json)
        code = report_usage(cli, "--quiet and --json contradict each other");
    if (code < 0 && !paths.count)
        code = report_usage(cli, "no file given: name files or directories, or - for standard input");
    if (code < 0 && snapjar_context_new(&context, NULL, &err) != SNAPJAR_OK)
        code = report_failure(cli, NULL, &err, NULL);
    if (code < 0)
        code = judging_make(cli, &values.judging, true, context, &policy);
    if (code < 0)
        code = contract_set_read(cli, context, &values.contracts, &contracts);
    if (code < 0)
        code = examine_paths(cli, &values, policy, &contracts, &paths);
    contract_set_free(&contracts);
    string_list_free(&values.contracts);
    snapjar_policy_free(policy);
    snapjar_context_free(context);
    judging_free(&values.judging);
    string_list_free(&paths);
    return code;
}

static const struct example examples[] = {
    {"May this go into production", "snapjar doctor job.pkl"},
    {"With what the application's policy allows", "snapjar doctor --policy jobs.policy.json job.snapjar"},
    {"Held against the contract of its type", "snapjar doctor --contract job.contract.json job.snapjar"},
    {"What is not well below a directory",
     "snapjar doctor --json /var/lib/jobs | jq 'select(.verdict == \"problem\")'"},
    {NULL, NULL},
};

const struct command command_doctor = {
    "doctor",
    "ask what one asks before production",
    "[OPTION]... PATH...",
    "Answers, for every pickle of every file, in a jar or not: is it whole; does anybody vouch for it (source); does "
    "it do only what is allowed; would a pickler write it (ordinary); has it a version and a way on from there; what "
    "if "
    "a class changes (classes); what must be importable (imports); which Pythons can read it, and which other programs "
    "(languages); is anything in it tied to the process that wrote it (live); how large is it, stored and loaded. "
    "Nothing is unpickled.\n\n"
    "Each answer is ok, attention, problem, or unknown where the pickle could not be analysed, with one sentence and "
    "what to do. What the default presets do not allow is a problem where it is called and wants attention where "
    "it is only a class; with --policy, --allow or --preset, which add to these, whatever is not allowed is a "
    "problem. With the --contract for its type a pickle is held against that: version, fields, values, and what it may "
    "do.\n\n"
    "Exit code 0: no problem. 1: a problem. 2: something could not be read or analysed.",
    rows,
    OPERAND_FILE,
    examples,
    run,
};
