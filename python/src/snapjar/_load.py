# SPDX-License-Identifier: MIT
"""load and loads: through the whole gate."""

from __future__ import annotations

import json
from typing import Any

from . import _core
from ._dump import _type_name
from ._environment import environment_rules
from ._errors import ContractError, EndOfFile, hint_of
from ._layout import MODES
from ._policy import Policy, resolve_policy
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
) -> Any:
    return _core.loads(
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
) -> Any:
    wanted = settings(allow, policy, environment, layout, type, schema_version, threads)
    opened = Opened(source, max_size)
    try:
        row = opened.native.next()
        if row is None:
            raise EndOfFile("there is no record here [empty-file]")._with(status="cut-short", diagnostic="empty-file")
        _, offset, size, _ = row
        if not opened.is_at_place and offset + size != opened.native.size():
            opened.native.verify(threads, False)
            opened.native.next()
            raise ValueError("holds more than one record: read them with snapjar.open_reader")
        obj = opened.native.load(*wanted)
    finally:
        opened.close()
    opened.advance(offset, size)
    return obj
