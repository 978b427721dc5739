/* SPDX-License-Identifier: MIT
 *
 * Opcodes into the spool, in frames from protocol 4 on: about 64 KiB each, none for less than four bytes, and what is
 * as large as a frame itself stands between them (the framer of CPython's Modules/_pickle.c does the same).
 */
#include <stdio.h>
#include <string.h>

#include "pickle/emit.h"
#include "util/bytes.h"

#define FRAME_SIZE_MIN 4

bool sj_emit_is_marked(const sj_emitter *e, size_t count)
{
    return count == 0 ? e->protocol == 0 : e->protocol < 2 || count > 3;
}

SJ_EMIT sj_emit_end_frame(sj_emitter *e, snapjar_error *err)
{
    const size_t size = e->buffer_size;
    uint8_t head[9] = {SJ_OP_FRAME};
    e->buffer_size = 0;
    if (size == 0)
        return SNAPJAR_OK;
    if (e->protocol >= 4 && size >= FRAME_SIZE_MIN) {
        sj_write_le64(head + 1, size);
        SJ_TRY(sj_spool_write(e->spool, head, sizeof head, err));
    }
    return sj_spool_write(e->spool, e->buffer, size, err);
}

SJ_EMIT sj_emit_write_more(sj_emitter *e, const void *bytes, size_t size, snapjar_error *err)
{
    SJ_TRY(sj_emit_end_frame(e, err));
    /* Opcodes with more than a frame of data come through sj_emit_counted; only lines of protocol 0 are as long. */
    if (size > SJ_EMIT_FRAME_SIZE)
        return sj_spool_write(e->spool, bytes, size, err);
    return sj_emit_write(e, bytes, size, err);
}

SJ_EMIT sj_emit_opcodes(sj_emitter *e, uint8_t opcode, size_t count, snapjar_error *err)
{
    for (size_t i = 0; i < count; i++) {
        SJ_TRY(sj_emit_opcode(e, opcode, err));
        SJ_TRY(sj_emit_boundary(e, err));
    }
    return SNAPJAR_OK;
}

SJ_EMIT sj_emit_counted(sj_emitter *e, const uint8_t *head, size_t head_size, const uint8_t *data, size_t size,
                        snapjar_error *err)
{
    if (size < SJ_EMIT_FRAME_SIZE) {
        SJ_TRY(sj_emit_boundary(e, err));
        SJ_TRY(sj_emit_write(e, head, head_size, err));
        return sj_emit_write(e, data, size, err);
    }
    SJ_TRY(sj_emit_end_frame(e, err));
    SJ_TRY(sj_spool_write(e->spool, head, head_size, err));
    return sj_spool_write(e->spool, data, size, err);
}

SJ_EMIT sj_emit_begin(sj_emitter *e, snapjar_error *err)
{
    const uint8_t head[2] = {SJ_OP_PROTO, (uint8_t)e->protocol};
    sj_spool_reset(e->spool);
    e->buffer_size = 0;
    return e->protocol >= 2 ? sj_spool_write(e->spool, head, sizeof head, err) : SNAPJAR_OK;
}

SJ_EMIT sj_emit_end(sj_emitter *e, snapjar_error *err)
{
    SJ_TRY(sj_emit_opcode(e, SJ_OP_STOP, err));
    return sj_emit_end_frame(e, err);
}

/** An opcode with a memo index: three forms. */
static SJ_EMIT write_index(sj_emitter *e, uint8_t line, uint8_t one_byte, uint8_t four_bytes, uint32_t index,
                           snapjar_error *err)
{
    char text[16];
    uint8_t bytes[5];
    if (e->protocol == 0) {
        const int size = snprintf(text, sizeof text, "%c%u\n", line, (unsigned)index);
        return sj_emit_write(e, text, (size_t)size, err);
    }
    if (index <= UINT8_MAX) {
        bytes[0] = one_byte;
        bytes[1] = (uint8_t)index;
        return sj_emit_write(e, bytes, 2, err);
    }
    bytes[0] = four_bytes;
    sj_write_le32(bytes + 1, index);
    return sj_emit_write(e, bytes, 5, err);
}

SJ_EMIT sj_emit_get(sj_emitter *e, uint32_t index, snapjar_error *err)
{
    return write_index(e, SJ_OP_GET, SJ_OP_BINGET, SJ_OP_LONG_BINGET, index, err);
}

SJ_EMIT sj_emit_put(sj_emitter *e, uint32_t *index, snapjar_error *err)
{
    if (e->memo_count == SJ_MEMO_COUNT_MAX)
        return sj_emit_refuse(e, e->effect_offset, err, "it needs too many memo entries");
    *index = e->memo_count++;
    if (e->protocol >= 4)
        return sj_emit_opcode(e, SJ_OP_MEMOIZE, err);
    return write_index(e, SJ_OP_PUT, SJ_OP_BINPUT, SJ_OP_LONG_BINPUT, *index, err);
}

SJ_EMIT sj_emit_open_tuple(sj_emitter *e, size_t count, snapjar_error *err)
{
    return sj_emit_is_marked(e, count) ? sj_emit_opcode(e, SJ_OP_MARK, err) : SNAPJAR_OK;
}

SJ_EMIT sj_emit_close_tuple(sj_emitter *e, size_t count, snapjar_error *err)
{
    if (sj_emit_is_marked(e, count))
        return sj_emit_opcode(e, SJ_OP_TUPLE, err);
    return sj_emit_opcode(e, count == 0 ? SJ_OP_EMPTY_TUPLE : (uint8_t)(SJ_OP_TUPLE1 + count - 1), err);
}

SJ_EMIT sj_emit_discard(sj_emitter *e, bool is_marked, size_t count, snapjar_error *err)
{
    if (is_marked && e->protocol > 0)
        return sj_emit_opcode(e, SJ_OP_POP_MARK, err);
    return sj_emit_opcodes(e, SJ_OP_POP, count + is_marked, err);
}

SJ_EMIT sj_emit_reserve_scratch(sj_emitter *e, size_t size, snapjar_error *err)
{
    if (size <= e->scratch_capacity)
        return SNAPJAR_OK;
    uint8_t *scratch = sj_realloc(e->context, e->scratch, size);
    if (scratch == NULL)
        return sj_raise_no_memory(err, size);
    e->scratch = scratch;
    e->scratch_capacity = size;
    return SNAPJAR_OK;
}

snapjar_status sj_emit_refuse(const sj_emitter *e, uint64_t offset, snapjar_error *err, const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return sj_raise(err, SNAPJAR_UNSUPPORTED, SNAPJAR_DIAG_TRANSCODE_UNFAITHFUL, SJ_AT_CONTENT(offset),
                    "cannot be written in protocol %d: %s", e->protocol, text);
}

SJ_EMIT sj_emit_effect(sj_emitter *e, uint64_t offset, snapjar_error *err)
{
    if (offset == SNAPJAR_OFFSET_NONE)
        return SNAPJAR_OK;
    if (offset < e->effect_offset)
        return sj_emit_refuse(e, offset, err, "what happens at %llu would come after what happens at %llu",
                              (unsigned long long)offset, (unsigned long long)e->effect_offset);
    e->effect_offset = offset;
    return SNAPJAR_OK;
}
