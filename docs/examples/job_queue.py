# SPDX-License-Identifier: MIT
"""A queue of jobs in an SQLite file: several processes put and take, each job is a snapshot.

Usage: job_queue.py FILE put NUMBER | work | list

Listing reads labels only and loads nothing. A job that is damaged or not allowed is set aside with the reason; the
worker goes on with the next.
"""

import dataclasses
import sqlite3
import sys
from collections.abc import Callable, Iterator

import snapjar


@dataclasses.dataclass
class Job:
    __snapjar_schema__ = 1

    number: int
    result: int | None = None


class JobQueue:
    def __init__(self, path: str) -> None:
        self.database = sqlite3.connect(path, isolation_level=None, timeout=30)
        self.database.execute("PRAGMA journal_mode = WAL")
        self.database.execute(
            "CREATE TABLE IF NOT EXISTS jobs (id INTEGER PRIMARY KEY, state TEXT NOT NULL DEFAULT 'waiting', record BLOB NOT NULL,"
            " problem TEXT)"
        )

    def put(self, job: Job) -> int:
        record = snapjar.dumps(job, labels={"number": job.number})
        return self.database.execute("INSERT INTO jobs (record) VALUES (?)", (record,)).lastrowid or 0

    def take(self) -> tuple[int, Job] | None:
        """The next job, which is now this worker's, or None."""
        while True:
            row = self.database.execute(
                "UPDATE jobs SET state = 'running' WHERE id = (SELECT id FROM jobs WHERE state = 'waiting' ORDER BY id LIMIT 1)"
                " RETURNING id, record"
            ).fetchone()
            if row is None:
                return None
            try:
                return row[0], snapjar.loads(row[1], allow=[Job], layout="refuse")
            except snapjar.SnapjarError as error:
                self._finish(row[0], "refused", row[1], str(error))

    def done(self, number: int, job: Job) -> None:
        self._finish(number, "done", snapjar.dumps(job, labels={"number": job.number}), None)

    def _finish(self, number: int, state: str, record: bytes, problem: str | None) -> None:
        self.database.execute("UPDATE jobs SET state = ?, record = ?, problem = ? WHERE id = ?", (state, record, problem, number))

    def rows(self) -> Iterator[tuple[int, str, str, str]]:
        for number, state, record, problem in self.database.execute("SELECT id, state, record, problem FROM jobs ORDER BY id"):
            try:
                header = snapjar.inspect(record)
                what = f"{header.type} {header.labels}"
            except snapjar.SnapjarError as error:
                what = f"unreadable: {error.diagnostic}"
            yield number, state, what, (problem or "").partition("\n")[0]


def work(queue: JobQueue, compute: Callable[[int], int]) -> int:
    count = 0
    while (taken := queue.take()) is not None:
        identifier, job = taken
        job.result = compute(job.number)
        queue.done(identifier, job)
        count += 1
    return count


def main() -> None:
    queue = JobQueue(sys.argv[1])
    if sys.argv[2:3] == ["put"]:
        print(queue.put(Job(int(sys.argv[3]))))
    elif sys.argv[2:] == ["work"]:
        print(work(queue, lambda number: number * number))
    else:
        for row in queue.rows():
            print(*row, sep="\t")


if __name__ == "__main__":
    # Pickles name the module of a class: as a script this would be __main__, which is another one for every program.
    import job_queue

    job_queue.main()
