#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Asks the program for its passphrase prompts at a terminal of its own: ask.py PROGRAM.

What is typed must never be shown, the terminal must be as it was afterwards, and giving up must write nothing.
"""

import os
import pathlib
import pty
import select
import shutil
import subprocess
import sys
import tempfile
import termios

WAIT = 60


def talk(command: list, folder: pathlib.Path, answers: list) -> tuple:
    """Runs a program at a new terminal; types an answer at each prompt. (exit code, what was on the terminal, echo as before)"""
    pid, master = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.environ.pop("SNAPJAR_PASSPHRASE", None)
        os.execv(command[0], command)
    before = termios.tcgetattr(master)[3]
    shown = b""
    waiting = list(answers)
    while select.select([master], [], [], WAIT)[0]:
        try:
            part = os.read(master, 4096)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        shown += part
        if waiting and shown.endswith(b": "):
            after = termios.tcgetattr(master)[3]
            assert not after & termios.ECHO, "the terminal shows what is typed"
            os.write(master, waiting.pop(0))
    _, status = os.waitpid(pid, 0)
    is_same = termios.tcgetattr(master)[3] == before
    os.close(master)
    assert not waiting, f"not asked for {len(waiting)} answers: {shown!r}"
    return os.waitstatus_to_exitcode(status), shown.decode(), is_same


def check_all(program: str, folder: pathlib.Path) -> list:
    failures = []

    def expect(what: str, command: list, answers: list, code: int, *texts: str) -> None:
        got, shown, is_same = talk([program, *command], folder, answers)
        secrets = [answer.strip(b"\n\x03\x15\x7f").decode() for answer in answers]
        if got != code or any(text not in shown for text in texts):
            failures.append(f"{what}: exit code {got}, shown {shown!r}")
        if any(secret and secret in shown for secret in secrets):
            failures.append(f"{what}: a passphrase was shown: {shown!r}")
        if not is_same:
            failures.append(f"{what}: the terminal was not set back")

    expect("two that differ", ["keygen", "a.key"], [b"horse\n", b"house\n"], 2)
    expect("giving up", ["keygen", "a.key"], [b"\x03"], 2, "no passphrase was given")
    expect("an empty one", ["keygen", "a.key"], [b"\n"], 2, "no passphrase was given")
    if (folder / "a.key").exists() or (folder / "a.pub").exists():
        failures.append("a key was written without a passphrase")
    expect("a new key", ["keygen", "a.key"], [b"correct horse\n", b"correct horse\n"], 0)
    expect("a wrong one", ["seal", "--key", "a.key", "job.snapjar"], [b"battery\n"], 2, "Passphrase of a.key: ", "key-passphrase-wrong")
    expect("corrected while typing", ["seal", "--key", "a.key", "job.snapjar"], [b"oops\x15correct horsx\x7fe\n"], 0)
    sealed = subprocess.run([program, "verify", "--trust", "a.pub", "job.snapjar"], cwd=folder, capture_output=True, check=False)
    if sealed.returncode:
        failures.append(f"what was sealed does not hold: {sealed.stdout!r}")
    return failures


def main() -> int:
    program = shutil.which(os.path.abspath(sys.argv[1])) or sys.exit("no program")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "job.pkl").write_bytes(b"\x80\x04K\x2a.")
        subprocess.run([program, "pack", "job.pkl"], cwd=folder, check=True)
        failures = check_all(program, folder)
    for failure in failures:
        print(f"not ok: {failure}")
    print(f"{max(0, 8 - len(failures))} passed, {len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
