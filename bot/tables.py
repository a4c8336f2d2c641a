"""The tables of `community.toml`: their shape, their defaults, and what cannot be meant.

The rule it keeps: each key is declared once; validation, the JSON Schema and the explanation that
an editor shows come from the same line.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import time
from difflib import get_close_matches
from itertools import combinations
from types import MappingProxyType
from typing import Annotated, Literal, TypeVar
from zoneinfo import available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from bot.tomlfile import Count, Day, Definition, Fault, Id, Said, Yes

_CLOCK = r"^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$"
_SPOT = r"^[a-z][a-z0-9_]*:.+$"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Spot:
    """A channel or an account on one platform, written `platform:id`.

    An account's realm is the community's own on that platform; the file does not repeat it.
    """

    platform: str
    id: str


def _spot(value: object) -> Spot:
    if not isinstance(value, str) or not re.fullmatch(_SPOT, value):
        message = (
            f'is {value!r}, which is no place; write it as "platform:id", such as "slack:C0123"'
        )
        raise ValueError(message)
    platform, _, name = value.partition(":")
    return Spot(platform, name)


def _clock(value: object) -> time:
    if isinstance(value, time):
        return value
    if not isinstance(value, str) or not re.fullmatch(_CLOCK, value):
        message = f'is {value!r}, which is no time of day; write it as "09:00"'
        raise ValueError(message)
    return time.fromisoformat(value)


def _zone(value: str) -> str:
    if value not in available_timezones():
        close = get_close_matches(value, available_timezones(), n=1)
        cure = f'did you mean "{close[0]}"?' if close else 'write a name such as "Asia/Tokyo"'
        message = f'is "{value}", which is no time zone; {cure}'
        raise ValueError(message)
    return value


def _frozen(value: Mapping[str, T]) -> Mapping[str, T]:
    return MappingProxyType(dict(value))


def _written(pattern: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": pattern})


Clock = Annotated[time, BeforeValidator(_clock), _written(_CLOCK)]
Place = Annotated[Spot, BeforeValidator(_spot), _written(_SPOT)]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
EVERY_DAY: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Purpose(Definition):
    """What members agree to before anything is stored (japan-rules.md J37)."""

    version: int = Field(strict=True, ge=1)
    """Count it up whenever the meaning changes: members are asked again."""
    uses: tuple[Said, ...] = Field(min_length=1)
    """What answers are used for, each as a member reads it."""
    stores: Said
    """What is kept."""
    receivers: Said
    """Who gets it."""


class Roles(Definition):
    """Accounts with more rights than a member's, as `platform:user id`."""

    owner: tuple[Place, ...] = ()
    manager: tuple[Place, ...] = ()
    staff: tuple[Place, ...] = ()


class Channels(Definition):
    """Where the company's people work: of each list, the first place whose platform is on."""

    managers: tuple[Place, ...] = ()
    review: tuple[Place, ...] = ()
    support: tuple[Place, ...] = ()
    questions: Annotated[Mapping[str, tuple[Place, ...]], AfterValidator(_frozen)] = Field(
        default={}, validate_default=True
    )
    """Where members' questions go, by the tag that the member has."""


class Office(Definition):
    """When people answer."""

    opens: Clock = time(9)
    closes: Clock = time(18)
    days: tuple[Weekday, ...] = EVERY_DAY[:5]
    closed: tuple[Day, ...] = ()
    """Holidays."""


class Approval(Definition):
    """Above these, a second person approves."""

    big_send: Count = 1000
    """Recipients of one send."""
    grant_limit: Count = 10000
    """Points of one grant."""


class Llm(Definition):
    """The language model. It stays off until these are known (japan-rules.md J40)."""

    mode: Literal["off", "on"] = "off"
    provider: str = ""
    country: str = ""
    training: Yes | None = None
    """Whether the provider trains on what it is sent; must be false."""


class Lottery(Definition):
    """Draws."""

    grace_minutes: Count = 10
    """Minutes between the close and the freezing of the list."""


class ControlGroup(Definition):
    """Who is not sent to, so that the effect of a send can be measured."""

    share: float = Field(default=0.1, ge=0, le=0.5)


class Retention(Definition):
    """How long what members told is kept; erasing takes everything at any time."""

    left_days: int = Field(default=365, strict=True, ge=30)
    """Days after a member has left everywhere until everything of theirs is erased."""


class Line(Definition):
    """The plan of the LINE account."""

    plan: Literal["free", "light", "standard"] = "free"
    monthly_limit: Count = 200
    """Messages the plan has."""
    monthly_budget: Count = 200
    """Messages the company wants to use."""


class Push(Definition):
    """When and how often members may be sent something they did not ask for (J13, J14)."""

    opens: Clock = time(9)
    closes: Clock = time(21, 30)
    per_day: int = Field(default=1, strict=True, ge=1)
    per_week: int = Field(default=2, strict=True, ge=1)


class Coupon(Definition):
    """A coupon of limited stock."""

    title: Said
    label: Said
    """How a sentence calls it."""
    stock: Count
    valid_until: Day
    """The last day, in the community's time zone."""
    code: Said
    """What a member shows or types to use it."""
    image: str = ""
    """A picture of it, by its name in this folder's `media`."""


class Menu(Definition):
    """The menu."""

    items: tuple[Id, ...] = Field(default=(), max_length=13)
    """Ids of member words (`word-<id>` in prompts/copy); each is a button."""
    bar: str = Field(default="", max_length=14)
    """The text of LINE's menu bar."""
    image: str = ""
    """The rich menu's picture, a path in this folder: the items as a grid, row by row."""
    columns: int = Field(default=3, strict=True, ge=1, le=5)
    """Columns of that grid."""


class CommunityFile(Definition):
    """The content of `community.toml`."""

    name: Said
    company: Said
    timezone: Annotated[str, AfterValidator(_zone)]
    locale: Literal["ja", "en"] = "ja"
    purpose: Purpose
    roles: Roles = Roles()
    channels: Channels = Field(default_factory=Channels)
    office: Office = Office()
    approval: Approval = Approval()
    llm: Llm = Llm()
    lottery: Lottery = Lottery()
    control_group: ControlGroup = ControlGroup()
    retention: Retention = Retention()
    line: Line = Line()
    push: Push = Push()
    coupons: Annotated[Mapping[Id, Coupon], AfterValidator(_frozen)] = Field(
        default={}, validate_default=True
    )
    menu: Menu = Menu()


def faults(file: CommunityFile) -> Iterator[Fault]:
    """Find what has the right shape and cannot be meant."""
    if file.line.monthly_budget > file.line.monthly_limit:
        what = f"the budget is above the plan's {file.line.monthly_limit} messages"
        yield Fault(("line", "monthly_budget"), what, "lower it, or correct monthly_limit")
    if file.push.per_day > file.push.per_week:
        what = f"{file.push.per_day} a day is more than {file.push.per_week} a week"
        yield Fault(("push", "per_day"), what, "lower it, or raise per_week")
    if file.office.opens >= file.office.closes:
        yield Fault(("office", "opens"), "the office opens after it closes", "exchange the two")
    yield from _double_roles(file.roles)
    yield from _unknown_model(file.llm)


def _double_roles(roles: Roles) -> Iterator[Fault]:
    seats = [
        (role, place, account)
        for role in ("owner", "manager", "staff")
        for place, account in enumerate(getattr(roles, role))
    ]
    for (first, _, one), (role, place, other) in combinations(seats, 2):
        if one == other:
            what = f"{one.platform}:{one.id} is {first} already"
            yield Fault(("roles", role, place), what, "remove one of the two")


def _unknown_model(llm: Llm) -> Iterator[Fault]:
    if llm.mode == "off":
        return
    for key in ("provider", "country"):
        if not getattr(llm, key):
            yield Fault(("llm", key), f"the model is on without its {key}", f"add `{key} = …`")
    if llm.training is not False:
        what = "the provider may train on what members write"
        yield Fault(("llm", "training"), what, 'agree on `training = false`, or set mode = "off"')
