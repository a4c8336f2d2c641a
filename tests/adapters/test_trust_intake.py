"""trust.md, intake (W1, W3–W6, W14, W15, W18, W19, W21) and onboarding, for LINE over HTTP."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from adapters.line.front import OLDEST
from adapters.line.simulator.member import Member
from jobs.housekeeping import KEEP_IDS, clean_up
from tests.adapters.flood import (
    END,
    TAPS,
    Duplicates,
    Onboarding,
    agreed,
    duplicated,
    line,
    onboarding,
    pressed,
    reordered,
    tags,
)
from tests.adapters.live import change, held, until
from tests.adapters.world import World, world

pytestmark = pytest.mark.asyncio(loop_scope="module")

DAY = 24 * 3_600_000
"""A day in LINE's milliseconds."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def live(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with world("line", tmp_path_factory.mktemp("line")) as opened:
        yield opened


def member(live: World) -> Member:
    """Return somebody new."""
    return line(live).line.member(f"somebody {next(live.numbers)}")


async def test_w1_ten_deliveries_of_each_event_have_one_effect(live: World) -> None:
    assert await duplicated(live, events=200, copies=10) == Duplicates(2_000, 0, 0, 0)


async def test_w3_a_redelivery_after_a_failed_first_try_is_the_only_copy(live: World) -> None:
    who, simulator = member(live), line(live).line
    simulator.redelivery = (0.1, 0.1)
    try:
        with held(live.bot.database):
            delivered = asyncio.ensure_future(who.follow())  # noqa: TID251  released below
            await asyncio.sleep(2.5)
        outcome = await delivered
    finally:
        simulator.redelivery = ()
    assert outcome.statuses[0] == 503
    assert outcome.taken
    await live.bot.quiet()
    assert len(who.heard()) == 1


async def test_w4_every_order_of_taps_ends_in_the_same_state(live: World) -> None:
    """All 120 orders of five taps; the 720 of six are for `make faults`."""
    assert await reordered(live, TAPS[1:]) == {frozenset(END): 120}


async def test_w4_a_late_unfollow_does_not_undo_a_follow(live: World) -> None:
    ends = []
    for order in permutations(range(3)):
        who = member(live)
        await agreed(live, who)
        made = [who.unfollowed(), who.followed(again=True), who.said("メニュー")]
        for number, event in enumerate(made):
            event["timestamp"] += number * 1_000
        for number in order:
            assert await live.says(made[number]) == 200
        ends.append(live.bot.rows("SELECT state FROM account WHERE user_id = ?", who.user_id))
    assert ends == [[("active",)]] * 6


async def test_w5_an_event_older_than_the_window_is_taken_without_effect(live: World) -> None:
    for days, fault in ((31, "stale"), (29, ""), (-1, "future")):
        who = member(live)
        event = who.followed()
        event["timestamp"] -= days * DAY
        assert await live.says(event) == 200
        assert live.stored(event) == [("quarantined", fault) if fault else ("done", "")]
        assert len(who.heard()) == (0 if fault else 1)


async def test_w6_a_captured_body_has_no_second_effect_as_long_as_it_is_accepted(
    live: World,
) -> None:
    assert KEEP_IDS > OLDEST
    who, simulator = member(live), line(live).line
    body = simulator.body([who.followed()])
    clock: Any = live.bot.runtime.clock
    noon = clock.now()
    try:
        for later in (0, 1, 3_600, OLDEST.total_seconds()):
            clock.set(noon + timedelta(seconds=later))
            await live.bot.runtime.store.write(partial(clean_up, now=clock.now()))
            assert (await simulator.post_raw(body)).status == 200
            await live.bot.quiet()
    finally:
        clock.set(noon)
    assert len(who.heard()) == 1


@pytest.mark.parametrize(
    ("gone", "kind"),
    [
        ({"type": "hologram"}, "unknown:hologram"),
        ({"message": {"type": "smell", "id": "1"}}, ""),
        ({"source": None}, "unknown:message"),
        ({"source": {"type": "user"}}, "unknown:message"),
        ({"mode": "standby"}, "unknown:standby"),
        ({"mode": "dreaming"}, "unknown:dreaming"),
        ({"replyToken": None}, ""),
    ],
)
async def test_w14_what_is_unknown_is_kept_and_the_rest_goes_on(
    live: World, gone: dict[str, Any], kind: str
) -> None:
    odd, neighbour = member(live), member(live)
    event = {**odd.said("…"), **gone}
    event = {key: value for key, value in event.items() if value is not None}
    assert await live.says(event, neighbour.followed()) == 200
    assert len(neighbour.heard()) == 1
    assert live.stored(event) == [("quarantined", kind) if kind else ("done", "")]
    if kind:
        assert odd.heard() == []


async def test_w15_one_bad_of_a_hundred(live: World) -> None:
    people = [member(live) for _ in range(100)]
    events = [who.followed() for who in people]
    events[36] = live.side.mangled(events[36])
    assert await live.says(*events) == 200
    assert [len(who.heard()) for who in people] == [1] * 36 + [0] + [1] * 63
    assert [live.stored(event) for event in events].count([("quarantined", "malformed")]) == 1


async def test_w18_the_consoles_pings_are_answered_and_have_no_effect(live: World) -> None:
    before = live.bot.count("inbox"), live.bot.count("member"), live.bot.count("outbox")
    assert await live.says() == 200
    assert (live.bot.count("inbox"), *before[1:]) == before
    for token in ("0" * 32, "f" * 32):
        ping = {**member(live).said("Hello, world"), "replyToken": token}
        assert await live.says(ping) == 200
        assert live.stored(ping) == [("quarantined", "unknown:verification")]
    assert (live.bot.count("member"), live.bot.count("outbox")) == before[1:]


STALE = "このボタンは、いまは使えません。「メニュー」からどうぞ。"


async def test_w19_a_button_of_somebody_else_does_nothing(live: World) -> None:
    who, other = member(live), member(live)
    await agreed(live, who, other)
    stolen = pressed(live, other, "survey:pick:welcome.age.40s", owner=who)
    assert await live.says(stolen) == 200
    assert [one.text for one in other.heard()] == [STALE]
    assert tags(live, other) == tags(live, who) == set()


@pytest.mark.parametrize(
    "data",
    [
        "survey:pick:welcome.age.40s",
        "survey:pick:welcome.age.40s~0123456789abcdef",
        "~",
        "え",
        "stop:send:0",
    ],
)
async def test_w19_a_forged_button_does_nothing(live: World, data: str) -> None:
    who = member(live)
    await agreed(live, who)
    assert await live.says(who.did("postback", postback={"data": data})) == 200
    assert [one.text for one in who.heard()] == [STALE]
    assert tags(live, who) == set()


@pytest.mark.parametrize(
    "value", ["lottery:enter:2019", "survey:pick:gone.q.a", "survey:dance:x", "menu:word:nothing"]
)
async def test_w19_a_button_of_what_is_over_is_answered_kindly(live: World, value: str) -> None:
    who = member(live)
    await agreed(live, who)
    assert await live.says(pressed(live, who, value)) == 200
    assert [one.text for one in who.heard()] == [STALE]


async def test_w19_an_old_answer_button_after_the_end_corrects_and_gives_nothing_twice(
    live: World,
) -> None:
    who = member(live)
    await agreed(live, who)
    change(live.bot.database, "UPDATE coupon SET stock = stock + 1")
    await live.says(*[pressed(live, who, value) for value in TAPS])
    who.heard()
    await live.says(pressed(live, who, "survey:pick:welcome.age.20s"))
    assert len(who.heard()) == 1
    assert tags(live, who) == {"年代:20代", "関心:まつげ", "利用:はじめて"}
    issued = "member_id = (SELECT member_id FROM account WHERE user_id = ?)"
    assert live.bot.count("coupon_issue", issued, who.user_id) == 1


async def test_w21_a_reply_refused_on_its_second_try_is_sent_and_never_pushed(live: World) -> None:
    who, counted = member(live), live.side.counted
    live.side.lose(1, done=True)
    try:
        await live.side.deliver(who.followed())
        last = "SELECT state, tries, way FROM outbox ORDER BY id DESC LIMIT 1"
        await until(lambda: live.bot.rows(last) == [("sent", 1, "reply")])
    finally:
        live.side.heal()
    assert len(who.heard()) == 1
    assert live.side.counted == counted


async def test_onboarding_costs_no_counted_message(tmp_path: Path) -> None:
    """One more than there are coupons; a thousand are onboarded in `make faults`."""
    assert await onboarding(tmp_path, members=201) == Onboarding(201, 201, 200, 0, 0)
