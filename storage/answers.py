"""Conversations that are open, the answers they brought, tags, and introductions."""

from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    JSON,
    Index,
    UniqueConstraint,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlmodel import SQLModel

from storage.query import change, rows, scalar
from storage.tables import BIG, Erase, Personal, column, kept, member_ref, row_id, sealed, table_of

COUNTABLE = JSON().with_variant(JSONB(), "postgresql")
"""JSON that is compared and grouped; plain JSON keeps what members wrote to the letter."""


class Conversation(SQLModel, table=True):
    """Where one conversation (lane) stands: who listens, its state, the choices shown last."""

    __table_args__ = kept(Erase.DELETE)
    lane: str = column(primary_key=True)
    member_id: int | None = member_ref()
    feature: str = column(default="")
    state: dict[str, Any] = column(Personal.ANSWER, default={}, sa_type=JSON)
    offered: list[Any] = column(Personal.MESSAGE, default=[], sa_type=JSON)
    updated_at: datetime = column(Personal.ACTIVITY)


class Answer(SQLModel, table=True):
    """A member's current answer to one question; `text` is sealed, choices stay countable."""

    __table_args__ = (UniqueConstraint("member_id", "survey", "question"), kept(Erase.DELETE))
    id: int | None = row_id()
    member_id: int = member_ref(nullable=False, index=False)
    survey: str = column(Personal.ANSWER, index=True)
    question: str = column(Personal.ANSWER)
    kind: str = column()
    options: list[Any] = column(Personal.ANSWER, default=[], sa_type=COUNTABLE)
    number: int | None = column(Personal.ANSWER, default=None, sa_type=BIG)
    day: date | None = column(Personal.ANSWER, default=None)
    text: bytes | None = sealed(
        Personal.ANSWER, "answer:{member_id}:{survey}:{question}", own_key=True
    )
    skipped: bool = column(Personal.ANSWER, default=False)
    consent_version: int | None = column(Personal.ANSWER, default=None)
    answered_at: datetime = column(Personal.ACTIVITY)
    message_id: str = column(Personal.MESSAGE, default="")


class Tag(SQLModel, table=True):
    """A typed tag (`interest:lashes`) with the reason it was set for."""

    __table_args__ = (
        UniqueConstraint("member_id", "key", "value"),
        Index("ix_tag_key_value_member_id", "key", "value", "member_id"),
        kept(Erase.DELETE),
    )
    id: int | None = row_id()
    member_id: int = member_ref(nullable=False, index=False)
    key: str = column(Personal.ANSWER)
    value: str = column(Personal.ANSWER)
    reason: str = column(Personal.ANSWER)
    tagged_at: datetime = column(Personal.ACTIVITY)


class Introduction(SQLModel, table=True):
    """What a member wrote about themselves; one per member, the newest."""

    __table_args__ = (UniqueConstraint("member_id"), kept(Erase.DELETE))
    id: int | None = row_id()
    member_id: int = member_ref(nullable=False, index=False)
    text: bytes | None = sealed(Personal.ANSWER, "introduction:{member_id}", own_key=True)
    media_id: str | None = column(Personal.ANSWER, default=None)
    written_at: datetime = column(Personal.ACTIVITY)
    shown_at: datetime | None = column(default=None)
    """When the managers saw it; NULL while there is no channel of theirs."""
    message_id: str = column(Personal.MESSAGE, default="")


class Media(SQLModel, table=True):
    """A picture a member sent, re-encoded and sealed; its id is the unguessable public name."""

    __table_args__ = kept(Erase.DELETE)
    id: str = column(primary_key=True)
    member_id: int = member_ref(nullable=False)
    content_type: str = column()
    content: bytes = sealed(Personal.ANSWER, "media:{id}", nullable=False, own_key=True)
    made_at: datetime = column(Personal.ACTIVITY)


class ConversationRow(NamedTuple):
    """An open (or idle: feature "") conversation."""

    feature: str
    state: dict[str, Any]
    offered: list[Any]


class AnswerRow(NamedTuple):
    """A current answer."""

    id: int
    survey: str
    question: str
    kind: str
    options: list[Any]
    number: int | None
    day: date | None
    text: bytes | None
    skipped: bool
    answered_at: datetime


class TagRow(NamedTuple):
    """A tag with its reason."""

    key: str
    value: str
    reason: str
    tagged_at: datetime


class OptionCount(NamedTuple):
    """How many members gave one set of answers to one question."""

    question: str
    options: list[Any]
    number: int | None
    skipped: bool
    total: int


class IntroductionRow(NamedTuple):
    """An introduction."""

    id: int
    member_id: int
    text: bytes | None
    media_id: str | None


class UnsaidRow(NamedTuple):
    """An answer that was taken back."""

    survey: str
    question: str


class MediaRow(NamedTuple):
    """A picture."""

    id: str
    member_id: int
    content_type: str
    content: bytes


_conversation, _answer, _tag = table_of(Conversation), table_of(Answer), table_of(Tag)
_introduction, _media = table_of(Introduction), table_of(Media)

CONVERSATION = rows(
    select(_conversation.c.feature, _conversation.c.state, _conversation.c.offered).where(
        _conversation.c.lane == bindparam("lane")
    ),
    ConversationRow,
)
PUT_CONVERSATION = change(
    upsert(_conversation)
    .values(
        lane=bindparam("lane"),
        member_id=bindparam("member_id"),
        feature=bindparam("feature"),
        state=bindparam("state", type_=JSON()),
        offered=bindparam("offered", type_=JSON()),
        updated_at=bindparam("now"),
    )
    .on_conflict_do_update(
        index_elements=["lane"],
        set_={
            "member_id": bindparam("member_id"),
            "feature": bindparam("feature"),
            "state": bindparam("state", type_=JSON()),
            "offered": bindparam("offered", type_=JSON()),
            "updated_at": bindparam("now"),
        },
    )
)
_ANSWER_VALUES = {
    "kind": bindparam("kind"),
    "options": bindparam("options", type_=COUNTABLE),
    "number": bindparam("number"),
    "day": bindparam("day"),
    "text": bindparam("text"),
    "skipped": bindparam("skipped"),
    "consent_version": bindparam("consent_version"),
    "answered_at": bindparam("at"),
    "message_id": bindparam("message_id"),
}
PUT_ANSWER = change(
    upsert(_answer)
    .values(
        member_id=bindparam("member_id"),
        survey=bindparam("survey"),
        question=bindparam("question"),
        **_ANSWER_VALUES,
    )
    .on_conflict_do_update(
        index_elements=["member_id", "survey", "question"],
        set_=_ANSWER_VALUES,
        # The platform's signed time decides, so that late redeliveries change nothing; but an
        # answer outweighs a skip, whichever arrives first.
        where=(_answer.c.answered_at <= bindparam("at")) | _answer.c.skipped,
    )
)
ANSWERS_OF = rows(
    select(
        _answer.c.id,
        _answer.c.survey,
        _answer.c.question,
        _answer.c.kind,
        _answer.c.options,
        _answer.c.number,
        _answer.c.day,
        _answer.c.text,
        _answer.c.skipped,
        _answer.c.answered_at,
    )
    .where(_answer.c.member_id == bindparam("member_id"))
    .order_by(_answer.c.id),
    AnswerRow,
)
COUNT_OPTIONS = rows(
    select(
        _answer.c.question,
        _answer.c.options,
        _answer.c.number,
        _answer.c.skipped,
        func.count().label("total"),
    )
    .where(_answer.c.survey == bindparam("survey"))
    .group_by(_answer.c.question, _answer.c.options, _answer.c.number, _answer.c.skipped),
    OptionCount,
)
COUNT_ANSWERERS = scalar(
    select(func.count(_answer.c.member_id.distinct())).where(
        _answer.c.survey == bindparam("survey")
    )
)
DROP_TAGS = change(
    delete(_tag).where(_tag.c.member_id == bindparam("member_id"), _tag.c.key == bindparam("key"))
)
DROP_TAGS_FOR = change(
    delete(_tag).where(
        _tag.c.member_id == bindparam("member_id"), _tag.c.reason == bindparam("reason")
    )
)
ADD_TAG = change(
    upsert(_tag)
    .values(
        member_id=bindparam("member_id"),
        key=bindparam("key"),
        value=bindparam("value"),
        reason=bindparam("reason"),
        tagged_at=bindparam("at"),
    )
    .on_conflict_do_nothing(index_elements=["member_id", "key", "value"])
)
TAGS_OF = rows(
    select(_tag.c.key, _tag.c.value, _tag.c.reason, _tag.c.tagged_at)
    .where(_tag.c.member_id == bindparam("member_id"))
    .order_by(_tag.c.id),
    TagRow,
)
PUT_INTRODUCTION = scalar(
    upsert(_introduction)
    .values(
        member_id=bindparam("member_id"),
        text=bindparam("text"),
        media_id=bindparam("media_id"),
        written_at=bindparam("at"),
        message_id=bindparam("message_id"),
    )
    .on_conflict_do_update(
        index_elements=["member_id"],
        set_={
            "text": bindparam("text"),
            "media_id": bindparam("media_id"),
            "written_at": bindparam("at"),
            "message_id": bindparam("message_id"),
            "shown_at": None,
        },
    )
    .returning(_introduction.c.id)
)
INTRODUCTION = rows(
    select(
        _introduction.c.id,
        _introduction.c.member_id,
        _introduction.c.text,
        _introduction.c.media_id,
    ).where(_introduction.c.id == bindparam("introduction_id")),
    IntroductionRow,
)
INTRODUCTION_OF = rows(
    select(
        _introduction.c.id,
        _introduction.c.member_id,
        _introduction.c.text,
        _introduction.c.media_id,
    ).where(_introduction.c.member_id == bindparam("member_id")),
    IntroductionRow,
)
# A picture is ready later than its message, which may be unsent or replaced by then.
ATTACH_PICTURE = change(
    update(_introduction)
    .where(
        _introduction.c.member_id == bindparam("member_id"),
        _introduction.c.message_id == bindparam("message_id"),
    )
    .values(media_id=bindparam("media_id"))
)
ADD_MEDIA = change(
    insert(_media).values(
        id=bindparam("id"),
        member_id=bindparam("member_id"),
        content_type=bindparam("content_type"),
        content=bindparam("content"),
        made_at=bindparam("now"),
    )
)
SHOWN = change(
    update(_introduction)
    .where(_introduction.c.id == bindparam("introduction_id"), _introduction.c.shown_at.is_(None))
    .values(shown_at=bindparam("now"))
)
UNSHOWN = rows(
    select(
        _introduction.c.id,
        _introduction.c.member_id,
        _introduction.c.text,
        _introduction.c.media_id,
    )
    .where(
        _introduction.c.shown_at.is_(None),
        _introduction.c.text.is_not(None) | _introduction.c.media_id.is_not(None),
    )
    .order_by(_introduction.c.id)
    .limit(bindparam("limit")),
    IntroductionRow,
)
MEDIA = rows(
    select(_media.c.id, _media.c.member_id, _media.c.content_type, _media.c.content).where(
        _media.c.id == bindparam("id")
    ),
    MediaRow,
)
DROP_MEDIA = change(delete(_media).where(_media.c.id == bindparam("id")))
# What a member takes back (unsend) is taken out of what they told us.
UNSAY_ANSWER = rows(
    delete(_answer)
    .where(
        _answer.c.member_id == bindparam("member_id"),
        _answer.c.message_id == bindparam("message_id"),
    )
    .returning(_answer.c.survey, _answer.c.question),
    UnsaidRow,
)
UNSAY_INTRODUCTION = rows(
    delete(_introduction)
    .where(
        _introduction.c.member_id == bindparam("member_id"),
        _introduction.c.message_id == bindparam("message_id"),
    )
    .returning(
        _introduction.c.id,
        _introduction.c.member_id,
        _introduction.c.text,
        _introduction.c.media_id,
    ),
    IntroductionRow,
)
