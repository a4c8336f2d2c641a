"""LINE's other side over real sockets, for demos and tests: one channel, its API, its members.

    async with LineSimulator(secret=SECRET, token=TOKEN, webhook=bot_url) as line:
        hanako = line.member("hanako")
        await hanako.follow()
        greeting = await hanako.next()

The judge is what people saw: a bot's own records are never asked.
"""

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import aiohttp

from adapters.line.simulator.account import Account, RichMenus
from adapters.line.simulator.app import FrontDoor, Messages
from adapters.line.simulator.channel import Channel
from adapters.line.simulator.findings import Json
from adapters.line.simulator.inbox import Bond
from adapters.line.simulator.member import Member
from adapters.line.simulator.webhook import Answer, Outcome, Webhook
from adapters.simulation.server import serving


@dataclass(kw_only=True, eq=False)
class LineSimulator(Channel):
    """A running channel. Give bots `url` as the host of both LINE APIs (`LINE_API_BASE`)."""

    port: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.url = ""
        self._stack = AsyncExitStack()
        self._webhook: Webhook | None = None
        self._members: dict[str, Member] = {}

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            connector = aiohttp.TCPConnector(limit=0)
            session = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
            self._webhook = Webhook(self, session)
            app = FrontDoor(self).application()
            app.add_routes(Messages(self).routes())
            app.add_routes(Account(self, self._webhook).routes())
            app.add_routes(RichMenus(self).routes())
            self.url = await stack.enter_async_context(serving(app, self.port))
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stack.__aexit__(kind, error, traceback)

    def member(self, name: str, *, friend: bool = False) -> Member:
        """Return the member of that name; `friend` when they had followed before the bot came."""
        if name not in self._members:
            self._members[name] = Member(self, self._out, self.person(name))
        member = self._members[name]
        if friend:
            member.person.bond = Bond.FRIEND
        return member

    async def post(self, events: Sequence[Json], destination: str = "") -> Outcome:
        """Deliver events of any members in one body; redelivered as the settings say."""
        return await self._out.post(events, destination)

    async def post_copies(self, events: Sequence[Json], copies: int) -> list[Outcome]:
        """Deliver the same events `copies` times at once."""
        return await self._out.post_copies(events, copies)

    async def post_raw(self, body: bytes, headers: Mapping[str, str] | None = None) -> Answer:
        """Post any bytes with any headers; `headers` None signs them rightly."""
        return await self._out.send(body, headers)

    def body(self, events: Sequence[Json], destination: str = "") -> bytes:
        """Return the bytes of a body with `events`."""
        return self._out.body(events, destination)

    def sign(self, body: bytes) -> str:
        """Return the value of `x-line-signature` for `body`."""
        return self._out.sign(body)

    @property
    def _out(self) -> Webhook:
        if self._webhook is None:
            message = "the simulator runs inside `async with`"
            raise RuntimeError(message)
        return self._webhook
