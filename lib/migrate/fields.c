/* SPDX-License-Identifier: MIT
 *
 * Instances and their fields, whatever the pickler: NEWOBJ and copyreg's functions, INST and OBJ of Python 2, and
 * calls.
 */
#include "migrate/fields.h"

#include <string.h>

/* ---- names ---- */

bool sj_class_name_read(snapjar_text text, sj_class_name *name)
{
    const char *colon = text.size > 0 ? memchr(text.data, ':', text.size) : NULL;
    if (colon == NULL || colon == text.data || colon + 1 == text.data + text.size)
        return false;
    name->module = (snapjar_text){text.data, (size_t)(colon - text.data)};
    name->name = (snapjar_text){colon + 1, text.size - name->module.size - 1};
    return memchr(name->name.data, ':', name->name.size) == NULL;
}

static bool same(snapjar_text a, snapjar_text b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/** Appends to a text in a buffer; false if there is no room. */
static bool append(char *buffer, size_t *used, const void *data, size_t size)
{
    if (size > SJ_CLASS_NAME_SIZE - *used)
        return false;
    if (size > 0)
        memcpy(buffer + *used, data, size);
    *used += size;
    return true;
}

/** Appends the characters of a text in UTF-8. */
static bool append_text(char *buffer, size_t *used, const snapjar_graph *graph, sj_ref text)
{
    const sj_literal literal = sj_picture_literal(graph, sj_graph_node(graph, text));
    size_t at = 0;
    uint32_t point;
    bool is_byte;
    while (sj_literal_point(&literal, &at, &point, &is_byte)) {
        char bytes[4];
        size_t count = 1;
        if (point >= 0x80) {
            count = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
            for (size_t i = count - 1; i > 0; i--, point >>= 6)
                bytes[i] = (char)(0x80 | (point & 0x3f));
            bytes[0] = (char)((0xf00 >> count) | point);
        } else {
            bytes[0] = (char)point;
        }
        if (!append(buffer, used, bytes, count))
            return false;
    }
    return true;
}

#define ATTRIBUTES_MAX 8

bool sj_class_name_of(const snapjar_graph *graph, sj_ref class_ref, char buffer[SJ_CLASS_NAME_SIZE],
                      sj_class_name *name)
{
    sj_ref attributes[ATTRIBUTES_MAX];
    int count = 0;
    size_t used = 0;
    while (class_ref != 0 && sj_graph_node(graph, class_ref)->kind != SJ_NODE_GLOBAL) {
        if (count == ATTRIBUTES_MAX)
            return false;
        class_ref = sj_picture_owner(graph, class_ref, &attributes[count++]);
    }
    if (class_ref == 0)
        return false;
    sj_picture_names(graph, sj_graph_node(graph, class_ref), &name->module, &name->name);
    if (name->module.size == 0 || name->name.size == 0)
        return false;
    if (count == 0)
        return true;
    if (!append(buffer, &used, name->name.data, name->name.size))
        return false;
    while (count > 0) {
        if (!append(buffer, &used, ".", 1) || !append_text(buffer, &used, graph, attributes[--count]))
            return false;
    }
    name->name = (snapjar_text){buffer, used};
    return true;
}

bool sj_class_is(const snapjar_graph *graph, sj_ref class_ref, const sj_class_name *name)
{
    char buffer[SJ_CLASS_NAME_SIZE];
    sj_class_name found;
    return sj_class_name_of(graph, class_ref, buffer, &found) && same(found.module, name->module) &&
           same(found.name, name->name);
}

/* ---- instances ---- */

const char *sj_state_form_name(sj_state_form form)
{
    static const char *const names[] = {"none", "dict", "slots", "list", "tuple", "opaque"};
    return names[form];
}

bool sj_dict_is_pairs(const snapjar_graph *graph, sj_ref ref)
{
    const sj_node *node = sj_graph_node(graph, ref);
    if (node->kind != SJ_NODE_DICT || node->count % 2 != 0)
        return false;
    for (uint32_t at = sj_graph_first_change(graph, node); at != 0; at = sj_graph_next_change(graph, node, at)) {
        const sj_change change = sj_graph_change(graph, at);
        const bool is_filling = change.op == SJ_OP_SETITEM || change.op == SJ_OP_SETITEMS;
        /* What was called or dropped above it did nothing to it. */
        if (is_filling ? change.count % 2 != 0 : change.op != SJ_OP_REDUCE && change.op != SJ_OP_POP)
            return false;
    }
    return true;
}

static bool is_half(const snapjar_graph *graph, sj_ref ref)
{
    return sj_graph_node(graph, ref)->kind == SJ_NODE_NONE || sj_dict_is_pairs(graph, ref);
}

static sj_state_form form_of(const snapjar_graph *graph, sj_ref state)
{
    const sj_node *node = sj_graph_node(graph, state);
    const uint32_t *words = graph->words + node->first;
    switch (node->kind) {
    case SJ_NODE_NONE:
        return SJ_STATE_NONE;
    case SJ_NODE_DICT:
        return sj_dict_is_pairs(graph, state) ? SJ_STATE_DICT : SJ_STATE_OTHER;
    case SJ_NODE_TUPLE:
        if (node->changes != 0)
            return SJ_STATE_OTHER;
        return node->count == 2 && is_half(graph, words[0]) && is_half(graph, words[1]) ? SJ_STATE_SLOTS
                                                                                        : SJ_STATE_TUPLE;
    case SJ_NODE_LIST:
        return SJ_STATE_LIST;
    default:
        return SJ_STATE_OTHER;
    }
}

static void see_state(const snapjar_graph *graph, const sj_node *node, sj_instance *instance)
{
    instance->form = SJ_STATE_NONE;
    for (uint32_t at = sj_graph_first_change(graph, node); at != 0; at = sj_graph_next_change(graph, node, at)) {
        const sj_change change = sj_graph_change(graph, at);
        if (change.op != SJ_OP_BUILD)
            continue;
        const sj_state_form form = form_of(graph, graph->words[change.first]);
        if (instance->build_count++ == 0 || instance->form == SJ_STATE_NONE)
            instance->form = form;
        else if (form != SJ_STATE_NONE && (form != instance->form || form >= SJ_STATE_LIST))
            instance->form =
                form <= SJ_STATE_SLOTS && instance->form <= SJ_STATE_SLOTS ? SJ_STATE_SLOTS : SJ_STATE_OTHER;
        if (form == SJ_STATE_NONE && instance->state != 0)
            continue;
        instance->state = graph->words[change.first];
        instance->state_place = change.first;
    }
}

/** Takes the tuple at a place for the arguments, but for the first `skipped`. */
static void take_arguments(const snapjar_graph *graph, sj_instance *instance, uint32_t place, uint32_t skipped)
{
    const sj_ref tuple = graph->words[place];
    const sj_node *node = sj_graph_node(graph, tuple);
    instance->is_computed = node->kind != SJ_NODE_TUPLE || node->count < skipped;
    if (instance->is_computed)
        return;
    instance->arguments = tuple;
    instance->arguments_place = place;
    instance->argument_first = node->first + skipped;
    instance->argument_count = node->count - skipped;
}

/** copyreg._reconstructor(class, base, value): what a tuple is made of are the arguments, as NEWOBJ has them. */
static void see_reconstructed(const snapjar_graph *graph, sj_instance *instance, uint32_t place)
{
    const sj_node *tuple = sj_graph_node(graph, graph->words[place]);
    const uint32_t third = tuple->first + 2;
    take_arguments(graph, instance, place, tuple->count < 3 ? 1 : 3);
    if (tuple->count == 3 && sj_picture_is_global(graph, graph->words[tuple->first + 1], "builtins", "tuple") &&
        sj_graph_node(graph, graph->words[third])->kind == SJ_NODE_TUPLE)
        take_arguments(graph, instance, third, 0);
    else if (tuple->count == 3 && !sj_picture_is_global(graph, graph->words[tuple->first + 1], "builtins", "object"))
        take_arguments(graph, instance, place, 2);
}

bool sj_instance_see(const snapjar_graph *graph, sj_ref ref, sj_instance *instance)
{
    const sj_node *node = sj_graph_node(graph, ref);
    uint32_t skipped;
    memset(instance, 0, sizeof *instance);
    if (node->kind < SJ_NODE_CALL || node->kind > SJ_NODE_INSTANCE)
        return false;
    if (node->kind == SJ_NODE_CALL && sj_picture_form(graph, ref) != SJ_SEEN_OBJECT)
        return false;
    instance->ref = ref;
    instance->class_ref = sj_picture_class(graph, node, &skipped);
    if (instance->class_ref == 0)
        return false;
    see_state(graph, node, instance);
    if (node->kind == SJ_NODE_INSTANCE) {
        instance->argument_first = node->first + 1;
        instance->argument_count = node->count - 1;
        return true;
    }
    if (node->kind == SJ_NODE_CALL && skipped > 0 &&
        sj_picture_is_global(graph, graph->words[node->first], "copyreg", "_reconstructor"))
        see_reconstructed(graph, instance, node->first + 1);
    else
        take_arguments(graph, instance, node->first + 1, skipped);
    if (node->kind == SJ_NODE_NEW_EX)
        instance->keywords = graph->words[node->first + 2];
    return true;
}

/* ---- fields ---- */

void sj_fields_begin(sj_fields *fields, const snapjar_graph *graph, sj_ref ref)
{
    const sj_node *node = sj_graph_node(graph, ref);
    memset(fields, 0, sizeof *fields);
    fields->graph = graph;
    fields->instance = node;
    if (node->kind == SJ_NODE_DICT && sj_dict_is_pairs(graph, ref))
        fields->pending[fields->pending_count++] = ref;
    else if (node->kind >= SJ_NODE_CALL && node->kind <= SJ_NODE_INSTANCE)
        fields->build = sj_graph_first_change(graph, node);
}

/** The dicts of the next state. */
static void take_state(sj_fields *fields, sj_ref state)
{
    const snapjar_graph *graph = fields->graph;
    const sj_state_form form = form_of(graph, state);
    if (form == SJ_STATE_DICT)
        fields->pending[fields->pending_count++] = state;
    if (form != SJ_STATE_SLOTS)
        return;
    const uint32_t *halves = graph->words + sj_graph_node(graph, state)->first;
    for (uint32_t i = 2; i > 0; i--)
        fields->pending[fields->pending_count++] = halves[i - 1];
}

/** The next dict; false after the last. */
static bool next_dict(sj_fields *fields)
{
    const snapjar_graph *graph = fields->graph;
    while (fields->pending_count == 0 && fields->build != 0) {
        const sj_change change = sj_graph_change(graph, fields->build);
        fields->is_slot = false;
        fields->dict = 0;
        if (change.op == SJ_OP_BUILD)
            take_state(fields, graph->words[change.first]);
        fields->build = sj_graph_next_change(graph, fields->instance, fields->build);
    }
    if (fields->pending_count == 0)
        return false;
    /* The second of a pair is the one that comes when there was one before. */
    fields->is_slot = fields->dict != 0;
    fields->dict = fields->pending[--fields->pending_count];
    const sj_node *node = sj_graph_node(graph, fields->dict);
    fields->place = node->first;
    fields->end = node->first + (node->kind == SJ_NODE_DICT ? node->count : 0);
    fields->is_past_children = node->kind != SJ_NODE_DICT;
    fields->change = 0;
    return true;
}

/** The next run of pairs in the dict; false after the last. */
static bool next_run(sj_fields *fields)
{
    const snapjar_graph *graph = fields->graph;
    if (fields->dict == 0)
        return false;
    const sj_node *node = sj_graph_node(graph, fields->dict);
    if (node->kind != SJ_NODE_DICT)
        return false;
    for (;;) {
        fields->change = fields->is_past_children && fields->change != 0
                             ? sj_graph_next_change(graph, node, fields->change)
                             : (fields->is_past_children ? 0 : sj_graph_first_change(graph, node));
        fields->is_past_children = true;
        if (fields->change == 0)
            return false;
        const sj_change change = sj_graph_change(graph, fields->change);
        if (change.op != SJ_OP_SETITEM && change.op != SJ_OP_SETITEMS)
            continue;
        fields->place = change.first;
        fields->end = change.first + change.count;
        return true;
    }
}

bool sj_fields_next(sj_fields *fields, sj_field *field)
{
    while (fields->place == fields->end) {
        if (!next_run(fields) && !next_dict(fields))
            return false;
    }
    const uint32_t *words = fields->graph->words + fields->place;
    *field = (sj_field){words[0], words[1], fields->place, fields->dict, fields->is_slot};
    fields->place += 2;
    return true;
}

bool sj_key_is(const snapjar_graph *graph, sj_ref key, snapjar_text text)
{
    const sj_node *node = sj_graph_node(graph, key);
    size_t size, at = 0, text_at = 0;
    uint32_t point, wanted;
    bool is_byte, is_odd;
    if (node->kind == SJ_NODE_STR && node->form != SJ_OP_UNICODE) {
        const uint8_t *span = sj_graph_span(graph, node, &size);
        return size == text.size && (size == 0 || memcmp(span, text.data, size) == 0);
    }
    if ((node->kind != SJ_NODE_STR && node->kind != SJ_NODE_STR2) || !sj_key_is_text(graph, key))
        return false;
    const sj_literal literal = sj_picture_literal(graph, node);
    while (sj_literal_point(&literal, &at, &point, &is_byte)) {
        if (text_at >= text.size)
            return false;
        wanted = sj_read_point(text.data, text.size, &text_at, &is_odd);
        if (wanted != point)
            return false;
    }
    return text_at >= text.size;
}

bool sj_fields_find(const snapjar_graph *graph, sj_ref ref, snapjar_text name, sj_field *field)
{
    sj_fields fields;
    sj_field one;
    bool is_found = false;
    sj_fields_begin(&fields, graph, ref);
    while (sj_fields_next(&fields, &one)) {
        if (!sj_key_is(graph, one.key, name))
            continue;
        *field = one;
        is_found = true;
    }
    return is_found;
}
