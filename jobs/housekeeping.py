"""Keeping the tables small, and telling managers what nobody could do."""

from datetime import datetime, timedelta
from uuid import uuid5

from bot.context import KEYS, lane_of
from bot.core import Core
from bot.messages import Message, Text
from bot.posting import Letter, post
from bot.rules.etiquette import Want
from storage import inbox, outbox, work
from storage.store import Store, Tx

KEEP_IDS = timedelta(days=40)
"""How long ids of handled elements are kept: longer than the acceptance window of 30 days."""
KEEP_QUARANTINED = timedelta(days=30)
KEEP_JOBS = timedelta(days=7)
KEEP_ENDED = timedelta(days=90)
"""How long rows of ended messages are kept: longer than any cap looks back."""


async def clean_up(tx: Tx, now: datetime) -> None:
    """Forget what has served: old ids, quarantined content, finished jobs."""
    await tx.run(inbox.FORGET_IDS, before=now - KEEP_IDS)
    await tx.run(inbox.FORGET_QUARANTINED, before=now - KEEP_QUARANTINED)
    await tx.run(work.FORGET_JOBS, before=now - KEEP_JOBS)
    await tx.run(outbox.FORGET_ENDED, before=now - KEEP_ENDED)
    tx.scrub()


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
        address = self.core.channel("managers")
        if address is None:
            return
        text = self.core.copy.say("alert-dead", what=what, count=count)
        # The key makes it once: the outbox refuses a second row with the same one.
        letter = Letter(
            key=uuid5(KEYS, f"dead:{what}:{count}"),
            address=address,
            lane=lane_of(tx, address),
            want=Want.PUSH_OK,
            member_id=None,
        )
        await post(self.core, tx, Message((Text(text),)), letter, self.core.clock.now())


async def _dead(tx: Tx) -> dict[str, int]:
    return {
        "inbox": await tx.one(inbox.COUNT_DEAD) or 0,
        "job": await tx.one(work.COUNT_DEAD) or 0,
    }
