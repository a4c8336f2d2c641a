"""Power loss: the write-ahead log is cut or a bit of it flips, and what opens is a true past.

A transaction writes an element, what its member did, and a job; each is all there or not at
all, and those that are there are the first ones, in order.
"""

import shutil
import sqlite3
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from storage import activity, inbox, migrate, work
from storage.inbox import InboxState
from storage.seal import Cipher
from storage.sqlite import SqliteStore
from storage.store import Tx

NOW = datetime(2026, 12, 20, 1, 0, tzinfo=UTC)
COUNTS = (
    "SELECT count(*), coalesce(max(CAST(key AS INTEGER)), 0) FROM inbox",
    "SELECT count(*), coalesce(max(CAST(subject AS INTEGER)), 0) FROM activity",
    "SELECT count(*), coalesce(max(CAST(key AS INTEGER)), 0) FROM job",
)


async def written(path: Path, cipher: Cipher, transactions: int) -> tuple[Path, Path]:
    """Write transactions numbered from 1, and return copies of the file and its log before the end."""
    migrate.upgrade(path)
    store = SqliteStore(path, cipher)
    for number in range(1, transactions + 1):
        await store.write(lambda tx, n=number: _one(tx, n))  # type: ignore[misc]
    copies = (path.with_name("torn.db"), path.with_name("torn.db-wal"))
    for copy, end in zip(copies, ("", "-wal"), strict=True):
        shutil.copyfile(path.with_name(path.name + end), copy)
    await store.close()
    return copies


async def _one(tx: Tx, number: int) -> None:
    """Write three rows that belong together."""
    await tx.one(
        inbox.ADD, platform="line", key=str(number), lane="lane", now=NOW, occurred_at=NOW,
        state=InboxState.DONE, fault="", raw=None, due=None,
    )  # fmt: skip
    await tx.run(activity.RECORD, member_id=None, kind="said", subject=str(number), at=NOW)
    await tx.one(
        work.ADD_JOB, kind="said", key=str(number), member_id=None, due=NOW,
        payload=tx.cipher.seal("something to say" * 8, f"job:said:{number}"),
    )  # fmt: skip


def tear(path: Path, log: Path, chance: Random, times: int) -> Counter[str]:
    """Damage the log `times` times and open what is left; return what was found.

    Keys: `survivors` (sum), `full`, `none`, and the faults `torn`, `gap`, `damaged`, which a
    sound store never has.
    """
    found: Counter[str] = Counter()
    whole = log.read_bytes()
    for _ in range(times):
        hurt = path.with_name("hurt.db")
        shutil.copyfile(path, hurt)
        hurt.with_name("hurt.db-shm").unlink(missing_ok=True)
        hurt.with_name("hurt.db-wal").write_bytes(_damaged(whole, chance))
        with closing(sqlite3.connect(hurt)) as connection:
            seen = [connection.execute(query).fetchone() for query in COUNTS]
            found["damaged"] += connection.execute("PRAGMA integrity_check").fetchone()[0] != "ok"
        found["torn"] += len(set(seen)) > 1
        found["gap"] += any(count != last for count, last in seen)
        found["survivors"] += seen[0][0]
        found["none"] += seen[0][0] == 0
    return found


def _damaged(whole: bytes, chance: Random) -> bytes:
    at = chance.randrange(len(whole))
    if chance.random() < 0.5:
        return whole[:at]
    hurt = bytearray(whole)
    hurt[at] ^= 1 << chance.randrange(8)
    return bytes(hurt)
