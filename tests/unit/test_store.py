"""The writer: groups, savepoints, what happens after the commit, and what a lost lock means."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from storage import lock, migrate, sqlite, state
from storage.seal import Cipher, SealBroken
from storage.sqlite import SqliteStore
from storage.store import HandlerSuspended, StoreError, Tx, Work
from tests.faults.home import until

NOW = datetime(2026, 12, 20, 1, 0, tzinfo=UTC)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    path = tmp_path / "hiroba.db"
    migrate.upgrade(path)
    made = SqliteStore(path, Cipher([Fernet.generate_key().decode()], b"x" * 32))
    yield made
    await made.close()


async def put(tx: Tx, name: str) -> None:
    await tx.run(state.PUT, name=name, value={"n": name}, now=NOW)


def putting(name: str) -> Work[None]:
    return lambda tx: put(tx, name)


async def names(store: SqliteStore, *asked: str) -> list[bool]:
    async def look(tx: Tx) -> list[bool]:
        return [await tx.one(state.GET, name=name) is not None for name in asked]

    return await store.read(look)


async def test_what_is_written_is_on_disk_when_write_returns(store: SqliteStore) -> None:
    await store.write(lambda tx: put(tx, "a"))
    with closing(sqlite3.connect(store.path)) as other:
        assert other.execute("SELECT name FROM state").fetchall() == [("a",)]
        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)


async def test_the_connection_is_opened_as_the_house_wants_it(tmp_path: Path) -> None:
    with closing(sqlite.connect(tmp_path / "x.db")) as made:
        asked = ("synchronous", "secure_delete", "foreign_keys", "busy_timeout")
        found = [made.execute(f"PRAGMA {name}").fetchone()[0] for name in asked]
    assert found == [2, 1, 1, 2000]


async def test_one_failing_piece_of_a_group_leaves_the_others(store: SqliteStore) -> None:
    async def broken(tx: Tx) -> None:
        await put(tx, "broken")
        raise ValueError("a handler's own error")  # noqa: TRY003

    works = [putting(f"n{i}") for i in range(5)]
    works.insert(2, broken)
    results = await asyncio.gather(*[store.write(w) for w in works], return_exceptions=True)
    assert [type(result).__name__ for result in results].count("ValueError") == 1
    assert await names(store, *(f"n{i}" for i in range(5)), "broken") == [True] * 5 + [False]


async def test_a_group_is_one_commit(store: SqliteStore) -> None:
    seen: list[str] = []

    async def slow(tx: Tx) -> None:
        await put(tx, "slow")

    # While the first is committed the other twenty wait, and then go together.
    first = store.write(slow)
    rest = [store.write(putting(f"r{i}")) for i in range(20)]
    store._writer._connection.set_trace_callback(seen.append)  # noqa: SLF001
    await asyncio.gather(first, *rest)
    commits = [text for text in seen if text == "COMMIT"]
    assert 1 <= len(commits) < 10


async def test_an_inner_savepoint_undoes_only_itself(store: SqliteStore) -> None:
    called: list[str] = []

    async def work(tx: Tx) -> str:
        await put(tx, "before")
        tx.after_commit(lambda: called.append("before"))
        try:
            async with tx.savepoint():
                await put(tx, "inside")
                tx.after_commit(lambda: called.append("inside"))
                raise KeyError  # noqa: TRY301  it must pass through the savepoint
        except KeyError:
            pass
        await put(tx, "after")
        return "value"

    assert await store.write(work) == "value"
    assert await names(store, "before", "inside", "after") == [True, False, True]
    assert called == ["before"]


async def test_after_commit_comes_after_the_commit_and_on_the_loop(store: SqliteStore) -> None:
    found: list[object] = []

    def look() -> None:
        with closing(sqlite3.connect(store.path)) as other:
            found.extend(other.execute("SELECT name FROM state").fetchall())
        found.append(asyncio.get_running_loop())

    async def work(tx: Tx) -> None:
        await put(tx, "a")
        tx.after_commit(look)

    await store.write(work)
    assert found == [("a",), asyncio.get_running_loop()]


async def test_after_commit_never_comes_when_the_work_failed(store: SqliteStore) -> None:
    called: list[int] = []

    async def work(tx: Tx) -> None:
        tx.after_commit(lambda: called.append(1))
        raise ValueError("ours")

    with pytest.raises(ValueError, match="ours"):
        await store.write(work)
    assert called == []


async def test_work_that_waits_for_the_world_is_a_named_error(store: SqliteStore) -> None:
    async def waits(tx: Tx) -> None:
        await put(tx, "waited")
        await asyncio.sleep(0)

    with pytest.raises(HandlerSuspended):
        await store.write(waits)
    await store.write(lambda tx: put(tx, "next"))
    assert await names(store, "waited", "next") == [False, True]


async def test_a_reader_cannot_write(store: SqliteStore) -> None:
    with pytest.raises((sqlite3.OperationalError, StoreError)):
        await store.read(lambda tx: put(tx, "a"))
    assert await names(store, "a") == [False]


async def test_a_lock_held_by_another_process_is_refused_in_bounded_time(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.2)
    quick = SqliteStore(store.path, store.cipher)
    with closing(sqlite3.connect(store.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        works = [quick.write(putting(str(i))) for i in range(70)]
        results = await asyncio.wait_for(asyncio.gather(*works, return_exceptions=True), 3)
        assert {type(result) for result in results} == {StoreError}
        assert await names(quick, "1") == [False]  # reads go on
        other.execute("ROLLBACK")
    await quick.write(lambda tx: put(tx, "later"))
    assert await names(quick, "later", "1") == [True, False]
    await quick.close()


async def test_a_closed_store_refuses(store: SqliteStore) -> None:
    async with asyncio.TaskGroup() as tasks:
        for number in range(10):
            tasks.create_task(store.write(putting(str(number))))
        await asyncio.sleep(0)
        await store.close()
    with pytest.raises(StoreError):
        await store.write(lambda tx: put(tx, "late"))


async def test_scrub_leaves_no_trace_in_any_file(store: SqliteStore) -> None:
    mark = "canary-7f3a91"
    await store.write(lambda tx: put(tx, mark))

    async def forget(tx: Tx) -> None:
        await tx.run(state.DROP, name=mark)
        tx.scrub()

    await store.write(forget)
    await until(lambda: not _traces(store, mark), 10)


async def test_a_scrub_waits_for_a_reader_and_comes_then(store: SqliteStore) -> None:
    mark = "canary-7f3a91"
    await store.write(lambda tx: put(tx, mark))
    with closing(sqlite3.connect(store.path, isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT * FROM state").fetchall()

        async def forget(tx: Tx) -> None:
            await tx.run(state.DROP, name=mark)
            tx.scrub()

        await store.write(forget)
        await store.write(lambda tx: put(tx, "work goes on"))
        other.execute("COMMIT")
    await until(lambda: not _traces(store, mark), 10)


def _traces(store: SqliteStore, mark: str) -> list[str]:
    return [p.name for p in store.path.parent.iterdir() if mark.encode() in p.read_bytes()]


def test_one_holder_of_a_file_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "x" / "hiroba.db"
    with lock.FileLock(path), pytest.raises(lock.AlreadyRunning), lock.FileLock(path):
        pass
    with lock.FileLock(path):
        pass


def test_a_sealed_value_opens_only_where_it_was_sealed_for() -> None:
    new, old = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    before, after = Cipher([old], b"s"), Cipher([new, old], b"s")
    sealed = before.seal("花子", "nickname:1")
    assert after.text(sealed, "nickname:1") == "花子"
    for cipher, bound in ((after, "nickname:2"), (Cipher([new], b"s"), "nickname:1")):
        with pytest.raises(SealBroken):
            cipher.open(sealed, bound)
    assert Cipher([new], b"s").text(after.rotate(sealed), "nickname:1") == "花子"
    assert "gAAAA" not in repr(after)
    assert before.mac("lane", "a", "b") != before.mac("choice", "a", "b")
    assert before.mac("lane", "ab", "") != before.mac("lane", "a", "b")
