/* SPDX-License-Identifier: MIT
 *
 * Pickles written at another protocol: the exact bytes for each kind of value, what is refused and where, restarts,
 * frames, and failures of memory and sink. What CPython makes of the results is compared in
 * tests/python/test_transcode_cpython.py.
 */
#include "support.h"

#include <snapjar/graph.h>

#include "fail_alloc.h"

static snapjar_status emit(snapjar_context *context, const void *bytes, size_t size, snapjar_string_encoding encoding,
                           int protocol, snapjar_sink *sink, snapjar_error *err)
{
    snapjar_graph_options options = SNAPJAR_GRAPH_OPTIONS_INIT;
    snapjar_graph *graph;
    uint64_t written;
    options.string_encoding = encoding;
    snapjar_status status = snapjar_graph_new(&graph, context, bytes, size, &options, err);
    if (status != SNAPJAR_OK)
        return status;
    status = snapjar_graph_emit(graph, protocol, sink, NULL, &written, err);
    size_t out_size;
    (void)snapjar_sink_memory(sink, &out_size);
    assert_int_equal(written, out_size);
    snapjar_graph_free(graph);
    return status;
}

typedef struct row {
    const char *from;
    size_t from_size;
    int protocol;
    const char *to;
    size_t to_size;
} row;

/* clang-format off */
static const row rows[] = {
    /* Literals. */
    {BYTES("\x80\2N."), 0, BYTES("N.")},
    {BYTES("N."), 2, BYTES("\x80\2N.")},
    {BYTES("\x80\2\x88."), 1, BYTES("I01\n.")},
    {BYTES("I00\n."), 2, BYTES("\x80\2\x89.")},
    {BYTES("K\7."), 0, BYTES("I7\n.")},
    {BYTES("K\xff."), 1, BYTES("K\xff.")},
    {BYTES("I256\n."), 1, BYTES("M\0\1.")},
    {BYTES("I65536\n."), 1, BYTES("J\0\0\1\0.")},
    {BYTES("I-1\n."), 1, BYTES("J\xff\xff\xff\xff.")},
    {BYTES("J\0\0\0\x80."), 0, BYTES("I-2147483648\n.")},
    {BYTES("L2147483648L\n."), 1, BYTES("L2147483648L\n.")},
    {BYTES("L2147483648L\n."), 2, BYTES("\x80\2\x8a\5\0\0\0\x80\0.")},
    {BYTES("L-2147483648L\n."), 3, BYTES("\x80\3J\0\0\0\x80.")},
    {BYTES("\x80\3\x8a\0."), 0, BYTES("I0\n.")},
    {BYTES("\x80\3\x8a\3\5\0\0."), 2, BYTES("\x80\2K\5.")},
    /* A `long` of Python 2 stays one for Python 2. */
    {BYTES("L5L\n."), 1, BYTES("L5L\n.")},
    {BYTES("L5L\n."), 2, BYTES("\x80\2\x8a\1\5.")},
    {BYTES("L0L\n."), 2, BYTES("\x80\2\x8a\0.")},
    {BYTES("L5L\n."), 3, BYTES("\x80\3K\5.")},
    {BYTES("F0.1\n."), 1, BYTES("G?\xb9\x99\x99\x99\x99\x99\x9a.")},
    {BYTES("G?\xb9\x99\x99\x99\x99\x99\x9a."), 0, BYTES("F0.1\n.")},
    {BYTES("G\x80\0\0\0\0\0\0\0."), 0, BYTES("F-0.0\n.")},
    {BYTES("G\x7f\xf0\0\0\0\0\0\0."), 0, BYTES("Finf\n.")},
    {BYTES("G\x7f\xf8\0\0\0\0\0\0."), 0, BYTES("Fnan\n.")},
    {BYTES("G\xff\xf8\0\0\0\0\0\0."), 0, BYTES("F-nan\n.")},
    {BYTES("F-nan\n."), 1, BYTES("G\xff\xf8\0\0\0\0\0\0.")},
    {BYTES("V\\u20ac\\u005c\n."), 1, BYTES("X\4\0\0\0\xe2\x82\xac\\.")},
    {BYTES("X\4\0\0\0\xe2\x82\xac\\."), 0, BYTES("V\\u20ac\\u005c\n.")},
    {BYTES("X\7\0\0\0\xf0\x9f\x98\x80\xed\xa0\x80."), 0, BYTES("V\\U0001f600\\ud800\n.")},
    {BYTES("X\6\0\0\0\0\n\r\x1a\xc3\xa9."), 0, BYTES("V\\u0000\\u000a\\u000d\\u001a\xe9\n.")},
    {BYTES("Vab\n."), 4, BYTES("\x80\4\x95\5\0\0\0\0\0\0\0\x8c\2ab.")},
    {BYTES("\x80\3" "C\2a\xff."), 2, BYTES("\x80\2c_codecs\nencode\nq\0X\3\0\0\0a\xc3\xbfX\6\0\0\0latin1q\1\x86R.")},
    {BYTES("\x80\3" "C\0."), 1, BYTES("c__builtin__\nbytes\nq\0)R.")},
    {BYTES("\x80\3" "C\0."), 0, BYTES("c__builtin__\nbytes\np0\n(tR.")},
    {BYTES("\x80\5\x96\2\0\0\0\0\0\0\0ab."), 5, BYTES("\x80\5\x95\x0c\0\0\0\0\0\0\0\x96\2\0\0\0\0\0\0\0ab.")},
    {BYTES("\x80\5\x96\2\0\0\0\0\0\0\0ab."), 3, BYTES("\x80\3" "cbuiltins\nbytearray\nq\0C\2ab\x85R.")},
    {BYTES("\x80\5\x96\0\0\0\0\0\0\0\0."), 3, BYTES("\x80\3" "cbuiltins\nbytearray\nq\0)R.")},
    /* Containers. */
    {BYTES("\x80\2)."), 0, BYTES("(t.")},
    {BYTES("(I1\nI2\nI3\nt."), 2, BYTES("\x80\2K\1K\2K\3\x87.")},
    {BYTES("(I1\nI2\nI3\nI4\nt."), 2, BYTES("\x80\2(K\1K\2K\3K\4t.")},
    {BYTES("\x80\2K\1K\2\x86."), 1, BYTES("(K\1K\2t.")},
    {BYTES("](K\1K\2" "e."), 0, BYTES("(lI1\naI2\na.")},
    {BYTES("(lI1\naI2\na."), 1, BYTES("](K\1K\2" "e.")},
    {BYTES("(K\1K\2l."), 1, BYTES("](K\1K\2" "e.")},
    {BYTES("]K\1" "a."), 1, BYTES("]K\1" "a.")},
    {BYTES("](K\1" "e."), 1, BYTES("]K\1" "a.")},
    {BYTES("}(K\1K\2K\3Nu."), 0, BYTES("(dI1\nI2\nsI3\nNs.")},
    {BYTES("(dI1\nI2\nsI3\nNs."), 1, BYTES("}(K\1K\2K\3Nu.")},
    {BYTES("(K\1K\2d."), 1, BYTES("}K\1K\2s.")},
    {BYTES("\x80\4\x8f(K\1K\2\x90."), 4, BYTES("\x80\4\x95\x08\0\0\0\0\0\0\0\x8f(K\1K\2\x90.")},
    {BYTES("\x80\4\x8f(K\1K\2\x90."), 2, BYTES("\x80\2c__builtin__\nset\nq\0](K\1K\2e\x85R.")},
    {BYTES("\x80\4\x8f(K\1K\2\x90."), 0, BYTES("c__builtin__\nset\np0\n((lI1\naI2\natR.")},
    {BYTES("\x80\4\x8f."), 3, BYTES("\x80\3" "cbuiltins\nset\nq\0]\x85R.")},
    {BYTES("\x80\4(K\1\x91."), 3, BYTES("\x80\3" "cbuiltins\nfrozenset\nq\0(K\1l\x85R.")},
    {BYTES("\x80\4(K\1\x91."), 0, BYTES("c__builtin__\nfrozenset\np0\n((I1\nltR.")},
    /* Names. */
    {BYTES("c__builtin__\nset\n."), 3, BYTES("\x80\3" "cbuiltins\nset\n.")},
    {BYTES("c__builtin__\nunicode\n."), 3, BYTES("\x80\3" "cbuiltins\nstr\n.")},
    {BYTES("\x80\3" "cbuiltins\nstr\n."), 2, BYTES("\x80\2c__builtin__\nunicode\n.")},
    {BYTES("\x80\3" "cbuiltins\nOSError\n."), 2, BYTES("\x80\2" "cexceptions\nOSError\n.")},
    {BYTES("\x80\3" "cbuiltins\nBlockingIOError\n."), 2, BYTES("\x80\2" "c__builtin__\nBlockingIOError\n.")},
    {BYTES("\x80\3" "ccollections\nOrderedDict\n."), 2, BYTES("\x80\2" "ccollections\nOrderedDict\n.")},
    {BYTES("\x80\3" "cdbm\nopen\n."), 1, BYTES("canydbm\nopen\n.")},
    {BYTES("\x80\4\x8c\1m\x94\x8c\1n\x94\x93\x94h\2\x86."), 2, BYTES("\x80\2" "cm\nn\nq\0h\0\x86.")},
    {BYTES("cm\nn\n."), 4, BYTES("\x80\4\x95\x08\0\0\0\0\0\0\0\x8c\1m\x8c\1n\x93.")},
    {BYTES("\x80\4\x8c\1m\x8c\5A.b.c\x93."), 3,
     BYTES("\x80\3" "cbuiltins\ngetattr\nq\0h\0cm\nA\nX\1\0\0\0b\x86RX\1\0\0\0c\x86R.")},
    {BYTES("\x80\4\x8c\1m\x8c\3A.b\x93."), 1, BYTES("c__builtin__\ngetattr\nq\0(cm\nA\nX\1\0\0\0btR.")},
    {BYTES("\x80\3" "c\xc3\xa9\nn\n."), 4, BYTES("\x80\4\x95\x09\0\0\0\0\0\0\0\x8c\2\xc3\xa9\x8c\1n\x93.")},
    {BYTES("\x80\2\x82\5."), 3, BYTES("\x80\3\x82\5.")},
    /* Calls and instances. */
    {BYTES("\x80\2" "cm\nC\n)\x81}b."), 1, BYTES("ccopy_reg\n__newobj__\nq\0(cm\nC\ntR}b.")},
    {BYTES("\x80\2" "cm\nC\nK\1K\2\x86\x81."), 0, BYTES("ccopy_reg\n__newobj__\np0\n(cm\nC\nI1\nI2\ntR.")},
    {BYTES("\x80\2" "cm\nC\nK\1\x85\x81."), 3, BYTES("\x80\3" "cm\nC\nK\1\x85\x81.")},
    {BYTES("\x80\4\x8c\1m\x8c\1" "C\x93)}\x92."), 3, BYTES("\x80\3" "ccopyreg\n__newobj_ex__\nq\0cm\nC\n)}\x87R.")},
    /* Unless something may refer to the tuple, or was done above it, the call of copyreg is what NEWOBJ_EX is. */
    {BYTES("\x80\2" "ccopy_reg\n__newobj_ex__\ncm\nC\n)}\x87R."), 4, BYTES("\x80\4\x95\x0b\0\0\0\0\0\0\0\x8c\1m\x8c\1" "C\x93)}\x92.")},
    {BYTES("\x80\2" "ccopy_reg\n__newobj_ex__\ncm\nC\n)}\x87q\0Rh\0\x86."), 2, BYTES("\x80\2" "ccopy_reg\n__newobj_ex__\ncm\nC\n)}\x87q\0Rh\0\x86.")},
    {BYTES("\x80\2" "cm\nf\nq\0)q\1\x86" "ccopy_reg\n__newobj_ex__\ncm\nC\n)}\x87h\0h\1R0R\x86."), 2,
     BYTES("\x80\2" "cm\nf\nq\0)\x86" "ccopy_reg\n__newobj_ex__\ncm\nC\n)}\x87h\0)R0R\x86.")},
    {BYTES("\x80\4\x8c\1m\x8c\1" "C\x93)}\x92."), 1, BYTES("ccopy_reg\n__newobj_ex__\nq\0(cm\nC\n)}tR.")},
    {BYTES("(K\1im\nC\n."), 2, BYTES("\x80\2(K\1im\nC\n.")},
    {BYTES("(cm\nC\nK\1o."), 2, BYTES("\x80\2(cm\nC\nK\1o.")},
    {BYTES("(cm\nC\nK\1o."), 0, BYTES("(I1\nim\nC\n.")},
    {BYTES("(cm\nC\nq\0o(h\0o\x86."), 0, BYTES("((im\nC\n(im\nC\nt.")},
    {BYTES("(cm\nC\nq\0oh\0\x86."), 0, BYTES("((im\nC\ncm\nC\np0\nt.")},
    {BYTES("cm\nC\n)R(K\1" "e(K\2K\3u."), 1, BYTES("cm\nC\n)R(K\1" "e(K\2K\3u.")},
    {BYTES("cm\nC\n)R(K\1K\2" "e."), 0, BYTES("cm\nC\n(tRI1\naI2\na.")},
    {BYTES("Pid\n."), 1, BYTES("X\2\0\0\0idQ.")},
    {BYTES("X\2\0\0\0idQ."), 0, BYTES("Pid\n.")},
    {BYTES("\x80\5\x97\x98."), 5, BYTES("\x80\5\x97\x98.")},
    /* Memo entries where they are needed, and nowhere else. */
    {BYTES("]q\0(]q\1]q\2h\1e."), 1, BYTES("](]q\0]h\0e.")},
    {BYTES("]q\0(]q\1]q\2h\1e."), 0, BYTES("(l(lp0\na(lag0\na.")},
    {BYTES("]2\x86."), 4, BYTES("\x80\4\x95\6\0\0\0\0\0\0\0]\x94h\0\x86.")},
    {BYTES("]q\0h\0a."), 1, BYTES("]q\0h\0a.")},
    {BYTES("N2\x86."), 2, BYTES("\x80\2NN\x86.")},
    /* Tuples that contain themselves: made inside, thrown away outside. */
    {BYTES("\x80\2]q\0h\0\x85q\1a0h\1."), 2, BYTES("\x80\2]q\0h\0\x85q\1a0h\1.")},
    {BYTES("\x80\2]q\0h\0\x85q\1a0h\1."), 1, BYTES("(]q\0(h\0tq\1a1h\1.")},
    {BYTES("\x80\2]q\0h\0\x85q\1a0h\1."), 0, BYTES("((lp0\n(g0\ntp1\na00g1\n.")},
    /* The list gets no GET here, so that everything is begun anew. */
    {BYTES("]2\x85q\0a."), 2, BYTES("\x80\2]q\0h\0\x85" "a.")},
    {BYTES("\x80\4]\x94(h\0\x91\x94" "a0h\1."), 4, BYTES("\x80\4\x95\x0d\0\0\0\0\0\0\0(]\x94(h\0\x91\x94" "a1h\1.")},
    {BYTES("\x80\4]\x94(h\0\x91\x94" "a0h\1."), 2,
     BYTES("\x80\2c__builtin__\nfrozenset\nq\0(]q\1h\0(h\1l\x85Rq\2a10h\2.")},
    {BYTES("\x80\4]\x94(h\0\x91\x94" "a0h\1."), 0,
     BYTES("c__builtin__\nfrozenset\np0\n(((lp1\ng0\n((g1\nltRp2\na0000g2\n.")},
    /* A set that contains itself is filled by calls. */
    {BYTES("\x80\4\x8f\x94(h\0\x85\x90."), 2,
     BYTES("\x80\2c__builtin__\nset\nq\0)Rq\1coperator\nior\nq\2h\1h\0(h\1\x85q\3l\x85R\x86R0.")},
    /* Calls whose results are dropped. */
    {BYTES("]cm\nf\n)R0K\1" "a."), 1, BYTES("]cm\nf\n)R0K\1" "a.")},
    {BYTES("](cm\nf\n)R1."), 2, BYTES("\x80\2]cm\nf\n)R0.")},
    {BYTES("Vkey\ncm\nf\n0."), 1, BYTES("X\3\0\0\0keycm\nf\n0.")},
    {BYTES("\x89(\x97\x89" "1."), 5, BYTES("\x80\5\x95\4\0\0\0\0\0\0\0\x89\x97" "0.")},
    {BYTES("cm\nf\n)R0cm\ng\n)Rq\0" "0h\0."), 1, BYTES("cm\nf\n)R0cm\ng\n)Rq\0.")},
};
/* clang-format on */

static void check_row(void **state, const row *r, snapjar_string_encoding encoding, size_t index)
{
    snapjar_sink *sink;
    size_t size;
    char got[400], expected[400];
    blob pickle = blob_copy(r->from, r->from_size);
    assert_ok(snapjar_sink_to_memory(&sink, *state, err));
    snapjar_error error;
    if (emit(*state, pickle.bytes, pickle.size, encoding, r->protocol, sink, &error) != SNAPJAR_OK)
        fail_msg("row %zu: %s at %lld", index, error.message, (long long)error.offset);
    const void *bytes = snapjar_sink_memory(sink, &size);
    (void)snapjar_text_escape(got, sizeof got, bytes, size);
    (void)snapjar_text_escape(expected, sizeof expected, r->to, r->to_size);
    if (size != r->to_size || memcmp(bytes, r->to, size) != 0)
        fail_msg("row %zu gives %s, not %s", index, got, expected);
    snapjar_sink_free(sink);
    free(pickle.bytes);
}

static void test_bytes(void **state)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check_row(state, &rows[i], SNAPJAR_STRING_ASCII, i);
}

/* clang-format off */
static const struct {
    row row;
    snapjar_string_encoding encoding;
} python2_rows[] = {
    {{BYTES("S'a\\xe9\\n\\''\n."), 0, BYTES("S'a\\xe9\\n\\''\n.")}, SNAPJAR_STRING_ASCII},
    {{BYTES("U\3a\xe9'."), 0, BYTES("S'a\\xe9\\''\n.")}, SNAPJAR_STRING_ASCII},
    {{BYTES("U\4\\\t\r\0."), 0, BYTES("S'\\\\\\t\\r\\x00'\n.")}, SNAPJAR_STRING_LATIN1},
    {{BYTES("S'a\\xe9'\n."), 2, BYTES("\x80\2U\2a\xe9.")}, SNAPJAR_STRING_ASCII},
    {{BYTES("S'a\\xe9'\n."), 3, BYTES("\x80\3X\3\0\0\0a\xc3\xa9.")}, SNAPJAR_STRING_LATIN1},
    {{BYTES("S'a\\xe9'\n."), 3, BYTES("\x80\3" "C\2a\xe9.")}, SNAPJAR_STRING_BYTES},
    {{BYTES("U\2a\xe9."), 3, BYTES("\x80\3X\3\0\0\0a\xc3\xa9.")}, SNAPJAR_STRING_LATIN1},
    {{BYTES("U\2a\xe9."), 1, BYTES("U\2a\xe9.")}, SNAPJAR_STRING_BYTES},
    {{BYTES("U\2ab."), 3, BYTES("\x80\3X\2\0\0\0ab.")}, SNAPJAR_STRING_ASCII},
};
/* clang-format on */

static void test_text_of_python2(void **state)
{
    for (size_t i = 0; i < sizeof python2_rows / sizeof *python2_rows; i++)
        check_row(state, &python2_rows[i].row, python2_rows[i].encoding, i);
}

/* ---- refusals ---- */

typedef struct refusal {
    const char *from;
    size_t size;
    int protocol;
    uint64_t offset;
    /** In the message. */
    const char *reason;
} refusal;

/* clang-format off */
static const refusal refusals[] = {
    {BYTES("]G\x7f\xf8\0\0\0\0\0\1a."), 0, 1, "a NaN"},
    {BYTES("]I0x1f\na."), 1, 1, "disagree"},
    {BYTES("]L0x1fL\na."), 1, 1, "disagree"},
    {BYTES("]F1_0\na."), 1, 1, "disagree"},
    {BYTES("]U\1\xe9" "a."), 3, 1, "not ASCII"},
    {BYTES("\x80\2]\x82\5a."), 1, 3, "extension"},
    {BYTES("\x80\5]\x97" "a."), 4, 3, "out-of-band"},
    {BYTES("\x80\5]\x97\x98" "a."), 4, 4, "read-only"},
    {BYTES("]K\1Qa."), 0, 3, "must be a text"},
    {BYTES("]X\1\0\0\0\nQa."), 0, 7, "line of ASCII"},
    {BYTES("]X\0\0\0\0Qa."), 0, 6, "line of ASCII"},
    {BYTES("]X\2\0\0\0\xc3\xa9Qa."), 0, 8, "line of ASCII"},
    /* A call that was dropped above the element of a list that was whole then, and got it. */
    {BYTES("\x80\2]q\0(X\1\0\0\0aq\1K\5eh\1cm\nf\nh\0\x85R0\x86."), 2, 2, "before it is whole"},
    /* Names. */
    {BYTES("\x80\3]c\xc3\xa9\nn\na."), 2, 3, "not ASCII"},
    {BYTES("\x80\4]\x8c\1m\x8c\3n\no\x93" "a."), 3, 11, "form"},
    {BYTES("\x80\4]\x8c\1m\x8c\3n..\x93" "a."), 3, 11, "part of the name"},
    {BYTES("\x80\3]cm\nA.b\na."), 4, 3, "no path"},
    {BYTES("\x80\3]cm\nA.b\na."), 2, 3, "no path"},
    {BYTES("\x80\3" "c__builtin__\nset\n."), 2, 2, "another one of Python 2"},
    {BYTES("\x80\4](\x8c\3m.n\x8c\1" "f\x93)R\x8c\1x\x93" "e."), 3, 18, "computed"},
    {BYTES("Pid\nPid\n\x93."), 5, 8, "computed"},
    {BYTES("\x80\3X\1\0\0\0mNQ\x93."), 4, 10, "computed"},
    /* What was dropped after it had a memo entry. */
    {BYTES("]cm\nf\n)Rq\0" "0."), 1, 1, "dropped"},
    {BYTES("cm\nf\n)RN."), 5, 0, "dropped"},
    /* Effects that would come in another order: the list is filled after the call that follows it. */
    {BYTES("\x80\2]q\0cm\nf\n)Rh\0cm\ng\n)Ra0\x86."), 2, 5, "come after"},
    {BYTES("\x80\2(cm\nC\ncm\nf\n)Ro."), 0, 3, "come after"},
    {BYTES("\x80\2(cm\nf\n)Ro."), 0, 9, "no global"},
};
/* clang-format on */

static void test_refusals(void **state)
{
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        const refusal *r = &refusals[i];
        snapjar_sink *sink;
        snapjar_error err;
        size_t size;
        if (r->reason[0] == '\0')
            continue;
        assert_ok(snapjar_sink_to_memory(&sink, *state, err));
        const snapjar_status status = emit(*state, r->from, r->size, SNAPJAR_STRING_ASCII, r->protocol, sink, &err);
        if (status == SNAPJAR_OK || strstr(err.message, r->reason) == NULL || err.offset != r->offset)
            fail_msg("row %zu: %s, \"%s\" at %lld", i, snapjar_status_name(status), err.message, (long long)err.offset);
        assert_fault(status, &err, SNAPJAR_UNSUPPORTED, SNAPJAR_DIAG_TRANSCODE_UNFAITHFUL, SNAPJAR_SPACE_CONTENT,
                     r->offset);
        (void)snapjar_sink_memory(sink, &size);
        assert_int_equal(size, 0);
        snapjar_sink_free(sink);
    }
}

/* ---- size ---- */

/** `count` times `part` between two others. */
static blob repeat(const char *before, size_t before_size, const char *part, size_t part_size, size_t count,
                   const char *after, size_t after_size)
{
    blob made = {malloc(before_size + part_size * count + after_size), 0};
    assert_non_null(made.bytes);
    memcpy(made.bytes, before, before_size);
    made.size = before_size;
    for (size_t i = 0; i < count; i++, made.size += part_size)
        memcpy(made.bytes + made.size, part, part_size);
    memcpy(made.bytes + made.size, after, after_size);
    made.size += after_size;
    return made;
}

/** The pickle at another protocol; its bytes belong to the caller. */
static blob transcode(void **state, blob from, int protocol)
{
    snapjar_sink *sink;
    size_t size;
    assert_ok(snapjar_sink_to_memory(&sink, *state, err));
    assert_ok(emit(*state, from.bytes, from.size, SNAPJAR_STRING_ASCII, protocol, sink, err));
    const void *bytes = snapjar_sink_memory(sink, &size);
    blob to = blob_copy(bytes, size);
    snapjar_sink_free(sink);
    return to;
}

static void test_depth(void **state)
{
    blob nested = repeat(BYTES("]"), BYTES("\x85"), 1000000, BYTES("."));
    blob bomb = repeat(BYTES(")"), BYTES("2\x86"), 1000000, BYTES("."));
    for (int protocol = 0; protocol <= 5; protocol++) {
        blob to = transcode(state, nested, protocol);
        assert_in_range(to.size, 1000002, 2000003);
        free(to.bytes);
        to = transcode(state, bomb, protocol);
        assert_in_range(to.size, 2000000, 24000000);
        free(to.bytes);
    }
    free(nested.bytes);
    free(bomb.bytes);
}

static void test_batches(void **state)
{
    /* 2001 elements one by one become batches of a thousand, and one. */
    blob list = repeat(BYTES("]"), BYTES("Na"), 2001, BYTES("."));
    blob to = transcode(state, list, 1);
    assert_int_equal(to.size, 1 + 2 * (1 + 1000 + 1) + 2 + 1);
    assert_memory_equal(to.bytes, "](N", 3);
    assert_memory_equal(to.bytes + 1002, "e(N", 3);
    assert_memory_equal(to.bytes + to.size - 4, "eNa.", 4);
    free(to.bytes);
    free(list.bytes);
    /* So do pairs. */
    blob dict = repeat(BYTES("}"), BYTES("K\1Ns"), 1500, BYTES("."));
    to = transcode(state, dict, 1);
    assert_int_equal(to.size, 1 + 2 + 1500 * 3 + 2 + 1);
    assert_memory_equal(to.bytes + 2 + 3000, "u(K", 3);
    free(to.bytes);
    free(dict.bytes);
    /* What is no list itself gets what it got, at once. */
    blob other = repeat(BYTES("cm\nf\n)R("), BYTES("N"), 1500, BYTES("e."));
    to = transcode(state, other, 1);
    assert_int_equal(to.size, other.size);
    assert_memory_equal(to.bytes, other.bytes, to.size);
    free(to.bytes);
    free(other.bytes);
}

static void test_frames(void **state)
{
    /* 40,000 tuples of two bytes, one long text, and some more: a frame, the text outside of frames, a frame. */
    static char text[70000];
    memset(text, 'x', sizeof text);
    blob small = repeat(BYTES("]("), BYTES("K\1\x85"), 40000, BYTES("X\x70\x11\1\0"));
    blob whole = repeat((char *)small.bytes, small.size, text, sizeof text, 1, BYTES("K\2e."));
    blob to = transcode(state, whole, 4);
    uint64_t at = 2;
    size_t frame_count = 0;
    while (at < to.size && to.bytes[at] == 0x95) {
        uint64_t size = 0;
        for (size_t i = 0; i < 8; i++)
            size |= (uint64_t)to.bytes[at + 1 + i] << (8 * i);
        assert_in_range(size, 4, (64 << 10) + 16);
        at += 9 + size;
        if (at < to.size && to.bytes[at] == 'X') {
            assert_memory_equal(to.bytes + at, "X\x70\x11\1\0", 5);
            at += 5 + sizeof text;
        }
        frame_count++;
    }
    assert_int_equal(at, to.size);
    assert_int_equal(frame_count, 3);
    free(to.bytes);
    free(whole.bytes);
    free(small.bytes);
}

static void test_digits(void **state)
{
    /* 1785 bytes are up to 4299 digits, 1787 more than the 4300 that Python reads. */
    snapjar_sink *sink;
    snapjar_error err;
    blob good = repeat(BYTES("\x80\2\x8b\xf9\6\0\0"), BYTES("\x7f"), 0x6f9, BYTES("."));
    blob to = transcode(state, good, 0);
    assert_int_equal(to.size, 1 + 4299 + 1 + 1 + 1);
    blob back = transcode(state, to, 2);
    /* Python 2 made no difference. */
    assert_int_equal(back.size, good.size);
    assert_memory_equal(back.bytes, good.bytes, good.size);
    free(back.bytes);
    free(to.bytes);
    free(good.bytes);
    blob bad = repeat(BYTES("\x80\2\x8b\xfb\6\0\0"), BYTES("\x7f"), 0x6fb, BYTES("."));
    assert_ok(snapjar_sink_to_memory(&sink, *state, err));
    assert_fault(emit(*state, bad.bytes, bad.size, SNAPJAR_STRING_ASCII, 1, sink, &err), &err, SNAPJAR_UNSUPPORTED,
                 SNAPJAR_DIAG_TRANSCODE_UNFAITHFUL, SNAPJAR_SPACE_CONTENT, 2);
    snapjar_sink_free(sink);
    free(bad.bytes);
}

static void test_self_reference_in_bulk(void **state)
{
    /* A tuple of lists that all hold it. What is written grows with the square, so that there is a limit. */
    for (size_t count = 30; count <= 3000; count *= 100) {
        blob pickle = {malloc(64 * count), 0};
        snapjar_sink *sink;
        snapjar_error err;
        char *at = (char *)pickle.bytes;
        at += sprintf(at, "(");
        for (size_t i = 0; i < count; i++)
            at += sprintf(at, "(lp%zu\n", i);
        at += sprintf(at, "tp%zu\n", count);
        for (size_t i = 0; i < count; i++)
            at += sprintf(at, "g%zu\ng%zu\na0", i, count);
        at += sprintf(at, ".");
        pickle.size = (size_t)(at - (char *)pickle.bytes);
        assert_ok(snapjar_sink_to_memory(&sink, *state, err));
        const snapjar_status status = emit(*state, pickle.bytes, pickle.size, SNAPJAR_STRING_ASCII, 2, sink, &err);
        if (count == 30)
            assert_int_equal(status, SNAPJAR_OK);
        else
            assert_fault(status, &err, SNAPJAR_UNSUPPORTED, SNAPJAR_DIAG_TRANSCODE_UNFAITHFUL, SNAPJAR_SPACE_CONTENT,
                         22891);
        snapjar_sink_free(sink);
        free(pickle.bytes);
    }
}

static void test_deep_self_reference(void **state)
{
    /* A list in a list and so on, each of which holds the outermost one. All those between are looked through each
     * time, for which there is a limit. */
    for (size_t depth = 5000; depth <= 20000; depth *= 4) {
        blob pickle = {malloc(8 + 5 * depth), 0};
        snapjar_sink *sink;
        snapjar_error err;
        uint8_t *at = pickle.bytes;
        memcpy(at, "]q\0(", 4);
        at += 4;
        for (size_t i = 0; i < depth; i++, at += 4)
            memcpy(at, "](h", 4);
        memset(at, 'e', depth + 1);
        at[depth + 1] = '.';
        pickle.size = (size_t)(at - pickle.bytes) + depth + 2;
        assert_ok(snapjar_sink_to_memory(&sink, *state, err));
        const snapjar_status status = emit(*state, pickle.bytes, pickle.size, SNAPJAR_STRING_ASCII, 2, sink, &err);
        if (depth == 5000)
            assert_int_equal(status, SNAPJAR_OK);
        else
            assert_fault(status, &err, SNAPJAR_UNSUPPORTED, SNAPJAR_DIAG_TRANSCODE_UNFAITHFUL, SNAPJAR_SPACE_CONTENT,
                         0);
        snapjar_sink_free(sink);
        free(pickle.bytes);
    }
}

/* ---- arguments, memory, sinks ---- */

static void test_arguments(void **state)
{
    struct {
        snapjar_emit_options options;
        uint64_t tail;
    } newer = {SNAPJAR_EMIT_OPTIONS_INIT, 1};
    snapjar_graph *graph;
    snapjar_sink *sink;
    snapjar_error err;
    uint64_t size = 7;
    assert_ok(snapjar_graph_new(&graph, *state, BYTES("N."), NULL, err));
    assert_ok(snapjar_sink_to_memory(&sink, *state, err));
    newer.options.struct_size = sizeof newer;
    assert_fault(snapjar_graph_emit(graph, 2, sink, &newer.options, &size, &err), &err, SNAPJAR_INVALID_ARGUMENT,
                 SNAPJAR_DIAG_INVALID_ARGUMENT, SNAPJAR_SPACE_NONE, SNAPJAR_OFFSET_NONE);
    assert_int_equal(size, 0);
    assert_int_equal(snapjar_graph_emit(graph, -1, sink, NULL, NULL, NULL), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(snapjar_graph_emit(graph, 6, sink, NULL, NULL, NULL), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(snapjar_graph_emit(NULL, 2, sink, NULL, NULL, NULL), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(snapjar_graph_emit(graph, 2, NULL, NULL, NULL, NULL), SNAPJAR_INVALID_ARGUMENT);
    newer.tail = 0;
    newer.options.memory_max = 1;
    assert_ok(snapjar_graph_emit(graph, 2, sink, &newer.options, &size, err));
    assert_int_equal(size, 4);
    snapjar_sink_free(sink);
    snapjar_graph_free(graph);
}

static snapjar_status transcode_row(snapjar_context *context, void *state, snapjar_error *err)
{
    const row *r = state;
    snapjar_sink *sink;
    snapjar_status status = snapjar_sink_to_memory(&sink, context, err);
    if (status != SNAPJAR_OK)
        return status;
    snapjar_graph *graph;
    status = snapjar_graph_new(&graph, context, r->from, r->from_size, NULL, err);
    if (status == SNAPJAR_OK)
        status = snapjar_graph_emit(graph, r->protocol, sink, NULL, NULL, err);
    snapjar_graph_free(graph);
    snapjar_sink_free(sink);
    return status;
}

static void test_without_memory(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        row r = rows[i];
        assert_true(fail_alloc_run(transcode_row, &r) > 8);
    }
}

static snapjar_status refuse_write(void *state, const void *bytes, size_t size, snapjar_error *err)
{
    (void)bytes;
    *(size_t *)state += size;
    if (err != NULL) {
        memset(err, 0, sizeof *err);
        err->status = SNAPJAR_IO;
        err->diagnostic = SNAPJAR_DIAG_WRITE_FAILED;
    }
    return SNAPJAR_IO;
}

static void test_sink_that_fails(void **state)
{
    const snapjar_sink_functions functions = {.struct_size = sizeof functions, .write = refuse_write};
    snapjar_graph *graph;
    snapjar_sink *sink;
    snapjar_error err;
    size_t asked = 0;
    uint64_t size = 7;
    assert_ok(snapjar_graph_new(&graph, *state, BYTES("]N\x86."), NULL, err));
    assert_ok(snapjar_sink_from_functions(&sink, *state, &functions, &asked, err));
    assert_int_equal(snapjar_graph_emit(graph, 2, sink, NULL, &size, &err), SNAPJAR_IO);
    assert_int_equal(err.diagnostic, SNAPJAR_DIAG_WRITE_FAILED);
    assert_int_equal(size, 0);
    assert_true(asked > 0);
    snapjar_sink_free(sink);
    snapjar_graph_free(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_text_of_python2),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_batches),
        cmocka_unit_test(test_frames),
        cmocka_unit_test(test_digits),
        cmocka_unit_test(test_self_reference_in_bulk),
        cmocka_unit_test(test_deep_self_reference),
        cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_without_memory),
        cmocka_unit_test(test_sink_that_fails),
    };
    return cmocka_run_group_tests(tests, make_context, free_context);
}
