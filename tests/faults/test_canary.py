"""After 消して nothing of a member is findable; before it, nothing in a log or a stolen file."""

import asyncio
from pathlib import Path
from random import Random

import aiohttp

from adapters.line.simulator.simulator import LineSimulator
from adapters.simulation.faults import Fault, FaultScript, Harm
from tests.faults.canary import SURVEY, Canary, break_on_boom
from tests.faults.die import said
from tests.faults.home import Home, Life, user_id
from tests.faults.rows import everything, spellings

IN_CLEAR = ("LINE id", "number", "day", "one", "tag", "many", "message")
"""What the file may show without keys: ids to route by, and what figures are counted from."""


def found(values: dict[str, str], raw: bytes) -> list[str]:
    return [name for name, value in values.items() if any(s in raw for s in spellings(value))]


def files(home: Home, *ends: str) -> bytes:
    paths = [home.database.with_name(home.database.name + end) for end in ends]
    return b"".join(path.read_bytes() for path in paths if path.exists())


async def test_a_life_leaves_nothing_behind(tmp_path: Path) -> None:
    home = Home(tmp_path, managers=user_id("manager")).settle_in()
    home.more = {"HIROBA_PUBLIC_URL": "https://bot.example"}
    (home.community / "surveys" / "canary.toml").write_text(SURVEY)
    async with home.simulator(http_media=True) as line:
        life = await Life(home, line.url, break_on_boom).ready()
        taro = line.member("taro")
        await said(taro, taro.follow())
        canary = Canary(line.member("canary"))
        shown = await _live(home, line, canary)
        _hidden(home, canary)
        await _erased(line, canary)
        assert await _vanished(home, canary.values, shown[200:400]) == []
        await life.stop()
        assert found(canary.values, everything(home.folder, home.key)) == []
        assert found({"taro": taro.user_id}, files(home, "")) == ["taro"]  # only the canary is gone
    assert home.sound() == "ok"


async def _live(home: Home, line: LineSimulator, canary: Canary) -> bytes:
    """Live a whole life, with failures; return the picture as it was shown to the managers."""
    manager = line.member("manager", friend=True)
    await canary.join()
    await canary.answer()
    await canary.introduce()
    while not (manager.inbox and manager.inbox[-1].images):
        await manager.next(20)
    shown = await _picture(home, manager.inbox[-1].images[0])
    await canary.fail()
    assert len(canary.values) >= 40
    return shown


def _hidden(home: Home, canary: Canary) -> None:
    """See that all of it is there, sealed: nothing in a log, nothing in a stolen file."""
    values = canary.values
    held = everything(home.folder, home.key)
    # The search finds what is there, sealed or not: else 0 findings would mean nothing.
    there = {"nickname", "short", "long", "introduction", "number", "LINE id", "boom", "malformed"}
    assert there <= set(found(values, held))
    assert found(values, home.log.read_bytes()) == []
    stolen = found(values, files(home, "", "-wal", "-shm"))
    assert [name for name in stolen if not name.startswith(IN_CLEAR)] == []
    assert not any(picture in held for picture in canary.pictures)  # redrawn, not kept


async def _erased(line: LineSimulator, canary: Canary) -> None:
    """Leave while a reply still waits for a minute."""
    refused = Fault(harm=Harm.REFUSE, status=401, path="/v2/bot/message/reply", times=1)
    line.faults = FaultScript([refused], Random(0))
    await canary.shout(canary.member.said("メニュー"))
    await canary.leave()


async def _vanished(home: Home, values: dict[str, str], picture: bytes) -> list[str]:
    """Look for up to a minute; return what is still there."""
    left: list[str] = []
    for _ in range(120):
        raw = everything(home.folder, home.key)
        left = found(values, raw) + (["picture"] if picture in raw else [])
        if not left:
            break
        await asyncio.sleep(0.5)
    return left


async def _picture(home: Home, address: str) -> bytes:
    path = address.removeprefix("https://bot.example")
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{home.port}{path}") as response,
    ):
        assert response.status == 200
        return await response.read()
