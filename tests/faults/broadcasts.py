"""A broadcast through faulty answers and SIGKILLs: everyone once, nobody twice.

The bot is `hiroba serve` in processes of its own; the judge is what each person saw. The ledger is
only asked how far it is. `prepare` and `open_beside` are the two places that know SQLite, so that
another database needs no more than its own two.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from random import Random
from sys import argv
from tempfile import TemporaryDirectory
from uuid import uuid4

from pydantic import SecretStr

import adapters.line.client
import jobs.broadcast
import jobs.claim
from adapters.line.channel import Channel
from adapters.line.settings import Settings as LineSettings
from adapters.line.simulator.inbox import Person
from adapters.line.simulator.simulator import LineSimulator
from adapters.simulation.faults import Fault, FaultScript
from adapters.simulation.faults import Harm as Bad
from bot import broadcasts
from bot.broadcasts import Draft
from bot.community import load
from bot.messages import Message, Text
from hiroba.clock import Clock, machine_now
from hiroba.runtime import start
from hiroba.settings import Settings
from storage import broadcast, chunks
from storage.broadcast import BroadcastRow, Stage
from storage.seal import Cipher
from storage.sqlite import SqliteStore
from storage.store import Store, Tx
from tests.faults.home import Harm, Home, Life, free_port, user_id
from tests.unit.sending import crowd, enrol

FAULTY = (
    Fault(harm=Bad.DROP_DONE, path="/v2/bot/message/", chance=0.10),
    Fault(harm=Bad.REFUSE_DONE, path="/v2/bot/message/", chance=0.10),
    Fault(harm=Bad.REFUSE, status=500, path="/v2/bot/message/", chance=0.10),
    Fault(harm=Bad.DROP, path="/v2/bot/message/", chance=0.10),
    Fault(harm=Bad.REFUSE, status=429, path="/v2/bot/message/", chance=0.05),
)
"""45 of 100 answers are not what they should be, and half of those were carried out."""
PATIENCE = 600.0

Beside = Callable[[], AbstractAsyncContextManager[Store]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What is sent to how many, and how often which processes die."""

    people: int
    kills: int
    one_by_one: bool = False
    workers: int = 1
    harm: Harm | None = None
    """Something done to each process before it serves."""


def impatient() -> None:
    """Let second tries come at once: for tests that may not wait as a platform likes it."""
    jobs.claim.BACKOFF = adapters.line.client.PAUSE = timedelta(milliseconds=20)
    jobs.broadcast.POLL_SECONDS = 0.05


@dataclass(slots=True)
class Judged:
    """What people saw, and what the ledger says at its end."""

    people: int
    kills: int = 0
    missed: int = 0
    doubled: int = 0
    requests: int = 0
    repeated: int = 0
    """Requests that LINE had accepted before: what a platform without keys would show twice."""
    revived: int = 0
    """How often a manager had to let dead chunks try again."""
    seconds: float = 0.0
    sent: int = 0
    told: int = 0
    """How often managers were told that it goes on."""

    @property
    def wrong(self) -> list[str]:
        """What must not be."""
        found = {"missed": self.missed, "doubled": self.doubled, "unsent": self.people - self.sent}
        return [f"{name} {count}" for name, count in found.items() if count]


def settle_in(folder: Path, managers: str) -> Home:
    """Write the sample community without quiet hours and without a plan's limit."""
    folder.mkdir()
    home = Home(folder, managers=managers).settle_in()
    path = home.community / "community.toml"
    kept = [
        line
        for line in path.read_text().splitlines()
        if not line.startswith(("monthly_limit", "monthly_budget", "opens", "closes"))
    ]
    text = "\n".join(kept)
    text = text.replace("[line]", "[line]\nmonthly_limit = 9_000_000\nmonthly_budget = 9_000_000")
    text = text.replace("[push]", '[push]\nopens = "00:00"\ncloses = "00:00"')
    text = text.replace("[office]", '[office]\nopens = "10:00"\ncloses = "17:00"')
    path.write_text(text)
    return home


async def prepare(home: Home, line: LineSimulator, people: list[Person], trial: Trial) -> int:
    """Enrol people and open the broadcast, in a life that is over before the first one begins."""
    settings = Settings(
        database_url=f"sqlite:///{home.database}", hiroba_secret_keys=SecretStr(home.key)
    )
    adapter = Channel(LineSettings.read(home.env(line.url)))
    runtime = await start(settings, Clock(), [adapter], load(home.community))
    try:
        await enrol(runtime.store, people)
        draft = Draft(
            key=uuid4(),
            title="お試し会",
            platform="line",
            message=Message((Text("年内お試し会のご案内です"),)),
            one_by_one=trial.one_by_one,
        )
        now = machine_now()
        return await runtime.store.write(lambda tx: broadcasts.launch(runtime.core, tx, draft, now))
    finally:
        await runtime.stop()


def open_beside(home: Home) -> Beside:
    """Return how to look at the ledger while others serve it."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Store]:
        store = SqliteStore(home.database, Cipher([home.key], b""))
        try:
            yield store
        finally:
            await store.close()

    return opened


async def through(home: Home, trial: Trial, chance: Random) -> Judged:
    """Send while lives die, then judge."""
    people, kills, workers = trial.people, trial.kills, trial.workers
    judged, loop = Judged(people), asyncio.get_running_loop()
    async with home.simulator() as line:
        manager = line.member("manager", friend=True)
        friends = crowd(line, people)
        number = await prepare(home, line, friends, trial)
        line.faults = FaultScript(FAULTY, chance)
        began = loop.time()
        homes = [home, *(replace(home, port=free_port()) for _ in range(workers - 1))]
        lives = [await Life(each, line.url, trial.harm).ready() for each in homes]
        async with open_beside(home)() as beside:
            for kill in range(1, kills + 1):
                await _sent(beside, number, people * kill // (kills + 1), judged)
                at = chance.randrange(workers)
                await lives[at].kill()
                judged.kills += 1
                lives[at] = await Life(homes[at], line.url, trial.harm).ready()
            judged.sent = await _sent(beside, number, people, judged)
        judged.seconds = loop.time() - began
        line.faults = None
        await asyncio.sleep(1.0)
        for life in lives:
            await life.stop()
        _judge(judged, line, friends)
        judged.told = sum("再開しました" in each.text for each in manager.inbox)
    return judged


async def _sent(store: Store, number: int, wanted: int, judged: Judged) -> int:
    """Wait until so many are sent; be the manager whom dead chunks wait for."""
    async with asyncio.timeout(PATIENCE):
        while True:
            row, sent = await store.read(lambda tx: _stands(tx, number))
            if sent >= wanted or row.stage is Stage.DONE:
                return sent
            if row.stage is Stage.PAUSED:
                judged.revived += 1
                await store.write(lambda tx: _resume(tx, number))
            await asyncio.sleep(0.05)


async def _stands(tx: Tx, number: int) -> tuple[BroadcastRow, int]:
    [row] = await tx.all(broadcast.GET, broadcast_id=number)
    [tally] = await tx.all(broadcast.TALLY, broadcast_id=number, since=row.due)
    return row, tally.sent


async def _resume(tx: Tx, number: int) -> None:
    now = machine_now()
    await tx.run(broadcast.RESUME, broadcast_id=number, due=now)
    await tx.run(chunks.REVIVE, broadcast_id=number, now=now)


def _judge(judged: Judged, line: LineSimulator, friends: list[Person]) -> None:
    seen = Counter(len(each.inbox) for each in friends)
    judged.missed = seen[0]
    judged.doubled = sum(count for times, count in seen.items() if times > 1)
    judged.repeated = line.totals.repeated
    judged.requests = sum(c.path.endswith(("/push", "/multicast")) for c in line.log)


def main() -> None:
    """Run it alone: `python -m tests.faults.broadcasts [people] [kills] [one]`."""
    trial = Trial(people=int(argv[1]), kills=int(argv[2]), one_by_one=len(argv) > 3)
    with TemporaryDirectory() as folder:
        home = settle_in(Path(folder) / "home", user_id("manager"))
        print(asyncio.run(through(home, trial, Random(1))))


if __name__ == "__main__":
    main()
