#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Transcoding against CPython itself: is what comes out of the new pickle equal to what comes out of the old one?

$SNAPJAR_TRANSCODE is the program built from tests/helpers/transcode.c. Pickles are made by every Python found (the
running one and those of $SNAPJAR_PYTHONS, or of pyenv) with scan_objects.py and transcode_objects.py, written anew at
each protocol from 0 to 5, and loaded by the Python that made them (those of Python 2 by the running one) with
transcode_compare.py, which says what differs.
"""

import collections
import json
import os
import pathlib
import random
import struct
import subprocess
import sys
import tempfile

from pythons import find_pythons

HERE = pathlib.Path(__file__).resolve().parent
PROTOCOLS = range(6)
# With SNAPJAR_TEST_FULL all pickles of all Pythons; else all of the running one and a part of the others'.
IS_FULL = bool(os.environ.get("SNAPJAR_TEST_FULL"))
GRAPHS = os.environ.get("SNAPJAR_TRANSCODE_GRAPHS", "1500" if IS_FULL else "200")
PART = 6

# What is refused though a pickler wrote it, and why: the diagnostic's message, and the protocols where it may occur.
REFUSALS = {
    "text has no place for the bits": (0,),  # of a NaN that is not the usual one
    "more than the 4300 digits that Python reads": (0, 1),
    # Text of more digits than that, as Pythons before the limit wrote at protocols 0 and 1.
    "readers disagree on the number": PROTOCOLS,
    "it has no extension codes": (0, 1),
    "it has no out-of-band buffers": (0, 1, 2, 3, 4),
    "it has no read-only views of buffers": (0, 1, 2, 3, 4),
    "a persistent id must be": (0,),
    "is not ASCII": (0, 1, 2),  # names
    # An object whose arguments hold itself is made twice, and given its state again after that.
    "would come after what happens": PROTOCOLS,
}


def find_helper():
    helper = os.environ.get("SNAPJAR_TRANSCODE")
    assert helper, "SNAPJAR_TRANSCODE must name the program built from tests/helpers/transcode.c"
    return helper


def write_blobs(path, blobs):
    with open(path, "wb") as file:
        for blob in blobs:
            file.write(struct.pack("<I", len(blob)) + blob)


def split_blobs(data):
    blobs, at = [], 0
    while at < len(data):
        (size,) = struct.unpack_from("<I", data, at)
        blobs.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    return blobs


def transcode(blobs, encoding="ascii"):
    """For each a list of six: bytes, or the text of the refusal."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "blobs")
        write_blobs(path, blobs)
        done = subprocess.run([find_helper(), "--encoding", encoding, path], stdout=subprocess.PIPE, check=True)
    data, answers, at = done.stdout, [], 0
    while at < len(data):
        status, size = struct.unpack_from("<BI", data, at)
        body = data[at + 5 : at + 5 + size]
        answers.append(body.decode("utf-8") if status else body)
        at += 5 + size
    assert len(answers) == 6 * len(blobs)
    return [answers[i : i + 6] for i in range(0, len(answers), 6)]


def compare(program, originals, made, encoding):
    """The differences that the comparer finds, and how many it compared."""
    with tempfile.TemporaryDirectory() as folder:
        before, after = os.path.join(folder, "before"), os.path.join(folder, "after")
        write_blobs(before, originals)
        write_blobs(after, [b"" if isinstance(blob, str) else blob for group in made for blob in group])
        command = [program, "-B", str(HERE / "transcode_compare.py"), before, after, encoding]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return lines[:-1], lines[-1]


def made_by(program, script, *arguments):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "blobs")
        command = [program, "-B", str(HERE / script), path, *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        blobs = split_blobs(pathlib.Path(path).read_bytes())
    # Two picklers of one Python often write the same.
    return list(dict.fromkeys(blobs))


def count_refusals(made):
    """By reason and protocol; fails on one that is not known."""
    counts = collections.Counter()
    for group in made:
        for protocol, blob in enumerate(group):
            if not isinstance(blob, str):
                continue
            reasons = [reason for reason, where in REFUSALS.items() if reason in blob and protocol in where]
            is_known = len(reasons) == 1 and blob.startswith("transcode-unfaithful ")
            counts[reasons[0] if is_known else "unknown: " + blob, protocol] += 1
    return counts


def check_all(name, program, blobs):
    is_2 = name.startswith("2.")
    encoding = "latin1" if is_2 else "ascii"
    made = transcode(blobs, encoding)
    refusals = count_refusals(made)
    found, compared = compare(sys.executable if is_2 else program, blobs, made, encoding)
    for index, protocol, what in found[: int(os.environ.get("SNAPJAR_SHOW", "5"))]:
        print("  %s: pickle %d at %d: %s" % (name, index, protocol, what))
        print("    %r\n    %r" % (blobs[index][:200], made[index][protocol][:200] if protocol >= 0 else None))
    assert not found, "%d differences" % len(found)
    unknown = {reason: count for reason, count in refusals.items() if reason[0].startswith("unknown")}
    assert not unknown, unknown
    late = [group for group in made if any(isinstance(blob, str) and "would come after" in blob for blob in group)]
    few = max(8, len(blobs) // 100)
    assert len(late) <= few, "%d pickles have effects in an order that cannot be kept" % len(late)
    print("  %s: %d pickles, %d transcoded and equal, refused: %s" % (name, len(blobs), compared, dict(refusals)))


def test_ordinary_pickles():
    for script in ("scan_objects.py", "transcode_objects.py"):
        for name, program in find_pythons():
            if name.startswith("2.") and script == "transcode_objects.py":
                continue
            try:
                blobs = made_by(program, script, *([GRAPHS] if script == "transcode_objects.py" else []))
            except (subprocess.CalledProcessError, OSError) as error:
                print("skipped: %s makes no pickles here: %s" % (name, error))
                continue
            whole = IS_FULL or name == "running"
            check_all(name, program, blobs if whole else random.Random(name).sample(blobs, len(blobs) // PART))


def main():
    passed = failed = 0
    chosen = sys.argv[1:]
    for name, test in sorted(globals().items()):
        if not name.startswith("test_") or (chosen and name not in chosen):
            continue
        try:
            test()
            print("ok %s" % name)
            passed += 1
        except AssertionError as error:
            print("not ok %s: %s" % (name, str(error)[:2000]))
            failed += 1
    print("%d passed, %d failed" % (passed, failed))
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
