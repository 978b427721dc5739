/* SPDX-License-Identifier: MIT
 *
 * Gathers the bytes of a pickle and hands them on in pieces, from protocol 4 on in frames as CPython's Pickler makes
 * them: about 64 KiB each, ending between opcodes, with larger values outside.
 */
#include <stdio.h>
#include <string.h>

#include "pickle/emit.h"

/** FRAME_SIZE_MIN and FRAME_SIZE_TARGET of CPython's Modules/_pickle.c. */
#define FRAME_SIZE_MIN ((size_t)4)
#define FRAME_SIZE_TARGET ((size_t)64 << 10)
#define BUFFER_SIZE_FIRST ((size_t)80 << 10)

static SJ_EMIT reserve(sj_emit *emit, size_t size, snapjar_error *err)
{
    if (emit->capacity - emit->used >= size)
        return SNAPJAR_OK;
    size_t capacity = emit->capacity == 0 ? BUFFER_SIZE_FIRST : 2 * emit->capacity;
    if (capacity < emit->used + size)
        capacity = emit->used + size;
    uint8_t *buffer = sj_realloc(emit->context, emit->buffer, capacity);
    if (buffer == NULL)
        return sj_raise_no_memory(err, capacity);
    emit->buffer = buffer;
    emit->capacity = capacity;
    return SNAPJAR_OK;
}

snapjar_status sj_emit_bytes(sj_emit *emit, const void *bytes, size_t size, snapjar_error *err)
{
    SJ_TRY(reserve(emit, size, err));
    if (size > 0)
        memcpy(emit->buffer + emit->used, bytes, size);
    emit->used += size;
    return SNAPJAR_OK;
}

snapjar_status sj_emit_byte(sj_emit *emit, uint8_t byte, snapjar_error *err)
{
    SJ_TRY(reserve(emit, 1, err));
    emit->buffer[emit->used++] = byte;
    return SNAPJAR_OK;
}

snapjar_status sj_emit_op(sj_emit *emit, uint8_t opcode, uint64_t argument, size_t size, snapjar_error *err)
{
    uint8_t bytes[9];
    bytes[0] = opcode;
    sj_write_le64(bytes + 1, argument);
    return sj_emit_bytes(emit, bytes, 1 + size, err);
}

snapjar_status sj_emit_flush(sj_emit *emit, bool is_last, snapjar_error *err)
{
    if (!is_last && emit->used < FRAME_SIZE_TARGET)
        return SNAPJAR_OK;
    if (emit->protocol >= 4 && emit->used >= FRAME_SIZE_MIN) {
        uint8_t head[9] = {SJ_OP_FRAME};
        sj_write_le64(head + 1, emit->used);
        SJ_TRY(snapjar_sink_write(emit->sink, head, sizeof head, err));
    }
    const size_t used = emit->used;
    emit->used = 0;
    return used > 0 ? snapjar_sink_write(emit->sink, emit->buffer, used, err) : SNAPJAR_OK;
}

snapjar_status sj_emit_counted(sj_emit *emit, uint8_t opcode, size_t length_size, const void *bytes, size_t size,
                               snapjar_error *err)
{
    if (size < FRAME_SIZE_TARGET) {
        SJ_TRY(sj_emit_op(emit, opcode, size, length_size, err));
        return sj_emit_bytes(emit, bytes, size, err);
    }
    uint8_t head[9] = {opcode};
    SJ_TRY(sj_emit_flush(emit, true, err));
    sj_write_le64(head + 1, size);
    SJ_TRY(snapjar_sink_write(emit->sink, head, 1 + length_size, err));
    return snapjar_sink_write(emit->sink, bytes, size, err);
}

snapjar_status sj_emit_put(sj_emit *emit, uint32_t *memo, snapjar_error *err)
{
    const uint32_t index = emit->memo_count++;
    *memo = index + 1;
    if (emit->protocol >= 4)
        return sj_emit_byte(emit, SJ_OP_MEMOIZE, err);
    if (emit->protocol >= 1)
        return index < 256 ? sj_emit_op(emit, SJ_OP_BINPUT, index, 1, err)
                           : sj_emit_op(emit, SJ_OP_LONG_BINPUT, index, 4, err);
    char line[16];
    const int size = snprintf(line, sizeof line, "p%u\n", index);
    return sj_emit_bytes(emit, line, (size_t)size, err);
}

snapjar_status sj_emit_get(sj_emit *emit, uint32_t memo, snapjar_error *err)
{
    const uint32_t index = memo - 1;
    if (emit->protocol >= 1)
        return index < 256 ? sj_emit_op(emit, SJ_OP_BINGET, index, 1, err)
                           : sj_emit_op(emit, SJ_OP_LONG_BINGET, index, 4, err);
    char line[16];
    const int size = snprintf(line, sizeof line, "g%u\n", index);
    return sj_emit_bytes(emit, line, (size_t)size, err);
}
