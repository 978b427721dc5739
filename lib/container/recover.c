/* SPDX-License-Identifier: MIT
 *
 * Saving what is whole in a damaged file. Where the next record begins is believed only if a header or the structure of
 * the frames says so; a record found by searching bytes may be somebody's data inside another's payload, and is kept
 * apart.
 */

#include <inttypes.h>
#include <string.h>

#include <snapjar/snapshot.h>

#include "container/payload.h"
#include "container/pool.h"
#include "util/bytes.h"

#define CHUNK_SIZE ((size_t)256 << 10)
/*
 * Every place that looks like a header costs a read of what it claims to be. The total is bounded, so that a file full
 * of false headers cannot take for ever: this many times the file's size, and a base for small files.
 */
#define SEARCH_FACTOR 16
#define SEARCH_BASE (UINT64_C(256) << 20)

typedef struct recovery {
    snapjar_context *context;
    snapjar_source *source;
    snapjar_sink *kept;
    snapjar_sink *unconfirmed;
    snapjar_limits limits;
    snapjar_recover_report *report;
    void *report_state;
    snapjar_recovered result;
    uint64_t size;
    uint64_t at;
    uint64_t index;
    /** Bytes read for false headers and records. */
    uint64_t searched;
    /** Set once a place was found by searching: from there on nothing is sure. */
    bool is_unconfirmed;
    /** A lost range that has begun, and why. */
    bool is_losing;
    uint64_t lost_from;
    snapjar_error lost_reason;
} recovery;

static bool is_about_data(snapjar_status status)
{
    return status == SNAPJAR_CUT_SHORT || status == SNAPJAR_WRONG_FORMAT || status == SNAPJAR_UNSUPPORTED ||
           status == SNAPJAR_DAMAGED || status == SNAPJAR_LIMIT;
}

static void tell(const recovery *r, snapjar_recover_event event, uint64_t offset, uint64_t size,
                 const snapjar_error *reason)
{
    if (r->report)
        r->report(r->report_state, event, offset, size, reason);
}

static void lose_from(recovery *r, uint64_t offset, const snapjar_error *reason)
{
    if (r->is_losing)
        return;
    r->is_losing = true;
    r->lost_from = offset;
    r->lost_reason = *reason;
}

static void end_lost(recovery *r, uint64_t offset)
{
    if (!r->is_losing)
        return;
    r->is_losing = false;
    r->result.lost_size += offset - r->lost_from;
    tell(r, SNAPJAR_RECOVER_LOST, r->lost_from, offset - r->lost_from, &r->lost_reason);
}

static snapjar_status copy(const recovery *r, snapjar_sink *to, uint64_t from, uint64_t size, snapjar_error *err)
{
    uint8_t *buffer = sj_pool_get(r->context, SJ_POOL_RECORD, CHUNK_SIZE);

    if (!buffer)
        return sj_raise_no_memory(err, CHUNK_SIZE);
    while (size > 0) {
        size_t step = (size_t)sj_min(size, CHUNK_SIZE);
        SJ_TRY(sj_source_read_exact(r->source, buffer, step, from, SNAPJAR_DIAG_RECORD_CUT_SHORT, err));
        SJ_TRY(snapjar_sink_write(to, buffer, step, err));
        from += step;
        size -= step;
    }
    return SNAPJAR_OK;
}

static snapjar_status keep(recovery *r, const sj_record *record, snapjar_error *err)
{
    snapjar_sink *to = r->is_unconfirmed ? r->unconfirmed : r->kept;

    end_lost(r, record->offset);
    if (to)
        SJ_TRY(copy(r, to, record->offset, record->size, err));
    if (r->is_unconfirmed)
        r->result.unconfirmed_count++;
    else
        r->result.kept_count++;
    tell(r, r->is_unconfirmed ? SNAPJAR_RECOVER_UNCONFIRMED : SNAPJAR_RECOVER_KEPT, record->offset, record->size, NULL);
    r->index++;
    return SNAPJAR_OK;
}

/* ---- where the next record begins ---- */

/* Counts bytes that were read for nothing from `offset` on: headers and whole records that are none, which may overlap.
 */
static snapjar_status spend(recovery *r, uint64_t offset, uint64_t size, snapjar_error *err)
{
    r->searched += sj_min(r->size - offset, size);
    if (r->searched / SEARCH_FACTOR > r->size + SEARCH_BASE)
        return sj_raise(err, SNAPJAR_LIMIT, SNAPJAR_DIAG_SEARCH_LIMIT, SJ_AT_FILE(offset),
                        "more false headers and records were found than there is time to look at");
    return SNAPJAR_OK;
}

/* Whether a header whose checksum holds stands at `offset`, or the file ends there. */
static snapjar_status is_boundary(recovery *r, uint64_t offset, bool *is_there, snapjar_error *err)
{
    sj_record record;

    *is_there = offset == r->size;
    if (offset >= r->size)
        return SNAPJAR_OK;
    snapjar_status status = sj_record_read(&record, r->context, r->source, r->size, offset, 0, &r->limits, err);
    sj_record_clear(&record);
    /* A newer header is one too. */
    *is_there = status == SNAPJAR_OK || status == SNAPJAR_UNSUPPORTED;
    return *is_there || is_about_data(status) ? SNAPJAR_OK : status;
}

/* Where the zstd frame at `at` ends, or 0 if no whole one stands there (RFC 8878, section 3.1.1). */
static snapjar_status skip_frame(const recovery *r, uint64_t at, uint64_t *end, snapjar_error *err)
{
    static const uint64_t size_fields[4] = {0, 2, 4, 8};
    uint8_t head[5];
    size_t got = 0;

    *end = 0;
    SJ_TRY(snapjar_source_read_at(r->source, head, sizeof(head), at, &got, err));
    if (got < sizeof(head) || sj_read_le32(head) != 0xFD2FB528u)
        return SNAPJAR_OK;
    bool is_single = (head[4] & 0x20) != 0;
    at += sizeof(head) + !is_single + size_fields[head[4] >> 6] + (is_single && !(head[4] >> 6));
    for (bool is_last = false; !is_last;) {
        uint8_t block[3];
        SJ_TRY(snapjar_source_read_at(r->source, block, sizeof(block), at, &got, err));
        uint32_t header = got < sizeof(block) ? UINT32_MAX : sj_read_le24(block);
        if ((header >> 1 & 3) == 3) /* reserved, or the end of the file */
            return SNAPJAR_OK;
        is_last = header & 1;
        at += sizeof(block) + ((header >> 1 & 3) == 1 ? 1 : header >> 3);
    }
    at += head[4] & 0x04 ? 4 : 0;
    if (at <= r->size)
        *end = at;
    return SNAPJAR_OK;
}

/*
 * The header at `offset` is damaged, but the frame around it may still have its size, and the frames behind it their
 * structure: they must lead to a trailer that counts exactly the bytes we came. `*end` is where that ends, or 0.
 */
static snapjar_status walk_frames(recovery *r, uint64_t offset, uint64_t *end, snapjar_error *err)
{
    static const uint8_t skippable[4] = {0x53, 0x2a, 0x4d, 0x18};
    uint8_t bytes[SJ_TRAILER_SIZE];
    size_t got = 0;

    *end = 0;
    SJ_TRY(snapjar_source_read_at(r->source, bytes, 8, offset, &got, err));
    if (got < 8 || memcmp(bytes, skippable, sizeof(skippable)) != 0)
        return SNAPJAR_OK;
    uint64_t at = offset + 8 + sj_read_le32(bytes + 4);
    for (uint64_t next = at; next; at = next ? next : at)
        SJ_TRY(skip_frame(r, at, &next, err));
    SJ_TRY(snapjar_source_read_at(r->source, bytes, sizeof(bytes), at, &got, err));
    if (got == sizeof(bytes) && sj_trailer_record_size(bytes) == at + SJ_TRAILER_SIZE - offset)
        *end = at + SJ_TRAILER_SIZE;
    return spend(r, offset, at - offset, err);
}

/* Reads what looks like a header at `offset`, within the budget. */
static snapjar_status try_candidate(recovery *r, uint64_t offset, bool *is_header, snapjar_error *err)
{
    sj_record record;

    snapjar_status status = sj_record_read(&record, r->context, r->source, r->size, offset, r->index, &r->limits, err);
    sj_record_clear(&record);
    *is_header = status == SNAPJAR_OK;
    if (*is_header)
        return SNAPJAR_OK;
    if (!is_about_data(status))
        return status;
    return spend(r, offset, SJ_HEADER_FRAME_MAX, err);
}

/* The next header from `from` on by its magic, or the end of the file. */
static snapjar_status search(recovery *r, uint64_t from, uint64_t *found, snapjar_error *err)
{
    static const uint8_t magic[8] = {0x89, 'S', 'J', 'R', '\r', '\n', 0x1a, '\n'};
    uint8_t *chunk = sj_pool_get(r->context, SJ_POOL_RECORD, CHUNK_SIZE);
    uint64_t at = from;

    *found = r->size;
    if (!chunk)
        return sj_raise_no_memory(err, CHUNK_SIZE);
    while (at < r->size) {
        size_t got = 0;
        SJ_TRY(snapjar_source_read_at(r->source, chunk, CHUNK_SIZE, at, &got, err));
        const uint8_t *end = chunk + got;
        for (const uint8_t *p = chunk; (p = memmem(p, (size_t)(end - p), magic, sizeof(magic))); p++) {
            uint64_t magic_at = at + (uint64_t)(p - chunk);
            bool is_header = false;
            if (magic_at < from + 8)
                continue;
            SJ_TRY(try_candidate(r, magic_at - 8, &is_header, err));
            if (is_header) {
                *found = magic_at - 8;
                return SNAPJAR_OK;
            }
        }
        if (got < CHUNK_SIZE)
            return SNAPJAR_OK;
        at += got - (sizeof(magic) - 1);
    }
    return SNAPJAR_OK;
}

/* The record at `r->at` is not whole: `record` has its header if that is good. Goes to the next place worth looking at.
 */
static snapjar_status resynchronise(recovery *r, const sj_record *record, snapjar_error *err)
{
    uint64_t search_from = r->at + 1;
    uint64_t end = 0;

    if (record->header) {
        bool is_there = false;
        SJ_TRY(is_boundary(r, record->offset + record->size, &is_there, err));
        end = is_there ? record->offset + record->size : 0;
        search_from = record->payload_offset;
    } else {
        SJ_TRY(walk_frames(r, r->at, &end, err));
    }
    if (end) {
        r->at = end;
        r->index++;
        return SNAPJAR_OK;
    }
    SJ_TRY(search(r, search_from, &r->at, err));
    r->is_unconfirmed = true;
    return SNAPJAR_OK;
}

/* Header, stored checksum, walk and trailer of one record. `record->header` stays if it is good. */
static snapjar_status check_record(recovery *r, sj_record *record, snapjar_error *why)
{
    SJ_TRY(sj_record_read(record, r->context, r->source, r->size, r->at, r->index, &r->limits, why));
    SJ_TRY(sj_record_check_end(record, r->source, r->size, why));
    sj_payload_reading reading = {.context = r->context, .source = r->source, .record = record, .threads = 1};
    return sj_payload_check_stored(&reading, NULL, why);
}

static snapjar_status step(recovery *r, snapjar_error *err)
{
    sj_record record = {.header = NULL};
    snapjar_error why;

    snapjar_status status = check_record(r, &record, &why);
    if (status == SNAPJAR_OK) {
        status = keep(r, &record, err);
        r->at += record.size;
    } else if (is_about_data(status)) {
        lose_from(r, r->at, &why);
        /* A record that ends well was read to its end, for nothing. */
        bool is_read = record.header && status != SNAPJAR_CUT_SHORT && why.diagnostic != SNAPJAR_DIAG_TRAILER_DAMAGED;
        status = is_read ? spend(r, r->at, record.size, err) : SNAPJAR_OK;
        if (status == SNAPJAR_OK)
            status = resynchronise(r, &record, err);
    } else if (err) {
        *err = why;
    }
    sj_record_clear(&record);
    return status;
}

snapjar_status snapjar_recover(snapjar_context *context, snapjar_source *source, snapjar_sink *kept,
                               snapjar_sink *unconfirmed, const snapjar_limits *limits, snapjar_recover_report *report,
                               void *report_state, snapjar_recovered *recovered, snapjar_error *err)
{
    recovery r = {.context = context,
                  .source = source,
                  .kept = kept,
                  .unconfirmed = unconfirmed,
                  .report = report,
                  .report_state = report_state};

    if (recovered)
        *recovered = (snapjar_recovered){0};
    SJ_TRY(sj_limits_resolve(&r.limits, limits, err));
    SJ_TRY(snapjar_source_size(source, &r.size, err));
    if (!r.size)
        return sj_raise(err, SNAPJAR_CUT_SHORT, SNAPJAR_DIAG_EMPTY_FILE, SJ_AT_FILE(0), "the file is empty");
    while (r.at < r.size)
        SJ_TRY(step(&r, err));
    end_lost(&r, r.size);
    if (recovered)
        *recovered = r.result;
    return SNAPJAR_OK;
}
