"""The audit log's chain: any change of any row is found, and which row it is."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random

import pytest
from cryptography.fernet import Fernet

from storage import audit, migrate
from storage.audit import Act, Verdict
from storage.seal import Cipher
from storage.sqlite import SqliteStore

NOON = datetime(2026, 12, 20, 3, tzinfo=UTC)
ROWS = 20


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    path = tmp_path / "hiroba.db"
    migrate.upgrade(path)
    opened = SqliteStore(path, Cipher([Fernet.generate_key().decode()], b"s" * 32))
    for number in range(ROWS):
        facts = audit.facts_of(count=number, word="役割")
        act = Act("a" * 32, "role.grant", f"account-{number}", facts)
        at = NOON + timedelta(seconds=number)
        await opened.write(partial(audit.append, act=act, at=at))
    yield opened
    await opened.close()


async def test_an_untouched_chain_holds(store: SqliteStore) -> None:
    assert await store.read(audit.verify) == Verdict(ROWS, None)


async def test_two_hundred_flipped_bits_are_two_hundred_findings(store: SqliteStore) -> None:
    chance = Random(20261220)
    columns = ("at", "actor", "act", "subject", "facts", "seal")
    found = 0
    with closing(sqlite3.connect(store.path, isolation_level=None)) as other:
        for _ in range(200):
            column, row_id = chance.choice(columns), chance.randint(1, ROWS)
            before = value_of(other, column, row_id)
            put(other, column, row_id, flipped(before, chance))
            found += await broken(store, row_id)
            put(other, column, row_id, before)
    assert found == 200
    assert await store.read(audit.verify) == Verdict(ROWS, None)


async def broken(store: SqliteStore, row_id: int) -> bool:
    return (await store.read(audit.verify)).broken == row_id


def value_of(connection: sqlite3.Connection, column: str, row_id: int) -> str:
    query = f"SELECT {column} FROM audit WHERE id = ?"  # noqa: S608  one of six names
    found: str = connection.execute(query, (row_id,)).fetchone()[0]
    return found


def put(connection: sqlite3.Connection, column: str, row_id: int, value: str) -> None:
    statement = f"UPDATE audit SET {column} = ? WHERE id = ?"  # noqa: S608  one of six names
    connection.execute(statement, (value, row_id))


def flipped(text: str, chance: Random) -> str:
    """Flip one bit of one ASCII character, so that the text stays storable."""
    places = [place for place, letter in enumerate(text) if letter.isascii()]
    place = chance.choice(places)
    return text[:place] + chr(ord(text[place]) ^ (1 << chance.randint(0, 5))) + text[place + 1 :]


@pytest.mark.parametrize(
    ("statement", "verdict"),
    [
        ("DELETE FROM audit WHERE id = 7", Verdict(6, 8)),
        ("DELETE FROM audit WHERE id > 15", Verdict(15, 0)),
        ("DELETE FROM state WHERE name = 'audit'", Verdict(ROWS, 0)),
        ("UPDATE audit SET id = 99 WHERE id = 3", Verdict(2, 4)),
    ],
)
async def test_removed_and_moved_rows_are_found(
    store: SqliteStore, statement: str, verdict: Verdict
) -> None:
    with closing(sqlite3.connect(store.path, isolation_level=None)) as other:
        other.execute(statement)
    assert await store.read(audit.verify) == verdict


async def test_who_saw_what_is_one_query(store: SqliteStore) -> None:
    later = NOON + timedelta(seconds=3)
    seen = await store.read(
        lambda tx: tx.all(
            audit.BETWEEN, actor="a" * 32, since=audit.instant(NOON), until=audit.instant(later)
        )
    )
    assert [row.subject for row in seen] == ["account-0", "account-1", "account-2"]
