#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Assembles the test vectors of spec/format.md from text recipes: assemble.py OUTDIR [NAME...].

Reads every *.recipe file beside this script and writes into OUTDIR NAME.snapjar for each vector, NAME.K.content for
each record of a good one (up to 1 MiB), and index.tsv. spec/vectors/README.md describes the language of recipes.

No compressor is needed: zstd frames are built here from raw and RLE blocks, so every byte is known. Only python3-xxhash
is used. This tool knows how to build wrong files, and never decides what a reader should say: that stands in the
recipes.
"""

import hashlib
import json
import os
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

import xxhash

HEADER_MAGIC = bytes.fromhex("532a4d18")
OUR_MAGIC = bytes.fromhex("89534a520d0a1a0a")
TRAILER_MAGIC = bytes.fromhex("542a4d18")
ZSTD_MAGIC = bytes.fromhex("28b52ffd")
BLOCK_SIZE_MAX = 128 * 1024
CONTENT_FILE_MAX = 1 << 20
INDEX_COLUMNS = ("name", "status", "diagnostic", "space", "offset", "record_index", "records")

# pickle.dumps(42, 4): what a record holds unless its recipe says otherwise.
BASE_CONTENT = bytes.fromhex("80044b2a2e")
BASE_JSON = {
    "format_version": "1",
    "type": '"app.jobs:JobState"',
    "schema_version": "3",
    "build": {"tool": {"name": '"snapjar"', "version": '"1.0.0"'}},
    "created": '"2026-03-01T12:00:00Z"',
    "payload": {
        "content_type": '"pickle"',
        "protocol": "4",
        "compression": '"zstd"',
        "frame_size": "65536",
        "size": None,
        "pickle_size": None,
        "stored_size": None,
        "checksum": None,
        "content_checksum": None,
    },
}


class RecipeError(Exception):
    """A recipe that cannot be assembled."""


# ---- bytes as recipes write them ----

BYTES_TOKEN = re.compile(r"""("(?:[^"\\]|\\.)*"|'[^']*'|[0-9a-fA-F]+)(?:\*(\d+))?(?:\s+|$)""")


def parse_bytes(text: str) -> bytes:
    """`8004 "a\\n" 'as it is' 00*64`: hex, JSON strings, plain text; each with an optional repeat count."""
    out = bytearray()
    at = 0
    text = text.strip()
    while at < len(text):
        match = BYTES_TOKEN.match(text, at)
        if not match:
            raise RecipeError(f"not bytes: {text[at:]!r}")
        token, count = match.groups()
        if token[0] in "\"'":
            piece = (json.loads(token) if token[0] == '"' else token[1:-1]).encode("utf-8")
        else:
            piece = bytes.fromhex(token)
        out += piece * int(count or 1)
        at = match.end()
    return bytes(out)


def le(value: int, size: int) -> bytes:
    return value.to_bytes(size, "little")


def header_digest(signed: bytes) -> bytes:
    """What a sealed stream calls the header before: spec/seals.md, section 3."""
    return hashlib.blake2b(b"snapjar head v1\0" + signed, digest_size=32).digest()


def checksum(data: bytes) -> bytes:
    return xxhash.xxh3_128_digest(data)


def checksum_text(data: bytes) -> str:
    return f'"xxh3-128:{checksum(data).hex()}"'


# ---- zstd frames ----


@dataclass
class Frame:
    """A zstd frame of the payload. What is None is filled in correctly."""

    content: bytes | None = None
    magic: bytes = ZSTD_MAGIC
    header: bytes | None = None
    size: int | None = None
    blocks: list[bytes] = field(default_factory=list)
    block_content: list[bytes] = field(default_factory=list)
    checksum: bytes | None = None
    default_content: bytes = b""
    use_rle: bool = False

    def add_block(self, kind: str, text: str) -> None:
        """Kinds 0 raw, 1 RLE, 2 compressed, 3 reserved; "bytes" adds bytes as they are."""
        if kind == "bytes":
            self.blocks.append(parse_bytes(text))
        elif kind == "rle":
            byte, count = text.split()
            self.blocks.append(block(1, bytes.fromhex(byte), int(count)))
            self.block_content.append(bytes.fromhex(byte) * int(count))
        elif kind in ("raw", "compressed", "reserved"):
            data = parse_bytes(text)
            self.blocks.append(block({"raw": 0, "compressed": 2, "reserved": 3}[kind], data, len(data)))
            self.block_content.append(data if kind == "raw" else b"")
        else:
            raise RecipeError(f"unknown block kind {kind!r}")

    def expected_content(self) -> bytes:
        if self.content is not None:
            return self.content
        return b"".join(self.block_content) if self.blocks else self.default_content

    def build(self) -> bytes:
        content = self.expected_content()
        blocks = list(self.blocks) or plain_blocks(content, self.use_rle)
        # The last block carries the mark, unless a recipe wrote its blocks as plain bytes.
        if blocks[-1][0] & 1 == 0 and len(blocks[-1]) >= 3:
            blocks[-1] = bytes([blocks[-1][0] | 1]) + blocks[-1][1:]
        header = self.header
        if header is None:
            header = frame_header(len(content) if self.size is None else self.size)
        tail = self.checksum if self.checksum is not None else le(xxhash.xxh64_intdigest(content) & 0xFFFFFFFF, 4)
        return self.magic + header + b"".join(blocks) + tail


def block(kind: int, data: bytes, size: int) -> bytes:
    return le(kind << 1 | size << 3, 3) + data


def plain_blocks(content: bytes, use_rle: bool) -> list[bytes]:
    """Raw blocks of 128 KiB; with `use_rle`, those of one repeated byte become RLE blocks."""
    pieces = [content[i : i + BLOCK_SIZE_MAX] for i in range(0, len(content), BLOCK_SIZE_MAX)] or [b""]
    blocks = []
    for piece in pieces:
        is_run = use_rle and piece.count(piece[:1]) == len(piece) > 1
        blocks.append(block(1, piece[:1], len(piece)) if is_run else block(0, piece, len(piece)))
    return blocks


def frame_header(size: int) -> bytes:
    """Single segment, content checksum, the shortest content size field."""
    if size < 256:
        return bytes([0x24]) + le(size, 1)
    if size < 65536 + 256:
        return bytes([0x64]) + le(size - 256, 2)
    if size < 1 << 32:
        return bytes([0xA4]) + le(size, 4)
    return bytes([0xE4]) + le(size, 8)


# ---- the JSON ----

KEY_RANK = {
    key: rank
    for rank, key in enumerate(
        "format_version type schema_version build layout labels history requires stream created payload "
        "content_type protocol string_encoding compression frame_size size pickle_size stored_size checksum "
        "content_checksum buffers tool app name version commit python platform packages".split()
    )
}


def copy_tree(tree):
    return {key: copy_tree(value) for key, value in tree.items()} if isinstance(tree, dict) else tree


def tree_parent(tree: dict, path: str) -> tuple[dict, str]:
    *folders, key = path.split(".")
    for name in folders:
        if not isinstance(tree.get(name), dict):
            raise RecipeError(f"no object at {name!r} of {path!r}")
        tree = tree[name]
    return tree, key


def serialise(tree) -> str:
    """Compact, keys of this document in the order of its table, others behind."""
    if not isinstance(tree, dict):
        return tree
    keys = sorted(tree, key=lambda key: KEY_RANK.get(key, 99))
    return "{" + ",".join(f"{json.dumps(key)}:{serialise(tree[key])}" for key in keys) + "}"


def skip_space(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    return at


def skip_value(text: str, at: int) -> int:
    return json.JSONDecoder().raw_decode(text, at)[1]


def locate(text: str, path: str) -> int:
    """The character offset of the value at `path` (`payload.buffers.0.size`); "" is the whole."""
    at = skip_space(text, 0)
    for step in path.split(".") if path else []:
        is_object = text[at] == "{"
        at = skip_space(text, at + 1)
        index = 0
        while text[at] not in "]}":
            name = str(index)
            if is_object:
                name, at = json.decoder.scanstring(text, at + 1)
                at = skip_space(text, skip_space(text, at) + 1)
            if name == step:
                break
            at = skip_space(text, skip_value(text, at))
            at = skip_space(text, at + 1) if text[at] == "," else at
            index += 1
        else:
            raise RecipeError(f"the JSON has no {path!r}")
    return at


# ---- records ----


@dataclass
class Record:
    """One record of a vector: the correct one, but for what the recipe overrides."""

    content: bytes = BASE_CONTENT
    tree: dict = field(default_factory=lambda: copy_tree(BASE_JSON))
    json_text: bytes | None = None
    replacements: list[tuple[bytes, bytes]] = field(default_factory=list)
    json_prefix: bytes = b""
    json_suffix: bytes = b""
    json_pad: int = 0
    prefix: dict[str, str] = field(default_factory=dict)
    seal: bytes = b""
    pieces: list = field(default_factory=list)
    payload_cut: int = 0
    use_rle: bool = False
    trailer: dict[str, str] = field(default_factory=dict)
    loads: str | None = None
    # Filled in by build().
    start: int = 0
    at: dict[str, int] = field(default_factory=dict)
    piece_at: list[int] = field(default_factory=list)
    json_bytes: bytes = b""
    digest: bytes = bytes(16)

    def payload(self) -> bytes:
        fields = self.tree.get("payload")
        frame_size = fields.get("frame_size", "65536") if isinstance(fields, dict) else "65536"
        step = int(frame_size) if frame_size.isdigit() and int(frame_size) > 0 else 65536
        shares = [self.content[i : i + step] for i in range(0, len(self.content), step)]
        pieces = self.pieces or [Frame() for _ in shares]
        out = bytearray()
        self.piece_at = []
        frame_count = 0
        for piece in pieces:
            self.piece_at.append(len(out))
            if isinstance(piece, Frame):
                piece.default_content = shares[frame_count] if frame_count < len(shares) else b""
                piece.use_rle = self.use_rle
                frame_count += 1
                out += piece.build()
            else:
                out += piece
        return bytes(out[: len(out) - self.payload_cut])

    def build_json(self, payload: bytes, previous: "Record | None") -> bytes:
        fill = {
            "size": str(len(self.content)),
            "pickle_size": str(len(self.content)),
            "stored_size": str(len(payload)),
            "checksum": checksum_text(payload),
            "content_checksum": checksum_text(self.content),
        }
        if isinstance(self.tree.get("payload"), dict):
            for key, value in fill.items():
                if key in self.tree["payload"] and self.tree["payload"][key] is None:
                    self.tree["payload"][key] = value
        text = self.json_text if self.json_text is not None else serialise(self.tree).encode("utf-8")
        if previous is not None:
            text = text.replace(b"$previous", b"xxh3-128:" + previous.digest.hex().encode())
            text = text.replace(b"$digest", b"blake2b-256:" + header_digest(previous.signed).hex().encode())
        for old, new in self.replacements:
            if text.count(old) != 1:
                raise RecipeError(f"{old!r} stands {text.count(old)} times in the JSON")
            text = text.replace(old, new)
        text = self.json_prefix + text + self.json_suffix
        return text + b" " * max(0, self.json_pad - len(text))

    def build(self, start: int, previous: "Record | None") -> bytes:
        payload = self.payload()
        self.json_bytes = self.build_json(payload, previous)
        texts = ("magic", "our_magic", "checksum")
        number = {key: int(text, 0) for key, text in self.prefix.items() if key not in texts}
        json_size = number.get("json_size", len(self.json_bytes))
        seal_size = number.get("seal_size", len(self.seal))
        frame_size = number.get("frame_size", 36 + len(self.json_bytes) + len(self.seal))
        head = parse_bytes(self.prefix["magic"]) if "magic" in self.prefix else HEADER_MAGIC
        head += le(frame_size, 4)
        checked = parse_bytes(self.prefix["our_magic"]) if "our_magic" in self.prefix else OUR_MAGIC
        checked += le(number.get("version", 1), 2) + le(number.get("flags", 0), 2) + le(json_size, 4) + le(seal_size, 4)
        rest = self.json_bytes + self.seal
        self.digest = checksum(checked + bytes(16) + rest)
        self.signed = checked[:16] + self.json_bytes
        stored = parse_bytes(self.prefix["checksum"]) if "checksum" in self.prefix else self.digest
        header = head + checked + stored + rest
        trailer = self.build_trailer(len(header) + len(payload))
        self.start = start
        self.at = {
            "start": start,
            "json": start + 44,
            "seal": start + 44 + len(self.json_bytes),
            "payload": start + len(header),
            "trailer": start + len(header) + len(payload),
            "stop": start + len(header) + len(payload) + len(trailer),
        }
        return header + payload + trailer

    def build_trailer(self, size_before: int) -> bytes:
        if "none" in self.trailer:
            return b""
        if "bytes" in self.trailer:
            return parse_bytes(self.trailer["bytes"])
        return b"".join(
            (
                parse_bytes(self.trailer.get("magic", TRAILER_MAGIC.hex())),
                le(int(self.trailer.get("frame_size", "16")), 4),
                le(size_before + 24 + int(self.trailer.get("record_size", "0")), 8),
                parse_bytes(self.trailer.get("digest", self.digest[:8].hex())),
            )
        )


# ---- vectors ----


@dataclass
class Vector:
    name: str
    recipe: str
    why: str = ""
    records: list[Record] = field(default_factory=list)
    operations: list[tuple[str, str]] = field(default_factory=list)
    expect: str = ""
    schema_blind: bool = False
    data: bytes = b""

    def position(self, text: str) -> int:
        """`12`, `payload+3`, `start#1`, `value(payload.size)`, `find("TEXT")+2`, `piece(1)`, `end`."""
        match = re.fullmatch(r"(\d+)|(\w+)(?:\((.*)\))?(?:#(\d+))?([+-]\d+)?", text.strip())
        if not match:
            raise RecipeError(f"not a position: {text!r}")
        absolute, word, argument, index, delta = match.groups()
        if absolute is not None:
            return int(absolute)
        shift = int(delta or 0)
        if word == "end":
            return len(self.data) + shift
        record = self.records[int(index) if index else -1]
        if word == "value":
            source = record.json_bytes.decode("utf-8")
            return record.at["json"] + len(source[: locate(source, argument or "")].encode("utf-8")) + shift
        if word == "find":
            wanted = parse_bytes(argument)
            if record.json_bytes.count(wanted) != 1:
                raise RecipeError(f"{argument} stands {record.json_bytes.count(wanted)} times in the JSON")
            return record.at["json"] + record.json_bytes.index(wanted) + shift
        if word == "piece":
            return record.at["payload"] + record.piece_at[int(argument)] + shift
        if word not in record.at:
            raise RecipeError(f"not a position: {text!r}")
        return record.at[word] + shift

    def build(self) -> None:
        data = b""
        previous = None
        for record in self.records:
            data += record.build(len(data), previous)
            previous = record
        self.data = data
        for name, rest in self.operations:
            self.data = self.operate(name, rest)

    def operate(self, name: str, rest: str) -> bytes:
        data = self.data
        if name == "append":
            return data + parse_bytes(rest)
        if name == "lf-to-crlf":
            return data.replace(b"\n", b"\r\n")
        if name == "lone-lf-to-crlf":
            return re.sub(rb"(?<!\r)\n", b"\r\n", data)
        if name == "crlf-to-lf":
            return data.replace(b"\r\n", b"\n")
        if name == "lf-to-cr":
            return data.replace(b"\n", b"\r")
        if name == "seven-bit":
            return bytes(byte & 0x7F for byte in data)
        where, _, rest = rest.partition(" ")
        at = self.position(where)
        if name == "cut":
            return data[:at]
        if name == "delete":
            return data[:at] + data[at + int(rest) :]
        if name == "flip":
            return data[:at] + bytes([data[at] ^ 1 << int(rest)]) + data[at + 1 :]
        piece = parse_bytes(rest)
        if name == "insert":
            return data[:at] + piece + data[at:]
        if name == "put":
            return data[:at] + piece + data[at + len(piece) :]
        raise RecipeError(f"unknown operation {name!r}")

    def whole_count(self) -> int:
        """How many records a good vector has: `expect ok 1` if fewer than were assembled."""
        words = self.expect.split()
        return int(words[1]) if len(words) > 1 else len(self.records)

    def expectation(self) -> dict[str, str]:
        """The vector's line of index.tsv."""
        words = self.expect.split()
        row = dict.fromkeys(INDEX_COLUMNS, "-") | {"name": self.name, "status": words[0]}
        if words[0] == "ok":
            return row | {"diagnostic": "none", "space": "none", "records": str(self.whole_count())}
        index = "0"
        if len(words) > 2 and words[-2] == "in":
            index = words[-1]
            words = words[:-2]
        _, diagnostic, space, *where = words
        place = " ".join(where)
        offset = str(int(place) if space == "content" else self.position(place))
        return row | {
            "diagnostic": diagnostic,
            "space": space,
            "offset": offset,
            "record_index": index,
            "records": index.replace("-", "0"),
        }


OPERATIONS = "append lf-to-crlf lone-lf-to-crlf crlf-to-lf lf-to-cr seven-bit cut delete flip insert put".split()
PREFIX_FIELDS = "magic our_magic version flags frame_size json_size seal_size checksum".split()


def split_word(text: str) -> tuple[str, str]:
    word, _, rest = text.partition(" ")
    return word, rest.strip()


def apply_frame(frame: Frame, name: str, rest: str) -> None:
    if name == "block":
        frame.add_block(*split_word(rest))
    elif name == "size":
        frame.size = int(rest)
    elif name in ("content", "magic", "header", "checksum"):
        setattr(frame, name, parse_bytes(rest))
    else:
        raise RecipeError(f"unknown frame field {name!r}")


def apply_json(record: Record, name: str, rest: str) -> bool:
    if name == "set":
        path, value = split_word(rest)
        parent, key = tree_parent(record.tree, path)
        parent[key] = value
    elif name == "drop":
        parent, key = tree_parent(record.tree, rest)
        del parent[key]
    elif name == "json":
        record.json_text = parse_bytes(rest)
    elif name == "replace":
        old, new = rest.split(" => ")
        record.replacements.append((parse_bytes(old), parse_bytes(new)))
    elif name == "json_prefix":
        record.json_prefix = parse_bytes(rest)
    elif name == "json_suffix":
        record.json_suffix = parse_bytes(rest)
    elif name == "json_pad":
        record.json_pad = int(rest)
    else:
        return False
    return True


def apply_record(record: Record, name: str, rest: str) -> None:
    if apply_json(record, name, rest):
        return
    if name == "content":
        record.content = parse_bytes(rest)
    elif name == "loads":
        record.loads = rest
    elif name == "seal":
        record.seal = parse_bytes(rest)
    elif name == "frame":
        record.pieces.append(Frame())
    elif name == "bytes":
        record.pieces.append(parse_bytes(rest))
    elif name == "rle":
        record.use_rle = True
    elif name == "payload_cut":
        record.payload_cut = int(rest)
    elif name == "prefix":
        key, value = split_word(rest)
        if key not in PREFIX_FIELDS:
            raise RecipeError(f"unknown prefix field {key!r}")
        record.prefix[key] = value
    elif name == "trailer":
        key, value = split_word(rest)
        record.trailer[key] = value
    elif name.startswith("frame."):
        apply_frame(record.pieces[-1], name[6:], rest)
    else:
        raise RecipeError(f"unknown directive {name!r}")


def apply_line(vector: Vector, line: str) -> None:
    name, rest = split_word(line)
    if name == "why":
        vector.why = f"{vector.why} {rest}".strip()
    elif name == "record":
        vector.records.append(Record())
    elif name == "expect":
        vector.expect = rest
    elif name == "schema-blind":
        vector.schema_blind = True
    elif name in OPERATIONS:
        vector.operations.append((name, rest))
    elif not vector.records:
        raise RecipeError(f"{name!r} before any record")
    else:
        apply_record(vector.records[-1], name, rest)


def load_recipes(folder: Path) -> list[Vector]:
    """All vectors of a folder, assembled, in the order of files and lines."""
    vectors: dict[str, Vector] = {}
    for path in sorted(folder.glob("*.recipe")):
        vector = None
        for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
            line = line.strip()
            if not line or line.startswith("#"):
                continue
            try:
                name, rest = split_word(line)
                if name == "vector":
                    if rest in vectors or not re.fullmatch(r"[a-z0-9-]+", rest):
                        raise RecipeError(f"bad or repeated name {rest!r}")
                    vector = vectors[rest] = Vector(rest, path.stem)
                elif vector is None:
                    raise RecipeError("no vector yet")
                else:
                    apply_line(vector, line)
            except (RecipeError, ValueError, IndexError, KeyError) as error:
                raise RecipeError(f"{path.name}:{number}: {error!r}") from error
    for vector in vectors.values():
        try:
            vector.build()
            vector.expectation()
        except (RecipeError, ValueError, IndexError, KeyError) as error:
            raise RecipeError(f"{vector.recipe}.recipe: {vector.name}: {error!r}") from error
        if not vector.why or not vector.expect:
            raise RecipeError(f"{vector.recipe}.recipe: {vector.name}: needs `why` and `expect`")
    return list(vectors.values())


def write_vector(vector: Vector, folder: Path) -> None:
    (folder / f"{vector.name}.snapjar").write_bytes(vector.data)
    if vector.expect.split()[0] == "ok":
        for index, record in enumerate(vector.records[: vector.whole_count()]):
            if len(record.content) <= CONTENT_FILE_MAX:
                (folder / f"{vector.name}.{index}.content").write_bytes(record.content)


def main() -> int:
    if len(sys.argv) < 2:
        print(__doc__.split("\n")[0], file=sys.stderr)
        return 2
    folder = Path(sys.argv[1])
    os.makedirs(folder, exist_ok=True)
    try:
        vectors = load_recipes(Path(__file__).resolve().parent)
    except RecipeError as error:
        print(f"assemble.py: {error}", file=sys.stderr)
        return 1
    lines = ["\t".join(INDEX_COLUMNS)]
    for vector in vectors:
        if sys.argv[2:] and vector.name not in sys.argv[2:]:
            continue
        write_vector(vector, folder)
        row = vector.expectation()
        lines.append("\t".join(row[column] for column in INDEX_COLUMNS))
    (folder / "index.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
