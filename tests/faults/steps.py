"""Die at the N-th step: every SQL statement of the writer, every commit, every call outside.

The product is not touched: in the child alone, `sqlite3.connect` makes connections that count,
and the adapter's `send` and the door's `accept` are passed through a counter.
"""

import itertools
import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import hiroba.runtime
import jobs.table
from adapters.line.channel import Channel
from bot.adapter import Delivery, Element, Receipt
from hiroba.place import Doorway
from tests.faults.home import DIED

NEVER = 1_000_000
WRITER = "store-writer"


@dataclass(frozen=True, slots=True)
class DieAt:
    """Dies at the N-th step since the first element came; each step's name goes to a file.

    With `everywhere` the steps are every statement of every connection since the command began,
    also those of a migration, and the replacing of files.
    """

    last: int
    track: str
    everywhere: bool = False

    def __call__(self) -> None:
        """Arm this process."""
        Steps.arm(self.last, self.track)
        library: Any = sqlite3
        if self.everywhere:
            Steps.begun = True
            connect = partial(sqlite3.connect, factory=_CountingAll)
            library.connect = library.dbapi2.connect = connect
            _count_replacing()
            return
        # Only what the flow causes may count: no polling in between.
        product: Any = hiroba.runtime
        product.TICK_SECONDS = product.SWEEP_SECONDS = jobs.table.POLL_SECONDS = 3600
        library.connect = partial(sqlite3.connect, factory=_Counting)
        _count_calls()


class Steps:
    """This process's counter."""

    last: ClassVar[int] = NEVER
    track: ClassVar[int] = -1
    begun: ClassVar[bool] = False
    _numbers: ClassVar[Iterator[int]] = itertools.count(1)
    _lock: ClassVar[threading.Lock] = threading.Lock()

    @classmethod
    def arm(cls, last: int, track: str) -> None:
        cls.last = last
        cls.track = os.open(track, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)

    @classmethod
    def step(cls, name: str) -> None:
        if not cls.begun:
            return
        with cls._lock:
            os.write(cls.track, f"{name}\n".encode())
            if next(cls._numbers) >= cls.last:
                os._exit(DIED)


class _Counting(sqlite3.Connection):
    """A connection whose statements are steps: before each, and after each COMMIT."""

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        ours = threading.current_thread().name == WRITER
        if ours:
            Steps.step(" ".join(sql.split()[:3]))
        done = super().execute(sql, *values)
        if ours and sql == "COMMIT":
            Steps.step("COMMITTED")
        return done


class _CountingCursor(sqlite3.Cursor):
    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:  # type: ignore[override]
        Steps.step(" ".join(sql.split()[:3]))
        return super().execute(sql, *values)


class _CountingAll(sqlite3.Connection):
    """A connection whose every statement is a step, and its commit, too."""

    def cursor(self, *_: Any) -> sqlite3.Cursor:  # type: ignore[override]
        return super().cursor(_CountingCursor)

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        return self.cursor().execute(sql, *values)

    def commit(self) -> None:
        Steps.step("commit")
        super().commit()
        Steps.step("committed")


def _count_replacing() -> None:
    replace = os.replace

    def counted(source: Path, target: Path) -> None:
        Steps.step("replace")
        replace(source, target)
        Steps.step("replaced")

    os.replace = counted  # type: ignore[assignment]


def _count_calls() -> None:
    send, accept = Channel.send, Doorway.accept

    async def counted_send(self: Channel, delivery: Delivery) -> Receipt:
        Steps.step(f"send {delivery.via}")
        receipt = await send(self, delivery)
        Steps.step(f"sent {delivery.via}")
        return receipt

    async def counted_accept(self: Doorway, platform: str, elements: Sequence[Element]) -> None:
        Steps.begun = True
        Steps.step("accept")
        await accept(self, platform, elements)
        Steps.step("acknowledge")

    Channel.send = counted_send  # type: ignore[method-assign]
    Doorway.accept = counted_accept  # type: ignore[method-assign]
