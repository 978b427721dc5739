# SPDX-License-Identifier: MIT
"""Many files at once: verify or scan folders, lists of files and fsspec URLs, here, in a pool or on a dask cluster.

    from snapjar import fleet
    report = fleet.scan("/data/jobs", allow=["app.jobs:Job"], client=client)
    print(report.summary())
    sys.exit(report.exit_code)

Nothing is imported or loaded. What could not be read, or whose worker failed, is "not-analysed", and never counts as good.
"""

from __future__ import annotations

import contextlib
import functools
import os
import queue
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from typing import Any, Literal, TypeAlias

from ._contract import Contract, resolve_contract
from ._contract import migrate as _migrate
from ._errors import SealError, SnapjarError
from ._fleet_files import Entry, list_files, read_url
from ._fleet_report import DENIED_MAX, FileResult, Report, exit_code_of, not_analysed
from ._policy import Policy, remake_policy, resolve_policy
from ._records import verify as _verify
from ._scan import ScanResult
from ._scan import scan as _scan

__all__ = ["BATCH_MAX", "DENIED_MAX", "FileResult", "Report", "migrate", "scan", "verify"]

BATCH_MAX = 10_000
_READ_MAX = 1 << 30

_Path: TypeAlias = str | bytes | os.PathLike[Any]
_Progress: TypeAlias = Callable[[int, int], object]


def verify(
    targets: _Path | Iterable[_Path],
    *,
    stored_only: bool = False,
    max_size: int = 0,
    trust: Any = None,
    context: str | None = None,
    detached: bool = False,
    client: Any = None,
    batch: int = 100,
    match: str = "*",
    storage_options: dict[str, Any] | None = None,
    read_max: int = _READ_MAX,
    timeout: float | None = None,
    progress: _Progress | None = None,
) -> Report:
    """Checks every record of every file, as `snapjar.verify` does.

    targets         -- a path or URL, or many: files, and folders with all that is below them
    stored_only, max_size, context -- as those of `snapjar.verify`
    trust           -- the same, but as a path, which every worker reads
    detached        -- the seal of each file is the file with ".seal" behind its name, which is looked for where workers see the file:
                       not behind URLs. Let `match` leave out the seals themselves
    client          -- None: here, one file after another; an Executor of concurrent.futures, a dask Client, or the address
                       of a dask scheduler. Workers must have snapjar, and see the same files under the same paths
    batch           -- files a task, 1 to 10,000
    match           -- which names in folders count, with * ? and []; a file that is named itself always does
    storage_options -- for fsspec
    read_max        -- largest file that is read from a URL, in bytes: it goes into memory whole
    timeout         -- seconds for all of it, with a client; what is not done then is not analysed
    progress        -- called as progress(files done, files in all) after each batch, in the calling thread
    """
    settings = (bool(stored_only), int(max_size), _seal_paths(None, trust)[1], context, _check_detached(detached, trust))
    job = ("verify", settings, int(read_max), dict(storage_options or {}))
    return _run(job, targets, client, batch, match, timeout, progress)


def scan(
    targets: _Path | Iterable[_Path],
    *,
    allow: Any = (),
    policy: Policy | None = None,
    encoding: Literal["ascii", "latin1", "bytes"] = "ascii",
    trust: Any = None,
    context: str | None = None,
    detached: bool = False,
    client: Any = None,
    batch: int = 100,
    match: str = "*",
    storage_options: dict[str, Any] | None = None,
    read_max: int = _READ_MAX,
    timeout: float | None = None,
    progress: _Progress | None = None,
) -> Report:
    """Judges every pickle of every file, as `snapjar.scan` does. The policy travels to the workers as rules.

    allow, policy, encoding, context -- as those of `snapjar.scan`; the others as those of `verify`
    """
    if encoding not in ("ascii", "latin1", "bytes"):
        raise ValueError(f"encoding must be one of ascii, latin1, bytes, not {encoding!r}")
    recipe = resolve_policy(allow, policy)._recipe
    settings = (recipe, encoding, _seal_paths(None, trust)[1], context, _check_detached(detached, trust))
    job = ("scan", settings, int(read_max), dict(storage_options or {}))
    return _run(job, targets, client, batch, match, timeout, progress)


def migrate(
    targets: _Path | Iterable[_Path],
    contract: Contract | _Path | None = None,
    *,
    protocol: int | None = None,
    schema_version: int | None = None,
    backup: bool | str = False,
    drop_seal: bool = False,
    key: Any = None,
    trust: Any = None,
    context: str | None = None,
    client: Any = None,
    batch: int = 1000,
    match: str = "*",
    timeout: float | None = None,
    progress: _Progress | None = None,
) -> Report:
    """Makes every file current in place, as `snapjar.migrate` does; the files of a batch share two syncs.

    The contract travels to the workers as text. A batch whose worker fails is not analysed: run it again, what is done already is
    current then. URLs are not migrated.

    contract, protocol, schema_version, backup, drop_seal, context -- as those of `snapjar.migrate`; the others as those of `verify`
    key, trust -- the same, but as paths, which every worker reads: keys do not travel
    """
    text = None if contract is None else resolve_contract(contract)._text
    job = ("migrate", (text, protocol, schema_version, backup, drop_seal, *_seal_paths(key, trust), context), 1, {})
    return _run(job, targets, client, batch, match, timeout, progress)


def _run(
    job: tuple,
    targets: Any,
    client: Any,
    batch: int,
    match: str,
    timeout: float | None,
    progress: _Progress | None,
) -> Report:
    if not 1 <= batch <= BATCH_MAX:
        raise ValueError(f"batch must be 1 to {BATCH_MAX}, not {batch}")
    if job[2] < 1:
        raise ValueError(f"read_max must be 1 or more, not {job[2]}")
    with _connected(client) as connected:
        entries = list_files(targets, match, job[3])
        results: list[Any] = list(entries)
        open_places = [place for place, entry in enumerate(entries) if not isinstance(entry, FileResult)]
        batches = [open_places[start : start + batch] for start in range(0, len(open_places), batch)]
        tasks = [functools.partial(run_batch, job, [entries[place] for place in places]) for places in batches]
        done = len(entries) - len(open_places)
        answers = _locally(tasks) if connected is None else _submitted(tasks, connected, timeout)
        with contextlib.closing(answers):
            for number, rows, error in answers:
                places = batches[number]
                for place, result in zip(places, _results(rows, error, [entries[place] for place in places]), strict=True):
                    results[place] = result
                done += len(places)
                if progress is not None:
                    progress(done, len(entries))
    return Report(job[0], tuple(results))


@contextlib.contextmanager
def _connected(client: Any) -> Iterator[Any]:
    if isinstance(client, str):
        try:
            from distributed import Client
        except ImportError as error:
            raise ImportError("a scheduler's address needs dask.distributed, which is not installed here: "
                              "pip install distributed") from error  # fmt: skip
        with Client(client, set_as_default=False) as connected:
            yield connected
        return
    if client is not None and not hasattr(client, "submit"):
        raise TypeError(f"client is None, an Executor, a dask Client or an address, not {type(client).__name__}")
    if getattr(client, "asynchronous", False):
        raise ValueError("the dask client is asynchronous: make one with asynchronous=False, in a thread of its own")
    yield client


_Answer: TypeAlias = tuple[int, Any, "BaseException | None"]


def _locally(tasks: list[Callable[[], Any]]) -> Iterator[_Answer]:
    for number, task in enumerate(tasks):
        yield number, task(), None


def _submitted(tasks: list[Callable[[], Any]], client: Any, timeout: float | None) -> Iterator[_Answer]:
    """Each batch's answer as it comes in. Futures of pools and of dask alike tell when they are done."""
    # dask would take two equal tasks for one; and a function without arguments leaves it nothing to look into.
    keywords = {} if isinstance(client, Executor) else {"pure": False}
    deadline = None if timeout is None else time.monotonic() + timeout
    finished: queue.SimpleQueue[int] = queue.SimpleQueue()
    futures: dict[int, Any] = {}
    try:
        for number, task in enumerate(tasks):
            try:
                future = futures[number] = client.submit(task, **keywords)
                future.add_done_callback(lambda _, number=number: finished.put(number))
            except Exception as error:  # a pool that broke, a scheduler that is gone
                futures.pop(number, None)
                yield number, None, error
        while futures:
            try:
                number = finished.get(timeout=None if deadline is None else max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                break
            # Not kept: dask forgets a result that nobody holds.
            yield number, *_outcome(futures.pop(number))
        for number in list(futures):
            yield number, None, TimeoutError(f"no answer within {timeout} seconds")
    finally:
        for future in futures.values():
            future.cancel()


def _outcome(future: Any) -> tuple[Any, BaseException | None]:
    try:
        return future.result(), None
    except (KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:  # cancellation is no Exception
        return None, error


def _results(rows: Any, error: BaseException | None, entries: list[Any]) -> list[FileResult]:
    """The results for a batch; what is no answer about every file of it is one about none."""
    if error is None:
        try:
            made = [FileResult(*row) for row in rows]
        except TypeError as mismatch:
            error = mismatch
        else:
            if [result.file for result in made] == [entry[0] for entry in entries]:
                return made
            error = ValueError("the answer is about other files: does the worker have another version of snapjar?")
    diagnostic = "worker-timeout" if isinstance(error, TimeoutError) else "worker-failed"
    text = f"the worker failed: {type(error).__name__}: {error}"
    return [not_analysed(entry[0], "cancelled", text, diagnostic=diagnostic) for entry in entries]


# ---- what runs on the workers ----


def run_batch(job: tuple, entries: list[Entry]) -> list[tuple]:
    """Looks at some files. What comes back is plain data, whatever happened."""
    if job[0] == "migrate":
        return [tuple(result) for result in _migrate_all(job[1], entries)]
    return [tuple(_look(job, *entry)) for entry in entries]


def _look(job: tuple, name: str, where: str, path: str) -> FileResult:
    action, settings, read_max, storage_options = job
    try:
        source: Any = where
        if path and settings[-1]:
            text = "detached seals are looked for beside files that are here, not behind URLs"
            return not_analysed(name, "bad-seal", text, diagnostic="seal-missing")
        if path:
            source = read_url(where, path, read_max, storage_options)
            if source is None:
                text = f"the file has more bytes than read_max, {read_max}"
                return not_analysed(name, "limit", text, diagnostic="input-too-large")
        return (_verify_one if action == "verify" else _scan_one)(name, source, *settings)
    except SnapjarError as error:
        result = _from_error(FileResult(name, "not-analysed", 2), error)
        return result._replace(message=result.message.removeprefix(f"{where}: "))  # the result says it already
    except OSError as error:
        text = f"reading failed: {type(error).__name__}: {error}"
        return not_analysed(name, "io", text, diagnostic="read-failed")
    except Exception as error:
        text = f"the worker failed: {type(error).__name__}: {error}"
        return not_analysed(name, "cancelled", text, diagnostic="worker-failed")


def _from_error(result: FileResult, error: SnapjarError) -> FileResult:
    return result._replace(
        exit_code=exit_code_of(error.status),
        status=error.status,
        diagnostic=error.diagnostic,
        offset=error.offset,
        space=error.space,
        record=error.record,
        message=str(getattr(error, "strerror", None) or error),
        hint=error.hint,
    )


def _verify_one(
    name: str,
    source: Any,
    stored_only: bool,
    max_size: int,
    trust: str | None = None,
    context: str | None = None,
    detached: bool = False,
) -> FileResult:
    found = _verify(source, stored_only=stored_only, max_size=max_size, trust=trust, context=context, detached=detached)
    result = FileResult(name, "whole", 0, len(found.headers))
    if found.error is None:
        return result
    # A newer version may be whole, what is no snapshot is not a damaged one, and a damaged seal is not the file.
    is_damaged = found.error.status in ("damaged", "cut-short") and not isinstance(found.error, SealError)
    return _from_error(result._replace(verdict="damaged" if is_damaged else "not-analysed"), found.error)


_remake = functools.lru_cache(maxsize=16)(remake_policy)


def _scan_one(
    name: str, source: Any, recipe: tuple, encoding: str, trust: str | None, context: str | None, detached: bool
) -> FileResult:
    found = _scan(source, policy=_remake(recipe), encoding=encoding, trust=trust, context=context, detached=detached)
    denied = tuple(dict.fromkeys(denial.global_name for result in found for denial in result.denials if denial.global_name))
    failed = [result for result in found if result.verdict not in ("allowed", "denied")]
    result = FileResult(name, "allowed", 0, len(found), denied=denied[:DENIED_MAX], denied_count=len(denied))
    if failed or not found:
        return _from_failures(result, failed)
    for pickle in found:
        if not pickle.ok:
            return _from_denial(result, pickle)
    return result


def _from_failures(result: FileResult, failed: list[ScanResult]) -> FileResult:
    """A pickle that was not analysed decides, whatever the others are; of several the one that nobody read."""
    errors = [pickle.failure for pickle in failed if pickle.failure is not None]
    if not errors:
        return result._replace(verdict="not-analysed", exit_code=2, status="bug", message="there is no answer")
    worst = max(errors, key=lambda error: exit_code_of(error.status))
    number = next(pickle.index for pickle in failed if pickle.failure is worst)
    return _from_error(result._replace(verdict="not-analysed"), worst)._replace(record=number)


def _from_denial(result: FileResult, pickle: ScanResult) -> FileResult:
    result = result._replace(verdict="denied", exit_code=1, status="refused", record=pickle.index)
    if not pickle.denials:
        return result._replace(diagnostic="global-denied", message="denied")
    first = pickle.denials[0]
    name = f"{first.global_name}: " if first.global_name else ""
    hint = "Allow what you know and trust, by its exact name." if first.line else ""
    text = f"{name}{first.reason} [{first.diagnostic}] at byte {first.offset} of the pickle"
    return result._replace(diagnostic=first.diagnostic, offset=first.offset, space="content", message=text, hint=hint)


def _check_detached(detached: Any, trust: Any) -> bool:
    if not isinstance(detached, bool):
        raise TypeError(f"detached is True or False here: each file has its own seal, not {type(detached).__name__}")
    if detached and trust is None:
        raise ValueError("detached is for a trust, and none was given")
    return detached


def _seal_paths(key: Any, trust: Any) -> tuple:
    """Paths as texts, which travel to workers; keys themselves never do."""
    several = key if isinstance(key, (list, tuple)) else [key]
    if not all(isinstance(item, (str, os.PathLike)) for item in (*several, trust) if item is not None):
        raise TypeError("key and trust must be paths of files here: keys do not travel to other processes")
    paths = tuple(os.fspath(item) for item in several if item is not None)
    return paths or None, None if trust is None else os.fspath(trust)


_read_contract = functools.lru_cache(maxsize=16)(Contract)


def _migrate_all(settings: tuple, entries: list[Entry]) -> list[FileResult]:
    text, protocol, schema_version, backup, drop_seal, key, trust, context = settings
    contract = None if text is None else _read_contract(text)
    local = [entry for entry in entries if not entry[2]]
    rows = _migrate([entry[1] for entry in local], contract, protocol=protocol, schema_version=schema_version, backup=backup,
                    drop_seal=drop_seal, key=key, trust=trust, context=context)  # fmt: skip
    found = {entry[0]: row for entry, row in zip(local, rows, strict=True)}
    return [_migrated_one(entry[0], found.get(entry[0])) for entry in entries]


def _migrated_one(name: str, row: Any) -> FileResult:
    if row is None:
        return not_analysed(name, "unsupported", "only files that are here are migrated", diagnostic="not-a-file")
    if row.error is not None:
        return _from_error(FileResult(name, "failed", 1), row.error)
    return FileResult(name, "migrated" if row.changed else "current", 0, row.records)
