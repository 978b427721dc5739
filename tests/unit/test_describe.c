/* SPDX-License-Identifier: MIT
 *
 * What pack writes into a header of its own accord: the type of the root object and the layout of the classes.
 */
#include "one_context.h"

#include "craft.h"

/* Protocol 4: an instance of m:NAME; a dict of the items between them as its state. */
#define NEW(name) "\x8c\x01m\x8c\x01" name "\x93)\x81"
#define FIELD(name) "\x8c\x01" name "K\x01"

static const struct {
    const uint8_t *bytes;
    size_t size;
    const char *type;
    /** NULL: there is none. */
    const char *layout;
} described[] = {
    {BYTES("N."), "builtins:NoneType", NULL},
    {BYTES("\x80\x02\x88."), "builtins:bool", NULL},
    {BYTES("K\x01."), "builtins:int", NULL},
    {BYTES("G\0\0\0\0\0\0\0\0."), "builtins:float", NULL},
    {BYTES("\x80\x04\x8c\x01x."), "builtins:str", NULL},
    {BYTES("\x80\x03"
           "C\x01x."),
     "builtins:bytes", NULL},
    {BYTES("\x80\x04}."), "builtins:dict", NULL},
    {BYTES("]."), "builtins:list", NULL},
    {BYTES("\x80\x04\x8f."), "builtins:set", NULL},
    {BYTES("\x80\x04(\x91."), "builtins:frozenset", NULL},
    /* Classes and their fields, both sorted; a class without fields is not listed. */
    {BYTES("\x80\x04" NEW("T") "}(" FIELD("b") FIELD("a") "ub."), "m:T", "{\"m:T\":[\"a\",\"b\"]}"},
    {BYTES("\x80\x04" NEW("T") "}(\x8c\x01x" NEW("B") "}" FIELD("z") "sb\x8c\x01y" NEW("A") "}" FIELD(
         "y") "sb\x8c\x01w" NEW("E") "ub."),
     "m:T", "{\"m:A\":[\"y\"],\"m:B\":[\"z\"],\"m:T\":[\"w\",\"x\",\"y\"]}"},
    /* Names of Python 2 are those of Python 3. */
    {BYTES("\x80\x02"
           "ccopy_reg\n_reconstructor\n(cm\nT\nc__builtin__\nobject\nNtR}U\x01"
           "aK\x01sb."),
     "m:T", "{\"m:T\":[\"a\"]}"},
    {BYTES("\x80\x02"
           "c__builtin__\nrange\n(K\x01tR."),
     "builtins:range", NULL},
    /* What JSON must escape, and text beyond ASCII. */
    {BYTES("\x80\x04" NEW("T") "}(" FIELD("\"") FIELD("\n") "\x8c\x02\xc3\xa9K\x01ub."), "m:T",
     "{\"m:T\":[\"\\u000a\",\"\\\"\",\"\xc3\xa9\"]}"},
    /* Nobody can say: a bare global, a persistent id, what a computed call gives, what no Python could load. */
    {BYTES("\x80\x04\x8c\x01m\x8c\x01T\x93."), "pickle", NULL},
    {BYTES("\x80\x04K\x01Q."), "pickle", NULL},
    {BYTES("\x80\x04\x8c\x01m\x8c\x01T\x93)R)R."), "pickle", NULL},
    {BYTES("\x80\x04" NEW("T") "}" FIELD("a") "sb00."), "pickle", NULL},
    /* What a header cannot hold: a lone surrogate in a name, in a field. */
    {BYTES("\x80\x04\x8c\x01m\x8c\x03\xed\xa0\x80\x93)\x81."), "pickle", NULL},
    {BYTES("\x80\x04" NEW("T") "}\x8c\x03\xed\xa0\x80K\x01sb."), "m:T", NULL},
    /* Fields that are not all known. */
    {BYTES("\x80\x04" NEW("T") "}K\x01K\x02sb."), "m:T", NULL},
};

/* Packs and gives the header's JSON, to be freed. */
static char *header_of(const void *pickle, size_t size, const snapjar_pack_options *options)
{
    blob file = pack_all(context, pickle, size, 1, options);
    const snapjar_record *record = NULL;
    snapjar_source *source = NULL;
    snapjar_reader *reader = NULL;

    assert_ok(snapjar_source_from_memory(&source, context, file.bytes, file.size, err));
    assert_ok(snapjar_reader_new(&reader, context, source, NULL, err));
    assert_ok(snapjar_reader_next(reader, &record, err));
    assert_ok(snapjar_record_verify(reader, NULL, NULL, err));
    snapjar_text json = snapjar_header_json(snapjar_record_header(record));
    char *copy = must_alloc(json.size + 1);
    memcpy(copy, json.data, json.size);
    snapjar_reader_free(reader);
    snapjar_source_free(source);
    free(file.bytes);
    return copy;
}

static void test_describe(void **state)
{
    snapjar_pack_options options = test_options();

    (void)state;
    for (size_t i = 0; i < sizeof(described) / sizeof(described[0]); i++) {
        char wanted[256];
        options.type = NULL;
        char *json = header_of(described[i].bytes, described[i].size, &options);
        (void)snprintf(wanted, sizeof(wanted), "\"type\":\"%s\",", described[i].type);
        if (!strstr(json, wanted))
            fail_msg("%zu: %s not in %s", i, wanted, json);
        (void)snprintf(wanted, sizeof(wanted), "},\"layout\":%s,\"created\"",
                       described[i].layout ? described[i].layout : "");
        if (described[i].layout ? !strstr(json, wanted) : strstr(json, "\"layout\"") != NULL)
            fail_msg("%zu: layout %s, header %s", i, described[i].layout, json);
        free(json);
        /* A type that is given stays. */
        options.type = "other";
        json = header_of(described[i].bytes, described[i].size, &options);
        assert_non_null(strstr(json, "\"type\":\"other\","));
        free(json);
    }
}

/* An instance of m:T with `count` fields of `width` bytes each, the last `extra` bytes wider. */
static blob wide_pickle(size_t count, size_t width, size_t extra)
{
    static const char head[] = "\x80\x04" NEW("T") "}(";
    blob pickle = {must_alloc(sizeof(head) + count * (width + 8) + extra + 8), 0};

    memcpy(pickle.bytes, head, sizeof(head) - 1);
    pickle.size = sizeof(head) - 1;
    for (size_t i = 0; i < count; i++) {
        size_t size = width + (i + 1 == count ? extra : 0);
        pickle.bytes[pickle.size++] = 'X';
        sj_write_le32(pickle.bytes + pickle.size, (uint32_t)size);
        memset(pickle.bytes + pickle.size + 4, 'f', size);
        char digits[16];
        (void)snprintf(digits, sizeof(digits), "%06zu", i);
        memcpy(pickle.bytes + pickle.size + 4, digits, 6);
        pickle.size += 4 + size;
        memcpy(pickle.bytes + pickle.size, "K\x01", 2);
        pickle.size += 2;
    }
    memcpy(pickle.bytes + pickle.size, "ub.", 3);
    pickle.size += 3;
    return pickle;
}

/* {"m:T":["...","..."]} is 10 bytes and 3 for each field but one comma; one byte below and above the limit. */
static void test_layout_limit(void **state)
{
    const size_t count = 100;
    const size_t width = (SNAPJAR_LAYOUT_SIZE_MAX - 10) / count - 3;
    const size_t extra = SNAPJAR_LAYOUT_SIZE_MAX - (9 + count * (width + 3));
    snapjar_pack_options options = test_options();

    (void)state;
    for (size_t more = 0; more < 2; more++) {
        blob pickle = wide_pickle(count, width, extra + more);
        char *json = header_of(pickle.bytes, pickle.size, &options);
        assert_true((strstr(json, ",\"layout\":{\"m:T\":[") != NULL) == (more == 0));
        free(json);
        free(pickle.bytes);
    }
}

/* The user's labels go before the layout, where both are too much for a header. */
static void test_layout_and_labels(void **state)
{
    snapjar_pack_options options = test_options();
    const size_t sizes[] = {1000, (1 << 20) - 40000};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        char *labels = must_alloc(sizes[i] + 16);
        blob pickle = wide_pickle(60, 1000, 0);
        strcpy(labels, "{\"a\":\"");
        memset(labels + 6, 'x', sizes[i]);
        strcpy(labels + 6 + sizes[i], "\"}");
        options.labels_json = labels;
        char *json = header_of(pickle.bytes, pickle.size, &options);
        assert_true((strstr(json, ",\"layout\":") != NULL) == (i == 0));
        free(json);
        free(labels);
        free(pickle.bytes);
    }
}

/* Two classes that would have one name are not told apart, so nothing is told. */
static void test_same_name(void **state)
{
    static const char pickle[] = "\x80\x02(ccopy_reg\nT\n)\x81}U\x01"
                                 "aK\x01sbccopyreg\nT\n)\x81}U\x01"
                                 "bK\x01sbt.";
    snapjar_pack_options options = test_options();

    (void)state;
    char *json = header_of(pickle, sizeof(pickle) - 1, &options);
    assert_null(strstr(json, "\"layout\""));
    free(json);
}

static void test_scan_option(void **state)
{
    static const char bad[] = "\x80\x04N\xff";
    snapjar_pack_options options = test_options();
    snapjar_scan *scan = NULL;
    snapjar_source *source = NULL;
    snapjar_sink *sink = NULL;
    snapjar_error fault;

    (void)state;
    assert_ok(snapjar_scan_new(&scan, context, NULL, err));
    options.scan = scan;
    options.string_encoding = SNAPJAR_STRING_LATIN1;
    blob file = pack_all(context, BYTES("\x80\x02U\x01\xe9."), 1, &options);
    assert_null(snapjar_scan_failure(scan));
    assert_int_equal(snapjar_scan_summarize(scan)->finding_count, 0);
    free(file.bytes);
    options.string_encoding = SNAPJAR_STRING_ASCII;
    file = pack_all(context, BYTES("\x80\x02U\x01\xe9."), 1, &options);
    assert_int_equal(snapjar_scan_finding_at(scan, 0)->diagnostic, SNAPJAR_DIAG_STRING_ENCODING);
    free(file.bytes);
    file = pack_all(context,
                    BYTES("\x80\x02"
                          "0."),
                    1, &options);
    assert_int_equal(snapjar_scan_failure(scan)->diagnostic, SNAPJAR_DIAG_PICKLE_STACK_UNDERFLOW);
    free(file.bytes);
    assert_ok(snapjar_source_from_memory(&source, context, bad, sizeof(bad) - 1, err));
    assert_ok(snapjar_sink_to_memory(&sink, context, err));
    assert_fault(snapjar_pack(context, source, 0, sink, &options, NULL, &fault), &fault, SNAPJAR_DAMAGED,
                 SNAPJAR_DIAG_PICKLE_OPCODE_UNKNOWN, SNAPJAR_SPACE_CONTENT, 3);
    assert_int_equal(snapjar_scan_failure(scan)->diagnostic, SNAPJAR_DIAG_PICKLE_OPCODE_UNKNOWN);
    snapjar_sink_free(sink);
    snapjar_source_free(source);
    snapjar_scan_free(scan);
}

/* Parts of headers are kept in the context, for a few types; they never show in what is written. */
static void test_types_in_turn(void **state)
{
    static const char *const types[] = {"a:A", "b:B", "c:C", "d:D", "e:E", "f:F"};
    static const struct {
        const uint8_t *bytes;
        size_t size;
    } pickles[] = {
        {BYTES("\x80\x04" NEW("T") "}" FIELD("a") "sb.")},
        {BYTES("\x80\x04" NEW("T") "}" FIELD("b") "sb.")},
        {BYTES("\x80\x04N.")},
    };

    (void)state;
    for (size_t i = 0; i < 60; i++) {
        snapjar_pack_options options = test_options();
        snapjar_context *fresh = NULL;
        /* Now two types in turn, now more than are kept; labels and layouts go at another pace. */
        options.type = types[i % (i < 20 ? 2 : 6)];
        options.labels_json = i % 7 ? NULL : "{\"n\": 1}";
        options.schema_version = i > 40 && i % 3;
        assert_ok(snapjar_context_new(&fresh, NULL, err));
        blob kept = pack_all(context, pickles[i % 3].bytes, pickles[i % 3].size, 1, &options);
        blob alone = pack_all(fresh, pickles[i % 3].bytes, pickles[i % 3].size, 1, &options);
        assert_int_equal(kept.size, alone.size);
        assert_memory_equal(kept.bytes, alone.bytes, alone.size);
        free(kept.bytes);
        free(alone.bytes);
        snapjar_context_free(fresh);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types_in_turn),     cmocka_unit_test(test_describe),  cmocka_unit_test(test_layout_limit),
        cmocka_unit_test(test_layout_and_labels), cmocka_unit_test(test_same_name), cmocka_unit_test(test_scan_option),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
