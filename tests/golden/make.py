#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Adds a golden file: make.py SNAPJAR NAME PICKLE [PACK OPTION...]. Refuses to change one that is there."""

import pathlib
import subprocess
import sys
import tempfile

FOLDER = pathlib.Path(__file__).parent


def lines(data: bytes) -> list:
    text = data.hex()
    return [text[i : i + 100] for i in range(0, len(text), 100)]


def main() -> None:
    program, name, pickle_path, *options = sys.argv[1:]
    target = FOLDER / (name + ".hex")
    if target.exists():
        sys.exit(f"{target} is there already: golden files are never changed")
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "out.snapjar"
        subprocess.run([program, "pack", pickle_path, "-o", str(out), *options], check=True)
        version = subprocess.run([program, "version"], check=True, capture_output=True, text=True).stdout.strip()
        text = ["# made by: " + version, "# command: snapjar pack PICKLE " + " ".join(options)]
        text += lines(out.read_bytes()) + ["---"] + lines(pathlib.Path(pickle_path).read_bytes())
    target.write_text("\n".join(text) + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
