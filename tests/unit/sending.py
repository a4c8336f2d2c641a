"""A bot and LINE's other side with many members: what tests of broadcasts stand on.

async with sending(tmp_path, people=1002) as stage:
    number = await stage.launch("年内お試し会")
    await stage.settle()
    assert stage.once == 1002
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from adapters.line.channel import Channel
from adapters.line.settings import Settings
from adapters.line.simulator.inbox import Bond, Person
from adapters.line.simulator.simulator import LineSimulator
from bot import broadcasts
from bot.broadcasts import Draft, Progress
from bot.core import Core
from bot.messages import Message, Part, Text
from jobs.broadcast import Broadcaster
from storage import members
from storage.members import AccountState
from storage.store import Store, Tx
from tests.unit.running import Bot, running

SECRET, TOKEN = "0123456789abcdef0123456789abcdef", "simulated-access-token"
MORNING = datetime(2026, 12, 24, 10, 0, tzinfo=ZoneInfo("Asia/Tokyo"))
GROUP = 2_000


@dataclass(slots=True)
class Stage:
    """A running bot, LINE, and the people who are both members and friends."""

    bot: Bot
    line: LineSimulator
    people: list[Person] = field(default_factory=list)

    @property
    def core(self) -> Core:
        return self.bot.core

    @property
    def store(self) -> Store:
        return self.bot.store

    @property
    def broadcaster(self) -> Broadcaster:
        return self.bot.runtime.broadcaster

    async def launch(self, words: str, *more: Part, **draft: Any) -> int:
        made = {"key": uuid4(), "title": "お試し会", "platform": "line", **draft}
        opened = Draft(message=Message((Text(words), *more)), **made)
        return await self.store.write(
            lambda tx: broadcasts.launch(self.core, tx, opened, self.core.clock.now())
        )

    async def settle(self) -> None:
        await self.bot.runtime.settle()

    async def progress(self, number: int) -> Progress:
        return await self.store.read(
            lambda tx: broadcasts.progress(tx, number, self.core.clock.now())
        )

    async def resume(self, number: int) -> bool:
        return await self.store.write(
            lambda tx: broadcasts.resume(self.core, tx, number, self.core.clock.now())
        )

    @property
    def got(self) -> list[int]:
        """How many deliveries each person saw, in the order they joined."""
        return [len(each.inbox) for each in self.people]

    @property
    def calls(self) -> list[int]:
        """The answers to sends, in order."""
        return [c.status for c in self.line.log if c.path.endswith(("/push", "/multicast"))]

    @property
    def alerts(self) -> list[str]:
        """What managers were told."""
        return [shown["text"] for shown in self.bot.shown if shown["to"] == "#管理"]


async def enrol(store: Store, people: Sequence[Person], first: int = 0) -> None:
    """Make members of people."""

    async def add(tx: Tx, group: Sequence[Person]) -> None:
        for each in group:
            member_id = await tx.one(members.ADD_MEMBER, now=MORNING)
            await tx.one(
                members.ADD_ACCOUNT,
                member_id=member_id,
                platform="line",
                realm="provider",
                user_id=each.user_id,
                conversation=each.user_id,
                state=AccountState.ACTIVE,
                at=MORNING,
            )

    for start in range(first, len(people), GROUP):
        group = people[start : start + GROUP]
        await store.write(lambda tx, group=group: add(tx, group))  # type: ignore[misc]


def crowd(line: LineSimulator, count: int) -> list[Person]:
    """Return people who are friends of the account."""
    people = [line.person(f"member{number}") for number in range(count)]
    for each in people:
        each.bond = Bond.FRIEND
    return people


def unlimited(core: Core, limit: int | None = None) -> None:
    """Let the plan's file state this limit."""
    push = core.community.push
    policy = replace(push.policy, plan_limit=limit, monthly_budget=None)
    changed = push.model_copy(update={"policy": policy})
    core.community = core.community.model_copy(update={"push": changed})


@asynccontextmanager
async def sending(
    folder: Path, people: int = 0, key: str = "", line: LineSimulator | None = None
) -> AsyncIterator[Stage]:
    """Run a bot with LINE and `people` members; with `line`, another life on the same file."""
    made = line or LineSimulator(secret=SECRET, token=TOKEN)
    async with _maybe(made, enter=line is None):
        env = {
            "LINE_CHANNEL_SECRET": SECRET,
            "LINE_CHANNEL_ACCESS_TOKEN": TOKEN,
            "LINE_API_BASE": made.url,
        }
        channel = Channel(Settings.read(env))
        async with running(folder, channel, key=key) as bot:
            bot.clock.set(MORNING if line is None else MORNING + timedelta(minutes=1))
            unlimited(bot.core)
            stage = Stage(bot, made, crowd(made, people))
            if line is None:
                await enrol(stage.store, stage.people)
            yield stage


@asynccontextmanager
async def _maybe(line: LineSimulator, *, enter: bool) -> AsyncIterator[None]:
    if not enter:
        yield
        return
    async with line:
        yield
