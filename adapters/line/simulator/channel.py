"""One channel as LINE keeps it: people, tokens, keys, the month's quota, and the judge's totals.

No sockets here. `app.py` is the side that bots call, `webhook.py` the side that calls bots.
"""

import hashlib
import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple
from uuid import UUID

from adapters.line.simulator.findings import Json
from adapters.line.simulator.inbox import Body, Bond, Delivery, Person
from adapters.simulation.clock import Clock
from adapters.simulation.faults import FaultScript

Contract = Callable[[str, str, Any], Sequence[str]]
"""Validates (method, path, JSON body) against the official contract; returns what is wrong."""

Rate = tuple[int, float]
"""So many requests in so many seconds."""

LINE_RATES: dict[str, Rate] = {
    "/v2/bot/message/narrowcast": (60, 3_600.0),
    "/v2/bot/message/broadcast": (60, 3_600.0),
    "/v2/bot/message/multicast": (200, 1.0),
    "/v2/bot/chat/loading/start": (100, 1.0),
    "/v2/bot/richmenu": (100, 3_600.0),
    "/v2/bot/richmenu/{menu}": (100, 3_600.0),
    "/v2/bot/channel/webhook/test": (60, 3_600.0),
    "*": (2_000, 1.0),
}
"""Source: Messaging API reference, "Rate limits". Counted per channel and endpoint."""

KEY_SECONDS = 24 * 3_600
"""How long LINE remembers an accepted retry key."""

MONTHLY_LIMIT = "You have reached your monthly limit."


class LineError(Exception):
    """An answer of LINE other than success, in LINE's own shape."""

    def __init__(self, status: int, message: str, *, details: Sequence[Json] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.details = list(details)
        self.accepted: Accepted | None = None


class Accepted(NamedTuple):
    """What LINE remembers of an accepted request: its id, the sent messages, when."""

    request_id: str
    sent: list[Json]
    at: float


class Call(NamedTuple):
    """One line of the request log. `status` is what the bot was told, 0 when it heard nothing."""

    method: str
    path: str
    status: int


@dataclass(slots=True)
class Totals:
    """What the judge counted."""

    replies: int = 0
    """Accepted reply requests."""
    pushes: int = 0
    """Accepted push, multicast, broadcast and narrowcast requests."""
    counted: int = 0
    """Recipients that LINE would bill."""
    delivered: int = 0
    """Deliveries that somebody saw."""
    doubled: int = 0
    """Deliveries that showed somebody the same thing twice."""
    stale: int = 0
    """Replies refused because the token was used, expired or unknown."""
    repeated: int = 0
    """Requests refused (409) because their retry key had been accepted before."""


@dataclass(slots=True)
class Menu:
    """A rich menu and, once it is uploaded, its picture with its content type."""

    definition: Json
    picture: bytes = b""
    content_type: str = ""


class _Token(NamedTuple):
    person: Person
    at: float


@dataclass(kw_only=True, eq=False)
class Channel:
    """One LINE channel: settings first, all of them changeable at any time, then its state."""

    secret: str = field(repr=False)
    token: str = field(repr=False)
    webhook: str = ""
    """The bot's URL."""
    used: int = 0
    """Messages counted this month."""
    limit: int | None = None
    """Messages allowed this month; None: no limit."""
    token_seconds: float = 60.0
    latency: float = 0.0
    """Seconds before the API answers."""
    faults: FaultScript | None = None
    rates: dict[str, Rate] = field(default_factory=lambda: dict(LINE_RATES))
    """Rates per endpoint, `*` for the rest; empty: none. Read when an endpoint is first used."""
    contract: Contract | None = None
    http_media: bool = False
    redelivery: Sequence[float] = ()
    """Waits, in seconds, before a webhook that failed is sent again; LINE's default is never."""
    answer_seconds: float = 2.0
    """How long a bot may take to answer a webhook."""
    mode: str = "active"
    """`standby` while another module controls the chat."""
    clock: Clock = field(default_factory=Clock)
    seed: int = 0

    def __post_init__(self) -> None:
        self.chance = Random(self.seed)  # noqa: S311 - ids that repeat with the seed, no secrets
        self.user_id = _user_id(f"bot:{self.seed}")
        self.people: dict[str, Person] = {}
        self.contents: dict[str, bytes] = {}
        """Pictures that people sent, by message id."""
        self.menus: dict[str, Menu] = {}
        self.default_menu = ""
        self.totals = Totals()
        self.log: list[Call] = []
        self._numbers = itertools.count(100_000_000_000_000_001)
        self._tokens: dict[str, _Token] = {}
        self._accepted: dict[str, Accepted] = {}

    # ── people ───────────────────────────────────────────────────────────────────────────────

    def person(self, name: str) -> Person:
        """Return the person of that name; the same name has the same user id in every run."""
        user_id = _user_id(name)
        return self.people.setdefault(user_id, Person(name, user_id))

    def friends(self) -> list[Person]:
        """Return everyone who can be reached."""
        return [person for person in self.people.values() if person.bond is Bond.FRIEND]

    # ── ids and tokens ───────────────────────────────────────────────────────────────────────

    def number(self) -> str:
        """Return a fresh message id."""
        return str(next(self._numbers))

    def request_id(self) -> str:
        """Return a fresh request id."""
        return str(UUID(int=self.chance.getrandbits(128), version=4))

    def issue_token(self, person: Person) -> str:
        """Return a reply token: good once, for `token_seconds`."""
        token = f"{self.chance.getrandbits(128):032x}"
        self._tokens[token] = _Token(person, self.clock.seconds())
        return token

    def forget_token(self, token: str) -> None:
        """Make a reply token unusable, as if its minute had passed."""
        self._tokens.pop(token, None)

    def renew_tokens(self, tokens: Iterable[str]) -> None:
        """Count the minute of unused tokens from now: it begins when the bot gets the webhook."""
        for token in tokens:
            known = self._tokens.get(token)
            if known is not None:
                self._tokens[token] = known._replace(at=self.clock.seconds())

    # ── sending ──────────────────────────────────────────────────────────────────────────────

    def reply(self, body: Body) -> list[Json]:
        """Deliver a reply and return what was sent.

        Raises:
            LineError: 400, the token is used, expired or was never given.
        """
        known = self._tokens.pop(body.json["replyToken"], None)
        if known is None or self.clock.seconds() - known.at > self.token_seconds:
            self.totals.stale += 1
            raise LineError(400, "Invalid reply token")
        self.totals.replies += 1
        if known.person.bond is not Bond.BLOCKED:
            self._show(known.person, "reply", body)
        return self._sent(body)

    def push(self, endpoint: str, people: Sequence[Person], body: Body) -> list[Json]:
        """Deliver a counted send to those of `people` who are friends; return what was sent.

        People who blocked the account are neither reached nor counted, and LINE says nothing.

        Raises:
            LineError: 429, the month's limit would be passed; nothing was delivered.
        """
        reached = [person for person in people if person.bond is Bond.FRIEND]
        if self.limit is not None and self.used + len(reached) > self.limit:
            raise LineError(429, MONTHLY_LIMIT)
        self.used += len(reached)
        self.totals.pushes += 1
        self.totals.counted += len(reached)
        for person in reached:
            self._show(person, endpoint, body)
        return self._sent(body)

    def once(self, key: str, request_id: str, send: Callable[[], list[Json]]) -> list[Json]:
        """Do `send` unless a request with the same retry key was accepted within a day.

        Raises:
            LineError: 400 for a key that is no UUID, 409 for one that was accepted before.
        """
        try:
            key = str(UUID(key))
        except ValueError:
            raise LineError(400, "Invalid retry key") from None
        earlier = self._accepted.get(key)
        if earlier is not None and self.clock.seconds() - earlier.at < KEY_SECONDS:
            self.totals.repeated += 1
            error = LineError(409, "The retry key is already accepted")
            error.accepted = earlier
            raise error
        sent = send()
        self._accepted[key] = Accepted(request_id, sent, self.clock.seconds())
        return sent

    def _show(self, person: Person, endpoint: str, body: Body) -> None:
        doubled = person.hear(Delivery(endpoint, body.raw, self.clock.now()))
        self.totals.delivered += 1
        self.totals.doubled += doubled

    def _sent(self, body: Body) -> list[Json]:
        numbers = [self.number() for _ in body.json["messages"]]
        return [{"id": number, "quoteToken": f"quote{number}"} for number in numbers]


def _user_id(name: str) -> str:
    return "U" + hashlib.sha256(name.encode()).hexdigest()[:32]
