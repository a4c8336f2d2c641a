"""LINE's front door: what is stored before anything interprets it.

The order is the rule: bounded read, signature over the raw bytes, split into elements,
store, 200. Input of any shape is answered 200, 401, 408 or 413; only a store that cannot
commit is answered 503, so that LINE sends the same again.
"""

import asyncio
import hashlib
import hmac
import json
import math
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeGuard

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from adapters.line.receive import EPOCH, at, conversation, instant
from bot.adapter import Element, Place
from bot.errors import Busy, StoreDown

PATH = "/line/webhook"
SIGNATURE = "x-line-signature"
BODY_BYTES = 1_000_000
READ_SECONDS = 10.0
OLDEST = timedelta(days=30)
"""A captured body stays rightly signed for ever, so old ones must have no effect."""
NEWEST = timedelta(minutes=10)
LARGEST_INTEGER = 2**53
LONGEST_KEY = 64

MALFORMED, FOREIGN, STALE, FUTURE = "malformed", "foreign", "stale", "future"


def authentic(body: bytes, signatures: Sequence[str], secrets: Sequence[bytes]) -> bool:
    """Tell whether exactly one signature was sent and one of the secrets made it for `body`."""
    if len(signatures) != 1:
        return False
    sent = signatures[0].encode("utf-8")  # Bytes, because comparing text refuses non-ASCII.
    # Not hmac.digest: it hands the interpreter to the writer's thread even for a small body.
    made = (b64encode(hmac.new(secret, body, "sha256").digest()) for secret in secrets)
    return any(hmac.compare_digest(one, sent) for one in made)


def split(body: bytes, bot: str, now: datetime) -> tuple[Element, ...]:
    """Split a signed body into elements, one for each event, in order.

    A body that is no webhook at all becomes one quarantined element that holds its bytes.
    `bot` is our own user id, "" while it is unknown; `now` is the machine's time.
    """
    try:
        webhook = _DECODER.decode(body.decode())
        destination, events = at(webhook, "destination"), at(webhook, "events")
        if isinstance(destination, str) and isinstance(events, list):
            fault = FOREIGN if bot and destination != bot else ""
            return tuple(_element(destination, event, fault, now) for event in events)
    except (ValueError, RecursionError):
        pass  # Not UTF-8, not JSON, or nested deeper than anything LINE sends.
    return (_quarantined(body),)


def _element(destination: str, event: object, fault: str, now: datetime) -> Element:
    envelope = {"destination": destination, "event": event}
    try:
        raw = _STRICT.encode(envelope).encode()
    except ValueError:
        return _quarantined(_LAX.encode(envelope).encode(), conversation(event))
    key, occurred_at = at(event, "webhookEventId"), instant(event)
    if occurred_at is None or not _is_key(key):
        return _quarantined(raw, conversation(event))
    fault = fault or _untimely(occurred_at, now)
    return Element(key, conversation(event) or key, raw, occurred_at, fault)


def _quarantined(raw: bytes, lane: str = "") -> Element:
    """Keep what cannot be handled; under its conversation, so that it is erased with its member."""
    digest = hashlib.sha256(raw).hexdigest()
    return Element(digest, lane or digest, raw, None, MALFORMED)


def _is_key(value: object) -> TypeGuard[str]:
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_KEY:
        return False
    return value.isascii() and value.isprintable()


def _untimely(occurred_at: datetime, now: datetime) -> str:
    if now - occurred_at > OLDEST:
        return STALE
    return FUTURE if occurred_at - now > NEWEST else ""


def _integer(digits: str) -> float:
    """Read an integer; one that JSON readers do not agree on becomes infinite.

    Infinity (also from NaN, Infinity and 1e999 in the text) cannot be written again by the
    strict encoder, so only the element that holds it is quarantined, and a number of 5,000
    digits costs nothing.
    """
    if len(digits) > len(str(-LARGEST_INTEGER)):
        return math.inf
    value = int(digits)
    return value if abs(value) <= LARGEST_INTEGER else math.inf


_DECODER = json.JSONDecoder(parse_int=_integer)
_STRICT = json.JSONEncoder(separators=(",", ":"), allow_nan=False)
_LAX = json.JSONEncoder(separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class FrontDoor:
    """The endpoint of one channel. `clock` gives Unix seconds, `bot` our own user id or ""."""

    secrets: tuple[bytes, ...]
    place: Place
    clock: Callable[[], float]
    bot: Callable[[], str]
    read_seconds: float = READ_SECONDS

    async def answer(self, request: Request) -> Response:
        """Store what LINE sent; on 200 it is committed."""
        try:
            async with asyncio.timeout(self.read_seconds):
                body = await _read(request)
        except TimeoutError:
            return _hanging_up(408)
        except ClientDisconnect:
            return Response(status_code=400)
        if body is None:
            return _hanging_up(413)
        if not authentic(body, request.headers.getlist(SIGNATURE), self.secrets):
            return Response(status_code=401)
        return Response(status_code=await self._store(body))

    async def _store(self, body: bytes) -> int:
        elements = split(body, self.bot(), EPOCH + timedelta(seconds=self.clock()))
        try:
            if elements:
                await self.place.accept("line", elements)
        except (StoreDown, Busy):
            return 503
        return 200


async def _read(request: Request) -> bytes | None:
    """Read the body; None as soon as it is larger than any webhook, whatever its headers say."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES:
            return None
    return bytes(body)


def _hanging_up(status: int) -> Response:
    """Answer without reading the rest: the connection cannot be used again."""
    return Response(status_code=status, headers={"connection": "close"})
