/* SPDX-License-Identifier: MIT
 *
 * From a scan to texts for a header.
 */
#include "snapshot/describe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <snapjar/snapshot.h>

#include "pickle/scan.h"
#include "util/bytes.h"
#include "json/scan.h"

/* A class with fields. */
typedef struct class_entry {
    const snapjar_scan_global *global;
    const snapjar_text *fields;
    size_t field_count;
    /** Whether all its texts can be written as they are, and the most that they may take. */
    bool is_plain;
    size_t size_max;
} class_entry;

/* What one byte may become: \u001f. */
#define ESCAPE_SIZE_MAX ((size_t)6)
/* Between the texts of a class, and around a field. */
#define CLASS_MARKS_SIZE ((size_t)9)
#define FIELD_MARKS_SIZE ((size_t)3)

/* Whether the text is of printable ASCII without quotes and backslashes, as nearly all names are. */
static bool is_plain(snapjar_text text)
{
    unsigned odd = 0;

    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = (uint8_t)text.data[i];
        odd |= (unsigned)(c < 0x20) | (unsigned)(c > 0x7e) | (unsigned)(c == '"') | (unsigned)(c == '\\');
    }
    return !odd;
}

/* Whether JSON can hold the text. */
static bool is_storable(snapjar_text text)
{
    if (text.size > 0 && is_plain(text))
        return true;
    return text.size > 0 && !memchr(text.data, 0, text.size) && sj_json_bad_utf8(text.data, text.size) == text.size;
}

/* ---- the type ---- */

/* "module:Qualname", or nothing if it does not fit. */
static bool name_global(const snapjar_scan_global *global, char out[SJ_TYPE_SIZE_MAX + 1])
{
    snapjar_text module = global->mapped_module;
    snapjar_text name = global->mapped_name;

    if (!is_storable(module) || !is_storable(name) || module.size + 1 + name.size > SJ_TYPE_SIZE_MAX)
        return false;
    memcpy(out, module.data, module.size);
    out[module.size] = ':';
    memcpy(out + module.size + 1, name.data, name.size);
    out[module.size + 1 + name.size] = '\0';
    return true;
}

void sj_describe_type(snapjar_scan *scan, char out[SJ_TYPE_SIZE_MAX + 1])
{
    const snapjar_scan_summary *summary = snapjar_scan_summarize(scan);
    bool is_known = false;

    if (!snapjar_scan_failure(scan)) {
        switch (summary->root) {
        case SNAPJAR_ROOT_NONE:
        case SNAPJAR_ROOT_BOOL:
        case SNAPJAR_ROOT_INT:
        case SNAPJAR_ROOT_FLOAT:
        case SNAPJAR_ROOT_STR:
        case SNAPJAR_ROOT_BYTES:
        case SNAPJAR_ROOT_BYTEARRAY:
        case SNAPJAR_ROOT_TUPLE:
        case SNAPJAR_ROOT_LIST:
        case SNAPJAR_ROOT_DICT:
        case SNAPJAR_ROOT_SET:
        case SNAPJAR_ROOT_FROZENSET:
            (void)snprintf(out, SJ_TYPE_SIZE_MAX + 1, "builtins:%s", snapjar_root_name(summary->root));
            is_known = true;
            break;
        case SNAPJAR_ROOT_INSTANCE:
            is_known = name_global(snapjar_scan_global_at(scan, summary->root_global), out);
            break;
        case SNAPJAR_ROOT_BUFFER:
        case SNAPJAR_ROOT_GLOBAL:
        case SNAPJAR_ROOT_PERSISTENT:
        case SNAPJAR_ROOT_COMPUTED:
            break;
        }
    }
    if (!is_known)
        (void)snprintf(out, SJ_TYPE_SIZE_MAX + 1, "%s", SNAPJAR_TYPE_UNKNOWN);
}

/* ---- the layout ---- */

/* Text that grows up to its room. */
typedef struct writer {
    char *text;
    size_t size;
    size_t room;
    bool is_full;
} writer;

static void put(writer *out, const char *bytes, size_t size)
{
    if (out->is_full || size > out->room - out->size) {
        out->is_full = true;
        return;
    }
    memcpy(out->text + out->size, bytes, size);
    out->size += size;
}

static void put_escaped(writer *out, snapjar_text text, bool is_plain)
{
    if (is_plain) {
        put(out, text.data, text.size);
        return;
    }
    for (size_t i = 0; i < text.size; i++) {
        char escape[8];
        uint8_t c = (uint8_t)text.data[i];
        if (c == '"' || c == '\\')
            put(out, "\\", 1);
        if (c >= 0x20) {
            put(out, &text.data[i], 1);
        } else {
            (void)snprintf(escape, sizeof(escape), "\\u%04x", c);
            put(out, escape, strlen(escape));
        }
    }
}

static int compare_texts(snapjar_text a, snapjar_text b)
{
    int order = memcmp(a.data, b.data, (size_t)sj_min(a.size, b.size));

    return order ? order : (a.size > b.size) - (a.size < b.size);
}

static int compare_classes(const void *left, const void *right)
{
    const snapjar_scan_global *a = ((const class_entry *)left)->global;
    const snapjar_scan_global *b = ((const class_entry *)right)->global;
    int order = compare_texts(a->mapped_module, b->mapped_module);

    return order ? order : compare_texts(a->mapped_name, b->mapped_name);
}

/* Adds a text of the class. False if JSON cannot hold it. */
static bool measure(class_entry *entry, snapjar_text text)
{
    bool is_text_plain = is_plain(text);

    entry->is_plain &= is_text_plain;
    entry->size_max += text.size > SNAPJAR_LAYOUT_SIZE_MAX ? SNAPJAR_LAYOUT_SIZE_MAX : text.size;
    return (is_text_plain && text.size > 0) || is_storable(text);
}

/* Gathers the classes that have fields. `*is_whole` is false if one of them cannot be written. */
static snapjar_status gather(snapjar_scan *scan, class_entry *classes, size_t *count, bool *is_whole,
                             snapjar_error *err)
{
    *count = 0;
    *is_whole = true;
    for (size_t i = 0; i < snapjar_scan_global_count(scan) && *is_whole; i++) {
        class_entry entry = {.global = snapjar_scan_global_at(scan, i), .is_plain = true};
        entry.fields = snapjar_scan_fields(scan, i, &entry.field_count);
        if (!entry.fields && entry.field_count)
            return sj_raise_no_memory(err, 0);
        if (!entry.field_count)
            continue;
        /* A colon more, and two classes could have one name. */
        *is_whole = measure(&entry, entry.global->mapped_module) && measure(&entry, entry.global->mapped_name) &&
                    !memchr(entry.global->mapped_module.data, ':', entry.global->mapped_module.size);
        for (size_t f = 0; f < entry.field_count; f++)
            *is_whole &= !entry.fields[f].size || measure(&entry, entry.fields[f]);
        classes[(*count)++] = entry;
    }
    qsort(classes, *count, sizeof(*classes), compare_classes);
    for (size_t i = 1; i < *count; i++)
        *is_whole &= compare_classes(&classes[i - 1], &classes[i]) != 0;
    return SNAPJAR_OK;
}

static void put_classes(writer *out, const class_entry *classes, size_t count)
{
    for (size_t i = 0; i < count && !out->is_full; i++) {
        put(out, i ? ",\"" : "{\"", 2);
        put_escaped(out, classes[i].global->mapped_module, classes[i].is_plain);
        put(out, ":", 1);
        put_escaped(out, classes[i].global->mapped_name, classes[i].is_plain);
        put(out, "\":", 2);
        for (size_t f = 0; f < classes[i].field_count; f++) {
            put(out, f ? ",\"" : "[\"", 2);
            put_escaped(out, classes[i].fields[f], classes[i].is_plain);
            put(out, "\"", 1);
        }
        put(out, "]", 1);
    }
    put(out, "}", 1);
}

/* The most that the layout may take, as far as it may be written at all. */
static size_t layout_room(const class_entry *classes, size_t count)
{
    size_t room = 2;

    for (size_t i = 0; i < count && room < SNAPJAR_LAYOUT_SIZE_MAX; i++)
        room += CLASS_MARKS_SIZE + FIELD_MARKS_SIZE * classes[i].field_count + ESCAPE_SIZE_MAX * classes[i].size_max;
    return (size_t)sj_min(room, SNAPJAR_LAYOUT_SIZE_MAX);
}

static snapjar_status write_layout(snapjar_context *context, const class_entry *classes, size_t count, char **json,
                                   snapjar_error *err)
{
    size_t room = layout_room(classes, count);
    writer out = {.text = sj_alloc(context, room + 1), .room = room};

    if (!out.text)
        return sj_raise_no_memory(err, room + 1);
    put_classes(&out, classes, count);
    if (out.is_full) {
        sj_free(context, out.text);
        return SNAPJAR_OK;
    }
    out.text[out.size] = '\0';
    *json = out.text;
    return SNAPJAR_OK;
}

static snapjar_status describe_layout(snapjar_scan *scan, snapjar_context *context, char **json, snapjar_error *err)
{
    const snapjar_error *failure = snapjar_scan_failure(scan);
    size_t count = snapjar_scan_global_count(scan);
    bool is_whole = false;

    *json = NULL;
    if (!count || (failure && failure->status != SNAPJAR_OK) || !snapjar_scan_summarize(scan)->layout_is_whole)
        return SNAPJAR_OK;
    class_entry *classes = sj_alloc(context, count * sizeof(*classes));
    if (!classes)
        return sj_raise_no_memory(err, count * sizeof(*classes));
    snapjar_status status = gather(scan, classes, &count, &is_whole, err);
    if (status == SNAPJAR_OK && count && is_whole)
        status = write_layout(context, classes, count, json, err);
    sj_free(context, classes);
    return status;
}

snapjar_status sj_describe_layout(snapjar_scan *scan, const char **json, snapjar_error *err)
{
    snapjar_context *context = scan->machine.context;
    bool is_final = snapjar_scan_generation(scan) != 0;

    if (!is_final || !scan->has_layout_json) {
        sj_free(context, scan->layout_json);
        scan->has_layout_json = false;
        scan->layout_json = NULL;
        snapjar_status status = describe_layout(scan, context, &scan->layout_json, err);
        if (status != SNAPJAR_OK) {
            *json = NULL;
            return status;
        }
        scan->has_layout_json = is_final;
    }
    *json = scan->layout_json;
    return SNAPJAR_OK;
}
