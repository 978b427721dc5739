/* SPDX-License-Identifier: MIT
 *
 * Steps 7 and 12 to 14 of the gate, for those who have a contract: type and version, names that only the migrations
 * take away, the migration, and the judgement of what comes out of it.
 */
#ifndef SJ_SNAPSHOT_CONTRACT_GATE_H
#define SJ_SNAPSHOT_CONTRACT_GATE_H

#include <snapjar/migrate.h>

#include "header/header.h"
#include "snapshot/gate.h"

/** How an object of some version gets to be what the contract's program loads. */
typedef struct sj_contract_way {
    const snapjar_contract *contract;
    int64_t from;
    int64_t to;
    /** It is not loaded as it is. */
    bool is_migrated;
} sj_contract_way;

/** From a type (empty: not known) and a version: `unexpected-type` or `migration-version` if there is no way. */
snapjar_status sj_contract_way_find(sj_contract_way *way, const snapjar_contract *contract, snapjar_text type,
                                    int64_t version, snapjar_error *err) __attribute__((warn_unused_result));

/**
 * Judges a scan that has come to its end by the contract's policy, beside which names are admitted that the migrations
 * take away; or by `policy` (may be NULL) for what is loaded as it is. SNAPJAR_REFUSED if it is not allowed.
 */
snapjar_status sj_contract_judge(const sj_contract_way *way, snapjar_scan *scan, const snapjar_policy *policy,
                                 snapjar_error *err) __attribute__((warn_unused_result));

/** The same of what the migrations made: by the policy alone. Offsets are in the new pickle, and the message says so.
 */
snapjar_status sj_contract_judge_made(const sj_contract_way *way, snapjar_scan *scan, const snapjar_policy *policy,
                                      snapjar_error *err) __attribute__((warn_unused_result));

/**
 * Fills `*content` by the gate, whose options have a contract, and migrates it: the content is another one then.
 */
snapjar_status sj_contract_load(const sj_gate *gate, snapjar_content **content, snapjar_error *err)
    __attribute__((warn_unused_result));

/** The protocol of what comes of a pickle of `protocol`. */
int sj_contract_protocol(const sj_contract_way *way, int protocol);

#endif
