#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The worked examples of docs/migrating.md, on files that old programs wrote: test_old_examples.py SNAPJAR.

Each file of tests/golden/old is migrated by its contract (docs/examples/contracts), verified, and loaded by CPython with the classes
as they are now. What comes of it is what the example says; a second run finds the file current and leaves it alone.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

from old_examples import EXAMPLES

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SNAPJAR = sys.argv[1]

passed = failed = 0


def check(condition: bool, what: str) -> None:
    global passed, failed
    if condition:
        passed += 1
    else:
        failed += 1
        print(f"not ok: {what}")


def run(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([SNAPJAR, *arguments], capture_output=True, text=True)


def thaw(name: str, version: int) -> bytes:
    lines = (ROOT / "tests/golden/old" / f"{name}-{version}.hex").read_text(encoding="ascii").splitlines()
    return bytes.fromhex("".join(line for line in lines if not line.startswith("#")))


def write_modules(folder: pathlib.Path, modules: dict) -> None:
    for name, source in modules.items():
        parts = name.split(".")
        is_package = any(other.startswith(name + ".") for other in modules)
        for depth in range(1, len(parts)):
            package = folder.joinpath(*parts[:depth])
            package.mkdir(parents=True, exist_ok=True)
            (package / "__init__.py").touch()
        path = folder.joinpath(*parts)
        if is_package:
            path.mkdir(exist_ok=True)
            path = path / "__init__"
        path.with_suffix(".py").write_text(source)


def load_now(folder: pathlib.Path, pickle_path: pathlib.Path, look: str) -> str:
    script = f"import pickle\nobj = pickle.load(open({str(pickle_path)!r}, 'rb'))\n{look}\n"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=folder,
                          env={**os.environ, "PYTHONPATH": str(folder)})
    return done.stdout.strip() or done.stderr


def try_version(name: str, example: dict, version: int, seen: str, folder: pathlib.Path) -> None:
    what = f"{name}, version {version}"
    contract = ROOT / "docs/examples/contracts" / f"{name}.json"
    document = json.loads(contract.read_text())
    accepted = document.get("versions", {}).get(str(version), {}).get("accepted", False)
    current = document["schema_version"]
    old = folder / f"{name}-{version}.old"
    old.write_bytes(thaw(name, version))
    tried = run("migrate", "--contract", str(contract), "--dry-run", *example["options"], str(old))
    check(tried.returncode == 0 and old.read_bytes() == thaw(name, version), f"{what}: dry run: {tried.stderr}")
    done = run("migrate", "--contract", str(contract), *example["options"], str(old))
    check(done.returncode == 0, f"{what}: {done.stderr}")
    check(run("verify", str(old)).returncode == 0, f"{what}: not whole")
    header = json.loads(run("info", "--json", str(old)).stdout.splitlines()[0])["header"]
    check(header["schema_version"] == (version if accepted else current), f"{what}: of version {header['schema_version']}")
    check(("history" in header) == (version < current and not accepted), f"{what}: history")
    migrated = old.read_bytes()
    check(run("migrate", "--contract", str(contract), str(old)).returncode == 0 and old.read_bytes() == migrated, f"{what}: again")
    checked = run("contract", "check", str(contract), str(old))
    check(checked.returncode == 0, f"{what}: contract check: {checked.stdout}")
    pickle_path = folder / f"{name}-{version}.pkl"
    run("unpack", str(old), "-o", str(pickle_path))
    check(load_now(folder, pickle_path, example["look"]) == seen, f"{what}: {load_now(folder, pickle_path, example['look'])} is not {seen}")


def main() -> int:
    for name, example in EXAMPLES.items():
        with tempfile.TemporaryDirectory(prefix="snapjar-example-") as made:
            folder = pathlib.Path(made)
            write_modules(folder, example["modules_now"])
            for version, seen in zip(example["versions"], example["seen"], strict=True):
                try_version(name, example, version, seen, folder)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
