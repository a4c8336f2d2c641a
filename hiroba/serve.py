"""`hiroba serve` and `hiroba work`: the process that platforms talk to."""

import asyncio
import gc
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from bot.errors import Misconfigured
from hiroba.clock import Clock
from hiroba.http import BoundedHead
from hiroba.logs import configure
from hiroba.runtime import Runtime, load_community, start
from hiroba.settings import checked, environment, platforms

STOPPING = (signal.SIGTERM, signal.SIGINT)


class Server(uvicorn.Server):
    """uvicorn that says where it listens, and leaves the process alive after a signal.

    uvicorn raises a caught signal again once it has stopped; that would end the process before
    what is under way is carried to its end.
    """

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop gracefully at the first SIGTERM or SIGINT."""
        loop = asyncio.get_running_loop()
        for number in STOPPING:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield
        for number in STOPPING:
            loop.remove_signal_handler(number)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then say so."""
        await super().startup(sockets)
        for server in self.servers:
            host, port, *_ = server.sockets[0].getsockname()
            sys.stdout.write(f"hiroba listens on http://{host}:{port}\n")
            sys.stdout.flush()


async def open_runtime() -> Runtime:
    """Read settings, load definitions and put the process together.

    Raises:
        Misconfigured: with every problem and its cure.
    """
    configure()
    env = environment()
    settings = checked(env, serving=True)
    adapters = [platform.build(env) for platform in platforms() if platform.configured(env)]
    community = load_community(settings)
    return await start(settings, Clock(settings.clock_start), adapters, community)


async def serve(host: str, port: int, *, work: bool) -> None:
    """Serve until SIGTERM or SIGINT, then stop in order."""
    runtime = await open_runtime()
    # What start-up made lives as long as the process: the collector need not walk it again.
    gc.collect()
    gc.freeze()
    # An event makes a few hundred short-lived objects: look for cycles every dozen events.
    gc.set_threshold(20_000, 50, 50)
    config = uvicorn.Config(
        runtime.app,
        host=host,
        port=port,
        http=BoundedHead,
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
        timeout_keep_alive=30,
        proxy_headers=False,
    )
    server = Server(config)
    try:
        runtime.work(rings=work)
        await server.serve()
    finally:
        await runtime.stop()
    if not server.started:
        raise Misconfigured([f"port {port} on {host} cannot be used: choose another --port"])


async def work() -> None:
    """Do jobs until SIGTERM; on SQLite only when nobody serves."""
    runtime = await open_runtime()
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in STOPPING:
        loop.add_signal_handler(number, ended.set)
    try:
        runtime.work()
        await ended.wait()
    finally:
        await runtime.stop()
