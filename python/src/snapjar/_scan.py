# SPDX-License-Identifier: MIT
"""scan: what pickles would do, and what a policy says to it; show: what is in them. Nothing is imported, nothing is loaded."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

from . import _core
from ._errors import Denial, SnapjarError, fspath, no_record
from ._policy import Policy, resolve_policy, use_names
from ._seal import resolve_detached, resolve_trust

_ENCODINGS = {"ascii": 0, "latin1": 1, "bytes": 2}


class ScannedGlobal(NamedTuple):
    """A global that a pickle names, in the names of Python 3, and how it uses it."""

    name: str
    uses: tuple[str, ...]
    fields: tuple[str, ...]
    offset: int


class ScanResult(NamedTuple):
    """What one pickle would do.

    index   -- number of the pickle in the file; offset: where it begins there (of a snapshot: its record)
    verdict -- "allowed", "denied" or "not-analysed"; only the first means that it may be loaded
    failure -- why it could not be analysed, or None
    """

    index: int
    offset: int
    verdict: str
    globals: tuple[ScannedGlobal, ...]
    denials: tuple[Denial, ...]
    failure: SnapjarError | None

    @property
    def ok(self) -> bool:
        return self.verdict == "allowed"


def _result(row: tuple) -> ScanResult:
    index, offset, verdict, globals_, denials, failure, _ = row
    return ScanResult(
        index,
        offset,
        verdict,
        tuple(ScannedGlobal(f"{item[2]}:{item[3]}" if not item[8] else f"extension code {item[8]}", use_names(item[6]),
                            item[4], item[7]) for item in globals_),
        tuple(Denial(diagnostic, at, name, tuple(uses), reason, line)
              for diagnostic, at, name, uses, reason, line in denials),
        failure,
    )  # fmt: skip


def encoding_number(encoding: str) -> int:
    if encoding not in _ENCODINGS:
        raise ValueError(f"encoding must be one of {', '.join(_ENCODINGS)}, not {encoding!r}")
    return _ENCODINGS[encoding]


def target_of(source: Any, trust: Any = None, context: str | None = None, detached: Any = False) -> Any:
    """A source as the extension takes it here: a path, or memory."""
    seal = resolve_detached(detached, source, trust)
    is_path = isinstance(source, (str, os.PathLike))
    target = fspath(source) if is_path else (source.read() if hasattr(source, "read") else source,)
    if trust is not None:
        return target, resolve_trust(trust), None if context is None else context.encode(), seal
    if context is not None:
        raise ValueError("context is for a trust, and none was given")
    return target


def scan(
    source: Any,
    *,
    allow: Any = (),
    policy: Policy | None = None,
    encoding: str = "ascii",
    trust: Any = None,
    context: str | None = None,
    detached: Any = False,
) -> list[ScanResult]:
    judge = resolve_policy(allow, policy)
    number = encoding_number(encoding)
    target = target_of(source, trust, context, detached)
    results: list[ScanResult] = []
    for row in _core.scan(target, judge, number):
        if isinstance(row, tuple):
            results.append(_result(row))
        elif not results or results[-1].failure is None:
            # Behind the last pickle is something that is none, or that no walk gets past.
            offset = row.offset if row.offset is not None and row.space == "file" else 0
            results.append(ScanResult(len(results), offset, "not-analysed", (), (), row))
    return results


def show(
    source: Any,
    *,
    record: int = 0,
    path: str = "",
    json: bool = False,
    depth: int = 0,
    length: int = 0,
    text: int = 0,
    allow: Any = (),
    policy: Policy | None = None,
    encoding: str = "ascii",
    trust: Any = None,
    context: str | None = None,
    detached: Any = False,
) -> str:
    number = encoding_number(encoding)
    for name, value in (("depth", depth), ("length", length), ("text", text)):
        if value < 0:
            raise ValueError(f"{name} must not be negative, and is {value}")
    target = target_of(source, trust, context, detached)
    shown = _core.show(target, record, path, json, depth, length, text, resolve_policy(allow, policy), number)
    if shown is None:
        raise no_record(f"no record {record}")
    return shown
