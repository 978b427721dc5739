#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Migration steps against CPython itself: what comes out of a migrated pickle is what Python makes of the old object.

$SNAPJAR_MIGRATE is the program built from tests/helpers/migrate.c. Random objects of random classes are pickled at each
protocol, and random steps are applied to the pickles. The same steps, written down here a second time, are applied to a
picture of the loaded old object: what each value is, what it holds, and which are one. That must be the picture of what
the unpickler makes of the new pickle with the new classes. $SNAPJAR_MIGRATE_CASES is how many (default 400, or 5000 with
SNAPJAR_TEST_FULL), and $SNAPJAR_MIGRATE_SEED where the seeds begin. Half as many come from Python 2.7, if $SNAPJAR_PYTHONS or pyenv has one:
migrate_objects.py makes them.
"""

import collections
import datetime
import enum
import glob
import io
import json
import os
import pickle
import random
import struct
import subprocess
import sys
import tempfile

HELPER = os.environ.get("SNAPJAR_MIGRATE")
CASES = int(os.environ.get("SNAPJAR_MIGRATE_CASES", "5000" if os.environ.get("SNAPJAR_TEST_FULL") else "400"))
SEED = int(os.environ.get("SNAPJAR_MIGRATE_SEED", "1"))
OLD = "app_old.models"

# A refusal that is right, by a word of its message; any other is a failure of the test.
RIGHT_REFUSALS = ("step-unfaithful", "step-value", "step-field-missing", "step-field-present", "step-touches-nothing")


# ---- classes: made on demand, of the kind that the case says ----


def make_class(kind, module, name, fields):
    if kind == "dict":
        made = type(name, (object,), {})
    elif kind == "slots":
        made = type(name, (object,), {"__slots__": tuple(fields)})
    elif kind == "both":
        base = type(name + "Base", (object,), {"__slots__": tuple(fields)})
        made = type(name, (base,), {})
    elif kind == "list":
        made = type(name, (list,), {})
    elif kind == "tuple":
        made = collections.namedtuple(name, fields)
    elif kind in ("by_value", "by_name"):
        made = enum.Enum(name, list(fields), module=module)
        made.__reduce_ex__ = (
            (lambda self, protocol: (type(self), (self._value_,)))
            if kind == "by_value"
            else (lambda self, protocol: (getattr, (type(self), self._name_)))
        )
    elif kind == "values":
        # The state is a list, as that of frozen dataclasses with slots.
        def set_state(self, state):
            for field, value in zip(fields, state, strict=True):
                setattr(self, field, value)

        made = type(name, (object,), {"__slots__": tuple(fields), "__setstate__": set_state})
    elif kind == "strict":
        def init_strict(self, *arguments):
            raise AssertionError("called")

        made = type(name, (object,), {"__init__": init_strict})
    elif kind == "new":
        def new(cls, *arguments):
            self = object.__new__(cls)
            self.arguments = arguments
            return self

        made = type(name, (object,), {"__new__": new})
    elif kind == "keywords":
        def new_with_keywords(cls, *arguments, **keywords):
            self = object.__new__(cls)
            self.arguments, self.keywords = arguments, keywords
            return self

        def get_arguments(self):
            return self.arguments, self.keywords

        def get_state(self):
            return {key: value for key, value in self.__dict__.items() if key not in ("arguments", "keywords")} or None

        methods = {"__new__": new_with_keywords, "__getnewargs_ex__": get_arguments, "__getstate__": get_state}
        made = type(name, (object,), methods)
    else:
        # A call with arguments by position, and state.
        def init(self, *arguments):
            self.arguments = arguments

        def reduce(self):
            rest = {key: value for key, value in self.__dict__.items() if key != "arguments"}
            return (type(self), self.arguments, rest) if rest else (type(self), self.arguments)

        made = type(name, (object,), {"__init__": init, "__reduce__": reduce})
    made.__module__ = module
    made.__qualname__ = name.split(".")[-1] if "." in name else name
    made.kind = kind
    return made


class Classes:
    """Classes by (module, name): kind and slots."""

    def __init__(self):
        self.specs = {}

    def copy(self):
        other = Classes()
        other.specs = dict(self.specs)
        return other

    def load(self, data):
        made = {}
        specs = self.specs

        class Unpickler(pickle.Unpickler):
            def find_class(self, module, name):
                if (module, name) in specs:
                    if (module, name) not in made:
                        kind, fields = specs[module, name]
                        made[module, name] = make_class(kind, module, name, fields)
                        made[module, name].__qualname__ = name
                    return made[module, name]
                assert not module.startswith("app_"), (module, name)
                return super().find_class(module, name)

        return Unpickler(io.BytesIO(data)).load()


# ---- pictures of objects ----


class Value:
    """kind; for instances their class, fields as [[name, value, is_slot]], arguments and items."""

    def __init__(self, kind, items=()):
        self.kind = kind
        self.items = list(items) if kind != "atom" and type(items) is tuple else items
        self.cls = None
        # Elements of a set in an order that only the pickle knows: their texts.
        self.is_bag = False
        self.fields = []
        self.arguments = []


WHENS = (datetime.datetime, datetime.date, datetime.time)
ATOMS = (int, float, bool, str, bytes, bytearray, complex, type(None), *WHENS)


def picture(root):
    memo, keep = {}, []

    def see(value):
        if isinstance(value, ATOMS):
            made = Value("atom", value)
            if isinstance(value, bytearray):
                made.items = ("bytearray", bytes(value))
            return made
        if id(value) in memo:
            return memo[id(value)]
        kind = getattr(type(value), "kind", type(value).__name__)
        made = memo[id(value)] = Value(kind)
        keep.append(value)
        pending.append((value, made))
        return made

    def fill(value, made):
        if made.kind in ("by_value", "by_name"):
            made.cls = (type(value).__module__, type(value).__qualname__)
            made.items = [[Value("atom", value.name), Value("atom", value.value)]]
        elif made.kind in ("set", "frozenset"):
            made.items = sorted(map(repr, value))
        elif type(value) is list or type(value) is tuple:
            made.items = [see(item) for item in value]
        elif type(value) is dict:
            made.items = [[see(key), see(item)] for key, item in value.items()]
        elif type(value) is collections.OrderedDict:
            made.kind, made.cls = "dict", ("collections", "OrderedDict")
            made.items = [[see(key), see(item)] for key, item in value.items()]
        elif type(value) is collections.deque:
            made.cls, made.items = ("collections", "deque"), [see(item) for item in value]
        else:
            made.cls = (type(value).__module__, type(value).__qualname__)
            if isinstance(value, list):
                made.items = [see(item) for item in value]
            if isinstance(value, tuple):
                made.arguments = [see(item) for item in value]
            state = dict(getattr(value, "__dict__", {}))
            if made.kind in ("call", "new"):
                made.arguments = [see(item) for item in state.pop("arguments")]
            if made.kind == "keywords":
                made.arguments = [see(item) for item in state.pop("arguments")]
                made.arguments += [see(item) for _, item in sorted(state.pop("keywords").items())]
            made.fields = [[name, see(item), False] for name, item in state.items()]
            for base in reversed(type(value).__mro__):
                for name in vars(base).get("__slots__", ()):
                    if made.kind in ("slots", "both", "values") and hasattr(value, name):
                        made.fields.append([name, see(getattr(value, name)), True])

    pending = []
    made_root = see(root)
    while pending:
        fill(*pending.pop())
    return made_root, keep


def said(value):
    """What repr() says of the plain value."""
    if value.kind == "tuple":
        inner = [said(item) for item in value.items]
        return f"({inner[0]},)" if len(inner) == 1 else f"({', '.join(inner)})"
    return repr(value.items)


def differ(left_root, right_root):
    """What differs, or None."""
    partners, back = {}, {}
    work = [(left_root, right_root, "root")]
    while work:
        left, right, path = work.pop()
        if left.kind != right.kind:
            return f"{path}: {left.kind} {left.items if left.kind == 'atom' else ''} {right.kind}"
        if left.kind == "atom":
            same = type(left.items) is type(right.items) and getattr(left.items, "fold", 0) == getattr(right.items, "fold", 0) and (
                left.items == right.items or left.items != left.items and right.items != right.items
            )
            if not same:
                return f"{path}: {left.items!r} {right.items!r}"
            continue
        if left.kind not in ("tuple", "frozenset") or left.items or left.arguments:
            if id(left) in partners or id(right) in back:
                if partners.get(id(left)) is not right or back.get(id(right)) is not left:
                    return f"{path}: identity"
                continue
            partners[id(left)], back[id(right)] = right, left
        if left.cls != right.cls:
            return f"{path}: {left.cls} {right.cls}"
        if left.is_bag:
            if left.items != sorted(map(said, right.items)):
                return f"{path}: {left.items} {[said(item) for item in right.items]}"
            continue
        if left.kind in ("set", "frozenset"):
            if left.items != right.items:
                return f"{path}: {left.items} {right.items}"
            continue
        left_fields, right_fields = left.fields, right.fields
        if left.kind in ("slots", "both"):
            # Slots have no order.
            left_fields = sorted(left_fields, key=lambda field: (field[2], field[0] if field[2] else ""))
            right_fields = sorted(right_fields, key=lambda field: (field[2], field[0] if field[2] else ""))
        if [(f[0], f[2]) for f in left_fields] != [(f[0], f[2]) for f in right_fields]:
            return f"{path}: fields {[f[0] for f in left_fields]} {[f[0] for f in right_fields]}"
        work += [(a[1], b[1], f"{path}.{a[0]}") for a, b in zip(left_fields, right_fields)]
        if len(left.arguments) != len(right.arguments) or len(left.items) != len(right.items):
            return f"{path}: sizes"
        work += [(a, b, f"{path}({i})") for i, (a, b) in enumerate(zip(left.arguments, right.arguments))]
        for i, (a, b) in enumerate(zip(left.items, right.items)):
            if left.kind in ("dict", "by_value", "by_name"):
                work += [(a[0], b[0], f"{path} key {i}"), (a[1], b[1], f"{path} value {i}")]
            else:
                work.append((a, b, f"{path}[{i}]"))
    return None


def walk(root):
    seen, work, found = set(), [root], []
    while work:
        value = work.pop()
        if id(value) in seen or not isinstance(value, Value):
            continue
        seen.add(id(value))
        found.append(value)
        if value.kind in ("set", "frozenset", "atom") or value.is_bag:
            continue
        work += [field[1] for field in value.fields] + value.arguments
        for item in value.items:
            work += item if isinstance(item, list) else [item]
    return found


# ---- random objects ----


class Maker:
    def __init__(self, rng, classes):
        self.rng = rng
        self.pool = []
        self.real = {
            key: make_class(kind, key[0], key[1], fields) for key, (kind, fields) in classes.specs.items()
        }
        for (module, name), made in self.real.items():
            made.__qualname__ = name
            sys.modules.setdefault(module.partition(".")[0], type(sys)(module.partition(".")[0]))
            holder = sys.modules.setdefault(module, type(sys)(module))
            setattr(holder, name, made)
        self.left = 40

    def atom(self):
        rng = self.rng
        return rng.choice(
            [
                lambda: rng.randint(-5, 300),
                lambda: rng.choice([0.5, -0.0, 1e300, 2.0, -3.0]),
                lambda: rng.choice(["", "a", "\u00e9", "12", "-7", "1.5", "ok" * 3]),
                lambda: None,
                lambda: rng.random() < 0.5,
                lambda: rng.choice([b"", b"ab", b"\xff\x00"]),
                lambda: 2 ** rng.randint(31, 90),
            ]
        )()

    def value(self, depth=0):
        rng = self.rng
        self.left -= 1
        if self.pool and rng.random() < 0.25:
            return rng.choice(self.pool)
        if depth > 4 or self.left < 0 or rng.random() < 0.35:
            return self.atom()
        what = rng.choice(["list", "tuple", "dict", "set", "frozenset", "object", "object", "object"])
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
                made[rng.choice(["a", "b", "k", 1, (1, "x")])] = self.value(depth + 1)
        elif what in ("set", "frozenset"):
            made = {rng.choice([1, 2, "x", None, (1, 2)]) for _ in range(rng.randint(0, 3))}
            made = made if what == "set" else frozenset(made)
        else:
            made = self.instance(rng.choice(list(self.real.values())), depth)
        return made

    def instance(self, cls, depth):
        rng = self.rng
        names = ["a", "b", "c"]
        if cls.kind == "tuple":
            made = cls(*(self.value(depth + 1) for _ in cls._fields))
            self.pool.append(made)
            return made
        if cls.kind in ("by_value", "by_name"):
            return rng.choice(list(cls))
        if cls.kind == "call":
            made = cls(*(self.value(depth + 1) for _ in range(3)))
        elif cls.kind == "keywords":
            made = cls(self.value(depth + 1), k=self.value(depth + 1))
        else:
            made = cls.__new__(cls)
        self.pool.append(made)
        if cls.kind == "list":
            made.extend(self.value(depth + 1) for _ in range(rng.randint(0, 2)))
        if rng.random() < 0.9:
            for name in names:
                setattr(made, name, self.value(depth + 1))
        if cls.kind == "both":
            setattr(made, "extra", self.value(depth + 1))
        return made


# ---- random steps, and the same on pictures ----

LITERALS = [
    (None, None), (7, 7), ("new", "new"), (1.5, 1.5), ([], "list"), ({"$tuple": [1, "x"]}, "tuple"),
    ({"k": 1}, "dict"), ({"$bytes": "YWI="}, b"ab"), ({"$set": [3]}, "set"),
]


class Literal:
    """What a step adds: a fresh picture each time, but for what cannot change."""

    def __init__(self, rng):
        self.json, self.what = rng.choice(LITERALS)
        self.tuple = Value("tuple", [Value("atom", 1), Value("atom", "x")])

    def fresh(self):
        if self.what == "list":
            return Value("list")
        if self.what == "tuple":
            return self.tuple
        if self.what == "dict":
            return Value("dict", [[Value("atom", "k"), Value("atom", 1)]])
        if self.what == "set":
            return Value("set", ["3"])
        return Value("atom", self.json if not isinstance(self.what, bytes) else self.what)


class Wrong(Exception):
    """The step must be refused."""


class Unknown(Exception):
    """What comes out has an order that only the pickle knows."""


class Steps:
    """Steps for one case: `steps` as JSON; applying them changes a picture and the classes."""

    def __init__(self, rng, classes):
        self.rng = rng
        self.classes = classes
        self.steps = []
        self.actions = []

    def add(self, step, action):
        self.steps.append(step)
        self.actions.append(action)

    def pick(self, *kinds):
        found = [key for key, (kind, _) in self.classes.specs.items() if kind in kinds]
        return self.rng.choice(found) if found else None

    def any_step(self):
        getattr(self, self.rng.choice(NAMES))()

    # Each of these adds one step.

    def rename(self):
        old = self.pick("dict", "slots", "both", "list", "tuple", "call", "by_value", "by_name", "keywords")
        if old is None:
            return
        new = (self.rng.choice(["app_new", "app_new.sub"]), "R%d" % len(self.steps))
        self.classes.specs[new] = self.classes.specs.pop(old)

        def action(root):
            for value in walk(root):
                if value.cls == old:
                    value.cls = new

        self.add({"op": "rename", "from": ":".join(old), "to": ":".join(new), "if_none": "ignore"}, action)

    def rename_module(self):
        if not any(module == OLD for module, _ in self.classes.specs):
            return
        old = [key for key in self.classes.specs if key[0] == OLD]
        for key in old:
            self.classes.specs["app_moved.models", key[1]] = self.classes.specs.pop(key)

        def action(root):
            for value in walk(root):
                if value.cls in old:
                    value.cls = ("app_moved.models", value.cls[1])

        self.add({"op": "rename_module", "from": "app_old", "to": "app_moved", "if_none": "ignore"}, action)

    def fields_of(self, cls, root):
        return [value for value in walk(root) if value.cls == cls]

    def new_field(self, kind):
        """A name that such a class has room for."""
        return "n%d" % len(self.steps)

    def give_slot(self, cls, name):
        kind, fields = self.classes.specs[cls]
        if kind in ("slots", "both"):
            self.classes.specs[cls] = (kind, tuple(dict.fromkeys(tuple(fields) + (name,))))

    def add_field(self):
        cls = self.pick("dict", "slots", "both", "list", "call")
        if cls is None:
            return
        kind = self.classes.specs[cls][0]
        name, choice = self.new_field(kind), Literal(self.rng)
        after = self.rng.choice([None, None, "a"])
        self.give_slot(cls, name)
        step = {"op": "add", "class": ":".join(cls), "field": name, "value": choice.json, "if_none": "ignore"}
        if after:
            step["after"] = after
        if kind in ("slots", "both"):
            step["state"] = "slots"

        def action(root):
            found = self.fields_of(cls, root)
            for value in found:
                names = [field[0] for field in value.fields]
                if name in names or (after and after not in names):
                    raise Wrong
                at = names.index(after) + 1 if after else len(names)
                is_slot = value.fields[at - 1][2] if after else kind in ("slots", "both")
                value.fields.insert(at, [name, choice.fresh(), is_slot])

        self.add(step, action)

    def rename_field(self):
        cls = self.pick("dict", "list", "call")
        if cls is None:
            return
        old, new = self.rng.choice("abc"), "r%d" % len(self.steps)
        step = {"op": "rename_field", "class": ":".join(cls), "from": old, "to": new, "if_none": "ignore",
                "if_missing": "ignore"}

        def action(root):
            for value in self.fields_of(cls, root):
                for field in value.fields:
                    if field[0] == old:
                        field[0] = new

        self.add(step, action)

    def drop(self):
        cls = self.pick("dict", "slots", "both", "list", "call", "keywords")
        if cls is None:
            return
        name = self.rng.choice("abc")
        step = {"op": "drop", "class": ":".join(cls), "field": name, "if_none": "ignore", "if_missing": "ignore"}

        def action(root):
            for value in self.fields_of(cls, root):
                value.fields = [field for field in value.fields if field[0] != name]

        self.add(step, action)

    def map_field(self):
        cls = self.pick("dict", "slots", "list", "call")
        if cls is None:
            return
        name = self.rng.choice("abc")
        step = {"op": "map", "class": ":".join(cls), "field": name, "if_none": "ignore", "if_missing": "ignore",
                "otherwise": "keep", "values": [[None, "none"], [True, 1], [2.0, [2]], ["a", {"$tuple": []}]]}

        def new(old):
            if old.kind != "atom":
                return old
            if old.items is None:
                return Value("atom", "none")
            if old.items is True:
                return Value("atom", 1)
            if type(old.items) is float and old.items == 2.0:
                return Value("list", [Value("atom", 2)])
            if old.items == "a" and type(old.items) is str:
                return Value("tuple")
            return old

        def action(root):
            for value in self.fields_of(cls, root):
                for field in value.fields:
                    if field[0] == name:
                        field[1] = new(field[1])

        self.add(step, action)

    def retype_list(self):
        cls = self.pick("dict", "slots", "list", "call")
        if cls is None:
            return
        name = self.rng.choice("abc")
        to = self.rng.choice(["tuple", "list"])
        step = {"op": "retype", "class": ":".join(cls), "field": name, "to": to, "if_none": "ignore",
                "if_missing": "ignore", "none": "keep"}

        def action(root):
            for value in self.fields_of(cls, root):
                for field in value.fields:
                    old = field[1]
                    if field[0] != name or (old.kind == "atom" and old.items is None):
                        continue
                    if old.kind == to and not old.cls:
                        continue
                    if old.kind in ("set", "frozenset"):
                        raise Unknown
                    if old.kind not in ("list", "tuple") or old.cls:
                        raise Wrong
                    field[1] = Value(to, list(old.items))

        self.add(step, action)

    def retype_atom(self):
        """Of what the root holds for this."""
        to = self.rng.choice(["str", "int", "float"])
        step = {"op": "retype", "at": "['numbers'][*]", "to": to}

        def action(root):
            for item in entry(root, "numbers").items:
                retype_number(item, to)

        self.add(step, action)

    def retype_filled(self):
        """What was put into objects as into lists and dicts, and what they are made with."""
        if not hasattr(self.root, "get") or "filled" not in self.root:
            return
        at = self.rng.choice(["['filled'][*][*]", "['filled'][2](0)"])

        def action(root):
            *filled, made = entry(root, "filled").items
            if at.endswith("(0)"):
                if not made.arguments:
                    raise Wrong
                retype_number(made.arguments[0], "str")
                return
            for value in filled:
                for item in value.items:
                    retype_number(item[1] if value.kind == "dict" else item, "str")

        self.add({"op": "retype", "at": at, "to": "str"}, action)

    def list_step(self):
        choice = Literal(self.rng)
        op = self.rng.choice(["append", "insert", "remove"])
        index = self.rng.choice([0, 1, -1])
        step = {"op": op, "at": "['numbers']"}
        if op != "remove":
            step["value"] = choice.json
        if op != "append":
            step["index"] = index

        def action(root):
            items = entry(root, "numbers").items
            if op == "append":
                items.append(choice.fresh())
            elif op == "insert":
                if abs(index) > len(items):
                    raise Wrong
                items.insert(index, choice.fresh())
            elif -len(items) <= index < len(items):
                del items[index]
            else:
                raise Wrong

        self.add(step, action)

    def dict_step(self):
        choice = Literal(self.rng)
        name = "d%d" % len(self.steps)
        step = {"op": "add", "at": "['rows'][*]", "field": name, "value": choice.json}

        def action(root):
            seen = []
            for row in entry(root, "rows").items:
                if not any(row is other for other in seen):
                    if row.cls:
                        row.fields.append([name, choice.fresh(), False])
                    else:
                        row.items.append([Value("atom", name), choice.fresh()])
                    seen.append(row)

        self.add(step, action)

    def to_instance(self):
        if ("app_new", "Row") in self.classes.specs:
            return
        self.classes.specs["app_new", "Row"] = ("dict", ())
        step = {"op": "to_instance", "at": "['rows'][*]", "class": "app_new:Row"}

        def action(root):
            for row in entry(root, "rows").items:
                if row.kind == "dict" and row.cls is None and row.items is not None:
                    row.fields = [[key.items, value, False] for key, value in row.items]
                    row.kind, row.items, row.cls = "dict-class", [], ("app_new", "Row")
            for row in entry(root, "rows").items:
                row.kind = "dict"

        self.add(step, action)

    def to_dict(self):
        cls = self.pick("dict")
        if cls is None or cls == ("app_new", "Row"):
            return
        del self.classes.specs[cls]

        def action(root):
            for value in self.fields_of(cls, root):
                value.items = [[Value("atom", name), item] for name, item, _ in value.fields]
                value.cls, value.fields = None, []

        self.add({"op": "to_dict", "class": ":".join(cls), "if_none": "ignore"}, action)

    def restate(self):
        cls = self.pick("dict")
        if cls is None or cls == ("app_new", "Row"):
            return

        kind_fields = tuple("abc") + ("id", "v") + tuple("%s%d" % (l, i) for l in "nrdz" for i in range(12))
        self.classes.specs[cls] = ("slots", kind_fields)

        def action(root):
            for value in self.fields_of(cls, root):
                value.kind = "slots"
                for field in value.fields:
                    field[2] = True

        self.add({"op": "restate", "class": ":".join(cls), "to": "slots", "if_none": "ignore"}, action)

    def arguments(self):
        cls = self.pick("call", "tuple")
        if cls is None:
            return
        choice = Literal(self.rng)
        op = self.rng.choice(["insert_argument", "drop_argument", "move_argument"])
        step = {"op": op, "class": ":".join(cls), "index": 1, "if_none": "ignore"}
        kind, fields = self.classes.specs[cls]
        if op == "insert_argument":
            step["value"] = choice.json
            self.classes.specs[cls] = (kind, fields + ("x%d" % len(fields),))
        elif op == "move_argument":
            step["to"] = 0
        elif kind == "tuple":
            self.classes.specs[cls] = (kind, fields[:-1])

        def action(root):
            for value in self.fields_of(cls, root):
                if op == "insert_argument":
                    if not value.arguments:
                        raise Wrong
                    value.arguments.insert(1, choice.fresh())
                elif len(value.arguments) < 2:
                    raise Wrong
                elif op == "drop_argument":
                    del value.arguments[1]
                else:
                    value.arguments.insert(0, value.arguments.pop(1))

        self.add(step, action)


    def any_depth(self):
        """Fields and keys of one name, wherever they are below the things."""
        name = self.rng.choice(["a", "b", "k", 1])
        op = self.rng.choice(["drop", "rename_field", "map", "map"])
        step = {"op": op, "at": "['things'].**", "if_none": "ignore", "if_missing": "ignore", "field": name}
        if op == "map":
            step |= {"values": [[None, "none"], [True, 1], ["a", {"$tuple": []}]], "otherwise": "keep"}
            if self.rng.random() < 0.5 and name in ("a", "b"):
                step["at"] += f".{name}"
                del step["field"], step["if_missing"]
        if op == "rename_field":
            step |= {"from": step.pop("field"), "to": "z%d" % len(self.steps)}
            for cls in self.classes.specs:
                self.give_slot(cls, step["to"])
        only_fields = "field" not in step and op == "map"

        def action(root):
            for value in walk(entry(root, "things")):
                if value.kind == "dict" and not value.cls and not only_fields:
                    same = [pair for pair in value.items if key_is(pair[0], name)]
                    if op == "drop":
                        value.items = [pair for pair in value.items if pair not in same]
                    for pair in same:
                        if op == "map":
                            pair[1] = mapped(pair[1])
                        elif op == "rename_field":
                            pair[0] = Value("atom", step["to"])
                if value.kind == "values":
                    # In a list fields have no names.
                    continue
                if op == "drop":
                    value.fields = [field for field in value.fields if field[0] != name]
                for field in value.fields:
                    if field[0] == name and op == "map":
                        field[1] = mapped(field[1])
                    elif field[0] == name and op == "rename_field":
                        field[0] = step["to"]

        self.add(step, action)

    def member(self):
        cls = self.pick("by_value", "by_name")
        if cls is None:
            return
        kind, members = self.classes.specs[cls]
        old_name, old = self.rng.choice(members)
        new_name, new = (old_name, "m%d" % len(self.steps)) if kind == "by_value" else ("M%d" % len(self.steps), old)
        self.classes.specs[cls] = (kind, tuple((new_name, new) if one == (old_name, old) else one for one in members))
        step = {"op": "rename_member", "class": ":".join(cls), "if_none": "ignore"}
        step |= {"values": [[old, new]]} if kind == "by_value" else {"names": {old_name: new_name}}

        def action(root):
            for value in self.fields_of(cls, root):
                if value.items[0][0].items == old_name:
                    value.items = [[Value("atom", new_name), Value("atom", new)]]

        self.add(step, action)

    def retype_set(self):
        if not hasattr(self.root, "get") or "sets" not in self.root:
            return
        to = self.rng.choice(["list", "tuple", "set", "frozenset"])

        def action(root):
            sets = entry(root, "sets")
            for i, old in enumerate(sets.items):
                if old.kind == to:
                    continue
                said_items = old.items if old.kind in ("set", "frozenset") or old.is_bag else [said(item) for item in old.items]
                made = Value(to)
                if to in ("set", "frozenset"):
                    made.items = sorted(set(said_items))
                elif old.kind in ("list", "tuple"):
                    made.items, made.is_bag = list(old.items), old.is_bag
                else:
                    made.items, made.is_bag = list(said_items), True
                sets.items[i] = made

        self.add({"op": "retype", "at": "['sets'][*]", "to": to}, action)

    def retype_when(self):
        if not hasattr(self.root, "get") or "whens" not in self.root:
            return
        to = self.rng.choice(["str", "datetime", "str"])

        def action(root):
            for value in entry(root, "whens").items:
                old = value.items
                if type(old).__name__ == to:
                    continue
                if to == "str":
                    zone = getattr(old, "tzinfo", None)
                    is_fixed = zone is None or (type(zone) is datetime.timezone and len(zone.__getinitargs__()) == 1)
                    if not is_fixed or getattr(old, "fold", 0) and self.told["protocol"] > 3:
                        raise Wrong
                    value.items = old.isoformat()
                    continue
                try:
                    made = datetime.datetime.fromisoformat(old) if type(old) is str else None
                except ValueError:
                    made = None
                if made is None or len(old) <= 10:
                    raise Wrong
                value.items = made

        self.add({"op": "retype", "at": "['whens'][*]", "to": to}, action)

    def restate_others(self):
        cls = self.pick("dict")
        if cls is None or cls == ("app_new", "Row"):
            return
        to = self.rng.choice(["list", "arguments"])
        by = self.rng.choice(["new", "call"])
        made = "values" if to == "list" else by
        self.classes.specs[cls] = (made, ("a", "b", "c"))

        def action(root):
            for value in self.fields_of(cls, root):
                if to == "list" and not value.fields:
                    # Without a state there is nothing to write in another form.
                    value.kind = "values"
                    continue
                if sorted(field[0] for field in value.fields) != ["a", "b", "c"]:
                    raise Wrong
                by_name = {field[0]: field[1] for field in value.fields}
                if to == "list":
                    value.kind, value.fields = "values", [[name, by_name[name], True] for name in "abc"]
                else:
                    value.kind, value.fields, value.arguments = by, [], [by_name[name] for name in "abc"]

        step = {"op": "restate", "class": ":".join(cls), "to": to, "fields": ["a", "b", "c"], "if_none": "ignore"}
        if to == "arguments":
            step["by"] = by
        self.add(step, action)

    def restate_arguments(self):
        cls = self.pick("call", "tuple")
        if cls is None:
            return
        kind, fields = self.classes.specs[cls]
        names = list(fields) if kind == "tuple" else ["x", "y", "z"]
        # Its __init__ wants arguments: it must not be called without any.
        self.classes.specs[cls] = ("strict", tuple(names))

        def action(root):
            values = self.fields_of(cls, root)
            for value in values:
                if value.fields or len(value.arguments) != len(names):
                    raise Wrong
            for value in values:
                value.kind, value.arguments, value.fields = "strict", [], [
                    [name, item, False] for name, item in zip(names, value.arguments)
                ]

        self.add({"op": "restate", "class": ":".join(cls), "from": "arguments", "to": "dict", "fields": names,
                  "if_none": "ignore"}, action)

    def remove_value(self):
        value = self.rng.choice([1, "3", 5.5, 7])

        def action(root):
            items = entry(root, "numbers").items
            left = [item for item in items if not (type(item.items) is type(value) and item.items == value)]
            if len(left) == len(items):
                raise Wrong
            items[:] = left

        self.add({"op": "remove", "at": "['numbers']", "value": value}, action)


def retype_number(item, to):
    """Changes a number or text as retype does."""
    old = item.items
    if item.kind != "atom":
        raise Wrong
    if type(old).__name__ == to:
        return
    number = type(old) in (int, float) or (to == "int" and old is True)
    if to == "str" and type(old) is bytes:
        item.items = old.decode()
    elif to == "str" and number:
        item.items = repr(old)
    elif to == "float" and type(old) in (int, str) and (number or old != "new"):
        item.items = float(old)
    elif to == "int" and type(old) is float and old == int(old):
        item.items = int(old)
    elif to == "int" and type(old) is str and old.lstrip("-").isdigit():
        item.items = int(old)
    else:
        raise Wrong


def key_is(key, name):
    """Whether a dict takes the one for the other."""
    return key.kind == "atom" and key.items == name


def mapped(old):
    if old.kind != "atom":
        return old
    if old.items is None:
        return Value("atom", "none")
    if old.items is True:
        return Value("atom", 1)
    return Value("tuple") if type(old.items) is str and old.items == "a" else old


NAMES = ["any_depth", "any_depth", "any_depth", "member", "retype_set", "retype_when", "restate_others", "restate_arguments", "remove_value", "rename", "rename_module", "add_field", "add_field", "rename_field", "drop", "drop", "map_field", "retype_list",
         "retype_atom", "retype_filled", "list_step", "dict_step", "to_instance", "to_dict", "restate", "arguments", "arguments"]


def entry(root, name):
    return next(value for key, value in root.items if key.items == name)


# ---- cases ----


def a_time(rng):
    """A date or time of one kind or another, or the text of one."""
    zones = [None, None, datetime.timezone.utc, datetime.timezone(datetime.timedelta(minutes=rng.randint(-800, 800))),
             datetime.timezone(datetime.timedelta(seconds=rng.randint(-86399, 86399), microseconds=rng.choice([0, 5]))),
             datetime.timezone(datetime.timedelta(hours=1), "there")]  # fmt: skip
    when = datetime.datetime(
        rng.choice([1, 1969, 2026, 9999]), rng.randint(1, 12), rng.randint(1, 28), rng.randint(0, 23), rng.randint(0, 59),
        rng.randint(0, 59), rng.choice([0, 1, 250000, 999999]), rng.choice(zones), fold=int(rng.random() < 0.1),
    )  # fmt: skip
    made = rng.choice([when, when, when.date(), when.timetz()])
    return rng.choice([made, made, made.isoformat(), str(made)])


class Case:
    def __init__(self, seed):
        self.seed = seed
        for attempt in range(100):
            try:
                self.make(random.Random(seed * 1000 + attempt))
                return
            except RecursionError:
                # Arguments that hold what is made of them: no pickler can write that.
                continue

    def make(self, rng):
        classes = Classes()
        self.protocol = rng.randint(0, 5)
        # Older protocols do not know slots.
        kinds = ["dict", "dict", "list", "tuple", "call"] + (["slots", "both"] if self.protocol >= 2 else [])
        # Before protocol 4 pickle hands keywords to functools.partial, and the class is not to be seen.
        kinds += ["keywords"] if self.protocol >= 4 else []
        for i in range(rng.randint(2, 5)):
            kind = rng.choice(kinds)
            fields = ("p", "q", "r") if kind == "tuple" else ("a", "b", "c")
            classes.specs[OLD, "C%d" % i] = (kind, fields)
        classes.specs[OLD, "Pair"] = ("call", ())
        classes.specs[OLD, "E"] = (rng.choice(["by_value", "by_name"]), (("A", 1), ("B", "two"), ("C", None)))
        maker = Maker(rng, classes)
        numbers = [rng.choice([1, 2.0, "3", "-4", 5.5, "6.5", 7]) for _ in range(rng.randint(1, 3))]
        rows = [{"id": i, "v": maker.value(2)} for i in range(rng.randint(0, 3))]
        root = {"rows": rows, "numbers": numbers, "things": [maker.value() for _ in range(4)]}
        root["sets"] = [rng.choice([set, frozenset, list, tuple])([1, "x", (2, None)][: rng.randint(0, 3)]) for _ in range(2)]
        root["whens"] = [a_time(rng) for _ in range(rng.randint(1, 2))]
        filled = [collections.deque([1, "x", 2.5]), collections.OrderedDict(b=1, a=2.0)]
        root["filled"] = filled + [maker.real[OLD, "Pair"](rng.randint(0, 9), filled[0], 2)]
        self.to = rng.choice([self.protocol, self.protocol, rng.randint(0, 5)])
        self.data = pickle.dumps(root, self.protocol)
        self.old = classes.copy()
        self.steps = Steps(rng, classes)
        self.steps.root, self.steps.told = root, {"protocol": self.protocol}
        for _ in range(rng.randint(1, 4)):
            self.steps.any_step()
        self.new = classes

    def check(self, status, answer):
        """None, "refused", or what is wrong."""
        root, keep = picture(self.old.load(self.data))
        try:
            for action in self.steps.actions:
                action(root)
        except Unknown:
            return None
        except Wrong:
            return "refused" if status != 0 else "a step was done that must be refused"
        if status != 0:
            text = answer.decode()
            # What goes in a circle and was moved.
            if "would be looked at before it is whole" in text or "would come after what happens" in text:
                return "refused"
            if "values that contain themselves would be written too often" in text:
                return "refused"
            return "refused" if text.startswith(RIGHT_REFUSALS) else text
        try:
            loaded = self.new.load(answer)
        except Exception as error:  # whatever the loader raises
            return f"cannot be loaded: {error!r}"
        other, also_keep = picture(loaded)
        result = differ(root, other)
        del keep, also_keep
        return result


class OldCase(Case):
    """What Python 2.7 pickled."""

    def __init__(self, seed, told, data):
        rng = random.Random(seed)
        kinds = {"classic": "dict", "registered": "dict"}
        classes = Classes()
        for name, kind in told["kinds"].items():
            classes.specs[OLD, name] = (kinds.get(kind, kind), ("a", "b", "c"))
        self.seed, self.protocol, self.data = f"{seed} of 2.7", told["protocol"], data
        self.to = rng.choice([self.protocol, rng.randint(0, 5)])
        self.old = classes.copy()
        self.steps = Steps(rng, classes)
        self.steps.root, self.steps.told = None, told
        while not self.steps.steps or rng.random() < 0.6:
            self.steps.any_step()
        self.new = classes


def find_python2():
    named = os.environ.get("SNAPJAR_PYTHONS", "").split(":") + glob.glob(os.path.expanduser("~/.pyenv/versions/2.7*/bin/python"))
    for program in filter(None, named):
        told = subprocess.run([program, "-c", "import sys; print(sys.version_info[0])"], stdout=subprocess.PIPE, check=False)
        if told.stdout.strip() == b"2":
            return program
    return None


def old_cases():
    program = find_python2()
    if program is None:
        print("there is no Python 2.7: nothing of its pickles was tried")
        return []
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "migrate_objects.py")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "cases")
        subprocess.run([program, "-B", script, path, str(SEED), str(CASES // 2)], check=True)
        with open(path, "rb") as file:
            data = file.read()
    blobs, at = [], 0
    while at < len(data):
        (size,) = struct.unpack_from("<I", data, at)
        blobs.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    return [OldCase(SEED + i, json.loads(told), blob) for i, (told, blob) in enumerate(zip(blobs[::2], blobs[1::2]))]


def all_cases():
    """By groups: each group takes one run of the helper."""
    for start in range(SEED, SEED + CASES, 200):
        yield [Case(seed) for seed in range(start, min(start + 200, SEED + CASES))]
    old = old_cases()
    for start in range(0, len(old), 200):
        yield old[start : start + 200]


def run_helper(cases):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "cases")
        with open(path, "wb") as file:
            for case in cases:
                steps = json.dumps({"steps": case.steps.steps}).encode()
                file.write(bytes([case.to, 0]))
                for text in (steps, case.data):
                    file.write(struct.pack("<I", len(text)) + text)
        output = subprocess.run([HELPER, path], stdout=subprocess.PIPE, check=True).stdout
    answers, at = [], 0
    while at < len(output):
        status, size = output[at], struct.unpack_from("<I", output, at + 1)[0]
        answers.append((status, output[at + 5 : at + 5 + size]))
        at += 5 + size
    assert len(answers) == len(cases)
    return answers


def main():
    assert HELPER, "SNAPJAR_MIGRATE must name the program built from tests/helpers/migrate.c"
    passed = failed = refused = 0
    reasons = collections.Counter()
    for cases in all_cases():
        for case, (status, answer) in zip(cases, run_helper(cases)):
            result = case.check(status, answer)
            if result == "refused":
                refused += 1
                reasons[answer.decode().split(":", 2)[-1].strip()[-70:]] += 1
            if result in (None, "refused"):
                passed += 1
                continue
            failed += 1
            if failed <= 10:
                print(f"seed {case.seed}, protocol {case.protocol} to {case.to}: {result}")
                print("  ", json.dumps(case.steps.steps))
    if os.environ.get("SNAPJAR_MIGRATE_REASONS"):
        for reason, count in reasons.most_common(20):
            print(count, reason)
    # A test in which nearly everything is refused says nothing.
    if refused * 2 > passed:
        print(f"{refused} of {passed} were refused")
        failed += 1
    print(f"{passed} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
