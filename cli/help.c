/* SPDX-License-Identifier: MIT
 *
 * --help, and the texts that it shares with the man page.
 */
#include <string.h>

#include "docs.h"

#define NAME_COLUMN 2
#define TEXT_COLUMN 28

const char docs_summary[] = "wrap pickles in checked, self-describing snapshot files";

const char docs_description[] =
    "snapjar puts a Python pickle in a jar with a label on it: a header that says what the object is, who wrote it "
    "and how its bytes must look, in front of the compressed pickle. Any damage shows before anything is loaded, and "
    "the bytes of the pickle come back exactly as they were. No pickle is ever run.\n\n"
    "A snapshot file holds one or more records and is a valid Zstandard stream: `zstd -dc` gives the pickles without "
    "this program. The name - stands for standard input or standard output.";

const struct docs_row docs_exit_codes[] = {
    {"0", "the answer is yes: everything asked for was done, everything checked is whole"},
    {"1", "the answer is no: something is damaged, cut short, of another or a newer format, or not there"},
    {"2", "trouble: wrong usage, input or output failed, out of memory, over a limit; what was not analysed is never "
          "called whole"},
    {NULL, NULL},
};

const struct docs_row docs_environment[] = {
    {"SOURCE_DATE_EPOCH", "seconds since 1970 that pack and append write as the time of creation, and that report "
                          "reckons ages from, instead of "
                          "the clock's"},
    {"SNAPJAR_PASSPHRASE", "the passphrase of secret keys, where none is given by an option"},
    {"NO_COLOR", "if set to anything, no colours on a terminal"},
    {"TMPDIR", "where unlinked temporary files go when pipes or large inputs are spooled (/var/tmp if not set)"},
    {NULL, NULL},
};

const struct docs_row docs_files[] = {
    {"NAME.snapjar", "a snapshot file"},
    {".NAME.snapjar-XXXXXX",
     "a file being written; left behind only when the system stops at that moment, and then safe to remove"},
    {"NAME.snapjar.torn-OFFSET",
     "bytes that append --repair cut off the end of a file; if that is there, with -2 and so on"},
    {NULL, NULL},
};

static void add_paragraphs(struct text *out, const char *paragraphs)
{
    struct text one = {0};

    for (const char *p = paragraphs; *p;) {
        const char *end = strstr(p, "\n\n");
        size_t size = end ? (size_t)(end - p) : strlen(p);
        text_clear(&one);
        text_add(&one, p, size);
        text_putc(out, '\n');
        text_wrap(out, text_string(&one), 0, 0, DOCS_WIDTH);
        text_putc(out, '\n');
        p += size + (end ? 2 : 0);
    }
    text_free(&one);
}

/* Two columns: the name that begins at `begin` of `out`, and its text. */
static void add_column(struct text *out, size_t begin, size_t column, const char *text)
{
    size_t used = out->size - begin;

    if (used + 2 > column) {
        text_putc(out, '\n');
        used = 0;
    }
    text_repeat(out, ' ', column - used);
    text_wrap(out, text, column, column, DOCS_WIDTH);
    text_putc(out, '\n');
}

static void add_rows(struct text *out, const char *title, const struct docs_row *rows, size_t column)
{
    text_printf(out, "\n%s:\n", title);
    for (; rows->name; rows++) {
        size_t begin = out->size;
        text_printf(out, "  %s", rows->name);
        add_column(out, begin, column, rows->text);
    }
}

static void add_option(struct text *out, const struct option_row *row)
{
    struct text help = {0};
    size_t begin = out->size;

    text_repeat(out, ' ', NAME_COLUMN);
    if (row->short_name)
        text_printf(out, "-%c, ", row->short_name);
    else
        text_puts(out, "    ");
    text_printf(out, "--%s", row->long_name);
    if (row->argument)
        text_printf(out, " %s", row->argument);
    text_puts(&help, row->help);
    if (row->kind == OPTION_CHOICE) {
        text_puts(&help, ": ");
        for (const char *p = row->choices; *p; p++) {
            if (*p == '|')
                text_puts(&help, ", ");
            else
                text_putc(&help, *p);
        }
    }
    add_column(out, begin, TEXT_COLUMN, text_string(&help));
    text_free(&help);
}

void docs_help(struct text *out, const struct command *command)
{
    text_printf(out, "Usage: snapjar %s %s\n", command->name, command->synopsis);
    add_paragraphs(out, command->description);
    text_puts(out, "\nOptions:\n");
    for (const struct option_row *row = command->options; row->long_name; row++)
        add_option(out, row);
    add_option(out, &option_help_row);
    if (command->examples && command->examples->line)
        text_puts(out, "\nExamples:\n");
    for (const struct example *example = command->examples; example && example->line; example++) {
        text_puts(out, "  ");
        text_wrap(out, example->text, 2, 2, DOCS_WIDTH);
        text_printf(out, ":\n    %s\n", example->line);
    }
}

void docs_overview(struct text *out)
{
    const struct command *command;

    text_puts(out, "Usage: snapjar COMMAND [OPTION]... [ARGUMENT]...\n");
    add_paragraphs(out, docs_description);
    text_puts(out, "\nCommands:\n");
    for (size_t i = 0; (command = command_at(i)); i++) {
        size_t begin = out->size;
        text_printf(out, "  %s", command->name);
        add_column(out, begin, 13, command->summary);
    }
    add_rows(out, "Exit codes", docs_exit_codes, 6);
    text_puts(out, "\n`snapjar COMMAND --help` says more about each command.\n");
}

int docs_print_help(struct cli *cli, const struct command *command)
{
    struct text out = {0};

    if (command)
        docs_help(&out, command);
    else
        docs_overview(&out);
    report_print(&out);
    text_free(&out);
    return cli->report.exit_code;
}
