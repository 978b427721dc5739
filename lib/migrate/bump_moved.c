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
