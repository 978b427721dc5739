/* SPDX-License-Identifier: MIT
 *
 * What an input is, told by its first bytes, and the decompression of each kind: whole, in several members, cut at
 * every byte, damaged at every byte, around the limit. Each compression is made by its own library when the test runs.
 */
#include <bzlib.h>
#include <lzma.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include <cmocka.h>

#include <snapjar/snapshot.h>

#include "codec/foreign.h"
#include "fail_alloc.h"
#include "snapshot/input.h"
#include "util/bytes.h"
#include "util/io.h"

#define assert_ok(call) assert_int_equal((call), SNAPJAR_OK)
#define PACKED_SIZE 4096
#define LENGTH(array) (sizeof(array) / sizeof *(array))
/** A literal without its NUL. */
#define BYTES(literal) (literal), sizeof(literal) - 1

static snapjar_context *context;
static snapjar_error err;

static int set_up(void **state)
{
    (void)state;
    return snapjar_context_new(&context, NULL, NULL) == SNAPJAR_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    snapjar_context_free(context);
    return 0;
}

/* ---- making compressed data (at low levels: their decoders need little memory, and run thousands of times) ---- */

typedef size_t compressor(uint8_t *out, size_t out_size, const void *bytes, size_t size);

static size_t deflate_as(uint8_t *out, size_t out_size, const void *bytes, size_t size, int window_bits)
{
    z_stream stream;
    memset(&stream, 0, sizeof stream);
    assert_int_equal(deflateInit2(&stream, 6, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
    stream.next_in = (Bytef *)(uintptr_t)bytes;
    stream.avail_in = (uInt)size;
    stream.next_out = out;
    stream.avail_out = (uInt)out_size;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    size_t made = stream.total_out;
    deflateEnd(&stream);
    return made;
}

static size_t make_gzip(uint8_t *out, size_t out_size, const void *bytes, size_t size)
{
    return deflate_as(out, out_size, bytes, size, 31);
}

static size_t make_zlib(uint8_t *out, size_t out_size, const void *bytes, size_t size)
{
    return deflate_as(out, out_size, bytes, size, 15);
}

static size_t make_bzip2(uint8_t *out, size_t out_size, const void *bytes, size_t size)
{
    unsigned made = (unsigned)out_size;
    assert_int_equal(BZ2_bzBuffToBuffCompress((char *)out, &made, (char *)(uintptr_t)bytes, (unsigned)size, 1, 0, 0),
                     BZ_OK);
    return made;
}

static size_t make_xz(uint8_t *out, size_t out_size, const void *bytes, size_t size)
{
    size_t made = 0;
    assert_int_equal(lzma_easy_buffer_encode(0, LZMA_CHECK_CRC32, NULL, bytes, size, out, &made, out_size), LZMA_OK);
    return made;
}

static size_t make_lzma(uint8_t *out, size_t out_size, const void *bytes, size_t size)
{
    lzma_options_lzma options;
    lzma_stream stream = LZMA_STREAM_INIT;
    lzma_lzma_preset(&options, 0);
    assert_int_equal(lzma_alone_encoder(&stream, &options), LZMA_OK);
    stream.next_in = bytes;
    stream.avail_in = size;
    stream.next_out = out;
    stream.avail_out = out_size;
    assert_int_equal(lzma_code(&stream, LZMA_FINISH), LZMA_STREAM_END);
    size_t made = (size_t)stream.total_out;
    lzma_end(&stream);
    return made;
}

static size_t make_zstd(uint8_t *out, size_t out_size, const void *bytes, size_t size)
{
    ZSTD_CCtx *maker = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(maker, ZSTD_c_checksumFlag, 1);
    size_t made = ZSTD_compress2(maker, out, out_size, bytes, size);
    assert_false(ZSTD_isError(made));
    ZSTD_freeCCtx(maker);
    return made;
}

static const struct {
    snapjar_input_kind kind;
    compressor *make;
    bool is_repeatable;
    bool may_pad;
} kinds[] = {
    {SNAPJAR_INPUT_GZIP, make_gzip, true, true},   {SNAPJAR_INPUT_BZIP2, make_bzip2, true, false},
    {SNAPJAR_INPUT_XZ, make_xz, true, true},       {SNAPJAR_INPUT_LZMA, make_lzma, false, false},
    {SNAPJAR_INPUT_ZLIB, make_zlib, false, false}, {SNAPJAR_INPUT_ZSTD, make_zstd, true, false},
};

/** A pickle of a list of small numbers: compresses a little. */
static const char sample[] =
    "\x80\x04\x95\x4a\x00\x00\x00\x00\x00\x00\x00]\x94(K\x01K\x02K\x03K\x04K\x05K\x06K\x07K\x08"
    "K\x09K\x0aK\x0bK\x0cK\x0dK\x0eK\x0fK\x10K\x11K\x12K\x13K\x14K\x15K\x16K\x17K\x18K\x19"
    "K\x1aK\x1bK\x1cK\x1dK\x1eK\x1fK\x20\x8c\x01x\x8c\x01y\x65.";
static const size_t sample_size = sizeof sample - 1;

/* ---- running ---- */

static snapjar_status decompress_from(snapjar_context *own, snapjar_source *source, snapjar_input_kind kind,
                                      const snapjar_limits *limits, const void *expected, size_t expected_size,
                                      snapjar_error *error)
{
    snapjar_source *plain;
    snapjar_status status = snapjar_input_decompress(&plain, own, source, kind, limits, error);
    if (status != SNAPJAR_OK) {
        assert_null(plain);
        return status;
    }
    uint64_t size;
    size_t got;
    uint8_t *bytes = malloc(expected_size + 1);
    assert_ok(snapjar_source_size(plain, &size, &err));
    assert_int_equal(size, expected_size);
    assert_ok(snapjar_source_read_at(plain, bytes, expected_size + 1, 0, &got, &err));
    assert_int_equal(got, expected_size);
    assert_memory_equal(bytes, expected, expected_size);
    free(bytes);
    snapjar_source_free(plain);
    return SNAPJAR_OK;
}

/** Decompresses memory; on success the result must be `expected`. */
static snapjar_status decompress(snapjar_input_kind kind, const void *packed, size_t packed_size, const void *expected,
                                 size_t expected_size)
{
    snapjar_source *source;
    assert_ok(snapjar_source_from_memory(&source, context, packed, packed_size, &err));
    snapjar_status status = decompress_from(context, source, kind, NULL, expected, expected_size, &err);
    snapjar_source_free(source);
    return status;
}

static void assert_error(snapjar_status status, snapjar_status expected, snapjar_diagnostic diagnostic, uint64_t offset)
{
    assert_int_equal(status, expected);
    assert_int_equal(err.status, expected);
    assert_int_equal(err.diagnostic, diagnostic);
    assert_int_equal(err.space, SNAPJAR_SPACE_FILE);
    assert_int_equal(err.offset, offset);
}

static void assert_cut(snapjar_status status, uint64_t offset)
{
    assert_error(status, SNAPJAR_CUT_SHORT, SNAPJAR_DIAG_INPUT_COMPRESSED_CUT_SHORT, offset);
}

static void assert_damaged(snapjar_status status, uint64_t offset)
{
    assert_error(status, SNAPJAR_DAMAGED, SNAPJAR_DIAG_INPUT_COMPRESSED_DAMAGED, offset);
}

static snapjar_status detect(const void *bytes, size_t size, snapjar_input_kind *kind)
{
    snapjar_source *source;
    assert_ok(snapjar_source_from_memory(&source, context, bytes, size, &err));
    snapjar_status status = snapjar_input_detect(source, kind, &err);
    snapjar_source_free(source);
    return status;
}

/* ---- whole data ---- */

static void test_whole(void **state)
{
    (void)state;
    uint8_t packed[PACKED_SIZE];
    snapjar_input_kind kind;
    for (size_t i = 0; i < LENGTH(kinds); i++) {
        size_t size = kinds[i].make(packed, sizeof packed, sample, sample_size);
        assert_ok(detect(packed, size, &kind));
        assert_int_equal(kind, kinds[i].kind);
        assert_ok(decompress(kind, packed, size, sample, sample_size));
        size = kinds[i].make(packed, sizeof packed, "", 0);
        assert_ok(decompress(kind, packed, size, "", 0));
    }
}

/** Large enough for many buffers of every size, from memory and from a file. */
static void test_large(void **state)
{
    (void)state;
    const size_t size = (3 << 20) + 7;
    const size_t packed_max = size + (1 << 20);
    uint8_t *bytes = malloc(size);
    uint8_t *packed = malloc(packed_max);
    uint32_t random = 1;
    for (size_t i = 0; i < size; i++) {
        random = random * 1664525 + 1013904223;
        bytes[i] = i % (1 << 20) < (1 << 19) ? 'z' : (uint8_t)(random >> 27);
    }
    for (size_t i = 0; i < LENGTH(kinds); i++) {
        size_t packed_size = kinds[i].make(packed, packed_max, bytes, size);
        assert_ok(decompress(kinds[i].kind, packed, packed_size, bytes, size));
        FILE *file = tmpfile();
        snapjar_source *source;
        assert_int_equal(fwrite(packed, 1, packed_size, file), packed_size);
        assert_int_equal(fflush(file), 0);
        assert_ok(snapjar_source_from_fd(&source, context, fileno(file), "file", 0, &err));
        assert_ok(decompress_from(context, source, kinds[i].kind, NULL, bytes, size, &err));
        snapjar_source_free(source);
        fclose(file);
    }
    free(bytes);
    free(packed);
}

static void test_exact_buffers(void **state)
{
    (void)state;
    /* Content that fills the decoder's output exactly, once and twice: the end must still be seen. */
    const size_t sizes[] = {(64 << 10) - 1, 64 << 10, (64 << 10) + 1, 128 << 10};
    uint8_t *bytes = calloc(1, 128 << 10);
    uint8_t *packed = malloc(256 << 10);
    for (size_t i = 0; i < LENGTH(kinds); i++) {
        for (size_t j = 0; j < LENGTH(sizes); j++) {
            size_t packed_size = kinds[i].make(packed, 256 << 10, bytes, sizes[j]);
            assert_ok(decompress(kinds[i].kind, packed, packed_size, bytes, sizes[j]));
        }
    }
    free(bytes);
    free(packed);
}

static void test_several_members(void **state)
{
    (void)state;
    uint8_t packed[PACKED_SIZE];
    char twice[2 * sizeof sample];
    memcpy(twice, sample, sample_size);
    memcpy(twice + sample_size, sample, sample_size);
    for (size_t i = 0; i < LENGTH(kinds); i++) {
        size_t first = kinds[i].make(packed, sizeof packed, sample, sample_size);
        size_t size = first + kinds[i].make(packed + first, sizeof packed - first, sample, sample_size);
        if (kinds[i].is_repeatable) {
            assert_ok(decompress(kinds[i].kind, packed, size, twice, 2 * sample_size));
            for (size_t cut = first + 1; cut < size; cut++)
                assert_cut(decompress(kinds[i].kind, packed, cut, "", 0), cut);
        } else {
            assert_damaged(decompress(kinds[i].kind, packed, size, "", 0), first);
        }
    }
}

static void test_padding(void **state)
{
    (void)state;
    uint8_t packed[PACKED_SIZE];
    for (size_t i = 0; i < LENGTH(kinds); i++) {
        size_t size = kinds[i].make(packed, sizeof packed, sample, sample_size);
        memset(packed + size, 0, 8);
        if (!kinds[i].may_pad) {
            assert_int_equal(decompress(kinds[i].kind, packed, size + 8, "", 0), SNAPJAR_DAMAGED);
            continue;
        }
        assert_ok(decompress(kinds[i].kind, packed, size + 8, sample, sample_size));
        packed[size + 7] = 'x';
        assert_int_equal(decompress(kinds[i].kind, packed, size + 8, "", 0), SNAPJAR_DAMAGED);
    }
    /* gzip's padding ends it: no member may follow. xz's comes in fours, and a stream may follow. */
    size_t size = make_gzip(packed, sizeof packed, sample, sample_size);
    packed[size] = 0;
    memcpy(packed + size + 1, packed, size);
    assert_damaged(decompress(SNAPJAR_INPUT_GZIP, packed, 2 * size + 1, "", 0), size + 1);
    size = make_xz(packed, sizeof packed, sample, sample_size);
    memset(packed + size, 0, 4);
    assert_damaged(decompress(SNAPJAR_INPUT_XZ, packed, size + 3, "", 0), size + 3);
    memcpy(packed + size + 3, packed, size);
    assert_damaged(decompress(SNAPJAR_INPUT_XZ, packed, 2 * size + 3, "", 0), size + 3);
    packed[size + 3] = 0;
    memcpy(packed + size + 4, packed, size);
    char twice[2 * sizeof sample];
    memcpy(twice, sample, sample_size);
    memcpy(twice + sample_size, sample, sample_size);
    assert_ok(decompress(SNAPJAR_INPUT_XZ, packed, 2 * size + 4, twice, 2 * sample_size));
}

static void test_skippable_frames(void **state)
{
    (void)state;
    uint8_t packed[PACKED_SIZE] = "\x5a\x2a\x4d\x18\x03\0\0\0abc";
    snapjar_input_kind kind;
    size_t size = 11 + make_zstd(packed + 11, sizeof packed - 11, sample, sample_size);
    memcpy(packed + size, packed, 11);
    assert_ok(detect(packed, size + 11, &kind));
    assert_int_equal(kind, SNAPJAR_INPUT_ZSTD);
    assert_ok(decompress(kind, packed, size + 11, sample, sample_size));
    for (size_t cut = 1; cut < 11; cut++)
        assert_cut(decompress(kind, packed, size + cut, "", 0), size + cut);
}

/* ---- damage ---- */

static void test_cut_at_every_byte(void **state)
{
    (void)state;
    uint8_t packed[PACKED_SIZE];
    for (size_t i = 0; i < LENGTH(kinds); i++) {
        size_t size = kinds[i].make(packed, sizeof packed, sample, sample_size);
        for (size_t cut = 0; cut < size; cut++)
            assert_cut(decompress(kinds[i].kind, packed, cut, "", 0), cut);
    }
}

static void test_bytes_behind_the_end(void **state)
{
    (void)state;
    uint8_t packed[PACKED_SIZE];
    for (size_t i = 0; i < LENGTH(kinds); i++) {
        size_t size = kinds[i].make(packed, sizeof packed, sample, sample_size);
        memcpy(packed + size, "garbage!", 8);
        snapjar_status status = decompress(kinds[i].kind, packed, size + 8, "", 0);
        assert_damaged(status, size);
        assert_damaged(decompress(kinds[i].kind, packed, size + 1, "", 0), size);
    }
}

/** Fields that no checksum covers: flipping them may go unseen, and then the bytes must be right. */
static void test_flipped_bits(void **state)
{
    (void)state;
    uint8_t packed[PACKED_SIZE];
    for (size_t i = 0; i < LENGTH(kinds); i++) {
        size_t size = kinds[i].make(packed, sizeof packed, sample, sample_size);
        size_t damaged = 0;
        for (size_t bit = 0; bit < size * 8; bit++) {
            packed[bit / 8] ^= (uint8_t)(1 << bit % 8);
            snapjar_source *plain;
            snapjar_source *source;
            assert_ok(snapjar_source_from_memory(&source, context, packed, size, &err));
            snapjar_status status = snapjar_input_decompress(&plain, context, source, kinds[i].kind, NULL, &err);
            if (status == SNAPJAR_DAMAGED) {
                assert_damaged(status, err.offset);
                assert_in_range(err.offset, 0, size);
                damaged++;
            } else if (status == SNAPJAR_CUT_SHORT) {
                assert_cut(status, size);
            } else if (status == SNAPJAR_LIMIT) {
                assert_int_equal(err.diagnostic, SNAPJAR_DIAG_INPUT_TOO_LARGE);
            } else {
                /* Only .lzma has no checksum at all. */
                assert_ok(status);
                uint8_t bytes[sizeof sample];
                size_t got;
                assert_ok(snapjar_source_read_at(plain, bytes, sizeof bytes, 0, &got, &err));
                if (kinds[i].kind != SNAPJAR_INPUT_LZMA) {
                    assert_int_equal(got, sample_size);
                    assert_memory_equal(bytes, sample, sample_size);
                }
            }
            snapjar_source_free(plain);
            snapjar_source_free(source);
            packed[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        if (kinds[i].kind != SNAPJAR_INPUT_LZMA)
            assert_true(damaged > size * 8 / 2);
    }
}

static void test_messages_name_kind_and_file(void **state)
{
    (void)state;
    uint8_t packed[PACKED_SIZE];
    snapjar_source *source;
    snapjar_source *plain;
    FILE *file = tmpfile();
    size_t size = make_gzip(packed, sizeof packed, sample, sample_size);
    packed[size - 5] ^= 1;
    assert_int_equal(fwrite(packed, 1, size, file), size);
    assert_int_equal(fflush(file), 0);
    assert_ok(snapjar_source_from_fd(&source, context, fileno(file), "job.pkl.gz", 0, &err));
    assert_damaged(snapjar_input_decompress(&plain, context, source, SNAPJAR_INPUT_GZIP, NULL, &err), size - 4);
    assert_string_equal(err.message, "the gzip data is damaged: incorrect data check");
    assert_string_equal(err.place, "job.pkl.gz");
    assert_int_equal(snapjar_input_decompress(&plain, context, source, SNAPJAR_INPUT_GZIP, NULL, NULL),
                     SNAPJAR_DAMAGED);
    snapjar_source_free(source);
    fclose(file);
}

static void test_zlib_with_dictionary(void **state)
{
    (void)state;
    uint8_t packed[PACKED_SIZE];
    z_stream stream;
    memset(&stream, 0, sizeof stream);
    assert_int_equal(deflateInit(&stream, 6), Z_OK);
    assert_int_equal(deflateSetDictionary(&stream, (const Bytef *)"K\x01K\x02K\x03", 6), Z_OK);
    stream.next_in = (Bytef *)(uintptr_t)sample;
    stream.avail_in = (uInt)sample_size;
    stream.next_out = packed;
    stream.avail_out = sizeof packed;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    size_t size = stream.total_out;
    deflateEnd(&stream);
    assert_damaged(decompress(SNAPJAR_INPUT_ZLIB, packed, size, "", 0), 6);
    assert_non_null(strstr(err.message, "dictionary"));
}

/* ---- limits ---- */

static void test_content_limit(void **state)
{
    (void)state;
    uint8_t packed[PACKED_SIZE];
    for (size_t i = 0; i < LENGTH(kinds); i++) {
        snapjar_limits limits = SNAPJAR_LIMITS_INIT;
        snapjar_source *source;
        size_t size = kinds[i].make(packed, sizeof packed, sample, sample_size);
        assert_ok(snapjar_source_from_memory(&source, context, packed, size, &err));
        limits.content_size_max = sample_size;
        assert_ok(decompress_from(context, source, kinds[i].kind, &limits, sample, sample_size, &err));
        limits.content_size_max = sample_size - 1;
        snapjar_status status = decompress_from(context, source, kinds[i].kind, &limits, "", 0, &err);
        assert_error(status, SNAPJAR_LIMIT, SNAPJAR_DIAG_INPUT_TOO_LARGE, err.offset);
        assert_in_range(err.offset, 1, size);
        limits.struct_size = 1;
        assert_int_equal(decompress_from(context, source, kinds[i].kind, &limits, "", 0, &err),
                         SNAPJAR_INVALID_ARGUMENT);
        snapjar_source_free(source);
    }
}

static void test_content_limit_of_large_data(void **state)
{
    (void)state;
    /* More than the decoder hands on at a time. */
    const size_t size = 200000;
    uint8_t *bytes = calloc(1, size);
    uint8_t packed[PACKED_SIZE];
    snapjar_limits limits = SNAPJAR_LIMITS_INIT;
    snapjar_source *source;
    size_t packed_size = make_gzip(packed, sizeof packed, bytes, size);
    assert_ok(snapjar_source_from_memory(&source, context, packed, packed_size, &err));
    limits.content_size_max = size;
    assert_ok(decompress_from(context, source, SNAPJAR_INPUT_GZIP, &limits, bytes, size, &err));
    limits.content_size_max = size - 1;
    snapjar_status status = decompress_from(context, source, SNAPJAR_INPUT_GZIP, &limits, "", 0, &err);
    assert_error(status, SNAPJAR_LIMIT, SNAPJAR_DIAG_INPUT_TOO_LARGE, err.offset);
    snapjar_source_free(source);
    free(bytes);
}

static void test_memory_limits(void **state)
{
    (void)state;
    uint8_t packed[PACKED_SIZE];
    /* zstd: the window descriptor of a frame without content size, below and above 2^27. */
    ZSTD_CCtx *maker = ZSTD_createCCtx();
    for (int log = 27; log <= 28; log++) {
        ZSTD_outBuffer out = {packed, sizeof packed, 0};
        ZSTD_inBuffer in = {sample, sample_size, 0};
        ZSTD_CCtx_reset(maker, ZSTD_reset_session_and_parameters);
        ZSTD_CCtx_setParameter(maker, ZSTD_c_windowLog, log);
        /* In two calls, so that the size is not known when the header is written. */
        assert_false(ZSTD_isError(ZSTD_compressStream2(maker, &out, &in, ZSTD_e_flush)));
        assert_int_equal(ZSTD_compressStream2(maker, &out, &in, ZSTD_e_end), 0);
        if (log == 27)
            assert_ok(decompress(SNAPJAR_INPUT_ZSTD, packed, out.pos, sample, sample_size));
        else
            assert_error(decompress(SNAPJAR_INPUT_ZSTD, packed, out.pos, "", 0), SNAPJAR_LIMIT,
                         SNAPJAR_DIAG_INPUT_TOO_LARGE, 0);
    }
    ZSTD_freeCCtx(maker);
    /* lzma: the dictionary's size in the header, bytes 1 to 4. */
    size_t size = make_lzma(packed, sizeof packed, sample, sample_size);
    sj_write_le32(packed + 1, UINT32_C(128) << 20);
    assert_ok(decompress(SNAPJAR_INPUT_LZMA, packed, size, sample, sample_size));
    sj_write_le32(packed + 1, UINT32_C(256) << 20);
    assert_error(decompress(SNAPJAR_INPUT_LZMA, packed, size, "", 0), SNAPJAR_LIMIT, SNAPJAR_DIAG_INPUT_TOO_LARGE, 13);
}

static void test_arguments(void **state)
{
    (void)state;
    snapjar_source *source;
    snapjar_source *plain;
    snapjar_input_kind kind;
    assert_ok(snapjar_source_from_memory(&source, context, ".", 1, &err));
    const snapjar_input_kind wrong[] = {SNAPJAR_INPUT_PICKLE, SNAPJAR_INPUT_SNAPSHOT, (snapjar_input_kind)8,
                                        (snapjar_input_kind)-1};
    for (size_t i = 0; i < LENGTH(wrong); i++) {
        assert_int_equal(snapjar_input_decompress(&plain, context, source, wrong[i], NULL, &err),
                         SNAPJAR_INVALID_ARGUMENT);
        assert_int_equal(err.diagnostic, SNAPJAR_DIAG_INVALID_ARGUMENT);
        assert_null(plain);
    }
    assert_int_equal(snapjar_input_decompress(NULL, context, source, SNAPJAR_INPUT_GZIP, NULL, &err),
                     SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(snapjar_input_decompress(&plain, NULL, source, SNAPJAR_INPUT_GZIP, NULL, &err),
                     SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(snapjar_input_decompress(&plain, context, NULL, SNAPJAR_INPUT_GZIP, NULL, NULL),
                     SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(snapjar_input_detect(NULL, &kind, &err), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(snapjar_input_detect(source, NULL, NULL), SNAPJAR_INVALID_ARGUMENT);
    snapjar_source_free(source);
}

/* ---- detecting ---- */

static void test_names(void **state)
{
    (void)state;
    static const char *const names[] = {"pickle", "gzip", "bzip2", "xz", "lzma", "zlib", "zstd", "snapshot"};
    for (size_t i = 0; i < LENGTH(names); i++)
        assert_string_equal(snapjar_input_kind_name((snapjar_input_kind)i), names[i]);
    assert_string_equal(snapjar_input_kind_name((snapjar_input_kind)8), "unknown");
    assert_string_equal(snapjar_input_kind_name((snapjar_input_kind)-1), "unknown");
}

#define OWN_MAGIC "\x89SJR\r\n\x1a\n"

static void test_detected(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        snapjar_input_kind kind;
    } cases[] = {
        {BYTES("\x80\x04N."), SNAPJAR_INPUT_PICKLE},
        {BYTES("\x80"), SNAPJAR_INPUT_PICKLE},
        /* No protocol 9 exists: that is for the lexer to say. */
        {BYTES("\x80\x09N."), SNAPJAR_INPUT_PICKLE},
        {BYTES("."), SNAPJAR_INPUT_PICKLE},
        {BYTES("(lp0\n."), SNAPJAR_INPUT_PICKLE},
        {BYTES("cos\nsystem\n."), SNAPJAR_INPUT_PICKLE},
        {BYTES("I1\n."), SNAPJAR_INPUT_PICKLE},
        {BYTES("}."), SNAPJAR_INPUT_PICKLE},
        {BYTES("]."), SNAPJAR_INPUT_PICKLE},
        /* The empty list of protocol 1, and what cannot be one: lzma's properties. */
        {BYTES("]q\0."), SNAPJAR_INPUT_PICKLE},
        {BYTES("]\0\0\x80\0\xff\xff\xff\xff\xff\xff\xff\xff"), SNAPJAR_INPUT_LZMA},
        {BYTES("]\0\0\x80\0\x10\0\0\0\0\0\0\0"), SNAPJAR_INPUT_LZMA},
        {BYTES("]\0\0\x80\0\0\0\0\0\x40\0\0\0"), SNAPJAR_INPUT_PICKLE},
        {BYTES("]\0\0\x80\0\xff\xff\xff\xff\x3f\0\0\0"), SNAPJAR_INPUT_LZMA},
        {BYTES("]\0\0"), SNAPJAR_INPUT_LZMA},
        {BYTES("]\0"), SNAPJAR_INPUT_PICKLE},
        /* "(S" has zlib's check bits. Whole, not whole and damaged it is a pickle: deflate fails on the text. */
        {BYTES("(S'spam'\np0\ntp1\n."), SNAPJAR_INPUT_PICKLE},
        {BYTES("(S'spam'\np0\n"), SNAPJAR_INPUT_PICKLE},
        {BYTES("(S'spam'\n\xff"), SNAPJAR_INPUT_PICKLE},
        /* BINUNICODE of 9 bytes: "X\x09" is zlib's header for a window of 8 KiB, and the rest a stored block... */
        {BYTES("X\x09\0\0\0abcdefghi."), SNAPJAR_INPUT_PICKLE},
        {BYTES("X\x09\0\0\0abc"), SNAPJAR_INPUT_PICKLE},
        {BYTES("h\x05."), SNAPJAR_INPUT_PICKLE},
        /* Two bytes can be the start of either: zlib, as no pickle ends there. */
        {BYTES("x\x9c"), SNAPJAR_INPUT_ZLIB},
        {BYTES("x\x01garbage"), SNAPJAR_INPUT_ZLIB},
        {BYTES("x\xda"), SNAPJAR_INPUT_ZLIB},
        {BYTES("\x1f\x8b"), SNAPJAR_INPUT_GZIP},
        {BYTES("BZh9"), SNAPJAR_INPUT_BZIP2},
        {BYTES("\xfd\x37zXZ\0"), SNAPJAR_INPUT_XZ},
        {BYTES("\x28\xb5\x2f\xfd"), SNAPJAR_INPUT_ZSTD},
        {BYTES("\x50\x2a\x4d\x18\0\0\0\0"), SNAPJAR_INPUT_ZSTD},
        {BYTES("\x5f\x2a\x4d\x18\0\0\0\0"), SNAPJAR_INPUT_ZSTD},
        {BYTES("\x53\x2a\x4d\x18\x04\0\0\0abcd"), SNAPJAR_INPUT_ZSTD},
        {BYTES("\x53\x2a\x4d\x18\x10\x01\0\0" OWN_MAGIC), SNAPJAR_INPUT_SNAPSHOT},
        /* Line ends converted: the reader tells. */
        {BYTES("\x53\x2a\x4d\x18\x10\x01\0\0\x89SJR\n\x1a\n..."), SNAPJAR_INPUT_SNAPSHOT},
        {BYTES("\x53\x2a\x4d\x18\x10\x01\0\0\x89S"), SNAPJAR_INPUT_SNAPSHOT},
        {BYTES("\x53\x2a\x4d\x18\x10\x01"), SNAPJAR_INPUT_SNAPSHOT},
        {BYTES("\x53\x2a\x4d\x18"), SNAPJAR_INPUT_SNAPSHOT},
        /* "PAR1" is a persistent id unless the file ends as Parquet does. */
        {BYTES("PAR1\n."), SNAPJAR_INPUT_PICKLE},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        snapjar_input_kind kind;
        snapjar_status status = detect(cases[i].bytes, cases[i].size, &kind);
        if (status != SNAPJAR_OK || kind != cases[i].kind)
            print_error("case %zu: status %d, kind %d instead of %d\n", i, (int)status, (int)kind, (int)cases[i].kind);
        assert_ok(status);
        assert_int_equal(kind, cases[i].kind);
    }
}

static void test_zlib_windows(void **state)
{
    (void)state;
    uint8_t packed[100000];
    uint8_t noise[60000];
    snapjar_input_kind kind;
    uint32_t random = 7;
    for (size_t i = 0; i < sizeof noise; i++) {
        random = random * 1664525 + 1013904223;
        noise[i] = (uint8_t)(random >> 24);
    }
    /* Windows of 512 bytes to 32 KiB: the first byte is 0x18 to 0x78, among them "(", "X" and "h". */
    for (int bits = 9; bits <= 15; bits++) {
        size_t size = deflate_as(packed, sizeof packed, sample, sample_size, bits);
        assert_int_equal(packed[0], (bits - 8) << 4 | 8);
        assert_ok(detect(packed, size, &kind));
        assert_int_equal(kind, SNAPJAR_INPUT_ZLIB);
        assert_ok(detect(packed, size - 1, &kind));
        assert_int_equal(kind, SNAPJAR_INPUT_ZLIB);
        size = deflate_as(packed, sizeof packed, noise, sizeof noise, bits);
        assert_ok(detect(packed, size, &kind));
        assert_int_equal(kind, SNAPJAR_INPUT_ZLIB);
    }
}

static void test_what_can_be_both(void **state)
{
    (void)state;
    snapjar_input_kind kind;
    /* BINGET 5, POP, STOP is a whole pickle; to zlib it is a header and a stored block whose length is missing. */
    assert_ok(detect(BYTES("h\x05\x30."), &kind));
    assert_int_equal(kind, SNAPJAR_INPUT_PICKLE);
    /* Neither is whole: nobody writes such a pickle. */
    assert_ok(detect(BYTES("h\x05\x30"), &kind));
    assert_int_equal(kind, SNAPJAR_INPUT_ZLIB);
    assert_ok(detect(BYTES("h\x05\x30.x"), &kind));
    assert_int_equal(kind, SNAPJAR_INPUT_ZLIB);
}

static void test_not_detected(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        const char *told;
    } cases[] = {
        {BYTES("PK\x03\x04\x14\0"), "ZIP"},
        {BYTES("PK\x05\x06\0\0"), "empty ZIP"},
        {BYTES("\x89HDF\r\n\x1a\n\0"), "HDF5"},
        {BYTES("\x93NUMPY\x01\0"), ".npy"},
        {BYTES("{\"a\": 1}"), "JSON"},
        {BYTES("{\n  \"a\": 1}"), "JSON"},
        {BYTES("[1, 2]"), "JSON"},
        {BYTES("[ {\"a\": 1}]"), "JSON"},
        {BYTES("PAR1\x15\x04\x15\0....PAR1"), "Parquet"},
        {BYTES("SQLite format 3\0\x10"), "SQLite"},
        {BYTES("\x7f"
               "ELF\x02"),
         "ELF"},
        {BYTES("\x04\x22\x4d\x18\x64"), "LZ4"},
        {BYTES("ZF0x2f5              x\x9c"), "joblib before 0.10"},
        {BYTES("\xef\xbb\xbf\x53\x2a\x4d\x18\x10\x01\0\0" OWN_MAGIC), "snapjar recover"},
        {BYTES("\x89HDX"), "HDX\" begin no pickle"},
        {BYTES("\xff\xfe\n\""), "\"\\xff\\xfe\\n\\\"\""},
        {BYTES("x"), "\"x\""},
        {BYTES("\x08\x1d\xff\xff"), "\"\\x08\\x1d\\xff\\xff\""},
        {BYTES("\0"), "\"\\x00\""},
        {BYTES("{a: 1}"), "\"{a: 1}\" begin no pickle and no known compression"},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        snapjar_input_kind kind = SNAPJAR_INPUT_GZIP;
        snapjar_status status = detect(cases[i].bytes, cases[i].size, &kind);
        /* A byte that is an opcode is a pickle's, whatever comes then: NEWFALSE. */
        if (i == 14) {
            assert_ok(status);
            assert_int_equal(kind, SNAPJAR_INPUT_PICKLE);
            continue;
        }
        if (status != SNAPJAR_WRONG_FORMAT || strstr(err.message, cases[i].told) == NULL)
            print_error("case %zu: status %d, %s\n", i, (int)status, err.message);
        assert_error(status, SNAPJAR_WRONG_FORMAT, SNAPJAR_DIAG_INPUT_NOT_PICKLE, 0);
        assert_non_null(strstr(err.message, cases[i].told));
        assert_int_equal(kind, SNAPJAR_INPUT_PICKLE);
    }
}

static void test_tar(void **state)
{
    (void)state;
    uint8_t tar[1024] = "checkpoint.pkl";
    snapjar_input_kind kind;
    memcpy(tar + 257, "ustar\00000", 8);
    unsigned sum = 8 * ' ';
    for (size_t i = 0; i < 512; i++)
        sum += tar[i];
    snprintf((char *)tar + 148, 8, "%06o", sum);
    assert_error(detect(tar, sizeof tar, &kind), SNAPJAR_WRONG_FORMAT, SNAPJAR_DIAG_INPUT_NOT_PICKLE, 0);
    assert_non_null(strstr(err.message, "tar archive"));
    /* "c" begins a pickle as well, and with a wrong checksum this is no tar. */
    tar[300]++;
    assert_ok(detect(tar, sizeof tar, &kind));
    assert_int_equal(kind, SNAPJAR_INPUT_PICKLE);
}

static void test_empty(void **state)
{
    (void)state;
    snapjar_input_kind kind;
    assert_error(detect("", 0, &kind), SNAPJAR_CUT_SHORT, SNAPJAR_DIAG_PICKLE_EMPTY, 0);
}

/* ---- joblib ---- */

static bool mentions(const uint8_t *bytes, size_t size, uint64_t from, uint64_t to)
{
    snapjar_source *source;
    assert_ok(snapjar_source_from_memory(&source, context, bytes, size, &err));
    bool result = sj_input_mentions_joblib_array(source, from, to);
    snapjar_source_free(source);
    return result;
}

static void test_joblib(void **state)
{
    (void)state;
    const size_t size = 3 << 20;
    const char *text = "joblib.numpy_pickle";
    const size_t text_size = strlen(text);
    uint8_t *bytes = calloc(1, size);
    /* In the head, across the ends of what is read at a time, at both edges, in the tail; not in between. */
    const struct {
        size_t at;
        bool is_seen;
    } cases[] = {
        {0, true},
        {4090, true},
        {4096 - 10, true},
        {(1 << 20) - 19, true},
        {(1 << 20) - 18, false},
        {2 << 20, false},
        {(3 << 20) - 65536 - 1, false},
        {(3 << 20) - 65536, true},
        {(3 << 20) - 19, true},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        memcpy(bytes + cases[i].at, text, text_size);
        assert_int_equal(mentions(bytes, size, 0, size), cases[i].is_seen);
        memset(bytes + cases[i].at, 0, text_size);
    }
    memcpy(bytes + 100, text, text_size);
    assert_true(mentions(bytes, size, 100, 119));
    assert_false(mentions(bytes, size, 100, 118));
    assert_false(mentions(bytes, size, 101, size));
    assert_false(mentions(bytes, size, 100, 100));
    assert_false(mentions(bytes, size, 200, 100));
    /* Short of the limits all of it is searched; beyond the source's end there is nothing. */
    memset(bytes, 0, 200);
    memcpy(bytes + (1 << 20) - 5, text, text_size);
    assert_true(mentions(bytes, size, 0, (1 << 20) + 100));
    assert_false(mentions(bytes, 1000, 0, size));
    free(bytes);
}

/* ---- refused memory ---- */

typedef struct memory_case {
    snapjar_input_kind kind;
    uint8_t packed[PACKED_SIZE];
    size_t size;
} memory_case;

static snapjar_status detect_and_decompress(snapjar_context *own, void *state, snapjar_error *error)
{
    const memory_case *test = state;
    snapjar_source *source;
    snapjar_input_kind kind;
    snapjar_status status = snapjar_source_from_memory(&source, own, test->packed, test->size, error);
    if (status == SNAPJAR_OK)
        status = snapjar_input_detect(source, &kind, error);
    if (status == SNAPJAR_OK)
        status = decompress_from(own, source, kind, NULL, sample, sample_size, error);
    snapjar_source_free(source);
    return status;
}

static void test_refused_memory(void **state)
{
    (void)state;
    memory_case test;
    for (size_t i = 0; i < LENGTH(kinds); i++) {
        test.kind = kinds[i].kind;
        test.size = kinds[i].make(test.packed, sizeof test.packed, sample, sample_size);
        size_t count = fail_alloc_run(detect_and_decompress, &test);
        /* At least one of them is the decompression library's own. */
        assert_in_range(count, 8, 40);
    }
    /* With a first byte for which a trial is made. */
    test.size = deflate_as(test.packed, sizeof test.packed, sample, sample_size, 10);
    fail_alloc_run(detect_and_decompress, &test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_large),
        cmocka_unit_test(test_exact_buffers),
        cmocka_unit_test(test_several_members),
        cmocka_unit_test(test_padding),
        cmocka_unit_test(test_skippable_frames),
        cmocka_unit_test(test_cut_at_every_byte),
        cmocka_unit_test(test_bytes_behind_the_end),
        cmocka_unit_test(test_flipped_bits),
        cmocka_unit_test(test_messages_name_kind_and_file),
        cmocka_unit_test(test_zlib_with_dictionary),
        cmocka_unit_test(test_content_limit),
        cmocka_unit_test(test_content_limit_of_large_data),
        cmocka_unit_test(test_memory_limits),
        cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_detected),
        cmocka_unit_test(test_zlib_windows),
        cmocka_unit_test(test_what_can_be_both),
        cmocka_unit_test(test_not_detected),
        cmocka_unit_test(test_tar),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_joblib),
        cmocka_unit_test(test_refused_memory),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
