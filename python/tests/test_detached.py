# SPDX-License-Identifier: MIT
"""Detached seals: demanded by everything that reads, made and taken away, and refused in every way."""

import io
import json
import os
import threading

import pytest
import snapjar
from snapjar import fleet
from test_lifetime import measured, quietly

KEY = snapjar.Key.generate()
OTHER = snapjar.Key.generate("mac")
TRUST = snapjar.Trust().add(KEY)
TITLE = len("snapjar detached seal 1\n")


@pytest.fixture
def one(tmp_path):
    """A file of one record, and its seal."""
    path = tmp_path / "one.snapjar"
    snapjar.dump({"a": 1}, path)
    assert snapjar.seal(path, key=KEY, detached=True) == 1
    return path


@pytest.fixture
def many(tmp_path):
    path = tmp_path / "many.snapjar"
    path.write_bytes(b"".join(snapjar.dumps(i) for i in range(3)))
    assert snapjar.seal(path, key=KEY, detached=True) == 3
    return path


def seal_of(path):
    return path.with_name(path.name + ".seal")


def sizes(path):
    with snapjar.open_reader(path) as reader:
        return [record.header.record_size for record in reader]


def refused(call, *arguments, **keywords):
    """(diagnostic, offset, record, the place's last part) of what is raised."""
    with pytest.raises(snapjar.SnapjarError) as caught:
        call(*arguments, **keywords)
    error = caught.value
    return error.diagnostic, error.offset, error.record, error.place.rpartition("/")[2]


def read_all(source, **keywords):
    with snapjar.open_reader(source, **keywords) as reader:
        return [record.load() for record in reader]


def verified(source, **keywords):
    found = snapjar.verify(source, **keywords)
    if found.error is not None:
        raise found.error
    return found


def compared(source, *, trust, detached):
    return snapjar.diff(source, source, trust=trust, detached=detached if detached is True else (detached, detached))


def test_everything_that_reads(one):
    data, text = one.read_bytes(), seal_of(one).read_bytes()
    elsewhere = one.with_name("elsewhere")
    elsewhere.write_bytes(text)
    for source in (one, data):
        for seal in (True, elsewhere, str(elsewhere), text, bytearray(text), memoryview(text)):
            if seal is True and source is data:
                continue
            good = {"trust": TRUST, "detached": seal}
            assert snapjar.load(source, **good) == {"a": 1}
            assert read_all(source, **good) == [{"a": 1}]
            assert snapjar.inspect(source, **good).type == "builtins:dict"
            assert snapjar.verify(source, **good) and snapjar.verify(source, stored_only=True, **good)
            assert [result.ok for result in snapjar.scan(source, **good)] == [True]
            assert snapjar.show(source, **good) == "{'a': 1}\n"
    assert snapjar.loads(data, trust=KEY, detached=text) == {"a": 1}
    assert snapjar.loads(memoryview(data), trust=KEY, detached=elsewhere) == {"a": 1}
    assert not snapjar.diff(one, one, trust=TRUST, detached=True)
    assert not snapjar.diff(one, data, trust=TRUST, detached=(True, text))
    assert one.read_bytes() == data
    # Seals inside are not asked for, and may come and go.
    assert snapjar.seal(one, key=OTHER) == 1 and one.read_bytes() != data
    assert snapjar.load(one, trust=TRUST, detached=True) == {"a": 1}
    assert snapjar.load(one, trust=OTHER) == {"a": 1}
    assert refused(snapjar.load, one, trust=TRUST)[0] == "seal-unknown-key"


READS = [
    snapjar.load,
    snapjar.inspect,
    read_all,
    verified,
    snapjar.show,
    compared,
    snapjar.scan,
]


@pytest.mark.parametrize("read", READS)
def test_a_seal_that_does_not_hold(one, read):
    seal = seal_of(one)
    text = seal.read_bytes()
    size = len(text)
    at = text.index(b"signature")
    later = b"signature later " + b"0" * 32 + b" " + b"0" * 32 + b" ab\n"
    for changed, diagnostic, offset in (
        (b"", "seal-file-invalid", 0),
        (text[:-1], "seal-file-invalid", at),
        (text + b"\n", "seal-file-invalid", size),
        (text.replace(b"record", b"Record"), "seal-file-invalid", TITLE),
        (text[: TITLE - 2] + b"2" + text[TITLE - 1 :], "seal-unsupported", TITLE - 2),
        (text[:at] + later * 65, "seal-file-invalid", at + len(later) + 16),
        (text[:at] + b"".join(later.replace(b"0" * 31, b"%031d" % i, 1) for i in range(65)), "seal-limit", at + 64 * len(later)),
        (text[:at], "seal-stripped", at),
        (text[:at] + later, "seal-unknown-key", at),
        (text[:-2] + (b"1" if text[-2:-1] == b"0" else b"0") + b"\n", "seal-bad-signature", at),
        (text[:at] + text[TITLE:], "seal-bad-signature", 2 * at - TITLE),
    ):
        seal.write_bytes(changed)
        named = one.with_name("named")
        named.write_bytes(changed)
        assert refused(read, one, trust=TRUST, detached=True) == (diagnostic, offset, None, "one.snapjar.seal")
        assert refused(read, one, trust=TRUST, detached=named) == (diagnostic, offset, None, "named")
        assert refused(read, one, trust=TRUST, detached=changed)[:3] == (diagnostic, offset, None)
    seal.unlink()
    assert refused(read, one, trust=TRUST, detached=True) == ("seal-missing", None, None, "one.snapjar.seal")
    with pytest.raises(FileNotFoundError) as caught:
        read(one, trust=TRUST, detached=one.with_name("gone"))
    assert caught.value.filename.endswith("/gone")


def test_a_seal_that_is_no_file(one):
    """Nobody waits for a pipe that somebody put there; one that is named is read like any file."""
    text = seal_of(one).read_bytes()
    seal_of(one).unlink()
    for make in (os.mkfifo, os.mkdir):
        make(seal_of(one))
        assert refused(snapjar.load, one, trust=TRUST, detached=True) == ("seal-file-invalid", 0, None, "one.snapjar.seal")
        if make is os.mkfifo:
            writer = threading.Thread(target=seal_of(one).write_bytes, args=(text,))
            writer.start()
            assert snapjar.load(one, trust=TRUST, detached=seal_of(one)) == {"a": 1}
            writer.join()
            seal_of(one).unlink()


def test_the_message_names_the_seal_once(one):
    text = seal_of(one).read_bytes()
    seal_of(one).write_bytes(text[: text.index(b"signature")])
    with pytest.raises(snapjar.SealError) as caught:
        snapjar.load(one, trust=TRUST, detached=True)
    assert str(caught.value).count("one.snapjar.seal") == 1 and "[seal-stripped] at byte" in str(caught.value)


def test_conditions(one):
    at = seal_of(one).read_bytes().index(b"signature")
    kind = one.read_bytes().index(b'"type":') + 7
    for trust, diagnostic, offset in (
        (snapjar.Trust().add(KEY, not_after="2020-01-01T00:00:00Z"), "seal-key-expired", at),
        (snapjar.Trust().add(KEY, not_before="2999-01-01T00:00:00Z"), "seal-key-not-yet-valid", at),
        (snapjar.Trust().add(KEY, types=[list]), "seal-type-denied", kind),
        (snapjar.Trust().add(OTHER), "seal-unknown-key", at),
        (snapjar.Trust(), "seal-unknown-key", at),
    ):
        with pytest.raises(snapjar.SealError) as caught:
            snapjar.load(one, trust=trust, detached=True)
        assert (caught.value.diagnostic, caught.value.offset) == (diagnostic, offset)
    assert snapjar.load(one, trust=snapjar.Trust().add(KEY, types=[dict]), detached=True) == {"a": 1}
    snapjar.seal(one, key=KEY, context="jobs", detached=True)
    assert refused(snapjar.load, one, trust=TRUST, detached=True)[0] == "seal-context-mismatch"
    assert refused(snapjar.load, one, trust=TRUST, context="mail", detached=True)[0] == "seal-context-mismatch"
    assert snapjar.load(one, trust=TRUST, context="jobs", detached=True) == {"a": 1}


@pytest.mark.parametrize("read", [read_all, verified, compared, snapjar.scan])
def test_other_records_than_are_listed(many, read):
    """Each answer is that of the whole file, wherever the difference is; scan tells it in its last result."""
    data = many.read_bytes()
    size, *_ = sizes(many)
    first, second, third = data[:size], data[size : 2 * size], data[2 * size :]
    assert len(third) == size
    for changed, diagnostic, offset, record in (
        (second + third, "seal-records-missing", 0, 0),
        (first + third, "seal-records-missing", size, 1),
        (first + second, "seal-records-missing", 2 * size, 2),
        (first, "seal-records-missing", size, 1),
        (first + first + third, "seal-records-repeated", size, 1),
        (second + first + third, "seal-records-missing", 0, 0),
        (data + first, "seal-records-added", 3 * size, 3),
        (first + snapjar.dumps([]) + third, "seal-transplanted", size, 1),
        (first + snapjar.dumps(1, type="app:Other") + third, "seal-header-altered", size + 44, 1),
        (data[:-1], "record-cut-short", 3 * size - 1, 2),
    ):
        many.write_bytes(changed)
        keywords = {"trust": TRUST, "detached": True}
        if read is snapjar.scan:
            last = snapjar.scan(many, **keywords)[-1]
            assert last.verdict == "not-analysed"
            assert (last.failure.diagnostic, last.failure.offset, last.failure.record) == (diagnostic, offset, record)
            continue
        assert refused(read, many, **keywords)[:3] == (diagnostic, offset, record)
        assert refused(read, changed, trust=TRUST, detached=seal_of(many))[:3] == (diagnostic, offset, record)


def test_verification_is_false(many):
    many.write_bytes(many.read_bytes()[: sum(sizes(many)[:2])])
    found = snapjar.verify(many, trust=TRUST, detached=True)
    assert not found and len(found.headers) == 2 and found.error.diagnostic == "seal-records-missing"
    seal_of(many).write_bytes(b"x")
    found = snapjar.verify(many, trust=TRUST, detached=True)
    assert not found and not found.headers and found.error.diagnostic == "seal-file-invalid"
    assert type(found.error) is snapjar.SealError and found.error.status == "damaged"


@pytest.mark.parametrize("keywords", [{}, {"migrations": {7: lambda state: state}}])
def test_load_looks_whether_the_list_ends(many, keywords):
    """What is loaded is one record: that others were listed must show before it is unpickled."""
    data, text = many.read_bytes(), seal_of(many).read_bytes()
    size, *_ = sizes(many)
    many.write_bytes(data[:size])
    expected = ("seal-records-missing", size, 1)
    assert refused(snapjar.load, many, trust=TRUST, detached=True, **keywords)[:3] == expected
    assert refused(snapjar.loads, data[:size], trust=TRUST, detached=text, **keywords)[:3] == expected
    many.write_bytes(data)
    with pytest.raises(ValueError, match="more than one record|records"):
        snapjar.load(many, trust=TRUST, detached=True, **keywords)


def test_nothing_is_unpickled_before(many):
    class Loud:
        def __reduce__(self):
            return print, ("loaded",)

    many.write_bytes(snapjar.dumps(Loud(), type="app:Loud"))
    snapjar.seal(many, key=KEY, detached=True, replace=True)
    text = seal_of(many).read_bytes()
    at = text.index(b"signature")
    seal_of(many).write_bytes(text[:at] + text[TITLE:at] + text[at:])
    with pytest.raises(snapjar.SealError):
        snapjar.load(many, allow=[print], trust=TRUST, detached=True)


def test_records_by_number(many):
    with snapjar.open_reader(many, trust=TRUST, detached=True) as reader:
        assert reader.last().index == 2 and reader.last().load() == 2
        assert reader[1].load() == 1 and reader[-1].load() == 2 and len(reader) == 3
    data = many.read_bytes()
    size, *_ = sizes(many)
    many.write_bytes(data[: 2 * size])
    with snapjar.open_reader(many, trust=TRUST, detached=True) as reader:
        # One at a time learns nothing about the end; the last one must be the last of the list.
        assert reader[0].load() == 0 and reader[1].load() == 1
        assert refused(len, reader)[:3] == ("seal-records-missing", 2 * size, 2)
        assert refused(reader.last)[0] == "seal-records-repeated"


def test_arguments(one, tmp_path):
    data, text = one.read_bytes(), seal_of(one).read_bytes()
    for call in (snapjar.load, snapjar.open_reader, snapjar.inspect, snapjar.verify, snapjar.scan, snapjar.show):
        for seal in (True, text, b"", seal_of(one)):
            with pytest.raises(ValueError, match="detached is for a trust"):
                call(one, detached=seal)
        with pytest.raises(ValueError, match="beside a path"):
            call(data, trust=TRUST, detached=True)
        with pytest.raises(TypeError, match="not int"):
            call(one, trust=TRUST, detached=1)
        for file in (io.BytesIO(data), open(one, "rb")):
            with file, pytest.raises(ValueError, match="whole file"):
                call(file, trust=TRUST, detached=text)
        call(one, trust=None, detached=None)
    for seal in (True, text, b""):
        with pytest.raises(ValueError, match="detached is for a trust"):
            snapjar.loads(data, detached=seal)
    with pytest.raises(ValueError, match="beside a path"):
        snapjar.loads(data, trust=TRUST, detached=True)
    assert refused(snapjar.loads, data, trust=TRUST, detached=b"")[0] == "seal-file-invalid"
    for seal in (text, (True,), seal_of(one)):
        with pytest.raises(TypeError, match="tuple"):
            snapjar.diff(one, one, trust=TRUST, detached=seal)
    with pytest.raises(ValueError, match="NUL"):
        snapjar.load(one, trust=TRUST, detached="a\0b")
    with pytest.raises(TypeError, match="True or the path"):
        snapjar.seal(one, key=KEY, detached=text)
    with pytest.raises(ValueError, match="stream"):
        snapjar.seal(one, key=KEY, detached=True, stream=True)
    for detached in (True, False):
        for key_id in ("0", "G" * 32, "A" * 32, "é" * 16):
            assert refused(snapjar.unseal, one, key_id=key_id, detached=detached)[0] == "invalid-argument"
    reader = snapjar.open_reader(one, trust=TRUST, detached=True)
    with pytest.raises(ValueError, match="already"):
        reader._native.demand_seal(TRUST, None, None)
    assert reader[0].load() == {"a": 1}


def test_sealing_beside(one):
    text = seal_of(one).read_bytes()
    assert snapjar.seal(one, key=[OTHER], detached=True) == 1
    both = seal_of(one).read_bytes()
    assert both.startswith(text) and both.count(b"\nsignature ") == 2
    assert snapjar.seal(one, key=KEY, detached=True) == 1
    assert sorted(seal_of(one).read_bytes().splitlines()) == sorted(both.splitlines())
    assert snapjar.load(one, trust=KEY, detached=True) == snapjar.load(one, trust=OTHER, detached=True) == {"a": 1}
    assert snapjar.unseal(one, key_id="0" * 32, detached=True) == 0
    assert snapjar.unseal(one, key_id=KEY.id, detached=True) == 1
    assert refused(snapjar.load, one, trust=KEY, detached=True)[0] == "seal-unknown-key"
    assert snapjar.load(one, trust=OTHER, detached=True) == {"a": 1}
    assert snapjar.seal(one, key=KEY, detached=True, replace=True) == 1
    assert seal_of(one).read_bytes() == text
    assert snapjar.unseal(one, detached=True) == 1 and not seal_of(one).exists()
    assert snapjar.unseal(one, detached=True) == 0
    named = one.with_name("named")
    assert snapjar.seal(one, key=KEY, detached=named, sync=False) == 1 and not seal_of(one).exists()
    assert named.read_bytes() == text and snapjar.load(one, trust=KEY, detached=named) == {"a": 1}
    assert snapjar.unseal(one, key_id=KEY.id, detached=named) == 1 and not named.exists()


def test_sealing_is_refused(one, tmp_path):
    text = seal_of(one).read_bytes()
    snapjar.dump([2], one)
    assert refused(snapjar.load, one, trust=TRUST, detached=True)[0] == "seal-transplanted"
    assert refused(snapjar.seal, one, key=OTHER, detached=True) == ("seal-needs-replace", None, None, "one.snapjar.seal")
    assert seal_of(one).read_bytes() == text
    assert snapjar.seal(one, key=KEY, detached=True, replace=True) == 1
    assert snapjar.load(one, trust=TRUST, detached=True) == [2]
    text = seal_of(one).read_bytes()
    data = bytearray(one.read_bytes())
    data[-30] ^= 1
    one.write_bytes(data)
    assert refused(snapjar.seal, one, key=KEY, detached=True)[0] == "payload-checksum-mismatch"
    assert refused(snapjar.seal, one, key=KEY)[0] == "payload-checksum-mismatch"
    assert seal_of(one).read_bytes() == text and one.read_bytes() == data
    seal_of(one).write_bytes(b"somebody's own file")
    for call in (lambda: snapjar.unseal(one, detached=True), lambda: snapjar.unseal(one, key_id=KEY.id, detached=True)):
        assert refused(call) == ("seal-file-invalid", 0, None, "one.snapjar.seal")
    assert seal_of(one).read_bytes() == b"somebody's own file"
    for detached in (True, False):
        with pytest.raises(FileNotFoundError):
            snapjar.seal(tmp_path / "gone", key=KEY, detached=detached)
    with pytest.raises(FileNotFoundError):
        snapjar.unseal(tmp_path / "gone")
    public = tmp_path / "build.pub"
    public.write_text(KEY.public_text())
    assert refused(snapjar.seal, one, key=public, detached=True)[0] == "key-no-secret"
    assert sorted(os.listdir(tmp_path)) == ["build.pub", "one.snapjar", "one.snapjar.seal"]


def test_a_seal_does_not_take_the_place_of_the_snapshot(one):
    data = one.read_bytes()
    seal_of(one).unlink()
    seal_of(one).symlink_to(one)
    for where in (True, one, seal_of(one)):
        for replace in (False, True):
            assert refused(snapjar.seal, one, key=KEY, detached=where, replace=replace)[0] == "target-unsafe"
    assert one.read_bytes() == data


def test_sealing_waits_for_a_writer(one):
    done = []
    with snapjar.open_writer(one, append=True) as writer:
        sealing = threading.Thread(target=lambda: done.append(snapjar.seal(one, key=KEY, detached=True, replace=True)))
        sealing.start()
        sealing.join(0.1)
        assert not done
        writer.dump(2)
    sealing.join()
    assert done == [2] and read_all(one, trust=TRUST, detached=True) == [{"a": 1}, 2]


def test_a_pipe_keeps_nobody_waiting(one):
    seal_of(one).unlink()
    os.mkfifo(seal_of(one))
    for call in (lambda: snapjar.seal(one, key=KEY, detached=True), lambda: snapjar.unseal(one, detached=True)):
        with pytest.raises(ValueError, match="no regular file"):
            call()
    assert refused(snapjar.load, one, trust=TRUST, detached=True)[0] == "seal-file-invalid"


def test_sealing_inside(one):
    data = one.read_bytes()
    assert snapjar.seal(one, key=KEY) == 1 and snapjar.load(one, trust=KEY) == {"a": 1}
    assert snapjar.seal(one, key=OTHER, context="jobs") == 1
    assert snapjar.load(one, trust=OTHER, context="jobs") == snapjar.load(one, trust=KEY) == {"a": 1}
    assert snapjar.unseal(one, key_id=KEY.id) == 1 and refused(snapjar.load, one, trust=KEY)[0] == "seal-unknown-key"
    assert snapjar.seal(one, key=KEY, replace=True) == 1
    assert refused(snapjar.load, one, trust=OTHER, context="jobs")[0] == "seal-unknown-key"
    assert snapjar.unseal(one, sync=False) == 1 and one.read_bytes() == data
    assert snapjar.unseal(one) == 0
    assert refused(snapjar.open_writer, one, append=True, key=KEY)[0] == "stream-missing"
    assert snapjar.seal(one, key=KEY, stream=True) == 1
    with snapjar.open_writer(one, append=True, key=KEY) as writer:
        writer.dump(2)
    assert read_all(one, trust=KEY) == [{"a": 1}, 2]
    assert snapjar.unseal(one) == 2


def test_contracts(tmp_path):
    from test_migrate import CONTRACT, dump_old, make_class

    make_class("Job", "now")
    contract = snapjar.Contract(json.dumps(CONTRACT).encode())
    path = tmp_path / "job.snapjar"
    old = dump_old(path)
    snapjar.seal(path, key=KEY, detached=True)
    demanded = {"contract": contract, "trust": TRUST, "detached": True}
    assert vars(snapjar.load(path, **demanded))["owner"] is None
    text = seal_of(path).read_bytes()
    assert vars(snapjar.loads(old, **{**demanded, "detached": text}))["owner"] is None
    with pytest.raises(ValueError, match="write_back changes the file"):
        snapjar.load(path, write_back=True, key=KEY, **demanded)
    # Nobody who migrates leaves a seal behind that does not hold, unless told to.
    for keywords in ({}, {"key": KEY}):
        (result,) = snapjar.migrate(path, contract, **keywords)
        assert not result.changed and result.error.diagnostic == "record-sealed"
    with pytest.raises(snapjar.SnapjarError, match="detached seal"):
        snapjar.load(path, contract=contract, write_back=True)
    assert path.read_bytes() == old
    (result,) = fleet.migrate(path, contract).results
    assert (result.verdict, result.diagnostic) == ("failed", "record-sealed")
    (result,) = snapjar.migrate(path, contract, drop_seal=True)
    assert result.changed and path.read_bytes() != old
    assert refused(snapjar.load, path, **demanded)[0] in ("seal-header-altered", "seal-transplanted")
    (result,) = snapjar.migrate(path, contract)
    assert not result.changed and result.error is None
    snapjar.seal(path, key=KEY, detached=True, replace=True)
    assert vars(snapjar.load(path, **demanded))["owner"] is None


def test_fleet(tmp_path):
    folder = tmp_path / "files"
    folder.mkdir()
    for name in ("bare", "changed", "good", "wrong"):
        snapjar.dump({name: 1}, folder / f"{name}.snapjar")
        if name != "bare":
            snapjar.seal(folder / f"{name}.snapjar", key=KEY, detached=True)
    snapjar.dump([1], folder / "changed.snapjar")
    (folder / "wrong.snapjar.seal").write_bytes(b"snapjar detached seal 1\n")
    public = tmp_path / "build.pub"
    public.write_text(KEY.public_text())
    for action in (fleet.verify, fleet.scan):
        report = action(folder, trust=public, detached=True, match="*.snapjar")
        assert [(result.ok, result.diagnostic) for result in report.results] == [
            (False, "seal-missing"), (False, "seal-transplanted"), (True, ""), (False, "seal-file-invalid")]  # fmt: skip
        assert [result.verdict for result in report.results if not result.ok] == ["not-analysed"] * 3
        assert report.results[3].offset == TITLE
        assert report.exit_code != 0
        with pytest.raises(ValueError, match="detached is for a trust"):
            action(folder, detached=True)
        with pytest.raises(TypeError, match="own seal"):
            action(folder, trust=public, detached=str(folder / "good.snapjar.seal"))


def test_fleet_behind_urls(tmp_path):
    """No seal is looked for there, and nothing passes without one."""
    fsspec = pytest.importorskip("fsspec")
    memory = fsspec.filesystem("memory")
    public = tmp_path / "build.pub"
    public.write_text(KEY.public_text())
    memory.pipe_file("/detached/one", snapjar.dumps(1))
    try:
        for action in (fleet.verify, fleet.scan):
            (result,) = action("memory://detached/one", trust=public, detached=True).results
            assert (result.ok, result.verdict, result.diagnostic) == (False, "not-analysed", "seal-missing")
    finally:
        memory.rm("/detached", recursive=True)


def test_threads(many):
    """The seal's text, the keys and the trust are shared."""
    text, data = seal_of(many).read_bytes(), many.read_bytes()
    failures = []

    def work():
        for _ in range(40):
            for source, seal in ((many, True), (data, text)):
                if read_all(source, trust=TRUST, detached=seal) != [0, 1, 2]:
                    failures.append(source)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_no_objects_are_left(one):
    data, text = one.read_bytes(), seal_of(one).read_bytes()
    wrong = text.replace(b"record", b"recorD")
    stripped = text[: text.index(b"signature")]
    cut = memoryview(data)[:-1]
    good = {"trust": TRUST, "detached": text}
    for call in (
        lambda: snapjar.load(one, trust=TRUST, detached=True),
        lambda: snapjar.loads(data, **good),
        lambda: snapjar.verify(data, **good),
        lambda: snapjar.scan(data, **good),
        lambda: snapjar.show(data, **good),
        lambda: snapjar.diff(data, data, trust=TRUST, detached=(text, text)),
        quietly(lambda: snapjar.loads(data, trust=TRUST, detached=wrong), snapjar.SealError),
        quietly(lambda: snapjar.loads(data, trust=TRUST, detached=stripped), snapjar.SealError),
        quietly(lambda: snapjar.show(data, trust=TRUST, detached=stripped), snapjar.SealError),
        quietly(lambda: snapjar.loads(cut, **good), snapjar.IntegrityError),
        quietly(lambda: snapjar.load(one, trust=TRUST, detached="gone"), FileNotFoundError),
        lambda: snapjar.seal(one, key=KEY, detached=True, sync=False),
        quietly(lambda: snapjar.seal("gone", key=KEY, detached=True), FileNotFoundError),
    ):
        assert measured(call, 50) < 0.5
    view = bytearray(text)
    snapjar.loads(data, trust=TRUST, detached=view)
    view.append(0)  # nobody holds it any more
    with pytest.raises(snapjar.SealError):
        snapjar.loads(data, trust=TRUST, detached=view)
