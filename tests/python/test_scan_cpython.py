#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The scan against CPython itself: which globals do its picklers write, and which do its C unpickler ask for?

$SNAPJAR_SCAN is the program built from tests/helpers/scan.c. Pickles are made by every Python found (the running
one and those of $SNAPJAR_PYTHONS, or of pyenv) with scan_objects.py. They are loaded with a find_class that hands out
inert classes, in a process with limits on memory and time, whatever was done to them before.
$SNAPJAR_FUZZ_SECONDS makes the mutation tests run longer (default: a few seconds each).
"""

import _compat_pickle
import collections
import json
import os
import pathlib
import pickletools
import random
import struct
import subprocess
import sys
import tempfile
import time

from pickle_mutations import mutate_bytes
from pythons import find_pythons

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
FUZZ_SECONDS = float(os.environ.get("SNAPJAR_FUZZ_SECONDS", "6"))

# The asker: reads blobs, writes one JSON line each: [[module, name], ...] in order, and the error or null.
ASKER = r"""
import copyreg, io, json, pickle, resource, signal, struct, sys
import _pickle
path, start, encoding = sys.argv[1], int(sys.argv[2]), sys.argv[3]
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
sys.setrecursionlimit(400)

def inert():
    class Inert(object):
        def __new__(cls, *a, **k):
            return object.__new__(cls)
        def __init__(self, *a, **k):
            pass
        def __setstate__(self, state):
            pass
        def __setitem__(self, key, value):
            pass
        def append(self, item):
            pass
        def extend(self, items):
            pass
        def add(self, item):
            pass
        def __call__(self, *a, **k):
            return Inert()
    return Inert

class Asker(_pickle.Unpickler):
    def find_class(self, module, name):
        self.asked.append((module, name))
        return inert()
    def persistent_load(self, pid):
        return inert()()

def ask(blob):
    more = {"buffers": iter([b"buffer"] * 1000)} if sys.version_info >= (3, 8) else {}
    unpickler = Asker(io.BytesIO(blob), encoding=encoding, **more)
    unpickler.asked = []
    error = None
    try:
        unpickler.load()
    except BaseException as reason:
        if isinstance(reason, (KeyboardInterrupt, SystemExit)):
            raise
        error = "%s: %s" % (type(reason).__name__, str(reason)[:200])
    return [unpickler.asked, error]

blobs = open(path, "rb").read()
at, index = 0, 0
out = open(sys.stdout.fileno(), "w", buffering=1, closefd=False)
while at < len(blobs):
    size, = struct.unpack_from("<I", blobs, at)
    if index >= start:
        signal.alarm(10)
        answer = ask(blobs[at + 4 : at + 4 + size])
        signal.alarm(0)
        out.write(json.dumps(answer) + "\n")
    at += 4 + size
    index += 1
"""


def find_helper():
    helper = os.environ.get("SNAPJAR_SCAN")
    assert helper, "SNAPJAR_SCAN must name the program built from tests/helpers/scan.c"
    return helper


def write_blobs(file, blobs):
    for blob in blobs:
        file.write(struct.pack("<I", len(blob)) + blob)
    file.flush()


def split_blobs(data):
    blobs, at = [], 0
    while at < len(data):
        (size,) = struct.unpack_from("<I", data, at)
        blobs.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    return blobs


def scan(blobs, encoding="ascii", chunk=0):
    """What the library says of each."""
    with tempfile.NamedTemporaryFile() as file:
        write_blobs(file, blobs)
        command = [find_helper(), "--encoding", encoding, "--chunk", str(chunk), "--blobs", file.name]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(blobs)
    return answers


def ask(blobs, encoding="ASCII", program=sys.executable):
    """What CPython asks for; None where it crashed or took too long."""
    answers = []
    with tempfile.NamedTemporaryFile() as file:
        write_blobs(file, blobs)
        while len(answers) < len(blobs):
            command = [program, "-I", "-c", ASKER, file.name, str(len(answers)), encoding]
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            answers += [json.loads(line) for line in done.stdout.decode("utf-8", "surrogatepass").splitlines()]
            if len(answers) < len(blobs):
                answers.append(None)
    return answers


def decode(name):
    """The helper writes each byte of UTF-8 as a character of Latin-1."""
    return name.encode("latin-1").decode("utf-8", "surrogatepass")


def names_of(answer):
    """What find_class is asked for, each as often: a bag, and in the order in which each comes first."""
    bag, order = collections.Counter(), []
    for found in answer["globals"]:
        if found["code"] == 0 and not found["attribute"]:
            pair = (decode(found["module"]), decode(found["name"]))
            if pair not in bag:
                order.append(pair)
            bag[pair] += found["import"][0]
    return bag, order


def bag_of(asked):
    pairs = [tuple(pair) for pair in asked]
    return collections.Counter(pairs), list(dict.fromkeys(pairs))


def mapped(pair, protocol):
    if protocol < 3:
        if pair in _compat_pickle.NAME_MAPPING:
            return _compat_pickle.NAME_MAPPING[pair]
        return (_compat_pickle.IMPORT_MAPPING.get(pair[0], pair[0]), pair[1])
    return pair


def is_clean(answer):
    return answer["status"] == "ok" and not answer["findings"]


def made_by(program):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "blobs")
        subprocess.run([program, "-B", str(HERE / "scan_objects.py"), path], check=True, stdout=subprocess.DEVNULL)
        return split_blobs(pathlib.Path(path).read_bytes())


CORPUS = {}


def corpus():
    """Ordinary pickles by the Python that made them."""
    for name, program in find_pythons():
        if name not in CORPUS:
            try:
                CORPUS[name] = made_by(program)
            except (subprocess.CalledProcessError, OSError) as error:
                print("skipped: %s makes no pickles here: %s" % (name, error))
                CORPUS[name] = []
    return {name: blobs for name, blobs in CORPUS.items() if blobs}


def encoding_for(name):
    return "latin1" if name.startswith("2.") else "ascii"


# ---- the mapping ----


def test_mapping_is_pythons():
    """compat.def against the running Python's module; `Tix` is gone from 3.13."""
    text = (ROOT / "lib/pickle/compat.def").read_text(encoding="utf-8").splitlines()
    ours_names, ours_modules = {}, {}
    for line in text:
        if line.startswith("SJ_COMPAT_NAME("):
            a, b, c, d = json.loads("[" + line[len("SJ_COMPAT_NAME(") : -1] + "]")
            ours_names[(a, b)] = (c, d)
        elif line.startswith("SJ_COMPAT_MODULE("):
            a, b = json.loads("[" + line[len("SJ_COMPAT_MODULE(") : -1] + "]")
            ours_modules[a] = b
    assert list(ours_names) == sorted(ours_names) and list(ours_modules) == sorted(ours_modules)
    assert ours_names == _compat_pickle.NAME_MAPPING
    assert dict(ours_modules, Tix=None) == dict(_compat_pickle.IMPORT_MAPPING, Tix=None)


def test_mapping_in_pickles():
    """Every row, and names beside it, through GLOBAL and INST in protocols 0, 2 and 3."""
    pairs = list(_compat_pickle.NAME_MAPPING) + [(m, "some_name") for m in _compat_pickle.IMPORT_MAPPING]
    pairs += [("mod", "name"), ("__builtin", "range"), ("__builtin__x", "range"), ("__builtin__", "rang")]
    for proto in (b"", b"\x80\x02", b"\x80\x03"):
        blobs = [proto + b"c%s\n%s\n." % (m.encode(), n.encode()) for m, n in pairs]
        blobs += [proto + b"(i%s\n%s\n." % (m.encode(), n.encode()) for m, n in pairs]
        for answer, pair in zip(scan(blobs), pairs * 2):
            assert is_clean(answer)
            (found,) = answer["globals"]
            assert (found["module"], found["name"]) == pair
            assert tuple(found["mapped"]) == mapped(pair, 3 if proto == b"\x80\x03" else 0), pair


# ---- ordinary pickles ----


def test_ordinary_pickles_are_clean():
    """Nothing that a pickler of any Python writes is a finding, and the globals are those that CPython asks for."""
    for name, blobs in corpus().items():
        encoding = encoding_for(name)
        for blob, ours, theirs in zip(blobs, scan(blobs, encoding), ask(blobs, encoding)):
            assert is_clean(ours), (name, blob[:300], ours)
            assert theirs is not None
            assert names_of(ours) == bag_of(theirs[0]), (name, blob[:300], theirs)
            for found in ours["globals"]:
                pair = (decode(found["module"]), decode(found["name"]))
                assert tuple(map(decode, found["mapped"])) == mapped(pair, ours["protocol"])
        print("  %s: %d pickles" % (name, len(blobs)))


def test_summary_is_that_of_pickletools():
    for name, blobs in corpus().items():
        sample = random.Random(1).sample(blobs, min(len(blobs), 250))
        for blob, ours in zip(sample, scan(sample, encoding_for(name))):
            try:
                opcodes = list(pickletools.genops(blob))
            except UnicodeDecodeError:
                assert name.startswith("2."), "genops reads no STRING of Python 2 that is not ASCII"
                continue
            assert ours["opcodes"] == len(opcodes) and ours["size"] == len(blob)
            assert ours["protocol"] == max(opcode.proto for opcode, _, _ in opcodes) or blob[:1] == b"\x80"
            puts = sum("PUT" in opcode.name or opcode.name == "MEMOIZE" for opcode, _, _ in opcodes)
            assert ours["memo"] == puts


def test_chunks_change_nothing():
    """A pickle that comes in pieces gives the same answer as one that comes whole."""
    for name, blobs in corpus().items():
        encoding = encoding_for(name)
        sample = [blob for blob in random.Random(2).sample(blobs, min(len(blobs), 300)) if len(blob) < 20000]
        whole = scan(sample, encoding)
        for chunk in (1, 2, 3, 7, 64, 1000):
            assert scan(sample, encoding, chunk) == whole, (name, chunk)


def test_truncations_are_not_analysed():
    rng = random.Random(3)
    for name, blobs in corpus().items():
        for blob in rng.sample(blobs, min(len(blobs), 40)):
            cuts = [blob[: rng.randrange(len(blob))] for _ in range(20)]
            for answer in scan(cuts, encoding_for(name)):
                assert answer["status"] == "cut-short" and not answer["complete"]
            for answer in scan([blob + b".", blob + blob], encoding_for(name)):
                assert (answer["status"], answer["diagnostic"]) == ("damaged", "pickle-size-mismatch")
                assert answer["offset"] == len(blob) and not answer["complete"]


# ---- mutations ----

# Why the C unpickler may fail where the scan sees nothing: what values are, not what opcodes do.
HARMLESS = (
    "unhashable type",  # a list as a key, deep inside
    "Exceeds the limit",
    "persistent IDs in protocol 0",
    "MemoryError",
    "RecursionError",
    "maximum recursion",
    "TimeoutError",
    "unregistered extension code",
    "not enough out-of-band buffers",
    "No out-of-band buffers",
    "OverflowError",
    "keywords must be strings",
    "UnicodeDecodeError: 'ascii'",  # only where another encoding was declared to us
    "unsupported pickle protocol: 5",  # by 3.6 and 3.7
)


def check_mutations(blobs, encoding="ascii", program=sys.executable):
    """Returns how many CPython took, and counts of why it failed on those that were clean."""
    taken, clean_but_failed = 0, collections.Counter()
    for blob, ours, theirs in zip(blobs, scan(blobs, encoding), ask(blobs, encoding, program)):
        if theirs is None:
            continue
        asked, error = theirs
        if error is not None:
            if is_clean(ours) and not any(text in error for text in HARMLESS):
                clean_but_failed[error.split("(")[0][:70]] += 1
                if os.environ.get("SNAPJAR_FUZZ_SHOW"):
                    print((blob, ours, error))
            continue
        taken += 1
        if not is_clean(ours):
            continue
        bag, order = names_of(ours)
        has_extension = any(found["code"] for found in ours["globals"])
        assert has_extension or (bag, order) == bag_of(asked), (blob, ours, theirs)
    return taken, clean_but_failed


def opcode_boundaries(blob):
    try:
        return [position for _, _, position in pickletools.genops(blob)]
    except Exception:
        return []


def mutate_opcodes(blob, rng):
    """Whole opcodes moved, doubled, dropped and put in: stays readable far more often."""
    places = opcode_boundaries(blob)
    if len(places) < 3:
        return blob
    pieces = [blob[a:b] for a, b in zip(places, places[1:] + [len(blob)])]
    for _ in range(rng.choice((1, 1, 2, 4))):
        kind, at = rng.randrange(5), rng.randrange(len(pieces))
        if kind == 0:
            del pieces[at]
        elif kind == 1:
            pieces.insert(at, rng.choice(pieces))
        elif kind == 2:
            other = rng.randrange(len(pieces))
            pieces[at], pieces[other] = pieces[other], pieces[at]
        else:
            pieces.insert(at, make_opcode(rng))
        if not pieces:
            break
    return b"".join(pieces)


WORDS = [b"os", b"system", b"a.b", b"__main__", b"x", b"", b"a b", b"\xc3\xa9"]
WORDS += [b"copy_reg", b"copyreg", b"_reconstructor"]


def make_opcode(rng):
    """An opcode with an argument that is mostly right."""
    opcode = rng.choice(pickletools.opcodes)
    while opcode.name == "STOP" and rng.random() < 0.95:
        opcode = rng.choice(pickletools.opcodes)
    out = opcode.code.encode("latin-1")
    name = opcode.arg.name if opcode.arg else ""
    size = opcode.arg.n if opcode.arg else 0
    word = rng.choice(WORDS)
    if name == "stringnl_noescape_pair":
        return out + word + b"\n" + rng.choice(WORDS) + b"\n"
    if size == -1:
        choices = {
            "stringnl": [b"'" + word + b"'", b'"os"', b"'\\x41'", b"'\\q'", b"'"],
            "decimalnl_long": [b"5L", b"5", b"-3L", b"0x10L", b"1_0L"],
            "decimalnl_short": [b"0", b"1", b"2", b"00", b"01", b"07", b"+1", b" 1", b"1_0", b"0x1f", b"1\x00x"],
            "floatnl": [b"2.5", b"1e9", b"-inf", b" 1.5", b"1_0.0", b"1e999", b"nan"],
            "unicodestringnl": [word.replace(b"\xc3\xa9", b"\\u00e9"), b"\\u006fs", b"o\\s"],
        }.get(name, [word])
        return out + rng.choice(choices) + b"\n"
    if size >= 0:
        return out + bytes([rng.choice((0, 0, 1, 2, 3, 4, 5, 200))] if size else []) + b"\x00" * max(size - 1, 0)
    prefix = {"1": "<B", "4": "<I", "8": "<Q"}[name[-1]]
    return out + struct.pack(prefix, len(word)) + word


LITERALS = [b"N", b"K\x01", b"]", b"}", b")", b"\x8f", b"\x88", b"\x8c\x01k", b"X\x02\0\0\0os", b"U\x01s", b"C\x01b"]
GLOBALS = [b"cmod\nname\n", b"cos\nsystem\n", b"\x8c\x03mod\x8c\x04name\x93", b"ca b\nc\n"]
GLOBALS += [b"ccopy_reg\n_reconstructor\n"]


def make_program(rng):
    """Opcodes chosen so that the stack mostly has what they need."""
    out, depth, marks, memo = bytearray(), 0, [], 0
    if rng.random() < 0.8:
        out += b"\x80" + bytes([rng.choice((0, 1, 2, 2, 3, 4, 4, 5, 5))])
    for _ in range(rng.randrange(2, 40)):
        choice = rng.randrange(22)
        floor = marks[-1] if marks else 0
        have = depth - floor
        if choice < 5:
            out += rng.choice(LITERALS)
            depth += 1
        elif choice == 5:
            out += rng.choice(GLOBALS)
            depth += 1
        elif choice == 6 and len(marks) < 4:
            out += b"("
            marks.append(depth)
        elif choice < 9 and marks:
            opcode = rng.choice((b"t", b"l", b"d", b"u", b"e", b"\x90", b"\x91", b"1", b"o", b"imod\nname\n"))
            depth = marks.pop() + (opcode not in (b"u", b"e", b"\x90", b"1"))
            out += opcode
        elif choice < 11 and have >= 1:
            out += rng.choice((b"\x94", b"q" + bytes([memo]), b"q" + bytes([rng.randrange(4)]), b"p%d\n" % memo))
            memo += 1
        elif choice < 13 and memo:
            entry = bytes([rng.randrange(memo)])
            out += rng.choice((b"h" + entry, b"g%d\n" % entry[0], b"j" + entry + b"\0\0\0"))
            depth += 1
        elif choice == 13 and have >= 1:
            out += rng.choice((b"2", b"0", b"\x85", b"Q", b"\x98"))
            depth += {ord("2"): 1, ord("0"): -1}.get(out[-1], 0)
        elif choice < 17 and have >= 2:
            out += rng.choice((b"R", b"\x81", b"b", b"a", b"\x86", b"\x93"))
            depth -= 1
        elif choice == 17 and have >= 3:
            opcode = rng.choice((b"\x87", b"s", b"\x92"))
            out += opcode
            depth -= 2
        elif choice == 18:
            out += rng.choice((b"\x82\x01", b"\x97", b"Ppid\n", b"\x80\x02", b"\x80\x04", b"\x95\x03\0\0\0\0\0\0\0"))
            depth += out[-1:] not in (b"\x02", b"\x04", b"\0")
        elif choice == 19 and have >= 2:
            out += b")R" if rng.random() < 0.5 else b")\x81"
        else:
            out += b"cmod\nname\n)" + rng.choice((b"R", b"\x81")) + rng.choice((b"", b"}b", b"K\x01K\x02s", b"K\x01a"))
            depth += 1
    return bytes(out + b".")


def run_mutations(make, encoding="ascii"):
    """Batches until the time is over, at least one."""
    rng = random.Random(int(os.environ.get("SNAPJAR_FUZZ_SEED", "5")))
    blobs = [blob for made in corpus().values() for blob in made if len(blob) < 3000]
    taken, count, failed = 0, 0, collections.Counter()
    end = time.monotonic() + FUZZ_SECONDS
    programs = [program for name, program in find_pythons() if not name.startswith("2.")]
    while count == 0 or time.monotonic() < end:
        batch = [make(rng.choice(blobs), rng) for _ in range(4000)]
        batch_taken, batch_failed = check_mutations(batch, encoding, programs[count // 4000 % len(programs)])
        taken, count = taken + batch_taken, count + len(batch)
        failed += batch_failed
    print("  %d pickles, %d taken by CPython; clean but refused by it: %s" % (count, taken, dict(failed)))
    assert taken > count // 50, "CPython refused nearly all: the test compares too little"
    # What is computed is a class or not at run time only: it is denied as a computed call.
    assert all("class argument" in error for error in failed), failed


def test_mutated_bytes():
    run_mutations(mutate_bytes)


def test_mutated_opcodes():
    run_mutations(mutate_opcodes)


def test_random_programs():
    run_mutations(lambda blob, rng: make_program(rng))


def test_mutations_in_latin1():
    run_mutations(mutate_opcodes, "latin1")


def test_mutations_in_chunks():
    """Whatever is wrong with it: pieces give the same answer as the whole."""
    rng = random.Random(9)
    blobs = [blob for made in corpus().values() for blob in made if len(blob) < 1500]
    batch = [mutate_opcodes(rng.choice(blobs), rng) for _ in range(2500)] + [make_program(rng) for _ in range(2500)]
    whole = scan(batch)
    for chunk in (1, 5, 33):
        for blob, one, other in zip(batch, whole, scan(batch, "ascii", chunk)):
            assert one == other, (chunk, blob, one, other)


def main():
    if len(sys.argv) > 1:
        os.environ["SNAPJAR_SCAN"] = sys.argv[1]
    tests = [(name, test) for name, test in globals().items() if name.startswith("test_")]
    for name, test in tests:
        test()
        print("ok", name)
    print("%d passed, 0 failed" % len(tests))


if __name__ == "__main__":
    main()
