# SPDX-License-Identifier: MIT
"""Keys, trust and sealed records."""

import datetime
import io
import os
import stat
import threading
import warnings

import pytest
import snapjar


@pytest.fixture(scope="module")
def key():
    return snapjar.Key.generate(comment="test")


@pytest.fixture(scope="module")
def trust(key):
    return snapjar.Trust().add(key)


def test_bytes(key, trust):
    data = snapjar.dumps({"a": 1}, key=key)
    assert snapjar.loads(data, trust=trust) == {"a": 1}
    assert snapjar.loads(data) == {"a": 1}
    assert snapjar.loads(memoryview(data), trust=key) == {"a": 1}
    with pytest.raises(snapjar.SealError) as caught:
        snapjar.loads(snapjar.dumps({"a": 1}), trust=trust)
    assert (caught.value.diagnostic, caught.value.offset, caught.value.record) == ("seal-missing", 24, 0)


@pytest.mark.parametrize("place", [b"builtins", b"payload", None])
def test_changed_bytes(key, trust, place):
    """Damage is found by the checksums: what an attacker who mends those can do is tested in C."""
    data = bytearray(snapjar.dumps({"a": 1}, key=key))
    data[data.index(place) if place else len(data) - 30] ^= 1
    with pytest.raises(snapjar.IntegrityError):
        snapjar.loads(bytes(data), trust=trust)


def test_file(key, trust, tmp_path):
    path = tmp_path / "job.snapjar"
    snapjar.dump([1, 2], path, key=key)
    assert snapjar.load(path, trust=trust) == [1, 2]
    assert snapjar.verify(path, trust=trust)
    snapjar.dump([3], path)
    with pytest.raises(snapjar.SealError):
        snapjar.load(path, trust=trust)
    found = snapjar.verify(path, trust=trust)
    assert not found and found.error.diagnostic == "seal-missing"
    file = io.BytesIO()
    snapjar.dump("x", file, key=key)
    assert snapjar.load(io.BytesIO(file.getvalue()), trust=trust) == "x"


def test_key_files(tmp_path, key):
    path = tmp_path / "build.key"
    key.save(path, passphrase=None)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    again = snapjar.Key(path)
    assert (again.id, again.algorithm, again.comment, again.has_secret) == (key.id, "ed25519", "test", True)
    with pytest.raises(snapjar.FileError):
        key.save(path, passphrase=None)
    os.chmod(path, 0o644)
    with pytest.raises(snapjar.SnapjarError) as caught:
        snapjar.Key(path)
    assert caught.value.diagnostic == "key-file-mode"
    public = tmp_path / "build.pub"
    public.write_text(key.public_text())
    assert not snapjar.Key(public).has_secret
    assert snapjar.loads(snapjar.dumps(1, key=key), trust=public) == 1
    with pytest.raises(snapjar.SnapjarError) as caught:
        snapjar.dumps(1, key=public)
    assert caught.value.diagnostic == "key-no-secret"


def test_passphrase(tmp_path):
    path = tmp_path / "locked.key"
    key = snapjar.Key.generate("mac")
    key.save(path, passphrase="open sesame")
    for passphrase, diagnostic in ((None, "key-passphrase-needed"), ("no", "key-passphrase-wrong")):
        with pytest.raises(snapjar.SnapjarError) as caught:
            snapjar.Key(path, passphrase=passphrase)
        assert caught.value.diagnostic == diagnostic
    assert snapjar.Key(path, passphrase=b"open sesame").id == key.id


def test_trust_file(tmp_path, key):
    path = tmp_path / "trust.json"
    mac = snapjar.Key.generate("mac")
    public = [line for line in key.public_text().splitlines() if line.startswith("public ")][0].split()[1]
    path.write_text(
        '{"snapjar_trust": 1, "keys": [{"ed25519": "%s", "types": ["builtins:list"]}, {"mac": "%s", "types": "any"}]}'
        % (public, mac.id)
    )
    trust = snapjar.Trust.read(path, keys=[mac])
    assert trust.key_ids == (key.id, mac.id)
    assert snapjar.loads(snapjar.dumps({}, key=mac), trust=trust) == {}
    assert snapjar.loads(snapjar.dumps([], key=key), trust=path) == []
    with pytest.raises(snapjar.SealError) as caught:
        snapjar.loads(snapjar.dumps({}, key=key), trust=trust)
    assert caught.value.diagnostic == "seal-type-denied"
    text = '{"snapjar_trust": 1, "keys": [], "more": 1}'
    path.write_text(text)
    with pytest.raises(snapjar.SnapjarError) as caught:
        snapjar.Trust.read(path)
    assert (caught.value.diagnostic, caught.value.offset) == ("trust-invalid", text.index("1}"))


def test_conditions(key):
    data = snapjar.dumps([], key=key, context="queue")
    past = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)
    for keywords, diagnostic in (
        ({"not_after": past}, "seal-key-expired"),
        ({"not_before": "2999-01-01T00:00:00Z"}, "seal-key-not-yet-valid"),
        ({"types": [dict]}, "seal-type-denied"),
    ):
        with pytest.raises(snapjar.SealError) as caught:
            snapjar.loads(data, trust=snapjar.Trust().add(key, **keywords), context="queue")
        assert caught.value.diagnostic == diagnostic
    assert snapjar.loads(data, trust=snapjar.Trust().add(key, context="queue")) == []
    with pytest.raises(snapjar.SealError) as caught:
        snapjar.loads(data, trust=key)
    assert caught.value.diagnostic == "seal-context-mismatch"


def test_records(tmp_path, key, trust):
    path = tmp_path / "log.snapjar"
    with snapjar.open_writer(path, key=key) as writer:
        for i in range(3):
            writer.dump(i)
    with snapjar.open_writer(path, append=True, key=key) as writer:
        writer.dump(3)
        writer.write(snapjar.dumps(4))
    with snapjar.open_reader(path, trust=trust) as reader:
        assert [record.load() for record in reader] == [0, 1, 2, 3, 4]
        assert reader[2].load() == 2
    data = path.read_bytes()
    with snapjar.open_reader(path) as reader:
        places = [(r.header.offset, r.header.offset + r.header.record_size) for r in reader]
    cut = b"".join(data[places[i][0] : places[i][1]] for i in (0, 1, 3, 4))
    with pytest.raises(snapjar.SealError) as caught:
        list(snapjar.open_reader(cut, trust=trust))
    assert (caught.value.diagnostic, caught.value.record) == ("seal-records-missing", 2)


def test_unsealed_behind_sealed(tmp_path, key):
    path = tmp_path / "log.snapjar"
    with snapjar.open_writer(path, key=key) as writer:
        writer.dump(0)
    sealed = path.read_bytes()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with snapjar.open_writer(path, append=True):
            pass
        with snapjar.open_writer(path, append=True) as writer:
            writer.write(snapjar.dumps(1, key=key))
        path.write_bytes(sealed)
        writer = snapjar.open_writer(path, append=True)
        writer.dump(1)
        writer.abort()
    assert path.read_bytes() == sealed
    with pytest.warns(snapjar.SealWarning, match=r"log\.snapjar: the record before is sealed") as caught:
        with snapjar.open_writer(path, append=True) as writer:
            writer.dump(1)
            writer.write(snapjar.dumps(2))
    assert len(caught) == 1 and caught[0].filename == __file__
    assert len(list(snapjar.open_reader(path))) == 3
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # only what comes right behind a seal
        with snapjar.open_writer(path, append=True) as writer:
            writer.dump(3)


def test_append_to_unsealed(tmp_path, key):
    path = tmp_path / "log.snapjar"
    snapjar.dump(1, path)
    with pytest.raises(snapjar.SnapjarError) as caught:
        snapjar.open_writer(path, append=True, key=key)
    assert caught.value.diagnostic == "stream-missing"
    assert snapjar.load(path) == 1


def test_serializer(key, trust):
    sealing = snapjar.Serializer(key=key, trust=trust, context="jobs")
    assert sealing.loads(sealing.dumps({"a": [1]})) == {"a": [1]}
    other = snapjar.Serializer(key=key, trust=trust, context="mails")
    for data in (snapjar.dumps({"a": [1]}), other.dumps({"a": [1]})):
        with pytest.raises(snapjar.SealError):
            sealing.loads(data)


def test_arguments(key, trust):
    with pytest.raises(ValueError):
        snapjar.dumps(1, context="x")
    with pytest.raises(ValueError):
        snapjar.loads(snapjar.dumps(1), context="x")
    with pytest.raises(ValueError):
        snapjar.Serializer(context="x")
    with pytest.raises(ValueError):
        snapjar.Key.generate("rsa")
    with pytest.raises(TypeError):
        snapjar.Trust().add(key, types="app:T")
    with pytest.raises(ValueError):
        snapjar.Trust().add(key, types=[])
    with pytest.raises(snapjar.ArgumentError):
        snapjar.dumps(1, key=[key, key])


def test_migrations_do_not_go_around_a_seal(tmp_path, key, trust):
    def twice(state):
        return state

    sealed, plain = snapjar.dumps({"a": 1}, key=key), snapjar.dumps({"a": 1})
    assert snapjar.loads(sealed, trust=trust, migrations={7: twice}) == {"a": 1}
    path = tmp_path / "job.snapjar"
    path.write_bytes(plain)
    with pytest.raises(snapjar.SealError):
        snapjar.loads(plain, trust=trust, migrations={7: twice})
    with pytest.raises(snapjar.SealError):
        snapjar.load(path, trust=trust, migrations={7: twice})
    with pytest.raises(ValueError):
        snapjar.load(path, trust=trust, write_back=True)


def test_threads(key, trust):
    """Keys and trust are shared: nothing in them changes."""
    failures = []

    def work(number):
        for i in range(50):
            if snapjar.loads(snapjar.dumps([number, i], key=key), trust=trust) != [number, i]:
                failures.append((number, i))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_what_looks_without_loading(tmp_path, key):
    """inspect, scan, show, diff and the fleet demand seals as load does."""
    from snapjar import fleet

    other = snapjar.Key.generate()
    sealed, plain = tmp_path / "sealed.snapjar", tmp_path / "plain.snapjar"
    snapjar.dump({"a": 1}, sealed, key=key, context="jobs")
    snapjar.dump({"a": 2}, plain)
    good = {"trust": key, "context": "jobs"}
    assert snapjar.inspect(sealed, **good).type == "builtins:dict"
    assert snapjar.scan(sealed, **good)[0].ok and snapjar.scan(sealed.read_bytes(), **good)[0].ok
    assert snapjar.show(sealed, **good) == "{'a': 1}\n"
    assert not snapjar.diff(sealed, sealed.read_bytes(), **good)
    for source, wrong, diagnostic in (
        (sealed, {"trust": other}, "seal-unknown-key"),
        (sealed, {"trust": key}, "seal-context-mismatch"),
        (plain, {"trust": key}, "seal-missing"),
        (snapjar.dumps([1]), {"trust": key}, "seal-missing"),
    ):
        for look in (snapjar.inspect, snapjar.show, lambda source, **more: snapjar.diff(source, sealed, **more)):
            with pytest.raises(snapjar.SealError) as caught:
                look(source, **wrong)
            assert caught.value.diagnostic == diagnostic
        (found,) = snapjar.scan(source, **wrong)
        assert (found.verdict, found.failure.diagnostic) == ("not-analysed", diagnostic)
    (tmp_path / "build.pub").write_text(key.public_text())
    job = {"trust": tmp_path / "build.pub", "context": "jobs", "match": "*.snapjar"}
    for report in (fleet.verify(tmp_path, **job), fleet.scan(tmp_path, **job)):
        assert report.results[0].diagnostic == "seal-missing"
        assert [result.ok for result in report.results] == [False, True]
    with pytest.raises(TypeError, match="paths"):
        fleet.scan(tmp_path, trust=key)
    for look in (snapjar.inspect, snapjar.scan, snapjar.show):
        with pytest.raises(ValueError, match="context"):
            look(sealed, context="jobs")
