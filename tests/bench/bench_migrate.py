#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures snapjar migrate: bench_migrate.py [--build DIR] [--files N] [--folder DIR] [--pairs N] [--only ROW] [--strict].

N small snapshots (20,000) of one class get a field renamed and a field added, durably, on one thread, and once on all processors,
as is the default. The peers, on one thread each, do it with the same durability, neighbours, one sync of the file system, renames,
one more sync, a thousand files at a time: a loop that only writes the bytes that come of it (tests/bench/replace_loop.c), and what
is usually done in Python, an Unpickler that knows the old class, a changed __dict__, pickle.dumps and rewriting, on plain pickles.
Each pair is measured in turn; the median of the ratios counts. Run it with --folder on a disk and on a tmpfs: a disk hides what the
programs do.

The last row is one large snapshot, 100 MB of objects (--quick: 12 MB), on one thread, against pickle.load and pickle.dump alone.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
import time
import types
from pathlib import Path
from statistics import median

import payloads

GROUP = 1024

CONTRACT = {
    "snapjar_contract": 1,
    "type": "bench_jobs:Job",
    "schema_version": 2,
    "classes": {"bench_jobs:Job": {"fields": {name: {} for name in ("id", "name", "status", "tags", "seconds", "priority")}}},
    "versions": {"1": {"classes": {"bench_jobs:Job": {"fields": {name: {} for name in ("id", "name", "state", "tags", "seconds")}}}}},
    "migrations": [
        {
            "from": 1,
            "to": 2,
            "steps": [
                {"op": "rename_field", "class": "bench_jobs:Job", "from": "state", "to": "status"},
                {"op": "add", "class": "bench_jobs:Job", "field": "priority", "value": 5},
            ],
        }
    ],
}


FIELDS = ("number", "state", "attempt", "progress", "owner", "before")

LARGE_CONTRACT = {
    "snapjar_contract": 1,
    "type": "payloads:Graph",
    "schema_version": 2,
    "root": {"type": "list"},
    "classes": {"payloads:Job": {"fields": {name: {} for name in (*FIELDS, "status", "priority") if name != "state"}}},
    "versions": {"1": {"root": {"type": "list"}, "classes": {"payloads:Job": {"fields": {name: {} for name in FIELDS}}}}},
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


def install() -> type:
    module = sys.modules.setdefault("bench_jobs", types.ModuleType("bench_jobs"))
    module.Job = type("Job", (), {"__module__": "bench_jobs"})
    return module.Job


def make_files(folder: Path, count: int) -> None:
    job_class = install()
    folder.mkdir()
    for number in range(count):
        job = job_class()
        vars(job).update(id=number, name=f"job-{number}", state="running", tags=["a", "b", str(number)], seconds=number / 7)
        (folder / f"{number:05}.pkl").write_bytes(pickle.dumps(job, 4))


class Renaming(pickle.Unpickler):
    """What people write: the names that are known, and no others."""

    def find_class(self, module: str, name: str) -> type:
        if (module, name) == ("bench_jobs", "Job"):
            return sys.modules["bench_jobs"].Job
        raise pickle.UnpicklingError(f"{module}.{name}")


def sync_file_system(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY)
    ctypes.CDLL(None, use_errno=True).syncfs(fd)
    os.close(fd)


def rewrite_one(path: str) -> str:
    with open(path, "rb") as file:
        job = Renaming(file).load()
    state = vars(job)
    state["status"] = state.pop("state")
    state["priority"] = 5
    new = f"{path}.new"
    with open(new, "wb") as file:
        file.write(pickle.dumps(job, 4))
    shutil.copystat(path, new)
    return new


def rewrite_all(folder: Path) -> float:
    """The usual way in Python, with the durability of ours."""
    begun = time.perf_counter()
    paths = sorted(entry.path for entry in os.scandir(folder))
    for start in range(0, len(paths), GROUP):
        group = paths[start : start + GROUP]
        news = [rewrite_one(path) for path in group]
        sync_file_system(folder)
        for new, path in zip(news, group, strict=True):
            os.rename(new, path)
        sync_file_system(folder)
    return time.perf_counter() - begun


def timed(*command: str) -> float:
    begun = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


class Bench:
    def __init__(self, build: Path, folder: Path, count: int) -> None:
        self.snapjar = str(build / "cli/snapjar")
        self.loop = str(build / "tests/bench/replace_loop")
        self.folder, self.count = folder, count
        self.contract = folder / "contract.json"
        self.contract.write_text(json.dumps(CONTRACT))
        make_files(folder / "plain", count)
        shutil.copytree(folder / "plain", folder / "old")
        subprocess.run([self.snapjar, "migrate", "-q", "--no-sync", "-s", "1", str(folder / "old")], check=True, stdout=subprocess.DEVNULL)
        shutil.copytree(folder / "old", folder / "new")
        subprocess.run([self.snapjar, "migrate", "-q", "--no-sync", "-c", str(self.contract), str(folder / "new")], check=True,
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

    def python(self) -> float:
        install()
        return rewrite_all(self.fresh("plain"))

    def row(self, name: str, peer: str, goal: float, pairs: int, jobs: tuple[str, ...] = ("-j1",)) -> bool:
        measured = [(self.ours(list(jobs)), getattr(self, peer)()) for _ in range(pairs)]
        return told(name, measured, goal, self.count / 1e6, "us")


class LargeBench:
    def __init__(self, build: Path, folder: Path, is_quick: bool) -> None:
        self.snapjar, self.folder = str(build / "cli/snapjar"), folder
        data = Path(os.environ.get("SNAPJAR_BENCH_DIR") or build / "bench-data").resolve()
        self.plain = folder / "large.pkl"
        shutil.copy(payloads.get(data, "xlgraph", is_quick), self.plain)
        subprocess.run([self.snapjar, "pack", "-t", "payloads:Graph", "-s", "1", "-o", str(folder / "large"), str(self.plain)],
                       check=True)  # fmt: skip
        self.contract = folder / "large.json"
        self.contract.write_text(json.dumps(LARGE_CONTRACT))

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


def told(name: str, measured: list[tuple[float, float]], goal: float, count: float, unit: str) -> bool:
    """Prints a row; whether its goal is met."""
    ratio = median(theirs / ours for ours, theirs in measured)
    ours, theirs = measured[len(measured) // 2]
    print(f"{name:44} {ours / count:9.1f} {unit:2} {theirs / count:9.1f} {unit:2} {ratio:6.2f} x  goal {goal:.2f}  "
          f"{'met' if ratio >= goal else 'missed'}", flush=True)  # fmt: skip
    return ratio >= goal


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=Path, default=Path("build"))
    parser.add_argument("--files", type=int, default=20000)
    parser.add_argument("--folder", type=Path, default=None, help="where the files are made: a disk or a tmpfs")
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--only", choices=("writing", "python", "all-processors", "large"))
    parser.add_argument("--quick", action="store_true", help="a smaller large snapshot")
    parser.add_argument("--strict", action="store_true")
    options = parser.parse_args()
    met = []
    with tempfile.TemporaryDirectory(prefix="snapjar-bench-", dir=options.folder) as made:
        print(f"{'what':44} {'ours':>12} {'peer':>12} {'speed':>8}")
        bench = Bench(options.build.resolve(), Path(made), options.files) if options.only != "large" else None
        files = f"migrate {options.files} files"
        if options.only in (None, "writing"):
            met.append(bench.row(f"{files} / only writing", "writing", 0.8, options.pairs))
        if options.only in (None, "python"):
            met.append(bench.row(f"{files} / Python", "python", 2.5, options.pairs))
        if options.only in (None, "all-processors"):
            met.append(bench.row(f"{files}, all processors / Python", "python", 2.5, options.pairs, ()))
        if options.only in (None, "large"):
            large = LargeBench(options.build.resolve(), Path(made), options.quick)
            met.append(large.row("migrate a large graph / load and dump", 1.0, options.pairs))
    print(f"{len(met)} passed, 0 failed" if not options.strict else f"{sum(met)} goals met, {len(met) - sum(met)} not met")
    return 1 if options.strict and not all(met) else 0


if __name__ == "__main__":
    sys.exit(main())
