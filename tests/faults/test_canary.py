"""After 消して nothing of a member is findable; before it, nothing in a log or a stolen file."""

import asyncio
from pathlib import Path
from random import Random

import aiohttp

from adapters.simulation.faults import Fault, FaultScript, Harm
from tests.faults.canary import SURVEY, Canary, break_on_boom
from tests.faults.die import said
from tests.faults.home import Home, Life, user_id
from tests.faults.rows import connected, everything, spellings

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
        manager, taro = line.member("manager", friend=True), line.member("taro")
        life = await Life(home, line.url, break_on_boom).ready()
        await said(taro, taro.follow())
        canary = Canary(line.member("canary"))
        await canary.join()
        await canary.answer()
        await canary.introduce()
        await manager.next(20)
        while not manager.inbox[-1].images:
            await manager.next(20)
        shown = await _picture(home, manager.inbox[-1].images[0])
        await canary.fail()
        values = canary.values
        assert len(values) >= 40

        held = everything(home.folder, home.key)
        seen = set(found(values, held))
        # The search finds what is there, sealed or not: else 0 findings would mean nothing.
        assert {"nickname", "short", "long", "introduction", "number", "LINE id", "boom"} <= seen
        assert found(values, home.log.read_bytes()) == []
        stolen = found(values, files(home, "", "-wal", "-shm"))
        assert [name for name in stolen if not name.startswith(IN_CLEAR)] == []
        assert not any(picture in held for picture in canary.pictures)  # redrawn, not kept

        refused = Fault(harm=Harm.REFUSE, status=401, path="/v2/bot/message/reply", times=1)
        line.faults = FaultScript([refused], Random(0))
        await canary.shout(canary.member.said("メニュー"))  # a reply that waits for a minute
        await canary.leave()
        left = await _vanished(home, values, shown[200:400])
        assert left == []
        await life.stop()
        assert found(values, everything(home.folder, home.key)) == []
        assert found({"taro": taro.user_id}, files(home, "")) == ["taro"]  # only the canary is gone
    with connected(home.database) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


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
