# SPDX-License-Identifier: MIT
"""What a type checker makes of programs that use the package: `# E: code` stands where it must complain, and it does nowhere else."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest
import snapjar

PROGRAM = '''
import asyncio
import dataclasses
import datetime
import io
import pathlib
import pickle
from typing import Any

import snapjar


@dataclasses.dataclass
class Job:
    number: int


job = Job(1)
snapjar.dump(job, "a.snapjar", labels={"a": 1, "b": None}, created=datetime.datetime.now(datetime.timezone.utc), threads=None)
snapjar.dump(job, pathlib.Path("a"), compression="raw", level=3, sync=False, exclusive=True)
snapjar.dump(job, io.BytesIO(), type=Job, schema_version=2)
record: bytes = snapjar.dumps(job, protocol=4)
snapjar.dumps(job, compression="gzip")  # E: arg-type
snapjar.dumps(job, labels={"a": [1]})  # E: dict-item
snapjar.dumps(job, "name")  # E: misc
snapjar.dump(job)  # E: call-arg

loaded: Job = snapjar.load("a.snapjar", allow=[Job, "app:Other", print], environment="refuse", layout="ignore", max_size=1 << 30)
snapjar.loads(memoryview(record), policy=snapjar.Policy(["a:b"], presets=[]), environment=snapjar.Environment("warn"))
snapjar.loads("text")  # E: arg-type
snapjar.load(1)  # E: arg-type
snapjar.load("a", layout="maybe")  # E: arg-type
snapjar.load("a", polcy=None)  # E: call-arg

with snapjar.open_writer("log", append=True) as writer:
    writer.dump(job, labels={"n": 1})
    writer.write(record)
    repaired: int = writer.repaired_size
with snapjar.open_reader("log", allow=[Job], threads=2) as reader:
    for item in reader:
        value: Any = item.load(layout="refuse")
        kind: str = item.header.type
        plain = pickle.loads(item.pickle())
    last: int = reader[-1].index
    count: int = len(reader)
    reader["a"]  # E: index

header = snapjar.inspect("a")
offset: int = header.offset
labels = header.labels
found = snapjar.verify("a", stored_only=True)
fault: snapjar.SnapjarError | None = found.error
for result in snapjar.scan("a", allow=[Job], encoding="latin1"):
    names: list[str] = [item.name for item in result.globals]
    bad: bool = result.verdict == "denied"
shown: str = snapjar.show("a", path=".steps[0]", depth=3)
changes = snapjar.diff("a", "b", record=1, effort=8)
paths: list[str] = [change.path for change in changes]
versions = [(change.field, change.before) for change in changes.header_changes]
single: list[int] = [change.record for change in changes.record_changes]
snapjar.diff("a")  # E: call-arg
snapjar.diff("a", "b", encoding="utf-8")  # E: arg-type

sealing = snapjar.Key.generate()
signed: int = snapjar.seal("a", key=sealing, detached=True) + snapjar.unseal("a", key_id=sealing.id, detached=pathlib.Path("a.seal"))
snapjar.load("a", trust=sealing, detached=True)
snapjar.loads(b"", trust="trust.json", detached=memoryview(b""))
snapjar.verify("a", trust=pathlib.Path("trust.json"), detached="elsewhere.seal")
snapjar.diff("a", "b", trust=sealing, detached=("a.seal", b""))
snapjar.diff("a", "b", trust=sealing, detached="a.seal")  # E: arg-type
snapjar.seal("a", key=sealing, detached=b"")  # E: arg-type
snapjar.seal("a")  # E: call-arg

cache = snapjar.Cache("folder", version=1, allow=[Job])
answer: int = cache.get_or_set("answer", lambda: 42)
serializer = snapjar.Serializer(allow=[Job], dump={"compression": "raw"})
again: bytes = serializer.dumps(job)

try:
    snapjar.load("a")
except snapjar.PolicyError as error:
    needed: tuple[str, ...] = error.allow
    reasons = [denial.reason for denial in error.denials]
except snapjar.MissingError as missing:
    modules: tuple[str, ...] = missing.missing
except snapjar.NotPicklableError as error:
    place: str = error.path
except (pickle.UnpicklingError, EOFError):
    pass
except snapjar.SnapjarError as error:
    where: int | None = error.offset
    what: str = error.diagnostic + error.hint + error.place + error.space
    error.nothing  # E: attr-defined


async def in_a_loop() -> Any:
    return await asyncio.to_thread(snapjar.load, "a", allow=[Job])
'''


@pytest.mark.skipif(not importlib.util.find_spec("mypy"), reason="no mypy")
def test_a_typed_program(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--show-error-codes", "--no-error-summary", "--hide-error-context",
         "--cache-dir", str(tmp_path / "cache"), "--python-version", "3.11", str(program)],
        capture_output=True, text=True, cwd=tmp_path,
        env={"MYPYPATH": str(Path(snapjar.__file__).parents[1]), "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"})  # fmt: skip
    assert not done.stderr
    wanted = [(number, match[1]) for number, line in enumerate(PROGRAM.splitlines(), 1) if (match := re.search(r"# E: (\S+)", line))]
    errors = [line for line in done.stdout.splitlines() if ": note: " not in line]
    got = [re.fullmatch(r"program\.py:(\d+): error: .*  \[(\S+)\]", line) for line in errors]
    assert all(got), done.stdout
    assert [(int(match[1]), match[2]) for match in got] == wanted, done.stdout
