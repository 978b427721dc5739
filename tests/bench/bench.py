#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures snapjar against its peers: bench.py [--build DIR] [--quick] [--only NAME]... [--pairs N] [--json FILE].

Machines differ and are shared, so times alone mean nothing. Every row runs ours and the peer in turn (A B A B ...),
takes the ratio of each pair, and shows the median: of wall time, against which the goal is set, and of CPU time.

Where two threads bring little, three figures tell whose fault that is. `cores` is CPU time / wall time of ours: at 2.0
both processors were busy all the time, so that ratio x cores / 2 is what an even better split could reach. `split` is how
the CPU time was shared, in percent: the calling thread (which reads, hashes, and writes what workers do not write
themselves), then each worker. And the rows "machine" have no goal: they run zstd, on one thread, twice at once and twice
in a row; 0.50 means that the second processor doubles what the machine does, 1.00 that it adds nothing.

Programs write to files on one file system and none of them syncs (zstd never does; ours --no-sync).
All of it needs 2 GB of disk, 2 GB of memory while the payloads are made the first time, and some minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import pickletools
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Callable

import payloads

MIB = 1 << 20


@dataclass
class Run:
    """One run of a program."""

    wall: float
    cpu: float
    rss: int  # bytes, at the peak
    threads: list[float] = field(default_factory=list)  # CPU time of each, where the program tells: seconds


@dataclass
class Row:
    """One line of the table. `ratio` is what is held against `goal`: at most that. None: nothing to reach."""

    name: str
    peer: str
    goal: float | None
    ratio: float
    cpu: float | None = None
    cores: float | None = None
    ours: str = ""
    theirs: str = ""
    split: str = ""

    @property
    def met(self) -> bool | None:
        return None if self.goal is None else self.ratio <= self.goal


@dataclass
class Bench:
    build: Path
    folder: Path
    quick: bool
    pairs: int
    only: list[str]
    rows: list[Row] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.snapjar = str(self.build / "cli" / "snapjar")
        self.zstd = shutil.which("zstd") or "zstd"
        self.scratch = self.folder / f"scratch-{os.getpid()}"

    def measure(self, command: list[str]) -> Run:
        """Runs a program, output thrown away; an exit code other than 0 ends the benchmark.

        A file that it writes is not there before: replacing an old one atomically holds the memory of both, which a program
        that empties the old one first gets back to use again, and where fresh memory is slow that is all one would measure.
        """
        if "-o" in command:
            target = Path(command[command.index("-o") + 1])
            if target.is_file():
                target.unlink()
        done = subprocess.run([self.build / "tests" / "bench" / "timed", *command], capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"bench: exit code {done.returncode}: {' '.join(command)}\n{done.stderr}")
        wall, cpu, rss = done.stdout.split()
        said = done.stderr.split()
        threads = [float(word) for word in said[1:]] if said[:1] == ["cpu"] else []
        return Run(float(wall), float(cpu), int(rss), threads)

    def wants(self, name: str) -> bool:
        return not self.only or any(word in name for word in self.only)

    def payload(self, name: str) -> Path:
        return payloads.get(self.folder, name, self.quick)

    def add(self, row: Row) -> None:
        self.rows.append(row)
        print_row(row)

    def compare(self, name: str, goal: float, ours: list[str], peer: list[str], peer_name: str) -> None:
        """Runs both in turn. The first pair warms caches and does not count."""
        pairs = []
        for number in range(self.pairs + 1):
            pair = (self.measure(ours), self.measure(peer))
            if number:
                pairs.append(pair)
        self.add(
            Row(
                name,
                peer_name,
                goal,
                median(mine.wall / theirs.wall for mine, theirs in pairs),
                median(mine.cpu / theirs.cpu for mine, theirs in pairs) if pairs[0][1].cpu else None,
                median(mine.cpu / mine.wall for mine, _ in pairs),
                f"{median(mine.wall for mine, _ in pairs) * 1000:.0f} ms",
                f"{median(theirs.wall for _, theirs in pairs) * 1000:.0f} ms",
                show_split([mine.threads for mine, _ in pairs]),
            )
        )

    # ---- large files ----

    def seconds(self, commands: list[list[str]]) -> float:
        """Until all have ended that are started at once."""
        for command in commands:
            if "-o" in command:
                Path(command[command.index("-o") + 1]).unlink(missing_ok=True)
        start = time.monotonic()
        running = [subprocess.Popen(command) for command in commands]
        codes = [process.wait() for process in running]
        if any(codes):
            raise SystemExit(f"bench: exit codes {codes}: {' '.join(commands[0])}")
        return time.monotonic() - start

    def machine(self, what: str, payload: str) -> None:
        """What a second processor is worth to two programs that share nothing."""
        _, stored = self.packed(payload)
        command = [self.zstd, "-q", "-f", "--single-thread", "--no-asyncio"]
        command += {"pack": ["-3", str(self.payload(payload))], "unpack": ["-d", str(stored)],
                    "verify": ["-t", str(stored)]}[what]  # fmt: skip
        outputs = [[] if what == "verify" else ["-o", str(self.scratch / f"peer-{turn}.out")] for turn in range(2)]
        both = [[*command, *output] for output in outputs]
        pairs = []
        for number in range(self.pairs + 1):
            pair = (self.seconds(both), self.seconds(both[:1]) + self.seconds(both[1:]))
            if number:
                pairs.append(pair)
        self.add(
            Row(
                f"machine, zstd {command[5]} {payload} twice",
                "one after the other",
                None,
                median(at_once / in_turn for at_once, in_turn in pairs),
                ours=f"{median(at_once for at_once, _ in pairs) * 1000:.0f} ms",
                theirs=f"{median(in_turn for _, in_turn in pairs) * 1000:.0f} ms",
            )
        )

    def container(self, what: str, payload: str, threads: int, goal: float) -> None:
        """The library's work without the analysis of the pickle, which zstd does not do either."""
        ours_file, peer_file = self.packed(payload)
        program = [str(self.build / "tests" / "bench" / "container"), what, str(threads)]
        name = f"{what} {payload} -T{threads}, container only"
        if what == "verify":
            self.compare(name, goal, [*program, str(ours_file)], [self.zstd, "-q", "-t", str(peer_file)], "zstd -t")
            return
        source = self.payload(payload)
        ours = [*program, str(source if what == "pack" else ours_file), "-o", str(self.scratch / "ours.out")]
        peer = [self.zstd, "-q", "-f", "-o", str(self.scratch / "peer.out")]
        peer += ["-3", "-T1", str(source)] if what == "pack" else ["-d", str(peer_file)]
        self.compare(name, goal, ours, peer, "zstd -3 -T1" if what == "pack" else "zstd -d")

    def walk(self, payload: str, pairs: int) -> dict:
        """What tests/bench/walk.c measures of the pickle in memory."""
        walk = str(self.build / "tests" / "bench" / "walk")
        done = subprocess.run(
            [walk, "--json", "--pairs", str(pairs), str(self.payload(payload))], check=True, capture_output=True
        )
        return json.loads(done.stdout)

    def scan_seconds(self, payload: str) -> float:
        return self.walk(payload, 1)["scan_s"]

    def analysed(self, name: str, payload: str, ours: list[str], peer: list[str]) -> None:
        """The whole program against zstd's time and 1.2 times the scan's."""
        pairs = []
        for number in range(self.pairs + 1):
            triple = (self.measure(ours), self.measure(peer), self.scan_seconds(payload))
            if number:
                pairs.append(triple)
        walls = [(mine.wall, theirs.wall + 1.2 * scan) for mine, theirs, scan in pairs]
        cpus = [(mine.cpu, theirs.cpu + 1.2 * scan) for mine, theirs, scan in pairs]
        self.add(
            Row(
                name,
                "zstd + 1.2 scan",
                1.0,
                median(mine / theirs for mine, theirs in walls),
                median(mine / theirs for mine, theirs in cpus),
                median(mine.cpu / mine.wall for mine, _, _ in pairs),
                f"{median(mine for mine, _ in walls) * 1000:.0f} ms",
                f"{median(theirs for _, theirs in walls) * 1000:.0f} ms",
            )
        )

    def pack_command(self, source: Path, target: Path, threads: int = 1) -> list[str]:
        return [self.snapjar, "pack", "--no-sync", "-f", f"-T{threads}", "-t", "payloads:Job", "-o", str(target),
                str(source)]  # fmt: skip

    def pack(self, payload: str, threads: int) -> None:
        source = self.payload(payload)
        ours = self.pack_command(source, self.scratch / "ours.snapjar", threads)
        peer = [self.zstd, "-q", "-f", "-3", "-T1", "-o", str(self.scratch / "peer.zst"), str(source)]
        self.analysed(f"pack {payload} -T{threads}", payload, ours, peer)

    def packed(self, payload: str) -> tuple[Path, Path]:
        """The payload as a snapshot and as a zstd file of one frame."""
        source = self.payload(payload)
        ours, peer = self.scratch / f"{payload}.snapjar", self.scratch / f"{payload}.zst"
        if not ours.exists():
            self.measure(self.pack_command(source, ours))
            self.measure([self.zstd, "-q", "-f", "-3", "-T1", "-o", str(peer), str(source)])
        return ours, peer

    def unpack(self, payload: str, threads: int) -> None:
        ours_file, peer_file = self.packed(payload)
        ours = [self.snapjar, "unpack", "--no-sync", "-f", f"-T{threads}", "-o", str(self.scratch / "ours.pickle"),
                str(ours_file)]  # fmt: skip
        peer = [self.zstd, "-q", "-d", "-f", "-o", str(self.scratch / "peer.pickle"), str(peer_file)]
        self.analysed(f"unpack {payload} -T{threads}", payload, ours, peer)

    def verify(self, payload: str, threads: int) -> None:
        ours_file, peer_file = self.packed(payload)
        peer = [self.zstd, "-q", "-t", str(peer_file)]
        self.analysed(f"verify {payload} -j{threads}", payload,
                      [self.snapjar, "verify", f"-j{threads}", str(ours_file)], peer)  # fmt: skip

    def stored_only(self, payload: str) -> None:
        ours_file, peer_file = self.packed(payload)
        self.compare(f"verify {payload} --stored-only", 0.12, [self.snapjar, "verify", "--stored-only", str(ours_file)],
                     [self.zstd, "-q", "-t", str(peer_file)], "zstd -t")  # fmt: skip

    def stored_size(self, payload: str) -> None:
        ours_file, peer_file = self.packed(payload)
        done = subprocess.run([self.snapjar, "info", "--json", str(ours_file)], check=True, capture_output=True)
        ours = find_key(json.loads(done.stdout.splitlines()[0]), "stored_size")
        peer = peer_file.stat().st_size
        self.add(
            Row(f"size {payload}", "zstd -3, one frame", 1.01, ours / peer, None, None, f"{ours:,} B", f"{peer:,} B")
        )

    def verify_memory(self, payload: str) -> None:
        """32 MiB, and 16 bytes for each memo entry that the analysis has to follow."""
        ours_file, _ = self.packed(payload)
        limit = 32 * MIB + 16 * self.walk(payload, 1)["memo_entries"]
        for threads in (1, 2):
            peak = max(self.measure([self.snapjar, "verify", f"-j{threads}", str(ours_file)]).rss for _ in range(3))
            self.add(Row(f"memory verify {payload} -j{threads}", "limit", 1.0, peak / limit, None, None,
                         f"{peak / MIB:.1f} MiB", f"{limit / MIB:.1f} MiB"))  # fmt: skip

    # ---- the scan alone, in memory ----

    def scan(self, payload: str) -> None:
        """Against a walk that keeps stack, marks and memo and checks nothing."""
        got = self.walk(payload, self.pairs)
        self.add(Row(f"scan {payload}", "tracked walk", 2.0, 1 / got["ratio"], None, None,
                     f"{got['scan_s'] * 1000:.1f} ms", f"{got['walk_s'] * 1000:.1f} ms"))  # fmt: skip

    def genops(self, payload: str) -> None:
        data = self.payload(payload).read_bytes()
        pairs = []
        for _ in range(min(self.pairs, 3)):
            start = time.process_time()
            for _ in pickletools.genops(data):
                pass
            pairs.append((self.scan_seconds(payload), time.process_time() - start))
        self.add(Row(f"scan {payload}", "pickletools.genops", 1 / 80, median(mine / theirs for mine, theirs in pairs),
                     None, None, f"{median(mine for mine, _ in pairs) * 1000:.1f} ms",
                     f"{median(theirs for _, theirs in pairs) * 1000:.0f} ms"))  # fmt: skip

    # ---- many small files ----

    def packed_jobs(self) -> Path:
        """The jobs as snapshots, a file each."""
        source = self.payload("jobs")
        target = self.folder / (source.name + "-packed")
        if target.exists():
            return target
        unfinished = self.scratch / "jobs"
        for folder in sorted(source.iterdir()):
            inner = unfinished / folder.name
            inner.mkdir(parents=True)
            pickles = [str(path) for path in sorted(folder.iterdir())]
            self.measure([self.snapjar, "pack", "--no-sync", "-t", "payloads:Job", "-o", str(inner), *pickles])
        unfinished.rename(target)
        return target

    def many(self, command: list[str], goal: float) -> None:
        folder = self.packed_jobs()
        loop = str(self.build / "tests" / "bench" / "open_loop")
        name = f"{' '.join(command)}, {payloads.SIZES['jobs'][self.quick]:,} files"
        self.compare(name, goal, [self.snapjar, *command, str(folder)], [loop, str(folder)], "open + read + close")

    # ---- in process ----

    def small(self) -> None:
        program = str(self.build / "tests" / "bench" / "bench_small")
        blocks = "11" if self.quick else "101"
        done = subprocess.run([program, str(self.payload("small")), blocks], check=True, capture_output=True)
        got = json.loads(done.stdout)
        self.add(Row("small, pack + verify + unpack", "zstd + jansson", 2.0, got["ratio_wall"], got["ratio_cpu"], 1.0,
                     f"{got['ours_ns'] / 1000:.1f} us", f"{got['peer_ns'] / 1000:.1f} us"))  # fmt: skip


    # ---- in Python ----

    def python(self, name: str) -> None:
        payload = self.payload("small" if name == "file" else name)
        command = [sys.executable, str(Path(__file__).with_name("bench_python.py")), str(payload), name]
        environment = dict(os.environ, PYTHONPATH=str(self.build / "python" / "src"))
        done = subprocess.run(command + ["--quick"] * self.quick, check=True, capture_output=True, env=environment)
        for row in json.loads(done.stdout):
            unit = (lambda size: f"{size / MIB:.0f} MiB") if "memory" in row["name"] else show_time
            self.add(Row(row["name"], row["peer"], row["goal"], row["ratio"], row["cpu"], None, unit(row["ours"]),
                         unit(row["theirs"])))  # fmt: skip


def show_split(runs: list[list[float]]) -> str:
    """Each thread's share of the CPU time, over all runs."""
    if not all(runs):
        return ""
    sums = [sum(threads) for threads in zip(*runs)]
    return "+".join(f"{100 * part / sum(sums):.0f}" for part in sums)


def show_time(seconds: float) -> str:
    return f"{seconds * 1e6:.1f} us" if seconds < 0.01 else f"{seconds * 1000:.0f} ms"


def find_key(value: object, key: str) -> int:
    """The first number under a key, at whatever depth."""
    if isinstance(value, dict):
        if isinstance(value.get(key), int):
            return value[key]
        for inner in value.values():
            found = find_key(inner, key)
            if found >= 0:
                return found
    return -1


def cases(bench: Bench) -> list[tuple[str, Callable[[], None]]]:
    """All that is measured, by name."""
    large = ("xlgraph", "text", "array")
    table: list[tuple[str, Callable[[], None]]] = []

    def case(name: str, function: Callable[..., None], *arguments: object) -> None:
        table.append((name, lambda: function(*arguments)))

    goals = {"pack": (0.85, 0.50), "unpack": (0.85, 0.65), "verify": (0.80, 0.50)}
    for what, limits in goals.items():
        for threads, goal in enumerate(limits, 1):
            for payload in large if threads > 1 else ():
                case(f"{what} {payload}, machine, container only", bench.machine, what, payload)
            for payload in large:
                case(f"{what} {payload} -T{threads}, container only", bench.container, what, payload, threads, goal)
    for what, function in (("pack", bench.pack), ("unpack", bench.unpack), ("verify", bench.verify)):
        for threads in (1, 2):
            for payload in large:
                case(f"{what} {payload} -{'j' if what == 'verify' else 'T'}{threads}", function, payload, threads)
    for payload in large:
        case(f"verify {payload} --stored-only", bench.stored_only, payload)
    for payload in ("graph", "xlgraph"):
        case(f"scan {payload}, walk", bench.scan, payload)
    case("scan graph, genops", bench.genops, "graph")
    for payload in ("medium", "graph", *large, "random"):
        case(f"size {payload}", bench.stored_size, payload)
    for payload in ("array", "random", "xlgraph"):
        case(f"memory verify {payload}", bench.verify_memory, payload)
    case("ls", bench.many, ["ls"], 2.0)
    case("info --json", bench.many, ["info", "--json"], 2.0)
    case("verify, jobs", bench.many, ["verify"], 4.0)
    case("small", bench.small)
    if (bench.build / "python" / "src" / "snapjar" / "_core.abi3.so").exists():
        for payload in ("small", "file", "graph", "xlgraph", "array"):
            case(f"python {payload}", bench.python, payload)
    return table


def print_row(row: Row) -> None:
    cpu = f"{row.cpu:6.2f}" if row.cpu is not None else "     -"
    cores = f"{row.cores:5.1f}" if row.cores is not None else "    -"
    places = 3 if row.goal is not None and row.goal < 0.1 else 2
    goal = f"{row.goal:5.{places}f}" if row.goal is not None else "    -"
    verdict = {None: "", True: "met", False: "NOT MET"}[row.met]
    print(
        f"{row.name:36} {row.peer:20} {row.ours:>14} {row.theirs:>14} {row.ratio:6.{places}f} {cpu} {cores} "
        f"{row.split or '-':>8} {goal}  {verdict}".rstrip(),
        flush=True,
    )


def main() -> int:
    parser = argparse.ArgumentParser(description="Measures snapjar against zstd, jansson and a bare loop.")
    parser.add_argument("--build", type=Path, default=Path("build"), help="build folder")
    parser.add_argument("--quick", action="store_true", help="small payloads, 3 pairs: to see that all of it runs")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="rows whose name has NAME in it")
    parser.add_argument("--pairs", type=int, default=0, help="runs of each program (7, or 3 with --quick)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there too")
    parser.add_argument("--smoke", action="store_true", help="print no verdicts, only that everything ran")
    parser.add_argument("--strict", action="store_true", help="exit code 1 unless every goal is met")
    options = parser.parse_args()
    build = options.build.resolve()
    folder = Path(os.environ.get("SNAPJAR_BENCH_DIR") or build / "bench-data").resolve()
    bench = Bench(build, folder, options.quick, options.pairs or (3 if options.quick else 7), options.only)
    wanted = [run for name, run in cases(bench) if bench.wants(name)]
    if not wanted:
        parser.error("no row has such a name")
    bench.scratch.mkdir(parents=True)
    print(f"{'what':36} {'peer':20} {'ours':>14} {'peer':>14} {'ratio':>6} {'cpu':>6} {'cores':>5} {'split':>8} {'goal':>5}")
    try:
        for run in wanted:
            run()
    finally:
        shutil.rmtree(bench.scratch, ignore_errors=True)
    if options.json:
        options.json.write_text(json.dumps([vars(row) | {"met": row.met} for row in bench.rows], indent=1) + "\n")
    if options.smoke:
        print(f"{len(bench.rows)} passed, 0 failed")
        return 0
    missed = sum(row.met is False for row in bench.rows)
    print(f"{sum(row.met is True for row in bench.rows)} goals met, {missed} not met")
    return 1 if missed and options.strict else 0


if __name__ == "__main__":
    sys.exit(main())
