# SPDX-License-Identifier: MIT
"""Objects go in and come out equal, by every way in and out."""

import collections
import datetime
import decimal
import fractions
import io
import os
import pathlib
import pickle
import uuid

import pytest
import snapjar
from models import JOB_CLASSES, Access, Failure, Job, Plain, Point, Slotted, State, make_job

VALUES = [
    None, True, 0, -1, 2**200, 1.5, "text \N{SNOWMAN}", b"bytes", bytearray(b"bytes"), (), (1,), [1, [2]], {"a": {1: 2}},
    {1, 2}, frozenset({3}), 1j, range(3), slice(1, 2), collections.OrderedDict(a=1), collections.Counter("aab"),
    collections.deque([1, 2], 5), collections.defaultdict(list, a=[1]), datetime.datetime(2026, 1, 1, 12),
    datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc), datetime.timedelta(1), decimal.Decimal("1.10"),
    fractions.Fraction(1, 3), uuid.UUID(int=5), pathlib.PurePosixPath("/a/b"), Exception,
]  # fmt: skip


@pytest.mark.parametrize("protocol", range(6))
def test_plain_values_need_no_allow(protocol):
    for value in VALUES:
        if value is Exception:
            continue
        loaded = snapjar.loads(snapjar.dumps(value, protocol=protocol))
        assert loaded == value and type(loaded) is type(value)


@pytest.mark.parametrize("protocol", range(2, 6))
def test_job(protocol):
    job = make_job()
    loaded = snapjar.loads(snapjar.dumps(job, protocol=protocol), allow=JOB_CLASSES)
    assert type(loaded) is Job and loaded.parent is loaded
    assert loaded.steps[0] is loaded.steps[1] and loaded.steps == job.steps
    assert loaded.state is State.RUNNING and loaded.access == Access.READ | Access.WRITE
    assert loaded.extra == job.extra and loaded.created == job.created


@pytest.mark.parametrize(
    "value", [Point(1, 2), Slotted(1, "a"), Plain(a=1), Failure("x", 1), State.QUEUED, Access.READ], ids=repr
)
def test_kinds_of_classes(value):
    loaded = snapjar.loads(snapjar.dumps(value), allow=[type(value)])
    assert type(loaded) is type(value)
    for name in ("__dict__", "args", "left", "right", "_Slotted__hidden"):
        assert getattr(loaded, name, None) == getattr(value, name, None)
    if isinstance(value, (tuple, State, Access)):
        assert loaded == value


def test_data_may_be_any_buffer():
    record = snapjar.dumps([1, 2])
    for data in (record, bytearray(record), memoryview(record)):
        assert snapjar.loads(data) == [1, 2]
    with pytest.raises(TypeError):
        snapjar.loads("text")


def test_paths(tmp_path):
    path = tmp_path / "a.snapjar"
    for target in (path, str(path)):
        assert snapjar.dump({"a": 1}, target) is None
        assert snapjar.load(target) == {"a": 1}
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.snapjar"]


def test_file_objects_go_on_where_they_are(tmp_path):
    path = tmp_path / "a.snapjar"
    with open(path, "wb") as file:
        for number in range(3):
            snapjar.dump(number, file)
    whole = path.read_bytes()
    memory = io.BytesIO(whole)
    with open(path, "rb") as file, open(path, "r+b") as both, open(path, "rb", buffering=0) as raw:
        for opened in (file, both, raw, memory):
            assert [snapjar.load(opened) for _ in range(3)] == [0, 1, 2]
            with pytest.raises(EOFError):
                snapjar.load(opened)
            assert opened.tell() == len(whole)


def test_streams_that_cannot_seek():
    read_end, write_end = os.pipe()
    with open(write_end, "wb", buffering=0) as out:
        snapjar.dump("through a pipe", out)
    with open(read_end, "rb") as file:
        assert snapjar.load(file) == "through a pipe"

    class Stream:
        def __init__(self, data):
            self.data = data

        def read(self):
            return self.data

    assert snapjar.load(Stream(snapjar.dumps(1))) == 1
    with pytest.raises(ValueError, match="more than one record"):
        snapjar.load(Stream(snapjar.dumps(1) * 2))


def test_raw_files_that_take_less():
    class Slow:
        def __init__(self):
            self.parts = b""

        def write(self, data):
            self.parts += bytes(data[:10])
            return min(10, len(data))

    slow = Slow()
    snapjar.dump([1], slow)
    assert snapjar.loads(slow.parts) == [1]


def test_text_files_are_refused(tmp_path):
    path = tmp_path / "a"
    snapjar.dump(1, path)
    with open(path, encoding="latin1") as file, pytest.raises(TypeError, match="'rb'"):
        snapjar.load(file)
    for what in (5, None, object()):
        with pytest.raises(TypeError):
            snapjar.load(what)
        with pytest.raises(TypeError):
            snapjar.dump(1, what)


def test_more_than_one_record_is_no_surprise(tmp_path):
    two = snapjar.dumps(1) + snapjar.dumps(2)
    path = tmp_path / "two"
    path.write_bytes(two)
    for load, source in ((snapjar.loads, two), (snapjar.load, two), (snapjar.load, path)):
        with pytest.raises(ValueError, match="open_reader"):
            load(source)


@pytest.mark.parametrize("compression", ["auto", "raw", "zstd"])
@pytest.mark.parametrize("size", [0, 100, 70_000, 5_000_000])
def test_sizes(compression, size):
    value = {"text": "ab" * (size // 2), "tail": 1}
    record = snapjar.dumps(value, compression=compression, threads=2)
    assert snapjar.loads(record, threads=2) == value
    if compression != "raw" and size > 1000:
        assert len(record) < size / 4


def test_plain_zstd_and_pickle_read_it():
    zstandard = pytest.importorskip("zstandard")
    record = snapjar.dumps([1, 2, 3])
    content = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(record), read_across_frames=True).read()
    assert pickle.loads(content) == [1, 2, 3]


def test_header_says_what_it_is():
    labels = {"customer": "acme", "attempt": 2, "last": True, "none": None}
    record = snapjar.dumps(make_job(), labels=labels, created="2026-01-01T00:00:00Z")
    header = snapjar.inspect(record)
    assert (header.type, header.schema_version, header.protocol) == ("models:Job", 3, 5)
    assert header.labels == labels and header.created == datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
    assert header.build["python"] == snapjar._build.python_version() and "platform" in header.build
    assert header.size > 0 and header.stored_size > 0 and header.index == 0 and header.offset == 0
    record = snapjar.dumps(1, type=Job, schema_version=9, created=datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc))
    header = snapjar.inspect(record)
    assert (header.type, header.schema_version, header.fields["created"]) == ("models:Job", 9, "2026-01-01T00:00:00Z")


def test_build_info_is_set_once():
    numpy = pytest.importorskip("numpy")
    try:
        snapjar.set_build_info(app="etl", version="1.2", commit="abc")
        build = snapjar.inspect(snapjar.dumps(numpy.arange(3))).build
        assert (build["app"], build["version"], build["commit"]) == ("etl", "1.2", "abc")
        assert build["packages"] == {"numpy": numpy.__version__}
    finally:
        snapjar.set_build_info()
    assert "app" not in snapjar.inspect(snapjar.dumps(1)).build
    with pytest.raises(TypeError):
        snapjar.set_build_info(app=5)


@pytest.mark.parametrize(
    ("keywords", "error"),
    [
        ({"protocol": 6}, ValueError), ({"protocol": -1}, ValueError), ({"protocol": "x"}, TypeError),
        ({"level": 50}, ValueError), ({"threads": 65}, ValueError), ({"threads": -1}, OverflowError),
        ({"threads": 2**32}, OverflowError), ({"threads": "2"}, TypeError),
        ({"frame_size": 5}, ValueError), ({"compression": "lzma"}, ValueError), ({"labels": {"a": []}}, TypeError),
        ({"labels": {1: "a"}}, TypeError), ({"labels": {"a": 1.5}}, TypeError), ({"labels": {"a": 2**70}}, ValueError),
        ({"created": "yesterday"}, ValueError), ({"created": datetime.datetime(2026, 1, 1)}, ValueError),
        ({"type": ""}, ValueError), ({"schema_version": -1}, ValueError), ({"schema_version": "x"}, TypeError),
    ],
    ids=str,
)  # fmt: skip
def test_wrong_arguments_of_dumps(keywords, error):
    with pytest.raises(error):
        snapjar.dumps(1, **keywords)


def test_wrong_arguments_of_loads():
    record = snapjar.dumps(1)
    for keywords, error in (
        ({"layout": "x"}, ValueError), ({"environment": "x"}, ValueError), ({"policy": 5}, TypeError),
        ({"threads": 65}, ValueError), ({"policy": snapjar.Policy(), "allow": ["a:b"]}, TypeError), ({"nope": 1}, TypeError),
        ({"allow": [5]}, TypeError), ({"allow": ["nocolon"]}, ValueError), ({"allow": ["a:b=fly"]}, ValueError),
    ):  # fmt: skip
        with pytest.raises(error):
            snapjar.loads(record, **keywords)


class WithSchema(type):
    """Says for its classes which schema version they have."""

    @property
    def __snapjar_schema__(cls):
        return 5


class Versioned(metaclass=WithSchema):
    pass


class Answering:
    """Its objects have whatever attribute is asked for."""

    def __getattr__(self, name):
        if name.startswith("__") and name != "__snapjar_schema__":
            raise AttributeError(name)
        return 6


def test_schema_version_is_the_class_s_and_not_the_object_s():
    plain = Plain()
    plain.__dict__["__snapjar_schema__"] = 7
    for obj, version in ((Versioned(), 5), (Answering(), 0), (plain, 0), (make_job(), 3)):
        assert snapjar.inspect(snapjar.dumps(obj)).schema_version == version


def test_type_of_a_class_that_got_another_name():
    class Moving:
        __reduce__ = lambda self: (list, ())  # noqa: E731

    for name in ("Moving", "Moved", "Moved", "Moving"):
        Moving.__qualname__ = name
        assert snapjar.inspect(snapjar.dumps(Moving())).type == f"{__name__}:{name}"


def test_default_level_by_size():
    small, large = ["abab" * number for number in range(12)], ["abab" * number for number in range(120)]
    assert len(pickle.dumps(small)) <= 512 < len(pickle.dumps(large))
    for obj, level in ((small, -1), (large, 3)):
        sizes = {snapjar.inspect(snapjar.dumps(obj, compression="zstd", level=number)).stored_size for number in (0, level)}
        assert len(sizes) == 1


@pytest.mark.parametrize("count", [1, 2, 15, 16, 17, 40])
def test_fields_in_the_layout_are_sorted(count):
    names = [f"f{(7 * number) % 41:02}" for number in range(count)]
    header = snapjar.inspect(snapjar.dumps(Plain(**dict.fromkeys(names, 0))))
    assert header.layout == {"models:Plain": sorted(names)}


@pytest.mark.parametrize("threads", [None, 0, 1, 3, 64])
def test_threads(threads):
    value = [b"%d" % number * 50 for number in range(50_000)]  # several frames
    record = snapjar.dumps(value, threads=threads, frame_size=1 << 16)
    assert snapjar.loads(record, threads=threads) == value
    with snapjar.open_reader(record, threads=threads) as reader:
        assert reader[0].load() == reader[0].load(threads=threads) == value
        reader[0].verify(threads=threads)
        assert pickle.loads(reader[0].pickle(threads=threads)) == value
