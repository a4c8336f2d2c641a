"""One message to many: what handlers and campaign kinds may do with a broadcast.

Everything here is rows in the caller's transaction; `jobs.broadcast` carries them out. A broadcast
that paused, or that the emergency stop stopped, goes on only when a manager says so (J6, J16).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from bot.context import lane_of
from bot.core import Core
from bot.messages import Message, Text
from bot.posting import STOP, Letter, post
from bot.rules import etiquette
from bot.rules.etiquette import Want
from bot.wire import dump_message
from storage import audience, broadcast, chunks, state
from storage.audience import Audience, Caps
from storage.broadcast import BroadcastRow, Stage
from storage.segments import Segment
from storage.store import Tx

VERSION = 1
"""Of the stored content; a process takes its own version and the one before."""
RECENT = timedelta(seconds=10)
"""The time over which the current rate is taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A broadcast before it exists. The same `key` is opened once, however many hands press.

    `title` is what managers call it. `segment` is a rule's tree (None: everyone on the platform).
    `one_by_one` signs each person's choices for them alone; a multicast's are for anyone.
    `important` (a win) passes mute and caps, as in `bot.rules.etiquette`.
    """

    key: UUID
    title: str
    platform: str
    message: Message
    segment: Mapping[str, Any] | None = None
    one_by_one: bool = False
    important: bool = False
    due: datetime | None = None


@dataclass(frozen=True, slots=True)
class Forecast:
    """Whom a draft would reach: how many, and how many not by which reason; `due` is its hour."""

    total: int
    excluded: Mapping[str, int]
    due: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How a broadcast stands. `unsent` have neither got it nor failed; `dead` of them gave up.

    `rate` is recipients a second, lately; `eta` None while nothing moves.
    """

    title: str
    stage: Stage
    reason: str
    total: int
    sent: int
    failed: int
    unsent: int
    dead: int
    rate: float
    eta: timedelta | None
    excluded: Mapping[str, int] = field(default_factory=dict)


async def plan(core: Core, tx: Tx, draft: Draft, now: datetime) -> Forecast:
    """Count whom a draft would reach if it were opened now; for a reading transaction."""
    due = due_of(core, draft, now)
    asked = audience_of(core, draft.segment, now, important=draft.important)
    last = await tx.one(audience.LAST_MEMBER) or 0
    found = dict(await asked.count(tx, draft.platform, caps_of(core, due), (0, last)))
    return Forecast(found.pop("", 0), found, due)


async def launch(core: Core, tx: Tx, draft: Draft, now: datetime) -> int:
    """Open a broadcast and return its number; its audience is frozen next, then it is sent."""
    row_id = await tx.one(
        broadcast.OPEN,
        key=draft.key,
        title=draft.title,
        platform=draft.platform,
        content=tx.cipher.seal(dump_message(draft.message), f"broadcast:{draft.key}"),
        version=VERSION,
        one_by_one=draft.one_by_one or core.adapters[draft.platform].limits.recipients == 1,
        important=draft.important,
        audience=dict(draft.segment) if draft.segment else None,
        due=due_of(core, draft, now),
        now=now,
    )
    found: int = row_id or await tx.one(broadcast.BY_KEY, key=draft.key) or 0
    return found


async def pause(tx: Tx, broadcast_id: int, reason: str = "manager") -> bool:
    """Pause; what is on its way arrives. Managers are told unless one of them did it."""
    told = reason == "manager"
    return bool(await tx.run(broadcast.PAUSE, broadcast_id=broadcast_id, reason=reason, told=told))


async def resume(core: Core, tx: Tx, broadcast_id: int, now: datetime) -> bool:
    """Let a paused or stopped broadcast go on in the company's hours; dead chunks get new tries.

    False while the emergency stop is on, or when there is nothing to resume.
    """
    if await tx.one(state.GET, name=STOP) is not None:
        return False
    due = etiquette.opening(core.community.push.policy, now)
    if not await tx.run(broadcast.RESUME, broadcast_id=broadcast_id, due=due):
        return False
    await tx.run(chunks.REVIVE, broadcast_id=broadcast_id, now=now)
    return True


async def cancel(tx: Tx, broadcast_id: int) -> bool:
    """End for good; what is on its way arrives, and is counted."""
    if not await tx.run(broadcast.CANCEL, broadcast_id=broadcast_id):
        return False
    await tx.run(chunks.CANCEL_CHUNKS, broadcast_id=broadcast_id)
    return True


async def halt(tx: Tx) -> int:
    """Stop every broadcast (the emergency stop); return how many that were."""
    return await tx.run(broadcast.HALT)


async def progress(tx: Tx, broadcast_id: int, now: datetime) -> Progress:
    """Return how a broadcast stands.

    Raises:
        LookupError: there is none of this number.
    """
    row = await tx.one(broadcast.GET, broadcast_id=broadcast_id)
    if row is None:
        message = f"no broadcast {broadcast_id}"
        raise LookupError(message)
    [tally] = await tx.all(broadcast.TALLY, broadcast_id=row.id, since=now - RECENT)
    rate = tally.recent / RECENT.total_seconds()
    moves = rate and row.stage is Stage.SENDING
    return Progress(
        title=row.title,
        stage=row.stage,
        reason=row.reason,
        total=row.total,
        sent=tally.sent,
        failed=tally.failed,
        unsent=row.total - tally.sent - tally.failed,
        dead=tally.dead,
        rate=rate,
        eta=timedelta(seconds=tally.waiting / rate) if moves else None,
        excluded=row.excluded,
    )


async def tell(core: Core, tx: Tx, row: BroadcastRow, key: str, now: datetime) -> None:
    """Tell managers how a broadcast stands, in the words of `key`; the same numbers once."""
    address = core.channel("managers")
    if address is None:
        return
    stands = await progress(tx, row.id, now)
    text = core.copy.say(
        key, title=row.title, sent=stands.sent, unsent=stands.unsent, dead=stands.dead
    )
    letter = Letter(
        key=uuid5(row.key, f"{key}/{stands.sent}/{stands.failed}/{stands.dead}"),
        address=address,
        lane=lane_of(tx, address),
        want=Want.PUSH_OK,
        member_id=None,
    )
    await post(core, tx, Message((Text(text),)), letter, now)


def due_of(core: Core, draft: Draft, now: datetime) -> datetime:
    """Return the first moment at which a draft may leave."""
    return etiquette.opening(core.community.push.policy, max(now, draft.due or now))


def audience_of(
    core: Core, tree: Mapping[str, Any] | None, at: datetime, *, important: bool
) -> Audience:
    """Return the audience that a segment's tree means at an instant."""
    segment = Segment(tree, at, core.community.zone) if tree else None
    return Audience(segment, important=important)


def caps_of(core: Core, due: datetime) -> Caps:
    """Return the caps of the day and the week that a broadcast leaves in."""
    policy = core.community.push.policy
    midnight = due.astimezone(policy.zone).replace(hour=0, minute=0, second=0, microsecond=0)
    return Caps(
        today=midnight,
        week=midnight - timedelta(days=midnight.weekday()),
        per_day=policy.per_day,
        per_week=policy.per_week,
    )
