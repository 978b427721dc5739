/* SPDX-License-Identifier: MIT
 *
 * Reading a record's header frame and trailer.
 */
#include "container/record.h"

#include <inttypes.h>
#include <string.h>

#include "container/pool.h"
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
                              const snapjar_limits *limits, snapjar_error *err)
{
    uint8_t first[SJ_PREFIX_LOOK_SIZE];
    const uint8_t *frame = NULL;
    sj_prefix prefix;
    size_t first_size = 0;

    SJ_TRY(snapjar_source_read_at(source, first, sizeof(first), record->offset, &first_size, err));
    SJ_TRY(sj_prefix_read(&prefix, first, first_size, record->offset, record->offset == 0, err));
    SJ_TRY(read_frame(&frame, context, source, source_size, record->offset, first, &prefix, err));
    SJ_TRY(sj_prefix_check(&prefix, frame, record->offset, err));
    SJ_TRY(sj_header_parse(&record->header, context, &prefix, frame, record->offset, limits, err));
    record->payload_offset = record->offset + sj_prefix_frame_size(&prefix);
    return check_total(record, err);
}

snapjar_status sj_record_read(sj_record *record, snapjar_context *context, snapjar_source *source, uint64_t source_size,
                              uint64_t offset, uint64_t index, const snapjar_limits *limits, snapjar_error *err)
{
    *record = (sj_record){.offset = offset, .index = index};
    snapjar_status status = read_at(record, context, source, source_size, limits, err);
    if (status != SNAPJAR_OK) {
        sj_record_clear(record);
        if (err)
            err->record_index = index;
    }
    return status;
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
