"""Short visits to a SQLite file that no store has open: what commands ask of it and do to it.

Everything here is one connection and a few constant statements on the driver.
"""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from storage.sqlite import connect

SOUND = "ok"
_PAUSE = (
    """UPDATE outbox SET state = 'uncertain', reason = 'restored', target = NULL, payload = NULL
       WHERE state = 'ready' AND way IN ('push', 'reply')""",
    """UPDATE chunk SET state = 'dead', fault = 'restored', owner = '', until = NULL
       WHERE state = 'open'""",
    """UPDATE broadcast SET stage = 'stopped', reason = 'restored'
       WHERE stage IN ('freezing', 'ready', 'sending')""",
)
"""After a restore nobody knows what had left: nothing of it is repeated."""


def damage(path: Path) -> str:
    """Return SOUND, or the first damage that SQLite finds.

    Raises:
        sqlite3.DatabaseError: it is no database, or cannot be opened.
    """
    with closing(connect(path)) as connection:
        return str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])


def damage_of_backup(path: Path) -> str:
    """Return the same for a file that must hold our schema, after a thorough look.

    Raises:
        sqlite3.DatabaseError: it is no database of ours.
    """
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("SELECT version_num FROM alembic_version").fetchone()
        return str(connection.execute("PRAGMA integrity_check(1)").fetchone()[0])


def dead_letters(path: Path) -> tuple[int, int]:
    """Return how many events and how many jobs failed too often."""
    with closing(connect(path, read_only=True)) as connection:
        events, jobs = connection.execute(
            """SELECT (SELECT count(*) FROM inbox WHERE state = 'dead'),
                      (SELECT count(*) FROM job WHERE state = 'dead')"""
        ).fetchone()
    return int(events), int(jobs)


def secret(path: Path, make: Callable[[], str]) -> str:
    """Return the community's sealed hash secret; the first visit keeps what `make` gives."""
    with closing(connect(path)) as connection:
        found = connection.execute("SELECT value FROM state WHERE name = 'secret'").fetchone()
        if found is not None:
            return str(json.loads(found[0])["sealed"])
        sealed = make()
        connection.execute(
            "INSERT INTO state (name, value, at) VALUES ('secret', ?, CURRENT_TIMESTAMP)",
            (json.dumps({"sealed": sealed}),),
        )
        return sealed


def copy(source: Path, target: Path, progress: Callable[[int, int, int], None] | None) -> None:
    """Copy a database page by page, also while it is served; the copy is one file."""
    with (
        closing(connect(source, read_only=True)) as opened,
        closing(sqlite3.connect(target)) as made,
    ):
        opened.backup(made, pages=1_000, progress=progress)
        made.execute("PRAGMA journal_mode=DELETE")


def pause(path: Path, at: datetime) -> None:
    """Stop sending, and repeat nothing that may have left after the backup was taken."""
    stopped = (json.dumps({"reason": "restored"}), f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}")
    with closing(connect(path)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(
            """INSERT INTO state (name, value, at) VALUES ('stop', ?, ?)
               ON CONFLICT (name) DO UPDATE SET value = excluded.value""",
            stopped,
        )
        for statement in _PAUSE:
            connection.execute(statement)
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("PRAGMA journal_mode=DELETE")


def never_again(database: Path, numbers: set[int]) -> None:
    """Let no new member get the number, and so the key, of one whom this backup does not know."""
    with closing(connect(database)) as connection:
        last = ("member", max(numbers, default=0))
        found = connection.execute(
            "UPDATE sqlite_sequence SET seq = max(seq, ?2) WHERE name = ?1", last
        )
        if not found.rowcount:
            connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", last)
