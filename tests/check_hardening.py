#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks that what a release build installs is hardened: check_hardening.py FILE...

Read from the ELF files themselves by readelf, so that a flag which a compiler dropped silently is noticed: position independent,
relocations read-only and bound at start, no executable stack, no text relocations, stack protector, checked string
functions. (Marks for shadow stacks and indirect branch tracking are not asked for: Debian 12's start files lack them, so that the
linker drops them from every program.)
"""

import re
import subprocess
import sys
import tempfile


def readelf(path: str, *options: str) -> str:
    return subprocess.run(["readelf", "--wide", *options, path], capture_output=True, text=True, check=True).stdout


def is_set(dynamic: str, tag: str, value: str = "") -> bool:
    return re.search(rf"\({tag}\).*{value}", dynamic) is not None


def faults(path: str) -> list[str]:
    head, segments = readelf(path, "--file-header"), readelf(path, "--program-headers")
    dynamic, symbols = readelf(path, "--dynamic"), readelf(path, "--dyn-syms")
    stack = re.search(r"GNU_STACK(?:\s+0x[0-9a-f]+){5}\s+(\S+)", segments)
    expected = {
        "is not position independent": re.search(r"Type:\s+DYN", head) is not None,
        "has no read-only relocations": "GNU_RELRO" in segments,
        "is not bound at start": is_set(dynamic, "FLAGS", "BIND_NOW") or is_set(dynamic, "FLAGS_1", "NOW"),
        "has an executable stack": stack is not None and "E" not in stack[1],
        "has text relocations": not is_set(dynamic, "TEXTREL") and not is_set(dynamic, "FLAGS", "TEXTREL"),
        "has no stack protector": "__stack_chk_fail" in symbols,
        "has no checked string functions (_FORTIFY_SOURCE)": re.search(r"__(memcpy|memset|snprintf|vsnprintf|fprintf)_chk", symbols)
        is not None,
    }
    return [f"{path} {what}" for what, holds in expected.items() if not holds]


def self_test() -> list[str]:
    """A program that was never hardened must be found out, or this checks nothing."""
    program = "int main(void) { return 0; }"
    flags = ["-O0", "-no-pie", "-fno-stack-protector", "-Wl,-z,norelro", "-Wl,-z,lazy", "-Wl,-z,execstack"]
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/unhardened"
        subprocess.run(["cc", "-w", "-x", "c", "-", *flags, "-o", path], input=program, text=True, check=True, capture_output=True)
        found = faults(path)
    return [] if len(found) >= 5 else [f"an unhardened program has only these faults: {found}"]


def main() -> int:
    results = [self_test(), *map(faults, sys.argv[1:])]
    for problem in sum(results, []):
        print(f"not ok: {problem}")
    failed = sum(map(bool, results))
    print(f"{len(results) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
