# SPDX-License-Identifier: MIT
"""What is not allowed is not imported, not looked up, not called: and said in full."""

import copyreg
import os
import pickle
import subprocess
import sys

import pytest
import snapjar
from models import JOB_CLASSES, Job, Plain, State, make_job


def pack(pickled: bytes) -> bytes:
    """A record around any pickle, as somebody else's tool makes it."""

    tool = os.environ.get("SNAPJAR")
    if not tool:
        pytest.skip("needs the command line")
    return subprocess.run([tool, "pack", "-t", "any:Thing", "-o", "-", "-"], input=pickled, capture_output=True,
                          check=True).stdout  # fmt: skip


def test_all_denials_at_once_and_the_line_to_add():
    with pytest.raises(snapjar.PolicyError) as caught:
        snapjar.loads(snapjar.dumps(make_job()))
    error = caught.value
    assert isinstance(error, pickle.UnpicklingError) and isinstance(error, snapjar.SnapjarError)
    assert error.diagnostic == "global-denied" and error.space == "content" and error.hint
    assert {"models:Job", "models:Step"} < set(error.allow)
    assert error.offset == error.denials[0].offset == min(denial.offset for denial in error.denials)
    assert 'allow=["models:Job"' in str(error)
    by_name = {denial.global_name: denial for denial in error.denials}
    assert set(by_name["models:Job"].uses) == {"import", "new", "build"}
    assert snapjar.loads(snapjar.dumps(make_job()), allow=error.allow).number == 7


def test_nothing_is_imported_before_it_is_allowed():
    hostile = b"\x80\x04\x8c\x0bantigravity\x8c\x03fly\x93)R."
    with pytest.raises(snapjar.PolicyError) as caught:
        snapjar.loads(pack(hostile))
    assert caught.value.allow == ("antigravity:fly",)
    assert "antigravity" not in sys.modules


def test_part_of_the_uses():
    record = snapjar.dumps(Plain(a=1))
    with pytest.raises(snapjar.PolicyError) as caught:
        snapjar.loads(record, allow=["models:Plain=new"])
    assert caught.value.denials[0].uses == ("build",)
    assert snapjar.loads(record, allow=["models:Plain=new,build"]).a == 1


def test_given_classes_are_the_very_ones(monkeypatch):
    class Impostor(Job):
        pass

    record = snapjar.dumps(make_job())
    monkeypatch.setattr("models.Job", Impostor)
    assert type(snapjar.loads(record, allow=JOB_CLASSES)) is Job
    assert type(snapjar.loads(record, allow=["models:Job", *JOB_CLASSES[1:]])) is Impostor


def test_modules_that_change_between_loads_are_followed(monkeypatch):
    record = snapjar.dumps(Plain(a=1))
    policy = snapjar.Policy(["models:Plain"])
    assert type(snapjar.loads(record, policy=policy)) is Plain

    class Other:
        pass

    monkeypatch.setattr("models.Plain", Other)
    assert type(snapjar.loads(record, policy=policy)) is Other
    monkeypatch.delattr("models.Plain")
    with pytest.raises(snapjar.MissingError) as caught:
        snapjar.loads(record, policy=policy)
    assert caught.value.missing == ("models:Plain",)


def test_enumerations_are_looked_up_not_got():
    """Some versions of Python write members as getattr(class, name): what is not a member is not found that way."""
    evil = b"\x80\x04\x8c\x08builtins\x8c\x07getattr\x93\x8c\x06models\x8c\x05State\x93\x8c\x09__class__\x86R."
    with pytest.raises(snapjar.PolicyError) as caught:
        snapjar.loads(pack(evil), allow=[State])
    assert caught.value.allow == ("models:State.__class__",)
    good = evil.replace(b"\x8c\x09__class__", b"\x8c\x07RUNNING")
    assert snapjar.loads(pack(good), allow=[State]) is State.RUNNING
    assert snapjar.loads(pack(good), allow=["models:State", "models:State.RUNNING"]) is State.RUNNING
    with pytest.raises(snapjar.MissingError) as caught:
        snapjar.loads(pack(evil.replace(b"\x8c\x09__class__", b"\x8c\x04gone")), allow=["models:State", "models:State.gone"])
    assert caught.value.missing == ("models:State.gone",)


def test_nested_classes_of_older_protocols():
    """Below protocol 4 a nested class is getattr(Outer, "Inner")."""
    for protocol in (2, 3):
        record = snapjar.dumps(Outer.Inner(1), protocol=protocol)
        assert snapjar.loads(record, allow=[Outer.Inner, f"{__name__}:Outer"]).value == 1


def test_extension_codes_stay_closed():
    copyreg.add_extension("models", "Plain", 0xF1)
    try:
        copyreg._extension_cache[0xF1] = os.getcwd  # what a warm cache would hand out without asking
        with pytest.raises(snapjar.PolicyError) as caught:
            snapjar.loads(pack(b"\x80\x02\x82\xf1)R."), allow=[Plain])
        assert caught.value.diagnostic == "extension-denied"
        mapped = snapjar.Policy(["models:Plain"], text='{"snapjar_policy": 1, "extensions": {"241": "models:Plain"}}')
        with pytest.raises(snapjar.PolicyError):
            snapjar.loads(pack(b"\x80\x02\x82\xf1)R."), policy=mapped)
    finally:
        copyreg._extension_cache.pop(0xF1, None)
        copyreg.remove_extension("models", "Plain", 0xF1)


def test_persistent_ids_stay_closed():
    with pytest.raises(snapjar.PolicyError) as caught:
        snapjar.loads(pack(b"\x80\x02K\x01Q."))
    assert caught.value.diagnostic == "persistent-id-denied"
    allowed = snapjar.Policy(text='{"snapjar_policy": 1, "persistent_ids": true}')
    with pytest.raises(snapjar.LoadError):
        snapjar.loads(pack(b"\x80\x02K\x01Q."), policy=allowed)


def test_the_memo_does_not_outlive_a_pickle():
    assert snapjar.loads(snapjar.dumps(["first"])) == ["first"]
    with pytest.raises(snapjar.SnapjarError):
        snapjar.loads(pack(b"\x80\x02h\x00."))


def test_presets_can_be_left_out():
    with pytest.raises(snapjar.PolicyError):
        snapjar.loads(snapjar.dumps({1, 2}, protocol=2), policy=snapjar.Policy(presets=[]))


def test_python_2_names_are_mapped():
    old = b"\x80\x02ccopy_reg\n_reconstructor\ncmodels\nPlain\nc__builtin__\nobject\nN\x87R}U\x01aK\x01sb."
    assert snapjar.loads(pack(old), allow=[Plain]).a == 1


def test_dotted_names():
    record = snapjar.dumps(Outer.Inner(1))
    with pytest.raises(snapjar.PolicyError) as caught:
        snapjar.loads(record, allow=["test_policy:Outer"])
    assert caught.value.allow == (f"{__name__}:Outer.Inner",)
    for _ in range(2):
        assert snapjar.loads(record, allow=[f"{__name__}:Outer.Inner"]).value == 1


class Outer:
    class Inner:
        def __init__(self, value):
            self.value = value


def test_policy_files(tmp_path):
    path = tmp_path / "policy.json"
    path.write_text('{"snapjar_policy": 1, "presets": ["plain"], "allow": {"models:Plain": ["new", "build"]}}')
    policy = snapjar.Policy(presets=[], file=path)
    assert snapjar.loads(snapjar.dumps(Plain(a=1)), policy=policy).a == 1
    rules = {(rule.module, rule.name): rule for rule in policy.rules}
    assert rules["models", "Plain"].uses == ("import", "new", "build")
    with pytest.raises(snapjar.SnapjarError) as caught:
        snapjar.Policy(text="{")
    assert caught.value.diagnostic == "json-syntax"
    with pytest.raises(ValueError):
        snapjar.Policy(presets=["nope"])
    with pytest.raises(TypeError):
        snapjar.Policy(presets="plain")
    with pytest.raises(TypeError, match="does not change"):
        policy._allow("a:b", 1)


def test_presets_are_listed():
    names = {preset.name: preset for preset in snapjar.presets()}
    assert names["plain"].is_default and not names["sklearn"].is_default and names["plain"].summary


def test_local_classes_cannot_be_allowed():
    class Local:
        pass

    with pytest.raises(ValueError, match="cannot be imported"):
        snapjar.Policy([Local])


def test_scan_says_what_a_load_would():
    record = snapjar.dumps(make_job())
    [denied] = snapjar.scan(record)
    assert denied.verdict == "denied" and not denied.ok and len(denied.denials) >= 4
    [allowed] = snapjar.scan(record, allow=JOB_CLASSES)
    assert allowed.ok and allowed.failure is None
    fields = {item.name: item.fields for item in allowed.globals}
    assert fields["models:Step"] == ("name", "seconds")


def test_scan_of_other_files(tmp_path):
    import gzip

    pickles = pickle.dumps(1) + pickle.dumps(os.getcwd)
    path = tmp_path / "several.pkl.gz"
    path.write_bytes(gzip.compress(pickles))
    for source in (pickles, path, open(path, "rb")):
        verdicts = [result.verdict for result in snapjar.scan(source)]
        assert verdicts == ["allowed", "denied"]
    source.close()
    results = snapjar.scan(pickles + b"\xff")
    assert [result.verdict for result in results] == ["allowed", "denied", "not-analysed"]
    assert results[-1].failure.diagnostic == "pickle-opcode-unknown"
    with pytest.raises(snapjar.IntegrityError) as caught:
        snapjar.scan(b"no pickle at all")
    assert caught.value.diagnostic == "input-not-pickle"
    with pytest.raises(ValueError):
        snapjar.scan(pickles, encoding="utf-16")
