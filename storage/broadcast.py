"""Broadcasts: one message to many, as rows: the send, its frozen audience, its chunks, its log.

A chunk is a range of the audience that is claimed, sent and ended as one. One multicast is all or
nothing, so the chunk itself is its log; one-by-one sends are logged row by row, and so is everyone
who was passed over, with the one word why. A chunk begins again at "its range minus the log".
"""

from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    JSON,
    ColumnElement,
    Index,
    Uuid,
    and_,
    bindparam,
    case,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlmodel import SQLModel

from storage.members import Member
from storage.query import change, rows, scalar
from storage.tables import (
    BIG,
    Erase,
    Personal,
    choice,
    column,
    kept,
    row_id,
    sealed,
    table_of,
)


class Stage(StrEnum):
    """Where a broadcast stands. Only a manager leads out of PAUSED and STOPPED."""

    FREEZING = "freezing"
    """The audience is being written down; nothing is sent."""
    READY = "ready"
    """Waits for its hour."""
    SENDING = "sending"
    PAUSED = "paused"
    """`reason` says why: quota, unauthorised, rejected, unfit, dead, manager."""
    STOPPED = "stopped"
    """By the emergency stop; lifting that resumes nothing."""
    DONE = "done"
    CANCELLED = "cancelled"


class ChunkState(StrEnum):
    """OPEN chunks are claimed when due; DEAD ones wait for a manager."""

    OPEN = "open"
    DONE = "done"
    DEAD = "dead"
    CANCELLED = "cancelled"


SENT = "sent"
"""The result of a send that the platform accepted; any other word says why it was not."""


class Broadcast(SQLModel, table=True):
    """One send. `content` is the frozen message, the same for everyone.

    `audience` is a segment's tree (None: everyone), frozen from member numbers up to `upto`;
    `frozen_to` says how far that is. `excluded` counts by reason who is not written to.
    """

    __table_args__ = (Index("ix_broadcast_stage", "stage"), kept(None))
    id: int | None = row_id()
    key: UUID = column(sa_type=Uuid(), unique=True)
    title: str = column()
    platform: str = column()
    content: bytes | None = sealed(Personal.NONE, "broadcast:{key}", nullable=False)
    version: int = column()
    one_by_one: bool = column()
    important: bool = column()
    audience: dict[str, Any] | None = column(default=None, sa_type=JSON(none_as_null=True))
    stage: Stage = column(sa_type=choice(Stage))
    reason: str = column(default="")
    told: bool = column(default=True)
    """Whether managers know of the stage."""
    total: int = column(default=0)
    excluded: dict[str, int] = column(sa_type=JSON)
    frozen_to: int = column(default=0, sa_type=BIG)
    upto: int = column(sa_type=BIG)
    due: datetime = column()
    created_at: datetime = column()


class Recipient(SQLModel, table=True):
    """One place in a frozen audience, numbered from 1."""

    # No foreign keys: PostgreSQL checks them row by row, and a million checks take ten seconds.
    __table_args__ = (
        Index("ix_recipient_member_id", "member_id"),
        {**kept(Erase.BLANK), "sqlite_with_rowid": False},
    )
    broadcast_id: int = column(Personal.ACTIVITY, primary_key=True, sa_type=BIG)
    seq: int = column(primary_key=True)
    account_id: int | None = column(Personal.IDENTITY, default=None, nullable=True, sa_type=BIG)
    member_id: int | None = column(Personal.IDENTITY, default=None, nullable=True, sa_type=BIG)


class Chunk(SQLModel, table=True):
    """Recipients `lo` to `hi` of a broadcast. `until` is the end of the claim that holds them.

    `tried_at` is the first try whose outcome may be unknown; the platform forgets its key a day
    later. `at` is when `sent` last grew.
    """

    __table_args__ = (
        Index("ix_chunk_state_due", "state", "due", "id"),
        Index("ix_chunk_broadcast_id", "broadcast_id"),
        kept(None),
    )
    id: int | None = row_id()
    broadcast_id: int = column(sa_type=BIG)
    lo: int = column()
    hi: int = column()
    state: ChunkState = column(sa_type=choice(ChunkState))
    due: datetime = column()
    owner: str = column(default="")
    until: datetime | None = column(default=None)
    tries: int = column(default=0)
    tried_at: datetime | None = column(default=None)
    sent: int = column(default=0)
    failed: int = column(default=0)
    fault: str = column(default="")
    at: datetime | None = column(default=None)


class SendLog(SQLModel, table=True):
    """What became of one recipient; append-only. Whose it was, the recipient's row knows."""

    __tablename__ = "send_log"
    __table_args__ = {**kept(None), "sqlite_with_rowid": False}
    broadcast_id: int = column(primary_key=True, sa_type=BIG)
    seq: int = column(primary_key=True)
    result: str = column()
    at: datetime = column()


class BroadcastRow(NamedTuple):
    """A broadcast without what only its freezing needs."""

    id: int
    key: UUID
    title: str
    platform: str
    content: bytes
    version: int
    one_by_one: bool
    important: bool
    stage: Stage
    reason: str
    total: int
    excluded: dict[str, int]
    due: datetime


class Tally(NamedTuple):
    """Recipients by what became of them; `recent` is the part of `sent` since a given instant."""

    sent: int
    failed: int
    waiting: int
    dead: int
    cancelled: int
    recent: int


class UnsentRow(NamedTuple):
    """Somebody who has not been written to (yet)."""

    seq: int
    member_id: int | None


_broadcast, _chunk = table_of(Broadcast), table_of(Chunk)
_recipient, _log = table_of(Recipient), table_of(SendLog)
_member = table_of(Member)
_THIS = _broadcast.c.id == bindparam("broadcast_id")
_DUE = bindparam("due", type_=_chunk.c.due.type)


def _stage(*stages: Stage) -> ColumnElement[bool]:
    return or_(*(_broadcast.c.stage == stage for stage in stages))


OPEN = scalar(
    upsert(_broadcast)
    .values(
        key=bindparam("key"),
        title=bindparam("title"),
        platform=bindparam("platform"),
        content=bindparam("content"),
        version=bindparam("version"),
        one_by_one=bindparam("one_by_one"),
        important=bindparam("important"),
        audience=bindparam("audience", type_=JSON(none_as_null=True)),
        stage=Stage.FREEZING,
        reason="",
        told=True,
        total=0,
        excluded={},
        frozen_to=0,
        upto=select(func.coalesce(func.max(_member.c.id), 0)).scalar_subquery(),
        due=bindparam("due"),
        created_at=bindparam("now"),
    )
    .on_conflict_do_nothing(index_elements=["key"])
    .returning(_broadcast.c.id)
)
BY_KEY = scalar(select(_broadcast.c.id).where(_broadcast.c.key == bindparam("key")))
GET = rows(
    select(*(_broadcast.c[name] for name in BroadcastRow._fields)).where(_THIS), BroadcastRow
)
PAUSE = change(
    update(_broadcast)
    .where(_THIS, _stage(Stage.FREEZING, Stage.READY, Stage.SENDING))
    .values(stage=Stage.PAUSED, reason=bindparam("reason"), told=bindparam("told"))
)
CANCEL = change(
    update(_broadcast)
    .where(_THIS, ~_stage(Stage.DONE, Stage.CANCELLED))
    .values(stage=Stage.CANCELLED, reason="", told=True)
)
# Frozen to its end or not: that decides where a broadcast goes on.
RESUME = change(
    update(_broadcast)
    .where(_THIS, _stage(Stage.PAUSED, Stage.STOPPED))
    .values(
        stage=case(
            (_broadcast.c.frozen_to < _broadcast.c.upto, Stage.FREEZING.value),
            else_=Stage.READY.value,
        ),
        reason="",
        told=True,
        due=case((_broadcast.c.due > _DUE, _broadcast.c.due), else_=_DUE),
    )
)
START_DUE = change(
    update(_broadcast)
    .where(_broadcast.c.stage == Stage.READY, _broadcast.c.due <= bindparam("now"))
    .values(stage=Stage.SENDING)
)
HALT = change(
    update(_broadcast)
    .where(_stage(Stage.FREEZING, Stage.READY, Stage.SENDING))
    .values(stage=Stage.STOPPED, reason="stopped")
)
# Asked first, so that a community that sends nothing writes nothing.
ACTIVE = scalar(
    select(_broadcast.c.id)
    .where(
        or_(
            _stage(Stage.FREEZING, Stage.READY, Stage.SENDING),
            and_(_stage(Stage.PAUSED), _broadcast.c.told.is_(False)),
        )
    )
    .limit(1)
)
_HAS = select(_chunk.c.id).where(_chunk.c.broadcast_id == _broadcast.c.id)
_HAS_OPEN = _HAS.where(_chunk.c.state == ChunkState.OPEN).exists()
_HAS_DEAD = _HAS.where(_chunk.c.state == ChunkState.DEAD).exists()
_HAS_CLAIMED = _HAS.where(_chunk.c.state == ChunkState.OPEN, _chunk.c.owner != "").exists()
FINISH = change(
    update(_broadcast)
    .where(_broadcast.c.stage == Stage.SENDING, ~_HAS_OPEN)
    .values(
        stage=case((_HAS_DEAD, Stage.PAUSED.value), else_=Stage.DONE.value),
        reason=case((_HAS_DEAD, "dead"), else_=""),
        told=case((_HAS_DEAD, False), else_=True),
    )
)
# Numbers are told when nothing of the broadcast is on its way any more: then they are true.
UNTOLD = rows(
    select(*(_broadcast.c[name] for name in BroadcastRow._fields)).where(
        _broadcast.c.told.is_(False), _broadcast.c.stage == Stage.PAUSED, ~_HAS_CLAIMED
    ),
    BroadcastRow,
)
TELL = change(update(_broadcast).where(_THIS, _broadcast.c.told.is_(False)).values(told=True))


def _left(state: ChunkState) -> Any:
    """Return how many recipients of chunks in a state have neither got it nor failed."""
    left = _chunk.c.hi - _chunk.c.lo + 1 - _chunk.c.sent - _chunk.c.failed
    return func.coalesce(func.sum(case((_chunk.c.state == state, left), else_=0)), 0)


_SINCE = bindparam("since", type_=_chunk.c.due.type)
TALLY = rows(
    select(
        func.coalesce(func.sum(_chunk.c.sent), 0).label("sent"),
        func.coalesce(func.sum(_chunk.c.failed), 0).label("failed"),
        _left(ChunkState.OPEN).label("waiting"),
        _left(ChunkState.DEAD).label("dead"),
        _left(ChunkState.CANCELLED).label("cancelled"),
        func.coalesce(func.sum(case((_chunk.c.at >= _SINCE, _chunk.c.sent), else_=0)), 0).label(
            "recent"
        ),
    ).where(_chunk.c.broadcast_id == bindparam("broadcast_id")),
    Tally,
)
UNSENT = rows(
    select(_recipient.c.seq, _recipient.c.member_id)
    .join(
        _chunk,
        and_(
            _chunk.c.broadcast_id == _recipient.c.broadcast_id,
            _recipient.c.seq.between(_chunk.c.lo, _chunk.c.hi),
        ),
    )
    .outerjoin(
        _log,
        and_(_log.c.broadcast_id == _recipient.c.broadcast_id, _log.c.seq == _recipient.c.seq),
    )
    .where(
        _recipient.c.broadcast_id == bindparam("broadcast_id"),
        _recipient.c.seq > bindparam("after"),
        _chunk.c.state != ChunkState.DONE,
        _log.c.seq.is_(None),
    )
    .order_by(_recipient.c.seq)
    .limit(bindparam("limit")),
    UnsentRow,
)
