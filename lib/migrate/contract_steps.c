/* SPDX-License-Identifier: MIT
 *
 * Whether the classes that steps name are any that the contract knows: a misspelt one would change nothing, and nobody
 * would hear of it before the first old file is migrated. Only migrations from or to a version with "classes" are
 * looked at, because of others nobody has said what they have.
 */
#include <stdlib.h>
#include <string.h>

#include "migrate/contract_read.h"
#include "migrate/edit.h"
#include "migrate/literal_parts.h"
#include "pickle/policy.h"

/** Room for a name that renames are undone of, one after another. */
#define UNDONE_SIZE ((size_t)4 * SJ_CLASS_NAME_SIZE)

/* ---- names of the versions ---- */

snapjar_status sj_contract_know(sj_contract_reader *reader, snapjar_text name)
{
    if (reader->name_count == reader->name_capacity) {
        const size_t capacity = reader->name_capacity == 0 ? 64 : 2 * reader->name_capacity;
        snapjar_text *grown = sj_realloc(reader->contract->context, reader->names, capacity * sizeof *grown);
        if (grown == NULL)
            return sj_raise_no_memory(reader->err, capacity * sizeof *grown);
        reader->names = grown;
        reader->name_capacity = capacity;
    }
    reader->names[reader->name_count++] = name;
    return SNAPJAR_OK;
}

snapjar_status sj_contract_know_literal(sj_contract_reader *reader, const sj_json *literal)
{
    sj_literal_names walk;
    snapjar_text name;
    sj_literal_names_begin(&walk, literal);
    while (sj_literal_names_next(&walk, &name))
        SJ_TRY(sj_contract_know(reader, name));
    return SNAPJAR_OK;
}

static int compare_texts(const void *a, const void *b)
{
    const snapjar_text *left = a, *right = b;
    const size_t size = left->size < right->size ? left->size : right->size;
    const int order = size > 0 ? memcmp(left->data, right->data, size) : 0;
    return order != 0 ? order : (left->size > right->size) - (left->size < right->size);
}

static bool begins_with(snapjar_text text, snapjar_text beginning)
{
    return text.size >= beginning.size && memcmp(text.data, beginning.data, beginning.size) == 0;
}

/** Whether it is `outer`, or behind one of `separators` in it. */
static bool is_within(snapjar_text text, snapjar_text outer, const char *separators)
{
    return begins_with(text, outer) && (text.size == outer.size || strchr(separators, text.data[outer.size]) != NULL);
}

/** Whether a version has a class of this name, or one inside of it behind one of the separators. */
static bool is_described(const sj_contract_reader *reader, snapjar_text outer, const char *separators)
{
    size_t low = 0, high = reader->name_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (compare_texts(&reader->names[middle], &outer) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < reader->name_count && begins_with(reader->names[low], outer); low++) {
        if (is_within(reader->names[low], outer, separators))
            return true;
    }
    return false;
}

/** Whether a version has it, or the policy names it. */
static bool is_known(const sj_contract_reader *reader, snapjar_text text)
{
    sj_class_name name;
    return is_described(reader, text, ".") ||
           (sj_class_name_read(text, &name) && sj_policy_uses(reader->contract->policy, name.module, name.name) != 0);
}

/* ---- what steps do to names ---- */

/** Pairs of old and new of a step that renames. */
typedef struct pairs {
    const sj_edit *edit;
    void *iterator;
    bool is_begun;
    snapjar_text from;
    snapjar_text to;
    /** What may stand behind `from` and `to` in a name that goes along. */
    const char *separators;
} pairs;

static bool next_pair(pairs *p)
{
    const sj_json *map = p->edit->members[SJ_IN_MAP];
    const bool is_first = !p->is_begun;
    p->is_begun = true;
    p->separators = p->edit->op == SJ_EDIT_RENAME_MODULE ? ":." : ".";
    if (map == NULL) {
        p->from = sj_edit_text(p->edit, SJ_IN_FROM);
        p->to = sj_edit_text(p->edit, SJ_IN_TO);
        return is_first && (p->edit->op == SJ_EDIT_RENAME || p->edit->op == SJ_EDIT_RENAME_MODULE);
    }
    p->iterator = is_first ? sj_json_first(map) : sj_json_next(map, p->iterator);
    if (p->iterator == NULL)
        return false;
    p->from = (snapjar_text){sj_json_key(p->iterator), strlen(sj_json_key(p->iterator))};
    p->to = sj_json_string(sj_json_member(p->iterator));
    return true;
}

static bool has_name(const sj_json *literal, snapjar_text name)
{
    sj_literal_names walk;
    snapjar_text found;
    sj_literal_names_begin(&walk, literal);
    while (sj_literal_names_next(&walk, &found)) {
        if (compare_texts(&found, &name) == 0)
            return true;
    }
    return false;
}

/** Whether a step puts this very name into a pickle, whatever was there. */
static bool makes(const sj_edit *edit, snapjar_text name)
{
    const sj_json *values = edit->members[SJ_IN_VALUES];
    pairs p = {.edit = edit};
    while (next_pair(&p)) {
        if (edit->op == SJ_EDIT_RENAME && compare_texts(&p.to, &name) == 0)
            return true;
    }
    if (edit->op == SJ_EDIT_TO_INSTANCE) {
        const snapjar_text class = sj_edit_text(edit, SJ_IN_CLASS);
        return compare_texts(&class, &name) == 0;
    }
    for (size_t i = 0; values != NULL && i < sj_json_count(values); i++) {
        if (has_name(sj_json_at(sj_json_at(values, i), 1), name))
            return true;
    }
    return edit->members[SJ_IN_VALUE] != NULL && has_name(edit->members[SJ_IN_VALUE], name);
}

/** Whether a step gives a name another one. */
static bool takes_away(const sj_edit *edit, snapjar_text name)
{
    bool is_taken = false;
    pairs p = {.edit = edit};
    while (next_pair(&p)) {
        is_taken = is_taken || is_within(name, p.from, p.separators);
        if (is_within(name, p.to, p.separators))
            return false;
    }
    return is_taken;
}

/** What a name was before a step, if the step gave it; of several that a version has. False if it did not, or if the
 * old name is too long to be looked for. */
static bool undo(const sj_contract_reader *reader, const sj_edit *edit, snapjar_text name, char before[UNDONE_SIZE],
                 size_t *size)
{
    bool is_given = false;
    pairs p = {.edit = edit};
    while (next_pair(&p)) {
        const size_t rest = name.size - p.to.size;
        if (!is_within(name, p.to, p.separators) || p.from.size + rest > UNDONE_SIZE)
            continue;
        memcpy(before, p.from.data, p.from.size);
        memcpy(before + p.from.size, name.data + p.to.size, rest);
        *size = p.from.size + rest;
        is_given = true;
        if (is_known(reader, (snapjar_text){before, *size}))
            break;
    }
    return is_given;
}

/** Whether a name that is known may be there before step `index`: no earlier one took it away. */
static bool is_left(const sj_steps *steps, size_t index, snapjar_text name)
{
    for (size_t i = 0; i < index; i++) {
        if (takes_away(&steps->edits[i], name))
            return false;
    }
    return true;
}

/** Whether a name can be there before step `index`. */
static bool can_be_there(const sj_contract_reader *reader, const sj_steps *steps, size_t index, snapjar_text name)
{
    char buffers[2][UNDONE_SIZE];
    size_t size, used = 0;
    if (is_known(reader, name) && is_left(steps, index, name))
        return true;
    for (size_t i = index; i > 0; i--) {
        if (makes(&steps->edits[i - 1], name))
            return true;
        if (!undo(reader, &steps->edits[i - 1], name, buffers[used], &size))
            continue;
        name = (snapjar_text){buffers[used], size};
        used = 1 - used;
        if (is_known(reader, name) && is_left(steps, i - 1, name))
            return true;
    }
    return false;
}

/** Whether a step behind `index` takes the name away, or a class inside of it, so that it need not be one of the
 * version that is led to. */
static bool is_taken_further(const sj_steps *steps, size_t index, snapjar_text name)
{
    for (size_t i = index + 1; i < steps->count; i++) {
        const sj_edit *edit = &steps->edits[i];
        const snapjar_text class = sj_edit_text(edit, SJ_IN_CLASS);
        pairs p = {.edit = edit};
        if (takes_away(edit, name) || (edit->op == SJ_EDIT_TO_DICT && is_within(class, name, ".")))
            return true;
        while (next_pair(&p)) {
            if (is_within(p.from, name, "."))
                return true;
        }
    }
    return false;
}

/* ---- checking ---- */

static SJ_READ refuse(const sj_contract_reader *reader, sj_json_place place, snapjar_text name, const char *what)
{
    char escaped[96];
    (void)snapjar_text_escape(escaped, sizeof escaped, name.data, name.size);
    return sj_json_raise(&reader->document, place, SNAPJAR_DAMAGED, SNAPJAR_DIAG_STEP_CLASS_UNKNOWN, reader->err,
                         "\"%s\" %s", escaped, what);
}

/** Old names. One that becomes a name which no version has may be that of a function: those are in no version. */
static SJ_READ check_old_names(const sj_contract_reader *reader, const sj_steps *steps, size_t index)
{
    const sj_edit *edit = &steps->edits[index];
    const bool is_module = edit->op == SJ_EDIT_RENAME_MODULE;
    pairs p = {.edit = edit};
    while (next_pair(&p)) {
        const sj_json *map = edit->members[SJ_IN_MAP];
        const sj_json_place place = map != NULL ? sj_json_member_of(map, p.from.data)
                                                : sj_json_member_of(sj_json_at(steps->array, index), "from");
        bool is_there = !is_described(reader, p.to, p.separators);
        is_there = is_there || (is_module ? is_described(reader, p.from, ":.") : false);
        for (size_t i = 0; is_module && !is_there && i < index; i++) {
            pairs earlier = {.edit = &steps->edits[i]};
            while (!is_there && next_pair(&earlier))
                is_there = is_within(earlier.to, p.from, ":.");
            is_there = is_there || (steps->edits[i].op == SJ_EDIT_TO_INSTANCE &&
                                    is_within(sj_edit_text(&steps->edits[i], SJ_IN_CLASS), p.from, ":."));
        }
        if (!is_there && (is_module || !can_be_there(reader, steps, index, p.from)))
            return refuse(reader, place, p.from,
                          is_module ? "is the module of no class of the contract's versions"
                                    : "is no class of the contract's versions, or has another name by then");
    }
    return SNAPJAR_OK;
}

/** New names, if it is known what the version has that the migration leads to. */
static SJ_READ check_new_names(const sj_contract_reader *reader, const sj_steps *steps, size_t index)
{
    const sj_edit *edit = &steps->edits[index];
    const sj_json *json = sj_json_at(steps->array, index);
    const char *const wrong = "is no class of the contract's versions, and is not allowed";
    pairs p = {.edit = edit};
    if (edit->op == SJ_EDIT_TO_INSTANCE) {
        const snapjar_text class = sj_edit_text(edit, SJ_IN_CLASS);
        return is_known(reader, class) || is_taken_further(steps, index, class)
                   ? SNAPJAR_OK
                   : refuse(reader, sj_json_member_of(json, "class"), class, wrong);
    }
    while (edit->op == SJ_EDIT_RENAME && next_pair(&p)) {
        const sj_json *map = edit->members[SJ_IN_MAP];
        if (is_described(reader, p.from, ".") && !is_known(reader, p.to) && !is_taken_further(steps, index, p.to))
            return refuse(reader, map != NULL ? sj_json_member_of(map, p.from.data) : sj_json_member_of(json, "to"),
                          p.to, wrong);
    }
    return SNAPJAR_OK;
}

static SJ_READ check_migration(const sj_contract_reader *reader, const sj_migration *migration)
{
    const sj_contract_version *from = sj_contract_find_version(reader->contract, migration->from);
    const sj_contract_version *to = sj_contract_find_version(reader->contract, migration->to);
    const sj_steps *steps = migration->steps;
    for (size_t i = 0; i < steps->count; i++) {
        const sj_edit *edit = &steps->edits[i];
        if (from != NULL && from->classes != NULL) {
            SJ_TRY(check_old_names(reader, steps, i));
            if (edit->members[SJ_IN_CLASS] != NULL && edit->op != SJ_EDIT_TO_INSTANCE &&
                !can_be_there(reader, steps, i, sj_edit_text(edit, SJ_IN_CLASS)))
                return refuse(reader, sj_json_member_of(sj_json_at(steps->array, i), "class"),
                              sj_edit_text(edit, SJ_IN_CLASS),
                              "is no class of the contract's versions, or has another name by then");
        }
        if (to != NULL && to->classes != NULL)
            SJ_TRY(check_new_names(reader, steps, i));
    }
    return SNAPJAR_OK;
}

snapjar_status sj_contract_steps_check(sj_contract_reader *reader)
{
    const snapjar_contract *contract = reader->contract;
    if (reader->name_count > 0)
        qsort(reader->names, reader->name_count, sizeof *reader->names, compare_texts);
    for (size_t i = 0; i < contract->migration_count; i++)
        SJ_TRY(check_migration(reader, &contract->migrations[i]));
    return SNAPJAR_OK;
}
