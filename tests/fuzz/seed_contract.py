#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes a small seed corpus for fuzz_contract: seed_contract.py DIRECTORY. Contracts, each with a pickle."""

import json
import pathlib
import pickle
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "python"))
import scan_objects  # noqa: E402


def contract(**members):
    return {"snapjar_contract": 1, "type": "t", "schema_version": 1, **members}


def rule(**members):
    return contract(root=members)


def make_pairs():
    example = re.search(r"```json\n(.*?)```", (HERE.parent.parent / "spec" / "contract.md").read_text(encoding="utf-8"), re.S)
    state = {"fields": {"text": {"type": "str"}, "x": {"required": False}}, "extra_fields": "allow"}
    yield json.loads(example.group(1)), {"a": 1}
    yield contract(), None
    yield contract(classes={"scan_objects:State": state}), [scan_objects.State("s"), scan_objects.State("t")]
    yield contract(classes={"scan_objects:Slots": {"state": "slots", "fields": {}}}), scan_objects.Slots()
    yield contract(versions={"0": {"accepted": True, "root": {"type": "int"}}}), 5
    yield contract(migrations=[{"from": 0, "to": 1, "steps": [{"op": "rename_module", "from": "a", "to": "b"}]}]), 5
    yield rule(type=["int", "float"], min=-1.5, max={"$int": "99999999999999999999"}), 2**70
    yield rule(type="str", min_length=1, max_length=3, pattern="[a-c]+|(x{2,3}y?)*", enum=["a", "abc"]), "abd"
    yield rule(type="list", items={"type": "tuple", "elements": [{"type": "int"}, {}]}), [(1, 2), (1,), ("x", None)]
    yield rule(type="dict", keys={"type": "str"}, values={"type": "set", "items": {"max": 3}}), {"a": {1, 2, 9}, 3: set()}
    yield rule(type="dict", entries={"a": {"type": "none"}}, extra_entries="allow"), {"a": 1, "b": 2}
    yield {"snapjar_contract": 2}, b"x"
    yield contract(classes=[]), frozenset([1])


def main():
    directory = pathlib.Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    for number, (document, value) in enumerate(make_pairs()):
        text = json.dumps(document, indent=number % 2 or None).encode()
        data = len(text).to_bytes(2, "little") + text + pickle.dumps(value, number % 6)
        (directory / ("contract-%03d" % number)).write_bytes(data)


if __name__ == "__main__":
    main()
