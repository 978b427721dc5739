# SPDX-License-Identifier: MIT
"""The state of background jobs. An ordinary module: it has never heard of snapjar."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any


class Phase(enum.Enum):
    QUEUED = "queued"
    RUNNING = "running"
    FAILED = "failed"
    DONE = "done"


class Trait(enum.Flag):
    RETRIES = 1
    URGENT = 2
    NIGHTLY = 4


@dataclass
class Worker:
    """A machine that runs jobs. Many jobs point to one worker."""

    name: str
    started: datetime
    jobs: list[JobState] = field(default_factory=list, repr=False)


@dataclass
class Step:
    """One step of a job. It knows its job, which knows its steps."""

    name: str
    job: JobState = field(repr=False)
    took: timedelta | None = None
    result: Any = None


@dataclass
class JobState:
    """What a job must remember to go on after a restart."""

    number: int
    phase: Phase
    traits: Trait
    queued: datetime
    budget: Decimal
    worker: Worker | None = None
    parent: JobState | None = None
    steps: list[Step] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)
    tags: frozenset[str] = frozenset()
    log: list[str] = field(default_factory=list)
