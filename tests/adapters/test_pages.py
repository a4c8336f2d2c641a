"""What the process shows over HTTP beside its webhooks: health, readiness, metrics, pictures."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from adapters.line.simulator.simulator import LineSimulator
from tests.adapters.live import LiveBot, held, live_bot, until

SECRET = "a-secret-of-32-characters-for-us"
TOKEN = "a-token-of-some-length-for-tests"
METRICS = "a-long-word-that-opens-the-metrics"


def env(line: LineSimulator, **more: str) -> dict[str, str]:
    return {
        "LINE_CHANNEL_SECRET": SECRET,
        "LINE_CHANNEL_ACCESS_TOKEN": TOKEN,
        "LINE_API_BASE": line.url,
        **more,
    }


@pytest.fixture
async def line() -> AsyncIterator[LineSimulator]:
    async with LineSimulator(secret=SECRET, token=TOKEN) as simulator:
        yield simulator


@pytest.fixture
async def bot(tmp_path: Path, line: LineSimulator) -> AsyncIterator[LiveBot]:
    async with live_bot(tmp_path, env(line)) as running:
        yield running


@pytest.fixture
async def web() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def status(web: aiohttp.ClientSession, url: str, **headers: str) -> int:
    async with web.get(url, headers=headers, allow_redirects=False) as answer:
        await answer.read()
        return answer.status


async def test_ready_only_while_everything_is_accepted(
    bot: LiveBot, line: LineSimulator, web: aiohttp.ClientSession
) -> None:
    assert await status(web, f"{bot.url}/healthz") == 200
    async with web.get(f"{bot.url}/readyz") as answer:
        assert answer.status == 200
        assert await answer.json() == {"line": "up", "database": "up"}
    line.token = "another"
    person = line.member("hanako")
    line.webhook = f"{bot.url}/line/webhook"
    await person.follow()
    await until(lambda: not bot.runtime.place.all_up)
    async with web.get(f"{bot.url}/readyz") as answer:
        assert answer.status == 503
        assert (await answer.json())["line"] == "down"
    assert await status(web, f"{bot.url}/healthz") == 200


async def test_reading_goes_on_while_somebody_holds_the_writer(
    bot: LiveBot, web: aiohttp.ClientSession
) -> None:
    with held(bot.database):
        assert await status(web, f"{bot.url}/readyz") == 200


async def test_metrics_count_without_naming_anyone(
    bot: LiveBot, line: LineSimulator, web: aiohttp.ClientSession
) -> None:
    line.webhook = f"{bot.url}/line/webhook"
    person = line.member("hanako")
    await person.follow()
    await bot.quiet()
    async with web.get(f"{bot.url}/metrics") as answer:
        assert answer.status == 200
        page = await answer.text()
    assert 'hiroba_intake_elements{outcome="done",platform="line"} 1.0' in page
    assert 'hiroba_outbox_messages{reason="",state="sent",way="reply"} 1.0' in page
    assert 'hiroba_platform_up{platform="line"} 1.0' in page
    assert person.user_id not in page


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
async def test_metrics_are_not_for_whoever_comes_through_a_proxy(
    bot: LiveBot, web: aiohttp.ClientSession, header: str
) -> None:
    assert await status(web, f"{bot.url}/metrics", **{header: "203.0.113.9"}) == 403


async def test_metrics_with_a_token_want_the_token(
    tmp_path: Path, line: LineSimulator, web: aiohttp.ClientSession
) -> None:
    async with live_bot(tmp_path, env(line, HIROBA_METRICS_TOKEN=METRICS)) as bot:
        page = f"{bot.url}/metrics"
        assert await status(web, page) == 403
        assert await status(web, page, Authorization="Bearer wrong") == 403
        assert await status(web, page, Authorization=f"Bearer {METRICS}") == 200


async def test_pictures_of_the_community_and_nothing_else(
    bot: LiveBot, web: aiohttp.ClientSession
) -> None:
    async with web.get(f"{bot.url}/media/coupon.png") as answer:
        assert answer.status == 200
        assert answer.content_type == "image/png"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    for name in ("../community.toml", "..%2Fcommunity.toml", "none.png", "member/0.jpg", ""):
        assert await status(web, f"{bot.url}/media/{name}") == 404


async def test_nobody_is_shown_how_it_is_built(bot: LiveBot, web: aiohttp.ClientSession) -> None:
    for page in ("docs", "redoc", "openapi.json", ""):
        assert await status(web, f"{bot.url}/{page}") == 404
