#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Presets and real pickles: test_presets.py PROGRAM

Objects of the standard library, numpy, pandas and scikit-learn, in every protocol: each is allowed by its presets and
denied without. Packages that are not installed are skipped, and said so.
"""

import array
import collections
import datetime
import decimal
import fractions
import http
import importlib
import ipaddress
import json
import os
import pathlib
import pickle
import subprocess
import sys
import tempfile
import types
import uuid
import warnings

PROGRAM = os.path.abspath(sys.argv[1])
# Below, "protocols" leaves out what a type cannot be pickled with.
ALL = range(6)


class ByValue:
    """A member as most versions write it. Some 3.11 write getattr(class, name), which no preset allows."""

    def __reduce__(self) -> tuple:
        return http.HTTPStatus, (200,)


def standard() -> dict:
    error = ValueError("no", 1)
    return {
        "plain": [{1, 2}, frozenset("ab"), 1 + 2j, bytearray(b"x"), range(3), slice(1, 2), Ellipsis, b"bytes", 10**40],
        "exceptions": [error, KeyError("k"), OSError(2, "gone")],
        "collections": [collections.OrderedDict(a=1), collections.Counter("abca"), collections.deque([1, 2], 5),
                        collections.defaultdict(list, a=[1]), collections.UserDict(a=1), collections.ChainMap({"a": 1}),
                        types.SimpleNamespace(a=1), array.array("d", [1.0, 2.0])],
        "datetime": [datetime.datetime(2026, 1, 31, 12, tzinfo=datetime.timezone.utc), datetime.date(2026, 1, 31),
                     datetime.time(12, 30), datetime.timedelta(days=1)],
        "decimal": [decimal.Decimal("1.25")],
        "fractions": [fractions.Fraction(1, 3)],
        "uuid": [uuid.UUID(int=7)],
        "pathlib": [pathlib.PurePosixPath("a/b"), pathlib.PosixPath("/tmp")],
        "ipaddress": [ipaddress.ip_address("127.0.0.1"), ipaddress.ip_network("10.0.0.0/8")],
        "enum": [ByValue()],
    }


def numpy_objects(np) -> dict:
    return {
        "numpy": [np.arange(5), np.zeros((2, 3), "f4", order="F"), np.float64(1.5), np.int32(7), np.dtype("i4"),
                  np.array(["a", "bc"]), np.array([{"a": 1}, None], object),
                  np.zeros(2, [("x", "i4"), ("y", "f8")]), np.datetime64("2026-01-31"), np.ma.array([1, 2], mask=[0, 1]),
                  np.bool_(True), np.dtype([("a", "i4")])],
        "numpy-random": [np.random.RandomState(1), np.random.default_rng(1), np.random.Generator(np.random.MT19937(1)),
                         np.random.PCG64(1)],
    }


def pandas_objects(pd) -> dict:
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"], "c": [1.5, None]})
    return {
        "pandas": [frame, frame["a"], frame.index, pd.Index(["a", "b"]), pd.DatetimeIndex(["2026-01-31"]),
                   pd.Timestamp("2026-01-31"), pd.Timedelta("1 day"), pd.Series([1, 2], dtype="Int64"),
                   pd.Series(["a", "b"], dtype="category"), pd.Series(["a", None], dtype="string"),
                   pd.MultiIndex.from_tuples([(1, "a"), (2, "b")]), pd.date_range("2026-01-01", periods=3, tz="UTC"),
                   pd.Series(pd.date_range("2026-01-01", periods=3)), pd.NaT, pd.Series([True, None], dtype="boolean")],
    }


def sklearn_objects() -> list:
    """Fitted estimators, and the classes of scikit-learn that a user has to allow for each."""
    linear = importlib.import_module("sklearn.linear_model")
    tree = importlib.import_module("sklearn.tree")
    ensemble = importlib.import_module("sklearn.ensemble")
    neighbors = importlib.import_module("sklearn.neighbors")
    pipeline = importlib.import_module("sklearn.pipeline")
    preprocessing = importlib.import_module("sklearn.preprocessing")
    x = [[0.0, 1.0], [1.0, 0.0], [2.0, 1.0], [3.0, 5.0]]
    y = [0, 1, 0, 1]
    steps = [("scale", preprocessing.StandardScaler()), ("model", linear.LogisticRegression())]
    return [linear.LinearRegression().fit(x, y), linear.LogisticRegression().fit(x, y),
            tree.DecisionTreeClassifier().fit(x, y), ensemble.RandomForestClassifier(3).fit(x, y),
            neighbors.KNeighborsClassifier(1, algorithm="kd_tree").fit(x, y), pipeline.Pipeline(steps).fit(x, y)]


def classes_of(value) -> list:
    """module:name of every scikit-learn estimator in a pickle: what its user allows by name."""
    names = set()

    def note(item) -> None:
        kind = type(item)
        if kind.__module__.startswith("sklearn.") and hasattr(item, "get_params"):
            names.add(f"{kind.__module__}:{kind.__qualname__}")
            for part in vars(item).values():
                note(part)
        elif isinstance(item, (list, tuple)):
            for part in item:
                note(part)

    note(value)
    return sorted(names)


class Run:
    def __init__(self, folder: str) -> None:
        self.path = os.path.join(folder, "object.pkl")
        self.passed = 0
        self.failures = []

    def scan(self, data: bytes, *arguments: str) -> dict:
        with open(self.path, "wb") as file:
            file.write(data)
        done = subprocess.run([PROGRAM, "scan", "--json", "--globals", *arguments, self.path], capture_output=True,
                              check=False)
        return json.loads(done.stdout.splitlines()[0])

    def expect(self, what: str, value, allowing: list, denying: list) -> None:
        for protocol in ALL:
            try:
                data = pickle.dumps(value, protocol)
            except (TypeError, pickle.PicklingError):
                continue
            answer = self.scan(data, *allowing)
            if answer["verdict"] != "allowed":
                self.failures.append(f"{what} {value!r:.60}, protocol {protocol}: {answer['verdict']} "
                                     f"{[d.get('global', d['reason']) for d in answer.get('denials', [])]}")
            elif answer["globals"] and self.scan(data, *denying)["verdict"] != "denied":
                self.failures.append(f"{what} {value!r:.60}, protocol {protocol}: allowed without its preset")
            else:
                self.passed += 1


def expect_library(run: Run, groups: dict, base: list) -> None:
    for preset, values in groups.items():
        allowing = [argument for name in [*base, preset] for argument in ("--preset", name)]
        denying = [argument for name in base if name != "numpy" for argument in ("--preset", name)]
        for value in values:
            run.expect(preset, value, ["--no-default-presets", *allowing], ["--no-default-presets", *denying])


def main() -> int:
    warnings.simplefilter("ignore")
    skipped = 0
    with tempfile.TemporaryDirectory() as folder:
        run = Run(folder)
        for preset, values in standard().items():
            for value in values:
                run.expect(preset, value, [], ["--no-default-presets"])
        makers = {"numpy": (numpy_objects, ["plain", "numpy"]),
                  "pandas": (pandas_objects, ["plain", "numpy", "datetime", "collections"])}
        for name, (make, base) in makers.items():
            try:
                module = importlib.import_module(name)
            except ImportError:
                print(f"SKIPPED: {name} is not installed")
                skipped += 1
                continue
            expect_library(run, make(module), base)
        try:
            importlib.import_module("sklearn")
            for value in sklearn_objects():
                allowed = [argument for name in classes_of(value) for argument in ("--allow", name)]
                presets = ["--preset", "sklearn", "--preset", "numpy-random"]
                run.expect("sklearn", value, [*presets, *allowed], presets)
        except ImportError:
            print("SKIPPED: sklearn is not installed")
            skipped += 1
    for failure in run.failures:
        print(f"FAILED: {failure}")
    print(f"{run.passed} passed, {len(run.failures)} failed, {skipped} skipped")
    return 1 if run.failures else 0


if __name__ == "__main__":
    sys.exit(main())
