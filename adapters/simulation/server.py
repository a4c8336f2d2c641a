"""Runs a platform's other side on the loopback interface."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

_HOST = "127.0.0.1"
_GOODBYE_SECONDS = 1.0


@asynccontextmanager
async def serving(app: web.Application, port: int = 0) -> AsyncIterator[str]:
    """Serve `app` on 127.0.0.1 while the context is open and give its URL.

    Args:
        app: the application.
        port: 0 takes any free port; a fixed one lets a platform come back where it was.

    Raises:
        OSError: the port is taken.
    """
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_GOODBYE_SECONDS)
    await runner.setup()
    try:
        await web.TCPSite(runner, _HOST, port).start()
        _, bound, *_ = runner.addresses[0]
        yield f"http://{_HOST}:{bound}"
    finally:
        await runner.cleanup()
