/* SPDX-License-Identifier: MIT
 *
 * A contract at write time: what is stored must be as the contract says for the version that it is stored as.
 */
#ifndef SJ_SNAPSHOT_PACK_CONTRACT_H
#define SJ_SNAPSHOT_PACK_CONTRACT_H

#include <snapjar/snapshot.h>

/** Type and version that nobody gave are the contract's. Nothing without a contract. */
void sj_pack_contract_resolve(snapjar_pack_options *options);

/**
 * Refuses (SNAPJAR_REFUSED) with `contract-type`, `contract-version` or `contract-drifted` what is not as the contract
 * of the options says. `bytes` are the pickle, whose first byte has offset `base_offset`.
 */
snapjar_status sj_pack_contract_check(snapjar_context *context, const snapjar_pack_options *options, const char *type,
                                      const void *bytes, size_t size, uint64_t base_offset, snapjar_error *err)
    __attribute__((warn_unused_result));

#endif
