/* SPDX-License-Identifier: MIT
 *
 * Completion for bash and zsh.
 */
#include <string.h>

#include <snapjar/snapjar.h>

#include "docs.h"

static void add_words(struct text *out, const char *choices)
{
    for (const char *p = choices; *p; p++)
        text_putc(out, *p == '|' ? ' ' : *p);
}

static void add_command_names(struct text *out)
{
    for (size_t i = 0; command_at(i); i++)
        text_printf(out, "%s%s", i ? " " : "", command_at(i)->name);
}

/* What the first operand of contract may be; others are files. */
static const char contract_actions[] = "infer check bump";

static void add_diagnostic_names(struct text *out)
{
    for (size_t i = 0; i < snapjar_diagnostic_count(); i++)
        text_printf(out, "%s%s", i ? " " : "", snapjar_diagnostic_at(i)->name);
}

/* ---- bash ---- */

static void bash_option_values(struct text *out, const struct command *command)
{
    for (const struct option_row *row = command->options; row->long_name; row++) {
        if (!row->argument)
            continue;
        text_printf(out, "    '%s --%s'", command->name, row->long_name);
        if (row->short_name)
            text_printf(out, " | '%s -%c'", command->name, row->short_name);
        text_puts(out, ")\n");
        if (row->choices) {
            text_puts(out, "        words='");
            add_words(out, row->choices);
            text_puts(out, "'\n");
        } else if (row->kind != OPTION_FILE) {
            /* Nothing to offer; an empty answer would become file names. */
            text_puts(out, "        compopt +o default +o bashdefault 2>/dev/null\n        return\n");
        } else {
            text_puts(out, "        return\n");
        }
        text_puts(out, "        ;;\n");
    }
}

static void bash_command(struct text *out, const struct command *command)
{
    text_printf(out, "        %s) words='", command->name);
    for (const struct option_row *row = command->options; row->long_name; row++)
        text_printf(out, "--%s ", row->long_name);
    text_printf(out, "--%s' ;;\n", option_help_row.long_name);
}

static void bash_operands(struct text *out, const struct command *command)
{
    if (command->operands == OPERAND_NONE || command->operands == OPERAND_FILE)
        return;
    text_printf(out, "        %s) words='", command->name);
    if (command->operands == OPERAND_COMMAND)
        add_command_names(out);
    else if (command->operands == OPERAND_CONTRACT)
        text_puts(out, contract_actions);
    else
        add_diagnostic_names(out);
    text_puts(out, "' ;;\n");
}

void docs_bash(struct text *out)
{
    text_puts(out, "# bash completion for snapjar, made by `snapjar help --complete-bash`: do not edit.\n"
                   "_snapjar()\n"
                   "{\n"
                   "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command= words= i\n"
                   "    COMPREPLY=()\n"
                   "    # \"--option=value\" comes as three words.\n"
                   "    if [[ $cur == '=' ]]; then\n"
                   "        cur=\n"
                   "    elif [[ $prev == '=' ]]; then\n"
                   "        prev=${COMP_WORDS[COMP_CWORD-2]}\n"
                   "    fi\n"
                   "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
                   "        if [[ ${COMP_WORDS[i]} != -* ]]; then\n"
                   "            command=${COMP_WORDS[i]}\n"
                   "            break\n"
                   "        fi\n"
                   "    done\n"
                   "    case \"$command $prev\" in\n");
    for (size_t i = 0; command_at(i); i++)
        bash_option_values(out, command_at(i));
    text_puts(out, "    esac\n"
                   "    if [[ -z $command ]]; then\n"
                   "        words='--help --version ");
    add_command_names(out);
    text_puts(out, "'\n"
                   "    elif [[ -z $words && $cur == -* ]]; then\n"
                   "        case $command in\n");
    for (size_t i = 0; command_at(i); i++)
        bash_command(out, command_at(i));
    text_puts(out, "        esac\n"
                   "    elif [[ -z $words ]]; then\n"
                   "        case $command in\n");
    for (size_t i = 0; command_at(i); i++)
        bash_operands(out, command_at(i));
    text_puts(out, "        *) return ;;\n"
                   "        esac\n"
                   "    fi\n"
                   "    while IFS= read -r i; do\n"
                   "        COMPREPLY+=(\"$i\")\n"
                   "    done < <(compgen -W \"$words\" -- \"$cur\")\n"
                   "}\n"
                   "complete -o bashdefault -o default -F _snapjar snapjar\n");
}

/* ---- zsh ---- */

/* Text inside single quotes and brackets of an _arguments specification. */
static void zsh_text(struct text *out, const char *text)
{
    for (const char *p = text; *p; p++) {
        if (*p == '\'')
            text_puts(out, "'\\''");
        else if (strchr("[]:\\", *p))
            text_printf(out, "\\%c", *p);
        else
            text_putc(out, *p);
    }
}

static void zsh_option(struct text *out, const struct option_row *row)
{
    const char *plus = row->argument ? "+" : "";
    const char *equals = row->argument ? "=" : "";

    text_puts(out, "            ");
    if (row->short_name && row->kind == OPTION_LIST)
        text_printf(out, "'*'{-%c%s,--%s%s}", row->short_name, plus, row->long_name, equals);
    else if (row->short_name)
        text_printf(out, "'(-%c --%s)'{-%c%s,--%s%s}", row->short_name, row->long_name, row->short_name, plus,
                    row->long_name, equals);
    else
        text_printf(out, "'%s--%s%s'", row->kind == OPTION_LIST ? "*" : "", row->long_name, equals);
    text_puts(out, "'[");
    zsh_text(out, row->help);
    text_puts(out, "]");
    if (row->argument) {
        text_puts(out, ":");
        zsh_text(out, row->argument);
        text_puts(out, ":");
        if (row->choices) {
            text_puts(out, "(");
            add_words(out, row->choices);
            text_puts(out, ")");
        } else if (row->kind == OPTION_FILE) {
            text_puts(out, "_files");
        }
    }
    text_puts(out, "' \\\n");
}

static void zsh_command(struct text *out, const struct command *command)
{
    text_printf(out, "        %s)\n            _arguments -s \\\n", command->name);
    for (const struct option_row *row = command->options; row->long_name; row++)
        zsh_option(out, row);
    zsh_option(out, &option_help_row);
    text_puts(out, "            ");
    switch (command->operands) {
    case OPERAND_NONE:
        text_puts(out, "&& return\n");
        break;
    case OPERAND_FILE:
        text_puts(out, "'*:file:_files'\n");
        break;
    case OPERAND_COMMAND:
        text_puts(out, "'*:command:(");
        add_command_names(out);
        text_puts(out, ")'\n");
        break;
    case OPERAND_CONTRACT:
        text_printf(out, "'1:action:(%s)' '*:file:_files'\n", contract_actions);
        break;
    case OPERAND_DIAGNOSTIC:
        text_puts(out, "'*:diagnostic:(");
        add_diagnostic_names(out);
        text_puts(out, ")'\n");
        break;
    }
    text_puts(out, "            ;;\n");
}

void docs_zsh(struct text *out)
{
    text_puts(out, "#compdef snapjar\n"
                   "# zsh completion for snapjar, made by `snapjar help --complete-zsh`: do not edit.\n"
                   "_snapjar()\n"
                   "{\n"
                   "    local curcontext=$curcontext state line\n"
                   "    local -a commands\n"
                   "    _arguments -C '1:command:->command' '*::argument:->argument' && return\n"
                   "    case $state in\n"
                   "    command)\n"
                   "        commands=(\n");
    for (size_t i = 0; command_at(i); i++) {
        text_printf(out, "            '%s:", command_at(i)->name);
        zsh_text(out, command_at(i)->summary);
        text_puts(out, "'\n");
    }
    text_puts(out, "        )\n"
                   "        _describe command commands\n"
                   "        ;;\n"
                   "    argument)\n"
                   "        case $words[1] in\n");
    for (size_t i = 0; command_at(i); i++)
        zsh_command(out, command_at(i));
    text_puts(out, "        esac\n"
                   "        ;;\n"
                   "    esac\n"
                   "}\n"
                   "_snapjar \"$@\"\n");
}
