# SPDX-License-Identifier: MIT
"""Cache: files by key, where whatever is wrong with one is a miss with a logged reason, never an error."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ._dump import dump
from ._errors import SnapjarError
from ._load import load
from ._policy import Policy, resolve_policy
from ._seal import Key, resolve_trust

_log = logging.getLogger("snapjar.cache")
_MISSING = object()


class Cache:
    """Objects in files of a folder, by key. For what can be computed again.

    A file that is damaged, cut short, not allowed, of another layout, schema version or environment, or whose classes
    are gone, is a miss: `get` returns the default, and the reason is logged as a warning by the logger `snapjar.cache`.

    version       -- your own version of what the values mean: those of another one are misses
    allow, policy, environment, layout -- as of `load`; layout and environment are refused by default: stale is a miss
    sync          -- wait for the disk on `set`; a cache need not
    key           -- seal what is stored; an entry that this key, or `trust`, does not vouch for is a miss
    trust         -- whose entries are good, as of `load`; left out, those of `key`
    context       -- what the seals are made for: the cache's name
    """

    def __init__(
        self,
        folder: "str | os.PathLike[str]",
        *,
        version: int = 0,
        allow: Any = (),
        policy: Policy | None = None,
        environment: Any = "refuse",
        layout: str = "refuse",
        sync: bool = False,
        key: Any = None,
        trust: Any = None,
        context: str | None = None,
    ) -> None:
        if context is not None and key is None and trust is None:
            raise ValueError("context is for a key or a trust, and none was given")
        self.folder = Path(folder)
        self.version = version
        self._load = {"policy": resolve_policy(allow, policy), "environment": environment, "layout": layout}
        self._dump: dict[str, Any] = {"sync": sync}
        if key is not None:
            key = key if isinstance(key, Key) else Key(key)
            self._dump |= {"key": key, "context": context}
        if key is not None or trust is not None:
            self._load |= {"trust": resolve_trust(key if trust is None else trust), "context": context}

    def path(self, key: str) -> Path:
        """The file of a key."""
        name = hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=20).hexdigest()
        return self.folder / name[:2] / f"{name[2:]}.snapjar"

    def get(self, key: str, default: Any = None) -> Any:
        """The value, or the default if there is none that is good."""
        path = self.path(key)
        try:
            stored, value = load(path, schema_version=self.version, **self._load)
            if stored != key:
                raise ValueError(f"the file is of the key {stored!r}")
            return value
        except FileNotFoundError:
            return default
        except (SnapjarError, ValueError, TypeError) as error:
            diagnostic = getattr(error, "diagnostic", "") or "bad-entry"
            _log.warning("miss for %r: %s: %s [%s]", key, path, str(error).partition("\n")[0], diagnostic)
            return default

    def set(self, key: str, value: Any) -> None:
        """Stores a value, atomically."""
        path = self.path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        dump((key, value), path, type="snapjar:Cache", schema_version=self.version, labels={"key": key[:500]},
             **self._dump)  # fmt: skip

    def delete(self, key: str) -> None:
        """Forgets a value. None there is fine."""
        with contextlib.suppress(FileNotFoundError):
            self.path(key).unlink()

    def get_or_set(self, key: str, make: Callable[[], Any]) -> Any:
        """The value; made, and stored, if there is none that is good."""
        value = self.get(key, _MISSING)
        if value is _MISSING:
            value = make()
            self.set(key, value)
        return value

    def __contains__(self, key: str) -> bool:
        return self.get(key, _MISSING) is not _MISSING
