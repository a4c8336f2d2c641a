"""What a store on PostgreSQL promises beyond one process: lanes, collisions, lost connections."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from functools import partial
from time import perf_counter

import asyncpg
import pytest
from sqlalchemy import JSON, Text, bindparam, cast, func, literal, select
from sqlalchemy.dialects.postgresql import insert as upsert

from storage import activity, postgres, state
from storage.postgres import PostgresStore, lane_key
from storage.query import Query, scalar
from storage.store import HandlerSuspended, StoreError, Tx
from storage.tables import table_of
from tests.databases import CIPHER, Cable, Database, Server
from tests.unit.test_store_contract import kinds, record

NOW = datetime(2026, 12, 20, 1, 0, tzinfo=UTC)
XID = scalar(select(cast(func.pg_current_xact_id(), Text)))
_state = table_of(state.State)
ADDED = scalar(
    upsert(_state)
    .values(name=bindparam("name"), value=literal({}, JSON()), at=NOW)
    .on_conflict_do_nothing(index_elements=["name"])
    .returning(_state.c.name)
)
Open = Callable[..., PostgresStore]


def nap(seconds: float) -> Query[str]:
    return scalar(select(cast(func.pg_sleep(seconds), Text)))


@pytest.fixture
async def url(postgres: Server) -> AsyncIterator[str]:
    url = await postgres.create()
    yield url
    await postgres.drop(url)


@pytest.fixture
async def cable(postgres: Server) -> AsyncIterator[Cable]:
    async with Cable(postgres) as cable:
        yield cable


@pytest.fixture
async def open_store(url: str) -> AsyncIterator[Open]:
    database = Database("postgres", url)

    def opened(at: str = "", **options: int) -> PostgresStore:
        store = database.open(at, **options)
        assert isinstance(store, PostgresStore)
        return store

    yield opened
    await database.close()


async def test_what_waits_is_committed_in_groups(open_store: Open) -> None:
    store = open_store()
    ids = await asyncio.gather(*(store.write(lambda tx: tx.one(XID)) for _ in range(256)))
    assert len(set(ids)) <= 16


async def test_one_lane_has_one_hand_in_two_processes(open_store: Open) -> None:
    """Reading first and writing then loses nothing inside a lane."""
    stores = [open_store(), open_store()]

    async def count(tx: Tx) -> None:
        found = await tx.one(state.GET, name="counter") or {"n": 0}
        await tx.run(state.PUT, name="counter", value={"n": found["n"] + 1}, now=NOW)

    await asyncio.gather(*(stores[n % 2].write(count, "lane") for n in range(100)))
    assert await stores[0].read(lambda tx: tx.one(state.GET, name="counter")) == {"n": 100}


async def test_each_process_keeps_the_order_of_its_lanes(open_store: Open) -> None:
    stores = {"x": open_store(), "y": open_store()}
    await asyncio.gather(
        *(
            store.write(partial(record, kind=f"{lane}{process}{n:02}"), f"lane-{lane}")
            for n in range(40)
            for process, store in stores.items()
            for lane in "abc"
        )
    )
    found = await kinds(stores["x"])
    assert len(found) == 240
    for lane in "abc":
        for process in stores:
            ours = [kind for kind in found if kind.startswith(lane + process)]
            assert ours == sorted(ours)


async def test_many_lanes_of_two_processes_never_lock_each_other_out(open_store: Open) -> None:
    stores = [open_store(), open_store()]
    began = perf_counter()
    await asyncio.gather(
        *(stores[n % 2].write(partial(record, kind=f"k{n}"), f"lane-{n % 17}") for n in range(600))
    )
    assert len(await kinds(stores[0])) == 600
    assert perf_counter() - began < 10


async def test_a_deadlock_is_run_again(open_store: Open) -> None:
    store = open_store()
    for name in ("a", "b"):
        await store.write(lambda tx, n=name: tx.run(state.PUT, name=n, value={"n": 0}, now=NOW))  # type: ignore[misc]
    called: list[str] = []

    async def both(first: str, second: str, tx: Tx) -> None:
        tx.after_commit(lambda: called.append(first))
        for name in (first, second):
            found = await tx.one(state.GET, name=name) or {}
            await tx.run(state.PUT, name=name, value={"n": found["n"] + 1}, now=NOW)
            await tx.one(nap(0.2))

    await asyncio.gather(store.write(partial(both, "a", "b")), store.write(partial(both, "b", "a")))
    assert sorted(called) == ["a", "b"]


@pytest.fixture
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(postgres.LIMITS, "lock_timeout", "200ms")
    monkeypatch.setitem(postgres.LIMITS, "statement_timeout", "400ms")


@pytest.mark.usefixtures("_short_waits")
async def test_a_row_that_somebody_holds_ends_one_wait_only(open_store: Open, url: str) -> None:
    store = open_store()
    for name in ("held", "free"):
        await store.write(lambda tx, n=name: tx.run(state.PUT, name=n, value={}, now=NOW))  # type: ignore[misc]
    other = await asyncpg.connect(url)
    await other.execute("BEGIN")
    await other.execute("SELECT 1 FROM state WHERE name = 'held' FOR UPDATE")

    async def put(name: str, tx: Tx) -> str:
        await tx.run(state.PUT, name=name, value={"new": True}, now=NOW)
        return name

    names = ["free", "held", "free"]
    ends = await asyncio.gather(
        *(store.write(partial(put, name), "lane") for name in names), return_exceptions=True
    )
    await other.close()
    assert [type(end) for end in ends] == [str, StoreError, str]
    assert await store.write(partial(put, "held"), "lane") == "held"


@pytest.mark.usefixtures("_short_waits")
async def test_a_lane_that_somebody_holds_is_refused_in_bounded_time(
    open_store: Open, url: str
) -> None:
    store = open_store()
    other = await asyncpg.connect(url)
    await other.execute("BEGIN")
    await other.execute("SELECT pg_advisory_xact_lock($1)", lane_key("held"))
    began = perf_counter()
    with pytest.raises(StoreError):
        await store.write(partial(record, kind="no"), "held")
    assert perf_counter() - began < 1
    await store.write(partial(record, kind="yes"), "free")
    await other.close()
    await store.write(partial(record, kind="now"), "held")
    assert await kinds(store) == ["yes", "now"]


@pytest.mark.usefixtures("_short_waits")
async def test_a_statement_without_end_is_ended(open_store: Open) -> None:
    store = open_store()
    with pytest.raises(StoreError):
        await store.write(lambda tx: tx.one(nap(30)))
    with pytest.raises(StoreError):
        await store.read(lambda tx: tx.one(nap(30)))
    await store.write(partial(record, kind="next"))
    assert await kinds(store) == ["next"]


async def test_a_connection_lost_before_the_commit_is_nobodys_trouble(
    open_store: Open, cable: Cable, url: str
) -> None:
    store = open_store(cable.url(url))
    called: list[int] = []

    async def work(number: int, tx: Tx) -> None:
        await record(tx, f"k{number}")
        tx.after_commit(lambda: called.append(number))

    for word in (b"BEGIN", b"pg_advisory", b"SAVEPOINT", b"INSERT"):
        cable.cut = word
        await asyncio.gather(*(store.write(partial(work, n), "lane") for n in range(3)))
        assert called == [0, 1, 2]
        called.clear()
    assert await kinds(store) == ["k0", "k1", "k2"] * 4


async def test_a_connection_lost_in_the_commit_leaves_a_question(
    open_store: Open, cable: Cable, url: str
) -> None:
    store = open_store(cable.url(url))
    called: list[str] = []

    async def add(name: str, tx: Tx) -> None:
        await tx.run(state.ADD, name=name, value={}, now=NOW)
        tx.after_commit(lambda: called.append(name))

    await store.write(partial(add, "before"))
    cable.cut = b"COMMIT"
    with pytest.raises(StoreError, match="nobody knows"):
        await store.write(partial(add, "key"))
    assert called == ["before"]
    await store.write(partial(add, "key"))
    assert await store.read(lambda tx: tx.one(state.GET, name="key")) == {}


async def test_connections_ended_by_the_server_are_opened_again(open_store: Open, url: str) -> None:
    store = open_store()
    await asyncio.gather(*(store.write(partial(record, kind="k")) for _ in range(20)))
    await kinds(store)
    admin = await asyncpg.connect(url)
    await admin.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await admin.close()
    await asyncio.gather(*(store.write(partial(record, kind="k")) for _ in range(20)))
    assert len(await kinds(store)) == 40


async def test_while_the_server_is_away_work_is_refused_at_once(
    open_store: Open, cable: Cable, url: str
) -> None:
    store = open_store(cable.url(url))
    await store.write(partial(record, kind="before"))
    cable.away = True
    cable.pull()
    began = perf_counter()
    ends = await asyncio.gather(
        *(store.write(partial(record, kind="no"), f"lane-{n}") for n in range(200)),
        store.read(lambda tx: tx.one(XID)),
        return_exceptions=True,
    )
    assert {type(end) for end in ends} == {StoreError}
    assert perf_counter() - began < 2
    tries = cable.connections
    for _ in range(50):
        with pytest.raises(StoreError):
            await store.write(partial(record, kind="no"), "lane-1")
    assert cable.connections - tries <= 2
    cable.away = False
    for _ in range(60):
        try:
            await store.write(partial(record, kind="after"), "lane-1")
            break
        except StoreError:
            await asyncio.sleep(0.05)
    assert await kinds(open_store()) == ["before", "after"]


async def test_a_store_can_be_made_while_the_server_is_away() -> None:
    store = PostgresStore("postgresql://me:hidden@localhost:1/community", CIPHER)
    with pytest.raises(StoreError) as raised:
        await store.write(partial(record, kind="no"))
    assert "hidden" not in str(raised.value)
    await store.close()


async def test_what_a_handler_passed_over_is_not_committed(open_store: Open) -> None:
    """An error inside a transaction spoils it on PostgreSQL, whoever catches it."""
    store = open_store()

    async def work(tx: Tx) -> None:
        await record(tx, "no")
        try:
            await tx.run(activity.RECORD, member_id=1, kind="k", subject="", at=NOW)
        except asyncpg.ForeignKeyViolationError:
            return

    with pytest.raises(StoreError, match="passed over"):
        await store.write(work)
    assert await kinds(store) == []


async def test_what_refused_work_waited_for_still_serves_others(open_store: Open) -> None:
    store = open_store()
    lock = asyncio.get_running_loop().create_future()

    async def work(tx: Tx) -> None:
        await record(tx, "no")
        await lock

    with pytest.raises(HandlerSuspended):
        await store.write(work)
    asyncio.get_running_loop().call_later(0.01, lock.set_result, "free")
    assert await lock == "free"


async def outages(cable: Cable) -> None:
    for number in range(10):
        await asyncio.sleep(0.07)
        if number % 2:
            cable.cut = b"COMMIT"
            continue
        cable.away = True
        cable.pull()
        await asyncio.sleep(0.05)
        cable.away = False


class Caller:
    """Writes each key once, and tries again as long as it is refused: as a platform does."""

    def __init__(self, store: PostgresStore) -> None:
        self.store = store
        self.called: list[str] = []
        self.refused = 0

    async def insist(self, key: str) -> None:
        while True:
            try:
                return await self.store.write(partial(self._once, key), f"lane-{key[-1]}")
            except StoreError:
                self.refused += 1
                await asyncio.sleep(0.05)

    async def _once(self, key: str, tx: Tx) -> None:
        if await tx.one(ADDED, name=key) is not None:
            await record(tx, key)
            tx.after_commit(lambda: self.called.append(key))


async def test_through_ten_outages_nothing_acknowledged_is_lost_or_doubled(
    open_store: Open, cable: Cable, url: str
) -> None:
    caller = Caller(open_store(cable.url(url)))
    breaking = asyncio.gather(outages(cable))
    keys: list[str] = []
    while not breaking.done():
        more = [f"k{len(keys) + n:04}" for n in range(20)]
        await asyncio.gather(*(caller.insist(key) for key in more))
        keys += more
    await breaking
    assert caller.refused > 0
    assert sorted(await kinds(open_store())) == keys
    assert len(caller.called) == len(set(caller.called))
