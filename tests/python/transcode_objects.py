# SPDX-License-Identifier: MIT
"""Writes pickles of objects that are hard to write again: transcode_objects.py OUT [COUNT]. Python 3.6 and later.

OUT gets the pickles one after another, each after its size (u32, little-endian): what is listed here, and COUNT random
graphs with shared references and cycles through everything that can hold one.
"""
import collections
import copyreg
import datetime
import decimal
import enum
import fractions
import io
import math
import pickle
import random
import struct
import sys
import uuid

PROTOCOLS = tuple(range(pickle.HIGHEST_PROTOCOL + 1))


class Plain:
    pass


class Slotted:
    __slots__ = ("left", "right", "__weakref__")


class SlottedMore(Slotted):
    __slots__ = ("__dict__", "third")


class Stated:
    """A state that is no dict."""

    def __getstate__(self):
        return [self.__dict__.get("a"), self.__dict__.get("b")]

    def __setstate__(self, state):
        self.a, self.b = state


class Full:
    """All that __reduce__ may give: function, arguments, state, items, pairs, and from 3.8 on a setter."""

    def __init__(self, name):
        self.name = name
        self.items = []
        self.pairs = []

    def append(self, item):
        self.items.append(item)

    def extend(self, items):
        self.items.extend(items)

    def __setitem__(self, key, value):
        self.pairs.append((key, value))

    def __reduce__(self):
        rest = {name: value for name, value in self.__dict__.items() if name not in ("name", "items", "pairs")}
        parts = (Full, (self.name,), rest or None, iter(self.items), iter(self.pairs))
        return parts + (set_full,) if sys.version_info >= (3, 8) and rest and self.name == "set" else parts


def set_full(full, state):
    full.__dict__.update(state)


class Keyworded:
    def __new__(cls, *arguments, **keywords):
        made = object.__new__(cls)
        made.arguments, made.keywords = list(arguments), keywords
        return made

    def __getnewargs_ex__(self):
        return tuple(self.arguments), self.keywords


class Argued:
    def __new__(cls, *arguments):
        made = object.__new__(cls)
        made.arguments = arguments
        return made

    def __getnewargs__(self):
        return self.arguments


class Holder:
    """Calls with its contents: cannot be there before them."""

    def __init__(self, contents):
        self.contents = contents

    def __reduce__(self):
        return Holder, (self.contents,)


class Registered:
    def __init__(self, value):
        self.value = value


copyreg.pickle(Registered, lambda it: (Registered, (it.value,)))


class Named:
    class Inner:
        class Deep:
            pass


class Point(collections.namedtuple("Point", "x y")):
    pass


class MyInt(int):
    pass


class MyStr(str):
    pass


class MyFloat(float):
    pass


class MyBytes(bytes):
    pass


class MyTuple(tuple):
    pass


class MyList(list):
    pass


class MyDict(dict):
    pass


class MySet(set):
    pass


class MyFrozenset(frozenset):
    pass


class Coded:
    pass


class CodedMore:
    pass


class CodedMost:
    pass


EXTENSIONS = (("Coded", 240), ("CodedMore", 1000), ("CodedMost", 100000))


class Colour(enum.Enum):
    RED = 1
    GREEN = "green"


class Flags(enum.IntFlag):
    A = 1
    B = 2


def floats():
    edges = [0.0, -0.0, 1.0, -1.5, 0.1, 1e16, 1e15, 123456789012345678.0, 1e-4, 1e-5, 5e-324, 2.2250738585072014e-308]
    edges += [2.225073858507201e-308, 1.7976931348623157e308, float("inf"), float("-inf"), 9007199254740993.0, 2.0**-1074]
    edges += [struct.unpack("<d", struct.pack("<Q", bits))[0] for bits in (0x7FF8 << 48, 0xFFF8 << 48, 1, 0x8000000000000001)]
    edges += [struct.unpack("<d", struct.pack("<Q", bits))[0] for bits in (0x7FF8000000000123, 0x7FF4 << 48)]
    return edges


def ints():
    edges = [0, 1, -1, 127, 128, 255, 256, 65535, 65536, -128, -129, -32768, -65536]
    for bits in (31, 32, 63, 64, 255 * 8, 255 * 8 - 1, 2000, 14000):
        edges += [2**bits, -(2**bits), 2**bits - 1, -(2**bits) - 1, 2**bits + 1]
    return edges


def texts():
    return [
        "", "a", "\0", "\\", "\\u0041", "\n\r\x1a\t'\"", "\x7f\x80\xff", "\u0100\uffff", "\U00010000\U0010ffff", "\ud800",
        "\udfff\ud800", "\ud83d\ude00", "x" * 255, "y" * 256, "z" * 70000, "\xe9" * 300, "\u20ac" * 30000, "\\\n" * 40000,
    ]


def blobs():
    return [b"", b"a", bytes(range(256)), b"\n\r\\'", b"x" * 255, b"x" * 256, b"\xff" * 70000, b"ascii only"]


def literals():
    yield floats()
    yield ints()
    yield texts()
    yield blobs()
    yield [bytearray(blob) for blob in blobs()]
    for value in floats() + ints() + texts() + blobs():
        yield value
    yield [None, True, False, Ellipsis, NotImplemented, int, type(None), type(...)]
    yield [-(10**4299), 10**4299, 10**4000 + 7]
    yield 10**4400


def recursions():
    one = []
    one.append(one)
    yield one
    two = {}
    two["itself"] = two
    yield two
    three = ([], {})
    three[0].append(three)
    three[1]["t"] = three
    yield three
    four = Plain()
    four.me = four
    four.more = (four, [four])
    yield four
    five = MyList()
    five.append(five)
    five.attribute = (five,)
    yield five
    six = MyDict()
    six["me"] = six
    six.attribute = [six]
    yield six
    seven = Plain()
    seven.set = {seven}
    yield seven
    eight = Plain()
    eight.set = {eight, 1}
    yield eight.set
    nine = Plain()
    nine.frozen = frozenset([nine, 2])
    yield nine
    yield nine.frozen
    for size in (1, 2, 3, 4, 5):
        parts = tuple([] for _ in range(size))
        for part in parts:
            part.append(parts)
        yield parts
        yield parts[-1]
        values = (1, "text", 2.5, Plain(), b"b")[:size]
        inner = []
        mixed = (inner,) + values
        inner.append(mixed)
        yield mixed
        yield values + (inner, mixed)
    holder = Holder([])
    holder.contents.append(holder)
    yield holder
    yield holder.contents
    yield [holder.contents, holder]
    yield {"k": holder}
    for kind in (MySet, MyFrozenset, MyTuple):
        outer = Plain()
        outer.it = kind([outer])
        yield outer
        yield outer.it
        yield [outer.it, outer]
    outer = Slotted()
    outer.left, outer.right = outer, (outer, [outer])
    yield outer
    queue = collections.deque()
    queue.append(queue)
    yield queue
    ordered = collections.OrderedDict()
    ordered["me"] = ordered
    yield ordered
    stated = Stated()
    stated.a, stated.b = [stated], (stated,)
    yield stated
    full = Full("set")
    full.me = full
    full.items.append(full)
    full.pairs.append(("k", (full,)))
    yield [full, full]
    keyed = Plain()
    keyed.table = {keyed: [keyed]}
    yield keyed.table
    argued = Argued([])
    argued.arguments[0].append(argued)
    yield argued
    yield argued.arguments
    keyworded = Keyworded([], k={})
    keyworded.keywords["k"]["me"] = keyworded
    keyworded.arguments[0].append(keyworded)
    yield keyworded
    deep = []
    for _ in range(300):
        deep = [deep, (deep,), {"d": deep}]
    yield deep


def objects():
    yield [Named.Inner(), Named.Inner.Deep(), Named.Inner.Deep, Named.Inner, "".join, dict.fromkeys, [].append]
    yield Named.Inner
    yield [Plain(), Plain(), Slotted(), SlottedMore(), Registered([1]), Registered("two"), Holder(Plain())]
    more = SlottedMore()
    more.left, more.third, more.extra = [more], {"t": 1}, b"extra"
    yield [more, more]
    full = Full("set")
    full.state, full.items, full.pairs = {"s": 1}, list(range(2500)), [(i, [i]) for i in range(1500)]
    yield full
    plain = Full("plain")
    plain.items.append(1)
    plain.pairs.append(("one", 1))
    yield [plain, Full("none"), Full("set")]
    yield [Keyworded(), Keyworded(1, [2]), Keyworded(1, a=2, b=[3]), Argued(), Argued(1), Argued(1, 2, [3], {4: 5})]
    yield [Point(1, [2]), MyInt(5), MyInt(2**70), MyStr("s"), MyFloat(-0.0), MyBytes(b"b"), MyTuple((1, 2))]
    yield [MyList([1, [2]]), MyDict(a=MyDict()), MySet([1, 2]), MyFrozenset("ab")]
    yield [Colour.RED, Colour.GREEN, Flags.A, Flags.A | Flags.B, Colour.RED]
    yield [set(), frozenset(), {1, "a", None, (1, 2)}, frozenset([frozenset(["deep"])]), set(range(3000))]
    shared = [Plain(), frozenset([5]), b"shared bytes shared bytes", bytearray(b"ba"), "shared text shared text", {9}]
    yield [shared, shared, list(shared), tuple(shared), dict(enumerate(shared))]
    people = [Plain() for _ in range(1200)]
    yield set(people)
    yield {person: person for person in people[:30]}
    yield frozenset(people[:1100])
    now = datetime.datetime(2024, 2, 29, 1, 2, 3, 4, datetime.timezone(datetime.timedelta(hours=2), "zone"))
    yield [now, now.date(), now.timetz(), datetime.timedelta(-1, 2, 3), decimal.Decimal("-1.50E+9"), decimal.Decimal("NaN")]
    yield [fractions.Fraction(-1, 3), uuid.UUID(int=7), complex(-0.0, float("nan")), range(1, 9, 2), slice(None, 2)]
    yield [collections.OrderedDict((str(i), i) for i in range(1100)), collections.Counter("mississippi")]
    yield [collections.deque(range(1100), 2000), collections.defaultdict(list, a=[1]), collections.ChainMap({}, {1: 2})]
    yield [KeyError("k"), OSError(2, "x"), BlockingIOError(11, "b"), FileNotFoundError(2, "f"), ModuleNotFoundError("m")]
    yield [OSError, BlockingIOError, FileNotFoundError, ModuleNotFoundError, StopAsyncIteration, Exception, map, filter, zip]
    yield [io.BytesIO(b"bytes").getvalue, len, math.sin, print, list(range(2500)), dict.fromkeys(range(2500))]
    yield list("abc" * 1000)
    yield {i: [i] for i in range(2001)}
    try:
        import dataclasses
        import pathlib

        yield [pathlib.PurePosixPath("a/b"), pathlib.PurePosixPath("/")]
        yield [dataclasses.field]
    except ImportError:
        pass


def library_objects():
    try:
        import numpy
    except ImportError:
        return
    base = numpy.arange(6).reshape(2, 3)
    yield [base, base, base.T, base[:, 1], numpy.zeros(0), numpy.array(5), numpy.float32(2.5), numpy.int64(-1)]
    yield [numpy.array([Plain, None, [1]], dtype=object), numpy.array(["a", "\u20ac"]), numpy.array([b"x", b"yy"])]
    yield [numpy.dtype([("a", "<i4"), ("b", "U3")]), numpy.random.RandomState(7), numpy.arange(20000) * 1.5]
    own = numpy.empty(2, dtype=object)
    own[0], own[1] = own, [own]
    yield own


class Graph:
    """A random graph: makes things, then ties some of them together."""

    def __init__(self, seed):
        self.chance = random.Random(seed)
        self.made = [None, 1, "text"]
        for _ in range(self.chance.randrange(3, 45)):
            self.made.append(self.make())
        for _ in range(self.chance.randrange(0, 12)):
            self.tie()

    def part(self):
        reach = self.chance.choice((3, 8, len(self.made)))
        return self.chance.choice(self.made[-reach:])

    def parts(self, most=5):
        return [self.part() for _ in range(self.chance.randrange(most))]

    def literal(self):
        chance = self.chance
        kind = chance.randrange(8)
        if kind == 0:
            return chance.choice(floats()[:-2])
        if kind == 1:
            return struct.unpack("<d", struct.pack("<Q", chance.getrandbits(64) & ~(1 << 62)))[0]
        if kind == 2:
            return chance.choice((-1, 1)) * chance.getrandbits(chance.choice((3, 8, 31, 32, 64, 300)))
        if kind == 3:
            return chance.choice(texts()[:13])
        if kind == 4:
            return "".join(chr(chance.choice((chance.randrange(128), chance.randrange(0x110000)))) for _ in range(5))
        if kind == 5:
            return chance.choice(blobs()[:6])
        if kind == 6:
            return bytearray(chance.choice(blobs()[:6]))
        return chance.choice((None, True, False, int, Plain, len, Colour.RED))

    def hashable(self):
        for _ in range(5):
            part = self.part()
            try:
                hash(part)
                return part
            except TypeError:
                continue
        return self.chance.randrange(100)

    def make(self):
        chance = self.chance
        kind = chance.randrange(26)
        if kind < 5:
            return self.literal()
        if kind < 8:
            return self.parts()
        if kind < 11:
            return tuple(self.parts(6))
        if kind < 13:
            return {chance.choice(("a", "b", i, self.hashable())): self.part() for i in range(chance.randrange(5))}
        if kind == 13:
            return {self.hashable() for _ in range(chance.randrange(4))}
        if kind == 14:
            return frozenset(self.hashable() for _ in range(chance.randrange(4)))
        if kind < 18:
            made = chance.choice((Plain, Plain, Slotted, SlottedMore, Stated))()
            if isinstance(made, Slotted):
                made.left = self.part()
            else:
                made.a, made.b = self.part(), self.part()
            return made
        if kind == 18:
            made = Full(chance.choice(("set", "name")))
            made.items, made.pairs = self.parts(3), [(i, self.part()) for i in range(chance.randrange(3))]
            made.extra = self.part()
            return made
        if kind == 19:
            return Keyworded(*self.parts(3), **{"k%d" % i: self.part() for i in range(chance.randrange(3))})
        if kind == 20:
            return Argued(*self.parts(5))
        if kind == 21:
            return chance.choice((Holder, Registered))(self.part())
        if kind == 22:
            made = chance.choice((MyList, MyTuple, collections.deque))(self.parts())
            if not isinstance(made, collections.deque):
                made.attribute = self.part()
            return made
        if kind == 23:
            made = chance.choice((MyDict, collections.OrderedDict))((str(i), self.part()) for i in range(3))
            return made
        if kind == 24:
            return chance.choice((MySet, MyFrozenset))([self.hashable(), 5])
        return Point(self.part(), self.part())

    def tie(self):
        """A later thing goes into an earlier one, which makes cycles."""
        holder = self.chance.choice(self.made)
        part = self.part()
        if isinstance(holder, (list, collections.deque)):
            holder.append(part)
        elif isinstance(holder, dict):
            holder["tied"] = part
        elif isinstance(holder, (Plain, MyTuple)):
            holder.tied = part
        elif isinstance(holder, Slotted):
            holder.right = part
        elif isinstance(holder, Full):
            holder.extra = part


def pickles(values, dumpers):
    for value in values:
        for protocol in PROTOCOLS:
            for dumps in dumpers:
                try:
                    yield dumps(value, protocol)
                except (pickle.PicklingError, TypeError, AttributeError, RecursionError, ValueError):
                    # Not all of it can be pickled in every protocol.
                    continue


class Persisting(pickle._Pickler):
    def persistent_id(self, thing):
        return thing.pid if type(thing) is Ticket else None


class Ticket:
    def __init__(self, pid):
        self.pid = pid


def persistent():
    tickets = [Ticket("one"), Ticket("two words"), Ticket("one")]
    loop = []
    values = [tickets, (tickets[0], loop), [loop, (tickets[1], tickets[1])]]
    loop.append(values[1])
    for value in values:
        for protocol in PROTOCOLS:
            out = io.BytesIO()
            Persisting(out, protocol).dump(value)
            yield out.getvalue()
    for protocol in PROTOCOLS[1:]:
        out = io.BytesIO()
        Persisting(out, protocol).dump([Ticket(5), Ticket(("a", 1)), Ticket("line\n"), Ticket("\u20ac")])
        yield out.getvalue()


def extended():
    for name, code in EXTENSIONS:
        copyreg.add_extension("transcode_objects", name, code)
    value = [Coded(), CodedMore(), CodedMost(), Coded()]
    for protocol in PROTOCOLS[2:]:
        yield pickle.dumps(value, protocol)

def buffers():
    if pickle.HIGHEST_PROTOCOL < 5:
        return
    for data in (b"ab", bytearray(b"cd"), b"e" * 70000):
        yield pickle.dumps([pickle.PickleBuffer(data)] * 2, 5)
        yield pickle.dumps([pickle.PickleBuffer(data), data], 5, buffer_callback=[].append)


def all_pickles(count):
    both = (pickle.dumps, pickle._dumps)
    for source in (
        pickles(literals(), (pickle.dumps,)),
        pickles(recursions(), both),
        pickles(objects(), both),
        pickles(library_objects(), both[:1]),
        persistent(),
        extended(),
        buffers(),
        pickles((Graph(seed).made for seed in range(count)), both[:1]),
    ):
        for blob in source:
            yield blob


def main():
    sys.setrecursionlimit(3000)
    with open(sys.argv[1], "wb") as out:
        for blob in all_pickles(int(sys.argv[2]) if len(sys.argv) > 2 else 250):
            out.write(struct.pack("<I", len(blob)) + blob)


if __name__ == "__main__":
    # Classes must have a module that is not __main__, as in life.
    import transcode_objects

    transcode_objects.main()
