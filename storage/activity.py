"""Activity: the append-only record "member did X", and the only source of figures."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Index, bindparam, func, insert, select
from sqlmodel import SQLModel

from storage.query import change, rows, scalar
from storage.tables import Erase, Personal, column, kept, member_ref, row_id, table_of


class Activity(SQLModel, table=True):
    """One thing a member did. `subject` names what it was done to; never free text."""

    __table_args__ = (
        Index("ix_activity_member_id_at_kind", "member_id", "at", "kind"),
        Index("ix_activity_kind_at", "kind", "at"),
        kept(Erase.BLANK),
    )
    id: int | None = row_id()
    member_id: int | None = member_ref(index=False)
    kind: str = column(Personal.ACTIVITY)
    subject: str = column(Personal.ACTIVITY, default="")
    at: datetime = column(Personal.ACTIVITY)


class ActivityRow(NamedTuple):
    """One line of a member's record."""

    kind: str
    subject: str
    at: datetime


_activity = table_of(Activity)

RECORD = change(
    insert(_activity).values(
        member_id=bindparam("member_id"),
        kind=bindparam("kind"),
        subject=bindparam("subject"),
        at=bindparam("at"),
    )
)
RECENT = rows(
    select(_activity.c.kind, _activity.c.subject, _activity.c.at)
    .where(_activity.c.member_id == bindparam("member_id"))
    .order_by(_activity.c.id.desc())
    .limit(bindparam("limit")),
    ActivityRow,
)
COUNT_SINCE = scalar(
    select(func.count())
    .select_from(_activity)
    .where(
        _activity.c.member_id == bindparam("member_id"),
        _activity.c.kind == bindparam("kind"),
        _activity.c.at >= bindparam("since"),
    )
)
COUNT_KIND = scalar(
    select(func.count()).select_from(_activity).where(_activity.c.kind == bindparam("kind"))
)
COUNT_ACTIVE_SINCE = scalar(
    select(func.count(_activity.c.member_id.distinct())).where(
        _activity.c.at >= bindparam("since"), _activity.c.kind != "left"
    )
)
COUNT_OF = scalar(
    select(func.count())
    .select_from(_activity)
    .where(
        _activity.c.member_id == bindparam("member_id"),
        _activity.c.kind == bindparam("kind"),
        _activity.c.subject == bindparam("subject"),
    )
)
