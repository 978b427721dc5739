# SPDX-License-Identifier: MIT
"""Contracts: what objects of a type look like, how older ones become current ones, and files of them made current in place."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from . import _core
from ._errors import ContractError, SnapjarError, fspath, hint_of
from ._policy import Policy, remake_policy


class Contract:
    """A contract that was read (spec/contract.md). Never changes.

    source -- a path, or the JSON text as bytes
    """

    def __init__(self, source: "str | os.PathLike[str] | bytes") -> None:
        if isinstance(source, bytes):
            text, where = source, ""
        else:
            # Not a descriptor's number.
            with open(os.fspath(source), "rb") as file:
                text, where = file.read(), f"{os.fspath(source)}: "
        try:
            self._native, self.type, self.schema_version, rules = _core.contract_read(text)
        except SnapjarError as error:
            raise ContractError(f"{where}{error}")._with(
                status=error.status, diagnostic=error.diagnostic, offset=error.offset, place=error.place, hint=error.hint
            ) from None
        self._text = text
        self.policy: Policy = remake_policy(((), (), tuple(rules)))

    def __reduce__(self) -> tuple:
        return Contract, (self._text,)

    def __repr__(self) -> str:
        return f"<snapjar.Contract {self.type}, version {self.schema_version}>"

    def check(self, data: Any) -> "Assessment":
        """What the contract says of the first pickle of a record or bare pickle in memory."""
        state, version, findings = _core.contract_check(self._native, data)
        return Assessment(state, version, tuple(Finding(*row[:3], tuple(row[3]), tuple(row[4])) for row in findings))


class Finding(NamedTuple):
    """One thing that is not as a contract says."""

    kind: str
    path: str
    message: str
    #: The fields that the object has and those of the contract, if it is about fields.
    found: tuple[str, ...]
    expected: tuple[str, ...]


class Assessment(NamedTuple):
    """What a contract says of an object: current, accepted, migratable, drifted or unknown."""

    state: str
    version: int
    findings: tuple[Finding, ...]


class Migrated(NamedTuple):
    """What became of a file. `error` is None unless it is as it was because something is wrong.

    renewed_seals -- records of a changed file that were sealed and are sealed again
    new_seals     -- those that are sealed now, and were not or had theirs dropped
    dropped_seals -- those whose seal was left off unchecked (`drop_seal`)
    """

    file: str
    changed: bool
    records: int
    changed_records: int
    error: SnapjarError | None
    renewed_seals: int = 0
    new_seals: int = 0
    dropped_seals: int = 0


def resolve_contract(contract: Any) -> Contract:
    return contract if isinstance(contract, Contract) else Contract(contract)


def check_written(contract: Contract, record: bytes) -> None:
    """Refuses what is not as the contract says of the version that is declared, with both lists of fields."""
    found = contract.check(record)
    if found.state in ("current", "accepted", "migratable"):
        return
    lines = [f"{finding.path + ': ' if finding.path else ''}{finding.message}" for finding in found.findings]
    for finding in found.findings:
        if finding.kind == "fields":
            lines.append(f"the object has {', '.join(finding.found)}; the contract has {', '.join(finding.expected)}")
    text = f"the object is {found.state} by the contract for {contract.type}, version {contract.schema_version}: " + "; ".join(lines)
    raise ContractError(f"{text} [contract-drifted]")._with(
        status="refused", diagnostic="contract-drifted", place=contract.type, hint=hint_of("contract-drifted")
    )


def migrate_record(contract: Contract, data: Any) -> bytes | None:
    """The record as the contract makes it, or None if it is current or accepted."""
    return _core.migrate_bytes(contract._native, data, -1, -1)


def migrate(
    paths: "str | os.PathLike[str] | Iterable[str | os.PathLike[str]]",
    contract: "Contract | str | os.PathLike[str] | bytes | None" = None,
    *,
    protocol: int | None = None,
    schema_version: int | None = None,
    backup: "bool | str" = False,
    drop_seal: bool = False,
    sync: bool = True,
    key: Any = None,
    trust: Any = None,
    context: str | None = None,
) -> list[Migrated]:
    """Makes files current, in place: one path or many. Nothing is loaded or executed.

    Each file is replaced whole, once its new bytes were read again, checked and compared, or stays as it is. Many files share two
    syncs. A failure of one is in its result and stops no other.

    contract       -- its migrations are applied to records of its type; None: only the container changes
    protocol       -- write pickles again at this protocol
    schema_version -- of bare pickles, which do not say it
    backup         -- keep old files: True as NAME~, or a text to put behind the name
    drop_seal      -- the seals of sealed records are not looked at, and not kept; without this or `key` they are refused
    sync           -- wait until the disk has it
    key            -- seal every record of the files that change. What was sealed must be so by these keys, unless `trust` names others
    trust          -- migrate only what is sealed by these, as in `load`
    context        -- what the seals were made for, and are again
    """
    names = [paths] if isinstance(paths, (str, bytes, os.PathLike)) else list(paths)
    from ._seal import resolve_keys, resolve_trust

    if context is not None and key is None and trust is None:
        raise ValueError("context is for a key or a trust, and none was given")
    native = None if contract is None else resolve_contract(contract)._native
    suffix = "~" if backup is True else backup or None
    rows = _core.migrate_paths(
        native,
        [fspath(name) for name in names],
        -1 if protocol is None else protocol,
        -1 if schema_version is None else schema_version,
        drop_seal,
        suffix,
        sync,
        () if key is None else resolve_keys(key),
        None if trust is None else resolve_trust(trust),
        None if context is None else context.encode(),
    )
    results = []
    for name, (changed, records, changed_records, foreign, error, *seals) in zip(names, rows, strict=True):
        if error is None and foreign and foreign == records:
            error = ContractError("no record is of the contract's type [unexpected-type]")._with(
                status="refused", diagnostic="unexpected-type", hint=hint_of("unexpected-type")
            )
        results.append(Migrated(os.fsdecode(name), bool(changed), records, changed_records, error, *seals))
    return results
