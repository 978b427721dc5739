#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A checker of seals that follows seals.md and shares nothing with the library.

    reference_seals.py FILE TRUST [CONTEXT]             says for each record which key's seal was accepted
    reference_seals.py --detached FILE TRUST [CONTEXT]  the same by the detached seal FILE.seal

Ed25519 is written out here as RFC 8032 describes it: slow, not safe to sign with where somebody can measure, and good
enough to compare with. BLAKE2b is Python's. Needs python3-xxhash and python3-zstandard, as reference_reader.py does.
"""

import datetime
import hashlib
import hmac
import json
import os
import re
import sys
from dataclasses import dataclass, field

import reference_reader
from reference_reader import Fault

# ---- Ed25519 (RFC 8032, section 5.1), points as (X, Y, Z, T) with x = X/Z, y = Y/Z, xy = T/Z ----

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def add(a, b):
    low = (a[1] - a[0]) * (b[1] - b[0]) % P
    high = (a[1] + a[0]) * (b[1] + b[0]) % P
    cross = 2 * a[3] * b[3] * D % P
    twice = 2 * a[2] * b[2] % P
    e, f, g, h = high - low, twice - cross, twice + cross, high + low
    return e * f % P, g * h % P, f * g % P, e * h % P


def multiply(scalar: int, point):
    result = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            result = add(result, point)
        point = add(point, point)
        scalar >>= 1
    return result


def is_same(a, b) -> bool:
    return (a[0] * b[2] - b[0] * a[2]) % P == 0 and (a[1] * b[2] - b[1] * a[2]) % P == 0


def find_x(y: int, sign: int) -> int | None:
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if y >= P or (x * x - square) % P or (x == 0 and sign):
        return None
    return P - x if x & 1 != sign else x


def unpack(data: bytes):
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    x = find_x(y, sign)
    return None if x is None else (x, y, 1, x * y % P)


def pack(point) -> bytes:
    inverse = pow(point[2], P - 2, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE = (find_x(BASE_Y, 0), BASE_Y, 1, find_x(BASE_Y, 0) * BASE_Y % P)


def hash_number(*parts: bytes) -> int:
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little")


def expand(seed: bytes) -> tuple[int, bytes]:
    digest = hashlib.sha512(seed).digest()
    scalar = int.from_bytes(digest[:32], "little") & (1 << 254) - 8 | 1 << 254
    return scalar, digest[32:]


def public_of(seed: bytes) -> bytes:
    return pack(multiply(expand(seed)[0], BASE))


def sign(seed: bytes, message: bytes) -> bytes:
    scalar, prefix = expand(seed)
    public = pack(multiply(scalar, BASE))
    nonce = hash_number(prefix, message) % ORDER
    commitment = pack(multiply(nonce, BASE))
    answer = (nonce + hash_number(commitment, public, message) * scalar) % ORDER
    return commitment + answer.to_bytes(32, "little")


def signature_holds(public: bytes, message: bytes, signature: bytes) -> bool:
    key, commitment = unpack(public), unpack(signature[:32])
    answer = int.from_bytes(signature[32:], "little")
    if key is None or commitment is None or answer >= ORDER:
        return False
    challenge = hash_number(signature[:32], public, message) % ORDER
    return is_same(multiply(answer, BASE), add(commitment, multiply(challenge, key)))


# ---- ids, digests and the message (sections 2 and 3) ----

ED25519, MAC = 1, 2
SIZES = {ED25519: 64, MAC: 32}


def short(domain: bytes, byte: int, data: bytes) -> bytes:
    return hashlib.blake2b(domain + bytes([byte]) + data, digest_size=16).digest()


def key_id(algorithm: int, key: bytes) -> bytes:
    return short(b"snapjar key id", algorithm, key)


def context_id(context: str) -> bytes:
    return short(b"snapjar context", 0, context.encode()) if context else bytes(16)


def payload_digest(stored: bytes) -> bytes:
    return hashlib.blake2b(stored, digest_size=32).digest()


def message(signed: bytes, stored_size: int, digest: bytes, context: str) -> bytes:
    text = context.encode()
    return b"snapjar seal v1\0" + signed + le(stored_size, 8) + digest + le(len(text), 4) + text


def mac(secret: bytes, text: bytes) -> bytes:
    return hashlib.blake2b(text, key=secret, digest_size=32).digest()


def le(number: int, size: int) -> bytes:
    return number.to_bytes(size, "little")


# ---- the seal area (section 4) ----


@dataclass
class Entry:
    at: int
    algorithm: int
    key_id: bytes
    context_id: bytes
    signature: bytes


@dataclass
class Area:
    stored_size: int
    payload_digest: bytes
    header_digest: bytes
    entries: list[Entry] = field(default_factory=list)


def bad(diagnostic: str, at: int | None, text: str) -> Fault:
    return Fault("bad-seal", diagnostic, "file", at, text)


def read_area(data: bytes, base: int) -> Area:
    if len(data) >= 2 and data[:2] != b"\1\0":
        raise Fault("unsupported", "seal-unsupported", "file", base, "a seal area of another version")
    if len(data) < 76:
        raise bad("seal-malformed", base + len(data), "the seal area is cut")
    number = reference_reader.number
    count = number(data, 2, 2)
    if count > 64:
        raise Fault("limit", "seal-limit", "file", base + 2, f"{count} signatures")
    area = Area(number(data, 4, 8), data[12:44], data[44:76])
    at = 76
    for _ in range(count):
        head = data[at : at + 36]
        if len(head) < 36:
            raise bad("seal-malformed", base + len(data), "the seal area is cut")
        algorithm, size = number(head, 0, 2), number(head, 2, 2)
        if SIZES.get(algorithm, size) != size:
            raise bad("seal-malformed", base + at + 2, "a signature of another size")
        if len(data) - at - 36 < size:
            raise bad("seal-malformed", base + len(data), "the seal area is cut")
        if any(entry.key_id == head[4:20] for entry in area.entries):
            raise bad("seal-malformed", base + at, "a key twice")
        area.entries.append(Entry(at, algorithm, head[4:20], head[20:36], data[at + 36 : at + 36 + size]))
        at += 36 + size
    if at != len(data):
        raise bad("seal-malformed", base + at, "bytes behind the last signature")
    return area


def build_area(signed: bytes, stored: bytes, keys: list[tuple[int, bytes]], context: str = "") -> bytes:
    """The seal area for a header and its payload, by keys of an algorithm and a secret (a seed)."""
    digest = payload_digest(stored)
    out = le(1, 2) + le(len(keys), 2) + le(len(stored), 8) + digest + reference_reader.header_digest(signed)
    text = message(signed, len(stored), digest, context)
    for algorithm, secret in keys:
        signature = mac(secret, text) if algorithm == MAC else sign(secret, text)
        identity = key_id(algorithm, secret if algorithm == MAC else public_of(secret))
        out += le(algorithm, 2) + le(len(signature), 2) + identity + context_id(context) + signature
    return out


# ---- trust and the check (sections 6 and 7) ----


@dataclass
class Trusted:
    algorithm: int
    key: bytes | None
    types: list[str] | None
    context: str
    not_before: float
    not_after: float


def read_time(text: str | None, default: float) -> float:
    if text is None:
        return default
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.UTC).timestamp()


def read_trust(text: str, secrets: list[bytes] = ()) -> dict[bytes, Trusted]:
    """By key id. `secrets` are those of MAC keys."""
    trust = {}
    known = {key_id(MAC, secret): secret for secret in secrets}
    for entry in json.loads(text)["keys"]:
        is_mac = "mac" in entry
        key = None if is_mac else bytes.fromhex(entry["ed25519"])
        identity = bytes.fromhex(entry["mac"]) if is_mac else key_id(ED25519, key)
        trust[identity] = Trusted(
            MAC if is_mac else ED25519,
            known.get(identity) if is_mac else key,
            None if entry["types"] == "any" else entry["types"],
            entry.get("context", ""),
            read_time(entry.get("not_before"), float("-inf")),
            read_time(entry.get("not_after"), float("inf")),
        )
    return trust


def judge(entry: Entry, text_for, trusted: Trusted | None, context: str | None, now: float) -> str:
    """Section 7.2, step by step: "good" or a diagnostic. `text_for` makes the message for a context."""
    if trusted is None or trusted.key is None:
        return "seal-unknown-key"
    if entry.algorithm != trusted.algorithm:
        return "seal-bad-signature"
    context = trusted.context if context is None else context
    if entry.context_id != context_id(context):
        return "seal-context-mismatch"
    text = text_for(context)
    if trusted.algorithm == MAC:
        holds = hmac.compare_digest(mac(trusted.key, text), entry.signature)
    else:
        holds = signature_holds(trusted.key, text, entry.signature)
    if not holds:
        return "seal-bad-signature"
    if now > trusted.not_after:
        return "seal-key-expired"
    return "good" if now >= trusted.not_before else "seal-key-not-yet-valid"


RANKS = ("seal-unknown-key", "seal-context-mismatch", "seal-key-expired", "seal-key-not-yet-valid", "seal-bad-signature")


def find_good(entries: list[Entry], text_for, trust, context: str | None, now: float):
    """The ids of the keys whose signatures hold; without one, what is told instead and of which entry."""
    results = [(judge(e, text_for, trust.get(e.key_id), context, now), e) for e in entries]
    good = [entry.key_id for result, entry in results if result == "good"]
    return good, None if good else max(results, key=lambda result: RANKS.index(result[0]))


def other_header(data: bytes, start: int, prefix, area: Area, at: int) -> Fault:
    """Section 7.3: the header is another than was sealed, or listed. Is the payload the one?"""
    payload = start + prefix.frame_size
    end = payload + area.stored_size
    trailer = reference_reader.TRAILER_MAGIC + le(16, 4) + le(end + 24 - start, 8)
    if data[end : end + 16] == trailer and end + 24 <= len(data) and payload_digest(data[payload:end]) == area.payload_digest:
        return bad("seal-header-altered", start + 44, "another header than the one that was sealed")
    return bad("seal-transplanted", at, "the seal of another record")


def check_signatures(data: bytes, start: int, trust, context: str | None, now: float) -> tuple[Area, list[bytes]]:
    """Step 4 of the gate, on the raw bytes: the area, and the ids of the keys whose signatures hold."""
    prefix = reference_reader.read_prefix(data, start)
    reference_reader.check_prefix(data, start, prefix)
    base = start + 44 + prefix.json_size
    if not prefix.seal_size:
        raise bad("seal-missing", start + 24, "no seal")
    area = read_area(data[base : base + prefix.seal_size], base)
    if not area.entries:
        raise bad("seal-stripped", base + 2, "no signature")
    signed = reference_reader.signed_part(data, start, prefix)
    good, worst = find_good(
        area.entries, lambda c: message(signed, area.stored_size, area.payload_digest, c), trust, context, now
    )
    if worst:
        is_of_other = reference_reader.header_digest(signed) != area.header_digest
        if worst[0] == "seal-bad-signature" and is_of_other:
            raise other_header(data, start, prefix, area, base)
        raise bad(worst[0], base + worst[1].at, "no signature is accepted")
    return area, good


def check_order(record, before) -> None:
    """Section 5.2."""
    stream, earlier = (r.root.value.get("stream") if r else None for r in (record, before))
    if before and not (stream and earlier):
        raise bad("seal-record-foreign", record.start, "not tied to the record before")
    if not stream:
        return
    if before and stream.value["id"].value != earlier.value["id"].value:
        raise bad("seal-record-foreign", stream.value["id"].offset, "another stream")
    wanted = earlier.value["index"].value + 1 if before else 0
    index = stream.value["index"]
    if index.value != wanted:
        raise bad("seal-records-missing" if index.value > wanted else "seal-records-repeated", index.offset, "")
    if before and (
        stream.value["previous"].value != "blake2b-256:" + reference_reader.header_digest(before.signed).hex()
    ):
        raise bad("seal-record-foreign", stream.value["previous"].offset, "another record before")


# ---- detached seals (section 10) ----

TITLE = b"snapjar detached seal "
NAMES = {b"ed25519": ED25519, b"mac": MAC}
RECORD_LIMIT, SIGNATURE_LIMIT, TEXT_LIMIT = 65536, 64, 16 << 20
UNKNOWN_SIZE_MAX = 1024


@dataclass
class Detached:
    """Of each listed record what a seal area would say, and the signatures; offsets count from the text's start."""

    records: list[Area]
    entries: list[Entry]
    list_text: bytes


def invalid(at: int, text: str) -> Fault:
    return Fault("damaged", "seal-file-invalid", "file", at, text)


def take_line(text: bytes, at: int, word: bytes) -> bytes | None:
    """What stands behind the word, if the line at `at` begins with it and ends."""
    end = text.find(b"\n", at)
    return text[at + len(word) : end] if end >= 0 and text.startswith(word, at) else None


def take_words(value: bytes, at: int, count: int):
    """Yields (word, offset): so many, the last of which goes to the line's end. Those that are not there are empty."""
    for _ in range(count - 1):
        word, space, rest = value.partition(b" ")
        yield word, at
        at += len(word) + len(space)
        value = rest
    yield value, at


def read_hex(word: tuple[bytes, int], size: int) -> bytes:
    if re.fullmatch(rb"[0-9a-f]{%d}" % (2 * size), word[0]) is None:
        raise invalid(word[1], f"must be {2 * size} lower-case hex digits")
    return bytes.fromhex(word[0].decode())


def read_listed(value: bytes, at: int) -> Area:
    words = take_words(value, at, 3)
    header = read_hex(next(words), 32)
    size, size_at = next(words)
    if re.fullmatch(rb"[1-9][0-9]{0,17}", size) is None:
        raise invalid(size_at, "must be a decimal number above 0")
    return Area(int(size), read_hex(next(words), 32), header)


def read_signature(value: bytes, at: int, line_at: int, known: set[bytes]) -> Entry:
    words = take_words(value, at, 4)
    name, name_at = next(words)
    if re.fullmatch(rb"[a-z0-9-]{1,32}", name) is None:
        raise invalid(name_at, "must be the name of an algorithm")
    algorithm = NAMES.get(name, 0)
    key = next(words)
    identity = read_hex(key, 16)
    if identity in known:
        raise invalid(key[1], "a key twice")
    context = read_hex(next(words), 16)
    signature = next(words)
    size = SIZES.get(algorithm, min(max(len(signature[0]) // 2, 1), UNKNOWN_SIZE_MAX))
    return Entry(line_at, algorithm, identity, context, read_hex(signature, size))


def read_detached(text: bytes) -> Detached:
    """Section 10.2, steps 2 to 4."""
    if len(text) > TEXT_LIMIT:
        raise Fault("limit", "seal-limit", "file", TEXT_LIMIT, f"{len(text)} bytes")
    if not text.startswith(TITLE):
        raise invalid(0, "no detached seal")
    at = len(TITLE)
    if text[at : at + 2] != b"1\n":
        raise Fault("unsupported", "seal-unsupported", "file", at, "a detached seal of another version")
    at += 2
    read = Detached([], [], b"")
    while (value := take_line(text, at, b"record ")) is not None:
        if len(read.records) == RECORD_LIMIT:
            raise Fault("limit", "seal-limit", "file", at, "too many records")
        read.records.append(read_listed(value, at + 7))
        at += 7 + len(value) + 1
    if not read.records:
        raise invalid(at, "no record is listed")
    read.list_text = text[:at]
    while (value := take_line(text, at, b"signature ")) is not None:
        if len(read.entries) == SIGNATURE_LIMIT:
            raise Fault("limit", "seal-limit", "file", at, "too many signatures")
        known = {entry.key_id for entry in read.entries}
        read.entries.append(read_signature(value, at + 10, at, known))
        at += 10 + len(value) + 1
    if at != len(text):
        raise invalid(at, "another line")
    return read


def list_message(list_text: bytes, context: str) -> bytes:
    text = context.encode()
    return b"snapjar list v1\0" + le(len(list_text), 8) + payload_digest(list_text) + le(len(text), 4) + text


def list_of(data: bytes) -> bytes:
    """The list of a snapshot's records, whose checksums must hold."""
    lines = [TITLE + b"1\n"]
    for record, *_ in reference_reader.read_file(data):
        digest = payload_digest(data[record.payload_start : record.trailer_start])
        header = reference_reader.header_digest(record.signed)
        lines.append(f"record {header.hex()} {record.payload('stored_size')} {digest.hex()}\n".encode())
    return b"".join(lines)


def sign_list(list_text: bytes, keys: list[tuple[int, bytes]], context: str = "") -> bytes:
    """The lines of signatures by keys of an algorithm and a secret (a seed)."""
    names = {number: name for name, number in NAMES.items()}
    text = list_message(list_text, context)
    lines = b""
    for algorithm, secret in keys:
        signature = mac(secret, text) if algorithm == MAC else sign(secret, text)
        identity = key_id(algorithm, secret if algorithm == MAC else public_of(secret))
        words = (identity.hex(), context_id(context).hex(), signature.hex())
        lines += b"signature " + names[algorithm] + f" {' '.join(words)}\n".encode()
    return lines


def build_detached(data: bytes, keys: list[tuple[int, bytes]], context: str = "") -> bytes:
    """The text of a detached seal of a snapshot."""
    text = list_of(data)
    return text + sign_list(text, keys, context)


def accept_detached(detached: Detached, trust, context: str | None, now: float) -> list[bytes]:
    """Section 10.2, steps 5 and 6: the ids of the keys whose signatures hold."""
    if not detached.entries:
        raise bad("seal-stripped", len(detached.list_text), "no signature")
    good, worst = find_good(detached.entries, lambda c: list_message(detached.list_text, c), trust, context, now)
    if worst:
        raise bad(worst[0], worst[1].at, "no signature is accepted")
    return good


def check_listed(data: bytes, start: int, index: int, detached: Detached) -> Area:
    """What the list says of the record, in the place of its signatures."""
    prefix = reference_reader.read_prefix(data, start)
    reference_reader.check_prefix(data, start, prefix)
    if index >= len(detached.records):
        raise bad("seal-records-added", start, f"{len(detached.records)} records are listed")
    area = detached.records[index]
    digest = reference_reader.header_digest(reference_reader.signed_part(data, start, prefix))
    if digest == area.header_digest:
        return area
    places = [place for place, listed in enumerate(detached.records) if listed.header_digest == digest]
    if places:
        raise bad("seal-records-missing" if places[0] > index else "seal-records-repeated", start, "another record's place")
    raise other_header(data, start, prefix, area, start)


# ---- whole files ----


def check_file(data: bytes, trust, context: str | None = None, now: float | None = None, detached: bytes | None = None):
    """Yields the id of an accepted key for every record; raises Fault at the first fault.

    With the text of a detached seal it is that seal which is demanded, and none inside the records."""
    now = datetime.datetime.now(datetime.UTC).timestamp() if now is None else now
    listed = accepted = None
    if detached is not None:
        listed = read_detached(detached)
        accepted = accept_detached(listed, trust, context, now)
    if not data:
        raise Fault("cut-short", "empty-file", "file", 0, "the file is empty")
    start = index = 0
    before = None
    while start < len(data):
        if listed:
            area, good = check_listed(data, start, index, listed), accepted
        else:
            area, good = check_signatures(data, start, trust, context, now)
        record = reference_reader.read_header(data, start, index)
        kind = record.root.value["type"]
        may = [k for k in good if trust[k].types is None or kind.value in trust[k].types]
        if not may:
            raise bad("seal-type-denied", kind.offset, "none of the keys may seal this type")
        if area.stored_size != record.payload("stored_size"):
            at = start if listed else start + 44 + record.prefix.json_size + 4
            raise bad("seal-malformed", at, "the seal speaks of another size")
        if not listed:
            check_order(record, before)
        elif before:
            reference_reader.check_follows(record, before)
        reference_reader.check_trailer(data, record)
        stored = data[record.payload_start : record.trailer_start]
        if "xxh3-128:" + reference_reader.digest(stored).hex() == record.payload("checksum"):
            if payload_digest(stored) != area.payload_digest:
                raise bad("seal-payload-altered", record.payload_start, "another payload than the one that was sealed")
        reference_reader.read_content(data, record)
        yield may[0]
        start, index, before = record.end, index + 1, record
    if listed and index < len(listed.records):
        raise bad("seal-records-missing", len(data), f"{len(listed.records)} records are listed")


def read_beside(path: str) -> bytes:
    """Section 10.2, step 1."""
    if not os.path.exists(path + ".seal"):
        raise bad("seal-missing", None, "no detached seal")
    if not os.path.isfile(path + ".seal"):
        raise invalid(0, "no regular file")
    with open(path + ".seal", "rb") as file:
        return file.read(TEXT_LIMIT + 1)


def main(arguments: list[str]) -> int:
    is_detached = arguments[:1] == ["--detached"]
    path, trust_path, *context = arguments[is_detached:]
    with open(path, "rb") as file:
        data = file.read()
    with open(trust_path, encoding="utf-8") as file:
        trust = read_trust(file.read())
    try:
        detached = read_beside(path) if is_detached else None
        for index, accepted in enumerate(check_file(data, trust, context[0] if context else None, detached=detached)):
            print(json.dumps({"record": index, "sealed_by": accepted.hex()}))
    except Fault as fault:
        print(json.dumps({"status": fault.status, "diagnostic": fault.diagnostic, "offset": fault.offset}))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
