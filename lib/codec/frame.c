/* SPDX-License-Identifier: MIT
 *
 * One frame at a time through zstd, with contexts that are kept: making a fresh one costs more than a small pickle.
 */
#include "codec/frame.h"

#include <inttypes.h>
#include <string.h>

#define ZSTD_STATIC_LINKING_ONLY /* ZSTD_customMem and the _advanced constructors; exported by the shared library too  \
                                  */
#include <zstd.h>
#include <zstd_errors.h>

#include "checksum/checksum.h"
#include "util/bytes.h"
#include "util/pipeline.h"

/*
 * zstd's tables for level 3 (of 2^17 and 2^16 entries, 4 bytes each, for content of more than 256 KiB) do not stay in
 * the second-level cache of most processors beside the content. With half of each, frames take 8 to 22 % less time to
 * compress, some 10 % less to decompress, and up to 0.6 % more room (graphs, text, source code, integers).
 */
#define TABLES_LEVEL 3
#define TABLES_SIZE_MIN ((size_t)(256 << 10) + 1)
#define TABLES_LONG_LOG 16
#define TABLES_SHORT_LOG 15

struct sj_codec {
    ZSTD_CCtx *compress;
    ZSTD_DCtx *decompress;
    ZSTD_customMem memory;
    int level;
    bool has_small_tables;
};

typedef struct kept_codecs {
    sj_codec *codecs[SJ_THREADS_MAX];
} kept_codecs;

static void *zstd_alloc(void *opaque, size_t size)
{
    return sj_alloc(opaque, size);
}

static void zstd_free(void *opaque, void *pointer)
{
    sj_free(opaque, pointer);
}

static void release(snapjar_context *context, void *pointer)
{
    kept_codecs *kept = pointer;

    for (unsigned i = 0; i < SJ_THREADS_MAX; i++) {
        if (kept->codecs[i]) {
            (void)ZSTD_freeCCtx(kept->codecs[i]->compress);
            (void)ZSTD_freeDCtx(kept->codecs[i]->decompress);
            sj_free(context, kept->codecs[i]);
        }
    }
    sj_free(context, kept);
}

sj_codec *sj_codec_get(snapjar_context *context, unsigned worker)
{
    kept_codecs *kept = context->slots[SJ_SLOT_CODEC].kept;

    if (!kept) {
        kept = sj_alloc_zero(context, sizeof(*kept));
        if (!kept)
            return NULL;
        context->slots[SJ_SLOT_CODEC].kept = kept;
        context->slots[SJ_SLOT_CODEC].release = release;
    }
    if (!kept->codecs[worker]) {
        sj_codec *codec = sj_alloc_zero(context, sizeof(*codec));
        if (codec)
            codec->memory = (ZSTD_customMem){zstd_alloc, zstd_free, context};
        kept->codecs[worker] = codec;
    }
    return kept->codecs[worker];
}

size_t sj_frame_bound(size_t content_size)
{
    return ZSTD_COMPRESSBOUND(content_size) + 32;
}

static snapjar_status raise_zstd(size_t code, const char *what, snapjar_error *err)
{
    if (ZSTD_getErrorCode(code) == ZSTD_error_memory_allocation)
        return sj_raise_no_memory(err, 0);
    return sj_raise(err, SNAPJAR_BUG, SNAPJAR_DIAG_INTERNAL, SJ_NOWHERE, "zstd, %s: %s", what, ZSTD_getErrorName(code));
}

/* 0: as the level has it. */
static size_t choose_tables(sj_codec *codec, bool is_small)
{
    size_t code = ZSTD_CCtx_setParameter(codec->compress, ZSTD_c_hashLog, is_small ? TABLES_LONG_LOG : 0);

    if (!ZSTD_isError(code))
        code = ZSTD_CCtx_setParameter(codec->compress, ZSTD_c_chainLog, is_small ? TABLES_SHORT_LOG : 0);
    codec->has_small_tables = is_small;
    return code;
}

static snapjar_status begin_compress(sj_codec *codec, int level, size_t size, snapjar_error *err)
{
    if (!codec->compress) {
        codec->compress = ZSTD_createCCtx_advanced(codec->memory);
        if (!codec->compress)
            return sj_raise_no_memory(err, 0);
        size_t code = ZSTD_CCtx_setParameter(codec->compress, ZSTD_c_checksumFlag, 1);
        if (!ZSTD_isError(code))
            code = ZSTD_CCtx_setParameter(codec->compress, ZSTD_c_contentSizeFlag, 1);
        if (ZSTD_isError(code))
            return raise_zstd(code, "parameters", err);
        codec->level = 0;
    }
    if (codec->level != level) {
        size_t code = ZSTD_CCtx_setParameter(codec->compress, ZSTD_c_compressionLevel, level);
        /* Frames never need a window beyond the largest frame, and readers refuse one (levels 20 to 22 would ask). */
        if (!ZSTD_isError(code))
            code = ZSTD_CCtx_setParameter(codec->compress, ZSTD_c_windowLog, level >= 20 ? 23 : 0);
        if (ZSTD_isError(code))
            return raise_zstd(code, "level", err);
        codec->level = level;
    }
    bool wants_small_tables = level == TABLES_LEVEL && size >= TABLES_SIZE_MIN;
    if (codec->has_small_tables != wants_small_tables) {
        size_t code = choose_tables(codec, wants_small_tables);
        if (ZSTD_isError(code))
            return raise_zstd(code, "tables", err);
    }
    return SNAPJAR_OK;
}

snapjar_status sj_frame_compress(sj_codec *codec, uint8_t *out, size_t room, size_t *out_size, const void *bytes,
                                 size_t size, int level, snapjar_error *err)
{
    SJ_TRY(begin_compress(codec, level, size, err));
    size_t code = ZSTD_compress2(codec->compress, out, room, bytes, size);
    if (ZSTD_isError(code))
        return raise_zstd(code, "compress", err);
    *out_size = code;
    return SNAPJAR_OK;
}

size_t sj_frame_store_head(uint8_t out[SJ_FRAME_HEAD_MAX], size_t size)
{
    static const uint8_t magic[4] = {0x28, 0xb5, 0x2f, 0xfd};

    /* Frame_Header_Descriptor: Single_Segment and Content_Checksum, and the size of the content size (section 3.1.1.1).
     */
    memcpy(out, magic, sizeof(magic));
    if (size < 256) {
        out[4] = 0x24;
        out[5] = (uint8_t)size;
        return 6;
    }
    if (size < 65536 + 256) {
        out[4] = 0x64;
        sj_write_le16(out + 5, (uint16_t)(size - 256));
        return 7;
    }
    out[4] = 0xa4;
    sj_write_le32(out + 5, (uint32_t)size);
    return 9;
}

void sj_block_store_head(uint8_t out[SJ_BLOCK_HEAD_SIZE], size_t left)
{
    size_t block = (size_t)sj_min(left, SJ_RAW_BLOCK_SIZE);

    sj_write_le24(out, (uint32_t)(block << 3 | (left == block)));
}

size_t sj_frame_store_size(size_t size)
{
    uint8_t head[SJ_FRAME_HEAD_MAX];
    size_t blocks = (size + SJ_RAW_BLOCK_SIZE - 1) / SJ_RAW_BLOCK_SIZE;

    return sj_frame_store_head(head, size) + blocks * SJ_BLOCK_HEAD_SIZE + size + SJ_FRAME_CHECKSUM_SIZE;
}

size_t sj_frame_store(uint8_t *out, const void *bytes, size_t size)
{
    const uint8_t *in = bytes;
    uint8_t *p = out + sj_frame_store_head(out, size);

    for (size_t left = size; left > 0;) {
        size_t block = (size_t)sj_min(left, SJ_RAW_BLOCK_SIZE);
        sj_block_store_head(p, left);
        memcpy(p + SJ_BLOCK_HEAD_SIZE, in, block);
        p += SJ_BLOCK_HEAD_SIZE + block;
        in += block;
        left -= block;
    }
    sj_write_le32(p, sj_checksum_zstd(bytes, size));
    return (size_t)(p + SJ_FRAME_CHECKSUM_SIZE - out);
}

snapjar_status sj_frame_decompress(sj_codec *codec, void *out, size_t content_size, const uint8_t *frame,
                                   size_t frame_size, bool is_checked, uint64_t file_offset, snapjar_error *err)
{
    if (!codec->decompress) {
        codec->decompress = ZSTD_createDCtx_advanced(codec->memory);
        if (!codec->decompress)
            return sj_raise_no_memory(err, 0);
    }
    size_t code = ZSTD_DCtx_setParameter(codec->decompress, ZSTD_d_forceIgnoreChecksum,
                                         is_checked ? ZSTD_d_validateChecksum : ZSTD_d_ignoreChecksum);
    if (ZSTD_isError(code))
        return raise_zstd(code, "parameters", err);
    code = ZSTD_decompressDCtx(codec->decompress, out, content_size, frame, frame_size);
    if (ZSTD_isError(code) && ZSTD_getErrorCode(code) == ZSTD_error_memory_allocation)
        return sj_raise_no_memory(err, 0);
    if (ZSTD_isError(code))
        return sj_raise(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_DECODE_FAILED, SJ_AT_FILE(file_offset), "zstd: %s",
                        ZSTD_getErrorName(code));
    if (code != content_size)
        return sj_raise(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_DECODE_FAILED, SJ_AT_FILE(file_offset),
                        "the frame decompresses to %zu bytes and says %zu", code, content_size);
    return SNAPJAR_OK;
}

snapjar_status sj_frame_check(const uint8_t *frame, size_t frame_size, uint32_t content_checksum, uint64_t file_offset,
                              snapjar_error *err)
{
    uint32_t wanted = sj_read_le32(frame + frame_size - sizeof(wanted));

    if (wanted == content_checksum)
        return SNAPJAR_OK;
    return sj_raise(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_DECODE_FAILED, SJ_AT_FILE(file_offset),
                    "the frame's checksum is %08" PRIx32 ", its content gives %08" PRIx32, wanted, content_checksum);
}

int sj_level_min(void)
{
    return -7;
}

int sj_level_max(void)
{
    return 22;
}
