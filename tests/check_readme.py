#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks the documents: check_readme.py [--snapjar PROGRAM].

- The tours in README.md and docs/contracts.md, typed in order in an empty folder, print what they say (with --snapjar).
- A C example in README.md is an exact piece of a program in docs/examples/ (which a test compiles and runs).
- Relative links lead to files that exist.
- Each ./dev command that a document names exists.
- Each test that SECURITY.md names exists: a file, or "file: function"; a function alone is one of the file before it.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"^```c\n(.*?)^```$", re.M | re.S)
TOUR = re.compile(r"^```(python|console)\n(.*?)^```$", re.M | re.S)
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
COMMAND = re.compile(r"\./dev ([a-z][a-z-]*)")


TEST = re.compile(r"`((?:tests|spec|python)/[\w./-]+)(?:: (\w+))?`|`((?:test_)?\w+)`")


def check_guarantees(text: str) -> tuple[int, list[str]]:
    """The tests in the last column of the table of guarantees."""
    problems, count, source = [], 0, ""
    for row in re.findall(r"^\|.*\|$", text.partition("## Guarantees")[2].partition("\n## ")[0], re.M)[2:]:
        named = TEST.findall(row.rsplit("|", 2)[1])
        if not named:
            problems.append(f"SECURITY.md: no test is named: {row}")
        for path, function, alone in named:
            count += 1
            if path and not (ROOT / path).exists():
                problems.append(f"SECURITY.md: {path} does not exist")
                continue
            if path and not (ROOT / path).is_dir():
                source = (ROOT / path).read_text(encoding="utf-8")
            if (function or alone) and not re.search(rf"\b{function or alone}\(", source):
                problems.append(f"SECURITY.md: there is no {function or alone} in {path or 'the file before it'}")
    return count, problems if count else ["SECURITY.md has no table of guarantees"]


def squeeze(text: str) -> str:
    """Without indentation, so that a piece of a function may stand at the margin."""
    return "\n".join(line.strip() for line in text.strip().splitlines())


def check(name: str, text: str, examples: list[str], commands: set[str]) -> tuple[int, list[str]]:
    """The number of things looked at, and what is wrong."""
    problems = []
    blocks, links, used = BLOCK.findall(text), LINK.findall(text), COMMAND.findall(text)
    for block in blocks:
        if not any(squeeze(block) in example for example in examples):
            problems.append(f"{name}: this C is in no program of docs/examples/: {block.splitlines()[0]}")
    for link in links:
        if not (ROOT / link).exists():
            problems.append(f"{name}: {link} does not exist")
    for command in used:
        if command not in commands:
            problems.append(f"{name}: there is no ./dev {command}")
    return len(blocks) + len(links) + len(used), problems


def tour_steps(text: str) -> list[tuple[str, str, str]]:
    """What to do: ("file", name, content) and ("command", line, output) in order."""
    steps: list[tuple[str, str, str]] = []
    for kind, block in TOUR.findall(text):
        if kind == "python":
            steps.append(("file", block.split("\n", 1)[0].removeprefix("# "), block))
            continue
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            command, output = part.split("\n", 1)
            steps.append(("command", command, output))
    return steps


def take_tour(text: str, snapjar: Path, document: str = "README.md") -> tuple[int, list[str]]:
    """Types the tour. Time stands still (SOURCE_DATE_EPOCH), so that outputs can be compared to the letter."""
    problems = []
    environment = os.environ | {"LC_ALL": "C.UTF-8", "SOURCE_DATE_EPOCH": "1795348800"}
    environment["PATH"] = f"{snapjar.resolve().parent}:{os.environ['PATH']}"
    count = 0
    with tempfile.TemporaryDirectory() as folder:
        for kind, name, want in tour_steps(text):
            if kind == "file":
                (Path(folder) / name).write_text(want, encoding="utf-8")
                continue
            count += 1
            done = subprocess.run(["bash", "-o", "pipefail", "-c", name], cwd=folder, env=environment, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)  # fmt: skip
            got = done.stdout + (f"(exit code {done.returncode})\n" if done.returncode else "")
            if got != want:
                problems.append(f"{document}: $ {name}\n--- {document}\n{want}--- the program\n{got}---")
    if not count:
        problems.append(f"{document}: there is no tour")
    return count, problems


def main() -> int:
    parser = argparse.ArgumentParser(description="Checks the documents.")
    parser.add_argument("--snapjar", type=Path, help="the program to take the tour with")
    options = parser.parse_args()
    examples = [squeeze(path.read_text(encoding="utf-8")) for path in (ROOT / "docs" / "examples").glob("*.c")]
    commands = set(re.search(r"^commands=\((.*?)\)", (ROOT / "dev").read_text(encoding="utf-8"), re.M)[1].split())
    planted = "```c\nint nowhere;\n```\n[x](no/such/file.md) and ./dev nothing and ./dev test\n"
    if len(check("planted", planted, examples, commands)[1]) != 3:
        print("check_readme.py: the self-test does not find what is planted\n0 passed, 1 failed")
        return 1
    total, problems = 1, []
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "spec").glob("*.md")]:
        name = path.relative_to(ROOT).as_posix()
        text = path.read_text(encoding="utf-8")
        # Links in a folder are relative to it.
        base = path.parent.relative_to(ROOT).as_posix()
        if base != ".":
            text = LINK.sub(lambda match, base=base: f"]({base}/{match[1]})", text)
        count, found = check(name, text, examples, commands)
        total += count
        problems += found
    planted = "## Guarantees\n| a | b |\n|---|---|\n| x | `tests/nothing.c: test_x` |\n| y | `tests/run.py`, `no_test` |\n| z | |\n"
    if len(check_guarantees(planted)[1]) != 4:
        print("check_readme.py: the self-test does not find the tests that are not there\n0 passed, 1 failed")
        return 1
    count, found = check_guarantees((ROOT / "SECURITY.md").read_text(encoding="utf-8"))
    total += count
    problems += found
    if options.snapjar:
        planted = "```console\n$ echo yes\nno\n$ false\n```\n"
        if len(take_tour(planted, options.snapjar)[1]) != 2:
            print("check_readme.py: the self-test finds no difference in the tour\n0 passed, 1 failed")
            return 1
        for document in ("README.md", "docs/contracts.md"):
            count, found = take_tour((ROOT / document).read_text(encoding="utf-8"), options.snapjar, document)
            total += count
            problems += found
    for problem in problems:
        print(problem)
    print(f"{total - len(problems)} passed, {len(problems)} failed")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
