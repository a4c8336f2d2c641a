"""Durable work: jobs, wakeups, and runs of recurring plans."""

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import Index, UniqueConstraint, bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlmodel import SQLModel

from storage.query import change, rows, scalar
from storage.tables import (
    Erase,
    Personal,
    choice,
    column,
    kept,
    member_ref,
    row_id,
    sealed,
    table_of,
)


class JobState(StrEnum):
    """OPEN jobs are claimed when due; DEAD ones failed too often and wait for a person."""

    OPEN = "open"
    DONE = "done"
    DEAD = "dead"


class Job(SQLModel, table=True):
    """One piece of work, at least once. `until` is the end of the claim that holds it."""

    __table_args__ = (
        UniqueConstraint("kind", "key"),
        Index("ix_job_state_due", "state", "due"),
        kept(Erase.DELETE),
    )
    id: int | None = row_id()
    kind: str = column()
    key: str = column()
    member_id: int | None = member_ref()
    payload: bytes | None = sealed(Personal.MESSAGE, "job:{kind}:{key}")
    state: JobState = column(sa_type=choice(JobState))
    due: datetime = column()
    until: datetime | None = column(default=None)
    owner: str = column(default="")
    tries: int = column(default=0)
    fault: str = column(default="")


class Wakeup(SQLModel, table=True):
    """Something to do at an instant; `ref` says about what. Gone once done."""

    __table_args__ = (
        UniqueConstraint("kind", "ref"),
        Index("ix_wakeup_due", "due"),
        kept(Erase.DELETE),
    )
    id: int | None = row_id()
    kind: str = column()
    ref: str = column()
    member_id: int | None = member_ref()
    due: datetime = column()


class Run(SQLModel, table=True):
    """One firing of a recurring plan: however many clocks ring, one run exists."""

    __table_args__ = (UniqueConstraint("plan", "scheduled_at"), kept(None))
    id: int | None = row_id()
    plan: str = column()
    scheduled_at: datetime = column()
    outcome: str = column(default="")


class JobRow(NamedTuple):
    """A claimed job."""

    id: int
    kind: str
    key: str
    member_id: int | None
    payload: bytes | None
    tries: int


class WakeupRow(NamedTuple):
    """A due wakeup."""

    id: int
    kind: str
    ref: str
    member_id: int | None
    due: datetime


_job, _wakeup, _run = table_of(Job), table_of(Wakeup), table_of(Run)

ADD_JOB = scalar(
    upsert(_job)
    .values(
        kind=bindparam("kind"),
        key=bindparam("key"),
        member_id=bindparam("member_id"),
        payload=bindparam("payload"),
        state=JobState.OPEN,
        due=bindparam("due"),
        owner="",
        tries=0,
        fault="",
    )
    .on_conflict_do_nothing(index_elements=["kind", "key"])
    .returning(_job.c.id)
)
_CLAIMABLE = (
    select(_job.c.id)
    .where(
        _job.c.state == JobState.OPEN,
        _job.c.due <= bindparam("now"),
        (_job.c.until.is_(None)) | (_job.c.until <= bindparam("now")),
    )
    .order_by(_job.c.due, _job.c.id)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True)
)
CLAIM = rows(
    update(_job)
    .where(_job.c.id.in_(_CLAIMABLE))
    .values(owner=bindparam("worker"), until=bindparam("until"), tries=_job.c.tries + 1)
    .returning(_job.c.id, _job.c.kind, _job.c.key, _job.c.member_id, _job.c.payload, _job.c.tries),
    JobRow,
)
# The owner's name fences: a worker whose claim ran out cannot end another's try.
END_JOB = change(
    update(_job)
    .where(_job.c.id == bindparam("job_id"), _job.c.owner == bindparam("worker"))
    .values(state=JobState.DONE, payload=None, until=None, fault="")
)
RETRY_JOB = change(
    update(_job)
    .where(_job.c.id == bindparam("job_id"), _job.c.owner == bindparam("worker"))
    .values(
        state=bindparam("state", type_=choice(JobState)),
        due=bindparam("due"),
        until=None,
        owner="",
        fault=bindparam("fault"),
    )
)
FREE_CLAIMS = change(
    update(_job)
    .where(_job.c.state == JobState.OPEN, _job.c.owner == bindparam("worker"))
    .values(until=None, owner="")
)


class JobCount(NamedTuple):
    """Jobs of one kind in one state."""

    kind: str
    state: JobState
    total: int


COUNT_JOBS = rows(
    select(_job.c.kind, _job.c.state, func.count().label("total")).group_by(
        _job.c.kind, _job.c.state
    ),
    JobCount,
)
COUNT_DEAD = scalar(select(func.count()).select_from(_job).where(_job.c.state == JobState.DEAD))
UNDONE = rows(
    select(_job.c.id, _job.c.kind, _job.c.key, _job.c.member_id, _job.c.payload, _job.c.tries)
    .where(_job.c.kind == bindparam("kind"), _job.c.state != JobState.DONE)
    .order_by(_job.c.id),
    JobRow,
)
REOPEN_DEAD = change(
    update(_job)
    .where(_job.c.kind == bindparam("kind"), _job.c.state == JobState.DEAD)
    .values(state=JobState.OPEN, due=bindparam("now"), tries=0)
)
PUT_WAKEUP = change(
    upsert(_wakeup)
    .values(
        kind=bindparam("kind"),
        ref=bindparam("ref"),
        member_id=bindparam("member_id"),
        due=bindparam("due"),
    )
    .on_conflict_do_update(index_elements=["kind", "ref"], set_={"due": bindparam("due")})
)
DUE_WAKEUPS = rows(
    select(_wakeup.c.id, _wakeup.c.kind, _wakeup.c.ref, _wakeup.c.member_id, _wakeup.c.due)
    .where(_wakeup.c.due <= bindparam("now"))
    .order_by(_wakeup.c.due, _wakeup.c.id)
    .limit(bindparam("limit")),
    WakeupRow,
)
END_WAKEUP = change(
    delete(_wakeup).where(_wakeup.c.id == bindparam("wakeup_id"), _wakeup.c.due == bindparam("due"))
)
MOVE_WAKEUP = change(
    update(_wakeup).where(_wakeup.c.id == bindparam("wakeup_id")).values(due=bindparam("due"))
)
ADD_RUN = scalar(
    upsert(_run)
    .values(plan=bindparam("plan"), scheduled_at=bindparam("at"), outcome=bindparam("outcome"))
    .on_conflict_do_nothing(index_elements=["plan", "scheduled_at"])
    .returning(_run.c.id)
)
LAST_RUN = scalar(select(func.max(_run.c.scheduled_at)).where(_run.c.plan == bindparam("plan")))
