"""Journey C6: a process dies in the middle of a broadcast, and the next one knows how many follow."""

import asyncio
from pathlib import Path

import pytest

import jobs.broadcast
from bot.adapter import Delivery, Receipt
from jobs.tasks import Tasks
from tests.unit.sending import Stage, sending


async def die_after_the_first_chunk(stage: Stage) -> None:
    """Let LINE accept one chunk, and this life never hear of it."""
    adapter, accepted = stage.core.adapters["line"], asyncio.Event()
    send = adapter.send

    async def never_heard(delivery: Delivery) -> Receipt:
        await send(delivery)
        accepted.set()
        await asyncio.Event().wait()
        raise AssertionError

    adapter.send = never_heard  # type: ignore[method-assign]
    settling = Tasks().start(stage.settle())
    await accepted.wait()
    settling.cancel()
    await stage.broadcaster.tasks.cancel()
    await stage.bot.runtime.stop()


async def test_after_a_crash_managers_hear_once_how_many_follow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs.broadcast, "AT_ONCE", 1)
    async with sending(tmp_path, 902) as stage:
        await stage.launch("お知らせ")
        await die_after_the_first_chunk(stage)
        assert sum(stage.got) == 500
        for told in (["再開しました：続き402人「お試し会」"], []):
            async with sending(tmp_path, key=stage.bot.key, line=stage.line) as again:
                await again.broadcaster.take_up()
                await again.settle()
                assert again.alerts == told
        assert stage.got == [1] * 902
        assert (stage.line.totals.doubled, stage.line.totals.repeated) == (0, 1)
