"""A bot that runs: the real composition on a real file, listening on a loopback port.

    async with live_bot(folder, side.env) as bot:
        side.meet(bot.url)

Whatever the tests ask of rows, they ask of the file itself, beside the process.
"""

import asyncio
import socket
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import uvicorn
from cryptography.fernet import Fernet

from bot.adapter import Adapter
from bot.context import lane_of
from bot.events import Address
from bot.messages import Message, Text
from bot.posting import Letter, post
from bot.rules.etiquette import Want
from hiroba.clock import Clock
from hiroba.http import BoundedHead
from hiroba.runtime import Runtime, load_community, start
from hiroba.settings import Settings, platforms
from jobs.tasks import Tasks
from storage import members, migrate
from storage.store import Tx

SAKURA = Path(__file__).parents[2] / "prompts" / "communities" / "sakura"
KEY = Fernet.generate_key().decode()
NOON = "2026-12-20T12:00+09:00"
"""Inside the sample's hours for pushes."""
UNDER_WAY = """
    SELECT 'inbox', count(*) FROM inbox WHERE state = 'open' AND due <= ?
    UNION ALL SELECT 'outbox', count(*) FROM outbox
        WHERE state = 'ready' AND way IN ('reply', 'push') AND due <= ?
    UNION ALL SELECT 'job', count(*) FROM job WHERE state IN ('open', 'claimed') AND due <= ?
    UNION ALL SELECT 'wakeup', count(*) FROM wakeup WHERE due <= ?
"""


@dataclass(slots=True)
class LiveBot:
    """A running bot. `adapters` are the platforms it is on, by name."""

    runtime: Runtime
    url: str
    database: Path

    @property
    def adapters(self) -> Mapping[str, Adapter]:
        return self.runtime.core.adapters

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        return rows(self.database, sql, *values)

    def count(self, table: str, where: str = "1", *values: object) -> int:
        return count(self.database, table, where, *values)

    def outcomes(self, platform: str, outcome: str) -> int:
        """How many elements ended so since the start."""
        return self.runtime.intake.counts[platform, outcome]

    async def quiet(self) -> None:
        """Wait until nothing is on its way: no open element, no due message, no due job."""
        try:
            await until(lambda: not any(self._under_way().values()), 60)
        except TimeoutError as error:
            error.add_note(f"still under way: {self._under_way()}")
            raise

    def _under_way(self) -> dict[str, int]:
        """Return how much is open, by where it is; rows are counted once nothing is carried."""
        carried = {"sends": self.runtime.courier.busy, "writes": self.runtime.store.backlog}
        if any(carried.values()):
            return carried
        now = self.runtime.clock.now().strftime("%Y-%m-%d %H:%M:%S.%f")
        found = self.rows(UNDER_WAY, *[now] * UNDER_WAY.count("?"))
        return {**carried, **{place: number for place, number in found if number}}

    async def post(self, address: Address, *texts: str, want: Want = Want.PUSH_OK) -> None:
        """Let the bot say something to a member, as a feature would."""
        message = Message(tuple(Text(text) for text in texts))

        async def work(tx: Tx) -> None:
            account = address.account
            assert account is not None
            member = await tx.one(
                members.MEMBER_BY_ACCOUNT,
                platform=account.platform,
                realm=account.realm,
                user_id=account.user_id,
            )
            assert member is not None
            letter = Letter(
                key=uuid4(),
                address=address,
                lane=lane_of(tx, address),
                want=want,
                member_id=member.id,
            )
            await post(self.runtime.core, tx, message, letter, self.runtime.clock.now())

        await self.runtime.store.write(work)


def rows(database: Path, sql: str, *values: object) -> list[tuple[Any, ...]]:
    """Ask the file itself."""
    with closing(sqlite3.connect(database, timeout=5)) as connection:
        return connection.execute(sql, values).fetchall()


def count(database: Path, table: str, where: str = "1", *values: object) -> int:
    """Count rows of the file itself; `table` and `where` are a test's own words."""
    ((number,),) = rows(database, f"SELECT count(*) FROM {table} WHERE {where}", *values)  # noqa: S608
    return int(number)


def change(database: Path, sql: str, *values: object) -> None:
    """Change the file beside the process, as a short visit does."""
    with closing(sqlite3.connect(database, timeout=5)) as connection, connection:
        connection.execute(sql, values)


@contextmanager
def held(database: Path) -> Iterator[None]:
    """Take the store away: somebody holds the write lock, as a stuck disk or a backup would."""
    with closing(sqlite3.connect(database, timeout=5, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


@cache
def empty_database() -> bytes:
    """Return an empty database of today's schema, made once: migrating takes most of a second."""
    with TemporaryDirectory() as folder:
        migrate.upgrade(Path(folder) / "new.db")
        return (Path(folder) / "new.db").read_bytes()


def environment(folder: Path, env: Mapping[str, str]) -> dict[str, str]:
    """Return what a bot on a new database in `folder` is told, on top of `env`."""
    return {
        "DATABASE_URL": f"sqlite:///{folder / 'hiroba.db'}",
        "HIROBA_COMMUNITY": str(SAKURA),
        "HIROBA_SECRET_KEYS": KEY,
        **env,
    }


@asynccontextmanager
async def live_bot(
    folder: Path,
    env: Mapping[str, str],
    *,
    more: Sequence[Adapter] = (),
    rings: bool = True,
) -> AsyncIterator[LiveBot]:
    """Run a bot on every platform that `env` configures, and on `more`."""
    full = environment(folder, env)
    settings = Settings.read(full)
    if not settings.database.exists():
        settings.database.write_bytes(empty_database())
    built = [platform.build(full) for platform in platforms() if platform.configured(full)]
    runtime = await start(
        settings, Clock(settings.clock_start), [*built, *more], load_community(settings)
    )
    tasks = Tasks()
    config = uvicorn.Config(
        runtime.app,
        http=BoundedHead,
        log_config=None,
        access_log=False,
        ws="none",
        lifespan="off",
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as bound:
        try:
            runtime.work(rings=rings)
            tasks.start(server.serve(sockets=[bound]))
            await until(lambda: runtime.place.all_up and server.started)
            url = f"http://127.0.0.1:{bound.getsockname()[1]}"
            yield LiveBot(runtime, url, settings.database)
        finally:
            server.should_exit = True
            await tasks.finish(5)
            await runtime.stop()


async def until(true: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait for something to become true."""
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110  rows of another process ring no bell
            await asyncio.sleep(0.01)
