#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the command-line cases: run.py PROGRAM [--rewrite] [NAME...]

A case is a text file in cases/: a comment that says what it shows, then sections. A section is a line "key: value", or
"key:" and lines indented by four spaces.

    use:     files of fixtures.py to copy into the case's empty folder
    run:     lines for sh; `snapjar` is the program
    exit:    the expected exit code (0 if absent)
    stdout:  what is expected there (nothing if absent)
    stderr:  the same
    files:   names of the files that must have come into being (none if absent); "-NAME": that must be gone
    tty:     which of stdin, stdout, stderr are terminals of 80 columns
    needs:   programs without which the case is skipped; "user": root may not run it, nobody does instead; "smartcols"

Versions are shown as VERSION and checksums as HEX. --rewrite replaces what is expected by what happens: read the diff.
"""

import argparse
import fcntl
import json
import os
import pty
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import threading
from typing import Optional

import fixtures

HERE = os.path.dirname(os.path.abspath(__file__))
CASES = os.path.join(HERE, "cases")
KEYS = ("use", "needs", "tty", "run", "exit", "stdout", "stderr", "files")
BLOCKS = ("run", "stdout", "stderr")
TIMEOUT = 60
NOBODY = 65534


def read_case(path: str) -> dict:
    case = {"comment": []}
    key = None
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file.read().splitlines(), 1):
            if line.startswith("#"):
                case["comment"].append(line)
            elif line.startswith("    "):
                case[key].append(line[4:])
            elif match := re.fullmatch(r"([a-z]+):(?: (.*))?", line):
                key, value = match.groups()
                if key not in KEYS or key in case:
                    raise SystemExit(f"{path}:{number}: unknown or double section {key}")
                case[key] = [] if key in BLOCKS else value or ""
            elif line:
                raise SystemExit(f"{path}:{number}: cannot read {line!r}")
            elif key in BLOCKS:
                case[key].append("")
    for block in BLOCKS:
        lines = case.get(block, [])
        while lines and not lines[-1]:
            lines.pop()
        case[block] = "".join(line + "\n" for line in lines)
    return case


def write_case(path: str, case: dict) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write("".join(line + "\n" for line in case["comment"]))
        for key in KEYS:
            value = case.get(key)
            if not value or (key == "exit" and value == "0"):
                continue
            if key in BLOCKS:
                file.write(f"{key}:\n" + "".join(f"    {line}".rstrip() + "\n" for line in value.splitlines()))
            else:
                file.write(f"{key}: {value}\n")


class Terminal:
    """The other end of a pseudo-terminal, read by a thread."""

    def __init__(self) -> None:
        self.master, self.slave = pty.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 25, 80, 0, 0))
        self.data = b""
        self.thread = threading.Thread(target=self.read)

    def read(self) -> None:
        while True:
            try:
                piece = os.read(self.master, 65536)
            except OSError:
                return
            if not piece:
                return
            self.data += piece

    def finish(self) -> bytes:
        self.thread.join()
        os.close(self.master)
        return self.data.replace(b"\r\n", b"\n")


def execute(script: str, folder: str, env: dict, tty: str, user: Optional[int]) -> tuple:
    """Runs the script, as another user if one is given; returns exit code, stdout, stderr."""
    terminals = {name: Terminal() for name in tty.split()}
    plain = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    streams = {name: terminals[name].slave if name in terminals else kind for name, kind in plain.items()}
    process = subprocess.Popen(["sh", "-c", script], cwd=folder, env=env, user=user,
                               start_new_session=True, **streams)
    for terminal in terminals.values():
        os.close(terminal.slave)
        terminal.thread.start()
    try:
        out, err = process.communicate(timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        err = (err or b"") + b"(took too long)\n"
    taken = {name: terminal.finish() for name, terminal in terminals.items()}
    return process.returncode, taken.get("stdout", out), taken.get("stderr", err)


def normalise(data: bytes, version: str) -> str:
    text = data.decode("utf-8", "backslashreplace").replace("\r", "<CR>").replace("\x1b", "<ESC>")
    text = re.sub(r"\b[0-9a-f]{32}\b", "HEX", text)
    text = "".join(line.rstrip() + "\n" for line in text.splitlines())
    return text.replace(version, "VERSION")


def list_files(folder: str) -> set:
    return {os.path.relpath(os.path.join(top, name), folder) for top, _, names in os.walk(folder) for name in names}


class Runner:
    def __init__(self, program: str, work: str) -> None:
        self.work = work
        bin_folder = os.path.join(work, "bin")
        self.fixtures = os.path.join(work, "fixtures")
        os.mkdir(bin_folder)
        os.mkdir(self.fixtures)
        link = os.path.join(bin_folder, "snapjar")
        os.symlink(os.path.abspath(program), link)
        self.env = {
            "PATH": bin_folder + ":/usr/bin:/bin",
            "LC_ALL": "C.UTF-8",
            "TERM": "xterm",
            "HOME": work,
            "SOURCE_DATE_EPOCH": "1700000000",
        }
        for name in ("LD_LIBRARY_PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS",
                     "GCOV_ERROR_FILE"):
            if name in os.environ:
                self.env[name] = os.environ[name]
        about = json.loads(subprocess.run([link, "version", "--json"], env=self.env, check=True,
                                          capture_output=True).stdout)
        self.version = about["version"]
        self.has_smartcols = about["smartcols"]
        fixtures.make(self.fixtures, link, self.env)
        os.chmod(work, 0o755)
        self.nobody_may_run = os.geteuid() == 0 and self.runs_as_nobody(work)

    def runs_as_nobody(self, work: str) -> bool:
        """Whether the program runs, and says nothing but its own: one that counts its lines complains of counters."""
        code, _, err = execute("snapjar version", work, self.env, "", NOBODY)
        return code == 0 and not err

    def skips(self, case: dict) -> str:
        for need in case.get("needs", "").split():
            if need == "user":
                if os.geteuid() == 0 and not self.nobody_may_run:
                    return "root may do everything, and nobody may not run the program"
            elif need == "smartcols":
                if not self.has_smartcols:
                    return "built without libsmartcols"
            elif not shutil.which(need, path=self.env["PATH"]):
                return f"no {need} here"
        return ""

    def run(self, name: str, case: dict) -> dict:
        """Runs a case; returns what happened, in the form of a case."""
        folder = os.path.join(self.work, name)
        os.mkdir(folder)
        for file in case.get("use", "").split():
            shutil.copy(os.path.join(self.fixtures, file), folder)
        before = list_files(folder)
        user = None
        if os.geteuid() == 0 and "user" in case.get("needs", "").split():
            user = NOBODY
            for path in [folder] + [os.path.join(folder, file) for file in before]:
                os.chown(path, NOBODY, NOBODY)
        code, out, err = execute(case["run"], folder, self.env, case.get("tty", ""), user)
        after = list_files(folder)
        files = sorted(after - before) + ["-" + file for file in sorted(before - after)]
        for top, folders, _ in os.walk(folder):
            for one in folders:
                os.chmod(os.path.join(top, one), 0o700)
        shutil.rmtree(folder)
        return {"exit": str(code), "stdout": normalise(out, self.version), "stderr": normalise(err, self.version),
                "files": " ".join(files)}


def differences(case: dict, got: dict) -> list:
    lines = []
    for key, value in got.items():
        wanted = case.get(key) or ("0" if key == "exit" else "")
        if wanted != value:
            lines.append(f"# {key}: expected")
            lines += ["#     " + line for line in wanted.splitlines()]
            lines.append(f"# {key}: got")
            lines += ["#     " + line for line in value.splitlines()]
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(description="Runs the command-line cases.")
    parser.add_argument("program")
    parser.add_argument("names", nargs="*", help="cases to run (default: all)")
    parser.add_argument("--rewrite", action="store_true", help="expect what happens")
    options = parser.parse_intermixed_args()
    names = options.names or sorted(name[:-5] for name in os.listdir(CASES) if name.endswith(".case"))
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    print(f"1..{len(names)}")
    # Nothing here needs a disk, and syncing one takes most of the time.
    folder = "/dev/shm" if "TMPDIR" not in os.environ and os.access("/dev/shm", os.W_OK | os.X_OK) else None
    with tempfile.TemporaryDirectory(prefix="snapjar-cli-", dir=folder) as work:
        runner = Runner(options.program, work)
        for number, name in enumerate(names, 1):
            path = os.path.join(CASES, name + ".case")
            case = read_case(path)
            reason = runner.skips(case)
            if reason:
                counts["skipped"] += 1
                print(f"ok {number} - {name} # SKIP {reason}")
                continue
            got = runner.run(name, case)
            wrong = differences(case, got)
            if wrong and options.rewrite:
                write_case(path, {**case, **got})
                print(f"# rewritten: {name}")
                wrong = []
            counts["failed" if wrong else "passed"] += 1
            print(f"{'not ok' if wrong else 'ok'} {number} - {name}")
            for line in wrong:
                print(line)
    print(f"# {counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
