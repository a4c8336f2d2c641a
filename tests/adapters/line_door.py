"""Before and behind LINE's front door: bodies, signatures, a server, and a place that remembers."""

import asyncio
import base64
import hmac
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Message

from adapters.line import receive as module
from adapters.line.front import FrontDoor
from bot.adapter import Element, Endpoint, Health, Reach

FOLDER = Path(module.__file__).parent / "samples"
SAMPLES = {path.stem: path.read_bytes() for path in sorted(FOLDER.glob("*.json"))}
BOT = "U" + "b07c0de5" * 4
NEW, OLD = b"the-newest-secret-of-two", b"the-oldest-secret-of-two"
NOW = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)


@dataclass
class Stage:
    """The place behind the adapter: remembers what it was given, or fails as told."""

    offset: timedelta = timedelta()
    public_url: str = ""
    failure: Exception | None = None
    kept: list[Element] = field(default_factory=list)
    mounted: dict[str, Endpoint] = field(default_factory=dict)
    downloads: dict[str, Callable[[str], Awaitable[bytes]]] = field(default_factory=dict)
    health: asyncio.Queue[Health] = field(default_factory=asyncio.Queue)

    async def accept(self, platform: str, elements: Sequence[Element]) -> None:
        assert platform == "line"
        if self.failure is not None:
            raise self.failure
        self.kept += elements

    def mount(self, path: str, endpoint: Endpoint, methods: Sequence[str] = ("POST",)) -> None:
        assert methods == ("POST",)
        self.mounted[path] = endpoint

    def report(self, platform: str, health: Health) -> None:
        assert platform == "line"
        self.health.put_nowait(health)

    def offer(self, platform: str, download: Callable[[str], Awaitable[bytes]]) -> None:
        self.downloads[platform] = download

    async def reports(self) -> Health:
        return await asyncio.wait_for(self.health.get(), 5)

    async def reaches(self, *expected: Reach) -> None:
        assert [(await self.reports()).reach for _ in expected] == list(expected)


def signature(body: bytes, secret: bytes = NEW) -> bytes:
    return base64.b64encode(hmac.digest(secret, body, "sha256"))


def event(**changes: object) -> dict[str, Any]:
    return {**json.loads(SAMPLES["message_text"])["events"][0], **changes}


def webhook(*events: object, destination: object = BOT) -> bytes:
    return json.dumps({"destination": destination, "events": events}).encode()


async def post(endpoint: Endpoint, body: bytes, *signatures: bytes) -> int:
    """Hand one request to an endpoint as an ASGI server would, and return the status."""

    async def more() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    headers = [(b"x-line-signature", one) for one in signatures]
    request = Request({"type": "http", "method": "POST", "headers": headers}, more)
    return int((await endpoint(request)).status_code)


async def knock(door: FrontDoor, body: bytes, *signatures: bytes) -> int:
    return await post(door.answer, body, *signatures)


async def signed(door: FrontDoor, body: bytes) -> int:
    return await knock(door, body, signature(body))


@asynccontextmanager
async def listening(routes: Mapping[str, Endpoint]) -> AsyncIterator[int]:
    """Serve endpoints over a real socket, as `hiroba serve` does; yields the port."""
    app = Starlette(routes=[Route(path, end, methods=["POST"]) for path, end in routes.items()])
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", ws="none", lifespan="off"))
    # Listening before the server runs: the first caller waits in the backlog.
    with socket.create_server(("127.0.0.1", 0)) as bound:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(server.serve(sockets=[bound]))
            yield bound.getsockname()[1]
            server.should_exit = True
