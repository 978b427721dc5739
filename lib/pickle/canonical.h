/* SPDX-License-Identifier: MIT
 *
 * How picklers write numbers, texts and names, and what every reader reads the same way. Looks at bytes only: knows
 * nothing of stacks. What is not canonical is not necessarily wrong: some reader takes it, and another reads it
 * otherwise or fails.
 */
#ifndef SJ_PICKLE_CANONICAL_H
#define SJ_PICKLE_CANONICAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <snapjar/header.h>

/** CPython's int() refuses more digits than this since 3.11 (sys.int_info.default_max_str_digits). */
#define SJ_DIGITS_MAX 4300

/** The argument of INT: "-12", "00", "01". `*is_bool` for the last two. */
bool sj_is_canonical_int(const uint8_t *data, size_t size, bool *is_bool);
/** The argument of LONG: "-12L". */
bool sj_is_canonical_long(const uint8_t *data, size_t size);
/** The argument of FLOAT as repr or "%.17g" writes it; finite ones must fit a double. */
bool sj_is_canonical_float(const uint8_t *data, size_t size);
/** The argument of PUT and GET, "12"; false also if it is above UINT32_MAX. */
bool sj_read_index(const uint8_t *data, size_t size, uint64_t *index);

/** How the bytes of a text are written. */
typedef enum sj_text_form {
    /** BINUNICODE and its kin: UTF-8, lone surrogates allowed ("surrogatepass"). */
    SJ_FORM_UTF8,
    /** BINSTRING, SHORT_BINSTRING: bytes of Python 2. */
    SJ_FORM_BYTES,
    /** STRING: repr of bytes of Python 2. */
    SJ_FORM_QUOTED,
    /** UNICODE: Latin-1 with \uXXXX and \UXXXXXXXX. */
    SJ_FORM_ESCAPED
} sj_text_form;

/** A check of a text that may come in pieces. The fields are private but for the last three. */
typedef struct sj_text_check {
    sj_text_form form;
    uint8_t state;
    uint8_t quote;
    uint8_t low;
    uint8_t high;
    uint8_t digits_left;
    uint32_t value;
    /** No reader can read it. */
    bool is_invalid;
    /** No pickler writes it. */
    bool is_odd;
    /** Bytes of Python 2 that are not ASCII. */
    bool has_high_bytes;
} sj_text_check;

void sj_text_check_begin(sj_text_check *check, sj_text_form form);
void sj_text_check_add(sj_text_check *check, const uint8_t *data, size_t size);
void sj_text_check_end(sj_text_check *check);

/**
 * The text in UTF-8 (lone surrogates kept), of one that a check found valid. False if it has more than `out_size`
 * bytes. Bytes of Python 2 are read as Latin-1.
 */
bool sj_text_decode(sj_text_form form, const uint8_t *data, size_t size, uint8_t *out, size_t out_size,
                    size_t *decoded_size);

/** Whether bytes of an ASCII text only; `end` is how far may be read. */
bool sj_is_ascii(const uint8_t *data, size_t size);

/** Whether valid UTF-8, lone surrogates allowed. */
bool sj_is_utf8(const uint8_t *data, size_t size);

/**
 * Whether a module's or a global's name has the form of one: no spaces, control characters, quotes, backslashes,
 * colons or lone surrogates, and parts between dots that are not empty.
 */
bool sj_is_canonical_name(snapjar_text name);

#endif
