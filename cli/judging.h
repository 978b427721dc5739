/* SPDX-License-Identifier: MIT
 *
 * Policies on the command line: the options that verify, unpack and scan share, and what they come to.
 */
#ifndef CLI_JUDGING_H
#define CLI_JUDGING_H

#include <snapjar/snapjar.h>

#include "command.h"

/** The options; the member `judging` of a command's struct of options. */
struct judging_values {
    struct string_list policies;
    struct string_list allowed;
    struct string_list presets;
};

#define JUDGING_ROW(values_type, name, argument, member, help, choices)                                                \
    {                                                                                                                  \
        0, name, argument, OPTION_LIST, offsetof(values_type, judging.member), help, choices, 0, 0                     \
    }

#define JUDGING_OPTION_ROWS(values_type)                                                                               \
    JUDGING_ROW(values_type, "policy", "FILE", policies, "allow what the policy FILE allows; repeatable", NULL),       \
        JUDGING_ROW(values_type, "allow", "GLOBAL", allowed,                                                           \
                    "allow MODULE:NAME to be made and filled as a class, or MODULE:NAME=USE,... for exactly these "    \
                    "uses: import, call, new, build, setitem, append, argument; repeatable",                           \
                    NULL),                                                                                             \
        JUDGING_ROW(values_type, "preset", "NAME", presets,                                                            \
                    "allow a preset that is not on by default (scan --list-presets shows them); repeatable", NULL)

/** Whether any of the options was given. */
bool judging_is_wanted(const struct judging_values *values);

/** Frees the lists. */
void judging_free(struct judging_values *values);

/**
 * Makes the policy, with the presets that are made for everyone if `with_defaults`. Returns -1 to go on, or an exit
 * code after it told what is wrong; `*policy` is then NULL.
 */
int judging_make(struct cli *cli, const struct judging_values *values, bool with_defaults, snapjar_context *context,
                 snapjar_policy **policy);

#endif
