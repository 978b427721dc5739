/* SPDX-License-Identifier: MIT
 *
 * snapjar help: the help of a command, the list of them, and what packagers install.
 */
#include <stdbool.h>

#include "command.h"
#include "docs.h"

struct values {
    bool man;
    bool bash;
    bool zsh;
};

static const struct option_row rows[] = {
    {0, "man", NULL, OPTION_FLAG, offsetof(struct values, man), "for packagers: print the source of the man page", NULL,
     0, 0},
    {0, "complete-bash", NULL, OPTION_FLAG, offsetof(struct values, bash),
     "for packagers: print the completion for bash", NULL, 0, 0},
    {0, "complete-zsh", NULL, OPTION_FLAG, offsetof(struct values, zsh), "for packagers: print the completion for zsh",
     NULL, 0, 0},
    {0},
};

static int print_made(struct cli *cli, void make(struct text *out))
{
    struct text out = {0};

    make(&out);
    report_print(&out);
    text_free(&out);
    return cli->report.exit_code;
}

static int help_about(struct cli *cli, const char *name)
{
    const struct command *command = command_find(name);

    if (command)
        return docs_print_help(cli, command);
    const struct command *near = command_nearest(name);
    if (near)
        return report_usage(cli, "unknown command %s: did you mean %s?", name, near->name);
    return report_usage(cli, "unknown command %s", name);
}

static int run(struct cli *cli, int argc, char **argv)
{
    struct values values = {0};
    struct string_list names = {0};
    int code = options_parse(cli, &values, &names, argc, argv);

    if (code >= 0)
        goto out;
    if (values.man)
        code = print_made(cli, docs_man);
    else if (values.bash)
        code = print_made(cli, docs_bash);
    else if (values.zsh)
        code = print_made(cli, docs_zsh);
    else if (!names.count)
        code = docs_print_help(cli, NULL);
    else if (names.count > 1)
        code = report_usage(cli, "one command at a time: not %s as well", names.items[1]);
    else
        code = help_about(cli, names.items[0]);
out:
    string_list_free(&names);
    return code;
}

static const struct example examples[] = {
    {"What verify does and which options it has", "snapjar help verify"},
    {NULL, NULL},
};

const struct command command_help = {
    "help",      "say what the commands do",
    "[COMMAND]", "Lists the commands, or says what COMMAND does and which options it has.",
    rows,        OPERAND_COMMAND,
    examples,    run,
};
