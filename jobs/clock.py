"""The clock: APScheduler rings, rows remember.

It ticks every half second for due wakeups and messages, sweeps every ten seconds for what a
crash left, and fires recurring plans. A plan's firing inserts a `run` with its scheduled
instant; the row is unique, so however many clocks ring, one run exists, and a firing missed
while the process was down is found from the last row.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from bot.core import Core
from storage import work
from storage.store import Store, Tx

log = structlog.get_logger()

TICK_SECONDS = 0.5
SWEEP_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Plan:
    """A recurring plan. A firing older than `grace` is recorded as skipped, never run late."""

    name: str
    cron: str
    grace: timedelta
    fire: Callable[[Tx, datetime], Awaitable[None]]


class Scheduler:
    """APScheduler with a memory job store and nothing in it that matters."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._scheduler = AsyncIOScheduler(
            timezone=zone,
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )

    def every(self, seconds: float, work: Callable[[], Awaitable[object]]) -> None:
        """Ring every so many seconds; a ring that comes while the last still works is passed."""
        self._scheduler.add_job(work, IntervalTrigger(seconds=seconds))

    def start(self) -> None:
        """Start to ring."""
        self._scheduler.start()

    def stop(self) -> None:
        """Ring no more."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)


async def fire_plans(core: Core, store: Store, plans: Sequence[Plan]) -> None:
    """Fire every plan whose newest instant has no run yet."""
    now = core.clock.now()
    for plan in plans:
        last = await store.read(lambda tx, name=plan.name: tx.one(work.LAST_RUN, plan=name))  # type: ignore[misc]
        due = newest(plan.cron, core.community.zone, last, now)
        if due is not None:
            await store.write(partial(_fire, plan, due, now))


def newest(cron: str, zone: ZoneInfo, last: datetime | None, now: datetime) -> datetime | None:
    """Return the newest instant of `cron` in (last, now], None when there is none.

    Without a last run the plan starts now: nothing that lay before its birth is caught up.
    """
    trigger = CronTrigger.from_crontab(cron, timezone=zone)
    found = None
    previous = last or now - timedelta(minutes=1)
    while True:
        following = trigger.get_next_fire_time(previous, previous)
        if following is None or following > now:
            return found
        found = previous = following


async def _fire(plan: Plan, due: datetime, now: datetime, tx: Tx) -> None:
    outcome = "run" if now - due <= plan.grace else "skipped"
    if await tx.one(work.ADD_RUN, plan=plan.name, at=due, outcome=outcome) is None:
        return
    if outcome == "skipped":
        log.warning("plan.skipped", plan=plan.name)
    else:
        await plan.fire(tx, now)
