/* SPDX-License-Identifier: MIT
 *
 * What the files that read a contract share. For contract_*.c and rule_read.c only.
 */
#ifndef SJ_MIGRATE_CONTRACT_READ_H
#define SJ_MIGRATE_CONTRACT_READ_H

#include "migrate/contract.h"

#define SJ_READ snapjar_status __attribute__((warn_unused_result))

/** A rule that is still to be read. */
typedef struct sj_pending_rule {
    const sj_json *json;
    sj_json_place place;
    sj_rule *rule;
    /** It is that of a field or an entry, so that "required" may stand in it. */
    bool is_member;
} sj_pending_rule;

typedef struct sj_contract_reader {
    snapjar_contract *contract;
    sj_json_document document;
    /** A queue: rules inside of rules are read after those. */
    sj_pending_rule *pending;
    size_t pending_count;
    size_t pending_capacity;
    /** Classes that the versions and their rules name: "module:Qualname". Borrowed. */
    snapjar_text *names;
    size_t name_count;
    size_t name_capacity;
    /** The step that was counted last. */
    uint64_t step_count;
    snapjar_error *err;
} sj_contract_reader;

/** `contract-invalid` at a place. `name` is put in quotes before what is said of it. */
snapjar_status sj_contract_refuse(const sj_contract_reader *reader, sj_json_place place, const char *name,
                                  const char *what) __attribute__((cold));
/** `contract-limit` at a place. */
snapjar_status sj_contract_refuse_limit(const sj_contract_reader *reader, sj_json_place place, const char *what,
                                        uint64_t limit) __attribute__((cold));

/** Memory of the contract. */
SJ_READ sj_contract_take(const sj_contract_reader *reader, void **block, size_t size);
/** A member that must be of a type. */
SJ_READ sj_contract_expect(const sj_contract_reader *reader, const sj_json *object, const char *key, sj_json_type type);
/** A member that must be true or false. */
SJ_READ sj_contract_read_bool(const sj_contract_reader *reader, const sj_json *object, const char *key, bool *value);
/** A member that must be an integer from 0 on. */
SJ_READ sj_contract_read_natural(const sj_contract_reader *reader, const sj_json *object, const char *key,
                                 int64_t *value);
/** A copy of a string, with NUL. */
SJ_READ sj_contract_copy(const sj_contract_reader *reader, snapjar_text text, const char **copy);
/** Whether a text has the form "module:Qualname". */
bool sj_contract_is_class_name(snapjar_text text);

/** Makes a rule of a member or element, which is read by sj_rules_read. */
SJ_READ sj_rule_begin(sj_contract_reader *reader, sj_json_place place, const sj_json *json, bool is_member,
                      const sj_rule **rule);
/** Makes a rule for each member of `object`, which is member `key` of `owner`. */
SJ_READ sj_members_read(sj_contract_reader *reader, const sj_json *owner, const char *key, sj_members *members);
/** Reads all rules that were begun. */
SJ_READ sj_rules_read(sj_contract_reader *reader);
/** A rule for one type, or one class, and nothing else. */
SJ_READ sj_rule_make(sj_contract_reader *reader, const char *type, const sj_rule **rule);

/** "migrations", and whether a way leads from every version. */
SJ_READ sj_migrations_read(sj_contract_reader *reader, const sj_json *value);
SJ_READ sj_migrations_check(sj_contract_reader *reader);

/** A class that a version names, so that steps may. */
SJ_READ sj_contract_know(sj_contract_reader *reader, snapjar_text name);
/** All names in a literal. */
SJ_READ sj_contract_know_literal(sj_contract_reader *reader, const sj_json *literal);
/** Refuses steps about classes that the contract does not know: `step-class-unknown`. When all else was read. */
SJ_READ sj_contract_steps_check(sj_contract_reader *reader);

#endif
