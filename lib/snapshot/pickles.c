/* SPDX-License-Identifier: MIT
 *
 * Walks over the pickles of a source of any kind. Records go through the gate; bare pickles are found by their STOPs.
 */
#include <inttypes.h>
#include <string.h>

#include <snapjar/pickles.h>
#include <snapjar/seal.h>

#include "pickle/inspect.h"
#include "pickle/scan.h"
#include "snapshot/content.h"
#include "snapshot/gate.h"
#include "snapshot/input.h"
#include "util/options.h"
#include "util/pipeline.h"

#define CHUNK_SIZE ((size_t)256 << 10)
/* What is in memory already is lent in larger pieces. */
#define LENT_SIZE_MAX ((uint64_t)4 << 20)

struct snapjar_pickles {
    snapjar_context *context;
    snapjar_pickles_options options;
    snapjar_limits limits;
    snapjar_input_kind kind;
    /** What the pickles are read from: the caller's source, or `plain`. */
    snapjar_source *source;
    /** The decompressed input, or NULL. */
    snapjar_source *plain;
    uint64_t source_size;
    /** Of a snapshot, or NULL. */
    snapjar_reader *reader;
    snapjar_pickles_item item;
    bool has_item;
    /** Bytes of the current bare pickle, or 0 while its end is not known; where the next one begins, and its number. */
    uint64_t size;
    uint64_t next_offset;
    uint64_t next_index;
    /** A part of the source, kept because many small pickles may be in it; NULL until one is read. */
    uint8_t *window;
    uint64_t window_offset;
    size_t window_size;
};

/* ---- opening ---- */

static snapjar_status refuse_twice(const snapjar_pickles *pickles, snapjar_input_kind inner, snapjar_error *err)
{
    return sj_raise(err, SNAPJAR_WRONG_FORMAT, SNAPJAR_DIAG_INPUT_NOT_PICKLE, SJ_AT_FILE(0),
                    "the input is compressed twice (%s inside %s): unpack the outer one first",
                    snapjar_input_kind_name(inner), snapjar_input_kind_name(pickles->kind));
}

static snapjar_status open_source(snapjar_pickles *pickles, snapjar_error *err)
{
    SJ_TRY(snapjar_input_detect(pickles->source, &pickles->kind, err));
    snapjar_input_kind inner = pickles->kind;
    if (inner != SNAPJAR_INPUT_PICKLE && inner != SNAPJAR_INPUT_SNAPSHOT) {
        SJ_TRY(snapjar_input_decompress(&pickles->plain, pickles->context, pickles->source, pickles->kind,
                                        &pickles->limits, err));
        pickles->source = pickles->plain;
        SJ_TRY(snapjar_input_detect(pickles->source, &inner, err));
        if (inner != SNAPJAR_INPUT_PICKLE && inner != SNAPJAR_INPUT_SNAPSHOT)
            return refuse_twice(pickles, inner, err);
    }
    SJ_TRY(snapjar_source_size(pickles->source, &pickles->source_size, err));
    if (inner == SNAPJAR_INPUT_SNAPSHOT)
        SJ_TRY(snapjar_reader_new(&pickles->reader, pickles->context, pickles->source, &pickles->limits, err));
    if (!pickles->options.seal)
        return SNAPJAR_OK;
    if (pickles->reader)
        return snapjar_reader_demand_seal(pickles->reader, pickles->options.seal, err);
    return sj_raise(err, SNAPJAR_BAD_SEAL, SNAPJAR_DIAG_SEAL_MISSING, SJ_AT_FILE(0),
                    "a seal is demanded, and only snapshots have one");
}

static snapjar_status check_options(const snapjar_pickles_options *options, snapjar_error *err)
{
    if ((unsigned)options->string_encoding > SNAPJAR_STRING_BYTES)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE,
                        "string_encoding %d is none", (int)options->string_encoding);
    if (options->threads > SJ_THREADS_MAX)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE,
                        "threads %u exceeds %u", options->threads, SJ_THREADS_MAX);
    return SNAPJAR_OK;
}

snapjar_status snapjar_pickles_open(snapjar_pickles **out, snapjar_context *context, snapjar_source *source,
                                    const snapjar_pickles_options *options, snapjar_error *err)
{
    snapjar_pickles_options resolved;
    snapjar_limits limits;

    if (out)
        *out = NULL;
    if (!out || !context || !source)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE,
                        "pickles, context or source is NULL");
    SJ_TRY(sj_options_read(&resolved, sizeof(resolved), options, "snapjar_pickles_options", err));
    SJ_TRY(check_options(&resolved, err));
    SJ_TRY(sj_limits_resolve(&limits, resolved.limits, err));
    snapjar_pickles *pickles = sj_alloc_zero(context, sizeof(*pickles));
    if (!pickles)
        return sj_raise_no_memory(err, sizeof(*pickles));
    pickles->context = context;
    pickles->options = resolved;
    pickles->limits = limits;
    pickles->source = source;
    snapjar_status status = open_source(pickles, err);
    if (status != SNAPJAR_OK) {
        snapjar_pickles_free(pickles);
        return status;
    }
    *out = pickles;
    return SNAPJAR_OK;
}

void snapjar_pickles_free(snapjar_pickles *pickles)
{
    if (!pickles)
        return;
    snapjar_reader_free(pickles->reader);
    snapjar_source_free(pickles->plain);
    sj_free(pickles->context, pickles->window);
    sj_free(pickles->context, pickles);
}

snapjar_input_kind snapjar_pickles_kind(const snapjar_pickles *pickles)
{
    return pickles->kind;
}

/* ---- bare pickles ---- */

/* The next bytes of the source at `at`, at least one unless it ends there: from memory, or by way of the window. */
static snapjar_status get_bytes(snapjar_pickles *pickles, uint64_t at, const uint8_t **bytes, size_t *size,
                                snapjar_error *err)
{
    *size = (size_t)sj_min(LENT_SIZE_MAX, at < pickles->source_size ? pickles->source_size - at : 0);
    *bytes = sj_source_borrow(pickles->source, at, *size);
    if (*bytes)
        return SNAPJAR_OK;
    if (at < pickles->window_offset || at - pickles->window_offset >= pickles->window_size) {
        if (!pickles->window)
            pickles->window = sj_alloc(pickles->context, CHUNK_SIZE);
        if (!pickles->window)
            return sj_raise_no_memory(err, CHUNK_SIZE);
        pickles->window_size = 0;
        pickles->window_offset = at;
        SJ_TRY(snapjar_source_read_at(pickles->source, pickles->window, CHUNK_SIZE, at, &pickles->window_size, err));
    }
    *bytes = pickles->window + (at - pickles->window_offset);
    *size = pickles->window_size - (size_t)(at - pickles->window_offset);
    return SNAPJAR_OK;
}

static snapjar_status tell_progress(const snapjar_pickles *pickles, uint64_t done, snapjar_error *err)
{
    const snapjar_pickles_options *options = &pickles->options;
    uint64_t total = pickles->source_size - pickles->item.offset;

    if (!options->progress || options->progress(options->progress_state, done, total))
        return SNAPJAR_OK;
    return sj_raise(err, SNAPJAR_CANCELLED, SNAPJAR_DIAG_CANCELLED, SJ_NOWHERE, "cancelled by the caller");
}

/* Feeds the pickle to its STOP; `*done` is how far it came. */
static snapjar_status feed_bare(snapjar_pickles *pickles, sj_inspection *inspection, uint64_t *done, snapjar_error *err)
{
    while (!sj_inspect_is_done(inspection)) {
        const uint8_t *bytes = NULL;
        size_t size = 0;
        size_t consumed = 0;
        SJ_TRY(tell_progress(pickles, *done, err));
        SJ_TRY(get_bytes(pickles, pickles->item.offset + *done, &bytes, &size, err));
        if (!size)
            return sj_inspect_finish(inspection, err);
        snapjar_status status = sj_inspect_feed(inspection, bytes, size, &consumed, err);
        *done += status == SNAPJAR_OK ? consumed : size;
        SJ_TRY(status);
        if (*done > pickles->limits.content_size_max)
            return sj_raise(err, SNAPJAR_LIMIT, SNAPJAR_DIAG_INPUT_TOO_LARGE,
                            SJ_AT_CONTENT(pickles->item.offset + pickles->limits.content_size_max),
                            "the pickle exceeds the limit of %" PRIu64 " bytes", pickles->limits.content_size_max);
    }
    return SNAPJAR_OK;
}

static bool is_pickle_fault(snapjar_status status)
{
    return status == SNAPJAR_DAMAGED || status == SNAPJAR_CUT_SHORT || status == SNAPJAR_UNSUPPORTED;
}

/* A pickle that breaks off may be joblib's, which puts raw arrays into it: then say that. */
static snapjar_status explain(const snapjar_pickles *pickles, uint64_t done, snapjar_status status, snapjar_error *err)
{
    uint64_t from = pickles->item.offset;

    if (!is_pickle_fault(status) || !sj_input_mentions_joblib_array(pickles->source, from, from + done))
        return status;
    return sj_raise(err, SNAPJAR_WRONG_FORMAT, SNAPJAR_DIAG_INPUT_JOBLIB_ARRAY, SJ_AT_CONTENT(from),
                    "the pickle is interrupted by raw arrays, as joblib writes them");
}

/* Looks for the end of the current pickle, with a scan or (NULL) without, whose failure is then that of the walk. */
static snapjar_status walk_bare(snapjar_pickles *pickles, snapjar_scan *scan, snapjar_error *err)
{
    sj_inspection inspection;
    uint64_t done = 0;

    sj_inspect_begin(&inspection, scan,
                     &(sj_inspect_options){pickles->item.base_offset, pickles->item.string_encoding, &pickles->limits});
    snapjar_status status = feed_bare(pickles, &inspection, &done, err);
    if (status == SNAPJAR_OK)
        pickles->size = inspection.extent.size;
    if (status == SNAPJAR_OK && scan && snapjar_scan_failure(scan)) {
        status = snapjar_scan_failure(scan)->status;
        if (err)
            *err = *snapjar_scan_failure(scan);
    }
    return status == SNAPJAR_OK ? status : explain(pickles, done, status, err);
}

/* ---- going on ---- */

static snapjar_status next_bare(snapjar_pickles *pickles, snapjar_error *err)
{
    if (pickles->has_item) {
        if (!pickles->size)
            SJ_TRY(walk_bare(pickles, NULL, err));
        pickles->next_offset = pickles->item.offset + pickles->size;
        pickles->next_index = pickles->item.index + 1;
    }
    /* Somebody may append while we read. */
    if (pickles->next_offset >= pickles->source_size)
        SJ_TRY(snapjar_source_size(pickles->source, &pickles->source_size, err));
    pickles->has_item = pickles->next_offset < pickles->source_size;
    pickles->item = (snapjar_pickles_item){
        .index = pickles->next_index,
        .offset = pickles->next_offset,
        .base_offset = pickles->next_offset,
        .string_encoding = pickles->options.string_encoding,
    };
    pickles->size = 0;
    return SNAPJAR_OK;
}

static snapjar_status next_record(snapjar_pickles *pickles, snapjar_error *err)
{
    const snapjar_record *record = NULL;

    SJ_TRY(snapjar_reader_next(pickles->reader, &record, err));
    pickles->has_item = record != NULL;
    if (!record)
        return SNAPJAR_OK;
    pickles->item = (snapjar_pickles_item){
        .index = snapjar_record_index(record),
        .offset = snapjar_record_offset(record),
        .header = snapjar_record_header(record),
        .string_encoding = snapjar_header_string_encoding(snapjar_record_header(record)),
    };
    return SNAPJAR_OK;
}

snapjar_status snapjar_pickles_next(snapjar_pickles *pickles, const snapjar_pickles_item **item, snapjar_error *err)
{
    *item = NULL;
    SJ_TRY(pickles->reader ? next_record(pickles, err) : next_bare(pickles, err));
    if (pickles->has_item)
        *item = &pickles->item;
    return SNAPJAR_OK;
}

/* ---- the current pickle ---- */

static snapjar_check_options record_options(const snapjar_pickles *pickles)
{
    snapjar_check_options options = SNAPJAR_CHECK_OPTIONS_INIT;

    options.threads = pickles->options.threads;
    options.progress = pickles->options.progress;
    options.progress_state = pickles->options.progress_state;
    return options;
}

static snapjar_status check_item(const snapjar_pickles *pickles, snapjar_error *err)
{
    if (pickles->has_item)
        return SNAPJAR_OK;
    return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE,
                    "there is no current pickle: call snapjar_pickles_next first");
}

/* Copies `size` bytes of the source from the pickle's first byte on. */
static snapjar_status copy_bare(snapjar_pickles *pickles, uint64_t size, snapjar_content **out, snapjar_error *err)
{
    snapjar_content *content = NULL;
    uint8_t *bytes = NULL;

    SJ_TRY(sj_content_new(&content, pickles->context, size, size, err));
    snapjar_status status = sj_content_allocate(content, &bytes, err);
    if (status == SNAPJAR_OK)
        status = sj_source_read_exact(pickles->source, bytes, (size_t)size, pickles->item.offset,
                                      SNAPJAR_DIAG_SOURCE_CHANGED, err);
    if (status != SNAPJAR_OK) {
        snapjar_content_free(content);
        return status;
    }
    *out = content;
    return SNAPJAR_OK;
}

static snapjar_status load_bare(snapjar_pickles *pickles, snapjar_content **out, snapjar_error *err)
{
    snapjar_content *content = NULL;
    snapjar_pickle_extent extent;

    if (!pickles->size)
        SJ_TRY(walk_bare(pickles, NULL, err));
    SJ_TRY(copy_bare(pickles, pickles->size, &content, err));
    /* The file was read twice, and what counts is what was copied. */
    if (snapjar_pickle_measure(&extent, content->bytes, (size_t)content->size, &pickles->limits, NULL) == SNAPJAR_OK &&
        extent.size == content->size) {
        *out = content;
        return SNAPJAR_OK;
    }
    snapjar_content_free(content);
    return sj_raise(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_SOURCE_CHANGED, SJ_AT_FILE(pickles->item.offset),
                    "the pickle at %" PRIu64 " is another than a moment ago", pickles->item.offset);
}

snapjar_status snapjar_pickles_load(snapjar_pickles *pickles, snapjar_content **content, snapjar_error *err)
{
    *content = NULL;
    SJ_TRY(check_item(pickles, err));
    if (!pickles->reader)
        return load_bare(pickles, content, err);
    snapjar_check_options options = record_options(pickles);
    return snapjar_record_load(pickles->reader, content, &options, err);
}

snapjar_status snapjar_pickles_load_rest(snapjar_pickles *pickles, snapjar_content **content, snapjar_error *err)
{
    *content = NULL;
    SJ_TRY(check_item(pickles, err));
    if (pickles->reader)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE,
                        "of a record nothing is given out unverified");
    uint64_t size = pickles->source_size - pickles->item.offset;
    if (size > pickles->limits.content_size_max)
        return sj_raise(err, SNAPJAR_LIMIT, SNAPJAR_DIAG_INPUT_TOO_LARGE, SJ_AT_CONTENT(pickles->item.offset),
                        "the rest of the input has %" PRIu64 " bytes, the limit is %" PRIu64, size,
                        pickles->limits.content_size_max);
    return copy_bare(pickles, size, content, err);
}

static snapjar_status scan_record(snapjar_pickles *pickles, snapjar_scan *scan, snapjar_error *err)
{
    snapjar_check_options options = record_options(pickles);
    options.scan = scan;
    SJ_TRY(sj_gate_pass(&(sj_gate){.reader = pickles->reader, .options = &options}, NULL, err));
    if (!snapjar_scan_failure(scan))
        return SNAPJAR_OK;
    if (err) {
        *err = *snapjar_scan_failure(scan);
        err->record_index = pickles->item.index;
    }
    return snapjar_scan_failure(scan)->status;
}

snapjar_status snapjar_pickles_scan(snapjar_pickles *pickles, snapjar_scan *scan, snapjar_error *err)
{
    snapjar_error failure;

    SJ_TRY(check_item(pickles, err));
    if (!scan)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE, "scan is NULL");
    snapjar_status status = pickles->reader ? scan_record(pickles, scan, &failure) : walk_bare(pickles, scan, &failure);
    if (status == SNAPJAR_OK)
        return SNAPJAR_OK;
    sj_scan_fail(scan, &failure);
    if (err)
        *err = failure;
    return status;
}
