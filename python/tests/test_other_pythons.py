# SPDX-License-Identifier: MIT
"""The same extension in other versions of Python: those of $SNAPJAR_PYTHONS (divided by colons), or of pyenv."""

import glob
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
import snapjar
from models import JOB_CLASSES, make_job

HERE = str(Path(__file__).parent)
VERSION = "import sys; print(*sys.version_info[:3])"

# Run by each of them in a folder with here.snapjar, written by the Python that runs the tests.
PROGRAM = """
import pickle
import sys
import threading
import warnings

import snapjar
from models import JOB_CLASSES, Plain, Refusing, make_job

for protocol in range(2, 6):
    for compression in ("auto", "raw", "zstd"):
        record = snapjar.dumps(make_job(), protocol=protocol, compression=compression)
        loaded = snapjar.loads(record, allow=JOB_CLASSES)
        assert loaded.number == 7 and loaded.parent is loaded and loaded.steps[0] is loaded.steps[1]
assert snapjar.inspect(record).build["python"] == ".".join(map(str, sys.version_info[:3]))

def refused(error, diagnostic, function):
    try:
        function()
    except error as caught:
        assert caught.diagnostic == diagnostic, caught
        return caught
    raise AssertionError(f"no {error.__name__}")

assert "models:Job" in refused(snapjar.PolicyError, "global-denied", lambda: snapjar.loads(record)).allow
damaged = bytearray(record)
damaged[-30] ^= 1
refused(snapjar.IntegrityError, "payload-checksum-mismatch", lambda: snapjar.loads(damaged, allow=JOB_CLASSES))
locked = refused(snapjar.NotPicklableError, "not-picklable", lambda: snapjar.dumps({"a": [threading.Lock()]}))
assert locked.path == "obj['a'][0]"
refused(snapjar.LoadError, "load-failed", lambda: snapjar.loads(snapjar.dumps(Refusing()), allow=[Refusing]))

buffer = snapjar.loads(snapjar.dumps(pickle.PickleBuffer(bytearray(b"x" * 300_000))))
assert bytes(buffer) == b"x" * 300_000 and not memoryview(buffer).readonly
with snapjar.open_writer("many.snapjar") as writer:
    for number in range(20):
        writer.dump(Plain(number=number))
with snapjar.open_reader("many.snapjar", allow=[Plain]) as reader:
    assert [item.load().number for item in reader] == list(range(20)) and reader[-1].load().number == 19
assert snapjar.verify("many.snapjar") and len(snapjar.scan("many.snapjar")) == 20
assert str(snapjar.diff(snapjar.dumps([1]), snapjar.dumps([2]))) == "~ [0]: 1 -> 2"

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    assert snapjar.load("here.snapjar", allow=JOB_CLASSES).number == 7
[warning] = caught
assert warning.category is snapjar.EnvironmentWarning and "python" in str(warning.message), warning
snapjar.dump(make_job(), "there.snapjar")
print("good")
"""


def find_pythons():
    """{version: program} of those that the extension is for, without the version that runs this."""
    named = [path for path in os.environ.get("SNAPJAR_PYTHONS", "").split(":") if path]
    named = named or sorted(glob.glob(os.path.expanduser("~/.pyenv/versions/*/bin/python")))
    found = {}
    for path in named:
        done = subprocess.run([path, "-c", VERSION], capture_output=True, text=True)
        version = tuple(map(int, done.stdout.split()))
        if version[:2] >= (3, 11) and version[:2] != sys.version_info[:2]:
            found[version] = path
    return found


PYTHONS = find_pythons()


@pytest.mark.skipif(not PYTHONS, reason="no other Python of 3.11 or later: name some in SNAPJAR_PYTHONS")
@pytest.mark.parametrize("version", PYTHONS or [()], ids=lambda version: ".".join(map(str, version)))
def test_another_python(tmp_path, version):
    snapjar.dump(make_job(), tmp_path / "here.snapjar")
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join([str(Path(snapjar.__file__).parents[1]), HERE]))
    done = subprocess.run([PYTHONS[version], "-c", PROGRAM], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "good\n", "")
    there = tmp_path / "there.snapjar"
    with pytest.warns(snapjar.EnvironmentWarning, match=".".join(map(str, version))):
        assert snapjar.load(there, allow=JOB_CLASSES).number == 7
    with pytest.raises(snapjar.EnvironmentMismatchError):
        snapjar.load(there, allow=JOB_CLASSES, environment="refuse")
    with snapjar.open_reader(there) as reader:
        assert pickle.loads(reader[0].pickle()).number == 7
