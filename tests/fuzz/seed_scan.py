#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes a small seed corpus for fuzz_scan: seed_scan.py DIRECTORY."""

import collections
import copyreg
import datetime
import pathlib
import pickle
import random
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "python"))

import pickle_mutations  # noqa: E402


class Plain:
    def __init__(self):
        self.left, self.right = 1, "x"


class Slots(Plain):
    __slots__ = ("middle",)


class WithCode:
    pass


def make_pickles():
    slots = Slots()
    slots.middle = {}
    shared = ["shared", {"key": b"\n."}]
    objects = [[Plain(), Plain()], slots, collections.OrderedDict(a=1), collections.deque([1]), datetime.date(2024, 2, 29)]
    objects += [(shared, shared, (1,), (1, 2)), {1, 2}, len, (int, 1), {Plain: int}, collections.defaultdict(list, a=[])]
    for obj in objects:
        for protocol in range(6):
            try:
                yield pickle.dumps(obj, protocol)
            except TypeError:
                continue
    buffers = [pickle.PickleBuffer(b"read-only"), pickle.PickleBuffer(bytearray(b"writable"))]
    yield pickle.dumps(buffers, 5, buffer_callback=[].append)
    copyreg.add_extension(__name__, "WithCode", 240)
    yield pickle.dumps([WithCode(), WithCode], 2)
    rng = random.Random(1)
    for code in pickle_mutations.CODES:
        for _ in range(3):
            yield b"\x80\x05NN" + pickle_mutations.make_opcode(rng, code) + b"."
    for _ in range(100):
        yield pickle_mutations.make_program(rng)


def main():
    directory = pathlib.Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(make_pickles()):
        (directory / ("pickle-%03d" % number)).write_bytes(bytes([number % 3, 0, number * 37 % 256, 0]) + data)


if __name__ == "__main__":
    main()
