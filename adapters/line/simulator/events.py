"""Webhook events in the exact shape of LINE's own (webhook.yml): plain objects, nothing sent."""

from datetime import datetime
from random import Random

from adapters.line.simulator.findings import Json

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def milliseconds(at: datetime) -> int:
    """Return the platform's notation of an aware instant."""
    return int(at.timestamp() * 1_000)


def ulid(at: datetime, chance: Random) -> str:
    """Return an id of 26 characters: 48 bits of time, then 80 bits of chance."""
    number = milliseconds(at) << 80 | chance.getrandbits(80)
    return "".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))


def event(kind: str, user_id: str, at: datetime, event_id: str, **own: object) -> Json:
    """Return an event of one person; `own` are the fields of its kind."""
    return {
        "type": kind,
        "mode": "active",
        "timestamp": milliseconds(at),
        "source": {"type": "user", "userId": user_id},
        "webhookEventId": event_id,
        "deliveryContext": {"isRedelivery": False},
        **own,
    }


def redelivered(original: Json) -> Json:
    """Return the same event as LINE sends it again: same id, same time, same token."""
    return {**original, "deliveryContext": {"isRedelivery": True}}


def text(number: str, words: str) -> Json:
    """Return the content of a text message."""
    return {"type": "text", "id": number, "quoteToken": f"quote{number}", "text": words}


def sticker(number: str) -> Json:
    """Return the content of a sticker message."""
    return {
        "type": "sticker",
        "id": number,
        "quoteToken": f"quote{number}",
        "packageId": "446",
        "stickerId": "1988",
        "stickerResourceType": "STATIC",
        "keywords": ["thanks"],
    }


def image(number: str) -> Json:
    """Return the content of an image message; the bytes are fetched by its id."""
    return {
        "type": "image",
        "id": number,
        "quoteToken": f"quote{number}",
        "contentProvider": {"type": "line"},
    }
