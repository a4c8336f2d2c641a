"""Putting a message into the outbox, by the cheapest way that reaches and is polite.

The same planning serves a new message, a reply whose token died, and a push whose hour has
come: `plan_for` reads where message and member stand, `bot.rules.etiquette` decides.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from bot.core import Core
from bot.events import Address
from bot.messages import Message
from bot.ports import Outgoing
from bot.rules import etiquette
from bot.rules.etiquette import Plan, Standing, Want
from bot.wire import dump_address, dump_message
from storage import audience, members, outbox, state
from storage.members import AccountState
from storage.outbox import OutboxState, Way
from storage.store import Tx

STOP = "stop"
"""Name of the state row that holds the emergency stop."""

WAYS = {
    etiquette.Way.REPLY: Way.REPLY,
    etiquette.Way.PULL: Way.PULL,
    etiquette.Way.PUSH: Way.PUSH,
    etiquette.Way.HOLD: Way.HELD,
    etiquette.Way.DROP: Way.PUSH,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """Whom a message is for and how far it may go. `member_id` is None for a place."""

    key: UUID
    address: Address
    lane: str
    want: Want
    member_id: int | None
    about_id: int | None = None
    """The member that a post in a place is about: erasing takes it back while it waits."""
    important: bool = False
    reply_until: datetime | None = None


async def post(core: Core, tx: Tx, message: Message, letter: Letter, now: datetime) -> None:
    """Write the outbox row; once committed, the courier takes it if it is to leave now.

    What may not travel at all is a row, too: FAILED, with the one word why.
    """
    made = await plan_for(core, tx, letter, now)
    dropped = made.way is etiquette.Way.DROP
    way = WAYS[made.way]
    row_id = await tx.one(
        outbox.ADD,
        key=letter.key,
        member_id=letter.member_id,
        about_id=letter.about_id,
        platform=letter.address.platform,
        lane=letter.lane,
        want=letter.want.value,
        way=way,
        important=letter.important,
        state=OutboxState.FAILED if dropped else OutboxState.READY,
        reason=made.reason,
        target=None if dropped else tx.cipher.seal(*_target(letter)),
        payload=None if dropped else tx.cipher.seal(*_payload(letter, message)),
        now=now,
        reply_until=letter.reply_until,
        due=made.due,
    )
    leaves = made.due is not None and made.due <= now
    if row_id is not None and leaves:
        outgoing = _outgoing(row_id, letter, message, way, now)
        tx.after_commit(lambda: core.courier.take(outgoing))


def _target(letter: Letter) -> tuple[str, str]:
    return dump_address(letter.address), f"target:{letter.key}"


def _payload(letter: Letter, message: Message) -> tuple[str, str]:
    return dump_message(message), f"payload:{letter.key}"


def _outgoing(row_id: int, letter: Letter, message: Message, way: Way, now: datetime) -> Outgoing:
    return Outgoing(
        id=row_id,
        key=letter.key,
        member_id=letter.member_id,
        lane=letter.lane,
        want=letter.want.value,
        way=way,
        important=letter.important,
        address=letter.address,
        message=message,
        tries=0,
        created_at=now,
        reply_until=letter.reply_until,
        fresh=True,
    )


async def plan_for(core: Core, tx: Tx, letter: Letter, now: datetime) -> Plan:
    """Read where message and member stand, and choose the way."""
    if _reply_alive(letter, now):
        return Plan(etiquette.Way.REPLY, now.astimezone(UTC))
    if letter.member_id is None:
        if letter.address.account is not None:
            return Plan(etiquette.Way.DROP, reason="erased")
        return Plan(etiquette.Way.PUSH, now.astimezone(UTC))
    policy = core.community.push.policy
    if letter.want is not Want.PUSH_OK:
        return etiquette.plan(letter.want, _UNKNOWN, policy, now)
    return etiquette.plan(letter.want, await _standing(core, tx, letter, now), policy, now)


_UNKNOWN = Standing(
    reply_alive=False,
    reachable=True,
    muted=False,
    pushes_today=0,
    pushes_week=0,
    counted_month=0,
    stopped=False,
    free_push=False,
    important=False,
)
"""Enough for whoever does not want a push: nothing else is asked."""


def _reply_alive(letter: Letter, now: datetime) -> bool:
    if letter.address.reply is None:
        return False
    return letter.reply_until is None or now < letter.reply_until


async def _standing(core: Core, tx: Tx, letter: Letter, now: datetime) -> Standing:
    """Read the facts that decide a push; `member_id` is known."""
    member_id = letter.member_id
    zone = core.community.zone
    midnight = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    monday = midnight - timedelta(days=midnight.weekday())
    accounts = await tx.all(members.ACCOUNTS_OF, member_id=member_id)
    muted = await tx.one(members.MUTED_AT, member_id=member_id)
    platform = letter.address.platform
    counted = await tx.one(state.COUNTED, platform=platform, month=month_of(core, now))
    today = await tx.one(outbox.COUNT_PUSHES_SINCE, member_id=member_id, since=midnight)
    week = await tx.one(outbox.COUNT_PUSHES_SINCE, member_id=member_id, since=monday)
    many_today = await tx.one(audience.PUSHED_SINCE, member_id=member_id, since=midnight)
    many_week = await tx.one(audience.PUSHED_SINCE, member_id=member_id, since=monday)
    return Standing(
        reply_alive=False,
        reachable=any(a.state is AccountState.ACTIVE and a.platform == platform for a in accounts),
        muted=muted is not None,
        pushes_today=(today or 0) + (many_today or 0),
        pushes_week=(week or 0) + (many_week or 0),
        counted_month=counted or 0,
        stopped=await tx.one(state.GET, name=STOP) is not None,
        free_push=not core.adapters[platform].limits.push_counts,
        important=letter.important,
    )


def month_of(core: Core, now: datetime) -> str:
    """Return the month (YYYY-MM) that a plan counts messages in, in the community's zone."""
    return f"{now.astimezone(core.community.zone):%Y-%m}"
