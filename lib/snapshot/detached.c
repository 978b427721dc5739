/* SPDX-License-Identifier: MIT
 *
 * Makes detached seals of files that exist, and takes signatures off them. The snapshot is read and nothing else.
 */
#include <string.h>

#include "container/payload.h"
#include "seal/detached.h"
#include "snapshot/gate.h"
#include "snapshot/sealer.h"
#include "util/options.h"

/* Adds the reader's record to the list, once its payload is found to be whole. */
static snapjar_status list_record(snapjar_detached *list, const snapjar_reader *reader, uint64_t source_size,
                                  snapjar_error *err)
{
    const sj_record *record = &reader->record.inner;
    sj_listed listed = {.stored_size = record->header->stored_size};
    const sj_payload_reading reading = {
        .context = reader->context, .source = reader->source, .record = record, .digest_out = listed.payload_digest};

    SJ_TRY(sj_record_check_end(record, reader->source, source_size, err));
    SJ_TRY(sj_payload_check_stored(&reading, NULL, err));
    sj_record_header_digest(listed.header_digest, record->header);
    return sj_detached_add(list, &listed, record->offset, err);
}

static snapjar_status list_records(snapjar_detached *list, snapjar_reader *reader, const snapjar_seal_options *options,
                                   snapjar_error *err)
{
    const snapjar_record *record = NULL;
    uint64_t source_size = 0;

    for (;;) {
        SJ_TRY(snapjar_reader_next(reader, &record, err));
        if (!record)
            return SNAPJAR_OK;
        SJ_TRY(snapjar_source_size(reader->source, &source_size, err));
        snapjar_status status = list_record(list, reader, source_size, err);
        if (status != SNAPJAR_OK && err)
            err->record_index = record->inner.index;
        SJ_TRY(status);
        uint64_t end = record->inner.offset + record->inner.size;
        if (options->progress && !options->progress(options->progress_state, end, source_size))
            return sj_raise(err, SNAPJAR_CANCELLED, SNAPJAR_DIAG_CANCELLED, SJ_NOWHERE, "cancelled by the caller");
    }
}

/* The signatures that stay, then the sealer's. */
static snapjar_status write_signatures(const snapjar_sealer *sealer, const snapjar_detached *list,
                                       const snapjar_detached *kept, snapjar_sink *sink, snapjar_error *err)
{
    const uint8_t *ids[SNAPJAR_SEAL_SIGNATURES_MAX];
    size_t count = 0;

    if (kept &&
        (kept->list_size != list->list_size || memcmp(kept->list_digest, list->list_digest, SJ_BLAKE_SIZE) != 0))
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_SEAL_NEEDS_REPLACE, SJ_NOWHERE,
                        "the detached seal that is there is of other records than the file has now");
    for (size_t i = 0; i < sealer->key_count; i++)
        ids[i] = sealer->keys[i]->id;
    if (kept)
        SJ_TRY(sj_detached_write_kept(kept, ids, sealer->key_count, &count, sink, err));
    if (count + sealer->key_count > SNAPJAR_SEAL_SIGNATURES_MAX)
        return sj_raise(err, SNAPJAR_LIMIT, SNAPJAR_DIAG_SEAL_LIMIT, SJ_NOWHERE,
                        "the seal would have %zu signatures, %d are allowed", count + sealer->key_count,
                        SNAPJAR_SEAL_SIGNATURES_MAX);
    for (size_t i = 0; i < sealer->key_count; i++)
        SJ_TRY(sj_detached_write_signature(list, sealer->keys[i], sealer->seal_context, sink, err));
    return SNAPJAR_OK;
}

snapjar_status snapjar_seal_detached(snapjar_sealer *sealer, snapjar_source *source, snapjar_sink *sink,
                                     const snapjar_detached *kept, const snapjar_seal_options *options, uint64_t *count,
                                     snapjar_error *err)
{
    snapjar_seal_options resolved;
    snapjar_detached *list = NULL;
    snapjar_reader *reader = NULL;

    if (count)
        *count = 0;
    if (!sealer || !source || !sink)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE,
                        "sealer, source or sink is NULL");
    SJ_TRY(sj_options_read(&resolved, sizeof(resolved), options, "snapjar_seal_options", err));
    SJ_TRY(sj_detached_new(&list, sealer->context, err));
    snapjar_status status = snapjar_reader_new(&reader, sealer->context, source, resolved.limits, err);
    if (status == SNAPJAR_OK)
        status = list_records(list, reader, &resolved, err);
    if (status == SNAPJAR_OK)
        status = sj_detached_write_list(list, sink, &list->list_size, list->list_digest, err);
    if (status == SNAPJAR_OK)
        status = write_signatures(sealer, list, kept, sink, err);
    if (status == SNAPJAR_OK && count)
        *count = list->count;
    snapjar_reader_free(reader);
    snapjar_detached_free(list);
    return status;
}

snapjar_status snapjar_unseal_detached(const snapjar_detached *detached, snapjar_sink *sink, const char *key_id,
                                       size_t *left, snapjar_error *err)
{
    uint8_t id[SJ_ID_SIZE];
    uint8_t list_digest[SJ_BLAKE_SIZE];
    uint64_t list_size;
    size_t count = 0;

    if (left)
        *left = 0;
    if (!detached || !sink || !key_id || !sj_hex_read(id, sizeof(id), key_id, strlen(key_id)))
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE,
                        "detached or sink is NULL, or key_id is not 32 lower-case hex digits");
    SJ_TRY(sj_detached_write_list(detached, sink, &list_size, list_digest, err));
    SJ_TRY(sj_detached_write_kept(detached, &(const uint8_t *){id}, 1, &count, sink, err));
    if (left)
        *left = count;
    return SNAPJAR_OK;
}
