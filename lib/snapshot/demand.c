/* SPDX-License-Identifier: MIT
 *
 * Demanding seals: inside the records, or beside the file.
 */
#include "snapshot/demand.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "util/options.h"

static snapjar_status check_demand(const snapjar_reader *reader, const snapjar_seal_demand *demand, snapjar_error *err)
{
    const char *what = NULL;

    if (!demand->trust)
        what = "trust is NULL: whose seal is it to be?";
    else if (demand->context && strlen(demand->context) > SNAPJAR_SEAL_CONTEXT_SIZE_MAX)
        what = "context is longer than 1024 bytes";
    else if (demand->detached && demand->is_beside)
        what = "a detached seal is given, or it is beside the file: not both";
    else if (reader->has_record || reader->previous)
        what = "a seal must be demanded before the first record is read";
    return what ? sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE, "%s", what)
                : SNAPJAR_OK;
}

/* What is wrong with a seal that the reader found itself begins with the file's name. */
static snapjar_status name_seal(const char *path, snapjar_status status, snapjar_error *err)
{
    char message[SNAPJAR_ERROR_MESSAGE_SIZE];
    char name[SNAPJAR_ERROR_PLACE_SIZE];
    const char *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path;

    if (!err)
        return status;
    (void)snapjar_text_escape(name, sizeof(name), base, strlen(base));
    (void)snprintf(message, sizeof(message), "%s", err->message);
    (void)snprintf(err->message, sizeof(err->message), "%s: %.*s", name, (int)(sizeof(err->message) - strlen(name) - 3),
                   message);
    return sj_raise_place(err, status, path);
}

static snapjar_status open_beside(snapjar_reader *reader, char **path, snapjar_error *err)
{
    const char *of = sj_source_path(reader->source);

    *path = NULL;
    if (!of)
        return sj_raise(err, SNAPJAR_BAD_SEAL, SNAPJAR_DIAG_SEAL_MISSING, SJ_NOWHERE,
                        "a detached seal is demanded, and this is not a file that one could be beside");
    size_t size = strlen(of) + sizeof(SNAPJAR_DETACHED_SUFFIX);
    *path = sj_alloc(reader->context, size);
    if (!*path)
        return sj_raise_no_memory(err, size);
    (void)snprintf(*path, size, "%s" SNAPJAR_DETACHED_SUFFIX, of);
    snapjar_error fault;
    snapjar_status status = sj_detached_open_file(&reader->detached, reader->context, *path, &fault);
    if (status == SNAPJAR_OK)
        return status;
    if (err)
        *err = fault;
    if (status == SNAPJAR_IO && fault.system_errno == ENOENT)
        return sj_raise(err, SNAPJAR_BAD_SEAL, SNAPJAR_DIAG_SEAL_MISSING, SJ_NOWHERE,
                        "a detached seal is demanded and there is none");
    return status;
}

/* A list of nothing, by nobody: whoever goes on after a failure has every record refused. */
static const snapjar_detached nothing;
static const sj_accepted nobody;

/* Whose signatures on the list hold is asked once, before the first record. */
static snapjar_status accept_detached(snapjar_reader *reader, const snapjar_detached *detached, snapjar_error *err)
{
    if (!detached)
        return SNAPJAR_OK;
    reader->accepted = sj_alloc(reader->context, sizeof(*reader->accepted));
    if (!reader->accepted)
        return sj_raise_no_memory(err, sizeof(*reader->accepted));
    reader->demand.detached = detached;
    reader->demand.accepted = reader->accepted;
    return sj_seal_check_detached(reader->accepted, reader->context, &reader->demand, detached, err);
}

static snapjar_status demand_beside(snapjar_reader *reader, snapjar_error *err)
{
    char *path = NULL;
    snapjar_status status = open_beside(reader, &path, err);

    if (status == SNAPJAR_OK)
        status = accept_detached(reader, reader->detached, err);
    if (status != SNAPJAR_OK && status != SNAPJAR_NO_MEMORY && path)
        status = name_seal(path, status, err);
    sj_free(reader->context, path);
    return status;
}

snapjar_status snapjar_reader_demand_seal(snapjar_reader *reader, const snapjar_seal_demand *demand, snapjar_error *err)
{
    snapjar_seal_demand resolved;

    if (!reader)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE, "reader is NULL");
    SJ_TRY(sj_options_read(&resolved, sizeof(resolved), demand, "snapjar_seal_demand", err));
    SJ_TRY(check_demand(reader, &resolved, err));
    sj_demand_clear(reader);
    reader->demand = (sj_demand){.trust = resolved.trust, .detached = &nothing, .accepted = &nobody};
    if (resolved.context) {
        reader->demand_context = sj_dup_text(reader->context, resolved.context, strlen(resolved.context));
        if (!reader->demand_context)
            return sj_raise_no_memory(err, strlen(resolved.context));
    }
    reader->demand = (sj_demand){
        .trust = resolved.trust,
        .context = reader->demand_context,
        .now = resolved.now ? resolved.now : (int64_t)time(NULL),
    };
    snapjar_status status =
        resolved.is_beside ? demand_beside(reader, err) : accept_detached(reader, resolved.detached, err);
    if (status != SNAPJAR_OK) {
        reader->demand.detached = &nothing;
        reader->demand.accepted = &nobody;
    }
    return status;
}

snapjar_status sj_demand_end(const snapjar_reader *reader, snapjar_error *err)
{
    const snapjar_detached *detached = reader->demand.detached;

    if (!detached || reader->next_index >= detached->count)
        return SNAPJAR_OK;
    snapjar_status status = sj_raise(
        err, SNAPJAR_BAD_SEAL, SNAPJAR_DIAG_SEAL_RECORDS_MISSING, SJ_AT_FILE(reader->source_size),
        "the file ends after %" PRIu64 " of the %zu records that the seal lists", reader->next_index, detached->count);
    if (err)
        err->record_index = reader->next_index;
    return status;
}

void sj_demand_clear(snapjar_reader *reader)
{
    sj_free(reader->context, reader->demand_context);
    sj_free(reader->context, reader->accepted);
    snapjar_detached_free(reader->detached);
    reader->demand = (sj_demand){.trust = NULL};
    reader->demand_context = NULL;
    reader->accepted = NULL;
    reader->detached = NULL;
}

const char *snapjar_record_sealed_by(const snapjar_record *record)
{
    return record->inner.sealed_by ? record->inner.sealed_by->id_text : NULL;
}
