/* SPDX-License-Identifier: MIT
 *
 * Classes, functions and modules under other names, in each form in which a pickle names them. Texts that a name shares
 * with other values stay as they are: a name gets texts of its own.
 */
#include <string.h>

#include "migrate/edit.h"
#include "migrate/literal_parts.h"

/** One old name and its new one. */
typedef struct rule {
    sj_class_name from;
    sj_class_name to;
    /** The new name as values: 0 until they are needed. */
    sj_ref texts[2];
} rule;

typedef struct rules {
    rule *items;
    size_t count;
} rules;

static bool same(snapjar_text a, snapjar_text b)
{
    return a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
}

/** Whether `name` is `outer`, or inside of it behind a dot. */
static bool is_within(snapjar_text name, snapjar_text outer)
{
    return name.size >= outer.size && memcmp(name.data, outer.data, outer.size) == 0 &&
           (name.size == outer.size || name.data[outer.size] == '.');
}

static snapjar_status read_rules(sj_apply *run, rules *r, snapjar_error *err)
{
    const sj_json *map = run->edit->members[SJ_IN_MAP];
    r->count = map != NULL ? sj_json_count(map) : 1;
    r->items = sj_alloc_zero(run->graph->context, r->count * sizeof *r->items);
    if (r->items == NULL)
        return sj_raise_no_memory(err, r->count * sizeof *r->items);
    if (map == NULL) {
        (void)sj_class_name_read(sj_edit_text(run->edit, SJ_IN_FROM), &r->items[0].from);
        (void)sj_class_name_read(sj_edit_text(run->edit, SJ_IN_TO), &r->items[0].to);
        return SNAPJAR_OK;
    }
    size_t at = 0;
    for (void *i = sj_json_first(map); i != NULL; i = sj_json_next(map, i), at++) {
        const char *key = sj_json_key(i);
        (void)sj_class_name_read((snapjar_text){key, strlen(key)}, &r->items[at].from);
        (void)sj_class_name_read(sj_json_string(sj_json_member(i)), &r->items[at].to);
    }
    return SNAPJAR_OK;
}

/** The rule for a name: of several the one for the longest; NULL: none. */
static rule *find_rule(const rules *r, const sj_class_name *name, bool may_be_within)
{
    rule *found = NULL;
    for (size_t i = 0; i < r->count; i++) {
        rule *one = &r->items[i];
        if (!same(one->from.module, name->module) ||
            !(may_be_within ? is_within(name->name, one->from.name) : same(name->name, one->from.name)))
            continue;
        if (found == NULL || found->from.name.size < one->from.name.size)
            found = one;
    }
    return found;
}

static snapjar_status need_texts(sj_apply *run, rule *one, snapjar_error *err)
{
    if (one->texts[0] != 0)
        return SNAPJAR_OK;
    SJ_TRY(sj_graph_add_text(run->graph, one->to.module, &one->texts[0], err));
    return sj_graph_add_text(run->graph, one->to.name, &one->texts[1], err);
}

/** Gives a global the new name, with what was behind the old one. */
static snapjar_status rename_one(sj_apply *run, sj_ref ref, rule *one, snapjar_text rest, snapjar_error *err)
{
    char name[2 * SJ_CLASS_NAME_SIZE];
    const size_t size = one->to.name.size + rest.size;
    if (size > sizeof name)
        return sj_apply_raise(run, SNAPJAR_DIAG_STEP_UNFAITHFUL, ref, err, "its new name would be too long");
    /* Before anything is added: `rest` is borrowed from the graph. */
    memcpy(name, one->to.name.data, one->to.name.size);
    if (rest.size > 0)
        memcpy(name + one->to.name.size, rest.data, rest.size);
    SJ_TRY(need_texts(run, one, err));
    SJ_TRY(sj_apply_note(run, ref, true, err));
    sj_ref texts[2] = {one->texts[0], one->texts[1]};
    if (rest.size > 0)
        SJ_TRY(sj_graph_add_text(run->graph, (snapjar_text){name, size}, &texts[1], err));
    return sj_graph_set_global(run->graph, ref, texts, err);
}

/** Calls of getattr, of a class that has a rule of its own. What they asked is made elsewhere, if at all. */
static snapjar_status rename_attribute(sj_apply *run, const rules *r, sj_ref ref, snapjar_error *err)
{
    char buffer[SJ_CLASS_NAME_SIZE];
    sj_class_name name;
    if (!sj_picture_is_name(run->graph, ref) || !sj_class_name_of(run->graph, ref, buffer, &name))
        return SNAPJAR_OK;
    rule *one = find_rule(r, &name, false);
    if (one == NULL)
        return SNAPJAR_OK;
    const sj_node *node = sj_graph_node(run->graph, ref);
    const sj_ref parts[2] = {run->graph->words[node->first], run->graph->words[node->first + 1]};
    for (int i = 0; i < 2; i++)
        SJ_TRY(sj_apply_release(run, parts[i], err));
    return rename_one(run, ref, one, (snapjar_text){"", 0}, err);
}

/** Whether the dots in a global's name are a path of attributes. */
static bool is_path(const sj_node *node)
{
    return sj_node_resolution(node) == SJ_RESOLUTION_DOTTED;
}

static snapjar_status rename_global(sj_apply *run, const rules *r, sj_ref ref, snapjar_error *err)
{
    const sj_node *node = sj_graph_node(run->graph, ref);
    sj_class_name name;
    sj_picture_names(run->graph, node, &name.module, &name.name);
    if (name.module.size == 0 || name.name.size == 0)
        return SNAPJAR_OK;
    rule *one = find_rule(r, &name, is_path(node));
    if (one == NULL)
        return SNAPJAR_OK;
    const size_t size = one->from.name.size;
    return rename_one(run, ref, one, (snapjar_text){name.name.data + size, name.name.size - size}, err);
}

/** INST has a line for the name of its class, which cannot be a path: OBJ takes the class itself. */
static void widen_instances(snapjar_graph *graph)
{
    for (size_t i = 1; i < graph->node_count; i++) {
        sj_node *node = &graph->nodes[i];
        snapjar_text module, name;
        if (node->kind != SJ_NODE_INSTANCE || node->form != SJ_OP_INST)
            continue;
        sj_graph_global(graph, sj_graph_node(graph, graph->words[node->first]), &module, &name);
        if (name.size > 0 && memchr(name.data, '.', name.size) != NULL)
            node->form = SJ_OP_OBJ;
    }
}

/** All names that are written as such. */
static snapjar_status select_globals(sj_apply *run, snapjar_error *err)
{
    for (size_t i = 1; i < run->graph->node_count; i++) {
        const sj_node *node = &run->graph->nodes[i];
        if (node->kind == SJ_NODE_GLOBAL && (node->flags & SJ_NODE_IS_REFERENCED) != 0)
            SJ_TRY(sj_refs_add(run->graph->context, &run->selected, (sj_ref)i, err));
    }
    return SNAPJAR_OK;
}

static snapjar_status rename_all(sj_apply *run, const rules *r, snapjar_error *err)
{
    bool has_path = false, makes_path = false;
    for (size_t i = 0; i < r->count; i++) {
        has_path |= memchr(r->items[i].from.name.data, '.', r->items[i].from.name.size) != NULL;
        makes_path |= memchr(r->items[i].to.name.data, '.', r->items[i].to.name.size) != NULL;
    }
    SJ_TRY(select_globals(run, err));
    /* Before what they ask has another name; the outer ones, made later, first. */
    for (size_t i = run->graph->node_count; i > 1 && has_path; i--) {
        const sj_node *node = &run->graph->nodes[i - 1];
        if (node->kind == SJ_NODE_CALL && (node->flags & SJ_NODE_IS_REFERENCED) != 0)
            SJ_TRY(rename_attribute(run, r, (sj_ref)(i - 1), err));
    }
    for (size_t i = 0; i < run->selected.count; i++)
        SJ_TRY(rename_global(run, r, run->selected.items[i], err));
    if (makes_path)
        widen_instances(run->graph);
    return SNAPJAR_OK;
}

snapjar_status sj_apply_rename(sj_apply *run, snapjar_error *err)
{
    rules r = {NULL, 0};
    snapjar_status status = read_rules(run, &r, err);
    if (status == SNAPJAR_OK)
        status = rename_all(run, &r, err);
    sj_free(run->graph->context, r.items);
    return status;
}

/* ---- rename_module ---- */

static snapjar_status move_global(sj_apply *run, sj_ref ref, snapjar_error *err)
{
    const snapjar_text from = sj_edit_text(run->edit, SJ_IN_FROM), to = sj_edit_text(run->edit, SJ_IN_TO);
    char text[2 * SJ_CLASS_NAME_SIZE];
    sj_class_name name;
    sj_ref texts[2];
    sj_picture_names(run->graph, sj_graph_node(run->graph, ref), &name.module, &name.name);
    if (name.module.size == 0 || name.name.size == 0 || !is_within(name.module, from))
        return SNAPJAR_OK;
    const size_t rest = name.module.size - from.size;
    if (!is_path(sj_graph_node(run->graph, ref)) && memchr(name.name.data, '.', name.name.size) != NULL)
        return sj_apply_raise(run, SNAPJAR_DIAG_STEP_UNFAITHFUL, ref, err, "the dots in its name are no path");
    if (to.size + rest > sizeof text)
        return sj_apply_raise(run, SNAPJAR_DIAG_STEP_UNFAITHFUL, ref, err, "its new name would be too long");
    SJ_TRY(sj_apply_note(run, ref, true, err));
    if (rest == 0) {
        SJ_TRY(sj_apply_text(run, SJ_IN_TO, &texts[0], err));
    } else {
        memcpy(text, to.data, to.size);
        memcpy(text + to.size, name.module.data + from.size, rest);
        SJ_TRY(sj_graph_add_text(run->graph, (snapjar_text){text, to.size + rest}, &texts[0], err));
    }
    /* Borrowed from the graph, which may move. */
    sj_picture_names(run->graph, sj_graph_node(run->graph, ref), &name.module, &name.name);
    SJ_TRY(sj_graph_add_text(run->graph, name.name, &texts[1], err));
    return sj_graph_set_global(run->graph, ref, texts, err);
}

snapjar_status sj_apply_rename_module(sj_apply *run, snapjar_error *err)
{
    SJ_TRY(select_globals(run, err));
    for (size_t i = 0; i < run->selected.count; i++)
        SJ_TRY(move_global(run, run->selected.items[i], err));
    return SNAPJAR_OK;
}

/* ---- what becomes of the type of a root ---- */

/** Puts `to` in place of the first `from_size` bytes; false if that does not fit. */
static bool replace_front(sj_type_name *type, size_t from_size, snapjar_text to)
{
    const size_t rest = type->size - from_size;
    if (to.size + rest > sizeof type->text)
        return false;
    memmove(type->text + to.size, type->text + from_size, rest);
    memcpy(type->text, to.data, to.size);
    type->size = to.size + rest;
    return true;
}

/** The pair of a rename that takes the type, of several the longest; false if there is none. */
static bool find_pair(const sj_edit *edit, snapjar_text type, snapjar_text *from, snapjar_text *to)
{
    const sj_json *map = edit->members[SJ_IN_MAP];
    bool is_found = false;
    if (map == NULL) {
        *from = sj_edit_text(edit, SJ_IN_FROM);
        *to = sj_edit_text(edit, SJ_IN_TO);
        return is_within(type, *from);
    }
    for (void *i = sj_json_first(map); i != NULL; i = sj_json_next(map, i)) {
        const snapjar_text key = {sj_json_key(i), strlen(sj_json_key(i))};
        if (!is_within(type, key) || (is_found && from->size > key.size))
            continue;
        *from = key;
        *to = sj_json_string(sj_json_member(i));
        is_found = true;
    }
    return is_found;
}

static bool rename_type(const sj_edit *edit, sj_type_name *type)
{
    static const snapjar_text dict = {SJ_TYPE_DICT, sizeof SJ_TYPE_DICT - 1};
    const snapjar_text text = {type->text, type->size};
    const char *colon = memchr(type->text, ':', type->size);
    snapjar_text from = {"", 0}, to = {"", 0};
    if (edit->op == SJ_EDIT_RENAME)
        return !find_pair(edit, text, &from, &to) || replace_front(type, from.size, to);
    if (edit->op == SJ_EDIT_RENAME_MODULE && colon != NULL) {
        from = sj_edit_text(edit, SJ_IN_FROM);
        to = sj_edit_text(edit, SJ_IN_TO);
        return !is_within((snapjar_text){text.data, (size_t)(colon - text.data)}, from) ||
               replace_front(type, from.size, to);
    }
    if (edit->op == SJ_EDIT_TO_DICT && same(text, sj_edit_text(edit, SJ_IN_CLASS)))
        return replace_front(type, type->size, dict);
    if (edit->op == SJ_EDIT_TO_INSTANCE && edit->path->count == 0 && same(text, dict))
        return replace_front(type, type->size, sj_edit_text(edit, SJ_IN_CLASS));
    return true;
}

bool sj_steps_rename_type(const sj_steps *steps, sj_type_name *type)
{
    for (size_t i = 0; i < steps->count; i++) {
        if (!rename_type(&steps->edits[i], type))
            return false;
    }
    return true;
}

/* ---- what the steps take away ---- */

/** Whether `name` is a member of an enumeration, asked for by a name that the step takes away. */
static bool is_old_member(const sj_edit *edit, const sj_class_name *name)
{
    const sj_json *names = edit->members[SJ_IN_NAMES];
    const size_t size = edit->class_name.name.size;
    if (names == NULL || !same(edit->class_name.module, name->module) || name->name.size <= size + 1 ||
        !is_within(name->name, edit->class_name.name))
        return false;
    for (void *i = sj_json_first(names); i != NULL; i = sj_json_next(names, i)) {
        const snapjar_text key = {sj_json_key(i), strlen(sj_json_key(i))};
        if (same(key, (snapjar_text){name->name.data + size + 1, name->name.size - size - 1}))
            return true;
    }
    return false;
}

/** Whether a table of values has something of the name for a value that it takes away. */
static bool is_mapped(const sj_edit *edit, const sj_class_name *name)
{
    const sj_json *values = edit->members[SJ_IN_VALUES];
    for (size_t i = 0; i < sj_json_count(values); i++) {
        sj_literal_names walk;
        snapjar_text text;
        sj_class_name found;
        sj_literal_names_begin(&walk, sj_json_at(sj_json_at(values, i), 0));
        while (sj_literal_names_next(&walk, &text)) {
            if (sj_class_name_read(text, &found) && same(found.module, name->module) && same(found.name, name->name))
                return true;
        }
    }
    return false;
}

static bool admits(const sj_edit *edit, const sj_class_name *name)
{
    const sj_json *map = edit->members[SJ_IN_MAP];
    sj_class_name from;
    if (edit->members[SJ_IN_CLASS] != NULL && edit->op != SJ_EDIT_TO_INSTANCE &&
        same(edit->class_name.module, name->module) && same(edit->class_name.name, name->name))
        return true;
    if (edit->op == SJ_EDIT_RENAME_MEMBER)
        return is_old_member(edit, name);
    if (edit->op == SJ_EDIT_MAP)
        return is_mapped(edit, name);
    if (edit->op == SJ_EDIT_RENAME_MODULE)
        return is_within(name->module, sj_edit_text(edit, SJ_IN_FROM));
    if (edit->op != SJ_EDIT_RENAME)
        return false;
    if (map == NULL)
        return sj_class_name_read(sj_edit_text(edit, SJ_IN_FROM), &from) && same(from.module, name->module) &&
               is_within(name->name, from.name);
    for (void *i = sj_json_first(map); i != NULL; i = sj_json_next(map, i)) {
        const snapjar_text key = {sj_json_key(i), strlen(sj_json_key(i))};
        if (sj_class_name_read(key, &from) && same(from.module, name->module) && is_within(name->name, from.name))
            return true;
    }
    return false;
}

bool sj_steps_admits(const sj_steps *steps, snapjar_text module, snapjar_text name)
{
    const sj_class_name wanted = {module, name};
    for (size_t i = 0; i < steps->count; i++) {
        if (admits(&steps->edits[i], &wanted))
            return true;
    }
    return false;
}
