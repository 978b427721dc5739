/* SPDX-License-Identifier: MIT
 *
 * snapjar diff: what changed between two snapshots.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <snapjar/diff.h>

#include "changes.h"
#include "json_out.h"
#include "pickle_walk.h"
#include "sealing.h"
#include "terminal.h"

#define CHANGES_DEFAULT 100

struct values {
    struct pickle_walk_values walk;
    struct option_number changes;
    bool quiet;
    bool json;
    struct trusting_values trusting;
};

static const struct option_row rows[] = {
    {'n', "max-changes", "N", OPTION_NUMBER, offsetof(struct values, changes),
     "print N changes of each record and count the rest (default 100)", NULL, 0, INT64_MAX},
    {'q', "quiet", NULL, OPTION_FLAG, offsetof(struct values, quiet), "print nothing: the exit code tells", NULL, 0, 0},
    {0, "json", NULL, OPTION_FLAG, offsetof(struct values, json), "print JSON, one object for each change", NULL, 0, 0},
    PICKLE_WALK_OPTION_ROWS(struct values),
    TRUSTING_OPTION_ROWS(struct values, trusting),
    {0},
};

/* One of the two files. */
struct side {
    const char *path;
    struct pickle_file file;
    const snapjar_pickles_item *item;
    snapjar_content *content;
    snapjar_graph *graph;
};

struct diff {
    struct cli *cli;
    const struct values *values;
    struct side sides[2];
    struct text out;
    uint64_t record;
    uint64_t pair_count;
    uint64_t change_count;
    uint64_t layout_count;
    uint64_t header_count;
    bool has_title;
};

static bool is_silent(const struct diff *diff)
{
    return diff->values->quiet;
}

static void begin_json(struct diff *diff, const char *kind)
{
    struct text *out = &diff->out;

    json_begin(out, kind);
    json_file(out, "before_file", diff->sides[0].path);
    json_file(out, "after_file", diff->sides[1].path);
    json_number(out, "record", diff->record);
}

/* Prints what was gathered; the first of a record's lines comes with its title. */
static void print(struct diff *diff)
{
    if (!is_silent(diff) && !diff->values->json && !diff->has_title) {
        struct text title = {0};
        bool has_colour = diff->cli->report.stdout_has_colour;
        terminal_begin(&title, has_colour, STYLE_DIM);
        text_printf(&title, "record %" PRIu64 " of ", diff->record);
        text_escape_string(&title, diff->sides[0].path);
        text_puts(&title, " and ");
        text_escape_string(&title, diff->sides[1].path);
        terminal_end(&title, has_colour, STYLE_DIM);
        text_putc(&title, '\n');
        report_print(&title);
        text_free(&title);
        diff->has_title = true;
    }
    if (!is_silent(diff))
        report_print(&diff->out);
    text_clear(&diff->out);
}

/* ---- changes ---- */

static snapjar_status take_change(void *state, const snapjar_change *change, snapjar_error *err)
{
    struct diff *diff = state;

    (void)err;
    if (!diff->values->json) {
        changes_add(&diff->out, diff->cli->report.stdout_has_colour, change);
    } else {
        begin_json(diff, "change");
        changes_add_json(&diff->out, change);
        json_end(&diff->out);
    }
    print(diff);
    return SNAPJAR_OK;
}

static snapjar_status take_layout(void *state, const snapjar_layout_change *change, snapjar_error *err)
{
    struct diff *diff = state;

    (void)err;
    if (!diff->values->json) {
        changes_add_layout(&diff->out, diff->cli->report.stdout_has_colour, change);
    } else {
        begin_json(diff, "layout-change");
        changes_add_layout_json(&diff->out, change);
        json_end(&diff->out);
    }
    print(diff);
    return SNAPJAR_OK;
}

/* ---- headers ---- */

static void header_change(struct diff *diff, const char *field, snapjar_text before, snapjar_text after)
{
    struct text *out = &diff->out;

    if (before.size == after.size && !memcmp(before.data, after.data, before.size))
        return;
    diff->header_count++;
    if (diff->values->json) {
        begin_json(diff, "header-change");
        json_string(out, "field", field);
        json_text(out, "before", before);
        json_text(out, "after", after);
        json_end(out);
    } else {
        bool has_colour = diff->cli->report.stdout_has_colour;
        terminal_begin(out, has_colour, STYLE_CHANGED);
        text_printf(out, "  ~ header: %s", field);
        terminal_end(out, has_colour, STYLE_CHANGED);
        text_puts(out, ": ");
        text_escape(out, before.data, before.size);
        text_puts(out, " -> ");
        text_escape(out, after.data, after.size);
        text_putc(out, '\n');
    }
    print(diff);
}

static void compare_headers(struct diff *diff)
{
    const snapjar_header *headers[2] = {diff->sides[0].item->header, diff->sides[1].item->header};
    char numbers[2][24];
    snapjar_text versions[2];

    if (!headers[0] || !headers[1])
        return;
    header_change(diff, "type", snapjar_header_type(headers[0]), snapjar_header_type(headers[1]));
    for (int i = 0; i < 2; i++) {
        int size = snprintf(numbers[i], sizeof(numbers[i]), "%" PRId64, snapjar_header_schema_version(headers[i]));
        versions[i] = (snapjar_text){numbers[i], (size_t)size};
    }
    header_change(diff, "schema_version", versions[0], versions[1]);
}

/* ---- records ---- */

static void drop(struct side *side)
{
    snapjar_graph_free(side->graph);
    snapjar_content_free(side->content);
    side->graph = NULL;
    side->content = NULL;
}

static snapjar_status load(snapjar_context *context, struct side *side, snapjar_error *err)
{
    snapjar_graph_options options = SNAPJAR_GRAPH_OPTIONS_INIT;
    uint64_t size;
    uint64_t pickle_size;
    snapjar_status status = snapjar_pickles_load(side->file.pickles, &side->content, err);

    if (status != SNAPJAR_OK)
        return status;
    const void *data = snapjar_content_data(side->content, &size, &pickle_size);
    options.string_encoding = side->item->string_encoding;
    options.base_offset = side->item->base_offset;
    return snapjar_graph_new(&side->graph, context, data, (size_t)pickle_size, &options, err);
}

static void tell_rest(struct diff *diff, const snapjar_diff_summary *summary, uint64_t told)
{
    if (summary->change_count <= told || diff->values->json)
        return;
    text_printf(&diff->out, "  ... %" PRIu64 " more change%s\n", summary->change_count - told,
                summary->change_count - told == 1 ? "" : "s");
    print(diff);
}

static snapjar_status compare_values(struct diff *diff, snapjar_error *err)
{
    snapjar_diff_options options = SNAPJAR_DIFF_OPTIONS_INIT;
    snapjar_diff_summary summary;
    uint64_t told = diff->values->changes.is_given ? (uint64_t)diff->values->changes.value : CHANGES_DEFAULT;

    options.is_unicode = diff->values->json || text_speaks_utf8();
    options.change_count_max = told ? told : 1;
    options.take_change = told ? take_change : NULL;
    options.take_layout = take_layout;
    options.state = diff;
    snapjar_status status = snapjar_graph_diff(diff->sides[0].graph, diff->sides[1].graph, &options, &summary, err);
    if (status != SNAPJAR_OK)
        return status;
    tell_rest(diff, &summary, told);
    diff->change_count += summary.change_count;
    diff->layout_count += summary.layout_count;
    return SNAPJAR_OK;
}

/* A failure of one of the files. */
static void fail(struct diff *diff, struct side *side, const snapjar_error *err)
{
    const char *content = side->file.pickles ? pickle_content(side->file.pickles, side->item) : NULL;

    if (diff->values->json) {
        json_begin(&diff->out, "error");
        json_file(&diff->out, "file", side->path);
        json_error(&diff->out, "error", err);
        json_end(&diff->out);
        print(diff);
    }
    report_flush();
    report_failure(diff->cli, side->path, err, content);
    /* Nothing is known about a difference, and 1 says that there is one: so this is trouble, as with diff and cmp,
     * where other commands end with 1. */
    report_raise(&diff->cli->report, EXIT_TROUBLE);
}

static bool compare_record(struct diff *diff, snapjar_context *context)
{
    snapjar_error err;
    bool is_good = true;

    diff->has_title = false;
    for (int i = 0; i < 2 && is_good; i++) {
        is_good = load(context, &diff->sides[i], &err) == SNAPJAR_OK;
        if (!is_good)
            fail(diff, &diff->sides[i], &err);
    }
    if (is_good) {
        diff->pair_count++;
        compare_headers(diff);
        is_good = compare_values(diff, &err) == SNAPJAR_OK;
        if (!is_good)
            fail(diff, &diff->sides[0], &err);
    }
    drop(&diff->sides[0]);
    drop(&diff->sides[1]);
    return is_good;
}

/* A record that only one file has. */
static void tell_single(struct diff *diff, bool is_added)
{
    diff->change_count++;
    diff->has_title = true;
    if (diff->values->json) {
        begin_json(diff, "record-change");
        json_string(&diff->out, "change", is_added ? "added" : "removed");
        json_end(&diff->out);
    } else {
        text_printf(&diff->out, "record %" PRIu64 " is only in ", diff->record);
        text_escape_string(&diff->out, diff->sides[is_added].path);
        text_putc(&diff->out, '\n');
    }
    print(diff);
}

static bool next(struct diff *diff, struct side *side)
{
    snapjar_error err;

    if (snapjar_pickles_next(side->file.pickles, &side->item, &err) == SNAPJAR_OK)
        return true;
    side->item = NULL;
    fail(diff, side, &err);
    return false;
}

static void compare_files(struct diff *diff, snapjar_context *context)
{
    const struct option_number *wanted = &diff->values->walk.record;
    snapjar_error err;

    for (diff->record = 0;; diff->record++) {
        bool is_wanted = !wanted->is_given || diff->record == (uint64_t)wanted->value;
        if (!next(diff, &diff->sides[0]) || !next(diff, &diff->sides[1]))
            return;
        for (int i = 0; i < 2 && wanted->is_given; i++) {
            if (diff->sides[i].item)
                continue;
            report_make(&err, SNAPJAR_NOT_FOUND, SNAPJAR_DIAG_RECORD_NOT_FOUND,
                        "there is no record %" PRId64 ": the file has %" PRIu64, wanted->value, diff->record);
            fail(diff, &diff->sides[i], &err);
            return;
        }
        if (!diff->sides[0].item && !diff->sides[1].item)
            return;
        if (!diff->sides[0].item || !diff->sides[1].item)
            tell_single(diff, !diff->sides[0].item);
        else if (is_wanted && !compare_record(diff, context))
            return;
        if (wanted->is_given && is_wanted)
            return;
    }
}

static void tell_summary(struct diff *diff)
{
    bool differs = diff->change_count || diff->layout_count || diff->header_count;

    if (differs)
        report_raise(&diff->cli->report, EXIT_NO);
    if (diff->values->json) {
        json_begin(&diff->out, "summary");
        json_file(&diff->out, "before_file", diff->sides[0].path);
        json_file(&diff->out, "after_file", diff->sides[1].path);
        json_number(&diff->out, "records", diff->pair_count);
        json_number(&diff->out, "changes", diff->change_count);
        json_number(&diff->out, "layout_changes", diff->layout_count);
        json_number(&diff->out, "header_changes", diff->header_count);
        json_end(&diff->out);
        print(diff);
    }
}

static int compare(struct cli *cli, const struct values *values, const struct snapjar_seal_demand *seal,
                   const struct string_list *paths)
{
    struct diff diff = {.cli = cli, .values = values};
    snapjar_context *context = NULL;
    snapjar_limits limits;
    snapjar_pickles_options options = pickle_walk_options(&values->walk, &limits);
    snapjar_error err;
    bool is_open = true;

    options.seal = seal;
    if (snapjar_context_new(&context, NULL, &err) != SNAPJAR_OK)
        return report_failure(cli, NULL, &err, NULL);
    for (int i = 0; i < 2 && is_open; i++) {
        struct side *side = &diff.sides[i];
        side->path = paths->items[i];
        is_open = pickle_file_open(&side->file, context, side->path, &options, &err) == SNAPJAR_OK;
        if (!is_open)
            fail(&diff, side, &err);
    }
    if (is_open) {
        compare_files(&diff, context);
        tell_summary(&diff);
    }
    for (int i = 0; i < 2; i++)
        pickle_file_close(&diff.sides[i].file);
    snapjar_context_free(context);
    text_free(&diff.out);
    return cli->report.exit_code;
}

static int run(struct cli *cli, int argc, char **argv)
{
    struct values values = {0};
    struct string_list paths = {0};
    struct trusting trusting = {.trust = NULL};
    int code = options_parse(cli, &values, &paths, argc, argv);

    if (code < 0 && paths.count != 2)
        code =
            report_usage(cli, "two files are compared, and %zu %s given", paths.count, paths.count == 1 ? "is" : "are");
    if (code < 0 && !strcmp(paths.items[0], "-") && !strcmp(paths.items[1], "-"))
        code = report_usage(cli, "only one of the files can be standard input");
    if (code < 0 && values.quiet && values.json)
        code = report_usage(cli, "--quiet and --json contradict each other");
    if (code < 0)
        code = trusting_make(&trusting, cli, &values.trusting);
    if (code < 0)
        code = compare(cli, &values, trusting_demand(&trusting), &paths);
    trusting_clear(&trusting);
    trusting_free_values(&values.trusting);
    string_list_free(&paths);
    return code;
}

static const struct example examples[] = {
    {"What changed since yesterday", "snapjar diff yesterday.snapjar today.snapjar"},
    {"Did anything but the fields of a class change",
     "snapjar diff --json old.pkl new.pkl | jq 'select(.kind == \"change\")'"},
    {NULL, NULL},
};

const struct command command_diff = {
    "diff",
    "tell what changed between two snapshots",
    "[OPTION]... BEFORE AFTER",
    "Compares the values of two files of pickles, record by record: ~ a value that changed, + a part that was added, - "
    "one that was removed, & an object that is shared and was not, or the reverse; each under its path, as show has "
    "it. "
    "Fields that the objects of a class got or lost are told once for the class. Of snapshots, type and schema version "
    "are compared as well.\n\n"
    "How a value was pickled makes no difference: protocols, the names of Python 2, the order of dicts and sets. No "
    "class need be installed, nothing is run.\n\n"
    "Exits with 0 if there is no difference, 1 if there is one, 2 if that could not be told: a file cannot be read, is "
    "damaged, or is not sealed as demanded.",
    rows,
    OPERAND_FILE,
    examples,
    run,
};
