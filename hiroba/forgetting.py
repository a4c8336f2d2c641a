"""What a backup must forget before anything opens it in the database's place."""

import json
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple

from bot import erasure
from storage import members, personal, visit, work
from storage.keyring import Keyring
from storage.members import JoinedRow
from storage.seal import Cipher
from storage.sqlite import SqliteStore

PAGE = 1_000


class Forgotten(NamedTuple):
    """How many members were erased, and how many values had no key to open them."""

    erased: int
    unreadable: int


async def forget(database: Path, cipher: Cipher, keyring: Keyring, now: datetime) -> Forgotten:
    """Erase from a backup everybody who was erased after it was taken.

    Whoever joined again after their erasure is another member, and stays. What no key opens,
    because the key file is not the backup's, is dropped, or it would break every answer.
    """
    store = SqliteStore(database, cipher)
    try:
        erased = await _erase_listed(store, keyring, now)
        numbers = keyring.members()
        dropped = await store.write(lambda tx: personal.drop_unreadable(tx, numbers))
    finally:
        await store.close()
    visit.never_again(database, numbers)
    return Forgotten(erased, dropped)


async def finish(database: Path, cipher: Cipher) -> None:
    """Destroy the keys that the database to be replaced was still about to destroy."""
    store = SqliteStore(database, cipher)
    try:
        waiting = await store.read(lambda tx: tx.all(work.UNDONE, kind=erasure.FORGET_KEY))
    finally:
        await store.close()
    for row in waiting:
        payload = cipher.open(row.payload or b"", f"job:{row.kind}:{row.key}")
        erased = erasure.load(json.loads(payload))
        cipher.keyring.forget(erased.member_id, erased.hashes, erased.at)


async def _erase_listed(store: SqliteStore, keyring: Keyring, now: datetime) -> int:
    listed, count, after = keyring.forgotten(), 0, 0
    while listed:
        page = await store.read(
            lambda tx, after=after: tx.all(members.JOINED_AFTER, after=after, limit=PAGE)  # type: ignore[misc]
        )
        if not page:
            break
        after = page[-1].id
        for member_id in sorted({row.member_id for row in page if _meant(store, listed, row)}):
            gone = await store.write(partial(erasure.erase, member_id=member_id, now=now))
            # The list keeps its moments: who comes back from now on is another member.
            keyring.forget(gone.member_id, (), now)
            count += 1
    return count


def _meant(store: SqliteStore, listed: dict[str, datetime], row: JoinedRow) -> bool:
    known = members.hash_of(store.cipher, (row.platform, row.realm, row.user_id))
    at = listed.get(known)
    return at is not None and row.joined_at <= at
