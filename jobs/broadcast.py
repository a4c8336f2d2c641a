"""Broadcasts: freezes audiences, claims due chunks and sends them, as many as the permits allow.

A multicast chunk is one request under one key, so a crash, a lost answer or a second worker sends
it again without harm. It leaves after four questions, the last of them right before the request:
the month's quota, the platform's rate, the emergency stop, and whether the claim still holds.
"""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from uuid import uuid5

import structlog

from bot import broadcasts
from bot.adapter import Adapter, Delivery, Payload, Receipt, Via
from bot.errors import RetryLater, Undeliverable
from bot.events import Account, Address
from bot.messages import Message
from bot.wire import load_message, sign
from jobs.claim import LEASE, Claim, open_for_sending, sorted_out
from jobs.delivery import SEND_SECONDS, Courier
from jobs.permits import BULK_SHARE, Permits
from jobs.quota import Gate
from jobs.singly import Singly
from jobs.tasks import Tasks
from storage import audience, broadcast, chunks
from storage.broadcast import BroadcastRow
from storage.chunks import ChunkRow, RecipientRow
from storage.store import StoreError, Tx

log = structlog.get_logger()

AT_ONCE = 16
"""Chunks on their way side by side."""
POLL_SECONDS = 0.5
MOST_CHUNK = 500
CHUNK_SECONDS = 5
"""A chunk of one-by-one sends takes about so long, so that a pause or a deploy is short."""
KEPT = 8
"""Opened broadcasts kept in memory."""


@dataclass(frozen=True, slots=True)
class Way:
    """A platform's way out for broadcasts."""

    adapter: Adapter
    single: Permits
    many: Permits
    gate: Gate


@dataclass(frozen=True, slots=True)
class Sending:
    """A broadcast, opened: its content fitted once for everyone."""

    row: BroadcastRow
    way: Way
    message: Message
    payloads: tuple[Payload, ...]
    """For anyone: what a multicast sends."""


class Broadcaster:
    """The loop over broadcasts. `worker` is stable over restarts, as the table engine's is."""

    def __init__(self, courier: Courier, worker: str) -> None:
        self.core, self.store, self.courier = courier.core, courier.store, courier
        self.worker = worker
        self.tasks = Tasks()
        self._ways = {name: self._way(each) for name, each in self.core.adapters.items()}
        self._opened: dict[int, Sending] = {}
        self._held: set[int] = set()
        self._singly = Singly(self.store)

    # ── the loop ─────────────────────────────────────────────────────────────────────────────

    async def work(self) -> None:
        """Take up what a crash left, then freeze and send until cancelled."""
        taken_up = False
        while True:
            try:
                if not taken_up:
                    await self.take_up()
                    taken_up = True
                if await self.step():
                    continue
            except StoreError:
                log.warning("broadcast.store_down")
            await self.tasks.next(POLL_SECONDS)

    async def settle(self) -> None:
        """Do everything that is due, until nothing is (terminal and tests: no clock rings)."""
        while await self.step():
            await self.tasks.idle()

    async def finish(self, seconds: float) -> None:
        """Let what is on its way end; claims are freed at the next start if it does not."""
        await self.tasks.finish(seconds)

    async def take_up(self) -> None:
        """Send again what may have left before a crash, under its key; then say how many follow."""
        freed = await self.store.write(lambda tx: tx.all(chunks.FREE_CLAIMS, worker=self.worker))
        if not freed:
            return
        for chunk in await self.store.write(partial(self._claim, chunks.CLAIM_TRIED, 1_000)):
            self._start(chunk)
        await self.tasks.idle()
        for broadcast_id in sorted(set(freed)):
            await self.store.write(partial(self._tell_continued, broadcast_id))

    async def step(self) -> int:
        """Freeze one range and claim what is due; return how much that was."""
        if await self.store.read(lambda tx: tx.one(broadcast.ACTIVE)) is None:
            return 0
        frozen = await self.store.write(self._freeze)
        free = AT_ONCE - len(self.tasks)
        if free < AT_ONCE // 4:
            return 0
        claimed = await self.store.write(partial(self._next, free))
        for chunk in claimed:
            self._start(chunk)
        return frozen + len(claimed)

    def _start(self, chunk: ChunkRow) -> None:
        # A claim that ran out while we still hold the chunk comes back to us.
        if chunk.id not in self._held:
            self._held.add(chunk.id)
            self.tasks.start(self._carry(chunk))

    async def _freeze(self, tx: Tx) -> int:
        row = await tx.one(audience.NEXT_FREEZING)
        if row is None:
            return 0
        asked = broadcasts.audience_of(
            self.core, row.audience, row.created_at, important=row.important
        )
        if await asked.freeze(tx, row, broadcasts.caps_of(self.core, row.due)):
            ready = await tx.one(broadcast.GET, broadcast_id=row.id)
            if ready is not None:
                size = self._chunk_size(ready)
                await tx.run(
                    audience.ADD_CHUNKS,
                    broadcast_id=row.id,
                    size=size,
                    total=ready.total,
                    due=row.due,
                )
        return 1

    def _chunk_size(self, row: BroadcastRow) -> int:
        way = self._ways.get(row.platform)
        if way is None:
            return MOST_CHUNK
        if not row.one_by_one:
            return min(MOST_CHUNK, way.adapter.limits.recipients)
        rate = way.adapter.limits.sends_per_second
        return min(MOST_CHUNK, rate * CHUNK_SECONDS) if rate else MOST_CHUNK

    async def _next(self, limit: int, tx: Tx) -> list[ChunkRow]:
        """Start what is due, finish what is done, tell what paused; claim chunks."""
        now = self.core.clock.now()
        claimed: list[ChunkRow] = []
        if await open_for_sending(self.core, tx, now):
            await tx.run(broadcast.START_DUE, now=now)
            claimed = await self._claim(chunks.CLAIM, limit, tx)
        if not claimed:
            await tx.run(broadcast.FINISH)
        for row in await tx.all(broadcast.UNTOLD):
            if await tx.run(broadcast.TELL, broadcast_id=row.id):
                await broadcasts.tell(self.core, tx, row, f"broadcast-{row.reason}", now)
        return claimed

    async def _claim(self, query: chunks.Claiming, limit: int, tx: Tx) -> list[ChunkRow]:
        now = self.core.clock.now()
        return await tx.all(query, now=now, limit=limit, worker=self.worker, until=now + LEASE)

    async def _tell_continued(self, broadcast_id: int, tx: Tx) -> None:
        row = await tx.one(broadcast.GET, broadcast_id=broadcast_id)
        if row is not None and row.stage is broadcast.Stage.SENDING:
            now = self.core.clock.now()
            await broadcasts.tell(self.core, tx, row, "broadcast-continued", now)

    # ── one chunk ────────────────────────────────────────────────────────────────────────────

    async def _carry(self, chunk: ChunkRow) -> None:
        try:
            sending = await self._open(chunk)
            if sending is not None:
                await self._through(sending, chunk)
        except StoreError:
            log.warning("broadcast.unmarked", chunk=chunk.id)
        finally:
            self._held.discard(chunk.id)

    async def _through(self, sending: Sending, chunk: ChunkRow) -> None:
        """Pass the quota, then send; whatever was granted is given back at the end."""
        claim = Claim(core=self.core, worker=self.worker, row=sending.row, chunk=chunk)
        gate, granted = sending.way.gate, 0
        try:
            # What may have arrived already is not asked for twice: its key decides.
            if chunk.tried_at is None:
                granted = await gate.take(claim.size)
                if granted < claim.size and not await self._cut(claim, granted):
                    return
            if sending.row.one_by_one:
                await self._singly.send(claim, sending.way.single, partial(self._to_one, sending))
            else:
                await self._to_many(claim, sending)
        except Undeliverable as error:
            await self.store.write(partial(claim.undelivered, error))
        finally:
            await gate.give_back(granted)

    async def _cut(self, claim: Claim, granted: int) -> bool:
        """Keep what the month still allows; pause when that is nothing."""
        if granted:
            return await self.store.write(partial(claim.cut, granted))

        async def out_of_quota(tx: Tx) -> None:
            await claim.release(tx, fault="quota")
            await broadcasts.pause(tx, claim.row.id, "quota")

        await self.store.write(out_of_quota)
        return False

    async def _to_many(self, claim: Claim, sending: Sending) -> None:
        """Send a chunk as one multicast.

        Raises:
            Undeliverable: it did not leave, or nobody knows.
        """
        await sending.way.many.take()
        found = await self.store.write(claim.begin)
        if found is None:
            return
        there, skipped = sorted_out(found)
        counted = 0
        if there:
            platform = sending.row.platform
            delivery = Delivery(
                Address(platform, None, ""),
                Via.PUSH,
                sending.payloads,
                uuid5(sending.row.key, f"chunk/{claim.chunk.id}"),
                tuple(Address(platform, None, each.conversation) for each in there),
            )
            counted = (await self._try(sending.way, sending.way.many, delivery)).counted
        await self.store.write(partial(claim.end, len(there), skipped, counted))

    async def _to_one(self, sending: Sending, to: RecipientRow) -> Receipt:
        """Send to one person, with choices signed for them alone; raises as `_try`."""
        row, way = sending.row, sending.way
        account = Account(row.platform, to.realm, to.user_id)
        address = Address(row.platform, account, to.conversation)
        payloads = self._render(way.adapter, sending.message, account)
        key = uuid5(row.key, f"to/{to.seq}")
        return await self._try(way, way.single, Delivery(address, Via.PUSH, payloads, key))

    async def _try(self, way: Way, permits: Permits, delivery: Delivery) -> Receipt:
        """Send once; when the platform asks for patience, let every worker wait.

        Raises:
            Undeliverable: it did not leave, or nobody knows.
        """
        try:
            async with asyncio.timeout(SEND_SECONDS):
                return await way.adapter.send(delivery)
        except TimeoutError as error:
            raise RetryLater(timedelta(seconds=1), "timeout", ambiguous=True) from error
        except RetryLater as error:
            if not error.ambiguous:
                await permits.pause(error.after)
            raise

    # ── what is sent ─────────────────────────────────────────────────────────────────────────

    async def _open(self, chunk: ChunkRow) -> Sending | None:
        """Open a broadcast, once; pause it when it cannot be sent as it is."""
        if chunk.broadcast_id in self._opened:
            return self._opened[chunk.broadcast_id]
        row = await self.store.read(
            lambda tx: tx.one(broadcast.GET, broadcast_id=chunk.broadcast_id)
        )
        if row is None:
            return None
        way = self._ways.get(row.platform)
        fault = "platform_off"
        if way is not None:
            message = load_message(self.store.cipher.open(row.content, f"broadcast:{row.key}"))
            fitted = self.courier.fitted(message, row.platform).messages
            # One send is one message: a second part could not be told from a second copy.
            if len(fitted) == 1:
                payloads = self._render(way.adapter, fitted[0], None)
                return self._keep(Sending(row, way, fitted[0], payloads))
            fault = "unfit"
        claim = Claim(core=self.core, worker=self.worker, row=row, chunk=chunk)

        async def unsendable(tx: Tx) -> None:
            await claim.release(tx, fault=fault)
            await broadcasts.pause(tx, row.id, fault)

        await self.store.write(unsendable)
        return None

    def _keep(self, sending: Sending) -> Sending:
        while len(self._opened) >= KEPT:
            self._opened.pop(next(iter(self._opened)))
        self._opened[sending.row.id] = sending
        return sending

    def _render(
        self, adapter: Adapter, message: Message, account: Account | None
    ) -> tuple[Payload, ...]:
        cipher, media = self.store.cipher, self.courier.media
        return adapter.render(
            message,
            lambda choice: sign(cipher, choice.value, account),
            lambda path: f"{media}/{path}",
        )

    def _way(self, adapter: Adapter) -> Way:
        """Give a platform its bulk lanes: a share of the rate, or of that of multicasts."""
        store, clock, name = self.store, self.core.clock, adapter.name
        own, many = adapter.limits.sends_per_second, adapter.limits.multicasts_per_second
        share = int(own * BULK_SHARE) or own
        single = Permits(store, clock, f"{name}/bulk", share, self.courier.permits.get(name))
        of_many = Permits(store, clock, f"{name}/many", int(many * BULK_SHARE)) if many else single
        return Way(adapter, single, of_many, Gate(self.core, store, adapter))
