/* SPDX-License-Identifier: MIT
 *
 * The opcode table and what is derived from it at compile time.
 */
#include "pickle/opcodes.h"

/*
 * Shapes of the argument forms: ArgumentDescriptor objects of CPython's Lib/pickletools.py, and the load_ functions of
 * Modules/_pickle.c that read them. Lines end at the first newline whatever is in them (_Unpickler_Readline).
 */
#define SHAPE_NONE 1
#define SHAPE_UINT1 2
#define SHAPE_UINT2 3
#define SHAPE_INT4 5
#define SHAPE_UINT4 5
#define SHAPE_UINT8 9
#define SHAPE_FLOAT8 9
#define SHAPE_DECIMALNL_SHORT SJ_SHAPE_LINE
#define SHAPE_DECIMALNL_LONG SJ_SHAPE_LINE
#define SHAPE_FLOATNL SJ_SHAPE_LINE
#define SHAPE_STRINGNL SJ_SHAPE_LINE
#define SHAPE_STRINGNL_NOESCAPE SJ_SHAPE_LINE
#define SHAPE_STRINGNL_NOESCAPE_PAIR SJ_SHAPE_LINE_PAIR
#define SHAPE_UNICODESTRINGNL SJ_SHAPE_LINE
#define SHAPE_STRING1 SJ_SHAPE_COUNTED1
/*
 * read_string4 and read_long4 of pickletools, and load_binstring and load_long4 of Lib/pickle.py, read a signed length
 * and refuse a negative one. load_counted_binstring of Modules/_pickle.c alone takes BINSTRING's as unsigned: two of
 * three readers cannot read what it would read then, so neither do we.
 */
#define SHAPE_STRING4 SJ_SHAPE_COUNTED4_SIGNED
#define SHAPE_BYTES1 SJ_SHAPE_COUNTED1
#define SHAPE_BYTES4 SJ_SHAPE_COUNTED4
#define SHAPE_BYTES8 SJ_SHAPE_COUNTED8
#define SHAPE_BYTEARRAY8 SJ_SHAPE_COUNTED8
#define SHAPE_UNICODESTRING1 SJ_SHAPE_COUNTED1
#define SHAPE_UNICODESTRING4 SJ_SHAPE_COUNTED4
#define SHAPE_UNICODESTRING8 SJ_SHAPE_COUNTED8
#define SHAPE_LONG1 SJ_SHAPE_COUNTED1
#define SHAPE_LONG4 SJ_SHAPE_COUNTED4_SIGNED

#define IS_LOOKED_AT(code)                                                                                             \
    ((code) == SJ_OP_STOP || (code) == SJ_OP_PROTO || (code) == SJ_OP_FRAME || (code) == SJ_OP_NEXT_BUFFER ||          \
     (code) == SJ_OP_READONLY_BUFFER)

static const snapjar_opcode_info rows[] = {
#define X(code, name, protocol, argument) {code, protocol, SNAPJAR_ARGUMENT_##argument, #name},
#include "pickle/opcodes.def"
#undef X
};

_Static_assert(sizeof rows / sizeof *rows == SJ_OPCODE_COUNT, "opcodes.def must have one row for each opcode");

/** Position of an opcode's row. */
enum row_index {
#define X(code, name, protocol, argument) ROW_##name,
#include "pickle/opcodes.def"
#undef X
};

/** Position of an opcode's row plus 1; 0 for a byte that is no opcode. */
static const uint8_t row_numbers[256] = {
#define X(code, name, protocol, argument) [code] = ROW_##name + 1,
#include "pickle/opcodes.def"
#undef X
};

const uint8_t sj_opcode_shapes[256] = {
#define X(code, name, protocol, argument) [code] = SHAPE_##argument,
#include "pickle/opcodes.def"
#undef X
};

const uint8_t sj_opcode_fast_shapes[256] = {
#define X(code, name, protocol, argument) [code] = IS_LOOKED_AT(code) ? SJ_SHAPE_NONE : SHAPE_##argument,
#include "pickle/opcodes.def"
#undef X
};

const uint8_t sj_opcode_protocol_bits[256] = {
#define X(code, name, protocol, argument) [code] = 1 << (protocol),
#include "pickle/opcodes.def"
#undef X
};

static const char *const argument_names[] = {
    [SNAPJAR_ARGUMENT_NONE] = "none",
    [SNAPJAR_ARGUMENT_UINT1] = "uint1",
    [SNAPJAR_ARGUMENT_UINT2] = "uint2",
    [SNAPJAR_ARGUMENT_INT4] = "int4",
    [SNAPJAR_ARGUMENT_UINT4] = "uint4",
    [SNAPJAR_ARGUMENT_UINT8] = "uint8",
    [SNAPJAR_ARGUMENT_FLOAT8] = "float8",
    [SNAPJAR_ARGUMENT_DECIMALNL_SHORT] = "decimalnl_short",
    [SNAPJAR_ARGUMENT_DECIMALNL_LONG] = "decimalnl_long",
    [SNAPJAR_ARGUMENT_FLOATNL] = "floatnl",
    [SNAPJAR_ARGUMENT_STRINGNL] = "stringnl",
    [SNAPJAR_ARGUMENT_STRINGNL_NOESCAPE] = "stringnl_noescape",
    [SNAPJAR_ARGUMENT_STRINGNL_NOESCAPE_PAIR] = "stringnl_noescape_pair",
    [SNAPJAR_ARGUMENT_UNICODESTRINGNL] = "unicodestringnl",
    [SNAPJAR_ARGUMENT_STRING1] = "string1",
    [SNAPJAR_ARGUMENT_STRING4] = "string4",
    [SNAPJAR_ARGUMENT_BYTES1] = "bytes1",
    [SNAPJAR_ARGUMENT_BYTES4] = "bytes4",
    [SNAPJAR_ARGUMENT_BYTES8] = "bytes8",
    [SNAPJAR_ARGUMENT_BYTEARRAY8] = "bytearray8",
    [SNAPJAR_ARGUMENT_UNICODESTRING1] = "unicodestring1",
    [SNAPJAR_ARGUMENT_UNICODESTRING4] = "unicodestring4",
    [SNAPJAR_ARGUMENT_UNICODESTRING8] = "unicodestring8",
    [SNAPJAR_ARGUMENT_LONG1] = "long1",
    [SNAPJAR_ARGUMENT_LONG4] = "long4",
};

const snapjar_opcode_info *snapjar_opcode_find(uint8_t code)
{
    return row_numbers[code] != 0 ? &rows[row_numbers[code] - 1] : NULL;
}

const snapjar_opcode_info *snapjar_opcode_at(size_t index)
{
    return index < SJ_OPCODE_COUNT ? &rows[index] : NULL;
}

const char *snapjar_argument_name(snapjar_argument argument)
{
    size_t index = (size_t)argument;
    return index < sizeof argument_names / sizeof *argument_names ? argument_names[index] : "unknown";
}
