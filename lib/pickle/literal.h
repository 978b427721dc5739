/* SPDX-License-Identifier: MIT
 *
 * Literals of a pickle read and written out as Python would: numbers, texts, bytes, from the bytes of their opcode's
 * argument. Takes any bytes: a text that is no text comes out as escapes. Knows nothing of stacks or graphs.
 */
#ifndef SJ_PICKLE_LITERAL_H
#define SJ_PICKLE_LITERAL_H

#include "pickle/opcodes.h"
#include "pickle/out.h"

/** An opcode's argument as sj_token.data has it. */
typedef struct sj_literal {
    uint8_t opcode;
    const uint8_t *data;
    /** Bytes that are there, and of the whole argument. */
    size_t size;
    uint64_t whole_size;
    /** Text of Python 2 is `bytes`. */
    bool reads_bytes;
} sj_literal;

/** Whether it pushes a str or bytes, of Python 2 or 3. */
bool sj_literal_is_text(uint8_t opcode);

/** Whether what it pushes is made of bytes, not of characters. */
bool sj_literal_is_bytes(const sj_literal *literal);

/**
 * The next code point of a text, or byte of bytes; false at its end. `*at` begins with 0. `*is_byte` tells a byte that
 * is no part of a character.
 */
bool sj_literal_point(const sj_literal *literal, size_t *at, uint32_t *point, bool *is_byte);

/** The argument as a Python literal where it has one, else as it stands; at most `text_max` characters or digits. */
void sj_literal_write(sj_out *out, const sj_literal *literal, uint64_t text_max);

/** The integer that an unsigned argument of 1, 2, 4 or 8 bytes is. */
uint64_t sj_literal_unsigned(const sj_literal *literal);

#endif
