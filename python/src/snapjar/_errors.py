# SPDX-License-Identifier: MIT
"""What can go wrong, as exceptions and warnings. Every one says what, where, at which byte, and what to do."""

from __future__ import annotations

import functools
import os
import pickle
from typing import Any, NamedTuple

from . import _core


class Denial(NamedTuple):
    """One thing that a policy does not allow."""

    diagnostic: str
    offset: int
    global_name: str
    uses: tuple[str, ...]
    reason: str
    line: str


class SnapjarError(Exception):
    """The base of all of them.

    diagnostic -- the stable name of what is wrong; `snapjar explain NAME` explains it
    offset     -- the byte it is at, or None
    space      -- what the offset counts from: "file", "content" (the pickle after decompression), or ""
    record     -- number of the record in the file, or None
    place      -- the file or the header field, or ""
    hint       -- why it happens and what to do
    status     -- whose fault it is: "damaged", "cut-short", "limit", ...
    """

    diagnostic: str = ""
    offset: int | None = None
    space: str = ""
    record: int | None = None
    place: str = ""
    hint: str = ""
    status: str = ""

    def _with(self, **fields: Any) -> "SnapjarError":
        for name, value in fields.items():
            setattr(self, name, value)
        if self.hint:
            self.add_note(self.hint)
        return self


class IntegrityError(SnapjarError):
    """The data is damaged, cut short, or no snapshot at all."""


class EndOfFile(IntegrityError, EOFError):
    """There is nothing (more) to read."""


class UnsupportedVersionError(SnapjarError):
    """Intact, but written by a newer version of the format."""


class LimitError(SnapjarError):
    """Over a limit: nobody looked further."""


class PolicyError(SnapjarError, pickle.UnpicklingError):
    """The pickle does something that was not allowed. Nothing was imported or loaded.

    denials -- all that is denied, at once
    allow   -- the names to add to `allow=`, should you trust them
    """

    denials: tuple[Denial, ...] = ()
    allow: tuple[str, ...] = ()


class SealError(SnapjarError):
    """A signature is absent, wrong or not trusted."""


class ContractError(SnapjarError):
    """The snapshot is not what the program of today expects."""


class LayoutError(ContractError):
    """The stored fields or schema version are not those of the class."""


class EnvironmentMismatchError(ContractError):
    """Written by other versions of Python or of packages."""


class LoadError(SnapjarError, pickle.UnpicklingError):
    """The snapshot is whole and allowed, and making the object failed. `__cause__` says how."""


class MissingError(LoadError, ImportError):
    """Modules or classes of the snapshot are not there. `missing` lists them all."""

    missing: tuple[str, ...] = ()


class NotPicklableError(SnapjarError, pickle.PicklingError):
    """Something in the object cannot be pickled. Nothing was written.

    path -- where it is, as an expression on the object: "obj.jobs[3].lock"
    """

    path: str = ""


class ArgumentError(SnapjarError, ValueError):
    """An argument is not as it must be."""


class NotFoundError(SnapjarError, LookupError):
    """What was asked for is not there."""


class FileError(SnapjarError, OSError):
    """The operating system refused. Also an instance of the usual class (FileNotFoundError, PermissionError, ...)."""


class NoMemoryError(SnapjarError, MemoryError):
    """Memory could not be allocated."""


class InternalError(SnapjarError, RuntimeError):
    """A mistake in snapjar: please report it."""


class SnapjarWarning(UserWarning):
    """The base of the warnings."""


class LayoutWarning(SnapjarWarning):
    """The stored fields or schema version are not those of the class."""


class EnvironmentWarning(SnapjarWarning):
    """Written by other versions of Python or of packages."""


class SealWarning(SnapjarWarning):
    """What was written is not sealed, and stands behind a record that is."""


_CLASSES: dict[str, type[SnapjarError]] = {
    "invalid-argument": ArgumentError,
    "no-memory": NoMemoryError,
    "limit": LimitError,
    "cut-short": IntegrityError,
    "wrong-format": IntegrityError,
    "unsupported": UnsupportedVersionError,
    "damaged": IntegrityError,
    "bad-seal": SealError,
    "refused": PolicyError,
    "not-found": NotFoundError,
    "cancelled": InternalError,
    "bug": InternalError,
}
# What a contract, or a step of its migrations, says against an object: neither a policy's denial nor a newer format.
_OF_CONTRACTS = (
    "unexpected-type", "migration-version", "migration-layout", "contract-type", "contract-version", "contract-drifted",
    "step-touches-nothing", "step-unfaithful", "step-field-missing", "step-field-present", "step-value",
    "transcode-unfaithful",
)  # fmt: skip
# Of a detached seal it is the seal that is damaged, not the data.
_BY_DIAGNOSTIC: dict[str, type[SnapjarError]] = {
    "empty-file": EndOfFile,
    "seal-file-invalid": SealError,
    **dict.fromkeys(_OF_CONTRACTS, ContractError),
}
_file_errors: dict[type, type[FileError]] = {}


def _file_error_class(number: int) -> type[FileError]:
    """FileError that is also what Python itself would have raised for this errno."""
    usual = type(OSError(number, ""))
    if usual is OSError:
        return FileError
    if usual not in _file_errors:
        _file_errors[usual] = type(usual.__name__, (FileError, usual), {"__module__": __name__, "__reduce__": _reduce})
    return _file_errors[usual]


def _reduce(self: OSError) -> tuple:
    """The classes that are made here have no name to be pickled by."""
    return _rebuild_file_error, (self.errno, self.strerror, self.filename), self.__dict__


def _rebuild_file_error(number: int, text: str, name: str | None) -> FileError:
    return _file_error_class(number)(number, text, name)


def _where(offset: int | None, space: str, record: int | None) -> str:
    text = "" if offset is None else f" at byte {offset}" + (" of the pickle" if space == "content" else "")
    return text + ("" if record is None else f" (record {record})")


@functools.cache
def _hints() -> dict[str, str]:
    return {name: explanation for _, name, _, explanation in _core.diagnostics()}


def hint_of(diagnostic: str) -> str:
    """What the library's table of diagnostics says about one."""
    return _hints()[diagnostic]


def no_record(message: str, place: str = "") -> "NotFoundError":
    return NotFoundError(f"{message} [record-not-found]")._with(
        status="not-found", diagnostic="record-not-found", place=place, hint=hint_of("record-not-found")
    )


def make_error(
    status: str,
    diagnostic: str,
    offset: int | None,
    space: str,
    record: int | None,
    place: str,
    message: str,
    hint: str,
    number: int,
) -> SnapjarError:
    """The exception for an error of the library."""
    fields = {
        "status": status,
        "diagnostic": diagnostic,
        "offset": offset,
        "space": space,
        "record": record,
        "place": place,
        "hint": hint,
    }
    if status == "io":
        text = f"{message} [{diagnostic}]"
        error = _file_error_class(number)(number, text, *([place] if place else []))
        return error._with(**fields)
    kind = _BY_DIAGNOSTIC.get(diagnostic) or _CLASSES.get(status, InternalError)
    before = f"{place}: " if place else ""
    message = message.removeprefix(f"{place.rpartition('/')[2]}: ")  # it begins with the name where the file is another than the one read
    return kind(f"{before}{message} [{diagnostic}]{_where(offset, space, record)}")._with(**fields)


def make_denial(verdict: str, denials: list[tuple]) -> PolicyError:
    """The exception for a pickle that is not allowed."""
    made = tuple(Denial(diagnostic, offset, name, tuple(uses), reason, line)
                 for diagnostic, offset, name, uses, reason, line in denials)  # fmt: skip
    allow = tuple(dict.fromkeys(denial.global_name for denial in made if denial.line))
    lines = [f"the policy does not allow this pickle ({verdict}):"]
    for denial in made:
        name = f" {denial.global_name}" if denial.global_name else ""
        uses = f" ({', '.join(denial.uses)})" if denial.uses else ""
        lines.append(f"  byte {denial.offset}:{name}{uses}: {denial.reason} [{denial.diagnostic}]")
    hint = ""
    if allow:
        listed = ", ".join(f'"{name}"' for name in allow)
        lines.append(f"to allow what you know and trust: allow=[{listed}]")
        hint = "Each rule lets a pickle use that global with any data at all. Give a class itself to allow just instances."
    first = made[0] if made else None
    error = PolicyError("\n".join(lines))
    return error._with(
        status="refused",
        diagnostic=first.diagnostic if first else "global-denied",
        offset=first.offset if first else None,
        space="content",
        hint=hint,
        denials=made,
        allow=allow,
    )


def explain_unpickling(_unused: object, error: BaseException) -> BaseException:
    """What an exception in the middle of unpickling becomes. Ours stay as they are: loads may be nested."""
    if isinstance(error, SnapjarError):
        return error
    made = LoadError(f"making the object failed: {type(error).__name__}: {error} [load-failed]")
    made.__cause__ = error
    return made._with(
        status="refused",
        diagnostic="load-failed",
        hint=hint_of("load-failed"),
    )


def fspath(path: "str | bytes | os.PathLike[Any]") -> bytes:
    """A path as the library takes it."""
    name = os.fsencode(path)
    if b"\0" in name:
        raise ValueError("a path cannot hold a NUL")
    return name
