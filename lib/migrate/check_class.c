/* SPDX-License-Identifier: MIT
 *
 * Instances of the classes that a contract describes: the form of their state, and which fields they have.
 */
#include <stdio.h>
#include <string.h>

#include "migrate/check.h"

/** Fields of an object whose names do not stand in the contract: of more than this, the rest is not listed. */
#define LISTED_MAX ((size_t)4096)

/** The fields of one object. */
typedef struct found {
    snapjar_text *names;
    size_t count;
    size_t capacity;
} found;

/* ---- names ---- */

static size_t put_point(char *out, uint32_t point)
{
    if (point < 0x80) {
        out[0] = (char)point;
        return 1;
    }
    const size_t size = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    for (size_t i = size - 1; i > 0; i--, point >>= 6)
        out[i] = (char)(0x80 | (point & 0x3f));
    out[0] = (char)((0xf00 >> size) | point);
    return size;
}

/** A name as UTF-8: borrowed from the graph, or decoded into the checker's buffer, where the next one replaces it. */
static SJ_CHECK read_name(sj_checker *checker, sj_ref key, snapjar_text *name)
{
    const sj_node *node = sj_graph_node(checker->graph, key);
    const sj_literal literal = sj_picture_literal(checker->graph, node);
    size_t at = 0, used = 0;
    uint32_t point;
    bool is_byte;
    *name = (snapjar_text){(const char *)literal.data, literal.size};
    if (node->kind == SJ_NODE_STR && node->form != SJ_OP_UNICODE)
        return SNAPJAR_OK;
    if (checker->name_capacity < 4 * literal.size + 4) {
        char *grown = sj_realloc(checker->context, checker->names, 4 * literal.size + 4);
        if (grown == NULL)
            return sj_raise_no_memory(checker->err, 4 * literal.size + 4);
        checker->names = grown;
        checker->name_capacity = 4 * literal.size + 4;
    }
    while (sj_literal_point(&literal, &at, &point, &is_byte))
        used += put_point(checker->names + used, point);
    *name = (snapjar_text){checker->names, used};
    return SNAPJAR_OK;
}

/* ---- findings ---- */

static void put_class(sj_out *out, const sj_contract_class *class)
{
    sj_out_escaped(out, class->name.data, class->name.size, SNAPJAR_FINDING_TEXT_SIZE);
}

static SJ_CHECK find_state(sj_checker *checker, sj_ref ref, const sj_contract_class *class, const char *what)
{
    snapjar_contract_finding *finding;
    sj_out out;
    SJ_TRY(sj_check_find(checker, SNAPJAR_FINDING_STATE, ref, checker->parents[ref], &finding));
    if (finding == NULL)
        return SNAPJAR_OK;
    sj_out_to_text(&out, finding->message, sizeof finding->message, false);
    put_class(&out, class);
    sj_out_text(&out, " has ");
    sj_out_text(&out, what);
    sj_out_text(&out, ", the contract says \"state\": \"");
    sj_out_text(&out, sj_class_form_name(class->form));
    sj_out_text(&out, "\"");
    (void)sj_out_end(&out);
    sj_out_to_text(&out, finding->class_name, sizeof finding->class_name, false);
    put_class(&out, class);
    (void)sj_out_end(&out);
    return SNAPJAR_OK;
}

/** "x and y", "x, y and 3 more". */
static void put_names(sj_out *out, const snapjar_text *names, size_t count)
{
    const size_t shown = count > 6 ? 5 : count;
    for (size_t i = 0; i < shown; i++) {
        sj_out_text(out, i == 0 ? "" : i + 1 == count ? " and " : ", ");
        sj_out_escaped(out, names[i].data, names[i].size, 40);
    }
    if (shown < count)
        sj_out_format(out, " and %zu more", count - shown);
}

static bool is_among(const snapjar_text *names, size_t count, snapjar_text name)
{
    for (size_t i = 0; i < count; i++) {
        if (names[i].size == name.size && (name.size == 0 || memcmp(names[i].data, name.data, name.size) == 0))
            return true;
    }
    return false;
}

/** The required fields that were not found, or the found ones that the contract does not have, in `out`. */
static size_t pick_missing(const sj_contract_class *class, const found *fields, snapjar_text *out)
{
    size_t count = 0;
    for (size_t i = 0; i < class->fields.count; i++) {
        const sj_member *member = &class->fields.items[i];
        if (!member->rule->is_optional && !is_among(fields->names, fields->count, member->name))
            out[count++] = member->name;
    }
    return count;
}

static size_t pick_extra(const sj_contract_class *class, const found *fields, snapjar_text *out)
{
    size_t count = 0;
    for (size_t i = 0; i < fields->count; i++) {
        if (sj_members_find(&class->fields, fields->names[i]) == SIZE_MAX)
            out[count++] = fields->names[i];
    }
    return count;
}

static void put_difference(sj_out *out, const sj_contract_class *class, const found *fields, snapjar_text *scratch)
{
    put_class(out, class);
    const size_t missing = pick_missing(class, fields, scratch);
    if (missing > 0) {
        sj_out_text(out, " lacks ");
        put_names(out, scratch, missing);
    }
    const size_t extra = class->fields.allows_others ? 0 : pick_extra(class, fields, scratch);
    if (extra > 0) {
        sj_out_text(out, missing > 0 ? " and has " : " has ");
        put_names(out, scratch, extra);
        sj_out_text(out, ", which the contract does not have");
    }
}

static SJ_CHECK fill_finding(sj_checker *checker, const sj_contract_class *class, const found *fields,
                             snapjar_contract_finding *finding)
{
    const size_t room = class->fields.count + fields->count + 1;
    sj_out out;
    snapjar_text *scratch = sj_alloc(checker->context, room * sizeof *scratch);
    if (scratch == NULL)
        return sj_raise_no_memory(checker->err, room * sizeof *scratch);
    sj_out_to_text(&out, finding->message, sizeof finding->message, false);
    put_difference(&out, class, fields, scratch);
    (void)sj_out_end(&out);
    sj_out_to_text(&out, finding->class_name, sizeof finding->class_name, false);
    put_class(&out, class);
    (void)sj_out_end(&out);
    for (size_t i = 0; i < class->fields.count; i++)
        scratch[i] = class->fields.items[i].name;
    snapjar_status status = sj_finding_set_names(checker->assessment, &finding->expected, &finding->expected_count,
                                                 scratch, class->fields.count, checker->err);
    if (status == SNAPJAR_OK)
        status = sj_finding_set_names(checker->assessment, &finding->found, &finding->found_count, fields->names,
                                      fields->count, checker->err);
    sj_free(checker->context, scratch);
    return status;
}

static SJ_CHECK find_fields(sj_checker *checker, sj_ref ref, const sj_contract_class *class, const found *fields)
{
    const size_t index = (size_t)(class - checker->version->classes);
    snapjar_contract_finding *finding;
    SJ_TRY(sj_check_find(checker, SNAPJAR_FINDING_FIELDS, ref, checker->parents[ref], &finding));
    checker->field_findings[index] = finding != NULL ? (uint32_t)checker->assessment->count : UINT32_MAX;
    return finding != NULL ? fill_finding(checker, class, fields, finding) : SNAPJAR_OK;
}

/* ---- fields ---- */

static SJ_CHECK add_found(sj_checker *checker, found *fields, snapjar_text name)
{
    if (fields->count == LISTED_MAX || is_among(fields->names, fields->count, name))
        return SNAPJAR_OK;
    if (fields->count == fields->capacity) {
        const size_t capacity = fields->capacity == 0 ? 16 : 2 * fields->capacity;
        snapjar_text *grown = sj_realloc(checker->context, fields->names, capacity * sizeof *grown);
        if (grown == NULL)
            return sj_raise_no_memory(checker->err, capacity * sizeof *grown);
        fields->names = grown;
        fields->capacity = capacity;
    }
    char *copy = sj_dup_text(checker->context, name.data, name.size);
    if (copy == NULL)
        return sj_raise_no_memory(checker->err, name.size);
    fields->names[fields->count++] = (snapjar_text){copy, name.size};
    return SNAPJAR_OK;
}

/** The names of all fields, for a finding. */
static SJ_CHECK collect(sj_checker *checker, sj_ref ref, const sj_instance *instance, const sj_contract_class *class,
                        found *fields)
{
    sj_fields walk;
    sj_field field;
    snapjar_text name;
    if (class->form == SJ_CLASS_ARGUMENTS) {
        for (uint32_t i = 0; i < instance->argument_count; i++) {
            char number[16];
            const int size = snprintf(number, sizeof number, "(%u)", i);
            name = i < class->fields.count ? class->fields.items[i].name : (snapjar_text){number, (size_t)size};
            SJ_TRY(add_found(checker, fields, name));
        }
        ref = instance->keywords;
    }
    if (ref == 0)
        return SNAPJAR_OK;
    sj_fields_begin(&walk, checker->graph, ref);
    while (sj_fields_next(&walk, &field)) {
        if (!sj_key_is_text(checker->graph, field.key))
            continue;
        SJ_TRY(read_name(checker, field.key, &name));
        SJ_TRY(add_found(checker, fields, name));
    }
    return SNAPJAR_OK;
}

static SJ_CHECK tell_fields(sj_checker *checker, sj_ref ref, const sj_instance *instance,
                            const sj_contract_class *class)
{
    const uint32_t number = checker->field_findings[class - checker->version->classes];
    found fields = {0};
    if (number != 0) {
        checker->assessment->total++;
        if (number != UINT32_MAX)
            checker->assessment->findings[number - 1].count++;
        return SNAPJAR_OK;
    }
    snapjar_status status = collect(checker, ref, instance, class, &fields);
    if (status == SNAPJAR_OK)
        status = find_fields(checker, ref, class, &fields);
    for (size_t i = 0; i < fields.count; i++)
        sj_free(checker->context, (void *)(uintptr_t)fields.names[i].data);
    sj_free(checker->context, fields.names);
    return status;
}

/** Which field a name is: mostly the next one. */
static SJ_CHECK find_member(sj_checker *checker, const sj_members *members, sj_ref key, size_t guess, size_t *index)
{
    snapjar_text name;
    *index = guess;
    if (guess < members->count && sj_key_is(checker->graph, key, members->items[guess].name))
        return SNAPJAR_OK;
    *index = SIZE_MAX;
    if (!sj_key_is_text(checker->graph, key))
        return SNAPJAR_OK;
    SJ_TRY(read_name(checker, key, &name));
    *index = sj_members_find(members, name);
    return SNAPJAR_OK;
}

/** The values of a dict of names, or of an instance's states. */
static SJ_CHECK take_named(sj_checker *checker, sj_ref ref, const sj_members *members, bool *has_extra)
{
    sj_fields walk;
    sj_field field;
    size_t index, guess = 0;
    sj_fields_begin(&walk, checker->graph, ref);
    while (sj_fields_next(&walk, &field)) {
        SJ_TRY(find_member(checker, members, field.key, guess, &index));
        guess = index + 1;
        if (index == SIZE_MAX)
            *has_extra = true;
        else
            checker->values[index] = field.value;
    }
    return SNAPJAR_OK;
}

/** Values by position: arguments. */
static void take_positional(sj_checker *checker, const sj_members *members, const sj_ref *values, size_t count,
                            bool *has_extra)
{
    for (size_t i = 0; i < count && i < members->count; i++)
        checker->values[i] = values[i];
    *has_extra = *has_extra || count > members->count;
}

static SJ_CHECK reserve_values(sj_checker *checker, size_t count)
{
    if (count > checker->value_capacity) {
        sj_ref *grown = sj_realloc(checker->context, checker->values, count * sizeof *grown);
        if (grown == NULL)
            return sj_raise_no_memory(checker->err, count * sizeof *grown);
        checker->values = grown;
        checker->value_capacity = count;
    }
    if (count > 0)
        memset(checker->values, 0, count * sizeof *checker->values);
    return SNAPJAR_OK;
}

/** Whether the state has the form that the contract says; else `*what` it is. */
static bool has_form(const sj_instance *instance, const sj_contract_class *class, const char **what)
{
    const sj_state_form form = instance->form;
    *what = form == SJ_STATE_SLOTS   ? "a pair of states, of __dict__ and slots"
            : form == SJ_STATE_LIST  ? "a list as its state"
            : form == SJ_STATE_TUPLE ? "a tuple as its state"
            : form == SJ_STATE_OTHER ? "a state of another kind"
                                     : "a dict as its state";
    switch (class->form) {
    case SJ_CLASS_DICT:
        return form == SJ_STATE_NONE || form == SJ_STATE_DICT;
    case SJ_CLASS_SLOTS:
        return form == SJ_STATE_NONE || form == SJ_STATE_SLOTS || form == SJ_STATE_DICT || form == SJ_STATE_LIST;
    case SJ_CLASS_ARGUMENTS:
        *what = instance->is_computed ? "arguments that are computed" : *what;
        return form == SJ_STATE_NONE && !instance->is_computed;
    case SJ_CLASS_ENUM:
    case SJ_CLASS_OPAQUE:
    case SJ_CLASS_FORM_COUNT:
        break;
    }
    return true;
}

/** A state that is a list: values by position. */
static void take_listed(sj_checker *checker, const sj_members *members, sj_ref list, bool *has_extra)
{
    const sj_node *node = sj_graph_node(checker->graph, list);
    sj_cursor cursor = {0};
    uint8_t op;
    size_t index = 0;
    for (sj_ref value; (value = sj_graph_walk(checker->graph, node, &cursor, &op)) != 0; index++) {
        if (index < members->count)
            checker->values[index] = value;
    }
    *has_extra = index > members->count;
}

/** Puts the values of the fields into `values`; `*owner` is what they are in. */
static SJ_CHECK take_fields(sj_checker *checker, const sj_instance *instance, const sj_contract_class *class,
                            bool *has_extra, sj_ref *owner)
{
    const sj_members *members = &class->fields;
    SJ_TRY(reserve_values(checker, members->count));
    if (class->form != SJ_CLASS_ARGUMENTS && instance->form == SJ_STATE_LIST) {
        *owner = instance->state;
        sj_check_reach(checker, instance->state, instance->ref);
        take_listed(checker, members, instance->state, has_extra);
        return SNAPJAR_OK;
    }
    if (class->form != SJ_CLASS_ARGUMENTS)
        return take_named(checker, instance->ref, members, has_extra);
    take_positional(checker, members, checker->graph->words + instance->argument_first, instance->argument_count,
                    has_extra);
    return instance->keywords != 0 ? take_named(checker, instance->keywords, members, has_extra) : SNAPJAR_OK;
}

static SJ_CHECK check_instance(sj_checker *checker, sj_ref ref, const sj_instance *instance,
                               const sj_contract_class *class)
{
    const sj_members *members = &class->fields;
    const char *what;
    bool has_extra = false, lacks = false;
    sj_ref owner = ref;
    if (!has_form(instance, class, &what))
        return find_state(checker, ref, class, what);
    SJ_TRY(take_fields(checker, instance, class, &has_extra, &owner));
    for (size_t i = 0; i < members->count; i++)
        lacks = lacks || (checker->values[i] == 0 && !members->items[i].rule->is_optional);
    if (lacks || (has_extra && !members->allows_others))
        SJ_TRY(tell_fields(checker, ref, instance, class));
    for (size_t i = 0; i < members->count; i++) {
        if (checker->values[i] != 0)
            SJ_TRY(sj_check_begin(checker, checker->values[i], owner, members->items[i].rule));
    }
    return SNAPJAR_OK;
}

/** "module:Qualname" of a class; false if it does not fit, or is computed. */
static bool read_class_name(const snapjar_graph *graph, sj_ref class_ref, char out[2 * SJ_CLASS_NAME_SIZE],
                            snapjar_text *text)
{
    char buffer[SJ_CLASS_NAME_SIZE];
    sj_class_name name;
    if (!sj_class_name_of(graph, class_ref, buffer, &name) ||
        name.module.size + 1 + name.name.size > (size_t)2 * SJ_CLASS_NAME_SIZE)
        return false;
    memcpy(out, name.module.data, name.module.size);
    out[name.module.size] = ':';
    memcpy(out + name.module.size + 1, name.name.data, name.name.size);
    *text = (snapjar_text){out, name.module.size + 1 + name.name.size};
    return true;
}

snapjar_status sj_check_class(sj_checker *checker, sj_ref ref)
{
    char buffer[2 * SJ_CLASS_NAME_SIZE];
    sj_instance instance;
    snapjar_text name;
    if (checker->version->class_count == 0 || !sj_instance_see(checker->graph, ref, &instance) ||
        !read_class_name(checker->graph, instance.class_ref, buffer, &name))
        return SNAPJAR_OK;
    const sj_contract_class *class = sj_contract_find_class(checker->version, name);
    if (class == NULL || class->form >= SJ_CLASS_ENUM)
        return SNAPJAR_OK;
    return check_instance(checker, ref, &instance, class);
}
