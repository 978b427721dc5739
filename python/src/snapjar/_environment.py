# SPDX-License-Identifier: MIT
"""The environment check: which versions wrote a snapshot, which read it."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Mapping
from typing import NamedTuple

from . import _build
from ._errors import EnvironmentMismatchError, EnvironmentWarning, hint_of
from ._layout import caller_level

LEVELS = ("exact", "minor", "major", "ignore")


class Difference(NamedTuple):
    """One version that differs."""

    name: str
    written_by: str
    here: str
    level: str


class Environment:
    """Rules for the environment check of `load`.

    action  -- "warn", "refuse" or "ignore"
    rules   -- per package (or "python"): "exact" (any difference counts), "minor" (1.4.2 and 1.5.0 differ), "major"
               (1.x and 2.x differ), "ignore"
    default -- for what has no rule
    """

    def __init__(
        self, action: str = "warn", rules: Mapping[str, str] | None = None, default: str = "minor"
    ) -> None:
        if action not in ("warn", "refuse", "ignore"):
            raise ValueError(f"environment must be warn, refuse or ignore, not {action!r}")
        self.action = action
        self.rules = {name.lower(): level for name, level in (rules or {}).items()}
        self.default = default
        for level in (*self.rules.values(), default):
            if level not in LEVELS:
                raise ValueError(f"{level!r} is not one of {', '.join(LEVELS)}")

    def differences(self, build: Mapping[str, object]) -> list[Difference]:
        """All that differs between a header's build info and here."""
        found = []
        written = {"python": build.get("python"), **_mapping(build.get("packages"))}
        for name, version in written.items():
            if not isinstance(version, str):
                continue
            level = self.rules.get(name.lower(), self.default)
            here = _build.python_version() if name == "python" else _build.package_version(name)
            if level != "ignore" and _cut(version, level) != _cut(here or "", level):
                found.append(Difference(name, version, here or "not installed", level))
        return found


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _cut(version: str, level: str) -> object:
    if level == "exact":
        return version
    numbers = re.findall(r"\d+", version)
    return tuple(numbers[: 2 if level == "minor" else 1]) or version


_ACTIONS = {action: Environment(action) for action in ("warn", "refuse")}


def environment_rules(value: "str | Environment") -> Environment | None:
    """The argument of a load, as the extension takes it."""
    if value == "ignore":
        return None
    made = _ACTIONS.get(value) if isinstance(value, str) else value
    if not isinstance(made, Environment):
        raise ValueError(f"environment must be 'warn', 'refuse', 'ignore' or a snapjar.Environment, not {value!r}")
    return None if made.action == "ignore" else made


def table(differences: list[Difference]) -> str:
    """The differences, one a line, in columns."""
    rows = [("", "written by", "here", "compared")] + [tuple(difference) for difference in differences]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "\n".join("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)


def check(header: bytes, rules: Environment) -> bool:
    """True if nothing differs. Else warns, or raises."""
    build = json.loads(header).get("build", {})
    differences = rules.differences(build)
    if not differences:
        return True
    text = f"the snapshot was written in another environment:\n{table(differences)}"
    if rules.action == "refuse":
        raise EnvironmentMismatchError(f"{text} [environment-differs]")._with(
            status="refused",
            diagnostic="environment-differs",
            differences=tuple(differences),
            hint=hint_of("environment-differs"),
        )
    warnings.warn(text, EnvironmentWarning, stacklevel=caller_level())
    return False
