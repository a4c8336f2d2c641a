"""What the two databases must be told differently; each is one expression everywhere else."""

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import BigInteger, String, bindparam, cast
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.functions import FunctionElement


class _Elements(FunctionElement[Any]):
    """The elements of a JSON list, as rows."""

    name = "elements"
    inherit_cache = True


class _Unindexed(FunctionElement[Any]):
    """A column that is read, never looked up."""

    name = "unindexed"
    inherit_cache = True


@compiles(_Elements, "sqlite")
def _json_each(element: _Elements, compiler: Any, **options: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **options)})"


@compiles(_Elements, "postgresql")
def _json_array_elements(element: _Elements, compiler: Any, **options: Any) -> str:
    return f"json_array_elements_text(CAST({compiler.process(element.clauses, **options)} AS JSON))"


@compiles(_Unindexed)
def _as_it_is(element: _Unindexed, compiler: Any, **options: Any) -> str:
    found: str = compiler.process(element.clauses, **options)
    return found


@compiles(_Unindexed, "sqlite")
def _with_a_plus(element: _Unindexed, compiler: Any, **options: Any) -> str:
    return f"+{compiler.process(element.clauses, **options)}"


def each(name: str) -> ColumnElement[int]:
    """Return the column that has one row for each number of the parameter `name`; see `listed`."""
    found = _Elements(bindparam(name, type_=String())).table_valued("value")
    return cast(found.c.value, BigInteger)


def listed(numbers: Iterable[int]) -> str:
    """Return the value of a parameter that `each` reads."""
    return json.dumps(list(numbers))


def unindexed(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return a column that SQLite reads in passing and does not start from.

    It keeps no statistics, so it takes `platform = ?` for a few rows, not for everyone.
    """
    made: ColumnElement[Any] = _Unindexed(column)
    made.type = column.type
    return made
