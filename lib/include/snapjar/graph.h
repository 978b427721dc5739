/* SPDX-License-Identifier: MIT
 *
 * All values of a pickle and how they were made, with shared references and cycles, found without running it. A graph
 * is what pictures, comparisons and other protocols are made from. Linear in the size of the pickle, in time and
 * memory; nothing in it was executed, and no name in it was looked up.
 */
#ifndef SNAPJAR_GRAPH_H
#define SNAPJAR_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <snapjar/header.h>
#include <snapjar/io.h>
#include <snapjar/pickle.h>

#ifdef __cplusplus
extern "C" {
#endif

/** One pickle as a graph. One thread at a time. */
typedef struct snapjar_graph snapjar_graph;

/** Zero means the default. A limit is the largest value still allowed; going over one gives SNAPJAR_LIMIT. */
typedef struct snapjar_graph_options {
    /** sizeof(snapjar_graph_options) of the program. */
    size_t struct_size;
    /** How the loader will read text of Python 2. */
    snapjar_string_encoding string_encoding;
    /** Offset of the pickle's first byte; all offsets count from there. */
    uint64_t base_offset;
    /** Values: each opcode makes one at most. Default 2^28; never more than 2^32 - 2. 24 bytes each. */
    uint64_t node_count_max;
    /** Bytes of values and references (4 bytes each, and 20 for each time that a value is filled or given state).
     * Default 8 GiB. */
    uint64_t memory_max;
    /** Values on the stack at once, and marks. As in snapjar_scan_options. */
    uint64_t stack_depth_max;
    /** Highest memo index + 1. As in snapjar_scan_options. */
    uint64_t memo_count_max;
    /** Bytes of one line of a protocol 0 opcode. As in snapjar_scan_options. */
    uint64_t line_size_max;
} snapjar_graph_options;

#define SNAPJAR_GRAPH_OPTIONS_INIT                                                                                     \
    {                                                                                                                  \
        sizeof(snapjar_graph_options), SNAPJAR_STRING_ASCII, 0, 0, 0, 0, 0, 0                                          \
    }

#define SNAPJAR_GRAPH_NODE_COUNT_DEFAULT (UINT64_C(1) << 28)
#define SNAPJAR_GRAPH_MEMORY_DEFAULT (UINT64_C(8) << 30)

/**
 * Makes the graph of the one pickle that `bytes` is from the first to the last; `options` may be NULL. The bytes are
 * borrowed: they must stay as they are until the graph is freed. Whatever a loader would fail on gives the failure of
 * snapjar_scan_pickle, which runs first; what no pickler writes does not. Over a limit on the graph itself:
 * SNAPJAR_LIMIT with `pickle-graph-limit`, at the opcode that asks for more. Free it with snapjar_graph_free before the
 * context.
 */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_graph_new(snapjar_graph **graph, snapjar_context *context,
                                                                const void *bytes, size_t size,
                                                                const snapjar_graph_options *options,
                                                                snapjar_error *err);

/** Frees a graph. NULL is allowed. */
SNAPJAR_API void snapjar_graph_free(snapjar_graph *graph);

/** How many values there are, and bytes that they take. Either may be NULL. */
SNAPJAR_API void snapjar_graph_measure(const snapjar_graph *graph, uint64_t *node_count, uint64_t *memory_size);

/** Zero means the default. */
typedef struct snapjar_emit_options {
    /** sizeof(snapjar_emit_options) of the program. */
    size_t struct_size;
    /** Bytes of the new pickle that are kept in memory; beyond, in an unlinked temporary file. Default 256 MiB. */
    uint64_t memory_max;
} snapjar_emit_options;

#define SNAPJAR_EMIT_OPTIONS_INIT                                                                                      \
    {                                                                                                                  \
        sizeof(snapjar_emit_options), 0                                                                                \
    }

#define SNAPJAR_EMIT_MEMORY_DEFAULT (UINT64_C(256) << 20)

/**
 * Writes the graph as a pickle of `protocol`, 0 to 5, which a Python 3 loader makes an equal object of: values, types
 * and floats to the bit, which values are one object, the order of dicts, and the order of all that a loader looks up,
 * calls, makes or fills. Written from protocol 3 on, text of Python 2 has become str or bytes by the graph's string
 * encoding; below, it stays, and the loader needs the same encoding as before. What a protocol has no opcode for is
 * written as a call, as CPython's pickler does it: `_codecs:encode`, `builtins:bytes`, `bytearray`, `set`, `frozenset`
 * and `getattr`, `copyreg:__newobj__` and `__newobj_ex__`; and `operator:ior` for a set that contains itself.
 *
 * Whatever cannot be written so is refused with SNAPJAR_UNSUPPORTED and `transcode-unfaithful`, at the value's offset.
 * Nothing is written to `sink` unless all could be emitted; it may be of any kind, and is not finished. `options` may
 * be NULL, and `*size` (bytes written) too. The graph stays as it is.
 */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_graph_emit(const snapjar_graph *graph, int protocol,
                                                                 snapjar_sink *sink,
                                                                 const snapjar_emit_options *options, uint64_t *size,
                                                                 snapjar_error *err);

#ifdef __cplusplus
}
#endif
#endif
