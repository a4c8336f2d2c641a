"""Segments in SQL select the members that the naive evaluation selects, on every database."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Table, insert

from bot.rules.segment_json import dump
from bot.rules.segment_known import Known
from bot.rules.segment_language import parse
from bot.rules.segments import Facts, Node, Stage, matches
from storage import segments
from storage.activity import Activity
from storage.answers import Answer, Tag
from storage.coupons import Coupon, CouponIssue
from storage.members import Account, AccountState, Member
from storage.query import SQLITE, change, scalar
from storage.schema import tables
from storage.segments import PASSIVE, Segment
from storage.store import Store, Tx
from storage.tables import table_of
from tests.unit.segmenting import JA, NOW, TOKYO, facts, rules

OURS = (Member, Account, Tag, Answer, Activity, CouponIssue, Coupon)


class Undo(Exception):
    """Takes back what an example wrote."""


async def put(tx: Tx, table: Table, **row: Any) -> None:
    await tx.run(change(insert(table).values(**row)))


async def write(tx: Tx, member_id: int, member: Facts) -> None:
    """Store a member as the bot would have."""
    await put(tx, table_of(Member), id=member_id, joined_at=member.joined_at)
    for platform in member.platforms:
        await put(
            tx, table_of(Account), member_id=member_id, platform=platform, realm="",
            user_id=f"U{member_id}", conversation="", state=AccountState.ACTIVE, changed_at=NOW,
        )  # fmt: skip
    for key, value in member.tags:
        await put(
            tx, table_of(Tag), member_id=member_id, key=key, value=value, reason="", tagged_at=NOW
        )
    for at in member.active_at:
        await put(tx, table_of(Activity), member_id=member_id, kind="x", subject="", at=at)
    for kind in PASSIVE:
        await put(tx, table_of(Activity), member_id=member_id, kind=kind, subject="", at=NOW)
    for (survey, question), answer in member.answers.items():
        await put(
            tx, table_of(Answer), member_id=member_id, survey=survey, question=question, kind="",
            options=list(answer.options), number=answer.number, day=answer.day, skipped=False,
            answered_at=NOW, message_id="",
        )  # fmt: skip
    await put(
        tx, table_of(Answer), member_id=member_id, survey="skipped", question="score", kind="",
        options=[], number=3, skipped=True, answered_at=NOW, message_id="",
    )  # fmt: skip
    for coupon, stages in member.campaigns.items():
        opened = NOW if Stage.USED in stages else None
        await put(
            tx,
            table_of(CouponIssue),
            member_id=member_id,
            coupon=coupon,
            issued_at=NOW,
            opened_at=opened,
        )


async def fill(tx: Tx, members: Sequence[Facts]) -> None:
    for coupon in ("first500", "thanks"):
        await put(tx, table_of(Coupon), id=coupon, stock=9, issued=0)
    # What an erased member leaves behind belongs to nobody.
    await put(tx, table_of(Activity), member_id=None, kind="x", subject="", at=NOW)
    await put(tx, table_of(CouponIssue), member_id=None, coupon="thanks", issued_at=NOW)
    for number, member in enumerate(members, 1):
        await write(tx, number, member)


async def found(tx: Tx, segment: Segment, everybody: int) -> tuple[int, list[int], list[int]]:
    """Ask in every way there is: how many, page by page, and one by one."""
    paged: list[int] = []
    while page := await segments.page(tx, segment, paged[-1] if paged else 0, 2):
        paged += page
    single = [n for n in range(1, everybody + 1) if await segments.one(tx, segment, n)]
    return await segments.count(tx, segment), paged, single


@given(st.lists(rules, min_size=1, max_size=4), st.lists(facts, min_size=1, max_size=5))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_sql_selects_whom_the_rule_selects(
    store: Store, asked: list[Node], members: list[Facts]
) -> None:
    async def example(tx: Tx) -> None:
        await fill(tx, members)
        for node in asked:
            right = [n for n, member in enumerate(members, 1) if matches(node, member)]
            segment = Segment(dump(node), NOW, TOKYO)
            assert await found(tx, segment, len(members)) == (len(right), right, right), node
        raise Undo

    with pytest.raises(Undo):
        await store.write(example)


def test_no_value_of_a_rule_is_part_of_a_statement() -> None:
    rule = "関心:ATTACK かつ 回答.q = ATTACK かつ 企画.ATTACK != used かつ 媒体 = ATTACK かつ 回答.q > 4242"
    tree = dump(parse(rule, JA, Known()))
    for sets in (True, False):
        where = segments.condition(Segment(tree, NOW, TOKYO), sets=sets)
        asked = scalar(where.condition).compiled(SQLITE)
        assert "ATTACK" not in asked.text
        assert "4242" not in asked.text
        assert asked.bind(dict(where.values)).count("ATTACK") == 5


def test_a_tree_of_another_version_is_refused() -> None:
    with pytest.raises(ValueError, match="version 2"):
        segments.condition(Segment({"version": 2}, NOW, TOKYO))
    with pytest.raises(ValueError, match="weather"):
        segments.condition(Segment({"version": 1, "rule": {"weather": {}}}, NOW, TOKYO))


def test_a_day_begins_at_midnight_where_the_community_is() -> None:
    segment = Segment({}, NOW, TOKYO)
    assert segment.begins(0) == NOW - timedelta(hours=10)
    assert {table.name for table in tables()} >= {table_of(model).name for model in OURS}
