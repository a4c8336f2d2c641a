"""One LINE channel against the simulator: start, health, menu, doctor, and what it refuses."""

import asyncio
import contextlib
import io
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from random import Random
from uuid import UUID

import pytest
from PIL import Image

from adapters.line import channel as module
from adapters.line.adapter import PLATFORM
from adapters.line.api import Api
from adapters.line.doctor import diagnose
from adapters.line.front import PATH
from adapters.line.menu import PREFIX, Area, Menu, problems, publish
from adapters.line.settings import Settings
from adapters.line.simulator.simulator import LineSimulator
from adapters.simulation.faults import Fault, FaultScript, Harm
from bot.adapter import Adapter, Delivery, Health, Quota, Reach, Via
from bot.errors import Misconfigured, Rejected, RetryLater, Unreachable
from bot.events import Address
from tests.adapters.line_door import Stage, listening, post

SECRET, TOKEN = "a-channel-secret-of-32-characters", "a-channel-access-token"


def environment(base: str, token: str = TOKEN) -> dict[str, str]:
    return {
        "LINE_CHANNEL_SECRET": SECRET,
        "LINE_CHANNEL_ACCESS_TOKEN": token,
        "LINE_API_BASE": base,
    }


@pytest.fixture
async def line() -> AsyncIterator[LineSimulator]:
    async with LineSimulator(secret=SECRET, token=TOKEN) as simulator:
        yield simulator


@asynccontextmanager
async def running(adapter: Adapter) -> AsyncIterator[Stage]:
    stage = Stage()
    run = asyncio.get_running_loop().create_task(adapter.run(stage))
    try:
        yield stage
    finally:
        run.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await run


async def test_a_channel_that_line_accepts_is_up_and_hears(line: LineSimulator) -> None:
    async with running(PLATFORM.build(environment(line.url))) as stage:
        await stage.reaches(Reach.STARTING, Reach.UP)
        hanako = line.member("hanako")
        ours, foreign = (
            line.body([hanako.followed()]),
            line.body([hanako.followed()], "U" + "0" * 32),
        )
        for body in (ours, foreign):
            assert await post(stage.mounted[PATH], body, line.sign(body).encode()) == 200
        assert [element.fault for element in stage.kept] == ["", "foreign"]
        content = hanako.sent_image(b"\xff\xd8\xff")["message"]["id"]
        assert await stage.downloads["line"](content) == b"\xff\xd8\xff"


async def test_a_token_that_line_refuses_is_down_with_its_cure(line: LineSimulator) -> None:
    async with running(PLATFORM.build(environment(line.url, "another-token"))) as stage:
        await stage.reaches(Reach.STARTING)
        assert await stage.reports() == Health(Reach.DOWN, "unauthorised", "line-token-refused")


async def test_a_line_that_comes_later_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSES", (0.5,))
    async with LineSimulator(secret=SECRET, token=TOKEN) as line:
        port = int(line.url.rpartition(":")[2])
    async with running(PLATFORM.build(environment(f"http://127.0.0.1:{port}"))) as stage:
        await stage.reaches(Reach.STARTING)
        assert await stage.reports() == Health(Reach.DOWN, "unreachable", "line-unreachable")
        assert PATH in stage.mounted
        async with LineSimulator(secret=SECRET, token=TOKEN, port=port):
            await stage.reaches(Reach.UP)


async def test_a_token_that_is_revoked_later_is_noticed_by_the_next_send(
    line: LineSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAUSES", (0.01,))
    channel = PLATFORM.build(environment(line.url))
    delivery = Delivery(Address("line", None, "U1"), Via.PUSH, (), UUID(int=0))
    async with running(channel) as stage:
        await stage.reaches(Reach.STARTING, Reach.UP)
        revoked = Fault(harm=Harm.REFUSE, status=401, times=2)
        line.faults = FaultScript([revoked], Random(0))
        with pytest.raises(Unreachable, match="unauthorised"):
            await channel.send(delivery)
        await stage.reaches(Reach.DOWN, Reach.DOWN, Reach.UP)


def picture(width: int = 800, height: int = 400, kind: str = "PNG") -> bytes:
    drawn = io.BytesIO()
    Image.new("RGB", (width, height), "pink").save(drawn, kind)
    return drawn.getvalue()


MENU = Menu(
    chat_bar="メニュー",
    width=800,
    height=400,
    image=picture(),
    areas=(
        Area(0, 0, 400, 400, label="メニュー", says="メニュー"),
        Area(400, 0, 400, 400, label="公式サイト", opens="https://sakura.example/"),
    ),
)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
async def test_a_menu_is_shown_to_everyone_and_its_words_are_heard(
    line: LineSimulator, kind: str
) -> None:
    async with Api(Settings.read(environment(line.url))) as api:
        shown = await publish(api, replace(MENU, image=picture(kind=kind)))
    assert line.default_menu == shown
    assert line.menus[shown].definition["name"].startswith(PREFIX)
    tapped = line.member("hanako").tapped("メニュー")
    assert tapped["message"]["text"] == "メニュー"


async def test_publishing_again_changes_nothing(line: LineSimulator) -> None:
    async with Api(Settings.read(environment(line.url))) as api:
        first = await publish(api, MENU)
        before = len([call for call in line.log if call.method == "POST"])
        assert await publish(api, MENU) == first
    assert len([call for call in line.log if call.method == "POST"]) == before


async def test_our_older_menus_go_and_all_others_stay(line: LineSimulator) -> None:
    async with Api(Settings.read(environment(line.url))) as api:
        theirs = await api.create_menu({**definition(), "name": "shop"}, picture(), "image/png")
        await publish(api, MENU)
        newer = await publish(api, replace(MENU, chat_bar="ひらく"))
    assert line.menus.keys() == {theirs, newer}
    assert line.default_menu == newer


async def test_what_a_broken_try_left_is_deleted_by_the_next(line: LineSimulator) -> None:
    broken = Fault(harm=Harm.REFUSE, path="/v2/bot/user/all/richmenu/", times=1)
    line.faults = FaultScript([broken], Random(0))
    async with Api(Settings.read(environment(line.url))) as api:
        with pytest.raises(RetryLater):
            await publish(api, MENU)
        assert len(line.menus) == 1
        shown = await publish(api, MENU)
    assert line.menus.keys() == {shown}
    assert line.default_menu == shown


def definition() -> dict[str, object]:
    bounds = {"x": 0, "y": 0, "width": 800, "height": 400}
    action = {"type": "message", "label": "a", "text": "a"}
    return {
        "size": {"width": 800, "height": 400},
        "selected": True,
        "chatBarText": "a",
        "areas": [{"bounds": bounds, "action": action}],
    }


AREA = MENU.areas[0]


@pytest.mark.parametrize(
    ("menu", "count"),
    [
        (MENU, 0),
        (replace(MENU, chat_bar="あ" * 14), 0),
        (replace(MENU, chat_bar="あ" * 15), 1),
        (replace(MENU, chat_bar=""), 1),
        (replace(MENU, areas=(AREA,) * 20), 0),
        (replace(MENU, areas=(AREA,) * 21), 1),
        (replace(MENU, areas=()), 1),
        (replace(MENU, image=b"GIF89a"), 1),
        (replace(MENU, image=MENU.image.ljust(1_000_001)), 1),
        (replace(MENU, width=799), 2),
        (replace(MENU, height=600), 1),
        (replace(MENU, areas=(replace(AREA, width=801),)), 1),
        (replace(MENU, areas=(replace(AREA, x=-1),)), 1),
        (replace(MENU, areas=(replace(AREA, width=0),)), 1),
        (replace(MENU, areas=(replace(AREA, says=""),)), 1),
        (replace(MENU, areas=(replace(AREA, opens="https://a.example"),)), 1),
        (replace(MENU, areas=(replace(AREA, says="", opens="http://a.example"),)), 1),
        (replace(MENU, areas=(replace(AREA, says="あ" * 301),)), 1),
        (replace(MENU, chat_bar="", image=b"", areas=(replace(AREA, y=1),)), 3),
    ],
)
async def test_a_menu_that_line_would_refuse_is_refused_with_every_reason(
    line: LineSimulator, menu: Menu, count: int
) -> None:
    assert len(list(problems(menu))) == count
    if count:
        async with Api(Settings.read(environment(line.url))) as api:
            with pytest.raises(Misconfigured) as caught:
                await publish(api, menu)
        assert len(caught.value.problems) == count
        assert line.log == []


async def found(line: LineSimulator, public_url: str = "", token: str = TOKEN) -> dict[str, str]:
    settings = Settings.read(environment(line.url, token))
    findings = await diagnose(settings, public_url)
    return {finding.what: finding.cure if finding.ok is not True else "ok" for finding in findings}


REMINDED = {
    "greeting": "line-greeting-off",
    "auto_reply": "line-auto-reply-off",
    "redelivery": "line-redelivery-on",
}


async def test_the_doctor_finds_a_healthy_channel(line: LineSimulator) -> None:
    async with running(PLATFORM.build(environment(line.url))) as stage:
        await stage.reaches(Reach.STARTING, Reach.UP)
        async with listening(stage.mounted) as port:
            url = f"http://127.0.0.1:{port}"
            line.webhook = f"{url}{PATH}"
            assert await found(line, url) == {
                "token": "ok",
                "webhook_url": "ok",
                "webhook_use": "ok",
                "webhook_answers": "ok",
                "quota": "ok",
                **REMINDED,
            }


async def test_the_doctor_names_what_is_wrong(line: LineSimulator) -> None:
    assert await found(line, token="another") == {"token": "line-token-refused", **REMINDED}
    line.limit, line.used = 200, 200
    unset = await found(line)
    assert (unset["webhook_url"], unset["quota"]) == ("line-webhook-unset", "line-quota-spent")
    line.webhook = "http://127.0.0.1:9/line/webhook"
    elsewhere = await found(line, "https://hiroba.example")
    assert elsewhere["webhook_url"] == "line-webhook-elsewhere"
    assert elsewhere["webhook_answers"] == "line-webhook-silent"
    assert (await found(line))["webhook_url"] == "ok"


async def test_the_doctor_survives_a_line_that_is_down(line: LineSimulator) -> None:
    line.faults = FaultScript([Fault(harm=Harm.DROP)], Random(0))
    assert (await found(line))["token"] == "line-unreachable"


async def test_quota_and_loading_animation(line: LineSimulator) -> None:
    line.used = 31
    async with Api(Settings.read(environment(line.url))) as api:
        assert await api.quota() == Quota(None, 31)
        line.limit = 200
        assert await api.quota() == Quota(200, 31)
        await api.show_loading(line.member("hanako", friend=True).user_id)
        with pytest.raises(Rejected):
            await api.show_loading("nobody", seconds=7)


def test_the_constant_is_found_without_loading_any_client() -> None:
    code = "import sys, adapters.line.adapter; print(*sys.modules)"
    loaded = subprocess.check_output([sys.executable, "-c", code], text=True).split()
    assert "adapters.line.settings" in loaded
    assert not {"aiohttp", "linebot", "starlette", "regex"} & set(loaded)
