"""SQLite to PostgreSQL: everything arrives, and wherever it breaks off both sides are safe."""

import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest

from storage import members, migrate, move, state
from storage.lock import FileLock
from storage.move import MoveRefused, TableReport, standing
from storage.postgres import PostgresStore
from storage.schema import tables
from storage.sqlite import SqliteStore
from storage.store import StoreError
from tests.databases import CIPHER, Cable, Server
from tests.filled import ROWS, fill

NOW = datetime(2026, 12, 20, 1, 0, tzinfo=UTC)


@pytest.fixture
async def source(tmp_path: Path, migrated: Path) -> Path:
    path = Path(shutil.copy(migrated, tmp_path / "hiroba.db"))
    store = SqliteStore(path, CIPHER)
    await store.write(fill)
    await store.close()
    return path


@pytest.fixture
async def target(postgres: Server) -> AsyncIterator[str]:
    url = await postgres.create()
    yield url
    await postgres.drop(url)


def ignored(_table: str, _rows: int) -> None:
    """Nobody looks at the progress."""


async def why(where: Path | str) -> str:
    """Why a side must not be served."""
    store = SqliteStore(where, CIPHER) if isinstance(where, Path) else PostgresStore(where, CIPHER)
    try:
        return await store.read(standing)
    finally:
        await store.close()


def content(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


async def test_every_table_arrives_and_the_source_is_retired(source: Path, target: str) -> None:
    seen: list[tuple[str, int]] = []
    reports = await move.move(source, target, lambda *step: seen.append(step), now=NOW)
    assert [report.table for report in reports] == [table.name for table in tables()]
    assert {report.rows for report in reports} == {ROWS}
    assert len({report.checksum for report in reports}) == len(reports)
    assert ("member", ROWS) in seen
    assert "moved to PostgreSQL" in await why(source)
    assert await why(target) == ""


async def test_numbers_of_erased_rows_are_not_given_again(source: Path, target: str) -> None:
    store = SqliteStore(source, CIPHER)
    last = await store.write(lambda tx: tx.one(members.ADD_MEMBER, now=NOW))
    await store.close()
    with closing(sqlite3.connect(source)) as connection, connection:
        connection.execute("DELETE FROM member WHERE id = ?", (last,))
    await move.move(source, target, ignored, now=NOW)
    moved = PostgresStore(target, CIPHER)
    assert await moved.write(lambda tx: tx.one(members.ADD_MEMBER, now=NOW)) == (last or 0) + 1
    await moved.close()


async def test_wherever_it_breaks_off_it_can_be_started_again(
    source: Path, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def done(_: str) -> None:
        """Stand in for migrations, which have tests of their own."""

    monkeypatch.setattr(move, "ROWS", ROWS // 2 + 1)
    monkeypatch.setattr(migrate, "upgrade_at", done)
    before = content(source)
    chunks = len(tables()) * 2
    for at in (*range(1, chunks, 2), chunks):  # inside each table, and after the last
        taken = 0

        def kill(_table: str, _rows: int, at: int = at) -> None:
            nonlocal taken
            taken += 1
            if taken == at:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            await move.move(source, target, kill, now=NOW)
        if at % 8 == 1 or at == chunks:
            assert content(source) == before
            assert await why(source) == ""
            assert "not finished" in await why(target)
    reports = await move.move(source, target, ignored, now=NOW)
    assert {report.rows for report in reports} == {ROWS}
    assert await why(target) == ""


@pytest.mark.parametrize("word", [b"COPY", b"setval", b"ANALYZE", b"DELETE"])
async def test_a_lost_connection_leaves_one_side_to_serve_at_most(
    source: Path, target: str, postgres: Server, word: bytes
) -> None:
    with pytest.raises(KeyboardInterrupt):
        await move.move(source, target, interrupt, now=NOW)
    async with Cable(postgres) as cable:
        cable.cut = word
        with pytest.raises(StoreError):
            await move.move(source, cable.url(target), ignored, now=NOW)
    assert await why(target) or await why(source)
    await move.move(source, target, ignored, now=NOW)
    assert await why(target) == ""
    assert await why(source)


def interrupt(_table: str, _rows: int) -> None:
    raise KeyboardInterrupt


async def test_a_kill_between_the_two_marks_is_finished_by_a_second_run(
    source: Path, target: str
) -> None:
    await move.move(source, target, ignored, now=NOW)
    store = PostgresStore(target, CIPHER)
    await store.write(lambda tx: tx.run(state.PUT, name=move.MOVING, value={}, now=NOW))
    await store.close()
    assert await why(target)
    assert await why(source)
    await move.move(source, target, ignored, now=NOW)
    assert await why(target) == ""


async def test_a_target_with_rows_is_left_alone(source: Path, target: str) -> None:
    store = PostgresStore(target, CIPHER)
    await store.write(lambda tx: tx.run(state.PUT, name="secret", value={}, now=NOW))
    await store.close()
    with pytest.raises(MoveRefused, match=r"not empty.*state"):
        await move.move(source, target, ignored, now=NOW)
    assert await why(source) == ""
    assert await why(target) == ""


async def test_a_moved_source_is_not_moved_elsewhere(
    source: Path, target: str, postgres: Server
) -> None:
    await move.move(source, target, ignored, now=NOW)
    second = await postgres.create()
    with pytest.raises(MoveRefused, match="moved already"):
        await move.move(source, second, ignored, now=NOW)
    await postgres.drop(second)


async def test_a_served_or_old_source_is_refused(source: Path, target: str, tmp_path: Path) -> None:
    with FileLock(source), pytest.raises(MoveRefused, match="stop it first"):
        await move.move(source, target, ignored, now=NOW)
    with pytest.raises(MoveRefused, match="hiroba migrate"):
        await move.move(tmp_path / "none.db", target, ignored, now=NOW)


async def test_a_difference_keeps_both_sides_as_they_are(
    source: Path, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    carry = move._carry  # noqa: SLF001 - somebody writes while it copies

    async def careless(*parts: object) -> TableReport:
        report = await carry(*parts)  # type: ignore[arg-type]
        if report.table == "coupon":
            opened = await asyncpg.connect(target)
            await opened.execute("UPDATE coupon SET stock = stock + 1 WHERE id = 'id-1'")
            await opened.close()
        return report

    monkeypatch.setattr(move, "_carry", careless)
    with pytest.raises(MoveRefused, match="coupon differs"):
        await move.move(source, target, ignored, now=NOW)
    assert await why(source) == ""
    assert "not finished" in await why(target)


async def test_a_value_that_postgres_cannot_hold_is_named(source: Path, target: str) -> None:
    with closing(sqlite3.connect(source)) as connection, connection:
        connection.execute("UPDATE counter SET value = 5000000000 WHERE name = 'name-1'")
    with pytest.raises(MoveRefused, match="counter"):
        await move.move(source, target, ignored, now=NOW)
