/* SPDX-License-Identifier: MIT
 *
 * What people and shells are told about the commands, all of it made from the table of commands.
 */
#ifndef CLI_DOCS_H
#define CLI_DOCS_H

#include "command.h"

/** Width that --help keeps to. */
#define DOCS_WIDTH 80

/** A name and what it means, for the sections that all commands share. Ends with a row without name. */
struct docs_row {
    const char *name;
    const char *text;
};

extern const struct docs_row docs_exit_codes[];
extern const struct docs_row docs_environment[];
extern const struct docs_row docs_files[];
extern const char docs_summary[];
extern const char docs_description[];

/** The help of one command. */
void docs_help(struct text *out, const struct command *command);
/** The list of commands and what they share. */
void docs_overview(struct text *out);
/** The source of snapjar(1). */
void docs_man(struct text *out);
void docs_bash(struct text *out);
void docs_zsh(struct text *out);

/** Prints the help of `command`, or the list if it is NULL. Returns the exit code. */
int docs_print_help(struct cli *cli, const struct command *command);

#endif
