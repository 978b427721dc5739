/* SPDX-License-Identifier: MIT
 *
 * From a pickle to a record, in one pass over the pickle: the bytes that are analysed are the bytes that are hashed and
 * compressed. The header is written when all is known: before the frames, which wait for it, or into the gap that was
 * left for it in a file that nobody sees yet.
 */
#include <inttypes.h>
#include <string.h>

#include <snapjar/snapshot.h>

#include "codec/frame.h"
#include "container/payload.h"
#include "pickle/inspect.h"
#include "pickle/scan.h"
#include "snapshot/analysis.h"
#include "snapshot/describe.h"
#include "snapshot/input.h"
#include "snapshot/pack.h"
#include "snapshot/pack_contract.h"
#include "snapshot/sealer.h"
#include "util/bytes.h"
#include "util/options.h"
#include "util/pipeline.h"

/* The first step in which a pickle is read from a file; each is twice the one before. */
#define READ_STEP ((size_t)64 << 10)

/* Gives the content frame by frame: the pickle, then padding and buffers. */
typedef struct producer {
    snapjar_source *source;
    /** Where the pickle begins in the source, and how far it was read. */
    uint64_t offset;
    uint64_t source_size;
    uint64_t pickle_read;
    uint32_t frame_size;
    uint64_t content_size_max;
    sj_inspection inspection;
    /** What the header gets besides what is known at the end. */
    snapjar_context *context;
    snapjar_scan *scan;
    const sj_header_plan *plan;
    /** Content given so far. */
    uint64_t at;
    /** Where each buffer stands in the content; NULL without buffers. */
    snapjar_buffer_span *spans;
    const snapjar_buffer *buffers;
    size_t buffer_count;
    size_t buffer;
    snapjar_progress *progress;
    void *progress_state;
    /** Gets the pickle, where a contract will be asked and the source cannot lend it; or NULL. */
    snapjar_sink *kept;
} producer;

static snapjar_status check_options(const snapjar_pack_options *options, snapjar_error *err)
{
    const char *wrong = NULL;

    if (options->schema_version < 0)
        wrong = "schema_version is negative";
    else if (options->level < sj_level_min() || options->level > sj_level_max())
        wrong = "level is not from -7 to 22";
    else if (options->threads > SJ_THREADS_MAX)
        wrong = "threads exceeds 64";
    else if (options->frame_size &&
             (options->frame_size < SNAPJAR_FRAME_SIZE_MIN || options->frame_size > SNAPJAR_FRAME_SIZE_MAX ||
              (options->frame_size & (options->frame_size - 1))))
        wrong = "frame_size is not a power of two from 64 KiB to 8 MiB";
    else if (options->string_encoding > SNAPJAR_STRING_BYTES || options->compression > SNAPJAR_COMPRESSION_ZSTD)
        wrong = "string_encoding or compression is none that exists";
    else if (options->buffer_count && !options->buffers)
        wrong = "buffer_count is set and buffers is NULL";
    if (!wrong)
        return SNAPJAR_OK;
    return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE, "%s", wrong);
}

/* The pickle has ended, so the places of the buffers are known. */
static snapjar_status place_buffers(producer *p, snapjar_error *err)
{
    const snapjar_pickle_extent *extent = &p->inspection.extent;
    uint64_t end = extent->size;

    if (extent->buffer_count != p->buffer_count)
        return sj_raise(err, SNAPJAR_WRONG_FORMAT, SNAPJAR_DIAG_PICKLE_BUFFERS_MISMATCH, SJ_AT_CONTENT(p->offset),
                        "the pickle asks for %" PRIu64 " out-of-band buffers and %zu are given", extent->buffer_count,
                        p->buffer_count);
    for (size_t i = 0; i < p->buffer_count; i++) {
        p->spans[i].offset = sj_round_up(end, SNAPJAR_BUFFER_ALIGNMENT);
        p->spans[i].size = p->buffers[i].size;
        if (!sj_add(p->spans[i].offset, p->spans[i].size, &end) || end > p->content_size_max)
            return sj_raise(err, SNAPJAR_LIMIT, SNAPJAR_DIAG_INPUT_TOO_LARGE, SJ_AT_CONTENT(p->offset),
                            "the pickle and its buffers exceed the limit of %" PRIu64 " bytes", p->content_size_max);
    }
    return SNAPJAR_OK;
}

/* Takes the next `room` bytes of the pickle at `bytes`, as far as they belong to it. */
static snapjar_status take_pickle(producer *p, const uint8_t *bytes, size_t room, size_t *taken, snapjar_error *err)
{
    if (!room) /* the source ends here, though it may have said otherwise before */
        return sj_inspect_finish(&p->inspection, err);
    SJ_TRY(sj_inspect_feed(&p->inspection, bytes, room, taken, err));
    p->pickle_read += *taken;
    if (p->pickle_read > p->content_size_max)
        return sj_raise(err, SNAPJAR_LIMIT, SNAPJAR_DIAG_INPUT_TOO_LARGE,
                        SJ_AT_CONTENT(p->offset + p->content_size_max),
                        "the pickle exceeds the limit of %" PRIu64 " bytes", p->content_size_max);
    return SNAPJAR_OK;
}

/*
 * The next bytes of the pickle, a frame unless it ends: borrowed from the source where it can lend them. Else they are
 * read in steps that grow, since many small pickles may follow one another.
 */
static snapjar_status read_pickle(producer *p, uint8_t *buffer, const uint8_t **bytes, size_t *size, snapjar_error *err)
{
    uint64_t at = p->offset + p->pickle_read;
    size_t room = (size_t)sj_min(p->frame_size, at < p->source_size ? p->source_size - at : 0);

    *bytes = sj_source_borrow(p->source, at, room);
    if (*bytes) {
        SJ_TRY(take_pickle(p, *bytes, room, size, err));
        if (!sj_inspect_is_done(&p->inspection) && room < p->frame_size)
            return sj_inspect_finish(&p->inspection, err);
    } else {
        *bytes = buffer;
        for (size_t step = READ_STEP; !sj_inspect_is_done(&p->inspection) && *size < p->frame_size; step *= 2) {
            size_t got = (size_t)sj_min(step, p->frame_size - *size);
            size_t taken = 0;
            SJ_TRY(snapjar_source_read_at(p->source, buffer + *size, got, at + *size, &got, err));
            SJ_TRY(take_pickle(p, buffer + *size, got, &taken, err));
            *size += taken;
        }
    }
    if (p->kept)
        SJ_TRY(snapjar_sink_write(p->kept, *bytes, *size, err));
    return sj_inspect_is_done(&p->inspection) ? place_buffers(p, err) : SNAPJAR_OK;
}

/* Zeros up to the next buffer, then its bytes, into what is left of the frame. */
static void put_buffers(producer *p, uint8_t *frame, size_t *size)
{
    while (p->buffer < p->buffer_count && *size < p->frame_size) {
        const snapjar_buffer_span *span = &p->spans[p->buffer];
        uint64_t here = p->at + *size;
        size_t room = p->frame_size - *size;
        size_t step = 0;
        if (here < span->offset) {
            step = (size_t)sj_min(room, span->offset - here);
            memset(frame + *size, 0, step);
        } else {
            uint64_t done = here - span->offset;
            step = (size_t)sj_min(room, span->size - done);
            if (step)
                memcpy(frame + *size, (const uint8_t *)p->buffers[p->buffer].data + done, step);
            if (done + step == span->size)
                p->buffer++;
        }
        *size += step;
    }
}

static snapjar_status produce(void *state, uint8_t *buffer, const uint8_t **bytes, size_t *size, snapjar_error *err)
{
    producer *p = state;

    *bytes = buffer;
    *size = 0;
    if (p->progress && !p->progress(p->progress_state, p->at, p->source_size - p->offset))
        return sj_raise(err, SNAPJAR_CANCELLED, SNAPJAR_DIAG_CANCELLED, SJ_NOWHERE, "cancelled by the caller");
    if (!sj_inspect_is_done(&p->inspection))
        SJ_TRY(read_pickle(p, buffer, bytes, size, err));
    if (sj_inspect_is_done(&p->inspection) && p->buffer < p->buffer_count) {
        if (*bytes != buffer)
            memcpy(buffer, *bytes, *size);
        *bytes = buffer;
        put_buffers(p, buffer, size);
    }
    p->at += *size;
    return SNAPJAR_OK;
}

/* What the analysis tells, and the user did not. */
static snapjar_status describe(sj_header_plan *plan, snapjar_scan *scan, char *type, snapjar_error *err)
{
    if (!plan->type) {
        sj_describe_type(scan, type);
        plan->type = type;
    }
    return sj_describe_layout(scan, &plan->layout_json, err);
}

static uint64_t content_end(const producer *p, uint64_t pickle_size)
{
    return p->buffer_count ? p->spans[p->buffer_count - 1].offset + p->spans[p->buffer_count - 1].size : pickle_size;
}

/*
 * The size of a header in which all that is not known yet goes on as it began: no class comes that has not come, the
 * other frames shrink like the first, and the pickle ends where the source does. The type of the root is the one thing
 * that shows at the end only.
 */
static size_t expect_header(void *state, uint64_t content_size, uint64_t stored_size)
{
    producer *p = state;
    bool is_done = sj_inspect_is_done(&p->inspection);
    char type[SJ_TYPE_SIZE_MAX + 1];
    const uint8_t *frame = NULL;
    size_t frame_size = 0;
    sj_header_plan plan = *p->plan;

    if (!plan.type || (p->buffer_count && !is_done))
        return 0;
    plan.pickle_size = is_done ? p->inspection.extent.size : p->source_size - p->offset;
    plan.size = content_end(p, plan.pickle_size);
    plan.stored_size = (uint64_t)((double)plan.size * (double)stored_size / (double)content_size);
    plan.buffers = p->spans;
    plan.buffer_count = p->buffer_count;
    if (describe(&plan, p->scan, type, NULL) != SNAPJAR_OK ||
        sj_header_build(&frame, &frame_size, p->context, &plan, NULL) != SNAPJAR_OK)
        frame_size = 0;
    return frame_size;
}

/* Who seals the record, if anybody, and the digest of its payload. */
typedef struct sealing {
    snapjar_sealer *sealer;
    const uint8_t *digest;
} sealing;

/* What the contract says of the pickle that was read: the bytes that were hashed, or those that the source has lent. */
static snapjar_status ask_contract(snapjar_context *context, const producer *p, const snapjar_pack_options *options,
                                   const sj_header_plan *plan, snapjar_error *err)
{
    size_t size = (size_t)plan->pickle_size;
    const void *bytes = p->kept ? snapjar_sink_memory(p->kept, &size) : sj_source_borrow(p->source, p->offset, size);

    return sj_pack_contract_check(context, options, plan->type, bytes, size, p->offset, err);
}

/* Builds the header of what was compressed, and writes all. */
static snapjar_status finish_record(snapjar_context *context, snapjar_scan *scan, sj_output *output,
                                    const sj_header_plan *plan, const sealing *seal, const sj_pack_extra *extra,
                                    snapjar_packed *packed, snapjar_error *err)
{
    /* Of its own: what describes it lives no longer than this. */
    sj_header_plan described = *plan;
    char type[SJ_TYPE_SIZE_MAX + 1];
    const uint8_t *frame = NULL;
    size_t frame_size = 0;

    snapjar_status status = describe(&described, scan, type, err);
    if (status == SNAPJAR_OK)
        status = sj_header_build(&frame, &frame_size, context, &described, err);
    if (status == SNAPJAR_OK && seal->sealer)
        status = sj_sealer_seal(seal->sealer, &frame, &frame_size, plan->stored_size, seal->digest, err);
    if (status != SNAPJAR_OK)
        return status;
    if (extra && extra->header_checksum)
        memcpy(extra->header_checksum, frame + SJ_PREFIX_SIZE - SJ_CHECKSUM_SIZE, SJ_CHECKSUM_SIZE);
    *packed = (snapjar_packed){
        .pickle_size = plan->pickle_size,
        .size = plan->size,
        .stored_size = plan->stored_size,
        .record_size = frame_size + plan->stored_size + SJ_TRAILER_SIZE,
        .protocol = plan->protocol,
    };
    return sj_output_finish(output, frame, frame_size, packed->record_size, err);
}

static snapjar_status pack(snapjar_context *context, producer *p, snapjar_scan *scan, sj_output *output,
                           const snapjar_pack_options *options, sj_header_plan *plan, const sj_pack_extra *extra,
                           snapjar_packed *packed, snapjar_error *err)
{
    sj_payload_writing writing = {
        .context = context,
        .threads = options->threads,
        .level = options->level,
        .frame_size = p->frame_size,
        .compression = options->compression,
        .has_buffers = options->buffer_count > 0,
        .produce = produce,
        /* How large a seal gets shows only when it is made. */
        .expect_header = options->sealer ? NULL : expect_header,
        .state = p,
        .wants_digest = options->sealer != NULL,
    };
    sj_payload_written written;

    p->context = context;
    p->scan = scan;
    p->plan = plan;
    SJ_TRY(sj_header_prepare(context, plan, err));
    SJ_TRY(sj_payload_write(&writing, output, &written, err));
    plan->protocol = p->inspection.extent.protocol;
    plan->size = written.size;
    plan->stored_size = written.stored_size;
    plan->pickle_size = p->inspection.extent.size;
    plan->buffers = p->spans;
    plan->buffer_count = p->buffer_count;
    memcpy(plan->checksum, written.checksum, SJ_CHECKSUM_SIZE);
    memcpy(plan->content_checksum, written.content_checksum, SJ_CHECKSUM_SIZE);
    scan->has_buffers = p->buffer_count > 0;
    if (options->contract)
        SJ_TRY(ask_contract(context, p, options, plan, err));
    if (options->sealer)
        sj_sealer_plan(options->sealer, plan);
    return finish_record(context, scan, output, plan, &(sealing){options->sealer, written.digest}, extra, packed, err);
}

/* A pickle that breaks off may be joblib's, which puts raw arrays into it: then say that. */
static snapjar_status explain_failure(const producer *p, snapjar_status status, snapjar_error *err)
{
    bool is_pickle_fault = status == SNAPJAR_DAMAGED || status == SNAPJAR_CUT_SHORT || status == SNAPJAR_UNSUPPORTED;

    if (!is_pickle_fault ||
        !sj_input_mentions_joblib_array(p->source, p->offset, p->offset + p->pickle_read + p->frame_size))
        return status;
    return sj_raise(err, SNAPJAR_WRONG_FORMAT, SNAPJAR_DIAG_INPUT_JOBLIB_ARRAY, SJ_AT_CONTENT(p->offset),
                    "the pickle is interrupted by raw arrays, as joblib writes them");
}

snapjar_status sj_pack(snapjar_context *context, snapjar_source *source, uint64_t offset, snapjar_sink *sink,
                       const snapjar_pack_options *options, const sj_pack_extra *extra, snapjar_packed *packed,
                       snapjar_error *err)
{
    snapjar_pack_options resolved;
    snapjar_limits limits;
    snapjar_packed own;
    snapjar_error failure;
    producer p = {.source = source, .offset = offset};

    if (packed)
        *packed = (snapjar_packed){0};
    SJ_TRY(sj_options_read(&resolved, sizeof(resolved), options, "snapjar_pack_options", err));
    SJ_TRY(check_options(&resolved, err));
    sj_pack_contract_resolve(&resolved);
    SJ_TRY(sj_limits_resolve(&limits, resolved.limits, err));
    SJ_TRY(snapjar_source_size(source, &p.source_size, err));
    if (offset > p.source_size)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE,
                        "offset %" PRIu64 " is beyond the source's %" PRIu64 " bytes", offset, p.source_size);
    p.frame_size = resolved.frame_size ? resolved.frame_size : SNAPJAR_FRAME_SIZE_DEFAULT;
    p.content_size_max = limits.content_size_max;
    p.buffers = resolved.buffers;
    p.buffer_count = resolved.buffer_count;
    p.progress = resolved.progress;
    p.progress_state = resolved.progress_state;
    snapjar_scan *scan = resolved.scan ? resolved.scan : sj_analysis_scan(context, err);
    if (!scan)
        return SNAPJAR_NO_MEMORY;
    sj_inspect_begin(&p.inspection, scan, &(sj_inspect_options){offset, resolved.string_encoding, &limits});
    if (p.buffer_count) {
        p.spans = sj_alloc_zero(context, p.buffer_count * sizeof(*p.spans));
        if (!p.spans)
            return sj_raise_no_memory(err, p.buffer_count * sizeof(*p.spans));
    }
    if (resolved.contract && !sj_source_borrow(source, offset, p.source_size - offset)) {
        snapjar_status kept_status = snapjar_sink_to_memory(&p.kept, context, err);
        if (kept_status != SNAPJAR_OK) {
            sj_free(context, p.spans);
            return kept_status;
        }
    }
    sj_header_plan plan = {
        .type = resolved.type,
        .schema_version = resolved.schema_version,
        .created = resolved.created,
        .build_json = resolved.build_json,
        .labels_json = resolved.labels_json,
        .string_encoding = resolved.string_encoding,
        .frame_size = p.frame_size,
    };
    if (extra) {
        plan.history_json = extra->history_json;
        plan.stream_json = extra->stream_json;
        plan.extra_json = extra->extra_json;
    }
    sj_output output;
    snapjar_status status = sj_output_begin(&output, context, sink, &failure);
    if (status == SNAPJAR_OK)
        status = pack(context, &p, scan, &output, &resolved, &plan, extra, packed ? packed : &own, &failure);
    if (status != SNAPJAR_OK) {
        sj_output_undo(&output);
        status = explain_failure(&p, status, &failure);
        sj_scan_fail(scan, &failure);
        if (packed)
            *packed = (snapjar_packed){0};
        if (err)
            *err = failure;
    }
    if (scan != resolved.scan)
        sj_analysis_done(context);
    snapjar_sink_free(p.kept);
    sj_free(context, p.spans);
    return status;
}

snapjar_status snapjar_pack(snapjar_context *context, snapjar_source *source, uint64_t offset, snapjar_sink *sink,
                            const snapjar_pack_options *options, snapjar_packed *packed, snapjar_error *err)
{
    return sj_pack(context, source, offset, sink, options, NULL, packed, err);
}
