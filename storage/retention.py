"""How long each table keeps what it holds, and how it forgets (japan-rules.md J38).

What a member told us stays while they are a member, and goes when they are erased; how long after
the last account was left is the community's own number. The rest goes by age, by the rules here:
a table with personal columns is in one of the two, or a test fails.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Table, bindparam, delete, select, update

from storage.answers import Conversation
from storage.inbox import Inbox, InboxState
from storage.members import Once
from storage.outbox import Outbox, OutboxState
from storage.query import Query, change
from storage.store import Tx
from storage.tables import table_of
from storage.work import Job, JobState

PAGE: Final = 1_000
"""Rows that one statement forgets, at most: nobody waits long for the writer."""

WHILE_A_MEMBER: Final = frozenset(
    {
        "account",
        "activity",
        "answer",
        "consent",
        "coupon_issue",
        "introduction",
        "media",
        "member",
        "recipient",
        "role",
        "tag",
    }
)
"""Tables whose rows go, or lose their name, with the member and not before."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What of one table is forgotten after so many days, a page at a time."""

    name: str
    table: str
    days: int
    query: Query[None]


def _page(table: Table, at: ColumnElement[Any], *others: ColumnElement[bool]) -> ColumnElement[Any]:
    """Return "is one of the oldest that are older than `before`"."""
    (key,) = table.primary_key
    oldest = select(key).where(at < bindparam("before"), *others).order_by(key)
    found: ColumnElement[Any] = key.in_(oldest.limit(bindparam("limit")))
    return found


_inbox, _outbox, _job = table_of(Inbox), table_of(Outbox), table_of(Job)
_conversation, _once = table_of(Conversation), table_of(Once)
_unhandled = (_inbox.c.state == InboxState.DEAD) | (_inbox.c.state == InboxState.QUARANTINED)
_waiting = (_outbox.c.state == OutboxState.READY) | (_outbox.c.state == OutboxState.SENDING)

KEEP_IDS: Final = 40
"""Days that ids of handled elements are kept: longer than the acceptance window of 30 days."""

RULES: Final = (
    # Whoever had to look at it has looked.
    Rule(
        "inbox_content",
        "inbox",
        30,
        change(
            update(_inbox)
            .where(_page(_inbox, _inbox.c.received_at, _unhandled, _inbox.c.raw.is_not(None)))
            .values(raw=None, state=InboxState.QUARANTINED, due=None)
        ),
    ),
    Rule(
        "inbox_ids",
        "inbox",
        KEEP_IDS,
        change(
            delete(_inbox).where(
                _page(
                    _inbox,
                    _inbox.c.received_at,
                    (_inbox.c.state == InboxState.DONE)
                    | (_inbox.c.state == InboxState.QUARANTINED),
                )
            )
        ),
    ),
    Rule(
        "jobs_done",
        "job",
        7,
        change(delete(_job).where(_page(_job, _job.c.due, _job.c.state == JobState.DONE))),
    ),
    Rule(
        "jobs_dead",
        "job",
        30,
        change(delete(_job).where(_page(_job, _job.c.due, _job.c.state == JobState.DEAD))),
    ),
    # What nobody came for in half a year is news no more.
    Rule(
        "messages_waiting",
        "outbox",
        180,
        change(
            update(_outbox)
            .where(_page(_outbox, _outbox.c.created_at, _waiting))
            .values(state=OutboxState.EXPIRED, reason="old", target=None, payload=None)
        ),
    ),
    # Longer than any cap looks back.
    Rule(
        "messages_ended",
        "outbox",
        90,
        change(delete(_outbox).where(_page(_outbox, _outbox.c.created_at, ~_waiting))),
    ),
    Rule(
        "conversations",
        "conversation",
        365,
        change(delete(_conversation).where(_page(_conversation, _conversation.c.updated_at))),
    ),
    # An event older than the acceptance window cannot bring anybody back.
    Rule(
        "left_before_known",
        "once",
        KEEP_IDS,
        change(delete(_once).where(_page(_once, _once.c.at, _once.c.flag == "left"))),
    ),
)


async def forget(tx: Tx, now: datetime) -> Mapping[str, int]:
    """Forget a page of what each rule says; return how many rows each had to forget.

    A count of PAGE means that there may be more.
    """
    counts = {
        rule.name: await tx.run(rule.query, before=now - timedelta(days=rule.days), limit=PAGE)
        for rule in RULES
    }
    if any(counts.values()):
        tx.scrub()
    return counts
