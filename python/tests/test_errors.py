# SPDX-License-Identifier: MIT
"""Every failure is one of our exceptions, with diagnostic and offset."""

import copy
import errno
import os
import pickle
from pathlib import Path

import pytest
import snapjar
from models import Plain, Refusing

VECTORS = Path(os.environ.get("SNAPJAR_VECTORS", "/nonexistent"))
ALL_ERRORS = [value for value in vars(snapjar).values() if isinstance(value, type) and issubclass(value, snapjar.SnapjarError)]


def vector_rows():
    if not VECTORS.is_dir():
        return []
    lines = (VECTORS / "index.tsv").read_text().splitlines()
    return [line.split("\t") for line in lines if not line.startswith(("#", "name\t"))]


def test_vectors_are_there():
    assert len(vector_rows()) > 300


@pytest.mark.parametrize("way", ["verify", "load", "file"])
def test_every_vector(way, tmp_path):
    """Record after record, as the vectors ask for: the first error is the expected one."""
    for name, status, diagnostic, space, offset, record_index, records in vector_rows():
        data = (VECTORS / f"{name}.snapjar").read_bytes()
        if status == "limit":
            with pytest.raises(snapjar.LimitError) as caught:
                snapjar.verify(data)
            assert (caught.value.diagnostic, str(caught.value.offset)) == (diagnostic, offset), name
            continue
        if way == "file":
            path = tmp_path / "vector"
            path.write_bytes(data)
            found = snapjar.verify(path)
            error, whole = found.error, len(found.headers)
        elif way == "verify":
            found = snapjar.verify(data)
            error, whole = found.error, len(found.headers)
        else:
            error, whole = load_all(data)
        if status == "ok":
            assert error is None, (name, error)
        else:
            got = (error.status, error.diagnostic, error.space or "none",
                   "-" if error.offset is None else str(error.offset),
                   "-" if error.record is None else str(error.record))  # fmt: skip
            assert got == (status, diagnostic, space, offset, record_index), name
            assert error.hint and f"[{diagnostic}]" in str(error)
        assert whole == int(records), name


def load_all(data):
    """Loads what the analyser lets through; what it does not is no fault of the file."""
    whole = 0
    try:
        with snapjar.open_reader(data) as reader:
            for record in reader:
                try:
                    record.load(layout="ignore", environment="ignore")
                except (snapjar.PolicyError, snapjar.LoadError):
                    pass
                except snapjar.SnapjarError as error:
                    # A pickle that ends where it must, but that no loader could load, is for the analyser alone.
                    if not (error.space == "content" and is_whole(record)):
                        raise
                whole += 1
    except snapjar.SnapjarError as error:
        return error, whole
    return None, whole


def is_whole(record):
    try:
        record.verify()
    except snapjar.SnapjarError:
        return False
    return True


@pytest.fixture(scope="module")
def record():
    return snapjar.dumps({"a": [1, 2, 3], "b": "text" * 20})


def test_every_flipped_bit_is_seen(record):
    for place in range(len(record)):
        for bit in range(8):
            damaged = bytearray(record)
            damaged[place] ^= 1 << bit
            with pytest.raises(snapjar.SnapjarError) as caught:
                snapjar.loads(damaged)
            assert caught.value.diagnostic


def test_every_cut_is_seen(record):
    for size in range(len(record)):
        with pytest.raises(snapjar.SnapjarError) as caught:
            snapjar.loads(record[:size])
        assert caught.value.status in ("cut-short", "damaged", "wrong-format")


def test_empty_and_foreign():
    with pytest.raises(EOFError) as caught:
        snapjar.loads(b"")
    assert isinstance(caught.value, snapjar.IntegrityError) and caught.value.diagnostic == "empty-file"
    with pytest.raises(snapjar.IntegrityError) as caught:
        snapjar.loads(pickle.dumps(1))
    assert caught.value.diagnostic == "not-snapjar" and caught.value.offset == 0


@pytest.mark.parametrize("trailing", [b"x", b"garbage" * 10])
def test_what_stands_behind_the_record_is_named(record, trailing, tmp_path):
    path = tmp_path / "a"
    path.write_bytes(record + trailing)
    for load, source in ((snapjar.loads, record + trailing), (snapjar.load, path)):
        with pytest.raises(snapjar.IntegrityError) as caught:
            load(source)
        assert caught.value.diagnostic == "trailing-garbage" and caught.value.offset == len(record)


def test_files(tmp_path):
    missing = tmp_path / "missing"
    with pytest.raises(FileNotFoundError) as caught:
        snapjar.load(missing)
    assert caught.value.errno == errno.ENOENT and caught.value.filename == str(missing)
    assert isinstance(caught.value, snapjar.FileError) and caught.value.diagnostic == "open-failed"
    with pytest.raises(snapjar.SnapjarError) as caught:
        snapjar.load(tmp_path)
    assert caught.value.diagnostic == "is-directory"
    with pytest.raises(FileNotFoundError):
        snapjar.dump(1, tmp_path / "no" / "folder")
    with pytest.raises(ValueError):
        snapjar.load("a\0b")
    snapjar.dump(1, missing)
    with pytest.raises(snapjar.SnapjarError) as caught:
        snapjar.dump(2, missing, exclusive=True)
    assert caught.value.diagnostic == "target-exists" and snapjar.load(missing) == 1


def test_limits(tmp_path):
    path = tmp_path / "a"
    snapjar.dump("x" * 10_000, path)
    size = snapjar.inspect(path).size
    assert snapjar.load(path, max_size=size) == "x" * 10_000
    with pytest.raises(snapjar.LimitError) as caught:
        snapjar.load(path, max_size=size - 1)
    assert caught.value.diagnostic == "content-too-large"


def test_a_class_that_raises_is_the_cause():
    record = snapjar.dumps(Refusing())
    with pytest.raises(snapjar.LoadError, match="does not like") as caught:
        snapjar.loads(record, allow=[Refusing])
    assert isinstance(caught.value, pickle.UnpicklingError) and isinstance(caught.value.__cause__, RuntimeError)


def test_interrupts_pass_through(monkeypatch):
    def interrupt(self, state):
        raise KeyboardInterrupt

    record = snapjar.dumps(Refusing())
    monkeypatch.setattr(Refusing, "__setstate__", interrupt)
    with pytest.raises(KeyboardInterrupt):
        snapjar.loads(record, allow=[Refusing])


def test_expected_type_and_version(tmp_path):
    record = snapjar.dumps(Plain(), schema_version=4)
    assert snapjar.loads(record, allow=[Plain], type=Plain, schema_version=4)
    for keywords in ({"type": "other:Thing"}, {"schema_version": 5}):
        with pytest.raises(snapjar.ContractError) as caught:
            snapjar.loads(record, allow=[Plain], **keywords)
        assert caught.value.diagnostic == "unexpected-type"


@pytest.mark.parametrize("kind", ALL_ERRORS, ids=lambda kind: kind.__name__)
def test_exceptions_travel_between_processes(kind):
    error = kind("message")._with(diagnostic="x", offset=5, hint="do this")
    for other in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(other) is kind and str(other) == "message"
        assert (other.diagnostic, other.offset, other.hint) == ("x", 5, "do this")


def test_file_errors_travel_too(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        snapjar.load(tmp_path / "missing")
    other = pickle.loads(pickle.dumps(caught.value))
    assert type(other) is type(caught.value) and other.diagnostic == "open-failed" and other.errno == errno.ENOENT


def test_every_exception_is_documented():
    for kind in ALL_ERRORS:
        assert kind.__doc__
