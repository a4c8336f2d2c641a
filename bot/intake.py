"""The one function every door calls: an element is on disk before it is acknowledged.

Normally fused: one transaction stores the element and handles it, each in its own savepoint,
and the platform is answered after the COMMIT. Split when an older event of the lane is still
open or the writer is behind: store now, handle next. What a crash or a failing handler left
is taken up by `sweep`.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import structlog

from bot.adapter import Element
from bot.core import Core
from bot.dispatch import Received, handle
from bot.errors import Busy, Malformed, StoreDown, raised_at
from bot.events import PlatformEvent, Unknown
from storage import inbox
from storage.inbox import InboxState
from storage.store import HandlerSuspended, Store, StoreError, Tx

log = structlog.get_logger()

ACK_BUDGET = 1.0
"""Seconds an element may wait for the writer and still be handled before its acknowledgement."""
STORE_BUDGET = 8.0
"""Seconds after which a door stops waiting for a commit; the outcome is then unknown: 503."""
BACKLOG = 2_000
"""Pieces of work waiting for the writer beyond which doors answer 503 (back-pressure)."""
UNKNOWN = "unknown:"
"""Begins the fault of an element that is kept because nobody knows its kind; the kind follows."""
MOST_TRIES = 8
"""Failures after which an element is dead; doubling from one second this takes four minutes."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An element that has its inbox row."""

    id: int
    platform: str
    key: str
    raw: bytes
    received_at: datetime
    tries: int


class Intake:
    """Stores and handles inbound elements of all platforms."""

    def __init__(self, core: Core, store: Store, nudge: Callable[[], None]) -> None:
        """`nudge` asks for a sweep soon."""
        self.core = core
        self.store = store
        self.nudge = nudge
        self.counts: Counter[tuple[str, str]] = Counter()
        """(platform, outcome) of every element since start: done, seen, split, failed, …"""

    async def accept(self, platform: str, elements: Sequence[Element]) -> None:
        """Store all elements; on return each is committed and normally handled.

        Raises:
            Busy: the writer is too far behind to promise anything.
            StoreDown: at least one element is not known to be committed.
        """
        if self.store.backlog > BACKLOG:
            raise Busy
        if not elements:
            return
        began = self.core.clock.monotonic()
        try:
            await self._accept(platform, elements, began)
        except (StoreError, TimeoutError) as error:
            self.counts[platform, "refused"] += len(elements)
            raise StoreDown from error

    async def _accept(self, platform: str, elements: Sequence[Element], began: float) -> None:
        """Hand all elements to the writer at once; a webhook of ten is one group, not ten tasks."""
        taken = [
            self.store.submit(partial(self._take, platform, element, began)) for element in elements
        ]
        # One timer for all, and no task: this is every event's way.
        timer = asyncio.get_running_loop().call_later(STORE_BUDGET, _give_up, taken)
        failure: Exception | None = None
        for element, future in zip(elements, taken, strict=True):
            try:
                await self._settle(platform, element, future)
            except (StoreError, TimeoutError) as error:
                failure = error
        timer.cancel()
        if failure is not None:
            raise failure

    async def _settle(self, platform: str, element: Element, taken: asyncio.Future[str]) -> None:
        """Wait for one element's outcome and count it."""
        try:
            outcome = await taken
        except HandlerSuspended:
            # A bug in a handler: the element must be kept all the same.
            log.error("handler.suspended", platform=platform)
            outcome = await self.store.write(partial(self._keep, platform, element))
        self.counts[platform, outcome] += 1
        if outcome in {"split", "failed"}:
            self.nudge()

    async def _take(self, platform: str, element: Element, began: float, tx: Tx) -> str:
        """Store one element and handle it if its turn has come; return the outcome's word."""
        lane = tx.cipher.mac("lane", platform, element.lane, "")
        now = self.core.clock.now()
        late = self.core.clock.monotonic() - began > ACK_BUDGET
        split = late or await tx.one(inbox.OLDER_OPEN, lane=lane) is not None
        event, fault = None, element.fault
        if not split and not fault:
            event, fault = self._read(platform, element.raw)
        state = InboxState.OPEN if event is None else InboxState.DONE
        if fault:
            state = InboxState.QUARANTINED
        raw = None if state is InboxState.DONE else _seal(tx, platform, element.key, element.raw)
        row_id = await tx.one(
            inbox.ADD,
            platform=platform,
            key=element.key,
            lane=lane,
            now=now,
            occurred_at=element.occurred_at,
            state=state,
            fault=fault,
            raw=raw,
            due=now if split else None,
        )
        if row_id is None:
            return "seen"
        if event is None:
            return _kept(fault)
        stored = Stored(row_id, platform, element.key, element.raw, now, 0)
        return await self._handle(tx, stored, event)

    async def _keep(self, platform: str, element: Element, tx: Tx) -> str:
        """Store an element whose handler misbehaved, for the sweep."""
        now = self.core.clock.now()
        await tx.one(
            inbox.ADD,
            platform=platform,
            key=element.key,
            lane=tx.cipher.mac("lane", platform, element.lane, ""),
            now=now,
            occurred_at=element.occurred_at,
            state=InboxState.OPEN,
            fault="suspended",
            raw=_seal(tx, platform, element.key, element.raw),
            due=now + timedelta(seconds=1),
        )
        return "failed"

    def _read(self, platform: str, raw: bytes) -> tuple[PlatformEvent | None, str]:
        """Return the event in an element, or None and why it can have no effect."""
        try:
            event = self.core.adapters[platform].receive(raw)
        except (Malformed, KeyError):
            return None, "malformed"
        if isinstance(event, Unknown):
            return None, f"{UNKNOWN}{event.kind}"
        return event.shifted(self.core.clock.offset), ""

    async def _handle(self, tx: Tx, stored: Stored, event: PlatformEvent) -> str:
        """Handle one stored element in a savepoint of its own; a failure keeps the row, open."""
        platform, key = stored.platform, stored.key
        try:
            async with tx.savepoint():
                received = Received(event, f"{platform}:{key}", stored.received_at)
                await handle(self.core, tx, received)
        except StoreError:
            raise
        except Exception as error:
            fault = type(error).__name__
            at = raised_at(error)
            log.error("event.failed", platform=platform, row=stored.id, fault=fault, at=at)
            state = InboxState.DEAD if stored.tries + 1 >= MOST_TRIES else InboxState.OPEN
            await self._fail(tx, stored, fault, state)
            return "dead" if state is InboxState.DEAD else "failed"
        return "done"

    async def _fail(self, tx: Tx, stored: Stored, fault: str, state: InboxState) -> None:
        due = self.core.clock.now() + timedelta(seconds=2**stored.tries)
        await tx.run(
            inbox.REOPEN,
            inbox_id=stored.id,
            state=state,
            raw=_seal(tx, stored.platform, stored.key, stored.raw),
            tries=stored.tries + 1,
            due=due if state is InboxState.OPEN else None,
            fault=fault,
        )

    async def sweep(self, limit: int = 100) -> int:
        """Handle open elements that are due, the oldest of each lane; return how many."""
        now = self.core.clock.now()
        ids = await self.store.read(lambda tx: tx.all(inbox.DUE, now=now, limit=limit))
        for row_id in ids:
            outcome = await self._again(row_id)
            self.counts["sweep", outcome] += 1
        return len(ids)

    async def _again(self, row_id: int) -> str:
        try:
            return await self.store.write(partial(self._retake, row_id))
        except HandlerSuspended:
            return await self.store.write(partial(self._postpone, row_id))

    async def _retake(self, row_id: int, tx: Tx) -> str:
        stored = await self._open(row_id, tx)
        if stored is None:
            return "gone"
        event, fault = self._read(stored.platform, stored.raw)
        if event is None:
            await self._fail(tx, stored, fault, InboxState.QUARANTINED)
            return _kept(fault)
        outcome = await self._handle(tx, stored, event)
        if outcome == "done":
            await tx.run(inbox.HANDLED, inbox_id=row_id)
        return outcome

    async def _postpone(self, row_id: int, tx: Tx) -> str:
        stored = await self._open(row_id, tx)
        if stored is None:
            return "gone"
        state = InboxState.DEAD if stored.tries + 1 >= MOST_TRIES else InboxState.OPEN
        await self._fail(tx, stored, "suspended", state)
        return "failed"

    async def _open(self, row_id: int, tx: Tx) -> Stored | None:
        row = await tx.one(inbox.OPEN, inbox_id=row_id)
        if row is None or row.raw is None:
            return None
        raw = tx.cipher.open(row.raw, f"raw:{row.platform}:{row.key}")
        return Stored(row.id, row.platform, row.key, raw, row.received_at, row.tries)


def _kept(fault: str) -> str:
    """Return the outcome of an element that is stored and not handled, by why it is not."""
    if not fault:
        return "split"
    return "unknown" if fault.startswith(UNKNOWN) else "quarantined"


def _give_up(taken: Sequence[asyncio.Future[str]]) -> None:
    """End the waiting for what the store did not answer in time."""
    for future in taken:
        if not future.done():
            future.set_exception(TimeoutError())


def _seal(tx: Tx, platform: str, key: str, raw: bytes) -> bytes:
    return tx.cipher.seal(raw, f"raw:{platform}:{key}")
