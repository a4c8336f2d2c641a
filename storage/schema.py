"""Every table in one place: importing this module fills the metadata."""

from sqlalchemy import Table
from sqlmodel import SQLModel

from storage import (
    activity,
    answers,
    audit,
    broadcast,
    coupons,
    inbox,
    members,
    outbox,
    state,
    work,
)

TOPICS = (members, answers, activity, audit, broadcast, coupons, inbox, outbox, work, state)


def tables() -> list[Table]:
    """Return all tables, those that are referred to before those that refer."""
    return SQLModel.metadata.sorted_tables
