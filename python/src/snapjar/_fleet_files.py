# SPDX-License-Identifier: MIT
"""Which files snapjar.fleet looks at: paths, what is below folders, and URLs by way of fsspec. Reads none of them."""

from __future__ import annotations

import fnmatch
import os
import stat
from collections.abc import Iterable, Iterator
from typing import Any

from ._fleet_report import FileResult, not_analysed

# (name, absolute path, "") of a local file, (name, URL, path there) of another; or the result, if that stands already.
Entry = tuple[str, str, str] | FileResult

_MAGIC = frozenset("*?[")


def import_fsspec() -> Any:
    try:
        import fsspec
    except ImportError as error:
        raise ImportError("URLs are read by fsspec, which is not installed here: pip install fsspec") from error
    return fsspec


def list_files(targets: Any, match: str, storage_options: dict[str, Any]) -> list[Entry]:
    """The files behind all targets, each once, in order."""
    if isinstance(targets, (str, bytes, os.PathLike)):
        targets = [targets]
    seen: dict[str, Entry] = {}
    for target in targets:
        if not isinstance(target, (str, bytes, os.PathLike)):
            raise TypeError(f"targets are paths and URLs, not {type(target).__name__}")
        name = os.fsdecode(target)
        is_url = isinstance(target, str) and "://" in target
        found = _list_url(name, match, storage_options) if is_url else _list_path(name, match)
        for entry in _or_nothing(name, found):
            seen.setdefault(entry[0], entry)
    return list(seen.values())


def _or_nothing(target: str, found: Iterable[Entry]) -> Iterator[Entry]:
    is_empty = True
    for entry in found:
        is_empty = False
        yield entry
    if is_empty:
        yield not_analysed(target, "not-found", "there is no file here", diagnostic="no-file")


def _failed(name: str, error: BaseException) -> FileResult:
    return not_analysed(name, "io", f"cannot list: {type(error).__name__}: {error}", diagnostic="read-failed")


def _not_a_file(name: str) -> FileResult:
    return not_analysed(name, "io", "is a device, a pipe, a dangling link or a link to a folder", diagnostic="not-a-file")


def _list_path(name: str, match: str) -> Iterator[Entry]:
    try:
        mode = os.stat(name).st_mode
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        yield not_analysed(name, "io", f"cannot open the file: {reason}", diagnostic="open-failed")
        return
    if stat.S_ISDIR(mode):
        yield from _walk(name, match)
    elif stat.S_ISREG(mode):
        yield name, os.path.abspath(name), ""
    else:
        yield _not_a_file(name)


def _walk(folder: str, match: str) -> Iterator[Entry]:
    """Depth first, each folder sorted. Links to folders are not followed, so it ends."""
    pending = [(folder, True)]
    while pending:
        name, is_folder = pending.pop()
        if not is_folder:
            yield name, os.path.abspath(name), ""
            continue
        try:
            with os.scandir(name) as scanned:
                entries = sorted(scanned, key=lambda entry: entry.name, reverse=True)
        except OSError as error:
            yield _failed(name, error)
            continue
        odd = []
        for entry in entries:
            kind = _kind(entry)
            if kind == "folder":
                pending.append((entry.path, True))
            elif kind == "link to a folder" or kind == "other" and fnmatch.fnmatchcase(entry.name, match):
                odd.append(_not_a_file(entry.path))
            elif kind == "file" and fnmatch.fnmatchcase(entry.name, match):
                pending.append((entry.path, False))
        yield from reversed(odd)


def _kind(entry: Any) -> str:
    """A link to a folder is one whatever its name: nobody knows which files are behind it."""
    try:
        if entry.is_dir():
            return "link to a folder" if entry.is_symlink() else "folder"
        return "file" if entry.is_file() else "other"
    except OSError:
        return "other"


def _list_url(url: str, match: str, storage_options: dict[str, Any]) -> Iterator[Entry]:
    fsspec = import_fsspec()
    _, chain, rest = url.partition("::")
    try:
        system, path = fsspec.core.url_to_fs(url, **storage_options)
        system.invalidate_cache()
        if _MAGIC.intersection(path):
            paths = [found for found in system.glob(path) if not system.isdir(found)]
        elif system.isdir(path):
            paths = [found for found in system.find(path) if fnmatch.fnmatchcase(found.rpartition("/")[2], match)]
        else:
            paths = [path]
        names = {found: system.unstrip_protocol(found) + chain + rest for found in sorted(paths)}
    except Exception as error:  # each file system has exceptions of its own
        yield _failed(url, error)
        return
    is_local = isinstance(system, fsspec.get_filesystem_class("file"))
    for found, name in names.items():
        if is_local:
            yield from _list_path(found, match)
        else:
            yield name, url, found


def read_url(url: str, path: str, size_max: int, storage_options: dict[str, Any]) -> bytes | None:
    """All bytes of a file, or None if it has more than `size_max`."""
    system, _ = import_fsspec().core.url_to_fs(url, **storage_options)
    parts: list[bytes] = []
    left = size_max + 1
    with system.open(path, "rb") as file:
        while left and (part := file.read(left)):
            parts.append(part)
            left -= len(part)
    return b"".join(parts) if left else None
