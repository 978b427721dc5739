# SPDX-License-Identifier: MIT
"""Tests of the specification itself: the vectors against the reference reader, the schema, the example and the tables.

Needs python3-pytest, python3-xxhash, python3-zstandard and python3-jsonschema; `zstd` is used if it is there. The
library has no part in this: tests/vectors/run_vectors.c runs it over the same vectors.
"""

import ast
import json
import pickle
import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

jsonschema = pytest.importorskip("jsonschema")
xxhash = pytest.importorskip("xxhash")
pytest.importorskip("zstandard")

ROOT = Path(__file__).resolve().parents[2]
SPEC = ROOT / "spec"
sys.path[:0] = [str(SPEC), str(SPEC / "vectors")]

import assemble  # noqa: E402
import reference_reader  # noqa: E402

VECTORS = {vector.name: vector for vector in assemble.load_recipes(SPEC / "vectors")}
GOOD = [name for name, vector in VECTORS.items() if vector.expect.startswith("ok")]
FORMAT = (SPEC / "format.md").read_text(encoding="utf-8")

# Diagnostics that the bytes of a snapshot file cannot cause: they belong to pickles outside of records, to files that
# change, and to everything else around the format.
NOT_BY_BYTES = {"source-changed", "pickle-empty", "pickle-cut-short"}
AROUND_THE_FORMAT = set(range(47, 67)) | {68, 69}


def outcome(data: bytes) -> dict[str, str]:
    """What the reference reader says, as a line of index.tsv without the name."""
    count = 0
    try:
        for _ in reference_reader.read_file(data):
            count += 1
    except reference_reader.Fault as fault:
        index = "-" if fault.record_index is None else fault.record_index
        values = (fault.status, fault.diagnostic, fault.space, fault.offset, index, count)
    else:
        values = ("ok", "none", "none", "-", "-", count)
    return dict(zip(assemble.INDEX_COLUMNS[1:], map(str, values)))


def diagnostics() -> dict[str, tuple[int, str]]:
    """name -> number and summary, from the library's list."""
    text = (ROOT / "lib" / "util" / "diagnostics.def").read_text(encoding="utf-8")
    rows = re.findall(r'^X\((\d+),\s*\w+,\s*"([a-z0-9-]+)",\s*"([^"]*)",', text, re.M)
    return {name: (int(number), summary) for number, name, summary in rows}


def spec_diagnostics() -> dict[str, tuple[int, str, str, str]]:
    """The rows of the table in section 20."""
    section = FORMAT[FORMAT.index("## 20 Diagnostics") :]
    rows = re.findall(r"^\| (\d+) \| `([a-z0-9-]+)` \| (.*?) \| (.*?) ?\| (.*?) ?\|$", section, re.M)
    return {name: (int(number), *rest) for number, name, *rest in rows}


# ---- vectors ----


@pytest.mark.parametrize("name", VECTORS)
def test_reference_reader_agrees(name):
    vector = VECTORS[name]
    expected = vector.expectation()
    del expected["name"]
    assert outcome(vector.data) == expected, vector.why


@pytest.mark.parametrize("name", GOOD)
def test_content_is_what_the_recipe_says(name):
    vector = VECTORS[name]
    contents = [content for _, content, _, _ in reference_reader.read_file(vector.data)]
    assert contents == [record.content for record in vector.records[: vector.whole_count()]]
    for content, record in zip(contents, vector.records):
        if record.loads is not None:
            assert pickle.loads(content) == ast.literal_eval(record.loads)


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.skipif(not shutil.which("zstd"), reason="no zstd command")
def test_zstd_reads_good_vectors(name):
    vector = VECTORS[name]
    result = subprocess.run(["zstd", "-dcq"], input=vector.data, stdout=subprocess.PIPE, check=True)
    assert result.stdout == b"".join(record.content for record in vector.records[: vector.whole_count()])


def test_vectors_are_many_and_good_ones_are_among_them():
    assert len(VECTORS) >= 150
    assert len(GOOD) * 8 >= len(VECTORS)


def test_every_diagnostic_that_bytes_can_cause_has_a_vector():
    seen = {vector.expectation()["diagnostic"] for vector in VECTORS.values()} - {"none"}
    wanted = {name for name, (number, _) in diagnostics().items() if number not in AROUND_THE_FORMAT and number <= 70}
    assert seen == wanted - NOT_BY_BYTES


def test_every_vector_says_why_in_a_sentence():
    for vector in VECTORS.values():
        assert re.fullmatch(r"[A-Z`0-9\\$-].*\.", vector.why), vector.name


def test_assembler_writes_an_index(tmp_path):
    names = ["base", "three-records", "empty-file", "cut-between-records"]
    command = [sys.executable, str(SPEC / "vectors" / "assemble.py"), str(tmp_path), *names]
    subprocess.run(command, check=True)
    lines = (tmp_path / "index.tsv").read_text().splitlines()
    assert lines[0].split("\t") == list(assemble.INDEX_COLUMNS)
    rows = {line.split("\t")[0]: line.split("\t")[1:] for line in lines[1:]}
    assert rows == {
        "base": ["ok", "none", "none", "-", "-", "1"],
        "three-records": ["ok", "none", "none", "-", "-", "3"],
        "cut-between-records": ["ok", "none", "none", "-", "-", "1"],
        "empty-file": ["cut-short", "empty-file", "file", "0", "-", "0"],
    }
    assert (tmp_path / "three-records.1.content").read_bytes() == bytes.fromhex("80044b072e")
    assert not (tmp_path / "cut-between-records.1.content").exists()
    assert (tmp_path / "base.snapjar").read_bytes() == VECTORS["base"].data


@pytest.mark.parametrize(
    "recipe",
    [
        "vector a\nrecord\nexpect ok",
        "vector a\nwhy x\nrecord",
        "vector a\nwhy x\nsset b 1\nrecord\nexpect ok",
        "vector a\nwhy x\nrecord\nnonsense 1\nexpect ok",
        "vector a\nwhy x\nrecord\ncontent 8z\nexpect ok",
        "vector a\nwhy x\nrecord\nreplace 'nowhere' => 'x'\nexpect ok",
        "vector a\nwhy x\nrecord\nexpect damaged x file value(nowhere)",
        "vector a\nwhy x\nrecord\nexpect ok\nvector a\nwhy x\nrecord\nexpect ok",
    ],
)
def test_assembler_refuses_bad_recipes(tmp_path, recipe):
    (tmp_path / "bad.recipe").write_text(recipe)
    with pytest.raises(assemble.RecipeError):
        assemble.load_recipes(tmp_path)


# ---- the reference reader as a program ----


def run_reader(tmp_path, data: bytes):
    path = tmp_path / "file.snapjar"
    path.write_bytes(data)
    command = [sys.executable, str(SPEC / "reference_reader.py"), str(path)]
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    return result.returncode, [json.loads(line) for line in result.stdout.splitlines()]


def test_program_prints_records(tmp_path):
    code, lines = run_reader(tmp_path, VECTORS["three-records"].data)
    assert code == 0
    assert [line["record"] for line in lines] == [0, 1, 2]
    assert lines[1]["offset"] == lines[0]["size"]
    assert lines[0]["header"]["type"] == "app.jobs:JobState"


def test_program_prints_the_first_error(tmp_path):
    code, lines = run_reader(tmp_path, VECTORS["payload-checksum-second-record"].data)
    assert code == 1
    assert lines[0]["record"] == 0
    assert lines[1]["diagnostic"] == "payload-checksum-mismatch"
    assert lines[1]["record_index"] == 1


# ---- damage, exhaustively: section 12 says that all of it is found ----

BASE = VECTORS["base"].data


def is_whole(data: bytes) -> bool:
    return outcome(data)["status"] == "ok"


def test_every_bit_flip_is_found():
    for at in range(len(BASE)):
        for bit in range(8):
            flipped = BASE[:at] + bytes([BASE[at] ^ 1 << bit]) + BASE[at + 1 :]
            assert not is_whole(flipped), (at, bit)


def test_every_cut_is_found_and_is_cut_short():
    for at in range(len(BASE)):
        assert outcome(BASE[:at])["status"] == "cut-short", at


def test_every_lost_byte_is_found():
    for at in range(len(BASE)):
        assert not is_whole(BASE[:at] + BASE[at + 1 :]), at


def test_every_inserted_byte_is_found():
    for at in range(len(BASE) + 1):
        for byte in (0x00, 0x0A, 0x0D, 0x20, 0x2E, 0x53, 0x54, 0x7F, 0x80, 0xFF):
            assert not is_whole(BASE[:at] + bytes([byte]) + BASE[at:]), (at, byte)


def test_of_several_records_only_a_cut_between_them_does_not_show():
    vector = VECTORS["three-records"]
    whole = [at for at in range(len(vector.data) + 1) if is_whole(vector.data[:at])]
    assert whole == [record.at["stop"] for record in vector.records]


# ---- the schema ----

SCHEMA = json.loads((SPEC / "header.schema.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
FIELD_DIAGNOSTICS = {
    "field-missing",
    "field-type",
    "field-value",
    "field-mismatch",
    "content-empty",
    "unknown-requirement",
}


def headers(vector) -> list:
    return [json.loads(record.json_bytes) for record in vector.records]


def test_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", GOOD)
def test_schema_accepts_good_headers(name):
    for header in headers(VECTORS[name]):
        VALIDATOR.validate(header)


@pytest.mark.parametrize(
    "name", [name for name, vector in VECTORS.items() if vector.expectation()["diagnostic"] in FIELD_DIAGNOSTICS]
)
def test_schema_refuses_bad_fields(name):
    """Or cannot say it, which the recipe then admits; that it does not admit too much is checked as well."""
    vector = VECTORS[name]
    assert all(VALIDATOR.is_valid(header) for header in headers(vector)) == vector.schema_blind


def schema_objects(schema: dict, path: str = "") -> dict[str, dict]:
    """Path -> schema of every object with named members that format.md gives a table for."""
    found = {path: schema}
    for key, value in schema.get("properties", {}).items():
        if "properties" in value:
            found |= schema_objects(value, f"{path}.{key}".strip("."))
    return found


def test_schema_has_the_fields_of_the_specification():
    section = FORMAT[FORMAT.index("## 6 Header fields") : FORMAT.index("## 7 The payload")]
    tables = {"": "## 6 Header fields", "build": "### 6.4", "stream": "### 6.10", "payload": "### 6.12 "}
    objects = schema_objects(SCHEMA)
    for path, heading in tables.items():
        text = section[section.index(heading) :]
        text = text[: text.index("\n### ", 5) if "\n### " in text[5:] else len(text)]
        rows = re.findall(r"^\| `(\w+)` \|([^|]*)\|([^|]*)\|", text, re.M)
        assert [row[0] for row in rows] == list(objects[path]["properties"]), path
        required = [row[0] for row in rows if row[2].strip() == "required" or path == "stream"]
        assert required == objects[path]["required"], path


def test_schema_has_the_fields_of_the_library():
    text = (ROOT / "lib" / "header" / "fields.def").read_text(encoding="utf-8")
    rows = re.findall(r'^F\("(\w*)",\s*"(\w+)",\s*(\w+),\s*(REQUIRED|OPTIONAL),', text, re.M)
    objects = schema_objects(SCHEMA)
    for parent in {row[0] for row in rows}:
        mine = [row for row in rows if row[0] == parent]
        assert [row[1] for row in mine] == list(objects[parent]["properties"]), parent
        assert [row[1] for row in mine if row[3] == "REQUIRED"] == objects[parent]["required"], parent


# ---- the document ----


def test_example_is_what_its_description_says():
    section = FORMAT[FORMAT.index("## 19 A worked example") : FORMAT.index("## 20 Diagnostics")]
    dump = section[section.index("```hex") :]
    data = b"".join(bytes.fromhex(line) for line in re.findall(r"^[0-9a-f]{4}: ((?:[0-9a-f]{2} )+)", dump, re.M))
    text = "".join(re.search(r"```json\n(.*?)```", section, re.S)[1].splitlines()).encode()

    content = pickle.dumps(42, 4)
    frame = bytes.fromhex("28b52ffd") + bytes([0x24, len(content)]) + (1 | len(content) << 3).to_bytes(3, "little")
    frame += content + struct.pack("<I", xxhash.xxh64_intdigest(content) & 0xFFFFFFFF)
    head = bytes.fromhex("89534a520d0a1a0a") + struct.pack("<HHII", 1, 0, len(text), 0)
    digest = xxhash.xxh3_128_digest(head + bytes(16) + text)
    header = bytes.fromhex("532a4d18") + struct.pack("<I", 36 + len(text)) + head + digest + text
    trailer = bytes.fromhex("542a4d18") + struct.pack("<IQ", 16, len(header) + len(frame) + 24) + digest[:8]
    assert data == header + frame + trailer

    payload = json.loads(text)["payload"]
    assert payload["checksum"] == "xxh3-128:" + xxhash.xxh3_128_hexdigest(frame)
    assert payload["content_checksum"] == "xxh3-128:" + xxhash.xxh3_128_hexdigest(content)
    assert (payload["size"], payload["stored_size"]) == (len(content), len(frame))
    for at, shown in re.findall(r"^\| (\d+) \| `([0-9a-f ]+)`", section, re.M):
        assert data[int(at) :].startswith(bytes.fromhex(shown)), at
    assert data == BASE


def test_table_of_diagnostics_is_the_librarys():
    """A new row of diagnostics.def goes into section 20; with status and offset, if a file can cause it."""
    mine = {name: row[:2] for name, row in spec_diagnostics().items()}
    assert mine == diagnostics()


def test_vectors_have_the_status_of_the_table():
    table = spec_diagnostics()
    for vector in VECTORS.values():
        row = vector.expectation()
        if row["status"] != "ok":
            assert row["status"] == table[row["diagnostic"]][2], vector.name
            assert (row["space"] == "content") == table[row["diagnostic"]][3].startswith("content: "), vector.name


def test_order_of_checks_names_every_diagnostic_of_the_table():
    section = FORMAT[FORMAT.index("## 11 Order of checks") : FORMAT.index("## 12 Kinds")]
    steps = set(re.findall(r"`([a-z]+(?:-[a-z]+)+)`", section))
    assert {name for name, row in spec_diagnostics().items() if row[2]} == steps


def test_every_diagnostic_named_in_the_text_exists():
    known = set(diagnostics())
    for name in re.findall(r"error `([a-z0-9-]+)`", FORMAT):
        assert name in known, name


def test_sections_are_numbered_and_references_exist():
    numbers = re.findall(r"^#{2,4} (\d+(?:\.\d+)*) ", FORMAT, re.M)
    assert len(numbers) == len(set(numbers))
    own = re.sub(r"RFC 8878, section [\d.]+", "", FORMAT)
    for reference in re.findall(r"[Ss]ections? (\d+(?:\.\d+)*)", own):
        assert reference in numbers, reference
