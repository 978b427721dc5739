#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The schema of migration steps is that of lib/migrate/steps.def, and the reader agrees with it.

test_steps_schema.py [--write]; --write makes the end of spec/contract.schema.json anew, from `"name"` on. Steps of every kind, with
all that they may have, are changed in every way: another value, a member less, a member of other steps. Each result is good or bad
for both. $SNAPJAR_MIGRATE is the program built from tests/helpers/migrate.c. Needs python3-jsonschema.
"""

import copy
import json
import os
import re
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = ROOT / "spec" / "contract.schema.json"

# ---- the schema ----

PART = r"[^\u0000- \u007f\\:'\".]+"
DOTTED = rf"{PART}(\.{PART})*"
LITERAL = {"$ref": "#/$defs/literal"}
HASHABLE = {"$ref": "#/$defs/hashable"}
KEY = {"$ref": "#/$defs/key"}
NAME = {"$ref": "#/$defs/name"}
COUNT_MAX = 1000

TYPES = {
    "NAME": NAME,
    "MODULE": {"type": "string", "maxLength": 1024, "pattern": f"^{DOTTED}$(?!\\n)"},
    "KEY": {"anyOf": [{"type": "string", "minLength": 1, "maxLength": 1024}, {"not": {"type": "string"}, **KEY}]},
    "PATH": {"type": "string"},
    "LITERAL": LITERAL,
    "NAME_MAP": {"type": "object", "minProperties": 1, "maxProperties": COUNT_MAX, "propertyNames": NAME,
                 "additionalProperties": NAME},
    "PRESENT": {"enum": ["error", "keep", "replace"]},
    "MISSING": {"enum": ["error", "ignore"]},
    "NONE": {"enum": ["error", "keep"]},
    "OTHERWISE": {"enum": ["error", "keep"]},
    "PLAIN_TYPE": {"enum": ["bool", "int", "float", "str", "bytes", "bytearray", "list", "tuple", "set", "frozenset",
                            "datetime", "date", "time"]},
    "ENCODING": {"enum": ["utf-8", "latin-1", "ascii"]},
    "STATE_FORM": {"enum": ["dict", "slots", "list", "tuple", "arguments"]},
    "INSTANCE_STATE": {"enum": ["dict", "slots"]},
    "MAKING": {"enum": ["call", "new"]},
    "PAIRS": {"type": "array", "minItems": 1, "maxItems": COUNT_MAX,
              "items": {"type": "array", "minItems": 2, "maxItems": 2, "items": LITERAL}},
    "TEXT_MAP": {"type": "object", "minProperties": 1, "maxProperties": COUNT_MAX, "propertyNames": {"minLength": 1},
                 "additionalProperties": {"type": "string", "minLength": 1}},
    "INDEX": {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1},
    "PROTOCOL": {"type": "integer", "minimum": 0, "maximum": 5},
    "FIELDS": {"type": "array", "maxItems": COUNT_MAX, "uniqueItems": True, "items": {"type": "string", "minLength": 1}},
}  # fmt: skip

# What no single member says.
TOGETHER = {
    "rename": [{"oneOf": [
        {"required": ["from", "to"], "not": {"required": ["map"]}},
        {"required": ["map"], "not": {"anyOf": [{"required": ["from"]}, {"required": ["to"]}]}},
    ]}],
    "remove": [{"oneOf": [{"required": ["index"]}, {"required": ["value"]}]}],
    "rename_member": [{"anyOf": [{"required": ["names"]}, {"required": ["values"]}]}],
    "restate": [{"if": {"required": ["to"], "properties": {"to": {"const": "arguments"}}},
                 "then": {"required": ["by"]}, "else": {"not": {"required": ["by"]}}}],
    "retype": [{"if": {"required": ["class"]}, "then": {"required": ["field"]}}],
    "map": [{"if": {"required": ["class"]}, "then": {"required": ["field"]}}],
}  # fmt: skip


def read_table() -> dict[str, list[tuple[str, str, bool]]]:
    """Of each step the members: name, type, whether it must be there."""
    text = (ROOT / "lib" / "migrate" / "steps.def").read_text()
    names = dict(re.findall(r'SJ_MEMBER\((\w+), "(\w+)"\)', text))
    text = text[text.index("*/") :]
    ops, rows = {}, {}
    for op, name, owner, member, kind, required in re.findall(
        r'SJ_STEP\((\w+), "(\w+)"|SJ_TAKES\((\w+), (\w+), (\w+), (\w+)\)', text
    ):
        if op:
            ops[op] = name
            rows[name] = []
        elif owner in ops:
            rows[ops[owner]].append((names[member], kind, required == "true"))
    return rows


def tagged(tag: str, schema: dict) -> dict:
    return {"type": "object", "required": [tag], "properties": {tag: schema}, "additionalProperties": False}


def literals() -> dict:
    array = {"type": "array", "items": LITERAL}
    call = {"type": "array", "minItems": 2, "maxItems": 2, "prefixItems": [NAME, array]}
    new = {"type": "array", "minItems": 2, "maxItems": 3, "prefixItems": [NAME, array, LITERAL]}
    pair = {"type": "array", "minItems": 2, "maxItems": 2, "prefixItems": [HASHABLE, LITERAL]}
    base64 = {"type": "string", "pattern": "^[A-Za-z0-9+/]*={0,2}$(?!\\n)"}
    part = {"anyOf": [{"type": "number"}, tagged("$float", {"type": "string"})]}
    same = [
        {"type": ["null", "boolean", "number", "string"]},
        tagged("$int", {"type": "string", "pattern": "^-?[0-9]+$(?!\\n)"}),
        tagged("$float", {"type": "string"}),
        tagged("$complex", {"type": "array", "minItems": 2, "maxItems": 2, "items": part}),
        tagged("$bytes", base64),
        tagged("$global", NAME),
    ]
    key = [tagged("$tuple", {"type": "array", "items": KEY}), tagged("$frozenset", {"type": "array", "items": KEY})]
    hashable = [
        tagged("$tuple", array),
        tagged("$frozenset", {"type": "array", "items": HASHABLE}),
        tagged("$call", call),
        tagged("$new", new),
    ]
    changes = [
        array,
        {"type": "object", "propertyNames": {"pattern": "^(?!\\$)"}, "additionalProperties": LITERAL},
        tagged("$set", {"type": "array", "items": HASHABLE}),
        tagged("$bytearray", base64),
        tagged("$dict", {"type": "array", "items": pair}),
    ]
    return {"key": {"anyOf": same + key}, "hashable": {"anyOf": same + hashable}, "literal": {"anyOf": [HASHABLE, *changes]}}


def step_schema(name: str, members: list[tuple[str, str, bool]]) -> dict:
    properties = {"op": {"const": name}, "if_none": {"enum": ["error", "ignore"]}, "description": {"type": "string"}}
    properties |= {member: TYPES[kind] for member, kind, _ in members}
    made = {"properties": properties, "additionalProperties": False}
    required = [member for member, _, is_required in members if is_required]
    together = list(TOGETHER.get(name, []))
    optional = {member for member, _, is_required in members if not is_required}
    if {"class", "at"} <= optional:
        together.insert(0, {"oneOf": [{"required": ["class"]}, {"required": ["at"]}]})
        keys = {member: {"type": "string"} for member, kind, _ in members if kind == "KEY"}
        together.append({"if": {"required": ["class"]}, "then": {"properties": keys}})
    if required:
        made["required"] = required
    if together:
        made["allOf"] = together
    return made


def definitions() -> dict:
    table = read_table()
    choose = [
        {"if": {"properties": {"op": {"const": name}}}, "then": {"$ref": f"#/$defs/step_{name}"}} for name in table
    ]
    made = {"name": {"type": "string", "maxLength": 1024, "pattern": f"^{DOTTED}:{DOTTED}$(?!\\n)"}}
    made |= literals()
    made["step"] = {
        "type": "object",
        "required": ["op"],
        "properties": {"op": {"enum": list(table)}},
        "allOf": choose,
    }
    return made | {f"step_{name}": step_schema(name, members) for name, members in table.items()}


def with_definitions(text: str) -> str:
    """The text of the schema, its end made anew. One line for each definition that fits, as the rest has it."""
    start = text.find(',\n    "name": {')
    head = text[:start] if start >= 0 else re.sub(r"\n  \}\n\}\n$", "", text)
    lines = []
    for name, schema in definitions().items():
        flat = json.dumps(schema)
        whole = json.dumps(schema, indent=2).replace("\n", "\n    ")
        lines.append(f'    "{name}": {flat if len(flat) < 100 else whole}')
    return head + ",\n" + ",\n".join(lines) + "\n  }\n}\n"


# ---- the reader ----

VALUES = [None, True, 0, -1, 5, 6, 1.0, 2**31, "", "x", "a:b", "a.b", "a..b:c", ":b", [], {}, ["x"], ["x", "x"], [[1, 2]],
          [[1, 2, 3]], [[1, {"$nil": 1}]], {"a:b": "c:d"}, {"a:b": 1}, {"a": "b"}, {"a": ""}, {"": "b"}, {"$int": "12"}, {"$int": 12},
          {"$int": "1x"}, {"$tuple": [1, "x"]}, {"$tuple": [[]]}, {"$tuple": 1}, {"$set": [[]]}, {"$set": [{"$frozenset": [1]}]},
          {"$frozenset": [{"a": 1}]}, {"$dict": [[1, 2]]}, {"$dict": [[[], 2]]}, {"$dict": [[1]]}, {"$global": "a:b"},
          {"$global": "a"}, {"$call": ["a:b", [1]]}, {"$call": ["a:b"]}, {"$new": ["a:b", [], {}]}, {"$new": ["a:b", {}]},
          {"$bytes": "YWI="}, {"$bytes": "*"}, {"$bytearray": "YWI="}, {"$complex": [1, {"$float": "nan"}]}, {"$complex": [1]},
          {"$float": "nan"}, {"$tuple": [1], "x": 1}]  # fmt: skip

SAMPLES = {
    "NAME": "app:Job", "MODULE": "app.jobs", "KEY": "x", "PATH": "['a'][*]", "LITERAL": {"$tuple": [1]},
    "NAME_MAP": {"app:Job": "new:Job"}, "PAIRS": [[1, 2]], "TEXT_MAP": {"a": "b"}, "INDEX": 1, "PROTOCOL": 2, "FIELDS": ["a"],
}  # fmt: skip

# What a schema cannot say; `1.0` is an integer to it.
BEYOND = re.compile(
    r"^steps-invalid .*(is no path|must lead to elements|is the same as|must be a number from)|^literal-invalid .*"
    r"(\"\$int\"|\"\$float\"|\"\$bytes|base64|digits)"
)


def good_steps():
    """Steps that have all that they may have, as far as one excludes no other."""
    for name, members in read_table().items():
        step = {"op": name, "if_none": "ignore", "description": "why"}
        for member, kind, _ in members:
            step[member] = copy.deepcopy(SAMPLES[kind] if kind in SAMPLES else TYPES[kind]["enum"][-1])
        if name in ("rename_field", "rename_module"):
            step["to"] = "y"
        if "after" in step:
            step["after"] = "z"
        without = []
        if {"class", "at"} <= step.keys() and name != "to_instance":
            without = [("class",), ("at",)]
        if name == "rename":
            without = [("map",), ("from", "to")]
        if name == "remove":
            without = [("index",), ("value",)]
        for gone in without or [()]:
            yield {member: value for member, value in step.items() if member not in gone}
        for member, kind, _ in members:
            for word in TYPES[kind].get("enum", ()):
                made = {key: value for key, value in step.items() if key not in (without or [()])[0]} | {member: word}
                if name == "restate" and made["to"] != "arguments":
                    del made["by"]
                yield made


def changed_steps():
    names = sorted({member for members in read_table().values() for member, _, _ in members}) + ["zzz", "op"]
    for step in good_steps():
        yield step
        for member in step:
            yield {key: value for key, value in step.items() if key != member}
            for value in VALUES:
                yield step | {member: value}
        for name in names:
            for value in ("a:b", 1, None):
                yield step | {name: value}


def ask_reader(steps: list) -> list[str]:
    """What the reader says against each, "" if nothing."""
    with tempfile.NamedTemporaryFile() as file:
        for step in steps:
            file.write(bytes([2, 0]))
            for text in (json.dumps({"steps": [step]}).encode(), b"N."):
                file.write(struct.pack("<I", len(text)) + text)
        file.flush()
        output = subprocess.run([os.environ["SNAPJAR_MIGRATE"], file.name], stdout=subprocess.PIPE, check=True).stdout
    answers, at = [], 0
    while at < len(output):
        status, size = output[at], struct.unpack_from("<I", output, at + 1)[0]
        said = output[at + 5 : at + 5 + size].decode() if status else ""
        answers.append(said if said.startswith(("steps-invalid", "literal-invalid")) else "")
        at += 5 + size
    assert len(answers) == len(steps)
    return answers


def main() -> int:
    text = SCHEMA.read_text(encoding="utf-8")
    if "--write" in sys.argv:
        SCHEMA.write_text(with_definitions(text), encoding="utf-8")
        return 0
    import jsonschema

    failures = [] if with_definitions(text) == text else ["the schema is not that of steps.def: test_steps_schema.py --write"]
    schema = json.loads(text)
    step = {"$schema": schema["$schema"], "$ref": "#/$defs/step", "$defs": schema["$defs"]}
    jsonschema.Draft202012Validator.check_schema(step)
    validator = jsonschema.Draft202012Validator(step)
    steps = list({json.dumps(one, sort_keys=True): one for one in changed_steps()}.values())
    seen = {True: 0, False: 0}
    for one, said in zip(steps, ask_reader(steps)):
        is_valid = validator.is_valid(one)
        seen[said == ""] += 1
        if is_valid == (said == "") or (is_valid and BEYOND.search(said)):
            continue
        failures.append(f"{json.dumps(one)}: schema {is_valid}, reader {said!r}")
    for good, said in zip(good_steps(), ask_reader(list(good_steps()))):
        if said:
            failures.append(f"{json.dumps(good)}: {said}")
    if min(seen.values()) < 500:
        failures.append(f"too few good or bad steps: {seen}")
    for failure in failures[:40]:
        print(failure)
    print(f"{len(steps)} passed" if not failures else f"{len(failures)} failed of {len(steps)}, {seen}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
