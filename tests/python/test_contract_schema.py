#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The schema of contracts and the reader agree: test_contract_schema.py SNAPJAR

A contract that has all there is, is changed at every place in every way; each result is good or bad for both. What a schema
cannot say (spec/contract.md, section 9) is known by the reader's diagnostic or words. Needs python3-jsonschema.
"""

import copy
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import jsonschema

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "spec" / "contract.schema.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

FULL = {
    "snapjar_contract": 1,
    "type": "app:Job",
    "schema_version": 3,
    "description": "all there is",
    "presets": ["plain", "datetime"],
    "allow": {"app:f": ["call"], "app:g": {"uses": ["new", "build"], "reason": "why"}},
    "extensions": {"240": "app:Ext"},
    "persistent_ids": True,
    "buffers": False,
    "root": {"type": ["app:Job", "none"], "description": "it"},
    "classes": {
        "app:Job": {
            "state": "slots",
            "extra_fields": "allow",
            "description": "a job",
            "fields": {
                "id": {"type": "int", "min": 0, "max": {"$int": "99999999999999999999"}},
                "rate": {"type": ["float", "int"], "min": 0.5, "required": False},
                "name": {"type": "str", "min_length": 1, "max_length": 8, "pattern": "[a-z]+", "enum": ["a", "b"]},
                "tags": {"type": ["set", "list"], "items": {"type": "str"}},
                "pair": {"type": "tuple", "elements": [{"type": "int"}, {}]},
                "map": {"type": "dict", "keys": {"type": "str"}, "values": {"items": {}}},
                "env": {"type": "dict", "extra_entries": "refuse", "entries": {"x": {"required": True}}},
            },
        },
        "app:Kind": {"state": "enum"},
    },
    "versions": {
        "0": {"classes": {"app:Old": {}}, "root": {"type": "any"}},
        "2": {"accepted": True, "description": "nearly"},
    },
    "migrations": [
        {"from": 0, "to": 3, "description": "at once", "steps": [{"op": "rename", "from": "app:Old", "to": "app:Job"}]}
    ],
}

VALUES = [None, True, 1, -1, 1.0, "", "x", "a:b", [], {}, [1], {"a:b": {}}, {"type": "int"}, {"$int": "12"}]

# What the reader refuses and the schema does not know.
BEYOND = {"contract-chain", "contract-pattern", "step-class-unknown"}
BEYOND_WORDS = re.compile(
    r"is less than|there is no preset|is mapped already|is the current version|is newer than the contract|1 to 1024 bytes|"
    r"must be an integer|are none, or not all known|longer than names|stands twice among the types|is no type|is no class"
)

# Documents of which somebody may doubt what is said of them: text, good or bad.
TABLE = [
    ('{"snapjar_contract": 1, "type": "t", "schema_version": 0}', True),
    ('{"snapjar_contract": 1, "type": "t", "schema_version": 9223372036854775807}', True),
    ('{"snapjar_contract": 2, "type": "t", "schema_version": 0}', False),
    ('{"snapjar_contract": 1, "type": "t"}', False),
    ('{"snapjar_contract": 1, "type": "t", "schema_version": 0, "root": {"min": 1, "pattern": "x", "items": {}}}', True),
    ('{"snapjar_contract": 1, "type": "t", "schema_version": 0, "root": {"type": "any", "min": 1}}', True),
    ('{"snapjar_contract": 1, "type": "t", "schema_version": 0, "root": {"type": ["str", "int"], "min": 1}}', True),
    ('{"snapjar_contract": 1, "type": "t", "schema_version": 0, "root": {"type": "str", "min": 1}}', False),
    ('{"snapjar_contract": 1, "type": "t", "schema_version": 0, "root": {"type": ["a:B"], "items": {}}}', False),
    ('{"snapjar_contract": 1, "type": "t", "schema_version": 0, "root": {"type": ["list", "tuple"], "items": {}, '
     '"elements": []}}', True),
    ('{"snapjar_contract": 1, "type": "t", "schema_version": 0, "root": {"type": "tuple", "items": {}, "elements": []}}', False),
    ('{"snapjar_contract": 1, "type": "t", "schema_version": 0, "root": {"items": {}, "elements": []}}', True),
    ('{"snapjar_contract": 1, "type": "t", "schema_version": 0, "root": {"entries": {}, "keys": {}}}', False),
    ('{"snapjar_contract": 1, "type": "t", "schema_version": 0, "root": {"extra_entries": "allow"}}', False),
    ('{"snapjar_contract": 1, "type": "t", "schema_version": 0, "root": {"required": true}}', False),
    ('{"snapjar_contract": 1, "type": "t", "schema_version": 0, "classes": {"a:B": {"state": "enum", "fields": {}}}}', False),
    ('{"snapjar_contract": 1, "type": "t", "schema_version": 0, "classes": {"a:B": {"state": "opaque", "extra_fields": '
     '"allow"}}}', False),
    ('{"snapjar_contract": 1, "type": "t", "schema_version": 0, "classes": {"a": {}}}', False),
    ('{"snapjar_contract": 1, "type": "t", "schema_version": 0, "allow": {"a:b": []}}', False),
    ('{"snapjar_contract": 1, "type": "t", "schema_version": 0, "extensions": {"01": "a:b"}}', False),
    ('{"snapjar_contract": 1, "type": "t", "schema_version": 2, "versions": {"01": {"accepted": true}}}', False),
    ('{"snapjar_contract": 1, "type": "t", "schema_version": 2, "versions": {"1": {"accepted": true}}}', True),
]  # fmt: skip


def places(value, path=()):
    """The paths of all values inside, those of containers too."""
    yield path
    if isinstance(value, dict):
        for key in value:
            yield from places(value[key], path + (key,))
    if isinstance(value, list):
        for index in range(len(value)):
            yield from places(value[index], path + (index,))


def holder(document, path):
    for step in path[:-1]:
        document = document[step]
    return document


def changed():
    """Every place of the full contract with every value, without it, and with a member more."""
    for path in places(FULL):
        if path:
            for value in VALUES:
                document = copy.deepcopy(FULL)
                holder(document, path)[path[-1]] = value
                yield f"{path} = {value!r}", document
            document = copy.deepcopy(FULL)
            del holder(document, path)[path[-1]]
            yield f"{path} deleted", document
        document = copy.deepcopy(FULL)
        here = document
        for step in path:
            here = here[step]
        if isinstance(here, dict):
            here["zzz"] = 1
            yield f"{path} with zzz", document


def reads(snapjar: str, folder: Path, text: str) -> str:
    """What the reader says of a contract; "" if it takes it."""
    (folder / "c.json").write_text(text, encoding="utf-8")
    done = subprocess.run(
        [snapjar, "contract", "check", "--json", "c.json", "none.pkl"], cwd=folder, capture_output=True, check=False
    )
    assert done.returncode in (0, 1, 2), done
    if done.returncode == 2:
        return done.stderr.decode() or "silent"
    return ""


def judge(name: str, document, said: str) -> str:
    """Why the two do not agree; "" if they do."""
    is_valid = VALIDATOR.is_valid(document)
    if is_valid and not said or not is_valid and said:
        return ""
    if not is_valid:
        reasons = "; ".join(error.message[:200] for error in VALIDATOR.iter_errors(document))
        return f"{name}: the reader takes it, the schema does not: {reasons}"
    diagnostic = re.search(r"\[([a-z-]+)\] at byte", said)
    if diagnostic and (diagnostic.group(1) in BEYOND or BEYOND_WORDS.search(said)):
        return ""
    return f"{name}: the schema takes it, the reader does not: {said}"


def main() -> int:
    snapjar = str(Path(sys.argv[1]).resolve())
    passed = 0
    failures = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "none.pkl").write_bytes(b"N.")
        jsonschema.Draft202012Validator.check_schema(SCHEMA)
        example = re.search(r"## 12 Example\n\n```json\n(.*?)```", (ROOT / "spec" / "contract.md").read_text(), re.S).group(1)
        for text, is_good in [(json.dumps(FULL), True), (example, True), *TABLE]:
            said = reads(snapjar, folder, text)
            valid = VALIDATOR.is_valid(json.loads(text))
            if valid != is_good or (said == "") != is_good:
                failures.append(f"{text}: {said or 'taken by the reader'}, valid: {valid}")
            else:
                passed += 1
        seen = {True: 0, False: 0}
        for name, document in changed():
            said = reads(snapjar, folder, json.dumps(document))
            problem = judge(name, document, said)
            seen[said == ""] += 1
            if problem:
                failures.append(problem)
            else:
                passed += 1
        if min(seen.values()) < 100:
            failures.append(f"too few good or bad documents: {seen}")
    for failure in failures[:50]:
        print(failure)
    print(f"{passed} passed, {len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
