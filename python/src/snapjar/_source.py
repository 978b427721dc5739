# SPDX-License-Identifier: MIT
"""What snapshots are read from: paths, open files, and bytes."""

from __future__ import annotations

import io
import os
import stat
from typing import Any

from . import _core
from ._errors import FileError, fspath


class Opened:
    """A reader of the extension over any source, at the place where the source is."""

    __slots__ = ("file", "is_at_place", "is_from_start", "native", "start", "view")

    def __init__(self, source: Any, max_size: int = 0) -> None:
        self.file: Any = None
        self.start = 0
        self.view: memoryview | None = None
        # Whether what comes behind the record is somebody else's: files go on where they are, as with pickle.load.
        self.is_at_place = False
        # Whether offsets count from there, not from the start of the file.
        self.is_from_start = False
        if isinstance(source, (str, os.PathLike)):
            self.native = _open_path(source, max_size)
        elif hasattr(source, "read"):
            self._open_file(source, max_size)
        else:
            try:
                memory = memoryview(source)
            except TypeError:
                raise TypeError(f"a path, a binary file or bytes, not {type(source).__name__}") from None
            self.native = _core.Reader((memory,), "", 0, max_size)

    def _open_file(self, file: Any, max_size: int) -> None:
        self.file = file
        if isinstance(file, (io.BufferedReader, io.BufferedRandom, io.FileIO)) and _is_regular(file):
            if not isinstance(file, io.FileIO) and isinstance(file, io.BufferedRandom):
                file.flush()
            self.start = file.tell()
            self.is_at_place = True
            self.native = _core.Reader(file.fileno(), str(file.name), 0, max_size)
            self.native.seek(self.start, 0)
            return
        if isinstance(file, io.BytesIO):
            self.start = file.tell()
            self.is_at_place = True
            self.is_from_start = True
            self.view = file.getbuffer()[self.start :]
            self.native = _core.Reader((self.view,), "", 0, max_size)
            return
        if isinstance(file, io.TextIOBase):
            raise TypeError("the file is open as text: open it with mode 'rb'")
        self.native = _core.Reader((file.read(),), "", 0, max_size)

    def advance(self, offset: int, size: int) -> None:
        """Moves an open file behind the record that was read."""
        if self.file is None or not self.is_at_place:
            return
        self.file.seek(offset + size + (self.start if self.is_from_start else 0))

    def close(self) -> None:
        self.native.close()
        if self.view is not None:
            self.view.release()
            self.view = None


def _open_path(path: Any, max_size: int) -> Any:
    try:
        return _core.Reader(fspath(path), "", 0, max_size)
    except FileError as error:
        error.filename = os.fspath(path)
        raise


def _is_regular(file: Any) -> bool:
    try:
        return stat.S_ISREG(os.fstat(file.fileno()).st_mode)
    except (OSError, ValueError):
        return False
