"""The contract between the bot and a platform: six members, on one screen.

An adapter turns what a platform says into Events and what we say into platform payloads,
nothing more. `receive` and `render` are pure; `send` and `run` are the only I/O.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable
from uuid import UUID

from bot.events import Account, Address, PlatformEvent
from bot.messages import Choice, Limits, Message

Payload = Mapping[str, Any]
"""One platform message object, ready to be sent as JSON."""


@dataclass(frozen=True, slots=True)
class Element:
    """One inbound element as it goes into the inbox, before anything interprets it.

    `key` is unique on the platform; `lane` names the conversation whose order must be kept;
    `raw` is the element's own bytes; `occurred_at` the platform's signed time (aware UTC),
    None where it states none. `fault` is a one-word reason to quarantine it, else "".
    """

    key: str
    lane: str
    raw: bytes
    occurred_at: datetime | None
    fault: str = ""


class Via(StrEnum):
    """How a message travels."""

    REPLY = "reply"
    PUSH = "push"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One send. `key` stays the same on every try; `payloads` is what `render` made.

    `recipients` (at most `limits.recipients`, each once) makes it a multicast: all or nothing,
    by push; `address` then names the platform alone.
    """

    address: Address
    via: Via
    payloads: tuple[Payload, ...]
    key: UUID
    recipients: tuple[Address, ...] = ()


@dataclass(frozen=True, slots=True)
class Receipt:
    """The platform accepted a delivery. `counted`: messages it counts towards a plan."""

    platform_id: str = ""
    counted: int = 0
    already: bool = False
    """True when the platform had accepted the same key before."""


class Reach(StrEnum):
    """Whether a platform can be used now."""

    STARTING = "starting"
    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Health:
    """A platform's state; `reason` is one word, `cure` a copy key that says what to click."""

    reach: Reach
    reason: str = ""
    cure: str = ""


Endpoint = Callable[[Any], Awaitable[Any]]
"""A Starlette endpoint: request in, response out."""

Signer = Callable[[Choice], str]
"""Gives the value that goes over the wire for a choice (signed for its recipient)."""


class Place(Protocol):
    """What `run` is handed: the place an adapter works in."""

    @property
    def offset(self) -> timedelta:
        """How far the community's clock runs ahead of the machine's (0 in production)."""

    @property
    def public_url(self) -> str:
        """The https address of this server, without a trailing slash; "" when there is none."""

    def mount(self, path: str, endpoint: Endpoint, methods: Sequence[str] = ("POST",)) -> None:
        """Serve `endpoint` at `path`."""

    async def accept(self, platform: str, elements: Sequence[Element]) -> None:
        """Store (and normally handle) elements; on return they are committed.

        Raises:
            StoreDown: nothing was committed, or it is unknown; answer 503.
            Busy: too much open work; answer 503.
        """

    def report(self, platform: str, health: Health) -> None:
        """State the platform's health; shown in /readyz and the managers' words."""

    def offer(self, platform: str, download: Callable[[str], Awaitable[bytes]]) -> None:
        """Offer a way to fetch received content by its attachment name."""


class Adapter(Protocol):
    """A platform. Found by discovery in `adapters/<name>/adapter.py`."""

    @property
    def name(self) -> str:
        """The folder's name; also the platform's name in rows."""

    @property
    def limits(self) -> Limits:
        """The numbers this platform states."""

    def receive(self, raw: bytes) -> PlatformEvent:
        """Turn one stored element into an Event.

        Raises:
            Malformed: fields that the platform promises are missing.
        """

    def render(
        self, message: Message, sign: Signer, media: Callable[[str], str]
    ) -> tuple[Payload, ...]:
        """Turn a fitted message into payloads; `media` gives the public address of a picture."""

    async def send(self, delivery: Delivery) -> Receipt:
        """Send once.

        Raises:
            RetryLater, Unreachable, Rejected: and nothing else.
        """

    async def run(self, place: Place) -> None:
        """Mount routes, open connections, and stay until cancelled."""


@dataclass(frozen=True, slots=True)
class Quota:
    """Counted messages of this month: `limit` is None on a plan without one; `used` so far."""

    limit: int | None
    used: int


@runtime_checkable
class Metered(Protocol):
    """An adapter whose platform counts messages against a month's plan."""

    async def quota(self) -> Quota:
        """Ask how the month stands; raises RetryLater, Unreachable or Rejected, as `send`."""


def account_of(address: Address) -> Account:
    """Return the account of an address that must have one."""
    if address.account is None:
        message = "this address names a place, not a person"
        raise LookupError(message)
    return address.account


@dataclass(frozen=True, slots=True)
class Platform:
    """What discovery finds in `adapters/<name>/adapter.py`, as the constant PLATFORM.

    Each function takes the process's environment. `configured` is False when none of the
    platform's keys is set, which means the platform is off; `problems` lists what must
    refuse the start, each with its cure and without the value; `build` may load the
    platform's SDK and is called only when `problems` is empty.
    """

    name: str
    configured: Callable[[Mapping[str, str]], bool]
    problems: Callable[[Mapping[str, str]], list[str]]
    build: Callable[[Mapping[str, str]], Adapter]
    bases: Callable[[Mapping[str, str]], list[str]] = lambda _: []
    """The addresses the platform is reached at: a shifted clock wants all of them on loopback."""
