/* SPDX-License-Identifier: MIT
 *
 * The source of snapjar(1), for man(7).
 */
#include <string.h>

#include <snapjar/snapjar.h>

#include "docs.h"

/* Text of a page: no line may begin with a control character, hyphens and backslashes are themselves. */
static void add_roff(struct text *out, const char *text)
{
    if (*text == '.' || *text == '\'')
        text_puts(out, "\\&");
    for (const char *p = text; *p; p++) {
        switch (*p) {
        case '\\':
            text_puts(out, "\\e");
            break;
        case '-':
            text_puts(out, "\\-");
            break;
        case '`':
            text_puts(out, "\\(ga");
            break;
        case '\'':
            text_puts(out, "\\(aq");
            break;
        case '~':
            text_puts(out, "\\(ti");
            break;
        case '^':
            text_puts(out, "\\(ha");
            break;
        default:
            text_putc(out, *p);
            break;
        }
    }
}

static void add_line(struct text *out, const char *text)
{
    add_roff(out, text);
    text_putc(out, '\n');
}

static void add_paragraphs(struct text *out, const char *paragraphs)
{
    struct text one = {0};

    for (const char *p = paragraphs; *p;) {
        const char *end = strstr(p, "\n\n");
        size_t size = end ? (size_t)(end - p) : strlen(p);
        text_clear(&one);
        text_add(&one, p, size);
        text_puts(out, ".PP\n");
        add_line(out, text_string(&one));
        p += size + (end ? 2 : 0);
    }
    text_free(&one);
}

static void add_option(struct text *out, const struct option_row *row)
{
    text_puts(out, ".TP\n");
    if (row->short_name)
        text_printf(out, "\\fB\\-%c\\fR, ", row->short_name);
    text_puts(out, "\\fB\\-\\-");
    add_roff(out, row->long_name);
    text_puts(out, "\\fR");
    if (row->argument) {
        text_puts(out, " \\fI");
        add_roff(out, row->argument);
        text_puts(out, "\\fR");
    }
    text_putc(out, '\n');
    add_roff(out, row->help);
    for (const char *p = row->kind == OPTION_CHOICE ? row->choices : ""; *p;) {
        char word[32];
        size_t size = strcspn(p, "|");
        memcpy(word, p, size);
        word[size] = '\0';
        text_puts(out, p == row->choices ? ": \\fB" : ", \\fB");
        add_roff(out, word);
        text_puts(out, "\\fR");
        p += size + (p[size] == '|');
    }
    text_putc(out, '\n');
}

static void add_command(struct text *out, const struct command *command)
{
    text_printf(out, ".SS \"snapjar %s ", command->name);
    add_roff(out, command->synopsis);
    text_puts(out, "\"\n");
    add_paragraphs(out, command->description);
    for (const struct option_row *row = command->options; row->long_name; row++)
        add_option(out, row);
    add_option(out, &option_help_row);
}

static void add_rows(struct text *out, const char *title, const struct docs_row *rows)
{
    text_printf(out, ".SH %s\n", title);
    for (; rows->name; rows++) {
        text_puts(out, ".TP\n\\fB");
        /* A leading dot is safe behind the font. */
        add_roff(out, rows->name);
        text_puts(out, "\\fR\n");
        add_line(out, rows->text);
    }
}

static void add_examples(struct text *out)
{
    const struct command *command;

    text_puts(out, ".SH EXAMPLES\n");
    for (size_t i = 0; (command = command_at(i)); i++) {
        for (const struct example *example = command->examples; example && example->line; example++) {
            text_puts(out, ".PP\n");
            add_roff(out, example->text);
            text_puts(out, ":\n.PP\n.in +4n\n.EX\n");
            add_line(out, example->line);
            text_puts(out, ".EE\n.in\n");
        }
    }
}

void docs_man(struct text *out)
{
    const struct command *command;

    text_printf(
        out, ".\\\" Made by `snapjar help --man`: do not edit.\n.TH SNAPJAR 1 \"\" \"snapjar %s\" \"User Commands\"\n",
        snapjar_version());
    text_puts(out, ".SH NAME\nsnapjar \\- ");
    add_line(out, docs_summary);
    text_puts(out, ".SH SYNOPSIS\n.B snapjar\n\\fICOMMAND\\fR [\\fIOPTION\\fR]... [\\fIARGUMENT\\fR]...\n");
    text_puts(out, ".SH DESCRIPTION\n");
    add_paragraphs(out, docs_description);
    text_puts(out, ".SH COMMANDS\n");
    for (size_t i = 0; (command = command_at(i)); i++)
        add_command(out, command);
    add_rows(out, "EXIT STATUS", docs_exit_codes);
    text_puts(out, ".PP\nOf many files, the highest code counts.\n");
    add_rows(out, "ENVIRONMENT", docs_environment);
    add_rows(out, "FILES", docs_files);
    add_examples(out);
    text_puts(out, ".SH SEE ALSO\n.BR zstd (1),\n.BR python3 (1)\n");
}
