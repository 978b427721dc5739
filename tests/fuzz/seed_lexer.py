#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes a small seed corpus for fuzz_lexer: seed_lexer.py DIRECTORY."""

import pathlib
import pickle
import pickletools
import struct
import sys


def make_pickles():
    shared = ["shared"]
    objects = [None, [1, 300, 70000, -5, 2**70, 2.5, True], {"key": "\u20ac", "b": b"\n."}]
    objects += [(shared, shared, (1,), (1, 2)), {1, 2}, frozenset("a"), len, complex(1, 2), bytearray(b"ba")]
    objects += [slice(1, 2), "x" * 300, [[i] for i in range(9)]]
    for obj in objects:
        for protocol in range(6):
            yield pickle.dumps(obj, protocol)
    buffers = [pickle.PickleBuffer(b"read-only"), pickle.PickleBuffer(bytearray(b"writable"))]
    yield pickle.dumps([buffers, buffers], 5, buffer_callback=[].append)
    yield pickle.dumps(buffers, 5)
    yield b"\x80\x05\x95\x05\0\0\0\0\0\0\0\x97\x95\x01\0\0\0\0\0\0\0\x98\x98."
    yield b"(imodule\nName\np0\nP12\nS'text'\nT\x01\0\0\0tL5L\n."


def make_opcodes():
    """One pickle for each opcode with a short argument."""
    for opcode in pickletools.opcodes:
        argument = b""
        n = opcode.arg.n if opcode.arg else 0
        if n > 0:
            argument = bytes([1] * n)
        elif n == -1:
            argument = b"1\n2\n" if opcode.arg.name.endswith("pair") else b"1\n"
        elif n < -1:
            argument = struct.pack({"1": "<B", "4": "<I", "8": "<Q"}[opcode.arg.name[-1]], 2) + b".\n"
        yield opcode.code.encode("latin-1") + argument + b"."


def main():
    directory = pathlib.Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate([*make_pickles(), *make_opcodes()]):
        (directory / ("pickle-%03d" % number)).write_bytes(bytes([number % 8, number * 37 % 256, number % 7, 0]) + data)


if __name__ == "__main__":
    main()
