# SPDX-License-Identifier: MIT
"""Headers, and files of many records: open_reader, open_writer, inspect, verify."""

from __future__ import annotations

import datetime
import json
import os
import warnings
from collections.abc import Iterator
from typing import Any

from . import _core
from ._dump import dumps
from ._errors import EndOfFile, SealWarning, SnapjarError, fspath, no_record
from ._layout import caller_level
from ._load import settings
from ._seal import _bytes, demand, resolve_detached, resolve_keys
from ._source import Opened


class Header:
    """What a record's label says. Checked for form and damage; no promise about what the pickle does."""

    __slots__ = ("_fields", "index", "json", "offset", "record_size")

    def __init__(self, index: int, offset: int, record_size: int, text: bytes) -> None:
        self.index = index
        self.offset = offset
        self.record_size = record_size
        self.json = text.decode()
        self._fields: dict[str, Any] | None = None

    @property
    def fields(self) -> dict[str, Any]:
        """All of it, fields that snapjar does not know included."""
        if self._fields is None:
            self._fields = json.loads(self.json)
        return self._fields

    @property
    def type(self) -> str:
        return self.fields["type"]

    @property
    def schema_version(self) -> int:
        return self.fields["schema_version"]

    @property
    def created(self) -> datetime.datetime:
        return datetime.datetime.fromisoformat(self.fields["created"].replace("Z", "+00:00"))

    @property
    def build(self) -> dict[str, Any]:
        return self.fields["build"]

    @property
    def labels(self) -> dict[str, Any]:
        return self.fields.get("labels", {})

    @property
    def layout(self) -> dict[str, Any] | None:
        return self.fields.get("layout")

    @property
    def protocol(self) -> int:
        return self.fields["payload"]["protocol"]

    @property
    def size(self) -> int:
        """Bytes of the pickle and its buffers."""
        return self.fields["payload"]["size"]

    @property
    def stored_size(self) -> int:
        """Bytes that they take in the file, compressed."""
        return self.fields["payload"]["stored_size"]

    def __repr__(self) -> str:
        return f"<snapjar.Header {self.type} schema {self.schema_version}, {self.size} bytes, {self.fields['created']}>"


class Record:
    """One record of a reader."""

    __slots__ = ("_reader", "header")

    def __init__(self, reader: "RecordReader", header: Header) -> None:
        self._reader = reader
        self.header = header

    @property
    def index(self) -> int:
        return self.header.index

    def load(self, **keywords: Any) -> Any:
        """The object. Keywords as those of `load`, beside those that the reader was opened with."""
        native = self._reader._go_to(self.header)
        return native.load(*settings(**{**self._reader._defaults, **keywords}))

    def verify(self, *, threads: int | None = None, stored_only: bool = False) -> None:
        """Checks all of the record, in bounded memory; raises what is wrong."""
        self._reader._go_to(self.header).verify(threads, stored_only)

    def pickle(self, *, threads: int | None = None) -> bytes:
        """The pickle, verified and not loaded, as plain pickle.loads would take it."""
        return self._reader._go_to(self.header).pickle(threads)

    def __repr__(self) -> str:
        return f"<snapjar.Record {self.index}: {self.header.type}, {self.header.size} bytes>"


_DEFAULTS = {"allow": (), "policy": None, "environment": "warn", "layout": "warn", "type": None, "schema_version": None,
             "threads": None}  # fmt: skip


class RecordReader:
    """The records of a source: iterate, count, or pick any by its number. One thread at a time."""

    def __init__(
        self,
        source: Any,
        max_size: int,
        defaults: dict[str, Any],
        trust: Any = None,
        context: str | None = None,
        detached: Any = False,
    ) -> None:
        unknown = set(defaults) - set(_DEFAULTS)
        if unknown:
            raise TypeError(f"open_reader has no parameter {', '.join(sorted(unknown))}")
        self._defaults = {**_DEFAULTS, **defaults}
        settings(**self._defaults)  # says now what is wrong with them
        seal = resolve_detached(detached, source, trust)
        self._opened = Opened(source, max_size)
        self._native = self._opened.native
        demand(self._native, trust, context, seal)
        self._headers: list[Header] = []
        self._at: int | None = None

    def _read_next(self) -> Header | None:
        """The header behind the last known one, or None at the end."""
        if self._headers and self._at != self._headers[-1].offset:
            self._go_to(self._headers[-1])
        elif not self._headers:
            self._native.seek(0 if self._opened.is_from_start else self._opened.start, 0)
        row = self._native.next()
        if row is None:
            self._at = None
            return None
        header = Header(*row)
        self._headers.append(header)
        self._at = header.offset
        return header

    def _go_to(self, header: Header) -> Any:
        if self._at != header.offset:
            self._at = None
            self._native.seek(header.offset, header.index)
            if self._native.next() is None:
                raise EndOfFile("the record is no longer there [empty-file]")._with(diagnostic="empty-file")
            self._at = header.offset
        return self._native

    def __iter__(self) -> Iterator[Record]:
        index = 0
        while True:
            if index < len(self._headers):
                header: Header | None = self._headers[index]
            else:
                header = self._read_next()
            if header is None:
                return
            yield Record(self, header)
            index += 1

    def _read_all(self) -> None:
        while self._read_next():
            pass

    def __len__(self) -> int:
        """The number of records: reads all headers once, and no payload."""
        self._read_all()
        return len(self._headers)

    def __getitem__(self, index: int) -> Record:
        if not isinstance(index, int):
            raise TypeError("records are numbered")
        if index < 0:
            index += len(self)
        while 0 <= index and index >= len(self._headers):
            if not self._read_next():
                break
        if not 0 <= index < len(self._headers):
            raise IndexError(f"no record {index}: there are {len(self._headers)}")
        return Record(self, self._headers[index])

    def last(self) -> Record:
        """The last record, found from the end of the file without reading the others. Its index is then 0, unless a detached
        seal says how many there are."""
        self._native.seek_last()
        self._at = None
        row = self._native.next()
        if row is None:
            raise EndOfFile("there is no record [empty-file]")._with(diagnostic="empty-file")
        header = Header(*row)
        self._at = header.offset
        return Record(self, header)

    def close(self) -> None:
        self._opened.close()

    def __enter__(self) -> "RecordReader":
        return self

    def __exit__(self, *_exception: Any) -> None:
        self.close()


def open_reader(
    source: Any,
    *,
    max_size: int = 0,
    trust: Any = None,
    context: str | None = None,
    detached: Any = False,
    **defaults: Any,
) -> RecordReader:
    return RecordReader(source, max_size, defaults, trust, context, detached)


class RecordWriter:
    """Writes records to a file. All of them become visible together, when it is closed without an error."""

    def __init__(
        self,
        path: Any,
        append: bool,
        repair: bool,
        sync: bool,
        exclusive: bool,
        key: Any = None,
        context: str | None = None,
    ) -> None:
        keys = None if key is None else resolve_keys(key)
        if keys is None and context is not None:
            raise ValueError("context is for a key, and none was given")
        self._path = os.fsdecode(path)
        self._native = _core.Writer(fspath(path), append, repair, sync, exclusive)
        if keys is not None:
            try:
                self._native.seal_with(keys, _bytes(context))
            except BaseException:
                self._native.abort()
                raise
        self.count = 0

    def dump(self, obj: Any, **keywords: Any) -> None:
        """Adds an object. Keywords as those of `dumps`. One that cannot be pickled changes nothing."""
        self._native.write(dumps(obj, **keywords))
        self.count += 1

    def write(self, records: Any) -> None:
        """Adds bytes that `dumps` returned: whole records, or nothing is added. To add an object, `dump` it."""
        try:
            data = bytes(memoryview(records))
        except TypeError:
            raise TypeError("write takes bytes that dumps returned; to add an object, dump it") from None
        with open_reader(data) as reader:
            count = len(reader)
        self._native.write(data)
        self.count += count

    @property
    def repaired_size(self) -> int:
        """Bytes of a torn tail that were set aside before appending."""
        return self._native.repaired_size

    def close(self) -> None:
        """Makes everything stand."""
        self._native.finish()
        if self._native.breaks_seal:
            text = (
                f"{self._path}: the record before is sealed, and what was added is not: readers that demand seals refuse it "
                "(open_writer(key=...))"
            )
            warnings.warn(text, SealWarning, stacklevel=caller_level())

    def abort(self) -> None:
        """Leaves the file as it was."""
        self._native.abort()

    def __enter__(self) -> "RecordWriter":
        return self

    def __exit__(self, kind: Any, *_exception: Any) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()


def open_writer(
    path: "str | os.PathLike[str]",
    *,
    append: bool = False,
    repair: bool = False,
    sync: bool = True,
    exclusive: bool = False,
    key: Any = None,
    context: str | None = None,
) -> RecordWriter:
    if append and exclusive:
        raise ValueError("append adds to a file that is there, exclusive refuses it")
    if repair and not append:
        raise ValueError("repair belongs to append")
    return RecordWriter(path, append, repair, sync, exclusive, key, context)


def inspect(
    source: Any, *, record: int = 0, trust: Any = None, context: str | None = None, detached: Any = False
) -> Header:
    with RecordReader(source, 0, {}, trust, context, detached) as reader:
        try:
            return reader[record].header
        except IndexError as error:
            raise no_record(str(error)) from None


class Verification:
    """What verify found. True if everything is whole."""

    __slots__ = ("error", "headers")

    def __init__(self, headers: tuple[Header, ...], error: SnapjarError | None) -> None:
        self.headers = headers
        self.error = error

    @property
    def ok(self) -> bool:
        return self.error is None

    def __bool__(self) -> bool:
        return self.ok

    def __repr__(self) -> str:
        return f"<snapjar.Verification {len(self.headers)} whole records: {self.error or 'all good'}>"


def verify(
    source: Any,
    *,
    threads: int | None = None,
    stored_only: bool = False,
    max_size: int = 0,
    trust: Any = None,
    context: str | None = None,
    detached: Any = False,
) -> Verification:
    whole: list[Header] = []
    seal = resolve_detached(detached, source, trust)
    opened = Opened(source, max_size)
    try:
        demand(opened.native, trust, context, seal)
        while (row := opened.native.next()) is not None:
            opened.native.verify(threads, stored_only)
            whole.append(Header(*row))
        if not whole:
            raise EndOfFile("there is no record here [empty-file]")._with(status="cut-short", diagnostic="empty-file")
    except SnapjarError as error:
        if error.status not in ("damaged", "cut-short", "wrong-format", "unsupported", "bad-seal"):
            raise
        return Verification(tuple(whole), error)
    finally:
        opened.close()
    return Verification(tuple(whole), None)
