"""Nothing makes LINE's front door fall: broken bodies, endless bodies, callers that hang up."""

import asyncio
import random
from contextlib import suppress

import pytest

from adapters.line.front import BODY_BYTES, PATH, FrontDoor
from adapters.line.receive import receive
from bot.errors import Malformed
from tests.adapters.line_door import (
    BOT,
    NEW,
    NOW,
    OLD,
    SAMPLES,
    Stage,
    event,
    knock,
    listening,
    signature,
    signed,
    webhook,
)

BODY = webhook(event())
GOOD = signature(BODY)


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
def door(stage: Stage) -> FrontDoor:
    return FrontDoor((NEW, OLD), stage, NOW.timestamp, lambda: BOT, read_seconds=0.3)


ODD_VALUES = [
    b"null",
    b"[]",
    b"{}",
    b'""',
    b"-1",
    b"true",
    b'"\\u0000"',
    b"NaN",
    b"1e999",
    b"9" * 400,
]


def mutated(chance: random.Random, body: bytes) -> bytes:
    """Break a body in one of the ways that bodies break."""
    at = chance.randrange(len(body))
    value = body.find(b":", at) + 1
    deep = chance.randrange(2_000)
    ways = [
        body[:at],
        body[:at] + chance.randbytes(chance.randrange(1, 9)) + body[at:],
        body[:at] + body[at + chance.randrange(1, 40) :],
        body[:at] + bytes([body[at] ^ 1 << chance.randrange(8)]) + body[at + 1 :],
        body[:at] + b"\\ud800" + body[at:],
        body[:value] + chance.choice(ODD_VALUES) + body[body.find(b",", value) :],
        body[:value] + b"[" * deep + b"1" + b"]" * deep + body[body.find(b",", value) :],
        body.replace(b'"type"', b'"tipe"', chance.randrange(1, 4)),
    ]
    return chance.choice(ways)


async def test_two_thousand_broken_bodies_never_make_it_fall(door: FrontDoor, stage: Stage) -> None:
    seed = random.SystemRandom().randrange(2**32)
    chance = random.Random(seed)
    whole = list(SAMPLES.values())
    for number in range(2_000):
        body = mutated(chance, chance.choice(whole))
        assert await knock(door, body, chance.randbytes(44)) == 401, f"seed {seed} body {number}"
        assert stage.kept == []
        assert await signed(door, body) == 200, f"seed {seed} body {number}"
        for element in stage.kept:
            assert element.key
            assert element.lane
            if not element.fault:
                # Malformed goes to quarantine later; nothing else may come out.
                with suppress(Malformed):
                    receive(element.raw)
        stage.kept.clear()


async def exchange(port: int, *pieces: bytes, pause: float = 0) -> bytes:
    """Send pieces over a raw socket and return the status line."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        with suppress(ConnectionError):  # The door hangs up on whoever does not stop.
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(pause)
        return await asyncio.wait_for(reader.readline(), 5)
    finally:
        writer.close()


def head(*lines: str) -> bytes:
    first = ("POST /line/webhook HTTP/1.1", "Host: hiroba")
    return "\r\n".join((*first, *lines, "", "")).encode()


async def test_over_a_socket_bodies_are_bounded_in_size_and_time(
    door: FrontDoor, stage: Stage
) -> None:
    good = head(f"Content-Length: {len(BODY)}", f"X-Line-Signature: {GOOD.decode()}")
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    async with listening({PATH: door.answer}) as port:
        assert b" 200 " in await exchange(port, good + BODY)
        over = head(f"Content-Length: {BODY_BYTES + 1}") + b" " * (BODY_BYTES + 1)
        assert b" 413 " in await exchange(port, over)
        endless = head("Transfer-Encoding: chunked")
        assert b" 413 " in await exchange(port, endless, *[chunk] * (BODY_BYTES // 0x10000 + 1))
        assert b" 408 " in await exchange(port, good, *[b"{"] * 4, pause=0.05)
        assert b" 408 " in await exchange(port, endless)
        assert b" 405 " in await exchange(port, good.replace(b"POST", b"GET", 1))
        assert b" 200 " in await exchange(port, good + BODY)
    assert len(stage.kept) == 2


async def test_a_caller_that_hangs_up_leaves_nothing_behind(door: FrontDoor, stage: Stage) -> None:
    async with listening({PATH: door.answer}) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head("Content-Length: 100") + b"{")
        await writer.drain()
        writer.close()
        await asyncio.sleep(0.05)
    assert stage.kept == []


async def test_a_body_of_exactly_the_limit_is_read(door: FrontDoor) -> None:
    assert await signed(door, BODY.ljust(BODY_BYTES)) == 200
    assert await signed(door, BODY.ljust(BODY_BYTES + 1)) == 413
