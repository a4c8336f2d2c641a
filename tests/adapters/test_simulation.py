"""What all simulators share: a clock to move, two ways of counting, a server on loopback."""

from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from aiohttp import web

from adapters.simulation.clock import Clock, standstill
from adapters.simulation.rates import FixedWindow, TokenBucket
from adapters.simulation.server import serving

NOON = datetime(2026, 12, 20, 3, 0, tzinfo=UTC)


def test_a_clock_stands_until_it_is_moved() -> None:
    clock = Clock(NOON, tick=standstill)
    assert (clock.now(), clock.seconds()) == (NOON, 0.0)
    clock.advance(61.5)
    assert (clock.now(), clock.seconds()) == (NOON + timedelta(seconds=61.5), 61.5)
    clock.set(NOON + timedelta(days=1))
    assert clock.seconds() == 86_400.0


def test_setting_a_clock_back_takes_no_time_back() -> None:
    clock = Clock(NOON, tick=standstill)
    clock.advance(10.0)
    clock.set(NOON - timedelta(hours=1))
    assert (clock.now(), clock.seconds()) == (NOON - timedelta(hours=1), 10.0)
    with pytest.raises(ValueError, match="forwards"):
        clock.advance(-1.0)


def test_a_clock_runs_with_its_tick() -> None:
    ticks = iter([100.0, 103.5])
    assert Clock(NOON, tick=lambda: next(ticks)).now() == NOON + timedelta(seconds=3.5)
    assert abs(Clock().now() - Clock().now()) < timedelta(seconds=1)


def test_a_bucket_refills_evenly() -> None:
    clock = Clock(NOON, tick=standstill)
    bucket = TokenBucket(2, 1.0, clock.seconds)
    assert [bucket.take() for _ in range(3)] == [0.0, 0.0, 0.5]
    clock.advance(0.5)
    assert [bucket.take() for _ in range(2)] == [0.0, 0.5]
    clock.advance(60.0)
    assert [bucket.take() for _ in range(3)] == [0.0, 0.0, 0.5]


def test_a_window_opens_with_its_first_request() -> None:
    clock = Clock(NOON, tick=standstill)
    window = FixedWindow(2, 5.0, clock.seconds)
    assert [window.take() for _ in range(3)] == [0.0, 0.0, 5.0]
    clock.advance(4.0)
    assert window.take() == 1.0
    clock.advance(1.0)
    assert window.take() == 0.0


async def test_a_server_lives_as_long_as_its_context() -> None:
    async def hello(_request: web.Request) -> web.Response:
        return web.Response(text="hello")

    app = web.Application()
    app.router.add_get("/", hello)
    async with aiohttp.ClientSession() as session:
        async with serving(app) as url, session.get(url) as response:
            assert url.startswith("http://127.0.0.1:")
            assert await response.text() == "hello"
        with pytest.raises(aiohttp.ClientConnectionError):
            await session.get(url)
