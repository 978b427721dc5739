/* SPDX-License-Identifier: MIT
 *
 * One function per rule of fields.def. Each is called with the path at its field, and may descend below it.
 */
#include "header/fields.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "util/bytes.h"

#define CHECKSUM_PREFIX "xxh3-128:"
#define CHECKSUM_PREFIX_SIZE (sizeof(CHECKSUM_PREFIX) - 1)
#define DIGEST_PREFIX "blake2b-256:"
#define DIGEST_PREFIX_SIZE (sizeof(DIGEST_PREFIX) - 1)

static void enter(sj_fields *fields, const char *key, size_t index)
{
    if (fields->path.depth < SJ_JSON_PATH_DEPTH_MAX)
        fields->path.steps[fields->path.depth] = (sj_json_step){key, index};
    fields->path.depth++;
}

static void leave(sj_fields *fields)
{
    fields->path.depth--;
}

/* The path as "payload.buffers[2].offset", for the error's place. */
static void format_path(const sj_json_path *path, char *out, size_t out_size)
{
    size_t used = 0;

    out[0] = '\0';
    for (size_t i = 0; i < path->depth && used < out_size; i++) {
        const sj_json_step *step = &path->steps[i];
        int size = step->key ? snprintf(out + used, out_size - used, "%s%s", i ? "." : "", step->key)
                             : snprintf(out + used, out_size - used, "[%zu]", step->index);
        used += size < 0 ? 0 : (size_t)size;
    }
}

static sj_where here(const sj_fields *fields)
{
    const snapjar_header *header = fields->header;
    size_t at = sj_json_locate(header->json, header->prefix.json_size, &fields->path);
    return (sj_where){header->json_offset == SNAPJAR_OFFSET_NONE ? SNAPJAR_SPACE_NONE : SNAPJAR_SPACE_FILE,
                      header->json_offset == SNAPJAR_OFFSET_NONE ? SNAPJAR_OFFSET_NONE : header->json_offset + at};
}

static snapjar_status raise_here(sj_fields *fields, snapjar_status status, snapjar_diagnostic diagnostic,
                                 const char *why)
{
    char raw[160];
    char path[SNAPJAR_ERROR_PLACE_SIZE];

    format_path(&fields->path, raw, sizeof(raw));
    (void)snapjar_text_escape(path, sizeof(path), raw, strlen(raw));
    (void)sj_raise(fields->err, status, diagnostic, here(fields), "%s %s", path[0] ? path : "the header", why);
    return sj_raise_place(fields->err, status, raw);
}

static snapjar_status raise_value(sj_fields *fields, const char *why)
{
    return raise_here(fields, SNAPJAR_DAMAGED, SNAPJAR_DIAG_FIELD_VALUE, why);
}

static snapjar_status raise_mismatch(sj_fields *fields, const char *why)
{
    return raise_here(fields, SNAPJAR_DAMAGED, SNAPJAR_DIAG_FIELD_MISMATCH, why);
}

static snapjar_status want_type(sj_fields *fields, const sj_json *value, sj_json_type type)
{
    char why[64];

    if (sj_json_type_of(value) == type)
        return SNAPJAR_OK;
    (void)snprintf(why, sizeof(why), "is %s and must be %s", sj_json_type_name(sj_json_type_of(value)),
                   sj_json_type_name(type));
    return raise_here(fields, SNAPJAR_DAMAGED, SNAPJAR_DIAG_FIELD_TYPE, why);
}

static bool is_text(const sj_json *value, const char *text)
{
    snapjar_text string = sj_json_string(value);
    return string.size == strlen(text) && !memcmp(string.data, text, string.size);
}

/* ---- small rules ---- */

static snapjar_status check_any(sj_fields *fields, const sj_json *value)
{
    (void)fields;
    (void)value;
    return SNAPJAR_OK;
}

static snapjar_status check_natural(sj_fields *fields, const sj_json *value)
{
    if (sj_json_integer(value) < 0)
        return raise_value(fields, "must not be negative");
    return SNAPJAR_OK;
}

static snapjar_status check_positive(sj_fields *fields, const sj_json *value)
{
    if (sj_json_integer(value) < 1)
        return raise_value(fields, "must be at least 1");
    return SNAPJAR_OK;
}

static snapjar_status check_content_size(sj_fields *fields, const sj_json *value)
{
    if (sj_json_integer(value) == 0)
        return raise_here(fields, SNAPJAR_DAMAGED, SNAPJAR_DIAG_CONTENT_EMPTY, "is 0: a record must have content");
    return check_natural(fields, value);
}

static snapjar_status check_format_version(sj_fields *fields, const sj_json *value)
{
    if (sj_json_integer(value) != fields->header->prefix.format_version)
        return raise_mismatch(fields, "is not the version in the prefix");
    return SNAPJAR_OK;
}

static snapjar_status check_type(sj_fields *fields, const sj_json *value)
{
    snapjar_text text = sj_json_string(value);

    if (text.size < 1 || text.size > SJ_TYPE_SIZE_MAX)
        return raise_value(fields, "must have 1 to 1024 bytes");
    return SNAPJAR_OK;
}

static snapjar_status check_created(sj_fields *fields, const sj_json *value)
{
    if (!sj_is_time(sj_json_string(value)))
        return raise_value(fields, "must be a time as 2026-01-31T23:59:59Z");
    return SNAPJAR_OK;
}

static snapjar_status check_content_type(sj_fields *fields, const sj_json *value)
{
    return is_text(value, "pickle") ? SNAPJAR_OK : raise_value(fields, "must be \"pickle\"");
}

static snapjar_status check_compression(sj_fields *fields, const sj_json *value)
{
    return is_text(value, "zstd") ? SNAPJAR_OK : raise_value(fields, "must be \"zstd\"");
}

static snapjar_status check_protocol(sj_fields *fields, const sj_json *value)
{
    int64_t protocol = sj_json_integer(value);
    return protocol >= 0 && protocol <= 5 ? SNAPJAR_OK : raise_value(fields, "must be 0 to 5");
}

static snapjar_status check_string_encoding(sj_fields *fields, const sj_json *value)
{
    for (int i = SNAPJAR_STRING_ASCII; i <= SNAPJAR_STRING_BYTES; i++) {
        if (is_text(value, snapjar_string_encoding_name((snapjar_string_encoding)i))) {
            fields->header->string_encoding = (snapjar_string_encoding)i;
            return SNAPJAR_OK;
        }
    }
    return raise_value(fields, "must be \"ascii\", \"latin1\" or \"bytes\"");
}

static snapjar_status check_frame_size(sj_fields *fields, const sj_json *value)
{
    int64_t size = sj_json_integer(value);

    if (size < SNAPJAR_FRAME_SIZE_MIN || size > SNAPJAR_FRAME_SIZE_MAX || (size & (size - 1)))
        return raise_value(fields, "must be a power of two from 65536 to 8388608");
    return SNAPJAR_OK;
}

/* `count` lower-case hex digits into count/2 bytes; `out` may be NULL. */
static bool read_hex(const char *text, size_t count, uint8_t *out)
{
    for (size_t i = 0; i < count; i++) {
        char c = text[i];
        uint8_t digit = c >= '0' && c <= '9' ? (uint8_t)(c - '0') : c >= 'a' && c <= 'f' ? (uint8_t)(c - 'a' + 10) : 16;
        if (digit == 16)
            return false;
        if (out)
            out[i / 2] = (uint8_t)(i % 2 ? out[i / 2] | digit : digit << 4);
    }
    return true;
}

static bool read_checksum(const sj_json *value, uint8_t *out)
{
    snapjar_text text = sj_json_string(value);
    return text.size == CHECKSUM_PREFIX_SIZE + 32 && !memcmp(text.data, CHECKSUM_PREFIX, CHECKSUM_PREFIX_SIZE) &&
           read_hex(text.data + CHECKSUM_PREFIX_SIZE, 32, out);
}

static bool read_digest(const sj_json *value, uint8_t *out)
{
    snapjar_text text = sj_json_string(value);
    return text.size == DIGEST_PREFIX_SIZE + (size_t)2 * SJ_PREVIOUS_DIGEST_SIZE &&
           !memcmp(text.data, DIGEST_PREFIX, DIGEST_PREFIX_SIZE) &&
           read_hex(text.data + DIGEST_PREFIX_SIZE, (size_t)2 * SJ_PREVIOUS_DIGEST_SIZE, out);
}

static snapjar_status check_checksum(sj_fields *fields, const sj_json *value)
{
    if (!read_checksum(value, NULL))
        return raise_value(fields, "must be \"xxh3-128:\" and 32 lower-case hex digits");
    return SNAPJAR_OK;
}

static snapjar_status check_stream_id(sj_fields *fields, const sj_json *value)
{
    snapjar_text text = sj_json_string(value);

    if (text.size != SJ_STREAM_ID_SIZE || !read_hex(text.data, SJ_STREAM_ID_SIZE, NULL))
        return raise_value(fields, "must be 32 lower-case hex digits");
    return SNAPJAR_OK;
}

static snapjar_status check_stream_previous(sj_fields *fields, const sj_json *value)
{
    if (sj_json_type_of(value) == SJ_JSON_NULL)
        return SNAPJAR_OK;
    SJ_TRY(want_type(fields, value, SJ_JSON_STRING));
    if (fields->header->is_sealed_stream && !read_digest(value, fields->header->stream_previous_digest))
        return raise_value(fields, "must be \"blake2b-256:\" and 64 lower-case hex digits, or null");
    if (!fields->header->is_sealed_stream && !read_checksum(value, fields->header->stream_previous))
        return raise_value(fields, "must be \"xxh3-128:\" and 32 lower-case hex digits, or null");
    fields->header->has_stream_previous = true;
    return SNAPJAR_OK;
}

/* ---- rules on what is inside ---- */

/* A required or optional member of the object we are at, of a type; `*member` is NULL if it is absent. */
static snapjar_status get_member(sj_fields *fields, const sj_json *object, const char *key, sj_json_type type,
                                 const sj_json **member)
{
    *member = sj_json_get(object, key);
    if (!*member) {
        char why[64];
        (void)snprintf(why, sizeof(why), "has no \"%s\", which is required", key);
        return raise_here(fields, SNAPJAR_DAMAGED, SNAPJAR_DIAG_FIELD_MISSING, why);
    }
    enter(fields, key, 0);
    SJ_TRY(want_type(fields, *member, type));
    leave(fields);
    return SNAPJAR_OK;
}

static snapjar_status check_tool(sj_fields *fields, const sj_json *value)
{
    const sj_json *member = NULL;

    SJ_TRY(get_member(fields, value, "name", SJ_JSON_STRING, &member));
    return get_member(fields, value, "version", SJ_JSON_STRING, &member);
}

static snapjar_status check_packages(sj_fields *fields, const sj_json *value)
{
    for (void *it = sj_json_first(value); it; it = sj_json_next(value, it)) {
        enter(fields, sj_json_key(it), 0);
        SJ_TRY(want_type(fields, sj_json_member(it), SJ_JSON_STRING));
        leave(fields);
    }
    return SNAPJAR_OK;
}

static snapjar_status check_labels(sj_fields *fields, const sj_json *value)
{
    for (void *it = sj_json_first(value); it; it = sj_json_next(value, it)) {
        sj_json_type type = sj_json_type_of(sj_json_member(it));
        enter(fields, sj_json_key(it), 0);
        if (type == SJ_JSON_OBJECT || type == SJ_JSON_ARRAY)
            return raise_here(fields, SNAPJAR_DAMAGED, SNAPJAR_DIAG_FIELD_TYPE,
                              "must be a string, number, boolean or null");
        leave(fields);
    }
    return SNAPJAR_OK;
}

static int compare_text(snapjar_text a, snapjar_text b)
{
    int order = memcmp(a.data, b.data, (size_t)sj_min(a.size, b.size));
    return order ? order : (a.size > b.size) - (a.size < b.size);
}

static snapjar_status check_layout(sj_fields *fields, const sj_json *value)
{
    for (void *it = sj_json_first(value); it; it = sj_json_next(value, it)) {
        const sj_json *names = sj_json_member(it);
        enter(fields, sj_json_key(it), 0);
        SJ_TRY(want_type(fields, names, SJ_JSON_ARRAY));
        for (size_t i = 0; i < sj_json_count(names); i++) {
            const sj_json *name = sj_json_at(names, i);
            enter(fields, NULL, i);
            SJ_TRY(want_type(fields, name, SJ_JSON_STRING));
            if (i > 0 && compare_text(sj_json_string(sj_json_at(names, i - 1)), sj_json_string(name)) >= 0)
                return raise_value(fields, "must come after the name before it: names are sorted by bytes, each once");
            leave(fields);
        }
        leave(fields);
    }
    return SNAPJAR_OK;
}

static snapjar_status check_migration(sj_fields *fields, const sj_json *entry)
{
    static const char *const versions[] = {"from", "to"};
    const sj_json *member = NULL;

    SJ_TRY(want_type(fields, entry, SJ_JSON_OBJECT));
    for (size_t i = 0; i < 2; i++) {
        SJ_TRY(get_member(fields, entry, versions[i], SJ_JSON_INTEGER, &member));
        enter(fields, versions[i], 0);
        SJ_TRY(check_natural(fields, member));
        leave(fields);
    }
    SJ_TRY(get_member(fields, entry, "when", SJ_JSON_STRING, &member));
    enter(fields, "when", 0);
    SJ_TRY(check_created(fields, member));
    leave(fields);
    return get_member(fields, entry, "by", SJ_JSON_STRING, &member);
}

static snapjar_status check_history(sj_fields *fields, const sj_json *value)
{
    for (size_t i = 0; i < sj_json_count(value); i++) {
        enter(fields, NULL, i);
        SJ_TRY(check_migration(fields, sj_json_at(value, i)));
        leave(fields);
    }
    return SNAPJAR_OK;
}

static snapjar_status read_span(sj_fields *fields, const sj_json *entry, snapjar_buffer_span *span)
{
    const sj_json *member = NULL;

    SJ_TRY(want_type(fields, entry, SJ_JSON_OBJECT));
    SJ_TRY(get_member(fields, entry, "offset", SJ_JSON_INTEGER, &member));
    enter(fields, "offset", 0);
    SJ_TRY(check_natural(fields, member));
    span->offset = (uint64_t)sj_json_integer(member);
    leave(fields);
    SJ_TRY(get_member(fields, entry, "size", SJ_JSON_INTEGER, &member));
    enter(fields, "size", 0);
    SJ_TRY(check_natural(fields, member));
    span->size = (uint64_t)sj_json_integer(member);
    leave(fields);
    return SNAPJAR_OK;
}

/* Reads the spans; that they fit the content is checked by check_sizes, which knows all the sizes. */
static snapjar_status check_buffers(sj_fields *fields, const sj_json *value)
{
    snapjar_header *header = fields->header;
    size_t count = sj_json_count(value);

    if (!count)
        return SNAPJAR_OK;
    header->buffers = sj_alloc(header->context, count * sizeof(*header->buffers));
    if (!header->buffers)
        return sj_raise_no_memory(fields->err, count * sizeof(*header->buffers));
    header->buffer_count = count;
    for (size_t i = 0; i < count; i++) {
        enter(fields, NULL, i);
        SJ_TRY(read_span(fields, sj_json_at(value, i), &header->buffers[i]));
        leave(fields);
    }
    return SNAPJAR_OK;
}

/* Each buffer stands at the first multiple of 64 behind what is before it, and the last one ends the content. */
static snapjar_status check_spans(sj_fields *fields)
{
    const snapjar_header *header = fields->header;
    uint64_t end = header->pickle_size;

    for (size_t i = 0; i < header->buffer_count; i++) {
        const snapjar_buffer_span *span = &header->buffers[i];
        enter(fields, "buffers", 0);
        enter(fields, NULL, i);
        /* Sizes are below 2^63 (JSON integers), so neither sum can wrap. */
        if (span->offset != sj_round_up(end, SNAPJAR_BUFFER_ALIGNMENT)) {
            enter(fields, "offset", 0);
            return raise_value(fields, "must be the first multiple of 64 behind what stands before the buffer");
        }
        end = span->offset + span->size;
        if (end > header->size) {
            enter(fields, "size", 0);
            return raise_mismatch(fields, "reaches beyond the content's size");
        }
        leave(fields);
        leave(fields);
    }
    if (end != header->size) {
        enter(fields, "size", 0);
        return raise_mismatch(fields, header->buffer_count ? "is not where the last buffer ends"
                                                           : "is not the pickle's size, and there are no buffers");
    }
    return SNAPJAR_OK;
}

/* ---- the table ---- */

#define ANY (-1)
#define OBJECT SJ_JSON_OBJECT
#define ARRAY SJ_JSON_ARRAY
#define STRING SJ_JSON_STRING
#define INTEGER SJ_JSON_INTEGER

typedef struct rule {
    const char *parent;
    const char *key;
    int type;
    bool is_required;
    snapjar_status (*check)(sj_fields *fields, const sj_json *value);
} rule;

#define REQUIRED true
#define OPTIONAL false
static const rule rules[] = {
#define F(parent, key, type, presence, check, meaning) {parent, key, type, presence, check_##check},
#include "header/fields.def"
#undef F
};

static bool is_varying(const rule *r)
{
    const char *top = r->parent[0] ? r->parent : r->key;
    return !strcmp(top, "created") || !strcmp(top, "payload");
}

static snapjar_status check_rule(sj_fields *fields, const rule *r, const sj_json *root)
{
    const sj_json *object = root;

    fields->path.depth = 0;
    if (r->parent[0]) {
        object = sj_json_get(root, r->parent);
        if (!object)
            return SNAPJAR_OK; /* the row of an absent parent has raised field-missing, or it is optional */
        enter(fields, r->parent, 0);
    }
    const sj_json *value = sj_json_get(object, r->key);
    if (!value) {
        char why[64];
        if (!r->is_required)
            return SNAPJAR_OK;
        (void)snprintf(why, sizeof(why), "has no \"%s\", which is required", r->key);
        return raise_here(fields, SNAPJAR_DAMAGED, SNAPJAR_DIAG_FIELD_MISSING, why);
    }
    enter(fields, r->key, 0);
    if (r->type != ANY)
        SJ_TRY(want_type(fields, value, (sj_json_type)r->type));
    return r->check(fields, value);
}

/* The one feature that this version knows. */
#define SEALED_STREAM "sealed-stream"

/* Before all else: a record that needs a newer reader must be called that, whatever its fields look like. */
static snapjar_status check_requires(sj_fields *fields, const sj_json *constant)
{
    const sj_json *value = sj_json_get(constant, "requires");

    if (!value)
        return SNAPJAR_OK;
    fields->path.depth = 0;
    enter(fields, "requires", 0);
    SJ_TRY(want_type(fields, value, SJ_JSON_ARRAY));
    for (size_t i = 0; i < sj_json_count(value); i++) {
        char name[64];
        char why[128];
        enter(fields, NULL, i);
        SJ_TRY(want_type(fields, sj_json_at(value, i), SJ_JSON_STRING));
        if (is_text(sj_json_at(value, i), SEALED_STREAM)) {
            fields->header->is_sealed_stream = true;
            leave(fields);
            continue;
        }
        snapjar_text text = sj_json_string(sj_json_at(value, i));
        (void)snapjar_text_escape(name, sizeof(name), text.data, text.size);
        (void)snprintf(why, sizeof(why), "demands the feature \"%s\", which this reader does not have", name);
        return raise_here(fields, SNAPJAR_UNSUPPORTED, SNAPJAR_DIAG_UNKNOWN_REQUIREMENT, why);
    }
    return SNAPJAR_OK;
}

static void take_constant(snapjar_header *header, const sj_json *root)
{
    const sj_json *stream = sj_json_get(root, "stream");

    header->type = sj_json_string(sj_json_get(root, "type"));
    header->schema_version = sj_json_integer(sj_json_get(root, "schema_version"));
    header->has_stream = stream != NULL;
    if (stream) {
        header->stream_id = sj_json_string(sj_json_get(stream, "id"));
        header->stream_index = (uint64_t)sj_json_integer(sj_json_get(stream, "index"));
    }
}

static void take_varying(snapjar_header *header, const sj_json *root)
{
    const sj_json *payload = sj_json_get(root, "payload");

    header->created = sj_json_string(sj_json_get(root, "created"));
    header->protocol = (int)sj_json_integer(sj_json_get(payload, "protocol"));
    header->frame_size = (uint32_t)sj_json_integer(sj_json_get(payload, "frame_size"));
    header->size = (uint64_t)sj_json_integer(sj_json_get(payload, "size"));
    header->pickle_size = (uint64_t)sj_json_integer(sj_json_get(payload, "pickle_size"));
    header->stored_size = (uint64_t)sj_json_integer(sj_json_get(payload, "stored_size"));
    (void)read_checksum(sj_json_get(payload, "checksum"), header->checksum);
    (void)read_checksum(sj_json_get(payload, "content_checksum"), header->content_checksum);
}

/* The first record of a stream has nothing before it, every other has. */
static snapjar_status check_stream_start(sj_fields *fields)
{
    const snapjar_header *header = fields->header;

    if (!header->has_stream || (header->stream_index == 0) == !header->has_stream_previous)
        return SNAPJAR_OK;
    fields->path.depth = 0;
    enter(fields, "stream", 0);
    enter(fields, "previous", 0);
    return raise_mismatch(fields, "must be null for index 0 and a checksum for all others");
}

snapjar_status sj_fields_check(sj_fields *fields, const sj_json *constant, const sj_json *varying)
{
    if (constant)
        SJ_TRY(check_requires(fields, constant));
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        const sj_json *root = is_varying(&rules[i]) ? varying : constant;
        if (root)
            SJ_TRY(check_rule(fields, &rules[i], root));
    }
    if (constant)
        take_constant(fields->header, constant);
    take_varying(fields->header, varying);
    SJ_TRY(check_stream_start(fields));
    fields->path.depth = 0;
    enter(fields, "payload", 0);
    return check_spans(fields);
}

/* `count` decimal digits, or -1. */
static int read_digits(const char *text, size_t count)
{
    int value = 0;

    for (size_t i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

bool sj_is_time(snapjar_text text)
{
    static const char shape[] = "0000-00-00T00:00:00";
    static const int month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const size_t shape_size = sizeof(shape) - 1;
    const char *t = text.data;

    if (text.size < shape_size + 1 || text.size > shape_size + 11 || t[text.size - 1] != 'Z')
        return false;
    for (size_t i = 0; i < shape_size; i++) {
        if (shape[i] == '0' ? t[i] < '0' || t[i] > '9' : t[i] != shape[i])
            return false;
    }
    size_t fraction = text.size - shape_size - 1;
    if (fraction > 0 && (fraction < 2 || t[shape_size] != '.' || read_digits(t + shape_size + 1, fraction - 1) < 0))
        return false;

    int year = read_digits(t, 4);
    int month = read_digits(t + 5, 2);
    int day = read_digits(t + 8, 2);
    if (month < 1 || month > 12)
        return false;
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    int days = month_days[month - 1] + (month == 2 && is_leap);
    return day >= 1 && day <= days && read_digits(t + 11, 2) <= 23 && read_digits(t + 14, 2) <= 59 &&
           read_digits(t + 17, 2) <= 59;
}
