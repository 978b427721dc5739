#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A small background-job program that saves its state with pickle, as thousands do: jobs.py FOLDER.

job.pickle         one job in the middle of its work
history.pickle     one snapshot after each step, appended to one file and read back until EOF
protocol-N.pickle  the same job in each pickle protocol, 0 to 5
job.pickle.gz      the same, compressed
array.pickle       a result with a numpy array (if numpy is installed)
"""

from __future__ import annotations

import gzip
import pickle
import random
import sys
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

from model import JobState, Phase, Step, Trait, Worker

START = datetime(2026, 3, 14, 1, 59, 26, 535897, tzinfo=timezone.utc)
STEPS = ("fetch", "parse", "join", "aggregate", "report")


def make_job(seed: int = 7) -> JobState:
    """A job with a parent, on a worker that both share. The same each time."""
    chance = random.Random(seed)
    worker = Worker("worker-3.example", START - timedelta(hours=chance.randrange(100)))
    parent = JobState(40, Phase.DONE, Trait.NIGHTLY, START - timedelta(days=1), Decimal("10.00"), worker)
    job = JobState(42, Phase.QUEUED, Trait.URGENT | Trait.RETRIES, START, Decimal("0.10") * 3, worker, parent)
    job.options = {"region": "eu-west", "ratio": 1 / 3, "limit": 2**70, "name": "Zoë ☃", "raw": bytes(range(256))}
    job.options["self"] = job.options  # a dict that contains itself
    job.tags = frozenset({"billing", "q1"})
    worker.jobs += [parent, job]  # worker -> job -> worker
    return job


def run_step(job: JobState, name: str, seed: int) -> None:
    """Does a step's 'work' and writes down what came out."""
    chance = random.Random(seed)
    rows = [{"id": number, "value": chance.random(), "owner": job.worker} for number in range(40)]
    job.phase = Phase.RUNNING
    job.steps.append(Step(name, job, timedelta(seconds=chance.randrange(1, 900)), rows))
    job.log.append(f"{name}: {len(rows)} rows on {job.worker.name if job.worker else '-'}")


def make_history():
    """The job after each of its steps: the same object, growing."""
    job = make_job()
    for number, name in enumerate(STEPS):
        run_step(job, name, number)
        if name == STEPS[-1]:
            job.phase = Phase.DONE
        yield job


def make_array():
    """A result with an array that is referred to twice, or None without numpy."""
    try:
        import numpy
    except ImportError:
        return None
    array = numpy.random.default_rng(1).normal(size=(500, 400))
    return {"weights": array, "best": array, "epoch": numpy.int64(12), "shape": array.shape}


def main(folder: Path) -> None:
    with open(folder / "history.pickle", "ab") as file:
        for job in make_history():
            pickle.dump(job, file)
    job = make_job()
    run_step(job, "fetch", 0)
    with open(folder / "job.pickle", "wb") as file:
        pickle.dump(job, file)
    for protocol in range(6):
        with open(folder / f"protocol-{protocol}.pickle", "wb") as file:
            pickle.dump(job, file, protocol)
    with gzip.open(folder / "job.pickle.gz", "wb") as file:
        pickle.dump(job, file)
    result = make_array()
    if result is not None:
        with open(folder / "array.pickle", "wb") as file:
            pickle.dump(result, file)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
