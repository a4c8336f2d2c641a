"""The audit log: one row for each privileged act, each sealed to the one before it.

A row's seal is an HMAC, with the community's own secret, over its content and the seal of the
row before; the newest seal also stands in a `state` row. So an edited, removed or inserted row,
and a cut-off end, break the chain at a row that `verify` names. Nothing personal stands here:
the actor is a keyed hash of the account, members are numbers.
"""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import bindparam, func, insert, select
from sqlmodel import SQLModel

from storage import state
from storage.query import change, rows, scalar
from storage.store import Tx
from storage.tables import column, kept, row_id, table_of

HEAD = "audit"
"""Name of the state row that holds the newest seal."""
PAGE = 1_000


class Audit(SQLModel, table=True):
    """One act. `at` and `facts` are the very texts that are sealed: `instant` and `facts_of`."""

    __table_args__ = kept(None)
    id: int | None = row_id()
    at: str = column()
    actor: str = column()
    act: str = column(index=True)
    subject: str = column(default="")
    facts: str = column(default="{}")
    seal: str = column()


class AuditRow(NamedTuple):
    """One act as it is stored."""

    id: int
    at: str
    actor: str
    act: str
    subject: str
    facts: str
    seal: str


class Verdict(NamedTuple):
    """What `verify` found: how many rows hold, and the first that does not (None: all do).

    `broken` is 0 when the end is cut off or the head is missing.
    """

    held: int
    broken: int | None


_audit = table_of(Audit)
_COLUMNS = (
    _audit.c.id,
    _audit.c.at,
    _audit.c.actor,
    _audit.c.act,
    _audit.c.subject,
    _audit.c.facts,
    _audit.c.seal,
)
ADD = change(
    insert(_audit).values(
        at=bindparam("at"),
        actor=bindparam("actor"),
        act=bindparam("act"),
        subject=bindparam("subject"),
        facts=bindparam("facts"),
        seal=bindparam("seal"),
    )
)
AFTER = rows(
    select(*_COLUMNS)
    .where(_audit.c.id > bindparam("after"))
    .order_by(_audit.c.id)
    .limit(bindparam("limit")),
    AuditRow,
)
BETWEEN = rows(
    select(*_COLUMNS)
    .where(
        _audit.c.actor == bindparam("actor"),
        _audit.c.at >= bindparam("since"),
        _audit.c.at < bindparam("until"),
    )
    .order_by(_audit.c.id),
    AuditRow,
)
COUNT = scalar(select(func.count()).select_from(_audit))


class Act(NamedTuple):
    """What is written down: who did what to what, with facts that are no personal data."""

    actor: str
    act: str
    subject: str = ""
    facts: str = "{}"


def instant(at: datetime) -> str:
    """Return an instant as it is stored: ISO in UTC, to the microsecond, so that text sorts."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def facts_of(**facts: object) -> str:
    """Return facts as the JSON text that is stored and sealed."""
    return json.dumps(facts, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


async def append(tx: Tx, act: Act, at: datetime) -> None:
    """Write one act at the end of the chain."""
    head = await tx.one(state.GET, name=HEAD)
    written = instant(at)
    seal = _seal(tx, head["seal"] if head else "", act, written)
    await tx.run(ADD, at=written, **act._asdict(), seal=seal)
    await tx.run(state.PUT, name=HEAD, value={"seal": seal}, now=at)


async def verify(tx: Tx) -> Verdict:
    """Walk the chain from its beginning; memory does not grow with it."""
    before, count = "", 0
    async for row in _all(tx):
        act = Act(row.actor, row.act, row.subject, row.facts)
        if not hmac.compare_digest(row.seal.encode(), _seal(tx, before, act, row.at).encode()):
            return Verdict(count, row.id)
        before, count = row.seal, count + 1
    head = await tx.one(state.GET, name=HEAD)
    whole = (head["seal"] if head else "") == before
    return Verdict(count, None if whole else 0)


async def _all(tx: Tx) -> AsyncIterator[AuditRow]:
    after = 0
    while page := await tx.all(AFTER, after=after, limit=PAGE):
        for row in page:
            yield row
        after = page[-1].id


def _seal(tx: Tx, before: str, act: Act, at: str) -> str:
    text = "\0".join((before, at, *act))
    return hmac.new(tx.cipher.secret, text.encode(), hashlib.sha256).hexdigest()
