"""The side that calls the bot: signed bodies, and LINE's stubbornness when they are not taken."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import aiohttp

from adapters.line.simulator.channel import Channel
from adapters.line.simulator.events import redelivered
from adapters.line.simulator.findings import Json

_TAKEN = range(200, 300)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a bot said to one request; status 0 when it said nothing in time."""

    status: int
    text: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The status of every try to deliver one body, in order; 0 for no answer."""

    statuses: tuple[int, ...]

    @property
    def taken(self) -> bool:
        """Whether the bot took it in the end."""
        return self.statuses[-1] in _TAKEN


class Webhook:
    """Posts events of a channel to its bot."""

    def __init__(self, channel: Channel, session: aiohttp.ClientSession) -> None:
        self._channel = channel
        self._session = session

    def body(self, events: Sequence[Json], destination: str = "") -> bytes:
        """Return the bytes of a body with `events`, in order."""
        holder = {"destination": destination or self._channel.user_id, "events": list(events)}
        dumped = json.dumps(holder, ensure_ascii=False, separators=(",", ":"))
        # A lone surrogate has no UTF-8; JSON can still say it as an escape.
        return dumped.encode("utf-8", "backslashreplace")

    def sign(self, body: bytes) -> str:
        """Return LINE's signature of `body`: base64 of the HMAC-SHA256 under the secret."""
        digest = hmac.new(self._channel.secret.encode(), body, hashlib.sha256).digest()
        return base64.b64encode(digest).decode()

    async def send(self, body: bytes, headers: Mapping[str, str] | None = None) -> Answer:
        """Post raw bytes; `headers` None signs them rightly, anything else is sent as it is."""
        if headers is None:
            headers = {"x-line-signature": self.sign(body)}
        try:
            async with self._session.post(
                self._channel.webhook,
                data=body,
                headers={
                    "content-type": "application/json; charset=utf-8",
                    "user-agent": "LineBotWebhook/2.0",
                    **headers,
                },
                timeout=aiohttp.ClientTimeout(total=self._channel.answer_seconds),
            ) as response:
                return Answer(response.status, await response.text(errors="replace"))
        except (aiohttp.ClientError, TimeoutError):
            return Answer(0)

    async def post(self, events: Sequence[Json], destination: str = "") -> Outcome:
        """Deliver events in one body, again after each wait of `redelivery` until it is taken."""
        outcome = Outcome((await self._attempt(events, destination),))
        again = [redelivered(event) for event in events]
        for wait in self._channel.redelivery:
            if outcome.taken:
                break
            await asyncio.sleep(wait)
            outcome = Outcome((*outcome.statuses, await self._attempt(again, destination)))
        return outcome

    async def post_copies(self, events: Sequence[Json], copies: int) -> list[Outcome]:
        """Deliver the same events `copies` times at once; all but the first say redelivery."""
        again = [redelivered(event) for event in events]
        rest = (self._attempt(again, "") for _ in range(copies - 1))
        statuses = await asyncio.gather(self._attempt(events, ""), *rest)
        return [Outcome((status,)) for status in statuses]

    async def _attempt(self, events: Sequence[Json], destination: str) -> int:
        self._channel.renew_tokens(event["replyToken"] for event in events if "replyToken" in event)
        return (await self.send(self.body(events, destination))).status
