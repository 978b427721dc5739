# SPDX-License-Identifier: MIT
"""What this Python makes of pickles that nobody should load: pickle_oracle.py BLOBS START ENCODING.

Runs under any Python from 2.7 on, alone (`python -I`). BLOBS holds pickles, each after its size (u32, little-endian);
those before START are passed over. One JSON line each on stdout, for the C unpickler and for the one in Python:
[[names, error, digest], [names, error, digest]]. `names` is what find_class was asked for, in order; `digest` tells
what was made, with what was done to it and which parts are the same object. Python 2.7 has the C one only.

Nothing is imported for a pickle: find_class hands out inert classes whatever it is asked for. Memory and time are
limited; what dies of it leaves no line.
"""
import hashlib
import io
import json
import resource
import signal
import struct
import sys

IS_2 = sys.version_info[0] == 2
if IS_2:
    import cPickle
else:
    import _pickle
    import pickle

MEMORY_MAX = 1 << 30
SECONDS_PER_PICKLE = 10


class Log(object):
    """What was done to an inert object."""

    def __new__(cls, *args, **keywords):
        made = object.__new__(cls)
        object.__setattr__(made, "log", [("new", args, keywords)])
        return made

    def __init__(self, *args, **keywords):
        self.log.append(("init", args, keywords))

    def __setstate__(self, state):
        self.log.append(("state", state))

    def __setitem__(self, key, value):
        self.log.append(("item", key, value))

    def append(self, item):
        self.log.append(("element", item))

    def extend(self, items):
        for item in items:
            self.append(item)

    def __call__(self, *args, **keywords):
        return Log("called", self, *args, **keywords)

    def __hash__(self):
        return 1

    def __eq__(self, other):
        return self is other


def inert_getattr(classes):
    """Stands for getattr: called, it gives one more inert class for an attribute of one."""

    class Calls(type):
        def __call__(cls, *args):
            asked = getattr(args[0], "asked", None) if len(args) == 2 and isinstance(args[0], type) else None
            if asked and type(args[1]) is str:
                return classes.setdefault((asked, args[1]), inert_class(asked, args[1]))
            return Log("attribute", *args)

    return Calls("GetAttr", (Log,), {"asked": ("builtins", "getattr")})


def inert_class(module, name):
    return type("Inert", (Log,), {"asked": (module, name)})


def digest_of(root):
    """Walks without recursion; an object met again is named by the number of the first meeting."""
    out, numbers, keep, todo = hashlib.sha1(), {}, [], [root]

    def put(*parts):
        for part in parts:
            out.update(part if isinstance(part, bytes) else str(part).encode("utf-8", "surrogatepass"))
            out.update(b"\0")

    while todo:
        value = todo.pop()
        kind = type(value)
        if value is None or kind in (bool, int, str, bytes, bytearray, memoryview):
            put(kind.__name__, hex(value) if kind is int else bytes(value) if kind is memoryview else value)
            continue
        if kind is float:
            put("float", struct.pack(">d", value) if value == value else b"nan")
            continue
        if kind in (tuple, frozenset) and not value:
            # Whether all empty ones are the same object differs from Python to Python.
            put(kind.__name__, 0)
            continue
        if id(value) in numbers:
            put("again", numbers[id(value)])
            continue
        numbers[id(value)] = len(numbers)
        keep.append(value)
        if kind in (list, tuple):
            put(kind.__name__, len(value))
            todo.extend(reversed(value))
        elif kind is dict:
            put("dict", len(value))
            for key in reversed(list(value)):
                todo += [value[key], key]
        elif kind in (set, frozenset):
            # The order of a set differs from Python to Python.
            put(kind.__name__, *sorted("%s %r" % (type(v).__name__, v if type(v) in (int, str, bytes) else 0) for v in value))
        elif isinstance(value, Log):
            put("instance", getattr(kind, "asked", "called"), len(value.log))
            put("attributes", *sorted(map(repr, set(vars(value)) - {"log"})))
            todo.extend(vars(value)[name] for name in sorted(set(vars(value)) - {"log"}, key=repr))
            todo.extend(reversed(value.log))
        elif isinstance(value, type) and issubclass(value, Log):
            put("class", getattr(value, "asked", "none"))
        else:
            put("other", kind.__name__)
    return out.hexdigest()


def make_loaders():
    if IS_2:
        return [load_with_2]
    return [make_loader(_pickle.Unpickler), make_loader(pickle._Unpickler)]


def make_loader(base):
    class Asker(base):
        def find_class(self, module, name):
            self.asked.append((module, name))
            # The same global is the same object, as in life.
            if (module, name) not in self.classes:
                is_getattr = module in ("builtins", "__builtin__") and name == "getattr"
                made = inert_getattr(self.classes) if is_getattr else inert_class(module, name)
                self.classes[(module, name)] = made
            return self.classes[(module, name)]

        def persistent_load(self, pid):
            return Log("persistent", pid)

    more = {"buffers": True} if sys.version_info >= (3, 8) else {}

    def load(blob, encoding):
        if more:
            more["buffers"] = iter([b"buffer"] * 1000)
        unpickler = Asker(io.BytesIO(blob), encoding=encoding, **more)
        unpickler.asked, unpickler.classes = [], {}
        return unpickler.asked, unpickler.load

    return load


def load_with_2(blob, encoding):
    unpickler = cPickle.Unpickler(io.BytesIO(blob))
    asked = []

    def find(module, name):
        asked.append((module.decode("latin-1"), name.decode("latin-1")))
        return inert_class(module, name)

    unpickler.find_global = find
    unpickler.persistent_load = lambda pid: Log("persistent", pid)
    return asked, unpickler.load


def judge(load, blob, encoding):
    asked, error, digest = [], None, None
    try:
        asked, run = load(blob, encoding)
        made = run()
        digest = "" if IS_2 else digest_of(made)
    except BaseException as reason:
        if isinstance(reason, (KeyboardInterrupt, SystemExit)):
            raise
        error = "%s: %s" % (type(reason).__name__, str(reason)[:200])
    return [asked, error, digest]


def main():
    path, start, encoding = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX, MEMORY_MAX))
    resource.setrlimit(resource.RLIMIT_CPU, (120, 120))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.setrecursionlimit(400)
    with open(path, "rb") as file:
        blobs = file.read()
    loaders = make_loaders()
    at, index = 0, 0
    while at < len(blobs):
        (size,) = struct.unpack_from("<I", blobs, at)
        if index >= start:
            signal.alarm(SECONDS_PER_PICKLE)
            answers = [judge(load, blobs[at + 4 : at + 4 + size], encoding) for load in loaders]
            signal.alarm(0)
            sys.stdout.write(json.dumps(answers) + "\n")
            sys.stdout.flush()
        at += 4 + size
        index += 1


if __name__ == "__main__":
    main()
