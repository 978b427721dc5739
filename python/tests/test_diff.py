# SPDX-License-Identifier: MIT
"""diff: what changed between two pickles, without their classes."""

import json
import os
import pickle
import subprocess
import textwrap
import threading

import pytest
import snapjar
from models import Plain, Step, make_job

SHARED = [1]


def pair():
    """Two values with every kind of change between them."""
    before = {"name": "nightly", "count": 3, "gone": None, "a": SHARED, "b": SHARED, "c": SHARED, "d": list(SHARED),
              "steps": [Step("x"), Step("y")]}  # fmt: skip
    after = {"name": "weekly", "count": "3", "new": (), "a": SHARED, "b": list(SHARED), "c": SHARED, "d": SHARED,
             "steps": [Step("x"), Step("y")]}  # fmt: skip
    del after["steps"][1].seconds
    after["steps"][0].__dict__["retries"] = 2
    return before, after


@pytest.fixture
def paths(tmp_path):
    for name, value in zip(("before", "after"), pair()):
        (tmp_path / name).write_bytes(pickle.dumps(value, 4))
    return tmp_path / "before", tmp_path / "after"


def test_how_it_was_pickled_makes_no_difference():
    value = make_job()
    for protocol in range(6):
        found = snapjar.diff(pickle.dumps(value, protocol), snapjar.dumps(value))
        assert not found and len(found) == 0 and not found.layout_changes and str(found) == ""


def test_changes():
    first, second = (pickle.dumps({"a": [1, text]}, 4) for text in ("é", "other"))
    found = snapjar.diff(first, second)
    assert list(found) == [snapjar.Change("value", "['a'][1]", "'é'", "'other'", first.index("é".encode()) - 2,
                                          second.index(b"other") - 2)]  # fmt: skip
    assert found and found[0].path == "['a'][1]" and found[:1] == tuple(found) and found.layout_changes == ()
    assert str(found) == "~ ['a'][1]: 'é' -> 'other'"
    assert str(snapjar.diff(pickle.dumps(1), pickle.dumps("x"))) == "~ (the whole): 1 -> 'x'  (another type)"


def test_what_is_absent_is_none():
    found = {change.kind: change for change in snapjar.diff(*map(pickle.dumps, pair()))}
    assert set(found) == {"value", "type", "added", "removed", "copied", "shared"}
    added, removed = found["added"], found["removed"]
    assert (added.path, added.before, added.after, added.before_offset) == ("['new']", None, "()", None)
    assert (removed.path, removed.before, removed.after, removed.after_offset) == ("['gone']", "None", None, None)
    assert added.after_offset > 0 and removed.before_offset > 0


def test_layout_changes():
    found = snapjar.diff(pickle.dumps([Plain(x=1), Plain(x=2)]), pickle.dumps([Plain(x=1, y=3), Plain(x=2)]))
    assert found and len(found) == 0 and found.change_count == 0
    assert found.layout_changes == (snapjar.LayoutChange("added", "models:Plain", "y", 1, 2, "[0]", "3"),)
    assert str(found) == "+ class models:Plain: field y added in 1 of 2 objects; first at [0] = 3"
    found = snapjar.diff(pickle.dumps(Plain(x=1, y=3)), pickle.dumps(Plain(x=1)))
    assert str(found) == "- class models:Plain: field y removed in its one object; first at the whole = 3"
    found = snapjar.diff(pickle.dumps([Plain(), Plain()]), pickle.dumps([Plain(z=1), Plain(z=1)]))
    assert str(found) == "+ class models:Plain: field z added in all 2 objects; first at [0] = 1"


@pytest.mark.parametrize("most", [None, 1, 5])
def test_prints_as_the_command_line_does(paths, most):
    limit = ["-n", str(most)] if most else []
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    done = subprocess.run([os.environ["SNAPJAR"], "diff", *limit, *paths], capture_output=True, text=True, env=environment)
    assert done.returncode == 1
    lines = textwrap.dedent(done.stdout.partition("\n")[2]).splitlines()
    assert str(snapjar.diff(*paths, max_changes=most or 0)).splitlines() == lines and len(lines) > 3 - (most or 0)


def test_limit(paths):
    whole = snapjar.diff(*paths)
    count = len(whole)
    assert whole.change_count == count == 6 and len(whole.layout_changes) == 2
    assert list(snapjar.diff(*paths, max_changes=count)) == list(whole)
    cut = snapjar.diff(*paths, max_changes=count - 1)
    assert list(cut) == list(whole)[:-1] and cut.change_count == count and cut.layout_changes == whole.layout_changes
    assert str(cut).splitlines()[-1] == "... 1 more change"
    lists = pickle.dumps([0] * 2000), pickle.dumps([1] * 2000)
    assert len(snapjar.diff(*lists)) == 1000 and snapjar.diff(*lists).change_count == 2000
    with pytest.raises(ValueError):
        snapjar.diff(*paths, max_changes=-1)


def test_sources(paths):
    whole = list(snapjar.diff(*paths))
    with open(paths[0], "rb") as before, open(paths[1], "rb") as after:
        assert list(snapjar.diff(before, after)) == whole
    assert list(snapjar.diff(memoryview(paths[0].read_bytes()), str(paths[1]))) == whole


def test_records_and_encoding(tmp_path):
    path = tmp_path / "a"
    with snapjar.open_writer(path) as writer:
        writer.dump(1)
        writer.dump(2)
    assert not snapjar.diff(path, pickle.dumps(1), record=0)
    assert snapjar.diff(path, path, record=1).change_count == 0
    for sides, name in (((path, pickle.dumps(1)), "after"), ((pickle.dumps(1), path), "before")):
        with pytest.raises(snapjar.NotFoundError, match=f"^{name}: no record 1") as caught:
            snapjar.diff(*sides, record=1)
        assert caught.value.diagnostic == "record-not-found" and caught.value.place == name
    old, new = b"U\x01\xe9.", pickle.dumps("é")
    assert not snapjar.diff(old, new, encoding="latin1") and snapjar.diff(old, new, encoding="bytes")
    for wrong in ({"encoding": "x"}, {"record": -1}, {"effort": -1}):
        with pytest.raises(ValueError):
            snapjar.diff(old, new, **wrong)


def write(path, *records):
    with snapjar.open_writer(path) as writer:
        for obj, keywords in records:
            writer.dump(obj, **keywords)
    return path


def test_all_records_and_their_headers(tmp_path):
    before = write(tmp_path / "before", ([1], {"type": "a:A"}), ("same", {}), ({"x": 1}, {"schema_version": 1}), (4, {}))
    after = write(tmp_path / "after", ([2], {"type": "a:B\n"}), ("same", {}), ({"x": 1}, {"schema_version": 2}))
    found = snapjar.diff(before, after)
    assert [(change.path, change.record) for change in found] == [("[0]", 0)]
    assert found.header_changes == (snapjar.HeaderChange("type", "a:A", "a:B\n", 0),
                                    snapjar.HeaderChange("schema_version", 1, 2, 2))  # fmt: skip
    assert found.record_changes == (snapjar.RecordChange("removed", 3),)
    assert (found.record_count, found.change_count) == (3, 1)
    assert str(found) == textwrap.dedent("""\
        record 0
          ~ header: type: a:A -> a:B\\n
          ~ [0]: 1 -> 2
        record 2
          ~ header: schema_version: 1 -> 2
        record 3 is only in before""")
    assert not snapjar.diff(before, after, record=1)
    assert snapjar.diff(before, after, record=2).header_changes == found.header_changes[1:]
    assert snapjar.diff(after, before).record_changes == (snapjar.RecordChange("added", 3),)
    assert str(snapjar.diff(after, before)).endswith("record 3 is only in after")
    assert not snapjar.diff(before, before) and snapjar.diff(before, before).record_count == 4


def test_changes_are_limited_by_record(tmp_path):
    path = write(tmp_path / "a", ([1, 2, 3], {}), ([4, 5, 6], {}))
    found = snapjar.diff(path, write(tmp_path / "b", ([0, 0, 0], {}), ([0, 0, 0], {})), max_changes=2)
    assert [change.record for change in found] == [0, 0, 1, 1] and found.change_count == 6
    assert str(found).count("... 1 more change") == 2


def test_the_same_as_the_command_line_says(tmp_path):
    before = write(tmp_path / "before", (make_job(), {}), (1, {"type": "a:A"}), (2, {}))
    after = write(tmp_path / "after", (make_job(), {"schema_version": 4}), (2, {"type": "a:B"}))
    done = subprocess.run([os.environ["SNAPJAR"], "diff", "--json", before, after], capture_output=True, text=True)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    found = snapjar.diff(before, after)
    told = {kind: [row for row in rows if row["kind"] == kind] for kind in ("change", "header-change", "record-change")}
    assert [(row["record"], row["path"], row["after"]) for row in told["change"]] == [
        (change.record, change.path, change.after) for change in found]  # fmt: skip
    assert [(row["record"], row["field"], row["before"], row["after"]) for row in told["header-change"]] == [
        (change.record, change.field, str(change.before), str(change.after)) for change in found.header_changes]  # fmt: skip
    assert [(row["record"], row["change"]) for row in told["record-change"]] == [
        (change.record, change.kind) for change in found.record_changes]  # fmt: skip
    assert all(told.values())


def test_effort():
    # Each of the lists stands beside each of the other file's, and is compared with all of them.
    count = 40
    sides = []
    for number in range(2):
        lists = [[1000 * index + item + number for item in range(200)] for index in range(count)]
        sides.append(pickle.dumps([lists[(i, j)[number]] for i in range(count) for j in range(count)]))
    with pytest.raises(snapjar.LimitError, match="limit of 1 steps for each value") as caught:
        snapjar.diff(*sides, effort=1)
    assert (caught.value.diagnostic, caught.value.status, caught.value.offset) == ("pickle-diff-limit", "limit", None)
    assert snapjar.diff(*sides, effort=64).change_count == snapjar.diff(*sides).change_count > count**2 - count


def test_errors_name_the_side(tmp_path):
    good, bad = snapjar.dumps([1, 2]), snapjar.dumps([1, 2])[:-1]
    for sides, name in (((bad, good), "before"), ((good, bad), "after")):
        with pytest.raises(snapjar.IntegrityError) as caught:
            snapjar.diff(*sides)
        assert (caught.value.diagnostic, caught.value.offset, caught.value.place) == ("record-cut-short", len(bad), name)
    with pytest.raises(FileNotFoundError) as caught:
        snapjar.diff(good, tmp_path / "missing")
    assert caught.value.filename == str(tmp_path / "missing")
    for sides in ((1, good), (good, 1)):
        with pytest.raises(TypeError):
            snapjar.diff(*sides)


def test_odd_texts():
    for text in ("\ud800", "\x1b[31m", "é" * 100_000, "\U0001f40d" * 100_000):
        found = snapjar.diff(pickle.dumps({text: 1}), pickle.dumps({text: 2}))
        assert len(found) == 1 and "\x1b" not in found[0].path and found[0].path.encode()


def test_from_many_threads(paths):
    whole = str(snapjar.diff(*paths))
    results = []
    threads = [threading.Thread(target=lambda: results.extend(str(snapjar.diff(*paths)) for _ in range(50))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [whole] * 200


def test_a_class_with_another_name() -> None:
    def pickled(module: str, value: int) -> bytes:
        return b"\x80\x02c" + module.encode() + b"\nJob\n)\x81}X\x01\0\0\0aK" + bytes([value]) + b"sb."

    result = snapjar.diff(pickled("app", 1), pickled("new", 2))
    (change,) = result.layout_changes
    assert change[:3] == ("renamed", "app:Job", "") and change.new_name == "new:Job" and change.value == ""
    assert str(result) == "~ .a: 1 -> 2\n~ class app:Job: new:Job now, in its one object; first at the whole"
