"""What one person sees on the screen: the judge's view of everything that was sent."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from adapters.line.simulator.findings import Json


class Body(NamedTuple):
    """The body of a request, as it came and as it reads."""

    raw: bytes
    json: Json


@dataclass(frozen=True, slots=True)
class Button:
    """Something to press. `quick` buttons vanish with the next message, as on a phone."""

    label: str
    action: Json
    quick: bool = False


@dataclass(frozen=True, slots=True)
class Delivery:
    """Messages that arrived together; `endpoint` is the API they came through, e.g. `reply`.

    It keeps the bytes of the request and reads them when somebody looks: under load, keeping
    parsed messages costs more garbage collection than everything else a reply needs.
    """

    endpoint: str
    raw: bytes
    at: datetime

    @property
    def messages(self) -> list[Json]:
        """The message objects, as they were sent."""
        found: list[Json] = json.loads(self.raw)["messages"]
        return found

    @property
    def via(self) -> str:
        """`reply` when it was free, `push` when it was counted."""
        return "reply" if self.endpoint == "reply" else "push"

    @property
    def texts(self) -> tuple[str, ...]:
        """The visible text of each message; pictures and stickers have none."""
        return tuple(_visible_text(message) for message in self.messages)

    @property
    def text(self) -> str:
        """All visible text, one line per message that has any."""
        return "\n".join(text for text in self.texts if text)

    @property
    def images(self) -> tuple[str, ...]:
        """Addresses of the pictures, in order."""
        return tuple(
            message["originalContentUrl"] for message in self.messages if message["type"] == "image"
        )

    @property
    def buttons(self) -> tuple[Button, ...]:
        """Everything that can be pressed, from top to bottom; quick replies come last."""
        messages = self.messages
        found = [
            Button(action.get("label", ""), action)
            for message in messages
            for action in _actions(message.get("template") or message.get("contents"))
        ]
        # A phone shows the quick replies of the last message only.
        quick = messages[-1].get("quickReply", {"items": []})
        found += [
            Button(item["action"].get("label", ""), item["action"], quick=True)
            for item in quick["items"]
        ]
        return tuple(found)

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of all buttons."""
        return tuple(button.label for button in self.buttons)


def _actions(node: object) -> Iterator[Json]:
    """Yield the actions inside a template or a Flex container, in order of appearance."""
    if isinstance(node, list):
        for item in node:
            yield from _actions(item)
    elif isinstance(node, dict):
        if isinstance(node.get("action"), dict):
            yield node["action"]
        for key, value in node.items():
            if key == "actions":
                yield from value
            elif key != "action":
                yield from _actions(value)


def _visible_text(message: Json) -> str:
    kind = message["type"]
    if kind in {"text", "textV2"}:
        return str(message["text"])
    if kind == "template":
        return "\n".join(_lines(message["template"]))
    if kind == "flex":
        return "\n".join(_lines(message["contents"]))
    return ""


def _lines(node: object) -> Iterator[str]:
    """Yield titles and texts of a template or a Flex container without its buttons."""
    if isinstance(node, list):
        for item in node:
            yield from _lines(item)
    elif isinstance(node, dict):
        for key in ("title", "text"):
            if isinstance(node.get(key), str):
                yield node[key]
        for key, value in node.items():
            if key not in {"action", "actions", "defaultAction"}:
                yield from _lines(value)


class Bond(StrEnum):
    """How a person stands to the account."""

    STRANGER = "stranger"
    FRIEND = "friend"
    BLOCKED = "blocked"


@dataclass(slots=True, eq=False)
class Person:
    """Someone with LINE on a phone. `acted` is the inbox's length at their last own act."""

    name: str
    user_id: str
    bond: Bond = Bond.STRANGER
    inbox: list[Delivery] = field(default_factory=list)
    acted: int = 0
    read: int = 0
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def hear(self, delivery: Delivery) -> bool:
        """Show a delivery; return whether the person sees the same thing twice by it.

        Twice is: equal to something that came since they last did anything, and not asked
        for by an event of theirs. Replies are asked for, one each, by their one-time token.
        """
        doubled = delivery.via == "push" and any(
            earlier.messages == delivery.messages for earlier in self.inbox[self.acted :]
        )
        self.inbox.append(delivery)
        self.arrived.set()
        return doubled

    def heard(self) -> list[Delivery]:
        """Return what arrived since the last look."""
        fresh = self.inbox[self.read :]
        self.read = len(self.inbox)
        return fresh

    async def next(self, timeout_seconds: float) -> Delivery:
        """Return the first unread delivery, waiting for it.

        Raises:
            TimeoutError: nothing arrived in time.
        """
        async with asyncio.timeout(timeout_seconds):
            while self.read == len(self.inbox):
                self.arrived.clear()
                await self.arrived.wait()
        self.read += 1
        return self.inbox[self.read - 1]
