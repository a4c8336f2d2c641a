"""The month is asked before each chunk and promised once; and a bulk lane leaves its share."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from bot.adapter import Quota
from jobs.permits import Permits
from jobs.quota import Gate
from tests.unit.desk import LIMITS, DeskDoor
from tests.unit.running import Bot, running
from tests.unit.sending import unlimited


class Metered(DeskDoor):
    """A platform whose month stands as the test says; each question takes a moment."""

    def __init__(self, limit: int | None) -> None:
        super().__init__("line", LIMITS)
        self.limit, self.used, self.asked = limit, 0, 0

    async def quota(self) -> Quota:
        self.asked += 1
        used = self.used
        await asyncio.sleep(0.01)
        return Quota(self.limit, used)


async def send(gate: Gate, door: Metered, wanted: int) -> int:
    granted = await gate.take(wanted)
    await asyncio.sleep(0.02)
    door.used += granted
    await asyncio.sleep(0.01)
    await gate.give_back(granted)
    return granted


@pytest.mark.parametrize(("limit", "sent"), [(None, 1_002), (5_000, 1_002), (700, 700), (0, 0)])
async def test_nothing_is_promised_twice(tmp_path: Path, limit: int | None, sent: int) -> None:
    async with running(tmp_path) as bot:
        unlimited(bot.core)
        door = Metered(limit)
        gate = Gate(bot.core, bot.store, door)
        chunks = [500, 500, 2]
        granted = await asyncio.gather(*[send(gate, door, size) for size in chunks])
        assert sum(granted) == door.used == sent
        assert door.asked >= len(chunks)


async def test_our_own_count_and_the_file_bind_too(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        unlimited(bot.core, limit=100)
        assert await Gate(bot.core, bot.store, Metered(None)).take(500) == 100
        assert await Gate(bot.core, bot.store, Metered(40)).take(500) == 40
        free = Metered(1)
        free.limits = replace(LIMITS, push_counts=False)
        assert await Gate(bot.core, bot.store, free).take(500) == 500
        assert free.asked == 0


async def test_answers_to_people_keep_their_share(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        own = Permits(bot.store, bot.clock, "line", 500)
        bulk = Permits(bot.store, bot.clock, "line/bulk", 400, own)
        taken = {"bulk": 0, "own": 0}

        async def keep_taking(name: str, permits: Permits) -> None:
            while True:
                await permits.take()
                taken[name] += 1

        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.5):
                await asyncio.gather(
                    *[keep_taking("bulk", bulk) for _ in range(50)],
                    answer_now_and_then(own, taken),
                )
        assert taken["bulk"] <= 400 * (1.5 + 0.2) + 2 * 40
        assert taken["own"] >= 15


async def answer_now_and_then(own: Permits, taken: dict[str, int]) -> None:
    """Answer someone every 20 ms or so, and never wait long for it."""
    loop = asyncio.get_running_loop()
    while True:
        began = loop.time()
        await own.take()
        assert loop.time() - began < 0.5
        taken["own"] += 1
        await asyncio.sleep(0.02)


async def test_many_workers_reserve_at_one_row(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        await answered(bot)


async def answered(bot: Bot) -> None:
    workers = [Permits(bot.store, bot.clock, "x", 100) for _ in range(8)]
    began = asyncio.get_running_loop().time()
    await asyncio.gather(*[worker.take() for worker in workers])
    # Eight batches of ten are 0.8 s of the rate, of which 0.2 s may run ahead.
    assert asyncio.get_running_loop().time() - began > 0.7 - 0.2 - 0.05
