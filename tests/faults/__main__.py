"""`make faults`: every way to die that we know, counted; writes docs/figures/faults.md.

    python -m tests.faults [--kills 200] [--seed 1] [--points 0] [--only kills,nth,...]

`--points` bounds the deaths per flow (0: every step). A run ends with 1 when anything was lost,
doubled, damaged or left open, and prints the seed that repeats it.
"""

import argparse
import asyncio
import os
import platform
import sqlite3
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from cryptography.fernet import Fernet

from storage.seal import Cipher
from tests.faults.commands import Commands
from tests.faults.die import FLOWS, Stage, intake, said, settled, spread
from tests.faults.floods import floods
from tests.faults.home import Home, Life, user_id
from tests.faults.kills import kill
from tests.faults.waltear import tear, written

FIGURES = Path(__file__).parents[2] / "docs" / "figures" / "faults.md"
LOCKED_SECONDS = 10.0


@dataclass(slots=True)
class Report:
    """Lines of figures, and what went wrong."""

    lines: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def say(self, line: str) -> None:
        """Add a line of figures."""
        print(line, flush=True)
        self.lines.append(line)

    def fail(self, what: str) -> None:
        """Add a fault."""
        print(f"WRONG {what}", flush=True)
        self.wrong.append(what)


@dataclass(frozen=True, slots=True)
class Given:
    """What the command line asks for."""

    kills: int
    seed: int
    points: int
    only: tuple[str, ...]


def _home(folder: Path, stock: int = 200) -> Home:
    folder.mkdir()
    return Home(folder, managers=user_id("manager"), stock=stock).settle_in()


async def kills(report: Report, given: Given, folder: Path) -> None:
    """Kill a loaded process at random."""
    home, began = _home(folder / "kills"), time.perf_counter()
    judged = await kill(home, given.kills, Random(given.seed))
    seconds = time.perf_counter() - began
    report.say(
        f"| random SIGKILL of `hiroba serve` under load (seed {given.seed}, {seconds:.0f} s) | "
        f"{judged.kills} kills, {judged.people} people, {judged.events} events, "
        f"{judged.repeats} webhooks sent again | lost {judged.lost}, doubled {judged.doubled}, "
        f"out of order {judged.disordered}, integrity_check not ok {judged.damaged}; coupons "
        f"{judged.issued} of {judged.stock}, then {judged.sold_out} × sold out |"
    )
    report.say(
        f"| … of these, harmless second tries | — | {judged.stale} replies refused by their used "
        f"token, {judged.repeated} pushes refused by their key |"
    )
    for what in judged.wrong:
        report.fail(f"kills: {what}")


async def nth(report: Report, given: Given, folder: Path) -> None:
    """Die at the N-th step of every flow."""
    stage = Stage(_home(folder / "nth"))
    await stage.rehearse()
    for name in FLOWS:
        steps = stage.told[name].steps
        await _points(report, given, (name, len(steps)), stage.die)


async def commands(report: Report, given: Given, folder: Path) -> None:
    """Die at the N-th step of the first start and of a restore."""
    made = Commands(_home(folder / "commands"))
    await made.rehearse()
    for name, steps in made.steps.items():
        await _points(report, given, (name, steps), made.die)


async def _points(
    report: Report,
    given: Given,
    flow: tuple[str, int],
    die: Callable[[str, int], Awaitable[list[str]]],
) -> None:
    name, steps = flow
    began, wrong = time.perf_counter(), 0
    points = spread(steps, given.points or steps)
    for last in points:
        if found := await die(name, last):
            wrong += 1
            report.fail(f"{name} at step {last}: {found}")
    each = (time.perf_counter() - began) / len(points)
    report.say(
        f"| die at the N-th step: {name} | {len(points)} of {steps} points, {each:.1f} s each | "
        f"{wrong} violations |"
    )


async def torn(report: Report, given: Given, folder: Path) -> None:
    """Cut and flip the write-ahead log."""
    (folder / "torn").mkdir()
    cipher = Cipher([Fernet.generate_key().decode()], b"x" * 32)
    path, log = await written(folder / "torn" / "hiroba.db", cipher, 60)
    found = tear(path, log, Random(given.seed), 500)
    bad = found["torn"] + found["gap"] + found["damaged"]
    report.say(
        f"| write-ahead log cut or one bit flipped (60 transactions of three rows) | 500 times | "
        f"{bad} inconsistent; on average {found['survivors'] / 500:.0f} transactions survive |"
    )
    if bad:
        report.fail(f"torn log: {dict(found)}")


async def locked(report: Report, _given: Given, folder: Path) -> None:
    """Hold the writer's lock from another process while people talk."""
    home = _home(folder / "locked")
    async with home.simulator(redelivery=(), answer_seconds=15.0) as line:
        life = await Life(home, line.url).ready()
        waits, statuses = list[float](), set[int]()
        with closing(sqlite3.connect(home.database, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            until = time.perf_counter() + LOCKED_SECONDS
            while time.perf_counter() < until:
                began = time.perf_counter()
                outcome = await line.member(f"person {len(waits)}").follow()
                statuses.update(outcome.statuses)
                waits.append(time.perf_counter() - began)
            other.execute("ROLLBACK")
        began = time.perf_counter()
        await intake(line)
        after = time.perf_counter() - began
        for number in range(len(waits)):
            who = line.member(f"person {number}")
            await said(who, who.follow())
        await settled(home)
        await life.stop()
    report.say(
        f"| writer's lock held {LOCKED_SECONDS:.0f} s by another process | {len(waits)} webhooks | "
        f"answered {sorted(statuses)}, after at most {max(waits):.1f} s; the next conversation "
        f"took {after:.1f} s, nobody was lost |"
    )
    if statuses != {503}:
        report.fail(f"locked: {statuses}")


PARTS = {
    "kills": kills,
    "nth": nth,
    "commands": commands,
    "torn": torn,
    "locked": locked,
    "floods": floods,
}


def _write(report: Report, command: str) -> None:
    machine = (
        f"{os.cpu_count()} shared cores, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    )
    FIGURES.parent.mkdir(parents=True, exist_ok=True)
    FIGURES.write_text(
        "# Faults\n\n"
        f"`{command}`, {datetime.now(UTC):%Y-%m-%d}, on {machine}.\n\n"
        "The judge is LINE's other side: what each person saw. A life is the command `hiroba "
        "serve`, forked from an interpreter that has everything imported, so that a start costs "
        "tenths of a second; LINE sends again what was not acknowledged.\n\n"
        "| fault | how often | found |\n| --- | --- | --- |\n"
        + "\n".join(report.lines)
        + "\n\n"
        + "".join(f"- WRONG: {what}\n" for what in report.wrong)
        + ("" if report.wrong else "Nothing was lost, doubled or damaged.\n")
    )


async def _run(given: Given) -> Report:
    report = Report()
    with TemporaryDirectory() as folder:
        for name in given.only:
            await PARTS[name](report, given, Path(folder))
    return report


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--points", type=int, default=0)
    parser.add_argument("--only", default=",".join(PARTS))
    asked = parser.parse_args()
    given = Given(asked.kills, asked.seed, asked.points, tuple(asked.only.split(",")))
    report = asyncio.run(_run(given))
    if given.only == tuple(PARTS):
        _write(report, " ".join(["python -m tests.faults", *sys.argv[1:]]))
    print(f"seed {given.seed}: {len(report.wrong)} faults")
    return int(bool(report.wrong))


if __name__ == "__main__":
    sys.exit(main())
