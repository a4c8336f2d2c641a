"""Nothing is kept longer than is said: by age, and for a year after the last account is left."""

import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from jobs.housekeeping import CLEAN_UP, Keeping
from jobs.worker import Job
from storage import audit, members, personal, retention, work
from storage.schema import tables
from storage.store import Store
from tests import filled
from tests.unit.desk import A1, Desk, desk_in
from tests.unit.surveying import completed

YEAR = timedelta(days=365)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk_in(tmp_path) as opened:
        yield opened


def rows(desk: Desk, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(desk.store.path)) as connection, connection:
        return connection.execute(sql, values).fetchall()


async def count(desk: Desk, table: str) -> int:
    return int(rows(desk, f"SELECT count(*) FROM {table}")[0][0])  # noqa: S608


async def keep(desk: Desk) -> None:
    """Let the nightly job do its work, and what follows from it."""
    keeping = Keeping(desk.core, desk.store)
    await keeping.clean(Job(0, CLEAN_UP, "", {}, 1, "desk"))
    assert await desk.work() == []


async def test_who_left_is_forgotten_after_a_year(desk: Desk) -> None:
    await completed(desk)
    await completed(desk, "momo")
    await desk.block()
    desk.clock.at = A1 + YEAR - timedelta(seconds=1)
    await keep(desk)
    assert await count(desk, "member") == 2
    desk.clock.ahead(seconds=1)
    await keep(desk)
    assert await count(desk, "member") == 1
    assert (await desk.member("momo")).consent_version == 1
    await completed(desk)
    assert await count(desk, "coupon_issue") == 2


async def test_the_community_says_how_long(desk: Desk) -> None:
    retention = desk.core.community.retention.model_copy(update={"left_days": 90})
    desk.core.community = desk.core.community.model_copy(update={"retention": retention})
    await completed(desk)
    await desk.block()
    desk.clock.ahead(days=90)
    await keep(desk)
    assert await count(desk, "member") == 0


async def test_who_came_back_is_not_forgotten(desk: Desk) -> None:
    await completed(desk)
    await desk.block()
    desk.clock.ahead(days=300)
    await desk.follow(returning=True)
    desk.clock.ahead(days=100)
    await keep(desk)
    assert (await desk.member()).consent_version == 1
    await desk.block()
    desk.clock.ahead(days=364)
    await keep(desk)
    assert await count(desk, "member") == 1
    desk.clock.ahead(days=1)
    # Back in the moment between the nightly look and the erasure that it asked for.
    await Keeping(desk.core, desk.store).clean(Job(0, CLEAN_UP, "", {}, 1, "desk"))
    assert await count(desk, "wakeup") == 1
    await desk.follow(returning=True)
    await desk.work()
    assert await count(desk, "member") == 1
    await desk.block()
    desk.clock.ahead(days=366)
    await keep(desk)
    assert await count(desk, "member") == 0


def planted(desk: Desk, day: datetime) -> None:
    """Leave of everything that goes by age what is as old as `day`."""
    at = day.strftime("%Y-%m-%d %H:%M:%S.%f")
    for state in ("done", "dead", "quarantined"):
        rows(
            desk,
            "INSERT INTO inbox (platform, key, lane, received_at, state, fault, raw, tries)"
            " VALUES ('line', ?, 'lane', ?, ?, '', ?, 0)",
            *(f"{at}{state}", at, state, None if state == "done" else b"raw"),
        )
    for state in ("done", "dead"):
        rows(
            desk,
            "INSERT INTO job (kind, key, state, due, owner, tries, fault)"
            " VALUES ('planted', ?, ?, ?, '', 1, '')",
            *(f"{at}{state}", state, at),
        )
    for state in ("sent", "failed", "ready"):
        rows(
            desk,
            "INSERT INTO outbox (key, platform, lane, want, way, important, state, reason,"
            " payload, tries, created_at, counted)"
            " VALUES (?, 'line', 'lane', 'pull', 'pull', 0, ?, '', ?, 0, ?, 0)",
            *(uuid4().hex, state, b"words" if state == "ready" else None, at),
        )
    conversation = (
        "INSERT INTO conversation (lane, feature, state, offered, updated_at)"
        " VALUES (?, 'survey', '{}', '[]', ?)"
    )
    rows(desk, conversation, at, at)
    rows(desk, "INSERT INTO once (hash, flag, at) VALUES (?, 'left', ?)", at, at)
    rows(desk, "INSERT INTO once (hash, flag, at) VALUES (?, 'coupon:first500', ?)", at, at)


AGES = {
    "inbox": "SELECT max(julianday(?) - julianday(received_at)) FROM inbox",
    "inbox content": "SELECT max(julianday(?) - julianday(received_at)) FROM inbox WHERE raw IS NOT"
    " NULL",
    "job": "SELECT max(julianday(?) - julianday(due)) FROM job",
    "outbox": "SELECT max(julianday(?) - julianday(created_at)) FROM outbox",
    "conversation": "SELECT max(julianday(?) - julianday(updated_at)) FROM conversation",
    "left": "SELECT max(julianday(?) - julianday(at)) FROM once WHERE flag = 'left'",
}
"""How old the oldest is, in days."""
MOST = {
    "inbox": 40,
    "inbox content": 30,
    "job": 30,
    "outbox": 180,
    "conversation": 365,
    "left": 40,
}


@pytest.mark.parametrize("days", [7, 60, 400])
async def test_after_so_many_days_nothing_is_there_that_should_not_be(
    desk: Desk, days: int
) -> None:
    """Trust D5: the clock 400 days on, no value is past its days, and members keep theirs."""
    await completed(desk)
    await completed(desk, "momo")
    await desk.work()
    planted(desk, A1)
    await desk.block()
    desk.clock.ahead(days=days)
    planted(desk, desk.clock.now())
    await keep(desk)
    now = desk.clock.now().isoformat()
    ages = {name: rows(desk, sql, now)[0][0] or 0 for name, sql in AGES.items()}
    assert [name for name, age in ages.items() if age >= MOST[name] + 1] == []
    assert await count(desk, "member") == (1 if days > 365 else 2)
    assert [row[0] for row in rows(desk, "SELECT count(*) FROM answer")] == [4 if days > 365 else 8]
    assert (await desk.member("momo")).nickname is not None
    # What is as young as today is all there.
    young = rows(desk, "SELECT count(*) FROM inbox WHERE received_at >= ?", now[:10])
    assert young == [(3,)]
    assert rows(desk, "SELECT count(*) FROM once WHERE flag LIKE 'coupon:%'")[0][0] >= 2


async def test_what_was_forgotten_is_counted_in_the_audit_log(desk: Desk) -> None:
    await keep(desk)
    assert await desk.one(audit.COUNT) == 0
    planted(desk, A1 - timedelta(days=400))
    await keep(desk)
    [row] = await desk.all(audit.AFTER, after=0, limit=9)
    assert (row.actor, row.act) == ("clean_up", "retention.forgot")
    assert json.loads(row.facts) == {
        "conversations": 1,
        "inbox_content": 2,
        "inbox_ids": 3,
        "jobs_dead": 1,
        "jobs_done": 1,
        "left_before_known": 1,
        "messages_ended": 3,
        "messages_waiting": 1,
    }


async def test_more_than_a_page_goes_in_one_night(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "PAGE", 2)
    for number in range(5):
        planted(desk, A1 - timedelta(days=400 + number))
    await keep(desk)
    assert await count(desk, "inbox") == await count(desk, "outbox") == 0


def test_every_table_with_something_personal_says_how_long() -> None:
    with_days = {rule.table for rule in retention.RULES}
    named = {table.name for table in tables() if personal.personal_columns(table)}
    assert named - with_days == retention.WHILE_A_MEMBER
    assert with_days <= {table.name for table in tables()}


async def test_the_rules_hold_on_either_database(store: Store) -> None:
    """Run all that forgets on rows of every table; the rows are made of the declarations."""
    old = A1 + timedelta(days=4000)
    await store.write(filled.fill)
    assert any((await store.write(lambda tx: retention.forget(tx, old))).values())
    assert not any((await store.write(lambda tx: retention.forget(tx, old))).values())
    gone = {"before": old, "after": 0, "limit": 9}
    assert isinstance(await store.read(lambda tx: tx.all(members.GONE, **gone)), list)
    joined = await store.read(lambda tx: tx.all(members.JOINED_AFTER, after=0, limit=9))
    assert {row.member_id for row in joined} <= set(range(1, filled.ROWS + 1))
    dropped = await store.write(lambda tx: personal.drop_unreadable(tx, ()))
    assert dropped > 0
    assert await store.read(personal.unreadable) == []
    assert await store.write(lambda tx: tx.run(work.REOPEN_DEAD, kind="none", now=old)) == 0
    assert await store.read(lambda tx: tx.all(work.UNDONE, kind="none")) == []
