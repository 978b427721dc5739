# SPDX-License-Identifier: MIT
"""The example programs and the code in the documents run, and do what they say."""

import contextlib
import io
import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
QUEUE = DOCS / "examples" / "job_queue.py"


def queue(database, *arguments):
    done = subprocess.run([sys.executable, QUEUE, database, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_job_queue(tmp_path):
    database = tmp_path / "jobs.sqlite"
    for number in (3, 4, 5, 6):
        queue(database, "put", str(number))
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        [record] = connection.execute("SELECT record FROM jobs WHERE id = 2").fetchone()
        connection.execute("UPDATE jobs SET record = ? WHERE id = 2", (record[:-1],))
    workers = [subprocess.Popen([sys.executable, QUEUE, database, "work"], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    counts = [int(worker.communicate()[0]) for worker in workers]
    assert sum(counts) == 3
    rows = [line.split("\t") for line in queue(database, "list")]
    assert [row[1] for row in rows] == ["done", "refused", "done", "done"]
    assert "record-cut-short" in rows[1][3] and rows[0][2] == "job_queue:Job {'number': 3}"


@pytest.mark.parametrize("document", ["tutorial.md", "limits.md"])
def test_code_in_documents(document, tmp_path, monkeypatch):
    """The Python blocks of a document are one program; what it prints stands in the text blocks after them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    text = (DOCS / document).read_text()
    for name, body in re.findall(r"```python\n# (\w+\.py)\n(.*?)```", text, re.S):
        Path(name).write_text(body)
    names = {}
    for body, _, expected in re.findall(r"```python\n(?!# \w+\.py)(.*?)```(\s*```text\n(.*?)```)?", text, re.S):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(body, document, "exec"), names)
        assert out.getvalue() == expected, body
    os.chdir("/")
    sys.modules.pop("jobs", None)
