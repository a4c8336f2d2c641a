"""The one place where background tasks are born, so that none is forgotten or fails unseen."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

log = structlog.get_logger()


class Tasks:
    """A set of running tasks; a task that fails is logged, and all end together."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        """Return how many tasks run."""
        return len(self._running)

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Start a task and keep it until it ends."""
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("task.failed", fault=type(task.exception()).__name__)

    async def idle(self) -> None:
        """Return when no task runs, those included that start meanwhile."""
        while self._running:
            await asyncio.wait(set(self._running))

    async def next(self, seconds: float) -> None:
        """Return when a task ends, or after so many seconds."""
        if self._running:
            ends = asyncio.FIRST_COMPLETED
            await asyncio.wait(set(self._running), timeout=seconds, return_when=ends)
        else:
            await asyncio.sleep(seconds)

    async def finish(self, seconds: float) -> None:
        """Wait for the running tasks, then cancel what is left."""
        if self._running:
            await asyncio.wait(set(self._running), timeout=seconds)
        await self.cancel()

    async def cancel(self) -> None:
        """Cancel what still runs and wait for it to end."""
        running = set(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
