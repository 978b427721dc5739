# SPDX-License-Identifier: MIT
"""Writes pickles of many kinds of objects, made by the Python that runs it (2.7 or 3.6 and later): scan_objects.py OUT.

OUT gets the pickles one after another, each after its size (u32, little-endian). Kept to what both languages have.
"""
from __future__ import print_function

import collections
import datetime
import decimal
import fractions
import functools
import random
import struct
import sys
import uuid

IS_2 = sys.version_info[0] == 2
if IS_2:
    import cPickle
    import pickle

    PICKLERS = (cPickle.dumps, pickle.dumps)
    PROTOCOLS = (0, 1, 2)
    text, number = unicode, long  # noqa: F821
else:
    import pickle

    PICKLERS = (pickle.dumps, pickle._dumps)
    PROTOCOLS = tuple(range(pickle.HIGHEST_PROTOCOL + 1))
    text, number = str, int

if IS_2:

    class Old:
        """An old-style class: INST and OBJ."""

        def __init__(self, value=0):
            self.value = value

    class OldWithArguments:
        def __init__(self, value):
            self.value = value

        def __getinitargs__(self):
            return (self.value,)


class State(object):
    def __init__(self, name):
        self.name = name
        self.parts = [name] * 2
        self.itself = self
        setattr(self, name[:1] + "_extra", {"data": 1})


class Empty(object):
    pass


class Slots(object):
    __slots__ = ("left", "right")


class SlotsAndDict(Slots):
    def __init__(self):
        self.left = 1
        self.other = {"a": [1, 2]}


class WithNewArguments(tuple):
    def __new__(cls, *arguments):
        return tuple.__new__(cls, arguments)

    def __getnewargs__(self):
        return tuple(self)


class WithKeywords(object):
    def __new__(cls, first=None, **keywords):
        return object.__new__(cls)

    def __getnewargs_ex__(self):
        return (1,), {"keyword": 2}


class Reduced(object):
    """Everything that __reduce__ may return."""

    def __init__(self, state=None, items=None, pairs=None):
        self.result = (Reduced, (state,), {"result": state}, items, pairs)

    def append(self, item):
        pass

    def extend(self, items):
        pass

    def __setitem__(self, key, value):
        pass

    def __reduce__(self):
        state, items, pairs = self.result[2:]
        return (Reduced, (1,), state, iter(items or ()), iter(pairs or ()))


class ByName(object):
    def __reduce__(self):
        return "BY_NAME"


class Custom(object):
    def __getstate__(self):
        return (1, ["two"], None)

    def __setstate__(self, state):
        pass


class Borg(object):
    shared = {"mind": 1}

    def __init__(self):
        self.__dict__ = self.shared


class DictChild(dict):
    pass


class ListChild(list):
    pass


class SetChild(set):
    pass


BY_NAME = ByName()
Point = collections.namedtuple("Point", "x y")


def modern_objects():
    """What only Python 3 has."""
    import enum
    import pathlib

    Colour = enum.Enum("Colour", "RED GREEN", module=__name__)
    Flags = enum.IntFlag("Flags", "A B C", module=__name__)
    globals().update(Colour=Colour, Flags=Flags)
    yield from_list([Colour.RED, Colour.GREEN, Flags.A | Flags.C, Flags.B])
    yield from_list([pathlib.PurePosixPath("/a/b"), pathlib.Path("c"), range(3), slice(1, 2)])
    yield from_list([datetime.timezone.utc, bytearray(b"ba"), b"\x00bytes" * 60, len, open, print])
    yield {"types": collections.ChainMap({1: 2}), "u": collections.UserDict(a=1), "o": memoryview}
    if sys.version_info >= (3, 7):
        import dataclasses

        Data = dataclasses.make_dataclass("Data", [("x", int), ("y", list)])
        Data.__module__ = __name__
        globals()["Data"] = Data
        yield [Data(i, ["y"]) for i in range(40)]


def from_list(values):
    return list(values)


def objects():
    chance = random.Random(20240229)
    shared = ["shared"]
    for value in (None, True, False, 0, -1, 255, 256, 65535, 65536, 2**31 - 1, -(2**31), 2**31, 2**64, -(2**2100)):
        yield value
    for value in (0.0, -0.0, -2.5, 1e100, 1e-7, 1.7976931348623157e308, 5e-324, 123456789.125):
        yield value
    for value in ("inf", "-inf", "nan"):
        yield float(value)
    for value in ("", "a", "line\nline\\ \x00\r\x1a", "it's \"quoted\"", "x" * 300, "y" * 5000):
        yield value
    yield text(b"\xe2\x82\xac \xc3\xa9 \xf0\x9f\x98\x80", "utf-8") if IS_2 else "\u20ac \xe9 \U0001f600"
    yield text(r"\u005c \n", "ascii") if IS_2 else "\\u005c \\n \ud800"
    for value in ((), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), [], [1, [2, [3]]], {}, {"k": 1, 2: None}, {"one": 1}):
        yield value
    yield [set(), set([1, 2]), frozenset(["f"]), [shared, shared], complex(1, 2)]
    recursive = []
    recursive.append((recursive, {"deep": recursive}))
    yield recursive
    pair = ([],)
    pair[0].append(pair)
    yield pair
    now = datetime.datetime(2024, 2, 29, 12, 30, 1, 5)
    yield [now, now.date(), now.time(), datetime.timedelta(1, 2, 3), decimal.Decimal("1.50"), fractions.Fraction(1, 3)]
    yield uuid.UUID(int=5)
    yield [collections.OrderedDict([("a", 1), ("b", [])]), collections.Counter("aab"), collections.deque([1, 2], 5)]
    yield [collections.defaultdict(list, {"a": [1]}), functools.partial(int, "7")]
    yield [len, int, dict, object, State, sys.getsizeof, collections.OrderedDict]
    yield [State("s"), State("t"), State("s"), Empty(), Point(1, "y"), WithNewArguments(1, 2)]
    yield Reduced(state={"a": 1}, items=[1, 2, 3], pairs=[("k", 1)])
    yield [Reduced(), Reduced(items=[1]), Reduced(pairs=[(1, 2), (3, 4)]), BY_NAME, Custom(), Borg(), Borg()]
    child = DictChild(a=1)
    child.extra = "x"
    yield [child, ListChild([1, 2]), SetChild([3]), {State("key"): 1}, {("tuple", 1): int}, (int, 1), (int, str)]
    yield [{"id": i, "name": "n%d" % i, "value": chance.random(), "tags": ["a", "b"][: i % 3]} for i in range(80)]
    yield list(range(-300, 700, 7))
    yield [float(i) / 7 for i in range(300)]
    yield dict(("key%d" % i, [State("t")] * 3) for i in range(40))
    yield dict((i, str(i)) for i in range(1500))
    many = [[i] for i in range(300)]
    yield many + many
    big = State("big")
    for i in range(2100):
        setattr(big, "field%d" % i, i)
    yield big
    nested = []
    for i in range(200):
        nested = [nested, {"n": i}]
    yield nested
    for seed in range(60):
        yield random_graph(random.Random(seed))
    if IS_2:
        yield [Old(), Old(3), OldWithArguments([1]), number(5), number(0), "\xe4\xf6\xfc", [Old(Old())]]
        import StringIO
        import Queue

        yield [StringIO.StringIO, Queue.Queue, KeyError("k"), xrange, unicode, long, IOError(1, "x")]  # noqa: F821
    else:
        for value in modern_objects():
            yield value
        yield [KeyError("k"), OSError(1, "x"), UnicodeDecodeError("ascii", b"x", 0, 1, "why"), ImportError("i")]


def new_objects():
    """What protocols 0 and 1 refuse."""
    left = Slots()
    left.left = {"deep": 1}
    both = SlotsAndDict()
    both.right = left
    yield [left, both, SlotsAndDict(), WithKeywords()]


def random_graph(chance):
    made = [None, 0, "s"]

    def part():
        return chance.choice(made[-12:])

    for _ in range(chance.randrange(5, 60)):
        kind = chance.randrange(12)
        if kind == 0:
            value = [part() for _ in range(chance.randrange(5))]
        elif kind == 1:
            value = tuple(part() for _ in range(chance.randrange(6)))
        elif kind == 2:
            value = dict(("k%d" % i, part()) for i in range(chance.randrange(4)))
        elif kind == 3:
            value = Empty()
            for i in range(chance.randrange(4)):
                setattr(value, "f%d" % chance.randrange(6), part())
        elif kind == 4:
            value = State("n%d" % chance.randrange(4))
            value.link = part()
        elif kind == 5:
            value = Reduced(part(), [part()] * chance.randrange(3), [("p", part())] * chance.randrange(3))
        elif kind == 6:
            value = chance.choice([int, list, State, Empty, len])
        elif kind == 7:
            value = collections.OrderedDict((str(i), part()) for i in range(chance.randrange(3)))
        elif kind == 8:
            bits, length = chance.randrange(1, 90), chance.randrange(40)
            value = chance.choice([chance.random(), chance.getrandbits(bits), "t" * length])
        elif kind == 9:
            value = collections.defaultdict(list, a=part())
        elif kind == 10:
            value = DictChild(x=part())
            value.attribute = part()
        else:
            value = Point(part(), part())
        made.append(value)
    if chance.random() < 0.5:
        made[3:4] = [[made]]
    return made


def library_objects():
    try:
        import numpy
    except ImportError:
        return
    yield [numpy.arange(5), numpy.float64(2.5), numpy.dtype("int32"), numpy.zeros((2, 3), order="F")]
    yield numpy.array([("a", 1)], dtype=[("name", "U5"), ("n", "i4")])
    yield numpy.array([None, "o", 3], dtype=object)
    yield [numpy.datetime64("2024-01-01"), numpy.bool_(True), numpy.str_("s"), numpy.array(["a", "bc"])]
    yield [numpy.random.RandomState(3), numpy.random.default_rng(3), numpy.ma.masked_array([1, 2], [0, 1])]
    yield [numpy.add, numpy.sum, numpy.float32, numpy.poly1d([1, 2]), numpy.matrix([[1]]), numpy.rec.array([(1, 2)])]


def main():
    count = 0
    with open(sys.argv[1], "wb") as out:

        def write(blob):
            out.write(struct.pack("<I", len(blob)) + blob)

        sets = ((objects(), PROTOCOLS), (new_objects(), PROTOCOLS[2:]), (library_objects(), PROTOCOLS))
        for values, protocols in sets:
            for value in values:
                for protocol in protocols:
                    for dumps in PICKLERS:
                        try:
                            blob = dumps(value, protocol)
                        except (pickle.PicklingError, TypeError, AttributeError, RuntimeError):
                            # Not all of it can be pickled in every protocol.
                            continue
                        write(blob)
                        count += 1
        if not IS_2 and pickle.HIGHEST_PROTOCOL >= 5:
            for data in (b"ab", bytearray(b"cd"), b"e" * 70000):
                write(pickle.dumps([pickle.PickleBuffer(data)] * 2, 5))
                write(pickle.dumps([pickle.PickleBuffer(data), data], 5, buffer_callback=[].append))
    print(count)


if __name__ == "__main__":
    # Classes must have a module that is not __main__, as in life.
    import scan_objects

    scan_objects.main()
