/* SPDX-License-Identifier: MIT
 *
 * Options as rows: what they are called, what they take, where the value goes, and their help. Parsing is one loop over
 * getopt_long; nothing here knows a particular command.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stddef.h>
#include <stdint.h>

struct cli;

enum option_kind {
    /** bool: set to true. */
    OPTION_FLAG,
    /** const char *. */
    OPTION_TEXT,
    /** const char *, the name of a file. */
    OPTION_FILE,
    /** struct string_list: may be given several times. */
    OPTION_LIST,
    /** struct option_number: an integer from `minimum` to `maximum`. */
    OPTION_NUMBER,
    /** uint64_t: bytes, with K, M, G, T as factors of 1024. */
    OPTION_SIZE,
    /** int: the place of the word in `choices`, from 1; 0 if not given. */
    OPTION_CHOICE
};

/** What completion offers for operands. */
enum operand_kind { OPERAND_NONE, OPERAND_FILE, OPERAND_COMMAND, OPERAND_DIAGNOSTIC, OPERAND_CONTRACT };

struct option_row {
    /** 0 if there is no short form. */
    char short_name;
    const char *long_name;
    /** What the argument is called in help; NULL: takes none. */
    const char *argument;
    enum option_kind kind;
    /** Where the value goes in the command's struct of options. */
    size_t offset;
    const char *help;
    /** OPTION_CHOICE: the words, divided by '|'. OPTION_TEXT: the same, only offered by completion. */
    const char *choices;
    int64_t minimum;
    int64_t maximum;
};

struct string_list {
    const char **items;
    size_t count;
};

struct option_number {
    int64_t value;
    int is_given;
};

/** The row that every command has and none lists. */
extern const struct option_row option_help_row;

void string_list_add(struct string_list *list, const char *string);
void string_list_free(struct string_list *list);

/**
 * Reads the options of `cli->command` into `values` and everything else into `operands` (free it in any case). Returns
 * -1 to go on, or an exit code: after --help, or after a mistake, which is then reported.
 */
int options_parse(struct cli *cli, void *values, struct string_list *operands, int argc, char **argv);

/** How far two words are apart: insertions, removals, replacements and swaps of neighbours. */
size_t word_distance(const char *a, const char *b);

/** True if a word at this distance may be meant by somebody who typed `typed`. */
int word_is_near(const char *typed, size_t distance);

#endif
