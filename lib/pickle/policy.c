/* SPDX-License-Identifier: MIT
 *
 * Makes policies: from presets.def and from names that the caller gives. Names are exact: there are no patterns, no
 * prefixes and no inheritance.
 */
#include "pickle/policy.h"

#include <string.h>

#define FIRST_CAPACITY ((size_t)64)
/* Characters that a rule cannot have in either part. */
#define NOT_IN_NAMES "*? \t\n\\\"':"
#define NAME_SIZE_MAX ((size_t)SNAPJAR_SCAN_NAME_SIZE_MAX)

/* Uses as presets.def writes them. A rule for a use is one for the import. */
#define I SNAPJAR_USES(SNAPJAR_USE_IMPORT)
#define C SNAPJAR_USES(SNAPJAR_USE_CALL)
#define N SNAPJAR_USES(SNAPJAR_USE_NEW)
#define B SNAPJAR_USES(SNAPJAR_USE_BUILD)
#define S SNAPJAR_USES(SNAPJAR_USE_SETITEM)
#define P SNAPJAR_USES(SNAPJAR_USE_APPEND)
#define A SNAPJAR_USES(SNAPJAR_USE_ARGUMENT)

static const snapjar_preset presets[] = {
#define SJ_PRESET(name, is_default, summary) {name, summary, is_default},
#include "pickle/presets.def"
#undef SJ_PRESET
};

static const snapjar_policy_rule preset_rules[] = {
#define SJ_ALLOW(preset, module, name, uses, reason)                                                                   \
    {module, name, SNAPJAR_USES(SNAPJAR_USE_IMPORT) | (uses), reason, preset},
#include "pickle/presets.def"
#undef SJ_ALLOW
};

#undef I
#undef C
#undef N
#undef B
#undef S
#undef P
#undef A

#define PRESET_COUNT (sizeof presets / sizeof *presets)
#define PRESET_RULE_COUNT (sizeof preset_rules / sizeof *preset_rules)

const snapjar_preset *snapjar_preset_at(size_t index)
{
    return index < PRESET_COUNT ? &presets[index] : NULL;
}

const snapjar_policy_rule *snapjar_preset_rule_at(size_t index)
{
    return index < PRESET_RULE_COUNT ? &preset_rules[index] : NULL;
}

snapjar_status snapjar_policy_new(snapjar_policy **policy, snapjar_context *context, snapjar_error *err)
{
    if (policy != NULL)
        *policy = NULL;
    if (policy == NULL || context == NULL)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE, "%s is NULL",
                        policy == NULL ? "policy" : "context");
    snapjar_policy *made = sj_alloc_zero(context, sizeof *made);
    if (made == NULL)
        return sj_raise_no_memory(err, sizeof *made);
    made->context = context;
    *policy = made;
    return SNAPJAR_OK;
}

/** A rule's texts are one block, which begins with the module; those of presets are static. */
static void free_rule(snapjar_policy *policy, snapjar_policy_rule *rule)
{
    if (rule->preset[0] == '\0')
        sj_free(policy->context, (void *)(uintptr_t)rule->module);
}

void snapjar_policy_free(snapjar_policy *policy)
{
    if (policy == NULL)
        return;
    snapjar_context *context = policy->context;
    for (size_t i = 0; i < policy->rule_count; i++)
        free_rule(policy, &policy->rules[i]);
    for (size_t i = 0; i < policy->extension_count; i++)
        sj_free(context, policy->extensions[i].module);
    sj_free(context, policy->rules);
    sj_free(context, policy->table);
    sj_free(context, policy->extensions);
    sj_free(context, policy);
}

/* ---- the table ---- */

static size_t hash_names(snapjar_text module, snapjar_text name)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < module.size; i++)
        hash = (hash ^ (uint8_t)module.data[i]) * UINT64_C(0x100000001b3);
    hash = (hash ^ ':') * UINT64_C(0x100000001b3);
    for (size_t i = 0; i < name.size; i++)
        hash = (hash ^ (uint8_t)name.data[i]) * UINT64_C(0x100000001b3);
    return (size_t)(hash ^ hash >> 29);
}

static snapjar_text text_of(const char *text)
{
    return (snapjar_text){text, strlen(text)};
}

static bool is_same(snapjar_text text, const char *other)
{
    return strlen(other) == text.size && (text.size == 0 || memcmp(text.data, other, text.size) == 0);
}

/** Where a rule is in the table, or belongs. */
static size_t find_slot(const snapjar_policy *policy, snapjar_text module, snapjar_text name)
{
    const size_t mask = policy->table_capacity - 1;
    size_t at = hash_names(module, name) & mask;
    while (policy->table[at] != 0) {
        const snapjar_policy_rule *rule = &policy->rules[policy->table[at] - 1];
        if (is_same(module, rule->module) && is_same(name, rule->name))
            break;
        at = (at + 1) & mask;
    }
    return at;
}

bool sj_policy_is_name(snapjar_text text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '\0' || strchr(NOT_IN_NAMES, text.data[i]) != NULL)
            return false;
    }
    return text.size > 0;
}

unsigned sj_policy_uses(const snapjar_policy *policy, snapjar_text module, snapjar_text name)
{
    if (policy->table_capacity == 0)
        return 0;
    const uint32_t number = policy->table[find_slot(policy, module, name)];
    return number != 0 ? policy->rules[number - 1].uses : 0;
}

static snapjar_status reserve_rule(snapjar_policy *policy, snapjar_error *err)
{
    if (policy->rule_count == policy->rule_capacity) {
        size_t capacity = policy->rule_capacity == 0 ? FIRST_CAPACITY : 2 * policy->rule_capacity;
        snapjar_policy_rule *rules = sj_realloc(policy->context, policy->rules, capacity * sizeof *rules);
        if (rules == NULL)
            return sj_raise_no_memory(err, capacity * sizeof *rules);
        policy->rules = rules;
        policy->rule_capacity = capacity;
    }
    if (2 * (policy->rule_count + 1) <= policy->table_capacity)
        return SNAPJAR_OK;
    size_t capacity = policy->table_capacity == 0 ? 2 * FIRST_CAPACITY : 2 * policy->table_capacity;
    uint32_t *table = sj_alloc_zero(policy->context, capacity * sizeof *table);
    if (table == NULL)
        return sj_raise_no_memory(err, capacity * sizeof *table);
    sj_free(policy->context, policy->table);
    policy->table = table;
    policy->table_capacity = capacity;
    for (uint32_t i = 0; i < policy->rule_count; i++)
        table[find_slot(policy, text_of(policy->rules[i].module), text_of(policy->rules[i].name))] = i + 1;
    return SNAPJAR_OK;
}

/** Adds uses to a rule, which is made if it is new. Takes the texts, unless they are a preset's. */
static snapjar_status add_rule(snapjar_policy *policy, snapjar_policy_rule rule, snapjar_error *err)
{
    const snapjar_status status = reserve_rule(policy, err);
    if (status != SNAPJAR_OK) {
        free_rule(policy, &rule);
        return status;
    }
    const size_t slot = find_slot(policy, text_of(rule.module), text_of(rule.name));
    if (policy->table[slot] != 0) {
        policy->rules[policy->table[slot] - 1].uses |= rule.uses;
        free_rule(policy, &rule);
        return SNAPJAR_OK;
    }
    policy->rules[policy->rule_count++] = rule;
    policy->table[slot] = (uint32_t)policy->rule_count;
    return SNAPJAR_OK;
}

/* ---- allowing ---- */

/** Takes "module:qualname" apart into a block of its own that also has the reason. */
static snapjar_status split_global(snapjar_policy *policy, const char *global, const char *reason,
                                   snapjar_policy_rule *rule, snapjar_error *err)
{
    const char *colon = global != NULL ? strchr(global, ':') : NULL;
    char escaped[96] = "";
    if (global != NULL)
        (void)snapjar_text_escape(escaped, sizeof escaped, global, strlen(global));
    if (colon == NULL || colon == global || colon[1] == '\0' || strchr(colon + 1, ':') != NULL)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_POLICY_INVALID, SJ_NOWHERE,
                        "global \"%s\" has not the form module:qualname", escaped);
    if (strpbrk(global, "*? \t\n\\\"'") != NULL)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_POLICY_INVALID, SJ_NOWHERE,
                        "global \"%s\" has a character that names do not have; there are no patterns", escaped);
    const size_t module_size = (size_t)(colon - global);
    const size_t name_size = strlen(colon + 1);
    const size_t reason_size = strlen(reason);
    if (module_size > NAME_SIZE_MAX || name_size > NAME_SIZE_MAX)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_POLICY_INVALID, SJ_NOWHERE,
                        "global \"%s\" is longer than names can be (%zu bytes each)", escaped, NAME_SIZE_MAX);
    char *block = sj_alloc(policy->context, module_size + name_size + reason_size + 3);
    if (block == NULL)
        return sj_raise_no_memory(err, module_size + name_size + reason_size + 3);
    memcpy(block, global, module_size);
    block[module_size] = '\0';
    memcpy(block + module_size + 1, colon + 1, name_size + 1);
    memcpy(block + module_size + name_size + 2, reason, reason_size + 1);
    *rule = (snapjar_policy_rule){block, block + module_size + 1, 0, block + module_size + name_size + 2, ""};
    return SNAPJAR_OK;
}

static snapjar_status check_policy(const snapjar_policy *policy, snapjar_error *err)
{
    if (policy != NULL)
        return SNAPJAR_OK;
    return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE, "policy is NULL");
}

snapjar_status snapjar_policy_allow(snapjar_policy *policy, const char *global, unsigned uses, const char *reason,
                                    snapjar_error *err)
{
    snapjar_policy_rule rule;
    SJ_TRY(check_policy(policy, err));
    if (uses == 0 || (uses & ~SNAPJAR_USES_ALL) != 0)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_POLICY_INVALID, SJ_NOWHERE,
                        "uses 0x%x are none, or not all known", uses);
    SJ_TRY(split_global(policy, global, reason != NULL ? reason : "", &rule, err));
    rule.uses = uses | SNAPJAR_USES(SNAPJAR_USE_IMPORT);
    return add_rule(policy, rule, err);
}

snapjar_status snapjar_policy_allow_preset(snapjar_policy *policy, const char *name, snapjar_error *err)
{
    size_t found = 0;
    SJ_TRY(check_policy(policy, err));
    for (size_t i = 0; i < PRESET_RULE_COUNT && name != NULL; i++) {
        if (strcmp(preset_rules[i].preset, name) != 0)
            continue;
        SJ_TRY(add_rule(policy, preset_rules[i], err));
        found++;
    }
    if (found > 0)
        return SNAPJAR_OK;
    char escaped[96] = "";
    if (name != NULL)
        (void)snapjar_text_escape(escaped, sizeof escaped, name, strlen(name));
    return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_POLICY_INVALID, SJ_NOWHERE, "there is no preset \"%s\"",
                    escaped);
}

snapjar_status snapjar_policy_allow_defaults(snapjar_policy *policy, snapjar_error *err)
{
    for (size_t i = 0; i < PRESET_COUNT; i++) {
        if (presets[i].is_default)
            SJ_TRY(snapjar_policy_allow_preset(policy, presets[i].name, err));
    }
    return SNAPJAR_OK;
}

void snapjar_policy_allow_persistent_ids(snapjar_policy *policy, bool allowed)
{
    policy->allows_persistent_ids = allowed;
}

void snapjar_policy_allow_buffers(snapjar_policy *policy, bool allowed)
{
    policy->allows_buffers = allowed;
}

const sj_extension *sj_policy_extension(const snapjar_policy *policy, uint32_t code)
{
    for (size_t i = 0; i < policy->extension_count; i++) {
        if (policy->extensions[i].code == code)
            return &policy->extensions[i];
    }
    return NULL;
}

snapjar_status snapjar_policy_map_extension(snapjar_policy *policy, uint32_t code, const char *global,
                                            snapjar_error *err)
{
    snapjar_policy_rule rule;
    SJ_TRY(check_policy(policy, err));
    if (code == 0 || code > INT32_MAX || sj_policy_extension(policy, code) != NULL)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_POLICY_INVALID, SJ_NOWHERE,
                        "extension code %lu is not from 1 to 2147483647, or is mapped already", (unsigned long)code);
    SJ_TRY(split_global(policy, global, "", &rule, err));
    if (policy->extension_count == policy->extension_capacity) {
        size_t capacity = policy->extension_capacity == 0 ? 4 : 2 * policy->extension_capacity;
        sj_extension *extensions = sj_realloc(policy->context, policy->extensions, capacity * sizeof *extensions);
        if (extensions == NULL) {
            free_rule(policy, &rule);
            return sj_raise_no_memory(err, capacity * sizeof *extensions);
        }
        policy->extensions = extensions;
        policy->extension_capacity = capacity;
    }
    policy->extensions[policy->extension_count++] =
        (sj_extension){code, (char *)(uintptr_t)rule.module, (char *)(uintptr_t)rule.name};
    return SNAPJAR_OK;
}

size_t snapjar_policy_rule_count(const snapjar_policy *policy)
{
    return policy->rule_count;
}

const snapjar_policy_rule *snapjar_policy_rule_at(const snapjar_policy *policy, size_t index)
{
    return index < policy->rule_count ? &policy->rules[index] : NULL;
}
