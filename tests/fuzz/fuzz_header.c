/* SPDX-License-Identifier: MIT
 *
 * Fuzzes lib/header and lib/json: a header read with the help of what a context keeps is the one that a fresh context
 * reads, and the one that the way over the whole JSON gives; errors are inside the text. Input: a byte that says how,
 * then the JSON, or a header frame.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "checksum/checksum.h"
#include "header/header.h"
#include "util/bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BASE UINT64_C(100)
#define FRAME_MAX ((size_t)1 << 20)

/** What stands in the warm context before the input comes. */
static const char warming[] = "{\"format_version\":1,\"type\":\"app:T\",\"schema_version\":1,\"build\":{\"tool\":{"
                              "\"name\":\"snapjar\",\"version\":\"0\"}},"
                              "\"created\":\"2026-01-31T12:00:00Z\",\"payload\":{\"content_type\":\"pickle\","
                              "\"protocol\":4,\"compression\":\"zstd\","
                              "\"frame_size\":65536,\"size\":21,\"pickle_size\":21,\"stored_size\":34,"
                              "\"checksum\":\"xxh3-128:00000000000000000000000000000000\","
                              "\"content_checksum\":\"xxh3-128:00000000000000000000000000000000\"}}";

/** abort() is what a fuzzer sees also where assert is compiled out. */
static void require(bool holds)
{
    if (!holds)
        abort();
}

static snapjar_context *new_context(void)
{
    snapjar_context *context = NULL;
    require(snapjar_context_new(&context, NULL, NULL) == SNAPJAR_OK);
    return context;
}

/** What parsing gave. */
typedef struct outcome {
    snapjar_status status;
    snapjar_error err;
    snapjar_header *header;
} outcome;

static outcome parse(snapjar_context *context, const uint8_t *frame, size_t size)
{
    outcome o = {.status = SNAPJAR_OK};
    snapjar_limits limits;
    sj_prefix prefix;
    memset(&o.err, 0, sizeof o.err);
    require(sj_limits_resolve(&limits, NULL, NULL) == SNAPJAR_OK);
    o.status = sj_prefix_read(&prefix, frame, size, BASE, true, &o.err);
    if (o.status == SNAPJAR_OK && sj_prefix_frame_size(&prefix) > size)
        o.status = SNAPJAR_CUT_SHORT;
    if (o.status == SNAPJAR_OK)
        o.status = sj_prefix_check(&prefix, frame, BASE, &o.err);
    if (o.status == SNAPJAR_OK)
        o.status = sj_header_parse(&o.header, context, &prefix, frame, BASE, &limits, &o.err);
    require((o.status == SNAPJAR_OK) == (o.header != NULL));
    require(o.status == SNAPJAR_OK || o.status == SNAPJAR_CUT_SHORT || o.err.status == o.status);
    require(o.status != SNAPJAR_BUG && o.status != SNAPJAR_INVALID_ARGUMENT && o.status != SNAPJAR_NO_MEMORY);
    if (o.err.diagnostic != SNAPJAR_DIAG_NONE)
        require(o.err.space == SNAPJAR_SPACE_FILE && o.err.offset >= BASE && o.err.offset <= BASE + size);
    return o;
}

static void require_same_text(snapjar_text a, snapjar_text b)
{
    require(a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0));
}

static void require_same_header(const snapjar_header *a, const snapjar_header *b)
{
    require_same_text(a->type, b->type);
    require_same_text(a->created, b->created);
    require(a->schema_version == b->schema_version && a->protocol == b->protocol);
    require(a->string_encoding == b->string_encoding && a->frame_size == b->frame_size);
    require(a->size == b->size && a->pickle_size == b->pickle_size && a->stored_size == b->stored_size);
    require(memcmp(a->checksum, b->checksum, SJ_CHECKSUM_SIZE) == 0);
    require(memcmp(a->content_checksum, b->content_checksum, SJ_CHECKSUM_SIZE) == 0);
    require(a->buffer_count == b->buffer_count);
    for (size_t i = 0; i < a->buffer_count; i++)
        require(a->buffers[i].offset == b->buffers[i].offset && a->buffers[i].size == b->buffers[i].size);
    require(a->has_stream == b->has_stream && a->stream_index == b->stream_index);
    require_same_text(a->stream_id, b->stream_id);
    require(a->has_stream_previous == b->has_stream_previous);
    if (a->has_stream_previous)
        require(memcmp(a->stream_previous, b->stream_previous, SJ_CHECKSUM_SIZE) == 0);
}

/** `shift_max`: how far an error of `a` may stand behind that of `b`. */
static void require_same(const outcome *a, const outcome *b, size_t shift_max)
{
    require(a->status == b->status && a->err.diagnostic == b->err.diagnostic);
    if (a->status != SNAPJAR_OK)
        require(a->err.offset >= b->err.offset && a->err.offset - b->err.offset <= shift_max);
    else
        require_same_header(a->header, b->header);
}

/** The rules of fields.def that anyone relies on who uses a header. */
static void require_sound(const snapjar_header *header)
{
    uint64_t end = header->pickle_size;
    require(header->type.size >= 1 && header->type.size <= SJ_TYPE_SIZE_MAX);
    require(header->schema_version >= 0 && header->protocol >= 0 && header->protocol <= 5);
    require(header->frame_size >= SNAPJAR_FRAME_SIZE_MIN && header->frame_size <= SNAPJAR_FRAME_SIZE_MAX);
    require((header->frame_size & (header->frame_size - 1)) == 0);
    require(header->pickle_size >= 1 && header->pickle_size <= header->size && header->size <= INT64_MAX);
    require(header->stored_size >= 1 && header->stored_size <= INT64_MAX);
    for (size_t i = 0; i < header->buffer_count; i++) {
        require(header->buffers[i].offset == sj_round_up(end, SNAPJAR_BUFFER_ALIGNMENT));
        end = header->buffers[i].offset + header->buffers[i].size;
    }
    require(end == header->size);
}

static snapjar_status visit(void *state, const char *path, snapjar_text value, int is_string)
{
    size_t *count = state;
    require(memchr(path, 0, 4096) != NULL);
    require(value.data != NULL);
    require(is_string || (value.size > 0 && memchr(value.data, '"', value.size) == NULL));
    ++*count;
    return SNAPJAR_OK;
}

/** A header frame around JSON, its checksum right. */
static uint8_t *wrap(const uint8_t *json, size_t json_size)
{
    uint8_t *frame = malloc(SJ_PREFIX_SIZE + json_size);
    require(frame != NULL);
    if (json_size > 0)
        memcpy(frame + SJ_PREFIX_SIZE, json, json_size);
    sj_prefix_write(frame, (uint32_t)json_size, 0);
    return frame;
}

/** The same JSON with a space in each place where a header could be read in two parts, so that it is read in one. */
static void compare_with_whole(const outcome *split, const uint8_t *json, size_t json_size)
{
    static const char seam[] = ",\"created\":";
    const size_t seam_size = sizeof seam - 1;
    uint8_t *whole = malloc(json_size + json_size / seam_size + 1);
    size_t whole_size = 0, seams = 0;
    require(whole != NULL);
    for (size_t i = 0; i < json_size; i++) {
        whole[whole_size++] = json[i];
        if (json_size - i >= seam_size && memcmp(json + i, seam, seam_size) == 0) {
            whole[whole_size++] = ' ';
            seams++;
        }
    }
    uint8_t *frame = wrap(whole, whole_size);
    snapjar_context *context = new_context();
    outcome o = parse(context, frame, SJ_PREFIX_SIZE + whole_size);
    require_same(&o, split, seams);
    sj_header_free(o.header);
    snapjar_context_free(context);
    free(frame);
    free(whole);
}

static void run_frame(const uint8_t *frame, size_t size)
{
    snapjar_context *fresh = new_context();
    snapjar_context *warm = new_context();
    uint8_t *warm_frame = wrap((const uint8_t *)warming, sizeof warming - 1);
    outcome first = parse(fresh, frame, size);
    outcome warmer = parse(warm, warm_frame, SJ_PREFIX_SIZE + sizeof warming - 1);
    require(warmer.status == SNAPJAR_OK);
    for (int turn = 0; turn < 4; turn++) {
        outcome again = parse(turn % 2 ? fresh : warm, frame, size);
        require_same(&again, &first, 0);
        sj_header_free(again.header);
    }
    if (first.status == SNAPJAR_OK) {
        size_t count = 0;
        require_sound(first.header);
        require(snapjar_header_each(first.header, visit, &count, NULL) == SNAPJAR_OK);
        require(count >= 14);
        require(sj_header_check_stream(first.header, warmer.header, NULL) == SNAPJAR_OK);
    }
    if (size >= SJ_PREFIX_SIZE && first.err.diagnostic != SNAPJAR_DIAG_FRAME_SIZE_DAMAGED &&
        SJ_PREFIX_SIZE + (uint64_t)sj_read_le32(frame + 20) == size && sj_read_le32(frame + 24) == 0 &&
        (first.status == SNAPJAR_OK || first.err.offset >= BASE + SJ_PREFIX_SIZE))
        compare_with_whole(&first, frame + SJ_PREFIX_SIZE, size - SJ_PREFIX_SIZE);
    sj_header_free(first.header);
    sj_header_free(warmer.header);
    free(warm_frame);
    snapjar_context_free(fresh);
    snapjar_context_free(warm);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > FRAME_MAX)
        return 0;
    const uint8_t mode = data[0] % 4;
    data++;
    size--;
    if (mode < 2) {
        uint8_t *frame = wrap(data, size);
        run_frame(frame, SJ_PREFIX_SIZE + size);
        free(frame);
        return 0;
    }
    uint8_t *frame = malloc(size > 0 ? size : 1);
    require(frame != NULL);
    if (size > 0)
        memcpy(frame, data, size);
    if (mode == 3 && size >= SJ_PREFIX_SIZE) {
        memset(frame + 28, 0, SJ_CHECKSUM_SIZE);
        sj_checksum(frame + 28, frame + 8, size - 8);
    }
    run_frame(frame, size);
    free(frame);
    return 0;
}
