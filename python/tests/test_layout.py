# SPDX-License-Identifier: MIT
"""Classes and environments that are not those that wrote the snapshot."""

import dataclasses
import functools
import sys
import types
import warnings

import pytest
import snapjar
from models import Plain


@pytest.fixture
def module(monkeypatch):
    module = types.ModuleType("program")
    monkeypatch.setitem(sys.modules, "program", module)
    return module


def define(module, name, fields, **attributes):
    made = dataclasses.make_dataclass(name, fields, namespace=attributes)
    made.__module__ = module.__name__
    setattr(module, name, made)
    return made


def test_same_layout_says_nothing(module):
    record = snapjar.dumps(define(module, "Job", ["a", "b"])(1, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(2):
            assert snapjar.loads(record, allow=["program:Job"]).b == 2


def test_pickles_of_one_kind_are_looked_at_each_time(module):
    """What was found for a pickle serves for the next of its kind only as long as it holds."""
    first = define(module, "Job", ["a", "b"])
    records = [snapjar.dumps(first(number, "x" * number)) for number in range(3)]
    policy = snapjar.Policy(["program:Job"])
    assert [snapjar.loads(record, policy=policy).a for record in records] == [0, 1, 2]
    with pytest.raises(snapjar.PolicyError):
        snapjar.loads(records[0], policy=snapjar.Policy([]))
    assert isinstance(snapjar.loads(records[1], policy=policy), first)
    second = define(module, "Job", ["a", "b"])
    assert type(snapjar.loads(records[2], policy=policy)) is second
    define(module, "Job", ["a", "c"])
    for record in records:
        with pytest.warns(snapjar.LayoutWarning, match="only in the snapshot: b; only in the class: c"):
            snapjar.loads(record, policy=policy)
        with pytest.raises(snapjar.LayoutError):
            snapjar.loads(record, policy=policy, layout="refuse")
    del module.Job
    with pytest.raises(snapjar.SnapjarError):
        snapjar.loads(records[0], policy=policy)


def test_each_record_has_its_own_layout_and_build_info(module):
    for round in range(3):
        for name, fields in (("One", ["a"]), ("Two", ["a", "b"])):
            made = define(module, name, fields)(*range(round, round + len(fields)))
            header = snapjar.inspect(snapjar.dumps(made))
            assert header.layout == {f"program:{name}": fields}
            assert header.type == f"program:{name}"
        assert not snapjar.inspect(snapjar.dumps(round)).layout


def test_drift_of_a_dataclass(module):
    record = snapjar.dumps(define(module, "Job", ["a", "total"])(1, 2))
    define(module, "Job", ["a", "sum", "count"])
    for _ in range(2):  # every time, not only the first
        with pytest.warns(snapjar.LayoutWarning, match="only in the snapshot: total; only in the class: count, sum") as caught:
            snapjar.loads(record, allow=["program:Job"])
        assert caught[0].filename == __file__
    with pytest.raises(snapjar.LayoutError) as caught:
        snapjar.loads(record, allow=["program:Job"], layout="refuse")
    assert caught.value.diagnostic == "layout-differs" and isinstance(caught.value, snapjar.ContractError)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        snapjar.loads(record, allow=["program:Job"], layout="ignore")


def test_drift_of_slots(module):
    def slotted(*names):
        made = type("Job", (), {"__slots__": names, "__module__": "program"})
        module.Job = made
        return made

    job = slotted("a", "b")()
    job.a, job.b = 1, 2
    record = snapjar.dumps(job)
    slotted("a", "b", "c")
    with pytest.warns(snapjar.LayoutWarning, match="only in the class: c"):
        snapjar.loads(record, allow=["program:Job"])
    slotted("a")
    with pytest.warns(snapjar.LayoutWarning, match="only in the snapshot: b"), pytest.raises(snapjar.LoadError):
        snapjar.loads(record, allow=["program:Job"])


def test_nested_classes_are_compared_too(module):
    inner = define(module, "Inner", ["x"])
    record = snapjar.dumps([inner(1), {"deep": inner(2)}])
    define(module, "Inner", ["y"])
    with pytest.raises(snapjar.LayoutError, match="program:Inner: only in the snapshot: x; only in the class: y"):
        snapjar.loads(record, allow=["program:Inner"], layout="refuse")


def test_schema_version_of_the_class(module):
    record = snapjar.dumps(define(module, "Job", ["a"], __snapjar_schema__=1)(1))
    assert snapjar.inspect(record).schema_version == 1
    define(module, "Job", ["a"], __snapjar_schema__=2)
    with pytest.raises(snapjar.LayoutError, match="schema version 1 is stored, 2 is the class's"):
        snapjar.loads(record, allow=["program:Job"], layout="refuse")


def test_cached_properties_are_no_drift(module):
    cached = functools.cached_property(lambda self: 5)
    cached.__set_name__(None, "big")
    job = define(module, "Job", ["a"], big=cached)(1)
    assert job.big == 5
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        snapjar.loads(snapjar.dumps(job), allow=["program:Job"])


def test_classes_that_do_not_say_are_let_be():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        snapjar.loads(snapjar.dumps(Plain(a=1)), allow=[Plain])


def test_missing_modules_are_named_before_any_is_imported(module, tmp_path, monkeypatch):
    define(module, "Job", ["a"])
    (tmp_path / "witness_module.py").write_text("raise SystemExit('imported')")
    (tmp_path / "witness_package").mkdir()
    (tmp_path / "witness_package" / "__init__.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    pickled = [module.Job(1)]
    monkeypatch.setitem(sys.modules, "witness_package", types.ModuleType("witness_package"))
    for name in ("witness_module", "gone_one", "witness_package.gone_two"):
        other = types.ModuleType(name)
        monkeypatch.setitem(sys.modules, name, other)
        pickled.append(define(other, "Thing", ["a"])(1))
    record = snapjar.dumps(pickled)
    for name in ("witness_module", "gone_one", "witness_package.gone_two", "witness_package"):
        monkeypatch.delitem(sys.modules, name)
    allow = ["program:Job", "witness_module:Thing", "gone_one:Thing", "witness_package.gone_two:Thing"]
    with pytest.raises(snapjar.MissingError) as caught:
        snapjar.loads(record, allow=allow)
    assert caught.value.missing == ("gone_one", "witness_package.gone_two") and isinstance(caught.value, ImportError)
    assert caught.value.diagnostic == "global-missing" and "witness_module" not in sys.modules


def test_missing_classes_are_listed_at_once(module):
    record = snapjar.dumps([define(module, "One", ["a"])(1), define(module, "Two", ["a"])(1)])
    del module.One, module.Two
    with pytest.raises(snapjar.MissingError) as caught:
        snapjar.loads(record, allow=["program:One", "program:Two"])
    assert caught.value.missing == ("program:One", "program:Two")


# ---- environment ----


@pytest.fixture
def old_record(monkeypatch):
    monkeypatch.setattr("snapjar._build.python_version", lambda: "3.9.1")
    monkeypatch.setattr("snapjar._build.package_version", lambda name: {"models": "1.2.3"}.get(name))
    snapjar._core.forget()
    record = snapjar.dumps(Plain(a=1))
    monkeypatch.undo()
    snapjar._core.forget()
    assert snapjar.inspect(record).build["packages"] == {"models": "1.2.3"}
    return record


def test_all_differences_in_one_table(old_record):
    for _ in range(2):
        with pytest.warns(snapjar.EnvironmentWarning) as caught:
            assert snapjar.loads(old_record, allow=[Plain]).a == 1
        text = str(caught[0].message)
        assert "3.9.1" in text and "models" in text and "not installed" in text and caught[0].filename == __file__


def test_environment_refused(old_record):
    with pytest.raises(snapjar.EnvironmentMismatchError) as caught:
        snapjar.loads(old_record, allow=[Plain], environment="refuse")
    assert {item.name for item in caught.value.differences} == {"python", "models"}
    assert caught.value.diagnostic == "environment-differs"


@pytest.mark.parametrize(
    ("level", "here", "differs"),
    [("exact", "1.2.4", True), ("minor", "1.2.4", False), ("minor", "1.3.3", True), ("major", "1.9", False),
     ("major", "2.0", True), ("ignore", "9", False), ("exact", "1.2.3", False)],
)  # fmt: skip
def test_levels(old_record, monkeypatch, level, here, differs):
    monkeypatch.setattr("snapjar._build.package_version", lambda name: here)
    rules = snapjar.Environment("refuse", {"python": "ignore", "Models": level})
    if differs:
        with pytest.raises(snapjar.EnvironmentMismatchError):
            snapjar.loads(old_record, allow=[Plain], environment=rules)
    else:
        snapjar.loads(old_record, allow=[Plain], environment=rules)


def test_environment_arguments(old_record):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        snapjar.loads(old_record, allow=[Plain], environment="ignore")
        snapjar.loads(old_record, allow=[Plain], environment=snapjar.Environment("ignore"))
    for arguments in (("loud",), ("warn", {"a": "vague"}), ("warn", {}, "vague")):
        with pytest.raises(ValueError):
            snapjar.Environment(*arguments)


def test_same_environment_says_nothing_and_is_remembered():
    record = snapjar.dumps(Plain(a=1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(3):
            snapjar.loads(record, allow=[Plain])
