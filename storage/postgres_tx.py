"""One transaction on a PostgreSQL connection: its calls, its savepoints, and its one rule.

The rule: a handler waits for its transaction and for nothing else. The SQLite writer drives a
handler to its end and cannot let it suspend at all; here the database's answers come over a
socket, so `Watched` lets through what the transaction itself waits for and refuses the rest.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextlib import AbstractAsyncContextManager
from functools import partial
from types import TracebackType
from typing import Any, Generic, TypeVar

import asyncpg

from storage.query import POSTGRES, Query
from storage.seal import Cipher
from storage.store import HandlerSuspended, StoreError

R = TypeVar("R")
T = TypeVar("T")

BUSY = (
    asyncpg.LockNotAvailableError,
    asyncpg.QueryCanceledError,
    asyncpg.InsufficientResourcesError,
    asyncpg.ReadOnlySQLTransactionError,
)
"""Refusals that end one piece of work."""
COLLIDED = (asyncpg.TransactionRollbackError, asyncpg.InvalidCachedStatementError)
"""Refusals after which the same work may succeed: deadlock, serialisation, a changed table."""
BROKEN = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    TimeoutError,
    OSError,
)
"""The connection is gone, or as good as gone."""


class Undone(StoreError):
    """The transaction left nothing behind and may be run again."""


class _Foreign(BaseException):
    """Thrown into work that waits for the world; no `except Exception` keeps it."""


async def ask(connection: Any, call: Awaitable[T]) -> T:
    """Await one command of a connection; say in our words what the database refused."""
    try:
        return await call
    except BUSY as error:
        message = f"refused: {type(error).__name__}"
        raise StoreError(message) from error
    except COLLIDED as error:
        message = f"collided: {type(error).__name__}"
        raise Undone(message) from error
    except BROKEN as error:
        connection.terminate()
        message = f"connection lost: {type(error).__name__}"
        raise Undone(message) from error
    except asyncpg.InterfaceError as error:
        if not connection.is_closed():
            raise
        message = "connection lost"
        raise Undone(message) from error


class PostgresTx:
    """The hands of a group's work on a connection, one piece after the other."""

    __slots__ = ("_connection", "_later", "calls", "cipher", "depth", "inside")

    def __init__(self, connection: Any, cipher: Cipher) -> None:
        self._connection = connection
        self.cipher = cipher
        self.calls: list[Callable[[], None]] = []
        self.depth = 0
        self._later = ""
        self.inside = False
        """Whether the work waits for the database, the only thing it may wait for."""

    async def one(self, query: Query[R], /, **values: Any) -> R | None:
        """Return the first row, or None."""
        compiled = query.compiled(POSTGRES)
        found = await self._ask(self._connection.fetch, compiled.text, *compiled.bind(values))
        return query.row(compiled.convert(found[0])) if found else None

    async def all(self, query: Query[R], /, **values: Any) -> list[R]:
        """Return all rows."""
        compiled = query.compiled(POSTGRES)
        found = await self._ask(self._connection.fetch, compiled.text, *compiled.bind(values))
        return [query.row(compiled.convert(row)) for row in found]

    async def run(self, query: Query[Any], /, **values: Any) -> int:
        """Execute; return how many rows changed."""
        compiled = query.compiled(POSTGRES)
        done = await self._ask(self._connection.execute, compiled.text, *compiled.bind(values))
        return int(done.rpartition(" ")[2])

    def savepoint(self) -> AbstractAsyncContextManager[None]:
        """Undo only what happens inside when it raises."""
        return _Savepoint(self)

    def after_commit(self, call: Callable[[], None]) -> None:
        """Call on the event loop once the COMMIT has returned."""
        self.calls.append(call)

    def scrub(self) -> None:
        """Do nothing: deleted rows leave PostgreSQL's files when its own VACUUM comes round."""

    def taken(self) -> list[Callable[[], None]]:
        """Return what is to be called after the commit, and start the next piece's list."""
        calls, self.calls = self.calls, []
        return calls

    async def mark(self) -> None:
        """Set the next savepoint; on the way release the last one."""
        self.depth += 1
        command, self._later = f"{self._later}SAVEPOINT s{self.depth}", ""
        await self._ask(self._connection.execute, command)

    def release(self) -> None:
        """Release the last savepoint with the next command: it costs no way of its own."""
        self._later = f"RELEASE s{self.depth};"
        self.depth -= 1

    async def undo(self) -> None:
        """Undo what was done since the last savepoint, and release it."""
        mark, self._later = f"s{self.depth}", ""
        self.depth -= 1
        await self._ask(self._connection.execute, f"ROLLBACK TO {mark}; RELEASE {mark}")

    async def _ask(self, command: Callable[..., Awaitable[Any]], *values: Any) -> Any:
        self.inside = True
        try:
            return await ask(self._connection, command(*values))
        finally:
            self.inside = False


class _Savepoint:
    """`async with` over `mark`, and `release` or `undo`."""

    __slots__ = ("_calls", "_tx")

    def __init__(self, tx: PostgresTx) -> None:
        self._tx = tx
        self._calls = 0

    async def __aenter__(self) -> None:
        self._calls = len(self._tx.calls)
        await self._tx.mark()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            self._tx.release()
            return
        del self._tx.calls[self._calls :]
        await self._tx.undo()


class Watched(Generic[T]):
    """Awaits work, and lets it suspend only inside a call of its own transaction."""

    __slots__ = ("_tx", "_work")

    def __init__(self, tx: PostgresTx, work: Coroutine[Any, Any, T]) -> None:
        self._tx = tx
        self._work = work

    def __await__(self) -> Generator[Any, Any, T]:
        step: Callable[[], Any] = partial(self._work.send, None)
        while True:
            try:
                waited = step()
            except StopIteration as stop:
                done: T = stop.value
                return done
            except _Foreign:
                message = "a transaction waited for the world; write a row and let a job do it"
                raise HandlerSuspended(message) from None
            step = partial(self._work.send, None)
            if not self._tx.inside:
                if isinstance(waited, asyncio.Future):  # others may go on waiting for it
                    waited._asyncio_future_blocking = False  # noqa: SLF001
                step = partial(self._work.throw, _Foreign())
                continue
            try:
                yield waited
            except BaseException as error:  # the database's answer, or the end of the process
                step = partial(self._work.throw, error)
