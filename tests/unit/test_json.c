/* SPDX-License-Identifier: MIT
 *
 * JSON, strict and with offsets: every kind of refusal at its byte, places of values, and the scanner against jansson
 * over thousands of damaged texts. A `^` in a text marks the byte at which the error must be; it is taken out before
 * parsing.
 */
#include "support.h"

#include <jansson.h>

#include "craft.h"
#include "json/document.h"
#include "json/scan.h"

#define BASE UINT64_C(77)

/* In a block of exactly its size, but for the NUL behind it that the parser's callers always give. */
static snapjar_status parse(sj_json **root, const char *text, size_t size, size_t depth_max, snapjar_error *err)
{
    char *copy = must_alloc(size + 1);

    memcpy(copy, text, size);
    snapjar_status status = sj_json_parse(root, copy, size, depth_max, SNAPJAR_SPACE_FILE, BASE, err);
    free(copy);
    return status;
}

static void expect_good(const char *text)
{
    sj_json *root = NULL;

    assert_ok(parse(&root, text, strlen(text), 32, err));
    assert_int_equal(sj_json_type_of(root), SJ_JSON_OBJECT);
    assert_int_equal(sj_json_bad_syntax(text, strlen(text)), strlen(text));
    sj_json_free(root);
}

static void expect_bad(const char *marked, snapjar_diagnostic diagnostic)
{
    char *text = strdup(marked);
    sj_json *root = (sj_json *)(uintptr_t)1;
    snapjar_error fault;

    size_t at = take_mark(text);
    snapjar_status status = parse(&root, text, strlen(text), 32, &fault);
    if (status != SNAPJAR_DAMAGED || fault.diagnostic != diagnostic || fault.offset != BASE + at)
        fail_msg("%s: got %s at %lld", marked, snapjar_diagnostic_name(fault.diagnostic),
                 (long long)(fault.offset - BASE));
    assert_int_equal(fault.space, SNAPJAR_SPACE_FILE);
    assert_null(root);
    assert_int_equal(parse(&root, text, strlen(text), 32, NULL), SNAPJAR_DAMAGED);
    free(text);
}

static void test_good(void **state)
{
    static const char *const texts[] = {
        "{}",
        " \t\r\n{ \t\r\n} \t\r\n",
        "{\"a\":1}",
        "{\"\":\"\"}",
        "{\"a\":[],\"b\":{},\"c\":[1,2,[3]],\"d\":{\"a\":{}}}",
        "{\"a\":-0,\"b\":0,\"c\":0.0,\"d\":-1.5e+10,\"e\":1E5,\"f\":1e-999,\"g\":1.7976931348623157e308}",
        "{\"a\":9223372036854775807,\"b\":-9223372036854775808}",
        "{\"a\":true,\"b\":false,\"c\":null}",
        "{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD834\\udd1e\"}",
        "{\"\xc2\x80\":"
        "\"\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\x7f\"}",
        "{\"a\":{\"x\":1},\"b\":{\"x\":1}}",
        "{\"a\":\"{[,:]}\\\"\"}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        expect_good(texts[i]);
}

static void test_syntax(void **state)
{
    static const char *const texts[] = {
        "^",
        " ^",
        "^x",
        "{^",
        "{\"a\"^",
        "{\"a\":^",
        "{\"a\":1^",
        "{\"a\":1,^",
        "{\"a\":[^",
        "{\"a\":[1^",
        "{\"a\":[1,^",
        "{\"a^",
        "{\"a\":\"b^",
        "{^a:1}",
        "{^'a':1}",
        "{^1:1}",
        "{\"a\" ^1}",
        "{\"a\"^,1}",
        "{\"a\":^}",
        "{\"a\":^,}",
        "{\"a\":1 ^\"b\":2}",
        "{\"a\":1,^}",
        "{\"a\":1,^,\"b\":2}",
        "{^,\"a\":1}",
        "{\"a\":1^]",
        "{\"a\":[1^}",
        "{\"a\":[1,^]}",
        "{\"a\":[^,1]}",
        "{\"a\":[1 ^2]}",
        "{\"a\":[1^:2]}",
        "{}^x",
        "{}^{}",
        "{}^,",
        "{}^}",
        "{} ^]",
        "{\"a\":1}^1",
        "^,{}",
        "^:",
        "^]",
        "^}",
        "{\"a\":^tru}",
        "{\"a\":^True}",
        "{\"a\":^nul}",
        "{\"a\":^NaN}",
        "{\"a\":^Infinity}",
        "{\"a\":^undefined}",
        "{\"a\":true^x}",
        "{\"a\":-^}",
        "{\"a\":-^a}",
        "{\"a\":^+1}",
        "{\"a\":0^1}",
        "{\"a\":-0^1}",
        "{\"a\":1.^}",
        "{\"a\":1.^e5}",
        "{\"a\":^.5}",
        "{\"a\":1e^}",
        "{\"a\":1e+^}",
        "{\"a\":1e^x}",
        "{\"a\":0^x10}",
        "{\"a\":1^_000}",
        "{\"a\":1.5^.5}",
        "{\"a\":\"^\n\"}",
        "{\"a\":\"^\t\"}",
        "{\"a\":\"^\x1f\"}",
        "{\"a\":\"^\\x41\"}",
        "{\"a\":\"^\\'\"}",
        "{\"a\":\"^\\u12\"}",
        "{\"a\":\"^\\u12g4\"}",
        "{\"a\":\"x^\\u0000\"}",
        "{\"^\\u0000\":1}",
        "{\"a\":\"^\\ud800\"}",
        "{\"a\":\"^\\udc00\"}",
        "{\"a\":\"^\\ud800\\u0041\"}",
        "{\"a\":\"^\\ud800x\"}",
        "{\"a\":\"^\\udbff\\ue000\"}",
        "{\"a\":\"^\\ud834\\ud834\"}",
        "{\"a\":\"^\\ud834\\udd1\"}",
        "{^/*x*/}",
        "{\"a\":1}^//x",
        "{\"a\":1}^#x",
        "^\xef\xbb\xbf{}",
        "{\"a\":^\x0c"
        "1}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        expect_bad(texts[i], SNAPJAR_DIAG_JSON_SYNTAX);
}

/* A byte 0 anywhere is refused where it stands. */
static void test_nul_bytes(void **state)
{
    static const char good[] = "{\"ab\" : [ 12 , true , \"c\" ] } ";

    (void)state;
    for (size_t at = 0; at < sizeof(good); at++) {
        char text[64];
        sj_json *root = NULL;
        snapjar_error fault;
        memcpy(text, good, at);
        text[at] = '\0';
        strcpy(text + at + 1, good + at);
        assert_fault(parse(&root, text, strlen(good) + 1, 32, &fault), &fault, SNAPJAR_DAMAGED,
                     SNAPJAR_DIAG_JSON_SYNTAX, SNAPJAR_SPACE_FILE, BASE + at);
    }
}

static void test_encoding(void **state)
{
    static const char *const texts[] = {
        "{\"a\":\"^\x80\"}",
        "{\"a\":\"^\xbf\"}",
        "{\"a\":\"x^\xc0\x80\"}",
        "{\"a\":\"^\xc1\xbf\"}",
        "{\"a\":\"^\xc3\"}",
        "{\"a\":\"^\xc3(\"}",
        "{\"a\":\"^\xe0\x9f\xbf\"}",
        "{\"a\":\"^\xe2\x82\"}",
        "{\"a\":\"^\xed\xa0\x80\"}",
        "{\"a\":\"^\xed\xbf\xbf\"}",
        "{\"a\":\"^\xf0\x8f\xbf\xbf\"}",
        "{\"a\":\"^\xf4\x90\x80\x80\"}",
        "{\"a\":\"^\xf5\x80\x80\x80\"}",
        "{\"a\":\"^\xff\"}",
        "{\"^\xfe\":1}",
        "{\"a\":\"\xc3\xa9^\xa9\"}",
        "{\"a\":\"^\xf0\x9f\x98",
        "{\"a\":1}^\xff",
        "^\xff",
        "{\"a\":^\xc3\x28}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        expect_bad(texts[i], SNAPJAR_DIAG_JSON_ENCODING);
}

static void test_duplicate_keys(void **state)
{
    static const char *const texts[] = {
        "{\"a\":1,^\"a\":1}",
        "{\"a\":1,^\"a\"",
        "{\"a\":1,\"b\":2 , ^\"a\" : 1}",
        "{\"x\":{\"a\":1,^\"a\":{}}}",
        "{\"x\":[{\"a\":1},{\"a\":[],^\"a\":0}]}",
        "{\"a\":1,^\"\\u0061\":1}",
        "{\"\\\"\":1,^\"\\\"\":1}",
        "{\"\\\\\":1,^\"\\\\\":1}",
        "{\"a\\\"b\\\\\":1,^\"a\\u0022b\\\\\":1}",
        "{\"\":1,^\"\":1}",
        "{\"\xc3\xa9\":1,^\"\\u00e9\":1}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        expect_bad(texts[i], SNAPJAR_DIAG_JSON_DUPLICATE_KEY);
}

static void test_numbers(void **state)
{
    static const char *const texts[] = {
        "{\"a\":^9223372036854775808}",
        "{\"a\":^-9223372036854775809}",
        "{\"a\":[1, ^99999999999999999999999 ]}",
        "{\"a\":^1e309}",
        "{\"a\":^-1.5E+400}",
        "{\"e\":^1e999,\"b\":1}",
        "{\"a\":1,\"b\":^18446744073709551616,\"c\":1}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        expect_bad(texts[i], SNAPJAR_DIAG_JSON_NUMBER_RANGE);
}

static void test_not_object(void **state)
{
    static const char *const texts[] = {"^[]", "^1", " \n^\"a\"", "^true", "\t^null", "^[{}]", "^-1.5 "};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        expect_bad(texts[i], SNAPJAR_DIAG_JSON_NOT_OBJECT);
}

/* `count` brackets of both kinds in turns inside `{"":`, closed again. */
static char *nested(size_t count)
{
    char *text = must_alloc(8 * count + 16);
    char *p = stpcpy(text, "{\"\":");

    for (size_t i = 0; i < count; i++)
        p = stpcpy(p, i % 2 ? "{\"\":" : "[");
    *p++ = '0';
    for (size_t i = count; i > 0; i--)
        *p++ = i % 2 ? ']' : '}';
    *p = '}';
    return text;
}

static void test_depth(void **state)
{
    static const size_t maxima[] = {1, 2, 32, 1000};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        for (size_t depth = maxima[i]; depth <= maxima[i] + 1; depth++) {
            char *text = nested(depth - 1);
            sj_json *root = NULL;
            snapjar_error fault;
            size_t bracket = 0;
            snapjar_status status = parse(&root, text, strlen(text), maxima[i], &fault);
            if (depth == maxima[i]) {
                assert_int_equal(status, SNAPJAR_OK);
            } else {
                for (size_t level = 0; level < depth; bracket++)
                    level += text[bracket] == '{' || text[bracket] == '[';
                assert_fault(status, &fault, SNAPJAR_LIMIT, SNAPJAR_DIAG_JSON_TOO_DEEP, SNAPJAR_SPACE_FILE,
                             BASE + bracket - 1);
                assert_null(root);
            }
            sj_json_free(root);
            free(text);
        }
    }
    /* Brackets side by side and in strings are not nesting. */
    sj_json *root = NULL;
    static const char flat[] = "{\"a\":[],\"b\":[],\"c\":{},\"d\":\"[[[[{{{{\\\"[[[\"}";
    assert_ok(parse(&root, flat, strlen(flat), 2, err));
    sj_json_free(root);
}

/* Depth is looked at first: a deep text must not reach a parser that recurses, whether it is JSON or not. */
static void test_depth_of_nonsense(void **state)
{
    size_t size = 1u << 20;
    char *text = must_alloc(size);
    sj_json *root = NULL;
    snapjar_error fault;

    (void)state;
    memset(text, '[', size);
    assert_fault(parse(&root, text, size, 32, &fault), &fault, SNAPJAR_LIMIT, SNAPJAR_DIAG_JSON_TOO_DEEP,
                 SNAPJAR_SPACE_FILE, BASE + 32);
    memset(text, '}', size);
    assert_fault(parse(&root, text, size, 32, &fault), &fault, SNAPJAR_DAMAGED, SNAPJAR_DIAG_JSON_SYNTAX,
                 SNAPJAR_SPACE_FILE, BASE);
    free(text);
}

/* ---- values ---- */

static void test_values(void **state)
{
    static const char text[] =
        "{\"s\":\"a\\u0062\",\"i\":-5,\"r\":1.5,\"t\":true,\"f\":false,\"n\":null,\"l\":[1,\"x\"],\"o\":{\"k\":2}}";
    static const sj_json_type types[] = {SJ_JSON_STRING,  SJ_JSON_INTEGER, SJ_JSON_REAL,  SJ_JSON_BOOLEAN,
                                         SJ_JSON_BOOLEAN, SJ_JSON_NULL,    SJ_JSON_ARRAY, SJ_JSON_OBJECT};
    static const char keys[] = "sirtfnlo";
    sj_json *root = NULL;
    size_t count = 0;
    size_t size = 0;

    (void)state;
    assert_ok(parse(&root, text, strlen(text), 32, err));
    for (void *it = sj_json_first(root); it; it = sj_json_next(root, it), count++) {
        assert_int_equal(sj_json_key(it)[0], keys[count]);
        assert_int_equal(sj_json_type_of(sj_json_member(it)), types[count]);
        assert_true(strlen(sj_json_type_name(types[count])) > 3);
    }
    assert_int_equal(count, 8);
    assert_int_equal(sj_json_count(root), 8);
    snapjar_text string = sj_json_string(sj_json_get(root, "s"));
    assert_int_equal(string.size, 2);
    assert_memory_equal(string.data, "ab", 2);
    assert_int_equal(sj_json_integer(sj_json_get(root, "i")), -5);
    assert_null(sj_json_get(root, "none"));
    const sj_json *list = sj_json_get(root, "l");
    assert_int_equal(sj_json_count(list), 2);
    assert_int_equal(sj_json_integer(sj_json_at(list, 0)), 1);
    assert_null(sj_json_at(list, 2));
    char *dump = sj_json_dump(list, &size);
    assert_string_equal(dump, "[1,\"x\"]");
    assert_int_equal(size, 7);
    sj_json_free_text(dump);
    sj_json *second = sj_json_ref(root);
    sj_json_free(root);
    assert_int_equal(sj_json_count(second), 8);
    sj_json_free(second);
    sj_json_free(NULL);
}

/* ---- places ---- */

#define KEY(name)                                                                                                      \
    {                                                                                                                  \
        name, 0                                                                                                        \
    }
#define INDEX(i)                                                                                                       \
    {                                                                                                                  \
        NULL, i                                                                                                        \
    }

static void expect_place(const char *marked, size_t depth, const sj_json_step *steps)
{
    char *text = strdup(marked);
    sj_json_path path = {.depth = depth};

    memcpy(path.steps, steps, depth * sizeof(*steps));
    size_t at = take_mark(text);
    if (sj_json_locate(text, strlen(text), &path) != at)
        fail_msg("%s: found at %zu", marked, sj_json_locate(text, strlen(text), &path));
    free(text);
}

static void test_locate(void **state)
{
    static const sj_json_step deep[] = {KEY("a"), INDEX(2), KEY("b"), INDEX(0), KEY("c"), INDEX(1)};

    (void)state;
    expect_place(" ^{\"a\":1}", 0, deep);
    expect_place("{\"a\":^1}", 1, deep);
    expect_place("{ \"x\" : [ { \"a\" : 0 } , \"a\" ] , \"a\" :\n ^[ ] }", 1, deep);
    expect_place("{\"aa\":1,\"\":2,\"a\":^3}", 1, deep);
    expect_place("{\"x\":\"\\\"a\\\":\",\"a\":^null}", 1, deep);
    expect_place("{\"a\":[1,{\"b\":5},^{\"b\":1}]}", 2, deep);
    expect_place("{\"a\":[[],{},{\"c\":[],\"b\":^[]}]}", 3, deep);
    expect_place("{\"a\":[[],{},{\"b\":[^{\"c\":[1,2]}]}]}", 4, deep);
    expect_place("{\"a\":[[1,[2]],{\"a\":{}},{\"b\":[{\"c\":[\"[\" , ^-2.5e3 ]}]}]}", 6, deep);
    /* What is not there, or not what the path thinks: the innermost that is. */
    expect_place("{\"a\":^1}", 2, deep);
    expect_place("{\"a\":^{\"b\":1}}", 2, deep);
    expect_place("^{\"b\":1}", 1, deep);
    expect_place("{\"\\u0062\":1,\"\\u0061\":^1}", 1, deep);
    expect_place("{\"a\":[1,2,^3]}", 6, deep);
}

/* ---- documents ---- */

static void expect_raised(const char *marked, sj_json_place (*place_in)(const sj_json *root), const char *path,
                          const char *message)
{
    char *text = strdup(marked);
    size_t at = take_mark(text);
    sj_json *root = NULL;
    snapjar_error fault;

    assert_ok(sj_json_parse(&root, text, strlen(text), 500, SNAPJAR_SPACE_FILE, 0, err));
    sj_json_document document = {text, strlen(text), root};
    sj_json_place place = place_in(root);
    snapjar_status status =
        sj_json_raise(&document, place, SNAPJAR_DAMAGED, SNAPJAR_DIAG_POLICY_INVALID, &fault, "wrong %d", 7);
    assert_fault(status, &fault, SNAPJAR_DAMAGED, SNAPJAR_DIAG_POLICY_INVALID, SNAPJAR_SPACE_FILE, at);
    assert_string_equal(fault.place, path);
    assert_string_equal(fault.message, message);
    assert_int_equal(sj_json_raise(&document, place, SNAPJAR_DAMAGED, SNAPJAR_DIAG_POLICY_INVALID, NULL, "wrong %d", 7),
                     SNAPJAR_DAMAGED);
    sj_json_free(root);
    free(text);
}

static sj_json_place the_root(const sj_json *root)
{
    (void)root;
    return sj_json_itself(NULL);
}

static sj_json_place missing_member(const sj_json *root)
{
    return sj_json_member_of(root, "none");
}

static sj_json_place second_true(const sj_json *root)
{
    return sj_json_element_of(sj_json_get(sj_json_get(root, "a:B.c"), "l"), 1);
}

static sj_json_place odd_key(const sj_json *root)
{
    return sj_json_member_of(sj_json_at(sj_json_get(root, "l"), 2), "x y");
}

static sj_json_place object_itself(const sj_json *root)
{
    return sj_json_itself(sj_json_at(sj_json_get(root, "l"), 2));
}

static sj_json_place missing_inside(const sj_json *root)
{
    return sj_json_member_of(sj_json_at(sj_json_get(root, "l"), 2), "z");
}

static sj_json_place deep_inside(const sj_json *root)
{
    const sj_json *at = root;
    while (sj_json_get(at, "level"))
        at = sj_json_get(at, "level");
    return sj_json_member_of(at, "end");
}

static void test_documents(void **state)
{
    char *deep = must_alloc(8192);
    size_t used = 0;

    (void)state;
    expect_raised(" \n ^{\"a\":1}", the_root, "$", "line 2, column 2: wrong 7");
    expect_raised("^{\"a\":1}", missing_member, "$", "line 1, column 1: wrong 7");
    expect_raised("{\"x\":true,\n \"a:B.c\": {\"k\": [true, true],\n\"l\": [true, ^true]}}", second_true,
                  "$.a:B.c.l[1]", "line 3, column 13: wrong 7");
    expect_raised("{\"l\": [1, {\"x y\": 1}, {\"\xc3\xa9\": 1, \"x\\u0020y\": ^2}]}", odd_key, "$.l[2]['x y']",
                  "line 1, column 44: wrong 7");
    expect_raised("{\"l\": [1, {\"x y\": 1}, ^{\"x y\": 2}]}", object_itself, "$.l[2]", "line 1, column 23: wrong 7");
    expect_raised("{\"l\": [1, {\"x y\": 1}, ^{\"x y\": 2}]}", missing_inside, "$.l[2]", "line 1, column 23: wrong 7");
    /* Of a long path, the end is told; of one that is too deep, nothing. */
    for (size_t i = 0; i < 255; i++)
        used += (size_t)sprintf(deep + used, "{\"level\":");
    used += (size_t)sprintf(deep + used, "{\"end\": ^1}");
    for (size_t i = 0; i < 255; i++)
        deep[used++] = '}';
    deep[used] = '\0';
    char path[SNAPJAR_ERROR_PLACE_SIZE + 1] = "$...";
    static const char tail[] =
        ".level.level.level.level.level.level.level.level.level.level.level.level.level.level.level."
        "level.level.level.level.level.end";
    strcat(path, tail + strlen(tail) - (SNAPJAR_ERROR_PLACE_SIZE - 5));
    expect_raised(deep, deep_inside, path, "line 1, column 2304: wrong 7");
    free(deep);
}

/* ---- the scanner against jansson ---- */

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static void mutate(char *text, size_t *size, uint32_t *seed)
{
    static const char bytes[] = "{}[]:,\"\\ntfu0123456789.eE+- \t\n\x01\x80\xc3"
                                "ab/";
    size_t at = *size ? next_random(seed) % *size : 0;
    size_t length = next_random(seed) % 5;

    switch (next_random(seed) % 5) {
    case 0:
        *size = at;
        break;
    case 1: /* a byte out */
        if (*size) {
            memmove(text + at, text + at + 1, *size - at);
            --*size;
        }
        break;
    case 2: /* a byte in */
        memmove(text + at + 1, text + at, *size - at);
        text[at] = bytes[next_random(seed) % (sizeof(bytes) - 1)];
        ++*size;
        break;
    case 3: /* a piece again */
        if (at + length > *size)
            length = *size - at;
        memmove(text + at + length, text + at, *size - at);
        *size += length;
        break;
    default:
        if (*size)
            text[at] = bytes[next_random(seed) % (sizeof(bytes) - 1)];
        break;
    }
}

/* The offset is where a prefix stops being the start of any JSON: before it, some ending makes the text whole. */
static void expect_agreement(const char *text, size_t size, size_t counts[3])
{
    snapjar_error fault;
    sj_json *root = NULL;
    json_error_t theirs;

    json_t *value = json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &theirs);
    snapjar_status status = parse(&root, text, size, 1000, &fault);
    size_t bad = sj_json_bad_syntax(text, size);
    assert_int_equal(status == SNAPJAR_OK, json_is_object(value));
    if (status == SNAPJAR_OK) {
        assert_int_equal(bad, size);
        counts[0]++;
    } else if (fault.diagnostic == SNAPJAR_DIAG_JSON_SYNTAX) {
        assert_null(value);
        assert_true(fault.offset >= BASE && fault.offset <= BASE + size);
        assert_int_equal(fault.offset - BASE, bad);
        /* At the end only if something is missing there: a longer text may be good, so the text itself has no bad byte.
         */
        if (bad == size)
            counts[1]++;
        else
            counts[2]++;
        /* The scanner says the same of the text cut right behind the bad byte, and finds nothing before it. */
        if (bad < size)
            assert_true(sj_json_bad_syntax(text, bad + 1) <= bad + 1);
        assert_int_equal(sj_json_bad_syntax(text, bad), bad);
    } else {
        assert_true(fault.offset < BASE + size);
    }
    sj_json_free(root);
    json_decref(value);
}

static void test_scanner_agrees_with_jansson(void **state)
{
    static const char *const texts[] = {
        "{\"format_version\":1,\"type\":\"app:T\",\"build\":{\"tool\":{\"name\":\"x\"}},\"l\":[1,-2.5e3,true,null,{}]}",
        "{ \"a\" : \"\\u00e9\\ud834\\udd1e\\n\\\\\" , \"b\" : [ [ ] , { } , \"\" ] , \"c\" : -0.0E-7 }",
        "{\"\xc3\xa9\":\"\xe2\x82\xac\",\"n\":[0,10,-1,1.5,1e5],\"f\":false}",
    };
    size_t counts[3] = {0, 0, 0};
    uint32_t seed = 4711;

    (void)state;
    for (size_t turn = 0; turn < 30000; turn++) {
        char text[512];
        const char *from = texts[turn % 3];
        size_t size = strlen(from);
        memcpy(text, from, size);
        for (size_t count = 1 + next_random(&seed) % 3; count > 0; count--)
            mutate(text, &size, &seed);
        expect_agreement(text, size, counts);
    }
    /* The test has seen enough of each kind. */
    assert_true(counts[0] > 1000 && counts[1] > 1000 && counts[2] > 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_syntax),
        cmocka_unit_test(test_nul_bytes),
        cmocka_unit_test(test_encoding),
        cmocka_unit_test(test_duplicate_keys),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_not_object),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_depth_of_nonsense),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_locate),
        cmocka_unit_test(test_documents),
        cmocka_unit_test(test_scanner_agrees_with_jansson),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
