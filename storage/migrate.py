"""Bringing a database to the schema this code expects."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from storage.store import StoreError

T = TypeVar("T")

MIGRATIONS = Path(__file__).parent / "migrations"
ALONE = 0x4849524F4241  # "HIROBA"
"""The advisory lock of whoever changes the schema or fills the database from outside."""
LONGEST_WAIT = text("SET lock_timeout = '60s'")
"""How long a second process waits while the first one migrates."""


def config(connection: Connection | None = None) -> Config:
    """Return Alembic's configuration, bound to an open connection where one is given."""
    made = Config()
    made.set_main_option("script_location", str(MIGRATIONS))
    made.set_main_option("path_separator", "os")
    made.attributes["connection"] = connection
    return made


def head() -> str:
    """Return the newest revision this code knows."""
    found = ScriptDirectory.from_config(config()).get_current_head()
    if found is None:
        message = "no migrations"
        raise LookupError(message)
    return found


def current(path: Path) -> str | None:
    """Return the revision of a SQLite file, None when it is new."""
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    engine.dispose()
    return found


def upgrade(path: Path, revision: str = "head") -> None:
    """Bring a SQLite file up to a revision; each migration is one transaction."""
    engine = _file(path)
    with engine.connect() as connection:
        command.upgrade(config(connection), revision)
        connection.commit()
    engine.dispose()


def downgrade(path: Path, revision: str) -> None:
    """Take a SQLite file back to a revision."""
    engine = _file(path)
    with engine.connect() as connection:
        command.downgrade(config(connection), revision)
        connection.commit()
    engine.dispose()


def _file(path: Path) -> Engine:
    """Return an engine whose transactions begin when they say so.

    The driver by itself begins none before CREATE TABLE, so a process that died in the middle
    of a migration left half a schema, and no later start could go on from there.
    """
    engine = create_engine(f"sqlite:///{path}")
    event.listen(engine, "connect", lambda raw, _: setattr(raw, "isolation_level", None))
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


async def current_at(url: str) -> str | None:
    """Return the revision of a PostgreSQL database, None when it is new.

    Raises:
        StoreError: the database is away or refuses.
    """
    return await on(url, lambda c: MigrationContext.configure(c).get_current_revision())


async def upgrade_at(url: str, revision: str = "head") -> None:
    """Bring a PostgreSQL database up to a revision; each migration is one transaction.

    Two processes may try at once: one works, the other waits and finds it done.

    Raises:
        StoreError: the database is away or refuses, or another process holds it for too long.
    """
    await on(url, lambda c: command.upgrade(config(c), revision))


async def downgrade_at(url: str, revision: str) -> None:
    """Take a PostgreSQL database back to a revision; raises like `upgrade_at`."""
    await on(url, lambda c: command.downgrade(config(c), revision))


async def on(url: str, work: Callable[[Connection], T]) -> T:
    """Run `work` on the database while no other process changes its schema."""
    try:
        async with _alone(url) as connection:
            return await connection.run_sync(work)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, DBAPIError) as error:
        message = f"not migrated: {type(getattr(error, 'orig', error)).__name__}"
        raise StoreError(message) from error


@asynccontextmanager
async def _alone(url: str) -> AsyncIterator[AsyncConnection]:
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=partial(asyncpg.connect, url), poolclass=NullPool
    )
    async with engine.connect() as connection:
        await connection.execute(LONGEST_WAIT)
        await connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": ALONE})
        # The lock is the session's and outlives this; a migration begins its own transaction.
        await connection.commit()
        yield connection
        await connection.commit()
    await engine.dispose()
