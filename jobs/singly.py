"""One-by-one sends of a chunk: some in flight at a time, each logged, the log flushed in groups.

What was sent and not yet flushed when the process dies is sent again under its key: at most a fifth
of a second of sends, and those in flight.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import assert_never

import structlog

from bot.adapter import Receipt
from bot.errors import Rejected, RetryLater, Undeliverable, Unreachable
from jobs.claim import Claim, sorted_out
from jobs.permits import Permits
from storage.broadcast import SENT
from storage.chunks import RecipientRow
from storage.store import Store, StoreError

log = structlog.get_logger()

IN_FLIGHT = 64
"""Sends on their way side by side, of all chunks together."""
FLUSH_SECONDS = 0.2
MOST_REFUSED = 8
"""Refusals in a row, and nobody reached: then it is the message."""

ToOne = Callable[[RecipientRow], Awaitable[Receipt]]


@dataclass(slots=True)
class Batch:
    """A chunk under way. `results` is what happened since the last flush."""

    waiting: deque[RecipientRow]
    results: defaultdict[str, list[int]]
    counted: int = 0
    sent: int = 0
    refused: int = 0
    going: bool = True
    unsure: bool = False
    error: Undeliverable | None = None
    """Why not everyone got it in this round."""

    def reached(self, seq: int, receipt: Receipt) -> None:
        """The platform took it."""
        self.results[SENT].append(seq)
        self.counted += receipt.counted
        self.sent += 1

    def failed(self, seq: int, error: Undeliverable) -> None:
        """Decide whether that ends one recipient's turn, or everyone's."""
        match error:
            case RetryLater():
                self.unsure = self.unsure or error.ambiguous
                self.error = self.error or error
                self.going = self.going and error.ambiguous
            case Unreachable(reason="quota" | "unauthorised"):
                self.error, self.going = error, False
            case Unreachable():
                self.results[error.reason].append(seq)
            case Rejected():
                self.results["rejected"].append(seq)
                self.refused += 1
                self.going = self.going and not self.hopeless
            case _:
                assert_never(error)  # type: ignore[arg-type]

    def over(self) -> bool:
        """Whether nobody else of it may be sent to now."""
        return not (self.going and self.waiting)

    @property
    def hopeless(self) -> bool:
        """Whether it seems to be the message that is refused."""
        return not self.sent and self.refused >= MOST_REFUSED


@dataclass(slots=True)
class Singly:
    """Sends chunks one by one."""

    store: Store
    _flight: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(IN_FLIGHT))

    async def send(self, claim: Claim, permits: Permits, to_one: ToOne) -> None:
        """Carry a chunk through.

        Raises:
            Undeliverable: some have not got it, and this is why.
            StoreError: what happened could not be written down; keys make the next time harmless.
        """
        found = await self.store.write(claim.begin)
        if found is None:
            return
        there, skipped = sorted_out(found)
        batch = Batch(deque(there), defaultdict(list, skipped))
        async with asyncio.TaskGroup() as group:
            hands = [
                group.create_task(self._hand(batch, permits, to_one))
                for _ in range(min(IN_FLIGHT, len(there)))
            ]
            await self._watch(claim, batch, hands)
        await self._end(claim, batch)

    async def _watch(
        self, claim: Claim, batch: Batch, hands: Sequence["asyncio.Task[None]"]
    ) -> None:
        """Flush while hands are at work; a store that is away for a moment stops nobody."""
        busy = set(hands)
        while busy:
            _, busy = await asyncio.wait(busy, timeout=FLUSH_SECONDS)
            try:
                await self._flush(claim, batch)
            except StoreError:
                log.warning("broadcast.unflushed", chunk=claim.chunk.id)

    async def _hand(self, batch: Batch, permits: Permits, to_one: ToOne) -> None:
        while not batch.over():
            async with self._flight:
                try:
                    await permits.take()
                except StoreError:
                    batch.going = False
                # Asked again: the permit may have taken its time.
                if batch.over():
                    return
                await self._reach(batch, batch.waiting.popleft(), to_one)

    @staticmethod
    async def _reach(batch: Batch, to: RecipientRow, to_one: ToOne) -> None:
        try:
            receipt = await to_one(to)
        except Undeliverable as error:
            batch.failed(to.seq, error)
        else:
            batch.reached(to.seq, receipt)

    async def _flush(self, claim: Claim, batch: Batch) -> None:
        results, counted = batch.results, batch.counted
        batch.results, batch.counted = defaultdict(list), 0
        try:
            going = await self.store.write(partial(claim.grow, results, counted))
        except StoreError:
            for result, seqs in results.items():
                batch.results[result] += seqs
            batch.counted += counted
            raise
        batch.going = batch.going and going

    async def _end(self, claim: Claim, batch: Batch) -> None:
        if batch.results:
            await self._flush(claim, batch)
        if batch.sent:
            claim.chunk = claim.chunk._replace(tries=0)
        if batch.unsure:
            claim.doubt()
        if batch.hopeless:
            await self.store.write(claim.doubt_message)
        if batch.error is not None:
            raise batch.error
        if batch.waiting or not batch.going:
            await self.store.write(claim.release)
        else:
            await self.store.write(partial(claim.end, 0, {}, 0))
