/* SPDX-License-Identifier: MIT
 *
 * Contracts: what is read and what is refused, where; and what they say of objects.
 */
#include "one_context.h"

#include <snapjar/contract.h>

#include "craft.h"
#include "fail_alloc.h"

/** The beginning of every contract. */
#define HEAD "{\"snapjar_contract\": 1, \"type\": \"app:Job\", \"schema_version\": 2"

static snapjar_contract *read_contract(const char *text)
{
    snapjar_contract *contract = NULL;
    assert_ok(snapjar_contract_read(&contract, context, text, strlen(text), NULL, err));
    return contract;
}

/* ---- reading ---- */

static void test_good(void **state)
{
    static const char text[] = HEAD
        ", \"description\": \"jobs\", \"presets\": [\"datetime\"],"
        "\"allow\": {\"app:Status\": {\"uses\": [\"call\"], \"reason\": \"an enumeration\"}},"
        "\"extensions\": {\"240\": \"app:Job\"}, \"persistent_ids\": false, \"buffers\": true,"
        "\"root\": {\"type\": [\"app:Job\", \"none\"], \"description\": \"it\"},"
        "\"classes\": {"
        " \"app:Job\": {\"state\": \"dict\", \"description\": \"a job\", \"extra_fields\": \"refuse\", \"fields\": {"
        "  \"id\": {\"type\": \"int\", \"min\": 0, \"max\": {\"$int\": \"18446744073709551616\"}},"
        "  \"name\": {\"type\": \"str\", \"min_length\": 1, \"max_length\": 80, \"pattern\": \"[a-z]+\"},"
        "  \"at\": {\"type\": \"tuple\", \"elements\": [{\"type\": \"float\"}, {}], \"required\": false},"
        "  \"tags\": {\"type\": [\"set\", \"list\"], \"items\": {\"enum\": [\"a\", 1, null]}},"
        "  \"map\": {\"type\": \"dict\", \"keys\": {\"type\": \"str\"}, \"values\": {\"type\": \"any\"}},"
        "  \"env\": {\"type\": \"dict\", \"extra_entries\": \"allow\", \"entries\": {\"x\": {\"required\": true}}}}},"
        " \"app:Point\": {\"state\": \"arguments\", \"fields\": {\"x\": {}, \"y\": {}}},"
        " \"app:Kind\": {\"state\": \"enum\"}, \"app:Odd\": {\"state\": \"opaque\"}, \"app:Slim\": {\"state\": "
        "\"slots\"}},"
        "\"versions\": {\"1\": {\"accepted\": true, \"description\": \"before\", \"root\": {\"type\": \"any\"}},"
        " \"0\": {\"accepted\": false, \"classes\": {}}},"
        "\"migrations\": [{\"from\": 0, \"to\": 2, \"description\": \"all at once\", \"steps\": []}]}";
    (void)state;
    snapjar_contract *contract = read_contract(text);
    const char *description = NULL;
    int64_t to = 0;
    size_t count = 7;

    assert_string_equal(snapjar_contract_type(contract), "app:Job");
    assert_int_equal(snapjar_contract_schema_version(contract), 2);
    assert_true(snapjar_contract_accepts(contract, 2));
    assert_true(snapjar_contract_accepts(contract, 1));
    assert_false(snapjar_contract_accepts(contract, 0));
    assert_false(snapjar_contract_accepts(contract, 3));
    assert_true(snapjar_contract_chain(contract, 0, &count));
    assert_int_equal(count, 1);
    assert_true(snapjar_contract_chain(contract, 2, &count));
    assert_int_equal(count, 0);
    assert_false(snapjar_contract_chain(contract, 1, &count));
    assert_false(snapjar_contract_chain(contract, 3, NULL));
    assert_true(snapjar_contract_next(contract, 0, &to, &description));
    assert_int_equal(to, 2);
    assert_string_equal(description, "all at once");
    assert_true(snapjar_contract_next(contract, 0, NULL, NULL));
    assert_false(snapjar_contract_next(contract, 1, &to, &description));
    assert_string_equal(description, "");
    snapjar_contract_free(contract);
    snapjar_contract_free(NULL);
    assert_int_equal(snapjar_contract_read(NULL, context, text, 1, NULL, NULL), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(snapjar_contract_read(&contract, NULL, text, 1, NULL, NULL), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(snapjar_contract_read(&contract, context, NULL, 1, NULL, NULL), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(snapjar_contract_read(&contract, context, text, 1, NULL, NULL), SNAPJAR_DAMAGED);
    assert_null(contract);
}

/** A contract in which ^ marks the byte that an error is about. */
typedef struct bad {
    const char *marked;
    snapjar_diagnostic diagnostic;
    const char *place;
    const char *message;
} bad;

static void expect_bad(const bad *row)
{
    char *text = strdup(row->marked);
    const size_t at = take_mark(text);
    snapjar_contract *contract = NULL;
    snapjar_error err;
    const snapjar_status status = snapjar_contract_read(&contract, context, text, strlen(text), NULL, &err);
    if (status != SNAPJAR_DAMAGED || err.diagnostic != row->diagnostic || err.offset != at ||
        err.space != SNAPJAR_SPACE_FILE || strcmp(err.place, row->place) != 0 ||
        strstr(err.message, row->message) == NULL || strncmp(err.message, "line 1, column ", 15) != 0)
        fail_msg("%s\n  %s [%s] at %d, %s: %s", row->marked, snapjar_status_name(status),
                 snapjar_diagnostic_name(err.diagnostic), (int)err.offset, err.place, err.message);
    assert_null(contract);
    assert_int_equal(snapjar_contract_read(&contract, context, text, strlen(text), NULL, NULL), SNAPJAR_DAMAGED);
    free(text);
}

#define INVALID SNAPJAR_DIAG_CONTRACT_INVALID
#define CHAIN SNAPJAR_DIAG_CONTRACT_CHAIN

static void test_bad_documents(void **state)
{
    static const bad rows[] = {
        {"^{\"type\": \"t\", \"schema_version\": 1}", INVALID, "$", "\"snapjar_contract\" must be there"},
        {"^{\"snapjar_contract\": 1, \"schema_version\": 1}", INVALID, "$", "\"type\" must be there"},
        {"^{\"snapjar_contract\": 1, \"type\": \"t\"}", INVALID, "$", "\"schema_version\" must be there"},
        {"{\"snapjar_contract\": ^\"1\", \"type\": \"t\", \"schema_version\": 1}", INVALID, "$.snapjar_contract",
         "must be an integer"},
        {"{\"snapjar_contract\": 1, \"type\": ^\"\", \"schema_version\": 1}", INVALID, "$.type", "1 to 1024 bytes"},
        {"{\"snapjar_contract\": 1, \"type\": \"t\", \"schema_version\": ^-1}", INVALID, "$.schema_version",
         "negative"},
        {HEAD ", \"clases\": ^{}}", INVALID, "$.clases", "\"clases\" is not known in a contract"},
        {HEAD ", \"description\": ^1}", INVALID, "$.description", "must be a string"},
        {HEAD ", \"classes\": ^[]}", INVALID, "$.classes", "must be an object"},
        {HEAD ", \"classes\": {\"Job\": ^{}}}", INVALID, "$.classes.Job", "is no class"},
        {HEAD ", \"classes\": {\"app:Job*\": ^{}}}", INVALID, "$.classes.app:Job*", "is no class"},
        {HEAD ", \"classes\": {\"app:Job\": ^1}}", INVALID, "$.classes.app:Job", "must be an object"},
        {HEAD ", \"classes\": {\"app:Job\": {\"field\": ^{}}}}", INVALID, "$.classes.app:Job.field",
         "not known in a class"},
        {HEAD ", \"classes\": {\"app:Job\": {\"state\": ^\"list\"}}}", INVALID, "$.classes.app:Job.state",
         "must be dict"},
        {HEAD ", \"classes\": {\"app:Job\": {\"fields\": {}, \"state\": ^\"enum\"}}}", INVALID,
         "$.classes.app:Job.state", "has no fields"},
        {HEAD ", \"classes\": {\"app:Job\": {\"extra_fields\": ^\"yes\"}}}", INVALID, "$.classes.app:Job.extra_fields",
         "must be \"refuse\" or \"allow\""},
        {HEAD ", \"classes\": {\"app:Job\": {\"description\": ^true}}}", INVALID, "$.classes.app:Job.description",
         "must be a string"},
        {HEAD ", \"presets\": [\"plain\", ^\"plane\"]}", SNAPJAR_DIAG_POLICY_INVALID, "$.presets[1]", "no preset"},
        {HEAD ", \"allow\": {\"app:X\": [\"call\", ^\"cal\"]}}", SNAPJAR_DIAG_POLICY_INVALID, "$.allow.app:X[1]",
         "is no use"},
        {HEAD ", \"buffers\": ^0}", SNAPJAR_DIAG_POLICY_INVALID, "$.buffers", "must be true or false"},
        {HEAD ", \"versions\": ^[]}", INVALID, "$.versions", "must be an object"},
        {HEAD ", \"versions\": {\"01\": ^{}}}", INVALID, "$.versions.01", "is no number of a version"},
        {HEAD ", \"versions\": {\"-1\": ^{}}}", INVALID, "$.versions.-1", "is no number of a version"},
        {HEAD ", \"versions\": {\"2\": ^{}}}", INVALID, "$.versions.2", "is the current version"},
        {HEAD ", \"versions\": {\"3\": ^{}}}", INVALID, "$.versions.3", "is newer"},
        {HEAD ", \"versions\": {\"1\": ^1}}", INVALID, "$.versions.1", "must be an object"},
        {HEAD ", \"versions\": {\"1\": {\"accepted\": ^1}}}", INVALID, "$.versions.1.accepted",
         "must be true or false"},
        {HEAD ", \"versions\": {\"1\": {\"accept\": ^true}}}", INVALID, "$.versions.1.accept",
         "not known in a version"},
        {HEAD ", \"versions\": {\"1\": ^{}}}", CHAIN, "$.versions.1",
         "version 1 is not accepted, and no migration leads"},
        {HEAD ", \"migrations\": ^{}}", INVALID, "$.migrations", "must be an array"},
        {HEAD ", \"migrations\": [^1]}", INVALID, "$.migrations[0]", "must have objects"},
        {HEAD ", \"migrations\": [^{\"to\": 2, \"steps\": []}]}", INVALID, "$.migrations[0]", "\"from\" must be there"},
        {HEAD ", \"migrations\": [^{\"from\": 1, \"steps\": []}]}", INVALID, "$.migrations[0]", "\"to\" must be there"},
        {HEAD ", \"migrations\": [^{\"from\": 1, \"to\": 2}]}", INVALID, "$.migrations[0]", "\"steps\" must be there"},
        {HEAD ", \"migrations\": [{\"from\": ^-1, \"to\": 2, \"steps\": []}]}", INVALID, "$.migrations[0].from",
         "negative"},
        {HEAD ", \"migrations\": [{\"from\": 1, \"to\": 2, \"steps\": [], \"when\": ^1}]}", INVALID,
         "$.migrations[0].when", "not known in a migration"},
        {HEAD ", \"migrations\": [{\"from\": 1, \"to\": 2, \"steps\": ^{}}]}", INVALID, "$.migrations[0].steps",
         "must be an array"},
        {HEAD ", \"migrations\": [{\"from\": 1, \"to\": ^1, \"steps\": []}]}", CHAIN, "$.migrations[0].to",
         "from version 1 to 1, which is no later one"},
        {HEAD ", \"migrations\": [{\"from\": 1, \"to\": ^3, \"steps\": []}]}", CHAIN, "$.migrations[0].to",
         "to version 3, beyond the contract's 2"},
        {HEAD ", \"migrations\": [^{\"from\": 0, \"to\": 1, \"steps\": []}]}", CHAIN, "$.migrations[0]",
         "no migration leads on from version 1 to the current one, 2"},
        {HEAD ", \"migrations\": [{\"from\": 1, \"to\": 2, \"steps\": []}, ^{\"from\": 1, \"to\": 2, \"steps\": []}]}",
         CHAIN, "$.migrations[1]", "another migration from version 1"},
        {HEAD ", \"migrations\": [{\"from\": 1, \"to\": 2, \"steps\": [{\"op\": ^\"no such\"}]}]}",
         SNAPJAR_DIAG_STEPS_INVALID, "$.migrations[0].steps[0].op", "which is no step"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        expect_bad(&rows[i]);
}

/** Version 1 has app:Job and app:Out.In, version 2 has app:Job and new:Task; app:old and app:new may be called. */
#define STEPS(steps)                                                                                                   \
    HEAD ", \"allow\": {\"app:new\": [\"call\"]}, \"classes\": {\"app:Job\": {}, \"new:Task\": {}}, \"versions\": "    \
         "{\"1\": "                                                                                                    \
         "{\"classes\": {\"app:Job\": {\"fields\": {\"x\": {\"type\": \"app:Part\"}, \"y\": {\"enum\": [[{\"$call\": " \
         "[\"app:Kind\", [1]]}]]}}}, \"app:Out.In\": {}}}}, \"migrations\": [{\"from\": 1, \"to\": 2, \"steps\": "     \
         "[" steps "]}]}"
#define DROP(class) "{\"op\": \"drop\", \"field\": \"x\", \"class\": " class "}"
#define RENAME(from, to) "{\"op\": \"rename\", \"from\": " from ", \"to\": " to "}"
#define MOVE(from, to) "{\"op\": \"rename_module\", \"from\": " from ", \"to\": " to "}"

static void test_unknown_classes(void **state)
{
    const snapjar_diagnostic unknown = SNAPJAR_DIAG_STEP_CLASS_UNKNOWN;
    static const char first[] = "$.migrations[0].steps[0].class", second[] = "$.migrations[0].steps[1].class";
    const bad rows[] = {
        {STEPS(DROP("^\"app:Jbo\"")), unknown, first, "\"app:Jbo\" is no class of the contract's versions"},
        {STEPS(DROP("^\"app:Out.In2\"")), unknown, first, "is no class"},
        {STEPS("{\"op\": \"to_dict\", \"class\": ^\"app:O\"}"), unknown, first, "is no class"},
        {STEPS(RENAME("\"app:Job\"", "\"new:Task\"") ", " DROP("^\"app:Job\"")), unknown, second, "another name"},
        {STEPS(RENAME("\"app:Out\"", "\"app:Job\"") ", " DROP("^\"app:Out.In\"")), unknown, second, "another name"},
        {STEPS(MOVE("\"app\"", "\"new\"") ", " DROP("^\"app:Job\"")), unknown, second, "another name"},
        {STEPS(MOVE("\"app\"", "\"new\"") ", " DROP("^\"new:Jbo\"")), unknown, second, "is no class"},
        {STEPS(MOVE("^\"ap\"", "\"new\"")), unknown, "$.migrations[0].steps[0].from", "is the module of no class"},
        {STEPS(RENAME("^\"app:Tsak\"", "\"new:Task\"")), unknown, "$.migrations[0].steps[0].from", "is no class"},
        {STEPS(RENAME("\"app:Job\"", "^\"new:Tsak\"")), unknown, "$.migrations[0].steps[0].to", "is not allowed"},
        {STEPS("{\"op\": \"rename\", \"map\": {\"app:Part\": \"new:Task\", \"app:Job\": ^\"new:Tsak\"}}"), unknown,
         "$.migrations[0].steps[0].map.app:Job", "\"new:Tsak\""},
        {STEPS("{\"op\": \"rename\", \"map\": {\"app:Job\": \"new:Task\", \"app:P\": ^\"app:Job\"}}"), unknown,
         "$.migrations[0].steps[0].map.app:P", "\"app:P\""},
        {STEPS("{\"op\": \"to_instance\", \"at\": \"x\", \"class\": ^\"app:Jbo\"}"), unknown, first, "is not allowed"},
        {STEPS("{\"op\": \"rename_member\", \"class\": ^\"app:Knid\", \"values\": [[1, 2]]}"), unknown, first, ""},
    };
    static const char *const good[] = {
        DROP("\"app:Part\"") ", " DROP("\"app:Kind\"") ", " DROP("\"new:Task\"") ", " DROP("\"app:new\""),
        RENAME("\"app:Out\"", "\"app:Outer\"") ", " DROP("\"app:Outer.In\"") ", " RENAME("\"app:Outer.In\"",
                                                                                         "\"new:Task\""),
        MOVE("\"app\"", "\"app.sub\"") ", " DROP("\"app.sub:Out.In\"") ", " MOVE("\"app.sub\"", "\"new\""),
        RENAME("\"app:old\"", "\"app:new\"") ", " MOVE("\"functions\"", "\"library\""),
        "{\"op\": \"rename\", \"map\": {\"app:Job\": \"app:Part\", \"app:Part\": \"app:Job\"}}, " DROP("\"app:Job\""),
        "{\"op\": \"to_instance\", \"at\": \"x\", \"class\": \"app:Tmp\"}, " DROP("\"app:Tmp\"") ", " RENAME(
            "\"app:Tmp\"", "\"new:Task\""),
        "{\"op\": \"to_instance\", \"at\": \"x\", \"class\": \"app:Tmp\"}, {\"op\": \"to_dict\", \"class\": "
        "\"app:Tmp\"}",
        "{\"op\": \"add\", \"at\": \"\", \"field\": \"x\", \"value\": [{\"$new\": [\"app:Made\", []]}]}, " DROP(
            "\"app:Made\""),
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        expect_bad(&rows[i]);
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        char text[2048];
        (void)snprintf(text, sizeof text, STEPS("%s"), good[i]);
        snapjar_contract_free(read_contract(text));
    }
    /* Of a version that nobody described anything may be said. */
    snapjar_contract_free(read_contract(
        HEAD ", \"classes\": {\"app:Job\": {}}, \"migrations\": [{\"from\": 1, \"to\": 2, \"steps\": [" DROP(
            "\"app:Any\"") ", " RENAME("\"app:Old\"", "\"app:Job\"") "]}]}"));
}

#define RULE(rule) HEAD ", \"root\": " rule "}"
#define FIELD(rule) HEAD ", \"classes\": {\"app:Job\": {\"fields\": {\"f\": " rule "}}}}"

/* ---- types with another name ---- */

static void expect_type(const snapjar_contract *contract, const char *type, int64_t version, bool is_taken)
{
    if (snapjar_contract_takes_type(contract, type, strlen(type), version) != is_taken)
        fail_msg("%s of version %d: %d", type, (int)version, !is_taken);
}

static void test_renamed_types(void **state)
{
    static const char head[] = "{\"snapjar_contract\": 1, \"type\": \"%s\", \"schema_version\": 3, \"migrations\": ["
                               "{\"from\": 1, \"to\": 2, \"steps\": [%s]}, {\"from\": 2, \"to\": 3, \"steps\": [%s]}]}";
    static const struct {
        const char *type, *first, *second, *old;
        bool from_1, from_2;
    } rows[] = {
        {"new:Job", RENAME("\"app:Job\"", "\"new:Job\""), "", "app:Job", true, false},
        {"new:Job", RENAME("\"app:Job\"", "\"new:Job\""), "", "app:Jobs", false, false},
        {"new:Job", "", RENAME("\"app:Job\"", "\"new:Job\""), "app:Job", true, true},
        {"new:A.In", RENAME("\"app:Out\"", "\"new:A\""), "", "app:Out.In", true, false},
        {"new.x:Job", MOVE("\"app\"", "\"mid\""), MOVE("\"mid\"", "\"new\""), "app.x:Job", true, false},
        {"new:Job", MOVE("\"app\"", "\"new\""), "", "app:Job", true, false},
        {"new:Job", MOVE("\"app\"", "\"new\""), "", "app:Note", false, false},
        {"new:Job", MOVE("\"app\"", "\"new\""), "", "app", false, false},
        {"app:B", "{\"op\": \"rename\", \"map\": {\"app:A\": \"app:B\", \"app:B\": \"app:A\"}}", "", "app:A", true,
         false},
        {"new:X", "{\"op\": \"rename\", \"map\": {\"a:O\": \"b:O\", \"a:O.I\": \"new:X\"}}", "", "a:O.I", true, false},
        {"builtins:dict", "{\"op\": \"to_dict\", \"class\": \"app:Job\"}", "", "app:Job", true, false},
        {"jobs", "{\"op\": \"to_dict\", \"class\": \"app:Job\"}", "", "app:Job", true, false},
        {"app:Job2", "{\"op\": \"to_dict\", \"class\": \"app:Job\"}", "", "app:Job", false, false},
        {"jobs", "{\"op\": \"to_dict\", \"class\": \"app:Job\"}", "", "builtins:dict", false, false},
        {"app:Job", "", "{\"op\": \"to_instance\", \"at\": \"\", \"class\": \"app:Job\"}", "builtins:dict", true, true},
        {"app:Job", "", "{\"op\": \"to_instance\", \"at\": \"x\", \"class\": \"app:Job\"}", "builtins:dict", false,
         false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[1024];
        (void)snprintf(text, sizeof text, head, rows[i].type, rows[i].first, rows[i].second);
        snapjar_contract *contract = read_contract(text);
        expect_type(contract, rows[i].old, 1, rows[i].from_1);
        expect_type(contract, rows[i].old, 2, rows[i].from_2);
        /* Nothing gives today's objects another name; of a version that nobody knows any may. */
        expect_type(contract, rows[i].old, 3, false);
        expect_type(contract, rows[i].old, 9, rows[i].from_1);
        expect_type(contract, rows[i].old, SNAPJAR_VERSION_UNKNOWN, rows[i].from_1);
        for (int64_t version = SNAPJAR_VERSION_UNKNOWN; version < 5; version++)
            expect_type(contract, rows[i].type, version, true);
        snapjar_contract_free(contract);
    }
}

/** A name that renames make longer than any type is none. */
static void test_long_renamed_type(void **state)
{
    static char text[16384], name[1001];
    snapjar_contract *contract;
    (void)state;
    memset(name, 'x', sizeof name - 1);
    (void)snprintf(text, sizeof text,
                   "{\"snapjar_contract\": 1, \"type\": \"t\", \"schema_version\": 1, \"migrations\": [{\"from\": 0, "
                   "\"to\": 1, \"steps\": [" MOVE("\"a\"", "\"a.%s\"") ", " MOVE("\"a\"", "\"a.%s\"") ", " MOVE(
                       "\"a\"", "\"a.%s\"") ", " MOVE("\"a\"", "\"a.%s\"") ", " MOVE("\"a\"", "\"a.%s\"") "]}]}",
                   name, name, name, name, name);
    contract = read_contract(text);
    expect_type(contract, "a:T", 0, false);
    static char longer[5000];
    memset(longer, 'y', sizeof longer - 1);
    expect_type(contract, longer, 0, false);
    snapjar_contract_free(contract);
}

static void test_bad_rules(void **state)
{
    static const bad rows[] = {
        {RULE("^\"int\""), INVALID, "$.root", "must be an object: a rule"},
        {FIELD("^[]"), INVALID, "$.classes.app:Job.fields.f", "\"f\" must be an object: a rule"},
        {RULE("{\"typ\": ^\"int\"}"), INVALID, "$.root.typ", "\"typ\" is not known in a rule"},
        {RULE("{\"type\": ^1}"), INVALID, "$.root.type", "must be a string, or an array"},
        {RULE("{\"type\": ^[]}"), INVALID, "$.root.type", "must name a type"},
        {RULE("{\"type\": [\"int\", ^1]}"), INVALID, "$.root.type[1]", "must be a string, or an array"},
        {RULE("{\"type\": ^\"integer\"}"), INVALID, "$.root.type", "\"integer\" is no type"},
        {RULE("{\"type\": [\"int\", \"str\", ^\"int\"]}"), INVALID, "$.root.type[2]", "stands twice"},
        {RULE("{\"type\": [\"a:B\", ^\"a:B\"]}"), INVALID, "$.root.type[1]", "stands twice"},
        {RULE("{\"description\": ^1}"), INVALID, "$.root.description", "must be a string"},
        {RULE("{\"required\": ^true}"), INVALID, "$.root.required", "fields and entries only"},
        {FIELD("{\"required\": ^1}"), INVALID, "$.classes.app:Job.fields.f.required", "must be true or false"},
        {RULE("{\"enum\": ^1}"), INVALID, "$.root.enum", "must be an array"},
        {RULE("{\"enum\": ^[]}"), INVALID, "$.root.enum", "must have a value"},
        {RULE("{\"enum\": [1, ^{\"$tuples\": []}]}"), SNAPJAR_DIAG_LITERAL_INVALID, "$.root.enum[1]", ""},
        {RULE("{\"type\": \"int\", \"min\": ^\"1\"}"), INVALID, "$.root.min", "must be a number"},
        {RULE("{\"type\": \"int\", \"max\": ^{\"$int\": \"1x\"}}"), INVALID, "$.root.max", "must be a number"},
        {RULE("{\"type\": \"int\", \"min\": 2, \"max\": ^1.5}"), INVALID, "$.root.max", "is less than \"min\""},
        {RULE("{\"type\": \"str\", \"min\": ^1}"), INVALID, "$.root.min", "says nothing of the types"},
        {RULE("{\"type\": \"a:B\", \"max\": ^1}"), INVALID, "$.root.max", "says nothing of the types"},
        {RULE("{\"type\": \"str\", \"min_length\": ^-1}"), INVALID, "$.root.min_length", "negative"},
        {RULE("{\"type\": \"str\", \"max_length\": ^1.0}"), INVALID, "$.root.max_length", "must be an integer"},
        {RULE("{\"type\": \"str\", \"min_length\": 2, \"max_length\": ^1}"), INVALID, "$.root.max_length",
         "is less than"},
        {RULE("{\"type\": \"int\", \"max_length\": ^1}"), INVALID, "$.root.max_length", "says nothing"},
        {RULE("{\"type\": \"bytes\", \"pattern\": ^\"a\"}"), INVALID, "$.root.pattern", "says nothing"},
        {RULE("{\"pattern\": ^1}"), INVALID, "$.root.pattern", "must be a string"},
        {RULE("{\"pattern\": ^\"a)\"}"), SNAPJAR_DIAG_CONTRACT_PATTERN, "$.root.pattern",
         "pattern, character 2: the )"},
        {RULE("{\"type\": \"dict\", \"items\": ^{}}"), INVALID, "$.root.items", "says nothing"},
        {RULE("{\"type\": \"list\", \"items\": ^1}"), INVALID, "$.root.items", "must be an object: a rule"},
        {RULE("{\"type\": \"list\", \"elements\": ^[]}"), INVALID, "$.root.elements", "says nothing"},
        {RULE("{\"type\": \"tuple\", \"elements\": ^{}}"), INVALID, "$.root.elements", "must be an array"},
        {RULE("{\"type\": \"tuple\", \"elements\": [{}, ^1]}"), INVALID, "$.root.elements[1]", "must be an object"},
        {RULE("{\"type\": \"tuple\", \"elements\": [], \"items\": ^{}}"), INVALID, "$.root.items", "cannot both"},
        {RULE("{\"type\": \"list\", \"keys\": ^{}}"), INVALID, "$.root.keys", "says nothing"},
        {RULE("{\"type\": \"dict\", \"values\": ^{}, \"entries\": {}}"), INVALID, "$.root.values", "cannot both"},
        {RULE("{\"type\": \"dict\", \"keys\": ^{}, \"entries\": {}}"), INVALID, "$.root.keys", "cannot both"},
        {RULE("{\"type\": \"dict\", \"entries\": ^[]}"), INVALID, "$.root.entries", "must be an object"},
        {RULE("{\"type\": \"dict\", \"entries\": {\"a\": {\"x\": ^1}}}"), INVALID, "$.root.entries.a.x", "not known"},
        {RULE("{\"type\": \"dict\", \"extra_entries\": ^\"allow\"}"), INVALID, "$.root.extra_entries",
         "there are none"},
        {RULE("{\"type\": \"dict\", \"entries\": {}, \"extra_entries\": ^1}"), INVALID, "$.root.extra_entries",
         "must be a string"},
        {RULE("{\"type\": \"dict\", \"entries\": {}, \"extra_entries\": ^\"no\"}"), INVALID, "$.root.extra_entries",
         "must be \"refuse\""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        expect_bad(&rows[i]);
}

static void test_newer_language(void **state)
{
    static const char text[] = "{\"snapjar_contract\": 2, \"type\": \"t\", \"schema_version\": 1}";
    snapjar_contract *contract;
    snapjar_error err;
    (void)state;
    assert_fault(snapjar_contract_read(&contract, context, text, strlen(text), NULL, &err), &err, SNAPJAR_UNSUPPORTED,
                 INVALID, SNAPJAR_SPACE_FILE, 21);
}

/* ---- limits ---- */

/** A contract that needs exactly `value` of an option: with one less it is refused at ^. */
static void expect_limit(const char *marked, size_t option, uint64_t value, snapjar_diagnostic diagnostic)
{
    char *text = strdup(marked);
    const size_t at = take_mark(text);
    snapjar_contract *contract = NULL;
    snapjar_error err;
    snapjar_contract_options options = SNAPJAR_CONTRACT_OPTIONS_INIT;
    memcpy((char *)&options + option, &value, sizeof value);
    assert_ok(snapjar_contract_read(&contract, context, text, strlen(text), &options, err));
    snapjar_contract_free(contract);
    value--;
    memcpy((char *)&options + option, &value, sizeof value);
    assert_fault(snapjar_contract_read(&contract, context, text, strlen(text), &options, &err), &err, SNAPJAR_LIMIT,
                 diagnostic, SNAPJAR_SPACE_FILE, at);
    assert_null(contract);
    free(text);
}

#define OPTION(name) offsetof(snapjar_contract_options, name)

static void test_limits(void **state)
{
    snapjar_contract *contract;
    snapjar_contract_options options = SNAPJAR_CONTRACT_OPTIONS_INIT;
    const snapjar_diagnostic limit = SNAPJAR_DIAG_CONTRACT_LIMIT;
    (void)state;
    expect_limit(HEAD "^}", OPTION(size_max), strlen(HEAD) + 1, limit);
    expect_limit(HEAD ", \"root\": {\"type\": \"dict\", \"keys\": {\"enum\": ^[1]}}}", OPTION(depth_max), 4,
                 SNAPJAR_DIAG_JSON_TOO_DEEP);
    expect_limit(HEAD
                 ", \"classes\": {\"a:A\": {}}, \"versions\": {\"1\": {\"accepted\": true, \"classes\": ^{\"a:A\": {}, "
                 "\"a:B\": {}}}}}",
                 OPTION(class_count_max), 3, limit);
    expect_limit(HEAD ", \"classes\": {\"a:A\": {\"fields\": ^{\"x\": {}, \"y\": {}}}}}", OPTION(field_count_max), 2,
                 limit);
    expect_limit(HEAD ", \"root\": {\"type\": \"dict\", \"entries\": ^{\"x\": {}, \"y\": {}}}}",
                 OPTION(field_count_max), 2, limit);
    expect_limit(HEAD ", \"root\": {\"type\": \"list\", \"items\": ^{}}}", OPTION(rule_count_max), 2, limit);
    expect_limit(HEAD ", \"versions\": ^{\"1\": {\"accepted\": true}, \"0\": {\"accepted\": true}}}",
                 OPTION(version_count_max), 2, limit);
    expect_limit(
        HEAD ", \"migrations\": ^[{\"from\": 0, \"to\": 2, \"steps\": []}, {\"from\": 1, \"to\": 2, \"steps\": []}]}",
        OPTION(migration_count_max), 2, limit);
    expect_limit(
        HEAD ", \"migrations\": [{\"from\": 0, \"to\": 2, \"steps\": [{\"op\": \"rename_module\", \"from\": \"a\", "
             "\"to\": \"b\"}]}, "
             "{\"from\": 1, \"to\": 2, \"steps\": ^[{\"op\": \"rename_module\", \"from\": \"a\", \"to\": \"b\"}]}]}",
        OPTION(step_count_max), 2, limit);
    expect_limit(HEAD
                 ", \"migrations\": [{\"from\": 0, \"to\": 2, \"steps\": ^[{\"op\": \"rename\", \"map\": {\"a:A\": "
                 "\"b:A\", \"a:B\": \"b:B\"}}, {\"op\": \"protocol\", \"to\": 4}]}]}",
                 OPTION(step_count_max), 3, limit);
    options.depth_max = 257;
    assert_int_equal(snapjar_contract_read(&contract, context, "{}", 2, &options, NULL), SNAPJAR_INVALID_ARGUMENT);
    options.depth_max = 256;
    assert_int_equal(snapjar_contract_read(&contract, context, "{}", 2, &options, NULL), SNAPJAR_DAMAGED);
    options.struct_size = 3;
    assert_int_equal(snapjar_contract_read(&contract, context, "{}", 2, &options, NULL), SNAPJAR_INVALID_ARGUMENT);
}

/* ---- the policy ---- */

static bool is_allowed(const snapjar_contract *contract, const void *pickle, size_t size)
{
    snapjar_scan *scan;
    snapjar_judgement *judgement;
    assert_ok(snapjar_scan_new(&scan, context, NULL, err));
    assert_ok(snapjar_scan_pickle(scan, pickle, size, err));
    assert_ok(snapjar_policy_judge(snapjar_contract_policy(contract), scan, &judgement, err));
    const bool result = snapjar_judgement_verdict(judgement) == SNAPJAR_VERDICT_ALLOWED;
    snapjar_judgement_free(judgement);
    snapjar_scan_free(scan);
    return result;
}

static void test_policy(void **state)
{
    static const char text[] =
        HEAD ", \"allow\": {\"app:f\": [\"call\"]}, \"classes\": {\"app:D\": {}, \"app:S\": {\"state\": \"slots\"}, "
             "\"app:A\": "
             "{\"state\": \"arguments\"}, \"app:E\": {\"state\": \"enum\"}, \"app:O\": {\"state\": \"opaque\"}}, "
             "\"versions\": "
             "{\"1\": {\"accepted\": true, \"classes\": {\"app:Old\": {}}}, \"0\": {\"classes\": {\"app:Gone\": {}}}}, "
             "\"migrations\": [{\"from\": 0, \"to\": 2, \"steps\": []}]}";
    (void)state;
    snapjar_contract *contract = read_contract(text);
    assert_true(is_allowed(contract, BYTES("\x80\2capp\nD\n)\x81}b.")));
    assert_false(is_allowed(contract, BYTES("\x80\2capp\nD\n)R.")));
    assert_true(is_allowed(contract, BYTES("\x80\2capp\nS\n)\x81}b.")));
    assert_true(is_allowed(contract, BYTES("\x80\2capp\nA\nK\1\x85R.")));
    assert_true(is_allowed(contract, BYTES("\x80\2capp\nA\nK\1\x85\x81.")));
    assert_false(is_allowed(contract, BYTES("\x80\2capp\nA\nK\1\x85\x81}b.")));
    assert_true(is_allowed(contract, BYTES("\x80\2capp\nE\nK\1\x85R.")));
    assert_false(is_allowed(contract, BYTES("\x80\2capp\nE\n)\x81.")));
    assert_true(is_allowed(contract, BYTES("\x80\2capp\nO\n)\x81K\1b.")));
    assert_true(is_allowed(contract, BYTES("\x80\2capp\nf\n)R.")));
    assert_true(is_allowed(contract, BYTES("\x80\2capp\nOld\n)\x81}b.")));
    assert_false(is_allowed(contract, BYTES("\x80\2capp\nGone\n)\x81}b.")));
    assert_false(is_allowed(contract, BYTES("\x80\2cos\nsystem\n)R.")));
    snapjar_contract_free(contract);
}

/* ---- values ---- */

static snapjar_graph *graph_of(const void *pickle, size_t size)
{
    snapjar_graph *graph = NULL;
    assert_ok(snapjar_graph_new(&graph, context, pickle, size, NULL, err));
    return graph;
}

static snapjar_assessment *check(const snapjar_contract *contract, const snapjar_graph *graph, const char *type,
                                 int64_t version)
{
    snapjar_assessment *assessment = NULL;
    assert_ok(snapjar_contract_check(contract, graph, type, version, &assessment, err));
    return assessment;
}

/** A root rule, a pickle of protocol 4 without its first two bytes, and what is said: NULL, nothing. */
typedef struct value_row {
    const char *rule;
    const char *pickle;
    size_t size;
    const char *path;
    const char *message;
} value_row;

static void expect_row(const value_row *row)
{
    char text[2048];
    uint8_t pickle[512] = {0x80, 4};
    (void)snprintf(text, sizeof text, HEAD ", \"root\": %s}", row->rule);
    memcpy(pickle + 2, row->pickle, row->size);
    snapjar_contract *contract = read_contract(text);
    snapjar_graph *graph = graph_of(pickle, row->size + 2);
    snapjar_assessment *assessment = check(contract, graph, "app:Job", 2);
    const snapjar_contract_finding *finding = snapjar_assessment_finding(assessment, 0);
    const bool is_expected =
        row->message == NULL ? snapjar_assessment_total(assessment) == 0 &&
                                   snapjar_assessment_state(assessment) == SNAPJAR_CONTRACT_CURRENT && finding == NULL
                             : snapjar_assessment_total(assessment) == 1 &&
                                   snapjar_assessment_state(assessment) == SNAPJAR_CONTRACT_DRIFTED &&
                                   finding != NULL && finding->kind == SNAPJAR_FINDING_VALUE &&
                                   strcmp(finding->path, row->path) == 0 && strcmp(finding->message, row->message) == 0;
    if (!is_expected)
        fail_msg("%s: %d findings, \"%s\": %s (expected \"%s\": %s)", row->rule,
                 (int)snapjar_assessment_total(assessment), finding ? finding->path : "",
                 finding ? finding->message : "", row->path ? row->path : "", row->message ? row->message : "nothing");
    snapjar_assessment_free(assessment);
    snapjar_graph_free(graph);
    snapjar_contract_free(contract);
}

#define GOOD(rule, pickle)                                                                                             \
    {                                                                                                                  \
        rule, pickle ".", sizeof(pickle), NULL, NULL                                                                   \
    }
#define WRONG(rule, pickle, path, message)                                                                             \
    {                                                                                                                  \
        rule, pickle ".", sizeof(pickle), path, message                                                                \
    }

static void test_types(void **state)
{
    static const value_row rows[] = {
        GOOD("{}", "N"),
        GOOD("{\"type\": \"any\"}", "capp\nX\n)R"),
        GOOD("{\"type\": \"none\"}", "N"),
        WRONG("{\"type\": \"none\"}", "\x88", "", "True is of type bool, the contract says none"),
        GOOD("{\"type\": \"bool\"}", "\x89"),
        WRONG("{\"type\": \"bool\"}", "K\1", "", "1 is of type int, the contract says bool"),
        GOOD("{\"type\": \"int\"}", "I-5\n"),
        WRONG("{\"type\": [\"int\", \"float\"]}", "\x88", "", "True is of type bool, the contract says int or float"),
        GOOD("{\"type\": \"float\"}", "F1.5\n"),
        WRONG("{\"type\": \"float\"}", "K\1", "", "1 is of type int, the contract says float"),
        GOOD("{\"type\": \"str\"}", "\x8c\1a"),
        WRONG("{\"type\": \"str\"}", "N", "", "None stands where the contract says str"),
        GOOD("{\"type\": \"bytes\"}", "C\1a"),
        GOOD("{\"type\": \"bytes\"}", "c_codecs\nencode\n\x8c\1a\x8c\6latin1\x86R"),
        WRONG("{\"type\": \"bytes\"}", "\x8c\1a", "", "'a' is of type str, the contract says bytes"),
        GOOD("{\"type\": \"bytearray\"}", "cbuiltins\nbytearray\n)R"),
        GOOD("{\"type\": \"list\"}", "]"),
        WRONG("{\"type\": \"list\"}", "(K\1K\2K\3K\4K\5t", "", "tuple of 5 stands where the contract says list"),
        GOOD("{\"type\": \"tuple\"}", ")"),
        GOOD("{\"type\": \"dict\"}", "}"),
        GOOD("{\"type\": \"set\"}", "\x8f"),
        GOOD("{\"type\": \"set\"}", "cbuiltins\nset\n](K\1e\x85R"),
        GOOD("{\"type\": \"frozenset\"}", "(\x91"),
        WRONG("{\"type\": \"set\"}", "(\x91", "", "frozenset() stands where the contract says set"),
        GOOD("{\"type\": \"app:X\"}", "capp\nX\n)\x81"),
        WRONG("{\"type\": [\"app:X\", \"none\"]}", "capp\nY\n)\x81", "",
              "app:Y stands where the contract says none or app:X"),
        WRONG("{\"type\": \"app:X\"}", "capp\nX\n", "", "app:X stands where the contract says app:X"),
        GOOD("{\"type\": \"app:Kind\"}", "capp\nKind\nK\1\x85R"),
        GOOD("{\"type\": \"app:Kind\"}", "cbuiltins\ngetattr\n\x8c\3"
                                         "app\x8c\4Kind\x93\x8c\3RUN\x86R"),
        WRONG("{\"type\": \"app:Kin\"}",
              "cbuiltins\ngetattr\n\x8c\3"
              "app\x8c\4Kind\x93\x8c\3RUN\x86R",
              "", "app:Kind.RUN stands where the contract says app:Kin"),
        WRONG("{\"type\": \"int\"}",
              "\x8c\1"
              "7Q",
              "", "persistent id stands where the contract says int"),
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        expect_row(&rows[i]);
}

static void test_numbers(void **state)
{
    static const value_row rows[] = {
        GOOD("{\"min\": 0}", "K\0"),
        WRONG("{\"min\": 0}", "J\xff\xff\xff\xff", "", "-1 is less than the contract's \"min\""),
        GOOD("{\"max\": 255}", "K\xff"),
        WRONG("{\"max\": 255}", "M\0\1", "", "256 is more than the contract's \"max\""),
        GOOD("{\"max\": -1}", "I-1\n"),
        WRONG("{\"max\": -1}", "K\0", "", "0 is more than the contract's \"max\""),
        /* 2 ** 63, which a double has and int64 has not. */
        GOOD("{\"max\": {\"$int\": \"9223372036854775808\"}}", "\x8a\x09\0\0\0\0\0\0\0\x80\0"),
        WRONG("{\"max\": 9223372036854775807}", "\x8a\x09\0\0\0\0\0\0\0\x80\0", "",
              "9223372036854775808 is more than the contract's \"max\""),
        GOOD("{\"max\": 9223372036854775807}", "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f"),
        GOOD("{\"max\": 9223372036854775808.0}", "\x8a\x09\0\0\0\0\0\0\0\x80\0"),
        WRONG("{\"max\": 9223372036854775808.0}", "\x8a\x09\1\0\0\0\0\0\0\x80\0", "",
              "9223372036854775809 is more than the contract's \"max\""),
        /* 2 ** 53 + 1 is no double. */
        GOOD("{\"max\": 9007199254740992.0}", "I9007199254740992\n"),
        WRONG("{\"max\": 9007199254740992.0}", "I9007199254740993\n", "",
              "9007199254740993 is more than the contract's \"max\""),
        GOOD("{\"max\": 1.5}", "K\1"),
        WRONG("{\"max\": 1.5}", "K\2", "", "2 is more than the contract's \"max\""),
        WRONG("{\"min\": 1.5}", "K\1", "", "1 is less than the contract's \"min\""),
        GOOD("{\"min\": -1.5}", "I-1\n"),
        WRONG("{\"min\": -1.5}", "I-2\n", "", "-2 is less than the contract's \"min\""),
        GOOD("{\"max\": -1.5}", "I-2\n"),
        WRONG("{\"max\": -1.5}", "I-1\n", "", "-1 is more than the contract's \"max\""),
        GOOD("{\"min\": 1, \"max\": 2}", "F1.0\n"),
        WRONG("{\"min\": 1, \"max\": 2}", "F0.99999999999999989\n", "",
              "0.9999999999999999 is less than the contract's \"min\""),
        WRONG("{\"max\": {\"$int\": \"9007199254740993\"}}", "F9007199254740994.0\n", "",
              "9007199254740994.0 is more than the contract's \"max\""),
        GOOD("{\"max\": {\"$int\": \"9007199254740993\"}}", "F9007199254740992.0\n"),
        WRONG("{\"max\": 5}", "G\x7f\xf0\0\0\0\0\0\0", "", "inf is more than the contract's \"max\""),
        WRONG("{\"min\": 5}", "G\xff\xf0\0\0\0\0\0\0", "", "-inf is less than the contract's \"min\""),
        WRONG("{\"min\": 5, \"max\": 6}", "G\x7f\xf8\0\0\0\0\0\0", "",
              "nan is no number that can be compared with \"min\""),
        WRONG("{\"max\": 6.5}", "G\x7f\xf8\0\0\0\0\0\0", "", "nan is no number that can be compared with \"max\""),
        GOOD("{\"max\": 5e-324}", "K\0"),
        GOOD("{\"min\": -5e-324}", "K\0"),
        WRONG("{\"min\": 5e-324}", "K\0", "", "0 is less than the contract's \"min\""),
        WRONG("{\"max\": 1e308}", "G\x7f\xef\xff\xff\xff\xff\xff\xff", "",
              "1.7976931348623157e+308 is more than the contract's \"max\""),
        /* What is no number is not compared. */
        GOOD("{\"max\": 0}", "\x88"),
        GOOD("{\"max\": 0}", "\x8c\1z"),
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        expect_row(&rows[i]);
}

static void test_long_digits(void **state)
{
    /* Digits that are too many to be converted are farther from 0 than any limit. */
    char *pickle = must_alloc(6000);
    (void)state;
    for (int is_negative = 0; is_negative < 2; is_negative++) {
        snapjar_contract *contract = read_contract(HEAD ", \"root\": {\"min\": -1e308, \"max\": 1e308}}");
        size_t used = (size_t)sprintf(pickle, "L%s", is_negative ? "-" : "");
        memset(pickle + used, '9', 5000);
        used += 5000;
        memcpy(pickle + used, "L\n.", 3);
        snapjar_graph *graph = graph_of(pickle, used + 3);
        snapjar_assessment *assessment = check(contract, graph, NULL, 2);
        assert_int_equal(snapjar_assessment_total(assessment), 1);
        assert_non_null(
            strstr(snapjar_assessment_finding(assessment, 0)->message, is_negative ? "\"min\"" : "\"max\""));
        snapjar_assessment_free(assessment);
        snapjar_graph_free(graph);
        snapjar_contract_free(contract);
    }
    free(pickle);
}

static void test_lengths_and_patterns(void **state)
{
    static const value_row rows[] = {
        GOOD("{\"min_length\": 2, \"max_length\": 2}", "\x8c\3\xc3\xa9"
                                                       "a"),
        WRONG("{\"min_length\": 2}", "\x8c\2\xc3\xa9", "", "'\\xe9' is shorter than the contract's \"min_length\", 2"),
        WRONG("{\"max_length\": 1}", "C\2ab", "", "b'ab' is longer than the contract's \"max_length\", 1"),
        GOOD("{\"max_length\": 0}", "\x8c\0"),
        GOOD("{\"max_length\": 1}", "](K\1e"),
        WRONG("{\"max_length\": 1}", "](K\1K\2e", "", "list of 2 is longer than the contract's \"max_length\", 1"),
        WRONG("{\"min_length\": 1}", "}", "", "{} is shorter than the contract's \"min_length\", 1"),
        GOOD("{\"max_length\": 1}", "}K\1NsK\1"),
        GOOD("{\"pattern\": \"[a-z]+-[0-9]{2,3}\"}", "\x8c\6job-12"),
        WRONG("{\"pattern\": \"[a-z]+-[0-9]{2,3}\"}", "\x8c\7job-12x", "",
              "'job-12x' does not match the contract's \"pattern\""),
        GOOD("{\"pattern\": \"a*\"}", "\x8c\0"),
        GOOD("{\"pattern\": \"a*\"}", "K\7"),
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        expect_row(&rows[i]);
    }
}

static void test_enums(void **state)
{
    static const value_row rows[] = {
        GOOD("{\"enum\": [1, \"a\", null]}", "\x8c\1"
                                             "a"),
        GOOD("{\"enum\": [1, \"a\", null]}", "N"),
        WRONG("{\"enum\": [1, \"a\", null]}", "\x88", "", "True is none of the values that the contract names: 3"),
        WRONG("{\"enum\": [1]}", "F1.0\n", "", "1.0 is none of the values that the contract names: 1"),
        GOOD("{\"enum\": [{\"$call\": [\"app:Kind\", [\"run\"]]}]}", "capp\nKind\n\x8c\3run\x85R"),
        WRONG("{\"enum\": [{\"$call\": [\"app:Kind\", [\"run\"]]}]}", "capp\nKind\n\x8c\3ran\x85R", "",
              "app:Kind is none of the values that the contract names: 1"),
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        expect_row(&rows[i]);
}

static void test_containers(void **state)
{
    static const value_row rows[] = {
        GOOD("{\"type\": \"list\", \"items\": {\"type\": \"int\"}}", "](K\1K\2e"),
        WRONG("{\"type\": \"list\", \"items\": {\"type\": \"int\"}}", "](K\1Ne", "[1]",
              "None stands where the contract says int"),
        WRONG("{\"type\": \"set\", \"items\": {\"type\": \"int\"}}", "\x8f(K\1\x8c\1x\x90", "{1}",
              "'x' is of type str, the contract says int"),
        WRONG("{\"type\": \"frozenset\", \"items\": {\"min\": 5}}", "(K\1K\7\x91", "{0}",
              "1 is less than the contract's \"min\""),
        WRONG("{\"type\": \"set\", \"items\": {\"type\": \"int\"}}", "cbuiltins\nset\n](K\1Ne\x85R", "{1}",
              "None stands where the contract says int"),
        WRONG("{\"items\": {\"items\": {\"max\": 1}}}", "](K\1](K\1K\2ee", "[1][1]",
              "2 is more than the contract's \"max\""),
        GOOD("{\"type\": \"tuple\", \"elements\": [{\"type\": \"int\"}, {\"type\": \"str\"}]}", "K\1\x8c\1"
                                                                                                "a\x86"),
        WRONG("{\"type\": \"tuple\", \"elements\": [{\"type\": \"int\"}, {\"type\": \"str\"}]}", "K\1K\2\x86", "[1]",
              "2 is of type int, the contract says str"),
        WRONG("{\"type\": \"tuple\", \"elements\": [{}]}", "K\1K\2\x86", "",
              "(1, 2) has not as many elements as the contract says: 1"),
        WRONG("{\"type\": \"tuple\", \"items\": {\"max\": 1}}", "K\1K\2\x86", "[1]",
              "2 is more than the contract's \"max\""),
        WRONG("{\"type\": \"dict\", \"keys\": {\"type\": \"str\"}}", "}K\1Ns", "",
              "1 is of type int, the contract says str"),
        WRONG("{\"type\": \"dict\", \"values\": {\"type\": \"str\"}}", "}\x8c\1kNs", "['k']",
              "None stands where the contract says str"),
        GOOD("{\"type\": \"dict\", \"entries\": {\"a\": {\"type\": \"int\"}, \"b\": {\"required\": false}}}", "}\x8c\1"
                                                                                                              "aK\1s"),
        WRONG("{\"type\": \"dict\", \"entries\": {\"a\": {\"type\": \"int\"}}}", "}", "", "{} has no entry 'a'"),
        WRONG("{\"type\": \"dict\", \"entries\": {\"a\": {\"type\": \"int\"}}}",
              "}\x8c\1"
              "aNs",
              "['a']", "None stands where the contract says int"),
        WRONG("{\"type\": \"dict\", \"entries\": {}}", "}\x8c\1zK\7s", "['z']",
              "7 is an entry that the contract does not have"),
        GOOD("{\"type\": \"dict\", \"entries\": {}, \"extra_entries\": \"allow\"}", "}\x8c\1zK\7s"),
        /* Of a key that is set twice, the last value counts. */
        GOOD("{\"type\": \"dict\", \"entries\": {\"a\": {\"type\": \"int\"}}}", "}(\x8c\1"
                                                                                "aN\x8c\1"
                                                                                "aK\1u"),
        GOOD("{\"type\": \"dict\", \"entries\": {\"a\": {\"type\": \"int\"}}}", "}Va\nK\1s"),
        WRONG("{\"type\": \"list\", \"items\": {\"type\": \"dict\", \"entries\": {\"k\": {}}}}", "](}e", "[0]",
              "{} has no entry 'k'"),
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        expect_row(&rows[i]);
}

/* ---- classes ---- */

#define JOB_CONTRACT                                                                                                   \
    HEAD ", \"classes\": {\"app:Job\": {\"fields\": {\"id\": {\"type\": \"int\"}, \"name\": {\"type\": \"str\"}, "     \
         "\"note\": "                                                                                                  \
         "{\"required\": false}}}}, \"versions\": {\"1\": {\"classes\": {\"app:Job\": {\"fields\": {\"id\": {}, "      \
         "\"title\": {}}}}}, "                                                                                         \
         "\"0\": {\"accepted\": true, \"classes\": {\"app:Job\": {\"fields\": {\"id\": {}}}}}}, \"migrations\": "      \
         "[{\"from\": 1, "                                                                                             \
         "\"to\": 2, \"steps\": []}]}"
#define STR(size, text) "\x8c" size text
#define JOB(fields) "\x80\4\x8c\3app\x8c\3Job\x93)\x81}(" fields "ub."

static void expect_state(const snapjar_contract *contract, const void *pickle, size_t size, const char *type,
                         int64_t version, snapjar_contract_state state, int64_t decided, const char *message)
{
    snapjar_graph *graph = graph_of(pickle, size);
    snapjar_assessment *assessment = check(contract, graph, type, version);
    const snapjar_contract_finding *finding = snapjar_assessment_finding(assessment, 0);
    if (snapjar_assessment_state(assessment) != state || snapjar_assessment_version(assessment) != decided ||
        strcmp(finding ? finding->message : "", message) != 0)
        fail_msg("%s, version %d: %s", snapjar_contract_state_name(snapjar_assessment_state(assessment)),
                 (int)snapjar_assessment_version(assessment), finding ? finding->message : "");
    snapjar_assessment_free(assessment);
    snapjar_graph_free(graph);
}

static void test_states(void **state)
{
    static const char current[] = JOB(STR("\2", "id") "K\1" STR("\4", "name") STR("\1", "x"));
    static const char older[] = JOB(STR("\2", "id") "K\1" STR("\5", "title") STR("\1", "x"));
    static const char oldest[] = JOB(STR("\2", "id") "K\1");
    static const char none[] = JOB(STR("\1", "x") "K\1");
    snapjar_contract *contract = read_contract(JOB_CONTRACT);
    (void)state;
    expect_state(contract, BYTES(current), "app:Job", 2, SNAPJAR_CONTRACT_CURRENT, 2, "");
    expect_state(contract, BYTES(current), NULL, 2, SNAPJAR_CONTRACT_CURRENT, 2, "");
    expect_state(contract, BYTES(older), "app:Job", 1, SNAPJAR_CONTRACT_MIGRATABLE, 1, "");
    expect_state(contract, BYTES(oldest), "app:Job", 0, SNAPJAR_CONTRACT_ACCEPTED, 0, "");
    expect_state(contract, BYTES(older), "app:Job", 2, SNAPJAR_CONTRACT_DRIFTED, 2,
                 "app:Job lacks name and has title, which the contract does not have");
    expect_state(contract, BYTES(current), "app:Job", 1, SNAPJAR_CONTRACT_DRIFTED, 1,
                 "app:Job lacks title and has name, which the contract does not have");
    expect_state(contract, BYTES(current), "app:Jobs", 2, SNAPJAR_CONTRACT_UNKNOWN, 2,
                 "the type is \"app:Jobs\", the contract is about \"app:Job\"");
    expect_state(contract, BYTES(current), "app:Job", 3, SNAPJAR_CONTRACT_UNKNOWN, 3,
                 "schema version 3 is newer than the contract's 2");
    expect_state(contract, BYTES(current), NULL, -1, SNAPJAR_CONTRACT_CURRENT, 2, "");
    expect_state(contract, BYTES(older), NULL, -1, SNAPJAR_CONTRACT_MIGRATABLE, 1, "");
    expect_state(contract, BYTES(oldest), NULL, -1, SNAPJAR_CONTRACT_ACCEPTED, 0, "");
    expect_state(contract, BYTES(none), NULL, -1, SNAPJAR_CONTRACT_DRIFTED, 2,
                 "app:Job lacks id and name and has x, which the contract does not have");
    snapjar_contract_free(contract);
    contract = read_contract(HEAD "}");
    expect_state(contract, BYTES(current), "app:Job", 1, SNAPJAR_CONTRACT_UNKNOWN, 1,
                 "no migration leads from schema version 1 to the contract's 2");
    snapjar_contract_free(contract);
    assert_string_equal(snapjar_contract_state_name((snapjar_contract_state)9), "unknown");
    assert_string_equal(snapjar_finding_kind_name(SNAPJAR_FINDING_FIELDS), "fields");
    assert_string_equal(snapjar_finding_kind_name((snapjar_finding_kind)9), "unknown");
}

static void assert_names(const snapjar_text *names, size_t count, const char *expected)
{
    char all[512] = "";
    for (size_t i = 0; i < count; i++)
        (void)snprintf(all + strlen(all), sizeof all - strlen(all), "%s%.*s", i ? "," : "", (int)names[i].size,
                       names[i].data);
    assert_string_equal(all, expected);
}

static void test_both_lists(void **state)
{
    /* Two jobs in a list, both without a name and with others; told once, where the first is. */
    static const char pickle[] = "\x80\4](\x8c\3"
                                 "app\x8c\3Job\x93\x94)\x81}(\x8c\1zK\1\x8c\2idK\1\x8c\1z"
                                 "K\2ub"
                                 "h\0)\x81}(\x8c\1yNub"
                                 "h\0)\x81}(\x8c\2idK\1\x8c\4nameNube.";
    snapjar_contract *contract = read_contract(HEAD ", \"root\": {}, \"classes\": {\"app:Job\": {\"fields\": {\"id\": "
                                                    "{\"type\": \"int\"}, \"name\": {\"type\": \"str\"}}}}}");
    snapjar_graph *graph = graph_of(BYTES(pickle));
    snapjar_assessment *assessment = check(contract, graph, NULL, 2);
    (void)state;
    assert_int_equal(snapjar_assessment_total(assessment), 3);
    assert_int_equal(snapjar_assessment_finding_count(assessment), 2);
    const snapjar_contract_finding *fields = snapjar_assessment_finding(assessment, 0);
    assert_int_equal(fields->kind, SNAPJAR_FINDING_FIELDS);
    assert_int_equal(fields->count, 2);
    assert_string_equal(fields->class_name, "app:Job");
    assert_string_equal(fields->path, "[0]");
    assert_names(fields->expected, fields->expected_count, "id,name");
    assert_names(fields->found, fields->found_count, "z,id");
    assert_string_equal(fields->message, "app:Job lacks name and has z, which the contract does not have");
    const snapjar_contract_finding *values = snapjar_assessment_finding(assessment, 1);
    assert_int_equal(values->kind, SNAPJAR_FINDING_VALUE);
    assert_string_equal(values->path, "[2].name");
    assert_null(snapjar_assessment_finding(assessment, 2));
    snapjar_assessment_free(assessment);
    snapjar_assessment_free(NULL);
    snapjar_graph_free(graph);
    snapjar_contract_free(contract);
}

/** A class of a form, its pickle, and what is said first. */
static void expect_class(const char *class, const void *pickle, size_t size, snapjar_finding_kind kind,
                         const char *path, const char *message)
{
    char text[1024];
    (void)snprintf(text, sizeof text, HEAD ", \"root\": {}, \"classes\": {\"app:Job\": %s}}", class);
    snapjar_contract *contract = read_contract(text);
    snapjar_graph *graph = graph_of(pickle, size);
    snapjar_assessment *assessment = check(contract, graph, NULL, 2);
    const snapjar_contract_finding *finding = snapjar_assessment_finding(assessment, 0);
    if (message == NULL ? finding != NULL
                        : finding == NULL || finding->kind != kind || strcmp(finding->message, message) != 0 ||
                              strcmp(finding->path, path) != 0)
        fail_msg("%s: \"%s\": %s", class, finding ? finding->path : "", finding ? finding->message : "nothing");
    snapjar_assessment_free(assessment);
    snapjar_graph_free(graph);
    snapjar_contract_free(contract);
}

#define XY "\"fields\": {\"x\": {\"type\": \"int\"}, \"y\": {\"type\": \"int\", \"required\": false}}"
#define FIELDS SNAPJAR_FINDING_FIELDS
#define STATE SNAPJAR_FINDING_STATE
#define VALUE SNAPJAR_FINDING_VALUE

static void test_state_forms(void **state)
{
    (void)state;
    /* dict */
    expect_class("{" XY "}", BYTES("\x80\2capp\nJob\n)\x81}\x8c\1xK\1sb."), FIELDS, NULL, NULL);
    expect_class("{" XY "}", BYTES("\x80\2capp\nJob\n)\x81}\x8c\1xNsb."), VALUE, ".x",
                 "None stands where the contract says int");
    expect_class("{" XY "}", BYTES("\x80\2capp\nJob\n)\x81."), FIELDS, "", "app:Job lacks x");
    expect_class("{" XY ", \"extra_fields\": \"allow\"}", BYTES("\x80\2capp\nJob\n)\x81}(\x8c\1xK\1\x8c\1zNub."),
                 FIELDS, NULL, NULL);
    expect_class("{" XY "}", BYTES("\x80\2capp\nJob\n)\x81}(\x8c\1xK\1\x8c\1zNub."), FIELDS, "",
                 "app:Job has z, which the contract does not have");
    expect_class("{" XY "}",
                 BYTES("\x80\2capp\nJob\n)\x81N}\x8c\1xK\1s\x86"
                       "b."),
                 STATE, "",
                 "app:Job has a pair of states, of __dict__ and slots, the contract says \"state\": \"dict\"");
    expect_class("{" XY "}", BYTES("\x80\2capp\nJob\n)\x81K\1b."), STATE, "",
                 "app:Job has a state of another kind, the contract says \"state\": \"dict\"");
    /* Old-style instances, and names of Python 2 in text. */
    expect_class("{" XY "}", BYTES("(iapp\nJob\n}S'x'\nI1\nsb."), FIELDS, NULL, NULL);
    expect_class("{" XY "}", BYTES("(iapp\nJob\n}S'x'\nNsb."), VALUE, ".x", "None stands where the contract says int");
    expect_class("{" XY "}", BYTES("ccopy_reg\n_reconstructor\n(capp\nJob\nc__builtin__\nobject\nNtR}Vx\nNsb."), VALUE,
                 ".x", "None stands where the contract says int");
    /* slots */
    expect_class("{\"state\": \"slots\", " XY "}",
                 BYTES("\x80\2capp\nJob\n)\x81N}\x8c\1xK\1s\x86"
                       "b."),
                 FIELDS, NULL, NULL);
    expect_class("{\"state\": \"slots\", " XY "}",
                 BYTES("\x80\2capp\nJob\n)\x81}\x8c\1yK\2s}\x8c\1xNs\x86"
                       "b."),
                 VALUE, ".x", "None stands where the contract says int");
    expect_class("{\"state\": \"slots\", " XY "}", BYTES("\x80\2capp\nJob\n)\x81](K\1Neb."), VALUE, "(state)[1]",
                 "None stands where the contract says int");
    expect_class("{\"state\": \"slots\", " XY "}",
                 BYTES("\x80\2capp\nJob\n)\x81K\1K\2\x86"
                       "b."),
                 STATE, "", "app:Job has a tuple as its state, the contract says \"state\": \"slots\"");
    /* arguments */
    expect_class("{\"state\": \"arguments\", " XY "}", BYTES("\x80\2capp\nJob\nK\1\x85\x81."), FIELDS, NULL, NULL);
    expect_class("{\"state\": \"arguments\", " XY "}", BYTES("\x80\2capp\nJob\nK\1K\2\x86R."), FIELDS, NULL, NULL);
    expect_class("{\"state\": \"arguments\", " XY "}", BYTES("\x80\2capp\nJob\nK\1N\x86R."), VALUE, "(1)",
                 "None stands where the contract says int");
    expect_class("{\"state\": \"arguments\", " XY "}", BYTES("\x80\2capp\nJob\n)R."), FIELDS, "", "app:Job lacks x");
    expect_class("{\"state\": \"arguments\", " XY "}", BYTES("\x80\2capp\nJob\nK\1K\2K\3\x87R."), FIELDS, "",
                 "app:Job has (2), which the contract does not have");
    expect_class("{\"state\": \"arguments\", " XY "}", BYTES("\x80\2capp\nJob\nK\1\x85R}b."), STATE, "",
                 "app:Job has a dict as its state, the contract says \"state\": \"arguments\"");
    expect_class("{\"state\": \"arguments\", " XY "}",
                 BYTES("\x80\4\x8c\3"
                       "app\x8c\3Job\x93)}\x8c\1xNs\x92."),
                 VALUE, "(x=)", "None stands where the contract says int");
    /* What is not looked into. */
    expect_class("{\"state\": \"enum\"}", BYTES("\x80\2capp\nJob\nK\1\x85R."), FIELDS, NULL, NULL);
    expect_class("{\"state\": \"opaque\"}", BYTES("\x80\2capp\nJob\n)\x81K\1b."), FIELDS, NULL, NULL);
}

static void test_many_findings(void **state)
{
    static const char rule[] = HEAD ", \"root\": {\"items\": {\"type\": \"str\"}}}";
    snapjar_contract_options options = SNAPJAR_CONTRACT_OPTIONS_INIT;
    snapjar_contract *contract;
    (void)state;
    for (uint64_t limit = 2; limit <= 3; limit++) {
        options.finding_count_max = limit;
        assert_ok(snapjar_contract_read(&contract, context, rule, strlen(rule), &options, err));
        snapjar_graph *graph = graph_of(BYTES("](K\1K\2K\3e."));
        snapjar_assessment *assessment = check(contract, graph, NULL, 2);
        assert_int_equal(snapjar_assessment_total(assessment), 3);
        assert_int_equal(snapjar_assessment_finding_count(assessment), limit);
        assert_string_equal(snapjar_assessment_finding(assessment, 1)->path, "[1]");
        assert_int_equal(snapjar_assessment_finding(assessment, 1)->offset, 4);
        snapjar_assessment_free(assessment);
        snapjar_graph_free(graph);
        snapjar_contract_free(contract);
    }
}

static void test_cycles_and_sharing(void **state)
{
    /* A list that holds itself, and one list in two places under two rules. */
    snapjar_contract *contract =
        read_contract(HEAD ", \"root\": {\"type\": \"list\", \"items\": {\"type\": \"list\", \"items\": "
                           "{\"type\": \"list\", \"items\": {\"type\": \"list\"}}}}}");
    (void)state;
    expect_state(contract, BYTES("]q\0h\0a."), NULL, 2, SNAPJAR_CONTRACT_CURRENT, 2, "");
    snapjar_contract_free(contract);
    contract = read_contract(
        HEAD ", \"root\": {\"type\": \"tuple\", \"elements\": [{\"items\": {\"type\": \"int\"}}, {\"items\": "
             "{\"type\": \"str\"}}]}}");
    expect_state(contract, BYTES("\x80\2]q\0K\1ah\0\x86."), NULL, 2, SNAPJAR_CONTRACT_DRIFTED, 2,
                 "1 is of type int, the contract says str");
    snapjar_contract_free(contract);
}

static void test_deep(void **state)
{
    /* Lists in lists, far deeper than a path can tell; nothing recurses. */
    enum { DEPTH = 100000 };
    char *pickle = must_alloc(2 * DEPTH + 64);
    size_t used = 0;
    (void)state;
    for (size_t i = 0; i < DEPTH; i++)
        pickle[used++] = ']';
    memcpy(pickle + used, "capp\nJob\n(tRa", 13);
    used += 13;
    memset(pickle + used, 'a', DEPTH - 1);
    used += DEPTH - 1;
    pickle[used++] = '.';
    snapjar_contract *contract =
        read_contract(HEAD ", \"root\": {}, \"classes\": {\"app:Job\": {\"fields\": {\"x\": {}}}}}");
    snapjar_graph *graph = graph_of(pickle, used);
    snapjar_assessment *assessment = check(contract, graph, NULL, 2);
    assert_int_equal(snapjar_assessment_total(assessment), 1);
    const char *path = snapjar_assessment_finding(assessment, 0)->path;
    assert_int_equal(strncmp(path, "[0][0][0]", 9), 0);
    assert_string_equal(path + strlen(path) - 3, "...");
    snapjar_assessment_free(assessment);
    snapjar_graph_free(graph);
    snapjar_contract_free(contract);
    free(pickle);
}

static void test_arguments(void **state)
{
    snapjar_contract *contract = read_contract(HEAD "}");
    snapjar_graph *graph = graph_of(BYTES("N."));
    snapjar_assessment *assessment;
    (void)state;
    assert_int_equal(snapjar_contract_check(NULL, graph, NULL, 2, &assessment, NULL), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(snapjar_contract_check(contract, NULL, NULL, 2, &assessment, NULL), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(snapjar_contract_check(contract, graph, NULL, 2, NULL, NULL), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(snapjar_contract_check(contract, graph, NULL, -2, &assessment, NULL), SNAPJAR_INVALID_ARGUMENT);
    assert_null(assessment);
    assert_int_equal(snapjar_contract_check(contract, graph, NULL, 2, &assessment, NULL), SNAPJAR_OK);
    snapjar_assessment_free(assessment);
    snapjar_graph_free(graph);
    snapjar_contract_free(contract);
}

/* ---- without memory ---- */

static snapjar_status read_and_check(snapjar_context *failing, void *state, snapjar_error *err)
{
    static const char text[] = HEAD
        ", \"root\": {\"type\": \"list\", \"items\": {\"type\": \"app:Job\"}}, \"allow\": {\"a:b\": [\"call\"]},"
        "\"classes\": {\"app:Job\": {\"fields\": {\"id\": {\"type\": \"int\", \"max\": 5}, \"n\": {\"pattern\": \"a\"},"
        "\"d\": {\"type\": \"dict\", \"entries\": {\"k\": {\"items\": {}}}}}}}, \"versions\": {\"1\": {\"classes\": "
        "{\"app:Job\": {\"fields\": {\"other\": {}}}}}}, \"migrations\": [{\"from\": 1, \"to\": 2, \"steps\": []}]}";
    static const char pickle[] = "\x80\2](capp\nJob\n)\x81}(\x8c\2idK\7\x8c\1n\x8c\1"
                                 "bVd\n}\x8c\1k]su"
                                 "bNe.";
    snapjar_contract *contract = NULL;
    snapjar_graph *graph = NULL;
    snapjar_assessment *assessment = NULL;
    (void)state;
    snapjar_status status = snapjar_contract_read(&contract, failing, text, strlen(text), NULL, err);
    if (status == SNAPJAR_OK)
        status = snapjar_graph_new(&graph, failing, pickle, sizeof pickle - 1, NULL, err);
    if (status == SNAPJAR_OK)
        status = snapjar_contract_check(contract, graph, NULL, -1, &assessment, err);
    if (status == SNAPJAR_OK)
        assert_int_equal(snapjar_assessment_total(assessment), 3);
    else
        assert_null(assessment);
    snapjar_assessment_free(assessment);
    snapjar_graph_free(graph);
    snapjar_contract_free(contract);
    return status;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    assert_true(fail_alloc_run(read_and_check, NULL) > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad_documents),
        cmocka_unit_test(test_unknown_classes),
        cmocka_unit_test(test_renamed_types),
        cmocka_unit_test(test_long_renamed_type),
        cmocka_unit_test(test_bad_rules),
        cmocka_unit_test(test_newer_language),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_policy),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_long_digits),
        cmocka_unit_test(test_lengths_and_patterns),
        cmocka_unit_test(test_enums),
        cmocka_unit_test(test_containers),
        cmocka_unit_test(test_states),
        cmocka_unit_test(test_both_lists),
        cmocka_unit_test(test_state_forms),
        cmocka_unit_test(test_many_findings),
        cmocka_unit_test(test_cycles_and_sharing),
        cmocka_unit_test(test_deep),
        cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
