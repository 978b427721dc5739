/* SPDX-License-Identifier: MIT
 *
 * The opcodes as constants, and the lexer's two tables of them. Made from opcodes.def, which is the one list; the
 * public face of the same table is in <snapjar/pickle.h>. Knows bytes and names only, not what an opcode does.
 */
#ifndef SJ_PICKLE_OPCODES_H
#define SJ_PICKLE_OPCODES_H

#include <stdint.h>

#include <snapjar/pickle.h>

/** SJ_OP_MARK = 0x28 and so on. */
typedef enum sj_opcode {
#define X(code, name, protocol, argument) SJ_OP_##name = code,
#include "pickle/opcodes.def"
#undef X
} sj_opcode;

#define SJ_OPCODE_COUNT 68
/** The highest protocol that exists. HIGHEST_PROTOCOL in CPython's Modules/_pickle.c; load_proto refuses a higher one.
 */
#define SJ_PROTOCOL_MAX 5

/*
 * The shape of an opcode says how to step over it. A shape up to SJ_SHAPE_FIXED_MAX is the number of bytes of the
 * opcode and its argument together.
 */
#define SJ_SHAPE_FIXED_MAX 9
/** An unsigned little-endian length of 1, 4 or 8 bytes, then so many bytes. */
#define SJ_SHAPE_COUNTED1 0x11
#define SJ_SHAPE_COUNTED4 0x14
#define SJ_SHAPE_COUNTED8 0x18
/** A signed length of 4 bytes, which must not be negative. */
#define SJ_SHAPE_COUNTED4_SIGNED 0x24
/** One or two lines, each ended by a newline. */
#define SJ_SHAPE_LINE 0x31
#define SJ_SHAPE_LINE_PAIR 0x32
/** No opcode; in sj_opcode_fast_shapes also an opcode that the fast path leaves to sj_lexer_next. */
#define SJ_SHAPE_NONE 0

/** Shape by opcode. */
extern const uint8_t sj_opcode_shapes[256];

/** The same, with SJ_SHAPE_NONE for STOP, PROTO, FRAME, NEXT_BUFFER and READONLY_BUFFER, which callers look at. */
extern const uint8_t sj_opcode_fast_shapes[256];

/** Bit `protocol` by opcode: 1 << 0 to 1 << 5; 0 for a byte that is no opcode. */
extern const uint8_t sj_opcode_protocol_bits[256];

#endif
