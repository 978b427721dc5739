/* SPDX-License-Identifier: MIT
 *
 * Pickles, looked at without being run: the opcodes and where a pickle ends. Knows nothing of containers.
 * Nothing in this library ever executes an opcode.
 */
#ifndef SNAPJAR_PICKLE_H
#define SNAPJAR_PICKLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <snapjar/context.h>

#ifdef __cplusplus
extern "C" {
#endif

/** How an opcode's argument is written. The names are those of Python's Lib/pickletools.py. */
typedef enum snapjar_argument {
    SNAPJAR_ARGUMENT_NONE = 0,
    SNAPJAR_ARGUMENT_UINT1,
    SNAPJAR_ARGUMENT_UINT2,
    SNAPJAR_ARGUMENT_INT4,
    SNAPJAR_ARGUMENT_UINT4,
    SNAPJAR_ARGUMENT_UINT8,
    SNAPJAR_ARGUMENT_FLOAT8,
    SNAPJAR_ARGUMENT_DECIMALNL_SHORT,
    SNAPJAR_ARGUMENT_DECIMALNL_LONG,
    SNAPJAR_ARGUMENT_FLOATNL,
    SNAPJAR_ARGUMENT_STRINGNL,
    SNAPJAR_ARGUMENT_STRINGNL_NOESCAPE,
    SNAPJAR_ARGUMENT_STRINGNL_NOESCAPE_PAIR,
    SNAPJAR_ARGUMENT_UNICODESTRINGNL,
    SNAPJAR_ARGUMENT_STRING1,
    SNAPJAR_ARGUMENT_STRING4,
    SNAPJAR_ARGUMENT_BYTES1,
    SNAPJAR_ARGUMENT_BYTES4,
    SNAPJAR_ARGUMENT_BYTES8,
    SNAPJAR_ARGUMENT_BYTEARRAY8,
    SNAPJAR_ARGUMENT_UNICODESTRING1,
    SNAPJAR_ARGUMENT_UNICODESTRING4,
    SNAPJAR_ARGUMENT_UNICODESTRING8,
    SNAPJAR_ARGUMENT_LONG1,
    SNAPJAR_ARGUMENT_LONG4
} snapjar_argument;

/** One row of the opcode table. */
typedef struct snapjar_opcode_info {
    uint8_t code;
    /** The protocol that brought it, 0 to 5. */
    uint8_t protocol;
    snapjar_argument argument;
    /** As in Lib/pickletools.py: "BINPUT". */
    const char *name;
} snapjar_opcode_info;

/** The row of an opcode, or NULL if the byte is none. Static. */
SNAPJAR_API const snapjar_opcode_info *snapjar_opcode_find(uint8_t code);

/** Row `index` of the table (68 rows), or NULL beyond its end. Static. */
SNAPJAR_API const snapjar_opcode_info *snapjar_opcode_at(size_t index);

/** The name of an argument form as in Lib/pickletools.py ("decimalnl_short"), "none" without one. Static. */
SNAPJAR_API const char *snapjar_argument_name(snapjar_argument argument);

/** What a walk over a pickle's opcodes finds. */
typedef struct snapjar_pickle_extent {
    /** Bytes from the first opcode to STOP, both included. */
    uint64_t size;
    /** Number of opcodes. */
    uint64_t opcode_count;
    /** Number of NEXT_BUFFER opcodes. */
    uint64_t buffer_count;
    /** The operand of a PROTO that comes first, or else the highest protocol of any opcode. */
    int protocol;
} snapjar_pickle_extent;

/**
 * Finds the end of the pickle at the start of `bytes`. Bytes after its STOP are not looked at. Offsets in errors
 * count from the start of `bytes` (SNAPJAR_SPACE_CONTENT).
 * Fails with `pickle-empty`, `pickle-opcode-unknown`, `pickle-cut-short`, `pickle-argument-invalid`,
 * `pickle-protocol-unsupported` or `pickle-line-too-long`.
 * That a pickle has an end does not mean that Python can load it, still less that it is safe to.
 */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_pickle_measure(snapjar_pickle_extent *extent, const void *bytes,
                                                                     size_t size, const snapjar_limits *limits,
                                                                     snapjar_error *err);

#ifdef __cplusplus
}
#endif
#endif
