#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes a small seed corpus for fuzz_old_header: seed_old_header.py DIRECTORY. Headers with each kind of length and digest, and such
as are cut, ambiguous, damaged or at another place."""

import hashlib
import json
import pathlib
import sys
import zlib

PICKLE = b"\x80\4}\x94\x8c\1a\x94K\1s."
FORMS = [(4, "little"), (4, "big"), (8, "little"), (8, "big")]


def main() -> None:
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    sums = [zlib.crc32(PICKLE), zlib.adler32(PICKLE), "x", "0", "0" * 32, hashlib.md5(PICKLE).hexdigest(),
            hashlib.sha256(PICKLE).hexdigest()]  # fmt: skip
    seeds = []
    for form, (size, order) in enumerate(FORMS):
        for kind, value in enumerate(sums):
            for header in ({"sum": value}, {"meta": {"sum": str(value)}}, {"a.b": 1, "a": {"b": {"c": value}}}, {"sum": [1]}, {}):
                text = json.dumps(header).encode() + b" " * (kind % 2)
                seeds.append(bytes([form, 0, kind]) + len(text).to_bytes(size, order) + text + PICKLE)
        text = b'{"sum": 1, "sum": 2}'
        seeds.append(bytes([form + 128, 0, 0]) + len(text).to_bytes(size, order) + text)
        seeds.append(bytes([form, 3, 0]) + b"..." + len(text).to_bytes(size, order) + text[:-1])
        seeds.append(bytes([form, 0, 0]) + len(text).to_bytes(size, order) + text[:7] + b"}" + text[8:])
        seeds.append(bytes([form, 0, 0]) + (2).to_bytes(size, order) + b"{}" + PICKLE)
    # A length of four bytes whose header's bytes are a length of eight, too.
    seeds.append(bytes([0, 0, 0]) + b"\x06\0\0\0{\0\0\0{    }")
    for seed in seeds:
        (folder / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)


if __name__ == "__main__":
    main()
