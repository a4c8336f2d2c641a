"""The intake: what fails is kept, what waits keeps its order, what came twice counts once."""

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot import intake
from bot.adapter import Element
from bot.context import Context
from bot.errors import Busy, StoreDown
from bot.events import Content, MessageReceived
from bot.messages import Text
from tests.unit.running import Bot, element, running

BOOM = "こわれる"
STATES = "SELECT state, count(*) FROM inbox GROUP BY state ORDER BY state"


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[Bot]:
    async with running(tmp_path) as made:
        for who in ("hanako", "taro", "jiro", "saburo", "shiro"):
            await made.say(who, "はじめまして")
        made.shown.clear()
        yield made


class Plant:
    """A handler for anything said: breaks on BOOM as it is told, else echoes."""

    def __init__(self, bot: Bot, fault: type[Exception] = RuntimeError) -> None:
        self.fault: type[Exception] | None = fault
        self.heard: list[str] = []
        handlers: Any = bot.core.registry.platform
        handlers[MessageReceived] = self.handle

    async def handle(self, ctx: Context, event: MessageReceived) -> None:
        await ctx.record("planted", event.text)
        ctx.reply(Text(f"echo {event.text}"))
        if event.text.startswith(BOOM) and self.fault is not None:
            raise self.fault(event.text)
        self.heard.append(event.text)


async def accept(bot: Bot, *said: tuple[str, str, str]) -> None:
    await bot.intake.accept("terminal", [element(key, who, text) for key, who, text in said])
    await bot.runtime.settle()


def planted(bot: Bot) -> list[str]:
    return [row[0] for row in bot.rows("SELECT subject FROM activity WHERE kind = 'planted'")]


def texts(bot: Bot) -> list[str]:
    return [shown["text"] for shown in bot.shown]


async def test_a_failing_handler_in_a_batch_keeps_its_row_and_the_others_commit(bot: Bot) -> None:
    plant = Plant(bot)
    people = ("hanako", "taro", "jiro", "saburo", "shiro")
    said = [(f"k{n}", who, BOOM if n == 2 else f"t{n}") for n, who in enumerate(people)]
    await accept(bot, *said)
    assert sorted(plant.heard) == ["t0", "t1", "t3", "t4"]
    assert bot.rows(
        "SELECT key, state, tries, fault, raw IS NULL FROM inbox WHERE key LIKE 'k%'"
    ) == [
        ("k0", "done", 0, "", 1),
        ("k1", "done", 0, "", 1),
        ("k2", "open", 1, "RuntimeError", 0),
        ("k3", "done", 0, "", 1),
        ("k4", "done", 0, "", 1),
    ]
    assert sorted(planted(bot)) == ["t0", "t1", "t3", "t4"]  # what the failing one wrote is gone
    assert sorted(texts(bot)) == ["echo t0", "echo t1", "echo t3", "echo t4"]


async def test_a_failed_element_is_handled_once_when_the_fault_is_gone(bot: Bot) -> None:
    plant = Plant(bot)
    await accept(bot, ("k", "hanako", BOOM))
    bot.ahead(seconds=0.5)
    await bot.runtime.settle()
    assert bot.rows("SELECT tries FROM inbox WHERE key = 'k'") == [(1,)]  # not before its time
    plant.fault = None
    bot.ahead(seconds=5)
    await bot.runtime.settle()
    await accept(bot, ("k", "hanako", BOOM))
    assert plant.heard == planted(bot) == [BOOM]
    assert texts(bot) == [f"echo {BOOM}"]
    assert bot.rows("SELECT state, raw FROM inbox WHERE key = 'k'") == [("done", None)]


async def test_after_its_tries_it_is_dead_and_the_managers_are_told_once(bot: Bot) -> None:
    Plant(bot)
    await accept(bot, ("k", "hanako", BOOM))
    for _ in range(intake.MOST_TRIES + 2):
        bot.ahead(minutes=10)
        await bot.runtime.settle()
        await bot.runtime.sweep()
        await bot.runtime.settle()
    assert bot.rows("SELECT state, tries FROM inbox WHERE key = 'k'") == [
        ("dead", intake.MOST_TRIES)
    ]
    posts = [shown for shown in bot.shown if shown["to"] == "#管理"]
    assert len(posts) == 1
    assert "1" in posts[0]["text"]
    assert BOOM not in posts[0]["text"]


async def test_what_stands_behind_a_failed_one_waits_and_keeps_its_order(bot: Bot) -> None:
    plant = Plant(bot)
    await accept(bot, ("k1", "hanako", BOOM), ("k2", "hanako", "2"), ("k3", "hanako", "3"))
    await accept(bot, ("k4", "hanako", "4"), ("t", "taro", "other"))
    assert plant.heard == ["other"]  # the other conversation goes on
    assert dict(bot.rows(STATES))["open"] == 4
    plant.fault = None
    bot.ahead(seconds=5)
    await bot.runtime.settle()
    assert plant.heard == ["other", BOOM, "2", "3", "4"]
    assert [text for text in texts(bot) if "other" not in text] == [
        f"echo {BOOM}", "echo 2", "echo 3", "echo 4"
    ]  # fmt: skip


async def test_a_dead_one_no_longer_blocks_its_conversation(bot: Bot) -> None:
    plant = Plant(bot)
    await accept(bot, ("k1", "hanako", BOOM), ("k2", "hanako", "second"))
    for _ in range(intake.MOST_TRIES):
        bot.ahead(minutes=10)
        await bot.runtime.settle()
    assert plant.heard == ["second"]


async def test_a_handler_that_awaits_the_world_is_named_and_its_event_kept(bot: Bot) -> None:
    async def waits(ctx: Context, event: MessageReceived) -> None:
        await ctx.record("planted", event.text)
        if event.text == BOOM:
            await asyncio.sleep(0)

    handlers: Any = bot.core.registry.platform
    handlers[MessageReceived] = waits
    await accept(bot, ("k1", "hanako", BOOM), ("t", "taro", "other"))
    assert planted(bot) == ["other"]
    assert bot.rows("SELECT state, fault, raw IS NULL FROM inbox WHERE key = 'k1'") == [
        ("open", "suspended", 0)
    ]
    for _ in range(intake.MOST_TRIES + 1):
        bot.ahead(minutes=10)
        await bot.runtime.settle()
        await bot.runtime.sweep()
    assert bot.rows("SELECT state FROM inbox WHERE key = 'k1'") == [("dead",)]
    await bot.runtime.settle()
    assert len([shown for shown in bot.shown if shown["to"] == "#管理"]) == 1


async def test_any_number_of_deliveries_is_one_effect(bot: Bot) -> None:
    plant = Plant(bot)
    events = [element(f"k{n}", "hanako" if n % 2 else "taro", f"t{n}") for n in range(40)]
    copies = [one for one in events for _ in range(25)]
    random.Random(5).shuffle(copies)
    turns = iter(copies)

    async def deliver() -> None:
        for one in turns:
            await bot.intake.accept("terminal", [one])

    await asyncio.gather(*[deliver() for _ in range(8)])
    await bot.runtime.settle()
    assert sorted(plant.heard) == sorted(planted(bot)) == sorted(f"t{n}" for n in range(40))
    assert len(bot.shown) == 40
    assert bot.intake.counts["terminal", "seen"] == 1000 - 40


async def test_elements_of_one_body_are_handled_in_order(bot: Bot) -> None:
    plant = Plant(bot)
    await accept(bot, *((f"k{n}", "hanako", f"t{n}") for n in range(30)))
    assert plant.heard == [f"t{n}" for n in range(30)]
    assert texts(bot) == [f"echo t{n}" for n in range(30)]


async def test_over_the_ack_budget_it_is_stored_first_and_handled_next(
    bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant = Plant(bot)
    monkeypatch.setattr(intake, "ACK_BUDGET", -1.0)
    await bot.intake.accept("terminal", [element("k", "hanako", "late")])
    assert plant.heard == []
    assert bot.rows("SELECT state FROM inbox WHERE key = 'k'") == [("open",)]
    await bot.runtime.settle()
    assert plant.heard == ["late"]


async def test_too_far_behind_takes_nothing(bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "BACKLOG", -1)
    with pytest.raises(Busy):
        await accept(bot, ("k", "hanako", "x"))
    assert bot.rows("SELECT 1 FROM inbox WHERE key = 'k'") == []


async def test_a_store_that_is_gone_promises_nothing(bot: Bot) -> None:
    await bot.store.close()
    with pytest.raises(StoreDown):
        await bot.intake.accept("terminal", [element("k", "hanako", "x")])
    assert bot.intake.counts["terminal", "refused"] == 1


async def test_malformed_and_unknown_are_quarantined_and_their_neighbours_go_on(bot: Bot) -> None:
    plant = Plant(bot)
    broken = Element("m", "m", b"{", None)
    told = Element("f", "hanako", b"{}", None, fault="foreign")
    unknown = element("u", "hanako", "", kind="dance")
    good = element("g", "hanako", "good")
    await bot.intake.accept("terminal", [broken, told, unknown, good])
    assert plant.heard == ["good"]
    assert bot.rows(
        "SELECT key, state, fault, raw IS NULL FROM inbox WHERE key IN ('m', 'f', 'u', 'g') ORDER BY key"
    ) == [
        ("f", "quarantined", "foreign", 0),
        ("g", "done", "", 1),
        ("m", "quarantined", "malformed", 0),
        ("u", "quarantined", "unknown:dance", 0),
    ]
    await bot.intake.accept("terminal", [element("s", "hanako", "", kind=Content.STICKER.value)])
    assert len(plant.heard) == 2
