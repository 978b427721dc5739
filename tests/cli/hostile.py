#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs snapjar on a system that is no friend: hostile.py SNAPJAR PRELOADED_LIBRARY.

1. Interrupted calls, short reads and writes, a clock that runs backwards (tests/helpers/hostile.c, preloaded): every command must
   print the same, end with the same code and leave the same files as on a friendly system.
2. A real file system that is too small, at every size from nothing to just enough: what was there keeps its bytes, nothing is left
   over, and the message names the file and the reason.
"""

import errno
import os
import pathlib
import pickle
import shutil
import subprocess
import sys
import tempfile

SNAPJAR = str(pathlib.Path(sys.argv[1]).resolve())
LIBRARY = str(pathlib.Path(sys.argv[2]).resolve())
ENVIRONMENT = {**os.environ, "SOURCE_DATE_EPOCH": "0", "TMPDIR": "/tmp"}
PAGE = 4096

passed = failed = 0


def check(condition: bool, what: str) -> None:
    global passed, failed
    if condition:
        passed += 1
    else:
        failed += 1
        print(f"not ok: {what}")


def run(folder: pathlib.Path, *arguments: str, hostile: str = "", text: bytes = b"") -> subprocess.CompletedProcess:
    extra = {"LD_PRELOAD": LIBRARY, "SNAPJAR_HOSTILE": hostile} if hostile else {}
    return subprocess.run([SNAPJAR, *arguments], cwd=folder, input=text, capture_output=True, env={**ENVIRONMENT, **extra}, timeout=120)


def contents(folder: pathlib.Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}


# ---- 1. interrupted, short, backwards ----

# Each is run in a fresh folder with in.pkl, new.pkl, more.snapjar (three records), frames.snapjar (one of several frames), torn.snapjar and
# damaged.snapjar.
COMMANDS = [
    ["pack", "in.pkl", "-o", "out.snapjar"],
    ["pack", "in.pkl", "-o", "more.snapjar", "--force", "--threads", "2"],
    ["pack", "-", "-o", "-"],
    ["append", "more.snapjar", "new.pkl"],
    ["append", "torn.snapjar", "new.pkl"],
    ["append", "torn.snapjar", "new.pkl", "--repair"],
    ["unpack", "more.snapjar", "-o", "out.pkl"],
    ["unpack", "more.snapjar", "-o", "-"],
    ["unpack", "frames.snapjar", "-T2", "-o", "out.pkl"],
    ["unpack", "damaged.snapjar", "-o", "out.pkl"],
    ["verify", "more.snapjar", "torn.snapjar", "damaged.snapjar"],
    ["verify", "--json", "-j", "2", "."],
    ["info", "--json", "more.snapjar"],
    ["ls", "."],
    ["scan", "in.pkl", "more.snapjar"],
    ["show", "more.snapjar"],
    ["dis", "new.pkl"],
    ["diff", "in.pkl", "new.pkl"],
    ["transcode", "-p", "2", "in.pkl", "-o", "old.pkl"],
    ["recover", "damaged.snapjar", "-o", "out.snapjar"],
    ["recover", "torn.snapjar", "-o", "out.snapjar"],
    ["report", "."],
    ["report", "--verify", "--html", "map.html", "."],
    ["doctor", "in.pkl", "more.snapjar", "torn.snapjar", "damaged.snapjar"],
]


def make_files(folder: pathlib.Path) -> None:
    state = {"numbers": list(range(3000)), "text": "x" * 300_000, "blob": bytes(range(256)) * 400}
    (folder / "in.pkl").write_bytes(pickle.dumps(state, 4))
    (folder / "new.pkl").write_bytes(pickle.dumps({**state, "numbers": [1, 2, 3]}, 4))
    (folder / "three.pkl").write_bytes(b"".join(pickle.dumps((number, state), 4) for number in range(3)))
    check(run(folder, "pack", "three.pkl", "-o", "more.snapjar").returncode == 0, "pack works at all")
    check(run(folder, "pack", "--frame-size", "64K", "in.pkl", "-o", "frames.snapjar").returncode == 0, "so do small frames")
    snapshot = (folder / "more.snapjar").read_bytes()
    (folder / "three.pkl").unlink()
    (folder / "torn.snapjar").write_bytes(snapshot[:-100])
    damaged = bytearray(snapshot)
    damaged[len(damaged) // 2] ^= 1
    (folder / "damaged.snapjar").write_bytes(damaged)


def compare_all(root: pathlib.Path) -> None:
    (root / "model").mkdir()
    make_files(root / "model")
    text = (root / "model" / "in.pkl").read_bytes()
    for command in COMMANDS:
        outcomes = {}
        for hostile in ("", "i", "s", "c", "isc"):
            folder = root / "work"
            shutil.copytree(root / "model", folder)
            result = run(folder, *command, hostile=hostile, text=text)
            outcomes[hostile] = (result.returncode, result.stdout, result.stderr, contents(folder))
            shutil.rmtree(folder)
            for number, part in enumerate(("exit code", "output", "messages", "files")):
                same = outcomes[hostile][number] == outcomes[""][number]
                check(same, f"{' '.join(command)} with {hostile or 'nothing'}: other {part}")


# ---- 2. too small a file system ----


def is_mounted(place: pathlib.Path, size: int) -> bool:
    options = f"size={size},nr_inodes=64,huge=never"
    return subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], capture_output=True).returncode == 0


def fill(place: pathlib.Path, files: dict[str, bytes], command: list[str], name: str) -> bool:
    """Runs a command on a file system with ever more room; true once it got through."""
    used = sum(-(-len(content) // PAGE) for content in files.values())
    for room in range(0, 400):
        if not is_mounted(place, (used + room) * PAGE):
            check(False, f"{name}: cannot mount with room for {room} pages")
            return False
        try:
            for file, content in files.items():
                (place / file).write_bytes(content)
            result = run(place, *command)
            after = contents(place)
            what = f"{name} with {room} pages to spare"
            if result.returncode != 2:  # 1: recover says that something was lost
                return True
            # What --repair sets aside stays aside: together it is all still there.
            kept = {"old.snapjar": b"".join(content for _, content in sorted(after.items()))} if "--repair" in command else after
            check(kept == files, f"{what}: {sorted(after)} instead of the old files")
            message = result.stderr.decode()
            check(os.strerror(errno.ENOSPC) in message, f"{what}: {message!r}")
            check(any(word.split("/")[-1] in message for word in command[1:] if word.endswith("jar") or word.endswith("pkl")),
                  f"{what}: no file named: {message!r}")  # fmt: skip
        finally:
            subprocess.run(["umount", str(place)], check=True)
    return False


def fill_all(root: pathlib.Path) -> None:
    place = root / "small"
    place.mkdir()
    noise = b"".join(pickle.dumps((number, os.urandom(30_000)), 4) for number in range(3))
    (root / "in.pkl").write_bytes(noise)
    check(run(root, "pack", "in.pkl", "-o", "old.snapjar").returncode == 0, "pack works at all")
    snapshot = (root / "old.snapjar").read_bytes()
    (root / "one.pkl").write_bytes(pickle.dumps(os.urandom(150_000), 4))
    check(run(root, "pack", "--frame-size", "64K", "one.pkl", "-o", "frames.snapjar").returncode == 0, "small frames work at all")
    frames = (root / "frames.snapjar").read_bytes()
    damaged = bytearray(snapshot)
    damaged[len(damaged) // 2] ^= 1
    source = str(root / "in.pkl")
    for name, files, command in [
        ("pack --force", {"old.snapjar": snapshot}, ["pack", source, "-o", "old.snapjar", "--force"]),
        ("append", {"old.snapjar": snapshot}, ["append", "old.snapjar", source]),
        ("append --repair", {"old.snapjar": snapshot + snapshot[:9000]}, ["append", "old.snapjar", source, "--repair"]),
        ("recover", {"old.snapjar": bytes(damaged)}, ["recover", "old.snapjar", "-o", "new.snapjar"]),
        ("unpack", {"old.snapjar": snapshot}, ["unpack", "old.snapjar", "-o", "out.pkl"]),
        ("unpack -T2", {"old.snapjar": frames}, ["unpack", "old.snapjar", "-o", "out.pkl", "-T2"]),
        ("transcode", {"old.snapjar": snapshot}, ["transcode", "-p", "5", source, "-o", "new.pkl"]),
    ]:
        check(fill(place, files, command, name), f"{name} gets through once there is room")


def main() -> int:
    skipped = 0
    with tempfile.TemporaryDirectory(prefix="snapjar-hostile-") as name:
        root = pathlib.Path(name)
        compare_all(root)
        probe = root / "probe"
        probe.mkdir()
        if is_mounted(probe, PAGE):
            subprocess.run(["umount", str(probe)], check=True)
            fill_all(root)
        else:
            print("this user may not mount a small file system")
            skipped = 1
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
