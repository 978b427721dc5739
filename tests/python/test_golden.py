#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Snapshot files of released versions read for ever: test_golden.py SNAPJAR."""

import pathlib
import subprocess
import sys
import tempfile

GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "golden"


def read(path: pathlib.Path) -> tuple:
    lines = [line for line in path.read_text(encoding="ascii").splitlines() if not line.startswith("#")]
    middle = lines.index("---")
    return bytes.fromhex("".join(lines[:middle])), bytes.fromhex("".join(lines[middle + 1 :]))


def main() -> int:
    passed = failed = 0
    for path in sorted(GOLDEN.glob("*.hex")):
        snapshot, content = read(path)
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "golden.snapjar"
            file.write_bytes(snapshot)
            verified = subprocess.run([sys.argv[1], "verify", "-q", str(file)])
            unpacked = subprocess.run([sys.argv[1], "unpack", str(file), "-o", "-"], capture_output=True)
        if verified.returncode == 0 and unpacked.returncode == 0 and unpacked.stdout == content:
            passed += 1
        else:
            failed += 1
            print(f"{path.name}: exit {verified.returncode} and {unpacked.returncode}: {unpacked.stderr!r}")
    print(f"{passed} passed, {failed} failed")
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
