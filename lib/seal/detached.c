/* SPDX-License-Identifier: MIT
 *
 * Detached seals: text to a list and signatures, and back.
 */
#include "seal/detached.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "seal/lines.h"
#include "util/bytes.h"

#define TITLE_STEM "snapjar detached seal "
#define TITLE TITLE_STEM "1\n"
#define MESSAGE_DOMAIN "snapjar list v1"
#define DOMAIN_SIZE sizeof(MESSAGE_DOMAIN)
#define ALGORITHM_NAME_SIZE_MAX 32
/* Of a signature that this version makes, with the LF and a NUL. */
#define SIGNATURE_LINE_SIZE 256
#define FIRST_CAPACITY 16

/* ---- the list ---- */

snapjar_status sj_detached_new(snapjar_detached **detached, snapjar_context *context, snapjar_error *err)
{
    *detached = sj_alloc_zero(context, sizeof(**detached));
    if (!*detached)
        return sj_raise_no_memory(err, sizeof(**detached));
    (*detached)->context = context;
    return SNAPJAR_OK;
}

void snapjar_detached_free(snapjar_detached *detached)
{
    if (!detached)
        return;
    sj_free(detached->context, detached->records);
    sj_free(detached->context, detached->signatures);
    sj_free(detached->context, detached);
}

snapjar_status sj_detached_add(snapjar_detached *d, const sj_listed *record, uint64_t offset, snapjar_error *err)
{
    if (d->count == SNAPJAR_DETACHED_RECORDS_MAX)
        return sj_raise(err, SNAPJAR_LIMIT, SNAPJAR_DIAG_SEAL_LIMIT, SJ_AT_FILE(offset),
                        "a detached seal lists at most %d records", SNAPJAR_DETACHED_RECORDS_MAX);
    if (d->count == d->capacity) {
        size_t capacity = d->capacity ? 2 * d->capacity : FIRST_CAPACITY;
        sj_listed *records = sj_realloc(d->context, d->records, capacity * sizeof(*records));
        if (!records)
            return sj_raise_no_memory(err, capacity * sizeof(*records));
        d->records = records;
        d->capacity = capacity;
    }
    d->records[d->count++] = *record;
    return SNAPJAR_OK;
}

/* ---- reading ---- */

static snapjar_status read_title(sj_lines *l)
{
    static const size_t stem_size = sizeof(TITLE_STEM) - 1;
    static const size_t size = sizeof(TITLE) - 1;

    if (l->size < stem_size || memcmp(l->text, TITLE_STEM, stem_size) != 0)
        return sj_lines_refuse(l, 0, "the first line must be \"" TITLE_STEM "1\"");
    if (l->size < size || memcmp(l->text, TITLE, size) != 0)
        return sj_raise(l->err, SNAPJAR_UNSUPPORTED, SNAPJAR_DIAG_SEAL_UNSUPPORTED, SJ_AT_FILE(stem_size),
                        "the detached seal is of another version than 1, which this reader knows");
    l->at = size;
    return SNAPJAR_OK;
}

static snapjar_status read_record(sj_lines *l, snapjar_detached *d, sj_line_value value, size_t line_at)
{
    sj_listed record;
    sj_line_value header = sj_line_part(&value);
    sj_line_value stored = sj_line_part(&value);

    if (!sj_hex_read(record.header_digest, SJ_BLAKE_SIZE, header.text, header.size))
        return sj_lines_refuse(l, header.at, "a header digest must be 64 lower-case hex digits");
    if (!sj_line_number(&stored, &record.stored_size))
        return sj_lines_refuse(l, stored.at, "a stored size must be a decimal number above 0 without leading zeros");
    if (!sj_hex_read(record.payload_digest, SJ_BLAKE_SIZE, value.text, value.size))
        return sj_lines_refuse(l, value.at, "a payload digest must be 64 lower-case hex digits");
    return sj_detached_add(d, &record, line_at, l->err);
}

static bool is_algorithm_name(const sj_line_value *name)
{
    if (!name->size || name->size > ALGORITHM_NAME_SIZE_MAX)
        return false;
    for (size_t i = 0; i < name->size; i++) {
        char c = name->text[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-')
            return false;
    }
    return true;
}

static unsigned algorithm_number(const sj_line_value *name)
{
    static const snapjar_seal_algorithm known[] = {SNAPJAR_SEAL_ED25519, SNAPJAR_SEAL_MAC};

    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
        if (sj_line_is(name, snapjar_seal_algorithm_name(known[i])))
            return (unsigned)known[i];
    }
    return 0;
}

/* The signature itself, of an algorithm whose signatures are passed over if it is not known. */
static bool read_signature_bytes(const sj_line_value *value, unsigned algorithm, sj_detached_line *line)
{
    uint8_t unknown[SNAPJAR_DETACHED_SIGNATURE_SIZE_MAX];

    if (algorithm)
        return sj_hex_read(line->signature, sj_signature_size(algorithm), value->text, value->size);
    return value->size && value->size <= 2 * sizeof(unknown) &&
           sj_hex_read(unknown, value->size / 2, value->text, value->size);
}

static bool has_key(const snapjar_detached *d, const uint8_t key_id[SJ_ID_SIZE])
{
    for (size_t i = 0; i < d->entry_count; i++) {
        if (!memcmp(d->lines[i].key_id, key_id, SJ_ID_SIZE))
            return true;
    }
    return false;
}

static snapjar_status read_signature(sj_lines *l, snapjar_detached *d, sj_line_value value, size_t line_at)
{
    if (d->entry_count == SNAPJAR_SEAL_SIGNATURES_MAX)
        return sj_raise(l->err, SNAPJAR_LIMIT, SNAPJAR_DIAG_SEAL_LIMIT, SJ_AT_FILE(line_at),
                        "a seal has at most %d signatures", SNAPJAR_SEAL_SIGNATURES_MAX);
    sj_detached_line *line = &d->lines[d->entry_count];
    sj_line_value name = sj_line_part(&value);
    sj_line_value key_id = sj_line_part(&value);
    sj_line_value context_id = sj_line_part(&value);
    unsigned algorithm = algorithm_number(&name);
    if (!is_algorithm_name(&name))
        return sj_lines_refuse(l, name.at, "an algorithm must be a word of lower-case letters, digits and hyphens");
    if (!sj_hex_read(line->key_id, SJ_ID_SIZE, key_id.text, key_id.size))
        return sj_lines_refuse(l, key_id.at, "a key's id must be 32 lower-case hex digits");
    if (has_key(d, line->key_id))
        return sj_lines_refuse(l, key_id.at, "the key has a signature already");
    if (!sj_hex_read(line->context_id, SJ_ID_SIZE, context_id.text, context_id.size))
        return sj_lines_refuse(l, context_id.at, "a context's id must be 32 lower-case hex digits");
    if (!read_signature_bytes(&value, algorithm, line))
        return sj_lines_refuse(l, value.at, "a signature must be lower-case hex digits, as many as its algorithm has");
    line->start = line_at - (size_t)d->list_size;
    line->size = l->at - line_at;
    d->entries[d->entry_count++] = (sj_seal_entry){
        .algorithm = algorithm,
        .key_id = line->key_id,
        .context_id = line->context_id,
        .signature = line->signature,
        .signature_size = sj_signature_size(algorithm),
        .at = line_at,
    };
    return SNAPJAR_OK;
}

static snapjar_status read_signatures(sj_lines *l, snapjar_detached *d)
{
    sj_line_value value = {NULL, 0, 0};
    size_t size = l->size - l->at;
    size_t line_at = l->at;

    d->signatures = sj_alloc(d->context, size + 1);
    if (!d->signatures)
        return sj_raise_no_memory(l->err, size + 1);
    memcpy(d->signatures, l->text + l->at, size);
    for (; sj_lines_next(l, "signature", &value); line_at = l->at)
        SJ_TRY(read_signature(l, d, value, line_at));
    return l->at == l->size ? SNAPJAR_OK : sj_lines_refuse(l, l->at, "only lines \"signature ...\" may stand here");
}

static snapjar_status read_text(sj_lines *l, snapjar_detached *d)
{
    sj_line_value value = {NULL, 0, 0};
    sj_blake_state state;

    if (l->size > SNAPJAR_DETACHED_SIZE_MAX)
        return sj_raise(l->err, SNAPJAR_LIMIT, SNAPJAR_DIAG_SEAL_LIMIT, SJ_AT_FILE(SNAPJAR_DETACHED_SIZE_MAX),
                        "a detached seal has at most %zu bytes", SNAPJAR_DETACHED_SIZE_MAX);
    SJ_TRY(read_title(l));
    for (size_t line_at = l->at; sj_lines_next(l, "record", &value); line_at = l->at)
        SJ_TRY(read_record(l, d, value, line_at));
    if (!d->count)
        return sj_lines_refuse(l, l->at, "a line \"record ...\" must stand here");
    d->list_size = l->at;
    sj_blake_begin(&state);
    sj_blake_add(&state, l->text, l->at);
    sj_blake_end(&state, d->list_digest);
    return read_signatures(l, d);
}

snapjar_status snapjar_detached_read(snapjar_detached **detached, snapjar_context *context, const char *text,
                                     size_t size, snapjar_error *err)
{
    sj_lines l = {text, size, 0, SNAPJAR_DIAG_SEAL_FILE_INVALID, err};

    if (detached)
        *detached = NULL;
    if (!detached || !context || !text)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE,
                        "detached, context or text is NULL");
    SJ_TRY(sj_crypto_begin(err));
    SJ_TRY(sj_detached_new(detached, context, err));
    snapjar_status status = read_text(&l, *detached);
    if (status != SNAPJAR_OK) {
        snapjar_detached_free(*detached);
        *detached = NULL;
    }
    return status;
}

/* As much as there is, up to one byte more than is allowed. */
static snapjar_status read_file(int fd, const char *path, snapjar_context *context, char **text, size_t *size,
                                snapjar_error *err)
{
    size_t room = FIRST_CAPACITY * SJ_LISTED_LINE_SIZE;
    size_t got = 0;

    *text = NULL;
    *size = 0;
    do {
        room = *text ? (size_t)sj_min(2 * room, SNAPJAR_DETACHED_SIZE_MAX + 1) : room;
        char *larger = sj_realloc(context, *text, room);
        if (!larger)
            return sj_raise_no_memory(err, room);
        *text = larger;
        SJ_TRY(sj_fd_read(fd, path, *text + *size, room - *size, &got, err));
        *size += got;
    } while (*size == room && room <= SNAPJAR_DETACHED_SIZE_MAX);
    return SNAPJAR_OK;
}

snapjar_status snapjar_detached_open_path(snapjar_detached **detached, snapjar_context *context, const char *path,
                                          snapjar_error *err)
{
    char *text = NULL;
    size_t size = 0;
    int fd = -1;

    if (detached)
        *detached = NULL;
    if (!detached || !context || !path)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE,
                        "detached, context or path is NULL");
    SJ_TRY(sj_fd_open(&fd, path, O_RDONLY, 0, err));
    snapjar_status status = read_file(fd, path, context, &text, &size, err);
    if (status == SNAPJAR_OK)
        status = snapjar_detached_read(detached, context, text, size, err);
    sj_free(context, text);
    (void)close(fd);
    return status == SNAPJAR_OK ? status : sj_raise_place(err, status, path);
}

/* ---- looking ---- */

size_t snapjar_detached_record_count(const snapjar_detached *detached)
{
    return detached->count;
}

size_t snapjar_detached_signature_count(const snapjar_detached *detached)
{
    return detached->entry_count;
}

snapjar_status snapjar_detached_signature(const snapjar_detached *detached, size_t index, snapjar_signature *signature,
                                          snapjar_error *err)
{
    *signature = (snapjar_signature){0};
    if (index >= detached->entry_count)
        return sj_raise(err, SNAPJAR_NOT_FOUND, SNAPJAR_DIAG_NONE, SJ_NOWHERE, "the seal has no signature %zu", index);
    sj_seal_entry_describe(signature, &detached->entries[index]);
    return SNAPJAR_OK;
}

/* ---- writing ---- */

static snapjar_status put(snapjar_sink *sink, sj_blake_state *state, const char *text, size_t size, snapjar_error *err)
{
    sj_blake_add(state, text, size);
    return snapjar_sink_write(sink, text, size, err);
}

snapjar_status sj_detached_write_list(const snapjar_detached *d, snapjar_sink *sink, uint64_t *size,
                                      uint8_t digest[SJ_BLAKE_SIZE], snapjar_error *err)
{
    char line[SJ_LISTED_LINE_SIZE];
    char header[2 * SJ_BLAKE_SIZE + 1];
    char payload[2 * SJ_BLAKE_SIZE + 1];
    sj_blake_state state;

    sj_blake_begin(&state);
    *size = sizeof(TITLE) - 1;
    SJ_TRY(put(sink, &state, TITLE, sizeof(TITLE) - 1, err));
    for (size_t i = 0; i < d->count; i++) {
        sj_hex_write(header, d->records[i].header_digest, SJ_BLAKE_SIZE);
        sj_hex_write(payload, d->records[i].payload_digest, SJ_BLAKE_SIZE);
        int got =
            snprintf(line, sizeof(line), "record %s %" PRIu64 " %s\n", header, d->records[i].stored_size, payload);
        SJ_TRY(put(sink, &state, line, (size_t)got, err));
        *size += (size_t)got;
    }
    sj_blake_end(&state, digest);
    return SNAPJAR_OK;
}

static bool is_among(const uint8_t key_id[SJ_ID_SIZE], const uint8_t *const *ids, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!memcmp(ids[i], key_id, SJ_ID_SIZE))
            return true;
    }
    return false;
}

snapjar_status sj_detached_write_kept(const snapjar_detached *d, const uint8_t *const *without, size_t count,
                                      size_t *written, snapjar_sink *sink, snapjar_error *err)
{
    *written = 0;
    for (size_t i = 0; i < d->entry_count; i++) {
        const sj_detached_line *line = &d->lines[i];
        if (is_among(line->key_id, without, count))
            continue;
        SJ_TRY(snapjar_sink_write(sink, d->signatures + line->start, line->size, err));
        ++*written;
    }
    return SNAPJAR_OK;
}

snapjar_status sj_detached_write_signature(const snapjar_detached *d, const snapjar_key *key, const char *seal_context,
                                           snapjar_sink *sink, snapjar_error *err)
{
    uint8_t signature[SJ_SIGNATURE_SIZE];
    uint8_t context_id[SJ_ID_SIZE];
    char line[SIGNATURE_LINE_SIZE];
    char hex[2 * SJ_SIGNATURE_SIZE + 1];
    char context_hex[2 * SJ_ID_SIZE + 1];
    size_t message_size;
    uint8_t *message = sj_detached_message(&message_size, d->context, d, seal_context);

    if (!message)
        return sj_raise_no_memory(err, message_size);
    sj_key_sign(key, signature, message, message_size);
    sj_free(d->context, message);
    sj_seal_context_id(context_id, seal_context);
    sj_hex_write(context_hex, context_id, SJ_ID_SIZE);
    sj_hex_write(hex, signature, sj_signature_size((unsigned)key->algorithm));
    int size = snprintf(line, sizeof(line), "signature %s %s %s %s\n", snapjar_seal_algorithm_name(key->algorithm),
                        key->id_text, context_hex, hex);
    return snapjar_sink_write(sink, line, (size_t)size, err);
}

uint8_t *sj_detached_message(size_t *size, snapjar_context *context, const snapjar_detached *d,
                             const char *seal_context)
{
    size_t context_size = seal_context ? strlen(seal_context) : 0;

    *size = DOMAIN_SIZE + 8 + SJ_BLAKE_SIZE + 4 + context_size;
    uint8_t *message = sj_alloc(context, *size);
    if (!message)
        return NULL;
    memcpy(message, MESSAGE_DOMAIN, DOMAIN_SIZE);
    uint8_t *at = message + DOMAIN_SIZE;
    sj_write_le64(at, d->list_size);
    memcpy(at + 8, d->list_digest, SJ_BLAKE_SIZE);
    at += 8 + SJ_BLAKE_SIZE;
    sj_write_le32(at, (uint32_t)context_size);
    if (context_size)
        memcpy(at + 4, seal_context, context_size);
    return message;
}
