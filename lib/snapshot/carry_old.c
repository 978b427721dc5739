/* SPDX-License-Identifier: MIT
 *
 * From a header that a program made for itself to a record's: what fields mean is said by the options, and everything
 * else becomes labels.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "header/fields.h"
#include "snapshot/carry.h"
#include "snapshot/time.h"
#include "util/string.h"

#define PACKAGES "packages."

typedef struct mapping {
    sj_carried *carried;
    const sj_old_header *header;
    const snapjar_old_options *options;
} mapping;

/** A value that stands for a field of ours: named, or called as ours; NULL if it is not there. */
static snapjar_status get(const mapping *m, const char *named, const char *ours, const sj_json **value,
                          snapjar_error *err)
{
    *value = named ? sj_old_header_get(m->header, named) : sj_json_get(m->header->root, ours);
    return *value || !named ? SNAPJAR_OK : sj_old_header_raise(m->header, named, err, "is not there");
}

/** The value as compact JSON. */
static snapjar_status put_dump(const sj_json *value, sj_string *out, snapjar_error *err)
{
    size_t size = 0;
    char *text = sj_json_dump(value, &size);

    if (!text)
        return sj_raise_no_memory(err, 0);
    sj_string_put_quoted(out, text, size);
    sj_json_free_text(text);
    return SNAPJAR_OK;
}

/* ---- what has a field of its own ---- */

static snapjar_status take_type(const mapping *m, const sj_json **used, snapjar_error *err)
{
    const sj_json *value = NULL;

    SJ_TRY(get(m, m->options->type_field, "type", &value, err));
    snapjar_text text = value && sj_json_type_of(value) == SJ_JSON_STRING ? sj_json_string(value) : (snapjar_text){0};
    if (text.size && text.size <= SJ_TYPE_SIZE_MAX) {
        *used = value;
        m->carried->type = sj_dup_text(m->carried->context, text.data, text.size);
        return m->carried->type ? SNAPJAR_OK : sj_raise_no_memory(err, text.size);
    }
    return m->options->type_field ? sj_old_header_raise(m->header, m->options->type_field, err,
                                                        "is no text of 1 to 1024 bytes, as a type is")
                                  : SNAPJAR_OK;
}

static bool read_natural(const sj_json *value, int64_t *number)
{
    *number = -1;
    if (sj_json_type_of(value) == SJ_JSON_INTEGER)
        *number = sj_json_integer(value);
    if (sj_json_type_of(value) == SJ_JSON_STRING) {
        snapjar_text text = sj_json_string(value);
        bool is_number = text.size > 0 && text.size <= 18 && strspn(text.data, "0123456789") >= text.size;
        *number = is_number ? strtoll(text.data, NULL, 10) : -1;
    }
    return *number >= 0;
}

static snapjar_status take_version(const mapping *m, const sj_json **used, snapjar_error *err)
{
    const sj_json *value = NULL;
    int64_t number;

    SJ_TRY(get(m, m->options->schema_version_field, "schema_version", &value, err));
    if (value && read_natural(value, &number)) {
        *used = value;
        m->carried->has_schema_version = true;
        m->carried->schema_version = number;
        return SNAPJAR_OK;
    }
    return m->options->schema_version_field ? sj_old_header_raise(m->header, m->options->schema_version_field, err,
                                                                  "is no integer of 0 or more, as a schema version is")
                                            : SNAPJAR_OK;
}

static snapjar_status take_created(const mapping *m, const sj_json **used, snapjar_error *err)
{
    const sj_json *value = NULL;
    char text[SJ_TIME_SIZE];
    bool is_read = false;

    SJ_TRY(get(m, m->options->created_field, "created", &value, err));
    if (value && sj_json_type_of(value) == SJ_JSON_STRING)
        is_read = sj_time_from_text(sj_json_string(value), text);
    else if (value && sj_json_type_of(value) == SJ_JSON_INTEGER)
        is_read = sj_time_from_seconds((double)sj_json_integer(value), text);
    else if (value && sj_json_type_of(value) == SJ_JSON_REAL)
        is_read = sj_time_from_seconds(sj_json_real(value), text);
    if (is_read) {
        *used = value;
        m->carried->created = sj_dup_text(m->carried->context, text, strlen(text));
        return m->carried->created ? SNAPJAR_OK : sj_raise_no_memory(err, sizeof text);
    }
    return m->options->created_field
               ? sj_old_header_raise(m->header, m->options->created_field, err,
                                     "is no time with an offset, as in RFC 3339, and no number of seconds since 1970")
               : SNAPJAR_OK;
}

/* ---- build ---- */

/** A text, or a number as a text; anything else is refused. */
static snapjar_status put_text(const mapping *m, const char *field, const sj_json *value, sj_string *out,
                               snapjar_error *err)
{
    if (sj_json_type_of(value) == SJ_JSON_STRING) {
        sj_string_put_quoted(out, sj_json_string(value).data, sj_json_string(value).size);
        return SNAPJAR_OK;
    }
    if (sj_json_type_of(value) != SJ_JSON_INTEGER && sj_json_type_of(value) != SJ_JSON_REAL)
        return sj_old_header_raise(m->header, field, err, "is neither a text nor a number");
    return put_dump(value, out, err);
}

static snapjar_status put_packages(const mapping *m, const char *field, const sj_json *value, sj_string *out,
                                   snapjar_error *err)
{
    if (sj_json_type_of(value) != SJ_JSON_OBJECT)
        return sj_old_header_raise(m->header, field, err, "is no object of packages");
    for (void *i = sj_json_first(value); i; i = sj_json_next(value, i)) {
        sj_string_puts(out, out->size ? "," : "");
        sj_string_put_quoted(out, sj_json_key(i), strlen(sj_json_key(i)));
        sj_string_puts(out, ":");
        SJ_TRY(put_text(m, field, sj_json_member(i), out, err));
    }
    return SNAPJAR_OK;
}

static snapjar_status put_build(const mapping *m, const snapjar_old_build *row, sj_string *members, sj_string *packages,
                                const sj_json **used, snapjar_error *err)
{
    const sj_json *value = NULL;
    bool is_package = !strncmp(row->key, PACKAGES, sizeof PACKAGES - 1);
    const char *key = is_package ? row->key + sizeof PACKAGES - 1 : row->key;
    sj_string *out = is_package ? packages : members;

    SJ_TRY(get(m, row->field, NULL, &value, err));
    *used = value;
    if (!strcmp(row->key, "packages"))
        return put_packages(m, row->field, value, packages, err);
    sj_string_puts(out, out->size ? "," : "");
    sj_string_put_quoted(out, key, strlen(key));
    sj_string_puts(out, ":");
    return put_text(m, row->field, value, out, err);
}

static snapjar_status take_build(const mapping *m, const sj_json **used, snapjar_error *err)
{
    sj_string members = {.context = m->carried->context};
    sj_string packages = {.context = m->carried->context};
    sj_string whole = {.context = m->carried->context};
    snapjar_status status = SNAPJAR_OK;

    for (size_t i = 0; status == SNAPJAR_OK && i < m->options->build_count; i++)
        status = put_build(m, &m->options->build[i], &members, &packages, &used[i], err);
    if (status == SNAPJAR_OK && (members.has_failed || packages.has_failed))
        status = sj_raise_no_memory(err, 0);
    if (status == SNAPJAR_OK && m->options->build_count) {
        sj_string_puts(&whole, "{");
        sj_string_put(&whole, members.data, members.size);
        sj_string_puts(&whole, packages.size ? members.size ? ",\"packages\":{" : "\"packages\":{" : "");
        sj_string_put(&whole, packages.data, packages.size);
        sj_string_puts(&whole, packages.size ? "}}" : "}");
        status = sj_string_take(&whole, &m->carried->build_json, err);
    }
    sj_string_clear(&members);
    sj_string_clear(&packages);
    return status;
}

/* ---- labels ---- */

static bool is_used(const sj_json *value, const sj_json *const *used, size_t used_count)
{
    for (size_t i = 0; i < used_count; i++) {
        if (used[i] == value)
            return true;
    }
    return false;
}

/** One label, from the header or from an object in it: a scalar as it is written, all else as a text of JSON. */
static snapjar_status put_label(const mapping *m, const char *parent, const char *key, const sj_json *value,
                                sj_string *out, snapjar_error *err)
{
    sj_json_type type = sj_json_type_of(value);

    sj_string_puts(out, out->size ? "," : "{");
    sj_string_put_quoted(out, key, strlen(key));
    sj_string_puts(out, ":");
    if (type == SJ_JSON_STRING) {
        sj_string_put_quoted(out, sj_json_string(value).data, sj_json_string(value).size);
        return SNAPJAR_OK;
    }
    if (type != SJ_JSON_OBJECT && type != SJ_JSON_ARRAY) {
        snapjar_text scalar = sj_carry_value(m->header->json, m->header->json_size, parent, key);
        sj_string_put(out, scalar.data, scalar.size);
        return SNAPJAR_OK;
    }
    return put_dump(value, out, err);
}

static snapjar_status take_labels(const mapping *m, const sj_json **used, size_t used_count, snapjar_error *err)
{
    const sj_json *labels = NULL;
    sj_string out = {.context = m->carried->context};

    const char *field = m->options->labels_field ? m->options->labels_field : "labels";

    SJ_TRY(get(m, m->options->labels_field, "labels", &labels, err));
    /* Found by more than one name: its values are told as JSON then. */
    const char *parent = sj_json_get(m->header->root, field) == labels ? field : NULL;
    if (labels && sj_json_type_of(labels) != SJ_JSON_OBJECT) {
        if (m->options->labels_field)
            return sj_old_header_raise(m->header, m->options->labels_field, err, "is no object of labels");
        labels = NULL;
    }
    snapjar_status status = SNAPJAR_OK;
    for (void *i = labels ? sj_json_first(labels) : NULL; i && status == SNAPJAR_OK; i = sj_json_next(labels, i))
        status = put_label(m, parent, sj_json_key(i), sj_json_member(i), &out, err);
    const sj_json *root = m->header->root;
    for (void *i = sj_json_first(root); i && status == SNAPJAR_OK; i = sj_json_next(root, i)) {
        const sj_json *value = sj_json_member(i);
        if (value == labels || is_used(value, used, used_count) || (labels && sj_json_get(labels, sj_json_key(i))))
            continue;
        status = put_label(m, NULL, sj_json_key(i), value, &out, err);
    }
    if (status == SNAPJAR_OK && out.size) {
        sj_string_puts(&out, "}");
        return sj_string_take(&out, &m->carried->labels_json, err);
    }
    sj_string_clear(&out);
    return status;
}

static snapjar_status take_all(const mapping *m, const sj_json **used, snapjar_error *err)
{
    const snapjar_old_options *options = m->options;
    size_t count = 0;

    SJ_TRY(take_type(m, &used[count++], err));
    SJ_TRY(take_version(m, &used[count++], err));
    SJ_TRY(take_created(m, &used[count++], err));
    if (options->size_field)
        used[count++] = sj_old_header_get(m->header, options->size_field);
    for (size_t i = 0; i < options->checksum_count; i++)
        used[count++] = sj_old_header_get(m->header, options->checksums[i].field);
    SJ_TRY(take_build(m, &used[count], err));
    return take_labels(m, used, count + options->build_count, err);
}

snapjar_status sj_carry_old(sj_carried *carried, snapjar_context *context, const sj_old_header *header,
                            const snapjar_old_options *options, snapjar_error *err)
{
    mapping m = {carried, header, options};
    size_t room = (4 + options->checksum_count + options->build_count) * sizeof(sj_json *);
    const sj_json **used = sj_alloc_zero(context, room);

    *carried = (sj_carried){.context = context};
    if (!used)
        return sj_raise_no_memory(err, room);
    snapjar_status status = take_all(&m, used, err);
    sj_free(context, (void *)used);
    return status;
}
