# SPDX-License-Identifier: MIT
"""joblib.Memory with snapshots as its files.

    from snapjar.integrations.joblib import register
    register(allow=[Model])
    memory = joblib.Memory(folder, backend="snapjar")

What is damaged, not allowed or of another layout is computed again: joblib takes a failing load for a miss.
"""

from __future__ import annotations

import os
from typing import Any

from joblib import register_store_backend
from joblib._store_backends import FileSystemStoreBackend

from .._dump import dump
from .._load import load
from .._policy import Policy, resolve_policy


class SnapjarStoreBackend(FileSystemStoreBackend):
    """Items are `output.pkl` as joblib's are, so that its bookkeeping finds them; inside they are snapshots."""

    policy: Policy

    def load_item(self, path: Any, verbose: int = 1, msg: Any = None) -> Any:
        name = os.path.join(self.location, *path, "output.pkl")
        if verbose > 1:
            print(f"{msg} from {name}")
        if not self._item_exists(name):
            raise KeyError(f"there is no {name}: it may have been cleared")
        return load(name, policy=self.policy, environment="warn", layout="refuse")

    def dump_item(self, path: Any, item: Any, verbose: int = 1) -> None:
        folder = os.path.join(self.location, *path)
        if verbose > 10:
            print(f"storing in {folder}")
        os.makedirs(folder, exist_ok=True)
        dump(item, os.path.join(folder, "output.pkl"), sync=False)


def register(name: str = "snapjar", *, allow: Any = (), policy: Policy | None = None) -> None:
    """Makes the backend known to joblib in this process."""
    made = type("RegisteredSnapjarBackend", (SnapjarStoreBackend,), {"policy": resolve_policy(allow, policy)})
    register_store_backend(name, made)
