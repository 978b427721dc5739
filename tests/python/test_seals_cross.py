# SPDX-License-Identifier: MIT
"""The command line and the reference checker agree about seals: test_seals_cross.py SNAPJAR.

What one seals the other accepts, and both refuse the same changed files with the same diagnostic at the same byte: with seals
inside, and with detached ones. Needs python3-xxhash and python3-zstandard.
"""

import collections
import itertools
import json
import os
import pathlib
import pickle
import random
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


def first_error(line: dict) -> tuple:
    """(diagnostic, offset) of a line of JSON, or ("ok", None)."""
    return (line["errors"][0]["diagnostic"], line["errors"][0].get("offset")) if "errors" in line else ("ok", None)


def told_by_program(path: str) -> tuple:
    line = json.loads(run("verify", "--json", "--trust", "trust.json", "--key", "cache.key", path).stdout.splitlines()[0])
    return first_error(line)


def told_by_reference(data: bytes, trust: dict, detached: bytes | None = None) -> tuple:
    try:
        list(seals.check_file(data, trust, detached=detached))
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


# ---- detached seals ----

Case = collections.namedtuple("Case", "what data seal is_good", defaults=(False,))


def told_of_many(cases: list[Case]) -> list[tuple]:
    """What the program says of each, by one call for some hundred of them."""
    told = {}
    for number, case in enumerate(cases):
        pathlib.Path(f"{number}.snapjar").write_bytes(case.data)
        pathlib.Path(f"{number}.snapjar.seal").write_bytes(case.seal)
    names = [f"{number}.snapjar" for number in range(len(cases))]
    for start in range(0, len(names), 500):
        options = ["--json", "--detached", "--trust", "trust.json", "--key", "cache.key"]
        for line in map(json.loads, run("verify", *options, *names[start : start + 500]).stdout.splitlines()):
            if line["kind"] != "summary":
                told.setdefault(line["file"], first_error(line))
    return [told.get(name) for name in names]


def compare(cases: list[Case], trust: dict) -> None:
    for case, mine in zip(cases, told_of_many(cases), strict=True):
        theirs = told_by_reference(case.data, trust, case.seal)
        check(mine == theirs, f"{case.what}: the program says {mine}, the reference {theirs}")
        check((theirs[0] == "ok") == case.is_good, f"{case.what}: {theirs}")


def damaged_texts(data: bytes, seal: bytes, dice: random.Random):
    """Every byte changed, taken out, and another put before it."""
    for at in range(len(seal)):
        values = {dice.randrange(256), ord(dice.choice("0123456789abcdef")), seal[at] ^ 0x20} - {seal[at]}
        for value in sorted(values):
            yield Case(f"byte {at} of the seal is {value:#04x}", data, seal[:at] + bytes([value]) + seal[at + 1 :])
        yield Case(f"byte {at} of the seal is gone", data, seal[:at] + seal[at + 1 :])
        put = dice.choice(b"0 \n\0") if at % 2 else seal[at]
        yield Case(f"a byte before {at} of the seal", data, seal[:at] + bytes([put]) + seal[at:])
        yield Case(f"the seal ends at {at}", data, seal[:at])


def other_lines(data: bytes, seal: bytes, dice: random.Random):
    """Lines taken out, repeated and in another order: good is only the same list with some of its signatures."""
    lines = seal.splitlines(keepends=True)
    listed = [line for line in lines if not line.startswith(b"signature ")]
    for _ in range(400):
        chosen = list(lines)
        for _ in range(dice.randrange(1, 4)):
            if chosen and dice.random() < 0.4:
                del chosen[dice.randrange(len(chosen))]
            elif dice.random() < 0.5:
                chosen.insert(dice.randrange(len(chosen) + 1), dice.choice(lines))
            elif chosen:
                first, second = dice.randrange(len(chosen)), dice.randrange(len(chosen))
                chosen[first], chosen[second] = chosen[second], chosen[first]
        rest = chosen[len(listed) :]
        is_good = chosen[: len(listed)] == listed and 0 < len(rest) == len(set(rest)) and not set(rest) & set(listed)
        yield Case(f"lines {[lines.index(line) for line in chosen]}", data, b"".join(chosen), is_good)


def other_records(parts: list[bytes], seal: bytes):
    """Records taken out, repeated, in another order, appended to, and cut."""
    data = b"".join(parts)
    for count in range(5):
        for order in itertools.product(range(len(parts)), repeat=count):
            yield Case(f"records {order}", b"".join(parts[i] for i in order), seal, order == tuple(range(len(parts))))
    for tail in (b"\0", b"x" * 100, b"\x89SJR\r\n\x1a\n", parts[0][:-1], bytes(64)):
        yield Case(f"{len(tail)} bytes behind the last record", data + tail, seal)
    ends = set(itertools.accumulate(map(len, parts)))
    near = {end + more for end in ends for more in range(-26, 26)}
    for size in sorted((set(range(0, len(data), 11)) | near) & set(range(len(data)))):
        yield Case(f"the file ends at {size}", data[:size], seal)


def changed_records(parts: list[bytes], seal: bytes, dice: random.Random):
    """One record changed: with checksums that fit what it says now, or another's payload under its header."""
    for number, part in enumerate(parts):
        rest = parts[:number], parts[number + 1 :]

        def joined(changed: bytes, rest=rest) -> bytes:
            return b"".join([*rest[0], changed, *rest[1]])

        for at, changed in changes(part):
            yield Case(f"record {number}, byte {at} of the header", joined(changed), seal)
        for at in range(0, len(part), 5):
            changed = bytearray(part)
            changed[at] ^= 1 << dice.randrange(8)
            yield Case(f"record {number}, byte {at}, checksums as they were", joined(bytes(changed)), seal)
        size = reference_reader.read_prefix(part, 0).frame_size
        for other in parts:
            payload = other[reference_reader.read_prefix(other, 0).frame_size : -24]
            total = size + len(payload) + 24
            moved = part[:size] + payload + part[-24:-16] + total.to_bytes(8, "little") + part[-8:]
            yield Case(f"record {number} with another's payload", joined(moved), seal, moved == part)


def listed_otherwise(data: bytes, seal: bytes):
    """Lists that somebody trusted signed and that are not of these records."""
    lines = seal[: seal.index(b"signature ")].splitlines(keepends=True)
    for number in range(1, len(lines)):
        word, header, size, payload = lines[number].split()
        for new in (
            (word, header, b"%d" % (int(size) + 1), payload),
            (word, header, b"9" * 18, payload),
            (word, header, size, payload[::-1]),
            (word, header[::-1], size, payload),
            (word, header[::-1], b"%d" % (int(size) - 1), payload),
            (word, header[::-1], b"9" * 18, payload),
            (word, header[::-1], size, payload[::-1]),
        ):
            text = b"".join([*lines[:number], b" ".join(new) + b"\n", *lines[number + 1 :]])
            yield Case(f"line {number} is {new}", data, text + seals.sign_list(text, [(2, SECRET)]))
        text = b"".join(lines[:number] + lines[number + 1 :])
        yield Case(f"without line {number}", data, text + seals.sign_list(text, [(2, SECRET)]))
        text = b"".join(lines[: number + 1] + lines[number:])
        yield Case(f"line {number} twice", data, text + seals.sign_list(text, [(2, SECRET)]))


def check_detached(trust: dict) -> None:
    dice = random.Random(17)
    for number in range(3):
        pathlib.Path("part.pkl").write_bytes(pickle.dumps({"number": number, "text": "ab" * (40 * number)}, 4))
        command = ["append", "many.snapjar"] if number else ["pack", "-o", "many.snapjar"]
        check(run(*command, "part.pkl").returncode == 0, f"{command}")
    data = pathlib.Path("many.snapjar").read_bytes()
    keys, secrets = ["--key", "build.key", "--key", "cache.key"], [(1, SEED), (2, SECRET)]
    check(run("seal", "--detached", *keys, "many.snapjar").returncode == 0, "seal --detached")
    seal = pathlib.Path("many.snapjar.seal").read_bytes()
    check(seal == seals.build_detached(data, secrets), "both make the same detached seal")
    check(pathlib.Path("many.snapjar").read_bytes() == data, "the snapshot is as it was")
    ends = [0, *itertools.accumulate(record.end - record.start for record, *_ in reference_reader.read_file(data))]
    parts = [data[start:end] for start, end in zip(ends, ends[1:])]
    one = seals.build_detached(parts[0], [(1, SEED)])
    quick = seals.build_detached(data, [(2, SECRET)])
    compare(list(damaged_texts(parts[0], one, dice)), trust)
    compare(list(other_lines(data, seal, dice)), trust)
    compare(list(other_records(parts, quick)), trust)
    compare(list(changed_records(parts, quick, dice)), trust)
    compare(list(listed_otherwise(data, quick)), trust)


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
    check_detached(trust)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or passed < 5000 else 0


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        sys.exit(main())
