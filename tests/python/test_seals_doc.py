# SPDX-License-Identifier: MIT
"""Runs every command of docs/seals.md, in order, in an empty folder, and compares what it prints: test_seals_doc.py SNAPJAR.

Ids of keys are random and shown as ID; the offsets in the page are real.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]


def commands(text: str):
    """(command, what it prints) of the console blocks."""
    for block in re.findall(r"```console\n(.*?)```", text, re.S):
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            command, _, output = part.partition("\n")
            yield command, output


def main() -> int:
    program = pathlib.Path(sys.argv[1]).resolve()
    steps = list(commands((ROOT / "docs" / "seals.md").read_text(encoding="utf-8")))
    failures = []
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "bin").mkdir()
        (folder / "bin" / "snapjar").symlink_to(program)
        (folder / "work").mkdir()
        environment = {**os.environ, "PATH": f"{folder / 'bin'}:/usr/bin:/bin", "SOURCE_DATE_EPOCH": "1700000000"}
        script = "exec 2>/dev/null\n" + "".join(f"{command}\necho '---'\n" for command, _ in steps)
        done = subprocess.run(["sh", "-c", script], cwd=folder / "work", env=environment, capture_output=True, text=True)
        printed = re.sub(r"\b[0-9a-f]{32}\b", "ID", done.stdout).split("---\n")
    for (command, wanted), got in zip(steps, printed):
        if wanted.strip() != got.strip():
            failures.append(f"$ {command}\nexpected:\n{wanted}got:\n{got}")
    if len(printed) != len(steps) + 1:
        failures.append(f"{len(steps)} commands gave {len(printed) - 1} answers")
    print("\n".join(failures))
    print(f"{len(steps) - len(failures)} passed, {len(failures)} failed")
    return 1 if failures or len(steps) < 20 else 0


if __name__ == "__main__":
    sys.exit(main())
