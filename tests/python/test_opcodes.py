# SPDX-License-Identifier: MIT
"""The opcode table and the measuring of pickles against Python's own pickletools.

Runs under pytest, or alone: test_opcodes.py [PATH OF THE MEASURE HELPER]. The helper (tests/helpers/measure.c) is named
by SNAPJAR_MEASURE otherwise. Nothing here loads a pickle.

Where `pickletools.genops` and the library differ, on purpose and nowhere else:
- PROTO 6 to 255: genops does not look at the operand; the library says pickle-protocol-unsupported, as load_proto of
  Modules/_pickle.c does ("unsupported pickle protocol"). When the operand stands before any other fault, only we fail.
- Text arguments (numbers, quotes, escapes, non-ASCII names): genops decodes them and fails on some that a loader reads;
  the library looks for their newlines only. So genops fails on pickles that the library measures, never the reverse.
- Lengths of BINBYTES8 and its like above sys.maxsize: both refuse, with different words.
"""

import collections
import datetime
import decimal
import enum
import io
import json
import os
import pathlib
import pickle
import pickletools
import random
import re
import struct
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROW = re.compile(r"^X\(0x([0-9a-f]{2}), (\w+), ([0-5]), (\w+)\)$")
UNSUPPORTED = "pickle-protocol-unsupported"


def find_helper():
    helper = os.environ.get("SNAPJAR_MEASURE")
    assert helper, "SNAPJAR_MEASURE must name the program built from tests/helpers/measure.c"
    return helper


def read_rows():
    lines = (ROOT / "lib/pickle/opcodes.def").read_text(encoding="utf-8").splitlines()
    rows = [ROW.match(line) for line in lines if line.startswith("X(")]
    assert all(rows), "a row of opcodes.def has another form"
    return [(int(row[1], 16), row[2], int(row[3]), row[4].lower()) for row in rows]


def test_rows_are_those_of_pickletools():
    theirs = sorted(
        (ord(opcode.code), opcode.name, opcode.proto, opcode.arg.name if opcode.arg else "none")
        for opcode in pickletools.opcodes
    )
    ours = read_rows()
    assert len(ours) == 68
    for our_row, their_row in zip(ours, theirs):
        assert our_row == their_row
    assert ours == theirs


# ---- pickles ----


class Colour(enum.Enum):
    RED = 1


class State:
    def __init__(self, name):
        self.name = name
        self.parts = [name] * 2
        self.itself = self


class WithKeywords:
    def __getnewargs_ex__(self):
        return (1,), {"keyword": 2}


class Persistent(pickle.Pickler):
    """Writes PERSID or BINPERSID for one type."""

    def persistent_id(self, obj):
        return "colour-%s" % obj.name if isinstance(obj, Colour) else None


def make_objects():
    rng = random.Random(20240229)
    shared = ["shared"]
    yield from (None, True, False, 0, -1, 255, 256, 65535, 65536, 2**31 - 1, -(2**31), 2**31, 2**64, -(2**2100))
    yield from (0.0, -2.5, float("inf"), "", "a", "line\nline\\ \x00", "\u20ac\U0001f600", "x" * 300, "\ud800")
    yield from (b"", b"\n.\x80", bytes(range(256)), bytearray(b"ba"), b"y" * 70000, "z" * 70000)
    yield from ((), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), [], [1, [2, [3]]], {}, {"k": 1, 2: None})
    yield from (set(), {1, 2}, frozenset({"f"}), [shared, shared], Colour.RED, State("s"), complex(1, 2), 1j)
    yield from (datetime.datetime(2024, 2, 29, tzinfo=datetime.timezone.utc), decimal.Decimal("1.5"), range(3))
    yield from (collections.OrderedDict(a=1), collections.Counter("aab"), len, int, os.path.join, slice(1, 2))
    yield [{"id": i, "name": "n%d" % i, "value": rng.random(), "tags": ["a", "b"][: i % 3]} for i in range(80)]
    yield list(range(-300, 700, 7))
    yield {str(i): [State("t")] * 3 for i in range(40)}
    many = [[i] for i in range(300)]
    yield many + many + [WithKeywords()]


def make_pickles():
    """Whole pickles of all protocols, C and Python picklers, and a few that no pickler writes."""
    for obj in make_objects():
        for protocol in range(6):
            yield pickle.dumps(obj, protocol)
            yield pickle._dumps(obj, protocol)
            file = io.BytesIO()
            Persistent(file, protocol).dump([obj, Colour.RED])
            yield file.getvalue()
    for data in (b"ab", bytearray(b"cd"), b"e" * 70000):
        yield pickle.dumps([pickle.PickleBuffer(data)] * 2, 5)
        yield pickle.dumps([pickle.PickleBuffer(data), data], 5, buffer_callback=[].append)
    # Python 2 wrote these: STRING, BINSTRING, SHORT_BINSTRING, INST, OBJ, LONG1, and EXT1, EXT2, EXT4 by registry.
    yield b"(S'it\\'s'\nT\x03\x00\x00\x00a\nbU\x02\xe4.t."
    yield b"(imodule.sub\nName\np0\n(dp1\nb."
    yield b"\x80\x02((cmodule\nName\noq\x00}b\x82\x01\x83\x01\x00\x84\x01\0\0\0\x8a\x01\x05\x8b\x01\0\0\0\x05e."
    # Lengths of 8 bytes, which a pickler writes from 4 GiB on.
    yield b"\x80\x04\x8d\x02\0\0\0\0\0\0\0ab\x8e\x03\0\0\0\0\0\0\0.\xff.\x86."
    yield b"(I1\nL5L\nF1e9\nNt0I00\nI01\n2g0\n1."


def truncations(data, rng):
    sizes = range(len(data)) if len(data) <= 200 else sorted(rng.sample(range(len(data)), 60))
    return [data[:size] for size in sizes]


def mutations(data, rng):
    interesting = bytes(opcode.code.encode("latin-1")[0] for opcode in pickletools.opcodes)
    for _ in range(40):
        mutated = bytearray(data[:3000])
        for _ in range(rng.choice((1, 1, 1, 2, 5))):
            position = rng.randrange(len(mutated) + 1)
            kind = rng.randrange(4)
            byte = rng.choice((rng.randrange(256), rng.choice(interesting), 0, 10, 255))
            if kind == 0 and position < len(mutated):
                mutated[position] = byte
            elif kind == 1:
                mutated.insert(position, byte)
            elif kind == 2 and position < len(mutated):
                del mutated[position]
            elif position < len(mutated):
                mutated[position] ^= 1 << rng.randrange(8)
        yield bytes(mutated)


def random_opcodes(rng):
    """Random opcodes with mostly right arguments: reaches what mutation of real pickles does not."""
    out = bytearray()
    for _ in range(rng.randrange(1, 30)):
        opcode = rng.choice(pickletools.opcodes)
        if opcode.name == "STOP":
            continue
        out += opcode.code.encode("latin-1")
        name = opcode.arg.name if opcode.arg else None
        n = opcode.arg.n if opcode.arg else 0
        body = bytes(rng.randrange(256) for _ in range(rng.choice((0, 1, 3, 20))))
        if n > 0:
            out += bytes(rng.randrange(6) for _ in range(n))
        elif n == -1:
            text = {"stringnl": b"'t'", "decimalnl_long": b"5L", "floatnl": b"2.5"}.get(name, b"7")
            out += text + b"\n" + (b"name\n" if name == "stringnl_noescape_pair" else b"")
        elif n < -1:
            prefix = {"1": "<B", "4": "<I", "8": "<Q"}[name[-1]]
            body = b"u" * len(body) if name.startswith("unicode") else body
            out += struct.pack(prefix, len(body)) + body
    return bytes(out + b".")


# ---- the readers ----


def ask_helper(blobs):
    with tempfile.NamedTemporaryFile() as file:
        for blob in blobs:
            file.write(struct.pack("<I", len(blob)) + blob)
        file.flush()
        done = subprocess.run([find_helper(), "--blobs", file.name], stdout=subprocess.PIPE, check=True)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(blobs)
    return answers


def ask_genops(blob):
    """What the library must say, from genops; None if genops fails. With the highest PROTO operand."""
    protocols, count, buffers, first, position = [], 0, 0, None, 0
    highest_operand = 0
    try:
        for opcode, argument, position in pickletools.genops(blob):
            if opcode.name == "PROTO":
                highest_operand = max(highest_operand, argument)
                first = argument if count == 0 else first
            count += 1
            buffers += opcode.name == "NEXT_BUFFER"
            protocols.append(opcode.proto)
    except Exception:  # genops raises ValueError and whatever its decoders raise
        return None, highest_operand
    protocol = max(protocols) if first is None else first
    answer = {"size": position + 1, "opcode_count": count, "buffer_count": buffers, "protocol": protocol}
    return answer, highest_operand


def read_span(blob, at, opcode):
    """Where the argument at `at` ends, or the answer of the library to what is wrong with it."""
    n = opcode.arg.n if opcode.arg else 0
    cut_short = {"status": "cut-short", "diagnostic": "pickle-cut-short", "offset": len(blob)}
    if n >= 0:
        return at + n if at + n <= len(blob) else cut_short
    if n == -1:
        for _ in range(2 if opcode.arg.name == "stringnl_noescape_pair" else 1):
            at = blob.find(b"\n", at) + 1
            if at == 0:
                return cut_short
        return at
    prefix = {-2: "<B", -3: "<i", -4: "<I", -5: "<Q"}[n]
    if at + struct.calcsize(prefix) > len(blob):
        return cut_short
    (size,) = struct.unpack_from(prefix, blob, at)
    if size < 0:
        return {"status": "damaged", "diagnostic": "pickle-argument-invalid", "offset": at}
    end = at + struct.calcsize(prefix) + size
    return end if end <= len(blob) else cut_short


def ask_table(blob):
    """What the library must say, by a walk over the table of pickletools that looks at no text."""
    names, first, position = [], None, 0
    while position < len(blob):
        opcode = pickletools.code2op.get(chr(blob[position]))
        if opcode is None:
            return {"status": "damaged", "diagnostic": "pickle-opcode-unknown", "offset": position}
        end = read_span(blob, position + 1, opcode)
        if isinstance(end, dict):
            return end
        if opcode.name == "PROTO":
            if blob[position + 1] > 5:
                return {"status": "unsupported", "diagnostic": UNSUPPORTED, "offset": position + 1}
            first = first if names else blob[position + 1]
        names.append(opcode)
        if opcode.name == "STOP":
            protocol = first if first is not None else max(opcode.proto for opcode in names)
            buffers = sum(opcode.name == "NEXT_BUFFER" for opcode in names)
            return {"size": end, "opcode_count": len(names), "buffer_count": buffers, "protocol": protocol}
        position = end
    diagnostic = "pickle-cut-short" if blob else "pickle-empty"
    return {"status": "cut-short", "diagnostic": diagnostic, "offset": len(blob)}


def compare(blobs):
    """The library against both readers; how many pickles genops could read too."""
    agreed = 0
    for blob, ours in zip(blobs, ask_helper(blobs)):
        assert ours == ask_table(blob), blob[:400]
        theirs, highest_operand = ask_genops(blob)
        if theirs is None:
            continue
        if highest_operand > 5:
            assert ours.get("diagnostic") == UNSUPPORTED, (blob, ours)
            assert blob[ours["offset"] - 1] == 0x80 and blob[ours["offset"]] > 5
            continue
        assert ours == theirs, blob[:400]
        agreed += 1
    return agreed


def test_whole_pickles():
    blobs = list(make_pickles())
    assert compare(blobs) == len(blobs), "genops must read every one of these"
    seen = {opcode.name for blob in blobs for opcode, _, _ in pickletools.genops(blob)}
    assert {opcode.name for opcode in pickletools.opcodes} == seen, "a pickle for every opcode"


def test_bytes_after_stop():
    blobs = [blob + tail for blob in make_pickles() for tail in (b".", b"\xff", b"\x80\x05N.")]
    assert compare(blobs) == len(blobs)


def test_truncations():
    """A pickle without its end is cut short at the end of what is there, and nothing else."""
    rng = random.Random(1)
    blobs = [cut for blob in make_pickles() for cut in truncations(blob, rng)]
    for blob, ours in zip(blobs, ask_helper(blobs)):
        diagnostic = "pickle-cut-short" if blob else "pickle-empty"
        assert ours == {"status": "cut-short", "diagnostic": diagnostic, "offset": len(blob)}, blob[:400]
    assert not any(ask_genops(blob)[0] for blob in rng.sample(blobs, 2000))


def test_mutations():
    rng = random.Random(2)
    blobs = [mutated for blob in make_pickles() for mutated in mutations(blob, rng)]
    assert compare(blobs) > len(blobs) // 5, "most mutations broke genops: the test compares too little"


def test_random_opcodes():
    rng = random.Random(3)
    blobs = [random_opcodes(rng) for _ in range(20000)]
    assert compare(blobs) > len(blobs) // 20


def test_documented_differences():
    """One by one what the module's text says."""
    lenient = [b"I0x1f\n.", b"I1\0junk\n.", b"c\xc3\xa9\nx\n.", b"Sno quotes\n.", b"V\\u12\n."]
    for blob, ours in zip(lenient, ask_helper(lenient)):
        assert ours["size"] == len(blob), blob
    strict = [
        (b"\x80\x06N.", "unsupported", UNSUPPORTED, 1),
        (b"N\x80\xffN.", "unsupported", UNSUPPORTED, 2),
        (b"T\xff\xff\xff\xffN.", "damaged", "pickle-argument-invalid", 1),
        (b"\x8b\x00\x00\x00\x80N.", "damaged", "pickle-argument-invalid", 1),
        (b"\x8e" + b"\xff" * 8 + b"N.", "cut-short", "pickle-cut-short", 11),
    ]
    for (blob, status, diagnostic, offset), ours in zip(strict, ask_helper([row[0] for row in strict])):
        assert ours == {"status": status, "diagnostic": diagnostic, "offset": offset}, blob


def main():
    if len(sys.argv) > 1:
        os.environ["SNAPJAR_MEASURE"] = sys.argv[1]
    tests = [(name, test) for name, test in globals().items() if name.startswith("test_")]
    for name, test in tests:
        test()
        print("ok", name)
    print("%d passed, 0 failed" % len(tests))


if __name__ == "__main__":
    main()
