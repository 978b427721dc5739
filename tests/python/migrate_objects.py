# SPDX-License-Identifier: MIT
"""Pickles random objects under Python 2.7 (or 3) for test_migrate_cpython.py: migrate_objects.py OUT SEED COUNT.

OUT gets, for each case, two texts after their sizes (u32, little-endian): {"protocol": ..., "kinds": {name: kind}} and the pickle.
Classes of the old kind (INST and OBJ), of the new kind with and without slots, made by a function of copy_reg, made by calls with
arguments, and lists; pickled by both picklers.
"""

import json
import pickle
import random
import struct
import sys

try:
    import copy_reg
    import cPickle
except ImportError:
    import copyreg as copy_reg

    cPickle = pickle

MODULE = "app_old.models"
IS_OLD = sys.version_info[0] == 2
if not IS_OLD:
    unicode, long = str, int


def init(self, *arguments):
    self.arguments = arguments


def reduce(self):
    rest = dict(self.__dict__)
    arguments = rest.pop("arguments")
    return (type(self), arguments, rest) if rest else (type(self), arguments)


def rebuilt(made):
    """copy_reg's own function for a class with an entry in its table."""
    return copy_reg.__newobj__, (type(made),), dict(made.__dict__)


def make_class(kind, name):
    # Both Pythons want a str here.
    name = str(name)
    if kind == "classic":
        exec("class {0}: pass".format(name), globals())
        made = globals()[name]
    elif kind == "slots":
        made = type(name, (object,), {"__slots__": ("a", "b", "c")})
    elif kind == "list":
        made = type(name, (list,), {})
    elif kind == "call":
        made = type(name, (object,), {"__init__": init, "__reduce__": reduce})
    else:
        made = type(name, (object,), {})
        if kind == "registered":
            copy_reg.pickle(made, rebuilt)
    made.__module__ = MODULE
    made.kind = kind
    return made


class Maker(object):
    def __init__(self, rng, classes):
        self.rng = rng
        self.classes = classes
        self.pool = []
        self.left = 40

    def atom(self):
        return self.rng.choice([1, -5, 300, 2.0, -0.5, 1e300, "", "a", u"\u00e9", "12", u"1.5", None, True, False, long(7), 2**70])

    def value(self, depth=0):
        rng = self.rng
        self.left -= 1
        if self.pool and rng.random() < 0.25:
            return rng.choice(self.pool)
        if depth > 4 or self.left < 0 or rng.random() < 0.35:
            return self.atom()
        what = rng.choice(["list", "tuple", "dict", "set", "object", "object", "object"])
        if what == "list":
            made = []
            self.pool.append(made)
            made.extend(self.value(depth + 1) for _ in range(rng.randint(0, 3)))
        elif what == "tuple":
            made = tuple(self.value(depth + 1) for _ in range(rng.randint(0, 4)))
            self.pool.append(made)
        elif what == "dict":
            made = {}
            self.pool.append(made)
            for _ in range(rng.randint(0, 3)):
                made[rng.choice(["a", "b", u"k", 1, (1, "x")])] = self.value(depth + 1)
        elif what == "set":
            made = rng.choice([set, frozenset])([1, "x"][: rng.randint(0, 2)])
        else:
            made = self.instance(rng.choice(self.classes), depth)
        return made

    def instance(self, cls, depth):
        made = cls(*(self.value(depth + 1) for _ in range(3))) if cls.kind == "call" else cls()
        self.pool.append(made)
        if cls.kind == "list":
            made.extend(self.value(depth + 1) for _ in range(self.rng.randint(0, 2)))
        if self.rng.random() < 0.9:
            for name in "abc":
                setattr(made, name, self.value(depth + 1))
        return made


def case(rng):
    protocol = rng.randint(0, 2)
    kinds = ["classic", "classic", "dict", "registered", "list", "call"] + (["slots"] if protocol == 2 else [])
    chosen = dict(("C%d" % i, rng.choice(kinds)) for i in range(rng.randint(2, 5)))
    classes = [make_class(kind, name) for name, kind in sorted(chosen.items())]
    holder = type(sys)(MODULE)
    sys.modules[MODULE] = holder
    for made in classes:
        setattr(holder, made.__name__, made)
    maker = Maker(rng, classes)
    root = {
        "rows": [{"id": i, "v": maker.value(2)} for i in range(rng.randint(0, 3))],
        "numbers": [rng.choice([1, 2.0, "3", u"-4", 5.5, "6.5", 7]) for _ in range(rng.randint(1, 3))],
        "things": [maker.value() for _ in range(4)],
    }
    return {"protocol": protocol, "kinds": chosen}, rng.choice([pickle, cPickle]).dumps(root, protocol)


def main():
    sys.modules["app_old"] = type(sys)("app_old")
    with open(sys.argv[1], "wb") as file:
        for seed in range(int(sys.argv[2]), int(sys.argv[2]) + int(sys.argv[3])):
            for attempt in range(100):
                try:
                    told, data = case(random.Random(seed * 1000 + attempt))
                    break
                except RuntimeError:
                    # Arguments that hold what is made of them: no pickler can write that.
                    continue
            for text in (json.dumps(told).encode("ascii"), data):
                file.write(struct.pack("<I", len(text)) + text)


if __name__ == "__main__":
    main()
