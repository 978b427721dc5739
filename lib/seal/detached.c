/* SPDX-License-Identifier: MIT
 *
 * Detached seals: from a list and keys to text. detached_file.c reads it.
 */
#include "seal/detached.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "util/bytes.h"

#define MESSAGE_DOMAIN "snapjar list v1"
#define DOMAIN_SIZE sizeof(MESSAGE_DOMAIN)
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
    *size = sizeof(SJ_DETACHED_TITLE) - 1;
    SJ_TRY(put(sink, &state, SJ_DETACHED_TITLE, sizeof(SJ_DETACHED_TITLE) - 1, err));
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
