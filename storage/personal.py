"""What is known of one member, and how it goes: export and erasure, generated from the schema.

Nothing here names a table: each says in its own file what erasing its owner does (`kept`),
which class of personal data every column holds, and what a sealed column is bound to. A table
added tomorrow is exported and erased without a line here, or `problems` fails the build.
"""

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Any

from sqlalchemy import Column, LargeBinary, Table, bindparam, delete, select, update

from storage.query import Query, change, scalar
from storage.schema import tables
from storage.seal import Cipher, SealBroken
from storage.store import Tx
from storage.tables import Erase, Personal

BY_HAND: Mapping[str, str] = {
    "role": "bound to an account, which may be no member",
    "inbox": "an element names no member; its lane does",
}
"""Tables with personal columns and no owner column; `bot.disclosure` shows what they hold of a
member's accounts, and `bot.erasure` takes it away."""


@dataclass(frozen=True, slots=True)
class Section:
    """What one table knows of a member.

    Each row maps the personal columns that hold something to their values; sealed columns are
    opened to bytes.
    """

    table: str
    rows: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class _Known:
    """How to read one table's rows of a member. `bounds` maps sealed columns to their templates."""

    table: str
    query: Query[dict[str, Any]]
    shown: tuple[str, ...]
    bounds: Mapping[str, str]

    def opened(self, cipher: Cipher, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return the row's personal values that are not empty, in the clear."""
        found = {name: row[name] for name in self.shown if not _empty(row[name])}
        for name in found.keys() & self.bounds.keys():
            found[name] = cipher.open(found[name], self.bounds[name].format_map(row))
        return found


@dataclass(frozen=True, slots=True)
class _Own:
    """How to look after one column whose values are sealed with their owners' own keys."""

    where: str
    newest: Query[dict[str, Any]]
    owners: Query[int]
    drop: Query[None]
    bound: str
    column: str


async def export(tx: Tx, member_id: int) -> list[Section]:
    """Return everything personal that is stored of a member, table by table.

    Raises:
        SealBroken: a sealed value does not open with our keys.
    """
    sections = []
    for known in _KNOWN:
        found = await tx.all(known.query, member=member_id)
        opened = (known.opened(tx.cipher, row) for row in found)
        rows = tuple(row for row in opened if row)
        if rows:
            sections.append(Section(known.table, rows))
    return sections


async def erase(tx: Tx, member_id: int) -> None:
    """Delete or blank every row that names a member, and at last the member."""
    for statement in _ERASURES:
        await tx.run(statement, member=member_id)


async def unreadable(tx: Tx) -> list[str]:
    """Return the columns whose newest value does not open with the key file as it is."""
    found = []
    for own in _OWN:
        row = await tx.one(own.newest)
        try:
            if row is not None:
                tx.cipher.open(row[own.column], own.bound.format_map(row))
        except SealBroken:
            found.append(own.where)
    return found


async def drop_unreadable(tx: Tx, readable: Container[int]) -> int:
    """Drop what is sealed with the key of a member not in `readable`; return how many values."""
    dropped = 0
    for own in _OWN:
        for member_id in await tx.all(own.owners):
            if member_id not in readable:
                dropped += await tx.run(own.drop, member=member_id)
    return dropped


def personal_columns(table: Table) -> list[Column[Any]]:
    """Return the columns that tell something of the row's owner, the owner's own number aside."""
    owner = table.info.get("owner")
    return [c for c in table.columns if _class(c) is not Personal.NONE and c.name != owner]


def problems(found: Iterable[Table]) -> list[str]:
    """Return what keeps export and erasure from being complete; the build wants none."""
    return [
        f"{where}: {wrong}"
        for table in found
        for where, wrong in (
            *_problems_of_table(table),
            *((f"{table.name}.{c.name}", wrong) for c in table.columns for wrong in _wrong(c)),
        )
    ]


def _problems_of_table(table: Table) -> Iterable[tuple[str, str]]:
    if "erase" not in table.info:
        if table.name not in BY_HAND and personal_columns(table):
            yield table.name, "holds personal data and does not say what erasing its owner does"
    elif table.info["owner"] not in table.columns:
        yield table.name, "names an owner column that it does not have"


def _wrong(column: Column[Any]) -> Iterable[str]:
    if not isinstance(column.info.get("personal"), Personal):
        yield "says no class of personal data"
        return
    bound = column.info.get("bound", "")
    if isinstance(column.type, LargeBinary) and not bound:
        yield "is sealed and does not say what for"
    if not _fields(bound) <= set(column.table.columns.keys()):
        yield "is sealed for something that its row does not know"
    if column.info.get("own_key") and "owner" not in column.table.info:
        yield "is sealed with the key of an owner that its table does not name"
    if column.table.info.get("erase") == Erase.BLANK and _blanked(column) and not column.nullable:
        yield "must become NULL when its owner is erased, and cannot"


def _class(column: Column[Any]) -> Personal:
    found: Personal = column.info.get("personal", Personal.NONE)
    return found


def _blanked(column: Column[Any]) -> bool:
    """Whether blanking a row takes this column's value: what was done and when may stay."""
    return _class(column) not in {Personal.NONE, Personal.ACTIVITY}


def _fields(template: str) -> set[str]:
    """Return the columns that a template is filled with."""
    return {name for _, name, _, _ in Formatter().parse(template) if name is not None}


def _empty(value: object) -> bool:
    """Whether a column says nothing; 0 is an answer, False is not."""
    return value is None or value is False or value in ("", [], {})


def _owned() -> list[Table]:
    return [table for table in tables() if "erase" in table.info]


def _by_name(names: tuple[str, ...]) -> Callable[[list[Any]], dict[str, Any]]:
    return lambda columns: dict(zip(names, columns, strict=True))


def _known(table: Table) -> _Known:
    shown = tuple(column.name for column in personal_columns(table))
    bounds = {name: table.c[name].info["bound"] for name in shown if table.c[name].info["bound"]}
    needed = {field for template in bounds.values() for field in _fields(template)}
    names = (*shown, *sorted(needed - set(shown)))
    statement = (
        select(*(table.c[name] for name in names))
        .where(table.c[table.info["owner"]] == bindparam("member"))
        .order_by(*table.primary_key)
    )
    return _Known(table.name, Query(statement, _by_name(names)), shown, bounds)


def _erasure(table: Table) -> Query[None]:
    ours = table.c[table.info["owner"]] == bindparam("member")
    if table.info["erase"] == Erase.DELETE:
        return change(delete(table).where(ours))
    blanks = {column.name: None for column in table.columns if _blanked(column)}
    return change(update(table).where(ours).values(blanks))


def _own(column: Column[Any]) -> _Own:
    """A value that can no longer be read becomes NULL; where it is all there is, its row goes."""
    table, bound = column.table, column.info["bound"]
    owner = table.c[table.info["owner"]]
    names = (column.name, *sorted(_fields(bound)))
    newest = (
        select(*(table.c[name] for name in names))
        .where(column.is_not(None))
        .order_by(*(key.desc() for key in table.primary_key))
        .limit(1)
    )
    theirs = owner == bindparam("member"), column.is_not(None)
    return _Own(
        where=f"{table.name}.{column.name}",
        newest=Query(newest, _by_name(names)),
        owners=scalar(select(owner).where(column.is_not(None)).distinct()),
        drop=change(
            update(table).where(*theirs).values({column.name: None})
            if column.nullable
            else delete(table).where(*theirs)
        ),
        bound=bound,
        column=column.name,
    )


def _unlinking(table: Table) -> Iterable[Query[None]]:
    """Yield how rows of others forget that they mention the member."""
    for column in table.columns:
        mentions = any(key.target_fullname == "member.id" for key in column.foreign_keys)
        if mentions and column.name != table.info.get("owner"):
            yield change(update(table).where(column == bindparam("member")).values({column: None}))


_KNOWN = tuple(_known(table) for table in _owned() if personal_columns(table))
_OWN = tuple(_own(c) for table in _owned() for c in table.columns if c.info.get("own_key"))
# Those that refer go before those that are referred to; the member goes last.
_ERASURES = (
    *(statement for table in tables() for statement in _unlinking(table)),
    *(_erasure(table) for table in reversed(_owned())),
)
