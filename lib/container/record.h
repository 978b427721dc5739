/* SPDX-License-Identifier: MIT
 *
 * Where a record's parts stand in a source, and reading the two small ones: header frame and trailer. The payload is
 * payload.h's.
 */
#ifndef SJ_CONTAINER_RECORD_H
#define SJ_CONTAINER_RECORD_H

#include "header/header.h"
#include "seal/check.h"
#include "util/io.h"

typedef struct sj_record {
    snapjar_header *header;
    uint64_t index;
    /** File offset of the header frame, and of the payload behind it. */
    uint64_t offset;
    uint64_t payload_offset;
    /** Bytes of the whole record. */
    uint64_t size;
    /** The key whose signature was accepted, if a seal was demanded; and what it signed of the payload. */
    const sj_trusted *sealed_by;
    uint8_t payload_digest[SJ_BLAKE_SIZE];
} sj_record;

/**
 * Reads and checks the header at `offset` of a source of `source_size` bytes, of which `offset` is less. No payload
 * byte is read. On failure `record->header` is NULL. Free with sj_record_clear.
 */
snapjar_status sj_record_read(sj_record *record, snapjar_context *context, snapjar_source *source, uint64_t source_size,
                              uint64_t offset, uint64_t index, const snapjar_limits *limits, snapjar_error *err);

/** The same, with the header's part of a seal checked before the JSON is looked at. `demand` may be NULL. */
snapjar_status sj_record_read_sealed(sj_record *record, snapjar_context *context, snapjar_source *source,
                                     uint64_t source_size, uint64_t offset, uint64_t index,
                                     const snapjar_limits *limits, const sj_demand *demand, snapjar_error *err);

/** BLAKE2b-256 of a header as it is signed. */
void sj_record_header_digest(uint8_t out[SJ_BLAKE_SIZE], const snapjar_header *header);

/** Whether `next` may follow `previous` in a file, as the format demands of any file. */
snapjar_status sj_record_check_stream(const sj_record *next, const snapjar_header *previous, snapjar_error *err);

/** The same where seals are demanded; `previous` is NULL for the first record of the file. */
snapjar_status sj_record_check_order(const sj_record *next, const snapjar_header *previous, snapjar_error *err);

/** Checks that the record ends inside the source, and its trailer: record-cut-short, trailer-damaged. */
snapjar_status sj_record_check_end(const sj_record *record, snapjar_source *source, uint64_t source_size,
                                   snapjar_error *err);

void sj_record_clear(sj_record *record);

/** Where the last record begins, by the trailer at the end; tail-torn if there is none. Only the trailer is checked. */
snapjar_status sj_record_find_last(uint64_t *offset, snapjar_source *source, uint64_t source_size, snapjar_error *err);

#endif
