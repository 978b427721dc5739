#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes a small seed corpus for fuzz_header: seed_header.py DIRECTORY."""

import json
import pathlib
import struct
import sys

DIGITS = "0123456789abcdef" * 2
PAYLOAD = {
    "content_type": "pickle", "protocol": 4, "compression": "zstd", "frame_size": 65536, "size": 21, "pickle_size": 21,
    "stored_size": 34, "checksum": "xxh3-128:" + DIGITS, "content_checksum": "xxh3-128:" + DIGITS,
}


def header(payload=None, **changes):
    whole = {"format_version": 1, "type": "app:T", "schema_version": 1}
    whole["build"] = {"tool": {"name": "snapjar", "version": "0"}}
    whole.update(changes)
    whole["created"] = "2026-01-31T12:00:00Z"
    whole["payload"] = {**PAYLOAD, **(payload or {})}
    return whole


def make_headers():
    yield header()
    yield header(build={"tool": {"name": "snapjar", "version": "0"}, "app": "a", "packages": {"numpy": "1.26"}})
    yield header(labels={"s": "x\u20ac", "n": -1, "r": 1.5e300, "b": True, "z": None}, layout={"app:T": ["a", "b"]})
    yield header(history=[{"from": 1, "to": 2, "when": "2026-01-01T00:00:00.5Z", "by": "me"}], requires=[])
    yield header(requires=["newer"])
    yield header(stream={"id": DIGITS, "index": 0, "previous": None})
    yield header(stream={"id": DIGITS, "index": 7, "previous": "xxh3-128:" + DIGITS})
    yield header({"string_encoding": "bytes", "size": 130, "buffers": [{"offset": 64, "size": 3}, {"offset": 128, "size": 2}]})
    yield header(new=[[[[{}]]]], labels={"x": ',"created":'})


def main():
    directory = pathlib.Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    for number, whole in enumerate(make_headers()):
        compact = json.dumps(whole, separators=(",", ":"), ensure_ascii=False).encode()
        loose = json.dumps(dict(reversed(whole.items())), indent=1).encode()
        frame = struct.pack("<II8sHHII16x", 0x184D2A53, 36 + len(compact), b"\x89SJR\r\n\x1a\n", 1, 0, len(compact), 0)
        for mode, data in enumerate([compact, loose, frame, frame + compact]):
            (directory / ("header-%d-%d" % (number, mode))).write_bytes(bytes([mode]) + data)


if __name__ == "__main__":
    main()
