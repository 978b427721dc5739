/* SPDX-License-Identifier: MIT
 *
 * Fuzzes reading: verify, load and unpack agree on every record, with one thread and two, from memory and from
 * functions; a sink that cannot be undone gets nothing of a bad record; recovering tells of every byte and writes a
 * good file. Input: three control bytes, then a file as it is, or one whose checksums are put right first, or content
 * or frames that a record is made around.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ZSTD_STATIC_LINKING_ONLY /* ZSTD_findDecompressedSize */
#include <zstd.h>

#include "checksum/checksum.h"
#include "codec/frame.h"
#include "header/header.h"
#include "pickle/inband.h"
#include "snapshot/gate.h"
#include "util/bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CONTROL_SIZE 3
#define CONTENT_MAX ((size_t)16 << 20)

/** abort() is what a fuzzer sees also where assert is compiled out. */
static void require(bool holds)
{
    if (!holds)
        abort();
}

typedef struct bytes {
    uint8_t *data;
    size_t size;
    size_t room;
} bytes;

static void add(bytes *to, const void *data, size_t size)
{
    if (to->room - to->size < size) {
        to->room = 2 * to->room + size + 64;
        to->data = realloc(to->data, to->room);
        require(to->data != NULL);
    }
    if (size > 0)
        memcpy(to->data + to->size, data, size);
    to->size += size;
}

/* ---- sources and sinks ---- */

static snapjar_status read_bytes(void *state, void *buffer, size_t size, uint64_t offset, size_t *got,
                                 snapjar_error *err)
{
    const bytes *from = state;
    (void)err;
    *got = offset >= from->size ? 0 : size < from->size - offset ? size : (size_t)(from->size - offset);
    if (*got > 0)
        memcpy(buffer, from->data + offset, *got);
    return SNAPJAR_OK;
}

static snapjar_status get_size(void *state, uint64_t *size, snapjar_error *err)
{
    (void)err;
    *size = ((const bytes *)state)->size;
    return SNAPJAR_OK;
}

static snapjar_source *open_source(snapjar_context *context, bytes *file, bool is_memory)
{
    const snapjar_source_functions functions = {sizeof functions, read_bytes, get_size, NULL};
    snapjar_source *source = NULL;
    snapjar_status status = is_memory ? snapjar_source_from_memory(&source, context, file->data, file->size, NULL)
                                      : snapjar_source_from_functions(&source, context, &functions, file, NULL);
    require(status == SNAPJAR_OK);
    return source;
}

static snapjar_status write_bytes(void *state, const void *data, size_t size, snapjar_error *err)
{
    (void)err;
    add(state, data, size);
    return SNAPJAR_OK;
}

static snapjar_sink *open_sink(snapjar_context *context, bytes *to, bool is_transactional)
{
    const snapjar_sink_functions functions = {sizeof functions, write_bytes, NULL, NULL, is_transactional};
    snapjar_sink *sink = NULL;
    require(snapjar_sink_from_functions(&sink, context, &functions, to, NULL) == SNAPJAR_OK);
    return sink;
}

static snapjar_status put(void *state, const void *data, size_t size, snapjar_error *err)
{
    return write_bytes(state, data, size, err);
}

/* ---- one record, all ways ---- */

typedef struct answer {
    snapjar_status status;
    snapjar_error err;
} answer;

static void require_same(const answer *a, const answer *b)
{
    require(a->status == b->status);
    if (a->status != SNAPJAR_OK)
        require(a->err.diagnostic == b->err.diagnostic && a->err.space == b->err.space &&
                a->err.offset == b->err.offset);
}

static void require_about_data(const answer *a)
{
    require(a->status == SNAPJAR_OK || a->status == SNAPJAR_CUT_SHORT || a->status == SNAPJAR_WRONG_FORMAT ||
            a->status == SNAPJAR_UNSUPPORTED || a->status == SNAPJAR_DAMAGED || a->status == SNAPJAR_LIMIT);
    if (a->status != SNAPJAR_OK)
        require(a->err.status == a->status && a->err.diagnostic != SNAPJAR_DIAG_NONE &&
                a->err.space != SNAPJAR_SPACE_NONE);
}

static answer unpack(snapjar_reader *reader, const snapjar_check_options *options, bool is_transactional, bytes *to)
{
    answer a = {.status = SNAPJAR_OK};
    snapjar_sink *sink = open_sink(reader->context, to, is_transactional);
    a.status = snapjar_record_unpack(reader, sink, options, &a.err);
    snapjar_sink_free(sink);
    if (a.status != SNAPJAR_OK && !is_transactional)
        require(to->size == 0);
    return a;
}

/** What unpack must have given, by the parts. */
static void require_unpacked(const snapjar_header *header, const uint8_t *content, const bytes *unpacked)
{
    bytes wanted = {NULL, 0, 0};
    sj_inband_buffer *buffers = calloc(header->buffer_count + 1, sizeof *buffers);
    require(buffers != NULL);
    for (size_t i = 0; i < header->buffer_count; i++)
        buffers[i] = (sj_inband_buffer){content + header->buffers[i].offset, header->buffers[i].size};
    require(sj_inband_write(content, (size_t)header->pickle_size, buffers, header->buffer_count, put, &wanted, NULL) ==
            SNAPJAR_OK);
    require(wanted.size == unpacked->size && memcmp(wanted.data, unpacked->data, wanted.size) == 0);
    free(wanted.data);
    free(buffers);
}

static answer check_record(snapjar_reader *reader, const snapjar_header *header, unsigned threads)
{
    snapjar_check_options options = SNAPJAR_CHECK_OPTIONS_INIT;
    snapjar_verification seen = {.opcode_count = 0};
    snapjar_content *content = NULL;
    bytes whole = {NULL, 0, 0}, piped = {NULL, 0, 0};
    answer verified = {.status = SNAPJAR_OK}, loaded = {.status = SNAPJAR_OK}, stored = {.status = SNAPJAR_OK};
    options.threads = threads;
    verified.status = snapjar_record_verify(reader, &options, &seen, &verified.err);
    require_about_data(&verified);
    loaded.status = snapjar_record_load(reader, &content, &options, &loaded.err);
    require_same(&loaded, &verified);
    answer a = unpack(reader, &options, true, &whole);
    require_same(&a, &verified);
    a = unpack(reader, &options, false, &piped);
    require_same(&a, &verified);
    options.stored_only = true;
    stored.status = snapjar_record_verify(reader, &options, NULL, &stored.err);
    require_about_data(&stored);
    require(verified.status != SNAPJAR_OK || stored.status == SNAPJAR_OK);
    if (stored.status != SNAPJAR_OK)
        require_same(&stored, &verified);
    require((loaded.status == SNAPJAR_OK) == (content != NULL));
    if (content != NULL) {
        uint64_t size, pickle_size;
        const uint8_t *data = snapjar_content_data(content, &size, &pickle_size);
        require(size == header->size && pickle_size == header->pickle_size && (uintptr_t)data % 64 == 0);
        require(whole.size == piped.size && memcmp(whole.data, piped.data, whole.size) == 0);
        require(seen.frame_count == (size + header->frame_size - 1) / header->frame_size && seen.opcode_count > 0);
        require_unpacked(header, data, &whole);
    }
    snapjar_content_free(content);
    free(whole.data);
    free(piped.data);
    return verified;
}

/** Reads the file to its first failure. Returns a hash of all answers. */
static uint64_t read_file(bytes *file, bool is_memory, unsigned threads)
{
    snapjar_limits limits = SNAPJAR_LIMITS_INIT;
    snapjar_context *context = NULL;
    snapjar_reader *reader = NULL;
    uint64_t hash = 1;
    limits.content_size_max = CONTENT_MAX;
    require(snapjar_context_new(&context, NULL, NULL) == SNAPJAR_OK);
    snapjar_source *source = open_source(context, file, is_memory);
    require(snapjar_reader_new(&reader, context, source, &limits, NULL) == SNAPJAR_OK);
    for (uint64_t index = 0;; index++) {
        const snapjar_record *record = NULL;
        answer a = {.status = SNAPJAR_OK};
        a.status = snapjar_reader_next(reader, &record, &a.err);
        require_about_data(&a);
        if (record != NULL) {
            require(snapjar_record_index(record) == index);
            a = check_record(reader, snapjar_record_header(record), threads);
        }
        hash = hash * 31 + (uint64_t)a.status * 1000 +
               (a.status != SNAPJAR_OK ? a.err.offset * 100 + a.err.diagnostic : 0);
        if (record == NULL)
            break;
    }
    snapjar_reader_free(reader);
    snapjar_source_free(source);
    snapjar_context_free(context);
    return hash;
}

/* ---- recovering ---- */

typedef struct told {
    uint64_t at;
    uint64_t kept_count;
    uint64_t unconfirmed_count;
    uint64_t lost_size;
} told;

static void report(void *state, snapjar_recover_event event, uint64_t file_offset, uint64_t size,
                   const snapjar_error *reason)
{
    told *t = state;
    require(file_offset == t->at && size > 0);
    require((event == SNAPJAR_RECOVER_LOST) == (reason != NULL));
    t->at += size;
    t->kept_count += event == SNAPJAR_RECOVER_KEPT;
    t->unconfirmed_count += event == SNAPJAR_RECOVER_UNCONFIRMED;
    t->lost_size += event == SNAPJAR_RECOVER_LOST ? size : 0;
}

/** A recovered file is one that a reader goes through from record to record, each whole. */
static void require_good(snapjar_context *context, bytes *file, uint64_t count)
{
    snapjar_check_options options = SNAPJAR_CHECK_OPTIONS_INIT;
    snapjar_reader *reader = NULL;
    if (file->size == 0) {
        require(count == 0);
        return;
    }
    snapjar_source *source = open_source(context, file, true);
    options.stored_only = true;
    require(snapjar_reader_new(&reader, context, source, NULL, NULL) == SNAPJAR_OK);
    for (uint64_t i = 0;; i++) {
        const snapjar_record *record = NULL;
        snapjar_error err;
        snapjar_status status = snapjar_reader_next(reader, &record, &err);
        /* What was cut out of a stream may have been its middle. */
        if (status != SNAPJAR_OK && err.diagnostic == SNAPJAR_DIAG_STREAM_BROKEN)
            break;
        require(status == SNAPJAR_OK);
        require((record != NULL) == (i < count));
        if (record == NULL)
            break;
        require(snapjar_record_verify(reader, &options, NULL, &err) == SNAPJAR_OK ||
                err.diagnostic == SNAPJAR_DIAG_CONTENT_TOO_LARGE);
    }
    snapjar_reader_free(reader);
    snapjar_source_free(source);
}

static void recover_file(bytes *file, bool is_memory)
{
    snapjar_context *context = NULL;
    snapjar_recovered result;
    bytes kept = {NULL, 0, 0}, unconfirmed = {NULL, 0, 0};
    told t = {0, 0, 0, 0};
    answer a = {.status = SNAPJAR_OK};
    require(snapjar_context_new(&context, NULL, NULL) == SNAPJAR_OK);
    snapjar_source *source = open_source(context, file, is_memory);
    snapjar_sink *kept_sink = open_sink(context, &kept, true);
    snapjar_sink *unconfirmed_sink = open_sink(context, &unconfirmed, true);
    a.status = snapjar_recover(context, source, kept_sink, unconfirmed_sink, NULL, report, &t, &result, &a.err);
    require_about_data(&a);
    require(a.status == SNAPJAR_OK || file->size == 0);
    if (a.status == SNAPJAR_OK) {
        require(t.at == file->size);
        require(t.kept_count == result.kept_count && t.unconfirmed_count == result.unconfirmed_count);
        require(t.lost_size == result.lost_size && kept.size + unconfirmed.size + result.lost_size == file->size);
        require_good(context, &kept, result.kept_count);
        require_good(context, &unconfirmed, result.unconfirmed_count);
    }
    snapjar_sink_free(kept_sink);
    snapjar_sink_free(unconfirmed_sink);
    snapjar_source_free(source);
    snapjar_context_free(context);
    free(kept.data);
    free(unconfirmed.data);
}

/* ---- files out of inputs ---- */

/** Decompresses all frames; false if they are none or too much. */
static bool decompress(bytes *content, const uint8_t *stored, size_t stored_size)
{
    unsigned long long size = ZSTD_findDecompressedSize(stored, stored_size);
    if (stored_size == 0 || size == 0 || size > CONTENT_MAX)
        return false;
    content->data = malloc((size_t)size);
    content->room = (size_t)size;
    require(content->data != NULL);
    content->size = ZSTD_decompress(content->data, (size_t)size, stored, stored_size);
    if (!ZSTD_isError(content->size) && content->size == size)
        return true;
    free(content->data);
    *content = (bytes){NULL, 0, 0};
    return false;
}

/** The input is content (stored here) or stored frames; all that a header can say of them is right but for what
 * `control` changes. */
static void make_record(bytes *file, snapjar_context *context, const uint8_t *data, size_t size, const uint8_t *control)
{
    bytes payload = {NULL, 0, 0}, content = {NULL, 0, 0};
    snapjar_buffer_span span = {0, 0};
    snapjar_pickle_extent extent = {.size = 0};
    sj_header_plan plan = {.type = "fuzz:T", .created = "2026-01-31T12:00:00Z", .frame_size = SNAPJAR_FRAME_SIZE_MIN};
    const uint8_t *frame = NULL;
    uint8_t trailer[SJ_TRAILER_SIZE];
    size_t frame_size = 0;
    bool is_content = control[1] & 1;
    if (is_content) {
        add(&content, data, size);
        payload.data = malloc(sj_frame_bound(size) + 64);
        require(payload.data != NULL);
        payload.size = size > 0 ? sj_frame_store(payload.data, data, size) : 0;
        plan.frame_size = SNAPJAR_FRAME_SIZE_MAX;
    } else {
        add(&payload, data, size);
        (void)decompress(&content, data, size);
    }
    plan.size = plan.pickle_size = content.size > 0 ? content.size : 1u + control[2];
    plan.stored_size = payload.size > 0 ? payload.size : 1;
    sj_checksum(plan.checksum, payload.data, payload.size);
    sj_checksum(plan.content_checksum, content.data, content.size);
    if (content.size > 0 && snapjar_pickle_measure(&extent, content.data, content.size, NULL, NULL) == SNAPJAR_OK)
        plan.protocol = extent.protocol;
    uint64_t offset = sj_round_up(extent.size, SNAPJAR_BUFFER_ALIGNMENT);
    if (extent.size > 0 && offset <= plan.size && extent.size < plan.size) {
        span = (snapjar_buffer_span){offset, plan.size - offset};
        plan.pickle_size = extent.size;
        plan.buffers = &span;
        plan.buffer_count = 1;
    }
    if (control[1] & 2)
        plan.protocol = control[2] % 6;
    if (control[1] & 4)
        plan.size = plan.pickle_size = plan.size + control[2];
    if (control[1] & 8)
        plan.frame_size = SNAPJAR_FRAME_SIZE_MIN << control[2] % 8;
    require(sj_header_build(&frame, &frame_size, context, &plan, NULL) == SNAPJAR_OK);
    sj_trailer_write(trailer, frame_size + payload.size + SJ_TRAILER_SIZE, frame + SJ_PREFIX_SIZE - SJ_CHECKSUM_SIZE);
    add(file, frame, frame_size);
    add(file, payload.data, payload.size);
    add(file, trailer, sizeof trailer);
    free(payload.data);
    free(content.data);
}

/** The number behind `key` in the JSON, or 0. */
static uint64_t find_number(const uint8_t *json, size_t size, const char *key)
{
    uint64_t value = 0;
    const uint8_t *at = memmem(json, size, key, strlen(key));
    for (at = at != NULL ? at + strlen(key) : json + size;
         at < json + size && *at >= '0' && *at <= '9' && value < 1u << 30; at++)
        value = value * 10 + (uint64_t)(*at - '0');
    return value;
}

static void set_checksum(uint8_t *json, size_t size, const char *key, const void *data, size_t data_size)
{
    uint8_t sum[SJ_CHECKSUM_SIZE];
    char hex[33];
    uint8_t *at = memmem(json, size, key, strlen(key));
    if (at == NULL || (size_t)(json + size - at) < strlen(key) + 32)
        return;
    sj_checksum(sum, data, data_size);
    sj_hex16(hex, sum);
    memcpy(at + strlen(key), hex, 32);
}

/** Puts magics, sizes and checksums of the record at `record` right, as far as there is room. Returns how many bytes
 * that took. */
static size_t repair_record(uint8_t *record, size_t size)
{
    static const uint8_t magics[18] = {0x53, 0x2a, 0x4d, 0x18, 0,    0,    0,    0, 0x89,
                                       'S',  'J',  'R',  '\r', '\n', 0x1a, '\n', 1, 0};
    bytes content = {NULL, 0, 0};
    memcpy(record, magics, 4);
    memcpy(record + 8, magics + 8, 10);
    size_t json_size = sj_read_le32(record + 20) % (size - SJ_PREFIX_SIZE + 1);
    size_t seal_size = sj_read_le32(record + 24) % (size - SJ_PREFIX_SIZE - json_size + 1);
    sj_write_le32(record + 4, (uint32_t)(36 + json_size + seal_size));
    sj_write_le32(record + 20, (uint32_t)json_size);
    sj_write_le32(record + 24, (uint32_t)seal_size);
    uint8_t *json = record + SJ_PREFIX_SIZE;
    uint8_t *payload = json + json_size + seal_size;
    uint64_t stored_size =
        sj_min(find_number(json, json_size, "\"stored_size\":"), (uint64_t)(record + size - payload));
    set_checksum(json, json_size, "\"checksum\":\"xxh3-128:", payload, (size_t)stored_size);
    if (decompress(&content, payload, (size_t)stored_size))
        set_checksum(json, json_size, "\"content_checksum\":\"xxh3-128:", content.data, content.size);
    free(content.data);
    memset(record + 28, 0, SJ_CHECKSUM_SIZE);
    sj_checksum(record + 28, record + 8, (size_t)(payload - record) - 8);
    size_t end = (size_t)(payload - record) + (size_t)stored_size;
    if (size - end < SJ_TRAILER_SIZE)
        return size;
    sj_trailer_write(record + end, end + SJ_TRAILER_SIZE, record + 28);
    return end + SJ_TRAILER_SIZE;
}

static void make_file(bytes *file, const uint8_t *data, size_t size, const uint8_t *control)
{
    snapjar_context *context = NULL;
    switch (control[0] >> 2 & 3) {
    case 0:
        add(file, data, size);
        break;
    case 1:
        add(file, data, size);
        for (size_t at = 0; file->size - at >= SJ_PREFIX_SIZE;)
            at += repair_record(file->data + at, file->size - at);
        break;
    default:
        require(snapjar_context_new(&context, NULL, NULL) == SNAPJAR_OK);
        make_record(file, context, data, size, control);
        snapjar_context_free(context);
        break;
    }
    /* A damaged byte behind all that was put right. */
    if (control[0] & 0x80 && file->size > 0)
        file->data[(control[1] | control[2] << 8) % file->size] ^= 0x11;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bytes file = {NULL, 0, 0};
    if (size < CONTROL_SIZE)
        return 0;
    const uint8_t *control = data;
    make_file(&file, data + CONTROL_SIZE, size - CONTROL_SIZE, control);
    /* A block of exactly this size, so that a sanitizer sees a read behind its end. */
    file.data = realloc(file.data, file.size > 0 ? file.size : 1);
    require(file.data != NULL);
    uint64_t hash = read_file(&file, control[0] & 1, 1);
    if ((control[0] & 0x30) == 0x30)
        require(read_file(&file, !(control[0] & 1), 2) == hash);
    recover_file(&file, control[0] & 2);
    free(file.data);
    return 0;
}
