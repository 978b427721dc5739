/* SPDX-License-Identifier: MIT
 *
 * snapjar show: the value of a pickle, without its classes.
 */
#include <inttypes.h>
#include <string.h>

#include <snapjar/show.h>

#include "json_out.h"
#include "judging.h"
#include "pickle_walk.h"
#include "sealing.h"
#include "terminal.h"

struct values {
    struct pickle_walk_values walk;
    struct option_number depth;
    struct option_number length;
    struct option_number text;
    struct judging_values judging;
    struct trusting_values trusting;
    const char *path;
    bool all;
    bool json;
};

static const struct option_row rows[] = {
    {'p', "path", "PATH", OPTION_TEXT, offsetof(struct values, path),
     "begin at this value, as \".steps[0].name\" or \"['key']\"", NULL, 0, 0},
    {'d', "depth", "N", OPTION_NUMBER, offsetof(struct values, depth), "show N levels (default 8; of JSON all)", NULL,
     1, INT64_MAX},
    {'l', "length", "N", OPTION_NUMBER, offsetof(struct values, length),
     "show N parts of each value (default 30; of JSON all)", NULL, 1, INT64_MAX},
    {0, "text", "N", OPTION_NUMBER, offsetof(struct values, text), "show N columns of a text (default 60)", NULL, 1,
     INT64_MAX},
    {'a', "all", NULL, OPTION_FLAG, offsetof(struct values, all), "show everything, whatever the size", NULL, 0, 0},
    {0, "json", NULL, OPTION_FLAG, offsetof(struct values, json),
     "print JSON, one object for each value that has parts", NULL, 0, 0},
    JUDGING_OPTION_ROWS(struct values),
    TRUSTING_OPTION_ROWS(struct values, trusting),
    PICKLE_WALK_OPTION_ROWS(struct values),
    {0},
};

struct show {
    const struct values *values;
    const snapjar_policy *policy;
    /* Stands before the first line, if there is one. */
    struct text title;
};

static snapjar_status write_out(void *state, const void *bytes, size_t size, snapjar_error *err)
{
    struct text *title = &((struct show *)state)->title;

    (void)err;
    text_add(title, bytes, size);
    report_print(title);
    text_clear(title);
    return SNAPJAR_OK;
}

static uint64_t limit_of(const struct option_number *option, bool all)
{
    return option->is_given ? (uint64_t)option->value : all ? SNAPJAR_SHOW_ALL : 0;
}

/* The members that each object begins with. */
static void add_prefix(struct text *out, const char *path, const snapjar_pickles_item *item)
{
    struct text object = {0};

    pickle_walk_json(&object, "value", path, item);
    text_add(out, text_string(&object) + 1, object.size - 1);
    text_free(&object);
}

static snapjar_status show_graph(struct pickle_walk *walk, struct show *show, const char *path,
                                 const snapjar_pickles_item *item, const snapjar_graph *graph, snapjar_error *err)
{
    const struct values *values = show->values;
    const snapjar_sink_functions functions = {sizeof(functions), write_out, NULL, NULL, false};
    snapjar_show_options options = SNAPJAR_SHOW_OPTIONS_INIT;
    snapjar_show_summary summary;
    snapjar_sink *sink = NULL;
    struct text prefix = {0};

    options.form = values->json ? SNAPJAR_SHOW_JSON : SNAPJAR_SHOW_TEXT;
    options.is_unicode = text_speaks_utf8();
    options.has_colour = walk->cli->report.stdout_has_colour;
    options.depth_max = limit_of(&values->depth, values->all);
    options.length_max = limit_of(&values->length, values->all);
    options.text_max = limit_of(&values->text, values->all);
    options.path = values->path;
    options.policy = show->policy;
    if (values->json) {
        add_prefix(&prefix, path, item);
        options.json_prefix = text_string(&prefix);
    }
    snapjar_status status = snapjar_sink_from_functions(&sink, walk->context, &functions, show, err);
    if (status == SNAPJAR_OK)
        status = snapjar_graph_show(graph, sink, &options, &summary, err);
    snapjar_sink_free(sink);
    text_free(&prefix);
    if (status == SNAPJAR_OK && summary.denied_count && !values->json) {
        report_flush();
        report_remark(walk->cli, path, "%" PRIu64 " value%s denied: loading this may do anything", summary.denied_count,
                      summary.denied_count == 1 ? " is" : "s are");
    }
    return status;
}

static snapjar_status look(struct pickle_walk *walk, const char *path, snapjar_pickles *pickles,
                           const snapjar_pickles_item *item, snapjar_error *err)
{
    struct show *show = walk->state;
    snapjar_graph_options options = SNAPJAR_GRAPH_OPTIONS_INIT;
    snapjar_content *content = NULL;
    snapjar_graph *graph = NULL;
    uint64_t size;
    uint64_t pickle_size;

    snapjar_status status = snapjar_pickles_load(pickles, &content, err);
    if (status != SNAPJAR_OK)
        return status;
    const void *data = snapjar_content_data(content, &size, &pickle_size);
    options.string_encoding = item->string_encoding;
    options.base_offset = item->base_offset;
    status = snapjar_graph_new(&graph, walk->context, data, (size_t)pickle_size, &options, err);
    text_clear(&show->title);
    if (!show->values->json) {
        bool has_colour = walk->cli->report.stdout_has_colour;
        terminal_begin(&show->title, has_colour, STYLE_DIM);
        pickle_walk_title(&show->title, path, item);
        terminal_end(&show->title, has_colour, STYLE_DIM);
        text_putc(&show->title, '\n');
    }
    if (status == SNAPJAR_OK)
        status = show_graph(walk, show, path, item, graph, err);
    snapjar_graph_free(graph);
    snapjar_content_free(content);
    return status;
}

static int run(struct cli *cli, int argc, char **argv)
{
    struct values values = {0};
    struct string_list paths = {0};
    snapjar_context *context = NULL;
    snapjar_policy *policy = NULL;
    struct trusting trusting = {.trust = NULL};
    snapjar_error err;
    int code = options_parse(cli, &values, &paths, argc, argv);

    if (code < 0 && !paths.count)
        code = report_usage(cli, "no file given: name files or directories, or - for standard input");
    if (code < 0 && snapjar_context_new(&context, NULL, &err) != SNAPJAR_OK)
        code = report_failure(cli, NULL, &err, NULL);
    if (code < 0)
        code = judging_make(cli, &values.judging, true, context, &policy);
    if (code < 0)
        code = trusting_make(&trusting, cli, &values.trusting);
    if (code < 0) {
        struct show show = {&values, policy, {0}};
        struct pickle_walk walk = {
            .cli = cli, .state = &show, .values = &values.walk, .is_json = values.json, .look = look};
        walk.seal = trusting_demand(&trusting);
        pickle_walk_run(&walk, &paths);
        code = cli->report.exit_code;
        text_free(&show.title);
    }
    snapjar_policy_free(policy);
    snapjar_context_free(context);
    judging_free(&values.judging);
    trusting_clear(&trusting);
    trusting_free_values(&values.trusting);
    string_list_free(&paths);
    return code;
}

static const struct example examples[] = {
    {"What is in a snapshot", "snapjar show job.snapjar"},
    {"One part of it, in full", "snapjar show --path \".steps[0]\" --all job.snapjar"},
    {"All classes in it", "snapjar show --json job.pkl | jq -r '.class // empty' | sort | uniq -c"},
    {NULL, NULL},
};

const struct command command_show = {
    "show",
    "show the value of a pickle as a tree",
    "[OPTION]... PATH...",
    "Shows what is in a pickle, for classes that are installed nowhere too: objects with their fields, containers with "
    "their parts, each part under a label that --path takes. What is referred to from several places is shown once, "
    "with a number (#3), and then as => #3; so is what contains itself. What is too deep, long or large is cut and "
    "counted. Nothing is run.\n\n"
    "[denied] marks what neither the presets for harmless types nor --policy, --allow and --preset allow, and so "
    "might do anything when it is loaded.\n\n"
    "PATH is a snapshot, a file of pickles, or either of them compressed; in directories every file is looked at.",
    rows,
    OPERAND_FILE,
    examples,
    run,
};
