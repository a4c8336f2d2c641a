"""What a store promises, on both databases."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial

import pytest

from storage import activity, coupons, state
from storage.query import scalar
from storage.store import HandlerSuspended, Store, StoreError, Tx
from storage.tables import table_of
from tests.databases import Database

NOW = datetime(2026, 12, 20, 1, 0, tzinfo=UTC)
_activity = table_of(activity.Activity)
KINDS = scalar(_activity.select().with_only_columns(_activity.c.kind).order_by(_activity.c.id))


async def record(tx: Tx, kind: str) -> str:
    await tx.run(activity.RECORD, member_id=None, kind=kind, subject="", at=NOW)
    return kind


async def kinds(store: Store) -> list[str]:
    return await store.read(lambda tx: tx.all(KINDS))


class Broken(Exception):
    """A bug in a handler."""


async def test_what_write_returns_is_committed_and_readable(store: Store) -> None:
    assert await store.write(lambda tx: record(tx, "joined")) == "joined"
    assert await kinds(store) == ["joined"]


async def test_many_at_once_are_all_kept(store: Store) -> None:
    await asyncio.gather(*(store.write(partial(record, kind=f"k{n}")) for n in range(300)))
    assert sorted(await kinds(store)) == sorted(f"k{n}" for n in range(300))
    assert store.backlog == 0


async def test_a_lane_keeps_its_order(store: Store) -> None:
    writes = (
        store.write(partial(record, kind=f"{lane}{n:03}"), f"lane-{lane}")
        for n in range(60)
        for lane in "abc"
    )
    await asyncio.gather(*writes)
    found = await kinds(store)
    for lane in "abc":
        ours = [kind for kind in found if kind[0] == lane]
        assert ours == sorted(ours)
        assert len(ours) == 60


async def test_a_savepoint_undoes_only_what_is_inside(store: Store) -> None:
    called = []

    async def work(tx: Tx) -> None:
        await record(tx, "before")
        tx.after_commit(lambda: called.append("before"))
        with suppress(Broken):
            async with tx.savepoint():
                await record(tx, "inside")
                async with tx.savepoint():
                    tx.after_commit(lambda: called.append("inside"))
                raise Broken
        async with tx.savepoint():
            await record(tx, "after")
            tx.after_commit(lambda: called.append("after"))

    await store.write(work)
    assert await kinds(store) == ["before", "after"]
    assert called == ["before", "after"]


async def test_a_statement_that_is_refused_ends_its_savepoint_only(store: Store) -> None:
    async def work(tx: Tx) -> str:
        await tx.run(state.PUT, name="kept", value={}, now=NOW)
        try:
            async with tx.savepoint():
                await tx.run(coupons.ADD_ISSUE, coupon="none", member_id=1, now=NOW)
        except Exception as error:  # noqa: BLE001 - each driver has its own
            return type(error).__name__
        return ""

    assert "Foreign" in await store.write(work) or "Integrity" in await store.write(work)
    assert await store.read(lambda tx: tx.one(state.GET, name="kept")) == {}


async def test_failing_work_leaves_nothing_and_hurts_no_neighbour(store: Store) -> None:
    called: list[int] = []

    async def work(number: int, tx: Tx) -> None:
        await record(tx, f"k{number:02}")
        tx.after_commit(lambda: called.append(number))
        if number % 3 == 0:
            raise Broken
        if number % 5 == 0:
            await tx.run(coupons.ADD_ISSUE, coupon="none", member_id=1, now=NOW)

    ends = await asyncio.gather(
        *(store.write(partial(work, n), "lane") for n in range(40)), return_exceptions=True
    )
    good = [n for n in range(40) if n % 3 and n % 5]
    assert [n for n, end in enumerate(ends) if end is None] == good
    assert [type(ends[n]) for n in (0, 3, 39)] == [Broken] * 3
    assert await kinds(store) == [f"k{n:02}" for n in good]
    assert called == good


async def test_calls_come_after_the_commit_in_order_and_on_the_loop(store: Store) -> None:
    loop = asyncio.get_running_loop()
    called: list[tuple[int, bool]] = []
    inside = []

    async def work(tx: Tx) -> None:
        for number in range(3):
            tx.after_commit(lambda n=number: called.append((n, asyncio.get_running_loop() is loop)))  # type: ignore[misc]
        inside.extend(called)

    await store.write(work)
    assert inside == []
    assert called == [(0, True), (1, True), (2, True)]


async def test_a_read_cannot_write(store: Store) -> None:
    with pytest.raises(StoreError):
        await store.read(lambda tx: record(tx, "joined"))
    assert await kinds(store) == []


async def test_a_read_sees_one_moment(store: Store) -> None:
    async def twice(tx: Tx) -> tuple[int, int]:
        return len(await tx.all(KINDS)), len(await tx.all(KINDS))

    async def write() -> None:
        for n in range(40):
            await store.write(partial(record, kind=f"k{n}"))

    writing = asyncio.gather(write(), write())
    while not writing.done():
        first, second = await store.read(twice)
        assert first == second
    await writing


async def answer() -> None:
    await asyncio.Future(loop=LOOPS[-1])


async def nothing() -> None:
    await asyncio.sleep(0)


async def swallowed() -> None:
    with suppress(Exception):
        await answer()


LOOPS: list[asyncio.AbstractEventLoop] = []
"""The running one; the SQLite writer's thread has none of its own."""


@pytest.mark.parametrize("wait", [answer, nothing, swallowed])
async def test_work_that_waits_for_the_world_is_refused(
    store: Store, wait: Callable[[], Coroutine[None, None, None]]
) -> None:
    LOOPS[:] = [asyncio.get_running_loop()]
    called = []

    async def work(tx: Tx) -> None:
        await record(tx, "joined")
        tx.after_commit(lambda: called.append(1))
        async with tx.savepoint():
            await record(tx, "again")
            await wait()

    ends = await asyncio.gather(
        store.write(partial(record, kind="one"), "lane"),
        store.write(work, "lane"),
        store.write(partial(record, kind="two"), "lane"),
        return_exceptions=True,
    )
    assert [type(end) for end in ends] == [str, HandlerSuspended, str]
    with pytest.raises(HandlerSuspended):
        await store.write(work)
    with pytest.raises(HandlerSuspended):
        await store.read(lambda _: wait())
    assert await kinds(store) == ["one", "two"]
    assert called == []


async def test_work_that_sleeps_is_refused(store: Store) -> None:
    async def work(tx: Tx) -> None:
        await record(tx, "joined")
        await asyncio.sleep(0.01)

    # The SQLite writer's thread has no loop to sleep on, and asyncio says so itself.
    with pytest.raises(RuntimeError):
        await store.write(work)
    assert await kinds(store) == []


async def test_of_twenty_who_take_at_once_five_get_one(store: Store) -> None:
    await store.write(lambda tx: tx.run(coupons.PUT_STOCK, coupon="mask", stock=5))
    taken = await asyncio.gather(
        *(store.write(lambda tx: tx.run(coupons.TAKE, coupon="mask")) for _ in range(20))
    )
    assert sum(taken) == 5
    [stock] = await store.read(lambda tx: tx.all(coupons.STOCK))
    assert stock == ("mask", 5, 5)


async def test_a_stranger_who_gives_up_takes_nobody_along(store: Store) -> None:
    first = asyncio.gather(*(store.write(partial(record, kind=f"a{n}")) for n in range(20)))
    second = asyncio.gather(*(store.write(partial(record, kind=f"b{n}")) for n in range(20)))
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    await second
    assert {kind for kind in await kinds(store) if kind[0] == "b"} == {f"b{n}" for n in range(20)}


async def test_close_finishes_what_was_taken_and_refuses_what_comes(
    store: Store, database: Database
) -> None:
    writing = asyncio.gather(*(store.write(partial(record, kind=f"k{n}")) for n in range(100)))
    await asyncio.sleep(0)
    await store.close()
    assert len(await writing) == 100
    with pytest.raises(StoreError):
        await store.write(partial(record, kind="late"))
    assert len(await kinds(database.open())) == 100
