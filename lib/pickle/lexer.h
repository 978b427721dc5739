/* SPDX-License-Identifier: MIT
 *
 * Bytes to opcodes with the span of their argument: zero-copy, resumable at any byte, never allocates. It knows where
 * an argument ends and nothing of what it means: text is not looked at beyond its newline, because `pack` stores any
 * whole pickle and readers disagree on what text a number may have. Everything else in lib/pickle/ stands on it.
 *
 * Use: sj_lexer_init, then sj_lexer_feed for each chunk, and sj_lexer_next until a token comes that is not whole: then
 * the chunk is used up. A caller in a hurry calls sj_lexer_step in a loop of its own between tokens; see measure.c.
 */
#ifndef SJ_PICKLE_LEXER_H
#define SJ_PICKLE_LEXER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pickle/opcodes.h"
#include "util/bytes.h"
#include "util/error.h"

/**
 * An opcode and its argument. Pointers are valid until the next sj_lexer_feed, and to an argument of fixed size until
 * the next token.
 */
typedef struct sj_token {
    /** False: the chunk ended first. `opcode` and `offset` then tell the unfinished token if there is one. */
    bool is_whole;
    uint8_t opcode;
    /** Where the opcode's byte is. */
    uint64_t offset;
    /**
     * The argument without its length prefix and without its last newline; a pair of lines keeps the newline between
     * them. NULL if a counted or text argument straddles chunks. An argument of fixed size is always here. Not NULL if
     * there is no argument (`size` is 0).
     */
    const uint8_t *data;
    /** Bytes of the whole argument, straddled or not; of an unfinished token what is known of it so far. */
    uint64_t size;
    /**
     * While `data` is NULL: the part of a counted or text argument that lies in this chunk. The pieces of the
     * unfinished tokens and of the whole one that ends them are, one after another, the argument.
     */
    const uint8_t *piece;
    size_t piece_size;
} sj_token;

/** How far the lexer is in a token. */
typedef enum sj_lexer_state {
    SJ_LEXER_BETWEEN,
    /** Gathering an argument or length prefix of fixed size. */
    SJ_LEXER_FIXED,
    /** Stepping over a counted argument. */
    SJ_LEXER_COUNTED,
    /** Looking for a newline. */
    SJ_LEXER_LINE
} sj_lexer_state;

/** Fixed size; may be copied while no token points into it. The fields are private but for those of sj_lexer_step. */
typedef struct sj_lexer {
    const uint8_t *chunk;
    const uint8_t *position;
    const uint8_t *end;
    /** Offset of chunk[0]. */
    uint64_t chunk_offset;
    uint64_t base_offset;
    uint64_t line_size_max;

    sj_lexer_state state;
    uint8_t opcode;
    uint8_t lines_left;
    uint8_t carry_size;
    uint8_t carry[16];
    uint64_t token_offset;
    /** Bytes of the argument: all of them if counted, those before this chunk if lines. */
    uint64_t argument_size;
    /** Bytes of a counted argument still to come. */
    uint64_t counted_left;
    /** Bytes of the current line before this chunk, and where it begins. */
    uint64_t line_size;
    uint64_t line_offset;
} sj_lexer;

/** Prepares for a pickle whose first byte has offset `base_offset`. `line_size_max` is the longest line allowed. */
void sj_lexer_init(sj_lexer *lexer, uint64_t line_size_max, uint64_t base_offset);

/** Hands over the next chunk, borrowed until the next one. The last one must be used up, or what is left of it is lost.
 */
void sj_lexer_feed(sj_lexer *lexer, const void *bytes, size_t size);

/**
 * The next token; not whole if the chunk ended first. Goes on after a STOP as before it: the caller decides what that
 * means. Fails with `pickle-opcode-unknown`, `pickle-argument-invalid`, `pickle-protocol-unsupported` or
 * `pickle-line-too-long`, at the same byte however the pickle was cut into chunks; nothing may follow a failure.
 */
snapjar_status sj_lexer_next(sj_lexer *lexer, sj_token *token, snapjar_error *err) __attribute__((warn_unused_result));

/** Raises `pickle-empty` if nothing was fed, or else `pickle-cut-short` at the end of what was. */
snapjar_status sj_lexer_raise_end(const sj_lexer *lexer, snapjar_error *err) __attribute__((cold, warn_unused_result));

/** The offset of a byte of the current chunk. */
static inline uint64_t sj_lexer_offset(const sj_lexer *lexer, const uint8_t *position)
{
    return lexer->chunk_offset + (uint64_t)(position - lexer->chunk);
}

/** Bytes fed so far. */
static inline uint64_t sj_lexer_fed_size(const sj_lexer *lexer)
{
    return sj_lexer_offset(lexer, lexer->end) - lexer->base_offset;
}

/**
 * The fast path: the token at `position`, which must be between tokens, and where the next one begins; NULL if the
 * token is not a usual one that lies whole in this chunk, and sj_lexer_next must see to it (with `lexer->position` set
 * back to `position`). Never gives STOP, PROTO, FRAME, NEXT_BUFFER or READONLY_BUFFER. `end` is `lexer->end`, held in a
 * register.
 *
 * The common sizes have branches of their own: a predicted branch lets the processor go on to the next opcode before
 * the table has answered, where adding the table's answer to `position` would wait for it each time (twice as slow).
 */
static inline const uint8_t *sj_lexer_step(const sj_lexer *lexer, const uint8_t *position, const uint8_t *end,
                                           sj_token *token)
{
    /* The opcode and its longest argument of fixed size or length prefix. */
    if (end - position < SJ_SHAPE_FIXED_MAX)
        return NULL;
    const uint8_t shape = sj_opcode_fast_shapes[*position];
    const uint8_t *data = position + 1;
    uint64_t size;
    token->is_whole = true;
    token->opcode = *position;
    token->offset = sj_lexer_offset(lexer, position);
    token->piece = NULL;
    token->piece_size = 0;
    if (shape == 1) {
        token->data = data;
        token->size = 0;
        return position + 1;
    }
    if (shape == 2) {
        token->data = data;
        token->size = 1;
        return position + 2;
    }
    if (shape == SJ_SHAPE_COUNTED1) {
        size = position[1];
        data = position + 2;
    } else if (shape == SJ_SHAPE_COUNTED4) {
        size = sj_read_le32(position + 1);
        data = position + 5;
    } else if (shape != SJ_SHAPE_NONE && shape <= SJ_SHAPE_FIXED_MAX) {
        size = (uint64_t)shape - 1;
    } else {
        return NULL;
    }
    if (size > (uint64_t)(end - data))
        return NULL;
    token->data = data;
    token->size = size;
    return data + size;
}

#endif
