/* SPDX-License-Identifier: MIT
 *
 * Classes that have another name than before.
 */
#include "migrate/bump.h"

#include <string.h>

const char *sj_bump_class_name(const snapjar_samples *samples, const sj_seen_class *class)
{
    return sj_samples_name(samples, class->name);
}

bool sj_bump_has_same_fields(const sj_bumper *b, const sj_seen_class *old, const sj_seen_class *new)
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

const sj_seen_class *sj_bump_successor(const sj_bumper *b, const sj_seen_class *old)
{
    const char *name = sj_bump_class_name(b->before, old);
    const sj_seen_class *found = sj_samples_class(b->after, name);
    size_t count = 0;
    if (found != NULL)
        return found;
    for (int by_name = 1; by_name >= 0 && count == 0; by_name--) {
        for (size_t i = 0; i < b->after->class_count; i++) {
            const sj_seen_class *new = &b->after->classes[i];
            const char *other = sj_bump_class_name(b->after, new);
            const bool is_alike =
                by_name ? strcmp(qualname(name), qualname(other)) == 0 : sj_bump_has_same_fields(b, old, new);
            if (!is_alike || sj_samples_class(b->before, other) != NULL)
                continue;
            found = new;
            count++;
        }
    }
    return count == 1 ? found : NULL;
}

const char *sj_bump_name_now(const sj_bumper *b, const char *name)
{
    const sj_seen_class *old = sj_samples_class(b->before, name);
    const sj_seen_class *new = old != NULL ? sj_bump_successor(b, old) : NULL;
    return old == NULL ? sj_bump_enum_now(b, name) : new != NULL ? sj_bump_class_name(b->after, new) : name;
}

bool sj_bump_goes_along(const sj_bumper *b, const char *name)
{
    const char *now = sj_bump_name_now(b, name);
    /* Each class that it is inside of, from the outermost on. */
    for (const char *dot = strchr(qualname(name), '.'); dot != NULL; dot = strchr(dot + 1, '.')) {
        char *outer = sj_dup_text(b->context, name, (size_t)(dot - name));
        const char *outer_now = outer != NULL ? sj_bump_name_now(b, outer) : name;
        const size_t size = strlen(outer_now);
        const bool is_inside = outer != NULL && strcmp(outer, outer_now) != 0 && strncmp(now, outer_now, size) == 0 &&
                               strcmp(now + size, dot) == 0;
        sj_free(b->context, outer);
        if (is_inside)
            return true;
    }
    return false;
}

/** Whether a name is in a module, or in one of its submodules. */
static bool is_in_module(const char *name, const char *module, size_t size)
{
    return strncmp(name, module, size) == 0 && (name[size] == ':' || name[size] == '.');
}

/** Whether a name has another module now, with all behind it as before. */
static bool is_moved(const sj_bumper *b, const char *name, size_t from_size, snapjar_text to)
{
    const char *now = sj_bump_name_now(b, name);
    return strncmp(now, to.data, to.size) == 0 && strcmp(now + to.size, name + from_size) == 0;
}

bool sj_bump_module_moves(const sj_bumper *b, const char *name, size_t *from_size, snapjar_text *to)
{
    const snapjar_samples *before = b->before;
    const char *now = sj_bump_name_now(b, name);
    size_t count = 0;
    *from_size = strcspn(name, ":");
    *to = (snapjar_text){now, strcspn(now, ":")};
    if ((to->size == *from_size && strncmp(now, name, to->size) == 0) || strcmp(qualname(now), qualname(name)) != 0)
        return false;
    for (size_t i = 0; i < before->class_count + before->member_count; i++) {
        const bool is_class = i < before->class_count;
        const size_t member = is_class ? 0 : i - before->class_count;
        const char *other = is_class ? sj_bump_class_name(before, &before->classes[i])
                                     : sj_samples_name(before, before->members[member].class_name);
        if ((!is_class && !sj_bump_is_first_member(before, member)) || !is_in_module(other, name, *from_size))
            continue;
        if (!is_moved(b, other, *from_size, *to))
            return false;
        count += strchr(qualname(other), '.') == NULL;
    }
    return count > 1;
}

void sj_bump_json_now(sj_bumper *b, sj_text *out, const sj_json *value)
{
    const size_t begin = out->size;
    sj_bump_json(b, out, value);
    if (out->has_failed || b->has_failed)
        return;
    /* The text is read from a copy; names of classes are texts without escapes. */
    char *text = sj_dup_text(b->context, out->data + begin, out->size - begin);
    b->has_failed = text == NULL;
    out->size = begin;
    for (char *at = text; at != NULL && *at != '\0';) {
        if (*at != '"') {
            const size_t size = strcspn(at, "\"");
            sj_text_put_bytes(out, at, size);
            at += size;
            continue;
        }
        char *end = at + 1;
        while (*end != '"')
            end += *end == '\\' ? 2 : 1;
        *end = '\0';
        const char *now = strchr(at, '\\') == NULL ? sj_bump_name_now(b, at + 1) : at + 1;
        sj_text_put(out, "\"");
        sj_text_put(out, now);
        sj_text_put(out, "\"");
        at = end + 1;
    }
    sj_free(b->context, text);
}

const sj_seen_class *sj_bump_predecessor(const sj_bumper *b, const sj_seen_class *new)
{
    for (size_t i = 0; i < b->before->class_count; i++) {
        if (sj_bump_successor(b, &b->before->classes[i]) == new)
            return &b->before->classes[i];
    }
    return NULL;
}

/** Whether samples have a member of the class. */
static bool has_members(const snapjar_samples *samples, const char *name)
{
    for (size_t i = 0; i < samples->member_count; i++) {
        if (strcmp(sj_samples_name(samples, samples->members[i].class_name), name) == 0)
            return true;
    }
    return false;
}

bool sj_bump_is_first_member(const snapjar_samples *samples, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (samples->members[i].class_name == samples->members[index].class_name)
            return false;
    }
    return true;
}

const char *sj_bump_enum_now(const sj_bumper *b, const char *name)
{
    const char *found = name;
    size_t count = 0;
    if (!has_members(b->before, name) || has_members(b->after, name))
        return name;
    for (size_t i = 0; i < b->after->member_count; i++) {
        const char *other = sj_samples_name(b->after, b->after->members[i].class_name);
        if (!sj_bump_is_first_member(b->after, i) || strcmp(qualname(name), qualname(other)) != 0 ||
            has_members(b->before, other))
            continue;
        found = other;
        count++;
    }
    return count == 1 ? found : name;
}
