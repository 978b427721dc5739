#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Kills and fails snapjar at every system call that changes something, and looks at what is left: faults.py SNAPJAR.

For each command, the n-th call of each kind (n = 1, 2, ... until the command gets through) is met with SIGKILL, and then with an
error, by strace. Whatever happens: a file that was there has its old bytes or the new ones, whole; every record that was whole before is
whole after; a command that fails says so with exit code 2 and leaves no temporary file. Without strace (or the right to trace) this is
skipped, visibly. That ls and info read no byte of a payload is seen in the same way.
"""

import json
import os
import pathlib
import pickle
import re
import shutil
import subprocess
import sys
import tempfile

SNAPJAR = str(pathlib.Path(sys.argv[1]).resolve()) if len(sys.argv) > 1 else "snapjar"
# Kinds of calls, and the errors that each may really meet.
CALLS = {
    "write": ["ENOSPC", "EIO", "EDQUOT"],
    "pwrite64": ["ENOSPC", "EIO"],
    "fsync": ["EIO"],
    "rename,renameat,renameat2": ["EXDEV", "EACCES"],
    "ftruncate": ["EIO"],
    "openat": ["EMFILE", "EACCES"],
    "fchmod,fchown": ["EPERM"],
    "pread64": ["EIO"],
    "fcntl": ["ENOLCK"],
    "syncfs": ["EIO"],
    "linkat": ["EMLINK"],
}
CALLS_MAX = 200

passed = failed = 0


def check(condition: bool, what: str) -> None:
    global passed, failed
    if condition:
        passed += 1
    else:
        failed += 1
        print(f"not ok: {what}")


def run(*arguments: str, **options) -> subprocess.CompletedProcess:
    return subprocess.run([SNAPJAR, *arguments], capture_output=True, env={**os.environ, "SOURCE_DATE_EPOCH": "0"}, **options)


def traced(inject: str, log: str, *arguments: str) -> subprocess.CompletedProcess:
    command = ["strace", "-f", "-o", log, "-e", f"inject={inject}", SNAPJAR, *arguments]
    return subprocess.run(command, capture_output=True, env={**os.environ, "SOURCE_DATE_EPOCH": "0"})


def can_trace(folder: pathlib.Path) -> bool:
    if not shutil.which("strace"):
        return False
    result = subprocess.run(["strace", "-o", str(folder / "log"), "true"], capture_output=True)
    return result.returncode == 0


def count_whole(path: pathlib.Path) -> int:
    """Whole records at the start of a file."""
    result = run("recover", str(path), "-o", str(path) + ".check", "--force", "--json")
    count = result.stdout.count(b'"kept"')
    for name in path.parent.glob(path.name + ".check*"):
        name.unlink()
    return count


class Case:
    """A command on a fresh folder, and what must hold whatever happens to it."""

    name = ""
    # Whether the same command must get through after it was killed, and what it then must have removed itself.
    can_be_repeated = False
    cleans_up = False

    known = ()

    def __init__(self, folder: pathlib.Path, pickles: bytes, snapshot: bytes) -> None:
        self.folder = folder
        self.input = folder / "in.pkl"
        self.target = folder / "t.snapjar"
        self.pickles = pickles
        self.snapshot = snapshot

    def reset(self) -> None:
        for path in self.folder.iterdir():
            path.unlink()
        self.input.write_bytes(self.pickles)
        self.target.write_bytes(self.snapshot)

    def arguments(self) -> list:
        raise NotImplementedError

    def is_sound(self) -> bool:
        raise NotImplementedError

    def leftovers(self) -> list:
        known = {"in.pkl", "t.snapjar", "out.snapjar", "out.pkl", "t.snapjar.torn-" + str(len(self.snapshot)), *self.known}
        return sorted(path.name for path in self.folder.iterdir() if path.name not in known)


class PackOver(Case):
    """Replacing a snapshot: the old one or the new one."""

    name = "pack --force"
    can_be_repeated = True

    def arguments(self) -> list:
        return ["pack", str(self.input), "-t", "new", "-o", str(self.target), "--force"]

    def is_sound(self) -> bool:
        return self.target.read_bytes() == self.snapshot or run("verify", str(self.target)).returncode == 0


class Append(Case):
    """Appending: the old bytes stand, at most a torn tail follows."""

    name = "append"

    def arguments(self) -> list:
        return ["append", str(self.target), str(self.input), "-t", "new"]

    def is_sound(self) -> bool:
        return self.target.read_bytes().startswith(self.snapshot) and count_whole(self.target) >= 3


class AppendRepair(Append):
    """Repairing a torn tail: the whole records stand, and the torn bytes are in the file or beside it."""

    name = "append --repair"
    can_be_repeated = True
    TORN = b"S*M\x18\x00\x01"

    def reset(self) -> None:
        super().reset()
        self.target.write_bytes(self.snapshot + self.TORN)

    def arguments(self) -> list:
        return [*super().arguments(), "--repair"]

    def is_sound(self) -> bool:
        asides = self.folder.glob(f"t.snapjar.torn-{len(self.snapshot)}*")
        content = self.target.read_bytes()
        kept = content.startswith(self.snapshot + self.TORN) or any(aside.read_bytes() == self.TORN for aside in asides)
        return super().is_sound() and kept


class Recover(Case):
    """Recovering: the damaged file is never touched."""

    name = "recover"

    def reset(self) -> None:
        super().reset()
        damaged = bytearray(self.snapshot)
        damaged[len(damaged) // 2] ^= 1
        self.damaged = bytes(damaged)
        self.target.write_bytes(self.damaged)

    def arguments(self) -> list:
        return ["recover", str(self.target), "-o", str(self.folder / "out.snapjar")]

    def is_sound(self) -> bool:
        out = self.folder / "out.snapjar"
        return self.target.read_bytes() == self.damaged and (not out.exists() or run("verify", str(out)).returncode == 0)


class Unpack(Case):
    """Unpacking: all of the pickles or no file."""

    name = "unpack"

    def arguments(self) -> list:
        return ["unpack", str(self.target), "-o", str(self.folder / "out.pkl")]

    def is_sound(self) -> bool:
        out = self.folder / "out.pkl"
        return self.target.read_bytes() == self.snapshot and (not out.exists() or out.read_bytes() == self.pickles)


class UnpackFrames(Unpack):
    """The same from threads that write the frames themselves."""

    name = "unpack -T2"

    def __init__(self, folder: pathlib.Path, pickles: bytes, snapshot: bytes) -> None:
        pickles = pickle.dumps("".join(f"{number:16}" for number in range(80_000)), 4)
        super().__init__(folder, pickles, snapshot)
        self.input.write_bytes(pickles)
        run("pack", "--frame-size", "256K", "-t", "old", "-f", "-o", str(self.target), str(self.input))
        self.snapshot = self.target.read_bytes()

    def arguments(self) -> list:
        return [*super().arguments(), "-T2"]


class Migrate(Case):
    """Migrating a folder: each file is the old one or the new one, whole, and a backup is the old one."""

    name = "migrate"
    can_be_repeated = True
    cleans_up = True
    known = ("in.pkl~", "t.snapjar~")

    def arguments(self) -> list:
        return ["migrate", "--protocol", "2", "--backup", "-j", "1", str(self.folder)]

    def is_sound(self) -> bool:
        old = {self.input: self.pickles, self.target: self.snapshot}
        for path, content in old.items():
            backup = path.with_name(path.name + "~")
            if path.read_bytes() != content and (run("verify", str(path)).returncode != 0 or not backup.exists()):
                return False
            if backup.exists() and backup.read_bytes() != content:
                return False
        return True


class Seal(Case):
    """Sealing: the old file, or the same records sealed."""

    name = "seal"
    can_be_repeated = True

    def key(self) -> pathlib.Path:
        return self.folder.parent / "k.key"

    def arguments(self) -> list:
        return ["seal", "--key", str(self.key()), str(self.target)]

    def is_sealed(self) -> bool:
        return run("verify", "--trust", str(self.key().with_suffix(".pub")), str(self.target)).returncode == 0

    def is_sound(self) -> bool:
        return self.target.read_bytes() == self.snapshot or self.is_sealed()


class Unseal(Seal):
    """Taking seals off: the sealed file, or the same records without."""

    name = "unseal"

    def reset(self) -> None:
        super().reset()
        run("seal", "--key", str(self.key()), str(self.target))

    def arguments(self) -> list:
        return ["unseal", str(self.target)]

    def is_sound(self) -> bool:
        return self.is_sealed() or run("verify", str(self.target)).returncode == 0


class SealDetached(Seal):
    """A new detached seal where one is: the snapshot is not touched, and the old or the new seal holds for what it is of."""

    name = "seal --detached"
    known = ("t.snapjar.seal",)

    def reset(self) -> None:
        super().reset()
        run("seal", "--detached", "--key", str(self.key()), "--context", "old", str(self.target))

    def arguments(self) -> list:
        return ["seal", "--detached", "--replace", "--key", str(self.key()), str(self.target)]

    def is_sound(self) -> bool:
        trusting = ["verify", "--detached", "--trust", str(self.key().with_suffix(".pub")), str(self.target)]
        holds = [run(*trusting).returncode == 0, run(*trusting, "--context", "old").returncode == 0]
        return self.target.read_bytes() == self.snapshot and any(holds)


class UnsealDetached(SealDetached):
    """Taking the only signature off: the seal holds, or is gone."""

    name = "unseal --detached"

    def arguments(self) -> list:
        with open(self.key().with_suffix(".pub"), encoding="ascii") as file:
            key_id = next(line[3:-1] for line in file if line.startswith("id "))
        return ["unseal", "--detached", "--key-id", key_id, str(self.target)]

    def is_sound(self) -> bool:
        return self.target.read_bytes() == self.snapshot and (not (self.folder / "t.snapjar.seal").exists() or super().is_sound())


class Keygen(Case):
    """A new key: the secret file is whole and its owner's alone, or not there."""

    name = "keygen"

    def arguments(self) -> list:
        return ["keygen", "--no-passphrase", str(self.folder / "out.snapjar")]

    def is_sound(self) -> bool:
        key = self.folder / "out.snapjar"
        if not key.exists():
            return True
        seals = run("pack", "--key", str(key), str(self.input), "-o", str(self.folder.parent / "sealed"), "--force")
        return key.stat().st_mode & 0o7777 == 0o600 and seals.returncode == 0

    def leftovers(self) -> list:
        # The public part may be there alone: it is written first.
        return [name for name in super().leftovers() if name != "out.snapjar.pub"]


def was_injected(log: str) -> bool:
    """Whether strace got to act: without, the command made fewer such calls."""
    text = pathlib.Path(log).read_text(errors="replace")
    return "(INJECTED)" in text or "+++ killed by SIGKILL" in text


def break_everywhere(case: Case, log: str) -> None:
    for calls, errors in CALLS.items():
        for effect in ["signal=KILL", *("error=" + error for error in errors)]:
            for number in range(1, CALLS_MAX):
                case.reset()
                result = traced(f"{calls}:{effect}:when={number}", log, *case.arguments())
                if not was_injected(log):
                    break
                if result.returncode == 127:  # the loader's own call: our program did not start
                    continue
                what = f"{case.name}: {calls} {number} {effect}: exit {result.returncode}"
                check(case.is_sound(), what + ", not sound")
                if effect == "signal=KILL" and case.can_be_repeated:
                    check(run(*case.arguments()).returncode == 0 and case.is_sound(), what + ", then again")
                    check(not case.cleans_up or not case.leftovers(), what + f", left over after all: {case.leftovers()}")
                elif effect != "signal=KILL":
                    check(result.returncode in (0, 1, 2), what + ", not an exit code of ours")
                    check(not case.leftovers(), what + f", left over: {case.leftovers()}")
                    check(result.returncode != 2 or result.stderr.startswith(b"snapjar: ") or not result.stderr, what + ", no message")


def check_header_reads(folder: pathlib.Path, log: str) -> None:
    """ls and info read headers and trailers and not one byte of a payload, whatever files were read before."""
    for path in folder.iterdir():
        path.unlink()
    for number, name in enumerate(["T" * 3000, "t", "T" * 500]):
        (folder / f"{number}.pkl").write_bytes(b"".join(pickle.dumps("x" * 5000, 4) for _ in range(2)))
        run("pack", "--raw", "-t", name[:1000], "--label", "note=" + name, str(folder / f"{number}.pkl"))
    paths = sorted(str(path) for path in folder.glob("*.snapjar"))
    records = [json.loads(line) for line in run("info", "--json", *paths).stdout.splitlines()]
    check(len(records) == 6, "info lists the records that were packed")
    for command in ("ls", "info"):
        subprocess.run(["strace", "-y", "-o", log, "-e", "trace=pread64,read", SNAPJAR, command, "-j", "1", *paths],
                       capture_output=True, check=True)
        reads = re.findall(r"(read|pread64)\(\d+<([^>]*\.snapjar)>, .*, (\d+)(?:, (\d+))?\) += (\d+)",
                           pathlib.Path(log).read_text(errors="replace"))
        check(len(reads) >= 12, f"{command}: reads were seen")
        for call, path, _, offset, got in reads:
            check(call == "pread64", f"{command}: {call} of {path}")
            start, end = int(offset or 0), int(offset or 0) + int(got)
            for record in records:
                trailer = record["offset"] + record["record_size"] - 24
                is_payload = record["file"] == path and start < trailer and end > record["payload_offset"]
                check(not is_payload, f"{command}: bytes {start} to {end} of {path} reach into a payload")


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="snapjar-faults-") as name:
        root = pathlib.Path(name)
        if not can_trace(root):
            print("strace is not there or may not trace\n0 passed, 0 failed, 1 skipped")
            return 77
        folder = root / "case"
        folder.mkdir()
        pickles = b"".join(pickle.dumps({"number": number, "text": "x" * 2000}, 4) for number in range(3))
        (folder / "in.pkl").write_bytes(pickles)
        if run("pack", str(folder / "in.pkl"), "-t", "old", "-o", str(folder / "t.snapjar")).returncode != 0:
            print("pack does not work\n0 passed, 1 failed")
            return 1
        snapshot = (folder / "t.snapjar").read_bytes()
        if run("keygen", "--no-passphrase", str(root / "k.key")).returncode != 0:
            print("keygen does not work\n0 passed, 1 failed")
            return 1
        kinds = (PackOver, Append, AppendRepair, Recover, Unpack, UnpackFrames, Migrate, Seal, Unseal, SealDetached, UnsealDetached, Keygen)
        for kind in kinds:
            break_everywhere(kind(folder, pickles, snapshot), str(root / "log"))
        check_header_reads(folder, str(root / "log"))
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
