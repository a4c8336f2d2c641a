"""What is in the file, in the clear and without what differs from run to run."""

import json
import re
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet, InvalidToken

Rows = dict[str, list[Any]]

LEDGER = {
    "member": "SELECT id, nickname, consent_version, muted_at IS NULL FROM member",
    "account": "SELECT member_id, platform, user_id, state FROM account",
    "consent": "SELECT member_id, version FROM consent",
    "answer": "SELECT member_id, survey, question, kind, options, number, day, text, skipped"
    " FROM answer",
    "tag": "SELECT member_id, key, value, reason FROM tag",
    "introduction": "SELECT member_id, text FROM introduction",
    "conversation": "SELECT member_id, feature, state FROM conversation",
    "activity": "SELECT member_id, kind, subject FROM activity",
    "coupon": "SELECT id, stock, issued FROM coupon",
    "coupon_issue": "SELECT coupon, member_id, opened_at IS NULL FROM coupon_issue",
    "outbox": "SELECT member_id, want, way, state, target, payload FROM outbox",
    "inbox": "SELECT state, fault, raw FROM inbox",
    # A job that is done is no effect, and a start may ask for what an event asked for already.
    "job": "SELECT kind, member_id, state, payload FROM job WHERE state != 'done'",
    "wakeup": "SELECT kind, ref, member_id FROM wakeup",
    "counter": "SELECT name, value FROM counter",
    "once": "SELECT flag FROM once",
    "usage": "SELECT platform, counted FROM usage",
    "state": "SELECT name FROM state",
}
"""The rows that must be the same whatever died on the way; ids of events and times are not."""

OPEN = """
SELECT (SELECT count(*) FROM inbox WHERE state = 'open')
     + (SELECT count(*) FROM job WHERE state = 'open')
     + (SELECT count(*) FROM outbox WHERE state = 'ready' AND way IN ('reply', 'push'))
"""
_SEALED = re.compile(rb"(?:(\d+)\.)?(gAAAAA[A-Za-z0-9_-]{60,}={0,2})")


def connected(path: Path) -> closing[sqlite3.Connection]:
    """Open the file beside its process, for reading."""
    return closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5))


class Keys:
    """All keys there are: the community's, and members' own wherever a copy of one still lies."""

    def __init__(self, folder: Path, key: str) -> None:
        self._master = Fernet(key)
        self._own: dict[bytes, list[Fernet]] = {}
        for _, token in _SEALED.findall(bytes_of(folder)):
            bound, _, plain = self._opened(self._master, token).partition(b"\0")
            if bound.startswith(b"key:"):
                self._own.setdefault(bound.removeprefix(b"key:"), []).append(Fernet(plain))

    def open(self, sealed: bytes) -> bytes:
        """Return what a sealed value holds, without what it is bound to; b"" when nobody can."""
        return b"\n".join(self._open(*found) for found in _SEALED.findall(sealed))

    def _open(self, number: bytes, token: bytes) -> bytes:
        fernets = self._own.get(number, []) if number else [self._master]
        opened = (self._opened(fernet, token) for fernet in fernets)
        return next(filter(None, opened), b"").partition(b"\0")[2]

    def _opened(self, fernet: Fernet, token: bytes) -> bytes:
        # In a page a value may be followed by bytes that look like more of it.
        for cut in range(len(token) - len(token) % 4, max(60, len(token) - 40), -4):
            try:
                return fernet.decrypt(token[:cut])
            except InvalidToken:
                continue
        return b""


def ledger(path: Path, key: str) -> Rows:
    """Return all rows that must not depend on who died when; sealed values are opened."""
    keys = Keys(path.parent, key)
    with connected(path) as connection:
        return {
            table: sorted(
                (tuple(_clear(keys, value) for value in row) for row in connection.execute(query)),
                key=repr,
            )
            for table, query in LEDGER.items()
        }


def waiting(path: Path) -> int:
    """Return how many rows still wait for someone."""
    with connected(path) as connection:
        return int(connection.execute(OPEN).fetchone()[0])


def counts(path: Path, query: str) -> Counter[str]:
    """Return a GROUP BY query's counts."""
    with connected(path) as connection:
        return Counter({str(name): count for name, count in connection.execute(query)})


def differences(expected: Rows, found: Rows) -> list[str]:
    """Name each table that is not as in the uninterrupted run, and how."""
    return [
        f"{table}: lost {_minus(rows, found[table])}, extra {_minus(found[table], rows)}"
        for table, rows in expected.items()
        if rows != found[table]
    ]


def bytes_of(folder: Path) -> bytes:
    """Return the bytes of all files of a bot but its community's definitions."""
    paths = (path for path in sorted(folder.rglob("*")) if "community" not in path.parts)
    return b"\n".join(path.read_bytes() for path in paths if path.is_file())


def everything(folder: Path, key: str) -> bytes:
    """Return all that a thief with the keys could read: files as they are, and sealed values open.

    Sealed values are looked for in the bytes of the files, so those in free pages and in the
    write-ahead log count, too; and in the rows, because a long one lies scattered over pages.
    """
    keys, raw = Keys(folder, key), bytes_of(folder)
    found = [raw, keys.open(raw)]
    with connected(folder / "hiroba.db") as connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (name,) in names:
            for row in connection.execute(f'SELECT * FROM "{name}"'):  # noqa: S608
                # Numbers and dates are no text in the file.
                found += [each if isinstance(each, bytes) else str(each).encode() for each in row]
                found += [keys.open(value) for value in row if isinstance(value, bytes)]
    return b"\n".join(found)


def spellings(value: str) -> set[bytes]:
    """Return the ways a text may be written in a file: as it is, and escaped in JSON."""
    return {value.encode(), json.dumps(value)[1:-1].encode()}


def _clear(keys: Keys, value: object) -> object:
    return keys.open(value).decode(errors="replace") if isinstance(value, bytes) else value


def _minus(left: list[Any], right: list[Any]) -> list[Any]:
    return list((Counter(map(repr, left)) - Counter(map(repr, right))).elements())
