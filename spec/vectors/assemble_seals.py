#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Test vectors for seals.md: assemble_seals.py OUTDIR (needs python3-xxhash and python3-zstandard).

Writes NAME.snapjar, NAME.trust (a trust file) and a line of index.tsv for each vector: name, context ("-": none is named), diagnostic
("ok": accepted), its offset ("-" if ok), the record it is in, and why. The keys are made of fixed seeds; the MAC's secret is 32 times 07,
in the file mac.key. Records are those of format.md's example, with other times and places in a stream.
"""

import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent)]

import reference_reader as reader  # noqa: E402
import reference_seals as seals  # noqa: E402

SEED, OTHER, SECRET = bytes(range(32)), b"\x02" * 32, b"\x07" * 32
KEY, MAC = (seals.ED25519, SEED), (seals.MAC, SECRET)
STREAM = "00112233445566778899aabbccddeeff"
PICKLE = bytes.fromhex("80044b2a2e")
FRAME = bytes.fromhex("28b52ffd240529000080044b2a2e43bd747d")


def header_json(**more) -> bytes:
    checksum = "xxh3-128:" + reader.digest(FRAME).hex()
    payload = {"content_type": "pickle", "protocol": 4, "compression": "zstd", "frame_size": 65536, "size": 5, "pickle_size": 5,
               "stored_size": len(FRAME), "checksum": checksum, "content_checksum": "xxh3-128:" + reader.digest(PICKLE).hex()}  # fmt: skip
    tool = {"tool": {"name": "snapjar", "version": "1.0.0"}}
    head = {"format_version": 1, "type": "app:T", "schema_version": 3, "build": tool}
    return json.dumps(head | more | {"created": "2026-03-01T12:00:00Z", "payload": payload}, separators=(",", ":")).encode()


def signed_of(text: bytes) -> bytes:
    return b"\x89SJR\r\n\x1a\n\1\0\0\0" + len(text).to_bytes(4, "little") + text


def record(text: bytes, area: bytes, stored: bytes = FRAME) -> bytes:
    head = signed_of(text)[:16] + len(area).to_bytes(4, "little")
    digest = reader.digest(head + bytes(16) + text + area)
    frame = b"S*M\x18" + (36 + len(text) + len(area)).to_bytes(4, "little") + head + digest + text + area
    size = len(frame) + len(stored) + 24
    return frame + stored + b"T*M\x18\x10\0\0\0" + size.to_bytes(8, "little") + digest[:8]


def sealed(text: bytes, keys=(KEY,), context: str = "", stored: bytes = FRAME) -> bytes:
    return record(text, seals.build_area(signed_of(text), stored, list(keys), context))


def stream(count: int, identity: str = STREAM) -> list[bytes]:
    records, previous = [], None
    for index in range(count):
        place = {"id": identity, "index": index, "previous": previous}
        text = header_json(**({"requires": ["sealed-stream"]} if index else {}), stream=place)
        previous = "blake2b-256:" + reader.header_digest(signed_of(text)).hex()
        records.append(sealed(text))
    return records


def trust(**more) -> dict:
    public = {"ed25519": seals.public_of(SEED).hex(), "types": "any"} | more
    return {"snapjar_trust": 1, "keys": [public, {"mac": seals.key_id(*MAC).hex(), "types": "any"}]}


def vectors():
    """name, why, file, trust, context, diagnostic, offset, record."""
    text = header_json()
    good = sealed(text)
    area = 44 + len(text)
    area_bytes = good[area : area + 176]
    three, other = stream(3), stream(2, "ffeeddccbbaa99887766554433221100")
    at = [0, len(three[0]), len(three[0]) + len(three[1])]

    def value(data: bytes, start: int, key: bytes) -> int:
        return data.index(key, start) + len(key)

    def changed(position: int, new: bytes) -> bytes:
        return record(text, area_bytes[:position] + new + area_bytes[position + len(new) :])

    yield "ed25519", "One signature.", good, trust(), None, "ok", None, None
    yield "mac", "A shared secret.", sealed(text, [MAC]), trust(), None, "ok", None, None
    yield "two-keys", "One of two keys is trusted.", sealed(text, [(1, OTHER), KEY]), trust(), None, "ok", None, None
    yield "unknown-algorithm", "A signature of a later algorithm is passed over.", record(text, area_bytes[:2] + b"\2\0" + area_bytes[4:] + b"\xe7\x03\5\0" + bytes([9] * 16) + bytes(16) + b"later"), trust(), None, "ok", None, None  # noqa: E501
    yield "missing", "No seal.", record(text, b""), trust(), None, "seal-missing", 24, 0
    yield "stripped", "The signature was taken out.", record(text, area_bytes[:2] + b"\0\0" + area_bytes[4:76]), trust(), None, "seal-stripped", area + 2, 0  # noqa: E501
    yield "cut", "The area ends within the signature.", record(text, area_bytes[:-1]), trust(), None, "seal-malformed", area + 175, 0
    yield "longer", "A byte behind the signature.", record(text, area_bytes + b"\0"), trust(), None, "seal-malformed", area + 176, 0
    yield "newer", "Version 2 of the area.", changed(0, b"\2"), trust(), None, "seal-unsupported", area, 0
    yield "many", "65 signatures are announced.", changed(2, b"\x41"), trust(), None, "seal-limit", area + 2, 0
    yield "unknown-key", "Sealed by a key that is not trusted.", sealed(text, [(1, OTHER)]), trust(), None, "seal-unknown-key", area + 76, 0
    yield "signature-bit", "A bit of the signature.", changed(112, bytes([area_bytes[112] ^ 1])), trust(), None, "seal-bad-signature", area + 76, 0  # noqa: E501
    yield "algorithm", "The file says that the key is a MAC's.", record(text, area_bytes[:76] + b"\2\0\x20\0" + area_bytes[80:144]), trust(), None, "seal-bad-signature", area + 76, 0  # noqa: E501
    yield "header", "The type was edited.", record(text.replace(b"app:T", b"app:U"), area_bytes), trust(), None, "seal-header-altered", 44, 0
    yield "transplanted", "The seal of a record with another payload and time.", record(text, sealed(header_json(labels={}), stored=b"x" * 9)[44 + len(header_json(labels={})) :][:176]), trust(), None, "seal-transplanted", area, 0  # noqa: E501
    yield "payload", "Sealed for another payload, with a checksum that fits this one.", record(text, seals.build_area(signed_of(text), b"y" * 18, [KEY])), trust(), None, "seal-payload-altered", area + 176, 0  # noqa: E501
    yield "context", "Made for the context that is named.", sealed(text, context="jobs"), trust(), "jobs", "ok", None, None
    yield "context-in-trust", "Made for the context of the trust file.", sealed(text, context="jobs"), trust(context="jobs"), None, "ok", None, None  # noqa: E501
    yield "other-context", "Made for another context.", sealed(text, context="mail"), trust(), "jobs", "seal-context-mismatch", area + 76, 0
    yield "type", "The key may seal another type only.", good, trust(types=["app:U"]), None, "seal-type-denied", value(good, 0, b'"type":'), 0
    yield "expired", "The key's time is over.", good, trust(not_after="2020-01-01T00:00:00Z"), None, "seal-key-expired", area + 76, 0
    yield "early", "The key's time has not come.", good, trust(not_before="9999-01-01T00:00:00Z"), None, "seal-key-not-yet-valid", area + 76, 0
    yield "three", "Three records of one stream.", b"".join(three), trust(), None, "ok", None, None
    yield "last-missing", "The last record is missing, which does not show.", b"".join(three[:2]), trust(), None, "ok", None, None
    yield "first-missing", "The first record is missing.", three[1], trust(), None, "seal-records-missing", value(three[1], 0, b'"index":'), 0
    middle = three[0] + three[2]
    yield "middle-missing", "The second record is missing.", middle, trust(), None, "seal-records-missing", value(middle, at[1], b'"index":'), 1
    twice = three[0] + three[1] + three[1]
    yield "repeated", "The second record stands twice.", twice, trust(), None, "seal-records-repeated", value(twice, at[2], b'"index":'), 2
    foreign = three[0] + other[1]
    yield "foreign", "The second record is of another stream.", foreign, trust(), None, "seal-record-foreign", value(foreign, at[1], b'"id":'), 1
    yield "no-stream", "Two records that were sealed alone.", good + good, trust(), None, "seal-record-foreign", len(good), 1


def main() -> None:
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["name\tcontext\tdiagnostic\toffset\trecord\twhy"]
    for name, why, data, keys, context, diagnostic, offset, index in vectors():
        (folder / f"{name}.snapjar").write_bytes(data)
        (folder / f"{name}.trust").write_text(json.dumps(keys), encoding="utf-8")
        cells = (name, "-" if context is None else context, diagnostic, "-" if offset is None else offset, "-" if index is None else index, why)
        lines.append("\t".join(map(str, cells)))
    key = f"snapjar secret key 1\nalgorithm mac\nid {seals.key_id(*MAC).hex()}\nprotection none\nsecret {SECRET.hex()}\n"
    (folder / "mac.key").write_text(key, encoding="ascii")
    (folder / "index.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
