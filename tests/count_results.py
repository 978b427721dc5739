#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Counts the tests inside Meson's tests: count_results.py [TITLE=]testlog.json ...

A Meson test is a program that holds many tests. Each says how many in its own way (cmocka, pytest, or a last line
`N passed, N failed`); one that says nothing counts as one. Prints a line per run, the failed programs, and last
`N passed, N failed` (with `, N skipped` before it on a line of its own). Exit code 1 if anything failed or nothing ran.
"""

import json
import re
import sys
from collections import Counter

CMOCKA = re.compile(r"^\[  (PASSED|FAILED) +\] (\d+) test\(s\)|^\[ +(SKIPPED) \] (\d+) test\(s\)", re.M)
# pytest's last line ("== 3 failed, 5 passed, 1 skipped in 0.1s ==") and our own runners' ("5 passed, 3 failed").
SUMMARY = re.compile(r"^[=# ]*((?:\d+ [a-z]+(?:, | in |$| ?=))+)", re.M)
PART = re.compile(r"(\d+) (passed|failed|errors?|skipped|xfailed|xpassed)\b")
KINDS = {"error": "failed", "errors": "failed", "xfailed": "passed", "xpassed": "failed"}


def count_output(output: str) -> Counter:
    """What the output of one program says; empty if it says nothing."""
    counts: Counter = Counter()
    for verdict, number, skipped, skipped_number in CMOCKA.findall(output):
        counts[(verdict or skipped).lower()] += int(number or skipped_number)
    if counts:
        return counts
    for line in SUMMARY.findall(output):
        parts = PART.findall(line)
        if parts:  # the last such line counts: pytest may run inside a runner that sums up
            counts = Counter()
            for number, kind in parts:
                counts[KINDS.get(kind, kind)] += int(number)
    return counts


def count_test(entry: dict) -> Counter:
    """Counts one Meson test. Meson's own verdict (the exit code) can only make it worse."""
    counts = count_output(entry.get("stdout", "") + "\n" + entry.get("stderr", ""))
    result = entry["result"]
    if result == "SKIP":
        return Counter(skipped=max(1, counts["skipped"]))
    if result in ("OK", "EXPECTEDFAIL"):
        return counts if sum(counts.values()) else Counter(passed=1)
    if not counts["failed"]:
        counts["failed"] = 1
    return counts


def count_log(path: str) -> tuple[Counter, list[str]]:
    """Counts a testlog.json: one JSON object a line. A log that is not there is a run that failed."""
    total: Counter = Counter()
    failed = []
    try:
        with open(path, encoding="utf-8") as file:
            entries = [json.loads(line) for line in file]
    except (OSError, ValueError) as error:
        return Counter(failed=1), [f"no log of the run: {error}"]
    if not entries:
        return Counter(failed=1), ["no test ran"]
    for entry in entries:
        counts = count_test(entry)
        total += counts
        if counts["failed"]:
            failed.append(f"{entry['name']} ({entry['result']}): {counts['failed']}")
    return total, failed


def self_test() -> None:
    cases = [
        ("[==========] Running 2 test(s).\n[  PASSED  ] 2 test(s).\n", "OK", (2, 0, 0)),
        ("[  PASSED  ] 1 test(s).\n[  FAILED  ] 2 test(s), listed below:\n[  FAILED  ] a\n", "FAIL", (1, 2, 0)),
        ("[  PASSED  ] 3 test(s).\n[  SKIPPED ] 1 test(s), listed below:\n", "OK", (3, 0, 1)),
        ("==== 3 failed, 5 passed, 1 skipped in 0.12s ====\n", "FAIL", (5, 3, 1)),
        ("5 passed in 0.12s\n", "OK", (5, 0, 0)),
        ("7 passed, 0 failed\n", "OK", (7, 0, 0)),
        ("1 passed, 0 failed\n7 passed, 0 failed\n", "OK", (7, 0, 0)),
        ("not ok 2 - x\n# 97 passed, 29 failed, 1 skipped\n", "FAIL", (97, 29, 1)),
        ("2 passed, 1 error in 3s\n", "FAIL", (2, 1, 0)),
        ("7 passed, 0 failed\n", "FAIL", (7, 1, 0)),
        ("[  PASSED  ] 3 test(s).\n", "TIMEOUT", (3, 1, 0)),
        ("3 records passed, none failed\n", "OK", (1, 0, 0)),
        ("", "OK", (1, 0, 0)),
        ("", "SKIP", (0, 0, 1)),
    ]
    for output, result, want in cases:
        counts = count_test({"stdout": output, "result": result})
        got = (counts["passed"], counts["failed"], counts["skipped"])
        if got != want:
            sys.exit(f"count_results.py: {output!r} with {result} counts as {got}, must be {want}")
    print(f"{len(cases)} passed, 0 failed")


def main() -> int:
    if sys.argv[1:] == ["--self-test"]:
        self_test()
        return 0
    total: Counter = Counter()
    for argument in sys.argv[1:]:
        title, _, path = argument.rpartition("=")
        counts, failed = count_log(path)
        total += counts
        print(f"{title or path}: {counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
        for line in failed:
            print(f"    failed: {line}")
    if total["skipped"]:
        print(f"{total['skipped']} skipped")
    print(f"{total['passed']} passed, {total['failed']} failed")
    return 0 if total["passed"] and not total["failed"] else 1


if __name__ == "__main__":
    sys.exit(main())
