/* SPDX-License-Identifier: MIT
 *
 * Reads contracts: the members of the document and of classes and versions. rule_read.c reads rules, contract_chain.c
 * migrations.
 */
#include "migrate/contract.h"

#include <stdlib.h>
#include <string.h>

#include "migrate/contract_read.h"
#include "migrate/fields.h"
#include "pickle/policy.h"
#include "pickle/policy_json.h"
#include "util/options.h"

#define CONTRACT_VERSION 1
#define TYPE_SIZE_MAX 1024
#define BLOCK_SIZE ((size_t)16 << 10)

/* ---- memory ---- */

struct sj_block {
    sj_block *next;
    size_t used;
    size_t size;
    _Alignas(16) uint8_t bytes[];
};

void *sj_contract_alloc(snapjar_contract *contract, size_t size)
{
    const size_t rounded = (size + 15) & ~(size_t)15;
    sj_block *block = contract->blocks;
    if (block == NULL || rounded > block->size - block->used) {
        const size_t room = rounded > BLOCK_SIZE ? rounded : BLOCK_SIZE;
        block = sj_alloc_zero(contract->context, sizeof *block + room);
        if (block == NULL)
            return NULL;
        block->size = room;
        block->next = contract->blocks;
        contract->blocks = block;
    }
    uint8_t *taken = block->bytes + block->used;
    block->used += rounded;
    return taken;
}

snapjar_status sj_contract_take(const sj_contract_reader *reader, void **block, size_t size)
{
    *block = sj_contract_alloc(reader->contract, size > 0 ? size : 1);
    return *block != NULL ? SNAPJAR_OK : sj_raise_no_memory(reader->err, size);
}

/* ---- values of the document ---- */

snapjar_status sj_contract_refuse(const sj_contract_reader *reader, sj_json_place place, const char *name,
                                  const char *what)
{
    char escaped[96];
    (void)snapjar_text_escape(escaped, sizeof escaped, name, strlen(name));
    return sj_json_raise(&reader->document, place, SNAPJAR_DAMAGED, SNAPJAR_DIAG_CONTRACT_INVALID, reader->err,
                         "\"%s\" %s", escaped, what);
}

snapjar_status sj_contract_refuse_limit(const sj_contract_reader *reader, sj_json_place place, const char *what,
                                        uint64_t limit)
{
    return sj_json_raise(&reader->document, place, SNAPJAR_LIMIT, SNAPJAR_DIAG_CONTRACT_LIMIT, reader->err,
                         "the contract has more than the limit of %llu %s", (unsigned long long)limit, what);
}

snapjar_status sj_contract_expect(const sj_contract_reader *reader, const sj_json *object, const char *key,
                                  sj_json_type type)
{
    static const char *const words[] = {"must be an object",  "must be an array", "must be a string",
                                        "must be an integer", "must be a number", "must be true or false",
                                        "must be null"};
    if (sj_json_type_of(sj_json_get(object, key)) == type)
        return SNAPJAR_OK;
    return sj_contract_refuse(reader, sj_json_member_of(object, key), key, words[type]);
}

snapjar_status sj_contract_read_bool(const sj_contract_reader *reader, const sj_json *object, const char *key,
                                     bool *value)
{
    SJ_TRY(sj_contract_expect(reader, object, key, SJ_JSON_BOOLEAN));
    *value = sj_json_is_true(sj_json_get(object, key));
    return SNAPJAR_OK;
}

snapjar_status sj_contract_read_natural(const sj_contract_reader *reader, const sj_json *object, const char *key,
                                        int64_t *value)
{
    SJ_TRY(sj_contract_expect(reader, object, key, SJ_JSON_INTEGER));
    *value = sj_json_integer(sj_json_get(object, key));
    return *value >= 0 ? SNAPJAR_OK
                       : sj_contract_refuse(reader, sj_json_member_of(object, key), key, "must not be negative");
}

snapjar_status sj_contract_copy(const sj_contract_reader *reader, snapjar_text text, const char **copy)
{
    void *block;
    SJ_TRY(sj_contract_take(reader, &block, text.size + 1));
    if (text.size > 0)
        memcpy(block, text.data, text.size);
    *copy = block;
    return SNAPJAR_OK;
}

bool sj_contract_is_class_name(snapjar_text text)
{
    sj_class_name name;
    return sj_class_name_read(text, &name) && sj_policy_is_name(name.module) && sj_policy_is_name(name.name) &&
           name.module.size <= SNAPJAR_SCAN_NAME_SIZE_MAX && name.name.size <= SNAPJAR_SCAN_NAME_SIZE_MAX;
}

/* ---- classes ---- */

const char *sj_class_form_name(sj_class_form form)
{
    static const char *const names[] = {"dict", "slots", "arguments", "enum", "opaque"};
    return names[form];
}

/** The word after "extra_fields" or "extra_entries"; also for rule_read.c. */
static SJ_READ read_extra(const sj_contract_reader *reader, const sj_json *object, const char *key, bool *allows)
{
    SJ_TRY(sj_contract_expect(reader, object, key, SJ_JSON_STRING));
    const char *word = sj_json_string(sj_json_get(object, key)).data;
    *allows = strcmp(word, "allow") == 0;
    if (*allows || strcmp(word, "refuse") == 0)
        return SNAPJAR_OK;
    return sj_contract_refuse(reader, sj_json_member_of(object, key), key, "must be \"refuse\" or \"allow\"");
}

static SJ_READ read_form(const sj_contract_reader *reader, const sj_json *json, sj_class_form *form)
{
    SJ_TRY(sj_contract_expect(reader, json, "state", SJ_JSON_STRING));
    const char *word = sj_json_string(sj_json_get(json, "state")).data;
    for (*form = SJ_CLASS_DICT; *form < SJ_CLASS_FORM_COUNT; ++*form) {
        if (strcmp(word, sj_class_form_name(*form)) == 0)
            return SNAPJAR_OK;
    }
    *form = SJ_CLASS_DICT;
    return sj_contract_refuse(reader, sj_json_member_of(json, "state"), "state",
                              "must be dict, slots, arguments, enum or opaque");
}

static SJ_READ read_class(sj_contract_reader *reader, const sj_json *classes, const char *key, sj_contract_class *made)
{
    const sj_json *json = sj_json_get(classes, key);
    SJ_TRY(sj_contract_expect(reader, classes, key, SJ_JSON_OBJECT));
    for (void *i = sj_json_first(json); i != NULL; i = sj_json_next(json, i)) {
        const char *member = sj_json_key(i);
        if (strcmp(member, "fields") == 0)
            SJ_TRY(sj_members_read(reader, json, member, &made->fields));
        else if (strcmp(member, "extra_fields") == 0)
            SJ_TRY(read_extra(reader, json, member, &made->fields.allows_others));
        else if (strcmp(member, "state") == 0)
            SJ_TRY(read_form(reader, json, &made->form));
        else if (strcmp(member, "description") == 0)
            SJ_TRY(sj_contract_expect(reader, json, member, SJ_JSON_STRING));
        else
            return sj_contract_refuse(reader, sj_json_member_of(json, member), member,
                                      "is not known in a class: fields, extra_fields, state, description");
    }
    const bool has_fields = sj_json_get(json, "fields") != NULL || sj_json_get(json, "extra_fields") != NULL;
    if (has_fields && made->form >= SJ_CLASS_ENUM)
        return sj_contract_refuse(reader, sj_json_member_of(json, "state"), key,
                                  "has no fields that are looked into: it is an enumeration, or opaque");
    return SNAPJAR_OK;
}

static int compare_texts(snapjar_text a, snapjar_text b)
{
    const size_t size = a.size < b.size ? a.size : b.size;
    const int order = size > 0 ? memcmp(a.data, b.data, size) : 0;
    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

static int compare_classes(const void *a, const void *b)
{
    return compare_texts(((const sj_contract_class *)a)->name, ((const sj_contract_class *)b)->name);
}

static SJ_READ read_classes(sj_contract_reader *reader, const sj_json *owner, sj_contract_version *version)
{
    snapjar_contract *contract = reader->contract;
    const sj_json *json = sj_json_get(owner, "classes");
    void *block;
    SJ_TRY(sj_contract_expect(reader, owner, "classes", SJ_JSON_OBJECT));
    contract->class_count += sj_json_count(json);
    if (contract->class_count > contract->options.class_count_max)
        return sj_contract_refuse_limit(reader, sj_json_member_of(owner, "classes"), "classes",
                                        contract->options.class_count_max);
    SJ_TRY(sj_contract_take(reader, &block, sj_json_count(json) * sizeof *version->classes));
    version->classes = block;
    version->is_described = true;
    for (void *i = sj_json_first(json); i != NULL; i = sj_json_next(json, i)) {
        const char *key = sj_json_key(i);
        sj_contract_class *made = &version->classes[version->class_count++];
        const char *name;
        if (!sj_contract_is_class_name((snapjar_text){key, strlen(key)}))
            return sj_contract_refuse(reader, sj_json_member_of(json, key), key,
                                      "is no class: module:Qualname is the form");
        SJ_TRY(sj_contract_copy(reader, (snapjar_text){key, strlen(key)}, &name));
        made->name = (snapjar_text){name, strlen(name)};
        SJ_TRY(sj_contract_know(reader, made->name));
        SJ_TRY(read_class(reader, json, key, made));
    }
    qsort(version->classes, version->class_count, sizeof *version->classes, compare_classes);
    return SNAPJAR_OK;
}

static SJ_READ read_root(sj_contract_reader *reader, const sj_json *owner, sj_contract_version *version)
{
    version->is_described = true;
    return sj_rule_begin(reader, sj_json_member_of(owner, "root"), sj_json_get(owner, "root"), false, &version->root);
}

/* ---- versions ---- */

static SJ_READ read_version_number(const sj_contract_reader *reader, const sj_json *versions, const char *key,
                                   int64_t *number)
{
    const sj_json_place place = sj_json_member_of(versions, key);
    const size_t size = strlen(key);
    const bool is_number = size > 0 && size <= 18 && strspn(key, "0123456789") == size && (key[0] != '0' || size == 1);
    *number = is_number ? (int64_t)strtoll(key, NULL, 10) : -1;
    if (!is_number)
        return sj_contract_refuse(reader, place, key, "is no number of a version");
    if (*number == reader->contract->current.version)
        return sj_contract_refuse(reader, place, key, "is the current version: it is described by the contract itself");
    if (*number > reader->contract->current.version)
        return sj_contract_refuse(reader, place, key, "is newer than the contract's schema_version");
    return SNAPJAR_OK;
}

static SJ_READ read_version(sj_contract_reader *reader, const sj_json *versions, const char *key,
                            sj_contract_version *version)
{
    const sj_json *json = sj_json_get(versions, key);
    SJ_TRY(read_version_number(reader, versions, key, &version->version));
    SJ_TRY(sj_contract_expect(reader, versions, key, SJ_JSON_OBJECT));
    for (void *i = sj_json_first(json); i != NULL; i = sj_json_next(json, i)) {
        const char *member = sj_json_key(i);
        if (strcmp(member, "accepted") == 0)
            SJ_TRY(sj_contract_read_bool(reader, json, member, &version->is_accepted));
        else if (strcmp(member, "root") == 0)
            SJ_TRY(read_root(reader, json, version));
        else if (strcmp(member, "classes") == 0)
            SJ_TRY(read_classes(reader, json, version));
        else if (strcmp(member, "description") == 0)
            SJ_TRY(sj_contract_expect(reader, json, member, SJ_JSON_STRING));
        else
            return sj_contract_refuse(reader, sj_json_member_of(json, member), member,
                                      "is not known in a version: accepted, root, classes, description");
    }
    return SNAPJAR_OK;
}

static int compare_versions(const void *a, const void *b)
{
    const int64_t left = ((const sj_contract_version *)a)->version, right = ((const sj_contract_version *)b)->version;
    return (left < right) - (left > right);
}

static SJ_READ read_versions(sj_contract_reader *reader, const sj_json *json)
{
    snapjar_contract *contract = reader->contract;
    void *block;
    SJ_TRY(sj_contract_expect(reader, reader->document.root, "versions", SJ_JSON_OBJECT));
    if (sj_json_count(json) > contract->options.version_count_max)
        return sj_contract_refuse_limit(reader, sj_json_member_of(NULL, "versions"), "versions",
                                        contract->options.version_count_max);
    SJ_TRY(sj_contract_take(reader, &block, sj_json_count(json) * sizeof *contract->versions));
    contract->versions = block;
    for (void *i = sj_json_first(json); i != NULL; i = sj_json_next(json, i))
        SJ_TRY(read_version(reader, json, sj_json_key(i), &contract->versions[contract->version_count++]));
    qsort(contract->versions, contract->version_count, sizeof *contract->versions, compare_versions);
    return SNAPJAR_OK;
}

/* ---- the document ---- */

static SJ_READ read_type(sj_contract_reader *reader)
{
    const sj_json *root = reader->document.root;
    SJ_TRY(sj_contract_expect(reader, root, "type", SJ_JSON_STRING));
    const snapjar_text type = sj_json_string(sj_json_get(root, "type"));
    if (type.size == 0 || type.size > TYPE_SIZE_MAX)
        return sj_contract_refuse(reader, sj_json_member_of(root, "type"), "type", "must have 1 to 1024 bytes");
    return sj_contract_copy(reader, type, &reader->contract->type);
}

/** What must be there, and decides how the rest is read. */
static SJ_READ read_head(sj_contract_reader *reader)
{
    static const char *const required[] = {"snapjar_contract", "type", "schema_version"};
    const sj_json *root = reader->document.root;
    int64_t version;
    for (size_t i = 0; i < sizeof required / sizeof *required; i++) {
        if (sj_json_get(root, required[i]) == NULL)
            return sj_contract_refuse(reader, sj_json_itself(NULL), required[i], "must be there");
    }
    SJ_TRY(sj_contract_read_natural(reader, root, "snapjar_contract", &version));
    if (version != CONTRACT_VERSION)
        return sj_json_raise(&reader->document, sj_json_member_of(root, "snapjar_contract"), SNAPJAR_UNSUPPORTED,
                             SNAPJAR_DIAG_CONTRACT_INVALID, reader->err, "\"snapjar_contract\" is %lld, not %d",
                             (long long)version, CONTRACT_VERSION);
    SJ_TRY(read_type(reader));
    return sj_contract_read_natural(reader, root, "schema_version", &reader->contract->current.version);
}

static SJ_READ read_member(sj_contract_reader *reader, const char *key, const sj_json *value)
{
    static const char *const done[] = {"snapjar_contract", "type", "schema_version"};
    snapjar_contract *contract = reader->contract;
    const sj_json *root = reader->document.root;
    bool is_known;
    for (size_t i = 0; i < sizeof done / sizeof *done; i++) {
        if (strcmp(key, done[i]) == 0)
            return SNAPJAR_OK;
    }
    if (strcmp(key, "description") == 0)
        return sj_contract_expect(reader, root, key, SJ_JSON_STRING);
    if (strcmp(key, "root") == 0)
        return read_root(reader, root, &contract->current);
    if (strcmp(key, "classes") == 0)
        return read_classes(reader, root, &contract->current);
    if (strcmp(key, "versions") == 0)
        return read_versions(reader, value);
    if (strcmp(key, "migrations") == 0)
        return sj_migrations_read(reader, value);
    SJ_TRY(sj_policy_read_member(contract->policy, &reader->document, key, &is_known, reader->err));
    if (is_known)
        return SNAPJAR_OK;
    return sj_contract_refuse(reader, sj_json_member_of(root, key), key, "is not known in a contract");
}

/** Where nobody has said what the root is, the type says it. */
static SJ_READ set_root(sj_contract_reader *reader)
{
    static const char builtins[] = "builtins:";
    snapjar_contract *contract = reader->contract;
    const char *type = contract->type;
    if (contract->current.root != NULL)
        return SNAPJAR_OK;
    if (strncmp(type, builtins, sizeof builtins - 1) == 0) {
        const char *name = type + sizeof builtins - 1;
        name = strcmp(name, "NoneType") == 0 ? "none" : name;
        return sj_value_type_find(name) < SJ_VALUE_ANY ? sj_rule_make(reader, name, &contract->current.root)
                                                       : SNAPJAR_OK;
    }
    if (!sj_contract_is_class_name((snapjar_text){type, strlen(type)}))
        return SNAPJAR_OK;
    return sj_rule_make(reader, type, &contract->current.root);
}

/** Classes may be made and filled in the way that their state says. */
static SJ_READ allow_classes(sj_contract_reader *reader, const sj_contract_version *version)
{
    static const unsigned uses[] = {
        [SJ_CLASS_DICT] = SNAPJAR_USES(SNAPJAR_USE_NEW) | SNAPJAR_USES(SNAPJAR_USE_BUILD),
        [SJ_CLASS_SLOTS] = SNAPJAR_USES(SNAPJAR_USE_NEW) | SNAPJAR_USES(SNAPJAR_USE_BUILD),
        [SJ_CLASS_ARGUMENTS] = SNAPJAR_USES(SNAPJAR_USE_NEW) | SNAPJAR_USES(SNAPJAR_USE_CALL),
        [SJ_CLASS_ENUM] = SNAPJAR_USES(SNAPJAR_USE_CALL),
        [SJ_CLASS_OPAQUE] = SNAPJAR_USES_CLASS,
    };
    for (size_t i = 0; i < version->class_count; i++) {
        const sj_contract_class *class = &version->classes[i];
        SJ_TRY(snapjar_policy_allow(reader->contract->policy, class->name.data, uses[class->form],
                                    "a class of the contract", reader->err));
    }
    return SNAPJAR_OK;
}

static SJ_READ read_all(sj_contract_reader *reader)
{
    snapjar_contract *contract = reader->contract;
    const sj_json *root = reader->document.root;
    SJ_TRY(read_head(reader));
    for (void *i = sj_json_first(root); i != NULL; i = sj_json_next(root, i))
        SJ_TRY(read_member(reader, sj_json_key(i), sj_json_member(i)));
    SJ_TRY(set_root(reader));
    contract->current.is_accepted = true;
    contract->current.is_described = true;
    SJ_TRY(sj_rules_read(reader));
    SJ_TRY(sj_migrations_check(reader));
    SJ_TRY(sj_contract_steps_check(reader));
    SJ_TRY(allow_classes(reader, &contract->current));
    for (size_t i = 0; i < contract->version_count; i++) {
        if (contract->versions[i].is_accepted)
            SJ_TRY(allow_classes(reader, &contract->versions[i]));
    }
    return SNAPJAR_OK;
}

static snapjar_status read_options(snapjar_contract_options *own, const snapjar_contract_options *options,
                                   snapjar_error *err)
{
    SJ_TRY(sj_options_read(own, sizeof *own, options, "snapjar_contract_options", err));
    struct {
        uint64_t *value;
        uint64_t otherwise;
    } rows[] = {
        {&own->size_max, SNAPJAR_CONTRACT_SIZE_DEFAULT},
        {&own->depth_max, SNAPJAR_CONTRACT_DEPTH_DEFAULT},
        {&own->class_count_max, SNAPJAR_CONTRACT_CLASS_COUNT_DEFAULT},
        {&own->field_count_max, SNAPJAR_CONTRACT_FIELD_COUNT_DEFAULT},
        {&own->rule_count_max, SNAPJAR_CONTRACT_RULE_COUNT_DEFAULT},
        {&own->version_count_max, SNAPJAR_CONTRACT_VERSION_COUNT_DEFAULT},
        {&own->migration_count_max, SNAPJAR_CONTRACT_MIGRATION_COUNT_DEFAULT},
        {&own->step_count_max, SNAPJAR_CONTRACT_STEP_COUNT_DEFAULT},
        {&own->finding_count_max, SNAPJAR_CONTRACT_FINDING_COUNT_DEFAULT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        *rows[i].value = *rows[i].value != 0 ? *rows[i].value : rows[i].otherwise;
    if (own->depth_max <= SJ_JSON_DOCUMENT_DEPTH_MAX && own->rule_count_max < UINT32_MAX)
        return SNAPJAR_OK;
    return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE,
                    "depth_max exceeds %d, or rule_count_max 2^32 - 2", SJ_JSON_DOCUMENT_DEPTH_MAX);
}

static snapjar_status parse_and_read(snapjar_contract *contract, const char *text, size_t size, snapjar_error *err)
{
    if (size > contract->options.size_max)
        return sj_raise(err, SNAPJAR_LIMIT, SNAPJAR_DIAG_CONTRACT_LIMIT, SJ_AT_FILE(contract->options.size_max),
                        "the contract has %zu bytes, more than the limit of %llu", size,
                        (unsigned long long)contract->options.size_max);
    SJ_TRY(snapjar_policy_new(&contract->policy, contract->context, err));
    snapjar_status status =
        sj_json_parse(&contract->root, text, size, (size_t)contract->options.depth_max, SNAPJAR_SPACE_FILE, 0, err);
    if (status != SNAPJAR_OK) {
        if (status != SNAPJAR_NO_MEMORY)
            sj_json_add_line(text, size, err);
        return status;
    }
    sj_contract_reader reader = {.contract = contract, .document = {text, size, contract->root}, .err = err};
    status = read_all(&reader);
    sj_free(contract->context, reader.pending);
    sj_free(contract->context, reader.names);
    return status;
}

snapjar_status snapjar_contract_read(snapjar_contract **contract, snapjar_context *context, const char *text,
                                     size_t size, const snapjar_contract_options *options, snapjar_error *err)
{
    snapjar_contract_options own;
    if (contract != NULL)
        *contract = NULL;
    if (contract == NULL || context == NULL || text == NULL)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE, "%s is NULL",
                        contract == NULL  ? "contract"
                        : context == NULL ? "context"
                                          : "text");
    SJ_TRY(read_options(&own, options, err));
    snapjar_contract *made = sj_alloc_zero(context, sizeof *made);
    if (made == NULL)
        return sj_raise_no_memory(err, sizeof *made);
    made->context = context;
    made->options = own;
    const snapjar_status status = parse_and_read(made, text, size, err);
    if (status != SNAPJAR_OK)
        snapjar_contract_free(made);
    else
        *contract = made;
    return status;
}

void snapjar_contract_free(snapjar_contract *contract)
{
    if (contract == NULL)
        return;
    snapjar_context *context = contract->context;
    for (sj_rule *rule = contract->patterns; rule != NULL; rule = rule->next_pattern)
        sj_pattern_free(rule->pattern, context);
    for (size_t i = 0; i < contract->migration_count; i++)
        sj_steps_free(contract->migrations[i].steps);
    while (contract->blocks != NULL) {
        sj_block *block = contract->blocks;
        contract->blocks = block->next;
        sj_free(context, block);
    }
    snapjar_policy_free(contract->policy);
    sj_json_free(contract->root);
    sj_free(context, contract);
}

/* ---- asking ---- */

const sj_contract_class *sj_contract_find_class(const sj_contract_version *version, snapjar_text name)
{
    const sj_contract_class wanted = {.name = name};
    if (version->class_count == 0)
        return NULL;
    return bsearch(&wanted, version->classes, version->class_count, sizeof wanted, compare_classes);
}

const sj_contract_version *sj_contract_find_version(const snapjar_contract *contract, int64_t version)
{
    if (version == contract->current.version)
        return &contract->current;
    for (size_t i = 0; i < contract->version_count; i++) {
        if (contract->versions[i].version == version)
            return &contract->versions[i];
    }
    return NULL;
}

const char *snapjar_contract_type(const snapjar_contract *contract)
{
    return contract->type;
}

int64_t snapjar_contract_schema_version(const snapjar_contract *contract)
{
    return contract->current.version;
}

const snapjar_policy *snapjar_contract_policy(const snapjar_contract *contract)
{
    return contract->policy;
}

bool snapjar_contract_accepts(const snapjar_contract *contract, int64_t version)
{
    const sj_contract_version *found = sj_contract_find_version(contract, version);
    return found != NULL && found->is_accepted;
}
