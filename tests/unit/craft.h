/* SPDX-License-Identifier: MIT
 *
 * Header frames and records made by hand, right or wrong on purpose: what no writer of the library would write. Include
 * after support.h.
 */
#ifndef TEST_CRAFT_H
#define TEST_CRAFT_H

#include "checksum/checksum.h"
#include "codec/frame.h"
#include "header/header.h"
#include "util/bytes.h"

/** Zeroed memory, or the end of the test. */
static inline void *must_alloc(size_t size)
{
    void *memory = calloc(1, size ? size : 1);

    if (!memory)
        abort();
    return memory;
}

/** Text in which one piece was replaced by another; free it with free. Fails if `find` does not stand in `text`. */
static inline char *edit(const char *text, const char *find, const char *with)
{
    const char *at = strstr(text, find);

    if (!at) {
        fail_msg("\"%s\" does not stand in %s", find, text);
        abort(); /* fail_msg does not return, which the compiler does not know */
    }
    char *out = must_alloc(strlen(text) + strlen(with) + 1);
    size_t before = (size_t)(at - text);
    memcpy(out, text, before);
    strcpy(out + before, with);
    strcat(out, at + strlen(find));
    return out;
}

/** Takes the first `^` out of `text` and returns where it stood, or SIZE_MAX. */
static inline size_t take_mark(char *text)
{
    char *at = strchr(text, '^');

    if (!at)
        return SIZE_MAX;
    memmove(at, at + 1, strlen(at));
    return (size_t)(at - text);
}

/** Puts the right checksum into a header frame. */
static inline void craft_checksum(uint8_t *frame, size_t size)
{
    memset(frame + 28, 0, SJ_CHECKSUM_SIZE);
    sj_checksum(frame + 28, frame + 8, size - 8);
}

/** A header frame around `json`, with the checksum that belongs to it and `seal_size` bytes of seal area. */
static inline blob craft_header(const void *json, size_t json_size, size_t seal_size)
{
    static const uint8_t start[16] = {0x53, 0x2a, 0x4d, 0x18, 0, 0, 0, 0, 0x89, 'S', 'J', 'R', '\r', '\n', 0x1a, '\n'};
    blob frame = {must_alloc(SJ_PREFIX_SIZE + json_size + seal_size), SJ_PREFIX_SIZE + json_size + seal_size};

    memcpy(frame.bytes, start, sizeof(start));
    sj_write_le32(frame.bytes + 4, (uint32_t)(36 + json_size + seal_size));
    frame.bytes[16] = 1;
    sj_write_le32(frame.bytes + 20, (uint32_t)json_size);
    sj_write_le32(frame.bytes + 24, (uint32_t)seal_size);
    if (json_size)
        memcpy(frame.bytes + SJ_PREFIX_SIZE, json, json_size);
    craft_checksum(frame.bytes, frame.size);
    return frame;
}

/** Header frame, payload and the trailer that belongs to them. */
static inline blob craft_record(const void *frame, size_t frame_size, const void *payload, size_t payload_size)
{
    blob record = {must_alloc(frame_size + payload_size + SJ_TRAILER_SIZE),
                   frame_size + payload_size + SJ_TRAILER_SIZE};

    memcpy(record.bytes, frame, frame_size);
    if (payload_size)
        memcpy(record.bytes + frame_size, payload, payload_size);
    sj_trailer_write(record.bytes + frame_size + payload_size, record.size, record.bytes + 28);
    return record;
}

/** Where the payload of the record begins. */
static inline size_t payload_of(const blob *record)
{
    return SJ_PREFIX_SIZE + sj_read_le32(record->bytes + 20);
}

/** `content` as raw zstd frames of `frame_size` bytes each. */
static inline blob craft_payload(const void *content, size_t size, size_t frame_size)
{
    blob payload = {must_alloc(sj_frame_bound(size) + 64 * (size / frame_size + 1)), 0};

    for (size_t at = 0; at < size; at += frame_size) {
        size_t step = (size_t)sj_min(frame_size, size - at);
        payload.size += sj_frame_store(payload.bytes + payload.size, (const uint8_t *)content + at, step);
    }
    return payload;
}

/** A plan for a record of `content` that is stored as `payload`: all is right until the test changes it. */
static inline sj_header_plan craft_plan(const void *content, size_t size, const void *payload, size_t payload_size)
{
    sj_header_plan plan = {
        .type = "app:T",
        .created = "2026-01-31T12:00:00Z",
        .protocol = 4,
        .frame_size = SNAPJAR_FRAME_SIZE_MIN,
        .size = size,
        .pickle_size = size,
        .stored_size = payload_size,
    };

    sj_checksum(plan.checksum, payload, payload_size);
    sj_checksum(plan.content_checksum, content, size);
    return plan;
}

/** The record of a plan. */
static inline blob craft_planned(snapjar_context *context, const sj_header_plan *plan, const void *payload,
                                 size_t payload_size)
{
    const uint8_t *frame = NULL;
    size_t frame_size = 0;

    assert_ok(sj_header_build(&frame, &frame_size, context, plan, err));
    return craft_record(frame, frame_size, payload, payload_size);
}

#endif
