# SPDX-License-Identifier: MIT
"""load and loads: through the whole gate."""

from __future__ import annotations

import json
import os
from typing import Any

from . import _core
from ._contract import migrate, migrate_record, resolve_contract
from ._dump import _type_name
from ._environment import environment_rules
from ._errors import ContractError, EndOfFile, hint_of
from ._functions import check_functions, run_functions
from ._layout import MODES
from ._policy import Policy, resolve_policy
from ._seal import demand, resolve_detached
from ._source import Opened

_WARN = environment_rules("warn")


def _layout_mode(layout: str) -> int:
    try:
        return MODES[layout]
    except KeyError:
        raise ValueError(f"layout must be one of {', '.join(MODES)}, not {layout!r}") from None


def settings(
    allow: Any, policy: Policy | None, environment: Any, layout: str, type: Any, schema_version: int | None,
    threads: int | None,
) -> tuple:  # noqa: A002
    """The arguments of a load as the extension takes them."""
    return (
        resolve_policy(allow, policy),
        _WARN if environment == "warn" else environment_rules(environment),
        1 if layout == "warn" else _layout_mode(layout),
        None if type is None and schema_version is None else (type, schema_version),
        threads,
    )


def check_expected(header: bytes, expected: tuple) -> None:
    """Refuses a record of another type or schema version, before its payload is looked at."""
    type, schema_version = expected  # noqa: A001
    stored = json.loads(header)
    wanted = None if type is None else _type_name(type)
    if wanted is not None and stored["type"] != wanted:
        what, is_, must = "type", stored["type"], wanted
    elif schema_version is not None and stored["schema_version"] != schema_version:
        what, is_, must = "schema_version", stored["schema_version"], schema_version
    else:
        return
    raise ContractError(f"{what} is {is_!r}, expected {must!r} [unexpected-type]")._with(
        status="refused",
        diagnostic="unexpected-type",
        place=what,
        hint=hint_of("unexpected-type"),
    )


def loads(
    data: Any,
    *,
    allow: Any = (),
    policy: Policy | None = None,
    environment: Any = "warn",
    layout: str = "warn",
    type: Any = None,  # noqa: A002
    schema_version: int | None = None,
    threads: int | None = None,
    contract: Any = None,
    migrations: Any = None,
    trust: Any = None,
    context: str | None = None,
    detached: Any = False,
) -> Any:
    if contract is not None or migrations:
        wanted = {"allow": allow, "policy": policy, "environment": environment, "layout": layout, "type": type,
                  "schema_version": schema_version, "threads": threads}  # fmt: skip
        seal = resolve_detached(detached, data, trust)
        data = bytes(data)
        _check_seal(data, trust, context, seal)
        return _loads_by_contract(data, contract, migrations or {}, wanted)
    if trust is not None or context is not None or not (detached is False or detached is None):
        return load(
            memoryview(data),
            allow=allow,
            policy=policy,
            environment=environment,
            layout=layout,
            type=type,
            schema_version=schema_version,
            threads=threads,
            trust=trust,
            context=context,
            detached=detached,
        )
    return _core.load_bytes(
        data,
        policy if policy is not None and not allow else resolve_policy(allow, policy),
        _WARN if environment == "warn" else environment_rules(environment),
        1 if layout == "warn" else _layout_mode(layout),
        None if type is None and schema_version is None else (type, schema_version),
        threads,
    )


def load(
    source: Any,
    *,
    allow: Any = (),
    policy: Policy | None = None,
    environment: Any = "warn",
    layout: str = "warn",
    type: Any = None,  # noqa: A002
    schema_version: int | None = None,
    threads: int | None = None,
    max_size: int = 0,
    contract: Any = None,
    write_back: bool = False,
    migrations: Any = None,
    trust: Any = None,
    context: str | None = None,
    key: Any = None,
    detached: Any = False,
) -> Any:
    if key is not None and not write_back:
        raise ValueError("key seals what write_back writes, and nothing is written back")
    seal = resolve_detached(detached, source, trust)
    if write_back and seal is not None:
        raise ValueError("write_back changes the file, and its detached seal would not hold any more: migrate it, and seal it again")
    if contract is not None or migrations or write_back:
        wanted = {"allow": allow, "policy": policy, "environment": environment, "layout": layout, "type": type,
                  "schema_version": schema_version, "threads": threads}  # fmt: skip
        if write_back and trust is not None and key is None:
            raise ValueError("write_back under trust needs key=: what it writes would not be sealed")
        return _load_by_contract(source, max_size, contract, write_back, migrations or {}, wanted, (trust, context, seal), key)
    wanted = settings(allow, policy, environment, layout, type, schema_version, threads)
    opened = Opened(source, max_size)
    try:
        if trust is not None or context is not None:
            demand(opened.native, trust, context, seal)
        row = opened.native.next()
        if row is None:
            raise EndOfFile("there is no record here [empty-file]")._with(status="cut-short", diagnostic="empty-file")
        _, offset, size, _ = row
        if not opened.is_at_place and offset + size != opened.native.size():
            opened.native.verify(threads, False)
            opened.native.next()
            raise ValueError("holds more than one record: read them with snapjar.open_reader")
        if seal is not None:
            # The list ends with it too, or records are missing.
            opened.native.next()
            opened.native.seek(offset, 0)
            opened.native.next()
        obj = opened.native.load(*wanted)
    finally:
        opened.close()
    opened.advance(offset, size)
    return obj


def _check_seal(data: bytes, trust: Any, context: str | None, seal: Any) -> None:
    """Raises unless all of these very bytes are sealed as demanded."""
    if trust is None and context is None:
        return
    opened = Opened(data)
    try:
        demand(opened.native, trust, context, seal)
        while opened.native.next() is not None:
            opened.native.verify(None, False)
    finally:
        opened.close()


def _loads_by_contract(data: bytes, contract: Any, migrations: Any, wanted: dict[str, Any]) -> Any:
    """Migrated in memory by the contract, through the whole gate, and then by functions for what data alone cannot say."""
    migrated = None
    migrations = check_functions(migrations)
    if contract is not None:
        contract = resolve_contract(contract)
        migrated = migrate_record(contract, data)
        wanted["type"] = contract.type if wanted["type"] is None else wanted["type"]
        if not wanted["allow"] and wanted["policy"] is None:
            wanted["policy"] = contract.policy
    obj = loads(data if migrated is None else migrated, **wanted)
    if not migrations:
        return obj
    # The record is whole, or it would not have been loaded: its JSON is where the format has it.
    header = json.loads(data[44 : 44 + int.from_bytes(data[20:24], "little")])
    return run_functions(obj, header["schema_version"], migrations)


def _load_by_contract(
    source: Any, max_size: int, contract: Any, write_back: bool, migrations: Any, wanted: dict[str, Any], seal: tuple,
    key: Any,
) -> Any:
    is_path = isinstance(source, (str, os.PathLike))
    if write_back and (contract is None or not is_path or migrations):
        raise ValueError("write_back needs a path and a contract, and no functions: what those make is not written back")
    if is_path:
        with open(source, "rb") as file:
            data = file.read()
    else:
        data = source.read() if hasattr(source, "read") else bytes(source)
    if max_size and len(data) > max_size:
        raise ValueError(f"the file has {len(data)} bytes, max_size is {max_size}")
    trust, context, detached = seal
    _check_seal(data, trust, None if trust is None and key is not None else context, detached)
    contract = contract if contract is None else resolve_contract(contract)
    obj = _loads_by_contract(data, contract, migrations, wanted)
    if write_back:
        (result,) = migrate(source, contract, key=key, trust=trust, context=context)
        if result.error is not None:
            raise result.error
    return obj
