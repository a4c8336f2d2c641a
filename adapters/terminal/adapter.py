"""The terminal: the bot without any platform, for newcomers, scripts and tests.

It is never found in the environment: `hiroba chat` and `hiroba demo` ask for it by name.
"""

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from bot.adapter import (
    Adapter,
    Delivery,
    Health,
    Payload,
    Place,
    Platform,
    Reach,
    Receipt,
    Signer,
    Via,
)
from bot.errors import Malformed
from bot.events import (
    Account,
    Address,
    ChoiceSelected,
    Content,
    MemberJoined,
    MemberLeft,
    MessageReceived,
    PlatformEvent,
    ReplyHandle,
    Unknown,
)
from bot.messages import Card, Choice, Choices, Form, Image, Limits, Link, Message, Text, Unit

LIMITS = Limits(
    parts=20,
    text=10_000,
    text_unit=Unit.CODE_POINTS,
    choices=100,
    label=100,
    label_unit=Unit.GRAPHEMES,
    reply_seconds=50,
    push_counts=True,
)

Show = Callable[[dict[str, Any]], None]
"""Shows one message: {"to", "via", "text", "choices": [{"n", "label", "value"}], "cost"}."""


class Terminal:
    """One terminal; who speaks is part of every line."""

    name = "terminal"
    limits = LIMITS

    def __init__(self, show: Show) -> None:
        self._show = show

    def receive(self, raw: bytes) -> PlatformEvent:
        """Turn one line's element into an Event."""
        try:
            data = json.loads(raw)
            if not isinstance(data, dict) or not all(isinstance(v, str) for v in data.values()):
                reason = "not an object of texts"
                raise Malformed(reason)
            return _event(data)
        except (ValueError, KeyError, RecursionError) as error:
            raise Malformed(type(error).__name__) from None

    def render(
        self, message: Message, sign: Signer, media: Callable[[str], str]
    ) -> tuple[Payload, ...]:
        """Turn a message into one payload of text and numbered choices."""
        texts: list[str] = []
        options: Sequence[Choice] = ()
        for part in message.parts:
            match part:
                case Text(text):
                    texts.append(text)
                case Choices(shown):
                    options = shown
                case Image(path, alt):
                    texts.append(f"[{alt}] {media(path)}")
                case Link(label, url):
                    texts.append(f"{label} {url}")
                case Card(title, body, _, shown):
                    texts += [title, body]
                    options = shown
                case Form(title=title):
                    texts.append(title)
        choices = [{"label": option.label, "value": sign(option)} for option in options]
        return ({"text": "\n".join(texts), "choices": choices},)

    async def send(self, delivery: Delivery) -> Receipt:
        """Show a message; a push to a person counts one, as it would on LINE."""
        address = delivery.address
        pushed = delivery.via is Via.PUSH and address.account is not None
        for payload in delivery.payloads:
            numbered = [{"n": n, **each} for n, each in enumerate(payload["choices"], start=1)]
            self._show(
                {
                    "to": address.account.user_id if address.account else address.conversation,
                    "via": delivery.via.value,
                    "text": payload["text"],
                    "choices": numbered,
                    "cost": int(pushed),
                }
            )
        return Receipt(counted=int(pushed))

    async def run(self, place: Place) -> None:
        """Nothing listens: lines come from whoever holds the terminal."""
        place.report(self.name, Health(Reach.UP))


def _event(data: dict[str, str]) -> PlatformEvent:
    account = Account("terminal", "", data["who"])
    common: dict[str, Any] = {
        "key": data["key"],
        "address": Address("terminal", account, data["who"], reply=ReplyHandle(data["key"])),
        "occurred_at": datetime.fromisoformat(data["at"]),
    }
    match data["kind"]:
        case "text":
            return MessageReceived(**common, message_id=data["key"], text=data["text"])
        case "press":
            return ChoiceSelected(**common, value=data["value"])
        case "follow":
            return MemberJoined(**common)
        case "unfollow":
            return MemberLeft(**common)
        case "sticker" | "image" as kind:
            return MessageReceived(**common, message_id=data["key"], content=Content(kind))
        case kind:
            return Unknown(**common, kind=str(kind))


def _nothing(_: object) -> None:
    return None


def _build(_: object) -> Adapter:
    return Terminal(_nothing)


PLATFORM = Platform("terminal", lambda _: False, lambda _: [], _build)
