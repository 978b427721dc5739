# SPDX-License-Identifier: MIT
"""Classes that the tests store: what programs have."""

import collections
import dataclasses
import datetime
import enum
import threading
from typing import Any


class State(enum.Enum):
    QUEUED = "queued"
    RUNNING = "running"


class Access(enum.Flag):
    READ = 1
    WRITE = 2


Point = collections.namedtuple("Point", "x y")


@dataclasses.dataclass
class Step:
    name: str
    seconds: float = 0.0


@dataclasses.dataclass
class Job:
    __snapjar_schema__ = 3

    number: int
    state: State = State.QUEUED
    access: Access = Access.READ | Access.WRITE
    created: datetime.datetime = datetime.datetime(2026, 1, 2, 3, 4, 5)
    steps: list[Step] = dataclasses.field(default_factory=list)
    parent: "Job | None" = None
    extra: dict[str, Any] = dataclasses.field(default_factory=dict)


class Slotted:
    __slots__ = ("__hidden", "left", "right")

    def __init__(self, left: Any, right: Any) -> None:
        self.left = left
        self.right = right
        self.__hidden = 1


class Plain:
    def __init__(self, **attributes: Any) -> None:
        self.__dict__.update(attributes)


class Refusing:
    """Raises when it is given its state."""

    def __init__(self) -> None:
        self.value = 1

    def __setstate__(self, state: Any) -> None:
        raise RuntimeError("this class does not like its state")


class WithLock:
    def __init__(self) -> None:
        self.lock = threading.Lock()


class Failure(Exception):
    pass


JOB_CLASSES = (Job, Step, State, Access)
# The same as texts. Early 3.11 writes the members of enumerations as attributes of the class.
JOB_NAMES = tuple(f"models:{item.__qualname__}" for item in JOB_CLASSES) + tuple(
    f"models:{kind.__qualname__}.{member}" for kind in (State, Access) for member in kind.__members__
)


def make_job() -> Job:
    step = Step("fetch", 1.5)
    job = Job(7, State.RUNNING, steps=[step, step, Step("parse")], extra={"point": (1, 2), "blob": b"\0" * 100})
    job.parent = job
    return job
