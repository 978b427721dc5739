/* SPDX-License-Identifier: MIT
 *
 * The public way to read snapshots: records one after another, and their content through the gate.
 */
#include <inttypes.h>

#include "container/pool.h"
#include "pickle/inband.h"
#include "snapshot/content.h"
#include "snapshot/contract_gate.h"
#include "snapshot/demand.h"
#include "snapshot/gate.h"
#include "util/options.h"

snapjar_status snapjar_reader_new(snapjar_reader **out, snapjar_context *context, snapjar_source *source,
                                  const snapjar_limits *limits, snapjar_error *err)
{
    *out = NULL;
    if (!context || !source)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE,
                        "a reader needs a context and a source");
    snapjar_reader *reader = sj_alloc_zero(context, sizeof(*reader));
    if (!reader)
        return sj_raise_no_memory(err, sizeof(*reader));
    snapjar_status status = sj_limits_resolve(&reader->limits, limits, err);
    if (status != SNAPJAR_OK) {
        sj_free(context, reader);
        return status;
    }
    reader->context = context;
    reader->source = source;
    *out = reader;
    return SNAPJAR_OK;
}

static void drop_record(snapjar_reader *reader)
{
    if (reader->has_record)
        sj_record_clear(&reader->record.inner);
    reader->has_record = false;
}

void snapjar_reader_free(snapjar_reader *reader)
{
    if (!reader)
        return;
    drop_record(reader);
    sj_header_free(reader->previous);
    sj_demand_clear(reader);
    sj_free(reader->context, reader);
}

/* Moves on from the current record, whose trailer is checked; it is kept if that fails. */
static snapjar_status leave_record(snapjar_reader *reader, uint64_t source_size, snapjar_error *err)
{
    sj_record *record = &reader->record.inner;

    SJ_TRY(sj_record_check_end(record, reader->source, source_size, err));
    reader->next_offset = record->offset + record->size;
    reader->next_index = record->index + 1;
    sj_header_free(reader->previous);
    reader->previous = record->header;
    record->header = NULL;
    reader->has_record = false;
    return SNAPJAR_OK;
}

/* What is no snapshot by its first bytes is refused before an endless input is read to its end. */
static snapjar_status look_ahead(const snapjar_reader *reader, snapjar_error *err)
{
    uint8_t first[SJ_PREFIX_LOOK_SIZE];
    sj_prefix prefix;
    size_t size = 0;

    SJ_TRY(snapjar_source_read_at(reader->source, first, sizeof(first), 0, &size, err));
    snapjar_status status = size ? sj_prefix_read(&prefix, first, size, 0, true, err) : SNAPJAR_OK;
    if (status != SNAPJAR_OK && err)
        err->record_index = 0;
    return status;
}

/* Whether the record may stand where it does. */
static snapjar_status check_order(const snapjar_reader *reader, const sj_record *next, snapjar_error *err)
{
    /* A detached seal lists all records of the file, and their order. */
    if (reader->demand.trust && !reader->demand.detached && (reader->previous || !next->offset))
        return sj_record_check_order(next, reader->previous, err);
    return reader->previous ? sj_record_check_stream(next, reader->previous, err) : SNAPJAR_OK;
}

snapjar_status snapjar_reader_next(snapjar_reader *reader, const snapjar_record **out, snapjar_error *err)
{
    const sj_record *current = &reader->record.inner;
    sj_record next;

    *out = NULL;
    if (sj_source_is_unread(reader->source))
        SJ_TRY(look_ahead(reader, err));
    /* Somebody may append while we read. Within what is known to be there, the size need not be asked for again. */
    if (!reader->has_record || current->offset + current->size > reader->source_size)
        SJ_TRY(snapjar_source_size(reader->source, &reader->source_size, err));
    if (!reader->source_size)
        return sj_raise(err, SNAPJAR_CUT_SHORT, SNAPJAR_DIAG_EMPTY_FILE, SJ_AT_FILE(0), "the file is empty");
    if (reader->has_record)
        SJ_TRY(leave_record(reader, reader->source_size, err));
    if (reader->next_offset >= reader->source_size)
        return sj_demand_end(reader, err);
    SJ_TRY(sj_record_read_sealed(&next, reader->context, reader->source, reader->source_size, reader->next_offset,
                                 reader->next_index, &reader->limits, reader->demand.trust ? &reader->demand : NULL,
                                 err));
    snapjar_status status = check_order(reader, &next, err);
    if (status != SNAPJAR_OK) {
        sj_record_clear(&next);
        if (err)
            err->record_index = reader->next_index;
        return status;
    }
    reader->record.inner = next;
    reader->has_record = true;
    *out = &reader->record;
    return SNAPJAR_OK;
}

void snapjar_reader_seek(snapjar_reader *reader, uint64_t file_offset, uint64_t index)
{
    drop_record(reader);
    sj_header_free(reader->previous);
    reader->previous = NULL;
    reader->next_offset = file_offset;
    reader->next_index = index;
}

snapjar_status snapjar_reader_seek_last(snapjar_reader *reader, snapjar_error *err)
{
    uint64_t source_size = 0;
    uint64_t offset = 0;

    SJ_TRY(snapjar_source_size(reader->source, &source_size, err));
    SJ_TRY(sj_record_find_last(&offset, reader->source, source_size, err));
    const snapjar_detached *detached = reader->demand.detached;
    snapjar_reader_seek(reader, offset, detached && detached->count ? detached->count - 1 : 0);
    return SNAPJAR_OK;
}

const snapjar_header *snapjar_record_header(const snapjar_record *record)
{
    return record->inner.header;
}

uint64_t snapjar_record_index(const snapjar_record *record)
{
    return record->inner.index;
}

uint64_t snapjar_record_offset(const snapjar_record *record)
{
    return record->inner.offset;
}

uint64_t snapjar_record_size(const snapjar_record *record)
{
    return record->inner.size;
}

uint64_t snapjar_record_payload_offset(const snapjar_record *record)
{
    return record->inner.payload_offset;
}

snapjar_status snapjar_record_verify(snapjar_reader *reader, const snapjar_check_options *options,
                                     snapjar_verification *result, snapjar_error *err)
{
    snapjar_check_options resolved;

    if (result)
        *result = (snapjar_verification){0};
    SJ_TRY(sj_options_read(&resolved, sizeof(resolved), options, "snapjar_check_options", err));
    return sj_gate_pass(&(sj_gate){.reader = reader, .options = &resolved, .is_check = true}, result, err);
}

static snapjar_status write_to_sink(void *state, const void *bytes, size_t size, snapjar_error *err)
{
    return snapjar_sink_write(state, bytes, size, err);
}

/* The buffers go back into the pickle: both must be in memory. */
static snapjar_status unpack_inband(snapjar_reader *reader, snapjar_sink *sink, const snapjar_check_options *options,
                                    snapjar_error *err)
{
    snapjar_content *content = NULL;
    size_t count = 0;

    SJ_TRY(snapjar_record_load(reader, &content, options, err));
    const snapjar_buffer_span *spans = snapjar_content_buffers(content, &count);
    sj_inband_buffer *buffers = sj_alloc(reader->context, count * sizeof(*buffers));
    snapjar_status status = buffers ? SNAPJAR_OK : sj_raise_no_memory(err, count * sizeof(*buffers));
    if (status == SNAPJAR_OK) {
        for (size_t i = 0; i < count; i++)
            buffers[i] = (sj_inband_buffer){content->bytes + spans[i].offset, spans[i].size};
        status =
            sj_inband_write(content->bytes, (size_t)content->pickle_size, buffers, count, write_to_sink, sink, err);
    }
    sj_free(reader->context, buffers);
    snapjar_content_free(content);
    return status;
}

snapjar_status snapjar_record_unpack(snapjar_reader *reader, snapjar_sink *sink, const snapjar_check_options *options,
                                     snapjar_error *err)
{
    snapjar_check_options resolved;
    const sj_record *record = NULL;

    SJ_TRY(sj_options_read(&resolved, sizeof(resolved), options, "snapjar_check_options", err));
    resolved.stored_only = false;
    SJ_TRY(sj_gate_record(&record, reader, err));
    if (record->header->buffer_count || resolved.contract)
        return unpack_inband(reader, sink, &resolved, err);
    if (sj_sink_is_transactional(sink))
        return sj_gate_pass(&(sj_gate){.reader = reader, .options = &resolved, .sink = sink}, NULL, err);
    sj_spool *spool = sj_pool_spool(reader->context, err);
    if (!spool)
        return SNAPJAR_NO_MEMORY;
    SJ_TRY(sj_gate_pass(&(sj_gate){.reader = reader, .options = &resolved, .spool = spool}, NULL, err));
    return sj_spool_copy_to(spool, sink, err);
}

static snapjar_status allocate_content(void *state, uint8_t **bytes, snapjar_error *err)
{
    return sj_content_allocate(state, bytes, err);
}

snapjar_status snapjar_record_load(snapjar_reader *reader, snapjar_content **out, const snapjar_check_options *options,
                                   snapjar_error *err)
{
    snapjar_check_options resolved;
    const sj_record *record = NULL;

    *out = NULL;
    SJ_TRY(sj_options_read(&resolved, sizeof(resolved), options, "snapjar_check_options", err));
    resolved.stored_only = false;
    SJ_TRY(sj_gate_record(&record, reader, err));
    snapjar_content *content = NULL;
    SJ_TRY(sj_content_new(&content, reader->context, record->header->size, record->header->pickle_size, err));
    sj_gate gate = {.reader = reader, .options = &resolved, .prepare = allocate_content, .prepare_state = content};
    content->schema_version = record->header->schema_version;
    snapjar_status status = resolved.contract ? sj_contract_load(&gate, &content, err) : sj_gate_pass(&gate, NULL, err);
    if (status == SNAPJAR_OK && !content->buffers)
        status = sj_content_set_buffers(content, record->header->buffers, record->header->buffer_count, err);
    if (status != SNAPJAR_OK) {
        snapjar_content_free(content);
        return status;
    }
    *out = content;
    return SNAPJAR_OK;
}
