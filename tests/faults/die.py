"""Die-at-N-th: one flow, run once for each of its steps, with a death exactly there.

After each death the next life takes over, LINE repeats what nobody acknowledged, and the flow
goes on. What the rows say and what people saw must be as if nothing had happened.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from adapters.line.simulator.member import Member
from adapters.line.simulator.simulator import LineSimulator
from adapters.line.simulator.webhook import Outcome
from tests.faults.home import DIED, Harm, Home, Life, until
from tests.faults.rows import Rows, differences, ledger, waiting
from tests.faults.steps import NEVER, DieAt

PATIENCE = 20.0
QUIET = 0.15
"""Seconds in which a message that came twice would show."""

Flow = Callable[[LineSimulator], Awaitable[None]]


async def intake(line: LineSimulator) -> None:
    """A stranger follows and reads why and what for."""
    hanako = line.member("hanako")
    await said(hanako, hanako.follow())
    await said(hanako, hanako.tap("くわしく"))
    await said(hanako, hanako.tap("同意してはじめる"))


async def survey(line: LineSimulator) -> None:
    """Four answers, each a tap or a word; the last one issues the coupon."""
    hanako = line.member("hanako")
    await said(hanako, hanako.say("はなこ"))
    await said(hanako, hanako.tap("40代"))
    await said(hanako, hanako.tap("まつげ"))
    await said(hanako, hanako.tap("決定"))
    await said(hanako, hanako.tap("いま使っている"))


async def coupon(line: LineSimulator) -> None:
    """The coupon is looked at, and an introduction is shown to the managers by a push."""
    hanako, manager = line.member("hanako"), line.member("manager", friend=True)
    await said(hanako, hanako.say("クーポンを見る"))
    await said(hanako, hanako.say("自己紹介する"))
    await said(hanako, hanako.say("まつげが好きです"))
    await manager.next(PATIENCE)


async def erasure(line: LineSimulator) -> None:
    """Two taps, and nothing personal is left; a word afterwards starts at consent."""
    hanako = line.member("hanako")
    await said(hanako, hanako.say("消して"))
    await said(hanako, hanako.tap("消す"))
    await said(hanako, hanako.say("ただいま"))


FLOWS: dict[str, Flow] = {
    "intake": intake,
    "survey": survey,
    "coupon": coupon,
    "erasure": erasure,
}
"""Each begins where the one before it ended."""


async def said(member: Member, act: Awaitable[Outcome]) -> None:
    """Act, and wait for the answer.

    Raises:
        AssertionError: LINE gave up, or nobody answered.
    """
    outcome = await act
    assert outcome.taken, outcome
    try:
        await member.next(PATIENCE)
    except TimeoutError:
        raise AssertionError("no answer") from None  # noqa: TRY003


@dataclass(slots=True)
class Told:
    """What a run left: the rows, and what each person saw, in order."""

    rows: Rows
    seen: dict[str, list[tuple[str, str]]]
    doubled: int
    steps: list[str]

    def broken(self, other: "Told") -> list[str]:
        """Return what another run did otherwise."""
        wrong = differences(self.rows, other.rows)
        for name, seen in self.seen.items():
            if other.seen.get(name) != seen:
                wrong.append(
                    f"{name} saw {len(other.seen.get(name, []))} of {len(seen)}, or others"
                )
        return [*wrong, *(["doubled"] if other.doubled else [])]


@dataclass(slots=True)
class Stage:
    """A home, and its file as it was before and after each flow nobody disturbed."""

    home: Home
    told: dict[str, Told] = field(default_factory=dict)

    async def rehearse(self) -> None:
        """Run all flows, one after the other, without a death."""
        for name in FLOWS:
            self.home.keep(name)
            self.told[name] = await self._play(name, NEVER)

    async def die(self, name: str, last: int) -> list[str]:
        """Run a flow with a death at its step `last`; return what was not as it should be."""
        self.home.bring(name)
        try:
            found = await self._play(name, last)
        except (AssertionError, TimeoutError) as error:
            return [f"{type(error).__name__}: {error}"]
        return self.told[name].broken(found)

    async def _play(self, name: str, last: int) -> Told:
        track = self.home.folder / "steps.txt"
        async with self.home.simulator() as line:
            for person in ("hanako", "manager"):
                line.member(person, friend=name != "intake")
            async with surviving(self.home, line.url, DieAt(last, str(track))) as codes:
                await FLOWS[name](line)
                await settled(self.home)
                rows = ledger(self.home.database, self.home.key)
            seen = {
                person.name: [(each.via, each.text) for each in person.inbox]
                for person in line.people.values()
            }
            doubled = line.totals.doubled
        assert codes in ([0], [DIED, 0]), f"lives ended with {codes}"
        return Told(rows, seen, doubled, track.read_text().splitlines())


@asynccontextmanager
async def surviving(home: Home, line: str, harm: Harm) -> AsyncIterator[list[int]]:
    """Keep a bot alive: one life under `harm`, then lives without; yields their exit codes."""
    codes: list[int] = []
    lives = [await Life(home, line, harm).ready()]

    async def watch() -> None:
        while True:
            codes.append(await lives[-1].ended(600))
            lives.append(Life(home, line))

    watcher = asyncio.ensure_future(watch())
    try:
        yield codes
    finally:
        watcher.cancel()
        with suppress(asyncio.CancelledError):
            await watcher
        await lives[-1].ready()
        codes.append(await lives[-1].stop())


async def settled(home: Home, seconds: float = PATIENCE) -> None:
    """Wait until no row waits for anyone, and a moment more for what came twice.

    Raises:
        TimeoutError: rows still wait.
    """
    await until(lambda: not waiting(home.database), seconds)
    await asyncio.sleep(QUIET)


def spread(count: int, most: int) -> Sequence[int]:
    """Return `most` of the numbers 1 to `count`, evenly spread; all when there are fewer."""
    if count <= most:
        return range(1, count + 1)
    return sorted({round(1 + index * (count - 1) / (most - 1)) for index in range(most)})
