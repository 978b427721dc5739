/* SPDX-License-Identifier: MIT
 *
 * Fuzzes the reading of policy files: what is taken is a list of exact names with uses, says the same when it is
 * written out and read again, and allows no more than its rules say. Input: the policy file.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <snapjar/policy.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** abort() is what a fuzzer sees also where assert is compiled out. */
static void require(bool holds)
{
    if (!holds)
        abort();
}

static snapjar_policy *new_policy(snapjar_context *context)
{
    snapjar_policy *policy;
    require(snapjar_policy_new(&policy, context, NULL) == SNAPJAR_OK);
    return policy;
}

/** No rule may be wider than a name. */
static void check_rule(const snapjar_policy_rule *rule)
{
    require((rule->uses & SNAPJAR_USES(SNAPJAR_USE_IMPORT)) != 0 && (rule->uses & ~SNAPJAR_USES_ALL) == 0);
    require(rule->module[0] != '\0' && rule->name[0] != '\0');
    require(strpbrk(rule->module, "*? \t\n\\\"':") == NULL);
    require(strpbrk(rule->name, "*? \t\n\\\"':") == NULL);
    require(strlen(rule->module) <= SNAPJAR_SCAN_NAME_SIZE_MAX && strlen(rule->name) <= SNAPJAR_SCAN_NAME_SIZE_MAX);
}

static bool is_rule(const snapjar_policy_rule *rule, const char *module, const char *name)
{
    return strcmp(rule->module, module) == 0 && strcmp(rule->name, name) == 0;
}

/** The uses that its rules give a name, and whether there is at most one rule for it. */
static unsigned uses_of(const snapjar_policy *policy, const char *module, const char *name)
{
    unsigned uses = 0;
    for (size_t i = 0; i < snapjar_policy_rule_count(policy); i++) {
        const snapjar_policy_rule *rule = snapjar_policy_rule_at(policy, i);
        require(uses == 0 || !is_rule(rule, module, name));
        uses |= is_rule(rule, module, name) ? rule->uses : 0;
    }
    return uses;
}

static snapjar_verdict judge(snapjar_context *context, const snapjar_policy *policy, const char *pickle)
{
    snapjar_scan *scan;
    snapjar_judgement *judgement;
    require(snapjar_scan_new(&scan, context, NULL, NULL) == SNAPJAR_OK);
    require(snapjar_scan_pickle(scan, pickle, strlen(pickle), NULL) == SNAPJAR_OK);
    require(snapjar_policy_judge(policy, scan, &judgement, NULL) == SNAPJAR_OK);
    const snapjar_verdict verdict = snapjar_judgement_verdict(judgement);
    snapjar_judgement_free(judgement);
    snapjar_scan_free(scan);
    return verdict;
}

/** Fixed pickles are allowed if and only if the rules have what they do. */
static void check_verdicts(snapjar_context *context, const snapjar_policy *policy)
{
    const unsigned uses = uses_of(policy, "os", "system");
    const bool may_import = uses != 0;
    const bool may_call = (uses & SNAPJAR_USES(SNAPJAR_USE_CALL)) != 0;
    const bool may_build = may_call && (uses & SNAPJAR_USES(SNAPJAR_USE_BUILD)) != 0;
    const bool may_be_argument = (uses & SNAPJAR_USES(SNAPJAR_USE_ARGUMENT)) != 0;
    require((judge(context, policy, "cos\nsystem\n.") == SNAPJAR_VERDICT_ALLOWED) == may_import);
    require((judge(context, policy, "cos\nsystem\n(tR.") == SNAPJAR_VERDICT_ALLOWED) == may_call);
    require((judge(context, policy, "cos\nsystem\n(tR(db.") == SNAPJAR_VERDICT_ALLOWED) == may_build);
    require((judge(context, policy, "(cos\nsystem\nl.") == SNAPJAR_VERDICT_ALLOWED) == may_be_argument);
    require(judge(context, policy, "cos\nsystem\n(db.") == SNAPJAR_VERDICT_DENIED);
    require(judge(context, policy, "cos\nsystem\n(tR(tR.") == SNAPJAR_VERDICT_DENIED);
    require(judge(context, policy, "N.") == SNAPJAR_VERDICT_ALLOWED);
}

/** Names need no escapes but for what is no ASCII, which JSON takes as it is. */
static int write_rule(char *out, size_t size, const snapjar_policy_rule *rule)
{
    int used = snprintf(out, size, "\"%s:%s\": [", rule->module, rule->name);
    const char *separator = "";
    for (unsigned use = 0; use < SNAPJAR_USE_COUNT; use++) {
        if ((rule->uses & SNAPJAR_USES(use)) == 0)
            continue;
        used += snprintf(out + used, size - (size_t)used, "%s\"%s\"", separator, snapjar_use_name((snapjar_use)use));
        separator = ", ";
    }
    return used + snprintf(out + used, size - (size_t)used, "]");
}

/** The rules, written as a policy file, are the same rules. */
static void check_again(snapjar_context *context, const snapjar_policy *policy)
{
    const size_t count = snapjar_policy_rule_count(policy);
    const size_t room = 64 + count * (2 * SNAPJAR_SCAN_NAME_SIZE_MAX + 128);
    char *text = malloc(room);
    require(text != NULL);
    size_t used = (size_t)snprintf(text, room, "{\"snapjar_policy\": 1, \"allow\": {");
    for (size_t i = 0; i < count; i++) {
        used += (size_t)snprintf(text + used, room - used, i > 0 ? ", " : "");
        used += (size_t)write_rule(text + used, room - used, snapjar_policy_rule_at(policy, i));
    }
    used += (size_t)snprintf(text + used, room - used, "}}");
    snapjar_policy *again = new_policy(context);
    /* Control characters in names are the one thing that would need an escape. */
    bool is_plain = true;
    for (size_t i = 0; i < used; i++)
        is_plain = is_plain && (unsigned char)text[i] >= ' ';
    if (is_plain) {
        require(snapjar_policy_read(again, text, used, NULL) == SNAPJAR_OK);
        require(snapjar_policy_rule_count(again) == count);
        for (size_t i = 0; i < count; i++) {
            const snapjar_policy_rule *rule = snapjar_policy_rule_at(policy, i);
            require(snapjar_policy_rule_at(again, i)->uses == rule->uses);
            require(is_rule(snapjar_policy_rule_at(again, i), rule->module, rule->name));
        }
    }
    snapjar_policy_free(again);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    snapjar_context *context;
    snapjar_error err;
    /* A block of exactly this size, so that a sanitizer sees a read past its end. */
    char *text = malloc(size > 0 ? size : 1);
    require(text != NULL);
    if (size > 0)
        memcpy(text, data, size);
    require(snapjar_context_new(&context, NULL, NULL) == SNAPJAR_OK);
    snapjar_policy *policy = new_policy(context);
    const snapjar_status status = snapjar_policy_read(policy, text, size, &err);
    if (status == SNAPJAR_OK) {
        for (size_t i = 0; i < snapjar_policy_rule_count(policy); i++)
            check_rule(snapjar_policy_rule_at(policy, i));
        check_verdicts(context, policy);
        if (snapjar_policy_rule_count(policy) < 50)
            check_again(context, policy);
    } else {
        require(status == SNAPJAR_DAMAGED || status == SNAPJAR_UNSUPPORTED || status == SNAPJAR_LIMIT);
        require(err.status == status && err.space == SNAPJAR_SPACE_FILE && err.offset <= size);
        require(err.message[0] != '\0');
    }
    snapjar_policy_free(policy);
    snapjar_context_free(context);
    free(text);
    return 0;
}
