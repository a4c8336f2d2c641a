"""One bot and one other side for a whole test module, and names that nobody used before."""

import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bot.adapter import Adapter
from bot.events import Address
from tests.adapters.live import NOON, LiveBot, live_bot
from tests.adapters.other_side import Json, OtherSide, Person, Seen, open_side


@dataclass(slots=True)
class World:
    """A platform, its bot, and people who are new in every test."""

    name: str
    side: OtherSide
    bot: LiveBot
    numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    @property
    def adapter(self) -> Adapter:
        return self.bot.adapters[self.name]

    def person(self) -> Person:
        """Return somebody whom neither side has met."""
        return self.side.person(f"person {next(self.numbers)}")

    async def friend(self) -> Person:
        """Return somebody who joined and read the greeting."""
        person = self.person()
        assert await self.says(person.joined()) == 200
        assert len(person.heard()) == 1
        return person

    async def says(self, *events: Json) -> int:
        """Deliver events, and wait until the bot has nothing left to do."""
        status = await self.side.deliver(*events)
        await self.bot.quiet()
        return status

    def address(self, event: Json) -> Address:
        """Return where an event came from, as the bot would know it."""
        (element,) = self.side.elements(self.body(event))
        return self.adapter.receive(element.raw).address

    def body(self, *events: Json) -> bytes:
        return self.side.body(*events)

    def key(self, event: Json) -> str:
        """Return the inbox key of an event."""
        (element,) = self.side.elements(self.body(event))
        return element.key

    def stored(self, event: Json) -> list[tuple[str, str]]:
        """Return state and fault of the event's inbox rows."""
        sql = "SELECT state, fault FROM inbox WHERE key = ?"
        return [(row[0], row[1]) for row in self.bot.rows(sql, self.key(event))]


def words(seen: Sequence[Seen]) -> list[str]:
    return [one.text for one in seen]


@asynccontextmanager
async def world(name: str, folder: Path) -> AsyncIterator[World]:
    """Open a platform and a bot on it, at noon."""
    async with (
        open_side(name) as side,
        live_bot(folder, {**side.env, "HIROBA_CLOCK": NOON}) as bot,
    ):
        side.meet(bot.url)
        yield World(name, side, bot)
