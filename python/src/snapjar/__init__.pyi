# SPDX-License-Identifier: MIT
import datetime
import os
import pickle
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Literal, NamedTuple, Protocol, TypeAlias, overload

__version__: str

class _Readable(Protocol):
    def read(self) -> bytes: ...

class _Writable(Protocol):
    def write(self, data: bytes, /) -> object: ...

_Path: TypeAlias = str | os.PathLike[str]
_Bytes: TypeAlias = bytes | bytearray | memoryview
_Source: TypeAlias = _Path | BinaryIO | _Readable | _Bytes
_Allow: TypeAlias = Iterable[Any] | str | type
_Scalar: TypeAlias = str | int | bool | None
_Function: TypeAlias = Callable[[dict[str, Any]], dict[str, Any]]
_Functions: TypeAlias = Mapping[int, _Function | Mapping[str | type, _Function | Iterable[_Function]]]
_Layout: TypeAlias = Literal["warn", "refuse", "ignore"]
_Compression: TypeAlias = Literal["auto", "raw", "zstd"]

_Key: TypeAlias = "Key | _Path | Iterable[Key | _Path] | None"
_Trust: TypeAlias = "Trust | Key | _Path | None"
_Detached: TypeAlias = bool | _Path | _Bytes | None

def dumps(
    obj: Any,
    *,
    type: str | type | None = None,
    schema_version: int | None = None,
    labels: Mapping[str, _Scalar] | None = None,
    created: datetime.datetime | str | None = None,
    protocol: int = 5,
    compression: _Compression = "auto",
    level: int = 0,
    threads: int | None = None,
    frame_size: int = 0,
    contract: Contract | _Path | bytes | None = None,
    key: _Key = None,
    context: str | None = None,
) -> bytes: ...
def dump(
    obj: Any,
    target: _Path | BinaryIO | _Writable,
    *,
    type: str | type | None = None,
    schema_version: int | None = None,
    labels: Mapping[str, _Scalar] | None = None,
    created: datetime.datetime | str | None = None,
    protocol: int = 5,
    compression: _Compression = "auto",
    level: int = 0,
    threads: int | None = None,
    frame_size: int = 0,
    key: _Key = None,
    context: str | None = None,
    sync: bool = True,
    exclusive: bool = False,
    contract: Contract | _Path | bytes | None = None,
) -> None: ...
def loads(
    data: _Bytes,
    *,
    allow: _Allow = (),
    policy: Policy | None = None,
    environment: str | Environment = "warn",
    layout: _Layout = "warn",
    type: str | type | None = None,
    schema_version: int | None = None,
    threads: int | None = None,
    contract: Contract | _Path | bytes | None = None,
    migrations: _Functions | None = None,
    trust: _Trust = None,
    context: str | None = None,
    detached: _Detached = False,
) -> Any: ...
def load(
    source: _Source,
    *,
    allow: _Allow = (),
    policy: Policy | None = None,
    environment: str | Environment = "warn",
    layout: _Layout = "warn",
    type: str | type | None = None,
    schema_version: int | None = None,
    threads: int | None = None,
    max_size: int = 0,
    contract: Contract | _Path | bytes | None = None,
    write_back: bool = False,
    migrations: _Functions | None = None,
    trust: _Trust = None,
    context: str | None = None,
    key: _Key = None,
    detached: _Detached = False,
) -> Any: ...
def migrate(
    paths: _Path | Iterable[_Path],
    contract: Contract | _Path | bytes | None = None,
    *,
    protocol: int | None = None,
    schema_version: int | None = None,
    backup: bool | str = False,
    drop_seal: bool = False,
    sync: bool = True,
    key: _Key = None,
    trust: _Trust = None,
    context: str | None = None,
) -> list[Migrated]: ...
def open_reader(
    source: _Source,
    *,
    max_size: int = 0,
    trust: _Trust = None,
    context: str | None = None,
    detached: _Detached = False,
    allow: _Allow = (),
    policy: Policy | None = None,
    environment: str | Environment = "warn",
    layout: _Layout = "warn",
    type: str | type | None = None,
    schema_version: int | None = None,
    threads: int | None = None,
) -> RecordReader: ...
def open_writer(
    path: _Path,
    *,
    append: bool = False,
    repair: bool = False,
    sync: bool = True,
    exclusive: bool = False,
    key: _Key = None,
    context: str | None = None,
) -> RecordWriter: ...
def inspect(
    source: _Source,
    *,
    record: int = 0,
    trust: _Trust = None,
    context: str | None = None,
    detached: _Detached = False,
) -> Header: ...
def verify(
    source: _Source,
    *,
    threads: int | None = None,
    stored_only: bool = False,
    max_size: int = 0,
    trust: _Trust = None,
    context: str | None = None,
    detached: _Detached = False,
) -> Verification: ...
def scan(
    source: _Source,
    *,
    allow: _Allow = (),
    policy: Policy | None = None,
    encoding: Literal["ascii", "latin1", "bytes"] = "ascii",
    trust: _Trust = None,
    context: str | None = None,
    detached: _Detached = False,
) -> list[ScanResult]: ...
def show(
    source: _Source,
    *,
    record: int = 0,
    path: str = "",
    json: bool = False,
    depth: int = 0,
    length: int = 0,
    text: int = 0,
    allow: _Allow = (),
    policy: Policy | None = None,
    encoding: Literal["ascii", "latin1", "bytes"] = "ascii",
    trust: _Trust = None,
    context: str | None = None,
    detached: _Detached = False,
) -> str: ...
def diff(
    before: _Source,
    after: _Source,
    *,
    record: int | None = None,
    max_changes: int = 0,
    effort: int = 0,
    encoding: Literal["ascii", "latin1", "bytes"] = "ascii",
    trust: _Trust = None,
    context: str | None = None,
    detached: bool | None | tuple[_Detached, _Detached] = False,
) -> Diff: ...
def seal(
    path: _Path,
    *,
    key: Key | _Path | Iterable[Key | _Path],
    context: str | None = None,
    detached: bool | _Path | None = False,
    replace: bool = False,
    stream: bool = False,
    sync: bool = True,
) -> int: ...
def unseal(
    path: _Path, *, key_id: str | None = None, detached: bool | _Path | None = False, sync: bool = True
) -> int: ...
def set_build_info(*, app: str | None = None, version: str | None = None, commit: str | None = None) -> None: ...
def presets() -> tuple[Preset, ...]: ...

class Header:
    index: int
    offset: int
    record_size: int
    json: str
    @property
    def fields(self) -> dict[str, Any]: ...
    @property
    def type(self) -> str: ...
    @property
    def schema_version(self) -> int: ...
    @property
    def created(self) -> datetime.datetime: ...
    @property
    def build(self) -> dict[str, Any]: ...
    @property
    def labels(self) -> dict[str, _Scalar]: ...
    @property
    def layout(self) -> dict[str, Any] | None: ...
    @property
    def protocol(self) -> int: ...
    @property
    def size(self) -> int: ...
    @property
    def stored_size(self) -> int: ...

class Record:
    header: Header
    @property
    def index(self) -> int: ...
    def load(
        self,
        *,
        allow: _Allow = ...,
        policy: Policy | None = ...,
        environment: str | Environment = ...,
        layout: _Layout = ...,
        type: str | type | None = ...,
        schema_version: int | None = ...,
        threads: int | None = ...,
    ) -> Any: ...
    def verify(self, *, threads: int | None = None, stored_only: bool = False) -> None: ...
    def pickle(self, *, threads: int | None = None) -> bytes: ...

class RecordReader:
    def __iter__(self) -> Iterator[Record]: ...
    def __len__(self) -> int: ...
    def __getitem__(self, index: int) -> Record: ...
    def last(self) -> Record: ...
    def close(self) -> None: ...
    def __enter__(self) -> RecordReader: ...
    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

class RecordWriter:
    count: int
    def dump(
        self,
        obj: Any,
        *,
        type: str | type | None = None,
        schema_version: int | None = None,
        labels: Mapping[str, _Scalar] | None = None,
        created: datetime.datetime | str | None = None,
        protocol: int = 5,
        compression: _Compression = "auto",
        level: int = 0,
        threads: int | None = None,
        frame_size: int = 0,
        key: _Key = None,
        context: str | None = None,
    ) -> None: ...
    def write(self, records: _Bytes) -> None: ...
    @property
    def repaired_size(self) -> int: ...
    def close(self) -> None: ...
    def abort(self) -> None: ...
    def __enter__(self) -> RecordWriter: ...
    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

class Verification:
    headers: tuple[Header, ...]
    error: SnapjarError | None
    @property
    def ok(self) -> bool: ...
    def __bool__(self) -> bool: ...

class Denial(NamedTuple):
    diagnostic: str
    offset: int
    global_name: str
    uses: tuple[str, ...]
    reason: str
    line: str

class ScannedGlobal(NamedTuple):
    name: str
    uses: tuple[str, ...]
    fields: tuple[str, ...]
    offset: int

class ScanResult(NamedTuple):
    index: int  # type: ignore[assignment]  # hides a method of tuple
    offset: int
    verdict: Literal["allowed", "denied", "not-analysed"]
    globals: tuple[ScannedGlobal, ...]
    denials: tuple[Denial, ...]
    failure: SnapjarError | None
    @property
    def ok(self) -> bool: ...

class Change(NamedTuple):
    kind: Literal["value", "type", "added", "removed", "copied", "shared"]
    path: str
    before: str | None
    after: str | None
    before_offset: int | None
    after_offset: int | None
    record: int = 0

class LayoutChange(NamedTuple):
    kind: Literal["added", "removed", "renamed"]
    class_name: str
    field: str
    count: int  # type: ignore[assignment]
    object_count: int
    path: str
    value: str
    record: int = 0
    new_name: str = ""

class HeaderChange(NamedTuple):
    field: Literal["type", "schema_version"]
    before: str | int
    after: str | int
    record: int = 0

class RecordChange(NamedTuple):
    kind: Literal["added", "removed"]
    record: int

class Diff(Sequence[Change]):
    layout_changes: tuple[LayoutChange, ...]
    header_changes: tuple[HeaderChange, ...]
    record_changes: tuple[RecordChange, ...]
    change_count: int
    record_count: int
    def __len__(self) -> int: ...
    @overload
    def __getitem__(self, index: int) -> Change: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Change, ...]: ...
    def __bool__(self) -> bool: ...

class Rule(NamedTuple):
    module: str
    name: str
    uses: tuple[str, ...]
    reason: str
    preset: str

class Preset(NamedTuple):
    name: str
    summary: str
    is_default: bool

class Policy:
    def __init__(
        self,
        allow: _Allow = (),
        *,
        presets: Iterable[str] | None = None,
        file: _Path | None = None,
        text: str | bytes | None = None,
    ) -> None: ...
    @property
    def rules(self) -> tuple[Rule, ...]: ...

class Difference(NamedTuple):
    name: str
    written_by: str
    here: str
    level: str

class Environment:
    action: str
    rules: dict[str, str]
    default: str
    def __init__(
        self,
        action: Literal["warn", "refuse", "ignore"] = "warn",
        rules: Mapping[str, str] | None = None,
        default: Literal["exact", "minor", "major", "ignore"] = "minor",
    ) -> None: ...
    def differences(self, build: Mapping[str, object]) -> list[Difference]: ...

class Key:
    def __init__(self, path: _Path, *, passphrase: str | bytes | None = None) -> None: ...
    @classmethod
    def generate(cls, algorithm: Literal["ed25519", "mac"] = "ed25519", *, comment: str | None = None) -> Key: ...
    def save(self, path: _Path, *, passphrase: str | bytes | None) -> None: ...
    def public_text(self) -> str: ...
    @property
    def algorithm(self) -> str: ...
    @property
    def id(self) -> str: ...
    @property
    def comment(self) -> str: ...
    @property
    def has_secret(self) -> bool: ...

class Trust:
    def __init__(self) -> None: ...
    @classmethod
    def read(cls, path: _Path, *, keys: Iterable[Key] = ()) -> Trust: ...
    def add(
        self,
        key: Key,
        *,
        types: Iterable[str | type] | None = None,
        not_before: datetime.datetime | str | None = None,
        not_after: datetime.datetime | str | None = None,
        context: str | None = None,
    ) -> Trust: ...
    @property
    def key_ids(self) -> tuple[str, ...]: ...

class Serializer:
    policy: Policy
    def __init__(
        self,
        *,
        allow: _Allow = (),
        policy: Policy | None = None,
        environment: str | Environment = "ignore",
        layout: _Layout = "ignore",
        dump: dict[str, Any] | None = None,
        key: _Key = None,
        trust: _Trust = None,
        context: str | None = None,
    ) -> None: ...
    def dumps(self, obj: Any, *args: Any, **keywords: Any) -> bytes: ...
    def loads(self, data: _Bytes, *args: Any, **keywords: Any) -> Any: ...

class Cache:
    folder: Path
    version: int
    def __init__(
        self,
        folder: _Path,
        *,
        version: int = 0,
        allow: _Allow = (),
        policy: Policy | None = None,
        environment: str | Environment = "refuse",
        layout: _Layout = "refuse",
        sync: bool = False,
        key: Key | _Path | None = None,
        trust: _Trust = None,
        context: str | None = None,
    ) -> None: ...
    def path(self, key: str) -> Path: ...
    def get(self, key: str, default: Any = None) -> Any: ...
    def set(self, key: str, value: Any) -> None: ...
    def delete(self, key: str) -> None: ...
    def get_or_set(self, key: str, make: Callable[[], Any]) -> Any: ...
    def __contains__(self, key: str) -> bool: ...

class SnapjarError(Exception):
    diagnostic: str
    offset: int | None
    space: str
    record: int | None
    place: str
    hint: str
    status: str

class IntegrityError(SnapjarError): ...
class EndOfFile(IntegrityError, EOFError): ...
class UnsupportedVersionError(SnapjarError): ...
class LimitError(SnapjarError): ...

class PolicyError(SnapjarError, pickle.UnpicklingError):
    denials: tuple[Denial, ...]
    allow: tuple[str, ...]

class SealError(SnapjarError): ...
class ContractError(SnapjarError): ...
class LayoutError(ContractError): ...

class EnvironmentMismatchError(ContractError):
    differences: tuple[Difference, ...]

class LoadError(SnapjarError, pickle.UnpicklingError): ...

class MissingError(LoadError, ImportError):
    missing: tuple[str, ...]

class NotPicklableError(SnapjarError, pickle.PicklingError):
    path: str

class ArgumentError(SnapjarError, ValueError): ...
class NotFoundError(SnapjarError, LookupError): ...
class FileError(SnapjarError, OSError): ...
class NoMemoryError(SnapjarError, MemoryError): ...
class InternalError(SnapjarError, RuntimeError): ...
class SnapjarWarning(UserWarning): ...
class LayoutWarning(SnapjarWarning): ...
class EnvironmentWarning(SnapjarWarning): ...
class SealWarning(SnapjarWarning): ...

class Finding(NamedTuple):
    kind: str
    path: str
    message: str
    found: tuple[str, ...]
    expected: tuple[str, ...]

class Assessment(NamedTuple):
    state: str
    version: int
    findings: tuple[Finding, ...]

class Migrated(NamedTuple):
    file: str
    changed: bool
    records: int
    changed_records: int
    error: SnapjarError | None
    renewed_seals: int
    new_seals: int
    dropped_seals: int

class Contract:
    type: str
    schema_version: int
    policy: Policy
    def __init__(self, source: _Path | bytes) -> None: ...
    def check(self, data: _Bytes) -> Assessment: ...
