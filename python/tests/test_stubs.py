# SPDX-License-Identifier: MIT
"""The stub says what the module has: every name, every parameter with its default."""

import ast
import inspect
import re
from pathlib import Path

import snapjar

STUB = ast.parse((Path(snapjar.__file__).parent / "__init__.pyi").read_text())


def stub_functions(body, prefix=""):
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from stub_functions(node.body, f"{node.name}.")
        elif isinstance(node, ast.FunctionDef):
            yield prefix + node.name, node


def parameters(node):
    listed = node.args
    positional = [(argument.arg, None) for argument in listed.posonlyargs + listed.args]
    for index, default in enumerate(reversed(listed.defaults), 1):
        positional[-index] = positional[-index][0], ast.unparse(default)
    keyword = [(argument.arg, ast.unparse(default) if default else None)
               for argument, default in zip(listed.kwonlyargs, listed.kw_defaults)]  # fmt: skip
    return positional + keyword


def test_names():
    names = {node.name for node in STUB.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    assert {name for name in names if not name.startswith("_")} == set(snapjar.__all__)


def test_parameters():
    for name, node in stub_functions(STUB.body):
        actual = snapjar
        for part in name.split("."):
            actual = inspect.getattr_static(actual, part)
        if isinstance(actual, property) or name.endswith(("__exit__", "Policy.__init__")) or "." in name and name != "":
            continue
        if name == "open_reader":  # takes the keywords of load, checked when it is called
            continue
        want = parameters(node)
        got = [(parameter.name, None if parameter.default is parameter.empty else repr(parameter.default).replace("'", '"'))
               for parameter in inspect.signature(actual).parameters.values()]  # fmt: skip
        assert got == [(argument, default and default.replace("'", '"')) for argument, default in want], name


def test_bases():
    for node in STUB.body:
        if isinstance(node, ast.ClassDef) and node.name.endswith(("Error", "Warning", "EndOfFile")):
            kind = getattr(snapjar, node.name)
            assert [base.__name__ for base in kind.__bases__] == [ast.unparse(base).split(".")[-1] for base in node.bases]


def test_everything_is_documented():
    text = (Path(__file__).parents[2] / "docs" / "python.md").read_text()
    missing = [name for name in snapjar.__all__ if not re.search(rf"\b{name}\b", text)]
    for name, node in stub_functions(STUB.body):
        if "." in name and not name.endswith("__init__"):
            continue
        for parameter, _ in parameters(node):
            if parameter != "self" and not re.search(rf"[`(*, ]{parameter}[`=,):]", text):
                missing.append(f"{name}: {parameter}")
    assert not missing
