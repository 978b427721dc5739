# SPDX-License-Identifier: MIT
"""diff: what changed between two pickles. Nothing is imported, nothing is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from . import _core
from ._errors import no_record
from ._scan import encoding_number, target_of


class Change(NamedTuple):
    """One part that is not as it was.

    kind -- "value", "type" (a value of another type or class), "added", "removed", "copied" (was the same object as another
            part, is one of its own now) or "shared" (the reverse)
    path -- as show has it; "" for the whole
    before, after -- the values in a few words; None where there is none
    before_offset, after_offset -- bytes of the pickles where they are made, or None
    """

    kind: str
    path: str
    before: str | None
    after: str | None
    before_offset: int | None
    after_offset: int | None

    def __str__(self) -> str:
        path = self.path or "(the whole)"
        if self.kind == "added":
            return f"+ {path} = {self.after}"
        if self.kind == "removed":
            return f"- {path} = {self.before}"
        if self.kind == "copied":
            return f"& {path} = {self.after}: was the same object as another part, is one of its own"
        if self.kind == "shared":
            return f"& {path} = {self.after}: was an object of its own, is the same as another part"
        return f"~ {path}: {self.before} -> {self.after}{'  (another type)' if self.kind == 'type' else ''}"


class LayoutChange(NamedTuple):
    """A field that objects of a class got ("added") or lost ("removed").

    count, object_count -- objects where it is so, and objects of the class that were compared
    path, value         -- the first of them, and the field's value there
    """

    kind: str
    class_name: str
    field: str
    count: int
    object_count: int
    path: str
    value: str

    def __str__(self) -> str:
        if self.object_count == 1:
            where = "its one object"
        elif self.count == self.object_count:
            where = f"all {self.count} objects"
        else:
            where = f"{self.count} of {self.object_count} objects"
        sign = "+" if self.kind == "added" else "-"
        return (f"{sign} class {self.class_name}: field {self.field} {self.kind} in {where}; "
                f"first at {self.path or 'the whole'} = {self.value}")  # fmt: skip


class Diff(Sequence):
    """What diff found: a sequence of Change, false if there is no difference at all. As a text, one a line.

    layout_changes -- fields that classes got or lost, which are not among the changes
    change_count   -- of all changes, also of those beyond `max_changes`
    """

    def __init__(self, changes: list[tuple], layout_changes: list[tuple], change_count: int) -> None:
        self.layout_changes = tuple(LayoutChange(*row) for row in layout_changes)
        self.change_count = change_count
        self._changes = tuple(Change(*row) for row in changes)

    def __len__(self) -> int:
        return len(self._changes)

    def __getitem__(self, index: Any) -> Any:
        return self._changes[index]

    def __bool__(self) -> bool:
        return bool(self.change_count or self.layout_changes)

    def __str__(self) -> str:
        lines = [str(change) for change in (*self._changes, *self.layout_changes)]
        rest = self.change_count - len(self)
        if rest:
            lines.append(f"... {rest} more change{'' if rest == 1 else 's'}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"<snapjar.Diff: changes {self.change_count}, layout changes {len(self.layout_changes)}>"


def diff(before: Any, after: Any, *, record: int = 0, max_changes: int = 0, encoding: str = "ascii") -> Diff:
    number = encoding_number(encoding)
    if max_changes < 0:
        raise ValueError(f"max_changes must not be negative, and is {max_changes}")
    found = _core.diff(target_of(before), target_of(after), record, max_changes, number)
    if isinstance(found, int):
        place = ("before", "after")[found]
        raise no_record(f"{place}: no record {record}", place)
    return Diff(*found)
