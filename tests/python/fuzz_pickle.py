#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Mutation fuzzing of the scan against CPython: fuzz_pickle.py SCAN [--batches N | --seconds N] [--size N]
[--seed N] [--keep DIR] [--seeds FILE].

SCAN is the program built from tests/helpers/scan.c. Mutants of pickles that every Python found here made are scanned,
and those of which the scan has nothing bad to say are loaded by the unpicklers of all these Pythons (pickle_oracle.py:
inert classes, limits). The rule:

- Whoever takes a pickle asks for the globals that the scan lists, each as often, in the same order of first use.
- All unpicklers make the same of it: every Python 3, the C one and the one in Python.
- A pickle that the scan takes is refused only for what values are, not for what opcodes do.

What breaks the rule is printed, and written to DIR. FILE keeps the ordinary pickles, and what grew out of them, from
run to run. Of the mutants that are not clean every tenth is loaded as well, only to count how many CPython takes. A
batch is of so many mutants.
"""

import argparse
import collections
import hashlib
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import pickle_mutations  # noqa: E402
import test_scan_cpython as base  # noqa: E402
from pythons import find_pythons  # noqa: E402

SEEDS_MAX = 6000
ENCODINGS = ("ascii", "ascii", "latin1", "bytes")

# Why an unpickler may refuse what the scan takes: what values are, which the scan does not follow.
OF_VALUES = (
    "unhashable type",
    "MemoryError",
    "RecursionError",
    "maximum recursion",
    "unregistered extension code",
    "not enough out-of-band buffers",
    "keywords must be strings",
    "cannot be interpreted as an integer",
    "unsupported pickle protocol: 5",  # by 3.6 and 3.7
    "unsupported pickle protocol",  # by 2.7
    "invalid load key",  # by 2.7, of opcodes of later protocols
)


class Finding(Exception):
    pass


def ask(program, path, count, encoding):
    """The lines of the oracle; None for a pickle of which it died."""
    environment = {"PYTHONHASHSEED": "0", "PATH": os.environ.get("PATH", "")}
    answers = []
    while len(answers) < count:
        command = [program, "-E", "-s", "-B", str(HERE / "pickle_oracle.py"), path, str(len(answers)), encoding]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment)
        answers += [json.loads(line) for line in done.stdout.decode("utf-8", "surrogatepass").splitlines()]
        if len(answers) < count:
            answers.append(None)
    return answers


def is_of_values(error):
    return any(text in error for text in OF_VALUES)


def is_vague(ours):
    """What is computed is a class or not at run time only: it is denied, as a computed call or as a call of getattr."""
    getattr_calls = (found for found in ours["globals"] if found["mapped"][1] == "getattr" and "call" in found)
    return "computed" in ours or any(getattr_calls)


def compare(ours, name, answers, made):
    """Raises Finding. `made` keeps what the others made of it."""
    bag, order = base.names_of(ours)
    has_extension = any(found["code"] for found in ours["globals"])
    errors = [error for _, error, _ in answers]
    for which, (asked, error, digest) in zip(("C", "Python"), answers):
        if error is None and not has_extension and (bag, order) != base.bag_of(asked):
            raise Finding("%s, %s: asked for %s" % (name, which, asked))
        if error is None and digest:
            made.setdefault(digest, "%s, %s" % (name, which))
            if len(made) > 1:
                raise Finding("made differently: %s" % made)
        if error is not None and not is_of_values(error):
            if not is_vague(ours) and not name.startswith("2."):
                raise Finding("%s, %s: refused: %s" % (name, which, error))
    if errors[0] != errors[-1] and None in errors and not any(map(is_of_values, filter(None, errors))):
        if not is_vague(ours):
            raise Finding("%s: one of two takes it: %s" % (name, errors))


class Fuzzer:
    def __init__(self, seed, keep, seeds):
        self.rng = random.Random(seed)
        self.keep = keep
        self.counts = collections.Counter()
        self.pythons = self.find_pythons()
        blobs = self.ordinary_pickles(seeds)
        self.seeds = [pieces for pieces in map(pickle_mutations.split, blobs) if 2 < len(pieces) < 400]

    def ordinary_pickles(self, path):
        if path and path.exists():
            return base.split_blobs(path.read_bytes())
        blobs = sorted({blob for made in base.corpus().values() for blob in made if len(blob) < 2500})
        if path:
            with path.open("wb") as file:
                base.write_blobs(file, blobs)
        return blobs

    def keep_seeds(self, path):
        with path.open("wb") as file:
            base.write_blobs(file, [b"".join(pieces) for pieces in self.seeds])

    def find_pythons(self):
        """One program for each version."""
        found = {}
        for _, program in find_pythons():
            command = [program, "-c", "import sys; print('%d.%d.%d' % sys.version_info[:3])"]
            version = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout.decode().strip()
            found.setdefault(version, program)
        return found

    def mutant(self):
        rng = self.rng
        kind = rng.randrange(20)
        if kind < 5:
            return pickle_mutations.make_right_program(rng)
        if kind == 5:
            return pickle_mutations.make_program(rng)
        pieces = rng.choice(self.seeds)
        if kind < 10:
            pieces = pickle_mutations.split(pickle_mutations.make_right_program(rng)) or pieces
        if kind == 10:
            return pickle_mutations.mutate_bytes(b"".join(pieces), rng)
        return pickle_mutations.mutate_opcodes(pieces, rng, rng.choice(self.seeds))

    def grow(self, clean):
        """What is clean is changed again later: some of it takes the place of other seeds."""
        for blob in self.rng.sample(sorted(clean), min(len(clean), 100)):
            pieces = pickle_mutations.split(blob)
            if not 2 < len(pieces) < 200:
                continue
            if len(self.seeds) < SEEDS_MAX:
                self.seeds.append(pieces)
            else:
                self.seeds[self.rng.randrange(len(self.seeds))] = pieces

    def batch(self, size):
        encoding = self.rng.choice(ENCODINGS)
        blobs = list({self.mutant() for _ in range(size)})
        scanned = base.scan(blobs, encoding)
        clean = [(blob, ours) for blob, ours in zip(blobs, scanned) if base.is_clean(ours)]
        dirty = [(blob, ours) for blob, ours in zip(blobs, scanned) if not base.is_clean(ours)]
        self.grow([blob for blob, _ in clean])
        self.counts["mutants"] += len(blobs)
        self.counts["clean"] += len(clean)
        # The order of a set of bytes differs from run to run.
        self.load(sorted(clean, key=lambda pair: pair[0]), encoding)
        self.look(self.rng.sample(sorted(dirty, key=lambda pair: pair[0]), len(dirty) // 10), encoding)

    def load(self, pairs, encoding):
        made = [{} for _ in pairs]
        with tempfile.NamedTemporaryFile() as file:
            base.write_blobs(file, [blob for blob, _ in pairs])
            for name, program in self.pythons.items():
                for i, answers in enumerate(ask(program, file.name, len(pairs), encoding)):
                    if answers is None:
                        self.counts["died"] += 1
                        continue
                    self.counts["loads"] += len(answers)
                    self.counts["taken"] += sum(error is None for _, error, _ in answers)
                    self.check(pairs[i], name, answers, made[i], encoding)

    def check(self, pair, name, answers, made, encoding):
        try:
            compare(pair[1], name, answers, made)
        except Finding as finding:
            self.counts["findings"] += 1
            print("FINDING (%s): %s\n  %r\n  %s" % (encoding, finding, pair[0], json.dumps(pair[1])), flush=True)
            if self.keep:
                self.keep.mkdir(parents=True, exist_ok=True)
                (self.keep / hashlib.sha1(pair[0]).hexdigest()).write_bytes(pair[0])

    def look(self, pairs, encoding):
        """How many of those that the scan does not take does CPython take?"""
        with tempfile.NamedTemporaryFile() as file:
            base.write_blobs(file, [blob for blob, _ in pairs])
            name = self.rng.choice(sorted(name for name in self.pythons if not name.startswith("2.")))
            for (_, ours), answers in zip(pairs, ask(self.pythons[name], file.name, len(pairs), encoding)):
                if answers is not None:
                    self.counts["loads"] += len(answers)
                    self.counts["not clean"] += 1
                    if answers[0][1] is None:
                        self.counts["not clean, taken"] += 1
                        why = ours["findings"][0][0] if ours["findings"] else ours["diagnostic"]
                        self.counts["  " + why] += 1


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("scan")
    parser.add_argument("--batches", type=int, default=4)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--size", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=20240301)
    parser.add_argument("--keep", type=pathlib.Path)
    parser.add_argument("--seeds", type=pathlib.Path)
    options = parser.parse_args()
    os.environ["SNAPJAR_SCAN"] = options.scan
    fuzzer = Fuzzer(options.seed, options.keep, options.seeds)
    start = time.monotonic()
    print("Pythons: %s; %d seeds" % (" ".join(fuzzer.pythons), len(fuzzer.seeds)), flush=True)
    count = 0
    while count == 0 or (
        count < options.batches if options.seconds is None else time.monotonic() - start < options.seconds
    ):
        fuzzer.batch(options.size)
        count += 1
    if options.seeds:
        fuzzer.keep_seeds(options.seeds)
    for name, number in sorted(fuzzer.counts.items()):
        print("%9d %s" % (number, name))
    print("%d seconds" % (time.monotonic() - start))
    failed = fuzzer.counts["findings"]
    if fuzzer.counts["taken"] * 50 < fuzzer.counts["mutants"]:
        print("the unpicklers took next to nothing: this compares too little")
        failed += 1
    print("%d passed, %d failed" % (count, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
