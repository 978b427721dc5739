/* SPDX-License-Identifier: MIT
 *
 * Checking content as it is decompressed.
 */
#include "snapshot/gate.h"

#include <inttypes.h>

#include "container/payload.h"
#include "pickle/inspect.h"
#include "pickle/scan.h"
#include "snapshot/analysis.h"
#include "util/bytes.h"
#include "util/pipeline.h"

/* Follows the content from its first byte to its last. */
typedef struct checker {
    const sj_gate *gate;
    const snapjar_header *header;
    /** Workers put the content into the sink. */
    bool is_placed;
    sj_inspection inspection;
    uint64_t at;
    /** The buffer that is next, or that we are in. */
    size_t buffer;
    /** The first fault of the content, which waits until the content checksum is known to hold. */
    snapjar_status fault_status;
    snapjar_error fault;
} checker;

/* Several workers write the frames they decompressed themselves, if they can: what comes out of a bad record never gets
 * a name. */
static bool is_placed(const sj_gate *gate, const snapjar_header *header)
{
    return gate->sink && gate->options->threads > 1 && header->size > header->frame_size &&
           sj_sink_can_skip(gate->sink);
}

static snapjar_status place(void *state, const uint8_t *bytes, size_t size, uint64_t offset, snapjar_error *err)
{
    return sj_sink_place(((const checker *)state)->gate->sink, bytes, size, offset, err);
}

static snapjar_status give_out(const checker *c, const uint8_t *bytes, size_t size, snapjar_error *err)
{
    const sj_gate *gate = c->gate;

    if (gate->sink && !c->is_placed)
        SJ_TRY(snapjar_sink_write(gate->sink, bytes, size, err));
    if (gate->spool)
        SJ_TRY(sj_spool_write(gate->spool, bytes, size, err));
    return SNAPJAR_OK;
}

static snapjar_status check_pickle(checker *c, const uint8_t *bytes, size_t size, snapjar_error *err)
{
    size_t consumed = 0;

    SJ_TRY(sj_inspect_feed(&c->inspection, bytes, size, &consumed, err));
    if (sj_inspect_is_done(&c->inspection) && c->at + consumed != c->header->pickle_size)
        return sj_raise(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_PICKLE_SIZE_MISMATCH, SJ_AT_CONTENT(c->at + consumed),
                        "the pickle ends after %" PRIu64 " bytes, payload.pickle_size is %" PRIu64, c->at + consumed,
                        c->header->pickle_size);
    if (c->at + size == c->header->pickle_size && !sj_inspect_is_done(&c->inspection))
        return sj_raise(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_PICKLE_SIZE_MISMATCH, SJ_AT_CONTENT(c->header->pickle_size),
                        "the pickle has no STOP within payload.pickle_size %" PRIu64 " bytes", c->header->pickle_size);
    return SNAPJAR_OK;
}

/* Behind the pickle: buffers are anything, what is between them is zero. */
static snapjar_status check_behind(checker *c, const uint8_t *bytes, size_t size, size_t *checked, snapjar_error *err)
{
    const snapjar_buffer_span *span = &c->header->buffers[c->buffer];
    uint64_t end = span->offset + span->size;

    if (c->at >= span->offset) {
        *checked = (size_t)sj_min(size, end - c->at);
        if (c->at + *checked == end)
            c->buffer++;
        return SNAPJAR_OK;
    }
    *checked = (size_t)sj_min(size, span->offset - c->at);
    for (size_t i = 0; i < *checked; i++) {
        if (bytes[i])
            return sj_raise(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_PADDING_NOT_ZERO, SJ_AT_CONTENT(c->at + i),
                            "byte 0x%02x in the padding before out-of-band buffer %zu", bytes[i], c->buffer);
    }
    return SNAPJAR_OK;
}

static snapjar_status check_content(checker *c, const uint8_t *bytes, size_t size, snapjar_error *err)
{
    while (size > 0) {
        size_t step = size;
        if (c->at < c->header->pickle_size) {
            step = (size_t)sj_min(size, c->header->pickle_size - c->at);
            SJ_TRY(check_pickle(c, bytes, step, err));
        } else if (c->buffer < c->header->buffer_count) {
            /* A buffer of no bytes takes a turn that checks none. */
            SJ_TRY(check_behind(c, bytes, size, &step, err));
        }
        bytes += step;
        size -= step;
        c->at += step;
    }
    return SNAPJAR_OK;
}

/* What is wrong with the content comes after its checksum in the gate, but is found while the bytes go by. */
static snapjar_status consume(void *state, const uint8_t *bytes, size_t size, snapjar_error *err)
{
    checker *c = state;

    if (c->fault_status != SNAPJAR_OK)
        return SNAPJAR_OK;
    snapjar_status status = check_content(c, bytes, size, &c->fault);
    switch (status) {
    case SNAPJAR_OK:
        return give_out(c, bytes, size, err);
    case SNAPJAR_DAMAGED:
    case SNAPJAR_CUT_SHORT:
    case SNAPJAR_UNSUPPORTED:
    case SNAPJAR_LIMIT:
        c->fault_status = status;
        return SNAPJAR_OK;
    default:
        if (err)
            *err = c->fault;
        return status;
    }
}

static snapjar_status prepare(void *state, uint8_t **content, snapjar_error *err)
{
    const sj_gate *gate = ((const checker *)state)->gate;

    return gate->prepare(gate->prepare_state, content, err);
}

static snapjar_status check_claims(const checker *c, snapjar_error *err)
{
    const snapjar_pickle_extent *extent = &c->inspection.extent;

    if (extent->protocol != c->header->protocol)
        return sj_raise(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_PICKLE_PROTOCOL_MISMATCH, SJ_AT_CONTENT(0),
                        "the pickle is of protocol %d, payload.protocol is %d", extent->protocol, c->header->protocol);
    if (extent->buffer_count != c->header->buffer_count)
        return sj_raise(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_PICKLE_BUFFERS_MISMATCH, SJ_AT_CONTENT(0),
                        "the pickle asks for %" PRIu64 " out-of-band buffers, payload.buffers has %zu",
                        extent->buffer_count, c->header->buffer_count);
    return SNAPJAR_OK;
}

static snapjar_status check_limits(const snapjar_reader *reader, const sj_record *record, snapjar_error *err)
{
    if (record->header->size <= reader->limits.content_size_max)
        return SNAPJAR_OK;
    return sj_raise(err, SNAPJAR_LIMIT, SNAPJAR_DIAG_CONTENT_TOO_LARGE,
                    SJ_AT_FILE(sj_header_field_offset(record->header, "payload", "size")),
                    "payload.size %" PRIu64 " exceeds the limit of %" PRIu64, record->header->size,
                    reader->limits.content_size_max);
}

static snapjar_status pass(const sj_gate *gate, const sj_record *record, snapjar_scan *scan,
                           snapjar_verification *result, snapjar_error *err)
{
    snapjar_reader *reader = gate->reader;
    const snapjar_check_options *options = gate->options;
    checker c = {.gate = gate, .header = record->header, .is_placed = is_placed(gate, record->header)};
    sj_payload_reading reading = {
        .context = reader->context,
        .source = reader->source,
        .record = record,
        .threads = options->threads,
        .prepare = gate->prepare ? prepare : NULL,
        .consume = consume,
        .place = c.is_placed ? place : NULL,
        .state = &c,
        .progress = options->progress,
        .progress_state = options->progress_state,
        .digest = record->sealed_by ? record->payload_digest : NULL,
    };
    uint64_t source_size = 0;

    sj_inspect_begin(&c.inspection, scan, &(sj_inspect_options){0, record->header->string_encoding, &reader->limits});
    SJ_TRY(check_limits(reader, record, err));
    SJ_TRY(snapjar_source_size(reader->source, &source_size, err));
    SJ_TRY(sj_record_check_end(record, reader->source, source_size, err));
    if (options->stored_only)
        return sj_payload_check_stored(&reading, &result->frame_count, err);
    if (c.is_placed)
        SJ_TRY(sj_sink_skip(gate->sink, record->header->size, err));
    SJ_TRY(sj_payload_read(&reading, &result->frame_count, err));
    if (c.fault_status != SNAPJAR_OK) {
        if (err)
            *err = c.fault;
        return c.fault_status;
    }
    result->opcode_count = c.inspection.extent.opcode_count;
    SJ_TRY(check_claims(&c, err));
    if (!scan)
        return SNAPJAR_OK;
    scan->has_buffers = record->header->buffer_count > 0;
    return sj_analysis_judge(scan, options->policy, result, err);
}

/* What is judged and not allowed is handed out to nobody. */
static snapjar_status check_verdict(const sj_gate *gate, const snapjar_verification *result, snapjar_error *err)
{
    if (gate->is_check || !gate->options->policy || result->is_allowed)
        return SNAPJAR_OK;
    if (err)
        *err = result->reason;
    return result->reason.status;
}

static snapjar_status check_options(const sj_gate *gate, const snapjar_verification *result, snapjar_error *err)
{
    const snapjar_check_options *options = gate->options;

    if (options->threads > SJ_THREADS_MAX)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE,
                        "threads %u exceeds %u", options->threads, SJ_THREADS_MAX);
    if (gate->is_check && options->policy && (!result || options->stored_only))
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE, "a policy needs %s",
                        result ? "the content: stored_only is set" : "a result");
    return SNAPJAR_OK;
}

/* The scan that the pickle goes through; NULL if nobody wants it to. */
static snapjar_status choose_scan(const sj_gate *gate, snapjar_scan **scan, snapjar_error *err)
{
    const snapjar_check_options *options = gate->options;

    *scan = options->scan;
    if (*scan || options->stored_only || (!gate->is_check && !options->policy))
        return SNAPJAR_OK;
    *scan = sj_analysis_scan(gate->reader->context, err);
    return *scan ? SNAPJAR_OK : SNAPJAR_NO_MEMORY;
}

snapjar_status sj_gate_pass(const sj_gate *gate, snapjar_verification *result, snapjar_error *err)
{
    const sj_record *record = NULL;
    snapjar_scan *scan = NULL;
    snapjar_verification own = {0};
    snapjar_error failure;

    SJ_TRY(sj_gate_record(&record, gate->reader, err));
    SJ_TRY(check_options(gate, result, err));
    SJ_TRY(choose_scan(gate, &scan, err));
    snapjar_status status = pass(gate, record, scan, &own, &failure);
    if (status == SNAPJAR_OK)
        status = check_verdict(gate, &own, &failure);
    else if (scan)
        sj_scan_fail(scan, &failure);
    if (status != SNAPJAR_OK)
        own = (snapjar_verification){0};
    else if (own.reason.status != SNAPJAR_OK)
        own.reason.record_index = record->index;
    if (status != SNAPJAR_OK && err) {
        *err = failure;
        err->record_index = record->index;
    }
    if (result)
        *result = own;
    /* A caller's scan may be the kept one, too: then it is the caller who is done with it. */
    if (scan != gate->options->scan)
        sj_analysis_done(gate->reader->context);
    return status;
}

snapjar_status sj_gate_record(const sj_record **record, const snapjar_reader *reader, snapjar_error *err)
{
    *record = &reader->record.inner;
    if (reader->has_record)
        return SNAPJAR_OK;
    return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE,
                    "the reader has no current record: call snapjar_reader_next first");
}
