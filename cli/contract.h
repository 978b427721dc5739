/* SPDX-License-Identifier: MIT
 *
 * What the actions of snapjar contract share. Called by cmd_contract.c only.
 */
#ifndef CLI_CONTRACT_H
#define CLI_CONTRACT_H

#include "batch.h"

struct contract_values {
    struct batch_values batch;
    struct option_number as_version;
    int encoding;
    uint64_t max_size;
    bool current;
    bool json;
    bool quiet;
};

/** contract check CONTRACT PATH...: `operands` are those behind "check". */
int contract_check(struct cli *cli, const struct contract_values *values, const struct string_list *operands);

/** contract infer PATH...: `operands` are those behind "infer". */
int contract_infer(struct cli *cli, const struct contract_values *values, const struct string_list *operands);

/** contract bump CONTRACT OLD NEW: `operands` are those behind "bump". */
int contract_bump(struct cli *cli, const struct contract_values *values, const struct string_list *operands);

#endif
