"""The community's own small state: named values, counters, counted messages, permits."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, UniqueConstraint, bindparam, case, delete, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlmodel import SQLModel

from storage.query import change, scalar
from storage.tables import BIG, column, kept, row_id, table_of


class State(SQLModel, table=True):
    """A named value: the emergency stop, the hash secret, an owner code."""

    __table_args__ = kept(None)
    name: str = column(primary_key=True)
    value: dict[str, Any] = column(sa_type=JSON)
    at: datetime = column()


class Counter(SQLModel, table=True):
    """A number that only grows (deletion receipts)."""

    __table_args__ = kept(None)
    name: str = column(primary_key=True)
    value: int = column()


class Usage(SQLModel, table=True):
    """Messages that a platform counted in one month (YYYY-MM in the community's zone)."""

    __table_args__ = (UniqueConstraint("platform", "month"), kept(None))
    id: int | None = row_id()
    platform: str = column()
    month: str = column()
    counted: int = column()


class Permit(SQLModel, table=True):
    """A platform token's rate: `tat` is its theoretical arrival time (GCRA), in microseconds."""

    __table_args__ = kept(None)
    token: str = column(primary_key=True)
    tat: int = column(sa_type=BIG)


_state, _counter = table_of(State), table_of(Counter)
_usage, _permit = table_of(Usage), table_of(Permit)

GET = scalar(select(_state.c.value).where(_state.c.name == bindparam("name")))
PUT = change(
    upsert(_state)
    .values(name=bindparam("name"), value=bindparam("value", type_=JSON()), at=bindparam("now"))
    .on_conflict_do_update(
        index_elements=["name"],
        set_={"value": bindparam("value", type_=JSON()), "at": bindparam("now")},
    )
)
ADD = change(
    upsert(_state)
    .values(name=bindparam("name"), value=bindparam("value", type_=JSON()), at=bindparam("now"))
    .on_conflict_do_nothing(index_elements=["name"])
)
DROP = change(delete(_state).where(_state.c.name == bindparam("name")))
DROP_OLDER = change(
    delete(_state).where(
        _state.c.name.startswith(bindparam("prefix")), _state.c.at < bindparam("before")
    )
)
NEXT = scalar(
    upsert(_counter)
    .values(name=bindparam("name"), value=1)
    .on_conflict_do_update(index_elements=["name"], set_={"value": _counter.c.value + 1})
    .returning(_counter.c.value)
)
SET_COUNTER = change(
    upsert(_counter)
    .values(name=bindparam("name"), value=bindparam("value"))
    .on_conflict_do_update(index_elements=["name"], set_={"value": bindparam("value")})
)
COUNTED = scalar(
    select(_usage.c.counted).where(
        _usage.c.platform == bindparam("platform"), _usage.c.month == bindparam("month")
    )
)
ADD_COUNTED = change(
    upsert(_usage)
    .values(platform=bindparam("platform"), month=bindparam("month"), counted=bindparam("counted"))
    .on_conflict_do_update(
        index_elements=["platform", "month"],
        set_={"counted": _usage.c.counted + bindparam("counted")},
    )
)
SET_COUNTED = change(
    upsert(_usage)
    .values(platform=bindparam("platform"), month=bindparam("month"), counted=bindparam("counted"))
    .on_conflict_do_update(
        index_elements=["platform", "month"], set_={"counted": bindparam("counted")}
    )
)
OPEN_PERMIT = change(
    upsert(_permit)
    .values(token=bindparam("token"), tat=bindparam("tat"))
    .on_conflict_do_nothing(index_elements=["token"])
)
_NOW, _LATEST = bindparam("now", type_=BIG), bindparam("latest", type_=BIG)
_COST = bindparam("cost", type_=BIG)
# One statement: any number of workers queue up at the row and none gets another's permits.
RESERVE_PERMITS = scalar(
    upsert(_permit)
    .values(token=bindparam("token"), tat=_NOW + _COST)
    .on_conflict_do_update(
        index_elements=["token"],
        set_={
            "tat": case(
                (_permit.c.tat < _NOW, _NOW),
                (_permit.c.tat > _LATEST, _LATEST),
                else_=_permit.c.tat,
            )
            + _COST
        },
    )
    .returning(_permit.c.tat)
)
MOVE_PERMIT = scalar(
    update(_permit)
    .where(_permit.c.token == bindparam("token"))
    .values(tat=bindparam("tat"))
    .returning(_permit.c.tat)
)
