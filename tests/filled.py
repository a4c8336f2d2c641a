"""Rows for every table there is, made from the tables' own declarations."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from sqlalchemy import JSON, Column, Enum, LargeBinary, Table, TypeDecorator, Uuid, bindparam
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.types import TypeEngine

from storage.query import change
from storage.schema import tables
from storage.store import Tx

NOW = datetime(2026, 12, 20, 1, 0, 0, 123456, tzinfo=UTC)
ROWS = 7


def value_of(column: Column[Any], number: int) -> object:
    """A value that row `number` could have; every third row leaves out what may be left out."""
    for key in column.foreign_keys:
        parent = key.column.table
        return number if key.column.name == "id" and parent.name == "member" else f"id-{number}"
    if column.nullable and number % 3 == 0:
        return None
    return value_for(column.type, column.name, number)


def value_for(type_: TypeEngine[Any], name: str, number: int) -> object:
    """A value of a type, different for each number."""
    plain = type_.impl_instance if isinstance(type_, TypeDecorator) else type_
    if isinstance(plain, Enum):
        kinds = list(plain.enum_class or ())
        return kinds[number % len(kinds)]
    if isinstance(plain, JSON) and name == "options":
        return ["lashes", number]
    if isinstance(plain, JSON):
        return {"b": [number, None, True, 0.5], "a": "まつげ \x00 \ud83d"}
    if isinstance(plain, LargeBinary):
        return bytes([0, 255, number % 256])
    if isinstance(plain, Uuid):
        return uuid5(NAMESPACE_OID, f"{name}-{number}")
    at = NOW + timedelta(hours=number)
    made: dict[str, object] = {
        "int": number,
        "bool": number % 2 == 0,
        "str": f"{name}-{number}",
        "object": f"{name}-{number}",  # a parameter that stands in an expression
        "datetime": at,
        "date": at.date(),
    }
    return made[plain.python_type.__name__]


def numbered(table: Table) -> bool:
    """Whether the database numbers the rows of a table."""
    return "id" in table.c and table.c.id.type.python_type is int


async def fill(tx: Tx, count: int = ROWS) -> None:
    """Put `count` rows into every table; the database numbers them from 1."""
    for table in tables():
        columns = [c for c in table.columns if not (c.name == "id" and numbered(table))]
        add = change(insert(table).values({c: bindparam(c.name, type_=c.type) for c in columns}))
        for number in range(1, count + 1):
            await tx.run(add, **{c.name: value_of(c, number) for c in columns})
