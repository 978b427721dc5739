/* SPDX-License-Identifier: MIT
 *
 * The next version of a contract, from samples of the current one and of the next: what can be told is written, and
 * what is a guess says so in a description.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "migrate/samples.h"
#include "pickle/policy.h"

typedef struct bumper {
    const snapjar_contract *contract;
    /** Of the contract's own document. */
    const sj_json *root;
    const snapjar_samples *before;
    const snapjar_samples *after;
    sj_rule_texts rules;
    snapjar_context *context;
    sj_text steps;
    bool has_steps;
    bool has_failed;
} bumper;

/* ---- text ---- */

static void put_json(bumper *b, sj_text *out, const sj_json *value)
{
    size_t size;
    char *text = sj_json_dump(value, &size);
    b->has_failed = b->has_failed || text == NULL;
    if (text == NULL)
        return;
    sj_text_put_bytes(out, text, size);
    sj_json_free_text(text);
}

static void put_member(sj_text *out, const char *name, const char *value)
{
    sj_text_put(out, ",");
    sj_text_put_quoted(out, name);
    sj_text_put(out, ":");
    sj_text_put_quoted(out, value);
}

static void begin_step(bumper *b, const char *op)
{
    sj_text_put(&b->steps, b->has_steps ? ",{\"op\":" : "{\"op\":");
    sj_text_put_quoted(&b->steps, op);
    b->has_steps = true;
}

static void end_step(bumper *b, const char *description)
{
    if (description[0] != '\0')
        put_member(&b->steps, "description", description);
    sj_text_put(&b->steps, "}");
}

/* ---- classes that moved ---- */

static const char *class_name(const snapjar_samples *samples, const sj_seen_class *class)
{
    return sj_samples_name(samples, class->name);
}

static bool has_same_fields(const bumper *b, const sj_seen_class *old, const sj_seen_class *new)
{
    if (old->field_count != new->field_count || old->forms != new->forms)
        return false;
    for (size_t i = 0; i < old->field_count; i++) {
        if (sj_samples_field(b->after, new, sj_samples_name(b->before, old->fields[i].name)) == NULL)
            return false;
    }
    return true;
}

/** "Qualname" of "module:Qualname". */
static const char *qualname(const char *name)
{
    const char *colon = strchr(name, ':');
    return colon != NULL ? colon + 1 : name;
}

/**
 * The class that an old one has become: of the same name; or the one new class with the same last part of the name, or
 * the same fields. NULL: none, or nobody can tell.
 */
static const sj_seen_class *find_successor(const bumper *b, const sj_seen_class *old)
{
    const char *name = class_name(b->before, old);
    const sj_seen_class *found = sj_samples_class(b->after, name);
    size_t count = 0;
    if (found != NULL)
        return found;
    for (int by_name = 1; by_name >= 0 && count == 0; by_name--) {
        for (size_t i = 0; i < b->after->class_count; i++) {
            const sj_seen_class *new = &b->after->classes[i];
            const char *other = class_name(b->after, new);
            const bool is_alike = by_name ? strcmp(qualname(name), qualname(other)) == 0 : has_same_fields(b, old, new);
            if (!is_alike || sj_samples_class(b->before, other) != NULL)
                continue;
            found = new;
            count++;
        }
    }
    return count == 1 ? found : NULL;
}

/** The old class that became a new one; NULL if there is none. */
static const sj_seen_class *find_predecessor(const bumper *b, const sj_seen_class *new)
{
    for (size_t i = 0; i < b->before->class_count; i++) {
        if (find_successor(b, &b->before->classes[i]) == new)
            return &b->before->classes[i];
    }
    return NULL;
}

static void put_renames(bumper *b)
{
    for (size_t i = 0; i < b->before->class_count; i++) {
        const sj_seen_class *old = &b->before->classes[i];
        const sj_seen_class *new = find_successor(b, old);
        const char *name = class_name(b->before, old);
        if (new == NULL || strcmp(class_name(b->after, new), name) == 0)
            continue;
        begin_step(b, "rename");
        put_member(&b->steps, "from", name);
        put_member(&b->steps, "to", class_name(b->after, new));
        end_step(b, has_same_fields(b, old, new)
                        ? "TODO: is it the same class? It has the same fields"
                        : "TODO: is it the same class? It has the same name in another module");
    }
}

/* ---- fields ---- */

static void begin_field_step(bumper *b, const char *op, const char *class, const char *field)
{
    begin_step(b, op);
    put_member(&b->steps, "class", class);
    put_member(&b->steps, "field", field);
}

static const char *rule_of(const bumper *b, const sj_seen_field *field)
{
    return b->rules.texts[field->shape];
}

static unsigned types_of(const snapjar_samples *samples, const sj_seen_field *field)
{
    return samples->shapes[field->shape].types;
}

/** The one built-in type of a field; SJ_VALUE_TYPE_COUNT if it has another or several. */
static sj_value_type only_type(const snapjar_samples *samples, const sj_seen_field *field)
{
    const unsigned types = types_of(samples, field);
    if (samples->shapes[field->shape].class_count > 0)
        return SJ_VALUE_TYPE_COUNT;
    for (unsigned type = 0; type < SJ_VALUE_ANY; type++) {
        if (types == 1u << type)
            return (sj_value_type)type;
    }
    return SJ_VALUE_TYPE_COUNT;
}

/** The one field that is only in `other`, and has the types of this one; NULL if there is none, or several. */
static const sj_seen_field *find_alike(const snapjar_samples *mine, const sj_seen_class *my_class,
                                       const sj_seen_field *field, const snapjar_samples *theirs,
                                       const sj_seen_class *their_class)
{
    const sj_seen_field *found = NULL;
    size_t count = 0;
    for (size_t i = 0; i < their_class->field_count; i++) {
        const sj_seen_field *other = &their_class->fields[i];
        if (sj_samples_field(mine, my_class, sj_samples_name(theirs, other->name)) != NULL ||
            types_of(theirs, other) != types_of(mine, field))
            continue;
        found = other;
        count++;
    }
    return count == 1 ? found : NULL;
}

static void put_dropped(bumper *b, const sj_seen_class *old, const sj_seen_class *new)
{
    const char *class = class_name(b->after, new);
    for (size_t i = 0; i < old->field_count; i++) {
        const char *name = sj_samples_name(b->before, old->fields[i].name);
        char description[256] = "";
        if (sj_samples_field(b->after, new, name) != NULL)
            continue;
        const sj_seen_field *alike = find_alike(b->before, old, &old->fields[i], b->after, new);
        if (alike != NULL)
            (void)snprintf(description, sizeof description,
                           "TODO: or is it %.100s now? Then write rename_field in place of this and of the add",
                           sj_samples_name(b->after, alike->name));
        begin_field_step(b, "drop", class, name);
        /* Not all objects have it. */
        if (old->fields[i].count < old->count)
            put_member(&b->steps, "if_missing", "ignore");
        end_step(b, description);
    }
}

static void put_added(bumper *b, const sj_seen_class *old, const sj_seen_class *new)
{
    const char *class = class_name(b->after, new);
    for (size_t i = 0; i < new->field_count; i++) {
        const sj_seen_field *field = &new->fields[i];
        const char *name = sj_samples_name(b->after, field->name);
        if (sj_samples_field(b->before, old, name) != NULL)
            continue;
        begin_field_step(b, "add", class, name);
        sj_text_put(&b->steps, ",\"value\":");
        sj_text_put(&b->steps, field->literal != NULL ? field->literal : "null");
        end_step(b, field->literal != NULL ? "TODO: the value is that of a sample; what have old objects?"
                                           : "TODO: no value of a sample can be written here; what have old objects?");
    }
}

/** Whether a step converts values of one type to another. */
static bool is_convertible(sj_value_type from, sj_value_type to)
{
    const unsigned sequences =
        1u << SJ_VALUE_LIST | 1u << SJ_VALUE_TUPLE | 1u << SJ_VALUE_SET | 1u << SJ_VALUE_FROZENSET;
    static const struct {
        sj_value_type a, b;
    } pairs[] = {
        {SJ_VALUE_INT, SJ_VALUE_FLOAT}, {SJ_VALUE_STR, SJ_VALUE_INT},   {SJ_VALUE_STR, SJ_VALUE_FLOAT},
        {SJ_VALUE_BOOL, SJ_VALUE_INT},  {SJ_VALUE_STR, SJ_VALUE_BYTES},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        if ((from == pairs[i].a && to == pairs[i].b) || (from == pairs[i].b && to == pairs[i].a))
            return true;
    }
    return (sequences & 1u << from) != 0 && (sequences & 1u << to) != 0;
}

static void put_retyped(bumper *b, const sj_seen_class *old, const sj_seen_class *new)
{
    const char *class = class_name(b->after, new);
    for (size_t i = 0; i < new->field_count; i++) {
        const char *name = sj_samples_name(b->after, new->fields[i].name);
        const sj_seen_field *before = sj_samples_field(b->before, old, name);
        const sj_value_type from = before != NULL ? only_type(b->before, before) : SJ_VALUE_TYPE_COUNT;
        const sj_value_type to = only_type(b->after, &new->fields[i]);
        if (from == SJ_VALUE_TYPE_COUNT || to == SJ_VALUE_TYPE_COUNT || from == to || !is_convertible(from, to))
            continue;
        begin_field_step(b, "retype", class, name);
        put_member(&b->steps, "from", sj_value_type_name(from));
        put_member(&b->steps, "to", sj_value_type_name(to));
        end_step(b, "");
    }
}

/** Whether all objects have all fields: as many arguments. */
static bool is_uniform(const sj_seen_class *class)
{
    for (size_t i = 0; i < class->field_count; i++) {
        if (class->fields[i].count != class->count)
            return false;
    }
    return true;
}

/** Arguments have no names, so that only their number tells anything. */
static void put_arguments(bumper *b, const sj_seen_class *old, const sj_seen_class *new)
{
    const bool is_more = new->field_count > old->field_count;
    const size_t few = is_more ? old->field_count : new->field_count;
    const size_t many = is_more ? new->field_count : old->field_count;
    for (size_t i = 0; i < many - few && is_uniform(old) && is_uniform(new); i++) {
        /* Those that go are counted from the end, those that come up to it. */
        const size_t index = is_more ? few + i : many - 1 - i;
        char number[32];
        (void)snprintf(number, sizeof number, ",\"index\":%zu", index);
        begin_step(b, is_more ? "insert_argument" : "drop_argument");
        put_member(&b->steps, "class", class_name(b->after, new));
        sj_text_put(&b->steps, number);
        if (is_more) {
            sj_text_put(&b->steps, ",\"value\":");
            sj_text_put(&b->steps, new->fields[index].literal != NULL ? new->fields[index].literal : "null");
        }
        end_step(b, is_more ? "TODO: is it this one that is new, and what have old objects?"
                            : "TODO: is it this one that is gone?");
    }
}

/** A class got __slots__, or lost them. */
static void put_restated(bumper *b, const sj_seen_class *old, const sj_seen_class *new)
{
    const unsigned dict = 1u << SJ_CLASS_DICT, slots = 1u << SJ_CLASS_SLOTS;
    if (!(old->forms == dict && new->forms == slots) && !(old->forms == slots && new->forms == dict))
        return;
    begin_step(b, "restate");
    put_member(&b->steps, "class", class_name(b->after, new));
    put_member(&b->steps, "to", new->forms == slots ? "slots" : "dict");
    end_step(b, "");
}

static void put_steps(bumper *b)
{
    put_renames(b);
    for (size_t i = 0; i < b->before->class_count; i++) {
        const sj_seen_class *old = &b->before->classes[i];
        const sj_seen_class *new = find_successor(b, old);
        if (new != NULL && sj_samples_form(old) == SJ_CLASS_ARGUMENTS &&sj_samples_form(new) == SJ_CLASS_ARGUMENTS)
            put_arguments(b, old, new);
        if (new == NULL || sj_samples_form(old) >= SJ_CLASS_ARGUMENTS || sj_samples_form(new) >= SJ_CLASS_ARGUMENTS)
            continue;
        put_dropped(b, old, new);
        put_added(b, old, new);
        put_retyped(b, old, new);
        put_restated(b, old, new);
    }
}

/* ---- the layout ---- */

/** The rule of a field that is as it was: the contract's, which a human has written; else what was seen. */
static void put_field_rule(bumper *b, sj_text *out, const sj_json *old_fields, const sj_seen_class *new,
                           const sj_seen_field *field)
{
    const char *name = sj_samples_name(b->after, field->name);
    const sj_seen_class *old = find_predecessor(b, new);
    const sj_seen_field *before = old != NULL ? sj_samples_field(b->before, old, name) : NULL;
    const sj_json *kept = old_fields != NULL ? sj_json_get(old_fields, name) : NULL;
    if (kept != NULL && before != NULL && types_of(b->before, before) == types_of(b->after, field)) {
        put_json(b, out, kept);
        return;
    }
    sj_text_put(out, "{");
    sj_text_put(out, rule_of(b, field));
    if (field->count < new->count)
        sj_text_put(out, rule_of(b, field)[0] != '\0' ? ",\"required\":false" : "\"required\":false");
    sj_text_put(out, "}");
}

/** Whether what a human has written of a class still holds: names of arguments, or that nobody looks into it. */
static bool is_kept(const bumper *b, const sj_json *old_class, const sj_seen_class *new)
{
    const sj_json *state = old_class != NULL ? sj_json_get(old_class, "state") : NULL;
    const sj_seen_class *old = find_predecessor(b, new);
    if (state == NULL || old == NULL)
        return false;
    if (strcmp(sj_json_string(state).data, "opaque") == 0)
        return true;
    return sj_samples_form(new) == SJ_CLASS_ARGUMENTS && sj_samples_form(old) == SJ_CLASS_ARGUMENTS &&
           new->field_count == old->field_count;
}

static void put_class(bumper *b, sj_text *out, const sj_json *old_class, const sj_seen_class *new)
{
    const sj_class_form form = sj_samples_form(new);
    const sj_json *old_fields = old_class != NULL ? sj_json_get(old_class, "fields") : NULL;
    const char *separator = "";
    if (is_kept(b, old_class, new)) {
        put_json(b, out, old_class);
        return;
    }
    if (form >= SJ_CLASS_ARGUMENTS) {
        sj_class_write(out, b->after, &b->rules, new);
        return;
    }
    sj_text_put(out, form == SJ_CLASS_SLOTS ? "{\"state\":\"slots\",\"fields\":{" : "{\"fields\":{");
    for (size_t i = 0; i < new->field_count; i++) {
        sj_text_put(out, separator);
        sj_text_put_quoted(out, sj_samples_name(b->after, new->fields[i].name));
        sj_text_put(out, ":");
        put_field_rule(b, out, old_fields, new, &new->fields[i]);
        separator = ",";
    }
    /* What may be missing was in no sample. */
    for (void *i = old_fields != NULL ? sj_json_first(old_fields) : NULL; i != NULL; i = sj_json_next(old_fields, i)) {
        const sj_json *required = sj_json_get(sj_json_member(i), "required");
        if (sj_samples_field(b->after, new, sj_json_key(i)) != NULL || required == NULL || sj_json_is_true(required))
            continue;
        sj_text_put(out, separator);
        sj_text_put_quoted(out, sj_json_key(i));
        sj_text_put(out, ":");
        put_json(b, out, sj_json_member(i));
        separator = ",";
    }
    sj_text_put(out, "}");
    const sj_json *extra = old_class != NULL ? sj_json_get(old_class, "extra_fields") : NULL;
    if (extra != NULL)
        put_member(out, "extra_fields", sj_json_string(extra).data);
    sj_text_put(out, "}");
}

static bool is_gone(const bumper *b, const char *name)
{
    return sj_samples_class(b->before, name) != NULL && sj_samples_class(b->after, name) == NULL;
}

/** Classes of the new samples, and those of the contract that were in none. */
static void put_classes(bumper *b, sj_text *out)
{
    const sj_json *old = sj_json_get(b->root, "classes");
    const char *separator = "";
    for (size_t i = 0; i < b->after->class_count; i++) {
        const char *name = class_name(b->after, &b->after->classes[i]);
        sj_text_put(out, separator);
        sj_text_put_quoted(out, name);
        sj_text_put(out, ":");
        const sj_seen_class *before = find_predecessor(b, &b->after->classes[i]);
        const char *old_name = before != NULL ? class_name(b->before, before) : name;
        put_class(b, out, old != NULL ? sj_json_get(old, old_name) : NULL, &b->after->classes[i]);
        separator = ",";
    }
    for (void *i = old != NULL ? sj_json_first(old) : NULL; i != NULL; i = sj_json_next(old, i)) {
        if (sj_samples_class(b->after, sj_json_key(i)) != NULL || is_gone(b, sj_json_key(i)))
            continue;
        sj_text_put(out, separator);
        sj_text_put_quoted(out, sj_json_key(i));
        sj_text_put(out, ":");
        put_json(b, out, sj_json_member(i));
        separator = ",";
    }
}

/** What the contract says of its version now, as one of the older versions. */
static void put_versions(bumper *b, sj_text *out)
{
    const sj_json *versions = sj_json_get(b->root, "versions");
    const sj_json *root = sj_json_get(b->root, "root");
    const sj_json *classes = sj_json_get(b->root, "classes");
    char number[32];
    (void)snprintf(number, sizeof number, "\"%" PRId64 "\":{", b->contract->current.version);
    sj_text_put(out, ",\"versions\":{");
    sj_text_put(out, number);
    if (root != NULL) {
        sj_text_put(out, "\"root\":");
        put_json(b, out, root);
        sj_text_put(out, classes != NULL ? "," : "");
    }
    if (classes != NULL) {
        sj_text_put(out, "\"classes\":");
        put_json(b, out, classes);
    }
    sj_text_put(out, "}");
    for (void *i = versions != NULL ? sj_json_first(versions) : NULL; i != NULL; i = sj_json_next(versions, i)) {
        sj_text_put(out, ",");
        sj_text_put_quoted(out, sj_json_key(i));
        sj_text_put(out, ":");
        put_json(b, out, sj_json_member(i));
    }
    sj_text_put(out, "}");
}

static void put_migrations(bumper *b, sj_text *out)
{
    const sj_json *migrations = sj_json_get(b->root, "migrations");
    char ends[96];
    sj_text_put(out, ",\"migrations\":[");
    for (size_t i = 0; migrations != NULL && i < sj_json_count(migrations); i++) {
        put_json(b, out, sj_json_at(migrations, i));
        sj_text_put(out, ",");
    }
    (void)snprintf(ends, sizeof ends,
                   "{\"from\":%" PRId64 ",\"to\":%" PRId64 ",\"description\":\"TODO: why\",\"steps\":[",
                   b->contract->current.version, b->contract->current.version + 1);
    sj_text_put(out, ends);
    put_steps(b);
    sj_text_put_bytes(out, b->steps.data != NULL ? b->steps.data : "", b->steps.size);
    sj_text_put(out, "]}]");
}

/** The rows of the contract, and those that the new samples need beside them. */
static void put_allow(bumper *b, sj_text *out)
{
    const sj_json *allow = sj_json_get(b->root, "allow");
    const char *before = ",\"allow\":{";
    for (void *i = allow != NULL ? sj_json_first(allow) : NULL; i != NULL; i = sj_json_next(allow, i)) {
        sj_text_put(out, before);
        sj_text_put_quoted(out, sj_json_key(i));
        sj_text_put(out, ":");
        put_json(b, out, sj_json_member(i));
        before = ",";
    }
    for (size_t i = 0; i < b->after->global_count; i++) {
        const sj_seen_global *global = &b->after->globals[i];
        const char *name = sj_samples_name(b->after, global->name);
        const char *colon = strchr(name, ':');
        const unsigned allowed = sj_policy_uses(b->contract->policy, (snapjar_text){name, (size_t)(colon - name)},
                                                (snapjar_text){colon + 1, strlen(colon + 1)}) |
                                 sj_samples_class_uses(b->after, name);
        const bool has_row = allow != NULL && sj_json_get(allow, name) != NULL;
        if ((global->uses & ~allowed) == 0 || has_row)
            continue;
        sj_text_put(out, before);
        sj_allow_row_write(out, b->after, global, global->uses & ~allowed);
        before = ",";
    }
    sj_text_put(out, before[1] == '\0' ? "}" : "");
}

/** Members that stay: what is made anew is left out. */
static void put_kept(bumper *b, sj_text *out)
{
    static const char *const anew[] = {"snapjar_contract", "type",     "schema_version", "allow",
                                       "classes",          "versions", "migrations"};
    for (void *i = sj_json_first(b->root); i != NULL; i = sj_json_next(b->root, i)) {
        bool is_anew = false;
        for (size_t k = 0; k < sizeof anew / sizeof *anew; k++)
            is_anew = is_anew || strcmp(sj_json_key(i), anew[k]) == 0;
        if (is_anew)
            continue;
        sj_text_put(out, ",");
        sj_text_put_quoted(out, sj_json_key(i));
        sj_text_put(out, ":");
        put_json(b, out, sj_json_member(i));
    }
}

static void put_document(bumper *b, sj_text *out)
{
    sj_text_put(out, "{\"snapjar_contract\":1,\"type\":");
    sj_text_put_quoted(out, b->after->type);
    sj_text_put(out, ",\"schema_version\":");
    sj_text_put_number(out, b->contract->current.version + 1);
    put_kept(b, out);
    put_allow(b, out);
    sj_text_put(out, ",\"classes\":{");
    put_classes(b, out);
    sj_text_put(out, "}");
    put_versions(b, out);
    put_migrations(b, out);
    sj_text_put(out, "}");
}

static SJ_SAMPLES bump(bumper *b, snapjar_sink *sink, snapjar_error *err)
{
    sj_text out = {.context = b->context};
    snapjar_status status = sj_rule_texts_make(&b->rules, b->after, err);
    if (status == SNAPJAR_OK) {
        put_document(b, &out);
        status = sj_text_check(&b->steps, err);
    }
    if (status == SNAPJAR_OK && b->has_failed)
        status = sj_raise_no_memory(err, out.size);
    if (status == SNAPJAR_OK)
        status = sj_text_write_json(&out, sink, err);
    sj_rule_texts_free(&b->rules);
    sj_free(b->context, b->steps.data);
    sj_free(b->context, out.data);
    return status;
}

static snapjar_status check_arguments(const char *text, const snapjar_samples *before, const snapjar_samples *after,
                                      const snapjar_sink *sink, snapjar_error *err)
{
    const char *wrong = text == NULL                              ? "text is NULL"
                        : before == NULL || after == NULL         ? "samples are NULL"
                        : before->count == 0 || after->count == 0 ? "there is no sample"
                        : sink == NULL                            ? "sink is NULL"
                                                                  : NULL;
    if (wrong == NULL)
        return SNAPJAR_OK;
    return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE, "%s", wrong);
}

snapjar_status snapjar_contract_bump(const char *text, size_t size, const snapjar_samples *old_samples,
                                     const snapjar_samples *new_samples, snapjar_sink *sink, snapjar_error *err)
{
    snapjar_contract *contract;
    SJ_TRY(check_arguments(text, old_samples, new_samples, sink, err));
    snapjar_context *context = new_samples->context;
    SJ_TRY(snapjar_contract_read(&contract, context, text, size, NULL, err));
    bumper b = {.contract = contract,
                .root = contract->root,
                .before = old_samples,
                .after = new_samples,
                .context = context,
                .steps = {.context = context}};
    snapjar_status status = SNAPJAR_OK;
    if (contract->current.version == INT64_MAX)
        status = sj_raise(err, SNAPJAR_LIMIT, SNAPJAR_DIAG_CONTRACT_LIMIT, SJ_NOWHERE,
                          "there is no version after %" PRId64, contract->current.version);
    else
        status = bump(&b, sink, err);
    snapjar_contract_free(contract);
    return status;
}
