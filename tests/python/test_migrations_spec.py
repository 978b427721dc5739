#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""spec/migrations.md against the library: its table is that of lib/migrate/steps.def, and its examples come out so.

test_migrations_spec.py [--write]; --write writes the table. $SNAPJAR_MIGRATE is the program built from
tests/helpers/migrate.c.
"""

import copyreg
import datetime
import json
import os
import pathlib
import pickle
import re
import struct
import subprocess
import sys
import tempfile
import types

ROOT = pathlib.Path(__file__).resolve().parents[2]
SPEC = ROOT / "spec/migrations.md"


def read_table():
    text = (ROOT / "lib/migrate/steps.def").read_text()
    names = dict(re.findall(r'SJ_MEMBER\((\w+), "(\w+)"\)', text))
    rows = {}
    for match in re.finditer(
        r'SJ_STEP\((\w+), "(\w+)", \w+,\s+"([^"]+)"\)|SJ_TAKES\((\w+), (\w+), (\w+), (\w+)\)', text
    ):
        op, name, summary, owner, member, _, required = match.groups()
        if op:
            rows[op] = (name, summary, [])
        else:
            rows[owner][2].append((names[member], required == "true"))
    return list(rows.values())


def render(rows):
    lines = ["| step | what it does | it needs | it may have |", "|---|---|---|---|"]
    for name, summary, members in rows:
        needs = [f"`{member}`" for member, required in members if required]
        may = [f"`{member}`" for member, required in members if not required]
        if "`class`" in may and "`at`" in may:
            may = [member for member in may if member not in ("`class`", "`at`")]
            needs.insert(0, "`class` or `at`")
        lines.append(f"| `{name}` | {summary} | {', '.join(needs)} | {', '.join(may)} |")
    return "\n".join(lines) + "\n"


def split(text):
    start = text.index("<!-- steps.def -->\n") + len("<!-- steps.def -->\n")
    end = text.index("<!-- end -->")
    return text[:start], text[start:end], text[end:]


# ---- examples ----


def make_class(module, name):
    def new(cls, *arguments, **fields):
        self = object.__new__(cls)
        self.arguments, self.given = arguments, fields or None
        return self

    def init(self, *arguments, **fields):
        # NEWOBJ does not come here.
        self.is_called = Module.is_loading

    def reduce(self):
        if self.is_called:
            return type(self), self.arguments
        made = (copyreg.__newobj__, (type(self),) + self.arguments)
        return made if self.given is None else made + (self.given,)

    def set_state(self, state):
        self.given = state

    def by_call(*arguments):
        self = made(*arguments)
        self.is_called = True
        return self

    def with_state(state):
        self = object.__new__(made)
        self.arguments, self.given = (), state
        return self

    def tell(self):
        return f"{module}.{name}{'.call' * self.is_called}({self.arguments!r}, {self.given!r})"

    made = type(name, (), {"__new__": new, "__init__": init, "__reduce__": reduce, "__setstate__": set_state, "__repr__": tell})
    made.__module__ = module
    made.is_called = False
    made.call = staticmethod(by_call)
    made.state = staticmethod(with_state)
    made.slots = staticmethod(lambda **fields: with_state((None, fields)))
    return made


class Module(types.ModuleType):
    """Makes its classes, and its submodules, when they are asked for."""

    is_loading = False

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        full = f"{self.__name__}.{name}"
        made = make_class(self.__name__, name) if name[0].isupper() else sys.modules.setdefault(full, Module(full))
        setattr(self, name, made)
        return made


def migrate(step, data, protocol):
    steps = json.dumps({"steps": [step]}).encode()
    with tempfile.NamedTemporaryFile() as file:
        file.write(bytes([protocol, 0]))
        for text in (steps, data):
            file.write(struct.pack("<I", len(text)) + text)
        file.flush()
        output = subprocess.run(
            [os.environ["SNAPJAR_MIGRATE"], file.name], stdout=subprocess.PIPE, check=True
        ).stdout
    return output[0], output[5:]


def run_example(text):
    step, before, after = re.fullmatch(r"step:   (.*)\nbefore: (.*)\nafter:  (.*)\n", text).groups()
    names = {name: sys.modules.setdefault(name, Module(name)) for name in ("app", "apple", "new")}
    names["datetime"] = datetime
    for module in ("app.jobs", "new.app", "new.app.jobs"):
        eval(module, names)
    expected = eval(after, names)
    for protocol in (2, 3, 4, 5):
        status, answer = migrate(json.loads(step), pickle.dumps(eval(before, names), protocol), protocol)
        assert status == 0, answer.decode()
        Module.is_loading = True
        got = pickle.loads(answer)
        Module.is_loading = False
        assert repr(got) == repr(expected), f"{got!r}\n{expected!r}"
    return json.loads(step)["op"]


def main():
    text = SPEC.read_text()
    before, table, after = split(text)
    rows = read_table()
    if "--write" in sys.argv:
        SPEC.write_text(before + render(rows) + after)
        return 0
    passed = failed = 0
    if table == render(rows):
        passed += 1
    else:
        print("the table is not that of steps.def: run test_migrations_spec.py --write")
        failed += 1
    shown = set()
    for example in re.findall(r"```steps\n(.*?)```", text, re.S):
        try:
            shown.add(run_example(example))
            passed += 1
        except Exception as error:
            print(example, error, sep="")
            failed += 1
    missing = {row[0] for row in rows} - shown
    if missing:
        print("no example of", *sorted(missing))
        failed += 1
    print(f"{passed} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
