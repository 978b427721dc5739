#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Freezes the files of the worked examples: old_make.py NAME. Run with the Python that is to have written them.

The pickles are made by plain Python with the classes of tests/python/old_examples.py as they were; snapjar has no part in it.
Refuses to change a file that is there.
"""

import gzip
import hashlib
import json
import pathlib
import pickle
import platform
import sys
import types

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "python"))
from old_examples import EXAMPLES  # noqa: E402

FOLDER = ROOT / "golden" / "old"
# Different enough that no two examples are read in the same way only.
PROTOCOLS = {"job": 2, "task": 4, "metrics": 5, "split": 3, "buried": 0, "enum": 4, "dataclass": 2}


def install(modules: dict) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] in ("app", "shop")]:
        del sys.modules[name]
    for name, source in modules.items():
        for depth in range(1, name.count(".") + 2):
            part = ".".join(name.split(".")[:depth])
            if part not in sys.modules:
                sys.modules[part] = types.ModuleType(part)
                sys.modules[part].__path__ = []
        exec(source, sys.modules[name].__dict__)
        sys.modules[name].__name__ = name
        parent, _, last = name.rpartition(".")
        setattr(sys.modules[parent], last, sys.modules[name])


def wrap(container: str, version: int, data: bytes) -> bytes:
    if container == "gzip":
        return gzip.compress(data, mtime=0)
    if container == "be32":
        header = json.dumps({"version": version, "host": "web1"}).encode()
        return len(header).to_bytes(4, "big") + header + data
    if container == "le64":
        header = json.dumps({"v": version, "sum": hashlib.sha256(data).hexdigest()}).encode()
        return len(header).to_bytes(8, "little") + header + data
    return data


def main() -> None:
    for name in sys.argv[1:]:
        example = EXAMPLES[name]
        for version, modules, make in zip(example["versions"], example["modules_then"], example["make"], strict=True):
            target = FOLDER / f"{name}-{version}.hex"
            if target.exists():
                sys.exit(f"{target} is there already: golden files are never changed")
            install(modules)
            scope: dict = {}
            exec(make, scope)
            data = b"".join(pickle.dumps(obj, PROTOCOLS[name]) for obj in scope["objects"])
            text = wrap(example["container"], version, data).hex()
            lines = [f"# made by: CPython {platform.python_version()}, protocol {PROTOCOLS[name]}", f"# command: old_make.py {name}"]
            lines += [text[i : i + 100] for i in range(0, len(text), 100)]
            FOLDER.mkdir(exist_ok=True)
            target.write_text("\n".join(lines) + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
