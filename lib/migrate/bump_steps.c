/* SPDX-License-Identifier: MIT
 *
 * The steps of a migration, as far as samples tell them.
 */
#include "migrate/bump.h"

#include <stdio.h>
#include <string.h>

static void begin_step(sj_bumper *b, const char *op)
{
    sj_text_put(&b->steps, b->has_steps ? ",{\"op\":" : "{\"op\":");
    sj_text_put_quoted(&b->steps, op);
    b->has_steps = true;
}

static void end_step(sj_bumper *b, const char *description)
{
    if (b->may_touch_none)
        sj_bump_member(&b->steps, "if_none", "ignore");
    b->may_touch_none = false;
    if (description[0] != '\0')
        sj_bump_member(&b->steps, "description", description);
    sj_text_put(&b->steps, "}");
}

/** Whether each old sample names a class. */
static bool is_in_all(const snapjar_samples *samples, const char *name)
{
    for (size_t i = 0; i < samples->global_count; i++) {
        if (strcmp(sj_samples_name(samples, samples->globals[i].name), name) == 0)
            return samples->globals[i].count == samples->count;
    }
    return true;
}

/** The step that is written is about an old class. */
static void note_class(sj_bumper *b, const char *old_class)
{
    b->may_touch_none = b->may_touch_none || !is_in_all(b->before, old_class);
}

static void put_rename(sj_bumper *b, const char *from, const char *to, const char *description)
{
    begin_step(b, "rename");
    note_class(b, from);
    sj_bump_member(&b->steps, "from", from);
    sj_bump_member(&b->steps, "to", to);
    end_step(b, description);
}

#define SAME_NAME "TODO: is it the same class? It has the same name in another module"

/** The name of old class `index`, or, behind those, of what has a member. */
static const char *old_name(const sj_bumper *b, size_t index)
{
    const snapjar_samples *before = b->before;
    return index < before->class_count
               ? sj_bump_class_name(before, &before->classes[index])
               : sj_samples_name(before, before->members[index - before->class_count].class_name);
}

/** A module that moved as a whole: one step, at the first of its names. False if that did not happen. */
static bool put_moved_module(sj_bumper *b, size_t index)
{
    const char *name = old_name(b, index);
    size_t from_size, earlier_size;
    snapjar_text to, earlier_to;
    if (!sj_bump_module_moves(b, name, &from_size, &to))
        return false;
    for (size_t i = 0; i < index; i++) {
        if (sj_bump_module_moves(b, old_name(b, i), &earlier_size, &earlier_to) && earlier_size <= from_size &&
            strncmp(old_name(b, i), name, earlier_size) == 0 && strchr(":.", name[earlier_size]) != NULL)
            return true;
    }
    char *from_text = sj_dup_text(b->context, name, from_size);
    char *to_text = sj_dup_text(b->context, to.data, to.size);
    b->has_failed = b->has_failed || from_text == NULL || to_text == NULL;
    if (from_text != NULL && to_text != NULL) {
        begin_step(b, "rename_module");
        note_class(b, name);
        sj_bump_member(&b->steps, "from", from_text);
        sj_bump_member(&b->steps, "to", to_text);
        end_step(b, "TODO: did the whole module move? All that was seen of it has");
    }
    sj_free(b->context, from_text);
    sj_free(b->context, to_text);
    return true;
}

static void put_renames(sj_bumper *b)
{
    for (size_t i = 0; i < b->before->class_count; i++) {
        const sj_seen_class *old = &b->before->classes[i];
        const sj_seen_class *new = sj_bump_successor(b, old);
        const char *name = sj_bump_class_name(b->before, old);
        if (new == NULL || strcmp(sj_bump_class_name(b->after, new), name) == 0 || put_moved_module(b, i) ||
            sj_bump_goes_along(b, name))
            continue;
        put_rename(b, name, sj_bump_class_name(b->after, new),
                   sj_bump_has_same_fields(b, old, new) ? "TODO: is it the same class? It has the same fields"
                                                        : SAME_NAME);
    }
    for (size_t i = 0; i < b->before->member_count; i++) {
        const char *name = sj_samples_name(b->before, b->before->members[i].class_name);
        const char *now = sj_bump_enum_now(b, name);
        if (sj_bump_is_first_member(b->before, i) && strcmp(now, name) != 0 &&
            !put_moved_module(b, b->before->class_count + i) && !sj_bump_goes_along(b, name))
            put_rename(b, name, now, SAME_NAME);
    }
}

/* ---- members of enumerations ---- */

/** The one member of a class that is in these samples and not in the others; NULL if there is none, or several. */
static const sj_seen_member *only_in(const snapjar_samples *mine, const char *my_name, const snapjar_samples *theirs,
                                     const char *their_name, bool is_by_name)
{
    const sj_seen_member *found = NULL;
    size_t count = 0;
    for (size_t i = 0; i < mine->member_count; i++) {
        const sj_seen_member *member = &mine->members[i];
        bool is_there = false;
        if (member->is_by_name != is_by_name || strcmp(sj_samples_name(mine, member->class_name), my_name) != 0)
            continue;
        for (size_t k = 0; k < theirs->member_count; k++)
            is_there = is_there || (theirs->members[k].is_by_name == is_by_name &&
                                    strcmp(sj_samples_name(theirs, theirs->members[k].class_name), their_name) == 0 &&
                                    strcmp(theirs->members[k].literal, member->literal) == 0);
        if (is_there)
            continue;
        found = member;
        count++;
    }
    return count == 1 ? found : NULL;
}

/** Of what the contract calls an enumeration: one member went, and one came. */
static void put_members(sj_bumper *b)
{
    const sj_json *classes = sj_json_get(b->root, "classes");
    for (void *i = classes != NULL ? sj_json_first(classes) : NULL; i != NULL; i = sj_json_next(classes, i)) {
        const sj_json *state = sj_json_get(sj_json_member(i), "state");
        const char *name = sj_json_key(i);
        const char *now = sj_bump_enum_now(b, name);
        if (state == NULL || strcmp(sj_json_string(state).data, "enum") != 0)
            continue;
        for (int is_by_name = 0; is_by_name <= 1; is_by_name++) {
            const sj_seen_member *gone = only_in(b->before, name, b->after, now, is_by_name != 0);
            const sj_seen_member *came = only_in(b->after, now, b->before, name, is_by_name != 0);
            if (gone == NULL || came == NULL)
                continue;
            begin_step(b, "rename_member");
            /* Members take turns. */
            b->may_touch_none = true;
            sj_bump_member(&b->steps, "class", now);
            sj_text_put(&b->steps, is_by_name ? ",\"names\":{" : ",\"values\":[[");
            sj_text_put(&b->steps, gone->literal);
            sj_text_put(&b->steps, is_by_name ? ":" : ",");
            sj_text_put(&b->steps, came->literal);
            sj_text_put(&b->steps, is_by_name ? "}" : "]]");
            end_step(b, "TODO: is it the same member, or another one of the enumeration?");
        }
    }
}

/* ---- fields ---- */

/** What has fields, before and after: instances of a class, or the root. */
typedef struct place {
    /** "class" and its name, or "at" and a path. */
    const char *member;
    const char *name;
    const sj_seen_class *old;
    const sj_seen_class *new;
} place;

static void begin_field_step(sj_bumper *b, const char *op, const place *p, const char *field)
{
    begin_step(b, op);
    if (p->name[0] != '\0')
        note_class(b, sj_bump_class_name(b->before, p->old));
    sj_bump_member(&b->steps, p->member, p->name);
    sj_bump_member(&b->steps, "field", field);
}

static unsigned types_of(const snapjar_samples *samples, const sj_seen_field *field)
{
    return samples->shapes[field->shape].types;
}

/** The one type of a field as `retype` calls it; NULL if it has another or several. */
static const char *only_type(const snapjar_samples *samples, const sj_seen_field *field)
{
    static const char *const times[] = {"datetime:datetime", "datetime:date", "datetime:time"};
    const sj_seen_shape *shape = &samples->shapes[field->shape];
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        if (shape->types == 0 && shape->class_count == 1 &&
            strcmp(sj_samples_name(samples, shape->classes[0]), times[i]) == 0)
            return times[i] + strlen("datetime:");
    }
    for (unsigned type = 0; type < SJ_VALUE_ANY && shape->class_count == 0; type++) {
        if (shape->types == 1u << type)
            return sj_value_type_name((sj_value_type)type);
    }
    return NULL;
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

static void put_dropped(sj_bumper *b, const place *p)
{
    const sj_seen_class *old = p->old;
    for (size_t i = 0; i < old->field_count; i++) {
        const char *name = sj_samples_name(b->before, old->fields[i].name);
        char description[256] = "";
        if (sj_samples_field(b->after, p->new, name) != NULL)
            continue;
        const sj_seen_field *alike = find_alike(b->before, old, &old->fields[i], b->after, p->new);
        if (old->fields[i].count < old->count)
            (void)snprintf(description, sizeof description, "TODO: is it gone, or only missing in the samples?");
        if (alike != NULL)
            (void)snprintf(description, sizeof description,
                           "TODO: or is it %.100s now? Then write rename_field in place of this and of the add",
                           sj_samples_name(b->after, alike->name));
        begin_field_step(b, "drop", p, name);
        /* Not all objects have it. */
        if (old->fields[i].count < old->count)
            sj_bump_member(&b->steps, "if_missing", "ignore");
        b->may_touch_none = b->may_touch_none || old->fields[i].count < old->count;
        end_step(b, description);
    }
}

static void put_added(sj_bumper *b, const place *p)
{
    const sj_seen_class *new = p->new;
    for (size_t i = 0; i < new->field_count; i++) {
        const sj_seen_field *field = &new->fields[i];
        const char *name = sj_samples_name(b->after, field->name);
        if (sj_samples_field(b->before, p->old, name) != NULL)
            continue;
        begin_field_step(b, "add", p, name);
        sj_text_put(&b->steps, ",\"value\":");
        sj_text_put(&b->steps, field->literal != NULL ? field->literal : "null");
        end_step(b, field->literal != NULL ? "TODO: the value is that of a sample; what have old objects?"
                                           : "TODO: no value of a sample can be written here; what have old objects?");
    }
}

static bool is_one_of(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(name, names[i]) == 0)
            return true;
    }
    return false;
}

/** Whether a step converts values of one type to another. */
static bool is_convertible(const char *from, const char *to)
{
    static const char *const sequences[] = {"list", "tuple", "set", "frozenset"};
    static const char *const pairs[][2] = {
        {"int", "float"}, {"str", "int"},      {"str", "float"}, {"bool", "int"},
        {"str", "bytes"}, {"str", "datetime"}, {"str", "date"},  {"str", "time"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        if (is_one_of(from, pairs[i], 2) && is_one_of(to, pairs[i], 2))
            return true;
    }
    return is_one_of(from, sequences, 4) && is_one_of(to, sequences, 4);
}

static void put_retyped(sj_bumper *b, const place *p)
{
    for (size_t i = 0; i < p->new->field_count; i++) {
        const char *name = sj_samples_name(b->after, p->new->fields[i].name);
        const sj_seen_field *before = sj_samples_field(b->before, p->old, name);
        const char *from = before != NULL ? only_type(b->before, before) : NULL;
        const char *to = only_type(b->after, &p->new->fields[i]);
        if (from == NULL || to == NULL || strcmp(from, to) == 0 || !is_convertible(from, to))
            continue;
        begin_field_step(b, "retype", p, name);
        sj_bump_member(&b->steps, "from", from);
        sj_bump_member(&b->steps, "to", to);
        end_step(b, "");
    }
}

/** Whether all values of a field are members of one class that is called with a value, as of an enumeration. */
static bool is_of_members(const snapjar_samples *samples, const sj_seen_field *field)
{
    const sj_seen_shape *shape = &samples->shapes[field->shape];
    if (shape->types != 0 || shape->class_count != 1 || field->literal == NULL)
        return false;
    for (size_t i = 0; i < samples->member_count; i++) {
        if (samples->members[i].class_name == shape->classes[0] && !samples->members[i].is_by_name)
            return strncmp(sj_samples_name(samples, shape->classes[0]), "datetime:", strlen("datetime:")) != 0;
    }
    return false;
}

/** A plain value became a member of an enumeration, or the reverse. */
static void put_mapped(sj_bumper *b, const place *p)
{
    for (size_t i = 0; i < p->new->field_count; i++) {
        const sj_seen_field *after = &p->new->fields[i];
        const char *name = sj_samples_name(b->after, after->name);
        const sj_seen_field *before = sj_samples_field(b->before, p->old, name);
        if (before == NULL || before->literal == NULL || after->literal == NULL)
            continue;
        const bool becomes_member = only_type(b->before, before) != NULL && is_of_members(b->after, after);
        const bool becomes_plain = is_of_members(b->before, before) && only_type(b->after, after) != NULL;
        if (!becomes_member && !becomes_plain)
            continue;
        begin_field_step(b, "map", p, name);
        sj_text_put(&b->steps, ",\"values\":[[");
        sj_text_put(&b->steps, before->literal);
        sj_text_put(&b->steps, ",");
        sj_text_put(&b->steps, after->literal);
        sj_text_put(&b->steps, "]]");
        end_step(b, "TODO: these are values of samples; what becomes of each?");
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
static void put_arguments(sj_bumper *b, const sj_seen_class *old, const sj_seen_class *new)
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
        note_class(b, sj_bump_class_name(b->before, old));
        sj_bump_member(&b->steps, "class", sj_bump_class_name(b->after, new));
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
static void put_restated(sj_bumper *b, const sj_seen_class *old, const sj_seen_class *new)
{
    const unsigned dict = 1u << SJ_CLASS_DICT, slots = 1u << SJ_CLASS_SLOTS;
    if (!(old->forms == dict && new->forms == slots) && !(old->forms == slots && new->forms == dict))
        return;
    begin_step(b, "restate");
    note_class(b, sj_bump_class_name(b->before, old));
    sj_bump_member(&b->steps, "class", sj_bump_class_name(b->after, new));
    sj_bump_member(&b->steps, "to", new->forms == slots ? "slots" : "dict");
    end_step(b, "");
}

/** Whether the state of a class is a list or tuple of values, which have no names. */
static bool is_listed(const sj_seen_class *class)
{
    return class->listed_count > 0 && class->forms == 1u << SJ_CLASS_OPAQUE;
}

/** The state of a class became a list of values, as that of a dataclass which is frozen now and has slots, or was one.
 * Its __setstate__ would take a dict for the list of its keys, without an error. */
static void put_listed(sj_bumper *b, const sj_seen_class *old, const sj_seen_class *new)
{
    const bool to_list = is_listed(new);
    const sj_seen_class *named = to_list ? old : new;
    const snapjar_samples *samples = to_list ? b->before : b->after;
    const size_t count = to_list ? named->field_count : sj_min(named->field_count, old->listed_count);
    char description[160];
    if (is_listed(old) == is_listed(new) || sj_samples_form(named) >= SJ_CLASS_ARGUMENTS)
        return;
    begin_step(b, "restate");
    note_class(b, sj_bump_class_name(b->before, old));
    sj_bump_member(&b->steps, "class", sj_bump_class_name(b->after, new));
    sj_bump_member(&b->steps, "to",
                   !to_list        ? sj_class_form_name(sj_samples_form(new))
                   : new->is_tuple ? "tuple"
                                   : "list");
    sj_text_put(&b->steps, ",\"fields\":[");
    for (size_t i = 0; i < count; i++) {
        sj_text_put(&b->steps, i > 0 ? "," : "");
        sj_text_put_quoted(&b->steps, sj_samples_name(samples, named->fields[i].name));
    }
    sj_text_put(&b->steps, "]");
    (void)snprintf(description, sizeof description,
                   to_list ? "TODO: its state has %zu values without names now: which fields are they, in which order? "
                             "What changes fields stands before this"
                           : "TODO: its state had %zu values without names: which fields were they, in which order?",
                   to_list ? new->listed_count : old->listed_count);
    end_step(b, description);
}

static void put_fields(sj_bumper *b, const place *p)
{
    put_dropped(b, p);
    put_added(b, p);
    put_retyped(b, p);
    put_mapped(b, p);
}

void sj_bump_steps(sj_bumper *b)
{
    put_renames(b);
    put_members(b);
    if (sj_bump_root_entries(b) != NULL)
        put_fields(b, &(place){"at", "", &b->before->entries, &b->after->entries});
    for (size_t i = 0; i < b->before->class_count; i++) {
        const sj_seen_class *old = &b->before->classes[i];
        const sj_seen_class *new = sj_bump_successor(b, old);
        if (new == NULL)
            continue;
        if (sj_samples_form(old) == SJ_CLASS_ARGUMENTS && sj_samples_form(new) == SJ_CLASS_ARGUMENTS)
            put_arguments(b, old, new);
        put_listed(b, old, new);
        if (sj_samples_form(old) >= SJ_CLASS_ARGUMENTS || sj_samples_form(new) >= SJ_CLASS_ARGUMENTS)
            continue;
        put_fields(b, &(place){"class", sj_bump_class_name(b->after, new), old, new});
        put_restated(b, old, new);
    }
}
