# SPDX-License-Identifier: MIT
"""What runs in the processes that test_integrations.py starts."""

import os

import snapjar
from models import JOB_CLASSES, JOB_NAMES, Job, make_job

SERIALIZER = snapjar.Serializer(allow=JOB_CLASSES)


def advance(job: Job) -> Job:
    job.number += 1
    return job


def _session_class() -> type:
    from snapjar.integrations.django import SessionSerializer

    return type("JobSessions", (SessionSerializer,), {"allow": JOB_CLASSES})


def __getattr__(name: str) -> object:
    if name == "JobSessions":
        return _session_class()
    if name == "celery_app":
        return make_celery()
    raise AttributeError(name)


def make_celery() -> object:
    from celery import Celery
    from snapjar.integrations.kombu import register

    register(allow=JOB_CLASSES)
    app = Celery("app", broker=os.environ["SNAPJAR_BROKER"], backend=os.environ["SNAPJAR_BROKER"])
    app.conf.update(task_serializer="snapjar", result_serializer="snapjar", accept_content=["snapjar"],
                    result_accept_content=["snapjar"])  # fmt: skip
    app.task(advance, name="advance")
    return app


def celery_client() -> None:
    import kombu

    app = make_celery()
    result = app.send_task("advance", [make_job()]).get(timeout=60)
    print(result.number, result.state)
    # A client that accepts JSON only does not load it.
    pending = app.send_task("advance", [make_job()])
    pending.backend.accept = {"application/json"}
    try:
        pending.get(timeout=60)
    except kombu.exceptions.ContentDisallowed:
        print("ContentDisallowed")


def dask_family() -> None:
    import snapjar
    from distributed.protocol.serialize import deserialize, serialize
    from models import Plain
    from snapjar.integrations.dask import register

    register(allow=JOB_CLASSES)
    header, frames = serialize(make_job(), serializers=["snapjar"])
    print(deserialize(header, frames, deserializers=["snapjar"]).number)
    header, frames = serialize(Plain(a=1), serializers=["snapjar"])
    try:
        deserialize(header, frames, deserializers=["snapjar"])
    except snapjar.PolicyError as error:
        print(*error.allow)


def dask_client() -> None:
    from distributed import Client, LocalCluster
    from snapjar.integrations.dask import register

    register(allow=JOB_NAMES)
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        with Client(cluster) as plain:
            plain.run(register, allow=JOB_NAMES)
        with Client(cluster, serializers=["snapjar"], deserializers=["snapjar", "msgpack"]) as client:
            [future] = client.scatter([make_job()])
            client.replicate([future])
            job = client.gather(future)
            print(job.number + 1, job.state)


def _failing_batch(job: tuple, entries: list) -> list:
    names = [os.path.basename(entry[0]) for entry in entries]
    if "kills" in names:
        os._exit(1)
    raise RuntimeError("not today")


def break_worker() -> None:
    from snapjar import fleet

    fleet.run_batch = _failing_batch


def policies_made() -> int:
    from snapjar import fleet

    return fleet._remake.cache_info().currsize


def fleet_cluster(folder: str) -> None:
    """Looks at a folder here and on two processes; then at files that break workers."""
    import json

    import dask
    from distributed import Client, LocalCluster
    from snapjar import fleet

    policy = snapjar.Policy(JOB_NAMES)
    seen: list[tuple[int, int]] = []
    dask.config.set({"distributed.scheduler.allowed-failures": 0})
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        workers = {pid for pid in client.run(os.getpid).values()}
        scanned = fleet.scan(folder, policy=policy, client=client, progress=lambda *counts: seen.append(counts))
        verified = fleet.verify(folder, client=cluster.scheduler_address)
        used = [count for count in client.run(policies_made).values() if count]
        client.run(break_worker)
        raised = fleet.verify([f"{folder}/0000", f"{folder}/0001"], client=client)
        killed = fleet.verify(f"{folder}/kills", client=client)
    same = scanned.results == fleet.scan(folder, policy=policy).results and verified.results == fleet.verify(folder).results
    print(json.dumps({
        "workers": len(workers), "used": len(used), "same": same, "seen": [len(seen), seen[-1]],
        "scan": scanned.totals, "scan_codes": scanned.diagnostics, "denied": scanned.denied, "exit_code": scanned.exit_code,
        "verify": verified.totals, "verify_codes": verified.diagnostics,
        "raised": [raised.totals["files"], raised.diagnostics, raised.exit_code, raised.results[0].message],
        "killed": [killed.totals["files"], killed.diagnostics, killed.exit_code],
    }))  # fmt: skip
