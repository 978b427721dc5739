# SPDX-License-Identifier: MIT
"""kombu and Celery: a serializer with a content type of its own.

    from snapjar.integrations.kombu import register
    register(allow=[Order])
    app.conf.update(task_serializer="snapjar", result_serializer="snapjar", accept_content=["snapjar"])
"""

from __future__ import annotations

from typing import Any

from kombu import serialization

from .._serializer import Serializer

CONTENT_TYPE = "application/x-snapjar"


def register(name: str = "snapjar", *, content_type: str = CONTENT_TYPE, **keywords: Any) -> Serializer:
    """Registers the serializer in this process; keywords as those of `Serializer`.

    Consumers load what they accept: `accept_content` must name it. By default only plain data is let through.
    """
    serializer = Serializer(**keywords)
    serialization.register(name, serializer.dumps, serializer.loads, content_type=content_type, content_encoding="binary")
    return serializer
