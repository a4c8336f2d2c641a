"""What happened, in words that no platform owns.

Events are frozen and in the past tense. An adapter makes them from raw elements; the
dispatcher carries each to exactly one handler. Domain events are emitted by handlers and
reach their reactions as rows of their own.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self


@dataclass(frozen=True, slots=True)
class Account:
    """One person's account on one platform.

    `realm` keeps equal user ids of different owners apart: LINE's provider or channel,
    Slack's home company, "" on Discord.
    """

    platform: str
    realm: str
    user_id: str


@dataclass(frozen=True, slots=True)
class ReplyHandle:
    """A platform's one-time right to answer an event without cost (LINE's reply token)."""

    token: str


@dataclass(frozen=True, slots=True)
class Address:
    """Where a message came from or goes to.

    `account` is None for a place without one person (a channel); `conversation` is the
    platform's id of the talk (LINE: the user, group or room; Slack and Discord: the channel).
    """

    platform: str
    account: Account | None
    conversation: str
    thread: str = ""
    private: bool = True
    reply: ReplyHandle | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Root of what platforms tell us. `key` is unique on its platform; times are aware UTC."""

    key: str
    address: Address
    occurred_at: datetime

    def shifted(self, offset: timedelta) -> Self:
        """Return the event as it looks on a clock that runs `offset` ahead of the machine's."""
        return replace(self, occurred_at=self.occurred_at + offset) if offset else self


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberJoined(Event):
    """Someone followed or joined; `returning` when the platform says it is not the first time."""

    returning: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberLeft(Event):
    """Someone blocked or left; nothing may be sent to this account until it returns."""


class Content(StrEnum):
    """What a message carries. Anything a platform invents later is OTHER."""

    TEXT = "text"
    STICKER = "sticker"
    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"
    FILE = "file"
    LOCATION = "location"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageReceived(Event):
    """A message. `text` is cleaned (no NUL, no lone surrogate); `attachment` names stored content.

    `mentioned` is True where a message addresses the bot among others (Slack, Discord).
    """

    message_id: str
    content: Content = Content.TEXT
    text: str = ""
    attachment: str = ""
    mentioned: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageUnsent(Event):
    """The author took a message back: what we stored of it must go."""

    message_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceSelected(Event):
    """A button was pressed. `value` is the signed `feature:verb:argument`; `picked` a date etc."""

    value: str
    picked: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FormSubmitted(Event):
    """A native form came back; `answers` maps question id to raw answers."""

    form: str
    answers: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReactionAdded(Event):
    """A reaction (emoji) on a message; counted as activity."""

    message_id: str
    reaction: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown(Event):
    """Rightly signed and of a kind we do not use (yet); stored and counted, never an error."""

    kind: str


PlatformEvent = (
    MemberJoined
    | MemberLeft
    | MessageReceived
    | MessageUnsent
    | ChoiceSelected
    | FormSubmitted
    | ReactionAdded
    | Unknown
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainEvent:
    """Root of what features tell each other. Fields are JSON; each reaction is its own row."""

    member_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyCompleted(DomainEvent):
    """A member answered (or skipped) the last open question of a survey for the first time."""

    survey: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberIntroduced(DomainEvent):
    """A member wrote an introduction; `introduction_id` is its row."""

    introduction_id: int
