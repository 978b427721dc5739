/* SPDX-License-Identifier: MIT
 *
 * Loading a record for a program that has a contract: the gate's own checks, and then the migration in memory.
 */
#include <string.h>

#include "container/payload.h"
#include "migrate/chain.h"
#include "pickle/inspect.h"
#include "pickle/scan.h"
#include "snapshot/analysis.h"
#include "snapshot/content.h"
#include "snapshot/contract_gate.h"
#include "util/bytes.h"

typedef struct loading {
    const sj_gate *gate;
    const snapjar_header *header;
    sj_contract_way way;
    snapjar_scan *scan;
    snapjar_sink *emitted;
    snapjar_graph *graph;
} loading;

static snapjar_status find_way(loading *l, snapjar_error *err)
{
    const sj_record *record = &l->gate->reader->record.inner;
    snapjar_error fault;

    snapjar_status status =
        sj_contract_way_find(&l->way, l->gate->options->contract, l->header->type, l->header->schema_version, &fault);
    if (status == SNAPJAR_OK)
        return status;
    bool is_type = fault.diagnostic == SNAPJAR_DIAG_UNEXPECTED_TYPE;
    uint64_t at = sj_header_field_offset(l->header, NULL, is_type ? "type" : "schema_version");
    (void)sj_raise(err, status, fault.diagnostic, SJ_AT_FILE(at), "%s", fault.message);
    if (err)
        err->record_index = record->index;
    return status;
}

/* Scans what was emitted, so that whoever gets the scan knows what is handed out. */
static snapjar_status scan_emitted(loading *l, const void *bytes, size_t size, snapjar_error *err)
{
    sj_inspection inspection;
    size_t consumed = 0;
    int protocol = sj_contract_protocol(&l->way, l->header->protocol);
    snapjar_string_encoding encoding = protocol < 3 ? l->header->string_encoding : SNAPJAR_STRING_ASCII;

    sj_inspect_begin(&inspection, l->scan, &(sj_inspect_options){0, encoding, &l->gate->reader->limits});
    SJ_TRY(sj_inspect_feed(&inspection, bytes, size, &consumed, err));
    l->scan->has_buffers = l->header->buffer_count > 0;
    return sj_contract_judge_made(&l->way, l->scan, l->gate->options->policy, err);
}

/* The new pickle, and behind it the old buffers, each at its place. */
static snapjar_status join(const loading *l, const snapjar_content *old, const void *bytes, size_t size,
                           snapjar_content **out, snapjar_error *err)
{
    const snapjar_header *header = l->header;
    snapjar_content *content = NULL;
    uint8_t *to = NULL;
    uint64_t end = size;

    SJ_TRY(sj_content_new(&content, old->context, size, size, err));
    snapjar_status status = sj_content_set_buffers(content, header->buffers, header->buffer_count, err);
    for (size_t i = 0; status == SNAPJAR_OK && i < content->buffer_count; i++) {
        content->buffers[i].offset = sj_round_up(end, SNAPJAR_BUFFER_ALIGNMENT);
        end = content->buffers[i].offset + content->buffers[i].size;
    }
    content->size = end;
    content->schema_version = l->way.to;
    if (status == SNAPJAR_OK)
        status = sj_content_allocate(content, &to, err);
    if (status != SNAPJAR_OK) {
        snapjar_content_free(content);
        return status;
    }
    memcpy(to, bytes, size);
    end = size;
    for (size_t i = 0; i < content->buffer_count; i++) {
        const snapjar_buffer_span *span = &content->buffers[i];
        memset(to + end, 0, (size_t)(span->offset - end));
        if (span->size)
            memcpy(to + span->offset, old->bytes + header->buffers[i].offset, (size_t)span->size);
        end = span->offset + span->size;
    }
    *out = content;
    return SNAPJAR_OK;
}

static snapjar_status migrate(loading *l, snapjar_content **content, snapjar_error *err)
{
    snapjar_graph_options options = SNAPJAR_GRAPH_OPTIONS_INIT;
    snapjar_context *context = l->gate->reader->context;
    snapjar_content *made = NULL;
    size_t size = 0;

    options.string_encoding = l->header->string_encoding;
    options.line_size_max = l->gate->reader->limits.pickle_line_size_max;
    SJ_TRY(snapjar_graph_new(&l->graph, context, (*content)->bytes, (size_t)(*content)->pickle_size, &options, err));
    const int protocol = sj_contract_protocol(&l->way, l->header->protocol);
    SJ_TRY(snapjar_graph_migrate(l->graph, l->way.contract, l->way.from, NULL, NULL, err));
    SJ_TRY(sj_chain_renew_instances(l->way.contract, l->graph, protocol, err));
    SJ_TRY(snapjar_sink_to_memory(&l->emitted, context, err));
    SJ_TRY(snapjar_graph_emit(l->graph, protocol, l->emitted, NULL, NULL, err));
    const void *bytes = snapjar_sink_memory(l->emitted, &size);
    SJ_TRY(scan_emitted(l, bytes, size, err));
    SJ_TRY(join(l, *content, bytes, size, &made, err));
    snapjar_content_free(*content);
    *content = made;
    return SNAPJAR_OK;
}

static snapjar_status load(loading *l, snapjar_content **content, snapjar_error *err)
{
    snapjar_check_options options = *l->gate->options;
    sj_gate gate = *l->gate;

    SJ_TRY(find_way(l, err));
    options.policy = NULL;
    options.scan = l->scan;
    gate.options = &options;
    SJ_TRY(sj_gate_pass(&gate, NULL, err));
    SJ_TRY(sj_contract_judge(&l->way, l->scan, l->gate->options->policy, err));
    return l->way.is_migrated ? migrate(l, content, err) : SNAPJAR_OK;
}

snapjar_status sj_contract_load(const sj_gate *gate, snapjar_content **content, snapjar_error *err)
{
    loading l = {.gate = gate, .header = gate->reader->record.inner.header, .scan = gate->options->scan};
    snapjar_error failure;

    if (!l.scan)
        l.scan = sj_analysis_scan(gate->reader->context, err);
    if (!l.scan)
        return SNAPJAR_NO_MEMORY;
    snapjar_status status = load(&l, content, &failure);
    if (status != SNAPJAR_OK) {
        if (failure.record_index == SNAPJAR_OFFSET_NONE)
            failure.record_index = gate->reader->record.inner.index;
        if (status != SNAPJAR_REFUSED)
            sj_scan_fail(l.scan, &failure);
        if (err)
            *err = failure;
    }
    snapjar_graph_free(l.graph);
    snapjar_sink_free(l.emitted);
    if (l.scan != gate->options->scan)
        sj_analysis_done(gate->reader->context);
    return status;
}
