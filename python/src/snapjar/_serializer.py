# SPDX-License-Identifier: MIT
"""Serializer: dumps and loads with the settings of one program, for everything that takes such a pair."""

from __future__ import annotations

import os
from typing import Any

from ._dump import dumps
from ._load import loads
from ._policy import Policy, resolve_policy
from ._seal import Key, resolve_trust


class Serializer:
    """An object with `dumps` and `loads`, as queues and caches want it.

    allow, policy -- what loading may use, as of `loads`
    environment, layout -- as of `loads`; "ignore" by default: a queue's workers warn for each message otherwise
    dump          -- keywords for `dumps`: {"compression": "raw"}
    key, trust    -- seal what is dumped, and load nothing that is not sealed by a trusted key
    context       -- what the seals are made for: the queue's name
    """

    def __init__(
        self,
        *,
        allow: Any = (),
        policy: Policy | None = None,
        environment: Any = "ignore",
        layout: str = "ignore",
        dump: dict[str, Any] | None = None,
        key: Any = None,
        trust: Any = None,
        context: str | None = None,
    ) -> None:
        self.policy = resolve_policy(allow, policy)
        self._load = {"policy": self.policy, "environment": environment, "layout": layout}
        self._dump = dict(dump or {})
        if context is not None and key is None and trust is None:
            raise ValueError("context is for a key or a trust, and none was given")
        if key is not None:
            keys = (key,) if isinstance(key, (Key, str, os.PathLike)) else tuple(key)
            self._dump |= {"key": [k if isinstance(k, Key) else Key(k) for k in keys], "context": context}
        loads(dumps(None, **self._dump), **self._load)  # says now what is wrong with them
        if trust is not None:
            self._load |= {"trust": resolve_trust(trust), "context": context}

    def dumps(self, obj: Any, *_args: Any, **_keywords: Any) -> bytes:
        """The object as one record. Whatever else a framework passes is ignored."""
        return dumps(obj, **self._dump)

    def loads(self, data: Any, *_args: Any, **_keywords: Any) -> Any:
        """The object, through the whole gate."""
        return loads(data, **self._load)
