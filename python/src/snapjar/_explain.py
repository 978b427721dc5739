# SPDX-License-Identifier: MIT
"""Where in an object the part is that cannot be pickled, and why. Runs only after pickling has failed."""

from __future__ import annotations

import copyreg
import io
import pickle
import types
from collections.abc import Iterator
from typing import Any

from ._errors import NotPicklableError, hint_of

# A search, not a proof: in a huge object it gives up and names the deepest part it got to.
STEPS_MAX = 10_000
_LEAVES = (str, bytes, bytearray, int, float, complex, bool, type(None))

_REASONS: list[tuple[tuple[str, ...], str]] = [
    (("_thread.lock", "_thread.RLock", "_thread._local"), "a lock or thread-local exists in one process only"),
    (("socket.socket", "ssl.SSLSocket"), "an open socket exists in one process only"),
    (("_io.TextIOWrapper", "_io.BufferedReader", "_io.BufferedWriter", "_io.BufferedRandom", "_io.FileIO"),
     "an open file exists in one process only: keep its path"),
    (("builtins.generator", "builtins.coroutine", "builtins.async_generator"), "it is in the middle of running code"),
    (("builtins.module",), "a module is imported, not stored"),
    (("builtins.frame", "builtins.traceback"), "it is part of a running program"),
    (("sqlite3.Connection", "sqlite3.Cursor"), "a database connection exists in one process only"),
    (("builtins.weakref", "weakref.ReferenceType"), "a weak reference keeps nothing alive that could be stored"),
    (("builtins.memoryview",), "a view of memory: store bytes(view)"),
]  # fmt: skip


def _can_pickle(value: Any) -> bool:
    class Nowhere(io.RawIOBase):
        def write(self, data: Any) -> int:
            return len(data)

    try:
        pickle.Pickler(Nowhere(), 5).dump(value)
    except Exception:
        return False
    return True


def _reduced(value: Any) -> Any:
    reducer = copyreg.dispatch_table.get(type(value))
    return reducer(value) if reducer else value.__reduce_ex__(4)


def _state_parts(path: str, state: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(state, dict):
        yield from ((f"{path}.{name}", value) for name, value in state.items())
    elif isinstance(state, tuple) and len(state) == 2 and isinstance(state[1], dict):
        yield from _state_parts(path, state[0] or {})
        yield from _state_parts(path, state[1])
    elif state is not None:
        yield f"{path}.__getstate__()", state


def _parts(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """What a pickle of a value is made of, each part with the expression for it."""
    if isinstance(value, dict) and type(value) is dict:
        for key, item in value.items():
            yield f"{path} key {key!r:.60}", key
            yield f"{path}[{key!r:.60}]", item
        return
    if type(value) in (list, tuple):
        yield from ((f"{path}[{index}]", item) for index, item in enumerate(value))
        return
    if type(value) in (set, frozenset):
        yield from ((f"an element of {path}", item) for item in value)
        return
    try:
        reduced = _reduced(value)
    except Exception:
        return
    if not isinstance(reduced, tuple):
        return
    function, arguments, state, items, pairs = (*reduced, None, None, None)[:5]
    for number, argument in enumerate(arguments or ()):
        if not isinstance(argument, type):
            yield f"argument {number} of the call that rebuilds {path}", argument
    yield from _state_parts(path, state)
    if items is not None:
        yield from ((f"{path}[{index}]", item) for index, item in enumerate(items))
    if pairs is not None:
        yield from ((f"{path}[{key!r:.60}]", item) for key, item in pairs)
    if not isinstance(function, type):
        yield f"the function that rebuilds {path}", function


def find_culprit(value: Any) -> tuple[str, Any]:
    """(expression, the smallest part found that cannot be pickled)"""
    path = "obj"
    seen: set[int] = set()
    steps = 0
    while True:
        seen.add(id(value))
        for part_path, part in _parts(path, value):
            steps += 1
            if steps > STEPS_MAX:
                return path, value
            if isinstance(part, _LEAVES) or id(part) in seen or _can_pickle(part):
                continue
            path, value = part_path, part
            break
        else:
            return path, value


def reason_for(value: Any, error: BaseException) -> str:
    """Why, in words for whoever wrote the class."""
    if isinstance(error, RecursionError):
        return "it is nested deeper than Python's recursion limit allows pickling"
    kind = value if isinstance(value, type) else type(value)
    name = f"{kind.__module__}.{kind.__qualname__}"
    for names, reason in _REASONS:
        if name in names:
            return reason
    if isinstance(value, types.FunctionType) and value.__name__ == "<lambda>":
        return "a lambda has no name it could be found by: use a function of a module"
    if "<locals>" in str(getattr(value, "__qualname__", "")):
        return "it is defined inside a function, so it cannot be found by name: move it to the module"
    if "<locals>" in kind.__qualname__:
        return "its class is defined inside a function, so it cannot be found by name: move the class to the module"
    return f"{type(error).__name__}: {error}"


def explain_pickling(value: Any, error: BaseException) -> BaseException:
    """The exception for an object that cannot be pickled."""
    path, culprit = find_culprit(value)
    kind = type(culprit)
    made = NotPicklableError(
        f"{path} ({kind.__module__}.{kind.__qualname__}) cannot be pickled: {reason_for(culprit, error)} [not-picklable]"
    )
    made.__cause__ = error
    return made._with(
        status="invalid-argument",
        diagnostic="not-picklable",
        path=path,
        hint=hint_of("not-picklable"),
    )
