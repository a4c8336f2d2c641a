"""Export and erasure are complete for every table there is, and for the one added tomorrow."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import (
    JSON,
    Column,
    Enum,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    TypeDecorator,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import insert

from bot.disclosure import label
from storage import migrate, personal
from storage.keyring import Keyring
from storage.query import Query, change, scalar
from storage.schema import tables
from storage.seal import Cipher
from storage.sqlite import SqliteStore
from storage.store import Tx
from storage.tables import Personal
from tests.unit.test_house import copy

PROMPTS = Path(__file__).parents[2] / "prompts" / "copy"
OWNED = [table for table in tables() if "erase" in table.info]
NOW = datetime(2026, 12, 20, 1, 0, tzinfo=UTC)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    migrate.upgrade(tmp_path / "a.db")
    keys = [Fernet.generate_key().decode()]
    cipher = Cipher(keys, b"secret", Keyring(tmp_path / "a.db.keys", keys))
    opened = SqliteStore(tmp_path / "a.db", cipher)
    yield opened
    await opened.close()
    cipher.keyring.close()


def value_of(column: Column[Any], owner: str, member: int, said: str) -> object:
    """A value that a row of `member` could have; texts and lists carry `said`."""
    if column.name == owner:
        return member
    if isinstance(column.type, Enum):
        return next(iter(column.type.enum_class or ()))
    if isinstance(column.type, JSON):
        return [said]
    by_type = {
        int: member,
        str: f"{said}-{column.name}",
        bool: True,
        datetime: NOW,
        date: NOW.date(),
        UUID: uuid4(),
    }
    plain = column.type.impl_instance if isinstance(column.type, TypeDecorator) else column.type
    return by_type[plain.python_type]


def row_of(table: Table, cipher: Cipher, member: int, said: str) -> dict[str, Any]:
    owner = table.info["owner"]
    sealed = {c.name: c.info["bound"] for c in table.columns if c.info["bound"]}
    row = {c.name: value_of(c, owner, member, said) for c in table.columns if c.name not in sealed}
    for fk in (
        fk for c in table.columns for fk in c.foreign_keys if fk.column.table.name == "coupon"
    ):
        row[fk.parent.name] = "coupon"
    bound = {name: template.format_map(row) for name, template in sealed.items()}
    seals = {name: cipher.of(member) if table.c[name].info["own_key"] else cipher for name in bound}
    return row | {name: seals[name].seal(f"{said}-{name}", bound[name]) for name in bound}


async def fill(store: SqliteStore, member: int, said: str) -> None:
    """Give a member one row in every table that names members."""
    coupon = next(table for table in tables() if table.name == "coupon")

    async def write(tx: Tx) -> None:
        stock = insert(coupon).values(id="coupon", stock=9, issued=0).on_conflict_do_nothing()
        await tx.run(change(stock))
        for table in OWNED:
            row = row_of(table, store.cipher, member, said)
            await tx.run(change(insert(table).values(row)))

    await store.write(write)


async def test_the_schema_says_what_export_and_erasure_need() -> None:
    assert personal.problems(tables()) == []


def test_a_table_is_exported_or_somebody_says_why_not() -> None:
    without = {t.name for t in tables() if t not in OWNED and personal.personal_columns(t)}
    assert without == set(personal.BY_HAND)
    assert all(personal.BY_HAND.values())


def none(name: str, **more: Any) -> Column[Any]:
    return Column(name, Integer, info={"personal": Personal.NONE, "bound": ""}, **more)


@pytest.mark.parametrize(
    ("columns", "info", "found"),
    [
        ([Column("note", String)], {}, "planted.note: says no class of personal data"),
        (
            [Column("note", String, info={"personal": Personal.ANSWER})],
            {},
            "planted: holds personal data and does not say what erasing its owner does",
        ),
        (
            [none("note")],
            {"erase": "delete", "owner": "member_id"},
            "planted: names an owner column that it does not have",
        ),
        (
            [none("member_id"), Column("x", LargeBinary, info={"personal": Personal.ANSWER})],
            {"erase": "delete", "owner": "member_id"},
            "planted.x: is sealed and does not say what for",
        ),
        (
            [
                none("member_id"),
                Column("x", LargeBinary, info={"personal": Personal.ANSWER, "bound": "x:{key}"}),
            ],
            {"erase": "delete", "owner": "member_id"},
            "planted.x: is sealed for something that its row does not know",
        ),
        (
            [
                none("member_id"),
                Column("x", String, nullable=False, info={"personal": Personal.ANSWER}),
            ],
            {"erase": "blank", "owner": "member_id"},
            "planted.x: must become NULL when its owner is erased, and cannot",
        ),
        (
            [
                Column(
                    "x",
                    LargeBinary,
                    info={"personal": Personal.NONE, "bound": "x", "own_key": True},
                )
            ],
            {},
            "planted.x: is sealed with the key of an owner that its table does not name",
        ),
    ],
)
def test_a_planted_table_is_found(
    columns: list[Column[Any]], info: dict[str, str], found: str
) -> None:
    planted = Table("planted", MetaData(), *columns, info=info)
    assert personal.problems([planted]) == [found]


async def test_everything_is_exported_in_the_clear(store: SqliteStore) -> None:
    await fill(store, 1, "sakura")
    await fill(store, 2, "momo")
    sections = await store.read(lambda tx: personal.export(tx, 1))
    shown = {s.table: s.rows for s in sections}
    assert shown.keys() == {t.name for t in OWNED if personal.personal_columns(t)}
    for table in OWNED:
        names = {column.name for column in personal.personal_columns(table)}
        for row in shown.get(table.name, ()):
            assert row.keys() == names
    assert shown["member"][0]["nickname"] == b"sakura-nickname"
    assert shown["answer"][0]["text"] == b"sakura-text"
    assert "momo" not in repr(sections)


async def test_what_is_empty_is_not_shown_and_zero_is_an_answer(store: SqliteStore) -> None:
    await fill(store, 1, "sakura")
    answer = next(t for t in OWNED if t.name == "answer")
    await store.write(
        lambda tx: tx.run(
            change(answer.update().values(number=0, skipped=False, options=[], text=None))
        )
    )
    sections = await store.read(lambda tx: personal.export(tx, 1))
    row = next(s for s in sections if s.table == "answer").rows[0]
    assert row["number"] == 0
    assert row.keys().isdisjoint({"skipped", "options", "text"})


async def test_erasing_leaves_numbers_and_nothing_else(store: SqliteStore) -> None:
    await fill(store, 1, "sakura")
    await fill(store, 2, "momo")
    await store.write(lambda tx: personal.erase(tx, 1))
    assert await store.read(lambda tx: personal.export(tx, 1)) == []
    assert await store.read(lambda tx: personal.export(tx, 2)) != []
    for table in OWNED:
        left = 2 if table.info["erase"] == "blank" else 1
        rows = scalar(select(func.count()).select_from(table))
        assert await store.read(lambda tx, rows=rows: tx.one(rows)) == left, table.name  # type: ignore[misc]
        for row in await store.read(lambda tx, table=table: tx.all(everything(table))):  # type: ignore[misc]
            named = [column.name for column in personal.personal_columns(table)]
            kept_of_past = {n for n in named if table.c[n].info["personal"] == Personal.ACTIVITY}
            if row[table.info["owner"]] is None:
                assert {n for n in named if row[n] is not None} <= kept_of_past


async def test_what_a_member_wrote_is_under_the_members_own_key() -> None:
    own = {f"{t.name}.{c.name}" for t in OWNED for c in t.columns if c.info["own_key"]}
    assert own == {"member.nickname", "answer.text", "introduction.text", "media.content"}


async def test_without_its_key_a_value_is_named_and_can_be_dropped(store: SqliteStore) -> None:
    await fill(store, 1, "sakura")
    await fill(store, 2, "momo")
    assert await store.read(personal.unreadable) == []
    store.cipher.keyring.forget(2, (), NOW)
    closed = await store.read(personal.unreadable)
    assert {"member.nickname", "answer.text", "introduction.text"} <= set(closed)
    assert await store.write(lambda tx: personal.drop_unreadable(tx, {1})) == 4
    assert await store.read(personal.unreadable) == []
    sections = {s.table: s.rows for s in await store.read(lambda tx: personal.export(tx, 2))}
    assert "media" not in sections
    assert "nickname" not in sections["member"][0]
    assert "text" not in sections["answer"][0]
    assert (await store.read(lambda tx: personal.export(tx, 1)))[0].rows


def everything(table: Table) -> Query[dict[str, Any]]:
    names = [column.name for column in table.columns]
    return Query(select(table), lambda columns: dict(zip(names, columns, strict=True)))


async def test_the_number_of_an_erased_member_is_never_given_again(store: SqliteStore) -> None:
    await fill(store, 7, "sakura")
    await store.write(lambda tx: personal.erase(tx, 7))
    member = next(t for t in OWNED if t.name == "member")
    add = scalar(insert(member).values(joined_at=NOW).returning(member.c.id))
    assert await store.write(lambda tx: tx.one(add)) == 8


@pytest.mark.parametrize("language", ["ja", "en"])
def test_everything_personal_has_a_name_in_every_language(language: str) -> None:
    wanted = {key for table in OWNED for key in keys(table)}
    wanted |= {label(table) for table in personal.BY_HAND}
    assert wanted - copy(PROMPTS / language).keys() == set()


def keys(table: Table) -> list[str]:
    columns = personal.personal_columns(table)
    return [label(table.name), *(label(table.name, c.name) for c in columns)] if columns else []
