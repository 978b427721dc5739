/* SPDX-License-Identifier: MIT
 *
 * Decompresses what people keep pickles in: gzip, bzip2, xz, lzma, zlib and zstd, as a stream with bounded memory. For
 * input that is about to be packed; a record's own payload is never read with this (codec/frame.h).
 */
#ifndef SJ_CODEC_FOREIGN_H
#define SJ_CODEC_FOREIGN_H

#include <stdint.h>

#include "util/context.h"
#include "util/error.h"

typedef enum sj_foreign_kind {
    /** Any number of members; zeros may follow the last one, as in gzip. */
    SJ_FOREIGN_GZIP,
    /** Any number of streams. */
    SJ_FOREIGN_BZIP2,
    /** Any number of streams, with padding as the format allows. */
    SJ_FOREIGN_XZ,
    /** The older format of a single stream, ".lzma". */
    SJ_FOREIGN_LZMA,
    /** A single stream. */
    SJ_FOREIGN_ZLIB,
    /** Any number of frames, skippable ones too. */
    SJ_FOREIGN_ZSTD
} sj_foreign_kind;

/** What an input may make its decoder allocate: beyond what any usual level of these programs needs. */
#define SJ_FOREIGN_XZ_MEMORY_MAX (UINT64_C(256) << 20)
#define SJ_FOREIGN_ZSTD_WINDOW_LOG_MAX 27

/** Takes decompressed bytes. */
typedef snapjar_status sj_foreign_write(void *state, const void *bytes, size_t size, snapjar_error *err);

typedef struct sj_foreign sj_foreign;

/** Makes a decoder whose output goes to `write`, `content_size_max` bytes at most. Free it with sj_foreign_free. */
snapjar_status sj_foreign_begin(sj_foreign **decoder, snapjar_context *context, sj_foreign_kind kind,
                                uint64_t content_size_max, sj_foreign_write *write, void *state, snapjar_error *err);

/**
 * Decodes the next bytes of the input. Fails with `input-compressed-damaged` (offset: bytes decoded before the fault
 * was seen, counted from the first feed; a first byte that belongs to no stream is told exactly) or `input-too-large`.
 */
snapjar_status sj_foreign_feed(sj_foreign *decoder, const void *bytes, size_t size, snapjar_error *err);

/** All input was fed: it must end with a whole stream, else `input-compressed-cut-short` at the input's end. */
snapjar_status sj_foreign_end(sj_foreign *decoder, snapjar_error *err);

void sj_foreign_free(sj_foreign *decoder);

#endif
