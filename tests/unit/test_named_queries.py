"""Every named query runs on both databases, and its compiled text does what SQLAlchemy does."""

import sqlite3
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import (
    JSON,
    BigInteger,
    BindParameter,
    Boolean,
    Column,
    Connection,
    Date,
    Delete,
    Executable,
    Insert,
    Integer,
    LargeBinary,
    MetaData,
    Select,
    Table,
    Update,
    Uuid,
    bindparam,
    create_engine,
    insert,
    select,
)
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool
from sqlalchemy.schema import CreateTable
from sqlalchemy.sql.visitors import replacement_traverse
from sqlalchemy.types import NullType
from sqlmodel.sql.sqltypes import AutoString, UTCDateTime

from storage import schema
from storage.postgres import connect as open_postgres
from storage.postgres_tx import PostgresTx
from storage.query import POSTGRES, SQLITE, Query, change
from storage.sqlite import SqliteTx, connect
from storage.store import Store, Tx
from storage.tables import choice
from tests.databases import CIPHER, Database
from tests.filled import fill, value_for

Rows = list[tuple[Any, ...]]


def named() -> Iterator[tuple[str, Query[Any]]]:
    for topic in schema.TOPICS:
        for name, found in vars(topic).items():
            if isinstance(found, Query):
                yield f"{topic.__name__.rpartition('.')[2]}.{name}", found


QUERIES = dict(named())


CHOSEN = {"limit": 5, "stock": 6}


def values(query: Query[Any]) -> dict[str, Any]:
    """What a caller could pass: the values of the first row, or new ones for a new row."""
    compiled: Any = query.statement.compile(dialect=SQLITE)
    new = isinstance(query.statement, Insert) and "ON CONFLICT" not in str(compiled)
    made: dict[str, Any] = {}
    for bind, name in compiled.bind_names.items():
        if name in CHOSEN:
            made[name] = CHOSEN[name]
        elif name == "coupon":
            made[name] = "id-2" if new else "id-1"
        elif bind.required:
            number = 9 if new and bind.type.python_type is not int else 1
            made[name] = value_for(bind.type, name, number)
    return made


def after(query: Query[Any]) -> Select[Any]:
    """A statement that shows what a change has done; numbers given by the database left out."""
    statement = query.statement
    assert isinstance(statement, Insert | Update | Delete)
    shown = [c for c in statement.table.columns if c.name != "id"]
    return select(*shown)


def same(rows: Rows) -> list[str]:
    return sorted(repr(tuple(row)) for row in rows)


def with_values(query: Query[Any]) -> Executable:
    """The statement with its values inside, as SQLAlchemy's users write it."""
    given = values(query)

    def replace(element: object, **_: object) -> BindParameter[object] | None:
        if not isinstance(element, BindParameter) or not element.required:
            return None
        type_ = None if isinstance(element.type, NullType) else element.type
        return bindparam(None, given[element.key], type_=type_)

    statement: Any = replacement_traverse(query.statement, {}, replace)
    written: Executable = statement
    return written


def through_sqlalchemy(query: Query[Any], connection: Connection) -> list[str]:
    result = connection.execute(with_values(query))
    rows: Rows = [tuple(row) for row in result.all()] if result.returns_rows else []
    if isinstance(query.statement, Insert | Update | Delete):
        rows = [tuple(row) for row in connection.execute(after(query)).all()]
    connection.rollback()
    return same(rows)


async def through_text(query: Query[Any], tx: Tx) -> list[str]:
    raw: Query[Any] = Query(query.statement, tuple)
    rows: Rows
    if isinstance(query.statement, Insert | Update | Delete):
        await tx.run(raw, **values(query))
        rows = await tx.all(Query(after(query), tuple))
    else:
        rows = await tx.all(raw, **values(query))
    return same(rows)


@asynccontextmanager
async def sqlalchemy(database: Database) -> AsyncIterator[Callable[..., Coroutine[Any, Any, Any]]]:
    """Hand out what runs a function on SQLAlchemy's own connection."""
    if database.kind == "sqlite":
        engine = create_engine(f"sqlite:///{database.where}")
        with engine.connect() as connection:

            async def run(work: Callable[[Connection], list[str]]) -> list[str]:
                return work(connection)

            yield run
        engine.dispose()
        return
    asynchronous = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=partial(asyncpg.connect, database.where),
        poolclass=NullPool,
    )
    async with asynchronous.connect() as opened:
        yield opened.run_sync
    await asynchronous.dispose()


@asynccontextmanager
async def text(database: Database) -> AsyncIterator[Callable[..., Coroutine[Any, Any, Any]]]:
    """Hand out what runs work on the driver's connection and takes everything back."""
    if database.kind == "sqlite":
        connection = connect(Path(database.where))

        async def on_sqlite(work: Callable[[Tx], Coroutine[Any, Any, object]]) -> object:
            connection.execute("BEGIN")
            try:
                return await work(SqliteTx(connection, CIPHER))
            finally:
                connection.execute("ROLLBACK")

        yield on_sqlite
        connection.close()
        return
    opened = await open_postgres(database.where)

    async def on_postgres(work: Callable[[Tx], Coroutine[Any, Any, object]]) -> object:
        await opened.execute("BEGIN")
        try:
            return await work(PostgresTx(opened, CIPHER))
        finally:
            await opened.execute("ROLLBACK")

    yield on_postgres
    await opened.close()


async def test_every_named_query_does_what_sqlalchemy_does(
    database: Database, store: Store
) -> None:
    await store.write(fill)
    different = []
    async with sqlalchemy(database) as run, text(database) as work:
        for name, query in QUERIES.items():
            expected = await run(partial(through_sqlalchemy, query))
            if await work(partial(through_text, query)) != expected:
                different.append(name)
    assert different == []


async def test_every_named_query_makes_its_rows(database: Database, store: Store) -> None:
    await store.write(fill)
    async with text(database) as work:
        for query in QUERIES.values():
            await work(lambda tx, q=query: tx.all(q, **values(q)))


class Colour(StrEnum):
    RED = "red"
    BLUE = "b"


THINGS = Table(
    "thing",
    MetaData(),
    Column("id", BigInteger, primary_key=True),
    Column("at", UTCDateTime()),
    Column("day", Date),
    Column("colour", choice(Colour)),
    Column("tree", JSON),
    Column("sealed", LargeBinary),
    Column("key", Uuid),
    Column("yes", Boolean),
    Column("small", Integer),
    Column("words", AutoString()),
)
ADD_THING = change(
    insert(THINGS).values({c: bindparam(c.name, type_=c.type) for c in THINGS.columns})
)
THING: Query[Any] = Query(select(THINGS).where(THINGS.c.id == bindparam("id")), tuple)

WORDS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
ROW = st.tuples(
    st.integers(-(2**63), 2**63 - 1),
    st.none() | st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.timezones()),  # noqa: DTZ001
    st.none() | st.dates(date(1900, 1, 1)),
    st.none() | st.sampled_from(Colour),
    st.none() | TREES.filter(lambda tree: tree is not None),
    st.none() | st.binary(),
    st.none() | st.uuids(),
    st.none() | st.booleans(),
    st.none() | st.integers(-(2**31), 2**31 - 1),
    st.none() | WORDS,
)


@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(row=ROW)
async def test_every_type_comes_back_as_it_went(database: Database, row: tuple[Any, ...]) -> None:
    sent = dict(zip(THINGS.columns.keys(), row, strict=True))
    async with things(database) as tx:
        await tx.run(ADD_THING, **sent)
        found = await tx.one(THING, id=row[0])
        assert found == (row[0], row[1] and row[1].astimezone(UTC), *row[2:])
        assert found[1] is None or found[1].tzinfo is UTC
        assert [type(value) for value in found[2:4]] == [type(value) for value in row[2:4]]


@asynccontextmanager
async def things(database: Database) -> AsyncIterator[Tx]:
    """A table with a column of every type, gone at the end."""
    if database.kind == "sqlite":
        connection = sqlite3.connect(":memory:")
        connection.execute(str(CreateTable(THINGS).compile(dialect=SQLITE)))
        yield SqliteTx(connection, CIPHER)
        connection.close()
        return
    opened = await open_postgres(database.where)
    await opened.execute(
        str(CreateTable(THINGS).compile(dialect=POSTGRES)).replace("TABLE", "TEMP TABLE")
    )
    try:
        yield PostgresTx(opened, CIPHER)
    finally:
        await opened.close()
