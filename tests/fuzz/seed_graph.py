#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes a small seed corpus for fuzz_graph: seed_graph.py DIRECTORY. Recursion, shared values and objects of all kinds."""

import hashlib
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "python"))

import transcode_objects  # noqa: E402

SIZE_MAX = 600
ENCODING_LATIN1 = b"\x01"


def main() -> None:
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for blob in transcode_objects.all_pickles(60):
        if len(blob) <= SIZE_MAX:
            (folder / hashlib.sha1(blob).hexdigest()).write_bytes(ENCODING_LATIN1 + blob)


if __name__ == "__main__":
    main()
