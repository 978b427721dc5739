# SPDX-License-Identifier: MIT
"""The program and the reference checker over the vectors of spec/vectors/assemble_seals.py: test_seal_vectors.py SNAPJAR."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "spec"), str(ROOT / "spec" / "vectors")]

import assemble_seals  # noqa: E402
import reference_reader  # noqa: E402
import reference_seals as seals  # noqa: E402


def named(context: str) -> str | None:
    return None if context == "-" else context


def cells(error: tuple) -> tuple:
    return tuple("-" if cell is None else str(cell) for cell in error)


def by_program(program: str, folder: pathlib.Path, name: str, context: str, seal: str) -> tuple:
    command = [program, "verify", "--json", "--trust", f"{name}.trust", "--key", "mac.key", f"{name}.snapjar"]
    if context != "-":
        command += ["--context", context]
    if seal == "detached":
        command += ["--detached"]
    line = json.loads(subprocess.run(command, cwd=folder, capture_output=True, text=True).stdout.splitlines()[0])
    error = line.get("errors", [None])[0]
    return cells((error["diagnostic"], error.get("offset"), error.get("record"))) if error else ("ok", "-", "-")


def by_reference(folder: pathlib.Path, name: str, context: str, seal: str) -> tuple:
    trust = seals.read_trust((folder / f"{name}.trust").read_text(), [assemble_seals.SECRET])
    path = folder / f"{name}.snapjar"
    data = path.read_bytes()
    index = None
    try:
        detached = seals.read_beside(str(path)) if seal == "detached" else None
        if detached is not None:
            seals.accept_detached(seals.read_detached(detached), trust, named(context), time.time())
        index = 0 if data else None
        for _ in seals.check_file(data, trust, named(context), detached=detached):
            index += 1
    except reference_reader.Fault as fault:
        return cells((fault.diagnostic, fault.offset, index))
    return "ok", "-", "-"


def main() -> int:
    program = str(pathlib.Path(sys.argv[1]).resolve())
    passed = failed = 0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        subprocess.run([sys.executable, str(ROOT / "spec" / "vectors" / "assemble_seals.py"), name], check=True)
        os.chmod(folder / "mac.key", 0o600)
        for line in (folder / "index.tsv").read_text(encoding="utf-8").splitlines()[1:]:
            vector, context, seal, *wanted = line.split("\t")[:6]
            answers = {"the program": by_program(program, folder, vector, context, seal), "the reference": by_reference(folder, vector, context, seal)}
            for who, got in answers.items():
                passed += got == tuple(wanted)
                if got != tuple(wanted):
                    failed += 1
                    print(f"not ok: {vector}: {who} says {got}, wanted {wanted}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or passed < 200 else 0


if __name__ == "__main__":
    sys.exit(main())
