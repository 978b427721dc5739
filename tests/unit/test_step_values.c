/* SPDX-License-Identifier: MIT
 *
 * Steps that change values, lists, arguments and states: exact pickles, and what is refused and where.
 */
#include "support.h"

#include "steps.h"

/* An instance of m:C with the state {a: VALUE}, at protocol 3. */
#define C_OF(value)                                                                                                    \
    BYTES("\x80\3"                                                                                                     \
          "cm\nC\n)\x81}X\1\0\0\0a" value "sb.")
#define RETYPE(to) "[{`op`:`retype`,`class`:`m:C`,`field`:`a`,`to`:`" to "`}]"
#define ON_CLASS(op, rest) "[{`op`:`" op "`,`class`:`m:C`" rest "}]"
#define ON_ROOT(op, rest) "[{`op`:`" op "`,`at`:``" rest "}]"

/* clang-format off */
static const migration migrations[] = {
    {RETYPE("int"), C_OF("G?\xf0\0\0\0\0\0\0"), 3, C_OF("K\1")},
    {RETYPE("int"), C_OF("X\2\0\0\0-7"), 3, C_OF("J\xf9\xff\xff\xff")},
    {RETYPE("int"), C_OF("X\x0c\0\0\0" "123456789012"), 3, C_OF("\x8a\5\x14\x1a\x99\xbe\x1c")},
    {RETYPE("int"), C_OF("\x88"), 3, C_OF("K\1")},
    {RETYPE("int"), C_OF("K\5"), 3, C_OF("K\5")},
    {RETYPE("float"), C_OF("K\2"), 3, C_OF("G@\0\0\0\0\0\0\0")},
    {RETYPE("float"), C_OF("J\xfe\xff\xff\xff"), 3, C_OF("G\xc0\0\0\0\0\0\0\0")},
    {RETYPE("float"), C_OF("X\3\0\0\0" "1.5"), 3, C_OF("G?\xf8\0\0\0\0\0\0")},
    {RETYPE("str"), C_OF("K\7"), 3, C_OF("X\1\0\0\0" "7")},
    {RETYPE("str"), C_OF("G?\xf8\0\0\0\0\0\0"), 3, C_OF("X\3\0\0\0" "1.5")},
    {RETYPE("str"), C_OF("C\2\xc3\xa9"), 3, C_OF("X\2\0\0\0\xc3\xa9")},
    {RETYPE("bool"), C_OF("K\0"), 3, C_OF("\x89")},
    {RETYPE("bool"), C_OF("K\1"), 3, C_OF("\x88")},
    {RETYPE("bytes"), C_OF("X\2\0\0\0\xc3\xa9"), 3, C_OF("C\2\xc3\xa9")},
    {RETYPE("bytes`,`encoding`:`latin-1"), C_OF("X\2\0\0\0\xc3\xa9"), 3, C_OF("C\1\xe9")},
    {RETYPE("str`,`encoding`:`latin-1"), C_OF("C\1\xe9"), 3, C_OF("X\2\0\0\0\xc3\xa9")},
    {RETYPE("tuple"), C_OF("](K\1K\2e"), 3, C_OF("K\1K\2\x86")},
    {RETYPE("list"), C_OF("K\1K\2\x86"), 3, C_OF("](K\1K\2e")},
    {RETYPE("frozenset"), C_OF("]K\1" "a"), 3, C_OF("cbuiltins\nfrozenset\nq\0(K\1l\x85R")},
    {RETYPE("int`,`none`:`keep"), C_OF("N"), 3, C_OF("N")},
    {"[{`op`:`retype`,`at`:`[*]`,`to`:`str`}]", BYTES("](K\1K\2e."), 1, BYTES("](X\1\0\0\0" "1X\1\0\0\0" "2e.")},
    {"[{`op`:`retype`,`at`:`['a']`,`to`:`str`}]", BYTES("}X\1\0\0\0aK\1s."), 1, BYTES("}X\1\0\0\0aX\1\0\0\0" "1s.")},
    /* A list that another value refers to stays there. */
    {"[{`op`:`retype`,`at`:`[0]`,`to`:`tuple`}]", BYTES("](]q\0K\1" "ah\0e."), 1, BYTES("]((K\1t]q\0K\1" "ae.")},
    {ON_CLASS("map", ",`field`:`a`,`values`:[[1,`one`],[2,[]]]"), C_OF("K\2"), 3, C_OF("]")},
    {ON_CLASS("map", ",`field`:`a`,`values`:[[1,`one`]],`otherwise`:`keep`"), C_OF("K\2"), 3, C_OF("K\2")},
    {"[{`op`:`rename_member`,`class`:`m:C`,`names`:{`OLD`:`NEW`}}]", BYTES("cbuiltins\ngetattr\n(cm\nC\nVOLD\ntR."), 3,
     BYTES("\x80\3" "cbuiltins\ngetattr\ncm\nC\nX\3\0\0\0NEW\x86R.")},
    {"[{`op`:`rename_member`,`class`:`m:C`,`values`:[[1,`x`]]}]", BYTES("cm\nC\n(I1\ntR."), 3,
     BYTES("\x80\3" "cm\nC\nX\1\0\0\0x\x85R.")},
    {ON_ROOT("append", ",`value`:3"), BYTES("](K\1K\2e."), 1, BYTES("](K\1K\2K\3e.")},
    {ON_ROOT("append", ",`value`:3"), BYTES("]."), 1, BYTES("]K\3" "a.")},
    {ON_ROOT("append", ",`value`:3"), BYTES("(K\1l."), 1, BYTES("]K\1" "aK\3" "a.")},
    {ON_ROOT("insert", ",`index`:1,`value`:3"), BYTES("](K\1K\2e."), 1, BYTES("](K\1K\3K\2e.")},
    {ON_ROOT("insert", ",`index`:-1,`value`:3"), BYTES("](K\1K\2e."), 1, BYTES("](K\1K\3K\2e.")},
    {ON_ROOT("insert", ",`index`:2,`value`:3"), BYTES("](K\1K\2e."), 1, BYTES("](K\1K\2K\3e.")},
    {ON_ROOT("insert", ",`index`:0,`value`:3"), BYTES("(K\1K\2l."), 1, BYTES("](K\3K\1K\2e.")},
    {ON_ROOT("remove", ",`index`:0"), BYTES("](K\1K\2e."), 1, BYTES("]K\2" "a.")},
    {ON_ROOT("remove", ",`value`:1"), BYTES("](K\1K\2K\1e."), 1, BYTES("]K\2" "a.")},
    {ON_CLASS("insert_argument", ",`index`:0,`value`:null"), BYTES("\x80\2" "cm\nC\nK\1\x85\x81."), 2,
     BYTES("\x80\2" "cm\nC\nNK\1\x86\x81.")},
    {ON_CLASS("insert_argument", ",`index`:1,`value`:null"), BYTES("(K\1im\nC\n."), 2, BYTES("\x80\2(K\1Nim\nC\n.")},
    {ON_CLASS("drop_argument", ",`index`:-1"), BYTES("\x80\2" "cm\nC\nK\1K\2\x86\x81."), 2,
     BYTES("\x80\2" "cm\nC\nK\1\x85\x81.")},
    /* copyreg._reconstructor(C, tuple, (1, 2)), as namedtuples of protocols 0 and 1. */
    {ON_CLASS("drop_argument", ",`index`:0"), BYTES("ccopy_reg\n_reconstructor\n(cm\nC\nc__builtin__\ntuple\n(I1\nI2\nttR."), 0,
     BYTES("ccopy_reg\n_reconstructor\n(cm\nC\nc__builtin__\ntuple\n(I2\nttR.")},
    {ON_CLASS("move_argument", ",`index`:0,`to`:1"), BYTES("\x80\2" "cm\nC\ncm\nD\n)\x81" "cm\nE\n)\x81\x86\x81."), 2,
     BYTES("\x80\2" "cm\nC\ncm\nE\n)\x81" "cm\nD\n)\x81\x86\x81.")},
    {ON_CLASS("restate", ",`to`:`slots`"), C_OF("K\1"), 3, BYTES("\x80\3" "cm\nC\n)\x81N}X\1\0\0\0aK\1s\x86" "b.")},
    {ON_CLASS("restate", ",`to`:`dict`"), BYTES("\x80\3" "cm\nC\n)\x81N}X\1\0\0\0aK\1s\x86" "b."), 3, C_OF("K\1")},
    {ON_CLASS("restate", ",`to`:`list`,`fields`:[`a`]"), C_OF("K\1"), 3, BYTES("\x80\3" "cm\nC\n)\x81]K\1" "ab.")},
    {ON_CLASS("restate", ",`to`:`tuple`,`fields`:[`a`]"), C_OF("K\1"), 3, BYTES("\x80\3" "cm\nC\n)\x81K\1\x85" "b.")},
    {ON_CLASS("restate", ",`to`:`dict`,`fields`:[`a`]"), BYTES("\x80\3" "cm\nC\n)\x81]K\1" "ab."), 3, C_OF("K\1")},
    {ON_CLASS("restate", ",`to`:`arguments`,`fields`:[`a`]"), C_OF("K\1"), 3, BYTES("\x80\3" "cm\nC\nK\1\x85\x81.")},
    {ON_CLASS("restate", ",`to`:`dict`,`fields`:[`a`]"), BYTES("\x80\3" "cm\nC\nK\1\x85\x81."), 3, C_OF("K\1")},
    {ON_CLASS("to_dict", ""), C_OF("K\1"), 3, BYTES("\x80\3}X\1\0\0\0aK\1s.")},
    {ON_CLASS("to_dict", ""), BYTES("\x80\3" "cm\nC\n)\x81q\0}X\1\0\0\0ah\0sb."), 3, BYTES("\x80\3}q\0X\1\0\0\0ah\0s.")},
    {ON_ROOT("to_instance", ",`class`:`m:C`"), BYTES("}X\1\0\0\0aK\1s."), 3, C_OF("K\1")},
    {ON_ROOT("to_instance", ",`class`:`m:C`,`state`:`slots`"), BYTES("(X\1\0\0\0aK\1d."), 3,
     BYTES("\x80\3" "cm\nC\n)\x81N}X\1\0\0\0aK\1s\x86" "b.")},
    {ON_ROOT("to_instance", ",`class`:`m:C`"), BYTES("}."), 3, BYTES("\x80\3" "cm\nC\n)\x81.")},
    {"[{`op`:`protocol`,`to`:5}]", BYTES("N."), 1, BYTES("N.")},
};

#define VALUE_FAULT(text) SNAPJAR_UNSUPPORTED, SNAPJAR_DIAG_STEP_VALUE, SNAPJAR_SPACE_CONTENT, 16, text
#define UNFAITHFUL(offset, text) SNAPJAR_UNSUPPORTED, SNAPJAR_DIAG_STEP_UNFAITHFUL, SNAPJAR_SPACE_CONTENT, offset, text
#define MISSING(offset, text) SNAPJAR_UNSUPPORTED, SNAPJAR_DIAG_STEP_FIELD_MISSING, SNAPJAR_SPACE_CONTENT, offset, text
#define INVALID(offset, text) SNAPJAR_DAMAGED, SNAPJAR_DIAG_STEPS_INVALID, SNAPJAR_SPACE_FILE, offset, text

static const refusal refusals[] = {
    {RETYPE("int"), C_OF("G?\xf8\0\0\0\0\0\0"), VALUE_FAULT("not whole")},
    {RETYPE("int"), C_OF("G\x80\0\0\0\0\0\0\0"), VALUE_FAULT("minus zero")},
    {RETYPE("int"), C_OF("GC@\0\0\0\0\0\1"), VALUE_FAULT("2**53")},
    {RETYPE("int"), C_OF("X\3\0\0\0" "1.5"), VALUE_FAULT("whole number")},
    {RETYPE("int"), C_OF("X\2\0\0\0" "00"), VALUE_FAULT("whole number")},
    {RETYPE("int"), C_OF("N"), VALUE_FAULT("no such")},
    {RETYPE("int`,`from`:`str"), C_OF("K\1"), VALUE_FAULT("expects")},
    {RETYPE("float"), C_OF("\x8a\7\1\0\0\0\0\0 "), VALUE_FAULT("digits")},
    {RETYPE("float"), C_OF("X\1\0\0\0x"), VALUE_FAULT("not a number")},
    {RETYPE("float"), C_OF("\x88"), VALUE_FAULT("no such")},
    {RETYPE("bool"), C_OF("K\2"), VALUE_FAULT("neither")},
    {RETYPE("str"), C_OF("C\1\xff"), VALUE_FAULT("UTF-8")},
    {RETYPE("bytes`,`encoding`:`ascii"), C_OF("X\2\0\0\0\xc3\xa9"), VALUE_FAULT("encoding")},
    {RETYPE("bytes"), C_OF("X\3\0\0\0\xed\xa0\x80"), VALUE_FAULT("surrogate")},
    {RETYPE("list"), C_OF("}"), VALUE_FAULT("no such")},
    {RETYPE("set"), C_OF("]]a"), VALUE_FAULT("cannot be in a set")},
    {ON_CLASS("map", ",`field`:`a`,`values`:[[1,2]]"), C_OF("K\2"), VALUE_FAULT("no new value")},
    {ON_CLASS("map", ",`field`:`b`,`values`:[[1,2]]"), C_OF("K\2"), MISSING(8, "\"b\"")},
    {"[{`op`:`retype`,`at`:`[0][*]`,`to`:`str`}]", BYTES("](K\1\x85q\0h\0e."), UNFAITHFUL(4, "elsewhere")},
    {ON_ROOT("append", ",`value`:3"), BYTES("}."), UNFAITHFUL(0, "no list")},
    {ON_ROOT("insert", ",`index`:2,`value`:3"), BYTES("]K\1" "a."), MISSING(0, "1 elements")},
    {ON_ROOT("insert", ",`index`:-2,`value`:3"), BYTES("]K\1" "a."), MISSING(0, "1 elements")},
    {ON_ROOT("remove", ",`index`:1"), BYTES("]K\1" "a."), MISSING(0, "no such element")},
    {ON_ROOT("remove", ",`value`:2"), BYTES("]K\1" "a."), MISSING(0, "no such element")},
    {ON_ROOT("remove", ",`value`:2,`if_missing`:`ignore`"), BYTES("]K\1" "a."), SNAPJAR_UNSUPPORTED,
     SNAPJAR_DIAG_STEP_TOUCHES_NOTHING, SNAPJAR_SPACE_NONE, SNAPJAR_OFFSET_NONE, "nothing"},
    {ON_CLASS("drop_argument", ",`index`:1"), BYTES("\x80\2" "cm\nC\nK\1\x85\x81."), MISSING(10, "1 arguments")},
    {ON_CLASS("insert_argument", ",`index`:2,`value`:1"), BYTES("\x80\2" "cm\nC\nK\1\x85\x81."), MISSING(10, "1 arguments")},
    {ON_CLASS("move_argument", ",`index`:0,`to`:1"), BYTES("\x80\2" "cm\nC\nK\1\x85\x81."), MISSING(10, "1 arguments")},
    {ON_CLASS("restate", ",`to`:`list`,`fields`:[`b`]"), C_OF("K\1"), MISSING(8, "\"b\"")},
    {ON_CLASS("restate", ",`to`:`list`"), C_OF("K\1"), UNFAITHFUL(8, "names 0")},
    {ON_CLASS("restate", ",`to`:`dict`"), BYTES("\x80\3" "cm\nC\n)\x81]K\1" "ab."), UNFAITHFUL(8, "1 values")},
    {ON_CLASS("restate", ",`to`:`slots`"), BYTES("\x80\3" "cm\nC\n)\x81K\1b."), UNFAITHFUL(8, "form of its own")},
    {ON_CLASS("restate", ",`to`:`slots`,`from`:`list`"), C_OF("K\1"), UNFAITHFUL(8, "expects")},
    {ON_CLASS("restate", ",`to`:`slots`"), BYTES("\x80\3" "cm\nC\n)\x81}q\0X\1\0\0\0aK\1sbh\0\x86."), UNFAITHFUL(8, "elsewhere")},
    {ON_CLASS("restate", ",`to`:`slots`"), BYTES("\x80\3" "cm\nC\n)\x81}K\1K\1sb."), UNFAITHFUL(8, "no text")},
    {ON_CLASS("to_dict", ""), BYTES("\x80\2" "cm\nC\nK\1\x85\x81."), UNFAITHFUL(10, "arguments")},
    {ON_CLASS("to_dict", ""), BYTES("\x80\2" "cm\nC\n)\x81K\1" "a."), UNFAITHFUL(8, "giving it state")},
    {ON_CLASS("to_dict", ""), BYTES("\x80\2}cm\nC\n)\x81K\1s."), UNFAITHFUL(9, "key or in a set")},
    {ON_CLASS("to_dict", ""), BYTES("\x80\4\x8f(\x8c\1m\x8c\1" "C\x93)\x81\x85\x90."), UNFAITHFUL(13, "key or in a set")},
    {ON_CLASS("to_dict", ""), BYTES("c__builtin__\nset\n((lccopy_reg\n__newobj__\n(cm\nC\ntRatR."), UNFAITHFUL(48, "in a set")},
    {ON_CLASS("to_dict", ""), BYTES("\x80\2" "cm\nC\n)\x81)\x81."), UNFAITHFUL(8, "is called")},
    {ON_CLASS("to_dict", ""), BYTES("\x80\2" "cm\nC\n)\x81)R."), UNFAITHFUL(8, "is called")},
    {ON_CLASS("to_dict", ""), BYTES("\x80\2" "cn\nf\ncm\nC\n)\x81R."), UNFAITHFUL(13, "is called")},
    {ON_CLASS("to_dict", ""), BYTES("\x80\4\x8c\1n" "cm\nC\n)\x81\x93."), UNFAITHFUL(11, "is called")},
    {ON_CLASS("to_dict", ""), BYTES("(cm\nC\n)\x81oN0."), UNFAITHFUL(7, "is called")},
    {ON_ROOT("to_instance", ",`class`:`m:C`"), BYTES("}K\1K\1s."), UNFAITHFUL(0, "no text")},
    {ON_ROOT("to_instance", ",`class`:`m:C`"), BYTES("]."), UNFAITHFUL(0, "no plain dict")},
    {"[{`op`:`retype`,`class`:`m:C`,`to`:`int`}]", BYTES("N."), INVALID(10, "needs \"field\"")},
    {"[{`op`:`retype`,`at`:`.**`,`to`:`int`}]", BYTES("N."), INVALID(30, "elements")},
    {RETYPE("x"), BYTES("N."), INVALID(56, "frozenset")},
    {ON_ROOT("remove", ""), BYTES("N."), INVALID(10, "either")},
    {ON_CLASS("rename_member", ""), BYTES("N."), INVALID(10, "\"names\" or")},
    {ON_CLASS("rename_member", ",`names`:{`a`:1}"), BYTES("N."), INVALID(54, "old to new")},
    {ON_CLASS("rename_member", ",`values`:[[1]]"), BYTES("N."), INVALID(55, "pairs")},
    {ON_CLASS("restate", ",`to`:`list`,`fields`:[`a`,`a`]"), BYTES("N."), INVALID(61, "twice")},
    {ON_CLASS("drop_argument", ",`index`:1.5"), BYTES("N."), INVALID(54, "number")},
    {"[{`op`:`protocol`,`to`:6}]", BYTES("N."), INVALID(32, "from 0 to 5")},
};
/* clang-format on */

static void test_migrations(void **state)
{
    size_t wrong_count = 0;
    for (size_t i = 0; i < sizeof migrations / sizeof *migrations; i++)
        wrong_count += !check_migration(*state, &migrations[i]);
    assert_int_equal(wrong_count, 0);
}

static void test_refusals(void **state)
{
    size_t wrong_count = 0;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
        wrong_count += !check_refusal(*state, &refusals[i]);
    assert_int_equal(wrong_count, 0);
}

/** What goes away in a circle: an object that holds another by name, which is hashed inside of it. */
static void test_moved(void **state)
{
    /* {'a': C1, 'b': C1}: the step drops 'a', where all was made. C1 = {x: D}, D = {y: {C1: None}}. */
    const refusal r = {
        "[{`op`:`drop`,`at`:``,`field`:`a`}]",
        BYTES("\x80\2}(X\1\0\0\0acm\nD\nq\5)\x81q\1}X\1\0\0\0xcm\nC\n)\x81q\2}X\1\0\0\0y}h\1Nssbsbq\3X\1\0\0\0bh\2u."),
        SNAPJAR_UNSUPPORTED,
        SNAPJAR_DIAG_TRANSCODE_UNFAITHFUL,
        SNAPJAR_SPACE_CONTENT,
        34,
        "looked at"};
    assert_true(check_refusal(*state, &r));
}

static void test_protocol(void **state)
{
    sj_steps *steps;
    assert_ok(read_steps(&steps, *state, "[{`op`:`protocol`,`to`:5},{`op`:`protocol`,`to`:3}]", err));
    assert_int_equal(sj_steps_protocol(steps), 3);
    sj_steps_free(steps);
}

static void test_alloc_failure(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof migrations / sizeof *migrations; i++) {
        migration m = migrations[i];
        assert_true(fail_alloc_run(migrate_one, &m) > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_migrations, make_context, free_context),
        cmocka_unit_test_setup_teardown(test_refusals, make_context, free_context),
        cmocka_unit_test_setup_teardown(test_moved, make_context, free_context),
        cmocka_unit_test_setup_teardown(test_protocol, make_context, free_context),
        cmocka_unit_test(test_alloc_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
