#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks the public headers against the compilers and the library: check_headers.py [LIBRARY] [--self-test].

- Each header compiles alone, as C17 and as C++17, also when it is included twice.
- Every function in a header carries SNAPJAR_API and C linkage.
- Functions in the headers == global names in lib/libsnapjar.map == symbols that the shared library exports.
The self-test plants a violation of every rule in a small tree and wants each to be found. It always runs first.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.S)
DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.M)
ATTRIBUTE = re.compile(r"__attribute__\s*\(\((?:[^()]|\([^()]*\))*\)\)")
FUNCTION = re.compile(r"\b([A-Za-z_]\w*)\s*\(")
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only"]


def run(*command: str, text: str | None = None) -> subprocess.CompletedProcess:
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False)


class Tree:
    """What is checked: folders that hold snapjar/*.h, the symbol map and the shared library."""

    def __init__(self, includes: list[Path], symbol_map: Path, library: Path) -> None:
        self.includes = includes
        self.symbol_map = symbol_map
        self.library = library
        self.passed = 0
        self.problems: list[str] = []

    def expect(self, holds: bool, problem: str) -> None:
        if holds:
            self.passed += 1
        else:
            self.problems.append(problem)

    def headers(self) -> list[Path]:
        return sorted(header for folder in self.includes for header in folder.glob("snapjar/*.h"))

    def check_compiles(self, header: Path) -> None:
        name = f"snapjar/{header.name}"
        text = f"#include <{name}>\n#include <{name}>\nextern int not_empty;\n"
        folders = [f"-I{folder}" for folder in self.includes]
        for compiler, standard, language in (
            (os.environ.get("CC", "cc"), "c17", "c"),
            (os.environ.get("CXX", "c++"), "c++17", "c++"),
        ):
            done = run(*compiler.split(), f"-std={standard}", "-x", language, *WARNINGS, *folders, "-", text=text)
            self.expect(done.returncode == 0, f"{name} alone as {standard}: {done.stderr.strip()}")

    def functions(self, header: Path) -> set[str]:
        """The functions a header declares. Macro bodies and bodies in braces are no declarations."""
        text = COMMENT.sub(" ", header.read_text(encoding="utf-8"))
        has_linkage = 'extern "C"' in text
        text = ATTRIBUTE.sub("", DIRECTIVE.sub("", text))
        text = re.sub(r'extern\s+"C"\s*\{', "", text)
        while "{" in text and (smaller := re.sub(r"\{[^{}]*\}", "", text)) != text:
            text = smaller
        names = set()
        for statement in text.split(";"):
            statement = statement.strip()
            if "(" not in statement or statement.startswith(("typedef", "struct", "static inline", "_Static_assert")):
                continue
            name = FUNCTION.search(statement.replace("SNAPJAR_API", " ", 1))
            if name is None:
                self.problems.append(f"{header.name}: cannot read: {statement[:80]}")
                continue
            names.add(name.group(1))
            marked = statement.startswith("SNAPJAR_API")
            self.expect(marked, f"{header.name}: {name.group(1)} lacks SNAPJAR_API")
        if names:
            self.expect(has_linkage, f'{header.name}: declares functions without extern "C"')
        return names

    def mapped(self) -> set[str]:
        """The global names of the linker's version script."""
        if not self.symbol_map.is_file():
            self.problems.append(f"there is no {self.symbol_map}")
            return set()
        text = COMMENT.sub(" ", self.symbol_map.read_text(encoding="utf-8"))
        text = re.sub(r"#[^\n]*", "", text)
        names: set[str] = set()
        for body in re.findall(r"\{(.*?)\}", text, re.S):
            scope = "global"
            for word in re.findall(r"[^\s;:]+\s*:?", body):
                if word.rstrip().endswith(":"):
                    scope = word.rstrip(": \n\t")
                elif scope == "global":
                    names.add(word.strip())
        return names

    def exported(self) -> set[str]:
        done = run("nm", "--dynamic", "--defined-only", "--format=posix", str(self.library))
        if done.returncode:
            self.problems.append(f"nm {self.library}: {done.stderr.strip()}")
        rows = [line.split() for line in done.stdout.splitlines()]
        return {row[0].split("@")[0] for row in rows if row[1] != "A"}  # A: the names of versions

    def check(self) -> list[str]:
        declared: set[str] = set()
        headers = self.headers()
        self.expect(bool(headers), f"no headers in {self.includes}")
        for header in headers:
            self.check_compiles(header)
            declared |= self.functions(header)
        self.expect(bool(declared), "the headers declare no function at all")
        for name, names in (("the symbol map", self.mapped()), ("the library", self.exported())):
            for symbol in sorted(declared | names):
                self.expect(symbol in names, f"{symbol}: declared in a header, not in {name}")
                self.expect(symbol in declared, f"{symbol}: in {name}, in no header")
        return self.problems


GOOD = """/* f(); */
#ifndef A_H
#define A_H
#define SNAPJAR_API __attribute__((visibility("default")))
#define CALL(x) \\
    g(x)
#ifdef __cplusplus
extern "C" {
#endif
typedef struct s { int (*read)(void *state); } s;
typedef int visit(void *state);
SNAPJAR_API int snapjar_f(int (*g)(void));
SNAPJAR_API __attribute__((warn_unused_result)) int *
snapjar_g(void);
#ifdef __cplusplus
}
#endif
#endif
"""
GOOD_MAP = "V_1 { global: snapjar_f;\n snapjar_g; # both\n local: *; };\n"
GOOD_CODE = "int snapjar_f(void){return 0;} int *snapjar_g(void){return 0;} static int h; int *k(void);\n"
# Each: header text, map, code, a piece of the one problem ("" for none).
PLANTED = [
    (GOOD, GOOD_MAP, GOOD_CODE, ""),
    (GOOD.replace("typedef int", "typedef size_t x; typedef int"), GOOD_MAP, GOOD_CODE, "alone as c17"),
    (GOOD.replace("(void *state)", "(void *class)"), GOOD_MAP, GOOD_CODE, "alone as c++17"),
    (GOOD.replace("#ifndef A_H", "#if 1"), GOOD_MAP, GOOD_CODE, "alone as c17"),
    (GOOD.replace("SNAPJAR_API int snapjar_f", "int snapjar_f"), GOOD_MAP, GOOD_CODE, "snapjar_f lacks SNAPJAR_API"),
    (re.sub(r'#ifdef __cplusplus\n(extern "C" \{|\})\n#endif\n', "", GOOD), GOOD_MAP, GOOD_CODE, 'without extern "C"'),
    (GOOD, GOOD_MAP.replace("snapjar_f;", "snapjar_f; snapjar_old;"), GOOD_CODE, "snapjar_old: in the symbol map"),
    (GOOD, GOOD_MAP, GOOD_CODE.replace("snapjar_g", "snapjar_h"), "snapjar_g: declared in a header, not in the library"),
    (GOOD, GOOD_MAP.replace("snapjar_g;", "snapjar_g; leak;"), GOOD_CODE + "int leak;\n", "leak: in the library"),
]


def self_test() -> tuple[int, list[str]]:
    failures = []
    for number, (header, symbol_map, code, want) in enumerate(PLANTED):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            (root / "snapjar").mkdir()
            (root / "snapjar" / "a.h").write_text(header, encoding="utf-8")
            (root / "a.map").write_text(symbol_map, encoding="utf-8")
            library = root / "a.so"
            compiler = os.environ.get("CC", "cc").split()
            script = f"-Wl,--version-script={root / 'a.map'}"
            done = run(*compiler, "-shared", "-fPIC", "-x", "c", "-", script, "-o", str(library), text=code)
            if done.returncode:
                sys.exit(f"self-test {number}: {done.stderr}")
            found = Tree([root], root / "a.map", library).check()
        if not want and found or want and not any(want in problem for problem in found):
            failures.append(f"self-test {number}: planted {want!r}, found {found}")
    return len(PLANTED) - len(failures), failures


def main() -> int:
    parser = argparse.ArgumentParser(description="Checks public headers, symbol map and exported symbols.")
    parser.add_argument("library", type=Path, nargs="?", help="the shared library (default: build/lib/libsnapjar.so)")
    parser.add_argument("--self-test", action="store_true", help="only test this test")
    options = parser.parse_args()
    passed, failures = self_test()
    if not options.self_test:
        root = Path(__file__).resolve().parent.parent
        library = (options.library or root / "build" / "lib" / "libsnapjar.so").absolute()
        # Headers that the build makes stand below the library's folder.
        made = {header.parent.parent for header in library.parent.glob("**/snapjar/*.h")}
        tree = Tree([root / "lib" / "include", *sorted(made)], root / "lib" / "libsnapjar.map", library)
        failures += tree.check()
        passed += tree.passed
    for failure in failures:
        print(failure)
    print(f"{passed} passed, {len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
