#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares what `snapjar diff` says with what was done to objects: test_diff_cpython.py SNAPJAR

Equal objects, pickled by either pickler of CPython in any protocol, have no difference. Objects that were changed in one
known place differ in exactly that.
"""

import copy
import io
import json
import os
import pickle
import pickletools
import random
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import scan_objects  # noqa: E402

SNAPJAR = sys.argv[1]
PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
MUTATIONS = 3000


def diff(before: str, after: str) -> tuple:
    done = subprocess.run([SNAPJAR, "diff", "--json", before, after], capture_output=True, check=False)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return done.returncode, rows, done.stderr.decode()


def write(path: str, pickles: list) -> None:
    with open(path, "wb") as file:
        file.write(b"".join(pickles))


# ---- the same object, pickled in different ways ----


def dump(value: object, protocol: int, by_python: bool) -> bytes:
    out = io.BytesIO()
    (pickle._Pickler if by_python else pickle.Pickler)(out, protocol).dump(value)
    return out.getvalue()


def has_other_base(data: bytes) -> bool:
    """Protocols 0 and 1 write a tuple or dict of a class of its own as copyreg._reconstructor(class, base, base(...)), later
    ones by its arguments or items: what is equal there is for the class to know."""
    strings = [str(argument) for opcode, argument, _ in pickletools.genops(data) if opcode.name == "GLOBAL"]
    return "copy_reg _reconstructor" in strings and any(
        f"__builtin__ {base}" in strings for base in ("tuple", "dict", "list", "set", "frozenset", "int"))


def same_in_all_protocols(folder: str) -> list:
    """Each object in each protocol and by each pickler, against protocol 4: nothing."""
    columns = [(protocol, by_python) for protocol in PROTOCOLS for by_python in (False, True)]
    rows = []
    skipped = 0
    values = list(scan_objects.objects()) + list(scan_objects.new_objects())
    for value in values:
        made = {}
        for protocol, by_python in columns:
            try:
                made[protocol, by_python] = dump(value, protocol, by_python)
            except (pickle.PicklingError, TypeError, AttributeError, RecursionError):
                continue
        # Protocol 2 writes keyword arguments as functools.partial, and has no name for Python 3's PermissionError.
        if b"WithKeywords" in made[4, False] or b"PermissionError" in made[4, False]:
            made = {key: data for key, data in made.items() if key[0] >= 4}
        if (0, False) in made and has_other_base(made[0, False]):
            skipped += 1
            made = {key: data for key, data in made.items() if key[0] >= 2}
        rows.append(made)
    problems = []
    for protocol, by_python in columns:
        both = [(row[4, False], row[protocol, by_python]) for row in rows if (4, False) in row and (protocol, by_python) in row]
        write(os.path.join(folder, "before"), [pair[0] for pair in both])
        write(os.path.join(folder, "after"), [pair[1] for pair in both])
        code, told, stderr = diff(os.path.join(folder, "before"), os.path.join(folder, "after"))
        if code != 0:
            problems.append(f"protocol 4 and {protocol}, pickler {by_python}: {code} {stderr}")
            problems += [str(row) for row in told if row["kind"] != "summary"][:5]
        elif told[-1]["records"] != len(both):
            problems.append(f"protocol {protocol}: {told[-1]['records']} records of {len(both)}")
    print(f"  {len(rows)} objects in {len(columns)} ways; {skipped} not in protocols 0 and 1")
    return problems


# ---- one change in a known place ----


class Maker:
    """Random values in which no two leaves are equal, and the places in them."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.count = 0

    def leaf(self) -> object:
        self.count += 1
        return self.chance.choice([
            lambda: self.count,
            lambda: -self.count - 2**70,
            lambda: f"text {self.count}",
            lambda: f"caf\u00e9 {self.count}",
            lambda: f"b {self.count}".encode(),
            lambda: self.count + 0.5,
            lambda: "x" * 300 + str(self.count),
        ])()

    def value(self, depth: int) -> object:
        kind = self.chance.randrange(8) if depth > 0 else 7
        size = self.chance.randrange(7)
        if kind == 0:
            return [self.value(depth - 1) for _ in range(size)]
        if kind == 1:
            return tuple(self.value(depth - 1) for _ in range(size))
        if kind == 2:
            return {f"k{i}": self.value(depth - 1) for i in range(size)}
        if kind == 3:
            return {i * 3: self.value(depth - 1) for i in range(size)}
        if kind == 4:
            return {self.leaf() for _ in range(size)}
        if kind in (5, 6):
            made = scan_objects.Empty()
            for i in range(size):
                setattr(made, f"f{i}", self.value(depth - 1))
            return made
        return self.leaf()


def label(key: object) -> str:
    return f"[{key!r}]"


def places(root: object) -> list:
    """(path, container) of all that can be changed."""
    found, pending = [], [("", root)]
    while pending:
        path, value = pending.pop()
        if isinstance(value, (list, dict, set, scan_objects.Empty)):
            found.append((path, value))
        if isinstance(value, (list, tuple)):
            pending += [(f"{path}[{i}]", part) for i, part in enumerate(value)]
        elif isinstance(value, dict):
            pending += [(path + label(key), part) for key, part in value.items()]
        elif isinstance(value, scan_objects.Empty):
            pending += [(f"{path}.{name}", part) for name, part in vars(value).items()]
    return found


def change(maker: Maker, path: str, value: object) -> tuple:
    """Changes a container in one way; returns what a difference must say: (kind, change, path or field)."""
    chance = maker.chance
    new = maker.leaf()
    if isinstance(value, list):
        at = chance.randrange(len(value) + 1)
        what = chance.randrange(3)
        if what == 0 or at == len(value):
            value.insert(at, new)
            return "change", "added", f"{path}[{at}]"
        old = value[at]
        if what == 1:
            del value[at]
            return "change", "removed", f"{path}[{at}]"
        value[at] = new
        return "change", "value" if type(old) is type(new) else "type", f"{path}[{at}]"
    if isinstance(value, set):
        if value and chance.randrange(2):
            value.remove(chance.choice(sorted(value, key=repr)))
            return "change", "removed", path
        value.add(new)
        return "change", "added", path
    names = vars(value) if isinstance(value, scan_objects.Empty) else value
    is_object = names is not value
    kind = "layout-change" if is_object else "change"
    if not names or chance.randrange(3) == 0:
        names["fresh"] = new
        return kind, "added", "fresh" if is_object else path + label("fresh")
    key = chance.choice(list(names))
    part_path = f"{path}.{key}" if is_object else path + label(key)
    old = names[key]
    if chance.randrange(2):
        del names[key]
        return kind, "removed", key if is_object else part_path
    names[key] = new
    return "change", "value" if type(old) is type(new) else "type", part_path


def is_expected(row: dict, expected: tuple) -> bool:
    kind, how, where = expected
    if row["kind"] != kind or row["change"] != how:
        return False
    if kind == "layout-change":
        return row["field"] == where and row["count"] == 1
    # The place of an element in a set is that of the pickle, which hashes of texts decide.
    return row["path"] == where or (row["path"].startswith(where + "{") and how in ("added", "removed"))


def one_change_is_one_row(folder: str) -> list:
    chance = random.Random(20260131)
    before, after, expected = [], [], []
    while len(before) < MUTATIONS:
        maker = Maker(chance)
        value = maker.value(5)
        found = places(value)
        if not found:
            continue
        first = dump(value, chance.choice(PROTOCOLS), chance.randrange(8) == 0)
        other = pickle.loads(first)
        path, container = chance.choice(places(other))
        expected.append(change(maker, path, container))
        before.append(first)
        after.append(dump(other, chance.choice(PROTOCOLS), chance.randrange(8) == 0))
    write(os.path.join(folder, "before"), before)
    write(os.path.join(folder, "after"), after)
    code, rows, stderr = diff(os.path.join(folder, "before"), os.path.join(folder, "after"))
    problems = [] if code == 1 else [f"exit {code}: {stderr}"]
    by_record: dict = {}
    for row in rows[:-1]:
        by_record.setdefault(row["record"], []).append(row)
    for number, want in enumerate(expected):
        got = by_record.get(number, [])
        if len(got) != 1 or not is_expected(got[0], want):
            problems.append(f"record {number}: expected {want}, got {got[:3]} ({len(got)})")
    print(f"  {len(expected)} changes")
    return problems


# ---- identity ----


def identity(folder: str) -> list:
    """What was shared and is copied, and the reverse; cycles that are the same, and one that is not."""
    shared = [1]
    cycle: list = [1, []]
    cycle[1].append(cycle)
    unrolled = copy.deepcopy(cycle)
    unrolled[1][0] = [1, [unrolled]]
    cases = [
        ({"a": shared, "b": shared}, {"a": shared, "b": [1]}, [("copied", "['b']")]),
        ({"a": [1], "b": [1]}, {"a": shared, "b": shared}, [("shared", "['b']")]),
        ({"a": shared, "b": shared}, {"a": [1], "b": [2]}, [("copied", "['b']"), ("value", "['b'][0]")]),
        (cycle, copy.deepcopy(cycle), []),
        (cycle, unrolled, [("copied", "[1][0]")]),
        ([(1, 2), (1, 2)], [(shared := (1, 2)), shared], []),
    ]
    problems = []
    for protocol in PROTOCOLS:
        write(os.path.join(folder, "before"), [pickle.dumps(case[0], protocol) for case in cases])
        write(os.path.join(folder, "after"), [pickle.dumps(case[1], protocol) for case in cases])
        _, rows, stderr = diff(os.path.join(folder, "before"), os.path.join(folder, "after"))
        for number, case in enumerate(cases):
            got = [(row["change"], row["path"]) for row in rows[:-1] if row["record"] == number]
            if got != case[2]:
                problems.append(f"protocol {protocol}, case {number}: {got}, expected {case[2]} {stderr}")
    return problems


def main() -> int:
    failed = 0
    tests = (same_in_all_protocols, one_change_is_one_row, identity)
    for test in tests:
        with tempfile.TemporaryDirectory(prefix="snapjar-diff-") as folder:
            problems = test(folder)
        failed += bool(problems)
        print(f"{'not ok' if problems else 'ok'} - {test.__name__}")
        for problem in problems[:20]:
            print(f"  {problem}")
    print(f"{len(tests) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
