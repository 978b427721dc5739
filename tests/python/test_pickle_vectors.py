#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The vectors of spec/pickle.md and the document itself: test_pickle_vectors.py.

What a vector says of CPython's readers is tried with every Python 3 found: the C unpickler, the one in Python and
pickletools.genops, in a process with limits on memory and time. Nothing is imported for a pickle: find_class hands out
inert classes. The tables of spec/pickle.md are compared with those of the library.
"""

import json
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT / "spec" / "vectors")]

import assemble_pickles  # noqa: E402
import test_scan_cpython as base  # noqa: E402
from pythons import find_pythons  # noqa: E402

VECTORS = assemble_pickles.load_recipes(ROOT / "spec" / "vectors" / "pickle")
SPEC = (ROOT / "spec" / "pickle.md").read_text(encoding="utf-8")

# Which readers take a pickle, and what they make of it: a line of JSON for each, {"C": ..., "python": ..., "genops": ...}.
READER = r"""
import io, json, pickle, pickletools, resource, signal, struct, sys
import _pickle
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
sys.setrecursionlimit(500)

class Inert(object):
    def __new__(cls, *args, **keywords):
        return object.__new__(cls)
    def __init__(self, *args, **keywords):
        pass
    def __setstate__(self, state):
        pass
    def __setitem__(self, key, value):
        pass
    def append(self, item):
        pass
    def extend(self, items):
        pass
    def __call__(self, *args, **keywords):
        return Inert()

def loader(base):
    class Loader(base):
        def find_class(self, module, name):
            return Inert
        def persistent_load(self, pid):
            return Inert()
    return lambda blob, encoding: Loader(io.BytesIO(blob), encoding=encoding).load()

def listed(blob, encoding):
    for _ in pickletools.genops(blob):
        pass
    return Inert()

readers = {"C": loader(_pickle.Unpickler), "python": loader(pickle._Unpickler), "genops": listed}
for name, encoding, text, claims in json.load(sys.stdin):
    answer = {}
    for reader, claim in claims.items():
        signal.alarm(10)
        try:
            value = readers[reader](bytes.fromhex(text), encoding)
            # Not every value can be shown: some would fill the memory.
            answer[reader] = "ok" if claim in ("ok", "error") else repr(value).replace(" ", "")
        except Exception:
            answer[reader] = "error"
        signal.alarm(0)
    print(json.dumps([name, answer]), flush=True)
"""

# What is larger is there to use up memory, and nothing to hand to readers.
SIZE_MAX_FOR_READERS = 20000


# ---- the tables of the document ----

USE_LETTERS = {"I": "import", "C": "call", "N": "new", "B": "build", "S": "setitem", "P": "append", "A": "argument"}


def section(name):
    return re.search(r"<!-- %s -->\n(.*?)<!-- end -->" % name, SPEC, re.S)[1]


def preprocessed(path, *flags):
    """The rows of a .def file that uses macros of its own."""
    command = ["cc", "-E", "-P", "-x", "c", *flags, str(ROOT / path)]
    return subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout.decode()


def strings(text):
    return [json.loads('"%s"' % part) for part in re.findall(r'"((?:[^"\\]|\\.)*)"', text)]


def join_strings(text):
    """Arguments between commas, each of one or several string literals."""
    return "".join(strings(text))


def diagnostics():
    text = (ROOT / "lib" / "util" / "diagnostics.def").read_text(encoding="utf-8")
    rows = re.findall(r'^X\((\d+),\s*\w+,\s*"([a-z0-9-]+)",\s*"([^"]*)",', text, re.M)
    return {name: (int(number), summary) for number, name, summary in rows}


ERRORS = {
    "pickle-empty": ("cut-short", "0"),
    "pickle-opcode-unknown": ("damaged", "the byte"),
    "pickle-cut-short": ("cut-short", "the end"),
    "pickle-size-mismatch": ("damaged", "the byte behind STOP"),
    "pickle-argument-invalid": ("damaged", "the opcode; a negative length: the argument"),
    "pickle-protocol-unsupported": ("unsupported", "the number of PROTO"),
    "pickle-line-too-long": ("limit", "the line"),
    "pickle-stack-underflow": ("damaged", "the opcode"),
    "pickle-mark-missing": ("damaged", "the opcode"),
    "pickle-memo-missing": ("damaged", "the opcode"),
    "pickle-operand-invalid": ("damaged", "the opcode"),
    "pickle-memo-index": ("damaged", "the opcode"),
    "pickle-stack-limit": ("limit", "the opcode"),
    "pickle-memo-limit": ("limit", "the opcode"),
    "pickle-globals-limit": ("limit", "the opcode"),
    "pickle-text-limit": ("limit", "the opcode"),
}
FINDINGS = {name: "the opcode" for name in diagnostics() if name.startswith("non-canonical-")}
FINDINGS["non-canonical-frame"] = "FRAME, the frame's end, or STOP"
FINDINGS["string-encoding"] = "the opcode"
DENIALS = ["global-denied", "computed-call-denied", "persistent-id-denied", "extension-denied", "buffer-denied"]


def diagnostic_table():
    lines = ["| Number | Name | What is wrong | Kind | Status | Offset |", "|---|---|---|---|---|---|"]
    for name, (number, summary) in diagnostics().items():
        if name in ERRORS:
            lines.append("| %d | `%s` | %s | error | %s | %s |" % (number, name, summary, *ERRORS[name]))
        elif name in FINDINGS:
            lines.append("| %d | `%s` | %s | finding | | %s |" % (number, name, summary, FINDINGS[name]))
        elif name in DENIALS:
            lines.append("| %d | `%s` | %s | denial | | the first opcode that does it |" % (number, name, summary))
        elif name == "policy-invalid":
            lines.append("| %d | `%s` | %s | error of a policy | damaged or unsupported | the value or key |" % (number, name, summary))
    return "\n".join(lines) + "\n"


def compat_table():
    lines = ["| Module | Name | becomes module | name |", "|---|---|---|---|"]
    text = (ROOT / "lib" / "pickle" / "compat.def").read_text(encoding="utf-8")
    for row in re.findall(r"^SJ_COMPAT_NAME\((.*)\)$", text, re.M):
        lines.append("| `%s` | `%s` | `%s` | `%s` |" % tuple(strings(row)))
    for row in re.findall(r"^SJ_COMPAT_MODULE\((.*)\)$", text, re.M):
        lines.append("| `%s` | | `%s` | |" % tuple(strings(row)))
    return "\n".join(lines) + "\n"


def split_arguments(text):
    """At commas outside of string literals."""
    return [part.strip() for part in re.findall(r'((?:[^",]|"(?:[^"\\]|\\.)*")+)(?:,|$)', text)]


def preset_rows():
    path = "lib/pickle/presets.def"
    presets = re.findall(r"^SJ_PRESET\((.*)\)$", (ROOT / path).read_text(encoding="utf-8"), re.M)
    heads = [split_arguments(row) for row in presets]
    text = preprocessed(path, "-DSJ_ALLOW(p,m,n,u,r)=@ROW@ p,m,n,u,r @END@")
    rules = []
    for row in re.findall(r"@ROW@(.*?)@END@", text, re.S):
        preset, module, name, uses, reason = split_arguments(" ".join(row.split()))
        named = [USE_LETTERS[letter] for letter in uses.replace(" ", "").split("|")]
        order = [use for use in assemble_pickles.USES if use in named]
        rules.append((join_strings(preset), join_strings(module) + ":" + join_strings(name), order, join_strings(reason)))
    return [(join_strings(n), d == "true", join_strings(s)) for n, d, s in heads], rules


def preset_table():
    heads, rules = preset_rows()
    lines = ["| Preset | Default | |", "|---|---|---|"]
    lines += ["| `%s` | %s | %s |" % (name, "yes" if is_default else "no", summary) for name, is_default, summary in heads]
    lines += ["", "| Preset | Global | Uses, with import | Reason |", "|---|---|---|---|"]
    lines += ["| %s | `%s` | %s | %s |" % (preset, name, ", ".join(uses), why) for preset, name, uses, why in rules]
    return "\n".join(lines) + "\n"


TABLES = {"diagnostics": diagnostic_table, "compat": compat_table, "presets": preset_table}


def write_tables():
    """--write: puts the library's tables into the document, for a reader of the difference to agree with."""
    text = SPEC
    for name, make in TABLES.items():
        start = text.index("<!-- %s -->\n" % name) + len("<!-- %s -->\n" % name)
        text = text[:start] + make() + text[text.index("<!-- end -->", start) :]
    (ROOT / "spec" / "pickle.md").write_text(text, encoding="utf-8")


def test_tables_are_the_librarys():
    for name, make in TABLES.items():
        assert section(name) == make(), "table %s: run %s --write, and look at what changed" % (name, sys.argv[0])


def test_opcodes_are_the_librarys():
    text = (ROOT / "lib" / "pickle" / "opcodes.def").read_text(encoding="utf-8")
    ours = re.findall(r"^X\(0x([0-9a-f]{2}), (\w+), (\d), (\w+)\)$", text, re.M)
    rows = re.findall(r"^\| `([0-9a-f]{2})` \| (\w+) \| (\d) \| `(\w+)` \|", section("opcodes"), re.M)
    assert len(rows) == 68
    assert [(code, name, protocol, form.upper()) for code, name, protocol, form in rows] == ours


def test_forms_of_arguments_are_explained():
    forms = set(re.findall(r"`(\w+)`", SPEC[SPEC.index("## 3 ") : SPEC.index("## 4 ")]))
    used = {row.lower() for row in re.findall(r"^\| `[0-9a-f]{2}` \| \w+ \| \d \| `(\w+)`", section("opcodes"), re.M)}
    assert used <= forms, used - forms


def test_limits_are_the_librarys():
    text = (ROOT / "lib" / "include" / "snapjar" / "scan.h").read_text(encoding="utf-8")
    text += (ROOT / "lib" / "include" / "snapjar" / "header.h").read_text(encoding="utf-8")
    limits = SPEC[SPEC.index("## 11 ") : SPEC.index("## 12 ")]
    for name, shown in {
        "STACK_DEPTH_DEFAULT UINT64_C(10000000)": "10,000,000",
        "MEMO_COUNT_DEFAULT (UINT64_C(1) << 28)": "2^28",
        "GLOBAL_COUNT_DEFAULT UINT64_C(65536)": "65,536",
        "TEXT_SIZE_DEFAULT (UINT64_C(32) << 20)": "32 MiB",
        "FINDING_COUNT_DEFAULT UINT64_C(256)": "256",
        "NAME_SIZE_MAX 1024": "1024 bytes",
    }.items():
        assert "SNAPJAR_SCAN_" + name in text and shown in limits, name
    machine = (ROOT / "lib" / "pickle" / "machine.h").read_text(encoding="utf-8")
    assert "SJ_REDEFINITION_MAX 64" in machine and "second time | 64 |" in limits


def test_text_names_diagnostics_that_exist():
    known = set(diagnostics())
    named = set(re.findall(r"`((?:pickle|non-canonical)-[a-z-]+|[a-z-]+-denied|policy-invalid|string-encoding)`", SPEC))
    assert named <= known, named - known
    assert set(ERRORS) | set(FINDINGS) | set(DENIALS) <= named


def test_sections_are_numbered_and_references_exist():
    numbers = re.findall(r"^#{2,4} (\d+(?:\.\d+)*) ", SPEC, re.M)
    assert len(numbers) == len(set(numbers))
    own = re.sub(r"section \d+ of `spec/format.md`", "", SPEC)
    for reference in re.findall(r"[Ss]ections? (\d+(?:\.\d+)*)", own):
        assert reference in numbers, reference


# ---- the vectors ----


def test_every_trick_and_row_has_vectors():
    tricks = dict(re.findall(r"^\| (S\d+) \| .*? \| (.*) \|$", SPEC, re.M))
    assert list(tricks) == ["S%d" % i for i in range(1, 35)]
    with_vectors = {trick for vector in VECTORS.values() for trick in vector.tricks}
    no_bytes = {trick for trick, answer in tricks.items() if answer.startswith("not a matter of")}
    assert with_vectors == set(tricks) - no_bytes, with_vectors ^ (set(tricks) - no_bytes)
    text = SPEC[SPEC.index("## 13 ") : SPEC.index("## 14 ")]
    rows = set(re.findall(r"^\| `([a-z0-9-]+)` \|", text, re.M))
    with_vectors = {row for vector in VECTORS.values() for row in vector.rows}
    assert with_vectors == rows, with_vectors ^ rows


def test_vectors_get_the_answer_of_their_row():
    """Every finding and error of a vector's row stands in the answer's column, or is one of a use that is denied."""
    text = SPEC[SPEC.index("## 13 ") : SPEC.index("## 14 ")]
    answers = {row: line for line in text.splitlines() for row in re.findall(r"^\| `([a-z0-9-]+)` \|", line)}
    for vector in VECTORS.values():
        for row in vector.rows:
            known = re.findall(r"`([a-z-]+)`", answers[row].rsplit("|", 2)[1]) + DENIALS
            assert all(fault in known for fault, _ in vector.fault_list()), vector.name


def test_every_diagnostic_has_vectors():
    seen = {fault for vector in VECTORS.values() for fault, _ in vector.fault_list()}
    assert seen == set(ERRORS) | set(FINDINGS) | set(DENIALS), seen ^ (set(ERRORS) | set(FINDINGS) | set(DENIALS))


def test_every_vector_says_why_in_a_sentence():
    for vector in VECTORS.values():
        assert re.fullmatch(r"[A-Z0-9^].*\.", vector.why), vector.name


# Names of things that exist and do no harm, or that are denied.
HARMLESS = {"builtins:getattr", "__builtin__:xrange", "__builtin__:object", "UserDict:UserDict", "copy_reg:_reconstructor"}


def test_names_in_vectors_do_not_exist_or_are_denied():
    """So that nothing happens to who loads one by mistake: what is allowed names nothing else."""
    for vector in VECTORS.values():
        names = {line.split()[0] for line in vector.globals} - HARMLESS
        exist = {name for name in names if not name.startswith(("no_such", "extension-"))}
        assert not exist or vector.verdict == "denied", (vector.name, exist)


def programs():
    """One Python for each version from 3.8 on: those before it do not know protocol 5."""
    found = {}
    for _, program in find_pythons():
        command = [program, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        version = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout.decode().strip()
        if version not in ("2.7", "3.6", "3.7"):
            found.setdefault(version, program)
    return found


def test_readers_do_what_the_vectors_say():
    asked = [(v.name, v.encoding, bytes(v.data).hex(), v.readers) for v in VECTORS.values() if v.readers]
    assert all(len(text) < SIZE_MAX_FOR_READERS for _, _, text, _ in asked)
    wrong = []
    for version, program in programs().items():
        command = [program, "-I", "-c", READER]
        done = subprocess.run(command, input=json.dumps(asked).encode(), stdout=subprocess.PIPE, check=True)
        answers = [json.loads(line) for line in done.stdout.decode("utf-8", "surrogatepass").splitlines()]
        assert [name for name, _ in answers] == [name for name, *_ in asked]
        for name, answer in answers:
            for reader, expected in VECTORS[name].readers.items():
                got = answer[reader]
                if got != expected:
                    wrong.append("%s: %s of %s says %s, not %s" % (name, reader, version, got, expected))
    print("  %d vectors, Python %s" % (len(asked), " ".join(programs())))
    assert not wrong, "\n".join(wrong)


def main():
    if sys.argv[1:] == ["--write"]:
        write_tables()
        return
    tests = [(name, test) for name, test in globals().items() if name.startswith("test_")]
    for name, test in tests:
        test()
        print("ok", name)
    print("%d passed, 0 failed" % len(tests))


if __name__ == "__main__":
    main()
