# SPDX-License-Identifier: MIT
"""Build info: who writes, with which versions. Goes into every header."""

from __future__ import annotations

import json
import platform
import sys
from typing import Any

from . import _core

_app: dict[str, str] = {}
_versions: dict[str, str | None] = {}
_distributions: dict[str, list[str]] | None = None


def set_build_info(*, app: str | None = None, version: str | None = None, commit: str | None = None) -> None:
    """Says which program this is. Once per process: it goes into the header of every snapshot written from now on."""
    info = {"app": app, "version": version, "commit": commit}
    for name, value in info.items():
        if value is not None and not isinstance(value, str):
            raise TypeError(f"{name} must be a text")
    _app.clear()
    _app.update({name: value for name, value in info.items() if value is not None})
    _core.forget()


def python_version() -> str:
    return platform.python_version()


def _find_version(package: str) -> str | None:
    from importlib import metadata

    global _distributions
    version = getattr(sys.modules.get(package), "__version__", None)
    if isinstance(version, str):
        return version
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        pass
    except Exception:  # metadata that cannot be read is no reason not to write a snapshot
        return None
    if _distributions is None:
        _distributions = dict(metadata.packages_distributions())
    for name in _distributions.get(package, []):
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return None


def package_version(package: str) -> str | None:
    """The version of a top-level package that is installed here, or None."""
    if package not in _versions:
        _versions[package] = _find_version(package)
    return _versions[package]


def describe(modules: bytes) -> bytes:
    """Build info for a pickle whose globals are in these modules (a NUL behind each), as JSON."""
    packages: dict[str, str] = {}
    names = {name.decode("utf-8", "replace").partition(".")[0] for name in modules.split(b"\0")[:-1]}
    for name in sorted(names):
        if name in sys.stdlib_module_names or name in ("", "__main__"):
            continue
        version = package_version(name)
        if version is not None:
            packages[name] = version
    info: dict[str, Any] = dict(_app)
    info["python"] = python_version()
    info["platform"] = f"{sys.platform}-{platform.machine()}"
    if packages:
        info["packages"] = packages
    return json.dumps(info, separators=(",", ":"), ensure_ascii=True).encode()
