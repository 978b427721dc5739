/* SPDX-License-Identifier: MIT
 *
 * The opcode table, the lexer, the measuring of a pickle and the putting back of buffers. test_opcodes.py compares the
 * same code with Python's own reader.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pickle/inband.h"
#include "pickle/measure.h"

#define SAMPLE_SIZE_MAX 512
#define LENGTH(array) (sizeof(array) / sizeof *(array))

/** A literal without its NUL. */
#define BYTES(literal) (literal), sizeof(literal) - 1

typedef struct outcome {
    snapjar_status status;
    snapjar_diagnostic diagnostic;
    uint64_t offset;
    snapjar_pickle_extent extent;
} outcome;

static void assert_same_outcome(const outcome *a, const outcome *b)
{
    assert_int_equal(a->status, b->status);
    assert_int_equal(a->diagnostic, b->diagnostic);
    assert_int_equal(a->offset, b->offset);
    assert_int_equal(a->extent.size, b->extent.size);
    assert_int_equal(a->extent.opcode_count, b->extent.opcode_count);
    assert_int_equal(a->extent.buffer_count, b->extent.buffer_count);
    assert_int_equal(a->extent.protocol, b->extent.protocol);
}

static outcome measure_whole(const void *bytes, size_t size, uint64_t line_size_max)
{
    outcome got = {0};
    snapjar_error err = {0};
    snapjar_limits limits = SNAPJAR_LIMITS_INIT;
    limits.pickle_line_size_max = line_size_max;
    memset(&got.extent, 0xee, sizeof got.extent);
    got.status = snapjar_pickle_measure(&got.extent, bytes, size, &limits, &err);
    got.diagnostic = err.diagnostic;
    got.offset = err.offset;
    if (got.status != SNAPJAR_OK) {
        assert_int_equal(err.status, got.status);
        assert_int_equal(err.space, SNAPJAR_SPACE_CONTENT);
        assert_true(strlen(err.message) > 10);
    }
    return got;
}

/** Measures in chunks that end at `cuts` (ascending), each in a block of its own size so that a sanitizer sees
 * overreads. */
static outcome measure_cut(const uint8_t *bytes, size_t size, const size_t *cuts, size_t cut_count,
                           uint64_t line_size_max, uint64_t base_offset)
{
    outcome got = {0};
    snapjar_error err = {0};
    snapjar_limits limits = {.pickle_line_size_max = line_size_max};
    sj_measure measure;
    size_t from = 0;
    sj_measure_init(&measure, &limits, base_offset);
    for (size_t i = 0; i <= cut_count && got.status == SNAPJAR_OK; i++) {
        size_t until = i < cut_count ? cuts[i] : size;
        size_t consumed = 99;
        uint8_t *chunk = malloc(until - from + 1);
        assert_non_null(chunk);
        uint8_t *tight = realloc(chunk, until - from > 0 ? until - from : 1);
        assert_non_null(tight);
        if (until > from)
            memcpy(tight, bytes + from, until - from);
        bool was_done = sj_measure_is_done(&measure);
        got.status = sj_measure_feed(&measure, tight, until - from, &consumed, &err);
        if (got.status != SNAPJAR_OK || was_done)
            assert_int_equal(consumed, 0);
        else if (sj_measure_is_done(&measure))
            assert_int_equal(from + consumed, measure.extent.size);
        else
            assert_int_equal(consumed, until - from);
        free(tight);
        from = until;
    }
    if (got.status == SNAPJAR_OK)
        got.status = sj_measure_finish(&measure, &err);
    got.diagnostic = err.diagnostic;
    got.offset = err.offset;
    if (got.status == SNAPJAR_OK)
        got.extent = measure.extent;
    return got;
}

static void assert_fails(outcome got, snapjar_status status, snapjar_diagnostic diagnostic, uint64_t offset)
{
    outcome expected = {.status = status, .diagnostic = diagnostic, .offset = offset};
    assert_same_outcome(&got, &expected);
}

static void assert_extent(outcome got, uint64_t size, uint64_t opcode_count, uint64_t buffer_count, int protocol)
{
    assert_int_equal(got.status, SNAPJAR_OK);
    assert_int_equal(got.extent.size, size);
    assert_int_equal(got.extent.opcode_count, opcode_count);
    assert_int_equal(got.extent.buffer_count, buffer_count);
    assert_int_equal(got.extent.protocol, protocol);
}

/* ---- the table ---- */

static void table_has_all_opcodes_once(void **state)
{
    (void)state;
    size_t found = 0;
    for (unsigned code = 0; code < 256; code++) {
        const snapjar_opcode_info *info = snapjar_opcode_find((uint8_t)code);
        assert_int_equal(info != NULL, sj_opcode_shapes[code] != SJ_SHAPE_NONE);
        assert_int_equal(info != NULL, sj_opcode_protocol_bits[code] != 0);
        if (info == NULL)
            continue;
        assert_int_equal(info->code, code);
        assert_ptr_equal(info, snapjar_opcode_at(found));
        assert_int_equal(sj_opcode_protocol_bits[code], 1 << info->protocol);
        found++;
    }
    assert_int_equal(found, 68);
    assert_null(snapjar_opcode_at(68));
    assert_null(snapjar_opcode_at(SIZE_MAX));
    assert_string_equal(snapjar_opcode_find('.')->name, "STOP");
    assert_string_equal(snapjar_opcode_find(0x98)->name, "READONLY_BUFFER");
    assert_int_equal(SJ_OP_BINPUT, 'q');
}

static void argument_names_are_those_of_pickletools(void **state)
{
    (void)state;
    assert_string_equal(snapjar_argument_name(SNAPJAR_ARGUMENT_NONE), "none");
    assert_string_equal(snapjar_argument_name(SNAPJAR_ARGUMENT_STRINGNL_NOESCAPE_PAIR), "stringnl_noescape_pair");
    assert_string_equal(snapjar_argument_name(SNAPJAR_ARGUMENT_LONG4), "long4");
    assert_string_equal(snapjar_argument_name((snapjar_argument)(SNAPJAR_ARGUMENT_LONG4 + 1)), "unknown");
    for (int i = 0; i <= (int)SNAPJAR_ARGUMENT_LONG4; i++)
        assert_non_null(snapjar_argument_name((snapjar_argument)i));
}

/* ---- every opcode and argument form ---- */

/** Writes an argument of the given form; returns its size. `*data` and `*data_size` are what a token must show of it.
 */
static size_t make_argument(snapjar_argument form, uint8_t *out, size_t *data, size_t *data_size)
{
    static const char text[] = "ab\ncd\n";
    size_t fixed = 0, prefix = 0, lines = 0;
    switch (form) {
    case SNAPJAR_ARGUMENT_NONE:
        break;
    case SNAPJAR_ARGUMENT_UINT1:
        fixed = 1;
        break;
    case SNAPJAR_ARGUMENT_UINT2:
        fixed = 2;
        break;
    case SNAPJAR_ARGUMENT_INT4:
    case SNAPJAR_ARGUMENT_UINT4:
        fixed = 4;
        break;
    case SNAPJAR_ARGUMENT_UINT8:
    case SNAPJAR_ARGUMENT_FLOAT8:
        fixed = 8;
        break;
    case SNAPJAR_ARGUMENT_DECIMALNL_SHORT:
    case SNAPJAR_ARGUMENT_DECIMALNL_LONG:
    case SNAPJAR_ARGUMENT_FLOATNL:
    case SNAPJAR_ARGUMENT_STRINGNL:
    case SNAPJAR_ARGUMENT_STRINGNL_NOESCAPE:
    case SNAPJAR_ARGUMENT_UNICODESTRINGNL:
        lines = 1;
        break;
    case SNAPJAR_ARGUMENT_STRINGNL_NOESCAPE_PAIR:
        lines = 2;
        break;
    case SNAPJAR_ARGUMENT_STRING1:
    case SNAPJAR_ARGUMENT_BYTES1:
    case SNAPJAR_ARGUMENT_UNICODESTRING1:
    case SNAPJAR_ARGUMENT_LONG1:
        prefix = 1;
        break;
    case SNAPJAR_ARGUMENT_STRING4:
    case SNAPJAR_ARGUMENT_BYTES4:
    case SNAPJAR_ARGUMENT_UNICODESTRING4:
    case SNAPJAR_ARGUMENT_LONG4:
        prefix = 4;
        break;
    case SNAPJAR_ARGUMENT_BYTES8:
    case SNAPJAR_ARGUMENT_BYTEARRAY8:
    case SNAPJAR_ARGUMENT_UNICODESTRING8:
        prefix = 8;
        break;
    }
    if (lines > 0) {
        memcpy(out, text, 3 * lines);
        *data = 0;
        *data_size = 3 * lines - 1;
        return 3 * lines;
    }
    if (prefix > 0) {
        /* What is counted looks like the end of a pickle, so that a wrong count does not go unseen. */
        memset(out, 0, prefix);
        out[0] = 5;
        memcpy(out + prefix, ".\n.\xff.", 5);
        *data = prefix;
        *data_size = 5;
        return prefix + 5;
    }
    for (size_t i = 0; i < fixed; i++)
        out[i] = (uint8_t)(5 - i % 5);
    *data = 0;
    *data_size = fixed;
    return fixed;
}

static void every_opcode_is_stepped_over_whole_and_cut(void **state)
{
    (void)state;
    for (size_t row = 0; row < 68; row++) {
        const snapjar_opcode_info *info = snapjar_opcode_at(row);
        uint8_t pickle[64] = {info->code};
        size_t data, data_size;
        size_t size = 1 + make_argument(info->argument, pickle + 1, &data, &data_size);
        const size_t token_size = size;
        const bool is_stop = info->code == SJ_OP_STOP;
        if (!is_stop)
            pickle[size++] = '.';
        int protocol = info->code == SJ_OP_PROTO ? 5 : info->protocol;
        assert_extent(measure_whole(pickle, size, 0), size, is_stop ? 1 : 2, info->code == SJ_OP_NEXT_BUFFER, protocol);

        /* Once at the end of a chunk (slow path) and once with room behind it (fast path). */
        for (size_t room = 0; room <= 16; room += 16) {
            sj_lexer lexer;
            sj_token token;
            sj_lexer_init(&lexer, 100, 1000);
            sj_lexer_feed(&lexer, pickle, size + room);
            const uint8_t *next = sj_lexer_step(&lexer, lexer.position, lexer.end, &token);
            if (next == NULL) {
                assert_int_equal(sj_lexer_next(&lexer, &token, NULL), SNAPJAR_OK);
                next = lexer.position;
            }
            assert_true(token.is_whole);
            assert_int_equal(token.opcode, info->code);
            assert_int_equal(token.offset, 1000);
            assert_ptr_equal(token.data, pickle + 1 + data);
            assert_int_equal(token.size, data_size);
            assert_ptr_equal(next, pickle + token_size);
        }

        for (size_t cut = 0; cut < size; cut++)
            assert_fails(measure_whole(pickle, cut, 0), SNAPJAR_CUT_SHORT,
                         cut == 0 ? SNAPJAR_DIAG_PICKLE_EMPTY : SNAPJAR_DIAG_PICKLE_CUT_SHORT, cut);
    }
}

static void fast_path_leaves_out_what_callers_look_at(void **state)
{
    (void)state;
    static const uint8_t looked_at[] = {SJ_OP_STOP, SJ_OP_PROTO, SJ_OP_FRAME, SJ_OP_NEXT_BUFFER, SJ_OP_READONLY_BUFFER};
    for (size_t i = 0; i < sizeof looked_at; i++)
        assert_int_equal(sj_opcode_fast_shapes[looked_at[i]], SJ_SHAPE_NONE);
    /* Eight bytes are fewer than any opcode may need, so the fast path does not begin. */
    sj_lexer lexer;
    sj_token token;
    sj_lexer_init(&lexer, 100, 0);
    sj_lexer_feed(&lexer, "NNNNNNNN", 8);
    assert_null(sj_lexer_step(&lexer, lexer.position, lexer.end, &token));
}

/* ---- whole and in pieces ---- */

static const struct sample {
    const char *bytes;
    size_t size;
    uint64_t opcode_count;
    uint64_t buffer_count;
    int protocol;
} samples[] = {
    {BYTES("N."), 2, 0, 0},
    /* {'a': [1, 2.5]}, protocol 0; dict, list, GLOBAL and INST. */
    {BYTES("(dp0\nVa\np1\n(lp2\nI1\naF2.5\nas."), 14, 0, 0},
    {BYTES("(cos.path\njoin\np0\nipkg.mod\nName\np1\nL10L\n0."), 8, 0, 0},
    /* Empty lines, and one of an opcode that has two. */
    {BYTES("c\n\nP\nV\n."), 4, 0, 0},
    /* Protocol 1 without PROTO, 2 by its opcode, 4 by its opcode. */
    {BYTES("]q\0(K\1K\2e."), 7, 0, 1},
    {BYTES("]q\0(K\1\x88"
           "e."),
     7, 0, 2},
    {BYTES("\x8c\2hi\x94."), 3, 0, 4},
    /* A PROTO that does not come first changes nothing but counts as an opcode of protocol 2. */
    {BYTES("N0\x80\4N."), 5, 0, 2},
    {BYTES("\x80\2\x80\5N."), 4, 0, 2},
    /* PROTO comes first and says less than the opcodes do. */
    {BYTES("\x80\2\x97\x8c\1"
           "a0."),
     5, 1, 2},
    /* Every length prefix with argument. */
    {BYTES("\x80\5C\3abcB\2\0\0\0xyX\1\0\0\0uT\1\0\0\0sU\1t\x8a\1\x01\x8b\2\0\0\0\1\1."), 9, 0, 5},
    {BYTES("\x80\5\x8c\1u\x8d\1\0\0\0\0\0\0\0v\x8e\2\0\0\0\0\0\0\0..\x96\3\0\0\0\0\0\0\0\n\n\n."), 6, 0, 5},
    /* Every length prefix with nothing behind it. */
    {BYTES("\x80\5C\0B\0\0\0\0X\0\0\0\0T\0\0\0\0U\0\x8a\0\x8b\0\0\0\0\x8c\0\x8d\0\0\0\0\0\0\0\0."), 11, 0, 5},
    /* Fixed arguments, frames, buffers. */
    {BYTES("\x80\5\x95\x1d\0\0\0\0\0\0\0]\x94(K\1M\2\3J\4\5\6\7G@\4\0\0\0\0\0\0h\0j\0\0\0\0\x97\x98\x97"
           "e."),
     16, 2, 5},
};

/** What the lexer says of a pickle, with arguments put together from their pieces. */
typedef struct trace {
    size_t token_count;
    struct {
        uint8_t opcode;
        uint64_t offset;
        size_t size;
        uint8_t argument[SAMPLE_SIZE_MAX];
    } tokens[24];
} trace;

static void trace_cut(trace *out, const struct sample *sample, const size_t *cuts, size_t cut_count)
{
    sj_lexer lexer;
    sj_token token;
    size_t from = 0, piece_size = 0;
    memset(out, 0, sizeof *out);
    sj_lexer_init(&lexer, 100, 7);
    for (size_t i = 0; i <= cut_count; i++) {
        size_t until = i < cut_count ? cuts[i] : sample->size;
        sj_lexer_feed(&lexer, sample->bytes + from, until - from);
        for (;;) {
            assert_true(out->token_count < LENGTH(out->tokens));
            uint8_t *argument = out->tokens[out->token_count].argument;
            assert_int_equal(sj_lexer_next(&lexer, &token, NULL), SNAPJAR_OK);
            if (token.data == NULL && token.piece_size > 0) {
                memcpy(argument + piece_size, token.piece, token.piece_size);
                piece_size += token.piece_size;
            }
            if (!token.is_whole)
                break;
            if (token.data != NULL) {
                assert_int_equal(piece_size, 0);
                memcpy(argument, token.data, (size_t)token.size);
            } else {
                assert_int_equal(piece_size, token.size);
            }
            out->tokens[out->token_count].opcode = token.opcode;
            out->tokens[out->token_count].offset = token.offset;
            out->tokens[out->token_count].size = (size_t)token.size;
            out->token_count++;
            piece_size = 0;
        }
        from = until;
    }
}

static void samples_measure_the_same_however_they_are_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(samples); i++) {
        const struct sample *sample = &samples[i];
        const uint8_t *bytes = (const uint8_t *)sample->bytes;
        static trace whole, cut;
        size_t each[SAMPLE_SIZE_MAX];
        outcome expected = measure_whole(bytes, sample->size, 0);
        assert_extent(expected, sample->size, sample->opcode_count, sample->buffer_count, sample->protocol);
        trace_cut(&whole, sample, NULL, 0);
        assert_int_equal(whole.token_count, sample->opcode_count);
        for (size_t a = 0; a <= sample->size; a++) {
            each[a] = a + 1;
            for (size_t b = a; b <= sample->size; b++) {
                const size_t cuts[] = {a, b};
                outcome got = measure_cut(bytes, sample->size, cuts, 2, 0, 0);
                assert_same_outcome(&got, &expected);
                trace_cut(&cut, sample, cuts, 2);
                assert_memory_equal(&cut, &whole, sizeof cut);
            }
        }
        outcome got = measure_cut(bytes, sample->size, each, sample->size - 1, 0, 0);
        assert_same_outcome(&got, &expected);
        trace_cut(&cut, sample, each, sample->size - 1);
        assert_memory_equal(&cut, &whole, sizeof cut);
        /* Every truncation, in two chunks. */
        for (size_t size = 0; size < sample->size; size++) {
            const size_t half = size / 2;
            got = measure_cut(bytes, size, &half, 1, 0, 0);
            assert_fails(got, SNAPJAR_CUT_SHORT, size == 0 ? SNAPJAR_DIAG_PICKLE_EMPTY : SNAPJAR_DIAG_PICKLE_CUT_SHORT,
                         size);
        }
    }
}

static void bytes_after_stop_are_not_looked_at(void **state)
{
    (void)state;
    assert_extent(measure_whole(BYTES("N.\xff\xff\xff"), 0), 2, 2, 0, 0);
    sj_measure measure;
    size_t consumed;
    sj_measure_init(&measure, NULL, 0);
    assert_int_equal(sj_measure_feed(&measure, "K", 1, &consumed, NULL), SNAPJAR_OK);
    assert_int_equal(consumed, 1);
    assert_false(sj_measure_is_done(&measure));
    assert_int_equal(sj_measure_feed(&measure, "\1.N.", 4, &consumed, NULL), SNAPJAR_OK);
    assert_int_equal(consumed, 2);
    assert_true(sj_measure_is_done(&measure));
    assert_int_equal(sj_measure_feed(&measure, "\xff", 1, &consumed, NULL), SNAPJAR_OK);
    assert_int_equal(consumed, 0);
    assert_int_equal(sj_measure_finish(&measure, NULL), SNAPJAR_OK);
    assert_int_equal(measure.extent.size, 3);
    assert_int_equal(measure.extent.opcode_count, 2);
}

static void lexer_tells_the_unfinished_token(void **state)
{
    (void)state;
    sj_lexer lexer;
    sj_token token;
    sj_lexer_init(&lexer, 100, 10);
    sj_lexer_feed(&lexer, "NX\5\0\0\0ab", 8);
    assert_int_equal(sj_lexer_next(&lexer, &token, NULL), SNAPJAR_OK);
    assert_true(token.is_whole);
    assert_int_equal(sj_lexer_next(&lexer, &token, NULL), SNAPJAR_OK);
    assert_false(token.is_whole);
    assert_int_equal(token.opcode, 'X');
    assert_int_equal(token.offset, 11);
    assert_int_equal(token.size, 5);
    assert_null(token.data);
    assert_int_equal(token.piece_size, 2);
    sj_lexer_feed(&lexer, "cde", 3);
    assert_int_equal(sj_lexer_next(&lexer, &token, NULL), SNAPJAR_OK);
    assert_true(token.is_whole);
    assert_null(token.data);
    assert_int_equal(token.size, 5);
    assert_memory_equal(token.piece, "cde", 3);
    assert_int_equal(sj_lexer_fed_size(&lexer), 11);
    assert_int_equal(sj_lexer_next(&lexer, &token, NULL), SNAPJAR_OK);
    assert_false(token.is_whole);
    assert_int_equal(token.offset, 21);
}

/* ---- what is wrong, and where ---- */

static const struct bad {
    const char *bytes;
    size_t size;
    snapjar_status status;
    snapjar_diagnostic diagnostic;
    uint64_t offset;
} bads[] = {
    {BYTES("\xff."), SNAPJAR_DAMAGED, SNAPJAR_DIAG_PICKLE_OPCODE_UNKNOWN, 0},
    {BYTES("\x80\4N\0."), SNAPJAR_DAMAGED, SNAPJAR_DIAG_PICKLE_OPCODE_UNKNOWN, 3},
    {BYTES("NNNNNNNNNNNNNNNN\x99NNNNNNNNN."), SNAPJAR_DAMAGED, SNAPJAR_DIAG_PICKLE_OPCODE_UNKNOWN, 16},
    /* A length of -1, and the least that is negative, also when its last byte is missing nothing behind it. */
    {BYTES("NT\xff\xff\xff\xff."), SNAPJAR_DAMAGED, SNAPJAR_DIAG_PICKLE_ARGUMENT_INVALID, 2},
    {BYTES("T\0\0\0\x80"), SNAPJAR_DAMAGED, SNAPJAR_DIAG_PICKLE_ARGUMENT_INVALID, 1},
    {BYTES("\x80\2\x8b\0\0\0\x80NNNNNNN."), SNAPJAR_DAMAGED, SNAPJAR_DIAG_PICKLE_ARGUMENT_INVALID, 3},
    /* The largest that is not negative only lacks its bytes; a length that is unsigned may have its high bit. */
    {BYTES("T\xff\xff\xff\x7f."), SNAPJAR_CUT_SHORT, SNAPJAR_DIAG_PICKLE_CUT_SHORT, 6},
    {BYTES("X\xff\xff\xff\xff."), SNAPJAR_CUT_SHORT, SNAPJAR_DIAG_PICKLE_CUT_SHORT, 6},
    {BYTES("B\0\0\0\x80NNNNNNNNNNNN."), SNAPJAR_CUT_SHORT, SNAPJAR_DIAG_PICKLE_CUT_SHORT, 18},
    {BYTES("\x8e\xff\xff\xff\xff\xff\xff\xff\xff."), SNAPJAR_CUT_SHORT, SNAPJAR_DIAG_PICKLE_CUT_SHORT, 10},
    {BYTES("\x96\0\0\0\0\0\0\0\x80."), SNAPJAR_CUT_SHORT, SNAPJAR_DIAG_PICKLE_CUT_SHORT, 10},
    {BYTES("\x8d\xfe\xff\xff\xff\xff\xff\xff\x7f."), SNAPJAR_CUT_SHORT, SNAPJAR_DIAG_PICKLE_CUT_SHORT, 10},
    /* One byte less than the length. */
    {BYTES("\x8c\2."), SNAPJAR_CUT_SHORT, SNAPJAR_DIAG_PICKLE_CUT_SHORT, 3},
    {BYTES("X\xb\0\0\0NNNNNNNNN."), SNAPJAR_CUT_SHORT, SNAPJAR_DIAG_PICKLE_CUT_SHORT, 15},
    {BYTES("\x80\6N."), SNAPJAR_UNSUPPORTED, SNAPJAR_DIAG_PICKLE_PROTOCOL_UNSUPPORTED, 1},
    {BYTES("\x80\xff"), SNAPJAR_UNSUPPORTED, SNAPJAR_DIAG_PICKLE_PROTOCOL_UNSUPPORTED, 1},
    {BYTES("\x80\4N0\x80\6N."), SNAPJAR_UNSUPPORTED, SNAPJAR_DIAG_PICKLE_PROTOCOL_UNSUPPORTED, 5},
    {BYTES("\x80"), SNAPJAR_CUT_SHORT, SNAPJAR_DIAG_PICKLE_CUT_SHORT, 1},
    {BYTES("I12"), SNAPJAR_CUT_SHORT, SNAPJAR_DIAG_PICKLE_CUT_SHORT, 3},
    {BYTES("cos\nsystem."), SNAPJAR_CUT_SHORT, SNAPJAR_DIAG_PICKLE_CUT_SHORT, 11},
    {BYTES(""), SNAPJAR_CUT_SHORT, SNAPJAR_DIAG_PICKLE_EMPTY, 0},
    {BYTES("NNN"), SNAPJAR_CUT_SHORT, SNAPJAR_DIAG_PICKLE_CUT_SHORT, 3},
};

static void bad_pickles_fail_at_the_byte_however_they_are_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(bads); i++) {
        const struct bad *bad = &bads[i];
        const uint8_t *bytes = (const uint8_t *)bad->bytes;
        size_t each[SAMPLE_SIZE_MAX];
        assert_fails(measure_whole(bytes, bad->size, 0), bad->status, bad->diagnostic, bad->offset);
        for (size_t cut = 0; cut <= bad->size; cut++) {
            each[cut] = cut + 1;
            assert_fails(measure_cut(bytes, bad->size, &cut, 1, 0, 5000), bad->status, bad->diagnostic,
                         bad->offset + 5000);
        }
        assert_fails(measure_cut(bytes, bad->size, each, bad->size, 0, 0), bad->status, bad->diagnostic, bad->offset);
        /* Nobody listens. */
        snapjar_pickle_extent extent;
        assert_int_equal(snapjar_pickle_measure(&extent, bytes, bad->size, NULL, NULL), bad->status);
    }
}

static void text_is_not_judged(void **state)
{
    (void)state;
    assert_extent(measure_whole(BYTES("I0x1f\n."), 0), 7, 2, 0, 0);
    assert_extent(measure_whole(BYTES("I1\0junk\n."), 0), 9, 2, 0, 0);
    assert_extent(measure_whole(BYTES("F1_0.0\n."), 0), 8, 2, 0, 0);
    assert_extent(measure_whole(BYTES("c\xc3\xa9\nx\n."), 0), 7, 2, 0, 0);
    assert_extent(measure_whole(BYTES("ca\r\nb\r\n."), 0), 8, 2, 0, 0);
}

static void messages_name_opcode_and_values(void **state)
{
    (void)state;
    snapjar_error err;
    snapjar_pickle_extent extent;
    assert_int_equal(snapjar_pickle_measure(&extent, BYTES("NX\5\0\0\0ab"), NULL, &err), SNAPJAR_CUT_SHORT);
    assert_string_equal(err.message,
                        "BINUNICODE at 1 has an argument of 5 bytes, and the pickle ends 3 bytes before its end");
    assert_int_equal(snapjar_pickle_measure(&extent, BYTES("T\xfe\xff\xff\xff"), NULL, &err), SNAPJAR_DAMAGED);
    assert_string_equal(err.message, "length of BINSTRING is -2 and must not be negative");
    assert_int_equal(snapjar_pickle_measure(&extent, BYTES("\x80\x09"), NULL, &err), SNAPJAR_UNSUPPORTED);
    assert_string_equal(err.message, "pickle protocol 9 is above 5, the highest known");
    assert_int_equal(snapjar_pickle_measure(&extent, BYTES("N\x07"), NULL, &err), SNAPJAR_DAMAGED);
    assert_string_equal(err.message, "byte 0x07 is no pickle opcode");
}

static void wrong_calls_are_refused(void **state)
{
    (void)state;
    snapjar_error err;
    snapjar_pickle_extent extent;
    snapjar_limits limits = SNAPJAR_LIMITS_INIT;
    assert_int_equal(snapjar_pickle_measure(NULL, "N.", 2, NULL, &err), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(err.diagnostic, SNAPJAR_DIAG_INVALID_ARGUMENT);
    assert_int_equal(snapjar_pickle_measure(NULL, "N.", 2, NULL, NULL), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(snapjar_pickle_measure(&extent, NULL, 1, NULL, &err), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(err.diagnostic, SNAPJAR_DIAG_INVALID_ARGUMENT);
    assert_int_equal(snapjar_pickle_measure(&extent, NULL, 0, NULL, &err), SNAPJAR_CUT_SHORT);
    assert_int_equal(err.diagnostic, SNAPJAR_DIAG_PICKLE_EMPTY);
    limits.struct_size = 1;
    assert_int_equal(snapjar_pickle_measure(&extent, "N.", 2, &limits, &err), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(err.diagnostic, SNAPJAR_DIAG_INVALID_ARGUMENT);
}

/* ---- the limit of lines ---- */

static void lines_are_limited_one_by_one(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        uint64_t bad_offset;
    } cases[] = {
        {BYTES("I12345\n."), 0},
        {BYTES("I123456\n."), 1},
        {BYTES("NI123456"), 2},
        {BYTES("c12345\n67890\n."), 0},
        {BYTES("c123456\n\n."), 1},
        {BYTES("Nc1\n123456\n."), 4},
        {BYTES("V\nV12345\nV123456\n."), 10},
        {BYTES("X\7\0\0\0\x30NNNNNN."), 0},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        const uint8_t *bytes = (const uint8_t *)cases[i].bytes;
        const size_t size = cases[i].size;
        size_t each[SAMPLE_SIZE_MAX];
        for (size_t cut = 0; cut <= size; cut++) {
            outcome got = measure_cut(bytes, size, &cut, 1, 5, 0);
            each[cut] = cut + 1;
            if (cases[i].bad_offset == 0)
                assert_int_equal(got.status, SNAPJAR_OK);
            else
                assert_fails(got, SNAPJAR_LIMIT, SNAPJAR_DIAG_PICKLE_LINE_TOO_LONG, cases[i].bad_offset);
        }
        outcome whole = measure_whole(bytes, size, 5);
        outcome got = measure_cut(bytes, size, each, size - 1, 5, 0);
        assert_same_outcome(&got, &whole);
    }
}

static void line_limit_is_64_mib_by_default_and_may_be_anything(void **state)
{
    (void)state;
    const size_t mib = (size_t)1 << 20;
    uint8_t *filler = malloc(mib);
    assert_non_null(filler);
    memset(filler, 'a', mib);
    for (int over = 0; over <= 1; over++) {
        sj_measure measure;
        size_t consumed;
        snapjar_error err = {0};
        sj_measure_init(&measure, NULL, 0);
        assert_int_equal(sj_measure_feed(&measure, "V", 1, &consumed, NULL), SNAPJAR_OK);
        for (int i = 0; i < 64; i++)
            assert_int_equal(sj_measure_feed(&measure, filler, mib, &consumed, NULL), SNAPJAR_OK);
        snapjar_status status = sj_measure_feed(&measure, over ? "a\n." : "\n.", over ? 3 : 2, &consumed, &err);
        assert_int_equal(status, over ? SNAPJAR_LIMIT : SNAPJAR_OK);
        assert_int_equal(err.diagnostic, over ? SNAPJAR_DIAG_PICKLE_LINE_TOO_LONG : SNAPJAR_DIAG_NONE);
        if (over)
            assert_int_equal(err.offset, 1);
    }
    free(filler);
    assert_extent(measure_whole(BYTES("I12345\n."), UINT64_MAX), 8, 2, 0, 0);
    assert_extent(measure_whole(BYTES("V\nV1\n."), 1), 6, 3, 0, 0);
}

/** Streams an argument that no memory holds: the count is exact, and the cut is at the end of what was fed. */
static void counted_arguments_go_beyond_32_bits(void **state)
{
    (void)state;
    const size_t mib = (size_t)1 << 20;
    const uint64_t size = (UINT64_C(4) << 30) + 5;
    uint8_t head[11] = "\x80\5\x8e";
    uint8_t *filler = malloc(mib);
    sj_measure measure;
    size_t consumed;
    assert_non_null(filler);
    memset(filler, '.', mib);
    sj_write_le64(head + 3, size);
    sj_measure_init(&measure, NULL, 100);
    assert_int_equal(sj_measure_feed(&measure, head, sizeof head, &consumed, NULL), SNAPJAR_OK);
    for (int i = 0; i < 4096; i++)
        assert_int_equal(sj_measure_feed(&measure, filler, mib, &consumed, NULL), SNAPJAR_OK);
    sj_measure cut = measure;
    snapjar_error err = {0};
    assert_int_equal(sj_measure_finish(&cut, &err), SNAPJAR_CUT_SHORT);
    assert_int_equal(err.diagnostic, SNAPJAR_DIAG_PICKLE_CUT_SHORT);
    assert_int_equal(err.offset, 100 + 11 + (UINT64_C(4) << 30));
    assert_int_equal(sj_measure_feed(&measure, filler, 10, &consumed, NULL), SNAPJAR_OK);
    assert_int_equal(consumed, 6);
    assert_true(sj_measure_is_done(&measure));
    assert_int_equal(measure.extent.size, 11 + size + 1);
    free(filler);
}

/* ---- buffers back in-band ---- */

typedef struct written {
    uint8_t bytes[1024];
    size_t size;
    size_t calls_left;
} written;

static snapjar_status keep(void *state, const void *bytes, size_t size, snapjar_error *err)
{
    written *out = state;
    assert_true(size > 0);
    if (out->calls_left-- == 0)
        return sj_raise(err, SNAPJAR_IO, SNAPJAR_DIAG_WRITE_FAILED, SJ_NOWHERE, "no space left");
    assert_true(out->size + size <= sizeof out->bytes);
    memcpy(out->bytes + out->size, bytes, size);
    out->size += size;
    return SNAPJAR_OK;
}

#define FRAME_OF(low) "\x95" low "\0\0\0\0\0\0\0"
#define LENGTH_OF(low) low "\0\0\0\0\0\0\0"

static void buffers_go_back_in_band(void **state)
{
    (void)state;
    static const sj_inband_buffer buffers[] = {{"one", 3}, {"", 0}, {"three", 5}};
    static const struct {
        const char *in;
        size_t in_size;
        const char *out;
        size_t out_size;
        size_t buffer_count;
    } cases[] = {
        /* Writable, then read-only. */
        {BYTES("\x80\5\x97."), BYTES("\x80\5\x96" LENGTH_OF("\3") "one."), 1},
        {BYTES("\x80\5\x97\x98."), BYTES("\x80\5\x8e" LENGTH_OF("\3") "one."), 1},
        /* Frames go, before, between and at once behind one another; other opcodes stay. */
        {BYTES("\x80\5" FRAME_OF("\6") "]\x94(\x97\x98\x97"
                                       "K\1e."),
         BYTES("\x80\5]\x94(\x8e" LENGTH_OF("\3") "one\x96" LENGTH_OF("\0") "K\1e."), 2},
        {BYTES("\x80\5\x97" FRAME_OF("\1") FRAME_OF("\2") "\x98" FRAME_OF("\1") "."),
         BYTES("\x80\5\x8e" LENGTH_OF("\3") "one."), 1},
        /* Only one READONLY_BUFFER belongs to the buffer. The second, and one behind another opcode, stay. */
        {BYTES("\x80\5\x97\x98\x98."), BYTES("\x80\5\x8e" LENGTH_OF("\3") "one\x98."), 1},
        {BYTES("\x80\5\x97\x94\x98\x97\x97\x98\x86"
               "0."),
         BYTES("\x80\5\x96" LENGTH_OF("\3") "one\x94\x98\x96" LENGTH_OF("\0") "\x8e" LENGTH_OF("\5") "three\x86"
                                                                                                     "0."),
         3},
        /* What only looks like these opcodes is inside an argument. */
        {BYTES("\x80\5C\3\x97\x98\x95\x97"
               "0."),
         BYTES("\x80\5C\3\x97\x98\x95\x96" LENGTH_OF("\3") "one"
                                                           "0."),
         1},
        {BYTES("cx\x97\ny\x98\n\x97."), BYTES("cx\x97\ny\x98\n\x96" LENGTH_OF("\3") "one."), 1},
        /* A pickle without buffers stays as it is, with frames and a stray READONLY_BUFFER. */
        {BYTES("\x80\5" FRAME_OF("\3") "N\x98."), BYTES("\x80\5" FRAME_OF("\3") "N\x98."), 0},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        written out = {.calls_left = SIZE_MAX};
        snapjar_error err = {0};
        assert_int_equal(
            sj_inband_write(cases[i].in, cases[i].in_size, buffers, cases[i].buffer_count, keep, &out, &err),
            SNAPJAR_OK);
        assert_int_equal(out.size, cases[i].out_size);
        assert_memory_equal(out.bytes, cases[i].out, out.size);
        /* A sink that fails at its 1st, 2nd, ... call: its error comes back, until it does not fail. */
        snapjar_status status = SNAPJAR_IO;
        for (size_t calls = 0; status != SNAPJAR_OK; calls++) {
            written failing = {.calls_left = calls};
            assert_true(calls < 20);
            status =
                sj_inband_write(cases[i].in, cases[i].in_size, buffers, cases[i].buffer_count, keep, &failing, &err);
            if (status != SNAPJAR_OK) {
                assert_int_equal(status, SNAPJAR_IO);
                assert_int_equal(err.diagnostic, SNAPJAR_DIAG_WRITE_FAILED);
                assert_memory_equal(failing.bytes, out.bytes, failing.size);
            }
        }
    }
}

static void in_band_writes_nothing_of_a_wrong_pickle(void **state)
{
    (void)state;
    static const sj_inband_buffer buffers[] = {{"one", 3}, {NULL, 0}};
    static const struct {
        const char *bytes;
        size_t size;
        size_t buffer_count;
        snapjar_status status;
        snapjar_diagnostic diagnostic;
        uint64_t offset;
    } cases[] = {
        {BYTES("\x80\5\x97."), 0, SNAPJAR_DAMAGED, SNAPJAR_DIAG_PICKLE_BUFFERS_MISMATCH, 4},
        {BYTES("\x80\5\x97."), 2, SNAPJAR_DAMAGED, SNAPJAR_DIAG_PICKLE_BUFFERS_MISMATCH, 4},
        {BYTES("\x80\5\x97\x97"
               "0."),
         1, SNAPJAR_DAMAGED, SNAPJAR_DIAG_PICKLE_BUFFERS_MISMATCH, 6},
        {BYTES("\x80\5\x97.N"), 1, SNAPJAR_DAMAGED, SNAPJAR_DIAG_PICKLE_SIZE_MISMATCH, 4},
        {BYTES("\x80\5\x97"), 1, SNAPJAR_CUT_SHORT, SNAPJAR_DIAG_PICKLE_CUT_SHORT, 3},
        {BYTES("\x80\5\x97\xff."), 1, SNAPJAR_DAMAGED, SNAPJAR_DIAG_PICKLE_OPCODE_UNKNOWN, 3},
        {BYTES(""), 0, SNAPJAR_CUT_SHORT, SNAPJAR_DIAG_PICKLE_EMPTY, 0},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        written out = {0};
        snapjar_error err = {0};
        snapjar_status status =
            sj_inband_write(cases[i].bytes, cases[i].size, buffers, cases[i].buffer_count, keep, &out, &err);
        assert_int_equal(status, cases[i].status);
        assert_int_equal(err.diagnostic, cases[i].diagnostic);
        assert_int_equal(err.space, SNAPJAR_SPACE_CONTENT);
        assert_int_equal(err.offset, cases[i].offset);
        assert_int_equal(out.size, 0);
    }
}

static snapjar_status count(void *state, const void *bytes, size_t size, snapjar_error *err)
{
    (void)bytes;
    (void)err;
    *(size_t *)state += size;
    return SNAPJAR_OK;
}

/** Whoever took the pickle in has limited its lines already. */
static void in_band_takes_lines_of_any_length(void **state)
{
    (void)state;
    const sj_inband_buffer buffer = {"one", 3};
    const size_t line_size = ((size_t)64 << 20) + 1;
    const size_t size = line_size + 6;
    size_t written_size = 0;
    uint8_t *bytes = malloc(size);
    assert_non_null(bytes);
    memset(bytes, 'a', size);
    bytes[0] = 'V';
    memcpy(bytes + 1 + line_size, "\n0\x97\x98.", 5);
    assert_int_equal(sj_inband_write(bytes, size, &buffer, 1, count, &written_size, NULL), SNAPJAR_OK);
    assert_int_equal(written_size, size - 2 + 9 + 3);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_has_all_opcodes_once),
        cmocka_unit_test(argument_names_are_those_of_pickletools),
        cmocka_unit_test(every_opcode_is_stepped_over_whole_and_cut),
        cmocka_unit_test(fast_path_leaves_out_what_callers_look_at),
        cmocka_unit_test(samples_measure_the_same_however_they_are_cut),
        cmocka_unit_test(bytes_after_stop_are_not_looked_at),
        cmocka_unit_test(lexer_tells_the_unfinished_token),
        cmocka_unit_test(bad_pickles_fail_at_the_byte_however_they_are_cut),
        cmocka_unit_test(text_is_not_judged),
        cmocka_unit_test(messages_name_opcode_and_values),
        cmocka_unit_test(wrong_calls_are_refused),
        cmocka_unit_test(lines_are_limited_one_by_one),
        cmocka_unit_test(line_limit_is_64_mib_by_default_and_may_be_anything),
        cmocka_unit_test(counted_arguments_go_beyond_32_bits),
        cmocka_unit_test(buffers_go_back_in_band),
        cmocka_unit_test(in_band_writes_nothing_of_a_wrong_pickle),
        cmocka_unit_test(in_band_takes_lines_of_any_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
