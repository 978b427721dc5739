/* SPDX-License-Identifier: MIT
 *
 * Policies: what is allowed, what is denied and in which words, and policy files.
 */
#include "support.h"

#include <snapjar/policy.h>

#include "fail_alloc.h"

#define ONE(use) SNAPJAR_USES(SNAPJAR_USE_##use)

typedef struct fixture {
    snapjar_context *context;
    snapjar_scan *scan;
    snapjar_policy *policy;
} fixture;

static int set_up(void **state)
{
    fixture *made = calloc(1, sizeof *made);
    assert_non_null(made);
    assert_ok(snapjar_context_new(&made->context, NULL, err));
    assert_ok(snapjar_scan_new(&made->scan, made->context, NULL, err));
    assert_ok(snapjar_policy_new(&made->policy, made->context, err));
    *state = made;
    return 0;
}

static int tear_down(void **state)
{
    fixture *made = *state;
    snapjar_policy_free(made->policy);
    snapjar_scan_free(made->scan);
    snapjar_context_free(made->context);
    free(made);
    return 0;
}

/** Scans and judges; the judgement must be freed. */
static snapjar_judgement *judge(fixture *fixture, const void *bytes, size_t size)
{
    snapjar_judgement *judgement = NULL;
    snapjar_error err;
    (void)!snapjar_scan_pickle(fixture->scan, bytes, size, &err);
    assert_ok(snapjar_policy_judge(fixture->policy, fixture->scan, &judgement, err));
    return judgement;
}

static void assert_verdict(fixture *fixture, const void *bytes, size_t size, snapjar_verdict verdict,
                           size_t denial_count)
{
    snapjar_judgement *judgement = judge(fixture, bytes, size);
    assert_int_equal(snapjar_judgement_verdict(judgement), verdict);
    assert_int_equal(snapjar_judgement_denial_count(judgement), denial_count);
    snapjar_judgement_free(judgement);
}

static void assert_allowed(fixture *fixture, const void *bytes, size_t size)
{
    assert_verdict(fixture, bytes, size, SNAPJAR_VERDICT_ALLOWED, 0);
}

/** One denial, of this kind at this place. */
static void assert_denied(fixture *fixture, const void *bytes, size_t size, snapjar_diagnostic diagnostic,
                          uint64_t offset)
{
    snapjar_denial denial;
    snapjar_judgement *judgement = judge(fixture, bytes, size);
    assert_int_equal(snapjar_judgement_verdict(judgement), SNAPJAR_VERDICT_DENIED);
    assert_int_equal(snapjar_judgement_denial_count(judgement), 1);
    snapjar_judgement_describe(judgement, 0, &denial);
    assert_int_equal(denial.diagnostic, diagnostic);
    assert_int_equal(denial.offset, offset);
    assert_true(denial.reason[0] != '\0');
    snapjar_judgement_free(judgement);
}

static void test_empty_policy(void **state)
{
    fixture *fixture = *state;
    assert_allowed(fixture, BYTES("\x80\4}\x8c\1aK\1s."));
    assert_denied(fixture, BYTES("cm\nn\n."), SNAPJAR_DIAG_GLOBAL_DENIED, 0);
    assert_denied(fixture, BYTES("Ppid\n."), SNAPJAR_DIAG_PERSISTENT_ID_DENIED, 0);
    assert_denied(fixture, BYTES("\x80\5\x97."), SNAPJAR_DIAG_BUFFER_DENIED, 2);
    assert_denied(fixture, BYTES("\x80\2\x82\5."), SNAPJAR_DIAG_EXTENSION_DENIED, 2);
    assert_denied(fixture, BYTES("NN."), SNAPJAR_DIAG_NON_CANONICAL_STACK, 2);
    assert_verdict(fixture, BYTES("N"), SNAPJAR_VERDICT_NOT_ANALYSED, 0);
    assert_verdict(fixture, BYTES("cos\nsystem\n(S'x'\ntR"), SNAPJAR_VERDICT_NOT_ANALYSED, 0);
    assert_verdict(fixture, BYTES(""), SNAPJAR_VERDICT_NOT_ANALYSED, 0);
    /* One that was never finished is not analysed either. */
    snapjar_scan_reset(fixture->scan, 0);
    snapjar_judgement *judgement = NULL;
    assert_ok(snapjar_policy_judge(fixture->policy, fixture->scan, &judgement, err));
    assert_int_equal(snapjar_judgement_verdict(judgement), SNAPJAR_VERDICT_NOT_ANALYSED);
    snapjar_judgement_free(judgement);
}

static void test_each_use(void **state)
{
    /* Every use is denied unless it is named itself; any of them brings the import. */
    static const struct {
        const char *bytes;
        size_t size;
        unsigned uses;
        uint64_t offset;
    } rows[] = {
        {BYTES("\x80\2cm\nn\n."), ONE(IMPORT), 2},
        {BYTES("\x80\2cm\nn\n)R."), ONE(CALL), 8},
        {BYTES("\x80\2(im\nn\n."), ONE(CALL), 3},
        {BYTES("\x80\2(cm\nn\no."), ONE(CALL), 8},
        {BYTES("\x80\2cm\nn\n)\x81."), ONE(NEW), 8},
        {BYTES("\x80\2cm\nn\n)\x81}b."), ONE(NEW) | ONE(BUILD), 8},
        {BYTES("\x80\2cm\nn\n)\x81NNs."), ONE(NEW) | ONE(SETITEM), 8},
        {BYTES("\x80\2cm\nn\n)\x81Na."), ONE(NEW) | ONE(APPEND), 8},
        {BYTES("\x80\2cm\nn\n\x85."), ONE(ARGUMENT), 8},
    };
    fixture *fixture = *state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (unsigned left_out = 0; left_out < SNAPJAR_USE_COUNT; left_out++) {
            snapjar_policy_free(fixture->policy);
            assert_ok(snapjar_policy_new(&fixture->policy, fixture->context, err));
            const unsigned given = SNAPJAR_USES_ALL & ~SNAPJAR_USES(left_out);
            assert_ok(snapjar_policy_allow(fixture->policy, "m:n", given, NULL, err));
            snapjar_judgement *judgement = judge(fixture, rows[i].bytes, rows[i].size);
            const bool is_needed = (rows[i].uses & SNAPJAR_USES(left_out)) != 0 && left_out != SNAPJAR_USE_IMPORT;
            snapjar_denial denial;
            snapjar_judgement_describe(judgement, 0, &denial);
            assert_int_equal(snapjar_judgement_denial_count(judgement), is_needed);
            assert_int_equal(denial.uses, is_needed ? SNAPJAR_USES(left_out) : 0);
            snapjar_judgement_free(judgement);
        }
    }
}

static void test_names_are_exact(void **state)
{
    fixture *fixture = *state;
    assert_ok(snapjar_policy_allow(fixture->policy, "m.sub:Name", ONE(CALL), "why", err));
    assert_ok(snapjar_policy_allow(fixture->policy, "m:Outer.Inner", ONE(IMPORT), NULL, err));
    assert_allowed(fixture, BYTES("cm.sub\nName\n."));
    assert_denied(fixture, BYTES("cm.sub\nname\n."), SNAPJAR_DIAG_GLOBAL_DENIED, 0);
    assert_denied(fixture, BYTES("cm.sub\nName2\n."), SNAPJAR_DIAG_GLOBAL_DENIED, 0);
    assert_denied(fixture, BYTES("cm\nName\n."), SNAPJAR_DIAG_GLOBAL_DENIED, 0);
    assert_denied(fixture, BYTES("cm.sub.sub\nName\n."), SNAPJAR_DIAG_GLOBAL_DENIED, 0);
    assert_allowed(fixture, BYTES("\x80\4\x8c\1m\x8c\x0bOuter.Inner\x93."));
    assert_denied(fixture, BYTES("\x80\4\x8c\1m\x8c\5Outer\x93."), SNAPJAR_DIAG_GLOBAL_DENIED, 12);
    assert_denied(fixture, BYTES("\x80\4\x8c\5m.sub\x8c\x09Name.attr\x93."), SNAPJAR_DIAG_GLOBAL_DENIED, 20);
    /* The names of Python 3 count, whatever was written. */
    assert_ok(snapjar_policy_allow(fixture->policy, "builtins:range", ONE(CALL), NULL, err));
    assert_allowed(fixture, BYTES("c__builtin__\nxrange\n."));
    assert_denied(fixture, BYTES("\x80\3c__builtin__\nxrange\n."), SNAPJAR_DIAG_GLOBAL_DENIED, 2);
}

static void test_presets(void **state)
{
    fixture *fixture = *state;
    assert_ok(snapjar_policy_allow_defaults(fixture->policy, err));
    assert_allowed(fixture, BYTES("c__builtin__\nset\n((lp0\ntR."));
    assert_allowed(fixture, BYTES("ccollections\nOrderedDict\n)RNNs."));
    /* A class made by copyreg needs a rule of its own. */
    assert_denied(fixture, BYTES("ccopy_reg\n_reconstructor\n(capp\nJob\nc__builtin__\nobject\nNtR."),
                  SNAPJAR_DIAG_GLOBAL_DENIED, 26);
    assert_ok(snapjar_policy_allow(fixture->policy, "app:Job", ONE(NEW), NULL, err));
    assert_allowed(fixture, BYTES("ccopy_reg\n_reconstructor\n(capp\nJob\nc__builtin__\nobject\nNtR."));
    assert_denied(fixture, BYTES("ccopy_reg\n_reconstructor\n(capp\nJob\nc__builtin__\nobject\nNtR}b."),
                  SNAPJAR_DIAG_GLOBAL_DENIED, 59);
    /* What a preset allows as an argument cannot be called. */
    assert_denied(fixture, BYTES("c__builtin__\nlist\n)R."), SNAPJAR_DIAG_GLOBAL_DENIED, 19);
    assert_denied(fixture, BYTES("ccollections\nOrderedDict\n)R)R."), SNAPJAR_DIAG_COMPUTED_CALL_DENIED, 28);
    /* An attribute that getattr gives needs a rule for its path, and getattr is good for nothing else. */
    assert_denied(fixture, BYTES("c__builtin__\ngetattr\n(capp\nJob\nVa\ntR."), SNAPJAR_DIAG_GLOBAL_DENIED, 34);
    assert_ok(snapjar_policy_allow(fixture->policy, "app:Job.a", ONE(IMPORT), NULL, err));
    assert_allowed(fixture, BYTES("c__builtin__\ngetattr\n(capp\nJob\nVa\ntR."));
    assert_denied(fixture, BYTES("c__builtin__\ngetattr\n(capp\nJob\nVb\ntR."), SNAPJAR_DIAG_GLOBAL_DENIED, 34);
    assert_denied(fixture, BYTES("c__builtin__\ngetattr\n(capp\nJob\nVa\ntR)R."), SNAPJAR_DIAG_GLOBAL_DENIED, 37);
    assert_denied(fixture, BYTES("c__builtin__\ngetattr\n(capp\nJob\nVa\ntR}b."), SNAPJAR_DIAG_NON_CANONICAL_TARGET,
                  37);
    assert_denied(fixture, BYTES("c__builtin__\ngetattr\n(NVa\ntR."), SNAPJAR_DIAG_GLOBAL_DENIED, 27);
    assert_denied(fixture, BYTES("(c__builtin__\ngetattr\nl."), SNAPJAR_DIAG_GLOBAL_DENIED, 22);
    assert_allowed(fixture, BYTES("c__builtin__\ngetattr\n(czoneinfo\nZoneInfo\nV_unpickle\ntR(VUTC\nI1\ntR."));
    assert_denied(fixture, BYTES("czoneinfo\nZoneInfo\n(VUTC\ntR."), SNAPJAR_DIAG_GLOBAL_DENIED, 26);
    /* Nothing that runs code is in any preset. */
    static const char *const never[] = {
        "builtins:eval",
        "builtins:exec",
        "builtins:compile",
        "builtins:setattr",
        "builtins:type",
        "builtins:super",
        "builtins:map",
        "builtins:filter",
        "builtins:open",
        "builtins:__import__",
        "builtins:input",
        "builtins:breakpoint",
        "functools:partial",
        "functools:reduce",
        "operator:attrgetter",
        "operator:methodcaller",
        "types:FunctionType",
        "types:CodeType",
        "os:system",
        "posix:system",
        "nt:system",
        "subprocess:Popen",
        "pickle:loads",
        "importlib:import_module",
        "numpy.core:_ufunc_reconstruct",
        "numpy._core:_ufunc_reconstruct",
    };
    for (size_t i = 0; snapjar_preset_rule_at(i) != NULL; i++) {
        const snapjar_policy_rule *rule = snapjar_preset_rule_at(i);
        char name[256];
        bool has_preset = false;
        snprintf(name, sizeof name, "%s:%s", rule->module, rule->name);
        for (size_t j = 0; j < sizeof never / sizeof *never; j++)
            assert_string_not_equal(name, never[j]);
        /* These may be named, to name an attribute with, and not be used for anything. */
        if (strcmp(name, "builtins:getattr") == 0 || strcmp(name, "zoneinfo:ZoneInfo") == 0) {
            assert_int_equal(rule->uses, ONE(IMPORT));
            continue;
        }
        for (size_t j = 0; snapjar_preset_at(j) != NULL; j++)
            has_preset |= strcmp(snapjar_preset_at(j)->name, rule->preset) == 0;
        assert_true(has_preset);
        assert_true(strlen(rule->reason) > 8);
        assert_true((rule->uses & ONE(IMPORT)) != 0 && rule->uses != ONE(IMPORT));
    }
    for (size_t j = 0; snapjar_preset_at(j) != NULL; j++) {
        assert_true(snapjar_preset_at(j)->summary[0] != '\0');
        assert_ok(snapjar_policy_allow_preset(fixture->policy, snapjar_preset_at(j)->name, err));
    }
    assert_denied(fixture, BYTES("cos\nsystem\n."), SNAPJAR_DIAG_GLOBAL_DENIED, 0);
}

static void test_wording(void **state)
{
    fixture *fixture = *state;
    snapjar_denial denial;
    assert_ok(snapjar_policy_allow(fixture->policy, "app:Job", ONE(NEW), NULL, err));
    snapjar_judgement *judgement = judge(fixture, BYTES("\x80\2cposix\nsystem\n)R0capp\nJob\n)\x81}b0N0\x80\2NN."));
    assert_int_equal(snapjar_judgement_denial_count(judgement), 4);
    snapjar_judgement_describe(judgement, 0, &denial);
    assert_string_equal(denial.global, "posix:system");
    assert_string_equal(denial.reason, "the policy does not allow: import, call; it runs commands and changes files");
    assert_string_equal(denial.line, "\"posix:system\": [\"call\"]");
    assert_int_equal(denial.offset, 2);
    assert_int_equal(denial.global_index, 0);
    snapjar_judgement_describe(judgement, 1, &denial);
    assert_string_equal(denial.global, "app:Job");
    assert_string_equal(denial.reason, "the policy does not allow: build");
    assert_string_equal(denial.line, "\"app:Job\": [\"new\", \"build\"]");
    snapjar_judgement_describe(judgement, 2, &denial);
    assert_int_equal(denial.diagnostic, SNAPJAR_DIAG_NON_CANONICAL_PROTOCOL);
    assert_string_equal(denial.line, "");
    assert_true(denial.global_index == SIZE_MAX);
    snapjar_judgement_describe(judgement, 4, &denial);
    assert_int_equal(denial.diagnostic, SNAPJAR_DIAG_NONE);
    assert_string_equal(denial.reason, "");
    snapjar_judgement_free(judgement);
    /* Names are escaped, in the line as JSON wants it. */
    judgement = judge(fixture, BYTES("\x80\3c\xc3\xa9\n\xf0\x9f\x98\x80\n."));
    snapjar_judgement_describe(judgement, 0, &denial);
    assert_string_equal(denial.global, "\\xc3\\xa9:\\xf0\\x9f\\x98\\x80");
    assert_string_equal(denial.line, "\"\\u00e9:\\ud83d\\ude00\": [\"import\"]");
    snapjar_judgement_free(judgement);
    assert_string_equal(snapjar_verdict_name(SNAPJAR_VERDICT_NOT_ANALYSED), "not-analysed");
    assert_string_equal(snapjar_verdict_name((snapjar_verdict)7), "unknown");
}

/** The text of the first denial. */
static void assert_reason(fixture *fixture, const void *bytes, size_t size, const char *reason, const char *global)
{
    snapjar_denial denial;
    snapjar_judgement *judgement = judge(fixture, bytes, size);
    assert_int_equal(snapjar_judgement_denial_count(judgement), 1);
    snapjar_judgement_describe(judgement, 0, &denial);
    assert_string_equal(denial.reason, reason);
    assert_string_equal(denial.global, global);
    snapjar_judgement_free(judgement);
}

static void test_reasons(void **state)
{
    fixture *fixture = *state;
    assert_ok(snapjar_policy_allow(fixture->policy, "app:f", ONE(CALL), NULL, err));
    assert_reason(fixture, BYTES("capp\nf\n(tR(tR."),
                  "something is called that is itself the result of a call or a persistent id", "");
    assert_reason(fixture, BYTES("Ppid\n."), "the loading program gets a persistent id to make an object of", "");
    assert_reason(fixture, BYTES("\x80\5\x97."), "the data of an out-of-band buffer is not in the pickle", "");
    assert_reason(fixture, BYTES("I 1\n."), "INT \" 1\" is not written as picklers write numbers", "");
    assert_reason(fixture, BYTES("\x80\2\x82\5."),
                  "extension code 5 stands for a global that only the loading program knows", "");
    assert_ok(snapjar_policy_map_extension(fixture->policy, 5, "os:system", err));
    assert_reason(fixture, BYTES("\x80\2\x82\5."),
                  "the policy does not allow: import; it runs commands and changes files", "os:system");
}

static void test_lines_are_enough(void **state)
{
    /* Adding every line that a judgement gives makes it allow. */
    static const char pickle[] = "\x80\2(cposix\nsystem\n)Rcapp\nJob\n)\x81}bcapp\nOther\n)R(NNece\xc3\xa9\nx\nt.";
    fixture *fixture = *state;
    char file[2048] = "{\"snapjar_policy\": 1, \"allow\": {";
    snapjar_denial denial;
    /* Protocol 3, or the name would be non-canonical. */
    char modern[sizeof pickle];
    memcpy(modern, pickle, sizeof pickle);
    modern[1] = 3;
    snapjar_judgement *judgement = judge(fixture, modern, sizeof pickle - 1);
    assert_int_equal(snapjar_judgement_verdict(judgement), SNAPJAR_VERDICT_DENIED);
    for (size_t i = 0; i < snapjar_judgement_denial_count(judgement); i++) {
        snapjar_judgement_describe(judgement, i, &denial);
        snprintf(file + strlen(file), sizeof file - strlen(file), "%s%s", i > 0 ? ", " : "", denial.line);
    }
    snapjar_judgement_free(judgement);
    snprintf(file + strlen(file), sizeof file - strlen(file), "}}");
    assert_ok(snapjar_policy_read(fixture->policy, file, strlen(file), err));
    assert_allowed(fixture, modern, sizeof pickle - 1);
}

static void test_extensions(void **state)
{
    fixture *fixture = *state;
    assert_ok(snapjar_policy_map_extension(fixture->policy, 5, "app:Job", err));
    assert_denied(fixture, BYTES("\x80\2\x82\5)\x81."), SNAPJAR_DIAG_GLOBAL_DENIED, 2);
    assert_ok(snapjar_policy_allow(fixture->policy, "app:Job", ONE(NEW), NULL, err));
    assert_allowed(fixture, BYTES("\x80\2\x82\5)\x81."));
    assert_denied(fixture, BYTES("\x80\2\x82\6)\x81."), SNAPJAR_DIAG_EXTENSION_DENIED, 2);
    snapjar_error err;
    assert_fault(snapjar_policy_map_extension(fixture->policy, 0, "a:b", &err), &err, SNAPJAR_INVALID_ARGUMENT,
                 SNAPJAR_DIAG_POLICY_INVALID, SNAPJAR_SPACE_NONE, SNAPJAR_OFFSET_NONE);
    assert_fault(snapjar_policy_map_extension(fixture->policy, 5, "a:b", &err), &err, SNAPJAR_INVALID_ARGUMENT,
                 SNAPJAR_DIAG_POLICY_INVALID, SNAPJAR_SPACE_NONE, SNAPJAR_OFFSET_NONE);
}

static void test_switches(void **state)
{
    fixture *fixture = *state;
    snapjar_policy_allow_persistent_ids(fixture->policy, true);
    snapjar_policy_allow_buffers(fixture->policy, true);
    assert_allowed(fixture, BYTES("\x80\5\x97\x98Q."));
    assert_denied(fixture, BYTES("\x80\5\x97Q)R."), SNAPJAR_DIAG_COMPUTED_CALL_DENIED, 5);
    snapjar_policy_allow_persistent_ids(fixture->policy, false);
    assert_denied(fixture, BYTES("\x80\5\x97\x98Q."), SNAPJAR_DIAG_PERSISTENT_ID_DENIED, 4);
}

static void test_findings_that_were_not_kept(void **state)
{
    fixture *fixture = *state;
    snapjar_scan_options options = SNAPJAR_SCAN_OPTIONS_INIT;
    options.finding_count_max = 1;
    snapjar_scan_free(fixture->scan);
    assert_ok(snapjar_scan_new(&fixture->scan, fixture->context, &options, err));
    assert_verdict(fixture, BYTES("I 1\n0I 1\n."), SNAPJAR_VERDICT_DENIED, 1);
}

static void test_rules_add_up(void **state)
{
    /* What is allowed in steps is allowed together, whoever allowed it first. */
    fixture *fixture = *state;
    assert_ok(snapjar_policy_allow(fixture->policy, "m:n", ONE(CALL), "first", err));
    assert_ok(snapjar_policy_allow(fixture->policy, "m:n", ONE(BUILD), "second", err));
    assert_int_equal(snapjar_policy_rule_count(fixture->policy), 1);
    assert_string_equal(snapjar_policy_rule_at(fixture->policy, 0)->reason, "first");
    assert_allowed(fixture, BYTES("cm\nn\n(tR(db."));
    assert_ok(snapjar_policy_allow_preset(fixture->policy, "plain", err));
    const size_t count = snapjar_policy_rule_count(fixture->policy);
    assert_ok(snapjar_policy_allow(fixture->policy, "builtins:list", ONE(CALL), "mine", err));
    assert_ok(snapjar_policy_allow_preset(fixture->policy, "plain", err));
    assert_int_equal(snapjar_policy_rule_count(fixture->policy), count);
    assert_allowed(fixture, BYTES("c__builtin__\nlist\n(tR."));
}

static void test_long_rules(void **state)
{
    /* Names have 1,024 bytes at most, each of the two. */
    fixture *fixture = *state;
    char global[2 * 1025 + 2];
    for (size_t extra = 0; extra < 3; extra++) {
        const size_t module_size = extra == 1 ? 1025 : 1024;
        const size_t name_size = extra == 2 ? 1025 : 1024;
        memset(global, 'a', sizeof global);
        global[module_size] = ':';
        global[module_size + 1 + name_size] = '\0';
        assert_int_equal(snapjar_policy_allow(fixture->policy, global, ONE(CALL), NULL, NULL),
                         extra > 0 ? SNAPJAR_INVALID_ARGUMENT : SNAPJAR_OK);
    }
    assert_int_equal(snapjar_policy_rule_count(fixture->policy), 1);
}

static void test_bad_rules(void **state)
{
    static const char *const globals[] = {"", "a", ":a", "a:", "a:b:c", "a.*:b", "a:b?", "a b:c", "a\\:b", "a:\"b"};
    fixture *fixture = *state;
    snapjar_error err;
    for (size_t i = 0; i < sizeof globals / sizeof *globals; i++)
        assert_fault(snapjar_policy_allow(fixture->policy, globals[i], ONE(CALL), NULL, &err), &err,
                     SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_POLICY_INVALID, SNAPJAR_SPACE_NONE, SNAPJAR_OFFSET_NONE);
    assert_int_equal(snapjar_policy_allow(fixture->policy, NULL, ONE(CALL), NULL, NULL), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(snapjar_policy_allow(fixture->policy, "a:b", 0, NULL, NULL), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(snapjar_policy_allow(fixture->policy, "a:b", 1u << SNAPJAR_USE_COUNT, NULL, NULL),
                     SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(snapjar_policy_allow(NULL, "a:b", ONE(CALL), NULL, NULL), SNAPJAR_INVALID_ARGUMENT);
    assert_fault(snapjar_policy_allow_preset(fixture->policy, "plainest", &err), &err, SNAPJAR_INVALID_ARGUMENT,
                 SNAPJAR_DIAG_POLICY_INVALID, SNAPJAR_SPACE_NONE, SNAPJAR_OFFSET_NONE);
    assert_int_equal(snapjar_policy_allow_preset(fixture->policy, NULL, NULL), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(snapjar_policy_rule_count(fixture->policy), 0);
    assert_null(snapjar_policy_rule_at(fixture->policy, 0));
    assert_int_equal(snapjar_policy_new(NULL, fixture->context, NULL), SNAPJAR_INVALID_ARGUMENT);
    snapjar_policy *none = fixture->policy;
    assert_int_equal(snapjar_policy_new(&none, NULL, NULL), SNAPJAR_INVALID_ARGUMENT);
    assert_null(none);
    assert_int_equal(snapjar_policy_judge(fixture->policy, NULL, NULL, NULL), SNAPJAR_INVALID_ARGUMENT);
    snapjar_judgement *judgement = judge(fixture, BYTES("N."));
    snapjar_judgement *unset = judgement;
    assert_int_equal(snapjar_policy_judge(NULL, fixture->scan, &unset, NULL), SNAPJAR_INVALID_ARGUMENT);
    assert_null(unset);
    snapjar_judgement_free(judgement);
    snapjar_policy_free(NULL);
    snapjar_judgement_free(NULL);
}

/* ---- files ---- */

static void test_file(void **state)
{
    static const char file[] =
        "{\"snapjar_policy\": 1, \"presets\": [\"collections\"], \"buffers\": true, \"persistent_ids\": true,"
        " \"allow\": {\"app:Job\": [\"new\", \"build\"], \"app:Kind\": {\"uses\": [\"call\"], \"reason\": \"an "
        "enum\"}},"
        " \"extensions\": {\"240\": \"app:Job\"}}";
    fixture *fixture = *state;
    assert_ok(snapjar_policy_read(fixture->policy, file, sizeof file - 1, err));
    assert_allowed(
        fixture, BYTES("\x80\5(capp\nJob\n)\x81}bcapp\nKind\n(K\1tRccollections\nOrderedDict\n)R\x97Q\x82\xf0)\x81t."));
    assert_denied(fixture, BYTES("capp\nKind\n)R}b."), SNAPJAR_DIAG_GLOBAL_DENIED, 13);
    const size_t count = snapjar_policy_rule_count(fixture->policy);
    const snapjar_policy_rule *last = snapjar_policy_rule_at(fixture->policy, count - 1);
    assert_string_equal(last->module, "app");
    assert_string_equal(last->name, "Kind");
    assert_string_equal(last->reason, "an enum");
    assert_string_equal(last->preset, "");
    assert_int_equal(last->uses, ONE(IMPORT) | ONE(CALL));
    assert_string_equal(snapjar_policy_rule_at(fixture->policy, 0)->preset, "collections");
}

static void test_bad_files(void **state)
{
    static const struct {
        const char *text;
        snapjar_status status;
        snapjar_diagnostic diagnostic;
        uint64_t offset;
    } rows[] = {
        {"[]", SNAPJAR_DAMAGED, SNAPJAR_DIAG_JSON_NOT_OBJECT, 0},
        {"{", SNAPJAR_DAMAGED, SNAPJAR_DIAG_JSON_SYNTAX, 1},
        {"{}", SNAPJAR_DAMAGED, SNAPJAR_DIAG_POLICY_INVALID, 0},
        {"{\"snapjar_policy\": \"1\"}", SNAPJAR_DAMAGED, SNAPJAR_DIAG_POLICY_INVALID, 19},
        {"{\"snapjar_policy\": 2}", SNAPJAR_UNSUPPORTED, SNAPJAR_DIAG_POLICY_INVALID, 19},
        {"{\"snapjar_policy\": 1, \"alow\": {}}", SNAPJAR_DAMAGED, SNAPJAR_DIAG_POLICY_INVALID, 30},
        {"{\"snapjar_policy\": 1, \"allow\": []}", SNAPJAR_DAMAGED, SNAPJAR_DIAG_POLICY_INVALID, 31},
        {"{\"snapjar_policy\": 1, \"extensions\": []}", SNAPJAR_DAMAGED, SNAPJAR_DIAG_POLICY_INVALID, 36},
        {"{\"snapjar_policy\": 1, \"others\": true}", SNAPJAR_DAMAGED, SNAPJAR_DIAG_POLICY_INVALID, 32},
        {"{\"snapjar_policy\": 1, \"allow\": {\"a\": [\"new\"]}}", SNAPJAR_DAMAGED, SNAPJAR_DIAG_POLICY_INVALID, 37},
        {"{\"snapjar_policy\": 1, \"allow\": {\"a:b\": []}}", SNAPJAR_DAMAGED, SNAPJAR_DIAG_POLICY_INVALID, 39},
        {"{\"snapjar_policy\": 1, \"allow\": {\"a:b\": [\"nwe\"]}}", SNAPJAR_DAMAGED, SNAPJAR_DIAG_POLICY_INVALID, 40},
        {"{\"snapjar_policy\": 1, \"allow\": {\"a:b\": [1]}}", SNAPJAR_DAMAGED, SNAPJAR_DIAG_POLICY_INVALID, 40},
        {"{\"snapjar_policy\": 1, \"allow\": {\"a:b\": {\"use\": []}}}", SNAPJAR_DAMAGED, SNAPJAR_DIAG_POLICY_INVALID,
         47},
        {"{\"snapjar_policy\": 1, \"allow\": {\"a:b\": {\"reason\": \"x\"}}}", SNAPJAR_DAMAGED,
         SNAPJAR_DIAG_POLICY_INVALID, 39},
        {"{\"snapjar_policy\": 1, \"presets\": \"plain\"}", SNAPJAR_DAMAGED, SNAPJAR_DIAG_POLICY_INVALID, 33},
        {"{\"snapjar_policy\": 1, \"presets\": [\"plain\", \"x\"]}", SNAPJAR_DAMAGED, SNAPJAR_DIAG_POLICY_INVALID, 43},
        {"{\"snapjar_policy\": 1, \"buffers\": 1}", SNAPJAR_DAMAGED, SNAPJAR_DIAG_POLICY_INVALID, 33},
        {"{\"snapjar_policy\": 1, \"extensions\": {\"01\": \"a:b\"}}", SNAPJAR_DAMAGED, SNAPJAR_DIAG_POLICY_INVALID,
         43},
        {"{\"snapjar_policy\": 1, \"extensions\": {\"4294967297\": \"a:b\"}}", SNAPJAR_DAMAGED,
         SNAPJAR_DIAG_POLICY_INVALID, 51},
        {"{\"snapjar_policy\": 1, \"extensions\": {\"1\": 2}}", SNAPJAR_DAMAGED, SNAPJAR_DIAG_POLICY_INVALID, 42},
        {"{\"snapjar_policy\": 1, \"allow\": {\"a:b\": [\"new\"], \"a:b\": [\"call\"]}}", SNAPJAR_DAMAGED,
         SNAPJAR_DIAG_JSON_DUPLICATE_KEY, 48},
    };
    fixture *fixture = *state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snapjar_error err;
        const snapjar_status status = snapjar_policy_read(fixture->policy, rows[i].text, strlen(rows[i].text), &err);
        if (status != rows[i].status || err.diagnostic != rows[i].diagnostic || err.offset != rows[i].offset)
            fail_msg("row %zu: %s [%s] at %d: %s", i, snapjar_status_name(status),
                     snapjar_diagnostic_name(err.diagnostic), (int)err.offset, err.message);
    }
    assert_int_equal(snapjar_policy_read(NULL, "{}", 2, NULL), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(snapjar_policy_read(fixture->policy, NULL, 0, NULL), SNAPJAR_INVALID_ARGUMENT);
}

/* ---- memory ---- */

static snapjar_status judge_much(snapjar_context *context, void *state, snapjar_error *err)
{
    snapjar_scan *scan = NULL;
    snapjar_policy *policy = NULL;
    snapjar_judgement *judgement = NULL;
    (void)state;
    snapjar_status status = snapjar_scan_new(&scan, context, NULL, err);
    if (status == SNAPJAR_OK)
        status = snapjar_scan_pickle(scan, BYTES("cos\nsystem\n)R0NN."), err);
    if (status == SNAPJAR_OK)
        status = snapjar_policy_new(&policy, context, err);
    if (status == SNAPJAR_OK)
        status = snapjar_policy_allow(policy, "a:b", ONE(CALL), "why", err);
    if (status == SNAPJAR_OK)
        status = snapjar_policy_allow(policy, "a:b", ONE(NEW), "why", err);
    if (status == SNAPJAR_OK)
        status = snapjar_policy_allow_defaults(policy, err);
    if (status == SNAPJAR_OK)
        status = snapjar_policy_map_extension(policy, 5, "a:b", err);
    if (status == SNAPJAR_OK)
        status = snapjar_policy_judge(policy, scan, &judgement, err);
    snapjar_judgement_free(judgement);
    snapjar_policy_free(policy);
    snapjar_scan_free(scan);
    return status;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    assert_true(fail_alloc_run(judge_much, NULL) > 8);
}

#define WITH_FIXTURE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(test_empty_policy),
        WITH_FIXTURE(test_each_use),
        WITH_FIXTURE(test_names_are_exact),
        WITH_FIXTURE(test_presets),
        WITH_FIXTURE(test_wording),
        WITH_FIXTURE(test_lines_are_enough),
        WITH_FIXTURE(test_extensions),
        WITH_FIXTURE(test_switches),
        WITH_FIXTURE(test_findings_that_were_not_kept),
        WITH_FIXTURE(test_rules_add_up),
        WITH_FIXTURE(test_long_rules),
        WITH_FIXTURE(test_bad_rules),
        WITH_FIXTURE(test_reasons),
        WITH_FIXTURE(test_file),
        WITH_FIXTURE(test_bad_files),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
