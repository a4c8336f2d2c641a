"""The same migrations on both databases: up, down, up, and nothing left for autogenerate."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, create_engine
from sqlmodel import SQLModel

from storage import migrate, schema
from storage.store import StoreError
from tests.databases import Server


def _differences(connection: Connection) -> list[Any]:
    schema.tables()
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, SQLModel.metadata))


@pytest.fixture
async def empty(postgres: Server) -> AsyncIterator[str]:
    url = await postgres.create("template0")
    yield url
    await postgres.drop(url)


def test_sqlite_goes_up_down_and_up_again(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    assert migrate.current(path) is None
    migrate.upgrade(path)
    migrate.downgrade(path, "base")
    with sqlite3.connect(path) as connection:
        left = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    connection.close()
    assert {name for (name,) in left} <= {"alembic_version", "sqlite_sequence"}
    migrate.upgrade(path)
    assert migrate.current(path) == migrate.head()
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as opened:
        assert _differences(opened) == []
    engine.dispose()


async def test_postgres_goes_up_down_and_up_again(empty: str) -> None:
    assert await migrate.current_at(empty) is None
    await migrate.upgrade_at(empty)
    await migrate.downgrade_at(empty, "base")
    connection = await asyncpg.connect(empty)
    tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    assert [row[0] for row in await connection.fetch(tables)] == ["alembic_version"]
    await connection.close()
    await migrate.upgrade_at(empty)
    assert await migrate.current_at(empty) == migrate.head()
    assert await migrate.on(empty, _differences) == []


async def test_of_processes_that_migrate_at_once_one_works(empty: str) -> None:
    await asyncio.gather(*(migrate.upgrade_at(empty) for _ in range(3)))
    assert await migrate.current_at(empty) == migrate.head()


async def test_a_database_that_is_away_is_named_without_its_password(tmp_path: Path) -> None:
    url = f"postgresql://me:hidden@/community?host={tmp_path}"
    with pytest.raises(StoreError) as raised:
        await migrate.upgrade_at(url)
    assert "hidden" not in str(raised.value)
