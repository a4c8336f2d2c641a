"""What the core needs from outside, as the narrowest protocols that do."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from bot.events import Address
from bot.messages import Message
from storage.outbox import Way
from storage.store import Store, Tx


class Clock(Protocol):
    """The one source of time. `offset` is how far it runs ahead of the machine's."""

    @property
    def offset(self) -> timedelta:
        """0 in production."""

    def now(self) -> datetime:
        """Return the community's time, aware UTC."""

    def monotonic(self) -> float:
        """Return seconds for measuring waits; never goes back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A message on its way out: its outbox row with the sealed columns opened.

    `fresh` is True only in the process that wrote the row, before any try: a reply token that
    is refused then was never used by us. `swept`: it was read back from its row, which may have
    been carried meanwhile.
    """

    id: int
    key: UUID
    member_id: int | None
    lane: str
    want: str
    way: Way
    important: bool
    address: Address
    message: Message
    tries: int
    created_at: datetime
    reply_until: datetime | None
    fresh: bool
    swept: bool = False


class Courier(Protocol):
    """Takes committed messages and carries them out."""

    def take(self, outgoing: Outgoing) -> None:
        """Queue a message behind the others of its lane; on the event loop."""


class Engine(Protocol):
    """Runs an id at least once. The truth is the application's own rows."""

    async def enqueue(
        self, tx: Tx, kind: str, key: str, payload: dict[str, Any], due: datetime
    ) -> None:
        """Add a job inside the caller's transaction; the same (kind, key) is added once."""

    def handler(self, kind: str, handle: Callable[..., Awaitable[None]]) -> None:
        """Say what carries out jobs of this kind."""

    async def work(self) -> None:
        """Claim and carry out jobs until cancelled."""

    async def stats(self) -> dict[str, int]:
        """Return counts of open, due and dead jobs."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a job that must wait for the world holds: reads and writes in transactions of its own.

    `download` fetches received content of a platform by its attachment name.
    """

    store: Store
    clock: Clock
    download: Callable[[str, str], Awaitable[bytes]]
