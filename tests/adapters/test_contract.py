"""The contract of a platform, over real HTTP: whoever has `adapters/<name>/simulator` is here.

What is tested is what people saw and what is on disk, never how an adapter is made. A new
platform falls under it by its folder alone (tests/adapters/other_side.py says what it needs).
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from importlib import import_module
from uuid import uuid4

import pytest
import pytest_asyncio

from bot.adapter import Delivery, Via
from bot.errors import Unreachable
from bot.events import Address
from bot.messages import Message, Text
from bot.rules.etiquette import Want
from tests.adapters.live import held, until
from tests.adapters.other_side import FOLDER, sides
from tests.adapters.world import World, words, world

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=sides())
async def live(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    async with world(request.param, tmp_path_factory.mktemp(request.param)) as opened:
        yield opened


async def test_every_platform_with_a_simulator_falls_under_the_contract() -> None:
    assert "line" in sides()
    for name in sides():
        assert callable(import_module(f"adapters.{name}.simulator.other_side").open_side)
        assert import_module(f"adapters.{name}.adapter").PLATFORM.name == name
        assert any((FOLDER / name / "samples").iterdir())


async def test_many_users_in_one_body_are_each_greeted_once(live: World) -> None:
    people = [live.person() for _ in range(20)]
    assert await live.says(*[person.joined() for person in people]) == 200
    assert [len(person.heard()) for person in people] == [1] * 20


async def test_a_malformed_event_takes_no_neighbour_with_it(live: World) -> None:
    first, broken, last = live.person(), live.person(), live.person()
    mangled = live.side.mangled(broken.joined())
    assert await live.says(first.joined(), mangled, last.joined()) == 200
    assert [len(person.heard()) for person in (first, broken, last)] == [1, 0, 1]
    assert live.stored(mangled) == [("quarantined", "malformed")]


async def test_parallel_duplicates_have_one_effect(live: World) -> None:
    person = live.person()
    joined = person.joined()
    assert await live.side.deliver_copies(joined, 12) == [200] * 12
    await live.bot.quiet()
    assert len(person.heard()) == 1
    assert live.stored(joined) == [("done", "")]


async def test_a_redelivery_that_is_the_only_copy_is_handled(live: World) -> None:
    person = live.person()
    joined = live.side.again(person.joined())
    assert await live.says(joined) == 200
    assert await live.says(live.side.again(joined)) == 200
    assert len(person.heard()) == 1


async def test_while_the_store_is_down_503_and_nothing_is_lost(live: World) -> None:
    people = [live.person() for _ in range(3)]
    joined = [person.joined() for person in people]
    with held(live.bot.database):
        assert await live.side.deliver(*joined) == 503
    assert [live.stored(event) for event in joined] == [[]] * 3
    assert await live.says(*[live.side.again(event) for event in joined]) == 200
    assert [len(person.heard()) for person in people] == [1] * 3


async def test_a_body_that_somebody_else_signed_is_401_and_leaves_no_trace(live: World) -> None:
    person = live.person()
    joined = person.joined()
    assert await live.side.forge(joined) == 401
    assert live.stored(joined) == []
    assert person.heard() == []


async def test_an_event_for_another_account_is_taken_and_has_no_effect(live: World) -> None:
    person = live.person()
    joined = person.joined()
    assert await live.side.deliver(joined, foreign=True) == 200
    await live.bot.quiet()
    assert person.heard() == []
    assert live.stored(joined) == [("quarantined", "foreign")]
    members = live.bot.count("account", "user_id = ?", live.address(joined).conversation)
    assert members == 0


async def test_an_invented_kind_is_stored_and_counted(live: World) -> None:
    person = await live.friend()
    before = live.bot.outcomes(live.name, "unknown")
    invented = person.invented()
    assert await live.says(invented) == 200
    ((state, fault),) = live.stored(invented)
    assert state == "quarantined"
    assert fault.startswith("unknown:")
    assert live.bot.outcomes(live.name, "unknown") == before + 1
    assert person.heard() == []


async def test_more_parts_than_one_send_takes_all_arrive_in_order(live: World) -> None:
    person = await live.friend()
    event = person.said("…")
    spoken = [f"{number} of many" for number in range(live.adapter.limits.parts * 2 + 1)]
    await live.bot.post(live.address(event), *spoken, want=Want.PUSH_OK)
    await live.bot.quiet()
    heard = person.heard()
    lines = [line for one in heard for line in one.text.splitlines()]
    while len(lines) < len(spoken):
        # Beyond the caps of one day what is left waits for the next touch.
        assert await live.says(person.said("?")) == 200
        lines += [line for one in person.heard() for line in one.text.splitlines()]
    assert [line for line in lines if line.endswith("of many")] == spoken
    assert heard[0].via == "reply"


async def test_a_reply_whose_right_is_gone_waits_for_the_next_touch(live: World) -> None:
    person = await live.friend()
    said = person.said("メニュー")
    live.side.spend(said)
    counted = live.side.counted
    assert await live.says(said) == 200
    assert person.heard() == []
    assert await live.says(person.said("はい")) == 200
    assert "メニューです" in words(person.heard())[0]
    assert live.side.counted == counted


async def test_news_whose_reply_right_is_gone_costs_one_push(live: World) -> None:
    person = await live.friend()
    event = person.said("…")
    live.side.spend(event)
    counted = live.side.counted
    await live.bot.post(live.address(event), "news", want=Want.PUSH_OK)
    await live.bot.quiet()
    assert [(one.via, one.text) for one in person.heard()] == [("push", "news")]
    assert live.side.counted == counted + live.adapter.limits.push_counts


async def test_the_right_to_reply_works_once(live: World) -> None:
    person = await live.friend()
    address = live.address(person.said("…"))
    if address.reply is None:
        pytest.skip("this platform has no one-time right to reply")
    payloads = live.adapter.render(Message((Text("once"),)), lambda c: c.value, lambda p: p)
    delivery = Delivery(address, Via.REPLY, payloads, uuid4())
    await live.adapter.send(delivery)
    with pytest.raises(Unreachable):
        await live.adapter.send(delivery)
    assert words(person.heard()) == ["once"]


async def test_nothing_is_pushed_to_whoever_left_until_they_return(live: World) -> None:
    person = await live.friend()
    address = live.address(person.said("…"))
    assert await live.says(person.left()) == 200
    await live.bot.post(_unanswered(address), "while away")
    await live.bot.quiet()
    sql = "SELECT state FROM account WHERE user_id = ?"
    assert live.bot.rows(sql, address.conversation) == [("left",)]
    assert await live.says(person.returned()) == 200
    assert live.bot.rows(sql, address.conversation) == [("active",)]
    heard = person.heard()
    assert len(heard) == 1
    assert "while away" not in heard[0].text


async def test_what_is_taken_back_is_gone(live: World) -> None:
    person = await live.friend()
    await live.says(person.pressed("同意してはじめる"))
    name = person.said("Kohaku the Careless")
    await live.says(name)
    user_id = live.address(name).conversation
    answers = "member_id = (SELECT member_id FROM account WHERE user_id = ?)"
    assert live.bot.count("answer", answers, user_id) == 1
    assert await live.says(person.unsent()) == 200
    assert live.bot.count("answer", answers, user_id) == 0


@pytest.mark.parametrize("done", [True, False], ids=["it had arrived", "it had not"])
async def test_a_lost_answer_is_tried_again_and_seen_once(live: World, *, done: bool) -> None:
    person = await live.friend()
    address = _unanswered(live.address(person.said("…")))
    doubled = live.side.doubled
    live.side.lose(1, done=done)
    try:
        await live.bot.post(address, "exactly once")
        await asyncio.sleep(0.1)
        await _sent(live)
    finally:
        live.side.heal()
    assert words(person.heard()) == ["exactly once"]
    assert live.side.doubled == doubled
    sql = "SELECT tries, state FROM outbox ORDER BY id DESC LIMIT 1"
    assert live.bot.rows(sql) == [(1, "sent")]


async def test_a_reply_whose_answer_was_lost_is_seen_once(live: World) -> None:
    person = await live.friend()
    live.side.lose(1, done=True)
    try:
        await live.side.deliver(person.said("メニュー"))
        await asyncio.sleep(0.1)
        await _sent(live)
    finally:
        live.side.heal()
    assert len(person.heard()) == 1


async def _sent(live: World) -> None:
    """Wait for the last message to be marked; a retry waits a second or two."""
    last = "SELECT state FROM outbox ORDER BY id DESC LIMIT 1"
    await until(lambda: live.bot.rows(last) == [("sent",)])


def _unanswered(address: Address) -> Address:
    return replace(address, reply=None)
