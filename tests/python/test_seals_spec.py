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
