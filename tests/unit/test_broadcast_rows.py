"""The ledger of broadcasts on both databases: freezing, claiming, fencing, counting."""

import asyncio
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest

from storage import audience, broadcast, chunks, members
from storage.audience import Audience, Caps
from storage.broadcast import SENT, Stage, Tally
from storage.chunks import ChunkRow
from storage.dialects import listed
from storage.members import AccountState
from storage.store import Store, Tx
from tests.databases import Database

NOW = datetime(2026, 12, 24, 1, 0, tzinfo=UTC)
LEASE = NOW + timedelta(seconds=30)
CAPS = Caps(today=NOW - timedelta(hours=10), week=NOW - timedelta(days=3), per_day=1, per_week=2)


async def enrol(tx: Tx, count: int) -> None:
    for number in range(1, count + 1):
        member_id = await tx.one(members.ADD_MEMBER, now=NOW)
        await tx.one(
            members.ADD_ACCOUNT,
            member_id=member_id,
            platform="line",
            realm="r",
            user_id=f"U{number}",
            conversation=f"U{number}",
            state=AccountState.LEFT if number % 5 == 0 else AccountState.ACTIVE,
            at=NOW,
        )


async def launch(tx: Tx, **more: Any) -> int:
    values = {"important": False, "audience": None, "one_by_one": False, "due": NOW, **more}
    made: int | None = await tx.one(
        broadcast.OPEN,
        key=uuid4(),
        title="t",
        platform="line",
        content=b"x",
        version=1,
        now=NOW,
        **values,
    )
    assert made is not None
    return made


async def freeze(tx: Tx, size: int, asked: Audience | None = None) -> bool:
    row = await tx.one(audience.NEXT_FREEZING)
    assert row is not None
    ended = await (asked or Audience(None, important=row.important)).freeze(tx, row, CAPS)
    if ended:
        [total] = [r.total for r in await tx.all(broadcast.GET, broadcast_id=row.id)]
        await tx.run(audience.ADD_CHUNKS, broadcast_id=row.id, size=size, total=total, due=row.due)
    return ended


async def claim(tx: Tx, worker: str, limit: int = 10) -> list[ChunkRow]:
    await tx.run(broadcast.START_DUE, now=NOW)
    return await tx.all(chunks.CLAIM, now=NOW, limit=limit, worker=worker, until=LEASE)


async def opened(store: Store, count: int = 12, size: int = 4) -> int:
    await store.write(lambda tx: enrol(tx, count))
    number = await store.write(launch)
    assert await store.write(lambda tx: freeze(tx, size))
    return number


async def tally(store: Store, number: int) -> Tally:
    found = await store.read(lambda tx: tx.all(broadcast.TALLY, broadcast_id=number, since=NOW))
    return found[0]


async def test_an_audience_is_frozen_range_by_range(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audience, "RANGE", 5)
    await store.write(lambda tx: enrol(tx, 12))
    number = await store.write(launch)
    ended = [await store.write(lambda tx: freeze(tx, 4)) for _ in range(3)]
    assert ended == [False, False, True]
    row = await store.read(lambda tx: tx.one(broadcast.GET, broadcast_id=number))
    assert row is not None
    assert (row.stage, row.total, row.excluded) == (Stage.READY, 10, {"blocked": 2})
    claimed = await store.write(lambda tx: claim(tx, "one"))
    assert sorted((c.lo, c.hi) for c in claimed) == [(1, 4), (5, 8), (9, 10)]
    found = await store.read(
        lambda tx: tx.all(chunks.LOAD, broadcast_id=number, lo=1, hi=10, important=False)
    )
    assert [each.seq for each in found] == list(range(1, 11))
    assert [each.user_id for each in found] == [f"U{n}" for n in range(1, 13) if n % 5]


async def test_a_planned_broadcast_counts_towards_the_caps(store: Store) -> None:
    number = await opened(store)
    other = await store.write(launch)
    await store.write(lambda tx: freeze(tx, 4))
    row = await store.read(lambda tx: tx.one(broadcast.GET, broadcast_id=other))
    assert row is not None
    assert (row.total, row.excluded) == (0, {"blocked": 2, "capped": 10})
    since = await store.read(
        lambda tx: tx.one(audience.PUSHED_SINCE, member_id=1, since=CAPS.today)
    )
    assert since == 1
    await store.write(lambda tx: tx.run(broadcast.CANCEL, broadcast_id=number))
    third = await store.write(launch)
    await store.write(lambda tx: freeze(tx, 4))
    row = await store.read(lambda tx: tx.one(broadcast.GET, broadcast_id=third))
    assert row is not None
    assert row.total == 10


async def test_two_workers_never_claim_one_chunk(database: Database) -> None:
    one, other = database.open(), database.open()
    await opened(one, 60, 1)
    got = await asyncio.gather(
        *[s.write(partial(claim, worker=w, limit=5)) for s, w in ((one, "a"), (other, "b")) * 6]
    )
    ids = [each.id for group in got for each in group]
    assert len(ids) == len(set(ids)) == 48


async def test_a_claim_that_ran_out_ends_nothing(store: Store) -> None:
    number = await opened(store)
    first = (await store.write(lambda tx: claim(tx, "one", 1)))[0]
    later = LEASE + timedelta(seconds=1)
    again = await store.write(
        lambda tx: tx.all(
            chunks.CLAIM, now=later, limit=9, worker="two", until=later + timedelta(seconds=30)
        )
    )
    assert {c.id: c.tries for c in again}[first.id] == 1
    ours = {"chunk_id": first.id, "worker": "one"}
    assert not await store.write(lambda tx: tx.run(chunks.BEGIN, **ours, now=later, until=later))
    assert not await store.write(lambda tx: tx.run(chunks.END, **ours, sent=4, now=later))
    ours["worker"] = "two"
    assert await store.write(lambda tx: tx.run(chunks.BEGIN, **ours, now=later, until=later))
    assert await store.write(lambda tx: tx.run(chunks.END, **ours, sent=4, now=later))
    assert (await tally(store, number)).sent == 4


async def test_a_log_grows_in_groups_and_takes_each_number_once(store: Store) -> None:
    number = await opened(store)
    chunk = (await store.write(lambda tx: claim(tx, "one", 1)))[0]
    ours = {"chunk_id": chunk.id, "worker": "one"}

    async def grow(tx: Tx) -> None:
        for result, seqs in ((SENT, [1, 2]), (SENT, [2, 3]), ("left", [4, 3])):
            await tx.run(chunks.LOG, broadcast_id=number, seqs=listed(seqs), result=result, now=NOW)
        await tx.run(chunks.GROW, **ours, until=LEASE, now=NOW)

    await store.write(grow)
    stands = await tally(store, number)
    assert (stands.sent, stands.failed, stands.waiting, stands.recent) == (3, 1, 6, 3)
    left = await store.read(
        lambda tx: tx.all(chunks.LOAD, broadcast_id=number, lo=1, hi=10, important=False)
    )
    assert [each.seq for each in left] == [5, 6, 7, 8, 9, 10]
    unsent = await store.read(
        lambda tx: tx.all(broadcast.UNSENT, broadcast_id=number, after=5, limit=3)
    )
    assert [each.seq for each in unsent] == [6, 7, 8]


async def test_a_broadcast_is_done_when_no_chunk_is_open(store: Store) -> None:
    number = await opened(store)
    claimed = await store.write(lambda tx: claim(tx, "one"))
    for chunk in claimed:
        assert not await store.write(lambda tx: tx.run(broadcast.FINISH))
        await store.write(
            lambda tx, c=chunk: tx.run(  # type: ignore[misc]
                chunks.END, chunk_id=c.id, worker="one", sent=c.hi - c.lo + 1, now=NOW
            )
        )
    assert await store.write(lambda tx: tx.run(broadcast.FINISH))
    row = await store.read(lambda tx: tx.one(broadcast.GET, broadcast_id=number))
    assert row is not None
    assert row.stage is Stage.DONE
    assert await store.read(lambda tx: tx.one(broadcast.ACTIVE)) is None


async def test_a_halt_stops_and_a_resume_goes_on_where_it_stood(store: Store) -> None:
    number = await opened(store)
    assert await store.write(lambda tx: tx.run(broadcast.HALT)) == 1
    assert await store.write(lambda tx: claim(tx, "one")) == []
    assert await store.write(lambda tx: tx.run(broadcast.RESUME, broadcast_id=number, due=NOW))
    assert len(await store.write(lambda tx: claim(tx, "one"))) == 3
