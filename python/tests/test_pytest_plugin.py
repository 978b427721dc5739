# SPDX-License-Identifier: MIT
"""The pytest plugin, in runs of pytest within."""

import pytest

pytest_plugins = ["pytester"]

TEST = """
import model

def test_job(snapjar_golden):
    loaded = snapjar_golden(model.Job(1, "a"), allow=[model.Job])
    assert loaded.number == 1
"""
MODEL = """
import dataclasses

@dataclasses.dataclass
class Job:
    __snapjar_schema__ = {version}
    {fields}
"""
FIRST = 'number: int\n    text: str = ""'


@pytest.fixture
def run(pytester, monkeypatch):
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    pytester.makepyfile(test_model=TEST)

    def run(version, fields, *options):
        pytester.makepyfile(model=MODEL.format(version=version, fields=fields))
        return pytester.runpytest_subprocess("-p", "snapjar.pytest_plugin", "-p", "no:cacheprovider", *options)

    return run


def test_life_of_a_golden(run, pytester):
    missing = run(1, FIRST)
    missing.assert_outcomes(failed=1)
    missing.stdout.fnmatch_lines(["*no golden snapshot of schema version 1*", "*pytest --snapjar-update*"])
    run(1, FIRST, "--snapjar-update").assert_outcomes(passed=1)
    assert [path.name for path in (pytester.path / "golden").iterdir()] == ["test_model.test_job.v1.snapjar"]
    run(1, FIRST).assert_outcomes(passed=1)

    drifted = run(1, FIRST + "\n    total: int = 0")
    drifted.assert_outcomes(failed=1)
    drifted.stdout.fnmatch_lines(["*only in the class: total*", "*set __snapjar_schema__ = 2*"])

    bumped = run(2, FIRST + "\n    total: int = 0", "--snapjar-update")
    bumped.assert_outcomes(passed=1)
    assert len(list((pytester.path / "golden").iterdir())) == 2
    run(2, FIRST + "\n    total: int = 0").assert_outcomes(passed=1)


def test_old_goldens_must_still_load(run):
    run(1, FIRST, "--snapjar-update").assert_outcomes(passed=1)
    broken = run(2, FIRST + '\n    def __setstate__(self, state):\n        self.__dict__.update(state, total=state["total"])',
                 "--snapjar-update")  # fmt: skip
    broken.assert_outcomes(failed=1)
    broken.stdout.fnmatch_lines(["*does not load yesterday's snapshot*v1.snapjar*", "*KeyError*total*"])


def test_old_goldens_must_have_the_fields_of_today(run):
    run(1, FIRST, "--snapjar-update").assert_outcomes(passed=1)
    new = FIRST + "\n    total: list = dataclasses.field(default_factory=list)\n    unit: list = dataclasses.field(default_factory=list)"
    bare = run(2, new, "--snapjar-update")
    bare.assert_outcomes(failed=1)
    bare.stdout.fnmatch_lines(["*loads without total, unit: *v1.snapjar*", "*schema version 1 do not*__setstate__*"])
    run(2, new + "\n    def __setstate__(self, state):\n        self.__dict__.update({'total': [], 'unit': []}, **state)",
        "--snapjar-update").assert_outcomes(passed=1)  # fmt: skip


def test_other_values_are_named_by_field(run, pytester):
    run(1, FIRST, "--snapjar-update").assert_outcomes(passed=1)
    pytester.makepyfile(test_model=TEST.replace('"a"', '"b"'))
    changed = run(1, FIRST)
    changed.assert_outcomes(failed=1)
    changed.stdout.fnmatch_lines(["*field text: 'a' is stored, the test has 'b'*"])


def test_a_damaged_golden(run, pytester):
    run(1, FIRST, "--snapjar-update").assert_outcomes(passed=1)
    golden = next((pytester.path / "golden").iterdir())
    golden.write_bytes(golden.read_bytes()[:-1])
    damaged = run(1, FIRST)
    damaged.assert_outcomes(failed=1)
    damaged.stdout.fnmatch_lines(["*record-cut-short*"])
