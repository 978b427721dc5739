# SPDX-License-Identifier: MIT
"""diff: what changed between the pickles of two files. Nothing is imported, nothing is loaded."""

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
    record -- number of the pickle, or of the record of a snapshot
    """

    kind: str
    path: str
    before: str | None
    after: str | None
    before_offset: int | None
    after_offset: int | None
    record: int = 0

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
    """A field that objects of a class got ("added") or lost ("removed"), or a class that has another name ("renamed").

    count, object_count -- objects where it is so, and objects of the class that were compared
    path, value         -- the first of them, and the field's value there
    record              -- as in Change
    new_name            -- of a class that has another name, with "" for field and value; else ""
    """

    kind: str
    class_name: str
    field: str
    count: int
    object_count: int
    path: str
    value: str
    record: int = 0
    new_name: str = ""

    def __str__(self) -> str:
        if self.object_count == 1:
            where = "its one object"
        elif self.count == self.object_count:
            where = f"all {self.count} objects"
        else:
            where = f"{self.count} of {self.object_count} objects"
        if self.new_name:
            return f"~ class {self.class_name}: {self.new_name} now, in {where}; first at {self.path or 'the whole'}"
        sign = "+" if self.kind == "added" else "-"
        return (f"{sign} class {self.class_name}: field {self.field} {self.kind} in {where}; "
                f"first at {self.path or 'the whole'} = {self.value}")  # fmt: skip


class HeaderChange(NamedTuple):
    """A field of the headers of two snapshots, "type" or "schema_version", that is not as it was."""

    field: str
    before: "str | int"
    after: "str | int"
    record: int = 0

    def __str__(self) -> str:
        return f"~ header: {self.field}: {_printable(self.before)} -> {_printable(self.after)}"


class RecordChange(NamedTuple):
    """A record, or pickle, that only one of the files has: "added" or "removed"."""

    kind: str
    record: int

    def __str__(self) -> str:
        return f"record {self.record} is only in {'after' if self.kind == 'added' else 'before'}"


def _printable(value: "str | int") -> str:
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in str(value))


class Diff(Sequence):
    """What diff found: a sequence of Change, false if there is no difference at all. As a text, one a line.

    layout_changes -- fields that classes got or lost, and classes with another name, which are not among the changes
    header_changes -- types and schema versions of snapshots
    record_changes -- records that only one of the files has
    change_count   -- of all changes, also of those beyond `max_changes`
    record_count   -- pairs of records that were compared
    """

    def __init__(
        self, changes: list[tuple], layout_changes: list[tuple], header_changes: list[tuple], record_changes: list[tuple],
        counts: list[tuple[int, int]],
    ) -> None:  # fmt: skip
        self.layout_changes = tuple(LayoutChange(*row) for row in layout_changes)
        self.header_changes = tuple(HeaderChange(*row) for row in header_changes)
        self.record_changes = tuple(RecordChange(*row) for row in record_changes)
        self.change_count = sum(count for _, count in counts)
        self.record_count = len(counts)
        self._changes = tuple(Change(*row) for row in changes)
        self._counts = counts

    def __len__(self) -> int:
        return len(self._changes)

    def __getitem__(self, index: Any) -> Any:
        return self._changes[index]

    def __bool__(self) -> bool:
        return bool(self.change_count or self.layout_changes or self.header_changes or self.record_changes)

    def _lines(self, record: int, change_count: int) -> list[str]:
        """Of one pair, in the order of the command line."""
        headers, changes, layouts = (
            [str(change) for change in group if change.record == record]
            for group in (self.header_changes, self._changes, self.layout_changes)
        )
        rest = change_count - len(changes)
        more = [f"... {rest} more change{'' if rest == 1 else 's'}"] if rest else []
        return headers + changes + layouts + more

    def __str__(self) -> str:
        lines: list[str] = []
        for record, change_count in self._counts:
            found = self._lines(record, change_count)
            if self.record_count > 1 and found:
                found = [f"record {record}", *(f"  {line}" for line in found)]
            lines += found
        return "\n".join([*lines, *map(str, self.record_changes)])

    def __repr__(self) -> str:
        return (f"<snapjar.Diff: records {self.record_count}, changes {self.change_count}, layout changes "
                f"{len(self.layout_changes)}, header changes {len(self.header_changes)}, records of one file "
                f"{len(self.record_changes)}>")  # fmt: skip


def diff(
    before: Any,
    after: Any,
    *,
    record: int | None = None,
    max_changes: int = 0,
    effort: int = 0,
    encoding: str = "ascii",
    trust: Any = None,
    context: str | None = None,
    detached: Any = False,
) -> Diff:
    number = encoding_number(encoding)
    for name, value in (("record", record or 0), ("max_changes", max_changes), ("effort", effort)):
        if value < 0:
            raise ValueError(f"{name} must not be negative, and is {value}")
    # One seal is of one file: each has its own.
    seals = detached if isinstance(detached, tuple) else (detached, detached)
    if len(seals) != 2 or not (isinstance(detached, (tuple, bool)) or detached is None):
        raise TypeError("detached is True here, or a tuple of the seals of both files")
    targets = [target_of(source, trust, context, seal) for source, seal in zip((before, after), seals)]
    found = _core.diff(*targets, record, max_changes, effort, number)
    if isinstance(found, int):
        place = ("before", "after")[found]
        raise no_record(f"{place}: no record {record}", place)
    return Diff(*found)
