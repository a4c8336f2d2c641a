"""What every table shares: column makers, naming, and where personal data is declared.

Each column says which class of personal data it holds (or that it holds none), and each
table says what erasing its owner does to its rows. Export, erasure and retention are
generated from these declarations; a column without a class fails the build.
"""

from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Enum, Index, Integer, LargeBinary, MetaData, Table, text
from sqlmodel import Field, SQLModel

SQLModel.metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

BIG = BigInteger().with_variant(Integer(), "sqlite")
"""64-bit keys; SQLite numbers rows by itself only for a column typed INTEGER."""


class Personal(StrEnum):
    """Classes of personal data; NONE is said aloud so that nobody forgets to decide."""

    NONE = "none"
    IDENTITY = "identity"
    """Who: platform ids, names."""
    ANSWER = "answer"
    """What a member told us: answers, tags, introductions, pictures."""
    ACTIVITY = "activity"
    """What a member did, and when."""
    MESSAGE = "message"
    """What was said on the way in or out; short-lived."""


class Erase(StrEnum):
    """What erasing a member does to the rows of a table that name the member."""

    DELETE = "delete"
    BLANK = "blank"
    """The row stays as a number of the past: what was done and when (ACTIVITY) is kept, every
    other personal column becomes NULL."""


def kept(erase: Erase | None, owner: str = "member_id") -> dict[str, Any]:
    """Return the `info` of a table; `owner` is the column that names the member."""
    return {"info": {"erase": erase.value, "owner": owner} if erase else {}}


def column(
    personal: Personal = Personal.NONE, *, bound: str = "", own_key: bool = False, **field: Any
) -> Any:
    """Declare a column with its class of personal data; the rest is SQLModel's `Field`."""
    info = {"personal": personal, "bound": bound, "own_key": own_key}
    return Field(sa_column_kwargs={**field.pop("sa_column_kwargs", {}), "info": info}, **field)


def row_id() -> Any:
    """Declare a row's own number, given by the database."""
    return column(default=None, primary_key=True, sa_type=BIG)


def member_ref(*, nullable: bool = True, index: bool = True) -> Any:
    """Declare the column that names the member a row is about."""
    return column(
        Personal.IDENTITY, foreign_key="member.id", nullable=nullable, index=index, sa_type=BIG
    )


def sealed(personal: Personal, bound: str, *, nullable: bool = True, own_key: bool = False) -> Any:
    """Declare an encrypted column; `storage.seal` opens it.

    `bound` is what its values are sealed for, as a template over columns of the same row. With
    `own_key` the key is the owner's own, and destroyed when the owner is erased.
    """
    kind = {"nullable": nullable, "sa_type": LargeBinary}
    return column(personal, bound=bound, own_key=own_key, default=None, **kind)


def partial(name: str, where: str, *columns: str) -> Index:
    """Index only the rows that `where` (one column's constant) picks: the few that wait.

    Rows that are done are most of a table and cost such an index nothing.
    """
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))


def table_of(model: type[SQLModel]) -> Table:
    """Return the Core table behind a model."""
    table: Table = model.__table__  # type: ignore[attr-defined]
    return table


def choice(kind: type[StrEnum]) -> Any:
    """Return the column type of an enum: its values as text, checked by Python alone."""
    return Enum(
        kind, native_enum=False, length=32, values_callable=lambda e: [member.value for member in e]
    )
