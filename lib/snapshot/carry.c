/* SPDX-License-Identifier: MIT
 *
 * From a record's header to what its successor keeps. Values go over as they are written, so that no number changes.
 */
#include "snapshot/carry.h"

#include <string.h>

#include "util/string.h"

void sj_carried_clear(sj_carried *carried)
{
    char *const texts[] = {carried->type,       carried->created, carried->build_json, carried->labels_json,
                           carried->extra_json, carried->history, carried->stream_id};

    for (size_t i = 0; carried->context && i < sizeof(texts) / sizeof(*texts); i++)
        sj_free(carried->context, texts[i]);
    *carried = (sj_carried){.context = NULL};
}

static snapjar_status dup_text(snapjar_context *context, snapjar_text text, char **out, snapjar_error *err)
{
    *out = sj_dup_text(context, text.data, text.size);
    return *out ? SNAPJAR_OK : sj_raise_no_memory(err, text.size + 1);
}

/* ---- pieces of valid JSON ---- */

/* Bytes of the value that begins at `text`, which is part of a valid whole. */
static size_t value_size(const char *text, size_t size)
{
    size_t depth = 0;
    bool in_string = false;

    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        if (in_string) {
            i += c == '\\';
            in_string = c != '"';
            if (!in_string && !depth)
                return i + 1;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            depth++;
        } else if ((c == '}' || c == ']') && depth) {
            if (!--depth)
                return i + 1;
        } else if (!depth && strchr(",}] \t\r\n", c)) {
            return i;
        }
    }
    return size;
}

snapjar_text sj_carry_value(const char *json, size_t size, const char *parent, const char *key)
{
    sj_json_path path = {.depth = 0};

    if (parent)
        path.steps[path.depth++].key = parent;
    path.steps[path.depth++].key = key;
    size_t at = sj_json_locate(json, size, &path);
    return (snapjar_text){json + at, value_size(json + at, size - at)};
}

static snapjar_text find_value(const snapjar_header *header, const char *parent, const char *key)
{
    return sj_carry_value(header->json, header->prefix.json_size, parent, key);
}

/* ---- records ---- */

static bool is_one_of(const char *key, const char *const *keys)
{
    for (; *keys; keys++) {
        if (!strcmp(key, *keys))
            return true;
    }
    return false;
}

/* An object of the members that are not among `but`. */
static snapjar_status keep_members(sj_carried *carried, const snapjar_header *header, const char *parent,
                                   const sj_json *object, const char *const *but, char **out, snapjar_error *err)
{
    sj_string text = {.context = carried->context};

    for (void *i = sj_json_first(object); i; i = sj_json_next(object, i)) {
        const char *key = sj_json_key(i);
        if (is_one_of(key, but))
            continue;
        snapjar_text value = find_value(header, parent, key);
        sj_string_puts(&text, text.size ? "," : "{");
        sj_string_put_quoted(&text, key, strlen(key));
        sj_string_puts(&text, ":");
        sj_string_put(&text, value.data, value.size);
    }
    if (!text.size && !text.has_failed)
        return SNAPJAR_OK;
    sj_string_puts(&text, "}");
    return sj_string_take(&text, out, err);
}

static snapjar_status keep_history(sj_carried *carried, const snapjar_header *header, snapjar_error *err)
{
    const sj_json *history = sj_json_get(header->constant, "history");

    if (!history || !sj_json_count(history))
        return SNAPJAR_OK;
    snapjar_text value = find_value(header, NULL, "history");
    return dup_text(carried->context, (snapjar_text){value.data + 1, value.size - 2}, &carried->history, err);
}

snapjar_status sj_carry_header(sj_carried *carried, snapjar_context *context, const snapjar_header *header,
                               snapjar_error *err)
{
    static const char *const known[] = {"format_version", "type",     "schema_version", "build",   "layout",  "labels",
                                        "history",        "requires", "stream",         "created", "payload", NULL};
    static const char *const tool[] = {"tool", NULL};
    static const char *const none[] = {NULL};
    const sj_json *labels = sj_json_get(header->constant, "labels");

    *carried = (sj_carried){.context = context, .has_schema_version = true, .schema_version = header->schema_version};
    SJ_TRY(dup_text(context, header->type, &carried->type, err));
    SJ_TRY(dup_text(context, header->created, &carried->created, err));
    SJ_TRY(keep_members(carried, header, "build", sj_json_get(header->constant, "build"), tool, &carried->build_json,
                        err));
    if (labels)
        SJ_TRY(keep_members(carried, header, "labels", labels, none, &carried->labels_json, err));
    SJ_TRY(keep_members(carried, header, NULL, header->constant, known, &carried->extra_json, err));
    SJ_TRY(keep_history(carried, header, err));
    if (header->has_stream) {
        carried->stream_index = header->stream_index;
        SJ_TRY(dup_text(context, header->stream_id, &carried->stream_id, err));
    }
    return SNAPJAR_OK;
}
