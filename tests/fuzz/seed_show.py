#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes a small seed corpus for fuzz_show: seed_show.py DIRECTORY. Pairs of pickles that differ a little."""

import pathlib
import pickle
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "python"))
import scan_objects  # noqa: E402


def make_pairs():
    shared = [1]
    yield [1, 2, 3, 4], [1, 3, 4, 5]
    yield {"a": shared, "b": shared}, {"a": [1], "b": [2], "c": None}
    yield {1, 2, "x"}, {2, 3}
    yield scan_objects.State("s"), scan_objects.State("t")
    yield [scan_objects.Empty(), b"\xff", 2**70, 0.5], [scan_objects.Empty(), bytearray(b"x"), -1, float("nan")]
    yield ("\u20ac\x1b", len, (1, (2, "k"))), ("\u20ac", int, (1, (2, "l")))
    yield {(1, 2): [], frozenset("a"): {}}, {(1, 2): [0], frozenset("b"): {}}


def main():
    directory = pathlib.Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    number = 0
    for before, after in make_pairs():
        for protocol in range(6):
            data = pickle.dumps(before, protocol) + pickle.dumps(after, 5 - protocol)
            (directory / f"pair-{number:03}").write_bytes(bytes([number % 16, number % 7, number % 5, 20]) + data)
            number += 1
    cycle: list = []
    cycle.append({"itself": cycle})
    (directory / "cycle").write_bytes(bytes(4) + 2 * pickle.dumps(cycle, 2))
    calls = b"capp\nrun\n)R0(capp\nJob\nNobcopyreg\n_reconstructor\n)R.\x80\x05\x97\x98P1\n\x82\x01\x87."
    (directory / "calls").write_bytes(b"\x0f\0\0\0" + calls)


if __name__ == "__main__":
    main()
