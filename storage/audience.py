"""Freezing an audience: members become numbered recipients, a range of members at a time.

Who is not written to is counted with the one word why, in the words of `bot.rules.etiquette`:
`blocked`, `opted_out`, `capped`. The same statement forecasts and freezes, so that what a manager
approves is what is written down.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    String,
    Subquery,
    and_,
    bindparam,
    case,
    cast,
    func,
    insert,
    literal,
    or_,
    select,
    true,
    union_all,
    update,
)

from storage.broadcast import Broadcast, Chunk, ChunkState, Recipient, Stage
from storage.dialects import unindexed
from storage.members import Account, AccountState, Member
from storage.outbox import Outbox, OutboxState, Way
from storage.query import Query, change, rows, scalar
from storage.segments import Segment, Where, condition
from storage.store import Tx
from storage.tables import BIG, table_of

RANGE = 20_000
"""Members frozen in one transaction, at most."""

_broadcast, _chunk = table_of(Broadcast), table_of(Chunk)
_recipient, _outbox = table_of(Recipient), table_of(Outbox)
_account, _member = table_of(Account), table_of(Member)
_AT = _broadcast.c.due.type


class FreezingRow(NamedTuple):
    """A broadcast whose audience is not frozen to its end. `upto` is the last member's number."""

    id: int
    key: UUID
    platform: str
    important: bool
    audience: dict[str, Any] | None
    total: int
    excluded: dict[str, int]
    frozen_to: int
    upto: int
    due: datetime
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """How many pushes a member may have had since the day and the week of the send began."""

    today: datetime
    week: datetime
    per_day: int
    per_week: int


class ReasonCount(NamedTuple):
    """Members of an audience by why they are not written to; "" for those who are."""

    why: str
    total: int


NEXT_FREEZING = rows(
    select(*(_broadcast.c[name] for name in FreezingRow._fields))
    .where(_broadcast.c.stage == Stage.FREEZING)
    .order_by(_broadcast.c.id)
    .limit(1)
    .with_for_update(skip_locked=True),
    FreezingRow,
)
_FROZEN = change(
    update(_broadcast)
    .where(_broadcast.c.id == bindparam("broadcast_id"))
    .values(
        frozen_to=bindparam("frozen_to"),
        total=_broadcast.c.total + bindparam("added"),
        excluded=bindparam("excluded", type_=_broadcast.c.excluded.type),
        stage=bindparam("stage", type_=_broadcast.c.stage.type),
    )
)
LAST_MEMBER = scalar(select(func.coalesce(func.max(_member.c.id), 0)))
# Pushes of one member: a planned broadcast counts on the day it is planned for.
PUSHED_SINCE = scalar(
    select(func.count())
    .select_from(_recipient)
    .join(_broadcast, _broadcast.c.id == _recipient.c.broadcast_id)
    .where(
        _recipient.c.member_id == bindparam("member_id"),
        _broadcast.c.due >= bindparam("since"),
        _broadcast.c.important.is_(False),
        _broadcast.c.stage != Stage.CANCELLED,
    )
)


def _in_range(column: ColumnElement[Any]) -> ColumnElement[bool]:
    return and_(column > bindparam("after", type_=BIG), column <= bindparam("upto", type_=BIG))


def _pushed() -> Subquery:
    """Return how many pushes each member of the range had in the week, and on the day."""
    week = bindparam("week", type_=_AT)
    single = select(_outbox.c.member_id, _outbox.c.sent_at.label("at")).where(
        unindexed(_outbox.c.state) == OutboxState.SENT,
        unindexed(_outbox.c.way) == Way.PUSH,
        _outbox.c.important.is_(False),
        _outbox.c.sent_at >= week,
        _in_range(_outbox.c.member_id),
    )
    first = select(func.min(_broadcast.c.id)).where(_broadcast.c.due >= week).scalar_subquery()
    among_many = (
        select(_recipient.c.member_id, _broadcast.c.due.label("at"))
        .join(_broadcast, _broadcast.c.id == _recipient.c.broadcast_id)
        .where(
            _broadcast.c.due >= week,
            _broadcast.c.important.is_(False),
            _broadcast.c.stage != Stage.CANCELLED,
            _broadcast.c.id != bindparam("broadcast_id", type_=BIG),
            # A number compared in the index spares the broadcasts of long ago a look-up each.
            _recipient.c.broadcast_id >= first,
            _in_range(_recipient.c.member_id),
        )
    )
    every = union_all(single, among_many).subquery()
    today = case((every.c.at >= bindparam("today", type_=_AT), 1), else_=0)
    return (
        select(every.c.member_id, func.count().label("week"), func.sum(today).label("today"))
        .group_by(every.c.member_id)
        .subquery()
    )


def _audience(segment: ColumnElement[bool], *, important: bool) -> Subquery:
    """Return a range's members of the audience, each with why not, or ""."""
    left = (_account.c.state != AccountState.ACTIVE, "blocked")
    source = _member.join(_account, _account.c.member_id == _member.c.id)
    if important:
        why = case(left, else_="")
    else:
        pushed = _pushed()
        source = source.outerjoin(pushed, pushed.c.member_id == _account.c.member_id)
        capped = or_(
            pushed.c.today >= bindparam("per_day", type_=BIG),
            pushed.c.week >= bindparam("per_week", type_=BIG),
        )
        muted = _member.c.muted_at.is_not(None)
        why = case(left, (muted, "opted_out"), (capped, "capped"), else_="")
    found = (
        select(_account.c.member_id, _account.c.id.label("account_id"), why.label("why"))
        .select_from(source)
        .where(
            unindexed(_account.c.platform) == bindparam("platform", type_=String()),
            # The index of accounts by member gives this order for nothing.
            _in_range(_account.c.member_id),
            # Said twice for PostgreSQL, which would else read all members for each range.
            _in_range(unindexed(_member.c.id)),
            segment,
        )
    )
    return found.subquery()


class Audience:
    """An audience's statements, made once for one broadcast.

    Without a segment it is everyone who has an account of the platform. `important` messages
    ask only whether they can arrive.
    """

    __slots__ = ("_count", "_freeze", "_important", "_segment")

    def __init__(self, segment: Segment | None, *, important: bool) -> None:
        where = condition(segment) if segment else Where(true(), {})
        self._important, self._segment = important, where.values
        found = _audience(where.condition, important=important)
        self._count: Query[ReasonCount] = rows(
            select(found.c.why, func.count().label("total")).group_by(found.c.why), ReasonCount
        )
        place = func.row_number().over(order_by=(found.c.member_id, found.c.account_id))
        chosen = select(
            bindparam("broadcast_id", type_=BIG),
            place + bindparam("total", type_=BIG),
            found.c.account_id,
            found.c.member_id,
        ).where(found.c.why == literal("", String()))
        names = ["broadcast_id", "seq", "account_id", "member_id"]
        self._freeze = change(insert(_recipient).from_select(names, chosen))

    async def count(
        self, tx: Tx, platform: str, caps: Caps, span: tuple[int, int], broadcast_id: int = 0
    ) -> Mapping[str, int]:
        """Count the members numbered after span[0] up to span[1] by why not; "" is who gets it."""
        values = self._values(platform, caps, span, broadcast_id)
        return {row.why: row.total for row in await tx.all(self._count, **values)}

    async def freeze(self, tx: Tx, row: FreezingRow, caps: Caps) -> bool:
        """Freeze the next range; True when it was the last."""
        upto = min(row.frozen_to + RANGE, row.upto)
        span = (row.frozen_to, upto)
        found = dict(await self.count(tx, row.platform, caps, span, row.id))
        values = self._values(row.platform, caps, span, row.id)
        added = found.pop("", 0)
        if added:
            values["broadcast_id"] = row.id
            await tx.run(self._freeze, total=row.total, **values)
        excluded = {
            why: row.excluded.get(why, 0) + found.get(why, 0) for why in {*row.excluded, *found}
        }
        ended = upto >= row.upto
        await tx.run(
            _FROZEN,
            broadcast_id=row.id,
            frozen_to=upto,
            added=added,
            excluded=excluded,
            stage=Stage.READY if ended else Stage.FREEZING,
        )
        return ended

    def _values(
        self, platform: str, caps: Caps, span: tuple[int, int], broadcast_id: int
    ) -> dict[str, Any]:
        values = {"platform": platform, "after": span[0], "upto": span[1], **self._segment}
        if self._important:
            return values
        return values | {
            "week": caps.week,
            "today": caps.today,
            "per_day": caps.per_day,
            "per_week": caps.per_week,
            "broadcast_id": broadcast_id,
        }


def _chunks() -> Query[None]:
    """Return the statement that cuts recipients 1 to `total` into chunks of `size`."""
    size, total = bindparam("size", type_=BIG), bindparam("total", type_=BIG)
    starts = select(cast(1, BIG).label("lo")).where(total > 0).cte("starts", recursive=True)
    following = starts.c.lo + size
    starts = starts.union_all(select(following).where(following <= total))
    end = starts.c.lo + size - 1
    last = case((end < total, end), else_=total)
    fixed = {"state": ChunkState.OPEN, "owner": "", "tries": 0, "sent": 0, "failed": 0, "fault": ""}
    names = ["broadcast_id", "lo", "hi", "due", *fixed]
    return change(
        insert(_chunk).from_select(
            names,
            select(
                bindparam("broadcast_id", type_=BIG),
                starts.c.lo,
                last,
                bindparam("due", type_=_AT),
                *(literal(value, _chunk.c[name].type) for name, value in fixed.items()),
            ),
        )
    )


ADD_CHUNKS = _chunks()
