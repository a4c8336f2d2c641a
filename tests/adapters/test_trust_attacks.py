"""trust.md, attacks on the front door (W8, W9, W11–W13), over sockets; W12 on a whole process."""

import asyncio
import base64
import gzip
import hmac
import os
import random
import re
import socket
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from adapters.line.front import BODY_BYTES
from adapters.line.simulator.other_side import LineSide, open_side
from tests.adapters.line_door import SAMPLES
from tests.adapters.live import empty_database, environment, live_bot
from tests.adapters.test_line_front_attacks import exchange, head, mutated
from tests.adapters.world import World, world

pytestmark = pytest.mark.asyncio(loop_scope="module")

HIROBA = Path(sys.executable).parent / "hiroba"
MEGABYTE = 1 << 20


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def live(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with world("line", tmp_path_factory.mktemp("line")) as opened:
        yield opened


def line(live: World) -> LineSide:
    assert isinstance(live.side, LineSide)
    return live.side


def signature(secret: str, body: bytes) -> str:
    return base64.b64encode(hmac.digest(secret.encode(), body, "sha256")).decode()


def odd_signatures(good: str, other: str) -> dict[str, tuple[bytes, ...]]:
    """Return lists of `x-line-signature` header lines that must not open the door."""
    header = b"X-Line-Signature: "
    return {
        "absent": (),
        "empty": (header,),
        "two, one of them right": (header + good.encode(), header + b"x"),
        "twice the right one": (header + good.encode(),) * 2,
        "cut": (header + good[:-1].encode(),),
        "with a prefix": (header + b"sha256=" + good.encode(),),
        "in hexadecimal": (header + base64.b64decode(good).hex().encode(),),
        "not base64": (header + b"!" * 44,),
        "not ASCII": (header + "署名".encode(),),
        "in lower case": (header + good.lower().encode(),),
        "of another body": (header + other.encode(),),
        "of the empty secret": (header + signature("", b"{}").encode(),),
        "under another name": (b"X-Hub-Signature: " + good.encode(),),
        "folded over two lines": (header + good[:20].encode(), b" " + good[20:].encode()),
    }


NAMES = sorted(odd_signatures("AAAA", ""))


@pytest.mark.parametrize("name", NAMES)
async def test_w8_an_odd_signature_opens_nothing(live: World, name: str) -> None:
    simulator = line(live).line
    before = live.bot.count("inbox")
    body = simulator.body([simulator.member(f"w8 {name}").followed()])
    odd = odd_signatures(simulator.sign(body), simulator.sign(body + b" "))[name]
    lines = [f"Content-Length: {len(body)}".encode(), *odd]
    start = b"\r\n".join([b"POST /line/webhook HTTP/1.1", b"Host: hiroba", *lines, b"", b""])
    status = await exchange(port(live), start + body)
    # The server itself refuses a folded header before anybody reads it.
    assert re.search(rb" 40[01] ", status), status
    assert live.bot.count("inbox") == before


def port(live: World) -> int:
    return int(live.bot.url.rpartition(":")[2])


async def test_w9_a_body_of_another_channel_is_refused_or_without_effect(live: World) -> None:
    who = line(live).line.member("w9")
    event = who.followed()
    assert await live.side.forge(event) == 401
    assert live.stored(event) == []
    assert await live.side.deliver(event, foreign=True) == 200
    assert live.stored(event) == [("quarantined", "foreign")]
    assert live.bot.count("account", "user_id = ?", who.user_id) == 0


async def test_w11_both_secrets_open_during_the_change_and_only_the_new_one_after(
    tmp_path: Path,
) -> None:
    async with open_side() as side:
        old, new = side.line.secret, "a-brand-new-channel-secret"
        for accepted, opens in ((f"{new},{old}", [200, 200]), (new, [200, 401])):
            env = {**side.env, "LINE_CHANNEL_SECRET": accepted}
            async with live_bot(tmp_path, env) as bot:
                side.meet(bot.url)
                statuses = []
                for secret in (new, old):
                    side.line.secret = secret
                    statuses.append(await side.deliver(side.line.member("w11").said("メニュー")))
            assert statuses == opens


async def test_w13_two_thousand_broken_bodies_never_give_an_error(live: World) -> None:
    """Signed ones are kept, in quarantine where they are broken; 20,000 are for `make faults`."""
    seed = random.SystemRandom().randrange(2**32)
    statuses = await fuzz(live, bodies=1_000, seed=seed)
    assert statuses == {("signed", 200): 1_000, ("unsigned", 401): 1_000}, f"seed {seed}"
    await live.bot.quiet()
    assert live.bot.count("inbox", "state IN ('open', 'dead')") == 0, f"seed {seed}"


async def fuzz(live: World, *, bodies: int, seed: int) -> Counter[tuple[str, int]]:
    """Send broken bodies, each once signed and once not; count what is answered."""
    simulator, chance = line(live).line, random.Random(seed)
    whole = list(SAMPLES.values())
    statuses: Counter[tuple[str, int]] = Counter()
    for _ in range(bodies):
        body = mutated(chance, chance.choice(whole))
        statuses["signed", (await simulator.post_raw(body)).status] += 1
        wrong = {"x-line-signature": signature("nobody's secret", body)}
        statuses["unsigned", (await simulator.post_raw(body, wrong)).status] += 1
    return statuses


DEEP = b"[" * 100_000 + b"]" * 100_000
NO_WEBHOOKS = {
    "nothing": b"",
    "a byte order mark": b"\xef\xbb\xbf{}",
    "bad UTF-8": b'{"destination": "\xff"}',
    "a cut object": b'{"destination": "U", "events": [',
    "deep nesting": DEEP,
    "a huge number": b'{"events": ' + b"9" * 5_000 + b"}",
    "NaN": b'{"destination": "U", "events": [NaN]}',
    "another root": b"[]",
    "a page": b"<html></html>",
}


@pytest.mark.parametrize("name", NO_WEBHOOKS)
async def test_w13_a_signed_body_that_is_no_webhook_goes_to_quarantine(
    live: World, name: str
) -> None:
    body = NO_WEBHOOKS[name]
    assert (await line(live).line.post_raw(body)).status == 200
    # By its key, because the fuzz of the same module may have sent the same bytes before.
    (element,) = live.side.elements(body)
    assert live.bot.count("inbox", "state = 'quarantined' AND key = ?", element.key) == 1


# ── W12: a whole process ─────────────────────────────────────────────────────────────────────


@asynccontextmanager
async def served(folder: Path, side: LineSide) -> AsyncIterator[tuple[int, psutil.Process]]:
    """Run `hiroba serve`; yields its port and its process."""
    env = {**os.environ, **environment(folder, side.env)}
    (folder / "hiroba.db").write_bytes(empty_database())
    pipe = asyncio.subprocess.PIPE
    with (folder / "serve.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            HIROBA, "serve", "--port", "0", env=env, cwd=folder, stdout=pipe, stderr=log
        )
        assert process.stdout is not None
        try:
            said = await asyncio.wait_for(process.stdout.readline(), 30)
            listens = re.search(rb":(\d+)", said)
            assert listens, (folder / "serve.log").read_text(encoding="utf-8")
            yield int(listens[1]), psutil.Process(process.pid)
        finally:
            process.terminate()
            assert await asyncio.wait_for(process.wait(), 20) == 0


def attacks(body: bytes, good: str) -> dict[str, tuple[bytes, ...]]:
    """Return what is written to the socket, piece by piece."""
    signed = f"X-Line-Signature: {good}"
    chunk = b"100000\r\n" + b"x" * MEGABYTE + b"\r\n"
    bomb = gzip.compress(b"\0" * 50 * MEGABYTE)
    line = b"X-Header: " + b"x" * 90 + b"\r\n"
    first = b"POST /line/webhook HTTP/1.1\r\n"
    many = [f"X-Header-{number}: {'x' * 40}" for number in range(10_000)]
    return {
        "one byte over": (head(f"Content-Length: {BODY_BYTES + 1}"), b" " * (BODY_BYTES + 1)),
        "a hundred megabytes": (
            head(f"Content-Length: {100 * MEGABYTE}"),
            *[b"x" * MEGABYTE] * 100,
        ),
        "chunks without end": (head("Transfer-Encoding: chunked"), *[chunk] * 100),
        "a gzip bomb": (head(f"Content-Length: {len(bomb)}", "Content-Encoding: gzip"), bomb),
        "ten thousand headers": (head(f"Content-Length: {len(body)}", signed, *many), body),
        "a thousand short headers": (head(signed, *[f"X-{n}: x" for n in range(1_000)]), body),
        "headers without end": (first, *[line * 10_000] * 100),
        "a header without end": (first + b"X-Header: ", *[b"x" * MEGABYTE] * 100),
        "a path without end": (b"POST /", *[b"x" * MEGABYTE] * 100),
    }


async def attack(at: int, *pieces: bytes, pause: float = 0) -> bytes:
    """Write pieces until somebody answers, and return the status line.

    An attacker who does not listen loses the answer to the reset that follows it, so this one
    listens while it writes.
    """
    loop = asyncio.get_running_loop()
    with socket.socket() as own:
        own.setblocking(False)  # noqa: FBT003  that is how sockets say it
        await loop.sock_connect(own, ("127.0.0.1", at))
        answer = asyncio.ensure_future(loop.sock_recv(own, 1_000))  # noqa: TID251  awaited below
        with suppress(ConnectionError):
            for piece in pieces:
                if answer.done():
                    break
                await loop.sock_sendall(own, piece)
                await asyncio.sleep(pause)
        return await asyncio.wait_for(answer, 15)


async def drip(at: int) -> bytes:
    """Send a byte twice a second until somebody gives up."""
    return await attack(at, head("Content-Length: 1000"), *[b"{"] * 30, pause=0.5)


async def test_w12_huge_and_slow_bodies_cost_nothing_and_others_are_served(tmp_path: Path) -> None:
    async with open_side() as side, served(tmp_path, side) as (at, process):
        side.meet(f"http://127.0.0.1:{at}")
        warm = side.line.member("w12")
        await warm.follow()
        await warm.next()
        before = process.memory_info().rss
        body = side.line.body([warm.said("メニュー")])
        slow = asyncio.gather(*[drip(at) for _ in range(5)])
        for name, pieces in attacks(body, side.line.sign(body)).items():
            status = await attack(at, *pieces)
            assert re.search(rb"^HTTP/1.1 4\d\d ", status), (name, status)
            assert await side.deliver(warm.said("メニュー")) == 200, name
            await warm.next()
        assert {answer.split()[1] for answer in await slow} == {b"408"}
        assert await side.deliver(warm.said("メニュー")) == 200
        assert process.memory_info().rss - before < 20 * MEGABYTE
