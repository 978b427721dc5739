# SPDX-License-Identifier: MIT
"""Files of many records."""

import io
import os
import pickle
import signal
import subprocess
import sys
import time

import pytest
import snapjar
from models import Plain, WithLock


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "log.snapjar"
    with snapjar.open_writer(path) as writer:
        for number in range(5):
            writer.dump({"number": number}, labels={"n": number})
        assert writer.count == 5
    return path


def test_iterate_count_pick(path):
    for source in (path, str(path), path.read_bytes(), io.BytesIO(path.read_bytes()), open(path, "rb")):
        with snapjar.open_reader(source) as reader:
            assert [record.load()["number"] for record in reader] == [0, 1, 2, 3, 4]
            assert len(reader) == 5
            assert [reader[index].load()["number"] for index in (3, 0, -1, 4, 1)] == [3, 0, 4, 4, 1]
            assert reader.last().load() == {"number": 4}
            assert [record.header.labels["n"] for record in reader] == [0, 1, 2, 3, 4]
            with pytest.raises(IndexError):
                reader[5]
            with pytest.raises(IndexError):
                reader[-6]
            with pytest.raises(TypeError):
                reader["a"]
        with pytest.raises(ValueError, match="closed"):
            reader[0].load()


def test_records_can_be_loaded_in_any_order(path):
    with snapjar.open_reader(path) as reader:
        records = list(reader)
        assert [record.load()["number"] for record in reversed(records)] == [4, 3, 2, 1, 0]
        records[2].verify()
        assert records[1].pickle() == pickle.dumps({"number": 1}, 5)


def test_a_file_that_grows_while_it_is_read(path):
    with snapjar.open_reader(path) as reader:
        assert len(reader) == 5
        with snapjar.open_writer(path, append=True) as writer:
            writer.dump({"number": 5})
        assert len(reader) == 6 and reader[-1].load() == {"number": 5}


def test_reader_defaults(path):
    with snapjar.open_writer(path, append=True) as writer:
        writer.dump(Plain(a=1))
    with snapjar.open_reader(path, allow=[Plain]) as reader:
        assert reader[-1].load().a == 1
        with pytest.raises(snapjar.PolicyError):
            reader[-1].load(allow=())
    with pytest.raises(TypeError):
        snapjar.open_reader(path, nope=1)
    with pytest.raises(ValueError):
        snapjar.open_reader(path, layout="x")


def test_writer_all_or_nothing(path):
    before = path.read_bytes()
    for append in (False, True):
        with pytest.raises(RuntimeError, match="stop"), snapjar.open_writer(path, append=append) as writer:
            writer.dump(1)
            raise RuntimeError("stop")
        assert path.read_bytes() == before and [entry.name for entry in path.parent.iterdir()] == [path.name]
    writer = snapjar.open_writer(path)
    writer.dump(1)
    writer.abort()
    assert path.read_bytes() == before
    with pytest.raises(ValueError, match="closed"):
        writer.dump(1)


def test_write_takes_whole_records_only(path, tmp_path):
    before = path.read_bytes()
    record = snapjar.dumps({"number": 5})
    with snapjar.open_writer(path, append=True) as writer:
        for wrong in (5, "text", {"number": 5}, None):
            with pytest.raises(TypeError, match="to add an object, dump it"):
                writer.write(wrong)
        for wrong, diagnostic in ((b"", "empty-file"), (b"text", "not-snapjar"), (record[:-1], "record-cut-short"),
                                  (record + b"x", "trailing-garbage")):  # fmt: skip
            with pytest.raises(snapjar.IntegrityError) as caught:
                writer.write(wrong)
            assert caught.value.diagnostic == diagnostic
        assert writer.count == 0
        writer.write(record)
        writer.write(bytearray(record + record))
        assert writer.count == 3
    assert path.read_bytes() == before + 3 * record


def test_one_object_that_cannot_be_pickled_spoils_nothing(path):
    with snapjar.open_writer(path, append=True) as writer:
        with pytest.raises(snapjar.NotPicklableError):
            writer.dump(WithLock())
        writer.dump({"number": 5})
    with snapjar.open_reader(path) as reader:
        assert len(reader) == 6


def test_interrupted_dump_leaves_the_old_file(path):
    before = path.read_bytes()
    with pytest.raises(snapjar.NotPicklableError):
        snapjar.dump({"a": WithLock()}, path)
    assert path.read_bytes() == before and [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_killed_while_dumping(tmp_path):
    """Killed at whatever moment: the old file or the new one is there, whole."""
    path = tmp_path / "a.snapjar"
    snapjar.dump("old", path)
    code = f"""
import snapjar
print("ready", flush=True)
while True:
    snapjar.dump("new" * 100000, {str(path)!r}, sync=False)
"""
    for _ in range(3):
        child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
        assert child.stdout.readline() == b"ready\n"
        while snapjar.load(path) == "old":
            time.sleep(0.001)
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        assert snapjar.load(path) == "new" * 100000
        snapjar.dump("old", path)


def test_torn_tail(path):
    torn = path.read_bytes()[:-10]
    path.write_bytes(torn)
    with pytest.raises(snapjar.IntegrityError) as caught:
        snapjar.open_writer(path, append=True)
    assert caught.value.diagnostic == "tail-torn"
    with snapjar.open_writer(path, append=True, repair=True) as writer:
        writer.dump({"number": "new"})
        assert writer.repaired_size > 0
    with snapjar.open_reader(path) as reader:
        assert [record.load()["number"] for record in reader] == [0, 1, 2, 3, "new"]


def test_inspect(path):
    assert snapjar.inspect(path).labels == {"n": 0}
    assert snapjar.inspect(path, record=3).labels == {"n": 3}
    with pytest.raises(LookupError) as caught:
        snapjar.inspect(path, record=9)
    assert caught.value.diagnostic == "record-not-found"


def test_inspect_reads_no_payload(path):
    data = bytearray(snapjar.dumps("x" * 1000, compression="raw"))
    data[-100] ^= 1
    assert snapjar.inspect(data).size > 1000
    assert not snapjar.verify(data)


def test_verify(path):
    found = snapjar.verify(path, threads=2)
    assert found and found.ok and len(found.headers) == 5 and found.error is None
    damaged = bytearray(path.read_bytes())
    damaged[found.headers[3].offset + found.headers[3].record_size - 30] ^= 1
    found = snapjar.verify(damaged)
    assert not found and len(found.headers) == 3 and found.error.record == 3
    with pytest.raises(FileNotFoundError):
        snapjar.verify(path.parent / "missing")
    assert snapjar.verify(b"").error.diagnostic == "empty-file"


def test_writer_arguments(path):
    for keywords in ({"append": True, "exclusive": True}, {"repair": True}):
        with pytest.raises(ValueError):
            snapjar.open_writer(path, **keywords)
    with pytest.raises(snapjar.SnapjarError):
        snapjar.open_writer(path, exclusive=True)


def test_devices_are_written_in_place():
    snapjar.dump(1, "/dev/null")
    assert os.path.exists("/dev/null") and not os.path.isfile("/dev/null")
