/* SPDX-License-Identifier: MIT
 *
 * Looks at sample objects. Every value is met once at each place that it stands at; nothing of it is kept but types,
 * names, and one small value for each field.
 */
#include "migrate/samples.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "pickle/view.h"

/** A value that is to be looked into, for its shape. */
typedef struct task {
    sj_ref ref;
    uint32_t shape;
} task;

typedef struct looker {
    snapjar_samples *samples;
    const snapjar_graph *graph;
    snapjar_context *context;
    uint8_t *visited;
    task *tasks;
    size_t task_count;
    size_t task_capacity;
    /** Nodes whose parts are still to be walked over. */
    sj_ref *nodes;
    size_t node_count;
    size_t node_capacity;
    uint64_t *pairs;
    size_t pair_count;
    size_t pair_capacity;
    snapjar_error *err;
} looker;

/* ---- shapes ---- */

static SJ_SAMPLES new_shape(snapjar_samples *samples, uint32_t depth, uint32_t *index, snapjar_error *err)
{
    SJ_TRY(SJ_RESERVE(samples->context, samples->shapes, samples->shape_capacity, samples->shape_count, err));
    *index = (uint32_t)samples->shape_count++;
    memset(&samples->shapes[*index], 0, sizeof *samples->shapes);
    samples->shapes[*index].depth = depth;
    samples->shapes[*index].length_min = UINT64_MAX;
    return SNAPJAR_OK;
}

static void add_class(sj_seen_shape *shape, uint32_t name)
{
    for (uint32_t i = 0; i < shape->class_count; i++) {
        if (shape->classes[i] == name)
            return;
    }
    if (shape->class_count == SJ_SHAPE_CLASSES_MAX)
        shape->types |= 1u << SJ_VALUE_ANY;
    else
        shape->classes[shape->class_count++] = name;
}

static sj_value_type type_of(sj_form form)
{
    return form == SJ_SEEN_NONE        ? SJ_VALUE_NONE
           : form == SJ_SEEN_BOOL      ? SJ_VALUE_BOOL
           : form == SJ_SEEN_INT       ? SJ_VALUE_INT
           : form == SJ_SEEN_FLOAT     ? SJ_VALUE_FLOAT
           : form == SJ_SEEN_STR       ? SJ_VALUE_STR
           : form == SJ_SEEN_BYTES     ? SJ_VALUE_BYTES
           : form == SJ_SEEN_BYTEARRAY ? SJ_VALUE_BYTEARRAY
           : form == SJ_SEEN_TUPLE     ? SJ_VALUE_TUPLE
           : form == SJ_SEEN_LIST      ? SJ_VALUE_LIST
           : form == SJ_SEEN_DICT      ? SJ_VALUE_DICT
           : form == SJ_SEEN_SET       ? SJ_VALUE_SET
           : form == SJ_SEEN_FROZENSET ? SJ_VALUE_FROZENSET
                                       : SJ_VALUE_ANY;
}

/** "module:Qualname" of a class, interned; `*is_known` is false if it is computed or too long. */
static SJ_SAMPLES name_class(looker *l, sj_ref class_ref, uint32_t *name, bool *is_known)
{
    char buffer[SJ_CLASS_NAME_SIZE], text[2 * SJ_CLASS_NAME_SIZE + 1];
    sj_class_name found;
    *is_known = sj_class_name_of(l->graph, class_ref, buffer, &found) &&
                found.module.size + 1 + found.name.size <= (size_t)2 * SJ_CLASS_NAME_SIZE;
    if (!*is_known)
        return SNAPJAR_OK;
    memcpy(text, found.module.data, found.module.size);
    text[found.module.size] = ':';
    memcpy(text + found.module.size + 1, found.name.data, found.name.size);
    return sj_samples_intern(l->samples, (snapjar_text){text, found.module.size + 1 + found.name.size}, name, l->err);
}

/** The class of a member of an enumeration that is asked for by name: what the attribute is of. */
static SJ_SAMPLES name_owner(looker *l, sj_ref ref, uint32_t *name, bool *is_known)
{
    sj_ref attribute;
    const sj_ref owner = sj_picture_owner(l->graph, ref, &attribute);
    *is_known = false;
    return owner != 0 ? name_class(l, owner, name, is_known) : SNAPJAR_OK;
}

static size_t pair_slot(const uint64_t *pairs, size_t capacity, uint64_t pair)
{
    size_t at = (size_t)(pair * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (capacity - 1);
    while (pairs[at] != 0 && pairs[at] != pair)
        at = (at + 1) & (capacity - 1);
    return at;
}

static SJ_SAMPLES grow_pairs(looker *l)
{
    const size_t capacity = l->pair_capacity == 0 ? 256 : 2 * l->pair_capacity;
    uint64_t *grown = sj_alloc_zero(l->context, capacity * sizeof *grown);
    if (grown == NULL)
        return sj_raise_no_memory(l->err, capacity * sizeof *grown);
    for (size_t i = 0; i < l->pair_capacity; i++) {
        if (l->pairs[i] != 0)
            grown[pair_slot(grown, capacity, l->pairs[i])] = l->pairs[i];
    }
    sj_free(l->context, l->pairs);
    l->pairs = grown;
    l->pair_capacity = capacity;
    return SNAPJAR_OK;
}

/** Notes a value at a place; a container is looked into later, once for each place. */
static SJ_SAMPLES record(looker *l, uint32_t shape_index, sj_ref ref)
{
    sj_seen_shape *shape = &l->samples->shapes[shape_index];
    const sj_form form = sj_picture_form(l->graph, ref);
    const sj_value_type type = type_of(form);
    sj_member_view member;
    uint32_t name = 0;
    bool is_known = false;
    if (form == SJ_SEEN_OBJECT) {
        sj_instance instance;
        if (sj_instance_see(l->graph, ref, &instance))
            SJ_TRY(name_class(l, instance.class_ref, &name, &is_known));
    } else if (form == SJ_SEEN_GLOBAL) {
        SJ_TRY(name_owner(l, ref, &name, &is_known));
    }
    if (is_known)
        add_class(shape, name);
    else
        shape->types |= 1u << type;
    if (is_known && sj_member_see(l->graph, ref, &member))
        SJ_TRY(sj_samples_member(l->samples, l->graph, name, &member, l->err));
    if (type < SJ_VALUE_LIST || type == SJ_VALUE_ANY || shape->depth == SJ_SHAPE_DEPTH_MAX)
        return SNAPJAR_OK;
    if (2 * (l->pair_count + 1) > l->pair_capacity)
        SJ_TRY(grow_pairs(l));
    const uint64_t pair = (uint64_t)ref << 32 | shape_index;
    const size_t at = pair_slot(l->pairs, l->pair_capacity, pair);
    if (l->pairs[at] != 0)
        return SNAPJAR_OK;
    l->pairs[at] = pair;
    l->pair_count++;
    SJ_TRY(SJ_RESERVE(l->context, l->tasks, l->task_capacity, l->task_count, l->err));
    l->tasks[l->task_count++] = (task){ref, shape_index};
    return SNAPJAR_OK;
}

/** Notes a value at a place inside, which is made if it is new. The offset of the index, because shapes may move. */
static SJ_SAMPLES record_inner(looker *l, uint32_t shape, size_t member, sj_ref ref)
{
    uint32_t inner;
    memcpy(&inner, (const char *)&l->samples->shapes[shape] + member, sizeof inner);
    if (inner == 0) {
        SJ_TRY(new_shape(l->samples, l->samples->shapes[shape].depth + 1, &inner, l->err));
        memcpy((char *)&l->samples->shapes[shape] + member, &inner, sizeof inner);
    }
    return record(l, inner, ref);
}

#define INNER(member) offsetof(sj_seen_shape, member)

static SJ_SAMPLES look_inside(looker *l, task t)
{
    const bool is_tuple = sj_picture_form(l->graph, t.ref) == SJ_SEEN_TUPLE;
    sj_view view;
    sj_step step;
    uint64_t index = 0;
    sj_view_begin(&view, l->graph, t.ref);
    while (sj_view_next(&view, &step)) {
        if (step.kind == SJ_STEP_KEY) {
            SJ_TRY(record_inner(l, t.shape, INNER(keys), step.key));
            SJ_TRY(record_inner(l, t.shape, INNER(values), step.value));
        } else if (step.kind == SJ_STEP_INDEX || step.kind == SJ_STEP_ELEMENT) {
            SJ_TRY(record_inner(l, t.shape, INNER(items), step.value));
            if (is_tuple && index < SJ_SHAPE_ELEMENTS_MAX)
                SJ_TRY(record_inner(l, t.shape, INNER(elements) + (size_t)index * sizeof(uint32_t), step.value));
            index++;
        }
    }
    sj_seen_shape *shape = &l->samples->shapes[t.shape];
    if (is_tuple && index < shape->length_min)
        shape->length_min = index;
    if (is_tuple && index > shape->length_max)
        shape->length_max = index;
    return SNAPJAR_OK;
}

static SJ_SAMPLES look_at_shapes(looker *l)
{
    while (l->task_count > 0)
        SJ_TRY(look_inside(l, l->tasks[--l->task_count]));
    return SNAPJAR_OK;
}

/* ---- classes ---- */

static SJ_SAMPLES find_class(snapjar_samples *samples, uint32_t name, sj_seen_class **class, snapjar_error *err)
{
    for (size_t i = 0; i < samples->class_count; i++) {
        *class = &samples->classes[i];
        if ((*class)->name == name)
            return SNAPJAR_OK;
    }
    SJ_TRY(SJ_RESERVE(samples->context, samples->classes, samples->class_capacity, samples->class_count, err));
    *class = &samples->classes[samples->class_count++];
    memset(*class, 0, sizeof **class);
    (*class)->name = name;
    return SNAPJAR_OK;
}

static SJ_SAMPLES record_field(looker *l, sj_seen_class *class, snapjar_text text, sj_ref value)
{
    snapjar_samples *samples = l->samples;
    uint32_t name;
    size_t i = 0;
    SJ_TRY(sj_samples_intern(samples, text, &name, l->err));
    while (i < class->field_count && class->fields[i].name != name)
        i++;
    if (i == class->field_count) {
        uint32_t shape;
        SJ_TRY(SJ_RESERVE(samples->context, class->fields, class->field_capacity, class->field_count, l->err));
        SJ_TRY(new_shape(samples, 0, &shape, l->err));
        class->fields[class->field_count++] = (sj_seen_field){.name = name, .shape = shape};
    }
    sj_seen_field *field = &class->fields[i];
    if (field->last != samples->object_number)
        field->count++;
    field->last = samples->object_number;
    if (field->literal == NULL)
        SJ_TRY(sj_sample_literal(samples->context, l->graph, value, &field->literal, l->err));
    return record(l, field->shape, value);
}

/** A key as UTF-8, decoded into `*buffer` (for sj_free) if need be. */
static SJ_SAMPLES read_key(looker *l, sj_ref key, char **buffer, snapjar_text *text)
{
    const sj_node *node = sj_graph_node(l->graph, key);
    const sj_literal literal = sj_picture_literal(l->graph, node);
    size_t at = 0, used = 0;
    uint32_t point;
    bool is_byte;
    *text = (snapjar_text){(const char *)literal.data, literal.size};
    if (node->kind == SJ_NODE_STR && node->form != SJ_OP_UNICODE)
        return SNAPJAR_OK;
    *buffer = sj_alloc(l->context, 4 * literal.size + 4);
    if (*buffer == NULL)
        return sj_raise_no_memory(l->err, 4 * literal.size + 4);
    while (sj_literal_point(&literal, &at, &point, &is_byte)) {
        const size_t size = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
        char *out = *buffer + used;
        for (size_t i = size - 1; i > 0; i--, point >>= 6)
            out[i] = (char)(0x80 | (point & 0x3f));
        out[0] = (char)(size == 1 ? point : ((0xf00u >> size) & 0xff) | point);
        used += size;
    }
    *text = (snapjar_text){*buffer, used};
    return SNAPJAR_OK;
}

/** All fields of a state, or entries of a dict. */
static SJ_SAMPLES record_named(looker *l, sj_seen_class *class, sj_ref ref)
{
    sj_fields walk;
    sj_field field;
    sj_fields_begin(&walk, l->graph, ref);
    while (sj_fields_next(&walk, &field)) {
        char *buffer = NULL;
        snapjar_text text;
        if (!sj_key_is_text(l->graph, field.key)) {
            /* No contract can name it. */
            class->forms |= 1u << SJ_CLASS_OPAQUE;
            continue;
        }
        snapjar_status status = read_key(l, field.key, &buffer, &text);
        if (status == SNAPJAR_OK)
            status = record_field(l, class, text, field.value);
        sj_free(l->context, buffer);
        SJ_TRY(status);
    }
    return SNAPJAR_OK;
}

static SJ_SAMPLES record_arguments(looker *l, sj_seen_class *class, const sj_instance *instance)
{
    for (uint32_t i = 0; i < instance->argument_count; i++) {
        char name[32];
        const int size = snprintf(name, sizeof name, "argument_%u", i + 1);
        SJ_TRY(record_field(l, class, (snapjar_text){name, (size_t)size}, sj_instance_argument(l->graph, instance, i)));
    }
    return instance->keywords != 0 ? record_named(l, class, instance->keywords) : SNAPJAR_OK;
}

/** Whether it is known what a class is without a description: it is in a preset. */
static bool is_in_preset(const char *name)
{
    const snapjar_policy_rule *rule;
    for (size_t i = 0; (rule = snapjar_preset_rule_at(i)) != NULL; i++) {
        const size_t size = strlen(rule->module);
        if (strncmp(name, rule->module, size) == 0 && name[size] == ':' && strcmp(name + size + 1, rule->name) == 0)
            return true;
    }
    return false;
}

/** Notes a state that is a list or tuple of values. */
static void note_listed(const looker *l, sj_seen_class *class, const sj_instance *instance)
{
    sj_cursor cursor = {0, 0, false};
    uint8_t op;
    size_t count = 0;
    if (instance->form != SJ_STATE_LIST && instance->form != SJ_STATE_TUPLE)
        return;
    while (sj_graph_walk(l->graph, sj_graph_node(l->graph, instance->state), &cursor, &op) != 0)
        count++;
    class->listed_count = class->listed_count > count ? class->listed_count : count;
    class->is_tuple = instance->form == SJ_STATE_TUPLE;
}

static SJ_SAMPLES look_at_instance(looker *l, sj_ref ref)
{
    const sj_node *node = sj_graph_node(l->graph, ref);
    snapjar_samples *samples = l->samples;
    sj_instance instance;
    sj_seen_class *class;
    uint32_t name;
    bool is_known;
    if (!sj_instance_see(l->graph, ref, &instance))
        return SNAPJAR_OK;
    SJ_TRY(name_class(l, instance.class_ref, &name, &is_known));
    /* What is called and gets no state may be a function, or the class of an enumeration. */
    const bool may_be_function = node->kind == SJ_NODE_CALL && instance.form == SJ_STATE_NONE &&
                                 instance.class_ref == l->graph->words[node->first];
    if (!is_known || may_be_function || is_in_preset(sj_samples_name(samples, name)))
        return SNAPJAR_OK;
    SJ_TRY(find_class(samples, name, &class, l->err));
    class->count++;
    samples->object_number++;
    const bool has_arguments = instance.argument_count > 0 || instance.keywords != 0 || instance.is_computed;
    if (instance.form == SJ_STATE_DICT || (instance.form == SJ_STATE_NONE && !has_arguments))
        class->forms |= 1u << SJ_CLASS_DICT;
    else if (instance.form == SJ_STATE_SLOTS)
        class->forms |= 1u << SJ_CLASS_SLOTS;
    else if (instance.form == SJ_STATE_NONE && !instance.is_computed)
        class->forms |= 1u << SJ_CLASS_ARGUMENTS;
    else
        class->forms |= 1u << SJ_CLASS_OPAQUE;
    note_listed(l, class, &instance);
    if (instance.form == SJ_STATE_DICT || instance.form == SJ_STATE_SLOTS)
        return record_named(l, class, ref);
    return instance.form == SJ_STATE_NONE && has_arguments ? record_arguments(l, class, &instance) : SNAPJAR_OK;
}

sj_class_form sj_samples_form(const sj_seen_class *class)
{
    const unsigned dict = 1u << SJ_CLASS_DICT, slots = 1u << SJ_CLASS_SLOTS;
    if (class->forms == dict)
        return SJ_CLASS_DICT;
    if ((class->forms & ~(dict | slots)) == 0)
        return SJ_CLASS_SLOTS;
    return class->forms == 1u << SJ_CLASS_ARGUMENTS ? SJ_CLASS_ARGUMENTS : SJ_CLASS_OPAQUE;
}

const sj_seen_class *sj_samples_class(const snapjar_samples *samples, const char *name)
{
    for (size_t i = 0; i < samples->class_count; i++) {
        if (strcmp(samples->names[samples->classes[i].name], name) == 0)
            return &samples->classes[i];
    }
    return NULL;
}

const sj_seen_field *sj_samples_field(const snapjar_samples *samples, const sj_seen_class *class, const char *name)
{
    for (size_t i = 0; i < class->field_count; i++) {
        if (strcmp(samples->names[class->fields[i].name], name) == 0)
            return &class->fields[i];
    }
    return NULL;
}

/* ---- the walk ---- */

static SJ_SAMPLES visit(looker *l, sj_ref ref)
{
    const size_t begin = l->node_count;
    sj_cursor cursor = {0};
    uint8_t op;
    SJ_TRY(look_at_instance(l, ref));
    SJ_TRY(look_at_shapes(l));
    for (sj_ref child; (child = sj_graph_walk(l->graph, sj_graph_node(l->graph, ref), &cursor, &op)) != 0;) {
        const sj_node *node = sj_graph_node(l->graph, child);
        if (l->visited[child] != 0 || (node->count == 0 && node->changes == 0))
            continue;
        l->visited[child] = 1;
        SJ_TRY(SJ_RESERVE(l->context, l->nodes, l->node_capacity, l->node_count, l->err));
        l->nodes[l->node_count++] = child;
    }
    /* What comes first in the pickle is looked at first, and so stands first in the contract. */
    for (size_t i = begin, k = l->node_count; i + 1 < k; i++) {
        const sj_ref swapped = l->nodes[--k];
        l->nodes[k] = l->nodes[i];
        l->nodes[i] = swapped;
    }
    return SNAPJAR_OK;
}

/** The rest of what a root says: if it is a dict of names, they are as good as fields. */
static SJ_SAMPLES look_at_root(looker *l)
{
    const snapjar_graph *graph = l->graph;
    bool is_named = sj_dict_is_pairs(graph, graph->root);
    sj_fields walk;
    sj_field field;
    SJ_TRY(record(l, l->samples->root, graph->root));
    sj_fields_begin(&walk, graph, graph->root);
    while (is_named && sj_fields_next(&walk, &field))
        is_named = sj_key_is_text(graph, field.key);
    if (!is_named) {
        l->samples->has_other_roots = true;
        return SNAPJAR_OK;
    }
    l->samples->object_number++;
    l->samples->entries.count++;
    return record_named(l, &l->samples->entries, graph->root);
}

static SJ_SAMPLES walk(looker *l)
{
    SJ_TRY(look_at_root(l));
    SJ_TRY(look_at_shapes(l));
    l->visited[l->graph->root] = 1;
    SJ_TRY(visit(l, l->graph->root));
    if (l->graph->prelude != 0)
        SJ_TRY(visit(l, l->graph->prelude));
    while (l->node_count > 0)
        SJ_TRY(visit(l, l->nodes[--l->node_count]));
    return SNAPJAR_OK;
}

/* ---- the public face ---- */

/** The type as pack would tell it. */
static SJ_SAMPLES tell_type(looker *l, const char *type, uint32_t *name)
{
    static const char *const builtins[] = {"NoneType",  "bool", "int",   "float", "str", "bytes",
                                           "bytearray", "list", "tuple", "dict",  "set", "frozenset"};
    char text[64];
    sj_instance instance;
    bool is_known = false;
    const sj_value_type found = type_of(sj_picture_form(l->graph, l->graph->root));
    if (type != NULL)
        return sj_samples_intern(l->samples, (snapjar_text){type, strlen(type)}, name, l->err);
    if (sj_instance_see(l->graph, l->graph->root, &instance))
        SJ_TRY(name_class(l, instance.class_ref, name, &is_known));
    if (is_known)
        return SNAPJAR_OK;
    (void)snprintf(text, sizeof text, "builtins:%s", found < SJ_VALUE_ANY ? builtins[found] : "object");
    if (found == SJ_VALUE_ANY)
        (void)snprintf(text, sizeof text, "%s", "pickle");
    return sj_samples_intern(l->samples, (snapjar_text){text, strlen(text)}, name, l->err);
}

static SJ_SAMPLES check_kind(looker *l, const char *type, int64_t version)
{
    snapjar_samples *samples = l->samples;
    uint32_t name;
    char escaped[2][100];
    SJ_TRY(tell_type(l, type, &name));
    const char *told = sj_samples_name(samples, name);
    if (samples->type == NULL) {
        samples->type = sj_dup_text(samples->context, told, strlen(told));
        samples->version = version;
        return samples->type != NULL ? SNAPJAR_OK : sj_raise_no_memory(l->err, strlen(told));
    }
    if (strcmp(samples->type, told) == 0 && samples->version == version)
        return SNAPJAR_OK;
    (void)snapjar_text_escape(escaped[0], sizeof escaped[0], told, strlen(told));
    (void)snapjar_text_escape(escaped[1], sizeof escaped[1], samples->type, strlen(samples->type));
    return sj_raise(l->err, SNAPJAR_REFUSED, SNAPJAR_DIAG_CONTRACT_SAMPLES, SJ_NOWHERE,
                    "the sample is \"%s\", version %lld; the others are \"%s\", version %lld", escaped[0],
                    (long long)version, escaped[1], (long long)samples->version);
}

static SJ_SAMPLES look(looker *l, const char *type, int64_t version)
{
    SJ_TRY(check_kind(l, type, version));
    SJ_TRY(sj_samples_uses(l->samples, l->graph, l->err));
    l->visited = sj_alloc_zero(l->context, l->graph->node_count);
    if (l->visited == NULL)
        return sj_raise_no_memory(l->err, l->graph->node_count);
    SJ_TRY(walk(l));
    l->samples->count++;
    return SNAPJAR_OK;
}

snapjar_status snapjar_samples_add(snapjar_samples *samples, const snapjar_graph *graph, const char *type,
                                   int64_t version, snapjar_error *err)
{
    if (samples == NULL || graph == NULL || version < 0)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE,
                        samples == NULL ? "samples is NULL"
                        : graph == NULL ? "graph is NULL"
                                        : "version is negative");
    looker l = {.samples = samples, .graph = graph, .context = samples->context, .err = err};
    const snapjar_status status = look(&l, type, version);
    sj_free(l.context, l.visited);
    sj_free(l.context, l.tasks);
    sj_free(l.context, l.nodes);
    sj_free(l.context, l.pairs);
    return status;
}

snapjar_status snapjar_samples_new(snapjar_samples **samples, snapjar_context *context, snapjar_error *err)
{
    uint32_t none;
    if (samples != NULL)
        *samples = NULL;
    if (samples == NULL || context == NULL)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE, "%s is NULL",
                        samples == NULL ? "samples" : "context");
    snapjar_samples *made = sj_alloc_zero(context, sizeof *made);
    if (made == NULL)
        return sj_raise_no_memory(err, sizeof *made);
    made->context = context;
    snapjar_status status = new_shape(made, 0, &none, err);
    if (status == SNAPJAR_OK)
        status = new_shape(made, 0, &made->root, err);
    if (status == SNAPJAR_OK)
        status = sj_samples_intern(made, (snapjar_text){"", 0}, &none, err);
    if (status != SNAPJAR_OK) {
        snapjar_samples_free(made);
        return status;
    }
    *samples = made;
    return SNAPJAR_OK;
}

static void free_fields(snapjar_context *context, sj_seen_class *class)
{
    for (size_t i = 0; i < class->field_count; i++)
        sj_free(context, class->fields[i].literal);
    sj_free(context, class->fields);
}

void snapjar_samples_free(snapjar_samples *samples)
{
    if (samples == NULL)
        return;
    snapjar_context *context = samples->context;
    for (size_t i = 0; i < samples->name_count; i++)
        sj_free(context, samples->names[i]);
    for (size_t i = 0; i < samples->class_count; i++)
        free_fields(context, &samples->classes[i]);
    free_fields(context, &samples->entries);
    sj_free(context, samples->names);
    sj_free(context, samples->name_table);
    sj_free(context, samples->shapes);
    sj_free(context, samples->classes);
    for (size_t i = 0; i < samples->member_count; i++)
        sj_free(context, samples->members[i].literal);
    sj_free(context, samples->members);
    sj_free(context, samples->globals);
    sj_free(context, samples->type);
    sj_free(context, samples);
}
