# SPDX-License-Identifier: MIT
"""What snapjar.fleet found, file by file and in all: for programs, as JSON lines, as text."""

from __future__ import annotations

import collections
import json
import os
from collections.abc import Iterator
from typing import Any, NamedTuple

from ._errors import hint_of

# By whose fault it is, as the command line has it: the answer is no, or there is none.
_EXIT_NO = frozenset(("cut-short", "wrong-format", "unsupported", "damaged", "bad-seal", "refused", "not-found"))
_VERDICTS = {"verify": ("whole", "damaged", "not-analysed"), "scan": ("allowed", "denied", "not-analysed"),
             "migrate": ("migrated", "current", "failed", "not-analysed")}  # fmt: skip
_CLEAN = ("whole", "allowed", "migrated", "current")
# Globals named for one file; one file could fill the report otherwise.
DENIED_MAX = 100


class FileResult(NamedTuple):
    """What was found in one file.

    file       -- its name, as it was given or found
    verdict    -- "whole", "damaged" or "not-analysed" (verify); "allowed", "denied" or "not-analysed" (scan);
                  "migrated", "current", "failed" or "not-analysed" (migrate)
    exit_code  -- 0: whole or allowed; 1: no; 2: could not be read, is over a limit, or its worker failed
    records    -- whole records (verify), pickles looked at (scan)
    status     -- whose fault it is, as in SnapjarError; "ok" if nobody's
    diagnostic -- the stable name of the first thing that is wrong, or ""; where it is: offset, space, record
    denied     -- globals that are denied, each once, at most 100; `denied_count` counts all
    """

    file: str
    verdict: str
    exit_code: int
    records: int = 0
    status: str = "ok"
    diagnostic: str = ""
    offset: int | None = None
    space: str = ""
    record: int | None = None
    message: str = ""
    hint: str = ""
    denied: tuple[str, ...] = ()
    denied_count: int = 0

    @property
    def ok(self) -> bool:
        return self.exit_code == 0 and self.verdict in _CLEAN


def exit_code_of(status: str) -> int:
    return 1 if status in _EXIT_NO else 2


def not_analysed(file: str, status: str, message: str, *, diagnostic: str) -> FileResult:
    """The result for a file that nobody could look into."""
    return FileResult(file, "not-analysed", 2, 0, status, diagnostic, None, "", None, message, hint_of(diagnostic))


def printable(text: str) -> str:
    """A text that a terminal may get: control characters and what is no character are escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)


def _file_members(file: str) -> dict[str, str]:
    """A name that is not UTF-8 has U+FFFD in it, and is exact in hexadecimal."""
    exact = os.fsencode(file)
    readable = exact.decode(errors="replace")
    return {"file": file} if readable == file else {"file": readable, "file_hex": exact.hex()}


class Report:
    """One report over all files, in the order in which they were given, those of a folder sorted. True if all is well.

    action  -- "verify" or "scan"
    results -- one FileResult for each file
    """

    __slots__ = ("action", "results")

    def __init__(self, action: str, results: tuple[FileResult, ...]) -> None:
        self.action = action
        self.results = results

    @property
    def exit_code(self) -> int:
        """The highest of all files; 2 if there was none, for then nothing was looked at."""
        return max((result.exit_code for result in self.results), default=2)

    @property
    def ok(self) -> bool:
        return bool(self.results) and all(result.ok for result in self.results)

    def __bool__(self) -> bool:
        return self.ok

    def select(self, *verdicts: str) -> tuple[FileResult, ...]:
        """The results with one of these verdicts."""
        return tuple(result for result in self.results if result.verdict in verdicts)

    @property
    def totals(self) -> dict[str, int]:
        """Files, records (or pickles), and files of each verdict."""
        counts = collections.Counter(result.verdict for result in self.results)
        return {
            "files": len(self.results),
            "records": sum(result.records for result in self.results),
            **{verdict: counts[verdict] for verdict in _VERDICTS[self.action]},
        }

    @property
    def diagnostics(self) -> dict[str, int]:
        """Files for each diagnostic, by its name."""
        counts = collections.Counter(result.diagnostic for result in self.results if result.diagnostic)
        return dict(sorted(counts.items()))

    @property
    def denied(self) -> dict[str, int]:
        """Files for each global that is denied, by its name."""
        counts = collections.Counter(name for result in self.results for name in result.denied)
        return dict(sorted(counts.items()))

    def json_lines(self) -> Iterator[str]:
        """One JSON object a line, without the line's end: each file, then the summary."""
        for result in self.results:
            members: dict[str, Any] = {"json_version": 1, "kind": "file", **_file_members(result.file)}
            members.update((name, value) for name, value in result._asdict().items()
                           if name != "file" and value not in ("", None, ()))  # fmt: skip
            yield json.dumps(members)
        yield json.dumps({"json_version": 1, "kind": "summary", "action": self.action, **self.totals,
                          "diagnostics": self.diagnostics, "exit_code": self.exit_code})  # fmt: skip

    def write_json(self, path: "str | os.PathLike[str]") -> None:
        """Writes the JSON lines to a file."""
        with open(path, "w", encoding="ascii") as file:
            file.writelines(line + "\n" for line in self.json_lines())

    def summary(self, files_max: int = 20) -> str:
        """For people: the totals, what is wrong with the first `files_max` files, and a hint for each kind of fault."""
        totals = self.totals
        counted = ", ".join(f"{totals[verdict]} {verdict}" for verdict in _VERDICTS[self.action])
        lines = [f"{self.action}: {totals['files']} files: {counted}"]
        bad = [result for result in self.results if not result.ok]
        shown = bad[:files_max]
        lines += [f"  {printable(result.file)}: {result.verdict}: {_reason(result)}" for result in shown]
        if len(bad) > len(shown):
            lines.append(f"  and {len(bad) - len(shown)} more")
        hints = {result.diagnostic: result.hint for result in shown if result.hint}
        lines += [f"{name}: {printable(hint)}" for name, hint in hints.items()]
        return "\n".join(lines) + "\n"

    def __repr__(self) -> str:
        return f"<snapjar.fleet.Report of {self.action}: {len(self.results)} files, exit code {self.exit_code}>"


def _reason(result: FileResult) -> str:
    text = printable(result.message)
    if result.denied and (result.verdict != "denied" or result.denied_count > 1):
        text += f"; denied: {', '.join(printable(name) for name in result.denied[:5])}"
        if result.denied_count > 5:
            text += f" and {result.denied_count - 5} more"
    return text
