"""PostgreSQL: a few connections write, each commits whatever waits for it as one group.

A writer takes one piece of work, then up to 63 more that already wait (no collecting window),
runs them one after the other in one transaction, and answers all of them once COMMIT has
returned. Work of one lane always goes to the same connection, and a group first takes an advisory
lock for each of its lanes, so that a lane keeps its order and one hand at a time over any number
of processes. Reads run on connections of their own, on a snapshot that cannot write.

The isolation is READ COMMITTED: what two lanes share is changed by conditional updates or after
`SELECT … FOR UPDATE`, never by reading first. When one of a group fails, meets a deadlock or waits
too long, the group is rolled back and each piece is run in a transaction of its own: failures are
rare, and a savepoint for each piece would cost every event two more ways to the server. The same
happens when the connection breaks before COMMIT was sent. When it breaks during COMMIT nobody
knows: StoreError, and the keys of rows make a second try harmless. While the server is away work
is refused at once, and connecting is tried with back-off.
"""

import asyncio
import json
from collections.abc import Awaitable, Sequence
from functools import partial
from hashlib import blake2b
from typing import Any, TypeVar

import asyncpg

from storage.postgres_tx import PostgresTx, Undone, Watched, ask
from storage.seal import Cipher
from storage.store import Item, StoreError, Work

T = TypeVar("T")

WRITERS = 4
READERS = 2
GROUP = 64
"""Pieces of work in one commit, at most."""
TRIES = 3
"""How often a piece of work is run alone while it meets deadlocks or broken connections."""
AGAIN_SECONDS = 3.0
"""How long a group that is run again piece by piece may take; what is left is refused."""
CONNECT_SECONDS = 2.0
LONGEST_PAUSE = 2.0
"""The longest pause between two tries to connect."""
CLOSE_SECONDS = 10.0

LIMITS = {
    "application_name": "hiroba",
    "timezone": "UTC",
    "lock_timeout": "2s",
    "statement_timeout": "5s",
    # A process that hangs with a transaction open must not hold its lanes for the others.
    "idle_in_transaction_session_timeout": "5s",
}
"""What the server ends by itself, so that whoever waits is answered in a bounded time."""
COMMAND_SECONDS = 6.0
"""When the server itself no longer answers."""

BEGIN = "BEGIN"
BEGIN_READ = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
LOCK_LANES = "SELECT pg_advisory_xact_lock(lane) FROM unnest($1::bigint[]) AS lane"

NO_CONNECTION = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)


def lane_key(lane: str) -> int:
    """Return the 64-bit number of a lane's advisory lock."""
    digest = blake2b(lane.encode(), digest_size=8, person=b"hiroba-lane").digest()
    return int.from_bytes(digest, "big", signed=True)


async def connect(url: str, *, read_only: bool = False) -> Any:
    """Open a connection as this project always opens it.

    Raises:
        StoreError: the server is away or does not let us in.
    """
    try:
        connection = await asyncpg.connect(
            url,
            timeout=CONNECT_SECONDS,
            command_timeout=COMMAND_SECONDS,
            statement_cache_size=500,
            server_settings=LIMITS,
            # After a failover the old primary may answer first.
            target_session_attrs="any" if read_only else "read-write",
        )
        for kind, mark in (("json", b""), ("jsonb", b"\x01")):
            # SQLAlchemy's dialect dumps JSON itself and leaves loading it to the driver.
            await connection.set_type_codec(
                kind,
                schema="pg_catalog",
                encoder=partial(_sent, mark),
                decoder=partial(_loaded, mark),
                format="binary",
            )
    except NO_CONNECTION as error:
        message = f"no connection: {type(error).__name__}"
        raise StoreError(message) from error
    return connection


def _sent(mark: bytes, text: str) -> bytes:
    return mark + text.encode()


def _loaded(mark: bytes, data: bytes) -> Any:
    return json.loads(data.removeprefix(mark))


async def _control(connection: Any, call: Awaitable[T]) -> T:
    """Await a command of ours; when even that is refused the connection is not used again."""
    try:
        return await ask(connection, call)
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        connection.terminate()
        message = f"refused: {type(error).__name__}"
        raise StoreError(message) from error


class _Worker:
    """Serves one queue on one connection, in groups."""

    read_only = False
    begin = BEGIN
    group = GROUP

    def __init__(self, url: str, cipher: Cipher, waiting: "asyncio.Queue[Item | None]") -> None:
        self._url = url
        self._cipher = cipher
        self.waiting = waiting
        self._connection: Any = None
        self._loop = asyncio.get_running_loop()
        self._pause = 0.0
        self._not_before = 0.0
        self._taken = 0

    @property
    def load(self) -> int:
        """How many pieces of work wait for this connection or are on it."""
        return self.waiting.qsize() + self._taken

    async def run(self) -> None:
        """Serve until the queue says None."""
        try:
            while group := await self._take():
                self._taken = len(group)
                try:
                    await self._serve(group)
                finally:
                    self._taken = 0
                    for item in group:
                        item.settle()
        finally:
            if self._connection is not None:
                self._connection.terminate()

    async def _take(self) -> list[Item]:
        """Wait for one item, then take whatever else waits; nothing at the end."""
        group: list[Item] = []
        while not group or (len(group) < self.group and not self.waiting.empty()):
            item = await self.waiting.get()
            if item is None:
                # The end comes after what was taken: it is found again by the next call.
                if group:
                    self.waiting.put_nowait(None)
                break
            group.append(item)
        return group

    async def _serve(self, group: Sequence[Item]) -> None:
        try:
            await self._commit(group)
        except Undone:
            await self._again(group)
        except Exception as error:  # carried to whoever waits, never swallowed
            for item in group:
                item.error = error

    async def _again(self, group: Sequence[Item]) -> None:
        """Run each piece in a transaction of its own, in order, within a bounded time."""
        until = self._loop.time() + AGAIN_SECONDS
        for item in group:
            for _ in range(TRIES):
                if self._loop.time() > until:
                    break
                try:
                    await self._commit([item])
                    break
                except Undone as error:
                    item.error = error
                except Exception as error:  # likewise
                    item.error = error
                    break

    async def _commit(self, group: Sequence[Item]) -> None:
        """Run a group in one transaction; what became of each is known only after its COMMIT.

        Raises:
            Undone: nothing is kept, and each piece is worth a try of its own.
            StoreError: nothing is known to be kept.
            Exception: whatever the only piece of the group raised; nothing is kept.
        """
        connection = await self._connected()
        tx = PostgresTx(connection, self._cipher)
        try:
            await _control(connection, connection.execute(self.begin))
            lanes = sorted({item.lane for item in group if item.lane})
            if lanes:
                await _control(connection, connection.fetch(LOCK_LANES, lanes))
            ends = [(await Watched(tx, item.work(tx)), tx.taken()) for item in group]
        except Exception as error:
            await self._roll_back(connection)
            if len(group) == 1:
                raise
            message = "another of the group failed"
            raise Undone(message) from error
        await self._end(connection)
        for item, (result, calls) in zip(group, ends, strict=True):
            item.result, item.error, item.calls = result, None, calls

    async def _end(self, connection: Any) -> None:
        try:
            done = await _control(connection, connection.execute("COMMIT"))
        except Undone as error:
            if not connection.is_closed():
                raise
            message = "nobody knows whether it was committed"
            raise StoreError(message) from error
        if done != "COMMIT":
            message = "not committed: an error inside was passed over"
            raise Undone(message)

    async def _roll_back(self, connection: Any) -> None:
        """Undo everything; if the server does not answer, the lost connection undoes it."""
        if connection.is_closed():
            return
        try:
            await _control(connection, connection.execute("ROLLBACK"))
        except StoreError:
            connection.terminate()

    async def _connected(self) -> Any:
        """Return the open connection; open a new one unless the last try was a moment ago."""
        if self._connection is not None and not self._connection.is_closed():
            return self._connection
        if self._loop.time() < self._not_before:
            message = "no connection: the database was away a moment ago"
            raise StoreError(message)
        try:
            self._connection = await connect(self._url, read_only=self.read_only)
        except StoreError:
            self._pause = min(LONGEST_PAUSE, 2 * self._pause or 0.1)
            self._not_before = self._loop.time() + self._pause
            raise
        self._pause = 0.0
        return self._connection


class _Reader(_Worker):
    """Serves reads, each on a snapshot of its own that cannot write."""

    read_only = True
    begin = BEGIN_READ
    group = 1


class PostgresStore:
    """A PostgreSQL database, its writers and readers. Made inside a running event loop.

    `url` is `postgresql://user:password@host:port/database`, `?host=/folder` for a socket. It
    connects at the first work, so it can be made while the server is away.
    """

    def __init__(
        self, url: str, cipher: Cipher, *, writers: int = WRITERS, readers: int = READERS
    ) -> None:
        self.cipher = cipher
        self._writers = [_Worker(url, cipher, asyncio.Queue()) for _ in range(writers)]
        self._reads: asyncio.Queue[Item | None] = asyncio.Queue()
        self._workers = self._writers + [_Reader(url, cipher, self._reads) for _ in range(readers)]
        self._tasks = [asyncio.create_task(worker.run()) for worker in self._workers]
        self._closed = False

    @property
    def backlog(self) -> int:
        """How many pieces of work wait for a writer."""
        return sum(writer.waiting.qsize() for writer in self._writers)

    async def write(self, work: Work[T], lane: str = "") -> T:
        """Run `work` in the next group commit of its lane; see `storage.store.Store.write`."""
        return await self.submit(work, lane)

    def submit(self, work: Work[T], lane: str = "") -> "asyncio.Future[T]":
        """Queue `work` on its lane's connection; see `storage.store.Store.submit`."""
        if not lane:
            idle = min(self._writers, key=lambda writer: writer.load)
            return self._put(idle.waiting, work, 0)
        key = lane_key(lane)
        return self._put(self._writers[key % len(self._writers)].waiting, work, key)

    async def read(self, work: Work[T]) -> T:
        """Run `work` on a snapshot that cannot write."""
        return await self._put(self._reads, work, 0)

    def _put(
        self, waiting: "asyncio.Queue[Item | None]", work: Work[T], lane: int
    ) -> "asyncio.Future[T]":
        if self._closed:
            message = "the store is closed"
            raise StoreError(message)
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        # Whatever ends the worker, the item is never taken for done.
        waiting.put_nowait(Item(work, future, lane, error=StoreError("not served")))
        return future

    async def close(self) -> None:
        """Finish what was taken, refuse what comes, close the connections."""
        self._closed = True
        for worker in self._workers:
            worker.waiting.put_nowait(None)
        await asyncio.wait(self._tasks, timeout=CLOSE_SECONDS)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
