# SPDX-License-Identifier: MIT
"""Golden snapshots for pytest: today's code must load what yesterday's code has written.

    def test_job_state(snapjar_golden):
        snapjar_golden(make_job_state(), allow=[JobState])

The first run with `--snapjar-update` writes `golden/NAME.v3.snapjar` beside the test file (3 is the schema version of
the class); commit it. From then on the test loads it, and those of older schema versions.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from . import dump, inspect, load
from ._errors import LayoutError, SnapjarError
from ._layout import fields_now


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("snapjar")
    group.addoption("--snapjar-update", action="store_true", help="write the golden snapshots that are missing")


def _differing_fields(loaded: Any, wanted: Any) -> str:
    if type(loaded) is not type(wanted):
        return f"it is a {type(loaded).__qualname__}, not a {type(wanted).__qualname__}"
    if dataclasses.is_dataclass(wanted):
        names = [field.name for field in dataclasses.fields(wanted)
                 if getattr(loaded, field.name, None) != getattr(wanted, field.name, None)]  # fmt: skip
        return "\n".join(f"field {name}: {getattr(loaded, name, None)!r} is stored, the test has "
                         f"{getattr(wanted, name, None)!r}" for name in names)  # fmt: skip
    return f"{loaded!r} is stored, the test has {wanted!r}"


class Golden:
    """The golden snapshots of one test. Call it with an object of today."""

    def __init__(self, folder: Path, name: str, is_updating: bool) -> None:
        self.folder = folder
        self.name = name
        self.is_updating = is_updating

    def path(self, schema_version: int, name: str = "") -> Path:
        """Where the golden of a schema version is."""
        return self.folder / f"{self._stem(name)}.v{schema_version}.snapjar"

    def _stem(self, name: str) -> str:
        return re.sub(r"[^\w.-]+", "_", f"{self.name}-{name}" if name else self.name)

    def versions(self, name: str = "") -> list[int]:
        """The schema versions that there are goldens of."""
        pattern = re.compile(re.escape(self._stem(name)) + r"\.v(\d+)\.snapjar")
        found = (pattern.fullmatch(path.name) for path in self.folder.glob("*.snapjar"))
        return sorted(int(match.group(1)) for match in found if match)

    def __call__(
        self,
        obj: Any,
        *,
        name: str = "",
        allow: Any = (),
        policy: Any = None,
        compare: bool = True,
        check_old: Callable[[Any, int], None] | None = None,
    ) -> Any:
        """Loads the goldens of `obj`'s kind and returns today's; fails the test where that does not work.

        name      -- tells several goldens of one test apart
        compare   -- today's golden must equal `obj`, if its class defines equality
        check_old -- called with what an older golden loads as and its schema version
        """
        __tracebackhide__ = True
        version = getattr(type(obj), "__snapjar_schema__", 0)
        path = self.path(version, name)
        if not path.exists():
            if not self.is_updating:
                pytest.fail(f"no golden snapshot of schema version {version}: {path}\n"
                            "make it with `pytest --snapjar-update` and commit it", pytrace=False)  # fmt: skip
            path.parent.mkdir(parents=True, exist_ok=True)
            dump(obj, path, exclusive=True)
        for old in self.versions(name):
            if old < version:
                loaded = self._load_old(self.path(old, name), old, allow, policy)
                if check_old:
                    check_old(loaded, old)
        loaded = self._load_current(path, version, allow, policy)
        has_equality = type(obj).__eq__ is not object.__eq__
        if compare and has_equality and loaded != obj:
            pytest.fail(f"{path} loads, but not as the object of the test:\n{_differing_fields(loaded, obj)}",
                        pytrace=False)  # fmt: skip
        return loaded

    def _load_current(self, path: Path, version: int, allow: Any, policy: Any) -> Any:
        __tracebackhide__ = True
        try:
            return load(path, allow=allow, policy=policy, environment="ignore", layout="refuse")
        except LayoutError as error:
            pytest.fail(
                f"the class has changed, its schema version has not: {path}\n{error}\n"
                f"If the change is meant: set __snapjar_schema__ = {version + 1}, then `pytest --snapjar-update` makes the "
                "new golden. The old one stays: it tests that snapshots which are out there can still be loaded.",
                pytrace=False,
            )
        except SnapjarError as error:
            self._fail(path, error)

    def _load_old(self, path: Path, version: int, allow: Any, policy: Any) -> Any:
        __tracebackhide__ = True
        try:
            loaded = load(path, allow=allow, policy=policy, environment="ignore", layout="ignore")
        except SnapjarError as error:
            self._fail(path, error)
        missing = sorted(field for field in fields_now(type(loaded)) or () if not hasattr(loaded, field))
        if missing:
            pytest.fail(
                f"yesterday's snapshot loads without {', '.join(missing)}: {path}\n{type(loaded).__qualname__} has "
                f"{'these fields' if len(missing) > 1 else 'this field'} today, and objects of schema version {version} do not. "
                "Give new fields a default, or the class a __setstate__ that fills them in.",
                pytrace=False,
            )
        return loaded

    def _fail(self, path: Path, error: SnapjarError) -> None:
        __tracebackhide__ = True
        written = inspect(path) if error.status == "refused" else None
        by = f"\nwritten as {written.type}, schema version {written.schema_version}" if written else ""
        pytest.fail(f"today's code does not load yesterday's snapshot: {path}{by}\n{error}\n{error.hint}", pytrace=False)


@pytest.fixture
def snapjar_golden(request: pytest.FixtureRequest) -> Golden:
    """Golden snapshots of this test, in the folder `golden` beside it."""
    folder = Path(str(request.node.path)).parent / "golden"
    return Golden(folder, f"{Path(str(request.node.path)).stem}.{request.node.name}",
                  request.config.getoption("--snapjar-update"))  # fmt: skip
