/* SPDX-License-Identifier: MIT
 *
 * Seals and unseals the records of files that exist. Payloads are copied as they stand, never decompressed.
 */
#include <inttypes.h>
#include <string.h>

#include "container/payload.h"
#include "container/pool.h"
#include "snapshot/gate.h"
#include "snapshot/sealer.h"
#include "util/bytes.h"
#include "util/options.h"
#include "json/json.h"

#define COPY_SIZE ((size_t)256 << 10)
#define STREAM_TEXT_SIZE 288
#define BEFORE_CREATED ",\"created\":"

typedef struct rewriting {
    snapjar_context *context;
    snapjar_source *source;
    snapjar_sink *sink;
    snapjar_seal_options options;
    /** NULL: seals are taken off. */
    snapjar_sealer *sealer;
    /** Of these; NULL: all. */
    const uint8_t *key_id;
    snapjar_reader *reader;
    uint64_t source_size;
    uint64_t count;
    uint64_t removed;
    /** The record, and its header frame without a seal area: made anew for each. */
    const sj_record *record;
    uint8_t *frame;
    size_t frame_size;
    uint8_t payload_digest[SJ_BLAKE_SIZE];
    /** The records of the file are tied together. */
    bool wants_stream;
} rewriting;

/* ---- the header ---- */

/* A header frame of this JSON, with the prefix's version and flags. */
static snapjar_status make_frame(rewriting *r, const char *json, size_t json_size, snapjar_error *err)
{
    sj_prefix prefix = r->record->header->prefix;
    uint8_t *frame = sj_realloc(r->context, r->frame, SJ_PREFIX_SIZE + json_size);

    if (!frame)
        return sj_raise_no_memory(err, SJ_PREFIX_SIZE + json_size);
    r->frame = frame;
    r->frame_size = SJ_PREFIX_SIZE + json_size;
    prefix.json_size = (uint32_t)json_size;
    sj_prefix_restore(frame, &prefix);
    memcpy(frame + SJ_PREFIX_SIZE, json, json_size);
    return SNAPJAR_OK;
}

/* Puts `text` into `json` at `at`. */
static size_t insert(char *json, size_t size, size_t at, const char *text, size_t text_size)
{
    memmove(json + at + text_size, json + at, size - at);
    memcpy(json + at, text, text_size);
    return size + text_size;
}

/* Behind the array or object at `at`, whose text is valid. */
static size_t value_end(const char *json, size_t at)
{
    bool is_text = false;
    size_t depth = 0;

    do {
        char c = json[at];
        if (is_text && c == '\\')
            at++;
        else if (c == '"')
            is_text = !is_text;
        else if (!is_text && (c == '{' || c == '['))
            depth++;
        else if (!is_text && (c == '}' || c == ']'))
            depth--;
        at++;
    } while (depth);
    return at;
}

/* Cuts a member whose value is an array or object out of the header's own object, with one comma. Returns the new size.
 */
static size_t cut_member(char *json, size_t size, const char *key)
{
    sj_json_path path = {.steps = {{key, 0}}, .depth = 1};
    sj_json_path root = {.depth = 0};
    size_t value = sj_json_locate(json, size, &path);
    size_t start = value;

    if (value == sj_json_locate(json, size, &root))
        return size; /* there is none */
    size_t end = value_end(json, value);
    /* Back over the colon and the closing quote to the one that opens the key. */
    while (json[--start] != '"') {
    }
    while (json[--start] != '"') {
    }
    end += strspn(json + end, " \t\r\n");
    if (json[end] == ',') {
        end++;
    } else {
        while (json[start - 1] != ',' && json[start - 1] != '{')
            start--;
        start -= json[start - 1] == ',';
    }
    memmove(json + start, json + end, size - end + 1);
    return size - (end - start);
}

/* ",requires...,stream..." goes where writers put it, or else to the front. Returns the new size. */
static size_t insert_stream(char *json, size_t size, char *text, size_t text_size)
{
    static const size_t before_size = sizeof(BEFORE_CREATED) - 1;
    sj_json_path path = {.steps = {{"created", 0}}, .depth = 1};
    size_t created = sj_json_locate(json, size, &path);

    if (created > before_size && !memcmp(json + created - before_size, BEFORE_CREATED, before_size))
        return insert(json, size, created - before_size, text, text_size);
    /* The comma goes from the front to the end. */
    memmove(text, text + 1, text_size - 1);
    text[text_size - 1] = ',';
    return insert(json, size, (size_t)((char *)memchr(json, '{', size) - json) + 1, text, text_size);
}

/* Writes the stream into the record's JSON. */
static snapjar_status add_stream(rewriting *r, snapjar_error *err)
{
    const snapjar_header *header = r->record->header;
    char text[STREAM_TEXT_SIZE];
    sj_header_plan plan = {.type = NULL};
    size_t size = header->prefix.json_size;

    sj_sealer_plan(r->sealer, &plan);
    size_t text_size = sj_header_format_stream(text, sizeof(text), &plan);
    char *json = sj_alloc(r->context, size + STREAM_TEXT_SIZE);
    if (!json)
        return sj_raise_no_memory(err, size + STREAM_TEXT_SIZE);
    memcpy(json, header->json, size + 1);
    /* One that does not fit here; and no other feature is known that could be required. */
    size = cut_member(json, size, "stream");
    size = cut_member(json, size, "requires");
    size = insert_stream(json, size, text, text_size);
    snapjar_status status = SNAPJAR_OK;
    if (size > SNAPJAR_HEADER_JSON_SIZE_DEFAULT)
        status = sj_raise(err, SNAPJAR_LIMIT, SNAPJAR_DIAG_HEADER_TOO_LARGE, SJ_AT_FILE(r->record->offset),
                          "with its stream the header's JSON would have %zu bytes, %" PRIu64 " are allowed", size,
                          SNAPJAR_HEADER_JSON_SIZE_DEFAULT);
    if (status == SNAPJAR_OK)
        status = make_frame(r, json, size, err);
    sj_free(r->context, json);
    return status;
}

/* Whether the record's own stream goes on where the one before it was. */
static bool is_in_stream(const rewriting *r)
{
    const snapjar_header *header = r->record->header;
    const snapjar_sealer *sealer = r->sealer;
    char previous[SJ_STREAM_PREVIOUS_SIZE];

    if (header->stream_index != sealer->stream_index)
        return false;
    if (!header->stream_index)
        return true;
    sj_hex_write(previous, header->stream_previous_digest, SJ_BLAKE_SIZE);
    return header->is_sealed_stream && !memcmp(header->stream_id.data, sealer->stream_id, SJ_STREAM_ID_SIZE) &&
           !strcmp(previous, sealer->stream_previous);
}

/* The header as it will be signed. */
static snapjar_status prepare_header(rewriting *r, size_t kept_count, snapjar_error *err)
{
    const snapjar_header *header = r->record->header;

    if (!r->sealer || !r->wants_stream)
        return make_frame(r, header->json, header->prefix.json_size, err);
    if (header->has_stream && !is_in_stream(r) && kept_count)
        return sj_raise(err, SNAPJAR_BAD_SEAL, SNAPJAR_DIAG_SEAL_RECORD_FOREIGN,
                        SJ_AT_FILE(sj_header_field_offset(header, NULL, "stream")),
                        "the record is of another stream than the one before it");
    if (header->has_stream && is_in_stream(r)) {
        memcpy(r->sealer->stream_id, header->stream_id.data, SJ_STREAM_ID_SIZE);
        return make_frame(r, header->json, header->prefix.json_size, err);
    }
    if (kept_count)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_SEAL_NEEDS_REPLACE, SJ_AT_FILE(r->record->offset),
                        "the record is sealed and must be changed to be tied to the others");
    return add_stream(r, err);
}

/* ---- the seal area ---- */

/* The signatures that are there and stay. They must be of this very record. */
static snapjar_status read_kept(rewriting *r, sj_seal_area *kept, snapjar_error *err)
{
    const snapjar_header *header = r->record->header;
    uint64_t at = header->json_offset + header->prefix.json_size;
    uint8_t digest[SJ_BLAKE_SIZE];

    kept->count = 0;
    if (!header->seal || r->options.replace || (!r->sealer && !r->key_id))
        return SNAPJAR_OK;
    SJ_TRY(sj_seal_area_read(kept, header->seal, header->prefix.seal_size, at, err));
    if (!kept->count)
        return SNAPJAR_OK;
    sj_record_header_digest(digest, header);
    if (memcmp(digest, kept->header_digest, SJ_BLAKE_SIZE) != 0)
        return sj_raise(err, SNAPJAR_BAD_SEAL, SNAPJAR_DIAG_SEAL_HEADER_ALTERED, SJ_AT_FILE(header->json_offset),
                        "the seal that is there is of another header");
    if (memcmp(r->payload_digest, kept->payload_digest, SJ_BLAKE_SIZE) != 0)
        return sj_raise(err, SNAPJAR_BAD_SEAL, SNAPJAR_DIAG_SEAL_PAYLOAD_ALTERED, SJ_AT_FILE(r->record->payload_offset),
                        "the seal that is there is of another payload");
    return SNAPJAR_OK;
}

/* What stays of the area when seals are taken off, behind the header. */
static snapjar_status put_rest(rewriting *r, sj_seal_area *kept, snapjar_error *err)
{
    size_t count = 0;

    for (size_t i = 0; i < kept->count; i++) {
        if (memcmp(kept->entries[i].key_id, r->key_id, SJ_ID_SIZE) != 0)
            kept->entries[count++] = kept->entries[i];
    }
    kept->count = count;
    size_t area_size = count ? sj_seal_area_size(kept) : 0;
    uint8_t *frame = sj_realloc(r->context, r->frame, r->frame_size + area_size);
    if (!frame)
        return sj_raise_no_memory(err, r->frame_size + area_size);
    r->frame = frame;
    if (count)
        sj_seal_area_write(frame + r->frame_size, kept);
    sj_prefix_reseal(frame, (uint32_t)area_size);
    r->frame_size += area_size;
    return SNAPJAR_OK;
}

/* ---- records ---- */

/* Copies the payload; its bytes are those that were hashed before. */
static snapjar_status copy_payload(rewriting *r, snapjar_error *err)
{
    const sj_record *record = r->record;
    uint64_t size = record->header->stored_size;
    uint8_t *buffer = sj_pool_get(r->context, SJ_POOL_RECORD, COPY_SIZE);
    sj_checksum_state sum;
    uint8_t actual[SJ_CHECKSUM_SIZE];

    if (!buffer)
        return sj_raise_no_memory(err, COPY_SIZE);
    sj_checksum_begin(&sum);
    for (uint64_t done = 0; done < size;) {
        size_t step = (size_t)sj_min(size - done, COPY_SIZE);
        SJ_TRY(sj_source_read_exact(r->source, buffer, step, record->payload_offset + done,
                                    SNAPJAR_DIAG_RECORD_CUT_SHORT, err));
        sj_checksum_add(&sum, buffer, step);
        SJ_TRY(snapjar_sink_write(r->sink, buffer, step, err));
        done += step;
        if (r->options.progress &&
            !r->options.progress(r->options.progress_state, record->payload_offset + done, r->source_size))
            return sj_raise(err, SNAPJAR_CANCELLED, SNAPJAR_DIAG_CANCELLED, SJ_NOWHERE, "cancelled by the caller");
    }
    sj_checksum_end(&sum, actual);
    if (!memcmp(actual, record->header->checksum, SJ_CHECKSUM_SIZE))
        return SNAPJAR_OK;
    return sj_raise(err, SNAPJAR_IO, SNAPJAR_DIAG_SOURCE_CHANGED, SJ_AT_FILE(record->payload_offset),
                    "the stored payload is another than a moment ago");
}

static snapjar_status write_record(rewriting *r, const uint8_t *frame, size_t frame_size, snapjar_error *err)
{
    uint8_t trailer[SJ_TRAILER_SIZE];

    sj_trailer_write(trailer, frame_size + r->record->header->stored_size + SJ_TRAILER_SIZE,
                     frame + SJ_PREFIX_SIZE - SJ_CHECKSUM_SIZE);
    SJ_TRY(snapjar_sink_write(r->sink, frame, frame_size, err));
    SJ_TRY(copy_payload(r, err));
    return snapjar_sink_write(r->sink, trailer, sizeof(trailer), err);
}

static snapjar_status rewrite_record(rewriting *r, snapjar_error *err)
{
    const sj_record *record = r->record;
    sj_payload_reading reading = {
        .context = r->context, .source = r->source, .record = record, .digest_out = r->payload_digest};
    sj_seal_area kept;

    SJ_TRY(sj_record_check_end(record, r->source, r->source_size, err));
    SJ_TRY(sj_payload_check_stored(&reading, NULL, err));
    SJ_TRY(read_kept(r, &kept, err));
    SJ_TRY(prepare_header(r, kept.count, err));
    if (r->sealer) {
        const uint8_t *frame = r->frame;
        size_t frame_size = r->frame_size;
        SJ_TRY(sj_sealer_reseal(r->sealer, &frame, &frame_size, record->header->stored_size, r->payload_digest, &kept,
                                err));
        return write_record(r, frame, frame_size, err);
    }
    size_t before = snapjar_header_signature_count(record->header);
    SJ_TRY(put_rest(r, &kept, err));
    r->removed += before - kept.count;
    return write_record(r, r->frame, r->frame_size, err);
}

/* Every header is looked at first: whether there is one record or more decides what is written. */
static snapjar_status count_records(rewriting *r, uint64_t *count, snapjar_error *err)
{
    const snapjar_record *record = NULL;

    for (*count = 0;; ++*count) {
        SJ_TRY(snapjar_reader_next(r->reader, &record, err));
        if (!record)
            break;
    }
    snapjar_reader_seek(r->reader, 0, 0);
    return SNAPJAR_OK;
}

static snapjar_status rewrite(rewriting *r, snapjar_error *err)
{
    uint64_t count = 0;

    SJ_TRY(snapjar_reader_new(&r->reader, r->context, r->source, r->options.limits, err));
    SJ_TRY(count_records(r, &count, err));
    SJ_TRY(snapjar_source_size(r->source, &r->source_size, err));
    r->wants_stream = count > 1 || r->options.stream || r->options.continues;
    if (r->sealer && !r->options.continues)
        snapjar_sealer_begin(r->sealer);
    for (;;) {
        const snapjar_record *record = NULL;
        SJ_TRY(snapjar_reader_next(r->reader, &record, err));
        if (!record)
            return SNAPJAR_OK;
        r->record = &record->inner;
        snapjar_status status = rewrite_record(r, err);
        if (status != SNAPJAR_OK && err)
            err->record_index = r->count;
        SJ_TRY(status);
        r->count++;
    }
}

static snapjar_status run(rewriting *r, const snapjar_seal_options *options, snapjar_error *err)
{
    SJ_TRY(sj_options_read(&r->options, sizeof(r->options), options, "snapjar_seal_options", err));
    snapjar_status status = rewrite(r, err);
    snapjar_reader_free(r->reader);
    sj_free(r->context, r->frame);
    return status;
}

snapjar_status snapjar_seal(snapjar_sealer *sealer, snapjar_source *source, snapjar_sink *sink,
                            const snapjar_seal_options *options, uint64_t *count, snapjar_error *err)
{
    if (count)
        *count = 0;
    if (!sealer || !source || !sink)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE,
                        "sealer, source or sink is NULL");
    rewriting r = {.context = sealer->context, .source = source, .sink = sink, .sealer = sealer};
    SJ_TRY(run(&r, options, err));
    if (count)
        *count = r.count;
    return SNAPJAR_OK;
}

snapjar_status snapjar_unseal(snapjar_context *context, snapjar_source *source, snapjar_sink *sink, const char *key_id,
                              const snapjar_seal_options *options, uint64_t *removed, snapjar_error *err)
{
    uint8_t id[SJ_ID_SIZE];

    if (removed)
        *removed = 0;
    if (!context || !source || !sink || (key_id && !sj_hex_read(id, sizeof(id), key_id, strlen(key_id))))
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE,
                        "context, source or sink is NULL, or key_id is not 32 lower-case hex digits");
    rewriting r = {.context = context, .source = source, .sink = sink, .key_id = key_id ? id : NULL};
    SJ_TRY(run(&r, options, err));
    if (removed)
        *removed = r.removed;
    return SNAPJAR_OK;
}
