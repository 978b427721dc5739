# SPDX-License-Identifier: MIT
"""Out-of-band buffers: arrays go in without a copy and live in the memory they were decompressed into."""

import gc
import pickle

import pytest
import snapjar

numpy = pytest.importorskip("numpy")


@pytest.mark.parametrize("compression", ["auto", "raw"])
@pytest.mark.parametrize("count", [600, 100_000, 3_000_000])
def test_arrays(compression, count):
    array = numpy.arange(count, dtype="f8")
    record = snapjar.dumps({"x": array}, compression=compression)
    assert len(snapjar.inspect(record).fields["payload"]["buffers"]) == 1
    loaded = snapjar.loads(record, threads=2)["x"]
    assert (loaded == array).all() and loaded.flags.writeable and loaded.flags.aligned
    assert loaded.ctypes.data % 64 == 0
    loaded[0] = 5  # it is memory of its own
    assert array[0] == 0 and snapjar.loads(record)["x"][0] == 0


def test_small_and_odd_ones():
    values = {
        "small": numpy.arange(3), "empty": numpy.zeros(0), "fortran": numpy.asfortranarray(numpy.eye(100)),
        "strided": numpy.arange(10_000)[::3], "bool": numpy.ones(5000, dtype=bool), "objects": numpy.array([1, "a"], object),
        "strings": numpy.array(["a", "bc"]), "scalar": numpy.float64(1.5), "records": numpy.zeros(4, dtype=[("a", "i4")]),
        "dates": numpy.array(["2026-01-01"], dtype="datetime64[D]"),
    }  # fmt: skip
    loaded = snapjar.loads(snapjar.dumps(values))
    for name, value in values.items():
        assert numpy.array_equal(loaded[name], value), name
        assert loaded[name].dtype == value.dtype
    assert loaded["fortran"].flags.f_contiguous


def test_shared_arrays_stay_shared():
    array = numpy.zeros(10_000)
    one, two = snapjar.loads(snapjar.dumps([array, array]))
    one[5] = 1
    assert one is two


def test_read_only_buffers():
    data = pickle.PickleBuffer(b"x" * 10_000)
    loaded = snapjar.loads(snapjar.dumps(data))
    assert bytes(loaded) == b"x" * 10_000 and memoryview(loaded).readonly
    data = pickle.PickleBuffer(bytearray(b"x" * 10_000))
    assert not memoryview(snapjar.loads(snapjar.dumps(data))).readonly


def test_an_array_outlives_all_else():
    loaded = [snapjar.loads(snapjar.dumps(numpy.full(50_000, number))) for number in range(20)]
    for _ in range(50):
        snapjar.loads(snapjar.dumps(numpy.zeros(50_000)))
    gc.collect()
    for number, array in enumerate(loaded):
        assert (array == number).all()


def test_older_protocols_have_them_inside():
    array = numpy.arange(10_000)
    record = snapjar.dumps(array, protocol=4)
    assert "buffers" not in snapjar.inspect(record).fields["payload"]
    assert (snapjar.loads(record) == array).all()


def test_plain_pickle_reads_what_is_unpacked():
    array = numpy.arange(10_000)
    with snapjar.open_reader(snapjar.dumps([array, 1])) as reader:
        loaded = pickle.loads(reader[0].pickle())
    assert (loaded[0] == array).all()


def test_damaged_buffers_are_seen():
    record = bytearray(snapjar.dumps(numpy.arange(10_000), compression="raw"))
    record[-5000] ^= 1
    with pytest.raises(snapjar.IntegrityError) as caught:
        snapjar.loads(record)
    assert caught.value.diagnostic == "payload-checksum-mismatch"


def test_noise_is_stored_raw_where_it_is_a_buffer():
    array = numpy.random.default_rng(1).random(100_000)
    wanted = {("auto", 5): False, ("zstd", 5): True, ("auto", 4): True}  # protocol 4 has the array inside the pickle
    for (compression, protocol), is_smaller in wanted.items():
        record = snapjar.dumps(array, compression=compression, protocol=protocol)
        header = snapjar.inspect(record)
        assert (header.stored_size < header.size) is is_smaller
        assert (snapjar.loads(record) == array).all()
    header = snapjar.inspect(snapjar.dumps(numpy.arange(100_000)))
    assert header.stored_size < header.size / 3
