/* SPDX-License-Identifier: MIT
 *
 * The migrations of a contract from one version to the current one, as one thing.
 */
#ifndef SJ_MIGRATE_CHAIN_H
#define SJ_MIGRATE_CHAIN_H

#include <snapjar/contract.h>

#include "util/error.h"

/** Whether a name may be in what the chain begins with: it is a class of that version, or a migration on the way
 * changes its objects or takes it away. What comes out is judged without this. */
bool sj_chain_admits(const snapjar_contract *contract, int64_t from, snapjar_text module, snapjar_text name);

/**
 * From protocol 3 on, which no Python 2 reads, instances as Python 2 wrote them (INST, OBJ) without arguments become
 * what Python 3 writes (NEWOBJ), if the contract describes their class with a state: such a class need not allow calls.
 */
snapjar_status sj_chain_renew_instances(const snapjar_contract *contract, snapjar_graph *graph, int protocol,
                                        snapjar_error *err) __attribute__((warn_unused_result));

/** The protocol that the chain asks for; -1 if it asks for none. */
int sj_chain_protocol(const snapjar_contract *contract, int64_t from);

/** `migration-version` unless the version is accepted or a chain leads from it. */
snapjar_status sj_chain_check_version(const snapjar_contract *contract, int64_t from, snapjar_error *err);

/** `contract-mismatch` unless the graph is as the contract describes this version, which is the current or accepted. */
snapjar_status sj_chain_check_layout(const snapjar_contract *contract, const snapjar_graph *graph, int64_t version,
                                     snapjar_error *err);

#endif
