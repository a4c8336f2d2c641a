"""What the adapter contract asks of a platform's other side, and where it is found.

A platform falls under the contract when `adapters/<name>/simulator/other_side.py` has a function
`open_side()` that keeps the protocol below; nothing is registered anywhere. An event is whatever
that platform's webhook (or gateway) carries for one happening; tests only pass it around.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import adapters as folder
from bot.adapter import Element, Payload

Json = dict[str, Any]


class Seen(Protocol):
    """One delivery as a person saw it. `via` is `reply` (free) or `push` (counted)."""

    @property
    def via(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def labels(self) -> tuple[str, ...]: ...


class Person(Protocol):
    """Someone on the platform: makes events, sees deliveries."""

    def joined(self) -> Json: ...
    def left(self) -> Json: ...
    def returned(self) -> Json: ...
    def said(self, text: str) -> Json: ...
    def pressed(self, label: str) -> Json: ...
    def sent_sticker(self) -> Json: ...
    def unsent(self) -> Json:
        """Take back the last message."""

    def invented(self) -> Json:
        """Do something of a kind that the platform may invent later."""

    def heard(self) -> Sequence[Seen]:
        """Return what arrived since the last look."""


class OtherSide(Protocol):
    """A running platform with one bot account."""

    @property
    def env(self) -> Mapping[str, str]:
        """What a bot must be told to reach this side."""

    def meet(self, bot: str) -> None:
        """Learn the bot's address; before that, nothing is delivered."""

    def person(self, name: str) -> Person:
        """Return the person of that name."""

    async def deliver(self, *events: Json, foreign: bool = False) -> int:
        """Deliver events in as few bodies as the platform does; return the bot's answer.

        `foreign` ones are meant for another account's bot.
        """

    async def deliver_copies(self, event: Json, copies: int) -> list[int]:
        """Deliver one event several times at once."""

    async def forge(self, *events: Json) -> int:
        """Deliver events that somebody else signed."""

    def again(self, event: Json) -> Json:
        """Return the event as the platform redelivers it."""

    def mangled(self, event: Json) -> Json:
        """Return the event without what the platform promises for every event."""

    def spend(self, event: Json) -> None:
        """Let the right to answer this event for free be gone."""

    def heal(self) -> None:
        """Let nothing go wrong any more."""

    def lose(self, times: int, *, done: bool) -> None:
        """Lose the answers to the bot's next sends; `done` tells whether they were carried out."""

    def body(self, *events: Json) -> bytes:
        """Return the bytes of a body with events, as the platform writes them."""

    def elements(self, body: bytes) -> Sequence[Element]:
        """Return what the bot's own door makes of a body."""

    def wrong(self, payloads: Sequence[Payload]) -> Sequence[str]:
        """Return the platform's limits that one send with these payloads breaks."""

    @property
    def counted(self) -> int:
        """Messages that the platform would bill."""

    @property
    def doubled(self) -> int:
        """Deliveries that showed somebody the same thing twice."""


FOLDER = Path(folder.__path__[0])


def sides() -> list[str]:
    """Return the names of all platforms that have another side."""
    return sorted(path.parent.parent.name for path in FOLDER.glob("*/simulator/__init__.py"))


def open_side(name: str) -> AbstractAsyncContextManager[OtherSide]:
    """Open the other side of a platform.

    Raises:
        ModuleNotFoundError: the platform has a simulator that the contract cannot use (yet).
    """
    module = import_module(f"adapters.{name}.simulator.other_side")
    opened: AbstractAsyncContextManager[OtherSide] = module.open_side()
    return opened


def samples(name: str) -> dict[str, bytes]:
    """Return the recorded bodies of a platform, by their names."""
    return {path.stem: path.read_bytes() for path in sorted((FOLDER / name / "samples").glob("*"))}
