#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks that programs built earlier still work with the library: check_abi.py [--write].

lib/abi.txt has, for the library's ABI version, the value of every public enumerator, and offset and size of every member of
a public struct. What stands there must stay: an enumerator its value, a member its place. Structs that begin with struct_size may
grow at their end; no other may change its size. What is new has to be written into the file (--write). To break the ABI, raise
`soversion` in lib/meson.build first; --write then begins the file anew. Functions are looked after by check_headers.py.
"""

import platform
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.S)
STRUCT = re.compile(r"typedef struct (snapjar_\w+)\s*\{(.*?)\n\}\s*\1;", re.S)
ENUM = re.compile(r"typedef enum snapjar_\w+\s*\{(.*?)\n\}", re.S)
MEMBER = re.compile(r"(\w+)\s*(?:\[[^\]]*\]\s*)*$")
FUNCTION_POINTER = re.compile(r"\(\*(\w+)\)")


def members(body: str) -> list[str]:
    """Names of a struct's members; `int a, b[2];` has two."""
    names = []
    for statement in body.split(";"):
        pointer = FUNCTION_POINTER.search(statement)
        if pointer:
            names.append(pointer[1])
        elif statement.strip():
            names += [MEMBER.search(part.strip())[1] for part in statement.split(",")]
    return names


def program(text: str, include: str) -> str:
    """C that prints the lines of abi.txt for the headers' text."""
    lines = [f"#include <{include}>", "#include <stddef.h>", "#include <stdio.h>", "int main(void) {"]
    for name, body in STRUCT.findall(text):
        for member in members(body):
            lines.append(f'printf("{name}.{member} %zu %zu\\n", offsetof({name}, {member}), sizeof((({name} *)0)->{member}));')
        grows = re.match(r"\s*size_t struct_size;", body) is not None
        if not grows:
            lines.append(f'printf("sizeof {name} %zu\\n", sizeof({name}));')
    for body in ENUM.findall(text):
        for name in re.findall(r"^\s*(SNAPJAR_\w+)", body, re.M):
            lines.append(f'printf("{name} %d\\n", (int){name});')
    return "\n".join([*lines, "return 0; }"])


def abi_of(folders: list[Path], include: str = "snapjar/snapjar.h") -> dict[str, str]:
    text = COMMENT.sub("", "\n".join(path.read_text("utf-8") for folder in folders for path in sorted(folder.glob("snapjar/*.h"))))
    with tempfile.TemporaryDirectory() as name:
        options = [f"-I{folder}" for folder in folders]
        subprocess.run(["cc", "-x", "c", "-std=c17", *options, "-", "-o", f"{name}/abi"], input=program(text, include), text=True, check=True)
        output = subprocess.run([f"{name}/abi"], capture_output=True, text=True, check=True).stdout
    return {line.rsplit(" ", 2 if "." in line else 1)[0]: line for line in output.splitlines()}


def differences(old: dict[str, str], new: dict[str, str]) -> list[str]:
    problems = [f"{line} is gone" for key, line in old.items() if key not in new]
    problems += [f"{old[key]} became {new[key]}" for key in old if key in new and old[key] != new[key]]
    return problems + [f"{line} is not in lib/abi.txt: tests/check_abi.py --write" for key, line in new.items() if key not in old]


def self_test() -> bool:
    """A member that moved, an enumerator that changed and one that is new must be found."""
    header = "typedef struct snapjar_a {\n size_t struct_size;\n int %s;\n} snapjar_a;\ntypedef enum snapjar_b {\n SNAPJAR_X = %d,\n %s\n} snapjar_b;\n"
    made = []
    for values in (("one, two", 1, ""), ("two, one", 2, "SNAPJAR_Y")):
        with tempfile.TemporaryDirectory() as name:
            (Path(name) / "snapjar").mkdir()
            (Path(name) / "snapjar" / "snapjar.h").write_text("#include <stddef.h>\n" + header % values, "utf-8")
            made.append(abi_of([Path(name)]))
    return len(differences(made[0], made[1])) == 4 and not differences(made[0], made[0])


def main() -> int:
    if platform.machine() != "x86_64":
        print("lib/abi.txt is about x86-64\n0 passed, 0 failed, 1 skipped")
        return 77
    soversion = re.search(r"soversion: '(\d+)'", (ROOT / "lib" / "meson.build").read_text("utf-8"))[1]
    generated = [Path(argument) for argument in sys.argv[1:] if argument != "--write"]
    new = abi_of([ROOT / "lib" / "include", *generated])
    path = ROOT / "lib" / "abi.txt"
    head = f"# ABI version {soversion}: members' offsets and sizes, enumerators' values (x86-64). Written by tests/check_abi.py."
    old = path.read_text("utf-8").splitlines() if path.exists() else [""]
    known = {line.rsplit(" ", 2 if "." in line else 1)[0]: line for line in old[1:]} if old[0] == head else {}
    problems = differences(known, new)
    if "--write" in sys.argv:
        broken = [problem for problem in problems if "--write" not in problem]
        if broken:
            print("\n".join(["this breaks the ABI; raise soversion in lib/meson.build:", *broken]))
            return 1
        path.write_text("\n".join([head, *new.values()]) + "\n", "utf-8")
        return 0
    problems += [] if self_test() else ["the self-test does not find what is planted"]
    for problem in problems:
        print(f"not ok: {problem}")
    print(f"{len(new) + 1 - len(problems)} passed, {len(problems)} failed")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
