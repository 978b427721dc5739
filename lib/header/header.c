/* SPDX-License-Identifier: MIT
 *
 * From a header frame to a checked header. Most headers of a program differ only in `created` and `payload`, which
 * stand last: the part before them is kept parsed in the context, and compared byte for byte.
 */

#include "header/header.h"

#include <inttypes.h>
#include <string.h>

#include "header/fields.h"
#include "header/kept.h"
#include "header/varying.h"
#include "util/bytes.h"
#include "util/options.h"

/* Where the constant part of a header ends, as writers lay it out. */
static const char varying_start[] = ",\"created\":";

static snapjar_status check_limits(const sj_prefix *prefix, uint64_t file_offset, const snapjar_limits *limits,
                                   snapjar_error *err)
{
    if (prefix->json_size > limits->header_json_size_max)
        return sj_raise(err, SNAPJAR_LIMIT, SNAPJAR_DIAG_HEADER_TOO_LARGE, SJ_AT_FILE(file_offset + 20),
                        "JSON size %" PRIu32 " exceeds the limit of %" PRIu64, prefix->json_size,
                        limits->header_json_size_max);
    if (prefix->seal_size > limits->seal_size_max)
        return sj_raise(err, SNAPJAR_LIMIT, SNAPJAR_DIAG_HEADER_TOO_LARGE, SJ_AT_FILE(file_offset + 24),
                        "seal size %" PRIu32 " exceeds the limit of %" PRIu64, prefix->seal_size,
                        limits->seal_size_max);
    return SNAPJAR_OK;
}

snapjar_status sj_limits_resolve(snapjar_limits *resolved, const snapjar_limits *limits, snapjar_error *err)
{
    SJ_TRY(sj_options_read(resolved, sizeof(*resolved), limits, "snapjar_limits", err));
    if (!resolved->header_json_size_max)
        resolved->header_json_size_max = SNAPJAR_HEADER_JSON_SIZE_DEFAULT;
    if (!resolved->seal_size_max)
        resolved->seal_size_max = SNAPJAR_SEAL_SIZE_DEFAULT;
    if (!resolved->json_depth_max)
        resolved->json_depth_max = SNAPJAR_JSON_DEPTH_DEFAULT;
    if (!resolved->content_size_max)
        resolved->content_size_max = SNAPJAR_CONTENT_SIZE_DEFAULT;
    if (!resolved->pickle_line_size_max)
        resolved->pickle_line_size_max = SNAPJAR_PICKLE_LINE_SIZE_DEFAULT;
    if (resolved->json_depth_max > 1000)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE,
                        "json_depth_max %" PRIu64 " exceeds 1000", resolved->json_depth_max);
    return SNAPJAR_OK;
}

/* Whether the header begins with a kept constant part, byte for byte, and the varying one follows. */
static bool begins_as_kept(const snapjar_header *header, const sj_kept_constant *constant, size_t depth_max)
{
    const size_t start_size = sizeof(varying_start) - 1;

    return constant->text && constant->depth_max == depth_max &&
           header->prefix.json_size >= constant->size + start_size &&
           memcmp(constant->text, header->json, constant->size) == 0 &&
           memcmp(header->json + constant->size, varying_start, start_size) == 0;
}

static const sj_kept_constant *find_kept(const snapjar_header *header, size_t depth_max)
{
    const sj_kept *kept = sj_kept_get(header->context);

    for (size_t i = 0; kept && i < SJ_KEPT_CONSTANT_COUNT; i++) {
        if (begins_as_kept(header, &kept->constants[i], depth_max))
            return &kept->constants[i];
    }
    return NULL;
}

static void take_kept(snapjar_header *header, const sj_kept_constant *constant)
{
    header->constant = sj_json_ref(constant->parsed);
    header->type = constant->type;
    header->schema_version = constant->schema_version;
}

/* Keeps the constant part for the next headers. Failing to is not an error. */
static void keep(snapjar_header *header, size_t split, size_t depth_max)
{
    sj_kept *kept = sj_kept_get(header->context);

    if (!kept || header->has_stream)
        return;
    char *text = sj_dup_text(header->context, header->json, split);
    if (!text)
        return;
    sj_kept_constant *constant = &kept->constants[kept->oldest];
    kept->oldest = (kept->oldest + 1) % SJ_KEPT_CONSTANT_COUNT;
    sj_kept_drop_constant(header->context, constant);
    *constant = (sj_kept_constant){
        .text = text,
        .size = split,
        .parsed = sj_json_ref(header->constant),
        .depth_max = depth_max,
        .type = header->type,
        .schema_version = header->schema_version,
    };
}

/* Parses a part of the header's text whose first or last byte is replaced for the purpose by `brace`. */
static sj_json *parse_part(snapjar_header *header, size_t from, size_t size, size_t brace_at, char brace,
                           size_t depth_max)
{
    sj_json *part = NULL;
    char saved = header->json[brace_at];

    header->json[brace_at] = brace;
    /* The error is of no interest: whatever is wrong is found again, with its offset, when the whole is parsed. */
    (void)!sj_json_parse(&part, header->json + from, size, depth_max, SNAPJAR_SPACE_NONE, 0, NULL);
    header->json[brace_at] = saved;
    return part;
}

/*
 * Reads the header as two objects: {constant} and {"created":...,"payload":...}. If both parse, their members together
 * are exactly those of the whole. False if the text is not laid out so, or anything at all is wrong with it.
 */
static bool parse_split(snapjar_header *header, size_t depth_max)
{
    size_t size = header->prefix.json_size;
    const sj_kept_constant *kept = find_kept(header, depth_max);
    size_t split = 0;

    if (kept) {
        take_kept(header, kept);
        split = kept->size;
        if (sj_varying_read(header, split))
            return true;
    } else {
        const char *found = memmem(header->json, size, varying_start, sizeof(varying_start) - 1);
        if (!found)
            return false;
        split = (size_t)(found - header->json);
    }
    header->varying = parse_part(header, split, size - split, split, '{', depth_max);
    if (!header->varying || sj_json_count(header->varying) != 2 || !sj_json_get(header->varying, "created") ||
        !sj_json_get(header->varying, "payload"))
        return false;

    sj_fields fields = {.header = header};
    if (header->constant)
        return sj_fields_check(&fields, NULL, header->varying) == SNAPJAR_OK;
    header->constant = parse_part(header, 0, split + 1, split, '}', depth_max);
    if (!header->constant || sj_json_get(header->constant, "created") || sj_json_get(header->constant, "payload") ||
        sj_fields_check(&fields, header->constant, header->varying) != SNAPJAR_OK)
        return false;
    keep(header, split, depth_max);
    return true;
}

static void drop_parsed(snapjar_header *header)
{
    sj_json_free(header->constant);
    sj_json_free(header->varying);
    sj_free(header->context, header->buffers);
    header->constant = NULL;
    header->varying = NULL;
    header->buffers = NULL;
    header->buffer_count = 0;
    header->has_stream = false;
    header->has_stream_previous = false;
    header->is_sealed_stream = false;
    header->string_encoding = SNAPJAR_STRING_ASCII;
}

static snapjar_status parse_whole(snapjar_header *header, size_t depth_max, snapjar_error *err)
{
    sj_fields fields = {.header = header, .err = err};

    SJ_TRY(sj_json_parse(&header->constant, header->json, header->prefix.json_size, depth_max, SNAPJAR_SPACE_FILE,
                         header->json_offset, err));
    return sj_fields_check(&fields, header->constant, header->constant);
}

snapjar_status sj_header_parse(snapjar_header **out, snapjar_context *context, const sj_prefix *prefix,
                               const uint8_t *frame, uint64_t file_offset, const snapjar_limits *limits,
                               snapjar_error *err)
{
    *out = NULL;
    SJ_TRY(check_limits(prefix, file_offset, limits, err));
    snapjar_header *header = sj_alloc_zero(context, sizeof(*header));
    if (!header)
        return sj_raise_no_memory(err, sizeof(*header));
    header->context = context;
    header->prefix = *prefix;
    header->json_offset = file_offset + SJ_PREFIX_SIZE;
    header->json = sj_dup_text(context, (const char *)frame + SJ_PREFIX_SIZE, prefix->json_size);
    if (!header->json) {
        sj_header_free(header);
        return sj_raise_no_memory(err, prefix->json_size);
    }
    if (prefix->seal_size) {
        header->seal = (uint8_t *)sj_dup_text(context, (const char *)frame + SJ_PREFIX_SIZE + prefix->json_size,
                                              prefix->seal_size);
        if (!header->seal) {
            sj_header_free(header);
            return sj_raise_no_memory(err, prefix->seal_size);
        }
    }
    size_t depth_max = (size_t)limits->json_depth_max;
    if (!parse_split(header, depth_max)) {
        drop_parsed(header);
        snapjar_status status = parse_whole(header, depth_max, err);
        if (status != SNAPJAR_OK) {
            sj_header_free(header);
            return status;
        }
    }
    *out = header;
    return SNAPJAR_OK;
}

void sj_header_free(snapjar_header *header)
{
    if (!header)
        return;
    drop_parsed(header);
    sj_free(header->context, header->seal);
    sj_free(header->context, header->json);
    sj_free(header->context, header);
}

snapjar_status sj_header_check_stream(const snapjar_header *next, const snapjar_header *previous, snapjar_error *err)
{
    if (!next->has_stream || !previous->has_stream ||
        memcmp(next->stream_id.data, previous->stream_id.data, SJ_STREAM_ID_SIZE) != 0)
        return SNAPJAR_OK;
    if (next->stream_index != previous->stream_index + 1)
        return sj_raise(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_STREAM_BROKEN,
                        SJ_AT_FILE(sj_header_field_offset(next, "stream", "index")),
                        "stream.index %" PRIu64 " follows %" PRIu64, next->stream_index, previous->stream_index);
    if (!next->is_sealed_stream && memcmp(next->stream_previous, previous->prefix.checksum, SJ_CHECKSUM_SIZE) != 0)
        return sj_raise(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_STREAM_BROKEN,
                        SJ_AT_FILE(sj_header_field_offset(next, "stream", "previous")),
                        "stream.previous is not the checksum of the header before");
    return SNAPJAR_OK;
}

uint64_t sj_header_field_offset(const snapjar_header *header, const char *parent, const char *key)
{
    sj_json_path path = {.depth = 0};

    if (parent)
        path.steps[path.depth++] = (sj_json_step){parent, 0};
    path.steps[path.depth++] = (sj_json_step){key, 0};
    return header->json_offset + sj_json_locate(header->json, header->prefix.json_size, &path);
}
