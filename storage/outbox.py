"""The outbox: everything the bot wants to say, as rows, until the platform accepted it."""

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Uuid, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlmodel import SQLModel

from storage.query import change, rows, scalar
from storage.tables import (
    BIG,
    Erase,
    Personal,
    choice,
    column,
    kept,
    member_ref,
    partial,
    row_id,
    sealed,
    table_of,
)


class OutboxState(StrEnum):
    """Where a message stands; every row ends in one of the last four."""

    READY = "ready"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    UNCERTAIN = "uncertain"
    EXPIRED = "expired"


class Way(StrEnum):
    """How a READY row is to travel; PULL rows wait for the member's next touch."""

    REPLY = "reply"
    PULL = "pull"
    PUSH = "push"
    HELD = "held"
    """Stopped (emergency, restored backup): a manager decides."""


class Outbox(SQLModel, table=True):
    """One message. `target` and `payload` are sealed and blanked once SENT."""

    __table_args__ = (
        partial("ix_outbox_ready", "state = 'ready'", "way", "due"),
        partial("ix_outbox_waiting", "state = 'ready'", "member_id"),
        partial("ix_outbox_pushed", "way = 'push'", "member_id", "sent_at"),
        partial("ix_outbox_about_id", "about_id IS NOT NULL", "about_id"),
        kept(Erase.BLANK),
    )
    id: int | None = row_id()
    key: UUID = column(sa_type=Uuid(), unique=True)
    member_id: int | None = member_ref()
    # Whom a post in a place is about; erasing takes the mention out of every row.
    about_id: int | None = column(default=None, foreign_key="member.id", nullable=True, sa_type=BIG)
    platform: str = column()
    lane: str = column()
    want: str = column()
    way: Way = column(sa_type=choice(Way))
    important: bool = column(default=False)
    state: OutboxState = column(sa_type=choice(OutboxState))
    reason: str = column(default="")
    target: bytes | None = sealed(Personal.MESSAGE, "target:{key}")
    payload: bytes | None = sealed(Personal.MESSAGE, "payload:{key}")
    tries: int = column(default=0)
    created_at: datetime = column()
    reply_until: datetime | None = column(default=None)
    due: datetime | None = column(default=None)
    sent_at: datetime | None = column(default=None)
    counted: int = column(default=0)


class OutboxRow(NamedTuple):
    """A message that waits."""

    id: int
    key: UUID
    member_id: int | None
    platform: str
    lane: str
    want: str
    way: Way
    important: bool
    target: bytes | None
    payload: bytes | None
    tries: int
    created_at: datetime
    reply_until: datetime | None


_outbox = table_of(Outbox)
_STATE, _WAY = choice(OutboxState), choice(Way)
_ROW = (
    _outbox.c.id,
    _outbox.c.key,
    _outbox.c.member_id,
    _outbox.c.platform,
    _outbox.c.lane,
    _outbox.c.want,
    _outbox.c.way,
    _outbox.c.important,
    _outbox.c.target,
    _outbox.c.payload,
    _outbox.c.tries,
    _outbox.c.created_at,
    _outbox.c.reply_until,
)

ADD = scalar(
    upsert(_outbox)
    .values(
        key=bindparam("key"),
        member_id=bindparam("member_id"),
        about_id=bindparam("about_id"),
        platform=bindparam("platform"),
        lane=bindparam("lane"),
        want=bindparam("want"),
        way=bindparam("way", type_=_WAY),
        important=bindparam("important"),
        state=bindparam("state", type_=_STATE),
        reason=bindparam("reason"),
        target=bindparam("target"),
        payload=bindparam("payload"),
        tries=0,
        created_at=bindparam("now"),
        reply_until=bindparam("reply_until"),
        due=bindparam("due"),
        counted=0,
    )
    .on_conflict_do_nothing(index_elements=["key"])
    .returning(_outbox.c.id)
)
DUE = rows(
    select(*_ROW)
    .where(
        _outbox.c.state == OutboxState.READY,
        (_outbox.c.way == Way.REPLY) | (_outbox.c.way == Way.PUSH),
        _outbox.c.due <= bindparam("now"),
    )
    .order_by(_outbox.c.id)
    .limit(bindparam("limit")),
    OutboxRow,
)
STILL_READY = scalar(
    select(_outbox.c.id).where(
        _outbox.c.id == bindparam("outbox_id"),
        _outbox.c.state == OutboxState.READY,
        _outbox.c.way == bindparam("way", type_=_WAY),
    )
)
PULLS = rows(
    select(*_ROW)
    .where(
        _outbox.c.member_id == bindparam("member_id"),
        _outbox.c.state == OutboxState.READY,
        _outbox.c.way == Way.PULL,
    )
    .order_by(_outbox.c.id)
    .limit(bindparam("limit")),
    OutboxRow,
)
SENT = change(
    update(_outbox)
    .where(_outbox.c.id == bindparam("outbox_id"))
    .values(
        state=OutboxState.SENT,
        reason=bindparam("reason"),
        target=None,
        payload=None,
        sent_at=bindparam("now"),
        counted=bindparam("counted"),
    )
)
ENDED = change(
    update(_outbox)
    .where(_outbox.c.id == bindparam("outbox_id"))
    .values(
        state=bindparam("state", type_=_STATE),
        reason=bindparam("reason"),
        target=None,
        payload=None,
        sent_at=bindparam("now"),
    )
)
RETRY = change(
    update(_outbox)
    .where(_outbox.c.id == bindparam("outbox_id"))
    .values(tries=_outbox.c.tries + 1, due=bindparam("due"), reason=bindparam("reason"))
)
POSTPONE = change(
    update(_outbox)
    .where(_outbox.c.id == bindparam("outbox_id"))
    .values(due=bindparam("due"), reason=bindparam("reason"))
)
REROUTE = change(
    update(_outbox)
    .where(_outbox.c.id == bindparam("outbox_id"))
    .values(
        way=bindparam("way", type_=_WAY),
        due=bindparam("due"),
        reason=bindparam("reason"),
        target=bindparam("target"),
    )
)
HOLD_PUSHES = change(
    update(_outbox)
    .where(
        _outbox.c.state == OutboxState.READY,
        _outbox.c.way == Way.PUSH,
        _outbox.c.member_id.is_not(None),
    )
    .values(way=Way.HELD, reason=bindparam("reason"))
)
RELEASE_HELD = change(
    update(_outbox)
    .where(_outbox.c.state == OutboxState.READY, _outbox.c.way == Way.HELD)
    .values(way=Way.PUSH, due=bindparam("now"), reason="")
)
DROP_HELD = change(
    update(_outbox)
    .where(_outbox.c.state == OutboxState.READY, _outbox.c.way == Way.HELD)
    .values(state=OutboxState.EXPIRED, reason=bindparam("reason"), target=None, payload=None)
)
COUNT_HELD = scalar(
    select(func.count())
    .select_from(_outbox)
    .where(_outbox.c.state == OutboxState.READY, _outbox.c.way == Way.HELD)
)
FORGET_OF_MEMBER = change(
    update(_outbox)
    .where(
        _outbox.c.member_id == bindparam("member_id"),
        (_outbox.c.state == OutboxState.READY) | (_outbox.c.state == OutboxState.SENDING),
    )
    .values(state=OutboxState.EXPIRED, reason="erased", target=None, payload=None)
)
# A post in a place about a member who is erased is taken back if it waits.
FORGET_ABOUT = change(
    update(_outbox)
    .where(_outbox.c.about_id == bindparam("member_id"), _outbox.c.state == OutboxState.READY)
    .values(state=OutboxState.EXPIRED, reason="erased", target=None, payload=None)
)
DROP_OF_MEMBER_PUSHES = change(
    update(_outbox)
    .where(
        _outbox.c.member_id == bindparam("member_id"),
        _outbox.c.state == OutboxState.READY,
        _outbox.c.way != Way.REPLY,
    )
    .values(state=OutboxState.FAILED, reason="blocked", target=None, payload=None)
)
COUNT_PUSHES_SINCE = scalar(
    select(func.count())
    .select_from(_outbox)
    .where(
        _outbox.c.member_id == bindparam("member_id"),
        _outbox.c.state == OutboxState.SENT,
        _outbox.c.way == Way.PUSH,
        _outbox.c.important.is_(False),
        _outbox.c.sent_at >= bindparam("since"),
    )
)


class OutcomeCount(NamedTuple):
    """Messages by how they travelled and how they ended."""

    way: Way
    state: OutboxState
    reason: str
    total: int
    counted: int


COUNT_OUTCOMES = rows(
    select(
        _outbox.c.way,
        _outbox.c.state,
        _outbox.c.reason,
        func.count().label("total"),
        func.coalesce(func.sum(_outbox.c.counted), 0).label("counted"),
    ).group_by(_outbox.c.way, _outbox.c.state, _outbox.c.reason),
    OutcomeCount,
)
