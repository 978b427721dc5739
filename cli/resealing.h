/* SPDX-License-Identifier: MIT
 *
 * Files that get another seal and are replaced: what seal and unseal share. Payloads are copied as they stand.
 */
#ifndef CLI_RESEALING_H
#define CLI_RESEALING_H

#include "limits.h"
#include "many.h"
#include "sealing.h"

/** The options of both; a member of their structs of options. */
struct resealing_values {
    struct option_number jobs;
    struct header_limit_values header;
    bool is_detached;
    bool no_sync;
    bool json;
};

/* clang-format off */
#define RESEALING_OPTION_ROWS(values_type, member)                                                                     \
    MANY_OPTION_ROW(values_type, member.jobs),                                                                         \
    {0, "detached", NULL, OPTION_FLAG, offsetof(values_type, member.is_detached),                                      \
     "the seal of FILE is a file of its own, FILE.seal; FILE itself stays as it is", NULL, 0, 0},                      \
    HEADER_LIMIT_ROWS(values_type, member.header),                                                                     \
    {0, "no-sync", NULL, OPTION_FLAG, offsetof(values_type, member.no_sync), "do not wait until the disk has it",      \
     NULL, 0, 0},                                                                                                      \
    {0, "json", NULL, OPTION_FLAG, offsetof(values_type, member.json), "print JSON, one object for each file", NULL,   \
     0, 0}
/* clang-format on */

struct resealing {
    struct cli *cli;
    const struct resealing_values *values;
    /** For the progress line: "sealing". */
    const char *verb;
    /** The kind of JSON object, and its member with what `rewrite` counted. */
    const char *kind;
    const char *counted;
    /** To seal with; NULL: seals are taken off. */
    const struct sealing *sealing;
    /** Of these; NULL: all. */
    const char *key_id;
    snapjar_seal_options options;
};

/** Reseals all that is behind `paths`. Returns the exit code. */
int resealing_run(const struct resealing *resealing, const struct string_list *paths);

#endif
