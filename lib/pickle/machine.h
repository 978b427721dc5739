/* SPDX-License-Identifier: MIT
 *
 * The symbolic machine of a scan: the stack, marks and memo of a loader, with tags in place of values. run.c is its
 * fast path for the usual opcodes, execute.c says exactly what each opcode does, machine.c holds what both need.
 * The model is Modules/_pickle.c of CPython: marks are not on the stack, and no opcode reaches below the last mark.
 */
#ifndef SJ_PICKLE_MACHINE_H
#define SJ_PICKLE_MACHINE_H

#include <snapjar/scan.h>

#include "pickle/canonical.h"
#include "pickle/layout.h"
#include "pickle/lexer.h"
#include "pickle/names.h"
#include "pickle/value.h"

/** An argument that straddles chunks is gathered up to this: the longest that anything is read of. */
#define SJ_GATHERED_SIZE 4480
/** A text whose argument is longer is no name, whatever its escapes stand for. */
#define SJ_TEXT_ARGUMENT_MAX 4096
/** Bytes at the beginning of a chunk of which it is known which texts were looked at. */
#define SJ_LOOKED_SIZE 4096
/** A chunk is worked on in pieces of this size, so that places in it fit a payload. */
#define SJ_CHUNK_SIZE_MAX ((size_t)32 << 20)

/** No pickler makes a memo entry twice, but loaders take it, so it is followed a few times. */
#define SJ_REDEFINITION_MAX 64

/** A memo entry that was made more than once. */
typedef struct sj_redefinition {
    size_t index;
    /** Of values that were on the stack before it was made again, and of those that it gives now. */
    sj_tag first;
    sj_tag now;
} sj_redefinition;

typedef struct sj_machine {
    sj_lexer lexer;
    snapjar_context *context;
    /** With all defaults filled in. */
    snapjar_scan_options options;

    sj_value *stack;
    /** One past the last value. */
    sj_value *top;
    size_t stack_capacity;
    uint32_t *marks;
    size_t mark_count;
    size_t mark_capacity;
    /** By index. The kinds are apart because a GET needs no more, and comes to places far from one another. */
    uint8_t *memo_kinds;
    uint32_t *memo_payloads;
    size_t memo_capacity;
    /** Highest index + 1. */
    size_t memo_high;
    size_t memo_count;
    /** Entries below have no SJ_KIND_STR_HERE. */
    size_t memo_settled;
    sj_redefinition redefinitions[SJ_REDEFINITION_MAX];
    size_t redefinition_count;

    sj_texts texts;
    sj_names names;
    sj_layout layout;
    snapjar_scan_finding *findings;
    size_t finding_count;
    size_t finding_capacity;

    uint64_t opcode_count;
    /** Most values so far. */
    size_t stack_high;
    /** In force. */
    int protocol;
    bool has_protocol;
    /** Of opcodes, while there was no PROTO. */
    unsigned protocol_bits;
    /** Where the frame that is open ends, or SNAPJAR_OFFSET_NONE. */
    uint64_t frame_end;
    snapjar_scan_summary summary;
    /** A bit for each place in a chunk: the content of the text there was looked at, not only its form. */
    uint64_t looked[SJ_LOOKED_SIZE / 64];

    /** The argument of a token that straddles chunks. */
    sj_text_check check;
    bool is_checking;
    size_t gathered_size;
    uint8_t gathered[SJ_GATHERED_SIZE];
} sj_machine;

void sj_machine_init(sj_machine *machine, snapjar_context *context, const snapjar_scan_options *options);
void sj_machine_clear(sj_machine *machine);
void sj_machine_reset(sj_machine *machine, uint64_t base_offset);

/** Runs over a chunk of at most SJ_CHUNK_SIZE_MAX bytes, or to STOP. */
snapjar_status sj_machine_feed(sj_machine *machine, const uint8_t *bytes, size_t size, size_t *consumed,
                               snapjar_error *err) __attribute__((warn_unused_result));

/*
 * For whoever looks at every opcode: sj_lexer_feed, then fetch and apply until a token comes that is not whole, or
 * STOP; then settle, before the chunk goes.
 */

/** The next token. What of its argument straddles chunks is gathered (`gathered`). */
snapjar_status sj_machine_fetch(sj_machine *machine, sj_token *token, snapjar_error *err)
    __attribute__((warn_unused_result));
/** Makes room for it and executes it. */
snapjar_status sj_machine_apply(sj_machine *machine, const sj_token *token, snapjar_error *err)
    __attribute__((warn_unused_result));
/** Nothing refers to the chunk afterwards. */
snapjar_status sj_machine_settle(sj_machine *machine, snapjar_error *err) __attribute__((warn_unused_result));

/** One whole token; `token->data` is NULL if it straddled (execute.c). */
snapjar_status sj_machine_execute(sj_machine *machine, const sj_token *token, snapjar_error *err)
    __attribute__((warn_unused_result));

/**
 * Runs over usual opcodes from `position` and returns where it stopped, which is between tokens (run.c). There must be
 * room for `budget` values, marks and memo entries more, and 256 memo entries in any case.
 */
const uint8_t *sj_machine_run(sj_machine *machine, const uint8_t *position, size_t budget);

/** Room for `count` values, marks and memo entries more, as the limits allow: `*granted`. */
snapjar_status sj_machine_reserve(sj_machine *machine, size_t count, size_t *granted, snapjar_error *err)
    __attribute__((warn_unused_result));

/** Memo entries up to `index` are there; the new ones absent. */
snapjar_status sj_machine_reserve_memo(sj_machine *machine, size_t index, snapjar_error *err)
    __attribute__((warn_unused_result));

/** Notes something that no pickler writes. Fails only for want of memory. */
snapjar_status sj_machine_find(sj_machine *machine, snapjar_diagnostic diagnostic, uint64_t offset, snapjar_error *err,
                               const char *format, ...) __attribute__((format(printf, 5, 6), cold, warn_unused_result));

/** Turns SJ_KIND_STR_HERE into SJ_KIND_STR_KEPT or SJ_KIND_STR_LOST. */
snapjar_status sj_machine_keep(sj_machine *machine, sj_tag *tag, snapjar_error *err)
    __attribute__((warn_unused_result));

/** The text of a value if it is known (data NULL otherwise), perhaps in `buffer`; valid until the next token. */
snapjar_text sj_machine_text(sj_machine *machine, const sj_value *value, uint8_t buffer[SNAPJAR_SCAN_NAME_SIZE_MAX]);

/** Interns the text of a value, which becomes SJ_KIND_STR_NAME; `*place` is 0 if it has none. */
snapjar_status sj_machine_intern(sj_machine *machine, sj_value *value, uint64_t offset, uint32_t *place,
                                 snapjar_error *err) __attribute__((warn_unused_result));

/** How the argument of a text opcode, or of PERSID, is written. */
sj_text_form sj_machine_form(uint8_t opcode);

/** Whether a text of Python 2 is read as `bytes`. */
static inline bool sj_machine_reads_bytes(const sj_machine *machine)
{
    return machine->options.string_encoding == SNAPJAR_STRING_BYTES;
}

/** The lowest value that may be taken. */
static inline sj_value *sj_machine_fence(const sj_machine *machine)
{
    return machine->stack + (machine->mark_count > 0 ? machine->marks[machine->mark_count - 1] : 0);
}

/** The entry for a memo index of SJ_KIND_REDEFINED. */
sj_redefinition *sj_machine_redefinition(sj_machine *machine, size_t index);

/** All that is known of a value now. */
static inline sj_tag sj_machine_tag(sj_machine *machine, const sj_value *value)
{
    const uint32_t number = value->memo & ~SJ_VALUE_SETTLED;
    if (number == 0)
        return value->tag;
    const uint32_t kind = machine->memo_kinds[number - 1];
    if (__builtin_expect(kind == SJ_KIND_REDEFINED, 0))
        return sj_machine_redefinition(machine, number - 1)->first;
    return kind << SJ_PAYLOAD_BITS | machine->memo_payloads[number - 1];
}

/** Something was learnt of a value. */
void sj_machine_learn(sj_machine *machine, sj_value *value, sj_tag tag);

#endif
