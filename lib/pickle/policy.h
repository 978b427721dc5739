/* SPDX-License-Identifier: MIT
 *
 * What a policy is inside the library: rules by exact name in a table. policy.c makes and asks them, judge.c judges.
 */
#ifndef SJ_PICKLE_POLICY_H
#define SJ_PICKLE_POLICY_H

#include <snapjar/policy.h>

#include "util/context.h"
#include "util/error.h"

/** A code of copyreg's registry. */
typedef struct sj_extension {
    uint32_t code;
    char *module;
    /** Behind the module, in the same block. */
    char *name;
} sj_extension;

struct snapjar_policy {
    snapjar_context *context;
    snapjar_policy_rule *rules;
    size_t rule_count;
    size_t rule_capacity;
    /** Index + 1 by module and name: open addressing. The author is trusted, so the hash is not seeded. */
    uint32_t *table;
    size_t table_capacity;
    sj_extension *extensions;
    size_t extension_count;
    size_t extension_capacity;
    bool allows_persistent_ids;
    bool allows_buffers;
};

/** Whether a global is allowed though no rule says so. */
typedef bool sj_policy_admit(void *state, snapjar_text module, snapjar_text name);

/** snapjar_policy_judge, with names beside the rules; `admit` may be NULL. */
snapjar_status sj_policy_judge(const snapjar_policy *policy, snapjar_scan *scan, sj_policy_admit *admit, void *state,
                               snapjar_judgement **judgement, snapjar_error *err) __attribute__((warn_unused_result));

/** The uses that are allowed of this global; 0 without a rule. */
unsigned sj_policy_uses(const snapjar_policy *policy, snapjar_text module, snapjar_text name);

/** Whether a policy can name it: a rule has no other characters than names have. */
bool sj_policy_is_name(snapjar_text text);

/** The global that a code stands for, or NULL. */
const sj_extension *sj_policy_extension(const snapjar_policy *policy, uint32_t code);

#endif
