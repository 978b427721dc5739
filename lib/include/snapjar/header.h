/* SPDX-License-Identifier: MIT
 *
 * What a record's header says. A header is only ever seen after its checksum, its JSON and every field
 * were checked (spec/format.md), but nothing in it is a promise about what the pickle does.
 */
#ifndef SNAPJAR_HEADER_H
#define SNAPJAR_HEADER_H

#include <stddef.h>
#include <stdint.h>

#include <snapjar/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A checked header. Borrowed from a record; valid as long as that is. */
typedef struct snapjar_header snapjar_header;

/** A piece of text that belongs to somebody else: UTF-8, not ended by NUL. `data` is NULL if there is none. */
typedef struct snapjar_text {
    const char *data;
    size_t size;
} snapjar_text;

/** How Python 2 text (STRING, BINSTRING, SHORT_BINSTRING) is read. */
typedef enum snapjar_string_encoding {
    SNAPJAR_STRING_ASCII = 0,
    SNAPJAR_STRING_LATIN1 = 1,
    SNAPJAR_STRING_BYTES = 2
} snapjar_string_encoding;

/** An out-of-band buffer's place in the content. */
typedef struct snapjar_buffer_span {
    /** Bytes from the start of the content; a multiple of 64. */
    uint64_t offset;
    uint64_t size;
} snapjar_buffer_span;

#define SNAPJAR_FORMAT_VERSION 1
/** The type of a record where nobody has told it and the pickle does not say it. */
#define SNAPJAR_TYPE_UNKNOWN "pickle"
/** Out-of-band buffers stand at multiples of this in the content. */
#define SNAPJAR_BUFFER_ALIGNMENT 64
#define SNAPJAR_FRAME_SIZE_MIN (UINT32_C(64) << 10)
#define SNAPJAR_FRAME_SIZE_MAX (UINT32_C(8) << 20)
/** Buffers of this size for a few threads cost little to touch for the first time, and little is lost to compression.
 */
#define SNAPJAR_FRAME_SIZE_DEFAULT (UINT32_C(2) << 20)

SNAPJAR_API int snapjar_header_format_version(const snapjar_header *header);
/** `type`: as "app.jobs:JobState", or any name. */
SNAPJAR_API snapjar_text snapjar_header_type(const snapjar_header *header);
SNAPJAR_API int64_t snapjar_header_schema_version(const snapjar_header *header);
/** `created`, as written: RFC 3339, UTC. */
SNAPJAR_API snapjar_text snapjar_header_created(const snapjar_header *header);
/** Pickle protocol, 0 to 5. */
SNAPJAR_API int snapjar_header_protocol(const snapjar_header *header);
SNAPJAR_API snapjar_string_encoding snapjar_header_string_encoding(const snapjar_header *header);
SNAPJAR_API uint32_t snapjar_header_frame_size(const snapjar_header *header);
/** Bytes of content: the pickle, padding and buffers. */
SNAPJAR_API uint64_t snapjar_header_size(const snapjar_header *header);
/** Bytes of the pickle alone. */
SNAPJAR_API uint64_t snapjar_header_pickle_size(const snapjar_header *header);
/** Bytes of the stored (compressed) payload. */
SNAPJAR_API uint64_t snapjar_header_stored_size(const snapjar_header *header);
/** XXH3-128 of the stored payload, big-endian, 16 bytes. */
SNAPJAR_API const uint8_t *snapjar_header_checksum(const snapjar_header *header);
/** XXH3-128 of the content, big-endian, 16 bytes. */
SNAPJAR_API const uint8_t *snapjar_header_content_checksum(const snapjar_header *header);
/** The out-of-band buffers; `*count` is 0 if there are none. */
SNAPJAR_API const snapjar_buffer_span *snapjar_header_buffers(const snapjar_header *header, size_t *count);
/** The whole JSON as stored. */
SNAPJAR_API snapjar_text snapjar_header_json(const snapjar_header *header);
/** Bytes of the seal area; 0 if the record has none. */
SNAPJAR_API uint32_t snapjar_header_seal_size(const snapjar_header *header);

/**
 * Called for every value of the header that is not an object or array, in the order of the file, unknown keys
 * included. `path` is as "build.packages.numpy" or "history[0].from" and, like `value`, valid during the call.
 * `value` is the text of a string without its quotes and escapes, or else the JSON of the value ("12", "true").
 * Return anything but SNAPJAR_OK to stop.
 */
typedef snapjar_status snapjar_header_visit(void *state, const char *path, snapjar_text value, int is_string);

/** Visits every value. Returns what the visitor returned last, or SNAPJAR_NO_MEMORY. */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_header_each(const snapjar_header *header,
                                                                  snapjar_header_visit *visit, void *state,
                                                                  snapjar_error *err);

/** The name of a string encoding as it stands in a header ("latin1"). Static. */
SNAPJAR_API const char *snapjar_string_encoding_name(snapjar_string_encoding encoding);

#ifdef __cplusplus
}
#endif
#endif
