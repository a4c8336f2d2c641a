"""Moving a community from SQLite to PostgreSQL, with both sides safe wherever it breaks off.

The target is marked as filling before its first row and until all is compared; the source is
written once, in the last step but one, when it is marked as moved. `standing` tells both marks,
so at no moment can both databases be served. A move that broke off is started again from the
beginning: what it had copied is emptied first, and nothing else can be in a marked target.
"""

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import JSON, Table, bindparam, delete, insert, select

from storage import migrate, state
from storage.lock import AlreadyRunning, FileLock
from storage.postgres import connect
from storage.query import POSTGRES, SQLITE, Query, change
from storage.schema import tables
from storage.sqlite import connect as connect_sqlite
from storage.store import StoreError, Tx
from storage.tables import table_of

MOVING = "moving"
"""Name of the mark in a target that is being filled."""
MOVED = "moved"
"""Name of the mark in a source whose community lives elsewhere now."""
ROWS = 2_000
"""Rows in one transaction, at most."""
BYTES = 8_000_000
"""Bytes in one transaction, about at most: pictures are large."""
LONG = 300.0
"""Seconds that one bulk command may take."""

Progress = Callable[[str, int], None]
"""Called with a table's name and how many of its rows are copied."""


class MoveRefused(RuntimeError):
    """Nothing was moved, or not all of it; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class TableReport:
    """What was found the same on both sides. `checksum` does not depend on the rows' order."""

    table: str
    rows: int
    checksum: str


async def standing(tx: Tx) -> str:
    """Return why this database must not be served, "" when it may."""
    if await tx.one(state.GET, name=MOVED) is not None:
        return "this database was moved to PostgreSQL: set DATABASE_URL to where it lives now"
    if await tx.one(state.GET, name=MOVING) is not None:
        return "a move into this database was not finished: run `hiroba move` again"
    return ""


async def move(
    source: Path, target_url: str, progress: Progress, *, now: datetime
) -> list[TableReport]:
    """Copy everything from a SQLite file into an empty PostgreSQL database and compare.

    Raises:
        MoveRefused: a side is not what it must be, or the sides differ at the end.
        StoreError: PostgreSQL is away; start again when it is back.
    """
    _check(source)
    try:
        with FileLock(source):
            return await _move(source, target_url, progress, now)
    except AlreadyRunning as error:
        message = f"another process serves {source}: stop it first"
        raise MoveRefused(message) from error
    except (sqlite3.Error, asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        message = f"broken off by {type(error).__name__}: start again"
        raise StoreError(message) from error


def _check(source: Path) -> None:
    if not source.is_file() or migrate.current(source) != migrate.head():
        message = f"{source} is not at this version: run `hiroba migrate` on it first"
        raise MoveRefused(message)


async def _move(source: Path, url: str, progress: Progress, now: datetime) -> list[TableReport]:
    await migrate.upgrade_at(url)
    target = await connect(url)
    try:
        await target.execute("SET statement_timeout = 0")
        with closing(connect_sqlite(source)) as opened:
            # Held to the end: nobody changes the source while it is copied, and its one mark
            # is committed only when everything was compared.
            opened.execute("BEGIN IMMEDIATE")
            await _claim(target, opened, now)
            reports = [await _carry(opened, target, table, progress) for table in tables()]
            await _compare(target, reports)
            await target.execute("ANALYZE", timeout=LONG)
            _put(opened, MOVED, now)
            opened.execute("COMMIT")
        await target.execute(*_filled(state.DROP, {"name": MOVING}))
    finally:
        target.terminate()
    return reports


async def _claim(target: Any, source: sqlite3.Connection, now: datetime) -> None:
    """Mark the target as ours, emptied of what an unfinished move left there.

    Raises:
        MoveRefused: it holds something else, or somebody else fills it.
    """
    if not await target.fetchval("SELECT pg_try_advisory_lock($1)", migrate.ALONE):
        message = "another process fills or migrates the target: wait for it"
        raise MoveRefused(message)
    async with target.transaction():
        if await target.fetch(*_filled(state.GET, {"name": MOVING})):
            for table in reversed(tables()):
                await target.execute(str(delete(table).compile(dialect=POSTGRES)), timeout=LONG)
        elif _has_mark(source, MOVED):
            message = "this database was moved already: set DATABASE_URL to where it lives now"
            raise MoveRefused(message)
        elif filled := [table.name for table in tables() if await _has_rows(target, table)]:
            message = f"the target is not empty ({', '.join(filled)}): name a new database"
            raise MoveRefused(message)
        await target.execute(*_filled(state.PUT, {"name": MOVING, "value": {}, "now": now}))


async def _carry(
    source: sqlite3.Connection, target: Any, table: Table, progress: Progress
) -> TableReport:
    """Copy one table, a chunk a transaction, and set where its numbering goes on."""
    add = _add(table).compiled(POSTGRES)
    count = checksum = 0
    for chunk in _chunks(_rows_of(source, table)):
        records = [add.bind(dict(zip(table.columns.keys(), row, strict=True))) for row in chunk]
        try:
            await target.copy_records_to_table(
                table.name, records=records, columns=add.names, timeout=LONG
            )
        except (asyncpg.DataError, ValueError, OverflowError) as error:
            message = f"{table.name}: a value after row {count} does not fit PostgreSQL ({error})"
            raise MoveRefused(message) from error
        count += len(chunk)
        checksum += sum(_digest(table, row) for row in chunk)
        progress(table.name, count)
    await _go_on_numbering(source, target, table)
    return TableReport(table.name, count, f"{checksum % 2**128:032x}")


async def _go_on_numbering(source: sqlite3.Connection, target: Any, table: Table) -> None:
    """Give the next row the number it would have had; numbers of erased rows stay unused."""
    if "id" not in table.c or table.c.id.type.python_type is not int:
        return
    highest = _first(source, select(table.c.id).order_by(table.c.id.desc()).limit(1)) or 0
    if table.dialect_options["sqlite"]["autoincrement"]:
        used = "SELECT seq FROM sqlite_sequence WHERE name = ?"
        found = source.execute(used, (table.name,)).fetchone()
        highest = max(highest, found[0] if found else 0)
    sequence = await target.fetchval("SELECT pg_get_serial_sequence($1, 'id')", _quoted(table))
    await target.fetchval("SELECT setval($1, $2, false)", sequence, highest + 1)


async def _compare(target: Any, reports: Sequence[TableReport]) -> None:
    """Read everything back.

    Raises:
        MoveRefused: a table differs.
    """
    for table, report in zip(tables(), reports, strict=True):
        count = checksum = 0
        query = _all(table).compiled(POSTGRES)
        async with target.transaction(readonly=True):
            async for record in target.cursor(query.text, prefetch=500):
                row = query.convert(record)
                if not _is_mark(table, row):
                    count += 1
                    checksum += _digest(table, row)
        found = TableReport(table.name, count, f"{checksum % 2**128:032x}")
        if found != report:
            message = f"{table.name} differs: {report.rows} rows here, {found.rows} there"
            raise MoveRefused(message)


def _rows_of(source: sqlite3.Connection, table: Table) -> Iterator[Sequence[Any]]:
    query = _all(table).compiled(SQLITE)
    for found in source.execute(query.text, query.bind({})):
        row = query.convert(found)
        if not _is_mark(table, row):
            yield row


def _chunks(rows: Iterable[Sequence[Any]]) -> Iterator[list[Sequence[Any]]]:
    chunk: list[Sequence[Any]] = []
    size = 0
    for row in rows:
        chunk.append(row)
        size += sum(len(value) for value in row if isinstance(value, bytes))
        if len(chunk) >= ROWS or size >= BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


@cache
def _all(table: Table) -> Query[tuple[Any, ...]]:
    return Query(select(table).order_by(*table.primary_key), tuple)


@cache
def _add(table: Table) -> Query[None]:
    return change(insert(table).values({c: bindparam(c.name, type_=c.type) for c in table.columns}))


def _is_mark(table: Table, row: Sequence[Any]) -> bool:
    return table is table_of(state.State) and row[0] in {MOVED, MOVING}


def _digest(table: Table, row: Sequence[Any]) -> int:
    """Return a number of a row; the same for the same values, whichever driver read them."""
    plain = tuple(
        json.dumps(value, sort_keys=True) if isinstance(c.type, JSON) else _plain(value)
        for c, value in zip(table.columns, row, strict=True)
    )
    digest = blake2b(repr(plain).encode("utf-8", "surrogatepass"), digest_size=16).digest()
    return int.from_bytes(digest, "big")


def _plain(value: object) -> object:
    match value:
        case Enum():
            return value.value
        case datetime():
            return value.isoformat()
        case UUID():
            return value.hex
        case _:
            return value


def _filled(query: Query[Any], values: Mapping[str, Any]) -> list[Any]:
    compiled = query.compiled(POSTGRES)
    return [compiled.text, *compiled.bind(dict(values))]


def _quoted(table: Table) -> str:
    return str(POSTGRES.identifier_preparer.format_table(table))


async def _has_rows(target: Any, table: Table) -> bool:
    some = Query(select(*table.primary_key).limit(1), tuple).compiled(POSTGRES)
    return bool(await target.fetch(some.text, *some.bind({})))


def _first(source: sqlite3.Connection, statement: Any) -> Any:
    compiled = Query(statement, tuple).compiled(SQLITE)
    found = source.execute(compiled.text, compiled.bind({})).fetchone()
    return found and found[0]


def _has_mark(source: sqlite3.Connection, name: str) -> bool:
    compiled = state.GET.compiled(SQLITE)
    return source.execute(compiled.text, compiled.bind({"name": name})).fetchone() is not None


def _put(source: sqlite3.Connection, name: str, now: datetime) -> None:
    compiled = state.PUT.compiled(SQLITE)
    source.execute(compiled.text, compiled.bind({"name": name, "value": {}, "now": now}))
