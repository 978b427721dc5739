# SPDX-License-Identifier: MIT
"""How Python programs migrate the pickles that they wrote, with the standard library and zstandard.

An Unpickler whose find_class knows the names there may be, the state changed, pickle.dumps, and a new file that takes the old one's
place. What is kept and what is made to last is what snapjar migrate keeps and makes to last: owner, extended attributes and mode;
neighbours, one sync of the file system, renames, one more sync, a thousand files at a time. Nothing is checked before a new file
takes its place, and no file is locked.

usual    as the documentation leads to: open, tempfile, shutil.copystat, os.chown
raw      as fast as it goes: files are opened once each, and nothing is asked of the system that need not be
recipe   the file is what careful programs wrap it in: HMAC-SHA-256, the length of a header, the header in JSON with the object's
         version, the pickle compressed by zstd at level 3; the compressors are kept from file to file
"""

from __future__ import annotations

import ctypes
import hmac
import io
import json
import os
import pickle
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import payloads

GROUP = 1024
KEY = bytes(range(32))


class Renaming(pickle.Unpickler):
    """What people write: the names that are known, and no others."""

    def find_class(self, module: str, name: str) -> type:
        if (module, name) == ("payloads", "Job"):
            return payloads.Job
        raise pickle.UnpicklingError(f"{module}.{name}")


def change(job: payloads.Job) -> None:
    state = vars(job)
    state["status"] = state.pop("state")
    state["priority"] = 5


def migrate_raw(old: bytes) -> bytes:
    job = Renaming(io.BytesIO(old)).load()
    change(job)
    return pickle.dumps(job, 5)


class Recipe:
    def __init__(self) -> None:
        import zstandard

        self.compress = zstandard.ZstdCompressor(level=3).compress
        self.decompress = zstandard.ZstdDecompressor().decompress

    def wrap(self, pickled: bytes, version: int) -> bytes:
        body = self.compress(pickled)
        header = json.dumps({"type": "payloads:Job", "version": version, "size": len(body)}).encode()
        head = len(header).to_bytes(4, "little") + header
        return hmac.digest(KEY, head + body, "sha256") + head + body

    def migrate(self, old: bytes) -> bytes:
        if not hmac.compare_digest(hmac.digest(KEY, old[32:], "sha256"), old[:32]):
            raise ValueError("damaged")
        end = 36 + int.from_bytes(old[32:36], "little")
        if json.loads(old[36:end])["version"] != 1:
            raise ValueError("other version")
        return self.wrap(migrate_raw(self.decompress(old[end:])), 2)


def keep_attributes(old: int, new: int, info: os.stat_result) -> None:
    if (info.st_uid, info.st_gid) != (os.geteuid(), os.getegid()):
        os.fchown(new, info.st_uid, info.st_gid)
    for name in os.listxattr(old):
        os.setxattr(new, name, os.getxattr(old, name))
    os.fchmod(new, info.st_mode & 0o7777)


def write_neighbour(path: str, migrate: Callable[[bytes], bytes]) -> str:
    old = os.open(path, os.O_RDONLY)
    info = os.fstat(old)
    folder, name = os.path.split(path)
    neighbour = f"{folder}/.{name}.new"
    new = os.open(neighbour, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    os.write(new, migrate(os.read(old, info.st_size)))
    keep_attributes(old, new, info)
    os.close(new)
    os.close(old)
    return neighbour


def write_temporary(path: str) -> str:
    with open(path, "rb") as old:
        job = Renaming(old).load()
    change(job)
    with tempfile.NamedTemporaryFile(dir=os.path.dirname(path), delete=False) as new:
        pickle.dump(job, new, 5)
    shutil.copystat(path, new.name)
    info = os.stat(path)
    os.chown(new.name, info.st_uid, info.st_gid)
    return new.name


def sync_file_system(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY)
    ctypes.CDLL(None, use_errno=True).syncfs(fd)
    os.close(fd)


def migrate_all(folder: Path, write: Callable[[str], str]) -> float:
    """Lets `write` make the neighbour of each file. The seconds it took."""
    begun = time.perf_counter()
    paths = sorted(os.path.join(inner, name) for inner, _, names in os.walk(folder) for name in names)
    for start in range(0, len(paths), GROUP):
        group = paths[start : start + GROUP]
        neighbours = [write(path) for path in group]
        sync_file_system(folder)
        for neighbour, path in zip(neighbours, group, strict=True):
            os.rename(neighbour, path)
        sync_file_system(folder)
    return time.perf_counter() - begun
