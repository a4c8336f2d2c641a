"""What is measured. Every function runs one comparison and returns its figures."""

import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.bench.processes import (
    SECRET,
    TOKEN,
    Bare,
    Bot,
    Child,
    Hiroba,
    Naive,
    line_process,
    load,
)

TEN = 10


@dataclass(slots=True)
class Figures:
    """Repetitions of one cell for one server."""

    rates: list[float] = field(default_factory=list)
    """Events a second, from the first webhook until the last event is done."""
    cpu: list[float] = field(default_factory=list)
    """Milliseconds of the server's processor time an event."""
    waits: list[float] = field(default_factory=list)
    """Seconds from each webhook to its reply's acceptance (or, without replies, to its 200)."""

    @property
    def rate(self) -> float:
        return statistics.median(self.rates)

    @property
    def milliseconds(self) -> float:
        return statistics.median(self.cpu)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which `share` of the values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One run of the load: how many events, how many in a request, on how many connections."""

    events: int
    per: int = 1
    connections: int = 8
    rate: float = 0.0
    kind: str = "mix"


class Field:
    """The folder and LINE: what all runs share."""

    def __init__(self, folder: Path, line: Child, url: str) -> None:
        self.folder, self.line, self.url = folder, line, url

    def prepare(self, run: Round) -> tuple[Path, list[list[str]]]:
        """Write a run's bodies; return the file and the reply tokens in each body."""
        path = self.folder / "bodies"
        order = {"kind": run.kind, "events": run.events, "per": run.per, "file": str(path)}
        return path, self.line.ask(do="prepare", **order)["tokens"]

    def measure(self, bot: Bot, run: Round, into: Figures) -> list[list[float]]:
        """Run once; return the seconds from each webhook to each of its replies."""
        bodies, tokens = self.prepare(run)
        cpu = bot.cpu
        sent = load(bot, bodies, run.connections, run.rate)
        while not bot.settled():
            time.sleep(0.002)
        ended = time.monotonic() if isinstance(bot, Hiroba) and run.kind == "mix" else 0.0
        spent = bot.cpu - cpu
        totals = self.line.ask(do="totals")
        check(sent, tokens, totals)
        accepted: dict[str, float] = totals["accepted"]
        last = max([answered for _, answered, _ in sent] + [*accepted.values(), ended])
        into.rates.append(run.events / (last - sent[0][0]))
        into.cpu.append(spent * 1e3 / run.events)
        waits = [
            [(accepted[t] if t else answered) - began for t in body]
            for (began, answered, _), body in zip(sent, tokens, strict=True)
        ]
        into.waits += [wait for body in waits for wait in body]
        return waits

    def onboard(self, first: int, last: int, *, whole: bool = True) -> dict[str, Any]:
        """Let members join; return the seconds it took and how long each reply took."""
        return self.line.ask(do="onboard", first=first, last=last, whole=whole)

    def aim(self, bot: Bot, latency: float = 0.0) -> None:
        """Tell LINE where its webhooks go, and how slow it is to answer."""
        self.line.ask(
            do="aim", webhook=f"http://127.0.0.1:{bot.port}/line/webhook", latency=latency
        )


def check(
    sent: list[tuple[float, float, int]], tokens: list[list[str]], totals: dict[str, Any]
) -> None:
    """Refuse figures of a run in which anything was refused or left unanswered."""
    statuses = {status for _, _, status in sent}
    wanted = {token for body in tokens for token in body if token}
    if statuses != {200} or totals["refused"] or wanted != set(totals["accepted"]):
        missing = len(wanted - set(totals["accepted"]))
        message = f"statuses {statuses}, refused {totals['refused']}, unanswered {missing}"
        raise RuntimeError(message)


def whole_event(
    field_: Field, bots: tuple[Hiroba, Naive], per: int, events: tuple[int, int], times: int
) -> tuple[Figures, Figures]:
    """Compare ours and the baseline, turn by turn: webhook in, rows committed, reply accepted."""
    figures = Figures(), Figures()
    for turn in range(times + 1):
        for bot, count, into in zip(bots, events, figures, strict=True):
            warm = Figures() if turn == 0 else into
            field_.measure(bot, Round(events=count, per=per), warm)
    return figures


def durable_intake(
    field_: Field, bots: tuple[Hiroba, Bare], events: tuple[int, int], times: int
) -> tuple[Figures, Figures]:
    """Compare storing an event for good with only checking its signature, on 32 connections."""
    figures = Figures(), Figures()
    for turn in range(times + 1):
        for bot, count, into in zip(bots, events, figures, strict=True):
            warm = Figures() if turn == 0 else into
            field_.measure(bot, Round(events=count, connections=32, kind="unknown"), warm)
    return figures


def slow_line(field_: Field, bot: Hiroba, events: int, times: int) -> tuple[list[float], Figures]:
    """With an API that takes 50 ms: when does the tenth reply of a webhook leave, and p99.

    The first figure is the seconds until the last of ten replies has left (its acceptance
    less the API's own 50 ms), one webhook at a time; the second comes from 100 events a second.
    """
    latency = 0.05
    field_.aim(bot, latency)
    tens = Round(events=TEN * times, per=TEN, connections=1)
    left = [max(waits) - latency for waits in field_.measure(bot, tens, Figures())]
    paced = Figures()
    field_.measure(bot, Round(events=events, rate=100.0, connections=32), paced)
    field_.aim(bot)
    return left, paced


def starts(times: int) -> list[float]:
    """Start on a new database so often; return the seconds until `/readyz` says 200."""
    seconds = []
    for _ in range(times):
        with tempfile.TemporaryDirectory(prefix="bench") as name:
            folder = Path(name)
            with line_process(folder) as line:
                url = line.ask(secret=SECRET, token=TOKEN)["url"]
                began = time.monotonic()
                with Hiroba(folder, url) as bot:
                    bot.wait_until("/readyz", {200})
                    seconds.append(time.monotonic() - began)
    return seconds


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident memory in MB when ready, after few and after many members; and their joining."""

    ready: float
    few: float
    many: float
    rate: float
    """Members onboarded a second."""
    waits: list[float]


def memory(field_: Field, few: int, many: int) -> Memory:
    """Let members join on a fresh database and weigh the process."""
    with Hiroba(field_.folder, field_.url) as bot:
        bot.wait_until("/readyz", {200})
        field_.aim(bot)
        ready = bot.resident
        field_.onboard(0, few)
        light = bot.resident
        joined = field_.onboard(few, many)
        return Memory(ready, light, bot.resident, (many - few) / joined["seconds"], joined["waits"])
