# SPDX-License-Identifier: MIT
"""Serializers and caches in the frameworks themselves: a Redis server on loopback, workers in processes of their own."""

import contextlib
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import snapjar
from models import JOB_CLASSES, JOB_NAMES, Plain, State, make_job

HERE = str(Path(__file__).parent)
SERIALIZER = "worker_code.SERIALIZER"
SANITIZED = "libasan" in os.environ.get("LD_PRELOAD", "")


@pytest.fixture(scope="module")
def redis_server(tmp_path_factory):
    program = shutil.which("redis-server")
    redis = pytest.importorskip("redis")
    if not program:
        pytest.skip("no redis-server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    server = subprocess.Popen(
        [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--daemonize", "no"],
        cwd=tmp_path_factory.mktemp("redis"), stdout=subprocess.DEVNULL, env=environment)  # fmt: skip
    client = redis.Redis(port=port)
    while True:
        assert server.poll() is None
        with contextlib.suppress(redis.exceptions.ConnectionError):
            client.ping()
            break
        time.sleep(0.02)
    yield port
    client.close()
    server.terminate()
    server.wait()


def environment():
    return dict(os.environ, PYTHONPATH=os.pathsep.join([os.environ.get("PYTHONPATH", ""), HERE]))


def test_serializer_takes_what_frameworks_pass():
    serializer = snapjar.Serializer(allow=JOB_CLASSES)
    assert serializer.loads(serializer.dumps(make_job(), 5, extra=1), content_type="x").number == 7
    with pytest.raises(snapjar.PolicyError):
        snapjar.Serializer().loads(serializer.dumps(make_job()))
    with pytest.raises(ValueError):
        snapjar.Serializer(dump={"compression": "nope"})
    with pytest.raises(ValueError):
        snapjar.Serializer(layout="nope")


def test_redis_recipe(redis_server):
    redis = pytest.importorskip("redis")
    with redis.Redis(port=redis_server) as client:
        client.set("job", snapjar.dumps(make_job(), labels={"queue": "slow"}))
        stored = client.get("job")
        assert snapjar.inspect(stored).labels == {"queue": "slow"}
        assert snapjar.loads(stored, allow=JOB_CLASSES).state is State.RUNNING
        client.setrange("job", 300, b"damage")
        with pytest.raises(snapjar.IntegrityError):
            snapjar.loads(client.get("job"), allow=JOB_CLASSES)


def test_rq(redis_server):
    rq = pytest.importorskip("rq")
    redis = pytest.importorskip("redis")
    import worker_code

    with redis.Redis(port=redis_server) as client:
        queue = rq.Queue("jobs", connection=client, serializer=worker_code.SERIALIZER)
        good = queue.enqueue("worker_code.advance", make_job())
        assert snapjar.inspect(__import__("zlib").decompress(client.hget(good.key, "data"))).type == "builtins:tuple"
        refused = queue.enqueue("worker_code.advance", Plain(a=1))
        worker = [sys.executable, "-m", "rq.cli", "worker", "--burst", "--serializer", SERIALIZER, "--url",
                  f"redis://127.0.0.1:{redis_server}", "jobs"]  # fmt: skip
        done = subprocess.run(worker, env=environment(), cwd=HERE, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        result = rq.job.Job.fetch(good.id, connection=client, serializer=worker_code.SERIALIZER)
        assert result.get_status() == "finished", done.stderr
        assert result.result.number == 8 and result.result.state is State.RUNNING
        failed = rq.job.Job.fetch(refused.id, connection=client, serializer=worker_code.SERIALIZER)
        assert failed.get_status() == "failed" and "models:Plain" in done.stderr


def test_celery(redis_server):
    pytest.importorskip("celery")
    pytest.importorskip("redis")
    code = environment() | {"SNAPJAR_BROKER": f"redis://127.0.0.1:{redis_server}/1"}
    worker = subprocess.Popen(
        [sys.executable, "-m", "celery", "-A", "worker_code:celery_app", "worker", "-P", "solo", "--loglevel", "WARNING",
         "--without-gossip", "--without-mingle", "--without-heartbeat"],
        env=code, cwd=HERE, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)  # fmt: skip
    try:
        client = subprocess.run([sys.executable, "-c", "import worker_code; worker_code.celery_client()"], env=code, cwd=HERE,
                                capture_output=True, text=True, timeout=120)  # fmt: skip
        assert client.stdout.split() == ["8", "State.RUNNING", "ContentDisallowed"], client.stderr
    finally:
        os.killpg(worker.pid, signal.SIGKILL)
        worker.communicate()


def test_kombu_accepts_by_name_only():
    kombu = pytest.importorskip("kombu")
    from snapjar.integrations.kombu import CONTENT_TYPE, register

    register("snapjar-test", allow=JOB_CLASSES)
    connection = kombu.Connection("memory://")
    queue = connection.SimpleQueue("q")
    queue.put(make_job(), serializer="snapjar-test")
    message = queue.get(timeout=5)
    assert message.content_type == CONTENT_TYPE and message.payload.number == 7
    message.ack()
    queue.put(Plain(a=1), serializer="snapjar-test")
    with pytest.raises(kombu.exceptions.DecodeError, match="models:Plain"):
        queue.get(timeout=5)
    queue.put(1, serializer="snapjar-test")
    careful = connection.SimpleQueue("q")
    careful.consumer.accept = {"application/json"}
    with pytest.raises(kombu.exceptions.ContentDisallowed):
        careful.get(timeout=5)
    connection.release()


def test_joblib_memory(tmp_path, caplog):
    joblib = pytest.importorskip("joblib")
    from snapjar.integrations.joblib import register

    register("snapjar-test", allow=JOB_CLASSES)
    calls = []

    def compute(number):
        calls.append(number)
        return {"job": make_job(), "number": number}

    cached = joblib.Memory(tmp_path, backend="snapjar-test", verbose=0).cache(compute)
    assert [cached(1)["number"], cached(1)["job"].number, cached(2)["number"]] == [1, 7, 2]
    assert calls == [1, 2]
    files = list(tmp_path.rglob("output.pkl"))
    assert len(files) == 2 and all(snapjar.verify(file) for file in files)
    for file in files:
        file.write_bytes(file.read_bytes()[:-5])
    assert cached(1)["number"] == 1 and calls == [1, 2, 1]
    assert "record-cut-short" in caplog.text


def test_django(tmp_path, caplog):
    django = pytest.importorskip("django")
    from django.conf import settings

    if not settings.configured:
        settings.configure(
            SECRET_KEY="test",
            SESSION_ENGINE="django.contrib.sessions.backends.cache",
            SESSION_SERIALIZER="worker_code.JobSessions",
            CACHES={"default": {"BACKEND": "snapjar.integrations.django.SnapjarFileCache", "LOCATION": str(tmp_path),
                                "OPTIONS": {"ALLOW": list(JOB_NAMES)}}},
        )  # fmt: skip
        django.setup()
    from django.core import signing
    from django.core.cache import cache
    from snapjar.integrations.django import SessionSerializer
    from worker_code import JobSessions

    cache.set("job", make_job(), timeout=100)
    assert cache.get("job").number == 7 and cache.has_key("job") and cache.touch("job", 200)
    [file] = tmp_path.glob("*.djcache")
    assert snapjar.inspect(file).labels["expires"] > time.time() * 1000
    cache.set("gone", 1, timeout=-1)
    assert cache.get("gone", "miss") == "miss" and not cache.has_key("gone")
    cache.set("other", Plain(a=1))
    assert cache.get("other", "miss") == "miss" and "global-denied" in caplog.text
    file.write_bytes(file.read_bytes()[:-1])
    assert cache.get("job", "miss") == "miss" and "record-cut-short" in caplog.text
    assert cache.get("never there", "miss") == "miss" and not cache.touch("never there")

    signed = signing.dumps({"job": make_job()}, serializer=JobSessions)
    assert signing.loads(signed, serializer=JobSessions)["job"].number == 7
    with pytest.raises(snapjar.PolicyError):
        signing.loads(signed, serializer=SessionSerializer)


def test_django_sessions(tmp_path):
    pytest.importorskip("django")
    from django.conf import settings

    if not settings.configured:
        pytest.skip("needs the settings of the test above")
    from django.contrib.sessions.backends.signed_cookies import SessionStore

    session = SessionStore()
    session["job"] = make_job()
    session.save()
    assert SessionStore(session.session_key)["job"].number == 7


def run_worker_code(function):
    """dask changes how exceptions are pickled in its whole process, so it gets one of its own."""
    return subprocess.run([sys.executable, "-c", f"import worker_code; worker_code.{function}()"], env=environment(), cwd=HERE,
                          capture_output=True, text=True, timeout=120)  # fmt: skip


def test_dask_family():
    if not importlib.util.find_spec("distributed"):
        pytest.skip("no distributed")
    done = run_worker_code("dask_family")
    assert done.stdout.split() == ["7", "models:Plain"], done.stderr


@pytest.mark.skipif(SANITIZED, reason="a cluster of sanitized processes takes long")
def test_dask_cluster():
    if not importlib.util.find_spec("distributed"):
        pytest.skip("no distributed")
    done = run_worker_code("dask_client")
    assert done.stdout.split() == ["8", "State.RUNNING"], done.stderr
