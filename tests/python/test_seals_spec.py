# SPDX-License-Identifier: MIT
"""Tests of spec/seals.md: its example, its table, and the reference checker against itself."""

import re
import sys
from pathlib import Path

import pytest

pytest.importorskip("xxhash")
pytest.importorskip("zstandard")

ROOT = Path(__file__).resolve().parents[2]
SPEC = ROOT / "spec"
sys.path[:0] = [str(SPEC)]

import reference_reader  # noqa: E402
import reference_seals as seals  # noqa: E402

SEALS = (SPEC / "seals.md").read_text(encoding="utf-8")
FORMAT = (SPEC / "format.md").read_text(encoding="utf-8")
SEED = bytes(range(32))


def hex_dump(text: str) -> bytes:
    return b"".join(bytes.fromhex(line) for line in re.findall(r"^[0-9a-f]{4}: ((?:[0-9a-f]{2} ?)+)", text, re.M))


def base_record() -> bytes:
    section = FORMAT[FORMAT.index("## 19 A worked example") :]
    return hex_dump(re.sub(r"  \S+$", "", section[section.index("```hex") :].split("```")[1], flags=re.M))


def with_area(record: bytes, area: bytes) -> bytes:
    """The record with this seal area; checksum and trailer fit."""
    prefix = reference_reader.read_prefix(record, 0)
    json = record[44 : 44 + prefix.json_size]
    head = record[8:24] + len(area).to_bytes(4, "little")
    digest = reference_reader.digest(head + bytes(16) + json + area)
    header = record[:4] + (36 + len(json) + len(area)).to_bytes(4, "little") + head + digest + json + area
    payload = record[prefix.frame_size : -24]
    size = len(header) + len(payload) + 24
    return header + payload + record[-24:-16] + size.to_bytes(8, "little") + digest[:8]


def sealed(keys, context: str = "") -> bytes:
    record = base_record()
    prefix = reference_reader.read_prefix(record, 0)
    signed = reference_reader.signed_part(record, 0, prefix)
    return with_area(record, seals.build_area(signed, record[prefix.frame_size : -24], keys, context))


def trust_text(public: bytes, **more) -> dict:
    import json

    return seals.read_trust(json.dumps({"snapjar_trust": 1, "keys": [{"ed25519": public.hex(), "types": "any", **more}]}))


def test_example_is_what_its_description_says():
    section = SEALS[SEALS.index("## 13 A worked example") : SEALS.index("## 14 Diagnostics")]
    values = re.findall(r"^\| .* \| `([0-9a-f]{32,})` \|$", section, re.M)
    record = sealed([(seals.ED25519, SEED)], "example")
    area = record[44 + 402 : 44 + 402 + 176]
    assert hex_dump(section) == area
    read = seals.read_area(area, 0)
    assert values == [
        seals.public_of(SEED).hex(),
        read.entries[0].key_id.hex(),
        read.header_digest.hex(),
        read.payload_digest.hex(),
        read.entries[0].context_id.hex(),
    ]
    assert int.from_bytes(record[4:8], "little") == 614 and len(record) == 664
    trust = trust_text(seals.public_of(SEED))
    assert list(seals.check_file(record, trust, "example")) == [read.entries[0].key_id]


def test_ed25519_is_that_of_the_rfc():
    """RFC 8032, section 7.1, the first two tests."""
    for seed, public, text, signature in (
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0"
            "595bbe24655141438e7a100b",
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eae"
            "b4302aeeb00d291612bb0c00",
        ),
    ):
        assert seals.public_of(bytes.fromhex(seed)).hex() == public
        assert seals.sign(bytes.fromhex(seed), bytes.fromhex(text)).hex() == signature
        assert seals.signature_holds(bytes.fromhex(public), bytes.fromhex(text), bytes.fromhex(signature))
        assert not seals.signature_holds(bytes.fromhex(public), b"other", bytes.fromhex(signature))


@pytest.mark.parametrize(
    "change, diagnostic, offset",
    [
        (lambda r: base_record(), "seal-missing", 24),
        (lambda r: sealed([], "example"), "seal-stripped", 448),
        (lambda r: sealed([(seals.ED25519, bytes(32))], "example"), "seal-unknown-key", 522),
        (lambda r: sealed([(seals.ED25519, SEED)]), "seal-context-mismatch", 522),
        (lambda r: with_area(r.replace(b"app.jobs", b"app.jobz"), r[446:622]), "seal-header-altered", 44),
        (lambda r: with_area(r, r[446:490] + bytes(32) + r[522:600] + bytes(22)), "seal-header-altered", 44),
        (lambda r: with_area(r, r[446:600] + bytes(22)), "seal-bad-signature", 522),
        (lambda r: with_area(r, r[446:621]), "seal-malformed", 621),
    ],
)
def test_reference_checker_refuses(change, diagnostic, offset):
    record = change(sealed([(seals.ED25519, SEED)], "example"))
    with pytest.raises(reference_reader.Fault) as caught:
        list(seals.check_file(record, trust_text(seals.public_of(SEED)), "example"))
    assert (caught.value.diagnostic, caught.value.offset) == (diagnostic, offset)


# ---- detached seals ----

LATE = seals.ED25519, b"\x02" * 32
KEYS = [(seals.ED25519, SEED), (seals.MAC, b"\x07" * 32)]
TITLE_SIZE = 24
SIZE_AT, SECOND = 96, 164


def test_detached_example_is_what_its_description_says():
    section = SEALS[SEALS.index("## 13 A worked example") : SEALS.index("## 14 Diagnostics")]
    text = section[section.index("```text\n") + 8 :].split("```")[0].encode()
    assert seals.build_detached(base_record(), [(seals.ED25519, SEED)], "example") == text
    trust = trust_text(seals.public_of(SEED))
    accepted = list(seals.check_file(base_record(), trust, "example", detached=text))
    assert accepted == [seals.key_id(seals.ED25519, seals.public_of(SEED))]
    # Seals inside come and go without harm to it.
    assert list(seals.check_file(sealed([LATE], "mail"), trust, "example", detached=text)) == accepted


def refusal(record: bytes, text: bytes, **more) -> tuple:
    with pytest.raises(reference_reader.Fault) as caught:
        list(seals.check_file(record, trust_text(seals.public_of(SEED), **more), detached=text))
    return caught.value.diagnostic, caught.value.offset


def with_words(text: bytes, at: int, old: bytes, new: bytes) -> bytes:
    assert text.startswith(old, at)
    return text[:at] + new + text[at + len(old) :]


def test_places_of_the_words():
    """Those that the parametrised tests below count on."""
    text = seals.build_detached(base_record(), KEYS)
    assert text.startswith(b"record ", TITLE_SIZE) and text[SIZE_AT : SIZE_AT + 3] == b"18 "
    assert text.startswith(b"signature ed25519 ", SECOND)


@pytest.mark.parametrize(
    "change, offset",
    [
        (lambda t: b"", 0),
        (lambda t: t[:21], 0),
        (lambda t: b" " + t, 0),
        (lambda t: t.replace(b"detached", b"attached"), 0),
        (lambda t: t[:24], 24),
        (lambda t: t[:24] + t[164:], 24),
        (lambda t: t[:24] + b"\n" + t[24:], 24),
        (lambda t: t[:24] + b"Record" + t[30:], 24),
        (lambda t: t[:163], 24),
        (lambda t: t[:24] + b"record\n", 24),
        (lambda t: t[:24] + b"record \n", 31),
        (lambda t: with_words(t, 31, t[31:95], t[31:95].upper()), 31),
        (lambda t: with_words(t, 31, t[31:33], b""), 31),
        (lambda t: with_words(t, 95, b" ", b"\n"), 95),
        (lambda t: with_words(t, 95, b" ", b"  "), 96),
        (lambda t: with_words(t, 96, b"18", b"0"), 96),
        (lambda t: with_words(t, 96, b"18", b"018"), 96),
        (lambda t: with_words(t, 96, b"18", b"+18"), 96),
        (lambda t: with_words(t, 96, b"18", b"1" * 19), 96),
        (lambda t: with_words(t, 96, b"18 ", b"18\n"), 98),
        (lambda t: with_words(t, 163, b"\n", b" \n"), 99),
        (lambda t: with_words(t, 163, b"\n", b"\r\n"), 99),
        (lambda t: with_words(t, 99, t[99:101], b"zz"), 99),
        (lambda t: t[:164] + b"\n" + t[164:], 164),
        (lambda t: t[:164] + b"comment x\n" + t[164:], 164),
        (lambda t: t[:-1], 377),
        (lambda t: t + t[24:164], 522),
        (lambda t: t + b"\0", 522),
        (lambda t: t + b"signature\n", 522),
        (lambda t: with_words(t, 174, b"ed25519", b""), 174),
        (lambda t: with_words(t, 174, b"ed25519", b"Ed25519"), 174),
        (lambda t: with_words(t, 174, b"ed25519", b"a" * 33), 174),
        (lambda t: with_words(t, 182, t[182:184], b"XX"), 182),
        (lambda t: with_words(t, 215, t[215:217], b"XX"), 215),
        (lambda t: with_words(t, 248, t[248:250], b""), 248),
        (lambda t: with_words(t, 248, t[248:250], b"AB"), 248),
        (lambda t: with_words(t, 174, b"ed25519", b"mac"), 244),
        (lambda t: t + t[164:377], 540),
        (lambda t: t + b"signature later " + bytes(range(48, 58)) * 3 + b"aa " + b"0" * 32 + b" \n", 604),
        (lambda t: t + b"signature later " + b"1" * 32 + b" " + b"0" * 32 + b" abc\n", 604),
        (lambda t: t + b"signature later " + b"1" * 32 + b" " + b"0" * 32 + b" " + b"ab" * 1025 + b"\n", 604),
    ],
)
def test_detached_text_is_refused(change, offset):
    text = seals.build_detached(base_record(), KEYS)
    assert len(text) == 522
    assert refusal(base_record(), change(text)) == ("seal-file-invalid", offset)


@pytest.mark.parametrize("tail", [b"", b"1", b"1 ", b"10\n", b"2\n", b"1\r\n"])
def test_detached_of_another_version(tail):
    text = seals.build_detached(base_record(), KEYS)
    whole = text[:22] + tail + (text[24:] if tail.endswith(b"\n") else b"")
    assert refusal(base_record(), whole) == ("seal-unsupported", 22)


def test_signature_of_a_later_algorithm_is_passed_over():
    text = seals.build_detached(base_record(), KEYS)
    trust = trust_text(seals.public_of(SEED))
    for name, signature in ((b"a", b"ab"), (b"later-" + b"9" * 26, b"ab" * 1024)):
        line = b"signature " + name + b" " + b"1" * 32 + b" " + b"0" * 32 + b" " + signature + b"\n"
        assert len(list(seals.check_file(base_record(), trust, detached=text[:164] + line + text[164:]))) == 1
    line = b"signature later " + text[182:214] + b" " + b"0" * 32 + b" ab\n"
    assert refusal(base_record(), text[:164] + line) == ("seal-bad-signature", 164)


def test_detached_limits():
    text = seals.list_of(base_record())
    line = text[24:]
    full = text[:24] + line * 65536
    assert len(seals.read_detached(full).records) == 65536
    assert refusal(base_record(), full + b"record x\n") == ("seal-limit", len(full))
    many = text + b"".join(b"signature later %032x %032d ab\n" % (key, 0) for key in range(64))
    assert len(seals.read_detached(many).entries) == 64
    assert refusal(base_record(), many + b"signature x\n") == ("seal-limit", len(many))
    assert refusal(base_record(), text + bytes((16 << 20) + 1 - len(text))) == ("seal-limit", 16 << 20)
    assert refusal(base_record(), text + bytes((16 << 20) - len(text))) == ("seal-file-invalid", len(text))


@pytest.mark.parametrize(
    "make, diagnostic, offset",
    [
        (lambda r: (r, seals.list_of(r)), "seal-stripped", 164),
        (lambda r: (r, seals.build_detached(r, [LATE])), "seal-unknown-key", 164),
        (lambda r: (r, seals.build_detached(r, KEYS, "mail")), "seal-context-mismatch", 164),
        (lambda r: (r, seals.build_detached(r, [LATE, *KEYS], "mail")), "seal-context-mismatch", 377),
        (lambda r: (r, seals.build_detached(r, KEYS).replace(b" 18 ", b" 19 ")), "seal-bad-signature", 164),
        (lambda r: (r, seals.build_detached(r + r, KEYS)), "seal-records-missing", 664 - 176),
        (lambda r: (r + r, seals.build_detached(r, KEYS)), "seal-records-added", 664 - 176),
        (lambda r: (b"", seals.build_detached(r, KEYS)), "empty-file", 0),
        (lambda r: (with_area(r.replace(b"app.jobs", b"app.jobz"), b""), seals.build_detached(r, KEYS)), "seal-header-altered", 44),
    ],
)
def test_detached_seal_is_refused(make, diagnostic, offset):
    assert refusal(*make(base_record())) == (diagnostic, offset)


def test_type_and_time_of_a_detached_seal():
    record = base_record()
    text = seals.build_detached(record, KEYS)
    at = record.index(b'"type":') + 7
    assert refusal(record, text, types=["app:Other"]) == ("seal-type-denied", at)
    assert refusal(record, text, not_after="2020-01-01T00:00:00Z") == ("seal-key-expired", 164)
    assert refusal(record, text, not_before="9999-01-01T00:00:00Z") == ("seal-key-not-yet-valid", 164)


def test_no_detached_seal(tmp_path, capsys):
    import json

    (tmp_path / "one").write_bytes(base_record())
    public = seals.public_of(SEED).hex()
    (tmp_path / "trust").write_text(json.dumps({"snapjar_trust": 1, "keys": [{"ed25519": public, "types": "any"}]}))
    arguments = ["--detached", str(tmp_path / "one"), str(tmp_path / "trust")]
    assert seals.main(arguments) == 1
    assert json.loads(capsys.readouterr().out) == {"status": "bad-seal", "diagnostic": "seal-missing", "offset": None}
    (tmp_path / "one.seal").mkdir()
    assert seals.main(arguments) == 1
    assert json.loads(capsys.readouterr().out) == {"status": "damaged", "diagnostic": "seal-file-invalid", "offset": 0}
    (tmp_path / "one.seal").rmdir()
    (tmp_path / "one.seal").write_bytes(seals.build_detached(base_record(), KEYS))
    assert seals.main(arguments) == 0


def test_table_has_the_diagnostics_of_the_library():
    text = (ROOT / "lib" / "util" / "diagnostics.def").read_text(encoding="utf-8")
    numbered = re.findall(r'^X\((\d+), \w+, "([a-z0-9-]+)"', text, re.M)
    mine = {name for name in re.findall(r"^\| `([a-z-]+)` \| [a-z]", SEALS[SEALS.index("## 14 Diagnostics") :], re.M)}
    assert mine == {name for number, name in numbered if 120 <= int(number) < 150 or 230 <= int(number) < 240}


def test_every_diagnostic_of_the_table_is_explained():
    before = SEALS[: SEALS.index("## 14 Diagnostics")]
    for name in re.findall(r"^\| `((?:seal|key|trust)-[a-z-]+)` ", SEALS[SEALS.index("## 14 Diagnostics") :], re.M):
        if name not in ("key-passphrase-needed", "key-no-secret", "seal-needs-replace"):
            assert f"`{name}`" in before, name


def test_sections_are_numbered():
    assert re.findall(r"^## (\d+) ", SEALS, re.M) == [str(i) for i in range(1, 15)]
