/* SPDX-License-Identifier: MIT
 *
 * Seals of records, and what to say of those that fail.
 */
#include "container/record_seal.h"

#include <inttypes.h>
#include <string.h>

#include "util/bytes.h"

/* A payload up to this size is read to say what is wrong with a seal. */
#define EXPLAIN_SIZE_MAX ((uint64_t)64 << 20)

/*
 * The seal is of another header than this. Is the payload the one that was sealed? Nothing depends on the answer but
 * the words: the record is refused in any case.
 */
static bool is_payload_sealed(const sj_record *record, const sj_seal *seal, snapjar_context *context,
                              snapjar_source *source)
{
    uint8_t trailer[SJ_TRAILER_SIZE];
    uint8_t digest[SJ_BLAKE_SIZE];
    sj_blake_state state;
    uint64_t end;
    size_t got = 0;

    if (!sj_add(record->payload_offset, seal->stored_size, &end) || end > INT64_MAX ||
        snapjar_source_read_at(source, trailer, sizeof(trailer), end, &got, NULL) != SNAPJAR_OK ||
        got != sizeof(trailer) || sj_trailer_record_size(trailer) != end + SJ_TRAILER_SIZE - record->offset)
        return false;
    if (seal->stored_size > EXPLAIN_SIZE_MAX)
        return true;
    uint8_t *payload = sj_alloc(context, (size_t)seal->stored_size);
    bool is_read = payload &&
                   snapjar_source_read_at(source, payload, (size_t)seal->stored_size, record->payload_offset, &got,
                                          NULL) == SNAPJAR_OK &&
                   got == seal->stored_size;
    sj_blake_begin(&state);
    if (is_read)
        sj_blake_add(&state, payload, got);
    sj_blake_end(&state, digest);
    sj_free(context, payload);
    return is_read && sj_is_equal(digest, seal->payload_digest, SJ_BLAKE_SIZE);
}

static snapjar_status refuse_other_header(const sj_record *record, const sj_seal *seal, snapjar_context *context,
                                          snapjar_source *source, snapjar_error *err)
{
    if (is_payload_sealed(record, seal, context, source))
        return sj_raise(err, SNAPJAR_BAD_SEAL, SNAPJAR_DIAG_SEAL_HEADER_ALTERED,
                        SJ_AT_FILE(record->offset + SJ_PREFIX_SIZE),
                        "the header is not the one that was sealed; the payload is");
    return sj_raise(err, SNAPJAR_BAD_SEAL, SNAPJAR_DIAG_SEAL_TRANSPLANTED, SJ_AT_FILE(seal->offset),
                    "the seal is that of another record: neither header nor payload are what it was made for");
}

static snapjar_status check_own(sj_seal *seal, const sj_record *record, snapjar_context *context,
                                snapjar_source *source, const sj_sealed_header *sealed, const sj_demand *demand,
                                snapjar_error *err)
{
    snapjar_error fault;
    snapjar_status status = sj_seal_check_header(seal, context, demand, sealed, &fault);

    if (status == SNAPJAR_OK)
        return status;
    if (seal->is_of_other_header)
        return refuse_other_header(record, seal, context, source, err);
    if (err)
        *err = fault;
    return status;
}

/* The header is not the one that the list has for this place. Does it have it for another? */
static snapjar_status refuse_unlisted(const sj_record *record, const sj_seal *seal, const uint8_t *digest,
                                      const snapjar_detached *list, snapjar_context *context, snapjar_source *source,
                                      snapjar_error *err)
{
    for (size_t i = 0; i < list->count; i++) {
        if (memcmp(list->records[i].header_digest, digest, SJ_BLAKE_SIZE) != 0)
            continue;
        bool is_ahead = i > record->index;
        return sj_raise(err, SNAPJAR_BAD_SEAL,
                        is_ahead ? SNAPJAR_DIAG_SEAL_RECORDS_MISSING : SNAPJAR_DIAG_SEAL_RECORDS_REPEATED,
                        SJ_AT_FILE(record->offset),
                        "record %zu of the seal's list stands where record %" PRIu64 " must", i, record->index);
    }
    return refuse_other_header(record, seal, context, source, err);
}

static snapjar_status check_listed(sj_seal *seal, const sj_record *record, snapjar_context *context,
                                   snapjar_source *source, const sj_signed_header *header, const sj_demand *demand,
                                   snapjar_error *err)
{
    const snapjar_detached *list = demand->detached;
    uint8_t digest[SJ_BLAKE_SIZE];

    *seal = (sj_seal){.accepted = *demand->accepted, .offset = record->offset, .size_offset = record->offset};
    if (record->index >= list->count)
        return sj_raise(err, SNAPJAR_BAD_SEAL, SNAPJAR_DIAG_SEAL_RECORDS_ADDED, SJ_AT_FILE(record->offset),
                        "the seal lists %zu records, and here is one more", list->count);
    const sj_listed *listed = &list->records[record->index];
    seal->stored_size = listed->stored_size;
    memcpy(seal->payload_digest, listed->payload_digest, SJ_BLAKE_SIZE);
    sj_seal_header_digest(digest, header);
    if (sj_is_equal(digest, listed->header_digest, SJ_BLAKE_SIZE))
        return SNAPJAR_OK;
    return refuse_unlisted(record, seal, digest, list, context, source, err);
}

snapjar_status sj_record_check_seal(sj_seal *seal, const sj_record *record, snapjar_context *context,
                                    snapjar_source *source, const sj_prefix *prefix, const uint8_t *frame,
                                    const sj_demand *demand, snapjar_error *err)
{
    const uint8_t *json = frame + SJ_PREFIX_SIZE;
    const sj_sealed_header sealed = {
        .header = {frame + 8, json, prefix->json_size},
        .area = json + prefix->json_size,
        .area_size = prefix->seal_size,
        .area_offset = record->offset + SJ_PREFIX_SIZE + prefix->json_size,
        .size_offset = record->offset + 24,
    };

    if (demand->detached)
        return check_listed(seal, record, context, source, &sealed.header, demand, err);
    return check_own(seal, record, context, source, &sealed, demand, err);
}

snapjar_status sj_record_accept_seal(sj_record *record, const sj_seal *seal, snapjar_error *err)
{
    const snapjar_header *header = record->header;

    SJ_TRY(
        sj_seal_check_type(seal, header->type, sj_header_field_offset(header, NULL, "type"), &record->sealed_by, err));
    memcpy(record->payload_digest, seal->payload_digest, SJ_BLAKE_SIZE);
    if (seal->stored_size == header->stored_size)
        return SNAPJAR_OK;
    return sj_raise(err, SNAPJAR_BAD_SEAL, SNAPJAR_DIAG_SEAL_MALFORMED, SJ_AT_FILE(seal->size_offset),
                    "the seal is of a payload of %" PRIu64 " bytes, payload.stored_size is %" PRIu64, seal->stored_size,
                    header->stored_size);
}
