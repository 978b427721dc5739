/* SPDX-License-Identifier: MIT
 *
 * A pickle opcode by opcode, with what a loader would have on its stack after each: for whoever wants to know why a
 * pickle does what it does, or at which byte it breaks. Takes any bytes, whole or not, chunk by chunk; memory as for a
 * scan (scan.h). No opcode is ever executed.
 *
 * Use: snapjar_dis_new, snapjar_dis_feed until all is consumed or it is done, snapjar_dis_finish.
 */
#ifndef SNAPJAR_DIS_H
#define SNAPJAR_DIS_H

#include <snapjar/scan.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A disassembly under way. One thread at a time. */
typedef struct snapjar_dis snapjar_dis;

/** Most values of the stack that a line shows. */
#define SNAPJAR_DIS_STACK_MAX 64

/** Zero means the default. */
typedef struct snapjar_dis_options {
    /** sizeof(snapjar_dis_options) of the program. */
    size_t struct_size;
    /** Only opcodes at offsets from `from` up to, without it, `to` are told (0: to the end). All before are followed.
     */
    uint64_t from;
    uint64_t to;
    /** Characters of a text, or digits of a number, that a line has. Default 60, at most 1,024. */
    unsigned text_max;
    /** Values of the stack that a line has, the top ones. Default 6, at most SNAPJAR_DIS_STACK_MAX. */
    unsigned stack_max;
    /** Printable characters beyond ASCII come as UTF-8, not as escapes. */
    bool is_unicode;
    /** How text of Python 2 is read, where offsets begin, and all limits. NULL: defaults. Copied. */
    const snapjar_scan_options *scan;
} snapjar_dis_options;

#define SNAPJAR_DIS_OPTIONS_INIT                                                                                       \
    {                                                                                                                  \
        sizeof(snapjar_dis_options), 0, 0, 0, 0, false, NULL                                                           \
    }

/** One opcode. Everything is borrowed for the call that gets it; texts are printable. */
typedef struct snapjar_dis_line {
    /** Of the opcode's byte. */
    uint64_t offset;
    /** Number of the opcode, from 0. */
    uint64_t index;
    const snapjar_opcode_info *opcode;
    /** Bytes of the argument without its length prefix. */
    uint64_t argument_size;
    /** As a Python literal, where it has one; "module:name" of GLOBAL and INST; "" without an argument. */
    const char *argument;
    /** The memo entry that MEMOIZE makes, or UINT64_MAX. */
    uint64_t memo_index;
    /** Values and marks on the stack afterwards. */
    uint64_t depth;
    uint64_t mark_count;
    /**
     * The top ones, the topmost last: "(" is a mark, 'abc' a text, "int" an integer, "os:system" a global,
     * "<app:Job>" what it made. `stack_hidden` marks and values are below them.
     */
    const char *const *stack;
    size_t stack_count;
    uint64_t stack_hidden;
    /** What no pickler writes and this opcode does. */
    const snapjar_scan_finding *findings;
    size_t finding_count;
    /** Not NULL: why a loader fails here. There is no stack then, and this is the last line. */
    const snapjar_error *failure;
} snapjar_dis_line;

/** Takes a line. Anything but SNAPJAR_OK ends the disassembly with that. */
typedef snapjar_status snapjar_dis_take(void *state, const snapjar_dis_line *line, snapjar_error *err);

/** Makes a disassembly whose lines go to `take`. `options` may be NULL. Free it before the context. */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_dis_new(snapjar_dis **dis, snapjar_context *context,
                                                              const snapjar_dis_options *options,
                                                              snapjar_dis_take *take, void *state, snapjar_error *err);

/** Frees a disassembly. NULL is allowed. */
SNAPJAR_API void snapjar_dis_free(snapjar_dis *dis);

/** Forgets the pickle and keeps options and memory: for the next one, whose first byte is at `base_offset`. */
SNAPJAR_API void snapjar_dis_reset(snapjar_dis *dis, uint64_t base_offset);

/**
 * Reads the next `size` bytes, or up to STOP or the end of the range: `*consumed` bytes (may be NULL). Fails as
 * snapjar_scan_feed does, after a line with `failure`, if the opcode could be read; or with what `take` gave.
 */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_dis_feed(snapjar_dis *dis, const void *bytes, size_t size,
                                                               size_t *consumed, snapjar_error *err);

/** Whether STOP or the end of the range was reached: nothing more is read. */
SNAPJAR_API bool snapjar_dis_is_done(const snapjar_dis *dis);

/** Ends it. Fails with `pickle-empty` or `pickle-cut-short` if it is not done, or again with what a feed failed with.
 */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_dis_finish(snapjar_dis *dis, snapjar_error *err);

#ifdef __cplusplus
}
#endif
#endif
