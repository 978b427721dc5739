/* SPDX-License-Identifier: MIT
 *
 * Several contracts, one for each type of object: for commands that meet objects of many types, report and doctor.
 */
#ifndef CLI_CONTRACT_SET_H
#define CLI_CONTRACT_SET_H

#include <snapjar/snapjar.h>

#include "command.h"

struct contract_set {
    snapjar_contract **items;
    size_t count;
};

/* clang-format off */
#define CONTRACT_SET_OPTION_ROW(values_type, member)                                                                   \
    {0, "contract", "FILE", OPTION_LIST, offsetof(values_type, member),                                                \
     "hold objects of its type against the contract in FILE; repeatable", NULL, 0, 0}
/* clang-format on */

/**
 * Reads the contracts in `paths`. Returns -1 to go on, or an exit code after it told what is wrong: a contract that is
 * wrong, or a second one for a type. Free the set in any case, before the context.
 */
int contract_set_read(struct cli *cli, snapjar_context *context, const struct string_list *paths,
                      struct contract_set *set);
void contract_set_free(struct contract_set *set);

/** The contract for a type and version (or SNAPJAR_VERSION_UNKNOWN), or else one that gives the type another name; or
 * NULL. */
const snapjar_contract *contract_set_find(const struct contract_set *set, const char *type, size_t size,
                                          int64_t version);

/**
 * Checks the object that the current pickle is, which must have been read whole. `type` is the contract's own, so that
 * only the version of a record's header counts. Free the assessment.
 */
snapjar_status contract_set_assess(const snapjar_contract *contract, snapjar_context *context, const void *bytes,
                                   size_t size, snapjar_string_encoding encoding, int64_t version,
                                   snapjar_assessment **assessment, snapjar_error *err);

/** Adds what the first finding says, and how many there are. */
void contract_set_add_finding(struct text *out, const snapjar_assessment *assessment);

#endif
