"""The HTTP surface: health, readiness, metrics, pictures, and the routes platforms mount."""

import hmac
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from bot.adapter import Endpoint

PICTURES = {".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png"}
"""What is served from the community's media folder, by file name."""
FORWARDED = ("x-forwarded-for", "forwarded", "x-real-ip")
"""Headers by which a proxy says whom it speaks for."""


class Surface(FastAPI):
    """The application; webhooks pass by its five middlewares, of which they use none."""

    def __init__(self) -> None:
        # No page documents it to strangers.
        super().__init__(title="Hiroba", docs_url=None, redoc_url=None, openapi_url=None)
        self.doors: dict[tuple[str, str], Endpoint] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        door = self.doors.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if door is None:
            await super().__call__(scope, receive, send)
        else:
            response = await door(Request(scope, receive, send))
            await response(scope, receive, send)


class Routes:
    """The application and the routes that platforms add while it runs."""

    def __init__(self, app: Surface) -> None:
        self.app = app

    def mount(self, path: str, endpoint: Endpoint, methods: Sequence[str]) -> None:
        """Serve `endpoint` at `path`: nothing stands before the front door."""
        self.app.doors.update({(method, path): endpoint for method in methods})
        # The route says 405 to other methods.
        self.app.router.routes.append(Route(path, endpoint, methods=list(methods)))


@dataclass(frozen=True, slots=True)
class Inside:
    """What the pages ask of the process behind them.

    `ready` gives (ready, details); `metrics` Prometheus text; `picture` a member's picture
    (bytes, content type) by its unguessable id, None when it is gone.
    """

    ready: Callable[[], Awaitable[tuple[bool, Mapping[str, str]]]]
    metrics: Callable[[], Awaitable[bytes]]
    picture: Callable[[str], Awaitable[tuple[bytes, str] | None]]
    media: Path
    metrics_token: str


def build(inside: Inside) -> Surface:
    """Make the application with its own pages."""
    app = Surface()
    pages = _Pages(inside)
    app.router.routes.extend(
        [
            Route("/healthz", pages.healthz),
            Route("/readyz", pages.readyz),
            Route("/metrics", pages.metrics),
            Route("/media/member/{name}", pages.picture),
            Route("/media/{name}", pages.asset),
        ]
    )
    return app


class _Pages:
    def __init__(self, inside: Inside) -> None:
        self.inside = inside

    async def healthz(self, _: Request) -> Response:
        """The process runs."""
        return JSONResponse({"status": "ok"})

    async def readyz(self, _: Request) -> Response:
        """200 only when the database, its schema and every platform's credentials are accepted."""
        ready, details = await self.inside.ready()
        return JSONResponse(dict(details), status_code=200 if ready else 503)

    async def metrics(self, request: Request) -> Response:
        """Prometheus text, for this machine or with the token."""
        if not self._may_see(request):
            return PlainTextResponse("forbidden\n", status_code=403)
        return Response(await self.inside.metrics(), media_type="text/plain; version=0.0.4")

    def _may_see(self, request: Request) -> bool:
        token = self.inside.metrics_token
        if token:
            given = request.headers.get("authorization", "").removeprefix("Bearer ")
            return hmac.compare_digest(given.encode(), token.encode())
        if any(header in request.headers for header in FORWARDED):
            # A proxy on this machine brings the whole world from a loopback address.
            return False
        host = request.client.host if request.client else ""
        return host != "" and ip_address(host).is_loopback

    async def picture(self, request: Request) -> Response:
        """A member's picture."""
        found = await self.inside.picture(request.path_params["name"].removesuffix(".jpg"))
        if found is None:
            return PlainTextResponse("gone\n", status_code=404)
        content, kind = found
        headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "private, no-store"}
        return Response(content, media_type=kind, headers=headers)

    async def asset(self, request: Request) -> Response:
        """A picture of the community's own media folder."""
        path = self.inside.media / request.path_params["name"]
        kind = PICTURES.get(path.suffix.lower())
        # The name has no slash (the route takes one segment), but `..` would be a segment.
        if kind is None or path.parent != self.inside.media or not path.is_file():
            return PlainTextResponse("not found\n", status_code=404)
        return FileResponse(path, media_type=kind, headers={"X-Content-Type-Options": "nosniff"})
