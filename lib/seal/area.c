/* SPDX-License-Identifier: MIT
 *
 * Seal areas and messages, byte by byte.
 */
#include "seal/area.h"

#include <inttypes.h>
#include <string.h>

#include "seal/key.h"
#include "util/bytes.h"

#define MESSAGE_DOMAIN "snapjar seal v1"
#define HEADER_DOMAIN "snapjar head v1"
#define CONTEXT_DOMAIN "snapjar context"
/** With its NUL, which is part of it. */
#define DOMAIN_SIZE 16
_Static_assert(sizeof(MESSAGE_DOMAIN) == DOMAIN_SIZE && sizeof(HEADER_DOMAIN) == DOMAIN_SIZE, "domains of one size");

enum { AT_VERSION = 0, AT_COUNT = 2, AT_STORED_SIZE = 4, AT_PAYLOAD_DIGEST = 12, AT_HEADER_DIGEST = 44 };
enum { AT_ALGORITHM = 0, AT_SIZE = 2, AT_KEY_ID = 4, AT_CONTEXT_ID = 20 };

static snapjar_status malformed(snapjar_error *err, uint64_t file_offset, const char *what)
{
    return sj_raise(err, SNAPJAR_BAD_SEAL, SNAPJAR_DIAG_SEAL_MALFORMED, SJ_AT_FILE(file_offset), "%s", what);
}

static snapjar_status read_entry(sj_seal_area *area, const uint8_t *bytes, size_t size, size_t *at,
                                 uint64_t file_offset, snapjar_error *err)
{
    const uint8_t *entry = bytes + *at;
    size_t left = size - *at;

    if (left < SJ_SEAL_ENTRY_SIZE)
        return malformed(err, file_offset + size, "the seal area ends within a signature's first 36 bytes");
    sj_seal_entry *read = &area->entries[area->count];
    *read = (sj_seal_entry){
        .algorithm = sj_read_le16(entry + AT_ALGORITHM),
        .key_id = entry + AT_KEY_ID,
        .context_id = entry + AT_CONTEXT_ID,
        .signature = entry + SJ_SEAL_ENTRY_SIZE,
        .signature_size = sj_read_le16(entry + AT_SIZE),
        .at = *at,
    };
    size_t wanted = sj_signature_size(read->algorithm);
    if (wanted && read->signature_size != wanted)
        return malformed(err, file_offset + *at + AT_SIZE, "a signature's size is not that of its algorithm");
    if (read->signature_size > left - SJ_SEAL_ENTRY_SIZE)
        return malformed(err, file_offset + size, "the seal area ends within a signature");
    for (size_t i = 0; i < area->count; i++) {
        if (!memcmp(area->entries[i].key_id, read->key_id, SJ_ID_SIZE))
            return malformed(err, file_offset + *at, "a second signature of the same key");
    }
    *at += SJ_SEAL_ENTRY_SIZE + read->signature_size;
    area->count++;
    return SNAPJAR_OK;
}

snapjar_status sj_seal_area_read(sj_seal_area *area, const uint8_t *bytes, size_t size, uint64_t file_offset,
                                 snapjar_error *err)
{
    size_t at = SJ_SEAL_FIXED_SIZE;

    area->count = 0;
    if (size >= 2 && sj_read_le16(bytes) != SJ_SEAL_VERSION)
        return sj_raise(err, SNAPJAR_UNSUPPORTED, SNAPJAR_DIAG_SEAL_UNSUPPORTED, SJ_AT_FILE(file_offset),
                        "the seal area is of version %u, this reader knows version %d", sj_read_le16(bytes),
                        SJ_SEAL_VERSION);
    if (size < SJ_SEAL_FIXED_SIZE)
        return malformed(err, file_offset + size, "the seal area ends within its first 76 bytes");
    size_t count = sj_read_le16(bytes + AT_COUNT);
    area->stored_size = sj_read_le64(bytes + AT_STORED_SIZE);
    area->payload_digest = bytes + AT_PAYLOAD_DIGEST;
    area->header_digest = bytes + AT_HEADER_DIGEST;
    if (count > SNAPJAR_SEAL_SIGNATURES_MAX)
        return sj_raise(err, SNAPJAR_LIMIT, SNAPJAR_DIAG_SEAL_LIMIT, SJ_AT_FILE(file_offset + AT_COUNT),
                        "%zu signatures exceed the limit of %d", count, SNAPJAR_SEAL_SIGNATURES_MAX);
    while (area->count < count)
        SJ_TRY(read_entry(area, bytes, size, &at, file_offset, err));
    if (at != size)
        return malformed(err, file_offset + at, "bytes stand behind the last signature");
    return SNAPJAR_OK;
}

size_t sj_seal_area_size(const sj_seal_area *area)
{
    size_t size = SJ_SEAL_FIXED_SIZE;

    for (size_t i = 0; i < area->count; i++)
        size += SJ_SEAL_ENTRY_SIZE + area->entries[i].signature_size;
    return size;
}

void sj_seal_area_write(uint8_t *out, const sj_seal_area *area)
{
    sj_write_le16(out + AT_VERSION, SJ_SEAL_VERSION);
    sj_write_le16(out + AT_COUNT, (uint16_t)area->count);
    sj_write_le64(out + AT_STORED_SIZE, area->stored_size);
    memcpy(out + AT_PAYLOAD_DIGEST, area->payload_digest, SJ_BLAKE_SIZE);
    memcpy(out + AT_HEADER_DIGEST, area->header_digest, SJ_BLAKE_SIZE);
    out += SJ_SEAL_FIXED_SIZE;
    for (size_t i = 0; i < area->count; i++) {
        const sj_seal_entry *entry = &area->entries[i];
        sj_write_le16(out + AT_ALGORITHM, (uint16_t)entry->algorithm);
        sj_write_le16(out + AT_SIZE, (uint16_t)entry->signature_size);
        memcpy(out + AT_KEY_ID, entry->key_id, SJ_ID_SIZE);
        memcpy(out + AT_CONTEXT_ID, entry->context_id, SJ_ID_SIZE);
        memcpy(out + SJ_SEAL_ENTRY_SIZE, entry->signature, entry->signature_size);
        out += SJ_SEAL_ENTRY_SIZE + entry->signature_size;
    }
}

void sj_seal_entry_describe(snapjar_signature *signature, const sj_seal_entry *entry)
{
    static const uint8_t no_context[SJ_ID_SIZE];

    signature->algorithm = entry->algorithm;
    signature->has_context = memcmp(entry->context_id, no_context, SJ_ID_SIZE) != 0;
    sj_hex_write(signature->key_id, entry->key_id, SJ_ID_SIZE);
}

void sj_seal_context_id(uint8_t out[SJ_ID_SIZE], const char *context)
{
    if (context && *context)
        sj_short_digest(out, CONTEXT_DOMAIN, 0, context, strlen(context));
    else
        memset(out, 0, SJ_ID_SIZE);
}

void sj_seal_header_digest(uint8_t out[SJ_BLAKE_SIZE], const sj_signed_header *header)
{
    sj_blake_state state;

    sj_blake_begin(&state);
    sj_blake_add(&state, HEADER_DOMAIN, DOMAIN_SIZE);
    sj_blake_add(&state, header->prefix, SJ_SEAL_PREFIX_SIZE);
    sj_blake_add(&state, header->json, header->json_size);
    sj_blake_end(&state, out);
}

uint8_t *sj_seal_message(size_t *size, snapjar_context *context, const sj_signed_header *header, uint64_t stored_size,
                         const uint8_t payload_digest[SJ_BLAKE_SIZE], const char *seal_context)
{
    size_t context_size = seal_context ? strlen(seal_context) : 0;

    *size = DOMAIN_SIZE + SJ_SEAL_PREFIX_SIZE + header->json_size + 8 + SJ_BLAKE_SIZE + 4 + context_size;
    uint8_t *message = sj_alloc(context, *size);
    if (!message)
        return NULL;
    uint8_t *at = message;
    memcpy(at, MESSAGE_DOMAIN, DOMAIN_SIZE);
    at += DOMAIN_SIZE;
    memcpy(at, header->prefix, SJ_SEAL_PREFIX_SIZE);
    at += SJ_SEAL_PREFIX_SIZE;
    memcpy(at, header->json, header->json_size);
    at += header->json_size;
    sj_write_le64(at, stored_size);
    memcpy(at + 8, payload_digest, SJ_BLAKE_SIZE);
    at += 8 + SJ_BLAKE_SIZE;
    sj_write_le32(at, (uint32_t)context_size);
    if (context_size)
        memcpy(at + 4, seal_context, context_size);
    return message;
}
