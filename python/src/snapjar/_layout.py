# SPDX-License-Identifier: MIT
"""The layout check: the fields in a pickle against the fields of the classes of today."""

from __future__ import annotations

import dataclasses
import functools
import warnings
from typing import Any

from ._errors import LayoutError, LayoutWarning, hint_of

MODES = {"ignore": 0, "warn": 1, "refuse": 2}


def _slots(cls: type) -> set[str] | None:
    """The names in all __slots__, as they stand in a state; None if instances have a dict as well."""
    if not any("__slots__" in base.__dict__ for base in cls.__mro__):
        return None
    names: set[str] = set()
    for base in cls.__mro__[:-1]:
        slots = base.__dict__.get("__slots__")
        if slots is None:
            return None
        for name in [slots] if isinstance(slots, str) else slots:
            if name == "__dict__":
                return None
            if name != "__weakref__":
                is_private = name.startswith("__") and not name.endswith("__")
                names.add(f"_{base.__name__.lstrip('_')}{name}" if is_private else name)
    return names


def fields_now(cls: Any) -> set[str] | None:
    """The fields that instances of a class have today, or None if the class does not say."""
    if not isinstance(cls, type) or "__setstate__" in _own_names(cls):
        return None
    if dataclasses.is_dataclass(cls):
        return {field.name for field in dataclasses.fields(cls)}
    return _slots(cls)


def _own_names(cls: type) -> set[str]:
    return {name for base in cls.__mro__[:-1] for name in ("__setstate__", "__reduce__", "__reduce_ex__")
            if name in base.__dict__}  # fmt: skip


def _is_computed(cls: type, name: str) -> bool:
    """Whether an attribute beside the fields is kept there by the class itself."""
    return any(isinstance(base.__dict__.get(name), functools.cached_property) for base in cls.__mro__)


def compare(cls: Any, stored: tuple[str, ...], is_whole: bool) -> tuple[list[str], list[str]]:
    """(fields only in the pickle, fields only in the class)"""
    now = fields_now(cls)
    if now is None or (not stored and is_whole and not now):
        return [], []
    gone = sorted(name for name in set(stored) - now if not _is_computed(cls, name))
    new = sorted(now - set(stored)) if is_whole and stored else []
    return gone, new


def check(classes: list[tuple[Any, Any]], root: Any, schema_version: int, refuses: bool) -> bool:
    """Warns about all that differs, or raises; says whether there was anything."""
    lines = []
    declared = getattr(root, "__snapjar_schema__", None) if isinstance(root, type) else None
    if isinstance(declared, int) and declared != schema_version:
        lines.append(f"{root.__module__}:{root.__qualname__}: schema version {schema_version} is stored, "
                     f"{declared} is the class's")  # fmt: skip
    for item, cls in classes:
        gone, new = compare(cls, item.fields, item.fields_are_whole)
        if gone or new:
            lines.append(f"{item.mapped_module}:{item.mapped_name}: only in the snapshot: {', '.join(gone) or 'none'}; "
                         f"only in the class: {', '.join(new) or 'none'}")  # fmt: skip
    if not lines:
        return False
    text = "the snapshot is of another layout than the program:\n  " + "\n  ".join(lines)
    if refuses:
        raise LayoutError(f"{text} [layout-differs]")._with(
            status="refused",
            diagnostic="layout-differs",
            hint=hint_of("layout-differs"),
        )
    warnings.warn(text, LayoutWarning, stacklevel=_caller_level())
    return True


def _caller_level() -> int:
    """The stack level, for a warning, of the first frame outside this package."""
    import sys

    level, frame = 1, sys._getframe(1)
    package = __name__.rpartition(".")[0]
    while frame is not None and str(frame.f_globals.get("__name__", "")).partition(".")[0] == package:
        frame = frame.f_back  # type: ignore[assignment]
        level += 1
    return level - 0


caller_level = _caller_level
