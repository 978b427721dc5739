/* SPDX-License-Identifier: MIT
 *
 * A symbolic value: 32 bits that say what kind of thing a loader would have there, and what is worth knowing of it.
 * There is no node behind it: two equal tags need not be the same object.
 */
#ifndef SJ_PICKLE_VALUE_H
#define SJ_PICKLE_VALUE_H

#include <stdbool.h>
#include <stdint.h>

/** Kind in the upper 6 bits, payload in the lower 26. */
typedef uint32_t sj_tag;

#define SJ_PAYLOAD_BITS 26
#define SJ_PAYLOAD_MAX ((UINT32_C(1) << SJ_PAYLOAD_BITS) - 1)

typedef enum sj_kind {
    /** Of the memo only: no entry. */
    SJ_KIND_ABSENT = 0,
    SJ_KIND_NONE,
    SJ_KIND_BOOL,
    SJ_KIND_INT,
    SJ_KIND_FLOAT,
    SJ_KIND_BYTES,
    SJ_KIND_BYTEARRAY,
    /** Payload: 0, or the shape of the fields if it is a pair of states (layout.h). */
    SJ_KIND_TUPLE,
    SJ_KIND_LIST,
    /** Payload: 0, or its shape if it may be a state (layout.h). */
    SJ_KIND_DICT,
    SJ_KIND_SET,
    SJ_KIND_FROZENSET,
    SJ_KIND_BUFFER,
    /** Payload: index of the global that made it. */
    SJ_KIND_INSTANCE,
    /** The result of a call of something computed. */
    SJ_KIND_COMPUTED,
    SJ_KIND_PERSISTENT,
    /** Text; payload: place of its opcode in the current chunk. */
    SJ_KIND_STR_HERE,
    /** Text; payload: its place among the remembered texts (text.h). */
    SJ_KIND_STR_KEPT,
    /** The same, and interned: equal tags if and only if equal texts. */
    SJ_KIND_STR_NAME,
    /** Text that is too long for a name, or was not remembered. */
    SJ_KIND_STR_LOST,
    /** From here on: values that hold a global directly. Payload: index of the global. */
    SJ_KIND_GLOBAL = 32,
    /** A tuple whose first element is a global; no other element was one, or it has been recorded. */
    SJ_KIND_TUPLE_GLOBAL = 33,
    /** A pair of a global and a text, made right above getattr: the arguments of a look-up (effects.h). Payload: index
     * of the global that the look-up gives. */
    SJ_KIND_TUPLE_ATTRIBUTE = 34,
    /** Of the memo only: made more than once; see sj_redefinition. */
    SJ_KIND_REDEFINED = 63
} sj_kind;

/** Set in the tags of values that hold a global, and in no other. */
#define SJ_TAG_HOLDS_GLOBAL (UINT32_C(1) << 31)

/**
 * A value on the stack. If it has a memo entry, that knows the payload, and which kind of text it is: a GET need not
 * load what is seldom asked for, and what is learnt later is learnt of all copies.
 */
typedef struct sj_value {
    sj_tag tag;
    /** Index of its memo entry + 1, or 0; SJ_VALUE_SETTLED may be added. */
    uint32_t memo;
} sj_value;

/** The value and all below it have survived the end of a chunk: no SJ_KIND_STR_HERE among them. */
#define SJ_VALUE_SETTLED (UINT32_C(1) << 31)

static inline sj_tag sj_tag_make(sj_kind kind, uint32_t payload)
{
    return (sj_tag)kind << SJ_PAYLOAD_BITS | payload;
}

static inline sj_kind sj_tag_kind(sj_tag tag)
{
    return (sj_kind)(tag >> SJ_PAYLOAD_BITS);
}

static inline uint32_t sj_tag_payload(sj_tag tag)
{
    return tag & SJ_PAYLOAD_MAX;
}

/** Whether a loader may find any kind of object there. */
static inline bool sj_tag_is_opaque(sj_tag tag)
{
    const sj_kind kind = sj_tag_kind(tag);
    return kind == SJ_KIND_INSTANCE || kind == SJ_KIND_COMPUTED || kind == SJ_KIND_PERSISTENT;
}

static inline bool sj_tag_is_text(sj_tag tag)
{
    return tag >= sj_tag_make(SJ_KIND_STR_HERE, 0) && tag < sj_tag_make((sj_kind)(SJ_KIND_STR_LOST + 1), 0);
}

#endif
