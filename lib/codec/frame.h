/* SPDX-License-Identifier: MIT
 *
 * zstd frames as format 1 demands them: walked without decompressing, compressed, stored raw, decompressed. One frame
 * at a time, in one thread; knows nothing of records. zstd's advanced interface is used for its allocator hooks only.
 */
#ifndef SJ_CODEC_FRAME_H
#define SJ_CODEC_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#include "util/context.h"
#include "util/error.h"

/** The most bytes that a frame of `content` bytes may take: format 1 forbids more, so that buffers can be bounded. */
static inline uint64_t sj_frame_stored_max(uint64_t content_size)
{
    return content_size + content_size / 16 + 1024;
}

/* ---- the walk ---- */

/** A resumable walk over the stored bytes of a payload. */
typedef struct sj_frame_walk {
    /** What the header says. */
    uint64_t frame_size;
    uint64_t content_size;
    uint64_t stored_size;
    /** File offset of the payload, for errors. */
    uint64_t base;
    /** Stored bytes seen, and content that the frames seen so far promise. */
    uint64_t at;
    uint64_t content_done;
    uint64_t frame_count;
    /** The frame we are in. */
    uint64_t frame_start;
    uint64_t frame_content;
    uint64_t block_size_max;
    /** Bytes of a block's body or a checksum still to be skipped. */
    uint64_t skip;
    bool is_last_block;
    bool is_in_frame;
    /** A frame or block header that is not complete yet. */
    uint8_t carry[18];
    uint32_t carry_size;
    /** Called with the stored size of each whole frame; may be NULL. */
    snapjar_status (*on_frame)(void *state, uint64_t stored_size, snapjar_error *err);
    void *on_frame_state;
} sj_frame_walk;

void sj_frame_walk_init(sj_frame_walk *walk, uint64_t frame_size, uint64_t content_size, uint64_t stored_size,
                        uint64_t base);

/** Walks on over the next bytes. frame-invalid, frame-foreign, frame-flags, frame-content-size, window-too-large,
 * stored-size-mismatch. */
snapjar_status sj_frame_walk_feed(sj_frame_walk *walk, const uint8_t *bytes, size_t size, snapjar_error *err);

/** All stored bytes were fed: the last frame must be whole and the content complete, else stored-size-mismatch. */
snapjar_status sj_frame_walk_finish(const sj_frame_walk *walk, snapjar_error *err);

/* ---- coding ---- */

/** What one thread needs to compress and decompress. Kept in the context. */
typedef struct sj_codec sj_codec;

/** The codec of thread `worker`, made at the first use; call it from the context's own thread. NULL without memory. */
sj_codec *sj_codec_get(snapjar_context *context, unsigned worker);

/** Room that a frame of `content_size` bytes needs at most, however it is made. */
size_t sj_frame_bound(size_t content_size);

/** Compresses `size` > 0 bytes into one frame. `room` must be at least sj_frame_bound(size). */
snapjar_status sj_frame_compress(sj_codec *codec, uint8_t *out, size_t room, size_t *out_size, const void *bytes,
                                 size_t size, int level, snapjar_error *err);

/** Writes one frame of raw blocks (RFC 8878, section 3.1.1.2); returns its size, sj_frame_store_size(size). */
size_t sj_frame_store(uint8_t *out, const void *bytes, size_t size);

/* What such a frame is made of: a head; blocks of SJ_RAW_BLOCK_SIZE, the last one what is left, each behind a head of
 * its own; the checksum (sj_checksum_zstd), little-endian. */
#define SJ_RAW_BLOCK_SIZE ((size_t)128 << 10)
#define SJ_FRAME_HEAD_MAX 9
#define SJ_BLOCK_HEAD_SIZE 3
#define SJ_FRAME_CHECKSUM_SIZE 4

size_t sj_frame_store_size(size_t size);
/** Writes the head of a frame of `size` bytes of content; returns its own size. */
size_t sj_frame_store_head(uint8_t out[SJ_FRAME_HEAD_MAX], size_t size);
/** Writes the head of the block that begins where so much of the content is left. */
void sj_block_store_head(uint8_t out[SJ_BLOCK_HEAD_SIZE], size_t left);

/**
 * Decompresses one frame to exactly `content_size` bytes, else decode-failed at `file_offset`. Without `is_checked` the
 * frame's own checksum is left to sj_frame_check, which another thread may call.
 */
snapjar_status sj_frame_decompress(sj_codec *codec, void *out, size_t content_size, const uint8_t *frame,
                                   size_t frame_size, bool is_checked, uint64_t file_offset, snapjar_error *err);

/** Compares the checksum at the frame's end with that of its content (sj_checksum_zstd), else decode-failed. */
snapjar_status sj_frame_check(const uint8_t *frame, size_t frame_size, uint32_t content_checksum, uint64_t file_offset,
                              snapjar_error *err);

int sj_level_min(void);
int sj_level_max(void);

#endif
