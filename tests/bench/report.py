"""How figures are written down: one table, the machine, and how it was measured."""

import os
import platform
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import psutil

HEAD = """# Speed and memory

Written by `make bench` (`python -m tests.bench`; `--quick` is a short run that writes nothing).

{date}, {lasted:.0f} minutes. {machine}

| What | Figure | Bar | |
| --- | --- | --- | --- |
{rows}

## How it was measured

- Server, baseline, load generator and LINE's simulator are separate processes on one machine; the
  server is one process, started as `hiroba serve`, on SQLite on disk with synchronous FULL, with
  the sample community. Ratios come from one run: ours and the other side take turns, one warm-up
  turn each, medians over the turns; in brackets the smallest and largest ratio of neighbours.
- *Whole event*: signed webhook in → rows committed → reply accepted by the simulator and its
  outbox row SENT in the file (a second reader looks). Of ten events four store an answer with its
  tag, three tap one of several choices, three ask for the menu; each gets a reply; 300 members.
  The clock runs from the first byte of the first webhook until the last event is done.
- *Naive*: tests/bench/naive.py, FastAPI and line-bot-sdk v3 echoing with one SQLAlchemy async
  (aiosqlite) insert and commit per event, in WAL with synchronous NORMAL.
- *Durable intake*: events of an unknown kind, which are sealed, stored and answered 200; no reply.
  *Bare handler*: tests/bench/bare.py, a Starlette route that checks the signature and keeps nothing.
- *CPU*: the server process's user and system time divided by the events of the turn.
- *Tenth reply*: ten members in one webhook, one webhook at a time; from the webhook's first byte to
  the acceptance of the last reply, less the API's own 50 ms.
- *100 events/s*: open loop; an event counts from the instant it was due to be sent.
- Load generator: prepared requests on raw sockets; a run in which anything is refused, missing or
  not answered 200 counts for nothing (it stops the bench).

Not measured: real LINE, a slow disk, PostgreSQL, a power cut.
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; without a bar it only informs."""

    what: str
    figure: str
    bar: str = ""
    ok: bool | None = None

    @property
    def line(self) -> str:
        met = {True: "met", False: "**missed**", None: ""}[self.ok]
        return f"| {self.what} | {self.figure} | {self.bar} | {met} |"


def machine() -> str:
    """Describe the machine and the versions that matter."""
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        if line.startswith("model name")
    ]
    memory = psutil.virtual_memory().total / 2**30
    libraries = ", ".join(
        f"{name} {version(name)}"
        for name in ("uvicorn", "aiohttp", "line-bot-sdk", "SQLAlchemy", "aiosqlite")
    )
    load = os.getloadavg()[2]
    return (
        f"{os.cpu_count()} cores ({names[0] if names else platform.machine()}), {memory:.0f} GiB, "
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}, "
        f"SQLite {sqlite3.sqlite_version}, {libraries}. "
        f"Load average of the last 15 minutes, the bench's own included: {load:.1f}."
    )


def page(rows: Sequence[Row], described: str, seconds: float) -> str:
    """Return the whole document."""
    return HEAD.format(
        date=time.strftime("%Y-%m-%d"),
        lasted=seconds / 60,
        machine=described,
        rows="\n".join(row.line for row in rows),
    )
