"""The unit of work: what a transaction offers, and what a database offers.

A transaction's calls never suspend on SQLite: the writer drives the coroutine to its end.
On PostgreSQL the same coroutines run on the event loop, where only the transaction's own calls
may suspend. Either way a handler that waits for the world is told so.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from storage.query import Query
from storage.seal import Cipher

R = TypeVar("R")
T = TypeVar("T")


class StoreError(RuntimeError):
    """The database cannot take or commit a transaction now; nothing of it is known to be kept."""


class HandlerSuspended(RuntimeError):
    """A coroutine inside a transaction waited for something else than the transaction."""


class Tx(Protocol):
    """One transaction."""

    @property
    def cipher(self) -> Cipher:
        """Seals and opens columns."""

    async def one(self, query: Query[R], /, **values: Any) -> R | None:
        """Return the first row, or None."""

    async def all(self, query: Query[R], /, **values: Any) -> list[R]:
        """Return all rows."""

    async def run(self, query: Query[Any], /, **values: Any) -> int:
        """Execute; return how many rows changed."""

    def savepoint(self) -> AbstractAsyncContextManager[None]:
        """Undo only what happens inside when it raises."""

    def after_commit(self, call: Callable[[], None]) -> None:
        """Call on the event loop once this transaction's COMMIT has returned; never otherwise."""

    def scrub(self) -> None:
        """After the commit, leave no trace of deleted content in the database's files."""


Work = Callable[[Tx], Coroutine[Any, Any, T]]


@dataclass(slots=True)
class Item:
    """A piece of work on its way through a store, and how it ended."""

    work: Work[Any]
    future: asyncio.Future[Any]
    lane: int = 0
    """The number of its lane; 0 for work of no lane."""
    result: Any = None
    error: BaseException | None = None
    calls: list[Callable[[], None]] = field(default_factory=list)

    def settle(self) -> None:
        """Hand the outcome to whoever waits; on the event loop."""
        if self.error is None:
            for call in self.calls:
                call()
        if self.future.done():
            return  # whoever waited gave up
        if self.error is None:
            self.future.set_result(self.result)
        else:
            self.future.set_exception(self.error)


class Store(Protocol):
    """A database."""

    async def write(self, work: Work[T], lane: str = "") -> T:
        """Run `work` in a transaction of its own savepoint and return once it is committed.

        Work of one lane runs in the order it came, one at a time, however many processes there
        are; `work` may be called again when a first try left nothing behind.

        Raises:
            StoreError: the database could not begin or commit.
            HandlerSuspended: `work` waited for the world.
            Exception: whatever `work` raised; nothing it wrote is kept.
        """

    def submit(self, work: Work[T], lane: str = "") -> "asyncio.Future[T]":
        """Queue what `write` would run, without a task of its own; the future ends alike.

        Raises:
            StoreError: the store is closed.
        """

    async def read(self, work: Work[T]) -> T:
        """Run `work` on a consistent snapshot that cannot write."""

    @property
    def cipher(self) -> Cipher:
        """Seals and opens columns."""

    @property
    def backlog(self) -> int:
        """How many pieces of work wait for the writer."""

    async def close(self) -> None:
        """Finish what was taken, refuse what comes, release the files."""
