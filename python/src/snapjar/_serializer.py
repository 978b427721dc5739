# SPDX-License-Identifier: MIT
"""Serializer: dumps and loads with the settings of one program, for everything that takes such a pair."""

from __future__ import annotations

from typing import Any

from ._dump import dumps
from ._load import loads
from ._policy import Policy, resolve_policy


class Serializer:
    """An object with `dumps` and `loads`, as queues and caches want it.

    allow, policy -- what loading may use, as of `loads`
    environment, layout -- as of `loads`; "ignore" by default: a queue's workers warn for each message otherwise
    dump          -- keywords for `dumps`: {"compression": "raw"}
    """

    def __init__(
        self,
        *,
        allow: Any = (),
        policy: Policy | None = None,
        environment: Any = "ignore",
        layout: str = "ignore",
        dump: dict[str, Any] | None = None,
    ) -> None:
        self.policy = resolve_policy(allow, policy)
        self._load = {"policy": self.policy, "environment": environment, "layout": layout}
        self._dump = dict(dump or {})
        loads(dumps(None, **self._dump), **self._load)  # says now what is wrong with them

    def dumps(self, obj: Any, *_args: Any, **_keywords: Any) -> bytes:
        """The object as one record. Whatever else a framework passes is ignored."""
        return dumps(obj, **self._dump)

    def loads(self, data: Any, *_args: Any, **_keywords: Any) -> Any:
        """The object, through the whole gate."""
        return loads(data, **self._load)
