#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What `import snapjar` costs, against what people do today, in turn in one process: bench_python.py PAYLOADS CASE [--quick].

Prints a JSON list of rows: name, peer, goal, medians in seconds, median of the ratios of wall and of processor time.
The payloads' folder holds what bench.py made. CASE is small, file, graph, xlgraph or array.
"""

import gc
import hmac
import json
import os
import pickle
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import snapjar

KEY = b"k" * 32


def clocks() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def timed(function: Callable[[], object], count: int) -> tuple[float, float]:
    wall, cpu = clocks()
    for _ in range(count):
        function()
    wall_end, cpu_end = clocks()
    return (wall_end - wall) / count, (cpu_end - cpu) / count


class Case:
    def __init__(self, pairs: int) -> None:
        self.pairs = pairs
        self.rows: list[dict[str, object]] = []

    def compare(self, name: str, peer: str, goal: float, ours: Callable, theirs: Callable, count: int = 1) -> None:
        measured = []
        for number in range(self.pairs + 1):
            gc.collect()
            mine = timed(ours, count)
            gc.collect()
            other = timed(theirs, count)
            if number:
                measured.append((mine, other))
        self.rows.append({
            "name": name, "peer": peer, "goal": goal,
            "ours": statistics.median(mine[0] for mine, _ in measured),
            "theirs": statistics.median(other[0] for _, other in measured),
            "ratio": statistics.median(mine[0] / other[0] for mine, other in measured),
            "cpu": statistics.median(mine[1] / max(other[1], 1e-9) for mine, other in measured),
        })  # fmt: skip


class Recipe:
    """What a careful program writes by hand: kept contexts, JSON header, HMAC, zstd, pickle."""

    def __init__(self) -> None:
        import zstandard

        self.compress = zstandard.ZstdCompressor(level=3).compress
        self.decompress = zstandard.ZstdDecompressor().decompress

    def dumps(self, obj: object) -> bytes:
        body = self.compress(pickle.dumps(obj, 5))
        header = json.dumps({"type": "payloads:Job", "version": 3, "size": len(body)}).encode()
        head = len(header).to_bytes(4, "little") + header
        return hmac.digest(KEY, head + body, "sha256") + head + body

    def loads(self, data: bytes) -> object:
        if not hmac.compare_digest(hmac.digest(KEY, data[32:], "sha256"), data[:32]):
            raise ValueError("damaged")
        size = int.from_bytes(data[32:36], "little")
        if json.loads(data[36 : 36 + size])["version"] != 3:
            raise ValueError("other version")
        return pickle.loads(self.decompress(data[36 + size :]))


def allowed(pickled: bytes) -> snapjar.Policy:
    [result] = snapjar.scan(pickled)
    return snapjar.Policy([item.name for item in result.globals])


def small(case: Case, pickled: bytes, quick: bool) -> None:
    obj, policy, recipe = pickle.loads(pickled), allowed(pickled), Recipe()
    count = 100 if quick else 1000

    def bare() -> object:
        return pickle.loads(pickle.dumps(obj, 5))

    for compression, goal in (("raw", 2.0), ("zstd", 3.0)):
        def ours() -> object:
            return snapjar.loads(snapjar.dumps(obj, compression=compression), policy=policy)  # noqa: B023

        case.compare(f"python small, {compression}", "pickle dumps + loads", goal, ours, bare, count)
    for compression in ("auto", "zstd"):
        def ours() -> object:
            return snapjar.loads(snapjar.dumps(obj, compression=compression), policy=policy)  # noqa: B023

        case.compare(f"python small, {compression}", "tuned recipe", 1.0, ours, lambda: recipe.loads(recipe.dumps(obj)), count)


def file(case: Case, pickled: bytes, quick: bool) -> None:
    obj, policy = pickle.loads(pickled), allowed(pickled)
    count = 50 if quick else 300
    with tempfile.TemporaryDirectory() as folder:
        plain, jar = os.path.join(folder, "a.pickle"), os.path.join(folder, "a.snapjar")

        def bare_dump() -> None:
            with open(plain, "wb") as out:
                pickle.dump(obj, out)

        def bare_load() -> object:
            with open(plain, "rb") as source:
                return pickle.load(source)

        case.compare("python small dump to a file, no sync", "open + pickle.dump", 1.0,
                     lambda: snapjar.dump(obj, jar, sync=False), bare_dump, count)  # fmt: skip
        case.compare("python small load from a file", "open + pickle.load", 2.0,
                     lambda: snapjar.load(jar, policy=policy), bare_load, count)  # fmt: skip


def graph(case: Case, pickled: bytes, name: str) -> None:
    policy = allowed(pickled)
    obj = pickle.loads(pickled)
    with tempfile.TemporaryDirectory() as folder:
        plain, jar = os.path.join(folder, "a.pickle"), os.path.join(folder, "a.snapjar")

        def bare_dump() -> None:
            with open(plain, "wb") as out:
                pickle.dump(obj, out, 5)

        def bare_load() -> object:
            with open(plain, "rb") as source:
                return pickle.load(source)

        case.compare(f"python {name} dump", "pickle.dump", 1.5, lambda: snapjar.dump(obj, jar, sync=False), bare_dump)
        case.compare(f"python {name} dump, 2 threads", "pickle.dump", 1.5,
                     lambda: snapjar.dump(obj, jar, sync=False, threads=2), bare_dump)  # fmt: skip
        del obj
        case.compare(f"python {name} load", "pickle.load", 1.2, lambda: snapjar.load(jar, policy=policy), bare_load)


def array(case: Case, pickled: bytes, _quick: bool) -> None:
    import joblib

    obj = pickle.loads(pickled)
    with tempfile.TemporaryDirectory() as folder:
        plain, jar = os.path.join(folder, "a.pickle"), os.path.join(folder, "a.snapjar")
        with open(plain, "wb") as out:
            pickle.dump(obj, out, 5)
        snapjar.dump(obj, jar, sync=False, threads=2)
        peers = {"pickle.load": plain}
        for level in (0, 3):
            peers[f"joblib compress={level}"] = path = os.path.join(folder, f"a.{level}.joblib")
            joblib.dump(obj, path, compress=level)
        del obj, pickled

        def peer_load(name: str) -> object:
            if name != "pickle.load":
                return joblib.load(peers[name])
            with open(plain, "rb") as source:
                return pickle.load(source)

        for name in peers:
            case.compare("python array load", name, 1.0, lambda: snapjar.load(jar), lambda: peer_load(name))  # noqa: B023
        case.compare("python array load, 2 threads", "pickle.load", 1.0, lambda: snapjar.load(jar, threads=2),
                     lambda: peer_load("pickle.load"))  # fmt: skip
        size, stored = snapjar.inspect(jar).size, snapjar.inspect(jar).stored_size
        code = ("import numpy, snapjar\n"
                "def peak():\n"
                "    return int(open('/proc/self/status').read().partition('VmHWM:')[2].split()[0])\n"
                "start = peak()\n"
                f"value = snapjar.load({jar!r})\n"
                "print(peak() - start)")  # fmt: skip
        peak = 1024 * int(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout)
        limit = size + stored + (64 << 20)
        case.rows.append({"name": "python array load, memory", "peer": "array + file + 64 MiB", "goal": 1.0, "ours": peak,
                          "theirs": limit, "ratio": peak / limit, "cpu": None})  # fmt: skip


def main() -> None:
    path, name = Path(sys.argv[1]), sys.argv[2]
    quick = "--quick" in sys.argv
    sys.path.insert(0, str(Path(__file__).parent))
    pickled = path.read_bytes()
    # A pair of the large graph takes half a minute, and differs little from the next.
    case = Case(3 if quick or name == "xlgraph" else 7)
    if name in ("graph", "xlgraph"):
        graph(case, pickled, name)
    else:
        {"small": small, "file": file, "array": array}[name](case, pickled, quick)
    print(json.dumps(case.rows))


if __name__ == "__main__":
    main()
