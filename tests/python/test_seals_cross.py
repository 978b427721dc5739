# SPDX-License-Identifier: MIT
"""The command line and the reference checker agree about seals: test_seals_cross.py SNAPJAR.

What one seals the other accepts, and both refuse the same changed files with the same diagnostic at the same byte. Needs
python3-xxhash and python3-zstandard.
"""

import json
import os
import pathlib
import pickle
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "spec"), str(ROOT / "tests" / "cli")]

import fixtures  # noqa: E402
import reference_reader  # noqa: E402
import reference_seals as seals  # noqa: E402

SNAPJAR = str(pathlib.Path(sys.argv[1]).resolve())
SEED, SECRET = bytes(range(32)), b"\x07" * 32
passed = failed = 0


def check(condition: bool, what: str) -> None:
    global passed, failed
    passed += condition
    failed += not condition
    if not condition:
        print(f"not ok: {what}")


def run(*arguments: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000"}
    return subprocess.run([SNAPJAR, *arguments], capture_output=True, text=True, env=environment)


def told_by_program(path: str) -> tuple:
    """(diagnostic, offset) of the first error, or ("ok", None)."""
    line = json.loads(run("verify", "--json", "--trust", "trust.json", "--key", "cache.key", path).stdout.splitlines()[0])
    if "errors" not in line:
        return "ok", None
    return line["errors"][0]["diagnostic"], line["errors"][0]["offset"]


def told_by_reference(data: bytes, trust: dict) -> tuple:
    try:
        list(seals.check_file(data, trust))
    except reference_reader.Fault as fault:
        return fault.diagnostic, fault.offset
    return "ok", None


def mend(data: bytes) -> bytes:
    """The first record with a checksum and trailer that fit what it says now."""
    prefix = reference_reader.read_prefix(data, 0)
    frame = data[: prefix.frame_size]
    digest = reference_reader.digest(frame[8:28] + bytes(16) + frame[44:])
    size = int.from_bytes(data[-16:-8], "little")
    return frame[:28] + digest + frame[44:] + data[prefix.frame_size : -24] + data[-24:-16] + size.to_bytes(8, "little") + digest[:8]


def changes(data: bytes):
    """The record with one byte changed, all through header and seal, checksums made to fit."""
    prefix = reference_reader.read_prefix(data, 0)
    for at in [17, 18, 19, *range(44, prefix.frame_size, 7)]:
        changed = bytearray(data)
        changed[at] ^= 0x10
        yield at, mend(bytes(changed))


def main() -> int:
    for name, content in fixtures.keys().items():
        pathlib.Path(name).write_bytes(content)
        os.chmod(name, 0o600)
    pathlib.Path("one.pkl").write_bytes(pickle.dumps({"a": 1}, 4))
    trust = seals.read_trust(pathlib.Path("trust.json").read_text(), [SECRET])
    for keys, secrets in ((["build.key"], [(1, SEED)]), (["cache.key"], [(2, SECRET)]), (["build.key", "cache.key"], [(1, SEED), (2, SECRET)])):
        options = [option for key in keys for option in ("--key", key)]
        check(run("pack", "-f", "one.pkl", "-o", "one.snapjar", *options).returncode == 0, f"pack {keys}")
        data = pathlib.Path("one.snapjar").read_bytes()
        check(told_by_reference(data, trust) == ("ok", None), f"the reference accepts {keys}")
        check(told_by_program("one.snapjar") == ("ok", None), f"the program accepts {keys}")
        prefix = reference_reader.read_prefix(data, 0)
        signed = reference_reader.signed_part(data, 0, prefix)
        area = seals.build_area(signed, data[prefix.frame_size : -24], secrets)
        check(area == data[44 + prefix.json_size : prefix.frame_size], f"both make the same seal of {keys}")
    check(run("pack", "-f", "one.pkl", "-o", "one.snapjar", "--key", "build.key").returncode == 0, "pack")
    for at, changed in changes(pathlib.Path("one.snapjar").read_bytes()):
        pathlib.Path("changed.snapjar").write_bytes(changed)
        mine, theirs = told_by_program("changed.snapjar"), told_by_reference(changed, trust)
        check(mine == theirs, f"byte {at}: the program says {mine}, the reference {theirs}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or passed < 50 else 0


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        sys.exit(main())
