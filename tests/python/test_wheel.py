#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`pip install . --no-build-isolation` without a network: the package it installs works, in a place of its own.

The sources are copied first, since meson-python writes into them. Skipped where pip, venv or meson-python is not there.
"""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOT_SOURCE = shutil.ignore_patterns("build", "build-*", ".*", "__pycache__")
NEEDED = ("mesonpy", "pip", "venv", "ensurepip")

# Run by the interpreter of the new environment, in a folder where nothing of the sources is found.
PROGRAM = textwrap.dedent('''
    import importlib.metadata
    import json
    import pathlib
    import sys
    import snapjar
    from snapjar import _core, fleet
    from snapjar.integrations import dask, django, joblib, kombu

    home = pathlib.Path(snapjar.__file__).parent
    assert home.is_relative_to(sys.prefix), home
    assert pathlib.Path(_core.__file__).suffixes == [".abi3", ".so"], _core.__file__
    assert importlib.metadata.version("snapjar") == snapjar.__version__
    assert (home / "py.typed").exists() and (home / "__init__.pyi").exists()
    assert not list(home.parent.rglob("libsnapjar.so*")), "the library is linked into the extension"

    class Job:
        def __init__(self, number):
            self.number = number

    snapjar.dump({"job": Job(7), "text": "x" * 100_000}, "a.snapjar")
    assert snapjar.load("a.snapjar", allow=[Job])["job"].number == 7
    try:
        snapjar.load("a.snapjar")
    except snapjar.PolicyError as error:
        assert error.allow == ("__main__:Job",)
    else:
        raise AssertionError("loaded what nobody allowed")
    assert snapjar.inspect("a.snapjar").layout == {"__main__:Job": ["number"]}
    assert snapjar.verify("a.snapjar")
    [result] = snapjar.scan("a.snapjar")
    assert result.verdict == "denied" and result.denials[0].global_name == "__main__:Job"
    assert fleet.scan("a.snapjar", allow=["__main__:Job"]).exit_code == 0
    [plugin] = [point.value for point in importlib.metadata.entry_points(group="pytest11") if point.name == "snapjar"]
    assert plugin == "snapjar.pytest_plugin"
''')  # fmt: skip


def run(*command: str, **keywords: object) -> str:
    done = subprocess.run(command, capture_output=True, text=True, **keywords)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def main() -> int:
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        print(f"skipped: no {', '.join(missing)}")
        return 77
    with tempfile.TemporaryDirectory(prefix="snapjar-wheel-") as name:
        folder = Path(name)
        shutil.copytree(ROOT, folder / "source", ignore=NOT_SOURCE)
        run(sys.executable, "-m", "venv", "--system-site-packages", str(folder / "venv"))
        python = str(folder / "venv" / "bin" / "python")
        # Nothing of the build that runs this test: neither its options nor its package.
        clean = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "LD_PRELOAD", "CFLAGS", "MAKEFLAGS")}
        clean.update(PIP_NO_INDEX="1", PIP_DISABLE_PIP_VERSION_CHECK="1", PIP_NO_INPUT="1")
        run(python, "-m", "pip", "install", "--no-build-isolation", "--no-deps", "--no-cache-dir", ".",
            cwd=folder / "source", env=clean)  # fmt: skip
        (folder / "elsewhere").mkdir()
        (folder / "elsewhere" / "program.py").write_text(PROGRAM)
        run(python, "program.py", cwd=folder / "elsewhere", env=clean)
        listed = run(python, "-m", "pip", "list", "--format=freeze", env=clean)
        assert re.search(r"^snapjar==", listed, re.MULTILINE), listed
        run(python, "-m", "pip", "uninstall", "--yes", "snapjar", env=clean)
        gone = subprocess.run([python, "-c", "import snapjar"], cwd=folder / "elsewhere", env=clean, capture_output=True)
        assert gone.returncode == 1, "something of it stays behind"
    return 0


if __name__ == "__main__":
    sys.exit(main())
