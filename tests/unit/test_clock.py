"""The clock: plans and wakeups happen once each, however many clocks ring; and rates hold."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.context import Context
from jobs.clock import Plan, fire_plans, newest
from jobs.permits import Permits
from jobs.worker import run_wakeups
from storage import work
from storage.store import Tx
from tests.unit.running import Bot, running

TOKYO = ZoneInfo("Asia/Tokyo")
NIGHTLY = "30 3 * * *"
RUNS = "SELECT outcome FROM run WHERE plan = 'nightly' ORDER BY id"


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[Bot]:
    async with running(tmp_path) as made:
        made.clock.set(datetime(2026, 12, 20, 3, 29, tzinfo=TOKYO))
        yield made


class Nightly:
    """A plan that counts its firings."""

    def __init__(self, grace: timedelta = timedelta(hours=1)) -> None:
        self.fired: list[datetime] = []
        self.plan = Plan("nightly", NIGHTLY, grace, self.fire)

    async def fire(self, tx: Tx, now: datetime) -> None:
        assert await tx.one(work.LAST_RUN, plan="nightly")
        self.fired.append(now)

    async def ring(self, bot: Bot) -> None:
        await fire_plans(bot.core, bot.store, [self.plan])


def test_the_newest_instant_since_the_last_run() -> None:
    now = datetime(2026, 12, 20, 3, 30, 30, tzinfo=TOKYO)
    due = datetime(2026, 12, 20, 3, 30, tzinfo=TOKYO)
    assert newest(NIGHTLY, TOKYO, None, now) == due
    assert newest(NIGHTLY, TOKYO, due, now) is None
    assert newest(NIGHTLY, TOKYO, due - timedelta(days=9), now) == due  # the latest only
    assert newest(NIGHTLY, TOKYO, None, now + timedelta(hours=1)) is None  # born too late for it
    assert newest(NIGHTLY, TOKYO, due.astimezone(UTC), now.astimezone(UTC)) is None


async def test_a_plan_fires_once_at_its_instant(bot: Bot) -> None:
    nightly = Nightly()
    await nightly.ring(bot)
    bot.ahead(minutes=1)
    for _ in range(3):
        await nightly.ring(bot)
        bot.ahead(seconds=20)
    assert len(nightly.fired) == 1
    bot.ahead(days=1)
    await nightly.ring(bot)
    assert len(nightly.fired) == 2


async def test_firings_missed_while_down_are_one_run(bot: Bot) -> None:
    nightly = Nightly()
    bot.ahead(minutes=1)
    await nightly.ring(bot)
    bot.ahead(days=5, minutes=30)
    await nightly.ring(bot)
    await nightly.ring(bot)
    assert len(nightly.fired) == 2
    assert bot.rows(RUNS) == [("run",), ("run",)]


async def test_a_firing_missed_by_more_than_its_grace_is_skipped_and_recorded(bot: Bot) -> None:
    nightly = Nightly(grace=timedelta(minutes=10))
    bot.ahead(minutes=1)
    await nightly.ring(bot)
    bot.ahead(days=1, hours=2)
    await nightly.ring(bot)
    await nightly.ring(bot)
    assert len(nightly.fired) == 1
    assert bot.rows(RUNS) == [("run",), ("skipped",)]


async def test_many_clocks_ring_and_one_run_exists(bot: Bot) -> None:
    nightly = Nightly()
    bot.ahead(minutes=1)
    await asyncio.gather(*[nightly.ring(bot) for _ in range(8)])
    assert len(nightly.fired) == 1
    assert bot.rows(RUNS) == [("run",)]


async def test_a_plan_that_fails_leaves_no_run_and_is_fired_again(bot: Bot) -> None:
    broken = [ZeroDivisionError()]
    nightly = Nightly()

    async def fire(tx: Tx, now: datetime) -> None:
        if broken:
            raise broken.pop()
        await nightly.fire(tx, now)

    plan = Plan("nightly", NIGHTLY, timedelta(hours=1), fire)
    bot.ahead(minutes=1)
    with pytest.raises(ZeroDivisionError):
        await fire_plans(bot.core, bot.store, [plan])
    assert bot.rows(RUNS) == []
    await fire_plans(bot.core, bot.store, [plan])
    assert bot.rows(RUNS) == [("run",)]


class Woken:
    """A wakeup of the member who said something first."""

    def __init__(self, bot: Bot) -> None:
        self.refs: list[str] = []
        self.fault: Exception | None = None
        wakeups: Any = bot.core.registry.wakeups
        wakeups["test.wake"] = self.handle

    async def handle(self, ctx: Context, ref: str) -> None:
        if self.fault:
            raise self.fault
        await ctx.record("woken", ref)
        self.refs.append(ref)


async def put(bot: Bot, ref: str, due: datetime) -> None:
    await bot.store.write(
        lambda tx: tx.run(work.PUT_WAKEUP, kind="test.wake", ref=ref, member_id=1, due=due)
    )


async def test_a_wakeup_rings_once_when_due_however_many_clocks_ring(bot: Bot) -> None:
    await bot.say("hanako", "はじめまして")
    woken, now = Woken(bot), bot.clock.now()
    await put(bot, "a", now + timedelta(minutes=5))
    await put(bot, "a", now + timedelta(minutes=10))  # moved, not doubled
    bot.ahead(minutes=6)
    await run_wakeups(bot.core, bot.store)
    assert woken.refs == []
    bot.ahead(minutes=6)
    await asyncio.gather(*[run_wakeups(bot.core, bot.store) for _ in range(8)])
    assert woken.refs == ["a"]
    assert bot.rows("SELECT count(*) FROM wakeup WHERE kind = 'test.wake'") == [(0,)]
    assert bot.rows("SELECT count(*) FROM activity WHERE kind = 'woken'") == [(1,)]


async def test_a_wakeup_that_fails_is_tried_again_and_blocks_no_other(bot: Bot) -> None:
    await bot.say("hanako", "はじめまして")
    woken = Woken(bot)
    woken.fault = KeyError("x")
    await put(bot, "a", bot.clock.now())
    await run_wakeups(bot.core, bot.store)
    assert await run_wakeups(bot.core, bot.store) == 0  # not at once
    woken.fault = None
    await put(bot, "b", bot.clock.now())
    await run_wakeups(bot.core, bot.store)
    bot.ahead(minutes=2)
    await run_wakeups(bot.core, bot.store)
    assert woken.refs == ["b", "a"]


async def test_a_wakeup_of_someone_erased_is_gone_without_effect(bot: Bot) -> None:
    woken = Woken(bot)
    await bot.store.write(
        lambda tx: tx.run(
            work.PUT_WAKEUP, kind="test.wake", ref="x", member_id=None, due=bot.clock.now()
        )
    )
    await run_wakeups(bot.core, bot.store)
    assert woken.refs == []
    assert bot.rows("SELECT count(*) FROM wakeup") == [(0,)]


async def test_permits_of_all_workers_together_keep_the_rate(bot: Bot) -> None:
    workers = [Permits(bot.store, bot.clock, "line", 200) for _ in range(3)]
    loop = asyncio.get_running_loop()
    began, taken = loop.time(), list[float]()

    async def send(permits: Permits) -> None:
        for _ in range(60):
            await permits.take()
            taken.append(loop.time() - began)

    await asyncio.gather(*[send(permits) for permits in workers])
    # 180 permits at 200 a second, of which a burst of 0.2 s and one batch each may run ahead.
    assert taken[-1] > 180 / 200 - 0.2 - 3 * 0.1 - 0.05
    for at in (0.3, 0.5):
        assert sum(when <= at for when in taken) <= 200 * (at + 0.2) + 3 * 20


async def test_a_pause_holds_every_worker(bot: Bot) -> None:
    one, other = (Permits(bot.store, bot.clock, "line", 1000) for _ in range(2))
    await one.take()
    await one.pause(timedelta(seconds=0.6))
    began = asyncio.get_running_loop().time()
    await asyncio.gather(one.take(), other.take())
    assert asyncio.get_running_loop().time() - began > 0.3
