/* SPDX-License-Identifier: MIT
 *
 * The gate's questions to a contract.
 */
#include "snapshot/contract_gate.h"

#include <stdio.h>
#include <string.h>

#include "migrate/chain.h"
#include "pickle/policy.h"
#include "snapshot/analysis.h"

/* Bytes of a type that a message shows. */
#define SHOWN_SIZE 100

snapjar_status sj_contract_way_find(sj_contract_way *way, const snapjar_contract *contract, snapjar_text type,
                                    int64_t version, snapjar_error *err)
{
    char shown[SHOWN_SIZE + 1];

    *way = (sj_contract_way){contract, version, snapjar_contract_schema_version(contract), false};
    if (type.size && !snapjar_contract_takes_type(contract, type.data, type.size, version)) {
        (void)snapjar_text_escape(shown, sizeof(shown), type.data, type.size);
        return sj_raise(err, SNAPJAR_REFUSED, SNAPJAR_DIAG_UNEXPECTED_TYPE, SJ_NOWHERE,
                        "the type is %s, the contract is for %s", shown, snapjar_contract_type(contract));
    }
    SJ_TRY(sj_chain_check_version(contract, version, err));
    way->is_migrated = !snapjar_contract_accepts(contract, version);
    if (!way->is_migrated)
        way->to = version;
    return SNAPJAR_OK;
}

static bool admit(void *state, snapjar_text module, snapjar_text name)
{
    const sj_contract_way *way = state;

    return sj_chain_admits(way->contract, way->from, module, name);
}

snapjar_status sj_contract_judge(const sj_contract_way *way, snapjar_scan *scan, const snapjar_policy *policy,
                                 snapjar_error *err)
{
    sj_contract_way asked = *way;
    const snapjar_policy *own = snapjar_contract_policy(way->contract);
    snapjar_verification result = {0};

    if (way->is_migrated)
        SJ_TRY(sj_analysis_judge_admitting(scan, own, admit, &asked, &result, err));
    else
        SJ_TRY(sj_analysis_judge(scan, policy ? policy : own, &result, err));
    if (result.is_allowed)
        return SNAPJAR_OK;
    if (err)
        *err = result.reason;
    return result.reason.status;
}

snapjar_status sj_contract_judge_made(const sj_contract_way *way, snapjar_scan *scan, const snapjar_policy *policy,
                                      snapjar_error *err)
{
    const sj_contract_way arrived = {way->contract, way->to, way->to, false};
    snapjar_error fault;
    snapjar_status status = sj_contract_judge(&arrived, scan, policy, &fault);

    if (status == SNAPJAR_OK || !err)
        return status;
    *err = fault;
    if (way->is_migrated && status == SNAPJAR_REFUSED)
        (void)snprintf(err->message, sizeof(err->message), "what the migrations make of it: %.*s",
                       (int)sizeof(err->message) - 64, fault.message);
    return status;
}

int sj_contract_protocol(const sj_contract_way *way, int protocol)
{
    int asked = way->is_migrated ? sj_chain_protocol(way->contract, way->from) : -1;

    return asked >= 0 ? asked : protocol;
}
