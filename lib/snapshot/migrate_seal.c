/* SPDX-License-Identifier: MIT
 *
 * Seals and migrations: whose seal must hold before a record is migrated, and the new seals of what was. The records
 * wait in a spool until all of them are there, because each one's header names the one before.
 */
#include <string.h>

#include "snapshot/migrating.h"
#include "snapshot/sealer.h"
#include "util/io.h"

#define SPOOL_MEMORY_MAX ((uint64_t)16 << 20)
#define PIECE_SIZE ((size_t)64 << 10)

/* ---- old seals ---- */

/* Whether any record of the source carries a seal. */
static snapjar_status find_seal(const sj_migrating *m, snapjar_source *source, bool *is_sealed, snapjar_error *err)
{
    snapjar_reader *reader = NULL;
    const snapjar_record *record = NULL;

    *is_sealed = false;
    SJ_TRY(snapjar_reader_new(&reader, m->context, source, &m->limits, err));
    snapjar_status status = snapjar_reader_next(reader, &record, err);
    while (status == SNAPJAR_OK && record && !*is_sealed) {
        *is_sealed = snapjar_header_seal_size(snapjar_record_header(record)) > 0;
        status = snapjar_reader_next(reader, &record, err);
    }
    snapjar_reader_free(reader);
    return *is_sealed ? SNAPJAR_OK : status;
}

/* Trust in the keys that will seal, and in nobody else. */
static snapjar_status trust_own_keys(sj_migrating *m, snapjar_error *err)
{
    const snapjar_sealer *sealer = m->options.sealer;

    if (m->own_trust)
        return SNAPJAR_OK;
    SJ_TRY(snapjar_trust_new(&m->own_trust, m->context, err));
    for (size_t i = 0; i < sealer->key_count; i++)
        SJ_TRY(snapjar_trust_add(m->own_trust, sealer->keys[i], NULL, err));
    return SNAPJAR_OK;
}

snapjar_status sj_migrate_demand(sj_migrating *m, snapjar_source *source, snapjar_reader *reader, snapjar_error *err)
{
    const snapjar_migrate_options *options = &m->options;
    snapjar_seal_demand demand = SNAPJAR_SEAL_DEMAND_INIT;
    bool is_sealed = false;

    if (options->seal)
        return snapjar_reader_demand_seal(reader, options->seal, err);
    if (!options->sealer || options->drop_seal)
        return SNAPJAR_OK;
    /* A new seal would vouch for a forged one: what is sealed must be sealed by those who seal it again. */
    SJ_TRY(find_seal(m, source, &is_sealed, err));
    if (!is_sealed)
        return SNAPJAR_OK;
    SJ_TRY(trust_own_keys(m, err));
    demand.trust = m->own_trust;
    demand.context = options->sealer->seal_context;
    return snapjar_reader_demand_seal(reader, &demand, err);
}

snapjar_status sj_migrate_refuse_unsealed(const sj_migrating *m, snapjar_error *err)
{
    if (!m->options.seal)
        return SNAPJAR_OK;
    return sj_raise(err, SNAPJAR_BAD_SEAL, SNAPJAR_DIAG_SEAL_MISSING, SJ_AT_FILE(0),
                    "a seal is demanded, and only snapshots have one");
}

/* ---- new seals ---- */

void sj_migrate_count_seal(sj_migrating *m, bool was_sealed, bool is_copied)
{
    const bool is_kept = was_sealed && !m->options.drop_seal;

    if (m->options.sealer) {
        m->seals.renewed_count += is_kept;
        m->seals.new_count += !is_kept;
    }
    /* Without a sealer, copied records keep the seals that they have. */
    m->seals.dropped_count += was_sealed && !is_kept && (m->options.sealer || !is_copied);
}

static snapjar_status write_to_spool(void *state, const void *bytes, size_t size, snapjar_error *err)
{
    return sj_spool_write(state, bytes, size, err);
}

static snapjar_status write_to_out(void *state, const void *bytes, size_t size, snapjar_error *err)
{
    return sj_migrate_put(state, bytes, size, err);
}

static snapjar_status fill_spool(const sj_migrating *m, sj_spool *spool, snapjar_source *source, snapjar_error *err)
{
    uint8_t *piece = sj_alloc(m->context, PIECE_SIZE);
    snapjar_status status = SNAPJAR_OK;
    uint64_t at = 0;
    size_t got = 1;

    if (!piece)
        return sj_raise_no_memory(err, PIECE_SIZE);
    while (status == SNAPJAR_OK && got) {
        status = snapjar_source_read_at(source, piece, PIECE_SIZE, at, &got, err);
        if (status == SNAPJAR_OK)
            status = sj_spool_write(spool, piece, got, err);
        at += got;
    }
    sj_free(m->context, piece);
    return status;
}

/* A copy of the source that nobody else can write to: what was found sealed is what is sealed again. */
static snapjar_status copy_source(const sj_migrating *m, snapjar_source *source, snapjar_source **copy,
                                  snapjar_error *err)
{
    sj_spool *spool = NULL;

    SJ_TRY(sj_spool_new(&spool, m->context, SPOOL_MEMORY_MAX, err));
    snapjar_status status = fill_spool(m, spool, source, err);
    if (status == SNAPJAR_OK)
        return sj_spool_take_source(copy, spool, "the old file", err);
    sj_spool_free(spool);
    return status;
}

static snapjar_status seal_spool(sj_migrating *m, sj_spool *spool, snapjar_error *err)
{
    static const snapjar_sink_functions functions = {sizeof(functions), write_to_out, NULL, NULL, true};
    snapjar_seal_options options = SNAPJAR_SEAL_OPTIONS_INIT;
    snapjar_source *source = NULL;
    snapjar_sink *sink = NULL;

    options.replace = m->options.drop_seal;
    options.stream = true;
    options.limits = &m->limits;
    m->result.size = 0;
    sj_checksum_begin(&m->checksum);
    SJ_TRY(sj_spool_take_source(&source, spool, "migrated records", err));
    snapjar_status status = snapjar_sink_from_functions(&sink, m->context, &functions, m, err);
    if (status == SNAPJAR_OK)
        status = snapjar_seal(m->options.sealer, source, sink, &options, NULL, err);
    snapjar_sink_free(sink);
    snapjar_source_free(source);
    return status;
}

static snapjar_status migrate_to_spool(sj_migrating *m, sj_spool *spool, snapjar_source *source,
                                       sj_migrate_source *migrate, snapjar_error *err)
{
    static const snapjar_sink_functions functions = {sizeof(functions), write_to_spool, NULL, NULL, true};
    snapjar_source *copy = NULL;
    snapjar_sink *out = m->out;
    snapjar_sink *waiting = NULL;

    SJ_TRY(copy_source(m, source, &copy, err));
    snapjar_status status = snapjar_sink_from_functions(&waiting, m->context, &functions, spool, err);
    if (status == SNAPJAR_OK) {
        m->out = waiting;
        status = migrate(m, copy, err);
        m->out = out;
    }
    snapjar_sink_free(waiting);
    snapjar_source_free(copy);
    return status;
}

snapjar_status sj_migrate_and_seal(sj_migrating *m, snapjar_source *source, sj_migrate_source *migrate,
                                   snapjar_error *err)
{
    sj_spool *spool = NULL;

    if (!m->options.sealer)
        return migrate(m, source, err);
    SJ_TRY(sj_spool_new(&spool, m->context, SPOOL_MEMORY_MAX, err));
    snapjar_status status = migrate_to_spool(m, spool, source, migrate, err);
    if (status == SNAPJAR_OK && !m->result.is_current)
        return seal_spool(m, spool, err);
    sj_spool_free(spool);
    return status;
}
