"""The worker loop: runs claimed jobs and due wakeups, and decides what a failure means.

A job that fails is tried again with doubling waits, then it is dead and waits for a person.
This is one of the few places where any error may be caught: it must not end the loop.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

import structlog

from bot.core import Core
from bot.errors import RetryLater, raised_at
from bot.reactions import wake
from storage import work
from storage.store import Store, Tx
from storage.work import JobRow, JobState, WakeupRow

log = structlog.get_logger()

MOST_TRIES = 8
WAKEUPS = 200
"""Wakeups handled in one tick."""


class Superseded(RuntimeError):
    """Another worker took the job over: this one's claim ran out, so nothing it wrote may stay."""


@dataclass(slots=True)
class Job:
    """A claimed job. A handler may `end` it in its own last transaction: both hold, or none."""

    id: int
    kind: str
    key: str
    payload: dict[str, Any]
    tries: int
    worker: str
    ended: bool = field(default=False)

    async def end(self, tx: Tx) -> None:
        """Mark the job done.

        Raises:
            Superseded: the claim is no longer ours; the transaction must not commit.
        """
        if not await tx.run(work.END_JOB, job_id=self.id, worker=self.worker):
            raise Superseded(self.kind)
        self.ended = True


Handle = Callable[[Job], Awaitable[None]]


async def run_job(core: Core, store: Store, handle: Handle, row: JobRow, worker: str) -> None:
    """Carry out one claimed job and record how it ended."""
    job = Job(row.id, row.kind, row.key, {}, row.tries, worker)
    try:
        if row.payload is not None:
            sealed = store.cipher.open(row.payload, f"job:{row.kind}:{row.key}")
            job.payload = json.loads(sealed)
        await handle(job)
        if not job.ended:
            await store.write(job.end)
    except Superseded:
        log.warning("job.superseded", kind=job.kind, row=job.id)
    except RetryLater as error:
        await store.write(partial(_retry, core, job, error.after, error.reason))
    except Exception as error:
        fault = type(error).__name__
        log.error("job.failed", kind=job.kind, row=job.id, fault=fault, at=raised_at(error))
        await store.write(partial(_retry, core, job, timedelta(seconds=2**job.tries), fault))


async def _retry(core: Core, job: Job, after: timedelta, fault: str, tx: Tx) -> None:
    dead = job.tries >= MOST_TRIES
    await tx.run(
        work.RETRY_JOB,
        job_id=job.id,
        worker=job.worker,
        state=JobState.DEAD if dead else JobState.OPEN,
        due=core.clock.now() + after,
        fault=fault,
    )


async def run_wakeups(core: Core, store: Store) -> int:
    """Do what is due; each wakeup and its end are one transaction. Return how many were due."""
    now = core.clock.now()
    due = await store.read(lambda tx: tx.all(work.DUE_WAKEUPS, now=now, limit=WAKEUPS))
    for row in due:
        try:
            await store.write(partial(_wake, core, row))
        except Exception as error:
            fault = type(error).__name__
            log.error("wakeup.failed", kind=row.kind, fault=fault, at=raised_at(error))
            await store.write(partial(_later, core, row))
    return len(due)


async def _wake(core: Core, row: WakeupRow, tx: Tx) -> None:
    # Ended first: two clocks that ring for one wakeup meet here, and one finds it gone.
    if await tx.run(work.END_WAKEUP, wakeup_id=row.id, due=row.due):
        await wake(core, tx, row)


async def _later(core: Core, row: WakeupRow, tx: Tx) -> None:
    await tx.run(work.MOVE_WAKEUP, wakeup_id=row.id, due=core.clock.now() + timedelta(minutes=1))
