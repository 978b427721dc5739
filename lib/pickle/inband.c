/* SPDX-License-Identifier: MIT
 *
 * What a Pickler writes for a PickleBuffer depends on buffer_callback alone (save_picklebuffer of CPython's
 * Modules/_pickle.c): out-of-band NEXT_BUFFER, and READONLY_BUFFER if it is read-only; in-band bytes if it is
 * read-only, else a bytearray. This module turns the first into the second. In-band values may be memoized where
 * out-of-band ones are not, but nothing refers to a memo entry that was never made, so no MEMOIZE is added and all
 * indices stay right.
 */
#include "pickle/inband.h"

#include "pickle/measure.h"

/** The pickle was measured before, so every token is whole and nothing is past the end. */
typedef struct writer {
    sj_lexer lexer;
    /** Bytes before this are written, or left out. */
    const uint8_t *written;
    sj_inband_sink *sink;
    void *sink_state;
} writer;

static snapjar_status write_some(writer *out, const void *bytes, uint64_t size, snapjar_error *err)
{
    return size > 0 ? out->sink(out->sink_state, bytes, (size_t)size, err) : SNAPJAR_OK;
}

/** Writes what stands before `until` and was kept, and goes on behind the token that ends at the lexer's position. */
static snapjar_status replace(writer *out, const uint8_t *until, snapjar_error *err)
{
    const uint8_t *from = out->written;
    out->written = out->lexer.position;
    return write_some(out, from, (uint64_t)(until - from), err);
}

/** Whether the loader comes to READONLY_BUFFER next; FRAME does nothing to its stack. */
static bool is_readonly_next(const uint8_t *position)
{
    while (*position == SJ_OP_FRAME)
        position += SJ_SHAPE_FIXED_MAX;
    return *position == SJ_OP_READONLY_BUFFER;
}

static snapjar_status write_buffer(writer *out, const sj_inband_buffer *buffer, bool is_readonly, snapjar_error *err)
{
    uint8_t head[9];
    head[0] = is_readonly ? SJ_OP_BINBYTES8 : SJ_OP_BYTEARRAY8;
    sj_write_le64(head + 1, buffer->size);
    SJ_TRY(write_some(out, head, sizeof head, err));
    return write_some(out, buffer->data, buffer->size, err);
}

static snapjar_status rewrite(writer *out, const sj_inband_buffer *buffers, snapjar_error *err)
{
    sj_lexer *lexer = &out->lexer;
    bool drops_readonly = false;
    for (;;) {
        sj_token token, kept;
        const uint8_t *next;
        while ((next = sj_lexer_step(lexer, lexer->position, lexer->end, &kept)) != NULL)
            lexer->position = next;
        const uint8_t *start = lexer->position;
        SJ_TRY(sj_lexer_next(lexer, &token, err));
        switch (token.opcode) {
        case SJ_OP_FRAME:
            SJ_TRY(replace(out, start, err));
            break;
        case SJ_OP_NEXT_BUFFER:
            SJ_TRY(replace(out, start, err));
            drops_readonly = is_readonly_next(lexer->position);
            SJ_TRY(write_buffer(out, buffers++, drops_readonly, err));
            break;
        case SJ_OP_READONLY_BUFFER:
            /* One that follows something else makes a read-only view of that, and stays. */
            if (drops_readonly)
                SJ_TRY(replace(out, start, err));
            drops_readonly = false;
            break;
        case SJ_OP_STOP:
            return replace(out, lexer->position, err);
        }
    }
}

static snapjar_status check(sj_measure *measure, const void *bytes, size_t size, size_t buffer_count,
                            snapjar_error *err)
{
    const snapjar_limits limits = {.struct_size = sizeof limits, .pickle_line_size_max = UINT64_MAX};
    size_t consumed;
    sj_measure_init(measure, &limits, 0);
    SJ_TRY(sj_measure_feed(measure, bytes, size, &consumed, err));
    SJ_TRY(sj_measure_finish(measure, err));
    if (consumed != size)
        return sj_raise(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_PICKLE_SIZE_MISMATCH, SJ_AT_CONTENT(consumed),
                        "the pickle's STOP ends it after %zu bytes, not %zu", consumed, size);
    if (measure->extent.buffer_count != buffer_count)
        return sj_raise(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_PICKLE_BUFFERS_MISMATCH, SJ_AT_CONTENT(size),
                        "the pickle asks for %llu out-of-band buffers and there are %zu",
                        (unsigned long long)measure->extent.buffer_count, buffer_count);
    return SNAPJAR_OK;
}

snapjar_status sj_inband_write(const void *bytes, size_t size, const sj_inband_buffer *buffers, size_t buffer_count,
                               sj_inband_sink *sink, void *sink_state, snapjar_error *err)
{
    writer out = {.written = bytes, .sink = sink, .sink_state = sink_state};
    sj_measure measure;
    SJ_TRY(check(&measure, bytes, size, buffer_count, err));
    if (buffer_count == 0)
        return write_some(&out, bytes, size, err);
    sj_lexer_init(&out.lexer, UINT64_MAX, 0);
    sj_lexer_feed(&out.lexer, bytes, size);
    return rewrite(&out, buffers, err);
}
