"""From LINE's webhook elements to Events: pure, and total over what LINE may send.

The parser is our own because the SDK's refuses a whole body for one unknown field value.
Whatever is rightly signed and not understood becomes Unknown; only an element without the
fields that LINE promises for every event is Malformed.
"""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import TypedDict

from bot.errors import Malformed
from bot.events import (
    Account,
    Address,
    ChoiceSelected,
    Content,
    MemberJoined,
    MemberLeft,
    MessageReceived,
    MessageUnsent,
    PlatformEvent,
    ReplyHandle,
    Unknown,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LAST_MILLISECOND = 253_402_300_799_999
"""The end of the year 9999, the last instant that a datetime can hold."""

_SURROGATE = re.compile("[\ud800-\udfff]")
_PLACES = {"user": "userId", "group": "groupId", "room": "roomId"}
_CONTENTS = {content.value: content for content in Content}
_STORED = frozenset({Content.IMAGE, Content.VIDEO, Content.AUDIO, Content.FILE})
_DUMMY_TOKENS = frozenset({"0" * 32, "f" * 32})
"""Reply tokens of the console's test webhooks: there is nobody to answer."""


class _Head(TypedDict):
    key: str
    address: Address
    occurred_at: datetime


def at(data: object, *path: str) -> object:
    """Return what lies at `path` in parsed JSON; None where any step is absent."""
    for step in path:
        data = data.get(step) if isinstance(data, dict) else None
    return data


def string(data: object, *path: str) -> str:
    """Return the text at `path` without NUL and lone surrogates; "" when it is no text."""
    found = at(data, *path)
    if not isinstance(found, str):
        return ""
    if not found.isascii():
        found = _SURROGATE.sub("\ufffd", found)
    return found.replace("\0", "") if "\0" in found else found


def instant(event: object) -> datetime | None:
    """Return the signed time of an event (milliseconds since 1970), None when it has none."""
    stamp = at(event, "timestamp")
    if type(stamp) is not int or not 0 <= stamp <= LAST_MILLISECOND:
        return None
    return EPOCH + timedelta(milliseconds=stamp)


def conversation(event: object) -> str:
    """Return the id of the talk an event belongs to (user, group or room), "" without one."""
    field = _PLACES.get(string(event, "source", "type"))
    return string(event, "source", field) if field else ""


def receive(raw: bytes, provider: str = "") -> PlatformEvent:
    """Turn `{"destination": …, "event": …}` into an Event.

    `provider` is the realm of user ids; without it the destination (the channel) is.

    Raises:
        Malformed: `type`, `webhookEventId` or `timestamp` is missing, or it is not JSON.
    """
    try:
        envelope = json.loads(raw)
    except (ValueError, RecursionError):
        # The text of a JSON error quotes the input, so the chain is cut.
        reason = "not JSON"
        raise Malformed(reason) from None
    event = at(envelope, "event")
    kind, key, occurred_at = string(event, "type"), string(event, "webhookEventId"), instant(event)
    if not kind or not key or occurred_at is None:
        reason = "an event without type, webhookEventId or timestamp"
        raise Malformed(reason)
    address = _address(event, provider or string(envelope, "destination"))
    head = _Head(key=key, address=address, occurred_at=occurred_at)
    ignored = _ignored(event, address)
    return Unknown(**head, kind=ignored) if ignored else _event(event, kind, head)


def _address(event: object, realm: str) -> Address:
    source, token = at(event, "source"), string(event, "replyToken")
    kind, user = string(source, "type"), string(source, "userId")
    return Address(
        platform="line",
        account=Account("line", realm, user) if user else None,
        conversation=user if kind == "user" else conversation(event),
        private=kind == "user",
        reply=ReplyHandle(token) if token else None,
    )


def _ignored(event: object, address: Address) -> str:
    """Name why an event has no effect whatever its type; "" when it may have one."""
    mode = string(event, "mode")
    if mode != "active":
        # In standby another module holds the talk: answering would speak over it.
        return mode or "no_mode"
    if address.reply is not None and address.reply.token in _DUMMY_TOKENS:
        return "verification"
    return "" if address.conversation else string(event, "type")


def _event(event: object, kind: str, head: _Head) -> PlatformEvent:
    known = head["address"].account is not None
    match kind:
        case "message" if string(event, "message", "id"):
            return _message(event, head)
        case "postback" if known and string(event, "postback", "data"):
            return _choice(event, head)
        case "follow" if known:
            return MemberJoined(**head, returning=at(event, "follow", "isUnblocked") is True)
        case "unfollow" if known:
            return MemberLeft(**head)
        case "unsend" if message_id := string(event, "unsend", "messageId"):
            return MessageUnsent(**head, message_id=message_id)
        case _:
            return Unknown(**head, kind=kind)


def _message(event: object, head: _Head) -> MessageReceived:
    message = at(event, "message")
    message_id = string(message, "id")
    content = _CONTENTS.get(string(message, "type"), Content.OTHER)
    # Content on a foreign host is never fetched: its address is the sender's word.
    hosted = string(message, "contentProvider", "type") != "external"
    return MessageReceived(
        **head,
        message_id=message_id,
        content=content,
        text=string(message, "text") if content is Content.TEXT else "",
        attachment=message_id if content in _STORED and hosted else "",
        mentioned=_mentions_us(message),
    )


def _mentions_us(message: object) -> bool:
    mentionees = at(message, "mention", "mentionees")
    return isinstance(mentionees, list) and any(at(one, "isSelf") is True for one in mentionees)


def _choice(event: object, head: _Head) -> ChoiceSelected:
    params = at(event, "postback", "params")
    picked = (string(params, name) for name in ("date", "datetime", "time"))
    return ChoiceSelected(
        **head,
        value=string(event, "postback", "data"),
        picked=next(filter(None, picked), ""),
    )
