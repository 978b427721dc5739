/* SPDX-License-Identifier: MIT
 *
 * A header's JSON, checked and read, or built. Knows nothing of files, payloads or pickles.
 */
#ifndef SJ_HEADER_HEADER_H
#define SJ_HEADER_HEADER_H

#include <stdbool.h>
#include <time.h>

#include <snapjar/header.h>

#include "header/prefix.h"
#include "util/context.h"
#include "json/json.h"

#define SJ_TYPE_SIZE_MAX 1024
#define SJ_STREAM_ID_SIZE 32
/** BLAKE2b-256 of the record before: see spec/seals.md. Made elsewhere, only kept and compared here. */
#define SJ_PREVIOUS_DIGEST_SIZE 32

struct snapjar_header {
    snapjar_context *context;
    sj_prefix prefix;
    /** The JSON as stored, and where it stands in the file. */
    char *json;
    uint64_t json_offset;
    /** The seal area as stored; NULL if there is none. */
    uint8_t *seal;
    /** The parsed JSON without `created` and `payload`; `type` and the stream's texts point into it. */
    sj_json *constant;
    /** `created` points into this, or into `constant` when the header was parsed in one piece. */
    sj_json *varying;
    snapjar_text type;
    snapjar_text created;
    int64_t schema_version;
    int protocol;
    snapjar_string_encoding string_encoding;
    uint32_t frame_size;
    uint64_t size;
    uint64_t pickle_size;
    uint64_t stored_size;
    uint8_t checksum[SJ_CHECKSUM_SIZE];
    uint8_t content_checksum[SJ_CHECKSUM_SIZE];
    snapjar_buffer_span *buffers;
    size_t buffer_count;
    bool has_stream;
    snapjar_text stream_id;
    uint64_t stream_index;
    bool has_stream_previous;
    uint8_t stream_previous[SJ_CHECKSUM_SIZE];
    /** The feature `sealed-stream` is required: the record before is named by its digest, not by its checksum. */
    bool is_sealed_stream;
    uint8_t stream_previous_digest[SJ_PREVIOUS_DIGEST_SIZE];
};

/**
 * Parses a whole header frame whose prefix was read and checked. `limits` (resolved: no zeros) bound the sizes and
 * depth. Errors are those of the JSON, unknown-requirement, header-too-large, content-too-large and field-*, each with
 * the file offset.
 */
snapjar_status sj_header_parse(snapjar_header **header, snapjar_context *context, const sj_prefix *prefix,
                               const uint8_t *frame, uint64_t file_offset, const snapjar_limits *limits,
                               snapjar_error *err);
void sj_header_free(snapjar_header *header);

/**
 * Whether `next` may follow `previous` in a file: if both are of one stream, index and checksum must go on. Of a sealed
 * stream the digest is not compared.
 */
snapjar_status sj_header_check_stream(const snapjar_header *next, const snapjar_header *previous, snapjar_error *err);

/** Where the value at `parent.key` (parent may be NULL) stands in the file. */
uint64_t sj_header_field_offset(const snapjar_header *header, const char *parent, const char *key);

/** Defaults for what is zero; SNAPJAR_INVALID_ARGUMENT for what no version of the format allows. `limits` may be NULL.
 */
snapjar_status sj_limits_resolve(snapjar_limits *resolved, const snapjar_limits *limits, snapjar_error *err);

/**
 * The time that a header gets: that of SOURCE_DATE_EPOCH, or now. SNAPJAR_INVALID_ARGUMENT if that is set to what is no
 * time.
 */
snapjar_status sj_header_clock(time_t *now, snapjar_error *err);

/** What a writer must know to build a header. Texts as in snapjar_pack_options. */
typedef struct sj_header_plan {
    /** NULL until it is known, when a header is prepared. */
    const char *type;
    int64_t schema_version;
    const char *created;
    const char *build_json;
    const char *labels_json;
    /** Of the record that this one is made from: the array of its migrations, its place in a stream, and an object of
     * members that we do not know. Each NULL if there is none. */
    const char *history_json;
    const char *stream_json;
    const char *extra_json;
    /** JSON without needless white space, or NULL; left out where the header would become too large with it. */
    const char *layout_json;
    int protocol;
    snapjar_string_encoding string_encoding;
    uint32_t frame_size;
    uint64_t size;
    uint64_t pickle_size;
    uint64_t stored_size;
    uint8_t checksum[SJ_CHECKSUM_SIZE];
    uint8_t content_checksum[SJ_CHECKSUM_SIZE];
    const snapjar_buffer_span *buffers;
    size_t buffer_count;
    /** 32 hex digits, or NULL: the record is in no stream. */
    const char *stream_id;
    uint64_t stream_index;
    /** For all but the first: 64 hex digits. */
    const char *stream_previous;
} sj_header_plan;

/**
 * Checks the user's part of a plan (type, schema version, created, JSON texts), so that sj_header_build can be called
 * with the same texts. Call it before doing any work.
 */
snapjar_status sj_header_prepare(snapjar_context *context, const sj_header_plan *plan, snapjar_error *err);

/** `,"requires":[...],"stream":{...}` of a plan, as it stands before `,"created":`; its size. `room` is 288 at least.
 */
size_t sj_header_format_stream(char *out, size_t room, const sj_header_plan *plan);

/** Builds the whole header frame. `*frame` belongs to the context and lives until its next use for a header. */
snapjar_status sj_header_build(const uint8_t **frame, size_t *frame_size, snapjar_context *context,
                               const sj_header_plan *plan, snapjar_error *err);

#endif
