# SPDX-License-Identifier: MIT
"""Loads pickles and says where two objects differ: transcode_compare.py ORIGINALS TRANSCODED ENCODING.

Both files hold pickles, each after its size (u32, little-endian); TRANSCODED has six for each of ORIGINALS, of
protocols 0 to 5, empty where that one was refused. Only for pickles that this test suite made itself. Prints one line
of JSON for each difference, [index, protocol, what], and last how many were compared. Strict: types, values, floats to
the bit, which values are one object, the order of dicts, and the calls that the loader makes, in order.
"""
import copyreg
import io
import json
import pickle
import struct
import sys
import types

OWN = ("scan_objects", "transcode_objects")
ATOMS = (int, bool, type(None), str, bytes, complex, range, type(Ellipsis), type(NotImplemented))
BY_NAME = (type, types.FunctionType, types.BuiltinFunctionType, types.ModuleType, type(str.join))


class Different(Exception):
    pass


def float_bits(value):
    return struct.pack("<d", value)


class Comparer(object):
    """Walks over two objects at once. Whatever was seen together once must be seen together always."""

    def __init__(self):
        self.partners = {}
        self.back = {}
        self.kept = []
        self.work = []
        self.sets = []

    def meet(self, left, right, path):
        """Whether this pair is new; complains if one of them is known with another partner."""
        if id(left) in self.partners or id(right) in self.back:
            if self.partners.get(id(left)) != id(right) or self.back.get(id(right)) != id(left):
                raise Different("%s: identity" % path)
            return False
        self.partners[id(left)] = id(right)
        self.back[id(right)] = id(left)
        self.kept += [left, right]
        return True

    def run(self, left, right):
        self.work.append((left, right, "root"))
        while self.work or self.sets:
            if self.work:
                self.compare(*self.work.pop())
            else:
                self.pair(*self.sets.pop())

    def compare(self, left, right, path):
        path = path[-300:]
        if type(left) is not type(right):
            raise Different("%s: %r is not %r" % (path, type(left), type(right)))
        kind = type(left)
        if kind is float:
            if float_bits(left) != float_bits(right):
                raise Different("%s: %r is not %r" % (path, left, right))
        elif kind is complex:
            if float_bits(left.real) + float_bits(left.imag) != float_bits(right.real) + float_bits(right.imag):
                raise Different("%s: %r is not %r" % (path, left, right))
        elif kind in ATOMS or (kind is tuple and left == ()):
            if left != right:
                raise Different("%s: %.50r is not %.50r" % (path, left, right))
            # Short texts are interned or not as the loader likes; long ones only if the pickle says so.
            if kind in (str, bytes) and len(left) > 20:
                self.meet(left, right, path)
        elif kind is types.BuiltinFunctionType and not isinstance(left.__self__, types.ModuleType):
            if left.__name__ != right.__name__:
                raise Different("%s: %r is not %r" % (path, left, right))
            self.push(left.__self__, right.__self__, path + ".__self__")
        elif isinstance(left, BY_NAME):
            if left is not right:
                raise Different("%s: %r is not %r" % (path, left, right))
        elif self.meet(left, right, path):
            self.compare_parts(left, right, kind, path)

    def push(self, left, right, path):
        self.work.append((left, right, path))

    def sequence(self, left, right, path):
        if len(left) != len(right):
            raise Different("%s: %d elements are not %d" % (path, len(left), len(right)))
        for number, (one, other) in enumerate(zip(left, right)):
            self.push(one, other, "%s[%d]" % (path, number))

    def mapping(self, left, right, path):
        self.sequence(list(dict.keys(left)), list(dict.keys(right)), path + ".keys")
        self.sequence(list(dict.values(left)), list(dict.values(right)), path + ".values")

    def pair(self, left, right, path):
        """Elements of sets: paired by what they look like, for there is no order. This waits until all else is known,
        so that of those that look alike the ones that have met already are paired."""
        if len(left) != len(right):
            raise Different("%s: %d elements are not %d" % (path, len(left), len(right)))
        alike = {}
        for other in right:
            alike.setdefault(looks(other), []).append(other)
        rest = []
        for one in left:
            known = [other for other in alike.get(looks(one), ()) if self.partners.get(id(one)) == id(other)]
            if known:
                alike[looks(one)].remove(known[0])
                self.push(one, known[0], path + "{}")
            else:
                rest.append(one)
        others = [other for look in sorted(alike) for other in alike[look]]
        self.sequence(sorted(rest, key=looks), others, path + "{}")

    def compare_parts(self, left, right, kind, path):
        if isinstance(left, list):
            self.sequence(list(list.__iter__(left)), list(list.__iter__(right)), path)
        elif isinstance(left, tuple):
            self.sequence(list(tuple.__iter__(left)), list(tuple.__iter__(right)), path)
        elif isinstance(left, dict):
            self.mapping(left, right, path)
        elif isinstance(left, (set, frozenset)):
            self.sets.append((left, right, path))
        elif isinstance(left, (bytearray, memoryview)):
            if bytes(left) != bytes(right):
                raise Different("%s: bytes" % path)
        elif kind.__module__ == "numpy":
            return self.arrays(left, right, path)
        if kind in (list, tuple, dict, set, frozenset, bytearray, memoryview):
            return
        if hasattr(left, "__dict__"):
            if list(left.__dict__) != list(right.__dict__):
                raise Different("%s: fields %r are not %r" % (path, list(left.__dict__), list(right.__dict__)))
            for name in left.__dict__:
                self.push(left.__dict__[name], right.__dict__[name], "%s.%s" % (path, name))
        # Libraries keep what they have computed in slots.
        for name in copyreg._slotnames(kind) if kind.__module__ in OWN else ():
            if hasattr(left, name) != hasattr(right, name):
                raise Different("%s: slot %s" % (path, name))
            if hasattr(left, name):
                self.push(getattr(left, name), getattr(right, name), "%s.%s" % (path, name))
        if kind.__module__ not in OWN:
            self.reduced(left, right, path)

    def arrays(self, left, right, path):
        import numpy

        if isinstance(left, numpy.ndarray) and left.dtype == object and left.dtype == right.dtype:
            self.sequence(list(left.flat), list(right.flat), path)
        elif pickle.dumps(left, 2) != pickle.dumps(right, 2):
            raise Different("%s: %r is not %r" % (path, left, right))

    def reduced(self, left, right, path):
        """What a pickler sees of objects of libraries. Made anew each time, so identity says nothing here."""
        try:
            ones, others = left.__reduce_ex__(4), right.__reduce_ex__(4)
        except TypeError:
            return
        if isinstance(ones, str):
            if ones != others:
                raise Different("%s: %r is not %r" % (path, ones, others))
            return
        ones, others = [[list(part) if hasattr(part, "__next__") else part for part in it] for it in (ones, others)]
        inner = Comparer()
        # Objects that are known already stay known, and are not walked over again.
        inner.partners, inner.back = dict(self.partners), dict(self.back)
        for at, (one, other) in enumerate(zip(ones[:2], others[:2])):
            inner.push(one, other, "%s.__reduce__[%d]" % (path, at))
        while inner.work:
            inner.compare(*inner.work.pop())
        self.kept += inner.kept


def looks(value, depth=4):
    """A text that is the same for what should be paired; of two with one text either may be paired with either."""
    if depth == 0:
        return type(value).__name__
    if isinstance(value, (frozenset, set)):
        return "set" + "".join(sorted(looks(part, depth - 1) for part in value))
    if isinstance(value, (tuple, list)):
        return type(value).__name__ + "".join(looks(part, depth - 1) for part in value)
    if isinstance(value, dict):
        return "dict" + "".join(looks(key, depth - 1) + looks(part, depth - 1) for key, part in value.items())
    text = type(value).__name__
    if type(value).__module__ in OWN:
        slots = [name for name in copyreg._slotnames(type(value)) if hasattr(value, name)]
        text += "".join(name + looks(getattr(value, name), depth - 1) for name in slots)
    if hasattr(value, "__dict__") and not isinstance(value, type):
        return text + looks(value.__dict__, depth - 1)
    return text + repr(value) if isinstance(value, ATOMS + (float,)) else text


# ---- what the loader does, in order ----

# What is said in another way at another protocol.
HELPERS = {
    ("_codecs", "encode"),
    ("builtins", "bytes"),
    ("builtins", "bytearray"),
    ("builtins", "set"),
    ("builtins", "frozenset"),
    ("builtins", "getattr"),
    ("operator", "ior"),
    ("_operator", "ior"),
    ("copyreg", "__newobj__"),
    ("copyreg", "__newobj_ex__"),
}


def name_of(thing):
    return (getattr(thing, "__module__", None), getattr(thing, "__qualname__", repr(type(thing))))


class Tracer(pickle._Unpickler):
    """Notes what it does. Names of helpers are left out: they come and go with the protocol."""

    dispatch = dict(pickle._Unpickler.dispatch)

    def note(self, *what):
        self.trace.append(what)

    def find_class(self, module, name):
        found = pickle._Unpickler.find_class(self, module, name)
        # Before protocol 4, a path of names is its first one and getattr.
        top = (name_of(found)[0], name_of(found)[1].split(".")[0])
        if top not in HELPERS and top not in self.found:
            self.found.add(top)
            self.note("find", top)
        return found

    def persistent_load(self, pid):
        self.note("persistent", repr(pid))
        return Persistent(pid)

    def traced_reduce(self):
        function, arguments = self.stack[-2:]
        name = name_of(function)
        if name == ("copyreg", "__newobj__") or name == ("copyreg", "__newobj_ex__"):
            self.note("new", name_of(arguments[0]))
        elif name not in HELPERS:
            self.note("call", name)
        pickle._Unpickler.load_reduce(self)

    def traced_newobj(self):
        self.note("new", name_of(self.stack[-2]))
        pickle._Unpickler.load_newobj(self)

    def traced_newobj_ex(self):
        self.note("new", name_of(self.stack[-3]))
        pickle._Unpickler.load_newobj_ex(self)

    def traced_build(self):
        self.note("build", type(self.stack[-2]).__name__)
        pickle._Unpickler.load_build(self)

    def traced_inst(self):
        pickle._Unpickler.load_inst(self)
        self.note("instance", type(self.stack[-1]).__name__)

    def traced_obj(self):
        pickle._Unpickler.load_obj(self)
        self.note("instance", type(self.stack[-1]).__name__)

    dispatch[pickle.REDUCE[0]] = traced_reduce
    dispatch[pickle.NEWOBJ[0]] = traced_newobj
    dispatch[pickle.NEWOBJ_EX[0]] = traced_newobj_ex
    dispatch[pickle.BUILD[0]] = traced_build
    dispatch[pickle.INST[0]] = traced_inst
    dispatch[pickle.OBJ[0]] = traced_obj


class Persistent(object):
    def __init__(self, pid):
        self.pid = pid


class Loader(pickle.Unpickler):
    def persistent_load(self, pid):
        return Persistent(pid)


def more():
    return {"buffers": iter([bytearray(b"buffer%d" % i) for i in range(50)])} if sys.version_info >= (3, 8) else {}


def load(blob, encoding):
    return Loader(io.BytesIO(blob), encoding=encoding, **more()).load()


def trace(blob, encoding):
    tracer = Tracer(io.BytesIO(blob), encoding=encoding, **more())
    tracer.trace, tracer.found = [], set()
    tracer.load()
    return tracer.trace


def same_trace(before, after):
    for at, (one, other) in enumerate(zip(before, after)):
        if one != other:
            raise Different("step %d of the loader: %r is not %r" % (at, one, other))
    if len(before) != len(after):
        raise Different("%d steps of the loader are not %d" % (len(before), len(after)))


def split(path):
    data = open(path, "rb").read()
    blobs, at = [], 0
    while at < len(data):
        (size,) = struct.unpack_from("<I", data, at)
        blobs.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    return blobs


def check(original, made, encoding):
    """Original and all that was made of it, which must be equal; yields (protocol, what is wrong)."""
    before = load(original, encoding)
    traced = trace(original, encoding) if len(original) < 100000 else None
    for protocol, blob in enumerate(made):
        if not blob:
            continue
        if protocol > pickle.HIGHEST_PROTOCOL:
            continue
        try:
            Comparer().run(before, load(blob, encoding))
            if traced is not None:
                same_trace(traced, trace(blob, encoding))
        except Different as difference:
            yield protocol, str(difference)
        except Exception as error:
            yield protocol, "%s: %s" % (type(error).__name__, error)


def prepare():
    """What pickles of Python 2 and of Python 3 name, in the modules that made them."""
    import scan_objects
    import transcode_objects

    list(scan_objects.modern_objects())
    for name, code in transcode_objects.EXTENSIONS:
        copyreg.add_extension("transcode_objects", name, code)
    for name in ("Old", "OldWithArguments"):
        setattr(scan_objects, name, type(name, (object,), {"__init__": lambda self, *arguments: None,
                                                           "__module__": "scan_objects"}))
    return transcode_objects


def main():
    prepare()
    originals, made = split(sys.argv[1]), split(sys.argv[2])
    compared = 0
    sys.setrecursionlimit(20000)
    for index, original in enumerate(originals):
        group = made[6 * index : 6 * index + 6]
        try:
            for protocol, what in check(original, group, sys.argv[3]):
                print(json.dumps([index, protocol, what]))
        except Exception as error:
            print(json.dumps([index, -1, "%s: %s" % (type(error).__name__, error)]))
        compared += sum(1 for blob in group if blob)
    print(json.dumps(compared))


if __name__ == "__main__":
    main()
