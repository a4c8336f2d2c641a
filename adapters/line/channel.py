"""The LINE adapter: the six members of the contract, over one channel."""

import asyncio
import time
from collections.abc import Callable
from itertools import chain, repeat
from typing import Final

from adapters.line.api import Api
from adapters.line.client import UNAUTHORISED, Client
from adapters.line.front import PATH, FrontDoor
from adapters.line.receive import receive
from adapters.line.render import LIMITS, render
from adapters.line.settings import Settings
from bot.adapter import Delivery, Health, Payload, Place, Quota, Reach, Receipt, Signer
from bot.errors import Undeliverable, Unreachable
from bot.events import PlatformEvent
from bot.messages import Limits, Message

NAME = "line"
PAUSES = (1.0, 2.0, 5.0, 15.0, 30.0)
"""Seconds between checks of a token that is not accepted; then the last one for ever."""


class Channel:
    """One LINE channel. `clock` gives the machine's time in Unix seconds."""

    name: Final = NAME
    limits: Final[Limits] = LIMITS

    def __init__(
        self,
        settings: Settings,
        # Freshness of signed times is about the machine's clock, never the community's.
        clock: Callable[[], float] = time.time,  # noqa: TID251
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._client = Client(settings)
        self._bot = ""
        self._doubt = asyncio.Event()

    def receive(self, raw: bytes) -> PlatformEvent:
        """Turn one stored element into an Event; raises Malformed."""
        return receive(raw, self._settings.provider_id)

    def render(
        self, message: Message, sign: Signer, media: Callable[[str], str]
    ) -> tuple[Payload, ...]:
        """Turn a fitted message into LINE's message objects."""
        return render(message, sign, media)

    async def send(self, delivery: Delivery) -> Receipt:
        """Send once; raises RetryLater, Unreachable or Rejected."""
        try:
            return await self._client.send(delivery)
        except Unreachable as refusal:
            if refusal.reason == UNAUTHORISED:
                self._doubt.set()
            raise

    async def quota(self) -> Quota:
        """Ask how the month stands; raises as `send` does."""
        return await self._client.quota()

    async def run(self, place: Place) -> None:
        """Serve the webhook, and keep saying whether LINE accepts our token, until cancelled."""
        place.report(NAME, Health(Reach.STARTING))
        door = FrontDoor(self._settings.secrets, place, self._clock, lambda: self._bot)
        place.mount(PATH, door.answer)
        place.offer(NAME, self._client.download)
        try:
            async with Api(self._settings) as api:
                while True:
                    await self._prove(api, place)
                    await self._doubt.wait()
                    place.report(NAME, _down(Unreachable(UNAUTHORISED)))
                    # LINE may refuse sends and still know us: do not ask it in a tight circle.
                    await asyncio.sleep(PAUSES[0])
                    self._doubt.clear()
        finally:
            await self._client.close()

    async def _prove(self, api: Api, place: Place) -> None:
        """Ask LINE who we are until it answers; meanwhile say why it does not."""
        for pause in chain(PAUSES, repeat(PAUSES[-1])):
            try:
                self._bot = (await api.bot()).user_id
            except Undeliverable as error:
                place.report(NAME, _down(error))
                await asyncio.sleep(pause)
            else:
                place.report(NAME, Health(Reach.UP))
                return


def _down(error: Undeliverable) -> Health:
    if isinstance(error, Unreachable):
        return Health(Reach.DOWN, UNAUTHORISED, "line-token-refused")
    return Health(Reach.DOWN, "unreachable", "line-unreachable")
