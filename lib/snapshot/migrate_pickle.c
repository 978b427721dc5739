/* SPDX-License-Identifier: MIT
 *
 * One pickle into one new record. The record is made in memory, read again through the gate and compared with what it
 * was meant to be before its first byte is written.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <snapjar/diff.h>
#include <snapjar/pickle.h>
#include <snapjar/version.h>

#include "migrate/chain.h"
#include "pickle/graph.h"
#include "pickle/same.h"
#include "pickle/scan.h"
#include "snapshot/analysis.h"
#include "snapshot/contract_gate.h"
#include "snapshot/migrating.h"
#include "snapshot/pack.h"
#include "snapshot/time.h"
#include "util/bytes.h"
#include "util/string.h"

/* Longer than the JSON of a place in a stream. */
#define STREAM_JSON_SIZE 160

/* A pickle while it becomes a record. */
typedef struct passage {
    sj_migrating *m;
    const sj_incoming *in;
    snapjar_migrated told;
    /** The pickle that is stored: the old one, or the emitted one, whose values `graph` has. */
    const uint8_t *bytes;
    size_t size;
    /** The kept scan, while it has gone over the old pickle; and once it has over the stored one. */
    snapjar_scan *scan;
    snapjar_scan *stored_scan;
    snapjar_graph *graph;
    snapjar_graph *after;
    /** What was before a migration, if it is told. */
    snapjar_graph *before;
    /** With a contract. */
    sj_contract_way way;
    snapjar_string_encoding string_encoding;
    /** Of the new record. */
    char type[SJ_TYPE_SIZE_MAX + 1];
} passage;

static snapjar_status make_graph(const passage *p, snapjar_graph **graph, const void *bytes, uint64_t size,
                                 snapjar_string_encoding encoding, uint64_t base_offset, snapjar_scan *scan,
                                 snapjar_error *err)
{
    snapjar_graph_options options = SNAPJAR_GRAPH_OPTIONS_INIT;

    options.string_encoding = encoding;
    options.base_offset = base_offset;
    options.line_size_max = p->m->limits.pickle_line_size_max;
    return sj_graph_new_scanned(graph, p->m->context, bytes, (size_t)size, &options, scan, err);
}

static snapjar_status make_old_graph(const passage *p, snapjar_graph **graph, snapjar_error *err)
{
    const sj_incoming *in = p->in;

    return make_graph(p, graph, in->bytes, in->pickle_size, in->string_encoding, in->base_offset, p->scan, err);
}

/* ---- the new pickle ---- */

/* Steps 7, 12 and 13 of the gate. */
static snapjar_status migrate(passage *p, snapjar_error *err)
{
    const snapjar_migrate_options *options = &p->m->options;

    SJ_TRY(sj_contract_judge(&p->way, p->scan, NULL, err));
    SJ_TRY(make_old_graph(p, &p->graph, err));
    if (!p->way.is_migrated)
        return sj_chain_check_layout(p->way.contract, p->graph, p->way.from, err);
    if (options->needs_graphs)
        SJ_TRY(make_old_graph(p, &p->before, err));
    SJ_TRY(snapjar_graph_migrate(p->graph, p->way.contract, p->way.from, options->take_step, options->state, err));
    return sj_chain_renew_instances(p->way.contract, p->graph, p->told.to_protocol, err);
}

static snapjar_status emit(passage *p, snapjar_error *err)
{
    size_t size = 0;

    if (!p->graph)
        SJ_TRY(make_old_graph(p, &p->graph, err));
    snapjar_sink_reset(p->m->emitted);
    SJ_TRY(snapjar_graph_emit(p->graph, p->told.to_protocol, p->m->emitted, NULL, NULL, err));
    p->bytes = snapjar_sink_memory(p->m->emitted, &size);
    p->size = size;
    /* From protocol 3 on there is no text of Python 2 left. */
    if (p->told.to_protocol >= 3)
        p->string_encoding = SNAPJAR_STRING_ASCII;
    return SNAPJAR_OK;
}

/* Of the old pickle, by the scan that it went through or goes through now. */
static snapjar_status find_protocol(passage *p, snapjar_error *err)
{
    const sj_incoming *in = p->in;
    const sj_inspect_options options = {in->base_offset, in->string_encoding, &p->m->limits};
    snapjar_pickle_extent extent;

    p->scan = in->scan;
    if (!p->scan && p->way.contract) {
        SJ_TRY(sj_analysis_scan_bytes(&p->scan, p->m->context, in->bytes, (size_t)in->pickle_size, &options, err));
        p->scan->has_buffers = in->buffer_count > 0;
    }
    if (p->scan && !snapjar_scan_failure(p->scan)) {
        p->told.from_protocol = snapjar_scan_summarize(p->scan)->protocol;
        return SNAPJAR_OK;
    }
    SJ_TRY(snapjar_pickle_measure(&extent, in->bytes, (size_t)in->pickle_size, &p->m->limits, err));
    p->told.from_protocol = extent.protocol;
    return SNAPJAR_OK;
}

static snapjar_status make_pickle(passage *p, snapjar_error *err)
{
    const sj_incoming *in = p->in;

    SJ_TRY(find_protocol(p, err));
    p->told.to_protocol = p->told.from_protocol;
    if (p->way.contract)
        p->told.to_protocol = sj_contract_protocol(&p->way, p->told.from_protocol);
    if (p->m->options.has_protocol && !p->in->is_foreign)
        p->told.to_protocol = p->m->options.protocol;
    p->told.from_size = in->pickle_size;
    p->bytes = in->bytes;
    p->size = (size_t)in->pickle_size;
    p->string_encoding = in->string_encoding;
    if (p->way.contract)
        SJ_TRY(migrate(p, err));
    if (p->told.to_protocol != p->told.from_protocol || p->way.is_migrated)
        SJ_TRY(emit(p, err));
    p->told.to_size = p->size;
    return SNAPJAR_OK;
}

/* ---- the new record ---- */

static snapjar_status pack_bytes(passage *p, const snapjar_pack_options *options, const sj_pack_extra *extra,
                                 snapjar_error *err)
{
    snapjar_source *source = NULL;

    SJ_TRY(snapjar_source_from_memory(&source, p->m->context, p->bytes, p->size, err));
    snapjar_sink_reset(p->m->made);
    snapjar_status status = sj_pack(p->m->context, source, 0, p->m->made, options, extra, NULL, err);
    snapjar_source_free(source);
    return status;
}

/* Where the record stands in its stream: behind the last one that was made anew, if that is of the same. */
static void format_stream(const passage *p, char out[STREAM_JSON_SIZE])
{
    const sj_carried *carried = &p->in->carried;
    char previous[2 * SJ_CHECKSUM_SIZE + 1];

    sj_hex16(previous, p->m->stream_previous);
    if (carried->stream_index)
        (void)snprintf(out, STREAM_JSON_SIZE, "{\"id\":\"%s\",\"index\":%" PRIu64 ",\"previous\":\"xxh3-128:%s\"}",
                       carried->stream_id, carried->stream_index, previous);
    else
        (void)snprintf(out, STREAM_JSON_SIZE, "{\"id\":\"%s\",\"index\":0,\"previous\":null}", carried->stream_id);
}

/* The old entries, and one for each migration that was done. */
static snapjar_status make_history(const passage *p, char **json, snapjar_error *err)
{
    const sj_carried *carried = &p->in->carried;
    sj_string text = {.context = p->m->context};
    char when[SJ_TIME_SIZE];
    char entry[192];
    int64_t to = 0;

    *json = NULL;
    if (!carried->history && !p->way.is_migrated)
        return SNAPJAR_OK;
    SJ_TRY(sj_time_now(when, err));
    sj_string_puts(&text, "[");
    if (carried->history)
        sj_string_puts(&text, carried->history);
    for (int64_t from = p->way.from; p->way.is_migrated && snapjar_contract_next(p->way.contract, from, &to, NULL);
         from = to) {
        (void)snprintf(entry, sizeof(entry),
                       "%s{\"from\":%" PRId64 ",\"to\":%" PRId64 ",\"when\":\"%s\",\"by\":\"snapjar %s\"%s}",
                       text.size > 1 ? "," : "", from, to, when, SNAPJAR_VERSION,
                       p->in->is_renewed ? ",\"seal\":\"renewed\"" : "");
        sj_string_puts(&text, entry);
    }
    sj_string_puts(&text, "]");
    return sj_string_take(&text, json, err);
}

static snapjar_status pack(passage *p, const snapjar_buffer *buffers, snapjar_error *err)
{
    const sj_incoming *in = p->in;
    const sj_carried *carried = &in->carried;
    const snapjar_migrate_options *options = &p->m->options;
    snapjar_pack_options packing = SNAPJAR_PACK_OPTIONS_INIT;
    char *history_json = NULL;
    char stream[STREAM_JSON_SIZE];
    sj_pack_extra extra = {.extra_json = carried->extra_json, .header_checksum = p->m->stream_previous};

    packing.type = carried->type ? carried->type : options->type;
    if (p->way.contract)
        packing.type = snapjar_contract_type(p->way.contract);
    packing.schema_version = p->told.to_version;
    packing.created = carried->created;
    packing.build_json = carried->build_json;
    packing.labels_json = carried->labels_json;
    packing.string_encoding = p->string_encoding;
    packing.frame_size = in->frame_size;
    packing.compression = options->compression;
    packing.buffers = buffers;
    packing.buffer_count = in->buffer_count;
    packing.limits = &p->m->limits;
    packing.scan = p->stored_scan;
    if (carried->stream_id) {
        format_stream(p, stream);
        extra.stream_json = stream;
    }
    SJ_TRY(make_history(p, &history_json, err));
    extra.history_json = history_json;
    snapjar_status status = pack_bytes(p, &packing, &extra, err);
    sj_free(p->m->context, history_json);
    if (status == SNAPJAR_OK && carried->stream_id)
        (void)snprintf(p->m->stream_id, sizeof(p->m->stream_id), "%s", carried->stream_id);
    return status;
}

static snapjar_status make_record(passage *p, snapjar_error *err)
{
    const sj_incoming *in = p->in;
    snapjar_buffer *buffers = NULL;

    p->stored_scan = sj_analysis_scan(p->m->context, err);
    if (!p->stored_scan)
        return SNAPJAR_NO_MEMORY;
    if (in->buffer_count) {
        buffers = sj_alloc(p->m->context, in->buffer_count * sizeof(*buffers));
        if (!buffers)
            return sj_raise_no_memory(err, in->buffer_count * sizeof(*buffers));
    }
    for (size_t i = 0; i < in->buffer_count; i++)
        buffers[i] = (snapjar_buffer){in->bytes + in->buffers[i].offset, (size_t)in->buffers[i].size};
    snapjar_status status = pack(p, buffers, err);
    sj_free(p->m->context, buffers);
    return status;
}

/* ---- reading it again ---- */

static snapjar_status differs(snapjar_error *err, const char *what)
{
    return sj_raise(err, SNAPJAR_BUG, SNAPJAR_DIAG_MIGRATED_DIFFERS, SJ_NOWHERE, "%s", what);
}

static snapjar_status compare_buffers(const passage *p, const snapjar_header *header, const uint8_t *bytes,
                                      snapjar_error *err)
{
    size_t count = 0;
    const snapjar_buffer_span *spans = snapjar_header_buffers(header, &count);
    bool is_same = count == p->in->buffer_count;

    for (size_t i = 0; is_same && i < count; i++)
        is_same = spans[i].size == p->in->buffers[i].size &&
                  !memcmp(bytes + spans[i].offset, p->in->bytes + p->in->buffers[i].offset, (size_t)spans[i].size);
    return is_same ? SNAPJAR_OK : differs(err, "the new record has other buffers than the old one");
}

/* The values are those of the graph that was meant. */
static snapjar_status compare_values(passage *p, snapjar_error *err)
{
    snapjar_diff_summary summary;
    bool is_same = false;

    SJ_TRY(make_graph(p, &p->after, p->bytes, p->size, p->string_encoding, 0, p->stored_scan, err));
    SJ_TRY(sj_graph_compare(p->graph, p->after, &is_same, err));
    if (is_same)
        return SNAPJAR_OK;
    SJ_TRY(snapjar_graph_diff(p->graph, p->after, NULL, &summary, err));
    if (summary.change_count || summary.layout_count)
        return differs(err, "the new pickle has other values than were meant");
    return SNAPJAR_OK;
}

/* The bytes are those that were made; so what their analysis said when they were packed is true of them. */
static snapjar_status compare(passage *p, const snapjar_header *header, snapjar_content *content, snapjar_error *err)
{
    uint64_t pickle_size = 0;
    const uint8_t *bytes = snapjar_content_data(content, NULL, &pickle_size);

    if (pickle_size != p->size || memcmp(bytes, p->bytes, p->size) != 0)
        return differs(err, "the new record has another pickle than was made");
    SJ_TRY(compare_buffers(p, header, bytes, err));
    /* Step 14 of the gate. */
    if (p->way.contract)
        SJ_TRY(sj_contract_judge_made(&p->way, p->stored_scan, NULL, err));
    return p->graph ? compare_values(p, err) : SNAPJAR_OK;
}

static snapjar_status read_again(passage *p, snapjar_error *err)
{
    size_t size = 0;
    const void *bytes = snapjar_sink_memory(p->m->made, &size);
    snapjar_source *source = NULL;
    snapjar_reader *reader = NULL;
    snapjar_content *content = NULL;
    const snapjar_record *record = NULL;
    snapjar_status status = snapjar_source_from_memory(&source, p->m->context, bytes, size, err);
    if (status == SNAPJAR_OK)
        status = snapjar_reader_new(&reader, p->m->context, source, &p->m->limits, err);
    if (status == SNAPJAR_OK)
        status = snapjar_reader_next(reader, &record, err);
    if (status == SNAPJAR_OK)
        status = snapjar_record_load(reader, &content, NULL, err);
    if (status == SNAPJAR_OK) {
        snapjar_text type = snapjar_header_type(snapjar_record_header(record));
        memcpy(p->type, type.data, type.size);
        p->type[type.size] = '\0';
        status = compare(p, snapjar_record_header(record), content, err);
    }
    if (status == SNAPJAR_OK)
        status = sj_migrate_put(p->m, bytes, size, err);
    snapjar_content_free(content);
    snapjar_reader_free(reader);
    snapjar_source_free(source);
    return status;
}

/* ---- all of it ---- */

static snapjar_status tell(passage *p, snapjar_error *err)
{
    p->m->result.changed_count++;
    p->told.index = p->m->result.record_count++;
    if (!p->m->options.take)
        return SNAPJAR_OK;
    p->told.type = p->type;
    p->told.is_converted = p->in->is_converted;
    if (p->m->options.needs_graphs) {
        p->told.before = p->before ? p->before : p->after ? p->graph : NULL;
        p->told.after = p->after;
    }
    return p->m->options.take(p->m->options.state, &p->told, err);
}

/* Step 7 of the gate. A version that nobody knows is not guessed. */
static snapjar_status find_way(passage *p, snapjar_error *err)
{
    const sj_carried *carried = &p->in->carried;
    const snapjar_migrate_options *options = &p->m->options;
    const char *type = carried->type ? carried->type : options->type ? options->type : "";

    p->told.from_version = carried->has_schema_version ? carried->schema_version : options->schema_version;
    p->told.to_version = p->told.from_version;
    if (!options->contract || p->in->is_foreign)
        return SNAPJAR_OK;
    if (!carried->has_schema_version && !options->has_schema_version)
        return sj_raise(err, SNAPJAR_REFUSED, SNAPJAR_DIAG_MIGRATION_VERSION, SJ_AT_FILE(p->in->file_offset),
                        "nothing says which schema version this is: name it, or the field that has it");
    snapjar_status status =
        sj_contract_way_find(&p->way, options->contract, (snapjar_text){type, strlen(type)}, p->told.from_version, err);
    p->told.to_version = p->way.to;
    return status;
}

snapjar_status sj_migrate_pickle(sj_migrating *m, const sj_incoming *in, snapjar_error *err)
{
    passage p = {.m = m, .in = in};

    snapjar_status status = find_way(&p, err);
    if (status == SNAPJAR_OK)
        status = make_pickle(&p, err);
    if (status == SNAPJAR_OK)
        status = make_record(&p, err);
    if (status == SNAPJAR_OK)
        status = read_again(&p, err);
    if (status == SNAPJAR_OK)
        status = tell(&p, err);
    snapjar_graph_free(p.graph);
    snapjar_graph_free(p.before);
    snapjar_graph_free(p.after);
    sj_analysis_done(m->context);
    return status;
}

snapjar_status sj_migrate_put(sj_migrating *m, const void *bytes, size_t size, snapjar_error *err)
{
    sj_checksum_add(&m->checksum, bytes, size);
    m->result.size += size;
    return snapjar_sink_write(m->out, bytes, size, err);
}
