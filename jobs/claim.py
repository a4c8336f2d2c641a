"""A claimed chunk, and the transactions in which it begins and ends.

The claim is fenced by its owner's name: whoever lost it writes nothing any more. A chunk whose
outcome is unknown keeps its key, and is parked for a manager once the platform may have forgotten
that key.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from bot import broadcasts
from bot.core import Core
from bot.errors import Rejected, RetryLater, Undeliverable, Unreachable
from bot.posting import STOP, month_of
from bot.rules import etiquette
from storage import chunks, state
from storage.broadcast import BroadcastRow
from storage.chunks import ChunkRow, RecipientRow
from storage.dialects import listed
from storage.store import Tx

LEASE = timedelta(seconds=30)
MOST_TRIES = 8
KEY_LIFE = timedelta(hours=23)
"""How long a platform surely knows a key: LINE states 24 hours."""
BACKOFF = timedelta(seconds=0.5)
"""The wait after the first try; it doubles."""
FIRST = timedelta(seconds=1)
"""By how much the halves of a refused chunk go before the others."""

Results = Mapping[str, Sequence[int]]
"""Recipients' numbers by what became of them."""


async def open_for_sending(core: Core, tx: Tx, now: datetime) -> bool:
    """Whether anything may leave now; the emergency stop stops all broadcasts for good."""
    if await tx.one(state.GET, name=STOP) is not None:
        await broadcasts.halt(tx)
        return False
    return etiquette.opening(core.community.push.policy, now) <= now


@dataclass(slots=True, kw_only=True)
class Claim:
    """One chunk in this worker's hands. What takes a `tx` is a transaction."""

    core: Core
    worker: str
    row: BroadcastRow
    chunk: ChunkRow
    _begun: datetime | None = None

    @property
    def size(self) -> int:
        """How many recipients it has, at most."""
        return self.chunk.hi - self.chunk.lo + 1

    def doubt(self) -> None:
        """Remember that nobody knows what became of a try: from now on its key's age counts."""
        self.chunk = self.chunk._replace(tried_at=self.chunk.tried_at or self._begun)

    async def begin(self, tx: Tx) -> list[RecipientRow] | None:
        """Ask one last time whether it may leave; return whom it is for, or None."""
        now, chunk = self.core.clock.now(), self.chunk
        stale = chunk.tried_at is not None and now - chunk.tried_at > KEY_LIFE
        if stale or chunk.tries >= MOST_TRIES:
            await self._bury("stale" if stale else "tries", tx)
        elif await self.goes_on(tx):
            return await tx.all(
                chunks.LOAD,
                broadcast_id=self.row.id,
                lo=chunk.lo,
                hi=chunk.hi,
                important=self.row.important,
            )
        else:
            await self.release(tx)
        return None

    async def goes_on(self, tx: Tx) -> bool:
        """Hold the claim for another while; False when nothing more of it may leave."""
        now = self.core.clock.now()
        if not await open_for_sending(self.core, tx, now):
            return False
        self._begun = self._begun or now
        until = now + LEASE
        held = await tx.run(chunks.BEGIN, **self._ours, now=now, until=until)
        return bool(held)

    async def cut(self, size: int, tx: Tx) -> bool:
        """Keep the first `size` recipients; the rest become a chunk of their own."""
        hi = self.chunk.lo + size - 1
        if not await tx.run(chunks.SHRINK, **self._ours, hi=hi):
            return False
        await tx.run(
            chunks.ADD_CHUNK,
            broadcast_id=self.row.id,
            lo=hi + 1,
            hi=self.chunk.hi,
            due=self.chunk.due,
        )
        self.chunk = self.chunk._replace(hi=hi, tries=0, tried_at=None)
        return True

    async def log(self, results: Results, counted: int, tx: Tx) -> None:
        """Write down what became of recipients, and what the platform counts for it."""
        now = self.core.clock.now()
        for result, seqs in results.items():
            await tx.run(
                chunks.LOG, broadcast_id=self.row.id, seqs=listed(seqs), result=result, now=now
            )
        if counted:
            await tx.run(
                state.ADD_COUNTED,
                platform=self.row.platform,
                month=month_of(self.core, now),
                counted=counted,
            )

    async def grow(self, results: Results, counted: int, tx: Tx) -> bool:
        """Log a part of the chunk; False when the rest must not leave (any more)."""
        await self.log(results, counted, tx)
        now = self.core.clock.now()
        await tx.run(chunks.GROW, **self._ours, until=now + LEASE, now=now)
        return await self.goes_on(tx)

    async def end(self, sent: int, skipped: Results, counted: int, tx: Tx) -> None:
        """End it: `sent` by one multicast, or all in the log."""
        # Only the owner's word counts; a successor will hear the same from the platform.
        await self.log(skipped, 0, tx)
        if await tx.run(chunks.END, **self._ours, sent=sent, now=self.core.clock.now()):
            await self.log({}, counted, tx)

    async def undelivered(self, error: Undeliverable, tx: Tx) -> None:
        """Decide what a refusal means: wait, pause the broadcast, or look for who is refused."""
        match error:
            case RetryLater(ambiguous=True):
                await self._again(error, tx)
            case RetryLater():
                await self.release(tx, after=error.after, fault=error.reason)
            case Unreachable(reason="quota" | "unauthorised"):
                await self.release(tx, fault=error.reason)
                await broadcasts.pause(tx, self.row.id, error.reason)
            case Unreachable():
                await self._refused(error.reason, tx)
            case Rejected():
                await self._refused("rejected", tx)
            case _:
                assert_never(error)  # type: ignore[arg-type]

    async def release(
        self, tx: Tx, *, after: timedelta = timedelta(0), fault: str = "", tries: int | None = None
    ) -> None:
        """Give the chunk back as it was."""
        now = self.core.clock.now()
        await tx.run(
            chunks.RELEASE,
            **self._ours,
            due=now + after if after else self.chunk.due,
            tried_at=self.chunk.tried_at,
            tries=self.chunk.tries if tries is None else tries,
            fault=fault,
        )

    async def _again(self, error: RetryLater, tx: Tx) -> None:
        self.doubt()
        tries = self.chunk.tries + 1
        if tries >= MOST_TRIES:
            await self._bury(error.reason, tx)
            return
        after = max(error.after, BACKOFF * 2**tries)
        await self.release(tx, after=after, fault=error.reason, tries=tries)

    async def _refused(self, reason: str, tx: Tx) -> None:
        """Halve until those are alone whom the platform refuses; they must not cost the others."""
        if self.size > 1:
            self.chunk = self.chunk._replace(due=self.chunk.due - FIRST)
            if await self.cut(self.size // 2, tx):
                await self.release(tx)
            return
        await self.end(0, {reason: [self.chunk.lo]}, 0, tx)
        await self.doubt_message(tx)

    async def doubt_message(self, tx: Tx) -> None:
        """Pause when nobody got it so far: it is the message that is refused, not a person."""
        stands = await broadcasts.progress(tx, self.row.id, self.core.clock.now())
        if not stands.sent:
            await broadcasts.pause(tx, self.row.id, "rejected")

    async def _bury(self, fault: str, tx: Tx) -> None:
        await tx.run(chunks.BURY, **self._ours, fault=fault)

    @property
    def _ours(self) -> dict[str, int | str]:
        return {"chunk_id": self.chunk.id, "worker": self.worker}


def sorted_out(found: Sequence[RecipientRow]) -> tuple[list[RecipientRow], dict[str, list[int]]]:
    """Part those who are written to from those who are not (any more), by why."""
    skipped: defaultdict[str, list[int]] = defaultdict(list)
    for each in found:
        if each.why:
            skipped[each.why].append(each.seq)
    return [each for each in found if not each.why], dict(skipped)
