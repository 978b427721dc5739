/* SPDX-License-Identifier: MIT
 *
 * A contract as it is in memory: what contract.c, rule_read.c and chain.c read, and check.c, samples and migrations
 * use. All of it lives in the contract's arena and never changes once it was read.
 */
#ifndef SJ_MIGRATE_CONTRACT_H
#define SJ_MIGRATE_CONTRACT_H

#include <snapjar/contract.h>

#include "migrate/number.h"
#include "migrate/pattern.h"
#include "migrate/steps.h"
#include "json/document.h"

/** Types that a rule can name, a bit each. */
typedef enum sj_value_type {
    SJ_VALUE_NONE,
    SJ_VALUE_BOOL,
    SJ_VALUE_INT,
    SJ_VALUE_FLOAT,
    SJ_VALUE_STR,
    SJ_VALUE_BYTES,
    SJ_VALUE_BYTEARRAY,
    SJ_VALUE_LIST,
    SJ_VALUE_TUPLE,
    SJ_VALUE_DICT,
    SJ_VALUE_SET,
    SJ_VALUE_FROZENSET,
    SJ_VALUE_ANY,
    SJ_VALUE_TYPE_COUNT
} sj_value_type;

/** "int", "list", "any". Static. */
const char *sj_value_type_name(sj_value_type type);
/** The type of this name; SJ_VALUE_TYPE_COUNT if it is none. */
sj_value_type sj_value_type_find(const char *name);

typedef struct sj_rule sj_rule;

/** A field or an entry. */
typedef struct sj_member {
    snapjar_text name;
    const sj_rule *rule;
} sj_member;

/** Fields of a class, or entries of a dict. */
typedef struct sj_members {
    /** In the order of the document. */
    sj_member *items;
    size_t count;
    /** Indices into `items`, by name. */
    uint32_t *sorted;
    bool allows_others;
} sj_members;

/** The index of a name in `items`; SIZE_MAX if it is not there. */
size_t sj_members_find(const sj_members *members, snapjar_text name);

struct sj_rule {
    /** Bits by sj_value_type. */
    unsigned types;
    /** "module:Qualname", each ending with NUL. */
    const char **classes;
    size_t class_count;
    bool is_optional;
    /** An array of literals, or NULL. Borrowed from the document. */
    const sj_json *values;
    bool has_minimum;
    bool has_maximum;
    bool has_length_maximum;
    bool has_entries;
    sj_bound minimum;
    sj_bound maximum;
    uint64_t length_minimum;
    uint64_t length_maximum;
    sj_pattern *pattern;
    /** NULL: anything. */
    const sj_rule *items;
    const sj_rule *keys;
    const sj_rule *dict_values;
    /** NULL: not said. */
    const sj_rule **elements;
    size_t element_count;
    sj_members entries;
    /** Of its own, from 0, in the contract. */
    uint32_t number;
    /** Next rule with a pattern to be freed. */
    sj_rule *next_pattern;
};

typedef enum sj_class_form {
    SJ_CLASS_DICT,
    SJ_CLASS_SLOTS,
    SJ_CLASS_ARGUMENTS,
    SJ_CLASS_ENUM,
    SJ_CLASS_OPAQUE,
    SJ_CLASS_FORM_COUNT
} sj_class_form;

/** "dict", "slots", "arguments", "enum", "opaque". Static. */
const char *sj_class_form_name(sj_class_form form);

typedef struct sj_contract_class {
    /** "module:Qualname". */
    snapjar_text name;
    sj_class_form form;
    sj_members fields;
} sj_contract_class;

/** How one version looks. */
typedef struct sj_contract_version {
    int64_t version;
    bool is_accepted;
    /** It has a root or classes. */
    bool is_described;
    /** NULL: anything. */
    const sj_rule *root;
    /** By name. */
    sj_contract_class *classes;
    size_t class_count;
} sj_contract_version;

typedef struct sj_migration {
    int64_t from;
    int64_t to;
    const char *description;
    sj_steps *steps;
} sj_migration;

typedef struct sj_block sj_block;

struct snapjar_contract {
    snapjar_context *context;
    /** With all defaults filled in. */
    snapjar_contract_options options;
    sj_block *blocks;
    sj_json *root;
    const char *type;
    snapjar_policy *policy;
    sj_contract_version current;
    /** From the newest to the oldest. */
    sj_contract_version *versions;
    size_t version_count;
    /** By `from`. */
    sj_migration *migrations;
    size_t migration_count;
    uint32_t rule_count;
    uint64_t class_count;
    sj_rule *patterns;
};

/** The class of this name in a version, or NULL. */
const sj_contract_class *sj_contract_find_class(const sj_contract_version *version, snapjar_text name);
/** How a version looks; NULL if the contract does not describe it. */
const sj_contract_version *sj_contract_find_version(const snapjar_contract *contract, int64_t version);
/** The migration that begins at a version, or NULL. */
const sj_migration *sj_contract_migration(const snapjar_contract *contract, int64_t from);

/* ---- reading; contract_read.h has the rest ---- */

/** Memory that is freed with the contract, filled with zeros; NULL without memory. */
void *sj_contract_alloc(snapjar_contract *contract, size_t size) __attribute__((warn_unused_result));

#endif
