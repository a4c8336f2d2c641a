"""What the bot says, before any platform's shape: parts, forms, and the numbers a platform states.

A Message is a tuple of parts. `bot.rules.degrade` fits it to a platform's Limits; an
adapter's `render` turns the fitted parts into payloads. Every part can be said as text.
"""

from dataclasses import dataclass
from enum import StrEnum


class Picks(StrEnum):
    """What a choice asks for when it is pressed."""

    NOTHING = "nothing"
    DATE = "date"


@dataclass(frozen=True, slots=True)
class Choice:
    """A button. `value` is `feature:verb:argument` of at most 80 bytes (signing adds the rest)."""

    label: str
    value: str
    picks: Picks = Picks.NOTHING


@dataclass(frozen=True, slots=True)
class Text:
    """Plain text; user content is never markup."""

    text: str


@dataclass(frozen=True, slots=True)
class Choices:
    """Buttons under the message. Always the last part.

    When there are more than a platform shows, `turn` is the value that shows the next page
    (`.N` is appended) and `page` the one shown; without `turn` the rest is a numbered list.
    """

    options: tuple[Choice, ...]
    page: int = 0
    turn: str = ""


@dataclass(frozen=True, slots=True)
class Image:
    """A picture under `/media/`: `path` is relative to it, `alt` says what it shows."""

    path: str
    alt: str


@dataclass(frozen=True, slots=True)
class Link:
    """A link to an https page."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Card:
    """A title, a body, an optional picture and buttons that belong together."""

    title: str
    body: str
    image: Image | None = None
    options: tuple[Choice, ...] = ()


class Kind(StrEnum):
    """The kinds of question a survey may ask."""

    SINGLE = "single"
    MULTI = "multi"
    SHORT_TEXT = "short_text"
    LONG_TEXT = "long_text"
    NUMBER = "number"
    NPS = "nps"
    DATE = "date"
    CONSENT = "consent"


@dataclass(frozen=True, slots=True)
class Option:
    """One answer of a single, multi or consent question. `tags` False keeps it out of tags."""

    id: str
    label: str
    tags: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question. `tag` names the tag its choices set; `fills` a member column (`nickname`).

    `guides` puts its choices into the thank-you line; `low` and `high` bound number, text
    length (characters) and, as ISO dates in `earliest`/`latest`, dates.
    """

    id: str
    kind: Kind
    text: str
    options: tuple[Option, ...] = ()
    skip: bool = False
    tag: str = ""
    fills: str = ""
    guides: bool = False
    low: int | None = None
    high: int | None = None
    earliest: str = ""
    latest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A survey as a member meets it."""

    id: str
    title: str
    questions: tuple[Question, ...]


Part = Text | Choices | Image | Link | Card | Form


@dataclass(frozen=True, slots=True)
class Message:
    """What is said at once, in order."""

    parts: tuple[Part, ...]


class Unit(StrEnum):
    """How a platform counts the length of a text."""

    UTF16 = "utf16"
    CODE_POINTS = "code_points"
    GRAPHEMES = "graphemes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The numbers a platform states; the core compares numbers, never names."""

    parts: int
    """Message objects in one send."""
    text: int
    text_unit: Unit
    choices: int
    """Buttons under one message."""
    label: int
    label_unit: Unit
    value_bytes: int = 100
    images: bool = True
    forms: bool = False
    """True where a whole Form is shown natively."""
    dates: bool = True
    """True where a date picker exists."""
    reply_seconds: int = 0
    """How long a ReplyHandle lives after it was received; 0: there is none."""
    push_counts: bool = False
    """True where every push is counted and billed."""
    one_time_key: bool = True
    """True where a repeated send with the same key (or token) is harmless."""
    sends_per_second: int = 0
    """The platform's own rate limit for sends of one token; 0: none stated."""
    recipients: int = 1
    """How many people one send may go to; 1: the platform has no multicast."""
    multicasts_per_second: int = 0
    """The rate limit of its own for sends to several people; 0: theirs is that of all sends."""


@dataclass(frozen=True, slots=True)
class Loss:
    """Something a platform cannot show as it was meant: `what`, and the one word `why`."""

    what: str
    why: str


@dataclass(frozen=True, slots=True)
class RenderReport:
    """All losses of one fitting; empty when nothing was lost."""

    losses: tuple[Loss, ...] = ()
