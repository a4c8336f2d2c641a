"""Runs whose full size takes longer than a test may: small in `make test`, whole in `make faults`.

print(await duplicates(folder, events=1_000, copies=10))   # trust.md W1
print(await onboarding(folder, members=1_000))             # 0 counted messages
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from random import Random

from adapters.line.simulator.member import Member
from adapters.line.simulator.other_side import LineSide, open_side
from bot.events import Account
from bot.wire import sign
from tests.adapters.live import NOON, LiveBot, live_bot
from tests.adapters.other_side import Json
from tests.adapters.world import World, world

AT_ONCE = 8
SEED = 20_261_220


@dataclass(frozen=True, slots=True)
class Duplicates:
    """What a flood of duplicates did; `extra` is what people or rows show beyond one effect."""

    deliveries: int
    refused: int
    missing: int
    extra: int


@dataclass(frozen=True, slots=True)
class Onboarding:
    """What onboarding so many members left behind and what it cost."""

    members: int
    completed: int
    coupons: int
    counted: int
    doubled: int


async def in_parallel(work: Iterable[Awaitable[object]], at_once: int = AT_ONCE) -> None:
    """Do all of it, `at_once` at a time, in order of beginning."""
    waiting = iter(work)

    async def take() -> None:
        for each in waiting:
            await each

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(take())


async def duplicates(folder: Path, *, events: int, copies: int, seed: int = SEED) -> Duplicates:
    """Deliver every event `copies` times, shuffled, eight at a time, and count effects (W1)."""
    async with world("line", folder) as live:
        return await duplicated(live, events=events, copies=copies, seed=seed)


async def duplicated(live: World, *, events: int, copies: int, seed: int = SEED) -> Duplicates:
    """Do the same to a world that is open."""
    people = [live.person() for _ in range(events)]
    joined = [person.joined() for person in people]
    order = joined * copies
    Random(seed).shuffle(order)
    statuses: Counter[int] = Counter()

    async def deliver(event: dict[str, object]) -> None:
        statuses[await live.side.deliver(live.side.again(event))] += 1

    before = live.bot.count("activity", "kind = 'joined'")
    await in_parallel(deliver(event) for event in order)
    await live.bot.quiet()
    heard = [len(person.heard()) for person in people]
    stored = [len(live.stored(event)) for event in joined]
    effects = live.bot.count("activity", "kind = 'joined'") - before
    return Duplicates(
        deliveries=len(order),
        refused=statuses.total() - statuses[200],
        missing=heard.count(0) + stored.count(0) + max(0, events - effects),
        extra=sum(max(0, n - 1) for n in (*heard, *stored)) + max(0, effects - events),
    )


TAPS = (
    "survey:skip:welcome.nickname",
    "survey:pick:welcome.age.40s",
    "survey:pick:welcome.age.30s",
    "survey:pick:welcome.interest.lashes",
    "survey:done:welcome.interest",
    "survey:pick:welcome.usage.first",
)
END = ("年代:30代", "関心:まつげ", "利用:はじめて")
"""The tags that the taps end in, by the time at which they were made."""


async def orders(folder: Path, *, taps: int = len(TAPS)) -> Counter[frozenset[str]]:
    """Tap in every order, one member each, and count the ends; there must be one (W4)."""
    async with world("line", folder) as live:
        return await reordered(live, TAPS[len(TAPS) - taps :])


async def reordered(live: World, taps: Sequence[str]) -> Counter[frozenset[str]]:
    """Do the same to a world that is open."""
    ways = list(permutations(range(len(taps))))
    people = [line(live).line.member(f"taps {next(live.numbers)}") for _ in ways]
    for start in range(0, len(people), 60):
        await agreed(live, *people[start : start + 60])

    async def tap(who: Member, order: tuple[int, ...]) -> None:
        made = [pressed(live, who, value) for value in taps]
        for number, event in enumerate(made):
            event["timestamp"] += number - 60_000
        await live.side.deliver(*[made[number] for number in order])

    await in_parallel(tap(who, order) for who, order in zip(people, ways, strict=True))
    await live.bot.quiet()
    return Counter(frozenset(tags(live, who)) for who in people)


def line(live: World) -> LineSide:
    """Return LINE's own other side."""
    assert isinstance(live.side, LineSide)
    return live.side


def pressed(live: World, who: Member, value: str, owner: Member | None = None) -> Json:
    """Make the tap of a button that was signed for `owner` (else for who taps)."""
    account = Account("line", line(live).line.user_id, (owner or who).user_id)
    signed = sign(live.bot.runtime.store.cipher, value, account)
    return who.did("postback", postback={"data": signed})


def tags(live: World, who: Member) -> set[str]:
    """Return the tags of somebody, as the rows have them."""
    sql = (
        "SELECT key || ':' || value FROM tag"
        " JOIN account ON account.member_id = tag.member_id WHERE user_id = ?"
    )
    return {tag for (tag,) in live.bot.rows(sql, who.user_id)}


async def agreed(live: World, *people: Member) -> None:
    """Let people follow and agree, in one body."""
    events = [[who.followed(), pressed(live, who, "survey:agree:1")] for who in people]
    assert await live.says(*[event for each in events for event in each]) == 200
    for who in people:
        who.heard()


async def onboarding(folder: Path, *, members: int) -> Onboarding:
    """Let so many people follow, agree and answer the four questions, eight at a time."""
    async with open_side() as side, live_bot(folder, {**side.env, "HIROBA_CLOCK": NOON}) as bot:
        side.meet(bot.url)
        await in_parallel(_joins(side, number) for number in range(members))
        await bot.quiet()
        return _onboarded(side, bot)


async def _joins(side: LineSide, number: int) -> None:
    member = side.line.member(f"newcomer {number}")
    await member.follow()
    for label in ("同意してはじめる", "スキップ", "40代", "まつげ", "決定", "はじめて"):
        await member.next(30)
        await member.tap(label)
    await member.next(30)


def _onboarded(side: LineSide, bot: LiveBot) -> Onboarding:
    return Onboarding(
        members=bot.count("member"),
        completed=bot.count("activity", "kind = 'survey.completed'"),
        coupons=bot.count("coupon_issue"),
        counted=side.line.totals.counted,
        doubled=side.line.totals.doubled,
    )
