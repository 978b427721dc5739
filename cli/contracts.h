/* SPDX-License-Identifier: MIT
 *
 * Contracts on the command line: reading one from a file, and telling what it says of an object.
 */
#ifndef CLI_CONTRACTS_H
#define CLI_CONTRACTS_H

#include <snapjar/snapjar.h>

#include "command.h"

/**
 * Reads the contract in a file. `*text` (may be NULL) is what is in the file, for free. Returns -1 to go on, or an exit
 * code after it told what is wrong; `*contract` is then NULL.
 */
int contracts_read(struct cli *cli, snapjar_context *context, const char *path, snapjar_contract **contract,
                   char **text);

/** Adds the versions that an object of `version` goes through: "0 -> 1 -> 2". */
void contracts_add_chain(struct text *out, const snapjar_contract *contract, int64_t version);

/** Adds the lines of all findings, each with the lists of fields if it is about them. */
void contracts_add_findings(struct text *out, const snapjar_assessment *assessment, const char *content);

/** Adds state, versions, chain and findings to an object. */
void contracts_add_json(struct text *out, const snapjar_contract *contract, const snapjar_assessment *assessment);

#endif
