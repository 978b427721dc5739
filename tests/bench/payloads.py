# SPDX-License-Identifier: MIT
"""The pickles that the benchmarks run on, made from seeds, the same each time on one version of Python and numpy.

small     272 B or so: one job's state
medium    36 kB: a dict of settings and results
graph     5 MB of small dicts and instances; xlgraph: 100 MB of them
text      50 MB of strings
array     200 MB of float64 inside the pickle
random    200 MB that do not compress
jobs      20,000 files of 1 to 4 kB: a list of texts
states    the same, of many small values: a list of dicts

Files are kept in a folder between runs ($SNAPJAR_BENCH_DIR, else bench-data in the build folder).
"""

from __future__ import annotations

import pickle
import random
from pathlib import Path

# Sizes in bytes (jobs: files), normally and with --quick.
SIZES = {
    "small": (0, 0),
    "medium": (36_000, 36_000),
    "graph": (5_000_000, 1_000_000),
    "xlgraph": (100_000_000, 12_000_000),
    "text": (50_000_000, 8_000_000),
    "array": (200_000_000, 24_000_000),
    "random": (200_000_000, 24_000_000),
    "jobs": (20_000, 1_000),
}

WORDS = [
    "".join(random.Random(number).choices("etaoinshrdlucmfwypvbgkqjxz", weights=range(26, 0, -1), k=2 + number % 9))
    for number in range(4000)
]


class Job:
    """What the instances in the pickles are of."""

    def __init__(self, number: int, chance: random.Random) -> None:
        self.number = number
        self.state = chance.choice(("queued", "running", "failed", "done"))
        self.attempt = chance.randrange(5)
        self.progress = chance.random()


def make_small() -> object:
    chance = random.Random(272)
    job = Job(4711, chance)
    job.options = {"region": "eu-west", "retry": True, "limit": 250_000, "owner": None}
    job.steps = [("fetch", 12, 0.25), ("parse", 480, 1.75), ("report", 1, 0.0)]
    job.worker = "worker-3.example"
    return job


def make_text(chance: random.Random, size: int) -> list[str]:
    lines, total = [], 0
    while total < size:
        lines.append(" ".join(chance.choices(WORDS, k=chance.randrange(5, 40))))
        total += len(lines[-1]) + 6
    return lines


def make_graph(chance: random.Random, size: int) -> list:
    """Pairs of an instance and a dict, some 82 bytes each, which refer to each other and to earlier ones."""
    items: list[dict] = []
    for number in range(size // 82):
        job = Job(number, chance)
        job.owner = chance.randrange(1 << 16)
        job.before = chance.choice(items)["job"] if items else None
        items.append(
            {
                "job": job,
                "rank": chance.randrange(1000),
                "ok": chance.random() < 0.5,
                "tag": chance.choice(WORDS),
                "id": f"{chance.getrandbits(40):010x}",
            }
        )
    return items


def make_array(size: int) -> object:
    import numpy

    return {"epoch": 12, "weights": numpy.random.default_rng(200).normal(size=size // 8)}


def make_random(size: int) -> bytes:
    import numpy

    return numpy.random.default_rng(100).bytes(size)


def make(name: str, size: int) -> object:
    chance = random.Random(name)
    if name == "small":
        return make_small()
    if name == "medium":
        half = size // 2
        return {"settings": dict(enumerate(make_text(chance, half))), "results": make_graph(chance, half)}
    if name in ("graph", "xlgraph"):
        return make_graph(chance, size)
    if name == "text":
        return make_text(chance, size)
    return make_array(size) if name == "array" else make_random(size)


def make_steps(chance: random.Random) -> list[dict]:
    return [
        {
            "step": chance.choice(WORDS),
            "at": 1.7e9 + chance.random() * 1e6,
            "ok": chance.random() < 0.9,
            "rows": chance.randrange(100_000),
            "tags": [chance.choice(WORDS), chance.choice(WORDS)],
        }
        for _ in range(chance.randrange(15, 60))
    ]


def write_jobs(folder: Path, count: int, has_steps: bool = False) -> None:
    """`count` pickles in folders of a thousand: jobs, or states."""
    for number in range(count):
        chance = random.Random(number)
        job = Job(number, chance)
        job.log = make_steps(chance) if has_steps else make_text(chance, chance.randrange(800, 3700))
        path = folder / f"{number // 1000:03}" / f"job-{number:05}.pickle"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pickle.dumps(job, 5))


def get(folder: Path, name: str, quick: bool) -> Path:
    """The file (for jobs: the folder) of a payload; makes it if it is not there."""
    size = SIZES[name][quick]
    path = folder / (f"jobs-{size}" if name == "jobs" else f"{name}-{size}.pickle")
    if path.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".part")
    if name == "jobs":
        write_jobs(unfinished, size)
    else:
        with open(unfinished, "wb") as file:
            pickle.dump(make(name, size), file, 5)
    unfinished.rename(path)
    return path
