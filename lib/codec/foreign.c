/* SPDX-License-Identifier: MIT
 *
 * Streaming decoders of other people's formats behind one table. What the libraries do not agree on is settled here:
 * what may follow a stream, how an end is told from a cut, and where memory comes from (the context).
 */
#define ZLIB_CONST
#define ZSTD_STATIC_LINKING_ONLY /* ZSTD_customMem and ZSTD_createDCtx_advanced; exported by the shared library too */

#include "codec/foreign.h"

#include <bzlib.h>
#include <lzma.h>
#include <stdbool.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#define OUTPUT_SIZE ((size_t)64 << 10)
/** Some of the libraries count in unsigned int. */
#define STEP_SIZE_MAX ((size_t)1 << 30)

typedef enum step_result {
    STEP_MORE,
    /** The stream is complete. */
    STEP_END,
    STEP_DAMAGED,
    STEP_NO_MEMORY,
    STEP_OVER_LIMIT
} step_result;

typedef enum phase {
    IN_STREAM,
    /** A stream is complete. */
    BETWEEN,
    IN_PADDING
} phase;

/** What a step reads and what it may fill; both are moved on by what was used. */
typedef struct step_spans {
    const uint8_t *in;
    size_t in_size;
    uint8_t *out;
    size_t out_size;
} step_spans;

typedef struct format_coder {
    const char *name;
    step_result (*open)(sj_foreign *decoder);
    step_result (*step)(sj_foreign *decoder, step_spans *spans);
    /** For formats whose decoder looks for further streams itself: STEP_END if the input may end here. */
    step_result (*finish)(sj_foreign *decoder, step_spans *spans);
    void (*close)(sj_foreign *decoder);
    /** The first byte of a stream that may follow one, 0 if none may. */
    uint8_t next_first_byte;
    /** Zeros may follow a stream in multiples of this, 0: not at all. */
    uint8_t padding_unit;
    /** A stream may follow padding. */
    bool may_go_on;
} format_coder;

struct sj_foreign {
    snapjar_context *context;
    const format_coder *coder;
    sj_foreign_write *write;
    void *state;
    uint64_t content_size_max;
    uint64_t consumed;
    uint64_t produced;
    uint64_t padding;
    phase phase;
    bool is_open;
    /** What the library says about a fault. Static text. */
    const char *reason;
    union {
        z_stream zlib;
        bz_stream bzip2;
        lzma_stream lzma;
        ZSTD_DCtx *zstd;
    } stream;
    lzma_allocator lzma_memory;
    /** What zstd expects next: 0 at the end of a frame. */
    size_t zstd_expected;
    uint64_t zstd_frame_start;
    uint8_t output[OUTPUT_SIZE];
};

static void *allocate_items(void *context, size_t count, size_t size)
{
    size_t total;
    return __builtin_mul_overflow(count, size, &total) ? NULL : sj_alloc(context, total);
}

/* ---- gzip and zlib ---- */

static void *zlib_allocate(void *context, unsigned count, unsigned size)
{
    return allocate_items(context, count, size);
}

static void release(void *context, void *pointer)
{
    sj_free(context, pointer);
}

static step_result zlib_open_as(sj_foreign *decoder, int window_bits)
{
    z_stream *stream = &decoder->stream.zlib;
    memset(stream, 0, sizeof *stream);
    stream->zalloc = zlib_allocate;
    stream->zfree = release;
    stream->opaque = decoder->context;
    return inflateInit2(stream, window_bits) == Z_OK ? STEP_MORE : STEP_NO_MEMORY;
}

static step_result gzip_open(sj_foreign *decoder)
{
    /* 16: a gzip header and nothing else. */
    return zlib_open_as(decoder, 16 + MAX_WBITS);
}

static step_result zlib_open(sj_foreign *decoder)
{
    return zlib_open_as(decoder, MAX_WBITS);
}

static step_result zlib_step(sj_foreign *decoder, step_spans *spans)
{
    z_stream *stream = &decoder->stream.zlib;
    stream->next_in = spans->in;
    stream->avail_in = (uInt)spans->in_size;
    stream->next_out = spans->out;
    stream->avail_out = (uInt)spans->out_size;
    int result = inflate(stream, Z_NO_FLUSH);
    spans->in = stream->next_in;
    spans->in_size = stream->avail_in;
    spans->out = stream->next_out;
    spans->out_size = stream->avail_out;
    if (result == Z_OK || result == Z_BUF_ERROR)
        return STEP_MORE;
    if (result == Z_STREAM_END)
        return STEP_END;
    if (result == Z_MEM_ERROR)
        return STEP_NO_MEMORY;
    decoder->reason = result == Z_NEED_DICT ? "it needs a preset dictionary" : stream->msg;
    return STEP_DAMAGED;
}

static void zlib_close(sj_foreign *decoder)
{
    (void)inflateEnd(&decoder->stream.zlib);
}

/* ---- bzip2 ---- */

static void *bzip2_allocate(void *context, int count, int size)
{
    return count < 0 || size < 0 ? NULL : allocate_items(context, (size_t)count, (size_t)size);
}

static step_result bzip2_open(sj_foreign *decoder)
{
    bz_stream *stream = &decoder->stream.bzip2;
    memset(stream, 0, sizeof *stream);
    stream->bzalloc = bzip2_allocate;
    stream->bzfree = release;
    stream->opaque = decoder->context;
    return BZ2_bzDecompressInit(stream, 0, 0) == BZ_OK ? STEP_MORE : STEP_NO_MEMORY;
}

static step_result bzip2_step(sj_foreign *decoder, step_spans *spans)
{
    bz_stream *stream = &decoder->stream.bzip2;
    /* The library does not write there, it only lacks the const. */
    stream->next_in = (char *)(uintptr_t)spans->in;
    stream->avail_in = (unsigned)spans->in_size;
    stream->next_out = (char *)spans->out;
    stream->avail_out = (unsigned)spans->out_size;
    int result = BZ2_bzDecompress(stream);
    spans->in += spans->in_size - stream->avail_in;
    spans->in_size = stream->avail_in;
    spans->out += spans->out_size - stream->avail_out;
    spans->out_size = stream->avail_out;
    if (result == BZ_OK)
        return STEP_MORE;
    if (result == BZ_STREAM_END)
        return STEP_END;
    if (result == BZ_MEM_ERROR)
        return STEP_NO_MEMORY;
    decoder->reason = result == BZ_DATA_ERROR_MAGIC ? "a stream has a wrong header" : "a block is wrong";
    return STEP_DAMAGED;
}

static void bzip2_close(sj_foreign *decoder)
{
    (void)BZ2_bzDecompressEnd(&decoder->stream.bzip2);
}

/* ---- xz and lzma ---- */

static void lzma_prepare(sj_foreign *decoder)
{
    static const lzma_stream fresh = LZMA_STREAM_INIT;
    decoder->lzma_memory = (lzma_allocator){allocate_items, release, decoder->context};
    decoder->stream.lzma = fresh;
    decoder->stream.lzma.allocator = &decoder->lzma_memory;
}

static step_result xz_open(sj_foreign *decoder)
{
    lzma_prepare(decoder);
    lzma_ret result = lzma_stream_decoder(&decoder->stream.lzma, SJ_FOREIGN_XZ_MEMORY_MAX, 0);
    return result == LZMA_OK ? STEP_MORE : STEP_NO_MEMORY;
}

static step_result lzma_open(sj_foreign *decoder)
{
    lzma_prepare(decoder);
    lzma_ret result = lzma_alone_decoder(&decoder->stream.lzma, SJ_FOREIGN_XZ_MEMORY_MAX);
    return result == LZMA_OK ? STEP_MORE : STEP_NO_MEMORY;
}

static step_result lzma_step(sj_foreign *decoder, step_spans *spans)
{
    lzma_stream *stream = &decoder->stream.lzma;
    stream->next_in = spans->in;
    stream->avail_in = spans->in_size;
    stream->next_out = spans->out;
    stream->avail_out = spans->out_size;
    lzma_ret result = lzma_code(stream, LZMA_RUN);
    spans->in = stream->next_in;
    spans->in_size = stream->avail_in;
    spans->out = stream->next_out;
    spans->out_size = stream->avail_out;
    switch ((int)result) {
    case LZMA_OK:
    case LZMA_BUF_ERROR:
        return STEP_MORE;
    case LZMA_STREAM_END:
        return STEP_END;
    case LZMA_MEM_ERROR:
        return STEP_NO_MEMORY;
    case LZMA_MEMLIMIT_ERROR:
        return STEP_OVER_LIMIT;
    case LZMA_FORMAT_ERROR:
        decoder->reason = "a stream has a wrong header";
        return STEP_DAMAGED;
    case LZMA_OPTIONS_ERROR:
        decoder->reason = "it uses options that liblzma does not know";
        return STEP_DAMAGED;
    default:
        decoder->reason = "a block is wrong";
        return STEP_DAMAGED;
    }
}

static void lzma_close(sj_foreign *decoder)
{
    lzma_end(&decoder->stream.lzma);
}

/* ---- zstd ---- */

static void *zstd_allocate(void *context, size_t size)
{
    return sj_alloc(context, size);
}

static void zstd_release(void *context, void *pointer)
{
    if (pointer != NULL)
        sj_free(context, pointer);
}

static step_result zstd_open(sj_foreign *decoder)
{
    ZSTD_customMem memory = {zstd_allocate, zstd_release, decoder->context};
    decoder->stream.zstd = ZSTD_createDCtx_advanced(memory);
    if (decoder->stream.zstd == NULL)
        return STEP_NO_MEMORY;
    (void)ZSTD_DCtx_setParameter(decoder->stream.zstd, ZSTD_d_windowLogMax, SJ_FOREIGN_ZSTD_WINDOW_LOG_MAX);
    decoder->zstd_expected = 1;
    return STEP_MORE;
}

static step_result zstd_step(sj_foreign *decoder, step_spans *spans)
{
    if (decoder->zstd_expected == 0)
        decoder->zstd_frame_start = decoder->consumed;
    ZSTD_inBuffer in = {spans->in, spans->in_size, 0};
    ZSTD_outBuffer out = {spans->out, spans->out_size, 0};
    size_t result = ZSTD_decompressStream(decoder->stream.zstd, &out, &in);
    spans->in += in.pos;
    spans->in_size -= in.pos;
    spans->out += out.pos;
    spans->out_size -= out.pos;
    if (!ZSTD_isError(result)) {
        /* Asked with nothing to do at a frame's end, it already speaks of the next frame. */
        if (in.pos > 0 || out.pos > 0)
            decoder->zstd_expected = result;
        return STEP_MORE;
    }
    ZSTD_ErrorCode code = ZSTD_getErrorCode(result);
    if (code == ZSTD_error_memory_allocation)
        return STEP_NO_MEMORY;
    decoder->reason = ZSTD_getErrorName(result);
    bool is_over_limit = code == ZSTD_error_frameParameter_windowTooLarge;
    /* zstd gathers a frame's header before it judges it: told is where the frame begins. */
    if (is_over_limit || code == ZSTD_error_prefix_unknown) {
        spans->in_size += in.pos;
        decoder->consumed = decoder->zstd_frame_start;
    }
    return is_over_limit ? STEP_OVER_LIMIT : STEP_DAMAGED;
}

static step_result zstd_finish(sj_foreign *decoder, step_spans *spans)
{
    (void)spans;
    return decoder->zstd_expected == 0 ? STEP_END : STEP_MORE;
}

static void zstd_close(sj_foreign *decoder)
{
    (void)ZSTD_freeDCtx(decoder->stream.zstd);
}

static const format_coder coders[] = {
    [SJ_FOREIGN_GZIP] = {"gzip", gzip_open, zlib_step, NULL, zlib_close, 0x1f, 1, false},
    [SJ_FOREIGN_BZIP2] = {"bzip2", bzip2_open, bzip2_step, NULL, bzip2_close, 'B', 0, false},
    [SJ_FOREIGN_XZ] = {"xz", xz_open, lzma_step, NULL, lzma_close, 0xfd, 4, true},
    [SJ_FOREIGN_LZMA] = {"lzma", lzma_open, lzma_step, NULL, lzma_close, 0, 0, false},
    [SJ_FOREIGN_ZLIB] = {"zlib", zlib_open, zlib_step, NULL, zlib_close, 0, 0, false},
    [SJ_FOREIGN_ZSTD] = {"zstd", zstd_open, zstd_step, zstd_finish, zstd_close, 0, 0, false},
};

/* ---- what they share ---- */

static snapjar_status raise_damaged(const sj_foreign *decoder, snapjar_error *err, const char *reason)
{
    return sj_raise(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_INPUT_COMPRESSED_DAMAGED, SJ_AT_FILE(decoder->consumed),
                    "the %s data is damaged: %s", decoder->coder->name, reason == NULL ? "no reason given" : reason);
}

/** Turns what a step says into a status; STEP_MORE and STEP_END are both fine. */
static snapjar_status check_result(const sj_foreign *decoder, step_result result, snapjar_error *err)
{
    switch (result) {
    case STEP_MORE:
    case STEP_END:
        return SNAPJAR_OK;
    case STEP_DAMAGED:
        return raise_damaged(decoder, err, decoder->reason);
    case STEP_NO_MEMORY:
        return sj_raise(err, SNAPJAR_NO_MEMORY, SNAPJAR_DIAG_OUT_OF_MEMORY, SJ_NOWHERE,
                        "cannot allocate what decompressing %s needs", decoder->coder->name);
    case STEP_OVER_LIMIT:
        return sj_raise(
            err, SNAPJAR_LIMIT, SNAPJAR_DIAG_INPUT_TOO_LARGE, SJ_AT_FILE(decoder->consumed),
            "decompressing this %s data needs more memory than the limit of %llu bytes", decoder->coder->name,
            (unsigned long long)(decoder->coder->open == zstd_open ? UINT64_C(1) << SJ_FOREIGN_ZSTD_WINDOW_LOG_MAX
                                                                   : SJ_FOREIGN_XZ_MEMORY_MAX));
    }
    return SNAPJAR_BUG;
}

static snapjar_status open_stream(sj_foreign *decoder, snapjar_error *err)
{
    if (decoder->is_open)
        decoder->coder->close(decoder);
    decoder->is_open = false;
    SJ_TRY(check_result(decoder, decoder->coder->open(decoder), err));
    decoder->is_open = true;
    decoder->phase = IN_STREAM;
    decoder->padding = 0;
    return SNAPJAR_OK;
}

snapjar_status sj_foreign_begin(sj_foreign **decoder, snapjar_context *context, sj_foreign_kind kind,
                                uint64_t content_size_max, sj_foreign_write *write, void *state, snapjar_error *err)
{
    *decoder = NULL;
    sj_foreign *made = sj_alloc(context, sizeof *made);
    if (made == NULL)
        return sj_raise_no_memory(err, sizeof *made);
    memset(made, 0, offsetof(sj_foreign, output));
    made->context = context;
    made->coder = &coders[kind];
    made->write = write;
    made->state = state;
    made->content_size_max = content_size_max;
    snapjar_status status = open_stream(made, err);
    if (status != SNAPJAR_OK) {
        sj_foreign_free(made);
        return status;
    }
    *decoder = made;
    return SNAPJAR_OK;
}

/** Hands on what a step put into the output buffer. */
static snapjar_status hand_on(sj_foreign *decoder, size_t size, snapjar_error *err)
{
    if (size > decoder->content_size_max - decoder->produced)
        return sj_raise(err, SNAPJAR_LIMIT, SNAPJAR_DIAG_INPUT_TOO_LARGE, SJ_AT_FILE(decoder->consumed),
                        "the decompressed input is larger than the limit of %llu bytes",
                        (unsigned long long)decoder->content_size_max);
    decoder->produced += size;
    return size == 0 ? SNAPJAR_OK : decoder->write(decoder->state, decoder->output, size, err);
}

/** One call of the library, its output handed on. `*is_idle`: it neither read nor wrote anything. */
static snapjar_status run_step(sj_foreign *decoder, step_spans *spans,
                               step_result (*step)(sj_foreign *decoder, step_spans *spans), step_result *result,
                               bool *is_idle, snapjar_error *err)
{
    size_t in_size = spans->in_size;
    spans->out = decoder->output;
    spans->out_size = OUTPUT_SIZE;
    *result = step(decoder, spans);
    decoder->consumed += in_size - spans->in_size;
    SJ_TRY(check_result(decoder, *result, err));
    *is_idle = spans->in_size == in_size && spans->out_size == OUTPUT_SIZE;
    return hand_on(decoder, OUTPUT_SIZE - spans->out_size, err);
}

/** Decodes until the input is used up and nothing is left to come out of it, or the stream ends. */
static snapjar_status feed_stream(sj_foreign *decoder, step_spans *spans, snapjar_error *err)
{
    for (;;) {
        step_result result;
        bool is_idle;
        SJ_TRY(run_step(decoder, spans, decoder->coder->step, &result, &is_idle, err));
        if (result == STEP_END) {
            decoder->phase = BETWEEN;
            return SNAPJAR_OK;
        }
        if (spans->in_size == 0 && spans->out_size > 0)
            return SNAPJAR_OK;
        if (is_idle)
            return raise_damaged(decoder, err, "its decoder does not go on");
    }
}

/** Looks at what follows a complete stream. */
static snapjar_status feed_between(sj_foreign *decoder, step_spans *spans, snapjar_error *err)
{
    const format_coder *coder = decoder->coder;
    bool may_begin = decoder->phase == BETWEEN || (coder->may_go_on && decoder->padding % coder->padding_unit == 0);
    if (may_begin && coder->next_first_byte != 0 && spans->in[0] == coder->next_first_byte)
        return open_stream(decoder, err);
    size_t zeros = 0;
    while (coder->padding_unit != 0 && zeros < spans->in_size && spans->in[zeros] == 0)
        zeros++;
    spans->in += zeros;
    spans->in_size -= zeros;
    decoder->consumed += zeros;
    decoder->padding += zeros;
    decoder->phase = IN_PADDING;
    return zeros > 0 ? SNAPJAR_OK : raise_damaged(decoder, err, "other bytes follow its end");
}

snapjar_status sj_foreign_feed(sj_foreign *decoder, const void *bytes, size_t size, snapjar_error *err)
{
    const uint8_t *next = bytes;
    const uint8_t *end = next + size;
    while (next < end) {
        size_t part = (size_t)(end - next) < STEP_SIZE_MAX ? (size_t)(end - next) : STEP_SIZE_MAX;
        step_spans spans = {next, part, NULL, 0};
        if (decoder->phase == IN_STREAM)
            SJ_TRY(feed_stream(decoder, &spans, err));
        else
            SJ_TRY(feed_between(decoder, &spans, err));
        next = spans.in;
    }
    return SNAPJAR_OK;
}

snapjar_status sj_foreign_end(sj_foreign *decoder, snapjar_error *err)
{
    step_spans spans = {decoder->output, 0, NULL, 0};
    while (decoder->phase == IN_STREAM && decoder->coder->finish != NULL) {
        step_result result;
        bool is_idle;
        SJ_TRY(run_step(decoder, &spans, decoder->coder->finish, &result, &is_idle, err));
        if (result == STEP_END)
            decoder->phase = BETWEEN;
        else if (is_idle)
            break;
    }
    if (decoder->phase == IN_PADDING && decoder->padding % decoder->coder->padding_unit != 0)
        return raise_damaged(decoder, err, "its padding is not a multiple of four");
    if (decoder->phase != IN_STREAM)
        return SNAPJAR_OK;
    return sj_raise(err, SNAPJAR_CUT_SHORT, SNAPJAR_DIAG_INPUT_COMPRESSED_CUT_SHORT, SJ_AT_FILE(decoder->consumed),
                    "the %s data ends before its end is marked", decoder->coder->name);
}

void sj_foreign_free(sj_foreign *decoder)
{
    if (decoder == NULL)
        return;
    if (decoder->is_open)
        decoder->coder->close(decoder);
    sj_free(decoder->context, decoder);
}
