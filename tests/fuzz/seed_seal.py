#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes a small seed corpus for fuzz_seal: seed_seal.py DIRECTORY. The genuine area is that of the target's record."""

import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "spec")]

import reference_seals as seals  # noqa: E402
from reference_reader import header_digest  # noqa: E402

JSON = (
    b'{"format_version":1,"type":"app:T","schema_version":1,"build":{"tool":{"name":"t","version":"1"}},'
    b'"created":"2026-01-31T12:00:00Z","payload":{"content_type":"pickle","protocol":0,"compression":"zstd",'
    b'"frame_size":65536,"size":2,"pickle_size":2,"stored_size":15,'
    b'"checksum":"xxh3-128:00000000000000000000000000000000",'
    b'"content_checksum":"xxh3-128:00000000000000000000000000000000"}}'
)
DIGEST = bytes([1, 2, 3]) + bytes(29)
SEED = b"\x01" + bytes(31)


def entry(algorithm: int, signature: bytes, identity: bytes, context: str = "") -> bytes:
    size = len(signature).to_bytes(2, "little")
    return algorithm.to_bytes(2, "little") + size + identity + seals.context_id(context) + signature


def make_areas():
    signed = b"\x89SJR\r\n\x1a\n\x01\0\0\0" + len(JSON).to_bytes(4, "little") + JSON
    fixed = (15).to_bytes(8, "little") + DIGEST + header_digest(signed)
    identity = seals.key_id(seals.ED25519, seals.public_of(SEED))
    genuine = entry(1, seals.sign(SEED, seals.message(signed, 15, DIGEST, "")), identity)
    other = entry(1, bytes(64), bytes(16))
    for entries in ([], [genuine], [other, genuine], [genuine, entry(999, b"x" * 7, b"\xee" * 16)], [genuine, genuine],
                    [entry(2, bytes(32), identity)], [entry(1, bytes(64), identity, "context")]):  # fmt: skip
        yield b"\1\0" + len(entries).to_bytes(2, "little") + fixed + b"".join(entries)
    yield b"\2\0"


def main():
    directory = pathlib.Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    for number, area in enumerate(make_areas()):
        (directory / ("area-%03d" % number)).write_bytes(area)


if __name__ == "__main__":
    main()
