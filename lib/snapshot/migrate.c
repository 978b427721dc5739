/* SPDX-License-Identifier: MIT
 *
 * Migrating a file: what it is, its pickles one by one, and the check of what was written.
 */
#include <string.h>

#include <snapjar/pickles.h>

#include "snapshot/analysis.h"
#include "snapshot/contract_gate.h"
#include "snapshot/migrating.h"
#include "snapshot/range.h"
#include "util/bytes.h"
#include "util/options.h"

#define CHUNK_SIZE ((size_t)64 << 10)

/* ---- bare pickles ---- */

static snapjar_status convert_item(sj_migrating *m, snapjar_pickles *pickles, const snapjar_pickles_item *item,
                                   uint64_t base_offset, const sj_carried *carried, snapjar_error *err)
{
    sj_incoming in = {
        .base_offset = base_offset + item->base_offset, .string_encoding = item->string_encoding, .is_converted = true};
    snapjar_content *content = NULL;

    SJ_TRY(snapjar_pickles_load(pickles, &content, err));
    in.bytes = snapjar_content_data(content, NULL, &in.pickle_size);
    if (carried)
        in.carried = *carried;
    snapjar_status status = sj_migrate_pickle(m, &in, err);
    sj_migrate_count_seal(m, false, false);
    snapjar_content_free(content);
    return status;
}

snapjar_status sj_migrate_pickles(sj_migrating *m, snapjar_source *source, uint64_t base_offset,
                                  const sj_carried *carried, snapjar_error *err)
{
    snapjar_pickles_options options = SNAPJAR_PICKLES_OPTIONS_INIT;
    snapjar_pickles *pickles = NULL;
    const snapjar_pickles_item *item = NULL;

    options.string_encoding = m->options.string_encoding;
    options.limits = &m->limits;
    snapjar_status status = snapjar_pickles_open(&pickles, m->context, source, &options, err);
    if (status == SNAPJAR_OK)
        status = snapjar_pickles_next(pickles, &item, err);
    while (status == SNAPJAR_OK && item) {
        if (item->header)
            status = sj_raise(err, SNAPJAR_WRONG_FORMAT, SNAPJAR_DIAG_INPUT_IS_SNAPSHOT, SJ_AT_FILE(base_offset),
                              "a snapshot stands behind a header that is none of its own");
        else
            status = convert_item(m, pickles, item, base_offset, carried, err);
        if (status == SNAPJAR_OK)
            status = snapjar_pickles_next(pickles, &item, err);
    }
    snapjar_pickles_free(pickles);
    return status;
}

/* ---- snapshots ---- */

/* Whether the record stands behind one of its stream that was made anew. */
static bool is_cut_off(const sj_migrating *m, const snapjar_header *header)
{
    return header->has_stream && m->stream_id[0] && header->stream_id.size == SJ_STREAM_ID_SIZE &&
           !memcmp(header->stream_id.data, m->stream_id, SJ_STREAM_ID_SIZE);
}

snapjar_status sj_migrate_needs_work(const sj_migrating *m, const snapjar_header *header, uint64_t file_offset,
                                     bool *needs_work, bool *is_foreign, snapjar_error *err)
{
    const snapjar_contract *contract = m->options.contract;
    sj_contract_way way = {.is_migrated = false};
    snapjar_error fault;

    *is_foreign = false;
    if (contract) {
        snapjar_status status = sj_contract_way_find(&way, contract, header->type, header->schema_version, &fault);
        *is_foreign = status != SNAPJAR_OK && fault.diagnostic == SNAPJAR_DIAG_UNEXPECTED_TYPE;
        if (status != SNAPJAR_OK && !*is_foreign)
            return sj_raise(err, status, fault.diagnostic, SJ_AT_FILE(file_offset), "%s", fault.message);
    }
    *needs_work = is_cut_off(m, header) || way.is_migrated ||
                  (!*is_foreign && m->options.has_protocol && header->protocol != m->options.protocol);
    return SNAPJAR_OK;
}

static snapjar_status copy_record(sj_migrating *m, snapjar_reader *reader, snapjar_source *source,
                                  const snapjar_record *record, snapjar_error *err)
{
    snapjar_check_options options = SNAPJAR_CHECK_OPTIONS_INIT;
    uint64_t at = snapjar_record_offset(record);
    uint64_t left = snapjar_record_size(record);
    const snapjar_header *header = snapjar_record_header(record);
    uint8_t *buffer = sj_alloc(m->context, CHUNK_SIZE);

    if (!buffer)
        return sj_raise_no_memory(err, CHUNK_SIZE);
    options.stored_only = true;
    snapjar_status status = snapjar_record_verify(reader, &options, NULL, err);
    while (status == SNAPJAR_OK && left > 0) {
        size_t step = (size_t)sj_min(left, CHUNK_SIZE);
        status = sj_source_read_exact(source, buffer, step, at, SNAPJAR_DIAG_SOURCE_CHANGED, err);
        if (status == SNAPJAR_OK)
            status = sj_migrate_put(m, buffer, step, err);
        at += step;
        left -= step;
    }
    sj_free(m->context, buffer);
    memcpy(m->stream_previous, header->prefix.checksum, SJ_CHECKSUM_SIZE);
    sj_migrate_count_seal(m, snapjar_header_seal_size(header) > 0, true);
    m->result.record_count++;
    if (status == SNAPJAR_OK && m->options.take) {
        char type[SJ_TYPE_SIZE_MAX + 1];
        memcpy(type, header->type.data, header->type.size);
        type[header->type.size] = '\0';
        const snapjar_migrated told = {
            .index = m->result.record_count - 1,
            .type = type,
            .from_version = header->schema_version,
            .to_version = header->schema_version,
            .from_protocol = header->protocol,
            .to_protocol = header->protocol,
            .from_size = header->pickle_size,
            .to_size = header->pickle_size,
            .is_copied = true,
        };
        status = m->options.take(m->options.state, &told, err);
    }
    return status;
}

static snapjar_status migrate_record(sj_migrating *m, snapjar_reader *reader, const snapjar_record *record,
                                     bool is_foreign, snapjar_error *err)
{
    const snapjar_header *header = snapjar_record_header(record);
    sj_incoming in = {.string_encoding = header->string_encoding,
                      .frame_size = header->frame_size,
                      .file_offset = snapjar_record_offset(record)};
    snapjar_check_options options = SNAPJAR_CHECK_OPTIONS_INIT;
    snapjar_content *content = NULL;

    in.is_renewed = m->options.sealer && !m->options.drop_seal && snapjar_header_seal_size(header);
    if (snapjar_header_seal_size(header) && !m->options.drop_seal && !m->options.sealer)
        return sj_raise(err, SNAPJAR_REFUSED, SNAPJAR_DIAG_RECORD_SEALED, SJ_AT_FILE(snapjar_record_offset(record)),
                        "the record is sealed: its seal would be lost");
    options.scan = in.scan = sj_analysis_scan(m->context, err);
    if (!in.scan)
        return SNAPJAR_NO_MEMORY;
    snapjar_status status = sj_carry_header(&in.carried, m->context, header, err);
    if (status == SNAPJAR_OK)
        status = snapjar_record_load(reader, &content, &options, err);
    if (status == SNAPJAR_OK) {
        in.bytes = snapjar_content_data(content, NULL, &in.pickle_size);
        in.buffers = snapjar_header_buffers(header, &in.buffer_count);
        in.is_foreign = is_foreign;
        status = sj_migrate_pickle(m, &in, err);
        sj_migrate_count_seal(m, snapjar_header_seal_size(header) > 0, false);
    }
    sj_analysis_done(m->context);
    snapjar_content_free(content);
    sj_carried_clear(&in.carried);
    return status;
}

/* Looks for the first record to which anything is to be done: headers are read, and trailers, and nothing else. */
static snapjar_status look_for_work(sj_migrating *m, snapjar_reader *reader, const snapjar_record **record,
                                    snapjar_error *err)
{
    bool needs_work = false;
    bool is_foreign;

    SJ_TRY(snapjar_reader_next(reader, record, err));
    while (*record) {
        SJ_TRY(sj_migrate_needs_work(m, snapjar_record_header(*record), snapjar_record_offset(*record), &needs_work,
                                     &is_foreign, err));
        if (needs_work)
            return SNAPJAR_OK;
        m->result.foreign_count += is_foreign;
        m->result.record_count++;
        SJ_TRY(snapjar_reader_next(reader, record, err));
    }
    return SNAPJAR_OK;
}

static snapjar_status go_over_record(sj_migrating *m, snapjar_reader *reader, snapjar_source *source,
                                     const snapjar_record *record, snapjar_error *err)
{
    bool needs_work;
    bool is_foreign;

    SJ_TRY(sj_migrate_needs_work(m, snapjar_record_header(record), snapjar_record_offset(record), &needs_work,
                                 &is_foreign, err));
    m->result.foreign_count += is_foreign;
    return needs_work ? migrate_record(m, reader, record, is_foreign, err)
                      : copy_record(m, reader, source, record, err);
}

/* From `record` on, which is the first. */
static snapjar_status go_over_records(sj_migrating *m, snapjar_reader *reader, snapjar_source *source,
                                      const snapjar_record *record, snapjar_error *err)
{
    m->result.foreign_count = 0;
    m->result.record_count = 0;
    while (record) {
        snapjar_status status = go_over_record(m, reader, source, record, err);
        if (status != SNAPJAR_OK && err && err->record_index == SNAPJAR_OFFSET_NONE)
            err->record_index = snapjar_record_index(record);
        SJ_TRY(status);
        SJ_TRY(snapjar_reader_next(reader, &record, err));
    }
    return SNAPJAR_OK;
}

snapjar_status sj_migrate_snapshot(sj_migrating *m, snapjar_source *source, bool is_wanted, snapjar_error *err)
{
    snapjar_reader *reader = NULL;
    const snapjar_record *record = NULL;

    SJ_TRY(snapjar_reader_new(&reader, m->context, source, &m->limits, err));
    snapjar_status status = sj_migrate_demand(m, source, reader, err);
    if (status == SNAPJAR_OK)
        status = look_for_work(m, reader, &record, err);
    m->result.is_current = status == SNAPJAR_OK && !record && !is_wanted;
    /* What stands before the first one that changes is copied. */
    if (status == SNAPJAR_OK && !m->result.is_current && (!record || snapjar_record_index(record))) {
        snapjar_reader_seek(reader, 0, 0);
        status = snapjar_reader_next(reader, &record, err);
    }
    if (status == SNAPJAR_OK && record)
        status = go_over_records(m, reader, source, record, err);
    snapjar_reader_free(reader);
    return status;
}

/* ---- files ---- */

/* Goes over a source that is not compressed as a whole, or not any more. */
static snapjar_status migrate_plain(sj_migrating *m, snapjar_source *source, bool is_wanted, bool *is_handled,
                                    snapjar_input_kind *kind, snapjar_error *err)
{
    sj_old_header header;
    snapjar_error near;
    uint64_t size = 0;

    *is_handled = true;
    SJ_TRY(snapjar_source_size(source, &size, err));
    snapjar_status status =
        sj_old_header_find(&header, m->context, source, size, 0, m->old.length, &m->limits, &near, err);
    if (status == SNAPJAR_OK && header.root)
        status = sj_migrate_refuse_unsealed(m, err);
    if (status == SNAPJAR_OK && header.root)
        return sj_migrate_old(m, source, size, &header, err);
    sj_old_header_clear(&header);
    SJ_TRY(status);
    status = snapjar_input_detect(source, kind, err);
    if (status == SNAPJAR_WRONG_FORMAT && near.status != SNAPJAR_OK && err)
        *err = near;
    SJ_TRY(status == SNAPJAR_WRONG_FORMAT && near.status != SNAPJAR_OK ? near.status : status);
    if (*kind == SNAPJAR_INPUT_SNAPSHOT)
        return sj_migrate_snapshot(m, source, is_wanted, err);
    if (*kind == SNAPJAR_INPUT_PICKLE)
        SJ_TRY(sj_migrate_refuse_unsealed(m, err));
    if (*kind == SNAPJAR_INPUT_PICKLE)
        return sj_migrate_pickles(m, source, 0, NULL, err);
    *is_handled = false;
    return SNAPJAR_OK;
}

static snapjar_status migrate_source(sj_migrating *m, snapjar_source *source, snapjar_error *err)
{
    snapjar_source *plain = NULL;
    snapjar_input_kind inner;
    bool is_handled;

    SJ_TRY(migrate_plain(m, source, false, &is_handled, &m->result.kind, err));
    if (is_handled)
        return SNAPJAR_OK;
    SJ_TRY(snapjar_input_decompress(&plain, m->context, source, m->result.kind, &m->limits, err));
    snapjar_status status = migrate_plain(m, plain, true, &is_handled, &inner, err);
    if (status == SNAPJAR_OK && !is_handled)
        status = sj_raise(err, SNAPJAR_WRONG_FORMAT, SNAPJAR_DIAG_INPUT_NOT_PICKLE, SJ_AT_FILE(0),
                          "the input is compressed twice (%s inside %s): unpack the outer one first",
                          snapjar_input_kind_name(inner), snapjar_input_kind_name(m->result.kind));
    snapjar_source_free(plain);
    return status;
}

static snapjar_status check_options(const sj_migrating *m, snapjar_error *err)
{
    const snapjar_migrate_options *options = &m->options;
    const char *wrong = NULL;

    if (options->has_protocol && (options->protocol < 0 || options->protocol > 5))
        wrong = "protocol is not from 0 to 5";
    else if ((unsigned)options->string_encoding > SNAPJAR_STRING_BYTES)
        wrong = "string_encoding is none that exists";
    else if (options->compression > SNAPJAR_COMPRESSION_ZSTD)
        wrong = "compression is none that exists";
    else if (options->has_schema_version && options->schema_version < 0)
        wrong = "schema_version is negative";
    else
        wrong = sj_old_options_fault(&m->old);
    return wrong ? sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE, "%s", wrong)
                 : SNAPJAR_OK;
}

snapjar_status snapjar_migrate(snapjar_context *context, snapjar_source *source, snapjar_sink *sink,
                               const snapjar_migrate_options *options, snapjar_migration *migration, snapjar_error *err)
{
    sj_migrating m = {.context = context, .out = sink};

    if (migration)
        *migration = (snapjar_migration){0};
    if (!context || !source || !sink || !migration)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE,
                        "context, source, sink or migration is NULL");
    SJ_TRY(sj_options_read(&m.options, sizeof(m.options), options, "snapjar_migrate_options", err));
    if (m.options.seals)
        *m.options.seals = (snapjar_migrated_seals){0};
    SJ_TRY(sj_options_read(&m.old, sizeof(m.old), m.options.old, "snapjar_old_options", err));
    SJ_TRY(sj_limits_resolve(&m.limits, m.options.limits, err));
    SJ_TRY(check_options(&m, err));
    sj_checksum_begin(&m.checksum);
    snapjar_status status = snapjar_sink_to_memory(&m.made, context, err);
    if (status == SNAPJAR_OK)
        status = snapjar_sink_to_memory(&m.emitted, context, err);
    if (status == SNAPJAR_OK)
        status = sj_migrate_and_seal(&m, source, migrate_source, err);
    snapjar_trust_free(m.own_trust);
    snapjar_sink_free(m.made);
    snapjar_sink_free(m.emitted);
    if (status != SNAPJAR_OK)
        return status;
    sj_checksum_end(&m.checksum, m.result.checksum);
    *migration = m.result;
    if (m.options.seals && !m.result.is_current)
        *m.options.seals = m.seals;
    return SNAPJAR_OK;
}

snapjar_status snapjar_migration_check(const snapjar_migration *migration, snapjar_context *context,
                                       snapjar_source *source, snapjar_error *err)
{
    sj_checksum_state checksum;
    uint8_t digest[SJ_CHECKSUM_SIZE];
    uint64_t size = 0;

    if (!migration || !context || !source)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE,
                        "migration, context or source is NULL");
    SJ_TRY(snapjar_source_size(source, &size, err));
    if (size != migration->size)
        return sj_raise(err, SNAPJAR_BUG, SNAPJAR_DIAG_MIGRATED_DIFFERS, SJ_AT_FILE(sj_min(size, migration->size)),
                        "the file has another size than was written");
    const uint8_t *borrowed = sj_source_borrow(source, 0, size);
    uint8_t *buffer = borrowed ? NULL : sj_alloc(context, CHUNK_SIZE);
    if (!borrowed && !buffer)
        return sj_raise_no_memory(err, CHUNK_SIZE);
    snapjar_status status = SNAPJAR_OK;
    sj_checksum_begin(&checksum);
    if (borrowed)
        sj_checksum_add(&checksum, borrowed, (size_t)size);
    for (uint64_t at = 0; !borrowed && status == SNAPJAR_OK && at < size;) {
        size_t step = (size_t)sj_min(size - at, CHUNK_SIZE);
        status = sj_source_read_exact(source, buffer, step, at, SNAPJAR_DIAG_SOURCE_CHANGED, err);
        if (status == SNAPJAR_OK)
            sj_checksum_add(&checksum, buffer, step);
        at += step;
    }
    sj_free(context, buffer);
    SJ_TRY(status);
    sj_checksum_end(&checksum, digest);
    if (memcmp(digest, migration->checksum, sizeof(digest)) != 0)
        return sj_raise(err, SNAPJAR_BUG, SNAPJAR_DIAG_MIGRATED_DIFFERS, SJ_AT_FILE(0),
                        "the file has other bytes than were written");
    return SNAPJAR_OK;
}
