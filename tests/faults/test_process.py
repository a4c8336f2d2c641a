"""Starting, stopping, and two on one file (trust C5, C11)."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from adapters.line.simulator.simulator import LineSimulator
from tests.faults.die import said, settled
from tests.faults.home import REFUSED, Home, Life
from tests.faults.rows import counts

OUTCOMES = "SELECT state, count(*) FROM outbox GROUP BY state"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path).settle_in()


@asynccontextmanager
async def serving(home: Home, **settings: object) -> AsyncIterator[tuple[LineSimulator, Life]]:
    async with home.simulator(**settings) as line:
        life = await Life(home, line.url).ready()
        yield line, life
        await life.kill()


async def test_the_real_command_serves_and_ends_with_0_on_sigterm(home: Home) -> None:
    async with home.simulator() as line:
        process = await asyncio.create_subprocess_exec(
            Path(sys.executable).with_name("hiroba"),
            "serve",
            "--port",
            "0",
            env={**os.environ, **home.env(line.url)},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert process.stdout is not None
        announced = (await asyncio.wait_for(process.stdout.readline(), 30)).decode()
        assert announced.startswith("hiroba listens on http://127.0.0.1:")
        line.webhook = f"{announced.split()[-1]}/line/webhook"
        hanako = line.member("hanako")
        await said(hanako, hanako.follow())
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 10) == 0


async def test_a_second_process_on_one_file_refuses_with_2(home: Home) -> None:
    async with serving(home) as (line, first):
        second = Life(home, line.url)
        assert await second.ended() == REFUSED
        assert "another process serves" in home.log.read_text()
        hanako = line.member("hanako")
        await said(hanako, hanako.follow())
        assert first.process.is_alive()


async def test_after_kill_9_the_next_start_works_at_once(home: Home) -> None:
    async with serving(home) as (line, first):
        await first.kill()
        second = await Life(home, line.url).ready()
        hanako = line.member("hanako")
        await said(hanako, hanako.follow())
        assert await second.stop() == 0


async def test_sigterm_lets_what_is_carried_come_to_its_end(home: Home) -> None:
    async with serving(home) as (line, life):
        hanako = line.member("hanako")
        line.latency = 1.0  # the reply is on its way when the signal comes
        assert (await hanako.follow()).statuses == (200,)
        assert not hanako.inbox
        began = asyncio.get_running_loop().time()
        assert await life.stop() == 0
        assert asyncio.get_running_loop().time() - began < 10
        assert len(hanako.inbox) == 1
    assert counts(home.database, OUTCOMES) == {"sent": 1}


async def test_sigterm_answers_the_request_that_is_being_read(home: Home) -> None:
    async with serving(home) as (line, life):
        hanako = line.member("hanako")
        event = hanako.followed()
        body = line.body([event])
        head = (
            f"POST /line/webhook HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n"
            f"x-line-signature: {line.sign(body)}\r\n\r\n"
        )
        reader, writer = await asyncio.open_connection("127.0.0.1", home.port)
        writer.write(head.encode() + body[:10])
        await writer.drain()
        await asyncio.sleep(0.1)
        life.process.terminate()
        await asyncio.sleep(0.3)
        writer.write(body[10:])
        await writer.drain()
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        writer.close()
        assert await life.ended() == 0
    assert counts(home.database, "SELECT state, count(*) FROM inbox GROUP BY state") == {"done": 1}


async def test_what_a_death_left_unsent_is_said_before_anything_newer(home: Home) -> None:
    async with serving(home) as (line, life):
        hanako = line.member("hanako")
        line.latency = 5.0
        await hanako.follow()
        await life.kill()
        line.latency = 0.0
        second = await Life(home, line.url).ready()
        await hanako.say("メニュー")
        assert "ようこそ" in (await hanako.next()).text
        assert "メニュー" in (await hanako.next()).text
        await second.kill()


async def test_sigterm_then_sigkill_loses_and_doubles_nothing(home: Home) -> None:
    async with serving(home) as (line, life):
        hanako = line.member("hanako")
        line.latency = 0.5
        await hanako.follow()
        life.process.terminate()
        await asyncio.sleep(0.05)
        await life.kill()
        line.latency = 0.0
        second = await Life(home, line.url).ready()
        await hanako.next(10)
        await settled(home)
        assert await second.stop() == 0
        assert len(hanako.inbox) == 1


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("HIROBA_SECRET_KEYS", "", "HIROBA_SECRET_KEYS"),
        ("LINE_CHANNEL_SECRET", "", "LINE_CHANNEL_SECRET"),
        ("LINE_CHANNEL_SECRET", "changeme", "LINE_CHANNEL_SECRET"),
    ],
)
async def test_a_bad_secret_refuses_the_start(
    home: Home, name: str, value: str, words: str
) -> None:
    home.more = {name: value}
    assert await Life(home, "http://127.0.0.1:1").ended() == REFUSED
    assert words in home.log.read_text()


async def test_a_foreign_key_refuses_the_start_and_leaves_the_file_alone(home: Home) -> None:
    async with serving(home) as (_, life):
        await life.stop()
        other = Home(home.folder, port=home.port)
        assert await Life(other, "http://127.0.0.1:1").ended() == REFUSED
        assert "does not open this database" in home.log.read_text()
        assert await (await Life(home, "http://127.0.0.1:1").ready()).stop() == 0
