"""The `table` engine: a claim loop over job rows; the default, on one process and SQLite."""

import asyncio
import json
from datetime import datetime, timedelta
from typing import Any

import structlog

from bot.core import Core
from jobs.tasks import Tasks
from jobs.worker import Handle, Job, run_job
from storage import work
from storage.store import Store, StoreError, Tx

log = structlog.get_logger()

LEASE = timedelta(seconds=30)
"""How long a claim holds; a worker that is gone loses its jobs after this."""
AT_ONCE = 16
"""Jobs carried out side by side."""
POLL_SECONDS = 0.5


class TableEngine:
    """Runs jobs from the application's own table."""

    def __init__(self, core: Core, store: Store, worker: str) -> None:
        """`worker` is stable over restarts: a process frees its own old claims at once."""
        self.core, self.store, self.worker = core, store, worker
        self._handlers: dict[str, Handle] = {}
        self._due = asyncio.Event()
        self._tasks = Tasks()

    def handler(self, kind: str, handle: Handle) -> None:
        """Say what carries out jobs of this kind."""
        self._handlers[kind] = handle

    async def enqueue(
        self, tx: Tx, kind: str, key: str, payload: dict[str, Any], due: datetime
    ) -> None:
        """Add a job inside the caller's transaction; the same (kind, key) is added once."""
        await tx.one(
            work.ADD_JOB,
            kind=kind,
            key=key,
            member_id=payload.get("fields", payload).get("member_id"),
            payload=tx.cipher.seal(json.dumps(payload), f"job:{kind}:{key}"),
            due=due,
        )
        tx.after_commit(self._due.set)

    async def work(self) -> None:
        """Claim and carry out jobs until cancelled; a store that is down is asked again."""
        freed = False
        while True:
            self._due.clear()
            try:
                if not freed:
                    await self.store.write(lambda tx: tx.run(work.FREE_CLAIMS, worker=self.worker))
                    freed = True
                if await self.step():
                    continue
            except StoreError:
                log.warning("jobs.store_down")
            await self._nap()

    async def _nap(self) -> None:
        """Wait for a job of this process, or a moment: others may have added one."""
        try:
            async with asyncio.timeout(POLL_SECONDS):
                await self._due.wait()
        except TimeoutError:
            return

    async def step(self) -> int:
        """Claim what is due and see it through; return how many jobs that was."""
        now = self.core.clock.now()
        rows = await self.store.write(
            lambda tx: tx.all(
                work.CLAIM, now=now, limit=AT_ONCE, worker=self.worker, until=now + LEASE
            )
        )
        running = [
            self._tasks.start(
                run_job(
                    self.core,
                    self.store,
                    self._handlers.get(row.kind, _unknown),
                    row,
                    self.worker,
                )
            )
            for row in rows
        ]
        if running:
            # Not `gather`: a process that stops lets its jobs end instead of cancelling them.
            await asyncio.wait(running)
        return len(rows)

    async def finish(self, seconds: float) -> None:
        """Let running jobs end; their claims are freed at the next start if they do not."""
        await self._tasks.finish(seconds)

    async def stats(self) -> dict[str, int]:
        """Return counts of open, done and dead jobs."""
        counts = await self.store.read(lambda tx: tx.all(work.COUNT_JOBS))
        found: dict[str, int] = {}
        for row in counts:
            found[row.state.value] = found.get(row.state.value, 0) + row.total
        return found


async def _unknown(job: Job) -> None:
    """Fail a job whose kind no feature carries out any more: one row must not stop the others."""
    raise LookupError(job.kind)
