# SPDX-License-Identifier: MIT
"""Django: sessions, signing and a cache of files.

    SESSION_SERIALIZER = "snapjar.integrations.django.SessionSerializer"
    CACHES = {"default": {"BACKEND": "snapjar.integrations.django.SnapjarFileCache", "LOCATION": "/var/cache/app",
                          "OPTIONS": {"ALLOW": ["shop.models:Basket"]}}}
"""

from __future__ import annotations

import logging
import os
import time
from typing import Any, ClassVar

from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.filebased import FileBasedCache

from .._dump import dumps
from .._errors import SnapjarError
from .._load import load, loads
from .._policy import resolve_policy
from .._records import inspect

_log = logging.getLogger("snapjar.cache")


class SessionSerializer:
    """For SESSION_SERIALIZER and `signing.dumps(serializer=...)`. Subclass it and set `allow` for more than plain data."""

    allow: ClassVar[Any] = ()

    def dumps(self, obj: Any) -> bytes:
        return dumps(obj)

    def loads(self, data: bytes) -> Any:
        return loads(data, allow=self.allow, environment="ignore", layout="ignore")


class RedisSerializer(SessionSerializer):
    """For OPTIONS["SERIALIZER"] of django-redis, which hands its options over."""

    def __init__(self, options: Any = None) -> None:
        self.allow = (options or {}).get("ALLOW", self.allow)


class SnapjarFileCache(FileBasedCache):
    """Django's cache of files with snapshots in them. What is wrong with a file is a miss, logged by `snapjar.cache`.

    The time at which an entry expires is in its header, so that looking for expired entries loads nothing.
    """

    def __init__(self, dir: str, params: dict[str, Any]) -> None:  # noqa: A002
        self._policy = resolve_policy(params.get("OPTIONS", {}).pop("ALLOW", ()), None)
        super().__init__(dir, params)

    def _write_content(self, file: Any, timeout: Any, value: Any) -> None:
        expiry = self.get_backend_timeout(timeout)
        # Labels are whole numbers: milliseconds are fine enough for a cache.
        file.write(dumps(value, labels={"expires": None if expiry is None else int(expiry * 1000)}))

    def _expired(self, path: str) -> bool:
        expires = inspect(path).labels.get("expires")
        if not isinstance(expires, int) or expires >= time.time() * 1000:
            return False
        self._delete(path)
        return True

    def _look(self, path: str) -> bool:
        """Whether there is something good at a path; what is not is said and removed."""
        try:
            return os.path.exists(path) and not self._expired(path)
        except (SnapjarError, OSError) as error:
            self._complain(path, error)
            return False

    def _complain(self, path: str, error: Exception) -> None:
        diagnostic = getattr(error, "diagnostic", "") or "bad-entry"
        _log.warning("miss: %s: %s [%s]", path, str(error).partition("\n")[0], diagnostic)

    def get(self, key: str, default: Any = None, version: Any = None) -> Any:
        path = self._key_to_file(key, version)
        if not self._look(path):
            return default
        try:
            return load(path, policy=self._policy, environment="ignore", layout="refuse")
        except (SnapjarError, ValueError) as error:
            if not isinstance(error, FileNotFoundError):
                self._complain(path, error)
            return default

    def has_key(self, key: str, version: Any = None) -> bool:
        return self._look(self._key_to_file(key, version))

    def touch(self, key: str, timeout: Any = DEFAULT_TIMEOUT, version: Any = None) -> bool:
        missing = object()
        value = self.get(key, missing, version)
        if value is missing:
            return False
        self.set(key, value, timeout, version)
        return True
