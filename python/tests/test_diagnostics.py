# SPDX-License-Identifier: MIT
"""Every diagnostic that the package names is in the library's table, so that `snapjar explain` knows it."""

import ast
import os
import re
import subprocess
from pathlib import Path

import snapjar
from snapjar import _core, _errors

FOLDER = Path(snapjar.__file__).parent
TABLE = {name: explanation for _, name, _, explanation in _core.diagnostics()}
IN_MESSAGE = re.compile(r"\[([a-z]+(?:-[a-z]+)+)\]$")


def texts(node):
    return [part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str)]


def named_in(source):
    """The names that are given to `diagnostic`, asked a hint for, or at the end of a message."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.keyword) and node.arg == "diagnostic":
            yield from (text for text in texts(node.value) if text)
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "diagnostic":
            yield from (text for text in texts(node.value) if "-" in text)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "hint_of":
            yield from texts(node)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from IN_MESSAGE.findall(node.value)


def all_named():
    return {name for path in FOLDER.rglob("*.py") for name in named_in(path.read_text())}


def test_what_is_searched_is_found():
    assert set(named_in('e._with(diagnostic=x if y else "a-b")')) == {"a-b"}
    assert set(named_in('diagnostic = getattr(e, "diagnostic", "") or "c-d"')) == {"c-d"}
    assert set(named_in('hint_of("e-f"); E(f"{text} [g-h]"); E("no [i-j] here")')) == {"e-f", "g-h"}


def test_all_are_in_the_table():
    named = all_named()
    assert {"global-missing", "layout-differs", "environment-differs", "not-picklable", "load-failed", "unexpected-type",
            "bad-entry", "empty-file", "record-not-found", "extension-denied", "global-denied"} <= named  # fmt: skip
    assert named <= set(TABLE)


def test_explain_knows_them():
    for name in sorted(all_named()):
        shown = subprocess.run([os.environ["SNAPJAR"], "explain", name], capture_output=True, text=True, check=True).stdout
        assert name in shown and TABLE[name].split()[0] in shown


def test_hints_are_the_tables():
    for error in (_errors.explain_unpickling(None, ValueError("x")), raised(snapjar.dumps, lambda: 0)):
        assert error.diagnostic in str(error) and error.hint == TABLE[error.diagnostic]


def raised(function, *arguments):
    try:
        function(*arguments)
    except snapjar.SnapjarError as error:
        return error
    raise AssertionError("nothing was raised")
