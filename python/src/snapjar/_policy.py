# SPDX-License-Identifier: MIT
"""Policy: what pickles may do. Exact names, default deny."""

from __future__ import annotations

import copyreg
import enum
import os
import types
from collections.abc import Iterable
from typing import Any, NamedTuple

from . import _core

_USE_BITS: dict[str, int] = {name: 1 << number for number, name in enumerate(_core.USES)}
_CALL = _USE_BITS["import"] | _USE_BITS["call"]
_ARGUMENT = _USE_BITS["argument"]


class Rule(NamedTuple):
    """One rule of a policy."""

    module: str
    name: str
    uses: tuple[str, ...]
    reason: str
    preset: str


def use_names(uses: int) -> tuple[str, ...]:
    return tuple(name for name, bit in _USE_BITS.items() if uses & bit)


def _uses_of(item: Any) -> int:
    """What pickles of ordinary instances of a class need."""
    if not isinstance(item, type):
        return _CALL | _ARGUMENT
    uses: int = _core.USES_CLASS
    if issubclass(item, enum.Enum):
        return uses | _CALL | _ARGUMENT  # a member is looked up by its class
    has_own = item.__reduce_ex__ is not object.__reduce_ex__ or item.__reduce__ is not object.__reduce__
    if issubclass(item, BaseException) or has_own or item in copyreg.dispatch_table:
        uses |= _CALL
    return uses


def name_of(item: Any) -> tuple[str, str]:
    """The module and the qualified name that pickles have for a class or function."""
    module, name = getattr(item, "__module__", None), getattr(item, "__qualname__", None)
    is_named = isinstance(item, (type, types.FunctionType, types.BuiltinFunctionType))
    if not is_named or not isinstance(module, str) or not isinstance(name, str):
        raise TypeError(f'allow takes classes, functions and texts as "module:name", not {item!r}')
    if "<" in name:
        raise ValueError(f"{module}:{name} cannot be imported by this name, so no pickle can name it")
    return module, name


def combine_flags(left: Any, right: Any) -> Any:
    """Instead of operator.or_, by which some versions of Python write combined flags."""
    if isinstance(left, enum.Flag) and type(left) is type(right):
        return left | right
    raise ValueError("only flags of one enumeration are combined")


class Policy(_core.Policy):
    """An allow-list for pickles: exact names, everything else is denied. Does not change once it is made.

    allow   -- classes (instances of them may be made, as pickling writes them), functions (may be called), and texts:
               "module:name" allows every use of that global, "module:name=new,build" the uses named
    presets -- names of presets; None: those that are meant for everyone (see `presets()`)
    file    -- path of a policy file in JSON, as `snapjar scan --learn` writes it
    text    -- the same as bytes or text
    """

    def __init__(
        self,
        allow: Iterable[Any] = (),
        *,
        presets: Iterable[str] | None = None,
        file: "str | os.PathLike[str] | None" = None,
        text: "str | bytes | None" = None,
    ) -> None:
        if isinstance(presets, str):
            raise TypeError("presets is a list of names")
        texts: list[bytes] = []
        if file is not None:
            with open(file, "rb") as opened:
                texts.append(opened.read())
        if text is not None:
            texts.append(text.encode() if isinstance(text, str) else bytes(text))
        self._given: list[tuple[str, int]] = []
        objects: dict[tuple[str, str], Any] = {}
        names = None if presets is None else tuple(presets)
        self._fill(names, tuple(texts))
        for item in _items(allow):
            self._add(item, objects)
        self._freeze(objects)
        # All that it was made from, plain, to make it again in another process.
        self._recipe = names, tuple(texts), tuple(self._given)

    def _fill(self, presets: tuple[str, ...] | None, texts: tuple[bytes, ...]) -> None:
        for preset in (None,) if presets is None else presets:
            self._preset(preset)
        for text in texts:
            self._read(text)

    def _give(self, name: str, uses: int) -> None:
        self._allow(name, uses)
        self._given.append((name, uses))

    def __new__(cls, *_args: Any, **_keywords: Any) -> "Policy":
        return super().__new__(cls)

    def _add(self, item: Any, objects: dict[tuple[str, str], Any]) -> None:
        if isinstance(item, str):
            name, _, listed = item.partition("=")
            uses = 0
            for use in filter(None, (part.strip() for part in listed.split(","))):
                if use not in _USE_BITS:
                    raise ValueError(f"{item!r}: {use!r} is no use; they are {', '.join(_USE_BITS)}")
                uses |= _USE_BITS[use]
            self._give(name.strip(), uses or _core.USES_ALL)
            return
        module, name = name_of(item)
        self._give(f"{module}:{name}", _uses_of(item))
        if isinstance(item, type) and issubclass(item, enum.Enum):
            for member in item.__members__:  # early 3.11 writes members as attributes of the class
                self._give(f"{module}:{name}.{member}", _USE_BITS["import"] | _ARGUMENT)
        objects[module, name] = item

    @property
    def rules(self) -> tuple[Rule, ...]:
        """All rules, those of presets included."""
        return tuple(Rule(module, name, use_names(uses), reason, preset)
                     for module, name, uses, reason, preset in self._rules())  # fmt: skip

    def __repr__(self) -> str:
        return f"<snapjar.Policy of {len(self._rules())} rules>"


def _items(allow: Iterable[Any]) -> Iterable[Any]:
    return [allow] if isinstance(allow, (str, type)) else allow


def remake_policy(recipe: tuple) -> Policy:
    """A policy with the rules of another one's `_recipe`; the objects that were given to that one are names here."""
    presets, texts, given = recipe
    policy = Policy.__new__(Policy)
    policy._given = []
    policy._fill(presets, texts)
    for name, uses in given:
        policy._give(name, uses)
    policy._freeze({})
    policy._recipe = recipe
    return policy


DEFAULT: Policy
_made: dict[tuple, Policy] = {}
_MADE_MAX = 256


def resolve_policy(allow: Any, policy: Policy | None) -> Policy:
    """The policy for the arguments of a load. Those made from `allow` are kept."""
    if policy is not None:
        if not isinstance(policy, Policy):
            raise TypeError(f"policy must be a snapjar.Policy, not {type(policy).__name__}")
        if allow:
            raise TypeError("give allow or policy: Policy(allow=...) takes both")
        return policy
    if not allow:
        return DEFAULT
    key = (allow,) if isinstance(allow, (str, type)) else tuple(allow)
    made = _made.get(key)
    if made is None:
        if len(_made) >= _MADE_MAX:
            _made.clear()
        made = _made[key] = Policy(key)
    return made


class Preset(NamedTuple):
    """A preset of rules that come with snapjar."""

    name: str
    summary: str
    is_default: bool


def presets() -> tuple[Preset, ...]:
    """All presets."""
    return tuple(Preset(*row) for row in _core.presets())
