/* SPDX-License-Identifier: MIT
 *
 * Values of a graph in a few words, and what kind of value a person would call them: the bytes, sets and names that
 * older protocols write as calls are told for what they are. Reads graphs, changes nothing.
 */
#ifndef SJ_PICKLE_PICTURE_H
#define SJ_PICKLE_PICTURE_H

#include "pickle/decimal.h"
#include "pickle/graph.h"
#include "pickle/literal.h"

/** What a value is, however it was written. */
typedef enum sj_form {
    SJ_SEEN_NONE = 0,
    SJ_SEEN_BOOL,
    SJ_SEEN_INT,
    SJ_SEEN_FLOAT,
    SJ_SEEN_STR,
    SJ_SEEN_BYTES,
    SJ_SEEN_BYTEARRAY,
    SJ_SEEN_GLOBAL,
    SJ_SEEN_TUPLE,
    SJ_SEEN_LIST,
    SJ_SEEN_DICT,
    SJ_SEEN_SET,
    SJ_SEEN_FROZENSET,
    SJ_SEEN_OBJECT,
    SJ_SEEN_EXTENSION,
    SJ_SEEN_PERSISTENT,
    SJ_SEEN_BUFFER,
    SJ_SEEN_READONLY
} sj_form;

typedef struct sj_seen {
    sj_form form;
    /** Of STR, BYTES, BYTEARRAY: the literal whose characters they are; 0: empty. */
    sj_ref text;
    /** Of a set that is written as a call: the list of its elements, else 0. */
    sj_ref items;
} sj_seen;

/** What a value is. */
sj_seen sj_picture_see(const snapjar_graph *graph, sj_ref ref);

/** Its form alone. Most kinds of nodes have one; calls and text of Python 2 have to be looked at. */
static inline sj_form sj_picture_form(const snapjar_graph *graph, sj_ref ref)
{
    static const uint8_t forms[] = {
        [SJ_NODE_NONE] = SJ_SEEN_NONE,           [SJ_NODE_TRUE] = SJ_SEEN_BOOL,
        [SJ_NODE_FALSE] = SJ_SEEN_BOOL,          [SJ_NODE_INT] = SJ_SEEN_INT,
        [SJ_NODE_FLOAT] = SJ_SEEN_FLOAT,         [SJ_NODE_STR] = SJ_SEEN_STR,
        [SJ_NODE_BYTES] = SJ_SEEN_BYTES,         [SJ_NODE_BYTEARRAY] = SJ_SEEN_BYTEARRAY,
        [SJ_NODE_EXTENSION] = SJ_SEEN_EXTENSION, [SJ_NODE_BUFFER] = SJ_SEEN_BUFFER,
        [SJ_NODE_GLOBAL] = SJ_SEEN_GLOBAL,       [SJ_NODE_TUPLE] = SJ_SEEN_TUPLE,
        [SJ_NODE_FROZENSET] = SJ_SEEN_FROZENSET, [SJ_NODE_LIST] = SJ_SEEN_LIST,
        [SJ_NODE_DICT] = SJ_SEEN_DICT,           [SJ_NODE_SET] = SJ_SEEN_SET,
        [SJ_NODE_NEW] = SJ_SEEN_OBJECT,          [SJ_NODE_NEW_EX] = SJ_SEEN_OBJECT,
        [SJ_NODE_INSTANCE] = SJ_SEEN_OBJECT,     [SJ_NODE_PERSISTENT] = SJ_SEEN_PERSISTENT,
        [SJ_NODE_READONLY] = SJ_SEEN_READONLY,
    };
    const uint8_t kind = sj_graph_node(graph, ref)->kind;
    return kind == SJ_NODE_CALL || kind == SJ_NODE_STR2 ? sj_picture_see(graph, ref).form : (sj_form)forms[kind];
}

/** The literal of a node that has one. */
sj_literal sj_picture_literal(const snapjar_graph *graph, const sj_node *node);

/** "int", "list", "object". Static. */
const char *sj_picture_form_name(sj_form form);

/** Whether it has no parts. */
static inline bool sj_form_is_leaf(sj_form form)
{
    return form <= SJ_SEEN_GLOBAL || form == SJ_SEEN_EXTENSION || form == SJ_SEEN_BUFFER;
}

/** How many elements, or pairs of key and value, a container was made or filled with. */
uint64_t sj_picture_count(const snapjar_graph *graph, sj_ref ref);

/** A global's names as Python 3 looks them up; UTF-8 that may hold anything. Empty if they are computed. */
void sj_picture_names(const snapjar_graph *graph, const sj_node *node, snapjar_text *module, snapjar_text *name);

/** Whether a node is this global. */
bool sj_picture_is_global(const snapjar_graph *graph, sj_ref ref, const char *module, const char *name);

/** Bytes of each part of a name that are written; an escape may make it longer by half. */
#define SJ_PICTURE_NAME_SIZE 512

/** Whether it is a global, or attributes of one by calls of getattr, as older protocols write "Outer.Inner". */
bool sj_picture_is_name(const snapjar_graph *graph, sj_ref ref);

/** What getattr is asked for an attribute of, and `*name`; 0 if it is no such call. */
sj_ref sj_picture_owner(const snapjar_graph *graph, sj_ref ref, sj_ref *name);

/** "module:name" of what sj_picture_is_name, escaped. */
void sj_picture_global(sj_out *out, const snapjar_graph *graph, sj_ref ref);

/**
 * The global that names the class of an object or what made it: the class that copyreg's functions were given, or else
 * the callable. 0 if that is computed. `*skipped` is how many of the arguments are told by it.
 */
sj_ref sj_picture_class(const snapjar_graph *graph, const sj_node *node, uint32_t *skipped);

/** The tuple of arguments of CALL, NEW, NEW_EX; 0 if it is computed. */
sj_ref sj_picture_arguments(const snapjar_graph *graph, const sj_node *node);

/** Digits of an integer as they are compared. */
typedef struct sj_number {
    const uint8_t *data;
    size_t size;
} sj_number;

/** An integer in as few bytes as LONG1 takes, perhaps in `buffer`, or of a longer text the text itself. */
sj_number sj_picture_int(const snapjar_graph *graph, sj_ref ref, uint8_t buffer[SJ_DECIMAL_BYTES_MAX]);
/** The bits of a float. */
uint64_t sj_picture_bits(const snapjar_graph *graph, sj_ref ref);

/** A text or bytes from character `first` on, up to about `text_max` columns. */
void sj_picture_part(sj_out *out, const snapjar_graph *graph, sj_ref ref, uint64_t first, uint64_t text_max);

/** A value without parts; texts, bytes and integers up to about `text_max` columns. */
void sj_picture_leaf(sj_out *out, const snapjar_graph *graph, sj_ref ref, uint64_t text_max);

/** A value with parts, without them: "list of 3", "app:Job". */
void sj_picture_stub(sj_out *out, const snapjar_graph *graph, sj_ref ref);

/** Any value without what is inside: "list of 3", "app:Job"; leaves, and small tuples of leaves, whole. */
void sj_picture_short(sj_out *out, const snapjar_graph *graph, sj_ref ref, uint64_t text_max);

/** Whether sj_picture_short says all of it. */
bool sj_picture_is_small(const snapjar_graph *graph, sj_ref ref);

#endif
