/* SPDX-License-Identifier: MIT
 *
 * What was seen in samples as text of contracts: rules, fields, classes, the policy, and values as literals.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "migrate/samples.h"
#include "json/scan.h"

/** Bytes of a text that is written as a literal; longer ones are left out. */
#define LITERAL_SIZE_MAX 200

/* ---- text ---- */

void sj_text_put_bytes(sj_text *text, const char *bytes, size_t size)
{
    if (text->has_failed)
        return;
    if (text->capacity - text->size < size + 1) {
        const size_t capacity = 2 * text->capacity + size + 64;
        char *grown = sj_realloc(text->context, text->data, capacity);
        if (grown == NULL) {
            text->has_failed = true;
            return;
        }
        text->data = grown;
        text->capacity = capacity;
    }
    if (size > 0)
        memcpy(text->data + text->size, bytes, size);
    text->size += size;
    text->data[text->size] = '\0';
}

void sj_text_put(sj_text *text, const char *string)
{
    sj_text_put_bytes(text, string, strlen(string));
}

void sj_text_put_quoted(sj_text *text, const char *string)
{
    sj_text_put(text, "\"");
    for (; *string != '\0'; string++) {
        char escape[8];
        if (*string == '"' || *string == '\\')
            (void)snprintf(escape, sizeof escape, "\\%c", *string);
        else if ((unsigned char)*string < ' ')
            (void)snprintf(escape, sizeof escape, "\\u%04x", (unsigned)*string);
        else
            (void)snprintf(escape, sizeof escape, "%c", *string);
        sj_text_put(text, escape);
    }
    sj_text_put(text, "\"");
}

void sj_text_put_number(sj_text *text, int64_t number)
{
    char digits[24];
    (void)snprintf(digits, sizeof digits, "%lld", (long long)number);
    sj_text_put(text, digits);
}

snapjar_status sj_text_check(const sj_text *text, snapjar_error *err)
{
    return text->has_failed ? sj_raise_no_memory(err, text->size) : SNAPJAR_OK;
}

snapjar_status sj_text_write_json(const sj_text *text, snapjar_sink *sink, snapjar_error *err)
{
    sj_json *root;
    size_t size;
    SJ_TRY(sj_text_check(text, err));
    SJ_TRY(sj_json_parse(&root, text->data, text->size, SJ_JSON_DOCUMENT_DEPTH_MAX, SNAPJAR_SPACE_NONE, 0, err));
    char *lines = sj_json_dump_lines(root, &size);
    sj_json_free(root);
    if (lines == NULL)
        return sj_raise_no_memory(err, text->size);
    snapjar_status status = snapjar_sink_write(sink, lines, size, err);
    if (status == SNAPJAR_OK)
        status = snapjar_sink_write(sink, "\n", 1, err);
    sj_json_free_text(lines);
    return status;
}

/* ---- literals ---- */

static void put_base64(sj_text *out, const uint8_t *data, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < size; i += 3) {
        const size_t left = size - i;
        const uint32_t bits = (uint32_t)data[i] << 16 | (left > 1 ? (uint32_t)data[i + 1] << 8 : 0) |
                              (left > 2 ? (uint32_t)data[i + 2] : 0);
        const char four[4] = {digits[bits >> 18], digits[bits >> 12 & 63], left > 1 ? digits[bits >> 6 & 63] : '=',
                              left > 2 ? digits[bits & 63] : '='};
        sj_text_put_bytes(out, four, 4);
    }
}

/** A text, or bytes that are characters of the pickle; nothing if it is long or no UTF-8. */
static void put_text(sj_text *out, const snapjar_graph *graph, sj_ref ref, const char *tag)
{
    const sj_seen seen = sj_picture_see(graph, ref);
    uint8_t bytes[4 * LITERAL_SIZE_MAX + 5];
    size_t used = 0, at = 0;
    uint32_t point;
    bool is_byte;
    if (seen.text != 0) {
        const sj_literal literal = sj_picture_literal(graph, sj_graph_node(graph, seen.text));
        while (sj_literal_point(&literal, &at, &point, &is_byte)) {
            if (used >= LITERAL_SIZE_MAX || (point == 0 && tag == NULL))
                return;
            const size_t size = tag != NULL || point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
            for (size_t i = size - 1; i > 0; i--, point >>= 6)
                bytes[used + i] = (uint8_t)(0x80 | (point & 0x3f));
            bytes[used] = (uint8_t)(size == 1 ? point : ((0xf00u >> size) & 0xff) | point);
            used += size;
        }
    }
    bytes[used] = 0;
    if (tag != NULL) {
        sj_text_put(out, tag);
        put_base64(out, bytes, used);
        sj_text_put(out, "\"}");
    } else if (sj_json_bad_utf8((const char *)bytes, used) == used) {
        sj_text_put_quoted(out, (const char *)bytes);
    }
}

static void put_number(sj_text *out, const snapjar_graph *graph, sj_ref ref, bool is_float)
{
    char text[LITERAL_SIZE_MAX];
    sj_out words;
    sj_out_to_text(&words, text, sizeof text, false);
    sj_picture_leaf(&words, graph, ref, LITERAL_SIZE_MAX);
    const bool is_cut = words.is_cut;
    const size_t size = sj_out_end(&words);
    const size_t digits = strspn(text, "+-.0123456789e");
    if (is_cut || size == 0)
        return;
    if (is_float && digits < size)
        sj_text_put(out, "{\"$float\":\"");
    else if (!is_float && (digits < size || size > 18))
        sj_text_put(out, digits < size ? "" : "{\"$int\":\"");
    if (!is_float && digits < size)
        return;
    sj_text_put(out, text);
    sj_text_put(out, (is_float && digits < size) || (!is_float && size > 18) ? "\"}" : "");
}

static void put_literal(sj_text *out, const snapjar_graph *graph, sj_ref ref)
{
    static const struct {
        sj_form form;
        const char *empty;
    } containers[] = {
        {SJ_SEEN_LIST, "[]"},
        {SJ_SEEN_DICT, "{}"},
        {SJ_SEEN_TUPLE, "{\"$tuple\":[]}"},
        {SJ_SEEN_SET, "{\"$set\":[]}"},
        {SJ_SEEN_FROZENSET, "{\"$frozenset\":[]}"},
    };
    const sj_form form = sj_picture_form(graph, ref);
    switch (form) {
    case SJ_SEEN_NONE:
        sj_text_put(out, "null");
        return;
    case SJ_SEEN_BOOL:
        sj_text_put(out, sj_graph_node(graph, ref)->kind == SJ_NODE_TRUE ? "true" : "false");
        return;
    case SJ_SEEN_INT:
    case SJ_SEEN_FLOAT:
        put_number(out, graph, ref, form == SJ_SEEN_FLOAT);
        return;
    case SJ_SEEN_STR:
        put_text(out, graph, ref, NULL);
        return;
    case SJ_SEEN_BYTES:
        put_text(out, graph, ref, "{\"$bytes\":\"");
        return;
    case SJ_SEEN_BYTEARRAY:
        put_text(out, graph, ref, "{\"$bytearray\":\"");
        return;
    default:
        break;
    }
    for (size_t i = 0; i < sizeof containers / sizeof *containers; i++) {
        if (containers[i].form == form && sj_picture_count(graph, ref) == 0)
            sj_text_put(out, containers[i].empty);
    }
}

/** A member of an enumeration that is asked for by its value: a call with a small value. */
static void put_member(sj_text *out, const snapjar_graph *graph, sj_ref ref)
{
    char buffer[SJ_CLASS_NAME_SIZE], name[2 * SJ_CLASS_NAME_SIZE + 2];
    sj_member_view member;
    sj_class_name found;
    if (!sj_member_see(graph, ref, &member) || member.is_by_name ||
        !sj_class_name_of(graph, member.class_ref, buffer, &found) ||
        found.module.size + found.name.size > (size_t)2 * SJ_CLASS_NAME_SIZE)
        return;
    sj_text value = {.context = out->context};
    put_literal(&value, graph, member.argument);
    out->has_failed = out->has_failed || value.has_failed;
    if (value.size > 0) {
        (void)snprintf(name, sizeof name, "%.*s:%.*s", (int)found.module.size, found.module.data, (int)found.name.size,
                       found.name.data);
        sj_text_put(out, "{\"$call\":[");
        sj_text_put_quoted(out, name);
        sj_text_put(out, ",[");
        sj_text_put(out, value.data);
        sj_text_put(out, "]]}");
    }
    sj_free(out->context, value.data);
}

snapjar_status sj_sample_literal(snapjar_context *context, const snapjar_graph *graph, sj_ref ref, char **text,
                                 snapjar_error *err)
{
    sj_text out = {.context = context};
    *text = NULL;
    put_literal(&out, graph, ref);
    if (out.size == 0)
        put_member(&out, graph, ref);
    const snapjar_status status = sj_text_check(&out, err);
    if (status != SNAPJAR_OK) {
        sj_free(context, out.data);
        return status;
    }
    *text = out.data;
    return SNAPJAR_OK;
}

/* ---- rules ---- */

static void put_types(sj_text *out, const snapjar_samples *samples, const sj_seen_shape *shape)
{
    const char *separator = "";
    size_t count = shape->class_count;
    for (unsigned type = 0; type < SJ_VALUE_ANY; type++)
        count += (shape->types & 1u << type) != 0;
    sj_text_put(out, count == 1 ? "\"type\":" : "\"type\":[");
    for (unsigned type = 0; type < SJ_VALUE_ANY; type++) {
        if ((shape->types & 1u << type) == 0)
            continue;
        sj_text_put(out, separator);
        sj_text_put_quoted(out, sj_value_type_name((sj_value_type)type));
        separator = ",";
    }
    for (uint32_t i = 0; i < shape->class_count; i++) {
        sj_text_put(out, separator);
        sj_text_put_quoted(out, sj_samples_name(samples, shape->classes[i]));
        separator = ",";
    }
    sj_text_put(out, count == 1 ? "" : "]");
}

static void put_inner(sj_text *out, const sj_rule_texts *rules, const char *name, uint32_t shape)
{
    if (shape == 0 || rules->texts[shape][0] == '\0')
        return;
    sj_text_put(out, ",\"");
    sj_text_put(out, name);
    sj_text_put(out, "\":{");
    sj_text_put(out, rules->texts[shape]);
    sj_text_put(out, "}");
}

/** A rule's members. Those of the shapes inside are there already. */
static void put_rule(sj_text *out, const snapjar_samples *samples, const sj_rule_texts *rules,
                     const sj_seen_shape *shape)
{
    const unsigned sequences = 1u << SJ_VALUE_LIST | 1u << SJ_VALUE_SET | 1u << SJ_VALUE_FROZENSET;
    const bool is_tuple = (shape->types & 1u << SJ_VALUE_TUPLE) != 0;
    sj_text_put(out, "");
    if ((shape->types & 1u << SJ_VALUE_ANY) != 0 || (shape->types == 0 && shape->class_count == 0))
        return;
    put_types(out, samples, shape);
    const bool has_elements = is_tuple && (shape->types & sequences) == 0 && shape->length_min == shape->length_max &&
                              shape->length_max > 0 && shape->length_max <= SJ_SHAPE_ELEMENTS_MAX &&
                              shape->elements[0] != 0;
    if (has_elements) {
        sj_text_put(out, ",\"elements\":[");
        for (size_t i = 0; i < shape->length_max; i++) {
            sj_text_put(out, i > 0 ? ",{" : "{");
            sj_text_put(out, rules->texts[shape->elements[i]]);
            sj_text_put(out, "}");
        }
        sj_text_put(out, "]");
    } else if (is_tuple || (shape->types & sequences) != 0) {
        put_inner(out, rules, "items", shape->items);
    }
    if ((shape->types & 1u << SJ_VALUE_DICT) != 0) {
        put_inner(out, rules, "keys", shape->keys);
        put_inner(out, rules, "values", shape->values);
    }
}

snapjar_status sj_rule_texts_make(sj_rule_texts *rules, const snapjar_samples *samples, snapjar_error *err)
{
    *rules = (sj_rule_texts){samples->context, NULL, samples->shape_count};
    rules->texts = sj_alloc_zero(samples->context, samples->shape_count * sizeof *rules->texts);
    if (rules->texts == NULL)
        return sj_raise_no_memory(err, samples->shape_count * sizeof *rules->texts);
    /* Shapes inside come behind the one that they are in. */
    for (size_t i = samples->shape_count; i > 0; i--) {
        sj_text out = {.context = samples->context};
        put_rule(&out, samples, rules, &samples->shapes[i - 1]);
        rules->texts[i - 1] = out.data;
        if (out.has_failed)
            return sj_raise_no_memory(err, out.size);
    }
    return SNAPJAR_OK;
}

void sj_rule_texts_free(sj_rule_texts *rules)
{
    for (size_t i = 0; rules->texts != NULL && i < rules->count; i++)
        sj_free(rules->context, rules->texts[i]);
    if (rules->texts != NULL)
        sj_free(rules->context, rules->texts);
}

void sj_members_write(sj_text *out, const snapjar_samples *samples, const sj_rule_texts *rules,
                      const sj_seen_class *class)
{
    sj_text_put(out, "{");
    for (size_t i = 0; i < class->field_count; i++) {
        const sj_seen_field *field = &class->fields[i];
        const char *rule = rules->texts[field->shape];
        sj_text_put(out, i > 0 ? "," : "");
        sj_text_put_quoted(out, sj_samples_name(samples, field->name));
        sj_text_put(out, ":{");
        sj_text_put(out, rule);
        if (field->count < class->count)
            sj_text_put(out, rule[0] != '\0' ? ",\"required\":false" : "\"required\":false");
        sj_text_put(out, "}");
    }
    sj_text_put(out, "}");
}

void sj_class_write(sj_text *out, const snapjar_samples *samples, const sj_rule_texts *rules,
                    const sj_seen_class *class)
{
    const sj_class_form form = sj_samples_form(class);
    sj_text_put(out, "{");
    if (form != SJ_CLASS_DICT) {
        sj_text_put(out, "\"state\":");
        sj_text_put_quoted(out, sj_class_form_name(form));
    }
    if (form < SJ_CLASS_ENUM) {
        sj_text_put(out, form != SJ_CLASS_DICT ? ",\"fields\":" : "\"fields\":");
        sj_members_write(out, samples, rules, class);
    }
    sj_text_put(out, "}");
}

bool sj_root_write(sj_text *out, const snapjar_samples *samples, const sj_rule_texts *rules)
{
    const sj_seen_shape *shape = &samples->shapes[samples->root];
    const bool is_class = shape->types == 0 && shape->class_count == 1 &&
                          strcmp(sj_samples_name(samples, shape->classes[0]), samples->type) == 0;
    if (is_class)
        return false;
    if (!samples->has_other_roots) {
        sj_text_put(out, "{\"type\":\"dict\",\"entries\":");
        sj_members_write(out, samples, rules, &samples->entries);
        sj_text_put(out, "}");
        return true;
    }
    sj_text_put(out, "{");
    sj_text_put(out, rules->texts[samples->root]);
    sj_text_put(out, "}");
    return true;
}

/* ---- the policy ---- */

unsigned sj_samples_class_uses(const snapjar_samples *samples, const char *name)
{
    const sj_seen_class *class = sj_samples_class(samples, name);
    if (class == NULL)
        return 0;
    switch (sj_samples_form(class)) {
    case SJ_CLASS_DICT:
    case SJ_CLASS_SLOTS:
        return SNAPJAR_USES(SNAPJAR_USE_NEW) | SNAPJAR_USES(SNAPJAR_USE_BUILD) | SNAPJAR_USES(SNAPJAR_USE_IMPORT);
    case SJ_CLASS_ARGUMENTS:
        return SNAPJAR_USES(SNAPJAR_USE_NEW) | SNAPJAR_USES(SNAPJAR_USE_CALL) | SNAPJAR_USES(SNAPJAR_USE_IMPORT);
    case SJ_CLASS_ENUM:
    case SJ_CLASS_OPAQUE:
    case SJ_CLASS_FORM_COUNT:
        break;
    }
    return SNAPJAR_USES_CLASS;
}

/** What presets allow of a global; notes which of them in `used`. */
static unsigned preset_uses(const char *name, bool *used, size_t preset_count)
{
    const snapjar_policy_rule *rule;
    unsigned uses = 0;
    for (size_t i = 0; (rule = snapjar_preset_rule_at(i)) != NULL; i++) {
        const size_t size = strlen(rule->module);
        if (strncmp(name, rule->module, size) != 0 || name[size] != ':' || strcmp(name + size + 1, rule->name) != 0)
            continue;
        uses |= rule->uses;
        for (size_t k = 0; k < preset_count; k++)
            used[k] = used[k] || strcmp(snapjar_preset_at(k)->name, rule->preset) == 0;
    }
    return uses;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static const sj_seen_global *find_global(const snapjar_samples *samples, const char *name)
{
    for (size_t i = 0; i < samples->global_count; i++) {
        if (sj_samples_name(samples, samples->globals[i].name) == name)
            return &samples->globals[i];
    }
    return NULL;
}

void sj_allow_row_write(sj_text *out, const snapjar_samples *samples, const sj_seen_global *global, unsigned uses)
{
    const char *separator = "";
    char reason[96];
    sj_text_put_quoted(out, sj_samples_name(samples, global->name));
    sj_text_put(out, ":{\"uses\":[");
    if ((uses & ~SNAPJAR_USES(SNAPJAR_USE_IMPORT)) != 0)
        uses &= ~SNAPJAR_USES(SNAPJAR_USE_IMPORT);
    for (unsigned use = 0; use < SNAPJAR_USE_COUNT; use++) {
        if ((uses & SNAPJAR_USES(use)) == 0)
            continue;
        sj_text_put(out, separator);
        sj_text_put_quoted(out, snapjar_use_name((snapjar_use)use));
        separator = ",";
    }
    (void)snprintf(reason, sizeof reason, "],\"reason\":\"TODO: why; seen in %llu of %llu samples\"}",
                   (unsigned long long)global->count, (unsigned long long)samples->count);
    sj_text_put(out, reason);
}

static void put_allow(sj_text *out, const snapjar_samples *samples, const char **names, bool *used, size_t preset_count)
{
    const char *before = ",\"allow\":{";
    for (size_t i = 0; i < samples->global_count; i++) {
        const sj_seen_global *global = find_global(samples, names[i]);
        assert(global != NULL); /* The names are those of the globals. */
        const unsigned by_class = sj_samples_class_uses(samples, names[i]);
        const unsigned missing = global->uses & ~by_class;
        /* A preset counts where it allows all that is missing. */
        bool needed[64] = {false};
        if (missing == 0 || (missing == SNAPJAR_USES(SNAPJAR_USE_IMPORT) && by_class != 0))
            continue;
        if ((missing & ~preset_uses(names[i], needed, preset_count)) == 0) {
            for (size_t k = 0; k < preset_count; k++)
                used[k] = used[k] || needed[k];
            continue;
        }
        sj_text_put(out, before);
        sj_allow_row_write(out, samples, global, missing);
        before = ",";
    }
    sj_text_put(out, strcmp(before, ",") == 0 ? "}" : "");
}

snapjar_status sj_policy_write(sj_text *out, const snapjar_samples *samples, snapjar_error *err)
{
    bool used[64] = {false};
    size_t preset_count = 0;
    const char *before = ",\"presets\":[";
    while (preset_count < 64 && snapjar_preset_at(preset_count) != NULL)
        preset_count++;
    const char **names = sj_alloc(samples->context, (samples->global_count + 1) * sizeof *names);
    if (names == NULL)
        return sj_raise_no_memory(err, samples->global_count * sizeof *names);
    for (size_t i = 0; i < samples->global_count; i++)
        names[i] = sj_samples_name(samples, samples->globals[i].name);
    qsort(names, samples->global_count, sizeof *names, compare_names);
    sj_text allow = {.context = samples->context};
    put_allow(&allow, samples, names, used, preset_count);
    sj_free(samples->context, names);
    for (size_t i = 0; i < preset_count; i++) {
        if (!used[i])
            continue;
        sj_text_put(out, before);
        sj_text_put_quoted(out, snapjar_preset_at(i)->name);
        before = ",";
    }
    sj_text_put(out, strcmp(before, ",") == 0 ? "]" : "");
    sj_text_put_bytes(out, allow.data != NULL ? allow.data : "", allow.size);
    sj_text_put(out, samples->needs_persistent_ids ? ",\"persistent_ids\":true" : "");
    sj_text_put(out, samples->needs_buffers ? ",\"buffers\":true" : "");
    const snapjar_status status = sj_text_check(&allow, err);
    sj_free(samples->context, allow.data);
    return status;
}
