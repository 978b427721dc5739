# SPDX-License-Identifier: MIT
"""dask: a family of serialization, for the data that travels between client, scheduler and workers.

    from snapjar.integrations.dask import register
    register(allow=[Part])                      # here
    client = Client(address, serializers=["snapjar"], deserializers=["snapjar"])
    client.run(register, allow=["app:Part"])    # on each worker

Tasks (functions and their arguments) still travel as dask sends them; a family is for the data.
"""

from __future__ import annotations

from typing import Any

from distributed.protocol.serialize import register_serialization_family

from .._serializer import Serializer


def register(name: str = "snapjar", **keywords: Any) -> None:
    """Registers the family in this process; keywords as those of `Serializer`."""
    serializer = Serializer(**keywords)

    def dumps(value: Any, context: Any = None) -> tuple[dict[str, Any], list[bytes]]:
        return {"serializer": name}, [serializer.dumps(value)]

    def loads(_header: Any, frames: list[Any]) -> Any:
        return serializer.loads(frames[0] if len(frames) == 1 else b"".join(frames))

    register_serialization_family(name, dumps, loads)
