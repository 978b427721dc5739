/* SPDX-License-Identifier: MIT
 *
 * Steps that rename, add and drop: the exact pickles that they make, what they refuse and where, and what they tell.
 * What CPython makes of the results is compared in tests/python/test_migrate_cpython.py.
 */
#include "support.h"

#include "steps.h"

/* An instance of m:C with the state {a: 1}, at protocol 2: the class at 2, the instance at 8. */
#define C_A                                                                                                            \
    "\x80\2"                                                                                                           \
    "cm\nC\n)\x81}X\1\0\0\0aK\1sb."
/* Two instances of m:C in a list that share the dict {a: 1}. */
#define SHARED "\x80\2](cm\nC\nq\0)\x81}q\1X\1\0\0\0aK\1sbh\0)\x81h\1be."

/* clang-format off */
static const migration migrations[] = {
    /* rename: GLOBAL, INST, STACK_GLOBAL, getattr, names of Python 2. */
    {"[{`op`:`rename`,`from`:`m:C`,`to`:`new.m:D`}]", BYTES(C_A), 2,
     BYTES("\x80\2" "cnew.m\nD\n)\x81}X\1\0\0\0aK\1sb.")},
    /* What was called and dropped above a name stays. */
    {"[{`op`:`rename`,`from`:`m:C`,`to`:`m:D`}]", BYTES("\x80\2" "cm\nC\ncm\nf\nK\1\x85R0)\x81."), 2,
     BYTES("\x80\2" "cm\nD\ncm\nf\nK\1\x85R0)\x81.")},
    {"[{`op`:`rename`,`map`:{`m:C`:`m:D`,`m:D`:`m:C`}}]", BYTES("\x80\2" "cm\nC\ncm\nD\n\x86."), 2,
     BYTES("\x80\2" "cm\nD\ncm\nC\n\x86.")},
    {"[{`op`:`rename`,`from`:`m:C`,`to`:`n:D`}]", BYTES("(im\nC\n."), 0, BYTES("(in\nD\n.")},
    {"[{`op`:`rename`,`from`:`m:C`,`to`:`n:D.E`}]", BYTES("(K\1im\nC\n."), 4,
     BYTES("\x80\4\x95\x0e\0\0\0\0\0\0\0(\x8c\1n\x8c\3D.E\x93K\1o.")},
    /* The texts of a name that are values as well stay as they are. */
    {"[{`op`:`rename`,`from`:`m:C`,`to`:`n:D`}]", BYTES("\x80\4\x8c\1m\x94\x8c\1" "C\x94\x93h\0h\1\x87."), 4,
     BYTES("\x80\4\x95\x11\0\0\0\0\0\0\0\x8c\1n\x8c\1D\x93\x8c\1m\x94\x8c\1" "C\x94\x87.")},
    {"[{`op`:`rename`,`from`:`m:C`,`to`:`n:D`}]", BYTES("\x80\4\x8c\1m\x8c\5" "C.E.F\x93."), 4,
     BYTES("\x80\4\x95\x0c\0\0\0\0\0\0\0\x8c\1n\x8c\5D.E.F\x93.")},
    {"[{`op`:`rename`,`map`:{`m:C`:`n:D`,`m:C.E`:`o:X`}}]", BYTES("\x80\4\x8c\1m\x8c\5" "C.E.F\x93."), 4,
     BYTES("\x80\4\x95\x0a\0\0\0\0\0\0\0\x8c\1o\x8c\3X.F\x93.")},
    {"[{`op`:`rename`,`from`:`m:C`,`to`:`n:D`}]", BYTES("\x80\3" "cbuiltins\ngetattr\ncm\nC\nX\1\0\0\0E\x86R."), 3,
     BYTES("\x80\3" "cbuiltins\ngetattr\ncn\nD\nX\1\0\0\0E\x86R.")},
    {"[{`op`:`rename`,`from`:`m:C.E`,`to`:`n:D`}]",
     BYTES("\x80\3(cm\nC\nq\0cm\nf\ncbuiltins\ngetattr\nh\0X\1\0\0\0E\x86Rh\0t."), 3,
     BYTES("\x80\3(cm\nC\nq\0cm\nf\ncn\nD\nh\0t.")},
    {"[{`op`:`rename`,`from`:`builtins:set`,`to`:`m:Set`}]", BYTES("c__builtin__\nset\n."), 2,
     BYTES("\x80\2" "cm\nSet\n.")},
    {"[{`op`:`rename`,`from`:`m:C`,`to`:`m:D`,`if_none`:`ignore`}]", BYTES("N."), 0, BYTES("N.")},
    {"[{`op`:`rename`,`from`:`m:C`,`to`:`m:D`}]", BYTES("\x80\4\x8c\1m\x8c\1" "C\x93)}\x8c\1aK\1s\x92."), 2, BYTES("\x80\2" "ccopy_reg\n__newobj_ex__\nq\0cm\nD\n)}X\1\0\0\0aK\1s\x87R.")},
    /* What is made and dropped is that at any protocol. */
    {"[{`op`:`rename`,`from`:`m:C`,`to`:`m:D`}]", BYTES("\x80\2]cm\nC\n)\x81" "0."), 1, BYTES("]ccopy_reg\n__newobj__\nq\0(cm\nD\ntR0.")},
    /* So is what was called and dropped above a name of a field. */
    {"[{`op`:`rename_field`,`at`:`[*]`,`from`:`a`,`to`:`b`}]",
     BYTES("](}(X\1\0\0\0acm\nf\n(tR0K\1u}X\1\0\0\0aK\2se."), 1, BYTES("](}X\1\0\0\0bcm\nf\n)R0K\1s}X\1\0\0\0bK\2se.")},
    /* Not what only begins alike. */
    {"[{`op`:`rename`,`from`:`m:C`,`to`:`m:D`,`if_none`:`ignore`}]", BYTES("cm\nCC\n."), 0, BYTES("cm\nCC\n.")},
    {"[{`op`:`rename_module`,`from`:`m`,`to`:`n.o`}]", BYTES("(cm\nC\ncm.s\nD\ncmm\nE\nt."), 0,
     BYTES("(cn.o\nC\ncn.o.s\nD\ncmm\nE\nt.")},
    /* add */
    {"[{`op`:`add`,`class`:`m:C`,`field`:`b`,`value`:2}]", BYTES(C_A), 2,
     BYTES("\x80\2" "cm\nC\n)\x81}(X\1\0\0\0aK\1X\1\0\0\0bK\2ub.")},
    {"[{`op`:`add`,`class`:`m:C`,`field`:`b`,`value`:[]}]", BYTES("\x80\2" "cm\nC\n)\x81."), 2,
     BYTES("\x80\2" "cm\nC\n)\x81}X\1\0\0\0b]sb.")},
    {"[{`op`:`add`,`class`:`m:C`,`field`:`b`,`value`:2,`after`:`a`}]",
     BYTES("\x80\2" "cm\nC\n)\x81}(X\1\0\0\0aK\1X\1\0\0\0cK\3ub."), 2,
     BYTES("\x80\2" "cm\nC\n)\x81}(X\1\0\0\0aK\1X\1\0\0\0bK\2X\1\0\0\0cK\3ub.")},
    /* A dict of state that becomes one half of a pair is not shared by that. */
    {"[{`op`:`add`,`class`:`m:C`,`field`:`b`,`value`:2,`state`:`slots`}]",
     BYTES("\x80\2" "cm\nC\n)\x81}q\0X\1\0\0\0aK\1sb."), 2,
     BYTES("\x80\2" "cm\nC\n)\x81}X\1\0\0\0aK\1s}X\1\0\0\0bK\2s\x86" "b.")},
    {"[{`op`:`add`,`class`:`m:C`,`field`:`a`,`value`:2,`if_present`:`replace`}]", BYTES(C_A), 2,
     BYTES("\x80\2" "cm\nC\n)\x81}X\1\0\0\0aK\2sb.")},
    {"[{`op`:`add`,`class`:`m:C`,`field`:`a`,`value`:2,`if_present`:`keep`}]", BYTES(C_A), 2, BYTES(C_A)},
    {"[{`op`:`set_default`,`class`:`m:C`,`field`:`a`,`value`:2}]", BYTES(C_A), 2, BYTES(C_A)},
    /* Slots: a new field goes to them. */
    {"[{`op`:`add`,`class`:`m:C`,`field`:`b`,`value`:null}]", BYTES("\x80\2" "cm\nC\n)\x81N}X\1\0\0\0aK\1s\x86" "b."), 2,
     BYTES("\x80\2" "cm\nC\n)\x81N}(X\1\0\0\0aK\1X\1\0\0\0bNu\x86" "b.")},
    /* An instance without state among others with slots. */
    {"[{`op`:`add`,`class`:`m:C`,`field`:`b`,`value`:2}]",
     BYTES("\x80\2" "cm\nC\nq\0)\x81N}X\1\0\0\0aK\1s\x86" "bh\0)\x81\x86."), 2,
     BYTES("\x80\2" "cm\nC\nq\0)\x81N}(X\1\0\0\0aK\1X\1\0\0\0bq\1K\2u\x86" "bh\0)\x81N}h\1K\2s\x86" "b\x86.")},
    /* A dict that two instances share is edited once. */
    {"[{`op`:`add`,`class`:`m:C`,`field`:`b`,`value`:2}]", BYTES(SHARED), 2,
     BYTES("\x80\2](cm\nC\nq\0)\x81}q\1(X\1\0\0\0aK\1X\1\0\0\0bK\2ubh\0)\x81h\1be.")},
    {"[{`op`:`add`,`at`:`[*]`,`field`:`b`,`value`:2}]", BYTES("](}X\1\0\0\0aK\1s}e."), 1,
     BYTES("](}(X\1\0\0\0aK\1X\1\0\0\0bq\0K\2u}h\0K\2se.")},
    {"[{`op`:`add`,`at`:``,`field`:`b`,`value`:2}]", BYTES("(X\1\0\0\0aK\1d."), 1,
     BYTES("}(X\1\0\0\0aK\1X\1\0\0\0bK\2u.")},
    {"[{`op`:`add`,`at`:``,`field`:`b`,`value`:2,`after`:`a`}]", BYTES("(X\1\0\0\0aK\1X\1\0\0\0cNd."), 1,
     BYTES("}(X\1\0\0\0aK\1X\1\0\0\0bK\2X\1\0\0\0cNu.")},
    /* rename_field: at the same place, each time that it is given, whatever form the key has. */
    {"[{`op`:`rename_field`,`class`:`m:C`,`from`:`a`,`to`:`z`}]",
     BYTES("\x80\2" "cm\nC\n)\x81}(X\1\0\0\0aK\1X\1\0\0\0cK\3ub."), 2,
     BYTES("\x80\2" "cm\nC\n)\x81}(X\1\0\0\0zK\1X\1\0\0\0cK\3ub.")},
    {"[{`op`:`rename_field`,`class`:`m:C`,`from`:`a`,`to`:`z`}]", BYTES("(im\nC\n(dVa\nI1\nsb."), 0,
     BYTES("(im\nC\n(dVz\nI1\nsb.")},
    {"[{`op`:`rename_field`,`class`:`m:C`,`from`:`a`,`to`:`z`}]", BYTES("(im\nC\n(S'\\x61'\nI1\ndb."), 0,
     BYTES("(im\nC\n(dVz\nI1\nsb.")},
    {"[{`op`:`rename_field`,`at`:``,`from`:`a`,`to`:`z`,`if_missing`:`ignore`,`if_none`:`ignore`}]", BYTES("}."), 1,
     BYTES("}.")},
    /* copyreg._reconstructor of Python 2. */
    {"[{`op`:`rename_field`,`class`:`m:C`,`from`:`a`,`to`:`z`}]",
     BYTES("ccopy_reg\n_reconstructor\n(cm\nC\nc__builtin__\nobject\nNtR(dVa\nI1\nsb."), 0,
     BYTES("ccopy_reg\n_reconstructor\n(cm\nC\nc__builtin__\nobject\nNtR(dVz\nI1\nsb.")},
    /* drop */
    {"[{`op`:`drop`,`class`:`m:C`,`field`:`a`}]", BYTES(C_A), 2, BYTES("\x80\2" "cm\nC\n)\x81}b.")},
    {"[{`op`:`drop`,`at`:`.**`,`field`:`a`,`if_missing`:`ignore`}]", BYTES("}(X\1\0\0\0aK\1X\1\0\0\0b}X\1\0\0\0aNsu."), 1,
     BYTES("}X\1\0\0\0b}s.")},
    /* What is dropped was the first mention of what stays: that is made where it is needed first now. */
    {"[{`op`:`drop`,`at`:``,`field`:`a`}]",
     BYTES("\x80\2}(X\1\0\0\0a(cm\nC\nq\0)\x81q\1tX\1\0\0\0bcm\nD\n)\x81X\1\0\0\0ch\1X\1\0\0\0dh\1X\1\0\0\0eh\0)\x81u."), 2,
     BYTES("\x80\2}(X\1\0\0\0bcm\nD\n)\x81X\1\0\0\0ccm\nC\nq\0)\x81q\1X\1\0\0\0dh\1X\1\0\0\0eh\0)\x81u.")},
    /* Several steps, each on what the one before left. */
    {"[{`op`:`rename`,`from`:`m:C`,`to`:`m:D`},{`op`:`drop`,`class`:`m:D`,`field`:`a`},"
     "{`op`:`add`,`class`:`m:D`,`field`:`a`,`value`:`x`}]", BYTES(C_A), 2,
     BYTES("\x80\2" "cm\nD\n)\x81}X\1\0\0\0aX\1\0\0\0xsb.")},
};

static const refusal refusals[] = {
    {"[{`op`:`rename`,`from`:`m:X`,`to`:`m:D`}]", BYTES(C_A), SNAPJAR_UNSUPPORTED, SNAPJAR_DIAG_STEP_TOUCHES_NOTHING,
     SNAPJAR_SPACE_NONE, SNAPJAR_OFFSET_NONE, "step 0 (rename): "},
    {"[{`op`:`add`,`class`:`m:X`,`field`:`b`,`value`:2}]", BYTES(C_A), SNAPJAR_UNSUPPORTED,
     SNAPJAR_DIAG_STEP_TOUCHES_NOTHING, SNAPJAR_SPACE_NONE, SNAPJAR_OFFSET_NONE, "step 0 (add): "},
    {"[{`op`:`add`,`class`:`m:C`,`field`:`a`,`value`:2}]", BYTES(C_A), SNAPJAR_UNSUPPORTED,
     SNAPJAR_DIAG_STEP_FIELD_PRESENT, SNAPJAR_SPACE_CONTENT, 8, "m:C at .: it has \"a\" already"},
    {"[{`op`:`add`,`class`:`m:C`,`field`:`b`,`value`:2,`after`:`x`}]", BYTES(C_A), SNAPJAR_UNSUPPORTED,
     SNAPJAR_DIAG_STEP_FIELD_MISSING, SNAPJAR_SPACE_CONTENT, 8, "\"x\""},
    {"[{`op`:`drop`,`class`:`m:C`,`field`:`x`}]", BYTES(C_A), SNAPJAR_UNSUPPORTED, SNAPJAR_DIAG_STEP_FIELD_MISSING,
     SNAPJAR_SPACE_CONTENT, 8, "it has no \"x\""},
    {"[{`op`:`drop`,`class`:`m:C`,`field`:`x`,`if_missing`:`ignore`}]", BYTES(C_A), SNAPJAR_UNSUPPORTED,
     SNAPJAR_DIAG_STEP_TOUCHES_NOTHING, SNAPJAR_SPACE_NONE, SNAPJAR_OFFSET_NONE, "nothing"},
    {"[{`op`:`rename_field`,`at`:`[0]`,`from`:`x`,`to`:`a`}]", BYTES("](}X\1\0\0\0aK\1se."), SNAPJAR_UNSUPPORTED,
     SNAPJAR_DIAG_STEP_FIELD_MISSING, SNAPJAR_SPACE_CONTENT, 2, "dict of 1 at [0]"},
    {"[{`op`:`rename_field`,`at`:``,`from`:`a`,`to`:`b`}]", BYTES("}(X\1\0\0\0aK\1X\1\0\0\0bNu."), SNAPJAR_UNSUPPORTED,
     SNAPJAR_DIAG_STEP_FIELD_PRESENT, SNAPJAR_SPACE_CONTENT, 0, "\"b\""},
    /* Not a value with fields. */
    {"[{`op`:`drop`,`at`:``,`field`:`x`}]", BYTES("]."), SNAPJAR_UNSUPPORTED, SNAPJAR_DIAG_STEP_UNFAITHFUL,
     SNAPJAR_SPACE_CONTENT, 0, "type list"},
    {"[{`op`:`drop`,`class`:`m:C`,`field`:`x`}]", BYTES("\x80\2" "cm\nC\n)\x81]K\1" "ab."), SNAPJAR_UNSUPPORTED,
     SNAPJAR_DIAG_STEP_UNFAITHFUL, SNAPJAR_SPACE_CONTENT, 8, "a list"},
    {"[{`op`:`drop`,`class`:`m:C`,`field`:`x`}]", BYTES("\x80\2" "cm\nC\n)\x81K\1b."), SNAPJAR_UNSUPPORTED,
     SNAPJAR_DIAG_STEP_UNFAITHFUL, SNAPJAR_SPACE_CONTENT, 8, "of its own"},
    /* A state that is a value elsewhere, or of an object that the step is not about. */
    {"[{`op`:`add`,`class`:`m:C`,`field`:`b`,`value`:2}]", BYTES("\x80\2" "cm\nC\n)\x81}q\0X\1\0\0\0aK\1sbh\0\x86."),
     SNAPJAR_UNSUPPORTED, SNAPJAR_DIAG_STEP_UNFAITHFUL, SNAPJAR_SPACE_CONTENT, 9, "a value elsewhere"},
    {"[{`op`:`add`,`class`:`m:C`,`field`:`b`,`value`:2}]",
     BYTES("\x80\2" "cm\nC\n)\x81}q\0X\1\0\0\0aK\1sbcm\nD\n)\x81h\0b\x86."), SNAPJAR_UNSUPPORTED,
     SNAPJAR_DIAG_STEP_UNFAITHFUL, SNAPJAR_SPACE_CONTENT, 9, "not about"},
    {"[{`op`:`add`,`at`:`[1]`,`field`:`b`,`value`:2}]", BYTES("\x80\2" "cm\nC\n)\x81}q\0X\1\0\0\0aK\1sbh\0\x86."),
     SNAPJAR_UNSUPPORTED, SNAPJAR_DIAG_STEP_UNFAITHFUL, SNAPJAR_SPACE_CONTENT, 9, "the state of an object"},
    {"[{`op`:`add`,`class`:`m:C`,`field`:`b`,`value`:2}]",
     BYTES("\x80\2" "cm\nC\nq\1)\x81}q\0X\1\0\0\0ah\1)\x81h\0bsb."), SNAPJAR_UNSUPPORTED, SNAPJAR_DIAG_STEP_UNFAITHFUL,
     SNAPJAR_SPACE_CONTENT, 23, "filled after"},
    /* A name in a line is no path below protocol 4. */
    {"[{`op`:`rename_module`,`from`:`m`,`to`:`n`}]", BYTES("\x80\3" "cm\nC.D\n."), SNAPJAR_UNSUPPORTED,
     SNAPJAR_DIAG_STEP_UNFAITHFUL, SNAPJAR_SPACE_CONTENT, 2, "no path"},
};

/** What is no step: {"steps": is 9 bytes long. */
static const refusal wrong_steps[] = {
    {"{}", BYTES("N."), SNAPJAR_DAMAGED, SNAPJAR_DIAG_STEPS_INVALID, SNAPJAR_SPACE_FILE, 9, "array"},
    {"[1]", BYTES("N."), SNAPJAR_DAMAGED, SNAPJAR_DIAG_STEPS_INVALID, SNAPJAR_SPACE_FILE, 10, "object"},
    {"[{}]", BYTES("N."), SNAPJAR_DAMAGED, SNAPJAR_DIAG_STEPS_INVALID, SNAPJAR_SPACE_FILE, 10, "\"op\""},
    {"[{`op`:1}]", BYTES("N."), SNAPJAR_DAMAGED, SNAPJAR_DIAG_STEPS_INVALID, SNAPJAR_SPACE_FILE, 16, "string"},
    {"[{`op`:`x`}]", BYTES("N."), SNAPJAR_DAMAGED, SNAPJAR_DIAG_STEPS_INVALID, SNAPJAR_SPACE_FILE, 16, "\"x\""},
    {"[{`op`:`drop`,`class`:`m:C`}]", BYTES("N."), SNAPJAR_DAMAGED, SNAPJAR_DIAG_STEPS_INVALID, SNAPJAR_SPACE_FILE, 10,
     "needs \"field\""},
    {"[{`op`:`drop`,`class`:`m:C`,`field`:`a`,`x`:1}]", BYTES("N."), SNAPJAR_DAMAGED, SNAPJAR_DIAG_STEPS_INVALID,
     SNAPJAR_SPACE_FILE, 53, "\"x\" is no member"},
    {"[{`op`:`drop`,`class`:`m:C`,`at`:`.a`,`field`:`a`}]", BYTES("N."), SNAPJAR_DAMAGED, SNAPJAR_DIAG_STEPS_INVALID,
     SNAPJAR_SPACE_FILE, 10, "either"},
    {"[{`op`:`drop`,`field`:`a`}]", BYTES("N."), SNAPJAR_DAMAGED, SNAPJAR_DIAG_STEPS_INVALID, SNAPJAR_SPACE_FILE, 10,
     "either"},
    {"[{`op`:`drop`,`class`:`C`,`field`:`a`}]", BYTES("N."), SNAPJAR_DAMAGED, SNAPJAR_DIAG_STEPS_INVALID,
     SNAPJAR_SPACE_FILE, 31, "module:Name"},
    {"[{`op`:`drop`,`class`:`m:C`,`field`:``}]", BYTES("N."), SNAPJAR_DAMAGED, SNAPJAR_DIAG_STEPS_INVALID,
     SNAPJAR_SPACE_FILE, 45, "1 to"},
    {"[{`op`:`drop`,`at`:`.a[`,`field`:`a`}]", BYTES("N."), SNAPJAR_DAMAGED, SNAPJAR_DIAG_STEPS_INVALID,
     SNAPJAR_SPACE_FILE, 28, "(at character 3)"},
    {"[{`op`:`drop`,`at`:`.a`,`field`:`a`,`if_missing`:`x`}]", BYTES("N."), SNAPJAR_DAMAGED, SNAPJAR_DIAG_STEPS_INVALID,
     SNAPJAR_SPACE_FILE, 58, "\"ignore\""},
    {"[{`op`:`drop`,`at`:`.a`,`field`:`a`,`if_none`:`x`}]", BYTES("N."), SNAPJAR_DAMAGED, SNAPJAR_DIAG_STEPS_INVALID,
     SNAPJAR_SPACE_FILE, 55, "\"ignore\""},
    {"[{`op`:`drop`,`at`:`.a`,`field`:`a`,`description`:1}]", BYTES("N."), SNAPJAR_DAMAGED, SNAPJAR_DIAG_STEPS_INVALID,
     SNAPJAR_SPACE_FILE, 59, "string"},
    {"[{`op`:`add`,`at`:`.a`,`field`:`a`,`value`:1,`if_present`:`x`}]", BYTES("N."), SNAPJAR_DAMAGED,
     SNAPJAR_DIAG_STEPS_INVALID, SNAPJAR_SPACE_FILE, 67, "\"replace\""},
    {"[{`op`:`add`,`at`:`.a`,`field`:`a`,`value`:1,`after`:`a`}]", BYTES("N."), SNAPJAR_DAMAGED,
     SNAPJAR_DIAG_STEPS_INVALID, SNAPJAR_SPACE_FILE, 62, "same"},
    {"[{`op`:`add`,`at`:`.a`,`field`:`a`,`value`:{`$x`:1}}]", BYTES("N."), SNAPJAR_DAMAGED, SNAPJAR_DIAG_LITERAL_INVALID,
     SNAPJAR_SPACE_FILE, 52, "$tuple"},
    {"[{`op`:`rename`,`from`:`m:C`}]", BYTES("N."), SNAPJAR_DAMAGED, SNAPJAR_DIAG_STEPS_INVALID, SNAPJAR_SPACE_FILE, 10,
     "either"},
    {"[{`op`:`rename`,`from`:`m:C`,`to`:`m:D`,`map`:{`m:C`:`m:D`}}]", BYTES("N."), SNAPJAR_DAMAGED,
     SNAPJAR_DIAG_STEPS_INVALID, SNAPJAR_SPACE_FILE, 10, "either"},
    {"[{`op`:`rename`,`map`:{`m:C`:`D`}}]", BYTES("N."), SNAPJAR_DAMAGED, SNAPJAR_DIAG_STEPS_INVALID,
     SNAPJAR_SPACE_FILE, 31, "old to new"},
    {"[{`op`:`rename`,`map`:{}}]", BYTES("N."), SNAPJAR_DAMAGED, SNAPJAR_DIAG_STEPS_INVALID, SNAPJAR_SPACE_FILE, 31,
     "empty"},
    {"[{`op`:`rename_module`,`from`:`m`,`to`:`m`}]", BYTES("N."), SNAPJAR_DAMAGED, SNAPJAR_DIAG_STEPS_INVALID,
     SNAPJAR_SPACE_FILE, 48, "same"},
    {"[{`op`:`rename_module`,`from`:`m n`,`to`:`m`}]", BYTES("N."), SNAPJAR_DAMAGED, SNAPJAR_DIAG_STEPS_INVALID,
     SNAPJAR_SPACE_FILE, 39, "module"},
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

static void test_wrong_steps(void **state)
{
    size_t wrong_count = 0;
    for (size_t i = 0; i < sizeof wrong_steps / sizeof *wrong_steps; i++)
        wrong_count += !check_refusal(*state, &wrong_steps[i]);
    assert_int_equal(wrong_count, 0);
}

static void test_count_of_steps(void **state)
{
    static char text[64 * SJ_STEPS_COUNT_MAX];
    snapjar_context *context = *state;
    snapjar_error error;
    sj_json *root;
    sj_steps *steps;
    for (int over = 0; over <= 1; over++) {
        size_t used = (size_t)snprintf(text, sizeof text, "{\"steps\":[");
        for (int i = 0; i < SJ_STEPS_COUNT_MAX + over; i++)
            used += (size_t)snprintf(text + used, sizeof text - used, "%s{\"op\":\"drop\",\"at\":\"\",\"field\":\"a\"}",
                                     i > 0 ? "," : "");
        used += (size_t)snprintf(text + used, sizeof text - used, "]}");
        assert_ok(sj_json_parse(&root, text, used, 64, SNAPJAR_SPACE_FILE, 0, err));
        const sj_json_document document = {text, used, root};
        const snapjar_status status = sj_steps_read(&steps, context, &document, sj_json_get(root, "steps"), &error);
        if (over == 0) {
            assert_int_equal(status, SNAPJAR_OK);
            assert_int_equal(sj_steps_count(steps), SJ_STEPS_COUNT_MAX);
        } else {
            assert_fault(status, &error, SNAPJAR_LIMIT, SNAPJAR_DIAG_STEPS_INVALID, SNAPJAR_SPACE_FILE, 9);
            assert_null(steps);
        }
        sj_steps_free(steps);
        sj_json_free(root);
    }
}

/** Names that a step maps, values and names of members, names of fields: as many as may be, and one more. */
static void test_count_of_names(void **state)
{
    static const struct {
        const char *before;
        const char *one;
        const char *after;
        int count_max;
    } rows[] = {
        {"{`op`:`rename`,`map`:{", "`a:N%d`:`b:N`", "}}", SJ_STEP_PAIRS_MAX},
        {"{`op`:`rename_member`,`class`:`a:N`,`names`:{", "`N%d`:`M`", "}}", SJ_STEP_PAIRS_MAX},
        {"{`op`:`map`,`at`:`x`,`values`:[", "[%d,0]", "]}", SJ_STEP_PAIRS_MAX},
        {"{`op`:`restate`,`class`:`a:N`,`to`:`list`,`fields`:[", "`f%d`", "]}", SJ_STEP_FIELDS_MAX},
    };
    static char text[64 * SJ_STEP_PAIRS_MAX];
    snapjar_error error;
    for (size_t i = 0; i < 2 * sizeof rows / sizeof *rows; i++) {
        const int over = (int)(i % 2);
        sj_steps *steps;
        sj_json *root;
        size_t used = (size_t)snprintf(text, sizeof text, "{`steps`:[%s", rows[i / 2].before);
        for (int j = 0; j < rows[i / 2].count_max + over; j++) {
            used += (size_t)snprintf(text + used, sizeof text - used, j > 0 ? "," : "");
            used += (size_t)snprintf(text + used, sizeof text - used, rows[i / 2].one, j);
        }
        used += (size_t)snprintf(text + used, sizeof text - used, "%s]}", rows[i / 2].after);
        for (char *at = text; (at = strchr(at, '`')) != NULL; *at = '"') {
        }
        assert_ok(sj_json_parse(&root, text, used, 64, SNAPJAR_SPACE_FILE, 0, err));
        assert_int_equal(sj_steps_read(&steps, *state, NULL, sj_json_get(root, "steps"), &error),
                         over == 0 ? SNAPJAR_OK : SNAPJAR_LIMIT);
        if (over != 0)
            assert_int_equal(error.diagnostic, SNAPJAR_DIAG_STEPS_INVALID);
        sj_steps_free(steps);
        sj_json_free(root);
    }
}

static void test_report(void **state)
{
    snapjar_context *context = *state;
    const migration m = {"[{`op`:`set_default`,`at`:`[*]`,`field`:`a`,`value`:2,`description`:`all have it`}]",
                         BYTES("](}X\1\0\0\0aK\1s}}}}e."), 1, NULL, 0};
    sj_steps_report report;
    snapjar_sink *sink;
    assert_ok(snapjar_sink_to_memory(&sink, context, err));
    assert_ok(apply_steps(context, &m, sink, &report, err));
    assert_int_equal(report.count, 1);
    assert_string_equal(report.results[0].op, "set_default");
    assert_int_equal(report.results[0].matched_count, 5);
    assert_int_equal(report.results[0].changed_count, 4);
    assert_int_equal(report.results[0].path_count, SJ_STEP_PATHS_MAX);
    assert_string_equal(report.results[0].paths[0], "[1]");
    assert_string_equal(report.results[0].paths[2], "[3]");
    sj_steps_report_clear(&report);
    snapjar_sink_free(sink);
}

static bool admits(const sj_steps *steps, const char *module, const char *name)
{
    return sj_steps_admits(steps, (snapjar_text){module, strlen(module)}, (snapjar_text){name, strlen(name)});
}

static void test_admits(void **state)
{
    sj_steps *steps;
    assert_ok(read_steps(&steps, *state,
                         "[{`op`:`rename`,`from`:`m:C`,`to`:`m:D`},{`op`:`rename_module`,`from`:`old`,`to`:`new`},"
                         "{`op`:`rename`,`map`:{`m:E`:`m:F`}},"
                         "{`op`:`rename_member`,`class`:`m:Status`,`names`:{`RUN`:`RUNNING`}},"
                         "{`op`:`map`,`at`:`[*]`,`values`:[[[{`$call`:[`m:Kind`,[1]]}],{`$global`:`m:kind`}]]},"
                         "{`op`:`drop`,`class`:`m:Gone`,`field`:`a`},{`op`:`to_instance`,`at`:``,`class`:`m:Job`}]",
                         err));
    assert_true(admits(steps, "m", "Kind"));
    assert_true(admits(steps, "m", "Gone"));
    assert_false(admits(steps, "m", "kind"));
    assert_false(admits(steps, "n", "Kind"));
    assert_true(admits(steps, "m", "C"));
    assert_true(admits(steps, "m", "C.Inner"));
    assert_true(admits(steps, "m", "E"));
    assert_true(admits(steps, "old", "X"));
    assert_true(admits(steps, "old.sub", "X"));
    assert_true(admits(steps, "m", "Status.RUN"));
    assert_false(admits(steps, "m", "Status.RUNNING"));
    assert_true(admits(steps, "m", "Status"));
    assert_false(admits(steps, "m", "Job"));
    assert_false(admits(steps, "m", "Status."));
    assert_false(admits(steps, "n", "Status.RUN"));
    assert_false(admits(steps, "m", "CC"));
    assert_false(admits(steps, "m", "D"));
    assert_false(admits(steps, "older", "X"));
    assert_int_equal(sj_steps_protocol(steps), -1);
    sj_steps_free(steps);
}

/** A limit of the graph counts what steps add. */
static void test_growth(void **state)
{
    snapjar_context *context = *state;
    snapjar_graph_options options = SNAPJAR_GRAPH_OPTIONS_INIT;
    snapjar_graph *graph;
    snapjar_error error;
    sj_steps *steps;
    static const char pickle[] = "](}}}e.";
    assert_ok(read_steps(&steps, context, "[{`op`:`add`,`at`:`[*]`,`field`:`a`,`value`:[]}]", err));
    for (int over = 0; over <= 1; over++) {
        /* 4 values are there, the key is one more, and then three lists. */
        options.node_count_max = 8 - (uint64_t)over;
        assert_ok(snapjar_graph_new(&graph, context, pickle, sizeof pickle - 1, &options, err));
        const snapjar_status status = sj_steps_apply(steps, graph, NULL, &error);
        if (over == 0)
            assert_int_equal(status, SNAPJAR_OK);
        else
            assert_fault(status, &error, SNAPJAR_LIMIT, SNAPJAR_DIAG_PICKLE_GRAPH_LIMIT, SNAPJAR_SPACE_CONTENT, 0);
        snapjar_graph_free(graph);
    }
    options.node_count_max = 0;
    options.memory_max = 600;
    assert_ok(snapjar_graph_new(&graph, context, pickle, sizeof pickle - 1, &options, err));
    snapjar_graph_free(graph);
    sj_steps_free(steps);
    assert_ok(read_steps(&steps, context,
                         "[{`op`:`add`,`at`:`[*]`,`field`:`a`,`value`:{`$bytes`:"
                         "`AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
                         "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
                         "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
                         "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
                         "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA`}}]",
                         err));
    assert_ok(snapjar_graph_new(&graph, context, pickle, sizeof pickle - 1, &options, err));
    assert_int_equal(sj_steps_apply(steps, graph, NULL, &error), SNAPJAR_LIMIT);
    assert_int_equal(error.diagnostic, SNAPJAR_DIAG_PICKLE_GRAPH_LIMIT);
    snapjar_graph_free(graph);
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
        cmocka_unit_test_setup_teardown(test_wrong_steps, make_context, free_context),
        cmocka_unit_test_setup_teardown(test_count_of_steps, make_context, free_context),
        cmocka_unit_test_setup_teardown(test_count_of_names, make_context, free_context),
        cmocka_unit_test_setup_teardown(test_report, make_context, free_context),
        cmocka_unit_test_setup_teardown(test_admits, make_context, free_context),
        cmocka_unit_test_setup_teardown(test_growth, make_context, free_context),
        cmocka_unit_test(test_alloc_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
