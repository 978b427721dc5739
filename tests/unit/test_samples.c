/* SPDX-License-Identifier: MIT
 *
 * Contracts inferred from samples: what is written, what is refused, and nothing lost without memory.
 */
#include "one_context.h"

#include <snapjar/contract.h>

#include "fail_alloc.h"
#include "migrate/samples.h"

static snapjar_status add(snapjar_samples *samples, snapjar_context *own, const void *pickle, size_t size,
                          const char *type, int64_t version, snapjar_error *err)
{
    snapjar_graph *graph = NULL;
    snapjar_status status = snapjar_graph_new(&graph, own, pickle, size, NULL, err);
    if (status == SNAPJAR_OK)
        status = snapjar_samples_add(samples, graph, type, version, err);
    snapjar_graph_free(graph);
    return status;
}

/** The text without spaces and line ends outside of strings. */
static char *squeezed(const snapjar_sink *sink)
{
    size_t size, used = 0;
    const char *text = snapjar_sink_memory(sink, &size);
    char *out = malloc(size + 1);
    bool in_string = false;
    assert_non_null(out);
    for (size_t i = 0; i < size; i++) {
        in_string = in_string != (text[i] == '"' && (i == 0 || text[i - 1] != '\\'));
        if (in_string || (text[i] != ' ' && text[i] != '\n'))
            out[used++] = text[i];
    }
    out[used] = '\0';
    return out;
}

/** One sample, and the members of its contract behind the version. */
static void expect_inferred(const void *pickle, size_t size, const char *expected)
{
    snapjar_samples *samples = NULL;
    snapjar_sink *sink = NULL;
    assert_ok(snapjar_samples_new(&samples, context, err));
    assert_ok(add(samples, context, pickle, size, NULL, 3, err));
    assert_ok(snapjar_sink_to_memory(&sink, context, err));
    assert_ok(snapjar_contract_infer(samples, sink, err));
    char *text = squeezed(sink);
    const char *rest = strstr(text, "\"schema_version\":3,");
    assert_non_null(rest);
    assert_string_equal(rest + strlen("\"schema_version\":3,"), expected);
    free(text);
    snapjar_sink_free(sink);
    snapjar_samples_free(samples);
}

static void test_roots(void **state)
{
    (void)state;
    expect_inferred(BYTES("K\1."), "\"root\":{\"type\":\"int\"},\"classes\":{}}");
    expect_inferred(BYTES("](K\1Ne."),
                    "\"root\":{\"type\":\"list\",\"items\":{\"type\":[\"none\",\"int\"]}},\"classes\":{}}");
    expect_inferred(BYTES("}(Va\nK\1Vb\n]u."), "\"root\":{\"type\":\"dict\",\"entries\":{\"a\":{\"type\":\"int\"},"
                                               "\"b\":{\"type\":\"list\"}}},\"classes\":{}}");
    expect_inferred(
        BYTES("}K\1G\0\0\0\0\0\0\0\0s."),
        "\"root\":{\"type\":\"dict\",\"keys\":{\"type\":\"int\"},\"values\":{\"type\":\"float\"}},\"classes\":{}}");
    expect_inferred(
        BYTES("\x80\2K\1\x88\x86."),
        "\"root\":{\"type\":\"tuple\",\"elements\":[{\"type\":\"int\"},{\"type\":\"bool\"}]},\"classes\":{}}");
    expect_inferred(BYTES("Pid\n."), "\"persistent_ids\":true,\"root\":{},\"classes\":{}}");
    /* What is deeper than rules go is anything. */
    expect_inferred(BYTES("]]]]]]aaaaa."),
                    "\"root\":{\"type\":\"list\",\"items\":{\"type\":\"list\",\"items\":{\"type\":\"list\",\"items\":"
                    "{\"type\":\"list\",\"items\":{\"type\":\"list\"}}}}},\"classes\":{}}");
    /* A list that holds itself. */
    expect_inferred(BYTES("]q\0h\0a."),
                    "\"root\":{\"type\":\"list\",\"items\":{\"type\":\"list\",\"items\":{\"type\":\"list\",\"items\":"
                    "{\"type\":\"list\",\"items\":{\"type\":\"list\"}}}}},\"classes\":{}}");
}

static void test_classes(void **state)
{
    (void)state;
    expect_inferred(BYTES("\x80\2capp\nJob\n)\x81}(Va\nK\1Vb\nNub."),
                    "\"classes\":{\"app:Job\":{\"fields\":{\"a\":{\"type\":\"int\"},\"b\":{\"type\":\"none\"}}}}}");
    expect_inferred(BYTES("\x80\2capp\nJob\n)\x81N}Va\nK\1s\x86"
                          "b."),
                    "\"classes\":{\"app:Job\":{\"state\":\"slots\",\"fields\":{\"a\":{\"type\":\"int\"}}}}}");
    expect_inferred(
        BYTES("\x80\2capp\nJob\nK\1\x85\x81."),
        "\"classes\":{\"app:Job\":{\"state\":\"arguments\",\"fields\":{\"argument_1\":{\"type\":\"int\"}}}}}");
    expect_inferred(BYTES("\x80\2capp\nJob\n)\x81K\1b."), "\"classes\":{\"app:Job\":{\"state\":\"opaque\"}}}");
    /* A field whose name is no text has no place in a contract. */
    expect_inferred(BYTES("\x80\2capp\nJob\n)\x81}K\1K\2sb."), "\"classes\":{\"app:Job\":{\"state\":\"opaque\"}}}");
    expect_inferred(BYTES("\x80\2capp\nf\nK\1\x85R."),
                    "\"allow\":{\"app:f\":{\"uses\":[\"call\"],\"reason\":\"TODO: why; seen in 1 of 1 samples\"}},"
                    "\"classes\":{}}");
    expect_inferred(
        BYTES("\x80\3](capp\nf\ncdatetime\ndate\nC\4\7\xe8\1\1\x85Re."),
        "\"presets\":[\"datetime\"],\"allow\":{\"app:f\":{\"uses\":[\"argument\"],\"reason\":\"TODO: why; seen in 1 "
        "of 1 samples\"}},\"root\":{\"type\":\"list\"},\"classes\":{}}");
    /* Old-style instances are called. */
    expect_inferred(BYTES("(iapp\nJob\n}S'a'\nI1\nsb."),
                    "\"allow\":{\"app:Job\":{\"uses\":[\"call\"],\"reason\":\"TODO: why; seen in 1 of 1 samples\"}},"
                    "\"classes\":{\"app:Job\":{\"fields\":{\"a\":{\"type\":\"int\"}}}}}");
    /* One object in two places is looked at once for each. */
    expect_inferred(
        BYTES("\x80\2](capp\nJob\n)\x81q\0}Va\nK\1sbh\0capp\nJob\n)\x81}Vb\nNsbe."),
        "\"root\":{\"type\":\"list\",\"items\":{\"type\":\"app:Job\"}},\"classes\":{\"app:Job\":{\"fields\":{\"a\":"
        "{\"type\":\"int\",\"required\":false},\"b\":{\"type\":\"none\",\"required\":false}}}}}");
}

static void expect_refused(const void *pickle, size_t size, const char *type, int64_t version, const char *message)
{
    snapjar_samples *samples = NULL;
    snapjar_error err;
    assert_ok(snapjar_samples_new(&samples, context, err));
    assert_ok(add(samples, context, BYTES("K\1."), "t", 1, err));
    assert_int_equal(add(samples, context, pickle, size, type, version, &err), SNAPJAR_REFUSED);
    if (strstr(err.message, message) == NULL)
        fail_msg("%s: %s", message, err.message);
    snapjar_samples_free(samples);
}

static void test_refused(void **state)
{
    snapjar_samples *samples = NULL;
    snapjar_sink *sink = NULL;
    (void)state;
    expect_refused(BYTES("K\1."), "u", 1, "the sample is \"u\", version 1; the others are \"t\", version 1");
    expect_refused(BYTES("K\1."), "t", 2, "the sample is \"t\", version 2");
    expect_refused(BYTES("K\1."), NULL, 1, "the sample is \"builtins:int\"");
    expect_refused(BYTES("NN."), "t", 1, "the sample is no good one");
    expect_refused(BYTES("\x80\2\x82\5."), "t", 1, "has extension codes");
    expect_refused(BYTES("capp\nf*\n."), "t", 1, "character that names do not have");
    expect_refused(BYTES("capp\nf\n)R)R."), "t", 1, "is itself the result of a call");
    expect_refused(BYTES("\x80\4}\x8c\1\0Ns."), "t", 1, "JSON cannot have");
    assert_ok(snapjar_samples_new(&samples, context, err));
    assert_ok(snapjar_sink_to_memory(&sink, context, err));
    assert_int_equal(snapjar_contract_infer(samples, sink, NULL), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(snapjar_contract_infer(NULL, sink, NULL), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(snapjar_contract_infer(samples, NULL, NULL), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(snapjar_samples_add(samples, NULL, NULL, 1, NULL), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(snapjar_samples_add(NULL, NULL, NULL, 1, NULL), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(add(samples, context, BYTES("K\1."), NULL, -1, NULL), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(snapjar_samples_new(NULL, context, NULL), SNAPJAR_INVALID_ARGUMENT);
    snapjar_sink_free(sink);
    snapjar_samples_free(samples);
    snapjar_samples_free(NULL);
}

/* ---- the next version ---- */

#define CONTRACT(classes)                                                                                              \
    "{\"snapjar_contract\": 1, \"type\": \"t\", \"schema_version\": 4, \"description\": \"mine\", \"root\": {}, "      \
    "\"classes\": " classes "}"

static snapjar_status bump(snapjar_context *own, const char *contract, const char *before, size_t before_size,
                           const char *after, size_t after_size, snapjar_sink **sink, snapjar_error *err)
{
    snapjar_samples *samples[2] = {NULL, NULL};
    snapjar_status status = snapjar_samples_new(&samples[0], own, err);
    if (status == SNAPJAR_OK)
        status = snapjar_samples_new(&samples[1], own, err);
    if (status == SNAPJAR_OK)
        status = add(samples[0], own, before, before_size, "t", 4, err);
    if (status == SNAPJAR_OK)
        status = add(samples[1], own, after, after_size, "t", 4, err);
    if (status == SNAPJAR_OK)
        status = snapjar_sink_to_memory(sink, own, err);
    if (status == SNAPJAR_OK)
        status = snapjar_contract_bump(contract, strlen(contract), samples[0], samples[1], *sink, err);
    snapjar_samples_free(samples[0]);
    snapjar_samples_free(samples[1]);
    return status;
}

/** What was written is a contract. */
static void expect_readable(const char *text)
{
    snapjar_contract *contract = NULL;
    snapjar_error fault;
    if (snapjar_contract_read(&contract, context, text, strlen(text), NULL, &fault) != SNAPJAR_OK)
        fail_msg("%s\n%s", fault.message, text);
    snapjar_contract_free(contract);
}

/** What the next contract has behind the members that stay. */
static void expect_bumped(const char *contract, const char *before, size_t before_size, const char *after,
                          size_t after_size, const char *expected)
{
    snapjar_sink *sink = NULL;
    assert_ok(bump(context, contract, before, before_size, after, after_size, &sink, err));
    char *text = squeezed(sink);
    expect_readable(text);
    static const char head[] =
        "{\"snapjar_contract\":1,\"type\":\"t\",\"schema_version\":5,\"description\":\"mine\",\"root\":{}";
    assert_memory_equal(text, head, sizeof head - 1);
    assert_string_equal(text + sizeof head - 1, expected);
    free(text);
    snapjar_sink_free(sink);
}

static void test_bump(void **state)
{
    (void)state;
    /* A field that went and may be another now, one that came, one of another type; a rule that stays. */
    expect_bumped(
        CONTRACT("{\"app:Job\": {\"fields\": {\"id\": {\"type\": \"int\", \"min\": 1}, \"n\": {\"type\": \"int\"}, "
                 "\"x\": {}, "
                 "\"note\": {\"required\": false}}}}"),
        BYTES("\x80\2capp\nJob\n)\x81}(Vid\nK\1Vn\nK\2Vx\nVa\nub."),
        BYTES("\x80\2capp\nJob\n)\x81}(Vid\nK\1Vn\nG\0\0\0\0\0\0\0\0Vy\nVb\nub."),
        ",\"classes\":{\"app:Job\":{\"fields\":{\"id\":{\"type\":\"int\",\"min\":1},\"n\":{\"type\":\"float\"},\"y\":{"
        "\"type\":"
        "\"str\"},\"note\":{\"required\":false}}}},\"versions\":{\"4\":{\"root\":{},\"classes\":{\"app:Job\":{"
        "\"fields\":{\"id\":"
        "{\"type\":\"int\",\"min\":1},\"n\":{\"type\":\"int\"},\"x\":{},\"note\":{\"required\":false}}}}}},"
        "\"migrations\":[{"
        "\"from\":4,\"to\":5,\"description\":\"TODO: "
        "why\",\"steps\":[{\"op\":\"drop\",\"class\":\"app:Job\",\"field\":\"x\","
        "\"description\":\"TODO: or is it y now? Then write rename_field in place of this and of the "
        "add\"},{\"op\":\"add\","
        "\"class\":\"app:Job\",\"field\":\"y\",\"value\":\"b\",\"description\":\"TODO: the value is that of a sample; "
        "what have "
        "old "
        "objects?\"},{\"op\":\"retype\",\"class\":\"app:Job\",\"field\":\"n\",\"from\":\"int\",\"to\":\"float\"}]}]}");
    /* A class that moved, and a function that is new. */
    expect_bumped(
        CONTRACT("{\"app:Job\": {\"fields\": {\"id\": {\"max\": 9}}}, \"app:E\": {\"state\": \"enum\"}}"),
        BYTES("\x80\2capp\nJob\n)\x81}Vid\nK\1sb."), BYTES("\x80\2(capp.jobs\nJob\n)\x81}Vid\nK\1sbcapp\nf\n)Rt."),
        ",\"allow\":{\"app:f\":{\"uses\":[\"call\"],\"reason\":\"TODO: why; seen in 1 of 1 samples\"}},"
        "\"classes\":{\"app.jobs:Job\":{\"fields\":{\"id\":{\"max\":9}}},\"app:E\":{\"state\":\"enum\"}},\"versions\":"
        "{\"4\":{\"root\":{},\"classes\":{\"app:Job\":{\"fields\":{\"id\":{\"max\":9}}},\"app:E\":{\"state\":\"enum\"}}"
        "}},"
        "\"migrations\":[{\"from\":4,\"to\":5,\"description\":\"TODO: why\",\"steps\":[{\"op\":\"rename\",\"from\":"
        "\"app:Job\",\"to\":\"app.jobs:Job\",\"description\":\"TODO: is it the same class? It has the same "
        "fields\"}]}]}");
}

static void test_bump_forms(void **state)
{
    static const char contract[] = CONTRACT("{\"app:P\": {\"state\": \"arguments\", \"fields\": {\"x\": {}}}}");
    (void)state;
    /* An argument more, and less. */
    expect_bumped(
        contract, BYTES("\x80\2capp\nP\nK\1\x85\x81."), BYTES("\x80\2capp\nP\nK\1Va\n\x86\x81."),
        ",\"classes\":{\"app:P\":{\"state\":\"arguments\",\"fields\":{\"argument_1\":{\"type\":\"int\"},\"argument_2\":"
        "{\"type\":\"str\"}}}},\"versions\":{\"4\":{\"root\":{},\"classes\":{\"app:P\":{\"state\":\"arguments\","
        "\"fields\":{\"x\":{}}}}}},\"migrations\":[{\"from\":4,\"to\":5,\"description\":\"TODO: "
        "why\",\"steps\":[{\"op\":\"insert_argument\",\"class\":\"app:P\",\"index\":1,\"value\":\"a\",\"description\":"
        "\"TODO: is it this one that is new, and what have old objects?\"}]}]}");
    expect_bumped(contract, BYTES("\x80\2capp\nP\nK\1Va\n\x86\x81."), BYTES("\x80\2capp\nP\nK\1\x85\x81."),
                  ",\"classes\":{\"app:P\":{\"state\":\"arguments\",\"fields\":{\"argument_1\":{\"type\":\"int\"}}}},"
                  "\"versions\":{\"4\":{\"root\":{},\"classes\":{\"app:P\":{\"state\":\"arguments\",\"fields\":{\"x\":{"
                  "}}}}}},\"migrations\":[{\"from\":4,\"to\":5,\"description\":\"TODO: "
                  "why\",\"steps\":[{\"op\":\"drop_argument\",\"class\":\"app:P\",\"index\":1,\"description\":\"TODO: "
                  "is it this one that is gone?\"}]}]}");
    /* Objects with different numbers of arguments say nothing. */
    expect_bumped(contract, BYTES("\x80\2capp\nP\nK\1\x85\x81."),
                  BYTES("\x80\2(capp\nP\nK\1Va\n\x86\x81"
                        "capp\nP\nK\1\x85\x81t."),
                  ",\"classes\":{\"app:P\":{\"state\":\"arguments\",\"fields\":{\"argument_1\":{\"type\":\"int\"},"
                  "\"argument_2\":{\"type\":\"str\",\"required\":false}}}},\"versions\":{\"4\":{\"root\":{},"
                  "\"classes\":{\"app:P\":{\"state\":\"arguments\",\"fields\":{\"x\":{}}}}}},\"migrations\":[{\"from\":"
                  "4,\"to\":5,\"description\":\"TODO: why\",\"steps\":[]}]}");
    /* A class that got __slots__. */
    expect_bumped(
        CONTRACT("{\"app:P\": {\"fields\": {\"a\": {}}}}"), BYTES("\x80\2capp\nP\n)\x81}Va\nK\1sb."),
        BYTES("\x80\2capp\nP\n)\x81N}Va\nK\1s\x86"
              "b."),
        ",\"classes\":{\"app:P\":{\"state\":\"slots\",\"fields\":{\"a\":{}}}},\"versions\":{\"4\":{\"root\":{},"
        "\"classes\":{\"app:P\":{\"fields\":{\"a\":{}}}}}},\"migrations\":[{\"from\":4,\"to\":5,\"description\":\"TODO:"
        " why\",\"steps\":[{\"op\":\"restate\",\"class\":\"app:P\",\"to\":\"slots\"}]}]}");
}

/** What a part of the next contract, which begins with `key`, is. */
static void expect_part(const char *contract, const char *before, size_t before_size, const char *after,
                        size_t after_size, const char *key, const char *expected)
{
    snapjar_sink *sink = NULL;
    assert_ok(bump(context, contract, before, before_size, after, after_size, &sink, err));
    char *text = squeezed(sink);
    expect_readable(text);
    const char *part = strstr(text, key);
    if (part == NULL || strncmp(part + strlen(key), expected, strlen(expected)) != 0)
        fail_msg("%s%s is not in %s", key, expected, text);
    free(text);
    snapjar_sink_free(sink);
}

/* app:A(i=app:A.In(d=1)), and the same of another module. */
#define NESTED(module)                                                                                                 \
    BYTES("\x80\4\x8c\3" module "\x8c\1A\x93)\x81}\x8c\1i\x8c\3" module "\x8c\4A.In\x93)\x81}\x8c\1dK\1sbsb.")
/* [A(x=1), B(l=[A(x=1)])] */
#define TWO(module)                                                                                                    \
    BYTES("\x80\2](c" module "\nA\n)\x81}Vx\nK\1sbc" module "\nB\n)\x81}Vl\n]c" module "\nA\n)\x81}Vx\nK\1sbasbe.")
#define SAME_CLASS "\"description\":\"TODO: is it the same class? It has the same fields\"}"

static void test_bump_moved(void **state)
{
    static const char two[] = CONTRACT("{\"app:A\": {\"fields\": {\"x\": {}}}, \"app:B\": {\"fields\": {\"l\": "
                                       "{\"type\": \"list\", \"max_length\": 9, "
                                       "\"items\": {\"type\": \"app:A\"}}}}}");
    (void)state;
    /* What is nested goes along with its class. */
    expect_part(CONTRACT("{\"app:A\": {\"fields\": {\"i\": {\"type\": \"app:A.In\"}}}, \"app:A.In\": {\"fields\": "
                         "{\"d\": {}}}}"),
                NESTED("app"), NESTED("new"),
                "\"steps\":", "[{\"op\":\"rename\",\"from\":\"app:A\",\"to\":\"new:A\"," SAME_CLASS "]");
    /* All of a module; rules have the new names inside of containers, too. */
    expect_part(two, TWO("app"), TWO("new"), "\"steps\":",
                "[{\"op\":\"rename_module\",\"from\":\"app\",\"to\":\"new\",\"description\":\"TODO: did the whole "
                "module move? All that was seen of it has\"}]");
    expect_part(two, TWO("app"), TWO("new"), "\"new:B\":",
                "{\"fields\":{\"l\":{\"type\":\"list\",\"max_length\":9,\"items\":{\"type\":\"new:A\"}}}}");
    /* Not all of it. */
    expect_part(two, TWO("app"), BYTES("\x80\2](capp\nA\n)\x81}Vx\nK\1sbcnew\nB\n)\x81}Vl\n]sbe."),
                "\"steps\":", "[{\"op\":\"rename\",\"from\":\"app:B\",\"to\":\"new:B\"," SAME_CLASS "]");
    /* A rule that does not allow what is inside now is made anew. */
    expect_part(CONTRACT("{\"app:B\": {\"fields\": {\"l\": {\"type\": \"list\", \"items\": {\"type\": \"str\"}}}}}"),
                BYTES("\x80\2capp\nB\n)\x81}Vl\n]Vx\nasb."), BYTES("\x80\2capp\nB\n)\x81}Vl\n]K\1asb."),
                "\"app:B\":", "{\"fields\":{\"l\":{\"type\":\"list\",\"items\":{\"type\":\"int\"}}}}");
}

/** Rows of "allow" go along with what they are about, and no two get one name. */
static void test_bump_moved_rows(void **state)
{
    static const char row[] =
        "{\"snapjar_contract\": 1, \"type\": \"t\", \"schema_version\": 4, \"allow\": {\"app:A\": "
        "{\"uses\": [\"setitem\"], \"reason\": \"why\"}}}";
    static const char rows[] =
        "{\"snapjar_contract\": 1, \"type\": \"t\", \"schema_version\": 4, \"allow\": {\"app:A\": "
        "[\"setitem\"], \"new:A\": [\"setitem\"]}}";
    (void)state;
    expect_part(row, BYTES("\x80\2capp\nA\n)\x81K\1Ns}Vx\nNsb."), BYTES("\x80\2cnew\nA\n)\x81K\1Ns}Vx\nNsb."),
                "\"allow\":", "{\"new:A\":{\"uses\":[\"setitem\"],\"reason\":\"why\"}}");
    expect_part(rows, BYTES("\x80\2capp\nA\n)\x81K\1Ns}Vx\nNsb."), BYTES("\x80\2cnew\nA\n)\x81K\1Ns}Vx\nNsb."),
                "\"allow\":", "{\"app:A\":[\"setitem\"],\"new:A\":[\"setitem\"]}");
}

/** A field that may be missing and is in no new sample is gone from the classes if a step takes it away. */
static void test_bump_optional(void **state)
{
    static const char contract[] = CONTRACT("{\"app:A\": {\"fields\": {\"x\": {}, \"n\": {\"required\": false}}}}");
    static const char before[] = "\x80\2](capp\nA\n)\x81}(Vx\nK\1Vn\nNubcapp\nA\n)\x81}Vx\nK\1sbe.";
    static const char after[] = "\x80\2](capp\nA\n)\x81}Vx\nK\1sbe.";
    (void)state;
    expect_part(contract, before, sizeof before - 1, after, sizeof after - 1,
                "\"classes\":", "{\"app:A\":{\"fields\":{\"x\":{}}}},");
    expect_part(contract, before, sizeof before - 1, after, sizeof after - 1, "\"steps\":",
                "[{\"op\":\"drop\",\"class\":\"app:A\",\"field\":\"n\",\"if_missing\":\"ignore\",\"if_none\":"
                "\"ignore\",\"description\":\"TODO: is "
                "it gone, or only missing in the samples?\"}]");
    /* In no sample at all: nothing is known of it. */
    expect_part(contract, after, sizeof after - 1, after, sizeof after - 1,
                "\"classes\":", "{\"app:A\":{\"fields\":{\"x\":{},\"n\":{\"required\":false}}}},");
}

/** What not each old sample has, steps need not find. */
static void test_bump_sometimes(void **state)
{
    snapjar_samples *samples[2] = {NULL, NULL};
    snapjar_sink *sink = NULL;
    static const char contract[] = CONTRACT("{}");
    (void)state;
    for (int i = 0; i < 2; i++)
        assert_ok(snapjar_samples_new(&samples[i], context, err));
    assert_ok(add(samples[0], context, BYTES("\x80\2capp\nA\n)\x81}Vx\nK\1sb."), "t", 4, err));
    assert_ok(add(samples[0], context, BYTES("\x80\2capp\nA\n)\x81}Vx\ncapp\nB\n)\x81}Vy\nNsbsb."), "t", 4, err));
    assert_ok(add(samples[1], context, BYTES("\x80\2capp\nA\n)\x81}(Vx\ncapp\nB\n)\x81}Vz\nNsbVz\nNub."), "t", 4, err));
    assert_ok(snapjar_sink_to_memory(&sink, context, err));
    assert_ok(snapjar_contract_bump(contract, strlen(contract), samples[0], samples[1], sink, err));
    char *text = squeezed(sink);
    expect_readable(text);
    assert_non_null(strstr(text, "{\"op\":\"add\",\"class\":\"app:A\",\"field\":\"z\",\"value\":null,\"description\""));
    assert_non_null(
        strstr(text, "{\"op\":\"add\",\"class\":\"app:B\",\"field\":\"z\",\"value\":null,\"if_none\":\"ignore\","));
    free(text);
    snapjar_sink_free(sink);
    snapjar_samples_free(samples[0]);
    snapjar_samples_free(samples[1]);
}

/** A state that became a list of values, and the reverse. */
static void test_bump_listed(void **state)
{
    static const char contract[] = CONTRACT("{}");
    static const char named[] = "\x80\2capp\nA\n)\x81}(Vx\nK\1Vy\nK\2ub.";
    static const char list[] = "\x80\2capp\nA\n)\x81](K\1K\2Neb.", tuple[] = "\x80\2capp\nA\n)\x81K\1\x85"
                                                                             "b.";
    (void)state;
    expect_part(
        contract, named, sizeof named - 1, list, sizeof list - 1, "\"steps\":",
        "[{\"op\":\"restate\",\"class\":\"app:A\",\"to\":\"list\",\"fields\":[\"x\",\"y\"],\"description\":\"TODO: "
        "its state has 3 values without names now: which fields are they, in which order? What changes fields "
        "stands before this\"}]");
    expect_part(
        contract, list, sizeof list - 1, named, sizeof named - 1, "\"steps\":",
        "[{\"op\":\"restate\",\"class\":\"app:A\",\"to\":\"dict\",\"fields\":[\"x\",\"y\"],\"description\":\"TODO: "
        "its state had 3 values without names: which fields were they, in which order?\"}]");
    expect_part(contract, named, sizeof named - 1, tuple, sizeof tuple - 1,
                "\"steps\":", "[{\"op\":\"restate\",\"class\":\"app:A\",\"to\":\"tuple\"");
    expect_part(contract, list, sizeof list - 1, list, sizeof list - 1, "\"steps\":", "[]");
}

#define WITH_ROOT(root) "{\"snapjar_contract\": 1, \"type\": \"t\", \"schema_version\": 4, \"root\": " root "}"
#define STEPS "\"description\":\"TODO: why\",\"steps\":["
#define VALUE_TODO "\"description\":\"TODO: the value is that of a sample; what have old objects?\"}"

/* A root that is a dict of names is as good as a class. */
static void test_bump_root(void **state)
{
    static const char before[] = "\x80\2}(Va\nK\1Vb\nVx\nVc\nNu.", after[] = "\x80\2}(Va\nVs\nVb\nVy\nVd\n]u.";
    static const char described[] =
        WITH_ROOT("{\"type\": \"dict\", \"description\": \"mine\", \"entries\": {\"a\": {\"type\": \"int\"}, \"b\": "
                  "{\"type\": \"str\", \"max_length\": 3}, \"c\": {}, \"e\": {\"required\": false}}}");
    static const char kept[] = "{\"type\":\"dict\"},\"classes\":{}";
    (void)state;
    expect_part(described, before, sizeof before - 1, after, sizeof after - 1, "\"root\":",
                "{\"type\":\"dict\",\"description\":\"mine\",\"entries\":{\"a\":{\"type\":\"str\"},\"b\":{\"type\":"
                "\"str\",\"max_length\":3},\"d\":{\"type\":\"list\"},\"e\":{\"required\":false}}},\"classes\":{}");
    expect_part(described, before, sizeof before - 1, after, sizeof after - 1, STEPS,
                "{\"op\":\"drop\",\"at\":\"\",\"field\":\"c\"},{\"op\":\"add\",\"at\":\"\",\"field\":\"d\",\"value\":"
                "[]," VALUE_TODO
                ",{\"op\":\"retype\",\"at\":\"\",\"field\":\"a\",\"from\":\"int\",\"to\":\"str\"}]}]}");
    /* Where the contract names no entries, or there are others, they are nobody's fields. */
    expect_part(WITH_ROOT("{\"type\": \"dict\"}"), before, sizeof before - 1, after, sizeof after - 1,
                "\"root\":", kept);
    expect_part(WITH_ROOT("{\"type\": \"dict\"}"), before, sizeof before - 1, after, sizeof after - 1, STEPS, "]}]}");
    expect_part(described, before, sizeof before - 1, BYTES("\x80\2}K\1Ns."), STEPS, "]}]}");
    expect_part(described, BYTES("K\1."), after, sizeof after - 1, STEPS, "]}]}");
}

#define JOB(value) "\x80\2capp\nJob\n)\x81}Vs\n" value "sb."
#define ENUM_CONTRACT                                                                                                  \
    CONTRACT("{\"app:Job\": {\"fields\": {\"s\": {\"type\": \"app:S\"}}}, \"app:S\": {\"state\": \"enum\"}}")
#define MEMBER_TODO                                                                                                    \
    "\"if_none\":\"ignore\",\"description\":\"TODO: is it the same member, or another one of the enumeration?\"}"
#define RENAME_TODO "\"description\":\"TODO: is it the same class? It has the same name in another module\"}"
#define MAP_TODO "\"description\":\"TODO: these are values of samples; what becomes of each?\"}"

static void test_bump_enumerations(void **state)
{
    (void)state;
    /* One member went and one came, by value and by name; in another module as well. */
    expect_part(ENUM_CONTRACT, BYTES(JOB("capp\nS\nVrun\n\x85R")), BYTES(JOB("capp\nS\nVrunning\n\x85R")), STEPS,
                "{\"op\":\"rename_member\",\"class\":\"app:S\",\"values\":[[\"run\",\"running\"]]," MEMBER_TODO "]}]}");
    expect_part(ENUM_CONTRACT, BYTES(JOB("cbuiltins\ngetattr\ncapp\nS\nVRUN\n\x86R")),
                BYTES(JOB("cbuiltins\ngetattr\ncapp.x\nS\nVGO\n\x86R")), STEPS,
                "{\"op\":\"rename\",\"from\":\"app:S\",\"to\":\"app.x:S\"," RENAME_TODO
                ",{\"op\":\"rename_member\",\"class\":\"app.x:S\",\"names\":{\"RUN\":\"GO\"}," MEMBER_TODO "]}]}");
    expect_part(ENUM_CONTRACT, BYTES(JOB("capp\nS\nK\1\x85R")), BYTES(JOB("capp.x\nS\nK\1\x85R")), "\"classes\":",
                "{\"app:Job\":{\"fields\":{\"s\":{\"type\":\"app.x:S\"}}},\"app.x:S\":{\"state\":\"enum\"}}");
    /* Several came: nobody can tell. What is called and is no enumeration by the contract has no members. */
    expect_part(ENUM_CONTRACT, BYTES(JOB("capp\nS\nK\1\x85R")), BYTES(JOB("](capp\nS\nK\2\x85Rcapp\nS\nK\3\x85Re")),
                STEPS, "]}]}");
    expect_part(CONTRACT("{\"app:Job\": {\"fields\": {\"s\": {}}}}"), BYTES(JOB("capp\nS\nK\1\x85R")),
                BYTES(JOB("capp\nS\nK\2\x85R")), STEPS, "]}]}");
    /* A plain value became a member, and the reverse; a member is a literal. */
    expect_part(ENUM_CONTRACT, BYTES(JOB("Vrun\n")), BYTES(JOB("capp\nS\nVrun\n\x85R")), STEPS,
                "{\"op\":\"map\",\"class\":\"app:Job\",\"field\":\"s\",\"values\":[[\"run\",{\"$call\":[\"app:S\","
                "[\"run\"]]}]]," MAP_TODO "]}]}");
    expect_part(
        ENUM_CONTRACT, BYTES(JOB("capp\nS\nK\1\x85R")), BYTES(JOB("K\1")), STEPS,
        "{\"op\":\"map\",\"class\":\"app:Job\",\"field\":\"s\",\"values\":[[{\"$call\":[\"app:S\",[1]]},1]]," MAP_TODO
        "]}]}");
    expect_part(
        ENUM_CONTRACT, BYTES("\x80\2capp\nJob\n)\x81}b."), BYTES(JOB("capp\nS\nK\1\x85R")), STEPS,
        "{\"op\":\"add\",\"class\":\"app:Job\",\"field\":\"s\",\"value\":{\"$call\":[\"app:S\",[1]]}," VALUE_TODO
        "]}]}");
    /* Dates are no members. */
    expect_part(CONTRACT("{\"app:Job\": {\"fields\": {\"s\": {}}}}"), BYTES(JOB("V2024-01-01\n")),
                BYTES("\x80\3capp\nJob\n)\x81}Vs\ncdatetime\ndate\nC\4\7\xe8\1\1\x85Rsb."), STEPS,
                "{\"op\":\"retype\",\"class\":\"app:Job\",\"field\":\"s\",\"from\":\"str\",\"to\":\"date\"}]}]}");
}

/* More members than are noted: the rest tells nothing. */
static void test_bump_many_members(void **state)
{
    char pickle[16384];
    (void)state;
    for (size_t count = SJ_SEEN_MEMBERS_MAX - 1; count <= SJ_SEEN_MEMBERS_MAX; count++) {
        size_t used = (size_t)sprintf(pickle, "\x80\2capp\nJob\n)\x81}Vs\n](");
        for (size_t i = 0; i < count; i++)
            used += (size_t)sprintf(pickle + used, "capp\nS\nI%zu\n\x85R", i);
        const size_t shared = used;
        used += (size_t)sprintf(pickle + used, "capp\nS\nI-1\n\x85Resb.");
        char before[sizeof pickle];
        memcpy(before, pickle, used);
        memcpy(pickle + shared, "capp\nS\nI-2\n", 11);
        expect_part(ENUM_CONTRACT, before, used, pickle, used, STEPS,
                    count < SJ_SEEN_MEMBERS_MAX ? "{\"op\":\"rename_member\"" : "]}]}");
    }
}

static void test_bump_refused(void **state)
{
    static const char good[] = CONTRACT("{}");
    static const char last[] = "{\"snapjar_contract\": 1, \"type\": \"t\", \"schema_version\": 9223372036854775807}";
    snapjar_sink *sink = NULL;
    snapjar_error err;
    snapjar_samples *none = NULL;
    (void)state;
    assert_int_equal(bump(context, "{}", BYTES("N."), BYTES("N."), &sink, &err), SNAPJAR_DAMAGED);
    assert_int_equal(err.diagnostic, SNAPJAR_DIAG_CONTRACT_INVALID);
    snapjar_sink_free(sink);
    assert_int_equal(bump(context, last, BYTES("N."), BYTES("N."), &sink, &err), SNAPJAR_LIMIT);
    assert_int_equal(err.diagnostic, SNAPJAR_DIAG_CONTRACT_LIMIT);
    assert_ok(snapjar_samples_new(&none, context, err));
    assert_int_equal(snapjar_contract_bump(good, sizeof good - 1, none, none, sink, NULL), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(snapjar_contract_bump(NULL, 0, none, none, sink, NULL), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(snapjar_contract_bump(good, sizeof good - 1, NULL, none, sink, NULL), SNAPJAR_INVALID_ARGUMENT);
    snapjar_samples_free(none);
    snapjar_sink_free(sink);
}

static void test_literals(void **state)
{
    /* Values of one field, as the step that adds it has them. */
    static const struct {
        const char *pickle;
        size_t size;
        const char *literal;
    } rows[] = {
        {BYTES("N"), "null"},
        {BYTES("\x88"), "true"},
        {BYTES("\x89"), "false"},
        {BYTES("I-5\n"), "-5"},
        {BYTES("\x8a\x09\0\0\0\0\0\0\0\x80\0"), "{\"$int\":\"9223372036854775808\"}"},
        {BYTES("G?\xf8\0\0\0\0\0\0"), "1.5"},
        {BYTES("G\x7f\xf0\0\0\0\0\0\0"), "{\"$float\":\"inf\"}"},
        {BYTES("\x8c\5a\"\\\xc3\xa9"), "\"a\\\"\\\\\xc3\xa9\""},
        {BYTES("C\4\0\1\2\xff"), "{\"$bytes\":\"AAEC/w==\"}"},
        {BYTES("]"), "[]"},
        {BYTES("}"), "{}"},
        {BYTES(")"), "{\"$tuple\":[]}"},
        {BYTES("\x8f"), "{\"$set\":[]}"},
        {BYTES("(\x91"), "{\"$frozenset\":[]}"},
        {BYTES("](K\1e"), "null"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char pickle[128], expected[256];
        size_t used = (size_t)sprintf(pickle, "\x80%ccapp\nJob\n)\x81}Vf\n", 5);
        snapjar_sink *sink = NULL;
        memcpy(pickle + used, rows[i].pickle, rows[i].size);
        used += rows[i].size;
        memcpy(pickle + used, "sb.", 3);
        assert_ok(bump(context, CONTRACT("{\"app:Job\": {}}"), BYTES("\x80\2capp\nJob\n)\x81}b."), pickle, used + 3,
                       &sink, err));
        char *text = squeezed(sink);
        (void)snprintf(expected, sizeof expected, "\"field\":\"f\",\"value\":%s,\"description\"", rows[i].literal);
        if (strstr(text, expected) == NULL)
            fail_msg("%s: %s", expected, text);
        free(text);
        snapjar_sink_free(sink);
    }
}

static snapjar_status bump_once(snapjar_context *failing, void *state, snapjar_error *err)
{
    snapjar_sink *sink = NULL;
    (void)state;
    const snapjar_status status =
        bump(failing, CONTRACT("{\"app:Job\": {\"fields\": {\"a\": {}, \"b\": {}}}, \"app:S\": {\"state\": \"enum\"}}"),
             BYTES("\x80\2capp\nJob\n)\x81}(Va\nK\1Vb\nNVs\ncapp\nS\nK\1\x85Rub."),
             BYTES("\x80\2capp.x\nJob\n)\x81}(Va\nK\1Vc\nVt\nVs\ncapp\nS\nK\2\x85Rub."), &sink, err);
    snapjar_sink_free(sink);
    return status;
}

static snapjar_status infer_once(snapjar_context *failing, void *state, snapjar_error *err)
{
    static const char pickle[] =
        "\x80\3](capp\nJob\n)\x81}(Va\n](K\1eVb\n}Vk\nC\1xsubcdatetime\ndate\nC\4\7\xe8\1\1\x85Re.";
    snapjar_samples *samples = NULL;
    snapjar_sink *sink = NULL;
    (void)state;
    snapjar_status status = snapjar_samples_new(&samples, failing, err);
    if (status == SNAPJAR_OK)
        status = add(samples, failing, pickle, sizeof pickle - 1, NULL, 0, err);
    if (status == SNAPJAR_OK)
        status = snapjar_sink_to_memory(&sink, failing, err);
    if (status == SNAPJAR_OK)
        status = snapjar_contract_infer(samples, sink, err);
    snapjar_sink_free(sink);
    snapjar_samples_free(samples);
    return status;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    assert_true(fail_alloc_run(infer_once, NULL) > 30);
    assert_true(fail_alloc_run(bump_once, NULL) > 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_roots),
        cmocka_unit_test(test_classes),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_bump),
        cmocka_unit_test(test_bump_forms),
        cmocka_unit_test(test_bump_refused),
        cmocka_unit_test(test_literals),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_bump_root),
        cmocka_unit_test(test_bump_moved),
        cmocka_unit_test(test_bump_moved_rows),
        cmocka_unit_test(test_bump_optional),
        cmocka_unit_test(test_bump_listed),
        cmocka_unit_test(test_bump_sometimes),
        cmocka_unit_test(test_bump_enumerations),
        cmocka_unit_test(test_bump_many_members),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
