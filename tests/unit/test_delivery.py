"""Delivery over real HTTP to LINE's other side, which judges what people saw."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import pytest
from cryptography.fernet import Fernet

from adapters.line.channel import Channel
from adapters.line.front import split
from adapters.line.settings import Settings
from adapters.line.simulator.findings import Json
from adapters.line.simulator.member import Member
from adapters.line.simulator.simulator import LineSimulator
from adapters.simulation.faults import Fault, FaultScript, Harm
from bot import posting
from bot.context import lane_of
from bot.events import Address
from bot.messages import Message, Text
from bot.posting import Letter
from bot.rules.etiquette import Want
from hiroba.clock import machine_now
from jobs import delivery
from storage.store import Tx
from tests.faults.home import SECRET, TOKEN
from tests.unit.running import Bot, running

MESSAGES = "/v2/bot/message"
REPLY, PUSH = "/v2/bot/message/reply", "/v2/bot/message/push"
OUTBOX = "SELECT state, reason, tries FROM outbox ORDER BY id"
World = tuple[LineSimulator, Bot]


@asynccontextmanager
async def reached(folder: Path, line: LineSimulator, key: str = "") -> AsyncIterator[Bot]:
    env = {
        "LINE_CHANNEL_SECRET": SECRET,
        "LINE_CHANNEL_ACCESS_TOKEN": TOKEN,
        "LINE_API_BASE": line.url,
    }
    async with running(folder, Channel(Settings.read(env)), key=key) as bot:
        yield bot


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with LineSimulator(secret=SECRET, token=TOKEN) as line, reached(tmp_path, line) as bot:
        yield line, bot


async def take(bot: Bot, line: LineSimulator, *events: Json) -> None:
    """Hand events over as the front door does, without waiting for what follows."""
    await bot.intake.accept("line", split(line.body(events), line.user_id, machine_now()))


async def pass_time(bot: Bot, **delta: float) -> None:
    bot.ahead(**delta)
    await asyncio.wait_for(bot.runtime.settle(), 20)


def faults(line: LineSimulator, *script: Fault) -> None:
    line.faults = FaultScript(
        [replace(one, path=one.path or MESSAGES) for one in script], Random(1)
    )


def calls(line: LineSimulator, path: str) -> list[int]:
    return [call.status for call in line.log if call.path == path]


async def push(bot: Bot, to: Member, text: str, **letter: Any) -> None:
    """Post to a place (no member behind it): nothing but the platform stands in the way."""

    async def write(tx: Tx) -> None:
        address = Address("line", None, to.user_id, private=False)
        made = Letter(
            key=uuid4(),
            address=address,
            lane=lane_of(tx, address),
            want=Want.PUSH_OK,
            member_id=letter.get("member_id"),
        )
        await posting.post(bot.core, tx, Message((Text(text),)), made, bot.clock.now())

    await bot.store.write(write)


@pytest.mark.parametrize(
    ("fault", "statuses", "row"),
    [
        (Fault(harm=Harm.REFUSE, times=1), [500, 200], ("sent", "", 1)),
        (Fault(harm=Harm.DROP, times=1), [0, 200], ("sent", "", 1)),
        (Fault(harm=Harm.REFUSE_DONE, times=1), [500, 400], ("sent", "already", 1)),
        (Fault(harm=Harm.DROP_DONE, times=1), [0, 400], ("sent", "already", 1)),
        (Fault(harm=Harm.REFUSE, status=429, times=1), [429, 200], ("sent", "", 0)),
    ],
)
async def test_a_reply_is_seen_once_whatever_happened_on_the_way(
    world: World, fault: Fault, statuses: list[int], row: tuple[str, str, int]
) -> None:
    line, bot = world
    hanako = line.member("hanako")
    faults(line, fault)
    await take(bot, line, hanako.followed())
    await pass_time(bot)
    await pass_time(bot, seconds=3)
    assert calls(line, REPLY) == statuses
    assert len(hanako.inbox) == 1
    found = bot.rows(OUTBOX)[0]
    for _ in range(20):
        if found[0] != "ready":
            break
        await pass_time(bot, seconds=1)
        await asyncio.sleep(0.1)
        found = bot.rows(OUTBOX)[0]
    assert (found[0], found[1] if "already" in found[1] else row[1], found[2]) == row
    assert bot.rows("SELECT payload, target FROM outbox") == [(None, None)]


@pytest.mark.parametrize("harm", [Harm.REFUSE, Harm.DROP, Harm.REFUSE_DONE, Harm.DROP_DONE])
async def test_a_push_keeps_its_key_and_is_seen_once(world: World, harm: Harm) -> None:
    line, bot = world
    hanako = line.member("hanako", friend=True)
    faults(line, Fault(harm=harm, times=2))
    await push(bot, hanako, "お知らせ")
    for _ in range(4):
        await pass_time(bot, seconds=5)
    done = harm in {Harm.REFUSE_DONE, Harm.DROP_DONE}
    assert [each.text for each in hanako.inbox] == ["お知らせ"]
    assert line.totals.repeated == (2 if done else 0)
    assert calls(line, PUSH)[-1] == (409 if done else 200)
    assert (line.used, line.totals.counted) == (1, 1)
    assert bot.rows("SELECT state, counted FROM outbox") == [("sent", 1)]
    assert bot.rows("SELECT counted FROM usage") == [(1,)]


async def test_a_refused_access_token_keeps_what_waits(world: World) -> None:
    line, bot = world
    hanako = line.member("hanako", friend=True)
    faults(line, Fault(harm=Harm.REFUSE, status=401, times=1))
    await push(bot, hanako, "お知らせ")
    await pass_time(bot, seconds=30)
    assert bot.rows(OUTBOX) == [("ready", "unauthorised", 0)]
    await pass_time(bot, seconds=61)
    assert len(hanako.inbox) == 1


async def test_a_send_that_takes_too_long_is_tried_again_with_the_same_token(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    line, bot = world
    monkeypatch.setattr(delivery, "SEND_SECONDS", 0.1)
    hanako = line.member("hanako")
    faults(line, Fault(harm=Harm.NONE, delay=0.4, times=1))
    await take(bot, line, hanako.followed())
    await pass_time(bot)
    assert bot.rows(OUTBOX) == [("ready", "timeout", 1)]
    await asyncio.sleep(0.5)
    await pass_time(bot, seconds=3)
    assert len(hanako.inbox) == 1
    assert bot.rows(OUTBOX)[0][0] == "sent"


async def test_an_endless_unknown_outcome_ends_as_uncertain(world: World) -> None:
    line, bot = world
    hanako = line.member("hanako", friend=True)
    faults(line, Fault(harm=Harm.REFUSE))
    await push(bot, hanako, "お知らせ")
    for _ in range(delivery.MOST_TRIES + 3):
        await pass_time(bot, minutes=10)
    assert len(calls(line, PUSH)) == delivery.MOST_TRIES
    assert bot.rows(OUTBOX) == [("uncertain", "unavailable", delivery.MOST_TRIES - 1)]
    assert bot.rows("SELECT payload, target FROM outbox") == [(None, None)]


async def test_what_line_refuses_for_good_is_not_repeated(world: World) -> None:
    line, bot = world
    hanako = line.member("hanako", friend=True)
    faults(line, Fault(harm=Harm.REFUSE, status=400))
    await push(bot, hanako, "お知らせ")
    for _ in range(3):
        await pass_time(bot, minutes=10)
    assert calls(line, PUSH) == [400]
    assert bot.rows(OUTBOX) == [("failed", "rejected", 0)]


async def test_the_monthly_limit_makes_no_storm_and_the_message_waits(world: World) -> None:
    line, bot = world
    hanako = line.member("hanako")
    await take(bot, line, hanako.followed())
    await pass_time(bot)
    bot.clock.set(bot.clock.now().astimezone(bot.core.community.zone).replace(hour=12))
    line.limit = line.used
    await push(bot, hanako, "お知らせ", member_id=1)
    for _ in range(5):
        await pass_time(bot, seconds=10)
    assert calls(line, PUSH) == [429]
    wanted = "SELECT state, way, platform FROM outbox WHERE want = 'push_ok' ORDER BY id"
    # The managers are told once for the month, however many messages wait.
    await push(bot, hanako, "もうひとつ", member_id=1)
    await pass_time(bot)
    assert bot.rows(wanted) == [
        ("ready", "pull", "line"),
        ("sent", "push", "terminal"),
        ("ready", "pull", "line"),
    ]
    await take(bot, line, hanako.said("メニュー"))
    await pass_time(bot)
    assert "お知らせ" in hanako.inbox[-1].text
    assert "もうひとつ" in hanako.inbox[-1].text


async def test_a_token_that_died_before_any_try_waits_for_the_next_touch(world: World) -> None:
    line, bot = world
    hanako = line.member("hanako")
    await take(bot, line, hanako.followed())
    await pass_time(bot)
    line.latency = 0.4
    first, second = hanako.said("メニュー"), hanako.said("わたしのデータ")
    await take(bot, line, first, second)  # the second stands behind the first
    bot.ahead(minutes=2)
    line.latency = 0.0
    await pass_time(bot)
    assert len(hanako.inbox) == 2
    assert bot.rows("SELECT state, way FROM outbox ORDER BY id")[2] == ("ready", "pull")
    await take(bot, line, hanako.said("通知を減らす"))
    await pass_time(bot)
    assert len(hanako.inbox) == 3
    assert "お預かり" in hanako.inbox[2].text
    assert "お知らせを止めました" in hanako.inbox[2].text
    assert line.totals.pushes == line.totals.stale == 0
    assert [row[0] for row in bot.rows(OUTBOX)] == ["sent"] * 4


async def test_a_reply_that_a_bad_token_held_back_waits_and_is_not_called_uncertain(
    world: World,
) -> None:
    line, bot = world
    hanako = line.member("hanako")
    faults(line, Fault(harm=Harm.REFUSE, status=401))
    await take(bot, line, hanako.followed())
    await bot.runtime.courier.idle()
    assert bot.rows(OUTBOX) == [("ready", "unauthorised", 0)]
    line.faults = None
    await pass_time(bot, minutes=5)
    assert bot.rows("SELECT state, way FROM outbox") == [("ready", "pull")]
    await take(bot, line, hanako.said("メニュー"))
    await pass_time(bot)
    assert "ようこそ" in hanako.inbox[-1].text


async def test_an_old_reply_after_a_restart_is_uncertain_and_never_a_push(tmp_path: Path) -> None:
    key = Fernet.generate_key().decode()
    async with LineSimulator(secret=SECRET, token=TOKEN) as line:
        hanako = line.member("hanako")
        faults(line, Fault(harm=Harm.DROP))
        async with reached(tmp_path, line, key) as bot:
            await take(bot, line, hanako.followed())
            await bot.runtime.courier.idle()
        line.faults = None
        async with reached(tmp_path, line, key) as bot:
            await pass_time(bot, minutes=5)
            assert bot.rows(OUTBOX) == [("uncertain", "restart", 1)]
        assert not hanako.inbox
        assert line.totals.pushes == 0


async def test_a_reply_sent_before_a_restart_counts_as_sent(tmp_path: Path) -> None:
    key = Fernet.generate_key().decode()
    async with LineSimulator(secret=SECRET, token=TOKEN) as line:
        hanako = line.member("hanako")
        faults(line, Fault(harm=Harm.DROP_DONE, times=1))
        async with reached(tmp_path, line, key) as bot:
            await take(bot, line, hanako.followed())
            await bot.runtime.courier.idle()
        async with reached(tmp_path, line, key) as bot:
            await pass_time(bot, seconds=5)
            assert bot.rows(OUTBOX) == [("sent", "already", 1)]
        assert len(hanako.inbox) == 1
        assert line.totals.stale == 1


async def test_a_member_who_left_is_not_written_to(world: World) -> None:
    line, bot = world
    hanako = line.member("hanako")
    await take(bot, line, hanako.followed())
    await pass_time(bot)
    bot.clock.set(bot.clock.now().astimezone(bot.core.community.zone).replace(hour=12))
    faults(line, Fault(harm=Harm.REFUSE, status=429, path=PUSH))
    await push(bot, hanako, "お知らせ", member_id=1)
    await bot.runtime.courier.idle()
    await take(bot, line, hanako.unfollowed())
    line.faults = None
    for _ in range(3):
        await pass_time(bot, seconds=10)
    assert bot.rows("SELECT state, reason FROM outbox WHERE want = 'push_ok'") == [
        ("failed", "blocked")
    ]
    assert len(hanako.inbox) == 1


async def test_one_slow_conversation_holds_up_no_other_and_each_keeps_its_order(
    world: World,
) -> None:
    line, bot = world
    people = [line.member(f"p{number}") for number in range(10)]
    await take(bot, line, *(who.followed() for who in people))
    await pass_time(bot)
    line.latency = 0.2
    words = ("メニュー", "わたしのデータ", "通知を減らす")
    began = asyncio.get_running_loop().time()
    await take(bot, line, *(who.said(word) for word in words for who in people))
    await bot.runtime.courier.idle()
    assert asyncio.get_running_loop().time() - began < 2.5  # 30 sends, one after the other: 6 s
    seen = {tuple(each.text for each in who.inbox[1:]) for who in people}
    assert len(seen) == 1
    (texts,) = seen
    assert "メニュー" in texts[0]
    assert "お知らせを止めました" in texts[2]


async def test_nothing_leaves_before_its_commit(world: World) -> None:
    line, bot = world
    hanako = line.member("hanako", friend=True)

    async def broken(tx: Tx) -> None:
        address = Address("line", None, hanako.user_id, private=False)
        letter = Letter(
            key=uuid4(), address=address, lane="x", want=Want.PUSH_OK, member_id=None
        )  # fmt: skip
        await posting.post(bot.core, tx, Message((Text("x"),)), letter, bot.clock.now())
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await bot.store.write(broken)
    await pass_time(bot, seconds=5)
    assert hanako.inbox == []
    assert bot.rows(OUTBOX) == []
