/* SPDX-License-Identifier: MIT
 *
 * From keys and a header to a seal area.
 */
#include "seal/sign.h"

#include <string.h>

static bool is_signing(const sj_signing *signing, const uint8_t *key_id)
{
    for (size_t i = 0; i < signing->key_count; i++) {
        if (!memcmp(signing->keys[i]->id, key_id, SJ_ID_SIZE))
            return true;
    }
    return false;
}

/* The entries that stay, then one without its signature for each key. */
static snapjar_status plan_entries(sj_seal_area *area, const sj_signing *signing, const sj_seal_area *kept,
                                   const uint8_t *context_id, snapjar_error *err)
{
    for (size_t i = 0; kept && i < kept->count; i++) {
        if (!is_signing(signing, kept->entries[i].key_id))
            area->entries[area->count++] = kept->entries[i];
    }
    if (area->count + signing->key_count > SNAPJAR_SEAL_SIGNATURES_MAX)
        return sj_raise(err, SNAPJAR_LIMIT, SNAPJAR_DIAG_SEAL_LIMIT, SJ_NOWHERE,
                        "the record would have %zu signatures, %d are allowed", area->count + signing->key_count,
                        SNAPJAR_SEAL_SIGNATURES_MAX);
    for (size_t i = 0; i < signing->key_count; i++) {
        const snapjar_key *key = signing->keys[i];
        area->entries[area->count++] = (sj_seal_entry){
            .algorithm = (unsigned)key->algorithm,
            .key_id = key->id,
            .context_id = context_id,
            .signature_size = sj_signature_size((unsigned)key->algorithm),
        };
    }
    return SNAPJAR_OK;
}

snapjar_status sj_seal_make(uint8_t **bytes, size_t *size, snapjar_context *context, const sj_signing *signing,
                            const sj_seal_area *kept, snapjar_error *err)
{
    uint8_t header_digest[SJ_BLAKE_SIZE];
    uint8_t context_id[SJ_ID_SIZE];
    uint8_t signatures[SNAPJAR_SEAL_SIGNATURES_MAX][SJ_SIGNATURE_SIZE];
    size_t message_size;
    sj_seal_area area = {.stored_size = signing->stored_size, .payload_digest = signing->payload_digest};

    *bytes = NULL;
    *size = 0;
    sj_seal_header_digest(header_digest, &signing->header);
    sj_seal_context_id(context_id, signing->context);
    area.header_digest = header_digest;
    SJ_TRY(plan_entries(&area, signing, kept, context_id, err));
    uint8_t *message = sj_seal_message(&message_size, context, &signing->header, signing->stored_size,
                                       signing->payload_digest, signing->context);
    if (!message)
        return sj_raise_no_memory(err, message_size);
    for (size_t i = 0; i < signing->key_count; i++) {
        sj_key_sign(signing->keys[i], signatures[i], message, message_size);
        area.entries[area.count - signing->key_count + i].signature = signatures[i];
    }
    sj_free(context, message);
    size_t area_size = sj_seal_area_size(&area);
    *bytes = sj_alloc(context, area_size);
    if (!*bytes)
        return sj_raise_no_memory(err, area_size);
    sj_seal_area_write(*bytes, &area);
    *size = area_size;
    return SNAPJAR_OK;
}
