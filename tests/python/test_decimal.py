#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares the library's texts of numbers with Python's: SNAPJAR_DECIMAL names the helper."""

import os
import random
import struct
import subprocess
import sys

PROGRAM = os.environ["SNAPJAR_DECIMAL"]
FLOATS = 60_000


def run(lines: list) -> list:
    done = subprocess.run([PROGRAM], input="\n".join(lines) + "\n", text=True, capture_output=True, check=True)
    return done.stdout.splitlines()


def float_bits() -> list:
    """Powers of two and ten with their neighbours, the smallest, and random ones."""
    bits = [0, 1, 2, 3, 0x7FEFFFFFFFFFFFFF, 0x7FF0000000000000, 0x000FFFFFFFFFFFFF]
    bits += [exponent << 52 for exponent in range(2047)]
    bits += [1 << shift for shift in range(52)]
    bits += [struct.unpack("<Q", struct.pack("<d", float(f"1e{power}")))[0] for power in range(-323, 309)]
    bits += [one + delta for one in list(bits) for delta in (-1, 1) if 0 <= one + delta <= 0x7FF0000000000000]
    generator = random.Random(8)
    bits += [generator.getrandbits(63) for _ in range(FLOATS // 2)]
    for _ in range(FLOATS // 2):
        number = round(generator.uniform(-1, 1) * 10 ** generator.randrange(18), generator.randrange(12))
        bits.append(struct.unpack("<Q", struct.pack("<d", number))[0])
    return bits


def test_floats() -> int:
    bits = float_bits()
    wrong = 0
    for one, line in zip(bits, run([f"f {one:016x}" for one in bits]), strict=True):
        text = repr(struct.unpack("<d", struct.pack("<Q", one))[0])
        expected = f"{text} {one:016x}"
        # Which not-a-number it is cannot be said in text.
        if line != expected and not (text == "nan" and line.startswith("nan ")):
            print(f"not ok: {one:016x}: {line}, expected {expected}")
            wrong += 1
    return wrong


def test_integers() -> int:
    generator = random.Random(9)
    numbers = [sign * (base**power) + delta for base in (2, 10) for power in range(70) for sign in (-1, 1)
               for delta in (-1, 0, 1)]
    numbers += [generator.getrandbits(generator.randrange(1, 14_000)) * generator.choice((-1, 1)) for _ in range(300)]
    lines, expected = [], []
    for number in numbers:
        size = 0 if number == 0 else ((number + (number < 0)).bit_length() >> 3) + 1
        digits = number.to_bytes(size, "little", signed=True).hex()
        lines.append(f"i {digits}")
        expected.append(f"{number} {digits}")
    wrong = 0
    for line, want in zip(run(lines), expected, strict=True):
        if line != want:
            print(f"not ok: {line[:80]}, expected {want[:80]}")
            wrong += 1
    return wrong


def main() -> int:
    results = [test_floats(), test_integers()]
    failed = sum(1 for wrong in results if wrong)
    print(f"{len(results) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
