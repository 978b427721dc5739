/* SPDX-License-Identifier: MIT
 *
 * A record's payload, read and written in bounded memory, in parallel over its frames. Reading answers in the order of
 * the gate: stored checksum, then the walk over the frames, then decompression. Frames may be decompressed before the
 * checksum of all stored bytes is known; what comes of that counts only if it holds. What the content is, is the
 * caller's business.
 */
#ifndef SJ_CONTAINER_PAYLOAD_H
#define SJ_CONTAINER_PAYLOAD_H

#include <snapjar/snapshot.h>

#include "container/output.h"
#include "container/record.h"

typedef struct sj_payload_reading {
    snapjar_context *context;
    snapjar_source *source;
    const sj_record *record;
    /** Threads that read and decompress beside the calling one; 0: none. */
    unsigned threads;
    /**
     * Called once the stored bytes and the walk over their frames hold, and so the size is known to be meant, or at
     * once where the stored bytes are more: gives memory for the whole content. NULL: kept buffers of a frame each are
     * used.
     */
    snapjar_status (*prepare)(void *state, uint8_t **content, snapjar_error *err);
    /** Gets the content in order, perhaps before the stored bytes behind it were checked; may be NULL. */
    snapjar_status (*consume)(void *state, const uint8_t *bytes, size_t size, snapjar_error *err);
    /**
     * Gets each frame's content and where it stands in the whole, from the thread that decompressed it, in any order,
     * and before anything is known of it but that it decompresses; may be NULL.
     */
    snapjar_status (*place)(void *state, const uint8_t *bytes, size_t size, uint64_t offset, snapjar_error *err);
    void *state;
    snapjar_progress *progress;
    void *progress_state;
    /** BLAKE2b-256 that the stored payload must have, for a seal; NULL: any. */
    const uint8_t *digest;
    /** Gets the digest of the stored payload once its checksum holds; NULL: nobody wants it. */
    uint8_t *digest_out;
} sj_payload_reading;

/**
 * Reads the stored payload once: payload-checksum-mismatch, seal-payload-altered, then the faults that the walk over
 * its frames found.
 * `*frame_count` may be NULL. The record must end inside the source (sj_record_check_end).
 */
snapjar_status sj_payload_check_stored(const sj_payload_reading *reading, uint64_t *frame_count, snapjar_error *err);

/**
 * Checks the stored payload as above, decompresses it to exactly `size` bytes and compares their checksum. A payload
 * that is not in memory is read once, each frame into memory where it is hashed, walked over and decompressed. With
 * `prepare` or `digest`, which want the checks of all stored bytes first, a large one is read twice, and what is
 * decompressed is hashed again: source-changed if that differs; but one of raw blocks without `digest` is read once, to
 * where it stays. Whatever was consumed before a failure must be thrown away.
 */
snapjar_status sj_payload_read(const sj_payload_reading *reading, uint64_t *frame_count, snapjar_error *err);

typedef struct sj_payload_writing {
    snapjar_context *context;
    /** Threads that compress beside the calling one; 0: none. */
    unsigned threads;
    /** 0: the default. */
    int level;
    uint32_t frame_size;
    snapjar_compression compression;
    /** Most of the content are buffers beside the pickle. */
    bool has_buffers;
    /**
     * Gives the next frame's content: exactly `frame_size` bytes, fewer only for the last, 0 if there is no more.
     * `*bytes` is `buffer` (which has room for a frame) or other memory that stays as it is until the call of
     * sj_payload_write ends.
     */
    snapjar_status (*produce)(void *state, uint8_t *buffer, const uint8_t **bytes, size_t *size, snapjar_error *err);
    /**
     * Asked before the first of several frames goes out, which makes `stored_size` bytes of `content_size`: how large
     * the record's header is going to be, or 0 if that cannot be told. A wrong answer costs time only. May be NULL.
     */
    size_t (*expect_header)(void *state, uint64_t content_size, uint64_t stored_size);
    void *state;
    /** Tell the stored payload's digest, too. */
    bool wants_digest;
} sj_payload_writing;

typedef struct sj_payload_written {
    uint64_t size;
    uint64_t stored_size;
    uint8_t checksum[SJ_CHECKSUM_SIZE];
    uint8_t content_checksum[SJ_CHECKSUM_SIZE];
    /** BLAKE2b-256 of the stored payload, if it was wanted. */
    uint8_t digest[SJ_BLAKE_SIZE];
} sj_payload_written;

/** Compresses what `produce` gives into `output`, which is not finished. */
snapjar_status sj_payload_write(const sj_payload_writing *writing, sj_output *output, sj_payload_written *written,
                                snapjar_error *err);

#endif
