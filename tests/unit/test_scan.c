/* SPDX-License-Identifier: MIT
 *
 * The scan, opcode by opcode: what it finds, what it refuses and where. Each row is fed whole and byte by byte, which
 * are two paths through the code, and must give the same. What CPython itself makes of pickles is compared in
 * tests/python/test_scan_cpython.py.
 */
#include "support.h"

#include <snapjar/scan.h>

#include "fail_alloc.h"

#define NO_FINDING SNAPJAR_DIAG_NONE

static snapjar_scan *new_scan(void **state, const snapjar_scan_options *options)
{
    snapjar_scan *scan = NULL;
    assert_ok(snapjar_scan_new(&scan, *state, options, err));
    return scan;
}

/** Feeds pieces of `step` bytes, each in memory of its own. */
static snapjar_status feed_in_pieces(snapjar_scan *scan, const void *bytes, size_t size, size_t step,
                                     snapjar_error *err)
{
    snapjar_status status = SNAPJAR_OK;
    size_t consumed = 0;
    snapjar_scan_reset(scan, 0);
    for (size_t at = 0; at < size && status == SNAPJAR_OK; at += step) {
        const size_t piece_size = size - at < step ? size - at : step;
        blob piece = blob_copy((const uint8_t *)bytes + at, piece_size);
        status = snapjar_scan_feed(scan, piece.bytes, piece.size, &consumed, err);
        free(piece.bytes);
        if (consumed < piece_size)
            break;
    }
    return status == SNAPJAR_OK ? snapjar_scan_finish(scan, size, err) : status;
}

static const size_t steps[] = {SIZE_MAX / 2, 1, 2, 5};

/**
 * The same with values before STOP that come and go: the fast path keeps away from the end of what it has, so that it
 * sees little of short pickles otherwise. Offsets up to STOP stay what they are.
 */
static snapjar_status scan_padded(snapjar_scan *scan, const char *bytes, size_t size, snapjar_error *err)
{
    static const char padding[] = "N0N0N0N0N0N0N0N0N0N0.";
    blob padded = {malloc(size + sizeof padding), size - 1 + sizeof padding - 1};
    assert_non_null(padded.bytes);
    memcpy(padded.bytes, bytes, size - 1);
    memcpy(padded.bytes + size - 1, padding, sizeof padding - 1);
    const snapjar_status status = snapjar_scan_pickle(scan, padded.bytes, padded.size, err);
    free(padded.bytes);
    return status;
}

/** Whether padding changes nothing up to `offset`: it is before STOP, and no frame would be too short. */
static bool can_be_padded(const char *bytes, size_t size, uint64_t offset)
{
    return size > 1 && bytes[size - 1] == '.' && offset + 1 < size && memchr(bytes, '\x95', size) == NULL;
}

/* ---- what loaders fail on ---- */

typedef struct refused {
    const char *bytes;
    size_t size;
    snapjar_status status;
    snapjar_diagnostic diagnostic;
    uint64_t offset;
} refused;

#define DAMAGED(literal, diagnostic, offset)                                                                           \
    {                                                                                                                  \
        BYTES(literal), SNAPJAR_DAMAGED, SNAPJAR_DIAG_PICKLE_##diagnostic, offset                                      \
    }

static const refused refusals[] = {
    {BYTES(""), SNAPJAR_CUT_SHORT, SNAPJAR_DIAG_PICKLE_EMPTY, 0},
    {BYTES("N"), SNAPJAR_CUT_SHORT, SNAPJAR_DIAG_PICKLE_CUT_SHORT, 1},
    {BYTES("cos\nsystem\n"), SNAPJAR_CUT_SHORT, SNAPJAR_DIAG_PICKLE_CUT_SHORT, 11},
    DAMAGED("N.N", SIZE_MISMATCH, 2),
    DAMAGED("\xff.", OPCODE_UNKNOWN, 0),
    /* The stack. */
    DAMAGED(".", STACK_UNDERFLOW, 0),
    DAMAGED("(.", STACK_UNDERFLOW, 1),
    DAMAGED("K\x01(.", STACK_UNDERFLOW, 3),
    DAMAGED("0.", STACK_UNDERFLOW, 0),
    DAMAGED("N(2.", STACK_UNDERFLOW, 2),
    DAMAGED("N(p0\n.", STACK_UNDERFLOW, 2),
    DAMAGED("N(q\0.", STACK_UNDERFLOW, 2),
    DAMAGED("\x80\4N(\x94.", STACK_UNDERFLOW, 4),
    DAMAGED("]Na0a.", STACK_UNDERFLOW, 4),
    DAMAGED("](Na.", STACK_UNDERFLOW, 3),
    DAMAGED("}(NNs.", STACK_UNDERFLOW, 4),
    DAMAGED("(Ne.", STACK_UNDERFLOW, 2),
    DAMAGED("N((Ne.", STACK_UNDERFLOW, 4),
    DAMAGED("(NNu.", STACK_UNDERFLOW, 3),
    DAMAGED("\x80\4(N\x90.", STACK_UNDERFLOW, 4),
    DAMAGED("(o.", STACK_UNDERFLOW, 1),
    DAMAGED("N(N\x86.", STACK_UNDERFLOW, 3),
    DAMAGED("NR.", STACK_UNDERFLOW, 1),
    DAMAGED("N(Nb.", STACK_UNDERFLOW, 3),
    DAMAGED("\x80\2N\x81.", STACK_UNDERFLOW, 3),
    DAMAGED("\x80\4NN\x92.", STACK_UNDERFLOW, 4),
    DAMAGED("\x80\4X\1\0\0\0a\x93.", STACK_UNDERFLOW, 8),
    DAMAGED("Q.", STACK_UNDERFLOW, 0),
    DAMAGED("\x80\5\x98.", STACK_UNDERFLOW, 2),
    /* Marks. */
    DAMAGED("Nt.", MARK_MISSING, 1),
    DAMAGED("]e.", MARK_MISSING, 1),
    DAMAGED("}u.", MARK_MISSING, 1),
    DAMAGED("N1.", MARK_MISSING, 1),
    DAMAGED("Nl.", MARK_MISSING, 1),
    DAMAGED("Nd.", MARK_MISSING, 1),
    DAMAGED("No.", MARK_MISSING, 1),
    DAMAGED("ia\nb\n.", MARK_MISSING, 0),
    DAMAGED("\x80\4\x8f\x90.", MARK_MISSING, 3),
    DAMAGED("\x80\4N\x91.", MARK_MISSING, 3),
    DAMAGED("(0t.", MARK_MISSING, 2),
    /* The memo. */
    DAMAGED("g0\n.", MEMO_MISSING, 0),
    DAMAGED("h\0.", MEMO_MISSING, 0),
    DAMAGED("Nq\1h\0.", MEMO_MISSING, 3),
    DAMAGED("j\0\0\0\xff.", MEMO_MISSING, 0),
    DAMAGED("Nr\0\0\0\x7f.", MEMO_INDEX, 1),
    DAMAGED("Np3\n.", MEMO_INDEX, 1),
    DAMAGED("Np+1\n.", ARGUMENT_INVALID, 1),
    DAMAGED("Np-1\n.", ARGUMENT_INVALID, 1),
    DAMAGED("Np01\n.", ARGUMENT_INVALID, 1),
    DAMAGED("Np1_0\n.", ARGUMENT_INVALID, 1),
    DAMAGED("Np1\0zz\n.", ARGUMENT_INVALID, 1),
    DAMAGED("Np\n.", ARGUMENT_INVALID, 1),
    DAMAGED("Np0\ng 0\n.", ARGUMENT_INVALID, 4),
    /* Operands. */
    DAMAGED("(Nd.", OPERAND_INVALID, 2),
    DAMAGED("}(Nu.", OPERAND_INVALID, 3),
    DAMAGED("cm\nn\nNR.", OPERAND_INVALID, 6),
    DAMAGED("N)R.", OPERAND_INVALID, 2),
    DAMAGED("(No.", OPERAND_INVALID, 2),
    DAMAGED("\x80\2cm\nn\n]\x81.", OPERAND_INVALID, 8),
    DAMAGED("\x80\2])\x81.", OPERAND_INVALID, 4),
    DAMAGED("\x80\4cm\nn\n)]\x92.", OPERAND_INVALID, 9),
    DAMAGED("\x80\4NX\1\0\0\0a\x93.", OPERAND_INVALID, 9),
    DAMAGED("\x80\4X\1\0\0\0aK\1\x93.", OPERAND_INVALID, 10),
    DAMAGED("\x80\4C\1aX\1\0\0\0a\x93.", OPERAND_INVALID, 11),
    DAMAGED("\x80\5N\x98.", OPERAND_INVALID, 3),
    /* Something wrong the second time, when the fast path knows what was right the first time. */
    DAMAGED("\x80\2cm\nn\n)\x81"
            "0)\x81.",
            STACK_UNDERFLOW, 11),
    DAMAGED("\x80\2cm\nn\n)\x81"
            "0cm\nn\n]\x81.",
            OPERAND_INVALID, 16),
    DAMAGED("\x80\2cm\nn\n)\x81"
            "0N)\x81.",
            OPERAND_INVALID, 12),
    DAMAGED("cm\nn\n)R0)R.", STACK_UNDERFLOW, 9),
    DAMAGED("cm\nn\n)R0cm\nn\n]R.", OPERAND_INVALID, 14),
    DAMAGED("cm\nn\n)R0N)R.", OPERAND_INVALID, 10),
    DAMAGED("\x80\2cm\nn\n)\x81}X\1\0\0\0aNsb0}b.", STACK_UNDERFLOW, 21),
    DAMAGED("\x80\2cm\nn\n)\x81"
            "0cm\nn\n()\x81.",
            STACK_UNDERFLOW, 17),
    DAMAGED("cm\nn\n)R0cm\nn\n()R.", STACK_UNDERFLOW, 15),
    DAMAGED("\x80\2cm\nn\n)\x81}q\0X\1\0\0\0aNsb(h\0b.", STACK_UNDERFLOW, 24),
    DAMAGED("Nr\0\0\0\0j\1\0\0\0.", MEMO_MISSING, 6),
    DAMAGED("Nr\2\0\0\0j\1\0\0\0.", MEMO_MISSING, 6),
    {BYTES("\x80\4N\x8a\x40"
           "aaaaaaaaaaaaaaaaaaaaaa"),
     SNAPJAR_CUT_SHORT, SNAPJAR_DIAG_PICKLE_CUT_SHORT, 27},
    {BYTES("\x80\4N\x8c\x40"
           "aaaaaaaaaaaaaaaaaaaaaa"),
     SNAPJAR_CUT_SHORT, SNAPJAR_DIAG_PICKLE_CUT_SHORT, 27},
    {BYTES("\x80\4NC\x40"
           "aaaaaaaaaaaaaaaaaaaaaa"),
     SNAPJAR_CUT_SHORT, SNAPJAR_DIAG_PICKLE_CUT_SHORT, 27},
    {BYTES("\x80\2NU\x40"
           "aaaaaaaaaaaaaaaaaaaaaa"),
     SNAPJAR_CUT_SHORT, SNAPJAR_DIAG_PICKLE_CUT_SHORT, 27},
    {BYTES("\x80\4NX\x40\0\0\0aaaaaaaaaaaaaaaaaaa"), SNAPJAR_CUT_SHORT, SNAPJAR_DIAG_PICKLE_CUT_SHORT, 27},
    {BYTES("\x80\4NB\xff\xff\xff\xff"
           "aaaaaaaaaaaaaaaaaaa"),
     SNAPJAR_CUT_SHORT, SNAPJAR_DIAG_PICKLE_CUT_SHORT, 27},
    /* Arguments. */
    DAMAGED("I\n.", ARGUMENT_INVALID, 0),
    DAMAGED("F\n.", ARGUMENT_INVALID, 0),
    DAMAGED("X\1\0\0\0\xff.", ARGUMENT_INVALID, 0),
    DAMAGED("X\2\0\0\0\xc3(.", ARGUMENT_INVALID, 0),
    DAMAGED("X\1\0\0\0\xc3.", ARGUMENT_INVALID, 0),
    DAMAGED("X\4\0\0\0\xf4\x90\x80\x80.", ARGUMENT_INVALID, 0),
    DAMAGED("X\2\0\0\0\xc0\x80.", ARGUMENT_INVALID, 0),
    DAMAGED("V\\u12\n.", ARGUMENT_INVALID, 0),
    DAMAGED("V\\U00110000\n.", ARGUMENT_INVALID, 0),
    DAMAGED("Sabc\n.", ARGUMENT_INVALID, 0),
    DAMAGED("S'\n.", ARGUMENT_INVALID, 0),
    DAMAGED("S'a\n.", ARGUMENT_INVALID, 0),
    DAMAGED("S'\\x4'\n.", ARGUMENT_INVALID, 0),
    DAMAGED("S'a\\'\n.", ARGUMENT_INVALID, 0),
    DAMAGED("c\nb\n.", ARGUMENT_INVALID, 0),
    DAMAGED("ca\n\n.", ARGUMENT_INVALID, 0),
    DAMAGED("c\xff\nb\n.", ARGUMENT_INVALID, 0),
    DAMAGED("(ia\n\xc3\xa9\n.", ARGUMENT_INVALID, 1),
    DAMAGED("P\xe9\n.", ARGUMENT_INVALID, 0),
    DAMAGED("\x80\2\x82\0.", ARGUMENT_INVALID, 2),
    DAMAGED("\x80\2\x84\xff\xff\xff\xff.", ARGUMENT_INVALID, 2),
    {BYTES("\x80\6N."), SNAPJAR_UNSUPPORTED, SNAPJAR_DIAG_PICKLE_PROTOCOL_UNSUPPORTED, 1},
};

static void test_refused(void **state)
{
    snapjar_scan *scan = new_scan(state, NULL);
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        const refused *row = &refusals[i];
        for (size_t step = 0; step < sizeof steps / sizeof *steps; step++) {
            snapjar_error err;
            const snapjar_status status = feed_in_pieces(scan, row->bytes, row->size, steps[step], &err);
            if (status == SNAPJAR_OK)
                fail_msg("row %zu is accepted", i);
            assert_fault(status, &err, row->status, row->diagnostic, SNAPJAR_SPACE_CONTENT, row->offset);
            assert_false(snapjar_scan_summarize(scan)->is_complete);
            assert_non_null(snapjar_scan_failure(scan));
            assert_int_equal(snapjar_scan_failure(scan)->diagnostic, row->diagnostic);
            /* It stays failed, and says why again. */
            memset(&err, 0, sizeof err);
            assert_int_equal(snapjar_scan_finish(scan, 0, &err), row->status);
            assert_int_equal(err.offset, row->offset);
        }
        snapjar_error err;
        if (can_be_padded(row->bytes, row->size, row->offset) && row->diagnostic != SNAPJAR_DIAG_PICKLE_SIZE_MISMATCH)
            assert_fault(scan_padded(scan, row->bytes, row->size, &err), &err, row->status, row->diagnostic,
                         SNAPJAR_SPACE_CONTENT, row->offset);
    }
    snapjar_scan_free(scan);
}

/* ---- what no pickler writes ---- */

typedef struct odd {
    const char *bytes;
    size_t size;
    snapjar_diagnostic diagnostic;
    uint64_t offset;
    uint64_t count;
} odd;

#define ODD(literal, diagnostic, offset)                                                                               \
    {                                                                                                                  \
        BYTES(literal), SNAPJAR_DIAG_##diagnostic, offset, 1                                                           \
    }
#define FINE(literal)                                                                                                  \
    {                                                                                                                  \
        BYTES(literal), NO_FINDING, 0, 0                                                                               \
    }

static const odd oddities[] = {
    FINE("N."),
    FINE("I-12\n."),
    FINE("I01\n."),
    FINE("L-12L\n."),
    FINE("F-1.5e-07\n."),
    FINE("F1e+100\n."),
    FINE("F1.7976931348623157e+308\n."),
    FINE("Finf\n."),
    FINE("F-nan\n."),
    FINE("F0.0\n."),
    FINE("F0e999\n."),
    FINE("F9e307\n."),
    FINE("F1e308\n."),
    FINE("F0.09e309\n."),
    FINE("F1e-400\n."),
    FINE("F1234567890123456789012345678901234567890\n."),
    ODD("I0x1f\n.", NON_CANONICAL_NUMBER, 0),
    ODD("I017\n.", NON_CANONICAL_NUMBER, 0),
    ODD("I1\0junk\n.", NON_CANONICAL_NUMBER, 0),
    ODD("I+0\n.", NON_CANONICAL_NUMBER, 0),
    ODD("I 1\n.", NON_CANONICAL_NUMBER, 0),
    ODD("I-0\n.", NON_CANONICAL_NUMBER, 0),
    ODD("I1_0\n.", NON_CANONICAL_NUMBER, 0),
    ODD("I5\r\n.", NON_CANONICAL_NUMBER, 0),
    ODD("L5\n.", NON_CANONICAL_NUMBER, 0),
    ODD("L0x10L\n.", NON_CANONICAL_NUMBER, 0),
    ODD("F1_0.0\n.", NON_CANONICAL_NUMBER, 0),
    ODD("F 1.5\n.", NON_CANONICAL_NUMBER, 0),
    ODD("F1e999\n.", NON_CANONICAL_NUMBER, 0),
    ODD("F1.7976931348623158e+308\n.", NON_CANONICAL_NUMBER, 0),
    ODD("F1.\n.", NON_CANONICAL_NUMBER, 0),
    ODD("F.5\n.", NON_CANONICAL_NUMBER, 0),
    ODD("F-\n.", NON_CANONICAL_NUMBER, 0),
    ODD("F2e308\n.", NON_CANONICAL_NUMBER, 0),
    ODD("F1e309\n.", NON_CANONICAL_NUMBER, 0),
    ODD("F0.2e309\n.", NON_CANONICAL_NUMBER, 0),
    ODD("F1.5x\n.", NON_CANONICAL_NUMBER, 0),
    ODD("F1.5E5\n.", NON_CANONICAL_NUMBER, 0),
    ODD("F1e\n.", NON_CANONICAL_NUMBER, 0),
    ODD("F1e+\n.", NON_CANONICAL_NUMBER, 0),
    ODD("F1e0001\n.", NON_CANONICAL_NUMBER, 0),
    ODD("F1e5x\n.", NON_CANONICAL_NUMBER, 0),
    ODD("F12345678901234567890123456789012345678901\n.", NON_CANONICAL_NUMBER, 0),
    ODD("Finfinity\n.", NON_CANONICAL_NUMBER, 0),
    /* Text. */
    FINE("S'it\\'s \\x41\\n'\n."),
    FINE("S\"it's\"\n."),
    FINE("V\\u005c\\u000a\\u20ac\xe9\n."),
    FINE("X\3\0\0\0\xed\xa0\x80."),
    FINE("T\3\0\0\0a\nb."),
    FINE("U\3a\nb."),
    ODD("S'\\q'\n.", NON_CANONICAL_TEXT, 0),
    ODD("S'\\101'\n.", NON_CANONICAL_TEXT, 0),
    ODD("S'a'b'\n.", NON_CANONICAL_TEXT, 0),
    ODD("S'\x01'\n.", NON_CANONICAL_TEXT, 0),
    ODD("V\\u006fs\n.", NON_CANONICAL_TEXT, 0),
    ODD("Va\\b\n.", NON_CANONICAL_TEXT, 0),
    ODD("Va\\\n.", NON_CANONICAL_TEXT, 0),
    ODD("\x80\3S'a'\n.", NON_CANONICAL_TEXT, 2),
    ODD("\x80\4U\1a.", NON_CANONICAL_TEXT, 2),
    ODD("U\1\xe4.", STRING_ENCODING, 0),
    ODD("T\1\0\0\0\xe4.", STRING_ENCODING, 0),
    ODD("S'\\xe4'\n.", STRING_ENCODING, 0),
    /* Names. */
    FINE("cos.path\njoin\n."),
    FINE("\x80\3c\xc3\xa9\nx\n."),
    FINE("\x80\4ca\nb.c\n."),
    FINE("\x80\4\x8c\1a\x8c\3b.c\x93."),
    ODD("c\xc3\xa9\nx\n.", NON_CANONICAL_NAME, 0),
    ODD("ca\\x2eb\nc\n.", NON_CANONICAL_NAME, 0),
    ODD("ca b\nc\n.", NON_CANONICAL_NAME, 0),
    ODD("ca\nb c\n.", NON_CANONICAL_NAME, 0),
    ODD("ca\r\nc\n.", NON_CANONICAL_NAME, 0),
    ODD("ca:b\nc\n.", NON_CANONICAL_NAME, 0),
    ODD("c.a\nc\n.", NON_CANONICAL_NAME, 0),
    ODD("\x80\4ca\nb..c\n.", NON_CANONICAL_NAME, 2),
    ODD("ca\nb.c\n.", NON_CANONICAL_NAME, 0),
    ODD("\x80\3ca\nb.c\n.", NON_CANONICAL_NAME, 2),
    ODD("\x80\4\x8c\0\x8c\1a\x93.", NON_CANONICAL_NAME, 7),
    ODD("\x80\4\x8c\3\xed\xa0\x80\x8c\1a\x93.", NON_CANONICAL_NAME, 10),
    /* PROTO. */
    FINE("\x80\2N."),
    ODD("N\x80\2"
        "0N.",
        NON_CANONICAL_PROTOCOL, 1),
    ODD("\x80\2\x80\2N.", NON_CANONICAL_PROTOCOL, 2),
    ODD("\x80\1N.", NON_CANONICAL_PROTOCOL, 0),
    ODD("\x88.", NON_CANONICAL_PROTOCOL, 0),
    ODD("\x80\2C\1a.", NON_CANONICAL_PROTOCOL, 2),
    ODD("\x80\3\x8c\1a.", NON_CANONICAL_PROTOCOL, 2),
    ODD("\x80\4\x96\0\0\0\0\0\0\0\0.", NON_CANONICAL_PROTOCOL, 2),
    ODD("\x89.", NON_CANONICAL_PROTOCOL, 0),
    ODD("\x8a\1a.", NON_CANONICAL_PROTOCOL, 0),
    ODD("N\x85.", NON_CANONICAL_PROTOCOL, 1),
    ODD("NNN\x87.", NON_CANONICAL_PROTOCOL, 3),
    /* A state setter's arguments at protocol 0. */
    FINE("c__main__\nA\np0\n(tRp1\nc__main__\nsetter\np2\ng1\n(dp3\nVx\np4\nI1\ns\x86R0."),
    ODD("\x80\2B\1\0\0\0a.", NON_CANONICAL_PROTOCOL, 2),
    ODD("\x80\3\x8f.", NON_CANONICAL_PROTOCOL, 2),
    ODD("\x80\3N\x94.", NON_CANONICAL_PROTOCOL, 3),
    /* Something wrong the second time, when the fast path knows what was right the first time. */
    ODD("\x80\2cm\nn\n)\x81}q\0X\1\0\0\0aNsb0cm\nn\nh\0b.", NON_CANONICAL_TARGET, 29),
    ODD("\x80\2cm\nn\n)\x81}q\0X\1\0\0\0aNsb0]h\0b.", NON_CANONICAL_TARGET, 25),
    /* FRAME. */
    FINE("\x80\4\x95\2\0\0\0\0\0\0\0N."),
    FINE("\x80\4\x95\1\0\0\0\0\0\0\0N."),
    ODD("\x95\2\0\0\0\0\0\0\0N.", NON_CANONICAL_PROTOCOL, 0),
    ODD("\x80\4\x95\3\0\0\0\0\0\0\0N.", NON_CANONICAL_FRAME, 12),
    ODD("\x80\4\x95\1\0\0\0\0\0\0\0K\1.", NON_CANONICAL_FRAME, 12),
    ODD("\x80\4\x95\x0b\0\0\0\0\0\0\0\x95\2\0\0\0\0\0\0\0N.", NON_CANONICAL_FRAME, 11),
    ODD("\x80\4\x95\6\0\0\0\0\0\0\0\x95\2\0\0\0\0\0\0\0N.", NON_CANONICAL_FRAME, 11),
    ODD("\x80\4\x95\xff\xff\xff\xff\xff\xff\xff\xff"
        "K\1K\1K\1K\1\x87\x86.",
        NON_CANONICAL_FRAME, 21),
    /* The memo and the stack. */
    ODD("Nq\0q\0.", NON_CANONICAL_MEMO, 3),
    ODD("\x80\4Nq\1\x94.", NON_CANONICAL_MEMO, 5),
    ODD("NN.", NON_CANONICAL_STACK, 2),
    ODD("(N.", NON_CANONICAL_STACK, 2),
    /* Targets: only what this pickle made, each by the opcodes for it. */
    FINE("]Na."),
    FINE("](NNe."),
    FINE("](e."),
    FINE("}NNs."),
    FINE("}(NNu."),
    FINE("\x80\4\x8f(N\x90."),
    FINE("cm\nn\n)RNa."),
    FINE("cm\nn\n)RNNs."),
    FINE("cm\nn\n)R}b."),
    ODD("cm\nn\nNa.", NON_CANONICAL_TARGET, 6),
    ODD("cm\nn\nNNs.", NON_CANONICAL_TARGET, 7),
    ODD("cm\nn\n}b.", NON_CANONICAL_TARGET, 6),
    ODD("cm\nn\nq\0"
        "0h\0}b.",
        NON_CANONICAL_TARGET, 11),
    ODD("\x80\4cm\nn\n(N\x90.", NON_CANONICAL_TARGET, 9),
    ODD("\x80\4cm\nn\n)R(N\x90.", NON_CANONICAL_TARGET, 11),
    ODD("}Na.", NON_CANONICAL_TARGET, 2),
    ODD("]NNs.", NON_CANONICAL_TARGET, 3),
    ODD("]}b.", NON_CANONICAL_TARGET, 2),
    ODD("Ppid\n}b.", NON_CANONICAL_TARGET, 6),
    ODD("K\1(e.", NON_CANONICAL_TARGET, 3),
    ODD("K\1(u.", NON_CANONICAL_TARGET, 3),
    ODD("\x80\4K\1(\x90.", NON_CANONICAL_TARGET, 5),
    ODD("\x80\5C\1a\x98.", NON_CANONICAL_TARGET, 5),
    /* Operands that are computed. */
    ODD("\x80\4cm\nn\n)RX\1\0\0\0a\x93.", NON_CANONICAL_OPERAND, 15),
    ODD("\x80\4Ppid\nX\1\0\0\0a\x93.", NON_CANONICAL_OPERAND, 13),
    ODD("cm\nn\ncm\nn\n)RR.", NON_CANONICAL_OPERAND, 12),
};

static void test_oddities(void **state)
{
    snapjar_scan *scan = new_scan(state, NULL);
    for (size_t i = 0; i < sizeof oddities / sizeof *oddities; i++) {
        const odd *row = &oddities[i];
        for (size_t step = 0; step < sizeof steps / sizeof *steps; step++) {
            snapjar_error err;
            if (feed_in_pieces(scan, row->bytes, row->size, steps[step], &err) != SNAPJAR_OK)
                fail_msg("row %zu (step %zu) is refused: %s", i, steps[step], err.message);
            const snapjar_scan_finding *finding = snapjar_scan_finding_at(scan, 0);
            const snapjar_scan_summary *summary = snapjar_scan_summarize(scan);
            if (summary->finding_count != row->count || (finding != NULL) != (row->count > 0))
                fail_msg("row %zu (step %zu) has %d findings: %s", i, steps[step], (int)summary->finding_count,
                         finding != NULL ? finding->message : "");
            if (finding != NULL && (finding->diagnostic != row->diagnostic || finding->offset != row->offset))
                fail_msg("row %zu (step %zu): %s at %d: %s", i, steps[step],
                         snapjar_diagnostic_name(finding->diagnostic), (int)finding->offset, finding->message);
            assert_true(summary->is_complete);
            assert_int_equal(summary->size, row->size);
            assert_null(snapjar_scan_failure(scan));
            assert_null(snapjar_scan_finding_at(scan, 1));
        }
        if (!can_be_padded(row->bytes, row->size, row->offset))
            continue;
        assert_ok(scan_padded(scan, row->bytes, row->size, err));
        assert_int_equal(snapjar_scan_summarize(scan)->finding_count, row->count);
        const snapjar_scan_finding *finding = snapjar_scan_finding_at(scan, 0);
        if (finding != NULL && (finding->diagnostic != row->diagnostic || finding->offset != row->offset))
            fail_msg("row %zu, padded: %s at %d: %s", i, snapjar_diagnostic_name(finding->diagnostic),
                     (int)finding->offset, finding->message);
    }
    snapjar_scan_free(scan);
}

/* ---- globals and uses ---- */

/** Uses as letters in the order of the enum, "-" for one that is not there: "IC----A". */
static void assert_global(snapjar_scan *scan, size_t index, const char *name, const char *uses)
{
    static const char letters[] = "ICNBSPA";
    const snapjar_scan_global *global = snapjar_scan_global_at(scan, index);
    char text[128], found[SNAPJAR_USE_COUNT + 1] = "";
    assert_non_null(global);
    snprintf(text, sizeof text, "%.*s:%.*s", (int)global->mapped_module.size, global->mapped_module.data,
             (int)global->mapped_name.size, global->mapped_name.data);
    assert_string_equal(text, name);
    for (size_t use = 0; use < SNAPJAR_USE_COUNT; use++) {
        found[use] = global->uses[use].count > 0 ? letters[use] : '-';
        assert_int_equal(global->uses[use].count == 0, global->uses[use].offset == SNAPJAR_OFFSET_NONE);
    }
    assert_string_equal(found, uses);
}

typedef struct user {
    const char *bytes;
    size_t size;
    /** Up to three globals and how they are used. */
    const char *expected[6];
    uint64_t computed_calls;
} user;

static const user users[] = {
    {BYTES("cm\nn\n."), {"m:n", "I------"}, 0},
    {BYTES("cm\nn\n)R."), {"m:n", "IC-----"}, 0},
    {BYTES("cm\nn\n)R0N."), {"m:n", "IC-----"}, 0},
    {BYTES("(im\nn\n."), {"m:n", "IC-----"}, 0},
    {BYTES("(cm\nn\no0N."), {"m:n", "IC-----"}, 0},
    {BYTES("\x80\2cm\nn\n)\x81}b."), {"m:n", "I-NB---"}, 0},
    {BYTES("\x80\4cm\nn\n)}\x92."), {"m:n", "I-N----"}, 0},
    {BYTES("cm\nn\n)RNaNNs."), {"m:n", "IC--SP-"}, 0},
    /* Globals inside something. */
    {BYTES("]cm\nn\na."), {"m:n", "I-----A"}, 0},
    {BYTES("cm\nn\n\x80\2\x85."), {"m:n", "I-----A"}, 0},
    {BYTES("}cm\nn\nNs."), {"m:n", "I-----A"}, 0},
    {BYTES("ca\nb\n(cm\nn\ntR."), {"a:b", "IC-----", "m:n", "I-----A"}, 0},
    {BYTES("ca\nb\n(Ncm\nn\ntR."), {"a:b", "IC-----", "m:n", "I-----A"}, 0},
    {BYTES("(cm\nn\nia\nb\n."), {"m:n", "I-----A", "a:b", "IC-----"}, 0},
    {BYTES("ca\nb\n)Rcm\nn\nb."), {"a:b", "IC-B---", "m:n", "I-----A"}, 0},
    {BYTES("\x80\2ca\nb\ncm\nn\n\x85\x81."), {"a:b", "I-N----", "m:n", "I-----A"}, 0},
    {BYTES("\x80\2cm\nn\nQ."), {"m:n", "I-----A"}, 0},
    /* The memo gives it back with all that is known. */
    {BYTES("cm\nn\nq\0"
           "0h\0)R."),
     {"m:n", "IC-----"},
     0},
    {BYTES("\x80\4\x8c\1m\x94\x8c\1n\x94\x93\x94"
           "0h\2)R0h\0h\1\x93."),
     {"m:n", "IC-----"},
     0},
    /* Escapes of protocol 0 in names: known ones, octal ones, and those that are none. */
    {BYTES("S'\\x6da\\'\\\\\\101\\7z'\nS\"\\qn\\t\"\n\x93."), {"ma'\\A\az:\\qn\t", "I------"}, 0},
    {BYTES("Va\\b\\\nVn\n\x93."), {"a\\b\\:n", "I------"}, 0},
    /* Texts of protocol 0 as names, which are UTF-8 of one to four bytes. */
    {BYTES("\x80\4Vm\nVa\xe9\\u0100\\u20ac\\U0001f600\n\x93."),
     {"m:a\xc3\xa9\xc4\x80\xe2\x82\xac\xf0\x9f\x98\x80", "I------"},
     0},
    /* Made by copyreg: its first argument is the class. */
    {BYTES("ccopy_reg\n_reconstructor\n(cm\nn\nc__builtin__\nobject\nNtR}b."),
     {"copyreg:_reconstructor", "IC-----", "m:n", "I-NB---", "builtins:object", "I-----A"},
     0},
    {BYTES("ccopyreg\n__newobj__\n(cm\nn\ntR."), {"copyreg:__newobj__", "IC-----", "m:n", "I-N----"}, 0},
    {BYTES("ccopyreg\n__newobj__\n(NtR."), {"copyreg:__newobj__", "IC-----"}, 1},
    {BYTES("(ccopyreg\n__newobj__\ncm\nn\no."), {"copyreg:__newobj__", "IC-----", "m:n", "I-----A"}, 1},
    {BYTES("(cm\nn\nicopyreg\n__newobj__\n."), {"m:n", "I-----A", "copyreg:__newobj__", "IC-----"}, 1},
    /* getattr of a global by name is one more way to name a global. */
    {BYTES("cbuiltins\ngetattr\n(cm\nn\nVa\ntR."),
     {"builtins:getattr", "I------", "m:n", "I------", "m:n.a", "I------"},
     0},
    {BYTES("c__builtin__\ngetattr\n(cexceptions\nn\nS'a'\ntR)R."),
     {"builtins:getattr", "I------", "exceptions:n", "I------", "exceptions:n.a", "IC-----"},
     0},
    {BYTES("\x80\2cbuiltins\ngetattr\ncm\nA\nU\1a\x86q\0R)\x81}b."),
     {"builtins:getattr", "I------", "m:A", "I------", "m:A.a", "I-NB---"},
     0},
    {BYTES("\x80\4cbuiltins\ngetattr\ncm\nA.B\n\x8c\1c\x86R\x85."),
     {"builtins:getattr", "I------", "m:A.B", "I------", "m:A.B.c", "I-----A"},
     0},
    /* Anything else is a call of getattr: a default, a path, a value that was made, a mapped name, a code. */
    {BYTES("cbuiltins\ngetattr\n(cm\nn\nVa\nNtR."), {"builtins:getattr", "IC-----", "m:n", "I-----A"}, 0},
    {BYTES("cbuiltins\ngetattr\n(cm\nn\nVa.b\ntR."), {"builtins:getattr", "IC-----", "m:n", "I-----A"}, 0},
    {BYTES("cbuiltins\ngetattr\n(cm\nn\nV\ntR."), {"builtins:getattr", "IC-----", "m:n", "I-----A"}, 0},
    {BYTES("cbuiltins\ngetattr\n(cm\nn\nNtR."), {"builtins:getattr", "IC-----", "m:n", "I-----A"}, 0},
    {BYTES("cbuiltins\ngetattr\n(cm\nn\n)RVa\ntR."), {"builtins:getattr", "IC-----", "m:n", "IC-----"}, 0},
    {BYTES("c__builtin__\ngetattr\n(c__builtin__\nxrange\nVa\ntR."),
     {"builtins:getattr", "IC-----", "builtins:range", "I-----A"},
     0},
    {BYTES("(cbuiltins\ngetattr\ncm\nn\nVa\no."), {"builtins:getattr", "IC-----", "m:n", "I-----A"}, 0},
    {BYTES("cbuiltins\ngetattr\n(cm\nn\nVa\nibuiltins\ngetattr\n0."),
     {"builtins:getattr", "IC-----", "m:n", "I-----A"},
     0},
    /* The pair itself is a pair, whatever it was made above. */
    {BYTES("]cbuiltins\ngetattr\n(cm\nn\nVa\ntp0\n00g0\na."),
     {"builtins:getattr", "I------", "m:n", "I-----A", "m:n.a", "I------"},
     0},
    /* The second time, when the fast path knows what was right the first time. */
    {BYTES("\x80\2cm\nn\n)\x81)\x81."), {"m:n", "I-N----"}, 1},
    {BYTES("\x80\2cm\nn\n)\x81"
           "0cm\nn\ncm\nn\n\x85\x81."),
     {"m:n", "I-N---A"},
     0},
    {BYTES("cm\nn\n)R0cm\nn\n(cm\nn\ntR."), {"m:n", "IC----A"}, 0},
    {BYTES("cm\nn\n)R0cx\ny\n)R)R."), {"m:n", "IC-----", "x:y", "IC-----"}, 1},
    /* Computed calls. */
    {BYTES("cm\nn\n)R)R."), {"m:n", "IC-----"}, 1},
    {BYTES("\x80\2cm\nn\n)R)\x81."), {"m:n", "IC-----"}, 1},
    {BYTES("Ppid\n)R."), {NULL}, 1},
    {BYTES("cm\nn\n)R)R)R)R."), {"m:n", "IC-----"}, 3},
};

static void test_uses(void **state)
{
    snapjar_scan *scan = new_scan(state, NULL);
    for (size_t i = 0; i < sizeof users / sizeof *users; i++) {
        const user *row = &users[i];
        for (size_t step = 0; step <= sizeof steps / sizeof *steps; step++) {
            size_t count = 0;
            if (step < sizeof steps / sizeof *steps)
                assert_ok(feed_in_pieces(scan, row->bytes, row->size, steps[step], err));
            else
                assert_ok(scan_padded(scan, row->bytes, row->size, err));
            for (; count < 3 && row->expected[2 * count] != NULL; count++)
                assert_global(scan, count, row->expected[2 * count], row->expected[2 * count + 1]);
            assert_int_equal(snapjar_scan_global_count(scan), count);
            assert_null(snapjar_scan_global_at(scan, count));
            assert_int_equal(snapjar_scan_summarize(scan)->computed_calls.count, row->computed_calls);
        }
    }
    snapjar_scan_free(scan);
}

static void test_offsets_of_uses(void **state)
{
    snapjar_scan *scan = new_scan(state, NULL);
    snapjar_scan_options options = SNAPJAR_SCAN_OPTIONS_INIT;
    assert_ok(snapjar_scan_pickle(scan, BYTES("\x80\2cm\nn\n)\x81}bcm\nn\na."), err));
    const snapjar_scan_global *global = snapjar_scan_global_at(scan, 0);
    assert_int_equal(global->uses[SNAPJAR_USE_IMPORT].count, 2);
    assert_int_equal(global->uses[SNAPJAR_USE_IMPORT].offset, 2);
    assert_int_equal(global->uses[SNAPJAR_USE_NEW].offset, 8);
    assert_int_equal(global->uses[SNAPJAR_USE_BUILD].offset, 10);
    assert_int_equal(global->uses[SNAPJAR_USE_ARGUMENT].offset, 16);
    assert_int_equal(global->uses[SNAPJAR_USE_APPEND].offset, 16);
    snapjar_scan_free(scan);
    options.base_offset = 1000;
    scan = new_scan(state, &options);
    assert_ok(snapjar_scan_pickle(scan, BYTES("]cm\nn\na."), err));
    assert_int_equal(snapjar_scan_global_at(scan, 0)->uses[SNAPJAR_USE_IMPORT].offset, 1001);
    snapjar_scan_free(scan);
}

static void test_resolution(void **state)
{
    /* The same name, mapped or not as the protocol in force says; a late PROTO is a finding, and followed. */
    snapjar_scan *scan = new_scan(state, NULL);
    assert_ok(
        snapjar_scan_pickle(scan, BYTES("(c__builtin__\nset\n\x80\4c__builtin__\nset\n\x80\2ccommands\nx\nt."), err));
    assert_int_equal(snapjar_scan_global_count(scan), 3);
    assert_global(scan, 0, "builtins:set", "I-----A");
    assert_global(scan, 1, "__builtin__:set", "I-----A");
    assert_global(scan, 2, "subprocess:x", "I-----A");
    assert_int_equal(snapjar_scan_global_at(scan, 0)->protocol, 0);
    assert_int_equal(snapjar_scan_global_at(scan, 1)->protocol, 4);
    assert_int_equal(snapjar_scan_summarize(scan)->finding_count, 2);
    assert_ok(snapjar_scan_pickle(scan, BYTES("\x80\4\x8c\4site\x8c\tos.system\x93."), err));
    assert_true(snapjar_scan_global_at(scan, 0)->is_dotted);
    assert_global(scan, 0, "site:os.system", "I------");
    assert_int_equal(snapjar_scan_summarize(scan)->root, SNAPJAR_ROOT_GLOBAL);
    assert_int_equal(snapjar_scan_summarize(scan)->root_global, 0);
    snapjar_scan_free(scan);
}

static void test_redefined_memo(void **state)
{
    /* A value on the stack stays what it was; the memo gives the new one: "m" and "n" become "m" and "x". */
    snapjar_scan *scan = new_scan(state, NULL);
    for (size_t step = 0; step < sizeof steps / sizeof *steps; step++) {
        assert_ok(feed_in_pieces(scan,
                                 BYTES("\x80\4\x8c\1mq\0\x8c\1xq\0"
                                       "0h\0\x93."),
                                 steps[step], err));
        assert_global(scan, 0, "m:x", "I------");
        assert_int_equal(snapjar_scan_finding_at(scan, 0)->diagnostic, SNAPJAR_DIAG_NON_CANONICAL_MEMO);
        /* MEMOIZE takes the number of distinct entries: 1 after two PUT of 0. */
        assert_ok(feed_in_pieces(scan,
                                 BYTES("\x80\4\x8c\1mq\0q\0\x8c\1n\x94"
                                       "0h\1\x93."),
                                 steps[step], err));
        assert_global(scan, 0, "m:n", "I------");
        /* What is learnt of the value that is still on the stack is not learnt of the entry. */
        assert_ok(feed_in_pieces(scan,
                                 BYTES("\x80\4\x8c\1mq\0\x8c\1nq\0\x93"
                                       "0h\0h\0\x93."),
                                 steps[step], err));
        assert_global(scan, 0, "m:n", "I------");
        assert_global(scan, 1, "n:n", "I------");
        /* A third time. */
        assert_ok(feed_in_pieces(scan,
                                 BYTES("\x80\4\x8c\1aq\0"
                                       "0\x8c\1bq\0"
                                       "0\x8c\1cq\0"
                                       "0h\0h\0\x93."),
                                 steps[step], err));
        assert_global(scan, 0, "c:c", "I------");
    }
    /* An entry below others that were there in the chunk before: each line is a chunk. */
    assert_ok(feed_in_pieces(scan,
                             BYTES("\x80\4NNNNq\4"
                                   "0"
                                   "\x8c\1mq\1"
                                   "0N0N"
                                   "0h\1h\1\x93."),
                             9, err));
    assert_global(scan, 0, "m:m", "I------");
    blob many = {malloc(1000), 0};
    for (int i = 0; i < 65; i++) {
        const uint8_t bytes[] = {'N', 'q', (uint8_t)i, 'q', (uint8_t)i};
        memcpy(many.bytes + many.size, bytes, sizeof bytes);
        many.size += sizeof bytes;
    }
    snapjar_error err;
    assert_fault(snapjar_scan_pickle(scan, many.bytes, many.size, &err), &err, SNAPJAR_LIMIT,
                 SNAPJAR_DIAG_PICKLE_MEMO_LIMIT, SNAPJAR_SPACE_CONTENT, 64 * 5 + 3);
    free(many.bytes);
    snapjar_scan_free(scan);
}

static void test_summary(void **state)
{
    snapjar_scan *scan = new_scan(state, NULL);
    assert_ok(snapjar_scan_pickle(scan,
                                  BYTES("\x80\5\x95\x0c\0\0\0\0\0\0\0](\x97\x98\x97Ppi\nN\x94"
                                        "e."),
                                  err));
    const snapjar_scan_summary *summary = snapjar_scan_summarize(scan);
    assert_int_equal(summary->protocol, 5);
    assert_int_equal(summary->root, SNAPJAR_ROOT_LIST);
    assert_true(summary->root_global == SIZE_MAX);
    assert_int_equal(summary->size, 24);
    assert_int_equal(summary->opcode_count, 12);
    assert_int_equal(summary->stack_depth, 5);
    assert_int_equal(summary->memo_count, 1);
    assert_int_equal(summary->buffers.count, 2);
    assert_int_equal(summary->buffers.offset, 13);
    assert_int_equal(summary->persistent_ids.count, 1);
    assert_int_equal(summary->persistent_ids.offset, 16);
    assert_int_equal(summary->finding_count, 0);
    assert_true(summary->layout_is_whole);
    assert_ok(snapjar_scan_pickle(scan, BYTES("\x80\2\x82\5\x83\1\1\x84\1\0\1\0\x87."), err));
    assert_int_equal(snapjar_scan_global_count(scan), 3);
    assert_int_equal(snapjar_scan_global_at(scan, 0)->extension_code, 5);
    assert_int_equal(snapjar_scan_global_at(scan, 1)->extension_code, 257);
    assert_int_equal(snapjar_scan_global_at(scan, 2)->extension_code, 65537);
    assert_int_equal(snapjar_scan_global_at(scan, 0)->module.size, 0);
    /* A PROTO that comes late does not say which protocol the pickle is of: its opcodes do. */
    for (size_t step = 0; step < sizeof steps / sizeof *steps; step++) {
        assert_ok(feed_in_pieces(scan, BYTES("N0\x80\5\x8c\1a0\x8c\x0alongenough0N0N0N0N."), steps[step], err));
        assert_int_equal(snapjar_scan_summarize(scan)->protocol, 4);
    }
    assert_ok(snapjar_scan_pickle(scan, BYTES("]."), err));
    assert_int_equal(snapjar_scan_summarize(scan)->protocol, 1);
    assert_ok(snapjar_scan_pickle(scan, BYTES("(l."), err));
    assert_int_equal(snapjar_scan_summarize(scan)->protocol, 0);
    snapjar_scan_free(scan);
}

static void test_string_encoding(void **state)
{
    static const struct {
        snapjar_string_encoding encoding;
        uint64_t finding_count;
        snapjar_root root;
    } rows[] = {
        {SNAPJAR_STRING_ASCII, 1, SNAPJAR_ROOT_STR},
        {SNAPJAR_STRING_LATIN1, 0, SNAPJAR_ROOT_STR},
        {SNAPJAR_STRING_BYTES, 0, SNAPJAR_ROOT_BYTES},
    };
    for (size_t i = 0; i < 3; i++) {
        snapjar_scan_options options = SNAPJAR_SCAN_OPTIONS_INIT;
        options.string_encoding = rows[i].encoding;
        snapjar_scan *scan = new_scan(state, &options);
        assert_ok(snapjar_scan_pickle(scan, BYTES("U\2a\xe4."), err));
        assert_int_equal(snapjar_scan_summarize(scan)->finding_count, rows[i].finding_count);
        assert_int_equal(snapjar_scan_summarize(scan)->root, rows[i].root);
        snapjar_scan_free(scan);
    }
}

/* ---- layouts ---- */

static void assert_fields(snapjar_scan *scan, size_t index, const char *expected)
{
    char text[256] = "";
    size_t count;
    const snapjar_text *fields = snapjar_scan_fields(scan, index, &count);
    assert_int_equal(fields == NULL, count == 0);
    for (size_t i = 0; i < count; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%.*s", i > 0 ? "," : "", (int)fields[i].size,
                 fields[i].data);
    assert_string_equal(text, expected);
}

static void test_layout(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
        const char *fields;
        bool is_whole;
    } rows[] = {
        {BYTES("\x80\2cm\nn\n)\x81}(U\1bNU\1aNub."), "a,b", true},
        {BYTES("cm\nn\n)R(dS'b'\nNsS'a'\nNsb."), "a,b", true},
        {BYTES("cm\nn\n)R(S'b'\nNS'a'\nNdb."), "a,b", true},
        {BYTES("\x80\2cm\nn\n)\x81}b."), "", true},
        /* Slots, and a dict and slots. */
        {BYTES("\x80\2cm\nn\n)\x81N}U\1sNs\x86"
               "b."),
         "s", true},
        {BYTES("\x80\2cm\nn\n)\x81}q\0U\1dNs}q\1(U\1sNU\1tNu\x86q\2b."), "d,s,t", true},
        {BYTES("\x80\2cm\nn\n)\x81}}U\1sNs\x86"
               "b."),
         "s", true},
        /* Two instances with other fields each, and one with the same. */
        {BYTES("\x80\2cm\nn\nq\0)\x81}U\1aNsb0h\0)\x81}U\1cNsb0h\0)\x81}U\1aNsb."), "a,c", true},
        /* The state is shared: made with the first, taken from the memo by the second. */
        {BYTES("\x80\2cm\nn\nq\0)\x81}q\1U\1aNsb0h\0)\x81h\1b."), "a", true},
        /* A state that was made elsewhere, and one with a key that is no text: what is in them is not known. */
        {BYTES("\x80\2}q\0U\1aNs0cm\nn\n)\x81h\0b."), "", false},
        {BYTES("\x80\2cm\nn\n)\x81}K\1Nsb."), "", false},
        /* A state that is known twice: keys that come by way of the one are not seen by way of the other. */
        {BYTES("\x80\2cm\nn\n)\x81}2U\1aNs0b."), "", false},
        {BYTES("\x80\2cm\nn\n)\x81}q\0q\1U\1aNs0h\0b."), "", false},
        {BYTES("\x80\2cm\nn\n)\x81}q\0N0q\0U\1aNs0h\0b."), "", false},
        /* A state of another kind has no fields. */
        {BYTES("\x80\2cm\nn\n)\x81K\1b."), "", true},
        {BYTES("\x80\2cm\nn\n)\x81NN\x86"
               "b."),
         "", true},
    };
    snapjar_scan *scan = new_scan(state, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (size_t step = 0; step < sizeof steps / sizeof *steps; step++) {
            assert_ok(feed_in_pieces(scan, rows[i].bytes, rows[i].size, steps[step], err));
            assert_fields(scan, 0, rows[i].fields);
            assert_int_equal(snapjar_scan_summarize(scan)->layout_is_whole, rows[i].is_whole);
            assert_int_equal(snapjar_scan_global_at(scan, 0)->fields_are_whole, rows[i].is_whole);
        }
        assert_ok(scan_padded(scan, rows[i].bytes, rows[i].size, err));
        assert_fields(scan, 0, rows[i].fields);
        assert_int_equal(snapjar_scan_summarize(scan)->layout_is_whole, rows[i].is_whole);
    }
    assert_fields(scan, 7, "");
    snapjar_scan_free(scan);
}

/* ---- limits ---- */

static void test_limits(void **state)
{
    static const char deep[] = "NNN000.";
    snapjar_scan_options options = SNAPJAR_SCAN_OPTIONS_INIT;
    snapjar_error err;
    options.stack_depth_max = 3;
    options.memo_count_max = 2;
    options.global_count_max = 2;
    options.finding_count_max = 1;
    options.field_count_max = 2;
    snapjar_scan *scan = new_scan(state, &options);
    assert_fault(snapjar_scan_pickle(scan, BYTES(deep), &err), &err, SNAPJAR_DAMAGED,
                 SNAPJAR_DIAG_PICKLE_STACK_UNDERFLOW, SNAPJAR_SPACE_CONTENT, 6);
    assert_fault(snapjar_scan_pickle(scan, BYTES("NNNN."), &err), &err, SNAPJAR_LIMIT, SNAPJAR_DIAG_PICKLE_STACK_LIMIT,
                 SNAPJAR_SPACE_CONTENT, 3);
    assert_ok(snapjar_scan_pickle(scan, BYTES("(((111N."), err));
    assert_fault(snapjar_scan_pickle(scan, BYTES("((((N."), &err), &err, SNAPJAR_LIMIT, SNAPJAR_DIAG_PICKLE_STACK_LIMIT,
                 SNAPJAR_SPACE_CONTENT, 3);
    assert_ok(snapjar_scan_pickle(scan, BYTES("Nq\0q\1."), err));
    assert_fault(snapjar_scan_pickle(scan, BYTES("Nq\0q\1q\2."), &err), &err, SNAPJAR_LIMIT,
                 SNAPJAR_DIAG_PICKLE_MEMO_LIMIT, SNAPJAR_SPACE_CONTENT, 5);
    assert_ok(snapjar_scan_pickle(scan, BYTES("ca\nb\n0cc\nd\n."), err));
    assert_fault(snapjar_scan_pickle(scan, BYTES("ca\nb\n0cc\nd\n0ce\nf\n."), &err), &err, SNAPJAR_LIMIT,
                 SNAPJAR_DIAG_PICKLE_GLOBALS_LIMIT, SNAPJAR_SPACE_CONTENT, 12);
    assert_ok(snapjar_scan_pickle(scan, BYTES("I 1\n0I 1\n."), err));
    assert_int_equal(snapjar_scan_summarize(scan)->finding_count, 2);
    assert_non_null(snapjar_scan_finding_at(scan, 0));
    assert_null(snapjar_scan_finding_at(scan, 1));
    snapjar_scan_free(scan);
    options.stack_depth_max = 0;
    scan = new_scan(state, &options);
    assert_ok(snapjar_scan_pickle(scan, BYTES("\x80\2cm\nn\n)\x81}U\1aNsU\1bNsU\1cNsb."), err));
    assert_false(snapjar_scan_summarize(scan)->layout_is_whole);
    snapjar_scan_free(scan);
}

static void test_long_names(void **state)
{
    /* A name of 1,024 bytes is one; with a byte more nobody knows which. */
    snapjar_scan *scan = new_scan(state, NULL);
    for (size_t step = 0; step < sizeof steps / sizeof *steps; step++) {
        for (size_t extra = 0; extra < 2; extra++) {
            uint8_t bytes[2 * 1040];
            const size_t name_size = 1024 + extra;
            snapjar_error err;
            memset(bytes, 'a', sizeof bytes);
            bytes[0] = 'c';
            bytes[2] = '\n';
            bytes[3 + name_size] = '\n';
            bytes[4 + name_size] = '.';
            const snapjar_status line = feed_in_pieces(scan, bytes, 5 + name_size, steps[step], &err);
            if (extra > 0)
                assert_fault(line, &err, SNAPJAR_LIMIT, SNAPJAR_DIAG_PICKLE_TEXT_LIMIT, SNAPJAR_SPACE_CONTENT, 0);
            else
                assert_int_equal(line, SNAPJAR_OK);
            static const uint8_t head[] = {0x80, 4, 0x8c, 1, 'm', 'X'};
            memset(bytes, 'a', sizeof bytes);
            memcpy(bytes, head, sizeof head);
            bytes[6] = (uint8_t)name_size;
            bytes[7] = (uint8_t)(name_size >> 8);
            bytes[8] = bytes[9] = 0;
            bytes[10 + name_size] = 0x93;
            bytes[11 + name_size] = '.';
            const snapjar_status text = feed_in_pieces(scan, bytes, 12 + name_size, steps[step], &err);
            if (extra > 0)
                assert_fault(text, &err, SNAPJAR_LIMIT, SNAPJAR_DIAG_PICKLE_TEXT_LIMIT, SNAPJAR_SPACE_CONTENT,
                             10 + name_size);
            else
                assert_int_equal(text, SNAPJAR_OK);
        }
    }
    snapjar_scan_free(scan);
}

/** A pickle with "m" and a text of `count` times `unit`, written by `opcode` with what ends it, as operands. */
static blob name_of_units(char opcode, const char *begin, const char *unit, size_t count, const char *end)
{
    const size_t unit_size = strlen(unit);
    blob made = {malloc(64 + count * unit_size), 0};
    assert_non_null(made.bytes);
    made.size = (size_t)sprintf((char *)made.bytes, "S'm'\n%c%s", opcode, begin);
    if (opcode == 'T') {
        const size_t size = count * unit_size;
        const uint8_t prefix[] = {(uint8_t)size, (uint8_t)(size >> 8), 0, 0};
        memcpy(made.bytes + made.size, prefix, sizeof prefix);
        made.size += sizeof prefix;
    }
    for (size_t i = 0; i < count; i++, made.size += unit_size)
        memcpy(made.bytes + made.size, unit, unit_size);
    made.size += (size_t)sprintf((char *)made.bytes + made.size, "%s\x93.", end);
    return made;
}

static void test_long_decoded_names(void **state)
{
    /* What counts is the size in UTF-8, which is more than is there, or less. */
    static const struct {
        char opcode;
        const char *begin, *unit, *end;
        size_t count;
        bool is_name;
    } rows[] = {
        {'T', "", "\xe9", "", 512, true},
        {'T', "", "\xe9", "", 513, false},
        {'S', "'", "\xe9", "'\n", 512, true},
        {'S', "'", "\xe9", "'\n", 513, false},
        {'S', "'", "\\xe9", "'\n", 512, true},
        {'S', "'", "\\xe9", "'\n", 513, false},
        {'S', "'", "\\x61", "'\n", 1000, true},
        {'V', "", "\xe9", "\n", 512, true},
        {'V', "", "\xe9", "\n", 513, false},
        {'V', "", "\\u0100", "\n", 512, true},
        {'V', "", "\\u0100", "\n", 513, false},
        {'V', "", "\\u20ac", "\n", 341, true},
        {'V', "", "\\u20ac", "\n", 342, false},
        {'V', "", "\\U0001f600", "\n", 256, true},
        {'V', "", "\\U0001f600", "\n", 257, false},
        {'V', "", "\\q", "\n", 512, true},
        {'V', "", "\\q", "\n", 513, false},
        /* An argument of more than 4096 bytes is not decoded at all. */
        {'S', "'", "\\x61", "'\n", 1024, false},
    };
    snapjar_scan_options options = SNAPJAR_SCAN_OPTIONS_INIT;
    options.string_encoding = SNAPJAR_STRING_LATIN1;
    snapjar_scan *scan = new_scan(state, &options);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        blob pickle = name_of_units(rows[i].opcode, rows[i].begin, rows[i].unit, rows[i].count, rows[i].end);
        for (size_t step = 0; step < sizeof steps / sizeof *steps; step++) {
            snapjar_error err;
            const snapjar_status status = feed_in_pieces(scan, pickle.bytes, pickle.size, steps[step], &err);
            if ((status == SNAPJAR_OK) != rows[i].is_name)
                fail_msg("row %zu is %sa name", i, status == SNAPJAR_OK ? "" : "not ");
            if (!rows[i].is_name)
                assert_fault(status, &err, SNAPJAR_LIMIT, SNAPJAR_DIAG_PICKLE_TEXT_LIMIT, SNAPJAR_SPACE_CONTENT,
                             pickle.size - 2);
            else
                assert_true(snapjar_scan_global_at(scan, 0)->name.size <= 1024);
        }
        free(pickle.bytes);
    }
    snapjar_scan_free(scan);
}

static void test_depth(void **state)
{
    /* A million lists in one another, and as many marks: no recursion, no limit hit. */
    const size_t depth = 1000000;
    blob deep = {malloc(3 * depth + 8), 0};
    snapjar_scan *scan = new_scan(state, NULL);
    for (size_t i = 0; i < depth; i++)
        deep.bytes[deep.size++] = ']';
    for (size_t i = 1; i < depth; i++)
        deep.bytes[deep.size++] = 'a';
    deep.bytes[deep.size++] = '.';
    assert_ok(snapjar_scan_pickle(scan, deep.bytes, deep.size, err));
    assert_int_equal(snapjar_scan_summarize(scan)->stack_depth, depth);
    assert_int_equal(snapjar_scan_summarize(scan)->finding_count, 0);
    deep.size = 0;
    for (size_t i = 0; i < depth; i++)
        deep.bytes[deep.size++] = '(';
    for (size_t i = 0; i < depth; i++)
        deep.bytes[deep.size++] = 't';
    deep.bytes[deep.size++] = '.';
    assert_ok(feed_in_pieces(scan, deep.bytes, deep.size, 65536, err));
    assert_int_equal(snapjar_scan_summarize(scan)->root, SNAPJAR_ROOT_TUPLE);
    free(deep.bytes);
    snapjar_scan_free(scan);
}

static void test_forgotten_texts(void **state)
{
    /* Texts that come in chunks are remembered up to a limit; beyond it a name that was not is no name. */
    snapjar_scan_options options = SNAPJAR_SCAN_OPTIONS_INIT;
    snapjar_error err;
    uint8_t bytes[4096];
    size_t size = 0;
    options.text_size_max = 1024;
    snapjar_scan *scan = new_scan(state, &options);
    bytes[size++] = 0x80;
    bytes[size++] = 4;
    for (int i = 0; i < 100; i++) {
        const uint8_t text[] = {
            0x8c, 8, 'n', 'a', 'm', 'e', '0', '0', (uint8_t)('0' + i / 10), (uint8_t)('0' + i % 10), 0x94, '0'};
        memcpy(bytes + size, text, sizeof text);
        size += sizeof text;
    }
    static const uint8_t tail[] = {'h', 0, 'h', 80, 0x93, '.'};
    memcpy(bytes + size, tail, sizeof tail);
    size += sizeof tail;
    assert_ok(snapjar_scan_pickle(scan, bytes, size, err));
    assert_fault(feed_in_pieces(scan, bytes, size, 64, &err), &err, SNAPJAR_LIMIT, SNAPJAR_DIAG_PICKLE_TEXT_LIMIT,
                 SNAPJAR_SPACE_CONTENT, size - 2);
    snapjar_scan_free(scan);
}

/* ---- the interface ---- */

static snapjar_status scan_much(snapjar_context *context, void *state, snapjar_error *err)
{
    static const char pickle[] = "\x80\4](\x8c\1m\x94\x8c\1n\x94\x93\x94)\x81}(\x8c\1aNI 1\nNub"
                                 "\x8c\1mh\1\x93)\x81N}\x8c\1sNs\x86"
                                 "be.";
    snapjar_scan *scan = NULL;
    size_t count = 0;
    (void)state;
    snapjar_status status = snapjar_scan_new(&scan, context, NULL, err);
    if (status != SNAPJAR_OK)
        return status;
    status = feed_in_pieces(scan, BYTES(pickle), 3, err);
    if (status == SNAPJAR_OK)
        status = feed_in_pieces(scan, BYTES(pickle), sizeof pickle, err);
    if (status == SNAPJAR_OK)
        (void)snapjar_scan_fields(scan, 0, &count);
    snapjar_scan_free(scan);
    if (count == SIZE_MAX) {
        err->status = status = SNAPJAR_NO_MEMORY;
        err->diagnostic = SNAPJAR_DIAG_OUT_OF_MEMORY;
    }
    return status;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    assert_true(fail_alloc_run(scan_much, NULL) > 10);
}

static void test_arguments(void **state)
{
    snapjar_scan *scan = (snapjar_scan *)(void *)state;
    snapjar_scan_options options = SNAPJAR_SCAN_OPTIONS_INIT;
    size_t consumed = 7;
    assert_int_equal(snapjar_scan_new(NULL, *state, NULL, NULL), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(snapjar_scan_new(&scan, NULL, NULL, NULL), SNAPJAR_INVALID_ARGUMENT);
    assert_null(scan);
    options.string_encoding = (snapjar_string_encoding)3;
    assert_int_equal(snapjar_scan_new(&scan, *state, &options, NULL), SNAPJAR_INVALID_ARGUMENT);
    options.struct_size = 1;
    assert_int_equal(snapjar_scan_new(&scan, *state, &options, NULL), SNAPJAR_INVALID_ARGUMENT);
    scan = new_scan(state, NULL);
    assert_int_equal(snapjar_scan_feed(scan, NULL, 1, &consumed, NULL), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(consumed, 0);
    assert_int_equal(snapjar_scan_feed(NULL, "N", 1, NULL, NULL), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(snapjar_scan_pickle(NULL, "N", 1, NULL), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(snapjar_scan_finish(NULL, 0, NULL), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(snapjar_scan_pickle(scan, "N", 1, NULL), SNAPJAR_CUT_SHORT);
    assert_int_equal(snapjar_scan_feed(scan, "N", 1, NULL, NULL), SNAPJAR_CUT_SHORT);
    snapjar_scan_reset(scan, 0);
    assert_int_equal(snapjar_scan_failure(scan)->status, SNAPJAR_OK);
    assert_ok(snapjar_scan_feed(scan, BYTES("N.more"), &consumed, err));
    assert_int_equal(consumed, 2);
    assert_ok(snapjar_scan_feed(scan, BYTES("more"), &consumed, err));
    assert_int_equal(consumed, 0);
    assert_ok(snapjar_scan_finish(scan, 0, err));
    snapjar_scan_free(scan);
    snapjar_scan_free(NULL);
    assert_string_equal(snapjar_use_name(SNAPJAR_USE_SETITEM), "setitem");
    assert_string_equal(snapjar_use_name((snapjar_use)SNAPJAR_USE_COUNT), "unknown");
    assert_string_equal(snapjar_root_name(SNAPJAR_ROOT_FROZENSET), "frozenset");
    assert_string_equal(snapjar_root_name((snapjar_root)99), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_refused, make_context, free_context),
        cmocka_unit_test_setup_teardown(test_oddities, make_context, free_context),
        cmocka_unit_test_setup_teardown(test_uses, make_context, free_context),
        cmocka_unit_test_setup_teardown(test_offsets_of_uses, make_context, free_context),
        cmocka_unit_test_setup_teardown(test_resolution, make_context, free_context),
        cmocka_unit_test_setup_teardown(test_redefined_memo, make_context, free_context),
        cmocka_unit_test_setup_teardown(test_summary, make_context, free_context),
        cmocka_unit_test_setup_teardown(test_string_encoding, make_context, free_context),
        cmocka_unit_test_setup_teardown(test_layout, make_context, free_context),
        cmocka_unit_test_setup_teardown(test_limits, make_context, free_context),
        cmocka_unit_test_setup_teardown(test_long_names, make_context, free_context),
        cmocka_unit_test_setup_teardown(test_long_decoded_names, make_context, free_context),
        cmocka_unit_test_setup_teardown(test_depth, make_context, free_context),
        cmocka_unit_test_setup_teardown(test_forgotten_texts, make_context, free_context),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test_setup_teardown(test_arguments, make_context, free_context),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
