#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Contracts that are inferred from what CPython pickles: test_contract_cpython.py SNAPJAR

Objects of many kinds, in all protocols: the contract that is inferred from one is good for the reader, the object is current by
it, and nothing in it is denied. What infer refuses is known by its reason. What is then changed in a field drifted.
"""

import json
import pickle
import re
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
SNAPJAR = str(Path(sys.argv[1]).resolve())

# Why a contract cannot be inferred.
KNOWN = re.compile(r"has extension codes|names do not have|is itself the result of a call|JSON cannot have|is no good one")


def run(folder: Path, *arguments: str) -> tuple:
    done = subprocess.run([SNAPJAR, "contract", *arguments], cwd=folder, capture_output=True, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def pickles(folder: Path) -> list:
    """What scan_objects.py writes with this Python."""
    out = folder / "objects"
    subprocess.run([sys.executable, HERE / "scan_objects.py", out], check=True)
    data = out.read_bytes()
    found = []
    at = 0
    while at < len(data):
        (size,) = struct.unpack_from("<I", data, at)
        found.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    return found


def infer_and_check(folder: Path, data: bytes) -> tuple:
    """A problem or "", and whether a contract came of it."""
    (folder / "sample.pkl").write_bytes(data)
    code, text, err = run(folder, "infer", "sample.pkl")
    if code:
        return ("" if KNOWN.search(err) else f"infer: {err}"), False
    (folder / "c.json").write_text(text)
    code, text, err = run(folder, "check", "--json", "c.json", "sample.pkl")
    answer = json.loads(text.splitlines()[0]) if text else {}
    if code or answer.get("state") != "current" or answer.get("denied"):
        return f"check: {text} {err} of {(folder / 'c.json').read_text()}", True
    return "", True


class Job:
    def __init__(self, **fields):
        self.__dict__.update(fields)


def drifting(folder: Path) -> list:
    """Samples together make one contract; what differs from all of them drifted."""
    samples = [
        Job(id=1, name="a", tags=["x"], at=(1, 2.0), extra=None),
        Job(id=2, name=None, tags=[], at=(3, 4.0)),
    ]
    changed = [
        (Job(id="1", name="a", tags=["x"], at=(1, 2.0)), ".id", "'1' is of type str, the contract says int"),
        (Job(id=1, name=2, tags=["x"], at=(1, 2.0)), ".name", "2 is of type int, the contract says none or str"),
        (Job(id=1, name="a", tags=[1], at=(1, 2.0)), ".tags[0]", "1 is of type int, the contract says str"),
        (Job(id=1, name="a", tags=["x"], at=(1, 2)), ".at[1]", "2 is of type int, the contract says float"),
        (Job(id=1, name="a", tags=["x"], at=(1, 2.0, 3)), ".at", "(1, 2.0, 3) has not as many elements as the contract says: 2"),
        (Job(id=1, name="a", at=(1, 2.0)), "", "__main__:Job lacks tags"),
        (Job(id=1, name="a", tags=["x"], at=(1, 2.0), more=1), "",
         "__main__:Job has more, which the contract does not have"),
    ]  # fmt: skip
    problems = []
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        (folder / "samples.pkl").write_bytes(b"".join(pickle.dumps(sample, protocol) for sample in samples))
        code, text, err = run(folder, "infer", "samples.pkl")
        (folder / "c.json").write_text(text)
        if code or run(folder, "check", "c.json", "samples.pkl")[0]:
            problems.append(f"protocol {protocol}: {text} {err}")
        for value, path, message in changed:
            (folder / "changed.pkl").write_bytes(pickle.dumps(value, protocol))
            code, text, _ = run(folder, "check", "--json", "c.json", "changed.pkl")
            answer = json.loads(text.splitlines()[0])
            told = [(finding["path"], finding["message"]) for finding in answer["findings"]]
            if code != 1 or answer["state"] != "drifted" or told != [(path, message)]:
                problems.append(f"protocol {protocol}: {told}, not {(path, message)}")
    return problems


def main() -> int:
    failures = []
    passed = inferred = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number, data in enumerate(pickles(folder)):
            problem, is_inferred = infer_and_check(folder, data)
            inferred += is_inferred
            if problem:
                failures.append(f"pickle {number}, {data[:200]!r}: {problem}")
            else:
                passed += 1
        problems = drifting(folder)
        failures += problems
        passed += not problems
    if inferred < 100:
        failures.append(f"only {inferred} contracts were inferred")
    for failure in failures[:20]:
        print(failure)
    print(f"{passed} passed, {len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
