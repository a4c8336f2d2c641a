"""The inbox: every element a platform sent, on disk before it is acknowledged."""

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import UniqueConstraint, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlmodel import SQLModel

from storage.query import change, rows, scalar
from storage.tables import Personal, choice, column, kept, partial, row_id, sealed, table_of


class InboxState(StrEnum):
    """OPEN rows are handled next; DEAD ones failed too often; QUARANTINED ones never will be."""

    OPEN = "open"
    DONE = "done"
    DEAD = "dead"
    QUARANTINED = "quarantined"


class Inbox(SQLModel, table=True):
    """One element. `lane` is the keyed hash of its conversation; `raw` is blanked when handled."""

    __table_args__ = (
        UniqueConstraint("platform", "key"),
        partial("ix_inbox_open", "state = 'open'", "lane", "id"),
        partial("ix_inbox_dead", "state = 'dead'", "id"),
        kept(None),
    )
    id: int | None = row_id()
    platform: str = column()
    key: str = column()
    lane: str = column()
    received_at: datetime = column()
    occurred_at: datetime | None = column(default=None)
    state: InboxState = column(sa_type=choice(InboxState))
    fault: str = column(default="")
    raw: bytes | None = sealed(Personal.MESSAGE, "raw:{platform}:{key}")
    tries: int = column(default=0)
    due: datetime | None = column(default=None)


class InboxRow(NamedTuple):
    """An open element."""

    id: int
    platform: str
    key: str
    lane: str
    raw: bytes | None
    received_at: datetime
    tries: int


_inbox = table_of(Inbox)
_STATE = choice(InboxState)

ADD = scalar(
    upsert(_inbox)
    .values(
        platform=bindparam("platform"),
        key=bindparam("key"),
        lane=bindparam("lane"),
        received_at=bindparam("now"),
        occurred_at=bindparam("occurred_at"),
        state=bindparam("state", type_=_STATE),
        fault=bindparam("fault"),
        raw=bindparam("raw"),
        tries=0,
        due=bindparam("due"),
    )
    .on_conflict_do_nothing(index_elements=["platform", "key"])
    .returning(_inbox.c.id)
)
OLDER_OPEN = scalar(
    select(_inbox.c.id)
    .where(_inbox.c.state == InboxState.OPEN, _inbox.c.lane == bindparam("lane"))
    .limit(1)
)
REOPEN = change(
    update(_inbox)
    .where(_inbox.c.id == bindparam("inbox_id"))
    .values(
        state=bindparam("state", type_=_STATE),
        raw=bindparam("raw"),
        tries=bindparam("tries"),
        due=bindparam("due"),
        fault=bindparam("fault"),
    )
)
HANDLED = change(
    update(_inbox)
    .where(_inbox.c.id == bindparam("inbox_id"))
    .values(state=InboxState.DONE, fault="", raw=None, due=None)
)
_ROW = (
    _inbox.c.id,
    _inbox.c.platform,
    _inbox.c.key,
    _inbox.c.lane,
    _inbox.c.raw,
    _inbox.c.received_at,
    _inbox.c.tries,
)
OPEN = rows(
    select(*_ROW).where(_inbox.c.id == bindparam("inbox_id"), _inbox.c.state == InboxState.OPEN),
    InboxRow,
)
_earlier = _inbox.alias("earlier")
# Only the oldest open element of each lane: an event never overtakes one that still waits.
DUE = scalar(
    select(_inbox.c.id)
    .where(
        _inbox.c.state == InboxState.OPEN,
        _inbox.c.due <= bindparam("now"),
        ~select(_earlier.c.id)
        .where(
            _earlier.c.state == InboxState.OPEN,
            _earlier.c.lane == _inbox.c.lane,
            _earlier.c.id < _inbox.c.id,
        )
        .exists(),
    )
    .order_by(_inbox.c.id)
    .limit(bindparam("limit"))
)
COUNT_DEAD = scalar(
    select(func.count()).select_from(_inbox).where(_inbox.c.state == InboxState.DEAD)
)
# What waits for a person or for nobody; an OPEN element is newer than the wish and is handled.
FORGET_OF_LANE = change(
    update(_inbox)
    .where(
        _inbox.c.lane == bindparam("lane"),
        (_inbox.c.state == InboxState.DEAD) | (_inbox.c.state == InboxState.QUARANTINED),
    )
    .values(raw=None)
)


class HeldRow(NamedTuple):
    """An element that nobody handled and that is still there."""

    platform: str
    key: str
    received_at: datetime
    raw: bytes


HELD_OF_LANE = rows(
    select(_inbox.c.platform, _inbox.c.key, _inbox.c.received_at, _inbox.c.raw)
    .where(
        _inbox.c.lane == bindparam("lane"),
        (_inbox.c.state == InboxState.DEAD) | (_inbox.c.state == InboxState.QUARANTINED),
        _inbox.c.raw.is_not(None),
    )
    .order_by(_inbox.c.id),
    HeldRow,
)


class FaultCount(NamedTuple):
    """Elements in one state for one reason."""

    state: InboxState
    fault: str
    total: int


COUNT_STATES = rows(
    select(_inbox.c.state, _inbox.c.fault, func.count().label("total")).group_by(
        _inbox.c.state, _inbox.c.fault
    ),
    FaultCount,
)
