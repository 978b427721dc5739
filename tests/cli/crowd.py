#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Many processes at one file, and very many records in one: crowd.py SNAPJAR.

1. Writers append to one file while readers verify and list it: no record is lost or mixed up, no reader calls the file damaged, and
   the records that a reader sees are those that were there, in order.
2. A file is replaced again and again while readers read it: each sees one version, whole.
3. A file is sealed beside itself while others append to it, migrate it, and add and remove signatures: each waits for the others, no
   seal is of half a record, and none is left beside a file that was migrated after it was looked for.
4. A file of many records (with SNAPJAR_TEST_FULL=1 a million, else 20,000) is packed, listed, verified, appended to, recovered
   and unpacked; memory does not grow with the number of records, but where they
   are shown together.
"""

import json
import os
import pathlib
import pickle
import resource
import subprocess
import sys
import tempfile
import threading

SNAPJAR = str(pathlib.Path(sys.argv[1]).resolve())
WRITERS, EACH, READERS = 6, 15, 2
RECORDS = 1_000_000 if os.environ.get("SNAPJAR_TEST_FULL") else 20_000
# What all commands may take, and what each record of a file may add where a command shows or counts them together.
MEMORY_MAX, RECORD_MEMORY_MAX = 96 << 20, 256

passed = failed = 0
lock = threading.Lock()


def check(condition: bool, what: str) -> None:
    global passed, failed
    with lock:
        if condition:
            passed += 1
        else:
            failed += 1
            print(f"not ok: {what}")


def run(*arguments: str, text: bytes | None = None, timeout: int = 1800) -> subprocess.CompletedProcess:
    return subprocess.run([SNAPJAR, *map(str, arguments)], input=text, capture_output=True, timeout=timeout)


def records(path: pathlib.Path, *options: str) -> list[dict]:
    lines = map(json.loads, run("info", "--json", *options, path).stdout.splitlines())
    return [line["header"] for line in lines if "header" in line]


# ---- 1. appending and reading at once ----


def write(path: pathlib.Path, writer: int) -> None:
    for number in range(EACH):
        content = pickle.dumps((writer, number, "x" * (number * 997)), 4)
        result = run("append", "-t", f"writer{writer}", "--label", f"number={number}", path, "-", text=content)
        check(result.returncode == 0, f"writer {writer}, record {number}: {result.stderr!r}")


def read(path: pathlib.Path, stop: threading.Event) -> None:
    seen: list = []
    while not stop.is_set():
        result = run("verify", path)
        words = result.stdout + result.stderr
        check(result.returncode == 0 or b"cut short" in words, f"verify beside writers: {result.returncode}, {words!r}")
        labels = [(record["type"], record["labels"]["number"]) for record in records(path)]
        check(labels[: len(seen)] == seen, "records that were read before are still there, in the same order")
        seen = labels


def append_together(folder: pathlib.Path) -> None:
    path = folder / "shared.snapjar"
    check(run("pack", "-t", "first", "--label", "number=0", "-o", path, "-", text=pickle.dumps(0, 4)).returncode == 0, "pack")
    stop = threading.Event()
    writers = [threading.Thread(target=write, args=(path, writer)) for writer in range(WRITERS)]
    readers = [threading.Thread(target=read, args=(path, stop)) for _ in range(READERS)]
    for thread in writers + readers:
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    for thread in readers:
        thread.join()
    check(run("verify", path).returncode == 0, "the file is whole in the end")
    found = [(record["type"], record["labels"]["number"]) for record in records(path)]
    for writer in range(WRITERS):
        numbers = [number for kind, number in found if kind == f"writer{writer}"]
        check(numbers == [str(number) for number in range(EACH)] or numbers == list(range(EACH)), f"writer {writer}: {numbers}")
    check(len(found) == 1 + WRITERS * EACH, f"{len(found)} records")


# ---- 2. replacing under readers ----


def replace_under_readers(folder: pathlib.Path) -> None:
    path = folder / "replaced.snapjar"
    versions = [b"".join(pickle.dumps((version, part, os.urandom(200_000)), 4) for part in range(3)) for version in range(2)]
    check(run("pack", "-o", path, "-", text=versions[0]).returncode == 0, "pack")
    stop = threading.Event()

    def replace() -> None:
        for turn in range(40):
            result = run("pack", "--force", "-o", path, "-", text=versions[turn % 2])
            check(result.returncode == 0, f"replacing: {result.stderr!r}")
        stop.set()

    def look() -> None:
        while not stop.is_set():
            result = run("unpack", path, "-o", "-")
            check(result.returncode == 0 and result.stdout in versions, f"unpack beside a writer: {result.stderr!r}")

    threads = [threading.Thread(target=replace), threading.Thread(target=look), threading.Thread(target=look)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check(sorted(file.name for file in folder.iterdir()) == ["replaced.snapjar", "shared.snapjar"], "nothing is left over")


# ---- 3. sealing beside ----


def together(*commands: tuple) -> list[subprocess.CompletedProcess]:
    results: list = [None] * len(commands)

    def start(index: int) -> None:
        results[index] = run(*commands[index], timeout=300)

    threads = [threading.Thread(target=start, args=(index,)) for index in range(len(commands))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def seal_beside_writers(folder: pathlib.Path) -> None:
    folder.mkdir()
    path, seal = folder / "sealed.snapjar", folder / "sealed.snapjar.seal"
    (folder / "one.pkl").write_bytes(pickle.dumps("x" * 300_000, 4))
    keys = [folder / f"{number}.key" for number in range(2)]
    for key in keys:
        check(run("keygen", "--no-passphrase", key).returncode == 0, "keygen")
    verify = ("verify", "--detached", "--trust", keys[0].with_suffix(".pub"), path)
    check(run("pack", "-t", "app:T", folder / "one.pkl", "-o", path).returncode == 0, "pack")
    sealing = ("seal", "--detached", "--key", keys[0], path)
    for _ in range(8):
        appended, _, *sealed = together(*[("append", "-t", "app:T", path, folder / "one.pkl")] * 2, (*sealing, "--replace"), (*sealing, "--replace"))
        check(appended.returncode == 0, f"appending: {appended.stderr!r}")
        for result in sealed:
            check(result.returncode == 0, f"sealing beside writers: {result.stderr!r}")
    check(run(*sealing, "--replace").returncode == 0 and run(*verify).returncode == 0, "the last seal holds")
    for turn in range(12):
        seal.unlink(missing_ok=True)
        migrated, sealed = together(("migrate", "--protocol", 2 + turn % 2, path), sealing)
        check(sealed.returncode == 0, f"sealing beside a migration: {sealed.stderr!r}")
        check(migrated.returncode == 0 or b"record-sealed" in migrated.stderr, f"migrating: {migrated.stderr!r}")
        # Whoever came first: the seal is of what the file is now.
        check(run(*verify).returncode == 0, f"turn {turn}: the seal holds")
    for _ in range(8):
        adding = ("seal", "--detached", "--key", keys[1], path)
        results = together(sealing, adding, ("unseal", "--detached", path), adding, sealing)
        for result in results:
            check(result.returncode == 0, f"signatures: {result.stderr!r}")
    check(run(*sealing).returncode == 0 and run(*verify).returncode == 0, "the seal holds in the end")
    check(not [file.name for file in folder.iterdir() if file.name.startswith(".")], "nothing is left over")


# ---- 4. very many records ----


def measured(*arguments: str) -> tuple[subprocess.CompletedProcess, int]:
    """Runs a command and gives its peak memory too. Each child is waited for alone, so that the usage is its own."""
    process = subprocess.Popen([SNAPJAR, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    lines = 0
    for _ in process.stdout:
        lines += 1
    message = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    return subprocess.CompletedProcess(arguments, os.waitstatus_to_exitcode(status), lines, message), usage.ru_maxrss << 10


def many_records(folder: pathlib.Path) -> None:
    source, path, out = folder / "many.pkl", folder / "many.snapjar", folder / "out.pkl"
    with source.open("wb") as file:
        for number in range(RECORDS):
            file.write(pickle.dumps({"job": number, "state": "done" if number % 3 else "failed"}, 4))
    for name, arguments, code, lines in [
        ("pack", ["pack", source, "-t", "job", "-o", path], 0, None),
        ("append", ["append", path, source, "-t", "job"], 0, None),
        ("ls", ["ls", "--json", path], 0, 2 * RECORDS + 1),  # and a summary
        ("info", ["info", "--record", "-1", path], 0, None),
        ("verify", ["verify", path], 0, None),
        ("unpack", ["unpack", path, "-o", out], 0, None),
        ("scan", ["scan", path], 0, None),
        ("report", ["report", path], 0, None),
        ("recover", ["recover", path, "-o", folder / "saved.snapjar"], 0, None),
    ]:
        result, memory = measured(*arguments)
        check(result.returncode == code, f"{name} of {RECORDS} records: exit {result.returncode}, {result.stderr!r}")
        check(lines is None or result.stdout == lines, f"{name} of {RECORDS} records: {result.stdout} lines")
        room = MEMORY_MAX + (2 * RECORDS * RECORD_MEMORY_MAX if name in ("ls", "report") else 0)
        check(memory <= room, f"{name} of {RECORDS} records takes {memory >> 20} MiB")
        print(f"{name}: {memory >> 20} MiB")
    check(out.read_bytes() == source.read_bytes() * 2, "unpack gives all pickles back")
    check((folder / "saved.snapjar").read_bytes() == path.read_bytes(), "recover of a whole file is a copy")


def main() -> int:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with tempfile.TemporaryDirectory(prefix="snapjar-crowd-") as name:
        folder = pathlib.Path(name)
        append_together(folder)
        replace_under_readers(folder)
        seal_beside_writers(folder / "seals")
        many_records(folder)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
