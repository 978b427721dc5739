/* SPDX-License-Identifier: MIT
 *
 * The value of a pickle for people and for programs, without its classes: a tree with paths, objects with their fields,
 * what is shared told once and then referred to, what a policy does not allow marked. Output grows with the number of
 * values, never with what shared references would expand to. Nothing is executed.
 */
#ifndef SNAPJAR_SHOW_H
#define SNAPJAR_SHOW_H

#include <snapjar/graph.h>
#include <snapjar/policy.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum snapjar_show_form {
    /**
     * A tree, one line a value: ".steps[0].name = 'extract'", but each part below what it is a part of. "#3 " before a
     * value that is referred to elsewhere, "=> #3" where it is. A text that is cut is followed by its size.
     */
    SNAPJAR_SHOW_TEXT = 0,
    /**
     * JSON, one object a line for each value that has parts, or is long and shared; the first is the one asked for.
     *   "id"      its number, from 1; "ref" elsewhere means this
     *   "offset"  of its opcode, absent if it was added
     *   "type"    "list", "tuple", "set", "frozenset", "dict", "object", "persistent", "readonly", or that of a leaf
     *   "items" (list, tuple, set, frozenset), "entries" (dict: pairs), "value" (leaf)
     *   "class"   of an object: "module:name", or null if it is computed; "made_by": "call", "new" or "instance"
     *   "parts"   of an object, and of others if something unusual was done to them: ["field", name, value],
     *             ["item", value], ["entry", key, value], ["element", value], ["argument", value],
     *             ["keyword", name, value], ["arguments", value], ["keywords", value], ["callable", value],
     *             ["state", value], ["effect", callable, arguments], ["dropped", value], ["id", value], ["of", value]
     *   "more"    parts that the limit left out
     *   "denied"  what the policy does not allow of it, as words
     * Values: null, true, false, strings, and integers of up to 15 digits are themselves. All others are objects with
     * one key (and "denied"): {"ref": id}, {"int": "decimal" or "0xhex"}, {"float": "as Python's repr"} (and "bits" of
     * an unusual nan), {"bytes": "hex"}, {"bytearray": "hex"}, {"global": "module:name"}, {"extension": code},
     * {"buffer": true}; {"str": "..."} with a lone surrogate, which not every reader of JSON takes.
     */
    SNAPJAR_SHOW_JSON = 1
} snapjar_show_form;

/** Zero means the default. */
typedef struct snapjar_show_options {
    /** sizeof(snapjar_show_options) of the program. */
    size_t struct_size;
    snapjar_show_form form;
    /** Printable characters beyond ASCII come as UTF-8, not as escapes. (In JSON always.) */
    bool is_unicode;
    /** Marks have colours of ANSI terminals. */
    bool has_colour;
    /** Levels below the first value. Default: 8 of text, all of JSON. */
    uint64_t depth_max;
    /** Parts of one value. Default: 30 of text, all of JSON. */
    uint64_t length_max;
    /** Columns that a text, bytes or an integer take, about. Default 60; of JSON all, always. */
    uint64_t text_max;
    /** Where to begin: labels as the text form has them (".steps[0].name"). NULL or "": the whole. */
    const char *path;
    /** What it does not allow is marked; NULL: nothing is. */
    const snapjar_policy *policy;
    /** JSON members that each object begins with ("\"file\":\"a\""); NULL: none. */
    const char *json_prefix;
} snapjar_show_options;

#define SNAPJAR_SHOW_OPTIONS_INIT                                                                                      \
    {                                                                                                                  \
        sizeof(snapjar_show_options), SNAPJAR_SHOW_TEXT, false, false, 0, 0, 0, NULL, NULL, NULL                       \
    }

/** No limit. */
#define SNAPJAR_SHOW_ALL UINT64_MAX

typedef struct snapjar_show_summary {
    /** Lines or objects written. */
    uint64_t line_count;
    /** Values that were marked as denied. */
    uint64_t denied_count;
    /** Parts that a limit left out; what is below them is not counted. */
    uint64_t hidden_count;
} snapjar_show_summary;

/**
 * Writes the graph's value to `sink`, which is not finished. `options` and `summary` may be NULL. Fails with
 * `pickle-path-missing` if the path leads nowhere. Takes 4 bytes a value, and memory for the depth that is shown.
 */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_graph_show(const snapjar_graph *graph, snapjar_sink *sink,
                                                                 const snapjar_show_options *options,
                                                                 snapjar_show_summary *summary, snapjar_error *err);

#ifdef __cplusplus
}
#endif
#endif
