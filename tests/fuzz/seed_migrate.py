#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes a small seed corpus for fuzz_migrate: seed_migrate.py DIRECTORY. Random steps on random objects, and one of each
kind of step on its own."""

import hashlib
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "python"))

import test_migrate_cpython  # noqa: E402

SIZE_MAX = 1500
C = rb"\x80\2cm\nC\n)\x81}X\1\0\0\0aK\1sb.".decode("unicode_escape").encode("latin1")
LIST = rb"](K\1K\2}X\1\0\0\0aK\1se.".decode("unicode_escape").encode("latin1")
STEPS = [
    ({"op": "rename", "map": {"m:C": "n:D", "m:C.E": "n:E.F"}}, C),
    ({"op": "rename_module", "from": "m", "to": "n.o"}, C),
    ({"op": "restate", "class": "m:C", "to": "arguments", "by": "new", "fields": ["a"]}, C),
    ({"op": "restate", "class": "m:C", "to": "arguments", "by": "call", "fields": ["a"]}, C),
    ({"op": "restate", "class": "m:C", "to": "list", "fields": ["a"]}, C),
    ({"op": "to_dict", "class": "m:C"}, C),
    ({"op": "to_instance", "at": "[2]", "class": "m:C"}, LIST),
    ({"op": "retype", "at": "[*]", "to": "str"}, LIST),
    ({"op": "retype", "class": "m:C", "field": "a", "to": "float"}, C),
    ({"op": "map", "at": ".**['a']", "values": [[1, {"$new": ["m:D", [], {"x": {"$set": [1]}}]}]]}, LIST),
    ({"op": "rename_member", "class": "m:C", "names": {"A": "B"}, "values": [[1, 2]]}, b"cbuiltins\ngetattr\n(cm\nC\nVA\ntR."),
    ({"op": "insert", "at": "", "index": 1, "value": {"$complex": [1, 2]}}, LIST),
    ({"op": "remove", "at": "", "value": 1}, LIST),
    ({"op": "append", "at": "", "value": {"$call": ["m:f", [{"$dict": [[1, 2]]}]]}}, LIST),
    ({"op": "insert_argument", "class": "m:C", "index": 0, "value": None}, b"(I1\nim\nC\n."),
    ({"op": "move_argument", "class": "m:C", "index": 0, "to": 1}, b"cm\nC\n(I1\nI2\ntR."),
    ({"op": "drop_argument", "class": "m:C", "index": 0}, b"ccopy_reg\n_reconstructor\n(cm\nC\nc__builtin__\ntuple\n(I1\nttR."),
    ({"op": "protocol", "to": 4}, LIST),
]


def main() -> None:
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    seeds = [json.dumps({"steps": [step]}).encode() + b"\0" + data for step, data in STEPS]
    for seed in range(400):
        case = test_migrate_cpython.Case(seed)
        seeds.append(json.dumps({"steps": case.steps.steps}).encode() + b"\0" + case.data)
    for seed in seeds:
        if len(seed) <= SIZE_MAX:
            (folder / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)


if __name__ == "__main__":
    main()
