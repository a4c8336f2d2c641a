"""A query's compiled text does what SQLAlchemy's own execution does, for every query there is."""

import sqlite3
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, TypeVar
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import (
    JSON,
    BindParameter,
    Boolean,
    Connection,
    CursorResult,
    Date,
    Enum,
    Integer,
    LargeBinary,
    String,
    Uuid,
    bindparam,
    column,
    create_engine,
    event,
    exc,
    insert,
    select,
)
from sqlalchemy.sql.visitors import cloned_traverse
from sqlalchemy.types import TypeEngine
from sqlmodel import SQLModel

from storage import members, personal, schema
from storage.query import SQLITE, Query, change, rows, scalar
from storage.seal import Cipher
from storage.sqlite import SqliteTx

T = TypeVar("T")

QUERIES = {
    f"{module.__name__}.{name}": query
    for module in schema.TOPICS
    for name, query in vars(module).items()
    if isinstance(query, Query)
} | {f"personal.{number}": q for number, q in enumerate(personal._ERASURES)}  # noqa: SLF001

MOMENTS = [
    datetime(2026, 12, 20, 1, 0, tzinfo=UTC),
    datetime(2026, 12, 20, 1, 0, 0, 123456, tzinfo=UTC),
    datetime(2027, 1, 31, 15, 0, tzinfo=UTC),
]
WORDS = ["a", "b", "花子", "", "a\0b'\"%_"]
SEEDED = 4


POOLS: dict[type[TypeEngine[Any]], list[Any]] = {
    Boolean: [True, False],
    Integer: [*range(1, SEEDED + 1), 2**40],
    String: WORDS,
    LargeBinary: [b"x", b"\0\xff"],
    JSON: [{}, {"a": [1, "花", None]}, []],
    Uuid: [UUID(int=1), UUID(int=2), UUID(int=2**127)],
    Date: [date(2026, 12, 20), date(2027, 1, 31)],
}
"""Values of a column's type, few enough that rows meet; any other type is a moment."""


def pool(kind: TypeEngine[Any]) -> list[Any]:
    if isinstance(kind, Enum) and kind.enum_class is not None:
        return list(kind.enum_class)
    return next((values for known, values in POOLS.items() if isinstance(kind, known)), MOMENTS)


def wanted(query: Query[Any]) -> dict[str, st.SearchStrategy[Any]]:
    """Return what a query must be given, by name; each may be None where it is no JSON."""
    compiled: Any = query.statement.compile(dialect=SQLITE)
    found = {}
    for bind, name in compiled.bind_names.items():
        if bind.required:
            values = st.sampled_from(pool(bind.type))
            found[name] = values if isinstance(bind.type, JSON) else values | st.none()
    return found


@dataclass(frozen=True)
class Pair:
    """Two equal databases: one for our text, one for SQLAlchemy."""

    ours: sqlite3.Connection
    theirs: Connection

    def dumps(self) -> tuple[list[Any], list[Any]]:
        """Return all rows of both, as the driver gives them."""
        raw = self.theirs.connection.driver_connection
        assert raw is not None
        queries = [f'SELECT * FROM "{table.name}"' for table in schema.tables()]  # noqa: S608
        return (
            [sorted(self.ours.execute(query).fetchall(), key=repr) for query in queries],
            [sorted(raw.execute(query).fetchall(), key=repr) for query in queries],
        )


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("queries")
    for name in ("ours.db", "theirs.db"):
        engine = create_engine(f"sqlite:///{folder / name}")
        SQLModel.metadata.create_all(engine)
        with engine.begin() as connection:
            _seed(connection)
        engine.dispose()
    ours = sqlite3.connect(folder / "ours.db", isolation_level=None)
    engine = create_engine(f"sqlite:///{folder / 'theirs.db'}")
    # Transactions are ours to begin, on both sides.
    event.listen(engine, "connect", lambda raw, _: setattr(raw, "isolation_level", None))
    with engine.connect() as theirs:
        yield Pair(ours, theirs)
    ours.close()
    engine.dispose()


def _seed(connection: Connection) -> None:
    for table in schema.tables():
        for number in range(1, SEEDED + 1):
            values = {
                each.name: pool(each.type)[(number - 1) % len(pool(each.type))]
                for each in table.columns
            }
            connection.execute(insert(table).prefix_with("OR IGNORE").values(values))


@pytest.mark.parametrize("name", QUERIES)
@settings(
    max_examples=6, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_our_text_does_what_sqlalchemy_does(pair: Pair, name: str, data: st.DataObject) -> None:
    query = QUERIES[name]
    values = data.draw(st.fixed_dictionaries(wanted(query)), label="values")
    pair.ours.execute("BEGIN")
    pair.theirs.exec_driver_sql("BEGIN")
    try:
        assert _ours(pair.ours, query, values) == _theirs(pair.theirs, query, values)
        if not getattr(query.statement, "is_select", False):
            mine, other = pair.dumps()
            assert mine == other
    finally:
        pair.ours.execute("ROLLBACK")
        pair.theirs.exec_driver_sql("ROLLBACK")


def _ours(connection: sqlite3.Connection, query: Query[Any], values: dict[str, Any]) -> object:
    tx = SqliteTx(connection, Cipher.__new__(Cipher))
    try:
        # What returns rows is known by their columns, as SQLAlchemy knows it.
        if getattr(query.statement, "exported_columns", ()):
            return [_plain(row) for row in _driven(tx.all(query, **values))]
        return _driven(tx.run(query, **values))
    except sqlite3.Error as error:
        return type(error).__name__


def _theirs(connection: Connection, query: Query[Any], values: dict[str, Any]) -> object:
    try:
        result = _executed(connection, query, values)
        if result.returns_rows:
            return [_plain(query.row(list(row))) for row in result.fetchall()]
    except exc.DBAPIError as error:
        return type(error.orig).__name__
    except exc.StatementError as error:
        return type(error.orig).__name__
    else:
        return result.rowcount


def _executed(
    connection: Connection, query: Query[Any], values: dict[str, Any]
) -> CursorResult[Any]:
    statement: Any = query.statement
    try:
        return connection.execute(statement, values)
    except exc.CompileError:
        # A value named like a column would be taken for one to SET: it goes into the statement.
        def put(bind: BindParameter[Any]) -> None:
            if bind.key in values:
                bind.value, bind.required = values[bind.key], False

        return connection.execute(cloned_traverse(statement, {}, {"bindparam": put}))


def _plain(row: object) -> object:
    return tuple(row) if isinstance(row, tuple) else row


def _driven(coroutine: Coroutine[Any, Any, T]) -> T:
    try:
        coroutine.send(None)
    except StopIteration as stop:
        value: T = stop.value
        return value
    raise AssertionError


def test_every_query_is_made_once() -> None:
    compiled = members.MEMBER_BY_ACCOUNT.compiled(SQLITE)
    assert members.MEMBER_BY_ACCOUNT.compiled(SQLITE) is compiled
    assert len(QUERIES) > 80


@pytest.mark.parametrize("values", [{}, {"wrong": 1}, {"member_id": 1, "more": 2}])
def test_a_missing_or_foreign_value_is_a_named_error(values: dict[str, int]) -> None:
    query = scalar(select(column("id")).where(column("id") == bindparam("member_id")))
    with pytest.raises((TypeError, KeyError)):
        query.compiled(SQLITE).bind(values)


def test_the_makers_say_what_rows_become() -> None:
    assert scalar(select(1)).row([7]) == 7
    assert change(select(1)).row([7]) is None
    assert rows(select(1), members.GrantRow).row(["line", "r", "u", "staff"]).user_id == "u"
