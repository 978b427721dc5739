/* SPDX-License-Identifier: MIT
 *
 * From a plan to a header frame. The part that comes from the user's options is serialised and checked once, and kept:
 * a program that writes many records of a type pays for it once.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <snapjar/version.h>

#include "header/fields.h"
#include "header/kept.h"
#include "header/varying.h"
#include "util/bytes.h"

/* 9999-12-31T23:59:59Z. */
#define TIME_MAX 253402300799LL
/* The rest of the header, but for buffers, has room beside this. */
#define CONSTANT_SIZE_MAX (SNAPJAR_HEADER_JSON_SIZE_DEFAULT - SJ_VARYING_SIZE_MAX)
#define LAYOUT_KEY ",\"layout\":"
/* Longer than `requires` and `stream`. */
#define STREAM_SIZE_MAX 288

/* ---- what is kept in the context ---- */

static void kept_release(snapjar_context *context, void *pointer)
{
    sj_kept *kept = pointer;

    for (size_t i = 0; i < SJ_KEPT_CONSTANT_COUNT; i++)
        sj_kept_drop_constant(context, &kept->constants[i]);
    for (size_t i = 0; i < SJ_KEPT_CONSTANT_COUNT; i++) {
        sj_free(context, kept->written[i].checked_key);
        sj_free(context, kept->written[i].prepared_key);
        sj_free(context, kept->written[i].checked_layout);
        sj_free(context, kept->written[i].prepared);
    }
    sj_free(context, kept->frame);
    sj_free(context, kept);
}

sj_kept *sj_kept_get(snapjar_context *context)
{
    sj_kept *kept = context->slots[SJ_SLOT_HEADER].kept;

    if (!kept) {
        kept = sj_alloc_zero(context, sizeof(*kept));
        context->slots[SJ_SLOT_HEADER].kept = kept;
        context->slots[SJ_SLOT_HEADER].release = kept_release;
        if (kept)
            kept->current = &kept->written[0];
    }
    return kept;
}

void sj_kept_drop_constant(snapjar_context *context, sj_kept_constant *constant)
{
    sj_free(context, constant->text);
    sj_json_free(constant->parsed);
    *constant = (sj_kept_constant){.text = NULL};
}

/* ---- text that grows ---- */

typedef struct text_buffer {
    snapjar_context *context;
    char *data;
    size_t size;
    size_t capacity;
    bool has_failed;
} text_buffer;

static void put(text_buffer *text, const char *bytes, size_t size)
{
    if (text->has_failed || !size)
        return;
    if (size > text->capacity - text->size) {
        size_t capacity = 2 * text->capacity + size + 256;
        char *data = sj_realloc(text->context, text->data, capacity);
        if (!data) {
            text->has_failed = true;
            return;
        }
        text->data = data;
        text->capacity = capacity;
    }
    memcpy(text->data + text->size, bytes, size);
    text->size += size;
}

static void put_text(text_buffer *text, const char *words)
{
    put(text, words, strlen(words));
}

/* A JSON string (RFC 8259, section 7): only what must be escaped is. That the bytes are UTF-8 is checked when the whole
 * is parsed. */
static void put_string(text_buffer *text, const char *value)
{
    put(text, "\"", 1);
    for (; *value; value++) {
        char escape[8];
        uint8_t c = (uint8_t)*value;
        if (c == '"' || c == '\\') {
            escape[0] = '\\';
            escape[1] = (char)c;
            put(text, escape, 2);
        } else if (c < 0x20) {
            (void)snprintf(escape, sizeof(escape), "\\u%04x", c);
            put(text, escape, 6);
        } else {
            put(text, value, 1);
        }
    }
    put(text, "\"", 1);
}

/* JSON text without the white space between its tokens; numbers stay as the user wrote them. */
static void put_minified(text_buffer *text, const char *json)
{
    bool in_string = false;

    for (; *json; json++) {
        if (!in_string && strchr(" \t\r\n", *json))
            continue;
        put(text, json, 1);
        if (in_string && *json == '\\' && json[1])
            put(text, ++json, 1);
        else if (*json == '"')
            in_string = !in_string;
    }
}

/* ---- the user's part ---- */

/* The user's JSON must be an object by itself, before it is put inside another. */
static snapjar_status check_user_json(const char *json, const char *name, snapjar_error *err)
{
    sj_json *root = NULL;
    snapjar_error fault;

    snapjar_status status =
        sj_json_parse(&root, json, strlen(json), SNAPJAR_JSON_DEPTH_DEFAULT, SNAPJAR_SPACE_NONE, 0, &fault);
    sj_json_free(root);
    if (status == SNAPJAR_OK || status == SNAPJAR_NO_MEMORY)
        return status == SNAPJAR_OK ? status : sj_raise_no_memory(err, strlen(json));
    return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, fault.diagnostic, SJ_NOWHERE, "%s, byte %" PRIu64 ": %s", name,
                    fault.offset == SNAPJAR_OFFSET_NONE ? 0 : fault.offset, fault.message);
}

/* The members of an object, each with a comma before it: `{...}` goes in as `,...`, and `{}` not at all. */
static void put_members(text_buffer *text, const char *json)
{
    size_t brace = text->size;

    put_minified(text, json);
    if (text->has_failed)
        return;
    text->size--;
    if (text->size > brace + 1)
        text->data[brace] = ',';
    else
        text->size = brace;
}

static void put_constant(text_buffer *text, const sj_header_plan *plan)
{
    char number[64];

    (void)snprintf(number, sizeof(number), "{\"format_version\":%d,\"type\":", SNAPJAR_FORMAT_VERSION);
    put_text(text, number);
    put_string(text, plan->type ? plan->type : SNAPJAR_TYPE_UNKNOWN);
    (void)snprintf(number, sizeof(number), ",\"schema_version\":%" PRId64, plan->schema_version);
    put_text(text, number);
    put_text(text, ",\"build\":{\"tool\":{\"name\":\"snapjar\",\"version\":\"" SNAPJAR_VERSION "\"}");
    if (plan->build_json)
        put_members(text, plan->build_json);
    put(text, "}", 1);
    if (plan->layout_json) {
        put_text(text, LAYOUT_KEY);
        put_text(text, plan->layout_json);
    }
    if (plan->labels_json) {
        put_text(text, ",\"labels\":");
        put_minified(text, plan->labels_json);
    }
    if (plan->history_json) {
        put_text(text, ",\"history\":");
        put_minified(text, plan->history_json);
    }
    if (plan->stream_json) {
        put_text(text, ",\"stream\":");
        put_minified(text, plan->stream_json);
    }
    if (plan->extra_json)
        put_members(text, plan->extra_json);
}

/* Runs the reader's own checks over what would be written, with a stand-in for the payload. */
static snapjar_status check_constant(snapjar_context *context, const text_buffer *constant, snapjar_error *err)
{
    static const char rest[] = ",\"created\":\"2000-01-01T00:00:00Z\",\"payload\":{\"content_type\":\"pickle\","
                               "\"protocol\":0,\"compression\":\"zstd\","
                               "\"frame_size\":65536,\"size\":1,\"pickle_size\":1,\"stored_size\":1,"
                               "\"checksum\":\"xxh3-128:00000000000000000000000000000000\","
                               "\"content_checksum\":\"xxh3-128:00000000000000000000000000000000\"}}";
    snapjar_header header = {.context = context, .json_offset = SNAPJAR_OFFSET_NONE};
    text_buffer whole = {.context = context};
    sj_fields fields = {.header = &header, .err = err};
    sj_json *root = NULL;

    put(&whole, constant->data, constant->size);
    put(&whole, rest, sizeof(rest) - 1);
    if (whole.has_failed) {
        sj_free(context, whole.data);
        return sj_raise_no_memory(err, constant->size + sizeof(rest));
    }
    header.json = whole.data;
    header.prefix.json_size = (uint32_t)whole.size;
    header.prefix.format_version = SNAPJAR_FORMAT_VERSION;
    snapjar_status status =
        sj_json_parse(&root, whole.data, whole.size, SNAPJAR_JSON_DEPTH_DEFAULT, SNAPJAR_SPACE_NONE, 0, err);
    if (status == SNAPJAR_OK)
        status = sj_fields_check(&fields, root, root);
    sj_json_free(root);
    sj_free(context, header.buffers);
    sj_free(context, whole.data);
    /* Whatever is wrong with it came from the caller. */
    if (status != SNAPJAR_OK && status != SNAPJAR_NO_MEMORY) {
        status = SNAPJAR_INVALID_ARGUMENT;
        if (err) {
            err->status = status;
            err->space = SNAPJAR_SPACE_NONE;
            err->offset = SNAPJAR_OFFSET_NONE;
        }
    }
    return status;
}

/* What the constant part is made of, to compare with the last one. Texts end with a NUL, which is part of the piece. */
typedef struct key_pieces {
    int64_t schema_version;
    snapjar_text pieces[14];
    size_t count;
} key_pieces;

static void add_piece(key_pieces *key, const char *mark, const char *text)
{
    key->pieces[key->count++] = (snapjar_text){mark, 1};
    if (text)
        key->pieces[key->count++] = (snapjar_text){text, strlen(text) + 1};
}

static void list_key(key_pieces *key, const sj_header_plan *plan)
{
    key->schema_version = plan->schema_version;
    key->pieces[0] = (snapjar_text){(const char *)&key->schema_version, sizeof(key->schema_version)};
    key->count = 1;
    add_piece(key, plan->type ? "t" : "-", plan->type);
    add_piece(key, plan->build_json ? "b" : "-", plan->build_json);
    add_piece(key, plan->labels_json ? "l" : "-", plan->labels_json);
    add_piece(key, plan->history_json ? "h" : "-", plan->history_json);
    add_piece(key, plan->stream_json ? "s" : "-", plan->stream_json);
    add_piece(key, plan->extra_json ? "e" : "-", plan->extra_json);
    if (plan->layout_json)
        key->pieces[key->count++] = (snapjar_text){plan->layout_json, strlen(plan->layout_json) + 1};
}

static bool is_key(const key_pieces *key, const char *kept, size_t kept_size)
{
    for (size_t i = 0; i < key->count; i++) {
        snapjar_text piece = key->pieces[i];
        if (kept_size < piece.size || memcmp(kept, piece.data, piece.size) != 0)
            return false;
        kept += piece.size;
        kept_size -= piece.size;
    }
    return kept_size == 0;
}

/*
 * Serialises and checks the part that comes from the user and the analysis, unless that `is_checked`. The text is the
 * caller's to free.
 */
static snapjar_status make_constant(text_buffer *constant, const sj_header_plan *plan, bool is_checked,
                                    snapjar_error *err)
{
    if (plan->build_json && !is_checked)
        SJ_TRY(check_user_json(plan->build_json, "build_json", err));
    if (plan->labels_json && !is_checked)
        SJ_TRY(check_user_json(plan->labels_json, "labels_json", err));
    if (plan->extra_json && !is_checked)
        SJ_TRY(check_user_json(plan->extra_json, "extra_json", err));
    put_constant(constant, plan);
    if (constant->has_failed)
        return sj_raise_no_memory(err, constant->size);
    if (!is_checked)
        SJ_TRY(check_constant(constant->context, constant, err));
    if (constant->size > CONSTANT_SIZE_MAX)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_HEADER_TOO_LARGE, SJ_NOWHERE,
                        "the build info and labels give a header of %zu bytes, %" PRIu64 " are allowed", constant->size,
                        CONSTANT_SIZE_MAX);
    return SNAPJAR_OK;
}

/* The key of a plan, if it is another than the kept one; else `key->data` is NULL. */
static snapjar_status compare_key(text_buffer *key, const sj_header_plan *plan, const char *kept, size_t kept_size,
                                  snapjar_error *err)
{
    key_pieces pieces;

    list_key(&pieces, plan);
    if (kept && is_key(&pieces, kept, kept_size))
        return SNAPJAR_OK;
    for (size_t i = 0; i < pieces.count; i++)
        put(key, pieces.pieces[i].data, pieces.pieces[i].size);
    return key->has_failed ? sj_raise_no_memory(err, key->size) : SNAPJAR_OK;
}

/* Goes to what is kept for headers of the user's part in this plan, or to the place for it. */
static bool choose_kept(sj_kept *kept, const sj_header_plan *plan)
{
    key_pieces pieces;

    list_key(&pieces, plan);
    for (size_t i = 0; i < SJ_KEPT_CONSTANT_COUNT; i++) {
        /* Most times it is the one of the header before. */
        size_t at = ((size_t)(kept->current - kept->written) + i) % SJ_KEPT_CONSTANT_COUNT;
        sj_kept_written *written = &kept->written[at];
        if (!written->checked_key || !is_key(&pieces, written->checked_key, written->checked_key_size))
            continue;
        kept->current = written;
        return true;
    }
    kept->current = &kept->written[kept->oldest_written];
    kept->oldest_written = (kept->oldest_written + 1) % SJ_KEPT_CONSTANT_COUNT;
    return false;
}

static snapjar_status check_user_part(snapjar_context *context, sj_kept *kept, const sj_header_plan *plan,
                                      snapjar_error *err)
{
    text_buffer key = {.context = context};
    text_buffer constant = {.context = context};

    if (choose_kept(kept, plan))
        return SNAPJAR_OK;
    snapjar_status status = compare_key(&key, plan, NULL, 0, err);
    if (status == SNAPJAR_OK) {
        status = make_constant(&constant, plan, false, err);
        if (status == SNAPJAR_OK) {
            sj_free(context, kept->current->checked_key);
            kept->current->checked_key = key.data;
            kept->current->checked_key_size = key.size;
            kept->current->checked_size = constant.size;
            key.data = NULL;
        }
    }
    sj_free(context, constant.data);
    sj_free(context, key.data);
    return status;
}

/*
 * Whether both halves of a plan were checked: the user's before the work was done, the layout beside those of another
 * record. Labels differ from record to record, layouts hardly ever do. Members that we do not know may be named as
 * ours.
 */
static bool is_checked(const sj_kept *kept, const sj_header_plan *plan)
{
    sj_header_plan users = *plan;
    key_pieces pieces;

    if (!kept->current->checked_key || !plan->type || plan->extra_json)
        return false;
    users.layout_json = NULL;
    list_key(&pieces, &users);
    return is_key(&pieces, kept->current->checked_key, kept->current->checked_key_size) &&
           (!plan->layout_json ||
            (kept->current->checked_layout && !strcmp(plan->layout_json, kept->current->checked_layout)));
}

/* Failing to is not an error. */
static void keep_layout(snapjar_context *context, sj_kept *kept, const char *layout_json)
{
    if (!layout_json || (kept->current->checked_layout && !strcmp(layout_json, kept->current->checked_layout)))
        return;
    sj_free(context, kept->current->checked_layout);
    kept->current->checked_layout = sj_dup_text(context, layout_json, strlen(layout_json));
}

static snapjar_status prepare_constant(snapjar_context *context, sj_kept *kept, const sj_header_plan *plan,
                                       snapjar_error *err)
{
    text_buffer key = {.context = context};
    text_buffer constant = {.context = context};
    snapjar_status status = compare_key(&key, plan, kept->current->prepared_key, kept->current->prepared_key_size, err);

    if (status == SNAPJAR_OK && key.data) {
        status = make_constant(&constant, plan, is_checked(kept, plan), err);
        if (status == SNAPJAR_OK) {
            keep_layout(context, kept, plan->layout_json);
            sj_free(context, kept->current->prepared_key);
            sj_free(context, kept->current->prepared);
            kept->current->prepared = constant.data;
            kept->current->prepared_size = constant.size;
            kept->current->prepared_key = key.data;
            kept->current->prepared_key_size = key.size;
            key.data = constant.data = NULL;
        }
    }
    sj_free(context, constant.data);
    sj_free(context, key.data);
    return status;
}

/*
 * The time that reproducible builds ask for (https://reproducible-builds.org/specs/source-date-epoch/), or now. A value
 * that is no number of seconds is refused, as the specification demands; so is one beyond the year 9999, which has no
 * form in RFC 3339.
 */
snapjar_status sj_header_clock(time_t *now, snapjar_error *err)
{
    const char *epoch = getenv("SOURCE_DATE_EPOCH");
    char *end = NULL;

    *now = time(NULL);
    if (!epoch || !*epoch)
        return SNAPJAR_OK;
    errno = 0;
    long long value = strtoll(epoch, &end, 10);
    if (errno || *end || *epoch < '0' || *epoch > '9' || value > TIME_MAX)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE,
                        "SOURCE_DATE_EPOCH must be a number of seconds from 0 to %lld", TIME_MAX);
    *now = (time_t)value;
    return SNAPJAR_OK;
}

/* The text for `created`: the user's, or the time that it is, which is made once a second. */
static snapjar_status get_created(const char **created, sj_kept *kept, const sj_header_plan *plan, snapjar_error *err)
{
    struct tm parts;
    time_t now = 0;

    *created = plan->created;
    if (!plan->created) {
        SJ_TRY(sj_header_clock(&now, err));
        if (!kept->now_text[0] || now != kept->now) {
            (void)gmtime_r(&now, &parts);
            (void)strftime(kept->now_text, sizeof(kept->now_text), "%Y-%m-%dT%H:%M:%SZ", &parts);
            kept->now = now;
        }
        *created = kept->now_text;
        return SNAPJAR_OK;
    }
    if (sj_is_time((snapjar_text){plan->created, strlen(plan->created)}))
        return SNAPJAR_OK;
    return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE,
                    "created must be a time as 2026-01-31T23:59:59Z");
}

snapjar_status sj_header_prepare(snapjar_context *context, const sj_header_plan *plan, snapjar_error *err)
{
    sj_kept *kept = sj_kept_get(context);
    sj_header_plan users = *plan;
    const char *created = NULL;

    if (!kept)
        return sj_raise_no_memory(err, sizeof(*kept));
    SJ_TRY(get_created(&created, kept, plan, err));
    users.layout_json = NULL;
    return check_user_part(context, kept, &users, err);
}

/* ---- the part that every record has anew ---- */

/* Which record of its file this is. The first one needs no feature: it says nothing of a record before it. */
size_t sj_header_format_stream(char *out, size_t room, const sj_header_plan *plan)
{
    int size = 0;

    if (plan->stream_id && plan->stream_index)
        size = snprintf(out, room,
                        ",\"requires\":[\"sealed-stream\"],\"stream\":{\"id\":\"%s\",\"index\":%" PRIu64
                        ",\"previous\":\"blake2b-256:%s\"}",
                        plan->stream_id, plan->stream_index, plan->stream_previous);
    else if (plan->stream_id)
        size = snprintf(out, room, ",\"stream\":{\"id\":\"%s\",\"index\":0,\"previous\":null}", plan->stream_id);
    return size < 0 ? 0 : (size_t)size;
}

static snapjar_status reserve_frame(snapjar_context *context, sj_kept *kept, uint64_t size, snapjar_error *err)
{
    if (size <= kept->frame_capacity)
        return SNAPJAR_OK;
    uint8_t *frame = sj_realloc(context, kept->frame, size);
    if (!frame)
        return sj_raise_no_memory(err, size);
    kept->frame = frame;
    kept->frame_capacity = size;
    return SNAPJAR_OK;
}

snapjar_status sj_header_build(const uint8_t **frame, size_t *frame_size, snapjar_context *context,
                               const sj_header_plan *plan, snapjar_error *err)
{
    sj_kept *kept = sj_kept_get(context);
    const char *created = NULL;

    *frame = NULL;
    *frame_size = 0;
    if (!kept)
        return sj_raise_no_memory(err, sizeof(*kept));
    SJ_TRY(get_created(&created, kept, plan, err));
    sj_header_plan whole = *plan;
    /* What the user gave goes first. The size of a type that was not known yet does not matter here. */
    if (whole.layout_json &&
        kept->current->checked_size + strlen(whole.layout_json) + SJ_TYPE_SIZE_MAX > CONSTANT_SIZE_MAX)
        whole.layout_json = NULL;
    SJ_TRY(prepare_constant(context, kept, &whole, err));
    if (plan->buffer_count > SNAPJAR_HEADER_JSON_SIZE_DEFAULT / SJ_VARYING_SPAN_SIZE_MAX)
        return sj_raise(err, SNAPJAR_LIMIT, SNAPJAR_DIAG_HEADER_TOO_LARGE, SJ_NOWHERE,
                        "%zu out-of-band buffers do not fit a header; at most %" PRIu64 " do", plan->buffer_count,
                        SNAPJAR_HEADER_JSON_SIZE_DEFAULT / SJ_VARYING_SPAN_SIZE_MAX);
    size_t room = STREAM_SIZE_MAX + SJ_VARYING_SIZE_MAX + SJ_VARYING_SPAN_SIZE_MAX * plan->buffer_count;
    SJ_TRY(reserve_frame(context, kept, SJ_PREFIX_SIZE + kept->current->prepared_size + room, err));
    char *json = (char *)kept->frame + SJ_PREFIX_SIZE;
    memcpy(json, kept->current->prepared, kept->current->prepared_size);
    size_t size = kept->current->prepared_size;
    size += sj_header_format_stream(json + size, STREAM_SIZE_MAX, plan);
    size += sj_varying_write(json + size, created, plan);
    if (size > SNAPJAR_HEADER_JSON_SIZE_DEFAULT)
        return sj_raise(err, SNAPJAR_LIMIT, SNAPJAR_DIAG_HEADER_TOO_LARGE, SJ_NOWHERE,
                        "the header's JSON would have %zu bytes, %" PRIu64 " are allowed", size,
                        SNAPJAR_HEADER_JSON_SIZE_DEFAULT);
    sj_prefix_write(kept->frame, (uint32_t)size, 0);
    *frame = kept->frame;
    *frame_size = SJ_PREFIX_SIZE + size;
    return SNAPJAR_OK;
}
