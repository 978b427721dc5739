#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Loads pickles and compares them with the objects that jobs.py made: check.py WHAT FILE [SNAPSHOTS].

WHAT is job, history or array. Values must be equal and of equal types; and what was one object must be one object
again: two references to one worker, a job inside its own steps, a dict that contains itself.
SNAPSHOTS (for history): which snapshots the file must hold, as 0,1,3; all of them unless said.
"""

from __future__ import annotations

import copy
import dataclasses
import enum
import pickle
import sys
from datetime import datetime, timedelta
from decimal import Decimal

import jobs

PLAIN = (type(None), bool, int, float, str, bytes, datetime, timedelta, Decimal, enum.Enum, frozenset)


class Different(Exception):
    pass


class Comparison:
    """Walks two object graphs in step and keeps which object stands for which."""

    def __init__(self) -> None:
        self.twins: dict[int, object] = {}
        self.reverse: dict[int, object] = {}
        self.object_count = 0

    def children(self, value: object, other: object, path: str):
        """Pairs of what is inside."""
        if dataclasses.is_dataclass(value):
            for field in dataclasses.fields(value):
                name = field.name
                yield getattr(value, name), getattr(other, name), f"{path}.{name}"
        elif isinstance(value, dict):
            if list(value) != list(other):
                raise Different(f"{path}: keys {list(other)}, must be {list(value)}")
            for key in value:
                yield value[key], other[key], f"{path}[{key!r}]"
        elif isinstance(value, (list, tuple)):
            if len(value) != len(other):
                raise Different(f"{path}: {len(other)} items, must be {len(value)}")
            for index, item in enumerate(value):
                yield item, other[index], f"{path}[{index}]"
        elif type(value).__module__ == "numpy":
            if value.dtype != other.dtype or value.shape != other.shape or value.tobytes() != other.tobytes():
                raise Different(f"{path}: the arrays differ")
        else:
            raise Different(f"{path}: cannot compare {type(value)}")

    def compare(self, value: object, other: object) -> int:
        """Raises Different, or returns how many objects were compared."""
        todo = [(value, other, "it")]
        while todo:
            value, other, path = todo.pop()
            if type(value) is not type(other):
                raise Different(f"{path}: {type(other)}, must be {type(value)}")
            if isinstance(value, PLAIN):
                if value != other or isinstance(value, enum.Enum) and value is not other:
                    raise Different(f"{path}: {other!r}, must be {value!r}")
                continue
            if id(value) in self.twins or id(other) in self.reverse:
                if self.twins.get(id(value)) is not other or self.reverse.get(id(other)) is not value:
                    raise Different(f"{path}: what was one object is two, or what was two is one")
                continue
            self.twins[id(value)], self.reverse[id(other)] = other, value
            self.object_count += 1
            todo += self.children(value, other, path)
        return self.object_count


def load_all(path: str) -> list:
    """The usual loop over a file of several pickles."""
    objects = []
    with open(path, "rb") as file:
        while True:
            try:
                objects.append(pickle.load(file))
            except EOFError:
                return objects


def originals(what: str, wanted: list[int] | None) -> list:
    if what == "history":
        made = [copy.deepcopy(job) for job in jobs.make_history()]
        return made if wanted is None else [made[index] for index in wanted]
    if what == "job":
        job = jobs.make_job()
        jobs.run_step(job, "fetch", 0)
        return [job]
    if what == "array":
        return [jobs.make_array()]
    raise SystemExit(f"check.py: no {what}")


def self_test() -> None:
    """A comparison that cannot fail proves nothing."""
    job, other = originals("job", None)[0], originals("job", None)[0]
    Comparison().compare(job, other)
    breaks = [
        lambda: setattr(other, "number", 43),
        lambda: setattr(other, "worker", copy.copy(other.worker)),
        lambda: other.options.__setitem__("self", {}),
        lambda: setattr(other.steps[0], "job", copy.copy(other)),
        lambda: other.steps[0].result.pop(),
        lambda: other.options.__setitem__("ratio", 1),
    ]
    for number, do_break in enumerate(breaks):
        other = originals("job", None)[0]
        do_break()
        try:
            Comparison().compare(job, other)
        except Different:
            continue
        raise SystemExit(f"check.py: the comparison does not see difference {number}")


def main() -> int:
    self_test()
    what, path = sys.argv[1:3]
    wanted = [int(word) for word in sys.argv[3].split(",")] if len(sys.argv) > 3 else None
    made, loaded = originals(what, wanted), load_all(path)
    if len(made) != len(loaded):
        print(f"check.py: {path} holds {len(loaded)} objects, must hold {len(made)}")
        return 1
    try:
        count = sum(Comparison().compare(mine, theirs) for mine, theirs in zip(made, loaded))
    except Different as difference:
        print(f"check.py: {path}: {difference}")
        return 1
    plural = "" if len(loaded) == 1 else "s"
    print(f"{len(loaded)} snapshot{plural}, {count} objects: equal, same identities, same cycles")
    return 0


if __name__ == "__main__":
    sys.exit(main())
