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

#define TIMEZONE(numbers) "cdatetime\ntimezone\ncdatetime\ntimedelta\n(" numbers "tR\x85R"
#define MADE_ZONE(numbers) "cdatetime\ntimezone\ncdatetime\ntimedelta\n" numbers "\x87R\x85R"

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
    {RETYPE("float"), C_OF("X\1\0\0\0" "2"), 3, C_OF("G@\0\0\0\0\0\0\0")},
    {RETYPE("float"), C_OF("X\4\0\0\0-0.0"), 3, C_OF("G\x80\0\0\0\0\0\0\0")},
    {RETYPE("float"), C_OF("X\3\0\0\0nan"), 3, C_OF("G\x7f\xf8\0\0\0\0\0\0")},
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
    {RETYPE("date"), C_OF("X\x0a\0\0\0" "2026-01-31"), 3, C_OF("cdatetime\ndate\nC\4\x07\xea\1\x1f\x85R")},
    {RETYPE("str"), C_OF("cdatetime\ndate\nC\4\x07\xea\1\x1f\x85R"), 3, C_OF("X\x0a\0\0\0" "2026-01-31")},
    {RETYPE("date"), C_OF("cdatetime\ndate\nC\4\x07\xea\1\x1f\x85R"), 3, C_OF("cdatetime\ndate\nC\4\x07\xea\1\x1f\x85R")},
    {RETYPE("datetime"), C_OF("X\x17\0\0\0" "2024-02-29T23:59:58.250"), 3,
     C_OF("cdatetime\ndatetime\nC\x0a\x07\xe8\2\x1d\x17;:\3\xd0\x90\x85R")},
    {RETYPE("str"), C_OF("cdatetime\ndatetime\nC\x0a\x07\xe8\2\x1d\x17;:\3\xd0\x90\x85R"), 3,
     C_OF("X\x1a\0\0\0" "2024-02-29T23:59:58.250000")},
    {RETYPE("time"), C_OF("X\x08\0\0\0" "12:30:05"), 3, C_OF("cdatetime\ntime\nC\6\x0c\x1e\5\0\0\0\x85R")},
    {RETYPE("time"), C_OF("X\x06\0\0\0" "12:30Z"), 3,
     C_OF("cdatetime\ntime\nC\6\x0c\x1e\0\0\0\0" MADE_ZONE("K\0K\0K\0") "\x86R")},
    {RETYPE("time"), C_OF("X\x0b\0\0\0" "12:30-03:30"), 3,
     C_OF("cdatetime\ntime\nC\6\x0c\x1e\0\0\0\0" MADE_ZONE("J\xff\xff\xff\xffJ\x48\x20\1\0K\0") "\x86R")},
    {RETYPE("str"), C_OF("cdatetime\ntime\nC\6\x0c\x1e\0\0\0\0" TIMEZONE("J\xff\xff\xff\xffJ\x48\x20\1\0K\0") "\x86R"), 3,
     C_OF("X\x0e\0\0\0" "12:30:00-03:30")},
    {RETYPE("str"), C_OF("cdatetime\ntime\nC\6\x0c\x1e\0\0\0\0" TIMEZONE("K\0K\1K\2") "\x86R"), 3,
     C_OF("X\x18\0\0\0" "12:30:00+00:00:01.000002")},
    /* As Python 2 wrote it: the bytes are text. */
    {RETYPE("str"), C_OF("cdatetime\ndate\n" "U\4\x07\x7a\1\x1f\x85R"), 3, C_OF("X\x0a\0\0\0" "1914-01-31")},
    /* Arguments, and what was put into an object as into a list or dict. */
    {"[{`op`:`retype`,`at`:`(0)`,`to`:`str`}]", BYTES("\x80\2" "cm\nC\nK\1\x85\x81."), 2,
     BYTES("\x80\2" "cm\nC\nX\1\0\0\0" "1\x85\x81.")},
    {"[{`op`:`retype`,`at`:`(0)`,`to`:`str`}]", BYTES("(K\1im\nC\n."), 0, BYTES("(V1\nim\nC\n.")},
    {"[{`op`:`retype`,`at`:`[1]`,`to`:`str`}]", BYTES("\x80\2" "cm\nC\n)\x81(K\1K\2e."), 2,
     BYTES("\x80\2" "cm\nC\n)\x81(K\1X\1\0\0\0" "2e.")},
    {"[{`op`:`map`,`at`:`['b']`,`values`:[[2,3]]}]",
     BYTES("\x80\2" "cm\nC\n)\x81(X\1\0\0\0aK\1X\1\0\0\0bK\2u."), 2,
     BYTES("\x80\2" "cm\nC\n)\x81(X\1\0\0\0aK\1X\1\0\0\0bK\3u.")},
    /* A tuple that is a value elsewhere, too, and in which the path finds nothing, is no hindrance. */
    {"[{`op`:`retype`,`at`:`[*]['a']`,`to`:`str`}]", BYTES("\x80\2](K\1\x85q\0h\0}X\1\0\0\0aK\1se."), 2,
     BYTES("\x80\2](K\1\x85q\0h\0}X\1\0\0\0aX\1\0\0\0" "1se.")},
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
    {ON_CLASS("restate", ",`to`:`arguments`,`by`:`new`,`fields`:[`a`]"), C_OF("K\1"), 3, BYTES("\x80\3" "cm\nC\nK\1\x85\x81.")},
    {ON_CLASS("restate", ",`to`:`dict`,`fields`:[`a`]"), BYTES("\x80\3" "cm\nC\nK\1\x85\x81."), 3, C_OF("K\1")},
    /* What was called for an argument is called after the instance is made, as for any state. */
    {ON_CLASS("restate", ",`to`:`dict`,`fields`:[`a`]"), BYTES("\x80\3" "cm\nC\ncm\nP\nK\1\x85R\x85\x81."), 3,
     C_OF("cm\nP\nK\1\x85R")},
    /* copyreg._reconstructor(C, object, None), as instances of protocols 0 and 1, takes no arguments of the class. */
    {ON_CLASS("restate", ",`to`:`arguments`,`by`:`new`,`fields`:[`a`]"), BYTES("ccopy_reg\n_reconstructor\n(cm\nC\nc__builtin__\nobject\nNtR}X\1\0\0\0aK\1sb."), 2,
     BYTES("\x80\2" "cm\nC\nK\1\x85\x81.")},
    {ON_CLASS("insert_argument", ",`index`:0,`value`:1"), BYTES("ccopy_reg\n_reconstructor\n(cm\nC\nc__builtin__\nobject\nNtR."), 2,
     BYTES("\x80\2" "cm\nC\nK\1\x85\x81.")},
    /* By a call, as __reduce__ has it, and never by one without arguments where there were some. */
    {ON_CLASS("restate", ",`to`:`arguments`,`by`:`call`,`fields`:[`a`]"), C_OF("K\1"), 3, BYTES("\x80\3" "cm\nC\nK\1\x85R.")},
    {ON_CLASS("restate", ",`to`:`arguments`,`by`:`call`,`fields`:[`a`]"), BYTES("\x80\3" "cm\nC\nK\1\x85\x81."), 3, BYTES("\x80\3" "cm\nC\nK\1\x85R.")},
    {ON_CLASS("restate", ",`to`:`arguments`,`by`:`new`,`fields`:[`a`]"), BYTES("\x80\3" "cm\nC\nK\1\x85R."), 3, BYTES("\x80\3" "cm\nC\nK\1\x85\x81.")},
    {ON_CLASS("restate", ",`to`:`dict`,`fields`:[`a`]"), BYTES("\x80\3" "cm\nC\nK\1\x85R."), 3, C_OF("K\1")},
    {ON_CLASS("restate", ",`to`:`dict`,`fields`:[`a`]"), BYTES("ccopy_reg\n_reconstructor\n(cm\nC\nc__builtin__\ntuple\n(K\1ttR."), 2, BYTES("\x80\2" "cm\nC\n)\x81}X\1\0\0\0aK\1sb.")},
    {ON_CLASS("restate", ",`to`:`dict`,`fields`:[`a`]"), BYTES("(K\1im\nC\n."), 2, BYTES("\x80\2" "cm\nC\n)\x81}X\1\0\0\0aK\1sb.")},
    {ON_CLASS("restate", ",`to`:`dict`,`fields`:[]"), BYTES("\x80\4\x8c\1m\x8c\1C\x93)}\x8c\1aK\1s\x92."), 4, BYTES("\x80\4\x95\x12\0\0\0\0\0\0\0\x8c\1m\x8c\1C\x93)\x81}\x8c\1aK\1sb.")},
    {"[{`op`:`restate`,`class`:`m:C`,`to`:`arguments`,`by`:`new`,`fields`:[`a`],`if_none`:`ignore`}]", BYTES("\x80\2" "cm\nC\nK\1\x85\x81."), 2, BYTES("\x80\2" "cm\nC\nK\1\x85\x81.")},
    {ON_CLASS("to_dict", ""), C_OF("K\1"), 3, BYTES("\x80\3}X\1\0\0\0aK\1s.")},
    /* Derived from dict. */
    {ON_CLASS("to_dict", ""), BYTES("\x80\2" "cm\nC\n)\x81q\0(K\1K\2Nh\0uK\3K\4s."), 3, BYTES("\x80\3}q\0(K\1K\2Nh\0uK\3K\4s.")},
    {ON_CLASS("to_dict", ""), BYTES("ccopy_reg\n_reconstructor\n(cm\nC\nc__builtin__\ndict\n(dI1\nI2\nstR."), 2, BYTES("\x80\2}K\1K\2s.")},
    {ON_CLASS("to_dict", ""), BYTES("ccopy_reg\n_reconstructor\n(cm\nC\nc__builtin__\ndict\n(dtR."), 2, BYTES("\x80\2}.")},
    {ON_CLASS("to_dict", ""), BYTES("\x80\3" "cm\nC\n)\x81q\0}X\1\0\0\0ah\0sb."), 3, BYTES("\x80\3}q\0X\1\0\0\0ah\0s.")},
    {ON_ROOT("to_instance", ",`class`:`m:C`"), BYTES("}X\1\0\0\0aK\1s."), 3, C_OF("K\1")},
    {ON_ROOT("to_instance", ",`class`:`m:C`,`state`:`slots`"), BYTES("(X\1\0\0\0aK\1d."), 3,
     BYTES("\x80\3" "cm\nC\n)\x81N}X\1\0\0\0aK\1s\x86" "b.")},
    /* In an element of a set, which is found again by what is in it. */
    {"[{`op`:`to_instance`,`at`:`{*}.d`,`class`:`m:C`}]",
     BYTES("\x80\4\x8f(cm\nK\n)\x81}X\1\0\0\0d}X\1\0\0\0aK\1ssb\x90."), 3,
     BYTES("\x80\3" "cbuiltins\nset\nq\0]cm\nK\n)\x81}X\1\0\0\0dcm\nC\n)\x81}X\1\0\0\0aK\1sbsba\x85R.")},
    {ON_ROOT("to_instance", ",`class`:`m:C`"), BYTES("}."), 3, BYTES("\x80\3" "cm\nC\n)\x81.")},
    /* A field that is given twice has the place of the first. */
    {ON_ROOT("add", ",`field`:`x`,`after`:`a`,`value`:null"), BYTES("}(X\1\0\0\0aK\1X\1\0\0\0bK\2X\1\0\0\0aK\3u."), 3,
     BYTES("\x80\3}(X\1\0\0\0aK\1X\1\0\0\0xNX\1\0\0\0bK\2X\1\0\0\0aK\3u.")},
    {"[{`op`:`protocol`,`to`:5}]", BYTES("N."), 1, BYTES("N.")},
    /* Keys that are no text. */
    {ON_ROOT("drop", ",`field`:1"), BYTES("}(K\1K\2X\1\0\0\0" "1K\3u."), 1, BYTES("}X\1\0\0\0" "1K\3s.")},
    {ON_ROOT("drop", ",`field`:1.0"), BYTES("}(\x88K\2K\0K\3u."), 2, BYTES("\x80\2}K\0K\3s.")},
    {ON_ROOT("drop", ",`field`:null"), BYTES("}(NK\2K\0K\3u."), 2, BYTES("\x80\2}K\0K\3s.")},
    {ON_ROOT("rename_field", ",`from`:{`$tuple`:[1,`x`]},`to`:`x`"), BYTES("}(I1\nX\1\0\0\0xtK\2s."), 1, BYTES("}X\1\0\0\0xK\2s.")},
    {ON_ROOT("rename_field", ",`from`:`x`,`to`:{`$bytes`:`YWI=`}"), BYTES("}X\1\0\0\0xK\2s."), 3, BYTES("\x80\3}C\2abK\2s.")},
    {ON_ROOT("add", ",`field`:{`$int`:`5`},`after`:false,`value`:null"), BYTES("}(K\0K\1K\7K\1u."), 1, BYTES("}(K\0K\1K\5NK\7K\1u.")},
    {ON_ROOT("set_default", ",`field`:true,`value`:2"), BYTES("}G?\xf0\0\0\0\0\0\0K\1s."), 1, BYTES("}G?\xf0\0\0\0\0\0\0K\1s.")},
    {ON_ROOT("retype", ",`field`:7,`to`:`str`"), BYTES("}K\7K\1s."), 1, BYTES("}K\7X\1\0\0\0" "1s.")},
    {"[{`op`:`drop`,`at`:`.**`,`field`:7,`if_missing`:`ignore`}]", C_OF("}K\7K\1s"), 3, C_OF("}")},
};

#define VALUE_FAULT(text) SNAPJAR_UNSUPPORTED, SNAPJAR_DIAG_STEP_VALUE, SNAPJAR_SPACE_CONTENT, 16, text
#define UNFAITHFUL(offset, text) SNAPJAR_UNSUPPORTED, SNAPJAR_DIAG_STEP_UNFAITHFUL, SNAPJAR_SPACE_CONTENT, offset, text
#define MISSING(offset, text) SNAPJAR_UNSUPPORTED, SNAPJAR_DIAG_STEP_FIELD_MISSING, SNAPJAR_SPACE_CONTENT, offset, text
#define INVALID(offset, text) SNAPJAR_DAMAGED, SNAPJAR_DIAG_STEPS_INVALID, SNAPJAR_SPACE_FILE, offset, text

/** Refused at the opcode that makes the value: the last one of `made`. */
#define MADE_FAULT(to, made, text)                                                                                     \
    {RETYPE(to), C_OF(made), SNAPJAR_UNSUPPORTED, SNAPJAR_DIAG_STEP_VALUE, SNAPJAR_SPACE_CONTENT,                      \
     sizeof("\x80\3" "cm\nC\n)\x81}X\1\0\0\0a" made) - 2, text}
#define NO_DATE(text) {RETYPE("date"), C_OF("X\x0a\0\0\0" text), VALUE_FAULT("no date as isoformat")}
#define NO_TIME(text) {RETYPE("time"), C_OF("X\x0e\0\0\0" text), VALUE_FAULT("no time as isoformat")}
#define TEXT_OF(kind, state) MADE_FAULT("str", "cdatetime\n" kind "\n" state "R", "as Python pickles it")
#define NO_ZONE(zone) MADE_FAULT("str", "cdatetime\ntime\nC\6\x0c\x1e\0\0\0\0" zone "\x86R", "no fixed offset")

static const refusal refusals[] = {
    {ON_ROOT("add", ",`field`:1,`value`:2"), BYTES("}\x88K\1s."), SNAPJAR_UNSUPPORTED, SNAPJAR_DIAG_STEP_FIELD_PRESENT, SNAPJAR_SPACE_CONTENT, 0, "it has 1 already"},
    {ON_ROOT("rename_field", ",`from`:1,`to`:{`$tuple`:[1]}"), BYTES("}(K\1K\1\x88\x85K\1u."), SNAPJAR_UNSUPPORTED, SNAPJAR_DIAG_STEP_FIELD_PRESENT, SNAPJAR_SPACE_CONTENT, 0, "it has {\"$tuple\":[1]} already"},
    {ON_ROOT("drop", ",`field`:2"), BYTES("}X\1\0\0\0" "2K\1s."), MISSING(0, "it has no 2")},
    {ON_ROOT("drop", ",`field`:2"), BYTES("cm\nC\n)\x81."), UNFAITHFUL(6, "only dicts")},
    {ON_CLASS("drop", ",`field`:2"), BYTES("N."), INVALID(45, "only dicts have other keys")},
    {ON_ROOT("drop", ",`field`:[1]"), BYTES("N."), INVALID(39, "a literal that can be a key")},
    {ON_ROOT("drop", ",`field`:``"), BYTES("N."), INVALID(39, "1 to 1024 bytes")},
    {ON_ROOT("rename_field", ",`from`:2,`to`:2"), BYTES("N."), INVALID(53, "is the same")},
    {ON_CLASS("restate", ",`to`:`arguments`,`by`:`new`,`fields`:[`a`]"), BYTES("\x80\2" "cm\nC\n)\x81."), UNFAITHFUL(8, "it has 0 fields, and the step names 1")},
    {ON_CLASS("restate", ",`to`:`arguments`,`by`:`new`,`fields`:[`a`]"), BYTES("\x80\2" "cm\nC\nNN\x86\x81."), UNFAITHFUL(10, "it has 2 values by position, and the step names 1")},
    {ON_CLASS("insert_argument", ",`index`:0,`value`:1"), BYTES("ccopy_reg\n_reconstructor\n(cm\nC\nc__builtin__\nlist\n]tR."), UNFAITHFUL(51, "another class")},
    NO_DATE("2026-02-29"), NO_DATE("2026-13-01"), NO_DATE("2026-00-01"), NO_DATE("2026-04-31"), NO_DATE("2026-04-00"),
    NO_DATE("0000-01-01"), NO_DATE("1900-02-29"), NO_DATE("2026/01/01"), NO_DATE("2026-1-011"),
    {RETYPE("date"), C_OF("X\x0b\0\0\0" "2026-01-01 "), VALUE_FAULT("no date as isoformat")},
    {RETYPE("date"), C_OF("X\0\0\0\0"), VALUE_FAULT("no date as isoformat")},
    {RETYPE("date"), C_OF("X\x02\0\0\0\xc3\xa9"), VALUE_FAULT("no date as isoformat")},
    {RETYPE("date"), C_OF("K\1"), VALUE_FAULT("no such")},
    {RETYPE("datetime"), C_OF("X\x0a\0\0\0" "2026-01-31"), VALUE_FAULT("no date and time as isoformat")},
    {RETYPE("datetime"), C_OF("X\x11\0\0\0" "2026-01-31x00:00Z"), VALUE_FAULT("no date and time as isoformat")},
    NO_TIME("24:00:00.00000"), NO_TIME("23:60:00+01:00"), NO_TIME("23:00:60+01:00"), NO_TIME("23:00:00+24:00"),
    NO_TIME("23:00:00-00:00"), NO_TIME("23:00:00+01:60"), NO_TIME("23:00:00.12+01"), NO_TIME("23:00:00 01:00"),
    TEXT_OF("date", "C\3\x07\xea\1\x85"), TEXT_OF("date", "C\4\x07\xea\x0d\1\x85"), TEXT_OF("date", ")"),
    TEXT_OF("date", "C\4\x07\xea\1\1N\x86"), TEXT_OF("date", "C\5\x07\xea\1\1\1\x85"), TEXT_OF("date", "M\xea\7K\1K\1\x87"),
    TEXT_OF("time", "C\6\x18\0\0\0\0\0\x85"), TEXT_OF("time", "C\6\0\0\0\x0f\x42\x40\x85"),
    MADE_FAULT("str", "cdatetime\ntime\nC\6\x8c\x1e\0\0\0\0\x85R", "(fold)"),
    MADE_FAULT("str", "cdatetime\ndatetime\nC\x0a\x07\xe8\x82\x1d\x17;:\3\xd0\x90\x85R", "(fold)"),
    MADE_FAULT("str", "cdatetime\ntime\nC\6\x0c\x1e\0\0\0\0cdatetime\ntimezone\ncdatetime\ntimedelta\n(K\0K\0K\0tRX\1\0\0\0x\x86R\x86R",
               "the name of its time zone"),
    NO_ZONE("N"), NO_ZONE(TIMEZONE("K\1K\0K\0")), NO_ZONE(TIMEZONE("K\0J\x80\x51\1\0K\0")), NO_ZONE(TIMEZONE("K\0K\0")),
    NO_ZONE(TIMEZONE("J\xff\xff\xff\xffK\0K\0")), NO_ZONE(TIMEZONE("K\0K\0N")), NO_ZONE(TIMEZONE("K\0K\0J\x40\x42\x0f\0")),
    MADE_FAULT("int", "cdatetime\ndate\nC\4\x07\xea\1\x1f\x85R", "no such"),
    MADE_FAULT("str`,`from`:`date", "cdatetime\ntime\nC\6\x0c\x1e\0\0\0\0\x85R", "expects"),
    {RETYPE("int`,`from`:`date"), C_OF("K\1"), VALUE_FAULT("expects")},
    {RETYPE("int"), C_OF("G?\xf8\0\0\0\0\0\0"), VALUE_FAULT("not whole")},
    {RETYPE("int"), C_OF("G\x80\0\0\0\0\0\0\0"), VALUE_FAULT("minus zero")},
    {RETYPE("int"), C_OF("GC@\0\0\0\0\0\1"), VALUE_FAULT("2**53")},
    {RETYPE("int"), C_OF("X\3\0\0\0" "1.5"), VALUE_FAULT("whole number")},
    {RETYPE("int"), C_OF("X\2\0\0\0" "00"), VALUE_FAULT("whole number")},
    {RETYPE("int"), C_OF("N"), VALUE_FAULT("no such")},
    {RETYPE("int`,`from`:`str"), C_OF("K\1"), VALUE_FAULT("expects")},
    {RETYPE("float"), C_OF("\x8a\7\1\0\0\0\0\0 "), VALUE_FAULT("digits")},
    {RETYPE("float"), C_OF("X\1\0\0\0x"), VALUE_FAULT("not a number")},
    {RETYPE("float"), C_OF("X\4\0\0\0" "1.50"), VALUE_FAULT("not a number")},
    {RETYPE("float"), C_OF("X\3\0\0\0" "007"), VALUE_FAULT("not a number")},
    {RETYPE("float"), C_OF("X\3\0\0\0" "1e5"), VALUE_FAULT("not a number")},
    {RETYPE("float"), C_OF("X\2\0\0\0-0"), VALUE_FAULT("not a number")},
    {RETYPE("float"), C_OF("X\24\0\0\0" "0.100000000000000006"), VALUE_FAULT("not a number")},
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
    {ON_CLASS("restate", ",`to`:`dict`,`fields`:[`a`]"), BYTES("\x80\2]cm\nC\nK\1\x85R0cm\nC\nK\1\x85Ra."), UNFAITHFUL(2, "what comes of that is dropped")},
    {ON_CLASS("drop_argument", ",`index`:0"), BYTES("\x80\2]cm\nC\nK\1\x85R0cm\nC\nK\1\x85Ra."), UNFAITHFUL(2, "what comes of that is dropped")},
    {ON_CLASS("restate", ",`to`:`dict`,`from`:`arguments`,`fields`:[`b`]"), BYTES("\x80\3" "cm\nC\nK\1\x85\x81}X\1\0\0\0aK\1sb."), UNFAITHFUL(10, "a state besides its arguments")},
    {ON_CLASS("restate", ",`to`:`arguments`,`by`:`call`,`fields`:[`a`]"), BYTES("\x80\4\x8c\1m\x8c\1C\x93)}\x8c\1bK\1s\x92."), MISSING(17, "\"a\"")},
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
    /* (2, 1) and (2, '1') in a set would be one; so would objects by their arguments. */
    {"[{`op`:`retype`,`at`:`{*}[1]`,`to`:`str`}]", BYTES("\x80\4\x8f(K\2K\1\x86K\2\x8c\1" "1\x86\x90."), UNFAITHFUL(8, "another one")},
    {"[{`op`:`map`,`at`:`{*}[1][0]`,`values`:[[1,[]]]}]", BYTES("\x80\4\x8f(K\2K\1\x85\x86\x90."), UNFAITHFUL(9, "another one")},
    {"[{`op`:`retype`,`at`:`{*}(0)`,`to`:`str`}]", BYTES("\x80\4\x8f(\x8c\1m\x8c\1C\x93K\1\x85\x81\x90."), UNFAITHFUL(14, "another one")},
    {"[{`op`:`retype`,`at`:`{*}`,`to`:`str`}]", BYTES("\x80\4\x8f(K\1\x90."), UNFAITHFUL(2, "one by one")},
    {ON_ROOT("to_instance", ",`class`:`m:C`"), BYTES("}K\1K\1s."), UNFAITHFUL(0, "no text")},
    {ON_ROOT("to_instance", ",`class`:`m:C`"), BYTES("]."), UNFAITHFUL(0, "no plain dict")},
    {"[{`op`:`retype`,`class`:`m:C`,`to`:`int`}]", BYTES("N."), INVALID(10, "needs \"field\"")},
    {"[{`op`:`retype`,`at`:`.**`,`to`:`int`}]", BYTES("N."), INVALID(30, "elements")},
    {RETYPE("x"), BYTES("N."), INVALID(56, "frozenset")},
    {ON_ROOT("remove", ""), BYTES("N."), INVALID(10, "either")},
    {ON_CLASS("rename_member", ""), BYTES("N."), INVALID(10, "\"names\" or")},
    {ON_CLASS("rename_member", ",`names`:{`a`:1}"), BYTES("N."), INVALID(54, "old to new")},
    {ON_CLASS("rename_member", ",`values`:[[1]]"), BYTES("N."), INVALID(55, "pairs")},
    {ON_CLASS("restate", ",`to`:`arguments`,`fields`:[`a`]"), BYTES("N."), INVALID(10, "needs \"by\"")},
    {ON_CLASS("restate", ",`to`:`dict`,`by`:`new`,`fields`:[`a`]"), BYTES("N."), INVALID(57, "for \"to\": \"arguments\" only")},
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
    /* The state of C is {a: D([C])}: with D as its argument it is made after D, for which the list would be empty. */
    const refusal made_later = {"[{`op`:`restate`,`class`:`m:C`,`to`:`arguments`,`by`:`new`,`fields`:[`a`]}]",
                                BYTES("\x80\2"
                                      "cm\nC\n)\x81q\0}X\1\0\0\0acm\nD\n]q\1h\0a\x85\x81sb."),
                                SNAPJAR_UNSUPPORTED,
                                SNAPJAR_DIAG_TRANSCODE_UNFAITHFUL,
                                SNAPJAR_SPACE_CONTENT,
                                23,
                                "looked at"};
    assert_true(check_refusal(*state, &made_later));
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
