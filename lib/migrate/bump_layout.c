/* SPDX-License-Identifier: MIT
 *
 * What objects of the next version are like: what was seen, with the rules that a human has written where these still
 * hold.
 */
#include "migrate/bump.h"

#include <string.h>

/** Whether "type" of a rule has this name, or any. */
static bool allows_type(const sj_json *type, const char *name)
{
    if (sj_json_type_of(type) == SJ_JSON_STRING) {
        const char *text = sj_json_string(type).data;
        return strcmp(text, name) == 0 || strcmp(text, "any") == 0;
    }
    for (size_t i = 0; i < sj_json_count(type); i++) {
        const char *text = sj_json_string(sj_json_at(type, i)).data;
        if (strcmp(text, name) == 0 || strcmp(text, "any") == 0)
            return true;
    }
    return false;
}

/** Whether "type" of a rule has the class that a class of the new samples was before. */
static bool allows_class(const sj_bumper *b, const sj_json *type, const char *name)
{
    const sj_seen_class *new = sj_samples_class(b->after, name);
    const sj_seen_class *old = new != NULL ? sj_bump_predecessor(b, new) : NULL;
    bool is_enum = false;
    for (size_t i = 0; i < b->before->member_count && !is_enum; i++) {
        const char *before = sj_samples_name(b->before, b->before->members[i].class_name);
        is_enum = allows_type(type, before) && strcmp(sj_bump_enum_now(b, before), name) == 0;
    }
    return is_enum || allows_type(type, name) || (old != NULL && allows_type(type, sj_bump_class_name(b->before, old)));
}

/** Whether the types that were seen are among those that a rule allows, for the value itself. */
static bool allows_types(const sj_bumper *b, const sj_json *rule, const sj_seen_shape *shape)
{
    const sj_json *type = sj_json_get(rule, "type");
    if (type == NULL)
        return true;
    for (unsigned i = 0; i <= SJ_VALUE_ANY; i++) {
        if ((shape->types & 1u << i) != 0 && !allows_type(type, sj_value_type_name((sj_value_type)i)))
            return false;
    }
    for (uint32_t i = 0; i < shape->class_count; i++) {
        if (!allows_class(b, type, sj_samples_name(b->after, shape->classes[i])))
            return false;
    }
    return true;
}

/** A rule and what was seen at its place. */
typedef struct ruled {
    const sj_json *rule;
    uint32_t shape;
} ruled;

/** Each place has four kinds of inner ones at most, of which elements are several. */
#define RULED_MAX ((size_t)(SJ_SHAPE_DEPTH_MAX + 1) * (SJ_SHAPE_ELEMENTS_MAX + 3))

/** The rules inside of a rule that was taken from the stack, with what was seen there. */
static void push_inner(ruled stack[RULED_MAX], size_t *count, const sj_json *rule, const sj_seen_shape *shape)
{
    const struct {
        const char *member;
        uint32_t shape;
    } inner[] = {{"items", shape->items}, {"keys", shape->keys}, {"values", shape->values}};
    const sj_json *elements = sj_json_get(rule, "elements");
    for (size_t i = 0; i < sizeof inner / sizeof *inner; i++) {
        const sj_json *one = sj_json_get(rule, inner[i].member);
        if (one != NULL && inner[i].shape != 0 && *count < RULED_MAX)
            stack[(*count)++] = (ruled){one, inner[i].shape};
    }
    for (size_t i = 0; elements != NULL && i < sj_json_count(elements) && i < SJ_SHAPE_ELEMENTS_MAX; i++) {
        if (shape->elements[i] != 0 && *count < RULED_MAX)
            stack[(*count)++] = (ruled){sj_json_at(elements, i), shape->elements[i]};
    }
}

/** Whether a rule allows the types that were seen, inside of containers too. What else it says is for check to find. */
static bool allows_shape(const sj_bumper *b, const sj_json *rule, uint32_t shape)
{
    ruled stack[RULED_MAX];
    size_t count = 0;
    stack[count++] = (ruled){rule, shape};
    while (count > 0) {
        const ruled at = stack[--count];
        const sj_seen_shape *seen = &b->after->shapes[at.shape];
        if (!allows_types(b, at.rule, seen))
            return false;
        push_inner(stack, &count, at.rule, seen);
    }
    return true;
}

/** The contract's rule of a field, which a human has written, if it allows what was seen; else what was seen. */
static void put_field_rule(sj_bumper *b, sj_text *out, const sj_json *old_fields, const sj_seen_class *new,
                           const sj_seen_field *field)
{
    const char *rule = b->rules.texts[field->shape];
    const char *name = sj_samples_name(b->after, field->name);
    const sj_json *kept = old_fields != NULL ? sj_json_get(old_fields, name) : NULL;
    if (kept != NULL && allows_shape(b, kept, field->shape)) {
        sj_bump_json_now(b, out, kept);
        return;
    }
    sj_text_put(out, "{");
    sj_text_put(out, rule);
    if (field->count < new->count)
        sj_text_put(out, rule[0] != '\0' ? ",\"required\":false" : "\"required\":false");
    sj_text_put(out, "}");
}

/** The fields that were seen, and those that may be missing and were in no sample, old or new. */
static void put_rules(sj_bumper *b, sj_text *out, const sj_json *old_fields, const sj_seen_class *old,
                      const sj_seen_class *new)
{
    const char *separator = "";
    sj_text_put(out, "{");
    for (size_t i = 0; i < new->field_count; i++) {
        sj_text_put(out, separator);
        sj_text_put_quoted(out, sj_samples_name(b->after, new->fields[i].name));
        sj_text_put(out, ":");
        put_field_rule(b, out, old_fields, new, &new->fields[i]);
        separator = ",";
    }
    for (void *i = old_fields != NULL ? sj_json_first(old_fields) : NULL; i != NULL; i = sj_json_next(old_fields, i)) {
        const sj_json *required = sj_json_get(sj_json_member(i), "required");
        const bool is_gone = old != NULL && sj_samples_field(b->before, old, sj_json_key(i)) != NULL;
        if (is_gone || sj_samples_field(b->after, new, sj_json_key(i)) != NULL || required == NULL ||
            sj_json_is_true(required))
            continue;
        sj_text_put(out, separator);
        sj_text_put_quoted(out, sj_json_key(i));
        sj_text_put(out, ":");
        sj_bump_json_now(b, out, sj_json_member(i));
        separator = ",";
    }
    sj_text_put(out, "}");
}

/** Whether what a human has written of a class still holds: names of arguments, or that nobody looks into it. */
static bool is_kept(const sj_bumper *b, const sj_json *old_class, const sj_seen_class *new)
{
    const sj_json *state = old_class != NULL ? sj_json_get(old_class, "state") : NULL;
    const sj_seen_class *old = sj_bump_predecessor(b, new);
    if (state == NULL || old == NULL)
        return false;
    if (strcmp(sj_json_string(state).data, "opaque") == 0)
        return true;
    return sj_samples_form(new) == SJ_CLASS_ARGUMENTS && sj_samples_form(old) == SJ_CLASS_ARGUMENTS &&
           new->field_count == old->field_count;
}

static void put_class(sj_bumper *b, sj_text *out, const sj_json *old_class, const sj_seen_class *new)
{
    const sj_class_form form = sj_samples_form(new);
    if (is_kept(b, old_class, new)) {
        sj_bump_json_now(b, out, old_class);
        return;
    }
    if (form >= SJ_CLASS_ARGUMENTS) {
        sj_class_write(out, b->after, &b->rules, new);
        return;
    }
    sj_text_put(out, form == SJ_CLASS_SLOTS ? "{\"state\":\"slots\",\"fields\":" : "{\"fields\":");
    put_rules(b, out, old_class != NULL ? sj_json_get(old_class, "fields") : NULL, sj_bump_predecessor(b, new), new);
    const sj_json *extra = old_class != NULL ? sj_json_get(old_class, "extra_fields") : NULL;
    if (extra != NULL)
        sj_bump_member(out, "extra_fields", sj_json_string(extra).data);
    sj_text_put(out, "}");
}

static bool is_gone(const sj_bumper *b, const char *name)
{
    return sj_samples_class(b->before, name) != NULL && sj_samples_class(b->after, name) == NULL;
}

/** Classes of the new samples, and those of the contract that were in none. */
void sj_bump_classes(sj_bumper *b, sj_text *out)
{
    const sj_json *old = sj_json_get(b->root, "classes");
    const char *separator = "";
    for (size_t i = 0; i < b->after->class_count; i++) {
        const char *name = sj_bump_class_name(b->after, &b->after->classes[i]);
        sj_text_put(out, separator);
        sj_text_put_quoted(out, name);
        sj_text_put(out, ":");
        const sj_seen_class *before = sj_bump_predecessor(b, &b->after->classes[i]);
        const char *old_name = before != NULL ? sj_bump_class_name(b->before, before) : name;
        put_class(b, out, old != NULL ? sj_json_get(old, old_name) : NULL, &b->after->classes[i]);
        separator = ",";
    }
    for (void *i = old != NULL ? sj_json_first(old) : NULL; i != NULL; i = sj_json_next(old, i)) {
        if (sj_samples_class(b->after, sj_json_key(i)) != NULL || is_gone(b, sj_json_key(i)))
            continue;
        sj_text_put(out, separator);
        sj_text_put_quoted(out, sj_bump_enum_now(b, sj_json_key(i)));
        sj_text_put(out, ":");
        sj_bump_json_now(b, out, sj_json_member(i));
        separator = ",";
    }
}

/* ---- the root ---- */

const sj_json *sj_bump_root_entries(const sj_bumper *b)
{
    const sj_json *root = sj_json_get(b->root, "root");
    const sj_json *entries = root != NULL ? sj_json_get(root, "entries") : NULL;
    const bool is_dict = !b->before->has_other_roots && !b->after->has_other_roots;
    return is_dict ? entries : NULL;
}

void sj_bump_root(sj_bumper *b, sj_text *out)
{
    const sj_json *root = sj_json_get(b->root, "root");
    const char *separator = "";
    sj_text_put(out, "{");
    for (void *i = sj_json_first(root); i != NULL; i = sj_json_next(root, i)) {
        sj_text_put(out, separator);
        sj_text_put_quoted(out, sj_json_key(i));
        sj_text_put(out, ":");
        if (strcmp(sj_json_key(i), "entries") == 0)
            put_rules(b, out, sj_json_member(i), &b->before->entries, &b->after->entries);
        else
            sj_bump_json_now(b, out, sj_json_member(i));
        separator = ",";
    }
    sj_text_put(out, "}");
}
