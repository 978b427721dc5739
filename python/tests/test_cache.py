# SPDX-License-Identifier: MIT
"""Cache: what is wrong with an entry is a miss with a logged reason."""

import dataclasses
import sys
import types

import models
import pytest
import snapjar
from models import JOB_CLASSES, Plain, make_job


@pytest.fixture
def cache(tmp_path):
    return snapjar.Cache(tmp_path / "cache", allow=JOB_CLASSES)


def test_set_get_delete(cache):
    assert cache.get("a") is None and cache.get("a", 5) == 5 and "a" not in cache
    cache.set("a", make_job())
    assert cache.get("a").number == 7 and "a" in cache
    cache.set("a", None)
    assert cache.get("a", 5) is None and "a" in cache
    cache.delete("a")
    cache.delete("a")
    assert "a" not in cache


def test_get_or_set(cache):
    made = []
    for _ in range(2):
        assert cache.get_or_set("k", lambda: made.append(1) or "value") == "value"
    assert made == [1]


def is_miss(cache, caplog, diagnostic):
    caplog.clear()
    assert cache.get("a", "miss") == "miss"
    assert f"[{diagnostic}]" in caplog.text and caplog.records[0].name == "snapjar.cache"
    assert cache.get_or_set("a", lambda: "new") == "new" and cache.get("a") == "new"


def test_every_kind_of_bad_entry(cache, caplog, monkeypatch):
    cache.set("a", 1)
    path = cache.path("a")
    path.write_bytes(path.read_bytes()[:-1])
    is_miss(cache, caplog, "record-cut-short")
    path.write_bytes(b"something else")
    is_miss(cache, caplog, "not-snapjar")
    path.write_bytes(b"")
    is_miss(cache, caplog, "empty-file")
    cache.set("a", Plain(a=1))
    is_miss(cache, caplog, "global-denied")
    cache.set("b", 1)
    path.write_bytes(cache.path("b").read_bytes())
    is_miss(cache, caplog, "bad-entry")
    path.write_bytes(snapjar.dumps("a", schema_version=0))
    is_miss(cache, caplog, "bad-entry")
    path.write_bytes(snapjar.dumps(1) * 2)
    is_miss(cache, caplog, "bad-entry")
    cache.set("a", make_job())
    monkeypatch.setattr(models.Job, "__snapjar_schema__", 4)
    assert cache.get("a") is not None  # the root is the entry, its version is the cache's


def test_stale_entries(tmp_path, caplog, monkeypatch):
    module = types.ModuleType("program")
    monkeypatch.setitem(sys.modules, "program", module)

    def define(*fields):
        module.Thing = dataclasses.make_dataclass("Thing", fields)
        module.Thing.__module__ = "program"
        return module.Thing

    cache = snapjar.Cache(tmp_path, allow=["program:Thing"])
    cache.set("a", define("x")(1))
    define("x", "y")
    is_miss(cache, caplog, "layout-differs")
    cache.set("a", module.Thing(1, 2))
    del module.Thing
    is_miss(cache, caplog, "global-missing")
    cache.set("a", 1)
    is_miss(snapjar.Cache(tmp_path, version=2), caplog, "unexpected-type")


def test_other_versions_are_stale(tmp_path, caplog, monkeypatch):
    cache = snapjar.Cache(tmp_path)
    monkeypatch.setattr("snapjar._build.python_version", lambda: "3.5.0")
    snapjar._core.forget()
    cache.set("a", 1)
    monkeypatch.undo()
    snapjar._core.forget()
    is_miss(cache, caplog, "environment-differs")


def test_sealed_entries(tmp_path, caplog):
    key = snapjar.Key.generate("mac")
    sealed = snapjar.Cache(tmp_path, key=key, context="prices")
    sealed.set("a", 1)
    assert sealed.get("a") == 1
    assert snapjar.Cache(tmp_path, trust=key, context="prices").get("a") == 1
    snapjar.Cache(tmp_path).set("b", 2)
    assert sealed.get("b", "miss") == "miss" and "[seal-missing]" in caplog.text
    other = snapjar.Cache(tmp_path, key=snapjar.Key.generate("mac"), context="prices")
    assert other.get("a", "miss") == "miss" and "[seal-unknown-key]" in caplog.text
    assert snapjar.Cache(tmp_path, key=key, context="rates").get("a", "miss") == "miss" and "[seal-context-mismatch]" in caplog.text
    sealed.path("c").parent.mkdir(exist_ok=True)
    sealed.path("c").write_bytes(sealed.path("a").read_bytes())
    assert sealed.get("c", "miss") == "miss" and "is of the key 'a'" in caplog.text


def test_context_needs_a_key(tmp_path):
    with pytest.raises(ValueError, match="none was given"):
        snapjar.Cache(tmp_path, context="prices")
