# SPDX-License-Identifier: MIT
"""Migration functions: state dict in, state dict out, for what data alone cannot say. They run on loaded objects, after the steps
of a contract."""

import types
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from ._errors import ArgumentError, ContractError

# What a walk does not go into: they are not of the pickle, but of the program.
_OUTSIDE = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType, types.MethodType)
_PLAIN = (type(None), bool, int, float, complex, str, bytes, bytearray, memoryview)


def run_functions(obj: Any, version: int, functions: dict[int, Any]) -> Any:
    """Lets functions go over the states of an object that was of this version, from the oldest on."""
    for number, entry in sorted(functions.items()):
        if number < version:
            continue
        if callable(entry):
            obj = _run_root(obj, entry, number)
            continue
        for name, several in entry.items():
            for function in several:
                # Anew for each: functions may make and drop instances.
                for instance in list(_instances(obj, name)):
                    _set_state(instance, _call(function, _get_state(instance), number, name), number, name)
    return obj


def check_functions(functions: Any) -> dict[int, Any]:
    """By version, a function or lists of functions by class. Whatever else is told before anything is called."""
    if not isinstance(functions, Mapping):
        raise _wrong(f"must be a mapping of versions to functions, not {type(functions).__name__}")
    made: dict[int, Any] = {}
    for number, entry in functions.items():
        if not isinstance(number, int) or isinstance(number, bool) or number < 0:
            raise _wrong(f"has {number!r} for a version, which is a number from 0 on")
        if isinstance(entry, Mapping):
            made[number] = {_class_name(name): _several(several, name) for name, several in entry.items()}
        elif callable(entry):
            made[number] = entry
        else:
            raise _wrong(f"has neither a function nor a mapping of classes for version {number}")
    return made


def _class_name(name: Any) -> str:
    if isinstance(name, type):
        name = f"{name.__module__}:{name.__qualname__}"
    if not isinstance(name, str) or len(name.split(":")) != 2 or not all(name.split(":")):
        raise _wrong(f'has {name!r} for a class: "module:Qualname" is the form')
    return name


def _several(several: Any, name: Any) -> list[Callable[[dict], dict]]:
    functions = [several] if callable(several) else several
    if not isinstance(functions, Iterable) or not all(map(callable, functions := list(functions))):
        raise _wrong(f"has no function, nor a list of functions, for {name}")
    return functions


def _wrong(text: str) -> ArgumentError:
    return ArgumentError(f"migrations {text} [invalid-argument]")._with(status="invalid-argument", diagnostic="invalid-argument")


def _failed(number: int, name: str, text: str) -> ContractError:
    return ContractError(f"the function from version {number} for {name} {text} [migration-function]")._with(
        status="unsupported", diagnostic="migration-function"
    )


def _run_root(obj: Any, function: Callable[[dict], dict], number: int) -> Any:
    if isinstance(obj, dict):
        return _call(function, obj, number, "the root")
    _set_state(obj, _call(function, _get_state(obj), number, "the root"), number, "the root")
    return obj


def _call(function: Callable[[dict], dict], state: dict, number: int, name: str) -> dict:
    try:
        state = function(state)
    except Exception as error:
        raise _failed(number, name, f"raised {type(error).__name__}: {error}") from error
    if not isinstance(state, dict):
        raise _failed(number, name, f"must return a dict, not {type(state).__name__}")
    return state


# ---- states ----


def _slots(instance: Any) -> list[str]:
    """Names of slots as attributes, mangled where they are private, the base's first."""
    found = []
    for owner in reversed(type(instance).__mro__):
        declared = owner.__dict__.get("__slots__", ())
        for name in [declared] if isinstance(declared, str) else declared:
            if name.startswith("__") and not name.endswith("__") and owner.__name__.strip("_"):
                name = f"_{owner.__name__.lstrip('_')}{name}"
            if name not in ("__dict__", "__weakref__"):
                found.append(name)
    return found


def _get_state(instance: Any) -> dict:
    state = dict(getattr(instance, "__dict__", {}))
    for name in _slots(instance):
        if hasattr(instance, name):
            state[name] = getattr(instance, name)
    return state


def _set_state(instance: Any, state: dict, number: int, name: str) -> None:
    """As pickle fills an instance: past __setattr__, so that frozen ones take it as well."""
    try:
        slots = _slots(instance)
        for slot in slots:
            if slot in state:
                object.__setattr__(instance, slot, state[slot])
            elif hasattr(instance, slot):
                object.__delattr__(instance, slot)
        rest = {key: value for key, value in state.items() if key not in slots}
        if not rest and not hasattr(instance, "__dict__"):
            return
        instance.__dict__.clear()
        instance.__dict__.update(rest)
    except (AttributeError, TypeError) as error:
        raise _failed(number, name, f"returned what an instance of {type(instance).__name__} cannot hold: {error}") from error


# ---- the instances ----


def _parts(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield item
    elif isinstance(value, (list, tuple, set, frozenset, deque)):
        yield from value
    if type(value).__module__ != "builtins":
        yield from _get_state(value).values()


def _instances(root: Any, name: str) -> Iterator[Any]:
    """All instances of exactly this class that the object holds, each once, those nearer to the beginning first."""
    seen: set[int] = set()
    work = [root]
    while work:
        value = work.pop()
        if isinstance(value, _PLAIN) or isinstance(value, _OUTSIDE) or id(value) in seen:
            continue
        seen.add(id(value))
        if f"{type(value).__module__}:{type(value).__qualname__}" == name:
            yield value
        work.extend(reversed(list(_parts(value))))
