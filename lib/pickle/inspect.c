/* SPDX-License-Identifier: MIT
 *
 * A scan as long as it goes, then the lexer. Where a scan fails inside a chunk, that chunk is lexed again from its
 * start, with the state that the scan's own lexer had there.
 */
#include "pickle/inspect.h"

#include <string.h>

#include "pickle/scan.h"

static uint64_t line_size_max(const snapjar_limits *limits)
{
    return limits != NULL && limits->pickle_line_size_max != 0 ? limits->pickle_line_size_max
                                                               : SNAPJAR_PICKLE_LINE_SIZE_DEFAULT;
}

void sj_inspect_begin(sj_inspection *inspection, snapjar_scan *scan, const sj_inspect_options *options)
{
    memset(inspection, 0, sizeof *inspection);
    inspection->scan = scan;
    sj_measure_init(&inspection->measure, options->limits, options->base_offset);
    if (scan != NULL)
        sj_scan_begin(scan, options->base_offset, options->string_encoding, line_size_max(options->limits));
}

/** Before a chunk: what a walk by the lexer alone would know here. */
static void follow(sj_measure *measure, const sj_machine *machine)
{
    const uint64_t line_max = measure->lexer.line_size_max;
    measure->lexer = machine->lexer;
    measure->lexer.line_size_max = line_max;
    measure->extent.opcode_count = machine->opcode_count;
    measure->extent.buffer_count = machine->summary.buffers.count;
    measure->extent.protocol = machine->summary.protocol;
    measure->has_protocol = machine->has_protocol;
    measure->protocol_bits = machine->protocol_bits;
}

/** Feeds the scan; lets go of it if it gives up. Fails only for want of memory. */
static snapjar_status feed_scan(sj_inspection *inspection, const uint8_t *bytes, size_t size, size_t *consumed,
                                snapjar_error *err)
{
    snapjar_scan *scan = inspection->scan;
    const snapjar_scan_summary *summary = &scan->machine.summary;
    const snapjar_status status = snapjar_scan_feed(scan, bytes, size, consumed, NULL);
    if (status == SNAPJAR_NO_MEMORY && err != NULL)
        *err = scan->failure;
    if (status != SNAPJAR_OK) {
        inspection->scan = NULL;
        return status == SNAPJAR_NO_MEMORY ? status : SNAPJAR_OK;
    }
    inspection->is_done = summary->is_complete;
    inspection->extent =
        (snapjar_pickle_extent){summary->size, scan->machine.opcode_count, summary->buffers.count, summary->protocol};
    return SNAPJAR_OK;
}

static snapjar_status feed_lexer(sj_inspection *inspection, const uint8_t *bytes, size_t size, size_t *consumed,
                                 snapjar_error *err)
{
    SJ_TRY(sj_measure_feed(&inspection->measure, bytes, size, consumed, err));
    inspection->is_done = sj_measure_is_done(&inspection->measure);
    inspection->extent = inspection->measure.extent;
    return SNAPJAR_OK;
}

snapjar_status sj_inspect_feed(sj_inspection *inspection, const void *bytes, size_t size, size_t *consumed,
                               snapjar_error *err)
{
    const uint8_t *at = bytes;
    *consumed = 0;
    while (*consumed < size && !inspection->is_done) {
        const size_t piece = (size_t)sj_min(size - *consumed, SJ_CHUNK_SIZE_MAX);
        size_t taken = 0;
        if (inspection->scan != NULL) {
            /* A scan that waits for its first bytes knows what the lexer knows: nothing. */
            if (!sj_scan_is_waiting(inspection->scan))
                follow(&inspection->measure, &inspection->scan->machine);
            SJ_TRY(feed_scan(inspection, at + *consumed, piece, &taken, err));
        }
        if (inspection->scan == NULL)
            SJ_TRY(feed_lexer(inspection, at + *consumed, piece, &taken, err));
        *consumed += taken;
    }
    return SNAPJAR_OK;
}

snapjar_status sj_inspect_finish(sj_inspection *inspection, snapjar_error *err)
{
    if (inspection->is_done)
        return SNAPJAR_OK;
    return inspection->scan != NULL ? snapjar_scan_finish(inspection->scan, 0, err)
                                    : sj_measure_finish(&inspection->measure, err);
}
