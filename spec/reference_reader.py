#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A second reader of snapjar files, written from spec/format.md alone: reference_reader.py FILE.

Prints one JSON object a record, or the first error (status, diagnostic, space, offset), and exits with 0 or 1.
It is meant to be read beside the specification: sections are named in the comments, nothing is done for speed, and the
whole file is held in memory. It needs python3-zstandard and python3-xxhash. It never unpickles anything.
"""

import hashlib
import json
import math
import pickletools
import re
import sys
from dataclasses import dataclass

import xxhash
import zstandard

# ---- constants (sections 4 to 9) and default limits (section 10) ----

HEADER_MAGIC = bytes.fromhex("532a4d18")
TRAILER_MAGIC = bytes.fromhex("542a4d18")
ZSTD_MAGIC = bytes.fromhex("28b52ffd")
SKIPPABLE_TAIL = bytes.fromhex("2a4d18")
OUR_MAGIC = bytes.fromhex("89534a520d0a1a0a")
SEVEN_BIT_MAGIC = bytes.fromhex("09534a52")
TEXT_MODE_MAGICS = tuple(
    bytes.fromhex(form) for form in ("89534a520a1a0a", "89534a520d0d0a1a0d0a", "89534a520d0a1a0d0a", "89534a520d0d1a0d")
)
PREFIX_SIZE = 44
TRAILER_SIZE = 24
HEADER_FRAME_MAX = 16 << 20
SHIFT_SEARCH = 64
ALIGNMENT = 64
WINDOW_MAX = 8 << 20
BLOCK_MAX = 128 << 10
FRAME_SIZES = tuple(1 << k for k in range(16, 24))
INT64_MIN, INT64_MAX = -(1 << 63), (1 << 63) - 1

JSON_SIZE_LIMIT = 1 << 20
SEAL_SIZE_LIMIT = 64 << 10
DEPTH_LIMIT = 32
CONTENT_LIMIT = 64 << 30
LINE_LIMIT = 64 << 20


class Fault(Exception):
    """What is wrong: the four facts that every reader must agree on, and a sentence for people."""

    def __init__(self, status: str, diagnostic: str, space: str, offset: int, message: str):
        super().__init__(message)
        self.status = status
        self.diagnostic = diagnostic
        self.space = space
        self.offset = offset
        self.record_index = None


def damaged(diagnostic: str, offset: int, message: str) -> Fault:
    return Fault("damaged", diagnostic, "file", offset, message)


def misled(diagnostic: str, offset: int, message: str) -> Fault:
    """As damaged(), for an offset in the content."""
    return Fault("damaged", diagnostic, "content", offset, message)


def number(data: bytes, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], "little")


def digest(data: bytes) -> bytes:
    """XXH3-128 in canonical (big-endian) form."""
    return xxhash.xxh3_128_digest(data)


# ---- the header frame's fixed part (section 4) ----


@dataclass
class Prefix:
    version: int
    flags: int
    json_size: int
    seal_size: int
    checksum: bytes

    @property
    def frame_size(self) -> int:
        return PREFIX_SIZE + self.json_size + self.seal_size


def begins_header(head: bytes) -> bool:
    """Whether `head` (up to 16 bytes) is a header's beginning, as far as it goes. Bytes 4 to 7 are the frame size."""
    return head[:4] == HEADER_MAGIC[: len(head)] and head[8:16] == OUR_MAGIC[: max(0, len(head) - 8)]


def explain_magic(data: bytes, start: int) -> Fault:
    """Section 4.2: what the bytes look like that begin no header."""
    for at in range(start + 4, start + 13):
        if data.startswith(TEXT_MODE_MAGICS, at):
            return damaged("text-mode-damage", start, "line ends in the magic were converted")
        if data.startswith(SEVEN_BIT_MAGIC, at):
            return damaged("seven-bit-damage", start, "the eighth bits of the magic were cleared")
    found = data[start : start + SHIFT_SEARCH].find(OUR_MAGIC)
    if found == 8:
        found = data[start : start + SHIFT_SEARCH].find(OUR_MAGIC, 9)
    if found >= 0:
        return damaged("magic-shifted", start + found, f"the magic stands {found} bytes after the start, not 8")
    if start > 0:
        return damaged("trailing-garbage", start, "what follows the last record is no record")
    return Fault("wrong-format", "not-snapjar", "file", start, "this is no snapjar file")


def read_prefix(data: bytes, start: int) -> Prefix:
    head = data[start : start + PREFIX_SIZE]
    if not begins_header(head[:16]):
        raise explain_magic(data, start)
    if len(head) < PREFIX_SIZE:
        raise Fault("cut-short", "header-cut-short", "file", len(data), "the file ends inside a header")
    prefix = Prefix(number(head, 16, 2), number(head, 18, 2), number(head, 20, 4), number(head, 24, 4), head[28:44])
    frame_size = number(head, 4, 4)
    if frame_size != prefix.frame_size - 8 or frame_size > HEADER_FRAME_MAX - 8:
        raise damaged("frame-size-damaged", start + 4, f"frame size {frame_size} does not fit the sizes inside")
    if len(data) - start < prefix.frame_size:
        raise Fault("cut-short", "header-cut-short", "file", len(data), "the file ends inside a header")
    return prefix


def check_prefix(data: bytes, start: int, prefix: Prefix) -> None:
    """Section 4.4: the checksum first. Only behind it can a newer record be told from a damaged one."""
    frame = data[start : start + prefix.frame_size]
    if digest(frame[8:28] + bytes(16) + frame[PREFIX_SIZE:]) != prefix.checksum:
        raise damaged("header-checksum-mismatch", start + 28, "the header does not match its checksum")
    if prefix.version != 1:
        raise Fault("unsupported", "unsupported-version", "file", start + 16, f"format version {prefix.version}")
    if prefix.flags & 0x00FF:
        raise Fault("unsupported", "unknown-flags", "file", start + 18, f"flags {prefix.flags:#06x}")
    if prefix.json_size > JSON_SIZE_LIMIT:
        raise Fault("limit", "header-too-large", "file", start + 20, f"{prefix.json_size} bytes of JSON")
    if prefix.seal_size > SEAL_SIZE_LIMIT:
        raise Fault("limit", "header-too-large", "file", start + 24, f"{prefix.seal_size} bytes of seal area")


# ---- JSON with offsets (section 5) ----


@dataclass
class Node:
    """A JSON value and where it stands. `value` is a dict of Nodes, a list of Nodes, or a plain Python value."""

    kind: str
    value: object
    offset: int

    def plain(self):
        if self.kind == "object":
            return {key: node.plain() for key, node in self.value.items()}
        if self.kind == "array":
            return [node.plain() for node in self.value]
        return self.value


class JsonReader:
    """RFC 8259, strict. Offsets are those of the file."""

    NUMBER = re.compile(rb"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
    PLAIN = re.compile(rb'[^"\\\x00-\x1f]*')
    ESCAPES = {ord(k): v for k, v in zip('"\\/bfnrt', '"\\/\b\f\n\r\t')}
    WORDS = ((b"true", "boolean", True), (b"false", "boolean", False), (b"null", "null", None))

    def __init__(self, text: bytes, base: int):
        self.text = text
        self.base = base
        self.at = 0

    def read(self) -> Node:
        try:
            self.text.decode("utf-8")
        except UnicodeDecodeError as error:
            raise damaged("json-encoding", self.base + error.start, "the JSON is not UTF-8") from None
        self.skip_space()
        node = self.read_value(1)
        self.skip_space()
        if self.at < len(self.text):
            raise self.syntax("something follows the JSON")
        if node.kind != "object":
            raise damaged("json-not-object", node.offset, f"the JSON is of kind {node.kind}, not object")
        return node

    def syntax(self, message: str, at: int | None = None) -> Fault:
        return damaged("json-syntax", self.base + (self.at if at is None else at), message)

    def skip_space(self) -> None:
        while self.text[self.at : self.at + 1] in (b" ", b"\t", b"\n", b"\r"):
            self.at += 1

    def peek(self) -> bytes:
        return self.text[self.at : self.at + 1]

    def expect(self, byte: bytes) -> None:
        self.skip_space()
        if self.peek() != byte:
            raise self.syntax(f"{byte.decode()} expected")
        self.at += 1

    def read_value(self, depth: int) -> Node:
        start = self.at
        first = self.peek()
        if first in (b"{", b"["):
            if depth > DEPTH_LIMIT:
                raise Fault("limit", "json-too-deep", "file", self.base + start, f"nested over {DEPTH_LIMIT} levels")
            if first == b"{":
                return Node("object", self.read_object(depth), self.base + start)
            return Node("array", self.read_array(depth), self.base + start)
        if first == b'"':
            return Node("string", self.read_string(), self.base + start)
        if first and first in b"-0123456789":
            return self.read_number()
        for word, kind, value in self.WORDS:
            if self.text.startswith(word, start):
                self.at += len(word)
                return Node(kind, value, self.base + start)
        raise self.syntax("a value expected")

    def read_object(self, depth: int) -> dict:
        members: dict[str, Node] = {}
        self.at += 1
        self.skip_space()
        while self.peek() != b"}":
            if members:
                self.expect(b",")
                self.skip_space()
            key_at = self.at
            if self.peek() != b'"':
                raise self.syntax("a key expected")
            key = self.read_string()
            if key in members:
                raise damaged("json-duplicate-key", self.base + key_at, f"key {key!r} stands twice")
            self.expect(b":")
            self.skip_space()
            members[key] = self.read_value(depth + 1)
            self.skip_space()
        self.at += 1
        return members

    def read_array(self, depth: int) -> list:
        elements: list[Node] = []
        self.at += 1
        self.skip_space()
        while self.peek() != b"]":
            if elements:
                self.expect(b",")
                self.skip_space()
            elements.append(self.read_value(depth + 1))
            self.skip_space()
        self.at += 1
        return elements

    def read_number(self) -> Node:
        start = self.at
        match = self.NUMBER.match(self.text, start)
        if not match:
            raise self.syntax("a digit expected", start + 1)
        self.at = match.end()
        # "1." and "1e" match up to the digit; what follows is then not JSON at the byte behind the point or the e.
        rest = self.text[self.at :]
        if not match[1] and not match[2] and rest[:1] == b".":
            raise self.syntax("a digit expected", self.at + 1)
        if not match[2] and rest[:1] in (b"e", b"E"):
            raise self.syntax("a digit expected", self.at + (2 if rest[1:2] in (b"+", b"-") else 1))
        if match[1] or match[2]:
            real = float(match[0])
            if math.isinf(real):
                raise damaged("json-number-range", self.base + start, "the number does not fit a double")
            return Node("real", real, self.base + start)
        # int() has a limit on digits; what is longer than 20 characters cannot fit anyway.
        integer = int(match[0]) if len(match[0]) <= 20 else INT64_MAX + 1
        if not INT64_MIN <= integer <= INT64_MAX:
            raise damaged("json-number-range", self.base + start, "the integer does not fit 64 bits")
        return Node("integer", integer, self.base + start)

    def read_string(self) -> str:
        out = []
        self.at += 1
        while True:
            match = self.PLAIN.match(self.text, self.at)
            out.append(match[0].decode("utf-8"))
            self.at = match.end()
            byte = self.peek()
            if byte == b'"':
                self.at += 1
                return "".join(out)
            if byte != b"\\":
                raise self.syntax("a control character, or the string does not end")
            out.append(self.read_escape())

    def read_escape(self) -> str:
        start = self.at
        letter = self.text[start + 1 : start + 2]
        if letter and letter[0] in self.ESCAPES:
            self.at += 2
            return self.ESCAPES[letter[0]]
        high = self.unit(start)
        self.at = start + 6
        if 0xD800 <= high <= 0xDBFF:
            low = self.unit(start + 6, start)
            if not 0xDC00 <= low <= 0xDFFF:
                raise self.syntax("a lone surrogate", start)
            self.at = start + 12
            return chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))
        if high == 0 or 0xDC00 <= high <= 0xDFFF:
            raise self.syntax("a lone surrogate or U+0000", start)
        return chr(high)

    def unit(self, at: int, blame: int | None = None) -> int:
        match = re.compile(rb"\\u([0-9a-fA-F]{4})").match(self.text, at)
        if not match:
            raise self.syntax("not an escape", at if blame is None else blame)
        return int(match[1], 16)


# ---- fields (section 6) ----

CHECKSUM = re.compile(r"xxh3-128:[0-9a-f]{32}")
DIGEST = re.compile(r"blake2b-256:[0-9a-f]{64}")
SEALED_STREAM = "sealed-stream"
STREAM_ID = re.compile(r"[0-9a-f]{32}")
TIME = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(\.[0-9]{1,9})?Z")
DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
SCALARS = ("string", "integer", "real", "boolean", "null")


def field_type(node: Node, path: str, *kinds: str) -> None:
    if node.kind not in kinds:
        raise damaged("field-type", node.offset, f"{path} is of kind {node.kind}, not {' or '.join(kinds)}")


def field_value(node: Node, path: str, good: bool) -> None:
    if not good:
        raise damaged("field-value", node.offset, f"{path} has a value that is not allowed")


def field_match(node: Node, path: str, good: bool) -> None:
    if not good:
        raise damaged("field-mismatch", node.offset, f"{path} contradicts another field")


def member(parent: Node, key: str, *kinds: str) -> Node:
    """A required member of one of the kinds."""
    node = parent.value.get(key)
    if node is None:
        raise damaged("field-missing", parent.offset, f"{key} is absent")
    field_type(node, key, *kinds)
    return node


def optional(parent: Node, key: str, *kinds: str) -> Node | None:
    return member(parent, key, *kinds) if key in parent.value else None


def natural(parent: Node, key: str) -> int:
    node = member(parent, key, "integer")
    field_value(node, key, node.value >= 0)
    return node.value


def check_time(node: Node, path: str) -> None:
    match = TIME.fullmatch(node.value)
    field_value(node, path, match is not None)
    year, month, day, hour, minute, second = (int(match[i]) for i in range(1, 7))
    field_value(node, path, 1 <= month <= 12 and hour <= 23 and minute <= 59 and second <= 59)
    leap = month == 2 and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    field_value(node, path, 1 <= day <= DAYS[month - 1] + leap)


def check_requires(root: Node) -> None:
    """Section 6.9: before all other fields, so that what is newer is called newer."""
    requires = optional(root, "requires", "array")
    for node in requires.value if requires else []:
        field_type(node, "requires", "string")
        if node.value == SEALED_STREAM:
            continue
        raise Fault("unsupported", "unknown-requirement", "file", node.offset, f"requires {node.value!r}")


def check_build(build: Node) -> None:
    tool = member(build, "tool", "object")
    member(tool, "name", "string")
    member(tool, "version", "string")
    for key in ("app", "version", "commit", "python", "platform"):
        optional(build, key, "string")
    packages = optional(build, "packages", "object")
    for key, node in packages.value.items() if packages else ():
        field_type(node, f"packages.{key}", "string")


def check_layout(layout: Node) -> None:
    for name, fields in layout.value.items():
        field_type(fields, f"layout.{name}", "array")
        previous = None
        for node in fields.value:
            field_type(node, f"layout.{name}", "string")
            now = node.value.encode("utf-8")
            field_value(node, f"layout.{name}", previous is None or now > previous)
            previous = now


def check_history(history: Node) -> None:
    for entry in history.value:
        field_type(entry, "history", "object")
        natural(entry, "from")
        natural(entry, "to")
        check_time(member(entry, "when", "string"), "when")
        member(entry, "by", "string")


def is_sealed_stream(root: Node) -> bool:
    requires = root.value.get("requires")
    return requires is not None and any(node.value == SEALED_STREAM for node in requires.value)


def check_stream(stream: Node, is_sealed: bool) -> None:
    node = member(stream, "id", "string")
    field_value(node, "id", STREAM_ID.fullmatch(node.value) is not None)
    index = natural(stream, "index")
    previous = member(stream, "previous", "string", "null")
    if previous.kind == "string":
        field_value(previous, "previous", (DIGEST if is_sealed else CHECKSUM).fullmatch(previous.value) is not None)
    field_match(previous, "previous", (index == 0) == (previous.kind == "null"))


def check_buffers(payload: Node) -> list[tuple[int, int]]:
    """Section 6.12.11: each buffer at the next multiple of 64, the last one ends where the content ends."""
    size = payload.value["size"]
    end = payload.value["pickle_size"].value
    buffers = optional(payload, "buffers", "array")
    spans = []
    for entry in buffers.value if buffers else []:
        field_type(entry, "buffers", "object")
        spans.append((natural(entry, "offset"), natural(entry, "size")))
    for entry, (offset, buffer_size) in zip(buffers.value if buffers else [], spans):
        field_value(entry.value["offset"], "offset", offset == -(-end // ALIGNMENT) * ALIGNMENT)
        end = offset + buffer_size
        field_match(entry.value["size"], "size", end <= size.value)
    field_match(size, "size", end == size.value)
    return spans


def check_payload(payload: Node) -> list[tuple[int, int]]:
    def choice(key: str, *allowed, kind: str = "string") -> None:
        node = member(payload, key, kind)
        field_value(node, key, node.value in allowed)

    choice("content_type", "pickle")
    choice("protocol", *range(6), kind="integer")
    if "string_encoding" in payload.value:
        choice("string_encoding", "ascii", "latin1", "bytes")
    choice("compression", "zstd")
    choice("frame_size", *FRAME_SIZES, kind="integer")
    for key in ("size", "pickle_size"):
        node = member(payload, key, "integer")
        if node.value == 0:
            raise damaged("content-empty", node.offset, f"payload.{key} is 0")
        field_value(node, key, node.value > 0)
    node = member(payload, "stored_size", "integer")
    field_value(node, "stored_size", node.value > 0)
    for key in ("checksum", "content_checksum"):
        node = member(payload, key, "string")
        field_value(node, key, CHECKSUM.fullmatch(node.value) is not None)
    return check_buffers(payload)


def check_fields(root: Node, version: int) -> list[tuple[int, int]]:
    """The whole of section 6. Returns the buffers' places."""
    check_requires(root)
    node = member(root, "format_version", "integer")
    field_match(node, "format_version", node.value == version)
    node = member(root, "type", "string")
    field_value(node, "type", 1 <= len(node.value.encode("utf-8")) <= 1024)
    natural(root, "schema_version")
    check_build(member(root, "build", "object"))
    if layout := optional(root, "layout", "object"):
        check_layout(layout)
    if labels := optional(root, "labels", "object"):
        for key, node in labels.value.items():
            field_type(node, f"labels.{key}", *SCALARS)
    if history := optional(root, "history", "array"):
        check_history(history)
    if stream := optional(root, "stream", "object"):
        check_stream(stream, is_sealed_stream(root))
    check_time(member(root, "created", "string"), "created")
    return check_payload(member(root, "payload", "object"))


# ---- payload frames (section 7) ----


@dataclass
class Frame:
    start: int
    end: int
    content_size: int


class FrameWalker:
    """Walks the frames by their headers and block headers, without decompressing."""

    def __init__(self, data: bytes, start: int, end: int):
        self.data = data
        self.at = start
        self.end = end

    def take(self, size: int) -> bytes:
        if self.end - self.at < size:
            raise damaged("stored-size-mismatch", self.end, "a frame goes on behind the payload's end")
        self.at += size
        return self.data[self.at - size : self.at]

    def walk(self, size: int, frame_size: int) -> list[Frame]:
        frames = []
        while size > 0:
            frames.append(self.frame(min(size, frame_size)))
            size -= frames[-1].content_size
        if self.at != self.end:
            raise damaged("stored-size-mismatch", self.at, "the payload goes on behind the last frame")
        return frames

    def frame(self, expected: int) -> Frame:
        start = self.at
        magic = self.take(4)
        is_skippable = magic[1:] == SKIPPABLE_TAIL and magic[0] >> 4 == 5
        is_legacy = magic[1:] == ZSTD_MAGIC[1:] and 0x22 <= magic[0] <= 0x27
        if is_skippable or is_legacy:
            raise damaged("frame-foreign", start, "a skippable frame, or one of a zstd format before 0.8")
        if magic != ZSTD_MAGIC:
            raise damaged("frame-invalid", start, "no zstd frame begins here")
        descriptor = self.take(1)[0]
        single, size_flag = descriptor >> 5 & 1, descriptor >> 6
        if descriptor & 0x08:
            raise damaged("frame-invalid", start + 4, "the reserved bit is set")
        if descriptor & 0x03 or not descriptor & 0x04 or (size_flag == 0 and not single):
            raise damaged("frame-flags", start, "a dictionary, or no checksum, or no content size")
        window = 0 if single else self.window(self.take(1)[0])
        field = self.take((1, 2, 4, 8)[size_flag])
        content_size = int.from_bytes(field, "little") + (256 if size_flag == 1 else 0)
        if content_size != expected:
            raise damaged("frame-content-size", start, f"{content_size} bytes of content, not {expected}")
        if window > WINDOW_MAX:
            raise damaged("window-too-large", start, f"a window of {window} bytes")
        self.blocks(min(BLOCK_MAX, window or content_size), start, start + expected + expected // 16 + 1024)
        self.take(4)
        return Frame(start, self.at, content_size)

    @staticmethod
    def window(byte: int) -> int:
        """RFC 8878, section 3.1.1.1.2."""
        base = 1 << (10 + (byte >> 3))
        return base + base // 8 * (byte & 7)

    def blocks(self, size_max: int, frame_start: int, frame_end_max: int) -> None:
        last = 0
        while not last:
            start = self.at
            header = number(self.take(3), 0, 3)
            last, kind, size = header & 1, header >> 1 & 3, header >> 3
            if kind == 3 or size > size_max:
                raise damaged("frame-invalid", start, "a reserved block type, or too large a block")
            body = 1 if kind == 1 else size
            if self.at + body + 4 * last > frame_end_max:
                raise damaged("frame-invalid", frame_start, "the frame takes far more bytes than its content")
            self.take(body)


def decode(data: bytes, frames: list[Frame]) -> bytes:
    pieces = []
    for frame in frames:
        try:
            piece = zstandard.ZstdDecompressor().decompress(data[frame.start : frame.end])
        except zstandard.ZstdError as error:
            raise damaged("decode-failed", frame.start, str(error)) from None
        if len(piece) != frame.content_size:
            raise damaged("decode-failed", frame.start, "the frame holds less than it says")
        pieces.append(piece)
    return b"".join(pieces)


# ---- the pickle's opcodes (section 8) ----

OPCODES = {ord(row.code): (row.arg.n if row.arg else 0, row.name, row.proto) for row in pickletools.opcodes}
COUNTED = {
    pickletools.TAKEN_FROM_ARGUMENT1: 1,
    pickletools.TAKEN_FROM_ARGUMENT4: 4,
    pickletools.TAKEN_FROM_ARGUMENT4U: 4,
    pickletools.TAKEN_FROM_ARGUMENT8U: 8,
}


class PickleWalker:
    def __init__(self, content: bytes, pickle_size: int):
        self.content = content
        self.end = pickle_size
        self.at = 0
        self.opcode_at = 0
        self.opcode_count = 0
        self.buffer_count = 0
        self.protocol = 0

    def skip(self, size: int) -> int:
        """Steps over `size` bytes of an argument and returns where they begin."""
        if self.end - self.at < size:
            raise misled("pickle-size-mismatch", self.end, "no STOP before the pickle's end")
        self.at += size
        return self.at - size

    def skip_line(self) -> None:
        newline = self.content.find(b"\n", self.at, min(self.end, self.at + LINE_LIMIT + 1))
        if newline < 0 and self.end - self.at > LINE_LIMIT:
            raise Fault("limit", "pickle-line-too-long", "content", self.at, f"a line over {LINE_LIMIT} bytes")
        self.skip(newline + 1 - self.at if newline >= 0 else self.end + 1 - self.at)

    def skip_argument(self, form: int, name: str) -> None:
        if form >= 0:
            self.skip(form)
        elif form == pickletools.UP_TO_NEWLINE:
            self.skip_line()
            if name in ("GLOBAL", "INST"):
                self.skip_line()
        else:
            size = COUNTED[form]
            at = self.skip(size)
            is_signed = form == pickletools.TAKEN_FROM_ARGUMENT4
            length = int.from_bytes(self.content[at : at + size], "little", signed=is_signed)
            if length < 0:
                raise misled("pickle-argument-invalid", self.opcode_at + 1, f"{name} has the length {length}")
            self.skip(length)

    def walk(self) -> None:
        """To STOP, which must be the last byte."""
        declared = None
        while True:
            self.opcode_at = self.skip(1)
            row = OPCODES.get(self.content[self.opcode_at])
            if row is None:
                raise misled("pickle-opcode-unknown", self.opcode_at, f"byte {self.content[self.opcode_at]:#04x}")
            form, name, protocol = row
            self.skip_argument(form, name)
            self.opcode_count += 1
            self.protocol = max(self.protocol, protocol)
            self.buffer_count += name == "NEXT_BUFFER"
            if name == "PROTO":
                operand = self.content[self.at - 1]
                if operand > 5:
                    at = self.at - 1
                    raise Fault("unsupported", "pickle-protocol-unsupported", "content", at, f"protocol {operand}")
                declared = operand if self.opcode_at == 0 else declared
            if name == "STOP":
                break
        if self.at != self.end:
            raise misled("pickle-size-mismatch", self.at, "STOP before the pickle's end")
        if declared is not None:
            self.protocol = declared


# ---- a record and a file (sections 3, 9 and 11) ----


@dataclass
class Record:
    index: int
    start: int
    prefix: Prefix
    root: Node
    buffers: list[tuple[int, int]]
    signed: bytes

    def payload(self, key: str):
        return self.root.value["payload"].value[key].value

    @property
    def payload_start(self) -> int:
        return self.start + self.prefix.frame_size

    @property
    def trailer_start(self) -> int:
        return self.payload_start + self.payload("stored_size")

    @property
    def end(self) -> int:
        return self.trailer_start + TRAILER_SIZE


def signed_part(data: bytes, start: int, prefix: Prefix) -> bytes:
    """The header as it is signed: from our magic to before the seal size, and the JSON (seals.md, section 3)."""
    base = start + PREFIX_SIZE
    return data[start + 8 : start + 24] + data[base : base + prefix.json_size]


def header_digest(signed: bytes) -> bytes:
    return hashlib.blake2b(b"snapjar head v1\0" + signed, digest_size=32).digest()


def read_header(data: bytes, start: int, index: int) -> Record:
    """Gate steps 1 to 8: all that `info` needs. No byte of the payload is looked at."""
    prefix = read_prefix(data, start)
    check_prefix(data, start, prefix)
    base = start + PREFIX_SIZE
    root = JsonReader(data[base : base + prefix.json_size], base).read()
    buffers = check_fields(root, prefix.version)
    record = Record(index, start, prefix, root, buffers, signed_part(data, start, prefix))
    if record.payload("size") > CONTENT_LIMIT:
        offset = root.value["payload"].value["size"].offset
        raise Fault("limit", "content-too-large", "file", offset, f"{record.payload('size')} bytes of content")
    return record


def check_follows(record: Record, before: Record) -> None:
    """Section 6.10: neighbours of one stream."""
    stream, earlier = record.root.value.get("stream"), before.root.value.get("stream")
    if stream is None or earlier is None or stream.value["id"].value != earlier.value["id"].value:
        return
    if stream.value["index"].value != earlier.value["index"].value + 1:
        raise damaged("stream-broken", stream.value["index"].offset, "the index does not go on")
    wanted = "xxh3-128:" + before.prefix.checksum.hex()
    if is_sealed_stream(record.root):
        wanted = "blake2b-256:" + header_digest(before.signed).hex()
    if stream.value["previous"].value != wanted:
        raise damaged("stream-broken", stream.value["previous"].offset, "not the record before")


def check_trailer(data: bytes, record: Record) -> None:
    if len(data) < record.end:
        raise Fault("cut-short", "record-cut-short", "file", len(data), "the file ends before the record")
    expected = TRAILER_MAGIC + (16).to_bytes(4, "little") + (record.end - record.start).to_bytes(8, "little")
    if data[record.trailer_start : record.end] != expected + record.prefix.checksum[:8]:
        raise damaged("trailer-damaged", record.trailer_start, "the trailer is not this record's")


def read_content(data: bytes, record: Record) -> tuple[bytes, PickleWalker, int]:
    """Gate steps 9 to 15: the content, the walk over its pickle, and the number of frames."""
    check_trailer(data, record)
    stored = data[record.payload_start : record.trailer_start]
    if "xxh3-128:" + digest(stored).hex() != record.payload("checksum"):
        raise damaged("payload-checksum-mismatch", record.payload_start, "the payload does not match its checksum")
    walker = FrameWalker(data, record.payload_start, record.trailer_start)
    frames = walker.walk(record.payload("size"), record.payload("frame_size"))
    content = decode(data, frames)
    if "xxh3-128:" + digest(content).hex() != record.payload("content_checksum"):
        raise damaged("content-checksum-mismatch", record.payload_start, "the content does not match its checksum")
    pickle = PickleWalker(content, record.payload("pickle_size"))
    pickle.walk()
    end = record.payload("pickle_size")
    for offset, size in record.buffers:
        for at in range(end, offset):
            if content[at]:
                raise misled("padding-not-zero", at, "padding that is not zero")
        end = offset + size
    if pickle.protocol != record.payload("protocol"):
        raise misled("pickle-protocol-mismatch", 0, f"the pickle is of protocol {pickle.protocol}")
    if pickle.buffer_count != len(record.buffers):
        raise misled("pickle-buffers-mismatch", 0, f"the pickle asks for {pickle.buffer_count} buffers")
    return content, pickle, len(frames)


def read_file(data: bytes):
    """Yields (record, content, pickle walk, frame count) of every record; raises Fault at the first fault."""
    if not data:
        raise Fault("cut-short", "empty-file", "file", 0, "the file is empty")
    start = index = 0
    before = None
    while start < len(data):
        try:
            record = read_header(data, start, index)
            if before is not None:
                check_follows(record, before)
            content, pickle, frame_count = read_content(data, record)
        except Fault as fault:
            fault.record_index = index
            raise
        yield record, content, pickle, frame_count
        start, index, before = record.end, index + 1, record


def describe(record: Record, content: bytes, pickle: PickleWalker, frame_count: int) -> dict:
    return {
        "record": record.index,
        "offset": record.start,
        "size": record.end - record.start,
        "frames": frame_count,
        "opcodes": pickle.opcode_count,
        "content_checksum": "xxh3-128:" + digest(content).hex(),
        "header": record.root.plain(),
    }


def main() -> int:
    if len(sys.argv) != 2:
        print("usage: reference_reader.py FILE", file=sys.stderr)
        return 2
    with open(sys.argv[1], "rb") as file:
        data = file.read()
    try:
        for found in read_file(data):
            print(json.dumps(describe(*found)))
    except Fault as fault:
        keys = ("status", "diagnostic", "space", "offset", "record_index")
        print(json.dumps({key: getattr(fault, key) for key in keys} | {"message": str(fault)}))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
