# SPDX-License-Identifier: MIT
"""Many files in one report: here, in pools, over URLs, and on a cluster of two processes."""

import concurrent.futures
import importlib.util
import json
import multiprocessing
import os
import pickle
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import snapjar
from models import JOB_CLASSES, JOB_NAMES, make_job
from snapjar import fleet

HERE = str(Path(__file__).parent)
SANITIZED = "libasan" in os.environ.get("LD_PRELOAD", "")
EVIL = b"cos\nsystem\n(S'true'\ntR."
GOOD = snapjar.dumps({"a": [1, 2, 3]})
JOB = snapjar.dumps(make_job())
PLAIN = pickle.dumps([1, 2, 3], 4)
FLIPPED = GOOD[:40] + bytes([GOOD[40] ^ 1]) + GOOD[41:]


def vector(name):
    return (Path(os.environ["SNAPJAR_VECTORS"]) / f"{name}.snapjar").read_bytes()


def vectors_of(status):
    rows = (Path(os.environ["SNAPJAR_VECTORS"]) / "index.tsv").read_text().splitlines()
    return [row.split("\t")[0] for row in rows if row.split("\t")[1:2] == [status]]


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "in"
    (root / "below").mkdir(parents=True)
    contents = {"cut": GOOD[:-5], "empty": b"", "evil": EVIL, "flipped": FLIPPED, "good": GOOD, "job": JOB, "junk": b"hello world\n",
                "mixed": PLAIN + EVIL + PLAIN[:-1], "plain": PLAIN, "two": GOOD + JOB, "below/a": GOOD, "below/b": GOOD}  # fmt: skip
    for name, data in contents.items():
        (root / name).write_bytes(data)
    return root


def rows(report, root):
    return [(os.path.relpath(result.file, root), result.verdict, result.exit_code, result.records, result.status,
             result.diagnostic, result.offset, result.space, result.record) for result in report.results]  # fmt: skip


def test_verify(folder):
    report = fleet.verify(folder)
    assert rows(report, folder) == [
        ("below/a", "whole", 0, 1, "ok", "", None, "", None),
        ("below/b", "whole", 0, 1, "ok", "", None, "", None),
        ("cut", "damaged", 1, 0, "cut-short", "record-cut-short", len(GOOD) - 5, "file", 0),
        ("empty", "damaged", 1, 0, "cut-short", "empty-file", 0, "file", None),
        ("evil", "not-analysed", 1, 0, "wrong-format", "not-snapjar", 0, "file", 0),
        ("flipped", "damaged", 1, 0, "damaged", "header-checksum-mismatch", 28, "file", 0),
        ("good", "whole", 0, 1, "ok", "", None, "", None),
        ("job", "whole", 0, 1, "ok", "", None, "", None),
        ("junk", "not-analysed", 1, 0, "wrong-format", "not-snapjar", 0, "file", 0),
        ("mixed", "not-analysed", 1, 0, "wrong-format", "not-snapjar", 0, "file", 0),
        ("plain", "not-analysed", 1, 0, "wrong-format", "not-snapjar", 0, "file", 0),
        ("two", "whole", 0, 2, "ok", "", None, "", None),
    ]
    assert all(bool(result.hint) == bool(result.message) == (not result.ok) for result in report.results)
    assert report.totals == {"files": 12, "records": 6, "whole": 5, "damaged": 3, "not-analysed": 4}
    assert report.exit_code == 1 and not report
    assert fleet.verify(folder, match="goo?").ok


def test_scan(folder):
    report = fleet.scan(folder)
    found = {row[0]: row[1:] for row in rows(report, folder)}
    assert found == {
        "below/a": ("allowed", 0, 1, "ok", "", None, "", None),
        "below/b": ("allowed", 0, 1, "ok", "", None, "", None),
        "cut": ("not-analysed", 1, 1, "cut-short", "record-cut-short", len(GOOD) - 5, "file", 0),
        "empty": ("not-analysed", 1, 0, "cut-short", "pickle-empty", 0, "file", None),
        "evil": ("denied", 1, 1, "refused", "global-denied", 0, "content", 0),
        "flipped": ("not-analysed", 1, 1, "damaged", "header-checksum-mismatch", 28, "file", 0),
        "good": ("allowed", 0, 1, "ok", "", None, "", None),
        "job": ("denied", 1, 1, "refused", "global-denied", found["job"][5], "content", 0),
        "junk": ("not-analysed", 1, 1, "damaged", "pickle-opcode-unknown", 5, "content", 0),
        "mixed": ("not-analysed", 1, 3, "cut-short", "pickle-cut-short", len(PLAIN + EVIL + PLAIN) - 1, "content", 2),
        "plain": ("allowed", 0, 1, "ok", "", None, "", None),
        "two": ("denied", 1, 2, "refused", "global-denied", found["job"][5], "content", 1),
    }
    by_name = {os.path.basename(result.file): result for result in report.results}
    assert by_name["evil"].denied == by_name["mixed"].denied == ("os:system",)
    assert set(by_name["job"].denied) >= {"models:Job", "models:Step"} and "os:system: " in by_name["evil"].message
    assert report.denied["os:system"] == 2 and report.diagnostics["global-denied"] == 3
    assert report.exit_code == 1 and not report.ok


def test_policy(folder):
    """The rules reach the workers, however they were given."""
    rules = {"snapjar_policy": 1, "extensions": {"240": "models:Plain"}, "allow": {"os:system": ["call"], "models:Plain": ["call"]}}
    file = folder / "policy.json"
    file.write_text(json.dumps(rules))
    by_extension = folder / "extension"
    by_extension.write_bytes(b"\x80\x02\x82\xf0)R.")
    with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        for client in (None, pool):
            assert fleet.scan([folder / "job", folder / "two"], allow=JOB_CLASSES, client=client)
            assert fleet.scan(folder / "job", policy=snapjar.Policy(JOB_NAMES), client=client)
            assert fleet.scan([folder / "evil", by_extension], policy=snapjar.Policy(file=file), client=client)
            assert not fleet.scan(by_extension, client=client)
            assert not fleet.scan(folder / "job", client=client)
            assert not fleet.scan(folder / "evil", policy=snapjar.Policy(["os:system=import"]), client=client)
    with pytest.raises(TypeError, match="allow or policy"):
        fleet.scan(folder, allow=["a:b"], policy=snapjar.Policy())


def test_newer_version_and_limit(tmp_path):
    """What a newer snapjar wrote is not damaged, and what is over a limit is not analysed."""
    newer = tmp_path / "newer"
    newer.write_bytes(vector(vectors_of("unsupported")[0]))
    [result] = fleet.verify(newer).results
    assert (result.verdict, result.exit_code, result.status) == ("not-analysed", 1, "unsupported")
    large = tmp_path / "large"
    large.write_bytes(snapjar.dumps("x" * 5000))
    size = snapjar.inspect(large).size
    assert fleet.verify(large, max_size=size)
    report = fleet.verify(large, max_size=size - 1)
    assert (report.results[0].verdict, report.exit_code, report.results[0].status) == ("not-analysed", 2, "limit")


def test_denied_is_bounded(tmp_path):
    file = tmp_path / "many"
    names = [f"module{number}:name" for number in range(fleet.DENIED_MAX + 1)]
    file.write_bytes(b"(" + b"".join(f"c{name.replace(':', chr(10))}\n".encode() for name in names) + b"l.")
    [result] = fleet.scan(file).results
    assert result.denied == tuple(names[:-1]) and result.denied_count == len(names)
    allowed_but_one = fleet.scan(file, allow=names[1:]).results[0]
    assert allowed_but_one.denied == (names[0],) and allowed_but_one.denied_count == 1


def test_what_is_no_file(folder, tmp_path):
    odd = tmp_path / "odd"
    (odd / "sub").mkdir(parents=True)
    os.mkfifo(odd / "pipe")
    (odd / "dangling").symlink_to("nowhere")
    (odd / "folder.d").symlink_to(folder)
    (odd / "link").symlink_to(folder / "good")
    (odd / "sub" / "good").write_bytes(GOOD)
    report = fleet.verify(odd)
    assert [(os.path.basename(result.file), result.verdict, result.exit_code, result.diagnostic) for result in report.results] == [
        ("dangling", "not-analysed", 2, "not-a-file"), ("folder.d", "not-analysed", 2, "not-a-file"),
        ("pipe", "not-analysed", 2, "not-a-file"), ("link", "whole", 0, ""), ("good", "whole", 0, "")]  # fmt: skip
    assert report.exit_code == 2
    # A link to a folder may hide files of any name; the rest is left out by its name.
    assert [os.path.basename(result.file) for result in fleet.verify(odd, match="good").results] == ["folder.d", "good"]
    assert [result.diagnostic for result in fleet.verify([odd / "pipe", "/dev/null"]).results] == ["not-a-file"] * 2


def test_nothing_is_not_clean(tmp_path):
    assert fleet.verify([]).exit_code == 2 and not fleet.verify([]).ok
    (tmp_path / "good").write_bytes(GOOD)
    (tmp_path / "none").mkdir()
    for report in (fleet.scan(tmp_path / "none"), fleet.scan(tmp_path, match="*.snapjar")):
        assert [(result.verdict, result.exit_code, result.diagnostic) for result in report.results] == [
            ("not-analysed", 2, "no-file")]  # fmt: skip
    report = fleet.scan([tmp_path / "good", tmp_path / "gone", "a\0b"])
    assert [(result.verdict, result.exit_code, result.diagnostic) for result in report.results] == [
        ("allowed", 0, ""), ("not-analysed", 2, "open-failed"), ("not-analysed", 2, "open-failed")]  # fmt: skip


def test_no_pickle_is_not_clean(folder, monkeypatch):
    """Should a scan ever find nothing at all, that allows nothing."""
    monkeypatch.setattr(fleet, "_scan", lambda *_source, **_keywords: [])
    [result] = fleet.scan(folder / "good").results
    assert (result.verdict, result.exit_code, result.ok) == ("not-analysed", 2, False)


def test_unreadable(folder, monkeypatch):
    """A folder that cannot be listed, a file that is gone when its turn comes, a fault of the worker's own."""
    scandir = os.scandir

    def refuse(path):
        if str(path).endswith("below"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    def one(name, source, *_settings):
        if name.endswith("good"):
            raise MemoryError("no more")
        if name.endswith("cut"):
            raise OSError(5, "Input/output error")
        os.unlink(source)
        return verify_one(name, source, False, 0)

    verify_one = fleet._verify_one
    monkeypatch.setattr(os, "scandir", refuse)
    monkeypatch.setattr(fleet, "_verify_one", one)
    found = {row[0]: row[1:6] for row in rows(fleet.verify(folder, match="[cgj]*"), folder)}
    assert found == {
        "below": ("not-analysed", 2, 0, "io", "read-failed"),
        "cut": ("not-analysed", 2, 0, "io", "read-failed"),
        "good": ("not-analysed", 2, 0, "cancelled", "worker-failed"),
        "job": ("not-analysed", 2, 0, "io", "open-failed"),
        "junk": ("not-analysed", 2, 0, "io", "open-failed"),
    }


def test_order_progress_and_batches(folder):
    expected = fleet.scan(folder).results
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for client in (None, pool):
            for batch, calls in ((1, 12), (5, 3), (fleet.BATCH_MAX, 1)):
                seen = []
                report = fleet.scan([folder, folder], client=client, batch=batch, progress=lambda *counts: seen.append(counts))
                assert report.results == expected and len(seen) == calls and seen[-1] == (12, 12)
                assert seen == sorted(seen)
        files = [folder / "two", str(folder / "cut"), os.fsencode(folder / "good")]
        assert [result.file for result in fleet.verify(iter(files), client=pool).results] == [os.fsdecode(file) for file in files]

        def stop(*_counts):
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            fleet.scan(folder, client=pool, batch=1, progress=stop)
    for batch in (0, fleet.BATCH_MAX + 1):
        with pytest.raises(ValueError, match="batch"):
            fleet.scan(folder, batch=batch)


def test_relative_paths(folder, monkeypatch):
    """Workers may be in another folder."""
    monkeypatch.chdir(folder)
    with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), os.chdir, ("/",)) as pool:
        report = fleet.verify(["good", "below"], client=pool)
    assert [result.file for result in report.results] == ["good", "below/a", "below/b"] and report.ok


class Answering:
    """A client whose futures are done at once, with an answer of its own."""

    def __init__(self, answer):
        self.answer = answer

    def submit(self, task, *, pure):
        assert pure is False
        future = concurrent.futures.Future()
        try:
            future.set_result(self.answer(task))
        except BaseException as error:
            future.set_exception(error)
        return future


def raises(error):
    def answer(_task):
        raise error

    return answer


@pytest.mark.parametrize("answer", [
    raises(RuntimeError("no luck")), raises(concurrent.futures.CancelledError()), raises(__import__("asyncio").CancelledError()),
    lambda task: None, lambda task: [], lambda task: task()[:-1], lambda task: [row[:2] for row in task()],
    lambda task: [("other", *row[1:]) for row in task()],
])  # fmt: skip
def test_worker_fails(answer, folder):
    files = [folder / "good", folder / "two"]
    report = fleet.verify(files, client=Answering(answer))
    assert [(result.verdict, result.exit_code, result.diagnostic) for result in report.results] == [
        ("not-analysed", 2, "worker-failed")] * 2  # fmt: skip
    assert fleet.verify(files, client=Answering(lambda task: task())).ok


def test_client_refuses_tasks(folder):
    pool = concurrent.futures.ThreadPoolExecutor(1)
    pool.shutdown()
    report = fleet.verify(folder, match="good", client=pool)
    assert [(result.verdict, result.diagnostic) for result in report.results] == [("not-analysed", "worker-failed")]
    with pytest.raises(TypeError, match="client"):
        fleet.verify(folder, client=3)
    asynchronous = Answering(lambda task: task())
    asynchronous.asynchronous = True
    with pytest.raises(ValueError, match="asynchronous"):
        fleet.verify(folder, client=asynchronous)


def test_worker_dies(folder, monkeypatch):
    look = fleet._look
    monkeypatch.setattr(fleet, "_look", lambda job, name, *where: os._exit(1) if name.endswith("good") else look(job, name, *where))
    files = [folder / name for name in ("job", "good", "two")]
    with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as pool:
        report = fleet.verify(files, client=pool, batch=3)
    assert [(result.verdict, result.exit_code, result.diagnostic) for result in report.results] == [
        ("not-analysed", 2, "worker-failed")] * 3  # fmt: skip


def test_timeout(folder, monkeypatch):
    """A worker that never answers: it waits until the report is there."""
    release = threading.Event()
    monkeypatch.setattr(fleet, "_look", lambda *_entry: release.wait())
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        report = fleet.verify([folder / "good", folder / "two"], client=pool, batch=1, timeout=0.01)
        release.set()
    assert [(result.verdict, result.exit_code, result.diagnostic) for result in report.results] == [
        ("not-analysed", 2, "worker-timeout")] * 2  # fmt: skip


def test_json_and_summary(folder, tmp_path):
    name = os.fsdecode(bytes(folder) + b"/\xff\x1b[31m")
    Path(name).write_bytes(EVIL)
    report = fleet.scan([folder / "good", name, folder / "mixed"])
    target = tmp_path / "report.jsonl"
    report.write_json(target)
    good, evil, mixed, summary = map(json.loads, target.read_text().splitlines())
    assert good == {"json_version": 1, "kind": "file", "file": str(folder / "good"), "verdict": "allowed", "exit_code": 0,
                    "records": 1, "status": "ok", "denied_count": 0}  # fmt: skip
    assert "\ufffd" in evil["file"] and bytes.fromhex(evil["file_hex"]) == os.fsencode(name)
    assert (evil["verdict"], evil["diagnostic"], evil["offset"], evil["denied"]) == ("denied", "global-denied", 0, ["os:system"])
    assert mixed["verdict"] == "not-analysed" and mixed["record"] == 2 and mixed["hint"]
    assert summary == {"json_version": 1, "kind": "summary", "action": "scan", "files": 3, "records": 5, "allowed": 1, "denied": 1,
                       "not-analysed": 1, "diagnostics": {"global-denied": 1, "pickle-cut-short": 1}, "exit_code": 1}  # fmt: skip
    text = report.summary()
    assert text.startswith("scan: 3 files: 1 allowed, 1 denied, 1 not-analysed\n") and "\x1b" not in text
    assert "\\udcff\\x1b[31m: denied: os:system: " in text and "; denied: os:system\n" in text and "pickle-cut-short: " in text
    assert "and 1 more" in report.summary(files_max=1) and "pickle-cut-short" not in report.summary(files_max=1)


def test_urls(folder):
    fsspec = pytest.importorskip("fsspec")
    memory = fsspec.filesystem("memory")
    for file in folder.rglob("*"):
        if file.is_file():
            memory.pipe(f"/fleet/{file.relative_to(folder)}", file.read_bytes())
    try:
        for action in (fleet.verify, fleet.scan):
            report = action("memory://fleet", match="[!abm]*")
            names = [result.file for result in report.results]
            assert names == sorted(names) and "memory:///fleet/below/a" not in names and len(names) == 9
            # As for the same files by path.
            for result in report.results:
                [by_path] = action(folder / result.file.rpartition("/")[2]).results
                assert result._replace(file=by_path.file) == by_path
            assert [result.file for result in action("memory://fleet", match="[ab]").results] == [
                "memory:///fleet/below/a", "memory:///fleet/below/b"]  # fmt: skip
    finally:
        memory.rm("/fleet", recursive=True)


def test_urls_one_by_one(folder):
    fsspec = pytest.importorskip("fsspec")
    memory = fsspec.filesystem("memory")
    memory.pipe("/fleet/good", GOOD)
    try:
        assert fleet.verify("memory://fleet/good", read_max=len(GOOD))
        report = fleet.verify(["memory://fleet/good", "memory://fleet/gone"], read_max=len(GOOD) - 1)
        assert [(result.verdict, result.exit_code, result.status, result.diagnostic) for result in report.results] == [
            ("not-analysed", 2, "limit", "input-too-large"), ("not-analysed", 2, "io", "read-failed")]  # fmt: skip
        assert [result.file for result in fleet.verify("memory://fleet/g*").results] == ["memory:///fleet/good"]
        report = fleet.verify(["memory://fleet/x*", "nonesuch://a/b", f"file://{folder}/good"])
        assert [(result.verdict, result.diagnostic) for result in report.results] == [
            ("not-analysed", "no-file"), ("not-analysed", "read-failed"), ("whole", "")]  # fmt: skip
        with pytest.raises(ValueError, match="read_max"):
            fleet.verify("memory://fleet/good", read_max=0)
    finally:
        memory.rm("/fleet", recursive=True)


def test_without_fsspec_and_dask(folder, monkeypatch):
    for name in ("fsspec", "distributed"):
        monkeypatch.setitem(sys.modules, name, None)
    assert fleet.verify(folder / "good")
    with pytest.raises(ImportError, match="pip install fsspec"):
        fleet.verify("memory://fleet")
    with pytest.raises(ImportError, match="pip install distributed"):
        fleet.verify(folder, client="tcp://127.0.0.1:1")


FILES = 10_000
BAD = {"cut": GOOD[:-5], "evil": EVIL, "flipped": FLIPPED, "junk": b"hello world\n"}


@pytest.mark.skipif(SANITIZED, reason="a cluster of sanitized processes takes long")
def test_cluster(tmp_path):
    """10,000 files on two processes. dask changes its whole process, so it gets one of its own."""
    if not importlib.util.find_spec("distributed"):
        pytest.skip("no distributed")
    originals = []
    for number, obj in enumerate((1, {"a": [1, 2]}, make_job(), "text" * 500)):
        originals.append(tmp_path / f"original{number}")
        snapjar.dump(obj, originals[-1], sync=False)
    root = tmp_path / "in"
    root.mkdir()
    good = FILES - len(BAD) - 2
    for number in range(good):
        os.link(originals[number % len(originals)], root / f"{number:04}")
    for name, data in BAD.items():
        (root / name).write_bytes(data)
    (root / "kills").write_bytes(GOOD)
    Path(os.fsdecode(bytes(root) + b"/\xff")).write_bytes(GOOD)
    paths = os.pathsep.join([os.environ.get("PYTHONPATH", ""), HERE])
    program = "import sys, worker_code\nif __name__ == '__main__': worker_code.fleet_cluster(sys.argv[1])"
    done = subprocess.run([sys.executable, "-c", program, root], env=dict(os.environ, PYTHONPATH=paths), cwd=HERE,
                          capture_output=True, text=True, timeout=240)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "workers": 2,
        "used": 2,
        "same": True,
        "seen": [FILES // 100, [FILES, FILES]],
        "scan": {"files": FILES, "records": FILES, "allowed": good + 2, "denied": 1, "not-analysed": 3},
        "scan_codes": {"global-denied": 1, "header-checksum-mismatch": 1, "pickle-opcode-unknown": 1, "record-cut-short": 1},
        "denied": {"os:system": 1},
        "exit_code": 1,
        "verify": {"files": FILES, "records": good + 2, "whole": good + 2, "damaged": 2, "not-analysed": 2},
        "verify_codes": {"header-checksum-mismatch": 1, "not-snapjar": 2, "record-cut-short": 1},
        "raised": [2, {"worker-failed": 2}, 2, "the worker failed: RuntimeError: not today"],
        "killed": [1, {"worker-failed": 1}, 2],
    }
