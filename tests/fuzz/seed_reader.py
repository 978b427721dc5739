#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes a seed corpus for fuzz_reader: seed_reader.py DIRECTORY. The spec's vectors as they are and to be put right, and pickles."""

import pathlib
import pickle
import subprocess
import sys
import tempfile

SIZE_MAX = 6000
ASSEMBLE = pathlib.Path(__file__).resolve().parents[2] / "spec" / "vectors" / "assemble.py"
# Bits 2 and 3 of the first control byte: 0 as it is, 4 put right, 8 a record made around it; bit 0 of the second: content, not frames.
RAW, REPAIRED, MADE = 0, 4, 8


def make_inputs(vectors):
    for path in sorted(vectors.glob("*.snapjar")):
        data = path.read_bytes()
        if len(data) <= SIZE_MAX:
            yield path.stem, bytes([RAW, 0, 0]) + data
            yield path.stem + "-repaired", bytes([REPAIRED, 0, 0]) + data
        if path.stem == "base":
            yield "three", bytes([RAW | 0x30, 0, 0]) + 3 * data
            yield "damaged", bytes([RAW | 0x80, *(len(data) + 60).to_bytes(2, "little")]) + 3 * data
    for protocol in range(6):
        data = pickle.dumps([1, "two", {"three": 3.0}, (None, True), b"bytes"], protocol)
        yield "pickle-%d" % protocol, bytes([MADE, 1, 0]) + data
        yield "garbage-%d" % protocol, bytes([MADE, 1, 0]) + data + b"garbage"
    buffers = [pickle.PickleBuffer(b"read-only"), pickle.PickleBuffer(bytearray(b"writable"))]
    data = pickle.dumps(buffers[:1], 5, buffer_callback=[].append)
    yield "buffer", bytes([MADE, 1, 0]) + data + bytes(-len(data) % 64) + b"buffer"
    # One frame of an RLE block: content of 65536 NONE opcodes; and one of raw blocks.
    yield "rle", bytes([MADE, 8, 0]) + bytes.fromhex("28b52ffda4000001000300084e00000000")
    yield "raw", bytes([MADE, 0, 0]) + bytes.fromhex("28b52ffd2402") + bytes.fromhex("110000") + b"N." + bytes(4)


def main():
    directory = pathlib.Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as vectors:
        subprocess.run([sys.executable, str(ASSEMBLE), vectors], check=True, stdout=subprocess.DEVNULL)
        for name, data in make_inputs(pathlib.Path(vectors)):
            (directory / name).write_bytes(data)


if __name__ == "__main__":
    main()
