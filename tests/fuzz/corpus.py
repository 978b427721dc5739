#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Kept fuzz inputs as text: corpus.py expand FILE.hex FOLDER, or corpus.py collect FOLDER FILE.hex (inputs up to 4 KiB)."""

import hashlib
import pathlib
import sys

SIZE_MAX = 4096


def expand(source: str, folder: str) -> None:
    target = pathlib.Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    for line in pathlib.Path(source).read_text(encoding="ascii").splitlines():
        if not line.startswith("#"):
            data = bytes.fromhex(line)
            (target / hashlib.sha1(data).hexdigest()).write_bytes(data)


def collect(folder: str, target: str) -> None:
    inputs = {path.read_bytes() for path in pathlib.Path(folder).iterdir() if path.is_file()}
    kept = sorted((data for data in inputs if len(data) <= SIZE_MAX), key=lambda data: (len(data), data))
    lines = ["# Inputs that reach different code, found by fuzzing; one a line, in hex digits."]
    lines += [data.hex() for data in kept]
    pathlib.Path(target).write_text("\n".join(lines) + "\n", encoding="ascii")
    print(f"{target}: {len(kept)} inputs")


if __name__ == "__main__":
    {"expand": expand, "collect": collect}[sys.argv[1]](*sys.argv[2:])
