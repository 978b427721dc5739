/* SPDX-License-Identifier: MIT
 *
 * The whole value graph of a pickle, made without running it, and what is made from it: the same value at another
 * protocol, a readable picture of it, and what changed between two of them. Also the pickle's opcodes one by one.
 * Knows nothing of containers. No opcode is ever executed: calls stay calls, classes need not be installed.
 *
 * Objects are told apart by identity as a loader would: what is shared in the pickle is one node, cycles are kept.
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

/** The values of one pickle. One thread at a time. */
typedef struct snapjar_graph snapjar_graph;

/** Zero means the default. A limit is the largest value still allowed; going over one gives SNAPJAR_LIMIT. */
typedef struct snapjar_graph_options {
    /** sizeof(snapjar_graph_options) of the program. */
    size_t struct_size;
    /** How the loader will read text of Python 2. */
    snapjar_string_encoding string_encoding;
    /** Values. Default and most: 2^32 - 2. Each needs 24 bytes, and 4 wherever it is part of another. */
    uint64_t node_count_max;
    /** Values on the stack at once, and marks: how deep values may be inside one another. Default 100,000,000. */
    uint64_t stack_depth_max;
    /** Bytes of memory for the graph, without the pickle. Default 32 GiB. */
    uint64_t memory_size_max;
    /** Bytes of one line of a protocol 0 opcode, without its newline. Default 64 MiB. */
    uint64_t line_size_max;
} snapjar_graph_options;

#define SNAPJAR_GRAPH_OPTIONS_INIT                                                                                     \
    {                                                                                                                  \
        sizeof(snapjar_graph_options), SNAPJAR_STRING_ASCII, 0, 0, 0, 0                                                \
    }

#define SNAPJAR_GRAPH_NODE_COUNT_DEFAULT UINT64_C(4294967294)
#define SNAPJAR_GRAPH_STACK_DEPTH_DEFAULT UINT64_C(100000000)
#define SNAPJAR_GRAPH_MEMORY_SIZE_DEFAULT (UINT64_C(32) << 30)

/**
 * Makes the graph of the pickle that `bytes` consists of, all `size` of them. They are borrowed: they must stay as
 * they are until the graph is freed. `options` may be NULL. Free the graph with snapjar_graph_free.
 * Fails at the opcode (SNAPJAR_SPACE_CONTENT) where CPython's loader would whatever classes there are, or where
 * loaders disagree on what a number or text says: the diagnostics of snapjar_pickle_measure, and
 * `pickle-stack-underflow`, `pickle-mark-missing`, `pickle-memo-missing`, `pickle-memo-index`,
 * `pickle-operand-invalid`, `pickle-argument-invalid`, `pickle-size-mismatch`, `pickle-stack-limit`,
 * `pickle-graph-limit`. That there is a graph does not mean that the pickle is safe to load.
 */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_graph_new(snapjar_graph **graph, snapjar_context *context,
                                                                const void *bytes, size_t size,
                                                                const snapjar_graph_options *options,
                                                                snapjar_error *err);

/** Frees a graph. NULL is allowed. */
SNAPJAR_API void snapjar_graph_free(snapjar_graph *graph);

typedef struct snapjar_graph_info {
    /** sizeof(snapjar_graph_info) of the program. */
    size_t struct_size;
    /** As snapjar_pickle_extent has it. */
    int protocol;
    uint64_t opcode_count;
    /** Different values; small integers, None, True, False and () count once each. */
    uint64_t node_count;
    /** Calls of any kind: REDUCE, NEWOBJ, NEWOBJ_EX, INST, OBJ. */
    uint64_t call_count;
    /** Bytes of memory that the graph has. */
    uint64_t memory_size;
} snapjar_graph_info;

/** Fills in `info`, whose struct_size must be set. */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_graph_describe(const snapjar_graph *graph,
                                                                     snapjar_graph_info *info, snapjar_error *err);

/* ---- the same value at another protocol ---- */

/**
 * Writes a pickle of `protocol` (0 to 5) which CPython loads to what it loads the original to: equal in values, types,
 * identity, order, floats to the bit. What cannot be written so is refused with SNAPJAR_UNSUPPORTED,
 * `transcode-unfaithful` and the offset of the opcode that made it; what is in the sink then is worthless.
 */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_graph_emit(snapjar_graph *graph, int protocol,
                                                                 snapjar_sink *sink, snapjar_error *err);

/* ---- a picture ---- */

typedef enum snapjar_show_format {
    /** Lines for people, indented. All bytes of the pickle are escaped: printable ASCII only. */
    SNAPJAR_SHOW_TEXT = 0,
    /** One line for each value with its whole path: `.jobs[3]['name'] = 'x'`. */
    SNAPJAR_SHOW_PATHS = 1,
    /** One JSON value on one line, and a newline. */
    SNAPJAR_SHOW_JSON = 2
} snapjar_show_format;

typedef struct snapjar_show_options {
    /** sizeof(snapjar_show_options) of the program. */
    size_t struct_size;
    snapjar_show_format format;
    /** Values inside one another that are shown; deeper ones are left out and marked so. 0: all. */
    uint64_t depth_max;
    /** Elements shown of one container. 0: all. */
    uint64_t item_count_max;
    /** Bytes shown of one text or bytes value. 0: all. */
    uint64_t text_size_max;
    /** Lines of text in all, or values in JSON. 0: all. */
    uint64_t value_count_max;
} snapjar_show_options;

#define SNAPJAR_SHOW_OPTIONS_INIT                                                                                      \
    {                                                                                                                  \
        sizeof(snapjar_show_options), SNAPJAR_SHOW_TEXT, 0, 0, 0, 0                                                    \
    }

/** Writes a picture of the graph. `options` may be NULL. */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_graph_show(snapjar_graph *graph, snapjar_sink *sink,
                                                                 const snapjar_show_options *options,
                                                                 snapjar_error *err);

/* ---- what changed ---- */

typedef enum snapjar_change {
    /** A value of the same type has another value. */
    SNAPJAR_CHANGE_VALUE = 0,
    SNAPJAR_CHANGE_ADDED = 1,
    SNAPJAR_CHANGE_REMOVED = 2,
    /** A value has another type ("int", "list"). */
    SNAPJAR_CHANGE_TYPE = 3,
    /** An object has another class or module, or another callable made it. */
    SNAPJAR_CHANGE_CLASS = 4,
    /** Objects that were one are two, or the reverse: `old_text` and `new_text` tell the path of the other. */
    SNAPJAR_CHANGE_SHARING = 5,
    /** Of a class, once for each: fields that its objects have only in the second graph, or only in the first. */
    SNAPJAR_CHANGE_FIELD_ADDED = 6,
    SNAPJAR_CHANGE_FIELD_REMOVED = 7
} snapjar_change;

/** The name of a change ("field-added"). Static; "unknown" for a number that is none. */
SNAPJAR_API const char *snapjar_change_name(snapjar_change change);

/** All texts are printable ASCII, end with NUL, and are valid during the call only. */
typedef struct snapjar_difference {
    snapjar_change change;
    /** Where in the value: ".progress", "[3]", "['key']"; "" for the root. Of a layout change: the class, "module:Name". */
    const char *path;
    /** Shortened pictures of the values; "" if there is none. Of a layout change: the field's name in one of them. */
    const char *old_text;
    const char *new_text;
    /** Of the opcodes that made the values, or SNAPJAR_OFFSET_NONE. */
    uint64_t old_offset;
    uint64_t new_offset;
} snapjar_difference;

/** Called for each difference, in the order of the first graph. Anything but SNAPJAR_OK ends the comparison. */
typedef snapjar_status snapjar_diff_report(void *state, const snapjar_difference *difference, snapjar_error *err);

typedef struct snapjar_diff_options {
    /** sizeof(snapjar_diff_options) of the program. */
    size_t struct_size;
    /** Bytes of one picture of a value. Default 80. */
    uint64_t text_size_max;
    /** Differences reported; beyond it the comparison ends with SNAPJAR_OK. 0: all. */
    uint64_t difference_count_max;
    /** Whether to leave out SNAPJAR_CHANGE_SHARING. */
    bool ignores_sharing;
} snapjar_diff_options;

#define SNAPJAR_DIFF_OPTIONS_INIT                                                                                      \
    {                                                                                                                  \
        sizeof(snapjar_diff_options), 0, 0, false                                                                      \
    }

/** Compares two graphs, which may be one. `report` and `options` may be NULL; `*difference_count` is what there was. */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_graph_diff(uint64_t *difference_count, snapjar_graph *old_graph,
                                                                 snapjar_graph *new_graph, snapjar_diff_report *report,
                                                                 void *state, const snapjar_diff_options *options,
                                                                 snapjar_error *err);

/* ---- opcodes ---- */

typedef struct snapjar_dis_options {
    /** sizeof(snapjar_dis_options) of the program. */
    size_t struct_size;
    /** Bytes shown of one argument. Default 60. */
    uint64_t argument_size_max;
    /** Offset of the first byte; all offsets count from there. */
    uint64_t base_offset;
    /** Opcodes shown. 0: all. */
    uint64_t opcode_count_max;
} snapjar_dis_options;

#define SNAPJAR_DIS_OPTIONS_INIT                                                                                       \
    {                                                                                                                  \
        sizeof(snapjar_dis_options), 0, 0, 0                                                                           \
    }

/**
 * Writes a line for each opcode of the pickle at the start of `bytes`: offset, name, argument, the depth of the stack
 * before and after it, and what is then on top. Goes as far as opcodes can be told, also past what no loader could do
 * (which its line says), up to STOP. `options` and `dis_size` (how many bytes the pickle has) may be NULL. Fails as
 * snapjar_pickle_measure does, after the lines before that.
 */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_pickle_dis(size_t *dis_size, snapjar_context *context,
                                                                 const void *bytes, size_t size, snapjar_sink *sink,
                                                                 const snapjar_dis_options *options,
                                                                 snapjar_error *err);

#ifdef __cplusplus
}
#endif
#endif
