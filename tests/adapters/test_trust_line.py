"""LINE's check list, L1–L15 of the platform notes, each by its number, over real HTTP.

L16 (quota shown and reserved before a campaign) comes with campaigns.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any

import pytest
import pytest_asyncio

from adapters.line.simulator.member import Member
from adapters.line.simulator.other_side import LineSide, open_side
from adapters.simulation.faults import Fault, FaultScript, Harm
from bot.events import Address
from bot.rules.etiquette import Want
from tests.adapters.live import NOON, held, live_bot, until
from tests.adapters.world import World, world

pytestmark = pytest.mark.asyncio(loop_scope="module")

PUSH = "/v2/bot/message/push"
LAST = "SELECT state, way, reason FROM outbox ORDER BY id DESC LIMIT 1"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def live(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with world("line", tmp_path_factory.mktemp("line")) as opened:
        yield opened


def line(live: World) -> LineSide:
    assert isinstance(live.side, LineSide)
    return live.side


async def friend(live: World) -> Member:
    """Return somebody who follows and was greeted."""
    who = line(live).line.member(f"friend {next(live.numbers)}")
    assert await live.says(who.followed()) == 200
    assert len(who.heard()) == 1
    return who


def pushes(live: World) -> list[int]:
    """Return the answers to all pushes so far."""
    return [call.status for call in line(live).line.log if call.path == PUSH]


def silent(live: World, who: Member) -> Address:
    """Return the address of somebody who asked nothing."""
    return replace(live.address(who.said("…")), reply=None)


@pytest.mark.parametrize("signature", [None, "", "x", "署名", "=" * 44])
async def test_l1_without_the_right_signature_401_and_nothing_stored(
    live: World, signature: str | None
) -> None:
    before = live.bot.count("inbox")
    body = line(live).line.body([line(live).line.member("l1").followed()])
    headers = {} if signature is None else {"x-line-signature": signature}
    assert (await line(live).line.post_raw(body, headers)).status == 401
    assert live.bot.count("inbox") == before


async def test_l2_the_signature_is_of_the_bytes_not_of_what_they_mean(live: World) -> None:
    simulator = line(live).line
    who = simulator.member("l2")
    meant = json.loads(simulator.body([who.followed()]))
    odd = json.dumps(meant, indent=3, sort_keys=True).encode() + b"\n"
    same = json.dumps(meant).encode()
    signed = {"x-line-signature": simulator.sign(odd)}
    assert (await simulator.post_raw(same, signed)).status == 401
    assert (await simulator.post_raw(odd, signed)).status == 200
    await live.bot.quiet()
    assert len(who.heard()) == 1


async def test_l3_no_events_are_200(live: World) -> None:
    assert await live.side.deliver() == 200


async def test_l4_a_malformed_event_keeps_its_neighbours(live: World) -> None:
    people = [line(live).line.member(f"l4 {n}") for n in range(3)]
    events = [who.followed() for who in people]
    events[1].pop("timestamp")
    assert await live.says(*events) == 200
    assert [len(who.heard()) for who in people] == [1, 0, 1]


async def test_l5_one_webhook_event_id_has_one_effect(live: World) -> None:
    who = await friend(live)
    said = who.said("メニュー")
    outcomes = await line(live).line.post_copies([said], 10)
    assert {outcome.statuses for outcome in outcomes} == {(200,)}
    assert await live.says(said, said) == 200
    assert len(who.heard()) == 1


async def test_l6_while_the_store_is_down_503(live: World) -> None:
    who = await friend(live)
    said = who.said("メニュー")
    with held(live.bot.database):
        assert await live.side.deliver(said) == 503
    assert await live.says(said) == 200
    assert len(who.heard()) == 1


async def test_l7_a_webhook_is_answered_while_everything_behind_it_hangs(live: World) -> None:
    who, simulator = await friend(live), line(live).line
    simulator.latency = 2.5
    try:
        began = perf_counter()
        assert await live.side.deliver(who.said("メニュー")) == 200
        assert perf_counter() - began < 2.0
    finally:
        simulator.latency = 0.0
    assert (await who.next(10)).via == "reply"
    await live.bot.quiet()


async def test_l8_a_dead_reply_token_becomes_a_push_only_if_that_is_allowed(live: World) -> None:
    who, clock = await friend(live), live.bot.runtime.clock
    before, noon = len(pushes(live)), clock.now()
    settable: Any = clock
    event = who.said("…")
    live.side.spend(event)
    await live.bot.post(live.address(event), "can wait", want=Want.PREFER_REPLY)
    await live.bot.quiet()
    try:
        settable.set(noon + timedelta(hours=11))  # 23:00: members sleep
        await live.bot.post(live.address(event), "news", want=Want.PUSH_OK)
        await live.bot.quiet()
        assert (who.heard(), len(pushes(live))) == ([], before)
        settable.set(noon + timedelta(hours=21, seconds=1))  # 9:00
        await live.bot.runtime.tick()
        await live.bot.quiet()
    finally:
        settable.set(noon)
    assert [(one.via, one.text) for one in who.heard()] == [("push", "news")]
    assert len(pushes(live)) == before + 1


async def test_l9_in_standby_nothing_is_sent(live: World) -> None:
    who, simulator = await friend(live), line(live).line
    simulator.mode = "standby"
    try:
        said = who.said("メニュー")
    finally:
        simulator.mode = "active"
    assert await live.says(said) == 200
    assert live.stored(said) == [("quarantined", "unknown:standby")]
    assert who.heard() == []


async def test_l10_the_retry_key_outlives_the_process_and_409_is_sent(tmp_path: Path) -> None:
    async with open_side() as side:
        env = {**side.env, "HIROBA_CLOCK": NOON}
        async with live_bot(tmp_path, env) as bot:
            side.meet(bot.url)
            live = World("line", side, bot)
            who = await friend(live)
            side.lose(1, done=True)
            await bot.post(silent(live, who), "exactly once")
            tried = "tries = 1 AND state = 'ready'"
            await until(lambda: bot.count("outbox", tried) == 1)
        side.line.faults = None
        async with live_bot(tmp_path, env) as bot:
            await until(lambda: bot.rows(LAST) == [("sent", "push", "already")])
        assert [one.text for one in who.heard()] == ["exactly once"]
        assert side.line.totals.repeated == 1
        assert (side.line.totals.counted, side.doubled) == (1, 0)


async def test_l11_the_monthly_limit_is_not_tried_again(live: World) -> None:
    who, simulator = await friend(live), line(live).line
    before = len(pushes(live))
    simulator.limit = simulator.used
    try:
        await live.bot.post(silent(live, who), "news")
        await live.bot.quiet()
        await asyncio.sleep(1.5)
    finally:
        simulator.limit = None
    assert pushes(live)[before:] == [429]
    # It is not lost: the next touch brings it, for free.
    assert await live.says(who.said("メニュー")) == 200
    assert "news" in who.heard()[0].text


async def test_l11_a_rate_limit_is_tried_again(live: World) -> None:
    who, simulator = await friend(live), line(live).line
    before = len(pushes(live))
    fault = Fault(harm=Harm.REFUSE, status=429, path=PUSH, times=1)
    simulator.faults = FaultScript([fault], Random(0))
    try:
        await live.bot.post(silent(live, who), "news")
        assert (await who.next(10)).text == "news"
    finally:
        simulator.faults = None
    assert pushes(live)[before:] == [429, 200]
    await live.bot.quiet()


async def test_l12_a_block_stops_pushes_and_an_unblock_repeats_no_survey(live: World) -> None:
    who = await friend(live)
    for act in (who.tap("同意してはじめる"), who.say("はな"), who.unfollow()):
        await act
        await live.bot.quiet()
    before = len(pushes(live))
    who.heard()
    await live.bot.post(silent(live, who), "while away")
    await live.bot.quiet()
    assert (who.heard(), len(pushes(live))) == ([], before)
    assert await live.says(who.followed(again=True)) == 200
    (heard,) = who.heard()
    assert heard.text.startswith("おかえりなさい、はなさん。")
    assert heard.labels == ("メニュー", "通知を減らす")
    await live.bot.post(silent(live, who), "back again")
    await live.bot.quiet()
    assert [one.text for one in who.heard()] == ["back again"]


async def test_l13_unsend_deletes_what_was_said(live: World) -> None:
    who = await friend(live)
    await live.says(who.tapped("同意してはじめる"))
    await live.says(who.said("Kohaku"))
    where = "member_id = (SELECT member_id FROM account WHERE user_id = ?)"
    assert live.bot.count("answer", where, who.user_id) == 1
    assert await live.says(who.unsent()) == 200
    assert live.bot.count("answer", where, who.user_id) == 0
    named = "nickname IS NOT NULL AND id = (SELECT member_id FROM account WHERE user_id = ?)"
    assert live.bot.count("member", named, who.user_id) == 0


async def test_l14_no_request_has_more_than_five_objects(live: World) -> None:
    who, simulator = await friend(live), line(live).line
    before = len(simulator.log)
    event = who.said("…")
    texts = ["x" * 4_999 + "。"] * 7
    await live.bot.post(live.address(event), *texts)
    await live.bot.quiet()
    sizes = [len(one.messages) for one in who.heard()]
    assert sizes[0] == 5
    assert max(sizes) <= 5
    calls = simulator.log[before:]
    assert {call.status for call in calls} == {200}
    # Nothing is sent to many at once yet: each request names one person.
    assert {call.path for call in calls} <= {PUSH, "/v2/bot/message/reply"}


async def test_l15_a_foreign_destination_is_taken_and_has_no_effect(live: World) -> None:
    who = line(live).line.member("l15")
    event = who.followed()
    assert await live.side.deliver(event, foreign=True) == 200
    assert live.stored(event) == [("quarantined", "foreign")]
    assert who.heard() == []
