/* SPDX-License-Identifier: MIT
 *
 * Reads rules on values. Rules inside of rules wait in a queue, so nothing here recurses.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "migrate/contract_read.h"
#include "migrate/literal.h"

static const char *const type_names[SJ_VALUE_TYPE_COUNT] = {
    "none", "bool", "int", "float", "str", "bytes", "bytearray", "list", "tuple", "dict", "set", "frozenset", "any",
};

const char *sj_value_type_name(sj_value_type type)
{
    return type_names[type];
}

sj_value_type sj_value_type_find(const char *name)
{
    sj_value_type type = SJ_VALUE_NONE;
    while (type < SJ_VALUE_TYPE_COUNT && strcmp(type_names[type], name) != 0)
        type++;
    return type;
}

#define BIT(type) (1u << SJ_VALUE_##type)
#define NUMBERS (BIT(INT) | BIT(FLOAT))
#define SEQUENCES (BIT(LIST) | BIT(TUPLE) | BIT(SET) | BIT(FROZENSET))
#define SIZED (SEQUENCES | BIT(STR) | BIT(BYTES) | BIT(BYTEARRAY) | BIT(DICT))

/* ---- names ---- */

static int compare_texts(snapjar_text a, snapjar_text b)
{
    const size_t size = a.size < b.size ? a.size : b.size;
    const int order = size > 0 ? memcmp(a.data, b.data, size) : 0;
    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

/** What is sorted: a name and its index. */
typedef struct named {
    snapjar_text name;
    uint32_t index;
} named;

static int compare_named(const void *a, const void *b)
{
    return compare_texts(((const named *)a)->name, ((const named *)b)->name);
}

static SJ_READ sort_members(const sj_contract_reader *reader, sj_members *members)
{
    snapjar_context *context = reader->contract->context;
    void *block;
    SJ_TRY(sj_contract_take(reader, &block, members->count * sizeof *members->sorted));
    members->sorted = block;
    named *all = sj_alloc(context, (members->count + 1) * sizeof *all);
    if (all == NULL)
        return sj_raise_no_memory(reader->err, members->count * sizeof *all);
    for (size_t i = 0; i < members->count; i++)
        all[i] = (named){members->items[i].name, (uint32_t)i};
    qsort(all, members->count, sizeof *all, compare_named);
    for (size_t i = 0; i < members->count; i++)
        members->sorted[i] = all[i].index;
    sj_free(context, all);
    return SNAPJAR_OK;
}

size_t sj_members_find(const sj_members *members, snapjar_text name)
{
    size_t low = 0, high = members->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const uint32_t index = members->sorted[middle];
        const int order = compare_texts(name, members->items[index].name);
        if (order == 0)
            return index;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return SIZE_MAX;
}

/* ---- making rules ---- */

static SJ_READ new_rule(sj_contract_reader *reader, sj_json_place place, sj_rule **rule)
{
    snapjar_contract *contract = reader->contract;
    void *block;
    *rule = NULL;
    if (contract->rule_count >= contract->options.rule_count_max)
        return sj_contract_refuse_limit(reader, place, "rules", contract->options.rule_count_max);
    SJ_TRY(sj_contract_take(reader, &block, sizeof **rule));
    *rule = block;
    (*rule)->number = contract->rule_count++;
    return SNAPJAR_OK;
}

snapjar_status sj_rule_begin(sj_contract_reader *reader, sj_json_place place, const sj_json *json, bool is_member,
                             const sj_rule **rule)
{
    sj_rule *made;
    if (reader->pending_count == reader->pending_capacity) {
        const size_t capacity = reader->pending_capacity == 0 ? 64 : 2 * reader->pending_capacity;
        sj_pending_rule *grown =
            sj_realloc(reader->contract->context, reader->pending, capacity * sizeof *reader->pending);
        if (grown == NULL)
            return sj_raise_no_memory(reader->err, capacity * sizeof *grown);
        reader->pending = grown;
        reader->pending_capacity = capacity;
    }
    SJ_TRY(new_rule(reader, place, &made));
    reader->pending[reader->pending_count++] = (sj_pending_rule){json, place, made, is_member};
    *rule = made;
    return SNAPJAR_OK;
}

snapjar_status sj_members_read(sj_contract_reader *reader, const sj_json *owner, const char *key, sj_members *members)
{
    const uint64_t limit = reader->contract->options.field_count_max;
    const sj_json *object = sj_json_get(owner, key);
    void *block;
    SJ_TRY(sj_contract_expect(reader, owner, key, SJ_JSON_OBJECT));
    if (sj_json_count(object) > limit)
        return sj_contract_refuse_limit(reader, sj_json_member_of(owner, key), "fields in one class or rule", limit);
    SJ_TRY(sj_contract_take(reader, &block, sj_json_count(object) * sizeof *members->items));
    members->items = block;
    for (void *i = sj_json_first(object); i != NULL; i = sj_json_next(object, i)) {
        sj_member *member = &members->items[members->count++];
        const char *name;
        SJ_TRY(sj_contract_copy(reader, (snapjar_text){sj_json_key(i), strlen(sj_json_key(i))}, &name));
        member->name = (snapjar_text){name, strlen(name)};
        SJ_TRY(
            sj_rule_begin(reader, sj_json_member_of(object, sj_json_key(i)), sj_json_member(i), true, &member->rule));
    }
    return sort_members(reader, members);
}

snapjar_status sj_rule_make(sj_contract_reader *reader, const char *type, const sj_rule **rule)
{
    sj_rule *made;
    void *block;
    const sj_value_type found = sj_value_type_find(type);
    SJ_TRY(new_rule(reader, sj_json_itself(NULL), &made));
    assert(made != NULL); /* Over the limit it fails. */
    *rule = made;
    if (found < SJ_VALUE_TYPE_COUNT) {
        made->types = 1u << found;
        return SNAPJAR_OK;
    }
    SJ_TRY(sj_contract_take(reader, &block, sizeof *made->classes));
    made->classes = block;
    made->class_count = 1;
    SJ_TRY(sj_contract_copy(reader, (snapjar_text){type, strlen(type)}, &made->classes[0]));
    return sj_contract_know(reader, (snapjar_text){made->classes[0], strlen(made->classes[0])});
}

/* ---- the members of a rule ---- */

static SJ_READ read_type(sj_contract_reader *reader, sj_json_place place, const sj_json *value, sj_rule *rule)
{
    if (sj_json_type_of(value) != SJ_JSON_STRING)
        return sj_contract_refuse(reader, place, "type", "must be a string, or an array of strings");
    const char *name = sj_json_string(value).data;
    const sj_value_type type = sj_value_type_find(name);
    if (type < SJ_VALUE_TYPE_COUNT) {
        const bool is_double = (rule->types & 1u << type) != 0;
        rule->types |= 1u << type;
        return is_double ? sj_contract_refuse(reader, place, name, "stands twice among the types") : SNAPJAR_OK;
    }
    if (!sj_contract_is_class_name(sj_json_string(value)))
        return sj_contract_refuse(reader, place, name,
                                  "is no type: none, bool, int, float, str, bytes, bytearray, list, tuple, dict, set, "
                                  "frozenset, any, or module:Qualname");
    for (size_t i = 0; i < rule->class_count; i++) {
        if (strcmp(rule->classes[i], name) == 0)
            return sj_contract_refuse(reader, place, name, "stands twice among the types");
    }
    SJ_TRY(sj_contract_copy(reader, sj_json_string(value), &rule->classes[rule->class_count++]));
    return sj_contract_know(reader, sj_json_string(value));
}

static SJ_READ read_types(sj_contract_reader *reader, const sj_json *json, sj_rule *rule)
{
    const sj_json *value = sj_json_get(json, "type");
    const bool is_array = sj_json_type_of(value) == SJ_JSON_ARRAY;
    void *block;
    SJ_TRY(sj_contract_take(reader, &block, (is_array ? sj_json_count(value) : 1) * sizeof *rule->classes));
    rule->classes = block;
    if (!is_array)
        return read_type(reader, sj_json_member_of(json, "type"), value, rule);
    if (sj_json_count(value) == 0)
        return sj_contract_refuse(reader, sj_json_member_of(json, "type"), "type", "must name a type");
    for (size_t i = 0; i < sj_json_count(value); i++)
        SJ_TRY(read_type(reader, sj_json_element_of(value, i), sj_json_at(value, i), rule));
    return SNAPJAR_OK;
}

static SJ_READ read_enum(sj_contract_reader *reader, const sj_json *json, sj_rule *rule)
{
    SJ_TRY(sj_contract_expect(reader, json, "enum", SJ_JSON_ARRAY));
    const sj_json *values = sj_json_get(json, "enum");
    if (sj_json_count(values) == 0)
        return sj_contract_refuse(reader, sj_json_member_of(json, "enum"), "enum", "must have a value");
    for (size_t i = 0; i < sj_json_count(values); i++) {
        const snapjar_status status = sj_literal_check(sj_json_at(values, i), reader->err);
        if (status != SNAPJAR_OK)
            return sj_json_raise_place(&reader->document, sj_json_element_of(values, i), status, reader->err);
        SJ_TRY(sj_contract_know_literal(reader, sj_json_at(values, i)));
    }
    rule->values = values;
    return SNAPJAR_OK;
}

static SJ_READ read_bound(sj_contract_reader *reader, const sj_json *json, const char *key, sj_bound *bound, bool *has)
{
    uint8_t buffer[SJ_BOUND_SIZE_MAX];
    void *block;
    if (!sj_bound_read(bound, sj_json_get(json, key), buffer))
        return sj_contract_refuse(reader, sj_json_member_of(json, key), key,
                                  "must be a number, or {\"$int\": \"...\"} for one of more than 64 bits");
    SJ_TRY(sj_contract_take(reader, &block, bound->size));
    memcpy(block, buffer, bound->size);
    bound->data = block;
    *has = true;
    return SNAPJAR_OK;
}

static SJ_READ read_length(const sj_contract_reader *reader, const sj_json *json, const char *key, sj_rule *rule)
{
    int64_t length;
    SJ_TRY(sj_contract_read_natural(reader, json, key, &length));
    if (strcmp(key, "min_length") == 0) {
        rule->length_minimum = (uint64_t)length;
        return SNAPJAR_OK;
    }
    rule->length_maximum = (uint64_t)length;
    rule->has_length_maximum = true;
    return SNAPJAR_OK;
}

static SJ_READ read_pattern(sj_contract_reader *reader, const sj_json *json, sj_rule *rule)
{
    SJ_TRY(sj_contract_expect(reader, json, "pattern", SJ_JSON_STRING));
    const snapjar_text text = sj_json_string(sj_json_get(json, "pattern"));
    const snapjar_status status =
        sj_pattern_new(&rule->pattern, reader->contract->context, text.data, text.size, reader->err);
    if (status != SNAPJAR_OK)
        return sj_json_raise_place(&reader->document, sj_json_member_of(json, "pattern"), status, reader->err);
    rule->next_pattern = reader->contract->patterns;
    reader->contract->patterns = rule;
    return SNAPJAR_OK;
}

static SJ_READ read_elements(sj_contract_reader *reader, const sj_json *json, sj_rule *rule)
{
    void *block;
    SJ_TRY(sj_contract_expect(reader, json, "elements", SJ_JSON_ARRAY));
    const sj_json *array = sj_json_get(json, "elements");
    SJ_TRY(sj_contract_take(reader, &block, sj_json_count(array) * sizeof *rule->elements));
    rule->elements = block;
    for (; rule->element_count < sj_json_count(array); rule->element_count++)
        SJ_TRY(sj_rule_begin(reader, sj_json_element_of(array, rule->element_count),
                             sj_json_at(array, rule->element_count), false, &rule->elements[rule->element_count]));
    return SNAPJAR_OK;
}

static SJ_READ read_extra(const sj_contract_reader *reader, const sj_json *json, sj_rule *rule)
{
    SJ_TRY(sj_contract_expect(reader, json, "extra_entries", SJ_JSON_STRING));
    const char *word = sj_json_string(sj_json_get(json, "extra_entries")).data;
    rule->entries.allows_others = strcmp(word, "allow") == 0;
    if (rule->entries.allows_others || strcmp(word, "refuse") == 0)
        return SNAPJAR_OK;
    return sj_contract_refuse(reader, sj_json_member_of(json, "extra_entries"), "extra_entries",
                              "must be \"refuse\" or \"allow\"");
}

static SJ_READ read_inner(sj_contract_reader *reader, const sj_json *json, const char *key, const sj_rule **rule)
{
    return sj_rule_begin(reader, sj_json_member_of(json, key), sj_json_get(json, key), false, rule);
}

/** What a member of a rule is about, for which types it may stand, and which other it needs. */
static const struct row {
    const char *name;
    /** 0: any. */
    unsigned types;
    const char *needs;
    const char *excludes;
} rows[] = {
    {"type", 0, NULL, NULL},
    {"description", 0, NULL, NULL},
    {"enum", 0, NULL, NULL},
    {"required", 0, NULL, NULL},
    {"min", NUMBERS, NULL, NULL},
    {"max", NUMBERS, NULL, NULL},
    {"min_length", SIZED, NULL, NULL},
    {"max_length", SIZED, NULL, NULL},
    {"pattern", BIT(STR), NULL, NULL},
    {"items", SEQUENCES, NULL, NULL},
    {"elements", BIT(TUPLE), NULL, NULL},
    {"keys", BIT(DICT), NULL, "entries"},
    {"values", BIT(DICT), NULL, "entries"},
    {"entries", BIT(DICT), NULL, NULL},
    {"extra_entries", BIT(DICT), "entries", NULL},
};

static SJ_READ read_rule_member(sj_contract_reader *reader, const sj_pending_rule *pending, const char *key)
{
    const sj_json *json = pending->json;
    sj_rule *rule = pending->rule;
    if (strcmp(key, "type") == 0)
        return read_types(reader, json, rule);
    if (strcmp(key, "description") == 0)
        return sj_contract_expect(reader, json, key, SJ_JSON_STRING);
    if (strcmp(key, "enum") == 0)
        return read_enum(reader, json, rule);
    if (strcmp(key, "min") == 0)
        return read_bound(reader, json, key, &rule->minimum, &rule->has_minimum);
    if (strcmp(key, "max") == 0)
        return read_bound(reader, json, key, &rule->maximum, &rule->has_maximum);
    if (strcmp(key, "min_length") == 0 || strcmp(key, "max_length") == 0)
        return read_length(reader, json, key, rule);
    if (strcmp(key, "pattern") == 0)
        return read_pattern(reader, json, rule);
    if (strcmp(key, "elements") == 0)
        return read_elements(reader, json, rule);
    if (strcmp(key, "items") == 0)
        return read_inner(reader, json, key, &rule->items);
    if (strcmp(key, "keys") == 0)
        return read_inner(reader, json, key, &rule->keys);
    if (strcmp(key, "values") == 0)
        return read_inner(reader, json, key, &rule->dict_values);
    if (strcmp(key, "entries") == 0) {
        rule->has_entries = true;
        return sj_members_read(reader, json, key, &rule->entries);
    }
    if (strcmp(key, "extra_entries") == 0)
        return read_extra(reader, json, rule);
    bool is_required = true;
    if (!pending->is_member)
        return sj_contract_refuse(reader, sj_json_member_of(json, key), key, "may be said of fields and entries only");
    SJ_TRY(sj_contract_read_bool(reader, json, key, &is_required));
    rule->is_optional = !is_required;
    return SNAPJAR_OK;
}

/** Whether a member says something of one of the rule's types, and goes with the others. */
static SJ_READ check_member(const sj_contract_reader *reader, const sj_pending_rule *pending, const struct row *row)
{
    const sj_json *json = pending->json;
    const sj_json_place place = sj_json_member_of(json, row->name);
    const bool is_any = pending->rule->types == 0 && pending->rule->class_count == 0;
    const unsigned types = is_any ? BIT(ANY) : pending->rule->types;
    if (row->types != 0 && (types & (row->types | BIT(ANY))) == 0)
        return sj_contract_refuse(reader, place, row->name, "says nothing of the types that the rule allows");
    if (row->needs != NULL && sj_json_get(json, row->needs) == NULL)
        return sj_contract_refuse(reader, place, row->name, "says something of entries, and there are none");
    if (row->excludes != NULL && sj_json_get(json, row->excludes) != NULL)
        return sj_contract_refuse(reader, place, row->name, "and \"entries\" cannot both be there");
    return SNAPJAR_OK;
}

static bool is_above(const sj_bound *low, const sj_bound *high)
{
    return sj_bound_order(low, high) == 1;
}

static SJ_READ check_rule(const sj_contract_reader *reader, const sj_pending_rule *pending)
{
    const sj_rule *rule = pending->rule;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (sj_json_get(pending->json, rows[i].name) != NULL)
            SJ_TRY(check_member(reader, pending, &rows[i]));
    }
    if (rule->has_minimum && rule->has_maximum && is_above(&rule->minimum, &rule->maximum))
        return sj_contract_refuse(reader, sj_json_member_of(pending->json, "max"), "max", "is less than \"min\"");
    if (rule->has_length_maximum && rule->length_minimum > rule->length_maximum)
        return sj_contract_refuse(reader, sj_json_member_of(pending->json, "max_length"), "max_length",
                                  "is less than \"min_length\"");
    if (rule->elements != NULL && sj_json_get(pending->json, "items") != NULL && rule->types == BIT(TUPLE))
        return sj_contract_refuse(reader, sj_json_member_of(pending->json, "items"), "items",
                                  "and \"elements\" cannot both be said of a tuple");
    return SNAPJAR_OK;
}

static SJ_READ read_rule(sj_contract_reader *reader, const sj_pending_rule *pending)
{
    const sj_json *json = pending->json;
    if (sj_json_type_of(json) != SJ_JSON_OBJECT)
        return sj_contract_refuse(reader, pending->place, pending->place.key != NULL ? pending->place.key : "elements",
                                  "must be an object: a rule, as {\"type\": \"int\"}");
    for (void *i = sj_json_first(json); i != NULL; i = sj_json_next(json, i)) {
        const char *key = sj_json_key(i);
        size_t row = 0;
        while (row < sizeof rows / sizeof *rows && strcmp(rows[row].name, key) != 0)
            row++;
        if (row == sizeof rows / sizeof *rows)
            return sj_contract_refuse(reader, sj_json_member_of(json, key), key, "is not known in a rule");
        SJ_TRY(read_rule_member(reader, pending, key));
    }
    SJ_TRY(check_rule(reader, pending));
    if (pending->rule->types == 0 && pending->rule->class_count == 0)
        pending->rule->types = BIT(ANY);
    return SNAPJAR_OK;
}

snapjar_status sj_rules_read(sj_contract_reader *reader)
{
    /* In the order of the document, as far as rules are not in one another: the first fault is told. */
    for (size_t i = 0; i < reader->pending_count; i++) {
        const sj_pending_rule pending = reader->pending[i];
        SJ_TRY(read_rule(reader, &pending));
    }
    return SNAPJAR_OK;
}
