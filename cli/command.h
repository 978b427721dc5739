/* SPDX-License-Identifier: MIT
 *
 * The table of commands. Each command is one file with one `struct command`: its texts and its rows of options are
 * the only source of --help, the man page and the completions.
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include <stddef.h>

#include "options.h"
#include "report.h"

/** What a command line as a whole works with. */
struct cli {
    const struct command *command;
    struct report report;
};

struct example {
    const char *text;
    const char *line;
};

struct command {
    const char *name;
    /** A few words, for the list of commands. */
    const char *summary;
    /** What follows "snapjar NAME" in the usage line, as "[OPTION]... FILE...". */
    const char *synopsis;
    /** Paragraphs, with an empty line between two. */
    const char *description;
    /** Ends with a row without name. */
    const struct option_row *options;
    /** What the operands are, for completion. */
    enum operand_kind operands;
    /** Ends with a row without line. */
    const struct example *examples;
    /** Runs it; argv[0] is the command's name. Returns the exit code. */
    int (*run)(struct cli *cli, int argc, char **argv);
};

extern const struct command command_pack, command_unpack, command_info, command_ls, command_verify, command_scan,
    command_report, command_doctor, command_append, command_recover, command_keygen, command_seal, command_unseal,
    command_show, command_diff, command_dis, command_transcode, command_migrate, command_explain, command_help,
    command_version;
extern const struct command command_contract;

/** Command `index` of the table, or NULL beyond its end. */
const struct command *command_at(size_t index);
const struct command *command_find(const char *name);
/** The command whose name is nearest, or NULL if none is near. */
const struct command *command_nearest(const char *name);

#endif
