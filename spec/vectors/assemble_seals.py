#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Test vectors for seals.md: assemble_seals.py OUTDIR (needs python3-xxhash and python3-zstandard).

Writes NAME.snapjar, NAME.trust (a trust file) and a line of index.tsv for each vector: name, context ("-": none is named), which seal is
demanded ("inside" or "detached"), diagnostic ("ok": accepted), its offset ("-" if there is none), the record it is in, and why. A detached
seal is NAME.snapjar.seal. The keys are made of fixed seeds; the MAC's secret is 32 times 07, in the file mac.key. Records are those of
format.md's example, with other times and places in a stream.
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
    yield "algorithm-context", "The same, for another context: the algorithm is asked first.", record(text, area_bytes[:76] + b"\2\0\x20\0" + area_bytes[80:96] + b"\1" * 16 + area_bytes[112:144]), trust(), None, "seal-bad-signature", area + 76, 0  # noqa: E501
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


def listing(*records: tuple[bytes, bytes], size: int = len(FRAME)) -> bytes:
    """A list of records by their JSON and stored payload, whether they would be read or not."""
    lines = [f"record {reader.header_digest(signed_of(text)).hex()} {size} {seals.payload_digest(stored).hex()}\n" for text, stored in records]
    return (seals.TITLE + b"1\n" + "".join(lines).encode()) if lines else seals.TITLE + b"1\n"


def signed(text: bytes, keys=(KEY,), context: str = "") -> bytes:
    return text + seals.sign_list(text, list(keys), context)


LATER = b"signature later " + b"9" * 32 + b" " + b"0" * 32 + b" "


def detached_texts():
    """Texts that are no detached seal, or none that holds: name, why, text, diagnostic, offset, for the one record of the vectors."""
    title = seals.TITLE + b"1\n"
    list_text = listing((header_json(), FRAME))
    end = len(list_text)
    good = signed(list_text)
    line = good[end:]
    header, size, payload = list_text[31:95], list_text[96:98], list_text[99:163]
    name, key, context, signature = line[10:17], line[18:50], line[51:83], line[84:212]

    def put(at: int, old: bytes, new: bytes) -> bytes:
        assert good.startswith(old, at)
        return good[:at] + new + good[at + len(old) :]

    yield "empty", "Nothing.", b"", "seal-file-invalid", 0
    yield "other-title", "Another first line.", good.replace(b"seal", b"sale", 1), "seal-file-invalid", 0
    yield "short-title", "The first line ends early.", title[:21], "seal-file-invalid", 0
    yield "newer", "Version 2.", put(22, b"1", b"2"), "seal-unsupported", 22
    yield "version-12", "Version 12.", put(22, b"1", b"12"), "seal-unsupported", 22
    yield "version-crlf", "CRLF behind the version.", put(22, b"1", b"1\r"), "seal-unsupported", 22
    yield "version-cut", "The first line does not end.", title[:23], "seal-unsupported", 22
    yield "nothing-listed", "No record.", title, "seal-file-invalid", 24
    yield "signature-only", "No record, and a signature.", signed(title), "seal-file-invalid", 24
    yield "comment", "A line that means nothing.", put(24, b"", b"# mine\n"), "seal-file-invalid", 24
    yield "list-cut", "The record's line does not end.", list_text[:-1], "seal-file-invalid", 24
    yield "word-alone", "A line of one word.", title + b"record\n", "seal-file-invalid", 24
    yield "no-words", "A line without values.", title + b"record \n", "seal-file-invalid", 31
    yield "header-upper", "Digits in capitals.", put(31, header, header.upper()), "seal-file-invalid", 31
    yield "header-short", "62 digits.", put(31, header, header[2:]), "seal-file-invalid", 31
    yield "no-size", "The line ends behind the header digest.", title + b"record " + header + b"\n", "seal-file-invalid", 95
    yield "two-spaces", "Two spaces.", put(95, b" ", b"  "), "seal-file-invalid", 96
    yield "size-zero", "A payload of 0 bytes.", put(96, size, b"0"), "seal-file-invalid", 96
    yield "size-leading-zero", "A leading zero.", put(96, size, b"0" + size), "seal-file-invalid", 96
    yield "size-signed", "A sign.", put(96, size, b"+" + size), "seal-file-invalid", 96
    yield "size-long", "19 digits.", put(96, size, b"9" * 19), "seal-file-invalid", 96
    yield "no-payload", "The line ends behind the size.", title + list_text[24:98] + b"\n", "seal-file-invalid", 98
    yield "payload-short", "62 digits.", put(99, payload, payload[2:]), "seal-file-invalid", 99
    yield "space-at-end", "A space at the line's end.", put(163, b"\n", b" \n"), "seal-file-invalid", 99
    yield "crlf", "Lines that end with CRLF.", title + good[24:].replace(b"\n", b"\r\n"), "seal-file-invalid", 99
    yield "empty-line", "An empty line.", put(end, b"", b"\n"), "seal-file-invalid", end
    yield "cut", "The signature's line does not end.", good[:-1], "seal-file-invalid", end
    yield "record-behind", "A record behind the signature.", good + list_text[24:], "seal-file-invalid", len(good)
    yield "nul", "A NUL behind it.", good + b"\0", "seal-file-invalid", len(good)
    yield "no-algorithm", "No algorithm.", put(end + 10, name, b""), "seal-file-invalid", end + 10
    yield "algorithm-upper", "An algorithm in capitals.", put(end + 10, name, b"ED25519"), "seal-file-invalid", end + 10
    yield "algorithm-long", "An algorithm of 33 letters.", put(end + 10, name, b"a" * 33), "seal-file-invalid", end + 10
    yield "key-id", "A key's id of 31 digits.", put(end + 18, key, key[1:]), "seal-file-invalid", end + 18
    yield "context-id", "A context's id that is no hex.", put(end + 51, context, b"-" * 32), "seal-file-invalid", end + 51
    yield "signature-short", "A signature of 63 bytes.", put(end + 84, signature, signature[2:]), "seal-file-invalid", end + 84
    yield "signature-of-mac", "A signature of the other algorithm's size.", put(end + 10, name, b"mac"), "seal-file-invalid", end + 80
    yield "later-empty", "A later algorithm's signature of no bytes.", good + LATER + b"\n", "seal-file-invalid", len(good) + len(LATER)
    yield "later-odd", "Three digits.", good + LATER + b"abc\n", "seal-file-invalid", len(good) + len(LATER)
    yield "later-long", "1025 bytes.", good + LATER + b"ab" * 1025 + b"\n", "seal-file-invalid", len(good) + len(LATER)
    yield "key-twice", "Two signatures of one key.", good + line, "seal-file-invalid", len(good) + 18
    many = list_text + list_text[24:] * 65535
    yield "many-records", "65,537 records.", many + b"record \n", "seal-limit", len(many)
    many = list_text + b"".join(b"signature later %032d %032d ab\n" % (number, 0) for number in range(64))
    yield "many-signatures", "65 signatures.", many + line, "seal-limit", len(many)
    yield "large", "16 MiB and a byte.", good + bytes((16 << 20) + 1 - len(good)), "seal-limit", 16 << 20
    yield "stripped", "No signature.", list_text, "seal-stripped", end
    yield "unknown-key", "Signed by a key that is not trusted.", signed(list_text, [(1, OTHER)]), "seal-unknown-key", end
    yield "later-only", "Signed by a later algorithm.", list_text + LATER + b"ab\n", "seal-unknown-key", end
    yield "bit", "A bit of the signature.", put(end + 84, signature[:1], b"%x" % (int(signature[:1], 16) ^ 1)), "seal-bad-signature", end
    yield "algorithm", "The line says that the key is one of a later algorithm.", put(end + 10, name, b"later"), "seal-bad-signature", end
    yield "algorithm-context", "The same, for another context.", list_text + b"signature later " + key + b" " + b"1" * 32 + b" ab\n", "seal-bad-signature", end  # noqa: E501
    yield "list-edited", "Another size in the list.", put(96, size, b"19"), "seal-bad-signature", end
    yield "list-longer", "A record more in the list.", put(end, b"", list_text[24:]), "seal-bad-signature", end + 140
    yield "other-context", "Made for another context.", signed(list_text, context="mail"), "seal-context-mismatch", end
    yield "worst", "One key is not trusted, one seals for another context.", signed(list_text, [(1, OTHER), KEY], "mail"), "seal-context-mismatch", end + 213  # noqa: E501


def detached_vectors():
    """name, why, file, detached seal, trust, context, diagnostic, offset, record."""
    text = header_json()
    one = record(text, b"")
    list_text = listing((text, FRAME))
    good = signed(list_text)
    end = len(list_text)
    jsons = [header_json(labels={"number": number}) for number in range(3)]
    parts = [record(json_text, b"") for json_text in jsons]
    three, size = b"".join(parts), len(parts[0])
    three_seal = signed(listing(*((json_text, FRAME) for json_text in jsons)))

    def of_three(name: str, why: str, data: bytes, diagnostic: str, offset: int, index: int):
        return name, why, data, three_seal, trust(), None, diagnostic, offset, index

    yield "ed25519", "One signature.", one, good, trust(), None, "ok", None, None
    yield "mac", "A shared secret.", one, signed(list_text, [MAC]), trust(), None, "ok", None, None
    yield "two-keys", "One of two keys is trusted.", one, signed(list_text, [(1, OTHER), KEY]), trust(), None, "ok", None, None
    yield "later", "Signatures of later algorithms are passed over.", one, list_text + LATER + b"ab" * 1024 + b"\n" + good[end:], trust(), None, "ok", None, None  # noqa: E501
    yield "context", "Made for the context that is named.", one, signed(list_text, context="jobs"), trust(), "jobs", "ok", None, None
    yield "context-in-trust", "For the context of the trust file.", one, signed(list_text, context="jobs"), trust(context="jobs"), None, "ok", None, None  # noqa: E501
    yield "inside-too", "Somebody else's seal is inside.", sealed(text, [(1, OTHER)]), good, trust(), None, "ok", None, None
    yield "three", "Three records without a stream.", three, three_seal, trust(), None, "ok", None, None
    yield "missing", "There is none.", sealed(text), None, trust(), None, "seal-missing", None, None
    for name, why, seal_text, diagnostic, offset in detached_texts():
        yield name, why, one, seal_text, trust(), None, diagnostic, offset, None
    yield "expired", "The key's time is over.", one, good, trust(not_after="2020-01-01T00:00:00Z"), None, "seal-key-expired", end, None
    yield "early", "The key's time has not come.", one, good, trust(not_before="9999-01-01T00:00:00Z"), None, "seal-key-not-yet-valid", end, None
    yield "type", "The key may seal another type only.", one, good, trust(types=["app:U"]), None, "seal-type-denied", one.index(b'"app:T"'), 0
    yield of_three("added", "A record was appended.", three + one, "seal-records-added", 3 * size, 3)
    yield of_three("first-missing", "The first record is missing.", three[size:], "seal-records-missing", 0, 0)
    yield of_three("middle-missing", "The second record is missing.", parts[0] + parts[2], "seal-records-missing", size, 1)
    yield of_three("last-missing", "The last record is missing.", three[: 2 * size], "seal-records-missing", 2 * size, 2)
    yield of_three("all-missing", "All records are missing.", b"", "empty-file", 0, None)
    yield of_three("last-cut", "The last record is cut short.", three[:-1], "record-cut-short", 3 * size - 1, 2)
    yield of_three("repeated", "The second record stands twice.", parts[0] + parts[1] + parts[1], "seal-records-repeated", 2 * size, 2)
    yield of_three("swapped", "The first two records changed places.", parts[1] + parts[0] + parts[2], "seal-records-missing", 0, 0)
    edited = record(jsons[1].replace(b"app:T", b"app:U"), b"")
    yield of_three("header", "The second record's type was edited.", parts[0] + edited + parts[2], "seal-header-altered", size + 44, 1)
    yield of_three("transplanted", "The second record is another.", parts[0] + record(text, b"", FRAME + b"x") + parts[2], "seal-transplanted", size, 1)  # noqa: E501
    yield "payload", "Another payload is listed.", one, signed(listing((text, FRAME[::-1]))), trust(), None, "seal-payload-altered", len(one) - 24 - len(FRAME), 0  # noqa: E501
    yield "size", "The list has another size than the header.", one, signed(listing((text, FRAME), size=17)), trust(), None, "seal-malformed", 0, 0
    broken = header_json(stream={"id": STREAM, "index": 5, "previous": "xxh3-128:" + "0" * 32})
    first = header_json(stream={"id": STREAM, "index": 0, "previous": None})
    data = record(first, b"") + record(broken, b"")
    at = data.index(b'"index":5') + 8
    yield "stream", "A stream that is broken was signed as it is.", data, signed(listing((first, FRAME), (broken, FRAME))), trust(), None, "stream-broken", at, 1  # noqa: E501


def main() -> None:
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["name\tcontext\tseal\tdiagnostic\toffset\trecord\twhy"]

    def put(name: str, which: str, why: str, data: bytes, keys: dict, *cells) -> None:
        (folder / f"{name}.snapjar").write_bytes(data)
        (folder / f"{name}.trust").write_text(json.dumps(keys), encoding="utf-8")
        context, *answer = ("-" if cell is None else cell for cell in cells)
        lines.append("\t".join(map(str, (name, context, which, *answer, why))))

    for name, why, data, keys, *cells in vectors():
        put(name, "inside", why, data, keys, *cells)
    for name, why, data, text, keys, *cells in detached_vectors():
        if text is not None:
            (folder / f"detached-{name}.snapjar.seal").write_bytes(text)
        put(f"detached-{name}", "detached", why, data, keys, *cells)
    key = f"snapjar secret key 1\nalgorithm mac\nid {seals.key_id(*MAC).hex()}\nprotection none\nsecret {SECRET.hex()}\n"
    (folder / "mac.key").write_text(key, encoding="ascii")
    (folder / "index.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
