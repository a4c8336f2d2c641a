"""Coupons with limited stock: given once to a member, never more than there are."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import (
    CheckConstraint,
    UniqueConstraint,
    bindparam,
    case,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlmodel import SQLModel

from storage.query import change, rows, scalar
from storage.tables import Erase, Personal, column, kept, member_ref, row_id, table_of


class Coupon(SQLModel, table=True):
    """A coupon's stock; its words and dates stand in community.toml."""

    __table_args__ = (
        CheckConstraint("issued >= 0 AND issued <= stock", name="stock"),
        kept(None),
    )
    id: str = column(primary_key=True)
    stock: int = column()
    issued: int = column(default=0)


class CouponIssue(SQLModel, table=True):
    """A coupon given to a member; it stays as a number when the member is erased."""

    __tablename__ = "coupon_issue"
    __table_args__ = (UniqueConstraint("coupon", "member_id"), kept(Erase.BLANK))
    id: int | None = row_id()
    coupon: str = column(Personal.ACTIVITY, foreign_key="coupon.id", index=True)
    member_id: int | None = member_ref()
    issued_at: datetime = column(Personal.ACTIVITY)
    opened_at: datetime | None = column(Personal.ACTIVITY, default=None)


class StockRow(NamedTuple):
    """Stock of one coupon and how many were given and looked at."""

    id: str
    stock: int
    issued: int


class IssueRow(NamedTuple):
    """One coupon of one member."""

    coupon: str
    issued_at: datetime
    opened_at: datetime | None


_coupon, _issue = table_of(Coupon), table_of(CouponIssue)

PUT_STOCK = change(
    upsert(_coupon)
    .values(id=bindparam("coupon"), stock=bindparam("stock"), issued=0)
    .on_conflict_do_update(
        index_elements=["id"],
        # Never below what was already given: the CHECK would refuse the whole start.
        set_={
            "stock": case(
                (bindparam("stock") < _coupon.c.issued, _coupon.c.issued), else_=bindparam("stock")
            )
        },
    )
)
STOCK = rows(
    select(_coupon.c.id, _coupon.c.stock, _coupon.c.issued).order_by(_coupon.c.id), StockRow
)
TAKE = change(
    update(_coupon)
    .where(_coupon.c.id == bindparam("coupon"), _coupon.c.issued < _coupon.c.stock)
    .values(issued=_coupon.c.issued + 1)
)
ADD_ISSUE = change(
    insert(_issue).values(
        coupon=bindparam("coupon"), member_id=bindparam("member_id"), issued_at=bindparam("now")
    )
)
ISSUES_OF = rows(
    select(_issue.c.coupon, _issue.c.issued_at, _issue.c.opened_at)
    .where(_issue.c.member_id == bindparam("member_id"))
    .order_by(_issue.c.id),
    IssueRow,
)
OPENED = change(
    update(_issue)
    .where(
        _issue.c.coupon == bindparam("coupon"),
        _issue.c.member_id == bindparam("member_id"),
        _issue.c.opened_at.is_(None),
    )
    .values(opened_at=bindparam("now"))
)
COUNT_OPENED = scalar(
    select(func.count())
    .select_from(_issue)
    .where(_issue.c.coupon == bindparam("coupon"), _issue.c.opened_at.is_not(None))
)
