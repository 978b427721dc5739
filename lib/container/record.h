/* SPDX-License-Identifier: MIT
 *
 * Where a record's parts stand in a source, and reading the two small ones: header frame and trailer. The payload is
 * payload.h's.
 */
#ifndef SJ_CONTAINER_RECORD_H
#define SJ_CONTAINER_RECORD_H

#include "header/header.h"
#include "util/io.h"

typedef struct sj_record {
    snapjar_header *header;
    uint64_t index;
    /** File offset of the header frame, and of the payload behind it. */
    uint64_t offset;
    uint64_t payload_offset;
    /** Bytes of the whole record. */
    uint64_t size;
} sj_record;

/**
 * Reads and checks the header at `offset` of a source of `source_size` bytes, of which `offset` is less. No payload
 * byte is read. On failure `record->header` is NULL. Free with sj_record_clear.
 */
snapjar_status sj_record_read(sj_record *record, snapjar_context *context, snapjar_source *source, uint64_t source_size,
                              uint64_t offset, uint64_t index, const snapjar_limits *limits, snapjar_error *err);

/** Checks that the record ends inside the source, and its trailer: record-cut-short, trailer-damaged. */
snapjar_status sj_record_check_end(const sj_record *record, snapjar_source *source, uint64_t source_size,
                                   snapjar_error *err);

void sj_record_clear(sj_record *record);

/** Where the last record begins, by the trailer at the end; tail-torn if there is none. Only the trailer is checked. */
snapjar_status sj_record_find_last(uint64_t *offset, snapjar_source *source, uint64_t source_size, snapjar_error *err);

#endif
