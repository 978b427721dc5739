# SPDX-License-Identifier: MIT
"""Keys and trust: who wrote a record."""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterable
from typing import Any

from . import _core
from ._dump import _created_text, _type_name
from ._errors import fspath

_ALGORITHMS = {"ed25519": 1, "mac": 2}
_PUBLIC = b"snapjar public key"


def _bytes(text: "str | bytes | None") -> bytes | None:
    return text.encode() if isinstance(text, str) else text


def _passphrase(passphrase: "str | bytes | None") -> "str | None":
    return passphrase.decode() if isinstance(passphrase, bytes) else passphrase


class Key:
    """A key to seal with, or the public part of one, to check with."""

    __slots__ = ("_native",)

    def __init__(self, path: Any, *, passphrase: "str | bytes | None" = None) -> None:
        """Reads a key file, secret or public."""
        self._native = _core.key_open(fspath(path), _passphrase(passphrase))

    @classmethod
    def generate(cls, algorithm: str = "ed25519", *, comment: str | None = None) -> "Key":
        if algorithm not in _ALGORITHMS:
            raise ValueError(f"algorithm must be one of {', '.join(_ALGORITHMS)}, not {algorithm!r}")
        self = cls.__new__(cls)
        self._native = _core.key_generate(_ALGORITHMS[algorithm], comment)
        return self

    def save(self, path: Any, *, passphrase: "str | bytes | None") -> None:
        """Writes the secret key file, for its owner only, never over a file that exists. None: it is not protected."""
        self._native.write(fspath(path), _bytes(passphrase))

    def public_text(self) -> str:
        """The text of the public key file."""
        return self._native.public_text()

    @property
    def algorithm(self) -> str:
        return self._native.description[0]

    @property
    def id(self) -> str:
        return self._native.description[1]

    @property
    def comment(self) -> str:
        return self._native.description[2]

    @property
    def has_secret(self) -> bool:
        return self._native.description[3]

    def __repr__(self) -> str:
        return f"<snapjar.Key {self.algorithm} {self.id}{'' if self.has_secret else ', public'}>"


def _time(value: "datetime.datetime | str | None") -> bytes | None:
    return None if value is None else _created_text(value)


class Trust(_core.Trust):
    """Which keys may seal which types. Fill it first, then use it: from any thread."""

    __slots__ = ()

    @classmethod
    def read(cls, path: Any, *, keys: "Iterable[Key]" = ()) -> "Trust":
        """A trust file, or a public key file: then that key, for any type. `keys` are those that the file names only."""
        self = cls()
        with open(path, "rb") as file:
            text = file.read()
        if text.startswith(_PUBLIC):
            self.add(Key(path))
        else:
            self._read(text)
        for key in keys:
            self._supply(key._native)
        return self

    def add(
        self,
        key: Key,
        *,
        types: "Iterable[str | type] | None" = None,
        not_before: "datetime.datetime | str | None" = None,
        not_after: "datetime.datetime | str | None" = None,
        context: str | None = None,
    ) -> "Trust":
        """Trusts a key, for these types only (None: any)."""
        if isinstance(types, (str, type)):
            raise TypeError("types must be several names: put it in a list")
        names = None if types is None else tuple(_type_name(name).encode() for name in types)
        if names == ():
            raise ValueError("types is empty: such a key could seal nothing")
        self._add(key._native, names or (), _time(not_before), _time(not_after), _bytes(context))
        return self

    def __repr__(self) -> str:
        return f"<snapjar.Trust in {len(self.key_ids)} keys>"


def resolve_keys(key: Any) -> tuple:
    """The extension's keys for what `key=` may be: a Key, the path of a key file, or several."""
    if isinstance(key, (Key, str, os.PathLike)):
        key = (key,)
    return tuple((k if isinstance(k, Key) else Key(k))._native for k in key)


def resolve_trust(trust: Any) -> Trust:
    """A trust set for what `trust=` may be: a Trust, a Key, or the path of a trust file or public key."""
    if isinstance(trust, Trust):
        return trust
    return Trust().add(trust) if isinstance(trust, Key) else Trust.read(trust)


def seal_record(records: bytes, key: Any, context: str | None) -> bytes:
    return _core.seal(records, resolve_keys(key), _bytes(context))


# ---- detached seals ----


def _is_path(value: Any) -> bool:
    return isinstance(value, (str, os.PathLike))


def resolve_detached(detached: Any, source: Any, trust: Any) -> Any:
    """What `detached=` may be, as the extension takes it; it and its source must go together."""
    if detached is None or detached is False:
        return None
    if trust is None:
        raise ValueError("detached is for a trust, and none was given")
    if hasattr(source, "read"):
        raise ValueError("a detached seal is of a whole file, and an open one is read from where it stands: give its path, or its bytes")
    if detached is True:
        if not _is_path(source):
            raise ValueError("detached=True is the seal PATH.seal beside a path, and this is none: say which seal")
        return (fspath(source),)
    if _is_path(detached):
        return fspath(detached)
    try:
        return memoryview(detached)
    except TypeError:
        raise TypeError(f"detached is True, a path or the seal as bytes, not {type(detached).__name__}") from None


def demand(native: Any, trust: Any, context: str | None, detached: Any = None) -> None:
    """Tells a reader to demand a seal, if `trust` is given; `detached` is what resolve_detached made."""
    if trust is not None:
        native.demand_seal(resolve_trust(trust), context, detached)
    elif context is not None:
        raise ValueError("context is for a trust, and none was given")


def _seal_path(path: Any, detached: Any) -> bytes | None:
    if detached is None or detached is False:
        return None
    if detached is not True and not _is_path(detached):
        raise TypeError(f"detached is True or the path of the seal here, not {type(detached).__name__}")
    where = fspath(path) + b".seal" if detached is True else fspath(detached)
    if os.path.exists(where) and not os.path.isfile(where):
        raise ValueError(f"{os.fsdecode(where)} is no regular file, and so no detached seal")
    return where


def seal(
    path: "str | os.PathLike[str]",
    *,
    key: Any,
    context: str | None = None,
    detached: Any = False,
    replace: bool = False,
    stream: bool = False,
    sync: bool = True,
) -> int:
    """Signs all records of a file that exists, whose checksums must hold. Returns how many records it has.

    detached -- False: inside the records; the file is replaced whole. True: in the file PATH.seal beside it, or in that of this
                path, and the snapshot stays as it is. Then it also shows that records are missing at the end, or were added
    replace  -- drop the signatures that are there; otherwise they stay, but for those of the same keys
    stream   -- tie even a single record to those that will be appended (inside only)
    """
    where = _seal_path(path, detached)
    if stream and where is not None:
        raise ValueError("stream ties records together, which a detached seal does without")
    return _core.seal_path(fspath(path), resolve_keys(key), _bytes(context), where, replace, stream, sync)


def unseal(
    path: "str | os.PathLike[str]", *, key_id: str | None = None, detached: Any = False, sync: bool = True
) -> int:  # fmt: skip
    """Takes signatures off a file, without checking them: all, or those of one key. Returns how many.

    detached -- as of `seal`; a detached seal without signatures is removed
    """
    return _core.unseal_path(fspath(path), key_id, _seal_path(path, detached), sync)
