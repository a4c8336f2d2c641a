"""The simulator in the words of the adapter contract (tests/adapters/other_side.py).

Every platform's simulator has this module with the same names; the contract finds it.
"""

import base64
import hashlib
import hmac
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import Any

from adapters.line.front import split
from adapters.line.simulator.events import redelivered
from adapters.line.simulator.findings import Json
from adapters.line.simulator.inbox import Delivery
from adapters.line.simulator.limits import violations
from adapters.line.simulator.member import Member
from adapters.line.simulator.simulator import LineSimulator
from adapters.simulation.faults import Fault, FaultScript, Harm
from bot.adapter import Element

SECRET = "a-simulated-channel-secret"  # noqa: S105  known to nobody but this process
TOKEN = "a-simulated-access-token"  # noqa: S105
SOMEBODY_ELSE = "U" + "0" * 32
REPLY = "/v2/bot/message/reply"


@dataclass(frozen=True, slots=True)
class Person:
    """A member in the contract's words."""

    member: Member

    def joined(self) -> Json:
        """Make the event of a new friend."""
        return self.member.followed()

    def left(self) -> Json:
        """Make the event of a block."""
        return self.member.unfollowed()

    def returned(self) -> Json:
        """Make the event of somebody who unblocked."""
        return self.member.followed(again=True)

    def said(self, text: str) -> Json:
        """Make the event of a text."""
        return self.member.said(text)

    def pressed(self, label: str) -> Json:
        """Make the event of a pressed button."""
        return self.member.tapped(label)

    def sent_sticker(self) -> Json:
        """Make the event of a sticker."""
        return self.member.sent_sticker()

    def unsent(self) -> Json:
        """Make the event of taking the last message back."""
        return self.member.unsent()

    def invented(self) -> Json:
        """Make an event of a kind that does not exist (yet)."""
        return self.member.did("teleported", teleport={"to": "moon"})

    def heard(self) -> list[Delivery]:
        """Return what arrived since the last look."""
        return self.member.heard()


@dataclass(frozen=True, slots=True)
class LineSide:
    """One LINE channel in the contract's words; `line` is the simulator itself."""

    line: LineSimulator

    @property
    def env(self) -> Mapping[str, str]:
        """What a bot must be told to reach this channel."""
        return {
            "LINE_CHANNEL_SECRET": self.line.secret,
            "LINE_CHANNEL_ACCESS_TOKEN": self.line.token,
            "LINE_API_BASE": self.line.url,
        }

    def meet(self, bot: str) -> None:
        """Send webhooks to the bot at this address."""
        self.line.webhook = f"{bot}/line/webhook"

    def person(self, name: str) -> Person:
        """Return the person of that name."""
        return Person(self.line.member(name))

    async def deliver(self, *events: Json, foreign: bool = False) -> int:
        """Deliver events in one body; return the bot's last answer."""
        destination = SOMEBODY_ELSE if foreign else ""
        return (await self.line.post(events, destination)).statuses[-1]

    async def deliver_copies(self, event: Json, copies: int) -> list[int]:
        """Deliver one event several times at once."""
        return [one.statuses[-1] for one in await self.line.post_copies([event], copies)]

    async def forge(self, *events: Json) -> int:
        """Deliver a body that somebody else signed."""
        body = self.line.body(events)
        digest = hmac.new(b"somebody else's secret", body, hashlib.sha256).digest()
        signature = base64.b64encode(digest).decode()
        return (await self.line.post_raw(body, {"x-line-signature": signature})).status

    def again(self, event: Json) -> Json:
        """Return the event as LINE redelivers it."""
        return redelivered(event)

    def mangled(self, event: Json) -> Json:
        """Return the event without its id and time."""
        return {k: v for k, v in event.items() if k not in {"webhookEventId", "timestamp"}}

    def spend(self, event: Json) -> None:
        """Make the event's reply token unusable."""
        self.line.forget_token(event["replyToken"])

    def heal(self) -> None:
        """Let nothing go wrong any more."""
        self.line.faults = None

    def lose(self, times: int, *, done: bool) -> None:
        """Lose the answers to the bot's next sends."""
        harm = Harm.DROP_DONE if done else Harm.DROP
        fault = Fault(harm=harm, path="/v2/bot/message/", times=times)
        self.line.faults = FaultScript([fault], Random(0))  # noqa: S311  a fixed order, no chance

    def body(self, *events: Json) -> bytes:
        """Return the bytes of a body with events."""
        return self.line.body(events)

    def elements(self, body: bytes) -> Sequence[Element]:
        """Return what the front door makes of a body."""
        return split(body, "", self.line.clock.now())

    def wrong(self, payloads: Sequence[Mapping[str, Any]]) -> Sequence[str]:
        """Return the limits that a reply with these messages breaks."""
        body = {"replyToken": "0" * 31 + "1", "messages": [dict(each) for each in payloads]}
        return [f"{each.where}: {each.message}" for each in violations(REPLY, body)]

    @property
    def counted(self) -> int:
        """Messages LINE would bill."""
        return self.line.totals.counted

    @property
    def doubled(self) -> int:
        """Deliveries that showed somebody the same thing twice."""
        return self.line.totals.doubled


@asynccontextmanager
async def open_side() -> AsyncIterator[LineSide]:
    """Open a channel that waits long enough for a store that is down to be refused."""
    async with LineSimulator(secret=SECRET, token=TOKEN, answer_seconds=12.0) as line:
        yield LineSide(line)
