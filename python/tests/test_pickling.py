# SPDX-License-Identifier: MIT
"""What cannot be pickled is named: where it is, and why."""

import socket
import sys
import threading

import pytest
import snapjar
from models import Job, Plain, WithLock

LAMBDA = lambda: 1  # noqa: E731


def fails(value):
    with pytest.raises(snapjar.NotPicklableError) as caught:
        snapjar.dumps(value)
    return caught.value


def test_path_and_reason():
    error = fails({"jobs": [Job(1), Job(2, extra={"deep": (1, WithLock())})]})
    assert error.path == "obj['jobs'][1].extra['deep'][1].lock"
    assert "a lock or thread-local" in str(error) and error.diagnostic == "not-picklable" and error.hint
    assert isinstance(error.__cause__, TypeError)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (threading.Lock, "lock"), (socket.socket, "socket"), (lambda: open(sys.executable, "rb"), "open file"),
        (lambda: LAMBDA, "a lambda"), (lambda: (i for i in ()), "running code"), (lambda: sys, "module"),
        (lambda: memoryview(b""), "bytes(view)"),
    ],
)  # fmt: skip
def test_reasons(make, reason):
    value = make()
    error = fails(Plain(kept=value))
    assert error.path == "obj.kept" and reason in str(error)
    if hasattr(value, "close"):
        value.close()


def test_local_classes():
    class Local:
        pass

    assert "move the class to the module" in str(fails([Local()]))
    assert "move it to the module" in str(fails([Local]))


def test_itself_and_cycles():
    lock = threading.Lock()
    assert fails(lock).path == "obj"
    loop = [1]
    loop += [loop, {"x": loop, "y": lock}]
    assert fails(loop).path == "obj[2]['y']"


def test_keys_and_elements():
    assert "key" in fails({LAMBDA: 1}).path
    assert fails({LAMBDA}).path == "an element of obj"


def test_too_deep():
    deep = []
    for _ in range(100_000):
        deep = [deep]
    assert "recursion limit" in str(fails(deep))
    while deep:
        deep = deep[0]


def test_nothing_is_written(tmp_path):
    with pytest.raises(snapjar.NotPicklableError):
        snapjar.dump(threading.Lock(), tmp_path / "a")
    assert not list(tmp_path.iterdir())
