# SPDX-License-Identifier: MIT
"""show: what is in a snapshot, without its classes."""

import json
import pickle

import pytest
import snapjar
from models import Step, make_job


@pytest.fixture
def path(tmp_path):
    with snapjar.open_writer(tmp_path / "a.snapjar") as writer:
        writer.dump({"first": [1, 2]})
        writer.dump(make_job())
    return tmp_path / "a.snapjar"


def test_text(path):
    for source in (path, path.read_bytes(), open(path, "rb")):
        assert "first" in snapjar.show(source)
    source.close()
    shown = snapjar.show(path, record=1)
    assert "models:Job" in shown and "fetch" in shown and "=> #" in shown


def test_parts_and_limits(path):
    assert "parse" not in snapjar.show(path, record=1, path=".steps[0]")
    assert "fetch" not in snapjar.show(path, record=1, depth=1)
    with pytest.raises(snapjar.NotFoundError) as caught:
        snapjar.show(path, record=1, path=".nowhere")
    assert caught.value.diagnostic == "pickle-path-missing"
    with pytest.raises(snapjar.NotFoundError) as caught:
        snapjar.show(path, record=2)
    assert caught.value.diagnostic == "record-not-found" and caught.value.hint
    with pytest.raises(ValueError):
        snapjar.show(path, encoding="x")


@pytest.mark.parametrize("name", ["depth", "length", "text"])
def test_negative_limits(path, name):
    with pytest.raises(ValueError, match=f"{name} must not be negative, and is -1"):
        snapjar.show(path, **{name: -1})


def test_json(path):
    rows = [json.loads(line) for line in snapjar.show(path, record=1, json=True).splitlines()]
    assert rows[0]["class"] == "models:Job" and rows[0]["denied"]
    record = snapjar.dumps([Step("a"), Step("b")])
    rows = [json.loads(line) for line in snapjar.show(record, json=True, allow=[Step]).splitlines()]
    assert [row["type"] for row in rows] == ["list", "object", "object"] and not any("denied" in row for row in rows)


def test_bare_pickles_and_damage(path):
    assert "hello" in snapjar.show(pickle.dumps(["hello"]))
    with pytest.raises(snapjar.IntegrityError):
        snapjar.show(path.read_bytes()[:-1], record=1)
    with pytest.raises(FileNotFoundError):
        snapjar.show(path.parent / "missing")
