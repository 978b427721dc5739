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
