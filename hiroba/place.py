"""The place adapters work in: routes, the way into the inbox, health, and downloads."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

import structlog

from adapters.web.app import Routes
from bot.adapter import Element, Endpoint, Health, Reach
from bot.intake import Intake
from bot.ports import Clock

log = structlog.get_logger()

Download = Callable[[str], Awaitable[bytes]]


class Doorway:
    """One process's place; see `bot.adapter.Place`."""

    def __init__(self, intake: Intake, clock: Clock, routes: Routes, public_url: str) -> None:
        self.intake, self.clock, self.routes = intake, clock, routes
        self._public_url = public_url.rstrip("/")
        self.health: dict[str, Health] = {}
        self.downloads: dict[str, Download] = {}

    @property
    def offset(self) -> timedelta:
        """How far the community's clock runs ahead of the machine's."""
        return self.clock.offset

    @property
    def public_url(self) -> str:
        """The https address of this server, "" when there is none."""
        return self._public_url

    def mount(self, path: str, endpoint: Endpoint, methods: Sequence[str] = ("POST",)) -> None:
        """Serve `endpoint` at `path`."""
        self.routes.mount(path, endpoint, methods)

    async def accept(self, platform: str, elements: Sequence[Element]) -> None:
        """Store and normally handle elements; see `bot.intake.Intake.accept`."""
        await self.intake.accept(platform, elements)

    def report(self, platform: str, health: Health) -> None:
        """State a platform's health; a change is logged."""
        if self.health.get(platform) != health:
            log.info("platform.health", platform=platform, reach=health.reach, reason=health.reason)
        self.health[platform] = health

    def offer(self, platform: str, download: Download) -> None:
        """Offer a way to fetch received content."""
        self.downloads[platform] = download

    async def download(self, platform: str, attachment: str) -> bytes:
        """Fetch received content.

        Raises:
            LookupError: the platform offers none.
        """
        return await self.downloads[platform](attachment)

    @property
    def all_up(self) -> bool:
        """Whether every platform's credentials were accepted."""
        return all(health.reach is Reach.UP for health in self.health.values())
