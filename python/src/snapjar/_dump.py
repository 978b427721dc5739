# SPDX-License-Identifier: MIT
"""dump and dumps."""

from __future__ import annotations

import datetime
import json
import os
from collections.abc import Mapping
from typing import Any

from . import _core
from ._contract import check_written, resolve_contract
from ._errors import fspath

_COMPRESSIONS = {"auto": 0, "raw": 1, "zstd": 2}


def _labels_json(labels: Mapping[str, Any]) -> bytes:
    for name, value in labels.items():
        is_scalar = value is None or isinstance(value, (str, bool, int))
        if not isinstance(name, str) or not is_scalar:
            raise TypeError(f"labels are texts, whole numbers, booleans or None by name, not {name!r}: {value!r}")
    return json.dumps(dict(labels), separators=(",", ":")).encode()


def _created_text(created: "datetime.datetime | str") -> bytes:
    if isinstance(created, str):
        return created.encode()
    if created.tzinfo is None:
        raise ValueError("created must say its time zone")
    return created.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ").encode()


def _type_name(value: Any) -> str:
    return f"{value.__module__}:{value.__qualname__}" if isinstance(value, type) else value


def _compression(value: str) -> int:
    try:
        return _COMPRESSIONS[value]
    except KeyError:
        raise ValueError(f"compression must be one of {', '.join(_COMPRESSIONS)}, not {value!r}") from None


def _version_of(contract: Any, schema_version: int | None) -> int:
    return contract.schema_version if schema_version is None else schema_version


def dumps(
    obj: Any,
    *,
    type: "str | type | None" = None,  # noqa: A002
    schema_version: int | None = None,
    labels: Mapping[str, Any] | None = None,
    created: "datetime.datetime | str | None" = None,
    protocol: int = 5,
    compression: str = "auto",
    level: int = 0,
    threads: int | None = None,
    frame_size: int = 0,
    contract: Any = None,
    key: Any = None,
    context: str | None = None,
) -> bytes:
    if contract is not None:
        contract = resolve_contract(contract)
        record = dumps(obj, type=type or contract.type, schema_version=_version_of(contract, schema_version), labels=labels,
                       created=created, protocol=protocol, compression=compression, level=level, threads=threads,
                       frame_size=frame_size)  # fmt: skip
        check_written(contract, record)
        return record if key is None and context is None else _sealed(record, key, context)
    record = _core.dump_bytes(
        obj,
        type if type is None or type.__class__ is str else _type_name(type),
        schema_version,
        None if not labels else _labels_json(labels),
        None if created is None else _created_text(created),
        protocol,
        0 if compression == "auto" else _compression(compression),
        level,
        threads,
        frame_size,
    )
    return record if key is None and context is None else _sealed(record, key, context)


def _sealed(record: bytes, key: Any, context: str | None) -> bytes:
    from ._seal import seal_record

    if key is None:
        raise ValueError("context is for a key, and none was given")
    return seal_record(record, key, context)


def dump(
    obj: Any,
    target: Any,
    *,
    type: "str | type | None" = None,  # noqa: A002
    schema_version: int | None = None,
    labels: Mapping[str, Any] | None = None,
    created: "datetime.datetime | str | None" = None,
    protocol: int = 5,
    compression: str = "auto",
    level: int = 0,
    threads: int | None = None,
    frame_size: int = 0,
    key: Any = None,
    context: str | None = None,
    sync: bool = True,
    exclusive: bool = False,
    contract: Any = None,
) -> None:
    if contract is not None:
        contract = resolve_contract(contract)
        type, schema_version = type or contract.type, _version_of(contract, schema_version)
    arguments = (
        obj,
        type if type is None or type.__class__ is str else _type_name(type),
        schema_version,
        None if not labels else _labels_json(labels),
        None if created is None else _created_text(created),
        protocol,
        0 if compression == "auto" else _compression(compression),
        level,
        threads,
        frame_size,
    )
    is_path = isinstance(target, (str, os.PathLike))
    if is_path and contract is None and key is None and context is None:
        _core.dump_path(fspath(target), sync, exclusive, *arguments)
        return
    write = None if is_path else getattr(target, "write", None)
    if not is_path and write is None:
        raise TypeError(f"a path or a binary file to write to, not {target.__class__.__name__}")
    record = _core.dump_bytes(*arguments)
    if contract is not None:
        check_written(contract, record)
    if key is not None or context is not None:
        record = _sealed(record, key, context)
    if is_path:
        _write_path(target, record, sync, exclusive)
    else:
        _write_all(write, record)


def _write_path(path: Any, record: bytes, sync: bool, exclusive: bool) -> None:
    writer = _core.Writer(fspath(path), False, False, sync, exclusive)
    try:
        writer.write(record)
        writer.finish()
    except BaseException:
        writer.abort()
        raise


def _write_all(write: Any, record: bytes) -> None:
    """Everything, also where a raw file takes less than it is given."""
    written = write(record)
    at = written if isinstance(written, int) else len(record)
    while at < len(record):
        written = write(memoryview(record)[at:])
        if not written:
            raise BlockingIOError("the file takes no more")
        at += written
