#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Assembles the test vectors of spec/pickle.md from text recipes: assemble_pickles.py OUTDIR.

Reads pickle/*.recipe beside this script and writes into OUTDIR NAME.pickle, NAME.policy and NAME.expected for each
vector, and index.tsv. spec/vectors/README.md describes the language of these recipes and the files.

This tool knows how opcodes are written, and how to write wrong ones. What a reader should say stands in the recipes.
"""

import json
import pickletools
import re
import struct
import sys
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from assemble import RecipeError, parse_bytes  # noqa: E402

OPCODES = {info.name: info for info in pickletools.opcodes}
ENCODINGS = ("ascii", "latin1", "bytes")
USES = ("import", "call", "new", "build", "setitem", "append", "argument")
LIMITS = ("stack_depth", "memo_count", "global_count", "text_size", "line_size")
INDEX_COLUMNS = ("name", "encoding", "limits", "verdict", "status", "diagnostic", "offset")
STATUSES = {"pickle-empty": "cut-short", "pickle-cut-short": "cut-short", "pickle-protocol-unsupported": "unsupported"}
LIMIT_DIAGNOSTICS = {"pickle-line-too-long", "pickle-stack-limit", "pickle-memo-limit", "pickle-globals-limit"}
LIMIT_DIAGNOSTICS |= {"pickle-text-limit"}


def encode(name: str, text: str) -> bytes:
    """An opcode with its argument, as the recipe writes it."""
    info = OPCODES[name]
    code = info.code.encode("latin-1")
    if info.arg is None:
        if text:
            raise RecipeError(f"{name} takes no argument")
        return code
    kind, size = info.arg.name, info.arg.n
    if kind == "stringnl_noescape_pair":
        module, separator, attribute = text.partition(":")
        if not separator:
            raise RecipeError(f"{name} takes MODULE:NAME")
        return code + module.encode() + b"\n" + attribute.encode() + b"\n"
    if size == -1:
        return code + text.encode() + b"\n"
    if kind == "float8":
        return code + struct.pack(">d", float(text))
    if size > 0:
        return code + int(text).to_bytes(size, "little", signed=kind == "int4")
    data = parse_bytes(text)
    return code + len(data).to_bytes({"1": 1, "4": 4, "8": 8}[kind[-1]], "little") + data


def plain_name(text: str) -> str:
    """As NAME.expected has it: what is not ASCII as the bytes of its UTF-8; `{x*3}` is `xxx`."""
    text = re.sub(r"\{(.)\*(\d+)\}", lambda match: match[1] * int(match[2]), text)
    return "".join(c if c.isascii() else "".join(f"\\x{byte:02x}" for byte in c.encode()) for c in text)


@dataclass
class Vector:
    """One pickle, a policy and what is to be said."""

    name: str
    why: str = ""
    data: bytearray = field(default_factory=bytearray)
    labels: dict[str, int] = field(default_factory=dict)
    tricks: list[str] = field(default_factory=list)
    rows: list[str] = field(default_factory=list)
    encoding: str = "ascii"
    limits: dict[str, int] = field(default_factory=dict)
    policy: dict = field(default_factory=lambda: {"snapjar_policy": 1})
    verdict: str = ""
    faults: list[str] = field(default_factory=list)
    globals: list[str] = field(default_factory=list)
    readers: dict[str, str] = field(default_factory=dict)

    def offset(self, text: str) -> int:
        """A number, a label, or a label with +N."""
        label, _, more = text.partition("+")
        if label.isdigit():
            return int(label) + int(more or 0)
        if label == "end":
            return len(self.data) + int(more or 0)
        if label not in self.labels:
            raise RecipeError(f"{self.name}: no label {label!r}")
        return self.labels[label] + int(more or 0)

    def fault_list(self) -> list[tuple[str, int]]:
        return [(name, self.offset(at)) for name, at in (fault.split() for fault in self.faults)]

    def index_row(self) -> tuple:
        faults = self.fault_list()
        limits = ",".join(f"{name}={value}" for name, value in self.limits.items()) or "-"
        if self.verdict != "not-analysed":
            status = "ok"
            first = min(faults, key=lambda fault: fault[1]) if faults else ("none", "-")
        else:
            first = faults[0]
            status = STATUSES.get(first[0], "limit" if first[0] in LIMIT_DIAGNOSTICS else "damaged")
        return (self.name, self.encoding, limits, self.verdict, status, *first)

    def global_line(self, text: str) -> str:
        """`MODULE:NAME [= MODULE:NAME] use@OFFSET...`: with the mapped name always there, and numbers for labels."""
        words = text.split()
        words[0] = plain_name(words[0])
        mapped = words[0]
        rest = words[1:]
        if rest[:1] == ["="]:
            mapped, rest = plain_name(rest[1]), rest[2:]
        uses = []
        for word in rest:
            use, _, at = word.partition("@")
            if use not in USES:
                raise RecipeError(f"{self.name}: no use {use!r}")
            uses.append(f"{use}@{self.offset(at)}")
        if not uses:
            raise RecipeError(f"{self.name}: {words[0]} without uses")
        return " ".join(["global", words[0], mapped, *uses])

    def expected(self) -> str:
        """The whole answer: what else is found in a pickle that is not analysed is not said."""
        lines = ["verdict " + self.verdict]
        lines += [f"fault {name} {at}" for name, at in sorted(self.fault_list(), key=lambda fault: fault[1])]
        if self.verdict != "not-analysed":
            lines += [self.global_line(text) for text in self.globals]
        return "\n".join(lines) + "\n"


class Assembler:
    def __init__(self):
        self.vectors: dict[str, Vector] = {}
        self.current: Vector | None = None

    def line(self, text: str) -> None:
        word, _, rest = text.partition(" ")
        rest = rest.strip()
        if word == "vector":
            self.finish()
            if rest in self.vectors or not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", rest):
                raise RecipeError(f"vector {rest!r} is there already, or its name is no name")
            self.current = self.vectors[rest] = Vector(rest)
            return
        vector = self.current
        if vector is None:
            raise RecipeError(f"{word} before the first vector")
        if word in OPCODES:
            vector.data += encode(word, rest)
        elif word.endswith(":") and word[:-1].isidentifier():
            vector.labels[word[:-1]] = len(vector.data)
            if rest:
                self.line(rest)
        else:
            self.directive(vector, word, rest)

    def directive(self, vector: Vector, word: str, rest: str) -> None:
        if word == "why":
            vector.why = (vector.why + " " + rest).strip()
        elif word == "bytes":
            vector.data += parse_bytes(rest)
        elif word == "repeat":
            count, _, pattern = rest.partition(" ")
            vector.data += parse_bytes(pattern) * int(count)
        elif word == "trick":
            vector.tricks += rest.split()
        elif word == "row":
            vector.rows += rest.split()
        elif word == "encoding" and rest in ENCODINGS:
            vector.encoding = rest
        elif word == "limit" and rest.split()[0] in LIMITS:
            vector.limits[rest.split()[0]] = int(rest.split()[1])
        elif word == "allow":
            name, *uses = rest.split()
            vector.policy.setdefault("allow", {})[name] = uses
        elif word == "preset":
            vector.policy.setdefault("presets", []).append(rest)
        elif word in ("persistent_ids", "buffers"):
            vector.policy[word] = True
        elif word == "extension":
            code, name = rest.split()
            vector.policy.setdefault("extensions", {})[code] = name
        elif word == "expect":
            verdict, _, faults = rest.partition(" ")
            vector.verdict = verdict
            vector.faults = [fault.strip() for fault in faults.split(",") if fault.strip()]
        elif word == "global":
            vector.globals.append(rest)
        elif word == "readers":
            vector.readers = dict(part.split("=", 1) for part in rest.split())
        else:
            raise RecipeError(f"{vector.name}: what is {word!r}?")

    def finish(self) -> None:
        vector = self.current
        if vector is None:
            return
        if not vector.why:
            raise RecipeError(f"{vector.name}: no sentence says why")
        if vector.verdict not in ("allowed", "denied", "not-analysed"):
            raise RecipeError(f"{vector.name}: no verdict is expected")
        if (vector.verdict == "allowed") == bool(vector.faults):
            raise RecipeError(f"{vector.name}: what is allowed has no fault, what is not has one")
        vector.expected()


def load_recipes(folder: Path) -> dict[str, Vector]:
    assembler = Assembler()
    for path in sorted(folder.glob("*.recipe")):
        for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            text = text.strip()
            if not text or text.startswith("#"):
                continue
            try:
                assembler.line(text)
            except (RecipeError, ValueError, IndexError) as error:
                raise RecipeError(f"{path.name}:{number}: {error}") from error
    try:
        assembler.finish()
    except (RecipeError, ValueError) as error:
        raise RecipeError(f"at the end: {error}") from error
    return assembler.vectors


def main() -> None:
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    rows = ["\t".join(INDEX_COLUMNS)]
    for vector in load_recipes(Path(__file__).resolve().parent / "pickle").values():
        (out / f"{vector.name}.pickle").write_bytes(vector.data)
        (out / f"{vector.name}.policy").write_text(json.dumps(vector.policy) + "\n", encoding="ascii")
        (out / f"{vector.name}.expected").write_text(vector.expected(), encoding="ascii")
        rows.append("\t".join(map(str, vector.index_row())))
    (out / "index.tsv").write_text("\n".join(rows) + "\n", encoding="ascii")


if __name__ == "__main__":
    try:
        main()
    except RecipeError as error:
        sys.exit(f"assemble_pickles: {error}")
