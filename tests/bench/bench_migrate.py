#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures snapjar migrate: bench_migrate.py [--build DIR] [--files N] [--folder DIR] [--pairs N] [--only ROW] [--strict].

N snapshots (20,000) of 1 to 4 kB, each one instance with a list of texts ("jobs") or of dicts of small values ("states"), get a
field renamed and a field added, durably, on one thread, and on all processors, as is the default. The peers, on one thread each, do
it with the same durability, and keep what we keep of a file, its owner, extended attributes and mode:

writing   a loop of system calls that only writes the bytes that come of it; it reads, locks and checks nothing (replace_loop.c)
usual     the usual way in Python, from pickle to pickle, with tempfile and shutil (usual_way.py)
raw       the same, as fast as it goes in Python: without these (usual_way.py)
recipe    the same for pickles that are compressed and checked, as our records are: with a header, an HMAC and zstd (usual_way.py)

Ours begin with records of version 1 and end with records of version 2. The time of ours is that of the process, begun and ended;
that of the peers is within theirs. Each pair is measured in turn; the median of the ratios counts. Run it with --folder on a disk
and on a tmpfs: a disk hides what the programs do.

The row "tiny" has pickles of 150 bytes instead, where next to all is the system's work of opening, making and renaming files; no
goal was set for it. The last row is one large snapshot, 100 MB of objects (--quick: 12 MB), on one thread, against pickle.load and
pickle.dump alone.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import payloads
import usual_way
from usual_way import sync_file_system

SMALL_FIELDS = ("number", "state", "attempt", "progress")


def make_contract(fields: tuple[str, ...], **more: object) -> dict:
    """Of the version in which `state` is called `status`, and `priority` is there."""
    new = (*(name for name in fields if name != "state"), "status", "priority")
    return {
        "snapjar_contract": 1,
        "schema_version": 2,
        "classes": {"payloads:Job": {"fields": {name: {} for name in new}}},
        "versions": {"1": {"classes": {"payloads:Job": {"fields": {name: {} for name in fields}}}, **more}},
        "migrations": [
            {
                "from": 1,
                "to": 2,
                "steps": [
                    {"op": "rename_field", "class": "payloads:Job", "from": "state", "to": "status"},
                    {"op": "add", "class": "payloads:Job", "field": "priority", "value": 5},
                ],
            }
        ],
        **more,
    }


CONTRACTS = {
    "jobs": make_contract((*SMALL_FIELDS, "log")) | {"type": "payloads:Job"},
    "states": make_contract((*SMALL_FIELDS, "log")) | {"type": "payloads:Job"},
    "tiny": make_contract(SMALL_FIELDS) | {"type": "payloads:Job"},
    "large": make_contract((*SMALL_FIELDS, "owner", "before"), root={"type": "list"}) | {"type": "payloads:Graph"},
}

# In a process of its own: what a collector of garbage and an allocator do depends on what else is there.
LOAD_AND_DUMP = """
import pickle, sys, time
sys.path.insert(0, sys.argv[1])
import payloads
begun = time.perf_counter()
with open(sys.argv[2], "rb") as file:
    loaded = pickle.load(file)
with open(sys.argv[3], "wb") as file:
    pickle.dump(loaded, file, 5)
print(time.perf_counter() - begun)
"""


def write_tiny(folder: Path, count: int) -> None:
    for number in range(count):
        path = folder / f"{number // 1000:03}" / f"job-{number:05}.pickle"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pickle.dumps(payloads.Job(number, random.Random(number)), 5))


def timed(*command: str) -> float:
    begun = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


class Bench:
    def __init__(self, build: Path, folder: Path, kind: str, count: int) -> None:
        self.snapjar = str(build / "cli/snapjar")
        self.loop = str(build / "tests/bench/replace_loop")
        self.folder, self.kind, self.count = folder / kind, kind, count
        self.folder.mkdir()
        self.contract = self.folder / "contract.json"
        self.contract.write_text(json.dumps(CONTRACTS[kind]))
        if kind == "tiny":
            write_tiny(self.folder / "raw", count)
        else:
            payloads.write_jobs(self.folder / "raw", count, kind == "states")
        self.copy_migrated("raw", "old", "-s", "1")
        self.copy_migrated("old", "new", "-c", str(self.contract))
        self.recipe = usual_way.Recipe()
        shutil.copytree(self.folder / "raw", self.folder / "recipe")
        for path in (self.folder / "recipe").rglob("*.pickle"):
            path.write_bytes(self.recipe.wrap(path.read_bytes(), 1))

    def copy_migrated(self, old: str, new: str, *options: str) -> None:
        shutil.copytree(self.folder / old, self.folder / new)
        subprocess.run([self.snapjar, "migrate", "-q", "--no-sync", *options, str(self.folder / new)], check=True,
                       stdout=subprocess.DEVNULL)  # fmt: skip

    def fresh(self, name: str) -> Path:
        """A copy that nothing was done to, and that the disk has."""
        target = self.folder / "work"
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(self.folder / name, target)
        sync_file_system(target)
        return target

    def ours(self, jobs: list[str]) -> float:
        return timed(self.snapjar, "migrate", "-q", *jobs, "-c", str(self.contract), str(self.fresh("old")))

    def writing(self) -> float:
        target = self.fresh("old")
        done = subprocess.run([self.loop, str(target), str(self.folder / "new")], check=True, capture_output=True, text=True)
        return float(done.stdout)

    def in_python(self, peer: str) -> float:
        if peer == "usual":
            return usual_way.migrate_all(self.fresh("raw"), usual_way.write_temporary)
        migrate = usual_way.migrate_raw if peer == "raw" else self.recipe.migrate
        return usual_way.migrate_all(self.fresh(peer), lambda path: usual_way.write_neighbour(path, migrate))

    def row(self, peer: str, goal: float | None, pairs: int, is_parallel: bool) -> bool:
        measure: Callable[[], float] = self.writing if peer == "writing" else lambda: self.in_python(peer)
        measured = [(self.ours([] if is_parallel else ["-j1"]), measure()) for _ in range(pairs)]
        processors = "all processors" if is_parallel else "one thread"
        return told(f"{self.count} {self.kind}, {processors} / {peer}", measured, goal, self.count / 1e6, "us")


class LargeBench:
    def __init__(self, build: Path, folder: Path, is_quick: bool) -> None:
        self.snapjar, self.folder = str(build / "cli/snapjar"), folder
        data = Path(os.environ.get("SNAPJAR_BENCH_DIR") or build / "bench-data").resolve()
        self.plain = folder / "large.pkl"
        shutil.copy(payloads.get(data, "xlgraph", is_quick), self.plain)
        subprocess.run([self.snapjar, "pack", "-t", "payloads:Graph", "-s", "1", "-o", str(folder / "large"), str(self.plain)],
                       check=True)  # fmt: skip
        self.contract = folder / "large.json"
        self.contract.write_text(json.dumps(CONTRACTS["large"]))

    def ours(self) -> float:
        target = self.folder / "large.work"
        shutil.copy(self.folder / "large", target)
        sync_file_system(self.folder)
        return timed(self.snapjar, "migrate", "-q", "-j1", "-c", str(self.contract), str(target))

    def python(self) -> float:
        command = [sys.executable, "-c", LOAD_AND_DUMP, str(Path(__file__).parent), str(self.plain), str(self.folder / "large.new")]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        return float(done.stdout)

    def row(self, name: str, goal: float, pairs: int) -> bool:
        return told(name, [(self.ours(), self.python()) for _ in range(pairs)], goal, 1, "s")


def told(name: str, measured: list[tuple[float, float]], goal: float | None, count: float, unit: str) -> bool:
    """Prints a row; whether its goal is met."""
    ratio = median(theirs / ours for ours, theirs in measured)
    ours, theirs = measured[len(measured) // 2]
    verdict = "" if goal is None else f"  goal {goal:.2f}  {'met' if ratio >= goal else 'missed'}"
    print(f"{name:44} {ours / count:9.1f} {unit:2} {theirs / count:9.1f} {unit:2} {ratio:6.2f} x{verdict}", flush=True)
    return goal is None or ratio >= goal


# The word for --only, kind of files, peer, goal, and whether ours uses all processors.
ROWS: tuple[tuple[str, str, str, float | None, bool], ...] = (
    ("writing", "jobs", "writing", 0.8, False),
    ("usual", "jobs", "usual", 2.5, False),
    ("usual", "jobs", "usual", 2.5, True),
    ("raw", "jobs", "raw", 2.5, False),
    ("raw", "jobs", "raw", 2.5, True),
    ("recipe", "jobs", "recipe", 2.5, False),
    ("recipe", "jobs", "recipe", 2.5, True),
    ("states", "states", "writing", 0.8, False),
    ("states", "states", "usual", 2.5, False),
    ("states", "states", "usual", 2.5, True),
    ("states", "states", "raw", 2.5, False),
    ("states", "states", "raw", 2.5, True),
    ("tiny", "tiny", "writing", None, False),
    ("tiny", "tiny", "raw", None, False),
)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=Path, default=Path("build"))
    parser.add_argument("--files", type=int, default=20000)
    parser.add_argument("--folder", type=Path, default=None, help="where the files are made: a disk or a tmpfs")
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--only", choices=(*dict.fromkeys(row[0] for row in ROWS), "large"))
    parser.add_argument("--quick", action="store_true", help="a smaller large snapshot")
    parser.add_argument("--strict", action="store_true")
    options = parser.parse_args()
    met = []
    benches: dict[str, Bench] = {}
    build = options.build.resolve()
    with tempfile.TemporaryDirectory(prefix="snapjar-bench-", dir=options.folder) as made:
        print(f"{'what':44} {'ours':>12} {'peer':>12} {'speed':>8}")
        for word, kind, peer, goal, is_parallel in ROWS:
            if options.only not in (None, word):
                continue
            if kind not in benches:
                benches[kind] = Bench(build, Path(made), kind, options.files)
            met.append(benches[kind].row(peer, goal, options.pairs, is_parallel))
        if options.only in (None, "large"):
            large = LargeBench(build, Path(made), options.quick)
            met.append(large.row("migrate a large graph / load and dump", 1.0, options.pairs))
    print(f"{len(met)} passed, 0 failed" if not options.strict else f"{sum(met)} goals met, {len(met) - sum(met)} not met")
    return 1 if options.strict and not all(met) else 0


if __name__ == "__main__":
    sys.exit(main())
