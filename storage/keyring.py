"""Members' own keys, in one file that no backup contains, so that backups forget, too.

What a member wrote is sealed with a key of the member's own. Erasing destroys the key: from then
on no copy of the database opens it. The same file lists the keyed hashes of erased accounts, so
that a restored backup is cleared of them before anything opens it.

The file stands beside the database, is never part of a backup, and is itself sealed with
HIROBA_SECRET_KEYS. Several processes of one machine may use it at once.
"""

import os
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from cryptography.fernet import Fernet

from storage.seal import Cipher, SealBroken
from storage.store import StoreError

BLOCK = 256
"""Keys made at once, for a member and those who come next: one wait for the disk for all."""
CACHED = 2_048
"""Keys kept open in a process."""
BUSY_SECONDS = 5.0
"""How long one process waits for another's change of the file."""

_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA secure_delete=ON",
)
_TABLES = (
    # When a key was made stands in its seal.
    "CREATE TABLE IF NOT EXISTS key (member_id INTEGER PRIMARY KEY, sealed BLOB NOT NULL)",
    "CREATE TABLE IF NOT EXISTS forgotten (hash TEXT PRIMARY KEY, at TEXT NOT NULL) WITHOUT ROWID",
)
_KEY = "SELECT sealed FROM key WHERE member_id = ?"
_ADD_KEY = "INSERT INTO key (member_id, sealed) VALUES (?, ?) ON CONFLICT DO NOTHING"
_FORGET = (
    "INSERT INTO forgotten (hash, at) VALUES (?, ?) "
    "ON CONFLICT (hash) DO UPDATE SET at = max(at, excluded.at)"
)


class Keyring:
    """The key file. Opened when it is first needed, from any thread; made by the first key.

    Raises, wherever the file is used:
        StoreError: it cannot be read or written now.
    """

    def __init__(self, path: Path, keys: Sequence[str]) -> None:
        """`keys` are HIROBA_SECRET_KEYS, newest first."""
        self.path = path
        self._cipher = Cipher(keys)
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._open: OrderedDict[int, Fernet] = OrderedDict()
        self._generation = 0

    def key_of(self, member_id: int, *, make: bool = False) -> Fernet:
        """Return a member's own key; `make` one where there is none.

        Raises:
            SealBroken: there is no such key (any more).
        """
        with self._file(make=make) as file:
            generation = file.execute("PRAGMA data_version").fetchone()[0]
            if generation != self._generation:
                # Another process wrote: it may have forgotten any of them.
                self._open.clear()
                self._generation = generation
            if (found := self._open.get(member_id)) is not None:
                self._open.move_to_end(member_id)
                return found
            row = file.execute(_KEY, (member_id,)).fetchone()
            if row is None and make:
                self._add_block(file, member_id)
                row = file.execute(_KEY, (member_id,)).fetchone()
            if row is None:
                raise _gone(member_id)
            key = Fernet(self._cipher.open(row[0], _bound(member_id)))
            self._open[member_id] = key
            if len(self._open) > CACHED:
                self._open.popitem(last=False)
            return key

    def forget(self, member_id: int, hashes: Sequence[str], at: datetime) -> None:
        """Destroy a member's key for good and list the hashes of their accounts.

        `at` is when the member was erased: who joins again later is not meant. Doing it twice
        changes nothing.
        """
        moment = _instant(at)
        with self._file(make=True) as file:
            with _change(file):
                file.execute("DELETE FROM key WHERE member_id = ?", (member_id,))
                file.executemany(_FORGET, [(known, moment) for known in hashes])
            self._open.pop(member_id, None)
            if not _empty_log(file):
                message = f"the key file {self.path} is being read: its log still holds the key"
                raise StoreError(message)

    def forgotten(self) -> dict[str, datetime]:
        """Return the hashes of all erased accounts, each with the moment of its last erasure."""
        if not self._exists():
            return {}
        with self._file(make=False) as file:
            found = file.execute("SELECT hash, at FROM forgotten").fetchall()
        return {known: datetime.fromisoformat(at) for known, at in found}

    def members(self) -> set[int]:
        """Return the numbers that have a key, those included that wait for their member."""
        if not self._exists():
            return set()
        with self._file(make=False) as file:
            return {number for (number,) in file.execute("SELECT member_id FROM key")}

    def close(self) -> None:
        """Close the file; it is opened again when it is needed."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
            self._connection = None
            self._open.clear()

    def _exists(self) -> bool:
        return self._connection is not None or self.path.exists()

    @contextmanager
    def _file(self, *, make: bool) -> Iterator[sqlite3.Connection]:
        """Hold the file, one thread at a time."""
        try:
            with self._lock:
                if self._connection is None:
                    if not make and not self.path.exists():
                        message = f"there is no key file {self.path}"
                        raise SealBroken(message)
                    self._connection = _connect(self.path)
                yield self._connection
        except (sqlite3.Error, OSError) as error:
            message = f"the key file {self.path} cannot be used: {type(error).__name__}"
            raise StoreError(message) from error

    def _add_block(self, file: sqlite3.Connection, member_id: int) -> None:
        """Make a key for a member and for the numbers that follow."""
        made = [
            (number, self._cipher.seal(Fernet.generate_key(), _bound(number)))
            for number in range(member_id, member_id + BLOCK)
        ]
        with _change(file):
            file.executemany(_ADD_KEY, made)


def _connect(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Before SQLite makes it: what holds keys is never readable for others, not for a moment.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    connection = sqlite3.connect(
        path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    for statement in (*_PRAGMAS, *_TABLES):
        connection.execute(statement)
    return connection


@contextmanager
def _change(file: sqlite3.Connection) -> Iterator[None]:
    file.execute("BEGIN IMMEDIATE")
    try:
        yield
        file.execute("COMMIT")
    finally:
        if file.in_transaction:
            file.execute("ROLLBACK")


def _empty_log(file: sqlite3.Connection) -> bool:
    """Move the write-ahead log into the file; False when somebody is reading it."""
    busy, _, _ = file.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


def _bound(member_id: int) -> str:
    return f"key:{member_id}"


def _instant(at: datetime) -> str:
    """Write an instant so that texts sort as instants do."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _gone(member_id: int) -> SealBroken:
    return SealBroken(f"member {member_id} has no key (any more)")
