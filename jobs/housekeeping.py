"""Keeping the tables small, and telling managers what nobody could do."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

from bot import erasure
from bot.alerts import tell_managers
from bot.core import Core
from jobs.worker import Job
from storage import audit, inbox, members, retention, work
from storage.audit import Act
from storage.store import Store, Tx

KEEP_IDS = timedelta(days=retention.KEEP_IDS)
"""How long ids of handled elements are kept: longer than the acceptance window."""
CLEAN_UP = "clean_up"
"""The plan that rings every night, and the job that it starts."""
LEAVERS = 200
"""Members of one page whose erasure is asked for."""


async def clean_up(tx: Tx, now: datetime) -> Mapping[str, int]:
    """Forget a page of everything that has served; return how much of what."""
    return await retention.forget(tx, now)


class Keeping:
    """Keeps nothing longer than is said, in short transactions; counts go to the audit log."""

    def __init__(self, core: Core, store: Store) -> None:
        self.core, self.store = core, store

    async def fire(self, tx: Tx, now: datetime) -> None:
        """Leave the work to a job: a night's rows are more than one transaction may hold."""
        await self.core.engine.enqueue(tx, CLEAN_UP, now.isoformat(), {}, now)

    async def clean(self, _: Job) -> None:
        """Forget what is old, and ask for the erasure of who left long ago."""
        now, counts, full = self.core.clock.now(), Counter[str](), True
        # A key that could not be destroyed is tried again every night until it is.
        await self.store.write(
            lambda tx: tx.run(work.REOPEN_DEAD, kind=erasure.FORGET_KEY, now=now)
        )
        while full:
            page = await self.store.write(lambda tx: clean_up(tx, now))
            counts.update(page)
            full = max(page.values()) >= retention.PAGE
        counts["members_gone"] = await self._leavers(now)
        some = {name: count for name, count in counts.items() if count}
        if some:
            act = Act(CLEAN_UP, "retention.forgot", "", audit.facts_of(**some))
            await self.store.write(lambda tx: audit.append(tx, act, now))

    async def _leavers(self, now: datetime) -> int:
        """Set a wakeup for each member who is gone long enough; it looks again and erases."""
        before = now - timedelta(days=self.core.community.retention.left_days)
        after = count = 0
        while True:
            gone = await self.store.read(
                lambda tx, after=after: tx.all(  # type: ignore[misc]
                    members.GONE, before=before, after=after, limit=LEAVERS
                )
            )
            if not gone:
                return count
            await self.store.write(partial(_wake_all, gone, now))
            after, count = gone[-1], count + len(gone)


async def _wake_all(gone: Sequence[int], now: datetime, tx: Tx) -> None:
    for number in gone:
        await tx.run(
            work.PUT_WAKEUP, kind=erasure.FORGET, ref=str(number), member_id=number, due=now
        )


class Alerts:
    """Posts in the managers' channel when more work is dead than at the last look."""

    def __init__(self, core: Core, store: Store) -> None:
        self.core, self.store = core, store

    async def look(self) -> None:
        """Count dead elements and jobs, and say so once for each new count."""
        dead = await self.store.read(_dead)
        for what, count in dead.items():
            if count:
                await self.store.write(lambda tx, w=what, c=count: self._tell(tx, w, c))  # type: ignore[misc]

    async def _tell(self, tx: Tx, what: str, count: int) -> None:
        text = self.core.copy.say("alert-dead", what=what, count=count)
        now = self.core.clock.now()
        await tell_managers(self.core, tx, f"dead:{what}:{count}", text, now)


async def _dead(tx: Tx) -> dict[str, int]:
    return {
        "inbox": await tx.one(inbox.COUNT_DEAD) or 0,
        "job": await tx.one(work.COUNT_DEAD) or 0,
    }
