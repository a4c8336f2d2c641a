"""Delivery: carries outbox rows to their platforms, each lane in order, lanes side by side.

A row is tried until the platform accepts it or says why not; the key (or the one-time reply
token) makes a second try harmless. What happened is written back in the next group commit.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cached_property, partial
from typing import assert_never
from uuid import uuid5

import structlog

from bot import posting
from bot.adapter import Adapter, Delivery, Receipt, Via
from bot.alerts import tell_managers
from bot.core import Core
from bot.errors import Rejected, RetryLater, Undeliverable, Unreachable
from bot.messages import Limits, Message
from bot.ports import Outgoing
from bot.rules import etiquette
from bot.rules.degrade import Fitted, Words, degrade
from bot.rules.etiquette import Want
from bot.wire import dump_address, load_address, load_message, sign
from jobs.permits import Permits
from jobs.tasks import Tasks
from storage import members, outbox, state
from storage.outbox import OutboxRow, OutboxState, Way
from storage.store import Store, StoreError, Tx

log = structlog.get_logger()

MOST_TRIES = 8
"""Tries of unknown outcome after which a message is given up."""
PAUSES = {"unauthorised": timedelta(minutes=1), "quota": timedelta(hours=1)}
"""How long a message waits for what a manager has to do: a new access token, a new month."""
SEND_SECONDS = 15
"""The longest one try may take; SDKs sleep inside their own retries."""


class Courier:
    """The way out for committed messages of all platforms."""

    def __init__(
        self, core: Core, store: Store, permits: Mapping[str, Permits], media: str
    ) -> None:
        """`media` is the public address of /media, "" when there is none."""
        self.core, self.store, self.permits, self.media = core, store, permits, media
        self.tasks = Tasks()
        self._lanes: dict[str, deque[Outgoing]] = {}
        self._held: set[int] = set()
        self._open = True
        self._began = core.clock.now()
        self._doubtful: set[int] = set()
        """Messages that may have left although the store could not say so."""

    @property
    def busy(self) -> int:
        """How many messages are on their way."""
        return len(self._held)

    async def idle(self) -> None:
        """Return when nothing is on its way."""
        await self.tasks.idle()

    def take(self, outgoing: Outgoing) -> None:
        """Queue a message behind the others of its lane; one already on its way is left alone."""
        if outgoing.id in self._held or not self._open:
            return
        self._held.add(outgoing.id)
        lane = self._lanes.get(outgoing.lane)
        if lane is None:
            lane = self._lanes[outgoing.lane] = deque()
            self.tasks.start(self._run(outgoing.lane, lane))
        lane.append(outgoing)

    async def sweep(self, limit: int = 200) -> int:
        """Take rows that are due and that nobody carries: after a crash, or after a wait."""
        now = self.core.clock.now()
        rows = await self.store.read(lambda tx: tx.all(outbox.DUE, now=now, limit=limit))
        waiting = [row for row in rows if row.id not in self._held]
        for row in waiting:
            opened = self._opened(row)
            if opened is not None:
                self.take(opened)
        return len(waiting)

    async def finish(self, seconds: float) -> None:
        """Carry what was taken to its end, for at most `seconds`; the rest stays READY."""
        self._open = False
        await self.tasks.finish(seconds)

    def fitted(self, message: Message, platform: str) -> Fitted:
        """Fit a message to what a platform can show from here."""
        return degrade(message, self._limits[platform], self._words)

    def _opened(self, row: OutboxRow) -> Outgoing | None:
        if row.target is None or row.payload is None:
            return None
        cipher = self.store.cipher
        return Outgoing(
            id=row.id,
            key=row.key,
            member_id=row.member_id,
            lane=row.lane,
            want=row.want,
            way=row.way,
            important=row.important,
            address=load_address(cipher.open(row.target, f"target:{row.key}")),
            message=load_message(cipher.open(row.payload, f"payload:{row.key}")),
            tries=row.tries,
            created_at=row.created_at,
            reply_until=row.reply_until,
            # Nobody can have tried it: this process wrote it, and only waited with it.
            fresh=row.created_at >= self._began and not row.tries and row.id not in self._doubtful,
            swept=True,
        )

    async def _run(self, name: str, lane: deque[Outgoing]) -> None:
        try:
            while lane:
                outgoing = lane.popleft()
                try:
                    await self._carry(outgoing)
                except StoreError:
                    self._doubtful.add(outgoing.id)
                    log.warning("delivery.unmarked", row=outgoing.id)
                finally:
                    self._held.discard(outgoing.id)
        finally:
            self._held.difference_update(left.id for left in lane)
            self._lanes.pop(name, None)

    async def _carry(self, outgoing: Outgoing) -> None:
        adapter = self.core.adapters.get(outgoing.address.platform)
        if adapter is None:
            await self._mark(self._postpone, outgoing, timedelta(minutes=5), "platform_off")
            return
        if not await self._still_wanted(outgoing):
            return
        fitted = self.fitted(outgoing.message, adapter.name)
        if not fitted.messages:
            await self._mark(self._end, outgoing, OutboxState.FAILED, "empty")
            return
        first, rest = fitted.messages[0], fitted.messages[1:]
        try:
            receipt = await self._send(adapter, outgoing, first)
        except Undeliverable as error:
            await self._undelivered(outgoing, error)
        else:
            await self._mark(self._sent, outgoing, receipt, rest)

    async def _send(self, adapter: Adapter, outgoing: Outgoing, message: Message) -> Receipt:
        address = outgoing.address
        signer = address.account if address.private else None
        cipher = self.store.cipher
        payloads = adapter.render(
            message,
            lambda choice: sign(cipher, choice.value, signer),
            lambda path: f"{self.media}/{path}",
        )
        via = Via.REPLY if outgoing.way is Way.REPLY else Via.PUSH
        permits = self.permits.get(adapter.name)
        if permits is not None:
            await permits.take()
        try:
            async with asyncio.timeout(SEND_SECONDS):
                return await adapter.send(Delivery(address, via, payloads, outgoing.key))
        except TimeoutError as error:
            raise RetryLater(timedelta(seconds=1), "timeout", ambiguous=True) from error

    async def _still_wanted(self, outgoing: Outgoing) -> bool:
        """Look again right before the try: the token may be dead, the member gone, the stop on."""
        now = self.core.clock.now()
        if outgoing.swept and not await self._still_ready(outgoing):
            return False
        if outgoing.way is Way.REPLY:
            if outgoing.reply_until is None or now < outgoing.reply_until:
                return True
            if outgoing.fresh and not outgoing.tries:
                await self._mark(self._reroute, outgoing, "token_expired")
            else:
                await self._mark(self._end, outgoing, OutboxState.UNCERTAIN, "restart")
            return False
        if outgoing.member_id is None:
            return True
        plan = await self.store.read(
            lambda tx: posting.plan_for(self.core, tx, _letter(outgoing), now)
        )
        if plan.way is etiquette.Way.PUSH and plan.due is not None and plan.due <= now:
            return True
        await self._mark(self._reroute, outgoing, "waits")
        return False

    async def _still_ready(self, outgoing: Outgoing) -> bool:
        """Ask again now that nobody else can carry it: a sweep may have read an old snapshot."""
        found = await self.store.read(
            lambda tx: tx.one(outbox.STILL_READY, outbox_id=outgoing.id, way=outgoing.way)
        )
        return found is not None

    async def _undelivered(self, outgoing: Outgoing, error: Undeliverable) -> None:
        match error:
            case RetryLater():
                await self._again_later(outgoing, error)
            case Unreachable(reason="token_used") if outgoing.tries or not outgoing.fresh:
                # An earlier try of ours used the token: the member has the reply.
                await self._mark(self._sent, outgoing, Receipt(already=True), ())
            case Unreachable(reason="token_used"):
                await self._mark(self._reroute, outgoing, "token_expired")
            case Unreachable(reason="quota") if outgoing.member_id is not None:
                # The month is spent: asking again helps nobody, the member's next word does.
                pull = replace(outgoing, want=Want.PREFER_REPLY.value)
                await self._mark(self._reroute, pull, error.reason)
            case Unreachable(reason=reason) if reason in PAUSES:
                await self._mark(self._postpone, outgoing, PAUSES[reason], reason)
            case Unreachable():
                await self._mark(self._end, outgoing, OutboxState.FAILED, error.reason)
            case Rejected():
                log.error("delivery.rejected", row=outgoing.id, detail=error.detail)
                await self._mark(self._end, outgoing, OutboxState.FAILED, "rejected")
            case _:
                assert_never(error)  # type: ignore[arg-type]

    async def _again_later(self, outgoing: Outgoing, error: RetryLater) -> None:
        """Wait as the platform says; only a try that may have arrived counts as one."""
        if not error.ambiguous:
            await self._mark(self._postpone, outgoing, error.after, error.reason)
        elif outgoing.tries + 1 >= MOST_TRIES:
            await self._mark(self._end, outgoing, OutboxState.UNCERTAIN, error.reason)
        else:
            wait = max(error.after, timedelta(seconds=2**outgoing.tries))
            await self._mark(self._retry, outgoing, wait, error.reason)

    async def _mark(self, mark: Callable[..., object], outgoing: Outgoing, *facts: object) -> None:
        await self.store.write(partial(mark, outgoing, *facts))  # type: ignore[arg-type]

    async def _sent(
        self, outgoing: Outgoing, receipt: Receipt, rest: tuple[Message, ...], tx: Tx
    ) -> None:
        now = self.core.clock.now()
        await tx.run(
            outbox.SENT,
            outbox_id=outgoing.id,
            reason="already" if receipt.already else "",
            now=now,
            counted=receipt.counted,
        )
        _forget(outgoing, tx)
        if receipt.counted:
            await tx.run(
                state.ADD_COUNTED,
                platform=outgoing.address.platform,
                month=posting.month_of(self.core, now),
                counted=receipt.counted,
            )
        if rest and await self._is_gone(tx, outgoing.member_id):
            return
        for number, message in enumerate(rest, start=1):
            # What did not fit into one send follows by the same rules; a spent token is no reply.
            letter = replace(_letter(outgoing), key=uuid5(outgoing.key, str(number)))
            address = replace(outgoing.address, reply=None)
            await posting.post(self.core, tx, message, replace(letter, address=address), now)

    @staticmethod
    async def _is_gone(tx: Tx, member_id: int | None) -> bool:
        """Whether the member was erased while the message was on its way."""
        if member_id is None:
            return False
        return await tx.one(members.EXISTS, member_id=member_id) is None

    async def _end(self, outgoing: Outgoing, state_: OutboxState, reason: str, tx: Tx) -> None:
        now = self.core.clock.now()
        await tx.run(outbox.ENDED, outbox_id=outgoing.id, state=state_, reason=reason, now=now)
        _forget(outgoing, tx)

    async def _retry(self, outgoing: Outgoing, wait: timedelta, reason: str, tx: Tx) -> None:
        due = self.core.clock.now() + wait
        await tx.run(outbox.RETRY, outbox_id=outgoing.id, due=due, reason=reason)

    async def _postpone(self, outgoing: Outgoing, wait: timedelta, reason: str, tx: Tx) -> None:
        due = self.core.clock.now() + wait
        await tx.run(outbox.POSTPONE, outbox_id=outgoing.id, due=due, reason=reason)

    async def _reroute(self, outgoing: Outgoing, reason: str, tx: Tx) -> None:
        """Plan again without the reply token."""
        now: datetime = self.core.clock.now()
        letter = _letter(outgoing)
        letter = replace(letter, address=replace(letter.address, reply=None))
        plan = await posting.plan_for(self.core, tx, letter, now)
        if plan.way is etiquette.Way.DROP:
            await self._end(outgoing, OutboxState.FAILED, plan.reason, tx)
            return
        bound = f"target:{outgoing.key}"
        await tx.run(
            outbox.REROUTE,
            outbox_id=outgoing.id,
            way=posting.WAYS[plan.way],
            due=plan.due,
            reason=plan.reason or reason,
            target=tx.cipher.seal(dump_address(letter.address), bound),
        )
        if reason == "quota":
            platform = letter.address.platform
            what = f"quota:{platform}:{posting.month_of(self.core, now)}"
            text = self.core.copy.say("alert-quota", platform=platform)
            await tell_managers(self.core, tx, what, text, now)

    @cached_property
    def _limits(self) -> dict[str, Limits]:
        """What each platform can show from here: without a public address no pictures."""
        return {
            name: replace(adapter.limits, images=adapter.limits.images and bool(self.media))
            for name, adapter in self.core.adapters.items()
        }

    @cached_property
    def _words(self) -> Words:
        say = self.core.copy.say
        return Words(
            more=say("fit-more"),
            back=say("fit-back"),
            choose=say("fit-choose"),
            numbers=say("fit-numbers"),
        )


def _letter(outgoing: Outgoing) -> posting.Letter:
    return posting.Letter(
        key=outgoing.key,
        address=outgoing.address,
        lane=outgoing.lane,
        want=Want(outgoing.want),
        member_id=outgoing.member_id,
        important=outgoing.important,
        reply_until=outgoing.reply_until,
    )


def _forget(outgoing: Outgoing, tx: Tx) -> None:
    """Leave no trace of the last word to someone erased: nobody else has no member."""
    if outgoing.member_id is None and outgoing.address.account is not None:
        tx.scrub()
