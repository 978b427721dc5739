/* SPDX-License-Identifier: MIT
 *
 * The structure of zstd frames (RFC 8878, section 3.1), read without decompressing.
 */
#include <inttypes.h>
#include <string.h>

#include <snapjar/header.h>

#include "codec/frame.h"
#include "util/bytes.h"

#define FRAME_MAGIC 0xFD2FB528u
#define SKIPPABLE_MAGIC 0x184D2A50u
#define BLOCK_SIZE_MAX (UINT64_C(128) << 10)
#define BLOCK_HEADER_SIZE 3
#define CONTENT_CHECKSUM_SIZE 4
#define WINDOW_SIZE_MAX ((uint64_t)SNAPJAR_FRAME_SIZE_MAX)

/* Bits of the Frame_Header_Descriptor (section 3.1.1.1.1). */
#define DESCRIPTOR_SINGLE_SEGMENT 0x20
#define DESCRIPTOR_RESERVED 0x08
#define DESCRIPTOR_CHECKSUM 0x04
#define DESCRIPTOR_DICTIONARY 0x03

enum { BLOCK_RAW = 0, BLOCK_RLE = 1, BLOCK_COMPRESSED = 2, BLOCK_RESERVED = 3 };

void sj_frame_walk_init(sj_frame_walk *walk, uint64_t frame_size, uint64_t content_size, uint64_t stored_size,
                        uint64_t base)
{
    *walk = (sj_frame_walk){
        .frame_size = frame_size, .content_size = content_size, .stored_size = stored_size, .base = base};
}

static snapjar_status raise(const sj_frame_walk *walk, snapjar_diagnostic diagnostic, uint64_t at, const char *why,
                            snapjar_error *err)
{
    return sj_raise(err, SNAPJAR_DAMAGED, diagnostic, SJ_AT_FILE(walk->base + at), "payload frame %" PRIu64 ": %s",
                    walk->frame_count, why);
}

static snapjar_status check_magic(const sj_frame_walk *walk, snapjar_error *err)
{
    uint32_t magic = sj_read_le32(walk->carry);

    if (magic == FRAME_MAGIC)
        return SNAPJAR_OK;
    if ((magic & 0xfffffff0u) == SKIPPABLE_MAGIC)
        return raise(walk, SNAPJAR_DIAG_FRAME_FOREIGN, walk->frame_start, "a skippable frame stands inside the payload",
                     err);
    /* Formats of zstd before 0.8 (lib/legacy of zstd). */
    if (magic >= 0xFD2FB522u && magic <= 0xFD2FB527u)
        return raise(walk, SNAPJAR_DIAG_FRAME_FOREIGN, walk->frame_start, "a frame of a zstd format before 0.8", err);
    return raise(walk, SNAPJAR_DIAG_FRAME_INVALID, walk->frame_start, "no zstd frame begins here", err);
}

static uint64_t read_content_size(const uint8_t *field, unsigned field_size)
{
    switch (field_size) {
    case 1:
        return field[0];
    case 2:
        return sj_read_le16(field) + UINT64_C(256);
    case 4:
        return sj_read_le32(field);
    default:
        return sj_read_le64(field);
    }
}

/* Bytes of the frame header that starts in the carry, as far as its first five bytes tell. */
static uint32_t header_size(const sj_frame_walk *walk)
{
    static const uint32_t field_sizes[4] = {0, 2, 4, 8};
    uint8_t descriptor = walk->carry[4];
    bool is_single = (descriptor & DESCRIPTOR_SINGLE_SEGMENT) != 0;
    uint32_t field_size = field_sizes[descriptor >> 6];

    if (is_single && !field_size)
        field_size = 1;
    return (is_single ? 5 : 6) + field_size;
}

static snapjar_status check_descriptor(const sj_frame_walk *walk, snapjar_error *err)
{
    uint8_t descriptor = walk->carry[4];

    if (descriptor & DESCRIPTOR_RESERVED)
        return raise(walk, SNAPJAR_DIAG_FRAME_INVALID, walk->frame_start + 4, "a reserved bit is set in its header",
                     err);
    if (descriptor & DESCRIPTOR_DICTIONARY)
        return raise(walk, SNAPJAR_DIAG_FRAME_FLAGS, walk->frame_start, "it asks for a dictionary", err);
    if (!(descriptor & DESCRIPTOR_CHECKSUM))
        return raise(walk, SNAPJAR_DIAG_FRAME_FLAGS, walk->frame_start, "it has no content checksum", err);
    if (!(descriptor & DESCRIPTOR_SINGLE_SEGMENT) && !(descriptor >> 6))
        return raise(walk, SNAPJAR_DIAG_FRAME_FLAGS, walk->frame_start, "it has no content size", err);
    return SNAPJAR_OK;
}

/* The whole frame header is in the carry. */
static snapjar_status read_frame_header(sj_frame_walk *walk, snapjar_error *err)
{
    bool is_single = (walk->carry[4] & DESCRIPTOR_SINGLE_SEGMENT) != 0;
    uint32_t field_at = is_single ? 5 : 6;
    uint64_t content = read_content_size(walk->carry + field_at, walk->carry_size - field_at);
    uint64_t wanted = sj_min(walk->frame_size, walk->content_size - walk->content_done);
    uint64_t window = content;

    if (!is_single) {
        /* Window_Descriptor (section 3.1.1.1.2): exponent and mantissa. */
        uint64_t base = UINT64_C(1) << (10 + (walk->carry[5] >> 3));
        window = base + base / 8 * (walk->carry[5] & 7);
    }
    if (content != wanted)
        return sj_raise(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_FRAME_CONTENT_SIZE,
                        SJ_AT_FILE(walk->base + walk->frame_start),
                        "payload frame %" PRIu64 " holds %" PRIu64 " bytes and must hold %" PRIu64, walk->frame_count,
                        content, wanted);
    if (window > WINDOW_SIZE_MAX)
        return sj_raise(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_WINDOW_TOO_LARGE, SJ_AT_FILE(walk->base + walk->frame_start),
                        "payload frame %" PRIu64 " asks for a window of %" PRIu64 " bytes, %" PRIu64 " are allowed",
                        walk->frame_count, window, WINDOW_SIZE_MAX);
    walk->frame_content = content;
    walk->block_size_max = sj_min(window, BLOCK_SIZE_MAX);
    walk->is_in_frame = true;
    walk->is_last_block = false;
    return SNAPJAR_OK;
}

static snapjar_status read_block_header(sj_frame_walk *walk, snapjar_error *err)
{
    uint32_t header = sj_read_le24(walk->carry);
    uint64_t header_at = walk->at - BLOCK_HEADER_SIZE;
    uint32_t type = header >> 1 & 3;
    uint32_t size = header >> 3;

    if (type == BLOCK_RESERVED)
        return raise(walk, SNAPJAR_DIAG_FRAME_INVALID, header_at, "a block of the reserved type", err);
    if (size > walk->block_size_max)
        return raise(walk, SNAPJAR_DIAG_FRAME_INVALID, header_at, "a block larger than 128 KiB or the window", err);
    walk->is_last_block = header & 1;
    walk->skip = type == BLOCK_RLE ? 1 : size;
    if (walk->is_last_block)
        walk->skip += CONTENT_CHECKSUM_SIZE;
    if (walk->at - walk->frame_start + walk->skip > sj_frame_stored_max(walk->frame_content))
        return raise(walk, SNAPJAR_DIAG_FRAME_INVALID, walk->frame_start, "it takes far more bytes than its content",
                     err);
    return SNAPJAR_OK;
}

/* How many bytes the header that is being gathered needs in all, as far as is known. */
static uint32_t wanted_carry(const sj_frame_walk *walk)
{
    if (walk->is_in_frame)
        return BLOCK_HEADER_SIZE;
    return walk->carry_size < 5 ? 5 : header_size(walk);
}

/* Gathers one header across chunk borders, byte by byte: headers are few. */
static snapjar_status gather(sj_frame_walk *walk, uint8_t byte, snapjar_error *err)
{
    if (walk->carry_size == 0 && !walk->is_in_frame) {
        walk->frame_start = walk->at;
        if (walk->content_done == walk->content_size)
            return sj_raise(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_STORED_SIZE_MISMATCH, SJ_AT_FILE(walk->base + walk->at),
                            "the frames end after %" PRIu64 " bytes, payload.stored_size is %" PRIu64, walk->at,
                            walk->stored_size);
    }
    walk->carry[walk->carry_size++] = byte;
    walk->at++;
    if (!walk->is_in_frame && walk->carry_size == 4)
        return check_magic(walk, err);
    if (!walk->is_in_frame && walk->carry_size == 5)
        SJ_TRY(check_descriptor(walk, err));
    if (walk->carry_size < wanted_carry(walk))
        return SNAPJAR_OK;
    snapjar_status status = walk->is_in_frame ? read_block_header(walk, err) : read_frame_header(walk, err);
    walk->carry_size = 0;
    return status;
}

static snapjar_status end_frame(sj_frame_walk *walk, snapjar_error *err)
{
    walk->is_in_frame = false;
    walk->is_last_block = false;
    walk->content_done += walk->frame_content;
    walk->frame_count++;
    return walk->on_frame ? walk->on_frame(walk->on_frame_state, walk->at - walk->frame_start, err) : SNAPJAR_OK;
}

snapjar_status sj_frame_walk_feed(sj_frame_walk *walk, const uint8_t *bytes, size_t size, snapjar_error *err)
{
    for (size_t i = 0; i < size;) {
        if (walk->skip) {
            uint64_t step = sj_min(walk->skip, size - i);
            walk->skip -= step;
            walk->at += step;
            i += step;
            if (!walk->skip && walk->is_last_block)
                SJ_TRY(end_frame(walk, err));
            continue;
        }
        SJ_TRY(gather(walk, bytes[i++], err));
    }
    return SNAPJAR_OK;
}

snapjar_status sj_frame_walk_finish(const sj_frame_walk *walk, snapjar_error *err)
{
    if (!walk->is_in_frame && !walk->carry_size && walk->content_done == walk->content_size)
        return SNAPJAR_OK;
    return sj_raise(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_STORED_SIZE_MISMATCH, SJ_AT_FILE(walk->base + walk->at),
                    "the payload ends %s, with %" PRIu64 " of %" PRIu64 " bytes of content",
                    walk->is_in_frame || walk->carry_size ? "inside a frame" : "too early", walk->content_done,
                    walk->content_size);
}
