/* SPDX-License-Identifier: MIT
 *
 * Reading a record's header frame and trailer.
 */
#include "container/record.h"

#include <inttypes.h>
#include <string.h>

#include "container/pool.h"
#include "container/record_seal.h"
#include "util/bytes.h"

/* Reads the header frame whole, into memory that is kept (or the source's own). */
static snapjar_status read_frame(const uint8_t **frame, snapjar_context *context, snapjar_source *source,
                                 uint64_t source_size, uint64_t offset, const uint8_t *first, const sj_prefix *prefix,
                                 snapjar_error *err)
{
    uint64_t size = sj_prefix_frame_size(prefix);

    if (size > source_size - offset)
        return sj_raise(err, SNAPJAR_CUT_SHORT, SNAPJAR_DIAG_HEADER_CUT_SHORT, SJ_AT_FILE(source_size),
                        "the file ends after %" PRIu64 " of a header's %" PRIu64 " bytes", source_size - offset, size);
    *frame = sj_source_borrow(source, offset, size);
    if (*frame)
        return SNAPJAR_OK;
    uint8_t *buffer = sj_pool_get(context, SJ_POOL_HEADER, size);
    if (!buffer)
        return sj_raise_no_memory(err, size);
    *frame = buffer;
    size_t have = (size_t)sj_min(size, SJ_PREFIX_LOOK_SIZE);
    memcpy(buffer, first, have);
    return sj_source_read_exact(source, buffer + have, (size_t)size - have, offset + have,
                                SNAPJAR_DIAG_HEADER_CUT_SHORT, err);
}

static snapjar_status check_total(sj_record *record, snapjar_error *err)
{
    uint64_t size = record->payload_offset - record->offset + SJ_TRAILER_SIZE;

    if (sj_add(size, record->header->stored_size, &size) && sj_add(size, record->offset, &(uint64_t){0})) {
        record->size = size;
        return SNAPJAR_OK;
    }
    return sj_raise(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_FIELD_VALUE,
                    SJ_AT_FILE(sj_header_field_offset(record->header, "payload", "stored_size")),
                    "payload.stored_size %" PRIu64 " is larger than any file", record->header->stored_size);
}

static snapjar_status read_at(sj_record *record, snapjar_context *context, snapjar_source *source, uint64_t source_size,
                              const snapjar_limits *limits, const sj_demand *demand, snapjar_error *err)
{
    sj_seal seal;
    uint8_t first[SJ_PREFIX_LOOK_SIZE];
    const uint8_t *frame = NULL;
    sj_prefix prefix;
    size_t first_size = 0;

    SJ_TRY(snapjar_source_read_at(source, first, sizeof(first), record->offset, &first_size, err));
    SJ_TRY(sj_prefix_read(&prefix, first, first_size, record->offset, record->offset == 0, err));
    SJ_TRY(read_frame(&frame, context, source, source_size, record->offset, first, &prefix, err));
    SJ_TRY(sj_prefix_check(&prefix, frame, record->offset, err));
    record->payload_offset = record->offset + sj_prefix_frame_size(&prefix);
    if (demand)
        SJ_TRY(sj_record_check_seal(&seal, record, context, source, &prefix, frame, demand, err));
    SJ_TRY(sj_header_parse(&record->header, context, &prefix, frame, record->offset, limits, err));
    SJ_TRY(check_total(record, err));
    return demand ? sj_record_accept_seal(record, &seal, err) : SNAPJAR_OK;
}

snapjar_status sj_record_read(sj_record *record, snapjar_context *context, snapjar_source *source, uint64_t source_size,
                              uint64_t offset, uint64_t index, const snapjar_limits *limits, snapjar_error *err)
{
    return sj_record_read_sealed(record, context, source, source_size, offset, index, limits, NULL, err);
}

snapjar_status sj_record_read_sealed(sj_record *record, snapjar_context *context, snapjar_source *source,
                                     uint64_t source_size, uint64_t offset, uint64_t index,
                                     const snapjar_limits *limits, const sj_demand *demand, snapjar_error *err)
{
    *record = (sj_record){.offset = offset, .index = index};
    snapjar_status status = read_at(record, context, source, source_size, limits, demand, err);
    if (status != SNAPJAR_OK) {
        sj_record_clear(record);
        if (err)
            err->record_index = index;
    }
    return status;
}

void sj_record_header_digest(uint8_t out[SJ_BLAKE_SIZE], const snapjar_header *header)
{
    uint8_t frame[SJ_PREFIX_SIZE];

    sj_prefix_restore(frame, &header->prefix);
    sj_seal_header_digest(out, &(sj_signed_header){frame + 8, (const uint8_t *)header->json, header->prefix.json_size});
}

static bool is_previous(const snapjar_header *next, const snapjar_header *previous)
{
    uint8_t digest[SJ_BLAKE_SIZE];

    sj_record_header_digest(digest, previous);
    return sj_is_equal(digest, next->stream_previous_digest, SJ_BLAKE_SIZE);
}

static bool is_same_stream(const snapjar_header *a, const snapjar_header *b)
{
    return a->has_stream && b->has_stream && !memcmp(a->stream_id.data, b->stream_id.data, SJ_STREAM_ID_SIZE);
}

snapjar_status sj_record_check_stream(const sj_record *next, const snapjar_header *previous, snapjar_error *err)
{
    const snapjar_header *header = next->header;

    SJ_TRY(sj_header_check_stream(header, previous, err));
    if (!header->is_sealed_stream || !is_same_stream(header, previous) || is_previous(header, previous))
        return SNAPJAR_OK;
    return sj_raise(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_STREAM_BROKEN,
                    SJ_AT_FILE(sj_header_field_offset(header, "stream", "previous")),
                    "stream.previous is not the digest of the header before");
}

static snapjar_status raise_foreign(const snapjar_header *header, const char *key, const char *what, snapjar_error *err)
{
    return sj_raise(err, SNAPJAR_BAD_SEAL, SNAPJAR_DIAG_SEAL_RECORD_FOREIGN,
                    SJ_AT_FILE(sj_header_field_offset(header, "stream", key)), "%s", what);
}

snapjar_status sj_record_check_order(const sj_record *next, const snapjar_header *previous, snapjar_error *err)
{
    const snapjar_header *header = next->header;
    uint64_t wanted = previous ? previous->stream_index + 1 : 0;

    if (previous && (!previous->has_stream || !header->has_stream))
        return sj_raise(
            err, SNAPJAR_BAD_SEAL, SNAPJAR_DIAG_SEAL_RECORD_FOREIGN, SJ_AT_FILE(next->offset),
            "the record was sealed alone, or the one before it was: neither says that they belong together");
    if (previous && !is_same_stream(header, previous))
        return raise_foreign(header, "id", "stream.id is not that of the record before", err);
    if (!header->has_stream || (header->stream_index == wanted && !previous))
        return SNAPJAR_OK;
    if (header->stream_index != wanted) {
        bool is_ahead = header->stream_index > wanted;
        return sj_raise(err, SNAPJAR_BAD_SEAL,
                        is_ahead ? SNAPJAR_DIAG_SEAL_RECORDS_MISSING : SNAPJAR_DIAG_SEAL_RECORDS_REPEATED,
                        SJ_AT_FILE(sj_header_field_offset(header, "stream", "index")),
                        "stream.index is %" PRIu64 " where %" PRIu64 " must stand", header->stream_index, wanted);
    }
    if (!header->is_sealed_stream || !is_previous(header, previous))
        return raise_foreign(header, "previous", "stream.previous is not the digest of the header before", err);
    return SNAPJAR_OK;
}

void sj_record_clear(sj_record *record)
{
    sj_header_free(record->header);
    record->header = NULL;
}

static snapjar_status check_end(const sj_record *record, snapjar_source *source, uint64_t source_size,
                                snapjar_error *err)
{
    uint8_t stored[SJ_TRAILER_SIZE];
    uint8_t wanted[SJ_TRAILER_SIZE];
    uint64_t trailer_at = record->offset + record->size - SJ_TRAILER_SIZE;

    if (record->offset + record->size > source_size)
        return sj_raise(err, SNAPJAR_CUT_SHORT, SNAPJAR_DIAG_RECORD_CUT_SHORT, SJ_AT_FILE(source_size),
                        "the file ends after %" PRIu64 " of the record's %" PRIu64 " bytes",
                        source_size - record->offset, record->size);
    SJ_TRY(sj_source_read_exact(source, stored, sizeof(stored), trailer_at, SNAPJAR_DIAG_RECORD_CUT_SHORT, err));
    sj_trailer_write(wanted, record->size, record->header->prefix.checksum);
    if (memcmp(stored, wanted, sizeof(stored)) != 0)
        return sj_raise(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_TRAILER_DAMAGED, SJ_AT_FILE(trailer_at),
                        "the trailer does not say %" PRIu64 " bytes and the start of the header's checksum",
                        record->size);
    return SNAPJAR_OK;
}

snapjar_status sj_record_check_end(const sj_record *record, snapjar_source *source, uint64_t source_size,
                                   snapjar_error *err)
{
    snapjar_status status = check_end(record, source, source_size, err);
    if (status != SNAPJAR_OK && err)
        err->record_index = record->index;
    return status;
}

snapjar_status sj_record_find_last(uint64_t *offset, snapjar_source *source, uint64_t source_size, snapjar_error *err)
{
    uint8_t trailer[SJ_TRAILER_SIZE];
    uint64_t record_size = 0;

    *offset = 0;
    if (source_size >= SJ_PREFIX_SIZE + SJ_TRAILER_SIZE) {
        SJ_TRY(sj_source_read_exact(source, trailer, sizeof(trailer), source_size - SJ_TRAILER_SIZE,
                                    SNAPJAR_DIAG_RECORD_CUT_SHORT, err));
        record_size = sj_trailer_record_size(trailer);
    }
    if (record_size < SJ_PREFIX_SIZE + SJ_TRAILER_SIZE || record_size > source_size)
        return sj_raise(err, SNAPJAR_CUT_SHORT, SNAPJAR_DIAG_TAIL_TORN, SJ_AT_FILE(source_size),
                        "the file's last %d bytes are no trailer of a record", SJ_TRAILER_SIZE);
    *offset = source_size - record_size;
    return SNAPJAR_OK;
}
