/* SPDX-License-Identifier: MIT
 *
 * snapjar explain: the table of diagnostics for people.
 */
#include <stdbool.h>
#include <string.h>

#include <snapjar/snapjar.h>

#include "command.h"
#include "docs.h"
#include "json_out.h"
#include "table.h"

struct values {
    bool list;
    bool json;
};

static const struct option_row rows[] = {
    {'l', "list", NULL, OPTION_FLAG, offsetof(struct values, list), "list all diagnostics", NULL, 0, 0},
    {0, "json", NULL, OPTION_FLAG, offsetof(struct values, json), "print JSON, one object a line", NULL, 0, 0},
    {0},
};

static void add_json(struct text *out, const snapjar_diagnostic_info *info)
{
    json_begin(out, "diagnostic");
    json_number(out, "number", (uint64_t)info->diagnostic);
    json_string(out, "name", info->name);
    json_string(out, "summary", info->summary);
    json_string(out, "explanation", info->explanation);
    json_end(out);
}

static void add_article(struct text *out, const snapjar_diagnostic_info *info)
{
    text_printf(out, "%s (SJ%d)\n  ", info->name, (int)info->diagnostic);
    text_wrap(out, info->summary, 2, 2, DOCS_WIDTH);
    text_puts(out, "\n\n  ");
    text_wrap(out, info->explanation, 2, 2, DOCS_WIDTH);
    text_putc(out, '\n');
}

static void list_all(struct text *out, bool as_json)
{
    static const struct table_column columns[] = {
        {.title = "NUMBER", .is_right = true}, {.title = "NAME"}, {.title = "WHAT IS WRONG", .may_wrap = true}};
    struct table *table = as_json ? NULL : table_new(columns, 3);

    for (size_t i = 0; i < snapjar_diagnostic_count(); i++) {
        const snapjar_diagnostic_info *info = snapjar_diagnostic_at(i);
        if (as_json) {
            add_json(out, info);
            continue;
        }
        text_number(table_cell(table), (uint64_t)info->diagnostic);
        text_puts(table_cell(table), info->name);
        text_puts(table_cell(table), info->summary);
    }
    if (table)
        table_print(table);
    table_free(table);
}

static const char *nearest_name(const char *name)
{
    const char *best = NULL;
    size_t best_distance = SIZE_MAX;

    for (size_t i = 0; i < snapjar_diagnostic_count(); i++) {
        size_t distance = word_distance(name, snapjar_diagnostic_at(i)->name);
        if (distance < best_distance) {
            best_distance = distance;
            best = snapjar_diagnostic_at(i)->name;
        }
    }
    return best && word_is_near(name, best_distance) ? best : NULL;
}

static int explain(struct cli *cli, struct text *out, const char *name, bool as_json)
{
    const snapjar_diagnostic_info *info = snapjar_diagnostic_find(name);

    if (!info) {
        const char *near = nearest_name(name);
        if (near)
            return report_usage(cli, "unknown diagnostic %s: did you mean %s?", name, near);
        return report_usage(cli, "unknown diagnostic %s", name);
    }
    if (as_json) {
        add_json(out, info);
        return EXIT_YES;
    }
    if (out->size)
        text_putc(out, '\n');
    add_article(out, info);
    return EXIT_YES;
}

static int run(struct cli *cli, int argc, char **argv)
{
    struct values values = {0};
    struct string_list names = {0};
    struct text out = {0};
    int code = options_parse(cli, &values, &names, argc, argv);

    if (code < 0 && values.list && names.count)
        code = report_usage(cli, "--list goes without a name");
    if (code < 0 && !values.list && !names.count)
        code = report_usage(cli, "no diagnostic given: name one, or use --list");
    if (code >= 0)
        goto out;
    code = EXIT_YES;
    if (values.list)
        list_all(&out, values.json);
    for (size_t i = 0; i < names.count; i++) {
        int one = explain(cli, &out, names.items[i], values.json);
        code = one > code ? one : code;
    }
    report_print(&out);
out:
    text_free(&out);
    string_list_free(&names);
    return code;
}

static const struct example examples[] = {
    {"Why a file is refused", "snapjar explain header-checksum-mismatch"},
    {NULL, NULL},
};

const struct command command_explain = {
    "explain",
    "say what a diagnostic means and what to do",
    "[OPTION]... NAME|NUMBER...",
    "Every failure ends with the name of its diagnostic in brackets. Says what is wrong, why it happens and what to "
    "do. A diagnostic keeps its number and meaning for ever.",
    rows,
    OPERAND_DIAGNOSTIC,
    examples,
    run,
};
