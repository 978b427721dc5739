# SPDX-License-Identifier: MIT
"""Contracts from Python: migrating in memory and in place, refusing what drifted, and functions for what data cannot say."""

import collections
import dataclasses
import json
import pathlib
import pickle
import sys
import types

import pytest
import snapjar
from concurrent.futures import ThreadPoolExecutor
from snapjar import fleet


def make_class(name: str, fields: str) -> type:
    """A class in a module of its own, that can be made anew with other fields."""
    module = sys.modules.setdefault("snapjar_test_jobs", types.ModuleType("snapjar_test_jobs"))
    made = type(name, (), {"__module__": "snapjar_test_jobs", "__slots__": ("__dict__",), "fields": fields})
    setattr(module, name, made)
    return made


def make(cls: type, **state: object) -> object:
    obj = cls()
    vars(obj).update(state)
    return obj


CONTRACT = {
    "snapjar_contract": 1,
    "type": "snapjar_test_jobs:Job",
    "schema_version": 2,
    "presets": ["plain"],
    "classes": {"snapjar_test_jobs:Job": {"fields": {"id": {"type": "int"}, "status": {"type": "str"}, "owner": {"type": ["str", "none"]}}}},
    "versions": {"1": {"classes": {"snapjar_test_jobs:Job": {"fields": {"id": {}, "state": {}}}}}},
    "migrations": [
        {
            "from": 1,
            "to": 2,
            "steps": [
                {"op": "rename_field", "class": "snapjar_test_jobs:Job", "from": "state", "to": "status"},
                {"op": "add", "class": "snapjar_test_jobs:Job", "field": "owner", "value": None},
            ],
        }
    ],
}


@pytest.fixture
def contract(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "job.json"
    path.write_text(json.dumps(CONTRACT))
    make_class("Job", "now")
    return path


def dump_old(path: pathlib.Path, number: int = 7) -> bytes:
    job = make(sys.modules["snapjar_test_jobs"].Job, id=number, state="run")
    snapjar.dump(job, path, schema_version=1, labels={"host": "n1"})
    return path.read_bytes()


def test_contract_is_read(contract: pathlib.Path) -> None:
    read = snapjar.Contract(contract)
    assert (read.type, read.schema_version) == ("snapjar_test_jobs:Job", 2)
    assert [f"{rule.module}:{rule.name}" for rule in read.policy.rules if rule.module == "snapjar_test_jobs"] == ["snapjar_test_jobs:Job"]
    assert pickle.loads(pickle.dumps(read)).schema_version == 2
    with pytest.raises(snapjar.ContractError, match="line 1"):
        snapjar.Contract(b'{"snapjar_contract": 1}')


def test_load_migrates_and_leaves_the_file(contract: pathlib.Path, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "a.snapjar"
    old = dump_old(path)
    job = snapjar.load(path, contract=contract)
    assert list(vars(job).items()) == [("id", 7), ("status", "run"), ("owner", None)]
    assert path.read_bytes() == old
    with open(path, "rb") as file:
        assert vars(snapjar.load(file, contract=snapjar.Contract(contract)))["owner"] is None
    assert vars(snapjar.loads(old, contract=contract))["status"] == "run"


def test_load_writes_back(contract: pathlib.Path, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "a.snapjar"
    dump_old(path)
    assert snapjar.load(path, contract=contract, write_back=True).owner is None
    header = snapjar.inspect(path)
    assert header.schema_version == 2 and header.labels == {"host": "n1"}
    assert [(entry["from"], entry["to"]) for entry in header.fields["history"]] == [(1, 2)]
    new = path.read_bytes()
    assert snapjar.load(path, contract=contract, write_back=True).owner is None
    assert path.read_bytes() == new
    with open(path, "rb") as file, pytest.raises(ValueError, match="write_back"):
        snapjar.load(file, contract=contract, write_back=True)


def test_functions_follow(contract: pathlib.Path, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "a.snapjar"
    dump_old(path)

    def owner(state: dict) -> dict:
        return {**state, "owner": f"host-{state['id']}"}

    job = snapjar.load(path, contract=contract, migrations={1: owner})
    assert job.owner == "host-7"
    # It was of a later version than that the function is for.
    assert snapjar.load(path, contract=contract, migrations={0: owner}).owner is None
    with pytest.raises(snapjar.ContractError, match="must return a dict.*migration-function"):
        snapjar.load(path, contract=contract, migrations={1: lambda state: None})
    with pytest.raises(ValueError, match="write_back"):
        snapjar.load(path, contract=contract, migrations={1: owner}, write_back=True)


class Slim:
    __slots__ = ("a", "__private")

    def __init__(self, a: object) -> None:
        self.a = a


@dataclasses.dataclass(frozen=True)
class Frozen:
    a: object


class Derived(Slim):
    pass


def test_functions_for_classes(tmp_path: pathlib.Path) -> None:
    slim, frozen, derived = Slim(1), Frozen(2), Derived(3)
    derived.more = [slim]  # type: ignore[attr-defined]
    root = {"x": [slim, (frozen, collections.deque([derived]))], "y": slim, "z": {"k": Slim([frozen])}}
    root["self"] = root
    data = snapjar.dumps(root, type="t", schema_version=3)
    seen: list[object] = []

    def note(state: dict) -> dict:
        seen.append(state["a"])
        return {**state, "a": (state["a"], "noted")}

    name = f"{__name__}:Slim"
    allow = [Slim, Frozen, Derived]
    loaded = snapjar.loads(data, allow=allow, layout="ignore", migrations={3: {name: note, Frozen: [note, note]}})
    assert loaded["x"][0].a == (1, "noted") and loaded["y"] is loaded["x"][0] and loaded["self"] is loaded
    assert loaded["x"][1][1][0].a == 3 and loaded["x"][1][1][0].more[0] is loaded["y"]
    assert loaded["x"][1][0].a == ((2, "noted"), "noted")
    assert seen[0] == 1 and len(seen) == 4
    # Of a later version than the functions are for; and a class of which there is nothing.
    assert snapjar.loads(data, allow=allow, layout="ignore", migrations={2: {name: note}})["y"].a == 1
    assert snapjar.loads(data, allow=allow, layout="ignore", migrations={3: {"app:None": note}})["y"].a == 1
    # Fields go and come.
    gone = snapjar.loads(data, allow=allow, layout="ignore", migrations={3: {name: lambda state: {"_Slim__private": 1}}})
    assert not hasattr(gone["y"], "a") and gone["y"]._Slim__private == 1


def test_functions_that_fail(tmp_path: pathlib.Path) -> None:
    data = snapjar.dumps(Slim(1), schema_version=3)
    name = f"{__name__}:Slim"

    def fails(function: object) -> snapjar.ContractError:
        with pytest.raises(snapjar.ContractError, match="migration-function") as caught:
            snapjar.loads(data, allow=[Slim], layout="ignore", migrations={3: {name: function}})
        return caught.value

    error = fails(lambda state: {}["x"])
    assert isinstance(error.__cause__, KeyError) and error.diagnostic == "migration-function"
    assert "from version 3" in str(error) and name in str(error)
    assert "must return a dict" in str(fails(lambda state: 1))
    assert "cannot hold" in str(fails(lambda state: {"other": 1}))
    for wrong in ([1], {"3": len}, {True: len}, {-1: len}, {3: 1}, {3: {"Slim": len}}, {3: {name: 1}}, {3: {name: [1]}}, {3: {7: len}}):
        with pytest.raises(snapjar.ArgumentError, match="migrations .*invalid-argument"):
            snapjar.loads(data, allow=[Slim], layout="ignore", migrations=wrong)


def test_load_refuses(contract: pathlib.Path, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "a.snapjar"
    job = sys.modules["snapjar_test_jobs"].Job
    snapjar.dump({"a": 1}, path, schema_version=1)
    with pytest.raises(snapjar.ContractError, match="unexpected-type"):
        snapjar.load(path, contract=contract)
    snapjar.dump(make(job, id=1, state="x"), path, schema_version=9)
    with pytest.raises(snapjar.ContractError, match="migration-version"):
        snapjar.load(path, contract=contract)
    snapjar.dump(make(job, id=1, wrong="x"), path, schema_version=1)
    with pytest.raises(snapjar.ContractError, match="migration-layout"):
        snapjar.load(path, contract=contract)
    strict = json.loads(contract.read_text())
    del strict["versions"]
    snapjar.dump(make(job, id=1, owner=None), path, schema_version=1)
    with pytest.raises(snapjar.ContractError, match="it has no \"state\".*step-field-missing"):
        snapjar.load(path, contract=json.dumps(strict).encode())
    snapjar.dump(make(job, id=1, state=make(make_class("Other", ""), x=1)), path, schema_version=1)
    with pytest.raises(snapjar.SnapjarError, match="Other"):
        snapjar.load(path, contract=contract)


def test_dump_refuses_what_drifted(contract: pathlib.Path, tmp_path: pathlib.Path) -> None:
    job = sys.modules["snapjar_test_jobs"].Job
    path = tmp_path / "a.snapjar"
    snapjar.dump(make(job, id=1, status="x", owner=None), path, contract=contract)
    header = snapjar.inspect(path)
    assert (header.type, header.schema_version) == ("snapjar_test_jobs:Job", 2)
    good = path.read_bytes()
    with pytest.raises(snapjar.ContractError, match="the object has id, status, owner, more; the contract has id, status, owner"):
        snapjar.dump(make(job, id=1, status="x", owner=None, more=1), path, contract=contract)
    assert path.read_bytes() == good
    with pytest.raises(snapjar.ContractError, match="status"):
        snapjar.dumps(make(job, id=1, status=5, owner=None), contract=contract)


def test_dump_takes_an_older_version(contract: pathlib.Path, tmp_path: pathlib.Path) -> None:
    job = sys.modules["snapjar_test_jobs"].Job
    path = tmp_path / "a.snapjar"
    snapjar.dump(make(job, id=1, state="x"), path, contract=contract, schema_version=1)
    assert snapjar.inspect(path).schema_version == 1
    with pytest.raises(snapjar.ContractError, match="the object has id, status, owner; the contract has id, state"):
        snapjar.dump(make(job, id=1, status="x", owner=None), path, contract=contract, schema_version=1)
    with pytest.raises(snapjar.ContractError, match="newer"):
        snapjar.dump(make(job, id=1, status="x", owner=None), path, contract=contract, schema_version=9)
    with pytest.raises(TypeError):
        snapjar.Contract(5)  # type: ignore[arg-type]


def test_refused_steps_say_where_they_are(contract: pathlib.Path, tmp_path: pathlib.Path) -> None:
    text = json.loads(contract.read_text())
    text["migrations"][0]["steps"].append({"op": "drop", "class": "snapjar_test_jobs:Job", "field": "gone", "if_missing": "ignore"})
    dump_old(tmp_path / "a.snapjar")
    what = 'migration 1 -> 2, step 2 .drop.: there is nothing of snapjar_test_jobs:Job, field "gone" for it to change'
    with pytest.raises(snapjar.ContractError, match=what):
        snapjar.load(tmp_path / "a.snapjar", contract=json.dumps(text).encode())


def test_what_was_checked_is_written(contract: pathlib.Path, tmp_path: pathlib.Path) -> None:
    job = sys.modules["snapjar_test_jobs"].Job
    path = tmp_path / "a.snapjar"
    asked = []

    def state(self: object) -> dict:
        asked.append(None)
        return {"id": len(asked), "status": "x", "owner": None if len(asked) == 1 else 5}

    changing = job()
    job.__getstate__ = state
    try:
        snapjar.dump(changing, path, contract=contract)
        with open(tmp_path / "b.snapjar", "wb") as file, pytest.raises(snapjar.ContractError, match="owner"):
            snapjar.dump(changing, file, contract=contract)
    finally:
        del job.__getstate__
    assert len(asked) == 2 and vars(snapjar.load(path, contract=contract)) == {"id": 1, "status": "x", "owner": None}
    assert (tmp_path / "b.snapjar").read_bytes() == b""


def test_migrate_files(contract: pathlib.Path, tmp_path: pathlib.Path) -> None:
    paths = [tmp_path / f"{number}.snapjar" for number in range(3)]
    for number, path in enumerate(paths):
        dump_old(path, number)
    paths[1].write_bytes(paths[1].read_bytes()[:-40])
    old = paths[0].read_bytes()
    results = snapjar.migrate([*paths, tmp_path / "none"], contract, backup=True)
    assert [result.changed for result in results] == [True, False, True, False]
    assert results[0].error is None and isinstance(results[1].error, snapjar.IntegrityError)
    assert isinstance(results[3].error, snapjar.FileError)
    assert (tmp_path / "0.snapjar~").read_bytes() == old
    assert vars(snapjar.load(paths[2], contract=contract))["id"] == 2
    again = snapjar.migrate(paths[0], contract)
    assert again == [snapjar.Migrated(str(paths[0]), False, 1, 0, None)]
    (tmp_path / "b.pkl").write_bytes(pickle.dumps([1, 2], 2))
    assert snapjar.migrate(tmp_path / "b.pkl")[0].changed
    assert snapjar.load(tmp_path / "b.pkl") == [1, 2]


def test_fleet(contract: pathlib.Path, tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "jobs"
    folder.mkdir()
    for number in range(5):
        dump_old(folder / f"{number}.snapjar", number)
    (folder / "5.snapjar").write_bytes((folder / "4.snapjar").read_bytes()[:-9])
    with ThreadPoolExecutor(2) as pool:
        report = fleet.migrate(folder, contract, client=pool, batch=2)
    assert report.exit_code == 1
    assert [result.verdict for result in report.results] == ["migrated"] * 5 + ["failed"]
    report = fleet.migrate(folder, contract, match="[0-4].*")
    assert report.exit_code == 0 and {result.verdict for result in report.results} == {"current"}


def test_seals_are_renewed(contract: pathlib.Path, tmp_path: pathlib.Path) -> None:
    key, other = snapjar.Key.generate(), snapjar.Key.generate()
    job = sys.modules["snapjar_test_jobs"].Job
    path = tmp_path / "job.snapjar"

    def seal(by: snapjar.Key) -> None:
        snapjar.dump(make(job, id=7, state="run"), path, schema_version=1, key=by, context="jobs")

    seal(key)
    before = path.read_bytes()
    (result,) = snapjar.migrate(path, contract)
    assert result.error.diagnostic == "record-sealed" and path.read_bytes() == before
    (result,) = snapjar.migrate(path, contract, key=other, context="jobs")
    assert result.error.diagnostic == "seal-unknown-key" and path.read_bytes() == before
    (result,) = snapjar.migrate(path, contract, key=key)
    assert result.error.diagnostic == "seal-context-mismatch" and path.read_bytes() == before
    (result,) = snapjar.migrate(path, contract, key=other, trust=key, context="jobs")
    assert result.error is None and result.changed
    assert snapjar.load(path, allow=[job], trust=other, context="jobs").status == "run"
    assert snapjar.inspect(path).fields["history"][0]["seal"] == "renewed"
    assert result[-3:] == (result.renewed_seals, result.new_seals, result.dropped_seals) == (1, 0, 0)
    with pytest.raises(snapjar.SealError, match="seal-unknown-key"):
        snapjar.load(path, allow=[job], trust=key, context="jobs")
    # What a load writes back.
    seal(key)
    with pytest.raises(ValueError, match="key="):
        snapjar.load(path, contract=contract, write_back=True, trust=key, context="jobs")
    assert snapjar.load(path, contract=contract, write_back=True, trust=key, key=key, context="jobs").status == "run"
    assert snapjar.load(path, contract=contract, trust=key, context="jobs").status == "run"
    snapjar.dump(make(job, id=7, state="run"), path, schema_version=1)
    with pytest.raises(snapjar.SealError, match="seal-missing"):
        snapjar.load(path, contract=contract, write_back=True, trust=key, key=key)
    with pytest.raises(ValueError, match="nothing is written back"):
        snapjar.load(path, contract=contract, key=key)
    with pytest.raises(ValueError, match="context is for"):
        snapjar.migrate(path, contract, context="jobs")


def test_seals_are_counted(contract: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """As the command line counts them; the history says "renewed" of those only that were."""
    key, other = snapjar.Key.generate(), snapjar.Key.generate()
    job = sys.modules["snapjar_test_jobs"].Job
    path = tmp_path / "job.snapjar"
    for sealed, keywords, counts in (
        (True, {"key": key}, (1, 0, 0)),
        (False, {"key": key}, (0, 1, 0)),
        (True, {"key": other, "drop_seal": True}, (0, 1, 1)),
        (True, {"drop_seal": True}, (0, 0, 1)),
        (False, {}, (0, 0, 0)),
    ):
        snapjar.dump(make(job, id=7, state="run"), path, schema_version=1, **({"key": key} if sealed else {}))
        (result,) = snapjar.migrate(path, contract, **keywords)
        assert result.changed and (result.renewed_seals, result.new_seals, result.dropped_seals) == counts
        (entry,) = snapjar.inspect(path).fields["history"]
        assert entry.get("seal") == ("renewed" if counts[0] else None)
        # What is current, and what is refused, has none.
        assert snapjar.migrate(path, contract, **keywords)[0][-3:] == (0, 0, 0)
    snapjar.dump(make(job, id=7, state="run"), path, schema_version=1, key=key)
    snapjar.seal(path, key=key, detached=True)
    (result,) = snapjar.migrate(path, contract, key=key)
    assert result.error.diagnostic == "record-sealed" and result[-3:] == (0, 0, 0)


def test_fleet_renews_seals(contract: pathlib.Path, tmp_path: pathlib.Path) -> None:
    key = snapjar.Key.generate()
    key.save(tmp_path / "build.key", passphrase=None)
    (tmp_path / "build.pub").write_text(key.public_text())
    job = sys.modules["snapjar_test_jobs"].Job
    (tmp_path / "jobs").mkdir()
    snapjar.dump(make(job, id=1, state="run"), tmp_path / "jobs" / "a.snapjar", schema_version=1, key=key)
    snapjar.dump(make(job, id=1, state="run"), tmp_path / "jobs" / "b.snapjar", schema_version=1)
    report = fleet.migrate(tmp_path / "jobs", contract, key=tmp_path / "build.key", trust=tmp_path / "build.pub")
    assert [(pathlib.Path(row.file).name, row.diagnostic) for row in report.results if row.exit_code] == [("b.snapjar", "seal-missing")]
    assert snapjar.load(tmp_path / "jobs" / "a.snapjar", contract=contract, trust=key).status == "run"
    with pytest.raises(TypeError, match="paths"):
        fleet.migrate(tmp_path / "jobs", contract, key=key)
